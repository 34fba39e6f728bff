"""What the value "auto" of a parameter stands for in a fit.

A fit calls `decide` once with its training images: after it has set validation images
aside, and before it describes the network. From there on, the fit reads numbers and
names, never "auto". Each rule is a function of its own. A rule may depend on the number
of training images, their shape, the base values of the class, the parameters that the
user set, and the machine. If training continues, it may depend on the values of the
last fit. Before the images are known, `check_parameters` calls `decide` with a likely
shape, to check all other parameters early.
"""

import copy
from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from skcnn._estimator.parameters import (
    has_family,
    kernel_of_each_stage,
    resolve_parameters,
    tuple_of_integers,
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
from skcnn._network.description import least_side
from skcnn._network.startup import start_devices, start_keras

AUTO = "auto"

# batch_size: 64 steps an epoch, unless a step would then have so few images that it is
# not worth its overhead, or more images than the class allows.
STEPS_PER_EPOCH, SMALLEST_BATCH = 64, 32

# epochs: with more passes than these, a network learns no more from a few hundred
# images. Tables and images less than `MIN_CHANGED_SIDE` pixels high or wide keep the
# passes of the class. Augmentation, which makes further passes worth their time, does
# not change such images.
MOST_EPOCHS = 60

# filters: if an image needs more stages than those of the class, the filters double
# from stage to stage, up to this number. So the first stages, which have the most
# pixels, stay cheap.
MOST_FILTERS = 128

# dtype: an epoch in bfloat16 takes these parts of the CPU time of one in float32, on an
# Intel Xeon with AMX (TensorFlow 2.21, 2 threads, three interleaved pairs each, 28 x 28
# pixels): filters (8, 16) 1.48 to 1.67, (16, 32) 0.92 to 0.98, (16, 64) 0.75 to 0.93,
# (32, 64) 0.53 to 0.59.
LEAST_FILTERS_OF_BFLOAT16 = 32

# Before the images are known, parameters are checked as if they were these.
LIKELY_SHAPE = (32, 32, 3)


class Base(NamedTuple):
    """What a class of classifiers starts from where a parameter is "auto".

    `epochs` are those for a set of `n_images` images, and `filters` those for images of
    up to `side` pixels a side. Images of more than `largest_side` pixels a side are
    reduced. `augment` has no "flip". "flip" is added if mirror images of training
    images belong to their classes; `flip_if_unsure` says whether to add "flip" if the
    images are too few to tell.
    """

    n_images: int
    epochs: int
    largest_batch_size: int
    filters: tuple[int, ...]
    side: int
    largest_side: int
    progressive_resizing: tuple[float, ...]
    augment: tuple[str, ...]
    flip_if_unsure: bool


def decide(
    estimator: Any,
    n_images: int,
    image_shape: tuple[int, int, int],
    kept: Mapping[str, Any] | None = None,
    may_flip: Callable[[bool], bool] = bool,
    followed: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what each parameter that is "auto" stands for, by its name.

    If training goes on, `kept` has the parameters that must not change, as the last fit
    resolved them. `may_flip` looks at the training images and returns whether to mirror
    them. Its argument is the answer for images that are too few to tell. `followed` has
    the parameters of the classifier that `init_from` stands for: without its `filters`,
    none of its layers would fit.
    """
    base: Base = estimator._base
    decided: dict[str, Any] = decide_training(estimator)
    scales = estimator.progressive_resizing
    if estimator.progressive_resizing == AUTO and not has_family(estimator):
        decided["progressive_resizing"] = scales = 1.0
    elif estimator.progressive_resizing == AUTO:
        last = kept["progressive_resizing"] if kept else auto_scale(base, image_shape)
        # Several sizes need global pooling, see `resolve_parameters`.
        phases = base.progressive_resizing if estimator.global_pooling else (1.0,)
        scales = last if len(phases) == 1 else tuple(last * phase for phase in phases)
        decided["progressive_resizing"] = scales
    filters = estimator.filters if has_family(estimator) else None
    given = kept or followed
    if filters == AUTO and given:
        decided["filters"] = given["filters"]
    elif filters == AUTO:
        scale = tuple_of_scales(scales)[-1]
        decided["filters"] = auto_filters(estimator, image_shape, scale)
    if estimator.dtype == AUTO:
        width = decided.get("filters", filters)
        decided["dtype"] = kept["dtype"] if kept else auto_dtype(width)
    if estimator.batch_size == AUTO:
        decided["batch_size"] = auto_batch_size(n_images, base.largest_batch_size)
    if estimator.epochs == AUTO:
        decided["epochs"] = auto_epochs(base, n_images, image_shape)
    augment = estimator.augment
    if augment == AUTO:
        augment = kept["augment"] if kept else auto_augment(base, image_shape, may_flip)
        decided["augment"] = augment
    if estimator.test_time_augmentation == AUTO:
        seen = views_seen(tuple_of_names("augment", augment, AUGMENTATIONS))
        decided["test_time_augmentation"] = views_of_size(seen, image_shape)
    return dict(reversed(decided.items()))


def check_parameters(
    estimator: Any,
    kept: Mapping[str, Any] | None = None,
    followed: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return `resolve_parameters` of an estimator whose images are not known yet."""
    shape = LIKELY_SHAPE if kept is None else estimator.image_shape_
    estimator = estimator._with_settings(shape)
    decided = decide(estimator, 1, shape, kept, followed=followed)
    return resolve_parameters(with_values(estimator, decided))


def decide_training(estimator: Any) -> dict[str, Any]:
    """Return what the parameters stand for that are "auto" in CNNClassifier only.

    Muon keeps the norm of a kernel fixed. This suits kernels before a batch
    normalization, and it would undo what pretrained kernels have learned. So a network
    of the user's gets Adam, as Keras would train it.
    """
    decided: dict[str, Any] = {}
    optimizer = estimator.optimizer
    if optimizer == AUTO:
        optimizer = "muon" if has_family(estimator) else "adam"
        decided["optimizer"] = optimizer
    if estimator.learning_rate == AUTO:
        is_muon = isinstance(optimizer, str) and optimizer.lower() == "muon"
        rate = estimator._defaults["learning_rate"] if is_muon else None
        decided["learning_rate"] = rate
    if estimator.label_smoothing == AUTO:
        decided["label_smoothing"] = estimator._defaults["label_smoothing"]
    if estimator.scaling == AUTO:
        wanted = getattr(estimator.network, "scaling", "standard")
        # An object of the user's may mean something else by this name.
        is_known = wanted is None or str(wanted) in ("standard", "unit")
        decided["scaling"] = wanted if is_known else "standard"
    return decided


def with_values(estimator: Any, values: dict[str, Any]) -> Any:
    """Return a copy of an estimator with other values of some parameters."""
    copied = copy.copy(estimator)
    vars(copied).update(values)
    return copied


def auto_batch_size(n_images: int, largest: int) -> int:
    """Return the number of images of a step."""
    size = -(-n_images // STEPS_PER_EPOCH)
    return int(np.clip(size, SMALLEST_BATCH, largest))


def auto_epochs(base: Base, n_images: int, image_shape: tuple[int, int, int]) -> int:
    """Return the number of passes over the images, for tables that of the class.

    There are as many steps as the set of the class takes in its passes, and at least
    twice the passes for a quarter of the images, up to `MOST_EPOCHS`. The number does
    not depend on the batch size that a user sets, so that a search over batch sizes
    compares fits of equally many passes.
    """
    if min(image_shape[:2]) < MIN_CHANGED_SIDE:
        return base.epochs

    def steps(n: int) -> int:
        return -(-n // auto_batch_size(n, base.largest_batch_size))

    fewer_steps = steps(base.n_images) / steps(n_images)
    fewer_images = base.n_images / n_images
    passes = int(base.epochs * max(fewer_steps, sqrt(fewer_images)))
    return max(base.epochs, min(passes, MOST_EPOCHS))


def auto_augment(
    base: Base, image_shape: tuple[int, int, int], may_flip: Callable[[bool], bool]
) -> tuple[str, ...]:
    """Return the random changes of training images."""
    # Training never changes smaller images, so nobody needs to know.
    if min(image_shape[:2]) < MIN_CHANGED_SIDE or not may_flip(base.flip_if_unsure):
        return base.augment
    return ("flip", *base.augment)


def auto_dtype(filters: Any) -> str:
    """Return the dtype in which this machine trains fastest, as far as is known.

    `filters` is None if the network is not of the family: then nothing is known of its
    width.
    """
    widths = () if filters is None else tuple_of_integers("filters", filters)
    if widths and max(widths) < LEAST_FILTERS_OF_BFLOAT16:
        return "float32"
    start_keras()
    start_devices()
    return "mixed_bfloat16" if backend().has_fast_bfloat16() else "float32"


def mean_side(image_shape: tuple[int, int, int]) -> float:
    """Return the side of a square with as many pixels as an image."""
    height, width, _ = image_shape
    return sqrt(height * width)


def auto_scale(base: Base, image_shape: tuple[int, int, int]) -> float:
    """Return the factor by which the sides of images are reduced, 1 for small images.

    In the same time, more passes over small images are worth more than large images.
    """
    if min(image_shape[:2]) < MIN_CHANGED_SIDE:
        return 1.0
    return min(1.0, base.largest_side / mean_side(image_shape))


def auto_filters(
    estimator: Any, image_shape: tuple[int, int, int], scale: float
) -> tuple[int, ...]:
    """Return the filters of each stage, with more stages for images that are larger.

    `scale` is the factor by which the network reduces the sides of images. Stages are
    added until pooling has made the mean side as small as that of the class. Then the
    last stages see about as many pixels as they do for small images, and the dense
    layers read about as many values. A long and narrow image gets no stage that would
    find no pixels left to pool on the shorter side.
    """
    base: Base = estimator._base
    side, shorter = scale * mean_side(image_shape), round(scale * min(image_shape[:2]))
    n_stages = len(base.filters)
    while side > base.side and estimator.pool_size > 1:
        kernel_size = kernel_of_each_stage(estimator, n_stages + 1)
        if least_side(estimator, kernel_size) > shorter:
            break
        side /= estimator.pool_size
        n_stages += 1
    if n_stages == len(base.filters):
        return base.filters
    return tuple(min(base.filters[0] * 2**i, MOST_FILTERS) for i in range(n_stages))
