"""Images in any form and each of any size, resized into one array."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import assert_all_finite

from skcnn._images.container_kinds import is_image_source
from skcnn._images.containers import images_of_any_size
from skcnn._images.decoding import luminance, to_depth, with_channels
from skcnn._images.files import decode_images
from skcnn._images.forms import (
    check_images,
    image_batch,
    learn_image_shape,
    refuse_channels_first,
    validate_images,
)
from skcnn._images.resizing import check_fill, resized

# The dtypes of image files.
_DEPTHS = (np.dtype(np.uint8), np.dtype(np.uint16))


class Resizing(NamedTuple):
    """How images are resized: the arguments of `resized`, and the color behind alpha.

    `channels` is None for images that keep theirs: color if one of them is in color.
    """

    size: tuple[int, int]
    aspect_ratio: str
    fill: Any
    background: tuple[int, ...]
    channels: int | None

    def check(self, channels: int, dtype: np.dtype) -> None:
        """Refuse a `fill` that does not fit the resized images."""
        if self.aspect_ratio == "pad":
            check_fill(self.fill, channels, dtype)

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """Resize the pixels of one image."""
        return resized(pixels, self.size, self.aspect_ratio, self.fill)


def validate_images_of_any_size(
    estimator: Any, X: Any, *, reset: bool
) -> np.ndarray | list:
    """Validate images; return an array or a list of (height, width, channels).

    Names of files and PIL images are returned as they are, in a list.

    With ``reset=True`` (in `fit`) this sets `n_features_in_`, `image_shape_` and
    `feature_names_in_` as `validate_images` does. If images differ in shape, there are
    none of these attributes, and there are none yet if the images are in files.
    """
    name = type(estimator).__name__
    given, X = X, images_of_any_size(X, estimator)
    if isinstance(X, list):
        if is_image_source(X[0]):
            if reset:
                learn_image_shape(estimator, None)
            return X
        images = [_checked_image(image, place, name) for place, image in enumerate(X)]
        if reset:
            shapes = {image.shape for image in images}
            learn_image_shape(estimator, shapes.pop() if len(shapes) == 1 else None)
        return images
    if getattr(X, "ndim", 2) < 3:
        if not reset and not hasattr(estimator, "image_shape_"):
            raise ValueError(
                f"X has shape {tuple(X.shape)}, so it may hold flat rows, but "
                f"{name} was fitted on images of several sizes, which do not say how "
                "high and how wide a row is: reshape X to (n, height, width) or "
                "(n, height, width, channels). If X is one image, write [X]."
            )
        X = validate_images(estimator, X, reset=reset)
        return image_batch(X, estimator.image_shape_)
    X, shape = check_images(estimator, X)
    refuse_channels_first(X.shape, name, False, given)
    if reset:
        learn_image_shape(estimator, shape)
    return image_batch(X, shape)


def resize_arrays(
    images: np.ndarray | list[np.ndarray],
    to: Resizing,
    name: str,
    warn: Callable[[], None] | None = None,
) -> np.ndarray:
    """Return validated arrays as one array (n, height, width, channels) of one size.

    `warn` is called if colors are lost.
    """
    dtype = _common_dtype(images, name)
    channels = to.channels or _common_channels(images, name)
    array = images if isinstance(images, np.ndarray) else None
    to.check(channels, dtype)
    shape = (*to.size, channels)
    if array is not None and (array.dtype, array.shape[1:]) == (dtype, shape):
        return array
    result = np.empty((len(images), *shape), dtype)
    colored = False
    for place, pixels in enumerate(images):
        if pixels.dtype == bool:
            pixels = pixels.astype(np.uint8) * np.uint8(255)
        pixels = pixels.astype(dtype, copy=False)
        if pixels.shape[2] != channels:
            colored |= channels == 1 and _is_colored(pixels)
            of = f"X[{place}]" if array is None else "X"
            pixels = _converted(pixels, channels, to.background, of, name)
        result[place] = to.apply(pixels)
    if colored and warn is not None:
        warn()
    return result


def resize_sources(
    sources: Sequence[Any],
    to: Resizing,
    depth: np.dtype | None = None,
    warn: Callable[[], None] | None = None,
) -> tuple[np.ndarray, tuple[int, ...] | None]:
    """Return image files and PIL images as one array, and the shape of all of them.

    The array is (n, height, width, channels), of dtype `depth` or, if that is None, of
    uint16 if an image has more than 8 bits a channel. The shape is None if the images
    differ in size. `warn` is called if colors are lost.
    """
    sizes, depths = set(), set()
    colored = False
    # Gray with a warning has to see the colors first.
    asks_for_color = to.channels == 1 and warn is not None
    result: np.ndarray = np.empty(0)

    def resize(pixels: np.ndarray) -> np.ndarray:
        nonlocal colored
        sizes.add(pixels.shape[:2])
        depths.add(pixels.dtype)
        if depth is not None:
            pixels = to_depth(pixels, depth)
        if asks_for_color:
            colored = colored or _is_colored(pixels)
            pixels = luminance(pixels)
        return to.apply(pixels)

    def begin(shape: tuple[int, ...], dtype: np.dtype) -> Callable[[np.ndarray], None]:
        nonlocal result
        result = np.empty((len(sources), *shape), dtype)
        rows = iter(result)

        def store(image: np.ndarray) -> None:
            next(rows)[...] = image

        return store

    decode_images(
        sources,
        None,
        begin,
        to.background,
        channels=3 if asks_for_color else to.channels,
        resize=resize,
        can_skip=False,
    )
    if len(depths) > 1 and depth is None:
        # From the beginning, so that `fill` means the same in all images.
        return resize_sources(sources, to, np.dtype(np.uint16), warn)
    result = result.reshape(len(sources), *to.size, -1)
    to.check(result.shape[3], result.dtype)
    if colored and warn is not None:
        warn()
    shape = (*sizes.pop(), result.shape[3]) if len(sizes) == 1 else None
    return result, shape


def _checked_image(image: np.ndarray, place: int, name: str) -> np.ndarray:
    """Return an image of a list as (height, width, channels), or refuse it."""
    found = f"X[{place}] has shape {image.shape}"
    if image.ndim == 3 and image.shape[0] <= 4 < min(image.shape[1:]):
        raise ValueError(
            f"{found}, which looks channels first, but {name} expects channels last: "
            "write [np.moveaxis(np.asarray(image), 0, -1) for image in X]."
        )
    # No image has as many channels as columns, but a batch of square gray images has.
    if image.ndim == 4 or (image.ndim == 3 and 4 < image.shape[1] == image.shape[2]):
        raise ValueError(
            f"{found}, which looks like a batch of images, but {name} expects a list "
            "of single images: write [image for batch in X for image in batch]."
        )
    if image.ndim not in (2, 3):
        raise ValueError(
            f"{found}, but {name} expects images of shape (height, width) or (height, "
            "width, channels)."
        )
    if not image.size:
        raise ValueError(
            f"{found}, so the image has no pixels, but {name} expects at least one: "
            "leave the image out, and its label too."
        )
    if image.dtype.kind not in "biuf":
        raise ValueError(
            f"X[{place}] has dtype {image.dtype}, but {name} expects integer or "
            "floating pixels."
        )
    assert_all_finite(image, input_name=f"X[{place}]", estimator_name=name)
    return image[..., np.newaxis] if image.ndim == 2 else image


def _common_dtype(images: np.ndarray | list[np.ndarray], name: str) -> np.dtype:
    """Return the dtype for all images; refuse dtypes that differ in their range."""
    if isinstance(images, np.ndarray):
        dtypes = {images.dtype: 0}
    else:
        placed = [(image.dtype, place) for place, image in enumerate(images)]
        dtypes = dict(reversed(placed))  # the first place of each
    if len(dtypes) > 1 and not dtypes.keys().isdisjoint((*_DEPTHS, np.dtype(bool))):
        (first, _), (other, place), *_ = sorted(
            dtypes.items(), key=lambda item: item[1]
        )
        raise ValueError(
            f"X[0] has dtype {first} and X[{place}] has dtype {other}, but {name} "
            "expects pixels on one scale, and those of different dtypes usually differ "
            "(0 to 255, 0 to 1): convert the images to one scale and one dtype."
        )
    dtype = np.result_type(*dtypes)
    return np.dtype(np.uint8) if dtype.kind == "b" else dtype.newbyteorder("=")


def _common_channels(images: np.ndarray | list[np.ndarray], name: str) -> int:
    """Return the number of channels for all images: color if one is in color."""
    if isinstance(images, np.ndarray):
        return images.shape[3]
    places = {image.shape[2]: place for place, image in enumerate(images)}
    if len(places) == 1:
        return next(iter(places))
    if places.keys() <= {1, 2}:
        return 1
    if places.keys() <= {1, 2, 3, 4}:
        return 3
    most = max(places)
    other = next(channels for channels in places if channels != most)
    raise ValueError(
        f"X[{places[other]}] has {other} channels and X[{places[most]}] has {most}, "
        f"but {name} expects images with the same channels, or gray, RGB and RGBA."
    )


def _converted(
    pixels: np.ndarray, channels: int, background: tuple[int, ...], of: str, name: str
) -> np.ndarray:
    """Return pixels with another number of channels, or refuse them."""
    found = pixels.shape[2]
    if channels > 4 or found > 4 or channels == 2:
        raise ValueError(
            f"{of} has {found} channel{'s' if found > 1 else ''}, but {name} expects "
            f"{channels}, and converts only between gray, RGB and RGBA."
        )
    if (found in (2, 4) or channels == 4) and pixels.dtype not in _DEPTHS:
        raise ValueError(
            f"{of} has {found} channel{'s' if found > 1 else ''} of dtype "
            f"{pixels.dtype}, but {name} expects {channels}. It converts transparency "
            "only in uint8 and uint16, where the value of opaque is known: convert the "
            "images to uint8, or remove the alpha channel."
        )
    return with_channels(pixels, channels, background)[0]


def _is_colored(pixels: np.ndarray) -> bool:
    """Return whether the red, green and blue of a pixel differ."""
    return pixels.shape[2] > 2 and bool((pixels[..., :2] != pixels[..., 1:3]).any())
