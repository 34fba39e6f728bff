"""Reading NumPy's file formats, ``.npy`` and ``.npz``, from files that may be hostile.

NumPy's own reader hands the header to Python's parser, and reserves the memory that the
header asks for before it looks for the values. This one takes the header only in the
form in which NumPy writes it, compares the sizes with the bytes that are there, and
makes nothing but arrays of plain values.
"""

import math
import re
import struct
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Literal, NamedTuple

import numpy as np

from skcnn._files import (
    LimitedReads,
    damage_as_value_error,
    fill,
    most_unpacked,
    open_regular,
)
from skcnn._wording import shown

# NumPy's own limit for a header.
_MOST_HEADER = 10_000
# `zipfile` reads the directory of an archive in one piece. This holds 10,000 entries.
_MOST_DIRECTORY = 2**20

_REMEDY = "It is damaged or incomplete: copy or download it again."

_MAGIC = b"\x93NUMPY"
_VERSIONS = {b"\x01\x00": "<H", b"\x02\x00": "<I", b"\x03\x00": "<I"}
_HEADER = re.compile(
    rb"\{ *+'descr' *+: *+'(?P<dtype>[^']*)' *+,"
    rb" *+'fortran_order' *+: *+(?P<order>True|False) *+,"
    rb" *+'shape' *+: *+\((?P<shape>[0-9L, ]*)\) *+,?+ *+\} *+\n?+"
)
# Truth values, integers, floats, text and dates, none of width 0.
_DTYPE = re.compile(
    rb"[|<>](b1|[iu][1248]|f(2|4|8|12|16)|[SU][1-9][0-9]{0,9}"
    rb"|[mM]8(\[[1-9]?[0-9]{0,8}(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\])?)"
)
# NumPy on Python 2 wrote an L after some integers.
_SIDE = re.compile(rb" *+([0-9]{1,19})L?+ *+")


class NpyHeader(NamedTuple):
    """What the header of an array in NumPy's format says.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
        Of plain values, and of one byte or more.
    order : {"C", "F"}
        In which order the values are in the file.
    length : int
        How many bytes the header has; the values follow it.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    order: Literal["C", "F"]
    length: int

    @property
    def nbytes(self):
        """How many bytes the values take."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_npy_header(file: BinaryIO, origin) -> NpyHeader:
    """Read the header of an array in NumPy's format, and nothing after it.

    Parameters
    ----------
    file : binary file
        At the beginning of the array.
    origin : str or path-like
        What the array is called in messages.

    Returns
    -------
    NpyHeader

    Raises
    ------
    ValueError
        If NumPy did not write the header, or the values are not plain: truth values,
        numbers, text or dates.
    OSError
        If the file cannot be read.
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


def read_npy(file: BinaryIO, size: int, origin) -> np.ndarray:
    """Read an array in NumPy's format.

    Beside the array, little more than a megabyte of memory is taken.

    Parameters
    ----------
    file : binary file
        At the beginning of the array.
    size : int
        How many bytes of the file belong to the array, header included. All of them
        have to be used.
    origin : str or path-like
        What the array is called in messages.

    Returns
    -------
    ndarray
        A new one of plain values: truth values, numbers, text or dates.

    Raises
    ------
    ValueError
        If NumPy did not write the array, it is damaged, holds other than plain values,
        or does not fit into memory.
    OSError
        If the file cannot be read.
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


