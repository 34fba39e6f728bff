"""Errors for unknown arguments of methods, with special advice for Keras's arguments.

Keras takes epochs, batch size and callbacks in `fit`; a scikit-learn estimator takes
them in its constructor. The errors tell users of Keras where each argument belongs.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from skcnn._messages.wording import enumerated

Estimator = TypeVar("Estimator")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")
Method = Callable[Concatenate[Estimator, Arguments], Result]

LEAVE_OUT = "{name} has no counterpart here: leave it out"

# Arguments of `fit` in Keras 2, Keras 3 and similar libraries that are not parameters
# of the classifiers.
IN_TRAINING = {
    "x": "x is X here",
    "validation_data": "validation_data=(X, y) is X_val=X, y_val=y here",
    "eval_set": "eval_set=[(X, y)] is X_val=X, y_val=y here",
    "validation_split": (
        "validation_split={value} is early_stopping=True, validation_fraction={value} "
        "of the constructor, which also stops training when the accuracy on the "
        "held-out images no longer improves; to monitor the accuracy without stopping, "
        "pass X_val and y_val"
    ),
    "validation_freq": (
        "The validation images are scored after each epoch: leave validation_freq out"
    ),
    "initial_epoch": (
        "To continue training a network, set warm_start=True or call partial_fit: "
        "leave initial_epoch out"
    ),
    "steps_per_epoch": (
        "An epoch sees each image once: leave steps_per_epoch out, or pass fewer images"
    ),
    "validation_steps": LEAVE_OUT,
    "validation_batch_size": LEAVE_OUT,
    "max_queue_size": LEAVE_OUT,
    "workers": LEAVE_OUT,
    "use_multiprocessing": LEAVE_OUT,
}

# Arguments of `keras.Model.predict`.
IN_PREDICTION = {
    "x": "x is X here",
    "batch_size": "The batch size is chosen automatically: leave batch_size out",
    "verbose": "Nothing is printed: leave verbose out",
    "callbacks": "Callbacks are called in fit only: leave callbacks out",
    "steps": LEAVE_OUT,
    "max_queue_size": LEAVE_OUT,
    "workers": LEAVE_OUT,
    "use_multiprocessing": LEAVE_OUT,
}

IN_PARTIAL_FIT = IN_TRAINING | {
    "epochs": "partial_fit trains for one epoch: call it once for each, or call fit",
    "groups": "partial_fit holds no images out: leave groups out",
}
IN_PARTIAL_FIT |= dict.fromkeys(
    ("validation_split", "validation_data", "eval_set", "X_val", "y_val"),
    "partial_fit does not validate: leave {name} out, and call score between two calls",
)

WORDS = {"fit": IN_TRAINING, "partial_fit": IN_PARTIAL_FIT}


def explains_wrong_calls(
    method: Method[Estimator, Arguments, Result],
) -> Method[Estimator, Arguments, Result]:
    """Decorate a method of an estimator: its TypeErrors say where arguments belong.

    The messages name the class of the estimator, which may be a subclass of the class
    that defines the method. The signature of the method stays the same.
    """
    signature = inspect.signature(method)

    @functools.wraps(method)
    def call(
        self: Estimator, *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        try:
            signature.bind(self, *args, **kwargs)
        except TypeError as error:
            message = _explanation(self, method.__name__, signature, kwargs, error)
            raise TypeError(message) from None
        return method(self, *args, **kwargs)

    return call


def _explanation(
    estimator: Any,
    method: str,
    signature: inspect.Signature,
    given: dict[str, Any],
    error: TypeError,
) -> str:
    """Return what is wrong with a call, and where each of its arguments belongs."""
    name = type(estimator).__name__
    accepted = ", ".join(key for key in signature.parameters if key != "self")
    wrong = [key for key in given if key not in signature.parameters]
    if not wrong:
        return f"{name}.{method}(): {error}. Its arguments are {accepted}."
    words = WORDS.get(method, IN_PREDICTION)
    sentences = [
        words[key].format(name=key, value=_shown(given[key]))
        for key in wrong
        if key in words
    ]
    others = [key for key in wrong if key not in words]
    parameters = [key for key in others if key in estimator.get_params(deep=False)]
    if parameters:
        settings = ", ".join(f"{key}={_shown(given[key])}" for key in parameters)
        are = "are parameters" if parameters[1:] else "is a parameter"
        sentences.append(
            f"{enumerated(parameters)} {are} of the constructor: {name}({settings}), "
            "or set_params"
        )
    if len(others) > len(parameters):
        sentences.append(f"The arguments of {method} are {accepted}")
    no = "no arguments" if wrong[1:] else "no argument"
    return f"{name}.{method}() has {no} {enumerated(wrong)}. {'. '.join(sentences)}."


def _shown(value: Any) -> str:
    """Return the repr of a number, string, boolean or None, and "..." for others."""
    if isinstance(value, str):
        return repr(value)
    return str(value) if value is None or isinstance(value, (int, float)) else "..."
