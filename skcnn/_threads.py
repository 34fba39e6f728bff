"""TensorFlow's threads in the worker processes of joblib and its like."""

import multiprocessing
import os


def bound_threads():
    """Let TensorFlow in a worker process use its share of the cores only.

    joblib tells each of its workers by the variable ``OMP_NUM_THREADS`` how many
    threads its numerical libraries may use. TensorFlow does not read it, and its pools
    of two workers would compete for the same cores. Nothing happens in a process that
    is nobody's worker, where TensorFlow runs already, or where the user has set
    ``TF_NUM_INTRAOP_THREADS``.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if (
        multiprocessing.parent_process() is None
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
