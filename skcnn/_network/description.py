"""The description of a network, and the Keras network that is built from it."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from skcnn._messages.warnings import warn_of
from skcnn._network.augment import MIN_CHANGED_SIDE, block_size

# For these activations, the network pools before it activates: the values are the same,
# because max(f(a), f(b)) = f(max(a, b)) for any non-decreasing f, and the activation is
# computed for a fraction of the values.
NON_DECREASING_ACTIVATIONS = frozenset(
    {"elu", "leaky_relu", "linear", "relu", "relu6", "selu", "sigmoid", "softplus"}
    | {"softsign", "tanh"}
)

# Names in keras.activations that are not elementwise functions of an image alone: three
# helpers, "glu", which halves the number of channels, and "threshold", which needs two
# more arguments.
NO_ACTIVATIONS = frozenset({"deserialize", "get", "glu", "serialize", "threshold"})

# Side of the whitening kernels in pixels, from K. Jordan, "94% on CIFAR-10 in 3.29
# Seconds on a Single GPU", 2024, section 3.2; https://arxiv.org/abs/2404.00498
WHITENING_SIDE = 2

# Settings of batch normalization, from the listing in the same paper. With this small
# momentum the moving averages follow the weights closely, as training takes few steps.
NORMALIZATION_MOMENTUM = 0.6
NORMALIZATION_EPSILON = 1e-5

# A network with more weights raises a warning. Training needs four float32 values for
# each weight (the weight, its gradient and two values of the optimizer), which makes
# 0.8 GB for this many weights. A laptop can still spare that.
MANY_WEIGHTS = 50_000_000
MOST_WEIGHTS = 2**34  # 69 GB in float32, four times that in training

# Most values that a layer may output for one image: 1 GB in float32. A photograph of 12
# million pixels with 16 filters stays below this limit. It protects users of a forged
# file: its weights can be few while the size of its images exhausts the memory.
MOST_LAYER_VALUES = 2**28


@dataclass(frozen=True)
class Network:
    """Everything that determines a network and its compiled functions.

    Compiled functions are shared by equal descriptions. Dropout rates are left out on
    purpose: they are arguments of the compiled functions, so that a search over them
    compiles nothing. Fields that are not listed here have the meaning of the parameter
    of that name.

    Attributes
    ----------
    image_shape : tuple of int
        ``(height, width, channels)``.
    n_classes : int
        Number of outputs.
    dtype : str
        Floating dtype of weights and arithmetic, or the name of a Keras dtype policy
        that sets the two apart.
    resized : tuple of int or None, default=None
        ``(height, width)`` to which the network resizes images, see
        :func:`~skcnn._network.augment.resize_images`; None keeps their size.
    freeze : int, default=0
        Number of convolution stages, from the first on, that training does not change.
    """

    image_shape: tuple[int, int, int]
    n_classes: int
    whitening: bool
    filters: tuple[int, ...]
    kernel_size: tuple[int, ...]
    convolutions: int
    pool_size: int
    pool_first: bool
    padding: str
    global_pooling: bool
    dense_units: tuple[int, ...]
    activation: str
    batch_normalization: bool
    dtype: str
    resized: tuple[int, int] | None = None
    freeze: int = 0

    @property
    def whitening_shape(self) -> tuple[int, int, int, int]:
        """Shape of the whitening kernel: two filters of opposite sign a direction."""
        sides = self.resized or self.image_shape[:2]
        height, width = (min(WHITENING_SIDE, side) for side in sides)
        channels = self.image_shape[-1]
        return height, width, channels, 2 * height * width * channels

    @property
    def block(self) -> tuple[int, int]:
        """The ``(height, width)`` of the blocks of pixels whose means are resized."""
        if self.resized is None:
            return 1, 1
        return block_size(self.image_shape[:2], self.resized)

    @property
    def n_layers(self) -> int:
        """Number of layers with a trained kernel."""
        return len(self.filters) * self.convolutions + len(self.dense_units) + 1

    def sizes(self, scales: tuple[float, ...]) -> list[tuple[int, int]]:
        """Return ``(height, width)`` of the images in each phase of training.

        `scales` are the sides of the images in each phase, relative to those of the
        network. Both sides are reduced by the same factor. It is at least so large that
        the shorter side is as long as :func:`least_side` says, and at most 1. Images
        less than `MIN_CHANGED_SIDE` pixels high or wide keep their size.
        """
        height, width, _ = self.image_shape
        shorter = min(height, width)
        if shorter < MIN_CHANGED_SIDE:
            return [(height, width)] * len(scales)
        least = min(1.0, least_side(self, self.kernel_size) / shorter)
        scales = tuple(max(scale, least) for scale in scales)
        return [(round(scale * height), round(scale * width)) for scale in scales]


def least_side(stages: Any, kernel_size: tuple[int, ...]) -> int:
    """Return the least side of an image that leaves an output pixel to every layer.

    `stages` has the attributes of a :class:`Network` for all else than `kernel_size`.
    """
    least = 1
    for side in reversed(kernel_size):
        shrinking = side - 1 if stages.padding == "valid" else 0
        first = 1 if stages.pool_first else stages.convolutions
        least += (stages.convolutions - first) * shrinking
        least = least * stages.pool_size + first * shrinking
    return least + (WHITENING_SIDE - 1 if stages.whitening else 0)


def check_activation(name: str) -> str:
    """Return the name of a Keras activation; raise if Keras has none of that name."""
    import keras

    names = sorted(
        name
        for name, value in vars(keras.activations).items()
        if callable(value) and name not in NO_ACTIVATIONS
    )
    if name not in names:
        raise ValueError(
            f"Got activation={name!r}, but expected one of "
            f"{', '.join(map(repr, names))}."
        )
    return name


def build_network(
    network: Network,
    dropout: tuple[float, float],
    compile_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Build the Keras network of a description, and compile it.

    Every layer has a name, a dtype and a seed of its own, so that Keras draws nothing
    from Python's global generator, increments no global counter of names and reads no
    global dtype policy. The weights are placeholders until
    `CompiledNetwork.initial_values` draws them.

    Parameters
    ----------
    network : Network
        The description.
    dropout : tuple of two float
        Dropout rates after each convolution stage and after each hidden dense layer.
        There is no dropout layer where the rate is 0.
    compile_kwargs : dict, default=None
        Arguments of `keras.Model.compile`; None does not compile.

    Returns
    -------
    keras.Sequential
        The scaling of pixels, the convolution stages, the dense layers, and a softmax.
    """
    import keras

    model = keras.Sequential(_layers(network, dropout), name="network")
    if compile_kwargs is not None:
        # `auto_scale_loss` would make Keras wrap the optimizer in a LossScaleOptimizer
        # if the global dtype policy is mixed precision.
        model.compile(**compile_kwargs, auto_scale_loss=False)
    return model


