"""
Learning curves of a training, and when to stop
===============================================

Each epoch is one pass over the training images. The curves of loss and accuracy show
whether a network has learned enough, too little or by heart.
"""

import matplotlib.pyplot as plt
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import LossCurveDisplay

X, y = load_digit_images(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Stop when the validation accuracy no longer rises
# -------------------------------------------------
# With `early_stopping`, a tenth of the training images is held out. Training ends after
# `n_iter_no_change` epochs without a better accuracy on these images, and the weights
# of the best epoch are kept.

clf = MNISTCNNClassifier(
    epochs=100,
    learning_rate_schedule="constant",
    early_stopping=True,
    n_iter_no_change=8,
    random_state=0,
)
clf.fit(X_train, y_train)
print(f"{clf.n_iter_} of {clf.epochs} epochs")
print(f"best validation accuracy {clf.best_validation_score_:.3f}")
print(f"accuracy on the test images {clf.score(X_test, y_test):.3f}")
LossCurveDisplay.from_estimator(clf)
plt.show()

# %%
# Why is the validation loss below the training loss?
# ---------------------------------------------------
# Because the training loss is that of a harder task: training images are distorted
# (`augment`), and targets are smoothed (`label_smoothing`), so that even a perfect
# network has a loss above 0. Without both, the training loss falls to almost 0, and the
# distance of the curves shows how much the network learns by heart.

plain = MNISTCNNClassifier(
    epochs=25, augment=None, label_smoothing=0, early_stopping=True, random_state=0
)
plain.fit(X_train[:200], y_train[:200])
print(f"accuracy on the test images {plain.score(X_test, y_test):.3f}")
LossCurveDisplay.from_estimator(plain)
plt.show()

# %%
# What to remember
# ----------------
# Judge a training by its validation curves. A training loss above the validation loss
# is normal with augmentation and label smoothing, and no sign of a mistake.
