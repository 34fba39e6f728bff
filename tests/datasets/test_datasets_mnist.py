"""MNIST in the layouts of its publishers."""

import gzip
import hashlib
import struct
import tracemalloc
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skcnn.datasets import fetch_mnist

SIZES = {"train": 5, "test": 3}
PREFIX = {"train": "train", "test": "t10k"}


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    return {
        split: (
            rng.integers(0, 256, (n, 28, 28), dtype=np.uint8),
            rng.integers(0, 10, n, dtype=np.uint8),
        )
        for split, n in SIZES.items()
    }


@pytest.fixture(autouse=True)
def no_other_place(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "scikit_learn_data"))
    monkeypatch.delenv("SKCNN_DATA", raising=False)


def write_npz(folder, arrays, save=np.savez_compressed, **changes):
    content = {
        f"{letter}_{split}": array
        for split, pair in arrays.items()
        for letter, array in zip("xy", pair, strict=True)
    }
    folder.mkdir(parents=True, exist_ok=True)
    save(folder / "mnist.npz", **(content | changes))


def idx(array):
    header = struct.pack(f">{1 + array.ndim}I", 0x0800 | array.ndim, *array.shape)
    return header + array.tobytes()


def write_idx(folder, arrays, *, separator="-", suffix=""):
    folder.mkdir(parents=True, exist_ok=True)
    for split, (images, labels) in arrays.items():
        for kind, array in (("images", images), ("labels", labels)):
            name = f"{PREFIX[split]}-{kind}{separator}idx{array.ndim}-ubyte{suffix}"
            content = idx(array)
            (folder / name).write_bytes(gzip.compress(content) if suffix else content)


