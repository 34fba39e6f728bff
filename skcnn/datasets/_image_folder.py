"""Image files in one folder per class."""

import errno
import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from skcnn import _schema
from skcnn._files import open_regular, written_whole
from skcnn._folder_listing import is_leftover, list_image_files
from skcnn._image_files import (
    ReadImages,
    check_options,
    decode_images,
    read_images_with_facts,
    skipped_message,
)
from skcnn._npy import read_npy_header
from skcnn._wording import enumerated
from skcnn.datasets._bunch import make_image_bunch
from skcnn.datasets._parts import PART_WORDS, PARTS, check_subset

# What follows the images in a cache: which files they are of. A million files take
# some ten bytes each.
_MOST_FACTS = 2**24
_PLACES = _schema.several(_schema.integer(0), most=2**22)
_FACTS = _schema.record(
    {
        "kept": _PLACES,
        "transparent": _PLACES,
        "skipped": _schema.several(
            _schema.pair(_schema.text(2**15), _schema.text(2**15)), most=2**22
        ),
    }
)

# What a name has after "train", "test", ... where it means nothing more.
_AFTER_PART = r"[-_. ]?(set|data|dataset|images?|imgs?|folder|split)?[-_. ]?\d*"
_PART_NAMES = {
    part: re.compile(f"({'|'.join(words)}){_AFTER_PART}", re.IGNORECASE)
    for part, words in PART_WORDS.items()
}
# A folder that has only such files has no images.
_DOCUMENTS = {
    *(".txt", ".md", ".rst", ".pdf", ".html", ".htm", ".doc", ".docx", ".log", ".ini"),
    *(".csv", ".tsv", ".json", ".xml", ".yaml", ".yml", ".xlsx", ".mat", ".npy"),
    *(".npz", ".zip", ".gz", ".tar", ".py", ".ipynb", ".h5", ".pkl"),
}
_DEEPEST = 6  # levels below the folder that images are looked for
_MOST_NAMED = 5


