"""Text files in any common encoding and compression, opened as UTF-8."""

import bz2
import codecs
import gzip
import io
import lzma
import os
import re
import zipfile
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

from skcnn._storage.files import damage_as_value_error, most_unpacked, open_regular

_COMPRESSIONS: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}

# Files that are often named, or passed, as a CSV file by mistake.
_OTHER_KINDS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet file; read it with pandas.read_parquet",
    b"ARROW1": "an Arrow file; read it with pandas.read_feather",
    b"\x89HDF": "an HDF5 file; read it with pandas.read_hdf or h5py",
    b"\x93NUMPY": "a NumPy array; read it with numpy.load",
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save it as CSV first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
}


class Note(Protocol):
    """Takes a sentence about how the file is written, and if the user needs to know."""

    def __call__(self, note: str, *, warn: bool = False) -> None: ...


def open_as_utf_8(path: str, note: Note) -> tuple[Callable[[], BinaryIO], bool]:
    """Return a function that opens a text file as UTF-8, and if a line starts with #.

    Compressed files and other encodings are converted in memory. The opened file has no
    byte order mark, and each line ends with a line feed.
    """
    with open_regular(path) as file:
        start = file.read(8)
    _refuse_other_kinds(start, path)
    unpacked = _unpacked(start, path, note)
    if unpacked is None:
        return _as_utf_8(lambda: open(path, "rb"), path, note)
    _refuse_other_kinds(unpacked[:8], path)
    return _as_utf_8(lambda: io.BytesIO(unpacked), path, note)


def _refuse_other_kinds(start: bytes, path: str) -> None:
    """Refuse an empty file, and a file that starts as one of `_OTHER_KINDS`."""
    if not start:
        raise ValueError(f"{path} is empty.")
    for magic, kind in _OTHER_KINDS.items():
        if start.startswith(magic):
            raise ValueError(f"{path} is not a text file: it is {kind}.")


def _unpacked(start: bytes, path: str, note: Note) -> bytes | None:
    """Return the content of a compressed file, or None if it is not compressed."""
    limit = most_unpacked(os.path.getsize(path))
    kinds = [
        kind for magic, kind in _COMPRESSIONS.items() if start[: len(magic)] == magic
    ]
    if kinds:
        with damage_as_value_error(path), kinds[0](path) as file:
            content = file.read(limit + 1)
    elif start.startswith(b"PK\x03\x04"):
        with damage_as_value_error(path):
            archive = zipfile.ZipFile(path)
        with archive:
            member = _member(archive, path)
            with damage_as_value_error(path), archive.open(member) as file:
                content = file.read(limit + 1)
    else:
        return None
    if len(content) > limit:
        raise ValueError(
            f"{path} unpacks to more than {limit:,} bytes, which is not plausible for "
            "a table of images. Unpack it yourself if it is such a table."
        )
    note(f"{path} is compressed, and was unpacked.")
    return content


def _member(archive: zipfile.ZipFile, path: str) -> str:
    """Return the name of the only file in a ZIP archive."""
    names = [
        name
        for name in archive.namelist()
        if not name.endswith("/") and not name.startswith("__MACOSX/")
    ]
    if "[Content_Types].xml" in names:
        raise ValueError(
            f"{path} is an Excel workbook, but a text file was expected. Save the "
            "table as CSV first."
        )
    if any(name.endswith(".npy") for name in names):
        raise ValueError(f"{path} holds NumPy arrays. Read it with read_npz.")
    if len(names) > 1:
        raise ValueError(
            f"{path} holds {len(names)} files ({', '.join(names[:3])}, ...), but one "
            "table was expected. Unpack it, and pass the table."
        )
    if not names:
        raise ValueError(f"{path} holds no files.")
    return names[0]


def _as_utf_8(
    opened: Callable[[], BinaryIO], path: str, note: Note
) -> tuple[Callable[[], BinaryIO], bool]:
    """Find the encoding, and return the result of `open_as_utf_8`."""
    encoding, has_hash = "utf-8", False
    with opened() as file:
        start = file.read(4)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            wide = start in (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
            encoding = "utf-32" if wide else "utf-16"
        elif re.fullmatch(rb"[^\0]\0[^\0]\0", start):
            encoding = "utf-16-le"
        elif re.fullmatch(rb"\0[^\0]\0[^\0]", start):
            encoding = "utf-16-be"
        file.seek(0)
        content = file.read() if encoding != "utf-8" else None
        if content is None:
            is_utf_8, is_old, has_hash = _scan(file, path)
            if is_old or not is_utf_8:
                file.seek(0)
                content = file.read()
                encoding = "utf-8-sig" if is_utf_8 else "cp1252"
    if content is None:
        if not start.startswith(b"\xef\xbb\xbf"):
            return opened, has_hash

        def without_mark() -> BinaryIO:
            file = opened()
            file.seek(3)
            return file

        return without_mark, has_hash
    if encoding == "cp1252":
        note(
            f"{path} is not UTF-8. It was read as Windows-1252 (Western European); "
            "save it as UTF-8 if names of classes look wrong.",
            warn=True,
        )
    elif encoding != "utf-8-sig":
        note(f"{path} is encoded in {encoding.upper()}.")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "cp1252":
            raise ValueError(
                f"{path} looks like {encoding.upper()}, but is not: {error}."
            ) from error
        text = content.decode("latin-1")
    if "\0" in text:
        raise _not_text_error(path)
    # pandas does not accept a single \r at the end of lines, as on old Macs.
    encoded = re.sub("\r\n?", "\n", text.removeprefix("\ufeff")).encode()
    return lambda: io.BytesIO(encoded), b"\n#" in encoded


def _scan(file: BinaryIO, path: str) -> tuple[bool, bool, bool]:
    """Return whether a file is UTF-8, has old line ends, and has a line of comment.

    Old line ends are carriage returns without line feeds. A comment starts with #.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf_8, is_old, has_hash, last = True, False, False, b""
    while chunk := file.read(2**20):
        if b"\0" in chunk:
            raise _not_text_error(path)
        has_hash = has_hash or b"\n#" in last + chunk
        if b"\r" in chunk or last == b"\r":
            old = re.search(rb"\r[^\n]", last + chunk)
            is_old = is_old or old is not None
        last = chunk[-1:]
        if is_utf_8 and not (chunk.isascii() and decoder.getstate() == (b"", 0)):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError:
                is_utf_8 = False
    if is_utf_8:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            is_utf_8 = False
    return is_utf_8, is_old or last == b"\r", has_hash


def _not_text_error(path: str) -> ValueError:
    return ValueError(
        f"{path} is not a text file: it holds null bytes. Save the table as CSV."
    )