def warn_of_large_network(network: Network) -> None:
    """Warn of more than `MANY_WEIGHTS` weights, refuse more than `MOST_WEIGHTS`."""
    height, width = network.resized or network.image_shape[:2]
    if network.global_pooling:
        remedy = "use fewer filters or dense_units"
    else:
        remedy = (
            f"set global_pooling=True, make the images smaller ({height} x {width} "
            "pixels now), or add a stage to filters, each of which divides what the "
            "dense layers read"
        )
    n_weights = network_size(network).n_kernel_values
    warn_of_many_weights(n_weights, network.dtype, remedy)


def warn_of_many_weights(
    n_weights: int,
    dtype: str = "float32",
    remedy: str = "let the network have fewer filters or units",
) -> None:
    """Warn of more than `MANY_WEIGHTS` weights, refuse more than `MOST_WEIGHTS`."""
    if n_weights <= MANY_WEIGHTS:
        return
    n_bytes = 4 * n_weights * (8 if dtype == "float64" else 4)
    message = (
        f"The network has {n_weights:,} weights, and training takes four values for "
        f"each (with gradient and optimizer), about {n_bytes / 1e9:.1f} GB. If that is "
        f"too much, {remedy}."
    )
    if n_weights > MOST_WEIGHTS:
        raise ValueError(message)
    warn_of(UserWarning(message))


class NetworkSize(NamedTuple):
    """Number of values that a network stores and computes."""

    n_kernel_values: int
    """Number of values in all kernels together."""
    n_layer_values: int
    """Number of values that the largest layer outputs for one image."""


@lru_cache(maxsize=256)  # so that further fits of a network count nothing
def network_size(network: Network) -> NetworkSize:
    """Count the values of a network without building it."""
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


def layers_to_logits(network: Network, dropout: tuple[float, float]) -> list[Any]:
    """Return the layers between the scaling of pixels and the softmax.

    Keras draws their seeds.
    """
    _, _, *layers, _ = _layers(network, dropout, seed=None)
    return layers


def _layers(
    network: Network, dropout: tuple[float, float], seed: int | None = 0
) -> list[Any]:
    """Return the layers of a network, the input first."""
    import keras

    convolution_dropout, dense_dropout = dropout
    policy = keras.DTypePolicy(network.dtype)
    common = {"dtype": policy}
    # Scaling, whitening and logits are computed in the dtype of the weights, so that
    # mixed precision does not round them.
    exact = {"dtype": keras.DTypePolicy(policy.variable_dtype)}
    # From a class, Keras makes another object with another seed for each layer.
    glorot_uniform = keras.initializers.GlorotUniform
    weighted = {
        "kernel_initializer": (
            glorot_uniform if seed is None else glorot_uniform(seed=seed)
        )
    }
    spatial = {"data_format": "channels_last"}
    height, width, _ = network.image_shape
    layers = [
        keras.Input(network.image_shape, dtype=policy.variable_dtype, name="images"),
        # Frozen: its mean and variance are set from the training pixels.
        keras.layers.BatchNormalization(
            epsilon=0.0,
            center=False,
            scale=False,
            trainable=False,
            name="scaling",
            **exact,
        ),
    ]

    def activate(name: str, kind: dict[str, Any] = common) -> Any:
        return keras.layers.Activation(network.activation, name=name, **kind)

    def drop(dropout_rate: float, name: str) -> list[Any]:
        if not dropout_rate:
            return []
        return [keras.layers.Dropout(dropout_rate, seed=seed, name=name, **common)]

    if network.resized is not None:
        if network.block != (1, 1):
            layers.append(
                keras.layers.AveragePooling2D(
                    network.block, name="block_means", **exact, **spatial
                )
            )
        layers.append(
            keras.layers.Resizing(*network.resized, name="resizing", **exact, **spatial)
        )
        height, width = network.resized
    if network.whitening:
        kernel = network.whitening_shape[:2]
        layers.append(
            keras.layers.Conv2D(
                network.whitening_shape[-1],
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
        trained = {"trainable": stage > network.freeze}
        for i in range(1, network.convolutions + 1):
            name = f"{stage}_{i}"
            kernel = (min(kernel_size, height), min(kernel_size, width))
            layers.append(
                keras.layers.Conv2D(
                    filters,
                    kernel,
                    padding=network.padding,
                    use_bias=not network.batch_normalization,
                    name=f"convolution_{name}",
                    **trained,
                    **weighted,
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
                        **trained,
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
