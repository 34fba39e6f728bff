"""The parts of scikit-learn that this package uses although they are private.

scikit-learn validates the parameters and weights of its own estimators with them, and
offers other packages nothing public for it. They are what makes an estimator's errors
read like scikit-learn's, so they are used here too, but imported in this one place:
when a release moves them, this file is what changes, and its test is what says so.

The parts that make a search are slow to import, and so are imported on first use.
"""

from typing import Any

from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import (
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils.validation import (
    _check_method_params,
    _check_sample_weight,
    _num_samples,
)

OF_SEARCHES = {
    "BaseSearchCV": "sklearn.model_selection._search",
    "_MultimetricScorer": "sklearn.metrics._scorer",
    "_fit_and_score": "sklearn.model_selection._validation",
    "_insert_error_scores": "sklearn.model_selection._validation",
    "_warn_or_raise_about_fit_failures": "sklearn.model_selection._validation",
}

__all__ = [
    "Interval",
    "InvalidParameterError",
    "Options",
    "StrOptions",
    "_check_method_params",
    "_check_sample_weight",
    "_fit_context",
    "_num_samples",
    "_safe_indexing",
    "validate_parameter_constraints",
    "validate_params",
]


def __getattr__(name: str) -> Any:
    if name in OF_SEARCHES:
        from importlib import import_module

        return getattr(import_module(OF_SEARCHES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
