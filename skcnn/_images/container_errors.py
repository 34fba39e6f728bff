"""Errors for objects that are not a collection of images, with what to pass instead."""

import os
from collections.abc import Mapping, Set
from numbers import Number
from typing import Any

import numpy as np

from skcnn._images.container_kinds import (
    image_and_label_name,
    is_image_source,
    is_missing,
    is_pil_image,
    is_sequence,
    kind_of,
    n_dims_of,
    names_of_parts,
    quoted_names,
)

FORMS = (
    "an array (n, height, width) or (n, height, width, channels), flat rows, or a list "
    "of images or of image files"
)


def refuse_one(X: Any, name: str) -> None:
    """Refuse None, a single image, file, folder or number."""
    if isinstance(X, np.ndarray) and not X.ndim:
        X = X.item()
    if X is None or isinstance(X, Number):
        raise ValueError(f"X is {X!r:.60}, but {name} expects {FORMS}.")
    if isinstance(X, (bytes, bytearray)):
        raise TypeError(
            f"X is {kind_of(X)}, but {name} expects {FORMS}. If the bytes are an image "
            "file, write [PIL.Image.open(io.BytesIO(X))]."
        )
    if hasattr(X, "read") and hasattr(X, "seek"):
        raise TypeError(
            f"X is {kind_of(X)}, but {name} expects {FORMS}. If it is one image file, "
            "write [PIL.Image.open(X)]."
        )
    if is_pil_image(X):
        raise ValueError(
            f"X is one image of {X.width} x {X.height} pixels, but {name} expects "
            "several; for one image write [X]."
        )
    if isinstance(X, (str, os.PathLike)):
        path = os.fspath(X)
        if os.path.isdir(path):
            raise ValueError(
                f"X is the folder {path!r}, but {name} expects {FORMS}. Read it with "
                "skcnn.datasets.load_image_folder(X), which returns images and labels."
            )
        if os.path.isfile(path):
            raise ValueError(
                f"X is one file, {path!r}, but {name} expects several images; for one "
                "image write [X]."
            )
        raise ValueError(
            f"X is {path!r:.200}, which is not the name of a file, but {name} expects "
            f"{FORMS}."
        )


def refuse_named_parts(X: Any, name: str) -> None:
    """Refuse a data set or a dictionary, and say which part of it to pass."""
    names = names_of_parts(X)
    if names is None:
        return
    found, code = f"X is {kind_of(X)} of {quoted_names(names)}", "X"
    image, label = image_and_label_name(names)
    if image is None and names and isinstance(X, Mapping):
        inner = names_of_parts(X[names[0]])
        if inner is not None:
            image, label = image_and_label_name(inner)
            code = f"X[{names[0]!r}]"
    if image is None:
        advice = (
            "pass the part that holds them, or list(X.values()) if each part is an "
            "image"
        )
    else:
        advice = f"pass {code}[{image!r}]"
        if label is not None:
            advice += f", and {code}[{label!r}] as the labels"
    raise TypeError(f"{found}, but {name} expects the images alone: {advice}.")


def refuse_streams(X: Any, name: str, estimator: Any) -> None:
    """Refuse an object without a length, or without access to single entries."""
    if isinstance(X, Set):
        raise TypeError(
            f"X is {kind_of(X)}, which has no order, but {name} expects images in the "
            "order of their labels: pass a list."
        )
    if callable(getattr(X, "collect", None)) and not hasattr(X, "__len__"):
        raise TypeError(
            f"X is {kind_of(X)}, a query that has not been run, but {name} expects its "
            "result: pass X.collect()."
        )
    if is_sequence(X):
        refuse_pairs(X, name)
        return
    if not hasattr(X, "__iter__") and not hasattr(X, "__getitem__"):
        raise TypeError(f"X is {kind_of(X)}, but {name} expects {FORMS}.")
    by_batches = "pass the images of one batch as an array"
    if hasattr(estimator, "partial_fit"):
        by_batches = (
            "call partial_fit, and later predict, with the arrays of each batch"
        )
        if callable(getattr(X, "iter", None)):
            by_batches += " in X.iter(batch_size=1000)"
    raise TypeError(
        f"X is {kind_of(X)}, which yields its entries one after another, but {name} "
        f"expects all images at once: {by_batches}, or pass list(X) if its entries are "
        "images, without labels, and fit into memory."
    )


def refuse_pairs(X: Any, name: str) -> None:
    """Refuse pairs of an image and a label, or of a batch of images and labels."""
    first = next(iter(X), None) if len(X) else None
    if not isinstance(first, (tuple, list)) or len(first) < 2:
        return
    image, label = first[:2]
    if not is_image_source(image) and n_dims_of(image) < 2:
        return
    if isinstance(label, (str, Number)) or n_dims_of(label) == 0:
        raise TypeError(
            f"X[0] is a pair of an image and a label, but {name} expects the images "
            "alone: pass [pair[0] for pair in X], and [pair[1] for pair in X] as the "
            "labels."
        )
    if n_dims_of(image) > n_dims_of(label):
        raise TypeError(
            f"X[0] is a pair of a batch of images and their labels, but {name} expects "
            "all images at once: call partial_fit with the images and labels of each "
            "batch, or pass np.concatenate([batch[0] for batch in X]), and "
            "np.concatenate([batch[1] for batch in X]) as the labels."
        )


def dictionary_message(entry: Mapping, place: int, name: str) -> str:
    """Return the error message for a list of dictionaries with images in them."""
    found = (
        f"X[{place}] is {kind_of(entry)} of {quoted_names(entry)}, but {name} expects"
    )
    if "bytes" in entry:
        return (
            f"{found} an image there: if the bytes are those of an image file, write "
            "[PIL.Image.open(io.BytesIO(entry['bytes'])) for entry in X]."
        )
    image, label = image_and_label_name(list(entry))
    return (
        f"{found} the images alone: pass [row[{image or '...'!r}] for row in X], and "
        f"[row[{label or '...'!r}] for row in X] as the labels."
    )


def refuse_missing(entries: list, kinds: set, name: str) -> None:
    """Refuse a list of images with None, NaN or NA among them."""
    if all(issubclass(kind, (np.ndarray, int, str, list, tuple)) for kind in kinds):
        return
    missing = [place for place, entry in enumerate(entries) if is_missing(entry)]
    if missing and (len(missing) < len(entries) or None in entries):
        others = f", and so are {len(missing) - 1} more" if missing[1:] else ""
        raise ValueError(
            f"X[{missing[0]}] is {entries[missing[0]]}{others}, but {name} expects an "
            "image in each place: leave these entries out, and their labels too."
        )


def refuse_missing_pixels(array: np.ndarray, of: str, name: str) -> None:
    """Refuse None among pixels; scikit-learn's message would call it NaN."""
    if array.dtype.kind == "O":
        for place, pixel in np.ndenumerate(array):
            if pixel is None:
                raise ValueError(
                    f"{of}[{', '.join(map(str, place))}] is None, but {name} expects "
                    "numbers as pixels: leave that image out, and its label too."
                )
