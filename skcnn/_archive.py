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
import zipfile
from functools import partial
from importlib.metadata import version
from io import BytesIO

import numpy as np

from skcnn import _schema
from skcnn._files import LimitedReads, open_regular, written_whole
from skcnn._npy import read_npy
from skcnn._optimizers import describe_optimizer, make_optimizer
from skcnn._wording import printable

FORMAT = 1
DOCUMENT = "skcnn.json"
CHECKSUM = b"skcnn sha256 "
COMMENT_LENGTH = len(CHECKSUM) + 64

LIBRARIES = ("skcnn", "scikit-learn", "numpy", "keras", "tensorflow", "scikeras")

# Kinds of NumPy dtypes that are plain values: truth, numbers, text and dates.
PLAIN_KINDS = frozenset("biufSUmM")

# Bounds of what is read before a schema can be applied. A data frame of images of 224
# by 224 pixels and three channels has 150,528 names of columns, a token and some ten
# bytes each. A deep network has some hundred arrays, with some 60 bytes each in the
# directory of the archive, of which `zipfile` makes ten times as many.
MAX_ENTRIES = 2**13
MAX_DIRECTORY = 2**20
MAX_DOCUMENT_BYTES = 2**24
MAX_DOCUMENT_TOKENS = 2**19
MAX_NESTING = 32


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
    ValueError
        If the document, or the number of arrays, is beyond what is read again.
    """
    document = {
        "format": FORMAT,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
    } | content
    text = json.dumps(document, indent=1, allow_nan=False)
    _check_size(text.encode())
    if len(encoder.arrays) >= MAX_ENTRIES:
        raise ValueError(f"{len(encoder.arrays):,} arrays are too many for a file.")
    with written_whole(path) as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.comment = b" " * COMMENT_LENGTH
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
    with open_regular(path) as file:
        size = _check_sum(file, path)
        try:
            with zipfile.ZipFile(LimitedReads(file, MAX_DIRECTORY)) as archive:
                _check_entries(archive, size)
                text = _document(archive)
                document = json.loads(text, parse_constant=_refuse_constant)
                _check_format(document, path)
                decode = _Decoder(archive)
                result = use(document, decode)
                decode.refuse_surplus()
                return result
        except (OSError, _NewerFormat):
            raise
        # Whatever the content leads to, in Keras too, is the fault of the file.
        except Exception as error:
            raise ValueError(
                f"{path} has the right checksum, but holds what was not expected "
                f"there: {printable(error)}"
            ) from error


class _NewerFormat(ValueError):
    """Raised for files of a later version of this package."""


def _check_sum(file, path):
    """Refuse what `save` did not write or is damaged; return the file's length."""
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
    return size


def _sha256(file, size):
    """Return the checksum of the first bytes of a file."""
    file.seek(0)
    digest = hashlib.sha256()
    while size:
        chunk = file.read(min(size, 2**20))
        if not chunk:
            raise ValueError("The file became shorter while it was read.")
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest().encode("ascii")


def _check_entries(archive, size):
    """Refuse entries that are not those of `save`, or that overlap."""
    entries = archive.infolist()
    expected = [DOCUMENT, *map(_array_name, range(len(entries) - 1))]
    end = 0
    for entry, wanted in zip(entries, expected, strict=True):
        if entry.filename != wanted:
            raise ValueError(
                f"There is an entry {entry.filename[:99]!r} in place of {wanted!r}."
            )
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise ValueError(f"The entry {wanted} is compressed or encrypted.")
        if entry.file_size != entry.compress_size or entry.header_offset < end:
            raise ValueError(f"The entry {wanted} overlaps the one before.")
        end = entry.header_offset + entry.file_size
    if end > size:
        raise ValueError("The entries are longer than the file.")


