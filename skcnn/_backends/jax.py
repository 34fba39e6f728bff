"""The functions of a network in JAX, compiled once for each shape of a batch.

A function is one training step here, and a batch size is a shape: another one is
compiled anew. Batches that are too short are filled up with images that do not count.
"""

import os
from functools import partial

import numpy as np

from skcnn._augment import augment_images, image_views, resize_images
from skcnn._backends.forward import forward
from skcnn._optimizers import has_rate_variable

NAME = "JAX"


def precision(dtype):
    """Return a context in which tensors of a dtype can be made.

    JAX makes float32 of float64 unless it is told otherwise.
    """
    import jax

    return jax.enable_x64(str(dtype) == "float64")


def bound_threads(threads):
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


def start_devices():
    """Leave it to JAX, which writes nothing about it."""


class Functions:
    """The functions of a network and an optimiser.

    Parameters
    ----------
    layers, weights, n_trainable, optimizer, augment, dtype
        As in :mod:`skcnn._backends.tensorflow`.
    """

    static_shapes = True

    def __init__(self, layers, weights, n_trainable, optimizer, augment, dtype):
        import jax

        self._layers = layers
        self._weights = weights
        self._n_trainable = n_trainable
        self._optimizer = optimizer
        self._augment = augment
        self._dtype = dtype
        self._logits_of_batch = jax.jit(self._logits, static_argnums=0)
        self._train_on_batch = jax.jit(self._train, static_argnums=0)

    def logits(self, weights, images, views):
        """Return logits as an array, see :meth:`CompiledNetwork.logits`."""
        return np.asarray(self._logits_of_batch(views, weights, images))

    def train(
        self,
        images,
        codes,
        weights,
        mirrored,
        *,
        size,
        rates,
        batch_size,
        dropout,
        smoothing,
        seed,
        step,
    ):
        """Train the variables in place, see :meth:`Session.train`."""
        variables = self._weights + self._optimizer.variables
        values = [variable.value for variable in variables]
        sums = []
        for i, rate in enumerate(rates):
            rows = np.arange(i * batch_size, min((i + 1) * batch_size, len(images)))
            count = len(rows)
            length = int(batch_size)
            if step + i == 0:  # a batch that is short is the only one
                length = min(length, _power_of_two(count))
            rows = np.resize(rows, length)
            w = weights[rows]
            w[count:] = 0
            values, *sums_of_step = self._train_on_batch(
                size,
                values,
                images[rows],
                codes[rows],
                w,
                mirrored[rows],
                np.int32(count),
                rate,
                dropout,
                smoothing,
                seed,
                np.int32(step + i),
            )
            sums.append(sums_of_step)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return np.sum(sums, axis=0, dtype=np.float64)

    def _logits(self, views, weights, images):
        import keras

        with keras.StatelessScope(list(zip(self._weights, weights, strict=True))):
            logits = [
                forward(self._layers, view.astype(self._dtype))
                for view in image_views(images, views)
            ]
        return sum(logits) / len(logits)

    def _train(
        self,
        size,
        values,
        images,
        codes,
        w,
        mirrored,
        count,
        rate,
        dropout,
        smoothing,
        seed,
        step,
    ):
        """Return the values after a step, and sums of loss and of correct answers."""
        import jax
        import keras

        np = jax.numpy
        n, m = self._n_trainable, len(self._weights)
        trainable, others, slots = values[:n], values[n:m], values[m:]
        key = jax.random.fold_in(jax.random.key(seed), step)

        def draw(shape):
            return jax.random.uniform(key, shape, "float32", -1, 1)

        x = images.astype(self._dtype)
        x = augment_images(x, self._augment, draw, mirrored)
        x = resize_images(x, size)
        present = np.arange(len(images)) < count

        def drop(i, x):
            rate = dropout[1 if x.ndim == 2 else 0]
            kept = jax.random.uniform(jax.random.fold_in(key, i), x.shape) >= rate
            return np.where(kept, x / (1 - rate).astype(x.dtype), 0)

        def loss_of(trainable):
            state = list(zip(self._weights, [*trainable, *others], strict=True))
            with keras.StatelessScope(state) as scope:
                normalize = partial(_normalize, present)
                logits = forward(self._layers, x, normalize, drop)
                changed = [scope.get_current_value(v) for v in self._weights[n:]]
            log_p = jax.nn.log_softmax(logits)
            of_class = np.take_along_axis(log_p, codes[:, None], axis=1)[:, 0]
            of_mean = log_p.mean(axis=1)
            losses = -w * ((1 - smoothing) * of_class + smoothing * of_mean)
            loss = losses.sum() / count.astype(losses.dtype)
            return loss, (changed, losses, logits)

        gradients, result = jax.grad(loss_of, has_aux=True)(trainable)
        others, losses, logits = result
        if has_rate_variable(self._optimizer):
            slots = [
                rate if variable is self._optimizer.learning_rate else value
                for variable, value in zip(
                    self._optimizer.variables, slots, strict=True
                )
            ]
        trainable, slots = self._optimizer.stateless_apply(slots, gradients, trainable)
        hits = w * (logits.argmax(axis=1) == codes)
        return [*trainable, *others, *slots], losses.sum(), hits.sum()


def _normalize(present, layer, x):
    """Do what the layer does in training, for the images that are present."""
    import jax

    np = jax.numpy
    mask = present[:, None, None, None]
    given, x = x.dtype, x.astype(layer.moving_mean.dtype)

    def mean_of(values):
        n = present.sum() * values.shape[1] * values.shape[2]
        return np.where(mask, values, 0).sum(axis=(0, 1, 2)) / n.astype(values.dtype)

    mean = mean_of(x)
    variance = mean_of(np.square(x - mean))
    for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        now = jax.lax.stop_gradient(now)
        moving.assign(layer.momentum * moving.value + (1 - layer.momentum) * now)
    scale = jax.lax.rsqrt(variance + layer.epsilon)
    return ((x - mean) * scale + layer.beta.value).astype(given)


def _power_of_two(n):
    """Return the smallest one that is not less."""
    return 1 << (n - 1).bit_length()
