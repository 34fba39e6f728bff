"""One image of any dtype, resized to a stated size, with or without its proportions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from skcnn._images.decoding import import_pillow

# The most pixels of a resized image, about as many as Pillow reads of one file.
MOST_PIXELS = 2**27


def resized(
    pixels: np.ndarray,
    size: tuple[int, int],
    aspect_ratio: str = "stretch",
    fill: Any = 0,
) -> np.ndarray:
    """Resize pixels (height, width, channels) to a size (height, width).

    Pixels are interpolated bilinearly over all pixels that a pixel of the result
    covers, as Pillow does (antialiasing). The dtype stays. With
    ``aspect_ratio="crop"``, the middle of the image fills the size; with "pad", the
    complete image lies in the middle, and `fill` is around it, which `check_fill` has
    to check.
    """
    if pixels.shape[:2] == size:
        return pixels
    if aspect_ratio == "crop":
        top, left, height, width = cropped_box(pixels.shape[:2], size)
        pixels = pixels[top : top + height, left : left + width]
    if aspect_ratio != "pad":
        return _stretched(pixels, size)
    top, left, height, width = padded_box(pixels.shape[:2], size)
    result = np.empty((*size, pixels.shape[2]), pixels.dtype)
    result[...] = _fill_values(fill, pixels.shape[2], pixels.dtype)
    result[top : top + height, left : left + width] = _stretched(
        pixels, (height, width)
    )
    return result


def cropped_box(
    shape: Any, size: tuple[int, int], least: Callable = min, most: Callable = max
) -> tuple[Any, Any, Any, Any]:
    """Return the largest box in the middle of an image that has a size's proportions.

    The box is (top, left, height, width). `least` and `most` are `min` and `max`; the
    export passes those of TensorFlow, and tensors.
    """
    height, width = shape
    rows, columns = size
    inner_height = least(most(_rounded_ratio(width * rows, columns), 1), height)
    inner_width = least(most(_rounded_ratio(height * columns, rows), 1), width)
    top, left = (height - inner_height) // 2, (width - inner_width) // 2
    return top, left, inner_height, inner_width


def padded_box(
    shape: Any, size: tuple[int, int], least: Callable = min, most: Callable = max
) -> tuple[Any, Any, Any, Any]:
    """Return where an image lies in the middle of a size if it keeps its proportions.

    The box and the arguments are those of `cropped_box`.
    """
    height, width = shape
    rows, columns = size
    inner_height = least(most(_rounded_ratio(height * columns, width), 1), rows)
    inner_width = least(most(_rounded_ratio(width * rows, height), 1), columns)
    top, left = (rows - inner_height) // 2, (columns - inner_width) // 2
    return top, left, inner_height, inner_width


def _rounded_ratio(dividend: Any, divisor: Any) -> Any:
    """Divide integers, and round the ratio to the nearest integer, a half up."""
    return (2 * dividend + divisor) // (2 * divisor)


def check_fill(fill: Any, channels: int, dtype: np.dtype) -> None:
    """Refuse a `fill` that is no pixel of that many channels and of that dtype."""
    numbers = fill if isinstance(fill, (tuple, list)) else [fill]
    if len(numbers) not in (1, channels):
        raise ValueError(
            f"Got fill={fill!r}, which has {len(numbers)} numbers, but the images have "
            f"{channels} channel{'s' if channels > 1 else ''}: pass one number, or one "
            "for each channel."
        )
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        if not all(
            number == int(number) and info.min <= number <= info.max
            for number in numbers
        ):
            raise ValueError(
                f"Got fill={fill!r}, but the pixels have dtype {dtype}, so whole "
                f"numbers from {info.min} to {info.max} were expected."
            )


def _fill_values(fill: Any, channels: int, dtype: np.dtype) -> np.ndarray:
    """Return a pixel of `fill`, or the nearest one if `fill` fits the dtype only later.

    While images are read, the first ones may have fewer bits or channels than all.
    """
    numbers = np.resize(fill, channels)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        numbers = np.clip(numbers, info.min, info.max)
    return numbers.astype(dtype)


def _stretched(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize pixels to a size (height, width), whatever their proportions are."""
    if pixels.shape[:2] == size:
        return pixels
    Image = import_pillow()
    bilinear = Image.Resampling.BILINEAR
    channels = pixels.shape[2]
    if pixels.dtype == np.uint8 and channels in (3, 4):
        # Pillow weights the colors of RGBA by alpha.
        image = Image.fromarray(np.ascontiguousarray(pixels))
        return np.asarray(image.resize(size[::-1], bilinear))
    # Pillow has no 16-bit colors, but single channels of 8 bits and of floats.
    alpha = None
    if pixels.dtype == np.uint16 and channels == 4:
        alpha = pixels[..., 3].astype(np.float32)
    result = np.empty((*size, channels), pixels.dtype)
    wide = result if alpha is None else np.empty(result.shape, np.float32)
    for i in range(channels):
        band = pixels[..., i]
        if alpha is not None:
            band = band.astype(np.float32)
            wide[..., i] = _resized_band(band * alpha / 65535 if i < 3 else band, size)
        elif band.dtype == np.uint8:
            image = Image.fromarray(np.ascontiguousarray(band))
            result[..., i] = image.resize(size[::-1], bilinear)
        else:
            result[..., i] = _resized_band(band, size)
    if alpha is not None:
        wide[..., :3] *= 65535 / np.maximum(wide[..., 3:], 0.5)
        result[...] = np.clip(np.rint(wide), 0, 65535)
    return result


def _resized_band(band: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize one channel of any dtype as float32; return integers for integers."""
    Image = import_pillow()
    low, high = band.min(), band.max()
    # Scaled by a power of 2, which changes no digit, no value exceeds float32.
    wide = np.promote_types(band.dtype, np.float64)
    _, exponent = np.frexp(
        np.maximum(np.abs(low.astype(wide)), np.abs(high.astype(wide)))
    )
    scaled = np.ldexp(band.astype(wide), -exponent).astype(np.float32)
    image = Image.fromarray(scaled).resize(size[::-1], Image.Resampling.BILINEAR)
    values = np.ldexp(np.asarray(image).astype(wide), exponent)
    if band.dtype.kind == "f":
        return np.clip(values, low, high).astype(band.dtype)
    # The largest 64-bit integers are no float64: the nearest one may lie beyond them.
    result = np.clip(np.rint(values), _inside(low, 1), _inside(high, -1))
    return result.astype(band.dtype)


def _inside(limit: Any, direction: int) -> float:
    """Return a limit as a float64 that is not beyond the limit."""
    value = float(limit)
    if (int(value) - int(limit)) * direction < 0:
        return float(np.nextafter(value, direction * np.inf))
    return value
