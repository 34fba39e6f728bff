"""What holds whatever Keras runs on: `.ci/run` runs this on JAX and PyTorch too."""

import pickle
import sys

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.base import clone

import skcnn
from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._network.backends import backend

pytestmark = pytest.mark.any_backend

SMALL = {
    "filters": 4,
    "dense_units": 8,
    "dropout": 0.2,
    "augment": ("flip", "affine"),
    "test_time_augmentation": ("flip", "shift"),
    "epochs": 3,
    "random_state": 0,
}


# With all augmentations of photographs, though the digits would tell not to flip them.
FLIPPED = {"epochs": 4, "augment": ("flip", "shift")}


@pytest.fixture(scope="module")
def part(digits):
    X, y = digits
    return X[:210], y[:210]  # the last batch is a short one


@pytest.fixture(scope="module")
def fitted(part):
    return MNISTCNNClassifier(**SMALL).fit(*part)


def assert_same(one, other, X):
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert one.history_ == other.history_


@pytest.mark.parametrize(
    "classifier",
    [
        pytest.param(MNISTCNNClassifier(epochs=8), marks=pytest.mark.slow),
        pytest.param(CIFARCNNClassifier(**FLIPPED), marks=pytest.mark.slow),
        pytest.param(
            CIFARCNNClassifier(dtype="mixed_bfloat16", **FLIPPED),
            marks=pytest.mark.slow,
        ),
        MNISTCNNClassifier.from_preset("classic", epochs=8, learning_rate=0.01),
    ],
    ids=["mnist", "cifar10", "mixed", "classic"],
)
def test_digits_are_learned(classifier, digits):
    X, y = digits
    clf = clone(classifier).set_params(random_state=0).fit(X[:1200], y[:1200])
    # Chance is 0.1.
    assert clf.score(X[1200:], y[1200:]) > 0.85
    assert clf.loss_ < clf.loss_curve_[0] - 0.5


def test_the_same_seed_gives_the_same_bits(fitted, part):
    again = clone(fitted).fit(*part)
    assert_same(again, fitted, part[0])
    other = clone(fitted).set_params(random_state=1).fit(*part)
    assert (other.predict_proba(part[0]) != fitted.predict_proba(part[0])).any()


def test_a_loaded_classifier_goes_on_as_the_saved_one(fitted, part, tmp_path):
    X, y = part
    skcnn.save(fitted, tmp_path / "clf.skcnn")
    loaded = skcnn.load(tmp_path / "clf.skcnn")
    unpickled = pickle.loads(pickle.dumps(fitted))
    original = pickle.loads(pickle.dumps(fitted))
    for one in (loaded, unpickled):
        assert_same(one, fitted, X)
    for one in (original, loaded, unpickled):
        one.partial_fit(X, y)
    assert original.n_iter_ == 4
    for one in (loaded, unpickled):
        assert_same(one, original, X)


def test_training_goes_on_from_a_checkpoint(fitted, part, tmp_path, monkeypatch):
    from skcnn._training.checkpoint import Checkpoint

    keep = Checkpoint.keep

    def killed(self, *args):
        keep(self, *args)
        raise SystemExit

    path = tmp_path / "fit.checkpoint"
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Checkpoint, "keep", killed)
        clone(fitted).fit(*part, checkpoint=path)
    assert_same(clone(fitted).fit(*part, checkpoint=path), fitted, part[0])


def test_a_warm_start_adds_epochs(fitted, part):
    clf = clone(fitted).set_params(warm_start=True, epochs=1)
    assert clf.fit(*part).fit(*part).n_iter_ == 2


def test_early_stopping_returns_to_the_best_weights(part):
    X, y = part
    clf = MNISTCNNClassifier(
        **SMALL | {"epochs": 5, "test_time_augmentation": None},
        early_stopping=True,
        n_iter_no_change=1,
    ).fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])
    assert clf.score(X[150:], y[150:]) == pytest.approx(clf.best_validation_score_)


