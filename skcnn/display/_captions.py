"""A grid of images, each below a caption of lines in colors, and a headline above all.

The coordinates of the axes are points, so that captions keep their distance at every
size. Captions are wrapped and never cut: they decide how many columns there are.
"""

from collections.abc import Callable, Sequence
from functools import cache
from math import ceil, sqrt
from typing import Any, NamedTuple

import numpy as np

from skcnn.display._images import aspect_of
from skcnn.display._texts import (
    POINTS_PER_INCH,
    color_on,
    parts_of,
    size_in_points,
    text_width,
    wrapped,
)

# The largest size that fits is used.
FONT_SIZES = (9, 8, 7, 6)
USUAL_FONT = 8
LINE_HEIGHT = 1.25  # relative to the font size
HEADLINE_SIZE = 10

# Distances in points: between two cells, between a caption and its image, and around
# the axes in a figure of its own.
GAP, CAPTION_GAP, PADDING = 10, 3, 4

# Sides in points of an image, and the width of a cell in a figure of its own.
SMALLEST_IMAGE, USUAL_IMAGE, USUAL_CELL = 22, 72, 108

# Width and height in points of a figure that says that there is nothing to show.
SIZE_OF_NOTHING = (280, 64)

# A wider word, relative to the font size, is divided rather than given a wider column.
WIDEST_WORD = 9

# In a figure of its own, a grid that would be wider than this many points gets smaller
# cells and texts, at least by this factor.
USUAL_WIDTH, SMALLEST_SHRINK = 700, 0.75

# Two colored texts, such as ("label: cat", BLUE).
Caption = Sequence[tuple[str, str]]


class Layout(NamedTuple):
    """How a grid divides a rectangle. All lengths are in points."""

    shown: int
    n_columns: int
    font: float
    cell_width: float
    caption_height: float
    image_height: float


class Measured:
    """Captions with the widths of their parts, which many layouts ask for."""

    def __init__(self, captions: Sequence[Caption]):
        self.captions = captions
        self.measure = cache(text_width)
        texts = [text for caption in captions for text, _ in caption]
        longest = max(self.measure(part) for t in texts for part in parts_of(t))
        # Columns are at least as wide as the longest word, within a limit.
        self.widest = min(longest, WIDEST_WORD)

    def lines(self, caption: Caption, width: float) -> list[tuple[str, str]]:
        """Return the lines of a caption with their colors."""
        return [
            (line, color)
            for text, color in caption
            for line in wrapped(text, width, self.measure)
        ]

    def n_lines(self, width: float) -> int:
        """Return the number of lines of the longest caption."""
        return max(len(self.lines(caption, width)) for caption in self.captions)

    def height(self, width: float, font: float) -> float:
        """Return the height of the longest caption in cells of a width, in points."""
        return self.n_lines(width / font) * font * LINE_HEIGHT + CAPTION_GAP


def columns_and_size(
    captions: Measured, image_shape: Sequence[int]
) -> tuple[int, np.ndarray]:
    """Return columns, width and height (in points) with which a grid is about square.

    There is room for all images.
    """
    n, aspect = len(captions.captions), aspect_of(image_shape)
    image_width = min(USUAL_IMAGE * sqrt(aspect), 4 * USUAL_CELL)
    cell_width = max(image_width, USUAL_CELL)
    cell_height = image_width / aspect + captions.height(cell_width, USUAL_FONT) + GAP
    n_columns = min(n, ceil(sqrt(n * cell_height / cell_width)))
    n_columns = ceil(n / ceil(n / n_columns))  # fills the last row as far as possible
    shrink = min(1, max(USUAL_WIDTH / (n_columns * cell_width), SMALLEST_SHRINK))
    height = shrink * image_width / aspect + GAP
    height += captions.height(shrink * cell_width, shrink * USUAL_FONT)
    width = n_columns * (shrink * cell_width + GAP)
    return n_columns, np.array([width, ceil(n / n_columns) * height])


def layout_of(
    captions: Measured, aspect: float, size: np.ndarray, n_columns: int | None
) -> Layout:
    """Return the layout with the largest images at the largest font that fits.

    If not all images fit at the smallest font, fewer are shown.
    """
    n = len(captions.captions)
    least_height = SMALLEST_IMAGE / sqrt(aspect)
    for font in FONT_SIZES:
        candidates = _layouts(captions, aspect, size, font, n_columns)
        best = max(candidates, key=lambda layout: layout.image_height)
        if best.image_height >= max(least_height, 0.8 * best.caption_height):
            return best
    fewer = []
    for layout in candidates:
        image = min(least_height, layout.cell_width / aspect)
        n_rows = max(int(size[1] / (image + layout.caption_height + GAP)), 1)
        image = min(
            size[1] / n_rows - GAP - layout.caption_height, layout.cell_width / aspect
        )
        shown = min(n_rows * layout.n_columns, n)
        fewer.append(layout._replace(shown=shown, image_height=max(image, 1)))
    return max(fewer, key=lambda layout: (layout.shown, layout.image_height))


