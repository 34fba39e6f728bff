"""One training step and the logits of a network, written once in `keras.ops`.

A backend of Keras compiles both. What else differs between backends is in the Protocol
:class:`Backend`, which the modules of `skcnn._network.backends` implement.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from skcnn._network.augment import (
    SHIFT_DIVISOR,
    Views,
    are_unsure,
    augment_images,
    block_means,
    image_views,
    resize_images,
)


class Batch(NamedTuple):
    """Images of one or more consecutive batches, as NumPy arrays.

    `images` of shape (n, height, width, channels) have a dtype that
    :meth:`skcnn._training.compiled.CompiledNetwork.images` returns, `class_indices` are
    int32, `weights` (sample weights) have the network's dtype, and `flip_mask` says
    which images the augmentation "flip" flips.
    """

    images: np.ndarray
    class_indices: np.ndarray
    weights: np.ndarray
    flip_mask: np.ndarray


class StepOptions(NamedTuple):
    """All else that may differ between two training calls of one network.

    `size` is the ``(height, width)`` that images are resized to, unless they have it.
    It is fixed when the step is compiled; everything else is passed at run time.
    `rates` holds the learning rate of each step as float32, `dropout` the two rates
    after the convolution stages and after the hidden dense layers, `smoothing` the
    label smoothing; `seed` and the number of the first `step` seed random numbers.
    """

    size: tuple[int, int]
    rates: np.ndarray
    batch_size: np.int32
    dropout: np.ndarray
    smoothing: np.ndarray
    seed: np.int32
    step: np.int32


class Functions(Protocol):
    """The compiled functions of a network. All are pure for their caller."""

    def logits(
        self,
        weights: Sequence[Any],
        images: np.ndarray,
        views: tuple[str, ...],
        further: bool = False,
    ) -> np.ndarray:
        """Return the logits of images, see :meth:`Computation.logits`."""

    def features(self, weights: Sequence[Any], images: np.ndarray) -> np.ndarray:
        """Return the features of images, see :meth:`Computation.features`."""

    def train(
        self, values: Sequence[Any], batch: Batch, options: StepOptions
    ) -> tuple[list[Any], float, float]:
        """Train on consecutive batches.

        `values` are those of :attr:`Computation.variables`, as arrays or tensors.
        Returns their values after training as tensors, and the weighted sums of the
        losses and of the correct answers.
        """


class Backend(Protocol):
    """What a module for a backend of Keras has to give.

    `STATIC_SHAPES` says whether a batch of another length is compiled anew.
    `OPERATIONS` holds the backend's own versions of functions of this package, where
    they are measured to make training at least 5 % faster: "normalize" replaces
    :func:`normalize`, "transform" replaces
    :func:`skcnn._network.augment.transform_images`.
    """

    NAME: str
    STATIC_SHAPES: bool
    OPERATIONS: Mapping[str, Callable[..., Any]]

    def precision(self, dtype: Any) -> AbstractContextManager[Any]:
        """Return a context in which tensors of a dtype can be made."""

    def bound_threads(self, threads: int) -> None:
        """Use so many threads, unless the backend runs or the user has chosen."""

    def start_devices(self) -> None:
        """Look for devices now, if the backend writes notes when it does."""

    def has_fast_bfloat16(self) -> bool:
        """Whether training in bfloat16 is known to be faster than in float32."""

    def uniform(self, seed: Any, step: Any, name: str, shape: Any) -> Any:
        """Return float32 random numbers in [0, 1), the same for equal arguments."""

    def gradients(
        self,
        loss_of_batch: Callable[[], tuple[Any, Any]],
        trainable: list[Any],
        others: list[Any],
    ) -> tuple[list[Any], Any]:
        """Return the gradients of a loss, and what else the function returns.

        `loss_of_batch` reads the trainable variables and assigns to the others.
        """

    def Functions(self, computation: "Computation") -> Functions:
        """Compile a training step and the logits."""


@dataclass(frozen=True, eq=False)
class Computation:
    """What a network computes from values of its variables.

    `layers` are all but the softmax; `others` are the variables that batch
    normalization changes or that are never trained. The optimizer is built;
    `learning_rate` is its variable, or None if it has a schedule of its own.
    """

    backend: Backend
    layers: list[Any]
    trainable: list[Any]
    others: list[Any]
    optimizer: Any
    learning_rate: Any
    augment: tuple[str, ...]
    dtype: np.dtype

    # Whether a training batch may be padded with images that do not count.
    TAKES_PADDING = True
    # Whether layers draw random numbers by themselves in training.
    LAYERS_DRAW = False

    def __post_init__(self) -> None:
        self._refuse_layers()

    @property
    def n_features(self) -> int:
        """How many values go into the last layer for one image."""
        return math.prod(self.layers[-1].input.shape[1:])

    @property
    def weights(self) -> list[Any]:
        """The variables of the network."""
        return self.trainable + self.others

    @property
    def variables(self) -> list[Any]:
        """The variables of the network, then those of the optimizer."""
        return self.weights + self.optimizer.variables

    def logits(
        self,
        weights: Sequence[Any],
        images: Any,
        views: tuple[str, ...],
        further: bool = False,
    ) -> Any:
        """Return the logits (b, n_classes) of images of any dtype, averaged over views.

        With `further`, the first view, the image itself, is left out.
        """
        chosen = image_views(images, views)[int(further) :]
        logits = self._logits_of_each(weights, chosen)
        return sum(logits) / len(logits)

    def predicted_logits(
        self, weights: Sequence[Any], images: Any, views: Views
    ) -> Any:
        """Return the logits of images of any dtype as a prediction averages them.

        This is one function of any number of images, so the further views of sure
        images are computed too, but do not count.
        """
        from keras import ops

        logits = self._logits_of_each(weights, image_views(images, views.names))
        first, mean = logits[0], sum(logits) / len(logits)
        if not views.only_unsure:
            return mean
        return ops.where(are_unsure(first, ops)[:, None], mean, first)

    def features(self, weights: Sequence[Any], images: Any) -> Any:
        """Return what goes into the last layer, as float32 of shape (b, n_features).

        The images are of any dtype. Each image itself is its only view.
        """
        import keras
        from keras import ops

        with keras.StatelessScope(list(zip(self.weights, weights, strict=True))):
            x = self._forward(self.layers[:-1], ops.cast(images, self.dtype.name))
            return ops.cast(ops.reshape(x, (-1, self.n_features)), "float32")

    def _logits_of_each(self, weights: Sequence[Any], views: list[Any]) -> list[Any]:
        """Return the logits of each view."""
        import keras

        with keras.StatelessScope(list(zip(self.weights, weights, strict=True))):
            return [
                self._forward(self.layers, keras.ops.cast(view, self.dtype.name))
                for view in views
            ]

    def _refuse_layers(self) -> None:
        """Raise for layers that `forward` would not train as Keras does."""
        _refuse_hidden_state(self.layers)

    def _forward(self, layers: Sequence[Any], x: Any) -> Any:
        """Return the output of the last of some layers for images, in prediction."""
        return forward(layers, x)

    def _forward_in_training(self, x: Any, mask: Any, drop: Any) -> tuple[Any, list]:
        """Return the logits of training images, and the losses that layers add."""
        normalization = self.backend.OPERATIONS.get("normalize", normalize)
        logits = forward(self.layers, x, partial(normalization, mask=mask), drop)
        return logits, []

    def train_on_batch(
        self, batch: Batch, options: StepOptions, i: Any, n_images: Any = None
    ) -> tuple[Any, Any]:
        """Take step `i` of a call: change the variables, return what is summed up.

        These are the weighted sums of the losses and of the correct answers. The first
        `n_images` images count, and those after them only pad the batch; None stands
        for all of them.
        """
        from keras import ops

        draw = partial(self.backend.uniform, options.seed, options.step + i)
        operations = self.backend.OPERATIONS
        images, class_indices, weights, flip_mask = batch
        x = ops.cast(images, self.dtype.name)
        # Before the augmentation, because it takes time in proportion to the pixels.
        x = block_means(x, options.size, least=SHIFT_DIVISOR)
        x = augment_images(
            x, self.augment, flip_mask, draw, operations.get("transform")
        )
        x = resize_images(x, options.size)
        mask = None
        if n_images is None:
            n_images = ops.shape(x)[0]
        else:
            mask = ops.arange(x.shape[0], dtype="int32") < n_images

        def drop(name: str, x: Any) -> Any:
            rate = options.dropout[1 if len(x.shape) == 2 else 0]
            rate = ops.cast(rate, "float32")
            shape = ops.shape(x)
            if not self.backend.STATIC_SHAPES:
                # At rate 0 a single random number is drawn and broadcast. Without
                # this, CPU time on TensorFlow is 1.24 x (1.15 to 1.25) in MNIST's
                # "fast", 1.09 x (1.08 to 1.11) in CIFAR-10's (medians of 3 interleaved
                # pairs, Intel Xeon, 2 virtual CPUs, 2026-11-26, other jobs beside).
                shape = ops.where(rate > 0, shape, 1)
            return drop_values(x, rate, draw(name, shape))

        def loss_of_batch() -> tuple[Any, tuple[Any, Any]]:
            logits, penalties = self._forward_in_training(x, mask, drop)
            n_classes = logits.shape[1]
            targets = ops.one_hot(class_indices, n_classes, dtype=self.dtype.name)
            targets = targets * (1 - options.smoothing) + options.smoothing / n_classes
            losses = ops.categorical_crossentropy(targets, logits, from_logits=True)
            losses = losses * weights
            is_correct = ops.equal(ops.argmax(logits, axis=1), class_indices)
            loss_sum = ops.sum(losses)
            correct_sum = ops.sum(weights * ops.cast(is_correct, self.dtype.name))
            loss = loss_sum / ops.cast(n_images, self.dtype.name)
            for penalty in penalties:
                loss = loss + penalty
                loss_sum = loss_sum + penalty * ops.sum(weights)
            return loss, (loss_sum, correct_sum)

        gradients, sums = self.backend.gradients(
            loss_of_batch, self.trainable, self.others
        )
        if self.learning_rate is not None:
            self.learning_rate.assign(options.rates[i])
        self.optimizer.apply(gradients)
        return sums


def forward(
    layers: Sequence[Any],
    x: Any,
    normalize: Callable[[Any, Any], Any] | None = None,
    drop: Callable[[str, Any], Any] | None = None,
    path: str = "",
) -> Any:
    """Return the output of the last layer for images of the network's dtype.

    For training, `normalize` takes a batch normalization that is trained and its input,
    and `drop` the name of a dropout layer and its input.
    """
    import keras

    training = drop is not None
    for layer in layers:
        if isinstance(layer, keras.Sequential):
            x = forward(layer.layers, x, normalize, drop, f"{path}{layer.name}/")
        elif isinstance(layer, keras.layers.Resizing):
            # Training images have the size of their part of the training already.
            x = x if training else resize_images(x, (layer.height, layer.width))
        elif isinstance(layer, keras.layers.AveragePooling2D):  # a part of resizing
            x = x if training else layer(x)
        elif isinstance(layer, keras.layers.Dropout):
            x = x if drop is None else drop(path + layer.name, x)
        elif isinstance(layer, keras.layers.BatchNormalization):
            if normalize is not None and layer.trainable:
                x = normalize(layer, x)
            elif not layer.trainable or _is_float64(x):
                x = normalize_by_moving_statistics(layer, x)
            else:
                x = layer(x, training=False)
        elif isinstance(layer, keras.layers.Dense) and _is_float64(x):
            # Keras, whose promotion of dtypes ends at float32, rounds on PyTorch.
            x = x @ layer.kernel.value
            x = layer.activation(x + layer.bias.value if layer.use_bias else x)
        else:
            x = layer(x, training=training)
    return x


def normalize(layer: Any, x: Any, mask: Any = None) -> Any:
    """Do what a batch normalization does in training, over the images of a mask."""
    from keras import ops

    dtype = layer.moving_mean.dtype
    given, x = x.dtype, ops.cast(x, dtype)
    axes = tuple(range(len(x.shape) - 1))

    def mean_of(values: Any) -> Any:
        if mask is None:
            return ops.mean(values, axis=axes)
        present = ops.reshape(mask, [-1] + [1] * len(axes[1:]) + [1])
        total = ops.sum(ops.where(present, values, 0), axis=axes)
        n_values = ops.sum(mask) * int(np.prod(x.shape[1:-1]))
        return total / ops.cast(n_values, dtype)

    mean = mean_of(x)
    variance = mean_of(ops.square(x - mean))
    follow_batch(layer, mean, variance)
    factor = ops.rsqrt(variance + layer.epsilon)
    if layer.scale:
        factor = factor * layer.gamma.value
    y = (x - mean) * factor
    return ops.cast(y + layer.beta.value if layer.center else y, given)


def follow_batch(layer: Any, mean: Any, variance: Any) -> None:
    """Move the moving statistics of a batch normalization towards those of a batch."""
    from keras import ops

    for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        now = ops.stop_gradient(now)
        moving.assign(layer.momentum * moving.value + (1 - layer.momentum) * now)


def normalize_by_moving_statistics(layer: Any, x: Any) -> Any:
    """Do what a batch normalization does in prediction.

    Keras rounds float64 to float32 there on JAX and PyTorch, hence this function. It
    repeats the factors for each pixel, since TensorFlow reads factors that it has to
    broadcast over three channels one at a time. What this gains for float32 is not
    sure: with Keras's layer, CIFAR-10's "fast" took 1.15 x the CPU time (0.99 to 1.19)
    in one comparison and 0.92 x (0.91 to 1.05) in another, and predictions took 1.06 x
    (0.99 to 1.48). Intel Xeon, 2 virtual CPUs, n = 3 each.
    """
    from keras import ops

    shape = x.shape[1:]
    # In mixed precision, images have the dtype of the statistics, and the outputs of
    # convolutions do not.
    given, x = x.dtype, ops.cast(x, layer.moving_mean.dtype)
    factors = ops.rsqrt(layer.moving_variance.value + layer.epsilon)
    if layer.scale:
        factors = factors * layer.gamma.value
    offsets = -layer.moving_mean.value * factors
    if layer.center:
        offsets = offsets + layer.beta.value
    factors, offsets = (
        ops.tile(v, [int(np.prod(shape[:-1]))]) for v in (factors, offsets)
    )
    x = ops.reshape(x, (-1, int(np.prod(shape))))
    return ops.cast(ops.reshape(x * factors + offsets, (-1, *shape)), given)


def drop_values(x: Any, rate: Any, drawn: Any) -> Any:
    """Drop the values whose random number in [0, 1) is below the rate; scale the rest.

    `drawn` may have fewer dimensions or sides of 1: it is broadcast.
    """
    from keras import ops

    # A float64 rate just below 1 may be 1 in float32: then all values are dropped.
    factor = 1 / ops.maximum(1 - rate, np.finfo(np.float32).tiny)
    kept = ops.cast(drawn >= rate, x.dtype)
    return x * (kept * ops.cast(factor, x.dtype))


def _is_float64(x: Any) -> bool:
    """Say whether a tensor is one of float64."""
    import keras

    return keras.backend.standardize_dtype(x.dtype) == "float64"


def _refuse_hidden_state(layers: Sequence[Any]) -> None:
    """Raise for a layer whose state changes in training without `forward` seeing it."""
    import keras

    known = (keras.layers.BatchNormalization, keras.layers.Dropout)
    for layer in _flat(layers):
        if type(layer) in known or not layer.trainable:
            continue
        if isinstance(layer, known) or layer.non_trainable_variables:
            raise TypeError(
                f"The layer {layer.name!r} is a {type(layer).__name__}, which changes "
                "something in training beside its trainable weights (the statistics "
                "of a batch normalization, the random numbers of a dropout). The "
                "training step knows keras.layers.BatchNormalization and "
                "keras.layers.Dropout only, and finds them in a keras.Sequential at "
                "any depth. Take them out of this layer and put them into one."
            )


def _flat(layers: Sequence[Any]) -> Iterator[Any]:
    """Yield layers, those of a nested Sequential in its place."""
    import keras

    for layer in layers:
        if isinstance(layer, keras.Sequential):
            yield from _flat(layer.layers)
        else:
            yield layer
