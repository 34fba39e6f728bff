"""Floating-point errors as NumPy treats them by default, and probabilities."""

import numpy as np
from scipy.special import log_softmax, softmax


def default_errors() -> np.errstate:
    """Return a context in which `numpy.seterr` has changed nothing.

    Numbers that underflow are ordinary here: a very unlikely class, a black pixel.
    """
    return np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of each row, in float64 whatever the dtype of the network.

    Rows of float32 sum to 1 up to 1e-7 only, about which scikit-learn's `log_loss`
    warns. There are few columns, so float64 costs nothing.
    """
    with default_errors():
        return softmax(logits.astype(np.float64), axis=1)


def log_probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the logarithm of the softmax of each row, in the dtype of the logits."""
    # Where training diverges, logits are infinite or NaN; training reports that itself.
    with np.errstate(under="ignore", over="ignore", invalid="ignore"):
        return log_softmax(logits, axis=1)
