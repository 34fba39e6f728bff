"""The parts of scikit-learn that this package uses although they are private.

scikit-learn validates the parameters and weights of its own estimators with them, and
offers other packages nothing public for it. They are what makes an estimator's errors
read like scikit-learn's, so they are used here too, but imported in this one place:
when a release moves them, this file is what changes, and its test is what says so.
"""

from sklearn.base import _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import (
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils.validation import _check_sample_weight, _num_samples

__all__ = [
    "Interval",
    "Options",
    "StrOptions",
    "_check_sample_weight",
    "_fit_context",
    "_num_samples",
    "_safe_indexing",
    "validate_parameter_constraints",
    "validate_params",
]
