"""Networks for `CNNClassifier`, as objects whose parameters can be searched.

Such an object has a method ``build(image_shape, n_classes)`` that returns new Keras
layers, and `get_params` and `set_params`, which a class inherits from
`sklearn.base.BaseEstimator`. An attribute `scaling`, if there is one, is the value that
``scaling="auto"`` of the classifier stands for.
"""

import os
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, clone

from skcnn._estimator.convnet import ConvNet
from skcnn._network.description import NORMALIZATION_EPSILON, NORMALIZATION_MOMENTUM
from skcnn._sklearn_private import (
    Interval,
    LinksToDocumentation,
    validate_parameters,
)

__all__ = ["ConvNet", "Pretrained", "ResNet"]

# Sides in pixels between which `Pretrained` chooses: the networks of keras.applications
# were trained on 224, and some of them on 96 too.
SMALLEST_SIDE, LARGEST_SIDE, SIDE_STEP = 96, 224, 32


class ResNet(LinksToDocumentation, BaseEstimator):
    """A residual network for small images.

    A convolution, then stages of residual blocks, global average pooling and the
    logits, as in the networks for CIFAR-10 of [1]_: the defaults are their ResNet-20. A
    block is two convolutions, each with batch normalization, whose output is added to
    their input. Each stage but the first halves the image.

    Parameters
    ----------
    filters : tuple of int, default=(16, 32, 64)
        Number of filters of the convolutions of each stage.
    blocks : int, default=3
        Number of residual blocks in each stage.
    activation : str, default="relu"
        Name of a function in `keras.activations`.
    dropout : float, default=0.0
        Dropout rate before the logits. In [0, 1).

    See Also
    --------
    ConvNet : Networks that train faster on a CPU.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image
       Recognition", CVPR 2016, section 4.2; https://arxiv.org/abs/1512.03385

    Examples
    --------
    >>> from skcnn import CNNClassifier
    >>> from skcnn.datasets import load_digit_images
    >>> from skcnn.networks import ResNet
    >>> X, y = load_digit_images(return_X_y=True)
    >>> clf = CNNClassifier(network=ResNet(filters=(8,), blocks=1), epochs=1)
    >>> clf.fit(X[:200], y[:200]).predict_proba(X[:1]).shape
    (1, 10)
    """

    _parameter_constraints = {
        "filters": [tuple, list],
        "blocks": [Interval(Integral, 1, None, closed="left")],
        "activation": [str],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self, *, filters=(16, 32, 64), blocks=3, activation="relu", dropout=0.0
    ):
        self.filters = filters
        self.blocks = blocks
        self.activation = activation
        self.dropout = dropout

    def build(self, image_shape, n_classes):
        """Return the network as a functional model.

        Parameters
        ----------
        image_shape : tuple of int
            ``(height, width, channels)``.
        n_classes : int
            Number of logits.

        Returns
        -------
        keras.Model
            A new model from scaled pixels to logits.

        Raises
        ------
        ValueError
            If a parameter is not as described.
        """
        from keras import Input, Model, layers

        validate_parameters(self)
        if not self.filters or not all(
            isinstance(entry, Integral) and int(entry) > 0 for entry in self.filters
        ):
            raise ValueError(
                f"Got filters={self.filters!r}, but expected a tuple of positive "
                "integers with at least one entry."
            )

        def convolve(x, filters, side, strides=1):
            x = layers.Conv2D(
                int(filters), side, strides, padding="same", use_bias=False
            )(x)
            return layers.BatchNormalization(
                momentum=NORMALIZATION_MOMENTUM, epsilon=NORMALIZATION_EPSILON
            )(x)

        def activate(x):
            return layers.Activation(self.activation)(x)

        inputs = Input(tuple(image_shape))
        x = activate(convolve(inputs, self.filters[0], 3))
        for stage, filters in enumerate(self.filters):
            for block in range(self.blocks):
                strides = 2 if stage > 0 and block == 0 else 1
                y = activate(convolve(x, filters, 3, strides))
                y = convolve(y, filters, 3)
                if strides > 1 or x.shape[-1] != filters:
                    x = convolve(x, filters, 1, strides)
                x = activate(layers.Add()([x, y]))
        x = layers.GlobalAveragePooling2D()(x)
        if self.dropout:
            x = layers.Dropout(self.dropout)(x)
        return Model(inputs, layers.Dense(n_classes)(x))


