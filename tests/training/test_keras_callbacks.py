"""Keras callbacks: what they see, what is heeded, what is left of them."""

import copy
import csv
import pickle
import threading
from collections import defaultdict, deque

import joblib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from tiny import tiny_classifier as tiny

import skcnn
from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._training.keras_callbacks import check_callbacks, copy_callbacks

keras = pytest.importorskip("keras")

HOOKS = [
    f"on_{what}_{when}"
    for what in ("train", "epoch", "train_batch", "test", "test_batch")
    for when in ("begin", "end")
]


@pytest.fixture(scope="module")
def data(digits):
    images, labels = digits
    return images[:80], labels[:80]


@pytest.fixture(scope="module")
def validation(digits):
    images, labels = digits
    return {"X_val": images[200:250], "y_val": labels[200:250]}


@pytest.fixture(scope="module")
def misleading(data):
    """Validation labels that are all wrong: who learns more scores lower."""
    X, y = data
    return {"X_val": X, "y_val": (y + 1) % 10}


class Recorder(keras.callbacks.Callback):
    """Writes down each hook with its number, the names in its logs and the step."""

    def __init__(self):
        super().__init__()
        self.seen = []
        self.logs = []
        self.steps = []

    def note(self, hook, number, logs):
        self.seen.append((hook, number, None if logs is None else list(logs)))
        self.logs.append(logs)
        self.steps.append(int(self.model.optimizer.iterations))


def _hook(name):
    if name.startswith(("on_train_b", "on_train_e", "on_test_b", "on_test_e")) and (
        "batch" not in name
    ):
        return lambda self, logs=None: self.note(name, None, logs)
    return lambda self, number, logs=None: self.note(name, number, logs)


for _name in HOOKS:
    setattr(Recorder, _name, _hook(_name))


