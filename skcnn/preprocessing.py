"""Transformers that resize and scale images, and turn them into flat rows and back."""

import sys
from collections.abc import Callable
from functools import wraps
from math import prod
from numbers import Integral, Real
from typing import Any, TypeGuard, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.utils.validation import check_is_fitted

from skcnn._images.any_size import (
    Resizing,
    resize_arrays,
    resize_sources,
    validate_images_of_any_size,
)
from skcnn._images.container_kinds import is_image_source
from skcnn._images.containers import array_or_frame
from skcnn._images.files import as_rgb
from skcnn._images.forms import (
    check_image_shape,
    chunk_rows,
    image_batch,
    learn_image_shape,
    learned_from_images,
    relearn_from_images,
    validate_images,
)
from skcnn._images.numerics import default_errors
from skcnn._images.resizing import MOST_PIXELS
from skcnn._images.scaling import pixel_scaling
from skcnn._messages.warnings import warn_of
from skcnn._sklearn_private import (
    Interval,
    LinksToDocumentation,
    Options,
    StrOptions,
    begin_task,
    validates_parameters,
)

__all__ = ["ImageFlattener", "ImageReshaper", "ImageResizer", "ImageScaler"]

Class = TypeVar("Class", bound=type)

# The number of channels of each color mode, in Keras's words.
CHANNELS = {"auto": None, "grayscale": 1, "rgb": 3, "rgba": 4}


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


def _pixel_names(n: int) -> np.ndarray:
    """Return names for the values of an image in C order."""
    return np.array([f"pixel{i}" for i in range(n)], dtype=object)


