"""The classic networks that skcnn is measured on, and the same ones written by hand.

The parameters are read off skcnn's presets, so that both sides stay the same network.
"""

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.datasets import fetch_cifar10, fetch_mnist

NETWORKS = {
    "MNIST classic": (MNISTCNNClassifier, fetch_mnist),
    "CIFAR-10 classic": (CIFARCNNClassifier, fetch_cifar10),
}


def start_tensorflow():
    """Import what a Keras user has imported, and let TensorFlow set up its threads."""
    import scikeras.wrappers  # noqa: F401
    import tensorflow as tf

    (tf.constant([1.0]) + 1).numpy()


def load_images(network, n_images, subset="train"):
    """Return the first images of a network's data set, as uint8 with channels.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    n_images : int or None
        Number of images; None for all.
    subset : {"train", "test"}, default="train"
        Which of them.

    Returns
    -------
    X : ndarray of shape (n_images, height, width, channels)
    y : ndarray of shape (n_images,)
    """
    bunch = NETWORKS[network][1](subset=subset, download_if_missing=False)
    # Copies, so that the rest of the data set is freed.
    X, y = bunch.images[:n_images].copy(), bunch.target[:n_images].copy()
    return X.reshape(*X.shape[:3], -1), y


def unit_floats(X):
    """Return uint8 images as the float32 in [0, 1] that a Keras tutorial makes."""
    X = X.astype("float32")
    X /= 255  # in place: the careful user's way, with one float copy and not two
    return X


def skcnn_classifier(network, **overrides):
    """Return an unfitted skcnn classifier that trains for one epoch."""
    kind, _ = NETWORKS[network]
    return kind.from_preset("classic", **{"epochs": 1} | overrides)


def layer_sizes(network, image_shape):
    """Return a network's parameters as the functions below take them.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    image_shape : tuple of int
        ``(height, width, channels)``.

    Returns
    -------
    dict
    """
    clf = skcnn_classifier(network)
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


def _tuple(value):
    return value if isinstance(value, tuple) else (value,)


def batch_size(network):
    """Return the batch size of a network."""
    return skcnn_classifier(network).batch_size


def keras_network(
    *, image_shape, filters, kernel_size, convolutions, padding, dense_units, dropout
):
    """Return the network as a Keras tutorial writes it, not compiled.

    Parameters
    ----------
    image_shape, filters, kernel_size, convolutions, padding, dense_units, dropout
        As :func:`layer_sizes` returns them.

    Returns
    -------
    keras.Sequential
    """
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


def compiled_keras_network(network, image_shape):
    """Return the Keras network, compiled with Adam, the loss and the accuracy."""
    model = keras_network(**layer_sizes(network, image_shape))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def scikeras_classifier(network, image_shape):
    """Return an unfitted SciKeras classifier that trains for one epoch."""
    from scikeras.wrappers import KerasClassifier

    sizes = layer_sizes(network, image_shape)
    return KerasClassifier(
        model=keras_network,
        optimizer="adam",
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        batch_size=batch_size(network),
        epochs=1,
        verbose=0,
        **{f"model__{name}": value for name, value in sizes.items()},
    )


def torch_network(
    *, image_shape, filters, kernel_size, convolutions, padding, dense_units, dropout
):
    """Return the network as a PyTorch module that ends in logits.

    Parameters
    ----------
    image_shape, filters, kernel_size, convolutions, padding, dense_units, dropout
        As :func:`layer_sizes` returns them.

    Returns
    -------
    torch.nn.Sequential
    """
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


def skorch_classifier(network, image_shape):
    """Return an unfitted skorch classifier that trains for one epoch."""
    import torch
    from skorch import NeuralNetClassifier

    return NeuralNetClassifier(
        torch_network(**layer_sizes(network, image_shape)),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.001,
        batch_size=batch_size(network),
        max_epochs=1,
        iterator_train__shuffle=True,
        train_split=None,
        verbose=0,
    )
