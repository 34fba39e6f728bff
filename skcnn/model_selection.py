"""Searches in which the best candidates continue training instead of starting again."""

import time
import warnings
from collections import Counter
from collections.abc import Iterable
from itertools import product
from math import ceil
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import (
    GridSearchCV,
    ParameterGrid,
    ParameterSampler,
    RandomizedSearchCV,
    check_cv,
)
from sklearn.utils import indexable, resample
from sklearn.utils.parallel import Parallel, delayed

from skcnn._sklearn_private import (
    Interval,
    LinksToDocumentation,
    StrOptions,
    begin_task,
    fit_and_score,
    results_table,
    routed_parameters,
    search_constraints,
    validates_parameters,
)

__all__ = ["WarmHalvingGridSearchCV", "WarmHalvingRandomSearchCV"]

# A rung is a round of training that ends with a comparison. Each rung doubles the
# training of its candidates. Continuing costs only the difference between two rungs, so
# rungs that lie close together are cheap, and the last candidates are told apart early.
GROWTH = 2

CONSTRAINTS = {
    "resource": [str],
    "min_resources": [Interval(Integral, 1, None, closed="left")],
    "max_resources": [
        Interval(Integral, 1, None, closed="left"),
        StrOptions({"auto"}),
    ],
    "factor": [Interval(Integral, 2, None, closed="left")],
}


