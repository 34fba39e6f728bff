"""Tables in text files: how a file is written is found out, and every row is checked.

CSV is no format. What `TextTable` knows of a file (compression, encoding, separator,
decimal mark, header) it has from the file's own first lines, and pandas parses the rest
with that. A file that does not keep to it is refused with the line.
"""

import bz2
import codecs
import csv
import gzip
import io
import itertools
import lzma
import os
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from skcnn._files import damage_as_value_error, most_unpacked, open_regular
from skcnn._wording import counted, printable, shown

_COMPRESSIONS: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
}

# What people rename to .csv, or name in place of it.
_OTHER_KINDS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"%PDF": "a PDF document",
    b"PAR1": "a Parquet file; read it with pandas.read_parquet",
    b"ARROW1": "an Arrow file; read it with pandas.read_feather",
    b"\x89HDF": "an HDF5 file; read it with pandas.read_hdf or h5py",
    b"\x93NUMPY": "an array of NumPy's; read it with numpy.load",
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save it as CSV first",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
}

_SEPARATORS = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "vertical bars",
    " ": "spaces",
}
_HEAD_LINES = 60
_HEAD_BYTES = 2**24
_ROWS_AT_ONCE = 4_000_000  # divided by the number of columns
_MOST_COLUMNS_OF_PANDAS = 10_000

_NUMBERS = {
    ".": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[Tt]rue|[Ff]alse", re.A),
    ",": re.compile(r"[+-]?(\d+|\d*,\d+)([eE][+-]?\d+)?|[Tt]rue|[Ff]alse", re.A),
}

# So many whole numbers in a row, one after the other, are numbers of columns.
_CERTAIN_COUNT = 16


class Line(NamedTuple):
    """A line that is neither empty nor a comment."""

    number: int  # from 1
    cells: list[str]


