"""The command ``skcnn train``, which trains, tests and saves a model."""

import warnings
from pathlib import Path

import click

from skcnn._cli._data import (
    DATA_HELP,
    Data,
    check_data,
    make_folds,
    name_of,
    read_to_train,
    reading_options,
)
from skcnn._cli._output import (
    check_checkpoint,
    check_output,
    free_model,
    save_under_free_name,
)
from skcnn._cli._parameters import Chosen, choosing_options
from skcnn._cli._progress import live
from skcnn._cli._reports import Tested, print_report, report
from skcnn._cli._search import N_FOLDS, Search, as_text
from skcnn._cli._terminal import (
    Command,
    as_json,
    describe,
    given_options,
    print_result,
    progress_on_stderr,
    say,
    say_next,
    start_keras,
    visible,
)
from skcnn._messages.wording import counted, first_of

# Names of columns with which a table of a search fits into a terminal.
SHORT_NAMES = {
    "mean_test_score": "accuracy",
    "std_test_score": "std",
    "mean_fit_time": "seconds",
    "rank_test_score": "rank",
}


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
      skcnn train mnist --preset classic --epochs 2 --seed 1 --no-save
      skcnn train cifar10 --preset accurate --checkpoint cifar.checkpoint
      skcnn train train.csv -o digits.skcnn
      skcnn train trainLabels.csv --images train/ -o cifar.skcnn
      skcnn train scans/ --group "patient[0-9]+" --set early_stopping=True
      skcnn train pets/ --set "image_shape=(64, 64, 3)" --set epochs=20
      skcnn train digits --search learning_rate=0.003,0.01 --search dropout=0,0.2

    Ctrl-C ends training early. The network is then saved with the weights of the last
    complete epoch. In a search, Ctrl-C prints the table of what was tried so far.
    """,
)
@click.argument("data", metavar="DATA", type=Data())
@choosing_options
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
    help="Where to save the trained network  [default: a free name in the working "
    "folder, made of the name of the data: digits-1.skcnn].",
)
@click.option("--no-save", is_flag=True, help="Do not save the trained network.")
@click.option("--force", is_flag=True, help="Replace the file of -o if it exists.")
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the state of the training into this file after each epoch. If training "
    "is killed, the same command continues it after its last complete epoch. The file "
    "stays when training is complete.",
)
@click.option("--json", "to_json", is_flag=True, help="Print the results as JSON.")
def train(
    data,
    choice,
    searched,
    test_size,
    reading,
    output,
    no_save,
    force,
    checkpoint,
    to_json,
):
    """Run ``skcnn train``; its help is above."""
    check_data(data, reading, test_size)
    if output is not None and no_save:
        raise click.UsageError("Got both -o and --no-save.")
    if force and output is None:
        raise click.UsageError(
            "Got --force without -o: a file that has no name is never replaced. Leave "
            "--force out, or name the file with -o."
        )
    if checkpoint is not None:
        if searched:
            raise click.UsageError(
                "Got both --checkpoint and --search, but a checkpoint is of a single "
                "training. Search first, then train with the best values and --set."
            )
        check_checkpoint(checkpoint)
        if output is not None and checkpoint.resolve() == output.resolve():
            raise click.UsageError(
                f"Got {output} as -o and as --checkpoint. Name two files."
            )
    saved_as = output
    if output is not None:
        check_output(output, force)
    elif not no_save:
        saved_as = free_model(name_of(data))
    chosen = Chosen(choice, data, searched)

    # Keras starts before the images are read, because a download needs Keras, and so
    # that wrong parameters are refused at once.
    start_keras()
    chosen.make()
    say(f"Reading {data} ...")
    image_shape = chosen.parameters.get("image_shape")
    parts = read_to_train(
        data, reading, test_size=test_size, seed=choice.seed, image_shape=image_shape
    )
    from skcnn._images.forms import shape_of_images

    shape = shape_of_images(parts.train.X[:1], image_shape)
    estimator = chosen.make(shape[2], verbose=1)
    folds = make_folds(data, parts.train, N_FOLDS) if chosen.grid else []
    _announce(data, parts, estimator, shape, saved_as)
    search = results = None
    try:
        with progress_on_stderr():
            if chosen.grid:
                search = Search(chosen.make(shape[2]), chosen.grid)
                train = parts.train
                results = search.run(train.for_model(), train.y, folds, train.groups)
                say(f"Training with the best: {as_text(search.best_params)}.")
                estimator.set_params(**search.best_params)
            if checkpoint is not None and checkpoint.exists():
                say(f"Continuing the training of {checkpoint}.")
            was_interrupted = _fit(estimator, parts, checkpoint)
            if saved_as is not None:
                saved_as = _save(estimator, saved_as, output, data)
    except BaseException:
        if search is not None:
            _print_results_so_far(data, search, to_json)
        raise
    if was_interrupted:
        say(f"Interrupted after {counted(estimator.n_iter_, 'complete epoch')}.")
        if search is not None:
            _print_results_so_far(data, search, to_json)
        if not to_json:
            _say_what_next(saved_as)
        click.get_current_context().exit(130)
    say(f"Trained for {counted(estimator.n_iter_, 'epoch')}.")
    _print_results(data, estimator, results, parts, saved_as, to_json)
    if not to_json:
        _say_what_next(saved_as)


def _save(estimator, saved_as, output, data):
    """Save the network, and return under which name.

    If it cannot be saved there any more, it is saved in a temporary folder.
    """
    import skcnn

    try:
        if output is not None:
            skcnn.save(estimator, output)
        else:
            saved_as = save_under_free_name(estimator, saved_as, name_of(data))
    except OSError as error:
        import tempfile

        rescued = Path(tempfile.mkdtemp(prefix="skcnn-"), saved_as.name)
        skcnn.save(estimator, rescued)
        raise click.ClickException(
            f"{saved_as} could not be written: {describe(error)} The trained network "
            f"is saved as {rescued} instead."
        ) from error
    say(f"Saved {saved_as}.")
    return saved_as


def _announce(data, parts, estimator, shape, saved_as):
    """Print what was read, which classifier will be trained, and where it will be."""
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
    _announce_groups(parts)
    name = type(estimator).__name__
    if saved_as is None:
        say(f"Training a {name}, which will not be saved.")
    else:
        say(f"Training a {name}, which will be saved as {saved_as}.")


def _announce_groups(parts):
    """Print how many groups of images there are, and what some of them are called."""
    import numpy as np

    if parts.train.groups is None:
        return
    groups = np.unique(parts.train.groups)
    text = f"Groups: {len(groups):,} to train on"
    if parts.test is not None and parts.test.groups is not None:
        text += f" and {len(np.unique(parts.test.groups)):,} to test on"
    say(f"{text}: {first_of(map(visible, groups))}")


def _describe_array(X, shape):
    """Return the shape, the kind and the dtype of images as text."""
    height, width, channels = shape
    kind = {1: "gray", 3: "color", 4: "color with transparency"}
    rows = f"rows of {X.shape[1]:,} values, taken as " if X.ndim == 2 else ""
    color = kind.get(channels, f"{channels} channels")
    return f"{rows}{width} x {height} pixels, {color}, {X.dtype}"


def _fit(estimator, parts, checkpoint):
    """Train, and return whether Ctrl-C ended the training."""
    from skcnn._training.progress import watched

    more = {}
    if parts.val is not None:
        more = {"X_val": parts.val.for_model(), "y_val": parts.val.y}
    elif parts.train.groups is not None:
        more = {"groups": parts.train.groups}
    if checkpoint is not None:
        more["checkpoint"] = checkpoint

    def lines():
        progress = watch.progress
        if progress is None:
            return ["Preparing ..."]
        return [progress.line()] if progress.fraction < 1 else []

    def epoch():
        return watch.progress and watch.progress.epoch

    with warnings.catch_warnings(), watched() as watch, live(lines, epoch):
        # The command says so itself, once the network is saved.
        warnings.filterwarnings("ignore", "Training interrupted by user")
        estimator.fit(parts.train.for_model(), parts.train.y, **more)
    return estimator.keras_classifier_.state_.interrupted


def _print_results_so_far(data, search, to_json):
    """Print the table of a search that did not end, and how to train with the best."""
    results = search.results_so_far()
    n, n_candidates = len(results), search.n_candidates
    say(f"Tried {n} of {counted(n_candidates, 'candidate')} before the search ended.")
    if to_json:
        rows = results.to_dict("records")
        print_result(as_json({"data": data, "interrupted": True, "search": rows}))
        return
    if n:
        print_result(_table(results))
    if best := search.best_params:
        options = [f"--set={name}={value}" for name, value in best.items()]
        say_next("train", data, *options, *given_options("searched"))


def _table(results):
    """Return the results of a search as text."""
    short = results.rename(columns=SHORT_NAMES)
    return short.to_string(index=False, float_format="{:.4g}".format)


def _say_what_next(saved_as):
    """Print what can be done with the network."""
    if saved_as is not None:
        say_next("predict", str(saved_as), "FILE...")


def _print_results(data, estimator, results, parts, saved_as, to_json):
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
            "model": None if saved_as is None else str(saved_as),
        }
        if results is not None:
            summary["search"] = results.to_dict("records")
        if test is not None:
            summary["n_trained_on"] = tested.n_trained_on
            summary |= report(y, predicted)
        print_result(as_json(summary))
        return
    if results is not None:
        print_result(f"{_table(results)}\n")
    if test is not None:
        print_report(y, predicted, tested)
