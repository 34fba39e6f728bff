"""TensorFlow's functions of a network: fused operations, and one trace for all."""

import logging
from functools import partial

import numpy as np
import pytest
from tiny import tiny_classifier

from skcnn._network.augment import transform_images
from skcnn._network.backends import tensorflow
from skcnn._network.step import drop_values


def normalization(channels, momentum=0.75):
    """Build a batch normalization as the networks have it, with values of its own."""
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
        (ours, lambda x: tensorflow._fused_normalize(ours, x)),
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
    tensorflow._fused_normalize(layer, x)
    assert taken == ([1] if fused else [])


def dropped(x, rate, seed=(1, 2)):
    import tensorflow as tf

    rate = tf.constant(rate, tf.float32)
    return drop_values(x, rate, tensorflow.uniform(*seed, "dropout", tf.shape(x)))


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.9])
@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_dropout_drops_its_share_and_scales_the_rest(rate, dtype):
    import tensorflow as tf

    x = tf.ones((2000, 3, 4, 5), dtype)
    y = tf.cast(dropped(x, rate), "float64").numpy()
    kept = np.unique(y[y != 0])
    np.testing.assert_allclose(
        kept, [1 / (1 - rate)], rtol=4e-3 if dtype == "bfloat16" else 1e-4
    )
    n = y.size
    share, expected_spread = (y == 0).mean(), np.sqrt(rate * (1 - rate) / n)
    assert abs(share - rate) < 5 * expected_spread


@pytest.mark.parametrize("shape", [(4000, 2, 2, 3), (4000, 5), (4000, 6)], ids=str)
def test_dropout_decides_on_each_value_alone(shape):
    import tensorflow as tf

    x = tf.ones(shape)
    values = dropped(x, 0.3).numpy().reshape(4000, -1)
    again = dropped(x, 0.3, seed=(1, 3)).numpy().reshape(4000, -1)
    n_values = values.shape[1]
    columns = np.concatenate([values, again, np.roll(values, 1, axis=0)], axis=1)
    correlations = np.corrcoef(columns.T) - np.eye(3 * n_values)
    assert abs(correlations).max() < 5 / np.sqrt(4000)


def test_dropout_at_the_ends_of_its_range():
    import tensorflow as tf

    x = tf.random.stateless_normal((500, 4, 4, 3), (0, 1))
    np.testing.assert_array_equal(dropped(x, 0.0), x)
    almost_all = dropped(x, 0.9999).numpy()
    assert (almost_all == 0).mean() > 0.99
    # In float32 this rate is 1.
    assert (dropped(x, 0.999999999).numpy() == 0).all()


def test_dropout_passes_on_the_gradients_of_what_it_keeps():
    import tensorflow as tf

    x = tf.random.stateless_normal((50, 7), (0, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = dropped(x, 0.4)
    gradients = tape.gradient(y, x)
    np.testing.assert_allclose(gradients * x, y, rtol=1e-6)
    assert 0 < (gradients.numpy() == 0).mean() < 1


tiny = partial(tiny_classifier, epochs=1)


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


@pytest.mark.parametrize("name", ["MirroredStrategy", "OneDeviceStrategy"])
def test_a_strategy_of_tensorflow_is_refused(name, digits):
    import tensorflow as tf

    strategy = {
        "MirroredStrategy": lambda: tf.distribute.MirroredStrategy(["CPU:0"]),
        "OneDeviceStrategy": lambda: tf.distribute.OneDeviceStrategy("CPU:0"),
    }[name]()
    X, y = digits
    clf = tiny()
    with (
        strategy.scope(),
        pytest.raises(RuntimeError, match=f"under a {name}, .*outside of the strat"),
    ):
        clf.fit(X[:100], y[:100])
    assert not hasattr(clf, "classes_")
    # The shared network of the failed fit must not stay behind.
    assert clf.fit(X[:100], y[:100]).n_iter_ == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_the_projective_transform_agrees_with_the_shared_one(channels):
    import tensorflow as tf

    generator = np.random.default_rng(0)
    images = tf.constant(generator.random((9, 12, 14, channels)), tf.float32)
    turned, moved = generator.uniform(-0.3, 0.3, (4, 9)), generator.uniform(-3, 3, 18)
    turned[[0, 3]] += 1
    rows = [
        [tf.constant(row, tf.float32) for row in (*turned[:2], moved[:9])],
        [tf.constant(row, tf.float32) for row in (*turned[2:], moved[9:])],
    ]
    ours = tensorflow._projective_transform(images, rows)
    np.testing.assert_allclose(ours, transform_images(images, rows), atol=1e-4)


@pytest.mark.slow  # traces six networks
def test_networks_that_are_traced_once_each_are_not_taken_for_one_traced_often(digits):
    import tensorflow as tf

    X, y = digits
    lines = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    tf.get_logger().addHandler(handler)
    try:
        for filters in range(5, 11):
            clf = tiny_classifier(filters=filters, epochs=1).fit(X, y)
            clf.predict(X)
    finally:
        tf.get_logger().removeHandler(handler)
    assert lines == []