def check_values(values: np.ndarray, dtype: np.dtype, origin) -> None:
    """Refuse bytes that no value of a dtype has, and that NumPy does not expect.

    Parameters
    ----------
    values : ndarray of shape (n,), dtype uint8
        The bytes.
    dtype : dtype
        What they are to be values of.
    origin : str or path-like
        What the array is called in messages.

    Raises
    ------
    ValueError
        If a truth value is neither 0 nor 1, or a character beyond the last one.
    """
    if dtype.kind == "U":
        points = values.view(np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if points.size and points.max() > sys.maxunicode:
            raise ValueError(f"{origin} holds text with a character that there is not.")
    if dtype.kind == "b" and values.size and values.max() > 1:
        raise ValueError(f"{origin} holds truth values that are neither 0 nor 1.")


@contextmanager
def open_npz(path) -> Iterator["Npz"]:
    """Open an ``.npz`` file, of which only what is asked for is unpacked.

    Parameters
    ----------
    path : str or path-like
        The file.

    Yields
    ------
    Npz

    Raises
    ------
    ValueError
        If it is not an ``.npz`` file, or damaged.
    OSError
        If it cannot be read.
    """
    with open_regular(path) as file:
        with damage_as_value_error(path):
            archive = zipfile.ZipFile(LimitedReads(file, _MOST_DIRECTORY))
        yield Npz(archive, file.seek(0, 2), path)


class Npz:
    """The arrays of an open ``.npz`` file.

    Parameters
    ----------
    archive : ZipFile
        Opened for reading.
    size : int
        How many bytes the file has.
    path : str or path-like
        What it is called in messages.

    Attributes
    ----------
    names : list of str
        The names of the arrays. They are foreign text.
    """

    def __init__(self, archive, size, path):
        self._archive = archive
        self._size = size
        self._path = path
        self._unpacked: set[str] = set()
        names = archive.namelist()
        if len(set(names)) < len(names):
            raise ValueError(f"{path} has two entries of the same name. {_REMEDY}")
        self.names = [
            name.removesuffix(".npy") for name in names if name.endswith(".npy")
        ]

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape that an array has according to its header."""
        return self._header(name).shape

    def dtype(self, name: str) -> np.dtype:
        """Return the dtype that an array has according to its header."""
        return self._header(name).dtype

    def __getitem__(self, name: str) -> np.ndarray:
        """Return an array, unpacked anew at each call.

        Parameters
        ----------
        name : str
            One of `names`.

        Returns
        -------
        ndarray

        Raises
        ------
        KeyError
            If there is no array of this name.
        ValueError
            If it is damaged, holds other than plain values, or if it and those asked
            for before unpack to more than arrays do.
        """
        entry, origin = self._entry(name)
        self._unpacked.add(name)
        total = sum(self._entry(name)[0].file_size for name in self._unpacked)
        if total > most_unpacked(self._size):
            raise ValueError(
                f"{self._path} has {self._size} bytes and unpacks to "
                f"{total / 2**20:,.0f} MB, which only images do that are all alike. If "
                "these are, write them with numpy.savez in place of "
                "numpy.savez_compressed."
            )
        with self._open(entry, origin) as file:
            return read_npy(file, entry.file_size, origin)

    def _header(self, name):
        entry, origin = self._entry(name)
        with self._open(entry, origin) as file:
            return read_npy_header(file, origin)

    def _open(self, entry, origin):
        with damage_as_value_error(origin):
            return self._archive.open(entry)

    def _entry(self, name):
        """Return what the directory says of an array, and its name in messages."""
        entry = self._archive.getinfo(f"{name}.npy")
        origin = f"{self._path}: {shown(entry.filename)}"
        if entry.flag_bits & 1:
            raise ValueError(f"{origin} is encrypted. Unpack it first.")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(
                f"{origin} is compressed in another way than by "
                "numpy.savez_compressed. Write it with numpy.savez."
            )
        is_stored = entry.compress_type == zipfile.ZIP_STORED
        if (
            entry.header_offset < 0
            or entry.header_offset + entry.compress_size > self._size
            or (is_stored and entry.compress_size != entry.file_size)
        ):
            raise ValueError(f"{origin} lies outside of the file. {_REMEDY}")
        return entry, origin


def _take(file: BinaryIO, n: int, origin) -> bytes:
    """Read `n` bytes, or as many as there are."""
    with damage_as_value_error(origin):
        return file.read(n)


def _shape(text: bytes, origin) -> tuple[int, ...]:
    """Return the shape that a tuple of integers in a header says."""
    sides = text.split(b",")
    if not sides[-1].strip():
        sides.pop()  # A tuple of one ends in a comma, one of none is empty.
    matches = [_SIDE.fullmatch(side) for side in sides]
    if len(matches) > 64 or not all(matches):
        raise ValueError(
            f"{origin} has the shape ({shown(text)}), which is no shape of an array."
        )
    return tuple(int(match[1]) for match in matches if match)


def _dtype(text: bytes, origin) -> np.dtype:
    """Return the dtype that a header names."""
    if _DTYPE.fullmatch(text):
        with suppress(TypeError, ValueError):
            return np.dtype(text.decode("ascii"))
    name = "object" if text == b"|O" else shown(text)
    raise ValueError(
        f"{origin} is an array of dtype {name}, but one of numbers, text or dates was "
        "expected."
    )
