"""Validation of images in every accepted form: n-D arrays, flat rows, data frames."""

from collections.abc import Iterator
from math import isqrt, prod
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.utils.validation import assert_all_finite, check_array, validate_data

from skcnn._images.containers import array_or_frame, channels_last_code, one_image_code
from skcnn._images.pixel_layout import (
    SHORTEST_ROW,
    find_channels,
    find_one_row,
    find_planes,
)
from skcnn._messages.warnings import warn_of

ACCEPTED_FORMS = (
    "(n, height, width), (n, height, width, channels) or flat rows "
    "(n, height*width*channels)"
)

# Pixels are converted to float in chunks of this many values, so that no float copy of
# all images is made. A chunk is large enough to hide NumPy's overhead for each call,
# and small enough for a processor's cache.
CHUNK_VALUES = 2**17


def infer_image_shape(n_features: int) -> tuple[int, int, int]:
    """Guess the shape (height, width, channels) of the image in a flat row.

    The shape is ``(s, s, 1)`` if the length is a square, ``(s, s, 3)`` if the length is
    three times a square, and ``(1, n_features, 1)`` otherwise.
    """
    side = isqrt(n_features)
    if side * side == n_features:
        return (side, side, 1)
    side = isqrt(n_features // 3)
    if 3 * side * side == n_features:
        return (side, side, 3)
    return (1, n_features, 1)


def check_image_shape(image_shape: Any) -> tuple[int, int, int]:
    """Return `image_shape` as ``(height, width, channels)``, or raise a ValueError."""
    shape = tuple(image_shape) if isinstance(image_shape, (tuple, list)) else ()
    if len(shape) not in (2, 3) or not all(
        isinstance(side, Integral) and not isinstance(side, bool) and int(side) > 0
        for side in shape
    ):
        raise ValueError(
            f"Got image_shape={image_shape!r}, but expected None or two or three "
            "positive integers: (height, width) or (height, width, channels)."
        )
    height, width, channels = (int(side) for side in (*shape, 1)[:3])
    return height, width, channels


def shape_of_images(X: Any, image_shape: Any) -> tuple[int, int, int]:
    """Return the ``(height, width, channels)`` that `fit` will use for images."""
    expected = None if image_shape is None else check_image_shape(image_shape)
    found = np.shape(array_or_frame(X, None, expected))[1:]
    if len(found) > 1:
        height, width, channels = (*found, 1)[:3]
        return height, width, channels
    return expected or infer_image_shape(*found)


def validate_images(
    estimator: Any,
    X: Any,
    *,
    reset: bool,
    image_shape: Any = None,
    dtype: Any = "numeric",
) -> np.ndarray:
    """Validate images, and learn or check their shape.

    `X` holds images as ``(n, h, w)``, ``(n, h, w, c)`` or flat rows, in any container
    that :func:`~skcnn._images.containers.array_or_frame` reads. The array that is
    returned has the same form: :func:`image_batch` cuts ``(b, h, w, c)`` batches from
    it. Nothing is copied except what scikit-learn's `check_array` copies.

    With ``reset=True`` (in ``fit``) this sets `n_features_in_` (height * width *
    channels), `image_shape_` and, for data frames, `feature_names_in_` on the
    estimator; `image_shape` is the shape that the user stated, or None. With
    ``reset=False`` (in ``predict``) `X` is compared with these attributes.

    A ValueError is raised if the array is empty, holds NaN or infinity, has a wrong
    number of dimensions, looks channels first, or does not fit the stated or learned
    shape, or if an entry of a list is not an image like the others; a TypeError, if `X`
    is sparse, a stream, or not a collection of images.
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

    X, found = check_images(estimator, X, dtype)
    if reset:
        if found != expected:
            refuse_channels_first(X.shape, name, reset, given)
        if expected is not None and found != expected:
            raise ValueError(
                f"X has images of shape {found}, but image_shape={image_shape!r} was "
                "given. Leave image_shape=None to take the shape from X."
            )
        warn_of(find_planes(X, found, guessed=False))
        learn_image_shape(estimator, found)
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
        refuse_channels_first(X.shape, name, reset, given)
        raise ValueError(
            f"X has images of shape {found}, but {name} is expecting images of shape "
            f"{estimator.image_shape_}, the shape seen in fit."
            f"{_channels_remedy(found, estimator.image_shape_)}"
        )
    return X


def check_images(
    estimator: Any, X: Any, dtype: Any = "numeric"
) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return an array of images, of which all is checked but the shape, and the shape.

    The shape is that of one image, (height, width, channels).
    """
    name = type(estimator).__name__
    if X.ndim > 4:
        raise ValueError(
            f"X has {X.ndim} dimensions (shape {tuple(X.shape)}), but {name} expects "
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
    found = X.shape[1:] if X.ndim == 4 else (*X.shape[1:], 1)
    if 0 in found:
        raise ValueError(
            f"X has shape {X.shape}, so its images hold no pixels; {name} expects "
            f"{ACCEPTED_FORMS} with at least one pixel."
        )
    _refuse_other_values(X, name)
    return X, found


def learn_image_shape(estimator: Any, shape: tuple[int, ...] | None) -> None:
    """Set what `fit` learned from n-D images; None are images of several shapes."""
    for name in ("n_features_in_", "image_shape_", "feature_names_in_"):
        vars(estimator).pop(name, None)
    if shape is not None:
        estimator.n_features_in_ = prod(shape)
        estimator.image_shape_ = shape


def learned_from_images(estimator: Any) -> dict[str, Any]:
    """Return the attributes that `validate_images` set, for `relearn_from_images`."""
    return {
        "n_features_in": estimator.n_features_in_,
        "feature_names_in": getattr(estimator, "feature_names_in_", None),
        "image_shape": estimator.image_shape_,
    }


def relearn_from_images(estimator: Any, learned: dict[str, Any]) -> None:
    """Set the attributes that `learned_from_images` returned for another estimator.

    Values that contradict each other raise a ValueError.
    """
    shape = check_image_shape(learned["image_shape"])
    names = learned["feature_names_in"]
    if learned["n_features_in"] != prod(shape):
        raise ValueError(
            f"Images of shape {shape} have {prod(shape)} values, not "
            f"{learned['n_features_in']}."
        )
    estimator.n_features_in_ = prod(shape)
    estimator.image_shape_ = shape
    if names is not None:
        if names.shape != (prod(shape),):
            raise ValueError(
                f"The names of features have shape {names.shape}, but images of shape "
                f"{shape} need ({prod(shape)},)."
            )
        estimator.feature_names_in_ = names


def image_batch(
    X: np.ndarray,
    image_shape: tuple[int, ...],
    rows: slice | np.ndarray = slice(None),
) -> np.ndarray:
    """Return some of the validated images as ``(b, height, width, channels)``."""
    batch = X[rows]
    return batch.reshape(len(batch), *image_shape)


def chunk_rows(n_images: int, image_shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield slices that cut images into chunks of about `CHUNK_VALUES` values."""
    step = max(1, CHUNK_VALUES // max(1, prod(image_shape)))
    for start in range(0, n_images, step):
        yield slice(start, start + step)


def _shape_of_rows(X: np.ndarray, image_shape: tuple | None) -> tuple:
    """Return the stated or guessed shape; warn if the pixels speak against it."""
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


def _refuse_one_gray_image(X: Any, estimator: Any, given: Any) -> None:
    """Refuse a 2-D array that has the height and width of one gray image."""
    shape = getattr(X, "shape", None)
    if shape == estimator.image_shape_[:2] and shape[1] != estimator.n_features_in_:
        raise _one_image_error(shape, type(estimator).__name__, given)


def _refuse_rows_of_other_channels(X: Any, estimator: Any) -> None:
    """Refuse flat rows of color images if fit saw gray images, and the reverse."""
    learned = estimator.image_shape_
    shape: tuple[int, ...] = getattr(X, "shape", ())
    n_pixels = learned[0] * learned[1]
    # Short rows are probably a table; scikit-learn's message fits a table better.
    if len(shape) != 2 or n_pixels < SHORTEST_ROW or shape[1] % n_pixels:
        return
    found = (*learned[:2], shape[1] // n_pixels)
    remedy = _channels_remedy(found, learned)
    if remedy:
        raise ValueError(
            f"X has {shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input: flat rows of images of "
            f"shape {learned}. Rows of {shape[1]} values would be images of shape "
            f"{found}.{remedy}"
        )


def _channels_remedy(found: tuple[int, ...], learned: tuple[int, ...]) -> str:
    """Return how to convert images that differ in their channels only, or ""."""
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


def _one_image_error(shape: tuple[int, ...], name: str, given: Any) -> ValueError:
    """Return the error for one image in place of a collection of images."""
    return ValueError(
        f"X has shape {shape}, which is one image, but {name} expects several; for one "
        f"image write {one_image_code(given)}."
    )


def _refuse_other_values(X: np.ndarray, name: str) -> None:
    """Refuse pixels that are not numbers, NaN and infinity."""
    if X.dtype.kind not in "biuf":
        raise ValueError(
            f"X has dtype {X.dtype}, but {name} expects integer or floating pixels."
        )
    # Check chunk by chunk: scikit-learn sums the values first, and if the sum
    # overflows, as a sum of float16 soon does, it makes a boolean mask of the size of
    # its input.
    for rows in chunk_rows(len(X), X.shape[1:]):
        assert_all_finite(X[rows], input_name="X", estimator_name=name)


def refuse_channels_first(
    shape: tuple[int, ...], name: str, reset: bool, given: Any
) -> None:
    """Refuse a 4-D array whose second axis looks like channels."""
    # Images have at most four channels (RGBA), and more than four pixels a side.
    if len(shape) == 4 and shape[1] <= 4 < min(shape[2:]):
        pixels = "pixel" if shape[1] == 1 else "pixels"
        otherwise = (
            f" If the images really are {shape[1]} {pixels} high, set "
            f"image_shape={shape[1:]!r}."
        )
        raise ValueError(
            f"X has shape {shape}, which looks channels first, but {name} expects "
            f"channels last: write {channels_last_code(given)}."
            f"{otherwise if reset else ''}"
        )
