"""Transformers that scale and reshape images in every form they come in."""

from functools import wraps

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from skcnn._containers import array_or_frame
from skcnn._images import (
    chunk_rows,
    image_batch,
    learned_from_images,
    relearn_from_images,
    validate_images,
)
from skcnn._numerics import default_errors
from skcnn._pixels import pixel_scaling
from skcnn._sklearn_private import (
    Options,
    StrOptions,
    begin_task,
    validates_parameters,
)

__all__ = ["ImageReshaper", "ImageScaler"]


def _frames_for_flat_rows_only(transformer_class):
    """Let `set_output` make data frames of flat rows and leave n-D images arrays.

    A data frame cannot hold n-D images, and scikit-learn's wrapper of the methods would
    fail on them inside pandas. The configuration is often global
    (``sklearn.set_config(transform_output="pandas")``), so failing would only make
    the transformer useless for users who set it for other reasons.
    """

    def decorate(method):
        @wraps(method)
        def transform(self, X, *args, **kwargs):
            learns = method.__name__ == "fit_transform"
            shape = None if learns else getattr(self, "image_shape_", None)
            X = array_or_frame(X, self, shape)
            chosen = method if len(X.shape) <= 2 else method.__wrapped__
            return chosen(self, X, *args, **kwargs)

        return transform

    for name in ("transform", "fit_transform"):
        setattr(transformer_class, name, decorate(getattr(transformer_class, name)))
    return transformer_class


def _no_frames(transformer_class):
    """Let a transformer have `set_output` without ever making a data frame."""
    for name in ("transform", "fit_transform"):
        method = getattr(transformer_class, name)
        setattr(transformer_class, name, method.__wrapped__)
    return transformer_class


