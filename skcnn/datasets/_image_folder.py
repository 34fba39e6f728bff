"""Image files in one folder per class."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skcnn._images.files import check_options, read_images_with_facts, skipped_message
from skcnn._messages.warnings import warn_of
from skcnn.datasets._bunch import make_image_bunch
from skcnn.datasets._class_folders import list_class_files
from skcnn.datasets._image_cache import images_in_cache


def load_image_folder(
    path: str | os.PathLike,
    *,
    image_shape: tuple[int, ...] | None = None,
    subset: str | None = None,
    cache: str | os.PathLike | None = None,
    on_error: str = "raise",
    background: str | tuple[int, int, int] = "white",
) -> Bunch:
    """Load image files that lie in one folder per class.

    ::

        path/
            cat/
                1.jpg
                2.png
            dog/
                1.jpg

    The classes are the names of the folders, in sorted order. The names of the files
    do not matter. Files that start with a dot or that an operating system creates
    (``Thumbs.db``, ``desktop.ini``, ``__MACOSX``) are ignored, and so are files
    directly in `path`. Pillow is required: ``pip install "skcnn[images]"``.

    Images are read as an image viewer shows them. The orientation that a camera stores
    (EXIF) is applied. Transparent pixels are put on a background. Palettes and other
    color spaces become gray or RGB. Of an animation or a stack, the first image is
    taken. The format is found from the content of a file, whatever the file's name.
    Color profiles (ICC) are not applied.

    Parameters
    ----------
    path : str or path-like
        The folder that holds one folder per class; or the folder that holds the parts
        of a data set, such as ``train`` and ``test``, each with one folder per class
        (see `subset`).
    image_shape : tuple of int, default=None
        ``(height, width)`` for gray images, or ``(height, width, channels)`` with 1
        channel for gray, 3 for red, green and blue, or 4 for red, green, blue and
        alpha. Images of another size are resized (bilinear, without keeping their
        proportions), and images of another color mode are converted. If None, all
        images must have the same size; the result is gray if all images are gray, and
        color otherwise.
    subset : {"train", "val", "test", "all"}, default=None
        The part to load, if `path` holds folders with names like ``train``,
        ``validation`` or ``test1`` that hold one folder per class. The classes are the
        same for each part: those of all parts together.
    cache : str or path-like, default=None
        A file, such as ``"pets.npy"``, for the decoded images. The first call reads the
        image files one by one and writes this file, completely or not at all. Later
        calls only check by names, sizes and modification times that the image files are
        the same. `images` is then a read-only :class:`numpy.memmap` of the file, which
        may be larger than the memory.
    on_error : {"raise", "skip"}, default="raise"
        What to do if files cannot be read: raise an error that names the files, or
        warn once and leave the files out.
    background : str or tuple of 3 int, default="white"
        The color under transparent pixels: a name, ``"#ffffff"``, or red, green and
        blue from 0 to 255. It is not used if `image_shape` has 4 channels.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, height * width * channels)
            Flat images; shares its memory, or its file, with `images`.
        images : ndarray of shape (n_samples, height, width[, channels])
            The images, sorted by class and then by file name, ``2.png`` before
            ``10.png``. Gray images have no channel axis unless `image_shape` has one.
            The dtype is uint16 if a file has more than 8 bits a channel, and uint8
            otherwise.
        target : ndarray of shape (n_samples,), dtype int64
            The class of each image as an index into `target_names`, as in
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
            Present for compatibility with the other data sets.
        feature_names : list of str or None
            Names of the columns of `data`; None if there are more than 2**20 columns.
        DESCR : str
            Description of the data set.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    OSError
        If `path` is not a folder, if a file cannot be opened, or if `cache` cannot be
        written, for example because the disk is full.
    TypeError
        If `cache` is not a path.
    ValueError
        If there are no classes, if a class has no files, if the images lie deeper, if
        `subset` is None but there are parts, if `subset` names a part that is missing,
        if files cannot be read as images, if a link leads out of the folder, if the
        sizes differ and `image_shape` is None, or if `cache` exists and does not hold
        these images.

    Warns
    -----
    UserWarning
        If files are skipped, or if the images take much memory.

    Examples
    --------
    >>> from skcnn.datasets import load_image_folder
    >>> pets = load_image_folder("pets", image_shape=(64, 64, 3))  # doctest: +SKIP
    >>> pets.images.shape  # doctest: +SKIP
    (1000, 64, 64, 3)
    >>> pets.target_names[pets.target[0]]  # doctest: +SKIP
    'cat'

    More images than fit into memory:

    >>> pets = load_image_folder(
    ...     "pets", image_shape=(64, 64, 3), cache="pets.npy"
    ... )  # doctest: +SKIP
    >>> type(pets.images)  # doctest: +SKIP
    <class 'numpy.memmap'>
    """
    if cache is not None and not isinstance(cache, (str, os.PathLike)):
        raise TypeError(f"Got cache={cache!r}, but expected a path or None.")
    options: dict[str, Any] = {
        "image_shape": image_shape,
        "on_error": on_error,
        "background": background,
    }
    return read_image_folder(Path(path), options, subset, cache)


def read_image_folder(
    root: Path,
    options: dict[str, Any],
    subset: str | None = None,
    cache: str | os.PathLike | None = None,
) -> Bunch:
    """Load a folder as `load_image_folder` does.

    `options` are the arguments of `read_images_with_facts`, `resize` too.
    """
    check_options(options["image_shape"], options["background"], options["on_error"])
    files, target, class_names = list_class_files(root, subset)
    if cache is None:
        read = read_images_with_facts(files, **options)
    else:
        read = images_in_cache(Path(cache), files, root, options)
    if read.skipped:
        warn_of(UserWarning(skipped_message(read)))
    bunch = make_image_bunch(
        read.images,
        np.array(target, dtype=np.int64)[read.kept],
        target_names=np.array(class_names),
        descr=f"Images of {len(class_names)} classes from the folder {root}",
    )
    bunch.filenames = np.array([str(files[i]) for i in read.kept])
    bunch.skipped = [name for name, _ in read.skipped]
    bunch.transparent = [str(files[i]) for i in read.transparent]
    return bunch
