"""Near-duplicates: altered copies of photographs are found, other photographs not."""

import io
import itertools
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np
from PIL import Image
from sklearn.datasets import load_sample_images

from skcnn._images import near_duplicates
from skcnn.inspection import find_near_duplicates


@pytest.fixture(scope="module")
def photographs():
    """120 pieces of two photographs, 32 x 32 pixels, those with most contrast first."""
    pieces = np.stack(
        [
            picture[row : row + 64, column : column + 64]
            for picture in load_sample_images().images
            for row in range(0, picture.shape[0] - 63, 64)
            for column in range(0, picture.shape[1] - 63, 64)
        ]
    )
    small = pieces.reshape(-1, 32, 2, 32, 2, 3).mean(axis=(2, 4)).round()
    order = np.argsort(-small.std(axis=(1, 2)).max(axis=1), kind="stable")
    return small[order].astype(np.uint8)


def compressed(image):
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=60)
    return np.asarray(Image.open(file))


def clipped(values):
    return np.clip(values, 0, 255).astype(np.uint8)


def moved(image, down, right):
    padded = np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge")
    return padded[1 + down : 33 + down, 1 + right : 33 + right]


CHANGES = {
    "equal": lambda image: image,
    "compressed": compressed,
    "brighter": lambda image: clipped(image + 20.0),
    "darker": lambda image: clipped(image * 0.8),
    "moved down": lambda image: moved(image, 1, 0),
    "moved along both sides": lambda image: moved(image, -1, 1),
    "noisy": lambda image: clipped(
        image + np.random.default_rng(0).normal(0, 4, image.shape)
    ),
}


def test_different_photographs_are_not_near(photographs):
    assert not len(find_near_duplicates(photographs).pairs)


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_altered_copies_are_found(photographs, change):
    # Others are blurred or plain sky, with little by which to know them again.
    copies = np.stack([change(image) for image in photographs[:60]])
    found = find_near_duplicates(photographs, copies)
    right = found.pairs[:, 0] == found.pairs[:, 1]
    assert right.sum() >= 59
    assert (~right).sum() <= 1


def test_pairs_within_a_part_are_sorted_and_named_once(photographs):
    X = photographs[:60].copy()
    X[50], X[3], X[20] = X[7], clipped(X[10] + 30.0), moved(X[30], 1, 1)
    found = find_near_duplicates(X)
    assert sorted(map(tuple, found.pairs.tolist())) == [(3, 10), (7, 50), (20, 30)]
    assert found.pairs[0].tolist() == [7, 50]
    assert found.distances[0] == 0
    assert (np.diff(found.distances) >= 0).all()
    assert found.distances[-1] <= 0.075
    assert found.pairs.dtype.kind == "i"


def test_linked_images_are_of_one_group(photographs):
    X = photographs[:60].copy()
    X[50], X[3], X[20] = X[7], moved(X[10], 1, 1), moved(X[10], -1, -1)
    found = find_near_duplicates(X)
    groups = found.groups
    assert groups.shape == (60,)
    # 3 and 20 are too far apart to be a pair, but both are near to 10.
    assert [3, 20] not in found.pairs.tolist()
    assert groups[3] == groups[10] == groups[20]
    assert groups[7] == groups[50]
    assert len(np.unique(groups)) == 57
    assert "groups_other" not in found


def test_groups_of_two_parts_have_the_same_numbers(photographs):
    X, X_other = photographs[:40], photographs[30:60]
    found = find_near_duplicates(X, X_other)
    assert found.groups.shape == (40,)
    assert found.groups_other.shape == (30,)
    in_both = np.isin(found.groups, found.groups_other)
    assert np.flatnonzero(in_both).tolist() == list(range(30, 40))
    np.testing.assert_array_equal(found.groups[30:], found.groups_other[:10])


def test_all_pairs_of_equal_images_are_named(photographs):
    X = photographs[[0, 1, 0, 2, 0, 1]]
    pairs = find_near_duplicates(X, threshold=0).pairs
    assert pairs.tolist() == [[0, 2], [0, 4], [1, 5], [2, 4]]
    pairs = find_near_duplicates(X, photographs[[0, 0, 5]], threshold=0).pairs
    assert pairs.tolist() == [[i, j] for i in (0, 2, 4) for j in (0, 1)]


def test_copies_of_equal_images_are_near_duplicates_too(photographs):
    X = photographs[:30].copy()
    X[10] = X[4]
    X[20] = X[21] = clipped(X[4] + 20.0)
    found = find_near_duplicates(X)
    expected = [[i, j] for i, j in itertools.combinations((4, 10, 20, 21), 2)]
    assert sorted(found.pairs.tolist()) == expected


