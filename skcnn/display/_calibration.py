"""How often a classifier is right, by how sure it is."""

from itertools import pairwise
from typing import Any, Self

import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.utils.validation import check_is_fitted

from skcnn._images.labels import check_probabilities
from skcnn.display._images import axes_in_place_of, check_positive
from skcnn.display._texts import (
    BLUE,
    color_on,
    size_in_points,
    text_width,
    wrapped,
)

# Heights of the curve and of the histogram below it.
HEIGHTS = (3, 1)

LINE_HEIGHT = 1.3

# The layout, which is computed when a figure is drawn, may make axes this much smaller.
ROOM = 1.3


class TopLabelCalibrationDisplay:
    """How often a classifier is right, by how sure it is of its prediction.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions` to
    create a `TopLabelCalibrationDisplay`. All parameters are stored as attributes.

    For each image, only the predicted class and its probability (the confidence)
    count. The curve shows which fraction of the images is classified correctly, against
    their mean confidence. On the diagonal, a classifier that is 80% sure is right in
    80% of the cases. Above the diagonal, it is right more often than it says; below,
    less often. The histogram shows how many images there are at each confidence.

    :class:`sklearn.calibration.CalibrationDisplay` draws such a curve for one class
    against all others, so it needs a picture for each class.

    Parameters
    ----------
    prob_true : ndarray of shape (n_points,)
        The fraction of correct predictions in each bin that is not empty.
    prob_pred : ndarray of shape (n_points,)
        The mean confidence in each of these bins.
    confidences : ndarray of shape (n,)
        The confidence of each prediction.
    accuracy : float
        The fraction of correct predictions.

    Attributes
    ----------
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Axes with the curve and with the histogram.
    figure_ : matplotlib Figure
        Figure containing the axes.
    line_ : matplotlib Line2D
        The curve.

    See Also
    --------
    sklearn.calibration.CalibratedClassifierCV : Calibrate a classifier.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_predict
    >>> from skcnn.display import TopLabelCalibrationDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> clf = LogisticRegression(max_iter=9)
    >>> proba = cross_val_predict(clf, X / 16, y, method="predict_proba")
    >>> TopLabelCalibrationDisplay.from_predictions(y, proba)
    <...>
    >>> plt.show()
    """

    def __init__(
        self, prob_true: Any, prob_pred: Any, *, confidences: Any, accuracy: float
    ):
        self.prob_true = prob_true
        self.prob_pred = prob_pred
        self.confidences = confidences
        self.accuracy = accuracy

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        n_bins: int = 10,
        strategy: str = "uniform",
        ax: Any = None,
    ) -> Self:
        """Draw the curve of a fitted classifier.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier with `predict_proba`, a pipeline or a search.
        X : array-like of shape (n, ...)
            Images on which the classifier was not trained.
        y : array-like of shape (n,)
            Their labels.
        n_bins : int, default=10
            Number of bins of confidence.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or with equally many images each.
        ax : matplotlib Axes, default=None
            Axes that two new ones replace. If `None`, a figure is created.

        Returns
        -------
        display : TopLabelCalibrationDisplay
            Object that stores what was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If labels, `n_bins` or `strategy` do not fit.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_digits
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skcnn.display import TopLabelCalibrationDisplay
        >>> X, y = load_digits(return_X_y=True)
        >>> clf = LogisticRegression(max_iter=20).fit(X[:900] / 16, y[:900])
        >>> TopLabelCalibrationDisplay.from_estimator(clf, X[900:] / 16, y[900:])
        <...>
        >>> plt.show()
        """
        check_is_fitted(estimator)
        return cls.from_predictions(
            y,
            estimator.predict_proba(X),
            classes=estimator.classes_,
            n_bins=n_bins,
            strategy=strategy,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        y_true: Any,
        y_proba: Any,
        *,
        classes: Any = None,
        n_bins: int = 10,
        strategy: str = "uniform",
        ax: Any = None,
    ) -> Self:
        """Draw the curve of predicted probabilities.

        Parameters
        ----------
        y_true : array-like of shape (n,)
            The labels.
        y_proba : array-like of shape (n, n_classes)
            Predicted probabilities, as `predict_proba` and
            ``cross_val_predict(..., method="predict_proba")`` return them.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns of `y_proba`; by default the sorted labels in
            `y_true`.
        n_bins : int, default=10
            Number of bins of confidence.
        strategy : {"uniform", "quantile"}, default="uniform"
            Bins of equal width, or with equally many images each.
        ax : matplotlib Axes, default=None
            Axes that two new ones replace. If `None`, a figure is created.

        Returns
        -------
        display : TopLabelCalibrationDisplay
            Object that stores what was drawn.

        Raises
        ------
        ValueError
            If labels, probabilities, `n_bins` or `strategy` do not fit.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skcnn.display import TopLabelCalibrationDisplay
        >>> proba = [[0.9, 0.1], [0.2, 0.8], [0.7, 0.3], [0.4, 0.6]]
        >>> display = TopLabelCalibrationDisplay.from_predictions([0, 1, 1, 1], proba)
        >>> plt.show()
        >>> display.accuracy
        0.75
        """
        check_positive(n_bins, "n_bins")
        _, class_indices, y_proba, _ = check_probabilities(y_true, y_proba, classes)
        # The probabilities of an image may sum to a little more than 1.
        confidences = y_proba.max(axis=1).clip(max=1)
        correct = y_proba.argmax(axis=1) == class_indices
        prob_true, prob_pred = calibration_curve(
            correct, confidences, pos_label=True, n_bins=n_bins, strategy=strategy
        )
        return cls(
            prob_true,
            prob_pred,
            confidences=confidences,
            accuracy=float(correct.mean()),
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the curve and the histogram.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes that two new ones replace. If `None`, a figure is created.

        Returns
        -------
        display : TopLabelCalibrationDisplay
            Object that stores what was drawn.
        """
        import matplotlib.pyplot as plt
        from matplotlib.font_manager import FontProperties

        if ax is None:
            ax = plt.subplots(figsize=(4.5, 5.5), layout="constrained")[1]
        width = size_in_points(ax)[0]
        curve, histogram = axes_in_place_of(ax, 2, 1, height_ratios=HEIGHTS)
        confidences = np.asarray(self.confidences)
        curve.plot([0, 1], [0, 1], color="0.5", linestyle=":")
        color = color_on(curve, BLUE)
        (self.line_,) = curve.plot(
            self.prob_pred, self.prob_true, color=color, marker="o", markersize=4
        )
        for x, y, text in (
            (0.03, 0.96, "right more often\nthan it says"),
            (0.97, 0.04, "right less often\nthan it says"),
        ):
            self._write_beside_curve(curve, x, y, text)
        title = f"Accuracy {self.accuracy:.1%}, "
        title += f"mean confidence {confidences.mean():.1%}"
        lines = wrapped(title, width / FontProperties(size="medium").get_size())
        curve.set_title("\n".join(lines), fontsize="medium")
        histogram.hist(confidences, bins=20, range=(0, 1), color=color)
        histogram.set(xlabel="confidence", ylabel="images", xlim=curve.get_xlim())
        curve.set(ylabel="correct predictions", xticklabels=[])
        for one in (curve, histogram):
            one.spines[["top", "right"]].set_visible(False)
        self.axes_ = np.array([curve, histogram])
        self.figure_ = curve.figure
        return self

    def _write_beside_curve(self, ax: Any, x: float, y: float, text: str) -> None:
        """Write a text into a corner of the axes, unless the curve is there."""
        from matplotlib.font_manager import FontProperties

        is_left = x < 0.5
        font = FontProperties(size="small").get_size()
        height = LINE_HEIGHT * font * (text.count("\n") + 1)
        # The ticks and titles of axes that were just made take some of their height.
        size = np.array([text_width(text) * font, height]) / size_in_points(ax) * ROOM
        path = np.column_stack([self.prob_pred, self.prob_true]).astype(float)
        steps = np.linspace(0, 1, 101)[:, None]
        between = [a + (b - a) * steps for a, b in pairwise(path)]
        ax.autoscale_view()
        points = ax.transLimits.transform(np.concatenate([path, *between]))
        if is_left:
            points = 1 - points
        # Measured from the corner of the text.
        if ((1 - points[:, 0] < size[0]) & (points[:, 1] < size[1])).any():
            return
        vertical = "top" if is_left else "bottom"
        style = {"size": "small", "color": "0.5", "va": vertical}
        style["ha"] = "left" if is_left else "right"
        ax.text(x, y, text, transform=ax.transAxes, **style)
