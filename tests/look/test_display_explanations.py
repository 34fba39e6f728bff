"""Pictures of what a classifier gets wrong and why: what is drawn, and refused."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skcnn import MNISTCNNClassifier
from skcnn.display import (
    ClassActivationDisplay,
    ClassReportDisplay,
    ConfusedPairsDisplay,
    LabelIssuesDisplay,
    MisclassifiedImagesDisplay,
    OcclusionDisplay,
    TopLabelCalibrationDisplay,
)
from skcnn.display._class_activation import contributions
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
    assert written(display)[2:4] == ["label: a", "predicted: b, 95%"]


def test_label_and_prediction_differ_in_color_and_words():
    display = MisclassifiedImagesDisplay.from_predictions(X, Y, PROBA)
    texts = display.ax_.texts[1:]
    label = {t.get_color() for t in texts if t.get_text().startswith("label: ")}
    predicted = {t.get_color() for t in texts if t.get_text().startswith("predicted: ")}
    assert len(label) == len(predicted) == 1 and label != predicted


@pytest.mark.parametrize("display", [MisclassifiedImagesDisplay, LabelIssuesDisplay])
@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_colors_stand_out_from_the_background(style, display):
    proba = np.tile([[0.99, 0.01], [0.01, 0.99]], (5, 1))
    with plt.style.context(style):
        shown = display.from_predictions(
            np.zeros((10, 4, 4)), np.r_[np.arange(8) % 2, 1, 0], proba
        )
    background = luminance(shown.figure_.get_facecolor())
    for text in shown.ax_.texts:
        light, dark = sorted([luminance(text.get_color()), background], reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 3.5


def luminance(color):
    """Return the relative luminance of a color, as WCAG 2 defines it."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


@pytest.mark.parametrize(
    ("n_mistakes", "max_images", "headline"),
    [
        (3, 25, "3 mistakes among 1,200 images, the most confident first"),
        (3, 2, "2 of 3 mistakes among 1,200 images, the most confident first"),
        (1, 25, "1 mistake among 1,200 images"),
        (0, 25, "No mistake among 1,200 images."),
    ],
)
def test_the_total_of_mistakes_is_named(n_mistakes, max_images, headline):
    y = np.zeros(1200, int)
    proba = np.tile([0.9, 0.1], (1200, 1))
    proba[:n_mistakes] = [0.2, 0.8]
    display = MisclassifiedImagesDisplay.from_predictions(
        np.zeros((1200, 4, 4)), y, proba, classes=[0, 1], max_images=max_images
    )
    assert " ".join(" ".join(written(display)).split()).startswith(headline)
    assert display.n_found == n_mistakes and display.n_samples == 1200


def test_class_names_and_number_of_images():
    display = MisclassifiedImagesDisplay.from_predictions(
        X, Y, PROBA, display_labels=["ant", "bee"], max_images=1
    )
    assert written(display)[-2:] == ["label: ant", "predicted: bee, 95%"]


def test_columns_in_another_order():
    display = MisclassifiedImagesDisplay.from_predictions(
        X, Y, PROBA[:, ::-1], classes=["b", "a"]
    )
    assert display.indices.tolist() == [3, 1, 4]


def test_no_mistake_is_said_in_the_picture():
    display = MisclassifiedImagesDisplay.from_predictions(
        X[:1], Y[:1], [[1.0, 0.0]], classes=["a", "b"]
    )
    assert written(display) == ["No mistake among 1 image."]
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


NAMES = {
    "short": "{}",
    "long": "a quite long name of class {}",
    "one_word": "Donaudampfschifffahrtsgesellschaft{}",
    "with_underscores": "sea_cucumber_holothuria_{}",
    "cyrillic": "довольно длинное название {}",
}
KINDS = [
    kind if kind == "long" else pytest.param(kind, marks=pytest.mark.slow)
    for kind in NAMES
]


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 100])
@pytest.mark.parametrize("size", [(3, 3), None])
@pytest.mark.parametrize("kind", KINDS)
def test_names_are_complete_legible_and_apart_at_every_size(kind, size, n_classes):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (120, 8, 8, 3), np.uint8)
    labels = np.arange(120) % n_classes
    proba = rng.dirichlet(np.ones(n_classes), 120)
    names = [NAMES[kind].format(i) for i in range(n_classes)]
    ax = None if size is None else plt.subplots(figsize=size, layout="constrained")[1]
    display = MisclassifiedImagesDisplay.from_predictions(
        images, labels, proba, display_labels=names, ax=ax
    )
    display.figure_.canvas.draw()
    texts = display.ax_.texts
    assert min(text.get_size() for text in texts) >= 6
    drawn = "".join(text.get_text() for text in texts).replace(" ", "")
    for name in display.labels[: len(display.ax_.get_images())]:
        assert f"label:{name}predicted:".replace(" ", "") in drawn
    check_that_nothing_overlaps(display)


