"""The unpickler reads arrays, and nothing that it reads can run."""

import io
import os
import pickle
import pickletools
import shutil
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_np

from skcnn.datasets._unpickle import read_array_dict


def python2_pickle(value):
    """Write what Python 2.7 and its NumPy wrote, in the opcodes that they used."""
    if isinstance(value, dict):
        pairs = b"".join(
            python2_opcodes(key) + python2_opcodes(item) for key, item in value.items()
        )
        return b"\x80\x02}(" + pairs + b"u."
    return b"\x80\x02" + python2_opcodes(value) + b"."


def python2_opcodes(value):
    match value:
        case np.ndarray():
            dtype = value.dtype
            order = {"<": b"<", ">": b">"}.get(dtype.byteorder, b"|")
            shape = b"(" + b"".join(map(python2_opcodes, value.shape)) + b"t"
            return (
                b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
                b"K\x00\x85U\x01b\x87R(K\x01"
                + shape
                + b"cnumpy\ndtype\n"
                + python2_opcodes(dtype.str[1:])
                + b"K\x00K\x01\x87R(K\x03U\x01"
                + order
                + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89T"
                + value.nbytes.to_bytes(4, "little")
                + value.tobytes()
                + b"tb"
            )
        case str():
            return b"U" + bytes([len(value)]) + value.encode("latin1")
        case int():
            return b"J" + value.to_bytes(4, "little", signed=True)
        case list():
            return b"](" + b"".join(map(python2_opcodes, value)) + b"e"
    raise TypeError(type(value))


def read(content, origin="made.pickle"):
    return read_array_dict(io.BytesIO(content), origin)


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


ARRAYS = {
    "bytes": np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    "fortran": np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
    "big-endian": np.arange(4, dtype=">f4"),
    "truth": np.array([True, False]),
    "text": np.array(["cat", "dog"]),
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("core", [b"numpy.core.", b"numpy._core."])
def test_arrays_of_python_3_come_back(name, protocol, core):
    array = ARRAYS[name]
    content = pickle.dumps({"a": array, "n": 3, "l": ["x", 1]}, protocol)
    if protocol < 4:
        # From protocol 4 on, frames and strings have their lengths written down.
        content = content.replace(b"numpy._core.", core).replace(b"numpy.core.", core)
    found = read(content)
    assert found["n"] == 3
    assert found["l"] == ["x", 1]
    assert found["a"].dtype == array.dtype
    np.testing.assert_array_equal(found["a"], array)


@pytest.mark.parametrize("name", ["bytes", "big-endian"])
def test_arrays_of_python_2_come_back(name):
    array = ARRAYS[name]
    found = read(python2_pickle({"data": array, "labels": [3, 1], "t": "\xe9"}))
    assert found["data"].dtype == array.dtype
    np.testing.assert_array_equal(found["data"], array)
    assert found["labels"] == [3, 1]
    assert found["t"] == "\xe9"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, "system"),
        (eval, "eval"),
        (getattr, "getattr"),
        (shutil.rmtree, "rmtree"),
        (np.load, "load"),
        (np.frombuffer, "frombuffer"),
    ],
)
def test_a_call_is_refused_by_name_and_does_not_run(tmp_path, protocol, function, name):
    marker = tmp_path / "ran"
    argument = f"open({str(marker)!r}, 'w')" if function is eval else f"touch {marker}"
    content = pickle.dumps({"data": Call(function, argument)}, protocol)
    with pytest.raises(pickle.UnpicklingError, match=rf"made\.pickle .*\.{name}\b"):
        read(content)
    assert not marker.exists()


def test_the_attack_of_the_test_above_works_on_pickle_itself(tmp_path):
    marker = tmp_path / "ran"
    pickle.loads(pickle.dumps(Call(os.system, f"touch {marker}")))
    assert marker.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"(cos\nsystem\nS'true'\no.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"\x80\x02ccopy_reg\n_reconstructor\n.",
        b"cnumpy.core.multiarray\nscalar\n.",
        b"cnumpy.core\nmultiarray._reconstruct\n.",
        b"\x80\x04\x8c\x05numpy\x8c\x0bndarray.dot\x94\x93.",
    ],
)
def test_every_opcode_that_can_name_something_is_guarded(content):
    with pytest.raises(pickle.UnpicklingError, match="asks for"):
        read(content)


