"""Test accuracy of the presets and what it costs, against the student project's script.

    SKCNN_DATA=/path/to/data python benchmarks/accuracy.py mnist cifar10 --seeds 3

trains each preset and the constructor's defaults on the whole training set, scores it
once on the whole test set and prints a table. "script" is the same classic network in
plain Keras, `Model.fit` on float arrays, trained as long as the preset "classic".
`--preset` picks some; `--dtype mixed_bfloat16` trains skcnn's networks, not the
script's, in another dtype than float32; `--log FILE` appends one JSON line a training,
so that an interrupted run keeps what it has done, and a repeated one skips it.

Every training has a process of its own, and the seeds take turns: seed 0 of all, then
seed 1 of all. "Training" is the CPU time of a fit whose network was traced before, on a
few batches; "tracing" that of those batches, the network's construction included. The
CPU seconds of importing and of loading the images count nowhere.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import plain_networks
from measuring import (
    note,
    number,
    print_table,
    run_job,
    run_script,
    spread,
    timed,
    versions_line,
)

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier

CLASSIFIERS = {"mnist": MNISTCNNClassifier, "cifar10": CIFARCNNClassifier}
CLASSIC = {"mnist": "MNIST classic", "cifar10": "CIFAR-10 classic"}
DEFAULTS, SCRIPT = "defaults", "script"

# Enough batches to trace every size of a preset with progressive resizing.
TRACED_BATCHES = 6


def with_skcnn(dataset, preset, seed, dtype, X, y):
    """Return a fitted predict function and the cost of tracing and of training."""
    kind, options = CLASSIFIERS[dataset], {"random_state": seed, "dtype": dtype}

    def make(**more):
        if preset == DEFAULTS:
            return kind(**options, **more)
        return kind.from_preset(preset, **options, **more)

    clf = make()
    size = clf.batch_size
    if size == "auto":
        size = kind._largest_auto_batch_size
    few = slice(TRACED_BATCHES * size)
    _, tracing = timed(lambda: make(epochs=1, batch_size=size).fit(X[few], y[few]))
    _, training = timed(lambda: clf.fit(X, y))
    return clf.predict, tracing, training, clf.n_iter_, clf.batch_size


def with_keras(dataset, preset, seed, dtype, X, y):
    """Do the same with the script."""
    import keras

    keras.utils.set_random_seed(seed)
    network = CLASSIC[dataset]
    classic = plain_networks.skcnn_classifier(network)
    epochs = CLASSIFIERS[dataset].presets["classic"]["epochs"]
    size = classic.batch_size
    model = plain_networks.compiled_keras_network(network, X.shape[1:])
    floats, float_cost = timed(lambda: plain_networks.unit_floats(X))
    few = slice(TRACED_BATCHES * size)

    def fit(rows, epochs):
        model.fit(floats[rows], y[rows], batch_size=size, epochs=epochs, verbose=0)

    _, tracing = timed(lambda: fit(few, 1))
    _, training = timed(lambda: fit(slice(None), epochs))
    for key, value in float_cost.items():
        training[key] += value

    def predict(X):
        probabilities = model.predict(plain_networks.unit_floats(X), verbose=0)
        return probabilities.argmax(axis=1)

    return predict, tracing, training, epochs, size


def train(dataset, preset, seed, dtype):
    """Train once; return the accuracy and the costs."""
    plain_networks.start_tensorflow()
    network = CLASSIC[dataset]
    X, y = plain_networks.load_images(network, None)
    X_test, y_test = plain_networks.load_images(network, None, "test")
    way = with_keras if preset == SCRIPT else with_skcnn
    predict, tracing, training, epochs, batch_size = way(
        dataset, preset, seed, dtype, X, y
    )
    predict(X_test[:256])  # traces
    predicted, prediction = timed(lambda: predict(X_test))
    return {
        "accuracy": float(np.mean(predicted == y_test)),
        "epochs": int(epochs),
        "batch_size": batch_size,
        "tracing_cpu_s": tracing["cpu_s"],
        "cpu_s": training["cpu_s"],
        "wall_s": training["wall_s"],
        "prediction_cpu_s": prediction["cpu_s"],
    }


def measure(datasets, presets, dtype, n_seeds, log):
    """Return the runs of each data set and preset, reading and writing the log."""
    done = {}
    if log and log.exists():
        for line in log.read_text().splitlines():
            run = json.loads(line)
            done[run["dataset"], run["preset"], run["seed"], run["dtype"]] = run
    runs = {}
    for dataset in datasets:
        for seed in range(n_seeds):
            for preset in presets or [SCRIPT, *CLASSIFIERS[dataset].presets, DEFAULTS]:
                key = {"dataset": dataset, "preset": preset, "seed": seed}
                key["dtype"] = "float32" if preset == SCRIPT else dtype
                run = done.get(tuple(key.values()))
                if run is None:
                    run = key | run_job(__file__, **key)
                    note(f"{run['accuracy']:.4f} for {run['cpu_s']:.1f} CPU s")
                    if log:
                        with log.open("a") as file:
                            print(json.dumps(run), file=file)
                runs.setdefault((dataset, preset), []).append(run)
    return runs


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", nargs="+", choices=CLASSIFIERS)
    parser.add_argument("--preset", action="append", help="default: all of them")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--log", type=Path)
    args = parser.parse_args()

    print(versions_line())
    runs = measure(args.dataset, args.preset, args.dtype, args.seeds, args.log)
    rows = []
    for (dataset, preset), of_preset in runs.items():
        accuracy = 100 * np.array([run["accuracy"] for run in of_preset])
        script = runs.get((dataset, SCRIPT))
        fraction = "-"
        if script:
            cost = np.mean([run["cpu_s"] for run in script])
            fraction = spread([run["cpu_s"] / cost for run in of_preset])
        rows.append(
            [
                dataset,
                preset,
                of_preset[0]["dtype"],
                str(of_preset[0]["epochs"]),
                str(of_preset[0]["batch_size"]),
                str(len(of_preset)),
                f"{accuracy.mean():.2f} %",
                f"{accuracy.min():.2f} to {accuracy.max():.2f}",
                spread([run["cpu_s"] for run in of_preset]),
                fraction,
                number(np.median([run["tracing_cpu_s"] for run in of_preset])),
                number(np.median([run["wall_s"] for run in of_preset])),
                number(np.median([run["prediction_cpu_s"] for run in of_preset])),
            ]
        )
    header = ["data", "preset", "dtype", "epochs", "batch size", "n"]
    header += ["test accuracy, mean"]
    header += ["lowest to highest", "training, CPU s", "/ script's", "tracing, CPU s"]
    header += ["training, wall s", "predicting 10,000, CPU s"]
    print_table(header, rows)


if __name__ == "__main__":
    run_script(main, train)
