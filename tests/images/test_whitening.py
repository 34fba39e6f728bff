"""The whitening convolution: what it learns, from what, and that it stays."""

import numpy as np
import pytest
from sklearn.base import clone

from skcnn import CIFARCNNClassifier
from skcnn._images import forms, whitening
from skcnn._images.labeled import LabeledImages
from skcnn._images.whitening import EPSILON, whitening_kernel

SHAPE = (2, 2, 3, 24)
OFFSET, SCALE = np.array([90.0, 100, 110]), np.array([40.0, 50, 60])


def correlated(n, height=9, width=7, channels=3):
    """Color images of which neighbouring pixels and channels are alike."""
    noise = np.random.default_rng(0).normal(size=(n, height + 1, width + 1, channels))
    X = noise[:, 1:, 1:] + noise[:, :-1, 1:] + 0.5 * noise[:, 1:, :-1]
    X += X.mean(axis=-1, keepdims=True)
    return np.clip(100 + 30 * X, 0, 255).astype(np.uint8)


def labeled(X, weights=None):
    codes = np.zeros(len(X), np.int32)
    return LabeledImages.of(X, X.shape[1:], codes, weights)


def learn(X, weights=None, shape=SHAPE):
    channels = shape[2]
    images = labeled(X, weights)
    return whitening_kernel(images, shape, OFFSET[:channels], SCALE[:channels])


def patches(X, height=2, width=2):
    """Return the scaled patches of images as rows, in the order of a kernel's rows."""
    channels = X.shape[-1]
    scaled = (X - OFFSET[:channels]) / SCALE[:channels]
    return np.array(
        [
            image[y : y + height, x : x + width].ravel()
            for image in scaled
            for y in range(image.shape[0] - height + 1)
            for x in range(image.shape[1] - width + 1)
        ]
    )


def test_patches_are_those_of_block_means():
    X = correlated(30, height=25, width=20)
    means = X[:, :24].reshape(30, 8, 3, 10, 2, 3).mean(axis=(2, 4))
    found = whitening_kernel(labeled(X), SHAPE, OFFSET, SCALE, (3, 2))
    np.testing.assert_allclose(found, learn(means), rtol=1e-6)


def test_few_large_images_are_read(monkeypatch):
    X = correlated(40)
    monkeypatch.setattr(whitening, "MAX_PIXELS", 10 * 9 * 7)
    np.testing.assert_array_equal(learn(X), learn(X[::4]))


def test_the_first_half_of_the_filters_decorrelates_patches():
    X = correlated(30)
    filters = learn(X).reshape(12, 24)[:, :12]
    before = patches(X)
    moments = before.T @ before / len(before)
    off_diagonal = ~np.eye(12, dtype=bool)
    assert abs(moments[off_diagonal]).max() > 0.1
    variances = np.linalg.eigvalsh(moments)
    after = before @ filters
    np.testing.assert_allclose(
        after.T @ after / len(after),
        np.diag(variances / (variances + EPSILON)),
        atol=1e-9,
    )
    assert variances.min() > 10 * EPSILON  # nearly the unit matrix


def test_the_second_half_of_the_filters_is_the_opposite():
    kernel = learn(correlated(10))
    assert kernel.shape == SHAPE
    np.testing.assert_array_equal(kernel[..., 12:], -kernel[..., :12])


@pytest.mark.parametrize(
    "shape", [(1, 2, 3, 12), (2, 1, 1, 4), (1, 1, 1, 2), (1, 1, 3, 6)], ids=str
)
def test_kernels_of_other_shapes_whiten_too(shape):
    height, width, channels, n_filters = shape
    X = correlated(20, 5, 4, channels)
    before = patches(X, height, width)
    half = n_filters // 2
    after = before @ learn(X, shape=shape).reshape(half, n_filters)[:, :half]
    np.testing.assert_allclose(after.T @ after / len(after), np.eye(half), atol=0.01)


