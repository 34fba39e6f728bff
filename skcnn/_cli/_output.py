"""Write files completely or not at all, and never over an existing file unasked."""

import os
import stat
from pathlib import Path

import click

from skcnn._storage.files import written_whole


def check_output(path: Path, force: bool, *, may_be_stream: bool = False) -> None:
    """Refuse a file that cannot or should not be written, before any work is done.

    Parameters
    ----------
    path : Path
        The file.
    force : bool
        Whether an existing file may be replaced.
    may_be_stream : bool, default=False
        Whether the file may be a pipe or a device, such as ``/dev/stdout``.
    """
    if path.is_dir():
        raise click.UsageError(f"{path} is a folder; name a file in it.")
    if _is_stream(path):
        if may_be_stream:
            return
        raise click.UsageError(f"{path} is a device or a pipe; name a file.")
    if not path.parent.is_dir():
        raise click.UsageError(f"{path.parent} is not a folder; make it first.")
    if not os.access(path.parent, os.W_OK):
        raise click.UsageError(f"{path.parent} cannot be written to.")
    if os.path.lexists(path) and not force:
        raise click.UsageError(f"{path} exists; replace it with --force.")


def _is_stream(path: Path) -> bool:
    """Return whether a path is a pipe, a device or the name of an open file."""
    if path.parts[:2] == (os.sep, "dev"):
        return path.exists()
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def write_text(path: Path, text: str) -> None:
    """Write a text in UTF-8 into a file, completely or not at all, or into a stream."""
    # File names may contain bytes that are not valid text; they are written as escapes.
    content = text.encode("utf-8", "backslashreplace")
    with written_whole(path) as file:
        file.write(content)
