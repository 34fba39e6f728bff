"""
Digits in ten lines
===================

Load images, train a network, and see how accurate it is on images that it has not seen.
This example needs no download.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import MisclassifiedImagesDisplay

X, y = load_digit_images(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
clf = MNISTCNNClassifier(random_state=0).fit(X_train, y_train)
print(f"accuracy on {len(X_test)} new images: {clf.score(X_test, y_test):.3f}")
MisclassifiedImagesDisplay.from_estimator(clf, X_test, y_test)
plt.show()

# %%
# What to remember
# ----------------
# A classifier of skcnn is used as any other classifier of scikit-learn: `fit` on some
# images, `score` on others. A look at the mistakes says more than the accuracy alone.