LAYOUTS = {
    "npz": write_npz,
    "npz, not compressed": lambda f, a: write_npz(f, a, save=np.savez),
    "idx": write_idx,
    "idx.gz": lambda f, a: write_idx(f, a, suffix=".gz"),
    "idx with a dot": lambda f, a: write_idx(f, a, separator="."),
    "idx.gz with a dot": lambda f, a: write_idx(f, a, separator=".", suffix=".gz"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("subset", ["train", "test", "all"])
def test_every_layout_gives_the_same_bunch(tmp_path, arrays, layout, subset):
    LAYOUTS[layout](tmp_path, arrays)
    bunch = fetch_mnist(subset=subset, data_home=tmp_path, download_if_missing=False)
    splits = ["train", "test"] if subset == "all" else [subset]
    images = np.concatenate([arrays[split][0] for split in splits])
    np.testing.assert_array_equal(bunch.images, images)
    np.testing.assert_array_equal(bunch.data, images.reshape(-1, 784))
    labels = np.concatenate([arrays[split][1] for split in splits])
    np.testing.assert_array_equal(bunch.target, labels)
    assert bunch.images.dtype == np.uint8
    assert bunch.target.dtype == np.int64
    np.testing.assert_array_equal(bunch.target_names, np.arange(10))
    assert "MNIST" in bunch.DESCR


@pytest.mark.parametrize("layout", ["npz", "idx"])
def test_arrays_are_writable_contiguous_and_share_memory(tmp_path, arrays, layout):
    LAYOUTS[layout](tmp_path, arrays)
    bunch = fetch_mnist(data_home=tmp_path)
    assert bunch.images.flags.c_contiguous
    assert bunch.data.flags.c_contiguous
    assert np.shares_memory(bunch.data, bunch.images)
    bunch.images[0, 0, 1] += 1
    assert bunch.data[0, 1] == bunch.images[0, 0, 1]
    again = fetch_mnist(data_home=tmp_path)
    assert again.images[0, 0, 1] != bunch.images[0, 0, 1]


def test_arrays_in_fortran_order_give_the_same_images(tmp_path, arrays):
    images = arrays["train"][0]
    write_npz(tmp_path, arrays, x_train=np.asfortranarray(images))
    bunch = fetch_mnist(data_home=tmp_path)
    np.testing.assert_array_equal(bunch.images, images)
    assert bunch.images.flags.c_contiguous


def test_return_X_y_and_as_frame(tmp_path, arrays):
    write_npz(tmp_path, arrays)
    images, labels = arrays["test"]
    X, y = fetch_mnist(subset="test", data_home=tmp_path, return_X_y=True)
    np.testing.assert_array_equal(X, images.reshape(-1, 784))
    np.testing.assert_array_equal(y, labels)

    X, y = fetch_mnist(
        subset="test", data_home=tmp_path, return_X_y=True, as_frame=True
    )
    assert list(X.columns) == [f"pixel{i}" for i in range(784)]
    assert (X.dtypes == np.uint8).all()
    assert y.name == "target"
    np.testing.assert_array_equal(X, images.reshape(-1, 784))
    np.testing.assert_array_equal(y, labels)

    bunch = fetch_mnist(subset="test", data_home=tmp_path, as_frame=True)
    assert list(bunch.frame.columns) == [*X.columns, "target"]
    assert bunch.data.equals(X)
    assert bunch.target.equals(y)
    assert isinstance(bunch.images, np.ndarray)


def test_the_npz_file_is_preferred(tmp_path, arrays):
    write_idx(tmp_path, {"test": (arrays["test"][0] * 0, arrays["test"][1])})
    assert not fetch_mnist(subset="test", data_home=tmp_path).images.any()
    write_npz(tmp_path, arrays)
    assert fetch_mnist(subset="test", data_home=tmp_path).images.any()


def test_one_subset_does_not_need_the_files_of_the_other(tmp_path, arrays):
    write_idx(tmp_path, {"test": arrays["test"]})
    bunch = fetch_mnist(subset="test", data_home=tmp_path, download_if_missing=False)
    assert len(bunch.images) == SIZES["test"]
    with pytest.raises(OSError, match="not found"):
        fetch_mnist(subset="all", data_home=tmp_path, download_if_missing=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x_train": np.zeros((5, 28, 28))}, "float64.*uint8 array of shape"),
        ({"x_train": np.zeros((5, 28, 27), np.uint8)}, r"\(5, 28, 27\).*\(n, 28, 28\)"),
        ({"x_train": np.zeros((0, 28, 28), np.uint8)}, "at least one image"),
        ({"y_train": np.zeros(4, np.uint8)}, "5 integer labels"),
        ({"y_train": np.zeros((5, 10), np.uint8)}, "5 integer labels"),
        ({"y_train": np.zeros(5)}, "5 integer labels"),
        ({"y_train": np.array([0, 9, 10, 0, 11])}, "label 10 for image 2"),
        ({"y_train": np.array([0, -1, 0, 0, 0])}, "label -1 for image 1"),
        ({"x_train": np.array([{}])}, "x_train.npy' is an array of dtype object"),
    ],
)
def test_wrong_content_of_the_npz_file_is_refused(tmp_path, arrays, changes, message):
    write_npz(tmp_path, arrays, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        fetch_mnist(data_home=tmp_path)
    assert str(tmp_path / "mnist.npz") in str(caught.value)


def test_an_npz_file_without_an_array_is_refused(tmp_path, arrays):
    write_npz(tmp_path, {"train": arrays["train"]})
    assert len(fetch_mnist(data_home=tmp_path).images) == SIZES["train"]
    with pytest.raises(ValueError, match=r"mnist\.npz has no array x_test"):
        fetch_mnist(subset="test", data_home=tmp_path)


def test_an_npz_file_that_unpacks_to_too_much_is_refused(tmp_path, arrays, monkeypatch):
    write_npz(tmp_path, arrays)
    monkeypatch.setattr("skcnn.datasets._mnist._MAX_IMAGES", 4)
    with pytest.raises(ValueError, match="at most 4 images"):
        fetch_mnist(data_home=tmp_path)


@pytest.mark.parametrize("content", [b"", b"nonsense", "half"])
def test_a_damaged_npz_file_is_refused(tmp_path, arrays, content):
    path = tmp_path / "mnist.npz"
    write_npz(tmp_path, arrays)
    if content == "half":
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"mnist\.npz is damaged"):
        fetch_mnist(data_home=tmp_path)


def test_a_flipped_bit_in_the_npz_file_is_noticed(tmp_path, arrays):
    path = tmp_path / "mnist.npz"
    write_npz(tmp_path, arrays, save=np.savez)
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"mnist\.npz: 'x_train\.npy' is damaged.*CRC"):
        fetch_mnist(data_home=tmp_path)


def test_no_pickle_in_an_npz_file_is_read(tmp_path, arrays):
    class Attack:
        def __reduce__(self):
            return (tmp_path / "ran").touch, ()

    write_npz(tmp_path, arrays, x_train=np.array([Attack()]))
    with pytest.raises(ValueError, match="dtype object"):
        fetch_mnist(data_home=tmp_path)
    assert not (tmp_path / "ran").exists()


