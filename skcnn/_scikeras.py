"""The one module that knows SciKeras.

SciKeras builds the network, holds it with its training history, and routes optimiser,
loss and callbacks. What it does beyond that is wrong or slow on scikit-learn 1.9 and
Keras 3 (validation, seeding, a new trace for every fit, `Model.predict`), so the
private subclass here overrides those hooks. It is kept by composition: no subclass of a
SciKeras wrapper can pass scikit-learn's estimator checks.

The class exists only once SciKeras is imported, hence the module's `__getattr__`, which
pickle uses too.
"""

import copy
from functools import cache
from typing import Any

from skcnn._backends import backend, refuse_several_devices
from skcnn._engine import CompiledNetwork, Session, compiled_network
from skcnn._networks import build_network
from skcnn._numerics import default_errors, probabilities
from skcnn._optimizers import (
    copy_optimizer,
    current_learning_rate,
    has_rate_variable,
    optimizer_key,
)
from skcnn._startup import start_devices, start_keras
from skcnn._threads import refuse_fork


def __getattr__(name):
    if name == "SharedTraceKerasClassifier":
        return _keras_classifier_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _import_keras_classifier():
    """Import SciKeras without the patches that it applies to Keras's own classes.

    And without TensorFlow, where Keras runs on something else: SciKeras wants it for
    seeds, which have no part in anything here, and goes without.
    """
    import sys

    import keras

    if "scikeras" in sys.modules:
        from scikeras.wrappers import KerasClassifier

        return KerasClassifier

    patched = (
        (keras.Model, "__reduce__"),
        (keras.Model, "__deepcopy__"),
        (keras.losses.Loss, "__reduce__"),
        (keras.metrics.Metric, "__reduce__"),
        (keras.optimizers.Optimizer, "__reduce__"),
    )
    missing = object()
    before = [vars(owner).get(name, missing) for owner, name in patched]
    hidden = keras.config.backend() != "tensorflow" and "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        from scikeras.wrappers import KerasClassifier
    finally:
        if hidden:
            del sys.modules["tensorflow"]

    for (owner, name), method in zip(patched, before, strict=True):
        if method is not missing:
            setattr(owner, name, method)
        elif name in vars(owner):
            delattr(owner, name)
    return KerasClassifier


