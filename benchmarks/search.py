"""Time that a grid search takes, and the scores that it finds.

    SKCNN_DATA=/path/to/data python benchmarks/search.py [--pairs 5] [--jobs]

searches over 4 networks and 3 learning rates, 3 folds, on 1,000 MNIST images, one epoch
each, with skcnn and with SciKeras: the same networks, Glorot's uniform initial weights,
Adam, batch size, constant learning rate and folds. Every round takes a seed of its own
and a new process for each of them, with the libraries imported and TensorFlow started
before the clock starts. "First" is the first search of the process, "again" the same
one a second time. Equal accuracy is part of the claim: the scores stand beside the
times.

`--jobs` measures something else instead: skcnn with two processes against one, where
each fit takes some seconds. There "first" contains the start of the processes and
their imports.
"""

import argparse
import resource
import statistics

import plain_networks
from measuring import (
    print_comparison,
    print_table,
    ratio,
    run_job,
    run_script,
    shuffled,
    spread,
    timed,
    versions_line,
)

BATCH_SIZE = 32
FILTERS, DENSE_UNITS = (8, 16), (32, 64)
LEARNING_RATES = (0.001, 0.003, 0.01)
N_CANDIDATES = len(FILTERS) * len(DENSE_UNITS) * len(LEARNING_RATES)
N_FOLDS = 3
SEARCHES = ("first", "again")


def skcnn_search(seed):
    """Return skcnn's classifier and what to search."""
    import keras

    # As with SciKeras, every fit draws from one global generator: candidates that all
    # start from the same weights have a less lucky best one.
    keras.utils.set_random_seed(seed)
    clf = plain_networks.skcnn_classifier("MNIST classic", batch_size=BATCH_SIZE)
    grid = {
        "filters": list(FILTERS),
        "dense_units": list(DENSE_UNITS),
        "learning_rate": list(LEARNING_RATES),
    }
    return clf, grid


def scikeras_search(seed):
    """Return SciKeras's classifier of the same networks and what to search."""
    import keras

    # Not its random_state: that makes TensorFlow deterministic, another task.
    keras.utils.set_random_seed(seed)
    clf = plain_networks.scikeras_classifier("MNIST classic", (28, 28, 1))
    clf.set_params(batch_size=BATCH_SIZE)
    grid = {
        "model__filters": [(n,) for n in FILTERS],
        "model__dense_units": [(n,) for n in DENSE_UNITS],
        "optimizer__learning_rate": list(LEARNING_RATES),
    }
    return clf, grid


PARTICIPANTS = {"skcnn": skcnn_search, "SciKeras": scikeras_search}


