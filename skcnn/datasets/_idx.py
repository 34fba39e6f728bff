"""A reader for the IDX format, in which MNIST was first published."""

import gzip
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from skcnn._storage.files import damage_as_value_error, fill, open_regular
from skcnn.datasets._checks import REMEDY

_UINT8 = 0x0800


def read_idx(path: Path, item_shape: tuple[int, ...], *, max_items: int) -> np.ndarray:
    """Return the items of an IDX file of uint8, of shape ``(n, *item_shape)``.

    A file whose name ends in ``.gz`` is decompressed. A damaged file, items of another
    shape, or a header that announces more than `max_items` items raise a ValueError.
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
            has_more = bool(content.read(1))
    if n_read != len(values) or has_more:
        found = "more" if has_more else f"only {n_read}"
        raise ValueError(
            f"{path} announces {len(values)} bytes of data, but holds {found}. {REMEDY}"
        )
    return values.reshape(n_items, *item_shape)


def _n_items(
    start: bytes,
    header: struct.Struct,
    item_shape: tuple[int, ...],
    max_items: int,
    path: Path,
) -> int:
    """Return the number of items that the header announces."""
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


def _product(*factors: object) -> str:
    return " x ".join(map(str, factors))
