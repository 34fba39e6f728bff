"""CIFAR-10 in the form of the Kaggle data set "cifar10-preprocessed"."""

import os
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skcnn._storage.files import open_regular
from skcnn.datasets._checks import REMEDY, check_labels, describe
from skcnn.datasets._cifar10 import CIFAR10_CLASSES
from skcnn.datasets._unpickle import read_array_dict

# In an array of names, each name takes as much memory as the longest one.
_MOST_CLASSES = 10_000
_LONGEST_NAME = 200
_SPLITS = ("train", "validation", "test")

_DESCR = """CIFAR-10, preprocessed

CIFAR-10 shuffled and split into training, validation and test images, and in some of
the files also scaled to [0, 1], centered or standardized.

Source: https://www.kaggle.com/datasets/valentynsichkar/cifar10-preprocessed
"""


def read_cifar10_preprocessed(path: str | os.PathLike) -> Bunch:
    """Read a pickle of Kaggle's data set "cifar10-preprocessed".

    A restricted reader reads the file, which creates only NumPy arrays and plain
    containers, so that a forged file cannot execute anything.

    Parameters
    ----------
    path : str or path-like
        ``data.pickle``, ``data0.pickle`` and so on: a pickled dict of `x_train`,
        `y_train`, `x_validation`, `y_validation`, `x_test`, `y_test` and, optionally,
        `labels`. Other entries are ignored.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        x_train, x_validation, x_test : ndarray of shape (n, height, width, channels)
            The images, channels last (the file has channels first). The dtype is that
            of the file: uint8 for raw images, floating for scaled images.
        y_train, y_validation, y_test : ndarray of shape (n,), dtype int64
            The class of each image.
        target_names : ndarray of shape (n_classes,)
            The names of the classes: the `labels` of the file, or CIFAR-10's names if
            the file has none.
        DESCR : str
            Description of the data set.

    Raises
    ------
    ValueError
        If the file is damaged, lacks an entry, or has an entry of another shape.
    pickle.UnpicklingError
        If the file holds anything but arrays and plain containers.

    See Also
    --------
    fetch_cifar10 : CIFAR-10 as its authors publish it.

    Examples
    --------
    >>> from skcnn.datasets import read_cifar10_preprocessed
    >>> cifar10 = read_cifar10_preprocessed("data0.pickle")  # doctest: +SKIP
    >>> cifar10.x_train.shape  # doctest: +SKIP
    (49000, 32, 32, 3)
    """
    with open_regular(path) as file:
        content = read_array_dict(file, path)
    missing = [
        f"{letter}_{split}"
        for split in _SPLITS
        for letter in "xy"
        if f"{letter}_{split}" not in content
    ]
    if missing:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}, which the pickles of "
            f"cifar10-preprocessed have. {REMEDY}"
        )
    target_names = _target_names(content, path)
    bunch = Bunch(target_names=target_names, DESCR=_DESCR)
    image_shape = getattr(content["x_train"], "shape", ())[1:]
    for split in _SPLITS:
        images = content[f"x_{split}"]
        _check_planes(images, image_shape, f"{path}: x_{split}")
        bunch[f"x_{split}"] = np.array(
            np.moveaxis(images, 1, -1), images.dtype.newbyteorder("="), order="C"
        )
        bunch[f"y_{split}"] = check_labels(
            content[f"y_{split}"],
            len(images),
            len(target_names),
            f"{path}: y_{split}",
        )
    return bunch


def _check_planes(images: Any, image_shape: tuple[int, ...], origin: str) -> None:
    """Refuse anything but images with channels first, of the shape in x_train."""
    if not (
        isinstance(images, np.ndarray)
        and images.dtype.kind in "uif"
        and images.ndim == 4
        and images.shape[1] in (1, 3)
        and images.shape[1:] == image_shape
        and images.size
    ):
        raise ValueError(
            f"{origin} is {describe(images)}, but numbers of shape (n, channels, "
            "height, width) with 1 or 3 channels, the same as in x_train, were "
            f"expected. {REMEDY}"
        )


def _target_names(content: dict[str, Any], path: Any) -> np.ndarray:
    """Return the names of the classes in the file, or those of CIFAR-10."""
    if "labels" not in content:
        return CIFAR10_CLASSES.copy()
    labels = content["labels"]
    if (
        isinstance(labels, list)
        and len(labels) <= _MOST_CLASSES
        and all(type(name) is str and len(name) <= _LONGEST_NAME for name in labels)
    ):
        labels = np.array(labels)
    if not (
        isinstance(labels, np.ndarray) and labels.dtype.kind == "U" and labels.ndim == 1
    ):
        raise ValueError(
            f"{path}: labels is {describe(content['labels'])}, but a list of the "
            f"classes' names was expected. {REMEDY}"
        )
    return labels.copy()
