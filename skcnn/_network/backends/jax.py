"""JAX: the functions are pure by themselves, and compiled for each shape of a batch.

A compiled function is one training step, and a batch size is part of a shape: another
one is compiled anew. Batches that are too short are padded with images that do not
count.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any
from zlib import crc32

import numpy as np

from skcnn._network.step import Batch, Computation, StepOptions

NAME = "JAX"
STATIC_SHAPES = True
OPERATIONS: Mapping[str, Callable[..., Any]] = {}


def precision(dtype: Any) -> AbstractContextManager[Any]:
    """Return a context in which tensors of a dtype can be made.

    JAX makes float32 of float64 unless it is told otherwise.
    """
    import jax

    return jax.enable_x64(str(dtype) == "float64")


def bound_threads(threads: int) -> None:
    """Use so many threads, unless JAX runs already or the user has chosen."""
    import jax

    if "NPROC" in os.environ:
        return
    # Read when XLA makes its pool; there is no other setting of its size.
    os.environ["NPROC"] = str(threads)
    try:
        jax.devices()
    finally:
        del os.environ["NPROC"]


def start_devices() -> None:
    """Do nothing: JAX writes no notes about devices."""


def has_fast_bfloat16() -> bool:
    """Whether training in bfloat16 is known to be faster: not measured on JAX."""
    return False


def uniform(seed: Any, step: Any, name: str, shape: Any) -> Any:
    """Return float32 random numbers in [0, 1), the same for equal arguments."""
    from jax import random

    key = random.fold_in(random.key(seed), step)
    return random.uniform(random.fold_in(key, crc32(name.encode())), shape, "float32")


def gradients(
    loss_of_batch: Callable[[], tuple[Any, Any]],
    trainable: list[Any],
    others: list[Any],
) -> tuple[list[Any], Any]:
    """Return the gradients of a loss, and what else the function returns."""
    import jax
    import keras

    def loss_of_values(values: list[Any]) -> tuple[Any, Any]:
        state = [*zip(trainable, values, strict=True), *((v, v.value) for v in others)]
        with keras.StatelessScope(state, collect_losses=True) as scope:
            loss, rest = loss_of_batch()
            return loss, (rest, [scope.get_current_value(v) for v in others])

    values = [variable.value for variable in trainable]
    gradients, (rest, changed) = jax.grad(loss_of_values, has_aux=True)(values)
    for variable, value in zip(others, changed, strict=True):
        variable.assign(value)
    return gradients, rest


class Functions:
    """The compiled functions of a network; see `skcnn._network.step.Functions`."""

    def __init__(self, computation: Computation) -> None:
        import jax

        self._computation = computation
        self._logits = jax.jit(computation.logits, static_argnums=(2, 3))
        self._features = jax.jit(computation.features)
        self._step = jax.jit(self._train_on_batch, static_argnums=0)

    def logits(
        self,
        weights: Sequence[Any],
        images: np.ndarray,
        views: tuple[str, ...],
        further: bool = False,
    ) -> np.ndarray:
        """Return the logits of images, averaged over their (further) views."""
        return np.asarray(self._logits(weights, images, views, further))

    def features(self, weights: Sequence[Any], images: np.ndarray) -> np.ndarray:
        """Return the features of images."""
        return np.asarray(self._features(weights, images))

    def train(
        self, values: Sequence[Any], batch: Batch, options: StepOptions
    ) -> tuple[list[Any], float, float]:
        """Train on consecutive batches; return values, sums of loss and correct."""
        batch_size = int(options.batch_size)
        loss_sums, correct_sums = [], []
        for i in range(len(options.rates)):
            rows = np.arange(i * batch_size, (i + 1) * batch_size)
            n_images = min(batch_size, len(batch.images) - i * batch_size)
            if not self._computation.TAKES_PADDING:
                rows = rows[:n_images]
            elif options.step + i == 0:  # a batch that is short is the only one
                rows = rows[: _power_of_two(n_images)]
            rows = np.resize(rows[:n_images], len(rows))
            padded = Batch(*(array[rows] for array in batch))
            padded.weights[n_images:] = 0
            of_step = options._replace(
                size=(0, 0), rates=options.rates[i : i + 1], step=options.step + i
            )
            values, loss, correct = self._step(
                options.size, values, padded, of_step, np.int32(n_images)
            )
            loss_sums.append(loss)
            correct_sums.append(correct)
        # Read last: until then JAX computes while Python goes on.
        return list(values), _total(loss_sums), _total(correct_sums)

    def _train_on_batch(
        self,
        size: tuple[int, int],
        values: Sequence[Any],
        batch: Batch,
        options: StepOptions,
        n_images: Any,
    ) -> tuple[list[Any], Any, Any]:
        """Return the values after one step, and its sums of loss and correct answers.

        The size comes apart, because it is compiled in.
        """
        import keras

        options = options._replace(size=size)
        variables = self._computation.variables
        state = list(zip(variables, values, strict=True))
        with keras.StatelessScope(state) as scope:
            sums = self._computation.train_on_batch(batch, options, 0, n_images)
            return [scope.get_current_value(v) for v in variables], *sums


def _total(sums: list[Any]) -> float:
    """Return the sum of some scalars."""
    return float(np.sum(sums, dtype=np.float64))


def _power_of_two(n: int) -> int:
    """Return the smallest one that is not less."""
    return 1 << (n - 1).bit_length()
