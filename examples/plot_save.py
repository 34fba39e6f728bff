"""
Save, load and predict single images
====================================

A trained pipeline goes into one file. Loaded again, it gives the same probabilities,
and predicts an image within milliseconds.
"""

import tempfile
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

import skcnn
from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.preprocessing import ImageScaler

X, y = load_digit_images(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
model = make_pipeline(ImageScaler(), MNISTCNNClassifier(random_state=0))
model.fit(X_train, y_train)

# %%
# Save and load
# -------------
# The file holds no pickle: loading it runs no code that somebody has put there. So it
# can come from another person or machine.

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.skcnn"
    skcnn.save(model, path)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")
    loaded = skcnn.load(path)
same = np.array_equal(loaded.predict_proba(X_test), model.predict_proba(X_test))
print("the same probabilities, bit for bit:", same)

# %%
# Predict one image at a time
# ---------------------------
# As a web service or a camera does. The first prediction compiles the network, so it
# takes longer than the others.

seconds = []
for image in X_test:
    start = perf_counter()
    loaded.predict(image[np.newaxis])
    seconds.append(perf_counter() - start)
print(f"first prediction: {1000 * seconds[0]:.1f} ms")
print(f"median of the others: {1000 * np.median(seconds[1:]):.1f} ms")

plt.hist(1000 * np.sort(seconds[1:])[: int(0.99 * len(seconds))], bins=40)
plt.xlabel("milliseconds for one image")
plt.ylabel("predictions")
plt.show()

# %%
# What to remember
# ----------------
# Save the complete pipeline, not only the network, so that new images pass through the
# same steps. Predict one image after the start of a service: the next ones are fast.
