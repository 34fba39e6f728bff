"""Which positions of the last feature maps speak for a class."""

from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcnn._images.containers import array_or_frame
from skcnn.display._image_maps import _ImageMapDisplay, index_of, one_image
from skcnn.display._images import names_of_labels

# Layers that turn feature maps into one row, and those that may follow it: all of them
# together are linear in the feature maps, or in the maxima of these.
ROW_LAYERS = ("GlobalMaxPooling2D", "GlobalAveragePooling2D", "Flatten")
LAYERS_OF_A_LINEAR_END = ("Dropout", "Dense", "Activation", "Softmax")


class ClassActivationDisplay(_ImageMapDisplay):
    """What each position of the last feature maps contributes to the logit of a class.

    It is recommended to use :meth:`from_estimator` to create a
    `ClassActivationDisplay`. All parameters are stored as attributes.

    Behind the last convolution, a network without hidden dense layers computes the
    logit of a class as a weighted sum of feature maps. The class activation map [1]_
    divides this sum by position, so it needs one prediction and no gradients. With
    global max pooling, each feature counts at the position of its maximum. The mean
    over all classes is subtracted: where the map is positive, the image speaks for the
    class more than for the average class.

    The feature maps are smaller than the image, and the map is interpolated. Use
    :class:`OcclusionDisplay` for finer maps, for networks with hidden dense layers
    (the default of :class:`~skcnn.MNISTCNNClassifier`), and for other classifiers.

    Parameters
    ----------
    image : ndarray of shape (height, width, channels)
        The image, with 1 (gray), 3 (RGB) or 4 (RGBA) channels.
    activations : ndarray of shape (height, width)
        The contributions to the logit, interpolated to the size of the image.
    probability : float
        Probability of the class.
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
    OcclusionDisplay : Cover parts of an image and see how much the probability falls.

    References
    ----------
    .. [1] B. Zhou et al., "Learning Deep Features for Discriminative Localization",
       CVPR 2016; https://arxiv.org/abs/1512.04150

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from skcnn import MNISTCNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> from skcnn.display import ClassActivationDisplay
    >>> X, y = load_digit_images(return_X_y=True)
    >>> clf = MNISTCNNClassifier(epochs=2, dense_units=(), random_state=0).fit(X, y)
    >>> ClassActivationDisplay.from_estimator(clf, X[:1])
    <...>
    >>> plt.show()
    """

    _map = "activations"
    _values = "contribution\nto the logit"

    def __init__(self, image: Any, activations: Any, *, probability: float, label: str):
        self.image = image
        self.activations = activations
        self.probability = probability
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        label: Any = None,
        display_labels: Any = None,
        image_shape: tuple[int, ...] | None = None,
        ax: Any = None,
    ) -> Self:
        """Draw the class activation map of one image.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier of skcnn without hidden dense layers
            (``dense_units=()``), a pipeline that ends in one, or a search whose best
            estimator is one of these.
        X : array-like of shape (1, height, width), (1, height, width, channels) or \
                (1, height * width * channels)
            One image in the form in which the classifier takes images, for example
            ``X[i : i + 1]``.
        label : object, default=None
            The class whose logit is divided; by default the predicted class.
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
        display : ClassActivationDisplay
            Object that stores what was drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If the estimator contains no classifier of skcnn.
        ValueError
            If `X` is not one image, if there is no such class, or if the network is not
            linear behind its last feature maps.

        Notes
        -----
        Test-time augmentation changes the probability in the title, and not the map.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from skcnn import CIFARCNNClassifier
        >>> from skcnn.datasets import load_digit_images
        >>> from skcnn.display import ClassActivationDisplay
        >>> X, y = load_digit_images(return_X_y=True)
        >>> clf = CIFARCNNClassifier(filters=8, epochs=2, random_state=0).fit(X, y)
        >>> ClassActivationDisplay.from_estimator(clf, X[:1], label=8)
        <...>
        >>> plt.show()
        """
        check_is_fitted(estimator)
        X = array_or_frame(X, estimator, getattr(estimator, "image_shape_", None))
        image = one_image(X, image_shape)[0]
        probabilities = estimator.predict_proba(X)[0]
        classes = np.asarray(estimator.classes_)
        index = index_of(label, classes, probabilities)
        classifier, inputs = _classifier_and_input(estimator, X)
        maps = contributions(classifier.model_, inputs)
        maps = maps - maps.mean(axis=-1, keepdims=True)
        return cls(
            image,
            _enlarged(maps[..., index], image.shape[:2]),
            probability=float(probabilities[index]),
            label=names_of_labels(classes, display_labels)[classes[index]],
        ).plot(ax)


def row_before_linear_end(model: Any) -> int | None:
    """Return the layer that makes rows of feature maps, if logits are sums of these."""
    kinds = [type(layer).__name__ for layer in model.layers]
    rows = [i for i, kind in enumerate(kinds) if kind in ROW_LAYERS]
    end = kinds[rows[0] + 1 :] if rows else []
    is_linear = (
        type(model).__name__ == "Sequential"
        and len(rows) == 1
        and end.count("Dense") == 1
        and set(end) <= set(LAYERS_OF_A_LINEAR_END)
        and "Activation" not in end[: end.index("Dense")]
    )
    return rows[0] if is_linear else None


def contributions(model: Any, image: np.ndarray) -> np.ndarray:
    """Return what each position contributes to each logit, biases left out.

    The image has shape (1, height, width, channels), the result has shape
    (map height, map width, n_classes).
    """
    layers, row = list(model.layers), row_before_linear_end(model)
    if row is None:
        raise ValueError(
            "A class activation map divides a logit that is a weighted sum of feature "
            "maps, but this network computes its logits in another way, as networks "
            "with hidden dense layers do. Use OcclusionDisplay, or train with "
            "dense_units=()."
        )
    kind = type(layers[row]).__name__
    [dense] = [layer for layer in layers[row:] if type(layer).__name__ == "Dense"]
    weights = np.asarray(dense.get_weights()[0], np.float64)
    # A shorter model of the same layers: `predict` is alike on every backend.
    features = type(model)(layers[:row]).predict(image, verbose=0)[0].astype(np.float64)
    if kind == "Flatten":
        weights = weights.reshape(*features.shape, -1)
        return np.einsum("hwc,hwck->hwk", features, weights)
    if kind == "GlobalAveragePooling2D":
        return features @ weights / features[..., 0].size
    flat = features.reshape(-1, features.shape[-1])
    result = np.zeros((len(flat), weights.shape[-1]))
    np.add.at(result, flat.argmax(axis=0), flat.max(axis=0)[:, None] * weights)
    return result.reshape(*features.shape[:2], -1)


def _classifier_and_input(estimator: Any, X: Any) -> tuple[Any, np.ndarray]:
    """Return the classifier inside an estimator, and the image as it reaches this."""
    inner = estimator
    while not hasattr(inner, "model_"):
        if hasattr(inner, "best_estimator_"):
            inner = inner.best_estimator_
        elif hasattr(inner, "steps"):
            if len(inner.steps) > 1:
                X = inner[:-1].transform(X)
            inner = inner.steps[-1][1]
        else:
            raise TypeError(
                f"Got {type(estimator).__name__} without a network: expected a "
                "classifier of skcnn, a pipeline that ends in one, or a search over "
                "these with refit=True."
            )
    return inner, np.asarray(X, np.float32).reshape(1, *inner.image_shape_)


def _enlarged(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return a map interpolated to the size of an image."""
    from scipy.ndimage import zoom

    factors = np.divide(size, values.shape)
    return zoom(values, factors, order=1, mode="nearest", grid_mode=True)
