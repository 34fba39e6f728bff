"""Transformers that scale images, and that convert images to flat rows and back."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from skcnn._images.containers import array_or_frame
from skcnn._images.forms import (
    chunk_rows,
    image_batch,
    learned_from_images,
    relearn_from_images,
    validate_images,
)
from skcnn._images.numerics import default_errors
from skcnn._images.scaling import pixel_scaling
from skcnn._sklearn_private import (
    Options,
    StrOptions,
    begin_task,
    validates_parameters,
)

__all__ = ["ImageReshaper", "ImageScaler"]

Class = TypeVar("Class", bound=type)


def _frames_for_flat_rows_only(transformer_class: Class) -> Class:
    """Let `set_output` return data frames for flat rows, but arrays for n-D images.

    A data frame cannot hold n-D images: scikit-learn's wrapper of the methods would
    raise an error inside pandas. The setting is often global
    (``sklearn.set_config(transform_output="pandas")``), and an error would make the
    transformer useless for users who need the setting elsewhere.
    """

    def decorate(method: Any) -> Callable:
        @wraps(method)
        def transform(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
            learns = method.__name__ == "fit_transform"
            shape = None if learns else getattr(self, "image_shape_", None)
            X = array_or_frame(X, self, shape)
            chosen = method if len(X.shape) <= 2 else method.__wrapped__
            return chosen(self, X, *args, **kwargs)

        return transform

    for name in ("transform", "fit_transform"):
        setattr(transformer_class, name, decorate(getattr(transformer_class, name)))
    return transformer_class


def _no_frames(transformer_class: Class) -> Class:
    """Let a transformer have `set_output`, but never return a data frame."""
    for name in ("transform", "fit_transform"):
        method = getattr(transformer_class, name)
        setattr(transformer_class, name, method.__wrapped__)
    return transformer_class


@_frames_for_flat_rows_only
class ImageScaler(
    CallbackSupportMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Scale the pixels of images to [0, 1] or to zero mean and unit variance.

    This scaler learns one offset and one scale for each channel, or for all channels
    together, so that a scaled image still looks like the original. The scalers of
    scikit-learn scale each pixel by itself. Images may be ``(n, height, width)``,
    ``(n, height, width, channels)`` or flat rows, and the result has the same form. The
    form in `transform` may differ from the form in `fit`.

    The classifiers of skcnn scale integer pixels themselves and need no scaler. The
    scaler is useful for floating pixels in unusual units, and to give other estimators
    the same input.

    Parameters
    ----------
    mode : {"unit", "standard"}, default="unit"
        - "unit" scales to [0, 1]. Integer pixels that are not negative are divided by
          the largest value that such pixels can have: 255 if the largest pixel in `fit`
          is in 64..255, and 65535 if it is in 16384..65535. Otherwise (masks of 0 and
          1, 16 levels of gray, 10 or 12 bits) they are divided by the largest pixel in
          `fit`. Floating, negative and larger pixels are scaled from the minimum and
          maximum in `fit` to [0, 1], as by
          :class:`~sklearn.preprocessing.MinMaxScaler`; later pixels outside that range
          are outside [0, 1]. Booleans become 0 and 1.
        - "standard" scales to zero mean and unit variance, as
          :class:`~sklearn.preprocessing.StandardScaler` does.
    per_channel : bool, default=True
        Whether each channel is scaled by itself. With False, all channels are scaled
        alike, which preserves the colors of images.
    dtype : {"float32", "float64"} or NumPy's types of these names, default="float32"
        The dtype of the scaled pixels. Keras computes in float32.

    Attributes
    ----------
    offset_ : ndarray of shape (channels,), dtype float64
        The value that is subtracted from the pixels of a channel: the mean, the
        minimum, or 0.
    scale_ : ndarray of shape (channels,), dtype float64
        The value by which the difference is divided: the standard deviation, the range,
        the largest integer in `fit`, 255 or 65535. It is 1 for a constant channel.
    image_shape_ : tuple of int
        ``(height, width, channels)`` of the images seen in `fit`. Flat rows are square
        images of one or three channels if their length allows it, and otherwise images
        one pixel high.
    n_features_in_ : int
        height * width * channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of the data frame seen in `fit`. Defined only if `X` is a
        data frame whose column names are all strings.

    See Also
    --------
    ImageReshaper : Converts flat rows to images and back.
    sklearn.preprocessing.StandardScaler : Standardizes each pixel by itself.
    sklearn.preprocessing.MinMaxScaler : Scales each pixel by itself to a range.

    Notes
    -----
    `fit` makes no float copy of the images, and `transform` makes no copy but its
    result. NaN and infinity are refused.

    With ``set_output(transform="pandas")`` (or "polars"), flat rows become data frames.
    N-D images stay arrays, because a data frame cannot hold them.

    Examples
    --------
    >>> import numpy as np
    >>> from skcnn.preprocessing import ImageScaler
    >>> images = np.array([[[0, 51], [102, 255]]], dtype=np.uint8)
    >>> ImageScaler().fit_transform(images)
    array([[[0. , 0.2],
            [0.4, 1. ]]], dtype=float32)
    >>> scaler = ImageScaler(mode="standard").fit(images)
    >>> scaler.offset_
    array([102.])
    >>> flat = images.reshape(1, 4)
    >>> scaler.inverse_transform(scaler.transform(flat)).round()
    array([[  0.,  51., 102., 255.]], dtype=float32)
    """

    _parameter_constraints = {
        "mode": [StrOptions({"unit", "standard"})],
        "per_channel": ["boolean"],
        "dtype": [
            StrOptions({"float32", "float64"}),
            Options(type, {np.float32, np.float64}),
        ],
    }

    def __init__(
        self,
        *,
        mode: str = "unit",
        per_channel: bool = True,
        dtype: Any = "float32",
    ) -> None:
        self.mode = mode
        self.per_channel = per_channel
        self.dtype = dtype

    @validates_parameters
    def fit(self, X: Any, y: Any = None) -> "ImageScaler":
        """Learn the offset and the scale of the pixels.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images, of any integer or floating dtype.
        y : None, default=None
            Ignored.

        Returns
        -------
        self : ImageScaler
            The fitted transformer.

        Raises
        ------
        ValueError
            If `X` does not have one of these shapes, or holds NaN or infinity.
        """
        X = validate_images(self, X, reset=True)
        task = begin_task(self)
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        with default_errors():
            self.offset_, self.scale_ = pixel_scaling(
                X, self.image_shape_, self.mode, per_channel=self.per_channel
            )
        task.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes={}
        )
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Scale images.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images of the shape seen in `fit`, in any of these forms.

        Returns
        -------
        X_scaled : ndarray of the shape of X, dtype as `dtype`
            A new array.

        Raises
        ------
        ValueError
            If `X` holds images of another shape, NaN or infinity.
        """
        check_is_fitted(self)
        return self._apply(X, (np.subtract, self.offset_), (np.divide, self.scale_))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Return scaled images to the original scale.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Scaled images, in any of these forms.

        Returns
        -------
        X_original : ndarray of the shape of X, dtype as `dtype`
            A new array of floating pixels, even if the original pixels were integers:
            write ``np.rint(X_original).astype("uint8")`` to convert them back.

        Raises
        ------
        ValueError
            If `X` holds images of another shape, NaN or infinity.
        """
        check_is_fitted(self)
        return self._apply(X, (np.multiply, self.scale_), (np.add, self.offset_))

    def _apply(self, X: Any, *steps: tuple[np.ufunc, np.ndarray]) -> np.ndarray:
        """Apply operations in turn, each with one operand for each channel."""
        X = validate_images(self, X, reset=False)
        result = np.empty(X.shape, dtype=self.dtype)
        rows_of_result = result.reshape(len(X), self.n_features_in_)
        # Compute along complete rows and in place: NumPy is much slower along the
        # few channels of a pixel, or if each step allocates memory.
        n_pixels = self.n_features_in_ // self.image_shape_[-1]
        tiled = [(ufunc, np.tile(values, n_pixels)) for ufunc, values in steps]
        for rows in chunk_rows(len(X), self.image_shape_):
            chunk = X[rows].reshape(-1, self.n_features_in_).astype(np.float64)
            with default_errors():
                for ufunc, values in tiled:
                    ufunc(chunk, values, out=chunk)
                rows_of_result[rows] = chunk
        return result

    def _learned(self) -> dict[str, Any]:
        return learned_from_images(self) | {
            "offset": self.offset_,
            "scale": self.scale_,
        }

    def _relearn(self, learned: dict[str, Any]) -> None:
        relearn_from_images(self, learned)
        for name in ("offset", "scale"):
            values = learned[name]
            if values.shape != (self.image_shape_[-1],) or values.dtype.kind != "f":
                raise ValueError(f"The {name} of the pixels is {values!r}.")
            setattr(self, f"{name}_", values)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        # The dtype of the result depends on the parameter `dtype` only.
        tags.transformer_tags.preserves_dtype = []
        return tags


