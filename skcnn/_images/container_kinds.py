"""Recognition of objects that may hold images or labels.

The objects of other libraries are recognized by their attributes, so that none of these
libraries has to be imported.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from numbers import Number
from typing import Any

import numpy as np

from skcnn._messages.wording import first_of

IMAGE_NAMES = ("image", "images", "img", "pixels", "x_train", "X", "x", "data")
LABEL_NAMES = ("label", "labels", "target", "y_train", "y", "class")


def names_of_parts(X: Any) -> list | None:
    """Return the names of the parts of a dictionary or data set, None for others."""
    if isinstance(X, Mapping):
        return list(X)
    if is_array(X) or not hasattr(X, "__len__"):
        return None
    columns = getattr(X, "column_names", None)
    if isinstance(columns, list):
        return columns
    keys = getattr(X, "keys", None)
    return list(keys()) if callable(keys) else None


def image_and_label_name(names: list) -> tuple:
    """Return the usual name of images and the one of labels among names, or None."""
    image = next((name for name in IMAGE_NAMES if name in names), None)
    label = next((name for name in LABEL_NAMES if name in names), None)
    return image, label


def is_frame(X: Any) -> bool:
    """Return whether an object is a table of pandas, polars or PyArrow."""
    # Ask the class and not the object: pandas computes the dtypes of all columns when
    # the attribute of a data frame is read.
    kind = type(X)
    if isinstance(X, Mapping) or not (
        hasattr(kind, "dtypes") or hasattr(kind, "schema")
    ):
        return False
    shape = getattr(X, "shape", None)
    return isinstance(shape, tuple) and len(shape) == 2


def holds_images(column: np.ndarray) -> bool:
    """Return whether the entries of a column are images, or names of image files."""
    if column.dtype.kind != "O":
        return column.ndim > 1 or column.dtype.kind in "STU"
    return not all(map(_is_pixel, column.flat))


def holds_text(column: np.ndarray) -> bool:
    """Return whether the entries of a column are text that does not name files."""
    entries = column.tolist() if column.dtype.kind in "OTU" and column.ndim == 1 else []
    return any(
        isinstance(entry, str) and not os.path.isfile(entry) for entry in entries
    )


def entries_of(X: Any) -> list:
    """Return the entries of an object with a length as a list."""
    if type(X).__module__.startswith("datasets."):
        # A column of Hugging Face's library decodes all entries at once in half the
        # time.
        X = X[:]
    # Stop at the length: iterating over an object that has only `__getitem__` may never
    # end.
    return list(islice(X, len(X)))


def is_array(X: Any) -> bool:
    """Return whether an object can convert itself to an array."""
    if isinstance(X, Mapping) or is_pil_image(X):
        return False
    return hasattr(X, "__array__") or isinstance(X, memoryview)


def is_sequence(X: Any) -> bool:
    """Return whether an object has a length, and can be read more than once."""
    if isinstance(X, Iterator):
        return False
    return hasattr(X, "__len__") and hasattr(X, "__getitem__")


def is_pil_image(X: Any) -> bool:
    """Return whether an object is an image of Pillow's; do not import Pillow."""
    module = sys.modules.get("PIL.Image")
    return module is not None and isinstance(X, module.Image)


def is_image_source(X: Any) -> bool:
    """Return whether an object is a path or an image of Pillow's."""
    return isinstance(X, (str, os.PathLike)) or is_pil_image(X)


def _is_pixel(X: Any) -> bool:
    """Return whether an entry may be a single pixel value, rather than an image."""
    if isinstance(X, (bytes, list, tuple, Mapping)) or is_image_source(X):
        return False
    return getattr(X, "ndim", 0) == 0


def is_missing(X: Any) -> bool:
    """Return whether an object is None, NaN, NA or NaT."""
    if isinstance(X, (float, np.floating)):
        return bool(np.isnan(X))
    return X is None or type(X).__name__ in ("NAType", "NaTType")


def n_dims_of(X: Any) -> int:
    """Return the number of axes of an array-like object, 0 for other objects."""
    array = as_array(X)
    return 0 if array is None else array.ndim


def as_array(X: Any) -> np.ndarray | None:
    """Return nested lists or tensors as an array, or None if they are ragged."""
    try:
        array = to_array(X)
    except (RuntimeError, TypeError, ValueError):
        return None
    if array.dtype.kind == "O" and array.ndim == 1:
        parts = [part for part in map(as_array, array.tolist()) if part is not None]
        alike = len({part.shape for part in parts}) == 1
        return np.stack(parts) if alike and len(parts) == len(array) else None
    return array


def to_array(X: Any) -> np.ndarray:
    """Convert an array or tensor to a NumPy array; bfloat16 becomes float32."""
    array = np.asarray(on_host(X))
    # NumPy cannot compute with the bfloat16 arrays of JAX and TensorFlow.
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def on_host(X: Any) -> Any:
    """Return a tensor of PyTorch or CuPy in the memory of the CPU, detached."""
    if hasattr(X, "detach") and hasattr(X, "cpu"):
        X = X.detach().cpu()
        return X.float() if str(X.dtype) == "torch.bfloat16" else X
    return X.get() if type(X).__module__.partition(".")[0] == "cupy" else X


def kind_of(X: Any) -> str:
    """Return the type of an object and its library, as "a DataFrame (pandas)"."""
    kind = type(X)
    library = kind.__module__.partition(".")[0]
    article = "an" if kind.__name__[0] in "aeiouAEIO" else "a"
    known = library in ("builtins", "collections") or library.startswith("_")
    return f"{article} {kind.__name__}{'' if known else f' ({library})'}"


def what_is(entry: Any) -> str:
    """Describe an entry of a list in a few words, for messages."""
    if isinstance(entry, (str, os.PathLike)):
        return f"the name {os.fspath(entry)!r:.80}"
    if isinstance(entry, Number):
        return f"the number {entry}"
    return "a PIL image" if is_pil_image(entry) else kind_of(entry)


def quoted_names(names: Any) -> str:
    """Return the first names of parts or columns, quoted, for messages."""
    return first_of(map(repr, names)) or "nothing"
