"""Keras callbacks in a training loop that is not Keras's own."""

import copy

import numpy as np

from skcnn._engine import copies
from skcnn._optimizers import current_learning_rate, has_rate_variable


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
    TypeError
        If anything in it is no instance of `keras.callbacks.Callback`.
    """
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


class KerasCallbacks:
    """Shows the user's Keras callbacks a real model, and heeds what they do to it.

    Parameters
    ----------
    classifier : SharedTraceKerasClassifier
        Whose callbacks are copied and run, and whose `model_` they see.
    session : Session
        The training run that weights are shown from and taken back to.
    epochs : int
        Number of epochs planned.
    """

    def __init__(self, classifier, session, epochs):
        self.callbacks = copy.deepcopy(classifier._fit_callbacks)
        self.rate_factor = 1.0
        self.stop = self.per_batch = False
        if not self.callbacks:
            return
        import keras

        base = keras.callbacks.Callback
        self.per_batch = any(
            hook in vars(callback)
            or getattr(type(callback), hook) is not getattr(base, hook)
            for callback in self.callbacks
            for hook in (
                "on_batch_begin",
                "on_batch_end",
                "on_train_batch_begin",
                "on_train_batch_end",
            )
        )
        self.session = session
        self.model = classifier.model_
        self.model.stop_training = False
        self.list = keras.callbacks.CallbackList(
            self.callbacks, model=self.model, epochs=epochs, verbose=0
        )

    def begin(self):
        if self.callbacks:
            self.list.on_train_begin()
            self._take_weights()

    def begin_epoch(self, epoch, rate):
        if self.callbacks:
            self._with_rate(rate, lambda: self.list.on_epoch_begin(epoch))
            self._rate = rate

    def begin_batch(self, batch):
        if self.per_batch:
            self.list.on_train_batch_begin(batch)

    def end_batch(self, batch, loss):
        if self.per_batch:
            self._show_weights()
            self.list.on_train_batch_end(batch, {"loss": loss})
            self._take_weights()
            self.stop = bool(self.model.stop_training)

    def end_epoch(self, epoch, log):
        if self.callbacks:
            self._show_weights()
            self._with_rate(
                self._rate, lambda: self.list.on_epoch_end(epoch, dict(log))
            )
            self._take_weights()
            self.stop = bool(self.model.stop_training)

    def end(self):
        if self.callbacks:
            self._show_weights()
            self.list.on_train_end()
            self._take_weights()

    def _with_rate(self, rate, hook):
        """Let callbacks see and set the learning rate; later rates scale likewise."""
        optimizer = self.model.optimizer
        if not has_rate_variable(optimizer):
            hook()
            return
        planned = np.float32(rate * self.rate_factor)
        optimizer.learning_rate = planned
        hook()
        chosen = np.float32(current_learning_rate(optimizer))
        if chosen != planned and rate > 0:
            self.rate_factor = float(chosen) / float(rate)

    def _show_weights(self):
        for variable, value in zip(
            self._variables(), self.session.weights(), strict=True
        ):
            variable.assign(value)

    def _take_weights(self):
        # Copies: the variables go on changing, and these may be the best weights.
        self.session.set_weights(copies(self._variables()))

    def _variables(self):
        return self.model.trainable_variables + self.model.non_trainable_weights
