"""Readers for NumPy's file formats ``.npy`` and ``.npz``, safe for hostile files.

NumPy's own reader passes the header to Python's parser, and allocates the memory that
the header asks for before it reads the values. The readers here accept a header only in
the form in which NumPy writes it, compare the announced size with the size of the file,
and return only arrays of plain values.
"""

import math
import re
import struct
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, Literal, NamedTuple

import numpy as np

from skcnn._messages.wording import shown
from skcnn._storage.files import (
    LimitedReads,
    damage_as_value_error,
    fill,
    most_unpacked,
    open_regular,
)

# The most bytes of a header, as in NumPy.
_MOST_HEADER = 10_000
# `zipfile` reads the whole directory of an archive at once. This many bytes hold 10,000
# entries.
_MOST_DIRECTORY = 2**20

_REMEDY = "It is damaged or incomplete: copy or download it again."

_MAGIC = b"\x93NUMPY"
_VERSIONS = {b"\x01\x00": "<H", b"\x02\x00": "<I", b"\x03\x00": "<I"}
_HEADER = re.compile(
    rb"\{ *+'descr' *+: *+'(?P<dtype>[^']*)' *+,"
    rb" *+'fortran_order' *+: *+(?P<order>True|False) *+,"
    rb" *+'shape' *+: *+\((?P<shape>[0-9L, ]*)\) *+,?+ *+\} *+\n?+"
)
# Booleans, integers, floats, text and dates, of at least one byte.
_DTYPE = re.compile(
    rb"[|<>](b1|[iu][1248]|f(2|4|8|12|16)|[SU][1-9][0-9]{0,9}"
    rb"|[mM]8(\[[1-9]?[0-9]{0,8}(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?)"
)
# NumPy wrote an L after some integers on Python 2.
_SIDE = re.compile(rb" *+([0-9]{1,19})L?+ *+")


class NpyHeader(NamedTuple):
    """The header of an array in NumPy's format.

    `order` is the order of the values in the file. `length` is the number of bytes of
    the header; the values follow.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    order: Literal["C", "F"]
    length: int

    @property
    def nbytes(self) -> int:
        """The number of bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy_header(file: IO[bytes], origin: Any) -> NpyHeader:
    """Read the header of an array in NumPy's format, and nothing after the header.

    A ValueError is raised if NumPy did not write the header, or if the dtype is not one
    of plain values: booleans, numbers, text or dates. `origin` names the array in
    messages.
    """
    start = _take(file, len(_MAGIC) + 2, origin)
    magic, version = start[: len(_MAGIC)], start[len(_MAGIC) :]
    if magic != _MAGIC or version not in _VERSIONS:
        raise ValueError(
            f"{origin} is not an array in NumPy's format: it begins with "
            f"{bytes(start)!r}. Write it with numpy.save or numpy.savez."
        )
    size_format = struct.Struct(_VERSIONS[version])
    size_field = _take(file, size_format.size, origin)
    (size,) = size_format.unpack(size_field.ljust(size_format.size, b"\xff"))
    header = _take(file, min(size, _MOST_HEADER), origin)
    match = _HEADER.fullmatch(header) if len(header) == size else None
    if match is None:
        raise ValueError(
            f"{origin} has the header {shown(header)}, which NumPy does not write for "
            "arrays of numbers, text or dates. Write it with numpy.save or "
            "numpy.savez."
        )
    return NpyHeader(
        _shape(match["shape"], origin),
        _dtype(match["dtype"], origin),
        "F" if match["order"] == b"True" else "C",
        len(start) + len(size_field) + size,
    )


def read_npy(file: IO[bytes], size: int, origin: Any) -> np.ndarray:
    """Read an array in NumPy's format that takes exactly `size` bytes of the file.

    A ValueError is raised if NumPy did not write the array, if it is damaged or does
    not fit into memory, or if its values are not booleans, numbers, text or dates.
    `origin` names the array in messages. Beside the array, little more than 1 MB of
    memory is used.
    """
    header = read_npy_header(file, origin)
    if header.length + header.nbytes != size:
        raise ValueError(
            f"{origin} announces {header.nbytes} bytes of values for the shape "
            f"{header.shape}, but holds {max(size - header.length, 0)}. {_REMEDY}"
        )
    with damage_as_value_error(origin):
        values = np.empty(header.nbytes, np.uint8)
        array = np.ndarray(header.shape, header.dtype, values, order=header.order)
        n_read = fill(file, values)
    if n_read != header.nbytes:
        raise ValueError(
            f"{origin} ends after {n_read} of {header.nbytes} bytes of values. "
            f"{_REMEDY}"
        )
    check_values(values, header.dtype, origin)
    return array


