"""Opening files: those to be read, and those to be written whole or not at all."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4


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


def printable(text) -> str:
    """Return what a file or a library says in one line of at most 200 characters."""
    text = str(text)
    short = text if len(text) <= 200 else f"{text[:200]} ..."
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in short)


def shown(value: str | bytes) -> str:
    """Return the beginning of what a file says, in quotation marks, for a message."""
    return repr(value) if len(value) <= 80 else f"{value[:80]!r} ..."
