"""scikit-learn's callbacks on the classifiers: an epoch is a task."""

import pickle
import re
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from tiny import tiny_classifier

from skcnn.preprocessing import ImageReshaper, ImageScaler


class Recorder:
    """Notes every call; stops or fails where it is told to."""

    def __init__(self, stop_after=None, fail=False):
        self.calls, self.seen = [], []
        self.stop_after, self.fail = stop_after, fail

    def setup(self, estimator, context):
        self.calls.append("setup")

    def teardown(self, estimator, context):
        self.calls.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.calls.append(f"end {context.task_name} {context.task_id}")
        self.seen.append((estimator, X, y, metadata, fitted_estimator))
        if self.fail:
            raise RuntimeError("the callback fails")
        return context.task_name == "epoch" and context.task_id == self.stop_after


tiny = partial(tiny_classifier, epochs=3)


@pytest.fixture(scope="module")
def data(digits):
    X, y = digits
    return X[:120], y[:120]


def test_every_epoch_is_a_task_of_fit(data):
    recorder = Recorder()
    classifier = tiny().set_callbacks(recorder)
    assert classifier.fit(*data) is classifier
    epochs = [f"{when} epoch {i}" for i in range(3) for when in ("begin", "end")]
    assert recorder.calls == [
        "setup",
        "begin fit 0",
        *epochs,
        "end fit 0",
        "teardown",
    ]
    estimators = {id(seen[0]) for seen in recorder.seen}
    assert estimators == {id(classifier)}


def test_callbacks_change_nothing(data):
    expected = tiny().fit(*data).predict_proba(data[0])
    watched = tiny().set_callbacks(Recorder()).fit(*data)
    assert np.array_equal(watched.predict_proba(data[0]), expected)


def test_the_fitted_estimator_of_an_epoch_is_one_that_stopped_there(data):
    X, y = data
    recorder = Recorder()
    tiny(learning_rate_schedule="constant").set_callbacks(recorder).fit(X, y)
    *epochs, last = [seen[4] for seen in recorder.seen]
    assert [fitted.n_iter_ for fitted in [*epochs, last]] == [1, 2, 3, 3]
    for n, fitted in enumerate(epochs, start=1):
        alone = tiny(learning_rate_schedule="constant", epochs=n).fit(X, y)
        assert np.array_equal(fitted.predict_proba(X), alone.predict_proba(X))
        assert fitted.loss_curve_ == alone.loss_curve_


def test_a_callback_that_returns_true_stops_training(data):
    classifier = tiny().set_callbacks(Recorder(stop_after=1)).fit(*data)
    assert classifier.n_iter_ == 2


def test_callbacks_see_what_is_trained_on(data):
    X, y = data
    weights = np.linspace(1, 2, len(X))
    recorder = Recorder()
    classifier = tiny(early_stopping=True, validation_fraction=0.25)
    classifier.set_callbacks(recorder).fit(X, y, sample_weight=weights)
    _, seen_X, seen_y, metadata, _ = recorder.seen[0]
    assert len(seen_X) == len(seen_y) == 90
    table = {image.tobytes(): row for row, image in enumerate(X)}
    rows = [table[image.tobytes()] for image in seen_X]
    assert np.array_equal(y[rows], seen_y)
    assert np.array_equal(weights[rows], metadata["sample_weight"])


def test_scoring_monitor_records_a_score_an_epoch(data):
    monitor = ScoringMonitor(scoring="accuracy")
    classifier = tiny().set_callbacks(monitor).fit(*data)
    log = monitor.get_logs().data_as_pandas
    assert log[log["task_name"] == "epoch"]["task_id"].tolist() == [0, 1, 2]
    fit = log[log["task_name"] == "fit"]["accuracy"].item()
    assert fit == classifier.score(*data)


