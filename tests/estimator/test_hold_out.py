"""Groups in `fit`: early stopping holds out complete groups, also inside searches."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    RandomizedSearchCV,
    StratifiedGroupKFold,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from tiny import tiny_classifier

import skcnn
from skcnn._estimator import fitting
from skcnn.model_selection import WarmHalvingGridSearchCV, WarmHalvingRandomSearchCV
from skcnn.preprocessing import ImageReshaper

tiny = partial(tiny_classifier, epochs=1, early_stopping=True, validation_fraction=0.25)


@pytest.fixture(scope="module")
def grouped(digits):
    """120 images of three classes in 20 groups; a corner pixel has the group."""
    images, labels = digits
    rows = np.flatnonzero(labels < 3)[:120]
    X, y = images[rows].copy(), labels[rows]
    groups = np.random.default_rng(0).permutation(np.repeat(np.arange(20), 6))
    X[:, 0, 0] = groups
    return X, y, groups


@pytest.fixture
def held(monkeypatch):
    """The groups of each hold-out: those trained on, those held out."""
    seen = []
    hold_out = fitting._hold_out

    def noting(*args):
        parts = hold_out(*args)
        corners = [part.X.reshape(len(part.X), -1)[part.rows, 0] for part in parts]
        seen.append([set(corner.tolist()) for corner in corners])
        return parts

    monkeypatch.setattr(fitting, "_hold_out", noting)
    return seen


def overlaps(held):
    """Return for each hold-out whether a group lies on both sides."""
    return [bool(trained & held_out) for trained, held_out in held]


# -------------------------------------------------------------------------------- fit


@pytest.mark.parametrize(
    "form",
    [list, np.asarray, pd.Series, lambda groups: [f"patient {g}" for g in groups]],
    ids=["list", "array", "Series", "strings"],
)
def test_all_images_of_a_group_fall_on_one_side(grouped, held, form):
    X, y, groups = grouped
    tiny().fit(X, y, groups=form(groups))
    tiny().fit(X, y)
    assert overlaps(held) == [False, True]
    trained, held_out = held[0]
    assert trained | held_out == set(range(20))
    assert len(held_out) == 5


def test_the_form_of_the_groups_changes_no_bit(grouped):
    X, y, groups = grouped
    forms = [groups, [f"patient {group}" for group in groups], pd.Series(-groups)]
    curves = [tiny().fit(X, y, groups=form).history_ for form in forms]
    assert curves[0] == curves[1] == curves[2]


@pytest.mark.parametrize("weighted", [False, True])
def test_without_early_stopping_groups_change_nothing(grouped, weighted):
    X, y, groups = grouped
    weights = np.arange(120) % 3 if weighted else None
    alone = tiny(early_stopping=False).fit(X, y, weights)
    with_groups = tiny(early_stopping=False).fit(X, y, weights, groups=groups)
    assert alone.history_ == with_groups.history_
    # One group of all images is fine where nothing is held out.
    tiny(early_stopping=False).fit(X, y, groups=np.zeros(120))


def test_images_of_weight_zero_take_their_groups_with_them(grouped, held):
    X, y, groups = grouped
    tiny().fit(X, y, sample_weight=groups >= 4, groups=groups)
    (trained, held_out) = held[0]
    assert trained | held_out == set(range(4, 20))
    assert not trained & held_out


def test_warm_start_and_a_saved_classifier_hold_out_the_same_groups(
    grouped, held, tmp_path
):
    X, y, groups = grouped
    classifier = tiny(warm_start=True).fit(X, y, groups=groups)
    skcnn.save(classifier, tmp_path / "model")
    classifier.fit(X, y, groups=groups)
    skcnn.load(tmp_path / "model").fit(X, y, groups=groups)
    tiny(random_state=1).fit(X, y, groups=groups)
    assert held[0] == held[1] == held[2] != held[3]


def test_a_checkpoint_is_of_one_grouping(grouped, tmp_path):
    X, y, groups = grouped
    path = tmp_path / "checkpoint"
    first = tiny().fit(X, y, groups=groups, checkpoint=path)
    # The same groups under other names are the same fit.
    again = tiny().fit(X, y, groups=[f"patient {g}" for g in groups], checkpoint=path)
    assert first.history_ == again.history_
    for other in (groups // 2, None):
        with pytest.raises(ValueError, match="a fit with other parameters or other da"):
            tiny().fit(X, y, groups=other, checkpoint=path)


def test_groups_are_not_written_to(grouped):
    X, y, groups = grouped
    groups = groups.copy()
    before = groups.copy()
    groups.flags.writeable = False
    tiny().fit(X, y, groups=groups)
    np.testing.assert_array_equal(groups, before)


# ---------------------------------------------------------------------------- refused


BAD_GROUPS = {
    "other length": (
        lambda y: y[:-1],
        r"Got groups of shape \(119,\), but expected the group of each of the 120 im",
    ),
    "missing": (
        lambda y: [None, *y[1:]],
        r"groups\[0\] is None, but each image needs a group\. Give an image that",
    ),
    "NaN": (lambda y: y * np.nan, r"groups\[0\] is nan, and so are 119 more, but"),
    "one group": (
        lambda y: np.zeros(len(y), int),
        "holds out complete groups of images, but all images are in the group 0. Pass",
    ),
    "a group with a class": (
        lambda y: ["all ones" if label == 1 else i for i, label in enumerate(y)],
        r"but all images of class 1 are in the group 'all ones'\. Pass X_val and y_val",
    ),
}


@pytest.mark.parametrize(
    ("make", "message"), BAD_GROUPS.values(), ids=BAD_GROUPS.keys()
)
def test_bad_groups_are_refused(make, message, grouped, monkeypatch):
    monkeypatch.setattr(fitting, "train", lambda *args: pytest.fail("training began"))
    X, y, _ = grouped
    with pytest.raises(ValueError, match=message):
        tiny().fit(X, y, groups=make(y))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_groups_together_with_validation_images_are_refused(grouped, early_stopping):
    X, y, groups = grouped
    message = "groups was given together with X_val and y_val.* Leave groups out, or"
    with pytest.raises(ValueError, match=message):
        tiny(early_stopping=early_stopping).fit(X, y, X_val=X, y_val=y, groups=groups)


def test_partial_fit_takes_no_groups(grouped):
    X, y, groups = grouped
    message = "no argument groups. partial_fit holds no images out: leave groups out"
    with pytest.raises(TypeError, match=message):
        tiny(early_stopping=False).partial_fit(X, y, groups=groups)


# --------------------------------------------------------------------------- searches


@pytest.fixture
def routing():
    with config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def requesting(routing):
    return tiny().set_fit_request(groups=True)


@pytest.mark.parametrize("routed", [False, True])
def test_groups_for_the_splitter_alone_work_as_before(grouped, held, routed):
    X, y, groups = grouped
    with config_context(enable_metadata_routing=routed):
        search = GridSearchCV(tiny(), {"label_smoothing": [0.0]}, cv=GroupKFold(2))
        search.fit(X, y, groups=groups)
    assert len(held) == 3
    assert all(overlaps(held))


@pytest.mark.parametrize(
    "make",
    [
        partial(GridSearchCV, param_grid={"label_smoothing": [0.0, 0.1]}),
        partial(
            RandomizedSearchCV,
            param_distributions={"label_smoothing": [0.0, 0.1]},
            n_iter=2,
        ),
        partial(WarmHalvingGridSearchCV, param_grid={"label_smoothing": [0.0, 0.1]}),
        partial(
            WarmHalvingRandomSearchCV,
            param_distributions={"label_smoothing": [0.0, 0.1]},
            n_iter=2,
        ),
    ],
    ids=lambda make: make.func.__name__,
)
@pytest.mark.parametrize("splitter", [GroupKFold, StratifiedGroupKFold])
def test_a_search_passes_the_groups_of_a_fold_to_fit(
    grouped, held, requesting, make, splitter
):
    X, y, groups = grouped
    make(estimator=requesting, cv=splitter(2)).fit(X, y, groups=groups)
    assert len(held) == 5
    assert not any(overlaps(held))
    # Two folds of two candidates, then the refit on all images.
    in_fit = [trained | held_out for trained, held_out in held]
    assert in_fit[0] & in_fit[1] == set()
    assert in_fit[0] | in_fit[1] == in_fit[4] == set(range(20))


@pytest.mark.parametrize("function", [cross_val_score, cross_validate])
def test_cross_validation_passes_groups_on(grouped, held, requesting, function):
    X, y, groups = grouped
    function(requesting, X, y, cv=GroupKFold(2), params={"groups": groups})
    assert overlaps(held) == [False, False]


def test_out_of_fold_predictions_respect_groups(grouped, held, requesting):
    X, y, groups = grouped
    cross_val_predict(requesting, X, y, cv=GroupKFold(2), params={"groups": groups})
    assert overlaps(held) == [False, False]


@pytest.mark.parametrize(
    "make",
    [
        lambda clf: make_pipeline(ImageReshaper((8, 8)), clf),
        lambda clf: VotingClassifier([("a", clf), ("b", clone(clf))]),
        lambda clf: OneVsRestClassifier(clf),
        lambda clf: OneVsOneClassifier(clf),
        lambda clf: BaggingClassifier(clf, n_estimators=2, random_state=0),
        lambda clf: CalibratedClassifierCV(clf, cv=GroupKFold(2)),
        lambda clf: GridSearchCV(
            make_pipeline(ImageReshaper((8, 8)), VotingClassifier([("a", clf)])),
            {},
            cv=GroupKFold(2),
            # The method `score` of this pipeline fails with metadata routing, whatever
            # the classifier is.
            scoring="accuracy",
        ),
    ],
    ids=["pipeline", "vote", "rest", "one", "bagging", "calibrated", "nested"],
)
def test_other_meta_estimators_pass_groups_on(grouped, held, requesting, make):
    X, y, groups = grouped
    make(requesting).fit(X.reshape(len(X), -1), y, groups=groups)
    assert len(held) > 0
    assert not any(overlaps(held))


def test_a_search_without_groups_needs_no_request(grouped, routing):
    X, y, _ = grouped
    GridSearchCV(tiny(), {"label_smoothing": [0.0]}, cv=2, refit=False).fit(X, y)


def test_other_metadata_still_have_to_be_requested(grouped, routing):
    X, y, groups = grouped
    search = GridSearchCV(tiny(), {"label_smoothing": [0.0]}, cv=GroupKFold(2))
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        search.fit(X, y, groups=groups, sample_weight=np.ones(len(y)))
