"""Opening files to read, and writing files and folders whole or not at all."""

import errno
import hashlib
import io
import math
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

from skcnn._messages.wording import printable

if TYPE_CHECKING:
    import numpy as np

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Images and tables of images unpack to less than MOST_RATIO times what they take in a
# file, a bomb to 1,000 times as much. Images that are all alike are the exception, up
# to MOST_UNPACKED bytes.
MOST_RATIO = 200
MOST_UNPACKED = 2**30

_NO_TERMINAL = getattr(os, "O_NOCTTY", 0)
_DAY = 24 * 60 * 60

_NO_NAME = "The path is empty. Name a file or folder"


@contextmanager
def written_whole(
    path: str | os.PathLike, *, mode: str = "b", **options: Any
) -> Iterator[IO[Any]]:
    """Open a file that takes its name only once all of it is on the disk.

    A file that is replaced hands on its permissions and, if the process may set them,
    its owner and group. Temporary files that killed processes have left when they wrote
    to the same path are removed.

    A device, or a pipe that is being read, stays what it is: all of the content is
    written to it at the end.

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
        Open for reading and writing.

    Raises
    ------
    OSError
        If the file cannot be written, among others if `path` is empty, a folder, a
        socket or a pipe that nobody reads.
    """
    path = os.fsdecode(path)
    _refuse_no_name(path)
    stream = _open_stream(path)
    if stream is not None:
        with open(stream, "wb") as target:
            content = io.BytesIO()
            file: Any = content
            if mode == "t":
                file = io.TextIOWrapper(content, **options)
            yield file
            file.flush()
            target.write(content.getvalue())
        return
    path = os.path.realpath(path)
    _remove_leftovers(path)
    part, descriptor = _make_part(path)
    try:
        with open(descriptor, f"w+{mode}", **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if fcntl is not None:  # while the file is locked
                os.replace(part, path)
        if fcntl is None:  # Windows does not rename an open file
            os.replace(part, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part)
        raise


@contextmanager
def folder_written_whole(path: str | os.PathLike) -> Iterator[str]:
    """Make a folder that takes its name only once all in it is on the disk.

    Temporary folders that killed processes have left when they wrote to the same path
    are removed.

    Parameters
    ----------
    path : str or path-like
        The folder. Nothing may be there.

    Yields
    ------
    str
        The path of a temporary folder to write into. It is removed if the block raises.

    Raises
    ------
    FileExistsError
        If something is at `path`, be it a link that leads nowhere.
    OSError
        If the folder cannot be made.
    """
    path = os.fsdecode(path)
    if not path:
        raise FileNotFoundError(errno.ENOENT, _NO_NAME, path)
    path = path.rstrip(os.sep + (os.altsep or "")) or os.sep
    _refuse_existing(path)
    _remove_leftovers(path)
    part, descriptor = _make_part_folder(path)
    try:
        yield part
        for folder, _, names in os.walk(part):
            for name in names:
                with open(os.path.join(folder, name), "rb+") as file:
                    os.fsync(file.fileno())
        # Renaming replaces an empty folder, and fails on all else.
        _refuse_existing(path)
        try:
            os.rename(part, path)
        except OSError:
            _refuse_existing(path)
            raise
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def open_regular(path: str | os.PathLike) -> Iterator[BinaryIO]:
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


def _without_waiting(path: Any, flags: int) -> int:
    """Open a file without waiting for a process at the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _refuse_no_name(path: str) -> None:
    """Refuse a path that names no file, whatever is there."""
    if not path:
        raise FileNotFoundError(errno.ENOENT, _NO_NAME, path)
    if re.split(r"[/\\]" if os.altsep else "/", path)[-1] in ("", ".", ".."):
        raise IsADirectoryError(
            errno.EISDIR, "The path is that of a folder. Name a file in it", path
        )


def _refuse_existing(path: str) -> None:
    """Refuse to write a folder where something is."""
    if os.path.lexists(path):
        raise FileExistsError(
            errno.EEXIST, "It exists. Delete it, or choose another name", path
        )


def _open_stream(path: str) -> int | None:
    """Open what can only be written to as it is; return None if a file can be there."""
    own = _own_descriptor(path)
    if own is not None:
        return os.dup(own)
    try:
        kind = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(kind):
        return None
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(
            errno.EISDIR, "There is a folder. Name a file in it", path
        )
    if not (stat.S_ISCHR(kind) or stat.S_ISFIFO(kind)):
        raise OSError(
            errno.EINVAL, "There is neither a file nor a stream. Name a file", path
        )
    # Without waiting for a process to open the other end of a pipe.
    without_waiting = getattr(os, "O_NONBLOCK", 0)
    try:
        stream = os.open(path, os.O_WRONLY | without_waiting | _NO_TERMINAL)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise OSError(
            errno.ENXIO, "There is a pipe that nobody reads. Name a file", path
        ) from error
    if without_waiting:
        os.set_blocking(stream, True)
    return stream


def _own_descriptor(path: str) -> int | None:
    """Return the N of /dev/fd/N, to which /dev/stdout and the like are links."""
    for _ in range(40):  # as many links as Linux follows
        folder, name = os.path.split(os.path.abspath(path))
        folder = os.path.realpath(folder)
        if name.isdecimal() and folder in (f"/proc/{os.getpid()}/fd", "/dev/fd"):
            return int(name)
        if not os.path.islink(path):
            return None
        path = os.path.join(folder, os.readlink(path))
    return None


def _make_part(path: str) -> tuple[str, int]:
    """Make a temporary file beside `path` and lock it; return its name and descriptor.

    The lock tells other processes that this one is alive. It ends with the process.
    """
    try:
        old = os.stat(path)
    except FileNotFoundError:
        old = None
    while True:
        part = f"{_part_prefix(path)}{uuid4().hex[:8]}.part"
        try:
            descriptor = os.open(
                part,
                os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0),
                # Nobody may read a private file while it is written.
                0o666 if old is None else 0o600,
            )
        except OSError as error:
            error.filename = path
            raise
        if fcntl is None:
            return part, descriptor
        # Before it is locked, another process can take the file for a leftover.
        if _lock(descriptor, fcntl.LOCK_EX) and os.path.exists(part):
            if old is not None:
                _hand_on_permissions(old, descriptor)
            return part, descriptor
        os.close(descriptor)
        with suppress(FileNotFoundError):
            os.unlink(part)


def _make_part_folder(path: str) -> tuple[str, int | None]:
    """Make a temporary folder beside `path` and lock it, as `_make_part` does a file.

    Without locks there is no descriptor.
    """
    while True:
        part = f"{_part_prefix(path)}{uuid4().hex[:8]}.part"
        try:
            os.mkdir(part)
        except OSError as error:
            error.filename = path
            raise
        if fcntl is None:
            return part, None
        with suppress(FileNotFoundError):  # another process took it for a leftover
            descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW)
            if _lock(descriptor, fcntl.LOCK_EX) and os.path.exists(part):
                return part, descriptor
            os.close(descriptor)
        shutil.rmtree(part, ignore_errors=True)


def _lock(descriptor: int, kind: int) -> bool:
    """Try to lock a file; return False if another process has locked it."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Some network file systems have no locks: write the file all the same, and
        # leave those of others alone.
        return kind == fcntl.LOCK_EX
    return True


def _hand_on_permissions(old: os.stat_result, descriptor: int) -> None:
    """Give a file the owner, group and permissions of another, as far as possible."""
    permissions = stat.S_IMODE(old.st_mode)
    with suppress(OSError):
        os.fchown(descriptor, old.st_uid, -1)
    try:
        os.fchown(descriptor, -1, old.st_gid)
    except OSError:
        # Another group gets no more permissions than everybody.
        permissions &= ~0o070 | (permissions & 0o007) << 3
    # Some file systems have no permissions.
    with suppress(OSError):
        os.fchmod(descriptor, permissions)


def _remove_leftovers(path: str) -> None:
    """Remove what processes have left that were killed while writing `path`."""
    folder, prefix = os.path.split(_part_prefix(path))
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if re.fullmatch(re.escape(prefix) + r"[0-9a-f]{8}\.part", entry.name):
                with suppress(OSError):
                    _remove_if_left(entry.path)


def _remove_if_left(part: str) -> None:
    """Remove a temporary file or folder unless a process is writing it."""
    if fcntl is None:
        # Windows does not remove a file that a process has opened.
        if os.stat(part).st_mtime < time.time() - _DAY:
            _remove(part)
        return
    descriptor = os.open(part, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        if _lock(descriptor, fcntl.LOCK_SH):
            _remove(part)
    finally:
        os.close(descriptor)


def _remove(path: str) -> None:
    """Remove a file, or a folder with all in it."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def _part_prefix(path: str) -> str:
    """Return the path, without its end, of the temporary files for `path`."""
    folder, name = os.path.split(path)
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:12]
    return os.path.join(folder, f".skcnn-{digest}-")


@contextmanager
def damage_as_value_error(
    origin: Any, remedy: str = "Copy or download it again."
) -> Iterator[None]:
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


def most_unpacked(size: int) -> int:
    """Return the most bytes that a compressed file of `size` bytes may unpack to."""
    return max(MOST_RATIO * size, MOST_UNPACKED)


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

    def __init__(
        self, file: Any, piece: int, end: float = math.inf, n_reads: float = math.inf
    ) -> None:
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


def fill(file: IO[bytes], values: "np.ndarray") -> int:
    """Read into an array of bytes; return how many there were before the file ended."""
    n_read, memory = 0, values.data
    while n_read < len(memory):
        # A piece at a time, as what unpacks a file holds a copy or two of it.
        content = file.read(min(len(memory) - n_read, 2**18))
        if not content:
            break
        memory[n_read : n_read + len(content)] = content
        n_read += len(content)
    return n_read
