"""Tables in text files, whose separator, decimal mark and header are detected.

CSV files are written in many ways. `TextTable` detects from the first lines how a file
is written, pandas parses the file accordingly, and every row is checked. An error names
the first line that does not fit.
"""

import csv
import io
import itertools
import os
import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from skcnn._messages.wording import counted, printable, shown
from skcnn.datasets._text_file import open_as_utf_8

_SEPARATORS = {
    ",": "commas",
    ";": "semicolons",
    "\t": "tabs",
    "|": "vertical bars",
    " ": "spaces",
}
# The most lines, and bytes, from which is detected how a file is written.
_HEAD_LINES = 60
_HEAD_BYTES = 2**24
# The most cells that are parsed at once.
_CELLS_AT_ONCE = 4_000_000
# Tables with more columns are parsed without pandas.
_MOST_COLUMNS_OF_PANDAS = 10_000

_NUMBERS = {
    ".": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[Tt]rue|[Ff]alse", re.A),
    ",": re.compile(r"[+-]?(\d+|\d*,\d+)([eE][+-]?\d+)?|[Tt]rue|[Ff]alse", re.A),
}

# A first line of at least this many consecutive integers numbers the columns.
_CERTAIN_COUNT = 16


class Line(NamedTuple):
    """A line that is neither empty nor a comment; lines are counted from 1."""

    number: int
    cells: list[str]


