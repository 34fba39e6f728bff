"""The options that choose a classifier and its parameters."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from skcnn._cli._terminal import did_you_mean

KINDS = ("mnist", "cifar")
PRESETS = ("classic", "fast", "accurate")


class Epochs(click.ParamType):
    """A number of epochs, or "auto"."""

    name = "epochs"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the number, or "auto"."""
        if value == "auto":
            return value
        try:
            number = int(value)
        except ValueError:
            number = 0
        if number < 1:
            raise click.UsageError(
                f"Got --epochs {value}, but expected a whole number from 1 on or auto.",
                ctx,
            )
        return number


class Preset(click.ParamType):
    """The name of a preset, which a shell completes."""

    name = "preset"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the name, or refuse it."""
        if value not in PRESETS:
            raise click.UsageError(
                f"Got --preset {value}, but expected one of: {', '.join(PRESETS)}."
                f"{did_you_mean(value, PRESETS)}",
                ctx,
            )
        return value

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list:
        """Return the presets that begin so."""
        return [CompletionItem(p) for p in PRESETS if p.startswith(incomplete)]


_OPTIONS = (
    click.option(
        "--classifier",
        type=click.Choice(KINDS),
        help="MNISTCNNClassifier or CIFARCNNClassifier, which differ in their defaults "
        "and presets  [default: cifar for color, else mnist].",
    ),
    click.option(
        "--preset",
        type=Preset(),
        metavar="NAME",
        help="A named set of parameters: classic, fast or accurate  [default: the "
        "defaults of the classifier].",
    ),
    click.option(
        "--epochs",
        type=Epochs(),
        metavar="N",
        help="Number of passes over the training images, or auto: the fewer images, "
        "the more passes  [default: that of the preset, or auto].",
    ),
    click.option(
        "--seed",
        type=click.IntRange(0, 2**32 - 1),
        metavar="N",
        default=0,
        show_default=True,
        help="Seed of the split and of the training. The same seed gives the same "
        "result.",
    ),
    click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        help="Set any other parameter of the classifier by its name; can be repeated.",
    ),
)


@dataclass(frozen=True)
class Choice:
    """The options that choose a classifier."""

    classifier: str | None
    preset: str | None
    epochs: int | str | None
    seed: int
    settings: tuple[str, ...]


def choosing_options(command: Callable) -> Callable:
    """Add all options of `Choice` to a command, which gets them as `choice`."""

    @wraps(command)
    def gathered(**values: Any) -> Any:
        names = Choice.__dataclass_fields__
        choice = Choice(**{name: values.pop(name) for name in names})
        return command(choice=choice, **values)

    for option in reversed(_OPTIONS):
        gathered = option(gathered)
    return gathered


class Chosen:
    """A classifier and its parameters, which were checked by their names.

    Attributes
    ----------
    parameters : dict of str to object
        The parameters that the options set.
    grid : dict of str to list
        The values to search among.
    """

    def __init__(
        self, choice: Choice, data: str, searched: tuple[str, ...] = ()
    ) -> None:
        from skcnn import CIFARCNNClassifier, MNISTCNNClassifier

        self._kinds = {"mnist": MNISTCNNClassifier, "cifar": CIFARCNNClassifier}
        classifier = choice.classifier
        if classifier is None and data in ("digits", "mnist", "cifar10"):
            classifier = "cifar" if data == "cifar10" else "mnist"
        self._classifier, self._preset = classifier, choice.preset
        # The classifier may depend on the images. Both classifiers have the same
        # parameters, so their names are checked before the images are read.
        kind = self._kinds[classifier or "mnist"]
        self.parameters = parse_values(choice.settings, kind, "--set")
        self.grid = parse_lists(searched, kind, "--search")
        for parameter, option, value in (
            ("epochs", "--epochs", choice.epochs),
            ("random_state", "--seed", choice.seed),
        ):
            if parameter not in self.parameters:
                if value is not None:
                    self.parameters[parameter] = value
            elif parameter == "epochs" and value is not None:
                raise click.UsageError(f"Got both {option} and --set {parameter}=.")
        set_too = set(self.parameters) - {"epochs", "random_state"}
        if twice := set(self.grid) & set_too:
            raise click.UsageError(f"Got both --set and --search for {min(twice)}.")

    def make(self, n_channels: int | None = None, *, verbose: int = 0) -> Any:
        """Return the classifier, its parameters checked by their values.

        `n_channels` is that of the images, once they are known.
        """
        by_color = "cifar" if (n_channels or 1) > 1 else "mnist"
        kind = self._kinds[self._classifier or by_color]
        return make_estimator(
            kind, self._preset, {"verbose": verbose, **self.parameters}
        )


def make_estimator(kind: Any, preset: str | None, parameters: dict[str, Any]) -> Any:
    """Return a classifier whose parameters are valid, or raise."""
    from skcnn._estimator.automatic import check_parameters
    from skcnn._sklearn_private import validate_parameters

    make = kind if preset is None else kind.from_preset
    estimator = make(*([] if preset is None else [preset]), **parameters)
    source = estimator.init_from
    if source is not None and not (isinstance(source, str) and Path(source).is_file()):
        raise click.UsageError(
            f"Got --set init_from={source}, but expected the file of a model, as skcnn "
            "train saves one."
        )
    validate_parameters(estimator)
    check_parameters(estimator)
    return estimator


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
    # Callbacks are objects of Python, which no text names.
    known = [name for name in inspect.signature(kind).parameters if name != "callbacks"]
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not value:
            values = "0.003,0.01" if option == "--search" else "0.003"
            form = "V1,V2,..." if option == "--search" else "VALUE"
            raise click.UsageError(
                f"Got {option} {text}, but expected {option} NAME={form}, such as "
                f"{option} learning_rate={values}."
            )
        if name not in known:
            raise click.UsageError(
                f"Got {option} {text}, but {kind.__name__} has no parameter {name!r}."
                f"{did_you_mean(name, known)} It has: {', '.join(known)}."
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
