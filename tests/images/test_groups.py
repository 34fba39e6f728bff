"""Groups of images as indices, and hold-outs of complete groups."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from skcnn._images.groups import encode_groups, hold_out_groups

INDICES = [0, 1, 0, 2]


@pytest.mark.parametrize(
    "groups",
    [
        ["b", "a", "b", "c"],
        ("b", "a", "b", "c"),
        [7, 3, 7, 1],
        [1, "1", 1, 2],
        [("p", 1), ("p", 0), ("p", 1), ("q", 2)],
        np.array([7, 3, 7, 1]),
        np.array([[7], [3], [7], [1]]),
        np.array([0.5, -1, 0.5, np.inf]),
        np.array(["b", "a", "b", "c"]),
        np.array([b"b", b"a", b"b", b"c"]),
        np.array(["2020", "2019", "2020", "2021"], "datetime64[D]"),
        pd.Series(["b", "a", "b", "c"], index=[9, 8, 7, 6]),
        pd.Series(["b", "a", "b", "c"], dtype="category"),
        pd.Series([7, 3, 7, 1], dtype="Int64"),
        pd.DataFrame({"patient": [7, 3, 7, 1]}),
        np.array(["b", "a", "b", "c"], np.dtypes.StringDType()),
    ],
    ids=lambda groups: f"{type(groups).__name__} {getattr(groups, 'dtype', '')}",
)
def test_any_labels_in_any_container_are_groups(groups):
    assert encode_groups(groups, 4)[1].tolist() == INDICES


def test_the_distinct_groups_are_in_the_order_of_their_first_images():
    for groups in (["b", "a", "b"], np.array(["b", "a", "b"])):
        assert encode_groups(groups, 3)[0].tolist() == ["b", "a"]


def test_a_column_of_polars_holds_groups():
    polars = pytest.importorskip("polars")
    assert encode_groups(polars.Series(["b", "a", "b", "c"]), 4)[1].tolist() == INDICES
    with pytest.raises(ValueError, match=r"groups\[1\] is None"):
        encode_groups(polars.Series(["b", None, "b", "c"]), 4)


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        (
            [1, 2],
            ValueError,
            r"shape \(2,\), but expected the group of each of the 3 i",
        ),
        (np.zeros((3, 2)), ValueError, r"groups of shape \(3, 2\), but expected"),
        (5, ValueError, r"groups of shape \(\), but expected"),
        ("abc", ValueError, r"groups of shape \(\), but expected"),
        ([1, None, 2], ValueError, r"groups\[1\] is None, but each image needs a gr"),
        ([1, np.nan, None], ValueError, r"groups\[1\] is nan, and so is 1 more, but"),
        (np.full(3, np.nan), ValueError, r"groups\[0\] is nan, and so are 2 more"),
        (pd.array([1, None, 2]), ValueError, r"groups\[1\] is nan"),
        (pd.Series(["a", None, "b"]), ValueError, r"groups\[1\] is (nan|None), but"),
        (pd.to_datetime(["2020", None, "2021"]), ValueError, r"groups\[1\] is NaT"),
        ([1, [2], 3], TypeError, "cannot be keys of a dictionary .*list"),
        ({"a": [0, 1]}, TypeError, "groups is a dict"),
        ({1, 2, 3}, TypeError, "groups is a set"),
        pytest.param(iter("abc"), TypeError, "groups is a str_.*iterator", id="iter"),
    ],
    ids=str,
)
def test_what_is_not_one_group_for_each_image_is_refused(groups, error, message):
    with pytest.raises(error, match=message):
        encode_groups(groups, 3)


@st.composite
def grouped_classes(draw):
    """Draw groups and classes such that each class is in two groups at least."""
    n = draw(st.integers(4, 60))
    groups = draw(
        st_np.arrays(int, n, elements=st.integers(0, draw(st.integers(1, 20))))
    )
    classes = draw(
        st_np.arrays(int, n, elements=st.integers(0, draw(st.integers(0, 5))))
    )
    lonely = [c for c in np.unique(classes) if len(np.unique(groups[classes == c])) < 2]
    keep = ~np.isin(classes, lonely)
    if not keep.any():
        groups, classes, keep = np.arange(n), np.zeros(n, int), np.ones(n, bool)
    return groups[keep], np.unique(classes[keep], return_inverse=True)[1]


@given(grouped_classes(), st.floats(0.01, 0.99), st.integers(0, 99))
def test_groups_stay_whole_and_each_class_has_images_left(drawn, fraction, seed):
    groups, classes = drawn
    held = hold_out_groups(groups, classes, fraction, seed)
    assert held.any()
    assert not set(groups[held]) & set(groups[~held])
    assert set(classes[~held]) == set(classes)
    np.testing.assert_array_equal(
        held, hold_out_groups(groups, classes, fraction, seed)
    )


@given(st_np.arrays(int, 30, elements=st.integers(0, 20)))
def test_other_names_give_the_same_groups(groups):
    expected = encode_groups(groups, 30)[1]
    for renamed in (
        -groups,
        groups.astype(str),
        list(groups),
        [str(g) for g in groups],
    ):
        np.testing.assert_array_equal(encode_groups(renamed, 30)[1], expected)


@pytest.mark.slow
@given(grouped_classes(), st.floats(0.05, 0.95), st.integers(0, 99))
def test_held_out_shares_are_nearer_to_the_fraction_than_nothing(drawn, fraction, seed):
    groups, classes = drawn
    n_images = np.bincount(classes)

    def distance(held):
        n_held = np.bincount(classes[held], minlength=len(n_images))
        return ((n_held / n_images - fraction) ** 2).sum()

    held = hold_out_groups(groups, classes, fraction, seed)
    without = distance(np.zeros(len(groups), bool))
    alone = len(np.unique(groups[held])) == 1
    # A single group may be farther than nothing, but nothing cannot be held out.
    assert alone or distance(held) <= without


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.3, 0.6])
def test_images_without_relatives_are_stratified_as_without_groups(fraction):
    classes = np.repeat([0, 1, 2], [700, 200, 100])
    held = hold_out_groups(np.arange(1000), classes, fraction, 0)
    np.testing.assert_allclose(
        np.bincount(classes[held]), fraction * np.bincount(classes), atol=1
    )


@pytest.mark.parametrize("seed", range(5))
def test_patients_of_mixed_classes_are_stratified(seed):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(60), rng.integers(5, 50, 60))
    share = rng.dirichlet([0.5, 0.5, 0.5], 60)
    classes = np.array([rng.choice(3, p=share[group]) for group in groups])
    held = hold_out_groups(groups, classes, 0.2, seed)
    shares = np.bincount(classes[held]) / np.bincount(classes)
    np.testing.assert_allclose(shares, 0.2, atol=0.04)


def test_each_seed_holds_out_other_groups():
    groups, classes = np.repeat(np.arange(50), 4), np.tile([0, 1], 100)
    held = {hold_out_groups(groups, classes, 0.2, seed).tobytes() for seed in range(9)}
    assert len(held) == 9


def test_groups_larger_than_the_fraction_are_held_out_one_at_a_time():
    groups, classes = np.repeat([0, 1, 2], 20), np.tile([0, 1], 30)
    held = hold_out_groups(groups, classes, 0.1, 0)
    assert held.sum() == 20


def test_groups_without_images_are_never_held_out():
    # As after images of weight zero were left out.
    groups, classes = np.repeat([3, 40, 77], 20), np.tile([0, 1], 30)
    for seed in range(20):
        assert hold_out_groups(groups, classes, 0.1, seed).sum() == 20