def model_of(data):
    """Return a network that Keras trains on the same images."""
    model = keras.Sequential(
        [
            keras.Input(data[0].shape[1:]),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    loss = "sparse_categorical_crossentropy"
    model.compile("adam", loss, weighted_metrics=["accuracy"])
    return model


# What they are told


@pytest.mark.slow
@pytest.mark.parametrize("with_validation", [False, True])
@pytest.mark.parametrize("verbose", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_callbacks_are_told_what_model_fit_tells_them(
    data, validation, with_validation, verbose, capsys
):
    X, y = data
    theirs = Recorder()
    arguments = {"batch_size": 20, "epochs": 2, "verbose": verbose}
    if with_validation:
        arguments["validation_data"] = tuple(validation.values())
    model_of(data).fit(X, y, callbacks=[theirs], **arguments)

    fit_params = validation if with_validation else {}
    clf = tiny(callbacks=Recorder(), verbose=verbose).fit(X, y, **fit_params)
    ours = clf.callbacks_[0]
    assert len(ours.seen) > 2 * (2 + 4 * 2)
    assert ours.seen == theirs.seen
    assert ours.steps == theirs.steps
    assert ours.params == theirs.params


def test_batch_logs_are_averages_since_the_epoch_began(data, validation):
    clf = tiny(callbacks=Recorder()).fit(*data, **validation)
    recorder = clf.callbacks_[0]
    by_hook = defaultdict(list)
    for (hook, *_), logs in zip(recorder.seen, recorder.logs, strict=True):
        by_hook[hook].append(logs)
    ends = by_hook["on_epoch_end"]
    assert [logs["loss"] for logs in ends] == clf.loss_curve_
    assert [logs["val_accuracy"] for logs in ends] == clf.validation_scores_
    for epoch, logs in enumerate(ends):
        last_batch = by_hook["on_train_batch_end"][4 * epoch + 3]
        assert last_batch == {name: logs[name] for name in ("accuracy", "loss")}
        last_batch = by_hook["on_test_batch_end"][3 * epoch + 2]
        assert last_batch == {
            name: pytest.approx(logs[f"val_{name}"]) for name in ("accuracy", "loss")
        }
    assert by_hook["on_train_end"] == [ends[-1]]


def test_hooks_of_tests_do_not_change_what_is_measured(data, validation):
    watched = tiny(callbacks=Recorder()).fit(*data, **validation)
    alone = tiny().fit(*data, **validation)
    assert watched.validation_loss_curve_ == alone.validation_loss_curve_
    assert watched.validation_scores_ == alone.validation_scores_


def test_the_progress_bar_of_keras_counts_the_steps(data, capsys):
    tiny(callbacks=keras.callbacks.ProgbarLogger(), verbose=1).fit(*data)
    printed = capsys.readouterr().out
    assert "4/4" in printed
    assert "Epoch 2/2" in printed
    assert "accuracy: " in printed


def test_the_model_has_its_history_while_it_is_trained(data):
    class Reader(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            self.curve = self.model.history.history["loss"]

    clf = tiny(callbacks=Reader()).fit(*data)
    assert clf.callbacks_[0].curve == clf.loss_curve_


def test_the_checkpoint_of_keras_holds_the_state_of_the_optimizer(data, tmp_path):
    path = tmp_path / "model.keras"
    tiny(callbacks=keras.callbacks.ModelCheckpoint(path)).fit(*data)
    assert int(keras.models.load_model(path).optimizer.iterations) == 2 * 4


# What they monitor


@pytest.mark.parametrize(
    ("monitor", "direction"),
    [
        ("loss", "less"),
        ("val_loss", "less"),
        ("accuracy", "greater"),
        ("val_accuracy", "greater"),
    ],
)
@pytest.mark.parametrize(
    "classifier",
    [MNISTCNNClassifier, pytest.param(CIFARCNNClassifier, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize(
    "dtype",
    [
        "float32",
        pytest.param("float64", marks=pytest.mark.slow),
        pytest.param("mixed_bfloat16", marks=pytest.mark.slow),
    ],
)
def test_early_stopping_knows_the_direction_of_what_it_monitors(
    data, validation, monitor, direction, classifier, dtype
):
    class Own(keras.callbacks.EarlyStopping):
        pass

    clf = tiny(classifier, epochs=1, dtype=dtype, callbacks=Own(monitor=monitor))
    clf.fit(*data, **validation)
    assert clf.callbacks_[0].monitor_op is getattr(keras.ops, direction)


@pytest.mark.parametrize("monitor", ["loss", "accuracy", "val_loss", "val_accuracy"])
def test_every_monitoring_callback_works_without_a_mode(
    data, validation, monitor, tmp_path
):
    path = tmp_path / "best.keras"
    clf = tiny(
        callbacks=[
            keras.callbacks.EarlyStopping(monitor=monitor, patience=3),
            keras.callbacks.ReduceLROnPlateau(monitor=monitor, patience=3),
            keras.callbacks.ModelCheckpoint(path, monitor=monitor, save_best_only=True),
        ]
    ).fit(*data, **validation)
    assert clf.n_iter_ == 2
    assert keras.models.load_model(path).count_params() == clf.model_.count_params()


def test_the_best_weights_by_accuracy_are_restored_without_a_mode(data, misleading):
    callback = keras.callbacks.EarlyStopping(
        monitor="val_accuracy", patience=3, restore_best_weights=True
    )
    clf = tiny(callbacks=callback, epochs=20, batch_size="auto")
    scores = clf.fit(*data, **misleading).validation_scores_
    assert scores[-1] < max(scores)
    assert clf.score(misleading["X_val"], misleading["y_val"]) == max(scores)
    assert clf.callbacks_[0].best == max(scores)
    assert clf.callbacks_[0].stopped_epoch == clf.n_iter_ - 1


def test_the_model_is_compiled_with_accuracy(data):
    X, y = data
    clf = tiny().fit(X, y)
    values = clf.model_.evaluate(X, y, verbose=0, return_dict=True)
    assert values["accuracy"] == pytest.approx(clf.score(X, y))


# What is heeded


def test_a_rate_that_is_set_before_a_batch_counts_for_it(data):
    class ThirdBatchOnly(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            self.model.optimizer.learning_rate = 0.1 if batch == 2 else 1e-30

    X, y = data
    params = {"optimizer": "sgd", "learning_rate_schedule": "constant", "epochs": 1}
    params |= {"shuffle": False, "batch_normalization": False}
    watched = tiny(callbacks=ThirdBatchOnly(), learning_rate=1.0, **params).fit(X, y)
    still = tiny(learning_rate=1e-30, **params).fit(X, y)
    before = still.predict_proba(X)
    still.set_params(learning_rate=0.1).partial_fit(X[40:60], y[40:60])
    assert np.abs(still.predict_proba(X) - before).max() > 1e-3
    np.testing.assert_allclose(
        watched.predict_proba(X), still.predict_proba(X), atol=1e-6
    )


def test_backup_and_restore_goes_on_where_training_was_interrupted(data, tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise RuntimeError("interrupted")

    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    clf = tiny(epochs=4, callbacks=[backup, Interrupt()])
    with pytest.raises(RuntimeError, match="interrupted"):
        clf.fit(*data)
    clf.set_params(callbacks=[backup, Recorder()]).fit(*data)
    recorder = clf.callbacks_[1]
    epochs = [number for hook, number, _ in recorder.seen if hook == "on_epoch_end"]
    assert epochs == [2, 3]
    assert recorder.steps[-1] == 4 * 4
    assert not (tmp_path / "backup").exists()


def test_nothing_left_to_train_after_a_restore_is_said(data, tmp_path):
    backup = keras.callbacks.BackupAndRestore(tmp_path / "b", delete_checkpoint=False)
    clf = tiny(callbacks=backup).fit(*data)
    with pytest.raises(ValueError, match=r"restored a training of 2 epochs.*epochs=2"):
        clf.fit(*data)
    assert clf.set_params(epochs=3).fit(*data).n_iter_ == 1


# What is left of them


def test_the_callbacks_that_were_used_can_be_read(data, validation):
    given = [
        keras.callbacks.History(),
        Recorder(),
        keras.callbacks.EarlyStopping(monitor="loss", min_delta=9, patience=1),
    ]
    clf = tiny(epochs=5, callbacks=given).fit(*data, **validation)
    history, recorder, stopping = clf.callbacks_
    assert history.history == clf.history_
    assert recorder.seen[0][0] == "on_train_begin"
    assert stopping.stopped_epoch == 1
    # The user's own are as they were, and a second fit begins anew.
    assert clf.callbacks is given
    assert given[0].history == {} and given[1].seen == []
    assert given[2].stopped_epoch == 0 and given[2].model is None
    clf.fit(*data)
    assert len(clf.callbacks_[0].history["loss"]) == 2
    assert "val_loss" not in clf.callbacks_[0].history


def test_without_callbacks_the_list_is_empty(data):
    clf = tiny().fit(*data)
    assert clf.callbacks_ == []
    clf.set_params(callbacks=keras.callbacks.History()).partial_fit(*data)
    assert len(clf.callbacks_) == 1
    assert clf.set_params(callbacks=None).partial_fit(*data).callbacks_ == []


def test_a_refused_fit_keeps_the_callbacks_of_the_last_one(data):
    X, y = data
    clf = tiny(callbacks=keras.callbacks.History()).fit(X, y)
    before = clf.callbacks_
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        clf.fit(X, y[1:])
    assert clf.callbacks_ is before


class Study:
    """What an in-memory study of a tuning library is: no value, but a place."""

    def __init__(self):
        self.lock = threading.Lock()  # which cannot be copied
        self.reports = []


class Pruned(Exception):
    pass


class Pruning(keras.callbacks.Callback):
    def __init__(self, study):
        super().__init__()
        self.study = study

    def on_epoch_end(self, epoch, logs=None):
        self.study.reports.append(logs["val_accuracy"])
        if epoch == 1:
            raise Pruned


def test_a_callback_that_reports_into_memory_is_heard(data, validation):
    study = Study()
    clf = tiny(epochs=5, callbacks=[Pruning(study)])
    with pytest.raises(Pruned):
        clf.fit(*data, **validation)
    assert len(study.reports) == 2


plain = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | st.booleans(),
    lambda parts: st.one_of(
        st.lists(parts, max_size=3),
        st.lists(parts, max_size=3).map(tuple),
        st.lists(parts, max_size=3).map(deque),
        st.dictionaries(st.text(max_size=2), parts, max_size=3),
        st.sets(st.integers(), max_size=1),
        st.builds(lambda: np.zeros(2)),
    ),
    max_leaves=8,
)


def containers_in(value, found):
    """Collect all that can be changed in place."""
    if isinstance(value, (list, dict, set, deque, np.ndarray)):
        found.append(value)
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, (list, tuple, deque, type({}.values()))):
        for part in value:
            containers_in(part, found)
    return found


@given(plain)
def test_a_copy_shares_objects_and_no_container(value):
    thing = object()
    callback = keras.callbacks.Callback()
    callback.value = [value, thing, {"thing": thing}]
    inner = keras.callbacks.Callback()
    inner.value, callback.inner = callback.value, inner
    (copied,) = copy_callbacks([callback])
    theirs, ours = (containers_in(c.value, []) for c in (callback, copied))
    assert repr(theirs) == repr(ours)
    assert not {id(c) for c in theirs} & {id(c) for c in ours}
    assert copied.value[1] is copied.value[2]["thing"] is thing
    assert copied.inner is not inner
    assert copied.inner.value is copied.value  # as it was among the originals


@pytest.mark.parametrize("make", [np.random.default_rng, np.random.RandomState])
def test_a_generator_draws_the_same_in_every_copy(make):
    callback = keras.callbacks.Callback()
    callback.generator = make(0)
    drawn = [copy_callbacks([callback])[0].generator.normal() for _ in range(2)]
    assert drawn == [make(0).normal()] * 2


def test_a_callback_that_says_how_it_is_copied_is_heeded():
    class Itself(keras.callbacks.Callback):
        def __deepcopy__(self, memo):
            return self

    callback = Itself()
    assert copy_callbacks([callback]) == [callback]


def test_a_list_of_callbacks_of_keras_is_copied_with_its_callbacks(data):
    recorder = Recorder()
    clf = tiny(callbacks=keras.callbacks.CallbackList([recorder])).fit(*data)
    assert recorder.seen == []
    assert clf.callbacks_[0].callbacks[0].seen


class Locked(keras.callbacks.Callback):
    """Holds something that neither deepcopy nor pickle can copy."""

    def on_train_begin(self, logs=None):
        self.lock = threading.Lock()


copies = pytest.mark.parametrize(
    "copied",
    [
        lambda clf, folder: pickle.loads(pickle.dumps(clf)),
        lambda clf, folder: copy.deepcopy(clf),
        lambda clf, folder: joblib.load(joblib.dump(clf, folder / "clf")[0]),
    ],
    ids=["pickle", "deepcopy", "joblib"],
)


@copies
def test_copies_do_without_the_callbacks_that_were_used(data, copied, tmp_path):
    X, y = data
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    clf = tiny(callbacks=[Locked(), log]).fit(X, y)
    again = copied(clf, tmp_path)
    assert again.callbacks_ == []
    assert [type(c) for c in again.callbacks] == [Locked, keras.callbacks.CSVLogger]
    assert np.array_equal(again.predict_proba(X), clf.predict_proba(X))
    assert len(clf.callbacks_) == 2
    assert copy.copy(clf).callbacks_ is clf.callbacks_
    with (tmp_path / "log.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2


def test_a_saved_classifier_is_loaded_with_an_empty_list(data, tmp_path):
    clf = tiny(callbacks=keras.callbacks.History()).fit(*data)
    with pytest.warns(UserWarning, match="callbacks is not saved"):
        skcnn.save(clf, tmp_path / "clf.skcnn")
    assert skcnn.load(tmp_path / "clf.skcnn").callbacks_ == []


@pytest.mark.parametrize(
    "backend", [pytest.param("loky", marks=pytest.mark.slow), "threading"]
)
def test_callbacks_in_a_parallel_search_do_not_meet(data, backend):
    X, y = data
    clf = tiny(callbacks=[keras.callbacks.History()])
    with joblib.parallel_backend(backend, n_jobs=2):
        out = cross_validate(
            make_pipeline(clf), X, y, cv=2, return_estimator=True, n_jobs=2
        )
    for pipeline in out["estimator"]:
        used = pipeline[-1].callbacks_
        assert [len(c.history["loss"]) for c in used] == (
            [2] if backend == "threading" else []
        )
    assert clf.callbacks[0].history == {}


def test_a_clone_has_not_used_any(data):
    clf = tiny(callbacks=keras.callbacks.History()).fit(*data)
    assert not hasattr(clone(clf), "callbacks_")


# What is refused


@pytest.mark.parametrize("bad", ["EarlyStopping", [len], [None], 3, object(), {}])
def test_what_is_no_callback_is_an_invalid_parameter(bad):
    message = r"Got callbacks=.*expected a keras\.callbacks\.Callback instance"
    with pytest.raises(TypeError, match=message):
        check_callbacks(bad)
