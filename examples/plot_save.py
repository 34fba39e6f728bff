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
# As a web service or a camera does. The first prediction of a process compiles the
# network, which takes about a second; here, `predict_proba` has done so above.

seconds = []
for image in X_test:
    start = perf_counter()
    loaded.predict(image[np.newaxis])
    seconds.append(perf_counter() - start)
most = 1000 * np.quantile(seconds, 0.99)
print(f"median: {1000 * np.median(seconds):.1f} ms")
print(f"99 of 100 take at most {most:.1f} ms")

plt.hist(1000 * np.array(seconds), bins=40, range=(0, most))
plt.xlabel("milliseconds for one image")
plt.ylabel("predictions")
plt.show()

# %%
# What to remember
# ----------------
# Save the complete pipeline, not only the network, so that new images pass through the
# same steps. When a service starts, let it predict one image, so that no user waits
# until the network is compiled.
