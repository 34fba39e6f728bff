"""Draw README's picture: the mistakes of the defaults on MNIST's test images.

    SKCNN_DATA=/path/to/data python docs/mistakes.py

trains on all 60,000 images, which takes a minute or two, and writes
docs/_static/mistakes.png.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from skcnn import MNISTCNNClassifier
from skcnn.datasets import fetch_mnist
from skcnn.display import MisclassifiedImagesDisplay

X, y = fetch_mnist(subset="train", return_X_y=True)
X_test, y_test = fetch_mnist(subset="test", return_X_y=True)
clf = MNISTCNNClassifier(random_state=0, verbose=1).fit(X, y)
# README shows it at 840 pixels, and at 420 on a phone: few images, with large letters.
figure, ax = plt.subplots(figsize=(6.4, 3.7), layout="constrained")
MisclassifiedImagesDisplay.from_estimator(clf, X_test, y_test, max_images=10, ax=ax)
path = Path(__file__).parent / "_static" / "mistakes.png"
figure.savefig(path, dpi=200, metadata={"Software": None})
