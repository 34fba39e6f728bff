"""What predict_proba and predict_log_proba return, whatever the dtype."""

import json
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from tiny import tiny_classifier

from skcnn import CIFARCNNClassifier
from skcnn._images.numerics import log_probabilities, probabilities


@pytest.fixture(
    scope="module",
    params=[
        "float32",
        pytest.param("float64", marks=pytest.mark.slow),
        pytest.param("mixed_bfloat16", marks=pytest.mark.slow),
    ],
)
def clf(request, digits):
    X, y = digits[0][:200], digits[1][:200]
    return tiny_classifier(dtype=request.param).fit(X, y)


@pytest.mark.slow
def test_rows_are_float64_and_sum_to_one(clf, digits):
    X = digits[0][:200]
    found = clf.predict_proba(X)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-15)
    raw = clf.keras_classifier_.predict_proba(X[..., np.newaxis])
    assert raw.dtype == np.float64
    np.testing.assert_allclose(raw.sum(axis=1), 1, rtol=0, atol=1e-15)


def test_logarithms_are_those_of_the_probabilities(clf, digits):
    X = digits[0][:200]
    found = clf.predict_log_proba(X)
    assert found.dtype == np.float64
    np.testing.assert_allclose(np.exp(found), clf.predict_proba(X), rtol=1e-13)


def test_logits_are_float64_and_those_of_the_probabilities(clf, digits):
    found = clf.decision_function(digits[0][:9])
    assert found.dtype == np.float64
    np.testing.assert_array_equal(
        probabilities(found), clf.predict_proba(digits[0][:9])
    )


def test_temperature_scaling_gives_rows_that_sum_to_one(clf, digits):
    X, y = digits[0][200:400], digits[1][200:400]
    calibrated = CalibratedClassifierCV(FrozenEstimator(clf), method="temperature")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = calibrated.fit(X, y).predict_proba(X)
        log_loss(y, found)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-14)


def test_json_and_log_loss_take_them_as_they_are(clf, digits):
    X, y = digits[0][:200], digits[1][:200]
    found = clf.predict_proba(X)
    assert json.loads(json.dumps({"p": found.max()})) == {"p": found.max()}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        log_loss(y, found.tolist())
        log_loss(y, found)


@pytest.mark.slow
def test_views_are_averaged_before(digits):
    images = np.repeat(digits[0][:50, :, :, np.newaxis], 3, axis=-1)
    clf = tiny_classifier(CIFARCNNClassifier, epochs=1, test_time_augmentation="flip")
    found = clf.fit(images, digits[1][:50]).predict_proba(images)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-15)


@pytest.mark.slow
@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=40),
        elements=st.floats(-(2.0**100), 2.0**100, width=32),
    )
)
def test_logits_of_any_size_give_probabilities(logits):
    with np.errstate(all="raise"):
        found, logarithms = probabilities(logits), log_probabilities(logits)
    assert found.dtype == np.float64 and logarithms.dtype == logits.dtype
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=0, atol=1e-15)
    assert (found >= 0).all() and (logarithms <= 0).all()
    best = np.take_along_axis(found, logits.argmax(axis=1)[:, np.newaxis], axis=1)
    np.testing.assert_array_equal(best[:, 0], found.max(axis=1))
