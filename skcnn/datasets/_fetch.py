"""Finding a data set: in the data folder, in Keras's cache, or on the network."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skcnn._sklearn_private import StrOptions
from skcnn.datasets._bunch import make_image_bunch

_SPLITS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}

FETCH_CONSTRAINTS = {
    "subset": [StrOptions(set(_SPLITS))],
    "data_home": [str, os.PathLike, None],
    "download_if_missing": ["boolean"],
    "return_X_y": ["boolean"],
    "as_frame": ["boolean"],
}


@dataclass(frozen=True)
class ImageSource:
    """What has to be known of a data set in order to fetch it.

    Attributes
    ----------
    name : str
        For messages.
    layouts : tuple of callable
        Each is called with a folder and a tuple of ``"train"`` and ``"test"``, and
        returns a list of ``(images, labels)`` in that order, or None if the folder
        does not have all the files needed.
    file_names : str
        What the layouts look for, for messages.
    keras_folders : tuple of str
        Where Keras keeps the data set, relative to its cache of data sets.
    download : callable
        Called with the splits, returns the same list, and raises if it cannot.
    target_names : ndarray
        Name of each class.
    descr : str
        Description of the data set.
    """

    name: str
    layouts: tuple[Callable, ...]
    file_names: str
    keras_folders: tuple[str, ...]
    download: Callable
    target_names: np.ndarray
    descr: str


def fetch_images(
    source, *, subset, data_home, download_if_missing, return_X_y, as_frame
):
    """Find, read and pack a data set; the parameters are those of `fetch_mnist`."""
    pieces = _read_pieces(
        source, _SPLITS[subset], _data_home(data_home), download_if_missing
    )
    images = _join([images for images, _ in pieces])
    target = _join([labels for _, labels in pieces])
    return make_image_bunch(
        images,
        target,
        target_names=source.target_names.copy(),
        descr=source.descr,
        return_X_y=return_X_y,
        as_frame=as_frame,
    )


def _read_pieces(source, splits, data_home, download_if_missing):
    cache = _keras_cache()
    folders = [data_home, *(cache / folder for folder in source.keras_folders)]
    for folder in folders:
        for read in source.layouts:
            pieces = read(folder, splits)
            if pieces is not None:
                return pieces

    places = ", ".join(map(str, folders))
    advice = (
        f"Looked for {source.file_names} in {places}. Put the files into one of these "
        "folders, or name theirs with `data_home` or the environment variable "
        "SKCNN_DATA"
    )
    if not download_if_missing:
        raise OSError(
            f"{source.name} not found and `download_if_missing` is False. {advice}, or "
            "set `download_if_missing=True`."
        )
    try:
        return source.download(splits)
    except ImportError:
        raise
    except Exception as error:
        # Keras raises a bare Exception where a download fails.
        raise OSError(
            f"{source.name} not found, and Keras could not download it "
            f"({type(error).__name__}: {error}). {advice}."
        ) from error


def _data_home(data_home):
    # Not scikit-learn's get_data_home(), which creates the folder: nothing is ever
    # written to this one.
    return Path(
        data_home
        or os.environ.get("SKCNN_DATA")
        or os.environ.get("SCIKIT_LEARN_DATA")
        or "~/scikit_learn_data"
    ).expanduser()


def _keras_cache():
    # Asking Keras itself would mean importing TensorFlow.
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"


def _join(arrays):
    # With `out`, since concatenate alone keeps the memory order of its arguments, and
    # those may be channels first in memory.
    shape = (sum(map(len, arrays)), *arrays[0].shape[1:])
    return np.concatenate(arrays, out=np.empty(shape, arrays[0].dtype))