class Pretrained(LinksToDocumentation, BaseEstimator):
    """A network of keras.applications that has learned on other images.

    Pixels are brought into the form that the network was trained on, images are resized
    to squares, and a new layer of logits follows the network.

    Parameters
    ----------
    name : str, default="MobileNetV2"
        Name of a function in `keras.applications`, such as "MobileNetV2",
        "EfficientNetB0" or "ResNet50".
    weights : str, path-like or None, default="imagenet"
        "imagenet": the weights that Keras downloads when a network is first built, and
        keeps in a folder of its own. A path: a file that ``model.save_weights`` wrote
        for the network with ``include_top=False``. None: random weights.
    trainable : bool, default=False
        Whether training changes the network, and not the logits only. This takes longer
        and needs more images.
    side : int or None, default=None
        Side in pixels to which images are resized. None is the multiple of 32 next to
        the side of the images, from 96 to 224.
    dropout : float, default=0.2
        Dropout rate before the logits. In [0, 1).

    Attributes
    ----------
    scaling : str
        What ``scaling="auto"`` of `CNNClassifier` stands for: "unit", since the
        network does the rest itself.

    See Also
    --------
    ConvNet : Networks that learn from the training images alone.

    Notes
    -----
    The weights of Keras are not part of skcnn. They have licenses of their own.

    Examples
    --------
    >>> from skcnn import CNNClassifier
    >>> from skcnn.networks import Pretrained
    >>> clf = CNNClassifier(network=Pretrained("EfficientNetB0"))
    >>> clf.get_params()["network__trainable"]
    False
    """

    scaling = "unit"

    _parameter_constraints = {
        "name": [str],
        "weights": [str, os.PathLike, None],
        "trainable": ["boolean"],
        "side": [Interval(Integral, 1, None, closed="left"), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        name="MobileNetV2",
        *,
        weights="imagenet",
        trainable=False,
        side=None,
        dropout=0.2,
    ):
        self.name = name
        self.weights = weights
        self.trainable = trainable
        self.side = side
        self.dropout = dropout

    def build(self, image_shape, n_classes):
        """Return the network as a functional model.

        Parameters
        ----------
        image_shape : tuple of int
            ``(height, width, channels)``, of one channel or three.
        n_classes : int
            Number of logits.

        Returns
        -------
        keras.Model
            A new model from pixels in [0, 1] to logits.

        Raises
        ------
        ValueError
            If a parameter is not as described, or the images have neither one channel
            nor three.
        OSError
            If the weights cannot be read, or cannot be downloaded.
        """
        from keras import Input, Model, layers

        validate_parameters(self)
        make, preprocess = _application(self.name)
        height, width, channels = image_shape
        if channels not in (1, 3):
            raise ValueError(
                f"The images have {channels} channels, but {self.name} takes color "
                "images of 3 channels; gray images of 1 channel are made such. Choose "
                "the channels, or train a network of your own."
            )
        side = self.side
        if side is None:
            steps = round((height * width) ** 0.5 / SIDE_STEP)
            side = int(np.clip(steps * SIDE_STEP, SMALLEST_SIDE, LARGEST_SIDE))
        x = inputs = Input(tuple(image_shape))
        if channels == 1:
            x = layers.Concatenate()([x, x, x])
        x = layers.Resizing(side, side)(layers.Rescaling(255.0)(x))
        weights = self.weights if self.weights is None else os.fspath(self.weights)
        network = make(
            include_top=False,
            weights=weights,
            input_shape=(side, side, 3),
            pooling="avg",
        )
        network.trainable = bool(self.trainable)
        x = network(preprocess(x))
        if self.dropout:
            x = layers.Dropout(self.dropout)(x)
        return Model(inputs, layers.Dense(n_classes)(x))

    def without_weights(self):
        """Return this network with random weights in place of those of a file.

        Returns
        -------
        Pretrained
            Another object, for weights that come from elsewhere.
        """
        return clone(self).set_params(weights=None)


def _application(name):
    """Return a function of keras.applications, and the one that prepares pixels."""
    import importlib
    import inspect

    import keras

    functions = {
        key: value
        for key, value in vars(keras.applications).items()
        if inspect.isfunction(value)
        and "include_top" in inspect.signature(value).parameters
    }
    if name not in functions:
        raise ValueError(
            f"Got name={name!r}, but expected one of "
            f"{', '.join(map(repr, sorted(functions)))}."
        )
    module = importlib.import_module(functions[name].__module__)
    return functions[name], module.preprocess_input
