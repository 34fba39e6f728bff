"""The command ``skcnn train``, which trains, tests and saves a model."""

import time
import warnings
from pathlib import Path

import click

from skcnn._cli._data import DATA_HELP, check_data, read_to_train, reading_options
from skcnn._cli._output import check_output
from skcnn._cli._parameters import parse_lists, parse_values
from skcnn._cli._reports import Tested, print_report, report
from skcnn._cli._terminal import (
    Command,
    as_json,
    print_result,
    progress_on_stderr,
    say,
    start_keras,
    visible,
)
from skcnn._messages.wording import counted, first_of

KINDS = ("mnist", "cifar")


class Epochs(click.ParamType):
    """A number of epochs, or "auto"."""

    name = "epochs"

    def convert(self, value, param, ctx):
        """Return the number, or "auto"."""
        if value == "auto":
            return value
        return click.IntRange(min=1).convert(value, param, ctx)


@click.command(
    cls=Command,
    help=f"""Train a network and report its accuracy on images that it has not seen.
{DATA_HELP}
    mnist and cifar10 are read from the published files, or downloaded if there are no
    such files. If the labels have names (cifar10, folders), the model predicts names. A
    part named val is used for validation during training, or for the report if there
    is no test part. Without these parts, a fraction of the images is held out for the
    report.

    \b
    Examples:
      skcnn train digits
      skcnn train mnist --preset classic --epochs 2 --seed 1
      skcnn train cifar10 --data-home DIR -o cifar.skcnn
      skcnn train train.csv -o digits.skcnn
      skcnn train trainLabels.csv --images train/ -o cifar.skcnn
      skcnn train pets/ --set "image_shape=(64, 64, 3)" --set epochs=20
      skcnn train digits --search learning_rate=0.003,0.01 --search dropout=0,0.2

    Ctrl-C ends training early. With -o, the network is saved with the weights of the
    last complete epoch.
    """,
)
@click.argument("data", metavar="DATA")
@click.option(
    "--classifier",
    type=click.Choice(KINDS),
    help="MNISTCNNClassifier or CIFARCNNClassifier, which differ in their defaults and "
    "presets  [default: cifar for color, else mnist].",
)
@click.option(
    "--preset",
    metavar="NAME",
    help="A named set of parameters: classic, fast or accurate  [default: the "
    "defaults of the classifier].",
)
@click.option(
    "--epochs",
    type=Epochs(),
    metavar="N",
    help="Number of passes over the training images, or auto: the fewer images, the "
    "more passes  [default: that of the preset, or auto].",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    default=0,
    show_default=True,
    help="Seed of the split and of the training. The same seed gives the same result.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Set any other parameter of the classifier by its name; can be repeated.",
)
@click.option(
    "--search",
    "searched",
    multiple=True,
    metavar="NAME=V1,V2,...",
    help="Try these values, cross-validated on the training images in 3 folds, and "
    "train with the best; can be repeated for a grid.",
)
@click.option(
    "--test-size",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="Fraction of the images to hold out for the report; 0 trains on all of them "
    "and reports nothing  [default: 0.2; 0.25 for digits].",
)
@reading_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the trained network, for evaluate, predict and skcnn.load.",
)
@click.option("--force", is_flag=True, help="Replace the file of -o if it exists.")
@click.option("--json", "to_json", is_flag=True, help="Print the results as JSON.")
def train(
    data,
    classifier,
    preset,
    epochs,
    seed,
    settings,
    searched,
    test_size,
    reading,
    output,
    force,
    to_json,
):
    """Run ``skcnn train``; its help is above."""
    check_data(data, reading, test_size)
    if output is not None:
        check_output(output, force)
    from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
    from skcnn._images.forms import shape_of_images

    kinds = dict(zip(KINDS, (MNISTCNNClassifier, CIFARCNNClassifier), strict=True))
    if classifier is None and data in ("digits", "mnist", "cifar10"):
        classifier = "cifar" if data == "cifar10" else "mnist"

    # The classifier depends on the data. Both classifiers have the same parameters, so
    # the names of parameters are checked before the data are read.
    some_kind = kinds[classifier or "mnist"]
    parameters = parse_values(settings, some_kind, "--set")
    grid = parse_lists(searched, some_kind, "--search")
    stated = {"epochs": epochs, "random_state": seed}
    for name in stated:
        if stated[name] is None:
            continue
        if name in parameters:
            option = {"epochs": "--epochs", "random_state": "--seed"}[name]
            if name == "epochs":
                raise click.UsageError(f"Got both {option} and --set {name}=.")
        else:
            parameters[name] = stated[name]
    if preset is not None and preset not in some_kind.presets:
        raise click.UsageError(
            f"Got --preset {preset}, but expected one of: "
            f"{', '.join(some_kind.presets)}."
        )
    if twice := set(grid) & set(parameters) - {"epochs", "random_state"}:
        raise click.UsageError(f"Got both --set and --search for {min(twice)}.")

    # Keras starts before the images are read, because a download needs Keras, and so
    # that wrong parameters are refused at once.
    start_keras()
    estimator = _make(some_kind, preset, parameters)
    say(f"Reading {data} ...")
    image_shape = parameters.get("image_shape")
    parts = read_to_train(
        data, reading, test_size=test_size, seed=seed, image_shape=image_shape
    )
    shape = shape_of_images(parts.train.X[:1], image_shape)
    if classifier is None and shape[2] > 1:
        estimator = _make(kinds["cifar"], preset, parameters)
    _announce(data, parts, estimator, shape)
    results = None
    was_interrupted = False
    with progress_on_stderr():
        if grid:
            estimator, results = _search(estimator, grid, parts)
        else:
            was_interrupted = _fit(estimator, parts)
        if output is not None:
            import skcnn

            skcnn.save(estimator, output)
    if output is not None:
        say(f"Saved {output}.")
    if was_interrupted:
        say(f"Interrupted after {estimator.n_iter_} complete epochs.")
        click.get_current_context().exit(130)
    say(f"Trained for {counted(estimator.n_iter_, 'epoch')}.")
    _print_results(data, estimator, results, parts, output, to_json)


