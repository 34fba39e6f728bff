"""The transformers, and the statistics that scaling rests on."""

import os
import pickle
import tracemalloc
import warnings
from itertools import product
from unittest import SkipTest

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skcnn import MNISTCNNClassifier
from skcnn._images import forms as forms_module
from skcnn._images.scaling import pixel_scaling
from skcnn.datasets import load_image_folder
from skcnn.preprocessing import (
    ImageFlattener,
    ImageReshaper,
    ImageResizer,
    ImageScaler,
)

Image = pytest.importorskip("PIL.Image")

ESTIMATORS = [
    ImageScaler(),
    ImageScaler(mode="standard", per_channel=False, dtype="float64"),
    ImageFlattener(),
    ImageReshaper(),
    ImageResizer((4, 3)),
    ImageResizer((2, 5), aspect_ratio="pad", fill=2, color_mode="rgb"),
    ImageResizer((3, 3), aspect_ratio="crop", color_mode="grayscale"),
]
RETURN_FRAMES = ESTIMATORS[:3]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_checks(estimator, check):
    try:
        check(estimator)
    except SkipTest as skip:
        # One check asks for this variable; no other has a reason to be skipped.
        if "SCIPY_ARRAY_API" in os.environ:
            pytest.fail(f"skipped: {skip}")
        raise


# scikit-learn runs these on its own estimators only.
CHECKS_OF_ALL = [
    "check_param_validation",
    "check_dataframe_column_names_consistency",
    "check_readonly_memmap_input",
    "check_n_features_in_after_fitting",
]
CHECKS_OF_OUTPUT = [
    "check_set_output_transform",
    "check_set_output_transform_pandas",
    "check_set_output_transform_polars",
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_transformer_get_feature_names_out",
    "check_transformer_get_feature_names_out_pandas",
]


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        *product(ESTIMATORS, CHECKS_OF_ALL),
        *product(RETURN_FRAMES, CHECKS_OF_OUTPUT),
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
def test_further_scikit_learn_checks(estimator, check):
    getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))


