"""What the tests share: small images, real data if there is any, and no network.

Beside fixtures there are three rules here, each a hook: a test that starts processes is
marked ``slow``, a test for any backend is never skipped, and one line at the end says
what was not run, and why. Two more hooks save time.
"""

import os

# Before scikit-learn is imported: without it, scikit-learn skips its array API check.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# skcnn lets TensorFlow use oneDNN when skcnn is the first to import it, but some tests
# import Keras first.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import gc
import multiprocessing.process
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from sklearn.datasets import load_digits

GET_DATA = (
    "needs MNIST and CIFAR-10: put mnist.npz and cifar-10-batches-py/ into a folder "
    "and set SKCNN_DATA to it"
)

# Each run draws the same cases. SKCNN_CASES=1000, say, draws other ones, a thousand for
# each test.
settings.register_profile(
    "skcnn",
    max_examples=int(os.environ.get("SKCNN_CASES", 200)),
    derandomize="SKCNN_CASES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("skcnn")


@pytest.fixture(scope="session")
def digits():
    """scikit-learn's 1,797 digits as uint8 images of 8 x 8 pixels, and their labels."""
    bunch = load_digits()
    return bunch.images.astype(np.uint8), bunch.target


@pytest.fixture(scope="session")
def real_data_home():
    """The folder that SKCNN_DATA names; the test is skipped if it names none."""
    home = os.environ.get("SKCNN_DATA")
    if not home:
        pytest.skip(GET_DATA)
    # A folder that was asked for and is not there must not pass as a skip.
    assert Path(home).is_dir(), f"SKCNN_DATA={home} is not a folder"
    return Path(home)


class NetworkRefused(ConnectionRefusedError):
    """A test tried to reach another machine."""


@pytest.fixture(scope="session", autouse=True)
def no_network():
    """Refuse every connection that leaves this machine.

    The error is an OSError, as a machine without a network gives, so that what skcnn
    does offline can be tested. joblib's workers talk over the loopback, which stays.
    """
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    getaddrinfo = socket.getaddrinfo

    def check(host):
        if isinstance(host, bytes):
            host = host.decode()
        if host not in (None, "", "localhost", "::1") and not host.startswith("127."):
            raise NetworkRefused(f"a test tried to reach {host}; tests run offline")

    def guarded(original):
        def call(self, address):
            if self.family in (socket.AF_INET, socket.AF_INET6):
                check(address[0])
            return original(self, address)

        return call

    def guarded_getaddrinfo(host, *args, **kwargs):
        check(host)
        return getaddrinfo(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(connect))
        patch.setattr(socket.socket, "connect_ex", guarded(connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


class ProcessRefused(RuntimeError):
    """A test that is not marked slow tried to start a Python process."""


# Where several files are tested at a time, these are not to be the last ones.
LONGEST = ("test_benchmarks.py", "test_clusters.py")


def pytest_collection_modifyitems(items):
    """Put the files first whose tests take longest."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


def is_slow(item):
    """Whether a test is left out unless all tests are asked for."""
    return any(item.get_closest_marker(name) for name in ("slow", "real_data"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    """Refuse to start Python processes in a test that is not marked as slow.

    TensorFlow takes seconds to start once more, and the tests that are not slow are to
    be done in three minutes. Forks and other programs are not refused: libraries that
    ask the system for its fonts or its processor call small ones.
    """
    if is_slow(item):
        return (yield)

    def refuse(*args):
        raise ProcessRefused(
            f"{item.nodeid} starts a Python process: mark it with pytest.mark.slow"
        )

    popen = subprocess.Popen.__init__

    def guarded(self, args, *others, **named):
        if sys.executable in str(args):
            refuse()
        popen(self, args, *others, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", guarded)
        # The processes of joblib are of this class as well.
        patch.setattr(multiprocessing.process.BaseProcess, "start", refuse)
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Fail a test of ``any_backend`` that is skipped: it would be overlooked."""
    report = yield
    if report.skipped and item.get_closest_marker("any_backend"):
        report.outcome = "failed"
    return report


FROZEN = pytest.StashKey[bool]()


def pytest_runtest_teardown(item):
    """Take what TensorFlow's modules hold out of garbage collection, once.

    They hold half a million objects, which are never garbage. To look through them
    again and again takes a quarter of the time in which a network is traced.
    """
    # Noted, because gc.get_freeze_count would count all of them in each test.
    if "tensorflow" in sys.modules and FROZEN not in item.config.stash:
        gc.collect()
        gc.freeze()
        item.config.stash[FROZEN] = True


N_SLOW = pytest.StashKey[int]()


def pytest_deselected(items):
    """Count the slow tests that are not run."""
    for item in items:
        stash = item.config.stash
        stash[N_SLOW] = stash.get(N_SLOW, 0) + is_slow(item)


def pytest_terminal_summary(terminalreporter, config):
    """Say in one line what was not run, and why."""
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in terminalreporter.getreports("skipped")
    )
    parts = [f"{n}: {reason}" for reason, n in reasons.most_common()]
    if n_slow := config.stash.get(N_SLOW, 0):
        parts.insert(0, f'{n_slow}: slow or on real data (pytest -m "" runs them)')
    if parts:
        terminalreporter.write_line(f"Not run: {'; '.join(parts)}.", yellow=True)
