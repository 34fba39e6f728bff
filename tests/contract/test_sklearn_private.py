"""What skcnn uses of scikit-learn's private parts is where and what it was.

One canary for each name in the docstring of skcnn/_sklearn_private.py.
"""

import inspect
from email.message import Message
from importlib.metadata import PackageNotFoundError
from numbers import Integral

import house
import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackContext, CallbackSupportMixin
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.utils.validation import check_is_fitted

from skcnn import _sklearn_private as private


class Probe(CallbackSupportMixin, BaseEstimator):
    _parameter_constraints = {
        "count": [private.Interval(Integral, 1, None, closed="left"), None],
        "name": [private.StrOptions({"left", "right"})],
        "kind": [private.Options(type, {int, float})],
    }

    def __init__(self, count=1, name="left", kind=int):
        self.count = count
        self.name = name
        self.kind = kind

    @private.validates_parameters
    def fit(self, X, y=None):
        """Learn nothing."""
        private.begin_task(self).call_on_fit_task_begin(estimator=self)
        self.fitted_ = True
        return self


class Listener:
    """Notes what a fit tells a callback."""

    def __init__(self):
        self.told = []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context):
        self.told.append(f"end {context.task_name}")


# ------------------------------------------------------------------- the constraints


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"count": 0},
            r"The 'count' parameter of Probe must be an int in the range \[1, inf\) "
            r"or None. Got 0 instead",
        ),
        ({"count": "1"}, r"The 'count' parameter of Probe must be .*. Got '1' instead"),
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


def test_some_parameters_are_validated_alone():
    probe = Probe(count=0)
    private.validate_parameters(probe, ["name", "kind"])
    with pytest.raises(ValueError, match="'count' parameter of Probe"):
        private.validate_parameters(probe)


def test_validation_is_skipped_where_scikit_learn_is_told_so():
    with config_context(skip_parameter_validation=True):
        assert Probe(count=0).fit([[0]]).fitted_


def test_functions_are_validated_alike():
    @private.validates_arguments({"name": [private.StrOptions({"left"})]})
    def function(name, *, other=None):
        return name

    assert function("left") == function(name="left") == "left"
    with pytest.raises(ValueError, match=r"'name' parameter of .*function must be"):
        function("right")
    assert list(inspect.signature(function).parameters) == ["name", "other"]
    with pytest.raises(TypeError, match="missing a required argument: 'name'"):
        function()


@pytest.mark.parametrize("search_class", [GridSearchCV, RandomizedSearchCV])
def test_the_searches_of_scikit_learn_have_constraints(search_class):
    constraints = private.search_constraints(search_class)
    parameters = inspect.signature(search_class).parameters
    assert set(constraints) == set(parameters)


# -------------------------------------------------------------------------- callbacks


def test_a_fit_is_a_task_of_callbacks():
    listener = Listener()
    Probe().set_callbacks(listener).fit([[0]])
    assert listener.told == ["setup", "begin fit", "teardown"]


def test_a_task_has_the_methods_that_are_used():
    context = private.begin_task(Probe(), max_subtasks=3)
    assert isinstance(context, CallbackContext)
    assert context.parent is None and context.estimator_name == "Probe"
    part = context.subcontext(task_name="epoch", max_subtasks=0)
    assert part.parent is context and part.task_id == 0
    with part.propagate_callback_context(Probe()):
        part.call_on_fit_task_begin(estimator=Probe(), X=None, y=None, metadata=None)
    assert not part.call_on_fit_task_end(
        estimator=Probe(), reconstruction_attributes=dict
    )


# --------------------------------------------------------------------------- searches


def test_weights_are_routed_to_the_estimator_and_the_scorer():
    search = GridSearchCV(LogisticRegression(), {})
    params = {"sample_weight": np.ones(3), "groups": np.arange(3)}
    routed = private.routed_parameters(search, params)
    assert list(routed["estimator"]["fit"]) == ["sample_weight"]
    assert list(routed["scorer"]["score"]) == ["sample_weight"]
    assert list(routed["splitter"]["split"]) == ["groups"]
    assert params.keys() == {"sample_weight", "groups"}
    with config_context(enable_metadata_routing=True):
        estimator = LogisticRegression().set_fit_request(sample_weight=True)
        estimator.set_score_request(sample_weight=False)
        search = GridSearchCV(estimator, {})
        routed = private.routed_parameters(search, {"sample_weight": np.ones(3)})
        assert list(routed["estimator"]["fit"]) == ["sample_weight"]
        assert not routed["scorer"]["score"]


