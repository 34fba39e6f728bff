"""Networks compiled once for each description and shared by all estimators.

Keras traces a network anew for every model object, which costs a second a fit and is
never given back. Here everything that may differ between two fits of one network
(weights, optimiser slots, learning rate, batch size, dropout, label smoothing, seeds)
is passed to the compiled functions at run time instead.

Prediction is a pure function of the weights and needs no lock. Training works on the
network's own variables, because Keras optimisers do; a :class:`Session` brings its
values with it and steps aside for another one between two calls.
"""

import threading
from collections import OrderedDict
from functools import partial

import numpy as np

from skcnn._augment import augment_images, image_views, resize_images
from skcnn._optimizers import has_rate_variable

# A search over a few dozen networks keeps them all; forgotten ones are traced again.
MAX_COMPILED_NETWORKS = 64

# Matrix products work on whole blocks of rows and round what is left over differently.
# Batches filled up to whole blocks (16 float32 values are the widest vector of a CPU)
# give an image the same logits, to the bit, wherever it stands in a batch.
BLOCK = 16

# For a single image as large as this the filling would be most of the time.
LARGE_IMAGE = 512

_compiled: "OrderedDict[tuple, CompiledNetwork]" = OrderedDict()
_compiled_lock = threading.Lock()


def compiled_network(key, build):
    """Return the compiled network of a key, building it on first use.

    Parameters
    ----------
    key : hashable
        All that the compiled functions depend on.
    build : callable
        Returns a :class:`CompiledNetwork`.

    Returns
    -------
    CompiledNetwork
    """
    with _compiled_lock:
        if key not in _compiled:
            _compiled[key] = build()
            if len(_compiled) > MAX_COMPILED_NETWORKS:
                _compiled.popitem(last=False)
        _compiled.move_to_end(key)
        return _compiled[key]


