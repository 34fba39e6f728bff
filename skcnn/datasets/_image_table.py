"""Image files in a folder, and a table of their labels."""

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skcnn._images.files import check_options, read_images_with_facts, skipped_message
from skcnn._messages.warnings import warn_of
from skcnn._messages.wording import counted, first_of, shown
from skcnn.datasets._bunch import make_image_bunch
from skcnn.datasets._columns import (
    find_column,
    groups_of,
    is_id,
    is_label,
    labels_of,
    parsed,
    plain,
)
from skcnn.datasets._file_names import IMAGE_SUFFIXES, NamedFiles
from skcnn.datasets._text_table import TextTable

# A message names at most this many rows or classes.
_LISTED = 3

# The labels as text, and the number of their column.
_Labels = tuple[np.ndarray, int]


def load_image_table(
    csv: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    image_shape: tuple[int, ...] | None = None,
    label: str | int | None = "infer",
    group: str | int | None = None,
    filename: str | int = "infer",
    on_error: str = "raise",
    background: str | tuple[int, int, int] = "white",
) -> Bunch:
    """Load image files whose labels are in a table.

    ::

        trainLabels.csv        train/
            id,label               1.png
            1,frog                 2.png
            2,truck

    The column of files is the column whose values are names of files in `folder`, with
    or without their extension, with or without folders before them. Numbers are
    compared as text, leading zeros included; if that finds no file, numbers are
    compared by value. Pillow is required: ``pip install "skcnn[images]"``.

    Parameters
    ----------
    csv : str or path-like
        The table, in any form that :func:`read_table` reads.
    folder : str or path-like
        The folder that holds the images, directly or in folders of its own.
    image_shape : tuple of int, default=None
        ``(height, width)`` for gray images, or ``(height, width, channels)``. Images
        are converted and resized to this shape. If None, all images must have the same
        size.
    label : str, int or None, default="infer"
        The column of labels: its name, or its position, counted from 0. "infer" takes
        the column named label, class, category or similar, or otherwise the only column
        beside that of the files. It also finds one column of zeros and ones for each
        class. None means that there are no labels.
    group : str or int, default=None
        The column that says which images belong together, such as patient or video: its
        name, or its position, counted from 0.
    filename : str or int, default="infer"
        The column of files: its name, or its position, counted from 0.
    on_error : {"raise", "skip"}, default="raise"
        What to do if a row has no image, or an image cannot be read: raise an error
        that names the rows or images, or warn and leave them out.
    background : str or tuple of 3 int, default="white"
        The color under transparent pixels: a name, ``"#ffffff"``, or red, green and
        blue from 0 to 255. It is not used if `image_shape` has 4 channels.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, height * width * channels)
            Flat images; shares its memory with `images`.
        images : ndarray of shape (n_samples, height, width[, channels])
            The images in the order of the table: uint16 if an image has more than 8
            bits a channel, and uint8 otherwise.
        target : ndarray of shape (n_samples,), dtype int64
            The class of each image as an index into `target_names`. Absent if the table
            has no labels, or the same label in every row, as in sample submissions.
        target_names : ndarray of shape (n_classes,) or None
            The sorted classes: int64 if all are integers, and str otherwise.
        groups : ndarray of shape (n_samples,)
            The group of each image, for example for `fit`: int64 if all are integers,
            and str otherwise. Absent unless `group` is given.
        filenames : ndarray of shape (n_samples,)
            The path of each image.
        ids : ndarray of shape (n_samples,)
            The name of each image in the table: int64 or str.
        skipped : list of str
            The paths of files that cannot be read, with ``on_error="skip"``.
        transparent : list of str
            The paths of files that have transparent pixels.
        frame : None
            Present for compatibility with the other data sets.
        feature_names : list of str or None
            Names of the columns of `data`; None if there are more than 2**20 columns.
        notes : list of str
            Sentences about the decisions that were made.
        DESCR : str
            Description of the data set.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    OSError
        If `csv` or an image cannot be opened, or `folder` is not a folder.
    ValueError
        If the columns of files or labels cannot be found, if a row has no image or no
        label, if an image has two labels or cannot be read, or if the sizes differ and
        `image_shape` is None.

    Warns
    -----
    UserWarning
        If images have no row, if rows are skipped, or if labels come from columns of
        zeros and ones.

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
    options = {
        "image_shape": image_shape,
        "on_error": on_error,
        "background": background,
    }
    return read_image_table(
        csv, folder, options, label=label, group=group, filename=filename
    )


def read_image_table(
    csv: str | os.PathLike,
    folder: str | os.PathLike,
    options: dict[str, Any],
    *,
    label: str | int | None = "infer",
    group: str | int | None = None,
    filename: str | int = "infer",
) -> Bunch:
    """Load images and their labels as `load_image_table` does.

    `options` are the arguments of `read_images_with_facts`, `resize` too.
    """
    on_error = options["on_error"]
    check_options(options["image_shape"], options["background"], on_error)
    files = NamedFiles(folder)
    table, cells = _read(csv, files)
    group_column = None if group is None else find_column(table, group)
    column = _filename_column(table, cells, files, filename, group_column)
    labels = _labels(table, cells, column, group_column, label)
    if labels is not None and labels[1] == group_column:
        raise ValueError(
            f"{table.path} has the labels in {table.column(labels[1])}, which cannot "
            "be the groups too: all images of a class would be one group. Pass the "
            "name of another column as group=..."
        )
    if labels is not None:
        empty = [row for row, text in enumerate(labels[0]) if not text.strip()]
        if empty:
            raise ValueError(
                f"{table.path}: line {table.line_of(empty[0])} has no value in "
                f"{table.column(labels[1])}. Delete the rows whose label is not known."
            )
    rows, paths = _rows_with_files(table, cells[column], labels, files, on_error)

    read = read_images_with_facts(paths, **options)
    if read.skipped:
        table.note(skipped_message(read), warn=True)
    rows = rows[read.kept]
    target = names = None
    if labels is not None:
        names, target = np.unique(labels_of(table, *labels)[rows], return_inverse=True)
    bunch = make_image_bunch(
        read.images,
        None if target is None else target.astype(np.int64),
        target_names=names,
        descr=f"Images from {folder} with the table {table.path}",
    )
    bunch.filenames = np.array([str(paths[i]) for i in read.kept])
    bunch.ids = parsed(cells[column])[rows]
    if group_column is not None:
        bunch.groups = groups_of(table, cells[group_column], group_column)[rows]
    bunch.skipped = [name for name, _ in read.skipped]
    bunch.transparent = [str(paths[i]) for i in read.transparent]
    bunch.notes = list(table.notes)
    for note in table.warned:
        warn_of(UserWarning(note))
    return bunch


def _read(csv: Any, files: NamedFiles) -> tuple[TextTable, list[np.ndarray]]:
    """Return a table, and the cells of each column as text."""
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


def _filename_column(
    table: TextTable,
    cells: list[np.ndarray],
    files: NamedFiles,
    filename: str | int,
    group: int | None,
) -> int:
    """Return the column whose values are names of files; it is not that of groups."""
    if not (isinstance(filename, str) and filename == "infer"):
        return find_column(table, filename)
    found = {}
    for i, values in enumerate(cells):
        some = values[:1000]
        n = 0 if i == group else sum(map(files.has, some))
        if n:
            found[i] = n / len(some), len(set(some)) / len(some)
    named = [i for i in found if table.names is not None and is_id(table.names[i])]
    best = named or list(found)
    if len(best) > 1:
        # Numbers as labels may also be names of files, but labels have few different
        # values.
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
            "Pass its name as filename=..."
        )
    raise ValueError(
        f"No column of {table.path} names files in {files.folder}: it has "
        f"{table.columns()}, the first row holds "
        f"{', '.join(shown(values[0]) for values in cells[:5])}; the folder has "
        f"{files.paths[0]}{', ...' if len(files.paths) > 1 else ''}. Pass the folder "
        "that holds the images, or the name of the column as filename=..."
    )


def _labels(
    table: TextTable,
    cells: list[np.ndarray],
    column: int,
    group: int | None,
    label: str | int | None,
) -> _Labels | None:
    """Return the labels, or None if there are none.

    `column` is that of the files, and `group` that of the groups.
    """
    if label is None:
        return None
    if not (isinstance(label, str) and label == "infer"):
        i = find_column(table, label)
        return cells[i], i
    names = table.names or [""] * table.n_columns
    rest = [i for i in range(table.n_columns) if i not in (column, group)]
    found = [i for i in rest if is_label(names[i])]
    if not found and group is not None and is_label(names[group]):
        found = [group]
    if not found:
        found = [i for i in rest if table.names is None or not is_id(names[i])]
        if len(found) == 1 and table.names is not None:
            table.note(f"The labels of {table.path} are in {table.column(found[0])}.")
    if len(found) > 1 and _are_alike(cells, found):
        table.note(
            f"{table.path} has the same values in every row, as sample submissions "
            "do; these values are not used as labels."
        )
        return None
    if len(found) > 1 and (classes := _one_hot(table, cells, found)) is not None:
        return classes
    if len(found) > 1:
        raise ValueError(
            f"{table.path} has {table.columns()}: which one holds the labels? Pass its "
            "name as label=..., or pass label=None if there are none."
        )
    if not found:
        return None
    texts = cells[found[0]]
    if _are_alike(cells, found):
        what = f"the same value, {shown(texts[0])}," if texts[0].strip() else "nothing"
        table.note(
            f"{table.path} has {what} in {table.column(found[0])} of every row, as "
            "sample submissions do; the column is not used as labels."
        )
        return None
    return texts, found[0]


def _are_alike(cells: list[np.ndarray], columns: list[int]) -> bool:
    """Return whether there are several rows, and all hold the same values."""
    return len(cells[0]) > 1 and all(len(set(cells[i])) == 1 for i in columns)


def _one_hot(
    table: TextTable, cells: list[np.ndarray], columns: list[int]
) -> _Labels | None:
    """Return the names of columns as labels if each row has a single 1 in them."""
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
        f"({first_of(map(shown, names), _LISTED)}); the names of these columns are "
        "used as labels.",
        warn=True,
    )
    texts = np.array(names, dtype=object)[values.argmax(axis=0)]
    return texts, columns[0]


def _rows_with_files(
    table: TextTable,
    values: np.ndarray,
    labels: _Labels | None,
    files: NamedFiles,
    on_error: str,
) -> tuple[np.ndarray, list[Path]]:
    """Return the rows that have a file, and the files.

    `values` is the column of files.
    """
    rows: dict[PurePosixPath, int] = {}
    missing, twice = [], 0
    for row, value in enumerate(values):
        path = files.find(value)
        if path is None:
            missing.append(row)
        elif path not in rows:
            rows[path] = row
        elif labels is not None and labels[0][row] != labels[0][rows[path]]:
            raise ValueError(
                f"{table.path} gives {path} two labels, {shown(labels[0][rows[path]])} "
                f"in line {table.line_of(rows[path])} and {shown(labels[0][row])} in "
                f"line {table.line_of(row)}, but an image has one."
            )
        else:
            twice += 1
    if files.by_number:
        table.note(
            f"{files.by_number} images of {table.path} were found by their numbers, "
            "without the leading zeros in the names of the files."
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
        if path not in rows and path.suffix.lower() in IMAGE_SUFFIXES
    ]
    if others:
        table.note(
            f"{len(others)} of the {len(others) + len(rows)} images in {files.folder} "
            f"have no row in {table.path} and were left out, {others[0]} among them.",
            warn=True,
        )
    return np.array(list(rows.values())), [files.folder / path for path in rows]


def _report_missing(
    table: TextTable,
    values: np.ndarray,
    missing: Sequence[int],
    files: NamedFiles,
    on_error: str,
) -> None:
    """Raise or warn that rows have no image."""
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
        raise ValueError(f'{what} Pass on_error="skip" to leave these rows out.')
    table.note(f"{what} These rows were left out.", warn=True)
