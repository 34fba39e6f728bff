"""The folders of a data set: which of them are classes, and which are parts."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from skcnn._images.folder_listing import is_leftover, list_image_files
from skcnn._messages.wording import enumerated
from skcnn.datasets._parts import PART_WORDS, PARTS, check_subset

# Suffixes after "train", "test", ... that do not change the meaning of a folder's name.
_AFTER_PART = r"[-_. ]?(set|data|dataset|images?|imgs?|folder|split)?[-_. ]?\d*"
_PART_NAMES = {
    part: re.compile(f"({'|'.join(words)}){_AFTER_PART}", re.IGNORECASE)
    for part, words in PART_WORDS.items()
}
# A folder that holds only files with these suffixes holds no images.
_DOCUMENTS = {
    *(".txt", ".md", ".rst", ".pdf", ".html", ".htm", ".doc", ".docx", ".log", ".ini"),
    *(".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".xlsx", ".mat", ".npy"),
    *(".npz", ".zip", ".gz", ".tar", ".py", ".ipynb", ".h5", ".pkl"),
}
# Images are looked for this many levels below a folder.
_DEEPEST = 6
# A message names at most this many folders.
_MOST_NAMED = 5


def list_parts(path: Any) -> dict[str, list[Path]]:
    """Return the folders of each part of a data set: "train", "val" and "test".

    The result is empty if the folders in `path` are classes.
    """
    parts: dict[str, list[Path]] = {}
    for folder in _folders(Path(path)):
        part = _part_of(folder)
        if part is not None and _layout(folder) == "classes":
            parts.setdefault(part, []).append(folder)
    return {part: parts[part] for part in PARTS if part in parts}


def list_class_files(
    path: Path, subset: str | None
) -> tuple[list[Path], list[int], list[str]]:
    """Return the files, the class index of each file, and the names of the classes."""
    check_subset(subset)
    parts = list_parts(path)
    if parts:
        roots = _roots_of_subset(path, parts, subset)
    elif subset is not None:
        raise ValueError(
            f"Got subset={subset!r}, but {path} has no folders such as train and test "
            "with one folder for each class in them."
        )
    else:
        _refuse_other_layouts(path)
        roots = [path]
    every_root = [root for roots in parts.values() for root in roots] or [path]
    class_names = sorted({folder.name for i in every_root for folder in _folders(i)})
    files: list[Path] = []
    target: list[int] = []
    for root in roots:
        for folder in _folders(root):
            found = _files_of_class(folder, root)
            refuse_links_out(found, path)
            files += found
            target += [class_names.index(folder.name)] * len(found)
    return files, target, class_names


def _roots_of_subset(
    path: Path, parts: dict[str, list[Path]], subset: str | None
) -> list[Path]:
    """Return the folders of the parts that `subset` names."""
    names = [folder.name for folders in parts.values() for folder in folders]
    if subset is None:
        part, (folder, *_) = next(iter(parts.items()))
        are = "are the parts" if len(names) > 1 else "is a part"
        raise ValueError(
            f"{enumerated(names)} in {path} {are} of a data set, with one folder for "
            f'each class. Write subset="{part}" to load the images in {folder.name} '
            f'(subset="all" loads all parts together), or pass the folder {folder}.'
        )
    if subset == "all":
        return [folder for folders in parts.values() for folder in folders]
    if subset in parts:
        return parts[subset]
    flat = [folder for folder in _folders(path) if _part_of(folder) == subset]
    if flat and _layout(flat[0]) == "deeper":
        raise ValueError(
            f"Got subset={subset!r}, but the images lie deeper than in one folder per "
            f"class in {flat[0]}."
        )
    if flat:
        raise ValueError(
            f"Got subset={subset!r}, but the images in {flat[0]} are not in folders "
            "that name their classes, so the images have no labels. Classify the "
            "images with predict, or read them with skcnn.datasets.load_image_table if "
            "a CSV file holds the labels."
        )
    raise ValueError(
        f"Got subset={subset!r}, but the parts in {path} are {enumerated(names)}: "
        f"{enumerated([f'subset={part!r}' for part in parts])} can be loaded."
    )


def _layout(path: Path) -> str:
    """Return what the folders in a folder are, from their names and their content.

    "classes", "parts" (with classes in them), "flat parts" (with images in them),
    "images" (there are no folders, but images), "deeper" or "nothing".
    """
    filled = [folder for folder in _folders(path) if _has_images(folder, _DEEPEST)]
    if not filled:
        return "images" if _has_images(path, 0) else "nothing"
    parts = {part for folder in filled if (part := _part_of(folder)) is not None}
    if len(parts) > 1 or (parts and all(_part_of(folder) for folder in filled)):
        layouts = {_layout(folder) for folder in filled if _part_of(folder)}
        if "classes" in layouts:
            return "parts"
        return "flat parts" if "images" in layouts else "deeper"
    if any(_has_images(folder, 0) for folder in filled):
        return "classes"
    return "deeper"


def _refuse_other_layouts(path: Path) -> None:
    """Raise unless the folders in `path` are the classes."""
    layout = _layout(path)
    if layout == "deeper":
        found = list(_folders_below(path, {"classes", "parts"}))
        if found:
            more = ", for example" if len(found) > 1 else ""
            raise ValueError(
                f"The images lie deeper than in one folder per class in {path}. Pass "
                "the folder whose folders are the classes"
                f"{more}: {enumerated(map(str, found[:_MOST_NAMED]), 'or')}."
            )
        path, layout = next(_folders_below(path, {"flat parts"}), path), "flat parts"
    if layout == "flat parts":
        names = [folder.name for folder in _folders(path) if _part_of(folder)]
        look = "look like parts" if len(names) > 1 else "looks like a part"
        raise ValueError(
            f"{enumerated(names)} in {path} {look} of a data set, not like classes, "
            "and the folders inside do not name the classes of the images. If a CSV "
            "file holds the labels, read the images with "
            "skcnn.datasets.load_image_table; otherwise sort the images into one "
            "folder for each class."
        )
    if layout == "images":
        raise ValueError(
            f"{path} has no folders in it but image files; one folder of image files "
            "per class was expected. If a CSV file holds the labels, read the images "
            "with skcnn.datasets.load_image_table."
        )
    if not _folders(path):
        raise ValueError(
            f"{path} has no folders in it, but one folder of image files per class was "
            "expected."
        )


def _files_of_class(folder: Path, root: Path) -> list[Path]:
    """Return the image files of a class, or raise if its folder holds none directly."""
    deeper = [inner for inner in _folders(folder) if _has_images(inner, _DEEPEST)]
    if deeper:
        raise ValueError(
            f"{folder} is read as a class, but the folder {deeper[0]} in it has files "
            "as well. Only images directly in the folder of a class are read: move the "
            f"others up into {folder}, or pass the folder whose folders are the "
            f"classes instead of {root}."
        )
    if not _has_images(folder, 0):
        raise ValueError(
            f"{folder} has no image files, but each folder in {root} is read as a "
            "class. Put images into it, or move it elsewhere if it is not a class."
        )
    return list_image_files(folder)


def refuse_links_out(files: Iterable[Path], path: Path) -> None:
    """Raise if a link leads to a file outside the folder that the user named."""
    root = path.resolve()
    for file in files:
        try:
            leads_to = file.resolve()
        except (OSError, RuntimeError):  # a loop; reading the file raises the error
            continue
        if not leads_to.is_relative_to(root):
            raise ValueError(
                f"{file} is a link, or in a link, to {leads_to}, outside {path}. Copy "
                "the images into the folder if they belong there."
            )


def _part_of(folder: Path) -> str | None:
    """Return the part of a data set that a folder's name means, or None."""
    for part, name in _PART_NAMES.items():
        if name.fullmatch(folder.name):
            return part
    return None


def _folders(path: Path) -> list[Path]:
    """Return the folders in a folder, without leftovers, in sorted order."""
    return sorted(
        entry for entry in path.iterdir() if not is_leftover(entry) and entry.is_dir()
    )


def _folders_below(path: Path, layouts: set[str], levels: int = _DEEPEST) -> Iterator:
    """Yield the topmost folders below `path` that have one of the layouts."""
    for folder in _folders(path) if levels else ():
        if _layout(folder) in layouts:
            yield folder
        else:
            yield from _folders_below(folder, layouts, levels - 1)


def _has_images(folder: Path, levels: int) -> bool:
    """Return whether a folder, or one up to `levels` below, may hold image files."""
    inner = []
    for entry in folder.iterdir():
        if is_leftover(entry):
            continue
        if entry.is_dir():
            inner.append(entry)
        elif entry.suffix.lower() not in _DOCUMENTS:
            return True
    return levels > 0 and any(_has_images(entry, levels - 1) for entry in inner)