def test_an_array_of_objects_is_refused(tmp_path):
    marker = tmp_path / "ran"
    array = np.empty(1, object)
    array[0] = [1]
    content = pickle.dumps({"data": array})
    with pytest.raises(pickle.UnpicklingError, match="dtype 'O8'"):
        read(content)
    array[0] = Call(os.system, f"touch {marker}")
    with pytest.raises(pickle.UnpicklingError):
        read(pickle.dumps({"data": array}))
    assert not marker.exists()


@pytest.mark.parametrize("dtype", [[("a", "u1")], "V8", "M8[s]", "c16", "g"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(pickle.UnpicklingError, match="only arrays of numbers"):
        read(pickle.dumps({"data": np.zeros(2, dtype)}, 2))


def test_bytes_cannot_pass_for_pointers():
    # NumPy itself would take these bytes for the address of an object.
    content = (
        b"\x80\x03cnumpy\nndarray\nK\x01\x85cnumpy\ndtype\nX\x02\x00\x00\x00O8\x85R"
        b"C\x08AAAAAAAA\x87R."
    )
    with pytest.raises(pickle.UnpicklingError, match="dtype 'O8'"):
        read(content)
    # Nor can ndarray be called directly, whatever the dtype.
    with pytest.raises(ValueError, match="not callable"):
        read(b"\x80\x03cnumpy\nndarray\nK\x01\x85\x85R.")


def test_a_state_cannot_change_what_the_unpickler_does():
    array = pickle.dumps({"a": np.arange(3)}, 2)
    for slots in (b"__func__", b"__self__", b"__defaults__", b"__doc__"):
        name = b"X" + len(slots).to_bytes(4, "little") + slots
        with pytest.raises(ValueError, match=r"a state was expected|state of"):
            read(b"\x80\x02cnumpy\ndtype\nN}" + name + b"Ns\x86b.")
    np.testing.assert_array_equal(read(array)["a"], np.arange(3))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "truncated"),
        (b"not a pickle", "not a pickle of arrays"),
        (pickle.dumps({"a": np.arange(9)})[:-20], "truncated"),
        (
            pickle.dumps({"a": np.arange(9)}, 2).replace(b"K\t\x85", b"K\x08\x85"),
            r"shape \(8,\) and dtype int64 in 72 bytes",
        ),
        (b"\x80\x02]\x94h\x00a.", "a pickled list, but a dict"),
    ],
)
def test_a_damaged_or_foreign_file_is_a_value_error_that_names_it(content, found):
    with pytest.raises(ValueError, match=found) as caught:
        read(content, "some/batch")
    assert "some/batch" in str(caught.value)


def test_the_python_2_pickles_of_these_tests_are_well_formed():
    content = python2_pickle({"data": ARRAYS["bytes"], "labels": [1]})
    names = [opcode.name for opcode, _, _ in pickletools.genops(content)]
    assert {"BINSTRING", "SHORT_BINSTRING"} <= set(names)
    found = pickle.loads(content, encoding="latin1")
    np.testing.assert_array_equal(found["data"], ARRAYS["bytes"])


def opcodes(*parts):
    """Join bytes, and integers as LONG_BINPUT and LONG_BINGET have them."""
    return b"".join(
        part.to_bytes(4, "little") if isinstance(part, int) else part for part in parts
    )


def binunicode(text):
    content = text.encode()
    return opcodes(b"X", len(content), content)


NESTED = [opcodes(b"r", i, b"j", i, b"\x86") for i in range(60)]
DTYPE = b"cnumpy\ndtype\n" + binunicode("u1") + b"\x85R"
TEXT = binunicode("a" * 60_000)
LONG_TEXT = binunicode("\xe9" * 500_000)
ENCODE = b"c_codecs\nencode\n"
FROMBUFFER = b"cnumpy.core.numeric\n_frombuffer\n"
MANY = 30_000

