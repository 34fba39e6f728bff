"""TensorFlow: each function is traced once for each size and dtype of images.

Everything else that may differ between two fits is passed at run time, the batch size
and the number of steps too.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any
from zlib import crc32

import numpy as np

from skcnn._network.processor import has_bfloat16_units
from skcnn._network.step import Batch, Computation, StepOptions, follow_batch, normalize

NAME = "TensorFlow"
STATIC_SHAPES = False


def precision(dtype: Any) -> AbstractContextManager[Any]:
    """Return a context in which tensors of a dtype can be made: any, here."""
    return nullcontext()


def bound_threads(threads: int) -> None:
    """Use so many threads, unless TensorFlow runs already or the user has chosen."""
    import tensorflow as tf

    if "TF_NUM_INTRAOP_THREADS" in os.environ:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # TensorFlow has started, and its pools stay as they are.
        pass


def start_devices() -> None:
    """Look for the devices of this machine, about which TensorFlow writes notes."""
    import tensorflow as tf

    tf.config.list_logical_devices()


def has_fast_bfloat16() -> bool:
    """Whether training in bfloat16 is known to be faster than in float32.

    Where the processor has units for it, the defaults on CIFAR-10 took 0.70 of the CPU
    time (AMD EPYC without AMX, one run). GPUs have not been measured.
    """
    import tensorflow as tf

    return has_bfloat16_units() and not tf.config.list_physical_devices("GPU")


def uniform(seed: Any, step: Any, name: str, shape: Any) -> Any:
    """Return float32 random numbers in [0, 1), the same for equal arguments."""
    import tensorflow as tf

    number = crc32(name.encode()) & np.iinfo(np.int32).max
    key = tf.random.fold_in(tf.stack([seed, step]), number)
    return tf.random.stateless_uniform(shape, key)


def gradients(
    loss_of_batch: Callable[[], tuple[Any, Any]],
    trainable: list[Any],
    others: list[Any],
) -> tuple[list[Any], Any]:
    """Return the gradients of a loss, and what else the function returns."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss, rest = loss_of_batch()
    return tape.gradient(loss, [variable.value for variable in trainable]), rest