@_no_frames
class ImageResizer(
    LinksToDocumentation, CallbackSupportMixin, TransformerMixin, BaseEstimator
):
    """Resize images of any sizes to one size.

    Images may be in one array, in a list of arrays of different sizes, or in a list of
    image files or PIL images. The result is one array, as the classifiers take it. As
    the first step of a pipeline, it lets the pipeline take photographs as they come.

    Image files and PIL images are read as an image viewer shows them: the orientation
    that a camera stores (EXIF) is applied, and transparent pixels are put on a
    background.

    Parameters
    ----------
    size : tuple of 2 int, default=(32, 32)
        ``(height, width)`` of the resized images.
    aspect_ratio : {"stretch", "pad", "crop"}, default="stretch"
        What happens to an image whose proportions differ from those of `size`:

        - "stretch" resizes height and width by themselves, so that the proportions
          change. `skcnn.datasets.load_image_folder` does the same.
        - "pad" resizes the complete image so that it fits into `size`, and puts `fill`
          on two sides of it, as ``pad_to_aspect_ratio`` in Keras.
        - "crop" cuts off two sides of the image, and keeps the middle, as
          ``crop_to_aspect_ratio`` in Keras.
    fill : number or tuple of numbers, default=0
        The pixels around an image with ``aspect_ratio="pad"``: one number, or one for
        each channel, on the scale of the resized pixels. 0 is black.
    color_mode : {"auto", "grayscale", "rgb", "rgba"}, default="auto"
        The colors of the resized images. With "auto", they are gray if all images in
        `fit` are gray, and RGB if one of them is in color; arrays with other channels
        keep them. Files never have transparency with "auto". The next images are
        converted to the colors of those in `fit`.
    background : str or tuple of 3 int, default="white"
        The color behind transparent pixels, unless `color_mode` is "rgba": the name of
        a color, or red, green and blue from 0 to 255. An array of four channels has
        transparency if it is converted to gray or RGB.

    Attributes
    ----------
    output_shape_ : tuple of int
        ``(height, width, channels)`` of the resized images.
    dtype_ : str
        The dtype of the resized images in `fit`. Files and PIL images in `transform`
        are converted to it if it is "uint8" or "uint16". Arrays keep their dtype, but
        booleans become 0 and 255 of dtype uint8.
    image_shape_ : tuple of int
        ``(height, width, channels)`` of the images seen in `fit`. Defined only if all
        of them have the same shape.
    n_features_in_ : int
        height * width * channels of the images seen in `fit`. Defined only if all of
        them have the same shape.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of the data frame seen in `fit`. Defined only if `X` is a
        data frame whose column names are all strings.

    See Also
    --------
    skcnn.datasets.load_image_folder : Reads and resizes the images in a folder.
    ImageReshaper : Changes the shape of an array, but no pixel.

    Notes
    -----
    Images are resized by Pillow with bilinear interpolation over all pixels that a
    pixel of the result covers (antialiasing), so that large photographs do not become
    grainy. Integers stay integers.

    Transparency (``"rgba"``, or an array of four channels with dtype uint8 or uint16)
    is taken into account: the colors of transparent pixels do not spread.

    Images of the size and the colors of the result are returned without a copy if they
    are in one array. The result is always an array, whatever `set_output` or
    scikit-learn's configuration asks for: a data frame cannot hold images.

    Examples
    --------
    >>> import numpy as np
    >>> from skcnn.preprocessing import ImageResizer
    >>> high = np.full((60, 30), 200, dtype=np.uint8)
    >>> wide = np.full((20, 50), 100, dtype=np.uint8)
    >>> resizer = ImageResizer((4, 4), aspect_ratio="pad")
    >>> images = resizer.fit_transform([high, wide])
    >>> images.shape, images.dtype
    ((2, 4, 4), dtype('uint8'))
    >>> images[0]
    array([[  0, 200, 200,   0],
           [  0, 200, 200,   0],
           [  0, 200, 200,   0],
           [  0, 200, 200,   0]], dtype=uint8)
    """

    _parameter_constraints = {
        "size": [tuple, list],
        "aspect_ratio": [StrOptions({"stretch", "pad", "crop"})],
        "fill": [Interval(Real, None, None, closed="neither"), tuple, list],
        "color_mode": [StrOptions(set(CHANNELS))],
        "background": [str, tuple, list],
    }

    def __init__(
        self,
        size: tuple[int, int] = (32, 32),
        *,
        aspect_ratio: str = "stretch",
        fill: Any = 0,
        color_mode: str = "auto",
        background: Any = "white",
    ) -> None:
        self.size = size
        self.aspect_ratio = aspect_ratio
        self.fill = fill
        self.color_mode = color_mode
        self.background = background

    @validates_parameters
    def fit(self, X: Any, y: Any = None) -> "ImageResizer":
        """Learn the colors and the dtype of the images.

        Parameters
        ----------
        X : list of ndarray of shape (height, width) or (height, width, channels), of \
                path-like or of PIL images, or array-like of shape (n, height, width), \
                (n, height, width, channels) or (n, height * width * channels)
            Images, of any integer or floating dtype. Flat rows are square images of one
            or three channels if their length allows it, and otherwise images one pixel
            high.
        y : None, default=None
            Ignored.

        Returns
        -------
        self : ImageResizer
            The fitted transformer.

        Raises
        ------
        ImportError
            If Pillow is not installed.
        OSError
            If a file cannot be opened.
        ValueError
            If an image is damaged, has no pixels, holds NaN or infinity, or cannot be
            converted; the message names the image.
        """
        self._fit(X, y)
        return self

    @validates_parameters
    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Learn the colors and the dtype of the images, and resize these images.

        Image files are read once, but twice by `fit` and `transform`.

        Parameters
        ----------
        X : list of ndarray, path-like or PIL images, or array-like
            Images, as in `fit`.
        y : None, default=None
            Ignored.

        Returns
        -------
        images : ndarray of shape (n, height, width) or (n, height, width, channels)
            The resized images, as from `transform`.

        Raises
        ------
        ImportError, OSError, ValueError
            As in `fit`.
        """
        return self._fit(X, y)

    def transform(self, X: Any) -> np.ndarray:
        """Resize images.

        Parameters
        ----------
        X : list of ndarray, path-like or PIL images, or array-like
            Images of any sizes, in any form that `fit` takes. Flat rows are images of
            the shape seen in `fit`.

        Returns
        -------
        images : ndarray of shape (n, height, width) or (n, height, width, channels)
            The resized images, without a channel axis if they are gray. Integers stay
            integers.

        Raises
        ------
        ImportError, OSError, ValueError
            As in `fit`.

        Warns
        -----
        UserWarning
            If images in color become gray because those in `fit` were gray, and
            `color_mode` is "auto".
        """
        check_is_fitted(self)
        to = self._resizing()._replace(channels=self.output_shape_[2])
        images = validate_images_of_any_size(self, X, reset=False)
        warn = self._warn_of_lost_colors if self.color_mode == "auto" else None
        if not _are_sources(images):
            return _without_one_channel(
                resize_arrays(images, to, type(self).__name__, warn)
            )
        if to.channels not in (1, 3, 4):
            raise ValueError(
                "X holds image files or PIL images, which are gray, RGB or RGBA, but "
                f"{type(self).__name__} was fitted on arrays of {to.channels} channels."
            )
        depth = np.dtype(self.dtype_) if self.dtype_ in ("uint8", "uint16") else None
        return _without_one_channel(resize_sources(images, to, depth, warn)[0])

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return names for the values of a resized image, in C order.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Ignored: a resized pixel comes from many pixels.

        Returns
        -------
        feature_names_out : ndarray of str objects
            "pixel0", "pixel1" and so on.
        """
        check_is_fitted(self)
        return _pixel_names(prod(self.output_shape_))

    def _fit(self, X: Any, y: Any) -> np.ndarray:
        """Learn from images, and return the resized images."""
        to = self._resizing()
        images = validate_images_of_any_size(self, X, reset=True)
        task = begin_task(self)
        task.call_on_fit_task_begin(estimator=self, X=images, y=y)
        if _are_sources(images):
            resized, shape = resize_sources(images, to)
            learn_image_shape(self, shape)
        else:
            resized = resize_arrays(images, to, type(self).__name__)
        self.output_shape_ = resized.shape[1:]
        self.dtype_ = resized.dtype.name
        task.call_on_fit_task_end(
            estimator=self, X=images, y=y, reconstruction_attributes={}
        )
        return _without_one_channel(resized)

    def _resizing(self) -> Resizing:
        """Check the parameters, as far as scikit-learn has not, and return them."""
        size = self.size
        if len(size) != 2 or not all(
            isinstance(side, Integral) and not isinstance(side, bool) and side > 0
            for side in size
        ):
            raise ValueError(
                f"Got size={size!r}, but expected two positive integers, (height, "
                "width). The number of channels depends on `color_mode`."
            )
        height, width = (int(side) for side in size)
        if height * width > MOST_PIXELS:
            raise ValueError(
                f"Got size={size!r}, but images are resized to at most "
                f"{MOST_PIXELS:,} pixels."
            )
        numbers: Any = self.fill
        if not isinstance(numbers, (tuple, list)):
            numbers = [numbers]
        if not numbers or not all(
            isinstance(number, (int, float, np.integer, np.floating))
            and -sys.float_info.max <= number <= sys.float_info.max
            for number in numbers
        ):
            raise ValueError(
                f"Got fill={self.fill!r}, but expected a finite number, or a tuple of "
                "one for each channel."
            )
        return Resizing(
            size=(height, width),
            aspect_ratio=self.aspect_ratio,
            fill=self.fill,
            background=as_rgb(self.background),
            channels=CHANNELS[self.color_mode],
        )

    def _warn_of_lost_colors(self) -> None:
        name = type(self).__name__
        warn_of(
            UserWarning(
                f"X holds color images, but {name} was fitted on gray ones, so the "
                f"images are converted to gray. If you want that, write {name}(..., "
                'color_mode="grayscale").'
            )
        )

    def _learned(self) -> dict[str, Any]:
        shape = getattr(self, "image_shape_", None)
        return {
            "n_features_in": getattr(self, "n_features_in_", None),
            "feature_names_in": getattr(self, "feature_names_in_", None),
            "image_shape": shape,
            "output_shape": self.output_shape_,
            "dtype": self.dtype_,
        }

    def _relearn(self, learned: dict[str, Any]) -> None:
        to = self._resizing()
        shape = check_image_shape(learned["output_shape"])
        if shape[:2] != to.size or to.channels not in (None, shape[2]):
            raise ValueError(
                f"Images of shape {shape} are no images of size {to.size} with "
                f"color_mode={self.color_mode!r}."
            )
        seen = [learned[name] for name in ("n_features_in", "image_shape")]
        if None not in seen:
            relearn_from_images(self, learned)
        elif [*seen, learned["feature_names_in"]] != [None] * 3:
            raise ValueError("The number of features is known, but not the shape.")
        self.output_shape_ = shape
        self.dtype_ = learned["dtype"]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _are_sources(images: Any) -> TypeGuard[list]:
    """Return whether validated images are files or PIL images, and not arrays."""
    return isinstance(images, list) and is_image_source(images[0])


