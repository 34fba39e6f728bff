"""Reports on the accuracy of a classifier, as text, JSON and figures."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skcnn._cli._output import check_output, why_read_only
from skcnn._cli._terminal import note, print_result, say, visible
from skcnn._messages.wording import counted

if TYPE_CHECKING:
    import numpy as np

    from skcnn._cli._model import Model

# Most classes of a confusion matrix that fits into a terminal.
MOST_CLASSES = 20

# Most classes of a confusion matrix whose cells and sides have room for text.
MOST_CLASSES_WRITTEN = 40
LARGEST_PICTURE = 0.5 * MOST_CLASSES_WRITTEN

# Longer names of classes are cut in figures.
LONGEST_NAME = 40

# Most classes of a confusion matrix in a figure or in JSON.
MOST_CLASSES_OF_MATRIX = 2000

PICTURES = (
    "confusion_matrix",
    "misclassified",
    "confused_pairs",
    "class_report",
    "calibration",
    "loss_curve",
    "class_activation",
    "occlusion",
)


@dataclass(frozen=True)
class Tested:
    """The selection of labeled images that a report is about.

    Attributes
    ----------
    rows : ndarray of int
        Indices of the images on which the classifier was not trained, or of all images
        if there are no others.
    n_trained_on : int or None
        Number of all images on which the classifier was trained; None if unknown.
    """

    rows: "np.ndarray"
    n_trained_on: int | None

    @classmethod
    def of(cls, classifier: Any, X: Any) -> "Tested":
        """Find the training images of a classifier among images as `fit` takes them."""
        import numpy as np

        from skcnn._images.fingerprints import were_fitted

        X = np.asarray(X)
        fitted = were_fitted(classifier, X)
        if fitted is None:
            return cls(np.arange(len(X)), None)
        unseen = np.flatnonzero(~fitted)
        rows = unseen if len(unseen) else np.arange(len(X))
        return cls(rows, int(fitted.sum()))

    def __str__(self) -> str:
        n = len(self.rows)
        if self.n_trained_on is None:
            return (
                f"{counted(n, 'image')} (the file does not say which of them it was "
                "trained on)"
            )
        if self.n_trained_on == n:
            return f"{counted(n, 'image')} that the model was trained on"
        return counted(n, "unseen image")

    def note_what_is_left_out(self, n_images: int) -> None:
        """Print how many images are left out of the report."""
        if len(self.rows) < n_images:
            n = n_images - len(self.rows)
            note(
                f"{n:,} of {n_images:,} images are left out of the report, as the "
                "model was trained on them."
            )

    def warn_of_groups(self, groups: "np.ndarray") -> None:
        """Warn of images in the report whose groups have training images."""
        import numpy as np

        if self.n_trained_on is None or len(self.rows) == len(groups):
            return
        trained_on = np.delete(groups, self.rows)
        n = int(np.isin(groups[self.rows], trained_on).sum())
        if n:
            note(
                f"{counted(n, 'unseen image')} of {len(self.rows):,} "
                f"{'is' if n == 1 else 'are'} of groups on which the model was "
                "trained, so the accuracy may be too high for images of new groups.",
                kind="Warning",
            )


@dataclass(frozen=True)
class Predicted:
    """Labels of images, the predicted labels, and the probabilities of the classes."""

    y: "np.ndarray"
    labels: "np.ndarray"
    probabilities: "np.ndarray"


def report(y_true: "np.ndarray", y_pred: "np.ndarray") -> dict[str, Any]:
    """Return the accuracy and scikit-learn's report as a dict."""
    from sklearn.metrics import accuracy_score, classification_report

    return {
        "accuracy": accuracy_score(y_true, y_pred),
        "report": classification_report(
            y_true, y_pred, output_dict=True, zero_division=0
        ),
    }


