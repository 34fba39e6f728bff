"""Which values the parameters of the classifiers may have, alone and together."""

from collections.abc import Iterable
from numbers import Integral, Number, Real
from typing import Any

import numpy as np

from skcnn._images.forms import check_image_shape
from skcnn._messages.wording import counted
from skcnn._network.augment import AUGMENTATIONS, VIEWS, Views, views_seen
from skcnn._network.description import check_activation
from skcnn._network.optimizers import resolve_optimizer
from skcnn._sklearn_private import LARGEST_INTEGER, Interval, Options, StrOptions
from skcnn._training.keras_callbacks import check_callbacks

# Keras takes time and memory for each layer, before anything is trained.
MOST_LAYERS = 1000

# The parameters that describe a network of the family, see
# `skcnn._estimator.convnet.ConvNet`.
FAMILY = (
    *("filters", "convolutions", "kernel_size", "pool_size", "pool_first", "padding"),
    *("global_pooling", "dense_units", "activation", "batch_normalization"),
    *("dropout", "whitening"),
)

PARAMETER_CONSTRAINTS = {
    "epochs": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "early_stopping": ["boolean"],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
    "filters": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
        tuple,
        list,
    ],
    "convolutions": [Interval(Integral, 1, None, closed="left")],
    "kernel_size": [Interval(Integral, 1, None, closed="left"), tuple, list],
    "pool_size": [Interval(Integral, 1, None, closed="left")],
    "pool_first": ["boolean"],
    "padding": [StrOptions({"same", "valid"})],
    "global_pooling": ["boolean"],
    "dense_units": [Interval(Integral, 1, None, closed="left"), tuple, list],
    "activation": [str],
    "batch_normalization": ["boolean"],
    "dropout": [Interval(Real, 0, 1, closed="left"), tuple, list],
    "whitening": ["boolean"],
    "dtype": [StrOptions({"auto", "float32", "float64", "mixed_bfloat16"})],
    "optimizer": [str, object],
    "learning_rate_schedule": [StrOptions({"constant", "cosine", "linear"})],
    "shuffle": ["boolean"],
    "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    "class_weight": [StrOptions({"balanced"}), dict, None],
    "image_shape": [tuple, list, None],
    "scaling": [StrOptions({"standard", "unit"})],
    "augment": [StrOptions({"auto", *AUGMENTATIONS}), tuple, list, None],
    "progressive_resizing": [
        StrOptions({"auto"}),
        Interval(Real, 0, 1, closed="right"),
        tuple,
        list,
        None,
    ],
    "test_time_augmentation": [
        StrOptions({"auto", *VIEWS}),
        tuple,
        list,
        None,
    ],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "tol": [Interval(Real, 0, None, closed="left")],
    "init_from": [object],
    "freeze": [Interval(Integral, 0, None, closed="left")],
    "warm_start": ["boolean"],
    "callbacks": [object],
}


def has_family(estimator: Any) -> bool:
    """Say whether the network of a classifier is one of the family."""
    return hasattr(estimator, "filters")


def family_parameters(estimator: Any) -> tuple[dict[str, Any], tuple[float, float]]:
    """Return the parameters of a network of the family, and its dropout rates."""
    filters = tuple_of_integers("filters", estimator.filters)
    kernel_size = kernel_of_each_stage(estimator, len(filters))
    network = {
        "whitening": bool(estimator.whitening),
        "filters": filters,
        "kernel_size": kernel_size,
        "convolutions": int(estimator.convolutions),
        "pool_size": int(estimator.pool_size),
        "pool_first": bool(estimator.pool_first),
        "padding": estimator.padding,
        "global_pooling": bool(estimator.global_pooling),
        "dense_units": tuple_of_integers("dense_units", estimator.dense_units),
        "activation": check_activation(estimator.activation),
        "batch_normalization": bool(estimator.batch_normalization),
    }
    n_layers = len(filters) * network["convolutions"] + len(network["dense_units"])
    if n_layers > MOST_LAYERS:
        raise ValueError(
            f"A network of {len(filters)} filters x {network['convolutions']} "
            f"convolutions and {len(network['dense_units'])} dense_units has "
            f"{n_layers:,} layers, but {MOST_LAYERS:,} are the most. Give fewer."
        )
    return network, _pair_of_rates(estimator.dropout)


