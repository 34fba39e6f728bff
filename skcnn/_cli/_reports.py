"""How well a classifier does, as text, JSON and pictures."""

import click

from skcnn._cli._terminal import say

# Wider confusion matrices do not fit a terminal.
MOST_CLASSES = 20


def report(y_true, y_pred):
    """Return the accuracy and scikit-learn's report, for programs."""
    from sklearn.metrics import accuracy_score, classification_report

    return {
        "accuracy": accuracy_score(y_true, y_pred),
        "report": classification_report(
            y_true, y_pred, output_dict=True, zero_division=0
        ),
    }


def print_report(y_true, y_pred):
    """Write the accuracy and scikit-learn's report, for people."""
    from sklearn.metrics import accuracy_score, classification_report

    accuracy = accuracy_score(y_true, y_pred)
    click.echo(f"Accuracy on {len(y_true):,} unseen images: {accuracy:.4f}\n")
    click.echo(classification_report(y_true, y_pred, digits=4, zero_division=0))


def print_confusion_matrix(y_true, y_pred, classes):
    """Write which classes are taken for which."""
    import pandas as pd
    from sklearn.metrics import confusion_matrix

    if len(classes) > MOST_CLASSES:
        say(f"The confusion matrix of {len(classes)} classes is too wide to print.")
        return
    names = [str(name) for name in classes]
    matrix = confusion_matrix(y_true, y_pred, labels=classes)
    click.echo(
        "Confusion matrix, a row for each label, a column for each prediction:\n"
    )
    click.echo(pd.DataFrame(matrix, names, names).to_string())


def write_pictures(folder, estimator, X, y, probabilities):
    """Write the confusion matrix, the worst mistakes and the training as PNG files.

    Returns
    -------
    list of Path
    """
    # No window is opened, whatever backend the user has, and pyplot stays untouched.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    from skcnn.display import LossCurveDisplay, MisclassifiedImagesDisplay

    classes = estimator.classes_
    predicted = classes[probabilities.argmax(axis=1)]
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    side = max(5, 0.5 * len(classes))
    for name, size in (
        ("confusion_matrix", (side + 1, side)),
        ("misclassified", (9, 9)),
        ("loss_curve", (8, 3.2)),
    ):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        ax = figure.subplots()
        if name == "confusion_matrix":
            ConfusionMatrixDisplay.from_predictions(
                y, predicted, labels=classes, ax=ax, xticks_rotation="vertical"
            )
        elif name == "misclassified":
            MisclassifiedImagesDisplay.from_predictions(
                X, y, probabilities, classes=classes, ax=ax
            )
        else:
            LossCurveDisplay.from_estimator(estimator, ax=ax)
        path = folder / f"{name}.png"
        figure.savefig(path, dpi=120)
        written.append(path)
    return written
