"""What the networks look like: a description, and the Keras network built from it."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from skcnn._augment import MIN_CHANGED_SIDE
from skcnn._pixel_warnings import warn_of
from skcnn._sklearn_private import InvalidParameterError

# On these, pooling before activating gives the same values for a fraction of the work:
# max(f(a), f(b)) = f(max(a, b)) for any non-decreasing f.
NON_DECREASING_ACTIVATIONS = frozenset(
    {"elu", "leaky_relu", "linear", "relu", "relu6", "selu", "sigmoid", "softplus"}
    | {"softsign", "tanh"}
)

# Names in keras.activations that are no function of a value each: helpers, and one that
# halves the number of channels.
NO_ACTIVATIONS = frozenset({"deserialize", "get", "glu", "serialize"})

# Side of the whitening kernels in pixels, from K. Jordan, "94% on CIFAR-10 in 3.29
# Seconds on a Single GPU", 2024, section 3.2; https://arxiv.org/abs/2404.00498
WHITENING_SIDE = 2

# Batch statistics that follow the weights closely, because training takes few steps,
# and a small epsilon: the values of the same paper's listing.
NORMALIZATION_MOMENTUM = 0.6
NORMALIZATION_EPSILON = 1e-5

# Weights, gradients and an optimizer's two values for each weight are 16 bytes a weight
# in float32: 0.8 GB for this many, which a laptop still has to spare.
MANY_WEIGHTS = 50_000_000
MOST_WEIGHTS = 2**34  # 69 GB in float32, four times that in training

# A layer that gives 1 GB for one image, in float32. A photograph of 12 million pixels
# with 16 filters stays below it. A file that asks for more would take the memory of
# whoever predicts with it, since the weights say nothing of the size of the images.
MOST_LAYER_VALUES = 2**28


@dataclass(frozen=True)
class Network:
    """All that shapes a network: equal descriptions share their compiled functions.

    Dropout rates are left out on purpose. They are passed at run time, so that a search
    over them compiles nothing anew.

    Attributes
    ----------
    image_shape : tuple of int
        ``(height, width, channels)``.
    n_classes : int
        Number of outputs.
    whitening : bool
        Whether the first convolution is a fixed one that whitens patches.
    filters : tuple of int
        Filters of the convolutions, one entry a stage.
    kernel_size : tuple of int
        Side of the kernels in pixels, one entry a stage.
    convolutions : int
        Convolutions in each stage.
    pool_size : int
        Side of the max pooling window in pixels.
    pool_first : bool
        Whether a stage pools after its first convolution or after its last.
    padding : {"same", "valid"}
        Padding of the convolutions.
    kernel_initializer : {"glorot_uniform", "identity"}
        How the convolutions start.
    global_pooling : bool
        Global max pooling in place of flattening.
    dense_units : tuple of int
        Units of the hidden dense layers.
    activation : str
        Name of a Keras activation.
    batch_normalization : bool
        Whether batch normalisation precedes each activation of a convolution.
    dtype : str
        Floating dtype of weights and arithmetic, or the name of a policy of Keras that
        sets the two apart.
    resized : tuple of int or None, default=None
        ``(height, width)`` that images are resized to; None leaves them as they are.
    """

    image_shape: tuple
    n_classes: int
    whitening: bool
    filters: tuple
    kernel_size: tuple
    convolutions: int
    pool_size: int
    pool_first: bool
    padding: str
    kernel_initializer: str
    global_pooling: bool
    dense_units: tuple
    activation: str
    batch_normalization: bool
    dtype: str
    resized: tuple | None = None

    @property
    def whitening_shape(self):
        """Shape of the kernel that whitens patches: each direction and its opposite."""
        sides = self.resized or self.image_shape[:2]
        height, width = (min(WHITENING_SIDE, side) for side in sides)
        channels = self.image_shape[-1]
        return height, width, channels, 2 * height * width * channels

    @property
    def n_layers(self):
        """Number of layers that learn a kernel."""
        return len(self.filters) * self.convolutions + len(self.dense_units) + 1

    def sizes(self, scales):
        """Return the sizes that images have in successive parts of training.

        Parameters
        ----------
        scales : tuple of float
            Sides relative to those of the images.

        Returns
        -------
        list of tuple of int
            ``(height, width)`` for each scale. None is less than what leaves a pixel
            to each layer, or more than the images have. Images less than
            `MIN_CHANGED_SIDE` pixels high or wide keep their size.
        """
        original = self.image_shape[:2]
        if min(original) < MIN_CHANGED_SIDE:
            return [original] * len(scales)
        least = 1
        for kernel_size in reversed(self.kernel_size):
            shrinking = kernel_size - 1 if self.padding == "valid" else 0
            first = 1 if self.pool_first else self.convolutions
            least += (self.convolutions - first) * shrinking
            least = least * self.pool_size + first * shrinking
        if self.whitening:
            least += WHITENING_SIDE - 1
        return [
            tuple(min(side, max(round(scale * side), least)) for side in original)
            for scale in scales
        ]


def check_activation(name):
    """Return the name of a Keras activation, or raise.

    Parameters
    ----------
    name : str
        Such as "relu".

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If Keras has no activation of that name.
    """
    import keras

    names = sorted(
        name
        for name, value in vars(keras.activations).items()
        if callable(value) and name not in NO_ACTIVATIONS
    )
    if name not in names:
        raise InvalidParameterError(
            f"Got activation={name!r}, but expected one of "
            f"{', '.join(map(repr, names))}."
        )
    return name


def build_network(network, dropout, compile_kwargs=None):
    """Build, and compile, the Keras network that a description stands for.

    Every layer has a name, a dtype and a seed of its own: Keras draws nothing from
    Python's global generator, counts up no global name and reads no global policy. The
    weights are placeholders until `CompiledNetwork.initial_values` draws them.

    Parameters
    ----------
    network : Network
        The description.
    dropout : tuple of two float
        Rates after each convolution stage and after each hidden dense layer; layers
        with a rate of 0 are left out.
    compile_kwargs : dict, default=None
        Arguments of `keras.Model.compile`.

    Returns
    -------
    keras.Sequential
        Scaling of the pixels, the convolution stages, the dense layers, and a softmax.
    """
    import keras

    model = keras.Sequential(_layers(network, dropout), name="network")
    if compile_kwargs is not None:
        # Under a global policy of mixed precision Keras would wrap the optimiser.
        model.compile(**compile_kwargs, auto_scale_loss=False)
    return model


def warn_of_large_network(network):
    """Warn if a network is too large for an ordinary computer, refuse it for any.

    Parameters
    ----------
    network : Network
        The description.

    Raises
    ------
    ValueError
        If it has more than `MOST_WEIGHTS` weights.

    Warns
    -----
    UserWarning
        If it has more than `MANY_WEIGHTS` weights.
    """
    n_weights = network_size(network).n_kernel_values
    if n_weights <= MANY_WEIGHTS:
        return
    height, width = network.resized or network.image_shape[:2]
    n_bytes = 4 * n_weights * (8 if network.dtype == "float64" else 4)
    if network.global_pooling:
        remedy = "use fewer filters or dense_units"
    else:
        remedy = (
            f"set global_pooling=True, make the images smaller ({height} x {width} "
            "pixels now), or add a stage to filters, each of which divides what the "
            "dense layers read"
        )
    message = (
        f"The network has {n_weights:,} weights, and training takes four values for "
        f"each (with gradient and optimizer), about {n_bytes / 1e9:.1f} GB. If that is "
        f"too much, {remedy}."
    )
    if n_weights > MOST_WEIGHTS:
        raise ValueError(message)
    warn_of(UserWarning(message))


class NetworkSize(NamedTuple):
    """How much a network takes.

    Attributes
    ----------
    n_kernel_values : int
        Values in all kernels together.
    n_layer_values : int
        Values that the largest layer gives for one image.
    """

    n_kernel_values: int
    n_layer_values: int


@lru_cache(maxsize=256)  # a second fit of the same network counts nothing
def network_size(network):
    """Count the values of a network, building none of it.

    Parameters
    ----------
    network : Network
        The description.

    Returns
    -------
    NetworkSize
    """
    n_kernel_values = 0
    images, *layers = _layers(network, (0.0, 0.0))
    shape = images.shape
    n_layer_values = math.prod(shape[1:])
    for layer in layers:
        new_shape = layer.compute_output_shape(shape)
        if hasattr(layer, "kernel_initializer"):
            side = getattr(layer, "kernel_size", ())
            n_kernel_values += math.prod((*side, shape[-1], new_shape[-1]))
        shape = new_shape
        n_layer_values = max(n_layer_values, math.prod(shape[1:]))
    return NetworkSize(n_kernel_values, n_layer_values)


def _layers(network, dropout):
    import keras

    convolution_dropout, dense_dropout = dropout
    policy = keras.DTypePolicy(network.dtype)
    common = {"dtype": policy}
    # In mixed precision too, pixels are scaled and whitened, and classes told apart,
    # without rounding.
    exact = {"dtype": keras.DTypePolicy(policy.variable_dtype)}
    glorot_uniform = keras.initializers.GlorotUniform(seed=0)
    weighted = {"kernel_initializer": glorot_uniform}
    convolution_initializer = glorot_uniform
    if network.kernel_initializer == "identity":
        from skcnn._initializers import PartialIdentity

        convolution_initializer = PartialIdentity(seed=0)
    spatial = {"data_format": "channels_last"}
    height, width, _ = network.image_shape
    layers = [
        keras.Input(network.image_shape, dtype=policy.variable_dtype, name="images"),
        # Never trained: its two statistics are those of the training pixels.
        keras.layers.BatchNormalization(
            epsilon=0.0,
            center=False,
            scale=False,
            trainable=False,
            name="scaling",
            **exact,
        ),
    ]

    def activate(name, kind=common):
        return keras.layers.Activation(network.activation, name=name, **kind)

    def drop(rate, name):
        return [keras.layers.Dropout(rate, seed=0, name=name, **common)] if rate else []

    if network.resized is not None:
        layers.append(
            keras.layers.Resizing(*network.resized, name="resizing", **exact, **spatial)
        )
        height, width = network.resized
    if network.whitening:
        *kernel, _, filters = network.whitening_shape
        layers.append(
            keras.layers.Conv2D(
                filters,
                kernel,
                use_bias=False,
                trainable=False,
                name="whitening",
                **weighted,
                **exact,
                **spatial,
            )
        )
        layers.append(activate("whitening_activation", exact))
        height, width = height - kernel[0] + 1, width - kernel[1] + 1
    for stage, (filters, kernel_size) in enumerate(
        zip(network.filters, network.kernel_size, strict=True), start=1
    ):
        pooled = 1 if network.pool_first else network.convolutions
        for i in range(1, network.convolutions + 1):
            name = f"{stage}_{i}"
            kernel = (min(kernel_size, height), min(kernel_size, width))
            layers.append(
                keras.layers.Conv2D(
                    filters,
                    kernel,
                    padding=network.padding,
                    use_bias=not network.batch_normalization,
                    kernel_initializer=convolution_initializer,
                    name=f"convolution_{name}",
                    **common,
                    **spatial,
                )
            )
            if network.padding == "valid":
                height, width = height - kernel[0] + 1, width - kernel[1] + 1
            tail = [activate(f"activation_{name}")]
            if network.batch_normalization:
                tail.insert(
                    0,
                    keras.layers.BatchNormalization(
                        momentum=NORMALIZATION_MOMENTUM,
                        epsilon=NORMALIZATION_EPSILON,
                        scale=False,
                        name=f"normalization_{name}",
                        **common,
                    ),
                )
            if i == pooled:
                pool = (min(network.pool_size, height), min(network.pool_size, width))
                height, width = height // pool[0], width // pool[1]
                pooling = keras.layers.MaxPooling2D(
                    pool, name=f"pooling_{stage}", **common, **spatial
                )
                first = network.activation in NON_DECREASING_ACTIVATIONS
                tail.insert(0 if first else len(tail), pooling)
            layers += tail
        layers += drop(convolution_dropout, f"dropout_{stage}")

    if network.global_pooling:
        flatten = keras.layers.GlobalMaxPooling2D(
            name="global_pooling", **common, **spatial
        )
    else:
        flatten = keras.layers.Flatten(name="flatten", **common, **spatial)
    layers.append(flatten)
    for i, units in enumerate(network.dense_units, start=1):
        layers.append(
            keras.layers.Dense(units, name=f"dense_{i}", **weighted, **common)
        )
        layers.append(activate(f"dense_activation_{i}"))
        layers += drop(dense_dropout, f"dense_dropout_{i}")
    layers.append(
        keras.layers.Dense(network.n_classes, name="logits", **weighted, **exact)
    )
    layers.append(keras.layers.Activation("softmax", name="probabilities", **exact))
    return layers
