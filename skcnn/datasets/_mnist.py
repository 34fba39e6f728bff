"""MNIST: handwritten digits."""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skcnn._sklearn_private import validates_arguments
from skcnn._storage.npy import Npz, open_npz
from skcnn.datasets._checks import REMEDY, check_images, check_labels
from skcnn.datasets._fetch import FETCH_CONSTRAINTS, ImageSource, Pieces, fetch_images
from skcnn.datasets._idx import read_idx

_IMAGE_SHAPE = (28, 28)
_N_CLASSES = 10
# More images are not read into memory: a forged header may announce terabytes.
_MAX_IMAGES = 60_000
_IDX_PREFIX = {"train": "train", "test": "t10k"}

_DESCR = """MNIST handwritten digits

70,000 images of handwritten digits, 28 x 28 pixels, gray: 0 is background, 255 is ink.
The first 60,000 are for training and the other 10,000, by other writers, for testing.

Source: Y. LeCun, C. Cortes and C. J. C. Burges, "The MNIST database of handwritten
digits", http://yann.lecun.com/exdb/mnist/, under CC BY-SA 3.0.
"""


@validates_arguments(FETCH_CONSTRAINTS)
def fetch_mnist(
    *,
    subset: str = "train",
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple:
    """Load the MNIST data set of handwritten digits (classification).

    The data set is looked for in `data_home`, then in Keras's cache. If it is in
    neither, Keras downloads it (11 MB) into Keras's cache.

    ===================   ==================
    Classes                               10
    Samples total                      70000
    Samples train, test         60000, 10000
    Dimensionality             784 (28 x 28)
    Features                integers 0 - 255
    ===================   ==================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The training images, the test images, or both, the training images first.
    data_home : str or path-like, default=None
        Folder that holds ``mnist.npz`` or the four IDX files
        (``train-images-idx3-ubyte`` and so on, also with ``.gz`` at the end or a dot
        before ``idx``). If None, the folder in the environment variable `SKCNN_DATA`
        is used, or scikit-learn's data folder if the variable is not set. Nothing is
        written to the folder.
    download_if_missing : bool, default=True
        If False, raise an OSError if the data set is not on this machine.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch, with flat images as
        in scikit-learn's own fetchers.
    as_frame : bool, default=False
        If True, `data` is a DataFrame with the columns ``pixel0`` to ``pixel783``, as
        Kaggle calls them, and `target` is a Series.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : {ndarray, DataFrame} of shape (n_samples, 784), dtype uint8
            Flat images, row after row. As an array, it shares its memory with
            `images`.
        images : ndarray of shape (n_samples, 28, 28), dtype uint8
            The images.
        target : {ndarray, Series} of shape (n_samples,), dtype int64
            The digit on each image.
        frame : DataFrame of shape (n_samples, 785)
            `data` and `target`; None unless `as_frame=True`.
        feature_names : list of str
            Names of the columns of `data`.
        target_names : ndarray of shape (10,)
            The digits 0 to 9.
        DESCR : str
            Description of the data set.
    (data, target) : tuple if `return_X_y=True`
        As described above.

    Raises
    ------
    OSError
        If the data set is not found, and `download_if_missing` is False or the
        download fails.
    ValueError
        If a file is damaged or does not hold MNIST.

    See Also
    --------
    load_digit_images : Smaller images of digits, without a download.
    read_digit_recognizer : MNIST as CSV files from Kaggle.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning
       applied to document recognition", Proceedings of the IEEE 86(11), 2278-2324,
       1998.

    Examples
    --------
    >>> from skcnn.datasets import fetch_mnist
    >>> X_train, y_train = fetch_mnist(return_X_y=True)  # doctest: +SKIP
    >>> X_train.shape, X_train.dtype  # doctest: +SKIP
    ((60000, 784), dtype('uint8'))
    >>> fetch_mnist(subset="test").images.shape  # doctest: +SKIP
    (10000, 28, 28)
    """
    return fetch_images(
        _SOURCE,
        subset=subset,
        data_home=data_home,
        download_if_missing=download_if_missing,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _read_npz(folder: Path, splits: tuple[str, ...]) -> Pieces | None:
    """Read Keras's mnist.npz; return None if the file is missing."""
    path = folder / "mnist.npz"
    if not path.is_file():
        return None
    with open_npz(path) as npz:
        return [
            _checked(
                _read_npz_array(npz, f"x_{split}", path),
                _read_npz_array(npz, f"y_{split}", path),
                path,
                path,
            )
            for split in splits
        ]


def _read_npz_array(npz: Npz, name: str, path: Path) -> np.ndarray:
    if name not in npz.names:
        raise ValueError(
            f"{path} has no array {name}, which Keras's mnist.npz has. {REMEDY}"
        )
    n_bytes = math.prod(npz.shape(name)) * npz.dtype(name).itemsize
    if n_bytes > _MAX_IMAGES * math.prod(_IMAGE_SHAPE):
        raise ValueError(
            f"{path} holds {n_bytes} bytes for {name}, but at most {_MAX_IMAGES} "
            f"images were expected. {REMEDY}"
        )
    return npz[name]


def _read_idx(folder: Path, splits: tuple[str, ...]) -> Pieces | None:
    """Read the publisher's IDX files; return None if one of them is missing."""
    pairs = [
        (
            _find_idx(folder, f"{_IDX_PREFIX[split]}-images", "idx3-ubyte"),
            _find_idx(folder, f"{_IDX_PREFIX[split]}-labels", "idx1-ubyte"),
        )
        for split in splits
    ]
    found = [(images, labels) for images, labels in pairs if images and labels]
    if len(found) < len(pairs):
        return None
    return [
        _checked(
            read_idx(images_path, _IMAGE_SHAPE, max_items=_MAX_IMAGES),
            read_idx(labels_path, (), max_items=_MAX_IMAGES),
            images_path,
            labels_path,
        )
        for images_path, labels_path in found
    ]


def _find_idx(folder: Path, stem: str, kind: str) -> Path | None:
    # Some unpacking programs replace the publisher's last hyphen by a dot.
    for name in (f"{stem}-{kind}", f"{stem}.{kind}"):
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def _download(splits: tuple[str, ...]) -> Pieces:
    from skcnn._network.startup import start_keras

    start_keras()
    from keras.datasets import mnist

    train, test = mnist.load_data()
    arrays = {"train": train, "test": test}
    origin = "keras.datasets.mnist"
    return [
        _checked(images, labels, origin, origin)
        for images, labels in (arrays[split] for split in splits)
    ]


def _checked(
    images: np.ndarray, labels: np.ndarray, images_origin: Any, labels_origin: Any
) -> tuple[np.ndarray, np.ndarray]:
    check_images(images, _IMAGE_SHAPE, images_origin)
    return images, check_labels(labels, len(images), _N_CLASSES, labels_origin)


_SOURCE = ImageSource(
    name="MNIST",
    layouts=(_read_npz, _read_idx),
    file_names=(
        "mnist.npz or {train,t10k}-images-idx3-ubyte[.gz] with "
        "{train,t10k}-labels-idx1-ubyte[.gz]"
    ),
    keras_folders=(".",),
    download=_download,
    target_names=np.arange(_N_CLASSES),
    descr=_DESCR,
)
