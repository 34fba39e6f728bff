"""What the parameters of the classifiers may be, alone and together."""

from numbers import Integral, Number, Real

import numpy as np

from skcnn._augment import AUGMENTATIONS, VIEWS
from skcnn._images import check_image_shape
from skcnn._keras_callbacks import check_callbacks
from skcnn._networks import check_activation
from skcnn._optimizers import resolve_optimizer
from skcnn._sklearn_private import (
    Interval,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
)

PARAMETER_CONSTRAINTS = {
    "whitening": ["boolean"],
    "filters": [Interval(Integral, 1, None, closed="left"), tuple, list],
    "kernel_size": [Interval(Integral, 1, None, closed="left"), tuple, list],
    "convolutions": [Interval(Integral, 1, None, closed="left")],
    "pool_size": [Interval(Integral, 1, None, closed="left")],
    "pool_first": ["boolean"],
    "padding": [StrOptions({"same", "valid"})],
    "kernel_initializer": [StrOptions({"glorot_uniform", "identity"})],
    "global_pooling": ["boolean"],
    "dense_units": [Interval(Integral, 1, None, closed="left"), tuple, list],
    "activation": [str],
    "batch_normalization": ["boolean"],
    "dropout": [Interval(Real, 0, 1, closed="left"), tuple, list],
    "scaling": [StrOptions({"standard", "unit"})],
    "optimizer": [str, object],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
    "learning_rate_schedule": [StrOptions({"constant", "cosine", "linear"})],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "epochs": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    "augment": [StrOptions(set(AUGMENTATIONS)), tuple, list, None],
    "progressive_resizing": [
        Interval(Real, 0, 1, closed="right"),
        tuple,
        list,
        None,
    ],
    "test_time_augmentation": [StrOptions(set(VIEWS)), tuple, list, None],
    "class_weight": [StrOptions({"balanced"}), dict, None],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [
        Interval(Integral, 1, None, closed="left"),
        Options(Real, {np.inf}),
    ],
    "tol": [Interval(Real, 0, None, closed="left")],
    "warm_start": ["boolean"],
    "image_shape": [tuple, list, None],
    "dtype": [StrOptions({"float32", "float64", "mixed_bfloat16"})],
    "callbacks": [object],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
}


def validate_parameters(estimator, names=None):
    """Raise as `fit` does for a parameter that cannot be.

    Parameters
    ----------
    estimator : estimator
        One of this package.
    names : iterable of str, default=None
        The parameters to look at; None stands for all.

    Raises
    ------
    ValueError
        If a parameter is not of a type or in a range that it has to be.
    """
    names = estimator.get_params(deep=False) if names is None else names
    validate_parameter_constraints(
        estimator._parameter_constraints,
        {name: getattr(estimator, name) for name in names},
        caller_name=type(estimator).__name__,
    )


