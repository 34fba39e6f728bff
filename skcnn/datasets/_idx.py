"""The IDX format, in which MNIST was first published."""

import gzip
import math
import struct

import numpy as np

from skcnn.datasets._checks import REMEDY, damage_as_value_error

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
        Read-only.

    Raises
    ------
    ValueError
        If the file is damaged or holds something else.
    """
    header = struct.Struct(f">{2 + len(item_shape)}I")
    magic = _UINT8 | (1 + len(item_shape))
    opened = gzip.open if path.suffix == ".gz" else open
    with damage_as_value_error(path), opened(path, "rb") as file:
        start = file.read(header.size)
        if len(start) < header.size:
            raise ValueError(
                f"{path} ends after {len(start)} bytes, within its header. {REMEDY}"
            )
        found_magic, n_items, *found_shape = header.unpack(start)
        if found_magic != magic:
            raise ValueError(
                f"{path} starts with the magic number {found_magic:#010x}, but "
                f"{magic:#010x} was expected. {REMEDY}"
            )
        if tuple(found_shape) != item_shape or n_items > max_items:
            raise ValueError(
                f"{path} announces {_product(n_items, *found_shape)} bytes, but "
                f"{_product(f'at most {max_items}', *item_shape)} were expected. "
                f"{REMEDY}"
            )
        size = n_items * math.prod(item_shape)
        # One byte more than announced, to notice a file that goes on.
        content = file.read(size + 1)
    if len(content) != size:
        found = "more" if len(content) > size else f"only {len(content)}"
        raise ValueError(
            f"{path} announces {size} bytes of data, but holds {found}. {REMEDY}"
        )
    return np.frombuffer(content, np.uint8).reshape(n_items, *item_shape)


def _product(*factors):
    return " x ".join(map(str, factors))
