"""The candidates of a search and their scores."""

from collections.abc import Iterable, Sequence
from numbers import Real
from typing import Any, Self

import numpy as np

from skcnn.display._texts import (
    BLUE,
    VERMILION,
    color_on,
    color_on_map,
    size_in_points,
    text_width,
    wrapped,
)
from skcnn.inspection import search_results

# Number of candidates that are drawn at most, the best ones. More would be unreadable.
MOST_CANDIDATES = 30

# A logarithmic axis has a tick at each value, unless there are more than these.
MOST_TICKS = 8

# Sizes of texts in points, and the height of a line relative to the size.
LABEL_FONT, SMALLEST_FONT, LARGEST_FONT = 8, 6, 10
LINE_HEIGHT = 1.25

# The part of the width of axes that labels of candidates have, and the width in points
# of what is beside the cells of a heat map.
PART_OF_LABELS, BESIDE_CELLS = 0.6, 95

# An axis is logarithmic if the ratios of neighboring values vary less than their
# differences, and if the largest value is at least this many times the smallest one.
LEAST_LOGARITHMIC_RANGE = 10


class SearchResultsDisplay:
    """Scores of the candidates of a search.

    It is recommended to use :meth:`from_estimator` to create a `SearchResultsDisplay`.
    All parameters are stored as attributes.

    The kind of plot depends on the parameters that have several values: a curve for one
    numeric parameter, a heat map for a full grid of two parameters, and otherwise a
    list of candidates, the best one on top. Error bars are standard deviations over the
    folds.

    Parameters
    ----------
    results : DataFrame
        The table that :func:`skcnn.inspection.search_results` returns.
    score_name : str, default="score"
        Name of the metric, for the labels of the axes.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the scores.
    figure_ : matplotlib Figure
        Figure containing them.

    See Also
    --------
    skcnn.inspection.search_results : The same results as a table.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skcnn.display import SearchResultsDisplay
    >>> search = GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 10, 100]})
    >>> _ = search.fit(*load_digits(return_X_y=True))
    >>> SearchResultsDisplay.from_estimator(search)
    <...>
    >>> plt.show()
    """

    def __init__(self, results: Any, *, score_name: str = "score"):
        self.results = results
        self.score_name = score_name

    @classmethod
    def from_estimator(
        cls, search: Any, *, scoring: str | None = None, ax: Any = None
    ) -> Self:
        """Draw the scores of a fitted search.

        Parameters
        ----------
        search : estimator
            A fitted `GridSearchCV`, `RandomizedSearchCV` or other search of
            scikit-learn.
        scoring : str, default=None
            Name of the metric, for a search with several metrics.
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure is created.

        Returns
        -------
        display : SearchResultsDisplay
            Object that stores what was drawn.

        Raises
        ------
        NotFittedError
            If the search is not fitted.
        TypeError
            If `search` is not a search.
        ValueError
            If `scoring` is not the name of a metric of the search, if it is missing for
            a search with several metrics, or if all fits failed.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_digits
        >>> from sklearn.model_selection import GridSearchCV
        >>> from sklearn.neighbors import KNeighborsClassifier
        >>> from skcnn.display import SearchResultsDisplay
        >>> grid = {"n_neighbors": [1, 10], "weights": ["uniform", "distance"]}
        >>> search = GridSearchCV(KNeighborsClassifier(), grid)
        >>> _ = search.fit(*load_digits(return_X_y=True))
        >>> SearchResultsDisplay.from_estimator(search)
        <...>
        >>> plt.show()
        """
        results = search_results(search, scoring=scoring)
        if results["mean_test_score"].isna().all():
            raise ValueError(
                "All fits of the search failed: there is no score to draw."
            )
        return cls(results, score_name=scoring or "score").plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on. If `None`, a figure is created.

        Returns
        -------
        display : SearchResultsDisplay
            Object that stores what was drawn.
        """
        import matplotlib.pyplot as plt

        scored = self.results[self.results["mean_test_score"].notna()]
        own = self.results.columns[:-4]
        varied = {
            name: values
            for name in own
            if len(values := _different(self.results[name])) > 1
        }
        is_curve = len(varied) == 1 and all(
            _is_number(v) for v in next(iter(varied.values()))
        )
        is_grid = len(varied) == 2 and len(self.results) == np.prod(
            [len(values) for values in varied.values()]
        )
        if ax is None:
            shown = min(len(scored), MOST_CANDIDATES)
            size = (6, 3.5) if is_curve or is_grid else (9, 1 + 0.3 * shown)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        if is_curve:
            self._plot_curve(ax, scored, *varied)
        elif is_grid:
            self._plot_grid(ax, varied)
        else:
            self._plot_list(ax, scored, list(varied or own))
        ax.set_facecolor("none")
        self.ax_ = ax
        self.figure_ = ax.figure
        return self

    def _plot_curve(self, ax: Any, scored: Any, name: str) -> None:
        """Draw the scores over the values of one parameter."""
        line = scored.assign(x=scored[name].astype(float)).sort_values("x")
        ax.errorbar(
            line["x"],
            line["mean_test_score"],
            line["std_test_score"],
            color=color_on(ax, BLUE),
            marker="o",
            capsize=3,
        )
        best = scored.iloc[0]
        orange = color_on(ax, VERMILION)
        ax.plot(best[name], best["mean_test_score"], "D", color=orange, zorder=3)
        if _is_logarithmic(np.unique(line["x"])):
            ax.set_xscale("log")
            ticks = np.unique(line["x"])
            if len(ticks) <= MOST_TICKS:
                ax.set_xticks(ticks, [_text(tick.item()) for tick in ticks])
                ax.set_xticks([], minor=True)
        ax.set(xlabel=name, ylabel=self._score_label())
        ax.spines[["top", "right"]].set_visible(False)

    def _plot_grid(self, ax: Any, varied: dict[str, list[Any]]) -> None:
        """Draw the scores of a full grid of two parameters as a heat map."""
        (x_name, x_values), (y_name, y_values) = varied.items()
        scores = np.full((len(y_values), len(x_values)), np.nan)
        columns = [self.results[name] for name in (y_name, x_name, "mean_test_score")]
        for y_value, x_value, score in zip(*columns, strict=True):
            scores[_place(y_value, y_values), _place(x_value, x_values)] = score
        image = ax.imshow(scores, cmap="viridis", aspect="auto")
        highest = np.nanmax(scores)
        room = (size_in_points(ax)[0] - BESIDE_CELLS) / len(x_values)
        font = min(LARGEST_FONT, room / text_width("00.000"))
        for (i, j), score in np.ndenumerate(scores):
            text = "failed" if np.isnan(score) else f"{score:.3f}"
            style = {"weight": "bold" if score == highest else "normal"}
            if not np.isnan(score):
                if font < SMALLEST_FONT:
                    continue  # The color bar says it.
                style["color"] = color_on_map(image, score)
            size = max(font, SMALLEST_FONT)
            ax.text(j, i, text, size=size, ha="center", va="center", **style)
        ax.set_xticks(range(len(x_values)), [_text(value) for value in x_values])
        ax.set_yticks(range(len(y_values)), [_text(value) for value in y_values])
        ax.set(xlabel=x_name, ylabel=y_name)
        ax.figure.colorbar(image, ax=ax, label=self._score_label())

    def _plot_list(self, ax: Any, scored: Any, names: Sequence[str]) -> None:
        """Draw the scores of the candidates below each other, as many as fit."""
        width, height = size_in_points(ax)
        labels = [
            "\n".join(
                wrapped(
                    ", ".join(
                        f"{name}={_text(scored[name].iloc[i])}" for name in names
                    ),
                    PART_OF_LABELS * width / LABEL_FONT,
                )
            )
            for i in range(len(scored))
        ]
        lines = max(label.count("\n") + 1 for label in labels)
        shown = max(int(height / ((lines + 0.3) * LABEL_FONT * LINE_HEIGHT)), 1)
        shown = min(shown, len(scored), MOST_CANDIDATES)
        best = scored.iloc[:shown]
        ax.errorbar(
            best["mean_test_score"],
            np.arange(shown),
            xerr=best["std_test_score"],
            color=color_on(ax, BLUE),
            marker="o",
            linestyle="none",
            capsize=3,
        )
        orange = color_on(ax, VERMILION)
        ax.plot(best["mean_test_score"].iloc[0], 0, "D", color=orange, zorder=3)
        ax.set_yticks(np.arange(shown), labels[:shown], fontsize=LABEL_FONT)
        ax.invert_yaxis()
        ax.set_xlabel(self._score_label())
        ax.locator_params(axis="x", nbins=5)
        if shown < len(scored):
            title = f"the best {shown} of {len(scored)} candidates"
            ax.set_title(title, fontsize="medium", loc="right")
        ax.grid(axis="y", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)

    def _score_label(self) -> str:
        return f"cross-validated {self.score_name}"


def _different(values: Iterable[Any]) -> list[Any]:
    """Return the distinct values, sorted if they are numbers.

    Values such as lists can neither be hashed nor, in general, be sorted.
    """
    different: list[Any] = []
    for value in values:
        if _place(value, different) is None:
            different.append(value)
    if all(_is_number(value) for value in different):
        different.sort()
    return different


def _place(value: Any, values: list[Any]) -> int | None:
    """Return the index of a value, or None if it is not among the values."""
    for i, other in enumerate(values):
        if type(value) is type(other) and repr(value) == repr(other):
            return i
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def _is_logarithmic(values: np.ndarray) -> bool:
    """Tell whether sorted values suit a logarithmic axis."""
    if len(values) < 3 or values[0] <= 0:
        return False
    if values[-1] / values[0] < LEAST_LOGARITHMIC_RANGE:
        return False
    steps, factors = np.diff(values), np.diff(np.log(values))
    return factors.std() / factors.mean() < steps.std() / steps.mean()


def _text(value: Any) -> str:
    """Return the text for a value of a parameter, shortened if necessary."""
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 40 else text[:39] + "…"
