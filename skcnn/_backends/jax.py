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


def fast_optimizer(optimizer):
    """Return an unbuilt optimiser that computes the same: itself, here."""
    return optimizer


def devices():
    """Return a key of the devices that the user has chosen for training.

    Returns
    -------
    hashable
        None if nothing was chosen with `keras.distribution`.

    Raises
    ------
    RuntimeError
        If it is not data-parallel training in one process.
    """
    import jax
    import keras

    chosen = keras.distribution.distribution()
    if chosen is None:
        return None
    if not isinstance(chosen, keras.distribution.DataParallel):
        raise RuntimeError(
            f"Keras is told to train with {type(chosen).__name__}, but skcnn needs "
            "keras.distribution.DataParallel on several devices. Call "
            "keras.distribution.set_distribution with one, or with None."
        )
    if jax.process_count() > 1:
        raise RuntimeError(
            f"JAX runs in {jax.process_count()} processes, but skcnn trains on the "
            "devices of one. Start one process a fit, without "
            "keras.distribution.initialize."
        )
    mesh = chosen.device_mesh
    names = tuple(map(str, mesh.devices.flat))
    return names, tuple(mesh.shape), tuple(mesh.axis_names), chosen.batch_dim_name


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
        self._split, whole = _shardings()
        self._logits_of_batch = jax.jit(self._logits, static_argnums=0)
        # Left to itself, the compiler might split what the next step needs whole.
        self._train_on_batch = jax.jit(
            self._train, static_argnums=(0, 1), out_shardings=whole
        )

    def logits(self, weights, images, views):
        """Return logits as an array, see :meth:`CompiledNetwork.logits`."""
        import jax

        # In a fit the weights are on all devices, afterwards on one.
        first = weights[0]
        if isinstance(first, jax.Array) and len(first.sharding.device_set) > 1:
            images = np.resize(images, (self._length(len(images)), *images.shape[1:]))
            (images,) = self._placed(images)
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
            rows = np.resize(rows, self._length(length))
            w = weights[rows]
            w[count:] = 0
            values, *sums_of_step = self._train_on_batch(
                size,
                length,
                values,
                *self._placed(images[rows], codes[rows], w, mirrored[rows]),
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

    def _length(self, n):
        """Return the smallest multiple of the number of devices that is not less."""
        if self._split is None:
            return n
        (name,) = self._split.spec
        parts = self._split.mesh.shape[name]
        return -(-n // parts) * parts

    def _placed(self, *arrays):
        """Return arrays of a batch, each device holding its part of the images."""
        import jax

        return arrays if self._split is None else jax.device_put(arrays, self._split)

    def _logits(self, views, weights, images):
        import keras

        with keras.StatelessScope(list(zip(self._weights, weights, strict=True))):
            logits = [
                forward(self._layers, view.astype(self._dtype))
                for view in image_views(images, views)
            ]
        return sum(logits) / len(logits)

    def _augmented(self, images, mirrored, length, key):
        """Return images changed at random; numbers are drawn for `length` images."""
        import jax

        def change(images, mirrored):
            def draw(shape):
                drawn = jax.random.uniform(key, (shape[0], length), "float32", -1, 1)
                drawn = _fill_up(drawn, 1, self._length(length))
                if self._split is None:
                    return drawn
                start = jax.lax.axis_index(*self._split.spec) * shape[1]
                return jax.lax.dynamic_slice_in_dim(drawn, start, shape[1], axis=1)

            return augment_images(images, self._augment, draw, mirrored)

        if self._split is not None:
            # Pixels are read through indices, for which the compiler would send all
            # images to all devices.
            spec = self._split.spec
            change = jax.shard_map(
                change, mesh=self._split.mesh, in_specs=spec, out_specs=spec
            )
        return change(images, mirrored)

    def _train(
        self,
        size,
        length,
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

        x = self._augmented(images.astype(self._dtype), mirrored, length, key)
        x = resize_images(x, size)
        present = np.arange(len(images)) < count

        def drop(i, x):
            rate = dropout[1 if x.ndim == 2 else 0]
            drawn = jax.random.uniform(
                jax.random.fold_in(key, i), (length, *x.shape[1:])
            )
            kept = _fill_up(drawn, 0, len(x)) >= rate
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


def _shardings():
    """Return how arrays lie on the user's devices: split by images, and whole.

    The compiled functions follow what they are given: means and sums over a batch are
    over all devices.
    """
    import jax
    import keras

    distribution = keras.distribution.distribution()
    if distribution is None:
        return None, None
    split = distribution.get_data_layout([None]).backend_layout
    return split, jax.sharding.NamedSharding(split.mesh, jax.sharding.PartitionSpec())


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


def _fill_up(drawn, axis, length):
    """Return random numbers for more images, of which those that are new do not count.

    On one device and on several an image thus has the same ones.
    """
    import jax

    width = [(0, 0)] * drawn.ndim
    width[axis] = (0, length - drawn.shape[axis])
    return jax.numpy.pad(drawn, width)


def _power_of_two(n):
    """Return the smallest one that is not less."""
    return 1 << (n - 1).bit_length()