def load_image_folder(
    path,
    *,
    image_shape=None,
    subset=None,
    cache=None,
    on_error="raise",
    background="white",
):
    """Load image files that lie in one folder per class, as a viewer shows them.

    ::

        path/
            cat/
                1.jpg
                2.png
            dog/
                1.jpg

    The names of the folders are the names of the classes, in sorted order; those of
    the files do not matter. Hidden files and what systems leave in folders (those that
    start with a dot, ``Thumbs.db``, ``desktop.ini``, ``__MACOSX``) are skipped, and so
    are files that lie directly in `path`. Reading takes Pillow:
    ``pip install "skcnn[images]"``.

    Pictures are turned as the camera notes (EXIF), transparent pixels are put on a
    background, palettes and other color spaces become gray or RGB, and of an animation
    or a stack the first image is taken. The content of a file tells its format, not its
    name. Color profiles (ICC) are not applied.

    Parameters
    ----------
    path : str or path-like
        The folder that holds the classes' folders, or the parts of a data set, such as
        ``train`` and ``test``, which hold the classes' folders: see `subset`.
    image_shape : tuple of int, default=None
        ``(height, width)`` for gray images, or ``(height, width, channels)`` with 1
        channel for gray, 3 for red, green and blue or 4 with transparency. Images of
        another size are resized (bilinear, without keeping their proportions), those
        of another color mode are converted. If None, all images must have the same
        size; they are gray if all files are, else color.
    subset : {"train", "val", "test", "all"}, default=None
        Which part to load where `path` holds folders with names like ``train``,
        ``validation`` or ``test1`` that have the classes' folders in them. The classes
        are those of all parts together, whichever is loaded.
    cache : str or path-like, default=None
        A file, such as ``"pets.npy"``, in which the images are kept as they are
        in memory otherwise. The first call reads the image files one by one and writes
        it, whole or not at all; later calls only look whether the image files are
        still the same, by name, size and time of change. `images` is then a read-only
        :class:`numpy.memmap` of it, which may be larger than the memory.
    on_error : {"raise", "skip"}, default="raise"
        What to do if files cannot be read: raise an error that names them, or warn
        once and go on without them.
    background : str or tuple of 3 int, default="white"
        The color under transparent pixels: a name, ``"#ffffff"`` or red, green and
        blue from 0 to 255. Not used where `image_shape` has 4 channels.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, height * width * channels)
            Flat images; shares its memory, or its file, with `images`.
        images : ndarray of shape (n_samples, height, width[, channels])
            The images, class by class and by file name, ``2.png`` before ``10.png``.
            Gray ones have no axis for channels unless `image_shape` has it. The dtype
            is uint16 if a file has more than 8 bits a channel, else uint8.
        target : ndarray of shape (n_samples,), dtype int64
            The class of each image, an index into `target_names`, as from
            :func:`sklearn.datasets.load_files`.
        target_names : ndarray of shape (n_classes,)
            The names of the folders.
        filenames : ndarray of shape (n_samples,)
            The path of each image.
        skipped : list of str
            The paths of files that cannot be read, with ``on_error="skip"``.
        transparent : list of str
            The paths of files that have transparent pixels.
        frame : None
            As in the other data sets.
        feature_names : list of str or None
            Names of the columns of `data`; None for more than a million columns.
        DESCR : str
            Description of the data set.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    OSError
        If `path` is not a folder, a file cannot be opened, or `cache` cannot be
        written, for lack of space on the disk among others.
    TypeError
        If `cache` is not a path.
    ValueError
        If there is no class, a class has no file, the images lie deeper, `subset` is
        None and there are parts or the other way, files are not images that can be
        read, a link leads out of the folder, the sizes differ and `image_shape` is
        None, or `cache` is there but not of these images.

    Warns
    -----
    UserWarning
        If files are skipped, or the images are so large or so many that they take much
        memory.

    Examples
    --------
    >>> from skcnn.datasets import load_image_folder
    >>> pets = load_image_folder("pets", image_shape=(64, 64, 3))  # doctest: +SKIP
    >>> pets.images.shape  # doctest: +SKIP
    (1000, 64, 64, 3)
    >>> pets.target_names[pets.target[0]]  # doctest: +SKIP
    'cat'

    More of them than the memory holds:

    >>> pets = load_image_folder(
    ...     "pets", image_shape=(64, 64, 3), cache="pets.npy"
    ... )  # doctest: +SKIP
    >>> type(pets.images)  # doctest: +SKIP
    <class 'numpy.memmap'>
    """
    if cache is not None and not isinstance(cache, (str, os.PathLike)):
        raise TypeError(f"Got cache={cache!r}, but expected a path or None.")
    check_options(image_shape, background, on_error)
    root = Path(path)
    files, target, class_names = _list_files(root, subset)
    options = {
        "image_shape": image_shape,
        "on_error": on_error,
        "background": background,
    }
    if cache is None:
        read = read_images_with_facts(files, **options)
    else:
        read = _images_in_cache(Path(cache), files, root, options)
    if read.skipped:
        warnings.warn(skipped_message(read), stacklevel=2)
    bunch = make_image_bunch(
        read.images,
        np.array(target, dtype=np.int64)[read.kept],
        target_names=np.array(class_names),
        descr=f"Images of {len(class_names)} classes from the folder {path}",
    )
    bunch.filenames = np.array([str(files[i]) for i in read.kept])
    bunch.skipped = [name for name, _ in read.skipped]
    bunch.transparent = [str(files[i]) for i in read.transparent]
    return bunch


def list_parts(path: Any) -> dict[str, list[Path]]:
    """Return the folders that hold the classes' folders of each part of a data set.

    The keys are "train", "val" and "test", as far as there are such parts; there are
    none where the folders in `path` are the classes.
    """
    parts: dict[str, list[Path]] = {}
    for folder in _folders(Path(path)):
        part = _part_of(folder)
        if part is not None and _layout(folder) == "classes":
            parts.setdefault(part, []).append(folder)
    return {part: parts[part] for part in PARTS if part in parts}


