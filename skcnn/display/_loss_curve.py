"""Loss and accuracy over the epochs of a training."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcnn.display._images import two_axes_in_place_of
from skcnn.display._texts import BLUE, VERMILION, color_on, size_in_points

# Axes with a height of fewer points have the legend below them, by so many inches: the
# ticks and the label of the axis are in between.
LOW_AXES = 130
BELOW_AXES = 0.5

# What is measured on which images: the prefix in the history, the word, the color.
PARTS = (("", "training", BLUE), ("val_", "validation", VERMILION))

# Curves with more epochs have no markers, because the markers would overlap.
MOST_MARKERS = 30


class LossCurveDisplay:
    """Loss and accuracy over the epochs of a training.

    It is recommended to use :meth:`from_estimator` to create a `LossCurveDisplay`. All
    parameters are stored as attributes.

    Curves show how loss and accuracy change from epoch to epoch. A training of one
    epoch has no curve: its values are drawn as bars.

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
        The curves, under their names in `history`. Empty after one epoch.
    bars_ : dict of str to matplotlib BarContainer
        The bars of a training of one epoch, under their names in `history`. Empty after
        several epochs.

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

        if ax is None:
            figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
        else:
            figure = ax.figure
            axes = two_axes_in_place_of(ax)
        self.lines_: dict[str, Any] = {}
        self.bars_: dict[str, Any] = {}
        draw = self._draw_bars if len(self.history["loss"]) == 1 else self._draw_curves
        for axis, quantity in zip(axes, ("loss", "accuracy"), strict=True):
            draw(axis, quantity)
            axis.set_title(quantity)
            axis.spines[["top", "right"]].set_visible(False)
        if self.best_epoch is not None and self.lines_:
            self._draw_legend(axes[-1])
        self.axes_ = axes
        self.figure_ = figure
        return self

    def _draw_legend(self, ax: Any) -> None:
        """Say which line is which: below low axes, whose lines leave no room inside."""
        style: dict[str, Any] = {"frameon": False, "fontsize": "small"}
        is_low = size_in_points(ax)[1] < LOW_AXES
        if is_low and ax.figure.get_layout_engine() is not None:
            from matplotlib.transforms import ScaledTranslation

            down = ScaledTranslation(0, -BELOW_AXES, ax.figure.dpi_scale_trans)
            style |= {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "ncols": 2}
            style |= {"bbox_transform": ax.transAxes + down, "columnspacing": 1}
            style |= {"handlelength": 1.2, "borderaxespad": 0}
        ax.legend(**style)

    def _draw_curves(self, ax: Any, quantity: str) -> None:
        """Draw loss or accuracy over the epochs."""
        from matplotlib.ticker import MaxNLocator

        for prefix, label, color in PARTS:
            name = prefix + quantity
            values = self.history.get(name)
            if values is None:
                continue
            (self.lines_[name],) = ax.plot(
                np.arange(1, len(values) + 1),
                values,
                color=color_on(ax, color),
                marker="o" if len(values) <= MOST_MARKERS else None,
                markersize=4,
                label=label,
            )
        if self.best_epoch is not None:
            best = self.history["val_accuracy"][self.best_epoch - 1]
            label = f"best epoch: {self.best_epoch} ({best:.1%})"
            ax.axvline(self.best_epoch, color="0.5", linestyle=":", label=label)
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))

    def _draw_bars(self, ax: Any, quantity: str) -> None:
        """Draw loss or accuracy after the only epoch."""
        for prefix, label, color in PARTS:
            name = prefix + quantity
            if name in self.history:
                bars = ax.barh(
                    [label], self.history[name], color=color_on(ax, color), height=0.6
                )
                written = "{:.3g}" if quantity == "loss" else "{:.1%}"
                ax.bar_label(bars, fmt=written, padding=2)
                self.bars_[name] = bars
        ax.invert_yaxis()
        ax.set_xlabel("after 1 epoch")
        ax.margins(x=0.2, y=0.3)