def resolve_parameters(estimator):
    """Return a classifier's parameters in the form that training needs.

    Parameters
    ----------
    estimator : BaseCNNClassifier
        Whose parameters have passed `PARAMETER_CONSTRAINTS`.

    Returns
    -------
    dict
        "network": the parameters of a :class:`~skcnn._networks.Network`; "fixed": all
        that must not change while training goes on; "as_fitted": the parameters to
        keep with what a fit learns; "dropout", "augment", "scales", "callbacks" and
        "optimizer".

    Raises
    ------
    InvalidParameterError
        If parameters do not fit together, or Keras knows no such name.
    """
    filters = _tuple_of_integers("filters", estimator.filters)
    kernel_size = _tuple_of_integers("kernel_size", estimator.kernel_size)
    # Tuples of another length, so that a search over `filters` alone finds its kernels.
    kernel_size += kernel_size[-1:] * (len(filters) - len(kernel_size))
    kernel_size = kernel_size[: len(filters)]
    if estimator.image_shape is not None:
        check_image_shape(estimator.image_shape)
    augment = _tuple_of_names("augment", estimator.augment, AUGMENTATIONS)
    scales = _tuple_of_scales(estimator.progressive_resizing)
    if len(set(scales)) > 1 and not estimator.global_pooling:
        raise InvalidParameterError(
            f"Got progressive_resizing={estimator.progressive_resizing!r} with "
            "global_pooling=False, but only a network with global_pooling=True takes "
            "images of several sizes. Set progressive_resizing=None, or to one number."
        )
    resolve_views(estimator)
    network = {
        "whitening": bool(estimator.whitening),
        "filters": filters,
        "kernel_size": kernel_size,
        "convolutions": int(estimator.convolutions),
        "pool_size": int(estimator.pool_size),
        "pool_first": bool(estimator.pool_first),
        "padding": estimator.padding,
        "kernel_initializer": estimator.kernel_initializer,
        "global_pooling": bool(estimator.global_pooling),
        "dense_units": _tuple_of_integers("dense_units", estimator.dense_units),
        "activation": check_activation(estimator.activation),
        "batch_normalization": bool(estimator.batch_normalization),
        "dtype": estimator.dtype,
    }
    fixed = network | {
        "augment": augment,
        "progressive_resizing": scales[-1],
        "scaling": estimator.scaling,
        "image_shape": estimator.image_shape,
    }
    dropout = _pair_of_rates(estimator.dropout)
    arguments = resolve_optimizer(estimator.optimizer, estimator.learning_rate)
    optimizer = arguments["optimizer"]
    return {
        "network": network,
        "fixed": fixed,
        "as_fitted": fixed
        | {
            "dropout": dropout,
            "optimizer": (
                optimizer.__name__ if isinstance(optimizer, type) else optimizer
            ),
            "learning_rate": arguments.get("optimizer__learning_rate"),
        },
        "dropout": dropout,
        "augment": augment,
        "scales": scales,
        "callbacks": check_callbacks(estimator.callbacks),
        "optimizer": arguments,
    }


def resolve_views(estimator):
    """Return the names of the views over which a classifier averages predictions.

    Parameters
    ----------
    estimator : BaseCNNClassifier
        Its `test_time_augmentation` is read.

    Returns
    -------
    tuple of str
        In a fixed order.

    Raises
    ------
    ValueError
        If there is no view of that name.
    """
    return _tuple_of_names(
        "test_time_augmentation", estimator.test_time_augmentation, VIEWS
    )


def _tuple_of_names(name, value, known):
    names = (value,) if isinstance(value, str | Number) else tuple(value or ())
    if unknown := [entry for entry in names if entry not in known]:
        raise InvalidParameterError(
            f"Got {name}={value!r}, but {unknown[0]!r} is none of "
            f"{', '.join(map(repr, known))}."
        )
    return tuple(entry for entry in known if entry in names)


def _tuple_of_scales(value):
    scales = (1.0,) if value is None else value
    scales = (scales,) if isinstance(scales, Real) else tuple(scales)
    if not scales or not all(isinstance(s, Real) and 0 < float(s) <= 1 for s in scales):
        raise InvalidParameterError(
            f"Got progressive_resizing={value!r}, but expected a number in (0, 1], a "
            "tuple of them with at least one entry, or None."
        )
    return tuple(float(scale) for scale in scales)


def _tuple_of_integers(name, value):
    entries = (value,) if isinstance(value, Integral) else tuple(value)
    if not all(isinstance(entry, Integral) and int(entry) > 0 for entry in entries):
        raise InvalidParameterError(
            f"Got {name}={value!r}, but expected a positive integer or a tuple of "
            "positive integers."
        )
    if not entries and name != "dense_units":
        raise InvalidParameterError(
            f"Got {name}={value!r}, but expected at least one entry."
        )
    return tuple(int(entry) for entry in entries)


def _pair_of_rates(dropout):
    rates = (dropout, dropout) if isinstance(dropout, Real) else tuple(dropout)
    are_rates = all(isinstance(rate, Real) and 0 <= float(rate) < 1 for rate in rates)
    if len(rates) != 2 or not are_rates:
        raise InvalidParameterError(
            f"Got dropout={dropout!r}, but expected a rate in [0, 1) or two of them, "
            "for the convolution stages and for the hidden dense layers."
        )
    return tuple(float(rate) for rate in rates)
