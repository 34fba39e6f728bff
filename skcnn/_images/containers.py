"""Images and labels in containers of any library, converted to arrays."""

import os
from collections.abc import Mapping, Set
from numbers import Number
from typing import Any

import numpy as np
from scipy.sparse import issparse

from skcnn._images.container_errors import (
    FORMS,
    dictionary_message,
    refuse_missing,
    refuse_missing_pixels,
    refuse_named_parts,
    refuse_one,
    refuse_pairs,
    refuse_streams,
)
from skcnn._images.container_kinds import (
    as_array,
    entries_of,
    holds_images,
    holds_text,
    image_and_label_name,
    is_array,
    is_frame,
    is_image_source,
    is_pil_image,
    is_sequence,
    kind_of,
    names_of_parts,
    on_host,
    quoted_names,
    to_array,
    what_is,
)
from skcnn._messages.warnings import warn_of

# A frame with more columns is a table of pixels. In a frame with fewer columns, one
# column may hold the images.
FEW_COLUMNS = 16


def array_or_frame(X: Any, estimator: Any, image_shape: tuple | None = None) -> Any:
    """Return the images in a container as an array, or a data frame of flat rows.

    Arrays of numbers, data frames and sparse matrices are returned as they are. A
    Series of numbers is returned too: scikit-learn refuses it with its own message.
    Other collections are stacked into one array, and image files are read. If the shape
    of the images is stated or learned, files and PIL images are read with its number of
    channels.

    A TypeError is raised if `X` is not a collection of images; nothing is taken from a
    stream. A ValueError is raised if `X` is a single image, if images differ in shape,
    if an entry is not an image, or if a file is missing or cannot be read. Messages
    name the class of `estimator`.
    """
    found = _array_frame_or_entries(X, estimator)
    if not isinstance(found, list):
        return found
    name = type(estimator).__name__
    if found and all(map(is_image_source, found)):
        _refuse_missing_files(found, name)
        return _read_files(found, name, estimator, image_shape)
    images = _arrays(found, name)
    return images if isinstance(images, np.ndarray) else _stacked(images, name)


def images_of_any_size(X: Any, estimator: Any) -> Any:
    """Return the images in a container, each of any size.

    An array, a data frame of flat rows or a sparse matrix are returned as they are, and
    everything else as `array_or_frame` returns it, with two exceptions: arrays of
    several axes in a list, and names of files and PIL images, are a list of them.
    Errors are those of `array_or_frame`, but images may differ in shape.
    """
    found = _array_frame_or_entries(X, estimator)
    if not isinstance(found, list):
        return found
    name = type(estimator).__name__
    if found and all(map(is_image_source, found)):
        _refuse_missing_files(found, name)
        return found
    images = _arrays(found, name)
    if isinstance(images, np.ndarray):
        return images
    _refuse_images_and_labels(images, name)
    if all(image.ndim == 1 for image in images):
        return _stacked(images, name)
    return images


def _array_frame_or_entries(X: Any, estimator: Any) -> Any:
    """Return an array, frame or sparse matrix, or the entries of a collection."""
    if isinstance(X, np.ndarray) and X.dtype.kind in "biufc" and X.ndim:
        return X
    if issparse(X):
        return X
    name = type(estimator).__name__
    refuse_one(X, name)
    if is_frame(X):
        column = _column_of_images(X, name)
        return X if column is None else _array_frame_or_entries(column, estimator)
    if is_array(X):
        try:
            array = to_array(X)
        except (RuntimeError, TypeError, ValueError) as error:
            raise TypeError(
                f"X is {kind_of(X)}, which NumPy cannot convert to an array, but "
                f"{name} expects {FORMS}."
            ) from error
        if not array.ndim:
            refuse_one(array, name)
        of_objects = array.dtype.kind in "OSTU"
        if of_objects and array.shape[1:] == (1,) and holds_images(array[:, 0]):
            array = array[:, 0]
        if array.ndim > 1 or not of_objects:
            refuse_missing_pixels(array, "X", name)
            return X if hasattr(X, "to_frame") and array.ndim == 1 else array
        return array.tolist()
    refuse_named_parts(X, name)
    refuse_streams(X, name, estimator)
    return entries_of(X)


