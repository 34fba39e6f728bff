"""The files of a folder in natural order, without those that a system left there."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Lower-case names of files and folders that Windows, macOS, Linux and network storage
# create by themselves.
_LEFTOVERS = {
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini"),
    *("__macosx", "icon\r", "lost+found", "$recycle.bin", "recycler", "#recycle"),
    *("@eadir", "system volume information", "network trash folder"),
    *("temporary items", "zbthumbnail.info"),
}


def natural_order(paths: Iterable[Any]) -> list:
    """Sort paths by the numbers in their names: "2.png" comes before "10.png"."""
    return sorted(paths, key=_natural_key)


def is_leftover(path: Any) -> bool:
    """Return whether an entry of a folder comes from the system, not from the user."""
    name = Path(path).name
    return name.startswith(".") or name.lower() in _LEFTOVERS


def list_image_files(folder: Any) -> list[Path]:
    """Return the files in a folder in natural order, without leftovers."""
    return natural_order(
        entry
        for entry in Path(folder).iterdir()
        if not is_leftover(entry) and not entry.is_dir()
    )


def _natural_key(path: Any) -> tuple:
    """Return a key to sort by: folders, stem and suffix, then the path itself."""
    *parents, name = re.split(r"[\\/]", os.fspath(path))
    stem, dot, suffix = name.rpartition(".")
    parts = [*parents, stem, suffix] if dot else [*parents, name, ""]
    return [_words_and_numbers(part) for part in parts], os.fspath(path)


def _words_and_numbers(text: str) -> list:
    """Split text into words and numbers, which compare as numbers."""
    pieces: list = re.split("([0-9]+)", text.casefold())
    for i in range(1, len(pieces), 2):
        digits = pieces[i].lstrip("0")  # the number with more digits is the larger
        pieces[i] = (len(digits), digits)
    return pieces
