"""Checks of values from a file, before any other code uses the values.

A check is a function of a value and of the value's place in the file. It returns None
if skcnn could have written the value, and raises a ValueError that names the place
otherwise.
"""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

Check = Callable[[Any, str], None]


def _refuse(value: Any, place: str, expected: str) -> NoReturn:
    """Raise with the type of a value, but never with its text, which may be long."""
    found = type(value).__name__
    if type(value) in (bool, int, float) and abs(value) < 2**63:
        found = repr(value)
    elif isinstance(value, np.ndarray):
        found = f"an array of dtype {value.dtype} and shape {value.shape}"
    raise ValueError(f"{place}: expected {expected}, but found {found}.")


def nothing(value: Any, place: str) -> None:
    """Check for None."""
    if value is not None:
        _refuse(value, place, "null")


def flag(value: Any, place: str) -> None:
    """Check for a boolean."""
    if type(value) is not bool:
        _refuse(value, place, "true or false")


def integer(low: int = -(2**63), high: int = 2**63 - 1) -> Check:
    """Check for an integer in a range that includes both ends."""

    def check(value: Any, place: str) -> None:
        if type(value) is not int or not low <= value <= high:
            _refuse(value, place, f"an integer from {low} to {high}")

    return check


def number(value: Any, place: str) -> None:
    """Check for a float, NaN and infinity included."""
    if type(value) is not float:
        _refuse(value, place, "a float")


def finite_number(value: Any, place: str) -> None:
    """Check for an integer or a finite float, in the range of float64."""
    # `math.isfinite` would raise an OverflowError for integers beyond that range.
    if type(value) not in (int, float) or not abs(value) <= sys.float_info.max:
        _refuse(value, place, "a finite number")


def text(longest: int, pattern: str = "(?s:.*)") -> Check:
    """Check for a string of at most `longest` characters that matches a pattern."""
    compiled = re.compile(pattern)

    def check(value: Any, place: str) -> None:
        if type(value) is not str or len(value) > longest:
            _refuse(value, place, f"a string of at most {longest} characters")
        if not compiled.fullmatch(value):
            raise ValueError(f"{place}: the string does not match {pattern}.")

    return check


def exactly(*values: object) -> Check:
    """Check for one of the given values."""

    def check(value: Any, place: str) -> None:
        for expected in values:
            if type(value) is type(expected) and value == expected:
                return
        _refuse(value, place, f"one of {', '.join(map(repr, values))}")

    return check


def either(*checks: Check) -> Check:
    """Check that at least one of several checks passes."""

    def check(value: Any, place: str) -> None:
        reasons = []
        for one in checks:
            try:
                return one(value, place)
            except ValueError as error:
                reasons.append(str(error))
        raise ValueError(" Or: ".join(reasons)[:400])

    return check


def several(
    item: Check, most: int, least: int = 0, kind: type[list] | type[tuple] = list
) -> Check:
    """Check for a list or a tuple of `least` to `most` items that all pass a check."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, kind) or not least <= len(value) <= most:
            _refuse(value, place, f"a {kind.__name__} of {least} to {most} values")
        for i, entry in enumerate(value):
            item(entry, f"{place}[{i}]")

    return check


def pair(first: Check, second: Check) -> Check:
    """Check for a list of two values that each pass a check."""

    def check(value: Any, place: str) -> None:
        several(lambda entry, place: None, most=2, least=2)(value, place)
        first(value[0], f"{place}[0]")
        second(value[1], f"{place}[1]")

    return check


def mapping(key: Check, item: Check, most: int) -> Check:
    """Check for a dict of at most `most` entries, whose keys and values pass checks."""

    def check(value: Any, place: str) -> None:
        if type(value) is not dict or len(value) > most:
            _refuse(value, place, f"an object of at most {most} entries")
        for i, (name, entry) in enumerate(value.items()):
            key(name, f"{place}, key {i}")
            item(entry, f"{place}, value {i}")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] = {}) -> Check:
    """Check for a dict with given keys, whose values pass the checks of their keys."""
    checks = {**required, **optional}

    def check(value: Any, place: str) -> None:
        if type(value) is not dict:
            _refuse(value, place, "an object")
        keys = set(value)
        if missing := sorted(required.keys() - keys):
            raise ValueError(f"{place}: the entry {missing[0]} is missing.")
        if keys - checks.keys():
            raise ValueError(
                f"{place}: there is an entry that no version of skcnn writes."
            )
        for name, entry in value.items():
            checks[name](entry, f"{place}.{name}")

    return check


def array(kinds: str, n_dims: int | None = None, shape: tuple | None = None) -> Check:
    """Check for an array by the kind of its dtype, and optionally by its shape."""

    def check(value: Any, place: str) -> None:
        if (
            type(value) is not np.ndarray
            or value.dtype.kind not in kinds
            or n_dims not in (None, value.ndim)
            or shape not in (None, value.shape)
        ):
            _refuse(value, place, f"an array of the kinds {kinds!r}")

    return check


# The dict that `numpy.random.RandomState.get_state(legacy=False)` returns. NumPy reads
# the key at the position `pos` without checking `pos`.
random_state = record(
    {
        "bit_generator": exactly("MT19937"),
        "state": record(
            {"key": array("u", shape=(624,)), "pos": integer(0, 624)},
        ),
        "has_gauss": integer(0, 1),
        "gauss": finite_number,
    }
)

_curves = mapping(
    exactly("loss", "accuracy", "val_loss", "val_accuracy"),
    several(number, most=2**22, least=1),
    most=4,
)


def history(value: Any, place: str) -> None:
    """Check for the history of a fit: curves with one value for each epoch."""
    _curves(value, place)
    if "loss" not in value or len(set(map(len, value.values()))) > 1:
        raise ValueError(f"{place}: the curves do not have one value for each epoch.")


# The values of the variables of a network or of an optimizer.
values_of_variables = several(array("fiu"), most=2**14)
