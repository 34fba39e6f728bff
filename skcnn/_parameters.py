"""What the parameters of the classifiers may be, alone and together."""

from numbers import Integral, Real

from skcnn._augment import AUGMENTATIONS
from skcnn._images import check_image_shape
from skcnn._keras_callbacks import check_callbacks
from skcnn._networks import check_activation
from skcnn._optimizers import resolve_optimizer
from skcnn._sklearn_private import Interval, StrOptions

PARAMETER_CONSTRAINTS = {
    "filters": [Interval(Integral, 1, None, closed="left"), tuple, list],
    "kernel_size": [Interval(Integral, 1, None, closed="left"), tuple, list],
    "convolutions": [Interval(Integral, 1, None, closed="left")],
    "pool_size": [Interval(Integral, 1, None, closed="left")],
    "pool_first": ["boolean"],
    "padding": [StrOptions({"same", "valid"})],
    "global_pooling": ["boolean"],
    "dense_units": [Interval(Integral, 1, None, closed="left"), tuple, list],
    "activation": [str],
    "batch_normalization": ["boolean"],
    "dropout": [Interval(Real, 0, 1, closed="left"), tuple, list],
    "scaling": [StrOptions({"standard", "unit"})],
    "optimizer": [str, object],
    "learning_rate": [Interval(Real, 0, None, closed="neither"), None],
    "learning_rate_schedule": [StrOptions({"constant", "cosine"})],
    "batch_size": [
        StrOptions({"auto"}),
        Interval(Integral, 1, None, closed="left"),
    ],
    "epochs": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    "augment": [StrOptions(set(AUGMENTATIONS)), tuple, list, None],
    "class_weight": [StrOptions({"balanced"}), dict, None],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "warm_start": ["boolean"],
    "image_shape": [tuple, list, None],
    "dtype": [StrOptions({"float32", "float64"})],
    "callbacks": [object],
    "verbose": ["verbose"],
    "random_state": ["random_state"],
}


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
        that must not change while training goes on; "dropout", "augment", "callbacks"
        and "optimizer".

    Raises
    ------
    ValueError, TypeError
        If parameters do not fit together, or Keras knows no such name.
    """
    filters = _tuple_of_integers("filters", estimator.filters)
    kernel_size = _tuple_of_integers("kernel_size", estimator.kernel_size)
    if len(kernel_size) == 1:
        kernel_size *= len(filters)
    if len(kernel_size) != len(filters):
        raise ValueError(
            f"Got kernel_size={estimator.kernel_size!r}, but expected an integer or "
            f"one entry for each of the {len(filters)} stages of filters="
            f"{estimator.filters!r}."
        )
    if estimator.image_shape is not None:
        check_image_shape(estimator.image_shape)
    augment = estimator.augment or ()
    augment = (augment,) if isinstance(augment, str) else tuple(augment)
    if unknown := [name for name in augment if name not in AUGMENTATIONS]:
        raise ValueError(
            f"Got augment={estimator.augment!r}, but {unknown[0]!r} is none of "
            f"{', '.join(map(repr, AUGMENTATIONS))}."
        )
    network = {
        "filters": filters,
        "kernel_size": kernel_size,
        "convolutions": int(estimator.convolutions),
        "pool_size": int(estimator.pool_size),
        "pool_first": bool(estimator.pool_first),
        "padding": estimator.padding,
        "global_pooling": bool(estimator.global_pooling),
        "dense_units": _tuple_of_integers("dense_units", estimator.dense_units),
        "activation": check_activation(estimator.activation),
        "batch_normalization": bool(estimator.batch_normalization),
        "dtype": estimator.dtype,
    }
    return {
        "network": network,
        "fixed": network
        | {
            "augment": augment,
            "scaling": estimator.scaling,
            "image_shape": estimator.image_shape,
        },
        "dropout": _pair_of_rates(estimator.dropout),
        "augment": augment,
        "callbacks": check_callbacks(estimator.callbacks),
        "optimizer": resolve_optimizer(estimator.optimizer, estimator.learning_rate),
    }


def _tuple_of_integers(name, value):
    entries = (value,) if isinstance(value, Integral) else tuple(value)
    if not all(isinstance(entry, Integral) and entry > 0 for entry in entries):
        raise ValueError(
            f"Got {name}={value!r}, but expected a positive integer or a tuple of "
            "positive integers."
        )
    if not entries and name != "dense_units":
        raise ValueError(f"Got {name}={value!r}, but expected at least one entry.")
    return tuple(int(entry) for entry in entries)


def _pair_of_rates(dropout):
    rates = (dropout, dropout) if isinstance(dropout, Real) else tuple(dropout)
    if len(rates) != 2 or not all(isinstance(r, Real) and 0 <= r < 1 for r in rates):
        raise ValueError(
            f"Got dropout={dropout!r}, but expected a rate in [0, 1) or two of them, "
            "for the convolution stages and for the hidden dense layers."
        )
    return tuple(float(rate) for rate in rates)
