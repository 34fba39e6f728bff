"""Kernels that start by handing their input on."""

import numpy as np
import pytest

from skcnn import CIFARCNNClassifier


@pytest.fixture(scope="module")
def partial_identity():
    from skcnn._network.initializers import PartialIdentity

    return PartialIdentity


def draw(initializer, shape, dtype="float32"):
    return np.asarray(initializer(shape, dtype))


@pytest.mark.parametrize(
    "shape",
    [
        (3, 3, 4, 6),
        (3, 3, 4, 4),
        (5, 3, 6, 4),
        (1, 3, 1, 2),
        (2, 4, 3, 5),
        (1, 1, 2, 3),
    ],
    ids=str,
)
def test_a_convolution_hands_on_as_many_channels_as_it_has_filters(
    partial_identity, shape
):
    import keras

    images = np.random.default_rng(0).random((2, 7, 8, shape[2])).astype(np.float32)
    kernel = draw(partial_identity(seed=0), shape)
    outputs = np.asarray(keras.ops.conv(images, kernel, padding="same"))
    same = min(shape[2:])
    assert outputs.shape == (2, 7, 8, shape[3])
    np.testing.assert_allclose(outputs[..., :same], images[..., :same], rtol=1e-6)


def test_the_other_filters_are_drawn_as_keras_draws_them(partial_identity):
    import keras

    shape = (3, 3, 4, 7)
    kernel = draw(partial_identity(seed=5), shape)
    drawn = draw(keras.initializers.GlorotUniform(seed=5), shape)
    np.testing.assert_array_equal(kernel[..., 4:], drawn[..., 4:])
    assert (draw(partial_identity(seed=6), shape) != kernel)[..., 4:].all()
    np.testing.assert_array_equal(draw(partial_identity(seed=5), shape), kernel)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_have_the_dtype_asked_for(partial_identity, dtype):
    assert draw(partial_identity(seed=0), (3, 3, 1, 2), dtype).dtype == dtype


def test_a_copy_draws_the_same(partial_identity):
    import keras

    initializer = partial_identity(seed=3)
    config = keras.initializers.serialize(initializer)
    again = keras.initializers.deserialize(config)
    assert type(again) is partial_identity
    shape = (3, 3, 2, 5)
    np.testing.assert_array_equal(draw(again, shape), draw(initializer, shape))


# --------------------------------------------------------------------- in the network


def start(digits, kernel_initializer, random_state=0):
    """Return the kernels of a network that has learned next to nothing."""
    X, y = digits
    classifier = CIFARCNNClassifier(
        whitening=True,
        filters=(10, 12),
        kernel_size=3,
        convolutions=2,
        pool_size=2,
        pool_first=True,
        padding="same",
        kernel_initializer=kernel_initializer,
        global_pooling=False,
        dense_units=(12,),
        activation="relu",
        batch_normalization=True,
        optimizer="sgd",
        learning_rate=1e-30,
        learning_rate_schedule="constant",
        label_smoothing=0.0,
        augment=None,
        progressive_resizing=None,
        test_time_augmentation=None,
        epochs=1,
        random_state=random_state,
    )
    model = classifier.fit(X[:20], y[:20]).model_
    return {
        layer.name: layer.get_weights()[0]
        for layer in model.layers
        if layer.name.startswith(("convolution", "dense_1", "logits"))
    }


def test_identity_is_for_the_trained_convolutions_only(digits):
    kernels, others = start(digits, "identity"), start(digits, "identity", 1)
    assert len(kernels) == 6
    for name, kernel in kernels.items():
        if kernel.ndim == 2:
            bound = np.sqrt(6 / sum(kernel.shape))
            assert (abs(kernel) <= bound).all()
            assert abs(kernel).max() > 0.8 * bound
            assert (kernel != others[name]).all()
        else:
            same = min(kernel.shape[2:])
            # A kernel larger than the image is cut to it: the last ones are.
            middle = (kernel.shape[0] - 1) // 2
            expected = np.zeros((*kernel.shape[:3], same))
            expected[middle, middle, range(same), range(same)] = 1
            np.testing.assert_allclose(kernel[..., :same], expected, atol=1e-20)
            assert (kernel != others[name])[..., same:].all()


def test_without_identity_all_filters_are_drawn(digits):
    kernels, others = (start(digits, "glorot_uniform", seed) for seed in (0, 1))
    for name, kernel in kernels.items():
        assert (kernel != others[name]).all()
