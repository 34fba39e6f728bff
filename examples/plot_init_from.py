"""
Start from a trained network: does it pay?
==========================================

A network that can tell the digits 0 to 4 apart knows strokes and curves. Another
network starts from it to learn the digits 5 to 9. Does it need fewer images?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images

# %%
# Learn the digits 0 to 4
# -----------------------

digits = load_digit_images()
low = digits.target < 5
first = MNISTCNNClassifier(random_state=0).fit(digits.images[low], digits.target[low])

# %%
# Learn the digits 5 to 9 from few images
# ---------------------------------------
# From scratch, and starting from the first network. Three different choices of the
# training images show how much the accuracy depends on chance.

X, y = digits.images[~low], digits.target[~low]
models = {
    "from scratch": MNISTCNNClassifier(epochs=20, random_state=0),
    "init_from": MNISTCNNClassifier(
        epochs=20, init_from=FrozenEstimator(first), random_state=0
    ),
}
sizes = [2, 4, 8, 16]
for name, model in models.items():
    scores = np.zeros((len(sizes), 3))
    for i, size in enumerate(sizes):
        for seed in range(3):
            X_train, X_test, y_train, y_test = train_test_split(
                X, y, train_size=5 * size, stratify=y, random_state=seed
            )
            scores[i, seed] = model.fit(X_train, y_train).score(X_test, y_test)
    means = scores.mean(axis=1)
    plt.errorbar(sizes, means, scores.std(axis=1), marker="o", capsize=3, label=name)
    print(f"{name:>12}:", *means.round(3))
print("layers that were taken over:", *models["init_from"].initialized_layers_)

plt.xscale("log", base=2)
plt.xticks(sizes, sizes)
plt.xlabel("training images of each class")
plt.ylabel("accuracy")
plt.legend()
plt.show()

# %%
# What to remember
# ----------------
# Compare a start with a fit from scratch before you rely on it. On such small images,
# strokes are learned from scratch in a few epochs, so there is little to gain.
