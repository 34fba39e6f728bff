"""An image with a map beside it that shows what in the image counts for a class."""

from typing import Any, Self

import numpy as np

from skcnn._messages.wording import listed
from skcnn.display._images import as_images, scaled_for_showing, two_axes_in_place_of
from skcnn.display._texts import at_most, size_in_points, wrapped

# How opaque the map is where it is strongest, and the darkest and lightest gray of the
# image below it: the edges of the image stay visible, and the colors of the map, too.
OPACITY = 0.75
DARKEST, LIGHTEST = 0.25, 0.85

TITLE_SIZE = 10  # in points


class _ImageMapDisplay:
    """Base class of the displays of one image and a map of the same size.

    Subclasses define the attribute that holds the map, and what its values are.
    """

    image: Any
    probability: float
    label: str
    _map: str
    _values: str

    def plot(self, ax: Any = None) -> Self:
        """Draw the image, and the map beside it.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes that two new ones replace. If `None`, a figure is created.

        Returns
        -------
        display : object of the same class
            Object that stores what was drawn.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            figure, axes = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
        else:
            figure, axes = ax.figure, two_axes_in_place_of(ax)
        original, covered = axes
        [[shown]] = scaled_for_showing([np.asarray(self.image)[None]])
        original.imshow(shown, cmap="gray", vmin=0, vmax=1)
        original.set_title("image", fontsize=TITLE_SIZE)
        if shown.ndim == 3:  # in gray, because the map has colors
            shown = shown[..., :3].mean(axis=-1)
        gray = DARKEST + (LIGHTEST - DARKEST) * shown
        covered.imshow(gray, cmap="gray", vmin=0, vmax=1)
        values = np.asarray(getattr(self, self._map))
        largest = max(np.abs(values).max(), 1e-3)
        overlay = covered.imshow(
            values,
            cmap="PuOr_r",
            vmin=-largest,
            vmax=largest,
            # Transparent where the value is 0.
            alpha=OPACITY * np.abs(values) / largest,
        )
        bar: Any = figure.colorbar(overlay, ax=covered, shrink=0.8)
        bar.solids.set_alpha(1)
        # Below the map: beside the bar, the words of small axes would leave the figure.
        covered.set_xlabel(self._values, fontsize="small", labelpad=1)
        title = wrapped(
            f"{at_most(self.label)}: {self.probability:.0%}",
            size_in_points(original)[0] / TITLE_SIZE,
        )
        covered.set_title("\n".join(title), fontsize=TITLE_SIZE, parse_math=False)
        for one in axes:
            one.set(xticks=[], yticks=[])
        self.axes_ = axes
        self.figure_ = figure
        return self


def one_image(X: Any, image_shape: tuple[int, ...] | None) -> np.ndarray:
    """Validate one image in any form, and return it in an array of length 1."""
    images = as_images(X, image_shape)
    if len(images) != 1:
        raise ValueError(
            f"Got {len(images)} images, but one is explained at a time: pass "
            "X[i : i + 1]."
        )
    return images


def index_of(label: Any, classes: np.ndarray, probabilities: np.ndarray) -> int:
    """Return the index of a label among the classes; that of the likeliest for None."""
    if label is None:
        return int(probabilities.argmax())
    if label not in classes.tolist():
        raise ValueError(f"Got label={label!r}, but the classes are {listed(classes)}.")
    return classes.tolist().index(label)
