"""ImageScaler, ImageReshaper and the statistics that scaling rests on."""

import os
import pickle
import tracemalloc
from itertools import product
from unittest import SkipTest

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skcnn import MNISTCNNClassifier
from skcnn._images import forms as forms_module
from skcnn._images.scaling import pixel_scaling
from skcnn.preprocessing import ImageReshaper, ImageScaler

ESTIMATORS = [
    ImageScaler(),
    ImageScaler(mode="standard", per_channel=False, dtype="float64"),
    ImageReshaper(),
]


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
        *product(ESTIMATORS[:2], CHECKS_OF_OUTPUT),
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
