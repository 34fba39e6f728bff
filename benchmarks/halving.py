"""Successive halving that goes on from weights against one that starts again.

    SKCNN_DATA=/path/to/data python benchmarks/halving.py mnist cifar10 --rounds 3

searches 12 candidates (six learning rates, with dropout and without) of the preset
"fast" with 5 folds and at most 9 epochs, by scikit-learn's `HalvingGridSearchCV` with
`resource="epochs"` and by skcnn's `WarmHalvingGridSearchCV`, both as they come. The
images are the first ones of the training set; the accuracy is that of
`best_estimator_`, trained on all of them, on 10,000 others of the training set. Epochs
are those of all candidates, folds and of the refit. The seed is that of networks and
folds; the two take turns.
"""

import numpy as np
import plain_networks
from measuring import Line, Study, options, parse, run_script, timed
from plain_networks import DATA, REAL_DATA
from rendering import comparison, listing, median, percent, ratio

N_IMAGES = {"mnist": 5_000, "cifar10": 2_500, "digits": 200}
N_HELD_OUT = {"mnist": 10_000, "cifar10": 10_000, "digits": 100}
GRID = {
    "learning_rate": [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03],
    "dropout": [0.0, 0.25],
}
SKLEARN, SKCNN = "HalvingGridSearchCV", "WarmHalvingGridSearchCV"


def search_once(
    participant: str, seed: int, data: str, n_folds: int, epochs: int
) -> list[Line]:
    """Return what one search cost and found."""
    from sklearn.experimental import enable_halving_search_cv  # noqa: F401
    from sklearn.model_selection import HalvingGridSearchCV, StratifiedKFold

    from skcnn.model_selection import WarmHalvingGridSearchCV

    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(data)
    n = N_IMAGES[data]
    clf = plain_networks.preset(data, "fast", epochs=epochs, random_state=seed)
    cv = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    if participant == SKLEARN:
        options = {"resource": "epochs", "max_resources": epochs}
        search = HalvingGridSearchCV(clf, GRID, cv=cv, **options)
    else:
        search = WarmHalvingGridSearchCV(clf, GRID, cv=cv)
    _, cost = timed(lambda: search.fit(X[:n], y[:n]))
    rungs = np.array(search.n_resources_)
    new = rungs if participant == SKLEARN else np.diff(rungs, prepend=0)
    n_epochs = int(np.dot(search.n_candidates_, new)) * search.n_splits_ + epochs
    held_out = slice(-N_HELD_OUT[data], None)
    best = (f"{search.best_params_[name]:g}" for name in sorted(GRID))
    return [
        cost
        | {
            "case": f"{DATA[data].title}, {n:,} images, preset fast, {n_folds} folds",
            "epochs": n_epochs,
            "accuracy": float(search.score(X[held_out], y[held_out])),
            "best": ", ".join(best),
        }
    ]


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    columns = [
        median("epochs", "epochs"),
        ratio("/ scikit-learn's", "epochs"),
        median("CPU s", "cpu_s"),
        percent("held-out accuracy, %"),
        listing("best dropout, learning rate", "best"),
    ]
    return comparison(lines, columns, order=(SKLEARN, SKCNN), reference=SKLEARN)


def main() -> None:
    args = parse(options(__doc__, rounds=3, data=REAL_DATA))
    study = Study(__file__, args)
    folds, epochs = (2, 3) if args.quick else (5, 9)
    for data in args.data:
        setup = {"data": data, "n_folds": folds, "epochs": epochs}
        study.rounds((SKLEARN, SKCNN), args.rounds, **setup)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, search_once)
