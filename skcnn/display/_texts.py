"""The sizes of texts in a picture, their colors, and lines that fit into a width."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

POINTS_PER_INCH = 72

# From the palette of M. Okabe and K. Ito, "Color Universal Design", 2008,
# https://jfly.uni-koeln.de/color/, which color-blind people can tell apart. Their
# contrast to a white background is at least 3.9, and to a black one at least 4.
BLUE, VERMILION = "#0072B2", "#D55E00"

# Lighter variants of the two, for small text on a dark background.
ON_DARK = {BLUE: "#56B4E9", VERMILION: "#F58A3C"}

# On a screen, hinting makes small texts wider than they are measured, by this factor.
HINTING = 1.06

# Width of a space, relative to the font size.
SPACE = 0.32

# A name of more characters is cut, as it would fill the picture.
MOST_CHARACTERS = 200


def text_width(text: str) -> float:
    """Return the width of the longest line of a text, relative to the font size."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(size=100)
    measure = text_to_path.get_text_width_height_descent
    return max(measure(line, font, ismath=False)[0] for line in text.split("\n")) / 100


def wrapped(
    text: str, width: float, measure: Callable[[str], float] = text_width
) -> list[str]:
    """Return a text as lines that are not wider than `width`, without cutting it.

    Lines end at spaces and after hyphens, underscores and slashes; words that are wider
    than a line end anywhere.
    """
    width /= HINTING
    if not text.split() or measure(text) <= width:
        return [" ".join(text.split())]
    lines, line, used = [], "", 0.0
    for word in text.split():
        gap = " "
        for part in _broken(word, width, measure):
            wider = used + measure(part) + (SPACE if line and gap else 0)
            if line and wider > width:
                lines.append(line)
                line, used = part, measure(part)
            else:
                line, used = line + (gap if line else "") + part, wider
            gap = ""
    return [*lines, line]


def parts_of(text: str) -> list[str]:
    """Return the parts of a text between which a line may end."""
    return [
        part
        for word in text.split()
        for part in re.findall(r"[^_/-]*[_/-]+|[^_/-]+", word)
    ]


def _broken(word: str, width: float, measure: Callable[[str], float]) -> Iterator[str]:
    """Yield the parts of a word, divided further where they are wider than a line."""
    for part in parts_of(word):
        while len(part) > 1 and measure(part) > width:
            starts = [part[:n] for n in range(1, len(part))]
            end = max(bisect_right(starts, width, key=measure), 1)
            yield part[:end]
            part = part[end:]
        yield part


def at_most(name: str, most: int = MOST_CHARACTERS) -> str:
    """Return a name of not more than `most` characters."""
    return name if len(name) <= most else name[: most - 1].rstrip() + "…"


def size_in_points(ax: Any) -> np.ndarray:
    """Return the width and the height of axes in points."""
    box = ax.get_window_extent()
    return np.array([box.width, box.height]) / ax.figure.dpi * POINTS_PER_INCH


def color_on(ax: Any, color: str) -> str:
    """Return a color, or its lighter variant if the figure is dark."""
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(ax.figure.get_facecolor())
    is_dark = 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5
    is_dark = is_dark and ax.figure.get_facecolor()[-1] > 0
    return ON_DARK[color] if is_dark else color


def color_on_map(image: Any, value: float) -> str:
    """Return black or white, whichever stands out from a value of a heat map."""
    red, green, blue, _ = image.cmap(image.norm(value))
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.4 else "white"
