"""The scikit-learn estimator checks that are known to fail, each with its true reason.

There are none. A check may be listed only if no correct implementation could pass it;
whoever makes it pass takes it off.
"""

# {class name: {name of the check: reason}}
EXPECTED_FAILURES = {}


def expected_failures(estimator):
    """Return the checks that an estimator is expected to fail, with the reasons.

    Parameters
    ----------
    estimator : estimator instance
        Only its class matters.

    Returns
    -------
    dict of str to str
    """
    return EXPECTED_FAILURES.get(type(estimator).__name__, {})
