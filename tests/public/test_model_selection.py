"""Searches whose survivors go on training."""

import warnings

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.exceptions import FitFailedWarning
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    check_cv,
)
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skcnn import MNISTCNNClassifier
from skcnn._estimator.automatic import MOST_EPOCHS
from skcnn.model_selection import WarmHalvingGridSearchCV, WarmHalvingRandomSearchCV
from skcnn.preprocessing import ImageReshaper, ImageScaler

RATES = [1e-05, 0.0001, 0.001, 0.003, 0.01]


@pytest.fixture(scope="module")
def images(digits):
    X, y = digits
    return X[:240], y[:240]


def small(**parameters):
    network = {"filters": 4, "kernel_size": 3, "dense_units": (), "augment": None}
    parameters = network | {"epochs": 4} | parameters
    return MNISTCNNClassifier(random_state=0, **parameters)


@pytest.fixture(scope="module")
def search(images):
    search = WarmHalvingGridSearchCV(small(), {"learning_rate": RATES}, cv=3)
    return search.fit(*images)


def test_a_third_survives_and_trains_twice_as_long(search):
    assert search.n_candidates_ == [5, 2]
    assert search.n_resources_ == [1, 2]
    assert search.n_remaining_candidates_ == 1
    assert search.n_iterations_ == 2
    results = search.cv_results_
    assert results["iter"].tolist() == [0] * 5 + [1] * 2
    assert results["n_resources"].tolist() == [1] * 5 + [2] * 2
    assert len(results["split2_test_score"]) == len(results["params"]) == 7


def test_the_best_of_the_last_comparison_is_trained_anew_on_all_images(search, images):
    last = search.cv_results_["mean_test_score"][5:]
    assert search.best_index_ == 5 + last.argmax()
    assert search.best_score_ == last.max()
    assert search.best_params_ == search.cv_results_["params"][search.best_index_]
    assert search.best_estimator_.n_iter_ == 4
    anew = clone(search.estimator).set_params(**search.best_params_).fit(*images)
    np.testing.assert_array_equal(
        search.predict_proba(images[0]), anew.predict_proba(images[0])
    )
    assert search.best_estimator_.get_params() == anew.get_params()


def test_survivors_go_on_from_their_weights(search, images):
    X, y = images
    winner = search.cv_results_["params"][search.best_index_]
    scores = []
    for train, test in search_splits(search, X, y):
        clf = small(epochs=1, warm_start=True, **winner).fit(X[train], y[train])
        clf.fit(X[train], y[train])
        assert clf.n_iter_ == 2
        scores.append(clf.score(X[test], y[test]))
    of_search = [
        search.cv_results_[f"split{i}_test_score"][search.best_index_] for i in range(3)
    ]
    assert scores == of_search


def search_splits(search, X, y):
    return check_cv(search.cv, y, classifier=True).split(X, y)


def test_nothing_of_the_users_is_changed(images):
    clf = small()
    before = clf.get_params()
    WarmHalvingGridSearchCV(clf, {"learning_rate": [0.001, 0.01]}, cv=2).fit(*images)
    assert clf.get_params() == before
    assert not hasattr(clf, "classes_")


@pytest.mark.slow
def test_rungs_double_until_the_epochs_are_used_up(images):
    search = WarmHalvingGridSearchCV(
        small(epochs=3), {"learning_rate": RATES[:4]}, factor=2, cv=2, refit=False
    )
    search.fit(*images)
    # The last one has what is left of the three.
    assert search.n_resources_ == [1, 2]
    search.set_params(param_grid={"learning_rate": RATES}, min_resources=2).fit(*images)
    assert search.n_resources_ == [2, 3]
    assert search.n_candidates_ == [5, 3]
    assert search.n_remaining_candidates_ == 2
    assert not hasattr(search, "best_estimator_")
    assert search.best_params_["learning_rate"] in RATES


@pytest.mark.slow
def test_pipelines_several_metrics_and_random_candidates(images):
    pipeline = make_pipeline(ImageScaler(), small())
    search = WarmHalvingRandomSearchCV(
        pipeline,
        {"mnistcnnclassifier__learning_rate": RATES},
        n_iter=3,
        resource="mnistcnnclassifier__epochs",
        scoring=["accuracy", "neg_log_loss"],
        refit="neg_log_loss",
        cv=2,
        random_state=0,
        return_train_score=True,
    )
    search.fit(*images)
    assert search.multimetric_
    assert search.best_estimator_[-1].n_iter_ == 4
    assert "mean_train_accuracy" in search.cv_results_
    log_loss = search.cv_results_["mean_test_neg_log_loss"]
    assert search.best_score_ == log_loss[search.best_index_]
    rates = [
        p["mnistcnnclassifier__learning_rate"] for p in search.cv_results_["params"]
    ]
    assert len(set(rates)) == 3


