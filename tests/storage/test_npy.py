"""The reader of NumPy's formats takes what NumPy writes, and survives all else."""

import io
import os
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from skcnn._storage.npy import open_npz, read_npy, read_npy_header

MEMORY_OVERHEAD = 2 * 2**20


def npy(array, version=None):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, version, allow_pickle=True)
    return file.getvalue()


def npy_with_header(header, values=b"", version=(1, 0)):
    size = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + size + header + values


def described(descr, shape, values=b""):
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}, }}\n"
    return npy_with_header(header.encode(), values)


def read(content):
    return read_npy(io.BytesIO(content), len(content), "made.npy")


plain_dtypes = st.one_of(
    st_np.boolean_dtypes(),
    st_np.integer_dtypes(),
    st_np.unsigned_integer_dtypes(),
    st_np.floating_dtypes(),
    st_np.byte_string_dtypes(min_len=1),
    st_np.unicode_string_dtypes(min_len=1),
    st_np.datetime64_dtypes(),
    st_np.timedelta64_dtypes(),
)
plain_arrays = st_np.arrays(
    plain_dtypes, st_np.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)
)


def same(one, other):
    assert one.dtype == other.dtype
    assert one.shape == other.shape
    assert one.tobytes() == other.tobytes()


@pytest.mark.slow
@given(plain_arrays, st.booleans(), st.sampled_from([(1, 0), (2, 0), (3, 0), None]))
def test_what_numpy_writes_comes_back(array, is_fortran, version):
    array = np.asarray(array, order="F" if is_fortran else "C")
    found = read(npy(array, version))
    same(found, array)
    assert found.flags.f_contiguous or not array.flags.f_contiguous
    assert found.flags.writeable


@pytest.mark.parametrize(
    "dtype", ["M8", "M8[25s]", "m8[D]", ">M8[ns]", "g", ">f2", "U3", ">U3", "S1", "b1"]
)
def test_every_plain_dtype_comes_back(dtype):
    array = np.zeros((2, 3), dtype)
    same(read(npy(array)), array)


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }",
        b"{'descr': '<i2', 'fortran_order': False, 'shape': (2L,), }   \n",
        b"{'descr':'<i2','fortran_order':False,'shape':(2,)}\n",
        b"{'descr': '<i2', 'fortran_order': True, 'shape': (1L, 2, ), }" + b" " * 99,
    ],
)
def test_headers_of_old_numpy_and_of_other_writers_are_read(header):
    content = npy_with_header(header, b"\1\0\2\0")
    np.testing.assert_array_equal(read(content).ravel(), [1, 2])
    assert read(content).dtype == np.dtype("<i2")


REFUSED = {
    "nothing": (b"", "begins with b''"),
    "text": (b"label,pixel0\n1,2\n", "begins with b'label,pi'"),
    "version": (b"\x93NUMPY\x04\0v\0{}", "begins with"),
    "no header": (b"\x93NUMPY\x01\0\x01", "made.npy has the header b''"),
    "half a header": (npy(np.zeros(3))[:40], "which NumPy does not write"),
    "objects": (npy(np.array([{}])), "dtype object, but"),
    "records": (npy(np.zeros(2, [("a", "u1")])), "NumPy does not write for arrays of"),
    "raw": (npy(np.zeros(2, "V3")), r"dtype b'\|V3'"),
    "complex": (npy(np.zeros(2, complex)), "dtype b'<c16'"),
    "text of width 0": (described("|S0", (3 * 10**9,)), r"dtype b'\|S0'"),
    "unicode of width 0": (described("<U0", (10**12,)), "dtype b'<U0'"),
    "wide text": (described("<U4294967295", (0,)), "dtype b'<U4294967295'"),
    "subarray": (described("(3,)<i2", (2,)), "dtype"),
    "commas": (described("<i2,<i2", (2,)), "dtype"),
    "minutes": (described("<M8[9999999999s]", (2,)), "dtype"),
    "signs": (npy_with_header(b"-" * 9000 + b"1"), "has the header b'-----"),
    "brackets": (npy_with_header(b"(" * 9000), "has the header"),
    "blanks": (npy_with_header(b"{" + b" " * 9900, version=(3, 0)), "has the header"),
    "call": (npy_with_header(b"__import__('os').system('true')"), "has the header"),
    "long header": (npy_with_header(b" " * 20_000, version=(2, 0)), "has the header"),
    "giant header": (b"\x93NUMPY\x02\0\xff\xff\xff\xff{}", "has the header"),
    "negative": (described("<i2", (-1,)), "has the header"),
    "more dimensions than there are": (
        described("|u1", (1,) * 65, b"x"),
        "which no array can have",
    ),
    "terabytes": (described("<f4", (10**15,)), "announces 4000000000000000 bytes"),
    "overflow": (described("<f4", (2**62, 4)), r"but holds 0\."),
    "overflow to zero": (described("<f4", (2**63, 2)), r"but holds 0\."),
    "none of many": (described("<f4", (0, 2**63)), "made.npy"),
    "short": (npy(np.arange(3))[:-1], "but holds 23. It is damaged"),
    "long": (npy(np.arange(3)) + b"x", "but holds 25. It is damaged"),
    "no character": (
        described("<U1", (1,), b"\0\0\x11\0"),
        "character that does not exist",
    ),
    "swapped": (described(">U1", (1,), b"\x01\0\0\0"), "character that does not exist"),
    "neither true nor false": (described("|b1", (2,), b"\1\2"), "neither 0 nor 1"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_everything_else_is_a_value_error_in_little_memory(kind):
    content, message = REFUSED[kind]
    read(npy(np.zeros(3)))  # warm
    tracemalloc.start()
    with pytest.raises(ValueError, match=message) as caught:
        read(content)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY_OVERHEAD
    assert str(caught.value).startswith("made.npy")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500


@pytest.mark.slow
@given(plain_arrays, st.data())
def test_a_changed_header_gives_an_array_or_a_value_error(array, data):
    content = bytearray(npy(array))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 2))] = data.draw(
            st.sampled_from([b"", b"0", b"9", b",", b"(", b"'", b" ", b"\0", b"\xff"])
        )
        if not content:
            return
    try:
        found = read(bytes(content))
    except ValueError as error:
        assert str(error).startswith("made.npy")
    else:
        assert found.dtype.kind in "biufSUmM"
        repr(found)


