"""The functions of a network in TensorFlow, traced once for each size of images.

Everything that may differ between two fits is passed to them at run time, the batch
size and the number of steps too.
"""

from contextlib import nullcontext
from functools import partial

import numpy as np

from skcnn._augment import augment_images, image_views, resize_images
from skcnn._backends.forward import forward
from skcnn._optimizers import has_rate_variable

NAME = "TensorFlow"


def precision(dtype):
    """Return a context in which tensors of a dtype can be made: any, here."""
    return nullcontext()


def bound_threads(threads):
    """Use so many threads, unless TensorFlow runs already or the user has chosen."""
    import os

    import tensorflow as tf

    if "TF_NUM_INTRAOP_THREADS" in os.environ:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # TensorFlow has started, and its pools stay as they are.
        pass


def start_devices():
    """Look for the devices of this machine."""
    import tensorflow as tf

    tf.config.list_logical_devices()


class Functions:
    """The functions of a network and an optimiser.

    Parameters
    ----------
    layers : list of keras.layers.Layer
        All but the softmax.
    weights : list of keras.Variable
        The trainable ones first.
    n_trainable : int
        How many these are.
    optimizer : keras.optimizers.Optimizer
        Built.
    augment : tuple of str
        Random changes made to training images.
    dtype : numpy.dtype
        Of the network.
    """

    # Whether a batch of another length is compiled anew.
    static_shapes = False

    def __init__(self, layers, weights, n_trainable, optimizer, augment, dtype):
        self._layers = layers
        self._weights = weights
        self._n_trainable = n_trainable
        self._optimizer = optimizer
        self._augment = augment
        self._dtype = dtype
        self._functions = {}

    def logits(self, weights, images, views):
        """Return logits as an array, see :meth:`CompiledNetwork.logits`."""
        return self._function("logits", images, views)(weights, images).numpy()

    def train(self, images, codes, weights, mirrored, *, size, **options):
        """Train the variables in place, see :meth:`Session.train`."""
        function = self._function("train", images, size)
        return function(images, codes, weights, mirrored, **options)

    def _function(self, name, images, option):
        """Return the compiled function for this dtype of images, traced once."""
        import tensorflow as tf

        key = (name, images.dtype.str, option)
        if key not in self._functions:
            spec = tf.TensorSpec
            dtype = self._dtype
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
                forward(self._layers, self._cast(view))
                for view in image_views(images, views)
            ]
        return sum(logits) / len(logits)

    def _cast(self, images):
        import tensorflow as tf

        return tf.cast(images, self._dtype)

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

        def one_step(i, loss_sum, correct_sum):
            rows = slice(i * batch_size, (i + 1) * batch_size)
            batch = images[rows], codes[rows], weights[rows], mirrored[rows]
            options = size, rates[i], dropout, smoothing, tf.stack([seed, step + i])
            sums = self._step(batch, *options)
            return i + 1, loss_sum + sums[0], correct_sum + sums[1]

        zero = tf.zeros([], self._dtype)
        n_steps = tf.shape(rates)[0]
        _, loss_sum, correct_sum = tf.while_loop(
            lambda i, *_: i < n_steps, one_step, [0, zero, zero], parallel_iterations=1
        )
        return loss_sum, correct_sum

    def _step(self, batch, size, rate, dropout, smoothing, seed):
        """Train on a batch; return its sums of loss and correct answers."""
        import tensorflow as tf

        images, y, w, mirrored = batch
        n = tf.size(y)

        def draw(shape):
            return tf.random.stateless_uniform(shape, seed, -1.0, 1.0, "float32")

        def drop(i, x):
            rate = dropout[1 if x.shape.rank == 2 else 0]
            return _drop(x, rate, seed + tf.constant([i, 0]))

        x = self._cast(images)
        x = augment_images(x, self._augment, draw, mirrored)
        x = resize_images(x, size)
        with tf.GradientTape() as tape:
            logits = forward(self._layers, x, _normalize, drop)
        n_classes = logits.shape[1]
        targets = tf.one_hot(y, n_classes, 1 - smoothing, dtype=self._dtype)
        targets += smoothing / n_classes
        # The operation gives its own derivative; a tape would add thirty others.
        losses, slopes = tf.raw_ops.SoftmaxCrossEntropyWithLogits(
            features=logits, labels=targets
        )
        losses *= w
        slopes *= (w / tf.cast(n, w.dtype))[:, tf.newaxis]
        variables = self._weights[: self._n_trainable]
        gradients = tape.gradient(logits, [v.value for v in variables], slopes)
        if has_rate_variable(self._optimizer):
            self._optimizer.learning_rate.assign(rate)
        self._optimizer.apply(gradients)
        hit = tf.equal(tf.argmax(logits, axis=1, output_type=tf.int32), y)
        return tf.reduce_sum(losses), tf.reduce_sum(w * tf.cast(hit, w.dtype))


def _normalize(layer, x):
    """Do what the layer does in training, by one operation where Keras takes many."""
    import tensorflow as tf

    if x.dtype not in (tf.float32, tf.bfloat16):
        return layer(x, training=True)
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

    # No `tf.cond`: it would trace both branches. At rate 0 a single number is drawn and
    # broadcast.
    shape = tf.where(rate > 0, tf.shape(x), 1)
    rate = tf.cast(rate, tf.float32)
    kept = tf.random.stateless_uniform(shape, seed) >= rate
    # A rate just below 1 may be 1 in float32.
    factor = 1 / tf.maximum(1 - rate, np.finfo(np.float32).tiny)
    return x * (tf.cast(kept, x.dtype) * tf.cast(factor, x.dtype))
