"""Images and labels in NumPy's archives, under the names that people give them."""

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch

from skcnn._npy import open_npz
from skcnn.datasets._parts import PART_WORDS, PARTS, check_subset

_IMAGES = r"x|images?|imgs?|pictures?|pixels?|data|features?|inputs?|samples?"
_LABELS = r"y|labels?|lbls?|targets?|class(?:es)?|categor(?:y|ies)|digits?"
_PART = {word: part for part, words in PART_WORDS.items() for word in words}
_PART |= {"tr": "train", "te": "test"}
_NAME = re.compile(
    rf"(?P<part1>{'|'.join(_PART)})?(?:(?P<images>{_IMAGES})|(?P<labels>{_LABELS}))"
    rf"(?P<part2>{'|'.join(_PART)})?"
)


class Pair(NamedTuple):
    """Names of arrays that belong together."""

    x: str
    y: str | None


def read_npz(path, *, subset=None, x=None, y=None):
    """Read images, and labels if there are some, from a file of ``numpy.savez``.

    The arrays are found by their names, whatever their case: ``x`` or ``X``,
    ``images``, ``data`` or ``features``, with ``y``, ``labels`` or ``target``; these
    with ``train``, ``val`` or ``test`` before or behind, such as ``x_train`` or
    ``val_images``, are parts of a data set; ``arr_0`` and ``arr_1`` are what
    ``numpy.savez(file, X, y)`` writes. Only the arrays that are asked for are read.

    Parameters
    ----------
    path : str or path-like
        The file.
    subset : {"train", "val", "test", "all"}, default=None
        The part to read, or all of them one after the other. None stands for the only
        one.
    x, y : str, default=None
        The names of the array of images and of that of the labels, where they are
        others.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, n_pixels)
            Flat images, of the dtype in the file.
        images : ndarray of shape (n_samples, ...)
            The images as they are in the file: with their height and width where the
            file has them, and then sharing their memory with `data`.
        target : ndarray of shape (n_samples,)
            The labels, as they are in the file; those of shape ``(n_samples, 1)`` are
            made flat, and of one-hot rows it is the place of the 1. Not there if the
            part has no labels.
        frame : None
            As in the other data sets.
        names : tuple of (str, str or None)
            The names of the arrays read; of `subset` "all" a list of these.
        notes : list of str
            Sentences that say what was decided.
        DESCR : str
            Description of the data set.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If it is damaged, the arrays cannot be told by their names, there are several
        parts and `subset` is None, there are not as many labels as images, or an array
        holds Python objects. The message lists what there is.

    Warns
    -----
    UserWarning
        If the labels are one-hot rows.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from skcnn.datasets import read_npz
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.npz"
    ...     np.savez(
    ...         path,
    ...         train_images=np.zeros((3, 8, 8), np.uint8),
    ...         train_labels=[[1], [0], [1]],
    ...         test_images=np.ones((2, 8, 8), np.uint8),
    ...     )
    ...     train = read_npz(path, subset="train")
    ...     test = read_npz(path, subset="test")
    >>> train.images.shape, train.target.tolist()
    ((3, 8, 8), [1, 0, 1])
    >>> test.data.shape, "target" in test
    ((2, 64), False)
    """
    check_subset(subset)
    path = os.fspath(path)
    notes: list[str] = []
    with open_npz(path) as arrays:
        if x is not None or y is not None:
            pairs = [_named_pair(arrays, path, subset, x, y)]
        else:
            pairs = _wanted(_parts(arrays, path), subset, path)
        read = [
            (_images(arrays, path, pair.x), _labels(arrays, path, pair, notes))
            for pair in pairs
        ]
    for note in notes:
        warnings.warn(note, UserWarning, stacklevel=2)
    images, target = read[0] if len(read) == 1 else _joined(read, pairs, path)
    names: Any = [tuple(pair) for pair in pairs]
    return Bunch(
        data=images.reshape(len(images), -1),
        images=images,
        **({} if target is None else {"target": target}),
        frame=None,
        names=names if subset == "all" else names[0],
        notes=notes,
        DESCR=f"Images from {path}: {', '.join(pair.x for pair in pairs)}",
    )


def npz_parts(path) -> dict[str | None, Pair]:
    """Return which arrays an npz file has of "train", "val" and "test", or of None.

    Nothing but the headers of the arrays is read.

    Raises
    ------
    ValueError
        If the file is damaged, or its arrays cannot be told by their names.
    """
    path = os.fspath(path)
    with open_npz(path) as arrays:
        return _parts(arrays, path)


