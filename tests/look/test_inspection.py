"""Label issues, and the results of searches as a table."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    cross_val_predict,
)
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcnn.inspection import find_label_issues, search_results
from skcnn.model_selection import WarmHalvingGridSearchCV


@pytest.fixture(scope="module")
def digits_with_wrong_labels():
    X, y = load_digits(return_X_y=True)
    wrong = np.random.default_rng(0).choice(len(y), 60, replace=False)
    y[wrong] = (y[wrong] + 1) % 10
    clf = QuadraticDiscriminantAnalysis(reg_param=0.1)
    return y, wrong, cross_val_predict(clf, X / 16, y, cv=3, method="predict_proba")


def test_wrong_labels_are_found_and_come_first(digits_with_wrong_labels):
    y, wrong, proba = digits_with_wrong_labels
    found = find_label_issues(y, proba)
    assert np.isin(wrong, found).mean() > 0.7
    assert np.isin(found[:30], wrong).mean() > 0.9
    margins = proba[found, y[found]] - proba[found].max(axis=1)
    assert (np.diff(margins) >= 0).all()


def test_by_hand():
    y = [0, 0, 0, 1, 1, 1]
    of_one = np.array([0.1, 0.3, 0.9, 0.8, 0.7, 0.45])
    # Thresholds: (0.9 + 0.7 + 0.1) / 3 = 0.57 and (0.8 + 0.7 + 0.45) / 3 = 0.65. The
    # last image is not confidently a zero, so its label is not in doubt.
    proba = np.column_stack([1 - of_one, of_one])
    assert find_label_issues(y, proba).tolist() == [2]


def test_names_and_the_order_of_classes_do_not_matter(digits_with_wrong_labels):
    y, _, proba = digits_with_wrong_labels
    expected = find_label_issues(y, proba)
    names = np.array([f"class {i}" for i in range(10)])
    np.testing.assert_array_equal(find_label_issues(names[y], proba), expected)
    backwards = find_label_issues(y, proba[:, ::-1], classes=np.arange(10)[::-1])
    np.testing.assert_array_equal(backwards, expected)


def test_a_class_without_images_is_never_suggested():
    proba = [[0.2, 0.1, 0.7], [0.1, 0.8, 0.1], [0.9, 0.1, 0.0]]
    assert not len(find_label_issues([0, 1, 0], proba, classes=[0, 1, 2]))


@pytest.mark.parametrize(
    "y, proba, classes, message",
    [
        ([0, 1], [[1, 0]], None, "1 rows of y_proba for 2 labels"),
        ([0, 1], [[1, 0, 0]] * 2, None, r"3 columns for 2 classes.*pass classes"),
        ([0, 1], [[1, 1]] * 2, None, "not probabilities that add up to 1"),
        ([0, 1], [[-1, 2]] * 2, None, "not probabilities that add up to 1"),
        ([0, 1], [[np.nan, 1]] * 2, None, "y_proba contains NaN"),
        (
            [0, 5],
            [[1, 0]] * 2,
            [0, 1],
            r"labels \[5\], which are not among the classes",
        ),
        ([], [], None, "2D array"),
    ],
)
def test_what_does_not_fit_is_refused(y, proba, classes, message):
    with pytest.raises(ValueError, match=message):
        find_label_issues(y, proba, classes=classes)


@pytest.fixture(scope="module")
def data():
    X, y = load_digits(return_X_y=True)
    return X[:200], y[:200]


def test_results_are_sorted_and_their_names_short(data):
    pipeline = make_pipeline(StandardScaler(), KNeighborsClassifier())
    grid = {
        "kneighborsclassifier__n_neighbors": [50, 1],
        "standardscaler__with_mean": [True, False],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(*data)
    table = search_results(search)
    assert list(table.columns) == [
        "n_neighbors",
        "with_mean",
        "mean_test_score",
        "std_test_score",
        "mean_fit_time",
        "rank_test_score",
    ]
    assert table["mean_test_score"].is_monotonic_decreasing
    assert table["n_neighbors"].dtype.kind == "i"
    best = table.iloc[0]
    assert best["n_neighbors"] == 1 and best["mean_test_score"] == search.best_score_
    for place, row in table.iterrows():
        params = search.cv_results_["params"][place]
        assert params["kneighborsclassifier__n_neighbors"] == row["n_neighbors"]


SETTINGS = {
    "kneighborsclassifier__n_neighbors": [1, 3, 9],
    "kneighborsclassifier__weights": ["uniform", "distance"],
    "kneighborsclassifier__metric_params": [None, {}, ([],)],
}


@pytest.mark.slow
@pytest.mark.parametrize("search_class", [HalvingGridSearchCV, HalvingRandomSearchCV])
@pytest.mark.parametrize("aggressive", [False, True])
def test_halving_has_a_row_for_each_candidate(search_class, aggressive, data):
    pipeline = make_pipeline(StandardScaler(), KNeighborsClassifier())
    options = {"cv": 2, "random_state": 0, "aggressive_elimination": aggressive}
    search = search_class(pipeline, SETTINGS, min_resources=40, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fits with metric_params=([],) fail
        search = pickle.loads(pickle.dumps(search.fit(*data)))
    table = search_results(search)
    names = {"n_neighbors", "weights", "metric_params"}
    assert set(table.columns[:3]) == names and table.columns[3] == "n_samples"
    assert len(table) == search.n_candidates_[0]
    assert table.index[0] == search.best_index_
    assert table["rank_test_score"].iloc[0] == 1
    scored = table[table["mean_test_score"].notna()]
    assert scored["rank_test_score"].is_monotonic_increasing
    assert scored["n_samples"].is_monotonic_decreasing
    iterations = search.cv_results_["iter"]
    assert iterations.max() == iterations[table.index[0]] > 0


def test_halving_over_a_parameter_names_it(data):
    search = HalvingGridSearchCV(
        make_pipeline(RandomForestClassifier(random_state=0)),
        {"randomforestclassifier__max_depth": [1, 2, 3]},
        resource="randomforestclassifier__n_estimators",
        max_resources=9,
        cv=2,
    ).fit(*data)
    table = search_results(search)
    assert list(table.columns[:-4]) == ["max_depth", "n_estimators"]
    assert table["n_estimators"].tolist() == [9, 3, 3]


@pytest.mark.parametrize("step", ["", "mlpclassifier__"])
def test_warm_halving_has_a_row_for_each_candidate(step, data):
    estimator = MLPClassifier((8,), random_state=0)
    search = WarmHalvingGridSearchCV(
        make_pipeline(estimator) if step else estimator,
        {f"{step}alpha": [0.1, 1, 10, 100]},
        resource=f"{step}max_iter",
        max_resources=4,
        cv=2,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        table = search_results(search.fit(*data))
    assert list(table.columns[:-4]) == ["alpha", "max_iter"]
    assert sorted(table["alpha"]) == [0.1, 1, 10, 100]
    assert table["max_iter"].tolist()[0] == search.n_resources_[-1]
    assert table.index[0] == search.best_index_


def test_names_keep_what_tells_them_apart(data):
    pipeline = make_pipeline(
        KNeighborsClassifier(), memory=None
    )  # a step, and its own parameter
    search = GridSearchCV(
        make_pipeline(StandardScaler(), pipeline),
        [
            {"pipeline__kneighborsclassifier__p": [1, 2]},
            {"standardscaler__copy": [True], "pipeline__verbose": [False]},
            {"verbose": [False]},
        ],
        cv=2,
    ).fit(*data)
    names = list(search_results(search).columns[:-4])
    assert names == ["p", "pipeline__verbose", "copy", "verbose"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_values_of_any_kind(data):
    values = [None, "uniform", ("a", "tuple"), KNeighborsClassifier()]
    search = GridSearchCV(
        make_pipeline("passthrough", DummyClassifier()),
        {"dummyclassifier__constant": values},
        cv=2,
    ).fit(*data)
    kept = search_results(search)["constant"]
    assert {repr(value) for value in kept} == {repr(value) for value in values}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_failed_candidates_come_last(data):
    grid = {"n_neighbors": [-1, 5]}
    search = GridSearchCV(KNeighborsClassifier(), grid, cv=2).fit(*data)
    assert search_results(search)["n_neighbors"].tolist() == [5, -1]


def test_one_of_several_metrics(data):
    search = GridSearchCV(
        KNeighborsClassifier(),
        {"n_neighbors": [1, 9]},
        scoring=["accuracy", "f1_macro"],
        refit=False,
        cv=2,
    ).fit(*data)
    table = search_results(search, scoring="f1_macro")
    scores = search.cv_results_["mean_test_f1_macro"][table.index]
    np.testing.assert_array_equal(table["mean_test_score"], scores)
    with pytest.raises(ValueError, match=r"no scoring.*one of 'accuracy', 'f1_macro'"):
        search_results(search)
    with pytest.raises(ValueError, match=r"scoring='recall'.*one of 'accuracy'"):
        search_results(search, scoring="recall")


def test_what_is_no_fitted_search_is_refused(data):
    with pytest.raises(NotFittedError):
        search_results(GridSearchCV(KNeighborsClassifier(), {}))
    with pytest.raises(
        TypeError, match=r"KNeighborsClassifier.*GridSearchCV, after fit"
    ):
        search_results(KNeighborsClassifier().fit(*data))
    search = GridSearchCV(KNeighborsClassifier(), {"p": [1]}, cv=2).fit(*data)
    with pytest.raises(ValueError, match="has one metric only"):
        search_results(search, scoring="accuracy")
