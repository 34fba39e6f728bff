"""Images with labels and weights, as training reads them. Nothing needs TensorFlow."""

import numpy as np
import pytest

from skcnn._images.labeled import LabeledImages

# Six images of two different kinds and labels; 4 and 5 are the first two again.
PIXELS = np.array([[9, 1], [0, 1], [5, 5], [9, 2], [9, 1], [0, 1]], np.uint8)
CLASSES = np.array([1, 0, 0, 1, 1, 1], np.int32)


def images(weights=None, form=(6, 2)):
    weights = None if weights is None else np.array(weights, float)
    return LabeledImages.of(PIXELS.reshape(form), (1, 2, 1), CLASSES, weights)


@pytest.mark.parametrize("weights", [None, [1.0, 2, 1, 2, 1, 2]])
def test_all_images_of_positive_weight_take_part(weights):
    data = images(weights)
    assert len(data) == 6
    np.testing.assert_array_equal(data.rows, np.arange(6))
    np.testing.assert_array_equal(data.class_indices, CLASSES)


def test_images_of_weight_zero_take_no_part():
    data = images([1, 0, 2, 0, 0, 3])
    np.testing.assert_array_equal(data.rows, [0, 2, 5])
    np.testing.assert_array_equal(data.class_indices, [1, 0, 1])
    np.testing.assert_array_equal(data.weights, [1, 2, 3])
    np.testing.assert_array_equal(
        data.images(slice(1, 3)).reshape(-1, 2), PIXELS[[2, 5]]
    )
    np.testing.assert_array_equal(data.weights_of_all_rows(), [1, 0, 2, 0, 0, 3])


@pytest.mark.parametrize("form", [(6, 2), (6, 1, 2), (6, 1, 2, 1)], ids=str)
def test_images_come_with_channels_whatever_their_form(form):
    batch = images(form=form).images(np.array([3, 0]))
    assert batch.shape == (2, 1, 2, 1)
    np.testing.assert_array_equal(batch.ravel(), [9, 2, 9, 1])


def test_a_part_of_a_part_keeps_images_labels_and_weights_together():
    part = images([1, 2, 3, 0, 5, 6]).take([4, 1, 0]).take([0, 2])
    np.testing.assert_array_equal(part.rows, [5, 0])
    np.testing.assert_array_equal(part.class_indices, [1, 1])
    np.testing.assert_array_equal(part.weights, [6, 1])
    np.testing.assert_array_equal(part.weights_of_all_rows(), [1, 0, 0, 0, 0, 6])
    assert np.shares_memory(part.X, PIXELS)


def test_a_part_without_weights_has_one_for_each_of_its_rows():
    assert images().weights_of_all_rows() is None
    part = images().take([2, 0])
    assert part.weights is None
    np.testing.assert_array_equal(part.weights_of_all_rows(), [1, 0, 1, 0, 0, 0])


def test_equal_images_of_one_label_merge_into_one_of_their_weight():
    merged = images([1, 2, 4, 8, 16, 32]).merged()
    # Sorted by label, then by pixels; the image [0, 1] comes with two labels.
    np.testing.assert_array_equal(merged.class_indices, [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(
        merged.images(slice(None)).reshape(-1, 2),
        [[0, 1], [5, 5], [0, 1], [9, 1], [9, 2]],
    )
    np.testing.assert_array_equal(merged.weights, [2, 4, 32, 17, 8])
    assert merged.X.dtype == np.uint8
    assert merged.image_shape == (1, 2, 1)
    assert merged.class_indices.dtype == np.int32


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
def test_merging_does_not_depend_on_order_or_on_how_weight_is_given(dtype):
    X = PIXELS.astype(dtype)
    whole = np.array([1, 3, 2, 1, 2, 0])
    twice = np.repeat(np.arange(6), whole)[::-1]
    weighted = LabeledImages.of(X, (1, 2, 1), CLASSES, whole.astype(float)).merged()
    repeated = LabeledImages.of(X[twice], (1, 2, 1), CLASSES[twice], None).merged()
    np.testing.assert_array_equal(weighted.X, repeated.X)
    np.testing.assert_array_equal(weighted.class_indices, repeated.class_indices)
    np.testing.assert_array_equal(weighted.weights, repeated.weights)


def test_pixels_of_64_bit_that_differ_in_the_last_place_stay_apart():
    X = np.array([[1.0], [np.nextafter(1.0, 2)]])
    data = LabeledImages.of(X, (1, 1, 1), np.zeros(2, np.int32), None)
    assert len(data.merged()) == 2


def test_weights_are_divided_by_their_mean():
    data = images([1, 0, 2, 0, 0, 3]).with_mean_weight_one()
    np.testing.assert_allclose(data.weights, [0.5, 1, 1.5])
    assert images().with_mean_weight_one().weights is None
