"""Time, memory and bytes moved by a search on Dask and on Ray, against one process.

    SKCNN_DATA=/path/to/data python benchmarks/clusters.py [--rounds 3] [--images 0]

searches 4 learning rates of MNIST's preset "fast" with 3 folds and no refit: in one
process (`n_jobs=1`) and, where they are installed, on Dask with one worker of two
threads and with two workers, and on Ray with two. (Where a cluster has room for one
task only, joblib computes in the calling process.) TensorFlow has one thread in each
worker, and in the one process too. Ray's workers are on a node each, with a store of
its own, as on two machines. "As it comes" is without `skcnn.clusters`. "First" is the
first search on new workers, "again" the same one a second time; the start of the
cluster is in neither.

MB moved are those that the first search sent over the loopback device, on which is all
that would cross a network; nothing else may use it meanwhile. Memory is the highest
sum, over the client and the cluster's processes, of resident memory, where what
processes share counts once. Each way has a process of its own in each round.
"""

import importlib.util
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import plain_networks
from measuring import Line, Study, note, options, parse, run_script, timed
from plain_networks import DATA
from rendering import Column, comparison, listing, median, times

ONE = "n_jobs=1"
WAYS: dict[str, Line] = {
    ONE: {},
    "Dask, 1 worker, 2 threads": {"engine": "dask", "n_workers": 1, "n_threads": 2},
    "Dask, 2 workers": {"engine": "dask", "n_workers": 2},
    "Dask, 2 workers, as it comes": {"engine": "dask", "n_workers": 2, "plain": True},
    "Ray, 2 workers": {"engine": "ray", "n_workers": 2},
    "Ray, 2 workers, as it comes": {"engine": "ray", "n_workers": 2, "plain": True},
}
LEARNING_RATES = [0.001, 0.003, 0.01, 0.03]
N_FOLDS = 3
SEARCHES = ("first", "again")
# What --quick tries, once: Ray imports TensorFlow in new workers for each search.
QUICK = (ONE, "Dask, 1 worker, 2 threads", "Ray, 2 workers")


@contextmanager
def one_process(n_workers: int, n_threads: int, plain: bool) -> Iterator[Any]:
    """Search in this process."""
    from joblib import parallel_config

    def put(X: Any) -> Any:
        return X

    yield put, lambda: parallel_config(n_jobs=1)


@contextmanager
def dask(n_workers: int, n_threads: int, plain: bool) -> Iterator[Any]:
    """Search on a Dask cluster."""
    from dask.distributed import Client, LocalCluster
    from joblib import parallel_config

    from skcnn.clusters import on_every_worker

    def put(X: Any) -> Any:
        return X

    options: Line = {"n_workers": n_workers, "threads_per_worker": n_threads}
    options |= {"host": "127.0.0.1", "dashboard_address": None}
    with (
        LocalCluster(**options) as cluster,
        Client(cluster) as client,
    ):
        if not plain:
            on_every_worker(client)
        yield put, lambda: parallel_config("dask")


@contextmanager
def ray(n_workers: int, n_threads: int, plain: bool) -> Iterator[Any]:
    """Search on a Ray cluster, each worker on a node of its own."""
    # Without a token, which would stay in the user's home.
    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    import ray
    from joblib import parallel_config
    from ray.cluster_utils import Cluster
    from ray.util.joblib import register_ray

    from skcnn.clusters import in_object_store

    head = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(n_workers - 1):
        cluster.add_node(num_cpus=1)
    ray.init(cluster.address, log_to_driver=False, logging_level="ERROR")
    register_ray()
    options = {"n_jobs": n_workers, "ray_remote_args": {"num_cpus": 1}}
    yield (
        (lambda X: X) if plain else in_object_store,
        lambda: parallel_config("ray", **options),
    )
    ray.shutdown()
    cluster.shutdown()


ENGINES = {None: one_process, "dask": dask, "ray": ray}


def loopback_mb() -> float:
    """Return the MB that the loopback device has carried so far."""
    with open("/proc/net/dev") as file:
        for line in file:
            name, _, numbers = line.partition(":")
            if name.strip() == "lo":
                return int(numbers.split()[0]) / 1e6
    raise RuntimeError("There is no loopback device in /proc/net/dev.")


