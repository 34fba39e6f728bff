"""TensorFlow's functions of a network: fused operations, and one trace for all."""

import numpy as np
import pytest

from skcnn import MNISTCNNClassifier
from skcnn._backends import tensorflow


def normalization(channels, momentum=0.75):
    """Build a batch normalisation as the networks have it, with values of its own."""
    import keras

    layer = keras.layers.BatchNormalization(
        momentum=momentum, epsilon=1e-3, scale=False
    )
    layer.build((None, None, None, channels))
    generator = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(generator.uniform(1, 2, weight.shape))
    return layer


@pytest.mark.parametrize(
    "shape", [(16, 5, 4, 3), (3, 1, 1, 2), (1, 1, 2, 4), (1, 1, 1, 2)], ids=str
)
def test_fused_normalization_agrees_with_the_layer_of_keras(shape):
    import tensorflow as tf

    generator = np.random.default_rng(0)
    x = tf.constant(generator.normal(3, 2, shape), tf.float32)
    weights = tf.constant(generator.normal(size=shape), tf.float32)
    ours, theirs = normalization(shape[-1]), normalization(shape[-1])
    results = []
    for layer, normalize in (
        (ours, lambda x: tensorflow._normalize(ours, x)),
        (theirs, lambda x: theirs(x, training=True)),
    ):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = normalize(x)
            loss = tf.reduce_sum(weights * y)
        gradients = tape.gradient(loss, [x, layer.beta.value])
        results.append([y, *gradients, *layer.get_weights()])
    for value, expected in zip(*results, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-4)
    # The moving statistics are no longer those of the start.
    before = normalization(shape[-1]).get_weights()
    assert (abs(results[0][-1] - before[-1]) > 0.01).all()
    assert (abs(results[0][-2] - before[-2]) > 0.01).any()


@pytest.mark.parametrize(
    ("dtype", "fused"), [("float32", True), ("bfloat16", True), ("float64", False)]
)
def test_all_but_float64_is_normalized_by_the_fused_operation(
    dtype, fused, monkeypatch
):
    import tensorflow as tf

    taken = []
    operation = tf.compat.v1.nn.fused_batch_norm
    monkeypatch.setattr(
        tf.compat.v1.nn,
        "fused_batch_norm",
        lambda *args, **kwargs: taken.append(1) or operation(*args, **kwargs),
    )
    layer = normalization(1)
    x = tf.zeros((4, 3, 3, 1), dtype)
    tensorflow._normalize(layer, x)
    assert taken == ([1] if fused else [])


def tiny(**parameters):
    return MNISTCNNClassifier(
        **{
            "filters": 4,
            "kernel_size": 3,
            "dense_units": 8,
            "augment": None,
            "epochs": 1,
            "batch_size": 20,
            "random_state": 0,
            **parameters,
        }
    )


def traces(classifier):
    functions = classifier.keras_classifier_.compiled_network().functions._functions
    return {
        key: function.experimental_get_tracing_count()
        for key, function in functions.items()
    }


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    classifier = tiny().fit(X[:100], y[:100])
    classifier.predict(X[:10])
    return classifier


@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate": 0.003},
        {"learning_rate": None, "learning_rate_schedule": "constant"},
        {"batch_size": 7},
        {"batch_size": 1000},
        {"epochs": 2},
        {"dropout": 0.3},
        {"dropout": (0.2, 0.4)},
        {"class_weight": "balanced"},
        {"label_smoothing": 0.1},
        {"shuffle": False},
        {"scaling": "unit"},
        {"early_stopping": True, "validation_fraction": 0.2},
        {"random_state": 1},
    ],
    ids=repr,
)
def test_a_search_compiles_nothing_anew(parameters, fitted, digits):
    X, y = digits
    before = traces(fitted)
    assert set(before.values()) == {1}
    other = tiny(**parameters).fit(X[:100], y[:100])
    other.predict(X[:33])
    kept = other.keras_classifier_.compiled_network()
    assert kept is fitted.keras_classifier_.compiled_network()
    assert traces(other) == before
    assert (other.predict_proba(X[:5]) != fitted.predict_proba(X[:5])).any()
