"""The one module that knows SciKeras: the `KerasClassifier` behind `keras_classifier_`.

SciKeras builds the network, holds the trained state, routes optimizer and loss, and
answers `predict`. The estimators keep it by composition, because no subclass of a
SciKeras wrapper can pass scikit-learn's estimator checks, and they train the network
themselves, because SciKeras validates, seeds and traces anew for every fit.

Imported on first use only, because it subclasses a class of SciKeras.
"""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any, Self

import numpy as np

from skcnn._images.numerics import default_errors, probabilities
from skcnn._network.any_network import (
    AnyNetwork,
    compile_any,
    refuse_untrainable,
    variables_of,
)
from skcnn._network.augment import NO_VIEWS, Views
from skcnn._network.backends import backend, refuse_several_devices
from skcnn._network.description import Network, build_network
from skcnn._network.optimizers import (
    copy_optimizer,
    current_learning_rate,
    has_rate_variable,
    optimizer_key,
)
from skcnn._network.startup import keras_unchanged, start_devices, start_keras
from skcnn._network.threads import refuse_fork
from skcnn._training.compiled import CompiledNetwork, compiled_network, tensors
from skcnn._training.state import TrainState

# What is made from the state when it is first asked for.
OF_A_STATE = ("model_", "_tensors")

# Unpickling such an object may be the first thing that happens in a worker.
start_keras()
start_devices()
with keras_unchanged():
    from scikeras.wrappers import KerasClassifier