def _parts(arrays, path: str) -> dict[str | None, Pair]:
    names = arrays.names
    found: dict[str | None, tuple[list[str], list[str]]] = {}
    for name in names:
        match = _NAME.fullmatch(re.sub(r"[\s_.\-/]", "", name).lower())
        if match is None or (match["part1"] and match["part2"]):
            continue
        part = _PART.get(match["part1"] or match["part2"])
        found.setdefault(part, ([], []))[match["images"] is None].append(name)
    if not any(images for images, _ in found.values()):
        if {name for name in names if not name.startswith("arr_")} or not names:
            raise _not_found(arrays, path)
        return {None: _pair_of_unnamed(arrays, path)}
    if None in found and len(found) > 1:
        # X and y beside X_test are what to train on; beside x_train, the whole.
        whole = found.pop(None)
        found.setdefault("train", whole)
    order = [part for part in (None, *PARTS) if part in found]
    return {part: _pair(arrays, path, *found[part]) for part in order if found[part][0]}


def _pair(arrays, path: str, images: list[str], labels: list[str]) -> Pair:
    """Choose an array of images and one of labels among those with such names."""
    if len(images) > 1:
        with_shape = [name for name in images if len(arrays.shape(name)) > 2]
        same = {np.prod(arrays.shape(name), dtype=float) for name in images}
        if len(with_shape) != 1 or len(same) > 1:
            raise _ambiguous(arrays, path, "images", "x", images)
        images = with_shape  # the others are the same, flat
    if len(labels) > 1:
        n = arrays.shape(images[0])[:1]
        fitting = [name for name in labels if arrays.shape(name)[:1] == n]
        if len(fitting) != 1:
            raise _ambiguous(arrays, path, "labels", "y", labels)
        labels = fitting
    return Pair(images[0], labels[0] if labels else None)


def _pair_of_unnamed(arrays, path: str) -> Pair:
    """Return which of arr_0 and arr_1 holds images and which labels."""
    images = [name for name in arrays.names if len(arrays.shape(name)) > 1]
    labels = [name for name in arrays.names if len(arrays.shape(name)) == 1]
    if len(images) == 2 and not labels:
        # Labels of shape (n, 1), or one-hot rows, behind the images.
        labels = [n for n in images[1:] if len(arrays.shape(n)) == 2]
        images = images[:1] if labels else images
    if len(images) != 1 or len(labels) > 1:
        raise _not_found(arrays, path)
    return Pair(images[0], labels[0] if labels else None)


def _wanted(parts: dict[str | None, Pair], subset: str | None, path: str) -> list[Pair]:
    if subset == "all":
        return list(parts.values())
    if subset in parts:
        return [parts[subset]]
    if subset is None and len(parts) == 1:
        return list(parts.values())
    listed = ", ".join(f"{part} ({_listed(*pair)})" for part, pair in parts.items())
    if subset is None:
        raise ValueError(
            f"{path} has several parts: {listed}. Choose one with "
            f"subset={next(iter(parts))!r}, or give subset='all'."
        )
    if None in parts:
        raise ValueError(
            f"{path} has no parts, only {_listed(*parts[None])}. Leave subset="
            f"{subset!r} out."
        )
    raise ValueError(f"{path} has no part {subset!r}; it has {listed}.")


def _named_pair(arrays, path: str, subset, x, y) -> Pair:
    if subset is not None:
        raise ValueError(
            f"Got subset={subset!r} with x={x!r} and y={y!r}, but names of arrays "
            "already say which. Leave subset out."
        )
    if y is not None:
        y = _named(arrays, path, "y", y)
    if x is not None:
        return Pair(_named(arrays, path, "x", x), y)
    others = [name for name in arrays.names if name != y]
    if len(others) == 1:
        return Pair(others[0], y)
    parts = _parts(arrays, path)
    if len(parts) > 1:
        raise ValueError(f"{path} has several arrays of images: name one with x=...")
    return Pair(next(iter(parts.values())).x, y)


def _named(arrays, path: str, option: str, name: str) -> str:
    """Return the name of an array as the file has it."""
    if name in arrays.names:
        return name
    found = [there for there in arrays.names if there.lower() == str(name).lower()]
    if len(found) != 1:
        raise ValueError(
            f"{path} has no array {name!r}, which {option} names; it has "
            f"{_shapes(arrays, arrays.names)}."
        )
    return found[0]


