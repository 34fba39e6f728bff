"""Kaggle's "Digit Recognizer": MNIST as CSV files."""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils import Bunch

from skcnn._storage.files import written_whole
from skcnn.datasets._bunch import make_image_bunch
from skcnn.datasets._checks import REMEDY

PIXELS = [f"pixel{i}" for i in range(28 * 28)]
_N_CLASSES = 10
_INTEGER = re.compile("[0-9]{1,9}")

_DESCR = """Kaggle "Digit Recognizer" ({name})

Images of handwritten digits from MNIST, 28 x 28 pixels, gray: 0 is background, 255 is
ink.

Source: https://www.kaggle.com/competitions/digit-recognizer
"""


def read_digit_recognizer(path: str | os.PathLike) -> Bunch:
    """Read ``train.csv`` or ``test.csv`` of Kaggle's "Digit Recognizer".

    Columns are found by their names, so the order of the columns does not matter.

    Parameters
    ----------
    path : str or path-like
        A CSV file with the columns ``pixel0`` to ``pixel783`` and, as in
        ``train.csv``, ``label``.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, 784), dtype uint8
            Flat images; shares its memory with `images`.
        images : ndarray of shape (n_samples, 28, 28), dtype uint8
            The images.
        target : ndarray of shape (n_samples,), dtype int64
            The digit on each image. Absent if the file has no column ``label``.
        frame : None
            Present for compatibility with the other data sets.
        feature_names : list of str
            ``pixel0`` to ``pixel783``.
        target_names : ndarray of shape (10,)
            The digits 0 to 9.
        DESCR : str
            Description of the data set.

    Raises
    ------
    ValueError
        If a column is missing, unknown or duplicated, if a value is not an integer
        from 0 to 255, or if a label is not an integer from 0 to 9. The message names
        the line.

    See Also
    --------
    write_submission : Write the predictions for ``test.csv``.

    Examples
    --------
    >>> from skcnn.datasets import read_digit_recognizer
    >>> train = read_digit_recognizer("train.csv")  # doctest: +SKIP
    >>> train.images.shape, train.target.shape  # doctest: +SKIP
    ((42000, 28, 28), (42000,))
    """
    # Bytes that are not UTF-8 are replaced by a character that no name and no number
    # contains. The checks below then report its place.
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        columns = [name.strip().strip('"') for name in file.readline().split(",")]
        _check_columns(columns, path)
        below_header = file.tell()
        if not file.readline().strip():
            raise ValueError(f"{path} has no image below its first line. {REMEDY}")
        file.seek(below_header)
        try:
            table = np.loadtxt(
                file, dtype=np.uint8, delimiter=",", comments=None, ndmin=2
            )
        except ValueError as error:
            problem = _first_problem(path, columns) or error
            raise ValueError(f"{path}: {problem}. {REMEDY}") from error
    labels = table[:, columns.index("label")] if "label" in columns else None
    if table.shape[1] != len(columns) or (
        labels is not None and labels.max() >= _N_CLASSES
    ):
        raise ValueError(f"{path}: {_first_problem(path, columns)}. {REMEDY}")

    data = np.take(table, [columns.index(name) for name in PIXELS], axis=1)
    return make_image_bunch(
        data.reshape(-1, 28, 28),
        None if labels is None else labels.astype(np.int64),
        target_names=np.arange(_N_CLASSES),
        descr=_DESCR.format(name=Path(path).name),
    )


def write_submission(path: str | os.PathLike, predictions: Any) -> None:
    """Write predictions in the form that Kaggle's "Digit Recognizer" expects.

    The file has the columns ``ImageId``, counted from 1, and ``Label``. The file
    appears at `path` only when it is complete.

    Parameters
    ----------
    path : str or path-like
        The file to write, usually ``submission.csv``. An existing file is replaced.
    predictions : array-like of int, shape (n_samples,)
        The predicted digits, in the order of ``test.csv``. Whole numbers of a floating
        dtype are written as integers: labels with a nullable dtype of pandas become
        floating numbers in `fit`.

    Raises
    ------
    ValueError
        If `predictions` is not a 1-D array of whole numbers, or is empty.

    See Also
    --------
    read_digit_recognizer : Read ``train.csv`` and ``test.csv``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skcnn.datasets import write_submission
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "submission.csv"
    ...     write_submission(path, [7, 2])
    ...     print(path.read_text())
    ImageId,Label
    1,7
    2,2
    <BLANKLINE>
    """
    labels = np.asarray(predictions)
    if labels.dtype.kind == "f":
        is_finite = (np.abs(labels) < 2**53).all()
        if is_finite and (labels % 1 == 0).all():
            labels = labels.astype(np.int64)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not labels.size:
        raise ValueError(
            f"predictions has dtype {labels.dtype} and shape {labels.shape}, but a "
            "submission needs one integer for each image, of shape (n_samples,): pass "
            "the result of predict, or the argmax of the result of predict_proba."
        )
    lines = [f"{i},{label}\n" for i, label in enumerate(labels.tolist(), start=1)]
    with written_whole(path, mode="t", encoding="ascii", newline="\n") as file:
        file.write("ImageId,Label\n")
        file.writelines(lines)


def _check_columns(columns: list[str], path: Any) -> None:
    """Refuse columns that are missing, unknown or duplicated."""
    counts = Counter(columns)
    for problem, names in (
        ("lacks the column", [name for name in PIXELS if name not in counts]),
        ("has the unknown column", list(counts.keys() - {"label", *PIXELS})),
        ("has twice the column", [name for name in counts if counts[name] > 1]),
    ):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ValueError(
                f"{path} {problem} {min(names)!r}{more}, but the columns of Kaggle's "
                "Digit Recognizer were expected: pixel0 to pixel783, and label in "
                f"train.csv. {REMEDY}"
            )


def _first_problem(path: Any, columns: list[str]) -> str | None:
    """Return the line and the column of the first wrong value in a damaged file.

    This is slow, but `numpy.loadtxt` does not tell line and column.
    """
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        next(file)
        for number, line in enumerate(file, start=2):
            if not line.strip():
                continue
            cells = [cell.strip() for cell in line.split(",")]
            if len(cells) != len(columns):
                return (
                    f"line {number} has {len(cells)} values, but {len(columns)} were "
                    "expected"
                )
            for column, cell in zip(columns, cells, strict=True):
                largest = _N_CLASSES - 1 if column == "label" else 255
                if not (_INTEGER.fullmatch(cell) and int(cell) <= largest):
                    return (
                        f"line {number} has {cell!r} in the column {column}, but an "
                        f"integer from 0 to {largest} was expected"
                    )
    return None
