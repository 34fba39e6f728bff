"""Images separated by label."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning

from skcnn.datasets import load_digit_images, split_by_label


def test_every_image_is_under_its_label_in_its_order():
    digits = load_digit_images()
    parts = split_by_label(digits.images, digits.target)
    assert list(parts) == list(range(10))
    for label, images in parts.items():
        np.testing.assert_array_equal(images, digits.images[digits.target == label])
        assert images.dtype == np.uint8
    assert sum(map(len, parts.values())) == 1797


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 2, 2), (4, 2, 2, 3)])
def test_images_of_any_form(shape):
    X = np.arange(np.prod(shape)).reshape(shape)
    parts = split_by_label(X, ["b", "a", "b", "c"])
    assert list(parts) == ["a", "b", "c"]
    np.testing.assert_array_equal(parts["b"], X[[0, 2]])


def test_a_list_and_a_data_frame():
    parts = split_by_label([[1, 2], [3, 4]], [1, 0])
    np.testing.assert_array_equal(parts[1], [[1, 2]])
    frame = pd.DataFrame({"pixel0": [1, 2, 3]}, index=[9, 8, 7])
    parts = split_by_label(frame, pd.Series(["x", "y", "x"]))
    pd.testing.assert_frame_equal(parts["x"], frame.iloc[[0, 2]])


def test_the_parts_are_copies():
    X = np.zeros((3, 2), np.uint8)
    for part in split_by_label(X, [0, 1, 0]).values():
        part += 1
    assert not X.any()


def test_labels_that_are_missing_have_a_part_too():
    parts = split_by_label(np.arange(3), [np.nan, 1.0, np.nan])
    assert [part.tolist() for part in parts.values()] == [[1], [0, 2]]


def test_a_column_of_labels_is_taken_with_the_usual_warning():
    with pytest.warns(DataConversionWarning, match="1d array was expected"):
        parts = split_by_label(np.arange(2), [[0], [1]])
    assert list(parts) == [0, 1]


@pytest.mark.parametrize("y", [[0, 1], np.eye(3), 3])
def test_labels_of_another_number_or_shape_are_refused(y):
    with pytest.raises(ValueError, match=r"inconsistent|1d array"):
        split_by_label(np.arange(3), y)
