"""Pixels that mean something else than those of fit are noticed at every door."""

import warnings
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import BaggingClassifier
from sklearn.pipeline import make_pipeline
from tiny import tiny_classifier

import skcnn
from skcnn import MNISTCNNClassifier
from skcnn._images.seen_pixels import (
    check_description,
    find_other_pixels,
    learn_pixels,
    merge_pixels,
)
from skcnn._messages.warnings import PixelsWarning
from skcnn.preprocessing import ImageScaler

# Each unit of pixels, as what it makes of numbers from 0 to 1, and its dtypes.
WHOLE = (np.uint8, np.int16, np.uint16, np.int64, np.float32, np.float64)
WIDE = WHOLE[2:]
FLOATING = (np.float16, np.float32, np.float64)
UNITS = {
    "0 to 1": (lambda u: u, FLOATING),
    "masks": (lambda u: u > 0.5, (np.bool_, *WHOLE)),
    "0 to 16": (lambda u: np.rint(16 * u), WHOLE),
    "0 to 255": (lambda u: np.rint(255 * u), WHOLE),
    "10 bits": (lambda u: np.rint(1023 * u), WIDE),
    "12 bits": (lambda u: np.rint(4095 * u), WIDE),
    "16 bits": (lambda u: np.rint(65535 * u), WIDE),
    "-1 to 1": (lambda u: 2 * u - 1, FLOATING),
    "standardized": (lambda u: (u - 0.5) * np.sqrt(12), FLOATING),
}
# Black is 0 and white is 1 in both.
ALIKE = {"0 to 1", "masks"}


def images_in(unit, dtype, n, seed, shape=(8, 8, 1)):
    """Return noise, of all brightnesses in each image, in a unit and a dtype."""
    u = np.random.default_rng(seed).random((n, *shape))
    u[:, 0, 0], u[:, -1, -1] = 0, 1
    return UNITS[unit][0](u).astype(dtype)


def learned(X, shape=(8, 8, 1)):
    return learn_pixels(X, shape, np.arange(len(X)))


def kind(found):
    return None if found is None else found.kind


unit_and_dtype = st.sampled_from(sorted(UNITS)).flatmap(
    lambda unit: st.tuples(st.just(unit), st.sampled_from(UNITS[unit][1]))
)


@pytest.mark.slow
@given(
    before=unit_and_dtype,
    later=unit_and_dtype,
    n=st.integers(10, 300),
    seed=st.integers(0, 2**32 - 1),
)
def test_equal_numbers_of_another_meaning_warn_and_no_others(before, later, n, seed):
    seen = learned(images_in(*before, 200, seed))
    found = find_other_pixels(seen, images_in(*later, n, seed + 1), (8, 8, 1))
    same = before[0] == later[0] or {before[0], later[0]} <= ALIKE
    assert kind(found) == (None if same else "range")


@pytest.mark.parametrize("before", sorted(UNITS))
@pytest.mark.parametrize("later", sorted(UNITS))
def test_units_of_digits_are_told_apart_in_batches_of_ten(before, later, digits):
    u = digits[0] / 16

    def in_unit(name, part):
        change, dtypes = UNITS[name]
        if name == "standardized":
            return ((part - u.mean()) / u.std()).astype(np.float32)
        return change(part).astype(dtypes[-1])

    seen = learned(in_unit(before, u[:1200]))
    test = in_unit(later, u[1200:])
    wanted = before != later and not {before, later} <= ALIKE
    for start, stop in pairwise(range(0, len(test), 10)):
        found = find_other_pixels(seen, test[start:stop], (8, 8, 1))
        assert kind(found) == ("range" if wanted else None)