def check_that_nothing_overlaps(display):
    """Check that texts and images are apart and inside the figure."""
    frame = display.figure_.bbox
    artists = [*display.ax_.texts, *display.ax_.get_images()]
    extents = np.array([artist.get_window_extent().extents for artist in artists])
    assert (extents[:, :2] >= frame.min).all() and (extents[:, 2:] <= frame.max).all()
    # Width and height of what each two of them have in common.
    start = np.maximum(extents[:, None, :2], extents[:, :2])
    end = np.minimum(extents[:, None, 2:], extents[:, 2:])
    np.testing.assert_array_equal(
        np.argwhere((end - start > [1, 1.5]).all(axis=-1)),
        np.column_stack([np.arange(len(artists))] * 2),
    )


def pairs_of(y, predicted, n_classes=3, **options):
    proba = np.full((len(y), n_classes), 0.1)
    proba[np.arange(len(y)), predicted] = 1 + np.arange(len(y)) / 100
    proba /= proba.sum(axis=1, keepdims=True)
    images = np.zeros((len(y), 4, 4), np.uint8) + np.arange(len(y))[:, None, None]
    images = images.astype(np.uint8)
    return ConfusedPairsDisplay.from_predictions(
        images, y, proba, classes=range(n_classes), **options
    )


def test_the_most_confused_pairs_come_first_with_their_most_confident_images():
    y, predicted = [0, 0, 0, 1, 1, 1, 2, 0], [1, 2, 1, 0, 1, 1, 2, 1]
    display = pairs_of(y, predicted, display_labels=["ant", "bee", "cat"])
    pairs = list(zip(display.labels, display.predictions, display.counts, strict=True))
    assert pairs == [("ant", "bee", 3), ("ant", "cat", 1), ("bee", "ant", 1)]
    assert display.totals.tolist() == [4, 4, 3]
    assert [images[:, 0, 0, 0].tolist() for images in display.images] == [
        *([7, 2, 0], [1], [3])
    ]
    text = " ".join(written(display))
    assert text.startswith("3 confused pairs of classes, the most frequent first")
    assert "label: ant predicted: bee 3 of 4 images (75.0%)" in text
    assert len(display.ax_.get_images()) == 5


def test_fewer_pairs_and_images_on_request():
    y, predicted = [0, 0, 0, 1, 1, 1, 2, 0], [1, 2, 1, 0, 1, 1, 2, 1]
    display = pairs_of(y, predicted, max_pairs=1, max_images=2)
    assert " ".join(written(display)).startswith("1 of 3 confused pairs")
    assert len(display.ax_.get_images()) == 2 and display.n_found == 3


def test_one_pair_and_none():
    text = " ".join(written(pairs_of([0, 1], [0, 2])))
    assert text.startswith("1 confused pair of classes label: 1 predicted: 2 1 of 1")
    assert written(pairs_of([0, 1], [0, 1])) == ["No mistake among 2 images."]


@pytest.mark.parametrize("size", [(3, 3), None])
@pytest.mark.parametrize("kind", KINDS)
def test_names_of_pairs_are_complete_and_apart_at_every_size(kind, size):
    rng = np.random.default_rng(0)
    y, predicted = rng.integers(0, 100, (2, 300))
    ax = None if size is None else plt.subplots(figsize=size, layout="constrained")[1]
    names = [NAMES[kind].format(i) for i in range(100)]
    display = pairs_of(y, predicted, 100, display_labels=names, ax=ax)
    display.figure_.canvas.draw()
    texts = display.ax_.texts
    assert min(text.get_size() for text in texts) >= 6
    drawn = "".join(text.get_text() for text in texts).replace(" ", "")
    shown = drawn.count("label:")
    assert shown >= 2 and "…" not in drawn
    for name, prediction in list(zip(display.labels, display.predictions, strict=True))[
        :shown
    ]:
        assert f"label:{name}predicted:{prediction}".replace(" ", "") in drawn
    check_that_nothing_overlaps(display)


