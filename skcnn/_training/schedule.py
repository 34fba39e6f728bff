"""How a network is trained: step sizes, image sizes, when to stop."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# The share of the steps over which a schedule with a warm-up raises the rate.
WARM_UP_FRACTION = 0.1

# A training call takes at most this many bytes of images, so that memory is bounded,
# and at most this many steps, so that Ctrl-C is heard soon.
MAX_CALL_BYTES = 2**23
MAX_CALL_STEPS = 64


@dataclass(frozen=True)
class Schedule:
    """Describes a training run but for its network and its images.

    Attributes
    ----------
    epochs : int
        Passes over the training images.
    batch_size : int
        Images a step.
    sizes : tuple of tuple of int
        ``(height, width)`` of the images in successive parts of the run, each of which
        has equally many steps.
    learning_rates : str
        See :func:`learning_rates`.
    peak : float
        The highest learning rate.
    dropout : tuple of two float
        Rates after the convolution stages and after the hidden dense layers.
    label_smoothing : float
        Share of the target that is spread over all classes.
    shuffle : bool
        Whether each epoch draws a new order.
    patience : float or None
        Epochs without improvement after which to stop and return to the best weights;
        None trains on.
    tol : float
        Least gain in validation accuracy that counts as an improvement.
    """

    epochs: int
    batch_size: int
    sizes: tuple[tuple[int, int], ...]
    learning_rates: str
    peak: float
    dropout: tuple[float, float]
    label_smoothing: float
    shuffle: bool
    patience: float | None = None
    tol: float = 0.0

    def steps(self, n_images: int) -> int:
        """Return the number of steps of an epoch."""
        return -(-n_images // self.batch_size)

    def plan(
        self, epoch: int, n_images: int
    ) -> tuple[np.ndarray, list[tuple[int, int]]]:
        """Return the learning rate and the image size of each step of an epoch.

        One epoch at a time, so that memory does not grow with the number of epochs.
        """
        steps, n_sizes = self.steps(n_images), len(self.sizes)
        first, n_steps = epoch * steps, self.epochs * steps
        numbers = np.arange(first, first + steps, dtype=np.float64)
        rates = learning_rates(self.learning_rates, self.peak, numbers, n_steps)
        if n_sizes == 1:
            return rates, list(self.sizes) * steps
        # Counted from the end, because predictions are made at the last size.
        left = range(n_steps - 1 - first, n_steps - 1 - first - steps, -1)
        return rates, [self.sizes[-1 - n * n_sizes // n_steps] for n in left]

    def steps_left(
        self, done: int, n_images: int
    ) -> Iterator[tuple[tuple[int, int], int]]:
        """Yield each image size, and how many steps of it follow the first `done`."""
        n_sizes, n_steps = len(self.sizes), self.epochs * self.steps(n_images)
        for i, size in enumerate(self.sizes):
            # As in `plan`, counted from the end.
            start = n_steps - -(-(n_sizes - i) * n_steps // n_sizes)
            end = n_steps - -(-(n_sizes - i - 1) * n_steps // n_sizes)
            yield size, max(0, end - max(start, done))

    def calls(
        self, sizes: list[tuple[int, int]], image_bytes: int, each_step: bool = False
    ) -> Iterator[tuple[int, int]]:
        """Yield the first step of each training call of an epoch, and the next one's.

        All steps of a call have one size. With `each_step` a call is one step.
        """
        fitting = MAX_CALL_BYTES // (self.batch_size * image_bytes)
        most = 1 if each_step else min(max(fitting, 1), MAX_CALL_STEPS)
        start = 0
        for step in range(1, len(sizes) + 1):
            if (
                step == len(sizes)
                or step == start + most
                or sizes[step] != sizes[start]
            ):
                yield start, step
                start = step


def learning_rates(
    schedule: str, peak: float, steps: np.ndarray, n_steps: int
) -> np.ndarray:
    """Return the learning rates (float32) of some steps of a run of `n_steps` steps.

    `steps` are the numbers of the steps, from 0 on, as float64. "constant" is always
    `peak`. "cosine" rises linearly over the first tenth of the steps, then falls to 0
    along half a cosine, as in I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient
    Descent with Warm Restarts", ICLR 2017, equation 5; https://arxiv.org/abs/1608.03983.
    "linear" falls to 0 along a line from the first step on.
    """
    if schedule == "constant":
        return np.full(steps.shape, peak, np.float32)
    if schedule == "linear":
        return (peak * (1 - steps / n_steps)).astype(np.float32)
    warm_up = WARM_UP_FRACTION * n_steps
    rising = (steps + 1) / max(warm_up, 1)
    falling = (steps - warm_up) / max(n_steps - warm_up, 1)
    cosine = 0.5 * (1 + np.cos(np.pi * np.clip(falling, 0, 1)))
    return (peak * np.minimum(rising, cosine)).astype(np.float32)
