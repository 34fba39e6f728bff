"""
Recognize things in small photographs (CIFAR-10)
================================================

A convolutional network learns to distinguish ten classes of small color photographs.
"""

import matplotlib.pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay, classification_report

from skcnn import CIFARCNNClassifier
from skcnn.datasets import fetch_cifar10, split_by_label
from skcnn.display import ImageGridDisplay

# %%
# Get the data
# ------------
# 50,000 images of 32 x 32 pixels and three colors to learn from, 10,000 to test with.

train = fetch_cifar10(subset="train")
test = fetch_cifar10(subset="test")
X_train, y_train = train.images, train.target
X_test, y_test = test.images, test.target
names = train.target_names

# %%
# Look at every class, and closer at one
# --------------------------------------

ImageGridDisplay.from_data(X_train, y_train, per_class=10, display_labels=names)
plt.show()

by_label = split_by_label(X_train, y_train)
for label, images in by_label.items():
    print(f"{names[label]:>10}: {len(images)} images")
frogs = by_label[list(names).index("frog")]
ImageGridDisplay.from_data(frogs).ax_.set_title("frog")
plt.show()

# %%
# Learn
# -----
# The classifier takes uint8 images as they are: the network scales their pixels.

classifier = CIFARCNNClassifier(random_state=0)
classifier.fit(X_train, y_train)

# %%
# Evaluate it on images that it has not seen
# ------------------------------------------

y_predicted = classifier.predict(X_test)
print(classification_report(y_test, y_predicted, target_names=names, zero_division=0))

ConfusionMatrixDisplay.from_predictions(
    y_test,
    y_predicted,
    display_labels=names,
    xticks_rotation="vertical",
    colorbar=False,
)
plt.tight_layout()
plt.show()

# %%
# What to remember
# ----------------
# Photographs are harder than digits: cats are taken for dogs, and hardly ever for
# ships. The confusion matrix shows which classes need more or better images.
