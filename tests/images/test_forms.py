"""Images in every form: what shape they have, and views instead of copies."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator

from skcnn._images.forms import (
    check_image_shape,
    image_batch,
    infer_image_shape,
    shape_of_images,
    validate_images,
)


class Learner(BaseEstimator):
    """Whatever learns a shape."""


@pytest.mark.parametrize(
    ("n_features", "shape"),
    [
        (784, (28, 28, 1)),
        (3072, (32, 32, 3)),
        (64, (8, 8, 1)),
        (1, (1, 1, 1)),
        (3, (1, 1, 3)),
        (12, (2, 2, 3)),
        (2, (1, 2, 1)),
        (10, (1, 10, 1)),
        (783, (1, 783, 1)),
        (785, (1, 785, 1)),
        # RGBA is not guessed: a square is a gray image.
        (4096, (64, 64, 1)),
    ],
)
def test_the_shape_inferred_from_the_length_of_a_row(n_features, shape):
    assert infer_image_shape(n_features) == shape


@pytest.mark.parametrize(
    ("shape", "stated"),
    [
        ((5, 4, 3), None),
        ((5, 4, 3, 2), None),
        ((5, 12), None),
        ((5, 12), (4, 3)),
        ((5, 4, 4), (4, 4)),
    ],
)
@pytest.mark.parametrize("container", [np.asarray, list, np.ndarray.tolist])
def test_the_shape_before_a_fit_is_the_one_that_fit_learns(shape, stated, container):
    X = container(np.arange(np.prod(shape)).reshape(shape))
    learner = Learner()
    validate_images(learner, X, reset=True, image_shape=stated)
    assert shape_of_images(X, stated) == learner.image_shape_


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        ((28, 28), (28, 28, 1)),
        ([32, 30, 3], (32, 30, 3)),
        ((np.int64(4), np.uint8(5)), (4, 5, 1)),
    ],
)
def test_a_stated_shape_gets_channels(given, shape):
    checked = check_image_shape(given)
    assert checked == shape
    assert all(type(side) is int for side in checked)


@pytest.mark.parametrize("given", [None, 28, "28x28", (28,), (1, 2, 3, 4), (0, 1), {}])
def test_no_other_stated_shape_passes(given):
    with pytest.raises(ValueError, match="expected None or two or three positive"):
        check_image_shape(given)


@pytest.fixture
def images():
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (5, 6, 6, 3), dtype=np.uint8)


FORMS = {
    "4-D": (lambda X: X, (6, 6, 3), None),
    "flat": (lambda X: X.reshape(5, -1), (6, 6, 3), None),
    "flat, stated": (lambda X: X.reshape(5, -1), (4, 9, 3), (4, 9, 3)),
    "3-D": (lambda X: X[..., 0], (6, 6, 1), None),
    "lists": (lambda X: X[..., 0].tolist(), (6, 6, 1), None),
    "list of arrays": (list, (6, 6, 3), None),
}


@pytest.mark.parametrize(("make", "shape", "stated"), FORMS.values(), ids=FORMS.keys())
def test_the_learned_shape(make, shape, stated, images):
    learner = Learner()
    validate_images(learner, make(images), reset=True, image_shape=stated)
    assert learner.image_shape_ == shape
    assert learner.n_features_in_ == np.prod(shape)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64])
@pytest.mark.parametrize(
    "make", [lambda X: X, lambda X: X[..., 0], lambda X: X.reshape(5, -1)]
)
def test_arrays_are_neither_copied_nor_converted(make, dtype, images):
    given = make(images.astype(dtype))
    validated = validate_images(Learner(), given, reset=True)
    assert np.shares_memory(validated, given)
    assert validated.dtype == dtype
    assert validated.shape == given.shape


def test_any_form_is_accepted_after_any_other(images):
    learner = Learner()
    validate_images(learner, images, reset=True)
    row = validate_images(learner, images.reshape(5, -1), reset=False)
    np.testing.assert_array_equal(image_batch(row, learner.image_shape_), images)


def test_column_names_are_learned_and_forgotten(images):
    learner = Learner()
    flat = images.reshape(5, -1)
    names = [f"pixel{i}" for i in range(flat.shape[1])]
    validate_images(learner, pd.DataFrame(flat, columns=names), reset=True)
    assert learner.feature_names_in_.tolist() == names
    validate_images(learner, images, reset=True)
    assert not hasattr(learner, "feature_names_in_")


def test_checking_learns_nothing(images):
    learner = Learner()
    validate_images(learner, images, reset=True)
    before = dict(vars(learner))
    validate_images(learner, images[:2], reset=False)
    assert vars(learner) == before


@pytest.mark.parametrize("make", [lambda X: X, lambda X: X.reshape(5, -1)])
def test_a_slice_of_images_is_a_view(make, images):
    X = make(images)
    batch = image_batch(X, (6, 6, 3), slice(1, 4))
    assert np.shares_memory(batch, X)
    np.testing.assert_array_equal(batch, images[1:4])


def test_chosen_rows_come_in_the_order_asked_for(images):
    batch = image_batch(images.reshape(5, -1), (6, 6, 3), np.array([3, 0, 3]))
    np.testing.assert_array_equal(batch, images[[3, 0, 3]])


def test_three_dimensions_become_four(images):
    batch = image_batch(images[..., 0], (6, 6, 1))
    np.testing.assert_array_equal(batch, images[..., :1])


@pytest.mark.parametrize("dtype", ["u1", "i8", "f2", "f4", "f8", ">f4"])
@pytest.mark.parametrize("shape", [(2**14, 8, 8, 3), (2**14, 192)])
def test_validation_takes_no_memory_to_speak_of(dtype, shape):
    X = np.ones(shape, dtype)
    X[0] = 100  # so that the sum of halves overflows
    tracemalloc.start()
    try:
        validate_images(Learner(), X, reset=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes / 10


@pytest.mark.parametrize("row", [0, 999])
def test_what_is_not_finite_is_found_wherever_it_is(row):
    X = np.zeros((1000, 20, 20), np.float16)
    X[row, 3, 4] = np.inf
    with pytest.raises(ValueError, match=r"Input X contains infinity"):
        validate_images(Learner(), X, reset=True)
    X[row, 3, 4] = np.nan
    with pytest.raises(ValueError, match=r"Input X contains NaN\.\nLearner does not"):
        validate_images(Learner(), X.reshape(1000, 400), reset=True)
