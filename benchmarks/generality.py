"""Accuracy and CPU seconds of skcnn's defaults and of scikit-learn's classifiers.

    python benchmarks/generality.py digits path/to/sets --rounds 3

goes over any data sets. A set is a file `.npz` with
`x_train`, `y_train`, `x_test` and `y_test`, a folder of such files, or one of `digits`
(scikit-learn's, which is always there), `mnist` and `cifar10` (if `SKCNN_DATA` has
them). Without a name, these three.

skcnn takes part with the defaults of `MNISTCNNClassifier` for gray images and of
`CIFARCNNClassifier` for color images. The others get flat rows of float32, divided by
the largest training pixel, and scikit-learn's defaults, with these exceptions:
`LogisticRegression` may take 1,000 iterations instead of 100, so that it converges; PCA
keeps 100 components before the SVM (fewer if there are fewer images or pixels); and the
SVM has C=10, which in a cross-validation of training images beat 1 on most sets.

`--images N` trains on a stratified sample of N images, another one in each round.
`--only skcnn` and `--only peers` measure one side, so that each can have a file of its
own; `report.py` joins them in one table. A classifier whose time grows with the square
of the number of images is left out above the number in `MOST_IMAGES`, unless
`--classifier` names it.

Each run has a process and one thread. The time of a fit is that of the first one in its
process: a user waits for skcnn's tracing too. Importing and loading count nowhere.
"""

import os
import statistics
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from drawing import Panel, Point, panels
from measuring import Line, Study, options, parse, run_script, timed
from plain_networks import DATA, start_tensorflow
from rendering import grouped, markdown, number, percent_of, spread

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.datasets import load_digit_images

SKCNN, SVM = "skcnn", "PCA, SVC"

# The names in tables, and the words in the picture.
WORDS = {
    SKCNN: "skcnn",
    "LogisticRegression": "logistic",
    "KNeighborsClassifier": "k-NN",
    "RandomForestClassifier": "forest",
    SVM: "PCA, SVM",
    "MLPClassifier": "MLP",
}
CLASSES = [name for name in WORDS if name not in (SKCNN, SVM)]
SIDES = {SKCNN: [SKCNN], "peers": [name for name in WORDS if name != SKCNN]}

MOST_IMAGES = {SVM: 20_000}

# What the numerical libraries read when they start.
ONE_THREAD = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)

# Of 1,797 digits; the other ones are for testing.
N_DIGITS_TO_TRAIN = 1_500

ARRAYS = ("x_train", "y_train", "x_test", "y_test")

Arrays = tuple[np.ndarray, ...]


def bundled() -> list[str]:
    """Return the data sets that need no file to be named: those that are there."""
    found = []
    for name, data in DATA.items():
        try:
            data.fetch(subset="test", download_if_missing=False)
        except OSError:
            continue
        found.append(name)
    return found


def files(words: Sequence[str]) -> dict[str, str | None]:
    """Return the data sets that the command line names, each with its file if any."""
    found: dict[str, str | None] = {}
    for word in words:
        path = Path(word)
        if word in DATA:
            found[word] = None
            continue
        if not path.exists():
            raise SystemExit(
                f"{word} is neither a file nor a folder, nor one of {', '.join(DATA)}."
            )
        paths = sorted(path.glob("*.npz")) if path.is_dir() else [path]
        if not paths:
            raise SystemExit(f"The folder {word} has no file *.npz.")
        for one in paths:
            if one.stem in found or one.stem in DATA:
                raise SystemExit(
                    f"Two data sets are called {one.stem}. Rename the file {one}."
                )
            found[one.stem] = str(one)
    return found


def load(data: str, file: str | None) -> Arrays:
    """Return training images and labels, and test images and labels."""
    if data == "digits":
        # All of them; `DATA` has a part, with which other scripts are tried.
        digits, n = load_digit_images(), N_DIGITS_TO_TRAIN
        X, y = digits.images, digits.target
        return X[:n], y[:n], X[n:], y[n:]
    if file is None:
        train, test = (
            DATA[data].fetch(subset=part, download_if_missing=False)
            for part in ("train", "test")
        )
        return train.images, train.target, test.images, test.target
    with np.load(file) as arrays:
        missing = [name for name in ARRAYS if name not in arrays]
        if missing:
            raise SystemExit(
                f"{file} lacks {', '.join(missing)}. A data set has {', '.join(ARRAYS)}"
                "."
            )
        X, y, X_test, y_test = (arrays[name] for name in ARRAYS)
    return X, y.ravel(), X_test, y_test.ravel()


def sample(X: np.ndarray, y: np.ndarray, images: int, seed: int) -> Arrays:
    """Return a stratified sample of some images; all of them for 0 or for too many."""
    if not 0 < images < len(X):
        return X, y
    from sklearn.model_selection import train_test_split

    few, _ = train_test_split(
        np.arange(len(X)), train_size=images, stratify=y, random_state=seed
    )
    return X[few], y[few]


