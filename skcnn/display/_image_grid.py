"""A grid of images with their labels."""

from itertools import chain
from math import ceil, sqrt
from numbers import Integral

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from skcnn._containers import array_or_frame, labels_in
from skcnn._images import check_image_shape, image_batch, validate_images
from skcnn._pixels import pixel_scaling
from skcnn.preprocessing import ImageReshaper

# Lengths are in heights of an image, so that a grid looks alike at every size.
GAP = 0.08
TITLE_HEIGHT = 0.24
TITLE_FONT = 0.17
ROW_LABEL_FONT = 0.2
LONGEST_ROW_LABEL = 3
# How much smaller a font may get to make the longest text fit before it is cut.
SMALLEST_PART = 0.7
# In points: text is drawn larger in relation to images that are too small for it.
SMALLEST_FONT, LARGEST_FONT = 6, 12
LARGEST_MAGNIFICATION = 3
POINTS_OF_AN_INCH = 72
# Width by height. Rows of a table, taken as images one pixel high, would be lines.
LOWEST_AND_HIGHEST_ASPECT = (1 / 8, 8)
# Up to so many labelled rows stand below each other; more are put side by side.
ROWS_OF_A_BLOCK = 20


class ImageGridDisplay:
    """Grid of images with their labels.

    It is recommended to use :meth:`from_data` to create an `ImageGridDisplay`. All
    parameters are stored as attributes.

    Parameters
    ----------
    rows : list of array-like of shape (n_i, height, width, channels)
        The images of each row of the grid, with 1 (grey), 3 (RGB) or 4 (RGBA) channels.
        Rows may differ in length.
    titles : list of list of str, default=None
        What to write above each image, laid out as `rows`; several lines are possible.
    row_labels : list of str, default=None
        What to write to the left of each row.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the grid.
    figure_ : matplotlib Figure
        Figure containing the grid.

    See Also
    --------
    ImageGridDisplay.from_data : Draw a grid of the first images, or of some images of
        every class.
    skcnn.datasets.split_by_label : The images of every class.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from skcnn.display import ImageGridDisplay
    >>> digits = load_digits()
    >>> ImageGridDisplay.from_data(digits.images, digits.target, per_class=8)
    <...>
    >>> plt.show()
    """

    def __init__(self, rows, *, titles=None, row_labels=None):
        self.rows = rows
        self.titles = titles
        self.row_labels = row_labels

    @classmethod
    def from_data(
        cls,
        X,
        y=None,
        *,
        per_class=None,
        display_labels=None,
        max_images=25,
        image_shape=None,
        ax=None,
    ):
        """Draw a grid of the first images, or of some images of every class.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images of any integer or floating dtype, with 1 (grey), 3 (RGB) or 4 (RGBA)
            channels. Whole-number pixels are shown on the scale 0..255 (0..65535 if one
            is larger), floating ones on the scale 0..1 or, if one is outside, from
            the smallest to the largest pixel shown.
        y : array-like of shape (n,), default=None
            Labels, written above the images.
        per_class : int, default=None
            If given, every class has a row, in sorted order, with its first `per_class`
            images and its name to the left. Needs `y`.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes: of the sorted labels found in `y` or, if `y` holds
            whole numbers from 0 to ``n_classes - 1``, of these numbers, even if not
            all of them occur. By default the labels themselves are written.
        max_images : int, default=25
            How many images to show, the first ones, if `per_class` is `None`.
        image_shape : tuple of 2 or 3 int, default=None
            ``(height, width)`` or ``(height, width, channels)`` of flat rows. With
            `None`, they are taken as square images of one or three channels if their
            length allows it, else as one row of pixels.
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : ImageGridDisplay
            Object that stores what was drawn.

        Raises
        ------
        ValueError
            If there are no images, if they have no shape that can be shown, if `y` or
            `display_labels` does not fit, or if `per_class` is given without `y`.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_digits
        >>> from skcnn.display import ImageGridDisplay
        >>> digits = load_digits()
        >>> ImageGridDisplay.from_data(digits.images, digits.target)
        <...>
        >>> plt.show()
        """
        _check_positive(max_images, "max_images")
        images = _as_images(X, image_shape)
        if y is None:
            if per_class is not None:
                raise ValueError(
                    f"Got per_class={per_class!r} without y, but the images of a class "
                    "are found by their labels: pass y."
                )
            if display_labels is not None:
                raise ValueError(
                    "Got display_labels without y, but they are names of labels: "
                    "pass y."
                )
        else:
            y = column_or_1d(labels_in(y))
            check_consistent_length(images, y)
            labels = np.unique(y)
            names = _names_of(labels, display_labels)

        if per_class is None:
            shown = min(max_images, len(images))
            # As many as make the grid about square.
            n_columns = ceil(sqrt(shown / _aspect(images.shape[1:])))
            starts = range(0, shown, n_columns)
            picks = [np.arange(i, min(i + n_columns, shown)) for i in starts]
            titles = None if y is None else [[names[y[i]] for i in p] for p in picks]
            row_labels = None
        else:
            _check_positive(per_class, "per_class")
            picks = [np.flatnonzero(y == label)[:per_class] for label in labels]
            titles = None
            row_labels = list(names.values())
        rows = [images[pick] for pick in picks]
        return cls(rows, titles=titles, row_labels=row_labels).plot(ax)

    def plot(self, ax=None):
        """Draw the grid.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : ImageGridDisplay
            Object that stores what was drawn.
        """
        import matplotlib.pyplot as plt

        rows = _scale_for_showing(self.rows)
        aspect = _aspect(rows[0].shape[1:])
        n_columns = max(len(row) for row in rows)
        n_lines = 0
        if self.titles is not None:
            n_lines = max(title.count("\n") + 1 for title in chain(*self.titles))
        magnification = 1.0
        if ax is not None:
            magnification = _legible_magnification(
                ax, n_columns * aspect, len(rows), n_lines
            )

        title_height = 0.0
        if self.titles is not None:
            title_height = magnification * TITLE_HEIGHT * n_lines
            titles, title_font = _fit_in(
                self.titles, aspect + GAP / 2, magnification * TITLE_FONT
            )
        step_x, step_y = aspect + GAP, title_height + 1 + GAP

        label_width, block_rows = 0, len(rows)
        if self.row_labels is not None:
            [row_labels], label_font = _fit_in(
                [self.row_labels],
                magnification * LONGEST_ROW_LABEL,
                magnification * ROW_LABEL_FONT,
            )
            label_width = max(_text_width(label) for label in row_labels) * label_font
            label_width += 2 * GAP
        block_width = label_width + n_columns * step_x
        if self.row_labels is not None:
            rows_of_a_square = sqrt(len(rows) * block_width / step_y)
            n_blocks = ceil(len(rows) / max(ROWS_OF_A_BLOCK, rows_of_a_square))
            block_rows = ceil(len(rows) / n_blocks)
        grid_width = ceil(len(rows) / block_rows) * block_width - GAP
        grid_height = block_rows * step_y - GAP

        if ax is None:
            longer = max(grid_width, grid_height)
            inches = np.clip(10 / longer, 0.5, max(0.8, 2 / longer))
            size = (grid_width * inches + 0.1, grid_height * inches + 0.1)
            _, ax = plt.subplots(figsize=size, layout="constrained")
            points = inches * POINTS_OF_AN_INCH
        else:
            points = _points_in(ax, grid_width, grid_height)

        def write(x, y, text, font, **alignment):
            size = min(font * points, LARGEST_FONT)
            ax.text(x, y, text, size=size, parse_math=False, **alignment)

        for i, row in enumerate(rows):
            block, row_of_block = divmod(i, block_rows)
            first_left = block * block_width + label_width
            top = row_of_block * step_y + title_height
            for j, image in enumerate(row):
                left = first_left + j * step_x
                extent = (left, left + aspect, top + 1, top)
                ax.imshow(image, cmap="gray", vmin=0, vmax=1, extent=extent)
                if self.titles is not None:
                    middle = left + aspect / 2
                    for k, line in enumerate(titles[i][j].split("\n"), start=1):
                        baseline = top - title_height * (1 - (k - 0.25) / n_lines)
                        write(middle, baseline, line, title_font, ha="center")
            if self.row_labels is not None:
                right, middle = first_left - GAP, top + 0.5
                write(right, middle, row_labels[i], label_font, ha="right", va="center")
        ax.set(xlim=(0, grid_width), ylim=(grid_height, 0), xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        self.ax_ = ax
        self.figure_ = ax.figure
        return self


def _as_images(X, image_shape):
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


def _scale_for_showing(rows):
    """Return the rows of images in [0, 1], all on one scale, as imshow takes them."""
    images = np.concatenate([np.asarray(row) for row in rows])
    image_shape = images.shape[1:]
    if len(image_shape) != 3 or image_shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"Images of shape {image_shape} cannot be shown: expected (height, width, "
            "channels) with 1 channel (grey), 3 (RGB) or 4 (RGBA). Pass some of the "
            "channels, as in X[..., :1]."
        )
    if images.dtype.kind != "f" or images.min() < 0 or images.max() > 1:
        offset, scale = pixel_scaling(images, image_shape, "unit", per_channel=False)
        images = (images - offset) / scale
    if image_shape[-1] == 1:
        images = images[..., 0]
    return np.split(images, np.cumsum([len(row) for row in rows[:-1]]))