@_frames_for_flat_rows_only
class ImageScaler(
    CallbackSupportMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Scale the pixels of images to [0, 1] or to zero mean and unit variance.

    Unlike scikit-learn's scalers, which treat each pixel as a feature of its own, this
    one learns one offset and one scale for each channel, or for all of them, so that
    an image still looks like itself afterwards. Images go in as ``(n, height, width)``,
    ``(n, height, width, channels)`` or flat rows and come out in the same form, and one
    form may be transformed after another was fitted.

    The classifiers of this package scale whole-number pixels themselves and need no
    scaler. It is of use for floating pixels in odd units, and to give other
    estimators the same input.

    Parameters
    ----------
    mode : {"unit", "standard"}, default="unit"
        - "unit" scales to [0, 1]. Whole-number pixels from 0 on are divided by the
          largest value that such pixels can have: 255 if the largest one that `fit`
          saw is in 64..255, and 65535 if it is in 16384..65535. Where it is below a
          quarter of these (masks of 0 and 1, 16 levels of gray, 10 or 12 bits), the
          largest one found takes their place. All others (floating, negative, larger)
          are scaled from the minimum to the maximum found in `fit`, as by
          :class:`~sklearn.preprocessing.MinMaxScaler`; pixels beyond these go beyond
          [0, 1]. Booleans become 0 and 1.
        - "standard" scales to zero mean and unit variance, as
          :class:`~sklearn.preprocessing.StandardScaler` does.
    per_channel : bool, default=True
        Whether every channel is scaled by itself. `False` scales all of them alike,
        which keeps the colours of images.
    dtype : {"float32", "float64"} or NumPy's types of these names, default="float32"
        The type of the scaled pixels. Keras computes in float32.

    Attributes
    ----------
    offset_ : ndarray of shape (channels,), dtype float64
        What is subtracted from the pixels of a channel: the mean, the minimum, or 0.
    scale_ : ndarray of shape (channels,), dtype float64
        What is divided by thereafter: the standard deviation, the range found, the
        largest whole number found, 255 or 65535. 1 for channels that hold the same
        pixel throughout.
    image_shape_ : tuple of int
        ``(height, width, channels)`` of the images seen in `fit`. Flat rows are taken
        as square images of one or three channels if their length allows it, else as
        one row of pixels.
    n_features_in_ : int
        height * width * channels.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of the data frame seen in `fit`; only there if it was one
        and all of its columns have strings as names.

    See Also
    --------
    ImageReshaper : Turns flat rows into images and back.
    sklearn.preprocessing.StandardScaler : Standardizes every pixel by itself.
    sklearn.preprocessing.MinMaxScaler : Scales every pixel by itself to a range.

    Notes
    -----
    `fit` makes no float copy of the images, and `transform` none but its result, so
    60,000 images of uint8 take no more memory than they must. NaN and infinity are
    refused.

    Flat rows become data frames where ``set_output(transform="pandas")`` (or "polars")
    asks for it; n-D images have no place in a data frame and stay arrays.

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

    def __init__(self, *, mode="unit", per_channel=True, dtype="float32"):
        self.mode = mode
        self.per_channel = per_channel
        self.dtype = dtype

    @validates_parameters
    def fit(self, X, y=None):
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
            If `X` is not images of one of these shapes, or holds NaN or infinity.
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

    def transform(self, X) -> np.ndarray:
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

    def inverse_transform(self, X) -> np.ndarray:
        """Return scaled images to the original scale.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Scaled images, in any of these forms.

        Returns
        -------
        X_original : ndarray of the shape of X, dtype as `dtype`
            A new array. Whole-number pixels come back as floating numbers: write
            ``np.rint(X_original).astype("uint8")`` for the type that they had.

        Raises
        ------
        ValueError
            If `X` holds images of another shape, NaN or infinity.
        """
        check_is_fitted(self)
        return self._apply(X, (np.multiply, self.scale_), (np.add, self.offset_))

    def _apply(self, X, *steps):
        X = validate_images(self, X, reset=False)
        result = np.empty(X.shape, dtype=self.dtype)
        rows_of_result = result.reshape(len(X), self.n_features_in_)
        # Along whole rows and in place, for NumPy is ten times slower along the few
        # channels of a pixel, or where each step takes new memory.
        n_pixels = self.n_features_in_ // self.image_shape_[-1]
        tiled = [(ufunc, np.tile(values, n_pixels)) for ufunc, values in steps]
        for rows in chunk_rows(len(X), self.image_shape_):
            chunk = X[rows].reshape(-1, self.n_features_in_).astype(np.float64)
            with default_errors():
                for ufunc, values in tiled:
                    ufunc(chunk, values, out=chunk)
                rows_of_result[rows] = chunk
        return result

    def _learned(self):
        return learned_from_images(self) | {
            "offset": self.offset_,
            "scale": self.scale_,
        }

    def _relearn(self, learned):
        relearn_from_images(self, learned)
        for name in ("offset", "scale"):
            values = learned[name]
            if values.shape != (self.image_shape_[-1],) or values.dtype.kind != "f":
                raise ValueError(f"The {name} of the pixels is {values!r}.")
            setattr(self, f"{name}_", values)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        # `dtype` alone decides: integers and both widths of floats come out alike.
        tags.transformer_tags.preserves_dtype = []
        return tags


@_no_frames
class ImageReshaper(
    CallbackSupportMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Turn flat rows into images and images into flat rows.

    Parameters
    ----------
    image_shape : tuple of 2 or 3 int, default=None
        ``(height, width)`` or ``(height, width, channels)``, C order, channels last.
        With `None`, n-D images keep theirs, and flat rows are taken as square images
        of one or three channels if their length allows it, else as one row of pixels.

    Attributes
    ----------
    image_shape_ : tuple of int
        ``(height, width, channels)``.
    n_features_in_ : int
        height * width * channels, the length of a flat row.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of the data frame seen in `fit`; only there if it was one
        and all of its columns have strings as names.

    See Also
    --------
    ImageScaler : Scales the pixels of images.

    Notes
    -----
    Nothing is copied where NumPy can reshape without a copy, so the images share the
    memory of the rows.

    Images are not a table: they stay an array whatever `set_output` or scikit-learn's
    configuration asks for. `get_feature_names_out` names the pixels in C order, one
    name for each value of an image, so that later steps of a pipeline find them.

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

    def __init__(self, image_shape=None):
        self.image_shape = image_shape

    @validates_parameters
    def fit(self, X, y=None):
        """Learn, or check, the shape of the images.

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

    def transform(self, X) -> np.ndarray:
        """Turn flat rows into images.

        Parameters
        ----------
        X : array-like of shape (n, height * width * channels), (n, height, width) or \
                (n, height, width, channels)
            Flat rows; images pass through.

        Returns
        -------
        images : ndarray of shape (n, height, width, channels) or (n, height, width)
            The latter if `image_shape` has two entries.

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

    def inverse_transform(self, X) -> np.ndarray:
        """Turn images into flat rows.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images; flat rows pass through.

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

    def _learned(self):
        return learned_from_images(self)

    def _relearn(self, learned):
        relearn_from_images(self, learned)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