@_no_frames
class ImageReshaper(
    CallbackSupportMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Convert flat rows to images and images to flat rows.

    Parameters
    ----------
    image_shape : tuple of 2 or 3 int, default=None
        ``(height, width)`` or ``(height, width, channels)``, C order, channels last.
        With None, n-D images keep their shape, and flat rows are square images of one
        or three channels if their length allows it, and otherwise images one pixel
        high.

    Attributes
    ----------
    image_shape_ : tuple of int
        ``(height, width, channels)``.
    n_features_in_ : int
        height * width * channels, the length of a flat row.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of the data frame seen in `fit`. Defined only if `X` is a
        data frame whose column names are all strings.

    See Also
    --------
    ImageScaler : Scales the pixels of images.

    Notes
    -----
    The images share their memory with the rows if NumPy can reshape without a copy.

    The result is always an array, whatever `set_output` or scikit-learn's configuration
    asks for: a data frame cannot hold images. `get_feature_names_out` returns one name
    for each value of an image, in C order, for later steps of a pipeline.

    Examples
    --------
    >>> import numpy as np
    >>> from skcnn.preprocessing import ImageReshaper
    >>> rows = np.arange(12).reshape(2, 6)
    >>> reshaper = ImageReshaper((2, 3)).fit(rows)
    >>> images = reshaper.transform(rows)
    >>> images.shape
    (2, 2, 3)
    >>> reshaper.inverse_transform(images).shape
    (2, 6)
    """

    _parameter_constraints = {"image_shape": [tuple, list, None]}

    def __init__(self, image_shape: tuple[int, ...] | None = None) -> None:
        self.image_shape = image_shape

    @validates_parameters
    def fit(self, X: Any, y: Any = None) -> "ImageReshaper":
        """Learn the shape of the images, or compare it with `image_shape`.

        Parameters
        ----------
        X : array-like of shape (n, height * width * channels), (n, height, width) or \
                (n, height, width, channels)
            Flat rows or images.
        y : None, default=None
            Ignored.

        Returns
        -------
        self : ImageReshaper
            The fitted transformer.

        Raises
        ------
        ValueError
            If `X` does not fit `image_shape`, or holds NaN or infinity.
        """
        X = validate_images(self, X, reset=True, image_shape=self.image_shape)
        task = begin_task(self)
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        task.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes={}
        )
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Convert flat rows to images.

        Parameters
        ----------
        X : array-like of shape (n, height * width * channels), (n, height, width) or \
                (n, height, width, channels)
            Flat rows; images are returned unchanged.

        Returns
        -------
        images : ndarray of shape (n, height, width, channels) or (n, height, width)
            The images; without a channel axis if `image_shape` has two entries.

        Raises
        ------
        ValueError
            If `X` does not fit the shape learned in `fit`, or holds NaN or infinity.
        """
        check_is_fitted(self)
        X = validate_images(self, X, reset=False)
        images = image_batch(X, self.image_shape_)
        drop_channel = self.image_shape is not None and len(self.image_shape) == 2
        return images[..., 0] if drop_channel else images

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Convert images to flat rows.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images; flat rows are returned unchanged.

        Returns
        -------
        rows : ndarray of shape (n, height * width * channels)
            The pixels in C order, channels last.

        Raises
        ------
        ValueError
            If `X` does not fit the shape learned in `fit`, or holds NaN or infinity.
        """
        check_is_fitted(self)
        X = validate_images(self, X, reset=False)
        return X.reshape(len(X), self.n_features_in_)

    def _learned(self) -> dict[str, Any]:
        return learned_from_images(self)

    def _relearn(self, learned: dict[str, Any]) -> None:
        relearn_from_images(self, learned)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