def test_a_threshold_of_zero_finds_equal_images_only(photographs):
    X = np.concatenate([photographs[:9], photographs[:2], photographs[2:3] // 2])
    assert find_near_duplicates(X, threshold=0).pairs.tolist() == [[0, 9], [1, 10]]


def test_blank_images_are_near_duplicates_only_if_equal():
    X = np.stack([np.full((32, 32), value, np.uint8) for value in (0, 0, 9, 255)])
    assert find_near_duplicates(X).pairs.tolist() == [[0, 1]]
    # Nor does the rounding of a mean make a picture of them.
    large = np.stack([np.full((224, 224, 3), value) for value in (0.1, 0.3, 0.7)])
    assert not len(find_near_duplicates(large).pairs)


@pytest.mark.parametrize("threshold", [0.25, 0.1, 0.01])
def test_distances_do_not_depend_on_the_threshold(photographs, threshold):
    X = np.concatenate([photographs[:20], clipped(photographs[:20] * 1.1 + 3)])
    widest = find_near_duplicates(X, threshold=0.25)
    found = find_near_duplicates(X, threshold=threshold)
    assert 0 < len(found.pairs) <= len(widest.pairs)
    np.testing.assert_array_equal(
        found.distances, widest.distances[widest.distances <= threshold]
    )


# ------------------------------------------------------------------ forms and dtypes


@pytest.mark.parametrize(
    "form",
    [
        lambda X: X.astype(np.int64),
        lambda X: X.astype(np.uint16) * 257,
        lambda X: X / 255,
        lambda X: X.astype(np.float32),
        lambda X: X.astype(np.float16),
        lambda X: X * 1e300,
        lambda X: X * 1e-300,
        lambda X: X.astype(np.int16) - 128,
        lambda X: X.reshape(len(X), -1),
        lambda X: pd.DataFrame(X.reshape(len(X), -1)),
        list,
        lambda X: [Image.fromarray(image) for image in X],
        lambda X: X.swapaxes(1, 2).copy().swapaxes(1, 2),
    ],
    ids=[
        *("int64", "uint16", "0 to 1", "float32", "float16", "huge", "tiny", "signed"),
        *("rows", "frame", "list", "PIL", "not contiguous"),
    ],
)
def test_every_form_and_dtype_of_the_images_gives_the_same_pairs(photographs, form):
    X, X_other = photographs[:30], clipped(photographs[20:50] * 1.1)
    expected = find_near_duplicates(X, X_other)
    assert len(expected.pairs) >= 10
    for one, other in (
        (form(X), form(X_other)),
        (X, form(X_other)),
        (form(X), X_other),
    ):
        found = find_near_duplicates(one, other)
        assert sorted(found.pairs.tolist()) == sorted(expected.pairs.tolist())
        np.testing.assert_allclose(found.distances, expected.distances, atol=2e-4)


@pytest.mark.parametrize(
    "shape", [(8, 8), (1, 40), (28, 28, 1), (5, 90), (112, 92), (64, 96, 3), (9, 7, 4)]
)
def test_images_of_every_shape_are_compared(shape):
    X = np.random.default_rng(0).integers(0, 200, (30, *shape), dtype=np.uint8)
    X[20] = X[3] + 40
    assert find_near_duplicates(X, threshold=0.01).pairs.tolist() == [[3, 20]]
    rows = X.reshape(30, -1)
    found = find_near_duplicates(rows, threshold=0.01, image_shape=shape)
    assert found.pairs.tolist() == [[3, 20]]


def test_files_are_read(photographs, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    for path, image in zip(paths, photographs[[0, 1, 0, 2]], strict=True):
        Image.fromarray(image).save(path)
    assert find_near_duplicates(paths).pairs.tolist() == [[0, 2]]
    assert find_near_duplicates(photographs[:2], paths).pairs.tolist() == [
        [0, 0],
        [0, 2],
        [1, 1],
    ]


@pytest.mark.slow
@given(
    st_np.arrays(
        st.sampled_from([np.uint8, np.int32, np.float32, np.bool_]),
        st.tuples(st.integers(1, 12), st.integers(1, 9), st.integers(1, 9)),
    ).filter(lambda X: np.isfinite(X).all()),
    st.integers(0, 12),
)
def test_any_images_have_sorted_pairs_and_their_equals_among_them(X, n):
    X_other = X[:n]
    within = find_near_duplicates(X, threshold=0.01)
    flat = X.reshape(len(X), -1) + 0
    equal = {
        (i, j)
        for i in range(len(X))
        for j in range(i + 1, len(X))
        if (flat[i] == flat[j]).all()
    }
    found = list(map(tuple, within.pairs.tolist()))
    assert equal <= set(found)
    assert len(found) == len(set(found))
    assert all(i < j for i, j in found)
    assert ((within.distances >= 0) & (within.distances <= 0.01)).all()
    if n:
        between = find_near_duplicates(X, X_other, threshold=0.01)
        found = list(map(tuple, between.pairs.tolist()))
        assert {(i, i) for i in range(len(X_other))} <= set(found)
        assert len(found) == len(set(found))


# ------------------------------------------------------------------- limits and errors


def test_images_stay_as_they_were(photographs):
    X = photographs[:20].astype(float)
    X.flags.writeable = False
    find_near_duplicates(X, X)


def test_no_matrix_of_all_pairs_is_made():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 255, (6000, 8, 8), dtype=np.uint8)
    tracemalloc.start()
    find_near_duplicates(X, X[:5000], threshold=0.01)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # 6,000 x 5,000 correlations alone would be 120 MB.
    assert peak < 80e6


@pytest.mark.parametrize(
    "make",
    [
        # Too many candidates, and too many equal images.
        lambda images: images.astype(np.uint8)[:1500],
        lambda images: np.zeros((1500, 8, 8), np.uint8),
    ],
    ids=["alike", "equal"],
)
def test_images_that_are_all_alike_are_refused(digits, make, monkeypatch):
    monkeypatch.setattr(near_duplicates, "MOST_PAIRS", 2000)
    expected = (
        "More than 2,000 pairs of images are near to each other at threshold=0.075, "
        "so .* lower threshold, such as 0.015. .* leave out all but one of them"
    )
    with pytest.raises(ValueError, match=expected):
        find_near_duplicates(make(digits[0]))


def test_fewer_digits_are_alike_with_a_lower_threshold(digits):
    X = digits[0][:300]
    n_pairs = [len(find_near_duplicates(X, threshold=t).pairs) for t in (0.075, 0.005)]
    assert n_pairs[0] > 100 > n_pairs[1]


BAD = {
    "no images": (lambda X: {"X": X[:0]}, ValueError, "0 sample"),
    "a number": (
        lambda X: {"X": 3},
        ValueError,
        "X is 3, but find_near_duplicates exp",
    ),
    "NaN": (lambda X: {"X": X / 0.0 * 0}, ValueError, "X contains NaN"),
    "a stream": (
        lambda X: {"X": iter(X)},
        TypeError,
        "but find_near_duplicates expects",
    ),
    "other size": (
        lambda X: {"X": X, "X_other": X[:, :30]},
        ValueError,
        r"In X_other: X has images of shape \(30, 32, 3\), but .* shape \(32, 32, 3\)",
    ),
    "gray and color": (
        lambda X: {"X": X, "X_other": X[..., 0]},
        ValueError,
        r"In X_other: X has images of shape \(32, 32\), but .* \(32, 32, 3\)",
    ),
    "other rows": (
        lambda X: {"X": X, "X_other": X.reshape(len(X), -1)[:, :99]},
        ValueError,
        "In X_other: X has 99 features, but find_near_duplicates is expecting 3072",
    ),
    "other is a number": (
        lambda X: {"X": X, "X_other": 3},
        ValueError,
        "In X_other: X is 3, but find_near_duplicates expects",
    ),
    "negative": (
        lambda X: {"X": X, "threshold": -0.1},
        ValueError,
        r"Got threshold=-0.1, but expected a number from 0 .* to 0.25",
    ),
    "too large": (
        lambda X: {"X": X, "threshold": 1},
        ValueError,
        "Got threshold=1, but",
    ),
    "text": (
        lambda X: {"X": X, "threshold": "low"},
        ValueError,
        "Got threshold='low', ",
    ),
    "NaN threshold": (
        lambda X: {"X": X, "threshold": np.nan},
        ValueError,
        "Got threshold=nan, but",
    ),
    "other shape": (
        lambda X: {"X": X, "image_shape": (8, 8)},
        ValueError,
        r"image_shape=\(8, 8\) was given",
    ),
}


@pytest.mark.parametrize(("make", "error", "message"), BAD.values(), ids=BAD.keys())
@pytest.mark.filterwarnings("ignore:(invalid value|divide by zero):RuntimeWarning")
def test_wrong_arguments_are_refused(photographs, make, error, message):
    with pytest.raises(error, match=message):
        find_near_duplicates(**make(photographs[:5]))