class TextTable:
    """A text file with one row for each image.

    Parameters
    ----------
    path : str or path-like
        The file.
    header : {"infer", True, False}
        Whether the first line holds the names of the columns.
    expected : list of str or None
        Names of columns that the header may have.

    Attributes
    ----------
    names : list of str or None
        The columns in the order of the file; None without a header.
    n_columns : int
        The number of columns.
    head : list of list of str
        The cells of the first rows.
    notes : list of str
        Sentences about what differs from a plain CSV file.
    warned : list of str
        The notes that the user should be warned of.
    decimal : {".", ","}
        The decimal mark.
    plain : bool
        Whether the file is uncompressed UTF-8 with commas as separators.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        header: str | bool | None = "infer",
        expected: list[str] | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self.notes: list[str] = []
        self.warned: list[str] = []
        self._open, self._has_hash = open_as_utf_8(self.path, self.note)
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
        """Yield the rows as data frames; the names of columns are 0, 1, 2, ...

        The columns `texts` hold str, and all others hold numbers. The columns `needed`
        have a value in every row.
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

        That parser does work for each column of each chunk, and tables of many columns
        have few rows in a chunk.
        """
        import pandas as pd

        self._skipped()  # refuses a row that begins with the mark of comments
        numbers = [i for i in range(self.n_columns) if i not in texts]
        most = _CELLS_AT_ONCE // self.n_columns + 1
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

    def _is_sound_line(
        self, cells: list[str], texts: set[int], needed: set[int]
    ) -> bool:
        """Return whether a line has the right length and its text no line breaks."""
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
        """Return pandas' parser, which yields some rows at a time."""
        import pandas as pd

        return pd.read_csv(
            file,
            sep=r"\s+" if self._separator == " " else self._separator,
            decimal=self.decimal,
            header=None,
            # One more column, to detect rows that are too long.
            names=range(self.n_columns + 1),
            index_col=False,
            skiprows=self._skipped(),
            skipinitialspace=True,
            na_filter=False,
            dtype=dict.fromkeys(texts, str),
            low_memory=False,
            chunksize=max(1, _CELLS_AT_ONCE // self.n_columns),
        )

    def _is_sound(self, chunk: Any, texts: set[int], needed: set[int]) -> bool:
        """Return whether all rows have the right length and kinds of values."""
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

    def problem(
        self, texts: set[int], needed: set[int], error: object = None
    ) -> ValueError:
        """Return an error that names the first line that is wrong, and why."""
        k = self.n_columns
        for number, cells in self.lines():
            if len(cells) == k + 1 and not cells[-1].strip():
                cells = cells[:-1]
            if len(cells) != k:
                return self._length_problem(number, len(cells))
            for i, cell in enumerate(cells):
                advice = " Correct it or delete the line."
                if "\n" in cell or "\r" in cell:
                    what = "a value that continues on the next line (missing quote?)"
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
        """Return the error for a line with a wrong number of values."""
        what = "the header has" if self.names is not None else "the first line has"
        more = ""
        if n == self.n_columns + 1 and self.names is not None:
            more = (
                " Name the first column too if it holds the numbers or names of the "
                "rows."
            )
        return ValueError(
            f"{self.path}: line {number} has {counted(n, 'value')}, but {what} "
            f"{self.n_columns}, so its values cannot be assigned to columns.{more}"
        )

    def column(self, i: int) -> str:
        """Return the name of a column for messages."""
        if self.names is None:
            return f"column {i + 1} of {self.n_columns}"
        return f"the column {shown(self.names[i])}"

    def columns(self) -> str:
        """Return the names of the columns for messages, the middle of many left out."""
        if self.names is None:
            return f"{self.n_columns} columns without names"
        names = [shown(name) for name in self.names]
        if len(names) > 12:
            names = [*names[:5], "...", *names[-3:]]
        return f"the {self.n_columns} columns {', '.join(names)}"

    def line_of(self, row: int) -> int:
        """Return the number of the line, from 1, that holds a row, from 0."""
        return next(itertools.islice(self.lines(), row, None)).number

    def lines(self) -> Iterator[Line]:
        """Yield the lines below the header."""
        with self._text() as file:
            for line in self._split(file, self._separator):
                if line.number > self._above and not line.cells[0].startswith("#"):
                    yield line

    def _text(self) -> io.TextIOWrapper:
        return io.TextIOWrapper(self._open(), "utf-8", newline="")

    # Detection from the first lines.

    def _first_lines(self) -> list[tuple[int, str]]:
        """Return the first lines that are not empty, with the numbers of the lines."""
        lines, size = [], 0
        with self._text() as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    lines.append((number, line.rstrip("\r\n")))
                size += len(line)
                if len(lines) == _HEAD_LINES or size > _HEAD_BYTES:
                    break
        if not lines:
            raise ValueError(f"{self.path} holds only empty lines.")
        first = lines[0][1].lstrip().lower()
        if first.startswith(("<!doctype", "<html", "<?xml", "<head", "<body")):
            raise ValueError(
                f"{self.path} is a web page, perhaps one that asks to log in, and not "
                "a table. Download the file again."
            )
        self._stated: str | None = None
        # Excel states the separator in a first line such as "sep=;".
        if match := re.fullmatch(r"\"?sep=(.)\"?", lines[0][1].strip(" \r\n")):
            self._stated = match[1]
            del lines[0]
            if not lines:
                raise ValueError(f"{self.path} has no rows.")
        return lines

    def _find_separator(self, lines: list[tuple[int, str]]) -> None:
        """Set the separator and the decimal mark that give the highest score.

        The score counts cells that are numbers, and, for the sake of tables of text,
        lines if all lines have the same number of cells.
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
            # Splitting at white space would lose the empty cells between tabs.
            if separator == " " and "\t" in first:
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
            self.notes.append(f"{self.path} has decimal commas.")

    def _split(self, lines: Iterable[str], separator: str) -> Iterator[Line]:
        """Split lines into cells; skip empty lines."""
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

    def _find_header(
        self,
        lines: list[tuple[int, str]],
        header: str | bool | None,
        expected: list[str] | None,
    ) -> None:
        """Set the names and the number of the columns, and the line above the rows."""
        # A line of quotes alone holds no cell.
        rows = [
            Line(number, cells)
            for number, text in lines
            for _, cells in self._split([text], self._separator)
        ]
        if not rows:
            raise ValueError(f"{self.path} holds only empty lines.")
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
                # numpy.savetxt writes such a header.
                self._set_header(names, first.number - 1, below)
                self.note(
                    f"{self.path} has the names of its columns in line "
                    f"{commented[0].number}, after a #."
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
                f"{self.path} has no rows below its first line, which holds "
                f"{shown(first.cells[0])}, ..."
            )
        self._set_header(first.cells, first.number, rest)

    def _set_header(self, names: list[str], above: int, rows: list[Line]) -> None:
        """Set the names of the columns; `above` is the number of the header's line."""
        self._above = above
        names = [name.strip() for name in names]
        width = Counter(len(row.cells) for row in rows).most_common(1)[0][0]
        ends_empty = all(
            len(row.cells) == width and not row.cells[-1].strip() for row in rows
        )
        if not names[-1] and (
            width == len(names) - 1 or (ends_empty and width == len(names))
        ):
            # The header, or every line, ends with a separator.
            del names[-1]
        elif self._separator == " " and self._has_gap(above):
            # The first name is empty, as when pandas writes an index.
            names = ["", *names]
        elif width == len(names) + 1 and not ends_empty and self._has_row_names(rows):
            names = ["", *names]
            self.notes.append(
                f"{self.path} has one name fewer than columns; the first column holds "
                "the names of the rows, as in files from R."
            )
        twice = [name for name, n in Counter(names).items() if n > 1]
        if twice:
            raise ValueError(
                f"{self.path} has the column {shown(twice[0])} twice. Give each "
                "column a different name."
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
        """Return whether the first cell of each row is quoted, and the numbers are not.

        R's write.table quotes text, and gives no name to the column of row names.
        """
        with self._text() as file:
            raw = list(itertools.islice(file, rows[-1].number))
        return all(
            re.match(r'\s*"[^"]*"\s*\S', raw[row.number - 1])
            and raw[row.number - 1].count('"') <= 4
            for row in rows
        )

    def _looks_like_header(
        self, first: Line, rest: list[Line], expected: Collection[str] | None
    ) -> bool:
        """Return whether the first line holds names, or raise if that is not clear."""
        cells = [cell.strip() for cell in first.cells]
        if expected is not None and len(set(cells) & set(expected)) > len(expected) / 2:
            return True
        numbers = [cell for cell in cells if self.is_number(cell)]
        if not numbers or (rest and len(numbers) < len(cells) / 2):
            return any(not self.is_number(cell) for cell in cells)
        # The numbers of columns may be in any order.
        numbered = sorted(numbers, key=lambda number: (len(number), number))
        if counts(numbered) and len(numbers) >= _CERTAIN_COUNT:
            self.note(
                f"The first line of {self.path} counts the columns "
                f"({numbers[0]}, {numbers[1]}, ..., {numbers[-1]}); it is used as the "
                "header."
            )
            return True
        if len(set(numbers)) < len(numbers) and len(numbers) > 1:
            self.note(
                f"{self.path} has no header: its first line holds numbers, some of "
                "them several times, while names of columns differ.",
                warn=True,
            )
            return False
        raise ValueError(
            f"The first line of {self.path} looks like pixels "
            f"({', '.join(numbers[:3])}, ...). If the file has no header, pass "
            "header=None. If these are names of columns, pass header=True."
        )

    def _skipped(self) -> list[int]:
        """Return the numbers of the lines, from 0, that are not rows."""
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
        """Keep a note, and a warning if the user should be warned of it."""
        self.notes.append(note)
        if warn:
            self.warned.append(note)


def _is_huge(number: str) -> bool:
    """Return whether the text of a number, true or false is beyond int64."""
    return number.strip()[0] not in "tTfF" and abs(float(number)) >= 2**63


def _net(cells: list[str], decimal: str) -> int:
    """Return the number of cells with numbers minus the number of other cells."""
    texts = [cell.strip() for cell in cells]
    numbers = sum(_NUMBERS[decimal].fullmatch(text) is not None for text in texts)
    return 2 * numbers - len(texts) + texts.count("")


def counts(cells: list[str]) -> bool:
    """Return whether cells are 0, 1, 2, ... or 1, 2, 3, ..."""
    start = cells[0] if cells else ""
    return start in ("0", "1") and cells == [
        str(i) for i in range(int(start), int(start) + len(cells))
    ]