def _names_of(labels, display_labels):
    """Map the sorted labels to the names to write."""
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


def _check_positive(value, name):
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"Got {name}={value!r}, but expected a positive integer.")


def _aspect(image_shape):
    height, width = image_shape[:2]
    return float(np.clip(width / height, *LOWEST_AND_HIGHEST_ASPECT))


def _points_in(ax, width, height):
    """Return how many points the unit of length has if a grid fills the axes."""
    box = ax.get_window_extent()
    pixels = min(box.width / width, box.height / height)
    return pixels / ax.figure.dpi * POINTS_OF_AN_INCH


def _legible_magnification(ax, width, n_rows, n_lines):
    """Return how much larger titles have to be drawn to be legible, within reason."""
    for magnification in np.linspace(1, LARGEST_MAGNIFICATION, 21):
        height = n_rows * (1 + magnification * TITLE_HEIGHT * n_lines)
        font = magnification * TITLE_FONT * _points_in(ax, width, height)
        if font >= SMALLEST_FONT:
            break
    return magnification


def _text_width(text):
    """Return the width of a text in parts of the size of its font."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    size = 100
    return (
        max(
            text_to_path.get_text_width_height_descent(
                line, FontProperties(size=size), ismath=False
            )[0]
            for line in text.split("\n")
        )
        / size
    )


def _fit_in(rows_of_texts, width, font):
    """Make texts smaller and, if that is not enough, cut those still too long."""
    longest = max(_text_width(text) for text in chain(*rows_of_texts))
    if longest * font > width:
        font = max(width / longest, SMALLEST_PART * font)
    return [[_cut(text, width / font) for text in row] for row in rows_of_texts], font


def _cut(text, width):
    return "\n".join(_cut_line(line, width) for line in text.split("\n"))


def _cut_line(text, width):
    whole = _text_width(text)
    if whole <= width:
        return text
    text = text[: int(len(text) * width / whole)]
    while len(text) > 1 and _text_width(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"