def test_a_weight_is_a_number_of_copies_and_zero_is_absence():
    X = correlated(6)
    whole = np.array([1, 3, 0, 2, 1, 0])
    weighted = learn(X, whole.astype(float))
    repeated = learn(np.repeat(X, whole, axis=0))
    # A direction and its opposite are one: what counts is what they span, weighted.
    for kernel in (weighted, repeated):
        kernel.shape = (12, 24)
    np.testing.assert_allclose(weighted @ weighted.T, repeated @ repeated.T, rtol=1e-6)
    plain = learn(X).reshape(12, 24)
    assert abs(plain @ plain.T - weighted @ weighted.T).max() > 0.1


def test_constant_images_give_finite_filters():
    kernel = learn(np.full((5, 4, 4, 3), 7, np.uint8))
    assert np.isfinite(kernel).all()


def test_few_images_of_many_are_read_evenly_spaced(monkeypatch):
    X = correlated(10)
    every = learn(X[::3])
    assert not np.array_equal(learn(X), every)
    monkeypatch.setattr(whitening, "MAX_IMAGES", 4)
    np.testing.assert_array_equal(learn(X), every)
    weights = np.arange(1.0, 11)
    np.testing.assert_array_equal(learn(X, weights), learn(X[::3], weights[::3]))


def test_chunks_change_nothing_but_rounding(monkeypatch):
    X, weights = correlated(10), np.arange(1.0, 11)
    whole = learn(X, weights)
    monkeypatch.setattr(forms, "CHUNK_VALUES", 3 * X[0].size)
    np.testing.assert_allclose(learn(X, weights), whole, rtol=1e-6, atol=1e-9)


# --------------------------------------------------------------------- in the network


@pytest.fixture(scope="module")
def fitted():
    """Return a classifier trained for several steps, and its images."""
    X = correlated(40, 9, 8)
    classifier = CIFARCNNClassifier(
        whitening=True,
        filters=4,
        kernel_size=3,
        convolutions=1,
        pool_size=2,
        padding="same",
        global_pooling=False,
        dense_units=(),
        activation="relu",
        batch_normalization=True,
        scaling="standard",
        optimizer="adam",
        learning_rate=0.05,
        learning_rate_schedule="constant",
        batch_size=10,
        epochs=2,
        augment=None,
        progressive_resizing=None,
        test_time_augmentation=None,
        dtype="float32",
        random_state=0,
    )
    return classifier.fit(X, np.arange(40) % 2), X


def kernel_of(classifier, name):
    return classifier.model_.get_layer(name).get_weights()[0]


@pytest.mark.slow
def test_the_layer_whitens_what_the_scaling_gives(fitted):
    classifier, X = fitted
    outputs = X.astype(np.float32)
    for name in ("scaling", "whitening"):
        outputs = classifier.model_.get_layer(name)(outputs)
    outputs = np.asarray(outputs).reshape(-1, 24)
    half = outputs[:, :12]
    np.testing.assert_allclose(half.T @ half / len(half), np.eye(12), atol=0.03)
    np.testing.assert_allclose(outputs[:, 12:], -half, atol=1e-6)


def test_the_layer_stays_as_it_was_learned(fitted):
    classifier, X = fitted
    assert not classifier.model_.get_layer("whitening").trainable
    again = clone(classifier).set_params(epochs=4, random_state=1)
    again.fit(X, np.arange(40) % 2)
    np.testing.assert_array_equal(
        kernel_of(again, "whitening"), kernel_of(classifier, "whitening")
    )
    before = kernel_of(classifier, "convolution_1_1")
    assert (kernel_of(again, "convolution_1_1") != before).all()


def test_going_on_keeps_the_layer_whatever_the_new_images(fitted):
    classifier, X = fitted
    other, y = clone(classifier).set_params(warm_start=True), np.arange(40) % 2
    kernel = kernel_of(other.fit(X, y), "whitening")
    other.fit(X[:, ::-1] // 2, y)
    np.testing.assert_array_equal(kernel_of(other, "whitening"), kernel)
    other.partial_fit(X // 3, y)
    np.testing.assert_array_equal(kernel_of(other, "whitening"), kernel)
