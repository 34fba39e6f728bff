"""What the value "auto" of a parameter stands for in a fit.

`decide` is called once in each fit: after the images to validate on were set aside, and
before anything that depends on a parameter is made. Everything after it reads numbers
and names, never "auto". Each rule is a function of its own; it may look at the number
of training images, their shape, the base values of the class, the parameters that the
user set, and, where training goes on, at the values of the fit before.
"""

import copy
from collections.abc import Mapping
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from skcnn._estimator.parameters import resolve_parameters, tuple_of_scales
from skcnn._network.augment import MIN_CHANGED_SIDE

AUTO = "auto"

# batch_size: 64 steps an epoch where there are images enough, but no step so small that
# it is not worth its overhead.
STEPS_PER_EPOCH, SMALLEST_BATCH = 64, 32

# epochs: passes are counted for large sets of images, and steps for small ones, where a
# pass has few steps. MNIST and CIFAR-10 take more steps than these in the passes of
# their classes. So many passes are enough for a few hundred images, and with fewer
# images more passes only repeat them.
MIN_STEPS, MAX_PASSES = 640, 60

# filters: the stages of a class are made for sides of 28 or 32 pixels, and see the
# whole of an image up to this side. Each doubling of the side takes another stage.
LARGEST_BASE_SIDE = 48

# progressive_resizing: larger images are first reduced to this side, so that an image
# of any size takes at most 2.3 times the time of one of 64 x 64 pixels.
LARGEST_SIDE = 96

# Before the images are known, parameters are checked as if they were these.
LIKELY_SHAPE = (32, 32, 3)


class Base(NamedTuple):
    """What a class of classifiers starts from where a parameter is "auto"."""

    epochs: int
    largest_batch_size: int
    filters: tuple[int, ...]
    progressive_resizing: tuple[float, ...]


def decide(
    estimator: Any,
    n_images: int,
    image_shape: tuple[int, int, int],
    kept: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what each parameter that is "auto" stands for, by its name.

    `kept` has the parameters that must not change, as the last fit resolved them, if
    training goes on.
    """
    base: Base = estimator._base
    decided: dict[str, Any] = {}

    def value(name: str) -> Any:
        """Return the value of a parameter, decided or set by the user."""
        return decided.get(name, getattr(estimator, name))

    if estimator.progressive_resizing == AUTO:
        last = kept["progressive_resizing"] if kept else auto_scale(image_shape)
        # Several sizes need global pooling, see `resolve_parameters`.
        phases = base.progressive_resizing if estimator.global_pooling else (1.0,)
        scales = tuple(last * phase for phase in phases)
        decided["progressive_resizing"] = scales if len(scales) > 1 else last
    if estimator.filters == AUTO:
        side = (
            mean_side(image_shape) * tuple_of_scales(value("progressive_resizing"))[-1]
        )
        decided["filters"] = (
            kept["filters"]
            if kept
            else auto_filters(base.filters, side, estimator.pool_size)
        )
    if estimator.batch_size == AUTO:
        decided["batch_size"] = auto_batch_size(n_images, base.largest_batch_size)
    if estimator.epochs == AUTO:
        decided["epochs"] = auto_epochs(n_images, value("batch_size"), base.epochs)
    return decided


def check_parameters(
    estimator: Any, kept: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return `resolve_parameters` of an estimator whose images are not known yet."""
    decided = decide(estimator, 1, LIKELY_SHAPE, kept)
    return resolve_parameters(with_values(estimator, decided))


def with_values(estimator: Any, values: dict[str, Any]) -> Any:
    """Return a copy of an estimator with other values of some parameters."""
    copied = copy.copy(estimator)
    vars(copied).update(values)
    return copied


def auto_batch_size(n_images: int, largest: int) -> int:
    """Return the number of images of a step."""
    size = -(-n_images // STEPS_PER_EPOCH)
    return int(np.clip(size, SMALLEST_BATCH, largest))


def auto_epochs(n_images: int, batch_size: int, base: int) -> int:
    """Return the number of passes over the images: at least `base`."""
    steps = -(-n_images // batch_size)
    return max(base, min(-(-MIN_STEPS // steps), MAX_PASSES))


def mean_side(image_shape: tuple[int, int, int]) -> float:
    """Return the side of a square with as many pixels as an image."""
    height, width, _ = image_shape
    return sqrt(height * width)


def auto_scale(image_shape: tuple[int, int, int]) -> float:
    """Return the sides to which images are reduced, relative to their own."""
    if min(image_shape[:2]) < MIN_CHANGED_SIDE:
        return 1.0
    return min(1.0, LARGEST_SIDE / mean_side(image_shape))


def auto_filters(base: tuple[int, ...], side: float, pool_size: int) -> tuple[int, ...]:
    """Return the filters of each stage: as many stages as halve the side to the base's.

    Further stages have the filters of the last one, so that the dense layers read about
    as many values as they do for small images.
    """
    filters = base
    while side > LARGEST_BASE_SIDE and pool_size > 1:
        side /= pool_size
        filters += base[-1:]
    return filters
