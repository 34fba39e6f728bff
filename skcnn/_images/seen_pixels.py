"""Statistics of the pixels seen in `fit`, and warnings if later pixels differ.

Each image is described by four numbers: its smallest and largest pixel, its mean, and
the mean of its border. `fit` keeps quantiles of these numbers over the images. A later
batch is compared by the median over its images, so that one unusual image in a batch
causes no warning. A batch of one image is compared with the extremes over all images
seen in `fit`.
"""

from typing import Any

import numpy as np

from skcnn._images.forms import chunk_rows
from skcnn._images.pixel_layout import (
    INTERLEAVED_TO,
    PLANAR_FROM,
    SHORTEST_ROW,
    planes_warning,
    some_rows,
    step_ratio,
)
from skcnn._images.scaling import pixel_interval
from skcnn._messages.warnings import PixelsWarning
from skcnn._storage import schema

# Images with fewer values are rows of a table rather than pictures: nothing is checked.
FEWEST_VALUES = 16

# The most images that are examined in `fit`, and in a later batch. The quantiles and
# the median need no more.
MOST_LEARNED, MOST_CHECKED = 2048, 256
# The most values that are examined in `fit`, if images are large.
MOST_VALUES = 2**25

# A batch of at least this many images is compared with the 1st and 99th percentile over
# the images of `fit`; a smaller batch, with the minimum and maximum.
SMALL_BATCH = 10
PERCENTS = (0, 1, 10, 50, 90, 99, 100)
LEAST, ONE, TEN, MIDDLE, NINETY, NINETY_NINE, MOST = range(7)

# How far the median image may leave the range seen in `fit`, as a share of that range.
# Images a third brighter, or with noise of a tenth of the range, still have the same
# unit. Pixels farther outside have another unit.
MARGIN = 1 / 3
# The share of pixels that have to be farther outside for a warning, since noise puts a
# few there. No share is needed if the median image leaves the range by its width.
STRAY = 0.005

# Images whose range is this small a share of the range seen in `fit` have another unit,
# whatever their brightness. Even ink on gray paper has a larger range.
FLAT = 1 / 10

# Percentiles 10 and 90 are used only if `fit` saw this many images. Rounding and
# resampling move pixels by less than `SLACK`, a share of the range seen in `fit`.
FEWEST_IMAGES, SLACK = 100, 0.02

USUAL_INTERVALS = {(0, 1), (-1, 1), (0, 255), (0, 65535)}

QUANTILES = ("lowest", "highest", "brightness", "border")


