"""Two sets of digits without a common class: one to start from, one to train on."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def low(digits):
    """Digits from 0 to 4."""
    X, y = digits
    return X[y < 5][:100], y[y < 5][:100]


@pytest.fixture(scope="module")
def high(digits):
    """Digits from 5 to 7, by name."""
    X, y = digits
    some = (y >= 5) & (y < 8)
    return X[some][:60], np.array(["five", "six", "seven"])[y[some][:60] - 5]
