"""The data sets and classic networks of the benchmarks, in four libraries.

The parameters of a classic network are read off skcnn's preset "classic", so that every
library trains the same network.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.datasets import fetch_cifar10, fetch_mnist, load_digit_images


@dataclass(frozen=True)
class DataSet:
    """A data set of the benchmarks.

    Attributes
    ----------
    title : str
        What tables call it.
    classifier : class
        The classifier that is made for it.
    fetch : callable
        Takes `subset`, "train" or "test"; returns a Bunch with `images` and `target`.
    """

    title: str
    classifier: Any
    fetch: Callable[..., Any]


def _digits(subset: str, **_: Any) -> Any:
    """Return 400 of scikit-learn's digits, or 200 other ones, for ``--quick``."""
    bunch = load_digit_images()
    part = slice(400) if subset == "train" else slice(400, 600)
    bunch.images, bunch.target = bunch.images[part], bunch.target[part]
    return bunch


DATA = {
    "mnist": DataSet("MNIST", MNISTCNNClassifier, fetch_mnist),
    "cifar10": DataSet("CIFAR-10", CIFARCNNClassifier, fetch_cifar10),
    "digits": DataSet("digits", MNISTCNNClassifier, _digits),
}
REAL_DATA = ("mnist", "cifar10")


def start_tensorflow() -> None:
    """Import what a Keras user has imported, and let TensorFlow set up its threads."""
    import scikeras.wrappers  # noqa: F401
    import tensorflow as tf

    (tf.constant([1.0]) + 1).numpy()


def load_images(
    data: str, n_images: int = 0, subset: str = "train"
) -> tuple[np.ndarray, np.ndarray]:
    """Return the first images of a data set, as uint8 with channels, and their labels.

    Parameters
    ----------
    data : str
        One of `DATA`.
    n_images : int
        Number of images; 0 for all.
    subset : {"train", "test"}
        Which of them.
    """
    bunch = DATA[data].fetch(subset=subset, download_if_missing=False)
    # Copies, so that the rest of the data set is freed.
    part = slice(n_images or None)
    X, y = bunch.images[part].copy(), bunch.target[part].copy()
    return X.reshape(*X.shape[:3], -1), y


def unit_floats(X: np.ndarray) -> np.ndarray:
    """Return uint8 images as the float32 in [0, 1] that a Keras tutorial makes."""
    X = X.astype("float32")
    X /= 255  # in place: the careful user's way, with one float copy and not two
    return X


def preset(data: str, name: str, **overrides: Any) -> Any:
    """Return an unfitted classifier of a preset, or of the defaults."""
    kind = DATA[data].classifier
    if name == "defaults":
        return kind(**overrides)
    return kind.from_preset(name, **overrides)


def automatic_batch_size(clf: Any, n_images: int) -> int:
    """Return the images a step that `fit` would choose for so many images."""
    if clf.batch_size != "auto":
        return clf.batch_size
    # Written again, because the classifier tells nobody which size it chose.
    return int(np.clip(n_images // 64, 32, type(clf)._base.largest_batch_size))


def skcnn_classifier(data: str, **overrides: Any) -> Any:
    """Return an unfitted skcnn classifier that trains for one epoch."""
    return preset(data, "classic", **{"epochs": 1} | overrides)


def layer_sizes(data: str, image_shape: tuple[int, ...]) -> dict[str, Any]:
    """Return the parameters of a network as the functions below take them.

    Parameters
    ----------
    data : str
        One of `DATA`.
    image_shape : tuple of int
        ``(height, width, channels)``.
    """
    clf = skcnn_classifier(data)
    filters = _tuple(clf.filters)
    kernel_size = _tuple(clf.kernel_size)
    dropout = _tuple(clf.dropout)
    return {
        "image_shape": tuple(image_shape),
        "filters": filters,
        "kernel_size": kernel_size * (len(filters) // len(kernel_size)),
        "convolutions": clf.convolutions,
        "padding": clf.padding,
        "dense_units": _tuple(clf.dense_units),
        "dropout": dropout * (2 // len(dropout)),
    }


def _tuple(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def batch_size(data: str) -> int:
    """Return the batch size of a classic network."""
    return skcnn_classifier(data).batch_size


def keras_network(
    *,
    image_shape: tuple[int, ...],
    filters: tuple[int, ...],
    kernel_size: tuple[int, ...],
    convolutions: int,
    padding: str,
    dense_units: tuple[int, ...],
    dropout: tuple[float, ...],
) -> Any:
    """Return the network as a Keras tutorial writes it, not compiled."""
    import keras
    from keras import layers

    model = keras.Sequential([keras.Input(image_shape)])
    for n_filters, side in zip(filters, kernel_size, strict=True):
        for _ in range(convolutions):
            model.add(
                layers.Conv2D(n_filters, side, padding=padding, activation="relu")
            )
        model.add(layers.MaxPooling2D(2))
        if dropout[0]:
            model.add(layers.Dropout(dropout[0]))
    model.add(layers.Flatten())
    for units in dense_units:
        model.add(layers.Dense(units, activation="relu"))
        if dropout[1]:
            model.add(layers.Dropout(dropout[1]))
    model.add(layers.Dense(10, activation="softmax"))
    return model


def compiled_keras_network(data: str, image_shape: tuple[int, ...]) -> Any:
    """Return the Keras network, compiled with Adam, the loss and the accuracy."""
    model = keras_network(**layer_sizes(data, image_shape))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def scikeras_classifier(data: str, image_shape: tuple[int, ...]) -> Any:
    """Return an unfitted SciKeras classifier that trains for one epoch."""
    from scikeras.wrappers import KerasClassifier

    sizes = layer_sizes(data, image_shape)
    return KerasClassifier(
        model=keras_network,
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        batch_size=batch_size(data),
        epochs=1,
        verbose=0,
        **{f"model__{name}": value for name, value in sizes.items()},
    )


def torch_network(
    *,
    image_shape: tuple[int, ...],
    filters: tuple[int, ...],
    kernel_size: tuple[int, ...],
    convolutions: int,
    padding: str,
    dense_units: tuple[int, ...],
    dropout: tuple[float, ...],
) -> Any:
    """Return the network as a PyTorch module that ends in logits."""
    from torch import nn

    height, width, channels = image_shape
    modules = []
    for n_filters, side in zip(filters, kernel_size, strict=True):
        for _ in range(convolutions):
            modules += [nn.Conv2d(channels, n_filters, side, padding=padding)]
            modules += [nn.ReLU()]
            channels = n_filters
            if padding == "valid":
                height, width = height - side + 1, width - side + 1
        modules += [nn.MaxPool2d(2)]
        height, width = height // 2, width // 2
        if dropout[0]:
            modules += [nn.Dropout(dropout[0])]
    modules += [nn.Flatten()]
    size = height * width * channels
    for units in dense_units:
        modules += [nn.Linear(size, units), nn.ReLU()]
        size = units
        if dropout[1]:
            modules += [nn.Dropout(dropout[1])]
    return nn.Sequential(*modules, nn.Linear(size, 10))


def skorch_classifier(data: str, image_shape: tuple[int, ...]) -> Any:
    """Return an unfitted skorch classifier that trains for one epoch."""
    import torch
    from skorch import NeuralNetClassifier

    return NeuralNetClassifier(
        torch_network(**layer_sizes(data, image_shape)),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.001,
        batch_size=batch_size(data),
        max_epochs=1,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
