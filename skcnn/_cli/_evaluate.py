"""The command ``skcnn evaluate``, which tests a saved model on labeled images."""

from pathlib import Path

import click

from skcnn._cli._data import (
    DATA_HELP,
    check_data,
    read_to_evaluate,
    reading_options,
)
from skcnn._cli._model import Model
from skcnn._cli._reports import (
    Predicted,
    Tested,
    check_pictures,
    confusion_matrix_of,
    print_confusion_matrix,
    print_report,
    report,
    write_pictures,
)
from skcnn._cli._terminal import (
    Command,
    as_json,
    given_options,
    one_line,
    print_result,
    say,
    say_next,
    start_keras,
    visible,
)
from skcnn._messages.wording import counted, first_of


@click.command(
    cls=Command,
    help=f"""Report the accuracy of a saved model on labeled images.

    MODEL is a file that "skcnn train -o" or skcnn.save wrote.
{DATA_HELP}
    If the data have several parts, the report is about the test part if it has labels.
    Images on which the model was trained are left out of the report if there are other
    images. So for the data of "skcnn train", the report is about the images that "skcnn
    train" held out.

    \b
    Examples:
      skcnn evaluate mnist.skcnn mnist
      skcnn evaluate pets.skcnn pets/
      skcnn evaluate pets.skcnn more-pets/ --pictures pictures/
    """,
)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("data", metavar="DATA")
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write pictures into this folder as PNG files: the confusion matrix, the most "
    "confident mistakes, the most confused pairs of classes, a report on each class, "
    "the calibration, the training curves, and where the network looks in its most "
    "confident mistake.",
)
@click.option("--force", is_flag=True, help="Replace the files of --pictures.")
@reading_options
@click.option("--json", "to_json", is_flag=True, help="Print the results as JSON.")
def evaluate(model, data, pictures, force, reading, to_json):
    """Run ``skcnn evaluate``; its help is above."""
    check_data(data, reading)
    if pictures is not None:
        check_pictures(pictures, force)
    import numpy as np

    start_keras()
    say(f"Reading {data} ...")
    loaded = Model(model)
    images = read_to_evaluate(data, reading, loaded)
    y = _labels_of(loaded, images.y, model, data)
    seen_by_fit = loaded.transform(images.for_model())
    tested = Tested.of(loaded.classifier, seen_by_fit)
    tested.note_what_is_left_out(len(y))
    if images.groups is not None:
        tested.warn_of_groups(images.groups)
    X, y = np.asarray(images.X)[tested.rows], y[tested.rows]
    say(f"Predicting {counted(len(X), 'image')} ...")
    if len(X) < len(images.X):
        # With iloc, a DataFrame keeps the names of its columns.
        seen_by_fit = getattr(seen_by_fit, "iloc", seen_by_fit)[tested.rows]
    probabilities = loaded.classifier.predict_proba(seen_by_fit)
    predicted = loaded.classes[probabilities.argmax(axis=1)]
    if to_json:
        result = {
            "model": str(model),
            "data": data,
            "n_test": len(y),
            "n_trained_on": tested.n_trained_on,
            "classes": loaded.classes,
            "confusion_matrix": confusion_matrix_of(y, predicted, loaded.classes),
        }
        print_result(as_json(result | report(y, predicted)))
    else:
        print_report(y, predicted, tested)
        print_confusion_matrix(y, predicted, loaded.classes)
    if pictures is not None:
        shown = Predicted(y, predicted, probabilities)
        for path in write_pictures(pictures, loaded, X, seen_by_fit, shown):
            say(f"Wrote {path}.")
    if to_json:
        return
    if pictures is None:
        say_next("evaluate", str(model), data, *given_options(), "--pictures", "DIR")
    else:
        say_next("predict", str(model), "FILE...")


def _labels_of(loaded, y, model, data):
    """Return labels in the dtype of the classes, and refuse unknown labels."""
    import numpy as np

    texts, names = _as_text(y), _as_text(loaded.classes)
    unknown = np.setdiff1d(texts, names)
    if len(unknown):
        raise ValueError(
            f"{data} has the label {one_line(str(unknown[0]))!r}, which {model} does "
            f"not know: it knows {first_of(map(visible, loaded.classes))}."
        )
    order = np.argsort(names)
    return loaded.classes[order[np.searchsorted(names, texts, sorter=order)]]


def _as_text(labels):
    """Return labels as text; floats that are integers have no decimals."""
    import numpy as np

    labels = np.asarray(labels)
    if labels.dtype.kind == "f" and (labels % 1 == 0).all():
        labels = labels.astype(np.int64)
    return labels.astype(str)
