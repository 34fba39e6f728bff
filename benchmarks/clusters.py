"""Time, memory and bytes moved by a search on Dask and on Ray, against one process.

    SKCNN_DATA=/path/to/data python benchmarks/clusters.py [--pairs 3] [--images 60000]

searches 4 learning rates of MNIST's preset "fast" with 3 folds and no refit: in one
process (`n_jobs=1`), on Dask with one worker of two threads and with two workers, and
on Ray with two. (Where a cluster has room for one task only, joblib computes in the
calling process.) TensorFlow has one thread in each worker, and in the one process too.
Ray's workers are on a node each, with a store of its own, as on two machines. "As it
comes" is without `skcnn.clusters`. "First" is the first search on new workers, "again"
the same one a second time; the start of the cluster is in neither.

MB moved are those that the first search sent over the loopback device, on which is all
that would cross a network; nothing else may use it meanwhile. Memory is the highest
sum, over the client and the cluster's processes, of resident memory, where what
processes share counts once. Each way has a process of its own in each round.
"""

import argparse
import os
import threading
import time
from contextlib import contextmanager

import plain_networks
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

ONE = "n_jobs=1"
WAYS = {
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


@contextmanager
def one_process(n_workers, n_threads, plain):
    """Search in this process."""
    from joblib import parallel_config

    def put(X):
        return X

    yield put, lambda: parallel_config(n_jobs=1)


@contextmanager
def dask(n_workers, n_threads, plain):
    """Search on a Dask cluster."""
    from dask.distributed import Client, LocalCluster
    from joblib import parallel_config

    from skcnn.clusters import on_every_worker

    def put(X):
        return X

    options = {"n_workers": n_workers, "threads_per_worker": n_threads}
    options |= {"host": "127.0.0.1", "dashboard_address": None}
    with (
        LocalCluster(**options) as cluster,
        Client(cluster) as client,
    ):
        if not plain:
            on_every_worker(client)
        yield put, lambda: parallel_config("dask")


@contextmanager
def ray(n_workers, n_threads, plain):
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


def loopback_mb():
    """Return the MB that the loopback device has carried so far."""
    with open("/proc/net/dev") as file:
        for line in file:
            name, _, numbers = line.partition(":")
            if name.strip() == "lo":
                return int(numbers.split()[0]) / 1e6
    raise RuntimeError("There is no loopback device in /proc/net/dev.")


def family():
    """Return this process and all that descend from it."""
    children = {}
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


def memory_mb():
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
def peak_of_memory():
    """Watch the family's memory; the list that this gives holds what was seen."""
    seen, done = [memory_mb()], threading.Event()

    def watch():
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


def search_twice(way, n_images):
    """Run the same search twice in one of the ways."""
    from sklearn.model_selection import GridSearchCV, StratifiedKFold

    from skcnn import MNISTCNNClassifier

    options = {"engine": None, "n_workers": 1, "n_threads": 1, "plain": False}
    options |= WAYS[way]
    engine = ENGINES[options.pop("engine")]
    X, y = plain_networks.load_images("MNIST classic", n_images)
    clf = MNISTCNNClassifier.from_preset("fast", random_state=0)
    # Log loss, because it shows a last bit that accuracy hides.
    search = GridSearchCV(
        clf,
        {"learning_rate": LEARNING_RATES},
        cv=StratifiedKFold(N_FOLDS, shuffle=True, random_state=0),
        scoring="neg_log_loss",
        refit=False,
        error_score="raise",
    )
    if engine is one_process:
        os.environ["TF_NUM_INTRAOP_THREADS"] = "1"
        plain_networks.start_tensorflow()
    start = time.perf_counter()
    with engine(**options) as (put, config):
        found = {"start_s": time.perf_counter() - start, "mb": X.nbytes / 1e6}
        with peak_of_memory() as seen:
            before = loopback_mb()
            X = put(X)
            for name in SEARCHES:
                with config():
                    _, seconds = timed(lambda: search.fit(X, y))
                if name == SEARCHES[0]:
                    found["moved_mb"] = loopback_mb() - before
                found[name] = seconds
        found["memory_mb"] = max(seen)
    names = [f"split{i}_test_score" for i in range(N_FOLDS)]
    found["scores"] = [
        score.hex() for name in names for score in search.cv_results_[name].tolist()
    ]
    return found


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--pairs", type=int, default=3, help="rounds")
    parser.add_argument("--quick", action="store_true", help="tiny, to try the script")
    args = parser.parse_args()
    if args.quick:
        args.images, args.pairs = 3000, 1

    print(versions_line("joblib", "distributed", "ray"), end="\n\n")
    runs = {way: [] for way in WAYS}
    for i in range(args.pairs):
        for way in shuffled(WAYS, i):
            runs[way].append(run_job(__file__, way=way, n_images=args.images))
    mb = runs[ONE][0]["mb"]
    print(
        f'GridSearchCV of MNIST\'s preset "fast", {len(LEARNING_RATES)} candidates x '
        f"{N_FOLDS} folds of {args.images:,} images ({mb:.1f} MB), no refit, one "
        "TensorFlow thread a fit"
    )
    walls = {
        way: {name: [run[name] for run in of_way] for name in SEARCHES}
        for way, of_way in runs.items()
    }
    rows = []
    for way, of_way in runs.items():
        row = [way, spread([run["start_s"] for run in of_way])]
        row += [spread([x["wall_s"] for x in walls[way][name]]) for name in SEARCHES]
        row += [ratio(walls[way][n], walls[ONE][n], "wall_s") for n in SEARCHES]
        row += [spread([run["memory_mb"] for run in of_way])]
        row += [spread([run["moved_mb"] for run in of_way])]
        row += [spread([run["moved_mb"] / mb for run in of_way])]
        equal = all(run["scores"] == runs[ONE][0]["scores"] for run in of_way)
        rows.append([*row, "yes" if equal else "no"])
    header = ["", "cluster's start, s", "first, wall s", "again, wall s"]
    header += [f"first / {ONE}", f"again / {ONE}", "memory, MB"]
    print_table([*header, "MB moved", "/ MB of images", "same bits"], rows)


if __name__ == "__main__":
    run_script(main, search_twice)
