"""Training that is killed goes on where its last complete epoch ended."""

import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from tiny import tiny_classifier

import skcnn
from skcnn._training import loop
from skcnn._training.archive import Encoder, read_archive, write_archive


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][:200], digits[1][:200]


def make(**parameters):
    return tiny_classifier(**{"epochs": 5} | parameters)


class Killed(BaseException):
    """What no code expects, as no code expects a kill."""


def fit_and_die(clf, n_epochs, monkeypatch, *args, **kwargs):
    """Fit, and die after some epochs, before the next one is over."""
    train_epoch = loop._train_epoch
    calls = []

    def dying(*args):
        if len(calls) == n_epochs:
            raise Killed
        calls.append(1)
        return train_epoch(*args)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_train_epoch", dying)
        with pytest.raises(Killed):
            clf.fit(*args, **kwargs)


def assert_equal(one, other, X):
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert one.history_ == other.history_
    slots, others = (clf.keras_classifier_.state_.slots for clf in (one, other))
    for value, same in zip(slots, others, strict=True):
        np.testing.assert_array_equal(value, same)


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"early_stopping": True, "epochs": 8, "n_iter_no_change": 2},
        {"augment": ("flip", "affine"), "dropout": 0.3, "whitening": True},
        {
            "progressive_resizing": (0.5, 1.0),
            "global_pooling": True,
            "padding": "same",
        },
        {"random_state": np.random.RandomState(3)},
        {"optimizer": "adam", "shuffle": False, "learning_rate_schedule": "cosine"},
    ],
    ids=lambda parameters: ", ".join(parameters) or "defaults",
)
@pytest.mark.parametrize(
    "n_epochs", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 3))]
)
def test_a_killed_fit_ends_as_if_it_had_not_been(
    parameters, n_epochs, data, tmp_path, monkeypatch
):
    def again():
        seed = parameters.get("random_state")
        fixed = {} if seed is None else {"random_state": np.random.RandomState(3)}
        return make(**parameters | fixed)

    X, y = data
    whole = again().fit(X, y)
    path = tmp_path / "fit.checkpoint"
    fit_and_die(again(), n_epochs, monkeypatch, X, y, checkpoint=path)
    assert path.exists() == (n_epochs > 0)
    resumed = again().fit(X, y, checkpoint=path)
    assert_equal(resumed, whole, X)
    # The same call once more trains nothing, and what follows is the same too.
    done = again().fit(X, y, checkpoint=path)
    assert_equal(done, whole, X)
    whole.set_params(early_stopping=False).partial_fit(X, y)
    done.set_params(early_stopping=False).partial_fit(X, y)
    np.testing.assert_array_equal(done.predict_proba(X), whole.predict_proba(X))
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.slow
def test_killed_again_and_again(data, tmp_path, monkeypatch):
    X, y = data
    path = tmp_path / "fit.checkpoint"
    for _ in range(4):
        fit_and_die(make(), 1, monkeypatch, X, y, checkpoint=path)
    resumed = make().fit(X, y, checkpoint=path)
    assert_equal(resumed, make().fit(X, y), X)


def test_more_epochs_than_the_fit_has_are_refused(data, tmp_path):
    X, y = data
    path = tmp_path / "fit.checkpoint"
    clf = make().fit(X, y, checkpoint=path)
    state = read_archive(path, lambda document, decode: decode(document["checkpoint"]))
    for name, values in state["history"].items():
        state["history"][name] = values * 1000
    encode = Encoder()
    write_archive(path, {"checkpoint": encode(state)}, encode)
    with pytest.raises(ValueError, match=rf"000 epochs of a fit of {clf.epochs}\. Del"):
        make().fit(X, y, checkpoint=path)


def test_without_a_seed_it_goes_on_all_the_same(data, tmp_path, monkeypatch):
    X, y = data
    path = tmp_path / "fit.checkpoint"
    unseeded = make(random_state=None, early_stopping=True)
    fit_and_die(unseeded, 2, monkeypatch, X, y, checkpoint=path)
    before = read_archive(path, lambda document, decode: decode(document["checkpoint"]))
    clf = make(random_state=None, early_stopping=True).fit(X, y, checkpoint=path)
    assert clf.history_["val_loss"][:2] == before["history"]["val_loss"]
    assert len(clf.history_["loss"]) == 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["str", "object", "bool"])
def test_labels_of_any_kind(kind, data, tmp_path, monkeypatch):
    X = data[0]
    y = np.array(["small", "large"], object)[(data[1] > 4).astype(int)]
    if kind != "object":
        y = (y == "large").astype(kind)
    path = tmp_path / "fit.checkpoint"
    fit_and_die(make(), 2, monkeypatch, X, y, checkpoint=path)
    assert_equal(make().fit(X, y, checkpoint=path), make().fit(X, y), X)
    with pytest.raises(ValueError, match="other parameters or other data"):
        make().fit(X, y[::-1], checkpoint=path)


