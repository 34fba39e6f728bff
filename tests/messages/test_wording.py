"""Numbers, names and foreign text in messages."""

import pytest

from skcnn._messages.wording import (
    counted,
    duration,
    enumerated,
    first_of,
    printable,
    shown,
)


def test_a_number_goes_with_its_noun():
    assert counted(1, "image") == "1 image"
    assert counted(60000, "image") == "60,000 images"
    assert counted(0, "class", "classes") == "0 classes"


def test_names_are_listed_as_in_a_sentence():
    assert enumerated(["a"]) == "a"
    assert enumerated(iter("abc"), "or") == "a, b or c"


def test_of_many_names_the_first_are_listed():
    assert first_of("ab") == "a, b"
    assert first_of(map(str, range(11))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1 more"
    assert first_of(map(str, range(2000)), 1) == "0 and 1,999 more"
    assert first_of([]) == ""


def test_what_a_file_says_is_one_short_line():
    assert printable("naïve\x1b[31m\r\n\u202e") == r"naïve\x1b[31m\r\n\u202e"
    assert printable(ValueError("x" * 10**6)) == "x" * 200 + " ..."
    assert shown("x" * 10**6) == repr("x" * 80) + " ..."
    assert shown(b"\x1b") == r"b'\x1b'"


@pytest.mark.parametrize(
    "seconds, text",
    [
        (0, "0.0 s"),
        (4.24, "4.2 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3599.7, "1 h"),
        (3900, "1 h 5 min"),
        (86400 * 100, "2,400 h"),
    ],
)
def test_a_length_of_time_is_rounded_to_what_matters(seconds, text):
    assert duration(seconds) == text
