"""Image files in a folder, and a table of their labels."""

import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from skcnn._folder_listing import is_leftover
from skcnn._image_files import (
    check_options,
    read_images_with_facts,
    skipped_message,
)
from skcnn._wording import counted, first_of, shown
from skcnn.datasets._bunch import make_image_bunch
from skcnn.datasets._image_folder import refuse_links_out
from skcnn.datasets._table import (
    find_column,
    is_id,
    is_label,
    labels_of,
    parsed,
    plain,
)
from skcnn.datasets._text_table import TextTable

_SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("png", "jpg", "jpeg", "jpe", "gif", "bmp", "tif", "tiff", "webp", "ppm"),
        *("pgm", "pbm", "avif", "heic", "heif", "jp2", "ico", "pcx", "tga", "mpo"),
    )
)
_LISTED = 3


def load_image_table(
    csv,
    folder,
    *,
    image_shape=None,
    label="infer",
    filename="infer",
    on_error="raise",
    background="white",
):
    """Load image files whose labels are in a table.

    ::

        trainLabels.csv        train/
            id,label               1.png
            1,frog                 2.png
            2,truck

    The column of files is the one whose values are names of files in `folder`: with or
    without their extension, with or without folders before them. Numbers are compared
    as text, so zeros before them count, unless that finds no file. Reading takes
    Pillow: ``pip install "skcnn[images]"``.

    Parameters
    ----------
    csv : str or path-like
        The table, written in any of the ways that :func:`read_table` reads.
    folder : str or path-like
        The folder that holds the images, or folders of them.
    image_shape : tuple of int, default=None
        ``(height, width)`` for gray images, or ``(height, width, channels)``. Images
        are converted and resized to it. If None, all must have the same size.
    label : str, int or None, default="infer"
        The column of labels: its name, or its place, counted from 0. "infer" takes one
        named label, class, category or the like, else the only one beside the files; a
        table in which each class has a column of zeros and ones is understood too. None
        means that there are no labels.
    filename : str or int, default="infer"
        The column of files: its name or its place.
    on_error : {"raise", "skip"}, default="raise"
        What to do if a row has no image, or an image cannot be read: raise an error
        that names them, or warn and go on without them.
    background : str or tuple of 3 int, default="white"
        The color under transparent pixels: a name, ``"#ffffff"`` or red, green and
        blue from 0 to 255. Not used where `image_shape` has 4 channels.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, height * width * channels)
            Flat images; shares its memory with `images`.
        images : ndarray of shape (n_samples, height, width[, channels])
            The images in the order of the table, uint8, or uint16 if some have more
            than 8 bits a channel.
        target : ndarray of shape (n_samples,), dtype int64
            The class of each image, an index into `target_names`. Not there if the
            table has no labels, or only one for all, as sample submissions have.
        target_names : ndarray of shape (n_classes,) or None
            The classes, sorted: int64 if all are whole numbers, else str.
        filenames : ndarray of shape (n_samples,)
            The path of each image.
        ids : ndarray of shape (n_samples,)
            What the table calls each image: int64 or str.
        skipped : list of str
            The paths of files that cannot be read, with ``on_error="skip"``.
        transparent : list of str
            The paths of files that have transparent pixels.
        frame : None
            As in the other data sets.
        feature_names : list of str or None
            Names of the columns of `data`; None for more than a million columns.
        notes : list of str
            Sentences that say what was decided.
        DESCR : str
            Description of the data set.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    OSError
        If `csv` or an image cannot be opened, or `folder` is no folder.
    ValueError
        If the columns cannot be told, a row has no image or no label, an image has two
        labels or cannot be read, or the sizes differ and `image_shape` is None.

    Warns
    -----
    UserWarning
        If images have no row, rows are skipped, or labels are zeros and ones.

    See Also
    --------
    load_image_folder : Image files in one folder for each class.
    read_table : Pixels in a table.

    Examples
    --------
    >>> from skcnn.datasets import load_image_table
    >>> dogs = load_image_table(
    ...     "labels.csv", "train", image_shape=(64, 64, 3)
    ... )  # doctest: +SKIP
    >>> dogs.images.shape, dogs.target_names[dogs.target[0]]  # doctest: +SKIP
    ((10222, 64, 64, 3), 'boston_bull')
    """
    check_options(image_shape, background, on_error)
    files = _Files(folder)
    table, cells = _read(csv, files)
    column = _filename_column(table, cells, files, filename)
    texts = _label_texts(table, cells, column, label)
    if texts is not None:
        empty = [row for row, text in enumerate(texts[0]) if not text.strip()]
        if empty:
            raise ValueError(
                f"{table.path}: line {table.line_of(empty[0])} has no value in "
                f"{table.column(texts[1])}. Delete the rows whose label is not known."
            )
    rows, paths = _rows_with_files(table, cells[column], texts, files, on_error)

    read = read_images_with_facts(
        paths, image_shape, on_error=on_error, background=background
    )
    if read.skipped:
        table.note(skipped_message(read), warn=True)
    rows = rows[read.kept]
    target = names = None
    if texts is not None:
        texts, label_column = texts
        names, target = np.unique(
            labels_of(table, texts, label_column)[rows], return_inverse=True
        )
    bunch = make_image_bunch(
        read.images,
        None if target is None else target.astype(np.int64),
        target_names=names,
        descr=f"Images from {folder} with the table {table.path}",
    )
    bunch.filenames = np.array([str(paths[i]) for i in read.kept])
    bunch.ids = parsed(cells[column])[rows]
    bunch.skipped = [name for name, _ in read.skipped]
    bunch.transparent = [str(paths[i]) for i in read.transparent]
    bunch.notes = list(table.notes)
    for note in table.warned:
        warnings.warn(note, UserWarning, stacklevel=2)
    return bunch