HOSTILE = {
    "a place in the memo": opcodes(b"}r", 2**27, b"."),
    "the last place in the memo": opcodes(b"}r", 2**32 - 1, b"."),
    "a place in the memo as text": b"}p134217728\n.",
    "a negative place": b"}p-1\n.",
    "no place": b"\x80\x02}h\x05.",
    "a dtype that doubles": opcodes(
        b"\x80\x02cnumpy\ndtype\n()", *NESTED[:30], b"tR."
    ),
    "a dtype that goes on": opcodes(b"cnumpy\ndtype\n", TEXT, b"\x85R."),
    "a key that doubles": opcodes(b"\x80\x02})", *NESTED, b"I1\ns."),
    "a key that is a tuple": b"}(I1\ntI1\ns.",
    "a key that is a number": b"}I1\nI1\ns.",
    "a long key": opcodes(b"}", TEXT, b"I1\ns."),
    "a name that goes on": b"c" + b"x" * 10**6 + b"\ny\n.",
    "a name in other text": opcodes(TEXT, TEXT, b"\x93."),
    "a name that is an array": opcodes(DTYPE, DTYPE, b"\x93."),
    "a number that goes on": b"I" + b"9" * 10**6 + b"\n.",
    "a float that goes on": b"F" + b"9" * 10**6 + b"\n.",
    "one text as many bytes": opcodes(
        b"}", ENCODE, b"q\0", TEXT, b"q\1(", b"h\0h\1h\1\x86R" * MANY, b"l."
    ),
    "one long text as many bytes": opcodes(
        b"}", ENCODE, b"q\0", LONG_TEXT, b"q\1(", b"h\0h\1h\1\x86R" * MANY, b"l."
    ),
    "one text as many arrays": opcodes(
        *(DTYPE, b"q\2", FROMBUFFER, b"q\0", TEXT, b"q\1("),
        *(b"h\0(h\1h\2M\x60\xea\x85X\1\0\0\0CtR" * MANY, b"l."),
    ),
    "wide text as bytes": opcodes(
        ENCODE, binunicode("a" * 10**6 + "\U0001f600"), b"\x85R."
    ),
    "a shape of many": opcodes(
        *(DTYPE, b"q\2", FROMBUFFER, b"(", TEXT, b"h\2("),
        *(b"\x8a\xff", b"\xff" * 254, b"\x7fq\3", b"h\3" * MANY, b"tX\1\0\0\0CtR."),
    ),
    "a length that goes on": b"\x8e" + b"\xff" * 8 + b"x.",
    "many marks": b"(" * 600_000,
    "many lists": b"]" * 600_000,
    "deep lists": b"]" * 400_000 + b"a" * 399_999 + b".",
    "deep tuples": b"\x80\x02)" + b"\x85" * 400_000 + b".",
    "values that are missing": b"\x80\x02\x87.",
    "a mark that is missing": b"}u.",
    "half a pair": b"}(I1\nu.",
    "a call of text": opcodes(TEXT, b")R."),
    "a call without arguments": b"cnumpy\ndtype\n)R.",
    "a state of text": opcodes(TEXT, b")b."),
    "a byte order": opcodes(
        b"}", binunicode("a"), b"cnumpy.core.numeric\n_frombuffer\n(C\1x", DTYPE,
        b"(K\3", TEXT, b"NNNI-1\nI-1\nI0\ntb", b"K\1\x85X\1\0\0\0CtRs."
    ),
    "a reduction of an extension": b"\x82\1.",
    "a persistent name": b"Px\n.",
    "an object of a class": b"\x80\x04)\x81.",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_pickle_is_refused_in_little_memory_and_time(kind):
    content = HOSTILE[kind]
    began = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"made\.pickle") as caught:
            read(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # tracemalloc itself slows the interpreter down ten times.
    assert time.process_time() - began < 10
    assert peak < 64 * 2**20 + 4 * len(content)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700


def test_a_pickle_leaves_nothing_behind():
    state = b"}" + binunicode("pwned") + b"I1\nsb"
    for name in (b"cnumpy\ndtype\n", b"c_codecs\nencode\n", DTYPE):
        with pytest.raises(ValueError, match="a state was expected"):
            read(b"}" + binunicode("k") + name + state + b"s.")


def test_values_that_no_array_has_are_refused():
    text, truth = np.array(["a"]), np.array([True])
    for array, good, bad in ((text, b"a\0\0\0", b"\0\0\x11\0"), (truth, b"\1", b"\2")):
        content = pickle.dumps({"a": array, "z": 0}, 3)
        start = content.index(b"C" + bytes([len(good)]) + good) + 2
        changed = content[:start] + bad + content[start + len(bad) :]
        np.testing.assert_array_equal(read(content)["a"], array)
        with pytest.raises(ValueError, match=r"does not exist|neither 0 nor 1"):
            read(changed)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_large_arrays_come_back(protocol):
    array = np.arange(100_000, dtype=np.uint8).reshape(100, 1000)
    found = read(pickle.dumps({"a": array}, protocol))["a"]
    np.testing.assert_array_equal(found, array)
    np.testing.assert_array_equal(read(python2_pickle({"a": array}))["a"], array)


def test_a_large_array_of_python_2_as_text_comes_back():
    array = np.arange(100_000, dtype=np.uint8)
    content = python2_pickle({"a": array, "t": "it's \"\\\n\xe9"})
    start = content.index(b"T")
    binary = content[start : start + 5 + array.nbytes]
    text = b"S" + repr(array.tobytes())[1:].encode() + b"\n"
    assert len(text) > 2 * array.nbytes
    found = read(content.replace(binary, text))
    np.testing.assert_array_equal(found["a"], array)
    for quoted in (b"S'x", b"S'x\n", b"Sx\n", b"S'\n", b"S'\\d'\n", b"S'\\x1'\n"):
        with pytest.raises(ValueError, match=r"quotation marks|Python 2|truncated"):
            read(content.replace(binary, quoted))


def test_a_batch_is_read_without_a_copy():
    array = np.zeros(30 * 2**20, np.uint8)
    for content in (python2_pickle({"a": array}), pickle.dumps({"a": array})):
        file = io.BytesIO(content)
        tracemalloc.start()
        assert read_array_dict(file, "batch")["a"].nbytes == array.nbytes
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2**20


names = st.text(max_size=20)
plain_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    names,
    st.binary(max_size=300),
    st.lists(st.integers(-(2**70), 2**70) | names),
    st_np.arrays(
        st.sampled_from(["b1", "u1", "<i4", ">i8", "f2", "<f8", "S3", "U2", ">U2"]),
        st_np.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3),
    ),
)


