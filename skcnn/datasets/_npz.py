"""Images and labels in ``.npz`` files, found by common names of arrays."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import Bunch

from skcnn._messages.warnings import warn_of
from skcnn._messages.wording import counted
from skcnn._storage.npy import Npz, open_npz
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
    """The name of an array of images, and the name of the array of their labels."""

    x: str
    y: str | None


def read_npz(
    path: str | os.PathLike,
    *,
    subset: str | None = None,
    x: str | None = None,
    y: str | None = None,
    groups: str | None = None,
) -> Bunch:
    """Read images, and labels if there are any, from a file of ``numpy.savez``.

    The arrays are found by their names, in upper or lower case: ``x``, ``images``,
    ``data`` or ``features`` for images, and ``y``, ``labels`` or ``target`` for
    labels. Names with ``train``, ``val`` or ``test`` at the beginning or the end, such
    as ``x_train`` or ``val_images``, are parts of a data set. ``arr_0`` and ``arr_1``
    are the names that ``numpy.savez(file, X, y)`` writes. Only the requested arrays are
    read.

    Parameters
    ----------
    path : str or path-like
        The file.
    subset : {"train", "val", "test", "all"}, default=None
        The part to read; "all" concatenates all parts. With None, the file must have
        a single part.
    x, y : str, default=None
        The name of the array of images and the name of the array of labels, if the
        arrays have other names.
    groups : str, default=None
        The name of the array that says which images belong together, such as those of a
        patient or a video. It has a number or a text for each image that is read.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        Dictionary-like object, with the following attributes.

        data : ndarray of shape (n_samples, n_pixels)
            Flat images, of the dtype in the file.
        images : ndarray of shape (n_samples, ...)
            The images as they are in the file, n-dimensional or flat; they share their
            memory with `data`.
        target : ndarray of shape (n_samples,)
            The labels in the file. Labels of shape ``(n_samples, 1)`` are flattened,
            and one-hot rows become the position of the 1. Absent if the part has no
            labels.
        groups : ndarray of shape (n_samples,)
            The group of each image, for example for `fit`. Absent unless the argument
            `groups` is given.
        frame : None
            Present for compatibility with the other data sets.
        names : tuple of (str, str or None)
            The names of the arrays that were read; with ``subset="all"``, a list of
            such tuples.
        notes : list of str
            Sentences about the decisions that were made.
        DESCR : str
            Description of the data set.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        If the file is damaged, if images and labels cannot be found by their names, if
        there are several parts and `subset` is None, if the numbers of labels and
        images differ, or if an array holds Python objects. The message lists the
        arrays of the file.

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
        images, target = read[0] if len(read) == 1 else _joined(read, pairs, path)
        of_images = {} if target is None else {"target": target}
        if groups is not None:
            of_images["groups"] = _groups(arrays, path, groups, len(images))
    for note in notes:
        warn_of(UserWarning(note))
    names: Any = [tuple(pair) for pair in pairs]
    return Bunch(
        data=images.reshape(len(images), -1),
        images=images,
        **of_images,
        frame=None,
        names=names if subset == "all" else names[0],
        notes=notes,
        DESCR=f"Images from {path}: {', '.join(pair.x for pair in pairs)}",
    )


def npz_parts(path: str | os.PathLike) -> dict[str | None, Pair]:
    """Return the names of the arrays of each part: "train", "val", "test" or None.

    Only the headers of the arrays are read. A damaged file, or arrays that cannot be
    found by their names, raise a ValueError.
    """
    path = os.fspath(path)
    with open_npz(path) as arrays:
        return _parts(arrays, path)


def _parts(arrays: Npz, path: str) -> dict[str | None, Pair]:
    """Return the names of the arrays of each part; the key None means no parts."""
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
        # X and y beside X_test are the part for training. Beside x_train they are the
        # complete data set, which is not needed.
        unnamed = found.pop(None)
        found.setdefault("train", unnamed)
    order = [part for part in (None, *PARTS) if part in found]
    return {part: _pair(arrays, path, *found[part]) for part in order if found[part][0]}


