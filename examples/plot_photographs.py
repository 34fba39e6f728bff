"""
A folder of photographs of different sizes
==========================================

Image files in one folder for each class become a classifier. The photographs have
different sizes, and some of them are almost the same picture.

The files are cut out of the two photographs that come with scikit-learn, a temple and a
flower. So the task is easy; what this example shows is the way from files to answers.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images
from sklearn.model_selection import GroupShuffleSplit

from skcnn import CIFARCNNClassifier
from skcnn.datasets import load_image_folder
from skcnn.display import ImageGridDisplay
from skcnn.preprocessing import ImageResizer

# %%
# Make the files
# --------------
# 120 cuttings for each class, 48 to 96 pixels wide and high. The name of a file begins
# with the strip of the photograph that it comes from.

folder = tempfile.TemporaryDirectory()
rng = np.random.default_rng(0)
photographs = dict(zip(("temple", "flower"), load_sample_images().images, strict=True))
for name, photograph in photographs.items():
    path = Path(folder.name) / name
    path.mkdir()
    for i in range(120):
        strip = i % 6
        height, width = rng.integers(48, 97, 2)
        left = strip * 106 + rng.integers(0, 107 - width)
        top = rng.integers(0, photograph.shape[0] - height)
        cutting = photograph[top : top + height, left : left + width]
        Image.fromarray(cutting).save(path / f"{strip}-{i:03}.jpg")

# %%
# Read them
# ---------
# The names of the folders are the classes. `image_shape` brings all images to one size.

data = load_image_folder(folder.name, image_shape=(32, 32, 3))
print(data.images.shape, data.images.dtype, data.target_names)
y = data.target_names[data.target]
ImageGridDisplay.from_data(data.images, y, per_class=8)
plt.show()

# %%
# Learn from some strips, test on others
# --------------------------------------
# Two cuttings of the same strip can show the same window. So a strip is either among
# the training images or among the test images, never in both.

strips = [Path(name).name[0] for name in data.filenames]
split = GroupShuffleSplit(1, test_size=2, random_state=0)
train, test = next(split.split(data.images, y, groups=strips))
clf = CIFARCNNClassifier(epochs=20, random_state=0)
clf.fit(data.images[train], y[train])
score = clf.score(data.images[test], y[test])
print(f"accuracy on {len(test)} cuttings of other strips: {score:.3f}")

# %%
# Predict a file
# --------------
# An `ImageResizer` brings a file of any size to the size of the training images.

file = Path(folder.name) / "flower" / "0-000.jpg"
image = ImageResizer(size=(32, 32)).fit_transform([file])
for name, probability in zip(clf.classes_, clf.predict_proba(image)[0], strict=True):
    print(f"{name}: {probability:.3f}")
folder.cleanup()

# %%
# What to remember
# ----------------
# One folder for each class is all that you prepare. Photographs that show the same
# thing belong on the same side of the split; otherwise the score is too high.
