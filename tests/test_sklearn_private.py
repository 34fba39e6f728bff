"""scikit-learn's private parameter validation is where and what skcnn takes it for."""

from numbers import Integral

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from skcnn import _sklearn_private as private


class Probe(BaseEstimator):
    _parameter_constraints = {
        "count": [private.Interval(Integral, 1, None, closed="left"), None],
        "name": [private.StrOptions({"left", "right"})],
        "kind": [private.Options(type, {int, float})],
    }

    def __init__(self, count=1, name="left", kind=int):
        self.count = count
        self.name = name
        self.kind = kind

    @private._fit_context(prefer_skip_nested_validation=True)
    def fit(self, X):
        """Learn nothing."""
        self.fitted_ = True
        return self


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"count": 0}, r"The 'count' parameter of Probe must be an int in the range "),
        ({"name": "up"}, r"'name' parameter of Probe must be a str among .*Got 'up'"),
        ({"kind": str}, r"The 'kind' parameter of Probe must be a type among "),
    ],
)
def test_fit_refuses_what_breaks_a_constraint(parameters, message):
    probe = Probe(**parameters)
    with pytest.raises(ValueError, match=message):
        probe.fit([[0]])
    with pytest.raises(NotFittedError):
        check_is_fitted(probe)


@pytest.mark.parametrize("parameters", [{"count": None}, {"name": "right"}, {}])
def test_fit_runs_where_all_constraints_hold(parameters):
    assert Probe(**parameters).fit([[0]]).fitted_


def test_functions_are_validated_alike():
    @private.validate_params(
        {"name": [private.StrOptions({"left"})]}, prefer_skip_nested_validation=True
    )
    def function(name):
        return name

    assert function("left") == "left"
    with pytest.raises(ValueError, match=r"'name' parameter of .*function must be"):
        function("right")


def test_sample_weights_are_checked_and_default_to_ones():
    X = np.zeros((3, 2))
    np.testing.assert_array_equal(private._check_sample_weight(None, X), np.ones(3))
    np.testing.assert_array_equal(private._check_sample_weight([1, 2, 3], X), [1, 2, 3])
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(2,\)"):
        private._check_sample_weight([1, 2], X)


def test_all_that_is_exported_is_there():
    for name in (*private.__all__, *private.OF_SEARCHES):
        assert hasattr(private, name)


def test_samples_are_counted_and_picked_in_any_container():
    assert private._num_samples([[1], [2], [3]]) == 3
    assert private._num_samples(np.empty((2, 5, 5))) == 2
    assert private._safe_indexing(["a", "b", "c"], [2, 0]) == ["c", "a"]


def test_a_search_continues_an_estimator_that_is_passed_fitted():
    # What skcnn.model_selection relies on: no clone, and the estimator comes back.
    given = Probe(count=1)
    result = private._fit_and_score(
        given,
        np.zeros((4, 1)),
        None,
        scorer=lambda estimator, X: 0.5,
        train=[0, 1],
        test=[2, 3],
        verbose=0,
        parameters={"count": 2},
        fit_params=None,
        score_params=None,
        return_estimator=True,
    )
    assert result["estimator"] is given
    assert given.count == 2
    assert given.fitted_
    assert result["test_scores"] == 0.5
    for method in (
        "_get_scorers",
        "_get_routed_params_for_fit",
        "_check_refit_for_multimetric",
        "_format_results",
        "_select_best_index",
    ):
        assert hasattr(private.BaseSearchCV, method)


def test_what_is_not_exported_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        private.nothing  # noqa: B018