@pytest.mark.parametrize(
    ("before", "later", "message"),
    [
        (("0 to 255", np.uint8), ("0 to 1", np.float64), r"write X \* 255\.$"),
        (("0 to 1", np.float32), ("0 to 255", np.uint8), r"write X / 255\.$"),
        (("0 to 255", np.uint8), ("16 bits", np.uint16), r"write X / 257\.$"),
        (
            ("16 bits", np.uint16),
            ("0 to 255", np.uint8),
            r"write X\.astype\(float\) \* 257\.$",
        ),
        (("0 to 255", np.uint8), ("masks", np.bool_), r"write X \* 255\.$"),
        (("0 to 1", np.float32), ("-1 to 1", np.float32), r"write \(X \+ 1\) / 2\.$"),
        (("-1 to 1", np.float32), ("0 to 1", np.float32), r"write X \* 2 - 1\.$"),
        (
            ("-1 to 1", np.float32),
            ("0 to 255", np.uint8),
            r"X holds uint8 pixels from 0 to 255, but those seen in fit were float32 "
            r"from -1 to 1: write X / 127\.5 - 1\.$",
        ),
        (
            ("standardized", np.float32),
            ("0 to 255", np.uint8),
            r": scale X as the images of fit were scaled\.$",
        ),
    ],
)
def test_the_remedy_makes_the_pixels_alike(before, later, message):
    seen = learned(images_in(*before, 50, 0))
    X = images_in(*later, 20, 1)
    found = find_other_pixels(seen, X, (8, 8, 1))
    with pytest.raises(PixelsWarning, match=message):
        raise found
    if "write" in found.remedy:
        mended = eval(found.remedy.removeprefix("write "), {"X": X})
        assert find_other_pixels(seen, mended, (8, 8, 1)) is None
        expected = images_in(before[0], np.float64, 20, 1)
        assert np.abs(mended - expected).max() <= 0.51 * np.ptp(expected)


def test_dark_ink_on_white_paper_is_noticed_one_image_at_a_time(digits):
    X = digits[0]
    seen = learned(X[:1200])
    for image in X[1200:]:
        found = find_other_pixels(seen, 16 - image[np.newaxis], (8, 8, 1))
        assert str(found) == (
            "The images in X have a bright background, but those seen in fit had a "
            "dark one: if dark and bright are exchanged, write 16 - X."
        )


@pytest.mark.parametrize(
    ("scale", "remedy"),
    [
        (lambda u: u, "write 1 - X"),
        (lambda u: 2 * u - 1, "write -X"),
        (lambda u: np.rint(255 * u).astype(np.uint8), "write 255 - X"),
        (lambda u: np.rint(65535 * u).astype(np.uint16), "write 65535 - X"),
        (lambda u: u > 0.5, "write ~X"),
    ],
    ids=["0 to 1", "-1 to 1", "8 bits", "16 bits", "bool"],
)
@pytest.mark.parametrize("ink", ["bright", "dark"])
def test_dark_and_bright_are_exchanged_in_the_unit_of_fit(scale, remedy, ink, digits):
    u = digits[0][:400] / 16
    before, later = (u, 1 - u)[:: 1 if ink == "bright" else -1]
    seen = learned(scale(before))
    X = scale(later)
    found = find_other_pixels(seen, X, (8, 8, 1))
    assert found.kind == "inverted"
    assert found.remedy.endswith(remedy)
    mended = eval(remedy.removeprefix("write "), {"X": X})
    expected = scale(before).astype(float)
    rounding = 1 if X.dtype.kind == "u" else 1e-6
    changed = np.abs(mended.astype(float) - expected) > rounding
    # Half bright becomes dark in both directions.
    assert not changed[u != 0.5].any()


def test_gray_paper_is_bright_too(digits):
    ink = np.pad(digits[0] / 16, [(0, 0), (2, 2), (2, 2)])
    seen = learned((255 * ink[:1200]).astype(np.uint8), (12, 12, 1))
    paper = (190 - 150 * ink[1200:]).astype(np.uint8)
    for batch in (slice(1), slice(10), slice(None)):
        found = find_other_pixels(seen, paper[batch], (12, 12, 1))
        assert found.kind == "inverted"


@pytest.mark.parametrize("n", [1, 20])
@pytest.mark.parametrize("unit", ["0 to 1", "-1 to 1", "masks", "16 bits"])
def test_paper_in_another_unit_is_not_called_inverted(unit, n, digits):
    paper = 1 - digits[0] / 16
    seen = learned(np.rint(255 * paper[:1200]).astype(np.uint8))
    scale, dtypes = UNITS[unit]
    X = scale(paper[1200 : 1200 + n]).astype(dtypes[-1])
    assert kind(find_other_pixels(seen, X, (8, 8, 1))) == "range"


