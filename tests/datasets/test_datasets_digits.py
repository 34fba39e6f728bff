"""scikit-learn's digits as uint8 images."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skcnn.datasets import load_digit_images


def test_the_images_are_those_of_scikit_learn_stretched_to_255():
    original = load_digits()
    bunch = load_digit_images()
    assert bunch.images.shape == (1797, 8, 8)
    assert bunch.images.dtype == np.uint8
    np.testing.assert_allclose(
        bunch.images, original.images * 255 / 16, rtol=0, atol=0.5
    )
    assert bunch.images.max() == 255
    assert len(np.unique(bunch.images)) == 17
    np.testing.assert_array_equal(bunch.target, original.target)
    np.testing.assert_array_equal(bunch.target_names, np.arange(10))
    assert "UCI" in bunch.DESCR


def test_arrays_are_writable_contiguous_and_share_memory():
    bunch = load_digit_images()
    assert bunch.images.flags.c_contiguous
    assert np.shares_memory(bunch.data, bunch.images)
    bunch.images[:] = 1
    assert (bunch.data == 1).all()
    assert not (load_digit_images().images == 1).any()


def test_return_X_y_and_as_frame():
    bunch = load_digit_images()
    X, y = load_digit_images(return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)
    framed = load_digit_images(as_frame=True)
    assert list(framed.frame.columns) == [*(f"pixel{i}" for i in range(64)), "target"]
    np.testing.assert_array_equal(framed.data, X)
    np.testing.assert_array_equal(framed.target, y)
    assert (framed.data.dtypes == np.uint8).all()


def test_wrong_parameters_are_named():
    with pytest.raises(ValueError, match="'as_frame' parameter of load_digit_images"):
        load_digit_images(as_frame="yes")
