"""A grid of images with their labels."""

from itertools import chain
from math import ceil, sqrt
from typing import Any, Self

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d

from skcnn._images.containers import labels_in
from skcnn.display._images import (
    as_images,
    aspect_of,
    check_positive,
    names_of_labels,
    scaled_for_showing,
)
from skcnn.display._texts import POINTS_PER_INCH, size_in_points, text_width

# Lengths in units of the height of an image, so that a grid looks alike at every size.
GAP = 0.08
TITLE_HEIGHT = 0.24
TITLE_FONT = 0.17
ROW_LABEL_FONT = 0.2
LONGEST_ROW_LABEL = 3
# A font may shrink by this factor to make the longest text fit. Texts that are still
# too long are cut.
SMALLEST_FACTOR = 0.7
# Font sizes in points. On small axes, texts are enlarged relative to the images until
# the font has the smallest size, but by this factor at most.
SMALLEST_FONT, LARGEST_FONT = 6, 12
LARGEST_MAGNIFICATION = 3
# A block has at least this many labeled rows below each other; more rows may be split
# into blocks that stand side by side.
ROWS_OF_A_BLOCK = 20


class ImageGridDisplay:
    """Grid of images with their labels.

    It is recommended to use :meth:`from_data` to create an `ImageGridDisplay`. All
    parameters are stored as attributes.

    Parameters
    ----------
    rows : list of array-like of shape (n_i, height, width, channels)
        The images of each row of the grid, with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
        Rows may differ in length.
    titles : list of list of str, default=None
        Title above each image, arranged like `rows`. A title may have several lines.
    row_labels : list of str, default=None
        Label to the left of each row.

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
    skcnn.datasets.split_by_label : Separate images by their labels.

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

    def __init__(
        self,
        rows: list[Any],
        *,
        titles: list[list[str]] | None = None,
        row_labels: list[str] | None = None,
    ):
        self.rows = rows
        self.titles = titles
        self.row_labels = row_labels

    @classmethod
    def from_data(
        cls,
        X: Any,
        y: Any = None,
        *,
        per_class: int | None = None,
        display_labels: Any = None,
        max_images: int = 25,
        image_shape: tuple[int, ...] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw a grid of the first images, or of some images of every class.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images of any integer or floating dtype, with 1 (gray), 3 (RGB) or 4 (RGBA)
            channels. Integer pixels are shown on the scale 0..255 (0..65535 if one
            is larger), floating-point pixels on the scale 0..1 or, if one is outside,
            from the smallest to the largest pixel shown.
        y : array-like of shape (n,), default=None
            Labels, written above the images.
        per_class : int, default=None
            Number of images of each class. If given, each class has a row, in sorted
            order, with its first images and its name to the left. Needs `y`.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes: of the sorted labels in `y` or, if `y` holds integers
            from 0 to ``n_classes - 1``, of these integers, even if not all of them
            occur. By default the labels themselves are written.
        max_images : int, default=25
            Number of images to show at most, from the first one on. Only used if
            `per_class` is `None`.
        image_shape : tuple of 2 or 3 int, default=None
            ``(height, width)`` or ``(height, width, channels)`` of flat rows. With
            `None`, a flat row is a square image with one or three channels if its
            length allows it, else one row of pixels.
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
        check_positive(max_images, "max_images")
        images = as_images(X, image_shape)
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
            names = names_of_labels(labels, display_labels)

        if per_class is None:
            shown = min(max_images, len(images))
            # This number of columns makes the grid about square.
            n_columns = ceil(sqrt(shown / aspect_of(images.shape[1:])))
            starts = range(0, shown, n_columns)
            picks = [np.arange(i, min(i + n_columns, shown)) for i in starts]
            titles = None if y is None else [[names[y[i]] for i in p] for p in picks]
            row_labels = None
        else:
            check_positive(per_class, "per_class")
            picks = [np.flatnonzero(y == label)[:per_class] for label in labels]
            titles = None
            row_labels = list(names.values())
        rows = [images[pick] for pick in picks]
        return cls(rows, titles=titles, row_labels=row_labels).plot(ax)

    def plot(self, ax: Any = None) -> Self:
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

        rows = scaled_for_showing(self.rows)
        aspect = aspect_of(rows[0].shape[1:])
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

        label_width, block_rows = 0.0, len(rows)
        if self.row_labels is not None:
            [row_labels], label_font = _fit_in(
                [self.row_labels],
                magnification * LONGEST_ROW_LABEL,
                magnification * ROW_LABEL_FONT,
            )
            label_width = max(text_width(label) for label in row_labels) * label_font
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
            points = inches * POINTS_PER_INCH
        else:
            points = min(size_in_points(ax) / [grid_width, grid_height])

        def write(x: float, y: float, text: str, font: float, **alignment: str) -> None:
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


def _legible_magnification(ax: Any, width: float, n_rows: int, n_lines: int) -> float:
    """Return the factor by which titles are enlarged to be legible on small axes.

    The factor gives titles the `SMALLEST_FONT` if the grid, which is `width` wide and
    gets higher with its titles, fills the axes.
    """
    by_width, by_height = size_in_points(ax) * TITLE_FONT / SMALLEST_FONT
    for_images = by_height - n_rows * n_lines * TITLE_HEIGHT
    if for_images <= 0:
        return LARGEST_MAGNIFICATION
    tenths = ceil(10 * max(width / by_width, n_rows / for_images))
    return float(np.clip(tenths / 10, 1, LARGEST_MAGNIFICATION))


def _fit_in(
    rows_of_texts: list[list[str]], width: float, font: float
) -> tuple[list[list[str]], float]:
    """Return the texts, cut if necessary, and the font size at which they fit."""
    longest = max(text_width(text) for text in chain(*rows_of_texts))
    if longest * font > width:
        font = max(width / longest, SMALLEST_FACTOR * font)
    return [
        [
            "\n".join(_cut(line, width / font) for line in text.split("\n"))
            for text in row
        ]
        for row in rows_of_texts
    ], font


def _cut(line: str, width: float) -> str:
    """Return a line that is not wider than `width`, with an ellipsis if it was cut."""
    complete = text_width(line)
    if complete <= width:
        return line
    line = line[: int(len(line) * width / complete)]
    while len(line) > 1 and text_width(line + "…") > width:
        line = line[:-1]
    return line.rstrip() + "…"