class _Files:
    """The files in a folder, by every name that a table may give them."""

    def __init__(self, folder) -> None:
        self.folder = Path(folder)
        self.paths = sorted(_walk(self.folder))
        refuse_links_out((self.folder / path for path in self.paths), self.folder)
        if not self.paths:
            raise ValueError(f"{self.folder} has no files in it.")
        self.by_number = 0  # how many were found by their numbers alone
        self._rules: list[dict[str, list[PurePosixPath]]] = [{} for _ in range(5)]
        for path in self.paths:
            stem = path.with_suffix("")
            for i in range(len(path.parts)):
                name = "/".join(path.parts[i:])
                short_name = "/".join(stem.parts[i:])
                for rule, key in enumerate(
                    (name, short_name, name.casefold(), short_name.casefold())
                ):
                    self._rules[rule].setdefault(key, []).append(path)
            if re.fullmatch("[0-9]+", stem.name):
                key = str(int(stem.name))
                self._rules[4].setdefault(key, []).append(path)

    def find(self, text: str) -> PurePosixPath | None:
        """Return the file that a value of the table names, None if there is none."""
        rule, key, found = self._candidates(text)
        if not found:
            return None
        self.by_number += rule == 4
        return self._only(text, key, found)

    def has(self, text: str) -> bool:
        """Return whether a value of the table may name a file."""
        return bool(self._candidates(text)[2])

    def _candidates(self, text: str) -> tuple[int, str, list[PurePosixPath]]:
        """Return the first rule by which files have a name, the name, and the files."""
        parts = [
            p for p in re.split(r"[\\/]", text.strip()) if p not in ("", ".", "..")
        ]
        names = ["/".join(parts[i:]) for i in range(len(parts))]
        folded = [name.casefold() for name in names]
        stems, numbers = [], []
        if parts and PurePosixPath(parts[-1]).suffix.lower() in _SUFFIXES:
            stems = [str(PurePosixPath(name).with_suffix("")) for name in names]
        if parts and re.fullmatch("[0-9]+", parts[-1]):
            numbers = [str(int(parts[-1]))]
        for rule, keys in (
            (0, names),
            (1, names),
            (2, folded),
            (3, folded),
            (1, stems),
            (4, numbers),
        ):
            for key in keys:
                if found := self._rules[rule].get(key):
                    return rule, key, found
        return 0, "", []

    def _only(self, text: str, key: str, found) -> PurePosixPath:
        """Return the one of several files that is meant."""
        if len(found) > 1:
            # A file of that very path, or an image beside notes about it.
            whole = [p for p in found if key in (str(p), str(p.with_suffix("")))]
            found = whole or found
        if len(found) > 1:
            images = [p for p in found if p.suffix.lower() in _SUFFIXES]
            found = images or found
        if len(found) > 1:
            raise ValueError(
                f"{shown(text)} may be {found[0]} or {found[1]} in {self.folder}. Name "
                "the folder that holds the images of this table, or put the whole path "
                "or the extension into the table."
            )
        return found[0]


