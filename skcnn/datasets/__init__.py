"""Loaders and readers of data sets, which return images and labels."""

from skcnn.datasets._cifar10 import fetch_cifar10
from skcnn.datasets._cifar10_preprocessed import read_cifar10_preprocessed
from skcnn.datasets._digit_recognizer import read_digit_recognizer, write_submission
from skcnn.datasets._digits import load_digit_images
from skcnn.datasets._image_folder import load_image_folder
from skcnn.datasets._image_table import load_image_table
from skcnn.datasets._mnist import fetch_mnist
from skcnn.datasets._npz import read_npz
from skcnn.datasets._split import split_by_label
from skcnn.datasets._table import read_table

__all__ = [
    "fetch_cifar10",
    "fetch_mnist",
    "load_digit_images",
    "load_image_folder",
    "load_image_table",
    "read_cifar10_preprocessed",
    "read_digit_recognizer",
    "read_npz",
    "read_table",
    "split_by_label",
    "write_submission",
]
