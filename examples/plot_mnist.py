"""
Recognize handwritten digits (MNIST)
====================================

A convolutional network learns to read handwritten digits, from 60,000 images to a
classification report, a confusion matrix and a look at the images.

If the environment variable ``SKCNN_FAST`` is set, the network learns from a few hundred
images for one epoch. This only checks that everything works.
"""

import os

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.pipeline import make_pipeline

from skcnn import MNISTCNNClassifier
from skcnn.datasets import fetch_mnist
from skcnn.display import ImageGridDisplay
from skcnn.preprocessing import ImageReshaper

FAST = "SKCNN_FAST" in os.environ

# %%
# Get the data
# ------------
# As in scikit-learn's data sets, an image is a row of 784 numbers. The images stay
# uint8 in memory, because the network scales the pixels.

try:
    X_train, y_train = fetch_mnist(subset="train", return_X_y=True)
    X_test, y_test = fetch_mnist(subset="test", return_X_y=True)
except OSError as error:
    raise SystemExit(
        f"{error}\nskcnn.datasets.load_digit_images needs no download: try it instead."
    ) from error

if FAST:
    X_train, y_train = X_train[:600], y_train[:600]
    X_test, y_test = X_test[:300], y_test[:300]

# %%
# Look at the images
# ------------------

ImageGridDisplay.from_data(X_train, y_train)
plt.show()

# %%
# Learn
# -----
# The classifier itself infers that rows of 784 pixels are images of 28 x 28 pixels. The
# `ImageReshaper` states this for the reader, and refuses rows of another length.

classifier = MNISTCNNClassifier(random_state=0)
if FAST:
    classifier.set_params(epochs=1)
model = make_pipeline(ImageReshaper((28, 28)), classifier)
model.fit(X_train, y_train)

# %%
# Evaluate it on images that it has not seen
# ------------------------------------------

y_predicted = model.predict(X_test)
print(classification_report(y_test, y_predicted, digits=4, zero_division=0))

ConfusionMatrixDisplay.from_predictions(y_test, y_predicted, colorbar=False)
plt.show()