def _walk(folder: Path) -> Iterator[PurePosixPath]:
    """Yield the files in a folder and in those below it, relative to it."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder} is not a folder.")
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_leftover(name)]
        for name in names:
            if not is_leftover(name):
                path = Path(here, name).relative_to(folder)
                yield PurePosixPath(path.as_posix())


def _read(csv, files: _Files) -> tuple[TextTable, list[np.ndarray]]:
    """Return a table and its columns as text."""
    table = TextTable(csv, header=True)
    assert table.names is not None
    if any(map(files.has, table.names)):
        table = TextTable(csv, header=False)
        table.note(
            f"{table.path} has no header: its first line names a file in "
            f"{files.folder}.",
            warn=True,
        )
    columns = range(table.n_columns)
    chunks = list(table.chunks(set(columns), set()))
    return table, [
        np.concatenate([chunk[i].to_numpy(dtype=object) for chunk in chunks])
        for i in columns
    ]


def _filename_column(table: TextTable, cells, files: _Files, filename) -> int:
    """Return the column whose values are names of files."""
    if not (isinstance(filename, str) and filename == "infer"):
        return find_column(table, filename)
    found = {}
    for i, values in enumerate(cells):
        some = values[:1000]
        n = sum(map(files.has, some))
        if n:
            found[i] = n / len(some), len(set(some)) / len(some)
    named = [i for i in found if table.names is not None and is_id(table.names[i])]
    best = named or list(found)
    if len(best) > 1:
        # Labels that are numbers are names of files too, but few of them.
        most = max(found[i] for i in best)
        best = [i for i in best if found[i] == most]
    if len(best) > 1 and table.names is not None:
        telling = [i for i in best if re.search("file|path|im", plain(table.names[i]))]
        best = telling if len(telling) == 1 else best
    if len(best) == 1:
        return best[0]
    if best:
        listed = " and ".join(table.column(i) for i in best[:3])
        raise ValueError(
            f"{table.path} names files of {files.folder} in {listed}: which one is it? "
            "Name it with filename=..."
        )
    raise ValueError(
        f"No column of {table.path} names files in {files.folder}: it has "
        f"{table.columns()}, the first row holds "
        f"{', '.join(shown(values[0]) for values in cells[:5])}; the folder has "
        f"{files.paths[0]}{', ...' if len(files.paths) > 1 else ''}. Name the folder "
        "that holds the images, or the column with filename=..."
    )


def _label_texts(table: TextTable, cells, column: int, label):
    """Return the labels as text and their column, None if there are none."""
    if label is None:
        return None
    if not (isinstance(label, str) and label == "infer"):
        i = find_column(table, label)
        return cells[i], i
    names = table.names or [""] * table.n_columns
    rest = [i for i in range(table.n_columns) if i != column]
    found = [i for i in rest if is_label(names[i])]
    if not found:
        found = [i for i in rest if table.names is None or not is_id(names[i])]
        if len(found) == 1 and table.names is not None:
            table.note(f"The labels of {table.path} are in {table.column(found[0])}.")
    if len(found) > 1 and _are_alike(cells, found):
        table.note(
            f"{table.path} has the same values in every row, as sample submissions "
            "have; they were not taken for labels."
        )
        return None
    if len(found) > 1 and (classes := _one_hot(table, cells, found)) is not None:
        return classes
    if len(found) > 1:
        raise ValueError(
            f"{table.path} has {table.columns()}: which one holds the labels? Name it "
            "with label=..., or give label=None if there are none."
        )
    if not found:
        return None
    texts = cells[found[0]]
    if _are_alike(cells, found):
        what = f"the same value, {shown(texts[0])}," if texts[0].strip() else "nothing"
        table.note(
            f"{table.path} has {what} in {table.column(found[0])} of every row, as "
            "sample submissions have; it was not taken for labels."
        )
        return None
    return texts, found[0]


def _are_alike(cells, columns: list[int]) -> bool:
    """Return whether all rows, if there are several, hold the same."""
    return len(cells[0]) > 1 and all(len(set(cells[i])) == 1 for i in columns)


def _one_hot(table: TextTable, cells, columns: list[int]):
    """Return names of columns as labels where each row has a 1 in one of them."""
    if table.names is None:
        return None
    try:
        values = np.array([cells[i] for i in columns]).astype(float)
    except ValueError:
        return None
    if not (np.isin(values, (0, 1)).all() and (values.sum(axis=0) == 1).all()):
        return None
    names = [table.names[i] for i in columns]
    table.note(
        f"{table.path} has a column of zeros and ones for each of {len(names)} classes "
        f"({first_of(map(shown, names), _LISTED)}); their names were taken as "
        "the labels.",
        warn=True,
    )
    texts = np.array(names, dtype=object)[values.argmax(axis=0)]
    return texts, columns[0]


def _rows_with_files(table: TextTable, values, texts, files: _Files, on_error: str):
    """Return which rows have a file, and the files."""
    rows: dict[PurePosixPath, int] = {}
    missing, twice = [], 0
    for row, value in enumerate(values):
        path = files.find(value)
        if path is None:
            missing.append(row)
        elif path not in rows:
            rows[path] = row
        elif texts is not None and texts[0][row] != texts[0][rows[path]]:
            raise ValueError(
                f"{table.path} gives {path} two labels, {shown(texts[0][rows[path]])} "
                f"in line {table.line_of(rows[path])} and {shown(texts[0][row])} in "
                f"line {table.line_of(row)}, but an image has one."
            )
        else:
            twice += 1
    if files.by_number:
        table.note(
            f"{files.by_number} images of {table.path} were found by their numbers, "
            "without the zeros that their files have before them."
        )
    if missing:
        _report_missing(table, values, missing, files, on_error)
    if twice:
        table.note(
            f"{table.path} lists {counted(twice, 'image')} again that it has "
            "listed before; each was read once.",
            warn=True,
        )
    if not rows:
        raise ValueError(
            f"No row of {table.path} names a file in {files.folder}: the first has "
            f"{shown(values[0])}, the folder {files.paths[0]}."
        )
    others = [
        path
        for path in files.paths
        if path not in rows and path.suffix.lower() in _SUFFIXES
    ]
    if others:
        table.note(
            f"{len(others)} of the {len(others) + len(rows)} images in {files.folder} "
            f"have no row in {table.path} and were left out, {others[0]} among them.",
            warn=True,
        )
    return np.array(list(rows.values())), [files.folder / path for path in rows]


def _report_missing(table, values, missing, files: _Files, on_error: str) -> None:
    listed = ", ".join(
        f"{shown(values[row])} in line {table.line_of(row)}"
        for row in missing[:_LISTED]
    )
    more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
    what = (
        f"{len(missing)} of {len(values)} rows of {table.path} have no image in "
        f"{files.folder}: {listed}{more}."
    )
    if on_error == "raise" or len(missing) == len(values):
        raise ValueError(f'{what} Give on_error="skip" to go on without them.')
    table.note(f"{what} They were left out.", warn=True)