def test_validation_and_weights_are_part_of_the_fit(data, tmp_path, monkeypatch):
    X, y = data
    path = tmp_path / "fit.checkpoint"
    options = {"X_val": X[:50], "y_val": y[:50], "sample_weight": np.arange(1.0, 201)}
    fit_and_die(make(), 2, monkeypatch, X, y, checkpoint=path, **options)
    resumed = make().fit(X, y, checkpoint=path, **options)
    assert_equal(resumed, make().fit(X, y, **options), X)
    for change in ({"X_val": X[:49], "y_val": y[:49]}, {"sample_weight": None}):
        with pytest.raises(ValueError, match="other parameters or other data"):
            make().fit(X, y, checkpoint=path, **options | change)


def test_numpy_parameters_and_images_in_any_order(data, tmp_path):
    X, y = data
    path = tmp_path / "fit.checkpoint"
    clf = make(learning_rate=np.float32(0.01), epochs=1)
    clf.fit(X, y, checkpoint=path)
    written = path.read_bytes()
    make(learning_rate=np.float32(0.01), epochs=1).fit(
        np.asfortranarray(X), y, checkpoint=path
    )
    assert path.read_bytes() == written
    with pytest.raises(ValueError, match="other data"):
        clf.fit(np.ascontiguousarray(X[::-1]), y, checkpoint=path)


def test_another_fit_is_refused(data, tmp_path):
    X, y = data
    path = tmp_path / "fit.checkpoint"
    make(epochs=1).fit(X, y, checkpoint=path)
    content = path.read_bytes()
    changed = X.copy()
    changed[0, 0, 0] += 1
    for clf, images in (
        (make(epochs=2), X),
        (make(epochs=1, learning_rate=0.1), X),
        (make(epochs=1), changed),
        (make(epochs=1), X[:199]),
    ):
        with pytest.raises(ValueError, match="other parameters or other data"):
            clf.fit(images, y[: len(images)], checkpoint=path)
    with pytest.raises(ValueError, match="another random_state"):
        make(epochs=1, random_state=1).fit(X, y, checkpoint=path)
    assert path.read_bytes() == content
    make(epochs=1, verbose=0).fit(X, y, checkpoint=path)


def test_what_is_no_checkpoint_is_refused_and_stays(data, tmp_path):
    import keras

    X, y = data
    path = tmp_path / "file"
    path.write_bytes(b"my thesis")
    with pytest.raises(ValueError, match="file is not a file written by skcnn"):
        make().fit(X, y, checkpoint=path)
    assert path.read_bytes() == b"my thesis"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is not a file"):
        make().fit(X, y, checkpoint=tmp_path / "pipe")
    skcnn.save(make(epochs=1).fit(X, y), path)
    with pytest.raises(ValueError, match="a model and not a checkpoint"):
        make().fit(X, y, checkpoint=path)
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        make().fit(X, y, checkpoint=tmp_path / "nowhere" / "a")
    with pytest.raises(TypeError, match="Got checkpoint=True, but expected a path"):
        make().fit(X, y, checkpoint=True)
    callbacks = [keras.callbacks.TerminateOnNaN()]
    with pytest.raises(ValueError, match="cannot keep the state of callbacks"):
        make(callbacks=callbacks).fit(X, y, checkpoint=tmp_path / "a")
    warm = make(epochs=1, warm_start=True).fit(X, y, checkpoint=tmp_path / "b")
    with pytest.raises(ValueError, match="warm_start=True goes on"):
        warm.fit(X, y, checkpoint=tmp_path / "b")
    with pytest.raises(ValueError, match="it is the checkpoint of a fit"):
        skcnn.load(tmp_path / "b")


def test_a_full_disk_keeps_the_last_checkpoint(data, tmp_path, monkeypatch):
    X, y = data
    path = tmp_path / "fit.checkpoint"
    fsync, calls = os.fsync, []

    def filling_up(descriptor):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    clf = make()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", filling_up)
        with pytest.raises(OSError, match="No space left"):
            clf.fit(X, y, checkpoint=path)
    assert not hasattr(clf, "classes_")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    resumed = make().fit(X, y, checkpoint=path)
    assert_equal(resumed, make().fit(X, y), X)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="sends SIGKILL")
def test_sigkill_at_random_moments(tmp_path):
    code = f"import sys; sys.path[:] = {sys.path!r}"
    code += """
import numpy as np
from sklearn.datasets import load_digits
from skcnn._training import loop
from tiny import tiny_classifier
import skcnn
digits = load_digits()
clf = tiny_classifier(epochs=400)
print("begin", flush=True)
clf.fit(digits.images[:100], digits.target[:100], checkpoint="fit.checkpoint")
skcnn.save(clf, "done.skcnn")
"""
    draw = random.Random(0)
    kills = 0
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE
        )
        process.stdout.readline()
        time.sleep(draw.uniform(1.0, 3.0))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        process.stdout.close()
        if (tmp_path / "done.skcnn").exists():
            break
        if kills == 2:
            subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
            break
    assert kills
    from sklearn.datasets import load_digits

    X, y = load_digits().images[:100], load_digits().target[:100]
    whole = make(epochs=400).fit(X, y)
    assert_equal(skcnn.load(tmp_path / "done.skcnn"), whole, X)
