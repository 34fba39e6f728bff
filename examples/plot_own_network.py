"""
A network of your own: LeNet and a residual network
===================================================

`CNNClassifier` trains any Keras network for images. Here LeNet-5, written as a list of
layers, and a residual network are compared with the networks of skcnn.
"""

import keras
import matplotlib.pyplot as plt
import pandas as pd
from sklearn.model_selection import cross_validate

from skcnn import CNNClassifier
from skcnn.datasets import load_digit_images
from skcnn.networks import ConvNet, ResNet

X, y = load_digit_images(return_X_y=True)

# %%
# Write a network
# ---------------
# A function takes the shape of the images and the number of classes, and returns
# layers. Scaling, augmentation, loss and optimizer come from the classifier.


def lenet(image_shape, n_classes):
    return [
        keras.layers.Conv2D(6, 5, padding="same", activation="tanh"),
        keras.layers.AveragePooling2D(2),
        keras.layers.Conv2D(16, 3, activation="tanh"),
        keras.layers.Flatten(),
        keras.layers.Dense(120, activation="tanh"),
        keras.layers.Dense(84, activation="tanh"),
        keras.layers.Dense(n_classes, activation="softmax"),
    ]


# %%
# Compare networks
# ----------------
# In a cross-validation, as any other classifiers of scikit-learn.

networks = {
    "LeNet-5": lenet,
    "residual network": ResNet(filters=(8, 16), blocks=1),
    "ConvNet of skcnn": ConvNet(),
}
results = {}
for name, network in networks.items():
    clf = CNNClassifier(network=network, epochs=12, random_state=0)
    scores = cross_validate(clf, X, y, cv=3, return_estimator=True)
    results[name] = {
        "accuracy": scores["test_score"].mean(),
        "seconds": scores["fit_time"].mean(),
        "weights": scores["estimator"][0].model_.count_params(),
    }
table = pd.DataFrame(results).T
table = table.astype({"weights": int})
print(table.round({"accuracy": 3, "seconds": 1}).to_string())

table["accuracy"].plot.barh()
plt.xlabel("mean accuracy of three folds")
plt.tight_layout()
plt.show()

# %%
# What to remember
# ----------------
# Write the layers, and leave the training to the classifier. Compare your network with
# the networks of skcnn before you make it deeper: on small images, small networks are
# hard to beat.
