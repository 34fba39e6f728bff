"""What differs between Keras's backends: a module for each, imported when chosen.

Each has a class `Functions`, the two functions of a network, its own `NAME`, and the
functions `precision`, `bound_threads`, `start_devices`, `fast_optimizer` and `devices`.
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
