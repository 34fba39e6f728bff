"""Lines of results as a picture, panels of points or groups of bars, as SVG.

The SVG is written here and not by matplotlib, so that the same lines give the same
bytes on every machine, and a check can compare them. It has a background of its own and
follows the reader's dark mode. At half of its width, 420 pixels, its letters are 11
pixels high.
"""

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

WIDTH = 840
HEAD, PANEL = 100, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 34, 40, 42
LETTER = 22
MARK = 9
# A word farther from its mark than this is joined to it by a line, its leader.
NEAR = 20
# What each square pixel of a mark or a word costs that another word covers.
COVERED = 4
# Bars begin to the right of their names, and end where the longest figure still fits.
BARS, BARS_END, ROW, BAR = 190, 690, 34, 24

STYLE = """\
svg { font-family: system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
text { fill: #1f2328; font-size: 22px; }
text { paint-order: stroke; stroke: #ffffff; stroke-width: 5; stroke-linejoin: round; }
.paper { fill: #ffffff; }
.title, .ours text { font-weight: bold; }
.grid { stroke: #d0d7de; stroke-width: 1.5; }
.leader { stroke: #59636e; stroke-width: 1.5; }
.others .mark { fill: #ffffff; stroke: #0b5cad; stroke-width: 3.5; }
.others .range { stroke: #0b5cad; stroke-width: 2.5; }
.ours .mark { fill: #b93a00; stroke: #b93a00; stroke-width: 3.5; }
.ours .range { stroke: #b93a00; stroke-width: 2.5; }
.ours text { fill: #b93a00; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; stroke: #14181e; }
  .paper { fill: #14181e; }
  .grid { stroke: #3d444d; }
  .leader { stroke: #9198a1; }
  .others .mark { fill: #14181e; stroke: #79b8ff; }
  .others .range { stroke: #79b8ff; }
  .ours .mark { fill: #ff9a5c; stroke: #ff9a5c; }
  .ours .range { stroke: #ff9a5c; }
  .ours text { fill: #ff9a5c; }
}"""
BAR_STYLE = """\
.others .bar { fill: #0b5cad; }
.ours .bar { fill: #b93a00; }
@media (prefers-color-scheme: dark) {
  .others .bar { fill: #79b8ff; }
  .ours .bar { fill: #ff9a5c; }
}"""

Values = Sequence[float]
Box = tuple[float, float, float, float]
# Where a word stands: a place, and whether its start, middle or end is there.
Place = tuple[float, float, str]


@dataclass(frozen=True)
class Point:
    """A point with its spread.

    Attributes
    ----------
    word : str
        What stands beside it.
    x, y : sequence of float
        The lowest value, the median and the highest one.
    emphasized : bool
        Whether it is a filled square with bold letters instead of an open circle.
    """

    word: str
    x: Values
    y: Values
    emphasized: bool


@dataclass(frozen=True)
class Panel:
    """Points with axes and a title.

    Attributes
    ----------
    title, subtitle : str
        The bold words above the points, and those after them.
    points : sequence of Point
        What is shown.
    """

    title: str
    subtitle: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Bar:
    """A bar of a group.

    Attributes
    ----------
    word : str
        What stands to the left of it.
    value : float
        How long it is, compared with the others of its group.
    figure : str
        What stands to the right of it.
    emphasized : bool
        Whether it has the color of emphasized points, and bold letters.
    """

    word: str
    value: float
    figure: str
    emphasized: bool


