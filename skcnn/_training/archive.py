"""Files that hold a JSON document and arrays: data only, and nothing to execute.

A file is an uncompressed ZIP archive of one JSON document and of the arrays that the
document refers to, in NumPy's format. The comment of the archive is a SHA-256 checksum
of everything before it. Reading uses neither pickle nor Keras's deserialization, since
both can execute code from a file.
"""

import hashlib
import json
import math
import os
import platform
import re
import zipfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from io import BytesIO
from typing import IO, Any, BinaryIO, TypeVar

import numpy as np

from skcnn._messages.wording import printable
from skcnn._network.optimizers import describe_optimizer, make_optimizer
from skcnn._storage import schema
from skcnn._storage.files import LimitedReads, open_regular, written_whole
from skcnn._storage.npy import read_npy

FORMAT = 1
DOCUMENT = "skcnn.json"
CHECKSUM = b"skcnn sha256 "
COMMENT_LENGTH = len(CHECKSUM) + 64

LIBRARIES = ("skcnn", "scikit-learn", "numpy", "keras", "tensorflow", "scikeras")

# Kinds of NumPy dtypes that hold plain values: booleans, numbers, text and dates.
PLAIN_KINDS = frozenset("biufSUmM")

# Bounds for what is read before a schema can be checked. A data frame of images of
# 224 x 224 x 3 values has 150,528 column names, each a token of some ten bytes. A deep
# network has some hundred arrays, each with some 60 bytes in the directory of the
# archive; `zipfile` allocates several times as much for the directory.
MAX_ENTRIES = 2**13
MAX_DIRECTORY = 2**20
MAX_DOCUMENT_BYTES = 2**24
MAX_DOCUMENT_TOKENS = 2**19
MAX_NESTING = 32


Result = TypeVar("Result")


def write_archive(
    path: str | os.PathLike, content: dict[str, Any], encoder: "Encoder"
) -> None:
    """Write a file that holds a document and its arrays, completely or not at all.

    `content` holds values that `encoder` returned; `encoder` holds the arrays. A
    document or a number of arrays that `read_archive` would refuse raises a ValueError.
    """
    document = {
        "format": FORMAT,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in LIBRARIES},
    } | content
    text = json.dumps(document, indent=1, allow_nan=False)
    _check_size(text.encode())
    if len(encoder.arrays) >= MAX_ENTRIES:
        raise ValueError(
            f"There are {len(encoder.arrays):,} arrays, but a file holds at most "
            f"{MAX_ENTRIES - 1:,}."
        )
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


def read_archive(
    path: str | os.PathLike, use: Callable[[dict[str, Any], "Decoder"], Result]
) -> Result:
    """Read a file, and return ``use(document, decode)``.

    A ValueError is raised if the file was not written by `write_archive`, is damaged,
    comes from a newer version of skcnn, or holds a document on which `use` fails.
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
                decode = Decoder(archive)
                result = use(document, decode)
                decode.refuse_surplus()
                return result
        except (OSError, HandedInError, _NewerFormat):
            raise
        # Any error that the content causes, even inside Keras, is an error of the file.
        except Exception as error:
            raise ValueError(
                f"{path} has the right checksum, but its content is not what skcnn "
                f"writes: {printable(error)}"
            ) from error


class HandedInError(ValueError):
    """The file needs something else beside it than what the caller has handed in."""


class _NewerFormat(ValueError):
    """A file was written by a later version of skcnn."""


def _check_sum(file: BinaryIO, path: str) -> int:
    """Compare the checksum; return the number of bytes before the comment."""
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
            f"{path} is damaged: its content does not match its checksum. Copy or "
            "download it again."
        )
    return size


def _sha256(file: IO[bytes], size: int) -> bytes:
    """Return the checksum of the first `size` bytes of a file, as hexadecimal text."""
    file.seek(0)
    digest = hashlib.sha256()
    while size:
        chunk = file.read(min(size, 2**20))
        if not chunk:
            raise ValueError("The file became shorter while it was being read.")
        digest.update(chunk)
        size -= len(chunk)
    return digest.hexdigest().encode("ascii")


def _check_entries(archive: zipfile.ZipFile, size: int) -> None:
    """Refuse entries that `write_archive` does not write, or that overlap."""
    entries = archive.infolist()
    expected = [DOCUMENT, *map(_array_name, range(len(entries) - 1))]
    end = 0
    for entry, wanted in zip(entries, expected, strict=True):
        if entry.filename != wanted:
            raise ValueError(
                f"There is an entry {entry.filename[:99]!r} instead of {wanted!r}."
            )
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            raise ValueError(f"The entry {wanted} is compressed or encrypted.")
        if entry.file_size != entry.compress_size or entry.header_offset < end:
            raise ValueError(f"The entry {wanted} overlaps the previous one.")
        end = entry.header_offset + entry.file_size
    if end > size:
        raise ValueError("The entries are longer than the file.")


def _document(archive: zipfile.ZipFile) -> bytes:
    """Return the text of the document, or raise if it is too long to be parsed."""
    if archive.getinfo(DOCUMENT).file_size > MAX_DOCUMENT_BYTES:
        raise ValueError(f"The document has more than {MAX_DOCUMENT_BYTES:,} bytes.")
    with archive.open(DOCUMENT) as file:
        # By pieces, since only a directory may be read in one, however long it is.
        text = b"".join(iter(partial(file.read, 2**18), b""))
    _check_size(text)
    return text


def _check_size(text: bytes) -> None:
    """Refuse the text of a document that would take much memory to parse."""
    n_tokens = sum(map(text.count, (b",", b"[", b"{", b":")))
    if len(text) > MAX_DOCUMENT_BYTES or n_tokens > MAX_DOCUMENT_TOKENS:
        raise ValueError(
            f"The document has {len(text):,} bytes and about {n_tokens:,} values, but "
            f"at most {MAX_DOCUMENT_BYTES:,} bytes and {MAX_DOCUMENT_TOKENS:,} values "
            "are read."
        )


def _check_format(document: Any, path: str) -> None:
    """Refuse a later format, and JSON that is not a document."""
    if type(document) is not dict:
        raise ValueError("The document is not a JSON object.")
    schema.integer(FORMAT)(document.get("format"), "format")
    short = schema.text(64)
    schema.mapping(short, short, most=32)(document.get("versions"), "versions")
    if document["format"] != FORMAT:
        raise _NewerFormat(
            f"{path} has format {document['format']}, written by skcnn "
            f"{document['versions'].get('skcnn')!r}, but skcnn {version('skcnn')} "
            f"reads format {FORMAT}. Install a newer skcnn."
        )


def _entry(name: str) -> zipfile.ZipInfo:
    """Return an entry without a time, so that equal estimators give equal files."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    return entry


