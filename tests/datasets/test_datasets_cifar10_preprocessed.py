"""Kaggle's pickles of CIFAR-10, channels first there and channels last here."""

import os
import pickle

import numpy as np
import pytest
from test_datasets_unpickle import Call, python2_pickle

from skcnn.datasets import read_cifar10_preprocessed

SIZES = {"train": 6, "validation": 3, "test": 4}


def make_content(dtype=np.uint8):
    rng = np.random.default_rng(0)
    content = {}
    for split, n in SIZES.items():
        images = rng.integers(0, 256, (n, 3, 32, 32))
        content[f"x_{split}"] = images.astype(dtype) / (1 if dtype == np.uint8 else 255)
        content[f"x_{split}"] = content[f"x_{split}"].astype(dtype)
        content[f"y_{split}"] = rng.integers(0, 10, n)
    return content


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data0.pickle"


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, ">f4"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_images_come_channels_last(path, dtype, protocol):
    content = make_content(dtype)
    path.write_bytes(pickle.dumps(content, protocol))
    bunch = read_cifar10_preprocessed(path)
    for split, n in SIZES.items():
        images = bunch[f"x_{split}"]
        assert images.shape == (n, 32, 32, 3)
        for channel in range(3):
            np.testing.assert_array_equal(
                images[..., channel], content[f"x_{split}"][:, channel]
            )
        assert images.dtype == np.dtype(dtype).newbyteorder("=")
        assert images.flags.c_contiguous
        assert images.flags.writeable
        np.testing.assert_array_equal(bunch[f"y_{split}"], content[f"y_{split}"])
        assert bunch[f"y_{split}"].dtype == np.int64
    assert bunch.target_names[0] == "airplane"
    assert "preprocessed" in bunch.DESCR


def test_a_pickle_of_python_2_is_read(path):
    content = make_content()
    path.write_bytes(python2_pickle(content))
    bunch = read_cifar10_preprocessed(str(path))
    np.testing.assert_array_equal(bunch.x_test[..., 2], content["x_test"][:, 2])


@pytest.mark.parametrize("make", [list, np.array])
def test_the_names_of_the_classes_are_those_of_the_file(path, make):
    names = [f"class {i}" for i in range(10)]
    path.write_bytes(pickle.dumps(make_content() | {"labels": make(names)}))
    bunch = read_cifar10_preprocessed(path)
    assert list(bunch.target_names) == names


def test_other_entries_are_left_out(path):
    content = make_content() | {"mean_image": np.zeros((3, 32, 32)), "note": "x"}
    path.write_bytes(pickle.dumps(content))
    assert not {"mean_image", "note"} & set(read_cifar10_preprocessed(path))


def test_grey_images_keep_their_channel(path):
    content = make_content()
    content |= {key: v[:, :1] for key, v in content.items() if key[0] == "x"}
    path.write_bytes(pickle.dumps(content))
    assert read_cifar10_preprocessed(path).x_train.shape == (6, 32, 32, 1)


IMAGES = make_content()["x_train"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": IMAGES.transpose(0, 2, 3, 1)}, r"x_train is .*\(6, 32, 32, 3\)"),
        ({"x_train": IMAGES.reshape(6, -1)}, r"x_train is .*\(6, 3072\)"),
        ({"x_test": IMAGES[..., 1:]}, "x_test is .*the same as in x_train"),
        ({"x_validation": IMAGES[:0, :, :, :]}, "x_validation is"),
        ({"x_test": [1, 2]}, "x_test is a list of 2 values"),
        ({"x_test": IMAGES > 3}, "x_test is an array of dtype bool"),
        ({"y_test": np.zeros(3, int)}, "y_test holds .* but 4 integer labels"),
        ({"y_test": np.zeros(4)}, "y_test holds .*float64.* but 4 integer labels"),
        ({"y_train": np.array([0, 1, 2, 3, 4, 10])}, "y_train holds the label 10"),
        ({"labels": ["a", "b"]}, "labels from 0 to 1 were expected"),
        ({"labels": [1, 2]}, "list of the classes' names"),
        ({"labels": "cat"}, "labels is a str"),
    ],
)
def test_wrong_content_is_refused(path, changes, message):
    path.write_bytes(pickle.dumps(make_content() | changes))
    with pytest.raises(ValueError, match=message) as caught:
        read_cifar10_preprocessed(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("key", make_content())
def test_a_missing_entry_is_named(path, key):
    content = make_content()
    del content[key]
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=f"lacks {key}, which"):
        read_cifar10_preprocessed(path)


def test_a_truncated_file_is_refused(path):
    path.write_bytes(pickle.dumps(make_content())[:-100])
    with pytest.raises(ValueError, match=r"data0\.pickle is damaged"):
        read_cifar10_preprocessed(path)


def test_a_pickle_that_would_run_something_is_refused(path, tmp_path):
    marker = tmp_path / "ran"
    content = make_content() | {"note": Call(os.system, f"touch {marker}")}
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(
        pickle.UnpicklingError, match=r"data0\.pickle asks for .*system"
    ):
        read_cifar10_preprocessed(path)
    assert not marker.exists()
