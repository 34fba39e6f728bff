"""Searches and bagging on clusters: Dask and Ray through joblib."""

import json
import multiprocessing
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import indexable
from tiny import tiny_classifier

from skcnn._network import threads
from skcnn.clusters import in_object_store, on_every_worker
from skcnn.preprocessing import ImageScaler

pytestmark = pytest.mark.slow  # they start clusters

BIN = Path(sys.executable).parent
NAME = "mnistcnnclassifier__"
RATES = [0.001, 0.003, 0.01, 0.03]


class DiesOnce(TransformerMixin, BaseEstimator):
    """A step that notes each fit in a folder and is killed in the third one."""

    def __init__(self, folder=None):
        self.folder = folder

    def fit(self, X, y=None):
        if self.folder is not None:
            for number in range(1000):
                try:
                    open(os.path.join(self.folder, str(number)), "x").close()
                    break
                except FileExistsError:
                    continue
            if number == 2:
                time.sleep(1)  # earlier results of this worker are on their way
                os.kill(os.getpid(), signal.SIGKILL)
        return self

    def transform(self, X):
        return X


def digits():
    X, y = load_digits(return_X_y=True)
    return X[:300].astype(np.uint8), y[:300]


def pipeline(folder=None):
    clf = tiny_classifier(filters=16, dense_units=32, epochs=1, image_shape=(8, 8, 1))
    return make_pipeline(ImageScaler(), DiesOnce(folder), clf)


def grid_search(X, y, folder=None):
    search = GridSearchCV(
        pipeline(folder),
        {f"{NAME}learning_rate": RATES},
        cv=2,
        # Digits enough for the last bit, which already two threads change.
        scoring="neg_log_loss",
        refit=False,
        error_score="raise",
    )
    results = search.fit(X, y).cv_results_
    return np.stack([results[f"split{i}_test_score"] for i in range(2)])


def bagging(X, y):
    ensemble = BaggingClassifier(pipeline(), n_estimators=2, random_state=0).fit(X, y)
    return [w for p in ensemble.estimators_ for w in p[-1].model_.get_weights()]


def serial_results():
    """Fit everything in this process, one after the other."""
    assert multiprocessing.parent_process() is None
    return {work.__name__: work(*digits()) for work in (grid_search, bagging)}


@pytest.fixture(scope="module")
def serial():
    """What a process gives whose TensorFlow has one thread, as the workers' have."""
    code = (
        "import pickle, sys, test_clusters as module\n"
        "pickle.dump(module.serial_results(), open(sys.argv[1], 'wb'))"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "results"
        environment = importable() | {"TF_NUM_INTRAOP_THREADS": "1"}
        subprocess.run(
            [sys.executable, "-c", code, path], env=environment, check=True, timeout=300
        )
        return pickle.loads(path.read_bytes())


def importable():
    """Return an environment in which this file can be imported; no variable counts."""
    environment = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "CUDA_VISIBLE_DEVICES"):
        environment.pop(name, None)
    # This file's folder, and that of tests/tiny.py.
    folders = map(str, Path(__file__).parents[:2])
    paths = [*folders, environment.get("PYTHONPATH", "")]
    return environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


