"""What a classifier remembers of the images it was fitted on."""

import pickle
import subprocess
import sys
from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tiny import tiny_classifier

import skcnn
from skcnn._images import fingerprints as module
from skcnn._images import forms
from skcnn._images.fingerprints import (
    check_fingerprints,
    fingerprints,
    merge_fingerprints,
    were_fitted,
)
from skcnn._training.archive import Encoder, read_archive, write_archive

EXPECTED_BYTES = [10287899230050531294, 855541678943306941]
EXPECTED_FLOATS = [7495386321887963979, 12470033392550242958]


@pytest.fixture(scope="module")
def few(digits):
    return digits[0][:60], digits[1][:60]


tiny = partial(tiny_classifier, epochs=1)


@pytest.fixture(scope="module")
def fitted(few):
    return tiny(random_state=0).fit(*few)


@pytest.mark.slow
@given(
    hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 5), st.integers(1, 7), st.integers(1, 7)),
    )
)
def test_the_same_image_in_any_form_has_the_same_fingerprint(X):
    expected = fingerprints(X)
    rows = X.reshape(len(X), -1)
    for same in (
        rows,
        X[..., None],
        np.asfortranarray(X),
        rows.astype(np.int64),
        rows.astype(">i4"),
        rows.astype(np.float32),
        rows.astype(np.float64),
        rows.astype(np.uint16),
        pd.DataFrame(rows).to_numpy(),
        np.where(rows == 0, -0.0, rows),
    ):
        np.testing.assert_array_equal(fingerprints(same), expected)
    for row in range(len(X)):
        assert fingerprints(X[[row]])[0] == expected[row]
    np.testing.assert_array_equal(
        fingerprints(X, np.arange(len(X))[::-1]), expected[::-1]
    )


@pytest.mark.slow
@given(
    hnp.arrays(np.float64, (3, 12), elements=st.floats(-1e6, 1e6)),
    st.integers(0, 2),
    st.integers(0, 11),
    st.sampled_from([1.0, 0.5, 1e-3]),
)
def test_another_pixel_is_another_fingerprint(X, row, column, step):
    changed = X.copy()
    changed[row, column] += step
    differ = fingerprints(X) != fingerprints(changed)
    assert differ.tolist() == [i == row and (changed != X).any() for i in range(3)]


def test_zero_and_minus_zero_are_one_value():
    X = np.array([[0.5, 0.0, -1.5]])
    assert fingerprints(X) == fingerprints(np.array([[0.5, -0.0, -1.5]]))


def test_truth_values_are_zeros_and_ones():
    X = np.eye(5, dtype=bool)
    np.testing.assert_array_equal(fingerprints(X), fingerprints(X.astype(int)))