def _list_files(
    path: Path, subset: str | None
) -> tuple[list[Path], list[int], list[str]]:
    """Return the files, the class of each as a number, and the names of the classes."""
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
    """Return the folders that `subset` stands for."""
    names = [folder.name for folders in parts.values() for folder in folders]
    if subset is None:
        part, (folder, *_) = next(iter(parts.items()))
        are = "are the parts" if len(names) > 1 else "is a part"
        raise ValueError(
            f"{enumerated(names)} in {path} {are} of a data set, with one folder for "
            f'each class. Write subset="{part}" to load what is in {folder.name} '
            f'(subset="all" loads all parts together), or name the folder {folder}.'
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
            f"Got subset={subset!r}, but the images in {flat[0]} are in no folders "
            "that name their classes, so they have no labels. Classify them with "
            "predict, or read them with skcnn.datasets.load_image_table if a CSV file "
            "has their labels."
        )
    raise ValueError(
        f"Got subset={subset!r}, but the parts in {path} are {enumerated(names)}: "
        f"{enumerated([f'subset={part!r}' for part in parts])} can be loaded."
    )


def _layout(path: Path) -> str:
    """Tell what the folders in a folder are, by their names and by what they hold."""
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
                f"The images lie deeper than in one folder per class in {path}. Name "
                "the folder whose folders are the classes"
                f"{more}: {enumerated(map(str, found[:_MOST_NAMED]), 'or')}."
            )
        path, layout = next(_folders_below(path, {"flat parts"}), path), "flat parts"
    if layout == "flat parts":
        names = [folder.name for folder in _folders(path) if _part_of(folder)]
        look = "look like parts" if len(names) > 1 else "looks like a part"
        raise ValueError(
            f"{enumerated(names)} in {path} {look} of a data set, not like classes, "
            "and there are no folders inside that name the classes of the images. If a "
            "CSV file has their labels, read them with "
            "skcnn.datasets.load_image_table; else sort them into one folder for each "
            "class."
        )
    if layout == "images":
        raise ValueError(
            f"{path} has no folders in it but image files; one folder of image files "
            "per class was expected. If a CSV file has their labels, read them with "
            "skcnn.datasets.load_image_table."
        )
    if not _folders(path):
        raise ValueError(
            f"{path} has no folders in it, but one folder of image files per class was "
            "expected."
        )


def _files_of_class(folder: Path, root: Path) -> list[Path]:
    """Return the image files of a class, or raise if it has none of its own."""
    deeper = [inner for inner in _folders(folder) if _has_images(inner, _DEEPEST)]
    if deeper:
        raise ValueError(
            f"{folder} is read as a class, but the folder {deeper[0]} in it has files "
            "as well. Only images directly in the folder of a class are read: move the "
            f"others up into {folder}, or name the folder whose folders are the "
            f"classes in place of {root}."
        )
    if not _has_images(folder, 0):
        raise ValueError(
            f"{folder} has no image files, but each folder in {root} is read as a "
            "class. Put images into it, or move it elsewhere if it is not a class."
        )
    return list_image_files(folder)


def refuse_links_out(files: Iterable[Path], path: Path) -> None:
    """Raise if a file is, by a link, one outside of the folder that the user named."""
    root = path.resolve()
    for file in files:
        try:
            leads_to = file.resolve()
        except (OSError, RuntimeError):  # a loop, which reading the file reports
            continue
        if not leads_to.is_relative_to(root):
            raise ValueError(
                f"{file} is a link, or in a link, to {leads_to}, outside of {path}. "
                "Copy the images into the folder if they belong there."
            )


def _part_of(folder: Path) -> str | None:
    """Return which part of a data set a folder's name stands for."""
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
    """Yield the topmost folders below `path` that have one of these layouts."""
    for folder in _folders(path) if levels else ():
        if _layout(folder) in layouts:
            yield folder
        else:
            yield from _folders_below(folder, layouts, levels - 1)


