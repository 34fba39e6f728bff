"""Pictures of what a classifier gets wrong and why: what is drawn, and refused."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skcnn.display import (
    LabelIssuesDisplay,
    MisclassifiedImagesDisplay,
    OcclusionDisplay,
)
from skcnn.preprocessing import ImageReshaper


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


X = np.arange(5 * 4 * 4, dtype=np.uint8).reshape(5, 4, 4)
Y = np.array(["a", "b", "b", "a", "b"])
#            right, wrong, right, wrong, wrong
PROBA = np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.05, 0.95], [0.6, 0.4]])


def written(display):
    return [text.get_text() for text in display.ax_.texts]


def test_the_most_confident_mistakes_come_first():
    display = MisclassifiedImagesDisplay.from_predictions(X, Y, PROBA)
    assert display.indices.tolist() == [3, 1, 4]
    np.testing.assert_array_equal(display.images[..., 0], X[[3, 1, 4]])
    assert display.labels == ["a", "b", "b"]
    assert display.predictions == ["b", "a", "a"]
    assert display.probabilities.tolist() == [0.95, 0.7, 0.6]
    assert written(display)[:2] == ["a", "→ 95% b"]


def test_class_names_and_number_of_images():
    display = MisclassifiedImagesDisplay.from_predictions(
        X, Y, PROBA, display_labels=["ant", "bee"], max_images=1
    )
    assert written(display) == ["ant", "→ 95% bee"]


def test_columns_in_another_order():
    display = MisclassifiedImagesDisplay.from_predictions(
        X, Y, PROBA[:, ::-1], classes=["b", "a"]
    )
    assert display.indices.tolist() == [3, 1, 4]


def test_no_mistake_is_said_in_the_picture():
    display = MisclassifiedImagesDisplay.from_predictions(
        X[:1], Y[:1], [[1.0, 0.0]], classes=["a", "b"]
    )
    assert written(display) == ["No image is misclassified."]
    _, ax = plt.subplots()
    assert display.plot(ax).ax_ is ax


@pytest.fixture(scope="module")
def flat_digits():
    return load_digits(return_X_y=True)


@pytest.fixture(scope="module")
def logistic(flat_digits):
    flat, y = flat_digits
    return LogisticRegression(max_iter=500).fit(flat[:500], y[:500])


def test_from_an_estimator_of_any_package(logistic, flat_digits):
    flat, y = flat_digits
    display = MisclassifiedImagesDisplay.from_estimator(logistic, flat[500:], y[500:])
    wrong = np.flatnonzero(logistic.predict(flat[500:]) != y[500:])
    assert set(display.indices) <= set(wrong) and len(display.indices) == 25
    assert display.images.shape == (25, 8, 8, 1)


def test_the_user_s_images_are_shown_not_the_pipeline_s(logistic, flat_digits):
    flat, y = flat_digits
    pipeline = make_pipeline(FlatteningForSklearn(), logistic)
    images = flat[500:].reshape(-1, 8, 8)
    display = MisclassifiedImagesDisplay.from_estimator(pipeline, images, y[500:])
    np.testing.assert_array_equal(display.images[..., 0], images[display.indices])


class FlatteningForSklearn(ImageReshaper):
    """For classifiers that take flat rows only."""

    def __sklearn_is_fitted__(self):
        return True

    def transform(self, X):
        return X.reshape(len(X), -1)


@pytest.mark.parametrize("n_classes", [2, 100])
@pytest.mark.parametrize("size", [(4, 3), (12, 9)])
def test_texts_stay_inside_at_every_size(n_classes, size):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (200, 8, 8, 3), np.uint8)
    labels = np.arange(200) % n_classes
    proba = rng.dirichlet(np.ones(n_classes), 200)
    names = [f"a quite long name of class {i}" for i in range(n_classes)]
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    display = MisclassifiedImagesDisplay.from_predictions(
        images, labels, proba, display_labels=names, ax=ax
    )
    figure.canvas.draw()
    frame = figure.bbox.expanded(1.02, 1.02)
    for text in display.ax_.texts:
        box = text.get_window_extent()
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1
        assert "%" in text.get_text() or "→" not in text.get_text()


def test_label_issues_are_shown():
    y = ["right", "left", "right", "right"]
    proba = [[0.1, 0.9], [0.9, 0.1], [0.2, 0.8], [0.95, 0.05]]
    display = LabelIssuesDisplay.from_predictions(X[:4], y, proba)
    assert display.indices.tolist() == [3]
    assert written(display) == ["right", "→ 95% left"]
    display = LabelIssuesDisplay.from_predictions(X[:3], y[:3], proba[:3])
    assert written(display) == ["No label is in doubt."]


@pytest.mark.parametrize(
    "images, y, proba, options, message",
    [
        (X[:0], Y[:0], PROBA[:0], {}, "X holds no images"),
        (X, Y[:4], PROBA, {}, "4 labels for 5 images"),
        (X, Y, PROBA[:4], {}, "4 rows of y_proba for 5 labels"),
        (X, Y, PROBA * 2, {}, "not probabilities"),
        (X, Y, PROBA, {"display_labels": ["a"]}, "1 display_labels for the 2 classes"),
        (X, Y, PROBA, {"max_images": 0}, "max_images=0"),
        (X, Y, PROBA, {"classes": ["a", "c"]}, r"labels \['b'\]"),
    ],
)
@pytest.mark.parametrize("display", [MisclassifiedImagesDisplay, LabelIssuesDisplay])
def test_what_does_not_fit_is_refused(display, images, y, proba, options, message):
    with pytest.raises(ValueError, match=message):
        display.from_predictions(images, y, proba, **options)
    assert not plt.get_fignums()


class SeesOneCorner(ClassifierMixin, BaseEstimator):
    """A classifier whose probability is the top left pixel."""

    classes_ = np.array(["dark", "light"])

    def __sklearn_is_fitted__(self):
        return True

    def fit(self, X, y):
        return self

    def predict_proba(self, X):
        self.seen = X
        light = np.asarray(X, float).reshape(len(X), -1)[:, 0] / 255
        return np.column_stack([1 - light, light])


def test_the_corner_that_counts_is_marked():
    image = np.zeros((1, 8, 8), np.uint8)
    image[0, 0, 0] = 255
    before = image.copy()
    display = OcclusionDisplay.from_estimator(SeesOneCorner(), image, patch_size=2)
    assert display.label == "light" and display.probability == 1
    top = np.unravel_index(display.importances.argmax(), (8, 8))
    assert top == (0, 0)
    # One patch covers the corner, and gives it the mean, 255 / 64.
    assert display.importances[0, 0] == pytest.approx(1 - 4 / 255)
    assert not display.importances[2:].any() and not display.importances[:, 2:].any()
    np.testing.assert_array_equal(image, before)
    dark = OcclusionDisplay.from_estimator(
        SeesOneCorner(), image, label="dark", patch_size=2
    )
    np.testing.assert_allclose(dark.importances, -display.importances)


@pytest.mark.parametrize("form", ["n-D", "channels", "flat", "frame"])
def test_the_classifier_gets_the_form_that_it_was_given(form):
    image = np.full((1, 6, 6), 7, np.uint8)
    if form == "channels":
        image = image[..., None]
    elif form in ("flat", "frame"):
        image = image.reshape(1, -1)
    if form == "frame":
        image = pd.DataFrame(image).rename(columns="p{}".format)
    clf = SeesOneCorner()
    OcclusionDisplay.from_estimator(clf, image)
    assert type(clf.seen) is type(image) and clf.seen.shape[1:] == image.shape[1:]
    if form == "frame":
        assert list(clf.seen.columns) == list(image.columns)
    else:
        assert clf.seen.dtype == np.uint8


def test_every_pixel_is_covered_whatever_the_stride():
    display = OcclusionDisplay.from_estimator(
        SeesOneCorner(), np.zeros((1, 7, 9)), patch_size=3, stride=3
    )
    assert np.isfinite(display.importances).all()


@pytest.mark.parametrize(
    "n, options, message",
    [
        (2, {}, "Got 2 images, but one is explained"),
        (0, {}, "X holds no images"),
        (1, {"patch_size": 5}, "patch_size=5 for an image of 4 x 4"),
        (1, {"patch_size": 0}, "patch_size=0"),
        (1, {"stride": 0}, "stride=0"),
        (1, {"label": "gray"}, r"label='gray'.*\['dark', 'light'\]"),
    ],
)
def test_wrong_occlusions_are_refused(n, options, message):
    with pytest.raises(ValueError, match=message):
        OcclusionDisplay.from_estimator(SeesOneCorner(), X[:n], **options)


def test_unfitted_is_refused():
    with pytest.raises(NotFittedError):
        OcclusionDisplay.from_estimator(LogisticRegression(), X[:1])
    with pytest.raises(NotFittedError):
        MisclassifiedImagesDisplay.from_estimator(LogisticRegression(), X, Y)
