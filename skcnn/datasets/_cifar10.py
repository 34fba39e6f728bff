"""CIFAR-10: small color photographs."""

import gzip
import io
import math
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from sklearn.utils import Bunch

from skcnn._sklearn_private import validates_arguments
from skcnn._storage.files import LimitedReads, damage_as_value_error, open_regular
from skcnn.datasets._checks import REMEDY, check_images, check_labels
from skcnn.datasets._fetch import FETCH_CONSTRAINTS, ImageSource, Pieces, fetch_images
from skcnn.datasets._unpickle import read_array_dict

CIFAR10_CLASSES = np.array(
    [
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ]
)
_IMAGE_SHAPE = (32, 32, 3)
_PLANES_SHAPE = (3, 32, 32)
_FOLDER = "cifar-10-batches-py"
_ARCHIVE = "cifar-10-python.tar.gz"
_BATCHES = {
    "train": tuple(f"data_batch_{i}" for i in range(1, 6)),
    "test": ("test_batch",),
}
# The publisher's batches have 31 MB.
_MAX_BATCH_BYTES = 64 * 2**20
# The publisher's archive has 186 MB when unpacked, and headers of 512 bytes.
_ARCHIVE_LIMITS = {"piece": 2**16, "end": 2**28, "n_reads": 10_000}
# Regular files: links, devices and sparse files are not read.
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)


_DESCR = """CIFAR-10 small color photographs

60,000 photographs of 10 kinds of animals and vehicles, 32 x 32 pixels, red, green and
blue. 50,000 are for training and 10,000 for testing, with as many of every class.

Source: A. Krizhevsky, V. Nair and G. Hinton, https://www.cs.toronto.edu/~kriz/cifar.html
"""


