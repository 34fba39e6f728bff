"""Parameters of a classifier, written as NAME=VALUE."""

import ast
import difflib
import inspect

import click


def parse_values(texts, kind, option):
    """Return the parameters that an option sets.

    Parameters
    ----------
    texts : tuple of str
        The values of the option, such as ``NAME=VALUE`` for ``--set``.
    kind : type
        The class of the classifier.
    option : str
        The name of the option, for messages.

    Returns
    -------
    dict of str to object
        The values as Python literals; a text that is not a literal stays text.
    """
    return {name: _value(text) for name, text in _pairs(texts, kind, option).items()}


def parse_lists(texts, kind, option):
    """Return the values that an option lists for each parameter."""
    return {
        name: _list(text, option) for name, text in _pairs(texts, kind, option).items()
    }


def _pairs(texts, kind, option):
    known = list(inspect.signature(kind).parameters)
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise click.UsageError(
                f"Got {option} {text}, but expected NAME=VALUE, such as "
                "learning_rate=0.003."
            )
        if name not in known:
            alike = difflib.get_close_matches(name, known, 1)
            hint = f"Did you mean {alike[0]}? " if alike else ""
            raise click.UsageError(
                f"Got {option} {text}, but {kind.__name__} has no parameter {name!r}. "
                f"{hint}It has: {', '.join(known)}."
            )
        if name in pairs:
            raise click.UsageError(f"Got {option} {name}=... twice.")
        pairs[name] = value
    return pairs


def _value(text):
    try:
        return ast.literal_eval(text.strip())
    except (SyntaxError, ValueError):
        return text.strip()


def _list(text, option):
    try:
        values = ast.literal_eval(f"[{text}]")
    except (SyntaxError, ValueError):
        values = [_value(part) for part in text.split(",")]
    if len(values) < 2:
        raise click.UsageError(
            f"Got {option} ...={text}, but a search needs two values or more, such as "
            "learning_rate=0.003,0.01."
        )
    return values
