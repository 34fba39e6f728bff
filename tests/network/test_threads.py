"""TensorFlow's threads in worker processes and everywhere else."""

import multiprocessing
import os
import subprocess
import sys

import pytest
from joblib import Parallel, cpu_count, delayed, parallel_config

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images

pytestmark = pytest.mark.slow  # all start processes


def threads_after_a_fit():
    """Fit a tiny network; return what TensorFlow's pools were set to."""
    digits = load_digit_images()
    clf = MNISTCNNClassifier(filters=2, dense_units=(), epochs=1, random_state=0)
    clf.fit(digits.images[:50], digits.target[:50])
    import tensorflow as tf

    threading = tf.config.threading
    return (
        threading.get_intra_op_parallelism_threads(),
        threading.get_inter_op_parallelism_threads(),
    )


# The workers of joblib import this file too, and take their path from here.
HERE = f"import sys; sys.path[:] = {sys.path!r}\nfrom test_threads import *\n"


def in_a_new_process(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", f"{HERE}{code}"],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return eval(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_worker_of_joblib_takes_as_many_threads_as_it_is_given(n_threads):
    with parallel_config("loky", inner_max_num_threads=n_threads):
        found = Parallel(2)(delayed(threads_after_a_fit)() for _ in range(2))
    assert found == [(n_threads, n_threads)] * 2


def test_two_workers_share_the_cores():
    found = in_a_new_process(
        "print(Parallel(2)(delayed(threads_after_a_fit)() for _ in range(2)))"
    )
    assert found == [(max(cpu_count() // 2, 1),) * 2] * 2


def test_the_users_own_process_is_left_alone():
    assert multiprocessing.parent_process() is None
    code = "print(threads_after_a_fit())"
    assert in_a_new_process(code, OMP_NUM_THREADS="1") == (0, 0)


def test_what_the_user_has_set_counts():
    code = "print(Parallel(2)(delayed(threads_after_a_fit)() for _ in range(1)))"
    assert in_a_new_process(code, TF_NUM_INTRAOP_THREADS="2") == [(0, 0)]
