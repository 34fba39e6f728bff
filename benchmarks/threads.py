"""What the number of TensorFlow's threads changes: predictions, and time of a search.

    SKCNN_DATA=/path/to/data python benchmarks/threads.py [--rounds 5] [--jobs]

trains each classifier with one and with two threads, in new processes, on the same
MNIST images with the same seed, and compares their predictions of the test images:
the share of labels that differ, the largest difference of a probability, and both
accuracies. Beside it, for comparison, two seeds with the same number of threads.

`--jobs` measures something else instead: a search in two worker processes, in which
joblib gives each of them its share of the processors (one thread on two), against the
same search in which each has as many threads as one process would have, two. The
scores of the latter are those of a search in one process, bit for bit. The workers had
started before.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import plain_networks
from measuring import Line, Study, options, parse, run_jobs, run_script, timed
from plain_networks import DATA
from rendering import comparison, median, percent, ratio

PRESETS = ("defaults", "fast", "classic")
THREADS = ("1 thread a worker", "2 threads a worker")


def train(
    threads: int, preset: str, seed: int, data: str, n_images: int, epochs: int
) -> Line:
    """Train with so many threads; return probabilities and accuracy on test images."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    X, y = plain_networks.load_images(data, n_images)
    X_test, y_test = plain_networks.load_images(data, subset="test")
    clf = plain_networks.preset(data, preset, epochs=epochs, random_state=seed)
    probabilities = clf.fit(X, y).predict_proba(X_test)
    labels = clf.classes_[probabilities.argmax(axis=1)]
    return {
        "probabilities": probabilities.round(6).tolist(),
        "accuracy": float((labels == y_test).mean()),
    }


def compare(
    participant: str, seed: int, data: str, n_images: int, epochs: int
) -> list[Line]:
    """Train in processes of their own, and compare the predictions in pairs."""
    setup = {"what": "train", "preset": participant, "data": data}
    setup |= {"n_images": n_images, "epochs": epochs}
    trained = []
    # A process has one number of threads for as long as it lives.
    for threads, seeds in ((1, (seed,)), (2, (seed, seed + 1))):
        jobs = [setup | {"threads": threads, "seed": one} for one in seeds]
        trained += run_jobs(__file__, jobs)
    pairs = {"1 and 2 threads": trained[:2], "2 seeds": trained[1:]}
    title = f"{DATA[data].title}, {n_images:,} training images, {epochs} epochs"
    return [
        {"case": f"{title}: {name}", "threads": "1, 2", **differences(*pair)}
        for name, pair in pairs.items()
    ]


def differences(one: Line, other: Line) -> Line:
    """Compare the predictions of two networks."""
    a, b = (np.array(run["probabilities"]) for run in (one, other))
    return {
        "accuracy": other["accuracy"],
        "accuracy_difference": abs(one["accuracy"] - other["accuracy"]),
        "labels": float((a.argmax(axis=1) != b.argmax(axis=1)).mean()),
        "probability": float(abs(a - b).max()),
    }


def search(
    participant: str, seed: int, data: str, n_images: int, epochs: int
) -> list[Line]:
    """Run a search in two workers of so many threads, once they have started."""
    from joblib import parallel_config
    from sklearn.model_selection import GridSearchCV

    X, y = plain_networks.load_images(data, n_images)
    threads = 1 + THREADS.index(participant)
    clf = plain_networks.preset(data, "defaults", epochs=epochs, random_state=seed)
    grid = {"learning_rate": [0.003, 0.005, 0.01]}
    found = GridSearchCV(clf, grid, cv=4, n_jobs=2, refit=False)
    with parallel_config("loky", inner_max_num_threads=threads):
        found.fit(X[:200], y[:200])
        _, seconds = timed(lambda: found.fit(X, y))
    case = (
        f"GridSearchCV, n_jobs=2, 3 candidates x 4 folds of {len(X):,} "
        f"{DATA[data].title} images, epochs: {epochs}, the defaults, no refit"
    )
    score = float(found.best_score_)
    fields = {"wall_s": seconds["wall_s"], "accuracy": score, "threads": threads}
    return [{"case": case, **fields}]


def job(what: str, **arguments: Any) -> Any:
    """Do one measurement in this process."""
    jobs: dict[str, Callable[..., Any]]
    jobs = {"train": train, "compare": compare, "search": search}
    return jobs[what](**arguments)


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    comparisons = [line for line in lines if line["job"]["what"] == "compare"]
    searches = [line for line in lines if line["job"]["what"] == "search"]
    of_comparisons = [
        percent("labels that differ, %", "labels"),
        median("largest difference of a probability", "probability"),
        percent("difference of accuracy, points", "accuracy_difference"),
        percent("accuracy, %"),
    ]
    of_searches = [
        median("wall s", "wall_s"),
        ratio("wall / 1 thread", "wall_s"),
        percent("best score, %"),
    ]
    parts = [
        comparison(comparisons, of_comparisons, order=PRESETS),
        comparison(searches, of_searches, order=THREADS, reference=THREADS[0]),
    ]
    return "\n\n".join(filter(None, parts))


def main() -> None:
    parser = options(__doc__, rounds=5, images=5000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--jobs", action="store_true", help="time of two workers")
    args = parse(parser, images=200, epochs=1)
    study = Study(__file__, args)
    what, participants = "compare", list(PRESETS)
    if args.jobs:
        what, participants = "search", list(THREADS[: 1 if args.quick else None])
    elif args.quick:
        participants = ["classic"]
    setup = {"data": "digits" if args.quick else "mnist", "epochs": args.epochs}
    study.rounds(participants, args.rounds, what=what, n_images=args.images, **setup)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, job)
