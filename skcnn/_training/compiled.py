"""Networks compiled once for each description and shared by all estimators.

Keras traces a network anew for every model object. That can take longer than a short
training, and its memory is never given back. Here everything that may differ between
two fits of one network (weights, optimizer slots, learning rate, batch size, dropout,
label smoothing, seeds) is passed to the compiled functions at run time instead.

Both functions are pure for their caller: values go in, values come out. What they
compute is in :mod:`skcnn._network.step`, how it is compiled in
:mod:`skcnn._network.backends`.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np

from skcnn._network.any_network import (
    MODEL_NAME,
    layers_in,
    variables_of,
    weighted_layers,
)
from skcnn._network.any_step import AnyComputation
from skcnn._network.augment import (
    NO_VIEWS,
    Views,
    are_unsure,
    count_views,
    views_of_size,
)
from skcnn._network.backends import backend
from skcnn._network.optimizers import has_rate_variable
from skcnn._network.processor import rows_of_a_block
from skcnn._network.step import Batch, Computation, StepOptions
from skcnn._training.state import TrainState

# Size of the cache: enough for a search over a few dozen networks. A network that was
# pushed out is traced again when it is next used.
MAX_COMPILED_NETWORKS = 64

# The smallest batch of a backend that compiles each size of a batch.
SMALLEST_STATIC_BATCH = 16

# For a single image as large as this the padding would take most of the time.
LARGE_IMAGE = 512

_compiled: "OrderedDict[Hashable, CompiledNetwork]" = OrderedDict()
_compiled_lock = threading.Lock()


def compiled_network(
    key: Hashable, build: Callable[[], "CompiledNetwork"]
) -> "CompiledNetwork":
    """Return the compiled network of a key, building it on first use.

    The key says all that the compiled functions depend on.
    """
    with _compiled_lock:
        if key not in _compiled:
            _compiled[key] = build()
            if len(_compiled) > MAX_COMPILED_NETWORKS:
                _compiled.popitem(last=False)
        _compiled.move_to_end(key)
        return _compiled[key]


class CompiledNetwork:
    """A network and an optimizer as compiled functions.

    Parameters
    ----------
    model : keras.Sequential
        The compiled network, ending in a softmax. The object takes ownership of it:
        training overwrites its variables.
    augment : tuple of str
        Random changes made to training images, see
        :func:`skcnn._network.augment.augment_images`.

    Raises
    ------
    TypeError
        If a layer changes in training in a way that the training step does not know.
    AssertionError
        If a variable of the network has no initializer that is known, so that
        :meth:`initial_state` could not draw it.

    Attributes
    ----------
    layers : list of WeightedLayer
        The layers that hold weights, the first layer first.
    """

    def __init__(self, model: Any, augment: tuple[str, ...]) -> None:
        layers = model.layers[:-1]  # training and scores need logits, no softmax
        self.dtype = np.dtype(model.layers[0].variable_dtype)
        optimizer = model.optimizer
        optimizer.build(model.trainable_variables)
        self.n_trainable = len(model.trainable_variables)
        is_any = model.name == MODEL_NAME
        computation = (AnyComputation if is_any else Computation)(
            backend=backend(),
            layers=layers,
            trainable=model.trainable_variables,
            others=variables_of(model)[self.n_trainable :],
            optimizer=optimizer,
            learning_rate=(
                optimizer.learning_rate if has_rate_variable(optimizer) else None
            ),
            augment=augment,
            dtype=self.dtype,
        )
        self.model = model
        self.functions = backend().Functions(computation)
        self.n_features = computation.n_features
        self.logits_of_tensor = computation.predicted_logits
        self.features_of_tensor = computation.features
        self._weights = computation.weights
        self._initial_values = arrays(copies(computation.variables))
        self.layers = weighted_layers(model)
        self._places = {id(variable): i for i, variable in enumerate(self._weights)}
        self._initializers = _initializers(model)
        # A network of a user's brings its initial weights, see `state_of`.
        drawn = [] if is_any else [each.layer for each in self.layers]
        for layer in drawn:
            for path in [variable.path for variable in layer.weights]:
                if layer.trainable and path not in self._initializers:
                    raise AssertionError(
                        f"The variable {path} has no known initializer."
                    )

    def precision(self) -> AbstractContextManager[Any]:
        """Return a context in which tensors of the network's dtype can be made."""
        return backend().precision(self.dtype)

    def initial_state(
        self,
        random_state: np.random.RandomState,
        learned: Mapping[str, Sequence[np.ndarray]],
    ) -> TrainState:
        """Draw initial weights, with a seed from `random_state` for each variable.

        `learned` holds weights that are not drawn, by layer name: those of all layers
        that are never trained, and what is taken over from another network.
        """
        values = list(self._initial_values)
        known = self._put(values, learned)
        for i, variable in enumerate(self._weights):
            if i in known:
                continue
            initializer = self._initializers[variable.path]
            config = initializer.get_config()
            if "seed" in config:  # else it is deterministic
                config["seed"] = int(random_state.randint(np.iinfo(np.int32).max))
                draw = type(initializer).from_config(config)
                with self.precision():
                    (values[i],) = arrays([draw(variable.shape, variable.dtype)])
        n = len(self._weights)
        generator = random_state.get_state(legacy=False)
        return TrainState(values[:n], values[n:], {}, generator)

    def by_layer(self, weights: Sequence[Any]) -> dict[str, list[np.ndarray]]:
        """Return weights by layer, the first layer first."""
        values = arrays(weights)
        return {
            name: [values[self._places[id(variable)]] for variable in layer.weights]
            for name, layer in self.layers
        }

    def state_of(
        self,
        model: Any,
        learned: Mapping[str, Sequence[np.ndarray]],
        random_state: np.random.RandomState,
    ) -> TrainState:
        """Return the state of another model of the same network, as it was built.

        `learned` holds weights that are not those of the model, by layer name.
        """
        values = arrays(copies(variables_of(model)))
        self._put(values, learned)
        generator = random_state.get_state(legacy=False)
        return TrainState(values, self._initial_values[len(values) :], {}, generator)

    def _put(
        self, values: list[np.ndarray], learned: Mapping[str, Sequence[np.ndarray]]
    ) -> set[int]:
        """Put weights of layers among all values; return their places."""
        places = set()
        for name, layer in self.layers:
            if name not in learned:
                continue
            for variable, value in zip(layer.weights, learned[name], strict=True):
                place = self._places[id(variable)]
                values[place] = value.astype(values[place].dtype)
                places.add(place)
        return places

    def cast(self, weights: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return weights in the dtypes that the backend has for these variables.

        The random state of a layer has another integer dtype on another backend.
        """
        expected = self._initial_values[: len(self._weights)]
        pairs = zip(weights, expected, strict=True)
        return [value.astype(wanted.dtype, copy=False) for value, wanted in pairs]

    def check(self, state: TrainState) -> None:
        """Raise ValueError for weights or slots of another network or optimizer."""
        given = [_form(value) for value in state.values]
        expected = [_form(value) for value in self._initial_values]
        if given != expected or len(state.weights) != len(self._weights):
            raise ValueError(
                "The weights or the optimizer's values do not fit the network."
            )

    def images(self, batch: np.ndarray) -> np.ndarray:
        """Return images in a dtype that the compiled functions take.

        The same array for uint8, else in the network's floating dtype.
        """
        return (
            batch if batch.dtype == np.uint8 else batch.astype(self.dtype, copy=False)
        )

    def train(
        self, values: Sequence[Any], batch: Batch, options: StepOptions
    ) -> tuple[list[Any], float, float]:
        """Train on consecutive batches.

        `values` are weights, then slots, as arrays or tensors. Returns the values
        afterwards as tensors, and the weighted sums of the losses and of the correct
        answers.
        """
        return self.functions.train(values, batch, options)

    def logits(
        self, weights: Sequence[Any], images: np.ndarray, views: Views = NO_VIEWS
    ) -> np.ndarray:
        """Return the logits (b, n_classes) of images as :meth:`images` returns them.

        `weights` are tensors; the logits are averaged over `views`.
        """
        names = views_of_size(views.names, images.shape[1:])
        alone = len(images) == 1 and images.size >= LARGE_IMAGE
        compute = partial(self._logits, weights, padded=not alone)
        if not (names and views.only_unsure):
            return compute(images, names)
        logits = compute(images, ())
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            unsure = are_unsure(logits)
        if unsure.any():
            further = compute(images[unsure], names, further=True)
            logits = logits.copy()  # a backend may have returned a read-only array
            logits[unsure] += (1 - 1 / count_views(names)) * (further - logits[unsure])
        return logits

    def _logits(
        self,
        weights: Sequence[Any],
        images: np.ndarray,
        views: tuple[str, ...],
        *,
        padded: bool,
        further: bool = False,
    ) -> np.ndarray:
        """Return the logits of images, averaged over their (further) views."""
        n = len(images)
        images = _in_blocks(images) if padded else images
        return self.functions.logits(weights, images, views, further)[:n]

    def features(self, weights: Sequence[Any], images: np.ndarray) -> np.ndarray:
        """Return float32 features (b, n_features) of images as for :meth:`logits`.

        They are compiled apart when they are first asked for. `weights` are tensors.
        A large image alone is padded too, so that it has the same features bit for bit.
        """
        return self.functions.features(weights, _in_blocks(images))[: len(images)]


def _initializers(model: Any) -> dict[str, Any]:
    """Return the initializers of all variables in a model, by the variables' paths."""
    initializers = {}
    for layer in layers_in(model, set()):
        for variable in layer.weights:
            initializer = getattr(layer, f"{variable.name}_initializer", None)
            is_its_own = getattr(layer, variable.name, None) is variable
            if is_its_own and hasattr(initializer, "get_config"):
                initializers[variable.path] = initializer
    return initializers


def _form(value: np.ndarray) -> tuple[Any, Any]:
    """Return shape and dtype; that of integers depends on the backend."""
    return value.shape, "integer" if value.dtype.kind in "iu" else value.dtype


def _in_blocks(images: np.ndarray) -> np.ndarray:
    """Return images followed by so many black ones that they fill whole blocks.

    Matrix products work on whole blocks of rows and round the remaining rows
    differently. In whole blocks, an image has the same logits bit for bit, wherever it
    stands in a batch.
    """
    if backend().STATIC_SHAPES:
        # A power of two, because each shape is compiled.
        length = max(SMALLEST_STATIC_BATCH, 1 << (len(images) - 1).bit_length())
    else:
        length = -(-len(images) // rows_of_a_block()) * rows_of_a_block()
    if length == len(images):
        return images
    black = np.zeros((length - len(images), *images.shape[1:]), images.dtype)
    return np.concatenate([images, black])


def copies(variables: Sequence[Any]) -> list[Any]:
    """Return the values of variables as tensors, which do not change with them."""
    from keras import ops

    return [ops.copy(ops.stop_gradient(variable.value)) for variable in variables]


def arrays(values: Sequence[Any]) -> list[np.ndarray]:
    """Return tensors as NumPy arrays."""
    from keras import ops

    return [
        value if isinstance(value, np.ndarray) else ops.convert_to_numpy(value)
        for value in values
    ]


def tensors(values: Sequence[Any]) -> list[Any]:
    """Return NumPy arrays as tensors."""
    from keras import ops

    return [ops.convert_to_tensor(value) for value in values]
