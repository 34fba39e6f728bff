"""Test accuracy of the presets and what it costs, against the student project's script.

    SKCNN_DATA=/path/to/data python benchmarks/accuracy.py mnist cifar10 --rounds 3

trains each preset and the constructor's defaults on the whole training set and scores
it once on the whole test set. The student project's script is the same classic network
in plain Keras, `Model.fit` on float arrays, trained as long as the preset "classic".
`--preset` picks some; `--dtype mixed_bfloat16` trains all of skcnn's networks, not the
script's, in that dtype instead of the preset's own.

Every training has a process of its own. "Training" is the time of a fit whose network
was traced before, on a few batches; "tracing" that of those batches, the network's
construction included. Importing and loading the images count nowhere.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import plain_networks
from measuring import Line, Study, options, parse, run_script, timed
from plain_networks import DATA, REAL_DATA
from rendering import comparison, listing, median, percent, times_as_fast

SCRIPT, DEFAULTS = "the student project's script", "defaults"
PRESETS = (SCRIPT, "classic", "fast", DEFAULTS, "accurate")

# Enough batches to trace every size of a preset with progressive resizing.
TRACED_BATCHES = 6

Trained = tuple[Callable[[np.ndarray], np.ndarray], Line, Line, int, int]


def with_skcnn(
    data: str, preset: str, seed: int, dtype: str | None, X: np.ndarray, y: np.ndarray
) -> Trained:
    """Return predict, the costs of tracing and of training, epochs and batch size."""

    def make(**more: Any) -> Any:
        if dtype is not None:
            more["dtype"] = dtype
        return plain_networks.preset(data, preset, random_state=seed, **more)

    clf = make()
    size = plain_networks.automatic_batch_size(clf, len(X))
    few = slice(TRACED_BATCHES * size)
    _, tracing = timed(lambda: make(epochs=1, batch_size=size).fit(X[few], y[few]))
    _, training = timed(lambda: clf.fit(X, y))
    training["dtype"] = clf.auto_params_.get("dtype", clf.dtype)
    return clf.predict, tracing, training, clf.n_iter_, size


def with_keras(data: str, seed: int, X: np.ndarray, y: np.ndarray) -> Trained:
    """Do the same with the student project's script."""
    import keras

    keras.utils.set_random_seed(seed)
    epochs = DATA[data].classifier.presets["classic"]["epochs"]
    size = plain_networks.batch_size(data)
    model = plain_networks.compiled_keras_network(data, X.shape[1:])
    floats, float_cost = timed(lambda: plain_networks.unit_floats(X))
    few = slice(TRACED_BATCHES * size)

    def fit(rows: slice, epochs: int) -> None:
        model.fit(floats[rows], y[rows], batch_size=size, epochs=epochs, verbose=0)

    _, tracing = timed(lambda: fit(few, 1))
    _, training = timed(lambda: fit(slice(None), epochs))
    training["dtype"] = "float32"
    for key, value in float_cost.items():
        training[key] += value

    def predict(X: np.ndarray) -> np.ndarray:
        probabilities = model.predict(plain_networks.unit_floats(X), verbose=0)
        return probabilities.argmax(axis=1)

    return predict, tracing, training, epochs, size


def train(participant: str, seed: int, data: str, dtype: str | None) -> list[Line]:
    """Train once; return the accuracy and the costs."""
    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(data)
    X_test, y_test = plain_networks.load_images(data, subset="test")
    if participant == SCRIPT:
        trained = with_keras(data, seed, X, y)
    else:
        trained = with_skcnn(data, participant, seed, dtype, X, y)
    predict, tracing, training, epochs, batch_size = trained
    predict(X_test[:256])  # traces
    predicted, prediction = timed(lambda: predict(X_test))
    title = f"{DATA[data].title}, {len(X):,} training images"
    if dtype is not None:
        title += f", {dtype}"
    return [
        training
        | {
            "case": f"{title}, {len(X_test):,} test images",
            "accuracy": float(np.mean(predicted == y_test)),
            "epochs": int(epochs),
            "batch_size": int(batch_size),
            "tracing_cpu_s": tracing["cpu_s"],
            "prediction_cpu_s": prediction["cpu_s"],
        }
    ]


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    columns = [
        listing("epochs", "epochs"),
        listing("batch size", "batch_size"),
        listing("dtype", "dtype"),
        percent("test accuracy, %"),
        median("training, CPU s", "cpu_s"),
        times_as_fast("speed-up", "cpu_s"),
        median("training, wall s", "wall_s"),
        median("tracing, CPU s", "tracing_cpu_s"),
        median("predicting, CPU s", "prediction_cpu_s"),
    ]
    return comparison(lines, columns, order=PRESETS, reference=SCRIPT)


def main() -> None:
    parser = options(__doc__, rounds=3, data=REAL_DATA)
    parser.add_argument("--preset", action="append", help="default: all of them")
    parser.add_argument("--dtype", help="default: that of each preset")
    args = parse(parser, preset=[SCRIPT, "fast"])
    study = Study(__file__, args)
    for data in args.data:
        of_data = [SCRIPT, *DATA[data].classifier.presets, DEFAULTS]
        setup = {"data": data, "dtype": args.dtype}
        study.rounds(args.preset or of_data, args.rounds, **setup)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, train)
