"""Lines of text that fit into a width, and colors that stand out."""

import matplotlib.pyplot as plt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skcnn.display._texts import (
    BLUE,
    ON_DARK,
    SPACE,
    at_most,
    color_on,
    text_width,
    wrapped,
)


def width_of(text):
    """Return a width that needs no font: one for each character but wide and blank."""
    return sum(
        SPACE if character == " " else 2 if character > "\u2e80" else 1
        for character in text
    )


@given(st.text("ab c_-/九\n\t", max_size=60), st.floats(2.2, 20))
def test_lines_fit_and_nothing_is_lost(text, width):
    lines = wrapped(text, width, width_of)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(width_of(line) <= width + 1e-9 for line in lines)
    assert all(lines) or lines == [""]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["one two", "three"]),
        ("sea_cucumber", ["sea_", "cucumber"]),
        ("cat/dog-owl", ["cat/dog-", "owl"]),
        ("abcdefghijkl", ["abcdefgh", "ijkl"]),
        ("九九九九九", ["九九九九", "九"]),
        ("  a \n b  ", ["a b"]),
        ("", [""]),
    ],
)
def test_lines_end_where_a_reader_expects(text, lines):
    assert wrapped(text, 8.9, width_of) == lines


def test_a_wider_text_is_measured_as_wider():
    assert text_width("W" * 10) > text_width("i" * 10) > 0


def test_only_very_long_names_are_cut():
    assert at_most("n" * 200) == "n" * 200
    assert at_most("n" * 201) == "n" * 199 + "…"


def test_colors_are_lighter_on_a_dark_figure():
    for face, expected in (("white", BLUE), ("black", ON_DARK[BLUE]), ("none", BLUE)):
        ax = plt.figure(facecolor=face).add_subplot()
        assert color_on(ax, BLUE) == expected
    plt.close("all")
