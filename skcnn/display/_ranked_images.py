"""Images whose label and prediction differ, the most striking first."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcnn._targets import check_probabilities
from skcnn.display._image_grid import (
    TITLE_HEIGHT,
    ImageGridDisplay,
    _as_images,
    _aspect,
    _check_positive,
    _names_of,
)
from skcnn.inspection import find_label_issues

CAPTION_INCHES = 3


class _RankedImagesDisplay:
    """What the displays of doubtful images share: a grid with two names an image.

    Subclasses say what the order is and what to write if there is no such image.
    """

    _caption: str
    _nothing: str

    def __init__(self, images, *, indices, labels, predictions, probabilities):
        self.images = images
        self.indices = indices
        self.labels = labels
        self.predictions = predictions
        self.probabilities = probabilities

    @classmethod
    def _of(cls, images, y, y_proba, order, classes, display_labels, max_images):
        """Store the first images of an order."""
        indices = order[:max_images]
        images = images[indices]
        names = _names_of(classes, display_labels)
        best = y_proba.argmax(axis=1)[indices]
        return cls(
            images,
            indices=indices,
            labels=[names[label] for label in y[indices]],
            predictions=[names[classes[code]] for code in best],
            probabilities=y_proba[indices, best],
        )

    def plot(self, ax=None):
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : object of the same class
            Object that stores what was drawn.
        """
        import matplotlib.pyplot as plt

        if len(self.images):
            n_columns = self._n_columns(ax)
            titles = [
                f"{label}\n→ {probability:.0%} {prediction}"
                for label, prediction, probability in zip(
                    self.labels, self.predictions, self.probabilities, strict=True
                )
            ]
            starts = range(0, len(self.images), n_columns)
            grid = ImageGridDisplay(
                [self.images[i : i + n_columns] for i in starts],
                titles=[titles[i : i + n_columns] for i in starts],
            ).plot(ax)
            if ax is None:  # the caption is wider than one image
                figure = grid.figure_
                figure.set_figwidth(max(figure.get_figwidth(), CAPTION_INCHES))
            ax = grid.ax_
            ax.set_xlabel(self._caption, fontsize="small")
        else:
            if ax is None:
                _, ax = plt.subplots(figsize=(4, 1), layout="constrained")
            ax.text(0.5, 0.5, self._nothing, ha="center", va="center", wrap=True)
            ax.set_axis_off()
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    def _n_columns(self, ax):
        """Return how many columns make a grid of the shape of the axes, or a square."""
        ratio = 1.0
        if ax is not None:
            box = ax.get_window_extent()
            ratio = box.width / box.height
        row = (1 + 2 * TITLE_HEIGHT) / _aspect(self.images.shape[1:])
        n_columns = np.ceil(np.sqrt(len(self.images) * row * ratio))
        return int(min(n_columns, len(self.images)))


class MisclassifiedImagesDisplay(_RankedImagesDisplay):
    """Images that a classifier gets wrong, its most confident mistakes first.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions` to
    create a `MisclassifiedImagesDisplay`. All parameters are stored as attributes.

    Above each image stands its label and, behind the arrow, what the classifier takes
    it for, after the probability it gives to that.

    Parameters
    ----------
    images : ndarray of shape (m, height, width, channels)
        The images, with 1 (grey), 3 (RGB) or 4 (RGBA) channels.
    indices : ndarray of shape (m,) of int
        Their places in the data that they were chosen from.
    labels : list of str
        The names of their labels.
    predictions : list of str
        The names of what was predicted.
    probabilities : ndarray of shape (m,)
        The probabilities of what was predicted.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the images.
    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    LabelIssuesDisplay : Images whose labels are more likely wrong than the classifier.
    sklearn.metrics.ConfusionMatrixDisplay : How often which classes are confused.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_predict
    >>> from skcnn.display import MisclassifiedImagesDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> proba = cross_val_predict(
    ...     LogisticRegression(max_iter=9), X / 16, y, method="predict_proba"
    ... )
    >>> MisclassifiedImagesDisplay.from_predictions(X, y, proba)
    <...>
    >>> plt.show()
    """

    _caption = "label → probability of the prediction"
    _nothing = "No image is misclassified."

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        display_labels=None,
        max_images=25,
        image_shape=None,
        ax=None,
    ):
        """Draw the images that a fitted classifier gets wrong.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier with `predict_proba`, a pipeline or a search.
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images as the classifier takes them.
        y : array-like of shape (n,)
            Their labels.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the order of the classifier's `classes_`. By
            default the labels themselves are written.
        max_images : int, default=25
            How many images to show at most.
        image_shape : tuple of 2 or 3 int, default=None
            Shape of the images in flat rows, see
            :meth:`~skcnn.display.ImageGridDisplay.from_data`.
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : MisclassifiedImagesDisplay
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
        >>> from skcnn import MNISTCNNClassifier
        >>> from skcnn.datasets import load_digit_images
        >>> from skcnn.display import MisclassifiedImagesDisplay
        >>> X, y = load_digit_images(return_X_y=True)
        >>> clf = MNISTCNNClassifier(epochs=1).fit(X[:900], y[:900])
        >>> MisclassifiedImagesDisplay.from_estimator(clf, X[900:], y[900:])
        <...>
        >>> plt.show()
        """
        check_is_fitted(estimator)
        images = _as_images(X, image_shape)
        return cls.from_predictions(
            images,
            y,
            estimator.predict_proba(X),
            classes=estimator.classes_,
            display_labels=display_labels,
            max_images=max_images,
            ax=ax,
        )

    @classmethod
    def from_predictions(
        cls,
        X,
        y_true,
        y_proba,
        *,
        classes=None,
        display_labels=None,
        max_images=25,
        image_shape=None,
        ax=None,
    ):
        """Draw the images whose most probable class is not their label.

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
        max_images : int, default=25
            How many images to show at most.
        image_shape : tuple of 2 or 3 int, default=None
            Shape of the images in flat rows, see
            :meth:`~skcnn.display.ImageGridDisplay.from_data`.
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : MisclassifiedImagesDisplay
            Object that stores what was drawn.

        Raises
        ------
        ValueError
            If there are no images, or labels, probabilities or names do not fit.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skcnn.display import MisclassifiedImagesDisplay
        >>> X, y = [[[0, 9]], [[9, 0]], [[5, 5]]], ["right", "left", "right"]
        >>> proba = [[0.1, 0.9], [0.3, 0.7], [0.6, 0.4]]
        >>> MisclassifiedImagesDisplay.from_predictions(X, y, proba).indices
        array([1, 2])
        >>> plt.show()
        """
        _check_positive(max_images, "max_images")
        images = _as_images(X, image_shape)
        y, codes, y_proba, classes = check_probabilities(
            y_true, y_proba, classes, n_samples=len(images)
        )
        best = y_proba.argmax(axis=1)
        order = np.argsort(-y_proba.max(axis=1), kind="stable")
        order = order[best[order] != codes[order]]
        return cls._of(
            images, y, y_proba, order, classes, display_labels, max_images
        ).plot(ax)


