"""
From images to a report: the digits of scikit-learn
===================================================

A convolutional network learns to read 1,347 small digits. Figures show which digits it
misclassifies and why. This example needs no download.
"""

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import (
    ConfusedPairsDisplay,
    ImageGridDisplay,
    LossCurveDisplay,
    MisclassifiedImagesDisplay,
    OcclusionDisplay,
    TopLabelCalibrationDisplay,
)

# %%
# Look at the images
# ------------------

digits = load_digit_images()
ImageGridDisplay.from_data(digits.images, digits.target, per_class=8)
plt.show()

# %%
# Learn
# -----
# Pixels stay uint8, because the network scales them. A tenth of the training images is
# held out to determine when to stop.

X_train, X_test, y_train, y_test = train_test_split(
    digits.images, digits.target, stratify=digits.target, random_state=0
)
clf = MNISTCNNClassifier(epochs=12, early_stopping=True, random_state=0)
clf.fit(X_train, y_train)
LossCurveDisplay.from_estimator(clf)
plt.show()

# %%
# Evaluate it on images that it has not seen
# ------------------------------------------

y_predicted = clf.predict(X_test)
print(classification_report(y_test, y_predicted, digits=3))
ConfusionMatrixDisplay.from_predictions(y_test, y_predicted, colorbar=False)
plt.show()

# %%
# What went wrong
# ---------------
# The most confident mistakes come first.

display = MisclassifiedImagesDisplay.from_estimator(clf, X_test, y_test, max_images=8)
plt.show()

# %%
# Which classes are confused most often, and with which predictions:

ConfusedPairsDisplay.from_estimator(clf, X_test, y_test, max_pairs=4)
plt.show()

# %%
# Can its probabilities be trusted?
# ---------------------------------
# Each point stands for predictions that the network was equally sure of. Above the
# dotted line, it was right more often than it said.

TopLabelCalibrationDisplay.from_estimator(clf, X_test, y_test)
plt.show()

# %%
# Why it was wrong
# ----------------
# Parts of the image are covered one after another. Where this lowers the probability of
# the wrong class, the network sees evidence for that class.

worst = display.indices[0]
OcclusionDisplay.from_estimator(clf, X_test[worst : worst + 1], patch_size=2)
plt.show()
