"""Precision, recall and F1 score of each class as a heat map."""

from typing import Any, Self

import numpy as np
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from skcnn._messages.wording import counted
from skcnn.display._images import check_positive, names_of_labels
from skcnn.display._texts import (
    POINTS_PER_INCH,
    at_most,
    color_on_map,
    size_in_points,
    text_width,
    wrapped,
)

METRICS = ("precision", "recall", "F1 score")

# Sizes in points, the largest first that fits.
FONT_SIZES = (9, 8, 7, 6)
TITLE_SIZE = 10
LINE_HEIGHT = 1.3  # relative to the font size
WIDTH = 6 * POINTS_PER_INCH

# Lines of names are at least as wide as this, relative to the font size.
NARROWEST_NAME = 6

# The part of the width that names of classes may have, and the height of title and
# axis labels in lines.
PART_OF_NAMES = 0.35
LINES_OF_FRAME = 6


class ClassReportDisplay:
    """Precision, recall and F1 score of each class as a heat map.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions` to
    create a `ClassReportDisplay`. All parameters are stored as attributes.

    The classes are sorted by their F1 score, the worst one first. The last column has
    the number of images of each class. On small axes, fewer classes are drawn, so that
    texts are legible.

    Parameters
    ----------
    scores : array-like of shape (n_classes, 3)
        Precision, recall and F1 score of each class, NaN where one is undefined.
    support : array-like of shape (n_classes,) of int
        Number of images of each class.
    class_names : list of str
        Names of the classes.
    accuracy : float
        Accuracy on all images.
    max_classes : int, default=25
        Number of classes to draw at most.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the heat map.
    figure_ : matplotlib Figure
        Figure containing it.

    See Also
    --------
    sklearn.metrics.classification_report : The same numbers as text.
    sklearn.metrics.ConfusionMatrixDisplay : How often each class is taken for another.
    ConfusedPairsDisplay : The pairs of classes that are confused most often.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcnn.display import ClassReportDisplay
    >>> y_true = ["cat", "cat", "dog", "dog", "owl"]
    >>> y_pred = ["cat", "dog", "dog", "dog", "owl"]
    >>> display = ClassReportDisplay.from_predictions(y_true, y_pred)
    >>> plt.show()
    >>> display.class_names
    ['cat', 'dog', 'owl']
    """

    def __init__(
        self,
        scores: Any,
        support: Any,
        *,
        class_names: list[str],
        accuracy: float,
        max_classes: int = 25,
    ):
        self.scores = scores
        self.support = support
        self.class_names = class_names
        self.accuracy = accuracy
        self.max_classes = max_classes

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        display_labels: Any = None,
        max_classes: int = 25,
        ax: Any = None,
    ) -> Self:
        """Draw the report of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier, a pipeline or a search.
        X : array-like of shape (n, ...)
            Images in the form in which the classifier takes them.
        y : array-like of shape (n,)
            Their labels.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the order of the classifier's `classes_`. By
            default the labels themselves are written.
        max_classes : int, default=25
            Number of classes to draw at most.
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : ClassReportDisplay
            Object that stores what was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If labels or names do not fit.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_digits
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skcnn.display import ClassReportDisplay
        >>> X, y = load_digits(return_X_y=True)
        >>> clf = LogisticRegression(max_iter=20).fit(X[:900] / 16, y[:900])
        >>> ClassReportDisplay.from_estimator(clf, X[900:] / 16, y[900:])
        <...>
        >>> plt.show()
        """
        check_is_fitted(estimator)
        check_positive(max_classes, "max_classes")
        return cls.from_predictions(
            y,
            estimator.predict(X),
            labels=estimator.classes_,
            display_labels=display_labels,
            max_classes=max_classes,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_pred: Any,
        *,
        labels: Any = None,
        display_labels: Any = None,
        max_classes: int = 25,
        ax: Any = None,
    ) -> Self:
        """Draw the report of labels and predictions.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            The labels.
        y_pred : array-like of shape (n,)
            The predicted labels, as `predict` and `cross_val_predict` return them.
        labels : array-like of shape (n_classes,), default=None
            The classes; by default the sorted labels in `y_true` or `y_pred`.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the order of `labels`. By default the labels
            themselves are written.
        max_classes : int, default=25
            Number of classes to draw at most.
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : ClassReportDisplay
            Object that stores what was drawn.

        Raises
        ------
        ValueError
            If labels, predictions or names do not fit.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skcnn.display import ClassReportDisplay
        >>> display = ClassReportDisplay.from_predictions([0, 0, 1], [0, 1, 1])
        >>> plt.show()
        >>> display.scores.round(2).tolist()
        [[1.0, 0.5, 0.67], [0.5, 1.0, 0.67]]
        """
        check_positive(max_classes, "max_classes")
        if labels is None:
            labels = unique_labels(y_true, y_pred)
        labels = np.asarray(labels)
        *scores, support = precision_recall_fscore_support(
            y_true, y_pred, labels=labels, zero_division=np.nan
        )
        names = names_of_labels(labels, display_labels)
        return cls(
            np.column_stack(scores),
            support,
            class_names=[names[label] for label in labels],
            accuracy=float(accuracy_score(y_true, y_pred)),
            max_classes=max_classes,
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the heat map.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : ClassReportDisplay
            Object that stores what was drawn.
        """
        import matplotlib.pyplot as plt

        scores = np.asarray(self.scores, float)
        order = np.argsort(scores[:, -1], kind="stable")  # NaN is last
        order = order[: self.max_classes]
        if ax is None:
            width, font = float(WIDTH), FONT_SIZES[0]
            names = self._wrapped_names(order, width, font)
            height = (len(names) * _row_height(names, font)) + LINES_OF_FRAME * font
            size = np.array([width, height + font]) / POINTS_PER_INCH
            _, ax = plt.subplots(figsize=tuple(size), layout="constrained")
        else:
            width, height = size_in_points(ax)
            for font in FONT_SIZES:
                names = self._wrapped_names(order, width, font)
                room = int(height / _row_height(names, font))
                if room >= len(order):
                    break
            order, names = order[: max(room, 1)], names[: max(room, 1)]
        self._draw(ax, scores[order], np.asarray(self.support)[order], names, font)
        beside_names = width - font * max(text_width(name) for name in names)
        lines = wrapped(self._title(len(order)), beside_names / TITLE_SIZE)
        ax.set_title("\n".join(lines), fontsize=TITLE_SIZE, loc="left")
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    def _wrapped_names(self, order: np.ndarray, width: float, font: float) -> list[str]:
        """Return the names of classes as lines that fit beside the heat map."""
        room = max(PART_OF_NAMES * width / font, NARROWEST_NAME)
        return ["\n".join(wrapped(at_most(self.class_names[i]), room)) for i in order]

    def _draw(
        self,
        ax: Any,
        scores: np.ndarray,
        support: np.ndarray,
        names: list[str],
        font: float,
    ) -> None:
        """Draw the rows of some classes."""
        blank = np.full((len(scores), 1), np.nan)  # below the numbers of images
        image = ax.imshow(
            np.hstack([scores, blank]),
            cmap="viridis",
            aspect="auto",
            vmin=min(np.nanmin(scores, initial=1), 0.99),
            vmax=1,
        )
        for (i, j), score in np.ndenumerate(scores):
            text = "-" if np.isnan(score) else f"{score:.1%}"
            color = None if np.isnan(score) else color_on_map(image, score)
            self._write(ax, j, i, text, font, color)
        for i, number in enumerate(support):
            self._write(ax, len(METRICS), i, f"{number:,}", font, None)
        ax.set_xticks(range(len(METRICS) + 1), [*METRICS, "images"], fontsize=font)
        ax.set_yticks(range(len(names)), names, fontsize=font, parse_math=False)
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)

    @staticmethod
    def _write(
        ax: Any, x: float, y: float, text: str, font: float, color: str | None
    ) -> None:
        """Write a number into a cell; without a color, in that of all texts."""
        style = {} if color is None else {"color": color}
        ax.text(x, y, text, size=font, ha="center", va="center", **style)

    def _title(self, shown: int) -> str:
        """Return the accuracy, and which classes are drawn."""
        n = len(self.class_names)
        images = counted(int(np.sum(self.support)), "image")
        title = f"Accuracy {self.accuracy:.1%} on {images}"
        if shown < n:
            title += f"; the {shown} of {n:,} classes with the lowest F1 scores"
        return title


def _row_height(names: list[str], font: float) -> float:
    """Return the height of a row in points."""
    lines = max(name.count("\n") + 1 for name in names)
    return (lines + 0.4) * font * LINE_HEIGHT