@validates_arguments(FETCH_CONSTRAINTS)
def fetch_cifar10(
    *,
    subset: str = "train",
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Bunch | tuple:
    """Load the CIFAR-10 data set of small color photographs (classification).

    The data set is looked for in `data_home`, then in Keras's cache. If it is in
    neither, Keras downloads it (170 MB) into Keras's cache. The publisher's files are
    pickles. A restricted reader reads them, which creates only NumPy arrays and plain
    containers, so that a forged file cannot execute anything.

    ===================   ==================
    Classes                               10
    Samples total                      60000
    Samples train, test         50000, 10000
    Dimensionality        3072 (32 x 32 x 3)
    Features                integers 0 - 255
    ===================   ==================

    Parameters
    ----------
    subset : {"train", "test", "all"}, default="train"
        The training images, the test images, or both, the training images first.
    data_home : str or path-like, default=None
        Folder that holds the folder ``cifar-10-batches-py`` or the file
        ``cifar-10-python.tar.gz``, which does not have to be unpacked. If None, the
        folder in the environment variable `SKCNN_DATA` is used, or scikit-learn's data
        folder if the variable is not set. Nothing is written to the folder.
    download_if_missing : bool, default=True
        If False, raise an OSError if the data set is not on this machine.
    return_X_y : bool, default=False
        If True, return ``(data, target)`` instead of a Bunch, with flat images as
        in scikit-learn's own fetchers.
    as_frame : bool, default=False
        If True, `data` is a DataFrame with the columns ``pixel0`` to ``pixel3071`` and
        `target` is a Series.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : {ndarray, DataFrame} of shape (n_samples, 3072), dtype uint8
            Flat images, channels last: the red, green and blue value of the first
            pixel, then of the next pixel in its row. As an array, it shares its memory
            with `images`.
        images : ndarray of shape (n_samples, 32, 32, 3), dtype uint8
            The images, channels last.
        target : {ndarray, Series} of shape (n_samples,), dtype int64
            The class of each image, 0 to 9.
        frame : DataFrame of shape (n_samples, 3073)
            `data` and `target`; None unless `as_frame=True`.
        feature_names : list of str
            Names of the columns of `data`.
        target_names : ndarray of shape (10,)
            The names of the classes.
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
        If a file is damaged or does not hold CIFAR-10.
    pickle.UnpicklingError
        If a file holds anything but arrays and plain containers.

    See Also
    --------
    read_cifar10_preprocessed : CIFAR-10 in the form of a data set on Kaggle.

    References
    ----------
    .. [1] A. Krizhevsky, "Learning multiple layers of features from tiny images",
       technical report, University of Toronto, 2009.

    Examples
    --------
    >>> from skcnn.datasets import fetch_cifar10
    >>> cifar10 = fetch_cifar10(subset="test")  # doctest: +SKIP
    >>> cifar10.images.shape, cifar10.data.shape  # doctest: +SKIP
    ((10000, 32, 32, 3), (10000, 3072))
    >>> cifar10.target_names[cifar10.target[0]]  # doctest: +SKIP
    'cat'
    """
    return fetch_images(
        _SOURCE,
        subset=subset,
        data_home=data_home,
        download_if_missing=download_if_missing,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _read_folder(folder: Path, splits: tuple[str, ...]) -> Pieces | None:
    """Read the batches in an unpacked folder; return None if one is missing."""
    paths = [folder / _FOLDER / name for split in splits for name in _BATCHES[split]]
    if not all(path.is_file() for path in paths):
        return None
    pieces = []
    for path in paths:
        with open_regular(path) as file:
            _check_size(os.fstat(file.fileno()).st_size, path)
            pieces.append(_read_batch(file, path))
    return pieces


def _read_archive(folder: Path, splits: tuple[str, ...]) -> Pieces | None:
    """Read the batches in the publisher's archive; return None if it is missing."""
    path = folder / _ARCHIVE
    if not path.is_file():
        return None
    names = [f"{_FOLDER}/{name}" for split in splits for name in _BATCHES[split]]
    pieces = {}
    with open_regular(path) as file:
        # Read in the order of the archive: going back would unpack from the start.
        for member, archive in _members(file, path):
            name = member.name.removeprefix("./")
            if name in names and name not in pieces and member.type in _FILES:
                origin = f"{path}:{name}"
                _check_size(member.size, origin)
                batch = io.BytesIO(_unpacked(archive, member, path))
                pieces[name] = _read_batch(batch, origin)
            if len(pieces) == len(names):
                break
    missing = [name for name in names if name not in pieces]
    if missing:
        raise ValueError(f"{path} does not hold {', '.join(missing)}. {REMEDY}")
    return [pieces[name] for name in names]


def _members(
    file: BinaryIO, path: Path
) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """Yield the headers of an archive one by one, each together with the archive."""
    with damage_as_value_error(path, REMEDY):
        unpacked: Any = LimitedReads(gzip.GzipFile(fileobj=file), **_ARCHIVE_LIMITS)
        archive = tarfile.open(fileobj=unpacked, mode="r:")  # noqa: SIM115
    while True:
        with damage_as_value_error(path, REMEDY):
            member = archive.next()
        if member is None:
            return
        yield member, archive


def _unpacked(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    """Return the content of a file in an archive."""
    with damage_as_value_error(path, REMEDY):
        file: Any = archive.extractfile(member)
        content = b"".join(iter(lambda: file.read(_ARCHIVE_LIMITS["piece"]), b""))
        if len(content) != member.size:
            raise EOFError(f"it ends within {member.name}")
    return content


def _check_size(n_bytes: int, origin: Any) -> None:
    if n_bytes > _MAX_BATCH_BYTES:
        raise ValueError(
            f"{origin} has {n_bytes} bytes, but at most {_MAX_BATCH_BYTES} were "
            f"expected. {REMEDY}"
        )


def _read_batch(file: BinaryIO, origin: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the images, channels last, and the labels of a batch."""
    batch = read_array_dict(file, origin)
    missing = {"data", "labels"} - set(batch)
    if missing:
        raise ValueError(
            f"{origin} has no entry {' or '.join(sorted(missing))}, which a CIFAR-10 "
            f"batch has. {REMEDY}"
        )
    rows = batch["data"]
    check_images(rows, (math.prod(_PLANES_SHAPE),), origin)
    images = np.moveaxis(rows.reshape(-1, *_PLANES_SHAPE), 1, -1)
    return images, check_labels(
        batch["labels"], len(images), len(CIFAR10_CLASSES), origin
    )


def _download(splits: tuple[str, ...]) -> Pieces:
    from skcnn._network.startup import start_keras

    start_keras()
    from keras.datasets import cifar10

    arrays = dict(zip(("train", "test"), cifar10.load_data(), strict=True))
    return [_from_keras(*arrays[split]) for split in splits]


def _from_keras(
    images: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    origin = "keras.datasets.cifar10"
    # Keras returns channels first if its `image_data_format` is "channels_first".
    if images.shape[1:] == _PLANES_SHAPE:
        images = np.moveaxis(images, 1, -1)
    check_images(images, _IMAGE_SHAPE, origin)
    return images, check_labels(
        labels.ravel(), len(images), len(CIFAR10_CLASSES), origin
    )


_SOURCE = ImageSource(
    name="CIFAR-10",
    layouts=(_read_folder, _read_archive),
    file_names=f"{_FOLDER}/ or {_ARCHIVE}",
    # Keras unpacks the archive into the second folder.
    keras_folders=(".", "cifar-10-batches-py-target"),
    download=_download,
    target_names=CIFAR10_CLASSES,
    descr=_DESCR,
)
