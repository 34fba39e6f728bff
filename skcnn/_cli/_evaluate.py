"""``skcnn evaluate``: how well a saved model does."""

from pathlib import Path

import click

from skcnn._cli._data import (
    DATA_HELP,
    check_data,
    data_home_option,
    label_option,
    read_labelled,
    seed_option,
)
from skcnn._cli._reports import (
    print_confusion_matrix,
    print_report,
    report,
    write_pictures,
)
from skcnn._cli._terminal import (
    failures_in_one_line,
    print_json,
    say,
    start_keras,
)


@click.command(
    help=f"""Report how well a saved model does on labelled images.

    MODEL is a file that "skcnn train -o" or skcnn.save wrote.
{DATA_HELP}
    Of mnist, cifar10 and an .npz file with x_test, the test part is taken; of digits,
    what "skcnn train digits" holds out with the same seed.

    \b
    Examples:
      skcnn evaluate mnist.skcnn mnist
      skcnn evaluate pets.skcnn more-pets/ --pictures pictures/
    """
)
@click.argument("model", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("data", metavar="DATA")
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write the confusion matrix, the most confident mistakes and the training "
    "curves into this folder, as PNG files.",
)
@seed_option('For digits: the seed that "skcnn train" was given.')
@label_option
@data_home_option
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def evaluate(model, data, pictures, seed, label, data_home, as_json):
    """Run ``skcnn evaluate``; its help is above."""
    check_data(data, data_home)
    import numpy as np

    start_keras()
    say(f"Reading {data} ...")
    with failures_in_one_line():
        import skcnn

        estimator = skcnn.load(model)
        X, y = read_labelled(
            data,
            data_home=data_home,
            label=label,
            seed=seed,
            image_shape=image_shape_of(estimator),
        )
        unknown = np.setdiff1d(np.unique(y).astype(str), estimator.classes_.astype(str))
        if len(unknown):
            raise ValueError(
                f"{data} has the label {str(unknown[0])!r}, which {model} does not "
                f"know: it knows {', '.join(map(str, estimator.classes_))}."
            )
        y = np.asarray(y).astype(estimator.classes_.dtype)
        say(f"Predicting {len(X):,} images ...")
        probabilities = estimator.predict_proba(X)
    predicted = estimator.classes_[probabilities.argmax(axis=1)]
    if as_json:
        from sklearn.metrics import confusion_matrix

        matrix = confusion_matrix(y, predicted, labels=estimator.classes_)
        print_json(
            {
                "model": str(model),
                "data": data,
                "n_test": len(y),
                "classes": estimator.classes_,
                "confusion_matrix": matrix,
            }
            | report(y, predicted)
        )
    else:
        print_report(y, predicted)
        print_confusion_matrix(y, predicted, estimator.classes_)
    if pictures is not None:
        with failures_in_one_line():
            for path in write_pictures(pictures, estimator, X, y, probabilities):
                say(f"Wrote {path}.")


def image_shape_of(estimator):
    """Return the shape of the images that a classifier or pipeline was fitted on."""
    first = estimator[0] if hasattr(estimator, "steps") else estimator
    return first.image_shape_