def labels_in(y: Any, name: str = "y") -> Any:
    """Return labels as an object that NumPy can convert.

    This is a list, an array or a Series, or `y` itself if scikit-learn refuses it. A
    TypeError is raised if `y` is a dictionary or a data set with named parts, if it has
    no order, or if it is a stream. `name` is the name of the argument in messages.
    """
    if y is None or isinstance(y, (np.ndarray, list, tuple, str, Number)):
        return y
    if is_frame(y) or is_array(y):
        return on_host(y)
    names = names_of_parts(y)
    if names is not None:
        _, label = image_and_label_name(names)
        raise TypeError(
            f"{name} is {kind_of(y)} of {quoted_names(names)}, but one label for each "
            f"image was expected: pass {name}[{label or '...'!r}]."
        )
    if isinstance(y, Set) or not is_sequence(y):
        raise TypeError(
            f"{name} is {kind_of(y)}, but one label for each image was expected: pass "
            "a list or an array of them, in the order of the images."
        )
    return entries_of(y)


def channels_last_code(X: Any) -> str:
    """Return the code that moves the channels of images to the last axis."""
    if hasattr(X, "permute"):
        return "X.permute(0, 2, 3, 1)"
    if isinstance(X, np.ndarray) and X.dtype != object:
        return "np.moveaxis(X, 1, -1)"
    is_n_dimensional = is_array(X) and getattr(X, "ndim", 1) > 1
    return f"np.moveaxis(np.{'asarray' if is_n_dimensional else 'stack'}(X), 1, -1)"


def one_image_code(X: Any) -> str:
    """Return the code that makes a collection of one image."""
    return "X[np.newaxis]" if isinstance(X, np.ndarray) else "[X]"


def _column_of_images(frame: Any, name: str) -> Any:
    """Return the only column of a frame if it holds images or files, else None.

    Refuse a frame that holds images in one of several columns.
    """
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
            return column if holds_images(to_array(column)) else None
        first = to_array(column[:1])
        if holds_images(first) and not holds_text(first):
            raise TypeError(
                f"X is {kind_of(frame)} with the columns {quoted_names(names)}, but "
                f"{name} expects the images alone: pass X[{column_name!r}]."
            )
    return None


def _arrays(entries: list, name: str) -> np.ndarray | list[np.ndarray]:
    """Return the images in a list as arrays; numbers and nested lists as one array."""
    if not entries:
        raise ValueError(
            f"X holds no images, but {name} expects at least one. If X was selected "
            "from something larger, look at the condition."
        )
    kinds = set(map(type, entries))
    refuse_missing(entries, kinds, name)
    if all(issubclass(kind, Number) for kind in kinds):
        return np.asarray(entries)
    are_files = [is_image_source(entry) for entry in entries]
    if any(are_files):
        other = are_files.index(not are_files[0])
        raise ValueError(
            f"X[0] is {what_is(entries[0])} and X[{other}] is "
            f"{what_is(entries[other])}, but {name} expects images of one kind."
        )
    refuse_pairs(entries, name)
    if kinds <= {list, tuple}:
        array = as_array(entries)
        if array is not None:
            refuse_missing_pixels(array, "X", name)
            return array
    return [_image(entry, place, name) for place, entry in enumerate(entries)]


def _image(entry: Any, place: int, name: str) -> np.ndarray:
    """Return one entry of a list as an array, or raise an error that describes it."""
    if isinstance(entry, np.ndarray) and entry.dtype.kind != "O" and entry.ndim:
        return entry
    if isinstance(entry, Mapping):
        raise TypeError(dictionary_message(entry, place, name))
    if isinstance(entry, (bytes, bytearray)):
        raise TypeError(
            f"X[{place}] is {kind_of(entry)}, but {name} expects an image there. If "
            "the bytes are image files, write [PIL.Image.open(io.BytesIO(data)) for "
            "data in X]."
        )
    if hasattr(entry, "read") and hasattr(entry, "seek"):
        raise TypeError(
            f"X[{place}] is {kind_of(entry)}, but {name} expects an image there. If "
            "these are image files, write [PIL.Image.open(file) for file in X]."
        )
    array = as_array(entry)
    if array is None:
        raise ValueError(
            f"X[{place}] is {kind_of(entry)} whose rows differ in length, but {name} "
            "expects images, all of one height and width."
        )
    if not array.ndim:
        raise ValueError(
            f"X[{place}] is {what_is(entry)}, but {name} expects an image there."
        )
    refuse_missing_pixels(array, f"X[{place}]", name)
    return array


