"""Images in a mapped file are fetched from the disk before they are needed."""

import mmap
from contextlib import suppress

import numpy as np


def read_ahead(X, rows):
    """Let the system begin to read some images, if they lie in a mapped file.

    Training takes images in random order. Left to itself, the system reads what lies
    around each of them as well, from 128 kB to some MB, one image after the other, and
    then needs the place for the next. Told beforehand, it reads just these images, many
    at a time, while the processor works on others. That is all: the array is the same,
    and nothing is copied.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Images; of arrays in memory nothing is asked.
    rows : ndarray of int
        The images that will be taken next.
    """
    mapping = _mapping_under(X)
    if mapping is None or not len(rows):
        return
    first, end = np.lib.array_utils.byte_bounds(X[:1])
    if end - first > 2 * X[:1].nbytes:
        return  # Images that are mingled have no part of the file for themselves.
    start = np.frombuffer(mapping, np.uint8).ctypes.data
    begins = np.sort(first - start + rows * X.strides[0])
    pages = begins // mmap.PAGESIZE * mmap.PAGESIZE
    lengths = begins + (end - first) - pages
    # Only Linux and its like know how to ask, and a refusal costs nothing but time.
    with suppress(AttributeError, OSError):
        for page, length in zip(pages.tolist(), lengths.tolist(), strict=True):
            mapping.madvise(mmap.MADV_WILLNEED, page, length)


def _mapping_under(X):
    while isinstance(X, np.ndarray):
        X = X.base
    return X if isinstance(X, mmap.mmap) else None