def test_pairs_of_a_fitted_estimator(logistic, flat_digits):
    flat, y = flat_digits
    display = ConfusedPairsDisplay.from_estimator(logistic, flat[500:], y[500:])
    matrix = confusion_matrix(y[500:], logistic.predict(flat[500:]))
    np.fill_diagonal(matrix, 0)
    assert display.counts[0] == matrix.max()
    assert display.n_found == np.count_nonzero(matrix)
    assert len(display.images) == 6 and display.images[0].shape[1:] == (8, 8, 1)


def test_the_report_has_the_numbers_of_scikit_learn_the_worst_class_first():
    y_true, y_pred = ["a", "a", "b", "b", "c", "c"], ["a", "b", "b", "b", "b", "b"]
    names = ["ant", "bee", "$c$"]
    display = ClassReportDisplay.from_predictions(y_true, y_pred, display_labels=names)
    expected = precision_recall_fscore_support(y_true, y_pred, zero_division=np.nan)
    np.testing.assert_allclose(display.scores, np.column_stack(expected[:3]))
    assert display.support.tolist() == [2, 2, 2]
    assert display.ax_.get_title(loc="left") == "Accuracy 50.0% on 6 images"
    rows = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert rows == ["$c$", "bee", "ant"]
    assert not display.ax_.get_yticklabels()[0].get_parse_math()
    assert written(display)[:6] == ["-", "0.0%", "0.0%", "40.0%", "100.0%", "57.1%"]
    assert written(display)[-3:] == ["2", "2", "2"]


def test_a_class_without_images_comes_last_and_has_no_scores():
    display = ClassReportDisplay.from_predictions([0, 1], [0, 1], labels=[0, 1, 2])
    rows = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert rows[-1] == "2"
    assert written(display)[6:9] == ["-", "-", "-"] and written(display)[-1] == "0"


@pytest.mark.slow
@pytest.mark.parametrize("size", [(3, 3), None])
@pytest.mark.parametrize("n_classes", [2, 100])
@pytest.mark.parametrize("kind", KINDS)
def test_reports_are_legible_at_every_size(kind, n_classes, size):
    y = np.arange(300) % n_classes
    predicted = np.where(np.arange(300) % 7, y, (y + 1) % n_classes)
    ax = None if size is None else plt.subplots(figsize=size, layout="constrained")[1]
    names = [NAMES[kind].format(i) for i in range(n_classes)]
    display = ClassReportDisplay.from_predictions(
        y, predicted, display_labels=names, ax=ax
    )
    display.figure_.canvas.draw()
    texts = [
        *display.ax_.texts,
        *display.ax_.get_yticklabels(),
        *display.ax_.get_xticklabels(),
        display.ax_.title,
    ]
    shown = len(display.ax_.get_yticklabels())
    assert shown == min(n_classes, 25) or size == (3, 3)
    title = " ".join(display.ax_.get_title(loc="left").split())
    assert (f"the {shown} of 100 classes with the lowest" in title) == (
        shown < n_classes
    )
    names = {name.replace(" ", "") for name in names}
    for label in display.ax_.get_yticklabels():
        assert "".join(label.get_text().split()) in names
    frame = display.figure_.bbox
    for text in texts:
        box = text.get_window_extent()
        assert frame.x0 <= box.x0 + 1 and box.x1 <= frame.x1 + 1, text
        assert text.get_size() >= 6


def test_the_report_of_a_fitted_estimator(logistic, flat_digits):
    flat, y = flat_digits
    display = ClassReportDisplay.from_estimator(logistic, flat[500:], y[500:])
    assert display.accuracy == logistic.score(flat[500:], y[500:])
    assert display.class_names == [str(digit) for digit in range(10)]


def test_the_curve_of_confidences_is_scikit_learn_s_of_correct_predictions():
    rng = np.random.default_rng(0)
    y, proba = rng.integers(0, 4, 500), rng.dirichlet(np.ones(4) / 2, 500)
    display = TopLabelCalibrationDisplay.from_predictions(y, proba, n_bins=5)
    correct = proba.argmax(axis=1) == y
    expected = calibration_curve(correct, proba.max(axis=1), n_bins=5)
    np.testing.assert_array_equal(display.line_.get_ydata(), expected[0])
    np.testing.assert_array_equal(display.line_.get_xdata(), expected[1])
    assert display.accuracy == correct.mean()
    curve, histogram = display.axes_
    heights = [patch.get_height() for patch in histogram.patches]
    assert sum(heights) == 500
    assert f"Accuracy {correct.mean():.1%}, " in curve.get_title()
    equally_many = TopLabelCalibrationDisplay.from_predictions(
        y, proba, n_bins=5, strategy="quantile"
    )
    assert len(equally_many.prob_true) == 5


