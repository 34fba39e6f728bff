"""The command ``skcnn predict``, which predicts the labels of images."""

from pathlib import Path

import click

from skcnn._cli._data import check_options, file_options, read_to_predict
from skcnn._cli._model import Model
from skcnn._cli._output import check_output, write_text
from skcnn._cli._results import Predictions, json_of, submission_of, table_of
from skcnn._cli._terminal import (
    Command,
    given_options,
    print_result,
    say,
    say_next,
    start_keras,
)
from skcnn._messages.wording import counted


@click.command(cls=Command)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(exists=True)
)
@click.option(
    "--proba", is_flag=True, help="Add a column with the probability of each class."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the results into this file, in UTF-8, instead of printing them.",
)
@click.option(
    "--submission",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write Kaggle's submission.csv (ImageId,Label) instead of printing.",
)
@click.option(
    "--force", is_flag=True, help="Replace the file of -o or --submission if it exists."
)
@file_options
@click.option("--json", "to_json", is_flag=True, help="Format the results as JSON.")
def predict(model, files, proba, output, submission, force, reading, to_json):
    """Predict the labels of images.

    MODEL is a file that "skcnn train -o" or skcnn.save wrote. FILE is an image file, a
    folder of image files, a .csv file with a row of pixels for each image, or an .npz
    file with an array X (or x_test). Image files need skcnn[images] and are resized to
    the size of the training images. In a .csv file, a column of labels is ignored, and
    the columns of pixels are found by the names that they had in training.

    The command prints CSV with the columns image and label. The files of a folder are
    read in natural order: 2.png before 10.png.

    For image files, the ImageId of a submission is the number in the file name if each
    name has exactly one number (12.png, img_12.png), else the position in natural
    order. For tables, it is the column of ids if there is one, else the number of the
    row. Several files of one kind make one submission, with one count of rows or
    positions. No id may occur twice. Rows are sorted by ImageId.

    \b
    Examples:
      skcnn predict pets.skcnn cat.jpg dog.jpg
      skcnn predict pets.skcnn holiday/ --proba -o holiday.csv
      skcnn predict digits.skcnn scans/ --invert
      skcnn predict digits.skcnn test.csv --submission submission.csv
    """  # noqa: D301
    for path in (output, submission):
        if path is not None:
            check_output(path, force, may_be_stream=True)
    if submission is not None and (proba or to_json or output is not None):
        raise click.UsageError(
            "--submission writes labels into a file; it goes with none of -o, --proba "
            "and --json."
        )
    check_options(files, reading, labeled=False)

    start_keras()
    loaded = Model(model)
    parts = []
    for part in read_to_predict(files, reading, loaded):
        say(f"Predicting {counted(len(part.names), 'image')} ...")
        probabilities = loaded.predict_proba(part.images.for_model())
        parts.append(Predictions(part.names, probabilities, part.files, part.ids))
    if submission is not None:
        text = submission_of(parts, loaded.classes)
    else:
        text = (json_of if to_json else table_of)(parts, loaded.classes, proba)
    text = text.rstrip("\n")
    written = output or submission
    if written is None:
        print_result(text)
        if not (to_json or proba):
            more = (*given_options(), "--proba", "-o", "labels.csv")
            say_next("predict", str(model), "FILE...", *more)
        return
    write_text(written, f"{text}\n")
    n_images = sum(len(part.names) for part in parts)
    say(f"Wrote {counted(n_images, 'prediction')} to {written}.")
    if submission is not None:
        say(f"Next: upload {submission} on the page of the competition.")
    elif not to_json:
        say_next("evaluate", str(model), "DATA")
