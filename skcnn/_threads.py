"""TensorFlow's threads in other processes: workers of joblib, Dask and Ray, forks."""

import multiprocessing
import os
import sys

_process_of_tensorflow = None


def bound_threads():
    """Let TensorFlow in a worker process use its share of the cores only.

    joblib, Dask and Ray tell each of their workers by the variable ``OMP_NUM_THREADS``
    how many threads its numerical libraries may use. TensorFlow does not read it, and
    its pools of two workers would compete for the same cores. Nothing happens in a
    process that is nobody's worker, where TensorFlow runs already, or where the user
    has set ``TF_NUM_INTRAOP_THREADS``.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if (
        not _is_worker()
        or not threads.isdecimal()
        or "TF_NUM_INTRAOP_THREADS" in os.environ
    ):
        return
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(int(threads))
        tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    except RuntimeError:  # TensorFlow has started, and its pools stay as they are.
        pass


def _is_worker():
    """Say whether this process is the child of a Python process, or an actor of Ray."""
    if multiprocessing.parent_process() is not None:
        return True
    # Ray's are started by no Python process. Those of its joblib backend are actors.
    ray = sys.modules.get("ray")
    if ray is None or not ray.is_initialized():
        return False
    return ray.get_runtime_context().get_actor_id() is not None


def refuse_fork():
    """Raise in a fork of a process in which this package has run TensorFlow.

    A fork has none of its parent's threads, so TensorFlow would wait there for ever for
    its pools to answer.

    Raises
    ------
    RuntimeError
        If this process is such a fork.
    """
    global _process_of_tensorflow
    if _process_of_tensorflow is None:
        _process_of_tensorflow = os.getpid()
    elif _process_of_tensorflow != os.getpid():
        raise RuntimeError(
            "This process was forked from one in which TensorFlow has run, and "
            "TensorFlow does not survive that. Use joblib's default backend (loky), "
            'or multiprocessing.get_context("spawn"); or fork before the first fit, '
            "predict or load."
        )
