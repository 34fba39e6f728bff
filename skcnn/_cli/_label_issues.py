"""The command ``skcnn label-issues``, which lists labels that may be wrong."""

import csv
import io
import time
from pathlib import Path

import click

from skcnn._cli._data import (
    DATA_HELP,
    Data,
    check_data,
    make_folds,
    read_labeled,
    reading_options,
)
from skcnn._cli._output import check_output, write_text
from skcnn._cli._parameters import Chosen, choosing_options
from skcnn._cli._progress import live
from skcnn._cli._search import groups_reach_fit
from skcnn._cli._terminal import (
    Command,
    as_json,
    cell,
    print_result,
    progress_on_stderr,
    say,
    start_keras,
)
from skcnn._messages.wording import counted, duration

COLUMNS = (
    "image",
    "label",
    "suggestion",
    "label_probability",
    "suggestion_probability",
)


@click.command(
    "label-issues",
    cls=Command,
    help=f"""List the images whose label may be wrong.
{DATA_HELP}
    A network is trained on all folds but one, and predicts the images of that fold, for
    each fold in turn. An image is listed if its label contradicts a confident
    prediction ("confident learning"). The most doubtful label comes first. If the data
    have a part named train, the images are those of this part.

    The command prints CSV with the columns image, label, suggestion, and the
    probabilities of both. Look at the images before you change a label: many are only
    hard to read.

    \b
    Examples:
      skcnn label-issues pets/ -o issues.csv
      skcnn label-issues train.csv --preset fast --folds 3
      skcnn label-issues digits --epochs 5
    """,
)
@click.argument("data", metavar="DATA", type=Data())
@choosing_options
@click.option(
    "--folds",
    type=click.IntRange(2, 100),
    metavar="N",
    default=5,
    show_default=True,
    help="Number of folds of the cross-validation, and so of trainings.",
)
@reading_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the results into this file, in UTF-8, instead of printing them.",
)
@click.option("--force", is_flag=True, help="Replace the file of -o if it exists.")
@click.option("--json", "to_json", is_flag=True, help="Format the results as JSON.")
def label_issues(data, choice, folds, reading, output, force, to_json):
    """Run ``skcnn label-issues``; its help is above."""
    check_data(data, reading)
    if output is not None:
        check_output(output, force, may_be_stream=True)
    chosen = Chosen(choice, data)
    start_keras()
    chosen.make()
    say(f"Reading {data} ...")
    image_shape = chosen.parameters.get("image_shape")
    images = read_labeled(data, reading, image_shape=image_shape)
    rows = make_folds(data, images, folds, choice.seed)
    from skcnn._images.forms import shape_of_images

    shape = shape_of_images(images.X[:1], image_shape)
    estimator = chosen.make(shape[2])
    n_images = counted(len(images), "image")
    say(f"{data}: {n_images}. Training a {type(estimator).__name__} {folds} times.")
    with progress_on_stderr():
        probabilities = _cross_validated(estimator, images, rows)
    issues = _issues(data, images, probabilities)
    say(f"Found {counted(len(issues), 'label')} of {len(images):,} to look at.")
    text = as_json(issues) if to_json else _table(issues)
    if output is None:
        print_result(text)
    else:
        write_text(output, f"{text}\n")
        say(f"Wrote {output}.")
    if not to_json and issues:
        say("Next: look at these images, correct their labels, and train again.")


def _cross_validated(estimator, images, folds):
    """Return the probabilities of each image by a network that was not trained on it.

    The columns are in the order of the sorted labels.
    """
    from sklearn.model_selection import cross_val_predict

    from skcnn._training.progress import watched

    start, n_folds = time.perf_counter(), len(folds)

    def lines():
        progress, fold = watch.progress, max(watch.n_begun, 1)
        text = f"Fold {fold} of {n_folds}"
        if progress is None:
            return [text]
        text += f", epoch {progress.epoch + 1} of {progress.epochs}"
        left = progress.seconds_left()
        if left is not None:
            total = time.perf_counter() - start + left
            text += f": about {duration(left + total / fold * (n_folds - fold))} left"
        return [text]

    with (
        groups_reach_fit(estimator, images.groups) as more,
        watched() as watch,
        live(lines),
    ):
        return cross_val_predict(
            estimator,
            images.for_model(),
            images.y,
            cv=folds,
            method="predict_proba",
            params=more,
        )


def _issues(data, images, probabilities):
    """Return what is to be said of each image whose label may be wrong."""
    import numpy as np

    from skcnn.inspection import find_label_issues

    classes, labels = np.unique(images.y, return_inverse=True)
    suggested = probabilities.argmax(axis=1)
    return [
        {
            "image": f"{data}:{row + 1}" if images.files is None else images.files[row],
            "label": classes[labels[row]],
            "suggestion": classes[suggested[row]],
            "label_probability": probabilities[row, labels[row]],
            "suggestion_probability": probabilities[row, suggested[row]],
        }
        for row in find_label_issues(images.y, probabilities).tolist()
    ]


def _table(issues):
    """Return CSV with a row for each issue."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for issue in issues:
        *names, of_label, of_suggestion = issue.values()
        shown = [cell(str(name)) for name in names]
        writer.writerow([*shown, f"{of_label:.4f}", f"{of_suggestion:.4f}"])
    return text.getvalue().rstrip("\n")
