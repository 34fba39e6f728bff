"""Convolutional networks that behave in every way like scikit-learn classifiers."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skcnn._estimator.classifiers import CIFARCNNClassifier, MNISTCNNClassifier
    from skcnn._estimator.cnn import CNNClassifier
    from skcnn._estimator.saving import load, save

__version__ = "0.1.0"

__all__ = [
    "CIFARCNNClassifier",
    "CNNClassifier",
    "MNISTCNNClassifier",
    "load",
    "save",
]

_HOMES = {
    "CIFARCNNClassifier": "skcnn._estimator.classifiers",
    "CNNClassifier": "skcnn._estimator.cnn",
    "MNISTCNNClassifier": "skcnn._estimator.classifiers",
    "load": "skcnn._estimator.saving",
    "save": "skcnn._estimator.saving",
}

_SUBPACKAGES = (
    "clusters",
    "datasets",
    "display",
    "export",
    "inspection",
    "model_selection",
    "networks",
    "preprocessing",
)


def __dir__():
    return sorted({*globals(), *__all__, *_SUBPACKAGES})


# scikit-learn is imported on first use: ``skcnn --help`` answers without it.
def __getattr__(name):
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    elif name in _SUBPACKAGES:
        value = import_module(f"skcnn.{name}")
    else:
        raise AttributeError(f"module 'skcnn' has no attribute {name!r}")
    globals()[name] = value
    return value
