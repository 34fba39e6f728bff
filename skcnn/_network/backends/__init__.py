"""What differs between Keras's backends: a module for each, imported when chosen.

Each of them implements the Protocol :class:`skcnn._network.step.Backend`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skcnn._network.step import Backend

BACKENDS = ("tensorflow", "jax", "torch")


def backend() -> "Backend":
    """Return the module of the backend that Keras runs on.

    Raises RuntimeError if Keras runs on none of `BACKENDS`.
    """
    import keras

    name = keras.config.backend()
    # One branch for each, so that mypy compares the modules with the Protocol.
    if name == "tensorflow":
        from skcnn._network.backends import tensorflow

        return tensorflow
    if name == "jax":
        from skcnn._network.backends import jax

        return jax
    if name == "torch":
        from skcnn._network.backends import torch

        return torch
    raise RuntimeError(
        f"Keras runs on {name!r}, but skcnn needs one of "
        f"{', '.join(map(repr, BACKENDS))}. Set the environment variable "
        "KERAS_BACKEND to one of them before Keras is imported."
    )


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
