"""A reader for pickled dicts of NumPy arrays that does not trust the file.

A pickle is a program. Python's own unpickler executes the program: it hashes, compares
and calls the objects that the program creates. The interpreter in this module knows
only the opcodes that dicts of arrays need. It creates only plain values and instances
of the classes in this module. A pickle names functions, but no function is imported or
called: the interpreter knows six names, and does itself what these functions would do.
Even NumPy's own functions would not be safe: a hostile state can make ``numpy.ndarray``
and ``numpy.dtype`` use arbitrary bytes as pointers.
"""

import codecs
import math
import pickle
import re
import struct
from enum import Enum
from typing import Any, BinaryIO

import numpy as np

from skcnn._messages.wording import printable, shown
from skcnn._storage.files import damage_as_value_error
from skcnn._storage.npy import check_values
from skcnn.datasets._checks import REMEDY

# An opcode takes some 100 bytes of memory, beside its bytes in the file. A batch of
# CIFAR-10 has 20,000 opcodes.
_MOST_OPCODES = 500_000
# Longer strings are the values of arrays. They are not copied: see `LongString`.
_LONG = 2**16
_LONGEST_NAME = 200

_PLAIN_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|[SU][1-9][0-9]{0,3}")


def read_array_dict(file: BinaryIO, origin: Any) -> dict[str, Any]:
    """Read a pickled dict whose values are arrays, numbers, strings, or lists of these.

    Pickles of Python 2 and 3, of any protocol and NumPy version, are understood.
    Strings of Python 2 become ``str``. Arrays are read-only views of the bytes that
    were read. Strings of more than 64 kB become `LongString`.

    A pickle that needs anything but arrays of numbers or strings and plain containers
    raises an error that is both an UnpicklingError and a ValueError. A file that is
    damaged or does not hold a dict raises a ValueError. `origin` names the file in
    messages.
    """
    with damage_as_value_error(origin, REMEDY):
        content = file.read()
    reader = _PickleReader(content, origin)
    try:
        result = reader.run()
    except _RefusedError:
        raise
    except MemoryError as error:
        raise ValueError(f"{origin} does not fit into memory.") from error
    except Exception as error:
        raise ValueError(
            f"{origin} is damaged or not a pickle of arrays ({printable(error)} before "
            f"byte {reader.position}). {REMEDY}"
        ) from error
    if type(result) is not dict:
        raise ValueError(
            f"{origin} holds a pickled {type(result).__name__}, but a dict was "
            f"expected. {REMEDY}"
        )
    return {
        name: value.array if type(value) is _Array else value
        for name, value in result.items()
    }


class _RefusedError(pickle.UnpicklingError, ValueError):
    """The pickle needs something that is not an array or a plain container."""


class _Function(Enum):
    """The functions and classes that a pickle may name."""

    NDARRAY = ("numpy", "ndarray")
    DTYPE = ("numpy", "dtype")
    RECONSTRUCT = ("numpy.core.multiarray", "_reconstruct")
    FROMBUFFER = ("numpy.core.numeric", "_frombuffer")
    # In protocols without an opcode for bytes, Python 3 writes calls of these two.
    ENCODE = ("_codecs", "encode")
    BYTES = ("__builtin__", "bytes")


class LongString:
    """A long string: a view of its bytes in the file, and their encoding.

    `codec` is None for bytes, and "repr" for a string in source code of Python 2.
    """

    __slots__ = ("codec", "view")

    def __init__(self, view: memoryview, codec: str | None) -> None:
        self.view = view
        self.codec = codec


