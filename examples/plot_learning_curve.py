"""
How many images do I need?
==========================

A learning curve shows the accuracy for more and more training images. Its slope at the
end says whether more images would still help.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LearningCurveDisplay, ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images

X, y = load_digit_images(return_X_y=True)

# %%
# Learn from more and more images
# -------------------------------
# `LearningCurveDisplay` of scikit-learn trains five times for each number of images.
# Each image is a row of 64 pixels; the network knows that this is 8 x 8.

models = {
    "network": MNISTCNNClassifier(epochs=30, random_state=0),
    "logistic regression": make_pipeline(
        MinMaxScaler(), LogisticRegression(max_iter=1000)
    ),
}
figure, ax = plt.subplots()
for name, model in models.items():
    display = LearningCurveDisplay.from_estimator(
        model,
        X,
        y,
        train_sizes=np.geomspace(0.04, 1, 6),
        cv=ShuffleSplit(5, test_size=0.25, random_state=0),
        score_type="test",
        score_name="accuracy",
        ax=ax,
        line_kw={"marker": "o"},
    )
    display.lines_[0].set_label(name)
    print(name)
    for n, scores in zip(display.train_sizes, display.test_scores, strict=True):
        print(f"{n:6} images: {scores.mean():.3f}")
ax.set(xscale="log", xlabel="training images")
ax.legend()
plt.show()

# %%
# What to remember
# ----------------
# Draw a learning curve before you label more images: where it has become flat, more
# images of the same kind bring little, and where it still rises, they bring more than
# any parameter.