IDX_DAMAGE = {
    "magic": (lambda c: c[:3] + b"\x01" + c[4:], "magic number 0x00000801.*0x00000803"),
    "no header": (lambda c: c[:10], "ends after 10 bytes"),
    "empty": (lambda c: b"", "ends after 0 bytes"),
    "short": (lambda c: c[:-1], "announces 3920 bytes of data, but holds only 3919"),
    "long": (lambda c: c + b"x", "announces 3920 bytes of data, but holds more"),
    "size": (lambda c: c[:8] + struct.pack(">I", 29) + c[12:], "5 x 29 x 28 bytes"),
    "terabytes": (lambda c: c[:4] + b"\xff" * 4 + c[8:], "4294967295 x 28 x 28 bytes"),
}


@pytest.mark.parametrize("damage", IDX_DAMAGE)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_damaged_idx_file_is_refused(tmp_path, arrays, damage, suffix):
    write_idx(tmp_path, arrays, suffix=suffix)
    change, message = IDX_DAMAGE[damage]
    path = tmp_path / f"train-images-idx3-ubyte{suffix}"
    content = change(idx(arrays["train"][0]))
    path.write_bytes(gzip.compress(content) if suffix else content)
    with pytest.raises(ValueError, match=message) as caught:
        fetch_mnist(data_home=tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [lambda c: c[:-20], lambda c: c[:30], lambda c: b"PK" + c[2:], lambda c: c[:-8]],
)
def test_a_damaged_gzip_file_is_refused(tmp_path, arrays, change):
    write_idx(tmp_path, arrays, suffix=".gz")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=r"idx3-ubyte\.gz is damaged or incomplete"):
        fetch_mnist(data_home=tmp_path)


def test_labels_of_another_number_are_refused(tmp_path, arrays):
    images, labels = arrays["train"]
    write_idx(tmp_path, {"train": (images, labels[:-1])})
    with pytest.raises(ValueError, match=r"train-labels-idx1-ubyte.*5 integer labels"):
        fetch_mnist(data_home=tmp_path)


@pytest.mark.real_data
def test_the_real_images_are_those_that_were_published(real_data_home):
    published = {
        "train": (
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
        ),
        "test": (
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
    }
    for subset, sums in published.items():
        bunch = fetch_mnist(
            subset=subset, data_home=real_data_home, download_if_missing=False
        )
        for array, md5 in zip((bunch.images, bunch.target), sums, strict=True):
            content = idx(array.astype(np.uint8))
            assert hashlib.md5(content).hexdigest() == md5


@contextmanager
def at_most(n_bytes):
    """Fail if the block takes more memory than that."""
    tracemalloc.start()
    try:
        yield
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < n_bytes


HEADERS = {
    "minus signs": b"-" * 9000 + b"1",
    "brackets": b"(" * 9000,
    "terabytes": b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 28, 28), }\n"
    % 10**14,
    "a width of 0": b"{'descr': '|S0', 'fortran_order': False, 'shape': (%d,), }\n"
    % 10**12,
}


@pytest.mark.parametrize("header", HEADERS)
def test_a_hostile_header_in_the_npz_file_is_refused(tmp_path, header):
    with zipfile.ZipFile(tmp_path / "mnist.npz", "w") as archive:
        content = HEADERS[header]
        size = struct.pack("<H", len(content))
        archive.writestr("x_train.npy", b"\x93NUMPY\1\0" + size + content)
    with pytest.raises(ValueError, match=r"mnist\.npz"), at_most(4 * 2**20):
        fetch_mnist(data_home=tmp_path)


def test_a_gzip_file_that_goes_on_is_refused_in_little_memory(tmp_path, arrays):
    write_idx(tmp_path, arrays, suffix=".gz")
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx(arrays["train"][0]) + bytes(200 * 2**20), 1))
    with pytest.raises(ValueError, match="but holds more"), at_most(2**20):
        fetch_mnist(data_home=tmp_path)


@pytest.mark.slow
@given(data=st.data())
def test_a_changed_idx_file_gives_images_or_a_value_error(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("mnist")
    images, labels = np.zeros((3, 28, 28), np.uint8), np.arange(3, dtype=np.uint8)
    contents = {
        "train-images-idx3-ubyte.gz": bytearray(gzip.compress(idx(images))),
        "train-labels-idx1-ubyte": bytearray(idx(labels)),
    }
    changed = contents[data.draw(st.sampled_from(list(contents)))]
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(
            st.integers(0, 255)
        )
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    try:
        bunch = fetch_mnist(data_home=folder)
    except ValueError as error:
        assert str(folder) in str(error)
    else:
        assert bunch.images.shape == (3, 28, 28)
