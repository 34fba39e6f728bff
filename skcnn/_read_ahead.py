"""Images in a mapped file are fetched from the disk before they are needed."""

import mmap
from contextlib import contextmanager, suppress

import numpy as np

# Images that are asked for at once, just before they are taken: enough to keep a disk
# busy, and so few that a system short of memory has not dropped them again.
AT_ONCE = 512


def take(X, rows):
    """Return some images, as ``X[rows]`` does.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Images.
    rows : ndarray of int
        Which of them.

    Returns
    -------
    ndarray of shape (len(rows), ...)
        A copy.
    """
    if _mapping_under(X) is None:
        return X[rows]
    images = np.empty((len(rows), *X.shape[1:]), X.dtype)
    for start in range(0, len(rows), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        read_ahead(X, rows[some])
        images[some] = X[rows[some]]
    return images


@contextmanager
def random_order(X):
    """Tell the system that images of a mapped file are read in random order meanwhile.

    It then reads an image that was not asked for ahead of time, or that it had to drop
    again, alone, and not with up to some MB that lie around it, for which other images
    would have to go. Afterwards the system expects nothing in particular, as for any
    file that was just mapped.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Images; of arrays in memory nothing is said.
    """
    mapping = _mapping_of_images(X)
    if mapping is None:
        yield
        return
    _advise(mapping, "MADV_RANDOM")
    try:
        yield
    finally:
        _advise(mapping, "MADV_NORMAL")


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
    mapping = _mapping_of_images(X)
    if mapping is None:
        return
    first, end = np.lib.array_utils.byte_bounds(X[:1])
    start = np.frombuffer(mapping, np.uint8).ctypes.data
    begins = np.sort(first - start + rows * X.strides[0])
    pages = begins // mmap.PAGESIZE * mmap.PAGESIZE
    lengths = begins + (end - first) - pages
    parts = zip(pages.tolist(), lengths.tolist(), strict=True)
    _advise(mapping, "MADV_WILLNEED", parts)


def _mapping_of_images(X):
    """Return the mapping of images that have a part of a file for themselves."""
    mapping = _mapping_under(X)
    if mapping is None or not len(X):
        return None
    first, end = np.lib.array_utils.byte_bounds(X[:1])
    return None if end - first > 2 * X[:1].nbytes else mapping


def _advise(mapping, advice, parts=((),)):
    # Only Linux and its like know how to ask, and a refusal costs nothing but time.
    with suppress(AttributeError, OSError):
        for part in parts:
            mapping.madvise(getattr(mmap, advice), *part)


def _mapping_under(X):
    while isinstance(X, np.ndarray):
        X = X.base
    return X if isinstance(X, mmap.mmap) else None
