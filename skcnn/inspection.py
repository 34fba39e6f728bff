"""Label issues, near-duplicates, augmented images, and searches as a table."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import Bunch, check_random_state
from sklearn.utils.validation import check_is_fitted

from skcnn._images.containers import array_or_frame
from skcnn._images.forms import image_batch, validate_images
from skcnn._images.labels import check_probabilities
from skcnn._images.near_duplicates import (
    LARGEST_THRESHOLD,
    Part,
    TooManyPairsError,
    find_pairs,
)
from skcnn._images.numerics import default_errors
from skcnn._network.augment import augmented_at_random

__all__ = [
    "augmented_images",
    "find_label_issues",
    "find_near_duplicates",
    "search_results",
]

# The readers of images take an estimator, whose class they name in messages, and keep
# in it what the images are like.
_Reader: Any = type("find_near_duplicates", (BaseEstimator,), {})


def augmented_images(estimator: Any, X: Any, *, random_state: Any = None) -> np.ndarray:
    """Change images at random, as the last `fit` of a classifier changed its images.

    Look at the result: a changed image has to belong to the class of its original.

    Parameters
    ----------
    estimator : classifier of skcnn
        A fitted classifier, whose `augment` in `fit` is applied.
    X : array-like of shape (n, height, width), (n, height, width, channels) or \
            (n, height * width * channels)
        Images in any form that `predict` takes.
    random_state : int, RandomState instance or None, default=None
        Seeds the changes. Another number gives other versions of the images.

    Returns
    -------
    images : ndarray of shape (n, height, width, channels) of float32
        A changed version of each image, with the range of pixels of `X`. If `fit`
        changed no images, these are the images themselves.

    Raises
    ------
    NotFittedError
        If the classifier is not fitted.
    TypeError
        If `estimator` is not a classifier of skcnn.
    ValueError
        If `predict` would not take the images.

    See Also
    --------
    skcnn.display.ImageGridDisplay : Show images.

    Notes
    -----
    A network that reduces images (`progressive_resizing`) changes the reduced ones in
    training. With "flip", training mirrors each image in every second epoch; here it is
    mirrored with a probability of one half.

    Examples
    --------
    >>> from skcnn import MNISTCNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> from skcnn.inspection import augmented_images
    >>> X, y = load_digit_images(return_X_y=True)
    >>> clf = MNISTCNNClassifier(epochs=1, augment="affine").fit(X, y)
    >>> augmented_images(clf, X[:3], random_state=0).shape
    (3, 8, 8, 1)
    """
    if not hasattr(estimator, "augment"):
        raise TypeError(
            f"Got {type(estimator).__name__}, but expected a classifier of skcnn. Of a "
            "pipeline, pass the last step, and the images as the other steps return "
            "them."
        )
    check_is_fitted(estimator)
    X = validate_images(estimator, X, reset=False)
    images = image_batch(X, estimator.image_shape_).astype("float32")
    names = estimator.keras_classifier_.augment_
    return augmented_at_random(images, names, check_random_state(random_state))


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


def find_near_duplicates(
    X: Any,
    X_other: Any = None,
    *,
    threshold: float = 0.075,
    image_shape: Sequence[int] | None = None,
) -> Bunch:
    """Find images that are equal or nearly equal, in two parts or within one.

    If a test image has a near-duplicate among the training images, the test score shows
    how well a classifier remembers it, rather than how well it recognizes new images.
    The same is true of images that `early_stopping` holds out. Near-duplicates are
    equal images, copies that were compressed again, made brighter or moved by a pixel,
    and photographs of one scene that were taken one after the other.

    Parameters
    ----------
    X : array-like of shape (n, height, width), (n, height, width, channels) or \
            (n, height * width * channels)
        Images in any form that `fit` takes.
    X_other : array-like, default=None
        Images of another part, in any of these forms: each image of `X` is compared
        with each image of `X_other`. Without `X_other`, the images of `X` are compared
        with each other.
    threshold : float, default=0.075
        The largest distance of near-duplicates, from 0 (equal images only) to 0.25. The
        default is for photographs. Digits, letters, clothes and other shapes on a plain
        background can be this near to other images of their class: set 0.005 for them.
    image_shape : tuple of int, default=None
        The shape (height, width) or (height, width, channels) of flat rows, as for the
        classifiers.

    Returns
    -------
    duplicates : :class:`~sklearn.utils.Bunch`
        A dictionary with these attributes.

        pairs : ndarray of shape (n_pairs, 2) of int
            The index of an image in `X`, and of its near-duplicate in `X_other` (or of
            a later one in `X`), the nearest pair first.
        distances : ndarray of shape (n_pairs,) of float64
            The distance of each pair, from 0 to 1.
        groups : ndarray of shape (n,) of int
            The group of each image in `X`. Images that are linked by near-duplicates,
            directly or through other images, have the same group. Pass these groups to
            `fit`, or to splitters such as
            :class:`~sklearn.model_selection.StratifiedGroupKFold`.
        groups_other : ndarray of shape (n_other,) of int
            The group of each image in `X_other`: the same number stands for the same
            group as in `groups`. Only with `X_other`.

    Raises
    ------
    TypeError
        If `X` or `X_other` is not a collection of images.
    ValueError
        If `fit` would not take the images, if those of `X_other` have another shape
        than those of `X`, if `threshold` is not a number from 0 to 0.25, or if there
        are more than about a million (2 ** 20) pairs or candidates.

    See Also
    --------
    find_label_issues : Find wrong labels, which near-duplicates with different labels
        often have.

    Notes
    -----
    The distance is ``(1 - r) / 2``. Here ``r`` is the correlation of coefficients of
    the discrete cosine transform, as in perceptual hashes [1]_: those of the lowest
    twelve frequencies along each side, of all channels. Each coefficient is multiplied
    by its frequency. The distance is 0 for images that differ only in brightness or
    contrast, about 0.5 for unrelated images, and about 1 for an image and its negative.
    One image is moved along each side by 1/32 of the side (at least by a pixel), in
    either direction or not at all, and the smallest distance counts. Blank images are
    near-duplicates only if they are equal. Mirrored, rotated and cropped copies are not
    found.

    First, eight frequencies along each side of the gray images are compared for all
    pairs, by matrix products of some rows at a time. Only candidates, the pairs within
    twice the threshold in this comparison, are compared exactly.

    The default threshold was chosen on CIFAR-10. There it finds near-duplicates among
    the training images for 277 of the 10,000 test images; 3.3 % are known to have one
    [2]_. In 98 % of the pairs, both labels are the same. At least 99 % of the copies of
    1,000 test images are found if the copies were compressed as JPEG of quality 50,
    made brighter by 20 of 255, multiplied by 0.85 or 1.2, moved by a pixel along one or
    both sides, or changed by noise of standard deviation 8 of 255. JPEG changes small
    images with strong colors more: of flowers of 32 x 32 pixels, 89 % of the copies are
    found at quality 50, and all at quality 75. With ``threshold=0.005``, 34 of the
    10,000 test images of MNIST have a near-duplicate, all of them images of the digit
    1. Moved copies are then not found. ``benchmarks/near_duplicates.py`` measures this.

    References
    ----------
    .. [1] C. Zauner, "Implementation and Benchmarking of Perceptual Image Hash
       Functions", Upper Austria University of Applied Sciences, 2010
    .. [2] B. Barz and J. Denzler, "Do We Train on Test Data? Purging CIFAR of
       Near-Duplicates", Journal of Imaging 6 (2020);
       https://doi.org/10.3390/jimaging6060041

    Examples
    --------
    >>> import numpy as np
    >>> from skcnn.inspection import find_near_duplicates
    >>> X = np.random.default_rng(0).integers(0, 200, (20, 32, 32, 3), dtype=np.uint8)
    >>> X[7] = np.roll(X[3], 1, axis=1) + 40  # moved and brighter
    >>> duplicates = find_near_duplicates(X)
    >>> duplicates.pairs
    array([[3, 7]])
    >>> duplicates.groups[7] == duplicates.groups[3]
    np.True_
    """
    if not (isinstance(threshold, Real) and 0 <= threshold <= LARGEST_THRESHOLD):
        raise ValueError(
            f"Got threshold={threshold!r}, but expected a number from 0 (equal images "
            f"only) to {LARGEST_THRESHOLD}."
        )
    reader = _Reader()
    X = validate_images(reader, X, reset=True, image_shape=image_shape)
    shape = reader.image_shape_
    parts = [Part.of(X, shape)]
    if X_other is not None:
        parts.append(Part.of(_other_images(reader, X_other), shape))
    with default_errors():
        try:
            pairs, distances = find_pairs(*(*parts, None)[:2], threshold)
        except TooManyPairsError as error:
            raise ValueError(
                f"{error} to each other at threshold={threshold}, so these images are "
                "of one kind, as digits are. Set a lower threshold, such as "
                f"{threshold / 5:.2g}. If many images are equal, leave out all but one "
                "of them."
            ) from error
    return Bunch(pairs=pairs, distances=distances, **_groups_of_pairs(pairs, parts))


def _other_images(reader: Any, X_other: Any) -> np.ndarray:
    """Validate images that are compared with others, of whose shape they have to be."""
    shape = reader.image_shape_
    try:
        X_other = array_or_frame(X_other, reader, shape)
        found = getattr(X_other, "shape", ())[1:]
        if len(found) in (2, 3) and (*found, 1)[:3] != shape:
            raise ValueError(
                f"X has images of shape {found}, but those that they are compared with "
                f"have shape {shape}: resize them."
            )
        return validate_images(reader, X_other, reset=False)
    except (TypeError, ValueError) as error:
        raise type(error)(f"In X_other: {error}") from error


def _groups_of_pairs(pairs: np.ndarray, parts: list[Part]) -> dict[str, np.ndarray]:
    """Return for the images of each part which images pairs link, as group numbers."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_images = [len(part.X) for part in parts]
    first, second = pairs.T
    if len(parts) == 2:
        second = second + n_images[0]
    size = sum(n_images)
    links = coo_array((np.ones(len(pairs), bool), (first, second)), (size, size))
    groups = connected_components(links, directed=False)[1]
    names = ("groups", "groups_other")[: len(parts)]
    return dict(zip(names, np.split(groups, n_images[:1])[: len(parts)], strict=True))


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

        After successive halving, each candidate has one row, that of the last
        comparison in which it took part. A column says what it was given there, such as
        ``epochs`` or ``n_samples``. Candidates of later comparisons come first and have
        the better ranks, because their scores are not comparable with earlier ones.

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
    candidates = results["params"]
    parameters = list(dict.fromkeys(name for p in candidates for name in p))
    names = _short_names(parameters)
    table = pd.DataFrame(index=range(len(candidates)))
    for parameter, name in zip(parameters, names, strict=True):
        values = np.empty(len(table), object)
        values[:] = [p.get(parameter) for p in candidates]
        table[name] = pd.Series(values, table.index).infer_objects()
    is_halving = "iter" in results and "n_resources" in results
    if is_halving and search.resource not in parameters:
        name = search.resource.rpartition("__")[2]
        table[name] = np.asarray(results["n_resources"])
    for name, source in (
        ("mean_test_score", f"mean_test_{scoring}"),
        ("std_test_score", f"std_test_{scoring}"),
        ("mean_fit_time", "mean_fit_time"),
        ("rank_test_score", f"rank_test_{scoring}"),
    ):
        table[name] = np.asarray(results[source])
    if is_halving:
        table = _last_comparisons(table, results, search.resource)
    failed = table["mean_test_score"].isna()
    return (
        table.assign(failed=failed)
        .sort_values(["failed", "rank_test_score"], kind="stable")
        .drop(columns="failed")
    )


def _last_comparisons(table: Any, results: dict[str, Any], resource: str) -> Any:
    """Return the last row of each candidate of successive halving, with new ranks."""
    comparisons = np.asarray(results["iter"])
    last: dict[Any, int] = {}
    for i in np.argsort(comparisons, kind="stable").tolist():
        last[_key(results["params"][i], resource)] = i
    rows = sorted(last.values())
    earlier = comparisons.max() - comparisons[rows]
    rank = table["rank_test_score"].iloc[rows] + earlier * (len(comparisons) + 1)
    ranks = rank.rank(method="min").astype(table["rank_test_score"].dtype)
    return table.iloc[rows].assign(rank_test_score=ranks)


def _key(candidate: dict[str, Any], resource: str) -> tuple:
    """Return what tells candidates apart: all values except that of the resource."""
    values = []
    for name in sorted(candidate.keys() - {resource}):
        value = candidate[name]
        try:
            hash(value)
        except TypeError:
            # The candidates of a comparison share their values with the one before it.
            value = id(value)
        values.append((name, type(candidate[name]), value))
    return tuple(values)


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
