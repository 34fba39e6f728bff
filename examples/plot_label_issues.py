"""
Find labels that are wrong
==========================

Some labels of the digits are replaced by wrong ones on purpose. In cross-validation,
the probabilities of each image come from a network that was not trained on it. They
reveal most of the wrong labels.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import cross_val_predict

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import LabelIssuesDisplay
from skcnn.inspection import find_label_issues

X, y = load_digit_images(return_X_y=True)

# %%
# Replace forty labels by wrong ones
# ----------------------------------

rng = np.random.default_rng(0)
wrong = rng.choice(len(y), 40, replace=False)
y[wrong] = (y[wrong] + rng.integers(1, 10, 40)) % 10

# %%
# Find them
# ---------

clf = MNISTCNNClassifier(epochs=15, random_state=0)
probabilities = cross_val_predict(clf, X, y, cv=4, method="predict_proba")
found = find_label_issues(y, probabilities)
print(f"{len(found)} labels in doubt, {np.isin(found, wrong).sum()} of them wrong")

# %%
# Look at them
# ------------
# The title of each image is its label, above the label that the network suggests.

LabelIssuesDisplay.from_predictions(X, y, probabilities)
plt.show()

# %%
# What to remember
# ----------------
# Look at the labels that a cross-validated network doubts before you tune anything: a
# wrong label costs accuracy, and correcting it costs a second.
