"""
Mistakes and confused pairs
===========================

A network that has learned from few images makes many mistakes. Pictures of them show
what it confuses, and which images would help.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import (
    ClassReportDisplay,
    ConfusedPairsDisplay,
    MisclassifiedImagesDisplay,
)

# %%
# Learn from ten images of each digit
# -----------------------------------

X, y = load_digit_images(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=100, stratify=y, random_state=0
)
clf = MNISTCNNClassifier(epochs=15, random_state=0).fit(X_train, y_train)
print(f"accuracy on {len(X_test)} new images: {clf.score(X_test, y_test):.3f}")

# %%
# Which classes are difficult
# ---------------------------
# Precision is low where the network says a class too often, and recall is low where it
# misses the class.

ClassReportDisplay.from_estimator(clf, X_test, y_test)
plt.show()

# %%
# Which classes are confused
# --------------------------
# The pairs that are confused most often, with the images.

ConfusedPairsDisplay.from_estimator(clf, X_test, y_test, max_pairs=5)
plt.show()

# %%
# The most confident mistakes
# ---------------------------
# Label and prediction of each image, with the probability that the network gave its
# prediction.

MisclassifiedImagesDisplay.from_estimator(clf, X_test, y_test, max_images=15)
plt.show()

# %%
# What to remember
# ----------------
# Confused pairs say which images to collect next: more of both classes. A confident
# mistake is either a kind of image that is missing in training or a wrong label.
