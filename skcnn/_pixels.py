"""The offset and the scale of pixels, learned without a float copy of the images."""

from math import fsum, prod

import numpy as np

from skcnn._images import chunk_rows, image_batch


def pixel_scaling(X, image_shape, mode, *, per_channel, sample_weight=None):
    """Learn what to subtract from pixels and what to divide them by.

    The result is a property of the set of images: their order and the form they come
    in change no bit of it, an image of weight 0 counts as one left out and an image of
    whole-number weight k as k copies of it. Sums of pixels of up to 16 bits are exact.

    Parameters
    ----------
    X : ndarray of shape (n, height * width * channels), (n, height, width) or \
            (n, height, width, channels)
        Images as :func:`~skcnn._images.validate_images` returns them.
    image_shape : tuple of int
        ``(height, width, channels)``.
    mode : {"unit", "standard"}
        "unit" maps pixels to [0, 1]: whole numbers by the range that such pixels can
        have (see :class:`~skcnn.preprocessing.ImageScaler`), floating ones by the
        minimum and maximum found. "standard" gives zero mean and unit variance.
    per_channel : bool
        Whether every channel has an offset and a scale of its own.
    sample_weight : array-like of shape (n,), default=None
        Non-negative weights of the images, not all zero.

    Returns
    -------
    offset, scale : ndarray of shape (channels,), dtype float64
        ``(x - offset) / scale`` is the scaled pixel. The scale of constant pixels is 1.
    """
    if sample_weight is None:
        weights, kept = np.ones(len(X)), None
    else:
        weights = np.asarray(sample_weight, dtype=np.float64)
        kept = np.flatnonzero(weights)
        weights = weights[kept]
    channels = image_shape[-1]
    groups = channels if per_channel else 1

    def chunks():
        return _float_chunks(X, image_shape, groups, kept)

    if mode == "unit":
        offset, scale = _unit_scaling(X.dtype, chunks)
    else:
        n_values = fsum(weights) * prod(image_shape) / groups
        offset, scale = _standard_scaling(X.dtype, chunks, weights, n_values)
    # As scikit-learn's scalers do: what varies less than rounding is constant.
    scale = np.where(scale < 10 * np.finfo(np.float64).eps, 1.0, scale)
    return np.resize(offset, channels), np.resize(scale, channels)


def largest_pixel(highest):
    """Return the largest value that pixels can have of which the largest is known.

    Pixels of 8 bits reach 255, those of 16 bits 65535. Below a quarter of these, images
    of that type would lack their brighter three quarters: masks of 0 and 1, 16 levels
    of gray, and the 10 or 12 bits of a camera have a largest value of their own, the
    one that was found.

    Parameters
    ----------
    highest : float
        The largest pixel found, not negative.

    Returns
    -------
    float
        `highest`, 255 or 65535.
    """
    for top in (255, 65535):
        if highest <= top:
            return float(top if 4 * (highest + 1) > top + 1 else highest)
    return float(highest)


def pixel_interval(lowest, highest):
    """Return the interval that pixels have of which the extremes are known.

    Parameters
    ----------
    lowest, highest : float
        The smallest and the largest pixel found.

    Returns
    -------
    tuple of float
        (0, 1) and (-1, 1) if the pixels reach a quarter of it, ``(0,
        largest_pixel(highest))`` for others that are not negative, else the extremes.
    """
    if lowest >= 0:
        return (0.0, 1.0) if 0.25 < highest <= 1 else (0.0, largest_pixel(highest))
    if -1 <= lowest < -0.25 < 0.25 < highest <= 1:
        return (-1.0, 1.0)
    return (float(lowest), float(highest))


def _unit_scaling(dtype, chunks):
    if dtype == np.bool_:
        return np.zeros(1), np.ones(1)
    low, high = np.full(1, np.inf), np.full(1, -np.inf)
    for chunk in chunks():
        low = np.minimum(low, chunk.min(axis=(0, 2)))
        high = np.maximum(high, chunk.max(axis=(0, 2)))
        if dtype == np.uint8 and largest_pixel(high.max()) == 255:
            break  # nothing that follows can change it
    if dtype.kind in "iu" and low.min() >= 0 and high.max() <= 65535:
        return np.zeros(1), np.array([largest_pixel(high.max())])
    return low, high - low


def _standard_scaling(dtype, chunks, weights, n_values):
    mean = _weighted_sum(weights, [c.sum(axis=2) for c in chunks()]) / n_values
    # Squares of distances to a nearby number, not of pixels: nothing cancels. A whole
    # number keeps the sums over whole pixels exact.
    near = np.rint(mean) if dtype.kind in "biu" else mean
    sums, squares = [], []
    for chunk in chunks():
        chunk -= near[:, np.newaxis]
        sums.append(chunk.sum(axis=2))
        squares.append(np.square(chunk, out=chunk).sum(axis=2))
    rest = _weighted_sum(weights, sums) / n_values
    variance = _weighted_sum(weights, squares) / n_values - rest**2
    return near + rest, np.sqrt(np.maximum(variance, 0))


def _float_chunks(X, image_shape, groups, kept):
    """Yield new float64 arrays of shape (b, groups, values of an image and group)."""
    n_images = len(X) if kept is None else len(kept)
    for rows in chunk_rows(n_images, image_shape):
        batch = image_batch(X, image_shape, rows if kept is None else kept[rows])
        by_group = batch.reshape(len(batch), -1, groups).swapaxes(1, 2)
        # Always a C-ordered copy: the order of memory is the order of summation, and
        # summing along the last axis is ten times faster than along any other.
        yield np.array(by_group, dtype=np.float64, order="C")


def _weighted_sum(weights, chunks_of_sums):
    """Sum weighted rows without a rounding error that depends on their order."""
    sums = np.concatenate(chunks_of_sums)
    # Two halves of a float64 times a whole number are exact, and so is fsum: hence
    # weight k is k copies to the bit.
    heads = (sums.view(np.int64) & -(2**27)).view(np.float64)
    halves = np.concatenate([heads, sums - heads]) * np.tile(weights, 2)[:, np.newaxis]
    return np.array([fsum(column.tolist()) for column in halves.T])
