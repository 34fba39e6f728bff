"""Optimisers by name and the learning rate of every step."""

import json

import numpy as np

from skcnn import _schema
from skcnn._startup import start_keras

WARM_UP_FRACTION = 0.1

# Classes in keras.optimizers that need other optimisers to work.
NO_OPTIMIZERS = frozenset({"LossScaleOptimizer", "MultiOptimizer", "Optimizer"})

# What a configuration of Keras's optimizers and schedules may hold. Keras searches for
# the strings of Muon's `exclude_layers` as regular expressions, and unrolls `ns_steps`
# iterations when it traces a step: neither may be anything that a file says.
_NAME = _schema.text(64, "[A-Za-z0-9_]*")
_VALUE = _schema.either(_schema.nothing, _schema.flag, _schema.finite_number, _NAME)
_SCHEDULE = _schema.record(
    {
        "module": _schema.exactly("keras.optimizers.schedules"),
        "class_name": _NAME,
        "config": _schema.mapping(
            _NAME,
            _schema.either(_VALUE, _schema.several(_schema.finite_number, most=10_000)),
            most=32,
        ),
        "registered_name": _schema.nothing,
    }
)


def _check_config(config, place):
    _schema.mapping(_NAME, lambda value, place: None, most=64)(config, place)
    special = {
        "exclude_layers": _schema.several(
            _schema.text(200, "[A-Za-z0-9_/ -]*"), most=1000
        ),
        "learning_rate": _schema.either(_schema.finite_number, _SCHEDULE),
        "ns_steps": _schema.integer(0, 64),
    }
    if "learning_rate" not in config:
        raise ValueError(f"{place}: there is no learning_rate.")
    for name, value in config.items():
        special.get(name, _VALUE)(value, f"{place}.{name}")


_DESCRIPTION = _schema.record({"class_name": _NAME, "config": _check_config})


def resolve_optimizer(optimizer, learning_rate):
    """Turn what the user gave into what SciKeras takes.

    Parameters
    ----------
    optimizer : str or keras.optimizers.Optimizer
        A Keras name in any case, or an instance, of which a copy is used. The name
        "muon" stands for :class:`skcnn._muon.Muon`.
    learning_rate : float or None
        For optimisers given by name; None is Keras's default for that optimiser.

    Returns
    -------
    dict
        The arguments `optimizer`, `optimizer__...` of a SciKeras classifier.

    Raises
    ------
    ValueError
        If Keras has no optimiser of that name.
    """
    import keras

    if isinstance(optimizer, keras.optimizers.Optimizer):
        return {"optimizer": copy_optimizer(optimizer)}
    by_name = {name.lower(): value for name, value in _keras_optimizers().items()}
    if isinstance(optimizer, str) and optimizer.lower() == "muon":
        from skcnn._muon import Muon

        by_name["muon"] = Muon
    if not isinstance(optimizer, str) or optimizer.lower() not in by_name:
        raise ValueError(
            f"Got optimizer={optimizer!r}, but expected a keras.optimizers.Optimizer "
            f"or one of {', '.join(sorted(map(repr, by_name)))}."
        )
    arguments = {
        "optimizer": by_name[optimizer.lower()],
        "optimizer__name": "optimizer",
    }
    if learning_rate is not None:
        # Keras refuses NumPy's numbers other than float64.
        arguments["optimizer__learning_rate"] = float(learning_rate)
    return arguments


def _keras_optimizers():
    import keras

    return _subclasses(
        keras.optimizers, keras.optimizers.Optimizer, without=NO_OPTIMIZERS
    )


def _subclasses(module, base, without=frozenset()):
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, base) and name not in without
    }


def describe_optimizer(value):
    """Describe an optimiser of Keras by plain values.

    Parameters
    ----------
    value : object
        Anything.

    Returns
    -------
    dict or None
        Its class and configuration; None for all but instances of Keras's own classes
        whose learning rate is a number or a schedule of Keras's own.
    """
    import keras

    if not isinstance(value, keras.optimizers.Optimizer):
        return None
    # Keras wraps lists in a class of its own, to track variables in them.
    config = {
        name: list(entry) if isinstance(entry, list) else entry
        for name, entry in value.get_config().items()
    }
    description = {"class_name": type(value).__name__, "config": config}
    try:
        known = type(make_optimizer(description)) is type(value)
    except (TypeError, ValueError):
        known = False
    return description if known else None


