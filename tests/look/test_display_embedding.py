"""Features of images as points in a plane: what is drawn, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skcnn.display import EmbeddingDisplay


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def flat_digits():
    X, y = load_digits(return_X_y=True)
    return X[:400], y[:400]


@pytest.fixture(scope="module")
def fitted(flat_digits):
    return make_pipeline(StandardScaler(), LinearDiscriminantAnalysis()).fit(
        *flat_digits
    )


def legend_of(display):
    legend = display.ax_.get_legend()
    return None if legend is None else [text.get_text() for text in legend.get_texts()]


def written(display):
    return [text.get_text() for text in display.ax_.texts]


def colors_of(display):
    (drawn,) = display.ax_.collections
    return {tuple(color) for color in drawn.get_facecolors()}


def drawn_points(display):
    (drawn,) = display.ax_.collections
    return np.asarray(drawn.get_offsets())


def test_the_points_are_the_first_components_of_the_features(fitted, flat_digits):
    X, y = flat_digits
    display = EmbeddingDisplay.from_estimator(fitted, X, y)
    expected = PCA(n_components=2).fit_transform(fitted.transform(X))
    np.testing.assert_allclose(display.points, expected)
    assert sorted(map(tuple, drawn_points(display))) == sorted(
        map(tuple, display.points)
    )
    np.testing.assert_array_equal(display.class_indices, y)
    assert display.class_names == [str(digit) for digit in range(10)]
    assert display.caption == "PCA of 9 features"
    assert legend_of(display) == display.class_names
    assert len(colors_of(display)) == 10


def test_each_point_has_the_color_of_its_class_in_the_legend(fitted, flat_digits):
    X, y = flat_digits
    display = EmbeddingDisplay.from_estimator(fitted, X, y)
    (drawn,) = display.ax_.collections
    handles = display.ax_.get_legend().legend_handles
    of_point = {
        tuple(point): tuple(color[:3])
        for point, color in zip(
            drawn.get_offsets(), drawn.get_facecolors(), strict=True
        )
    }
    for point, index in zip(display.points, display.class_indices, strict=True):
        assert of_point[tuple(point)] == tuple(handles[index].get_color())


def test_without_labels_there_is_one_color_and_no_legend(fitted, flat_digits):
    display = EmbeddingDisplay.from_estimator(fitted, flat_digits[0])
    assert display.class_indices is None
    assert legend_of(display) is None
    assert len(colors_of(display)) == 1


def test_names_are_written_as_they_are(fitted, flat_digits):
    X, y = flat_digits
    display = EmbeddingDisplay.from_estimator(
        fitted, X, y < 5, display_labels=["$x$ and $y$", "_under"]
    )
    assert legend_of(display) == ["$x$ and $y$", "_under"]
    display.figure_.canvas.draw()


def test_a_list_of_strings_labels_the_points(fitted, flat_digits):
    X, y = flat_digits
    names = ["even" if digit % 2 == 0 else "odd" for digit in y]
    display = EmbeddingDisplay.from_estimator(fitted, X, names)
    assert legend_of(display) == ["even", "odd"]


def test_any_transformer_places_the_points(fitted, flat_digits):
    class Last(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            self.fitted_ = True
            return self

        def transform(self, X):
            return X[:, -2:]

    projection = Last()
    display = EmbeddingDisplay.from_estimator(
        fitted, flat_digits[0], projection=projection
    )
    expected = fitted.transform(flat_digits[0])[:, -2:]
    np.testing.assert_array_equal(display.points, expected)
    assert display.caption == "Last of 9 features"
    assert not hasattr(projection, "fitted_")  # a clone was fitted


def test_it_draws_on_given_axes(fitted, flat_digits):
    figure, (left, right) = plt.subplots(1, 2)
    display = EmbeddingDisplay.from_estimator(fitted, *flat_digits, ax=right)
    assert display.ax_ is right
    assert display.figure_ is figure
    assert display.plot(left).ax_ is left


def test_points_get_smaller_as_they_get_more():
    def size(n_points):
        points = np.random.default_rng(0).normal(size=(n_points, 2))
        (drawn,) = EmbeddingDisplay(points).plot().ax_.collections
        return drawn.get_sizes()[0]

    assert size(10) == size(20) > size(3000) > size(10_000)
    assert size(10**5) > 1


@pytest.mark.parametrize("width", [2.5, 6, 12])
def test_of_many_classes_names_stand_where_there_is_room(width):
    rng = np.random.default_rng(0)
    centers = rng.uniform(0, 10, (100, 2))
    classes = np.repeat(np.arange(100), 5)
    points = centers[classes] + rng.normal(0, 0.1, (500, 2))
    names = [f"${i}$ name" for i in range(100)]
    figure, ax = plt.subplots(figsize=(width, 0.8 * width))
    display = EmbeddingDisplay(points, class_indices=classes, class_names=names)
    display.plot(ax)
    assert legend_of(display) is None
    assert len(colors_of(display)) == 100
    assert 3 < len(written(display)) < 100
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
    for text in ax.texts:
        index = names.index(text.get_text())
        place = np.median(points[classes == index], axis=0)
        np.testing.assert_allclose(text.get_position(), place)


def test_names_are_among_the_points_where_a_legend_would_leave_the_figure():
    points = np.random.default_rng(0).normal(size=(60, 2))
    options = {"class_indices": np.arange(60) % 3, "class_names": ["a", "b", "c"]}
    figure, ax = plt.subplots(figsize=(2, 2))
    display = EmbeddingDisplay(points, **options).plot(ax)
    assert legend_of(display) is None
    assert written(display)
    figure, ax = plt.subplots(figsize=(5, 5))
    display = EmbeddingDisplay(points, **options).plot(ax)
    figure.canvas.draw()
    assert display.ax_.get_legend().get_window_extent().x1 <= figure.bbox.x1


def test_twenty_classes_have_a_legend_of_two_columns():
    points = np.random.default_rng(0).normal(size=(60, 2))
    names = [f"class {i}" for i in range(20)]
    display = EmbeddingDisplay(
        points, class_indices=np.arange(60) % 20, class_names=names
    ).plot()
    assert legend_of(display) == names
    assert len(colors_of(display)) == 20


def test_what_cannot_be_drawn_is_refused(fitted, flat_digits):
    X, y = flat_digits
    with pytest.raises(NotFittedError):
        EmbeddingDisplay.from_estimator(PCA(), X)
    with pytest.raises(TypeError, match="KNeighborsClassifier, which has no transform"):
        EmbeddingDisplay.from_estimator(KNeighborsClassifier().fit(X, y), X)
    with pytest.raises(TypeError, match="Got 'tsne' as projection, but expected a tra"):
        EmbeddingDisplay.from_estimator(fitted, X, projection="tsne")
    with pytest.raises(ValueError, match=r"shape \(400, 3\) for 400 images.*n_compone"):
        EmbeddingDisplay.from_estimator(fitted, X, projection=PCA(n_components=3))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        EmbeddingDisplay.from_estimator(fitted, X, y[:-1])
    with pytest.raises(ValueError, match="Got 2 display_labels for the 10 classes"):
        EmbeddingDisplay.from_estimator(fitted, X, y, display_labels=["a", "b"])