@pytest.mark.slow
@given(st.dictionaries(names, plain_values), st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_what_python_3_writes_comes_back(content, protocol):
    found = read(pickle.dumps(content, protocol))
    assert list(found) == list(content)
    for name, value in content.items():
        assert type(found[name]) is type(value)
        if isinstance(value, np.ndarray):
            assert found[name].dtype == value.dtype
            assert found[name].shape == value.shape
            assert found[name].tobytes() == value.tobytes()
        else:
            assert found[name] == value


@given(st.integers(0, pickle.HIGHEST_PROTOCOL), st.data())
def test_a_changed_pickle_gives_plain_values_or_a_value_error(protocol, data):
    content = bytearray(
        pickle.dumps(
            {"a": np.arange(6).reshape(2, 3), "l": [1, "x", b"y"], "n": 1.5}, protocol
        )
    )
    if data.draw(st.booleans()):
        content = bytearray(python2_pickle({"a": np.arange(6), "l": [1, 2], "t": "x"}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        piece = data.draw(
            st.binary(max_size=3) | st.sampled_from([b"0", b"R", b"b", b"(", b"t"])
        )
        content[at : at + data.draw(st.integers(0, 3))] = piece
    try:
        assert type(read(bytes(content))) is dict
    except ValueError as error:
        assert "made.pickle" in str(error)