def _images(arrays, path: str, name: str) -> np.ndarray:
    with _advice("Images of one size are saved as numbers by np.stack(images)."):
        shape, dtype = arrays.shape(name), arrays.dtype(name)
    if dtype.kind not in "biuf":
        raise ValueError(f"{path}: {name} is of dtype {dtype}, but pixels are numbers.")
    if len(shape) < 2 or not shape[0]:
        raise ValueError(
            f"{path}: {name} has shape {shape}, but images have shape (n, height, "
            "width[, channels]) or (n, pixels). Name others with x=... and y=..."
        )
    images = np.ascontiguousarray(arrays[name])
    if dtype.kind == "f" and not np.isfinite(images).all():
        row = int(np.argwhere(~np.isfinite(images))[0][0])
        raise ValueError(
            f"{path}: {name} has NaN or infinity in image {row}, but each pixel needs "
            "a number. Fill it in, for example with np.nan_to_num, or leave the image "
            "out."
        )
    return images


def _labels(arrays, path: str, pair: Pair, notes: list[str]) -> np.ndarray | None:
    if pair.y is None:
        return None
    n = arrays.shape(pair.x)[0]
    with _advice("Save labels as text, y.astype(str), or numbers, y.astype(int)."):
        shape, dtype = arrays.shape(pair.y), arrays.dtype(pair.y)
    if shape[:1] != (n,):
        raise ValueError(
            f"{path}: {pair.x} has shape {arrays.shape(pair.x)} and {pair.y} has shape "
            f"{shape}, but one label an image was expected."
        )
    if len(shape) > 2 or (
        len(shape) == 2 and shape[1] > 1 and dtype.kind not in "biuf"
    ):
        raise _no_labels(path, pair.y, shape)
    labels = arrays[pair.y]
    if dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8", "replace")
    if labels.ndim == 1 or labels.shape[1] == 1:
        return labels.reshape(-1)
    if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
        raise _no_labels(path, pair.y, shape)
    notes.append(
        f"{path}: {pair.y} has one-hot rows of {shape[1]} values; the place of the 1 "
        f"was taken as the label, 0 to {shape[1] - 1}."
    )
    return labels.argmax(axis=1)


def _no_labels(path: str, name: str, shape) -> ValueError:
    return ValueError(
        f"{path}: {name} has shape {shape}, but labels have shape (n,) or (n, 1), or "
        "are one-hot rows. One image has one label: several labels an image cannot be "
        "learned."
    )


def _joined(read, pairs: list[Pair], path: str):
    """Return all parts as one, if all have labels or none has."""
    without = [pair.x for pair, (_, y) in zip(pairs, read, strict=True) if y is None]
    if without and len(without) < len(read):
        raise ValueError(
            f"{path} has no labels for {', '.join(without)}, so its parts cannot be "
            "read as one. Choose one with subset=..."
        )
    shapes = {x.shape[1:] for x, _ in read}
    if len(shapes) > 1:
        listed = ", ".join(
            f"{p.x} {x.shape}" for p, (x, _) in zip(pairs, read, strict=True)
        )
        raise ValueError(
            f"{path} has images of different shapes ({listed}), which cannot be read "
            "as one. Choose one part with subset=..."
        )
    images = np.concatenate([x for x, _ in read])
    return images, None if without else np.concatenate([y for _, y in read])


def _not_found(arrays, path: str) -> ValueError:
    return ValueError(
        f"{path} holds {_shapes(arrays, arrays.names)}, and no names that say which "
        "are images and which labels, such as X and y, or x_train and y_train. Name "
        "them with x=... and y=..."
    )


def _ambiguous(arrays, path: str, what: str, option: str, names) -> ValueError:
    return ValueError(
        f"{path} has {_shapes(arrays, names)}: which one holds the {what}? Name it "
        f"with {option}=..."
    )


@contextmanager
def _advice(advice: str) -> Iterator[None]:
    """Add what to write in place of an array of Python objects."""
    try:
        yield
    except ValueError as error:
        if "dtype object" not in str(error):
            raise
        raise ValueError(
            f"{error} Python objects are not read, because they can run code. {advice}"
        ) from error


def _shapes(arrays, names) -> str:
    if not names:
        return "no array"
    listed = [f"{name} {_shape(arrays, name)}" for name in names[:10]]
    return ", ".join([*listed, *(["..."] if len(names) > 10 else [])])


def _shape(arrays, name: str) -> tuple[int, ...] | str:
    """Return the shape of an array, or what it is if it cannot be read."""
    try:
        return arrays.shape(name)
    except ValueError:
        return "(cannot be read)"


def _listed(x: str, y: str | None) -> str:
    return f"{x} and {y}" if y is not None else f"{x} without labels"