@cache
def _keras_classifier_class():
    start_keras()  # unpickling a classifier may be the first thing in a worker
    KerasClassifier: Any = _import_keras_classifier()

    class SharedTraceKerasClassifier(KerasClassifier):
        """A SciKeras classifier whose network is compiled once for all estimators.

        `weights_` and `optimizer_values_` are arrays; `model_` is built from them when
        somebody asks for it. `fit` and `partial_fit` expect validated data and take the
        :class:`~skcnn._training.TrainingLoop` as the keyword `loop`. Before that either
        `seeds_` and `fixed_` have to be set or `continue_from` to be called.
        """

        @property
        def initialized_(self):
            return hasattr(self, "weights_")

        @property
        def model_(self):
            """The network as a compiled `keras.Sequential` with the learned weights."""
            if not self.initialized_:
                raise AttributeError("The network exists only after fit.")
            if getattr(self, "_model", None) is None:
                start_devices()
                with self._precision():
                    self._model = self._build_keras_model()
                    _set_values(self._model, self.weights_, self.optimizer_values_)
            return self._model

        def _precision(self):
            """Return the context for all that makes tensors of the network's dtype."""
            return backend().precision(self.model__network.dtype)

        def compiled_network(self):
            """Return the compiled functions, shared with all equal networks."""
            refuse_fork()
            start_devices()
            if getattr(self, "_compiled", None) is None:
                refuse_several_devices()
                self._compiled = compiled_network(self._key(), self._compile)
            return self._compiled

        def _key(self):
            optimizer = self._get_compile_kwargs()["optimizer"]
            return self.model__network, optimizer_key(optimizer), self.augment_

        def _compile(self):
            # Rates are passed at run time; the shared network only needs the layers.
            template = copy.copy(self)
            template.model__dropout = (0.5, 0.5)
            with self._precision():
                return CompiledNetwork(template._build_keras_model(), self.augment_)

        def continue_from(self, trained):
            """Take over values and history of a trained classifier."""
            if self._key() != trained._key():
                raise ValueError(
                    "The optimizer is another one than in the last fit, but warm_start "
                    "and partial_fit go on with its state. Fit with warm_start=False "
                    "to start anew."
                )
            self._take(trained.weights_, trained.optimizer_values_, trained.history_)

        def restore(self, weights, optimizer_values, history):
            """Take over values and history that an equal classifier once arrived at."""
            self._take(weights, optimizer_values, history)
            self.compiled_network().check_values(weights, optimizer_values)

        def _take(self, weights, optimizer_values, history):
            self._prepare()
            self.weights_, self.optimizer_values_ = weights, optimizer_values
            self.history_ = {name: list(values) for name, values in history.items()}

        def _prepare(self):
            self._random_state = None  # every layer has a seed of its own
            self.target_encoder_ = self.feature_encoder_ = _Decoder(self.labels_)

        def session(self):
            """Return a training session that starts from the current values."""
            return Session(
                self.compiled_network(), self.weights_, self.optimizer_values_
            )

        @property
        def peak_learning_rate(self):
            """The learning rate that the optimiser was made with."""
            return current_learning_rate(self._get_compile_kwargs()["optimizer"])

        def store(self, session, log=None):
            """Keep the values that a training session arrived at.

            With what an epoch measured, `log`, they become that epoch's result.
            """
            weights = _arrays(session.weights())
            optimizer_values = _arrays(session.optimizer_values())
            history = self.history_
            if log is not None:
                history = history | {
                    name: [*history.get(name, ()), value] for name, value in log.items()
                }
            # Together, as Ctrl-C may come at any moment.
            self.weights_, self.optimizer_values_, self.history_ = (
                weights,
                optimizer_values,
                history,
            )
            self._model = self._tensors = None

        def replace_weights(self, weights):
            """Take other weights, the optimiser's values staying as they are."""
            self.weights_ = _arrays(weights)
            self._model = self._tensors = None

        def logits(self, images, views=()):
            """Return the logits of one batch of images as an array."""
            import keras

            compiled = self.compiled_network()
            with self._precision(), default_errors():
                if getattr(self, "_tensors", None) is None:
                    self._tensors = list(
                        map(keras.ops.convert_to_tensor, self.weights_)
                    )
                return compiled.logits(self._tensors, compiled.images(images), views)

        def logits_of_tensor(self, views):
            """Return a function to be traced, of images, with the weights inside.

            In TensorFlow only.
            """
            compiled, values = self.compiled_network(), self.weights_

            def logits(images):
                import tensorflow as tf

                # Made in the trace: constants from outside would become arguments.
                weights = [tf.constant(value) for value in values]
                return compiled.logits_of_tensor(weights, images, views)

            return logits

        def __getstate__(self):
            state = super().__getstate__().copy()
            # Rebuilt on demand; Keras objects and tensors do not belong in a pickle.
            for name in ("_model", "_tensors", "_compiled"):
                state.pop(name, None)
            return state

        # Hooks of SciKeras, overridden: the outer estimator has validated and encoded.

        def _get_compile_kwargs(self):
            compile_kwargs = super()._get_compile_kwargs()
            # An instance would be built for one network and travel in every pickle.
            if compile_kwargs["optimizer"] is self.optimizer:
                compile_kwargs["optimizer"] = copy_optimizer(self.optimizer)
            return compile_kwargs

        def _initialize(self, X, y=None):
            self._prepare()
            self._initialize_callbacks()
            with self._precision():
                self.weights_, self.optimizer_values_ = (
                    self.compiled_network().initial_values(self.seeds_, self.fixed_)
                )
            self._model = self._tensors = None
            return X, y

        def _validate_data(self, X=None, y=None, reset=False, y_numeric=False):
            return X, y

        def _validate_sample_weight(self, X, y, sample_weight):
            return X, y, sample_weight

        def _ensure_compiled_model(self):
            pass

        def _check_model_compatibility(self, y):
            pass

        def _fit_keras_model(
            self, X, y, sample_weight, warm_start, epochs, initial_epoch, *, loop
        ):
            if initial_epoch == 0:
                self.history_ = {}
            self._initialize_callbacks()
            with self._precision():
                loop.run(self, epochs)

        def _predict_raw(self, X):
            return probabilities(self.logits(X))

    SharedTraceKerasClassifier.__qualname__ = "SharedTraceKerasClassifier"
    return SharedTraceKerasClassifier


def make_keras_classifier(network, *, labels, dropout, augment, **arguments):
    """Make the SciKeras classifier that builds and holds a network.

    Parameters
    ----------
    network : Network
        Description of the network.
    labels : ndarray of shape (n_classes,)
        What the outputs of the network stand for.
    dropout : tuple of two float
        Rates after the convolution stages and after the hidden dense layers.
    augment : tuple of str
        Random changes made to training images.
    **arguments : dict
        Further arguments of a SciKeras classifier, such as optimiser and callbacks.

    Returns
    -------
    SharedTraceKerasClassifier
    """
    start_devices()
    classifier = _keras_classifier_class()(
        model=build_network,
        model__network=network,
        model__dropout=dropout,
        loss="sparse_categorical_crossentropy",
        compile__weighted_metrics=["accuracy"],
        **arguments,
    )
    classifier.labels_ = labels
    classifier.augment_ = augment
    return classifier


class _Decoder:
    """The encoder of labels that are encoded already."""

    def __init__(self, classes):
        self.classes = classes

    def fit(self, data):
        return self

    def transform(self, data):
        return data

    def inverse_transform(self, probabilities, return_proba=False):
        if return_proba:
            return probabilities
        return self.classes[probabilities.argmax(axis=1)]


def _arrays(tensors):
    import keras

    return [keras.ops.convert_to_numpy(value) for value in tensors]


def _set_values(model, weights, optimizer_values):
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    learning_rate = current_learning_rate(optimizer)
    variables = model.trainable_variables + model.non_trainable_weights
    for variable, value in zip(
        variables + optimizer.variables, [*weights, *optimizer_values], strict=True
    ):
        variable.assign(value)
    # Not the schedule's last one, close to zero: a caller of model_.fit wants to learn.
    if has_rate_variable(optimizer):
        optimizer.learning_rate = learning_rate