def learn_pixels(X: np.ndarray, image_shape: tuple, rows: np.ndarray) -> dict[str, Any]:
    """Describe the images `X[rows]` by plain Python values.

    `X` holds images as :func:`~skcnn._images.forms.validate_images` returns them. At
    most `MOST_LEARNED` of the images, evenly spaced, are examined.

    Returns
    -------
    dict
        ``dtype`` (its name), ``minimum`` and ``maximum`` of all pixels, ``n_images``,
        and ``step_ratio`` (see :func:`~skcnn._images.pixel_layout.step_ratio`; None for
        gray images). Four more entries are lists of the quantiles `PERCENTS` over
        images: of the ``lowest`` and the ``highest`` pixel, of the ``brightness`` (the
        mean), and of the mean of the ``border``.
    """
    n_values = int(np.prod(image_shape))
    most = min(MOST_LEARNED, max(MOST_CHECKED, MOST_VALUES // n_values))
    rows = rows[:: max(1, -(-len(rows) // most))]
    measured = []
    # Sums of float64 pixels beyond 1e305 overflow; such values are not an image.
    with np.errstate(over="ignore", invalid="ignore"):
        for some in chunk_rows(len(rows), image_shape):
            chunk = X[rows[some]].reshape(-1, n_values)
            brightness = chunk.mean(axis=1, dtype=np.float64)
            border = _border(chunk, image_shape)
            measured.append([chunk.min(axis=1), chunk.max(axis=1), brightness, border])
    by_image = np.sort(np.concatenate(measured, axis=1, dtype=np.float64), axis=1)
    by_image = np.nan_to_num(by_image)
    last = len(rows) - 1
    quantiles = by_image[:, [round(last * percent / 100) for percent in PERCENTS]]
    return {
        "dtype": X.dtype.name,
        "minimum": float(by_image[0, 0]),
        "maximum": float(by_image[1, -1]),
        "n_images": len(rows),
        "step_ratio": _layout(X[rows[:: -(-len(rows) // 64)]], image_shape),
    } | dict(zip(QUANTILES, quantiles.tolist(), strict=True))


def merge_pixels(seen: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Merge the descriptions of two sets of images, weighted by numbers of images."""
    share = more["n_images"] / (seen["n_images"] + more["n_images"])

    def between(old: list[float], new: list[float]) -> list[float]:
        return [a + share * (b - a) for a, b in zip(old, new, strict=True)]

    merged = more | {
        "minimum": min(seen["minimum"], more["minimum"]),
        "maximum": max(seen["maximum"], more["maximum"]),
        "n_images": seen["n_images"] + more["n_images"],
    }
    for name in QUANTILES:
        merged[name] = between(seen[name], more[name])
        merged[name][0] = min(seen[name][0], more[name][0])
        merged[name][-1] = max(seen[name][-1], more[name][-1])
    return merged


def check_description(seen: Any, place: str) -> None:
    """Check that a value from a file is None or a result of `learn_pixels`."""
    numbers = schema.several(_finite, most=len(PERCENTS), least=len(PERCENTS))
    description = schema.record(
        {
            "dtype": schema.text(16, "(bool|u?int|float)[0-9]*"),
            "minimum": _finite,
            "maximum": _finite,
            "n_images": schema.integer(1),
            "step_ratio": schema.either(schema.nothing, _finite),
        }
        | dict.fromkeys(QUANTILES, numbers),
        # Files written by the first versions of 0.1.0 also hold the means of channels.
        optional={"channel_means": schema.several(_finite, most=2**14)},
    )
    schema.either(schema.nothing, description)(seen, place)


def _finite(value: Any, place: str) -> None:
    """Check for a float that is neither infinite nor NaN."""
    schema.number(value, place)
    schema.finite_number(value, place)


def find_other_pixels(
    seen: dict[str, Any] | None, X: np.ndarray, image_shape: tuple, name: str = "X"
) -> PixelsWarning | None:
    """Return a warning if images differ from those that `learn_pixels` described.

    Nothing is checked if `seen` is None. `name` is the caller's name for the images,
    "X" or "X_val". Only the first difference found is returned.
    """
    n_values = X.size // len(X)
    if seen is None or n_values < FEWEST_VALUES:
        return None
    rows = some_rows(X, MOST_CHECKED)
    low, high = _median(rows.min(axis=1)), _median(rows.max(axis=1))
    start, stop = pixel_interval(seen["minimum"], seen["maximum"])
    width = stop - start
    if width > 0 and _is_beyond(rows, start, stop, low, high):
        return _range_warning(seen, rows, name)
    narrow = width > 0 and _is_narrower(seen, start, width, low, high, len(rows))
    side = _background(seen, start, width)
    # Dim images with little contrast have another unit. Dim images with more contrast,
    # such as ink on gray paper, may be inverted instead, which is checked next.
    if narrow and high - low < MARGIN * width:
        return _range_warning(seen, rows, name)
    if side and _is_inverted(rows, image_shape, side, start, width, clearly=narrow):
        before, now = ("dark", "bright") if side < 0 else ("bright", "dark")
        return PixelsWarning(
            "inverted",
            f"The images in {name} have a {now} background, but those seen in fit had "
            f"a {before} one",
            f"if dark and bright are exchanged, write {_inversion(seen, X, name)}",
        )
    if narrow:
        return _range_warning(seen, rows, name)
    ratio = None if seen["step_ratio"] is None else _layout(X, image_shape)
    if ratio is None:
        return None
    if seen["step_ratio"] < INTERLEAVED_TO and ratio > PLANAR_FROM:
        return planes_warning(image_shape, name)
    if seen["step_ratio"] > PLANAR_FROM and ratio < INTERLEAVED_TO:
        return PixelsWarning(
            "layout",
            f"{name} holds the channels of each pixel side by side, but in fit one "
            "channel came after the other",
            f"fit with pixels in the order of {name}",
        )
    return None


def _is_beyond(
    rows: np.ndarray, start: float, stop: float, low: float, high: float
) -> bool:
    """Return whether pixels leave the range seen in fit by more than noise explains."""
    width = stop - start
    excess = max(start - low, high - stop) / width
    if not MARGIN < excess <= 1:
        return excess > 1
    outside = (rows < start - MARGIN * width) | (rows > stop + MARGIN * width)
    return bool(outside.sum() > max(1, STRAY * outside.size))


def _is_narrower(
    seen: dict[str, Any], start: float, width: float, low: float, high: float, n: int
) -> bool:
    """Return whether pixels take up too small a part of the range seen in fit."""

    def seen_at(name: str, quantile: int) -> float:
        return (seen[name][quantile] - start) / width

    low, high = (low - start) / width, (high - start) / width
    if low == high:  # a blank image
        return False
    if n < SMALL_BATCH:
        dimmest, palest, left = seen_at("highest", LEAST), seen_at("lowest", MOST), 0.5
    else:
        dimmest, palest = seen_at("highest", ONE), seen_at("lowest", NINETY_NINE)
        left = 1 - MARGIN
    if high <= left * dimmest or 1 - low <= left * (1 - palest):
        return True
    if high - low <= FLAT * (dimmest - palest):
        return True
    if n < SMALL_BATCH or seen["n_images"] < FEWEST_IMAGES:
        return False
    # The darkest and the brightest pixel are both where they are in few images of fit:
    # neither other light nor other contrast does that.
    if high > seen_at("highest", TEN) - SLACK:
        return False
    contrast = seen_at("highest", MIDDLE) - seen_at("lowest", MIDDLE)
    squeezed = high - low < left * contrast
    return low < seen_at("lowest", LEAST) - SLACK or (
        squeezed and low > seen_at("lowest", NINETY) + SLACK
    )


def _range_warning(seen: dict[str, Any], rows: np.ndarray, name: str) -> PixelsWarning:
    """Return the warning that pixels have another unit, with the code to rescale."""
    low, high = float(rows.min()), float(rows.max())
    remedy = _rescaling(
        pixel_interval(low, high),
        pixel_interval(seen["minimum"], seen["maximum"]),
        f"{name}.astype(float)" if rows.dtype.kind in "iu" else name,
    )
    if name == "X_val":
        remedy = (
            "scale X_val as X was scaled; a Pipeline does it with "
            'transform_input=["X_val"]'
        )
    return PixelsWarning(
        "range",
        f"{name} holds {rows.dtype.name} pixels from {low:g} to {high:g}, but those "
        f"seen in fit were {seen['dtype']} from {seen['minimum']:g} to "
        f"{seen['maximum']:g}",
        remedy,
    )


def _rescaling(now: tuple, before: tuple, name: str) -> str:
    """Return how to rescale pixels from the interval `now` to the one in fit."""
    is_integer = before[0] == 0 and before[1] % 1 == 0
    usual = now in USUAL_INTERVALS and (is_integer or before == (-1, 1))
    if now == before or not usual:
        return f"scale {name.partition('.')[0]} as the images of fit were scaled"
    factor = (before[1] - before[0]) / (now[1] - now[0])
    if factor <= 1:
        name = name.partition(".")[0]
    text = name if now[0] == 0 else f"{name} + 1"
    if factor != 1:
        text = text if now[0] == 0 else f"({text})"
        text += f" * {factor:g}" if factor > 1 else f" / {1 / factor:g}"
    return f"write {text}{' - 1' if before[0] else ''}"


def _background(seen: dict[str, Any], start: float, width: float) -> int:
    """Return -1 if nearly all images of fit have a dark border, 1 if a bright one."""
    middle = start + width / 2
    brightness = seen["brightness"][MIDDLE]
    if seen["border"][NINETY_NINE] < start + width / 3 and brightness < middle:
        return -1
    if seen["border"][ONE] > start + width * 2 / 3 and brightness > middle:
        return 1
    return 0


def _is_inverted(
    rows: np.ndarray,
    image_shape: tuple,
    side: int,
    start: float,
    width: float,
    *,
    clearly: bool,
) -> bool:
    """Return whether border and mean are both on the other side of the middle."""
    mean = _median(rows.sum(axis=1, dtype=np.float64)) / rows.shape[1]
    # Scaled to -1/2 to 1/2 over the range seen in fit; times -side, the value is
    # positive on the other side of the middle.
    if -side * ((mean - start) / width - 0.5) <= 0:
        return False
    border = (_median(_border(rows, image_shape)) - start) / width - 0.5
    return -side * border > (1 / 6 if clearly else 0)


def _inversion(seen: dict[str, Any], X: np.ndarray, name: str) -> str:
    """Return the expression that exchanges dark and bright."""
    total = sum(pixel_interval(seen["minimum"], seen["maximum"]))
    if X.dtype == np.bool_:
        return f"~{name}"
    return f"{total:g} - {name}" if total else f"-{name}"


def _border(rows: np.ndarray, image_shape: tuple) -> np.ndarray:
    """Return the mean of the outermost pixels of each image."""
    images = rows.reshape(len(rows), *image_shape)
    sides = images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]
    means = [side.mean(axis=(1, 2), dtype=np.float64) for side in sides]
    return np.mean(means, axis=0)


def _layout(X: np.ndarray, image_shape: tuple) -> float | None:
    """Return the `step_ratio` of images with 3 or 4 channels, None for others."""
    if image_shape[-1] not in (3, 4) or np.prod(image_shape) < SHORTEST_ROW:
        return None
    return step_ratio(X, image_shape[-1])


def _median(values: np.ndarray) -> float:
    """Return the upper median of a few values, faster than `numpy.median` does."""
    if len(values) > 1:
        values = np.sort(values)
    return float(values[len(values) // 2])
