"""A fit as a task of scikit-learn's callback system (`sklearn.callback`)."""

import sys
import threading
import warnings
from collections.abc import Callable
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from skcnn._messages.warnings import warn_of
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
        say_once_that_bars_need_widgets()
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


def say_once_that_bars_need_widgets() -> None:
    """In a notebook without ipywidgets, replace the warnings of rich by one.

    rich draws scikit-learn's progress bars. Without ipywidgets it draws none, and warns
    at each refresh: Python forgets that it has shown a warning when filters change, as
    they do in each fit.
    """
    rich = sys.modules.get("rich")
    if (
        rich is None
        or not rich.get_console().is_jupyter
        or find_spec("ipywidgets") is not None
        # The thread that draws scikit-learn's bars.
        or not any(
            type(thread).__name__ == "RichProgressMonitor"
            for thread in threading.enumerate()
        )
    ):
        return
    warnings.filterwarnings("ignore", 'install "ipywidgets" for Jupyter support')
    _warn_that_there_are_no_bars()


@cache  # once in a process
def _warn_that_there_are_no_bars() -> None:
    """Say what to do to see the progress of a fit."""
    warn_of(
        UserWarning(
            "scikit-learn's progress bars are not drawn, because a notebook needs "
            "ipywidgets for them. Install it with pip install ipywidgets, or set "
            "verbose=1 in place of the bars."
        )
    )