def test_other_estimators_that_go_on_can_be_searched(images):
    X, y = images
    clf = MLPClassifier(8, max_iter=4, random_state=0)
    search = WarmHalvingGridSearchCV(
        clf, {"learning_rate_init": [1e-05, 0.01]}, resource="max_iter", cv=2
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of too few iterations
        search.fit(X.reshape(len(X), -1), y)
    assert search.best_params_ == {"learning_rate_init": 0.01}


@pytest.mark.slow
def test_two_processes_find_the_same(images):
    def run(n_jobs):
        search = WarmHalvingGridSearchCV(
            small(), {"learning_rate": RATES}, cv=2, n_jobs=n_jobs
        ).fit(*images)
        return search.cv_results_

    one, two = run(1), run(2)
    assert one["candidate"].tolist() == two["candidate"].tolist()
    # Workers have fewer threads, and so other last bits.
    np.testing.assert_allclose(
        one["mean_test_score"], two["mean_test_score"], atol=0.02
    )


def test_a_shuffling_splitter_without_seed_is_drawn_once(images):
    search = WarmHalvingGridSearchCV(
        small(), {"learning_rate": RATES}, cv=KFold(2, shuffle=True)
    )
    assert search.fit(*images).n_candidates_ == [5, 2]


def test_weights_reach_fit_and_scores(images):
    X, y = images
    weights = np.where(y < 5, 5.0, 0.1)
    search = WarmHalvingGridSearchCV(small(epochs=2), {"learning_rate": [0.01]}, cv=2)
    search.fit(X, y, sample_weight=weights)
    weighted = small(epochs=2, learning_rate=0.01).fit(X, y, weights)
    np.testing.assert_array_equal(search.predict_proba(X), weighted.predict_proba(X))
    half, other = next(search_splits(search, X, y))
    clf = small(epochs=1, learning_rate=0.01).fit(X[half], y[half], weights[half])
    score = clf.score(X[other], y[other], weights[other])
    assert search.cv_results_["split0_test_score"][0] == score


def test_failures_lose(images):
    grid = {"learning_rate": [0.01, 0.001], "filters": [4, 0]}
    search = WarmHalvingGridSearchCV(small(), grid, cv=2, factor=2)
    with pytest.warns(FitFailedWarning), pytest.warns(UserWarning, match="non-finite"):
        search.fit(*images)
    assert search.best_params_["filters"] == 4
    with pytest.raises(ValueError, match="filters"):
        search.set_params(error_score="raise").fit(*images)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"resource": "rounds"}, "with the parameter 'rounds', but MNISTCNN"),
        ({"param_grid": {"epochs": [1, 2]}}, "'epochs' is part of the searched"),
        ({"param_grid": {"warm_start": [True]}}, "'warm_start' is part of the"),
        ({"min_resources": 9}, "min_resources=9 is greater than max_resources_=4"),
        ({"min_resources": 0}, "The 'min_resources' parameter"),
        ({"factor": 1}, "The 'factor' parameter"),
        ({"max_resources": "all"}, "The 'max_resources' parameter"),
        ({"scoring": ["accuracy", "f1_macro"]}, "Set refit to one of 'accuracy'"),
        ({"scoring": ["accuracy", "f1_macro"], "refit": False}, "refit to one of"),
        ({"param_grid": []}, "0 candidates"),
    ],
)
def test_what_cannot_work_is_refused_before_training(parameters, message, images):
    search = WarmHalvingGridSearchCV(small(), {"learning_rate": [0.01]})
    with pytest.raises(ValueError, match=message):
        search.set_params(**parameters).fit(*images)


@pytest.mark.parametrize("wrap", [lambda clf: clf, make_pipeline])
def test_epochs_that_are_auto_follow_the_training_parts(wrap, images, monkeypatch):
    X, y = images
    base = MNISTCNNClassifier._base._replace(n_images=432, epochs=3)
    monkeypatch.setattr(MNISTCNNClassifier, "_base", base)
    clf = wrap(small(epochs="auto", early_stopping=True))
    name = "epochs" if wrap is not make_pipeline else "mnistcnnclassifier__epochs"
    search = WarmHalvingGridSearchCV(clf, {}, resource=name, cv=2, refit=True)
    search.set_params(min_resources=1, max_resources="auto").fit(X, y)
    # Folds train on 120 images less those held out, 108: a quarter of 432, and 4 steps
    # an epoch where 432 images make 14.
    assert search.max_resources_ == 10
    # The best is what a fit on all images makes of its parameters.
    best = search.best_estimator_[-1] if name != "epochs" else search.best_estimator_
    assert best.auto_params_["epochs"] == best.n_iter_ == 6


