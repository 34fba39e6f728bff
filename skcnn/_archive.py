"""Documents and arrays in a file that holds data and nothing to execute.

A file is a ZIP archive, uncompressed, of one JSON document and the arrays that it
refers to, in NumPy's format. The archive's comment is a SHA-256 of all before it.
Neither pickle nor Keras's deserialisation, both of which can run what a file says, is
involved in reading.
"""

import hashlib
import json
import math
import os
import platform
import re
import stat
import zipfile
from importlib.metadata import version
from io import BytesIO

import numpy as np

from skcnn._files import written_whole
from skcnn._npy import read_npy
from skcnn._optimizers import describe_optimizer, make_optimizer

FORMAT = 1
DOCUMENT = "skcnn.json"
CHECKSUM = b"skcnn sha256 "
COMMENT_LENGTH = len(CHECKSUM) + 64

LIBRARIES = ("skcnn", "scikit-learn", "numpy", "keras", "tensorflow", "scikeras")

# Kinds of NumPy dtypes that are plain values: truth, numbers, text and dates.
PLAIN_KINDS = frozenset("biufSUmM")

# What reading a well-formed archive of ill-formed content can raise.
DAMAGE = (
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)


def write_archive(path, content, encoder):
    """Write a document and the arrays in it, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        The file; one that exists is replaced.
    content : dict
        What JSON can hold: values that went through `encoder`.
    encoder : Encoder
        Holds the arrays.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    document = {
        "format": FORMAT,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
    } | content
    with written_whole(path) as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.comment = b" " * COMMENT_LENGTH
            text = json.dumps(document, indent=1, allow_nan=False)
            archive.writestr(_entry(DOCUMENT), text)
            for i, array in enumerate(encoder.arrays):
                buffer = BytesIO()
                np.lib.format.write_array(buffer, array, allow_pickle=False)
                archive.writestr(_entry(_array_name(i)), buffer.getbuffer())
        size = file.seek(-COMMENT_LENGTH, os.SEEK_END)
        digest = _sha256(file, size)
        file.seek(size)
        file.write(CHECKSUM + digest)


def read_archive(path, use):
    """Read a document and hand it on.

    Parameters
    ----------
    path : str or path-like
        The file.
    use : callable
        Takes the document, a dict, and a decoder for the values in it. Its result is
        returned.

    Raises
    ------
    ValueError
        If the file was not written by `write_archive`, is damaged, comes from a newer
        version of this package, or `use` fails on what it holds.
    OSError
        If it cannot be read.
    """
    path = os.fspath(path)
    with open(path, "rb") as file:
        _check_sum(file, path)
        try:
            with zipfile.ZipFile(file) as archive:
                _check_names(archive)
                document = json.loads(
                    _read(archive, DOCUMENT), parse_constant=_refuse_constant
                )
                _check_format(document, path)
                return use(document, _Decoder(archive))
        except _NewerFormat:
            raise
        except DAMAGE as error:
            raise ValueError(
                f"{path} has the right checksum, but holds what was not expected "
                f"there: {error}"
            ) from error


class _NewerFormat(ValueError):
    """Raised for files of a later version of this package."""


def _check_sum(file, path):
    """Refuse, before anything is parsed, what `save` did not write or is damaged."""
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise ValueError(f"{path} is not a file.")
    if file.read(4) != b"PK\x03\x04":
        raise ValueError(f"{path} is not a file written by skcnn.save.")
    size = file.seek(0, os.SEEK_END) - COMMENT_LENGTH
    comment = b""
    if size > 0:
        file.seek(size)
        comment = file.read()
    if not re.fullmatch(CHECKSUM + b"[0-9a-f]{64}", comment):
        raise ValueError(
            f"{path} is not a file written by skcnn.save, or its end is missing."
        )
    if comment != CHECKSUM + _sha256(file, size):
        raise ValueError(
            f"{path} is damaged: its content does not fit its checksum. Copy or "
            "download it again."
        )


def _sha256(file, size):
    file.seek(0)
    digest = hashlib.sha256()
    while size:
        chunk = file.read(min(size, 2**20))
        if not chunk:
            raise ValueError("The file became shorter while it was read.")
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest().encode("ascii")


def _check_names(archive):
    names = archive.namelist()
    expected = [DOCUMENT, *map(_array_name, range(len(names) - 1))]
    for name, wanted in zip(names, expected, strict=True):
        if name != wanted:
            raise ValueError(f"There is an entry {name!r} in place of {wanted!r}.")


def _check_format(document, path):
    if document["format"] != FORMAT:
        raise _NewerFormat(
            f"{path} has format {document['format']!r}, written by skcnn "
            f"{document['versions']['skcnn']!r}, but skcnn {version('skcnn')} reads "
            f"format {FORMAT}. Install a newer skcnn."
        )


def _read(archive, name):
    entry = archive.getinfo(name)
    if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
        raise ValueError(f"The entry {name} is compressed or encrypted.")
    if entry.header_offset < 0:
        raise ValueError(f"The entry {name} begins before the file.")
    return archive.read(entry)


def _entry(name):
    entry = zipfile.ZipInfo(name)  # without the time: equal estimators, equal files
    entry.external_attr = 0o644 << 16
    return entry


def _array_name(number):
    return f"{number}.npy"


def _refuse_constant(name):
    raise ValueError(f"{name} is not a number of JSON.")


def array_of_npy(content):
    """Return the array in the content of an ``.npy`` file.

    Parameters
    ----------
    content : bytes
        A whole file.

    Returns
    -------
    ndarray
        Of plain values.

    Raises
    ------
    ValueError
        If it is another file, or holds Python objects, or more or less than it says.
    """
    return read_npy(BytesIO(content), len(content), "The array")


class Encoder:
    """Turns values into what JSON can hold, and sets arrays aside.

    None, truth values, finite numbers, text and lists stand for themselves; everything
    else is an object with one key, the name of its kind.
    """

    def __init__(self):
        self.arrays: list[np.ndarray] = []

    def __call__(self, value):
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if type(value) is list:
            return [self(item) for item in value]
        if type(value) is tuple:
            return {"tuple": [self(item) for item in value]}
        if type(value) is dict:
            return {"dict": [[self(k), self(v)] for k, v in value.items()]}
        if isinstance(value, np.generic) and value.dtype.kind in PLAIN_KINDS:
            return {"scalar": self(np.asarray(value))}
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, np.random.RandomState):
            return {"random_state": self(value.get_state(legacy=False))}
        description = describe_optimizer(value)
        if description is None:
            raise TypeError(
                f"Got {value!r}, which only pickle could write: skcnn.save writes "
                "plain values, arrays, RandomState and the optimizers of Keras. Use "
                "joblib.dump, whose files only those may load who trust their writer."
            )
        return {"optimizer": self(description)}

    def _array(self, array):
        if array.dtype == object and array.ndim == 1:
            return {"objects": [self(item) for item in array]}
        if array.dtype.kind not in PLAIN_KINDS:
            raise TypeError(
                f"Got an array of dtype {array.dtype}, which only pickle could write."
            )
        self.arrays.append(array)
        return {"array": len(self.arrays) - 1}


class _Decoder:
    """The inverse of `Encoder`, which makes nothing but plain values."""

    def __init__(self, archive):
        self._archive = archive

    def __call__(self, value):
        if isinstance(value, list):
            return [self(item) for item in value]
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        if kind == "array":
            return self._array(content)
        content = self(content)
        if kind == "float":
            return float(content)
        if kind == "tuple":
            return tuple(content)
        if kind == "dict":
            return dict(content)
        if kind == "scalar":
            return content[()]
        if kind == "objects":
            array = np.empty(len(content), object)
            array[:] = content
            return array
        if kind == "random_state":
            generator = np.random.RandomState(0)
            generator.set_state(content)
            return generator
        if kind == "optimizer":
            return make_optimizer(content)
        raise ValueError(f"There is no kind of value named {kind!r}.")

    def _array(self, number):
        return array_of_npy(_read(self._archive, _array_name(int(number))))
