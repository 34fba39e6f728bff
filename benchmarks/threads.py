"""What the number of TensorFlow's threads changes: predictions, and time of a search.

    SKCNN_DATA=/path/to/data python benchmarks/threads.py [--seeds 5] [--jobs]

trains each classifier with one and with two threads, in new processes, on the same
MNIST images with the same seed, and compares their predictions of the test images:
the share of labels that differ, the largest difference of a probability, and both
accuracies. Beside it, for comparison, two seeds with the same number of threads.

`--jobs` measures something else instead: a search in two worker processes, in which
joblib gives each of them its share of the processors (one thread on two), against the
same search in which each has as many threads as one process would have, two. The
scores of the latter are those of a search in one process, to the bit.
"""

import argparse
import os

from measuring import (
    print_table,
    ratio,
    run_job,
    run_script,
    shuffled,
    spread,
    timed,
    versions_line,
)
from plain_networks import load_images

PRESETS = ("defaults", "fast", "classic")
THREADS = (1, 2)


def classifier(preset, **parameters):
    from skcnn import MNISTCNNClassifier

    if preset == "defaults":
        return MNISTCNNClassifier(**parameters)
    return MNISTCNNClassifier.from_preset(preset, **parameters)


def predictions(preset, threads, n_images, epochs, seed):
    """Train with so many threads; return probabilities and accuracy on test images."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    X, y = load_images("MNIST classic", n_images)
    X_test, y_test = load_images("MNIST classic", None, "test")
    clf = classifier(preset, epochs=epochs, random_state=seed).fit(X, y)
    probabilities = clf.predict_proba(X_test)
    labels = clf.classes_[probabilities.argmax(axis=1)]
    return {
        "probabilities": probabilities.round(6).tolist(),
        "accuracy": float((labels == y_test).mean()),
    }


def search(inner, n_images, epochs):
    """Run a search in two workers of so many threads, once they have started."""
    from joblib import parallel_config
    from sklearn.model_selection import GridSearchCV

    X, y = load_images("MNIST classic", n_images)
    grid = {"learning_rate": [0.003, 0.005, 0.01]}
    clf = classifier("defaults", epochs=epochs, random_state=0)
    found = GridSearchCV(clf, grid, cv=4, n_jobs=2, refit=False)
    with parallel_config("loky", inner_max_num_threads=inner):
        found.fit(X[:200], y[:200])
        _, seconds = timed(lambda: found.fit(X, y))
    return {"wall_s": seconds["wall_s"], "best": float(found.best_score_)}


def job(what, **arguments):
    """Do one measurement in this process."""
    return {"predictions": predictions, "search": search}[what](**arguments)


def differences(one, other):
    """Compare the predictions of two networks."""
    import numpy as np

    one, other = (np.array(run["probabilities"]) for run in (one, other))
    return {
        "labels": 100 * float((one.argmax(axis=1) != other.argmax(axis=1)).mean()),
        "probability": float(abs(one - other).max()),
    }


def compare_predictions(n_images, epochs, n_seeds):
    rows = []
    for preset in PRESETS:
        runs = {
            threads: [
                run_job(
                    __file__,
                    what="predictions",
                    preset=preset,
                    threads=threads,
                    n_images=n_images,
                    epochs=epochs,
                    seed=seed,
                )
                for seed in range(n_seeds)
            ]
            for threads in THREADS
        }
        one, two = runs.values()
        pairs = {
            "1 and 2 threads": list(zip(one, two, strict=True)),
            "2 seeds": list(zip(two, two[1:] + two[:1], strict=True)),
        }
        for name, of_name in pairs.items():
            found = [differences(*pair) for pair in of_name]
            row = [preset, name]
            row += [spread([f[key] for f in found]) for key in found[0]]
            row += [
                spread([100 * abs(b["accuracy"] - a["accuracy"]) for a, b in of_name]),
                spread([100 * run["accuracy"] for pair in of_name for run in pair]),
            ]
            rows.append(row)
    print(
        f"MNIST, {n_images:,} training images, {epochs} epochs, 10,000 test images, "
        f"{n_seeds} seeds"
    )
    header = ["", "compared", "% of labels that differ", "largest difference of a"]
    header[-1] += " probability"
    print_table([*header, "difference of accuracy, points", "accuracy, %"], rows)


def compare_jobs(n_images, epochs, n_pairs):
    runs = {inner: [] for inner in THREADS}
    for i in range(n_pairs):
        for inner in shuffled(runs, i):
            found = run_job(
                __file__, what="search", inner=inner, n_images=n_images, epochs=epochs
            )
            runs[inner].append(found)
    print(
        f"GridSearchCV, n_jobs=2, 3 candidates x 4 folds of {n_images:,} MNIST images, "
        f"{epochs} epochs, the defaults, no refit, {n_pairs} rounds"
    )
    rows = [
        [
            str(inner),
            spread([run["wall_s"] for run in of_inner]),
            ratio(of_inner, runs[1], "wall_s"),
            spread([run["best"] for run in of_inner]),
        ]
        for inner, of_inner in runs.items()
    ]
    print_table(["threads a worker", "wall s", "wall / 1 thread", "best score"], rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=5, help="or rounds of --jobs")
    parser.add_argument("--jobs", action="store_true", help="time of two workers")
    parser.add_argument("--quick", action="store_true", help="tiny, to try the script")
    args = parser.parse_args()
    if args.quick:
        args.images, args.epochs, args.seeds = 200, 1, 2

    print(versions_line(), end="\n\n")
    compare = compare_jobs if args.jobs else compare_predictions
    compare(args.images, args.epochs, args.seeds)


if __name__ == "__main__":
    run_script(main, job)