def _without_one_channel(images: np.ndarray) -> np.ndarray:
    """Return images without the channel axis if there is one channel."""
    return images[..., 0] if images.shape[3] == 1 else images


@_frames_for_flat_rows_only
class ImageScaler(
    LinksToDocumentation,
    CallbackSupportMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
    BaseEstimator,
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
    LinksToDocumentation,
    CallbackSupportMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
    BaseEstimator,
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


class ImageFlattener(
    LinksToDocumentation,
    CallbackSupportMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
    BaseEstimator,
):
    """Convert images to flat rows, for estimators that take tables.

    Other estimators of scikit-learn (PCA, SVC, KMeans) take one row of numbers for each
    sample. The classifiers of skcnn need no flattener.

    Attributes
    ----------
    input_shape_ : tuple of int
        The shape of an image seen in `fit`: ``(height, width)``, ``(height, width,
        channels)``, or ``(n_features_in_,)`` if `X` held flat rows.
    image_shape_ : tuple of int
        ``(height, width, channels)`` of the images seen in `fit`.
    n_features_in_ : int
        height * width * channels, the length of a flat row.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the columns of the data frame seen in `fit`. Defined only if `X` is a
        data frame whose column names are all strings.

    See Also
    --------
    ImageReshaper : Converts flat rows to images.
    ImageResizer : Gives images of different sizes one size, which a flattener needs.

    Notes
    -----
    The rows share their memory with the images if NumPy can reshape without a copy.

    With ``set_output(transform="pandas")`` (or "polars"), the rows are a data frame.

    Examples
    --------
    >>> import numpy as np
    >>> from skcnn.preprocessing import ImageFlattener
    >>> images = np.arange(12).reshape(2, 2, 3)
    >>> flattener = ImageFlattener().fit(images)
    >>> flattener.transform(images)
    array([[ 0,  1,  2,  3,  4,  5],
           [ 6,  7,  8,  9, 10, 11]])
    >>> flattener.get_feature_names_out()[:2]
    array(['pixel0', 'pixel1'], dtype=object)
    >>> flattener.inverse_transform([[0, 0, 0, 1, 1, 1]])
    array([[[0, 0, 0],
            [1, 1, 1]]])
    """

    _parameter_constraints: dict[str, list] = {}

    @validates_parameters
    def fit(self, X: Any, y: Any = None) -> "ImageFlattener":
        """Learn the shape of the images.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images; flat rows stay as they are.
        y : None, default=None
            Ignored.

        Returns
        -------
        self : ImageFlattener
            The fitted transformer.

        Raises
        ------
        ValueError
            If `X` does not have one of these shapes, or holds NaN or infinity.
        """
        X = validate_images(self, X, reset=True)
        task = begin_task(self)
        task.call_on_fit_task_begin(estimator=self, X=X, y=y)
        self.input_shape_ = X.shape[1:]
        task.call_on_fit_task_end(
            estimator=self, X=X, y=y, reconstruction_attributes={}
        )
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Convert images to flat rows.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images of the shape seen in `fit`; flat rows are returned unchanged.

        Returns
        -------
        rows : ndarray of shape (n, height * width * channels)
            The pixels in C order, channels last, in the dtype of `X`.

        Raises
        ------
        ValueError
            If `X` holds images of another shape, NaN or infinity.
        """
        check_is_fitted(self)
        X = validate_images(self, X, reset=False)
        return X.reshape(len(X), self.n_features_in_)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Convert flat rows to images of the shape seen in `fit`.

        Parameters
        ----------
        X : array-like of shape (n, height * width * channels)
            Flat rows; images are accepted too.

        Returns
        -------
        images : ndarray of shape (n, height, width) or (n, height, width, channels)
            The images, in the form seen in `fit`.

        Raises
        ------
        ValueError
            If `X` holds rows of another length, NaN or infinity.
        """
        check_is_fitted(self)
        X = validate_images(self, X, reset=False)
        return X.reshape(len(X), *self.input_shape_)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return a name for each value of a row.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Names of the values of an image in C order. With None, they are those of the
            columns of the data frame seen in `fit`, or "pixel0", "pixel1" and so on.

        Returns
        -------
        feature_names_out : ndarray of str objects
            The names.
        """
        check_is_fitted(self)
        if input_features is None and not hasattr(self, "feature_names_in_"):
            return _pixel_names(self.n_features_in_)
        return super().get_feature_names_out(input_features)

    def _learned(self) -> dict[str, Any]:
        return learned_from_images(self) | {"input_shape": self.input_shape_}

    def _relearn(self, learned: dict[str, Any]) -> None:
        relearn_from_images(self, learned)
        height, width, channels = self.image_shape_
        forms = [(height, width, channels), (self.n_features_in_,)]
        if channels == 1:
            forms.append((height, width))
        if learned["input_shape"] not in forms:
            raise ValueError(
                f"Images of shape {self.image_shape_} cannot have been of shape "
                f"{learned['input_shape']}."
            )
        self.input_shape_ = learned["input_shape"]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
