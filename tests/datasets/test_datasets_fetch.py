"""Where the fetchers look, in which order, and what they say when there is nothing."""

import os
import sys
from types import ModuleType

import numpy as np
import pytest

from skcnn.datasets import fetch_cifar10, fetch_mnist

FETCHERS = {"mnist": fetch_mnist, "cifar10": fetch_cifar10}


@pytest.fixture(autouse=True)
def places(monkeypatch, tmp_path):
    """Four folders to look in, none of which exists yet."""
    monkeypatch.setenv("SKCNN_DATA", str(tmp_path / "environment"))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "scikit-learn"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path


@pytest.fixture
def keras(monkeypatch):
    """A keras.datasets whose load_data can be set, without importing TensorFlow."""

    def install(name, load_data):
        module = ModuleType(f"keras.datasets.{name}")
        module.load_data = load_data
        parent = ModuleType("keras.datasets")
        setattr(parent, name, module)
        monkeypatch.setitem(sys.modules, "keras", ModuleType("keras"))
        monkeypatch.setitem(sys.modules, "keras.datasets", parent)

    return install


def write_mnist(folder, pixel):
    """Write an mnist.npz whose pixels tell which file it is."""
    folder.mkdir(parents=True)
    images, labels = np.full((1, 28, 28), pixel, np.uint8), np.zeros(1, np.uint8)
    np.savez(
        folder / "mnist.npz",
        x_train=images,
        y_train=labels,
        x_test=images,
        y_test=labels,
    )


def found_pixel(**kwargs):
    return fetch_mnist(download_if_missing=False, **kwargs).images[0, 0, 0]


def test_the_order_of_the_places(places, monkeypatch):
    write_mnist(places / "keras" / "datasets", 1)
    assert found_pixel() == 1
    assert found_pixel(data_home=places / "given") == 1
    write_mnist(places / "scikit-learn", 2)
    assert found_pixel() == 1
    monkeypatch.delenv("SKCNN_DATA")
    assert found_pixel() == 2
    monkeypatch.setenv("SKCNN_DATA", "")
    assert found_pixel() == 2
    write_mnist(places / "environment", 3)
    monkeypatch.setenv("SKCNN_DATA", str(places / "environment"))
    assert found_pixel() == 3
    write_mnist(places / "given", 4)
    assert found_pixel(data_home=places / "given") == 4
    assert found_pixel(data_home=str(places / "given")) == 4


def test_the_home_folder_is_the_last_resort(places, monkeypatch):
    for name in ("SKCNN_DATA", "SCIKIT_LEARN_DATA", "KERAS_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(places))
    monkeypatch.setenv("USERPROFILE", str(places))
    write_mnist(places / ".keras" / "datasets", 1)
    assert found_pixel() == 1
    write_mnist(places / "scikit_learn_data", 2)
    assert found_pixel() == 2
    write_mnist(places / "mine", 3)
    assert found_pixel(data_home="~/mine") == 3
    monkeypatch.setenv("SKCNN_DATA", "~/mine")
    assert found_pixel() == 3


@pytest.mark.parametrize("name", FETCHERS)
def test_looking_creates_no_folder(places, name):
    with pytest.raises(OSError, match="not found"):
        FETCHERS[name](download_if_missing=False)
    assert os.listdir(places) == []


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("mnist", ["mnist.npz", "{train,t10k}-images-idx3-ubyte[.gz]"]),
        ("cifar10", ["cifar-10-batches-py/", "cifar-10-python.tar.gz"]),
    ],
)
def test_the_error_says_where_it_looked_for_what_and_what_to_do(places, name, files):
    with pytest.raises(OSError, match="`download_if_missing` is False") as caught:
        FETCHERS[name](data_home=places / "given", download_if_missing=False)
    message = str(caught.value)
    for part in (
        *files,
        str(places / "given"),
        str(places / "keras" / "datasets"),
        "SKCNN_DATA",
    ):
        assert part in message


@pytest.mark.parametrize("name", FETCHERS)
def test_a_failed_download_is_an_os_error_with_its_reason(places, keras, name):
    def load_data():
        raise Exception("URL fetch failure on https://there")

    keras(name, load_data)
    with pytest.raises(OSError, match=r"could not download .*https://there") as caught:
        FETCHERS[name]()
    assert str(places / "environment") in str(caught.value)
    assert type(caught.value.__cause__) is Exception


def test_a_missing_keras_is_an_import_error(monkeypatch):
    # Submodules that an earlier test has imported would be found without it.
    for name in {"keras", *(n for n in sys.modules if n.startswith("keras."))}:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match="keras"):
        fetch_mnist()


def test_mnist_comes_from_keras_if_it_is_nowhere_else(keras):
    rng = np.random.default_rng(0)
    train, test = (
        (rng.integers(0, 256, (n, 28, 28), dtype=np.uint8), np.arange(n) % 10)
        for n in (12, 7)
    )
    keras("mnist", lambda: (train, test))
    bunch = fetch_mnist(subset="all")
    np.testing.assert_array_equal(bunch.images, np.concatenate([train[0], test[0]]))
    np.testing.assert_array_equal(bunch.target, np.concatenate([train[1], test[1]]))
    X, y = fetch_mnist(subset="test", return_X_y=True)
    np.testing.assert_array_equal(X, test[0].reshape(7, 784))
    np.testing.assert_array_equal(y, test[1])
    bunch.images[:] = 0
    assert train[0].any(), "the arrays of Keras were written to"


@pytest.mark.parametrize("channels_first", [False, True])
def test_cifar10_comes_from_keras_if_it_is_nowhere_else(keras, channels_first):
    rng = np.random.default_rng(0)
    planes = rng.integers(0, 256, (6, 3, 32, 32), dtype=np.uint8)
    labels = np.arange(6, dtype=np.uint8).reshape(-1, 1)
    images = planes if channels_first else planes.transpose(0, 2, 3, 1)
    keras("cifar10", lambda: ((images[:4], labels[:4]), (images[4:], labels[4:])))
    bunch = fetch_cifar10(subset="all")
    np.testing.assert_array_equal(bunch.images, planes.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(bunch.target, np.arange(6))
    assert bunch.images.flags.c_contiguous


@pytest.mark.parametrize("name", FETCHERS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"subset": "validation"},
        {"subset": None},
        {"data_home": 3},
        {"download_if_missing": "no"},
        {"return_X_y": None},
        {"as_frame": "auto"},
    ],
)
def test_wrong_parameters_are_named(name, wrong):
    (parameter,) = wrong
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of fetch_"):
        FETCHERS[name](**wrong)