class LabelIssuesDisplay(_RankedImagesDisplay):
    """Images whose labels a cross-validated classifier doubts, the worst first.

    It is recommended to use :meth:`from_predictions` to create a `LabelIssuesDisplay`.
    All parameters are stored as attributes.

    Above each image stands the label that it has and, behind the arrow, the one that
    it may deserve, after the probability that the classifier gives to that.

    Parameters
    ----------
    images : ndarray of shape (m, height, width, channels)
        The images, with 1 (grey), 3 (RGB) or 4 (RGBA) channels.
    indices : ndarray of shape (m,) of int
        Their places in the data that they were chosen from.
    labels : list of str
        The names of the labels that they have.
    predictions : list of str
        The names of the labels that they may deserve.
    probabilities : ndarray of shape (m,)
        The probabilities of the latter.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the images.
    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    skcnn.inspection.find_label_issues : Finds them.
    MisclassifiedImagesDisplay : All images that a classifier gets wrong.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.model_selection import cross_val_predict
    >>> from skcnn.display import LabelIssuesDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> y[:3] = [5, 5, 5]  # they are 0, 1 and 2
    >>> proba = cross_val_predict(
    ...     LogisticRegression(max_iter=50), X / 16, y, method="predict_proba"
    ... )
    >>> display = LabelIssuesDisplay.from_predictions(X, y, proba)
    >>> plt.show()
    >>> {0, 1, 2} <= set(display.indices)
    True
    """

    _caption = "label → probability of the suggestion"
    _nothing = "No label is in doubt."

    @classmethod
    def from_predictions(
        cls,
        X,
        y,
        y_proba,
        *,
        classes=None,
        display_labels=None,
        max_images=25,
        image_shape=None,
        ax=None,
    ):
        """Draw the images that `find_label_issues` finds.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images, see :meth:`~skcnn.display.ImageGridDisplay.from_data`.
        y : array-like of shape (n,)
            The labels that they have.
        y_proba : array-like of shape (n, n_classes)
            Probabilities predicted out of sample, by
            ``cross_val_predict(..., method="predict_proba")``.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns of `y_proba`; by default the sorted labels in `y`.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the order of `classes`. By default the labels
            themselves are written.
        max_images : int, default=25
            How many images to show at most.
        image_shape : tuple of 2 or 3 int, default=None
            Shape of the images in flat rows, see
            :meth:`~skcnn.display.ImageGridDisplay.from_data`.
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure of a fitting size is created.

        Returns
        -------
        display : LabelIssuesDisplay
            Object that stores what was drawn.

        Raises
        ------
        ValueError
            If there are no images, or labels, probabilities or names do not fit.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skcnn.display import LabelIssuesDisplay
        >>> X = [[[0, 9]], [[9, 0]], [[0, 8]], [[8, 0]]]
        >>> y = ["right", "left", "right", "right"]
        >>> proba = [[0.1, 0.9], [0.9, 0.1], [0.2, 0.8], [0.95, 0.05]]
        >>> LabelIssuesDisplay.from_predictions(X, y, proba).indices
        array([3])
        >>> plt.show()
        """
        _check_positive(max_images, "max_images")
        images = _as_images(X, image_shape)
        y, _, y_proba, classes = check_probabilities(
            y, y_proba, classes, n_samples=len(images)
        )
        order = find_label_issues(y, y_proba, classes=classes)
        return cls._of(
            images, y, y_proba, order, classes, display_labels, max_images
        ).plot(ax)