def family() -> list[int]:
    """Return this process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except OSError:  # it has just ended
            continue
        children.setdefault(parent, []).append(int(name))
    found = [os.getpid()]
    for pid in found:
        found += children.get(pid, [])
    return found


def memory_mb() -> float:
    """Return the resident memory of the family in MB, shared pages counted once."""
    kb = 0
    for pid in family():
        try:
            with open(f"/proc/{pid}/smaps_rollup") as file:
                kb += sum(int(x.split()[1]) for x in file if x.startswith("Pss:"))
        except OSError:
            continue
    return kb / 1024


@contextmanager
def peak_of_memory() -> Iterator[list[float]]:
    """Watch the family's memory; the list that this gives holds what was seen."""
    seen, done = [memory_mb()], threading.Event()

    def watch() -> None:
        # Rarely, because adding up the pages of a process takes the kernel a while.
        while not done.wait(1):
            seen.append(memory_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def repeat_search(
    participant: str, seed: int, data: str, n_images: int, n_times: int
) -> list[Line]:
    """Run the same search once or twice in one of the ways."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    options: Line = {"engine": None, "n_workers": 1, "n_threads": 1, "plain": False}
    options |= WAYS[participant]
    engine = ENGINES[options.pop("engine")]
    X, y = plain_networks.load_images(data, n_images)
    clf = plain_networks.preset(data, "fast", random_state=seed)
    # Log loss, because it shows a last bit that accuracy hides.
    search = GridSearchCV(
        clf,
        {"learning_rate": LEARNING_RATES},
        cv=StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed),
        scoring="neg_log_loss",
        refit=False,
        error_score="raise",
    )
    if engine is one_process:
        os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
        plain_networks.start_tensorflow()
    mb = X.nbytes / 1e6
    title = (
        f"GridSearchCV of {DATA[data].title}'s preset fast, {len(LEARNING_RATES)} "
        f"candidates x {N_FOLDS} folds of {len(X):,} images, {mb:.1f} MB, no refit"
    )
    found = []
    start = time.perf_counter()
    with engine(**options) as (put, config):
        shared: Line = {"start_s": time.perf_counter() - start, "threads": 1}
        with peak_of_memory() as seen:
            before = loopback_mb()
            X = put(X)
            for when in SEARCHES[:n_times]:
                with config():
                    _, seconds = timed(lambda: search.fit(X, y))
                # The CPU time of the workers is not known here.
                run: Line = {"case": f"{title}: {when}", "wall_s": seconds["wall_s"]}
                if when == SEARCHES[0]:
                    run["moved_mb"] = loopback_mb() - before
                    run["moved_of_images"] = run["moved_mb"] / mb
                found.append(run)
        shared["memory_mb"] = max(seen)
    names = [f"split{i}_test_score" for i in range(N_FOLDS)]
    shared["scores"] = [
        score.hex() for name in names for score in search.cv_results_[name].tolist()
    ]
    return [run | shared for run in found]


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""

    def same_bits(runs: list[Line], reference: list[Line]) -> str:
        scores = {run["seed"]: run["scores"] for run in reference}
        equal = [run["scores"] == scores.get(run["seed"]) for run in runs]
        return "yes" if all(equal) else "no"

    wall = [column for column in times(ONE) if column.title.startswith("wall")]
    columns = [
        median("cluster's start, s", "start_s"),
        *wall,
        median("memory, MB", "memory_mb"),
        median("MB moved", "moved_mb"),
        median("/ MB of images", "moved_of_images"),
        listing("threads a fit", "threads"),
        Column("same bits", same_bits),
    ]
    return comparison(lines, columns, order=[*WAYS], reference=ONE)


def main() -> None:
    args = parse(options(__doc__, rounds=3, images=0), images=100)
    engines = {"dask": "distributed", "ray": "ray"}
    missing = {e for e, name in engines.items() if not importlib.util.find_spec(name)}
    if missing:
        note(f"without {' and '.join(sorted(missing))}: not installed")
    wanted = QUICK if args.quick else WAYS
    ways = [way for way in wanted if WAYS[way].get("engine") not in missing]
    packages = ("joblib", "distributed", "ray")
    study = Study(__file__, args, packages, always_apart=True)
    data = "digits" if args.quick else "mnist"
    n_times = 1 if args.quick else len(SEARCHES)
    study.rounds(ways, args.rounds, data=data, n_images=args.images, n_times=n_times)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, repeat_search)
