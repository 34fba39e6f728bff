"""Checks that every reader makes on what it found in a file."""

import numpy as np

REMEDY = "Fetch it anew from its publisher."


def describe(value):
    """Say in a few words what `value` is, for an error message."""
    if isinstance(value, np.ndarray):
        return f"an array of dtype {value.dtype} and shape {value.shape}"
    if isinstance(value, list):
        return f"a list of {len(value)} values"
    return f"a {type(value).__name__}"


def check_images(images, image_shape, origin):
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


def check_labels(labels, n_images, n_classes, origin):
    """Return `labels` as a new int64 array, or raise.

    Parameters
    ----------
    labels : ndarray or list of int
        What the file holds.
    n_images : int
        How many labels are expected.
    n_classes : int
        The labels are expected to be in 0 .. n_classes - 1.
    origin : str or path-like
        Where the labels were read, for the messages.

    Returns
    -------
    ndarray of shape (n_images,), dtype int64
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
            f"{origin} holds {describe(labels)}, but {n_images} integer labels, one an "
            f"image, were expected. {REMEDY}"
        )
    outside = np.flatnonzero((array < 0) | (array >= n_classes))
    if outside.size:
        raise ValueError(
            f"{origin} holds the label {array[outside[0]]} for image {outside[0]}, but "
            f"labels from 0 to {n_classes - 1} were expected. {REMEDY}"
        )
    return array.astype(np.int64)