@pytest.fixture
def colors():
    """Ten small images of three channels of unlike brightness and contrast."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (10, 5, 5, 3)) * [1, 0.5, 0.1] + [0, 20, 200]
    return images.astype(np.uint8)


def forms(images):
    return [images, images.reshape(len(images), -1)]


class TestImageScaler:
    @pytest.mark.parametrize("shape", [(4, 6, 6), (4, 6, 6, 1), (4, 6, 6, 3), (4, 36)])
    def test_the_form_that_comes_in_comes_out(self, shape):
        X = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
        scaler = ImageScaler().fit(X)
        assert scaler.transform(X).shape == shape
        assert scaler.inverse_transform(X).shape == shape
        assert scaler.image_shape_ == (6, 6, shape[3] if len(shape) == 4 else 1)

    def test_standard_per_channel_has_zero_mean_and_unit_variance(self, colors):
        scaled = ImageScaler(mode="standard", dtype="float64").fit_transform(colors)
        np.testing.assert_allclose(scaled.mean(axis=(0, 1, 2)), 0, atol=1e-12)
        np.testing.assert_allclose(scaled.std(axis=(0, 1, 2)), 1, rtol=1e-12)

    def test_standard_over_all_channels_keeps_their_differences(self, colors):
        scaler = ImageScaler(mode="standard", per_channel=False, dtype="float64")
        scaled = scaler.fit_transform(colors)
        assert scaled.mean() == pytest.approx(0, abs=1e-12)
        assert scaled.std() == pytest.approx(1)
        assert np.ptp(scaled.mean(axis=(0, 1, 2))) > 0.5
        assert scaler.offset_.shape == scaler.scale_.shape == (3,)
        assert len(set(scaler.offset_)) == len(set(scaler.scale_)) == 1

    @pytest.mark.parametrize("per_channel", [True, False])
    @pytest.mark.parametrize(
        ("mode", "reference"),
        [("unit", MinMaxScaler()), ("standard", StandardScaler())],
    )
    def test_floats_are_scaled_as_by_scikit_learn(
        self, colors, mode, reference, per_channel
    ):
        X = colors / 7 - 3
        scaler = ImageScaler(mode=mode, per_channel=per_channel, dtype="float64")
        columns = X.reshape(-1, 3 if per_channel else 1)
        expected = reference.fit_transform(columns).reshape(X.shape)
        np.testing.assert_allclose(scaler.fit_transform(X), expected, atol=1e-12)

    @pytest.mark.parametrize(
        ("values", "dtype", "offset", "scale"),
        [
            ([0, 1], np.uint8, 0, 1),
            ([0, 16], np.int64, 0, 16),
            ([0, 63], np.uint8, 0, 63),
            ([0, 64], np.uint8, 0, 255),
            ([0, 255], np.uint16, 0, 255),
            ([0, 256], np.uint16, 0, 256),
            ([0, 1023], np.uint16, 0, 1023),
            ([0, 4095], np.int32, 0, 4095),
            ([0, 16383], np.uint16, 0, 16383),
            ([0, 16384], np.uint16, 0, 65535),
            ([0, 65535], np.int32, 0, 65535),
            ([0, 65536], np.int32, 0, 65536),
            ([-10, 30], np.int16, -10, 40),
            ([0, 1], np.bool_, 0, 1),
            ([0.0, 7.0], np.float32, 0, 7),
            ([0.25, 0.75], np.float64, 0.25, 0.5),
        ],
    )
    def test_the_rule_of_unit(self, values, dtype, offset, scale):
        X = np.array(values, dtype=dtype).reshape(1, 1, 2)
        scaler = ImageScaler().fit(X)
        np.testing.assert_array_equal(scaler.offset_, [offset])
        np.testing.assert_array_equal(scaler.scale_, [scale])
        expected = (np.array(values, dtype=np.float64) - offset) / scale
        np.testing.assert_array_equal(
            scaler.transform(X).ravel(), expected.astype(np.float32)
        )

    @pytest.mark.parametrize("mode", ["unit", "standard"])
    @pytest.mark.parametrize("value", [0, 200, 0.1, 1e15 / 7, -3.7e-12])
    def test_constant_channels_are_not_divided(self, mode, value):
        X = np.full((50, 7, 7, 3), float(value))
        X[..., 1] = np.linspace(0, 1, X[..., 1].size).reshape(50, 7, 7)
        scaler = ImageScaler(mode=mode).fit(X)
        assert scaler.scale_[0] == scaler.scale_[2] == 1
        assert scaler.scale_[1] != 1 or mode == "unit"
        # Twice the rounding error of a mean at most.
        error = 2 * np.spacing(abs(value))
        assert np.abs(scaler.transform(X)[..., 0]).max() <= error

    @pytest.mark.parametrize("mode", ["unit", "standard"])
    def test_fit_and_transform_may_see_different_forms(self, colors, mode):
        images, rows = forms(colors)
        from_images = ImageScaler(mode=mode).fit(images)
        from_rows = ImageScaler(mode=mode).fit(rows)
        np.testing.assert_array_equal(from_images.offset_, from_rows.offset_)
        np.testing.assert_array_equal(from_images.scale_, from_rows.scale_)
        expected = from_images.transform(images)
        assert len(np.unique(expected)) > 100
        np.testing.assert_array_equal(from_rows.transform(images), expected)
        np.testing.assert_array_equal(
            from_images.transform(rows), expected.reshape(rows.shape)
        )

    @pytest.mark.parametrize("mode", ["unit", "standard"])
    @pytest.mark.parametrize("dtype", ["float32", "float64", np.float32, np.float64])
    def test_inverse_transform_returns_the_pixels(self, mode, dtype):
        X = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
        scaler = ImageScaler(mode=mode, dtype=dtype).fit(X)
        for form in forms(X):
            scaled = scaler.transform(form)
            assert scaled.dtype == dtype
            returned = scaler.inverse_transform(scaled)
            assert returned.dtype == dtype
            np.testing.assert_allclose(returned, form, atol=1e-4)
            np.testing.assert_array_equal(np.rint(returned), form)

    def test_learns_the_same_from_a_read_only_memmap_and_changes_no_input(
        self, colors, tmp_path
    ):
        np.save(tmp_path / "images.npy", colors)
        mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
        scaler = ImageScaler(mode="standard").fit(mapped)
        result = scaler.transform(mapped)
        np.testing.assert_array_equal(
            result, ImageScaler(mode="standard").fit_transform(colors)
        )
        floats = colors.astype(np.float32)
        before = floats.copy()
        result = ImageScaler().fit_transform(floats)
        assert not np.shares_memory(result, floats)
        np.testing.assert_array_equal(floats, before)

    def test_makes_no_float_copy_of_the_images(self):
        X = np.random.default_rng(0).integers(0, 256, (20_000, 28, 28), dtype=np.uint8)
        tracemalloc.start()
        try:
            scaler = ImageScaler(mode="standard").fit(X)
            _, peak_of_fit = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            result = scaler.transform(X)
            _, peak_of_transform = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak_of_fit < 0.5 * X.nbytes
        assert peak_of_transform < result.nbytes + 0.5 * X.nbytes

    @pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
    @pytest.mark.parametrize("kind", ["pandas", "polars"])
    def test_set_output_makes_frames_of_rows_and_leaves_images(self, colors, kind):
        module = pytest.importorskip(kind)
        images, rows = forms(colors)
        for form in (images, rows):
            scaler = ImageScaler().fit(form).set_output(transform=kind)
            for scaled in (scaler.transform(rows), scaler.fit_transform(rows)):
                assert isinstance(scaled, module.DataFrame)
                assert list(scaled.columns) == list(scaler.get_feature_names_out())
            for scaled in (scaler.transform(images), scaler.fit_transform(images)):
                assert type(scaled) is np.ndarray
                assert scaled.shape == images.shape

    def test_images_pass_through_pipelines_that_ask_for_frames(self, colors):
        pipeline = make_pipeline(ImageScaler(), ImageScaler(mode="standard"))
        expected = pipeline.fit_transform(colors)
        with sklearn.config_context(transform_output="pandas"):
            np.testing.assert_array_equal(pipeline.fit_transform(colors), expected)
        pipeline.set_output(transform="pandas")
        np.testing.assert_array_equal(pipeline.fit_transform(colors), expected)

    def test_nested_lists_are_images_too(self):
        scaled = (
            ImageScaler().set_output(transform="pandas").fit_transform([[[0, 255]]])
        )
        np.testing.assert_array_equal(scaled, [[[0.0, 1.0]]])

    def test_feature_names_come_from_the_frame_and_are_checked(self):
        frame = pd.DataFrame({"left": [0, 255], "right": [51, 102]})
        scaler = ImageScaler().fit(frame)
        assert list(scaler.get_feature_names_out()) == ["left", "right"]
        with pytest.raises(ValueError, match="feature names should match"):
            scaler.transform(frame[["right", "left"]])

    def test_survives_clone_and_pickle(self, colors):
        scaler = ImageScaler(mode="standard", per_channel=False, dtype=np.float64)
        assert clone(scaler).get_params() == scaler.get_params()
        assert clone(scaler).set_params(mode="unit").mode == "unit"
        expected = scaler.fit_transform(colors)
        returned = pickle.loads(pickle.dumps(scaler)).transform(colors)
        np.testing.assert_array_equal(returned, expected)

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"mode": "unitt"}, r"'mode' parameter of ImageScaler must be .*'unitt'"),
            ({"per_channel": "yes"}, r"'per_channel' parameter of ImageScaler must be"),
            ({"dtype": "uint8"}, r"'dtype' parameter of ImageScaler must .*'uint8'"),
            ({"dtype": np.float16}, r"'dtype' parameter of ImageScaler must be"),
        ],
    )
    def test_wrong_parameters_are_named(self, colors, parameters, message):
        with pytest.raises(ValueError, match=message):
            ImageScaler(**parameters).fit(colors)

    def test_wrong_images_are_refused(self, colors):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            ImageScaler().transform(colors)
        with pytest.raises(NotFittedError, match="not fitted yet"):
            ImageScaler().inverse_transform(colors)
        scaler = ImageScaler().fit(colors)
        with pytest.raises(ValueError, match=r"shape \(4, 5, 3\).*\(5, 5, 3\)"):
            scaler.transform(colors[:, :4])
        with pytest.raises(ValueError, match="NaN"):
            scaler.transform(np.full(colors.shape, np.nan))
        with pytest.raises(ValueError, match="NaN"):
            ImageScaler().fit(np.full(colors.shape, np.nan))

    def test_a_single_row_of_a_table_is_a_row(self):
        X = np.arange(10.0).reshape(2, 5)
        scaler = ImageScaler().fit(X)
        np.testing.assert_array_equal(scaler.transform(X[:1]), scaler.transform(X)[:1])


class TestPixelScaling:
    @pytest.mark.parametrize("per_channel", [True, False])
    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
    def test_whole_numbers_have_the_mean_and_deviation_of_exact_sums(
        self, dtype, per_channel
    ):
        info = np.iinfo(dtype)
        X = np.random.default_rng(0).integers(
            info.min, info.max, (40, 9, 8, 3), dtype=dtype, endpoint=True
        )
        offset, scale = pixel_scaling(X, (9, 8, 3), "standard", per_channel=per_channel)
        pixels = X.reshape(-1, 3) if per_channel else np.repeat(X.reshape(-1, 1), 3, 1)
        for k, column in enumerate(pixels.T.tolist()):
            n, total, squares = len(column), sum(column), sum(x * x for x in column)
            assert offset[k] == pytest.approx(total / n, rel=1e-15)
            variance = (n * squares - total**2) / n**2
            assert scale[k] == pytest.approx(variance**0.5, rel=1e-14)

    @pytest.mark.parametrize("mode", ["unit", "standard"])
    @pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(11, 7, 1), (11, 7, 3), (300, 1, 3)])
    def test_chunks_order_and_form_change_no_bit(self, mode, dtype, shape, monkeypatch):
        random = np.random.default_rng(0)
        X = (255 * random.random((200, *shape))).astype(dtype)
        expected = pixel_scaling(X, shape, mode, per_channel=True)
        others = [
            X.reshape(200, -1),
            np.asfortranarray(X.reshape(200, -1)),
            np.asfortranarray(X),
            X[random.permutation(200)],
        ]
        if dtype == np.uint8:
            others += [X[:, ::-1], np.repeat(X, 3, axis=0)]
        for chunk_values in (1, 1000, 12_345, 10**9):
            monkeypatch.setattr(forms_module, "CHUNK_VALUES", chunk_values)
            for other in others:
                found = pixel_scaling(other, shape, mode, per_channel=True)
                np.testing.assert_array_equal(found, expected)

    @pytest.mark.parametrize("mode", ["unit", "standard"])
    @pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
    def test_a_weight_counts_as_that_many_copies_to_the_bit(self, mode, dtype):
        random = np.random.default_rng(0)
        differs = False
        for _ in range(50):
            X = (255 * random.random((6, 5, 4, 3))).astype(dtype)
            weight = random.integers(0, 8, 6)
            # Not even the extremes of an image without weight count.
            X[0] = 255
            weight[:2] = [0, 3]
            found = pixel_scaling(
                X, (5, 4, 3), mode, per_channel=True, sample_weight=weight
            )
            copies = np.repeat(X, weight, axis=0)
            expected = pixel_scaling(copies, (5, 4, 3), mode, per_channel=True)
            np.testing.assert_array_equal(found, expected)
            unweighted = pixel_scaling(X, (5, 4, 3), mode, per_channel=True)
            differs |= not np.array_equal(found, unweighted)
        assert differs or (mode == "unit" and dtype in (np.uint8, np.int64))

    def test_fractional_weights_are_weights(self):
        X = np.array([0, 10, 20], dtype=np.uint8).reshape(3, 1, 1)
        offset, scale = pixel_scaling(
            X, (1, 1, 1), "standard", per_channel=True, sample_weight=[0.5, 0.25, 0.25]
        )
        assert offset == pytest.approx(7.5)
        assert scale == pytest.approx(np.sqrt(0.5 * 56.25 + 0.25 * (6.25 + 156.25)))

    def test_a_far_offset_costs_no_digits(self):
        X = np.random.default_rng(0).normal(size=(100, 6, 6))
        _, near = pixel_scaling(X, (6, 6, 1), "standard", per_channel=True)
        _, far = pixel_scaling(X + 2**20, (6, 6, 1), "standard", per_channel=True)
        np.testing.assert_allclose(far, near, rtol=1e-9)

    def test_results_do_not_share_memory(self):
        X = np.arange(0, 240, 20, dtype=np.uint8).reshape(1, 2, 2, 3)
        offset, scale = pixel_scaling(X, (2, 2, 3), "unit", per_channel=False)
        offset[0], scale[0] = 1, 2
        assert offset.tolist() == [1, 0, 0]
        assert scale.tolist() == [2, 255, 255]


class TestImageReshaper:
    @pytest.mark.parametrize("kind", ["default", "pandas", "polars"])
    @pytest.mark.parametrize("form", [0, 1], ids=["images", "rows"])
    def test_images_stay_arrays_whatever_set_output_asks_for(self, colors, kind, form):
        X = forms(colors)[form]
        reshaper = ImageReshaper((5, 5, 3)).set_output(transform=kind)
        for images in (reshaper.fit_transform(X), reshaper.transform(X)):
            assert type(images) is np.ndarray
            np.testing.assert_array_equal(images, colors)
        pipeline = make_pipeline(ImageReshaper((5, 5, 3)), ImageScaler())
        expected = pipeline.fit_transform(X)
        found = pipeline.set_output(transform=kind).fit_transform(X)
        np.testing.assert_array_equal(found, expected)
        with sklearn.config_context(transform_output=kind):
            np.testing.assert_array_equal(pipeline.fit_transform(X), expected)

    @pytest.mark.slow
    def test_a_pipeline_with_a_classifier_takes_set_output(self, digits):
        pipeline = make_pipeline(
            ImageReshaper(), MNISTCNNClassifier(filters=4, epochs=1, random_state=0)
        )
        rows = digits[0][:50].reshape(50, -1)
        expected = clone(pipeline).fit(rows, digits[1][:50]).predict_proba(rows)
        pipeline.set_output(transform="default").fit(rows, digits[1][:50])
        np.testing.assert_array_equal(pipeline.predict_proba(rows), expected)

    def test_every_pixel_keeps_its_name(self):
        frame = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "b", "c", "d"])
        pipeline = make_pipeline(ImageReshaper((2, 2)), ImageScaler())
        assert list(pipeline.fit(frame).get_feature_names_out()) == ["a", "b", "c", "d"]
        reshaper = ImageReshaper((2, 2)).fit(frame.to_numpy())
        assert list(reshaper.get_feature_names_out()) == ["x0", "x1", "x2", "x3"]

    @pytest.mark.parametrize(
        ("image_shape", "expected"),
        [
            ((4, 6, 2), (3, 4, 6, 2)),
            ([4, 6, 2], (3, 4, 6, 2)),
            ((8, 6), (3, 8, 6)),
            ((8, 6, 1), (3, 8, 6, 1)),
            (None, (3, 4, 4, 3)),
        ],
    )
    def test_rows_become_images_and_rows_again(self, image_shape, expected):
        rows = np.arange(3 * 48).reshape(3, 48)
        reshaper = ImageReshaper(image_shape)
        images = reshaper.fit_transform(rows)
        np.testing.assert_array_equal(images, rows.reshape(expected))
        assert images.dtype == rows.dtype
        assert np.shares_memory(images, rows)
        np.testing.assert_array_equal(reshaper.inverse_transform(images), rows)
        np.testing.assert_array_equal(reshaper.inverse_transform(rows), rows)
        # Images pass, also where rows were fitted, and take the same form.
        np.testing.assert_array_equal(reshaper.transform(images), images)
        np.testing.assert_array_equal(reshaper.fit(images).transform(rows), images)

    def test_gray_images_get_a_channel_unless_two_entries_say_no(self):
        images = np.zeros((2, 4, 5))
        assert ImageReshaper().fit_transform(images).shape == (2, 4, 5, 1)
        assert ImageReshaper((4, 5)).fit_transform(images[..., None]).shape == (2, 4, 5)

    def test_images_stay_arrays_where_frames_are_asked_for(self):
        frame = pd.DataFrame(np.zeros((2, 4)))
        with sklearn.config_context(transform_output="pandas"):
            images = ImageReshaper((2, 2)).fit_transform(frame)
        assert type(images) is np.ndarray
        assert images.shape == (2, 2, 2)

    def test_feeds_on_the_frames_of_a_scaler(self, colors):
        _, rows = forms(colors)
        pipeline = make_pipeline(ImageScaler(), ImageReshaper((5, 5, 3)))
        with sklearn.config_context(transform_output="pandas"):
            images = pipeline.fit_transform(rows)
        np.testing.assert_array_equal(images, ImageScaler().fit_transform(colors))

    def test_survives_clone_and_pickle(self):
        reshaper = ImageReshaper((2, 3))
        assert clone(reshaper).image_shape == (2, 3)
        reshaper.fit(np.zeros((1, 6)))
        copy = pickle.loads(pickle.dumps(reshaper))
        assert copy.transform(np.zeros((4, 6))).shape == (4, 2, 3)

    @pytest.mark.parametrize(
        ("image_shape", "message"),
        [
            ((2, 2), r"image_shape=\(2, 2\) needs rows of 4 values, but X has 6"),
            ((2, 3, 1, 1), "two or three positive integers"),
            ((2, -3), "two or three positive integers"),
            ("2x3", "'image_shape' parameter of ImageReshaper must be"),
        ],
    )
    def test_wrong_shapes_are_refused(self, image_shape, message):
        with pytest.raises(ValueError, match=message):
            ImageReshaper(image_shape).fit(np.zeros((4, 6)))

    def test_other_images_than_fitted_are_refused(self):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            ImageReshaper((2, 3)).inverse_transform(np.zeros((4, 6)))
        reshaper = ImageReshaper((2, 3)).fit(np.zeros((4, 6)))
        with pytest.raises(ValueError, match=r"shape \(3, 2, 1\).*\(2, 3, 1\)"):
            reshaper.transform(np.zeros((4, 3, 2)))
        with pytest.raises(ValueError, match="expecting 6 features"):
            reshaper.transform(np.zeros((4, 7)))


def photographs(n=6, channels=3, seed=0):
    """Noisy images of different sizes, each brighter to the right."""
    random = np.random.default_rng(seed)
    images = []
    for _ in range(n):
        height, width = random.integers(5, 60, 2)
        image = np.linspace(0, 200, width)[:, np.newaxis] * np.ones((height, 1, 1))
        image = image + random.integers(0, 56, (height, width, channels))
        images.append(image.astype(np.uint8))
    return images


@pytest.fixture
def files(tmp_path):
    """Photographs and the names of files of them."""
    images = photographs()
    names = [tmp_path / f"{i}.png" for i in range(len(images))]
    for image, name in zip(images, names, strict=True):
        Image.fromarray(image).save(name)
    return images, names


class TestImageResizer:
    @pytest.mark.parametrize("aspect_ratio", ["stretch", "pad", "crop"])
    def test_arrays_pil_images_and_files_give_the_same(self, files, aspect_ratio):
        images, names = files
        resizer = ImageResizer((12, 16), aspect_ratio=aspect_ratio, fill=(1, 2, 3))
        expected = resizer.fit_transform(images)
        assert expected.shape == (6, 12, 16, 3)
        assert expected.dtype == np.uint8
        assert resizer.output_shape_ == (12, 16, 3)
        assert not hasattr(resizer, "n_features_in_")
        sources = [Image.open(name) for name in names]
        objects = np.empty(6, object)
        objects[:] = images
        for X in (names, list(map(str, names)), sources, objects, pd.Series(images)):
            np.testing.assert_array_equal(clone(resizer).fit_transform(X), expected)
            np.testing.assert_array_equal(resizer.transform(X), expected)

    def test_stretches_as_the_reader_of_folders_does(self, files):
        _, names = files
        folder = names[0].parent / "all" / "one"
        folder.mkdir(parents=True)
        for name in names:
            name.rename(folder / name.name)
        expected = load_image_folder(folder.parent, image_shape=(9, 7, 3)).images
        X = sorted(folder.iterdir())
        np.testing.assert_array_equal(ImageResizer((9, 7)).fit_transform(X), expected)

    @pytest.mark.parametrize("shape", [(9, 12), (9, 12, 1), (9, 12, 3), (9, 12, 5)])
    def test_an_array_is_a_list_of_its_images(self, shape):
        X = np.random.default_rng(0).integers(0, 256, (4, *shape), dtype=np.uint8)
        resizer = ImageResizer((4, 6))
        expected = resizer.fit_transform(list(X))
        channels = shape[2] if len(shape) == 3 else 1
        assert resizer.image_shape_ == (9, 12, channels)
        assert resizer.n_features_in_ == 9 * 12 * channels
        assert resizer.output_shape_ == (4, 6, channels)
        assert expected.shape == (4, 4, 6, channels)[: 4 if channels > 1 else 3]
        for images in (X, tuple(X)):
            found = clone(resizer).fit_transform(images)
            np.testing.assert_array_equal(found, expected)
        # Of 64 bits, which Pillow does not round between rows and columns.
        found = clone(resizer).fit_transform(X.tolist())
        np.testing.assert_allclose(found, expected, atol=1)
        rows = X.reshape(4, -1)
        np.testing.assert_array_equal(resizer.transform(rows), expected)
        np.testing.assert_array_equal(
            resizer.transform(X[:, :5]), resizer.fit(X[:, :5]).transform(X[:, :5])
        )

    def test_images_of_the_right_size_are_returned_as_they_are(self):
        X = np.random.default_rng(0).random((4, 5, 6, 3))
        result = ImageResizer((5, 6)).fit_transform(X)
        assert np.shares_memory(result, X)
        np.testing.assert_array_equal(result, X)
        np.testing.assert_array_equal(ImageResizer((5, 6)).fit_transform(list(X)), X)

    def test_padding_keeps_all_and_cropping_keeps_the_middle(self):
        image = np.zeros((10, 30), np.uint8)
        image[:, 10:20] = 100
        image[:, 20:] = 200
        padded = ImageResizer((6, 6), aspect_ratio="pad", fill=9).fit_transform([image])
        assert (padded[0, [0, 1, 4, 5]] == 9).all()
        assert padded[0, 2, [0, 5]].tolist() == [0, 200]
        assert (np.diff(padded[0, 2].astype(int)) > 0).all()
        cropped = ImageResizer((5, 5), aspect_ratio="crop").fit_transform([image])
        assert (cropped == 100).all()
        turned = ImageResizer((6, 6), aspect_ratio="pad", fill=9).fit_transform(
            [image.T]
        )
        np.testing.assert_array_equal(turned[0], padded[0].T)

    @pytest.mark.parametrize("aspect_ratio", ["stretch", "pad", "crop"])
    @pytest.mark.parametrize("shape", [(1, 1), (1, 30_000), (30_000, 1), (2, 999)])
    def test_any_proportions_are_resized(self, aspect_ratio, shape):
        images = [np.full(shape, 7, np.uint8), np.full((3, 3), 7, np.uint8)]
        resizer = ImageResizer((4, 9), aspect_ratio=aspect_ratio, fill=7)
        assert (resizer.fit_transform(images) == 7).all()

    @pytest.mark.parametrize(
        ("color_mode", "channels"),
        [("auto", 3), ("grayscale", 1), ("rgb", 3), ("rgba", 4)],
    )
    @pytest.mark.parametrize("as_pil", [False, True])
    def test_color_modes_of_mixed_images(self, color_mode, channels, as_pil):
        images = [*photographs(2, 3), *photographs(2, 1), *photographs(2, 4)]
        if as_pil:
            images = [Image.fromarray(np.squeeze(image)) for image in images]
        resizer = ImageResizer((8, 8), color_mode=color_mode, background="red")
        result = resizer.fit_transform(images)
        assert resizer.output_shape_ == (8, 8, channels)
        assert result.shape == (6, 8, 8, channels)[: 4 if channels > 1 else 3]
        other = ImageResizer((8, 8), color_mode=color_mode, background="blue")
        differs = (other.fit_transform(images) != result).reshape(6, -1).any(axis=1)
        assert differs.tolist() == [False] * 4 + [channels < 4] * 2

    def test_gray_images_stay_gray_and_next_to_color_they_become_color(self):
        gray, color = photographs(3, 1), photographs(3, 3)
        resizer = ImageResizer((8, 8)).fit(gray)
        assert resizer.transform(gray).shape == (3, 8, 8)
        mixed = ImageResizer((8, 8)).fit(color + gray)
        result = mixed.transform(gray)
        assert result.shape == (3, 8, 8, 3)
        for i in range(3):
            np.testing.assert_array_equal(result[..., i], resizer.transform(gray))

    @pytest.mark.parametrize("as_pil", [False, True])
    def test_lost_colors_are_a_warning(self, as_pil):
        def given(images):
            return (
                [Image.fromarray(np.squeeze(i)) for i in images] if as_pil else images
            )

        gray, color = photographs(3, 1), photographs(3, 3)
        resizer = ImageResizer((8, 8)).fit(given(gray))
        with pytest.warns(UserWarning, match='write ImageResizer.*"grayscale"') as all_:
            found = resizer.transform(given(color))
        assert len(all_) == 1
        assert all_[0].filename == __file__
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            expected = (
                clone(resizer).set_params(color_mode="grayscale").fit(given(gray))
            )
            np.testing.assert_array_equal(expected.transform(given(color)), found)
            # Gray all the same, as scanners save it.
            repeated = [np.repeat(image, 3, axis=2) for image in gray]
            resizer.transform(given(repeated))

    @pytest.mark.parametrize(
        "dtype",
        ["u1", "i1", "u2", "i2", ">u2", "u4", "i8", "u8", "f2", "f4", "f8", "g"],
    )
    def test_the_dtype_and_the_range_of_the_pixels_stay(self, dtype):
        if np.dtype(dtype).kind in "iu":
            low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        else:
            # A sum of these pixels is finite: scikit-learn looks for NaN in a sum.
            high = np.finfo(dtype).max / 2**10
            low = -high
        random = np.random.default_rng(0)
        images = []
        for shape in [(9, 20), (50, 3)]:
            image = np.array([low, high], dtype)
            images.append(image[random.integers(0, 2, shape)])
        for aspect_ratio in ("stretch", "pad", "crop"):
            resizer = ImageResizer((6, 5), aspect_ratio=aspect_ratio)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                result = resizer.fit_transform(images)
            assert result.dtype == np.dtype(dtype).newbyteorder("=")
            assert np.isfinite(result).all()
            assert (low < result).sum() > 10 < (result < high).sum()

    def test_floats_are_interpolated_as_pillow_does(self):
        image = np.random.default_rng(0).random((40, 30), np.float32)
        bilinear = Image.Resampling.BILINEAR
        expected = np.asarray(Image.fromarray(image).resize((7, 8), bilinear))
        for scale in (1, 1e-30, 1e30):
            X = [image * np.float64(scale)]
            found = ImageResizer((8, 7)).fit_transform(X)[0]
            np.testing.assert_allclose(found / scale, expected, rtol=1e-6)

    def test_a_checkerboard_becomes_even_and_not_a_pattern(self):
        board = (np.indices((101, 101)).sum(axis=0) % 2 * 255).astype(np.uint8)
        result = ImageResizer((9, 9)).fit_transform([board])
        assert np.ptp(result[:, 1:-1, 1:-1].astype(int)) <= 4
        assert abs(result.mean() - 127.5) < 3

    def test_booleans_become_0_and_255_as_in_files_of_one_bit(self):
        mask = np.random.default_rng(0).random((30, 20)) < 0.5
        expected = ImageResizer((5, 5)).fit_transform([Image.fromarray(mask)])
        assert 100 < expected.mean() < 150
        for X in ([mask], mask[np.newaxis]):
            result = ImageResizer((5, 5)).fit_transform(X)
            np.testing.assert_array_equal(result, expected)
            assert result.dtype == np.uint8

    def test_the_depth_of_files_is_that_of_fit(self):
        shallow = np.arange(35, dtype=np.uint8).reshape(5, 7)
        sources = [Image.fromarray(shallow), Image.fromarray(shallow * np.uint16(257))]
        resizer = ImageResizer((5, 7)).fit(sources[:1])
        assert resizer.transform(sources[1:]).dtype == np.uint8
        np.testing.assert_array_equal(resizer.transform(sources)[1], shallow)
        resizer = ImageResizer((5, 9), aspect_ratio="pad", fill=1000).fit(sources)
        assert resizer.dtype_ == "uint16"
        first, second = resizer.transform(sources)
        np.testing.assert_array_equal(first, second)
        assert (first[:, [0, -1]] == 1000).all()

    def test_photographs_are_upright_and_animations_are_their_first_image(
        self, tmp_path
    ):
        picture = photographs(1)[0]
        exif = Image.Exif()
        exif[0x0112] = 6
        lying = Image.fromarray(np.ascontiguousarray(np.rot90(picture)))
        lying.save(tmp_path / "phone.png", exif=exif)
        upright = [Image.fromarray(picture)]
        expected = ImageResizer((8, 8)).fit_transform(upright)
        X = [tmp_path / "phone.png"]
        np.testing.assert_array_equal(ImageResizer((8, 8)).fit_transform(X), expected)
        frames = [Image.new("RGB", (9, 8), color) for color in ("red", "blue")]
        frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
        (found,) = ImageResizer((4, 4)).fit_transform([tmp_path / "a.gif"])
        assert (found == [254, 0, 0]).all() or (found == [255, 0, 0]).all()

    def test_transparent_colors_do_not_show(self):
        image = np.zeros((20, 30, 4), np.uint8)
        image[:, 10:] = [10, 20, 30, 255]
        for X in ([image], image[np.newaxis], [Image.fromarray(image)]):
            resizer = ImageResizer((4, 6), color_mode="rgb", background=(10, 20, 30))
            assert (resizer.fit_transform(X) == [10, 20, 30]).all()
            rgba = ImageResizer((4, 7), color_mode="rgba").fit_transform(X)
            visible = rgba[..., 3] > 100
            assert 0 < visible.mean() < 1
            assert (abs(rgba[visible][:, :3].astype(int) - [10, 20, 30]) <= 5).all()

    def test_fill_is_of_the_colors_of_all_images(self):
        images = [*photographs(2, 1), *photographs(2, 3)]
        resizer = ImageResizer((80, 9), aspect_ratio="pad", fill=(1, 2, 3))
        sources = [Image.fromarray(np.squeeze(image)) for image in images]
        for X in (images, sources):
            assert (resizer.fit_transform(X)[:, 0] == [1, 2, 3]).all()

    def test_nothing_of_the_callers_changes(self, files):
        images, names = files
        lists = [images, [Image.fromarray(image) for image in images]]
        lists.append([Image.open(name) for name in names])
        for aspect_ratio in ("stretch", "pad", "crop"):
            for X in lists:
                before = [np.array(image) for image in X]
                entries = list(X)
                resizer = ImageResizer(
                    (9, 9), aspect_ratio=aspect_ratio, color_mode="rgba"
                )
                resizer.fit_transform(X)[...] = 0
                resizer.transform(X)
                assert all(a is b for a, b in zip(X, entries, strict=True))
                for image, old in zip(X, before, strict=True):
                    np.testing.assert_array_equal(np.asarray(image), old)

    def test_a_second_fit_forgets_the_first(self):
        resizer = ImageResizer((3, 3)).fit(
            pd.DataFrame(np.zeros((2, 4))).rename(columns="p{}".format)
        )
        assert resizer.feature_names_in_.tolist() == ["p0", "p1", "p2", "p3"]
        resizer.fit(photographs())
        for name in ("feature_names_in_", "n_features_in_", "image_shape_"):
            assert not hasattr(resizer, name)

    def test_never_returns_a_frame(self):
        X = photographs()
        expected = ImageResizer((4, 4)).fit_transform(X)
        with sklearn.config_context(transform_output="pandas"):
            resizer = ImageResizer((4, 4)).set_output(transform="polars")
            np.testing.assert_array_equal(resizer.fit_transform(X), expected)
            np.testing.assert_array_equal(resizer.transform(X), expected)
        names = resizer.get_feature_names_out()
        assert [*names[:2], names[-1]] == ["pixel0", "pixel1", "pixel47"]

    def test_survives_clone_pickle_and_html(self):
        X = photographs()
        resizer = ImageResizer((4, 4), aspect_ratio="crop", fill=(1, 2, 3))
        assert clone(resizer).get_params() == resizer.get_params()
        assert "ImageResizer" in resizer._repr_html_()
        expected = resizer.fit_transform(X)
        copy = pickle.loads(pickle.dumps(resizer))
        np.testing.assert_array_equal(copy.transform(X), expected)
        assert "crop" in resizer._repr_html_()

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({"size": 32}, r"'size' parameter of ImageResizer must be .* Got 32"),
            ({"size": (32,)}, r"size=\(32,\), but expected two positive integers"),
            ({"size": (4, 4, 3)}, r"channels depends on `color_mode`"),
            ({"size": (0, 4)}, "two positive integers"),
            ({"size": (4.0, 4)}, "two positive integers"),
            ({"size": (True, 4)}, "two positive integers"),
            ({"size": ("4", 4)}, "two positive integers"),
            ({"size": (10**5, 10**5)}, "to at most 134,217,728 pixels"),
            ({"aspect_ratio": "keep"}, "'aspect_ratio' parameter of ImageResizer must"),
            ({"aspect_ratio": None}, "'aspect_ratio' parameter of ImageResizer must"),
            ({"color_mode": "bgr"}, "'color_mode' parameter of ImageResizer must"),
            ({"fill": "white"}, "'fill' parameter of ImageResizer must"),
            ({"fill": np.nan}, "'fill' parameter of ImageResizer must"),
            ({"fill": ()}, r"fill=\(\), but expected a finite number"),
            ({"fill": (np.inf,)}, "expected a finite number"),
            ({"fill": (10**400,)}, "expected a finite number"),
            ({"fill": ("a",)}, "expected a finite number"),
            ({"fill": (1, 2)}, r"has 2 numbers, but the images have 3 channels"),
            ({"fill": 256}, r"dtype uint8, so whole numbers from 0 to 255 were"),
            ({"fill": 0.5}, r"fill=0.5, but the pixels have dtype uint8"),
            ({"fill": -1}, r"whole numbers from 0 to 255 were expected"),
            ({"background": "nothing"}, "background='nothing', but expected the name"),
            ({"background": (0, 0, 256)}, "red, green and blue from 0 to 255"),
        ],
    )
    def test_wrong_parameters_are_named(self, parameters, message):
        parameters = {"aspect_ratio": "pad"} | parameters
        with pytest.raises(ValueError, match=message):
            ImageResizer(**parameters).fit(photographs())

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda X: [], "X holds no images, but ImageResizer expects at least one"),
            (lambda X: np.zeros((0, 4, 4)), "0 sample"),
            (lambda X: Image.fromarray(X[0]), "X is one image of .*write \\[X\\]"),
            (lambda X: "a.png", "not the name of a file"),
            (lambda X: [*X, None], r"X\[6\] is None, but ImageResizer"),
            (lambda X: [*X, "a.png"], r"X\[0\] is .* X\[6\] is the name 'a.png'"),
            (lambda X: ["a.png", "b.png"], r"X\[0\] is 'a.png', which is not the name"),
            (lambda X: [*X, X[0][:0]], r"X\[6\] has shape \(0, .* no pixels"),
            (lambda X: [Image.new("RGB", (0, 3))], r"image 0 has no pixels: .* 0 x 3"),
            (lambda X: [X[0] / 1, X[1] * np.nan], r"X\[1\] contains NaN"),
            (lambda X: [X[0] / 0.0 if i else X[0] / 1 for i in range(2)], r"X\[1\]"),
            (
                lambda X: [*X, X[0] / 255],
                r"X\[0\] has dtype uint8 and X\[6\] .*float64",
            ),
            (lambda X: [*X, X[0] > 9], r"X\[6\] has dtype bool"),
            (lambda X: [*X, X[0].astype(complex)], r"X\[6\] has dtype complex128"),
            (lambda X: [*X, X[0][..., :2, np.newaxis]], r"X\[6\] has shape .*, 1\)"),
            (lambda X: [np.moveaxis(x, -1, 0) for x in X], r"X\[0\].*channels first"),
            (
                lambda X: np.zeros((2, 3, 9, 9)),
                "looks channels first, but ImageResizer",
            ),
            (lambda X: [np.dstack([x, x]) for x in X] + X, r"X\[\d+\] has 3 channels"),
            (lambda X: iter(X), "expects all images at once"),
            (lambda X: [(x, 0) for x in X], "a pair of an image and a label"),
            (lambda X: [Image.new("F", (3, 3))], "image 0 has the mode F"),
        ],
    )
    @pytest.mark.filterwarnings("ignore:(divide|invalid)")
    def test_wrong_images_are_named(self, change, message):
        with pytest.raises((ValueError, TypeError), match=message):
            ImageResizer((4, 4)).fit(change(photographs()))

    def test_damaged_files_are_listed_at_once(self, files):
        _, names = files
        for name in names[1:3]:
            name.write_bytes(b"no image")
        with pytest.raises(
            ValueError, match=r"2 of 6 images.*1.png is not.*2.png"
        ) as e:
            ImageResizer((4, 4)).fit(names)
        assert str(e.value).endswith("Leave them out.")

    def test_what_transform_cannot_convert_is_refused(self):
        X = photographs()
        with pytest.raises(NotFittedError, match="not fitted yet"):
            ImageResizer((4, 4)).transform(X)
        with pytest.raises(NotFittedError, match="not fitted yet"):
            ImageResizer((4, 4)).get_feature_names_out()
        resizer = ImageResizer((4, 4)).fit(X)
        with pytest.raises(
            ValueError, match=r"shape \(2, 48\), so it may hold flat rows"
        ):
            resizer.transform(np.zeros((2, 48)))
        with pytest.raises(ValueError, match=r"X has 5 channels, but .* expects 3"):
            resizer.transform(np.zeros((2, 9, 9, 5)))
        with pytest.raises(ValueError, match=r"X\[0\] has 4 channels of dtype float64"):
            resizer.transform([np.zeros((9, 9, 4))])
        resizer.fit(np.zeros((2, 9, 9, 5)))
        with pytest.raises(ValueError, match="was fitted on arrays of 5 channels"):
            resizer.transform([Image.fromarray(X[0])])

    @pytest.mark.slow
    @given(data=st.data())
    def test_an_image_is_resized_alike_among_any_others(self, data):
        side = st.integers(1, 12)
        random = np.random.default_rng(data.draw(st.integers(0, 99)))
        images = [
            random.integers(0, 256, (height, width, channels), dtype=np.uint8)
            for height, width, channels in data.draw(
                st.lists(st.tuples(side, side, st.sampled_from([1, 3, 4])), min_size=1)
            )
        ]
        if data.draw(st.booleans()):
            images = [
                Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
                for image in images
            ]
        size = data.draw(side), data.draw(side)
        resizer = ImageResizer(
            size,
            aspect_ratio=data.draw(st.sampled_from(["stretch", "pad", "crop"])),
            color_mode=data.draw(st.sampled_from(["grayscale", "rgb", "rgba"])),
            fill=data.draw(st.integers(0, 255)),
        )
        result = resizer.fit_transform(images)
        assert result.shape[:3] == (len(images), *size)
        assert result.dtype == np.uint8
        for image, expected in zip(images, result, strict=True):
            (alone,) = resizer.transform([image])
            np.testing.assert_array_equal(alone, expected)

    def test_searches_select_from_lists_of_images(self, files):
        images, names = files
        y = [0, 1] * 3
        for X in (images, names, [Image.open(name) for name in names]):
            pipeline = make_pipeline(ImageResizer((4, 4)), ImageFlattener(), SVC())
            scores = cross_val_score(pipeline, X, y, cv=3)
            assert np.isfinite(scores).all()
            grid = {"imageresizer__aspect_ratio": ["pad", "crop"]}
            search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, y)
            assert len(search.predict(X[:1])) == 1


class TestImageFlattener:
    @pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1), (4, 6, 3), (24,)])
    def test_there_and_back(self, shape):
        X = np.random.default_rng(0).integers(0, 256, (5, *shape), dtype=np.uint8)
        flattener = ImageFlattener().fit(X)
        rows = flattener.transform(X)
        np.testing.assert_array_equal(rows, X.reshape(5, -1))
        assert rows.dtype == np.uint8
        assert flattener.n_features_in_ == rows.shape[1]
        np.testing.assert_array_equal(flattener.inverse_transform(rows), X)
        assert flattener.input_shape_ == shape

    def test_every_form_of_one_size_is_flattened(self, files):
        images, names = files
        resized = ImageResizer((6, 5)).fit_transform(images)
        expected = resized.reshape(6, -1)
        flattener = ImageFlattener().fit(resized)
        sources = [Image.fromarray(image) for image in resized]
        for X in (resized, list(resized), sources, resized.tolist(), expected):
            np.testing.assert_array_equal(flattener.transform(X), expected)
        with pytest.raises(ValueError, match=r"resize them with .*ImageResizer\("):
            ImageFlattener().fit(images)
        with pytest.raises(ValueError, match=r"resize them with .*ImageResizer\("):
            ImageFlattener().fit(names)

    @pytest.mark.parametrize("kind", ["pandas", "polars"])
    def test_set_output_makes_frames(self, kind):
        module = pytest.importorskip(kind)
        X = np.zeros((3, 2, 4), np.uint8)
        flattener = ImageFlattener().set_output(transform=kind).fit(X)
        for frame in (flattener.transform(list(X)), flattener.fit_transform(X)):
            assert isinstance(frame, module.DataFrame)
            assert list(frame.columns) == [f"pixel{i}" for i in range(8)]

    def test_names_come_from_a_frame_or_from_the_step_before(self):
        frame = pd.DataFrame({"left": [0, 255], "right": [51, 102]})
        flattener = ImageFlattener().fit(frame)
        assert flattener.get_feature_names_out().tolist() == ["left", "right"]
        pipeline = make_pipeline(ImageResizer((4, 4)), ImageFlattener(), PCA(2))
        pipeline.fit(photographs())
        names = pipeline[:-1].get_feature_names_out()
        assert [names[0], names[-1], len(names)] == ["pixel0", "pixel47", 48]
        assert pipeline.get_feature_names_out().tolist() == ["pca0", "pca1"]
        back = pipeline[-2:].inverse_transform(pipeline.transform(photographs(2)))
        assert back.shape == (2, 4, 4, 3)

    def test_a_column_of_files_becomes_pixels_beside_a_table(self, files):
        images, names = files
        table = pd.DataFrame({"file": list(map(str, names)), "age": np.arange(6.0)})
        pixels = make_pipeline(ImageResizer((2, 2)), ImageFlattener())
        columns = ColumnTransformer(
            [("photo", pixels, "file"), ("rest", StandardScaler(), ["age"])]
        )
        frame = columns.set_output(transform="pandas").fit_transform(table)
        assert list(frame.columns[[0, 11, 12]]) == [
            "photo__pixel0",
            "photo__pixel11",
            "rest__age",
        ]
        expected = pixels.fit_transform(images)
        np.testing.assert_array_equal(frame.iloc[:, :12], expected)

    def test_other_images_than_fitted_are_refused(self):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            ImageFlattener().transform(np.zeros((2, 4, 4)))
        flattener = ImageFlattener().fit(np.zeros((2, 4, 4)))
        with pytest.raises(ValueError, match=r"shape \(4, 5, 1\).*\(4, 4, 1\)"):
            flattener.transform(np.zeros((2, 4, 5)))
        with pytest.raises(ValueError, match="expecting 16 features"):
            flattener.inverse_transform(np.zeros((2, 17)))

    def test_survives_clone_pickle_and_html(self):
        flattener = ImageFlattener().fit(np.zeros((2, 3, 4)))
        assert clone(flattener).get_params() == {}
        copy = pickle.loads(pickle.dumps(flattener))
        assert copy.inverse_transform(np.zeros((1, 12))).shape == (1, 3, 4)
        assert "ImageFlattener" in flattener._repr_html_()
