"""Images whose label and prediction differ, the most striking first."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcnn._images.labels import check_probabilities
from skcnn._messages.wording import counted
from skcnn.display._captions import (
    Measured,
    axes_for,
    columns_and_size,
    draw_grid,
    draw_nothing,
    headline_height,
)
from skcnn.display._images import (
    as_images,
    check_positive,
    names_of_labels,
    scaled_for_showing,
)
from skcnn.display._texts import BLUE, VERMILION, at_most
from skcnn.inspection import find_label_issues


class _RankedImagesDisplay:
    """Base class of the displays of doubtful images, a grid with two names an image.

    Subclasses define the order of the images, the words for prediction and headline,
    and the text that is shown if there are no such images.
    """

    _prediction: str
    _found: tuple[str, str]
    _ranking: str
    _nothing: str

    def __init__(
        self,
        images: Any,
        *,
        indices: np.ndarray,
        labels: list[str],
        predictions: list[str],
        probabilities: np.ndarray,
        n_found: int | None = None,
        n_samples: int | None = None,
    ):
        self.images = images
        self.indices = indices
        self.labels = labels
        self.predictions = predictions
        self.probabilities = probabilities
        self.n_found = n_found
        self.n_samples = n_samples

    @staticmethod
    def _order(class_indices: np.ndarray, y_proba: np.ndarray) -> np.ndarray:
        """Return the indices of the images to show, the most striking one first."""
        raise NotImplementedError

    @classmethod
    def _draw(
        cls,
        images: np.ndarray,
        y: Any,
        y_proba: Any,
        *,
        classes: Any,
        display_labels: Any,
        max_images: int,
        ax: Any,
    ) -> Self:
        """Draw the first images of the order; the images have been validated."""
        y, class_indices, y_proba, classes = check_probabilities(
            y, y_proba, classes, n_samples=len(images)
        )
        found = cls._order(class_indices, y_proba)
        indices = found[:max_images]
        names = names_of_labels(classes, display_labels)
        best = y_proba.argmax(axis=1)[indices]
        return cls(
            images[indices],
            indices=indices,
            labels=[names[label] for label in y[indices]],
            predictions=[names[label] for label in classes[best]],
            probabilities=y_proba[indices, best],
            n_found=len(found),
            n_samples=len(images),
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
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
        if len(self.images):
            ax = self._plot_images(ax)
        else:
            ax = draw_nothing(ax, self._nothing_found())
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    def _plot_images(self, ax: Any) -> Any:
        """Draw as many of the images as there is room for, and return the axes."""
        [images] = scaled_for_showing([self.images])
        captions = Measured(
            [
                (
                    (f"label: {at_most(label)}", BLUE),
                    (
                        f"{self._prediction}: {at_most(prediction)}, {probability:.0%}",
                        VERMILION,
                    ),
                )
                for label, prediction, probability in zip(
                    self.labels, self.predictions, self.probabilities, strict=True
                )
            ]
        )
        n_columns = None
        size = np.zeros(2)
        if ax is None:
            n_columns, size = columns_and_size(captions, images.shape[1:])
            size[1] += headline_height(self._headline(len(images)), size[0])
        ax, size = axes_for(ax, size)
        draw_grid(ax, size, images, captions, self._headline, n_columns)
        return ax

    def _headline(self, shown: int) -> str:
        """Return how many images there are and in what order they are shown."""
        n = len(self.images) if self.n_found is None else self.n_found
        text = counted(n, *self._found)
        if shown < n:
            text = f"{shown:,} of {text}"
        if self.n_samples is not None:
            text += f" among {counted(self.n_samples, 'image')}"
        return text + (f", {self._ranking} first" if n > 1 else "")

    def _nothing_found(self) -> str:
        """Return the text of a picture without images."""
        if self.n_samples is None:
            return self._nothing
        return f"{self._nothing[:-1]} among {counted(self.n_samples, 'image')}."


class MisclassifiedImagesDisplay(_RankedImagesDisplay):
    """Images that a classifier gets wrong, its most confident mistakes first.

    It is recommended to use :meth:`from_estimator` or :meth:`from_predictions` to
    create a `MisclassifiedImagesDisplay`. All parameters are stored as attributes.

    Above each image stand its label in blue, and the predicted class with its
    probability in orange. The headline says how many mistakes there are. On small axes,
    fewer images are drawn, so that names are legible; they are never cut.

    Parameters
    ----------
    images : ndarray of shape (m, height, width, channels)
        The images, with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
    indices : ndarray of shape (m,) of int
        Indices of the images in the data from which they were chosen.
    labels : list of str
        The names of their labels.
    predictions : list of str
        The names of the predicted classes.
    probabilities : ndarray of shape (m,)
        The probabilities of the predicted classes.
    n_found : int, default=None
        Number of all mistakes, of which `images` are the first. If None, `images`
        are taken for all.
    n_samples : int, default=None
        Number of all images, right and wrong. If None, the headline does not name it.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the images.
    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    LabelIssuesDisplay : Images whose label is more likely wrong than the prediction.
    sklearn.metrics.ConfusionMatrixDisplay : How often each class is taken for another.

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

    _prediction = "predicted"
    _found = ("mistake", "mistakes")
    _ranking = "the most confident"
    _nothing = "No mistake."

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        display_labels: Any = None,
        max_images: int = 25,
        image_shape: tuple[int, ...] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the images that a fitted classifier gets wrong.

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
        max_images : int, default=25
            Number of images to show at most.
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
        check_positive(max_images, "max_images")
        return cls._draw(
            as_images(X, image_shape),
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
        X: Any,
        y_true: Any,
        y_proba: Any,
        *,
        classes: Any = None,
        display_labels: Any = None,
        max_images: int = 25,
        image_shape: tuple[int, ...] | None = None,
        ax: Any = None,
    ) -> Self:
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
            Number of images to show at most.
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
        check_positive(max_images, "max_images")
        return cls._draw(
            as_images(X, image_shape),
            y_true,
            y_proba,
            classes=classes,
            display_labels=display_labels,
            max_images=max_images,
            ax=ax,
        )

    @staticmethod
    def _order(class_indices: np.ndarray, y_proba: np.ndarray) -> np.ndarray:
        """Return the indices of the mistakes, the most confident one first."""
        order = np.argsort(-y_proba.max(axis=1), kind="stable")
        return order[y_proba.argmax(axis=1)[order] != class_indices[order]]


