"""Write files completely or not at all, and never over an existing file unasked."""

import itertools
import os
import stat
from pathlib import Path
from typing import Any

import click


def check_output(
    path: Path, force: bool, *, may_be_stream: bool = False, is_folder: bool = False
) -> None:
    """Refuse a file that cannot or should not be written, before any work is done.

    Parameters
    ----------
    path : Path
        The file.
    force : bool
        Whether an existing file may be replaced.
    may_be_stream : bool, default=False
        Whether the file may be a pipe or a device, such as ``/dev/stdout``.
    is_folder : bool, default=False
        Whether a folder is to be written, which is never replaced.
    """
    if is_folder and os.path.lexists(path):
        raise click.UsageError(f"{path} exists; name another folder with -o.")
    if path.is_dir():
        raise click.UsageError(f"{path} is a folder; name a file in it.")
    if _is_stream(path):
        if may_be_stream:
            return
        raise click.UsageError(f"{path} is a device or a pipe; name a file.")
    if not path.parent.is_dir():
        raise click.UsageError(f"{path.parent} is not a folder; make it first.")
    if (reason := why_read_only(path.parent)) is not None:
        raise click.UsageError(f"{path.parent} cannot be written to: {reason}.")
    if os.path.lexists(path) and not force:
        raise click.UsageError(f"{path} exists; replace it with --force.")


def check_checkpoint(path: Path) -> None:
    """Refuse a checkpoint that cannot be written; one that exists is continued."""
    check_output(path, force=True)
    if path.exists() and not os.access(path, os.R_OK):
        raise click.UsageError(f"{path} cannot be read.")


def free_model(name: str) -> Path:
    """Return the first of NAME-1.skcnn, NAME-2.skcnn, ... that the folder lacks.

    Raises a `UsageError` if nothing can be written into the working folder.
    """
    if (reason := why_read_only(Path())) is not None:
        raise click.UsageError(
            f"The working folder {Path.cwd()} cannot be written to ({reason}), so the "
            "trained network cannot be saved there. Name a file in another folder with "
            "-o FILE, or train without saving with --no-save."
        )
    numbers = itertools.count(1)
    paths = (Path(f"{name}-{number}.skcnn") for number in numbers)
    return next(path for path in paths if not os.path.lexists(path))


def save_under_free_name(estimator: Any, path: Path, name: str) -> Path:
    """Save an estimator; return the path, another one if it was taken meanwhile."""
    import skcnn

    while True:
        try:
            # Created at once, so that of several processes only one gets the name.
            path.open("x").close()
            break
        except FileExistsError:
            path = free_model(name)
    try:
        skcnn.save(estimator, path)
    except BaseException:
        if not path.stat().st_size:
            path.unlink()
        raise
    return path


def why_read_only(folder: Path) -> str | None:
    """Return why no file can be written into a folder; None if files can be."""
    import tempfile

    try:
        # Permissions alone do not tell: a file system may be full or read-only.
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return error.strerror or str(error)


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
    from skcnn._storage.files import written_whole

    # File names may contain bytes that are not valid text; they are written as escapes.
    content = text.encode("utf-8", "backslashreplace")
    with written_whole(path) as file:
        file.write(content)