def test_a_file_that_becomes_shorter_meanwhile_is_refused():
    content = npy(np.arange(100))
    with pytest.raises(ValueError, match="ends after 700 of 800 bytes"):
        read_npy(io.BytesIO(content[:-100]), len(content), "made.npy")


def test_an_array_is_read_without_a_copy_of_it(tmp_path):
    array = np.zeros(50 * 2**20, np.uint8)
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "a.npz", array=array)
        with open_npz(tmp_path / "a.npz") as npz:
            tracemalloc.start()
            npz["array"]
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < array.nbytes + MEMORY_OVERHEAD


def test_a_header_alone_can_be_read():
    file = io.BytesIO(npy(np.zeros((3, 5), np.float32)))
    header = read_npy_header(file, "made.npy")
    assert header.shape == (3, 5)
    assert header.dtype == np.float32
    assert header.nbytes == 60
    assert file.tell() == header.length == len(file.getvalue()) - 60


@settings(max_examples=30)  # each writes a file
@given(st.dictionaries(st.text("abXY_ä", min_size=1), plain_arrays), st.booleans())
def test_what_savez_writes_comes_back(tmp_path_factory, arrays, is_compressed):
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    (np.savez_compressed if is_compressed else np.savez)(path, **arrays)
    with open_npz(path) as npz:
        assert npz.names == list(arrays)
        for name, array in arrays.items():
            assert npz.shape(name) == array.shape
            assert npz.dtype(name) == array.dtype
            same(npz[name], array)