def _pair(arrays: Npz, path: str, images: list[str], labels: list[str]) -> Pair:
    """Choose one array of images and one array of labels among the candidates."""
    if len(images) > 1:
        with_shape = [name for name in images if len(arrays.shape(name)) > 2]
        same = {np.prod(arrays.shape(name), dtype=float) for name in images}
        if len(with_shape) != 1 or len(same) > 1:
            raise _ambiguous(arrays, path, "images", "x", images)
        images = with_shape  # the other arrays are the same images as flat rows
    if len(labels) > 1:
        n = arrays.shape(images[0])[:1]
        fitting = [name for name in labels if arrays.shape(name)[:1] == n]
        if len(fitting) != 1:
            raise _ambiguous(arrays, path, "labels", "y", labels)
        labels = fitting
    return Pair(images[0], labels[0] if labels else None)


def _pair_of_unnamed(arrays: Npz, path: str) -> Pair:
    """Return which of arr_0 and arr_1 holds the images, and which one the labels."""
    images = [name for name in arrays.names if len(arrays.shape(name)) > 1]
    labels = [name for name in arrays.names if len(arrays.shape(name)) == 1]
    if len(images) == 2 and not labels:
        # Labels of shape (n, 1), or one-hot rows, after the images.
        labels = [n for n in images[1:] if len(arrays.shape(n)) == 2]
        images = images[:1] if labels else images
    if len(images) != 1 or len(labels) > 1:
        raise _not_found(arrays, path)
    return Pair(images[0], labels[0] if labels else None)


def _wanted(parts: dict[str | None, Pair], subset: str | None, path: str) -> list[Pair]:
    """Return the arrays of the parts that `subset` asks for."""
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
            f"subset={next(iter(parts))!r}, or pass subset='all'."
        )
    if None in parts:
        raise ValueError(
            f"{path} has no parts, only {_listed(*parts[None])}. Leave subset="
            f"{subset!r} out."
        )
    raise ValueError(f"{path} has no part {subset!r}; it has {listed}.")


