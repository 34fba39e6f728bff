"""Searches in which the best candidates go on training instead of starting again."""

import time
from itertools import product
from math import ceil
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv
from sklearn.utils import indexable
from sklearn.utils.parallel import Parallel, delayed

from skcnn._sklearn_private import (
    BaseSearchCV,
    Interval,
    StrOptions,
    _check_method_params,
    _fit_and_score,
    _fit_context,
    _insert_error_scores,
    _MultimetricScorer,
    _warn_or_raise_about_fit_failures,
)

__all__ = ["WarmHalvingGridSearchCV", "WarmHalvingRandomSearchCV"]

# A rung doubles what its candidates have been trained for. Candidates are compared
# after as little training as with a growth of `factor`, but the last ones are told
# apart earlier: going on costs only the difference, so rungs close together are cheap.
GROWTH = 2


class _WarmHalvingSearchCV(BaseSearchCV):
    """Successive halving over estimators that go on training from their weights."""

    _parameter_constraints = {
        **BaseSearchCV._parameter_constraints,
        "resource": [str],
        "min_resources": [Interval(Integral, 1, None, closed="left")],
        "max_resources": [
            Interval(Integral, 1, None, closed="left"),
            StrOptions({"auto"}),
        ],
        "factor": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(
        self,
        estimator,
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
        """Return the parameter settings to compare."""
        raise NotImplementedError

    @_fit_context(prefer_skip_nested_validation=False)
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
            If a parameter is not as described; before any training.

        Warns
        -----
        FitFailedWarning
            If some fits failed and `error_score` is a number.
        """
        scorers, refit_metric = self._get_scorers()
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        routed = self._get_routed_params_for_fit(params)
        candidates = [dict(candidate) for candidate in self._candidates()]
        warm = self._check_resource(candidates)

        cv = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        # Drawn once: survivors go on with the very images that they have seen.
        splits = list(cv.split(X, y, **routed.splitter.split))
        if not candidates or not splits:
            raise ValueError(
                f"There are {len(candidates)} candidates and {len(splits)} splits, so "
                "there is nothing to fit."
            )
        self.n_splits_ = len(splits)

        metadata = None
        if params.get("sample_weight") is not None:
            metadata = {"sample_weight": params["sample_weight"]}
        context = self._init_callback_context(
            max_subtasks=1 + (self.refit is not False)
        ).call_on_fit_task_begin(estimator=self, X=X, y=y, metadata=metadata)

        base = clone(self.estimator)
        results = self._halve(
            base, candidates, warm, X, y, splits, scorers, routed, refit_metric, context
        )
        self.multimetric_ = "mean_test_score" not in results
        refit_metric = self.refit if self.multimetric_ else "score"
        self.best_index_ = self._select_best_index(self.refit, refit_metric, results)
        if not callable(self.refit):
            means = results[f"mean_test_{refit_metric}"]
            self.best_score_ = means[self.best_index_]
        self.best_params_ = results["params"][self.best_index_]
        if self.refit:
            self._refit(base, X, y, routed, metadata, context)

        several = isinstance(scorers, _MultimetricScorer)
        self.scorer_ = scorers._scorers if several else scorers
        self.cv_results_ = results
        context.call_on_fit_task_end(estimator=self, X=X, y=y, metadata=metadata)
        return self

    def _check_resource(self, candidates):
        """Set `max_resources_`; return the name of the parameter `warm_start`."""
        parameters = self.estimator.get_params()
        head, separator, _ = self.resource.rpartition("__")
        warm = f"{head}{separator}warm_start"
        name = type(self.estimator).__name__
        for needed in (self.resource, warm):
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
        self.max_resources_ = self.max_resources
        if self.max_resources_ == "auto":
            self.max_resources_ = parameters[self.resource]
        if self.min_resources > self.max_resources_:
            raise ValueError(
                f"min_resources={self.min_resources} is greater than "
                f"max_resources_={self.max_resources_}."
            )
        return warm

    def _check_refit_for_multimetric(self, scores):
        """Refuse several metrics of which none is named."""
        if not isinstance(self.refit, str) or self.refit not in scores:
            raise ValueError(
                f"Got refit={self.refit!r} with several metrics, but successive "
                "halving has to know by which of them to choose. Set refit to one of "
                f"{', '.join(map(repr, scores))}."
            )

    def _halve(
        self,
        base,
        candidates,
        warm,
        X,
        y,
        splits,
        scorers,
        routed,
        refit_metric,
        context,
    ):
        """Train and eliminate; return `cv_results_`."""
        all_params, all_out = [], []
        more: dict[str, list] = {"iter": [], "n_resources": [], "candidate": []}
        self.n_resources_: list[int] = []
        self.n_candidates_: list[int] = []
        alive = list(range(len(candidates)))
        trained: dict[tuple, Any] = {}
        total = 0
        search = context.subcontext(
            task_name="search", max_subtasks=None
        ).call_on_fit_task_begin(estimator=self)
        options = {
            "scorer": scorers,
            "fit_params": routed.estimator.fit,
            "score_params": routed.scorer.score,
            "return_train_score": self.return_train_score,
            "return_n_test_samples": True,
            "return_times": True,
            "return_estimator": True,
            "error_score": self.error_score,
            "verbose": self.verbose,
            "caller": self,
        }
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
                go_on = {self.resource: target - total, warm: True}
                out = parallel(
                    delayed(_fit_and_score)(
                        trained[pair] if pair in trained else clone(base),
                        X,
                        y,
                        train=splits[pair[1]][0],
                        test=splits[pair[1]][1],
                        # Those that were trained have the candidate's already.
                        parameters=(
                            go_on if pair in trained else candidates[pair[0]] | go_on
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
                _warn_or_raise_about_fit_failures(out, self.error_score)
                if callable(self.scoring):
                    _insert_error_scores(out, self.error_score)
                    if isinstance(out[0]["test_scores"], dict):
                        self._check_refit_for_multimetric(out[0]["test_scores"])
                        refit_metric = self.refit
                more["iter"] += [len(self.n_resources_)] * len(alive)
                more["n_resources"] += [target] * len(alive)
                more["candidate"] += alive
                all_params += [candidates[i] for i in alive]
                all_out += out
                self.n_resources_.append(target)
                self.n_candidates_.append(len(alive))
                results = self._format_results(all_params, len(splits), all_out, more)
                rung.call_on_fit_task_end(estimator=self)
                total = target
                alive = self._survivors(results, refit_metric)
                trained = {
                    pair: estimator
                    for pair, estimator in trained.items()
                    if pair[0] in alive
                }
        self.n_iterations_ = len(self.n_resources_)
        self.n_remaining_candidates_ = len(alive)
        search.call_on_fit_task_end(estimator=self)
        return results

    def _survivors(self, results, metric):
        """Return the numbers of the best candidates of the last rung.

        One without a score, as its training failed, goes on only if all are such.
        """
        last = np.flatnonzero(results["iter"] == len(self.n_resources_) - 1)
        means = results[f"mean_test_{metric}"][last]
        # NaN last, and of equals the first.
        order = np.argsort(-means, kind="stable")
        n_scored = np.count_nonzero(~np.isnan(means)) or len(means)
        keep = order[: min(ceil(len(last) / self.factor), n_scored)]
        return sorted(results["candidate"][last[keep]].tolist())

    @staticmethod
    def _select_best_index(refit, refit_metric, results):
        if callable(refit):
            return BaseSearchCV._select_best_index(refit, refit_metric, results)
        last = np.flatnonzero(results["iter"] == results["iter"].max())
        means = results[f"mean_test_{refit_metric}"][last]
        return last[0 if np.isnan(means).all() else np.nanargmax(means)]

    def _refit(self, base, X, y, routed, metadata, context):
        parameters = clone(self.best_params_, safe=False)
        self.best_estimator_ = clone(base).set_params(
            **parameters, **{self.resource: self.max_resources_}
        )
        task = context.subcontext(task_name="refit-with-best-params")
        with task.propagate_callback_context(self.best_estimator_):
            task.call_on_fit_task_begin(estimator=self, X=X, y=y, metadata=metadata)
            start = time.perf_counter()
            labels = () if y is None else (y,)
            self.best_estimator_.fit(X, *labels, **routed.estimator.fit)
            self.refit_time_ = time.perf_counter() - start
        if hasattr(self.best_estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.best_estimator_.feature_names_in_
        task.call_on_fit_task_end(estimator=self, X=X, y=y, metadata=metadata)


class WarmHalvingGridSearchCV(_WarmHalvingSearchCV):
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
        own.
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

    _parameter_constraints = {
        **_WarmHalvingSearchCV._parameter_constraints,
        "param_grid": [dict, list],
    }

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
            resource=resource,
            min_resources=min_resources,
            max_resources=max_resources,
            factor=factor,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_grid = param_grid

    def _candidates(self):
        return ParameterGrid(self.param_grid)


class WarmHalvingRandomSearchCV(_WarmHalvingSearchCV):
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
        own.
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

    _parameter_constraints = {
        **_WarmHalvingSearchCV._parameter_constraints,
        "param_distributions": [dict, list],
        "n_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

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
            resource=resource,
            min_resources=min_resources,
            max_resources=max_resources,
            factor=factor,
            scoring=scoring,
            n_jobs=n_jobs,
            refit=refit,
            cv=cv,
            verbose=verbose,
            pre_dispatch=pre_dispatch,
            error_score=error_score,
            return_train_score=return_train_score,
        )
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.random_state = random_state

    def _candidates(self):
        return ParameterSampler(
            self.param_distributions, self.n_iter, random_state=self.random_state
        )