def bars(groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Return groups of horizontal bars as SVG; the longest of each group is as long.

    Parameters
    ----------
    groups : sequence of (str, sequence of Bar)
        Title and bars of each, from top to bottom.
    """
    parts, y = [], 24.0
    for title, of_group in groups:
        y += LETTER
        parts.append(
            f'<text x="20" y="{y:.1f}"><tspan class="title">{escape(title)}</tspan>'
            "</text>"
        )
        y += 14
        longest = max(bar.value for bar in of_group)
        for bar in of_group:
            width = max(2.0, (BARS_END - BARS) * bar.value / longest)
            middle = y + BAR / 2 + 8
            kind = "ours" if bar.emphasized else "others"
            parts.append(
                f'<g class="{kind}">{_text(bar.word, BARS - 12, middle, "end")}'
                f'<rect class="bar" x="{BARS}" y="{y:.1f}" width="{width:.1f}" '
                f'height="{BAR}"/>'
                f"{_text(bar.figure, BARS + width + 10, middle)}</g>"
            )
            y += ROW
        y += 14
    return _picture(parts, round(y), f"{STYLE}\n{BAR_STYLE}")


def panels(
    shown: Sequence[Panel],
    *,
    x_title: str,
    y_title: str,
    legend: tuple[str, str],
    columns: int = 2,
) -> str:
    """Return panels of one logarithmic x axis, each with a y axis of its own, as SVG.

    Parameters
    ----------
    shown : sequence of Panel
        From left to right, then down.
    x_title, y_title : str
        What the axes are; stated once, above all panels.
    legend : tuple of str
        What the emphasized points are, and the others.
    columns : int
        How many panels stand side by side.
    """
    logs = [math.log10(x) for panel in shown for point in panel.points for x in point.x]
    first = math.floor(min(logs))
    x_range = (first, max(math.ceil(max(logs)), first + 1))
    parts = [*_head(x_title, y_title, legend)]
    width = WIDTH / columns
    for i, panel in enumerate(shown):
        left = (i % columns) * width + LEFT
        top = HEAD + (i // columns) * PANEL + TOP
        # A panel alone ends at the edge of the picture, where "10,000" has to fit.
        right = RIGHT if columns > 1 else 1.5 * RIGHT
        parts += _panel(panel, left, top, width - LEFT - right, x_range)
    return _picture(parts, HEAD + PANEL * math.ceil(len(shown) / columns))


def _picture(parts: Iterable[str], height: int, style: str = STYLE) -> str:
    """Return elements on a background as SVG."""
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">',
        f"<style>\n{style}\n</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}" rx="12"/>',
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def _head(x_title: str, y_title: str, legend: tuple[str, str]) -> Iterator[str]:
    """Yield the legend and what the axes are."""
    y = 34
    ours, others = legend
    yield f'<g class="ours">{_mark(30, y - 7, True)}{_text(ours, 50, y)}</g>'
    x = 90 + _width(ours)
    yield f'<g class="others">{_mark(x, y - 7, False)}{_text(others, x + 20, y)}</g>'
    yield _text(f"Up: {y_title}. To the right: {x_title}.", 20, y + 36)


def _panel(
    panel: Panel, left: float, top: float, width: float, x_range: tuple[int, int]
) -> Iterator[str]:
    """Yield the elements of one panel, whose axes meet in (left, top + height)."""
    height = PANEL - TOP - BOTTOM
    ticks = _ticks([y for point in panel.points for y in point.y])
    low, high = ticks[0], ticks[-1]

    def across(x: float) -> float:
        return left + width * (math.log10(x) - x_range[0]) / (x_range[1] - x_range[0])

    def up(y: float) -> float:
        return top + height * (high - y) / (high - low)

    title = f'<tspan class="title">{escape(panel.title)}</tspan>'
    yield f'<text x="{left - LEFT + 20:.1f}" y="{top - 16:.1f}">{title}, '
    yield f"{escape(panel.subtitle)}</text>"
    for y in ticks:
        yield _line("grid", left, up(y), left + width, up(y))
        yield _text(f"{y:g}", left - 8, up(y) + 8, "end")
    # A number for each power of ten fits up to seven of them.
    step = math.ceil((x_range[1] - x_range[0]) / 6)
    for power in range(x_range[0], x_range[1] + 1, step):
        x = across(10**power)
        yield _line("grid", x, top, x, top + height)
        yield _text(f"{10**power:,g}", x, top + height + 29, "middle")
    marks = [(across(point.x[1]), up(point.y[1])) for point in panel.points]
    inside = (left, top, left + width, top + height)
    # The lines of spreads, with some room around them.
    spreads = [
        box
        for point, (x, y) in zip(panel.points, marks, strict=True)
        for box in (
            (across(point.x[0]) - 6, y - 4, across(point.x[2]) + 6, y + 4),
            (x - 4, up(point.y[2]) - 6, x + 4, up(point.y[0]) + 6),
        )
    ]
    words = [point.word for point in panel.points]
    labels = _labels(words, marks, spreads, inside)
    for point, mark, label in zip(panel.points, marks, labels, strict=True):
        end = _nearest(_box(point.word, label), mark)
        if math.dist(end, mark) > NEAR:
            yield _line("leader", *mark, *end)
    # The emphasized points are drawn last, above the others.
    order = sorted(range(len(marks)), key=lambda i: panel.points[i].emphasized)
    for i in order:
        point, (x, y) = panel.points[i], marks[i]
        ranges = (
            _line("range", across(point.x[0]), y, across(point.x[2]), y),
            _line("range", x, up(point.y[0]), x, up(point.y[2])),
        )
        yield (
            f'<g class="{"ours" if point.emphasized else "others"}">{"".join(ranges)}'
            f"{_mark(x, y, point.emphasized)}{_text(point.word, *labels[i])}</g>"
        )


def _ticks(values: Iterable[float]) -> list[float]:
    """Return three to five round numbers around percentages."""
    values = list(values)
    low, high = min(values), max(values)
    for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 25, 50):
        first, last = math.floor(low / step), math.ceil(high / step)
        # A point on the edge would lie upon the letters of the axis.
        if low - first * step < 0.1 * step and first > 0:
            first -= 1
        if last - first <= 4:
            break
    last = max(last, first + 2)
    if last * step > 100:
        first, last = round(100 / step) - (last - first), round(100 / step)
    return [round(i * step, 1) for i in range(first, last + 1)]


def _labels(
    words: Sequence[str],
    marks: Sequence[tuple[float, float]],
    spreads: Sequence[Box],
    inside: Box,
) -> list[Place]:
    """Return where each word stands, beside its mark and away from what is there.

    What is there are the marks, the lines of their spreads, and other words.
    """
    places = [_places(word, x, y) for word, (x, y) in zip(words, marks, strict=True)]
    boxes = [
        [_box(word, place) for place in of_word]
        for word, of_word in zip(words, places, strict=True)
    ]
    leaders = [
        [_leader(mark, box) for box in of_word]
        for mark, of_word in zip(marks, boxes, strict=True)
    ]
    alone = [
        [
            _cost_alone(i, box, leader, marks, spreads, inside) + 3 * place
            for place, (box, leader) in enumerate(zip(*of_word, strict=True))
        ]
        for i, of_word in enumerate(zip(boxes, leaders, strict=True))
    ]

    @cache
    def together(i: int, place: int, j: int, other: int) -> float:
        return (
            COVERED * _overlap(_with_room(boxes[i][place]), boxes[j][other])
            + _crossed(leaders[i][place], boxes[j][other])
            + _crossed(leaders[j][other], boxes[i][place])
            + _crossing(leaders[i][place], leaders[j][other])
        )

    def cost(i: int, place: int, chosen: Sequence[int]) -> float:
        others = (j for j in range(len(words)) if j != i)
        return alone[i][place] + sum(
            together(*_in_order(i, place, j, chosen[j])) for j in others
        )

    best, least = [0] * len(words), math.inf
    # Words move one after the other, from some random beginnings; the first is usual.
    rng = random.Random(0)
    for start in range(8):
        chosen = [start and rng.randrange(len(places[0])) for _ in words]
        for _ in range(5):
            for i in range(len(words)):
                costs = [cost(i, place, chosen) for place in range(len(places[i]))]
                chosen[i] = costs.index(min(costs))
        total = sum(cost(i, place, chosen) for i, place in enumerate(chosen))
        if total < least:
            best, least = chosen, total
    return [of_word[place] for of_word, place in zip(places, best, strict=True)]


def _in_order(i: int, place: int, j: int, other: int) -> tuple[int, int, int, int]:
    """Return two words and their places, the word with the lower number first."""
    return (i, place, j, other) if i < j else (j, other, i, place)


def _cost_alone(
    i: int,
    box: Box,
    leader: Sequence[tuple[float, float]],
    marks: Sequence[tuple[float, float]],
    spreads: Sequence[Box],
    inside: Box,
) -> float:
    """Return how bad a place is for a word, apart from the places of other words."""
    around = [(x - MARK, y - MARK, x + MARK, y + MARK) for x, y in marks]
    covered = sum(_overlap(box, other) for other in (*around, *spreads))
    outside = _area(box) - _overlap(box, inside)
    others = [mark for j, mark in enumerate(around) if j != i]
    if leader:
        # The shorter the line to its mark, the better.
        wrong = sum(_crossed(leader, mark) for mark in others) + 5 * len(leader)
    else:
        # A word that is closer to another mark would be read as that one's.
        own = _distance(box, marks[i])
        closer = [own - _distance(box, mark) for mark in marks]
        wrong = 80 * sum(max(0.0, 12 + by) for j, by in enumerate(closer) if j != i)
    return COVERED * covered + 3 * outside + wrong


def _leader(mark: tuple[float, float], box: Box) -> list[tuple[float, float]]:
    """Return points of the line between a mark and its word; none if they are near."""
    end = _nearest(box, mark)
    length = math.dist(mark, end)
    if length <= NEAR:
        return []
    shares = [step / length for step in range(MARK + 2, round(length) - 4, 4)]
    (x, y), (to_x, to_y) = mark, end
    return [(x + share * (to_x - x), y + share * (to_y - y)) for share in shares]


def _crossed(leader: Sequence[tuple[float, float]], box: Box) -> float:
    """Return how bad it is that a leader crosses a mark or a word."""
    return 100.0 * sum(_distance(box, point) < 3 for point in leader)


def _crossing(
    leader: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]
) -> float:
    """Return how bad it is that two leaders cross, or nearly."""
    near = any(math.dist(one, two) < 4 for one in leader for two in other)
    return 400.0 if near else 0.0


def _places(word: str, x: float, y: float) -> list[Place]:
    """Return where a word may stand around a mark."""
    gap = MARK + 7
    right, left, above, below = x + gap, x - gap, y - gap, y + gap + 15
    far = [
        (x + side * across, y + 7 + up, "start" if side > 0 else "end")
        for across in (36, 84)
        for up in (-36, 36, -64, 64, -92, 92)
        for side in (1, -1)
    ]
    far += [(x, y + 7 + up, "middle") for up in (-50, 50, -75, 75, -100, 100)]
    return [
        *((right, y + 7, "start"), (left, y + 7, "end")),
        *((x, above, "middle"), (x, below, "middle")),
        *((right, y - 8, "start"), (left, y - 8, "end")),
        *((right, y + 22, "start"), (left, y + 22, "end")),
        *((x, above, "start"), (x, above, "end"), (x, below, "start")),
        (x, below, "end"),
        *far,
    ]


def _box(word: str, place: Place) -> Box:
    """Return what a word covers."""
    x, y, anchor = place
    width = _width(word)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return left, y - 17, left + width, y + 5


def _with_room(box: Box) -> Box:
    """Return the box of a word with the room that other words leave beside it."""
    left, top, right, bottom = box
    return left - 12, top, right + 12, bottom


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlap(one: Box, other: Box) -> float:
    """Return the area that two boxes share."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _distance(box: Box, place: tuple[float, float]) -> float:
    """Return how far a place is from a box."""
    return math.dist(place, _nearest(box, place))


def _nearest(box: Box, place: tuple[float, float]) -> tuple[float, float]:
    """Return the point of a box that is nearest to a place."""
    x, y = place
    return min(max(x, box[0]), box[2]), min(max(y, box[1]), box[3])


def _width(word: str) -> float:
    """Return how wide a word is at most, in the usual fonts."""
    return 0.62 * LETTER * len(word)


def _text(words: str, x: float, y: float, anchor: str = "start") -> str:
    ends = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{ends}>{escape(words)}</text>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line class="{kind}" {ends}/>'


def _mark(x: float, y: float, square: bool) -> str:
    """Return a filled square or an open circle."""
    if square:
        place = f'x="{x - MARK:.1f}" y="{y - MARK:.1f}"'
        return f'<rect class="mark" {place} width="{2 * MARK}" height="{2 * MARK}"/>'
    return f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="{MARK}"/>'
