"""The scikit-learn estimator checks that are known to fail, each with its true reason.

A check may be listed only if no correct implementation could pass it; whoever makes it
pass takes it off this list.
"""

_FLOAT32_ORDER = (
    "The check asks that decision_function and predict_proba give each row the same "
    "values to a relative 1e-7 whatever the order of the rows, but two neighbouring "
    "float32 numbers lie up to 1.2e-7 apart. Which instructions compute a row of a "
    "float32 matrix product, and so the last bit of the row, depends on its place in "
    'the batch. The same network with dtype="float64" passes.'
)

# Whether the last bit differs depends on the width of the processor's vector registers,
# so this expectation is not strict: on some machines the check passes.
_FLOAT32 = {"check_methods_sample_order_invariance": _FLOAT32_ORDER}

_BY_CLASSIFIER = {
    ("CIFARCNNClassifier", "float32"): _FLOAT32,
    ("CIFARCNNClassifier", "float64"): {},
    ("MNISTCNNClassifier", "float32"): _FLOAT32,
    ("MNISTCNNClassifier", "float64"): {},
}


def expected_failures(estimator):
    """Return the checks that a classifier is expected to fail.

    Parameters
    ----------
    estimator : CIFARCNNClassifier or MNISTCNNClassifier
        Only its class and its `dtype` matter.

    Returns
    -------
    dict of str to str
        From the name of a check to the reason.
    """
    return _BY_CLASSIFIER[type(estimator).__name__, estimator.dtype]