class Functions:
    """The compiled functions of a network; see `skcnn._network.step.Functions`."""

    def __init__(self, computation: Computation) -> None:
        self._computation = computation
        self._functions: dict[tuple, Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def logits(
        self,
        weights: Sequence[Any],
        images: np.ndarray,
        views: tuple[str, ...],
        further: bool = False,
    ) -> np.ndarray:
        """Return the logits of images, averaged over their (further) views."""
        key = ("logits", images.dtype.str, views, further)
        if key not in self._functions:
            compute = partial(self._computation.logits, views=views, further=further)
            self._functions[key] = self._traced(compute, images)
        return self._functions[key](weights, images).numpy()

    def features(self, weights: Sequence[Any], images: np.ndarray) -> np.ndarray:
        """Return the features of images."""
        key = ("features", images.dtype.str)
        if key not in self._functions:
            self._functions[key] = self._traced(self._computation.features, images)
        return self._functions[key](weights, images).numpy()

    def train(
        self, values: Sequence[Any], batch: Batch, options: StepOptions
    ) -> tuple[list[Any], float, float]:
        """Train on consecutive batches; return values, sums of loss and correct."""
        key = ("train", batch.images.dtype.str, options.size)
        with self._lock:
            if key not in self._functions:
                self._functions[key] = self._traced_steps(batch, options.size)
            tensors, loss_sum, correct_sum = self._functions[key](
                _tensors(values, self._computation.variables), *batch, *options[1:]
            )
        return tensors, float(loss_sum), float(correct_sum)

    def _traced(
        self, compute: Callable[..., Any], images: np.ndarray
    ) -> Callable[..., Any]:
        """Return a function of weights and images, of any number of images."""
        import tensorflow as tf

        def logits_or_features(weights: Sequence[Any], images: Any) -> Any:
            return compute(weights, images)

        return tf.function(
            _counted_alone(logits_or_features),
            input_signature=[
                _specs(self._computation.weights),
                tf.TensorSpec([None, *images.shape[1:]], images.dtype),
            ],
            autograph=False,
        )

    def _traced_steps(self, batch: Batch, size: tuple[int, int]) -> Callable[..., Any]:
        """Return a function that trains on any number of batches of any size.

        The variables are filled and read inside of it, which costs less than a call of
        TensorFlow for each of them.
        """
        import tensorflow as tf

        computation = self._computation
        variables = computation.variables

        def train(
            values: Sequence[Any],
            images: Any,
            class_indices: Any,
            weights: Any,
            flip_mask: Any,
            rates: Any,
            batch_size: Any,
            dropout: Any,
            smoothing: Any,
            seed: Any,
            step: Any,
        ) -> tuple[list[Any], Any, Any]:
            options = StepOptions(
                size, rates, batch_size, dropout, smoothing, seed, step
            )
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

            def take_step(i: Any, loss_sum: Any, correct_sum: Any) -> tuple:
                rows = slice(i * batch_size, (i + 1) * batch_size)
                part = Batch(
                    images[rows], class_indices[rows], weights[rows], flip_mask[rows]
                )
                loss, correct = computation.train_on_batch(part, options, i)
                return i + 1, loss_sum + loss, correct_sum + correct

            zero = tf.zeros([], computation.dtype)
            n_steps = tf.shape(rates)[0]
            _, loss_sum, correct_sum = tf.while_loop(
                lambda i, *_: i < n_steps,
                take_step,
                [0, zero, zero],
                parallel_iterations=1,
            )
            values = [tf.identity(variable.value) for variable in variables]
            return values, loss_sum, correct_sum

        spec, dtype = tf.TensorSpec, computation.dtype
        signature = [
            _specs(variables),
            spec([None, *batch.images.shape[1:]], batch.images.dtype),
            spec([None], np.int32),
            spec([None], dtype),
            spec([None], np.bool_),
            spec([None], np.float32),
            spec([], np.int32),
            spec([2], dtype),
            spec([], dtype),
            spec([], np.int32),
            spec([], np.int32),
        ]
        return tf.function(
            _counted_alone(train), input_signature=signature, autograph=False
        )


def _counted_alone(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function whose traces TensorFlow does not add to those of others.

    TensorFlow warns of a function that is traced again and again. It takes functions of
    the same source line for one function, so it would warn of a search over networks,
    each of which has to be traced once. A partial function has no source line.
    """
    return partial(function)


def _specs(variables: Sequence[Any]) -> list[Any]:
    """Return shape and dtype of each variable."""
    import tensorflow as tf

    return [tf.TensorSpec(variable.shape, variable.dtype) for variable in variables]


def _tensors(values: Sequence[Any], variables: Sequence[Any]) -> list[Any]:
    """Return values as tensors; arrays get the dtypes of the variables.

    A count that was saved by another backend may have 32 bits in place of 64.
    """
    import tensorflow as tf

    return [
        value if tf.is_tensor(value) else tf.convert_to_tensor(value, variable.dtype)
        for value, variable in zip(values, variables, strict=True)
    ]


def _fused_normalize(layer: Any, x: Any, mask: Any = None) -> Any:
    """Do what a batch normalization does in training, by one operation.

    The shared function takes 1.10 x the CPU time of training in MNIST's "fast" (1.03 to
    1.13), 1.18 x in CIFAR-10's (1.01 to 1.28) and 1.09 x in MNIST's defaults (0.98 to
    1.40): medians of 3 interleaved pairs, Intel Xeon, 2 virtual CPUs, 2026-11-26, other
    jobs beside.
    """
    import tensorflow as tf

    if x.dtype not in (tf.float32, tf.bfloat16) or len(x.shape) != 4:
        return normalize(layer, x, mask)
    ones = tf.ones([x.shape[-1]])
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        x,
        layer.gamma.value if layer.scale else ones,
        layer.beta.value if layer.center else tf.zeros_like(ones),
        epsilon=layer.epsilon,
    )
    # The operation gives the unbiased variance, Keras keeps the biased one.
    n = tf.cast(tf.size(x) // x.shape[-1], variance.dtype)
    follow_batch(layer, mean, variance * tf.maximum(n - 1, 1) / n)
    return y


def _projective_transform(images: Any, transforms: Any) -> Any:
    """Read each pixel at the place that its transform, two rows of a matrix, gives.

    The shared function takes 1.08 x the CPU time of training in MNIST's defaults (1.07
    to 1.18): median of 3 interleaved pairs, Intel Xeon, 2 virtual CPUs, 2026-11-26,
    other jobs beside.
    """
    from keras import ops

    zero = ops.zeros_like(transforms[0][0])
    return ops.image.affine_transform(
        images,
        ops.stack([*transforms[0], *transforms[1], zero, zero], axis=1),
        interpolation="bilinear",
        fill_mode="nearest",
        data_format="channels_last",
    )


OPERATIONS: Mapping[str, Callable[..., Any]] = {
    "normalize": _fused_normalize,
    "transform": _projective_transform,
}
