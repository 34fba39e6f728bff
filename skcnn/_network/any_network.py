"""Networks of a user's: built with seeds, checked, and described.

The user hands in a function, or an object with a method `build`, that returns Keras
layers. It is called for each fit, because its layers draw their initial weights when
they are built. Two networks whose layers have the same configuration share compiled
functions.
"""

import contextvars
import hashlib
import inspect
import json
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from sklearn.utils import check_random_state

from skcnn._messages.wording import counted
from skcnn._network.backends import backend
from skcnn._network.startup import import_notes_hidden, start_keras

# The name of the Keras model of such a network, which no network of the family has.
MODEL_NAME = "own_network"

# Names of the layers that are put around the user's.
SCALING, SOFTMAX = "pixel_scaling", "class_probabilities"

WAYS = (
    "a function of (image_shape, n_classes) that returns a new list of Keras layers, a "
    "new keras.Sequential or a new functional keras.Model, or an object with such a "
    "method `build` and with `get_params`"
)

Result = TypeVar("Result")

# Seeds of Python and NumPy belong to the process, so one network is built at a time.
_building = threading.RLock()


@dataclass(frozen=True)
class AnyNetwork:
    """Everything that determines the compiled functions of a user's network.

    Attributes
    ----------
    image_shape : tuple of int
        ``(height, width, channels)``.
    n_classes : int
        Number of logits.
    dtype : str
        Name of the dtype policy of all layers that have none of their own.
    config : str
        The configuration of the layers, as JSON; without a configuration, the paths and
        shapes of the variables.
    kinds : tuple of type
        The classes of all layers that are not Keras's own: two classes of one name may
        differ.
    identity : object or None
        None if equal descriptions share compiled functions, else an object that no
        other description has.
    freeze : int
        Number of layers with a kernel, from the first on, that training does not
        change, see :func:`layers_to_freeze`.
    maker : object
        What the user handed in.
    """

    image_shape: tuple[int, int, int]
    n_classes: int
    dtype: str
    config: str
    kinds: tuple[type, ...]
    identity: Any
    n_weights: int
    freeze: int
    maker: Any = field(compare=False, repr=False)

    @property
    def digest(self) -> str:
        """A checksum of the configuration."""
        return hashlib.sha256(self.config.encode()).hexdigest()


def check_maker(network: Any) -> None:
    """Raise a TypeError for what cannot be the network of a user."""
    start_keras()
    import keras

    if isinstance(network, type):
        raise TypeError(
            f"Got network={network.__name__}, which is a class. Make an object of it: "
            f"network={network.__name__}()."
        )
    if isinstance(network, (keras.Layer, list, tuple)):
        raise TypeError(
            f"Got a {type(network).__name__} as network, which would be the same "
            "network in each fit. Write a function that makes a new one: network=build "
            "with `def build(image_shape, n_classes): return [...]`."
        )
    build = getattr(network, "build", network)
    if not callable(build):
        raise TypeError(f"Got network={network!r}, but expected {WAYS}.")
    if build is not network and not hasattr(network, "get_params"):
        raise TypeError(
            f"Got network={network!r} with a method `build`, but without `get_params`. "
            "Derive its class from sklearn.base.BaseEstimator, so that `clone` can "
            "copy it."
        )
    try:
        signature = inspect.signature(build)
    except (TypeError, ValueError):  # it is written in C
        return
    try:
        signature.bind((8, 8, 1), 2)
    except TypeError as error:
        raise TypeError(
            f"{name_of(network)}{signature} cannot be called with two arguments, "
            f"(image_shape, n_classes): {error}. The network is {WAYS}."
        ) from error


def name_of(network: Any) -> str:
    """Return how messages and files name the network of a user."""
    if isinstance(network, partial):
        network = network.func
    named = network if hasattr(network, "__qualname__") else type(network)
    return str(named.__qualname__)[:200]


def describe_any(
    network: Any,
    image_shape: tuple[int, int, int],
    n_classes: int,
    dtype: str,
    freeze: int,
    seed: int,
) -> tuple[AnyNetwork, Any]:
    """Build the network of a user, and return its description and the Keras model."""
    given = (image_shape, n_classes, dtype, freeze)
    model = build_any(network, *given, seed)
    return _description(network, model, *given), model


