"""The output of ``skcnn predict``: a table, JSON or Kaggle's submission."""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skcnn._cli._terminal import as_json, cell, note, one_line

if TYPE_CHECKING:
    import numpy as np


@dataclass
class Predictions:
    """The predictions for the images of a table, an npz file or several image files.

    Attributes
    ----------
    names : list of str
        A name for each image.
    probabilities : ndarray of shape (n, n_classes)
        The probabilities of the classes for each image.
    files : list of Path or None
        The image files; None for images in a table or an npz file.
    ids : sequence of int or str, or None
        The ids of the rows of a table.
    """

    names: list[str]
    probabilities: "np.ndarray"
    files: list[Path] | None = None
    ids: Sequence[Any] | None = None


def table_of(parts: list[Predictions], classes: "np.ndarray", with_proba: bool) -> str:
    """Return CSV with a row for each image."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [cell(str(name)) for name in classes] if with_proba else []
    writer.writerow(["image", "label", *columns])
    for name, label, row in _rows(parts, classes):
        shown = (f"{value:.6f}" for value in row if with_proba)
        writer.writerow([cell(name), cell(label), *shown])
    return text.getvalue()


def json_of(parts: list[Predictions], classes: "np.ndarray", with_proba: bool) -> str:
    """Return JSON with an object for each image."""
    results = []
    for name, label, row in _rows(parts, classes):
        result = {"image": name, "label": label}
        if with_proba:
            result["probabilities"] = dict(zip(map(str, classes), row, strict=True))
        results.append(result)
    return as_json(results)


def submission_of(parts: list[Predictions], classes: "np.ndarray") -> str:
    """Return a submission with the columns ``ImageId,Label``, sorted by id."""
    if classes.dtype.kind == "f" and (classes % 1 == 0).all():
        classes = classes.astype(int)
    labels = [label for _, label, _ in _rows(parts, classes)]
    ids = submission_ids(parts)
    rows = list(zip(ids, labels, strict=True))
    if all(isinstance(number, int) for number in ids):
        rows.sort(key=lambda row: row[0])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["ImageId", "Label"])
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def submission_ids(parts: list[Predictions]) -> list[Any]:
    """Return the id of each image in a submission.

    Raises
    ------
    ValueError
        If two images have the same id, or if only some images have ids.
    """
    if all(part.files is not None for part in parts):
        files = [file for part in parts for file in part.files or ()]
        ids = _numbers_in_names(files)
        if ids is None:
            ids = _places_in_order(files)
        return _without_repetition(ids, list(map(str, files)))
    with_ids = [part for part in parts if part.ids is not None]
    if not with_ids and all(part.files is None for part in parts):
        return list(range(1, sum(len(part.names) for part in parts) + 1))
    if len(with_ids) < len(parts):
        without = next(part for part in parts if part.ids is None)
        raise ValueError(
            f"A submission needs one kind of ids, but {one_line(without.names[0])} and "
            "others have none of a table. Give image files, tables with a column of "
            "ids, or tables without, one kind at a time."
        )
    ids = [number for part in with_ids for number in _plain(part.ids)]
    return _without_repetition(ids, [name for part in parts for name in part.names])


def _plain(ids: Any) -> list[Any]:
    """Return ids as a list of Python objects."""
    return ids.tolist() if hasattr(ids, "tolist") else list(ids)


def _numbers_in_names(files: list[Path]) -> list[int] | None:
    """Return the number in each file name, or None if a name has none or several."""
    found = [re.findall("[0-9]+", file.stem) for file in files]
    if any(len(numbers) != 1 for numbers in found):
        return None
    return [int(number) for (number,) in found]


def _places_in_order(files: list[Path]) -> list[int]:
    """Return the place of each file in natural order, from 1 on."""
    from skcnn._images.folder_listing import natural_order

    ordered = natural_order(files)
    note(
        "Not every file name has exactly one number, so ImageId counts the files in "
        f"their natural order: 1 is {ordered[0]}."
    )
    places = {file: place for place, file in enumerate(ordered, start=1)}
    return [places[file] for file in files]


def _without_repetition(ids: list[Any], names: list[str]) -> list[Any]:
    """Return the ids, and raise if two images have the same id."""
    twice = [number for number, count in Counter(ids).items() if count > 1]
    if twice:
        one, other, *_ = (
            one_line(name)
            for name, number in zip(names, ids, strict=True)
            if number == twice[0]
        )
        raise ValueError(
            f"A submission needs a different ImageId for each image, but {one} and "
            f"{other} both have {twice[0]!r}. Write one submission for each folder or "
            "file, or rename the files."
        )
    return ids


def _rows(parts: list[Predictions], classes: "np.ndarray") -> Any:
    """Yield name, label and probabilities of each image."""
    for part in parts:
        labels = classes[part.probabilities.argmax(axis=1)].tolist()
        yield from zip(part.names, labels, part.probabilities.tolist(), strict=True)
