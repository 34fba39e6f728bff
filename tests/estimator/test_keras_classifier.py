"""SciKeras is where and what skcnn takes it for, and its wrapper holds the network."""

import copy
import inspect
import pickle
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from skcnn import MNISTCNNClassifier
from skcnn._estimator.automatic import check_parameters
from skcnn._estimator.fitting import describe_network, make_keras_classifier

# The hooks that skcnn overrides, with the parameters that SciKeras calls them with.
FIT = ["X", "y", "sample_weight", "warm_start", "epochs", "initial_epoch", "kwargs"]
HOOKS = {
    "_fit": FIT,
    "_get_compile_kwargs": [],
    "_predict_raw": ["X", "kwargs"],
}
# The ones that skcnn calls or relies on.
RELIED_ON = {
    "_build_keras_model": [],
    "fit": ["X", "y", "sample_weight", "kwargs"],
    "partial_fit": ["X", "y", "classes", "sample_weight", "kwargs"],
    "predict": ["X", "kwargs"],
    "predict_proba": ["X", "kwargs"],
}


def parameters_of(cls, name):
    """Return what a method is called with, static or not."""
    parameters = inspect.signature(getattr(cls, name)).parameters
    return [parameter for parameter in parameters if parameter != "self"]


@pytest.fixture(scope="module")
def ours():
    from skcnn._estimator.keras_classifier import SharedTraceKerasClassifier

    return SharedTraceKerasClassifier


@pytest.fixture(scope="module")
def wrapper(ours):
    (base,) = ours.__bases__
    assert base.__module__ == "scikeras.wrappers"
    return base


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    names = np.array([f"digit {i}" for i in range(10)])
    return MNISTCNNClassifier(
        filters=4,
        kernel_size=3,
        dense_units=8,
        dropout=0.25,
        augment=None,
        epochs=2,
        random_state=0,
    ).fit(X[:200], names[y[:200]])


def untrained(fitted):
    """Return the classifier of SciKeras as it is before training."""
    options = check_parameters(fitted)
    network, _ = describe_network(fitted, options)
    return make_keras_classifier(fitted, network, options)


# ------------------------------------------------------------------ SciKeras's hooks


@pytest.mark.parametrize(
    ("name", "parameters"), (HOOKS | RELIED_ON).items(), ids=lambda v: str(v)[:30]
)
def test_a_hook_of_scikeras_is_where_it_was(name, parameters, wrapper):
    assert parameters_of(wrapper, name) == parameters


@pytest.mark.parametrize("name", ["current_epoch", "initialized_"])
def test_a_property_of_scikeras_is_where_it_was(name, wrapper):
    assert isinstance(inspect.getattr_static(wrapper, name), property)


def test_no_other_method_of_scikeras_is_overridden(wrapper, ours):
    # What Python and scikit-learn give to each class, and the way to pickle.
    generated = r"__\w+__|_sklearn_\w+|set_\w+_request"
    own = {name for name in vars(ours) if not re.fullmatch(generated, name)}
    overridden = {name for name in own if hasattr(wrapper, name)}
    assert overridden == {*HOOKS, "initialized_"}


@pytest.mark.parametrize("name", HOOKS)
def test_an_override_takes_all_that_the_hook_takes(name, ours):
    taken = parameters_of(ours, name)
    expected = [parameter for parameter in HOOKS[name] if parameter != "kwargs"]
    assert "args" in taken or taken[: len(expected)] == expected