def search_twice(participant, n_images, seed):
    """Run the same search twice in this process."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images("MNIST classic", n_images)
    if participant == "SciKeras":
        X = plain_networks.unit_floats(X)
    clf, grid = PARTICIPANTS[participant](seed)
    # Named: scikit-learn does not take SciKeras's classifier for one, and would give it
    # other folds.
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    search = GridSearchCV(clf, grid, cv=folds, scoring="accuracy", error_score="raise")
    searches = {}
    for name in SEARCHES:
        _, seconds = timed(lambda: search.fit(X, y))
        scores = search.cv_results_["mean_test_score"]
        searches[name] = seconds | {
            "best": float(scores.max()),
            "mean": float(scores.mean()),
            "fit_s": float(search.cv_results_["mean_fit_time"].mean()),
        }
    return searches


def search_with_jobs(n_jobs, n_images, epochs):
    """Run a search of few long fits twice, in so many processes."""
    from joblib.externals.loky import get_reusable_executor
    from sklearn.model_selection import GridSearchCV

    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images("MNIST classic", n_images)
    clf = plain_networks.skcnn_classifier(
        "MNIST classic", epochs=epochs, random_state=0
    )
    grid = {"learning_rate": [0.003, 0.005, 0.01]}
    search = GridSearchCV(clf, grid, cv=4, n_jobs=n_jobs, refit=False)
    searches = {}
    for name in SEARCHES:
        _, seconds = timed(lambda: search.fit(X, y))
        searches[name] = seconds | {
            "fit_s": float(search.cv_results_["mean_fit_time"].mean()),
            "best": float(search.best_score_),
        }
    # The system adds up the time of a process when it has ended.
    get_reusable_executor().shutdown(wait=True)
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    searches["workers_cpu_s"] = workers.ru_utime + workers.ru_stime
    return searches


def job(what, **arguments):
    """Do one measurement in this process."""
    return {"search": search_twice, "jobs": search_with_jobs}[what](**arguments)


def compare_searches(n_images, n_rounds):
    runs = {name: [] for name in PARTICIPANTS}
    for seed in range(n_rounds):
        for name in shuffled(PARTICIPANTS, seed):
            run = run_job(
                __file__, what="search", participant=name, n_images=n_images, seed=seed
            )
            runs[name].append(run)
    for when in SEARCHES:
        print(
            f"GridSearchCV, {N_CANDIDATES} candidates x {N_FOLDS} folds and the refit, "
            f"{n_images:,} MNIST images, 1 epoch, n_jobs=1: {when}"
        )
        of_search = {name: [r[when] for r in of_name] for name, of_name in runs.items()}
        print_comparison(
            of_search,
            "skcnn",
            mean_fit_s=lambda of_name: spread([run["fit_s"] for run in of_name]),
        )
    print(f"Accuracy of the first searches, {n_rounds} seeds")
    rows = []
    for name, of_name in runs.items():
        row = [name]
        for key in ("best", "mean"):
            row.append(percentages([run["first"][key] for run in of_name]))
        rows.append(row)
    print_table(["", "best candidate", "mean of the candidates"], rows)


def percentages(scores):
    """Format accuracies as mean, standard error of the mean, lowest and highest."""
    scores = [100 * score for score in scores]
    mean = f"{statistics.mean(scores):.2f} %"
    if len(scores) == 1:
        return mean
    error = statistics.stdev(scores) / len(scores) ** 0.5
    return f"{mean} +- {error:.2f} ({min(scores):.2f} to {max(scores):.2f})"


def compare_jobs(n_images, epochs, n_rounds):
    runs = {1: [], 2: []}
    for i in range(n_rounds):
        for n_jobs in shuffled(runs, i):
            run = run_job(
                __file__, what="jobs", n_jobs=n_jobs, n_images=n_images, epochs=epochs
            )
            runs[n_jobs].append(run)
    # By its end, when the workers' time is known too.
    for of_n in runs.values():
        for run in of_n:
            run["cpu_s"] = run["workers_cpu_s"] + sum(run[w]["cpu_s"] for w in SEARCHES)
    print(
        f"GridSearchCV of skcnn, 3 candidates x 4 folds of {n_images:,} MNIST images, "
        f"{epochs} epochs, the classic network, no refit. CPU s of both searches, all "
        "processes"
    )
    header = ["n_jobs", "first, wall s", "again, wall s", "CPU s"]
    header += ["first / n_jobs=1", "again / n_jobs=1", "CPU / n_jobs=1"]
    header += ["mean fit s, again", "best score"]
    rows = []
    for n_jobs, of_n in runs.items():
        walls = {w: [run[w] for run in of_n] for w in SEARCHES}
        walls_of_one = {w: [run[w] for run in runs[1]] for w in SEARCHES}
        row = [str(n_jobs)]
        row += [spread([run["wall_s"] for run in walls[w]]) for w in SEARCHES]
        row += [spread([run["cpu_s"] for run in of_n])]
        row += [ratio(walls[w], walls_of_one[w], "wall_s") for w in SEARCHES]
        row += [ratio(of_n, runs[1], "cpu_s")]
        row += [spread([run["fit_s"] for run in walls["again"]])]
        row += [spread([run["best"] for run in walls["again"]])]
        rows.append(row)
    print_table(header, rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, help="default: 1000, with --jobs 20000")
    parser.add_argument("--pairs", type=int, help="rounds; default: 5, with --jobs 3")
    parser.add_argument("--jobs", action="store_true", help="n_jobs=2 against 1")
    parser.add_argument("--epochs", type=int, default=3, help="with --jobs")
    parser.add_argument("--quick", action="store_true", help="tiny, to try the script")
    args = parser.parse_args()
    if args.quick:
        args.images, args.pairs, args.epochs = 150, 1, 1

    print(versions_line(), end="\n\n")
    if args.jobs:
        compare_jobs(args.images or 20_000, args.epochs, args.pairs or 3)
    else:
        compare_searches(args.images or 1000, args.pairs or 5)


if __name__ == "__main__":
    run_script(main, job)
