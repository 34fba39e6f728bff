"""The layout of the images in flat rows, found from differences of nearby values.

Neighboring pixels are alike. With three interleaved channels, neighboring pixels are
three values apart in a row; with planes, one channel after the other, they are one
value apart. So comparing the differences of values one apart and three apart tells the
two layouts from each other.
"""

from math import isqrt

import numpy as np

from skcnn._messages.warnings import PixelsWarning

# Bounds for the ratio that `step_ratio` returns. Interleaved channels have a ratio of
# at most 1: a step from a pixel's last channel to the next pixel's first one differs at
# least as much as two neighboring pixels do. Gray images and planes have a ratio of 1.7
# to 2.5: pixels three apart differ more than neighbors. A ratio above `PLANAR_FROM`
# means planes or gray.
PLANAR_FROM = 1.25
# A ratio below this means interleaved channels. Noise has a ratio of 1, and so have
# gray images that are stored as three equal channels.
INTERLEAVED_TO = 1.02
# A ratio below this means interleaved channels of a color image: gray images never have
# such a small ratio.
COLORED_TO = 0.75

# Shorter rows hold too few differences to decide.
SHORTEST_ROW = 48

# The most columns beside the pixels that are assumed: an index, an id and a label.
MOST_SURPLUS = 3

# The most images that are examined: enough, since each has hundreds of differences.
MOST_IMAGES = 64


