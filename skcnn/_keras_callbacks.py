"""Keras callbacks in a training loop that is not Keras's own."""

import copy
from collections import deque

import numpy as np

from skcnn._engine import copies
from skcnn._optimizers import current_learning_rate, has_rate_variable

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


def check_callbacks(callbacks):
    """Return Keras callbacks as a list, or raise.

    Parameters
    ----------
    callbacks : keras.callbacks.Callback, list or tuple of them, or None
        As the user gave them.

    Returns
    -------
    list of keras.callbacks.Callback

    Raises
    ------
    ValueError
        If anything in it is no instance of `keras.callbacks.Callback`.
    """
    if callbacks is None:
        return []
    import keras

    several = isinstance(callbacks, (list, tuple))
    entries = list(callbacks) if several else [callbacks]
    for entry in entries:
        if not isinstance(entry, keras.callbacks.Callback):
            raise ValueError(
                f"Got callbacks={callbacks!r}, but expected a "
                f"keras.callbacks.Callback instance or a list of them; {entry!r} is "
                "none."
            )
    return entries


def copy_callbacks(callbacks):
    """Copy callbacks, so that a fit changes none of the user's.

    What a callback writes down stays with its copy: lists, dictionaries, sets, arrays
    and random generators of NumPy are copied to any depth, and so are callbacks inside
    of callbacks. Every other object is shared, because it belongs to somebody else: a
    trial or a run to report to, a progress bar, a lock. A callback that defines
    `__deepcopy__` is copied by that method alone.

    Parameters
    ----------
    callbacks : list of keras.callbacks.Callback
        Left as they are.

    Returns
    -------
    list of keras.callbacks.Callback
    """
    memo: dict[int, object] = {}
    _share_what_belongs_to_others(callbacks, memo, set())
    return copy.deepcopy(callbacks, memo)


def _share_what_belongs_to_others(value, memo: dict[int, object], seen: set) -> None:
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
        _share_what_belongs_to_others(part, memo, seen)


class KerasCallbacks:
    """Shows the user's Keras callbacks a real model, and heeds what they do to it.

    The hooks are called in the order of `keras.Model.fit`, with the same arguments.

    Parameters
    ----------
    classifier : SharedTraceKerasClassifier
        Whose callbacks are copied and run, and whose `model_` they see.
    session : Session
        The training run that weights and the optimizer's values are shown from and
        taken back to.
    epochs : int
        Number of epochs planned.
    steps : int
        Number of batches of an epoch.
    verbose : int
        As the user gave it.
    """

    def __init__(self, classifier, session, epochs, steps, verbose):
        self.callbacks = copy_callbacks(classifier._fit_callbacks)
        self.rate_factor = 1.0
        self.per_batch = self._per_test = self._per_test_batch = False
        self._epochs, self._log = epochs, None
        if not self.callbacks:
            return
        import keras

        self.per_batch = self._listens_to(BATCH_HOOKS)
        self._per_test_batch = self._listens_to(TEST_BATCH_HOOKS)
        self._per_test = self._listens_to(TEST_HOOKS)
        self.session = session
        self.model = classifier.model_
        # Callbacks ask the metrics whether to maximize or to minimize what they
        # monitor; Keras makes the metrics when it first computes them.
        n_classes = self.model.output_shape[-1]
        self.model.compute_metrics(
            x=None,
            y=np.zeros(1, np.int32),
            y_pred=np.ones((1, n_classes), np.float32),
            sample_weight=None,
        )
        self.model.reset_metrics()
        self.model.stop_training = False
        self.list = keras.callbacks.CallbackList(
            self.callbacks,
            add_history=True,
            model=self.model,
            verbose=verbose,
            epochs=epochs,
            steps=steps,
        )

    @property
    def stop(self):
        """Whether a callback has set `stop_training`."""
        return bool(self.callbacks) and bool(self.model.stop_training)

    def begin(self, first):
        """Say that training begins; return the number of the first epoch."""
        if not self.callbacks:
            return first
        self.list.on_train_begin()
        self._take()
        # Set by BackupAndRestore, and heeded by `keras.Model.fit` too.
        restored = getattr(self.model, "_initial_epoch", None) or first
        if restored >= self._epochs:
            raise ValueError(
                f"A callback has restored a training of {restored} epochs, so that "
                f"epochs={self._epochs} leaves none to train. Set epochs to more, or "
                "delete what BackupAndRestore has written."
            )
        return restored

    def begin_epoch(self, epoch, rate):
        if self.callbacks:
            self._with_rate(rate, self.list.on_epoch_begin, epoch)
            self._rate = rate

    def begin_batch(self, batch, rate):
        if self.per_batch:
            self._with_rate(rate, self.list.on_train_batch_begin, batch)

    def end_batch(self, batch, rate, log):
        if self.per_batch:
            self._show()
            self._with_rate(rate, self.list.on_train_batch_end, batch, log)
            self._take()

    def begin_test(self):
        if self._per_test:
            self._show()
            self.list.on_test_begin()
            self._take()

    def test_batches(self, n, batch_size, averages):
        """Tell of the batches that Keras would take, one after another.

        They have been predicted already, in batches of another size; `averages` returns
        what was measured on so many of the `n` images.
        """
        if self._per_test_batch:
            for batch, start in enumerate(range(0, n, batch_size)):
                self.list.on_test_batch_begin(batch)
                log = averages(min(start + batch_size, n))
                self.list.on_test_batch_end(batch, log)

    def end_test(self, log):
        if self._per_test:
            self.list.on_test_end(log)
            self._take()

    def end_epoch(self, epoch, log):
        if self.callbacks:
            self._log = dict(log)
            self._show()
            self._with_rate(self._rate, self.list.on_epoch_end, epoch, dict(log))
            self._take()

    def end(self):
        if self.callbacks:
            self._show()
            self.list.on_train_end(self._log)
            self._take()

    def _listens_to(self, hooks: tuple[str, ...]) -> bool:
        import keras

        base = keras.callbacks.Callback
        return any(
            hook in vars(callback)
            or getattr(type(callback), hook) is not getattr(base, hook)
            for callback in self.callbacks
            for hook in hooks
        )

    def _with_rate(self, rate, hook, *arguments):
        """Let callbacks see and set the learning rate; later rates scale likewise."""
        optimizer = self.model.optimizer
        if not has_rate_variable(optimizer):
            hook(*arguments)
            return
        planned = np.float32(rate * self.rate_factor)
        optimizer.learning_rate = planned
        hook(*arguments)
        chosen = np.float32(current_learning_rate(optimizer))
        if chosen != planned and rate > 0:
            self.rate_factor = float(chosen) / float(rate)

    def _show(self):
        values = [*self.session.weights(), *self.session.optimizer_values()]
        for variable, value in zip(self._variables(), values, strict=True):
            variable.assign(value)

    def _take(self):
        # Copies: the variables go on changing, and these may be the best weights.
        values = copies(self._variables())
        n_weights = len(values) - len(self.model.optimizer.variables)
        self.session.set_weights(values[:n_weights], values[n_weights:])

    def _variables(self):
        model = self.model
        weights = model.trainable_variables + model.non_trainable_weights
        return weights + model.optimizer.variables