def test_callbacks_of_keras_see_and_steer_the_training(part):
    import keras

    class Steer(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))
            if epoch == 1:
                self.model.optimizer.learning_rate = 0.0

        def on_epoch_end(self, epoch, logs=None):
            kernels.append(self.model.get_layer("logits").get_weights()[0])
            self.model.stop_training = epoch == 1

    rates, kernels = [], []
    clf = MNISTCNNClassifier(
        **SMALL | {"learning_rate_schedule": "constant", "learning_rate": 0.01},
        callbacks=Steer(),
    ).fit(*part)
    assert clf.n_iter_ == len(rates) == 2
    assert rates == [pytest.approx(0.01)] * 2
    np.testing.assert_array_equal(*kernels)
    kernel = clf.model_.get_layer("logits").get_weights()[0]
    np.testing.assert_array_equal(kernel, kernels[1])


@pytest.mark.parametrize(
    "dtype", ["float32", pytest.param("float64", marks=pytest.mark.slow)]
)
def test_the_keras_model_answers_as_the_classifier_does(dtype, part):
    import keras

    X, y = part
    clf = MNISTCNNClassifier(**SMALL, dtype=dtype)
    clf.set_params(test_time_augmentation=None).fit(X, y)
    assert clf.decision_function(X).dtype == np.float64
    assert clf.predict_proba(X).dtype == np.float64
    assert {w.dtype for w in clf.keras_classifier_.state_.weights} == {np.dtype(dtype)}
    with backend().precision(dtype):
        expected = clf.model_.predict_on_batch(X[..., np.newaxis].astype(dtype))
    # Elsewhere the batch normalization of Keras computes in float32 in any case.
    exact = dtype == "float64" and keras.config.backend() == "tensorflow"
    atol = 1e-13 if exact else 1e-6
    np.testing.assert_allclose(clf.predict_proba(X), expected, atol=atol)


def test_no_seed_and_no_setting_stays_changed(part):
    import keras

    def state():
        found = [keras.config.floatx(), np.random.get_state()[1].tolist()]
        if keras.config.backend() == "jax":
            import jax

            found.append(jax.config.jax_enable_x64)
        if keras.config.backend() == "torch":
            import torch

            found += [torch.is_grad_enabled(), torch.get_rng_state().tolist()]
            found.append(torch.get_num_threads())
        return found

    before = state()
    clf = MNISTCNNClassifier(**SMALL, dtype="float64").fit(*part)
    clf.predict(part[0])
    assert clf.model_
    assert state() == before


def test_a_distribution_of_keras_is_refused(fitted, part, monkeypatch):
    import keras

    class DataParallel:
        """Stands for the class of Keras, which works on JAX only."""

    unpickled = pickle.loads(pickle.dumps(fitted))
    monkeypatch.setattr(keras.distribution, "distribution", DataParallel)
    clf = clone(fitted)
    message = (
        "under a DataParallel, .* trains on one device. Call "
        r"keras.distribution.set_distribution\(None\) first. .*CUDA_VISIBLE_DEVICES"
    )
    with pytest.raises(RuntimeError, match=message):
        clf.fit(*part)
    assert not hasattr(clf, "classes_")
    with pytest.raises(RuntimeError, match=message):
        unpickled.predict(part[0])


def test_gradients_need_not_be_enabled(fitted, part):
    import keras

    if keras.config.backend() != "torch":
        return
    import torch

    with torch.no_grad():
        assert_same(clone(fitted).fit(*part), fitted, part[0])


def threads_after_a_fit(X, y):
    """Fit a tiny network; return the number of threads that compute."""
    import keras

    clf = MNISTCNNClassifier(filters=2, dense_units=(), epochs=1, random_state=0)
    clf.fit(X, y)
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return tf.config.threading.get_intra_op_parallelism_threads()
    if keras.config.backend() == "torch":
        import torch

        return torch.get_num_threads()
    from pathlib import Path

    names = [path.read_text() for path in Path("/proc/self/task").glob("*/comm")]
    return names.count("tf_XLAEigen\n")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for JAX's threads")
def test_a_worker_takes_as_many_threads_as_it_is_given(part):
    with parallel_config("loky", inner_max_num_threads=1):
        (found,) = Parallel(2)(delayed(threads_after_a_fit)(*part) for _ in range(1))
    assert found == 1