class _Dtype:
    """A type code and a byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "="


class _Array:
    """An array, or None until the opcode that holds its values."""

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray | None = None) -> None:
        self.array = array


class _PickleReader:
    """An interpreter of pickles.

    The time and memory that an opcode needs are bounded by the number of its bytes in
    the file and the number of values that it takes off the stack. Conversions of
    strings to bytes, and of bytes to arrays, are bounded by a total for the file.
    """

    def __init__(self, content: bytes, origin: Any) -> None:
        self.position = 0
        self._content = content
        self._length = len(content)
        self._origin = origin
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        # In an honest file, each string is converted to bytes once, and each bytes
        # object to an array once. A hostile file may convert the same string again and
        # again.
        self._bytes_left = 2 * len(content)

    def run(self) -> Any:
        """Return the value of the pickle."""
        push = self._stack.append
        for _ in range(_MOST_OPCODES):
            opcode = self._take(1)
            match opcode:
                # Nearly all opcodes of a file are among the first five.
                case pickle.BININT1:
                    push(self._take(1)[0])
                case pickle.SHORT_BINSTRING:
                    # Latin-1 converts every string of Python 2 to text and back.
                    push(self._string(self._take(1)[0], "latin1"))
                case pickle.SHORT_BINUNICODE:
                    push(self._string(self._take(1)[0], "utf-8"))
                case pickle.MEMOIZE:
                    self._store(len(self._memo))
                case pickle.BINPUT:
                    self._store(self._take(1)[0])

                case pickle.STOP:
                    return self._stack.pop()
                case pickle.PROTO:
                    self._take(1)
                case pickle.FRAME:
                    self._take(8)
                case pickle.MARK:
                    self._marks.append(len(self._stack))
                case pickle.PUT:
                    self._store(self._decimal())
                case pickle.LONG_BINPUT:
                    self._store(self._number(4))
                case pickle.GET:
                    push(self._stored(self._decimal()))
                case pickle.BINGET:
                    push(self._stored(self._take(1)[0]))
                case pickle.LONG_BINGET:
                    push(self._stored(self._number(4)))

                case pickle.NONE:
                    push(None)
                case pickle.NEWTRUE:
                    push(True)
                case pickle.NEWFALSE:
                    push(False)
                case pickle.INT | pickle.LONG:
                    push(self._decimal())
                case pickle.BININT:
                    push(self._number(4, signed=True))
                case pickle.BININT2:
                    push(self._number(2))
                case pickle.LONG1:
                    push(self._number(self._take(1)[0], signed=True))
                case pickle.FLOAT:
                    push(float(self._name()))
                case pickle.BINFLOAT:
                    push(struct.unpack(">d", self._take(8))[0])

                case pickle.STRING:
                    push(self._string(self._line_length(), "repr"))
                    self._take(1)
                case pickle.BINSTRING:
                    push(self._string(self._number(4), "latin1"))
                case pickle.UNICODE:
                    push(self._string(self._line_length(), "raw-unicode-escape"))
                    self._take(1)
                case pickle.BINUNICODE:
                    push(self._string(self._number(4), "utf-8"))
                case pickle.BINUNICODE8:
                    push(self._string(self._number(8), "utf-8"))
                case pickle.SHORT_BINBYTES:
                    push(self._string(self._take(1)[0], None))
                case pickle.BINBYTES:
                    push(self._string(self._number(4), None))
                case pickle.BINBYTES8 | pickle.BYTEARRAY8:
                    push(self._string(self._number(8), None))

                case pickle.EMPTY_TUPLE:
                    push(())
                case pickle.TUPLE1:
                    push((self._stack.pop(),))
                case pickle.TUPLE2:
                    push(tuple(self._pop_last(2)))
                case pickle.TUPLE3:
                    push(tuple(self._pop_last(3)))
                case pickle.TUPLE:
                    push(tuple(self._pop_to_mark()))
                case pickle.EMPTY_LIST:
                    push([])
                case pickle.LIST:
                    push(self._pop_to_mark())
                case pickle.APPEND:
                    self._extend(self._pop_last(1))
                case pickle.APPENDS:
                    self._extend(self._pop_to_mark())
                case pickle.EMPTY_DICT:
                    push({})
                case pickle.DICT:
                    pairs = self._pop_to_mark()
                    push({})
                    self._update(pairs)
                case pickle.SETITEM:
                    self._update(self._pop_last(2))
                case pickle.SETITEMS:
                    self._update(self._pop_to_mark())

                case pickle.GLOBAL | pickle.INST:
                    push(self._function(self._name(), self._name()))
                case pickle.STACK_GLOBAL:
                    push(self._function(*self._pop_last(2)))
                case pickle.REDUCE:
                    push(self._called(*self._pop_last(2)))
                case pickle.BUILD:
                    self._set_state(*self._pop_last(2))
                case _:
                    raise ValueError(
                        f"the opcode {opcode!r}, which arrays do not need,"
                    )
        raise ValueError(f"more than {_MOST_OPCODES} opcodes")

    # The arguments of opcodes in the file.

    def _take(self, n: int) -> bytes:
        start, end = self.position, self.position + n
        if end > self._length:
            raise ValueError("its end is missing: it is truncated")
        self.position = end
        return self._content[start:end]

    def _number(self, n_bytes: int, signed: bool = False) -> int:
        return int.from_bytes(self._take(n_bytes), "little", signed=signed)

    def _line_length(self) -> int:
        end = self._content.find(b"\n", self.position)
        return (self._length if end < 0 else end) - self.position

    def _name(self) -> str:
        length = self._line_length()
        if length > _LONGEST_NAME:
            raise ValueError(f"a name or number of {length} bytes")
        name = str(self._take(length), "latin1")
        self._take(1)
        return name

    def _decimal(self) -> int:
        text = self._name()
        if text in ("00", "01"):  # booleans in the protocols 0 and 1
            return text == "01"
        if not re.fullmatch(r"[+-]?[0-9]+L?", text):
            raise ValueError("an integer was expected")
        return int(text.removesuffix("L"))

    def _string(self, length: int, codec: str | None) -> str | bytes | LongString:
        start = self.position
        if _LONG < length <= self._length - start:
            self.position += length
            view = memoryview(self._content)[start : self.position]
            return LongString(view, codec)
        content = self._take(length)
        if codec is None:
            return content
        if codec == "repr":
            return _evaluated(content).decode("latin1")
        return content.decode(codec, "surrogatepass")

    # The stack and the memo.

    def _pop_last(self, n: int) -> list:
        return self._pop_from(len(self._stack) - n)

    def _pop_to_mark(self) -> list:
        return self._pop_from(self._marks.pop())

    def _pop_from(self, start: int) -> list:
        if start < 0:
            raise ValueError("values are missing")
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _store(self, index: int) -> None:
        if not 0 <= index < _MOST_OPCODES:
            raise ValueError("an index into the memo that no pickle needs")
        self._memo[index] = self._stack[-1]

    def _stored(self, index: int) -> Any:
        if index not in self._memo:
            raise ValueError("an index into the memo without a value")
        return self._memo[index]

    def _extend(self, values: list) -> None:
        if type(self._stack[-1]) is not list:
            raise ValueError("a list was expected")
        self._stack[-1].extend(values)

    def _update(self, pairs: list) -> None:
        if type(self._stack[-1]) is not dict:
            raise ValueError("a dict was expected")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            # Only short names are hashed: hashing a nested tuple can take forever.
            if type(key) not in (str, bytes) or len(key) > _LONGEST_NAME:
                raise ValueError("a short name was expected")
            name = key if type(key) is str else str(key, "latin1")
            self._stack[-1][name] = value

    # The functions and classes that Python's own unpickler would import and call.

    def _function(self, module: Any, name: Any) -> _Function:
        if type(module) is not str or type(name) is not str:
            raise ValueError("a name was expected")
        # In NumPy 2, numpy.core has the name numpy._core.
        full_name = module.replace("numpy._core.", "numpy.core.", 1), name
        for function in _Function:
            if function.value == full_name:
                return function
        raise _RefusedError(
            f"{self._origin} asks for {printable(f'{module}.{name}')}, but only NumPy "
            "arrays and plain containers are read from pickles. The file may be "
            "malicious: do not open it with other programs either, unless you know who "
            "made it."
        )

    def _called(self, function: Any, arguments: Any) -> Any:
        """Return what a call of a function would return."""
        if type(arguments) is not tuple:
            raise ValueError("arguments were expected")
        if function is _Function.DTYPE and arguments:
            return self._dtype(arguments[0])
        if function is _Function.RECONSTRUCT:
            return _Array()
        if function is _Function.FROMBUFFER and len(arguments) == 4:
            return _Array(self._array(*arguments))
        if function is _Function.ENCODE and arguments:
            raw = self._raw(arguments[0])
            return raw if isinstance(raw, bytes) else LongString(raw, None)
        if function is _Function.BYTES and not arguments:
            return b""
        raise ValueError("a call of something that is not callable")

    def _set_state(self, target: Any, state: Any) -> None:
        """Set the values of an array, or the byte order of a dtype."""
        self._stack.append(target)
        if type(state) is not tuple:
            raise ValueError("a state was expected")
        if type(target) is _Array and len(state) == 5:
            _version, shape, dtype, is_fortran, raw = state
            order = "F" if is_fortran is True else "C"
            target.array = self._array(raw, dtype, shape, order)
        elif type(target) is _Dtype and len(state) >= 8:
            _version, target.order, *_sizes = state
        else:
            raise ValueError("a state of something that has none")

    def _dtype(self, code: Any) -> _Dtype:
        if type(code) is str and _PLAIN_DTYPE.fullmatch(code):
            return _Dtype(code)
        found = shown(code) if type(code) is str else f"given as {type(code).__name__}"
        raise _RefusedError(
            f"{self._origin} holds an array of dtype {found}, but only arrays of "
            "numbers or strings are read from pickles."
        )

    def _array(self, raw: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
        """Return an array of the bytes `raw`, after checks of all arguments."""
        if (
            type(dtype) is not _Dtype
            or type(dtype.order) is not str
            or dtype.order not in ("<", ">", "|", "=")
            or type(shape) is not tuple
            or len(shape) > 64
            or not all(type(side) is int and 0 <= side < 2**63 for side in shape)
            or type(order) is not str
            or order not in ("C", "F")
        ):
            raise ValueError("a shape and a dtype were expected")
        values = np.frombuffer(self._raw(raw), np.uint8)
        self._spend(len(values))
        plain = np.dtype(dtype.order + dtype.code)
        if len(values) != math.prod(shape) * plain.itemsize:
            raise ValueError(
                f"an array of shape {shape} and dtype {plain} in {len(values)} bytes"
            )
        check_values(values, plain, "the pickle")
        return values.view(plain).reshape(shape, order="F" if order == "F" else "C")

    def _raw(self, value: Any) -> bytes | memoryview:
        """Return bytes, or the bytes of a string, encoded in Latin-1."""
        if type(value) is bytes:
            return value
        if type(value) is str:
            self._spend(len(value))
            return value.encode("latin1")
        if type(value) is not LongString:
            raise ValueError("bytes were expected")
        if value.codec in (None, "latin1"):
            return value.view
        self._spend(len(value.view))
        return memoryview(_encoded(value.view, value.codec))

    def _spend(self, n_bytes: int) -> None:
        """Count bytes that are converted, and raise if there are too many."""
        self._bytes_left -= n_bytes
        if self._bytes_left < 0:
            raise ValueError("conversions of the same string again and again")


def _encoded(view: memoryview, codec: str) -> bytes | bytearray:
    """Return the bytes that a long string in a pickle stands for."""
    if codec == "repr":
        return _evaluated(bytes(view))
    decoder = codecs.getincrementaldecoder(codec)()
    content = bytearray()
    # Decode in pieces: a single wide character makes Python store a text with four
    # bytes for each character.
    for start in range(0, len(view), _LONG):
        piece = decoder.decode(view[start : start + _LONG])
        content += piece.encode("latin1")
    decoder.decode(b"", final=True)
    return content


def _evaluated(text: bytes) -> bytes:
    """Return the bytes of a string in source code of Python 2."""
    if len(text) < 2 or text[0] != text[-1] or text[:1] not in (b"'", b'"'):
        raise ValueError("a string in quotation marks was expected")
    if re.search(rb"\\(?!['nrt]|x[0-9a-f]{2})", text[1:-1].replace(rb"\\", b"")):
        raise ValueError("a string that Python 2 does not write")
    return codecs.escape_decode(text[1:-1])[0]
