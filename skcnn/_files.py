"""Opening files: those to be read, and those to be written whole or not at all."""

import errno
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import numpy as np


@contextmanager
def written_whole(path, *, mode="b", **options):
    """Open a file that takes its name only once all of it is on the disk.

    Parameters
    ----------
    path : str or path-like
        The file. Whatever is there stays until the new one is complete, and stays for
        good if the block raises. A link is followed.
    mode : {"b", "t"}, default="b"
        Bytes or text.
    **options : dict
        Further arguments of `open`, such as the encoding of a text.

    Yields
    ------
    file object
        Open for reading and writing, in the folder of `path`.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(os.path.realpath(path))
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with open(part, f"x+{mode}", **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def open_regular(path) -> Iterator[BinaryIO]:
    """Open a file for reading, unless it is a device or a pipe, and never wait for one.

    Parameters
    ----------
    path : str or path-like
        The file.

    Yields
    ------
    binary file

    Raises
    ------
    ValueError
        If there is something else than a file.
    OSError
        If there is nothing, or a folder, or it may not be read.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError(f"{path} is not a file, but a device or a pipe.")
        yield file


def _without_waiting(path, flags):
    # Opening a pipe waits for a process at its other end otherwise.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


@contextmanager
def damage_as_value_error(origin, remedy="Copy or download it again."):
    """Turn whatever a library raises on the content of a file into a ValueError.

    Errors of the operating system, such as a missing permission, pass through: they say
    nothing about the content.

    Parameters
    ----------
    origin : str or path-like
        What the file is called in the message.
    remedy : str
        What to do.
    """
    try:
        yield
    except MemoryError as error:
        raise ValueError(f"{origin} does not fit into memory.") from error
    except Exception as error:
        # `gzip` raises an OSError without a number, and a damaged archive sends `seek`
        # to before the file.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        raise ValueError(
            f"{origin} is damaged or incomplete ({type(error).__name__}: "
            f"{printable(error)}). {remedy}"
        ) from error


class LimitedReads:
    """A binary file of which a library can read only so much.

    `zipfile` and `tarfile` read a directory or a header in one piece, however long it
    says that it is.

    Parameters
    ----------
    file : binary file
        Opened for reading.
    piece : int
        How many bytes can be read at once.
    end : int, default=inf
        Up to which byte the file can be read.
    n_reads : int, default=inf
        How often it can be read.
    """

    def __init__(self, file, piece, end=math.inf, n_reads=math.inf):
        self._file = file
        self._piece = piece
        self._end = end
        self._n_reads = n_reads
        self.tell = file.tell
        self.seekable = file.seekable

    def read(self, n: int = -1) -> bytes:
        self._n_reads -= 1
        if n > self._piece or self._n_reads < 0:
            raise ValueError(f"a header or directory of more than {self._piece} bytes")
        return self._file.read(self._piece if n < 0 else n)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if offset > self._end:
            raise ValueError(f"it has more than {self._end} bytes")
        return self._file.seek(offset, whence)


def fill(file: BinaryIO, values: np.ndarray) -> int:
    """Read into an array of bytes; return how many there were before the file ended."""
    n_read = 0
    while n_read < len(values):
        # A piece at a time, as what unpacks a file holds a copy or two of it.
        content = file.read(min(len(values) - n_read, 2**18))
        if not content:
            break
        values[n_read : n_read + len(content)] = np.frombuffer(content, np.uint8)
        n_read += len(content)
    return n_read


def printable(text) -> str:
    """Return what a file or a library says in one line of at most 200 characters."""
    text = str(text)
    short = text if len(text) <= 200 else f"{text[:200]} ..."
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in short)


def shown(value: str | bytes) -> str:
    """Return the beginning of what a file says, in quotation marks, for a message."""
    return repr(value) if len(value) <= 80 else f"{value[:80]!r} ..."
