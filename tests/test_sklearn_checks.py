"""scikit-learn's own estimator checks on the classifiers.

Those of the transformers are in test_preprocessing.py.
"""

import os
from unittest import SkipTest

import pytest
from expected_failures import expected_failures
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier

ESTIMATORS = [
    MNISTCNNClassifier(),
    MNISTCNNClassifier(dtype="float64"),
    CIFARCNNClassifier(),
    CIFARCNNClassifier(dtype="float64"),
]


# Not strict: see expected_failures.py for why some machines pass.
@parametrize_with_checks(
    ESTIMATORS, expected_failed_checks=expected_failures, xfail_strict=False
)
def test_scikit_learn_checks(estimator, check):
    try:
        check(estimator)
    except SkipTest as skip:
        # pytest would report a skip, which is easily overlooked.
        pytest.fail(f"skipped: {skip}")


def test_the_array_api_check_is_not_skipped():
    assert os.environ["SCIPY_ARRAY_API"] == "1"


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_at_most_one_check_is_expected_to_fail(estimator):
    assert len(expected_failures(estimator)) <= 1


@pytest.mark.parametrize(
    "classifier", [MNISTCNNClassifier, CIFARCNNClassifier], ids=lambda c: c.__name__
)
def test_no_check_is_expected_to_fail_in_float64(classifier):
    assert not expected_failures(classifier(dtype="float64"))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
def test_expected_failures_name_real_checks_and_true_reasons(estimator):
    for check, reason in expected_failures(estimator).items():
        assert hasattr(estimator_checks, check)
        # What is compared, how finely, and what cannot be that fine.
        for fact in ("relative 1e-7", "float32", "1.2e-7", "float64", "order"):
            assert fact in reason
        assert len(reason) > 200
