"""``skcnn predict``: what a saved model says about new images."""

import csv
import io
from pathlib import Path

import click

from skcnn._cli._data import label_option, read_unlabelled
from skcnn._cli._evaluate import image_shape_of
from skcnn._cli._terminal import (
    check_output,
    failures_in_one_line,
    print_json,
    say,
    start_keras,
)


@click.command()
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True)
)
@click.option(
    "--proba", is_flag=True, help="Add a column with the probability of each class."
)
@click.option(
    "--submission",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write Kaggle's submission.csv (ImageId,Label) instead of printing.",
)
@click.option("--force", is_flag=True, help="Replace the file of --submission.")
@label_option
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def predict(model, files, proba, submission, force, label, as_json):
    """Say what is on images.

    MODEL is a file that "skcnn train -o" or skcnn.save wrote. FILE is an image file, a
    folder of image files, a .csv file with a row of pixels an image, or an .npz file
    with an array X (or x_test). Image files need skcnn[images] and are resized to what
    the model was trained on. A column of labels in a .csv file is passed over.

    Prints CSV with the columns image and label.

    \b
    Examples:
      skcnn predict pets.skcnn cat.jpg dog.jpg
      skcnn predict pets.skcnn holiday/ --proba > holiday.csv
      skcnn predict digits.skcnn test.csv --submission submission.csv
    """  # noqa: D301
    if submission is not None:
        check_output(submission, force)
        if proba or as_json:
            raise click.UsageError(
                "--submission writes labels into a file; it goes with neither --proba "
                "nor --json."
            )
    import numpy as np

    start_keras()
    with failures_in_one_line():
        import skcnn

        estimator = skcnn.load(model)
        names, parts = read_unlabelled(
            files, label=label, image_shape=image_shape_of(estimator)
        )
        say(f"Predicting {len(names):,} images ...")
        probabilities = np.concatenate([estimator.predict_proba(X) for X in parts])
        classes = estimator.classes_
        labels = classes[probabilities.argmax(axis=1)]
        if submission is not None:
            from skcnn.datasets import write_submission

            write_submission(submission, labels)
    if submission is not None:
        say(f"Wrote {len(labels):,} predictions to {submission}.")
    elif as_json:
        results = []
        for name, label, row in zip(
            names, labels.tolist(), probabilities.tolist(), strict=True
        ):
            result = {"image": name, "label": label}
            if proba:
                result["probabilities"] = dict(zip(map(str, classes), row, strict=True))
            results.append(result)
        print_json(results)
    else:
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["image", "label", *(classes if proba else ())])
        for name, label, p in zip(names, labels, probabilities, strict=True):
            writer.writerow([name, label, *(f"{value:.6f}" for value in p if proba)])
        click.echo(table.getvalue(), nl=False)
