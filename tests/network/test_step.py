"""The training step that all backends share: layers at any depth, and its parts."""

import numpy as np
import pytest

from skcnn._network.backends import backend
from skcnn._network.step import (
    Batch,
    Computation,
    StepOptions,
    normalize,
    normalize_by_moving_statistics,
)

SHAPE = (8, 8, 1)


def convolution_block(keras, name):
    """Return layers with all that `forward` has to see, and their seeds."""
    return [
        keras.layers.Conv2D(3, 3, use_bias=False, name=f"{name}_convolution"),
        keras.layers.BatchNormalization(momentum=0.5, name=f"{name}_normalization"),
        keras.layers.Activation("relu", name=f"{name}_activation"),
        keras.layers.Dropout(0.5, seed=0, name=f"{name}_dropout"),
    ]


def compiled(*layers):
    """Return the compiled functions of layers, and the values to start from."""
    import keras

    model = keras.Sequential([keras.Input(SHAPE), *layers])
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(model.trainable_variables)
    computation = Computation(
        backend(),
        model.layers,
        model.trainable_variables,
        model.non_trainable_weights,
        optimizer,
        optimizer.learning_rate,
        (),
        np.dtype("float32"),
    )
    generator = np.random.default_rng(0)
    values = [
        generator.uniform(0.5, 1, variable.shape).astype(np.float32)
        for variable in computation.weights
    ]
    slots = [
        keras.ops.convert_to_numpy(variable.value) for variable in optimizer.variables
    ]
    return backend().Functions(computation), values + slots


def take_a_step(functions, values, digits, dropout=0.0, seed=0):
    import keras

    X, y = digits
    batch = Batch(
        X[:16, ..., np.newaxis],
        y[:16].astype(np.int32),
        np.ones(16, np.float32),
        np.zeros(16, bool),
    )
    options = StepOptions(
        size=SHAPE[:2],
        rates=np.array([0.1], np.float32),
        batch_size=np.int32(16),
        dropout=np.full(2, dropout, np.float32),
        smoothing=np.array(0, np.float32),
        seed=np.int32(seed),
        step=np.int32(0),
    )
    values, loss_sum, _ = functions.train(values, batch, options)
    return [keras.ops.convert_to_numpy(value) for value in values], loss_sum


@pytest.mark.slow
def test_layers_in_a_nested_sequential_are_trained_as_those_at_the_top(digits):
    import keras

    def head():
        return [keras.layers.Flatten(), keras.layers.Dense(10)]

    top = compiled(*convolution_block(keras, "a"), *head())
    inner = keras.Sequential(convolution_block(keras, "a"), name="inner")
    nested = compiled(keras.Sequential([inner], name="outer"), *head())
    expected, loss = take_a_step(*top, digits)
    found, same_loss = take_a_step(*nested, digits)
    assert same_loss == pytest.approx(loss, rel=1e-6)
    for value, other, before in zip(found, expected, nested[1], strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-4, atol=1e-5)
        if value.size > 1:  # not the learning rate
            assert (value != before).any()
    # Dropout is seen at both depths.
    for functions, values in (top, nested):
        _, dropped = take_a_step(functions, values, digits, dropout=0.5)
        assert dropped != pytest.approx(loss, rel=1e-3)


def test_each_dropout_draws_its_own_numbers():
    import keras

    with backend().precision("float32"):
        drawn = [
            keras.ops.convert_to_numpy(backend().uniform(*key, name, (1000,)))
            for key, name in [
                ((np.int32(0), np.int32(0)), "dropout_1"),
                ((np.int32(0), np.int32(0)), "dropout_1"),
                ((np.int32(0), np.int32(0)), "dropout_2"),
                ((np.int32(0), np.int32(1)), "dropout_1"),
                ((np.int32(1), np.int32(0)), "dropout_1"),
            ]
        ]
    first, same, *others = drawn
    np.testing.assert_array_equal(first, same)
    assert first.dtype == np.float32
    assert 0 <= first.min() < 0.02
    assert 0.98 < first.max() < 1
    correlations = np.corrcoef([first, *others]) - np.eye(4)
    assert abs(correlations).max() < 5 / np.sqrt(1000)


@pytest.mark.parametrize("kind", ["Dropout", "BatchNormalization", "SpatialDropout2D"])
def test_a_layer_that_hides_changing_state_is_refused(kind):
    import keras

    class Block(keras.layers.Layer):
        def __init__(self, inner):
            super().__init__(name="block")
            self.inner = inner

        def call(self, x, training=None):
            return self.inner(x, training=training)

    arguments = {} if kind == "BatchNormalization" else {"rate": 0.5}
    inner = getattr(keras.layers, kind)(**arguments)
    layer = inner if kind == "SpatialDropout2D" else Block(inner)
    with pytest.raises(TypeError, match=r"changes something in .*keras.Sequential at"):
        compiled(layer, keras.layers.Flatten(), keras.layers.Dense(10))


@pytest.mark.parametrize("learned", [True, False], ids=["gamma, beta", "neither"])
@pytest.mark.parametrize("shape", [(6, 4, 5, 3), (6, 3)], ids=str)
def test_both_normalizations_agree_with_the_layer_of_keras(shape, learned):
    import keras
    from keras import ops

    layers = [
        keras.layers.BatchNormalization(momentum=0.7, scale=learned, center=learned)
        for _ in range(2)
    ]
    generator = np.random.default_rng(1)
    x = ops.convert_to_tensor(generator.normal(3, 2, shape).astype(np.float32))
    values = []
    for layer in layers:
        layer.build(shape)
        values = values or [generator.uniform(1, 2, w.shape) for w in layer.weights]
        layer.set_weights(values)
    ours, theirs = layers
    for found, expected in (
        (normalize(ours, x), theirs(x, training=True)),
        (normalize_by_moving_statistics(ours, x), theirs(x, training=False)),
    ):
        found, expected = map(ops.convert_to_numpy, (found, expected))
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    for value, expected in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-5)


def test_images_that_pad_a_batch_do_not_count_in_normalization():
    import keras
    from keras import ops

    layers = [keras.layers.BatchNormalization() for _ in range(2)]
    x = np.random.default_rng(0).normal(3, 2, (6, 4, 5, 3)).astype(np.float32)
    for layer in layers:
        layer.build(x.shape)
    padded, alone = layers
    y = normalize(padded, ops.convert_to_tensor(x), mask=ops.arange(6) < 4)
    expected = normalize(alone, ops.convert_to_tensor(x[:4]))
    np.testing.assert_allclose(
        ops.convert_to_numpy(y)[:4], ops.convert_to_numpy(expected), rtol=1e-4
    )
    for value, other in zip(padded.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(value, other, rtol=1e-5)
