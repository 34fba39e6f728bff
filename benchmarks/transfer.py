"""What a start from another classifier gains on few images: `init_from` and `freeze`.

    SKCNN_DATA=/path/to/data python benchmarks/transfer.py cifar.skcnn path/to/sets

compares classifiers that start from a network trained on CIFAR-10 with those that start
from scratch, on data sets of color images. A set is a file `.npz` or a folder of them,
as for `generality.py`. The network trained on CIFAR-10 is in the file that the first
argument names. If there is no such file, the script trains the network and saves it.

`--images 100 300` trains on stratified samples of so many images, another one in each
round; 0 stands for all of them. Each run has a process and one thread. With `--quick`,
a network of the digits 0 to 4 is a start for the digits 5 to 9.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from generality import ONE_THREAD, Arrays, files, load, sample, title
from measuring import Line, Study, note, options, parse, run_script, timed
from plain_networks import DATA, start_tensorflow
from rendering import Column, comparison, listing, median, percent, spread

import skcnn

# What takes part: a fit from scratch, and fits that start from another classifier. Of
# these, `freeze` and the factor of the learning rate, which tells whether a lower one
# keeps more of what was learned.
SCRATCH = "from scratch"
STARTS: dict[str, tuple[int, float]] = {
    "init_from": (0, 1),
    "init_from, freeze=1": (1, 1),
    "init_from, freeze=2": (2, 1),
    "init_from, freeze=1, a third of the learning rate": (1, 1 / 3),
}

# The network that others start from: enough passes for most of what it can learn.
SOURCE_EPOCHS = 8


def fitted_source(data: str) -> Any:
    """Return the classifier that others start from, trained on all images of a set."""
    X, y, _, _ = load(data, None)
    if data == "digits":
        return DATA[data].classifier(epochs=4, random_state=0).fit(*few_digits(X, y))
    clf = DATA[data].classifier(dtype="auto", epochs=SOURCE_EPOCHS, random_state=0)
    return clf.fit(X, y)


def few_digits(X: np.ndarray, y: np.ndarray, low: bool = True) -> Arrays:
    """Return the images of the digits 0 to 4 and their labels, or those of the rest."""
    some = (y < 5) == low
    return X[some], y[some]


def train(
    participant: str,
    seed: int,
    data: str,
    images: int,
    epochs: int,
    source: str,
    file: str | None,
    source_file: str,
) -> list[Line]:
    """Train once and predict the test part; return the accuracy and the costs."""
    X, y, X_test, y_test = load(data, file)
    if file is None:
        X, y = few_digits(X, y, low=False)
        X_test, y_test = few_digits(X_test, y_test, low=False)
    X, y = sample(X, y, images, seed)
    start_tensorflow()
    clf = DATA[source].classifier(
        dtype="auto", epochs=epochs or "auto", random_state=seed
    )
    if participant != SCRATCH:
        freeze, factor = STARTS[participant]
        rate = factor * clf.learning_rate
        clf.set_params(init_from=source_file, freeze=freeze, learning_rate=rate)
    _, training = timed(lambda: clf.fit(X, y))
    return [
        training
        | {
            "case": f"{title(data)}, {len(X):,} training images",
            "accuracy": clf.score(X_test, y_test),
            "dtype": clf.auto_params_["dtype"],
            "epochs": clf.n_iter_,
            "n_images": len(X),
            "n_test_images": len(X_test),
            "n_classes": len(clf.classes_),
            "image_shape": list(X.shape[1:]),
            "layers": len(clf.initialized_layers_),
        }
    ]


def _gain(runs: list[Line], from_scratch: list[Line]) -> str:
    """Return how much more accurate some fits are, on the same images, in points."""
    others = {run["seed"]: run["accuracy"] for run in from_scratch}
    pairs = [(run["accuracy"], others.get(run["seed"])) for run in runs]
    gains = [100 * (mine - other) for mine, other in pairs if other is not None]
    return spread(gains, "{:+.2f}".format)


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    columns = [
        percent("test accuracy, %"),
        Column("points gained in each round", _gain),
        median("CPU s of fit", "cpu_s"),
        listing("epochs", "epochs"),
        listing("layers taken over", "layers"),
    ]
    order = [SCRATCH, *STARTS]
    return comparison(lines, columns, order=order, reference=SCRATCH)


def main() -> None:
    parser = options(__doc__, rounds=3)
    parser.add_argument("source", nargs="?", help="file .skcnn, made if there is none")
    parser.add_argument("sets", nargs="*", help="files .npz, or folders of them")
    parser.add_argument("--images", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int, default=0, help='0: "auto"')
    args = parse(parser, images=[60], epochs=2)
    if not (args.quick or args.sets):
        parser.error("name a file for the network to start from, and a set")
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    study = Study(__file__, args)
    source = "digits" if args.quick else "cifar10"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "digits.skcnn") if args.quick else Path(args.source)
        if not path.exists():
            note(f"{source}, to start from")
            skcnn.save(fitted_source(source), path)
        named = files(["digits"] if args.quick else args.sets)
        for data, file in named.items():
            for images in args.images:
                study.rounds(
                    [SCRATCH, *STARTS],
                    args.rounds,
                    {"file": file, "source_file": str(path)},
                    data=data,
                    images=images,
                    epochs=args.epochs,
                    source=source,
                )
    study.show(tables)


if __name__ == "__main__":
    run_script(main, train)
