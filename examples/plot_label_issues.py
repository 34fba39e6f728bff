"""
Find labels that are wrong
==========================

Some labels of the digits are spoilt on purpose. Cross-validated probabilities, by
networks that have not seen the image in question, give most of them away.
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
# Spoil forty labels
# ------------------

rng = np.random.default_rng(0)
spoilt = rng.choice(len(y), 40, replace=False)
y[spoilt] = (y[spoilt] + rng.integers(1, 10, 40)) % 10

# %%
# Find them
# ---------

clf = MNISTCNNClassifier(epochs=15, random_state=0)
probabilities = cross_val_predict(clf, X, y, cv=4, method="predict_proba")
found = find_label_issues(y, probabilities)
print(f"{len(found)} labels in doubt, {np.isin(found, spoilt).sum()} of them spoilt")

# %%
# Look at them
# ------------
# The label that an image has stands above the one that is suggested.

LabelIssuesDisplay.from_predictions(X, y, probabilities)
plt.show()
