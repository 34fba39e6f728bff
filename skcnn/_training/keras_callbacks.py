"""Keras callbacks in a training loop that is not Keras's own."""

import copy
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from skcnn._network.any_network import variables_of
from skcnn._network.optimizers import current_learning_rate, has_rate_variable
from skcnn._training.compiled import arrays, copies
from skcnn._training.state import TrainState

CONTAINERS = (list, tuple, set, frozenset, deque)
VALUES = (np.ndarray, bytearray, np.random.Generator, np.random.RandomState)

BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)
TEST_BATCH_HOOKS = ("on_test_batch_begin", "on_test_batch_end")
TEST_HOOKS = ("on_test_begin", "on_test_end", *TEST_BATCH_HOOKS)


def check_callbacks(callbacks: Any) -> list[Any]:
    """Return the parameter `callbacks` as a list, or raise a TypeError."""
    if callbacks is None:
        return []
    import keras

    several = isinstance(callbacks, (list, tuple))
    entries = list(callbacks) if several else [callbacks]
    for entry in entries:
        if not isinstance(entry, keras.callbacks.Callback):
            raise TypeError(
                f"Got callbacks={callbacks!r}, but expected a "
                f"keras.callbacks.Callback instance or a list of them; {entry!r} is "
                "none."
            )
    return entries


def copy_callbacks(callbacks: list[Any]) -> list[Any]:
    """Copy callbacks, so that a fit changes none of the user's.

    What a callback records stays with its copy: lists, dictionaries, sets, arrays and
    random generators of NumPy are copied to any depth, and so are callbacks inside of
    callbacks. All other objects are shared with the original, because they belong to
    other code: a trial or a run to report to, a progress bar, a lock. A callback that
    defines `__deepcopy__` is copied by that method alone.
    """
    memo: dict[int, object] = {}
    _share_objects_of_others(callbacks, memo, set())
    return copy.deepcopy(callbacks, memo)


def _share_objects_of_others(value: Any, memo: dict[int, Any], seen: set[int]) -> None:
    """Enter into the memo of a deep copy all objects that are not to be copied."""
    import keras

    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, dict):
        parts = [*value, *value.values()]
    elif isinstance(value, CONTAINERS):
        parts = list(value)
    elif isinstance(value, keras.callbacks.Callback):
        parts = [] if hasattr(value, "__deepcopy__") else list(vars(value).values())
    elif isinstance(value, VALUES):
        return
    else:
        memo[id(value)] = value
        return
    for part in parts:
        _share_objects_of_others(part, memo, seen)


