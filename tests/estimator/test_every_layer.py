"""Each layer of Keras that can stand in a network of a user's, found by machine."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone

from skcnn import CNNClassifier

SMALL = {"epochs": 2, "batch_size": 40, "augment": None, "random_state": 0}

# Arguments of layers that cannot be made without any.
ARGUMENTS = {
    "Activation": ["relu"],
    "AveragePooling2D": [2],
    "Conv2D": [3, 3],
    "Conv2DTranspose": [3, 3],
    "DepthwiseConv2D": [3],
    "SeparableConv2D": [3, 3],
    "Dense": [4],
    "Discretization": [[-1.0, 0.0, 1.0]],
    "Dropout": [0.3],
    "SpatialDropout2D": [0.3],
    "AlphaDropout": [0.3],
    "GaussianDropout": [0.3],
    "GaussianNoise": [0.3],
    "GroupNormalization": [1],
    "CenterCrop": [6, 6],
    "RandomBrightness": [0.2],
    "RandomContrast": [0.2],
    "RandomHue": [0.2],
    "RandomRotation": [0.1],
    "RandomSaturation": [0.2],
    "RandomSharpness": [0.2],
    "RandomTranslation": [0.1, 0.1],
    "RandomZoom": [0.2],
    "RandomPosterization": [4],
    "Rescaling": [2.0],
    "Resizing": [4, 4],
    "UpSampling2D": [],
    "ZeroPadding2D": [],
    "Cropping2D": [1],
    "MaxPooling2D": [],
    "Permute": [(2, 1, 3)],
    "Reshape": [(4, 16, 3)],
    "EinsumDense": ["bhwc,cd->bhwd", (8, 8, 4)],
}
# They take something else than images, or cannot stand in a Sequential, or, as AugMix
# does, draw random numbers without a seed.
OTHERS = {
    *("AugMix", "Equalization", "InputLayer", "IntegerLookup", "Layer"),
    *("MelSpectrogram", "StringLookup", "TextVectorization"),
}


def layers_of_keras():
    """Return the names of layers that take images, with their arguments."""
    import keras

    found = []
    for name, kind in vars(keras.layers).items():
        if not inspect.isclass(kind) or name in OTHERS or kind.__name__ != name:
            continue
        arguments = ARGUMENTS.get(name)
        if arguments is None:
            # Those that can be made, and take images, without any argument.
            try:
                kind()(keras.KerasTensor((2, 8, 8, 1)))
            except Exception:
                continue
            arguments = []
        found.append((name, arguments))
    return found


def chains_of_layers(names):
    """Return the layers in lists, as a network of several is traced faster than many.

    All layers of a list but the last one return floats in the shape that they take.
    """
    import keras

    alone, inner, last = [], [], []
    for name, arguments in names:
        layer = getattr(keras.layers, name)(*arguments)
        returned = layer(keras.KerasTensor((2, 8, 8, 3)))
        # Others would take its mask, or it has values of its own once it is adapted.
        if name in ("Masking", "Normalization"):
            alone.append([(name, arguments)])
        elif returned.shape == (2, 8, 8, 3) and "float" in returned.dtype:
            inner.append((name, arguments))
        else:
            last.append([(name, arguments)])
    return alone + [inner[i :: len(last)] + end for i, end in enumerate(last)]


def network_with(chain):
    """Return a function that builds a network with some layers."""

    def network(image_shape, n_classes):
        from keras import layers

        return [
            layers.Conv2D(3, 3, padding="same"),
            *(getattr(layers, name)(*arguments) for name, arguments in chain),
            layers.Flatten(),
            layers.Dense(n_classes),
        ]

    return network


@pytest.mark.slow
def test_every_layer_of_keras_can_stand_in_a_network(digits, subtests):
    X, y = digits[0][:90], digits[1][:90]
    names = layers_of_keras()
    assert len(names) > 55
    for chain in chains_of_layers(names):
        name = ", ".join(name for name, _ in chain)
        with subtests.test(name):
            network = network_with(chain)
            clf = CNNClassifier(network=network, **SMALL).fit(X, y)
            again = clone(clf).fit(X, y)
            proba = clf.predict_proba(X)
            np.testing.assert_array_equal(again.predict_proba(X), proba)
            keys = [one.keras_classifier_.key for one in (clf, again)]
            # An adapted Normalization has values that no configuration holds.
            assert (keys[0] == keys[1]) == (name != "Normalization")
            other = clone(clf).set_params(random_state=1).fit(X, y)
            assert (other.predict_proba(X) != proba).any()
