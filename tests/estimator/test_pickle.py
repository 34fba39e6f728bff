"""A pickle of a fitted classifier holds plain values and names one class."""

import copy
import io
import pickle
import pickletools
import subprocess
import sys
import threading

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from tiny import tiny_classifier as tiny

import skcnn
from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._estimator.classifiers import MNISTCNNClassifier as UnderItsOldName
from skcnn.preprocessing import ImageScaler

OF_NUMPY = {
    ("_codecs", "encode"),  # how protocol 2 writes bytes
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
    ("numpy._core.numeric", "_frombuffer"),
    ("numpy.random._mt19937", "MT19937"),
    ("numpy.random._pickle", "__bit_generator_ctor"),
    ("numpy.random._pickle", "__randomstate_ctor"),
}

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


@pytest.fixture(scope="module")
def data(digits):
    images, labels = digits
    return images[:100], labels[:100]


@pytest.fixture(scope="module")
def fitted(data):
    return tiny().fit(*data)


def names_in(pickled):
    """Return what a pickle asks to be imported, read off its opcodes."""
    names, memo, strings = set(), {}, []
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name in ("GLOBAL", "INST"):
            names.add(tuple(argument.split(" ")))
        elif opcode.name == "STACK_GLOBAL":
            names.add(tuple(strings[-2:]))
        elif "UNICODE" in opcode.name:
            strings.append(argument)
        elif opcode.name in ("MEMOIZE", "BINPUT", "LONG_BINPUT", "PUT"):
            key = len(memo) if opcode.name == "MEMOIZE" else argument
            memo[key] = strings[-1] if strings else None
        elif opcode.name in ("BINGET", "LONG_BINGET", "GET"):
            strings.append(memo[argument])
        assert opcode.name not in ("EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID")
    return names


class Recording(pickle.Unpickler):
    """Loads a pickle and takes down what it imports."""

    def __init__(self, pickled):
        super().__init__(io.BytesIO(pickled))
        self.names = set()

    def find_class(self, module, name):
        self.names.add((module, name))
        return super().find_class(module, name)