def test_scoring_monitor_inside_a_search(data):
    monitor = ScoringMonitor(scoring="neg_log_loss")
    search = GridSearchCV(
        tiny(epochs=2).set_callbacks(monitor), {"learning_rate": [0.01, 0.02]}, cv=2
    )
    search.fit(*data)
    # Two candidates and two folds, and the fit with the best.
    log = monitor.get_logs().data_as_pandas
    assert (log["task_name"] == "epoch").sum() == 2 * (2 * 2 + 1)


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_progress_bars_of_a_search_show_folds_candidates_and_epochs(
    data, n_jobs, capsys, recwarn
):
    pipeline = make_pipeline(ImageReshaper(), ImageScaler(), tiny(epochs=2))
    grid = {"mnistcnnclassifier__learning_rate": [0.01, 0.02]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=2)).fit(*data)
    shown = capsys.readouterr().out
    assert len(re.findall(r"candidate-split-evaluation \| Pipeline - fit", shown)) == 4
    assert len(re.findall(r"fit-final-estimator \| MNISTCNN", shown)) == 5
    assert "100%" in shown
    ours = [w for w in recwarn if "does not support callbacks" in str(w.message)]
    assert ours == []


def test_callbacks_are_taken_down_after_a_failure_and_a_refusal(data):
    X, y = data
    failing = Recorder(fail=True)
    classifier = tiny().set_callbacks(failing)
    with pytest.raises(RuntimeError, match="the callback fails"):
        classifier.fit(X, y)
    assert failing.calls[-1] == "teardown"
    refused = Recorder()
    with pytest.raises(ValueError, match="one class"):
        classifier.set_callbacks(refused).fit(X, np.zeros(len(X)))
    assert refused.calls == ["setup", "teardown"]
    assert not hasattr(classifier, "classes_")
    assert not [name for name in vars(classifier) if "callback_fit" in name]


def test_a_fit_leaves_no_task_in_the_estimator(data):
    classifier = tiny().set_callbacks(Recorder()).fit(*data)
    assert not [name for name in vars(classifier) if "ctx" in name]
    assert "teardown" not in repr(vars(classifier).keys())
    loaded = pickle.loads(pickle.dumps(classifier.set_callbacks()))
    assert np.array_equal(loaded.predict(data[0]), classifier.predict(data[0]))
    assert clone(classifier).get_params() == classifier.get_params()


def test_partial_fit_is_a_task_of_one_epoch(data):
    X, y = data
    recorder = Recorder()
    tiny().set_callbacks(recorder).partial_fit(X, y, classes=np.unique(y))
    assert recorder.calls.count("end epoch 0") == 1
    assert recorder.calls[-1] == "teardown"


@pytest.mark.parametrize("transformer", [ImageScaler(), ImageReshaper()])
def test_transformers_are_tasks_too(data, transformer):
    recorder = Recorder()
    transformer.set_callbacks(recorder).fit(*data)
    assert recorder.calls == ["setup", "begin fit 0", "end fit 0", "teardown"]
    assert len(recorder.seen[0][4].transform(data[0])) == len(data[0])


def test_epochs_of_a_middle_step_are_tasks_of_the_pipeline(data):
    recorder = Recorder()
    pipeline = make_pipeline(tiny().set_callbacks(recorder), KNeighborsClassifier())
    pipeline.fit(*data)
    assert [f"end epoch {i}" for i in range(3)] == [
        call for call in recorder.calls if call.startswith("end epoch")
    ]
    assert recorder.calls[-1] == "teardown"
    propagated = ProgressBar(max_propagation_depth=None)
    make_pipeline(tiny(), KNeighborsClassifier()).set_callbacks(propagated).fit(*data)


def test_fit_transform_has_the_tasks_of_fit(data):
    of_fit, of_fit_transform = Recorder(), Recorder()
    tiny().set_callbacks(of_fit).fit(*data)
    tiny().set_callbacks(of_fit_transform).fit_transform(*data)
    assert of_fit_transform.calls == of_fit.calls