def some_rows(X: np.ndarray, most: int) -> np.ndarray:
    """Return at most `most` images, evenly spaced, as flat rows."""
    rows = X[:: -(-len(X) // most)] if len(X) > most else X
    return rows.reshape(len(rows), -1)


def step_ratio(X: np.ndarray, channels: int) -> float | None:
    """Return how much values `channels` apart differ, relative to adjacent values.

    This is the mean absolute difference of values `channels` apart, divided by the
    largest of the mean absolute differences from one channel to the next; None if all
    values are equal.
    """
    rows = some_rows(X, MOST_IMAGES)
    n_steps = rows.shape[1] // channels - 1
    differences_in = np.float32 if rows.dtype.itemsize <= 2 else np.float64
    used: np.ndarray = rows[:, : (n_steps + 1) * channels].astype(differences_in)
    with np.errstate(over="ignore"):
        beside = np.abs(used[:, 1:] - used[:, :-1])
        by_channel = beside[:, : n_steps * channels].reshape(-1, channels)
        # A matrix product with ones: a sum along the longer axis would be much slower.
        largest = (np.ones(len(by_channel), used.dtype) @ by_channel).max()
        apart = np.abs(used[:, channels:] - used[:, :-channels]).sum() / channels
    if not 0 < largest < np.inf:
        return None
    return float(apart / largest)


def find_planes(
    X: np.ndarray, image_shape: tuple, *, guessed: bool
) -> PixelsWarning | None:
    """Return a warning if images with channels look like planes or gray images."""
    height, width, channels = image_shape
    if channels not in (3, 4) or height * width * channels < SHORTEST_ROW:
        return None
    ratio = step_ratio(X, channels)
    # Evenly rising values, as those of np.arange, have the ratio `channels`; such
    # values are not an image.
    if ratio is None or not PLANAR_FROM < ratio < 0.99 * channels:
        return None
    if guessed and not _planes_are_alike(X, channels):
        return PixelsWarning(
            "shape",
            f"Rows of {height * width * channels} values are read as {height} x "
            f"{width} pixels of {channels} channels because of their length, but they "
            "look like gray images of another height and width",
            "set image_shape=(height, width), or "
            f"image_shape=({height}, {width}, {channels}) if they have channels",
        )
    return planes_warning(image_shape)


def planes_warning(image_shape: tuple, name: str = "X") -> PixelsWarning:
    """Return the warning that the images look like planes, channel after channel."""
    height, width, channels = image_shape
    names = "red, green and blue" if channels == 3 else "red, green, blue and alpha"
    return PixelsWarning(
        "layout",
        f"{name} looks like planes of {names}, one after the other, but is read as "
        f"pixels of {channels} channels each",
        f"write np.moveaxis({name}.reshape(-1, {channels}, {height}, {width}), 1, -1)",
    )


def find_channels(X: np.ndarray, side: int) -> PixelsWarning | None:
    """Return a warning if rows read as square gray images look like color images."""
    n_values = side * side
    if n_values < SHORTEST_ROW:
        return None
    for channels in (4, 3):
        if n_values % channels:
            continue
        if channels == 4:
            found = _has_opaque_alpha(X)
        else:
            ratio = step_ratio(X, channels)
            found = ratio is not None and ratio < COLORED_TO
        if not found:
            continue
        root = isqrt(n_values // channels)
        shape = (
            f"({root}, {root}, {channels})"
            if root * root * channels == n_values
            else f"(height, width, {channels})"
        )
        return PixelsWarning(
            "shape",
            f"Rows of {n_values} values are read as {side} x {side} gray pixels "
            f"because of their length, but they look like pixels of {channels} "
            "channels",
            f"set image_shape={shape}, or image_shape=({side}, {side}) if they are "
            "gray",
        )
    return None


def find_one_row(X: np.ndarray) -> PixelsWarning | None:
    """Return a warning if flat rows of pixels are read as images one pixel high."""
    n_values = X.shape[1]
    if n_values < SHORTEST_ROW or not _may_be_pixels(X):
        return None
    sizes = [(side * side, f"{side} x {side}") for side in _near(n_values)]
    sizes += [(3 * side**2, f"{side} x {side} x 3") for side in _near(n_values / 3)]
    surplus = [(n_values - n, n, text) for n, text in sizes if n < n_values]
    missing = [(n - n_values, n, text) for n, text in sizes if n > n_values]
    more, fewer = min(surplus), min(missing)
    _, number, size = more if more[0] <= MOST_SURPLUS else fewer
    remedy = (
        "is a label or an index among the columns? If not, set"
        if number < n_values
        else "an earlier step may have dropped columns; if not, set"
    )
    return PixelsWarning(
        "shape",
        f"Flat rows are read as one row of {n_values} pixels each; {number} would be "
        f"{size}",
        f"{remedy} image_shape=(height, width) or (height, width, channels), which is "
        f"(1, {n_values}) for a single row",
    )


def _near(n_values: float) -> tuple[int, int]:
    """Return the sides of the largest square up to `n_values` and of the next one."""
    side = isqrt(int(n_values))
    return side, side + 1


def _may_be_pixels(X: np.ndarray) -> bool:
    """Return whether values are in 0 to 255, or whole numbers in 0 to 65,535."""
    rows = some_rows(X, MOST_IMAGES)
    if rows.min() < 0:
        return False
    highest = rows.max()
    return bool(highest <= 255 or (highest <= 65535 and np.all(rows == np.rint(rows))))


def _has_opaque_alpha(X: np.ndarray) -> bool:
    """Return whether every fourth value, and no other, is always the largest."""
    rows = some_rows(X, MOST_IMAGES)
    alpha = rows[:, 3::4]
    highest = alpha.min()
    return bool(
        highest > 0
        and highest == rows.max()
        and all((rows[:, i::4] < highest).any() for i in range(3))
    )


def _planes_are_alike(X: np.ndarray, channels: int) -> bool:
    """Return whether the thirds of a row correlate, as the planes of an image do."""
    rows = some_rows(X, MOST_IMAGES)
    planes = rows.reshape(len(rows), channels, -1)[:, :3].astype(np.float64)
    planes -= planes.mean(axis=2, keepdims=True)
    first, second = planes[:, :-1], planes[:, 1:]
    product = (first * second).sum()
    return bool(product > 0.5 * np.sqrt((first**2).sum() * (second**2).sum()))