def resolve_parameters(estimator: Any) -> dict[str, Any]:
    """Return a classifier's parameters in the form that training needs.

    Each parameter has passed its `PARAMETER_CONSTRAINTS`, and none of those of the
    network is "auto", see `skcnn._estimator.automatic`. This function also checks how
    they fit together and raises a `ValueError` if they do not.

    Returns
    -------
    dict
        "network": the parameters of a :class:`~skcnn._network.description.Network`;
        "fixed": all parameters that must not change while training goes on;
        "as_fitted": the parameters to keep with the result of a fit; "dropout",
        "augment", "scales", "callbacks" and "optimizer". Without a network of the
        family, "network" has nothing but `freeze` and the dtype.
    """
    network: dict[str, Any] = {}
    dropout = (0.0, 0.0)
    if has_family(estimator):
        network, dropout = family_parameters(estimator)
        n_stages = len(network["filters"])
        if estimator.freeze > n_stages:
            raise ValueError(
                f"Got freeze={estimator.freeze}, but the network has "
                f"{counted(n_stages, 'convolution stage')}. Lower freeze."
            )
    network["freeze"] = int(estimator.freeze)
    network["dtype"] = estimator.dtype
    if estimator.image_shape is not None:
        check_image_shape(estimator.image_shape)
    augment = tuple_of_names("augment", estimator.augment, AUGMENTATIONS)
    scales = tuple_of_scales(estimator.progressive_resizing)
    if not has_family(estimator) and scales != (1.0,):
        raise ValueError(
            f"Got progressive_resizing={estimator.progressive_resizing!r} with a "
            "network of your own, but it applies to skcnn.networks.ConvNet only. Set "
            "progressive_resizing=None, and resize inside of the network if you like "
            "(keras.layers.Resizing)."
        )
    if len(set(scales)) > 1 and not estimator.global_pooling:
        raise ValueError(
            f"Got progressive_resizing={estimator.progressive_resizing!r} with "
            "global_pooling=False, but only a network with global_pooling=True takes "
            "images of several sizes. Set global_pooling=True, or set "
            "progressive_resizing to None or to one number."
        )
    _named_views(estimator)
    fixed = network | {
        "augment": augment,
        "progressive_resizing": scales[-1],
        "scaling": estimator.scaling,
        "image_shape": estimator.image_shape,
    }
    arguments = resolve_optimizer(estimator.optimizer, estimator.learning_rate)
    optimizer = arguments["optimizer"]
    as_fitted = fixed | {
        "optimizer": optimizer.__name__ if isinstance(optimizer, type) else optimizer,
        "learning_rate": arguments.get("optimizer__learning_rate"),
    }
    if has_family(estimator):
        as_fitted["dropout"] = dropout
    return {
        "network": network,
        "fixed": fixed,
        "as_fitted": as_fitted,
        "dropout": dropout,
        "augment": augment,
        "scales": scales,
        "callbacks": check_callbacks(estimator.callbacks),
        "optimizer": arguments,
    }


def resolve_views(estimator: Any) -> Views:
    """Return over which views of which images a fitted classifier averages."""
    names = _named_views(estimator)
    if names is None:
        seen = views_seen(estimator._as_fitted["augment"])
        return Views(seen, only_unsure=True)
    return Views(names)


def _named_views(estimator: Any) -> tuple[str, ...] | None:
    """Return the views that the user has named, None for "auto"."""
    value = estimator.test_time_augmentation
    if isinstance(value, str) and value == "auto":
        return None
    return tuple_of_names("test_time_augmentation", value, VIEWS)


def tuple_of_names(name: str, value: Any, known: Iterable[str]) -> tuple[str, ...]:
    """Return the names in a parameter in the order in which they are known."""
    names = (value,) if isinstance(value, str | Number) else tuple(value or ())
    if unknown := [entry for entry in names if entry not in known]:
        raise ValueError(
            f"Got {name}={value!r}, but {unknown[0]!r} is none of "
            f"{', '.join(map(repr, known))}."
        )
    return tuple(entry for entry in known if entry in names)


def tuple_of_scales(value: Any) -> tuple[float, ...]:
    """Return `progressive_resizing` as one size relative to `X` for each phase."""
    scales = (1.0,) if value is None else value
    scales = (scales,) if isinstance(scales, Real) else tuple(scales)
    if not scales or not all(
        isinstance(s, Real) and not s <= 0 and s <= 1 for s in scales
    ):
        raise ValueError(
            f"Got progressive_resizing={value!r}, but expected a number in (0, 1], a "
            "tuple of them with at least one entry, or None."
        )
    return tuple(float(scale) for scale in scales)


def kernel_of_each_stage(estimator: Any, n_stages: int) -> tuple[int, ...]:
    """Return `kernel_size`, extended or cut to the number of stages.

    So a search can vary `filters` alone.
    """
    kernel_size = tuple_of_integers("kernel_size", estimator.kernel_size)
    kernel_size += kernel_size[-1:] * (n_stages - len(kernel_size))
    return kernel_size[:n_stages]


def tuple_of_integers(name: str, value: Any) -> tuple[int, ...]:
    """Return a parameter with one entry for each stage or each dense layer."""
    entries = (value,) if isinstance(value, Integral) else tuple(value)
    if not all(
        isinstance(e, Integral) and 0 < int(e) <= LARGEST_INTEGER for e in entries
    ):
        raise ValueError(
            f"Got {name}={value!r}, but expected a positive integer or a tuple of "
            "positive integers."
        )
    if not entries and name != "dense_units":
        raise ValueError(f"Got {name}={value!r}, but expected at least one entry.")
    return tuple(int(entry) for entry in entries)


def _pair_of_rates(dropout: Any) -> tuple[float, float]:
    """Return the dropout rates of the convolution stages and of the dense layers."""
    rates = (dropout, dropout) if isinstance(dropout, Real) else tuple(dropout)
    are_rates = all(
        isinstance(rate, Real) and not rate < 0 and rate < 1 for rate in rates
    )
    if len(rates) != 2 or not are_rates:
        raise ValueError(
            f"Got dropout={dropout!r}, but expected a number in [0, 1) or two of them, "
            "one for the convolution stages and one for the hidden dense layers."
        )
    return float(rates[0]), float(rates[1])
