"""What the tests share: small images, real data if there is any, and no network."""

import os

# Before scikit-learn is imported: without it, scikit-learn skips its array API check.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import socket
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

GET_DATA = (
    "needs MNIST and CIFAR-10: put mnist.npz and cifar-10-batches-py/ into a folder "
    "and set SKCNN_DATA to it"
)


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
