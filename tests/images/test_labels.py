"""Labels as codes, weights as one new array."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_sample_weight

from skcnn._images.labels import combine_weights, encode_labels, validate_labels
from skcnn._messages.wording import listed

X = np.zeros((6, 4))
CLASSES = np.array([0, 1, 2])
CODES = np.array([0, 0, 0, 1, 1, 2])


@pytest.mark.parametrize(
    "labels",
    [
        [3, 1, 3, 2, 1, 2],
        ["c", "a", "c", "b", "a", "b"],
        np.array(["c", "a", "c", "b", "a", "b"], dtype=object),
        [-1.0, -7.0, -1.0, -3.0, -7.0, -3.0],
        [True, False, True, False, False, True],
    ],
    ids=["integers", "strings", "objects", "whole floats", "booleans"],
)
def test_labels_of_any_kind_become_their_position_among_the_classes(labels):
    labels = validate_labels(None, X, labels)
    classes = np.unique(labels)
    codes = encode_labels(labels, classes)
    assert codes.dtype == np.int32
    np.testing.assert_array_equal(classes[codes], labels)


def test_classes_may_outnumber_the_labels_present():
    codes = encode_labels(np.array([5, 1]), np.array([1, 3, 5]))
    np.testing.assert_array_equal(codes, [2, 0])


def test_unknown_labels_are_named_with_their_argument():
    expected = r"y_val holds the labels \[2, 7\], .* classes \[1, 3, 5\]"
    with pytest.raises(ValueError, match=expected):
        encode_labels(np.array([5, 7, 2]), np.array([1, 3, 5]), name="y_val")


def test_a_message_names_ten_classes_at_most():
    assert listed(np.arange(10)) == str(list(range(10)))
    expected = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... and 1,490 more]"
    assert listed(np.arange(1500)) == expected
    assert listed(list(range(1500))) == expected
    assert listed(np.array(["a", "b"])) == "['a', 'b']"
    weights = dict.fromkeys(range(12), 1.0)
    assert listed(weights).endswith("9: 1.0, ... and 2 more}")


def test_many_unknown_labels_and_classes_make_a_short_message():
    with pytest.raises(ValueError, match=r"1,490 more.*490 more") as caught:
        encode_labels(np.arange(500, 2000), np.arange(500), name="y_val")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "y",
    [[[1], [0]] * 3, [[0], [1]] * 3],
    ids=["column", "column that begins with 0"],
)
def test_one_column_of_zeros_and_ones_is_no_one_hot_matrix(y):
    with pytest.warns(UserWarning, match="column-vector y"):
        assert validate_labels(None, X, y).shape == (6,)


def test_no_weights_are_none():
    assert combine_weights(None, None, X, CLASSES, CODES) is None


@pytest.mark.parametrize(
    "class_weight", ["balanced", {0: 2.0, 1: 0.5, 2: 3.0}, {1: 7.0}], ids=repr
)
@pytest.mark.parametrize("sample_weight", [None, [1.0, 2.0, 0.0, 4.0, 5.0, 6.0]])
def test_class_weights_multiply_sample_weights_as_in_scikit_learn(
    class_weight, sample_weight
):
    weights = combine_weights(sample_weight, class_weight, X, CLASSES, CODES)
    expected = compute_sample_weight(class_weight, CODES)
    if sample_weight is not None:
        expected = expected * sample_weight
    np.testing.assert_allclose(weights, expected, rtol=1e-15)
    assert weights.dtype == np.float64


@pytest.mark.parametrize(
    "classes",
    [["0", "1", "2"], ["-1", "07", "1e3"], ["a", "b", "c"], [0.5, 1.5, 2.5]],
    ids=str,
)
def test_class_weights_find_labels_that_look_like_numbers(classes):
    classes = np.array(classes)
    labels = classes.tolist()
    weights = combine_weights(None, {labels[1]: 2.0}, X, classes, CODES)
    np.testing.assert_array_equal(weights, [1, 1, 1, 2, 2, 1])
    all_of_them = dict(zip(labels, (1, 2, 3), strict=True))
    weights = combine_weights(None, all_of_them, X, classes, CODES)
    np.testing.assert_array_equal(weights, [1, 1, 1, 2, 2, 3])


def test_class_weights_of_other_labels_are_refused_with_both():
    expected = r"The classes, \['0', '1', '2'\], are not in .* keys are \[0, 1, 2\]\."
    with pytest.raises(ValueError, match=expected):
        combine_weights(None, {0: 1, 1: 1, 2: 1}, X, np.array(["0", "1", "2"]), CODES)


def test_class_weights_are_keyed_by_label():
    classes = np.array(["cat", "dog", "owl"])
    weights = combine_weights(None, {"dog": 3.0}, X, classes, CODES)
    np.testing.assert_array_equal(weights, [1, 1, 1, 3, 3, 1])


def test_balanced_weights_leave_absent_classes_out():
    weights = combine_weights(None, "balanced", X, np.arange(9), CODES)
    np.testing.assert_allclose(weights, compute_sample_weight("balanced", CODES))


def test_one_number_weighs_all_images_alike():
    weights = combine_weights(2.5, None, X, CLASSES, CODES)
    np.testing.assert_array_equal(weights, np.full(6, 2.5))


@pytest.mark.parametrize("class_weight", [None, {0: 2.0}])
def test_weights_come_in_a_new_array(class_weight):
    given = np.arange(1.0, 7.0)
    given.setflags(write=False)
    weights = combine_weights(given, class_weight, X, CLASSES, CODES)
    assert not np.shares_memory(weights, given)
    np.testing.assert_array_equal(given, np.arange(1.0, 7.0))
