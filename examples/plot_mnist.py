"""
Recognize handwritten digits (MNIST)
====================================

A convolutional network learns to read handwritten digits, from 60,000 images to a
classification report, a confusion matrix and a look at the images.
"""

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.pipeline import make_pipeline

from skcnn import MNISTCNNClassifier
from skcnn.datasets import fetch_mnist
from skcnn.display import ImageGridDisplay
from skcnn.preprocessing import ImageReshaper

# %%
# Get the data
# ------------
# As in scikit-learn's data sets, an image is a row of 784 numbers. The images stay
# uint8 in memory, because the network scales the pixels.

X_train, y_train = fetch_mnist(subset="train", return_X_y=True)
X_test, y_test = fetch_mnist(subset="test", return_X_y=True)

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

model = make_pipeline(ImageReshaper((28, 28)), MNISTCNNClassifier(random_state=0))
model.fit(X_train, y_train)

# %%
# Evaluate it on images that it has not seen
# ------------------------------------------

y_predicted = model.predict(X_test)
print(classification_report(y_test, y_predicted, digits=4, zero_division=0))

ConfusionMatrixDisplay.from_predictions(y_test, y_predicted, colorbar=False)
plt.show()

# %%
# What to remember
# ----------------
# MNIST needs no tuning: the defaults read more than 99 of 100 digits. Its images are
# centered and have a dark background, so images of your own need the same form.
