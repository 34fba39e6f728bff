"""Threads in worker processes of joblib, Dask and Ray, and in forks."""

import multiprocessing
import os
import sys

from skcnn._network.backends import backend

_process_of_backend: int | None = None


def bound_threads() -> None:
    """Let Keras's backend in a worker process use its share of the cores only.

    joblib, Dask and Ray tell each of their workers by the variable ``OMP_NUM_THREADS``
    how many threads its numerical libraries may use. TensorFlow and JAX do not read it,
    and the pools of two workers would compete for the same cores. Nothing happens in a
    process that is not a worker, if the backend runs already, or if the user has set
    the backend's own variable.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if not _is_worker() or not threads.isdecimal():
        return
    backend().bound_threads(int(threads))


def _is_worker() -> bool:
    """Whether this process is the child of a Python process, or an actor of Ray."""
    if multiprocessing.parent_process() is not None:
        return True
    # Workers of Ray are not started by a Python process. Those of Ray's joblib backend
    # are actors.
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return False
    return ray.get_runtime_context().get_actor_id() is not None


def refuse_fork() -> None:
    """Raise RuntimeError in a fork of a process in which Keras's backend has run.

    A fork has none of its parent's threads, so the backend would wait there forever for
    its pools to answer.
    """
    global _process_of_backend
    if _process_of_backend is None:
        _process_of_backend = os.getpid()
    elif _process_of_backend != os.getpid():
        name = backend().NAME
        raise RuntimeError(
            f"This process was forked from one in which {name} has run, and {name} "
            "does not survive that. Use joblib's default backend (loky), or "
            'multiprocessing.get_context("spawn"); or fork before the first fit, '
            "predict or load."
        )
