"""Images as the rows of a table."""

import math
import re
import warnings

import numpy as np
from sklearn.utils import Bunch

from skcnn._wording import counted, first_of, shown
from skcnn.datasets._digit_recognizer import PIXELS, read_digit_recognizer
from skcnn.datasets._text_table import TextTable, counts

FEWEST_PIXELS = 4

# Names of columns, in small letters and without what separates words.
_LABEL_NAMES = re.compile(
    "(labels?|class(es)?|targets?|y|digits?|letters?|category|categories|species|"
    "emotions?|breeds?|(class|label|target|category)(name|label|id|class)|groundtruth)"
)
_ID_NAMES = re.compile(
    "(unnamed[0-9]*|level0|index|idx|ids?|rownames?|key|uuid|guid|image|img|"
    "(image|img|sample|picture|pic|file|item|object|row|record|case|example)"
    "(id|index|idx|no|nr|number)s?|(image|img|file|picture|pic)?(name|path|file)s?)?"
)

_INDEX_NAMES = re.compile("(unnamed[0-9]*|level0|index)?")

_INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")
_INTEGER = re.compile("0|-?[1-9][0-9]{0,17}")
_MISSING = frozenset(["nan", "na", "n/a", "null", "none", "?", "-"])

# A column that counts the rows is one by chance only in short tables.
_CERTAIN_ROWS = 10

# Values outside 0..255 in at most this share of the values are mistakes of a few cells.
_FEW_CELLS = 1e-4


def read_table(path, *, label="infer", header="infer", feature_names=None):
    r"""Read images from a CSV file or its like, a row an image.

    Separator, decimal mark, compression and encoding are found out. Columns that
    number or name the rows are left out of the pixels; what that concerns, and all else
    that was decided, is said in `notes`. Whatever cannot be told with certainty is
    refused with what to write.

    Parameters
    ----------
    path : str or path-like
        A text file of rows, separated by commas, semicolons, tabs, vertical bars or
        spaces, as it is or compressed with gzip, bzip2, xz or ZIP.
    label : str, int or None, default="infer"
        The column that holds the labels: its name, or its place, counted from 0 and
        negative from the end. "infer" looks for a column named label, class, target,
        y, digit, category or the like, then for the only column of text, then for a
        first or last column whose name is none of a series; there may be none. None
        means that there is none.
    header : {"infer", True, False} or None, default="infer"
        Whether the first line holds the names of the columns; None is False.
        "infer" refuses a first line of numbers that may be either.
    feature_names : list of str, default=None
        The columns that are pixels, in the order wanted: what another table had, or the
        `feature_names_in_` of a fitted classifier. The file may hold others as well.
        Without names in the file there must be as many pixels.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, n_pixels)
            Flat images: uint8 if all values are whole numbers from 0 to 255, else the
            smallest integer type that holds them, or float32.
        target : ndarray of shape (n_samples,)
            The labels: int64 if all are whole numbers, else str. Not there if the file
            has no column of labels.
        ids : ndarray of shape (n_samples,) or None
            What the rows are numbered or named by: int64 or str. None as well for the
            index that pandas writes, a column without a name that counts from 0.
        frame : None
            As in the other data sets.
        feature_names : list of str or None
            The names of the columns of `data`; None if the file has none.
        label_name : str, int or None
            The column of labels, by its name, or by its place in a file without
            names.
        columns : list of str or None
            All columns of the file.
        notes : list of str
            Sentences that say what was decided.
        DESCR : str
            Description of the data set.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is no table of images: lines have different lengths, a value is missing or
        no number, a column is missing or cannot be told, there are fewer than 4 pixels.
        The message names the line and the column.

    Warns
    -----
    UserWarning
        If the file has no header, is not UTF-8, a column counts the rows, labels were
        found by less than their name, or a row is one or two values more than a square.

    See Also
    --------
    load_image_table : Image files with a table of their labels.
    read_digit_recognizer : Kaggle's "Digit Recognizer", strictly.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skcnn.datasets import read_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.csv"
    ...     _ = path.write_text("id,a,b,c,d,class\n7,0,9,8,0,cat\n8,5,0,0,5,dog\n")
    ...     table = read_table(path)
    >>> table.data
    array([[0, 9, 8, 0],
           [5, 0, 0, 5]], dtype=uint8)
    >>> table.target.tolist(), table.ids.tolist()
    (['cat', 'dog'], [7, 8])
    """
    if header not in ("infer", True, False, None):
        raise ValueError(f'Got header={header!r}, but expected "infer", True or False.')
    if feature_names is not None:
        feature_names = [str(name) for name in feature_names]
    table = TextTable(path, header, feature_names)
    reader = _Reader(table, label, feature_names)
    bunch = reader.read()
    for note in table.warned:
        warnings.warn(note, UserWarning, stacklevel=2)
    return bunch


