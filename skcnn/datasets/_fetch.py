"""Finding a data set in the data folder, in Keras's cache, or on the network."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skcnn._sklearn_private import StrOptions
from skcnn.datasets._bunch import make_image_bunch

_SPLITS = {"train": ("train",), "test": ("test",), "all": ("train", "test")}

# (images, labels) for each split.
Pieces = list[tuple[np.ndarray, np.ndarray]]

FETCH_CONSTRAINTS = {
    "subset": [StrOptions(set(_SPLITS))],
    "data_home": [str, os.PathLike, None],
    "download_if_missing": ["boolean"],
    "return_X_y": ["boolean"],
    "as_frame": ["boolean"],
}


@dataclass(frozen=True)
class ImageSource:
    """Description of a data set that can be fetched.

    Attributes
    ----------
    name : str
        The name in messages.
    layouts : tuple of callable
        Readers, one for each form in which the data set is published. Each is called
        with a folder and a tuple of splits, ``"train"`` or ``"test"``, and returns
        ``(images, labels)`` for each split, or None if a file is missing.
    file_names : str
        The files that the readers look for, for messages.
    keras_folders : tuple of str
        The folders in which Keras keeps the data set, relative to Keras's cache.
    download : callable
        Called with the splits if no file was found; returns the same list.
    target_names : ndarray
        The name of each class.
    descr : str
        Description of the data set.
    """

    name: str
    layouts: tuple[Callable[[Path, tuple[str, ...]], Pieces | None], ...]
    file_names: str
    keras_folders: tuple[str, ...]
    download: Callable[[tuple[str, ...]], Pieces]
    target_names: np.ndarray
    descr: str


def fetch_images(
    source: ImageSource,
    *,
    subset: str,
    data_home: Any,
    download_if_missing: bool,
    return_X_y: bool,
    as_frame: bool,
) -> Any:
    """Find and read a data set; the parameters are those of `fetch_mnist`."""
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


def _read_pieces(
    source: ImageSource,
    splits: tuple[str, ...],
    data_home: Path,
    download_if_missing: bool,
) -> Pieces:
    """Return the images and labels of each split, from the first place that has all."""
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
        "folders, or pass the folder that holds the files as `data_home` or in the "
        "environment variable SKCNN_DATA"
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
        # Keras raises `Exception` itself if a download fails.
        raise OSError(
            f"{source.name} not found, and Keras could not download it "
            f"({type(error).__name__}: {error}). {advice}."
        ) from error


def _data_home(data_home: Any) -> Path:
    """Return the data folder; do not create it as scikit-learn's function does."""
    return Path(
        data_home
        or os.environ.get("SKCNN_DATA")
        or os.environ.get("SCIKIT_LEARN_DATA")
        or "~/scikit_learn_data"
    ).expanduser()


def _keras_cache() -> Path:
    """Return Keras's cache of data sets, without importing Keras."""
    return Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "datasets"


def _join(arrays: list[np.ndarray]) -> np.ndarray:
    """Concatenate arrays into a new C-contiguous array."""
    # Without `out`, `concatenate` would keep the memory order of its arguments, which
    # may be channels first.
    shape = (sum(map(len, arrays)), *arrays[0].shape[1:])
    return np.concatenate(arrays, out=np.empty(shape, arrays[0].dtype))