@contextmanager
def running(commands, environment):
    """Keep some programs running; on leaving, they are told to end."""
    started = []
    try:
        for command, further in commands:
            started.append(
                subprocess.Popen(
                    list(map(str, command)),
                    env=environment | further,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(60)


def wait_for(condition, processes):
    for _ in range(600):
        if condition():
            return
        assert all(process.poll() is None for process in processes)
        time.sleep(0.1)
    raise AssertionError("the cluster did not come up within a minute")


@pytest.fixture(scope="module")
def dask_client(tmp_path_factory):
    """A client of a scheduler and two workers, started as the documentation says."""
    distributed = pytest.importorskip("distributed", reason='needs the extra "dask"')
    folder = tmp_path_factory.mktemp("dask")
    file = folder / "scheduler.json"
    scheduler = [BIN / "dask", "scheduler", "--scheduler-file", file]
    scheduler += ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = [BIN / "dask", "worker", "--scheduler-file", file, "--nthreads", "1"]
    worker += ["--host", "127.0.0.1", "--no-dashboard", "--local-directory", folder]
    commands = [(scheduler, {})]
    commands += [(worker, {"CUDA_VISIBLE_DEVICES": str(gpu)}) for gpu in (0, 1)]
    with running(commands, importable()) as processes:
        wait_for(file.exists, processes)
        address = json.loads(file.read_text())["address"]
        with distributed.Client(address) as client:
            wait_for(lambda: len(client.ncores()) == 2, processes)
            yield on_every_worker(client)


@pytest.fixture(scope="module")
def ray_cluster():
    """Ray with two CPUs and what it takes for two GPUs, as the documentation says."""
    ray = pytest.importorskip("ray", reason='needs the extra "ray"')
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not pytest's: the names of sockets would become too long.
    folder = tempfile.mkdtemp(prefix="ray-")
    head = [BIN / "ray", "start", "--head", "--block", f"--port={port}"]
    head += ["--num-cpus=2", "--num-gpus=2", "--include-dashboard=false"]
    head += [f"--temp-dir={folder}"]
    # Whatever token the user's home holds, none is asked for or made.
    settings = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
    # Its workers would leave the processors to all other tests that run.
    settings |= {"RAY_worker_niceness": "0"}
    # Nor is Python's print replaced, which Ray never undoes, for the tests that follow.
    settings |= {"RAY_TQDM_PATCH_PRINT": "0"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        with running([(head, {})], importable()) as processes:

            def connected():
                try:
                    ray.init(f"127.0.0.1:{port}", log_to_driver=False)
                except ConnectionError:
                    return False
                return True

            wait_for(connected, processes)
            from ray.util.joblib import register_ray

            register_ray()
            yield ray
            ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def on_dask(**options):
    with parallel_config("dask", **options):
        yield


@contextmanager
def on_ray(**options):
    args = {"max_restarts": 3, "max_task_retries": 3, **options}
    with parallel_config("ray", n_jobs=2, ray_remote_args=args):
        yield


@pytest.fixture(scope="module", params=["dask", "ray"])
def cluster(request):
    """How to run something on a cluster of two workers."""
    if request.param == "dask":
        request.getfixturevalue("dask_client")
        return on_dask
    request.getfixturevalue("ray_cluster")
    return on_ray


kept = []


def report(X):
    """Fit in a worker; return what it found there."""
    kept.append(X)  # so that another copy would have another address
    X_own, y = digits()
    pipeline().fit(X_own[:50], y[:50])
    import tensorflow as tf

    return {
        "pid": os.getpid(),
        "address": X.__array_interface__["data"][0],
        "bytes": (X.dtype, X.nbytes),
        "threads": (
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.threading.get_inter_op_parallelism_threads(),
        ),
        "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "module": sys.modules["skcnn"].__file__,
    }


@pytest.fixture(scope="module")
def reports(cluster):
    X = np.zeros((3000, 28, 28), np.uint8)
    options = {}
    if cluster is on_ray:
        X, options = in_object_store(X), {"num_gpus": 1}
    # What searches make of their X before they send it.
    (X,) = indexable(X)
    with cluster(**options):
        return Parallel()(delayed(report)(X) for _ in range(8))


def of_each_worker(reports, key):
    found = {}
    for of_task in reports:
        found.setdefault(of_task["pid"], set()).add(of_task[key])
    assert len(found) == 2
    return list(found.values())


def test_data_is_once_in_each_worker_and_as_small_as_it_was(reports):
    assert all(len(addresses) == 1 for addresses in of_each_worker(reports, "address"))
    assert of_each_worker(reports, "bytes") == [{(np.dtype("uint8"), 2352000)}] * 2


def test_workers_take_one_thread_each(reports):
    assert of_each_worker(reports, "threads") == [{(1, 1)}] * 2


def test_each_worker_keeps_to_its_gpu(reports):
    assert sorted(of_each_worker(reports, "gpu"), key=str) == [{"0"}, {"1"}]


def test_the_skcnn_tested_is_the_one_on_the_workers(reports):
    here = sys.modules["skcnn"].__file__
    assert of_each_worker(reports, "module") == [{here}] * 2


# Ray starts and compiles anew for each piece of work, so there is one of each kind:
# fitted estimators come back here, and scores from a search whose worker is killed.
def test_a_cluster_gives_the_bits_of_one_process(cluster, serial):
    with cluster():
        found = bagging(*digits())
    np.testing.assert_equal(found, serial["bagging"])


def test_a_killed_worker_costs_its_task_only(cluster, serial, tmp_path):
    X, y = digits()
    if cluster is on_ray:
        X = in_object_store(X)
    with cluster():
        found = grid_search(X, y, str(tmp_path))
    np.testing.assert_array_equal(found, serial["grid_search"])
    assert len(np.unique(found)) == found.size  # or the comparison would say little
    assert len(os.listdir(tmp_path)) == found.size + 1


def test_what_a_client_scatters_lies_on_every_worker(dask_client):
    future = dask_client.scatter(np.arange(1000), hash=False)
    assert len(dask_client.who_has([future])[future.key]) == 2
    assert not dask_client.amm.running()


def test_on_every_worker_takes_a_client_only():
    pytest.importorskip("distributed", reason='needs the extra "dask"')
    with pytest.raises(TypeError, match=r"expected a dask.distributed.Client: write"):
        on_every_worker("tcp://127.0.0.1:8786")


def test_an_array_in_the_object_store_is_an_array(ray_cluster):
    X = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    stored = in_object_store(X)
    np.testing.assert_array_equal(stored, X)
    assert stored.dtype == np.uint8 and not stored.flags.writeable
    # Elsewhere than in Ray, and in parts, it is pickled as itself.
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(stored)), X)
    np.testing.assert_array_equal(
        ray_cluster.get(ray_cluster.put(stored[[0, 2]])), X[[0, 2]]
    )
    assert type(ray_cluster.get(ray_cluster.put(stored))) is np.ndarray


def test_the_users_own_process_is_no_worker_of_ray(ray_cluster):
    assert ray_cluster.is_initialized()
    assert not threads._is_worker()


def test_in_object_store_takes_numbers_only(ray_cluster):
    with pytest.raises(TypeError, match="Got X of dtype object, expected numbers"):
        in_object_store(np.array(["a", None]))


def test_in_object_store_needs_a_connection():
    pytest.importorskip("ray", reason='needs the extra "ray"')
    code = "from skcnn.clusters import in_object_store; in_object_store([1])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "RuntimeError: This process is not connected to Ray" in done.stderr


@pytest.mark.parametrize(
    ("function", "module", "extra"),
    [(on_every_worker, "dask.distributed", "dask"), (in_object_store, "ray", "ray")],
)
def test_without_its_package_the_error_says_what_to_install(
    function, module, extra, monkeypatch
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'pip install "skcnn\[{extra}\]"'):
        function(None)
