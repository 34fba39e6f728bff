"""The private parts of scikit-learn that skcnn uses, each with its reason.

No other module touches a private name of scikit-learn. When a release moves one of
them, this file is what changes, and a test says so:
tests/contract/test_sklearn_private.py.

- ``Interval``: the constraint "a number in this range", with scikit-learn's message.
  `sklearn.utils.check_scalar` is public, but its messages and types are others.
- ``Options``: the constraint "one of these values", for the same reason.
- ``validate_parameter_constraints``: applies constraints and words the error.
- ``_parameter_constraints``: the constraints that scikit-learn's own searches put on
  `scoring`, `cv`, `refit` and the like, which ours share.
- ``_init_callback_context``: the way for an estimator to run scikit-learn's callbacks.
  scikit-learn documents it for authors of estimators, in spite of its underscore.
- ``_get_routed_params_for_fit``: hands the arguments of a search's `fit` to estimator,
  scorer and splitter, with metadata routing and without.
- ``_fit_and_score``: one fit of a search. Every public function that calls it clones
  the estimator, which then cannot continue training from its weights.
- ``_format_results``: makes `cv_results_` as all searches have it.

`LinksToDocumentation` is the other way around: a method that scikit-learn looks for
in estimators of all packages. Without it, nothing of skcnn would fail.
"""

import functools
import inspect
from collections.abc import Callable, Iterable
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, metadata
from numbers import Real
from typing import Any

import numpy as np
import sklearn
from sklearn.callback import with_callbacks
from sklearn.utils._param_validation import (
    Interval,
    Options,
    validate_parameter_constraints,
)

__all__ = [
    "LARGEST_INTEGER",
    "Interval",
    "LinksToDocumentation",
    "Options",
    "StrOptions",
    "begin_task",
    "fit_and_score",
    "results_table",
    "routed_parameters",
    "search_constraints",
    "validate_parameters",
    "validates_arguments",
    "validates_parameters",
]

StrOptions = partial(Options, str)


# Whole numbers beyond 64 bits would end in an OverflowError once training has started.
LARGEST_INTEGER = 2**63 - 1


def validate_parameters(estimator: Any, names: Iterable[str] | None = None) -> None:
    """Raise a ValueError in scikit-learn's words for a parameter that is not valid."""
    if names is None:
        names = estimator.get_params(deep=False)
    values = {name: getattr(estimator, name) for name in names}
    for name, value in values.items():
        if isinstance(value, np.floating):
            # A longdouble that is too large for float64 becomes infinite.
            values[name] = float(value)
        elif isinstance(value, Real):
            _refuse_other_numbers(name, value)
    validate_parameter_constraints(
        estimator._parameter_constraints, values, caller_name=type(estimator).__name__
    )


def _refuse_other_numbers(name: str, value: Real) -> None:
    """Refuse numbers that scikit-learn's validation cannot compare, or lets through."""
    if not isinstance(value, (int, float, np.number)):
        raise ValueError(
            f"Got a {type(value).__name__} as {name}, but expected a number of "
            f"Python or NumPy. Write {name}=float(...)."
        )
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise ValueError(
            f"Got a number of {value.bit_length()} bits as {name}, but whole numbers "
            "go up to 63 bits. Give a smaller one."
        )


def validates_parameters(method: Callable) -> Callable:
    """Let a `fit` validate the estimator's parameters first and support callbacks."""

    @with_callbacks
    @functools.wraps(method)
    def call(self, *args, **kwargs):
        if not sklearn.get_config()["skip_parameter_validation"]:
            validate_parameters(self)
        return method(self, *args, **kwargs)

    return call


def validates_arguments(constraints: dict[str, list]) -> Callable:
    """Let a function validate its arguments first, as scikit-learn's functions do."""

    def decorate(function):
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args, **kwargs):
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            if not sklearn.get_config()["skip_parameter_validation"]:
                validate_parameter_constraints(
                    constraints, given.arguments, caller_name=function.__qualname__
                )
            return function(*args, **kwargs)

        return call

    return decorate


def begin_task(estimator: Any, **options: Any) -> Any:
    """Set up an estimator's callbacks; return the `CallbackContext` of its `fit`."""
    return estimator._init_callback_context(**options)


def search_constraints(search_class: type) -> dict[str, list]:
    """Return the constraints on the parameters of a search of scikit-learn's."""
    return search_class._parameter_constraints  # type: ignore[attr-defined]


def routed_parameters(search: Any, params: dict[str, Any]) -> Any:
    """Return what estimator, scorer and splitter get of the arguments of `fit`."""
    return search._get_routed_params_for_fit(params)


def fit_and_score(*args: Any, **kwargs: Any) -> dict[str, Any]:
    """Fit an estimator, without cloning it, and score it on a split of the data."""
    # Imported here: it is the slowest part of scikit-learn to import.
    from sklearn.model_selection._validation import _fit_and_score

    return _fit_and_score(*args, **kwargs)


def results_table(
    search: Any,
    candidates: list[dict[str, Any]],
    n_splits: int,
    results: list[dict[str, Any]],
    more: dict[str, list],
) -> dict[str, Any]:
    """Return `cv_results_` of what :func:`fit_and_score` returned for all candidates.

    `results` holds the splits of the first candidate, then those of the second, and
    so on. `more` has a list for each further column, with one entry a candidate.
    """
    return search._format_results(candidates, n_splits, results, more)


class LinksToDocumentation:
    """Estimators whose HTML representation, in a notebook, links to their page.

    The address is that of the documentation in skcnn's metadata (`[project.urls]` in
    pyproject.toml). As long as it has none, there is no link.
    """

    def _get_doc_link(self) -> str:
        """Return the address of the page of the class, or "" for a user's subclass."""
        address, kind = documentation_address(), type(self)
        if not address or kind.__module__.partition(".")[0] != "skcnn":
            return ""
        return f"{address}/generated/{kind.__module__}.{kind.__name__}.html"


@cache
def documentation_address() -> str:
    """Return where skcnn's documentation is, without a slash at the end, or ""."""
    try:
        entries = metadata("skcnn").get_all("Project-URL", [])
    except PackageNotFoundError:  # a folder on the path, not installed
        return ""
    for entry in entries:
        label, _, address = entry.partition(", ")
        if label.casefold() == "documentation":
            return str(address).rstrip("/")
    return ""