def _document(archive):
    """Return the text of the document, unless it is too long to be parsed."""
    if archive.getinfo(DOCUMENT).file_size > MAX_DOCUMENT_BYTES:
        raise ValueError(f"The document has more than {MAX_DOCUMENT_BYTES:,} bytes.")
    with archive.open(DOCUMENT) as file:
        # By pieces, since only a directory may be read in one, however long it is.
        text = b"".join(iter(partial(file.read, 2**18), b""))
    _check_size(text)
    return text


def _check_size(text):
    """Refuse a document, as bytes, that would take much memory to parse."""
    n_tokens = sum(map(text.count, (b",", b"[", b"{", b":")))
    if len(text) > MAX_DOCUMENT_BYTES or n_tokens > MAX_DOCUMENT_TOKENS:
        raise ValueError(
            f"The document has {len(text):,} bytes and some {n_tokens:,} values, but "
            f"{MAX_DOCUMENT_BYTES:,} and {MAX_DOCUMENT_TOKENS:,} are the most that is "
            "read."
        )


def _check_format(document, path):
    """Refuse a later format, and what is no document at all."""
    if type(document) is not dict:
        raise ValueError("The document is no object.")
    _schema.integer(FORMAT)(document.get("format"), "format")
    short = _schema.text(64)
    _schema.mapping(short, short, most=32)(document.get("versions"), "versions")
    if document["format"] != FORMAT:
        raise _NewerFormat(
            f"{path} has format {document['format']}, written by skcnn "
            f"{document['versions'].get('skcnn')!r}, but skcnn {version('skcnn')} "
            f"reads format {FORMAT}. Install a newer skcnn."
        )


def _entry(name):
    entry = zipfile.ZipInfo(name)  # without the time: equal estimators, equal files
    entry.external_attr = 0o644 << 16
    return entry


def _array_name(number):
    return f"{number}.npy"


def _refuse_constant(name):
    raise ValueError(f"{name} is not a number of JSON.")


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
            state = value.get_state(legacy=False)
            if state["bit_generator"] != "MT19937":
                raise TypeError(
                    f"Got a RandomState of {state['bit_generator']}, but skcnn.save "
                    "writes RandomState's own generator, MT19937: give an integer, or "
                    "numpy.random.RandomState(seed), as random_state."
                )
            return {"random_state": self(state)}
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
    """The inverse of `Encoder`, which makes nothing but plain values.

    The values decoded from one file take no more memory than a multiple of the file,
    since each array is read at most once.
    """

    def __init__(self, archive):
        self._archive = archive
        self._unread = set(range(len(archive.namelist()) - 1))

    def __call__(self, value, depth=0):
        if depth > MAX_NESTING:
            raise ValueError(f"Values are nested more than {MAX_NESTING} deep.")
        if isinstance(value, list):
            return [self(item, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        if kind == "array":
            return self._array(content)
        content = self(content, depth + 1)
        if kind == "float":
            _schema.exactly("nan", "inf", "-inf")(content, "float")
            return float(content)
        if kind == "tuple":
            return tuple(content)
        if kind == "dict":
            return dict(content)
        if kind == "scalar":
            _schema.array("".join(PLAIN_KINDS), n_dims=0)(content, "scalar")
            return content[()]
        if kind == "objects":
            array = np.empty(len(content), object)
            array[:] = content
            return array
        if kind == "random_state":
            _schema.random_state(content, "random_state")
            generator = np.random.RandomState(0)
            generator.set_state(content)
            return generator
        if kind == "optimizer":
            return make_optimizer(content)
        raise ValueError("There is a kind of value that no version writes.")

    def _array(self, number):
        _schema.integer(0)(number, "array")
        if number not in self._unread:
            raise ValueError(f"The array {number} is missing, or is there twice.")
        self._unread.remove(number)
        name = _array_name(number)
        with self._archive.open(name) as file:
            return read_npy(file, self._archive.getinfo(name).file_size, name)

    def refuse_surplus(self):
        """Refuse arrays that nothing refers to."""
        if self._unread:
            raise ValueError(f"There are {len(self._unread)} arrays too many.")
