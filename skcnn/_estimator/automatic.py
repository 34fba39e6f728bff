"""What the value "auto" of a parameter stands for in a fit.

`decide` is called once in each fit: after the images to validate on were set aside, and
before anything that depends on a parameter is made. Everything after it reads numbers
and names, never "auto". Each rule is a function of its own; it may look at the number
of training images, their shape, the base values of the class, the parameters that the
user set, and, where training goes on, at the values of the fit before.
"""

import copy
from typing import Any, NamedTuple

import numpy as np

AUTO = "auto"

# batch_size: 64 steps an epoch where there are images enough, but no step so small that
# it is not worth its overhead.
STEPS_PER_EPOCH, SMALLEST_BATCH = 64, 32

# epochs: passes are counted for large sets of images, and steps for small ones, where a
# pass has few steps. MNIST and CIFAR-10 take more steps than these in the passes of
# their classes. So many passes are enough for a few hundred images, and with fewer
# images more passes only repeat them.
MIN_STEPS, MAX_PASSES = 640, 60


class Base(NamedTuple):
    """What a class of classifiers starts from where a parameter is "auto"."""

    epochs: int
    largest_batch_size: int


def decide(
    estimator: Any, n_images: int, image_shape: tuple[int, int, int]
) -> dict[str, Any]:
    """Return what each parameter that is "auto" stands for, by its name."""
    base, decided = estimator._base, {}
    batch_size = estimator.batch_size
    if batch_size == AUTO:
        batch_size = auto_batch_size(n_images, base.largest_batch_size)
        decided["batch_size"] = batch_size
    if estimator.epochs == AUTO:
        decided["epochs"] = auto_epochs(n_images, batch_size, base.epochs)
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


def auto_epochs(n_images: int, batch_size: int, base: int) -> int:
    """Return the number of passes over the images: at least `base`."""
    steps = -(-n_images // batch_size)
    return max(base, min(-(-MIN_STEPS // steps), MAX_PASSES))
