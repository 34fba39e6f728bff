"""Files that the commands write: whole or not at all, and never over another one."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from skcnn._files import written_whole


def check_output(path: Path, force: bool, *, may_be_stream: bool = False) -> None:
    """Refuse, before any work, a file that cannot or should not be written.

    Parameters
    ----------
    path : Path
        The file.
    force : bool
        Whether a file that exists may be replaced.
    may_be_stream : bool, default=False
        Whether it may be a pipe or a device, such as ``/dev/stdout``.
    """
    if path.is_dir():
        raise click.UsageError(f"{path} is a folder; name a file in it.")
    if is_stream(path):
        if may_be_stream:
            return
        raise click.UsageError(f"{path} is a device or a pipe; name a file.")
    if not path.parent.is_dir():
        raise click.UsageError(f"{path.parent} is not a folder; make it first.")
    if not os.access(path.parent, os.W_OK):
        raise click.UsageError(f"{path.parent} cannot be written to.")
    if os.path.lexists(path) and not force:
        raise click.UsageError(f"{path} exists; replace it with --force.")


def is_stream(path: Path) -> bool:
    """Return whether a path is a pipe, a device or the name of an open file."""
    if path.parts[:2] == (os.sep, "dev"):
        return path.exists()
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


@contextmanager
def opened_for_text(path: Path) -> Iterator[Any]:
    """Open a file for text in UTF-8; it is written whole or not at all.

    What is a stream is written to as it is.
    """
    options: dict[str, Any] = {
        "encoding": "utf-8",
        "errors": "backslashreplace",
        "newline": "\n",
    }
    if is_stream(path):
        with open(path, "w", **options) as stream:
            yield stream
    else:
        with written_whole(path, mode="t", **options) as file:
            yield file
