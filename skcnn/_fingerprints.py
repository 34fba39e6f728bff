"""Which images a classifier was fitted on, remembered as 64 bits each.

A fingerprint is a function of the pixels' values in C order, whatever dtype and form
they come in: an image of whole numbers from 0 to 255 has the same one as a PNG file,
as a row of a CSV file and as an array of floats. Two different images have the same
one with a probability of 2**-64, unless somebody makes them for it.
"""

from typing import Any

import numpy as np

from skcnn import _schema
from skcnn._images import chunk_rows

# Of more images none is remembered: 16 MB in memory and in every file.
MOST_FINGERPRINTS = 2**21

# Odd constants of SplitMix64, a random generator whose numbers are the same everywhere.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def fingerprints(X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Return the fingerprint of each image.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Images of any integer, boolean or floating dtype.
    rows : ndarray of int, default=None
        The images to take; None is all of them.

    Returns
    -------
    ndarray of shape (n,) of uint64
    """
    n_images = len(X) if rows is None else len(rows)
    result = np.empty(n_images, np.uint64)
    for part in chunk_rows(n_images, X.shape[1:]):
        chunk = X[part] if rows is None else X[rows[part]]
        result[part] = _of_rows(chunk.reshape(len(chunk), -1))
    return result


def merge_fingerprints(*known: np.ndarray | None) -> np.ndarray | None:
    """Return the different fingerprints of several sets, sorted.

    None, for a set that nobody knows, makes the result None, and so do more than
    `MOST_FINGERPRINTS`: an image that is not in an incomplete set may be in the set.
    """
    sets = [some for some in known if some is not None]
    if len(sets) < len(known):
        return None
    merged = np.sort(np.concatenate(sets))
    merged = np.concatenate([merged[:1], merged[1:][merged[1:] != merged[:-1]]])
    return merged if len(merged) <= MOST_FINGERPRINTS else None


def check_fingerprints(known: Any, place: str) -> None:
    """Check for None or a sorted array of fingerprints, as a file may hold it."""
    if known is not None:
        _schema.array("u", n_dims=1)(known, place)
        if known.dtype != np.uint64 or len(known) > MOST_FINGERPRINTS:
            raise ValueError(f"{place}: these are not fingerprints.")
        if (known[1:] <= known[:-1]).any():
            raise ValueError(f"{place}: the fingerprints are not sorted.")


def were_fitted(classifier, X: np.ndarray) -> np.ndarray | None:
    """Return which images a classifier was fitted on.

    Parameters
    ----------
    classifier : BaseCNNClassifier
        A fitted one.
    X : ndarray of shape (n, ...)
        Images as `fit` of the classifier would see them.

    Returns
    -------
    ndarray of shape (n,) of bool, or None
        None if the classifier does not know.
    """
    known = classifier._fingerprints
    return None if known is None else np.isin(fingerprints(X), known)


def _of_rows(rows: np.ndarray) -> np.ndarray:
    """Return the fingerprint of each row of values."""
    if rows.dtype == np.uint8:
        return _mixed(_bytes_as_words(rows))
    if rows.dtype == bool:
        return _mixed(_bytes_as_words(rows.astype(np.uint8)))
    # A few values of each image tell most images of fractions from those of bytes.
    are_bytes = _hold_bytes(rows[:, :: max(1, rows.shape[1] // 16)])
    are_bytes[are_bytes] = _hold_bytes(rows[are_bytes])
    result = np.empty(len(rows), np.uint64)
    result[are_bytes] = _mixed(_bytes_as_words(rows[are_bytes].astype(np.uint8)))
    values = rows[~are_bytes].astype("<f8")
    values += 0.0  # which makes 0.0 of -0.0
    result[~are_bytes] = _mixed(values.view("<u8"))
    return result


def _hold_bytes(rows: np.ndarray) -> np.ndarray:
    """Return which rows hold nothing but whole numbers from 0 to 255."""
    with np.errstate(invalid="ignore"):
        return (rows == rows.astype(np.uint8)).all(axis=1)


def _bytes_as_words(rows: np.ndarray) -> np.ndarray:
    """Return rows of bytes as rows of 64-bit integers, filled up with zeros."""
    missing = -rows.shape[1] % 8
    if missing:
        filled = np.zeros((len(rows), rows.shape[1] + missing), np.uint8)
        filled[:, : rows.shape[1]] = rows
        rows = filled
    return np.ascontiguousarray(rows).view("<u8")


def _mixed(words: np.ndarray) -> np.ndarray:
    """Return a sum over each row in which every word is mixed with its own key."""
    keys = np.arange(1, words.shape[1] + 1, dtype=np.uint64) * _STEP
    keys = _scrambled(keys)
    mixed = words ^ keys
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(32)
    mixed *= keys | np.uint64(1)
    return _scrambled(mixed.sum(axis=1, dtype=np.uint64))


def _scrambled(words: np.ndarray) -> np.ndarray:
    """Return words in which each bit depends on all bits of the word."""
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))
