"""What differs between Keras's backends: a module for each, imported when chosen.

Each has a class `Functions`, the two functions of a network, its own `NAME`, and the
functions `precision`, `bound_threads` and `start_devices`.
"""

import importlib

BACKENDS = ("tensorflow", "jax", "torch")


def backend():
    """Return the module of the backend that Keras runs on.

    Returns
    -------
    module

    Raises
    ------
    RuntimeError
        If Keras runs on none of `BACKENDS`.
    """
    import keras

    name = keras.config.backend()
    if name not in BACKENDS:
        raise RuntimeError(
            f"Keras runs on {name!r}, but skcnn needs one of "
            f"{', '.join(map(repr, BACKENDS))}. Set the environment variable "
            "KERAS_BACKEND to one of them before Keras is imported."
        )
    return importlib.import_module(f"skcnn._backends.{name}")


def refuse_several_devices() -> None:
    """Raise if the user has told Keras or TensorFlow on which devices to train.

    skcnn trains on one device. Under a strategy of TensorFlow or a distribution of
    Keras, variables would lie on several devices, and training would still use one.
    """
    import keras

    chosen = keras.distribution.distribution()
    undo = "Call keras.distribution.set_distribution(None) first"
    if chosen is None and keras.config.backend() == "tensorflow":
        import tensorflow as tf

        if tf.distribute.has_strategy():
            chosen = tf.distribute.get_strategy()
            undo = "Call it outside of the strategy's scope"
    if chosen is not None:
        raise RuntimeError(
            f"skcnn was called under a {type(chosen).__name__}, which distributes "
            f"training over devices, but skcnn trains on one device. {undo}. To use "
            "several GPUs in a search, start a worker process for each, and set "
            "CUDA_VISIBLE_DEVICES to another GPU in each of them."
        )
