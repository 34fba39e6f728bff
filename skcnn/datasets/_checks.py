"""Checks that readers make on the content of a file."""

from typing import Any

import numpy as np

REMEDY = "Download it again from its publisher."


def describe(value: Any) -> str:
    """Describe a value in a few words, for an error message."""
    if isinstance(value, np.ndarray):
        return f"an array of dtype {value.dtype} and shape {value.shape}"
    if isinstance(value, list):
        return f"a list of {len(value)} values"
    return f"a {type(value).__name__}"


def check_images(images: Any, image_shape: tuple[int, ...], origin: Any) -> None:
    """Raise unless `images` is a uint8 array of at least one image of `image_shape`."""
    if not (
        isinstance(images, np.ndarray)
        and images.dtype == np.uint8
        and images.shape[1:] == image_shape
        and images.size
    ):
        expected = ", ".join(["n", *map(str, image_shape)])
        raise ValueError(
            f"{origin} holds {describe(images)}, but a uint8 array of shape "
            f"({expected}) with at least one image was expected. {REMEDY}"
        )


def check_labels(labels: Any, n_images: int, n_classes: int, origin: Any) -> np.ndarray:
    """Return one label for each image, 0 to ``n_classes - 1``, as a new int64 array.

    Anything else than such labels raises a ValueError that names the `origin`.
    """
    array = labels
    if isinstance(labels, list) and all(type(label) is int for label in labels):
        array = np.array(labels)
    if not (
        isinstance(array, np.ndarray)
        and array.dtype.kind in "iu"
        and array.shape == (n_images,)
    ):
        raise ValueError(
            f"{origin} holds {describe(labels)}, but {n_images} integer labels, one "
            f"for each image, were expected. {REMEDY}"
        )
    outside = np.flatnonzero((array < 0) | (array >= n_classes))
    if outside.size:
        raise ValueError(
            f"{origin} holds the label {array[outside[0]]} for image {outside[0]}, but "
            f"labels from 0 to {n_classes - 1} were expected. {REMEDY}"
        )
    return array.astype(np.int64)
