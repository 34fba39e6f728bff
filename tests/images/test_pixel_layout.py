"""Shapes of flat rows that their pixels deny, and channels in another order."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline
from tiny import tiny_classifier

from skcnn import CIFARCNNClassifier
from skcnn._messages.warnings import PixelsWarning
from skcnn.preprocessing import ImageReshaper, ImageScaler


def smooth(n, height, width, channels=1, seed=0, colored=0.5):
    """Return images of blurred noise: one for brightness, one for each color."""
    noise = np.random.default_rng(seed).normal(
        size=(n, height + 6, width + 6, channels + 1)
    )
    for axis in (1, 2):
        noise = sum(np.roll(noise, by, axis) for by in range(-3, 4))
    noise = noise[:, 3:-3, 3:-3]
    values = colored * noise[..., :-1] + noise[..., -1:]
    values = (values - values.min()) / np.ptp(values)
    return np.rint(255 * values).astype(np.uint8)


def planes(images):
    return np.moveaxis(images, -1, 1).reshape(len(images), -1)


def found(X, image_shape=None):
    """Return the shape that is learned, and the warnings that are given."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shape = ImageReshaper(image_shape).fit(X).image_shape_
    assert {one.filename for one in caught} <= {__file__}
    return shape, [one.message for one in caught]


def rows_of(n_values, n=20):
    return np.random.default_rng(0).integers(0, 256, (n, n_values), dtype=np.uint8)


# ------------------------------------------------------------------ one row of pixels


@pytest.mark.parametrize(
    ("n_values", "hint"),
    [
        (785, "784 would be 28 x 28: is a label or an index among the columns? If not"),
        (786, "784 would be 28 x 28: is a label or an index among the columns?"),
        (3073, "3072 would be 32 x 32 x 3: is a label or an index among the columns?"),
        (65, "64 would be 8 x 8: is a label or an index among the columns?"),
        (783, "784 would be 28 x 28: an earlier step may have dropped columns; if not"),
        (556, "576 would be 24 x 24: an earlier step may have dropped columns"),
        (3071, "3072 would be 32 x 32 x 3: an earlier step may have dropped columns"),
        (2000, "2025 would be 45 x 45: an earlier step may have dropped columns"),
    ],
)
@pytest.mark.parametrize("form", ["bytes", "unit", "frame"])
def test_rows_that_are_no_square_are_said_to_be_one_row(n_values, hint, form):
    X = rows_of(n_values)
    X = {"bytes": X, "unit": X / 255, "frame": pd.DataFrame(X)}[form]
    shape, (message,) = found(X)
    assert shape == (1, n_values, 1)
    assert message.kind == "shape"
    start = f"Flat rows are read as one row of {n_values} pixels each; {hint}"
    assert str(message).startswith(start)
    assert "set image_shape=(height, width) or (height, width, " in str(message)
    assert str(message).endswith(f"(1, {n_values}) for a single row.")


def test_a_stated_shape_is_believed():
    assert found(rows_of(2000), (20, 100)) == ((20, 100, 1), [])
    assert found(rows_of(785), (1, 785)) == ((1, 785, 1), [])


@pytest.mark.parametrize(
    "X",
    [
        rows_of(45),
        np.random.default_rng(0).normal(size=(20, 200)),
        1000 * np.random.default_rng(0).random((20, 200)),
        rows_of(784),
        rows_of(3072),
    ],
    ids=["few columns", "negative", "large fractions", "a square", "three squares"],
)
def test_tables_and_squares_do_not_warn(X):
    assert found(X)[1] == []


@pytest.mark.parametrize("make", [ImageScaler, ImageReshaper])
def test_transformers_warn_as_classifiers_do(make):
    with pytest.warns(PixelsWarning, match="784 would be 28 x 28") as caught:
        make().fit(rows_of(785))
    assert [one.filename for one in caught] == [__file__]


@pytest.mark.slow
def test_a_filter_of_columns_before_the_classifier_is_noticed(digits):
    X = np.pad(digits[0], [(0, 0), (2, 2), (2, 2)])[:60]
    pipeline = make_pipeline(VarianceThreshold(), tiny_classifier(epochs=1))
    with pytest.warns(PixelsWarning, match="one row of 51 pixels") as caught:
        pipeline.fit(X.reshape(60, -1), digits[1][:60])
    assert [one.filename for one in caught] == [__file__]


# -------------------------------------------------------------- channels, one by one


@pytest.mark.parametrize(("height", "width"), [(32, 32), (16, 16), (24, 40)])
@pytest.mark.parametrize("n", [1, 30])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.int64])
def test_planes_of_colors_are_noticed_in_every_form(height, width, n, dtype):
    images = smooth(n, height, width, 3).astype(dtype)
    shape = (height, width, 3)
    rows = planes(images)
    cases = [(rows, shape), (rows.reshape(images.shape), None)]
    if height == width:
        cases.append((rows, None))
    for X, stated in cases:
        learned, (message,) = found(X, stated)
        assert learned == shape
        assert message.kind == "layout"
        assert str(message) == (
            "X looks like planes of red, green and blue, one after the other, but is "
            "read as pixels of 3 channels each: write "
            f"np.moveaxis(X.reshape(-1, 3, {height}, {width}), 1, -1)."
        )
        mended = eval(message.remedy.removeprefix("write "), {"np": np, "X": X})
        np.testing.assert_array_equal(mended, images)
        assert found(mended)[1] == []