def _array_name(number: int) -> str:
    return f"{number}.npy"


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number in JSON.")


class Encoder:
    """Converts values to what JSON can hold, and collects the arrays among them.

    None, booleans, finite numbers, strings and lists stay as they are. Every other
    value becomes an object with a single key, the name of the value's kind.
    """

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []

    def __call__(self, value: Any) -> Any:
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
                    "writes only RandomState's default generator, MT19937: pass an "
                    "integer, or numpy.random.RandomState(seed), as random_state."
                )
            return {"random_state": self(state)}
        description = describe_optimizer(value)
        if description is None:
            raise TypeError(
                f"Got {value!r}, which only pickle could write: skcnn.save writes "
                "plain values, arrays, RandomState and the optimizers of Keras. Use "
                "joblib.dump, and load such a file only if you trust its writer."
            )
        return {"optimizer": self(description)}

    def _array(self, array: np.ndarray) -> dict[str, Any]:
        if array.dtype == object and array.ndim == 1:
            return {"objects": [self(item) for item in array]}
        if array.dtype.kind not in PLAIN_KINDS:
            raise TypeError(
                f"Got an array of dtype {array.dtype}, which only pickle could write."
            )
        self.arrays.append(array)
        return {"array": len(self.arrays) - 1}


class Decoder:
    """The inverse of `Encoder`.

    Each array of a file is read at most once, so that the decoded values take no more
    memory than a small multiple of the file.
    """

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._unread = set(range(len(archive.namelist()) - 1))

    def __call__(self, value: Any, depth: int = 0) -> Any:
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
            schema.exactly("nan", "inf", "-inf")(content, "float")
            return float(content)
        if kind == "tuple":
            return tuple(content)
        if kind == "dict":
            return dict(content)
        if kind == "scalar":
            schema.array("".join(PLAIN_KINDS), n_dims=0)(content, "scalar")
            return content[()]
        if kind == "objects":
            array = np.empty(len(content), object)
            array[:] = content
            return array
        if kind == "random_state":
            schema.random_state(content, "random_state")
            generator = np.random.RandomState(0)
            generator.set_state(content)
            return generator
        if kind == "optimizer":
            return make_optimizer(content)
        raise ValueError("There is a kind of value that no version of skcnn writes.")

    def _array(self, number: Any) -> np.ndarray:
        schema.integer(0)(number, "array")
        if number not in self._unread:
            raise ValueError(f"The array {number} is missing, or is used twice.")
        self._unread.remove(number)
        name = _array_name(number)
        with self._archive.open(name) as file:
            return read_npy(file, self._archive.getinfo(name).file_size, name)

    def refuse_surplus(self) -> None:
        """Refuse arrays that the document does not refer to."""
        if self._unread:
            raise ValueError(
                f"The document does not refer to {len(self._unread)} of the arrays."
            )