def _stacked(arrays: list[np.ndarray], name: str) -> np.ndarray:
    """Stack arrays of one shape, or raise an error that names the one that differs."""
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
    _refuse_images_and_labels(arrays, name)
    found = f"X[{place}] has shape {other}, the first {first}, but {name} expects "
    if len(first) == 1:
        found += "rows of one length."
    elif first[:2] == other[:2]:
        found += "images of one shape; convert them to the same number of channels."
    else:
        found += (
            "images of one shape; resize them with "
            "skcnn.preprocessing.ImageResizer((32, 32))."
        )
        if len(first) > 2 and first[1:] == other[1:]:
            found += " If X is a list of batches, pass np.concatenate(X)."
    raise ValueError(found)


def _refuse_images_and_labels(arrays: list[np.ndarray], name: str) -> None:
    """Refuse a pair of several images and as many labels."""
    if len(arrays) == 2 and arrays[1].shape == arrays[0].shape[:1]:
        first, other = arrays[0].shape, arrays[1].shape
        raise ValueError(
            f"X is a pair of arrays of the shapes {first} and {other}, which look like "
            f"images and labels, but {name} expects the images alone: pass X[0], and "
            "X[1] as the labels."
        )


def _refuse_missing_files(sources: list, name: str) -> None:
    """Refuse names of folders, and names that are of nothing."""
    for place, source in enumerate(sources):
        if is_pil_image(source) or os.path.isfile(source):
            continue
        path = os.fspath(source)
        if os.path.isdir(path):
            raise ValueError(
                f"X[{place}] is the folder {path!r}, but {name} expects image files. "
                "Read a folder with skcnn.datasets.load_image_folder."
            )
        raise ValueError(
            f"X[{place}] is {path!r:.200}, which is not the name of a file, but {name} "
            "expects images or image files."
        )


def _read_files(
    sources: list, name: str, estimator: Any, image_shape: tuple | None
) -> np.ndarray:
    """Read image files and PIL images, with the expected number of channels."""
    from skcnn._images.files import read_images

    try:
        images = read_images(sources, can_skip=False)
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
        opened = "image" if is_pil_image(sources[0]) else "PIL.Image.open(image)"
        warn_of(
            UserWarning(
                f"X holds color images, but {name} was fitted on gray ones, so the "
                "images are converted to gray. If you want that, write "
                f"[{opened}.convert('L') for image in X]."
            )
        )
    return read_images(sources, image_shape)


def _about_other_sizes(sources: list, name: str) -> str | None:
    """Return a message if an image differs in size from the first one, else None."""
    from skcnn._images.files import read_images

    try:
        first = read_images(sources[:1]).shape[1:3]
        for place, source in enumerate(sources):
            other = read_images([source]).shape[1:3]
            if other != first:
                return (
                    f"X[{place}] has {other[1]} x {other[0]} pixels, the first "
                    f"{first[1]} x {first[0]}, but {name} expects images of one size: "
                    "resize them with skcnn.preprocessing.ImageResizer((32, 32)), or "
                    f"as in {_resize_code(source, (32, 32))}."
                )
    except ValueError:
        pass  # An image cannot be read: the caller raises the original error.
    return None


def _resize_code(source: Any, size: tuple) -> str:
    """Return the code that resizes images or image files."""
    if is_pil_image(source):
        return f"[image.resize({size}) for image in X]"
    return f"[PIL.Image.open(path).resize({size}) for path in X]"
