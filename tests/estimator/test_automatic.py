"""What "auto" stands for: rules of plain numbers, and the fits that follow them."""

import copy
import pickle
import re
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone
from tiny import tiny_classifier

import skcnn
from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._estimator import automatic
from skcnn._estimator.automatic import auto_batch_size, auto_epochs, decide

tiny = partial(tiny_classifier, epochs="auto")
BOTH = [MNISTCNNClassifier, CIFARCNNClassifier]


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][:80], digits[1][:80]


@pytest.fixture(scope="module")
def fitted(data):
    """A classifier of `epochs="auto"` that no test changes."""
    return tiny().fit(*data)


@pytest.fixture
def twelve_steps(monkeypatch):
    """Let "auto" take at least twelve steps, so that fits are short."""
    monkeypatch.setattr(automatic, "MIN_STEPS", 12)


# ------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("classifier", "n_images", "side", "epochs"),
    [
        (MNISTCNNClassifier, 60_000, 28, 7),
        (MNISTCNNClassifier, 54_000, 28, 7),
        (CIFARCNNClassifier, 50_000, 32, 12),
        (CIFARCNNClassifier, 45_000, 32, 12),
    ],
)
def test_mnist_and_cifar_keep_their_passes(classifier, n_images, side, epochs):
    decided = decide(classifier(), n_images, (side, side, 1))
    assert decided["epochs"] == epochs


@pytest.mark.parametrize("base", [7, 12])
@pytest.mark.parametrize("n_images", [1, 31, 33, 240, 1_000, 5_000, 10**6])
@pytest.mark.parametrize("batch_size", [1, 32, 1_000])
def test_small_sets_get_steps_and_no_set_gets_less_than_the_base(
    base, n_images, batch_size
):
    epochs = auto_epochs(n_images, batch_size, base)
    steps = -(-n_images // batch_size)
    assert base <= epochs <= max(base, automatic.MAX_PASSES)
    if epochs < automatic.MAX_PASSES:
        assert epochs * steps >= automatic.MIN_STEPS
    if epochs > base:
        assert (epochs - 1) * steps < automatic.MIN_STEPS


def test_weights_and_repetitions_of_a_single_step_get_the_same_passes():
    clf = MNISTCNNClassifier()
    passes = {decide(clf, n, (8, 8, 1))["epochs"] for n in range(1, 33)}
    assert len(passes) == 1


@pytest.mark.parametrize(
    ("n_images", "largest", "size"),
    [(80, 256, 32), (2_049, 256, 33), (10**6, 256, 256)],
)
def test_the_batch_size_aims_at_64_steps_within_bounds(n_images, largest, size):
    assert auto_batch_size(n_images, largest) == size


@pytest.mark.parametrize("classifier", BOTH)
def test_what_the_user_sets_is_not_decided(classifier):
    clf = classifier(epochs=3, batch_size=10)
    assert not {"epochs", "batch_size"} & set(decide(clf, 100, (8, 8, 1)))


# -------------------------------------------------------------------------------- fits


def test_fit_trains_as_long_as_auto_says_and_tells(fitted, data):
    epochs = auto_epochs(80, 20, 7)
    assert epochs > 7
    assert fitted.auto_params_ == {"epochs": epochs}
    assert fitted.n_iter_ == len(fitted.loss_curve_) == epochs
    # The parameter keeps what the user wrote, and the number given by hand is the same.
    assert fitted.epochs == clone(fitted).epochs == "auto"
    by_hand = tiny(epochs=epochs).fit(*data)
    assert by_hand.auto_params_ == {}
    np.testing.assert_array_equal(
        by_hand.predict_proba(data[0]), fitted.predict_proba(data[0])
    )


def test_auto_params_are_copied_pickled_and_saved_but_not_cloned(fitted, tmp_path):
    skcnn.save(fitted, tmp_path / "model")
    for again in (
        copy.copy(fitted),
        copy.deepcopy(fitted),
        pickle.loads(pickle.dumps(fitted)),
        skcnn.load(tmp_path / "model"),
    ):
        assert again.auto_params_ == fitted.auto_params_
    assert not hasattr(clone(fitted), "auto_params_")


def test_images_held_out_do_not_count(data, twelve_steps):
    clf = tiny(early_stopping=True, validation_fraction=0.75, n_iter_no_change=99)
    assert clf.fit(*data).auto_params_ == {"epochs": 12}
    assert tiny().fit(*data).auto_params_ == {"epochs": 7}


def test_the_number_is_known_before_training_starts(data, twelve_steps, capsys):
    import keras

    seen = []

    class Watching(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(self.params["epochs"])

    class Following:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "fit":
                seen.append(context.max_subtasks)

        def on_fit_task_end(self, estimator, context):
            pass

    clf = tiny(callbacks=Watching(), verbose=1).set_callbacks(Following())
    clf.fit(data[0][:20], data[1][:20])
    assert seen == [12, 12]
    assert capsys.readouterr().out.startswith("Epoch  1/12: ")


def test_the_learning_rate_falls_over_all_passes(data, twelve_steps):
    X, y = data[0][:20], data[1][:20]
    whole = tiny().fit(X, y)
    np.testing.assert_array_equal(
        whole.predict_proba(X), tiny(epochs=12).fit(X, y).predict_proba(X)
    )


def test_partial_fit_is_one_epoch(data):
    clf = tiny(batch_size="auto").partial_fit(*data, classes=np.arange(10))
    assert clf.n_iter_ == 1
    assert clf.auto_params_ == {"batch_size": 32}


def test_each_fit_that_goes_on_decides_anew(data, twelve_steps):
    X, y = data
    clf = tiny(warm_start=True).fit(X[:20], y[:20])
    assert clf.auto_params_ == {"epochs": 12}
    clf.fit(X, y)
    assert clf.auto_params_ == {"epochs": 7}
    assert clf.n_iter_ == 19


def test_a_checkpoint_of_auto_is_that_of_the_number(data, twelve_steps, tmp_path):
    X, y = data[0][:20], data[1][:20]
    path = tmp_path / "checkpoint"
    whole = tiny().fit(X, y, checkpoint=path)
    again = tiny(epochs=12).fit(X, y, checkpoint=path)
    assert again.history_ == whole.history_
    with pytest.raises(ValueError, match="other parameters"):
        tiny(epochs=11).fit(X, y, checkpoint=path)


def test_the_docstrings_quote_the_rules():
    for classifier in BOTH:
        text = re.sub(r"\s+", " ", classifier.__doc__)
        bases = [one._base.epochs for one in BOTH]
        assert '"auto" is {}, or {} in `CIFARCNNClassifier`,'.format(*bases) in text
        assert f"for {automatic.MIN_STEPS} training steps" in text
        assert f"at most {automatic.MAX_PASSES} passes" in text
        assert f"aims at {automatic.STEPS_PER_EPOCH} steps an epoch" in text
