"""Images in every form they come in: n-D arrays, flat rows, data frames."""

from math import isqrt, prod
from numbers import Integral

import numpy as np
from sklearn.utils.validation import assert_all_finite, check_array, validate_data

from skcnn._containers import array_or_frame, channels_last_code, one_image_code
from skcnn._pixel_layout import (
    SHORTEST_ROW,
    find_channels,
    find_one_row,
    find_planes,
)
from skcnn._warnings import warn_of

ACCEPTED_FORMS = (
    "(n, height, width), (n, height, width, channels) or flat rows "
    "(n, height*width*channels)"
)

# Big enough that NumPy's overhead vanishes, small enough for a CPU's cache: a chunk
# is the only float copy of pixels that is ever alive.
CHUNK_VALUES = 2**17


def infer_image_shape(n_features):
    """Guess the shape of the image that a flat row holds.

    Parameters
    ----------
    n_features : int
        Length of a row.

    Returns
    -------
    tuple of int
        ``(s, s, 1)`` if the length is a square, ``(s, s, 3)`` if it is three times
        a square, else ``(1, n_features, 1)``.
    """
    side = isqrt(n_features)
    if side * side == n_features:
        return (side, side, 1)
    side = isqrt(n_features // 3)
    if 3 * side * side == n_features:
        return (side, side, 3)
    return (1, n_features, 1)


def check_image_shape(image_shape):
    """Return `image_shape` as ``(height, width, channels)``, or raise.

    Parameters
    ----------
    image_shape : tuple of 2 or 3 int
        ``(height, width)`` or ``(height, width, channels)``.

    Returns
    -------
    tuple of int
        ``(height, width, channels)``.

    Raises
    ------
    ValueError
        If it is not two or three positive integers.
    """
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if len(shape) not in (2, 3) or not all(
        isinstance(side, Integral) and not isinstance(side, bool) and int(side) > 0
        for side in shape
    ):
        raise ValueError(
            f"Got image_shape={image_shape!r}, but expected None or two or three "
            "positive integers: (height, width) or (height, width, channels)."
        )
    shape = tuple(int(side) for side in shape)
    return shape if len(shape) == 3 else (*shape, 1)


def validate_images(estimator, X, *, reset, image_shape=None, dtype="numeric"):
    """Validate images and learn, or check, their shape.

    On ``reset=True`` this sets `n_features_in_` (height * width * channels),
    `image_shape_` and, for data frames, `feature_names_in_` on the estimator. Nothing
    is copied beyond what scikit-learn's `check_array` copies, and the form is kept: use
    :func:`image_batch` to get ``(b, height, width, channels)`` pieces.

    Parameters
    ----------
    estimator : estimator instance
        Whose attributes are set or checked.
    X : object
        Images as ``(n, h, w)``, ``(n, h, w, c)`` or flat rows, in any container that
        :func:`~skcnn._containers.array_or_frame` reads.
    reset : bool
        Whether to learn the shape (``fit``) or to check it (``predict``).
    image_shape : tuple of int, default=None
        The shape that the user stated, if any; only read with ``reset=True``.
    dtype : "numeric", dtype or list of dtype, default="numeric"
        As in scikit-learn's `check_array`.

    Returns
    -------
    ndarray
        The validated array, of 2, 3 or 4 dimensions.

    Raises
    ------
    ValueError
        If the array is empty, holds NaN or infinity, has another number of dimensions,
        looks channels first, or does not fit the stated or learned shape; or if an
        entry of a list is not an image like the others.
    TypeError
        If `X` is sparse, a stream, or no collection of images at all.
    """
    name = type(estimator).__name__
    given = X
    if not reset:
        expected = estimator.image_shape_
    else:
        expected = None if image_shape is None else check_image_shape(image_shape)
    X = array_or_frame(X, estimator, expected)
    n_dims = getattr(X, "ndim", None)
    if n_dims is None or n_dims < 3:
        if not reset:
            _refuse_one_gray_image(X, estimator, given)
            _refuse_rows_of_other_channels(X, estimator)
        X = validate_data(
            estimator, X, reset=reset, dtype=dtype, ensure_all_finite=False
        )
        _refuse_other_values(X, name)
        if reset:
            estimator.image_shape_ = _shape_of_rows(X, image_shape)
        return X

    if n_dims > 4:
        raise ValueError(
            f"X has {n_dims} dimensions (shape {tuple(X.shape)}), but {name} expects "
            f"{ACCEPTED_FORMS}."
        )
    X = check_array(
        X,
        allow_nd=True,
        dtype=dtype,
        input_name="X",
        estimator=estimator,
        ensure_all_finite=False,
    )
    found = X.shape[1:] if n_dims == 4 else (*X.shape[1:], 1)
    if 0 in found:
        raise ValueError(
            f"X has shape {X.shape}, so its images hold no pixels; {name} expects "
            f"{ACCEPTED_FORMS} with at least one pixel."
        )
    _refuse_other_values(X, name)
    if reset:
        if found != expected:
            _refuse_channels_first(X.shape, name, reset, given)
        if expected is not None and found != expected:
            raise ValueError(
                f"X has images of shape {found}, but image_shape={image_shape!r} was "
                "given. Leave image_shape=None to take the shape from X."
            )
        warn_of(find_planes(X, found, guessed=False))
        estimator.n_features_in_ = prod(found)
        estimator.image_shape_ = found
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif found != estimator.image_shape_:
        if X.shape == estimator.image_shape_:
            raise _one_image_error(X.shape, name, given)
        height, width, channels = estimator.image_shape_
        if X.shape == (channels, height, width):
            raise ValueError(
                f"X has shape {X.shape}, which looks like one image with its channels "
                f"first, but {name} expects several with channels last: write "
                "np.moveaxis(np.asarray(X), 0, -1)[np.newaxis]."
            )
        _refuse_channels_first(X.shape, name, reset, given)
        raise ValueError(
            f"X has images of shape {found}, but {name} is expecting images of shape "
            f"{estimator.image_shape_}, the shape seen in fit."
            f"{_channels_remedy(found, estimator.image_shape_)}"
        )
    return X


def learned_from_images(estimator):
    """Return what `validate_images` taught an estimator.

    Parameters
    ----------
    estimator : estimator
        A fitted one.

    Returns
    -------
    dict
        Plain values, for `relearn_from_images`.
    """
    return {
        "n_features_in": estimator.n_features_in_,
        "feature_names_in": getattr(estimator, "feature_names_in_", None),
        "image_shape": estimator.image_shape_,
    }


def relearn_from_images(estimator, learned):
    """Teach an estimator what another one of its class has learned from images.

    Parameters
    ----------
    estimator : estimator
        Its fitted attributes are set.
    learned : dict
        As `learned_from_images` returns it.

    Raises
    ------
    ValueError
        If the values contradict each other.
    """
    shape = check_image_shape(learned["image_shape"])
    names = learned["feature_names_in"]
    if learned["n_features_in"] != prod(shape):
        raise ValueError(
            f"Images of {shape} have not {learned['n_features_in']} values."
        )
    estimator.n_features_in_ = prod(shape)
    estimator.image_shape_ = shape
    if names is not None:
        if names.shape != (prod(shape),):
            raise ValueError(f"There are {names.shape} names for images of {shape}.")
        estimator.feature_names_in_ = names


def image_batch(X, image_shape, rows=slice(None)):
    """Return some rows of validated `X` as ``(b, height, width, channels)``.

    Parameters
    ----------
    X : ndarray
        As returned by :func:`validate_images`.
    image_shape : tuple of int
        ``(height, width, channels)``.
    rows : slice or ndarray of int, default=slice(None)
        Which images.

    Returns
    -------
    ndarray of shape (b, height, width, channels)
    """
    batch = X[rows]
    return batch.reshape(len(batch), *image_shape)


def chunk_rows(n_images, image_shape):
    """Yield the slices that cut images into chunks of about `CHUNK_VALUES` values.

    Parameters
    ----------
    n_images : int
        Number of images.
    image_shape : tuple of int
        ``(height, width, channels)``.

    Yields
    ------
    slice
        The next images.
    """
    step = max(1, CHUNK_VALUES // max(1, prod(image_shape)))
    for start in range(0, n_images, step):
        yield slice(start, start + step)


def _shape_of_rows(X: np.ndarray, image_shape: tuple | None) -> tuple:
    """Return the stated or guessed shape, with a warning where the pixels deny it."""
    n_features = X.shape[1]
    if image_shape is None:
        height, width, channels = shape = infer_image_shape(n_features)
        if height == 1 and width > 1:
            found = find_one_row(X)
        elif channels == 1:
            found = find_channels(X, height)
        else:
            found = find_planes(X, shape, guessed=True)
        warn_of(found)
        return shape
    shape = check_image_shape(image_shape)
    if prod(shape) != n_features:
        raise ValueError(
            f"image_shape={image_shape!r} needs rows of {prod(shape)} values, but X "
            f"has {n_features} features."
        )
    warn_of(find_planes(X, shape, guessed=False))
    return shape


def _refuse_one_gray_image(X, estimator, given):
    shape = getattr(X, "shape", None)
    if shape == estimator.image_shape_[:2] and shape[1] != estimator.n_features_in_:
        raise _one_image_error(shape, type(estimator).__name__, given)


def _refuse_rows_of_other_channels(X, estimator) -> None:
    """Refuse flat rows of color images where fit saw gray ones, and the reverse."""
    learned = estimator.image_shape_
    shape: tuple[int, ...] = getattr(X, "shape", ())
    n_pixels = learned[0] * learned[1]
    # Rows of few values are tables, and scikit-learn has words for these.
    if len(shape) != 2 or n_pixels < SHORTEST_ROW or shape[1] % n_pixels:
        return
    found = (*learned[:2], shape[1] // n_pixels)
    remedy = _channels_remedy(found, learned)
    if remedy:
        raise ValueError(
            f"X has {shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input: rows of {learned} images, "
            f"where these are as long as those of {found}.{remedy}"
        )


def _channels_remedy(found: tuple[int, ...], learned: tuple[int, ...]) -> str:
    """Say how to make images that differ in nothing but their channels alike."""
    if found[:2] != learned[:2]:
        return ""
    images = f"np.reshape(X, (-1, {found[0]}, {found[1]}, {found[2]}))"
    if found[2] in (3, 4) and learned[2] == 1:
        return f" To make color images gray, write {images}[..., :3].mean(axis=-1)."
    if found[2] == 1 and learned[2] == 3:
        return f" To give gray images three channels, write np.repeat({images}, 3, -1)."
    if found[2] == 4 and learned[2] == 3:
        return f" To drop the alpha channel, write {images}[..., :3]."
    return ""


def _one_image_error(shape, name, given):
    return ValueError(
        f"X has shape {shape}, which is one image, but {name} expects several; for one "
        f"image write {one_image_code(given)}."
    )


def _refuse_other_values(X, name):
    if X.dtype.kind not in "biuf":
        raise ValueError(
            f"X has dtype {X.dtype}, but {name} expects integer or floating pixels."
        )
    # By parts, for where a sum overflows, as that of halves does at once, scikit-learn
    # goes on with an array of truth values as long as what it was given.
    for rows in chunk_rows(len(X), X.shape[1:]):
        assert_all_finite(X[rows], input_name="X", estimator_name=name)


def _refuse_channels_first(shape, name, reset, given):
    # A picture has at most four channels (RGBA) and more pixels a side than that.
    if len(shape) == 4 and shape[1] <= 4 < min(shape[2:]):
        pixels = "pixel" if shape[1] == 1 else "pixels"
        otherwise = (
            f" If the images really are {shape[1]} {pixels} high, state "
            f"image_shape={shape[1:]!r}."
        )
        raise ValueError(
            f"X has shape {shape}, which looks channels first, but {name} expects "
            f"channels last: write {channels_last_code(given)}."
            f"{otherwise if reset else ''}"
        )
