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
        elif isinstance(layer, keras.layers.BatchNormalization) and (
            not layer.trainable or _is_float64(x)
        ):
            x = _normalize(layer, x)
        elif isinstance(layer, keras.layers.Dense) and _is_float64(x):
            # Keras, whose promotion of dtypes ends at float32, rounds on PyTorch.
            x = x @ layer.kernel.value + layer.bias.value
        else:
            x = layer(x, training=training)
    return x


def is_trained_normalization(layer):
    """Whether a layer is a batch normalisation that follows the batches."""
    import keras

    # Without gamma and over four axes, as `build_network` makes them.
    return isinstance(layer, keras.layers.BatchNormalization) and layer.trainable


def _is_float64(x):
    import keras

    return keras.backend.standardize_dtype(x.dtype) == "float64"


def _normalize(layer, x):
    """Do what a batch normalisation does whose statistics are fixed.

    Keras rounds float64 to float32 there on JAX and PyTorch. On TensorFlow it takes
    more than twice as long for three channels, since numbers repeated that often are
    read one at a time; here they are repeated for each pixel of an image.
    """
    from keras import ops

    _, height, width, channels = x.shape
    factors = ops.rsqrt(layer.moving_variance.value + layer.epsilon)
    offsets = -layer.moving_mean.value * factors
    if layer.center:
        offsets += layer.beta.value
    factors, offsets = (ops.tile(v, [height * width]) for v in (factors, offsets))
    x = ops.reshape(x, (-1, height * width * channels))
    return ops.reshape(x * factors + offsets, (-1, height, width, channels))
