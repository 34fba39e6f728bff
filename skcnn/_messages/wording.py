"""Parts of sentences in messages: counted nouns, lists of names, text from files."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

# A message names at most this many classes, files or columns, and counts the rest.
MOST_LISTED = 10


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number and its noun, in the singular or plural; a verb may follow."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def duration(seconds: float) -> str:
    """Return a length of time as text: "4.2 s", "41 s", "3 min 20 s", "1 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def enumerated(names: Iterable[str], word: str = "and") -> str:
    """Return all names as a list in a sentence: "a, b and c"."""
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last


def first_of(names: Iterable[str], most: int = MOST_LISTED) -> str:
    """Return the first names, and the number of the others: "a, b and 3 more"."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def listed(labels: Any) -> str:
    """Return the repr of labels, or of a dict by labels, cut to `MOST_LISTED` items.

    If labels were cut, their number follows: ``[0, 1, ... and 90 more]``.
    """
    labels = labels.tolist() if hasattr(labels, "tolist") else labels
    if len(labels) <= MOST_LISTED:
        return str(labels)
    if isinstance(labels, dict):
        first = [f"{k!r}: {v!r}" for k, v in islice(labels.items(), MOST_LISTED)]
        opening, closing = "{}"
    else:
        first = [repr(label) for label in islice(labels, MOST_LISTED)]
        opening, closing = "[]"
    more = f"... and {len(labels) - MOST_LISTED:,} more"
    return f"{opening}{', '.join(first)}, {more}{closing}"


def printable(text: Any) -> str:
    """Return text from a file or a library as one line of at most 200 characters."""
    text = str(text)
    short = text if len(text) <= 200 else f"{text[:200]} ..."
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in short)


def shown(value: str | bytes, most: int = 80) -> str:
    """Return the beginning of text from a file, in quotation marks."""
    return repr(value) if len(value) <= most else f"{value[:most]!r} ..."