class SharedTraceKerasClassifier(KerasClassifier):
    """A SciKeras classifier whose network is compiled once for all estimators.

    Parameters
    ----------
    network : Network or AnyNetwork
        Description of the network.
    labels : ndarray of shape (n_classes,)
        The classes.
    dropout : tuple of two float
        Rates after the convolution stages and after the hidden dense layers.
    augment : tuple of str
        Random changes made to training images.
    **arguments : dict
        Further arguments of a SciKeras classifier, such as the optimizer's.

    Attributes
    ----------
    state_ : TrainState or None
        What training arrived at; None before.
    model_ : keras.Sequential
        The network with the weights of the state, built when it is first asked for.
    """

    def __init__(
        self,
        network: Network | AnyNetwork,
        labels: np.ndarray,
        dropout: tuple[float, float],
        augment: tuple[str, ...],
        **arguments: Any,
    ) -> None:
        super().__init__(
            model=compile_any if isinstance(network, AnyNetwork) else build_network,
            model__network=network,
            model__dropout=dropout,
            loss="sparse_categorical_crossentropy",
            compile__weighted_metrics=["accuracy"],
            **arguments,
        )
        self.labels_ = labels
        self.augment_ = augment
        self.state_: TrainState | None = None
        self._random_state = None  # SciKeras seeds nothing: every layer has a seed

    def with_state(self, state: TrainState) -> Self:
        """Return the same classifier, trained to a state."""
        trained = type(self).__new__(type(self))
        trained.__dict__.update(vars(self), state_=state)
        for name in OF_A_STATE:
            trained.__dict__.pop(name, None)
        return trained

    @property
    def initialized_(self) -> bool:
        """Whether there is a trained network."""
        return self.state_ is not None

    @property
    def history_(self) -> dict[str, list[float]]:
        """What each epoch measured."""
        if self.state_ is None:
            raise AttributeError("The history exists only after fit.")
        return dict(self.state_.history)

    @property
    def target_encoder_(self) -> "_Decoder":
        """What SciKeras turns probabilities into labels with."""
        return _Decoder(self.labels_)

    @cached_property
    def model_(self) -> Any:
        """The network as a compiled `keras.Sequential` with the learned weights."""
        if self.state_ is None:
            raise AttributeError("The network exists only after fit.")
        with self._precision():
            model = self._build_keras_model()
            _set_values(model, self.state_)
        return model

    @cached_property
    def _tensors(self) -> list[Any]:
        """The learned weights as tensors of the backend."""
        assert self.state_ is not None
        return tensors(self.state_.weights)

    @cached_property
    def _optimizer(self) -> Any:
        """An unbuilt optimizer as it is compiled."""
        return self._get_compile_kwargs()["optimizer"]

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate that the optimizer is made with."""
        return current_learning_rate(self._optimizer)

    @property
    def key(self) -> tuple[Network | AnyNetwork, str, tuple[str, ...]]:
        """All that the compiled functions depend on."""
        return self.model__network, optimizer_key(self._optimizer), self.augment_

    def compiled_network(self) -> CompiledNetwork:
        """Return the compiled functions, shared with all equal networks."""
        refuse_fork()
        return self._compiled

    @cached_property
    def _compiled(self) -> CompiledNetwork:
        refuse_several_devices()
        if getattr(self.model__network, "identity", None) is not None:
            return self._compile()
        return compiled_network(self.key, self._compile)

    def _compile(self) -> CompiledNetwork:
        if isinstance(self.model__network, AnyNetwork):
            model = self._build_keras_model()
            refuse_untrainable(model, self.model__network)
            with self._precision():
                return CompiledNetwork(model, self.augment_)
        # Rates are passed at run time; the shared network only needs the layers.
        template = copy.copy(self)
        template.model__dropout = (0.5, 0.5)
        with self._precision():
            return CompiledNetwork(template._build_keras_model(), self.augment_)

    def _precision(self) -> AbstractContextManager[Any]:
        """Return a context in which tensors of the network's dtype can be made."""
        return backend().precision(self.model__network.dtype)

    def logits(self, images: np.ndarray, views: Views = NO_VIEWS) -> np.ndarray:
        """Return the logits of one batch of images."""
        compiled = self.compiled_network()
        with self._precision(), default_errors():
            return compiled.logits(self._tensors, compiled.images(images), views)

    def features(self, images: np.ndarray) -> np.ndarray:
        """Return the features of one batch of images."""
        compiled = self.compiled_network()
        with self._precision(), default_errors():
            return compiled.features(self._tensors, compiled.images(images))

    def answers_of_tensor(
        self, views: Views, with_features: bool
    ) -> Callable[[Any], tuple[Any, Any]]:
        """Return a function of images, to be traced, with the weights inside.

        It returns logits and features (None without `with_features`). In TensorFlow
        only.
        """
        assert self.state_ is not None
        compiled, values = self.compiled_network(), self.state_.weights

        def answers(images: Any) -> tuple[Any, Any]:
            import tensorflow as tf

            # Made in the trace: constants from outside would become arguments.
            weights = [tf.constant(value) for value in values]
            logits = compiled.logits_of_tensor(weights, images, views)
            if not with_features:
                return logits, None
            return logits, compiled.features_of_tensor(weights, images)

        return answers

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds: no Keras objects and no tensors."""
        state = super().__getstate__().copy()
        for name in (*OF_A_STATE, "_compiled", "_optimizer"):
            state.pop(name, None)
        return state

    # Hooks of SciKeras.

    def _get_compile_kwargs(self) -> dict[str, Any]:
        compile_kwargs = super()._get_compile_kwargs()
        # An instance would be built for one network and travel in every pickle.
        if compile_kwargs["optimizer"] is self.optimizer:
            compile_kwargs["optimizer"] = copy_optimizer(self.optimizer)
        return compile_kwargs

    def _fit(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(
            "keras_classifier_ holds what the classifier of skcnn has learned and "
            "cannot be fitted by itself. Call fit or partial_fit of that classifier."
        )

    def _predict_raw(self, X: np.ndarray, **kwargs: Any) -> np.ndarray:
        return probabilities(self.logits(X))


class _Decoder:
    """An encoder of labels that turns probabilities into labels."""

    def __init__(self, classes: np.ndarray) -> None:
        self.classes = classes

    def inverse_transform(
        self, probabilities: np.ndarray, return_proba: bool = False
    ) -> np.ndarray:
        """Return the labels of the largest probabilities, or these themselves."""
        if return_proba:
            return probabilities
        return self.classes[probabilities.argmax(axis=1)]


def _set_values(model: Any, state: TrainState) -> None:
    """Put the values of a state into a model that was just built."""
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    learning_rate = current_learning_rate(optimizer)
    for variable, value in zip(
        variables_of(model) + optimizer.variables, state.values, strict=True
    ):
        variable.assign(value)
    # Reset the learning rate: the schedule left it near zero, which would make
    # `model_.fit` do nothing.
    if has_rate_variable(optimizer):
        optimizer.learning_rate = learning_rate
