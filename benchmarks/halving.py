"""Successive halving that goes on from weights against one that starts again.

    SKCNN_DATA=/path/to/data python benchmarks/halving.py mnist cifar10 --seeds 3

searches 12 candidates (six learning rates, with dropout and without) of the preset
"fast" with 5 folds and at most 9 epochs, by scikit-learn's `HalvingGridSearchCV` with
`resource="epochs"` and by skcnn's `WarmHalvingGridSearchCV`, both as they come. The
images are the first ones of the training set; the accuracy is that of
`best_estimator_`, trained on all of them, on 10,000 others of the training set. Epochs
are those of all candidates, folds and of the refit. The seed is that of networks and
folds; the two take turns.
"""

import argparse

import numpy as np
import plain_networks
from measuring import (
    number,
    print_table,
    run_job,
    run_script,
    shuffled,
    spread,
    timed,
    versions_line,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV, StratifiedKFold

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.model_selection import WarmHalvingGridSearchCV

CLASSIFIERS = {"mnist": MNISTCNNClassifier, "cifar10": CIFARCNNClassifier}
CLASSIC = {"mnist": "MNIST classic", "cifar10": "CIFAR-10 classic"}
N_IMAGES = {"mnist": 5_000, "cifar10": 2_500}
N_HELD_OUT = 10_000
EPOCHS = 9
GRID = {
    "learning_rate": [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03],
    "dropout": [0.0, 0.25],
}
SKLEARN, SKCNN = "HalvingGridSearchCV", "WarmHalvingGridSearchCV"


def search_once(dataset, way, seed):
    """Return what one search cost and found."""
    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(CLASSIC[dataset], None)
    n = N_IMAGES[dataset]
    clf = CLASSIFIERS[dataset].from_preset("fast", epochs=EPOCHS, random_state=seed)
    cv = StratifiedKFold(5, shuffle=True, random_state=seed)
    if way == SKLEARN:
        options = {"resource": "epochs", "max_resources": EPOCHS}
        search = HalvingGridSearchCV(clf, GRID, cv=cv, **options)
    else:
        search = WarmHalvingGridSearchCV(clf, GRID, cv=cv)
    _, cost = timed(lambda: search.fit(X[:n], y[:n]))
    rungs = np.array(search.n_resources_)
    new = rungs if way == SKLEARN else np.diff(rungs, prepend=0)
    epochs = int(np.dot(search.n_candidates_, new)) * search.n_splits_ + EPOCHS
    held_out = slice(-N_HELD_OUT, None)
    return cost | {
        "epochs": epochs,
        "accuracy": float(search.score(X[held_out], y[held_out])),
        "best": ", ".join(f"{search.best_params_[name]:g}" for name in sorted(GRID)),
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", nargs="+", choices=CLASSIFIERS)
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()

    print(versions_line())
    for dataset in args.dataset:
        runs = {SKLEARN: [], SKCNN: []}
        for seed in range(args.seeds):
            for way in shuffled(runs, seed):
                job = {"dataset": dataset, "way": way, "seed": seed}
                runs[way].append(run_job(__file__, **job))
        rows = []
        for way, of_way in runs.items():
            accuracy = 100 * np.array([run["accuracy"] for run in of_way])
            pairs = zip(of_way, runs[SKLEARN], strict=True)
            rows.append(
                [
                    way,
                    number(np.mean([run["epochs"] for run in of_way])),
                    spread([a["epochs"] / b["epochs"] for a, b in pairs]),
                    spread([run["cpu_s"] for run in of_way]),
                    f"{accuracy.mean():.2f} %",
                    f"{accuracy.min():.2f} to {accuracy.max():.2f}",
                    "; ".join(run["best"] for run in of_way),
                ]
            )
        print(f"\n{dataset}, {N_IMAGES[dataset]:,} images, {args.seeds} seeds")
        header = ["", "epochs", "/ scikit-learn's", "CPU s", "held-out accuracy, mean"]
        print_table([*header, "lowest to highest", "best dropout, learning rate"], rows)


if __name__ == "__main__":
    run_script(main, search_once)