class _WarmHalving(LinksToDocumentation):
    """Successive halving over estimators that continue training from their weights.

    A mixin that replaces `fit` of one of scikit-learn's searches.
    """

    # Set by the constructors of the subclasses.
    estimator: Any
    resource: str
    min_resources: int
    max_resources: Any
    factor: int
    scoring: Any
    n_jobs: int | None
    refit: Any
    cv: Any
    verbose: int
    pre_dispatch: Any
    error_score: Any
    return_train_score: bool

    def _candidates(self) -> Iterable[dict[str, Any]]:
        """Return the parameter settings to compare."""
        raise NotImplementedError

    @validates_parameters
    def fit(self, X, y=None, **params):
        """Run the search.

        Parameters
        ----------
        X : array-like of shape (n, ...)
            Images, or whatever the estimator takes.
        y : array-like of shape (n,), default=None
            Labels.
        **params : dict of str to object
            Passed to `fit` of the estimator, to the scorer and to the splitter, as
            `GridSearchCV` does; array-likes of n entries are split along with `X`.

        Returns
        -------
        self : object
            The fitted search.

        Raises
        ------
        ValueError
            If a parameter is not as described; before any training. If all fits of a
            comparison fail.

        Warns
        -----
        FitFailedWarning
            If some fits failed and `error_score` is a number.
        """
        scorer = check_scoring(
            self.estimator, self.scoring, raise_exc=self.error_score == "raise"
        )
        if isinstance(self.scoring, (list, tuple, dict)):
            self._metric(dict.fromkeys(self.scoring))
        X, y = indexable(X, y)
        routed = routed_parameters(self, params)
        candidates = [dict(candidate) for candidate in self._candidates()]
        warm_start = self._check_resource(candidates)
        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        # Drawn once, so that the survivors continue with the images they have seen.
        splits = list(cv.split(X, y, **routed["splitter"]["split"]))
        if not candidates or not splits:
            raise ValueError(
                f"There are {len(candidates)} candidates and {len(splits)} splits, so "
                "there is nothing to fit."
            )
        self.n_splits_ = len(splits)
        self.max_resources_ = self._most_resources(X, y, splits)

        metadata = None
        if params.get("sample_weight") is not None:
            metadata = {"sample_weight": params["sample_weight"]}
        told = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        task = begin_task(self, max_subtasks=1 + (self.refit is not False))
        task.call_on_fit_task_begin(**told)

        options = {
            "scorer": scorer,
            "fit_params": routed["estimator"]["fit"],
            "score_params": routed["scorer"]["score"],
            "return_train_score": self.return_train_score,
            "return_n_test_samples": True,
            "return_times": True,
            "return_estimator": True,
            "error_score": self.error_score,
            "verbose": self.verbose,
            "caller": self,
        }
        results, metric = self._halve(
            X, y, candidates, warm_start, splits, task, options
        )
        self.best_index_ = self._best_index(results, metric)
        if not callable(self.refit):
            self.best_score_ = results[f"mean_test_{metric}"][self.best_index_]
        self.best_params_ = results["params"][self.best_index_]
        if self.refit:
            self._refit_best(X, y, routed["estimator"]["fit"], task, told)
        self.scorer_ = self._named_scorers() or scorer
        self.cv_results_ = results
        task.call_on_fit_task_end(**told)
        return self

    def _named_scorers(self) -> dict[str, Any]:
        """Return the scorers by name if `scoring` names several, else an empty dict."""
        if not isinstance(self.scoring, (list, tuple, dict)):
            return {}
        named = self.scoring
        if not isinstance(named, dict):
            named = {name: name for name in self.scoring}
        return {name: check_scoring(self.estimator, one) for name, one in named.items()}

    def _check_resource(self, candidates: list[dict[str, Any]]) -> str:
        """Return the name of the parameter `warm_start`."""
        parameters = self.estimator.get_params()
        head, separator, _ = self.resource.rpartition("__")
        warm_start = f"{head}{separator}warm_start"
        name = type(self.estimator).__name__
        for needed in (self.resource, warm_start):
            if needed not in parameters:
                hint = ""
                if "steps" in parameters:
                    hint = (
                        ' In a pipeline it has the name of its step, as in resource="'
                        f'{parameters["steps"][-1][0]}__epochs".'
                    )
                raise ValueError(
                    f"resource={self.resource!r} needs an estimator with the parameter "
                    f"{needed!r}, but {name} has none.{hint}"
                )
            if any(needed in candidate for candidate in candidates):
                raise ValueError(
                    f"{needed!r} is part of the searched parameters, but the search "
                    "sets it itself. Take it out."
                )
        return warm_start

    def _most_resources(self, X: Any, y: Any, splits: list[tuple]) -> int:
        """Return `max_resources_`: that given, or the estimator's own."""
        most = self.max_resources
        if most == "auto":
            parameters = self.estimator.get_params()
            most = parameters[self.resource]
            step, _, name = self.resource.rpartition("__")
            owner = parameters[step] if step else self.estimator
            if most == "auto" and name == "epochs" and hasattr(owner, "_auto_epochs"):
                n_images = min(len(train) for train, _ in splits)
                seen = self._before(step, X, y, min(n_images, 100))
                most = owner._auto_epochs(seen, n_images)
        if isinstance(most, str):
            raise ValueError(
                f'max_resources="auto" takes the {self.resource} of the estimator, '
                f"but that is {most!r}. Give a number as max_resources."
            )
        if self.min_resources > most:
            raise ValueError(
                f"min_resources={self.min_resources} is greater than "
                f"max_resources_={most}."
            )
        return most

    def _before(self, step: str, X: Any, y: Any, n_images: int) -> Any:
        """Return images as a step of the estimator, if that is a pipeline, gets them.

        `n_images` of them, drawn at random, pass through the steps before.
        """
        names = [name for name, _ in getattr(self.estimator, "steps", [])]
        if y is None or step not in names[1:]:
            return X
        before = clone(self.estimator[: names.index(step)])
        some = resample(X, y, n_samples=n_images, replace=False, random_state=0)
        return before.fit_transform(*some)

    def _metric(self, scores: Any) -> str:
        """Return the name of the score that decides; refuse several with none named."""
        if not isinstance(scores, dict):
            return "score"
        if not isinstance(self.refit, str) or self.refit not in scores:
            raise ValueError(
                f"Got refit={self.refit!r} with several metrics, but successive "
                "halving has to know by which of them to choose. Set refit to one of "
                f"{', '.join(map(repr, scores))}."
            )
        return self.refit

    def _halve(
        self,
        X: Any,
        y: Any,
        candidates: list[dict[str, Any]],
        warm_start: str,
        splits: list[tuple],
        task: Any,
        options: dict[str, Any],
    ) -> tuple[dict[str, Any], str]:
        """Train and eliminate; return `cv_results_` and the name of its scores."""
        all_params: list[dict[str, Any]] = []
        all_out: list[dict[str, Any]] = []
        more: dict[str, list] = {"iter": [], "n_resources": [], "candidate": []}
        self.n_resources_: list[int] = []
        self.n_candidates_: list[int] = []
        alive = list(range(len(candidates)))
        base = clone(self.estimator)
        trained: dict[tuple, Any] = {}
        total = 0
        search = task.subcontext(task_name="search", max_subtasks=None)
        search.call_on_fit_task_begin(estimator=self)
        with Parallel(n_jobs=self.n_jobs, pre_dispatch=self.pre_dispatch) as parallel:
            while total < self.max_resources_ and (len(alive) > 1 or not total):
                target = total * GROWTH if total else self.min_resources
                target = min(target, self.max_resources_)
                pairs = list(product(alive, range(len(splits))))
                if self.verbose:
                    print(
                        f"{self.resource} {total + 1} to {target}: {len(splits)} folds "
                        f"for each of {len(alive)} candidates"
                    )
                rung = search.subcontext(
                    task_name="halving-iteration",
                    max_subtasks=len(pairs),
                    sequential_subtasks=False,
                ).call_on_fit_task_begin(estimator=self)
                budget = {self.resource: target - total, warm_start: True}
                out = parallel(
                    delayed(fit_and_score)(
                        trained[pair] if pair in trained else clone(base),
                        X,
                        y,
                        train=splits[pair[1]][0],
                        test=splits[pair[1]][1],
                        # A trained estimator has the candidate's parameters already.
                        parameters=(
                            budget if pair in trained else candidates[pair[0]] | budget
                        ),
                        split_progress=(pair[1], len(splits)),
                        candidate_progress=(alive.index(pair[0]), len(alive)),
                        callback_ctx=rung.subcontext(
                            task_name="candidate-split-evaluation", task_id=number
                        ),
                        **options,
                    )
                    for number, pair in enumerate(pairs)
                )
                trained = {
                    pair: result.pop("estimator")
                    for pair, result in zip(pairs, out, strict=True)
                }
                _settle_failures(out, self.error_score)
                metric = self._metric(out[0]["test_scores"])
                more["iter"] += [len(self.n_resources_)] * len(alive)
                more["n_resources"] += [target] * len(alive)
                more["candidate"] += alive
                all_params += [candidates[i] for i in alive]
                all_out += out
                self.n_resources_.append(target)
                self.n_candidates_.append(len(alive))
                results = results_table(self, all_params, len(splits), all_out, more)
                rung.call_on_fit_task_end(estimator=self)
                total = target
                alive = self._survivors(results, metric)
                trained = {
                    pair: estimator
                    for pair, estimator in trained.items()
                    if pair[0] in alive
                }
        self.multimetric_ = isinstance(out[0]["test_scores"], dict)
        self.n_iterations_ = len(self.n_resources_)
        self.n_remaining_candidates_ = len(alive)
        search.call_on_fit_task_end(estimator=self)
        return results, metric

    def _survivors(self, results: dict[str, Any], metric: str) -> list[int]:
        """Return the numbers of the best candidates of the last rung.

        A candidate without a score, because its training failed, survives only if no
        candidate has a score.
        """
        last = np.flatnonzero(results["iter"] == len(self.n_resources_) - 1)
        means = results[f"mean_test_{metric}"][last]
        # NaN sorts last; of equal scores the first candidate wins.
        order = np.argsort(-means, kind="stable")
        n_scored = np.count_nonzero(~np.isnan(means)) or len(means)
        keep = order[: min(ceil(len(last) / self.factor), n_scored)]
        return sorted(results["candidate"][last[keep]].tolist())

    def _best_index(self, results: dict[str, Any], metric: str) -> Any:
        """Return the row of the best candidate, by `refit` if that is a function."""
        if callable(self.refit):
            index: Any = self.refit(results)
            n_rows = len(results["params"])
            message = (
                f"The function given as refit returned {index!r}, but expected the "
                f"row of the best candidate in cv_results_, from 0 to {n_rows - 1}."
            )
            if not isinstance(index, Integral):
                raise TypeError(message)
            if not 0 <= int(index) < n_rows:
                raise IndexError(message)
            return index
        last = np.flatnonzero(results["iter"] == results["iter"].max())
        means = results[f"mean_test_{metric}"][last]
        return last[0 if np.isnan(means).all() else np.nanargmax(means)]

    def _refit_best(
        self, X: Any, y: Any, fit_params: dict, task: Any, told: dict[str, Any]
    ) -> None:
        """Train the best candidate from scratch on all images."""
        parameters = clone(self.best_params_, safe=False)
        if self.max_resources != "auto":
            parameters[self.resource] = self.max_resources_
        self.best_estimator_ = clone(self.estimator).set_params(**parameters)
        part = task.subcontext(task_name="refit-with-best-params")
        with part.propagate_callback_context(self.best_estimator_):
            part.call_on_fit_task_begin(**told)
            start = time.perf_counter()
            labels = () if y is None else (y,)
            self.best_estimator_.fit(X, *labels, **fit_params)
            self.refit_time_ = time.perf_counter() - start
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
        part.call_on_fit_task_end(**told)