class _Reader:
    """Decides what each column of a table is, and reads it."""

    def __init__(self, table: TextTable, label, feature_names) -> None:
        self.table = table
        self.label: int | None = None
        self.id: int | None = None
        self.wanted = feature_names
        self.pixels: list[int] = []
        self.others: list[int] = []  # neither pixels nor labels
        text = self._text_columns()
        self._find_label(label, text)
        if table.names is not None and feature_names is not None:
            self._match_names()
        else:
            self._find_pixels(text)

    def read(self) -> Bunch:
        table = self.table
        bunch = self._read_digit_recognizer()
        if bunch is None:
            bunch = self._read()
        names = table.names
        bunch.feature_names = None if names is None else [names[i] for i in self.pixels]
        bunch.label_name = self.label
        if self.label is not None and names is not None:
            bunch.label_name = names[self.label]
        self._note_shape()
        return Bunch(
            frame=None,
            columns=names,
            notes=list(table.notes),
            DESCR=f"Images from the rows of {table.path}",
            **bunch,
        )

    # What the columns are.

    def _text_columns(self) -> list[int]:
        """Return the columns whose first values are not all numbers."""
        table = self.table
        return [
            i
            for i in range(table.n_columns)
            if not all(table.is_number(row[i]) for row in table.head if len(row) > i)
        ]

    def _find_label(self, label, text: list[int]) -> None:
        table, names = self.table, self.table.names
        if label is None:
            return
        if not (isinstance(label, str) and label == "infer"):
            self.label = find_column(table, label)
            return
        if names is None:
            if len(text) == 1 and text[0] in (0, table.n_columns - 1):
                self.label = text[0]
                table.note(
                    f"The labels of {table.path} are in {table.column(text[0])}, the "
                    "only one of text.",
                    warn=True,
                )
            return
        wanted = set(self.wanted or ())
        free = [i for i, name in enumerate(names) if name not in wanted]
        found = [i for i in free if is_label(names[i])]
        if len(found) > 1:
            exact = [i for i in found if plain(names[i]) == "label"]
            listed = " and ".join(table.column(i) for i in found[:3])
            if len(exact) != 1 or any(i in text for i in found if i not in exact):
                raise ValueError(
                    f"{table.path} has {listed}: which one holds the labels? Name it "
                    "with label=..."
                )
        if found:
            self.label = found[0]
            if names[found[0]] != "label":
                table.note(
                    f"The labels of {table.path} are in {table.column(found[0])}."
                )
            return
        other = [i for i in text if i in free and not is_id(names[i])]
        if len(other) == 1:
            self.label = other[0]
            table.note(
                f"The labels of {table.path} were taken from {table.column(other[0])}, "
                "the only one of text.",
                warn=True,
            )
            return
        if self.wanted is None:
            self._find_outstanding_label(free)

    def _find_outstanding_label(self, free: list[int]) -> None:
        """Take for labels the first or last column whose name is none of a series."""
        table, names = self.table, self.table.names
        assert names is not None
        pixels = [i for i in free if not is_id(names[i])]
        if len(pixels) <= FEWEST_PIXELS:
            return
        series = [_series(names[i]) for i in pixels]
        inner = set(series[1:-1])
        if len(inner) != 1:
            return
        ends = [
            i
            for i, kind in ((pixels[0], series[0]), (pixels[-1], series[-1]))
            if kind not in inner
        ]
        values = (
            [row[ends[0]] for row in table.head if len(row) > ends[0]] if ends else []
        )
        if len(ends) == 1 and all(re.fullmatch(r"\d{1,6}", v.strip()) for v in values):
            self.label = ends[0]
            table.note(
                f"The labels of {table.path} were taken from {table.column(ends[0])}, "
                "whose name is not like those of the other columns. If it holds none, "
                "give label=None.",
                warn=True,
            )

    def _match_names(self) -> None:
        """Find the pixels by the names that are wanted."""
        table, names, wanted = self.table, self.table.names, self.wanted
        assert names is not None
        missing = [name for name in wanted if name not in names]
        if missing:
            raise ValueError(
                f"{table.path} lacks the column {first_of(map(shown, missing), 1)} of "
                f"the {len(wanted)} columns of pixels that were expected; it has "
                f"{table.columns()}."
            )
        self.pixels = [names.index(name) for name in wanted]
        if self.label in self.pixels:
            self.label = None
        if self.pixels != sorted(self.pixels):
            table.note(
                f"The columns of {table.path} were put into the order that was "
                "expected."
            )
        rest = set(range(table.n_columns)) - {*self.pixels, self.label}
        ids = [i for i in sorted(rest) if is_id(names[i])]
        self.id = ids[0] if ids else None
        self.others = sorted(rest)
        extra = [names[i] for i in self.others if i not in ids]
        self._note_ids(ids)
        if extra:
            table.note(
                f"{table.path} has the column {first_of(map(shown, extra), 1)}, which "
                f"{'was' if len(extra) == 1 else 'were'} left out: only the columns "
                "expected are pixels."
            )

    def _find_pixels(self, text: list[int]) -> None:
        """Take as pixels what is neither labels nor numbers or names of rows."""
        table, names = self.table, self.table.names
        rest = [i for i in range(table.n_columns) if i != self.label]
        ids: list[int] = []
        if names is not None:
            ids = [i for i in rest if is_id(names[i])]
            if len(ids) > 1 and len(rest) - len(ids) < FEWEST_PIXELS:
                ids = ids[:1]
            self._note_ids(ids)
        self.others = ids
        self.id = ids[0] if ids else None
        self.pixels = [i for i in rest if i not in ids]
        # Pixels are refused here only as what they are as a whole; a single value that
        # is no number is found, with its line, when it is read.
        strange = [i for i in self.pixels if i in text and self._all_text(i)]
        if len(self.pixels) - len(strange) < FEWEST_PIXELS:
            self._refuse_few(strange)
        if strange:
            raise ValueError(
                f"{table.path} has text in {table.column(strange[0])}, but all columns "
                "other than those of labels and of numbers or names of the rows are "
                "pixels. Name the column of labels with label=..., "
                "or the pixels with feature_names=[...]; the file has "
                f"{table.columns()}."
            )

    def _all_text(self, i: int) -> bool:
        table = self.table
        return not any(table.is_number(row[i]) for row in table.head if len(row) > i)

    def _refuse_few(self, strange: list[int]) -> None:
        table = self.table
        n = len(self.pixels) - len(strange)
        for i in strange:
            parts = next((row[i] for row in table.head if len(row) > i), "").split()
            if len(parts) >= FEWEST_PIXELS and all(map(table.is_number, parts)):
                raise ValueError(
                    f"{table.path} has all {len(parts)} pixels of an image in "
                    f"one value of {table.column(i)}, but each pixel needs a column "
                    "of its own. Read it with pandas, and give the classifier "
                    "np.stack(frame[NAME].str.split()).astype(np.uint8)."
                )
        raise ValueError(
            f"{table.path} has {counted(n, 'column')} of numbers that could be "
            f"pixels, but an image has at least {FEWEST_PIXELS}; it has "
            f"{table.columns()}. If it lists image files and their labels, read it "
            "with load_image_table(csv, folder)."
        )

    def _note_ids(self, ids: list[int]) -> None:
        if ids:
            listed = " and ".join(self.table.column(i) for i in ids)
            one = len(ids) == 1
            self.table.note(
                f"{listed[0].upper()}{listed[1:]} of {self.table.path} "
                f"{'numbers or names' if one else 'number or name'} the rows, and "
                f"{'was' if one else 'were'} left out of the pixels."
            )

    # What they hold.

    def _read_digit_recognizer(self) -> Bunch | None:
        """Return Kaggle's own file, read fast and strictly, None for other files."""
        table = self.table
        if not (
            table.plain
            and table.names is not None
            and {*table.names} - {"label"} == {*PIXELS}
            and (self.label is None) == ("label" not in table.names)
            and [table.names[i] for i in self.pixels] == PIXELS
        ):
            return None
        try:
            bunch = read_digit_recognizer(table.path)
        except ValueError as error:
            table.note(
                f"{table.path} has the columns of Kaggle's Digit Recognizer, but not "
                f"its values ({str(error).split('. ')[0]}); it was read as any table."
            )
            return None
        found = Bunch(data=bunch.data, ids=None)
        if "target" in bunch:
            found.target = bunch.target
        return found

    def _read(self) -> Bunch:
        """Return pixels, labels and ids of any table."""
        table = self.table
        needed = {i for i in (self.label, self.id) if i is not None}
        counting = self._counting_columns()
        block = [i for i in self.pixels if i not in counting]
        parts: list[np.ndarray] = []
        columns: dict[int, list] = {i: [] for i in (*needed, *counting)}
        texts = needed | set(self.others)
        for chunk in table.chunks(texts, needed):
            for i, read in columns.items():
                read.append(chunk[i].to_numpy())
            parts.append(_compact(chunk[block].to_numpy()))
        data = _joined(parts)
        if data.dtype.kind == "f" and not np.isfinite(data).all():
            raise table.problem(texts, needed)
        found = {i: np.concatenate(read) for i, read in columns.items()}
        for i in counting:
            values = found[i]
            if np.array_equal(values - values[0], np.arange(len(values))):
                self._set_counting(i)
            else:
                at = self.pixels.index(i)
                column = _compact(values[:, None])
                data = _joined([data[:, :at], column, data[:, at:]], axis=1)
        if self.wanted is not None and table.names is None:
            self._match_places(data.shape[1])
        self._refuse_outside(data)
        bunch = Bunch(data=data, ids=None)
        if self.id is not None:
            bunch.ids = found[self.id]
            if self.id in needed:
                bunch.ids = parsed(found[self.id])
            if self._is_index(bunch.ids):
                bunch.ids = None
        if self.label is not None:
            bunch.target = labels_of(table, found[self.label], self.label)
        return bunch

    def _is_index(self, ids: np.ndarray) -> bool:
        """Return whether ids are the index that pandas writes, and tell no image."""
        names = self.table.names
        return (
            names is not None
            and self.id is not None
            and _INDEX_NAMES.fullmatch(plain(names[self.id])) is not None
            and np.array_equal(ids, np.arange(len(ids)))
        )

    def _counting_columns(self) -> list[int]:
        """Return the columns of pixels that seem to count the rows."""
        head = self.table.head
        if self.table.names is not None and self.wanted is not None:
            return []
        if len(head) < _CERTAIN_ROWS or (
            self.wanted is not None and len(self.wanted) == len(self.pixels)
        ):
            return []
        return [
            i
            for i in (self.pixels[0], self.pixels[-1])
            if counts([row[i].strip() for row in head if len(row) > i])
        ]

    def _set_counting(self, i: int) -> None:
        table = self.table
        self.pixels.remove(i)
        self.id = i if self.id is None else self.id
        name = table.column(i)
        table.note(
            f"{name[0].upper()}{name[1:]} of {table.path} counts the rows, and was "
            "left out of the pixels.",
            warn=True,
        )

    def _match_places(self, n_pixels: int) -> None:
        table, wanted = self.table, self.wanted
        if n_pixels != len(wanted):
            more = ""
            if n_pixels == len(wanted) + 1 and self.label is None:
                more = (
                    " If one of them holds labels, give its place with label=0 or "
                    "label=-1."
                )
            raise ValueError(
                f"{table.path} has no names of columns, and {n_pixels} columns of "
                f"numbers, but {len(wanted)} were expected.{more}"
            )
        table.note(
            f"{table.path} has no names of columns; its {n_pixels} columns were taken "
            "in their order."
        )

    def _refuse_outside(self, data: np.ndarray) -> None:
        """Refuse single values and single columns that are far from all others."""
        if data.dtype == np.uint8 or data.shape[1] < 2:
            return
        low, high = data.min(axis=0), data.max(axis=0)
        is_float = data.dtype.kind == "f"
        columns = np.flatnonzero((high > 255) | (low < (-1 if is_float else 0)))
        expected = "0 to 255"
        if is_float and not len(columns) and low.min() >= 0:
            columns = np.flatnonzero(high > 1)
            if len(columns) == 1 and (data[:, columns] % 1).any():
                return
            expected = "0 to 1"
        if not 1 <= len(columns) <= max(1, data.shape[1] // 100):
            return
        values = data[:, columns]
        top = 1 if expected == "0 to 1" else 255
        outside = (values > top) | (values < (-1 if is_float else 0))
        if len(columns) > 1 and outside.sum() > _FEW_CELLS * data.size:
            return
        row, column = np.argwhere(outside)[0]
        table, i = self.table, self.pixels[columns[column]]
        raise ValueError(
            f"{table.path}: line {table.line_of(row)} has {values[row, column]} in "
            f"{table.column(i)}, but nearly all pixels lie in {expected}. Correct the "
            "value; or, if that column holds no pixels, name it with label=... if it "
            "holds the labels, or delete it."
        )

    def _note_shape(self) -> None:
        """Point at a row that has a value or two more than a square image."""
        n = len(self.pixels)
        if self.wanted is not None or _is_square(n):
            return
        for more in (1, 2):
            if _is_square(n - more):
                name = "Name the column of labels with label=..."
                if self.table.names is None:
                    name = "Give the place of the labels with label=0 or label=-1."
                self.table.note(
                    f"{self.table.path} has {n} columns of pixels, which are no square "
                    f"image; {n - more} would be. Is a label or the number of the row "
                    f"among them? {name}",
                    warn=True,
                )
                return


def find_column(table: TextTable, column) -> int:
    """Return the place of a column that is given by its name or its place."""
    names = table.names
    if names is not None and isinstance(column, str):
        for same in (str, plain):
            found = [i for i, n in enumerate(names) if same(n) == same(column)]
            if len(found) == 1:
                return found[0]
    try:
        return range(table.n_columns)[int(column)]
    except (ValueError, IndexError, TypeError):
        raise ValueError(
            f"{table.path} has no column {shown(str(column))}; it has "
            f"{table.columns()}."
        ) from None


def labels_of(table: TextTable, texts: np.ndarray, column: int) -> np.ndarray:
    """Return labels as integers where all are, else as text."""
    labels = parsed(texts)
    if labels.dtype.kind != "U":
        return labels
    is_number = np.array([table.is_number(text) for text in texts])
    missing = np.array([text.strip().lower() in _MISSING for text in texts])
    if missing.any() and (missing | is_number).all() and is_number.any():
        row = int(np.flatnonzero(missing)[0])
        raise ValueError(
            f"{table.path}: line {table.line_of(row)} has "
            f"{shown(str(texts[row]))} in {table.column(column)}, but a label "
            "was expected. Delete the row if its label is not known."
        )
    if not is_number.all():
        return labels
    try:
        numbers = np.char.replace(labels, table.decimal, ".").astype(float)
    except ValueError:  # truth values
        return labels
    if (np.abs(numbers) < 2**53).all() and not (numbers % 1).any():
        if any(re.search("[.,eE]", text) for text in texts):
            table.note(
                f"The labels of {table.path} are whole numbers written with "
                "decimals; they were taken as integers."
            )
            return numbers.astype(np.int64)
        return labels  # such as 007
    return numbers


def parsed(texts) -> np.ndarray:
    """Return texts as int64 where each is what an integer is printed as, else as str.

    So 7 is a number, but 007, which would lose its zeros, is not.
    """
    texts = np.array([text.strip() for text in texts], dtype=str)
    if all(_INTEGER.fullmatch(text) for text in texts):
        return texts.astype(np.int64)
    return texts


def plain(name: str) -> str:
    """Return a name in small letters, without what separates words."""
    return re.sub(r"[\s_.:\-]", "", name).lower()


def is_id(name: str) -> bool:
    """Return whether a column of this name numbers or names the rows."""
    return _ID_NAMES.fullmatch(plain(name)) is not None


def is_label(name: str) -> bool:
    """Return whether a column of this name holds labels."""
    return _LABEL_NAMES.fullmatch(plain(name)) is not None


def _series(name: str) -> str:
    """Return what the names of columns of one series have in common."""
    return re.sub(r"\d+", "0", name.strip().lower())


def _compact(values: np.ndarray) -> np.ndarray:
    """Return numbers as an array of the smallest type that holds them."""
    if values.dtype == object:  # truth values beside numbers
        values = values.astype(float)
    if values.dtype.kind == "f":
        # NaN and infinity are none of the integers, and so stay floats.
        if not (np.rint(values) == values).all() or np.abs(values).max() > 2**53:
            return values.astype(np.float32)
        values = values.astype(np.int64)
    low, high = int(values.min()), int(values.max())
    for dtype in _INTEGERS:
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return values.astype(dtype)
    return values


def _joined(parts: list[np.ndarray], axis: int = 0) -> np.ndarray:
    """Return arrays as one, of float32 if there are floats."""
    dtype = np.result_type(*parts)
    if dtype.kind == "f":
        dtype = np.dtype(np.float32)
    return np.concatenate(parts, axis=axis, dtype=dtype, casting="unsafe")


def _is_square(n: int) -> bool:
    """Return whether n pixels are a square image, gray or of 3 channels."""
    return any(
        n > 0 and n % c == 0 and math.isqrt(n // c) ** 2 == n // c for c in (1, 3)
    )