def test_epochs_follow_the_images_that_the_classifier_in_a_pipeline_gets(images):
    # 128 values are a table to a classifier, and an image after the first step.
    X, y = np.tile(images[0].reshape(len(images[0]), -1), 2), images[1]
    for steps, epochs in (
        ([], MNISTCNNClassifier._base.epochs),
        ([ImageReshaper(image_shape=(8, 16, 1))], MOST_EPOCHS),
    ):
        pipeline = make_pipeline(*steps, small(epochs="auto"))
        name = "mnistcnnclassifier__epochs"
        search = WarmHalvingGridSearchCV(pipeline, {}, resource=name)
        splits = list(check_cv(2).split(X, y))
        assert search._most_resources(X, y, splits) == epochs


def test_a_resource_that_no_number_stands_for_is_refused(images):
    search = WarmHalvingGridSearchCV(
        small(), {}, resource="batch_size", max_resources="auto"
    )
    with pytest.raises(
        ValueError, match=r"but that is .auto.\. Give a number as max_re"
    ):
        search.fit(*images)


def test_a_pipeline_is_told_the_name_of_its_step(images):
    search = WarmHalvingGridSearchCV(make_pipeline(ImageScaler(), small()), {})
    with pytest.raises(ValueError, match='resource="mnistcnnclassifier__epochs"'):
        search.fit(*images)


def test_callable_scoring_and_refit(images):
    def scoring(estimator, X, y):
        score = estimator.score(X, y)
        return {"accuracy": score, "error": 1 - score}

    search = WarmHalvingGridSearchCV(
        small(), {"learning_rate": [0.001, 0.01]}, scoring=scoring, refit="accuracy"
    )
    search.set_params(cv=2).fit(*images)
    assert search.best_score_ == search.cv_results_["mean_test_accuracy"].max()
    with pytest.raises(ValueError, match="Set refit to one of"):
        search.set_params(refit=True).fit(*images)
    search.set_params(scoring=None, refit=lambda results: 0).fit(*images)
    assert search.best_index_ == 0


def test_callbacks_see_the_comparisons(images, capsys):
    search = WarmHalvingGridSearchCV(small(), {"learning_rate": RATES}, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=3)).fit(*images)
    shown = capsys.readouterr().out
    assert "halving-iteration" in shown
    assert "refit-with-best-params" in shown


def test_verbose_tells_what_is_compared(images, capsys):
    search = WarmHalvingGridSearchCV(small(), {"learning_rate": RATES}, cv=2, verbose=1)
    search.fit(*images)
    assert capsys.readouterr().out.splitlines() == [
        "epochs 1 to 1: 2 folds for each of 5 candidates",
        "epochs 2 to 2: 2 folds for each of 2 candidates",
    ]


def perceptrons(images, **parameters):
    """A search over scikit-learn's own networks, and the data to fit it on."""
    X, y = images
    search = WarmHalvingGridSearchCV(
        MLPClassifier(4, max_iter=2, random_state=0),
        {"alpha": [0.01, 1.0]},
        resource="max_iter",
        cv=2,
    )
    return search.set_params(**parameters), (X.reshape(len(X), -1), y)


@pytest.mark.parametrize(
    ("returned", "error"), [(9, IndexError), (-1, IndexError), ("1", TypeError)]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_refit_function_has_to_return_a_row(returned, error, images):
    search, data = perceptrons(images, refit=lambda results: returned)
    message = rf"returned {returned!r}, but expected the row .* from 0 to 1\."
    with pytest.raises(error, match=message):
        search.fit(*data)


def test_a_comparison_in_which_all_fits_fail_is_an_error(images):
    search, data = perceptrons(images, param_grid={"alpha": [-1.0, -2.0]})
    with pytest.raises(ValueError, match=r"(?s)All 4 fits failed.*'alpha' parameter"):
        search.fit(*data)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_metadata_is_routed(images):
    search, (X, y) = perceptrons(images, refit=False)
    with config_context(enable_metadata_routing=True):
        estimator = search.estimator.set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=True)
        search.fit(X, y, sample_weight=(y < 5).astype(float))
    with config_context(enable_metadata_routing=False):
        alone, _ = perceptrons(images, refit=False)
        alone.fit(X, y, sample_weight=(y < 5).astype(float))
    for split in ("split0_test_score", "split1_test_score"):
        assert (search.cv_results_[split] == alone.cv_results_[split]).all()


def test_a_search_is_one_of_scikit_learns():
    assert issubclass(WarmHalvingGridSearchCV, GridSearchCV)
    assert issubclass(WarmHalvingRandomSearchCV, RandomizedSearchCV)