def _settle_failures(out: list[dict[str, Any]], error_score: Any) -> None:
    """Give failed fits their scores and warn of them; raise if all fits failed."""
    failed = [result for result in out if result["fit_error"] is not None]
    if not failed:
        return
    errors = "\n".join(
        f"{n} of them with this error:\n{error}"
        for error, n in Counter(result["fit_error"] for result in failed).items()
    )
    if len(failed) == len(out):
        raise ValueError(
            f"All {len(out)} fits failed, so there is nothing to compare. To see where "
            f'they fail, set error_score="raise". They failed, {errors}'
        )
    # A scoring function that returns several scores has not been called for them.
    scores = next(r["test_scores"] for r in out if r["fit_error"] is None)
    if isinstance(scores, dict):
        for result in failed:
            for kind in {"test_scores", "train_scores"} & result.keys():
                result[kind] = dict.fromkeys(scores, error_score)
    warnings.warn(
        f"{len(failed)} of {len(out)} fits failed, and their scores are {error_score}. "
        f'If that is not what you expect, set error_score="raise". They failed, '
        f"{errors}",
        FitFailedWarning,
        stacklevel=4,
    )


class WarmHalvingGridSearchCV(_WarmHalving, GridSearchCV):
    """Search a grid with successive halving that goes on from weights.

    All candidates are trained for `min_resources` epochs and compared by
    cross-validation [1]_. The best ``1 / factor`` of them train on until they have had
    twice as many epochs, are compared again, and so on, until one is left or
    `max_resources` are reached. scikit-learn's `HalvingGridSearchCV` trains the
    survivors of each comparison from scratch.

    Each part of the training is a `fit` with `warm_start`, with a learning rate
    schedule of its own, as in training with warm restarts [2]_: so candidates are
    compared where their rates have fallen. `best_estimator_` is trained from scratch
    on all images, for `max_resources` epochs in one go.

    Parameters
    ----------
    estimator : estimator
        A classifier of this package, a pipeline that ends in one, or any estimator
        with a parameter `warm_start` that makes each `fit` train for `resource` epochs
        more, such as scikit-learn's `MLPClassifier` (``resource="max_iter"``).
    param_grid : dict or list of dict
        The values to try for each parameter, as in scikit-learn's `GridSearchCV`.
    resource : str, default="epochs"
        The parameter that says for how many epochs to train; in a pipeline with the
        name of its step, as in "cifarcnnclassifier__epochs".
    min_resources : int, default=1
        Epochs before the first comparison.
    max_resources : int or "auto", default="auto"
        Epochs of the longest training and of the refit. "auto" takes the estimator's
        own. If these are "auto" too, each training takes the number that a fit on its
        images would take: of the folds, the smallest training part decides.
    factor : int, default=3
        The inverse of the share of candidates that survive a comparison.
    scoring : str, callable, list, tuple, dict or None, default=None
        As in scikit-learn's `GridSearchCV`. Several metrics need the name of one as
        `refit`; by it candidates are chosen.
    n_jobs : int or None, default=None
        Fits to run at a time, with joblib's current backend.
    refit : bool, str or callable, default=True
        Whether to train the best candidate on all images. A callable gets
        `cv_results_` and returns the place of the best candidate in it.
    cv : int, splitter, iterable or None, default=None
        As in scikit-learn's `GridSearchCV`. Its splits are drawn once.
    verbose : int, default=0
        From 1 on, a line before each comparison; more as in scikit-learn.
    pre_dispatch : int or str, default="2*n_jobs"
        Tasks handed out in advance, as in joblib.
    error_score : "raise" or float, default=nan
        The score of a fit that fails, or to raise its error.
    return_train_score : bool, default=False
        Whether to score on the training images too.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As in scikit-learn, a row for each candidate and comparison, with "iter" (number
        of the comparison), "n_resources" (epochs so far) and "candidate" (number of the
        candidate) besides. Times are those of the epochs since the last comparison.
    best_estimator_ : estimator
        The best candidate, trained on all images. Only with `refit`.
    best_params_ : dict
        Its parameters.
    best_score_ : float
        Its mean score in the last comparison, after `n_resources_[-1]` epochs.
    best_index_ : int
        Its place in `cv_results_`.
    n_resources_ : list of int
        Epochs that the candidates of each comparison have had.
    n_candidates_ : list of int
        Candidates in each comparison.
    n_iterations_ : int
        Number of comparisons.
    n_remaining_candidates_ : int
        Candidates that survived the last one.
    max_resources_ : int
        Epochs of the longest training.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds of the last training.
    scorer_ : callable or dict
        The scorers.
    multimetric_ : bool
        Whether there are several.

    See Also
    --------
    sklearn.model_selection.GridSearchCV : Trains every candidate to the end.
    sklearn.model_selection.HalvingGridSearchCV : Trains survivors from scratch.

    Notes
    -----
    After `fit` the search is a classifier: `predict`, `predict_proba`,
    `decision_function`, `score` and `classes_` are those of `best_estimator_`, as in
    `GridSearchCV`.

    References
    ----------
    .. [1] K. Jamieson and A. Talwalkar, "Non-stochastic Best Arm Identification and
       Hyperparameter Optimization", AISTATS 2016, algorithm "Successive Halving";
       https://arxiv.org/abs/1502.07943
    .. [2] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm
       Restarts", ICLR 2017, section 3; https://arxiv.org/abs/1608.03983

    Examples
    --------
    >>> from skcnn import MNISTCNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> from skcnn.model_selection import WarmHalvingGridSearchCV
    >>> X, y = load_digit_images(return_X_y=True)
    >>> clf = MNISTCNNClassifier.from_preset("fast", epochs=4, random_state=0)
    >>> search = WarmHalvingGridSearchCV(
    ...     clf, {"learning_rate": [0.0001, 0.001, 0.01]}, cv=2
    ... )
    >>> search.fit(X[:500], y[:500]).best_params_
    {'learning_rate': 0.01}
    >>> search.n_candidates_, search.n_resources_
    ([3], [1])
    """

    _parameter_constraints = search_constraints(GridSearchCV) | CONSTRAINTS

    def __init__(
        self,
        estimator,
        param_grid,
        *,
        resource="epochs",
        min_resources=1,
        max_resources="auto",
        factor=3,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
    ):
        super().__init__(
            estimator,
            param_grid,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.resource = resource
        self.min_resources = min_resources
        self.max_resources = max_resources
        self.factor = factor

    def _candidates(self):
        return ParameterGrid(self.param_grid)


class WarmHalvingRandomSearchCV(_WarmHalving, RandomizedSearchCV):
    """Search random candidates with successive halving that goes on from weights.

    All candidates are trained for `min_resources` epochs and compared by
    cross-validation [1]_. The best ``1 / factor`` of them train on until they have had
    twice as many epochs, are compared again, and so on, until one is left or
    `max_resources` are reached. scikit-learn's `HalvingRandomSearchCV` trains the
    survivors of each comparison from scratch.

    Each part of the training is a `fit` with `warm_start`, with a learning rate
    schedule of its own, as in training with warm restarts [2]_: so candidates are
    compared where their rates have fallen. `best_estimator_` is trained from scratch
    on all images, for `max_resources` epochs in one go.

    Parameters
    ----------
    estimator : estimator
        A classifier of this package, a pipeline that ends in one, or any estimator
        with a parameter `warm_start` that makes each `fit` train for `resource` epochs
        more, such as scikit-learn's `MLPClassifier` (``resource="max_iter"``).
    param_distributions : dict or list of dict
        Values or distributions to draw each parameter from, as in scikit-learn's
        `RandomizedSearchCV`.
    n_iter : int, default=10
        Number of candidates.
    resource : str, default="epochs"
        The parameter that says for how many epochs to train; in a pipeline with the
        name of its step, as in "cifarcnnclassifier__epochs".
    min_resources : int, default=1
        Epochs before the first comparison.
    max_resources : int or "auto", default="auto"
        Epochs of the longest training and of the refit. "auto" takes the estimator's
        own. If these are "auto" too, each training takes the number that a fit on its
        images would take: of the folds, the smallest training part decides.
    factor : int, default=3
        The inverse of the share of candidates that survive a comparison.
    scoring : str, callable, list, tuple, dict or None, default=None
        As in scikit-learn's `RandomizedSearchCV`. Several metrics need the name of one
        as `refit`; by it candidates are chosen.
    n_jobs : int or None, default=None
        Fits to run at a time, with joblib's current backend.
    refit : bool, str or callable, default=True
        Whether to train the best candidate on all images. A callable gets
        `cv_results_` and returns the place of the best candidate in it.
    cv : int, splitter, iterable or None, default=None
        As in scikit-learn's `RandomizedSearchCV`. Its splits are drawn once.
    verbose : int, default=0
        From 1 on, a line before each comparison; more as in scikit-learn.
    pre_dispatch : int or str, default="2*n_jobs"
        Tasks handed out in advance, as in joblib.
    error_score : "raise" or float, default=nan
        The score of a fit that fails, or to raise its error.
    return_train_score : bool, default=False
        Whether to score on the training images too.
    random_state : int, RandomState instance or None, default=None
        Seeds the choice of candidates.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As in scikit-learn, a row for each candidate and comparison, with "iter" (number
        of the comparison), "n_resources" (epochs so far) and "candidate" (number of the
        candidate) besides. Times are those of the epochs since the last comparison.
    best_estimator_ : estimator
        The best candidate, trained on all images. Only with `refit`.
    best_params_ : dict
        Its parameters.
    best_score_ : float
        Its mean score in the last comparison, after `n_resources_[-1]` epochs.
    best_index_ : int
        Its place in `cv_results_`.
    n_resources_ : list of int
        Epochs that the candidates of each comparison have had.
    n_candidates_ : list of int
        Candidates in each comparison.
    n_iterations_ : int
        Number of comparisons.
    n_remaining_candidates_ : int
        Candidates that survived the last one.
    max_resources_ : int
        Epochs of the longest training.
    n_splits_ : int
        Number of folds.
    refit_time_ : float
        Seconds of the last training.
    scorer_ : callable or dict
        The scorers.
    multimetric_ : bool
        Whether there are several.

    See Also
    --------
    sklearn.model_selection.RandomizedSearchCV : Trains every candidate to the end.
    sklearn.model_selection.HalvingRandomSearchCV : Trains survivors from scratch.

    Notes
    -----
    After `fit` the search is a classifier: `predict`, `predict_proba`,
    `decision_function`, `score` and `classes_` are those of `best_estimator_`, as in
    `RandomizedSearchCV`.

    References
    ----------
    .. [1] K. Jamieson and A. Talwalkar, "Non-stochastic Best Arm Identification and
       Hyperparameter Optimization", AISTATS 2016, algorithm "Successive Halving";
       https://arxiv.org/abs/1502.07943
    .. [2] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm
       Restarts", ICLR 2017, section 3; https://arxiv.org/abs/1608.03983

    Examples
    --------
    >>> from skcnn import MNISTCNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> from skcnn.model_selection import WarmHalvingRandomSearchCV
    >>> X, y = load_digit_images(return_X_y=True)
    >>> clf = MNISTCNNClassifier.from_preset("fast", epochs=4, random_state=0)
    >>> search = WarmHalvingRandomSearchCV(
    ...     clf, {"learning_rate": [0.0001, 0.001, 0.01]}, n_iter=3, cv=2
    ... )
    >>> search.fit(X[:500], y[:500]).best_params_
    {'learning_rate': 0.01}
    >>> search.n_candidates_, search.n_resources_
    ([3], [1])
    """

    _parameter_constraints = search_constraints(RandomizedSearchCV) | CONSTRAINTS

    def __init__(
        self,
        estimator,
        param_distributions,
        *,
        n_iter=10,
        resource="epochs",
        min_resources=1,
        max_resources="auto",
        factor=3,
        scoring=None,
        n_jobs=None,
        refit=True,
        cv=None,
        verbose=0,
        pre_dispatch="2*n_jobs",
        error_score=np.nan,
        return_train_score=False,
        random_state=None,
    ):
        super().__init__(
            estimator,
            param_distributions,
            n_iter=n_iter,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
            random_state=random_state,
        )
        self.resource = resource
        self.min_resources = min_resources
        self.max_resources = max_resources
        self.factor = factor

    def _candidates(self):
        return ParameterSampler(
            self.param_distributions, self.n_iter, random_state=self.random_state
        )
