"""Time that a grid search takes, and the scores that it finds.

    SKCNN_DATA=/path/to/data python benchmarks/search.py [--rounds 5] [--jobs]

searches over 4 networks and 3 learning rates, 3 folds, on 1,000 MNIST images, one epoch
each, with skcnn and with SciKeras: the same networks, Glorot's uniform initial weights,
Adam, batch size, constant learning rate and folds. Every round takes a seed of its own
and a new process for each of them, with the libraries imported and TensorFlow started
before the clock starts. "First" is the first search of the process, "again" the same
one a second time. Equal accuracy is part of the claim: the scores stand beside the
times. Both draw anew for every fit, so the best candidate of a seed is a matter of
luck.

`--jobs` measures something else instead: skcnn with two processes against one, where
each fit takes some seconds. There "first" contains the start of the processes and
their imports; CPU seconds are those of both searches and of all processes.
"""

import resource
from typing import Any

import plain_networks
from measuring import Line, Study, options, parse, run_script, timed
from plain_networks import DATA
from rendering import comparison, median, percent, times

BATCH_SIZE = 32
FILTERS, DENSE_UNITS = (8, 16), (32, 64)
LEARNING_RATES = (0.001, 0.003, 0.01)
N_FOLDS = 3
SEARCHES = ("first", "again")
ONE, TWO = "n_jobs=1", "n_jobs=2"


def skcnn_search(data: str, side: int, n_values: int) -> tuple[Any, dict[str, Any]]:
    """Return skcnn's classifier and what to search."""
    clf = plain_networks.skcnn_classifier(data, batch_size=BATCH_SIZE)
    grid = {
        "filters": list(FILTERS[:n_values]),
        "dense_units": list(DENSE_UNITS[:n_values]),
        "learning_rate": list(LEARNING_RATES[:n_values]),
    }
    return clf, grid


def scikeras_search(data: str, side: int, n_values: int) -> tuple[Any, dict[str, Any]]:
    """Return SciKeras's classifier of the same networks and what to search."""
    clf = plain_networks.scikeras_classifier(data, (side, side, 1))
    clf.set_params(batch_size=BATCH_SIZE)
    grid = {
        "model__filters": [(n,) for n in FILTERS[:n_values]],
        "model__dense_units": [(n,) for n in DENSE_UNITS[:n_values]],
        "optimizer__learning_rate": list(LEARNING_RATES[:n_values]),
    }
    return clf, grid


PARTICIPANTS = {"skcnn": skcnn_search, "SciKeras": scikeras_search}


def search_twice(
    participant: str, seed: int, data: str, n_images: int, n_values: int
) -> list[Line]:
    """Run the same search twice in this process."""
    import keras
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(data, n_images)
    # Every fit draws from one global generator: candidates that all start from the same
    # weights have a less lucky best one. SciKeras's random_state would also make
    # TensorFlow deterministic, which is another task.
    keras.utils.set_random_seed(seed)
    clf, grid = PARTICIPANTS[participant](data, X.shape[1], n_values)
    if participant == "SciKeras":
        X = plain_networks.unit_floats(X)
    # Named: scikit-learn does not take SciKeras's classifier for one, and would give it
    # other folds.
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    search = GridSearchCV(clf, grid, cv=folds, scoring="accuracy", error_score="raise")
    found = []
    for when in SEARCHES:
        _, seconds = timed(lambda: search.fit(X, y))
        scores = search.cv_results_["mean_test_score"]
        case = (
            f"GridSearchCV, {len(scores)} candidates x {N_FOLDS} folds and the refit, "
            f"{len(X):,} {DATA[data].title} images, 1 epoch, n_jobs=1: {when}"
        )
        found.append(
            {
                "case": case,
                **seconds,
                "accuracy": float(scores.max()),
                "mean_accuracy": float(scores.mean()),
                "fit_s": float(search.cv_results_["mean_fit_time"].mean()),
            }
        )
    return found


def search_with_jobs(
    participant: str, seed: int, data: str, n_images: int, epochs: int
) -> list[Line]:
    """Run a search of few long fits twice, in one process or in two."""
    from joblib.externals.loky import get_reusable_executor
    from sklearn.model_selection import GridSearchCV

    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(data, n_images)
    clf = plain_networks.skcnn_classifier(data, epochs=epochs, random_state=seed)
    grid = {"learning_rate": [0.003, 0.005, 0.01]}
    n_jobs = {ONE: 1, TWO: 2}[participant]
    search = GridSearchCV(clf, grid, cv=4, n_jobs=n_jobs, refit=False)
    found, cpu = [], 0.0
    for when in SEARCHES:
        _, seconds = timed(lambda: search.fit(X, y))
        cpu += seconds["cpu_s"]
        case = (
            f"GridSearchCV of skcnn, 3 candidates x 4 folds of {len(X):,} "
            f"{DATA[data].title} images, {epochs} epochs, the classic network, no "
            f"refit: {when}"
        )
        found.append(
            {
                "case": case,
                "wall_s": seconds["wall_s"],
                "accuracy": float(search.best_score_),
                "fit_s": float(search.cv_results_["mean_fit_time"].mean()),
            }
        )
    # The system adds up the time of a process when it has ended.
    get_reusable_executor().shutdown(wait=True)
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu += workers.ru_utime + workers.ru_stime
    return [run | {"cpu_s": cpu} for run in found]


def job(what: str, **arguments: Any) -> list[Line]:
    """Do one measurement in this process."""
    if what == "jobs":
        return search_with_jobs(**arguments)
    return search_twice(**arguments)


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    parts = []
    of_jobs = [line for line in lines if line["job"]["what"] == "jobs"]
    searches = [line for line in lines if line["job"]["what"] == "search"]
    shared = [median("mean fit s", "fit_s"), percent("best candidate, accuracy %")]
    if searches:
        columns = [*times("skcnn"), *shared]
        columns.append(percent("mean of the candidates, %", "mean_accuracy"))
        parts.append(
            comparison(searches, columns, order=[*PARTICIPANTS], reference="skcnn")
        )
    if of_jobs:
        columns = [*times(ONE), *shared]
        parts.append(comparison(of_jobs, columns, order=(ONE, TWO), reference=ONE))
    return "\n\n".join(parts)


def main() -> None:
    parser = options(__doc__, rounds=5)
    parser.add_argument(
        "--images", type=int, help="training images; default: 1000, with --jobs 20000"
    )
    parser.add_argument("--jobs", action="store_true", help="n_jobs=2 against 1")
    parser.add_argument("--epochs", type=int, default=3, help="with --jobs")
    args = parse(parser, images=150, epochs=1)
    study = Study(__file__, args)
    data = "digits" if args.quick else "mnist"
    if args.jobs:
        setup = {"data": data, "n_images": args.images or 20_000, "epochs": args.epochs}
        study.rounds((ONE, TWO), args.rounds, what="jobs", **setup)
    else:
        n_values = 1 if args.quick else len(LEARNING_RATES)
        setup = {"data": data, "n_images": args.images or 1000, "n_values": n_values}
        study.rounds(PARTICIPANTS, args.rounds, what="search", **setup)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, job)
