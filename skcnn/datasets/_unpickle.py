"""Reading a pickled dict of NumPy arrays without trusting the file.

A pickle is a program. The unpickler below lets it call nothing but the stand-ins
defined here. Not even NumPy's own functions are reachable: given a hostile state,
``numpy.ndarray`` and ``numpy.dtype`` can be made to take arbitrary bytes for pointers.
"""

import pickle
import re

import numpy as np

from skcnn.datasets._checks import REMEDY

_PLAIN_DTYPE = re.compile(r"b1|[iu][1248]|f[248]|[SU][1-9][0-9]{0,3}")


def read_array_dict(file, origin):
    """Read a pickled dict whose values are arrays, numbers, strings or lists of them.

    Pickles of Python 2 and 3, of any protocol and NumPy version are understood.

    Parameters
    ----------
    file : binary file
        Opened for reading.
    origin : str or path-like
        What the file is called in messages.

    Returns
    -------
    dict
        Strings of Python 2 come as ``str``. Arrays are views of the bytes that were
        read, so they may be read-only.

    Raises
    ------
    pickle.UnpicklingError
        If the pickle asks for anything but numeric or string arrays and plain
        containers. Nothing that it asks for is imported or called.
    ValueError
        If the file is damaged or holds something else than a dict.
    """
    try:
        content = _ArrayUnpickler(file, origin).load()
        if isinstance(content, dict):
            content = {
                key: value.array if isinstance(value, _Array) else value
                for key, value in content.items()
            }
    except _RefusedError:
        raise
    except Exception as error:
        # The documentation of pickle promises no closed list of what a damaged file
        # can raise.
        raise ValueError(
            f"{origin} is damaged or not a pickle ({type(error).__name__}: {error}). "
            f"{REMEDY}"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"{origin} holds a pickled {type(content).__name__}, but a dict was "
            f"expected. {REMEDY}"
        )
    return content


class _RefusedError(pickle.UnpicklingError):
    """The pickle asks for something that is not an array or a plain container."""


class _Dtype:
    """Stand-in for ``numpy.dtype``: a type code and a byte order, nothing else."""

    __slots__ = ("code", "order")

    def __init__(self, code):
        self.code = code
        self.order = "="

    def __setstate__(self, state):
        _version, self.order, *_sizes = state

    def resolve(self):
        return np.dtype(self.order + self.code)


class _Array:
    """Stand-in for an array between its creation and the arrival of its state."""

    __slots__ = ("array",)

    def __setstate__(self, state):
        _version, shape, dtype, is_fortran, raw = state
        self.array = _make_array(raw, dtype, shape, "F" if is_fortran else "C")


def _make_array(raw, dtype, shape, order):
    if isinstance(raw, str):
        raw = raw.encode("latin1")
    return np.frombuffer(raw, dtype.resolve()).reshape(shape, order=order)


class _ArrayUnpickler(pickle.Unpickler):
    def __init__(self, file, origin):
        # Latin-1 maps every byte string of Python 2 to a str and back without loss.
        super().__init__(file, encoding="latin1")
        self._origin = origin

    def find_class(self, module, name):
        # Bound methods, not functions or classes: a pickle can set attributes of what
        # it is given, and those of a bound method change nothing about the call.
        match module.replace("numpy._core.", "numpy.core."), name:
            case "numpy", "ndarray":
                return name
            case "numpy", "dtype":
                return self._dtype
            case "numpy.core.multiarray", "_reconstruct":
                return self._reconstruct
            case "numpy.core.numeric", "_frombuffer":
                return self._frombuffer
            case "_codecs", "encode":
                return self._encode
        raise _RefusedError(
            f"{self._origin} asks for {module}.{name}, but only NumPy arrays and plain "
            "containers are read from pickles. The file may be malicious: do not open "
            "it by other means either, unless you know who made it."
        )

    def _dtype(self, code, _align=False, _copy=True):
        if not (isinstance(code, str) and _PLAIN_DTYPE.fullmatch(code)):
            raise _RefusedError(
                f"{self._origin} holds an array of dtype {code!r}, but only arrays of "
                "numbers or strings are read from pickles."
            )
        return _Dtype(code)

    def _reconstruct(self, _subtype, _shape, _typecode):
        return _Array()

    def _frombuffer(self, raw, dtype, shape, order):
        return _make_array(raw, dtype, shape, order)

    def _encode(self, text, _encoding):
        # Python 3 writes bytes this way in the protocols that have no opcode for them.
        return text.encode("latin1")
