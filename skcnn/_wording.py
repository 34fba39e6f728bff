"""Parts of sentences in messages: numbers with nouns, names in a row, foreign text."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

# A message names so many classes, files or columns, and counts the rest.
MOST_LISTED = 10


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun, or with a noun and a verb that go with it."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def enumerated(names: Iterable[str], word: str = "and") -> str:
    """Return all names as a sentence lists them: a, b and c."""
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last


def first_of(names: Iterable[str], most: int = MOST_LISTED) -> str:
    """Return the first names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def listed(labels: Any) -> str:
    """Return labels as Python writes them, the first of many.

    Parameters
    ----------
    labels : array-like of shape (n,) or dict
        Classes or labels, or a dictionary of which they are the keys.

    Returns
    -------
    str
        All labels if there are at most `MOST_LISTED`; else the first of them, and how
        many more there are.
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
    """Return what a file or a library says in one line of at most 200 characters."""
    text = str(text)
    short = text if len(text) <= 200 else f"{text[:200]} ..."
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in short)


def shown(value: str | bytes, most: int = 80) -> str:
    """Return the beginning of what a file says, in quotation marks."""
    return repr(value) if len(value) <= most else f"{value[:most]!r} ..."
