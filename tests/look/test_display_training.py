"""Pictures of training and of searches: what is drawn, and what is refused."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from tiny import tiny_classifier

from skcnn import MNISTCNNClassifier
from skcnn.display import LossCurveDisplay, SearchResultsDisplay


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


HISTORY = {
    "loss": [0.9, 0.5, 0.4],
    "accuracy": [0.5, 0.8, 0.9],
    "val_loss": [0.8, 0.4, 0.5],
    "val_accuracy": [0.6, 0.9, 0.9],
}


def test_curves_and_the_best_epoch():
    display = LossCurveDisplay(HISTORY).plot()
    for name, values in HISTORY.items():
        line = display.lines_[name]
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert list(line.get_ydata()) == values
        assert line.axes is display.axes_[0 if "loss" in name else 1]
    assert display.best_epoch == 2
    assert "best epoch: 2 (90.0%)" in display.axes_[1].get_legend_handles_labels()[1]
    assert [ax.get_title() for ax in display.axes_] == ["loss", "accuracy"]


def test_without_validation_no_epoch_is_best():
    history = {"loss": [1.0, 0.8], "accuracy": [0.5, 0.6]}
    display = LossCurveDisplay(history).plot()
    assert display.best_epoch is None and set(display.lines_) == {"loss", "accuracy"}
    assert not display.axes_[0].get_legend() and not display.axes_[1].get_legend()


def test_one_epoch_is_bars_with_their_values():
    history = {name: values[:1] for name, values in HISTORY.items()}
    display = LossCurveDisplay(history).plot()
    assert display.lines_ == {} and set(display.bars_) == set(HISTORY)
    written = [[text.get_text() for text in ax.texts] for ax in display.axes_]
    assert written == [["0.9", "0.8"], ["50.0%", "60.0%"]]
    for ax in display.axes_:
        names = [label.get_text() for label in ax.get_yticklabels()]
        assert names == ["training", "validation"]
        assert ax.get_xlabel() == "after 1 epoch"
    display = LossCurveDisplay({"loss": [1.0], "accuracy": [0.5]}).plot()
    assert set(display.bars_) == {"loss", "accuracy"}


def test_axes_that_are_given_are_replaced():
    figure, (_, right) = plt.subplots(1, 2)
    display = LossCurveDisplay(HISTORY).plot(right)
    assert display.figure_ is figure
    figure.canvas.draw()
    place = right.get_position()
    assert all(place.x0 - 0.01 <= ax.get_position().x0 for ax in display.axes_)


def test_narrow_axes_have_loss_above_accuracy():
    for size, below in (((8, 3), False), ((3, 3), True)):
        figure, ax = plt.subplots(figsize=size, layout="constrained")
        loss, accuracy = LossCurveDisplay(HISTORY).plot(ax).axes_
        figure.canvas.draw()
        assert (accuracy.get_position().y1 < loss.get_position().y0) == below


def test_axes_that_are_in_no_grid_are_replaced_too():
    ax = plt.figure().add_axes([0.5, 0.1, 0.4, 0.8])
    loss, accuracy = LossCurveDisplay(HISTORY).plot(ax).axes_
    box = ax.get_position()
    for one in (loss, accuracy):
        place = one.get_position()
        assert box.x0 - 0.01 <= place.x0 and place.x1 <= box.x1 + 0.01


@pytest.fixture(scope="module")
def clf(digits):
    X, y = digits
    return tiny_classifier().fit(X[:100], y[:100])


@pytest.mark.parametrize("container", ["classifier", "pipeline", "search"])
def test_the_classifier_is_found(container, clf, digits):
    estimator = clf
    if container == "pipeline":
        estimator = make_pipeline(clf)
    elif container == "search":
        search = GridSearchCV(make_pipeline(clf), {"mnistcnnclassifier__epochs": [2]})
        estimator = search.set_params(cv=2).fit(digits[0][:60], digits[1][:60])
    display = LossCurveDisplay.from_estimator(estimator)
    assert len(display.history["loss"]) == 2


def test_loss_curves_of_others_are_refused(digits):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(MNISTCNNClassifier())
    neighbours = KNeighborsClassifier().fit([[0], [1]], [0, 1])
    with pytest.raises(TypeError, match="KNeighborsClassifier without a history"):
        LossCurveDisplay.from_estimator(neighbours)


@pytest.fixture(scope="module")
def data():
    X, y = load_digits(return_X_y=True)
    return X[:200], y[:200]


def searched(grid, data, **options):
    search = GridSearchCV(KNeighborsClassifier(), grid, cv=2, **options)
    return search.fit(*data)


def test_one_numeric_parameter_is_a_curve(data):
    search = searched({"n_neighbors": [100, 1, 10], "p": [2]}, data)
    ax = SearchResultsDisplay.from_estimator(search).ax_
    assert ax.get_xlabel() == "n_neighbors" and ax.get_xscale() == "log"
    curve, best = ax.lines[0], ax.lines[-1]
    assert curve.get_xdata().tolist() == [1, 10, 100]
    assert best.get_ydata() == [search.best_score_]


def test_a_logarithmic_axis_has_a_tick_at_each_value(data):
    search = searched({"n_neighbors": [1, 3, 10, 30]}, data)
    display = SearchResultsDisplay.from_estimator(search)
    display.figure_.canvas.draw()
    ticks = [tick.get_text() for tick in display.ax_.get_xticklabels()]
    assert ticks == ["1", "3", "10", "30"]


@pytest.mark.parametrize("n_values", [3, 12])
def test_scores_of_a_heat_map_fit_into_small_cells_or_are_left_out(n_values, data):
    grid = {"n_neighbors": range(1, n_values + 1), "weights": ["uniform", "distance"]}
    figure, ax = plt.subplots(figsize=(3, 3), layout="constrained")
    SearchResultsDisplay.from_estimator(searched(grid, data), ax=ax)
    figure.canvas.draw()
    cell = ax.get_window_extent().width / n_values
    assert all(text.get_window_extent().width < cell for text in ax.texts)
    assert len(ax.texts) == (6 if n_values == 3 else 0)


def test_a_list_in_small_axes_has_the_best_candidates(data):
    grid = [{"n_neighbors": [1, 5, 20]}, {"weights": ["distance"], "p": [1, 2, 3]}]
    _, ax = plt.subplots(figsize=(3, 1.5), layout="constrained")
    search = searched(grid, data)
    SearchResultsDisplay.from_estimator(search, ax=ax)
    shown = len(ax.get_yticklabels())
    assert 1 <= shown < 6 and ax.lines[0].get_xdata()[0] == search.best_score_
    assert ax.get_title(loc="right") == f"the best {shown} of 6 candidates"


@pytest.mark.slow
def test_evenly_spaced_values_get_a_linear_axis(data):
    search = searched({"n_neighbors": [1, 11, 21, 31]}, data)
    assert SearchResultsDisplay.from_estimator(search).ax_.get_xscale() == "linear"


def test_two_parameters_are_a_heat_map(data):
    grid = {"n_neighbors": [1, 9, 30], "weights": ["uniform", "distance"]}
    search = searched(grid, data)
    ax = SearchResultsDisplay.from_estimator(search).ax_
    scores = np.sort(ax.images[0].get_array().data.ravel())
    np.testing.assert_array_equal(
        scores, np.sort(search.cv_results_["mean_test_score"])
    )
    bold = [t.get_text() for t in ax.texts if t.get_weight() == "bold"]
    assert f"{search.best_score_:.3f}" in bold


def test_anything_else_is_a_list_with_the_best_on_top(data):
    grid = [{"n_neighbors": [1, 40]}, {"weights": ["distance"], "p": [1, 2]}]
    search = searched(grid, data)
    ax = SearchResultsDisplay.from_estimator(search).ax_
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert len(labels) == 4
    top = [part.split("=") for part in labels[0].split(", ")]
    for name, value in top:
        assert str(search.best_params_.get(name)) in (value, "None")
    assert ax.yaxis_inverted()


@pytest.mark.parametrize("grid, label", [({"p": [2]}, "p=2"), ({}, "")])
def test_a_single_candidate(grid, label, data):
    ax = SearchResultsDisplay.from_estimator(searched(grid, data)).ax_
    assert [text.get_text() for text in ax.get_yticklabels()] == [label]


@pytest.mark.slow
def test_long_lists_are_cut(data):
    grid = {"n_neighbors": range(1, 20), "weights": ["uniform", "distance"]}
    search = searched([grid, {"p": [1]}], data)
    ax = SearchResultsDisplay.from_estimator(search).ax_
    assert len(ax.get_yticklabels()) == 30


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_failed_candidates_are_left_out_or_named(data):
    search = searched({"n_neighbors": [-1, 5]}, data)
    ax = SearchResultsDisplay.from_estimator(search).ax_
    assert ax.lines[0].get_xdata().tolist() == [5]
    search = searched({"n_neighbors": [-1, 5], "p": [1, 2]}, data)
    ax = SearchResultsDisplay.from_estimator(search).ax_
    assert [text.get_text() for text in ax.texts].count("failed") == 2
    search.cv_results_["mean_test_score"][:] = np.nan
    with pytest.raises(ValueError, match="All fits of the search failed"):
        SearchResultsDisplay.from_estimator(search)


def test_a_candidate_of_halving_is_drawn_once_with_what_it_was_given(data):
    grid = {"n_neighbors": [1, 3, 9, 17], "weights": ["uniform", "distance"]}
    options = {"cv": 2, "random_state": 0, "min_resources": 40}
    search = HalvingGridSearchCV(KNeighborsClassifier(), grid, **options).fit(*data)
    assert search.n_iterations_ > 1
    display = SearchResultsDisplay.from_estimator(search)
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    candidates = [label.rpartition(", n_samples=")[0] for label in labels]
    assert len(set(candidates)) == len(candidates) == 8
    best = search.best_params_
    assert labels[0] == (
        f"n_neighbors={best['n_neighbors']}, weights={best['weights']}, "
        f"n_samples={search.n_resources_[-1]}"
    )


def test_the_metric_is_named(data):
    options = {"scoring": ["accuracy", "f1_macro"], "refit": False}
    search = searched({"n_neighbors": [1, 5]}, data, **options)
    display = SearchResultsDisplay.from_estimator(search, scoring="f1_macro")
    assert "f1_macro" in display.ax_.get_ylabel()


@pytest.mark.parametrize("size", [(3, 3), (3, 2.5), (8, 3.2)])
def test_the_legend_of_curves_is_not_on_the_curves(size):
    history = {"loss": [2.0, 1.2, 0.8, 0.7], "accuracy": [0.2, 0.5, 0.7, 0.75]}
    history |= {"val_loss": [1.8, 1.1, 0.9, 1], "val_accuracy": [0.3, 0.5, 0.6, 0.6]}
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    display = LossCurveDisplay(history).plot(ax)
    figure.canvas.draw()
    axes = display.axes_[-1]
    legend = axes.get_legend().get_window_extent()
    assert legend.x0 >= 0 and legend.y0 >= 0 and legend.x1 <= figure.bbox.x1
    for name in ("accuracy", "val_accuracy"):
        line = axes.transData.transform(display.lines_[name].get_xydata())
        assert not any(legend.contains(*point) for point in line)
    below = [text.get_window_extent() for text in axes.get_xticklabels()]
    assert not any(
        legend.overlaps(box) for box in [*below, axes.xaxis.label.get_window_extent()]
    )