def fit_probe(given, **options):
    return private.fit_and_score(
        given,
        np.zeros((4, 1)),
        None,
        scorer=lambda estimator, X: 0.5,
        train=[0, 1],
        test=[2, 3],
        verbose=0,
        fit_params=None,
        score_params=None,
        return_train_score=True,
        return_times=True,
        return_n_test_samples=True,
        return_estimator=True,
        **options,
    )


def test_a_fit_of_a_search_does_not_clone_the_estimator():
    given = Probe(count=1)
    result = fit_probe(given, parameters={"count": 2})
    assert result["estimator"] is given
    assert given.count == 2
    assert given.fitted_
    assert result["test_scores"] == result["train_scores"] == 0.5
    assert result["fit_error"] is None


def test_a_fit_of_a_search_that_fails_says_so():
    result = fit_probe(Probe(), parameters={"count": 0}, error_score=-1.0)
    assert "The 'count' parameter of Probe" in result["fit_error"]
    assert result["test_scores"] == result["train_scores"] == -1.0


def test_results_become_the_table_of_all_searches():
    search = GridSearchCV(Probe(), {}, return_train_score=True)
    candidates = [{"count": 1}, {"name": "right"}]
    out = [
        {"fit_time": 1.0, "score_time": 2.0, "test_scores": score, "train_scores": 1.0}
        for score in (0.25, 0.75, 1.0, 1.0)
    ]
    table = private.results_table(search, candidates, 2, out, {"iter": [0, 1]})
    assert table["params"] == candidates
    assert table["iter"].tolist() == [0, 1]
    assert table["param_count"].tolist() == [1, None]
    assert table["split1_test_score"].tolist() == [0.75, 1.0]
    assert table["mean_test_score"].tolist() == [0.5, 1.0]
    assert table["std_test_score"].tolist() == [0.25, 0.0]
    assert table["rank_test_score"].tolist() == [2, 1]
    assert table["mean_train_score"].tolist() == [1.0, 1.0]
    assert table["mean_fit_time"].tolist() == [1.0, 1.0]
    several = [result | {"test_scores": {"a": 0.0, "b": 1.0}} for result in out]
    several = [result | {"train_scores": result["test_scores"]} for result in several]
    table = private.results_table(search, candidates, 2, several, {})
    assert table["mean_test_b"].tolist() == [1.0, 1.0]


# -------------------------------------------------------------------------- notebooks


@pytest.fixture
def address(monkeypatch):
    """The documentation in skcnn's metadata, as the first release will have it."""

    def metadata(name):
        message = Message()
        message["Project-URL"] = "Homepage, https://example.org"
        message["Project-URL"] = "Documentation, https://example.org/docs/"
        return message

    monkeypatch.setattr(private, "metadata", metadata)
    private.documentation_address.cache_clear()
    yield "https://example.org/docs"
    private.documentation_address.cache_clear()


ESTIMATORS = {
    f"{module}.{name}": thing
    for module, name, thing in house.public_names()
    if inspect.isclass(thing) and issubclass(thing, BaseEstimator)
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_representation_in_a_notebook_links_to_the_page_of_the_class(name, address):
    kind = ESTIMATORS[name]
    search = "WarmHalving" in name
    shown = (kind(LogisticRegression(), {}) if search else kind())._repr_html_()
    assert f'href="{address}/generated/{name}.html"' in shown


def test_a_subclass_of_a_users_has_no_page(address):
    class Own(ESTIMATORS["skcnn.MNISTCNNClassifier"]):
        __module__ = "own"

    assert "sk-estimator-doc-link" in Own()._repr_html_()
    assert address not in Own()._repr_html_()


@pytest.mark.parametrize("error", [None, PackageNotFoundError])
def test_without_an_address_there_is_no_link(monkeypatch, error):
    def metadata(name):
        if error:
            raise error(name)
        return Message()

    monkeypatch.setattr(private, "metadata", metadata)
    private.documentation_address.cache_clear()
    try:
        shown = ESTIMATORS["skcnn.preprocessing.ImageScaler"]()._repr_html_()
    finally:
        private.documentation_address.cache_clear()
    assert "ImageScaler.html" not in shown
