"""Loss and accuracy over the epochs of a training."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

# From the palette of M. Okabe and K. Ito, "Color Universal Design", 2008,
# https://jfly.uni-koeln.de/color/, which color-blind people can tell apart.
TRAINING_COLOR, VALIDATION_COLOR = "#0072B2", "#D55E00"

# Curves with more epochs have no markers, because the markers would overlap.
MOST_MARKERS = 30


class LossCurveDisplay:
    """Loss and accuracy over the epochs of a training.

    It is recommended to use :meth:`from_estimator` to create a `LossCurveDisplay`. All
    parameters are stored as attributes.

    Parameters
    ----------
    history : dict of str to list of float
        One value for each epoch under ``"loss"`` and ``"accuracy"`` and, if there was
        validation data, under ``"val_loss"`` and ``"val_accuracy"``.

    Attributes
    ----------
    best_epoch : int or None
        The first epoch with the highest validation accuracy, counted from 1. None
        without validation data, because the training accuracy does not show which epoch
        is best.
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Axes with the losses and with the accuracies.
    figure_ : matplotlib Figure
        Figure containing the axes.
    lines_ : dict of str to matplotlib Line2D
        The curves, under their names in `history`.

    See Also
    --------
    LossCurveDisplay.from_estimator : Draw the curves of a fitted classifier.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcnn.display import LossCurveDisplay
    >>> history = {"loss": [0.9, 0.4], "accuracy": [0.7, 0.9]}
    >>> LossCurveDisplay(history).plot()
    <...>
    >>> plt.show()
    """

    def __init__(self, history: dict[str, list[float]]):
        self.history = history
        scores = history.get("val_accuracy")
        self.best_epoch = None if scores is None else int(np.argmax(scores)) + 1

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> Self:
        """Draw the curves of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier of skcnn, a pipeline that ends in one, or a search whose
            best estimator is one of these.
        ax : matplotlib Axes, default=None
            Axes that two new ones replace. If `None`, a figure is created.

        Returns
        -------
        display : LossCurveDisplay
            Object that stores what was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator contains no classifier of skcnn.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skcnn import MNISTCNNClassifier
        >>> from skcnn.datasets import load_digit_images
        >>> from skcnn.display import LossCurveDisplay
        >>> X, y = load_digit_images(return_X_y=True)
        >>> clf = MNISTCNNClassifier(epochs=2, early_stopping=True).fit(X, y)
        >>> LossCurveDisplay.from_estimator(clf)
        <...>
        >>> plt.show()
        """
        check_is_fitted(estimator)
        inner = estimator
        while not hasattr(inner, "history_"):
            if hasattr(inner, "best_estimator_"):
                inner = inner.best_estimator_
            elif hasattr(inner, "steps"):
                inner = inner.steps[-1][1]
            else:
                raise TypeError(
                    f"Got {type(estimator).__name__} without a history of training: "
                    "expected a classifier of skcnn, a pipeline that ends in one, or "
                    "a search over these with refit=True."
                )
        return cls(inner.history_).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes that two new ones replace. If `None`, a figure is created.

        Returns
        -------
        display : LossCurveDisplay
            Object that stores what was drawn.
        """
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
        else:
            figure = ax.figure
            ax.set_axis_off()
            grid = ax.get_subplotspec().subgridspec(1, 2)
            axes = np.array([figure.add_subplot(cell) for cell in grid])
        self.lines_ = {}
        for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
            for prefix, label, color in (
                ("", "training", TRAINING_COLOR),
                ("val_", "validation", VALIDATION_COLOR),
            ):
                name = prefix + quantity
                values = self.history.get(name)
                if values is None:
                    continue
                marker = "o" if len(values) <= MOST_MARKERS else None
                (self.lines_[name],) = axis.plot(
                    np.arange(1, len(values) + 1),
                    values,
                    color=color,
                    marker=marker,
                    markersize=4,
                    label=label,
                )
            if self.best_epoch is not None:
                axis.axvline(
                    self.best_epoch,
                    color="0.4",
                    linestyle=":",
                    label=f"best epoch: {self.best_epoch}",
                )
            axis.set(xlabel="epoch", ylabel=quantity)
            axis.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axis.spines[["top", "right"]].set_visible(False)
        if "val_loss" in self.history:
            axes[-1].legend(frameon=False, fontsize="small")
        self.axes_ = axes
        self.figure_ = figure
        return self
