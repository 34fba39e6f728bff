"""Labels as codes and weights as one array: what the loss works on."""

import numpy as np
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    assert_all_finite,
    check_consistent_length,
    column_or_1d,
)

from skcnn._sklearn_private import _check_sample_weight


def validate_labels(estimator, X, y, name="y"):
    """Return labels as a 1-D array, or say what is wrong with them.

    Parameters
    ----------
    estimator : estimator instance
        Named in messages.
    X : ndarray
        The images that the labels belong to.
    y : array-like of shape (n,) or (n, 1)
        Labels of any kind.
    name : str, default="y"
        Name of the argument in messages.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    ValueError
        If `y` is missing, one-hot encoded, continuous, not finite or of another length.
    """
    if y is None:
        raise ValueError(
            f"{type(estimator).__name__} requires y to be passed, but the target "
            f"{name} is None."
        )
    _refuse_one_hot(y, name)
    labels = column_or_1d(y, warn=True)
    if labels.dtype.kind in "fO":
        assert_all_finite(labels, input_name=name)
    check_classification_targets(labels)
    check_consistent_length(X, labels)
    return labels


def encode_labels(labels, classes, name="y"):
    """Return the position of each label in the sorted classes.

    Parameters
    ----------
    labels : ndarray of shape (n,)
        As returned by :func:`validate_labels`.
    classes : ndarray of shape (n_classes,)
        Sorted classes.
    name : str, default="y"
        Name of the argument in messages.

    Returns
    -------
    ndarray of shape (n,) of int32

    Raises
    ------
    ValueError
        If a label is none of the classes.
    """
    unknown = np.setdiff1d(labels, classes)
    if len(unknown):
        raise ValueError(
            f"{name} holds the labels {unknown.tolist()}, which are not among the "
            f"classes {classes.tolist()}."
        )
    return np.searchsorted(classes, labels).astype(np.int32)


def combine_weights(sample_weight, class_weight, X, classes, codes):
    """Multiply sample weights by class weights.

    Parameters
    ----------
    sample_weight : array-like of shape (n,), float or None
        Weights as the user gave them; never written to.
    class_weight : dict, "balanced" or None
        As in scikit-learn.
    X : ndarray
        The images that the weights belong to.
    classes : ndarray of shape (n_classes,)
        Sorted classes.
    codes : ndarray of shape (n,) of int
        Encoded labels.

    Returns
    -------
    ndarray of shape (n,) of float64 or None
        None if all weights are one.

    Raises
    ------
    ValueError
        If weights are negative, not finite, all zero or of another length.
    """
    weights = None
    if sample_weight is not None:
        weights = _check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True, copy=True
        )
        # scikit-learn looks at arrays only, not at a number for all.
        if not np.isfinite(weights).all():
            raise ValueError(
                f"Got sample_weight={sample_weight!r}, but weights must be finite."
            )
    if class_weight is not None:
        present = np.unique(codes)
        by_class = np.ones(len(classes))
        by_class[present] = compute_class_weight(
            class_weight, classes=classes[present], y=classes[codes]
        )
        if not (np.isfinite(by_class).all() and (by_class >= 0).all()):
            raise ValueError(
                f"Got class_weight={class_weight!r}, but weights must be finite and "
                "not negative."
            )
        weights = by_class[codes] * (1 if weights is None else weights)
        if not weights.any():
            raise ValueError(
                "All weights are zero after sample_weight and "
                f"class_weight={class_weight!r} were multiplied: nothing is left to "
                "train on."
            )
    return weights


def _refuse_one_hot(y, name):
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
