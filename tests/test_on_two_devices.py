"""What a network learns on two devices; test_devices.py runs this on JAX."""

import os
import pickle

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

# Rounding grows from step to step.
TOLERANCE = {"rtol": 0, "atol": 1e-11}


def two_devices():
    """Return the context in which a fit runs on both."""
    devices = keras.distribution.list_devices()
    assert len(devices) == 2
    return keras.distribution.DataParallel(devices=devices).scope()


@pytest.fixture
def parts(monkeypatch):
    """Collect on how many devices the images of each traced training step are."""
    import jax

    found = []
    module = backend()
    forward = module.forward

    def watched(layers, x, normalize=None, drop=None):
        if drop is not None:
            jax.debug.inspect_array_sharding(
                x, callback=lambda s: found.append(len(x) // s.shard_shape(x.shape)[0])
            )
        return forward(layers, x, normalize, drop)

    monkeypatch.setattr(module, "forward", watched)
    return found


@pytest.fixture(scope="module")
def part(digits):
    X, y = digits
    return X[:215], y[:215]  # the last batch is a short one


def assert_same(one, both, X):
    for name, values in one.history_.items():
        np.testing.assert_allclose(both.history_[name], values, **TOLERANCE)
    for mine, other in zip(
        one.keras_classifier_.weights_ + one.keras_classifier_.optimizer_values_,
        both.keras_classifier_.weights_ + both.keras_classifier_.optimizer_values_,
        strict=True,
    ):
        np.testing.assert_allclose(other, mine, **TOLERANCE)
    np.testing.assert_allclose(
        both.predict_proba(X), one.predict_proba(X), **TOLERANCE
    )


@pytest.mark.parametrize(
    "classifier",
    [
        MNISTCNNClassifier(
            **BASE, dropout=0.3, augment=("flip", "affine"), early_stopping=True
        ),
        MNISTCNNClassifier(
            **BASE | {"batch_size": 37}, dropout=0, augment="shift", optimizer="muon"
        ),
        MNISTCNNClassifier(**BASE | {"batch_size": 1000}, dropout=0.3),
    ],
    ids=["early stopping", "muon, odd batches", "one short batch"],
)
def test_the_result_is_that_of_one_device(classifier, parts, part):
    X, y = part
    weights = np.random.RandomState(0).uniform(size=len(X))
    one = clone(classifier).fit(X, y, sample_weight=weights)
    assert set(parts) == {1}
    with two_devices():
        both = clone(classifier).fit(X, y, sample_weight=weights)
    assert parts[-1] == 2
    assert_same(one, both, X)


def test_each_fit_follows_its_own_time(parts, part):
    X, y = part
    clf = MNISTCNNClassifier(**BASE).fit(X, y)
    alone = pickle.loads(pickle.dumps(clf)).partial_fit(X, y)
    with two_devices():
        clf.partial_fit(X, y)
    assert parts == [1, 2]
    assert_same(alone, clf, X)
    alone.partial_fit(X, y)
    clf = pickle.loads(pickle.dumps(clf)).partial_fit(X, y)
    assert parts == [1, 2]  # nothing was traced anew
    assert_same(alone, clf, X)


def test_what_is_not_data_parallel_is_refused(part):
    mesh = keras.distribution.DeviceMesh(
        (1, 2), ("batch", "model"), keras.distribution.list_devices()
    )
    layouts = keras.distribution.LayoutMap(mesh)
    model_parallel = keras.distribution.ModelParallel(layout_map=layouts)
    clf = MNISTCNNClassifier(**BASE)
    with (
        model_parallel.scope(),
        pytest.raises(RuntimeError, match="train with ModelParallel, but skcnn needs"),
    ):
        clf.fit(*part)
    assert not hasattr(clf, "classes_")
