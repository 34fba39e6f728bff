"""
Which part of an image decides
==============================

A map shows what in an image speaks for a class. Here such maps uncover a shortcut: a
network that is right for the wrong reason.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import (
    ClassActivationDisplay,
    ImageGridDisplay,
    OcclusionDisplay,
)

# %%
# A scanner that leaves a mark
# ----------------------------
# Suppose that all images of a three come from one scanner, which leaves a mark in the
# corner. The mark is drawn here, on digits with a dark margin.

digits = load_digit_images()
X, y = np.pad(digits.images, [(0, 0), (4, 4), (4, 4)]), digits.target


def mark(images):
    images = images.copy()
    images[:, 12:15, 12:15] = 255
    return images


X[y == 3] = mark(X[y == 3])
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
ImageGridDisplay.from_data(X_train, y_train, per_class=8)
plt.show()

# %%
# Learn
# -----
# The accuracy on test images from the same scanners is high. But a seven with the mark
# becomes a three.

clf = MNISTCNNClassifier(
    dense_units=(), global_pooling=True, padding="same", epochs=30, random_state=0
)
clf.fit(X_train, y_train)
print(f"accuracy on {len(X_test)} new images: {clf.score(X_test, y_test):.3f}")
sevens = X_test[y_test == 7]
print(f"sevens taken for a three: {np.mean(clf.predict(sevens) == 3):.2f}")
print(f"the same with the mark: {np.mean(clf.predict(mark(sevens)) == 3):.2f}")

# %%
# Cover parts of an image
# -----------------------
# `OcclusionDisplay` covers one part after another, and shows how much the probability
# falls. It works for any classifier.

three = X_test[y_test == 3][:1]
OcclusionDisplay.from_estimator(clf, three, patch_size=4, stride=1)
plt.show()

# %%
# Look into the network
# ---------------------
# `ClassActivationDisplay` needs one prediction only, and a network without hidden dense
# layers. It divides the evidence for a class among the positions of the image.

ClassActivationDisplay.from_estimator(clf, three)
plt.show()

# %%
# A seven without the mark, for comparison: here the evidence is in the digit.

ClassActivationDisplay.from_estimator(clf, sevens[:1])
plt.show()

# %%
# What to remember
# ----------------
# A high accuracy on test images from the same source does not show that a network looks
# at the right thing. Look at a few maps of each class before you trust it elsewhere.
