"""The pairs of classes that a classifier confuses most often, with images."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcnn._images.labels import check_probabilities
from skcnn._messages.wording import counted
from skcnn.display._captions import (
    CAPTION_GAP,
    FONT_SIZES,
    GAP,
    LINE_HEIGHT,
    SMALLEST_IMAGE,
    USUAL_IMAGE,
    Measured,
    axes_for,
    draw_image,
    draw_nothing,
    finish,
    headline_height,
    write_headline,
)
from skcnn.display._images import (
    as_images,
    aspect_of,
    check_positive,
    names_of_labels,
    scaled_for_showing,
)
from skcnn.display._texts import BLUE, VERMILION, at_most, color_on

# Width in points of the texts in a figure of its own, and their part of other axes.
USUAL_TEXT, PART_OF_TEXT = 150, 0.38


class ConfusedPairsDisplay:
    """The pairs of classes that a classifier confuses most often, with images.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions` to
    create a `ConfusedPairsDisplay`. All parameters are stored as attributes.

    Each row is a pair of classes: the label in blue, the predicted class in orange, and
    how many images with this label got this prediction. The most confident of these
    mistakes are shown. Cats taken for dogs and dogs taken for cats are two pairs. On
    small axes, fewer pairs and images are drawn, so that names are legible; they are
    never cut.

    Parameters
    ----------
    images : list of ndarray of shape (m_i, height, width, channels)
        The images of each pair, with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
    labels : list of str
        The name of the label of each pair.
    predictions : list of str
        The name of the predicted class of each pair.
    counts : array-like of shape (n_pairs,) of int
        Number of images of each pair.
    totals : array-like of shape (n_pairs,) of int
        Number of all images with the label of the pair, right and wrong.
    n_found : int, default=None
        Number of all pairs, of which these are the first. If None, these are taken for
        all.
    n_samples : int, default=None
        Number of all images. If None, a picture without pairs does not name it.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the pairs.
    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    MisclassifiedImagesDisplay : The most confident mistakes of all classes.
    ClassReportDisplay : Precision, recall and F1 score of each class.
    sklearn.metrics.ConfusionMatrixDisplay : How often each class is taken for another.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_predict
    >>> from skcnn.display import ConfusedPairsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> proba = cross_val_predict(
    ...     LogisticRegression(max_iter=9), X / 16, y, method="predict_proba"
    ... )
    >>> ConfusedPairsDisplay.from_predictions(X, y, proba)
    <...>
    >>> plt.show()
    """

    def __init__(
        self,
        images: list[Any],
        *,
        labels: list[str],
        predictions: list[str],
        counts: Any,
        totals: Any,
        n_found: int | None = None,
        n_samples: int | None = None,
    ):
        self.images = images
        self.labels = labels
        self.predictions = predictions
        self.counts = counts
        self.totals = totals
        self.n_found = n_found
        self.n_samples = n_samples

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        display_labels: Any = None,
        max_pairs: int = 6,
        max_images: int = 6,
        image_shape: tuple[int, ...] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the pairs that a fitted classifier confuses.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier with `predict_proba`, a pipeline or a search.
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images in the form in which the classifier takes them.
        y : array-like of shape (n,)
            Their labels.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the order of the classifier's `classes_`. By
            default the labels themselves are written.
        max_pairs : int, default=6
            Number of pairs to show at most.
        max_images : int, default=6
            Number of images of a pair to show at most.
        image_shape : tuple of 2 or 3 int, default=None
            Shape of the images in flat rows, see
            :meth:`~skcnn.display.ImageGridDisplay.from_data`.
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : ConfusedPairsDisplay
            Object that stores what was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If there are no images, or labels or names do not fit.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_digits
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skcnn.display import ConfusedPairsDisplay
        >>> X, y = load_digits(return_X_y=True)
        >>> clf = LogisticRegression(max_iter=20).fit(X[:900], y[:900])
        >>> ConfusedPairsDisplay.from_estimator(clf, X[900:], y[900:], max_pairs=3)
        <...>
        >>> plt.show()
        """
        check_is_fitted(estimator)
        check_positive(max_pairs, "max_pairs")
        check_positive(max_images, "max_images")
        as_images(X, image_shape)  # refused before predictions are made
        return cls.from_predictions(
            X,
            y,
            estimator.predict_proba(X),
            classes=estimator.classes_,
            display_labels=display_labels,
            max_pairs=max_pairs,
            max_images=max_images,
            image_shape=image_shape,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        y_true: Any,
        y_proba: Any,
        *,
        classes: Any = None,
        display_labels: Any = None,
        max_pairs: int = 6,
        max_images: int = 6,
        image_shape: tuple[int, ...] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the pairs of labels and most probable classes that differ.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images, see :meth:`~skcnn.display.ImageGridDisplay.from_data`.
        y_true : array-like of shape (n,)
            Their labels.
        y_proba : array-like of shape (n, n_classes)
            Predicted probabilities, as `predict_proba` and
            ``cross_val_predict(..., method="predict_proba")`` return them.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns of `y_proba`; by default the sorted labels in
            `y_true`.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the order of `classes`. By default the labels
            themselves are written.
        max_pairs : int, default=6
            Number of pairs to show at most.
        max_images : int, default=6
            Number of images of a pair to show at most.
        image_shape : tuple of 2 or 3 int, default=None
            Shape of the images in flat rows, see
            :meth:`~skcnn.display.ImageGridDisplay.from_data`.
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : ConfusedPairsDisplay
            Object that stores what was drawn.

        Raises
        ------
        ValueError
            If there are no images, or labels, probabilities or names do not fit.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skcnn.display import ConfusedPairsDisplay
        >>> X, y = [[[0, 9]], [[9, 0]], [[5, 5]]], ["right", "left", "right"]
        >>> proba = [[0.1, 0.9], [0.3, 0.7], [0.6, 0.4]]
        >>> display = ConfusedPairsDisplay.from_predictions(X, y, proba)
        >>> list(zip(display.labels, display.predictions))
        [('left', 'right'), ('right', 'left')]
        >>> plt.show()
        """
        check_positive(max_pairs, "max_pairs")
        check_positive(max_images, "max_images")
        images = as_images(X, image_shape)
        _, actual, y_proba, classes = check_probabilities(
            y_true, y_proba, classes, n_samples=len(images)
        )
        names = names_of_labels(classes, display_labels)
        predicted, confidence = y_proba.argmax(axis=1), y_proba.max(axis=1)
        wrong = np.flatnonzero(predicted != actual)
        pairs, counts = np.unique(
            np.column_stack([actual, predicted])[wrong], axis=0, return_counts=True
        )
        order = np.argsort(-counts, kind="stable")[:max_pairs]
        of_pairs = []
        for label, prediction in pairs[order]:
            rows = np.flatnonzero((actual == label) & (predicted == prediction))
            ranked = rows[np.argsort(-confidence[rows], kind="stable")]
            of_pairs.append(images[ranked[:max_images]])
        return cls(
            of_pairs,
            labels=[names[label] for label in classes[pairs[order, 0]]],
            predictions=[names[label] for label in classes[pairs[order, 1]]],
            counts=counts[order],
            totals=np.bincount(actual, minlength=len(classes))[pairs[order, 0]],
            n_found=len(pairs),
            n_samples=len(images),
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the pairs.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : ConfusedPairsDisplay
            Object that stores what was drawn.
        """
        self.ax_ = self._plot_pairs(ax) if self.images else self._plot_nothing(ax)
        self.figure_ = self.ax_.figure
        return self

    def _plot_nothing(self, ax: Any) -> Any:
        """Say that there is no pair, and return the axes."""
        among = ""
        if self.n_samples is not None:
            among = f" among {counted(self.n_samples, 'image')}"
        return draw_nothing(ax, f"No mistake{among}.")

    def _plot_pairs(self, ax: Any) -> Any:
        """Draw as many pairs as there is room for, and return the axes."""
        rows = scaled_for_showing(self.images)
        aspect = aspect_of(rows[0].shape[1:])
        most = max(len(row) for row in rows)
        captions = Measured([self._caption(i) for i in range(len(rows))])
        n = len(rows)
        size, text = np.zeros(2), USUAL_TEXT
        if ax is None:
            image = USUAL_IMAGE / np.sqrt(aspect)
            row = max(image, captions.height(USUAL_TEXT, FONT_SIZES[0])) + GAP
            size[0] = USUAL_TEXT + most * (image * aspect + GAP)
            size[1] = n * row + headline_height(self._headline(n), size[0])
            ax, size = axes_for(None, size)
        else:
            ax, size = axes_for(ax, size)
            text = min(text, PART_OF_TEXT * size[0])
        top = headline_height(self._headline(n), size[0])
        least = SMALLEST_IMAGE / np.sqrt(aspect)
        for font in FONT_SIZES:
            shown = n
            row = (size[1] - top) / n
            needed = max(captions.height(text, font), least) + GAP
            if row >= needed:
                break
        else:
            shown = max(min(n, int((size[1] - top) / needed)), 1)
            row = (size[1] - top) / shown
        width = (size[0] - text) / most - GAP
        image = max(min(row - GAP, width / aspect), least)
        columns = max(int((size[0] - text) / (image * aspect + GAP)), 1)
        write_headline(ax, self._headline(shown), size[0])
        for i in range(shown):
            y = top + i * row
            lines = captions.lines(captions.captions[i], text / font)
            for k, (line, color) in enumerate(lines, start=1):
                baseline = y + (k - 0.2) * font * LINE_HEIGHT
                style = {"color": color_on(ax, color)} if color else {}
                ax.text(0, baseline, line, size=font, parse_math=False, **style)
            for j, one in enumerate(rows[i][:columns]):
                left = text + GAP + j * (image * aspect + GAP)
                draw_image(ax, one, left, y + CAPTION_GAP, image)
        finish(ax, size)
        return ax

    def _caption(self, i: int) -> Sequence[tuple[str, str]]:
        """Return the texts of a pair with their colors, "" for that of all texts."""
        count, total = int(self.counts[i]), int(self.totals[i])
        return (
            (f"label: {at_most(self.labels[i])}", BLUE),
            (f"predicted: {at_most(self.predictions[i])}", VERMILION),
            (f"{count:,} of {counted(total, 'image')} ({count / total:.1%})", ""),
        )

    def _headline(self, shown: int) -> str:
        """Return how many pairs there are and in what order they are shown."""
        n = len(self.images) if self.n_found is None else self.n_found
        text = counted(n, "confused pair of classes", "confused pairs of classes")
        if shown < n:
            text = f"{shown:,} of {text}"
        return text + (", the most frequent first" if n > 1 else "")