@pytest.mark.slow
@pytest.mark.parametrize("side", [3, 9])
@pytest.mark.parametrize("accuracy", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("confidence", [0.1, 0.5, 0.95])
def test_texts_of_a_calibration_are_not_on_the_curve(side, accuracy, confidence):
    means = np.clip([confidence - 0.1, confidence], 0, 1)
    display = TopLabelCalibrationDisplay(
        [accuracy, accuracy], means, confidences=means, accuracy=accuracy
    )
    _, ax = plt.subplots(figsize=(side, side), layout="constrained")
    display.plot(ax)
    display.figure_.canvas.draw()
    curve = display.axes_[0]
    line = curve.transData.transform(display.line_.get_xydata())
    for text in curve.texts:
        box = text.get_window_extent()
        assert not any(box.contains(*point) for point in line)
    # A corner that the curve leaves free has its text.
    if 0.3 < accuracy < 0.7:
        assert len(curve.texts) == 2
    title = curve.title.get_window_extent()
    assert title.x1 <= display.figure_.bbox.x1
    assert ("\n" in curve.get_title()) == (side == 3)


@pytest.mark.parametrize("right", [True, False])
def test_calibration_of_a_classifier_that_is_always_right_or_wrong(right):
    proba = np.tile([[0.9, 0.1], [0.0, 1.0 + 1e-9]], (5, 1))
    y = np.tile([0, 1] if right else [1, 0], 5)
    display = TopLabelCalibrationDisplay.from_predictions(y, proba, classes=[0, 1])
    assert set(display.prob_true) == {float(right)}


def test_calibration_of_a_fitted_estimator_on_given_axes(logistic, flat_digits):
    flat, y = flat_digits
    _, ax = plt.subplots()
    display = TopLabelCalibrationDisplay.from_estimator(
        logistic, flat[500:], y[500:], ax=ax
    )
    assert display.figure_ is ax.figure and not ax.axison
    assert display.confidences.shape == (len(y) - 500,)


@pytest.mark.parametrize(
    ("display", "options", "message"),
    [
        (ConfusedPairsDisplay, {"max_pairs": 0}, "max_pairs=0"),
        (ConfusedPairsDisplay, {"max_images": 1.5}, "max_images=1.5"),
        (ClassReportDisplay, {"max_classes": 0}, "max_classes=0"),
        (TopLabelCalibrationDisplay, {"n_bins": 0}, "n_bins=0"),
        (TopLabelCalibrationDisplay, {"strategy": "x"}, "strategy"),
        (ClassReportDisplay, {"display_labels": ["a"]}, "1 display_labels for the 10"),
        (ConfusedPairsDisplay, {"display_labels": ["a"]}, "1 display_labels for"),
    ],
)
def test_wrong_options_are_refused(display, options, message, logistic, flat_digits):
    flat, y = flat_digits
    with pytest.raises(ValueError, match=message):
        display.from_estimator(logistic, flat[500:], y[500:], **options)
    assert not plt.get_fignums()


def test_label_issues_are_shown():
    y = ["right", "left", "right", "right"]
    proba = [[0.1, 0.9], [0.9, 0.1], [0.2, 0.8], [0.95, 0.05]]
    display = LabelIssuesDisplay.from_predictions(X[:4], y, proba)
    assert display.indices.tolist() == [3]
    assert written(display)[-2:] == ["label: right", "suggested: left, 95%"]
    display = LabelIssuesDisplay.from_predictions(X[:3], y[:3], proba[:3])
    assert written(display) == ["No doubtful label among 3 images."]


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


def test_the_map_is_beside_the_image_it_explains():
    image = np.zeros((1, 8, 8, 3), np.uint8)
    image[0, 0, 0] = [255, 0, 0]
    display = OcclusionDisplay.from_estimator(SeesOneCorner(), image, patch_size=2)
    original, covered = display.axes_
    np.testing.assert_array_equal(original.get_images()[0].get_array(), image[0] / 255)
    gray, overlay = covered.get_images()
    assert gray.get_array().shape == (8, 8)
    np.testing.assert_array_equal(overlay.get_array(), display.importances)
    assert covered.get_title() == "light: 100%"
    _, ax = plt.subplots()
    again = display.plot(ax)
    assert again is display and not ax.axison and again.figure_ is ax.figure


@pytest.mark.parametrize("size", [(3, 3), (3, 2), (7, 3)])
def test_what_the_map_shows_is_said_inside_of_the_figure(size):
    image = np.zeros((1, 8, 8, 3), np.uint8)
    figure, ax = plt.subplots(figsize=size)
    display = OcclusionDisplay.from_estimator(SeesOneCorner(), image, ax=ax)
    figure.canvas.draw()
    label = display.axes_[1].xaxis.label
    assert label.get_text().split() == ["probability", "lost", "when", "covered"]
    box = label.get_window_extent()
    assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1
    assert figure.bbox.y0 <= box.y0


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


LINEAR_ENDS = {
    "flatten": {"global_pooling": False},
    "global_max": {"global_pooling": True},
}


@pytest.fixture(
    scope="module",
    params=["flatten", pytest.param("global_max", marks=pytest.mark.slow)],
)
def linear(request, digits):
    images, y = digits
    clf = MNISTCNNClassifier(
        filters=4,
        epochs=1,
        dense_units=(),
        test_time_augmentation=None,
        random_state=0,
        **LINEAR_ENDS[request.param],
    )
    return clf.fit(images[:100], y[:100])


@pytest.mark.any_backend
def test_contributions_of_all_positions_add_up_to_the_logits(linear, digits):
    image = digits[0][:1].reshape(1, *linear.image_shape_)
    maps = contributions(linear.model_, image)
    assert maps.shape[-1] == 10 and maps[..., 0].size > 1
    logits = maps.sum(axis=(0, 1)) + linear.model_.get_layer("logits").get_weights()[1]
    np.testing.assert_allclose(
        softmax(logits), linear.predict_proba(digits[0][:1])[0], rtol=1e-4
    )


@pytest.mark.slow
def test_the_map_of_a_class_is_relative_to_the_mean_of_all(linear, digits):
    image = digits[0][:1]
    maps = [
        ClassActivationDisplay.from_estimator(linear, image, label=label)
        for label in linear.classes_
    ]
    total = np.sum([display.activations for display in maps], axis=0)
    np.testing.assert_allclose(total, 0, atol=1e-5)
    assert maps[0].activations.shape == (8, 8)
    predicted = ClassActivationDisplay.from_estimator(linear, image)
    probabilities = linear.predict_proba(image)[0]
    assert predicted.label == str(probabilities.argmax())
    assert predicted.probability == pytest.approx(probabilities.max(), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("container", ["pipeline", "search", "rows"])
def test_the_network_is_found_and_gets_what_the_steps_before_it_make(
    container, linear, digits
):
    images, y = digits
    expected = ClassActivationDisplay.from_estimator(linear, images[:1]).activations
    estimator, given = linear, images[:1]
    if container == "rows":
        given = images[:1].reshape(1, -1)
    elif container == "pipeline":
        reshaper = ImageReshaper((8, 8)).fit(images)
        estimator, given = make_pipeline(reshaper, linear), images[:1].reshape(1, -1)
    elif container == "search":
        search = GridSearchCV(clone(linear), {"epochs": [1]}, cv=2)
        estimator = search.fit(images[:100], y[:100])
        expected = ClassActivationDisplay.from_estimator(
            search.best_estimator_, given
        ).activations
    found = ClassActivationDisplay.from_estimator(estimator, given).activations
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_networks_without_a_map_are_refused(digits):
    images, y = digits
    hidden = MNISTCNNClassifier(filters=4, epochs=1, dense_units=8)
    hidden.fit(images[:60], y[:60])
    with pytest.raises(ValueError, match=r"another way.*hidden dense.*Occlusion"):
        ClassActivationDisplay.from_estimator(hidden, images[:1])
    with pytest.raises(TypeError, match="SeesOneCorner without a network"):
        ClassActivationDisplay.from_estimator(SeesOneCorner(), X[:1])
    assert not plt.get_fignums()


def test_unfitted_is_refused():
    with pytest.raises(NotFittedError):
        OcclusionDisplay.from_estimator(LogisticRegression(), X[:1])
    with pytest.raises(NotFittedError):
        MisclassifiedImagesDisplay.from_estimator(LogisticRegression(), X, Y)
