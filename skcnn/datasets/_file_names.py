"""Finding the file in a folder that a value of a table names."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from skcnn._images.folder_listing import is_leftover
from skcnn._messages.wording import shown
from skcnn.datasets._class_folders import refuse_links_out

IMAGE_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("png", "jpg", "jpeg", "jpe", "gif", "bmp", "tif", "tiff", "webp", "ppm"),
        *("pgm", "pbm", "avif", "heic", "heif", "jp2", "ico", "pcx", "tga", "mpo"),
    )
)


class NamedFiles:
    """The files in a folder, found by any name that a table may use for a file.

    A file is found by its path or the end of its path, with or without suffix, in any
    case, or by the number in its name. `by_number` counts the files that were found by
    their numbers alone.
    """

    def __init__(self, folder: Any) -> None:
        self.folder = Path(folder)
        self.paths = sorted(_walk(self.folder))
        refuse_links_out((self.folder / path for path in self.paths), self.folder)
        if not self.paths:
            raise ValueError(f"{self.folder} has no files in it.")
        self.by_number = 0
        # For each rule, from exact to loose: name -> files.
        self._rules: list[dict[str, list[PurePosixPath]]] = [{} for _ in range(5)]
        for path in self.paths:
            stem = path.with_suffix("")
            for i in range(len(path.parts)):
                name = "/".join(path.parts[i:])
                short_name = "/".join(stem.parts[i:])
                for rule, key in enumerate(
                    (name, short_name, name.casefold(), short_name.casefold())
                ):
                    self._rules[rule].setdefault(key, []).append(path)
            if re.fullmatch("[0-9]+", stem.name):
                key = str(int(stem.name))
                self._rules[4].setdefault(key, []).append(path)

    def find(self, text: str) -> PurePosixPath | None:
        """Return the file that a value of the table names, or None."""
        rule, key, found = self._candidates(text)
        if not found:
            return None
        self.by_number += rule == 4
        return self._only(text, key, found)

    def has(self, text: str) -> bool:
        """Return whether a value of the table may name a file."""
        return bool(self._candidates(text)[2])

    def _candidates(self, text: str) -> tuple[int, str, list[PurePosixPath]]:
        """Return the first rule that finds files for a value, the name, the files."""
        parts = [
            p for p in re.split(r"[\\/]", text.strip()) if p not in ("", ".", "..")
        ]
        names = ["/".join(parts[i:]) for i in range(len(parts))]
        folded = [name.casefold() for name in names]
        stems, numbers = [], []
        if parts and PurePosixPath(parts[-1]).suffix.lower() in IMAGE_SUFFIXES:
            stems = [str(PurePosixPath(name).with_suffix("")) for name in names]
        if parts and re.fullmatch("[0-9]+", parts[-1]):
            numbers = [str(int(parts[-1]))]
        for rule, keys in (
            (0, names),
            (1, names),
            (2, folded),
            (3, folded),
            (1, stems),
            (4, numbers),
        ):
            for key in keys:
                if found := self._rules[rule].get(key):
                    return rule, key, found
        return 0, "", []

    def _only(self, text: str, key: str, found: list[PurePosixPath]) -> PurePosixPath:
        """Return the one file that a value names, or raise if several are possible."""
        if len(found) > 1:
            # Prefer the file whose complete path is the name.
            complete = [p for p in found if key in (str(p), str(p.with_suffix("")))]
            found = complete or found
        if len(found) > 1:
            # Prefer an image to a text file of the same name.
            images = [p for p in found if p.suffix.lower() in IMAGE_SUFFIXES]
            found = images or found
        if len(found) > 1:
            raise ValueError(
                f"{shown(text)} may be {found[0]} or {found[1]} in {self.folder}. Pass "
                "the folder that holds the images of this table, or put the complete "
                "path or the extension into the table."
            )
        return found[0]


def _walk(folder: Path) -> Iterator[PurePosixPath]:
    """Yield the files in a folder and in the folders below, relative to the folder."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder.")
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_leftover(name)]
        for name in names:
            if not is_leftover(name):
                path = Path(here, name).relative_to(folder)
                yield PurePosixPath(path.as_posix())
