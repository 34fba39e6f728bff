"""``skcnn train``: from data to a report and a model."""

import time
import warnings
from pathlib import Path

import click

from skcnn._cli._data import (
    DATA_HELP,
    check_data,
    data_home_option,
    label_option,
    read_parts,
    seed_option,
)
from skcnn._cli._parameters import parse_lists, parse_values
from skcnn._cli._reports import print_report, report
from skcnn._cli._terminal import (
    check_output,
    failures_in_one_line,
    print_json,
    progress_on_stderr,
    say,
    start_keras,
)

# The classifier's default is meant for 60,000 images; these are 1,347.
DIGITS_EPOCHS = 30

KINDS = ("mnist", "cifar")


@click.command(
    help=f"""Train a network and report how well it does on unseen images.
{DATA_HELP}
    mnist and cifar10 are read from the files that their publishers ship, and downloaded
    if there are none. Labels with names (cifar10, folders) are learned as names.

    \b
    Examples:
      skcnn train digits
      skcnn train mnist --preset classic --epochs 2 --seed 1
      skcnn train cifar10 --data-home DIR -o cifar.skcnn
      skcnn train train.csv -o digits.skcnn
      skcnn train pets/ --set "image_shape=(64, 64, 3)" --set epochs=20
      skcnn train digits --search learning_rate=0.003,0.01 --search dropout=0,0.2

    Ctrl-C ends training early: with -o, the network is saved as its last whole epoch
    left it.
    """
)
@click.argument("data", metavar="DATA")
@click.option(
    "--classifier",
    type=click.Choice(KINDS),
    help="MNISTCNNClassifier or CIFARCNNClassifier, which differ in their defaults and "
    "presets  [default: cifar for colour, else mnist].",
)
@click.option(
    "--preset",
    metavar="NAME",
    help="Named settings: classic, fast or accurate  [default: the classifier's own].",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Times to go through the training images  [default: the preset's, or the "
    f"classifier's own; {DIGITS_EPOCHS} for digits].",
)
@seed_option("Seed of the split and of the training: same seed, same result.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any other parameter of the classifier, by its name; can be repeated.",
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
    help="Share of the images to hold out for the report; 0 trains on all of them and "
    "reports nothing  [default: 0.2; 0.25 for digits].",
)
@label_option
@data_home_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the trained network, for evaluate, predict and skcnn.load.",
)
@click.option("--force", is_flag=True, help="Replace the file of -o if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def train(
    data,
    classifier,
    preset,
    epochs,
    seed,
    settings,
    searched,
    test_size,
    label,
    data_home,
    output,
    force,
    as_json,
):
    """Run ``skcnn train``; its help is above."""
    check_data(data, data_home, test_size)
    if output is not None:
        check_output(output, force)
    from skcnn import CIFARCNNClassifier, MNISTCNNClassifier

    kinds = dict(zip(KINDS, (MNISTCNNClassifier, CIFARCNNClassifier), strict=True))
    if classifier is None and data in ("digits", "mnist", "cifar10"):
        classifier = "cifar" if data == "cifar10" else "mnist"

    # Both kinds have the same parameters, so all names can be checked before the data
    # are read, from which the kind follows.
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
    if data == "digits" and preset is None:
        parameters.setdefault("epochs", DIGITS_EPOCHS)
    if preset is not None and preset not in some_kind.presets:
        raise click.UsageError(
            f"Got --preset {preset}, but expected one of: "
            f"{', '.join(some_kind.presets)}."
        )
    if twice := set(grid) & set(parameters) - {"epochs", "random_state"}:
        raise click.UsageError(f"Got both --set and --search for {min(twice)}.")

    # Before the images, as a download goes through Keras, and wrong parameters need not
    # wait for them.
    start_keras()
    estimator = _make(some_kind, preset, parameters)
    say(f"Reading {data} ...")
    with failures_in_one_line():
        training, test = read_parts(
            data,
            data_home=data_home,
            label=label,
            test_size=test_size,
            seed=seed,
            image_shape=parameters.get("image_shape"),
        )
    if classifier is None:
        is_colour = training[0].ndim == 4 and training[0].shape[-1] == 3
        if is_colour:
            estimator = _make(kinds["cifar"], preset, parameters)
    _announce(data, training, test)
    with failures_in_one_line(), progress_on_stderr():
        if grid:
            estimator, results = _search(estimator, grid, training)
            was_interrupted = False
        else:
            results = None
            was_interrupted = _fit(estimator, training)
        if output is not None:
            import skcnn

            skcnn.save(estimator, output)
    if output is not None:
        say(f"Saved {output}.")
    if was_interrupted:
        say(f"Interrupted after {estimator.n_iter_} whole epochs.")
        click.get_current_context().exit(130)
    _print_results(data, estimator, results, training, test, output, as_json)


def _make(kind, preset, parameters):
    from skcnn._parameters import resolve_parameters, validate_parameters

    with failures_in_one_line():
        make = kind if preset is None else kind.from_preset
        names = [] if preset is None else [preset]
        estimator = make(*names, **{"verbose": 1, **parameters})
        validate_parameters(estimator)
        resolve_parameters(estimator)
    return estimator


def _announce(data, training, test):
    import numpy as np

    X, y = training
    tested = "" if test is None else f" and {len(test[0]):,} to test on"
    form = " x ".join(map(str, X.shape[1:3])) if X.ndim > 2 else f"{X.shape[1]}"
    say(
        f"{data}: {len(X):,} images to train on{tested}, {form} pixels, "
        f"{len(np.unique(y))} classes"
    )


def _fit(estimator, training):
    """Train, and return whether Ctrl-C ended it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        estimator.fit(*training)
    interrupted = False
    for warning in caught:
        if "interrupted by user" in str(warning.message):
            interrupted = True
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return interrupted


def _search(estimator, grid, training):
    """Return the best estimator, trained on all, and a table of the candidates."""
    from sklearn.callback import ProgressBar
    from sklearn.model_selection import GridSearchCV

    from skcnn.inspection import search_results

    search = GridSearchCV(
        estimator.set_params(verbose=0), grid, cv=3, error_score="raise"
    )
    search.set_callbacks(ProgressBar(max_propagation_depth=1))
    start = time.perf_counter()
    search.fit(*training)
    results = search_results(search)
    say(f"Tried {len(results)} candidates in {time.perf_counter() - start:.0f} s.")
    return search.best_estimator_, results


def _print_results(data, estimator, results, training, test, output, as_json):
    predicted = None if test is None else estimator.predict(test[0])
    if as_json:
        summary = {
            "data": data,
            "classifier": type(estimator).__name__,
            "parameters": estimator.get_params(),
            "n_train": len(training[0]),
            "n_test": 0 if test is None else len(test[0]),
            "n_iter": estimator.n_iter_,
            "model": None if output is None else str(output),
        }
        if results is not None:
            summary["search"] = results.to_dict("records")
        if test is not None:
            summary |= report(test[1], predicted)
        print_json(summary)
        return
    if results is not None:
        click.echo(results.to_string(index=False, float_format="{:.4g}".format))
        click.echo()
    if test is not None:
        print_report(test[1], predicted)
