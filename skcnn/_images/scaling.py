"""The offset and the scale of pixels, learned without a float copy of the images."""

from collections.abc import Callable, Iterator
from math import fsum, prod
from typing import Any

import numpy as np

from skcnn._images.forms import chunk_rows, image_batch

# Yields float64 arrays of shape (images, groups of channels, values of a group).
Chunks = Callable[[], Iterator[np.ndarray]]


def pixel_scaling(
    X: np.ndarray,
    image_shape: tuple[int, ...],
    mode: str,
    *,
    per_channel: bool,
    sample_weight: Any = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Learn the float64 offset and scale of each channel: ``(x - offset) / scale``.

    The mode "unit" maps pixels to [0, 1]: whole numbers by the range that such pixels
    can have (see :class:`~skcnn.preprocessing.ImageScaler`), floats by the minimum and
    maximum found. The mode "standard" gives zero mean and unit variance. The scale of
    constant pixels is 1. With ``per_channel=False`` all channels have the same offset
    and scale.

    The result depends on the set of images only, bit for bit. The order of the images
    and their form (n-D or flat) do not matter. An image of weight 0 counts as one left
    out, and an image of integer weight k as k copies of the image. Sums of pixels of up
    to 16 bits are exact.

    `X` holds images as :func:`~skcnn._images.forms.validate_images` returns them. The
    weights are not negative, and not all zero.
    """
    if sample_weight is None:
        weights, kept = np.ones(len(X)), None
    else:
        weights = np.asarray(sample_weight, dtype=np.float64)
        kept = np.flatnonzero(weights)
        weights = weights[kept]
    channels = image_shape[-1]
    groups = channels if per_channel else 1

    def chunks() -> Iterator[np.ndarray]:
        return _float_chunks(X, image_shape, groups, kept)

    if mode == "unit":
        offset, scale = _unit_scaling(X.dtype, chunks)
    else:
        n_values = fsum(weights) * prod(image_shape) / groups
        offset, scale = _standard_scaling(X.dtype, chunks, weights, n_values)
    # Pixels that vary less than rounding errors are constant, as for scikit-learn's
    # scalers.
    scale = np.where(scale < 10 * np.finfo(np.float64).eps, 1.0, scale)
    return np.resize(offset, channels), np.resize(scale, channels)


def largest_pixel(highest: float) -> float:
    """Return the largest value that pixels can have, from the largest one found.

    This is 255 for 8 bits, and 65535 for 16 bits. If the largest pixel found is below a
    quarter of that, it is returned itself: masks of 0 and 1, 16 levels of gray, or the
    10 or 12 bits of a camera have another range.
    """
    for top in (255, 65535):
        if highest <= top:
            return float(top if 4 * (highest + 1) > top + 1 else highest)
    return float(highest)


def pixel_interval(lowest: float, highest: float) -> tuple[float, float]:
    """Return the interval that pixels can have, from the extremes found.

    The interval is (0, 1) or (-1, 1) if the pixels reach a quarter of it, ``(0,
    largest_pixel(highest))`` for other pixels that are not negative, and the extremes
    themselves otherwise.
    """
    if lowest >= 0:
        return (0.0, 1.0) if 0.25 < highest <= 1 else (0.0, largest_pixel(highest))
    if -1 <= lowest < -0.25 < 0.25 < highest <= 1:
        return (-1.0, 1.0)
    return (float(lowest), float(highest))


def _unit_scaling(dtype: np.dtype, chunks: Chunks) -> tuple[np.ndarray, np.ndarray]:
    """Return the offset and scale that map pixels to [0, 1]."""
    if dtype == np.bool_:
        return np.zeros(1), np.ones(1)
    low, high = np.full(1, np.inf), np.full(1, -np.inf)
    for chunk in chunks():
        low = np.minimum(low, chunk.min(axis=(0, 2)))
        high = np.maximum(high, chunk.max(axis=(0, 2)))
        if dtype == np.uint8 and largest_pixel(high.max()) == 255:
            break  # further pixels cannot change the range
    if dtype.kind in "iu" and low.min() >= 0 and high.max() <= 65535:
        return np.zeros(1), np.array([largest_pixel(high.max())])
    return low, high - low


def _standard_scaling(
    dtype: np.dtype, chunks: Chunks, weights: np.ndarray, n_values: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the standard deviation of the pixels of each group."""
    mean = _weighted_sum(weights, [c.sum(axis=2) for c in chunks()]) / n_values
    # Subtract a number near the mean before squaring, to avoid cancellation. For
    # integer pixels an integer is subtracted, so that the sums stay exact.
    near = np.rint(mean) if dtype.kind in "biu" else mean
    sums, squares = [], []
    for chunk in chunks():
        chunk -= near[:, np.newaxis]
        sums.append(chunk.sum(axis=2))
        squares.append(np.square(chunk, out=chunk).sum(axis=2))
    rest = _weighted_sum(weights, sums) / n_values
    variance = _weighted_sum(weights, squares) / n_values - rest**2
    return near + rest, np.sqrt(np.maximum(variance, 0))


def _float_chunks(
    X: np.ndarray,
    image_shape: tuple[int, ...],
    groups: int,
    kept: np.ndarray | None,
) -> Iterator[np.ndarray]:
    """Yield new float64 arrays (images, groups of channels, values of a group)."""
    n_images = len(X) if kept is None else len(kept)
    for rows in chunk_rows(n_images, image_shape):
        batch = image_batch(X, image_shape, rows if kept is None else kept[rows])
        by_group = batch.reshape(len(batch), -1, groups).swapaxes(1, 2)
        # A C-ordered copy, always: NumPy sums in the order of memory, so the order has
        # to be the same for all inputs. Sums along the last axis are also faster than
        # along any other axis.
        yield np.array(by_group, dtype=np.float64, order="C")


def _weighted_sum(weights: np.ndarray, chunks_of_sums: list[np.ndarray]) -> np.ndarray:
    """Sum weighted rows, with a result that does not depend on the order of rows."""
    sums = np.concatenate(chunks_of_sums)
    # Split each float64 into two 26-bit parts. The products of these parts with an
    # integer weight are exact, and `fsum` is exact, so weight k equals k copies bit for
    # bit.
    heads = (sums.view(np.int64) & -(2**27)).view(np.float64)
    split = np.concatenate([heads, sums - heads]) * np.tile(weights, 2)[:, np.newaxis]
    return np.array([fsum(column.tolist()) for column in split.T])
