"""Images as the rows of a table."""

import math
import os
import re
from collections.abc import Sequence

import numpy as np
from sklearn.utils import Bunch

from skcnn._messages.warnings import warn_of
from skcnn._messages.wording import counted, first_of, shown
from skcnn.datasets._columns import (
    find_column,
    groups_of,
    is_id,
    is_label,
    labels_of,
    parsed,
    plain,
)
from skcnn.datasets._digit_recognizer import PIXELS, read_digit_recognizer
from skcnn.datasets._text_table import TextTable, counts

FEWEST_PIXELS = 4


# Names of the column that pandas writes for an index, in the form of `plain`.
_INDEX_NAMES = re.compile("(unnamed[0-9]*|level0|index)?")

_INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")

# In tables with fewer rows, a column of pixels may count the rows by chance.
_CERTAIN_ROWS = 10

# If at most this share of the values is outside 0..255, a few cells are wrong.
_FEW_CELLS = 1e-4


def read_table(
    path: str | os.PathLike,
    *,
    label: str | int | None = "infer",
    group: str | int | None = None,
    header: str | bool | None = "infer",
    feature_names: Sequence[str] | None = None,
) -> Bunch:
    r"""Read images from a CSV file or a similar text file, one image in each row.

    Separator, decimal mark, compression and encoding are detected. Columns that number
    or name the rows are not used as pixels. `notes` lists these columns and all other
    decisions. If a decision is not clear, an error says which argument to pass.

    Parameters
    ----------
    path : str or path-like
        A text file whose values are separated by commas, semicolons, tabs, vertical
        bars or spaces. It may be compressed with gzip, bzip2, xz or ZIP.
    label : str, int or None, default="infer"
        The column of labels: its name, or its position, counted from 0, or from -1
        backwards. "infer" takes the column named label, class, target, y, digit,
        category or similar; otherwise the only column of text; otherwise the first or
        last column, if its name differs in kind from the names of the others; otherwise
        none. None means that there are no labels.
    group : str or int, default=None
        The column that says which images belong together, such as patient or video: its
        name, or its position, as for `label`. It is not used as pixels.
    header : {"infer", True, False} or None, default="infer"
        Whether the first line holds the names of the columns; None means False.
        "infer" refuses a first line of numbers that may be names or pixels.
    feature_names : list of str, default=None
        The columns of pixels, in the order of the result: for example the
        `feature_names` of another table, or the `feature_names_in_` of a fitted
        classifier. The file may hold other columns as well. A file without names must
        have this number of columns of pixels.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, n_pixels)
            Flat images: uint8 if all values are integers from 0 to 255, otherwise the
            smallest integer type that holds all values, or float32.
        target : ndarray of shape (n_samples,)
            The labels: int64 if all are integers, and str otherwise. Absent if the
            file has no labels.
        groups : ndarray of shape (n_samples,)
            The group of each image, for example for `fit`: int64 if all are integers,
            and str otherwise. Absent unless `group` is given.
        ids : ndarray of shape (n_samples,) or None
            The numbers or names of the rows: int64 or str. None if there are none, or
            if they are the index that pandas writes, a column without a name that
            counts from 0.
        frame : None
            Present for compatibility with the other data sets.
        feature_names : list of str or None
            The names of the columns of `data`; None if the file has no names.
        label_name : str, int or None
            The column of labels: its name, or its position in a file without names.
        columns : list of str or None
            The names of all columns of the file.
        notes : list of str
            Sentences about the decisions that were made.
        DESCR : str
            Description of the data set.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If the file is not a table of images: if lines differ in length, if a value is
        missing or not a number, if a column is missing or cannot be found, or if there
        are fewer than 4 pixels. The message names the line and the column.

    Warns
    -----
    UserWarning
        If the file has no header or is not UTF-8, if a column counts the rows, if the
        name of the column of labels is unusual, or if a row has one or two values more
        than a square image.

    See Also
    --------
    load_image_table : Image files with a table of their labels.
    read_digit_recognizer : Read the files of Kaggle's "Digit Recognizer" only.

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
    expected = None
    if feature_names is not None:
        expected = [str(name) for name in feature_names]
    table = TextTable(path, header, expected)
    bunch = _Reader(table, label, group, expected).read()
    for note in table.warned:
        warn_of(UserWarning(note))
    return bunch


class _Reader:
    """Decides which columns are labels, groups, ids and pixels, and reads them.

    `expected` lists the names of the columns of pixels, or is None. Afterwards `label`,
    `group` and `id` are the positions of the columns of labels, groups and ids, if any,
    `pixels` those of the columns of pixels, and `others` those of all others.
    """

    def __init__(
        self,
        table: TextTable,
        label: str | int | None,
        group: str | int | None,
        expected: list[str] | None,
    ) -> None:
        self.table = table
        self.group = None if group is None else find_column(table, group)
        self.label: int | None = None
        self.id: int | None = None
        self.expected = expected
        self.pixels: list[int] = []
        self.others: list[int] = []
        text = self._text_columns()
        self._find_label(label, text)
        if self.group is not None and self.group == self.label:
            raise ValueError(
                f"{table.path} has the labels in {table.column(self.group)}, which "
                "cannot be the groups too: all images of a class would be one group. "
                "Pass the name of another column as group=..."
            )
        if table.names is not None and expected is not None:
            self._match_names(table.names, expected)
        else:
            self._find_pixels(text)

    def read(self) -> Bunch:
        """Return the table as `read_table` returns it."""
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

    # Which columns are labels, ids and pixels.

    def _text_columns(self) -> list[int]:
        """Return the columns whose first values are not all numbers."""
        table = self.table
        return [
            i
            for i in range(table.n_columns)
            if i != self.group
            and not all(table.is_number(row[i]) for row in table.head if len(row) > i)
        ]

    def _find_label(self, label: str | int | None, text: list[int]) -> None:
        """Set the column of labels, if any; `text` are the columns of text."""
        table, names = self.table, self.table.names
        if label is None:
            return
        if not (isinstance(label, str) and label == "infer"):
            self.label = find_column(table, label)
            return
        if names is None:
            free = [i for i in range(table.n_columns) if i != self.group]
            if len(text) == 1 and text[0] in (free[0], free[-1]):
                self.label = text[0]
                table.note(
                    f"The labels of {table.path} are in {table.column(text[0])}, the "
                    "only column of text.",
                    warn=True,
                )
            return
        expected = set(self.expected or ())
        free = [
            i
            for i, name in enumerate(names)
            if name not in expected and i != self.group
        ]
        found = [i for i in free if is_label(names[i])]
        if not found and self.group is not None and is_label(names[self.group]):
            found = [self.group]
        if len(found) > 1:
            exact = [i for i in found if plain(names[i]) == "label"]
            listed = " and ".join(table.column(i) for i in found[:3])
            if len(exact) != 1 or any(i in text for i in found if i not in exact):
                raise ValueError(
                    f"{table.path} has {listed}: which one holds the labels? Pass its "
                    "name as label=..."
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
                f"The labels of {table.path} were read from {table.column(other[0])}, "
                "the only column of text.",
                warn=True,
            )
            return
        if self.expected is None:
            self._find_outstanding_label(free)

    def _find_outstanding_label(self, free: list[int]) -> None:
        """Set the column of labels if the first or last name is not like the others."""
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
                f"The labels of {table.path} were read from {table.column(ends[0])}, "
                "whose name is not like the names of the other columns. If it holds no "
                "labels, pass label=None.",
                warn=True,
            )

    def _match_names(self, names: list[str], expected: list[str]) -> None:
        """Set the columns of pixels by the expected names."""
        table = self.table
        missing = [name for name in expected if name not in names]
        if missing:
            raise ValueError(
                f"{table.path} lacks the column {first_of(map(shown, missing), 1)} of "
                f"the {len(expected)} columns of pixels that were expected; it has "
                f"{table.columns()}."
            )
        self.pixels = [names.index(name) for name in expected]
        if self.label in self.pixels:
            self.label = None
        if self.group in self.pixels:
            raise ValueError(
                f"{table.path} has the groups in {table.column(self.group)}, but it is "
                "among the columns of pixels that were expected. Pass the name of "
                "another column as group=..., or leave it out."
            )
        if self.pixels != sorted(self.pixels):
            table.note(f"The columns of {table.path} were put into the expected order.")
        rest = set(range(table.n_columns)) - {*self.pixels, self.label, self.group}
        ids = [i for i in sorted(rest) if is_id(names[i])]
        self.id = ids[0] if ids else None
        self.others = sorted(rest)
        extra = [names[i] for i in self.others if i not in ids]
        self._note_ids(ids)
        if extra:
            table.note(
                f"{table.path} has the column {first_of(map(shown, extra), 1)}, which "
                f"{'was' if len(extra) == 1 else 'were'} left out: only the expected "
                "columns are pixels."
            )

    def _find_pixels(self, text: list[int]) -> None:
        """Set the columns of pixels: all that are neither labels nor ids."""
        table, names = self.table, self.table.names
        rest = [i for i in range(table.n_columns) if i not in (self.label, self.group)]
        ids: list[int] = []
        if names is not None:
            ids = [i for i in rest if is_id(names[i])]
            if len(ids) > 1 and len(rest) - len(ids) < FEWEST_PIXELS:
                ids = ids[:1]
            self._note_ids(ids)
        self.others = ids
        self.id = ids[0] if ids else None
        self.pixels = [i for i in rest if i not in ids]
        # Refuse only columns that hold nothing but text. A single value that is not a
        # number is refused with its line when it is read.
        strange = [i for i in self.pixels if i in text and self._all_text(i)]
        if len(self.pixels) - len(strange) < FEWEST_PIXELS:
            self._refuse_few(strange)
        if strange:
            raise ValueError(
                f"{table.path} has text in {table.column(strange[0])}, but all columns "
                "except labels and numbers or names of the rows are pixels. Pass the "
                "name of the column of labels as label=..., or the names of the "
                "columns of pixels as feature_names=[...]; the file has "
                f"{table.columns()}."
            )

    def _all_text(self, i: int) -> bool:
        """Return whether none of a column's first values is a number."""
        table = self.table
        return not any(table.is_number(row[i]) for row in table.head if len(row) > i)

    def _refuse_few(self, strange: list[int]) -> None:
        """Refuse a table with too few columns of numbers; `strange` hold text."""
        table = self.table
        n = len(self.pixels) - len(strange)
        for i in strange:
            parts = next((row[i] for row in table.head if len(row) > i), "").split()
            if len(parts) >= FEWEST_PIXELS and all(map(table.is_number, parts)):
                raise ValueError(
                    f"{table.path} has all {len(parts)} pixels of an image in "
                    f"one value of {table.column(i)}, but each pixel needs a column "
                    "of its own. Read the file with pandas, and pass the classifier "
                    "np.stack(frame[NAME].str.split()).astype(np.uint8)."
                )
        raise ValueError(
            f"{table.path} has {counted(n, 'column')} of numbers that could be "
            f"pixels, but an image has at least {FEWEST_PIXELS}; it has "
            f"{table.columns()}. If it lists image files and their labels, read it "
            "with load_image_table(csv, folder)."
        )

    def _note_ids(self, ids: list[int]) -> None:
        """Note that columns of ids are not used as pixels."""
        if ids:
            listed = " and ".join(self.table.column(i) for i in ids)
            one = len(ids) == 1
            self.table.note(
                f"{listed[0].upper()}{listed[1:]} of {self.table.path} "
                f"{'numbers or names' if one else 'number or name'} the rows, and "
                f"{'was' if one else 'were'} left out of the pixels."
            )

    # The content of the columns.

    def _read_digit_recognizer(self) -> Bunch | None:
        """Read a file of Kaggle's with its own, faster reader; None for others."""
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
        """Read pixels, labels and ids of any table."""
        table = self.table
        needed = {i for i in (self.label, self.group, self.id) if i is not None}
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
        if self.expected is not None and table.names is None:
            self._match_number(data.shape[1], len(self.expected))
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
        if self.group is not None:
            bunch.groups = groups_of(table, found[self.group], self.group)
        return bunch

    def _is_index(self, ids: np.ndarray) -> bool:
        """Return whether ids are the index that pandas writes for each table."""
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
        if self.table.names is not None and self.expected is not None:
            return []
        if len(head) < _CERTAIN_ROWS or (
            self.expected is not None and len(self.expected) == len(self.pixels)
        ):
            return []
        return [
            i
            for i in (self.pixels[0], self.pixels[-1])
            if counts([row[i].strip() for row in head if len(row) > i])
        ]

    def _set_counting(self, i: int) -> None:
        """Use a column as ids, not as pixels, because it counts the rows."""
        table = self.table
        self.pixels.remove(i)
        self.id = i if self.id is None else self.id
        name = table.column(i)
        table.note(
            f"{name[0].upper()}{name[1:]} of {table.path} counts the rows, and was "
            "left out of the pixels.",
            warn=True,
        )

    def _match_number(self, n_pixels: int, n_expected: int) -> None:
        """Refuse a wrong number of pixels in a file without names of columns."""
        table = self.table
        if n_pixels != n_expected:
            more = ""
            if n_pixels == n_expected + 1 and self.label is None:
                more = (
                    " If one of them holds labels, pass its position as label=0 or "
                    "label=-1."
                )
            raise ValueError(
                f"{table.path} has no names of columns, and {n_pixels} columns of "
                f"numbers, but {n_expected} were expected.{more}"
            )
        table.note(
            f"{table.path} has no names of columns; its {n_pixels} columns were read "
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
            f"{table.column(i)}, but nearly all pixels are in {expected}. Correct the "
            "value. If that column holds the labels, pass its name as label=...; if it "
            "holds neither pixels nor labels, delete it."
        )

    def _note_shape(self) -> None:
        """Warn if a row has one or two values more than a square image."""
        n = len(self.pixels)
        if self.expected is not None or _is_square(n):
            return
        for more in (1, 2):
            if _is_square(n - more):
                remedy = "Pass the name of the column of labels as label=..."
                if self.table.names is None:
                    remedy = "Pass the position of the labels as label=0 or label=-1."
                self.table.note(
                    f"{self.table.path} has {n} columns of pixels, which are not a "
                    f"square image; {n - more} would be. Is a label or the number of "
                    f"the row among them? {remedy}",
                    warn=True,
                )
                return