class LabelIssuesDisplay(_RankedImagesDisplay):
    """Images whose labels a cross-validated classifier doubts, the worst first.

    It is recommended to use :meth:`from_predictions` to create a `LabelIssuesDisplay`.
    All parameters are stored as attributes.

    Above each image stand its label in blue, and the suggested label with its
    probability in orange. The headline says how many doubtful labels there are. On
    small axes, fewer images are drawn, so that names are legible; they are never cut.

    Parameters
    ----------
    images : ndarray of shape (m, height, width, channels)
        The images, with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
    indices : ndarray of shape (m,) of int
        Indices of the images in the data from which they were chosen.
    labels : list of str
        The names of their labels.
    predictions : list of str
        The names of the suggested labels.
    probabilities : ndarray of shape (m,)
        The probabilities of the suggested labels.
    n_found : int, default=None
        Number of all doubtful labels, of which `images` are the first. If None,
        `images` are taken for all.
    n_samples : int, default=None
        Number of all images, right and wrong. If None, the headline does not name it.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the images.
    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    skcnn.inspection.find_label_issues : Find the indices of these images.
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

    _prediction = "suggested"
    _found = ("doubtful label", "doubtful labels")
    _ranking = "the most doubtful"
    _nothing = "No doubtful label."

    @classmethod
    def from_predictions(
        cls,
        X: Any,
        y: Any,
        y_proba: Any,
        *,
        classes: Any = None,
        display_labels: Any = None,
        max_images: int = 25,
        image_shape: tuple[int, ...] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the images that `find_label_issues` finds.

        Parameters
        ----------
        X : array-like of shape (n, height, width), (n, height, width, channels) or \
                (n, height * width * channels)
            Images, see :meth:`~skcnn.display.ImageGridDisplay.from_data`.
        y : array-like of shape (n,)
            Their labels, which may be wrong.
        y_proba : array-like of shape (n, n_classes)
            Probabilities predicted out of sample, by
            ``cross_val_predict(..., method="predict_proba")``.
        classes : array-like of shape (n_classes,), default=None
            Labels of the columns of `y_proba`; by default the sorted labels in `y`.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the order of `classes`. By default the labels
            themselves are written.
        max_images : int, default=25
            Number of images to show at most.
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
        check_positive(max_images, "max_images")
        return cls._draw(
            as_images(X, image_shape),
            y,
            y_proba,
            classes=classes,
            display_labels=display_labels,
            max_images=max_images,
            ax=ax,
        )

    @staticmethod
    def _order(class_indices: np.ndarray, y_proba: np.ndarray) -> np.ndarray:
        """Return the indices of the label issues, the most doubtful one first."""
        every_class = np.arange(y_proba.shape[1])
        return find_label_issues(class_indices, y_proba, classes=every_class)