def _has_images(folder: Path, levels: int) -> bool:
    """Tell whether files that may be images are in a folder, or so much deeper."""
    inner = []
    for entry in folder.iterdir():
        if is_leftover(entry):
            continue
        if entry.is_dir():
            inner.append(entry)
        elif entry.suffix.lower() not in _DOCUMENTS:
            return True
    return levels > 0 and any(_has_images(entry, levels - 1) for entry in inner)


def _images_in_cache(
    cache: Path, files: Sequence[Path], root: Path, options: dict[str, Any]
) -> ReadImages:
    """Return the images as a mapped file, written first if it is not there."""
    mark = _mark(files, root, options)
    if not cache.exists():
        _write_cache(cache, files, mark, options)
    try:
        if cache.is_dir():
            raise ValueError("it is not a file, but a folder")
        with open_regular(cache) as file:
            header = read_npy_header(file, cache)
            end = header.length + header.nbytes + len(mark)
            length = file.seek(0, os.SEEK_END) - end
            file.seek(end - len(mark))
            if file.read(len(mark)) != mark or length > _MOST_FACTS:
                raise ValueError(
                    "files or arguments differ, or it is another program's file"
                )
            facts = json.loads(file.read(length))
            _FACTS(facts, "what was read")
            images = np.memmap(file, header.dtype, "r", header.length, header.shape)
        skipped = [(name, reason) for name, reason in facts["skipped"]]
        return ReadImages(images, facts["kept"], facts["transparent"], skipped)
    except (OverflowError, RecursionError, ValueError) as error:
        raise ValueError(
            f"{cache} is there, but does not hold the images of {root} as they are now "
            f"({error}). Name another file as cache, or move this one elsewhere."
        ) from error


def _write_cache(
    cache: Path, files: Sequence[Path], mark: bytes, options: dict[str, Any]
) -> None:
    folder = cache.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"Got cache={str(cache)!r}, but {folder} is not a folder."
        )
    with written_whole(cache) as npy:
        shape: tuple[int, ...] = ()
        dtype = np.dtype(np.uint8)

        def begin(image_shape: tuple[int, ...], image_dtype: np.dtype) -> Callable:
            nonlocal shape, dtype
            shape, dtype = image_shape, image_dtype
            _check_room(cache, (len(files), *shape), dtype)
            npy.seek(0)
            npy.truncate()
            _write_header(npy, (len(files), *shape), dtype)
            return lambda image: npy.write(_spread(image, shape, dtype))

        kept, transparent, skipped = decode_images(files, begin=begin, **options)
        facts = {"kept": kept, "transparent": transparent, "skipped": skipped}
        npy.write(mark + json.dumps(facts).encode())
        npy.seek(0)
        # As long as before: NumPy leaves room for any number of images.
        _write_header(npy, (len(kept), *shape), dtype)


def _write_header(npy: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(npy, header)


def _spread(image: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an image in all channels."""
    return np.ascontiguousarray(np.broadcast_to(image, shape), dtype)


def _check_room(cache: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    needed = prod(shape) * dtype.itemsize
    free = shutil.disk_usage(cache.absolute().parent).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"{shape[0]} images of {shape[1:]} take {needed / 2**20:,.0f} MB, but "
            f"{free / 2**20:,.0f} MB are free. Name a file on another disk, or give "
            "a smaller image_shape",
            str(cache),
        )


def _mark(files: Sequence[Path], root: Path, options: dict[str, Any]) -> bytes:
    """Return a second array, in the format of a file, that tells which images it has.

    ``numpy.load`` and its like read the first and leave what follows.
    """
    stated = dict(options)
    if stated["image_shape"] is not None:
        stated["image_shape"] = [int(side) for side in stated["image_shape"]]
    digest = hashlib.sha256(repr(stated).encode())
    for file in files:
        name = file.relative_to(root).as_posix()
        try:
            facts = file.stat()
        except OSError as error:  # reading the file reports it
            digest.update(f"\n{name!r} {error.errno}".encode())
        else:
            digest.update(f"\n{name!r} {facts.st_size} {facts.st_mtime_ns}".encode())
    buffer = BytesIO()
    np.save(buffer, np.frombuffer(digest.digest(), np.uint8))
    return buffer.getvalue()
