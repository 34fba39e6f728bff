"""The command ``skcnn info``, which says what a saved model holds."""

import textwrap
from pathlib import Path

import click

from skcnn._cli._model import Model
from skcnn._cli._terminal import (
    Command,
    as_json,
    print_result,
    say_next,
    start_keras,
    visible,
)
from skcnn._messages.wording import counted

# The table of epochs has so many rows at most: the first ones and the last ones.
MOST_EPOCHS = 12

COLUMNS = {
    "loss": "loss",
    "accuracy": "accuracy",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
}


@click.command(cls=Command)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "to_json", is_flag=True, help="Print the results as JSON.")
def info(model, to_json):
    """Say what a saved model holds.

    MODEL is a file that "skcnn train" or skcnn.save wrote. The command prints the
    images and classes that the model knows, the size of the network, the parameters
    that differ from the defaults, what "auto" stood for, and the epochs of the
    training. The loss and the accuracy of an epoch are those on the training images as
    they were augmented, and are no test of the model.

    \b
    Examples:
      skcnn info digits-1.skcnn
      skcnn info digits-1.skcnn --json
    """  # noqa: D301
    start_keras()
    facts = _facts(model, Model(model))
    if to_json:
        print_result(as_json(facts))
        return
    print_result("\n".join(_lines(facts)))
    say_next("predict", str(model), "FILE...")


def _facts(path, model):
    """Return what is to be said of a model, as JSON can hold it."""
    classifier = model.classifier
    fingerprints = classifier._fingerprints
    return {
        "model": str(path),
        "bytes": path.stat().st_size,
        "versions": model.versions,
        "steps": [type(step).__name__ for step in model.transformers],
        "classifier": type(classifier).__name__,
        "image_shape": model.image_shape,
        "aspect_ratio": model.aspect_ratio,
        "feature_names": model.feature_names,
        "pixels": classifier._seen_pixels,
        "classes": model.classes,
        "n_weights": classifier.model_.count_params(),
        "n_fitted": None if fingerprints is None else len(fingerprints),
        "n_iter": classifier.n_iter_,
        "parameters": classifier.get_params(),
        "changed_parameters": _changed(classifier),
        "auto_params": classifier.auto_params_,
        "history": classifier.history_,
    }


def _changed(classifier):
    """Return the parameters that differ from the defaults."""
    import inspect

    defaults = inspect.signature(type(classifier)).parameters
    return {
        name: value
        for name, value in classifier.get_params(deep=False).items()
        if name != "verbose" and repr(value) != repr(defaults[name].default)
    }


def _lines(facts):
    """Return the facts as lines of text."""
    height, width, channels = facts["image_shape"]
    color = {1: "gray", 3: "color", 4: "color with transparency"}
    kind = " > ".join([*facts["steps"], facts["classifier"]])
    pixels = facts["pixels"]
    ways = {"stretch": "stretched", "pad": "padded", "crop": "cropped"}
    way = ways.get(facts["aspect_ratio"])
    images = "" if way is None else f"of any size, {way} to "
    images += (
        f"{width} x {height} pixels, {color.get(channels, f'{channels} channels')}"
    )
    if pixels is not None:
        images += f", {pixels['dtype']}"
        images += f" from {pixels['minimum']:g} to {pixels['maximum']:g}"
    if facts["feature_names"] is not None:
        images += ", columns of a table with names"
    classes = list(map(visible, facts["classes"]))
    training = counted(facts["n_iter"], "epoch")
    if facts["n_fitted"] is not None:
        training += f"; {counted(facts['n_fitted'], 'different image')}"
    version = facts["versions"].get("skcnn", "?")
    entries = {
        "File": f"{facts['model']}, {_size(facts['bytes'])}, by skcnn {version}",
        "Model": kind,
        "Images": images,
        "Classes": f"{len(classes)}: {', '.join(classes)}",
        "Network": counted(facts["n_weights"], "weight"),
        "Training": training,
        "Parameters": _settings(facts["changed_parameters"]) or "the defaults",
        "Auto": _settings(facts["auto_params"]),
    }
    lines = []
    for name, text in entries.items():
        if text:
            lines += textwrap.wrap(
                visible(text),
                79,
                initial_indent=f"{name + ':':12}",
                subsequent_indent=" " * 12,
                max_lines=6,
                placeholder=" ...",
                break_on_hyphens=False,
            )
    return [*lines, "", *_table_of_epochs(facts["history"])]


def _settings(values):
    """Return parameters with their values as the command line writes them."""
    return ", ".join(f"{name}={value}" for name, value in values.items())


def _size(n_bytes):
    """Return the size of a file as text."""
    if n_bytes < 10**6:
        return f"{n_bytes / 10**3:,.0f} kB"
    return f"{n_bytes / 10**6:,.1f} MB"


def _table_of_epochs(history):
    """Return a table of what each epoch measured, without those in the middle."""
    names = [name for name in COLUMNS if name in history]
    titles = ["epoch", *(COLUMNS[name] for name in names)]
    n_epochs = len(history["loss"])
    rows = [
        [str(epoch + 1), *(f"{history[name][epoch]:.4f}" for name in names)]
        for epoch in range(n_epochs)
    ]
    if n_epochs > MOST_EPOCHS:
        half = MOST_EPOCHS // 2
        rows[half:-half] = [["..."] * len(titles)]
    return ["  ".join(map(str.rjust, row, map(len, titles))) for row in [titles, *rows]]