def print_report(y_true: "np.ndarray", y_pred: "np.ndarray", tested: Tested) -> None:
    """Print the accuracy and scikit-learn's report."""
    from sklearn.metrics import accuracy_score, classification_report
    from sklearn.utils.multiclass import unique_labels

    accuracy = accuracy_score(y_true, y_pred)
    print_result(f"Accuracy on {tested}: {accuracy:.4f}\n")
    labels = unique_labels(y_true, y_pred)
    print_result(
        classification_report(
            y_true,
            y_pred,
            labels=labels,
            target_names=[visible(label) for label in labels],
            digits=4,
            zero_division=0,
        )
    )


def confusion_matrix_of(
    y_true: "np.ndarray", y_pred: "np.ndarray", classes: "np.ndarray"
) -> "np.ndarray | None":
    """Return the confusion matrix, or None if there are very many classes."""
    from sklearn.metrics import confusion_matrix

    if len(classes) > MOST_CLASSES_OF_MATRIX:
        say(f"There is no confusion matrix for {len(classes):,} classes.")
        return None
    return confusion_matrix(y_true, y_pred, labels=classes)


def print_confusion_matrix(
    y_true: "np.ndarray", y_pred: "np.ndarray", classes: "np.ndarray"
) -> None:
    """Print the confusion matrix, if it fits into a terminal."""
    import pandas as pd

    if len(classes) > MOST_CLASSES:
        say(f"The confusion matrix of {len(classes)} classes is too wide to print.")
        return
    names = [visible(name) for name in classes]
    matrix = confusion_matrix_of(y_true, y_pred, classes)
    print_result(
        "Confusion matrix, a row for each label, a column for each prediction:\n"
    )
    print_result(pd.DataFrame(matrix, names, names).to_string())


def check_pictures(folder: Path, force: bool) -> None:
    """Refuse a folder whose pictures must not be replaced, before any work is done."""
    existing = next(path for path in [folder, *folder.parents] if path.exists())
    if not existing.is_dir():
        raise click.UsageError(f"{existing} is not a folder.")
    if (reason := why_read_only(existing)) is not None:
        raise click.UsageError(f"{existing} cannot be written to: {reason}.")
    if folder.is_dir():
        for name in PICTURES:
            path = folder / f"{name}.png"
            # Nobody has named the file that a link in the folder leads to.
            if path.is_symlink():
                raise click.UsageError(
                    f"{path} is a link to another file. Delete the link, or name "
                    "another folder."
                )
            check_output(path, force)


def write_pictures(
    folder: Path, loaded: "Model", X: Any, seen_by_fit: Any, tested: Predicted
) -> list[Path]:
    """Write what the test shows as PNG files, and return their paths.

    `X` holds the images as they were read, and `seen_by_fit` as the classifier takes
    them.
    """
    import warnings

    import matplotlib as mpl

    # Figures without pyplot open no window, whatever matplotlib backend the user has.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from skcnn._storage.files import written_whole

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    pictures = _pictures(loaded, X, seen_by_fit, tested)
    # Dollars and backslashes in names of classes are not TeX.
    as_text: Any = {"text.parse_math": False, "text.usetex": False}
    with warnings.catch_warnings(), mpl.rc_context(as_text):
        # matplotlib's fonts lack the letters of many languages.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        for name, size, draw in pictures:
            figure = Figure(figsize=size, layout="constrained")
            FigureCanvasAgg(figure)
            draw(ax=figure.subplots())
            path = folder / f"{name}.png"
            with written_whole(path) as file:
                figure.savefig(file, dpi=120, format="png")
            written.append(path)
    return written


