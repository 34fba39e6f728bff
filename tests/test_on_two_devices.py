"""Training on two devices; test_devices.py runs this on TensorFlow and on JAX."""

import os
import pickle
from functools import partial

import keras
import numpy as np
import pytest
from sklearn.base import clone

from skcnn import MNISTCNNClassifier
from skcnn._backends import backend

pytestmark = pytest.mark.skipif(
    "SKCNN_TWO_DEVICES" not in os.environ,
    reason="needs two virtual devices; test_devices.py runs it so",
)

BASE = {
    "filters": 3,
    "dense_units": 6,
    "epochs": 3,
    "batch_size": 50,
    "dtype": "float64",
    "random_state": 0,
}


@pytest.fixture(scope="module")
def two_devices():
    """Return a function that makes the context in which a fit runs on both."""
    if keras.config.backend() == "jax":
        devices = keras.distribution.list_devices()
        assert len(devices) == 2
        return keras.distribution.DataParallel(devices=devices).scope
    import tensorflow as tf

    (cpu,) = tf.config.list_physical_devices("CPU")
    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(cpu, two)
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope


@pytest.fixture
def devices_of_traces(monkeypatch):
    """Return a function that counts the devices of the steps traced since its last."""
    found = set()
    module = backend()
    forward = module.forward

    def note_parts(x, sharding):
        n_parts = len(x) // sharding.shard_shape(x.shape)[0]
        found.update(range(n_parts))

    def watched(layers, x, normalize=None, drop=None):
        if drop is not None and keras.config.backend() == "jax":
            import jax

            jax.debug.inspect_array_sharding(x, callback=partial(note_parts, x))
        out = forward(layers, x, normalize, drop)
        if drop is not None and keras.config.backend() == "tensorflow":
            found.add(out.device)
        return out

    def number():
        n = len(found)
        found.clear()
        return n

    monkeypatch.setattr(module, "forward", watched)
    return number


@pytest.fixture(scope="module")
def part(digits):
    X, y = digits
    return X[:215], y[:215]  # the last batch is a short one


def assert_same(one, both, X, atol=1e-11):
    """Compare all that was learned; rounding grows from step to step."""
    for name, values in one.history_.items():
        np.testing.assert_allclose(both.history_[name], values, rtol=0, atol=atol)
    for mine, other in zip(
        one.keras_classifier_.weights_ + one.keras_classifier_.optimizer_values_,
        both.keras_classifier_.weights_ + both.keras_classifier_.optimizer_values_,
        strict=True,
    ):
        np.testing.assert_allclose(other, mine, rtol=0, atol=atol)
    np.testing.assert_allclose(
        both.predict_proba(X), one.predict_proba(X), rtol=0, atol=atol
    )


@pytest.mark.parametrize(
    "classifier",
    [
        MNISTCNNClassifier(**BASE, dropout=0.3, augment="shift", early_stopping=True),
        MNISTCNNClassifier(**BASE, dropout=0, augment=("flip", "affine")),
        # The last batch has one image.
        MNISTCNNClassifier(
            **BASE | {"batch_size": 107}, dropout=(0.1, 0.2), optimizer="muon"
        ),
        MNISTCNNClassifier(**BASE | {"batch_size": 1000, "filters": 2}, dropout=0.3),
    ],
    ids=["early stopping", "affine", "muon and odd batches", "one short batch"],
)
def test_the_result_is_that_of_one_device(
    classifier, two_devices, devices_of_traces, part
):
    X, y = part
    weights = np.random.RandomState(0).uniform(0.5, 1.5, size=len(X))
    one = clone(classifier).fit(X, y, sample_weight=weights)
    assert devices_of_traces() == 1
    with two_devices():
        both = clone(classifier).fit(X, y, sample_weight=weights)
    assert devices_of_traces() == 2
    # Where TensorFlow reads a pixel is computed in float32, and half a batch is rounded
    # otherwise than a whole one.
    rough = keras.config.backend() == "tensorflow" and "affine" in both.augment
    assert_same(one, both, X, atol=1e-6 if rough else 1e-11)


def test_float32_differs_by_rounding(two_devices, part):
    X, y = part
    clf = MNISTCNNClassifier(**BASE | {"dtype": "float32", "epochs": 1})
    one = clone(clf).fit(X, y)
    with two_devices():
        both = clone(clf).fit(X, y)
    assert_same(one, both, X, atol=1e-4)


def test_each_fit_follows_its_own_time(two_devices, devices_of_traces, part):
    X, y = part
    clf = MNISTCNNClassifier(**BASE, augment=()).fit(X, y)
    assert devices_of_traces() == 1
    alone = pickle.loads(pickle.dumps(clf)).partial_fit(X, y)
    with two_devices():
        clf.partial_fit(X, y)
    assert devices_of_traces() == 2
    assert_same(alone, clf, X)
    alone.partial_fit(X, y)
    clf = pickle.loads(pickle.dumps(clf)).partial_fit(X, y)
    with two_devices():
        alone.partial_fit(X, y)
        clf.partial_fit(X, y)
        assert clf.model_
    assert devices_of_traces() == 0  # nothing was traced anew
    assert_same(alone, clf, X)


def refused(part, error, match, **parameters):
    clf = MNISTCNNClassifier(**BASE, **parameters)
    with pytest.raises(error, match=match):
        clf.fit(*part)
    assert not hasattr(clf, "classes_")


def test_what_is_not_data_parallel_is_refused(two_devices, part, monkeypatch):
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        with tf.distribute.OneDeviceStrategy("CPU:1").scope():
            refused(part, RuntimeError, "the scope of a OneDeviceStrategy, but")
        averaging = keras.optimizers.Adam(use_ema=True, ema_overwrite_frequency=2)
        with two_devices():
            refused(part, ValueError, "has gradient_accum", optimizer=averaging)
        monkeypatch.setattr(keras.distribution, "distribution", lambda: object())
        refused(part, RuntimeError, "by keras.distribution, which works on JAX only")
        return
    import jax

    mesh = keras.distribution.DeviceMesh(
        (1, 2), ("batch", "model"), keras.distribution.list_devices()
    )
    layouts = keras.distribution.LayoutMap(mesh)
    with keras.distribution.ModelParallel(layout_map=layouts).scope():
        refused(part, RuntimeError, "train with ModelParallel, but skcnn needs")
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    with two_devices():
        refused(part, RuntimeError, "JAX runs in 2 processes, but skcnn")
