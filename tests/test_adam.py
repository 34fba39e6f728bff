"""Adam by one operation: the numbers of Keras's own, in the same variables."""

import numpy as np
import pytest

SHAPES = [(3, 3, 4, 5), (6, 5), (5,)]


@pytest.fixture(scope="module")
def fused():
    from skcnn._adam import FusedAdam

    return FusedAdam


def variables(dtype):
    import keras

    generator = np.random.default_rng(0)
    return [keras.Variable(generator.normal(size=s), dtype=dtype) for s in SHAPES]


def apply_in_a_function(optimizer, trained, n_steps):
    """Apply random gradients in a compiled function, as training does."""
    import tensorflow as tf

    optimizer.build(trained)
    generator = np.random.default_rng(1)
    step = tf.function(optimizer.apply, autograph=False)
    for _ in range(n_steps):
        step(
            [
                tf.constant(generator.normal(size=s), v.dtype)
                for s, v in zip(SHAPES, trained, strict=True)
            ]
        )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 0.01},
        {"weight_decay": 0.1, "clipnorm": 0.5},
        {"global_clipnorm": 1.0, "use_ema": True, "ema_overwrite_frequency": 2},
        {"gradient_accumulation_steps": 2, "clipvalue": 0.3},
    ],
    ids=str,
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_numbers_are_those_of_keras(fused, dtype, options):
    import keras

    theirs = keras.optimizers.Adam(0.05, **options)
    ours = fused.of(theirs)
    assert type(ours) is fused
    expected, found = variables(dtype), variables(dtype)
    apply_in_a_function(theirs, expected, 5)
    apply_in_a_function(ours, found, 5)
    assert len(ours.variables) == len(theirs.variables)
    # Otherwise one optimiser could not go on from the other's values.
    for mine, its in zip(ours.variables, theirs.variables, strict=True):
        assert mine.path.split("_")[-1] == its.path.split("_")[-1]
        assert mine.shape == its.shape
    # Of steps of 0.05; float32 rounds at each of them.
    atol = 1e-5 if dtype == "float32" else 1e-13
    for mine, its in zip(
        [*found, *ours.variables], [*expected, *theirs.variables], strict=True
    ):
        np.testing.assert_allclose(mine.numpy(), its.numpy(), rtol=0, atol=atol)
    moved = [
        abs(f.numpy() - v.numpy()).max()
        for f, v in zip(found, variables(dtype), strict=True)
    ]
    assert min(moved) > 0.01


def test_other_optimizers_stay_as_they_are(fused):
    import keras

    class Mine(keras.optimizers.Adam):
        pass

    for optimizer in (
        keras.optimizers.Adam(amsgrad=True),
        keras.optimizers.AdamW(),
        keras.optimizers.SGD(),
        Mine(),
    ):
        assert fused.of(optimizer) is optimizer
