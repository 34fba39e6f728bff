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

import numpy as np

from skcnn._backends import backend
from skcnn._step import Batch, Computation, StepOptions

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
        import keras

        layers = model.layers[:-1]  # training and scores need logits, no softmax
        self.dtype = np.dtype(model.layers[0].variable_dtype)
        optimizer = model.optimizer
        optimizer.build(model.trainable_variables)
        self.n_trainable = len(model.trainable_variables)
        self._weights = model.trainable_variables + model.non_trainable_weights
        self._variables = self._weights + optimizer.variables
        self._initial_values = [
            keras.ops.convert_to_numpy(value) for value in copies(self._variables)
        ]
        self._fixed = {
            id(variable): (layer.name, i)
            for layer in layers
            if not layer.trainable
            for i, variable in enumerate(layer.weights)
        }
        self._initializers = {
            id(layer.kernel): layer.kernel_initializer
            for layer in layers
            if layer.trainable and hasattr(layer, "kernel_initializer")
        }
        computation = Computation(
            backend=backend(),
            layers=layers,
            trainable=model.trainable_variables,
            others=model.non_trainable_weights,
            optimizer=optimizer,
            augment=augment,
            dtype=self.dtype,
        )
        self.functions = backend().Functions(computation)
        self.logits_of_tensor = computation.logits

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
        import keras

        values = list(self._initial_values)
        for i, variable in enumerate(self._weights):
            if id(variable) in self._initializers:
                initializer = self._initializers[id(variable)]
                config = initializer.get_config()
                config["seed"] = int(random_state.randint(np.iinfo(np.int32).max))
                draw = type(initializer).from_config(config)
                drawn = draw(variable.shape, variable.dtype)
                values[i] = keras.ops.convert_to_numpy(drawn)
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
        given = [_form(value) for value in (*weights, *optimizer_values)]
        expected = [_form(value) for value in self._initial_values]
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
        n = length = len(images)
        if n > 1 or images.size < LARGE_IMAGE:
            length = -(-n // BLOCK) * BLOCK
            if backend().STATIC_SHAPES:
                length = 1 << (length - 1).bit_length()  # a power of two: few shapes
        images = _fill_up(images, length - n)
        return self.functions.logits(weights, images, views)[:n]


def _form(value):
    # Counts are of 32 or 64 bits, depending on the backend.
    return value.shape, value.dtype if value.dtype.kind == "f" else value.dtype.kind


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

    def train(self, images, codes, weights, mirrored, **options):
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
        **options : dict
            `size` (``(height, width)`` that the images are resized to, unless they have
            it), `rates` (learning rate of each step), `batch_size`, `dropout`,
            `smoothing`, `seed` and `step` (number of the first step).

        Returns
        -------
        tuple of two float
            Weighted sums of the losses and of the correct answers.
        """
        self._values, *sums = self._compiled.functions.train(
            self._values,
            Batch(images, codes, weights, mirrored),
            StepOptions(**options),
        )
        return tuple(sums)

    def weights(self):
        """Return the current weights as tensors, as :meth:`CompiledNetwork.logits`."""
        return self._read(slice(None, len(self._compiled._weights)))

    def optimizer_values(self):
        """Return the current values of the optimiser's variables as tensors."""
        return self._read(slice(len(self._compiled._weights), None))

    def set_weights(self, weights, optimizer_values=None):
        """Replace the weights, and the optimizer's values unless they are None."""
        if optimizer_values is None:
            optimizer_values = self.optimizer_values()
        self._values = [*weights, *optimizer_values]

    def close(self):
        """Do nothing."""

    def _read(self, part):
        from keras import ops

        return [ops.convert_to_tensor(value) for value in self._values[part]]


def copies(variables):
    """Return what variables hold as tensors that stay as they are.

    Parameters
    ----------
    variables : list of keras.Variable
        These may go on changing.

    Returns
    -------
    list of tensor
    """
    from keras import ops

    return [ops.copy(ops.stop_gradient(variable.value)) for variable in variables]
