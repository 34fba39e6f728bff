"""Fingerprints of 64 bits, to tell which images a classifier was fitted on.

A fingerprint is a hash of the pixel values in C order. It does not depend on dtype and
form: an image of whole numbers from 0 to 255 has the same fingerprint as a PNG file, as
a row of a CSV file and as an array of floats. Two different images have the same
fingerprint with probability 2**-64, unless somebody constructs them to.
"""

from typing import Any

import numpy as np

from skcnn._images.forms import chunk_rows
from skcnn._storage import schema

# Fingerprints of more images are not kept: they would take more than 16 MB in memory
# and in every saved file.
MOST_FINGERPRINTS = 2**21

# The constants of the random generator SplitMix64. With these the fingerprints are the
# same on every machine and with every version of NumPy.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def fingerprints(X: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Return the fingerprint of each image in `X`, or of each image in `X[rows]`."""
    n_images = len(X) if rows is None else len(rows)
    result = np.empty(n_images, np.uint64)
    for some in chunk_rows(n_images, X.shape[1:]):
        chunk = X[some] if rows is None else X[rows[some]]
        result[some] = _of_rows(chunk.reshape(len(chunk), -1))
    return result


def merge_fingerprints(*known: np.ndarray | None) -> np.ndarray | None:
    """Return the unique fingerprints of several sets, sorted.

    The result is None if the fingerprints of a set are unknown (None), or if there are
    more than `MOST_FINGERPRINTS`: an incomplete set cannot tell that an image was not
    fitted.
    """
    sets = [some for some in known if some is not None]
    if len(sets) < len(known):
        return None
    merged = np.sort(np.concatenate(sets))
    merged = np.concatenate([merged[:1], merged[1:][merged[1:] != merged[:-1]]])
    return merged if len(merged) <= MOST_FINGERPRINTS else None


def check_fingerprints(known: Any, place: str) -> None:
    """Check that a value from a file is None or a sorted array of fingerprints."""
    if known is not None:
        schema.array("u", n_dims=1)(known, place)
        if known.dtype != np.uint64 or len(known) > MOST_FINGERPRINTS:
            raise ValueError(f"{place}: these are not fingerprints.")
        if (known[1:] <= known[:-1]).any():
            raise ValueError(f"{place}: the fingerprints are not sorted.")


def were_fitted(classifier: Any, X: np.ndarray) -> np.ndarray | None:
    """Return a boolean for each image: whether a fitted classifier has seen it in fit.

    `X` holds the images as the classifier's `fit` sees them. The result is None if the
    classifier has no fingerprints.
    """
    known = classifier._fingerprints
    return None if known is None else np.isin(fingerprints(X), known)


def _of_rows(rows: np.ndarray) -> np.ndarray:
    """Return the fingerprint of each flat row of pixels."""
    if rows.dtype == np.uint8:
        return _mixed(_bytes_as_words(rows))
    if rows.dtype == bool:
        return _mixed(_bytes_as_words(rows.astype(np.uint8)))
    # Look at a few values of each image first: these show for most images of fractions
    # that the image does not hold bytes.
    are_bytes = _hold_bytes(rows[:, :: max(1, rows.shape[1] // 16)])
    are_bytes[are_bytes] = _hold_bytes(rows[are_bytes])
    result = np.empty(len(rows), np.uint64)
    result[are_bytes] = _mixed(_bytes_as_words(rows[are_bytes].astype(np.uint8)))
    values = rows[~are_bytes].astype("<f8")
    values += 0.0  # turns -0.0 into 0.0
    result[~are_bytes] = _mixed(values.view("<u8"))
    return result


def _hold_bytes(rows: np.ndarray) -> np.ndarray:
    """Return a boolean for each row: whether it holds only whole numbers 0 to 255."""
    with np.errstate(invalid="ignore"):
        return (rows == rows.astype(np.uint8)).all(axis=1)


def _bytes_as_words(rows: np.ndarray) -> np.ndarray:
    """Return rows of bytes as rows of 64-bit integers, padded with zeros."""
    missing = -rows.shape[1] % 8
    if missing:
        rows = np.pad(rows, ((0, 0), (0, missing)))
    return np.ascontiguousarray(rows).view("<u8")


def _mixed(words: np.ndarray) -> np.ndarray:
    """Hash each row: the sum of its words, each mixed with the key of its position."""
    keys = np.arange(1, words.shape[1] + 1, dtype=np.uint64) * _STEP
    keys = _scrambled(keys)
    mixed = words ^ keys
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(32)
    mixed *= keys | np.uint64(1)
    return _scrambled(mixed.sum(axis=1, dtype=np.uint64))


def _scrambled(words: np.ndarray) -> np.ndarray:
    """Return words whose every bit depends on all bits of the original word."""
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))
