"""Results of a search as a table, and of a cross-validation as label issues."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skcnn._images.labels import check_probabilities

__all__ = ["find_label_issues", "search_results"]


def find_label_issues(y: Any, y_proba: Any, *, classes: Any = None) -> np.ndarray:
    """Find the images whose label a cross-validated classifier doubts.

    This is confident learning [1]_. A classifier is confident that an image belongs to
    a class if the probability of this class is at least its mean probability over the
    images with that label. An image is an issue if its label is not the most probable
    of the classes of which the classifier is confident.

    Parameters
    ----------
    y : array-like of shape (n,)
        The labels of the images, some of which may be wrong.
    y_proba : array-like of shape (n, n_classes)
        Out-of-sample probabilities, as
        ``cross_val_predict(..., method="predict_proba")`` returns them. A classifier
        that was trained on these labels would agree with most of them.
    classes : array-like of shape (n_classes,), default=None
        Labels of the columns of `y_proba`; by default the sorted labels in `y`.

    Returns
    -------
    indices : ndarray of shape (n_issues,) of int
        Indices into `y`, the most doubtful label first. They are sorted by the
        normalized margin: the probability of the label minus the probability of the
        most probable class.

    Raises
    ------
    ValueError
        If there are no labels, if a label is not among the classes, if `y_proba` has
        another shape, or if its rows are not probabilities that sum to 1.

    See Also
    --------
    skcnn.display.LabelIssuesDisplay : Show these images.

    References
    ----------
    .. [1] C. Northcutt, L. Jiang and I. Chuang, "Confident Learning: Estimating
       Uncertainty in Dataset Labels", Journal of Artificial Intelligence Research 70
       (2021), section 3; https://doi.org/10.1613/jair.1.12125

    Examples
    --------
    >>> from skcnn.inspection import find_label_issues
    >>> y = ["cat", "cat", "dog", "dog"]
    >>> proba = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.95, 0.05]]
    >>> find_label_issues(y, proba)
    array([3])
    """
    _, class_indices, y_proba, classes = check_probabilities(y, y_proba, classes)
    # No probability reaches infinity, the threshold of a class without images.
    thresholds = np.full(len(classes), np.inf)
    for index in np.unique(class_indices):
        thresholds[index] = y_proba[class_indices == index, index].mean()
    # The mean of equal numbers may exceed the number itself by a rounding error.
    confident = y_proba >= thresholds - 1e-12
    suggested = np.where(confident, y_proba, -1).argmax(axis=1)
    rows = np.arange(len(class_indices))
    margin = y_proba[rows, class_indices] - y_proba.max(axis=1)
    doubted = confident.any(axis=1) & (suggested != class_indices) & (margin < 0)
    order = np.argsort(margin, kind="stable")
    return order[doubted[order]]


def search_results(search: Any, *, scoring: str | None = None) -> Any:
    """Return the results of a search as a table, the best candidate first.

    Parameters
    ----------
    search : estimator
        A fitted `GridSearchCV`, `RandomizedSearchCV` or other search of scikit-learn.
    scoring : str, default=None
        Name of the metric, for a search with several metrics.

    Returns
    -------
    results : DataFrame of shape (n_candidates, n_parameters + 4)
        One column for each parameter, under the shortest unambiguous name, without the
        prefixes of pipeline steps; then ``mean_test_score``, ``std_test_score``,
        ``mean_fit_time`` in seconds and ``rank_test_score``. The index of the DataFrame
        is that of the candidates in ``search.cv_results_``. Candidates whose fits
        failed come last and have the score NaN.

    Raises
    ------
    NotFittedError
        If the search is not fitted.
    TypeError
        If `search` is not a search.
    ValueError
        If `scoring` is not the name of a metric of the search, or if it is missing for
        a search with several metrics.

    See Also
    --------
    skcnn.display.SearchResultsDisplay : Draw these results.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skcnn.inspection import search_results
    >>> search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 50]})
    >>> _ = search.fit(*load_digits(return_X_y=True))
    >>> search_results(search)["n_neighbors"].tolist()
    [1, 50]
    """
    import pandas as pd

    if not hasattr(search, "cv_results_"):
        if not hasattr(search, "get_params") or "scoring" not in search.get_params(
            deep=False
        ):
            raise TypeError(
                f"Got {type(search).__name__}, but expected a search such as "
                "GridSearchCV, after fit."
            )
        check_is_fitted(search, "cv_results_")
    results = search.cv_results_
    prefix = "mean_test_"
    metrics = [name.removeprefix(prefix) for name in results if name.startswith(prefix)]
    if scoring is None:
        scoring = "score"
    if scoring not in metrics:
        given = "no scoring" if scoring == "score" else f"scoring={scoring!r}"
        expected = (
            "leave it out, as the search has one metric only"
            if metrics == ["score"]
            else f"expected one of {', '.join(map(repr, metrics))}"
        )
        raise ValueError(f"Got {given} for the search's metrics, but {expected}.")
    parameters = list(dict.fromkeys(name for p in results["params"] for name in p))
    names = _short_names(parameters)
    table = pd.DataFrame(index=range(len(results["params"])))
    for parameter, name in zip(parameters, names, strict=True):
        values = np.empty(len(table), object)
        values[:] = [p.get(parameter) for p in results["params"]]
        table[name] = pd.Series(values, table.index).infer_objects()
    for name, source in (
        ("mean_test_score", f"mean_test_{scoring}"),
        ("std_test_score", f"std_test_{scoring}"),
        ("mean_fit_time", "mean_fit_time"),
        ("rank_test_score", f"rank_test_{scoring}"),
    ):
        table[name] = np.asarray(results[source])
    failed = table["mean_test_score"].isna()
    return (
        table.assign(failed=failed)
        .sort_values(["failed", "rank_test_score"], kind="stable")
        .drop(columns="failed")
    )


def _short_names(parameters: list[str]) -> list[str]:
    """Drop the prefixes that are not needed to tell the names apart."""
    words = [name.split("__") for name in parameters]
    names = list(parameters)
    for i, own in enumerate(words):
        for n in range(1, len(own) + 1):
            if sum(other[-n:] == own[-n:] for other in words) == 1:
                names[i] = "__".join(own[-n:])
                break
    return names