def describe_for_weights(
    network: Any,
    image_shape: tuple[int, int, int],
    n_classes: int,
    dtype: str,
    freeze: int,
    shapes: Sequence[tuple[int, ...]],
) -> AnyNetwork:
    """Return the description of a network of the user's for weights of some shapes.

    No memory is allocated for weights, unless the network cannot be built so, as where
    the user compiles it. Raises ValueError for other shapes.
    """
    bare, given = _without_weights(network), (image_shape, n_classes, dtype, freeze)
    try:
        model = build_any(bare, *given, seed=0, allocated=False)
    # Keras and the user's code raise what they like.
    except Exception:
        model = build_any(bare, *given, seed=0)
    expected = [tuple(variable.shape) for variable in variables_of(model)]
    if list(map(tuple, shapes)) != expected:
        found = next(
            (
                f"{got} in place of {wanted}"
                for got, wanted in zip(shapes, expected, strict=False)
                if tuple(got) != wanted
            ),
            f"{len(shapes)} arrays in place of {len(expected)}",
        )
        raise ValueError(
            f"The weights are those of another network than {name_of(network)}, which "
            f"was handed in: there are {found}."
        )
    return _description(network, model, *given)


def _without_weights(network: Any) -> Any:
    """Return the network without weights from a file, which would be read in vain."""
    bare = getattr(network, "without_weights", None)
    return network if bare is None else bare()


def _description(
    network: Any,
    model: Any,
    image_shape: tuple[int, int, int],
    n_classes: int,
    dtype: str,
    freeze: int,
) -> AnyNetwork:
    """Return the description of a network that was built."""
    config, shared = _configuration(model)
    return AnyNetwork(
        image_shape=image_shape,
        n_classes=n_classes,
        dtype=dtype,
        config=config,
        kinds=_kinds(model),
        identity=None if shared else object(),
        n_weights=model.count_params(),
        freeze=freeze,
        maker=network,
    )