class CompiledNetwork:
    """A network and an optimiser as compiled functions.

    Parameters
    ----------
    model : keras.Sequential
        The compiled network, ending in a softmax. It is used up: its variables become
        the work space of training.
    augment : tuple of str
        Random changes made to training images, see
        :func:`skcnn._augment.augment_images`.
    """

    def __init__(self, model, augment):
        from skcnn._adam import FusedAdam

        self._augment = augment
        self._layers = model.layers[:-1]  # training and scores need logits, no softmax
        self.dtype = np.dtype(model.layers[0].variable_dtype)
        self._optimizer = FusedAdam.of(model.optimizer)
        self._optimizer.build(model.trainable_variables)
        self.n_trainable = len(model.trainable_variables)
        self._weights = model.trainable_variables + model.non_trainable_weights
        self._variables = self._weights + self._optimizer.variables
        self._initial_values = [v.value.numpy() for v in self._variables]
        self._fixed = {
            id(variable): (layer.name, i)
            for layer in self._layers
            if not layer.trainable
            for i, variable in enumerate(layer.weights)
        }
        self._initializers = {
            id(layer.kernel): layer.kernel_initializer
            for layer in self._layers
            if layer.trainable and hasattr(layer, "kernel_initializer")
        }
        self._functions = {}
        self._lock = threading.Lock()
        self._session = None

    def initial_values(self, random_state, fixed):
        """Draw initial weights.

        Parameters
        ----------
        random_state : RandomState
            Source of the seeds.
        fixed : dict of str to sequence of ndarray
            The weights of the layers that are never trained, by their names.

        Returns
        -------
        weights : list of ndarray
            Trainable weights, then the others.
        optimizer_values : list of ndarray
            The optimiser's variables.
        """
        values = list(self._initial_values)
        for i, variable in enumerate(self._weights):
            if id(variable) in self._initializers:
                initializer = self._initializers[id(variable)]
                config = initializer.get_config()
                config["seed"] = int(random_state.randint(np.iinfo(np.int32).max))
                draw = type(initializer).from_config(config)
                values[i] = draw(variable.shape, variable.dtype).numpy()
            elif id(variable) in self._fixed:
                layer, number = self._fixed[id(variable)]
                values[i] = fixed[layer][number].astype(self.dtype)
        return values[: len(self._weights)], values[len(self._weights) :]

    def check_values(self, weights, optimizer_values):
        """Refuse values that are those of another network or optimiser.

        Parameters
        ----------
        weights, optimizer_values : list of ndarray
            As `initial_values` returns them.

        Raises
        ------
        ValueError
            If their number, a shape or a dtype is another one.
        """
        given = [(v.shape, v.dtype) for v in (*weights, *optimizer_values)]
        expected = [(v.shape, v.dtype) for v in self._initial_values]
        if given != expected or len(weights) != len(self._weights):
            raise ValueError(
                "The weights or the optimizer's values do not fit the network."
            )

    def images(self, batch):
        """Return images in a dtype that the compiled functions take.

        Parameters
        ----------
        batch : ndarray of shape (b, height, width, channels)
            Of any integer or floating dtype.

        Returns
        -------
        ndarray
            The same array for uint8, else in the network's floating dtype.
        """
        return (
            batch if batch.dtype == np.uint8 else batch.astype(self.dtype, copy=False)
        )

    def logits(self, weights, images, views=()):
        """Return the logits of some images.

        Parameters
        ----------
        weights : list of tensor
            As :meth:`initial_values` or :meth:`Session.weights` orders them.
        images : ndarray of shape (b, height, width, channels)
            As returned by :meth:`images`.
        views : tuple of str, default=()
            Over which to average, see :func:`skcnn._augment.image_views`.

        Returns
        -------
        ndarray of shape (b, n_classes)
        """
        n = len(images)
        if n > 1 or images.size < LARGE_IMAGE:
            images = _fill_up(images, -n % BLOCK)
        return self._function("logits", images, views)(weights, images).numpy()[:n]

    def _function(self, name, images, option):
        """Return the compiled function for this dtype of images, traced once."""
        import tensorflow as tf

        key = (name, images.dtype.str, option)
        if key not in self._functions:
            spec = tf.TensorSpec
            dtype = self.dtype
            x = spec([None, *images.shape[1:]], images.dtype)
            if name == "logits":
                weights = [spec(v.shape, v.dtype) for v in self._weights]
                function = partial(self.logits_of_tensor, option)
                signature = [weights, x]
            else:
                function = partial(self._train, option)
                signature = [
                    x,
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
            self._functions[key] = tf.function(
                function, input_signature=signature, autograph=False
            )
        return self._functions[key]

    def logits_of_tensor(self, views, weights, images):
        """Return the logits of some images as a part of a TensorFlow function.

        Parameters
        ----------
        views : tuple of str
            Over which to average, see :func:`skcnn._augment.image_views`.
        weights : list of tensor
            As for :meth:`logits`.
        images : tensor of shape (b, height, width, channels)
            Of any dtype.

        Returns
        -------
        tensor of shape (b, n_classes)
        """
        import keras

        with keras.StatelessScope(list(zip(self._weights, weights, strict=True))):
            logits = [
                self._forward(self._cast(view), training=False)
                for view in image_views(images, views)
            ]
        return sum(logits) / len(logits)

    def _cast(self, images):
        import tensorflow as tf

        return tf.cast(images, self.dtype)

    def _forward(self, x, training, dropout=None, seed=None):
        import keras
        import tensorflow as tf

        for i, layer in enumerate(self._layers):
            if isinstance(layer, keras.layers.Resizing):
                # Training images have the size of their part of the training already.
                x = x if training else resize_images(x, (layer.height, layer.width))
            elif training and _has_fused_operation(layer, x):
                x = _normalize(layer, x)
            elif not isinstance(layer, keras.layers.Dropout):
                x = layer(x, training=training)
            elif training:
                rate = dropout[1 if x.shape.rank == 2 else 0]
                x = _drop(x, rate, seed + tf.constant([i, 0]))
        return x

    def _train(
        self,
        size,
        images,
        codes,
        weights,
        mirrored,
        rates,
        batch_size,
        dropout,
        smoothing,
        seed,
        step,
    ):
        """Train on consecutive batches; return sums of loss and of correct answers."""
        import tensorflow as tf

        variables = self._weights[: self.n_trainable]
        rate_variable = self._optimizer.learning_rate

        def one_step(i, loss_sum, correct_sum):
            rows = slice(i * batch_size, (i + 1) * batch_size)
            w = weights[rows]
            y = codes[rows]
            step_seed = tf.stack([seed, step + i])
            x = self._cast(images[rows])
            x = augment_images(x, self._augment, step_seed, mirrored[rows])
            x = resize_images(x, size)
            with tf.GradientTape() as tape:
                logits = self._forward(x, True, dropout, step_seed)
            n_classes = logits.shape[1]
            targets = tf.one_hot(y, n_classes, 1 - smoothing, dtype=self.dtype)
            targets += smoothing / n_classes
            # The operation gives its own derivative; a tape would add thirty others.
            losses, slopes = tf.raw_ops.SoftmaxCrossEntropyWithLogits(
                features=logits, labels=targets
            )
            losses *= w
            slopes *= (w / tf.cast(tf.size(w), w.dtype))[:, tf.newaxis]
            gradients = tape.gradient(logits, [v.value for v in variables], slopes)
            if has_rate_variable(self._optimizer):
                rate_variable.assign(rates[i])
            self._optimizer.apply(gradients)
            hit = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), y)
            return (
                i + 1,
                loss_sum + tf.reduce_sum(losses),
                correct_sum + tf.reduce_sum(w * tf.cast(hit, w.dtype)),
            )

        zero = tf.zeros([], self.dtype)
        n_steps = tf.shape(rates)[0]
        _, loss_sum, correct_sum = tf.while_loop(
            lambda i, *_: i < n_steps, one_step, [0, zero, zero], parallel_iterations=1
        )
        return loss_sum, correct_sum


