"""What people keep images and labels in: it becomes an array, or is refused in words.

No library is imported to recognize its objects: they are known by what they can do.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Set
from itertools import islice
from numbers import Number
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skcnn._warnings import warn_of
from skcnn._wording import first_of

FORMS = (
    "an array (n, height, width) or (n, height, width, channels), flat rows, or a list "
    "of images or of image files"
)
IMAGE_NAMES = ("image", "images", "img", "pixels", "x_train", "X", "x", "data")
LABEL_NAMES = ("label", "labels", "target", "y_train", "y", "class")

# A table of pixels has many columns, and one with whole images in a column has few.
FEW_COLUMNS = 16


def array_or_frame(X: Any, estimator: Any, image_shape: tuple | None = None) -> Any:
    """Return the images in a container as an array, or a data frame of flat rows.

    Arrays of numbers, frames and sparse matrices come back as they are. Everything else
    is stacked once, and files are read. A stream is refused before it is touched.

    Parameters
    ----------
    X : object
        Whatever was passed as images.
    estimator : estimator instance
        Named in messages.
    image_shape : tuple of 3 int, default=None
        ``(height, width, channels)``, if it is stated or learned: image files and PIL
        images are read with so many channels.

    Returns
    -------
    object
        An ndarray, a data frame, a sparse matrix, or a Series of numbers, which
        scikit-learn refuses in its own words.

    Raises
    ------
    TypeError
        If `X` is no collection of images.
    ValueError
        If `X` is a single image, its images differ in shape, an entry is not an image,
        or a file is not there or cannot be read.
    """
    if isinstance(X, np.ndarray) and X.dtype.kind in "biufc" and X.ndim:
        return X
    if issparse(X):
        return X
    name = type(estimator).__name__
    _refuse_one(X, name)
    if _is_frame(X):
        column = _column_of_images(X, name)
        return X if column is None else array_or_frame(column, estimator, image_shape)
    if _is_array(X):
        try:
            array = _to_array(X)
        except (RuntimeError, TypeError, ValueError) as error:
            raise TypeError(
                f"X is {_kind(X)} of which NumPy makes no array, but {name} expects "
                f"{FORMS}."
            ) from error
        if not array.ndim:
            _refuse_one(array, name)
        of_objects = array.dtype.kind in "OSTU"
        if of_objects and array.shape[1:] == (1,) and _holds_images(array[:, 0]):
            array = array[:, 0]
        if array.ndim > 1 or not of_objects:
            _refuse_missing_pixels(array, "X", name)
            return X if hasattr(X, "to_frame") and array.ndim == 1 else array
        entries = array.tolist()
    else:
        _refuse_named_parts(X, name)
        _refuse_streams(X, name, estimator)
        entries = _entries(X)
    if entries and all(map(_is_file, entries)):
        return _read_files(entries, estimator, image_shape)
    return _stacked(entries, name)


def labels_in(y: Any, name: str = "y") -> Any:
    """Return labels as something that NumPy reads.

    Parameters
    ----------
    y : object
        Whatever was passed as labels.
    name : str, default="y"
        Name of the argument in messages.

    Returns
    -------
    object
        A list, an array, a Series, or what `y` is, for others to refuse.

    Raises
    ------
    TypeError
        If `y` holds labels under a name, has no order, or hands them out one by one.
    """
    if y is None or isinstance(y, (np.ndarray, list, tuple, str, Number)):
        return y
    if _is_frame(y) or _is_array(y):
        return _on_host(y)
    names = _names_of_parts(y)
    if names is not None:
        _, label = _image_and_label(names)
        raise TypeError(
            f"{name} is {_kind(y)} of {_named(names)}, but one label for each image "
            f"was expected: pass {name}[{label or '...'!r}]."
        )
    if isinstance(y, Set) or not _is_sequence(y):
        raise TypeError(
            f"{name} is {_kind(y)}, but one label for each image was expected: pass "
            "a list or an array of them, in the order of the images."
        )
    return _entries(y)


def channels_last_code(X: Any) -> str:
    """Return what to write to bring the channels of images to the last axis."""
    if hasattr(X, "permute"):
        return "X.permute(0, 2, 3, 1)"
    if isinstance(X, np.ndarray) and X.dtype != object:
        return "np.moveaxis(X, 1, -1)"
    is_whole = _is_array(X) and getattr(X, "ndim", 1) > 1
    return f"np.moveaxis(np.{'asarray' if is_whole else 'stack'}(X), 1, -1)"


def one_image_code(X: Any) -> str:
    """Return what to write to make a collection of one image."""
    return "X[np.newaxis]" if isinstance(X, np.ndarray) else "[X]"


def _refuse_one(X: Any, name: str) -> None:
    """Refuse a single image, file, folder or number."""
    if isinstance(X, np.ndarray) and not X.ndim:
        X = X.item()
    if X is None or isinstance(X, Number):
        raise ValueError(f"X is {X!r:.60}, but {name} expects {FORMS}.")
    if isinstance(X, (bytes, bytearray)):
        raise TypeError(
            f"X is {_kind(X)}, but {name} expects {FORMS}. If the bytes are an image "
            "file, write [PIL.Image.open(io.BytesIO(X))]."
        )
    if hasattr(X, "read") and hasattr(X, "seek"):
        raise TypeError(
            f"X is {_kind(X)}, but {name} expects {FORMS}. If it is one image file, "
            "write [PIL.Image.open(X)]."
        )
    if _is_pil(X):
        raise ValueError(
            f"X is one image of {X.width} x {X.height} pixels, but {name} expects "
            "several; for one image write [X]."
        )
    if isinstance(X, (str, os.PathLike)):
        path = os.fspath(X)
        if os.path.isdir(path):
            raise ValueError(
                f"X is the folder {path!r}, but {name} expects {FORMS}. Read it by "
                "skcnn.datasets.load_image_folder(X), which returns images and labels."
            )
        if os.path.isfile(path):
            raise ValueError(
                f"X is one file, {path!r}, but {name} expects several images; for one "
                "image write [X]."
            )
        raise ValueError(
            f"X is {path!r:.200}, which is not the name of a file, but {name} expects "
            f"{FORMS}."
        )


def _refuse_named_parts(X: Any, name: str) -> None:
    """Refuse a data set or a dictionary, and say which of its parts to pass."""
    names = _names_of_parts(X)
    if names is None:
        return
    found, code = f"X is {_kind(X)} of {_named(names)}", "X"
    image, label = _image_and_label(names)
    if image is None and names and isinstance(X, Mapping):
        inner = _names_of_parts(X[names[0]])
        if inner is not None:
            image, label = _image_and_label(inner)
            code = f"X[{names[0]!r}]"
    if image is None:
        advice = (
            "pass the part that holds them, or list(X.values()) if each part is an "
            "image"
        )
    else:
        advice = f"pass {code}[{image!r}]"
        if label is not None:
            advice += f", and {code}[{label!r}] as the labels"
    raise TypeError(f"{found}, but {name} expects the images alone: {advice}.")


def _refuse_streams(X: Any, name: str, estimator: Any) -> None:
    """Refuse what cannot be asked for its length and for any of its entries."""
    if isinstance(X, Set):
        raise TypeError(
            f"X is {_kind(X)}, which has no order, but {name} expects images in the "
            "order of their labels: pass a list."
        )
    if callable(getattr(X, "collect", None)) and not hasattr(X, "__len__"):
        raise TypeError(
            f"X is {_kind(X)}, a query that has not been run, but {name} expects its "
            "result: pass X.collect()."
        )
    if _is_sequence(X):
        _refuse_pairs(X, name)
        return
    if not hasattr(X, "__iter__") and not hasattr(X, "__getitem__"):
        raise TypeError(f"X is {_kind(X)}, but {name} expects {FORMS}.")
    by_batches = "pass the images of one batch as an array"
    if hasattr(estimator, "partial_fit"):
        by_batches = (
            "call partial_fit, and later predict, with the arrays of each batch"
        )
        if callable(getattr(X, "iter", None)):
            by_batches += " in X.iter(batch_size=1000)"
    raise TypeError(
        f"X is {_kind(X)}, which hands out its entries one after another, but {name} "
        f"expects all images at once: {by_batches}, or pass list(X) if its entries are "
        "images, without labels, and fit into memory."
    )


def _refuse_pairs(X: Any, name: str) -> None:
    """Refuse images, or batches of them, that come together with their labels."""
    first = next(iter(X), None) if len(X) else None
    if not isinstance(first, (tuple, list)) or len(first) < 2:
        return
    image, label = first[:2]
    if not _is_file(image) and _n_dims(image) < 2:
        return
    if isinstance(label, (str, Number)) or _n_dims(label) == 0:
        raise TypeError(
            f"X[0] is a pair of an image and a label, but {name} expects the images "
            "alone: pass [pair[0] for pair in X], and [pair[1] for pair in X] as the "
            "labels."
        )
    if _n_dims(image) > _n_dims(label):
        raise TypeError(
            f"X[0] is a pair of a batch of images and their labels, but {name} expects "
            "all images at once: call partial_fit with the images and labels of each "
            "batch, or pass np.concatenate([batch[0] for batch in X]), and "
            "np.concatenate([batch[1] for batch in X]) as the labels."
        )


def _names_of_parts(X: Any) -> list | None:
    """Return the names of the parts of a dictionary or a data set, else None."""
    if isinstance(X, Mapping):
        return list(X)
    if _is_array(X) or not hasattr(X, "__len__"):
        return None
    columns = getattr(X, "column_names", None)
    if isinstance(columns, list):
        return columns
    keys = getattr(X, "keys", None)
    return list(keys()) if callable(keys) else None


def _image_and_label(names: list) -> tuple:
    """Return which of the names are those of images and of labels; None for neither."""
    image = next((name for name in IMAGE_NAMES if name in names), None)
    label = next((name for name in LABEL_NAMES if name in names), None)
    return image, label


def _is_frame(X: Any) -> bool:
    """Return whether it is a table of pandas, polars or PyArrow."""
    # Of the type, for pandas makes the dtypes of all columns when it is asked for them.
    kind = type(X)
    if isinstance(X, Mapping) or not (
        hasattr(kind, "dtypes") or hasattr(kind, "schema")
    ):
        return False
    shape = getattr(X, "shape", None)
    return isinstance(shape, tuple) and len(shape) == 2


def _column_of_images(frame: Any, name: str) -> Any:
    """Return the only column of a frame if it holds images or files, else None."""
    n_rows, n_columns = frame.shape
    if n_columns > FEW_COLUMNS or not isinstance(n_rows, int) or not n_rows:
        return None
    names = list(getattr(frame, "column_names", None) or frame.columns)
    for place, column_name in enumerate(names):
        if hasattr(frame, "iloc"):
            column = frame.iloc[:, place]
        else:
            column = (
                frame.column(place) if hasattr(frame, "column") else frame[column_name]
            )
        if n_columns == 1:
            return column if _holds_images(_to_array(column)) else None
        first = _to_array(column[:1])
        if _holds_images(first) and not _holds_text(first):
            raise TypeError(
                f"X is {_kind(frame)} with the columns {_named(names)}, but {name} "
                f"expects the images alone: pass X[{column_name!r}]."
            )
    return None


def _holds_images(column: np.ndarray) -> bool:
    """Return whether the entries of a column are images or names of files."""
    if column.dtype.kind != "O":
        return column.ndim > 1 or column.dtype.kind in "STU"
    return not all(map(_is_pixel, column.flat))


def _holds_text(column: np.ndarray) -> bool:
    """Return whether the entries of a column are text, and do not name files."""
    entries = column.tolist() if column.dtype.kind in "OTU" and column.ndim == 1 else []
    return any(
        isinstance(entry, str) and not os.path.isfile(entry) for entry in entries
    )


def _entries(X: Any) -> list:
    """Return the entries of what has a length."""
    if type(X).__module__.startswith("datasets."):
        # A column of Hugging Face's makes all of its entries at once in half the time.
        X = X[:]
    # As many as there are: what has only __getitem__ may go on forever.
    return list(islice(X, len(X)))


def _stacked(entries: list, name: str) -> np.ndarray:
    """Stack images into one array, or say which of them does not fit."""
    if not entries:
        raise ValueError(
            f"X holds no images, but {name} expects at least one. If X was selected "
            "from something larger, look at the condition."
        )
    kinds = set(map(type, entries))
    _refuse_missing(entries, kinds, name)
    if all(issubclass(kind, Number) for kind in kinds):
        return np.asarray(entries)
    are_files = [_is_file(entry) for entry in entries]
    if any(are_files):
        other = are_files.index(not are_files[0])
        raise ValueError(
            f"X[0] is {_what(entries[0])} and X[{other}] is {_what(entries[other])}, "
            f"but {name} expects images of one kind."
        )
    _refuse_pairs(entries, name)
    if kinds <= {list, tuple}:
        array = _plain(entries)
        if array is not None:
            _refuse_missing_pixels(array, "X", name)
            return array
    images = [_image(entry, place, name) for place, entry in enumerate(entries)]
    return _stacked_arrays(images, name)


def _image(entry: Any, place: int, name: str) -> np.ndarray:
    """Return one entry of a list as an array, or say what it is instead."""
    if isinstance(entry, np.ndarray) and entry.dtype.kind != "O" and entry.ndim:
        return entry
    if isinstance(entry, Mapping):
        raise TypeError(_about_rows(entry, place, name))
    if isinstance(entry, (bytes, bytearray)):
        raise TypeError(
            f"X[{place}] is {_kind(entry)}, but {name} expects an image there. If the "
            "bytes are image files, write [PIL.Image.open(io.BytesIO(data)) for data "
            "in X]."
        )
    if hasattr(entry, "read") and hasattr(entry, "seek"):
        raise TypeError(
            f"X[{place}] is {_kind(entry)}, but {name} expects an image there. If they "
            "are image files, write [PIL.Image.open(file) for file in X]."
        )
    array = _plain(entry)
    if array is None:
        raise ValueError(
            f"X[{place}] is {_kind(entry)} whose rows differ in length, but {name} "
            "expects images, all of one height and width."
        )
    if not array.ndim:
        raise ValueError(
            f"X[{place}] is {_what(entry)}, but {name} expects an image there."
        )
    _refuse_missing_pixels(array, f"X[{place}]", name)
    return array


def _about_rows(entry: Mapping, place: int, name: str) -> str:
    """Say how to get the images out of a list of dictionaries."""
    found = f"X[{place}] is {_kind(entry)} of {_named(entry)}, but {name} expects"
    if "bytes" in entry:
        return (
            f"{found} an image there: if the bytes are those of an image file, write "
            "[PIL.Image.open(io.BytesIO(entry['bytes'])) for entry in X]."
        )
    image, label = _image_and_label(list(entry))
    return (
        f"{found} the images alone: pass [row[{image or '...'!r}] for row in X], and "
        f"[row[{label or '...'!r}] for row in X] as the labels."
    )


def _stacked_arrays(arrays: list[np.ndarray], name: str) -> np.ndarray:
    """Stack arrays of one shape, or say which one differs."""
    first = arrays[0].shape
    place = next((i for i, array in enumerate(arrays) if array.shape != first), None)
    if place is None and len(first) < 4:
        return np.asarray(arrays)
    if place is None:
        raise ValueError(
            f"X[0] has shape {first}, so X is a list of batches, but {name} expects "
            "one array: pass np.concatenate(X)."
        )
    other = arrays[place].shape
    if len(arrays) == 2 and other == first[:1]:
        raise ValueError(
            f"X is a pair of arrays of the shapes {first} and {other}, as if of images "
            f"and labels, but {name} expects the images alone: pass X[0], and X[1] as "
            "the labels."
        )
    found = f"X[{place}] has shape {other}, the first {first}, but {name} expects "
    if len(first) == 1:
        found += "rows of one length."
    elif first[:2] == other[:2]:
        found += "images of one shape; give them the same number of channels."
    else:
        found += (
            "images of one shape; resize them, as "
            "skcnn.datasets.load_image_folder(path, image_shape=...) does with files."
        )
        if len(first) > 2 and first[1:] == other[1:]:
            found += " If X is a list of batches, pass np.concatenate(X)."
    raise ValueError(found)


def _read_files(sources: list, estimator: Any, image_shape: tuple | None) -> np.ndarray:
    """Read image files and PIL images, with the channels that are expected."""
    from skcnn._image_files import read_images

    name = type(estimator).__name__
    for place, source in enumerate(sources):
        if _is_pil(source) or os.path.isfile(source):
            continue
        path = os.fspath(source)
        if os.path.isdir(path):
            raise ValueError(
                f"X[{place}] is the folder {path!r}, but {name} expects image files. "
                "Read a folder by skcnn.datasets.load_image_folder."
            )
        raise ValueError(
            f"X[{place}] is {path!r:.200}, which is not the name of a file, but {name} "
            "expects images or image files."
        )
    try:
        images = read_images(sources)
    except ValueError as error:
        message = _about_other_sizes(sources, name)
        raise (ValueError(message) if message else error) from error
    if image_shape is None:
        return images
    height, width, channels = image_shape
    if images.shape[1:3] != (height, width):
        raise ValueError(
            f"X has images of {images.shape[2]} x {images.shape[1]} pixels, but {name} "
            f"is expecting {width} x {height} pixels: resize them, as in "
            f"{_resize_code(sources[0], (width, height))}."
        )
    found = images.shape[3] if images.ndim == 4 else 1
    if found == channels:
        return images
    is_stated = getattr(estimator, "image_shape", None) is not None
    if channels == 1 and not is_stated and (images != images[..., :1]).any():
        opened = "image" if _is_pil(sources[0]) else "PIL.Image.open(image)"
        warn_of(
            UserWarning(
                f"X holds color images, but {name} was fitted on gray ones, so that "
                "their brightness alone is read. If that is meant, write "
                f"[{opened}.convert('L') for image in X]."
            )
        )
    return read_images(sources, image_shape)


def _about_other_sizes(sources: list, name: str) -> str | None:
    """Say which image has another size than the first; None if it is not that."""
    from skcnn._image_files import read_images

    try:
        first = read_images(sources[:1]).shape[1:3]
        for place, source in enumerate(sources):
            other = read_images([source]).shape[1:3]
            if other != first:
                return (
                    f"X[{place}] has {other[1]} x {other[0]} pixels, the first "
                    f"{first[1]} x {first[0]}, but {name} expects images of one size: "
                    f"resize them, as in {_resize_code(source, (32, 32))}."
                )
    except ValueError:
        pass  # The image cannot be read at all.
    return None


def _resize_code(source: Any, size: tuple) -> str:
    """Return what to write to resize images or files."""
    if _is_pil(source):
        return f"[image.resize({size}) for image in X]"
    return f"[PIL.Image.open(path).resize({size}) for path in X]"


def _refuse_missing(entries: list, kinds: set, name: str) -> None:
    """Say which entry of a list is no image but stands for a missing one."""
    if all(issubclass(kind, (np.ndarray, int, str, list, tuple)) for kind in kinds):
        return
    missing = [place for place, entry in enumerate(entries) if _is_missing(entry)]
    if missing and (len(missing) < len(entries) or None in entries):
        others = f", and so are {len(missing) - 1} more" if missing[1:] else ""
        raise ValueError(
            f"X[{missing[0]}] is {entries[missing[0]]}{others}, but {name} expects an "
            "image in each place: leave these out, and their labels too."
        )


def _refuse_missing_pixels(array: np.ndarray, of: str, name: str) -> None:
    """Say where None stands among pixels, for scikit-learn speaks of NaN there."""
    if array.dtype.kind == "O":
        for place, pixel in np.ndenumerate(array):
            if pixel is None:
                raise ValueError(
                    f"{of}[{', '.join(map(str, place))}] is None, but {name} expects "
                    "numbers as pixels: leave that image out, and its label too."
                )


def _is_array(X: Any) -> bool:
    """Return whether it makes an array of itself."""
    if isinstance(X, Mapping) or _is_pil(X):
        return False
    return hasattr(X, "__array__") or isinstance(X, memoryview)


def _is_sequence(X: Any) -> bool:
    """Return whether it has a length and gives its entries again and again."""
    if isinstance(X, Iterator):
        return False
    return hasattr(X, "__len__") and hasattr(X, "__getitem__")


def _is_pil(X: Any) -> bool:
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(X, module.Image)


def _is_file(X: Any) -> bool:
    """Return whether it names a file, or is an image that Pillow has opened."""
    return isinstance(X, (str, os.PathLike)) or _is_pil(X)


def _is_pixel(X: Any) -> bool:
    """Return whether it may be one of many values of an image."""
    if isinstance(X, (bytes, list, tuple, Mapping)) or _is_file(X):
        return False
    return getattr(X, "ndim", 0) == 0


def _is_missing(X: Any) -> bool:
    """Return whether it is what NumPy, pandas and Python put where nothing is."""
    if isinstance(X, (float, np.floating)):
        return bool(np.isnan(X))
    return X is None or type(X).__name__ in ("NAType", "NaTType")


def _n_dims(X: Any) -> int:
    """Return the number of axes, 0 for what is no array."""
    array = _plain(X)
    return 0 if array is None else array.ndim


def _plain(X: Any) -> np.ndarray | None:
    """Return nested lists or tensors as an array, and None if they are ragged."""
    try:
        array = _to_array(X)
    except (RuntimeError, TypeError, ValueError):
        return None
    if array.dtype.kind == "O" and array.ndim == 1:
        parts = [part for part in map(_plain, array.tolist()) if part is not None]
        alike = len({part.shape for part in parts}) == 1
        return np.stack(parts) if alike and len(parts) == len(array) else None
    return array


def _to_array(X: Any) -> np.ndarray:
    array = np.asarray(_on_host(X))
    # JAX and TensorFlow give these as a type that NumPy does not compute with.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _on_host(X: Any) -> Any:
    """Return a tensor in the memory of the processor, without its gradient."""
    if hasattr(X, "detach") and hasattr(X, "cpu"):
        X = X.detach().cpu()
        return X.float() if str(X.dtype) == "torch.bfloat16" else X
    return X.get() if type(X).__module__.partition(".")[0] == "cupy" else X


def _kind(X: Any) -> str:
    """Return the name of a type and of its library, with an article."""
    kind = type(X)
    library = kind.__module__.partition(".")[0]
    article = "an" if kind.__name__[0] in "aeiouAEIO" else "a"
    known = library in ("builtins", "collections") or library.startswith("_")
    return f"{article} {kind.__name__}{'' if known else f' ({library})'}"


def _what(entry: Any) -> str:
    if isinstance(entry, (str, os.PathLike)):
        return f"the name {os.fspath(entry)!r:.80}"
    if isinstance(entry, Number):
        return f"the number {entry}"
    return "a PIL image" if _is_pil(entry) else _kind(entry)


def _named(names: Any) -> str:
    """Return names of parts or columns for a sentence."""
    return first_of(map(repr, names)) or "nothing"