def peer(name: str, seed: int, n_images: int, n_pixels: int) -> Any:
    """Return one of scikit-learn's classifiers, not fitted."""
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    if name == SVM:
        components = min(100, n_images, n_pixels)
        return make_pipeline(PCA(components, random_state=seed), SVC(C=10))
    return {
        "LogisticRegression": lambda: LogisticRegression(max_iter=1000),
        "KNeighborsClassifier": KNeighborsClassifier,
        "RandomForestClassifier": lambda: RandomForestClassifier(random_state=seed),
        "MLPClassifier": lambda: MLPClassifier(random_state=seed),
    }[name]()


def prepared(
    name: str, seed: int, X: np.ndarray
) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """Return a classifier, and what makes images into its input."""
    if name == SKCNN:
        color = X.ndim == 4 and X.shape[-1] == 3
        kind = CIFARCNNClassifier if color else MNISTCNNClassifier
        start_tensorflow()
        return kind(random_state=seed), lambda images: images
    top = np.float32(X.max())

    def rows(images: np.ndarray) -> np.ndarray:
        flat = images.reshape(len(images), -1).astype(np.float32)
        flat /= top
        return flat

    return peer(name, seed, len(X), X[0].size), rows


def train(
    participant: str, seed: int, data: str, images: int, file: str | None
) -> list[Line]:
    """Train once and predict the test part; return the accuracy and the costs."""
    from sklearn.exceptions import ConvergenceWarning

    X, y, X_test, y_test = load(data, file)
    X, y = sample(X, y, images, seed)
    clf, rows = prepared(participant, seed, X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _, training = timed(lambda: clf.fit(rows(X), y))
    found, prediction = timed(lambda: clf.predict(rows(X_test)))
    last = clf[-1] if participant == SVM else clf
    return [
        training
        | {
            "case": f"{title(data)}, {len(X):,} training images",
            "accuracy": float(np.mean(found == y_test)),
            "prediction_cpu_s": prediction["cpu_s"],
            "classifier": type(last).__name__,
            "iterations": _iterations(last),
            "converged": not any(
                issubclass(one.category, ConvergenceWarning) for one in caught
            ),
            "n_images": len(X),
            "n_test_images": len(X_test),
            "n_classes": len(np.unique(y)),
            "image_shape": list(X.shape[1:]),
        }
    ]


def _iterations(clf: Any) -> int | None:
    """Return the iterations or epochs of a fitted classifier, if it has any."""
    found = getattr(clf, "n_iter_", None)
    return None if found is None else int(np.max(found))


def title(data: str) -> str:
    """Return what tables call a data set."""
    return DATA[data].title if data in DATA else data


def total_s(run: Line) -> float:
    """Return the CPU seconds of training and of predicting the test images."""
    # At least what a clock resolves: the axis is logarithmic.
    return max(run["cpu_s"] + run["prediction_cpu_s"], 1e-3)


def set_title(run: Line) -> str:
    """Return the title of the data set of a run, without the number of images."""
    return run["case"].rpartition(", ")[0]


def cases(lines: list[Line]) -> list[list[Line]]:
    """Return the runs of each case: set by set, few images before many."""
    sets = list(dict.fromkeys(map(set_title, lines)))
    return sorted(
        grouped(lines, "case").values(),
        key=lambda runs: (sets.index(set_title(runs[0])), runs[0]["n_images"]),
    )


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines: accuracies, and CPU seconds."""
    names = [name for name in WORDS if name in grouped(lines, "participant")]
    titles = [WORDS[name] for name in names]
    accuracies, fits, predictions = [], [], []
    for of_case in cases(lines):
        runs = grouped(of_case, "participant")
        counts = sorted({len(of_name) for of_name in runs.values()})
        first = of_case[0]
        images = [set_title(first), f"{first['n_images']:,}"]
        about = [
            f"{first['n_test_images']:,}",
            f"{first['n_classes']}",
            " x ".join(str(side) for side in first["image_shape"]),
            " or ".join(str(count) for count in counts),
        ]
        row = _row(names, first, runs, lambda run: run["accuracy"], percent_of)
        middle = {name: _median(runs[name]) for name in names if name in runs}
        for i, name in enumerate(names):
            if name in middle and middle[name] == max(middle.values()):
                row[i] = f"**{row[i]}**"
        ratio = [_errors_ratio(middle)] if SKCNN in names else []
        accuracies.append([*images, *about, *row, *ratio])
        row = _row(names, first, runs, lambda run: run["cpu_s"])
        fits.append([*images, *row])
        row = _row(names, first, runs, _prediction_ms)
        predictions.append([*images, *row])
    head, about_titles = ["set", "images"], ["test images", "classes", "pixels", "n"]
    ratio_title = ["errors of skcnn / of the best other"] if SKCNN in names else []
    parts = [
        "Test accuracy, %; the best of a row is bold",
        markdown([*head, *about_titles, *titles, *ratio_title], accuracies),
        "CPU seconds of fit",
        markdown([*head, *titles], fits),
        "CPU milliseconds to predict a test image, all test images in one call",
        markdown([*head, *titles], predictions),
        _remarks(lines),
    ]
    return "\n\n".join(part for part in parts if part)


def _row(
    names: Sequence[str],
    of_set: Line,
    runs: dict[str, list[Line]],
    value: Callable[[Line], float],
    form: Callable[[float], str] = number,
) -> list[str]:
    """Return a cell for each participant."""
    missing = {name: "left out" for name in names if _is_left_out(name, of_set)}
    return [
        spread(map(value, runs.get(name, ())), form) or missing.get(name, "")
        for name in names
    ]


def _prediction_ms(run: Line) -> float:
    """Return the CPU milliseconds that the prediction of one test image takes."""
    return 1000 * run["prediction_cpu_s"] / run["n_test_images"]


def _median(runs: Sequence[Line]) -> float:
    return statistics.median(run["accuracy"] for run in runs)


def _is_left_out(name: str, run: Line) -> bool:
    """Whether a participant takes no part in a set as large as that of a run."""
    return run["n_images"] > MOST_IMAGES.get(name, run["n_images"])


def _errors_ratio(accuracies: dict[str, float]) -> str:
    """Return skcnn's errors compared with the best other's, from median accuracies."""
    others = [value for name, value in accuracies.items() if name != SKCNN]
    if SKCNN not in accuracies or not others or max(others) == 1:
        return ""
    return f"{(1 - accuracies[SKCNN]) / (1 - max(others)):.2f}"


def _remarks(lines: list[Line]) -> str:
    """Return what a reader of the tables has to know of the participants."""
    runs_of = grouped(lines, "participant")
    parts = []
    if words := [f"{WORDS[name]} is `{name}`" for name in CLASSES if name in runs_of]:
        parts.append(f"{', '.join(words)}.")
    for name, most in MOST_IMAGES.items():
        without = [
            runs
            for runs in grouped(lines, "case").values()
            if name not in grouped(runs, "participant")
        ]
        if any(_is_left_out(name, line) for runs in without for line in runs):
            parts.append(
                f"{WORDS[name]} is left out above {most:,} training images: its time "
                "grows with their square."
            )
    for name, runs in runs_of.items():
        short = [run for run in runs if not run["converged"]]
        if short:
            most = max(run["iterations"] for run in short)
            sets = ", ".join(dict.fromkeys(set_title(run) for run in short))
            parts.append(
                f"{WORDS[name]} had not converged after {most:,} iterations on {sets}."
            )
    return " ".join(parts)


def picture(lines: list[Line]) -> str:
    """Return an SVG of accuracy over CPU seconds, a panel for each data set."""

    def values(runs: list[Line], value: Callable[[Line], float]) -> Sequence[float]:
        found = sorted(value(run) for run in runs)
        return found[0], statistics.median(found), found[-1]

    shown = []
    for of_case in cases(lines):
        first = of_case[0]
        runs = grouped(of_case, "participant")
        points = [
            Point(
                WORDS[name],
                values(runs[name], total_s),
                values(runs[name], lambda run: 100 * run["accuracy"]),
                emphasized=name == SKCNN,
            )
            for name in WORDS
            if name in runs
        ]
        shown.append(Panel(set_title(first), f"{first['n_images']:,} images", points))
    return panels(
        shown,
        x_title="CPU seconds, fit and predict",
        y_title="Test accuracy, %",
        legend=("skcnn, defaults", "scikit-learn's classifiers"),
    )


def main() -> None:
    parser = options(__doc__, rounds=3, images=0)
    parser.add_argument(
        "sets", nargs="*", help="files .npz, folders of them, digits, mnist, cifar10"
    )
    parser.add_argument("--only", choices=SIDES, help="default: skcnn and its peers")
    parser.add_argument(
        "--classifier",
        action="append",
        choices=list(WORDS),
        help="one of them, however many images there are; can be repeated",
    )
    args = parse(parser, images=200)
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    study = Study(__file__, args)
    names = [args.only] if args.only else list(SIDES)
    participants = args.classifier or [x for side in names for x in SIDES[side]]
    words = ["digits"] if args.quick else args.sets or bundled()
    for data, file in files(words).items():
        n_images = len(load(data, file)[0])
        n_images = min(args.images or n_images, n_images)
        of_data = [
            name
            for name in participants
            if args.classifier or n_images <= MOST_IMAGES.get(name, n_images)
        ]
        setup = {"data": data, "images": args.images}
        study.rounds(of_data, args.rounds, {"file": file}, **setup)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, train)