def test_one_image_of_hardly_any_contrast_has_another_unit(digits):
    u = digits[0] / 16
    seen = learned(np.rint(2000 * u[:1200] - 1000).astype(np.int16))
    for image in u[1200:]:
        found = find_other_pixels(seen, 2 * image[np.newaxis] - 1, (8, 8, 1))
        assert kind(found) == "range"


def test_what_is_to_be_written_changes_something(digits):
    u = digits[0] / 16
    seen = learned(np.rint(255 * u).astype(np.uint8))
    found = find_other_pixels(seen, 100 * u, (8, 8, 1))
    assert found.remedy == "scale X as the images of fit were scaled"
    wide = find_other_pixels(learned(2000 * u), 10 * u, (8, 8, 1))
    assert wide.remedy == "scale X as the images of fit were scaled"


def test_photographs_have_no_side_to_exchange():
    rng = np.random.default_rng(0)
    levels = rng.integers(30, 220, (500, 1, 1))
    X = np.clip(levels + rng.normal(0, 30, (500, 16, 16)), 0, 255).astype(np.uint8)
    seen = learned(X, (16, 16, 1))
    assert find_other_pixels(seen, 255 - X, (16, 16, 1)) is None


@pytest.mark.parametrize("change", ["darker", "brighter", "noisy", "mirrored", "moved"])
@pytest.mark.parametrize("batch", [1, 10])
def test_the_same_images_seen_differently_raise_no_alarm(change, batch, digits):
    X = digits[0].astype(float)
    rng = np.random.default_rng(0)
    changed = {
        "darker": 0.7 * X,
        "brighter": 1.3 * X,
        "noisy": X + rng.normal(0, 25 / 255 * 16, X.shape),
        "mirrored": X[:, :, ::-1],
        "moved": np.roll(X, 1, axis=1),
    }[change]
    test = np.clip(np.rint(changed), 0, 16).astype(np.uint8)[1200:]
    seen = learned(digits[0][:1200])
    found = [
        find_other_pixels(seen, test[start : start + batch], (8, 8, 1))
        for start in range(0, len(test) - batch + 1, batch)
    ]
    assert {kind(one) for one in found} == {None}


def test_brightness_and_noise_may_leave_the_range(digits):
    """Nobody has to clip what augmentation makes of floating pixels."""
    X = digits[0] / 16
    noise = np.random.default_rng(0).normal(0, 0.1, X.shape)
    seen = learned(X[:1200])
    for changed in (1.3 * X, X + noise):
        assert find_other_pixels(seen, changed[1200:], (8, 8, 1)) is None
    found = [
        find_other_pixels(seen, image[np.newaxis], (8, 8, 1)) for image in X + noise
    ]
    assert sum(one is not None for one in found) <= 0.002 * len(X)


@pytest.mark.parametrize("value", [0, 3, 16])
def test_a_blank_image_says_nothing_of_its_unit(value, digits):
    seen = learned(digits[0])
    blank = np.full((1, 8, 8), value, np.uint8)
    assert kind(find_other_pixels(seen, blank, (8, 8, 1))) in (None, "inverted")


def test_one_odd_image_raises_no_alarm_in_a_batch(digits):
    batch = digits[0][:20].astype(float)
    batch[3] *= 100
    seen = learned(digits[0])
    assert find_other_pixels(seen, batch, (8, 8, 1)) is None
    assert kind(find_other_pixels(seen, batch[3:4], (8, 8, 1))) == "range"


def test_tables_of_few_columns_are_not_judged():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 4))
    assert find_other_pixels(learned(X, (2, 2, 1)), 1000 * X, (2, 2, 1)) is None


