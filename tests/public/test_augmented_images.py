"""Augmented images: `skcnn.inspection.augmented_images`."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skcnn import MNISTCNNClassifier
from skcnn.inspection import augmented_images
from skcnn.preprocessing import ImageScaler


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits[0][:60], digits[1][:60]

    def fit(augment):
        clf = MNISTCNNClassifier(filters=4, dense_units=(), epochs=1, augment=augment)
        return clf.fit(X, y)

    return {augment: fit(augment) for augment in ("affine", "flip", None)}


@pytest.mark.slow
def test_a_changed_image_differs_and_keeps_its_range_and_its_gray_level(digits, fitted):
    X = digits[0][:60]
    changed = augmented_images(fitted["affine"], X, random_state=0)
    assert changed.shape == (60, 8, 8, 1)
    assert changed.dtype == np.float32
    assert changed.min() >= X.min()
    assert changed.max() <= X.max()
    assert (changed[..., 0] != X).any(axis=(1, 2)).all()
    # Near to the images: a digit that is turned a little is no other picture.
    assert np.abs(changed[..., 0] - X).mean() < np.abs(X[::-1] - X.astype(float)).mean()


def test_flip_mirrors_some_images_and_changes_no_other(digits, fitted):
    X = digits[0][:60]
    changed = augmented_images(fitted["flip"], X, random_state=0)[..., 0]
    is_same = (changed == X).all(axis=(1, 2))
    is_mirrored = (changed == X[:, :, ::-1]).all(axis=(1, 2))
    assert (is_same | is_mirrored).all()
    assert 15 < is_mirrored.sum() < 45


def test_without_augment_images_are_unchanged(digits, fitted):
    changed = augmented_images(fitted[None], digits[0][:5])
    np.testing.assert_array_equal(changed[..., 0], digits[0][:5])


def test_a_seed_gives_the_same_images_again_and_another_seed_other_ones(digits, fitted):
    first, again, other = (
        augmented_images(
            fitted["affine"], digits[0][:9].reshape(9, -1), random_state=seed
        )
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_the_images_of_the_caller_stay_as_they_are(digits, fitted):
    X = digits[0][:9].astype(np.float32)
    before = X.copy()
    augmented_images(fitted["affine"], X, random_state=0)
    np.testing.assert_array_equal(X, before)


def test_what_is_no_fitted_classifier_is_refused(digits, fitted):
    with pytest.raises(NotFittedError):
        augmented_images(MNISTCNNClassifier(), digits[0])
    pipeline = make_pipeline(ImageScaler(), fitted["affine"])
    with pytest.raises(
        TypeError, match="Got Pipeline, but expected a classifier of sk"
    ):
        augmented_images(pipeline, digits[0])
    with pytest.raises(ValueError, match="shape"):
        augmented_images(fitted["affine"], digits[0][:, :5])
