"""Floating-point errors as in NumPy's defaults, and the softmax of logits."""

import numpy as np
from scipy.special import log_softmax, softmax


def default_errors() -> np.errstate:
    """Return a context with NumPy's default error handling, whatever the user set.

    Underflow is ignored: the probability of a very unlikely class underflows.
    """
    return np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of each row in float64, whatever the dtype of the network.

    Rows of float32 probabilities sum to 1 with an error of 1e-7, and scikit-learn's
    `log_loss` warns about that. Float64 costs little, since there are few columns.
    """
    with default_errors():
        return softmax(logits.astype(np.float64), axis=1)


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of the softmax of each row, in the dtype of the logits."""
    # Logits are infinite or NaN if training diverged; `fit` warns of that itself.
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        return log_softmax(logits, axis=1)
