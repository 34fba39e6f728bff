"""The unpickler reads arrays, and nothing that it reads can run."""

import io
import os
import pickle
import pickletools
import shutil

import numpy as np
import pytest

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
        with pytest.raises(ValueError, match="AttributeError"):
            read(b"\x80\x02cnumpy\ndtype\nN}" + name + b"Ns\x86b.")
    np.testing.assert_array_equal(read(array)["a"], np.arange(3))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "EOFError"),
        (b"not a pickle", "UnpicklingError"),
        (pickle.dumps({"a": np.arange(9)})[:-20], "truncated"),
        (
            pickle.dumps({"a": np.arange(9)}, 2).replace(b"K\t\x85", b"K\x08\x85"),
            "resh",
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
