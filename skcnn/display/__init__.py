"""Displays of images and features, of a training, and of a classifier's mistakes."""

from skcnn.display._calibration import TopLabelCalibrationDisplay
from skcnn.display._class_activation import ClassActivationDisplay
from skcnn.display._class_report import ClassReportDisplay
from skcnn.display._confused_pairs import ConfusedPairsDisplay
from skcnn.display._embedding import EmbeddingDisplay
from skcnn.display._image_grid import ImageGridDisplay
from skcnn.display._loss_curve import LossCurveDisplay
from skcnn.display._occlusion import OcclusionDisplay
from skcnn.display._ranked_images import LabelIssuesDisplay, MisclassifiedImagesDisplay
from skcnn.display._search_results import SearchResultsDisplay

__all__ = [
    "ClassActivationDisplay",
    "ClassReportDisplay",
    "ConfusedPairsDisplay",
    "EmbeddingDisplay",
    "ImageGridDisplay",
    "LabelIssuesDisplay",
    "LossCurveDisplay",
    "MisclassifiedImagesDisplay",
    "OcclusionDisplay",
    "SearchResultsDisplay",
    "TopLabelCalibrationDisplay",
]