def check_values(values: np.ndarray, dtype: np.dtype, origin: Any) -> None:
    """Refuse bytes (uint8) that no boolean or character of a dtype can have.

    NumPy expects booleans to be 0 or 1, and characters to exist in Unicode.
    """
    if dtype.kind == "U":
        points = values.view(np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if points.size and points.max() > sys.maxunicode:
            raise ValueError(
                f"{origin} holds text with a character that does not exist in Unicode."
            )
    if dtype.kind == "b" and values.size and values.max() > 1:
        raise ValueError(f"{origin} holds booleans that are neither 0 nor 1.")


@contextmanager
def open_npz(path: Any) -> Iterator["Npz"]:
    """Open an ``.npz`` file; its arrays are unpacked only when they are asked for.

    A file that is damaged, or not an ``.npz`` file, raises a ValueError.
    """
    with open_regular(path) as file:
        with damage_as_value_error(path):
            archive = zipfile.ZipFile(LimitedReads(file, _MOST_DIRECTORY))
        yield Npz(archive, file.seek(0, 2), path)


class Npz:
    """The arrays of an open ``.npz`` file.

    `names` lists the names of the arrays, which may be any text: use
    :func:`~skcnn._messages.wording.shown` to print one. `size` is the size of the file
    in bytes, and `path` names the file in messages.
    """

    def __init__(self, archive: zipfile.ZipFile, size: int, path: Any) -> None:
        self._archive = archive
        self._size = size
        self._path = path
        self._unpacked: set[str] = set()
        names = archive.namelist()
        if len(set(names)) < len(names):
            raise ValueError(f"{path} has two entries with the same name. {_REMEDY}")
        self.names = [
            name.removesuffix(".npy") for name in names if name.endswith(".npy")
        ]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of an array, from its header."""
        return self._header(name).shape

    def dtype(self, name: str) -> np.dtype:
        """Return the dtype of an array, from its header."""
        return self._header(name).dtype

    def __getitem__(self, name: str) -> np.ndarray:
        """Return an array; each call unpacks it again.

        An unknown name raises a KeyError. A ValueError is raised if the array is
        damaged or does not hold plain values, or if all arrays that were asked for are
        too large for the size of the file.
        """
        entry, origin = self._entry(name)
        self._unpacked.add(name)
        total = sum(self._entry(name)[0].file_size for name in self._unpacked)
        if total > most_unpacked(self._size):
            raise ValueError(
                f"{self._path} has {self._size} bytes and unpacks to "
                f"{total / 2**20:,.0f} MB, which is only plausible if all images are "
                "nearly equal. If they are, write them with numpy.savez instead of "
                "numpy.savez_compressed."
            )
        with self._open(entry, origin) as file:
            return read_npy(file, entry.file_size, origin)

    def _header(self, name: str) -> NpyHeader:
        entry, origin = self._entry(name)
        with self._open(entry, origin) as file:
            return read_npy_header(file, origin)

    def _open(self, entry: zipfile.ZipInfo, origin: str) -> IO[bytes]:
        with damage_as_value_error(origin):
            return self._archive.open(entry)

    def _entry(self, name: str) -> tuple[zipfile.ZipInfo, str]:
        """Return the directory's entry of an array, and its name for messages."""
        entry = self._archive.getinfo(f"{name}.npy")
        origin = f"{self._path}: {shown(entry.filename)}"
        if entry.flag_bits & 1:
            raise ValueError(f"{origin} is encrypted. Unpack it first.")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(
                f"{origin} is not compressed as numpy.savez_compressed does it. Write "
                "it with numpy.savez."
            )
        is_stored = entry.compress_type == zipfile.ZIP_STORED
        if (
            entry.header_offset < 0
            or entry.header_offset + entry.compress_size > self._size
            or (is_stored and entry.compress_size != entry.file_size)
        ):
            raise ValueError(f"{origin} lies outside the file. {_REMEDY}")
        return entry, origin


def _take(file: IO[bytes], n: int, origin: Any) -> bytes:
    """Read at most `n` bytes."""
    with damage_as_value_error(origin):
        return file.read(n)


def _shape(text: bytes, origin: Any) -> tuple[int, ...]:
    """Return the shape in a header, from the text between the parentheses."""
    sides = text.split(b",")
    # A tuple of one integer ends in a comma, and an empty tuple has no text.
    if not sides[-1].strip():
        sides.pop()
    matches = [_SIDE.fullmatch(side) for side in sides]
    if len(matches) > 64 or not all(matches):
        raise ValueError(
            f"{origin} has the shape ({shown(text)}), which no array can have."
        )
    return tuple(int(match[1]) for match in matches if match)


def _dtype(text: bytes, origin: Any) -> np.dtype:
    """Return the dtype in a header."""
    if _DTYPE.fullmatch(text):
        with suppress(TypeError, ValueError):
            return np.dtype(text.decode("ascii"))
    name = "object" if text == b"|O" else shown(text)
    raise ValueError(
        f"{origin} is an array of dtype {name}, but one of numbers, text or dates was "
        "expected."
    )
