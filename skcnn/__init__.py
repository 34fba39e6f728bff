"""Convolutional networks that behave in every way like scikit-learn classifiers."""

from skcnn._classifiers import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._persistence import load, save

__version__ = "0.1.0"

__all__ = ["CIFARCNNClassifier", "MNISTCNNClassifier", "load", "save"]