def _has_fused_operation(layer, x):
    import keras
    import tensorflow as tf

    # Without gamma, as `build_network` makes them.
    return (
        isinstance(layer, keras.layers.BatchNormalization)
        and layer.trainable
        and x.shape.rank == 4
        and x.dtype in (tf.float32, tf.bfloat16)
    )


def _normalize(layer, x):
    """Do what the layer does in training, by one operation where Keras takes many."""
    import tensorflow as tf

    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        x, tf.ones_like(layer.beta), layer.beta.value, epsilon=layer.epsilon
    )
    # The operation gives the unbiased variance, Keras keeps the biased one.
    n = tf.cast(tf.size(x) // x.shape[-1], variance.dtype)
    variance *= tf.maximum(n - 1, 1) / n
    for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(layer.momentum * moving + (1 - layer.momentum) * now)
    return y


def _drop(x, rate, seed):
    """Do what the layer Dropout does in training, at a rate known at run time only."""
    import tensorflow as tf

    # A condition would be traced several times over. At a rate of 0 one number is drawn
    # and counts for all.
    shape = tf.where(rate > 0, tf.shape(x), 1)
    drawn = tf.random.stateless_uniform(shape, seed, dtype=rate.dtype)
    factors = tf.where(drawn >= rate, 1 / (1 - rate), 0)
    return x * tf.cast(factors, x.dtype)


def _fill_up(images, missing):
    if not missing:
        return images
    filling = np.zeros((missing, *images.shape[1:]), images.dtype)
    return np.concatenate([images, filling])


class Session:
    """The values of one training run of a compiled network.

    Parameters
    ----------
    compiled : CompiledNetwork
        What is trained. Several sessions may share it, also across threads.
    weights, optimizer_values : list of ndarray
        The values to start from.
    """

    def __init__(self, compiled, weights, optimizer_values):
        self._compiled = compiled
        self._values = [*weights, *optimizer_values]

    def train(self, images, codes, weights, mirrored, *, size, **options):
        """Train on consecutive batches of the given images.

        Parameters
        ----------
        images : ndarray of shape (b, height, width, channels)
            As returned by :meth:`CompiledNetwork.images`.
        codes : ndarray of shape (b,) of int32
            Encoded labels.
        weights : ndarray of shape (b,)
            Sample weights.
        mirrored : ndarray of shape (b,) of bool
            Which images the augmentation "flip" flips.
        size : tuple of int
            ``(height, width)`` that the images are resized to, unless they have it.
        **options : dict
            `rates` (learning rate of each step), `batch_size`, `dropout`, `smoothing`,
            `seed` and `step` (number of the first step).

        Returns
        -------
        tuple of two float
            Weighted sums of the losses and of the correct answers.
        """
        compiled = self._compiled
        function = compiled._function("train", images, size)
        with compiled._lock:
            self._enter()
            sums = function(images, codes, weights, mirrored, **options)
        return tuple(float(value) for value in sums)

    def weights(self):
        """Return the current weights as tensors, as :meth:`CompiledNetwork.logits`."""
        return self._read(slice(None, len(self._compiled._weights)))

    def optimizer_values(self):
        """Return the current values of the optimiser's variables as tensors."""
        return self._read(slice(len(self._compiled._weights), None))

    def set_weights(self, weights):
        """Replace the weights, leaving the optimiser as it is."""
        self._values = [*weights, *self.optimizer_values()]
        with self._compiled._lock:
            if self._compiled._session is self:
                self._compiled._session = None

    def close(self):
        """Give the work space back."""
        with self._compiled._lock:
            if self._compiled._session is self:
                self._compiled._session = None

    def _enter(self):
        compiled = self._compiled
        if compiled._session is not self:
            if compiled._session is not None:
                compiled._session._values = compiled._session._snapshot()
            # Nobody's, should Ctrl-C come before all of them are assigned.
            compiled._session = None
            for variable, value in zip(compiled._variables, self._values, strict=True):
                variable.assign(value)
            compiled._session = self

    def _snapshot(self):
        import keras

        return [keras.ops.copy(v.value) for v in self._compiled._variables]

    def _read(self, part):
        with self._compiled._lock:
            if self._compiled._session is self:
                self._values = self._snapshot()
        return self._values[part]