def _series(name: str) -> str:
    """Return a name with its numbers replaced by 0: "pixel0" for "pixel17"."""
    return re.sub(r"\d+", "0", name.strip().lower())


def _compact(values: np.ndarray) -> np.ndarray:
    """Return numbers in the smallest integer type that holds them, or as float32."""
    if values.dtype == object:  # booleans beside numbers
        values = values.astype(float)
    if values.dtype.kind == "f":
        # NaN and infinity differ from every integer, so they stay floats.
        if not (np.rint(values) == values).all() or np.abs(values).max() > 2**53:
            return values.astype(np.float32)
        values = values.astype(np.int64)
    low, high = int(values.min()), int(values.max())
    for dtype in _INTEGERS:
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return values.astype(dtype)
    return values


def _joined(parts: list[np.ndarray], axis: int = 0) -> np.ndarray:
    """Concatenate arrays; floats become float32."""
    dtype = np.result_type(*parts)
    if dtype.kind == "f":
        dtype = np.dtype(np.float32)
    return np.concatenate(parts, axis=axis, dtype=dtype, casting="unsafe")


def _is_square(n: int) -> bool:
    """Return whether n values are a square image of 1 or 3 channels."""
    return any(
        n > 0 and n % c == 0 and math.isqrt(n // c) ** 2 == n // c for c in (1, 3)
    )