def test_planes_of_four_channels_are_noticed():
    images = smooth(10, 16, 16, 4)
    _, (message,) = found(planes(images), (16, 16, 4))
    assert "np.moveaxis(X.reshape(-1, 4, 16, 16), 1, -1)" in str(message)


@pytest.mark.parametrize("colored", [0, 0.01, 0.5, 3])
def test_pixels_side_by_side_do_not_warn(colored):
    """Neither in strong colors nor where gray images are stored in three channels."""
    images = smooth(20, 32, 32, 3, colored=colored)
    for batch in (images, images[:1], images / 255, images.reshape(20, -1)):
        assert found(batch)[1] == []


def test_evenly_rising_values_do_not_warn():
    for dtype in (np.int64, np.float32, np.float64):
        X = np.arange(5 * 3072).astype(dtype)
        assert found(X.reshape(5, 3072))[1] == []


@pytest.mark.parametrize(("height", "width"), [(96, 32), (32, 96), (48, 64), (48, 16)])
def test_gray_rectangles_of_three_squares_are_not_taken_for_color(height, width):
    rows = smooth(30, height, width).reshape(30, -1)
    shape, (message,) = found(rows)
    assert shape[2] == 3
    assert message.kind == "shape"
    assert "look like gray images of another height and width" in str(message)
    assert "set image_shape=(height, width)" in str(message)
    assert found(rows, (height, width))[1] == []


def test_rgba_rows_are_not_taken_for_gray_squares():
    images = np.concatenate(
        [smooth(20, 32, 32, 3), np.full((20, 32, 32, 1), 255, np.uint8)], axis=-1
    )
    rows = images.reshape(20, -1)
    shape, (message,) = found(rows)
    assert shape == (64, 64, 1)
    assert str(message) == (
        "Rows of 4096 values are read as 64 x 64 gray pixels because of their length, "
        "but they look like pixels of 4 channels: set image_shape=(32, 32, 4), or "
        "image_shape=(64, 64) if they are gray."
    )
    assert found(rows, (32, 32, 4))[1] == []
    assert found(rows, (64, 64))[1] == []


def test_color_rows_are_not_taken_for_gray_squares():
    rows = smooth(20, 12, 16, 3, colored=3).reshape(20, -1)
    shape, (message,) = found(rows)
    assert shape == (24, 24, 1)
    assert "set image_shape=(height, width, 3)" in str(message)


@pytest.mark.parametrize("side", [12, 28, 64])
def test_gray_squares_do_not_warn(side, digits):
    assert found(smooth(20, side, side).reshape(20, -1))[1] == []
    assert found(rows_of(side * side))[1] == []
    assert found(digits[0].reshape(-1, 64))[1] == []


@pytest.mark.real_data
def test_cifar_10s_own_rows_are_noticed(real_data_home):
    import pickle

    with (real_data_home / "cifar-10-batches-py" / "data_batch_1").open("rb") as file:
        batch = pickle.load(file, encoding="bytes")
    rows = batch[b"data"]
    for n in (1, 10, 200):
        _, (message,) = found(rows[:n])
        assert message.kind == "layout"
    good = np.moveaxis(rows.reshape(-1, 3, 32, 32), 1, -1)
    for i in range(200):
        assert found(good[i : i + 1])[1] == []


@pytest.mark.slow
def test_the_classifier_says_it_once_and_before_it_trains():
    images = smooth(40, 16, 16, 3)
    y = np.arange(40) % 2
    clf = CIFARCNNClassifier.from_preset("fast", epochs=1, filters=4)
    with pytest.warns(PixelsWarning, match=re.escape("np.moveaxis(X.re")) as caught:
        clf.fit(planes(images), y)
    assert [one.filename for one in caught] == [__file__]


# ------------------------------------------------------------------- gray and color


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize(
    ("learned", "given", "remedy"),
    [
        (1, 3, "To make color images gray, write"),
        (1, 4, "To make color images gray, write"),
        (3, 1, "To give gray images three channels, write"),
        (3, 4, "To drop the alpha channel, write"),
    ],
)
def test_other_channels_are_refused_with_what_makes_them_alike(
    learned, given, remedy, flat
):
    scaler = ImageScaler().fit(smooth(5, 8, 9, learned))
    X = smooth(4, 8, 9, given)
    X = X.reshape(4, -1) if flat else X
    with pytest.raises(ValueError, match=remedy) as caught:
        scaler.transform(X)
    expression = str(caught.value).partition("write ")[2].rstrip(".")
    mended = eval(expression, {"np": np, "X": X})
    assert scaler.transform(mended).size == 4 * 8 * 9 * learned