def _named_pair(
    arrays: Npz, path: str, subset: str | None, x: str | None, y: str | None
) -> Pair:
    """Return the arrays that the user names, at least one of `x` and `y`."""
    if subset is not None:
        raise ValueError(
            f"Got subset={subset!r} with x={x!r} and y={y!r}, but the names of arrays "
            "already select a part. Leave subset out."
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
        raise ValueError(
            f"{path} has several arrays of images: pass the name of one as x=..."
        )
    return Pair(next(iter(parts.values())).x, y)


def _named(arrays: Npz, path: str, option: str, name: str) -> str:
    """Return the name of an array as it is in the file, in any case."""
    if name in arrays.names:
        return name
    found = [there for there in arrays.names if there.lower() == str(name).lower()]
    if len(found) != 1:
        raise ValueError(
            f"{path} has no array {name!r}, as given in {option}; it has "
            f"{_shapes(arrays, arrays.names)}."
        )
    return found[0]


def _images(arrays: Npz, path: str, name: str) -> np.ndarray:
    """Read an array of images, or raise if it does not hold images."""
    with _advice("Save np.stack(images), if all images have the same size."):
        shape, dtype = arrays.shape(name), arrays.dtype(name)
    if dtype.kind not in "biuf":
        raise ValueError(f"{path}: {name} is of dtype {dtype}, but pixels are numbers.")
    if len(shape) < 2 or not shape[0]:
        raise ValueError(
            f"{path}: {name} has shape {shape}, but images have shape (n, height, "
            "width[, channels]) or (n, pixels). Pass the names of other arrays as "
            "x=... and y=..."
        )
    images = np.ascontiguousarray(arrays[name])
    if dtype.kind == "f" and not np.isfinite(images).all():
        row = int(np.argwhere(~np.isfinite(images))[0][0])
        raise ValueError(
            f"{path}: {name} has NaN or infinity in image {row}, but each pixel needs "
            "a number. Replace these values, for example with np.nan_to_num, or leave "
            "the image out."
        )
    return images


def _labels(arrays: Npz, path: str, pair: Pair, notes: list[str]) -> np.ndarray | None:
    """Read an array of labels, or raise if it does not fit the images."""
    if pair.y is None:
        return None
    n = arrays.shape(pair.x)[0]
    with _advice("Save labels as text, y.astype(str), or numbers, y.astype(int)."):
        shape, dtype = arrays.shape(pair.y), arrays.dtype(pair.y)
    if shape[:1] != (n,):
        raise ValueError(
            f"{path}: {pair.x} has shape {arrays.shape(pair.x)} and {pair.y} has shape "
            f"{shape}, but one label for each image was expected."
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
        f"{path}: {pair.y} has one-hot rows of {shape[1]} values; the position of the "
        f"1 is used as the label, 0 to {shape[1] - 1}."
    )
    return labels.argmax(axis=1)


def _groups(arrays: Npz, path: str, name: str, n_images: int) -> np.ndarray:
    """Read an array of groups, or raise if it does not fit the images."""
    name = _named(arrays, path, "groups", name)
    with _advice("Save groups as text, groups.astype(str), or numbers."):
        shape = arrays.shape(name)
    if shape not in ((n_images,), (n_images, 1)):
        raise ValueError(
            f"{path}: {name} has shape {shape}, but the group of each of "
            f"{counted(n_images, 'image')} was expected."
        )
    found = arrays[name].reshape(-1)
    if found.dtype.kind == "S":
        found = np.char.decode(found, "utf-8", "replace")
    return found


def _no_labels(path: str, name: str, shape: tuple[int, ...]) -> ValueError:
    """Return the error for an array of labels with a wrong shape."""
    return ValueError(
        f"{path}: {name} has shape {shape}, but labels have shape (n,) or (n, 1), or "
        "are one-hot rows. Each image has one label: several labels for an image "
        "cannot be learned."
    )


def _joined(
    read: list[tuple[np.ndarray, np.ndarray | None]], pairs: list[Pair], path: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Concatenate all parts; either all parts or none must have labels."""
    without = [pair.x for pair, (_, y) in zip(pairs, read, strict=True) if y is None]
    if without and len(without) < len(read):
        raise ValueError(
            f"{path} has no labels for {', '.join(without)}, so its parts cannot be "
            "combined. Choose one with subset=..."
        )
    shapes = {x.shape[1:] for x, _ in read}
    if len(shapes) > 1:
        listed = ", ".join(
            f"{p.x} {x.shape}" for p, (x, _) in zip(pairs, read, strict=True)
        )
        raise ValueError(
            f"{path} has images of different shapes ({listed}), which cannot be "
            "combined. Choose one part with subset=..."
        )
    images = np.concatenate([x for x, _ in read])
    labels = [y for _, y in read if y is not None]
    return images, np.concatenate(labels) if labels else None


def _not_found(arrays: Npz, path: str) -> ValueError:
    """Return the error for arrays whose names do not tell images from labels."""
    return ValueError(
        f"{path} holds {_shapes(arrays, arrays.names)}, and no names that tell images "
        "from labels, such as X and y, or x_train and y_train. Pass the names as x=... "
        "and y=..."
    )


def _ambiguous(
    arrays: Npz, path: str, what: str, option: str, names: list[str]
) -> ValueError:
    """Return the error for several arrays that may be the images or the labels."""
    return ValueError(
        f"{path} has {_shapes(arrays, names)}: which one holds the {what}? Pass its "
        f"name as {option}=..."
    )


@contextmanager
def _advice(advice: str) -> Iterator[None]:
    """Add to the error for an array of Python objects how to save it instead."""
    try:
        yield
    except ValueError as error:
        if "dtype object" not in str(error):
            raise
        raise ValueError(
            f"{error} Python objects are not read, because they can execute code. "
            f"{advice}"
        ) from error


def _shapes(arrays: Npz, names: list[str]) -> str:
    """Return the names and shapes of arrays, for messages."""
    if not names:
        return "no arrays"
    listed = [f"{name} {_shape(arrays, name)}" for name in names[:10]]
    return ", ".join([*listed, *(["..."] if len(names) > 10 else [])])


def _shape(arrays: Npz, name: str) -> tuple[int, ...] | str:
    """Return the shape of an array, or that it cannot be read."""
    try:
        return arrays.shape(name)
    except ValueError:
        return "(cannot be read)"


def _listed(x: str, y: str | None) -> str:
    return f"{x} and {y}" if y is not None else f"{x} without labels"