def _pictures(
    loaded: "Model", X: Any, seen_by_fit: Any, tested: Predicted
) -> Iterator[tuple[str, tuple[float, float], Callable[..., Any]]]:
    """Yield the name, the size and the drawing function of each picture."""
    import numpy as np

    from skcnn.display import (
        ClassReportDisplay,
        ConfusedPairsDisplay,
        LossCurveDisplay,
        MisclassifiedImagesDisplay,
        TopLabelCalibrationDisplay,
    )

    classes, y, probabilities = loaded.classes, tested.y, tested.probabilities
    names = _names(classes)
    matrix = confusion_matrix_of(y, tested.labels, classes)
    if matrix is not None:
        side = float(np.clip(0.5 * len(classes), 5, LARGEST_PICTURE))
        draw_matrix = partial(_draw_confusion_matrix, matrix, classes)
        yield "confusion_matrix", (side + 1, side), draw_matrix
    can_be_shown = loaded.image_shape[2] in (1, 3, 4)
    if can_be_shown:
        options: dict[str, Any] = {"classes": classes, "display_labels": names}
        options["image_shape"] = loaded.image_shape if np.ndim(X) == 2 else None
        for name, height, display in (
            ("misclassified", 9, MisclassifiedImagesDisplay),
            ("confused_pairs", 7, ConfusedPairsDisplay),
        ):
            draw = partial(display.from_predictions, X, y, probabilities, **options)
            yield name, (9, height), draw
    draw_report = partial(
        ClassReportDisplay.from_predictions,
        y,
        tested.labels,
        labels=classes,
        display_labels=names,
    )
    yield "class_report", (7, float(np.clip(1 + 0.4 * len(classes), 3, 9))), draw_report
    calibration = TopLabelCalibrationDisplay.from_predictions
    yield "calibration", (6, 6), partial(calibration, y, probabilities, classes=classes)
    curve = partial(LossCurveDisplay.from_estimator, loaded.classifier)
    yield "loss_curve", (8, 3.2), curve
    if can_be_shown:
        yield from _explanations(loaded.classifier, seen_by_fit, tested, names)


def _explanations(
    classifier: Any, X: Any, tested: Predicted, names: list[str]
) -> Iterator[tuple[str, tuple[float, float], Callable[..., Any]]]:
    """Yield pictures of where the classifier looks in its most confident mistake.

    If there is no mistake, they are of the image of which it is the least sure.
    """
    import numpy as np

    from skcnn.display import ClassActivationDisplay, OcclusionDisplay
    from skcnn.display._class_activation import row_before_linear_end

    confidences = tested.probabilities.max(axis=1)
    wrong = np.flatnonzero(tested.labels != tested.y)
    place = int(confidences.argmin())
    if len(wrong):
        place = int(wrong[confidences[wrong].argmax()])
    image = X[place : place + 1]
    options: dict[str, Any] = {"display_labels": names}
    options["image_shape"] = classifier.image_shape_ if np.ndim(X) == 2 else None
    # Networks with hidden dense layers have no class activation map.
    if row_before_linear_end(classifier.model_) is not None:
        activation = ClassActivationDisplay.from_estimator
        draw = partial(activation, classifier, image, **options)
        yield "class_activation", (8, 4), draw
    occlusion = partial(OcclusionDisplay.from_estimator, classifier, image, **options)
    yield "occlusion", (8, 4), occlusion


def _draw_confusion_matrix(
    matrix: "np.ndarray", classes: "np.ndarray", ax: Any
) -> None:
    """Draw the matrix, with numbers and names if there is room for them."""
    from sklearn.metrics import ConfusionMatrixDisplay

    display = ConfusionMatrixDisplay(matrix, display_labels=_names(classes))
    if len(classes) <= MOST_CLASSES_WRITTEN:
        display.plot(ax=ax, xticks_rotation="vertical")
        return
    ax.imshow(matrix, interpolation="nearest")
    ax.set(xlabel="Predicted label", ylabel="True label")
    ax.set_title(f"{len(classes)} classes, in the order of classes_")


def _names(classes: "np.ndarray") -> list[str]:
    """Return the names of classes as a picture has room for them."""
    names = [visible(name) for name in classes]
    most = LONGEST_NAME
    return [n if len(n) <= most else f"{n[: most - 3]}..." for n in names]