class KerasCallbacks:
    """Runs Keras callbacks against a real model, in the order of `keras.Model.fit`.

    A method that takes a state returns it with the weights and the optimizer's values
    that the callbacks have set in the model.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
        Copies of the user's.
    model : keras.Model or None
        The compiled model that they see, with the values of the state that training
        begins with. None if there are no callbacks.
    epochs : int
        Number of epochs planned.
    steps : int
        Number of batches of an epoch.
    verbose : int
        As the user gave it.

    Attributes
    ----------
    per_batch : bool
        Whether a callback listens to each batch.
    rate_factor : float
        The learning rate that callbacks have set, relative to the planned one.
    """

    def __init__(
        self,
        callbacks: list[Any],
        model: Any,
        epochs: int,
        steps: int,
        verbose: int,
    ) -> None:
        self.rate_factor = 1.0
        self._epochs, self._model = epochs, model
        self._rate: float = 0.0
        self._log: dict[str, float] | None = None
        self.per_batch = _listen(callbacks, BATCH_HOOKS)
        self._per_test = _listen(callbacks, TEST_HOOKS)
        self._per_test_batch = _listen(callbacks, TEST_BATCH_HOOKS)
        self._list: Any = None
        if callbacks:
            _make_metrics(model)
            model.stop_training = False
            self._list = _callback_list(callbacks, model, epochs, steps, verbose)

    @property
    def stop(self) -> bool:
        """Whether a callback has set `stop_training`."""
        return self._list is not None and bool(self._model.stop_training)

    def begin(self, state: TrainState) -> TrainState:
        """Say that training begins. A callback may set the epoch to begin with."""
        if self._list is None:
            return state
        self._list.on_train_begin()
        # Set by BackupAndRestore, and heeded by `keras.Model.fit` too.
        restored = getattr(self._model, "_initial_epoch", None) or state.epoch
        if restored >= self._epochs:
            raise ValueError(
                f"A callback has restored a training of {restored} epochs, so that "
                f"epochs={self._epochs} leaves none to train. Set epochs to more, or "
                "delete what BackupAndRestore has written."
            )
        return replace(self._taken(state), epoch=restored)

    def begin_epoch(self, epoch: int, rate: float) -> None:
        """Say that an epoch begins with a learning rate."""
        if self._list is not None:
            self._with_rate(rate, self._list.on_epoch_begin, epoch)
            self._rate = rate

    def begin_batch(self, batch: int, rate: float) -> None:
        """Say that a batch begins."""
        if self.per_batch:
            self._with_rate(rate, self._list.on_train_batch_begin, batch)

    def end_batch(
        self, state: TrainState, batch: int, rate: float, log: dict[str, float]
    ) -> TrainState:
        """Say what was measured since the epoch began."""
        if not self.per_batch:
            return state
        self._show(state)
        self._with_rate(rate, self._list.on_train_batch_end, batch, log)
        return self._taken(state)

    def begin_test(self, state: TrainState) -> TrainState:
        """Say that validation begins."""
        if not self._per_test:
            return state
        self._show(state)
        self._list.on_test_begin()
        return self._taken(state)

    def test_batches(
        self, n: int, batch_size: int, averages: Callable[[int], dict[str, float]]
    ) -> None:
        """Tell of the batches that Keras would take, one after another.

        All `n` images have been predicted already, in batches of another size;
        `averages` returns what was measured up to an image.
        """
        if self._per_test_batch:
            for batch, start in enumerate(range(0, n, batch_size)):
                self._list.on_test_batch_begin(batch)
                log = averages(min(start + batch_size, n))
                self._list.on_test_batch_end(batch, log)

    def end_test(self, state: TrainState, log: dict[str, float]) -> TrainState:
        """Say what was measured on the validation images."""
        if not self._per_test:
            return state
        self._list.on_test_end(log)
        return self._taken(state)

    def end_epoch(
        self, state: TrainState, epoch: int, log: dict[str, float]
    ) -> TrainState:
        """Say what was measured in an epoch."""
        if self._list is None:
            return state
        self._log = dict(log)
        self._show(state)
        self._with_rate(self._rate, self._list.on_epoch_end, epoch, dict(log))
        return self._taken(state)

    def end(self, state: TrainState) -> TrainState:
        """Say that training is over."""
        if self._list is None:
            return state
        self._show(state)
        self._list.on_train_end(self._log)
        trained = self._taken(state)
        return trained.with_values(arrays(trained.values))

    def _with_rate(self, rate: float, hook: Callable, *arguments: Any) -> None:
        """Let callbacks see and set the learning rate; later rates scale likewise."""
        optimizer = self._model.optimizer
        if not has_rate_variable(optimizer):
            hook(*arguments)
            return
        planned = np.float32(rate * self.rate_factor)
        optimizer.learning_rate = planned
        hook(*arguments)
        chosen = np.float32(current_learning_rate(optimizer))
        if chosen != planned and rate > 0:
            self.rate_factor = float(chosen) / float(rate)

    def _show(self, state: TrainState) -> None:
        """Put the values of a state into the model."""
        for variable, value in zip(self._variables(), state.values, strict=True):
            variable.assign(value)

    def _taken(self, state: TrainState) -> TrainState:
        """Return a state with the values in the model, which goes on changing."""
        return state.with_values(copies(self._variables()))

    def _variables(self) -> list[Any]:
        """Return the model's variables in the order of a state's values."""
        return variables_of(self._model) + self._model.optimizer.variables


def _listen(callbacks: list[Any], hooks: tuple[str, ...]) -> bool:
    """Whether a callback overrides any of these methods of Keras's base class."""
    if not callbacks:
        return False
    import keras

    base = keras.callbacks.Callback
    return any(
        hook in vars(callback)
        or getattr(type(callback), hook) is not getattr(base, hook)
        for callback in callbacks
        for hook in hooks
    )


def _make_metrics(model: Any) -> None:
    """Let a model make its metrics, as Keras does when it first computes them.

    Callbacks ask the metrics whether what they monitor is maximized or minimized.
    """
    n_classes = model.output_shape[-1]
    model.compute_metrics(
        x=None,
        y=np.zeros(1, np.int32),
        y_pred=np.ones((1, n_classes), np.float32),
        sample_weight=None,
    )
    model.reset_metrics()


def _callback_list(
    callbacks: list[Any], model: Any, epochs: int, steps: int, verbose: int
) -> Any:
    """Return Keras's list of callbacks, which sets their model and `params`."""
    import keras

    return keras.callbacks.CallbackList(
        callbacks,
        add_history=True,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps,
    )
