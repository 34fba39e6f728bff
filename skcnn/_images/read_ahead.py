"""Advice to the operating system on which images of a memory-mapped file come next."""

import mmap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

import numpy as np

# The number of images that are requested at once, before they are copied: enough to
# keep a disk busy, and few enough that a system with little memory still holds them
# when they are copied.
AT_ONCE = 512


def take(X: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return a copy of some images, as ``X[rows]`` does, and read ahead."""
    if _mapping_under(X) is None:
        return X[rows]
    images = np.empty((len(rows), *X.shape[1:]), X.dtype)
    for start in range(0, len(rows), AT_ONCE):
        some = slice(start, start + AT_ONCE)
        read_ahead(X, rows[some])
        images[some] = X[rows[some]]
    return images


@contextmanager
def random_order(X: np.ndarray) -> Iterator[None]:
    """Advise the system that images of a mapped file are read in random order.

    Without this advice the system reads up to some MB around each image, and discards
    other images to make room. The advice ends with the context. An array in memory
    needs no advice.
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


def read_ahead(X: np.ndarray, rows: np.ndarray) -> None:
    """Let the system start to read the images `X[rows]` if `X` is a mapped file.

    The system reads many of these images at a time. Otherwise it would read one image
    after the other, each at the moment when it is copied. Nothing is copied here, and
    an array in memory needs nothing.
    """
    mapping = _mapping_of_images(X)
    if mapping is None:
        return
    first, end = np.lib.array_utils.byte_bounds(X[:1])
    start = np.frombuffer(mapping, np.uint8).ctypes.data
    begins = np.sort(first - start + rows * X.strides[0])
    pages = begins // mmap.PAGESIZE * mmap.PAGESIZE
    lengths = begins + (end - first) - pages
    ranges = zip(pages.tolist(), lengths.tolist(), strict=True)
    _advise(mapping, "MADV_WILLNEED", ranges)


def _mapping_of_images(X: np.ndarray) -> mmap.mmap | None:
    """Return the memory map under `X` if each image is contiguous in the file."""
    mapping = _mapping_under(X)
    if mapping is None or not len(X):
        return None
    first, end = np.lib.array_utils.byte_bounds(X[:1])
    return None if end - first > 2 * X[:1].nbytes else mapping


def _advise(
    mapping: mmap.mmap, advice: str, ranges: Iterable[tuple[int, ...]] = ((),)
) -> None:
    """Call madvise for ranges (start, length) of a map, by default for all of it."""
    # Python lacks madvise on some systems, and a system may refuse the advice. Both
    # only cost time.
    with suppress(AttributeError, OSError):
        for one in ranges:
            mapping.madvise(getattr(mmap, advice), *one)


def _mapping_under(X: np.ndarray) -> mmap.mmap | None:
    """Return the memory map that holds the values of an array, if any."""
    base: object = X
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, mmap.mmap) else None
