"""Loss and accuracy over the epochs of a training."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

# From the palette of M. Okabe and K. Ito, "Color Universal Design", 2008,
# https://jfly.uni-koeln.de/color/: told apart by every kind of colour vision.
TRAINING_COLOR, VALIDATION_COLOR = "#0072B2", "#D55E00"

# Each epoch of a short training gets a marker; those of a long one would run together.
MOST_MARKERS = 30


class LossCurveDisplay:
    """Loss and accuracy over the epochs of a training.

    It is recommended to use :meth:`from_estimator` to create a `LossCurveDisplay`. All
    parameters are stored as attributes.

    Parameters
    ----------
    history : dict of str to list of float
        One value an epoch under ``"loss"`` and ``"accuracy"`` and, where images were
        held out, under ``"val_loss"`` and ``"val_accuracy"``.

    Attributes
    ----------
    best_epoch : int or None
        The first epoch of the highest validation accuracy, counted from 1; None without
        validation, as the training's own accuracy tells no epoch from a better one.
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Axes with the losses and with the accuracies.
    figure_ : matplotlib Figure
        Figure containing them.
    lines_ : dict of str to matplotlib Line2D
        The curves, by their names in `history`.

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

    def __init__(self, history):
        self.history = history
        scores = history.get("val_accuracy")
        self.best_epoch = None if scores is None else int(np.argmax(scores)) + 1

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw the curves of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier of this package, a pipeline that ends in one, or a
            search whose best estimator is one of these.
        ax : matplotlib Axes, default=None
            Axes whose place the two new ones take. If `None`, a figure is created.

        Returns
        -------
        display : LossCurveDisplay
            Object that stores what was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If there is no classifier of this package in it.

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

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes whose place the two new ones take. If `None`, a figure is created.

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