def make_optimizer(description):
    """Make the optimizer that a description stands for.

    The description may come from a stranger's file. Keras's deserialization, which
    imports what it is told to, has no part in this function, and the configuration has
    exactly the entries that Keras's own `get_config` gives, each checked.

    Parameters
    ----------
    description : dict
        As `describe_optimizer` returns it, or something worse.

    Returns
    -------
    keras.optimizers.Optimizer

    Raises
    ------
    ValueError
        If it is no such description.
    """
    start_keras()
    import keras

    schedules = _subclasses(
        keras.optimizers.schedules,
        keras.optimizers.schedules.LearningRateSchedule,
        without=frozenset({"LearningRateSchedule"}),
    )
    _DESCRIPTION(description, "optimizer")
    config = dict(description["config"])
    schedule = config["learning_rate"]
    if isinstance(schedule, dict):
        make = _known(schedules, schedule["class_name"])
        config["learning_rate"] = make(**schedule["config"])
    make = _known(_keras_optimizers(), description["class_name"])
    if config.keys() != make().get_config().keys():
        raise ValueError("The optimizer's configuration has other entries.")
    return make(**config)


def _known(classes, name):
    if name not in classes:
        raise ValueError(f"Keras has no {name!r} there.")
    return classes[name]


def copy_optimizer(optimizer):
    """Return an unbuilt optimiser of the same configuration.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Left as it is.

    Returns
    -------
    keras.optimizers.Optimizer
    """
    return type(optimizer).from_config(optimizer.get_config())


def optimizer_key(optimizer):
    """Return what tells optimisers apart whose updates are compiled differently.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Any instance.

    Returns
    -------
    str
        Its configuration without a learning rate that is passed at run time anyway.
    """
    kind = type(optimizer)
    config = dict(optimizer.get_config(), name=None)
    if isinstance(config["learning_rate"], float):
        del config["learning_rate"]
    return json.dumps(
        [kind.__module__, kind.__qualname__, config], sort_keys=True, default=repr
    )


def has_rate_variable(optimizer):
    """Whether a learning rate can be passed to an optimiser at run time.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Any instance.

    Returns
    -------
    bool
        False for an optimiser with a schedule of its own.
    """
    return hasattr(optimizer.learning_rate, "assign")


def current_learning_rate(optimizer):
    """Return the learning rate of an optimiser as a number.

    Parameters
    ----------
    optimizer : keras.optimizers.Optimizer
        Any instance.

    Returns
    -------
    float
    """
    import keras

    rate = keras.ops.convert_to_numpy(keras.ops.copy(optimizer.learning_rate))
    # Rounded as the compiled functions take it, whatever float a user made Keras's own.
    return float(np.float32(rate))


def learning_rates(schedule, peak, steps, n_steps):
    """Return the learning rates of some steps of a training run.

    Parameters
    ----------
    schedule : {"constant", "cosine", "linear"}
        "cosine" rises linearly over the first tenth of the steps, then falls to 0 along
        half a cosine [1]_. "linear" falls to 0 along a line from the first step on.
    peak : float
        The highest learning rate.
    steps : ndarray of float64
        Numbers of the steps, from 0 on.
    n_steps : int
        Steps of the whole run.

    Returns
    -------
    ndarray of the shape of `steps`, float32

    References
    ----------
    .. [1] I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm
       Restarts", ICLR 2017, equation 5; https://arxiv.org/abs/1608.03983
    """
    if schedule == "constant":
        return np.full(steps.shape, peak, np.float32)
    if schedule == "linear":
        return (peak * (1 - steps / n_steps)).astype(np.float32)
    warm_up = WARM_UP_FRACTION * n_steps
    rising = (steps + 1) / max(warm_up, 1)
    falling = (steps - warm_up) / max(n_steps - warm_up, 1)
    cosine = 0.5 * (1 + np.cos(np.pi * np.clip(falling, 0, 1)))
    return (peak * np.minimum(rising, cosine)).astype(np.float32)