@pytest.mark.slow
def test_importing_scikeras_leaves_the_classes_of_keras_alone():
    code = """
import keras
owners = {
    keras.Model: ("__reduce__", "__deepcopy__"),
    keras.losses.Loss: ("__reduce__",),
    keras.metrics.Metric: ("__reduce__",),
    keras.optimizers.Optimizer: ("__reduce__",),
}
def methods():
    return [dict(vars(owner)) for owner in owners]
before = methods()
import skcnn._estimator.keras_classifier
assert methods() == before
import scikeras.wrappers
assert methods() == before
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


# ----------------------------------------------------------------- what it holds


def test_the_network_is_kept_by_composition(fitted, ours):
    assert isinstance(fitted.keras_classifier_, ours)
    assert not isinstance(fitted, ours)
    assert fitted.model_ is fitted.keras_classifier_.model_


def test_the_keras_model_answers_as_the_classifier_does(fitted, digits):
    X = digits[0][200:260]
    expected = fitted.model_.predict_on_batch(X[..., np.newaxis].astype(np.float32))
    np.testing.assert_allclose(fitted.predict_proba(X), expected, atol=1e-6)


def test_the_keras_model_is_one_that_can_be_trained_on(fitted, digits):
    import keras

    model = copy.deepcopy(fitted).model_
    assert isinstance(model, keras.Sequential)
    # Not the last rate of the cosine, next to nothing.
    rate = float(model.optimizer.learning_rate)
    assert rate == pytest.approx(fitted.learning_rate)
    assert int(model.optimizer.iterations) == 2 * 7
    X, y = digits
    before = model.get_layer("logits").kernel.numpy()
    model.train_on_batch(X[:32, ..., np.newaxis].astype(np.float32), y[:32])
    assert (model.get_layer("logits").kernel.numpy() != before).any()


def test_the_keras_model_has_its_dropout(fitted):
    assert fitted.model_.get_layer("dropout_1").rate == 0.25


def test_scikeras_itself_predicts_labels(fitted, digits):
    X = digits[0][200:220]
    inner = fitted.keras_classifier_
    images = X[..., np.newaxis]
    np.testing.assert_array_equal(inner.predict(images), fitted.predict(X))
    np.testing.assert_array_equal(inner.predict_proba(images), fitted.predict_proba(X))


def test_the_history_is_that_of_scikeras(fitted):
    assert fitted.keras_classifier_.history_ == fitted.history_
    assert fitted.keras_classifier_.current_epoch == 2


def test_without_a_fit_there_is_no_model(fitted):
    assert not hasattr(MNISTCNNClassifier(), "model_")
    unfitted = untrained(fitted)
    assert not unfitted.initialized_
    assert unfitted.current_epoch == 0
    with pytest.raises(AttributeError, match="The network exists only after fit"):
        unfitted.model_  # noqa: B018


def test_a_pickle_holds_arrays_and_no_keras_object(fitted, digits):
    fitted.predict(digits[0][:5])
    assert fitted.model_ is not None
    data = pickle.dumps(fitted)
    assert b"tensorflow" not in data
    # The loss is a name, and the optimizer a class of Keras.
    assert data.count(b"keras.src") <= 1
    again = pickle.loads(data)
    X = digits[0][200:260]
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert again.model_ is not fitted.model_
    for value, expected in zip(
        again.model_.get_weights(), fitted.model_.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(value, expected)


def test_a_trained_classifier_is_made_of_an_untrained_one_and_a_state(fitted, digits):
    state = fitted.keras_classifier_.state_
    trained = untrained(fitted).with_state(state)
    assert trained.current_epoch == 2
    images = digits[0][:20, ..., np.newaxis]
    np.testing.assert_array_equal(
        trained.logits(images), fitted.keras_classifier_.logits(images)
    )
    assert trained.model_ is not fitted.model_
    zeros = [np.zeros_like(weight) for weight in state.weights]
    other = trained.with_state(replace(state, weights=zeros))
    assert not other.logits(images).any()
    assert not other.model_.get_layer("logits").get_weights()[0].any()
    assert trained.logits(images).any()


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_it_is_not_fitted_by_itself(method, fitted, digits):
    X, y = digits
    with pytest.raises(TypeError, match="Call fit or partial_fit of that classifier"):
        getattr(fitted.keras_classifier_, method)(X[:20, ..., np.newaxis], y[:20])


def test_it_is_pickled_by_itself_too(fitted, digits):
    inner = fitted.keras_classifier_
    images = digits[0][:20, ..., np.newaxis]
    assert inner.model_ is not None
    again = pickle.loads(pickle.dumps(inner))
    np.testing.assert_array_equal(again.predict(images), inner.predict(images))
    np.testing.assert_array_equal(again.logits(images), inner.logits(images))
