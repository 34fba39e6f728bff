"""Which parts of an image a classifier looks at."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcnn._images.containers import array_or_frame
from skcnn.display._image_maps import _ImageMapDisplay, index_of, one_image
from skcnn.display._images import check_positive, names_of_labels

# Number of copies of the image in one call of `predict_proba`.
BATCH = 256

# The default side of the patch is the shorter side of the image divided by this number.
PATCHES_PER_SIDE = 4

# The default step of the patch is its side divided by this number.
STEPS_PER_PATCH = 4


class OcclusionDisplay(_ImageMapDisplay):
    """How much a classifier's probability falls when parts of an image are covered.

    It is recommended to use :meth:`from_estimator` to create an `OcclusionDisplay`. All
    parameters are stored as attributes.

    A patch is moved over the image. The map beside the image shows by how much the
    probability of a class falls when the patch covers a pixel [1]_. Where it falls, the
    classifier sees evidence for the class; where it rises, evidence against the class.

    Parameters
    ----------
    image : ndarray of shape (height, width, channels)
        The image, with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
    importances : ndarray of shape (height, width)
        The loss of probability, averaged over all patches that cover a pixel.
    probability : float
        Probability of the class for the uncovered image.
    label : str
        Name of the class.

    Attributes
    ----------
    axes_ : ndarray of shape (2,) of matplotlib Axes
        Axes with the image and with the map.
    figure_ : matplotlib Figure
        Figure containing the axes.

    See Also
    --------
    MisclassifiedImagesDisplay : Images whose prediction one may want to understand.

    References
    ----------
    .. [1] M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional
       Networks", ECCV 2014, section 4.2; https://arxiv.org/abs/1311.2901

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcnn import MNISTCNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> from skcnn.display import OcclusionDisplay
    >>> X, y = load_digit_images(return_X_y=True)
    >>> clf = MNISTCNNClassifier(epochs=2, random_state=0).fit(X, y)
    >>> OcclusionDisplay.from_estimator(clf, X[:1])
    <...>
    >>> plt.show()
    """

    _map = "importances"
    _values = "probability lost\nwhen covered"

    def __init__(self, image: Any, importances: Any, *, probability: float, label: str):
        self.image = image
        self.importances = importances
        self.probability = probability
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        label: Any = None,
        patch_size: int | None = None,
        stride: int | None = None,
        display_labels: Any = None,
        image_shape: tuple[int, ...] | None = None,
        ax: Any = None,
    ) -> Self:
        """Cover parts of one image and draw how much the probability falls.

        With the default patch and step, the classifier predicts about 170 copies of the
        image.

        Parameters
        ----------
        estimator : estimator
            Fitted classifier with `predict_proba`, a pipeline or a search.
        X : array-like of shape (1, height, width), (1, height, width, channels) or \
                (1, height * width * channels)
            One image in the form in which the classifier takes images, for example
            ``X[i : i + 1]``.
        label : object, default=None
            The class whose probability is measured; by default the predicted class.
        patch_size : int, default=None
            Side of the patch in pixels; by default a quarter of the shorter side of the
            image. The patch has the mean color of the image, the least conspicuous
            color.
        stride : int, default=None
            Step of the patch in pixels; by default a quarter of its side.
        display_labels : array-like of shape (n_classes,), default=None
            Names of the classes, in the order of the classifier's `classes_`. By
            default the labels themselves are written.
        image_shape : tuple of 2 or 3 int, default=None
            Shape of the image in a flat row, see
            :meth:`~skcnn.display.ImageGridDisplay.from_data`.
        ax : matplotlib Axes, default=None
            Axes that two new ones replace. If `None`, a figure is created.

        Returns
        -------
        display : OcclusionDisplay
            Object that stores what was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If `X` is not one image, if there is no such class, or if the patch is
            larger than the image or its size or step not positive.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_digits
        >>> from sklearn.linear_model import LogisticRegression
        >>> from skcnn.display import OcclusionDisplay
        >>> X, y = load_digits(return_X_y=True)
        >>> clf = LogisticRegression(max_iter=200).fit(X, y)
        >>> OcclusionDisplay.from_estimator(clf, X[:1], label=8, patch_size=2)
        <...>
        >>> plt.show()
        """
        check_is_fitted(estimator)
        # The copies with a patch are passed to the classifier in the form of X.
        X = array_or_frame(X, estimator, getattr(estimator, "image_shape_", None))
        images = one_image(X, image_shape)
        image = images[0]
        shorter = min(image.shape[:2])
        if patch_size is None:
            patch_size = max(shorter // PATCHES_PER_SIDE, 1)
        check_positive(patch_size, "patch_size")
        if patch_size > shorter:
            raise ValueError(
                f"Got patch_size={patch_size} for an image of {image.shape[0]} x "
                f"{image.shape[1]} pixels, but the patch has to fit into it."
            )
        if stride is None:
            stride = max(patch_size // STEPS_PER_PATCH, 1)
        check_positive(stride, "stride")
        classes = np.asarray(estimator.classes_)
        uncovered = estimator.predict_proba(X)[0]
        index = index_of(label, classes, uncovered)
        fill = image.mean(axis=(0, 1))
        if image.dtype.kind in "iu":
            fill = np.rint(fill)
        corners = [
            (top, left)
            for top in _starts(image.shape[0], patch_size, stride)
            for left in _starts(image.shape[1], patch_size, stride)
        ]
        losses, covers = np.zeros(image.shape[:2]), np.zeros(image.shape[:2])
        for start in range(0, len(corners), BATCH):
            batch = corners[start : start + BATCH]
            copies = np.repeat(images, len(batch), axis=0)
            for copy, (top, left) in zip(copies, batch, strict=True):
                copy[top : top + patch_size, left : left + patch_size] = fill
            probabilities = estimator.predict_proba(_in_the_form_of(X, copies))[
                :, index
            ]
            for (top, left), probability in zip(batch, probabilities, strict=True):
                patch = np.s_[top : top + patch_size, left : left + patch_size]
                losses[patch] += uncovered[index] - probability
                covers[patch] += 1
        return cls(
            image,
            losses / covers,
            probability=float(uncovered[index]),
            label=names_of_labels(classes, display_labels)[classes[index]],
        ).plot(ax)


def _starts(length: int, size: int, stride: int) -> list[int]:
    """Return where patches start: every `stride` pixels, and at the far end."""
    return sorted({*range(0, length - size + 1, stride), length - size})


def _in_the_form_of(X: Any, images: np.ndarray) -> Any:
    """Return images in the form of X: n-D, flat rows, or a DataFrame."""
    images = images.reshape(len(images), *X.shape[1:])
    if hasattr(X, "columns"):
        return type(X)(images, columns=X.columns)
    return images