def _layouts(
    captions: Measured,
    aspect: float,
    size: np.ndarray,
    font: float,
    n_columns: int | None,
) -> list[Layout]:
    """Return a layout for each number of columns, or for the one that is given."""
    n, (width, height) = len(captions.captions), size
    layouts: list[Layout] = []
    for columns in range(1, n + 1) if n_columns is None else [n_columns]:
        cell = width / columns - GAP
        if layouts and cell < captions.widest * font:
            break
        text = captions.height(max(cell, font), font)
        image = min(height / ceil(n / columns) - GAP - text, cell / aspect)
        layouts.append(Layout(n, columns, font, cell, text, image))
    return layouts


def axes_for(ax: Any, size: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return axes and their size in points; without any, those of a new figure."""
    if ax is not None:
        ax.set(xticks=[], yticks=[])
        # The layout of the figure, if it has one, decides the size of the axes.
        ax.get_figure(root=True).draw_without_rendering()
        return ax, size_in_points(ax)
    import matplotlib.pyplot as plt

    inches = (size + 2 * PADDING) / POINTS_PER_INCH
    return plt.subplots(figsize=tuple(inches), layout="constrained")[1], size


def draw_grid(
    ax: Any,
    size: np.ndarray,
    images: np.ndarray,
    captions: Measured,
    headline: Callable[[int], str],
    n_columns: int | None = None,
) -> None:
    """Draw images on the scale from 0 to 1 below their captions.

    `headline` returns the headline for the number of images for which there is room.
    By default, the number of columns is the one with the largest images.
    """
    aspect = aspect_of(images.shape[1:])
    top = headline_height(headline(len(images)), size[0])
    layout = layout_of(captions, aspect, size - [0, top], n_columns)
    write_headline(ax, headline(layout.shown), size[0])
    step = layout.caption_height + layout.image_height + GAP
    for i, (image, caption) in enumerate(
        zip(images[: layout.shown], captions.captions, strict=False)
    ):
        row, column = divmod(i, layout.n_columns)
        middle = (column + 0.5) * size[0] / layout.n_columns
        image_top = top + row * step + layout.caption_height
        lines = captions.lines(caption, layout.cell_width / layout.font)
        for below, (line, color) in enumerate(lines, start=1 - len(lines)):
            ax.text(
                middle,
                image_top - CAPTION_GAP + (below - 0.2) * layout.font * LINE_HEIGHT,
                line,
                size=layout.font,
                color=color_on(ax, color),
                ha="center",
                parse_math=False,
            )
        left = middle - layout.image_height * aspect / 2
        draw_image(ax, image, left, image_top, layout.image_height)
    finish(ax, size)


def headline_height(headline: str, width: float) -> float:
    """Return the height of a headline and the gap below it, in points."""
    lines = wrapped(headline, width / HEADLINE_SIZE)
    return len(lines) * HEADLINE_SIZE * LINE_HEIGHT + GAP / 2


def write_headline(ax: Any, headline: str, width: float) -> None:
    """Write a headline at the top left."""
    for i, line in enumerate(wrapped(headline, width / HEADLINE_SIZE), start=1):
        y = (i - 0.25) * HEADLINE_SIZE * LINE_HEIGHT
        ax.text(0, y, line, size=HEADLINE_SIZE, parse_math=False)


def draw_image(
    ax: Any, image: np.ndarray, left: float, top: float, height: float
) -> None:
    """Draw an image whose pixels are on the scale from 0 to 1."""
    width = height * aspect_of(image.shape)
    extent = (left, left + width, top + height, top)
    ax.imshow(image, cmap="gray", vmin=0, vmax=1, extent=extent)


def draw_nothing(ax: Any, text: str) -> Any:
    """Write that there is nothing to show, and return the axes."""
    ax, size = axes_for(ax, np.array(SIZE_OF_NOTHING))
    lines = wrapped(text, size[0] / HEADLINE_SIZE)
    style = {"size": HEADLINE_SIZE, "ha": "center", "va": "center"}
    ax.text(0.5, 0.5, "\n".join(lines), transform=ax.transAxes, **style)
    ax.set_axis_off()
    return ax


def finish(ax: Any, size: np.ndarray) -> None:
    """Set the limits of axes whose coordinates are points, and hide their frame."""
    width, height = size
    ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(False)
