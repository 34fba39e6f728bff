"""
Features: similar digits, strange digits, and a map of all
==========================================================

A network that has learned to tell digits apart can also say which images are similar:
`transform` returns the features from which it computes its predictions. Here they find
the nearest neighbors of a digit, digits of a kind that the network has never seen, and
the place of each digit on a map.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.manifold import TSNE
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import EmbeddingDisplay, ImageGridDisplay

# %%
# Learn to tell eight digits apart
# --------------------------------
# The network sees no eight and no nine.

digits = load_digit_images()
X_train, X_test, y_train, y_test = train_test_split(
    digits.images, digits.target, stratify=digits.target, random_state=0
)
known = y_train < 8
clf = MNISTCNNClassifier(epochs=12, random_state=0)
train_features = clf.fit_transform(X_train[known], y_train[known])
features = clf.transform(X_test)
print(f"{features.shape[1]} features of each image, {features.dtype}")

# %%
# The nearest neighbors of a digit
# --------------------------------
# The first image of each row is a digit that the network has not seen. Its nearest
# neighbors among the other test images follow.

neighbors = NearestNeighbors(n_neighbors=7).fit(features)
queries = [np.flatnonzero(y_test == digit)[0] for digit in (2, 4, 6, 8)]
found = neighbors.kneighbors(features[queries], return_distance=False)
ImageGridDisplay(
    [X_test[row, ..., np.newaxis] for row in found],
    row_labels=[f"digit {y_test[query]}" for query in queries],
).plot()
plt.show()

# %%
# Digits of a kind that the network has never seen
# ------------------------------------------------
# An outlier is far from the features of all training images. Among the test images,
# most outliers are the eights and nines.

outliers = LocalOutlierFactor(novelty=True).fit(train_features)
strangeness = -outliers.decision_function(features)
area = roc_auc_score(y_test >= 8, strangeness)
print(f"area under the ROC curve: {area:.2f}")
strangest = strangeness.argsort()[::-1][:16]
ImageGridDisplay([X_test[strangest, ..., np.newaxis]]).plot()
print("the strangest images show:", *y_test[strangest])
plt.show()

# %%
# A map of all test images
# ------------------------
# t-SNE gives each image a place near the images with similar features. The eights and
# nines are among the digits with which the network would confuse them, or apart from
# all.

EmbeddingDisplay.from_estimator(clf, X_test, y_test, projection=TSNE(random_state=0))
plt.show()

# %%
# What to remember
# ----------------
# A classifier is also a measure of similarity: its features find similar images, and
# images of a kind that it has never seen, for which its probabilities mean nothing.