def test_images_of_another_layout_are_noticed_in_both_directions(colored):
    planes = np.moveaxis(colored, -1, 1).reshape(colored.shape)
    shape = colored.shape[1:]
    pixels_first, planes_first = learned(colored, shape), learned(planes, shape)
    for batch in (slice(1), slice(10), slice(None)):
        found = find_other_pixels(pixels_first, planes[batch], shape)
        assert found.kind == "layout"
        assert "np.moveaxis(X.reshape(-1, 3, 16, 16), 1, -1)" in found.remedy
        found = find_other_pixels(planes_first, colored[batch], shape)
        assert found.kind == "layout"
        assert find_other_pixels(pixels_first, colored[batch], shape) is None
        assert find_other_pixels(planes_first, planes[batch], shape) is None


@pytest.fixture(scope="module")
def colored():
    """Smooth color images: blurred noise, another one for brightness and each color."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(60, 22, 22, 4))
    for axis in (1, 2):
        noise = sum(np.roll(noise, by, axis) for by in range(-3, 4))[:, :22, :22]
    values = noise[:, 3:19, 3:19, :3] * 0.5 + noise[:, 3:19, 3:19, 3:]
    values = (values - values.min()) / np.ptp(values)
    return np.rint(255 * values).astype(np.uint8)


def test_what_is_remembered_is_plain_and_checked(digits):
    seen = learned(digits[0].astype(np.float32))
    check_description(seen, "seen")
    check_description(None, "seen")
    check_description(seen | {"channel_means": [7.5]}, "seen")  # in older files
    assert (seen["dtype"], seen["minimum"], seen["maximum"]) == ("float32", 0, 16)
    assert seen["n_images"] == len(digits[0])

    assert seen["brightness"][3] == pytest.approx(np.median(digits[0].mean((1, 2))))
    damaged = [
        [],
        {},
        seen | {"more": 1},
        seen | {"minimum": "0"},
        seen | {"maximum": float("nan")},
        seen | {"n_images": 0},
        seen | {"dtype": 8},
        seen | {"dtype": "float64\x1b[2J"},
        seen | {"maximum": 10**400},
        seen | {"border": [0.0]},
        seen | {"channel_means": ["1.0"]},
        seen | {"lowest": [None] * 7},
        seen | {"step_ratio": "1"},
    ]
    for one in damaged:
        with pytest.raises(ValueError, match=r"^seen"):
            check_description(one, "seen")


def test_a_sample_describes_many_images(digits):
    X = np.tile(digits[0], (12, 1, 1))
    seen, all_once = learned(X), learned(digits[0])
    assert seen["n_images"] <= 2048
    for name in ("brightness", "border"):
        np.testing.assert_allclose(seen[name][1:-1], all_once[name][1:-1], rtol=0.05)


def test_images_of_weight_zero_are_not_remembered(digits):
    X = digits[0].copy()
    X[100:] = 255
    assert learn_pixels(X, (8, 8, 1), np.arange(100))["maximum"] == 16


def test_more_images_widen_what_was_seen(digits):
    parts = learned(digits[0][:300] // 2), learned(digits[0][300:])
    merged = merge_pixels(*parts)
    check_description(merged, "merged")
    assert merged["maximum"] == 16
    assert merged["n_images"] == len(digits[0])
    assert merged["highest"][0] == min(part["highest"][0] for part in parts)


# ------------------------------------------------------------------ at the estimator


@pytest.fixture(scope="module")
def fitted(digits):
    return tiny().fit(digits[0][:300] * np.uint8(15), digits[1][:300])


tiny = partial(tiny_classifier, epochs=1)


def pixels_warnings(function, *args, **kwargs):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args, **kwargs)
    return [one for one in caught if issubclass(one.category, PixelsWarning)]


DOORS = {
    "predict": lambda clf, X, y: clf.predict(X),
    "predict_proba": lambda clf, X, y: clf.predict_proba(X),
    "predict_log_proba": lambda clf, X, y: clf.predict_log_proba(X),
    "decision_function": lambda clf, X, y: clf.decision_function(X),
    "score": lambda clf, X, y: clf.score(X, y),
    "partial_fit": lambda clf, X, y: copy_of(clf).partial_fit(X, y),
    "warm_start": lambda clf, X, y: copy_of(clf).set_params(warm_start=True).fit(X, y),
    "pipeline": lambda clf, X, y: make_pipeline("passthrough", clf).score(X, y),
}


def copy_of(clf):
    """Return an estimator that may be trained further."""
    import copy

    return copy.deepcopy(clf)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("mistake", ["range", "inverted"])
def test_every_door_warns_once_at_the_callers_line(door, mistake, fitted, digits):
    X, y = digits[0][300:500] * np.uint8(15), digits[1][300:500]
    other = X / 255 if mistake == "range" else 255 - X
    (caught,) = pixels_warnings(DOORS[door], fitted, other, y)
    assert caught.message.kind == mistake
    assert caught.filename == __file__
    assert pixels_warnings(DOORS[door], fitted, X, y) == []


def test_behind_other_steps_the_warning_says_whose_pixels_it_means(digits):
    X, y = digits[0][:300] * np.uint8(15), digits[1][:300]
    pipeline = make_pipeline(ImageScaler(mode="unit"), tiny()).fit(X, y)
    (caught,) = pixels_warnings(pipeline.predict, 240 - X)
    assert str(caught.message).endswith(
        "write 1 - X, where X is the output of the earlier pipeline steps."
    )
    assert caught.filename == __file__


def test_ensembles_warn_at_the_callers_line(digits):
    X, y = digits[0][:300] * np.uint8(15), digits[1][:300]
    bagging = BaggingClassifier(tiny(), n_estimators=2, random_state=0)
    bagging.fit(X.reshape(300, -1), y)
    caught = pixels_warnings(bagging.predict, X.reshape(300, -1) / 255)
    assert {one.filename for one in caught} == {__file__}


def test_validation_images_behind_a_scaler_have_to_be_scaled_too(digits):
    X, y = digits[0][:300] * np.uint8(15), digits[1][:300]
    pipeline = make_pipeline(ImageScaler(), tiny())
    V, v = X[:100], y[:100]
    arguments = {"mnistcnnclassifier__X_val": V, "mnistcnnclassifier__y_val": v}
    (caught,) = pixels_warnings(pipeline.fit, X, y, **arguments)
    assert str(caught.message) == (
        "X_val holds uint8 pixels from 0 to 240, but those seen in fit were float32 "
        "from 0 to 0.941176: scale X_val as X was scaled; a Pipeline does it with "
        'transform_input=["X_val"].'
    )
    arguments["mnistcnnclassifier__X_val"] = pipeline[:-1].transform(V)
    assert pixels_warnings(pipeline.fit, X, y, **arguments) == []


def test_what_was_seen_is_saved(fitted, digits, tmp_path):
    skcnn.save(fitted, tmp_path / "a")
    loaded = skcnn.load(tmp_path / "a")
    X = digits[0][:50] * np.uint8(15)
    (before,), (after,) = (
        pixels_warnings(clf.predict, 255 - X) for clf in (fitted, loaded)
    )
    assert str(after.message) == str(before.message)


def test_a_model_of_before_is_not_checked(fitted, digits):
    learned = fitted._learned()
    del learned["seen_pixels"]
    old = tiny()
    old._relearn(learned | {"integer_maximum": 240})
    X = digits[0][:50] * np.uint8(15)
    assert pixels_warnings(old.predict, X / 255) == []
    np.testing.assert_array_equal(old.predict(X), fitted.predict(X))
    assert pixels_warnings(old.partial_fit, X, digits[1][:50]) == []
    assert len(pixels_warnings(old.predict, X / 255)) == 1


def test_what_partial_fit_saw_later_is_known_as_well(fitted, digits):
    clf = copy_of(fitted)
    X, y = digits[0][:300] / 16, digits[1][:300]
    assert len(pixels_warnings(clf.partial_fit, 1 - X, y)) == 1
    assert pixels_warnings(clf.predict, 15 * digits[0]) == []


@pytest.mark.slow
def test_a_mask_of_bytes_is_scaled_as_one_of_truth_values(digits):
    masks, y = digits[0][:300] > 8, digits[1][:300]
    of_bool, of_bytes = (
        MNISTCNNClassifier.from_preset("classic", epochs=1, filters=4, random_state=0)
        .fit(X, y)
        .predict_proba(X)
        for X in (masks, masks.astype(np.uint8))
    )
    np.testing.assert_array_equal(of_bytes, of_bool)
