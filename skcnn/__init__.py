"""Convolutional networks that behave in every way like scikit-learn classifiers."""

from skcnn._classifiers import CIFARCNNClassifier, MNISTCNNClassifier

__version__ = "0.1.0"

__all__ = ["CIFARCNNClassifier", "MNISTCNNClassifier"]