class TextTable:
    """A text file of rows, one an image.

    Parameters
    ----------
    path : str or path-like
        The file.
    header : {"infer", True, False}
        Whether the first line holds the names of the columns.
    expected : list of str or None
        Names of columns that a header may have.

    Attributes
    ----------
    names : list of str or None
        The columns in the order of the file; None without a header.
    n_columns : int
        How many there are.
    head : list of list of str
        The cells of the first rows.
    notes : list of str
        What was found and is not as in a plain CSV file.
    warned : list of str
        Those of the notes that a user has to know.
    decimal : {".", ","}
        What stands before decimals.
    plain : bool
        Whether the file is UTF-8 with commas, uncompressed.
    """

    def __init__(self, path, header="infer", expected=None) -> None:
        self.path = os.fspath(path)
        self.notes: list[str] = []
        self.warned: list[str] = []
        self._open, self._has_hash = self._content()
        self.names: list[str] | None = None
        self.plain = not self.notes
        lines = self._first_lines()
        self._find_separator(lines)
        self.plain = self.plain and self._separator == "," and self.decimal == "."
        self._find_header(lines, header, expected)

    def is_number(self, cell: str) -> bool:
        """Return whether a cell holds a finite number."""
        return bool(_NUMBERS[self.decimal].fullmatch(cell.strip()))

    def chunks(self, texts: set[int], needed: set[int]) -> Iterator[Any]:
        """Yield the rows as frames with the numbers of the columns as names.

        Columns whose numbers are in `texts` hold str, all others numbers. Those that
        are `needed` have a value in every row.
        """
        import pandas as pd

        k = self.n_columns
        if k > _MOST_COLUMNS_OF_PANDAS:
            yield from self._wide_chunks(texts, needed)
            return
        with self._open() as file, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            read: Any = None
            while True:
                try:
                    read = read or self._reader(file, texts)
                    chunk = next(read)
                except StopIteration:
                    return
                except (pd.errors.ParserError, pd.errors.ParserWarning) as error:
                    raise self.problem(texts, needed, error) from error
                if not self._is_sound(chunk, texts, needed):
                    raise self.problem(texts, needed)
                yield chunk.drop(columns=k)

    def _wide_chunks(self, texts: set[int], needed: set[int]) -> Iterator[Any]:
        """Yield what `chunks` does, without pandas' parser.

        That parser takes 0.1 ms for each column of each chunk, and tables of many
        columns have few rows in a chunk.
        """
        import pandas as pd

        self._skipped()  # refuses a row that begins with the mark of comments
        numbers = [i for i in range(self.n_columns) if i not in texts]
        most = _ROWS_AT_ONCE // self.n_columns + 1
        lines = self.lines()
        while True:
            rows: list[np.ndarray] = []
            words: dict[int, list[str]] = {i: [] for i in texts}
            for _, cells in itertools.islice(lines, most):
                row = None
                if self._is_sound_line(cells, texts, needed):
                    row = self._numbers(cells, numbers)
                if row is None:
                    raise self.problem(texts, needed)
                rows.append(row)
                for i in texts:
                    words[i].append(cells[i])
            if not rows:
                return
            frame = pd.DataFrame(np.array(rows), columns=numbers, copy=False)
            yield frame.join(pd.DataFrame(words, index=frame.index))

    def _is_sound_line(self, cells, texts, needed) -> bool:
        """Return whether a line is as long as it should be, and text lies in it."""
        k = self.n_columns
        if len(cells) != k and not (len(cells) == k + 1 and not cells[-1].strip()):
            return False
        return not any(
            re.search("[\r\n]", cells[i]) or (i in needed and not cells[i].strip())
            for i in texts
        )

    def _numbers(self, cells: list[str], places: list[int]) -> np.ndarray | None:
        """Return the numbers in some cells, or None if one of them holds none."""
        different = {cells[i] for i in places}
        if not all(map(self.is_number, different)):
            return None
        values = {cell: self._number(cell) for cell in different}
        return np.array([values[cells[i]] for i in places])

    def _number(self, cell: str) -> float:
        """Return the number in a cell that holds one."""
        text = cell.strip().lower()
        if text in ("true", "false"):
            return float(text == "true")
        return float(text.replace(self.decimal, "."))

    def _reader(self, file: BinaryIO, texts: set[int]) -> Any:
        """Return pandas' parser, which gives some rows at a time."""
        import pandas as pd

        return pd.read_csv(
            file,
            sep=r"\s+" if self._separator == " " else self._separator,
            decimal=self.decimal,
            header=None,
            # One column more than there are, for what is beyond the last one.
            names=range(self.n_columns + 1),
            index_col=False,
            skiprows=self._skipped(),
            skipinitialspace=True,
            na_filter=False,
            dtype=dict.fromkeys(texts, str),
            low_memory=False,
            chunksize=max(1, _ROWS_AT_ONCE // self.n_columns),
        )

    def _is_sound(self, chunk, texts, needed) -> bool:
        """Return whether rows are as long as they should be, and numbers numbers."""
        k = self.n_columns
        beyond = chunk[k]
        if beyond.dtype.kind in "biufc" or (beyond != "").any():
            return False
        for i in texts:
            if chunk[i].str.contains("[\r\n]").any():
                return False
            if i in needed and (chunk[i].str.strip() == "").any():
                return False
        kinds = {chunk[i].dtype.kind for i in range(k) if i not in texts}
        return not kinds - set("biuf")

    def problem(self, texts, needed, error: object = None) -> ValueError:
        """Return what is wrong with the first line that is not as it should be."""
        k = self.n_columns
        for number, cells in self.lines():
            if len(cells) == k + 1 and not cells[-1].strip():
                cells = cells[:-1]
            if len(cells) != k:
                return self._length_problem(number, len(cells))
            for i, cell in enumerate(cells):
                advice = " Correct it or delete the line."
                if "\n" in cell or "\r" in cell:
                    what = "a value that goes on in the next line: is a quote missing"
                    advice = ""
                elif i in texts and i not in needed:
                    continue
                elif not cell.strip():
                    what, advice = "no value", " Fill it in or delete the line."
                elif i in texts:
                    continue
                elif not self.is_number(cell):
                    what = f"{shown(cell)}, but a number was expected"
                elif _is_huge(cell.replace(",", ".")):
                    what = f"{shown(cell)}, which is too large for a pixel,"
                else:
                    continue
                return ValueError(
                    f"{self.path}: line {number} has {what} in {self.column(i)}."
                    f"{advice}"
                )
        reason = "" if error is None else f" ({printable(error)})"
        return ValueError(
            f"{self.path} cannot be read as a table{reason}. Look for a quote without "
            "its partner, and for lines of quotes alone."
        )

    def _length_problem(self, number: int, n: int) -> ValueError:
        what = "the header has" if self.names is not None else "the first line has"
        more = ""
        if n == self.n_columns + 1 and self.names is not None:
            more = (
                " Name the first column too if it holds the numbers or names of the "
                "rows."
            )
        return ValueError(
            f"{self.path}: line {number} has {counted(n, 'value')}, but {what} "
            f"{self.n_columns}. No column can be told by its place.{more}"
        )

    def column(self, i: int) -> str:
        """Return the name of a column for messages."""
        if self.names is None:
            return f"column {i + 1} of {self.n_columns}"
        return f"the column {shown(self.names[i])}"

    def columns(self) -> str:
        """Return the columns for messages: all of few, the ends of many."""
        if self.names is None:
            return f"{self.n_columns} columns without names"
        names = [shown(name) for name in self.names]
        if len(names) > 12:
            names = [*names[:5], "...", *names[-3:]]
        return f"the {self.n_columns} columns {', '.join(names)}"

    def line_of(self, row: int) -> int:
        """Return the number of the line in which a row lies, both from their first."""
        return next(itertools.islice(self.lines(), row, None)).number

    def lines(self) -> Iterator[Line]:
        """Yield the lines below the header."""
        with self._text() as file:
            for line in self._split(file, self._separator):
                if line.number > self._above and not line.cells[0].startswith("#"):
                    yield line

    # The file.

    def _content(self) -> tuple[Callable[[], BinaryIO], bool]:
        """Return how to open the table as UTF-8, and whether a line starts with #."""
        with open_regular(self.path) as file:
            start = file.read(8)
        self._refuse_other_kinds(start)
        unpacked = self._unpacked(start)
        if unpacked is None:
            return self._as_utf_8(partial(open, self.path, "rb"))
        self._refuse_other_kinds(unpacked[:8])
        return self._as_utf_8(partial(io.BytesIO, unpacked))

    def _refuse_other_kinds(self, start: bytes) -> None:
        if not start:
            raise ValueError(f"{self.path} is empty.")
        for magic, kind in _OTHER_KINDS.items():
            if start.startswith(magic):
                raise ValueError(f"{self.path} is no text: it is {kind}.")

    def _unpacked(self, start: bytes) -> bytes | None:
        """Return the content of a compressed file, None for others."""
        limit = most_unpacked(os.path.getsize(self.path))
        kinds = [
            kind
            for magic, kind in _COMPRESSIONS.items()
            if start[: len(magic)] == magic
        ]
        if kinds:
            with damage_as_value_error(self.path), kinds[0](self.path) as file:
                content = file.read(limit + 1)
        elif start.startswith(b"PK\x03\x04"):
            with damage_as_value_error(self.path):
                archive = zipfile.ZipFile(self.path)
            with archive:
                member = self._member(archive)
                with damage_as_value_error(self.path), archive.open(member) as file:
                    content = file.read(limit + 1)
        else:
            return None
        if len(content) > limit:
            raise ValueError(
                f"{self.path} unpacks to more than {limit:,} bytes, which no "
                "table of images does. Unpack it yourself if it is one."
            )
        self.notes.append(f"{self.path} is compressed, and was unpacked.")
        return content

    def _member(self, archive: zipfile.ZipFile) -> str:
        names = [
            name
            for name in archive.namelist()
            if not name.endswith("/") and not name.startswith("__MACOSX/")
        ]
        if "[Content_Types].xml" in names:
            raise ValueError(
                f"{self.path} is an Excel workbook, but a text file was expected. Save "
                "the table as CSV first."
            )
        if any(name.endswith(".npy") for name in names):
            raise ValueError(
                f"{self.path} holds arrays of NumPy's. Read it with read_npz."
            )
        if len(names) > 1:
            raise ValueError(
                f"{self.path} holds {len(names)} files ({', '.join(names[:3])}, ...), "
                "but one table was expected. Unpack it, and name the table."
            )
        if not names:
            raise ValueError(f"{self.path} holds no file.")
        return names[0]

    def _as_utf_8(self, opened) -> tuple[Callable[[], BinaryIO], bool]:
        """Return how to open the table as UTF-8 without a mark at its start."""
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
                is_utf_8, is_old, has_hash = self._scan(file)
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
            self.note(
                f"{self.path} is not UTF-8. It was read as Windows-1252 (Western "
                "European); save it as UTF-8 if names of classes look wrong.",
                warn=True,
            )
        elif encoding != "utf-8-sig":
            self.notes.append(f"{self.path} is encoded in {encoding.upper()}.")
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError as error:
            if encoding != "cp1252":
                raise ValueError(
                    f"{self.path} looks like {encoding.upper()}, but is not: {error}."
                ) from error
            text = content.decode("latin-1")
        if "\0" in text:
            raise self._no_text()
        # Lines that end in \r alone, as on old Macs, are none for pandas.
        encoded = re.sub("\r\n?", "\n", text.removeprefix("\ufeff")).encode()
        return lambda: io.BytesIO(encoded), b"\n#" in encoded

    def _scan(self, file) -> tuple[bool, bool, bool]:
        """Return whether all is UTF-8, a line ends as on old Macs, or begins with #."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        is_utf_8, is_old, has_hash, last = True, False, False, b""
        while chunk := file.read(2**20):
            if b"\0" in chunk:
                raise self._no_text()
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

    def _no_text(self) -> ValueError:
        return ValueError(
            f"{self.path} is no text: it holds bytes of zero. Save the table as CSV."
        )

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self._open(), "utf-8", newline="")

    # Its first lines.

    def _first_lines(self) -> list[tuple[int, str]]:
        """Return the first lines that are not empty, with their numbers."""
        lines, size = [], 0
        with self._text() as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    lines.append((number, line.rstrip("\r\n")))
                size += len(line)
                if len(lines) == _HEAD_LINES or size > _HEAD_BYTES:
                    break
        if not lines:
            raise ValueError(f"{self.path} has no line that is not empty.")
        first = lines[0][1].lstrip().lower()
        if first.startswith(("<!doctype", "<html", "<?xml", "<head", "<body")):
            raise ValueError(
                f"{self.path} is a page of the web, perhaps one that asks to log in, "
                "and no table. Fetch the file again."
            )
        self._stated: str | None = None
        if match := re.fullmatch(r"\"?sep=(.)\"?", lines[0][1].strip(" \r\n")):
            self._stated = match[1]
            del lines[0]  # what Excel reads the separator from
            if not lines:
                raise ValueError(f"{self.path} has no row.")
        return lines

    def _find_separator(self, lines: list[tuple[int, str]]) -> None:
        """Set the separator and the decimal mark that make the most numbers.

        Lines of as many cells as the first count for it as well, since tables of text
        have no numbers.
        """
        first, *body = [line for _, line in lines if not line.startswith("#")] or [""]
        best = (_net(body or [first], "."), ",", ".")
        for separator in [self._stated] if self._stated else _SEPARATORS:
            try:
                width = len(next(self._split([first], separator), Line(1, [])).cells)
                rows = [line.cells for line in self._split(body or [first], separator)]
            except ValueError:  # lines that are too long for a single cell
                continue
            if width < 2 or max(map(len, rows), default=0) < 2:
                continue
            if separator == " " and "\t" in first:  # which would lose empty cells
                continue
            cells = [cell for row in rows for cell in row]
            for decimal in ".,":
                score = _net(cells, decimal)
                if all(len(row) == width for row in rows) and (
                    separator != " "
                    or any(_NUMBERS[decimal].fullmatch(c) for c in cells)
                ):
                    score += 3 * len(rows)
                if score > best[0]:
                    best = score, separator, decimal
        if self._stated:
            best = (*best[:1], self._stated, best[2])
        self._separator: str
        _, self._separator, self.decimal = best
        if self._separator != ",":
            name = _SEPARATORS.get(self._separator, repr(self._separator))
            self.notes.append(f"{self.path} separates its columns by {name}.")
        if self.decimal == ",":
            self.notes.append(f"{self.path} writes its decimals after a comma.")

    def _split(self, lines, separator) -> Iterator[Line]:
        """Yield the cells of lines that are not empty."""
        if separator == " ":
            lines = (" ".join(line.split()) for line in lines)
        reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        number = 0
        try:
            for cells in reader:
                if any(cell.strip() for cell in cells[:1]) or len(cells) > 1:
                    yield Line(number + 1, cells)
                number = reader.line_num
        except csv.Error as error:
            raise ValueError(
                f"{self.path}: line {number + 1} cannot be split into columns "
                f"({error}): is a quote missing?"
            ) from error

    def _find_header(self, lines, header, expected) -> None:
        """Set the names of the columns, their number and where the rows begin."""
        # A line of quotes alone holds no cell.
        rows = [
            Line(number, cells)
            for number, text in lines
            for _, cells in self._split([text], self._separator)
        ]
        if not rows:
            raise ValueError(f"{self.path} has no line that is not empty.")
        above = [row for row in rows if row.cells[0].startswith("#")]
        below = [row for row in rows if not row.cells[0].startswith("#")]
        if not below:
            raise ValueError(f"{self.path} has comments, but no rows.")
        first, *rest = below
        width = len(first.cells)
        if rest:
            width = Counter(len(row.cells) for row in rest).most_common(1)[0][0]
        commented = [row for row in above if row.number < first.number][-1:]
        if commented and header == "infer":
            cells = commented[0].cells
            names = [cells[0].lstrip("# "), *cells[1:]]
            if len(first.cells) > 1 and len(names) == len(first.cells):
                # numpy.savetxt writes its header so.
                self._set_header(names, first.number - 1, below)
                self.note(
                    f"{self.path} has the names of its columns in line "
                    f"{commented[0].number}, behind a #."
                )
                return
        if header == "infer":
            has_header = self._looks_like_header(first, rest, expected)
        else:
            has_header = bool(header)
        if not has_header:
            self._above = first.number - 1
            self.n_columns = len(first.cells)
            if width == self.n_columns and all(
                not row.cells[-1].strip() for row in below
            ):
                self.n_columns -= 1
            self.head = [row.cells[: self.n_columns] for row in below]
            return
        if not rest:
            raise ValueError(
                f"{self.path} has no row below its first line, which holds "
                f"{shown(first.cells[0])}, ..."
            )
        self._set_header(first.cells, first.number, rest)

    def _set_header(self, names: list[str], above: int, rows: list[Line]) -> None:
        self._above = above
        names = [name.strip() for name in names]
        width = Counter(len(row.cells) for row in rows).most_common(1)[0][0]
        ends_empty = all(
            len(row.cells) == width and not row.cells[-1].strip() for row in rows
        )
        if not names[-1] and (
            width == len(names) - 1 or (ends_empty and width == len(names))
        ):
            del names[-1]  # a separator at the end of the header, or of every line
        elif self._separator == " " and self._has_gap(above):
            names = ["", *names]  # the first name is empty, as pandas writes an index
        elif width == len(names) + 1 and not ends_empty and self._has_row_names(rows):
            names = ["", *names]
            self.notes.append(
                f"{self.path} has one name less than columns; the first column holds "
                "the names of the rows, as R writes them."
            )
        twice = [name for name, n in Counter(names).items() if n > 1]
        if twice:
            raise ValueError(
                f"{self.path} has the column {shown(twice[0])} twice. Give each "
                "column a name of its own."
            )
        self.names = names
        self.n_columns = len(names)
        self.head = [row.cells[: self.n_columns] for row in rows]

    def _has_gap(self, header: int) -> bool:
        """Return whether the header begins with a space, and the next line does not."""
        with self._text() as file:
            lines = list(itertools.islice(file, header + 1))
        return lines[header - 1][:1] == " " and lines[header][:1] != " "

    def _has_row_names(self, rows: list[Line]) -> bool:
        """Return whether the first of each row is quoted, and the numbers are not.

        R's write.table quotes text, and gives no name to the column of row names.
        """
        with self._text() as file:
            raw = list(itertools.islice(file, rows[-1].number))
        return all(
            re.match(r'\s*"[^"]*"\s*\S', raw[row.number - 1])
            and raw[row.number - 1].count('"') <= 4
            for row in rows
        )

    def _looks_like_header(self, first: Line, rest: list[Line], expected) -> bool:
        """Return whether the first line holds names, or raise where nobody can tell."""
        cells = [cell.strip() for cell in first.cells]
        if expected is not None and len(set(cells) & set(expected)) > len(expected) / 2:
            return True
        numbers = [cell for cell in cells if self.is_number(cell)]
        if not numbers or (rest and len(numbers) < len(cells) / 2):
            return any(not self.is_number(cell) for cell in cells)
        # Columns in another order are numbered in it.
        numbered = sorted(numbers, key=lambda number: (len(number), number))
        if counts(numbered) and len(numbers) >= _CERTAIN_COUNT:
            self.note(
                f"The first line of {self.path} counts the columns "
                f"({numbers[0]}, {numbers[1]}, ..., {numbers[-1]}); it was taken as a "
                "header."
            )
            return True
        if len(set(numbers)) < len(numbers) and len(numbers) > 1:
            self.note(
                f"{self.path} has no header: its first line holds numbers, some of "
                "them several times, which no names of columns are.",
                warn=True,
            )
            return False
        raise ValueError(
            f"The first line of {self.path} looks like pixels "
            f"({', '.join(numbers[:3])}, ...): has the file no header? Then give "
            "header=None. If these are names of "
            "columns, give header=True."
        )

    def _skipped(self) -> list[int]:
        """Return which lines, counted from 0, are none of the rows."""
        skipped = list(range(self._above))
        if self._has_hash:
            with self._text() as file:
                for i, line in enumerate(file):
                    if i >= self._above and line.startswith("#"):
                        if self._looks_like_row(line):
                            raise ValueError(
                                f"{self.path}: line {i + 1} begins with #, as comments "
                                "do, but has as many values as a row. Quote the # or "
                                "delete the line."
                            )
                        skipped.append(i)
        return skipped

    def _looks_like_row(self, line: str) -> bool:
        ((_, cells),) = self._split([line], self._separator)
        return len(cells) == self.n_columns

    def note(self, note: str, *, warn: bool = False) -> None:
        self.notes.append(note)
        if warn:
            self.warned.append(note)


def _is_huge(number: str) -> bool:
    """Return whether a number is beyond the integers."""
    return number.strip()[0] not in "tTfF" and abs(float(number)) >= 2**63


def _net(cells: list[str], decimal: str) -> int:
    """Return how many more cells are numbers than are none."""
    texts = [cell.strip() for cell in cells]
    numbers = sum(_NUMBERS[decimal].fullmatch(text) is not None for text in texts)
    return 2 * numbers - len(texts) + texts.count("")


def counts(cells: list[str]) -> bool:
    """Return whether cells are 0, 1, 2, ... or 1, 2, 3, ..."""
    start = cells[0] if cells else ""
    return start in ("0", "1") and cells == [
        str(i) for i in range(int(start), int(start) + len(cells))
    ]
