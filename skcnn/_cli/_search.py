"""The grid search of ``skcnn train --search``."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from skcnn._cli._progress import live
from skcnn._cli._terminal import say
from skcnn._messages.wording import duration

if TYPE_CHECKING:
    import pandas as pd

N_FOLDS = 3


class Search:
    """A grid search that shows its progress, and keeps its results if it is stopped."""

    def __init__(self, estimator: Any, grid: dict[str, list]) -> None:
        from sklearn.model_selection import ParameterGrid

        self._estimator, self._grid = estimator, grid
        self._candidates = list(ParameterGrid(grid))
        self._scores: list[list[float]] = [[] for _ in self._candidates]
        self._seconds: list[list[float]] = [[] for _ in self._candidates]
        self._watch: Any = None
        self._last = time.perf_counter()

    def run(
        self, X: Any, y: Any, folds: list[tuple], groups: Any = None
    ) -> "pd.DataFrame":
        """Fit and score all candidates on all folds; return a table of results.

        `groups` are for the images that each fit may hold out.
        """
        from sklearn.model_selection import GridSearchCV

        from skcnn._training.progress import watched
        from skcnn.inspection import search_results

        with groups_reach_fit(self._estimator, groups) as more:
            search = GridSearchCV(
                self._estimator,
                self._grid,
                cv=folds,
                scoring=self._score,
                refit=False,
                error_score="raise",
            )
            start = self._last = time.perf_counter()
            with watched() as self._watch, live(self._lines, self._n_complete):
                search.fit(X, y, **more)
        seconds = time.perf_counter() - start
        say(f"Tried {len(self._candidates)} candidates in {duration(seconds)}.")
        return search_results(search)

    @property
    def n_candidates(self) -> int:
        """The number of candidates."""
        return len(self._candidates)

    @property
    def best_params(self) -> dict[str, Any]:
        """The best candidate of those with all folds; empty if there is none yet."""
        best = self._best()
        return {} if best is None else self._candidates[best]

    def results_so_far(self) -> "pd.DataFrame":
        """Return a table of the candidates that were scored, the best first."""
        import numpy as np
        import pandas as pd

        rows = [
            params
            | {
                "mean_test_score": float(np.mean(scores)),
                "std_test_score": float(np.std(scores)),
                "mean_fit_time": float(np.mean(seconds)),
                "folds": len(scores),
            }
            for params, scores, seconds in zip(
                self._candidates, self._scores, self._seconds, strict=True
            )
            if scores
        ]
        # Candidates with all folds come first: the others were compared on less.
        rows.sort(key=lambda row: (-row["folds"], -row["mean_test_score"]))
        return pd.DataFrame(rows)

    def _score(self, estimator: Any, X: Any, y: Any) -> float:
        """Score a fit, as a `scoring` of scikit-learn, and note the score."""
        # GridSearchCV goes through the folds of one candidate after the other.
        index = self._n_fits() // N_FOLDS
        now = time.perf_counter()
        self._seconds[index].append(now - self._last)
        score = estimator.score(X, y)
        self._scores[index].append(score)
        self._last = time.perf_counter()
        if len(self._scores[index]) == N_FOLDS:
            parts = [
                f"accuracy {_mean(self._scores[index]):.4f}",
                duration(sum(self._seconds[index])),
                as_text(self._candidates[index]),
            ]
            say(f"Candidate {index + 1}/{self.n_candidates}: {', '.join(parts)}")
        return score

    def _n_fits(self) -> int:
        """Return how many fits have been scored."""
        return sum(map(len, self._scores))

    def _n_complete(self) -> int:
        """Return how many candidates have been scored on all folds."""
        return self._n_fits() // N_FOLDS

    def _best(self) -> int | None:
        """Return the place of the best candidate of those with all folds."""
        complete = range(self._n_complete())
        return max(complete, key=lambda i: _mean(self._scores[i]), default=None)

    def _lines(self) -> list[str]:
        """Return what the search is doing, for a terminal."""
        n_fits = self._n_fits()
        index, fold = divmod(n_fits, N_FOLDS)
        if index == len(self._candidates):
            return []
        place = f"Candidate {index + 1} of {len(self._candidates)}"
        place += f", fold {fold + 1} of {N_FOLDS}"
        progress = self._watch.progress
        if progress is not None:
            place += f", epoch {progress.epoch + 1} of {progress.epochs}"
        left = self._seconds_left()
        if left is not None:
            place += f": about {duration(left)} left"
        lines = [place, f"Now:  {as_text(self._candidates[index])}"]
        best = self._best()
        if best is not None:
            lines.append(
                f"Best: {_mean(self._scores[best]):.4f}, candidate {best + 1}: "
                f"{as_text(self._candidates[best])}"
            )
        return lines

    def _seconds_left(self) -> float | None:
        """Return how long the search will take, and the training with the best."""
        weights = [weight for weight in self._weights() for _ in range(N_FOLDS)]
        n_fits = self._n_fits()
        spent, done = sum(map(sum, self._seconds)), sum(weights[:n_fits])
        in_fit, left = time.perf_counter() - self._last, None
        progress = self._watch.progress
        if progress is not None and progress.fraction < 1:
            left = progress.seconds_left()
        if left is not None and n_fits < len(weights):
            spent, done = spent + in_fit + left, done + weights[n_fits]
        if not done:
            return None
        # The last training is on all images, and a fit on those of all folds but one.
        last = N_FOLDS / (N_FOLDS - 1) * sum(weights) / len(weights)
        rest = spent / done * (sum(weights) - done + last)
        return max(0.0, rest + (left or 0.0))

    def _weights(self) -> list[float]:
        """Return how long each candidate takes compared with the others."""
        epochs = [params.get("epochs", 1) for params in self._candidates]
        if not all(isinstance(number, (int, float)) for number in epochs):
            return [1.0] * len(epochs)
        return [float(number) for number in epochs]


@contextmanager
def groups_reach_fit(estimator: Any, groups: Any) -> Iterator[dict[str, Any]]:
    """Let a cross-validation pass groups to `fit`; yield them as its arguments."""
    if groups is None:
        yield {}
        return
    from sklearn import config_context

    with config_context(enable_metadata_routing=True):
        estimator.set_fit_request(groups=True)
        yield {"groups": groups}


def as_text(params: dict[str, Any]) -> str:
    """Return a candidate as the command line writes parameters."""
    return ", ".join(f"{name}={value}" for name, value in params.items())


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
