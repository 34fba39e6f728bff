"""Columns of a table: found by name, and their values as labels or ids."""

import re
from typing import Any

import numpy as np

from skcnn._messages.wording import shown
from skcnn.datasets._text_table import TextTable

# Names of columns in lower case, without spaces and punctuation (see `plain`).
_LABEL_NAMES = re.compile(
    "(labels?|class(es)?|targets?|y|digits?|letters?|category|categories|species|"
    "emotions?|breeds?|(class|label|target|category)(name|label|id|class)|groundtruth)"
)
_ID_NAMES = re.compile(
    "(unnamed[0-9]*|level0|index|idx|ids?|rownames?|key|uuid|guid|image|img|"
    "(image|img|sample|picture|pic|file|item|object|row|record|case|example)"
    "(id|index|idx|no|nr|number)s?|(image|img|file|picture|pic)?(name|path|file)s?)?"
)
# Integers as Python prints them.
_INTEGER = re.compile("0|-?[1-9][0-9]{0,17}")
_MISSING = frozenset(["nan", "na", "n/a", "null", "none", "?", "-"])


def find_column(table: TextTable, column: str | int) -> int:
    """Return the position of a column that is given by its name or its position."""
    names = table.names
    if names is not None and isinstance(column, str):
        for same in (str, plain):
            found = [i for i, n in enumerate(names) if same(n) == same(column)]
            if len(found) == 1:
                return found[0]
    try:
        return range(table.n_columns)[int(column)]
    except (ValueError, IndexError, TypeError):
        raise ValueError(
            f"{table.path} has no column {shown(str(column))}; it has "
            f"{table.columns()}."
        ) from None


def labels_of(table: TextTable, texts: np.ndarray, column: int) -> np.ndarray:
    """Return labels as int64 if all are integers, as floats or else as str.

    Refuse a missing value among numbers.
    """
    labels = parsed(texts)
    if labels.dtype.kind != "U":
        return labels
    is_number = np.array([table.is_number(text) for text in texts])
    missing = np.array([text.strip().lower() in _MISSING for text in texts])
    if missing.any() and (missing | is_number).all() and is_number.any():
        row = int(np.flatnonzero(missing)[0])
        raise ValueError(
            f"{table.path}: line {table.line_of(row)} has "
            f"{shown(str(texts[row]))} in {table.column(column)}, but a label "
            "was expected. Delete the row if its label is not known."
        )
    if not is_number.all():
        return labels
    try:
        numbers = np.char.replace(labels, table.decimal, ".").astype(float)
    except ValueError:  # true and false
        return labels
    if (np.abs(numbers) < 2**53).all() and not (numbers % 1).any():
        if any(re.search("[.,eE]", text) for text in texts):
            table.note(
                f"The labels of {table.path} are integers written with decimals; they "
                "were read as integers."
            )
            return numbers.astype(np.int64)
        return labels  # such as 007
    return numbers


def groups_of(table: TextTable, texts: np.ndarray, column: int) -> np.ndarray:
    """Return groups as int64 if all are integers, as str otherwise; refuse no value."""
    for row, text in enumerate(texts):
        if text.strip().lower() in _MISSING | {""}:
            raise ValueError(
                f"{table.path}: line {table.line_of(row)} has "
                f"{shown(str(text)) if text.strip() else 'no value'} in "
                f"{table.column(column)}, but each image needs a group. Give an image "
                "that belongs to no other a group of its own."
            )
    return parsed(texts)


def parsed(texts: Any) -> np.ndarray:
    """Return texts as int64 if Python prints integers so, and as str otherwise.

    A text such as 007 stays str, so that it keeps its zeros.
    """
    texts = np.array([text.strip() for text in texts], dtype=str)
    if all(_INTEGER.fullmatch(text) for text in texts):
        return texts.astype(np.int64)
    return texts


def plain(name: str) -> str:
    """Return a name in lower case, without spaces, hyphens and the like."""
    return re.sub(r"[\s_.:\-]", "", name).lower()


def is_id(name: str) -> bool:
    """Return whether a column with this name holds numbers or names of rows."""
    return _ID_NAMES.fullmatch(plain(name)) is not None


def is_label(name: str) -> bool:
    """Return whether a column with this name holds labels."""
    return _LABEL_NAMES.fullmatch(plain(name)) is not None
