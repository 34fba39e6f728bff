"""Labels as class indices, and weights as one array: the targets of the loss."""

from numbers import Number
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    assert_all_finite,
    check_array,
    check_consistent_length,
    column_or_1d,
)

from skcnn._images.containers import labels_in
from skcnn._messages.wording import listed


def validate_labels(
    estimator: Any, X: np.ndarray, y: Any, name: str = "y"
) -> np.ndarray:
    """Return labels of shape (n,) or (n, 1) as a 1-D array.

    A ValueError is raised if `y` is missing, one-hot encoded, continuous, not finite,
    or not as long as `X`. Messages name the class of `estimator` and call `y` `name`.
    """
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target "
            f"{name} is None."
        )
    y = labels_in(y, name)
    _refuse_one_hot(y, name)
    labels = column_or_1d(y, warn=True)
    if labels.dtype.kind in "fO":
        assert_all_finite(labels, input_name=name)
    check_classification_targets(labels)
    check_consistent_length(X, labels)
    return labels


def encode_labels(
    labels: np.ndarray, classes: np.ndarray, name: str = "y"
) -> np.ndarray:
    """Return the class index of each label, its position in the sorted classes.

    The indices are int32. A label that is not among the classes raises a ValueError.
    """
    unknown = np.setdiff1d(labels, classes)
    if len(unknown):
        raise ValueError(
            f"{name} holds the labels {listed(unknown)}, which are not among the "
            f"classes {listed(classes)}."
        )
    return np.searchsorted(classes, labels).astype(np.int32)


def combine_weights(
    sample_weight: Any,
    class_weight: Any,
    X: np.ndarray,
    classes: np.ndarray,
    class_indices: np.ndarray,
) -> np.ndarray | None:
    """Multiply sample weights by class weights, as float64; None if both are None.

    Weights that are negative, not finite, all zero, or not as long as `X` raise a
    ValueError. The user's `sample_weight` is never written to.
    """
    weights = None
    if sample_weight is not None:
        weights = _weights_of_images(sample_weight, len(X))
    if class_weight is not None:
        present = np.unique(class_indices)
        by_class = np.ones(len(classes))
        if isinstance(class_weight, dict):
            by_class[present] = _weights_of_classes(class_weight, classes[present])
        else:
            by_class[present] = compute_class_weight(
                class_weight, classes=classes[present], y=classes[class_indices]
            )
        if not (np.isfinite(by_class).all() and (by_class >= 0).all()):
            raise ValueError(
                f"Got class_weight={listed(class_weight)}, but weights must be finite "
                "and not negative."
            )
        weights = by_class[class_indices] * (1 if weights is None else weights)
        if not weights.any():
            raise ValueError(
                "All weights are zero after sample_weight and "
                f"class_weight={listed(class_weight)} were multiplied: nothing is left "
                "to train on."
            )
    return weights


def _weights_of_images(sample_weight: Any, n: int) -> np.ndarray:
    """Return a new array of `n` weights, or raise a ValueError."""
    if isinstance(sample_weight, Number):
        sample_weight = np.full(n, sample_weight)
    weights = check_array(
        sample_weight,
        ensure_2d=False,
        dtype=np.float64,
        copy=True,
        input_name="sample_weight",
    )
    if weights.shape != (n,):
        raise ValueError(
            f"Got sample_weight of shape {weights.shape}, but expected one weight for "
            f"each of the {n} images, or one number for all of them."
        )
    if not weights.any():
        raise ValueError(
            "All entries of sample_weight are zero: nothing is left to train on, as "
            "an image of weight 0 counts as absent."
        )
    if weights.min() < 0:
        raise ValueError(
            f"sample_weight holds {weights.min():g}, but weights must not be negative."
        )
    return weights


def _weights_of_classes(class_weight: dict, classes: np.ndarray) -> np.ndarray:
    """Return the weight of each class: 1 if the dictionary does not hold the class.

    scikit-learn's `compute_class_weight` looks up a class such as "0" as an integer.
    """
    labels = classes.tolist()
    missing = [label for label in labels if label not in class_weight]
    # The dictionary may lack classes, or have keys that are no classes, but not both:
    # the keys are then probably of another type than the labels.
    if missing and len(labels) - len(missing) != len(class_weight):
        raise ValueError(
            f"The classes, {listed(missing)}, are not in class_weight, whose keys are "
            f"{listed(list(class_weight))}."
        )
    weights = [class_weight.get(label, 1) for label in labels]
    try:
        return np.array(weights, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"Got class_weight={listed(class_weight)}, but weights must be numbers "
            "that float64 can hold."
        ) from error


def _refuse_one_hot(y: Any, name: str) -> None:
    """Refuse a matrix with a single 1 in each row, and zeros elsewhere."""
    array = np.asarray(y)
    if (
        array.ndim == 2
        and array.shape[1] > 1
        and array.dtype.kind in "biuf"
        and np.isin(array, (0, 1)).all()
        and (array.sum(axis=1) == 1).all()
    ):
        raise ValueError(
            f"{name} of shape {array.shape} is one-hot encoded, but class labels of "
            f"shape ({len(array)},) are expected: write np.argmax({name}, axis=1)."
        )


def check_probabilities(
    y: Any, y_proba: Any, classes: Any, n_samples: int | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return labels and the predicted probabilities that belong to these labels.

    Parameters
    ----------
    y : array-like of shape (n,)
        Labels.
    y_proba : array-like of shape (n, n_classes)
        Probability of each class.
    classes : array-like of shape (n_classes,) or None
        Classes of the columns, in any order; None means the sorted labels in `y`.
    n_samples : int or None
        The number of labels that is required, if any.

    Returns
    -------
    y : ndarray of shape (n,)
        The labels.
    class_indices : ndarray of shape (n,) of int32
        The column of `y_proba` for each label.
    y_proba : ndarray of shape (n, n_classes) of float64
        The probabilities, with columns in the order of the sorted classes.
    classes : ndarray of shape (n_classes,)
        The sorted classes.

    Raises
    ------
    ValueError
        If the arguments do not fit together, or the rows are not probabilities.
    """
    y = column_or_1d(labels_in(y))
    y_proba = check_array(y_proba, dtype=np.float64, input_name="y_proba")
    if n_samples is not None and len(y) != n_samples:
        raise ValueError(f"Got {len(y)} labels for {n_samples} images.")
    if len(y_proba) != len(y):
        raise ValueError(f"Got {len(y_proba)} rows of y_proba for {len(y)} labels.")
    classes = np.unique(y) if classes is None else column_or_1d(classes)
    if y_proba.shape[1] != len(classes):
        raise ValueError(
            f"y_proba has {y_proba.shape[1]} columns for {len(classes)} classes. If a "
            "class has no label in y, pass classes, as in clf.classes_."
        )
    if y_proba.min() < 0 or not np.allclose(y_proba.sum(axis=1), 1, atol=1e-3):
        raise ValueError(
            "The rows of y_proba are not probabilities that add up to 1: pass what "
            "predict_proba returned."
        )
    order = np.argsort(classes)
    classes, y_proba = classes[order], y_proba[:, order]
    return y, encode_labels(y, classes), y_proba, classes
