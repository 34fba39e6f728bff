"""Images separated by label."""

from typing import Any

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d


def split_by_label(X: Any, y: Any) -> dict[Any, Any]:
    """Separate images by label.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, ...)
        Images or flat rows.
    y : array-like of shape (n_samples,)
        The label of each image.

    Returns
    -------
    dict
        Maps each label to a copy of the images with that label, in the order and the
        type of `X`. The labels are in the order of ``np.unique(y)``, which is the order
        of a fitted classifier's `classes_`.

    Raises
    ------
    ValueError
        If `X` and `y` differ in length, or `y` does not hold one label for each image.

    Examples
    --------
    >>> import numpy as np
    >>> from skcnn.datasets import split_by_label
    >>> X = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    >>> parts = split_by_label(X, ["dog", "cat", "dog"])
    >>> list(parts)
    ['cat', 'dog']
    >>> parts["dog"].shape
    (2, 2, 2)
    """
    if not hasattr(X, "iloc"):
        X = np.asarray(X)
    y = column_or_1d(y, warn=True)
    check_consistent_length(X, y)
    classes, class_indices = np.unique(y, return_inverse=True)
    return {
        label: (X.iloc if hasattr(X, "iloc") else X)[
            np.flatnonzero(class_indices == index)
        ]
        for index, label in enumerate(classes.tolist())
    }
