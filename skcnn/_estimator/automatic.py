"""What the value "auto" of a parameter stands for in a fit.

`decide` is called once in each fit: after the images to validate on were set aside, and
before anything that depends on a parameter is made. Everything after it reads numbers
and names, never "auto". Each rule is a function of its own; it may look at the number
of training images, their shape, the base values of the class, the parameters that the
user set, the machine, and, where training goes on, at the values of the fit before.
"""

import copy
from collections.abc import Mapping
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from skcnn._estimator.parameters import (
    resolve_parameters,
    tuple_of_names,
    tuple_of_scales,
)
from skcnn._network.augment import (
    AUGMENTATIONS,
    MIN_CHANGED_SIDE,
    views_of_size,
    views_seen,
)
from skcnn._network.backends import backend
from skcnn._network.startup import start_devices, start_keras

AUTO = "auto"

# batch_size: 64 steps an epoch where there are images enough, but no step so small that
# it is not worth its overhead.
STEPS_PER_EPOCH, SMALLEST_BATCH = 64, 32

# epochs: more passes than these repeat a few hundred images without learning more.
MOST_EPOCHS = 60

# filters: where an image takes more stages than those of the class, filters double from
# stage to stage up to this number, so that the first stages, which have the most
# pixels, stay cheap.
MOST_FILTERS = 128

# progressive_resizing: larger images are first reduced to this side, as the same time
# is worth more in passes over small images than in pixels.
LARGEST_SIDE = 64

# Before the images are known, parameters are checked as if they were these.
LIKELY_SHAPE = (32, 32, 3)


class Base(NamedTuple):
    """What a class of classifiers starts from where a parameter is "auto".

    `epochs` are those for a set of `n_images` images, and `filters` those for images of
    up to `side` pixels a side.
    """

    n_images: int
    epochs: int
    largest_batch_size: int
    filters: tuple[int, ...]
    side: int
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
    scales = estimator.progressive_resizing
    if estimator.progressive_resizing == AUTO:
        last = kept["progressive_resizing"] if kept else auto_scale(image_shape)
        # Several sizes need global pooling, see `resolve_parameters`.
        phases = base.progressive_resizing if estimator.global_pooling else (1.0,)
        scales = last if len(phases) == 1 else tuple(last * phase for phase in phases)
        decided["progressive_resizing"] = scales
    if estimator.filters == AUTO and kept:
        decided["filters"] = kept["filters"]
    elif estimator.filters == AUTO:
        side = mean_side(image_shape) * tuple_of_scales(scales)[-1]
        decided["filters"] = auto_filters(base, side, estimator.pool_size)
    if estimator.dtype == AUTO:
        decided["dtype"] = kept["dtype"] if kept else auto_dtype()
    if estimator.batch_size == AUTO:
        decided["batch_size"] = auto_batch_size(n_images, base.largest_batch_size)
    if estimator.epochs == AUTO:
        decided["epochs"] = auto_epochs(n_images, base)
    if estimator.test_time_augmentation == AUTO:
        augment = decided.get("augment", estimator.augment)
        seen = views_seen(tuple_of_names("augment", augment, AUGMENTATIONS))
        decided["test_time_augmentation"] = views_of_size(seen, image_shape)
    return dict(reversed(decided.items()))


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


def auto_epochs(n_images: int, base: Base) -> int:
    """Return the number of passes over the images.

    There are as many steps as the set of the class takes in its passes, and at least
    twice the passes for a quarter of the images. The batch size of the user plays no
    part, so that a search over it compares equal passes.
    """

    def steps(n: int) -> int:
        return -(-n // auto_batch_size(n, base.largest_batch_size))

    fewer_steps = steps(base.n_images) / steps(n_images)
    fewer_images = base.n_images / n_images
    passes = int(base.epochs * max(fewer_steps, sqrt(fewer_images)))
    return max(base.epochs, min(passes, MOST_EPOCHS))


def auto_dtype() -> str:
    """Return the dtype in which this machine trains fastest, as far as is known."""
    start_keras()
    start_devices()
    return "mixed_bfloat16" if backend().has_fast_bfloat16() else "float32"


def mean_side(image_shape: tuple[int, int, int]) -> float:
    """Return the side of a square with as many pixels as an image."""
    height, width, _ = image_shape
    return sqrt(height * width)


def auto_scale(image_shape: tuple[int, int, int]) -> float:
    """Return the sides to which images are reduced, relative to their own."""
    if min(image_shape[:2]) < MIN_CHANGED_SIDE:
        return 1.0
    return min(1.0, LARGEST_SIDE / mean_side(image_shape))


def auto_filters(base: Base, side: float, pool_size: int) -> tuple[int, ...]:
    """Return the filters of each stage, so many that the side is halved to the base's.

    The last stages then see as many pixels, and the dense layers read about as many
    values, as they do for small images.
    """
    n_stages = len(base.filters)
    while side > base.side and pool_size > 1:
        side /= pool_size
        n_stages += 1
    if n_stages == len(base.filters):
        return base.filters
    return tuple(min(base.filters[0] * 2**i, MOST_FILTERS) for i in range(n_stages))
