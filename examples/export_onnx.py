"""
Export to ONNX
==============

An ONNX file holds the complete model: scaling, network and the names of the classes. An
ONNX runtime reads it in C++, C#, JavaScript or on a phone, without Python and Keras.
This example needs ``pip install "skcnn[onnx]"``.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.export import to_onnx

digits = load_digit_images()
X_train, X_test, y_train, y_test = train_test_split(
    digits.images, digits.target, stratify=digits.target, random_state=0
)
clf = MNISTCNNClassifier(random_state=0).fit(X_train, y_train)

# %%
# Write the file, and let ONNX Runtime read it
# --------------------------------------------

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.onnx"
    to_onnx(clf, path)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")
    session = onnxruntime.InferenceSession(path)

# %%
# Predict
# -------
# The input has the shape ``(n, height, width, channels)``.

labels, probabilities = session.run(None, {"images": X_test[..., np.newaxis]})
agree = np.mean(labels == clf.predict(X_test))
difference = np.abs(probabilities - clf.predict_proba(X_test)).max()
print(f"accuracy on new images: {np.mean(labels == y_test):.3f}")
print(f"share of labels that are those of the classifier: {agree:.3f}")
print(f"largest difference of a probability: {difference:.0e}")

# %%
# What to remember
# ----------------
# An exported model is the complete pipeline in a file that needs no Python. Compare its
# answers with those of the classifier on test images before you ship it.
