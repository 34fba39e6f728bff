"""Optimizers by name and as plain values."""

import json
from types import ModuleType
from typing import Any

import numpy as np

from skcnn._network.startup import start_keras
from skcnn._storage import schema

# Classes in keras.optimizers that need other optimizers to work.
NO_OPTIMIZERS = frozenset({"LossScaleOptimizer", "MultiOptimizer", "Optimizer"})

# What a configuration of Keras's optimizers and schedules may hold. Keras takes the
# strings of Muon's `exclude_layers` for regular expressions, and unrolls `ns_steps`
# iterations when it traces a step. Both are bounded, because a file may be forged.
_NAME = schema.text(64, "[A-Za-z0-9_]*")
_VALUE = schema.either(schema.nothing, schema.flag, schema.finite_number, _NAME)
_SCHEDULE = schema.record(
    {
        "module": schema.exactly("keras.optimizers.schedules"),
        "class_name": _NAME,
        "config": schema.mapping(
            _NAME,
            schema.either(_VALUE, schema.several(schema.finite_number, most=10_000)),
            most=32,
        ),
        "registered_name": schema.nothing,
    }
)


def _check_config(config: Any, place: str) -> None:
    """Raise for a configuration with entries or values that Keras would not write."""
    schema.mapping(_NAME, lambda value, place: None, most=64)(config, place)
    special = {
        "exclude_layers": schema.several(
            schema.text(200, "[A-Za-z0-9_/ -]*"), most=1000
        ),
        "learning_rate": schema.either(schema.finite_number, _SCHEDULE),
        "ns_steps": schema.integer(0, 64),
    }
    if "learning_rate" not in config:
        raise ValueError(f"{place}: there is no learning_rate.")
    for name, value in config.items():
        special.get(name, _VALUE)(value, f"{place}.{name}")


_DESCRIPTION = schema.record({"class_name": _NAME, "config": _check_config})


def resolve_optimizer(optimizer: Any, learning_rate: float | None) -> dict[str, Any]:
    """Return the arguments `optimizer`, `optimizer__...` of a SciKeras classifier.

    `optimizer` is a name that Keras knows, in any case, or "muon" for
    :class:`skcnn._network.muon.Muon`, or an instance, of which a copy is used.
    `learning_rate` counts for names; None is Keras's default for that optimizer. Raises
    a ValueError if Keras has no optimizer of that name.
    """
    import keras

    if isinstance(optimizer, keras.optimizers.Optimizer):
        return {"optimizer": copy_optimizer(optimizer)}
    by_name = {name.lower(): value for name, value in _keras_optimizers().items()}
    if isinstance(optimizer, str) and optimizer.lower() == "muon":
        from skcnn._network.muon import Muon

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
        # Keras refuses all of NumPy's numbers but float64.
        arguments["optimizer__learning_rate"] = float(learning_rate)
    return arguments


def _keras_optimizers() -> dict[str, type]:
    """Return the classes of Keras's optimizers by name."""
    import keras

    return _subclasses(
        keras.optimizers, keras.optimizers.Optimizer, without=NO_OPTIMIZERS
    )


def _subclasses(
    module: ModuleType, base: type, without: frozenset[str] = frozenset()
) -> dict[str, type]:
    """Return the classes of a module that are subclasses of `base`, by name."""
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, base) and name not in without
    }


def describe_optimizer(value: Any) -> dict[str, Any] | None:
    """Describe an optimizer of Keras by its class and configuration, as plain values.

    None for everything but instances of Keras's own classes whose learning rate is a
    number or a schedule of Keras.
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


def make_optimizer(description: Any) -> Any:
    """Make the optimizer that a description of :func:`describe_optimizer` stands for.

    The description may come from a forged file. Therefore Keras's deserialization,
    which imports any module that a file names, is not used, and the configuration must
    have exactly the entries that Keras's own `get_config` gives, each checked. Raises
    ValueError otherwise.
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


def _known(classes: dict[str, Any], name: str) -> Any:
    """Return the class of a name, or raise ValueError."""
    if name not in classes:
        raise ValueError(f"Keras has no {name!r} there.")
    return classes[name]


def copy_optimizer(optimizer: Any) -> Any:
    """Return an unbuilt optimizer of the same configuration."""
    return type(optimizer).from_config(optimizer.get_config())


def optimizer_key(optimizer: Any) -> str:
    """Return a string that is equal for optimizers whose updates compile to the same.

    It holds the configuration, but no learning rate that is passed at run time.
    """
    kind = type(optimizer)
    config = dict(optimizer.get_config(), name=None)
    if isinstance(config["learning_rate"], float):
        del config["learning_rate"]
    return json.dumps(
        [kind.__module__, kind.__qualname__, config], sort_keys=True, default=repr
    )


def has_rate_variable(optimizer: Any) -> bool:
    """Say whether a learning rate can be passed to an optimizer at run time.

    It cannot where the optimizer has a schedule of its own.
    """
    return hasattr(optimizer.learning_rate, "assign")


def current_learning_rate(optimizer: Any) -> float:
    """Return the learning rate of an optimizer as a number."""
    import keras

    rate = keras.ops.convert_to_numpy(keras.ops.copy(optimizer.learning_rate))
    # float32, as in the compiled step, even where `keras.config.floatx()` is another.
    return float(np.float32(rate))
