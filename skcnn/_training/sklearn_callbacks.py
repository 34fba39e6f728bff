"""A fit as a task of scikit-learn's callback system (`sklearn.callback`)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from skcnn._training.state import TrainState


class FitTasks:
    """Notifies scikit-learn's callbacks at the start and end of a fit and its epochs.

    Parameters
    ----------
    estimator : BaseCNNClassifier
        The classifier on which `fit` was called; callbacks know it by identity.
    context : sklearn.callback.CallbackContext
        The context of the fit. It may have been made before the number of epochs was
        known.
    epochs : int
        Number of epochs planned.
    X : ndarray of shape (n, ...)
        All images that `fit` was given.
    y : ndarray of shape (n,)
        Their labels.
    sample_weight : array-like of shape (n,), float or None
        Their weights.
    rows : ndarray of int
        The images that are trained on.
    attributes : callable
        Takes a :class:`~skcnn._training.state.TrainState` and returns the attributes of
        the classifier as trained to it.
    """

    def __init__(
        self,
        estimator: Any,
        context: Any,
        epochs: int,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: Any,
        rows: np.ndarray,
        attributes: Callable[[TrainState], dict[str, Any]],
    ) -> None:
        self._estimator, self._context = estimator, context
        context.max_subtasks = epochs
        # Functions, so that nothing is copied until a callback asks for it.
        self._data: dict[str, Callable] = {"X": lambda: X[rows], "y": lambda: y[rows]}
        if sample_weight is not None:
            weights = np.asarray(sample_weight, dtype=np.float64)
            self._data["metadata"] = lambda: {
                "sample_weight": np.broadcast_to(weights, len(X))[rows]
            }
        self._attributes = attributes

    def begin(self) -> None:
        """Say that training begins."""
        self._context.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def begin_epoch(self) -> None:
        """Say that an epoch begins."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def end_epoch(self, state: TrainState) -> bool:
        """Say that the epoch is over; return whether a callback wants to stop."""
        return self._end(self._epoch, state)

    def end(self, state: TrainState) -> None:
        """Say that training is over."""
        self._end(self._context, state)

    def is_one_of_many(self) -> bool:
        """Whether `fit` was called by a search or the like, and not by a pipeline."""
        parent = self._context.parent
        while parent is not None:
            if parent.estimator_name != "Pipeline":
                return True
            parent = parent.parent
        return False

    def _end(self, context: Any, state: TrainState) -> bool:
        return context.call_on_fit_task_end(
            estimator=self._estimator,
            reconstruction_attributes=partial(self._attributes, state),
            **self._data,
        )
