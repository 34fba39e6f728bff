"""The IDX format, in which MNIST was first published."""

import gzip
import math
import struct
from typing import Any

import numpy as np

from skcnn._files import damage_as_value_error, fill, open_regular
from skcnn.datasets._checks import REMEDY

_UINT8 = 0x0800


def read_idx(path, item_shape, *, max_items):
    """Read an IDX file of unsigned bytes.

    Parameters
    ----------
    path : Path
        The file, compressed by gzip if its name ends in ``.gz``.
    item_shape : tuple of int
        Shape that each item is expected to have.
    max_items : int
        No more than these are read: a header is free to announce terabytes.

    Returns
    -------
    ndarray of shape (n, *item_shape), dtype uint8

    Raises
    ------
    ValueError
        If the file is damaged or holds something else.
    """
    header = struct.Struct(f">{2 + len(item_shape)}I")
    with open_regular(path) as file:
        content: Any = file
        if path.suffix == ".gz":
            content = gzip.GzipFile(fileobj=file)
        with damage_as_value_error(path, REMEDY):
            start = content.read(header.size)
        n_items = _n_items(start, header, item_shape, max_items, path)
        values = np.empty(n_items * math.prod(item_shape), np.uint8)
        with damage_as_value_error(path, REMEDY):
            n_read = fill(content, values)
            goes_on = bool(content.read(1))
    if n_read != len(values) or goes_on:
        found = "more" if goes_on else f"only {n_read}"
        raise ValueError(
            f"{path} announces {len(values)} bytes of data, but holds {found}. {REMEDY}"
        )
    return values.reshape(n_items, *item_shape)


def _n_items(start, header, item_shape, max_items, path):
    """Return how many items the header announces."""
    if len(start) < header.size:
        raise ValueError(
            f"{path} ends after {len(start)} bytes, within its header. {REMEDY}"
        )
    magic = _UINT8 | (1 + len(item_shape))
    found_magic, n_items, *found_shape = header.unpack(start)
    if found_magic != magic:
        raise ValueError(
            f"{path} starts with the magic number {found_magic:#010x}, but "
            f"{magic:#010x} was expected. {REMEDY}"
        )
    if tuple(found_shape) != item_shape or n_items > max_items:
        raise ValueError(
            f"{path} announces {_product(n_items, *found_shape)} bytes, but "
            f"{_product(f'at most {max_items}', *item_shape)} were expected. {REMEDY}"
        )
    return n_items


def _product(*factors):
    return " x ".join(map(str, factors))
