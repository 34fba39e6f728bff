"""
A rare class
============

Only one image in fifty shows an eight. A network that never says "eight" would be right
for 98 % of the images, so accuracy is the wrong score.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import ClassReportDisplay

# %%
# Make the class rare
# -------------------
# Of the training images of an eight, 20 stay. The test images stay as they are.

digits = load_digit_images()
y = np.where(digits.target == 8, "eight", "other")
X_train, X_test, y_train, y_test = train_test_split(
    digits.images, y, stratify=digits.target, random_state=0
)
kept = np.r_[
    np.flatnonzero(y_train == "eight")[:20], np.flatnonzero(y_train == "other")
]
X_train, y_train = X_train[kept], y_train[kept]
print(*np.unique(y_train, return_counts=True))

# %%
# Learn with and without weights
# ------------------------------
# ``class_weight="balanced"`` gives the rare images so much weight that both classes
# weigh the same.

parts = plt.figure(figsize=(9, 3.5), layout="constrained").subfigures(1, 2)
for class_weight, part in zip((None, "balanced"), parts, strict=True):
    clf = MNISTCNNClassifier(epochs=8, class_weight=class_weight, random_state=0)
    y_predicted = clf.fit(X_train, y_train).predict(X_test)
    ClassReportDisplay.from_predictions(y_test, y_predicted, ax=part.subplots())
    part.suptitle(f"class_weight={class_weight!r}")
    print(
        f"class_weight={class_weight!r}: accuracy {np.mean(y_predicted == y_test):.3f},"
        f" balanced accuracy {balanced_accuracy_score(y_test, y_predicted):.3f}"
    )
plt.show()

# %%
# What to remember
# ----------------
# If a class is rare, look at its recall or at the balanced accuracy, not at the
# accuracy. Weights find more of the rare images, at the price of some false alarms.
