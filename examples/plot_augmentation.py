"""
Augmentation: more from few images
==================================

In training, `augment` changes each image at random: it rotates, zooms, shears and
shifts it a little. How much does this bring, with few images and with many?
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import affine_transform
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import ImageGridDisplay

digits = load_digit_images()
X_train, X_test, y_train, y_test = train_test_split(
    digits.images, digits.target, train_size=800, random_state=0
)

# %%
# What the network gets to see
# ----------------------------
# ``augment="affine"`` rotates by up to 12 degrees, zooms and shears by up to 12 and 15
# percent, and shifts a little. The network does this while it trains, so the changed
# images are never stored. Here SciPy changes a few digits in the same way; the first
# image of each row is the original.

rng = np.random.default_rng(0)


def change(image):
    angle, zoom, shear = rng.uniform(-1, 1, 3) * [np.deg2rad(12), 0.12, 0.15]
    rotation = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix = (1 + zoom) * np.array(rotation) @ [[1, shear], [0, 1]]
    center = (np.array(image.shape) - 1) / 2
    shift = rng.uniform(-1, 1, 2) * np.array(image.shape) / 28
    offset = center - matrix @ center + shift
    return affine_transform(image, matrix, offset, order=1, mode="nearest")


rows = [np.stack([image, *(change(image) for _ in range(7))]) for image in X_train[:4]]
ImageGridDisplay([row[..., np.newaxis] for row in rows]).plot()
plt.show()

# %%
# What it brings
# --------------
# The same network with and without augmentation, for more and more training images.

sizes = [50, 100, 200, 400, 800]
scores = {}
for augment in (None, "affine"):
    clf = MNISTCNNClassifier(
        augment=augment, test_time_augmentation=None, epochs=40, random_state=0
    )
    scores[augment] = [
        clf.fit(X_train[:size], y_train[:size]).score(X_test, y_test) for size in sizes
    ]
    plt.plot(sizes, scores[augment], marker="o", label=f"augment={augment!r}")
plt.xscale("log")
plt.xticks(sizes, sizes, minor=False)
plt.minorticks_off()
plt.xlabel("training images")
plt.ylabel("accuracy")
plt.legend()
plt.show()

for i, size in enumerate(sizes):
    print(f"{size:>4} images: {scores[None][i]:.3f} {scores['affine'][i]:.3f}")

# %%
# What to remember
# ----------------
# Augmentation is worth most where images are few. Use only changes after which an image
# still belongs to its class: a mirrored 3 is not a digit.
