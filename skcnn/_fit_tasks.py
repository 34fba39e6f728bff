"""What scikit-learn's callbacks (`sklearn.callback`) are told about a fit."""

from collections.abc import Callable
from functools import partial

from skcnn._sklearn_private import _check_sample_weight


class FitTasks:
    """A fit as a task of scikit-learn's callback system, with a task for each epoch.

    Parameters
    ----------
    estimator : BaseCNNClassifier
        On which `fit` was called; callbacks know it by identity.
    epochs : int
        Number of epochs planned.
    """

    def __init__(self, estimator, epochs):
        self._estimator = estimator
        self._context = estimator._init_callback_context(max_subtasks=epochs)
        self._data = {}
        self._fitted: Callable = vars

    def describe(self, X, y, sample_weight, rows, fitted):
        """Take down what callbacks may ask for; nothing is copied until one does.

        Parameters
        ----------
        X : ndarray of shape (n, ...)
            All images that `fit` was given.
        y : ndarray of shape (n,)
            Their labels.
        sample_weight : array-like of shape (n,), float or None
            Their weights.
        rows : ndarray of int
            The images that are trained on.
        fitted : callable
            Takes a :class:`~skcnn._state.TrainState` and returns the attributes of the
            classifier as trained to it.
        """
        self._data = {"X": lambda: X[rows], "y": lambda: y[rows]}
        if sample_weight is not None:
            self._data["metadata"] = lambda: {
                "sample_weight": _check_sample_weight(sample_weight, X)[rows]
            }
        self._fitted = fitted

    def begin(self):
        """Say that training begins."""
        self._context.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def begin_epoch(self):
        """Say that an epoch begins."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def end_epoch(self, state):
        """Say that the epoch is over; return whether a callback wants to stop."""
        return self._end(self._epoch, state)

    def end(self, state):
        """Say that training is over."""
        self._end(self._context, state)

    def is_one_of_many(self):
        """Return whether a search or the like, and no mere pipeline, called `fit`."""
        parent = self._context.parent
        while parent is not None:
            if parent.estimator_name != "Pipeline":
                return True
            parent = parent.parent
        return False

    def _end(self, context, state):
        return context.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=partial(self._fitted, state),
            **self._data,
        )
