"""Images separated by label."""

import numpy as np
from sklearn.utils import check_consistent_length, column_or_1d


def split_by_label(X, y):
    """Separate images by label.

    Parameters
    ----------
    X : {array-like, DataFrame} of shape (n_samples, ...)
        Images or flat rows.
    y : array-like of shape (n_samples,)
        The label of each.

    Returns
    -------
    dict
        From each label to a copy of the images that have it, in their order in `X`
        and of its type. The labels come in the order of ``np.unique(y)``, which is the
        order of a fitted classifier's `classes_`.

    Raises
    ------
    ValueError
        If `X` and `y` differ in length, or `y` is not one label an image.

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
    labels, codes = np.unique(y, return_inverse=True)
    return {
        label: (X.iloc if hasattr(X, "iloc") else X)[np.flatnonzero(codes == code)]
        for code, label in enumerate(labels.tolist())
    }
