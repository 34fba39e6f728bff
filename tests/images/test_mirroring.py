"""Whether mirrored images belong to their classes: the answer, and what it rests on."""

import warnings
from functools import cache, partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skcnn._images import mirroring
from skcnn._images.fingerprints import fingerprints
from skcnn._images.labeled import LabeledImages
from skcnn._images.mirroring import (
    Evidence,
    gather_evidence,
    mirrored_images_belong,
)


def given_to(question, X, y, weights=None):
    """Ask a function of the module about an array of images and its labels."""
    image_shape = (*X.shape[1:], 1)[:3]
    images = LabeledImages.of(X, image_shape, np.asarray(y, np.int32), weights)
    return question(images, fingerprints(images.X, images.rows))


def belong(X, y, weights=None):
    return given_to(partial(mirrored_images_belong, if_unsure=True), X, y, weights)


def evidence(X, y, weights=None):
    return given_to(gather_evidence, X, y, weights)


def blobs(n, label_of, seed=0, height=24, width=28):
    """Noisy images with a bright blob at random; the place gives the label."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0.2, 0.8, (n, 2))
    y, x = np.mgrid[:height, :width]
    down = (y / height - places[:, :1, np.newaxis]) ** 2
    right = (x / width - places[:, 1:, np.newaxis]) ** 2
    images = 60 + 150 * np.exp(-(down + right) / 0.02)
    images += rng.normal(0, 60, images.shape)
    return np.clip(images, 0, 255).astype(np.uint8), label_of(*places.T)


def top_or_bottom(down, right):
    return (down > 0.5).astype(int)


def left_or_right(down, right):
    return (right > 0.5).astype(int)


# ------------------------------------------------------------------------- the answer


@pytest.mark.parametrize("n", [60, 300, 3000])
@pytest.mark.parametrize(
    ("label_of", "expected"), [(top_or_bottom, True), (left_or_right, False)]
)
def test_mirroring_keeps_top_and_bottom_and_exchanges_left_and_right(
    label_of, expected, n
):
    assert belong(*blobs(n, label_of)) is expected


@pytest.mark.parametrize("n", [200, 1797])
def test_mirrored_digits_do_not_belong(digits, n):
    X, y = digits
    assert belong(X[:n], y[:n]) is False


def test_a_class_of_mirror_images_of_another_forbids_mirroring():
    X, _ = blobs(400, top_or_bottom)
    shapes = np.where(np.arange(28) < 14, 255, X)
    X = np.concatenate([shapes[:200], shapes[200:, :, ::-1]])
    assert belong(X, np.arange(400) // 200) is False
    # The same images in classes that each have both sides.
    X, y = blobs(400, top_or_bottom)
    shapes = np.where(np.arange(28) < 14, 255, X)
    X = np.where((np.arange(400) % 2)[:, np.newaxis, np.newaxis], shapes, X)
    both = np.concatenate([X, X[:, :, ::-1]])
    assert belong(both, np.concatenate([y, y])) is True


def test_one_sided_images_may_be_mirrored_if_the_side_tells_nothing():
    # A bright left edge in all images, as that of a chest's heart: mirror images look
    # different from all images, but nothing is lost by treating them alike.
    X, y = blobs(2000, top_or_bottom)
    X[:, :, :6] = 200
    # A fifth of the labels is wrong: few sets are as easy as these blobs.
    y = y ^ (np.arange(2000) % 5 == 0)
    found = evidence(X, y)
    assert found.accuracy - found.accuracy_mirrored > 3 * found.error_mirrored
    assert belong(X, y) is True


def test_where_nothing_can_be_recognized_mirroring_is_harmless():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (100, 12, 12, 3), np.uint8)
    assert belong(X, np.arange(100) % 2) is True
    assert belong(X, np.arange(100)) is True


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        # Mirror images are recognized as well as images.
        ((0.70, 0.69, 0.60, 0.02, 0.02), True),
        # They seem to be recognized as well, or worse, but too few images tell.
        ((0.70, 0.69, 0.60, 0.10, 0.10), None),
        ((0.70, 0.55, 0.50, 0.10, 0.10), None),
        # They are recognized worse, and ignoring the side costs much.
        ((0.95, 0.40, 0.85, 0.02, 0.01), False),
        ((0.60, 0.30, 0.50, 0.02, 0.02), False),
        ((0.15, 0.03, 0.08, 0.01, 0.01), False),
        ((0.99, 0.50, 0.97, 0.01, 0.002), False),
        # They are recognized worse, but it certainly costs next to nothing.
        ((0.80, 0.53, 0.79, 0.02, 0.007), True),
        ((0.80, 0.53, 0.81, 0.02, 0.007), True),
        # They are recognized worse, and what it costs is not known well enough.
        ((0.80, 0.53, 0.79, 0.02, 0.03), False),
    ],
)
def test_the_answer_follows_from_accuracies_and_their_errors(numbers, expected):
    for if_unsure in (False, True):
        found = Evidence(*numbers).mirroring_is_harmless(if_unsure)
        assert found is (if_unsure if expected is None else expected)


@pytest.mark.real_data
def test_mirrored_images_of_cifar10_belong_and_those_of_mnist_do_not(real_data_home):
    from skcnn.datasets import fetch_cifar10, fetch_mnist

    for fetch, expected in ((fetch_mnist, False), (fetch_cifar10, True)):
        bunch = fetch(data_home=real_data_home, download_if_missing=False)
        for part in (slice(None), slice(2000), slice(2000, 2500)):
            X, y = bunch.images[part], bunch.target[part]
            assert belong(X, y) is expected, (fetch, part)


# ---------------------------------------------------------------- which images it sees


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(8, 40), st.integers(2, 5))
def test_order_does_not_matter_and_a_weight_is_a_number_of_copies(seed, n, n_classes):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 256, (n, *rng.integers(8, 12, 2)), np.uint8)
    y = rng.integers(0, n_classes, n)
    copies = rng.integers(0, 4, n)
    copies[:2] = 1
    weighted = evidence(X, y, copies.astype(float))
    order = rng.permutation(copies.sum())
    repeated = evidence(np.repeat(X, copies, 0)[order], np.repeat(y, copies)[order])
    assert weighted == repeated
    kept = copies > 0
    assert evidence(X[kept], y[kept], copies[kept].astype(float)) == weighted


def test_order_and_copies_do_not_matter_where_only_a_part_is_seen(monkeypatch, digits):
    monkeypatch.setattr(mirroring, "MOST_IMAGES", 300)
    X, y = digits
    expected = evidence(X, y)
    order = np.random.default_rng(0).permutation(len(X))
    assert evidence(X[order], y[order]) == expected
    assert evidence(X, y, np.full(len(X), 2.0)) == expected
    assert evidence(np.repeat(X, 2, 0), np.repeat(y, 2)) == expected
    assert evidence(X[:300], y[:300]) != expected


class Watched(np.ndarray):
    """An array that notes how many images are taken from it."""

    taken = 0

    def __getitem__(self, key):
        found = super().__getitem__(key)
        if self.ndim == 4 and isinstance(key, tuple) and isinstance(key[0], np.ndarray):
            Watched.taken += len(found)
            assert max(found.shape[1:3]) < 2 * mirroring.THINNED
        return found


@pytest.mark.parametrize("shape", [(5000, 8, 8), (5000, 64), (1100, 130, 70, 3)])
def test_few_images_are_read_from_large_arrays(monkeypatch, shape):
    images = np.zeros(shape, np.uint8).view(Watched)
    images[..., 0] = np.arange(len(images)).reshape(-1, *(1,) * (len(shape) - 2)) % 251
    image_shape = (8, 8, 1) if len(shape) < 4 else shape[1:]
    labeled = LabeledImages.of(images, image_shape, np.arange(len(images)) % 7, None)
    monkeypatch.setattr(Watched, "taken", 0)
    # All fingerprints are different, so images are not left out for being equal.
    gather_evidence(labeled, np.arange(len(images), dtype=np.uint64))
    assert Watched.taken == mirroring.MOST_IMAGES


def test_every_class_is_seen_though_there_are_more_than_fit(monkeypatch, digits):
    monkeypatch.setattr(mirroring, "MOST_IMAGES", 10)
    X, y = digits
    keys = fingerprints(X)
    images = LabeledImages.of(X, (8, 8, 1), y.astype(np.int32), None)
    rows, weights = mirroring._choose(images, keys)
    assert np.bincount(y[rows]).tolist() == [mirroring.LEAST_A_CLASS] * 10
    assert weights.tolist() == [1] * 40
    # Of a great many classes some are examined, so that the targets fit into memory.
    monkeypatch.setattr(mirroring, "MOST_CLASSES", 4)
    rows, _ = mirroring._choose(images, keys)
    assert np.unique(y[rows]).tolist() == [0, 3, 6, 9]
    monkeypatch.undo()
    # A rare class gives all it has; the others share the rest.
    monkeypatch.setattr(mirroring, "MOST_IMAGES", 100)
    rare = np.concatenate([np.flatnonzero(y == 0)[:3], np.flatnonzero(y > 7)])
    images = LabeledImages.of(X[rare], (8, 8, 1), y[rare].astype(np.int32), None)
    rows, _ = mirroring._choose(images, keys[rare])
    assert np.bincount(y[rare][rows])[[0, 8, 9]].tolist() == [3, 49, 48]


# ------------------------------------------------------------- any form, type and scale


@cache
def some_blobs(label_of):
    """Return images, labels and the evidence in them."""
    X, y = blobs(200, label_of, height=26, width=25)
    return X, y, evidence(X, y)


@pytest.mark.parametrize(
    "change",
    [
        lambda X: X.reshape(len(X), -1),
        lambda X: X[..., np.newaxis],
        lambda X: X.astype(np.float64),
        lambda X: X.astype(np.float16) / 256,
        lambda X: X.astype(np.float64) * 1e300,
        lambda X: X.astype(np.float64) * 1e-300,
        lambda X: X.astype(np.float32) - 1000,
        lambda X: X.astype(np.uint16) * 256,
        lambda X: (X.astype(np.int16) - 128).astype(np.int8),
        lambda X: X.astype(np.int64) * 2**53,
        lambda X: np.repeat(X[..., np.newaxis], 3, axis=3),
        lambda X: np.repeat(X[..., np.newaxis], 5, axis=3),
        lambda X: np.asfortranarray(X),
        lambda X: np.asfortranarray(np.stack([X * (1.7e308 / 255)] * 3, axis=3)),
        lambda X: np.repeat(X, 2, axis=1),
    ],
)
@pytest.mark.parametrize("label_of", [top_or_bottom, left_or_right])
def test_form_type_and_scale_of_the_pixels_do_not_matter(change, label_of):
    X, y, expected = some_blobs(label_of)
    changed = change(X)
    before = changed.copy()
    if changed.ndim == 2:
        images = LabeledImages.of(changed, (26, 25, 1), y.astype(np.int32), None)
        found = gather_evidence(images, fingerprints(changed))
    else:
        found = evidence(changed, y)
    np.testing.assert_allclose(found, expected, atol=0.04)
    assert found.mirroring_is_harmless(True) == expected.mirroring_is_harmless(True)
    np.testing.assert_array_equal(changed, before)


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_any_images_give_an_answer_without_a_warning(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    n = data.draw(st.integers(2, 20))
    sides = data.draw(st.tuples(st.integers(8, 80), st.integers(8, 80)))
    shape = (n, *sides, data.draw(st.integers(1, 5)))
    dtype = data.draw(st.sampled_from(["?", "u1", "i1", "u2", "i8", "f2", "f4", "f8"]))
    kind = data.draw(st.sampled_from(["noise", "constant", "constant each", "zero"]))
    X = rng.integers(0, 120, shape)
    if kind != "noise":
        X[:] = X[:, :1, :1, :1] if kind == "constant each" else X[0, 0, 0, 0]
    X = (X * (kind != "zero")).astype(dtype)
    if X.dtype.kind == "f":
        X = X * (np.finfo(X.dtype).max / 128)
    y = rng.integers(0, data.draw(st.sampled_from([2, 5, 1000])), n)
    weights = rng.integers(0, 3, n) * data.draw(st.sampled_from([1e-6, 1.0, 1e6]))
    weights[0] = 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = evidence(X, y, weights)
    assert all(np.isfinite(found))
    assert all(0 <= accuracy <= 1.000001 for accuracy in found[:3])


def test_an_alpha_channel_is_not_looked_at():
    X, y = blobs(100, left_or_right)
    colors = np.repeat(X[..., np.newaxis], 3, axis=3)
    other, _ = blobs(100, left_or_right, seed=1)
    found = evidence(np.concatenate([colors, other[..., np.newaxis]], 3), y)
    assert found == pytest.approx(evidence(colors, y))


def test_constant_images_have_no_edges():
    X = np.full((3, 23, 19), 0.1) * np.array([1, 3, 7])[:, np.newaxis, np.newaxis]
    images = LabeledImages.of(X, (23, 19, 1), np.zeros(3, np.int32), None)
    gray = mirroring._thinned(images, np.arange(3))
    assert not mirroring._edge_strengths(gray).any()


@pytest.mark.parametrize("side", [8, 31, 64, 65, 95, 96, 97, 112, 224, 719, 720])
def test_large_images_are_thinned_out_around_their_center(side):
    places = np.arange(side)[mirroring._thinning(side)]
    assert mirroring.THINNED <= len(places) < 2 * mirroring.THINNED or side < 32
    assert abs((side - 1 - places[-1]) - places[0]) <= 1


def test_a_mapped_file_will_do(tmp_path):
    X, y = blobs(300, left_or_right)
    np.save(tmp_path / "images.npy", X)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    assert evidence(mapped, y) == evidence(X, y)


def test_a_thousand_classes_are_few_enough():
    X, _ = blobs(3000, top_or_bottom, height=10, width=10)
    assert belong(X, np.arange(3000) % 1000) in (True, False)


# ------------------------------------------------------------------ what it rests on


@pytest.mark.parametrize(
    "shape",
    [(8, 8), (9, 11), (16, 28), (31, 33), (112, 92), (63, 64), (8, 30), (30, 8)],
)
def test_features_of_mirror_images_are_those_of_images_exchanged(shape):
    X = np.random.default_rng(0).integers(0, 256, (6, *shape), np.uint8)
    # Blocks, so that thinning out large images takes the same pixels in both.
    if max(shape) >= 64:
        X = np.repeat(np.repeat(X[:, ::8, ::8], 8, 1), 8, 2)[:, : shape[0], : shape[1]]
        X = np.where(np.arange(shape[1]) < shape[1] // 2, X, X[:, :, ::-1])

    def features(X):
        images = LabeledImages.of(X, (*shape, 1), np.zeros(6, np.int32), None)
        return mirroring._edge_strengths(mirroring._thinned(images, np.arange(6)))

    found, mirrored = features(X), features(X[:, :, ::-1])
    np.testing.assert_allclose(mirroring._mirrored(found), mirrored, atol=2e-3)
    np.testing.assert_allclose(mirroring._mirrored(mirrored), found, atol=2e-3)
    assert np.square(found).sum(axis=(1, 2, 3)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_each_image_is_classified_by_a_regression_on_all_others(weighted):
    rng = np.random.default_rng(0)
    images, variants = rng.normal(size=(2, 12, 5))
    targets = np.eye(3)[rng.integers(0, 3, 12)]
    weights = rng.integers(1, 4, 12) if weighted else np.ones(12)
    shares = (weights / weights.sum())[:, np.newaxis]
    center, means = (shares * images).sum(0), (shares * targets).sum(0)
    found = mirroring._held_out(
        images - center, (variants - center,), targets - means, shares, penalty=0.3
    )[0]
    for i in range(12):
        others = np.arange(12) != i
        share = shares[others]
        X = images[others] - (share * images[others]).sum(0) / share.sum()
        T = targets[others] - (share * targets[others]).sum(0) / share.sum()
        coefficients = np.linalg.solve(
            X.T @ (share * X) + 0.3 * np.eye(5), X.T @ (share * T)
        )
        offset = variants[i] - (share * images[others]).sum(0) / share.sum()
        expected = (
            offset @ coefficients + (share * targets[others]).sum(0) / share.sum()
        )
        np.testing.assert_allclose(found[i] + means, expected, atol=1e-9)


def test_what_all_images_have_in_common_does_not_matter():
    rng = np.random.default_rng(0)
    features = rng.uniform(size=(60, 8, 4, 4)).astype(np.float32)
    classes, weights = rng.integers(0, 3, 60), rng.uniform(1, 2, 60)
    common = rng.uniform(5, 10, size=(1, 8, 4, 4)).astype(np.float32)
    common += mirroring._mirrored(common)
    expected = mirroring._compare(features, classes, weights)
    found = mirroring._compare(features + common, classes, weights)
    assert found == pytest.approx(expected)


def test_a_regression_on_mirror_images_too_ignores_what_a_mirror_changes():
    rng = np.random.default_rng(0)
    features = rng.uniform(size=(30, 8, 4, 4))
    targets = rng.normal(size=(30, 2))
    mirrored = mirroring._mirrored(features)
    both = np.concatenate([features, mirrored]).reshape(60, -1)
    coefficients = np.linalg.solve(
        both.T @ both + 0.1 * np.eye(128), both.T @ np.tile(targets, (2, 1))
    )
    changing = (features - mirrored).reshape(30, -1)
    np.testing.assert_allclose(changing @ coefficients, 0, atol=1e-9)
