"""Functions that several displays share: their images, labels and arguments."""

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from skcnn._images.containers import array_or_frame
from skcnn._images.forms import check_image_shape, image_batch, validate_images
from skcnn._images.scaling import pixel_scaling
from skcnn.display._texts import size_in_points
from skcnn.preprocessing import ImageReshaper

# Width divided by height. An image outside these limits is stretched to them: a row of
# a table, taken as an image one pixel high, would be a line.
LOWEST_AND_HIGHEST_ASPECT = (1 / 8, 8)

# Axes that are wider than this multiple of their height have room for two side by side.
LEAST_RATIO = 1.3


def as_images(X: Any, image_shape: Sequence[int] | None) -> np.ndarray:
    """Validate images in any form and return them with the shape of the images."""
    shape_holder = ImageReshaper()
    stated = None if image_shape is None else check_image_shape(image_shape)
    X = array_or_frame(X, shape_holder, stated)
    if X.shape[0] == 0:
        raise ValueError(
            "X holds no images, but a picture needs at least one. If X was selected "
            "from a larger array, look at the condition."
        )
    X = validate_images(shape_holder, X, reset=True, image_shape=image_shape)
    return image_batch(X, shape_holder.image_shape_)


def scaled_for_showing(rows: Iterable[Any]) -> list[np.ndarray]:
    """Return rows of images on one scale from 0 to 1, in the form that imshow takes."""
    rows = [np.asarray(row) for row in rows]
    images = np.concatenate(rows)
    image_shape = images.shape[1:]
    if len(image_shape) != 3 or image_shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"Images of shape {image_shape} cannot be shown: expected (height, width, "
            "channels) with 1 channel (gray), 3 (RGB) or 4 (RGBA). Pass some of the "
            "channels, as in X[..., :1]."
        )
    if images.dtype.kind != "f" or images.min() < 0 or images.max() > 1:
        offset, scale = pixel_scaling(images, image_shape, "unit", per_channel=False)
        images = (images - offset) / scale
    if image_shape[-1] == 1:
        images = images[..., 0]
    return np.split(images, np.cumsum([len(row) for row in rows[:-1]]))


def names_of_labels(labels: np.ndarray, display_labels: Any) -> dict[Any, str]:
    """Return the name to write for each of the sorted labels."""
    if display_labels is None:
        return {label: str(label) for label in labels}
    names = [str(name) for name in display_labels]
    if labels.dtype.kind in "iu" and labels[0] >= 0 and labels[-1] < len(names):
        return {label: names[label] for label in labels}
    if len(names) != len(labels):
        raise ValueError(
            f"Got {len(names)} display_labels for the {len(labels)} classes of y, "
            f"from {labels[0]!s} to {labels[-1]!s}: expected a name for each of them, "
            "in sorted order."
        )
    return dict(zip(labels, names, strict=True))


def check_positive(value: Any, name: str) -> None:
    """Raise if an argument is not a positive integer."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"Got {name}={value!r}, but expected a positive integer.")


def aspect_of(image_shape: Sequence[int]) -> float:
    """Return the width of an image as it is drawn, divided by its height."""
    height, width = image_shape[:2]
    return float(np.clip(width / height, *LOWEST_AND_HIGHEST_ASPECT))


def two_axes_in_place_of(ax: Any) -> np.ndarray:
    """Hide axes and return two in their place: side by side if there is room."""
    width, height = size_in_points(ax)
    return axes_in_place_of(ax, *((1, 2) if width > LEAST_RATIO * height else (2, 1)))


def axes_in_place_of(ax: Any, n_rows: int, n_columns: int, **ratios: Any) -> np.ndarray:
    """Hide axes and return new ones in their place, in an array of one dimension."""
    from matplotlib.gridspec import GridSpec

    ax.set_axis_off()
    cell = ax.get_subplotspec()
    if cell is None:  # Axes that were placed by hand are in no grid.
        box = ax.get_position()
        sides = {"left": box.x0, "right": box.x1, "bottom": box.y0, "top": box.y1}
        cell = GridSpec(1, 1, ax.figure, **sides)[0]
    grid = cell.subgridspec(n_rows, n_columns, **ratios)
    places = [grid[i, j] for i in range(n_rows) for j in range(n_columns)]
    return np.array([ax.figure.add_subplot(place) for place in places])