def _make(kind, preset, parameters):
    from skcnn._estimator.automatic import check_parameters
    from skcnn._sklearn_private import validate_parameters

    make = kind if preset is None else kind.from_preset
    names = [] if preset is None else [preset]
    estimator = make(*names, **{"verbose": 1, **parameters})
    validate_parameters(estimator)
    check_parameters(estimator)
    return estimator


def _announce(data, parts, estimator, shape):
    """Print what was read, and which classifier will be trained."""
    import numpy as np

    train = parts.train
    text = f"{data}: {counted(len(train), 'image')} to train on"
    if parts.val is not None:
        text += f", {len(parts.val):,} for validation"
    if parts.test is not None:
        text += f" and {len(parts.test):,} to test on"
    text += f"; {train.description or _describe_array(train.X, shape)}"
    classes = np.unique(train.y)
    names = first_of(map(visible, classes))
    say(f"{text}; {counted(len(classes), 'class', 'classes')}: {names}")
    say(f"Training a {type(estimator).__name__}.")


def _describe_array(X, shape):
    """Return the shape, the kind and the dtype of images as text."""
    height, width, channels = shape
    kind = {1: "gray", 3: "color", 4: "color with transparency"}
    rows = f"rows of {X.shape[1]:,} values, taken as " if X.ndim == 2 else ""
    color = kind.get(channels, f"{channels} channels")
    return f"{rows}{width} x {height} pixels, {color}, {X.dtype}"


def _fit(estimator, parts):
    """Train, and return whether Ctrl-C ended the training."""
    validation = {}
    if parts.val is not None:
        validation = {"X_val": parts.val.for_model(), "y_val": parts.val.y}
    show, interrupted = warnings.showwarning, False

    def show_others(message, *where, **more):
        nonlocal interrupted
        if "interrupted by user" in str(message):
            interrupted = True
        else:
            show(message, *where, **more)

    warnings.showwarning = show_others
    try:
        estimator.fit(parts.train.for_model(), parts.train.y, **validation)
    finally:
        warnings.showwarning = show
    return interrupted


def _search(estimator, grid, parts):
    """Return the best estimator, trained on all images, and a table of results."""
    from sklearn.callback import ProgressBar
    from sklearn.model_selection import GridSearchCV

    from skcnn.inspection import search_results

    search = GridSearchCV(
        estimator.set_params(verbose=0), grid, cv=3, error_score="raise"
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=1))
    start = time.perf_counter()
    search.fit(parts.train.for_model(), parts.train.y)
    results = search_results(search)
    say(f"Tried {len(results)} candidates in {time.perf_counter() - start:.0f} s.")
    return search.best_estimator_, results


def _print_results(data, estimator, results, parts, output, to_json):
    test = parts.test
    if test is not None:
        tested = Tested.of(estimator, test.X)
        tested.note_what_is_left_out(len(test))
        y = test.y[tested.rows]
        predicted = estimator.predict(test.for_model())[tested.rows]
    if to_json:
        summary = {
            "data": data,
            "classifier": type(estimator).__name__,
            "parameters": estimator.get_params(),
            "auto_params": estimator.auto_params_,
            "n_train": len(parts.train),
            "n_test": 0 if test is None else len(y),
            "n_iter": estimator.n_iter_,
            "model": None if output is None else str(output),
        }
        if results is not None:
            summary["search"] = results.to_dict("records")
        if test is not None:
            summary["n_trained_on"] = tested.n_trained_on
            summary |= report(y, predicted)
        print_result(as_json(summary))
        return
    if results is not None:
        print_result(results.to_string(index=False, float_format="{:.4g}".format))
        print_result("")
    if test is not None:
        print_report(y, predicted, tested)
