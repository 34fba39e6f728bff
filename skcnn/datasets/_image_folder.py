"""Image files in one folder per class."""

import errno
import hashlib
import os
import shutil
from contextlib import contextmanager
from io import BytesIO
from math import prod
from pathlib import Path

import numpy as np

from skcnn._files import written_whole
from skcnn._images import check_image_shape
from skcnn.datasets._bunch import make_image_bunch

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_GREY_MODES = {"1", "L"}
_EIGHT_BIT_MODES = {*_GREY_MODES, "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}


def load_image_folder(path, *, image_shape=None, cache=None):
    """Load image files that lie in one folder per class.

    ::

        path/
            cat/
                1.jpg
                2.png
            dog/
                1.jpg

    The names of the folders are the names of the classes, in sorted order; those of
    the files do not matter. Files and folders whose names start with a dot are skipped,
    and so are files that lie directly in `path`. Reading takes Pillow:
    ``pip install "skcnn[images]"``.

    Parameters
    ----------
    path : str or path-like
        The folder that holds the classes' folders.
    image_shape : tuple of int, default=None
        ``(height, width)`` for grey images, or ``(height, width, channels)`` with 1
        channel for grey, 3 for red, green and blue or 4 with transparency. Images of
        another size are resized (bilinear, without keeping their proportions), those
        of another colour mode are converted. If None, all images must have the same
        size, and have transparency if one of them has it, or else colour if one of
        them has it.
    cache : str or path-like, default=None
        A file, such as ``"pets.npy"``, in which the images are kept as they are
        in memory otherwise. The first call reads the image files one by one and writes
        it, whole or not at all; later calls only look whether the image files are
        still the same, by name, size and time of change. `images` is then a read-only
        :class:`numpy.memmap` of it, which may be larger than the memory.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, height * width * channels), dtype uint8
            Flat images; shares its memory, or its file, with `images`.
        images : ndarray of shape (n_samples, height, width[, channels]), dtype uint8
            The images, class by class and by file name; grey ones have no axis for
            channels unless `image_shape` has it.
        target : ndarray of shape (n_samples,), dtype int64
            The class of each image, an index into `target_names`, as from
            :func:`sklearn.datasets.load_files`.
        target_names : ndarray of shape (n_classes,)
            The names of the folders.
        filenames : ndarray of shape (n_samples,)
            The path of each image.
        frame : None
            As in the other data sets.
        feature_names : list of str
            Names of the columns of `data`.
        DESCR : str
            Description of the data set.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    OSError
        If `path` is not a folder, a file cannot be opened, or `cache` cannot be
        written, for lack of space on the disk among others.
    ValueError
        If there is no class, a class has no file, a file is not an image of 8 bits a
        channel, a link leads out of the folder, the sizes differ and `image_shape`
        is None, or `cache` is there but not of these images.

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
    _import_pillow()
    if image_shape is not None:
        _check_channels(image_shape)
    files, target, class_names = _list_files(Path(path))
    if cache is None:
        shape = _common_shape(files) if image_shape is None else image_shape
        images = read_image_files(files, shape)
    else:
        images = _images_in_cache(cache, files, Path(path), image_shape)
    bunch = make_image_bunch(
        images,
        np.array(target, dtype=np.int64),
        target_names=np.array(class_names),
        descr=f"Images of {len(class_names)} classes from the folder {path}",
    )
    bunch.filenames = np.array([str(file) for file in files])
    return bunch


def read_image_files(files, image_shape):
    """Read image files into one array.

    Parameters
    ----------
    files : list of Path
        Images of 8 bits a channel.
    image_shape : tuple of 2 or 3 int
        ``(height, width)`` or ``(height, width, channels)`` that they are converted
        and resized to.

    Returns
    -------
    ndarray of shape (n, *image_shape) of uint8

    Raises
    ------
    ImportError
        If Pillow is not installed.
    OSError
        If a file cannot be opened.
    ValueError
        If a file is not such an image.
    """
    images = np.empty((len(files), *image_shape), np.uint8)
    for image, file in zip(images, files, strict=True):
        image[:] = _read_image(file, image_shape)
    return images


def _images_in_cache(cache, files, root, image_shape):
    """Return the images as a mapped file, written first if it is not there."""
    if not isinstance(cache, (str, os.PathLike)):
        raise TypeError(f"Got cache={cache!r}, but expected a path or None.")
    cache = Path(cache)
    mark = _mark(files, root, image_shape)
    if not cache.exists():
        shape = _common_shape(files) if image_shape is None else image_shape
        _write_cache(cache, files, shape, mark)
    try:
        if not cache.is_file():
            raise ValueError("it is not a file")
        images = np.lib.format.open_memmap(cache, mode="r")
        with cache.open("rb") as file:
            file.seek(images.offset + images.nbytes)
            if file.read(len(mark) + 1) != mark:
                raise ValueError("files or image_shape differ, or it is another's file")
    except ValueError as error:
        raise ValueError(
            f"{cache} is there, but does not hold the images of {root} as they are now "
            f"({error}). Delete it, or name another file."
        ) from error
    return images


def _write_cache(cache, files, shape, mark):
    folder = cache.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"Got cache={str(cache)!r}, but {folder} is not a folder."
        )
    needed, free = len(files) * prod(shape), shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"{len(files)} images of {shape} take {needed / 2**20:,.0f} MB, but there "
            f"are {free / 2**20:,.0f} MB free. Name a file on another disk, or give a "
            "smaller image_shape",
            str(cache),
        )
    header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), *shape)}
    with written_whole(cache) as npy:
        np.lib.format.write_array_header_1_0(npy, header)
        for file in files:
            npy.write(np.ascontiguousarray(_read_image(file, shape)))
        npy.write(mark)


def _mark(files, root, image_shape):
    """Return a second array, in the format of a file, that tells which images it has.

    ``numpy.load`` and its like read the first and leave what follows.
    """
    stated = None if image_shape is None else [int(side) for side in image_shape]
    digest = hashlib.sha256(repr(stated).encode())
    for file in files:
        facts = file.stat()
        name = file.relative_to(root).as_posix()
        digest.update(f"\n{name!r} {facts.st_size} {facts.st_mtime_ns}".encode())
    buffer = BytesIO()
    np.save(buffer, np.frombuffer(digest.digest(), np.uint8))
    return buffer.getvalue()


def _import_pillow():
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "load_image_folder requires Pillow. You can install it with "
            '`pip install "skcnn[images]"`.'
        ) from error
    return Image


def _check_channels(image_shape):
    channels = check_image_shape(image_shape)[2]
    if channels not in _MODES:
        raise ValueError(
            f"Got image_shape={image_shape!r}, but image files have 1, 3 or 4 channels."
        )


def _list_files(path):
    folders = sorted(entry for entry in _visible(path) if entry.is_dir())
    if not folders:
        raise ValueError(
            f"{path} has no folders in it, but one folder of image files per class was "
            "expected."
        )
    root = path.resolve()
    files, target = [], []
    for label, folder in enumerate(folders):
        found = sorted(_visible(folder))
        if not found:
            raise ValueError(
                f"{folder} has no image files. Delete the folder if it is not a class."
            )
        for file in found:
            if not file.resolve().is_relative_to(root):
                raise ValueError(
                    f"{file} is a link, or in a link, to {file.resolve()}, outside of "
                    f"{path}. Copy the images into the folder if they belong there."
                )
        files += found
        target += [label] * len(found)
    return files, target, [folder.name for folder in folders]


def _visible(folder):
    return [entry for entry in folder.iterdir() if not entry.name.startswith(".")]


def _common_shape(files):
    sizes: dict[tuple[int, int], Path] = {}
    is_grey, has_alpha = True, False
    for file in files:
        with _opened(file) as image:
            sizes.setdefault(image.size, file)
            is_grey = is_grey and image.mode in _GREY_MODES
            has_alpha = has_alpha or image.has_transparency_data
    if len(sizes) > 1:
        (size, file), (other_size, other_file), *_ = sizes.items()
        raise ValueError(
            f"The images have different sizes: {file} has {size[0]} x {size[1]} "
            f"pixels, {other_file} has {other_size[0]} x {other_size[1]}. Give "
            "`image_shape` to have them resized."
        )
    ((width, height),) = sizes
    if has_alpha:
        return (height, width, 4)
    return (height, width) if is_grey else (height, width, 3)


def _read_image(file, image_shape):
    height, width, channels = check_image_shape(image_shape)
    with _opened(file) as image:
        image = image.convert(_MODES[channels])
        if image.size != (width, height):
            bilinear = _import_pillow().Resampling.BILINEAR
            image = image.resize((width, height), bilinear)
        return np.asarray(image).reshape(image_shape)


@contextmanager
def _opened(path):
    Image = _import_pillow()
    if path.exists() and not path.is_file():
        raise ValueError(
            f"{path} is not a file. Delete it or move it out of the folder."
        )
    with path.open("rb") as file:
        try:
            with Image.open(file) as image:
                # Pillow converts 16 bits to 8 by cutting off what is above 255.
                if image.mode not in _EIGHT_BIT_MODES:
                    raise ValueError(
                        f"{path} has the mode {image.mode}, but grey or colour of 8 "
                        "bits a channel was expected. Convert the file first."
                    )
                yield image
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            # Pillow has no exception of its own for a damaged file.
            raise ValueError(
                f"{path} is not an image that Pillow can read ({error}). Delete it or "
                "move it out of the folder."
            ) from error