def write_zip(path, entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "made.npz"


def test_black_images_come_back(path):
    X = np.zeros((10_000, 28, 28), np.uint8)
    np.savez_compressed(path, X=X)
    assert path.stat().st_size * 200 < X.nbytes
    with open_npz(path) as npz:
        same(npz["X"], X)


def test_what_is_not_asked_for_is_not_unpacked(path):
    y = npy(np.arange(3))
    write_zip(path, [("a.npy", bytes(50 * 2**20)), ("y.npy", y)], zipfile.ZIP_DEFLATED)
    with open_npz(path) as npz:
        tracemalloc.start()
        assert npz.names == ["a", "y"]
        np.testing.assert_array_equal(npz["y"], [0, 1, 2])
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        with pytest.raises(ValueError, match=r"made\.npz: 'a\.npy' is not an array"):
            npz["a"]
    assert peak < MEMORY_OVERHEAD


def test_the_sum_of_what_is_unpacked_is_bounded(path, monkeypatch):
    monkeypatch.setattr("skcnn._storage.files.MOST_UNPACKED", 25 * 10**6)
    np.savez_compressed(path, **{name: np.zeros(10**7, np.uint8) for name in "abc"})
    with open_npz(path) as npz:
        assert npz.shape("c") == (10**7,)
        for name in "aab":
            npz[name]
        with pytest.raises(ValueError, match=r"unpacks to 29 MB.*numpy\.savez"):
            npz["c"]


def test_other_files_in_the_archive_are_left_out(path):
    write_zip(path, [("README.txt", b"x"), ("x.npy", npy(np.ones(1))), ("d/", b"")])
    with open_npz(path) as npz:
        assert npz.names == ["x"]
        with pytest.raises(KeyError):
            npz["README.txt"]


def replaced(content, old, new, count):
    assert content.count(old) == count
    return content.replace(old, new)


def zipped(content=None, method=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    write_zip(file, [("x.npy", content or npy(np.arange(500)))], method)
    return file.getvalue()


def with_directory(content, offset, form, *values):
    """Change a field of the one entry in the directory of an archive."""
    content = bytearray(content)
    struct.pack_into(form, content, content.index(b"PK\1\2") + offset, *values)
    return bytes(content)


def damaged_archives():
    stored, deflated = zipped(method=zipfile.ZIP_STORED), zipped()
    bz2 = zipped(method=zipfile.ZIP_BZIP2)
    n = len(npy(np.arange(500)))
    crc = zlib.crc32(npy(np.arange(500))).to_bytes(4, "little")
    two = io.BytesIO()
    with pytest.warns(UserWarning, match="Duplicate"):
        write_zip(two, [("x.npy", npy(np.zeros(1)))] * 2)
    many = io.BytesIO()
    write_zip(many, [(f"{i:040}", b"") for i in range(13_000)])
    directory = stored.index(b"PK\1\2")
    return {
        "empty": b"",
        "text": b"label,pixel0\n1,2\n",
        "PK": b"PK broken",
        "half": stored[: len(stored) // 2],
        "no end": stored[:-5],
        "no beginning": stored[10:],
        "encrypted": with_directory(deflated, 8, "<H", 1),
        "patched": with_directory(deflated, 8, "<H", 0x20),
        "strongly encrypted": with_directory(deflated, 8, "<H", 0x41),
        "bzip2": bz2,
        "unknown method": with_directory(deflated, 10, "<H", 77),
        "stored as deflated": with_directory(stored, 10, "<H", 8),
        "deflated as stored": with_directory(deflated, 10, "<H", 0),
        "CRC": replaced(deflated, crc, bytes(4), 2),
        "values": stored[:2000] + b"xyz" + stored[2003:],
        "deflated values": deflated[:300] + b"\xff" * 8 + deflated[308:],
        "shorter": with_directory(deflated, 24, "<I", n - 1),
        "longer": with_directory(deflated, 24, "<I", n + 1),
        "giant": with_directory(deflated, 24, "<I", 2**32 - 2),
        "zip64 without sizes": with_directory(deflated, 24, "<I", 2**32 - 1),
        "packed giant": with_directory(deflated, 20, "<I", 2**32 - 2),
        "stored longer": with_directory(stored, 20, "<II", n + 1, n + 1),
        "stored shorter": with_directory(stored, 20, "<II", n - 1, n - 1),
        "offset": with_directory(deflated, 42, "<I", 7),
        "giant offset": with_directory(deflated, 42, "<I", 2**32 - 2),
        "another name": replaced(stored, b"x.npy", b"y.npy", 2)[:directory]
        + stored[directory:],
        "two of a name": two.getvalue(),
        "a long directory": many.getvalue(),
        "a directory before the file": with_directory(
            stored[:-22] + stored[-22:-6] + struct.pack("<I", 2**32 - 2) + b"\0\0",
            42,
            "<I",
            0,
        ),
    }


DAMAGED = damaged_archives()


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_archive_is_a_value_error_in_little_memory(kind, path):
    path.write_bytes(DAMAGED[kind])
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"made\.npz") as caught, open_npz(path) as npz:
        npz.dtype("x")
        npz["x"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MEMORY_OVERHEAD + 4 * len(DAMAGED[kind])
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 600


@given(st.sampled_from(["stored", "deflated"]), st.data())
def test_a_changed_archive_gives_the_same_arrays_or_a_value_error(
    tmp_path_factory, kind, data
):
    method = {"stored": zipfile.ZIP_STORED, "deflated": zipfile.ZIP_DEFLATED}[kind]
    content = bytearray(zipped(npy(np.arange(20)), method))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("npz") / "made.npz"
    path.write_bytes(content)
    try:
        with open_npz(path) as npz:
            for name in npz.names:
                npz.shape(name)
                np.testing.assert_array_equal(npz[name], np.arange(20))
    except ValueError as error:
        assert "made.npz" in str(error)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have no names here")
def test_a_pipe_is_refused_and_not_waited_for(path):
    os.mkfifo(path)
    with pytest.raises(ValueError, match=r"made\.npz is not a file"), open_npz(path):
        pass


def test_an_error_within_the_block_stays_what_it_is(path):
    np.savez(path, x=np.zeros(1))
    with pytest.raises(ZeroDivisionError), open_npz(path):
        1 / 0  # noqa: B018
    with pytest.raises(FileNotFoundError), open_npz(path.with_name("other.npz")):
        pass
