"""
From images to a report
=======================

A network learns to read 1,347 small digits of scikit-learn. Its training, a
classification report and a confusion matrix show what it has learned.
"""

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay, classification_report
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import (
    ClassReportDisplay,
    ImageGridDisplay,
    LossCurveDisplay,
    MisclassifiedImagesDisplay,
    OcclusionDisplay,
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
clf = MNISTCNNClassifier(epochs=20, early_stopping=True, random_state=0)
clf.fit(X_train, y_train)
LossCurveDisplay.from_estimator(clf)
plt.show()

# %%
# Evaluate it on images that it has not seen
# ------------------------------------------

y_predicted = clf.predict(X_test)
print(classification_report(y_test, y_predicted, digits=3))

# %%
# The same report as a figure, and which digits are taken for which:

ClassReportDisplay.from_predictions(y_test, y_predicted)
plt.show()

ConfusionMatrixDisplay.from_predictions(y_test, y_predicted, colorbar=False)
plt.show()

# %%
# What went wrong, and why
# ------------------------
# The most confident mistakes come first.

display = MisclassifiedImagesDisplay.from_estimator(clf, X_test, y_test, max_images=8)
plt.show()

# %%
# Parts of the first of these images are covered one after another. Where this lowers
# the probability of the wrong class, the network sees evidence for that class.

worst = display.indices[0]
OcclusionDisplay.from_estimator(clf, X_test[worst : worst + 1], patch_size=2)
plt.show()

# %%
# What to remember
# ----------------
# Hold some images out, read the report class by class, and look at the images behind
# the numbers: many mistakes on these digits would be mistakes of a person, too.