SLOW_TO_TRACE = ("augmentation", "resizing")
SETTINGS = {
    "the defaults": {},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
    "adam by name": {"optimizer": "adam"},
    "batch normalization": {"batch_normalization": True},
    "a generator": {"random_state": np.random.RandomState(3)},
    "no seed": {"random_state": None},
    "augmentation": {"augment": ("shift",), "test_time_augmentation": "shift"},
    "resizing": {"progressive_resizing": (0.5, 1.0), "global_pooling": True},
    "class weights": {"class_weight": {"0": 2.0}},
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("labels", [int, str, object])
def test_a_pickle_names_the_public_class_and_nothing_else_but_numpy(
    data, protocol, labels
):
    X, y = data
    clf = tiny(epochs=1).fit(X.astype(float), y.astype(str).astype(labels))
    pickled = pickle.dumps(clf, protocol)
    loading = Recording(pickled)
    loading.load()
    assert loading.names - OF_NUMPY == {("skcnn", "MNISTCNNClassifier")}
    assert names_in(pickled) == loading.names


@pytest.mark.parametrize(
    "classifier",
    [MNISTCNNClassifier, pytest.param(CIFARCNNClassifier, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize(
    "setting",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW_TO_TRACE else ())
        for name in SETTINGS
    ],
)
def test_whatever_the_parameters_the_values_are_plain(data, setting, classifier):
    X, y = data
    clf = tiny(classifier, **{"epochs": 1} | SETTINGS[setting])
    clf.fit(X, y.astype(str))
    loading = Recording(pickle.dumps(clf))
    again = loading.load()
    assert loading.names - OF_NUMPY == {("skcnn", classifier.__name__)}
    assert np.array_equal(again.predict_proba(X), clf.predict_proba(X))
    if setting not in ("early stopping", "no seed"):
        for each in (clf, again):
            each.partial_fit(X, y.astype(str))
        assert np.array_equal(again.predict_proba(X), clf.predict_proba(X))
        assert again.history_ == clf.history_


@pytest.mark.slow
def test_objects_among_the_parameters_stay_what_they_are(data):
    keras = pytest.importorskip("keras")
    X, y = data
    clf = tiny(optimizer=keras.optimizers.SGD(0.01, momentum=0.9)).fit(X, y)
    again = pickle.loads(pickle.dumps(clf))
    assert type(again.optimizer) is keras.optimizers.SGD
    for each in (clf, again):
        each.partial_fit(X, y)
    assert np.array_equal(again.predict_proba(X), clf.predict_proba(X))


def test_the_class_is_found_where_users_import_it():
    assert MNISTCNNClassifier.__module__ == CIFARCNNClassifier.__module__ == "skcnn"
    assert UnderItsOldName is MNISTCNNClassifier
    assert repr(MNISTCNNClassifier) == "<class 'skcnn.MNISTCNNClassifier'>"


def test_a_pickle_from_before_is_read(fitted, data):
    state = dict(vars(fitted))
    del state["callbacks_"]  # which older versions did not have
    old = MNISTCNNClassifier.__new__(MNISTCNNClassifier)
    old.__setstate__(state)
    assert np.array_equal(old.predict_proba(data[0]), fitted.predict_proba(data[0]))
    assert old.callbacks_ == []
    again = pickle.loads(pickle.dumps(old))
    assert np.array_equal(again.predict_proba(data[0]), fitted.predict_proba(data[0]))


@pytest.mark.slow
def test_unpickling_and_looking_imports_no_tensorflow(fitted, tmp_path):
    pipeline = make_pipeline(fitted)
    (tmp_path / "clf.pkl").write_bytes(pickle.dumps(pipeline))
    script = """
import pickle, sys
clf = pickle.load(open("clf.pkl", "rb"))[-1]
assert clf.n_iter_ == 2 and clf.get_params()["filters"] == 4 and repr(clf)
assert list(clf.classes_) == list(range(10)) and clf.callbacks_ == []
assert clf.__sklearn_is_fitted__() and not hasattr(clf, "nonsense")
heavy = {"tensorflow", "keras", "scikeras", "jax", "torch"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


# What survives


through = pytest.mark.parametrize(
    "copied",
    [
        lambda clf: pickle.loads(pickle.dumps(clf)),
        lambda clf: pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(clf)))),
        copy.deepcopy,
        copy.copy,
    ],
    ids=["pickle", "pickle of an unused one", "deepcopy", "copy"],
)


@through
def test_fitted_attributes_and_parameters_are_the_same(data, copied):
    X, y = data
    frame = pd.DataFrame(X.reshape(len(X), -1)).add_prefix("pixel")
    clf = tiny(early_stopping=True).fit(frame, y)
    clf.mine, clf.mine_ = "a user's", {"own": [1]}
    again = copied(clf)
    assert again.get_params() == clf.get_params()
    for name in (
        *("image_shape_", "n_features_in_", "n_iter_", "history_", "loss_"),
        *("validation_scores_", "best_validation_score_", "mine", "mine_"),
    ):
        assert getattr(again, name) == getattr(clf, name)
    assert list(again.feature_names_in_) == list(clf.feature_names_in_)
    assert np.array_equal(again.classes_, clf.classes_)
    with pytest.raises(ValueError, match="feature names"):
        again.predict(frame[frame.columns[::-1]])
    assert np.array_equal(again.predict_proba(frame), clf.predict_proba(frame))
    assert again.model_.count_params() == clf.model_.count_params()
    assert set(vars(again)) == set(vars(clf))


@through
def test_warm_starts_and_fits_anew_go_on_with_the_same_bits(data, copied):
    X, y = data
    clf = tiny(warm_start=True, dropout=0.2).fit(X, y)
    others = [copied(clf), copied(clf).set_params(warm_start=False)]
    # The state of the generator is one, where a copy shares it.
    alone = pickle.loads(pickle.dumps(clf)).fit(X, y)
    assert others[0].fit(X, y).n_iter_ == 4
    assert np.array_equal(others[0].predict_proba(X), alone.predict_proba(X))
    fresh = tiny(dropout=0.2).fit(X, y)
    assert np.array_equal(others[1].fit(X, y).predict_proba(X), fresh.predict_proba(X))


@through
def test_parameters_that_were_set_after_fit_change_no_prediction(data, fitted, copied):
    X, _ = data
    clf = copy.copy(fitted).set_params(filters=9, dropout=7, epochs=-1, optimizer="?")
    clf.set_params(image_shape=3, callbacks="none", scaling="?")
    again = copied(clf)
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))
    again.set_params(filters="nonsense", random_state="nonsense")
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))


@through
def test_a_generator_keeps_its_identity(data, copied):
    X, y = data
    generator = np.random.RandomState(5)
    again = copied(tiny(random_state=generator).fit(X, y))
    assert again._random_state is again.random_state
    before = again._random_state
    again.set_params(random_state=1)
    assert again._random_state is before
    again = copied(tiny(random_state=None).fit(X, y))
    assert again._random_state is np.random.mtrand._rand


@through
def test_requests_outputs_and_callbacks_of_scikit_learn_stay(data, fitted, copied):
    from sklearn.callback import ScoringMonitor

    with sklearn.config_context(enable_metadata_routing=True):
        clf = copy.copy(fitted).set_fit_request(X_val=True)
        clf.set_callbacks(ScoringMonitor(scoring="accuracy"))
        again = copied(clf)
        assert again.get_metadata_routing().fit.requests["X_val"] is True
    assert vars(again).keys() >= {"_metadata_request"}
    assert len(again._skl_callbacks) == 1


def test_two_threads_may_use_an_unpickled_classifier_at_once(data, fitted):
    X, _ = data
    expected = fitted.predict_proba(X)
    again = pickle.loads(pickle.dumps(fitted))
    start, results = threading.Barrier(8), []

    def predict():
        start.wait()
        results.append(again.predict_proba(X))

    threads = [threading.Thread(target=predict) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(np.array_equal(result, expected) for result in results)


@pytest.mark.slow
def test_workers_get_the_same_classifier(data, fitted):
    X, _ = data
    with joblib.parallel_backend("loky", n_jobs=2):
        proba = joblib.Parallel()(
            joblib.delayed(clf.predict_proba)(X) for clf in (fitted, fitted)
        )
    assert all(np.array_equal(each, fitted.predict_proba(X)) for each in proba)
    assert joblib.hash(fitted) == joblib.hash(copy.deepcopy(fitted))


def test_pipelines_and_searches_are_pickled_with_a_classifier(data):
    X, y = data
    search = GridSearchCV(
        make_pipeline(ImageScaler(), tiny(epochs=1)),
        {"mnistcnnclassifier__learning_rate": [0.01, 0.02]},
        cv=2,
    ).fit(X, y)
    loading = Recording(pickle.dumps(search))
    again = loading.load()
    assert np.array_equal(again.predict_proba(X), search.predict_proba(X))
    assert {name for name in loading.names if name[0].startswith("skcnn")} == {
        ("skcnn", "MNISTCNNClassifier"),
        ("skcnn.preprocessing", "ImageScaler"),
    }


def test_an_unpickled_classifier_is_cloned_saved_and_shown(data, fitted, tmp_path):
    again = pickle.loads(pickle.dumps(fitted))
    assert clone(again).get_params() == fitted.get_params()
    assert "_learned_values" in vars(again)  # nothing has asked for the network yet
    assert "classes_" in again._repr_html_()
    again = pickle.loads(pickle.dumps(fitted))
    skcnn.save(again, tmp_path / "clf.skcnn")
    loaded = skcnn.load(tmp_path / "clf.skcnn")
    assert np.array_equal(loaded.predict_proba(data[0]), fitted.predict_proba(data[0]))


def test_training_anew_forgets_what_was_unpickled(data, fitted):
    again = pickle.loads(pickle.dumps(fitted)).fit(*data)
    assert "_learned_values" not in vars(again)
    assert set(vars(again)) == set(vars(fitted))


def test_a_state_that_cannot_be_is_refused_on_first_use(data, fitted):
    state = fitted.__getstate__()
    state["_learned_values"] = state["_learned_values"] | {"weights": []}
    hostile = MNISTCNNClassifier.__new__(MNISTCNNClassifier)
    hostile.__setstate__(state)
    with pytest.raises(ValueError, match="weights"):
        hostile.predict(data[0])
    with pytest.raises(AttributeError, match="'MNISTCNNClassifier' object has no attr"):
        _ = hostile.nonsense