def compile_any(
    network: AnyNetwork,
    dropout: tuple[float, float],
    compile_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Build the network of a description, with weights that mean nothing; compile it.

    The dropout rates of the family do not apply.
    """
    model = build_any(
        _without_weights(network.maker),
        network.image_shape,
        network.n_classes,
        network.dtype,
        network.freeze,
        seed=0,
    )
    if compile_kwargs is not None:
        model.compile(**compile_kwargs, auto_scale_loss=False)
    return model


def build_any(
    network: Any,
    image_shape: tuple[int, int, int],
    n_classes: int,
    dtype: str,
    freeze: int,
    seed: int,
    allocated: bool = True,
) -> Any:
    """Build the network of a user as a `keras.Sequential` from pixels to probabilities.

    All random numbers that are drawn meanwhile follow from the seed. Python's and
    NumPy's generators and the names that Keras gives to layers are afterwards as
    before. If not `allocated`, variables have shapes and no values.
    """

    def build() -> Any:
        import keras

        keras.config.set_dtype_policy(dtype)
        scope: AbstractContextManager[Any] = nullcontext()
        if not allocated:
            scope = keras.StatelessScope(initialize_variables=False)
        with _seeded(seed), scope:
            made = getattr(network, "build", network)(tuple(image_shape), n_classes)
            body = _layers_to_logits(made, name_of(network), tuple(image_shape))
            return _assemble(body, image_shape, dtype)

    with _building, backend().precision(_variable_dtype(dtype)):
        try:
            model = in_new_thread(build, dtype)
        except Exception as error:
            error.add_note(
                f"This happened while skcnn built {name_of(network)} for images of "
                f"shape {tuple(image_shape)} and {n_classes} classes."
            )
            raise
    _refuse_other_outputs(model, name_of(network), n_classes)
    for each in layers_to_freeze(model, freeze):
        each.layer.trainable = False
    return model


class WeightedLayer(NamedTuple):
    """A layer that holds weights, and no model that can be taken apart."""

    name: str
    """Its name, after the names of the models that it is in, joined by "/"."""
    layer: Any

    @property
    def has_kernel(self) -> bool:
        """Whether it does more than to scale and shift values, as a normalization."""
        return any(len(variable.shape) > 1 for variable in self.layer.weights)


def weighted_layers(model: Any) -> list[WeightedLayer]:
    """Return the layers of a user's network that hold weights, in its own order.

    A `keras.Sequential` and a functional model are taken apart. All other layers are
    one thing, with the layers inside of them.
    """
    import keras

    found: dict[int, WeightedLayer] = {}

    def add(layers: Sequence[Any], outer: str) -> None:
        for layer in layers:
            name = outer + layer.name
            # A functional model knows its inputs, any other subclass does not.
            if isinstance(layer, keras.Model) and getattr(layer, "inputs", None):
                add(layer.layers, f"{name}/")
            elif layer.weights:
                found.setdefault(id(layer), WeightedLayer(name, layer))

    add(model.layers, "")
    return list(found.values())


def layers_of_logits(model: Any) -> int:
    """Return how many of the last `weighted_layers` make logits of features.

    The last one with a kernel, and all after it. Where several layers of that kind add
    up to the logits, they are the last ones with `n_classes` outputs.
    """
    layers, n_classes = weighted_layers(model), model.output_shape[-1]
    n = next((i for i, each in enumerate(layers[::-1], 1) if each.has_kernel), 1)
    if getattr(model.layers[-2], "inputs", None):  # it could not be taken apart
        for each in layers[-n - 1 :: -1]:
            if not (each.has_kernel and each.layer.weights[0].shape[-1] == n_classes):
                break
            n += 1
    return n


def layers_to_freeze(model: Any, freeze: int) -> list[WeightedLayer]:
    """Return the layers that `freeze` keeps as they are: before layer `freeze` + 1.

    Only layers with a kernel count. A normalization goes with the layer before it.
    """
    if not freeze:
        return []
    body = weighted_layers(model)[1 : -layers_of_logits(model)]
    kept: list[WeightedLayer] = []
    n_kernels = 0
    for each in body:
        n_kernels += each.has_kernel
        if n_kernels > freeze:
            return kept
        kept.append(each)
    if n_kernels < freeze:
        raise ValueError(
            f"Got freeze={freeze}, but the network has {counted(n_kernels, 'layer')} "
            "with a kernel before its logits. Lower freeze."
        )
    return kept


def refuse_untrainable(model: Any, network: AnyNetwork) -> None:
    """Raise a ValueError if the network answers otherwise than by logits.

    It is also raised if the network is built otherwise each time, or if a layer draws
    random numbers from Keras's global generator: they would be others in each fit.
    """
    if _configuration(model)[0] != network.config:
        raise ValueError(
            f"{name_of(network.maker)} has returned two different networks for images "
            f"of shape {network.image_shape} and {network.n_classes} classes. The "
            "layers and their sizes have to follow from the arguments alone."
        )
    images = np.random.RandomState(0).uniform(size=(2, *network.image_shape))
    name = name_of(network.maker)

    def answer(training: bool) -> tuple[np.ndarray, bool]:
        import keras

        before = random.getstate()
        with keras.StatelessScope():
            x = keras.ops.convert_to_tensor(images, _variable_dtype(network.dtype))
            for layer in model.layers[:-1]:
                x = layer(x, training=training)
        # A thread has no generator of Keras's own, which would then draw its seed.
        return keras.ops.convert_to_numpy(x).astype(float), random.getstate() != before

    def run(training: bool) -> tuple[np.ndarray, bool]:
        with _building, backend().precision(_variable_dtype(network.dtype)):
            return in_new_thread(lambda: answer(training), network.dtype)

    logits, _ = run(False)
    if (logits >= 0).all() and np.allclose(logits.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            f"{name} seems to end in probabilities, but the last layer is no softmax "
            "that skcnn knows. End it in logits: a Dense layer of n_classes units "
            "without an activation."
        )
    # Another thread of the user may have drawn a number: once is no proof.
    if run(True)[1] and run(True)[1]:
        raise ValueError(
            f"A layer of {name} draws random numbers without a seed, so that fits with "
            "an equal random_state would differ. Make a keras.random.SeedGenerator() "
            "in the layer's __init__, and pass it as `seed` to the functions of "
            "keras.random."
        )


def variables_of(model: Any) -> list[Any]:
    """Return the variables of a network in the order of a state: first the trained.

    The random states of layers belong to a user's network, and not to one of the
    family, whose dropout has seeds that are arguments.
    """
    if model.name == MODEL_NAME:
        return model.trainable_variables + model.non_trainable_variables
    return model.trainable_variables + model.non_trainable_weights


def refuse_same_layers(one: Any, other: Any, network: AnyNetwork) -> None:
    """Raise a ValueError if two networks that were built apart share a layer."""
    if shared := {id(v) for v in variables_of(one)} & {
        id(v) for v in variables_of(other)
    }:
        raise ValueError(
            f"{name_of(network.maker)} has returned the same layers twice "
            f"({counted(len(shared), 'variable')} in common), but each fit needs new "
            "ones. Make the layers inside of the function."
        )


def layers_in(value: Any, seen: set[int]) -> Iterator[Any]:
    """Yield a layer and all layers that it holds, in lists and at any depth."""
    import keras

    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, (list, tuple)):
        parts = value
    elif isinstance(value, keras.Layer):
        yield value
        parts = tuple(vars(value).values())
    else:
        return
    for part in parts:
        yield from layers_in(part, seen)


def in_new_thread(function: Callable[[], Result], dtype: str) -> Result:
    """Call a function in a thread of its own, and return what it returns.

    Keras keeps the names of layers, the global dtype policy and the global generator
    for each thread. In a new thread the names are always the same, and nothing of the
    caller's changes.
    """

    def call() -> Result:
        with backend().precision(_variable_dtype(dtype)):
            return function()

    context = contextvars.copy_context()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(context.run, call).result()


def _variable_dtype(dtype: str) -> str:
    """Return the dtype of the variables under a policy."""
    return "float64" if dtype == "float64" else "float32"


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the generators of the process, and set them back."""
    numpy_generator = check_random_state(None)
    python, numpy = random.getstate(), numpy_generator.get_state(legacy=False)
    random.seed(seed)
    numpy_generator.seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        numpy_generator.set_state(numpy)


def _layers_to_logits(made: Any, name: str, image_shape: tuple[int, ...]) -> list[Any]:
    """Return the layers of what a user has built, the last of which gives logits."""
    import keras

    if isinstance(made, (list, tuple)):
        layers = list(made)
        if layers and isinstance(layers[0], keras.KerasTensor):
            _refuse_other_inputs(layers.pop(0).shape, name, image_shape)
        if layers and isinstance(layers[0], keras.layers.InputLayer):
            _refuse_other_inputs(layers.pop(0).batch_shape, name, image_shape)
        for layer in layers:
            if not isinstance(layer, keras.Layer):
                raise TypeError(
                    f"{name} returned a list with {layer!r}, but expected Keras layers "
                    "only."
                )
    elif isinstance(made, keras.Model):
        _refuse_other_models(made, name, image_shape)
        layers = [made]
    else:
        raise TypeError(
            f"{name} returned a {type(made).__name__}, but expected a list of Keras "
            "layers, a keras.Sequential or a functional keras.Model."
        )
    layers = _unfolded(layers)
    if layers and _is_softmax(layers[-1]):
        layers = _unfolded(layers[:-1])
    if not layers:
        raise ValueError(f"{name} returned a network without layers.")
    activation = getattr(layers[-1], "activation", None)
    if activation is keras.activations.softmax:
        layers[-1].activation = keras.activations.linear
    elif activation is keras.activations.sigmoid:
        raise ValueError(
            f"{name} ends in a sigmoid, but a class has to be chosen among all of them "
            "by a softmax. Give the last layer n_classes units, also for two classes, "
            'and activation="softmax" or none.'
        )
    return layers


def _unfolded(layers: list[Any]) -> list[Any]:
    """Return layers of which the last is no model, as far as it can be taken apart.

    What goes into the last layer are the features of an image.
    """
    import keras

    while layers:
        last = layers[-1]
        if type(last) is keras.Sequential:
            layers = [*layers[:-1], *last.layers]
            continue
        if not isinstance(last, keras.Model) or not getattr(last, "inputs", None):
            return layers
        final = last.operations[-1]
        try:
            given, returned = final.input, final.output
        except (AttributeError, ValueError):  # it is used more than once
            return layers
        is_final = returned is last.outputs[0] and given is not last.inputs[0]
        if not (isinstance(final, keras.Layer) and is_final):
            return layers
        if not isinstance(given, keras.KerasTensor):
            return layers
        layers = [
            *layers[:-1],
            keras.Model(last.inputs, given, name=last.name),
            final,
        ]
    return layers


def _is_softmax(layer: Any) -> bool:
    """Say whether a layer is a softmax over the classes, and nothing else."""
    import keras

    if isinstance(layer, keras.layers.Softmax):
        return layer.axis in (-1, 1)
    is_activation = isinstance(layer, keras.layers.Activation)
    return is_activation and layer.activation is keras.activations.softmax


def _refuse_other_models(model: Any, name: str, image_shape: tuple[int, ...]) -> None:
    """Raise for a model that is not functional, or has several inputs or outputs."""
    import keras

    if isinstance(model, keras.Sequential):
        # There is no shape unless the user has given one.
        if shape := getattr(model, "input_shape", None):
            _refuse_other_inputs(shape, name, image_shape)
        return
    inputs = getattr(model, "inputs", None)
    if not inputs:
        raise TypeError(
            f"{name} returned a {type(model).__name__}, a subclass of keras.Model that "
            "computes in a method of its own. Return a list with it: [model, "
            "keras.layers.Dense(n_classes)], with the model up to the features."
        )
    for kind, tensors in (("input", inputs), ("output", model.outputs)):
        if len(tensors) != 1:
            raise ValueError(
                f"{name} returned a network of {counted(len(tensors), kind)}, but a "
                "classifier of images has one: the images go in, the logits come out."
            )
    _refuse_other_inputs(inputs[0].shape, name, image_shape)


def _refuse_other_inputs(
    batch_shape: Sequence[int | None], name: str, image_shape: tuple[int, ...]
) -> None:
    """Raise a ValueError for a network of images of another shape."""
    expected = tuple(batch_shape[1:])
    if len(expected) != 3 or any(
        side is not None and side != found
        for side, found in zip(expected, image_shape, strict=True)
    ):
        raise ValueError(
            f"{name} returned a network of images of shape {expected}, but the images "
            f"have shape {image_shape}. Use its argument image_shape, which is "
            "(height, width, channels)."
        )


def _assemble(layers: list[Any], image_shape: tuple[int, ...], dtype: str) -> Any:
    """Return the model from pixels to probabilities."""
    import keras

    exact = {"dtype": keras.DTypePolicy(_variable_dtype(dtype))}
    return keras.Sequential(
        [
            keras.Input(image_shape, dtype=_variable_dtype(dtype), name="images"),
            # Frozen: its mean and variance are set from the training pixels.
            keras.layers.BatchNormalization(
                epsilon=0.0,
                center=False,
                scale=False,
                trainable=False,
                name=SCALING,
                **exact,
            ),
            *layers,
            keras.layers.Activation("softmax", name=SOFTMAX, **exact),
        ],
        name=MODEL_NAME,
    )


def _refuse_other_outputs(model: Any, name: str, n_classes: int) -> None:
    """Raise a ValueError unless the network has n_classes logits and can learn."""
    found = tuple(model.output_shape)
    if len(found) != 2:
        raise ValueError(
            f"{name} returned a network with an output of shape {found[1:]} for an "
            f"image, but expected ({n_classes},), a logit for each class. End it in a "
            "Flatten or a GlobalAveragePooling2D and keras.layers.Dense(n_classes)."
        )
    if found[1] != n_classes:
        raise ValueError(
            f"{name} returned a network with {counted(found[1], 'output')}, but there "
            f"are {n_classes} classes. Let the last layer be "
            "keras.layers.Dense(n_classes), also for two classes."
        )
    if not model.trainable_variables:
        raise ValueError(
            f"{name} returned a network without trainable weights, which cannot learn."
        )


def _configuration(model: Any) -> tuple[str, bool]:
    """Return the configuration of a network, and whether it says everything."""
    import keras

    layers = model.layers[1:-1]
    try:
        # On every backend Keras imports TensorFlow here.
        with import_notes_hidden():
            described = [keras.saving.serialize_keras_object(layer) for layer in layers]
        text = json.dumps(_without_seeds(described), sort_keys=True)
    # Layers of a user's raise what they like.
    except Exception:
        shapes = [[v.path, list(v.shape), str(v.dtype)] for v in variables_of(model)]
        return json.dumps(shapes), False
    # A mean and a variance that were learned by `adapt` are not in the configuration.
    adapted = any(
        isinstance(layer, keras.layers.Normalization) and layer.input_mean is None
        for layer in layers_in(model, set())
    )
    # Of a function Keras notes the name only, and another function may have it.
    has_functions = '"class_name": "function"' in text or "__lambda__" in text
    return text, not (adapted or has_functions)


def _without_seeds(value: Any, module: str = "") -> Any:
    """Return a configuration without the seeds of Keras's own objects.

    They set the initial values of variables, which are passed to the compiled functions
    as arguments. A layer of the user's may do something else with a seed.
    """
    if isinstance(value, dict):
        module = value.get("module") or module
        left_out = {"compile_config", "build_config"}
        if f"{module}.".startswith("keras."):
            left_out.add("seed")
        return {
            key: _without_seeds(entry, module)
            for key, entry in value.items()
            if key not in left_out
        }
    if isinstance(value, (list, tuple)):
        return [_without_seeds(entry, module) for entry in value]
    return value


def _kinds(model: Any) -> tuple[type, ...]:
    """Return the classes of the layers that are not Keras's own."""
    found = [type(layer) for layer in layers_in(model, set())]
    return tuple(kind for kind in found if not kind.__module__.startswith("keras."))
