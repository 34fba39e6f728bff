"""The way of a batch through the layers of a network."""

from skcnn._augment import resize_images


def forward(layers, x, normalize=None, drop=None):
    """Return what comes out of the last layer.

    Parameters
    ----------
    layers : sequence of keras.layers.Layer
        All but the softmax.
    x : tensor of shape (b, height, width, channels)
        Images of the dtype of the network.
    normalize, drop : callable, default=None
        For training: `normalize` takes a batch normalisation that is trained and its
        input, `drop` the number of a dropout layer and its input.

    Returns
    -------
    tensor of shape (b, n_classes)
        The logits.
    """
    import keras

    training = drop is not None
    for i, layer in enumerate(layers):
        if isinstance(layer, keras.layers.Resizing):
            # Training images have the size of their part of the training already.
            x = x if training else resize_images(x, (layer.height, layer.width))
        elif isinstance(layer, keras.layers.Dropout):
            x = drop(i, x) if training else x
        elif training and is_trained_normalization(layer):
            x = normalize(layer, x)
        elif keras.backend.standardize_dtype(x.dtype) == "float64":
            x = _in_float64(layer, x)
        else:
            x = layer(x, training=training)
    return x


def is_trained_normalization(layer):
    """Whether a layer is a batch normalisation that follows the batches."""
    import keras

    # Without gamma and over four axes, as `build_network` makes them.
    return isinstance(layer, keras.layers.BatchNormalization) and layer.trainable


def _in_float64(layer, x):
    """Do what a layer does, statistics being fixed, without rounding to float32.

    Keras rounds to it in batch normalisation on JAX and PyTorch, and in dense layers on
    PyTorch: its promotion of dtypes ends at float32 there.
    """
    import keras

    if isinstance(layer, keras.layers.BatchNormalization):
        return keras.ops.batch_normalization(
            x,
            layer.moving_mean,
            layer.moving_variance,
            axis=-1,
            offset=layer.beta,
            epsilon=layer.epsilon,
        )
    if isinstance(layer, keras.layers.Dense):
        return x @ layer.kernel.value + layer.bias.value
    return layer(x)
