"""CIFAR-10 in the layouts of its publisher and of Keras's cache."""

import gzip
import io
import os
import pickle
import tarfile
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_datasets_unpickle import Call, python2_pickle

from skcnn.datasets import fetch_cifar10

BATCHES = {f"data_batch_{i}": i for i in range(1, 6)} | {"test_batch": 4}
FOLDER = "cifar-10-batches-py"


@pytest.fixture(autouse=True)
def keras_home(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


@pytest.fixture(scope="module")
def batches():
    """Batches of 1, 2, ... images, so that another order of them is noticed."""
    rng = np.random.default_rng(0)
    return {
        name: {
            "batch_label": f"batch {name}",
            "labels": rng.integers(0, 10, n).tolist(),
            "data": rng.integers(0, 256, (n, 3072), dtype=np.uint8),
            "filenames": [f"{name}_{i}.png" for i in range(n)],
        }
        for name, n in BATCHES.items()
    }


def python3_pickle(batch):
    return pickle.dumps(batch, protocol=2)


def write_folder(folder, batches, dump=python2_pickle):
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, batch in batches.items():
        (folder / FOLDER / name).write_bytes(dump(batch))


def write_archive(folder, batches, *, prefix=FOLDER, mode="w:gz"):
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "cifar-10-python.tar.gz", mode) as archive:
        # Upstream's order is not sorted either.
        for name, batch in reversed(batches.items()):
            content = python2_pickle(batch)
            member = tarfile.TarInfo(f"{prefix}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


LAYOUTS = {
    "folder": write_folder,
    "folder written by Python 3": lambda f, b: write_folder(f, b, python3_pickle),
    "folder written with protocol 5": lambda f, b: write_folder(f, b, pickle.dumps),
    "archive": write_archive,
    "archive made with ./": lambda f, b: write_archive(f, b, prefix=f"./{FOLDER}"),
    "Keras's cache": lambda f, b: write_folder(f / "keras" / "datasets", b),
    "Keras's cache, newer": lambda f, b: write_folder(
        f / "keras" / "datasets" / "cifar-10-batches-py-target", b
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("subset", ["train", "test", "all"])
def test_every_layout_gives_the_same_bunch(tmp_path, batches, layout, subset):
    LAYOUTS[layout](tmp_path, batches)
    bunch = fetch_cifar10(subset=subset, data_home=tmp_path, download_if_missing=False)
    names = {"train": list(BATCHES)[:5], "test": ["test_batch"], "all": list(BATCHES)}
    rows = np.concatenate([batches[name]["data"] for name in names[subset]])
    labels = np.concatenate([batches[name]["labels"] for name in names[subset]])
    planes = rows.reshape(-1, 3, 32, 32)
    assert bunch.images.shape == (len(rows), 32, 32, 3)
    for channel in range(3):
        np.testing.assert_array_equal(bunch.images[..., channel], planes[:, channel])
    np.testing.assert_array_equal(bunch.data, bunch.images.reshape(len(rows), -1))
    np.testing.assert_array_equal(bunch.target, labels)
    assert bunch.images.dtype == np.uint8
    assert bunch.target.dtype == np.int64
    assert bunch.target_names[6] == "frog"
    assert "CIFAR-10" in bunch.DESCR


@pytest.mark.parametrize("layout", ["folder", "archive"])
def test_arrays_are_writable_contiguous_and_share_memory(tmp_path, batches, layout):
    LAYOUTS[layout](tmp_path, batches)
    bunch = fetch_cifar10(subset="test", data_home=tmp_path)
    assert bunch.images.flags.c_contiguous
    assert np.shares_memory(bunch.data, bunch.images)
    bunch.images[0, 0, 0, 1] += 1
    assert bunch.data[0, 1] == bunch.images[0, 0, 0, 1]


def test_target_names_of_two_bunches_are_independent(tmp_path, batches):
    write_folder(tmp_path, batches)
    fetch_cifar10(subset="test", data_home=tmp_path).target_names[:] = "x"
    again = fetch_cifar10(subset="test", data_home=tmp_path)
    assert again.target_names[0] == "airplane"


def test_as_frame_names_every_value(tmp_path, batches):
    write_folder(tmp_path, batches)
    X, y = fetch_cifar10(data_home=tmp_path, return_X_y=True, as_frame=True)
    assert list(X.columns) == [f"pixel{i}" for i in range(3072)]
    assert X.shape == (15, 3072)
    assert y.shape == (15,)


def test_an_unpacked_folder_is_preferred_but_only_if_it_is_whole(tmp_path, batches):
    write_archive(tmp_path, batches)
    dark = {
        name: batch | {"data": batch["data"] * 0} for name, batch in batches.items()
    }
    write_folder(tmp_path, dark)
    assert not fetch_cifar10(data_home=tmp_path).images.any()
    (tmp_path / FOLDER / "data_batch_3").unlink()
    assert fetch_cifar10(data_home=tmp_path).images.any()
    assert not fetch_cifar10(subset="test", data_home=tmp_path).images.any()


def test_nothing_is_unpacked_to_disk(tmp_path, batches):
    write_archive(tmp_path, batches)
    fetch_cifar10(subset="all", data_home=tmp_path)
    assert os.listdir(tmp_path) == ["cifar-10-python.tar.gz"]


DAMAGE = {
    "no data": (lambda b: b.pop("data"), "no entry data,"),
    "no labels": (lambda b: b.pop("labels"), "no entry labels,"),
    "neither": (lambda b: b.clear(), "no entry data or labels,"),
    "list": (lambda b: b.update(data=[1]), "list of 1 values, but a uint8 array"),
    "int64": (lambda b: b.update(data=b["data"].astype(int)), "int64.*uint8"),
    "narrow": (lambda b: b.update(data=b["data"][:, 1:]), r"\(4, 3071\).*\(n, 3072\)"),
    "empty": (lambda b: b.update(data=b["data"][:0]), "at least one image"),
    "few labels": (lambda b: b["labels"].pop(), "list of 3 values, but 4 integer"),
    "text": (lambda b: b.update(labels=["1"] * 4), "but 4 integer labels"),
    "nested": (lambda b: b.update(labels=[[1]] * 4), "but 4 integer labels"),
    "too large": (lambda b: b.update(labels=[0, 10, 1, 1]), "label 10 for image 1"),
    "negative": (lambda b: b.update(labels=[0, 1, 1, -1]), "label -1 for image 3"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("write", [write_folder, write_archive])
def test_wrong_content_is_refused(tmp_path, batches, damage, write):
    change, message = DAMAGE[damage]
    batch = batches["test_batch"] | {"labels": [*batches["test_batch"]["labels"]]}
    change(batch)
    write(tmp_path, batches | {"test_batch": batch})
    with pytest.raises(ValueError, match=message) as caught:
        fetch_cifar10(subset="test", data_home=tmp_path)
    assert f"{FOLDER}/test_batch" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_truncated_batch_is_refused(tmp_path, batches):
    write_folder(tmp_path, batches)
    path = tmp_path / FOLDER / "test_batch"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match="test_batch is damaged"):
        fetch_cifar10(subset="test", data_home=tmp_path)


@pytest.mark.parametrize("write", [write_folder, write_archive])
def test_a_batch_that_would_run_something_is_refused(tmp_path, batches, write):
    marker = tmp_path / "ran"
    write(tmp_path, batches)
    attack = pickle.dumps({"data": Call(os.system, f"touch {marker}")}, 2)
    if write is write_folder:
        (tmp_path / FOLDER / "test_batch").write_bytes(attack)
    else:
        with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
            member = tarfile.TarInfo(f"{FOLDER}/test_batch")
            member.size = len(attack)
            archive.addfile(member, io.BytesIO(attack))
    with pytest.raises(pickle.UnpicklingError, match=r"test_batch asks for .*system"):
        fetch_cifar10(subset="test", data_home=tmp_path)
    assert not marker.exists()


@pytest.mark.parametrize("cut", [1, 30, 2000])
def test_a_truncated_archive_is_refused(tmp_path, batches, cut):
    write_archive(tmp_path, batches)
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 if cut > 99 else cut])
    with pytest.raises(ValueError, match=r"tar\.gz is damaged"):
        fetch_cifar10(data_home=tmp_path)


def test_an_archive_that_is_none_is_refused(tmp_path):
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"<html>404</html>")
    with pytest.raises(ValueError, match=r"tar\.gz is damaged"):
        fetch_cifar10(data_home=tmp_path)


def test_an_archive_without_a_batch_is_refused(tmp_path, batches):
    write_archive(tmp_path, {"test_batch": batches["test_batch"]})
    with pytest.raises(
        ValueError, match=r"does not hold .*data_batch_1, .*data_batch_5"
    ):
        fetch_cifar10(data_home=tmp_path)


def test_a_link_in_the_archive_is_not_followed(tmp_path, batches):
    write_folder(tmp_path / "elsewhere", batches)
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo(f"{FOLDER}/test_batch")
        member.type = tarfile.SYMTYPE
        member.linkname = str(tmp_path / "elsewhere" / FOLDER / "test_batch")
        archive.addfile(member)
    with pytest.raises(ValueError, match="does not hold"):
        fetch_cifar10(subset="test", data_home=tmp_path)


@pytest.mark.parametrize("write", [write_folder, write_archive])
def test_a_batch_that_is_too_large_is_not_read(tmp_path, batches, write, monkeypatch):
    write(tmp_path, batches)
    monkeypatch.setattr("skcnn.datasets._cifar10._MAX_BATCH_BYTES", 1000)
    with pytest.raises(ValueError, match=r"test_batch has .* bytes, but at most 1000"):
        fetch_cifar10(subset="test", data_home=tmp_path)


@pytest.mark.real_data
def test_the_real_images_are_complete(real_data_home):
    bunch = fetch_cifar10(
        subset="all", data_home=real_data_home, download_if_missing=False
    )
    assert bunch.images.shape == (60_000, 32, 32, 3)
    np.testing.assert_array_equal(np.bincount(bunch.target[:50_000]), [5000] * 10)
    np.testing.assert_array_equal(np.bincount(bunch.target[50_000:]), [1000] * 10)
    # The first pictures are known: a frog, two trucks, a deer and a car.
    first = bunch.target_names[bunch.target[:5]]
    assert list(first) == ["frog", "truck", "truck", "deer", "automobile"]
    # Skies are blue: channels that were swapped or mixed up would show here.
    sky = bunch.images[bunch.target == 0][:, :4].mean(axis=(0, 1, 2))
    assert sky[2] > sky[1] > sky[0]


def archive_of(members):
    """Make the content of an archive of TarInfo and bytes."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def member(name, kind=tarfile.REGTYPE):
    info = tarfile.TarInfo(name)
    info.type = kind
    return info


def blocks_of(kind, n_blocks):
    """Make an archive that is nothing but headers of one kind."""
    return gzip.compress(member("x", kind).tobuf(tarfile.GNU_FORMAT) * n_blocks)


LONG = bytes(100 * 2**20)
GNU_NAME, GNU_LINK = tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK
HOSTILE_ARCHIVES = {
    "long PAX header": lambda: archive_of([(member("x", tarfile.XHDTYPE), LONG)]),
    "long global header": lambda: archive_of([(member("x", tarfile.XGLTYPE), LONG)]),
    "long GNU name": lambda: archive_of([(member("x", GNU_NAME), LONG)]),
    "long GNU link": lambda: archive_of([(member("x", GNU_LINK), LONG)]),
    "large member": lambda: archive_of([(member(f"{FOLDER}/test_batch"), LONG)]),
    "large archive": lambda: archive_of([(member(f"{i}"), LONG) for i in range(4)]),
    "many members": lambda: blocks_of(tarfile.REGTYPE, 400_000),
    "many PAX headers": lambda: blocks_of(tarfile.XHDTYPE, 400_000),
    "many sparse headers": lambda: blocks_of(tarfile.GNUTYPE_SPARSE, 400_000),
    "negative size": lambda: gzip.compress(
        member(f"{FOLDER}/test_batch").tobuf()[:124] + b"\xff" * 12 + bytes(2000)
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE_ARCHIVES)
def test_a_hostile_archive_is_refused_in_little_memory_and_time(tmp_path, kind):
    path = tmp_path / "cifar-10-python.tar.gz"
    path.write_bytes(HOSTILE_ARCHIVES[kind]())
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"tar\.gz") as caught:
            fetch_cifar10(data_home=tmp_path, subset="test")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.process_time() - began < 20
    assert peak < 32 * 2**20
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


def test_an_archive_in_any_format_of_tar_is_read(tmp_path, batches):
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        content = python2_pickle(batches["test_batch"])
        with tarfile.open(
            tmp_path / "cifar-10-python.tar.gz", "w:gz", format=form
        ) as archive:
            info = member(f"{FOLDER}/test_batch")
            # The PAX format has an extended header for this and for a long name.
            info.mtime, info.size = 1.5, len(content)
            if form != tarfile.USTAR_FORMAT:
                archive.addfile(member("n" * 300))
            archive.addfile(info, io.BytesIO(content))
        bunch = fetch_cifar10(subset="test", data_home=tmp_path)
        assert len(bunch.images) == BATCHES["test_batch"]


@pytest.mark.parametrize(
    "kind",
    [tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE, b"S", b"z"],
)
def test_only_files_of_the_archive_are_read(tmp_path, batches, kind):
    info = member(f"{FOLDER}/test_batch", kind)
    info.linkname = "/etc/passwd"
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(archive_of([(info, b"")]))
    with pytest.raises(ValueError, match="does not hold"):
        fetch_cifar10(subset="test", data_home=tmp_path)


@pytest.mark.slow
@given(data=st.data())
def test_a_changed_archive_gives_the_images_or_a_value_error(tmp_path_factory, data):
    batch = {"data": np.zeros((2, 3072), np.uint8), "labels": [1, 2]}
    with tarfile.open(fileobj=(file := io.BytesIO()), mode="w") as archive:
        info = member(f"{FOLDER}/test_batch")
        content = python2_pickle(batch)
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    content = bytearray(file.getvalue()[:8192])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 511) | st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("cifar10")
    (folder / "cifar-10-python.tar.gz").write_bytes(gzip.compress(content, 1))
    try:
        bunch = fetch_cifar10(subset="test", data_home=folder)
    except ValueError as error:
        assert "cifar-10-python.tar.gz" in str(error)
    else:
        assert bunch.images.shape[1:] == (32, 32, 3)
