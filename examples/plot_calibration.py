"""
Can its probabilities be trusted?
=================================

If a network is sure to 90 %, it should be right nine times out of ten. A calibration
curve shows whether this is so. `label_smoothing` is one of the reasons if it is not.
"""

import matplotlib.pyplot as plt
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.display import TopLabelCalibrationDisplay

X, y = load_digit_images(return_X_y=True)
X_train, X_rest, y_train, y_rest = train_test_split(
    X, y, train_size=300, stratify=y, random_state=0
)
X_calibration, X_test, y_calibration, y_test = train_test_split(
    X_rest, y_rest, train_size=300, stratify=y_rest, random_state=0
)

# %%
# Three classifiers
# -----------------
# With label smoothing, which is the default, a network learns never to be quite sure.
# Without it, it is surer. `CalibratedClassifierCV` of scikit-learn learns from images
# that the network has not seen how to correct the probabilities. With
# ``method="temperature"``, no predicted label changes.

smoothed = MNISTCNNClassifier(epochs=15, random_state=0).fit(X_train, y_train)
plain = MNISTCNNClassifier(epochs=15, label_smoothing=0, random_state=0)
calibrated = CalibratedClassifierCV(FrozenEstimator(smoothed), method="temperature")
models = {
    "label_smoothing=0.05": smoothed,
    "label_smoothing=0": plain.fit(X_train, y_train),
    "calibrated": calibrated.fit(X_calibration, y_calibration),
}
parts = plt.figure(figsize=(12, 5), layout="constrained").subfigures(1, 3)
for (name, model), part in zip(models.items(), parts, strict=True):
    probabilities = model.predict_proba(X_test)
    right = model.classes_[probabilities.argmax(axis=1)] == y_test
    print(
        f"{name:>20}: accuracy {right.mean():.3f}, "
        f"mean probability {probabilities.max(axis=1).mean():.3f}, "
        f"log loss {log_loss(y_test, probabilities):.3f}"
    )
    TopLabelCalibrationDisplay.from_predictions(
        y_test, probabilities, ax=part.subplots()
    )
    part.suptitle(name)
plt.show()

# %%
# What to remember
# ----------------
# Compare the mean probability with the accuracy before you act on a probability. Label
# smoothing makes a network modest; temperature scaling corrects this afterwards.