def test_images_that_differ_in_one_bit_or_place_do_not_collide():
    rng = np.random.default_rng(0)
    one = rng.integers(0, 256, (1, 64), np.uint8)
    flipped = np.repeat(one, 64 * 8, axis=0)
    for i in range(64 * 8):
        flipped[i, i // 8] ^= 1 << i % 8
    swapped = np.array([np.roll(one[0], i) for i in range(64)])
    X = np.concatenate([flipped, swapped, np.eye(64, dtype=np.uint8)])
    assert len(np.unique(fingerprints(X))) == len(np.unique(X, axis=0))
    floats = X / 255
    assert len(np.unique(fingerprints(floats))) == len(np.unique(floats, axis=0))


@pytest.mark.slow
def test_fingerprints_are_the_same_on_every_machine():
    X = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert fingerprints(X).tolist() == EXPECTED_BYTES
    assert fingerprints(X / 8).tolist() == EXPECTED_FLOATS
    code = (
        "import numpy as np\n"
        "from skcnn._images.fingerprints import fingerprints\n"
        "X = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)\n"
        "print(fingerprints(X).tolist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(EXPECTED_BYTES)


def test_many_images_are_read_by_parts(monkeypatch):
    X = np.random.default_rng(0).integers(0, 256, (50, 9), np.uint8)
    expected = fingerprints(X)
    monkeypatch.setattr(forms, "CHUNK_VALUES", 30)
    np.testing.assert_array_equal(fingerprints(X), expected)
    np.testing.assert_array_equal(fingerprints(X, np.arange(7, 20)), expected[7:20])


def test_fit_remembers_its_images_and_no_others(fitted, digits):
    known = were_fitted(fitted, digits[0][50:70])
    assert known.tolist() == [True] * 10 + [False] * 10


def test_a_later_fit_forgets_what_warm_start_and_partial_fit_add_to(few, digits):
    X, y = few
    clf = tiny(random_state=0, warm_start=True).fit(X[:40], y[:40])
    clf.fit(X[30:50], y[30:50])
    assert were_fitted(clf, X).tolist() == [True] * 50 + [False] * 10
    clf.partial_fit(X[55:], y[55:])
    assert were_fitted(clf, X).tolist() == [True] * 50 + [False] * 5 + [True] * 5
    clf.set_params(warm_start=False).fit(X[:40], y[:40])
    assert were_fitted(clf, X).tolist() == [True] * 40 + [False] * 20


def test_what_is_held_out_or_given_to_validate_on_counts_as_seen(few):
    X, y = few
    clf = tiny(random_state=0, early_stopping=True, validation_fraction=0.3)
    assert were_fitted(clf.fit(X, y), X).all()
    clf = tiny(random_state=0).fit(X[:40], y[:40], X_val=X[40:50], y_val=y[40:50])
    assert were_fitted(clf, X).tolist() == [True] * 50 + [False] * 10


def test_an_image_of_weight_zero_was_not_seen(few):
    X, y = few
    weights = np.ones(60)
    weights[7] = 0
    clf = tiny(random_state=0).fit(X, y, sample_weight=weights)
    assert np.flatnonzero(~were_fitted(clf, X)).tolist() == [7]


def test_a_refused_fit_changes_nothing(few):
    X, y = few
    clf = tiny(random_state=0, warm_start=True).fit(X[:40], y[:40])
    with pytest.raises(ValueError, match="NaN"):
        clf.fit(np.full((20, 8, 8), np.nan), y[:20])
    assert were_fitted(clf, X).tolist() == [True] * 40 + [False] * 20


def test_saved_and_pickled_models_remember(fitted, few, tmp_path):
    skcnn.save(fitted, tmp_path / "model.skcnn")
    for loaded in (
        skcnn.load(tmp_path / "model.skcnn"),
        pickle.loads(pickle.dumps(fitted)),
    ):
        assert loaded._fingerprints.dtype == np.uint64
        assert were_fitted(loaded, few[0]).all()


def rewritten(path, change):
    """Write a saved model again, with other contents and a right checksum."""

    def described(document, decode):
        learned = decode(document["estimator"]["learned"])
        change(learned)
        return document, learned

    document, learned = read_archive(path, described)
    encode = Encoder()
    estimator = document["estimator"] | {"learned": encode(learned)}
    write_archive(path, {"estimator": estimator}, encode)


def test_a_file_without_fingerprints_loads_and_knows_nothing(fitted, few, tmp_path):
    path = tmp_path / "old.skcnn"
    skcnn.save(fitted, path)
    rewritten(path, lambda learned: learned.pop("fingerprints"))
    loaded = skcnn.load(path)
    assert were_fitted(loaded, few[0]) is None
    loaded.partial_fit(*few)
    assert were_fitted(loaded, few[0]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        np.array([3, 2], np.uint64),
        np.array([2, 2], np.uint64),
        np.array([1, 2]),
        np.array([[1]], np.uint64),
        [1, 2],
        "all",
    ],
)
def test_wrong_fingerprints_in_a_file_are_refused(wrong, fitted, tmp_path):
    path = tmp_path / "model.skcnn"
    skcnn.save(fitted, path)
    rewritten(path, lambda learned: learned.update(fingerprints=wrong))
    with pytest.raises(ValueError, match=r"learned\.fingerprints: "):
        skcnn.load(path)


def test_beyond_a_number_of_images_nothing_is_known(few, monkeypatch):
    X, y = few
    monkeypatch.setattr(module, "MOST_FINGERPRINTS", 50)
    assert were_fitted(tiny(random_state=0).fit(X, y), X) is None
    clf = tiny(random_state=0, warm_start=True).fit(X[:50], y[:50])
    assert were_fitted(clf, X).sum() == 50
    clf.fit(X[40:], y[40:])
    assert were_fitted(clf, X) is None


def test_merged_fingerprints_are_sorted_and_different():
    one, other = np.array([5, 1, 5], np.uint64), np.array([2, 1], np.uint64)
    merged = merge_fingerprints(one, other)
    assert merged.tolist() == [1, 2, 5]
    check_fingerprints(merged, "fingerprints")
    assert merge_fingerprints(None, one) is None
    assert merge_fingerprints(np.empty(0, np.uint64)).tolist() == []
