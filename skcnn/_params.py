"""The parts of scikit-learn that this package uses although they are private.

scikit-learn validates the parameters of its own estimators with `_fit_context` and
``_parameter_constraints``, and their sample weights with `_check_sample_weight`, and
offers other packages nothing public for it. They are what makes an estimator's errors
read like scikit-learn's, so they are used here too, but imported in this one place:
when a release moves them, this file is what changes, and ``tests/test_params.py`` is
what says so.
"""

from sklearn.base import _fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    Options,
    StrOptions,
    validate_params,
)
from sklearn.utils.validation import _check_sample_weight

__all__ = [
    "HasMethods",
    "Interval",
    "Options",
    "StrOptions",
    "_check_sample_weight",
    "_fit_context",
    "validate_params",
]
