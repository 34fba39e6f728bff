"""What images and labels may come in: it is read, or one sentence helps.

Stand-ins behave as the objects of libraries that the tests do not need.
"""

import io
import re
import tracemalloc
import warnings
from collections import deque
from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skcnn import MNISTCNNClassifier
from skcnn._images.forms import validate_images
from skcnn.datasets import load_digit_images
from skcnn.display import (
    ImageGridDisplay,
    LabelIssuesDisplay,
    MisclassifiedImagesDisplay,
    OcclusionDisplay,
)
from skcnn.inspection import find_label_issues
from skcnn.preprocessing import (
    ImageFlattener,
    ImageReshaper,
    ImageResizer,
    ImageScaler,
)

PIL = pytest.importorskip("PIL")
Image = pytest.importorskip("PIL.Image")
pl = pytest.importorskip("polars")

# Words of NumPy's and scikit-learn's that say nothing of images.
FOREIGN = ("inhomogeneous", "sequence", "scalar array", "dim 3", "setting an array")

DIGITS = load_digit_images().images[:12] * 15
LABELS = load_digit_images().target[:12]
COLOR = np.stack([DIGITS, DIGITS // 2, 255 - DIGITS], axis=-1)


# ------------------------------------------------------------------------- stand-ins


class Column(Sequence):
    """A lazy column of a Hugging Face data set: no array, entries made when asked."""

    __module__ = "datasets.arrow_dataset"

    def __init__(self, entries):
        self.entries = list(entries)

    def __len__(self):
        return len(self.entries)

    def __getitem__(self, key):
        return self.entries[key]


class HubDataset:
    """A Hugging Face data set as a whole."""

    column_names = ("image", "label")
    shape = (12, 2)

    def __init__(self):
        self.column_names = ["image", "label"]
        self.columns = {"image": Column(DIGITS), "label": Column(LABELS.tolist())}

    def __len__(self):
        return 12

    def __getitem__(self, key):
        return self.columns[key]


class Stream:
    """A tf.data.Dataset, a DataLoader: it can be iterated over and has a length."""

    def __len__(self):
        return 3

    def __iter__(self):
        pytest.fail("the stream was touched")


class HubStream:
    """A Hugging Face IterableDataset; it gives columns and batches."""

    def __getitem__(self, key):
        pytest.fail("the stream was touched")

    def __iter__(self):
        pytest.fail("the stream was touched")

    def iter(self, batch_size):
        pytest.fail("the stream was touched")


class Pairs:
    """A map-style data set of PyTorch; it may go on forever."""

    def __len__(self):
        return 12

    def __getitem__(self, i):
        return Image.fromarray(DIGITS[i % 12]), int(LABELS[i % 12])


class Endless:
    """A data set of images alone, without an end of its own."""

    def __len__(self):
        return 12

    def __getitem__(self, i):
        return DIGITS[i % 12]


class Tensor:
    """A tensor of PyTorch's, on another device and with a gradient."""

    dtype = "torch.float32"

    def __init__(self, array, on_host=False):
        self.array, self.on_host = array, on_host
        self.shape, self.ndim = array.shape, array.ndim

    def __len__(self):
        return len(self.array)

    def __getitem__(self, key):
        return Tensor(self.array[key], self.on_host)

    def __array__(self, dtype=None, copy=None):
        if not self.on_host:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        return np.asarray(self.array, dtype)

    def detach(self):
        return self

    def cpu(self):
        return Tensor(self.array, on_host=True)

    def permute(self, *axes):
        return Tensor(self.array.transpose(axes), self.on_host)


class Broken:
    """A tensor that is sparse, or not in memory at all."""

    shape, ndim = (12, 8, 8), 3

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Cannot copy out of meta tensor; no data!")


class LazyFrame:
    """A query of polars's or of DuckDB's."""

    columns = ("pixel0", "pixel1")

    def collect(self):
        pytest.fail("the query was run")


# ------------------------------------------------------------ every kind of container


def objects(entries):
    array = np.empty(len(entries), object)
    for i, entry in enumerate(entries):
        array[i] = entry
    return array


CONTAINERS = {
    "list": list,
    "tuple": tuple,
    "deque": deque,
    "lazy column": Column,
    "object array": objects,
    "column of objects": lambda entries: objects(entries)[:, np.newaxis],
    "pandas Series": lambda entries: pd.Series(objects(entries), range(20, 32)),
    "pandas frame": lambda entries: pd.DataFrame({"image": objects(entries)}),
    "polars Series": lambda entries: pl.Series("image", entries),
    "polars objects": lambda entries: pl.Series("image", entries, dtype=pl.Object),
    "polars frame": lambda entries: pl.DataFrame({"image": pl.Series(entries)}),
}
STREAMS = {
    "generator": lambda entries: (entry for entry in entries),
    "map": lambda entries: map(np.asarray, entries),
    "filter": lambda entries: filter(np.any, entries),
    "zip": lambda entries: zip(entries, entries, strict=True),
    "iterator": iter,
    "set": lambda entries: set(map(id, entries)),
    "dict": lambda entries: dict(enumerate(entries)),
    "values of a dict": lambda entries: dict(enumerate(entries)).values(),
}


def with_palette(image):
    """The same pixels as indices into a palette in which they are other colors."""
    indexed = Image.fromarray(image, "L").convert("P")
    indexed.putpalette([v for i in range(256) for v in (255 - i, i // 2, 7)])
    return indexed


def translucent(image):
    pixels = np.dstack([image, image // 2, image // 3, np.full_like(image, 255)])
    pixels[:3, :, 3] = 0
    return Image.fromarray(pixels, "RGBA")


def on_white(image):
    pixels = np.dstack([image, image // 2, image // 3])
    pixels[:3] = 255
    return pixels


# How an image comes, and what array that is.
ELEMENTS = {
    "array": (lambda image: image, lambda image: image),
    "array in color": (lambda i: np.dstack([i] * 3), lambda i: np.dstack([i] * 3)),
    "flat row": (np.ravel, np.ravel),
    "lists": (np.ndarray.tolist, lambda image: image),
    "tensor": (Tensor, lambda image: image),
    "L": (Image.fromarray, lambda image: image),
    "1": (
        lambda image: Image.fromarray(image > 99),
        lambda image: (image > 99) * np.uint8(255),
    ),
    "P": (
        with_palette,
        lambda i: np.dstack([255 - i, i // 2, np.full_like(i, 7)]),
    ),
    "RGB": (
        lambda image: Image.fromarray(np.dstack([image, image // 2, image])),
        lambda image: np.dstack([image, image // 2, image]),
    ),
    "RGBA": (translucent, on_white),
    "I;16": (
        lambda image: Image.fromarray(image.astype(np.uint16) * 200),
        lambda image: image.astype(np.uint16) * 200,
    ),
}
FILES = ["L", "1", "P", "RGB", "RGBA", "I;16"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return where the digits lie as files of a mode."""
    folder = tmp_path_factory.mktemp("files")
    paths = {}
    for mode in FILES:
        paths[mode] = []
        for i, image in enumerate(DIGITS):
            path = folder / f"{mode.replace(';', '')}-{i}.png"
            ELEMENTS[mode][0](image).save(path)
            paths[mode].append(path)
    return paths


def read(X):
    """Validate images as the estimators do; return them, or why they are refused."""
    reshaper = ImageReshaper()
    try:
        array = validate_images(reshaper, X, reset=True)
    except (TypeError, ValueError) as error:
        text = str(error)
        assert type(error) in (TypeError, ValueError)
        assert not any(word in text for word in FOREIGN), text
        assert "ImageReshaper expects" in text, text
        return text
    again = validate_images(reshaper, X, reset=False)
    np.testing.assert_array_equal(again, array)
    return array


@given(
    container=st.sampled_from(list(CONTAINERS)),
    element=st.sampled_from([*ELEMENTS, *(f"file {mode}" for mode in FILES)]),
    as_text=st.booleans(),
)
def test_the_same_images_in_any_container_are_one_array(
    container, element, as_text, files
):
    if element.startswith("file "):
        mode = element.removeprefix("file ")
        entries = [str(path) if as_text else path for path in files[mode]]
        expected = np.stack([ELEMENTS[mode][1](image) for image in DIGITS])
    else:
        make, mean = ELEMENTS[element]
        entries = [make(image) for image in DIGITS]
        expected = np.stack([mean(image) for image in DIGITS])
    try:
        X = CONTAINERS[container](entries)
    except (TypeError, ValueError, pl.exceptions.PolarsError):
        assert container.startswith("polars"), container
        return
    found = read(X)
    assert isinstance(found, np.ndarray), found
    np.testing.assert_array_equal(found, expected)
    if not element.startswith("lists"):
        assert found.dtype == expected.dtype


FAULTS = {
    "None": (None, "is None, but .* leave these entries out, and their labels too"),
    "NaN": (np.nan, "is nan, but .* leave these entries out"),
    "NA": (pd.NA, "is <NA>, but .* leave these entries out"),
    "a number": (3, "kind|is the number 3, but .* expects an image there"),
    "text": ("no.png", r"kind|which is not the name of a file"),
    "bytes": (b"\x89PNG", r"kind|PIL.Image.open\(io.BytesIO\(data\)\)"),
    "a row of Parquet": ({"bytes": b"", "path": ""}, r"kind|io.BytesIO"),
    "another size": (np.zeros((9, 9), np.uint8), r"kind|has shape \(9, 9\), the first"),
    "ragged": ([[1, 2], [3]], "kind|whose rows differ in length"),
    "an open file": (io.BytesIO(), r"kind|PIL.Image.open\(file\)"),
    "an object": (object(), "kind|expects an image there"),
    "a PIL image": (Image.new("L", (9, 9)), "kind|has 9 x 9 pixels, the first 8 x 8"),
}


@given(
    container=st.sampled_from(list(CONTAINERS)[:8]),
    element=st.sampled_from(["array", "lists", "tensor", "L", "P"]),
    fault=st.sampled_from(list(FAULTS)),
    place=st.integers(1, 11),
)
def test_an_entry_that_is_no_such_image_is_named(container, element, fault, place):
    odd, message = FAULTS[fault]
    entries = [ELEMENTS[element][0](image) for image in DIGITS]
    entries[place] = odd
    before = list(entries)
    text = read(CONTAINERS[container](entries))
    assert isinstance(text, str)
    assert f"X[{place}] " in text, text
    assert re.search(message, text), text
    assert all(one is other for one, other in zip(entries, before, strict=True))


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("element", ["array", "L"])
def test_what_is_no_collection_is_refused_and_not_consumed(stream, element):
    entries = [ELEMENTS[element][0](image) for image in DIGITS]
    X = STREAMS[stream](entries)
    text = read(X)
    assert isinstance(text, str)
    assert type(X).__name__ in text
    if hasattr(X, "__next__"):
        assert "or pass list(X)" in text
        assert len(list(X)) == 12


# ---------------------------------------------------------------- what is not an array

HELP = {
    "None": (None, ValueError, "X is None, but"),
    "a number": (5, ValueError, "X is 5, but"),
    "an array of no axis": (np.array(5), ValueError, "X is 5, but"),
    "a tensor of no axis": (Tensor(np.array(5)), ValueError, "X is 5, but"),
    "a PIL image": (Image.new("L", (8, 9)), ValueError, r"8 x 9 pixels.* write \[X\]"),
    "text": ("cat", ValueError, "X is 'cat', which is not the name of a file"),
    "texts": (["cat", "dog"], ValueError, r"X\[0\] is 'cat', which is not the name"),
    "bytes": (b"\x89PNG", TypeError, r"write \[PIL.Image.open\(io.BytesIO\(X\)\)\]"),
    "a data set": (
        HubDataset(),
        TypeError,
        r"a HubDataset .*pass X\['image'\], and X\['label'\] as the labels",
    ),
    "a dictionary of parts": (
        {"train": HubDataset(), "test": HubDataset()},
        TypeError,
        r"pass X\['train'\]\['image'\], and X\['train'\]\['label'\] as the labels",
    ),
    "a Bunch": (
        load_digit_images(),
        TypeError,
        r"a Bunch .*pass X\['images'\], and X\['target'\] as the labels",
    ),
    "other names": ({"a": DIGITS}, TypeError, "of 'a', .*pass the part that holds"),
    "an open file": (io.BytesIO(), TypeError, r"write \[PIL.Image.open\(X\)\]"),
    "a tensor that is no array": (
        Broken(),
        TypeError,
        "a Broken .*which NumPy cannot convert to an array",
    ),
    "a stream": (
        Stream(),
        TypeError,
        "a Stream .*call partial_fit, and later predict, with the arrays of each batch",
    ),
    "a stream of rows": (
        HubStream(),
        TypeError,
        r"call partial_fit.* each batch in X.iter\(batch_size=1000\)",
    ),
    "pairs": (
        Pairs(),
        TypeError,
        r"a pair of an image and a label.*pass \[pair\[0\] for pair in X\]",
    ),
    "batches with labels": (
        [[Tensor(DIGITS[:7]), LABELS[:7]], [Tensor(DIGITS[7:]), LABELS[7:]]],
        TypeError,
        r"a batch of images and their labels.*call partial_fit",
    ),
    "batches": ([DIGITS[:7], DIGITS[7:]], ValueError, r"pass np.concatenate\(X\)"),
    "batches of color": ([COLOR, COLOR], ValueError, r"pass np.concatenate\(X\)"),
    "images and labels": ((DIGITS, LABELS), ValueError, r"pass X\[0\], and X\[1\] as"),
    "rows": (
        [{"image": image, "label": 1} for image in DIGITS],
        TypeError,
        r"pass \[row\['image'\] for row in X\], and \[row\['label'\] for row in X\]",
    ),
    "a query": (LazyFrame(), TypeError, r"has not been run.*pass X.collect\(\)"),
    "a lazy frame": (pl.LazyFrame({"a": [1]}), TypeError, r"pass X.collect\(\)"),
    "a frame with images and labels": (
        pd.DataFrame({"image": list(DIGITS), "label": LABELS}),
        TypeError,
        r"a DataFrame .* the images alone: pass X\['image'\]",
    ),
    "a polars frame with both": (
        pl.DataFrame({"label": LABELS, "image": pl.Series(DIGITS)}),
        TypeError,
        r"a DataFrame .* the images alone: pass X\['image'\]",
    ),
    "a pixel is missing": (
        np.array([[1, None], [2, 3]], object),
        ValueError,
        r"X\[0, 1\] is None, but .* numbers as pixels",
    ),
    "a pixel in lists is missing": (
        [[[1, 2]], [[None, 4]]],
        ValueError,
        r"X\[1, 0, 0\] is None, but .* numbers as pixels",
    ),
    "an empty list": ([], ValueError, "X holds no images"),
    "an empty Series": (pd.Series([], dtype=object), ValueError, "X holds no images"),
    "an object": (object(), TypeError, "X is an object, but"),
    "gray and color": (
        [DIGITS[0], COLOR[0]],
        ValueError,
        r"X\[1\] has shape \(8, 8, 3\), the first \(8, 8\).*number of channels",
    ),
    "ragged rows": ([[1, 2], [3]], ValueError, r"X\[1\] has shape \(1,\), the first"),
}


@pytest.fixture(scope="module")
def clf():
    return MNISTCNNClassifier(
        filters=4, dense_units=(), epochs=1, augment=None, random_state=0
    ).fit(DIGITS, LABELS)


@pytest.fixture(scope="module")
def color_clf():
    return MNISTCNNClassifier(
        filters=4, dense_units=(), epochs=1, augment=None, random_state=0
    ).fit(COLOR, LABELS)


@pytest.mark.parametrize(("X", "error", "message"), HELP.values(), ids=HELP.keys())
def test_one_sentence_helps(X, error, message, clf):
    unfitted = MNISTCNNClassifier(epochs=1)
    for call in (
        lambda: unfitted.fit(X, LABELS),
        lambda: unfitted.partial_fit(X, LABELS, classes=np.arange(10)),
        lambda: clf.predict(X),
        lambda: clf.score(X, LABELS),
    ):
        with pytest.raises(error, match=f"(?s){message}") as raised:
            call()
        assert "MNISTCNNClassifier expects" in str(raised.value)


def doors():
    """Yield a name and a function for each way by which images come in."""
    reshaper, scaler = ImageReshaper().fit(DIGITS), ImageScaler().fit(DIGITS)
    flattener, resizer = ImageFlattener().fit(DIGITS), ImageResizer((4, 4)).fit(DIGITS)
    proba = np.eye(10)[LABELS]
    yield "ImageScaler.fit", lambda clf, X: ImageScaler().fit(X)
    yield "ImageScaler.fit_transform", lambda clf, X: ImageScaler().fit_transform(X)
    yield "ImageScaler.transform", lambda clf, X: scaler.transform(X)
    yield "inverse_transform", lambda clf, X: scaler.inverse_transform(X)
    yield "ImageReshaper.fit", lambda clf, X: ImageReshaper().fit(X)
    yield "ImageReshaper.transform", lambda clf, X: reshaper.transform(X)
    yield "ImageFlattener.fit", lambda clf, X: ImageFlattener().fit(X)
    yield "ImageFlattener.transform", lambda clf, X: flattener.transform(X)
    yield "ImageResizer.fit", lambda clf, X: ImageResizer((4, 4)).fit(X)
    yield "ImageResizer.transform", lambda clf, X: resizer.transform(X)
    yield "ImageGridDisplay", lambda clf, X: ImageGridDisplay.from_data(X, LABELS)
    yield (
        "MisclassifiedImagesDisplay",
        lambda clf, X: MisclassifiedImagesDisplay.from_estimator(clf, X, LABELS),
    )
    yield (
        "MisclassifiedImagesDisplay.from_predictions",
        lambda clf, X: MisclassifiedImagesDisplay.from_predictions(X, LABELS, proba),
    )
    yield (
        "LabelIssuesDisplay",
        lambda clf, X: LabelIssuesDisplay.from_predictions(X, LABELS, proba),
    )
    yield "predict_proba", lambda clf, X: clf.predict_proba(X)
    yield "predict_log_proba", lambda clf, X: clf.predict_log_proba(X)
    yield "decision_function", lambda clf, X: clf.decision_function(X)
    yield (
        "X_val",
        lambda clf, X: MNISTCNNClassifier(
            filters=4, dense_units=(), epochs=1, augment=None
        ).fit(DIGITS, LABELS, X_val=X, y_val=LABELS),
    )


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("door", [pytest.param(d, id=name) for name, d in doors()])
def test_every_door_reads_containers_and_refuses_streams(door, clf, files):
    import matplotlib.pyplot as plt

    for X in (
        Column(DIGITS),
        deque(Image.fromarray(image) for image in DIGITS),
        pd.Series(list(map(str, files["L"]))),
        pl.Series(DIGITS),
        Tensor(DIGITS),
    ):
        door(clf, X)
        plt.close("all")
    generator = (image for image in DIGITS)
    with pytest.raises(TypeError, match="X is a generator, which yields its"):
        door(clf, generator)
    assert next(generator) is not None
    with pytest.raises(ValueError, match=r"X\[3\] is None, but"):
        door(clf, [*DIGITS[:3], None, *DIGITS[4:]])


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize("image", [Image.fromarray(DIGITS[0]), DIGITS[0].tolist()])
def test_an_image_in_a_list_is_explained(image, clf):
    import matplotlib.pyplot as plt

    expected = OcclusionDisplay.from_estimator(clf, DIGITS[:1])
    found = OcclusionDisplay.from_estimator(clf, [image])
    np.testing.assert_array_equal(found.importances, expected.importances)
    plt.close("all")


@pytest.mark.parametrize(
    ("container", "element"),
    [
        (container, element)
        for container, element in product(CONTAINERS, ELEMENTS)
        # polars itself refuses them.
        if not ("array" in element and container in ("polars Series", "polars frame"))
    ],
)
def test_a_resizer_reads_images_of_other_sizes_from_any_container(container, element):
    make, plain = ELEMENTS[element]
    images = list(DIGITS)
    if element != "flat row":
        images = [image[: 3 + i % 4, : 8 - i % 3] for i, image in enumerate(images)]
    images = [np.ascontiguousarray(image) for image in images]
    X = CONTAINERS[container]([make(image) for image in images])
    resizer = ImageResizer((4, 5))
    found = resizer.fit_transform(X)
    expected = resizer.fit_transform([plain(image) for image in images])
    if element == "lists" or container.startswith("polars"):
        # Pillow rounds integers of 8 bits twice, and others once.
        np.testing.assert_allclose(found, expected, atol=1)
    else:
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


BATCHES = [DIGITS[:5], DIGITS[5:9], DIGITS[9:]]


@pytest.mark.parametrize("batches", [BATCHES, [COLOR[:5], COLOR[5:]], [DIGITS] * 2])
def test_what_a_message_of_a_resizer_says_takes_batches_apart(batches):
    with pytest.raises(ValueError, match=r"X\[0\].* looks like a batch") as raised:
        ImageResizer((4, 4)).fit(batches)
    code = re.search(r"write (.*)\.$", str(raised.value)).group(1)
    found = ImageResizer((4, 4)).fit_transform(eval(code, {"X": batches}))
    expected = ImageResizer((4, 4)).fit_transform(np.concatenate(batches))
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="images and labels, but ImageResizer expects"):
        ImageResizer((4, 4)).fit([DIGITS, LABELS])


# -------------------------------------------------------------- what the messages say


CHANNELS_FIRST = {
    "array": lambda X: X,
    "list": list,
    "nested lists": np.ndarray.tolist,
    "Series": lambda X: pd.Series(list(X)),
    "object array": lambda X: objects(list(X)),
    "polars": lambda X: pl.Series(X),
    "column": lambda X: Column(list(X)),
    "deque": lambda X: deque(X),
    "tensor": Tensor,
    "memory": lambda X: memoryview(np.ascontiguousarray(X)),
}


@pytest.mark.parametrize("container", CHANNELS_FIRST)
@pytest.mark.parametrize("fitted", [False, True])
def test_what_a_message_of_a_resizer_says_brings_channels_last(container, fitted):
    X = CHANNELS_FIRST[container](np.moveaxis(COLOR, -1, 1))
    resizer = ImageResizer((4, 5))
    expected = resizer.fit_transform(COLOR)
    with pytest.raises(ValueError, match="looks channels first") as raised:
        (resizer.transform if fitted else resizer.fit)(X)
    code = re.search(r"write (.*)\.$", str(raised.value)).group(1)
    found = resizer.transform(eval(code, {"np": np, "X": X}))
    # Pillow rounds integers of 8 bits twice, and others once.
    np.testing.assert_allclose(found, expected, atol=1)


@pytest.mark.parametrize("container", CHANNELS_FIRST)
@pytest.mark.parametrize("fitted", [False, True])
def test_what_a_message_says_brings_channels_last(container, fitted, color_clf):
    X = CHANNELS_FIRST[container](np.moveaxis(COLOR, -1, 1))
    reshaper = ImageReshaper()
    if fitted:
        reshaper.fit(COLOR)
    method = reshaper.transform if fitted else reshaper.fit_transform
    with pytest.raises(ValueError, match="looks channels first") as raised:
        method(X)
    code = re.search(r"write (.*?\))\.", str(raised.value)).group(1)
    np.testing.assert_array_equal(method(eval(code, {"np": np, "X": X})), COLOR)


@pytest.mark.parametrize("kind", ["array", "list", "tensor", "PIL", "path", "color"])
def test_what_a_message_says_makes_one_image_several(kind, clf, color_clf, files):
    fitted = color_clf if kind == "color" else clf
    X = {
        "array": DIGITS[0],
        "list": DIGITS[0].tolist(),
        "tensor": Tensor(DIGITS[0]),
        "PIL": Image.fromarray(DIGITS[0]),
        "path": str(files["L"][0]),
        "color": COLOR[0],
    }[kind]
    with pytest.raises(ValueError, match=r"for one image write") as raised:
        fitted.predict(X)
    code = re.search(r"write (\S+)\.$", str(raised.value)).group(1)
    [found] = fitted.predict(eval(code, {"np": np, "X": X}))
    assert found == fitted.predict((COLOR if kind == "color" else DIGITS)[:1])


def test_one_color_image_with_its_channels_first_is_pointed_out(color_clf):
    X = Tensor(np.moveaxis(COLOR[0], -1, 0), on_host=True)
    with pytest.raises(ValueError, match="one image with its channels first") as raised:
        color_clf.predict(X)
    code = re.search(r"write (.*)\.$", str(raised.value)).group(1)
    found = color_clf.predict(eval(code, {"np": np, "X": X}))
    np.testing.assert_array_equal(found, color_clf.predict(COLOR[:1]))


@pytest.mark.parametrize("as_files", [False, True])
def test_what_a_message_says_resizes_images(as_files, clf, tmp_path):
    X = [Image.new("L", (9, 7)), Image.new("L", (5, 7))]
    if as_files:
        for i, image in enumerate(X):
            image.save(tmp_path / f"{i}.png")
        X = [tmp_path / "0.png", tmp_path / "1.png"]
    with pytest.raises(ValueError, match=r"X\[1\] has 5 x 7 pixels, the first 9 x 7"):
        clf.predict(X)
    with pytest.raises(ValueError, match=r"9 x 7 pixels.* expecting 8 x 8") as raised:
        clf.predict(X[:1])
    code = re.search(r"as in (.*)\.$", str(raised.value)).group(1)
    assert len(clf.predict(eval(code, {"PIL": PIL, "X": X}))) == 2


# ---------------------------------------------------------------------------- files


def test_a_folder_is_read_by_a_function_of_its_own(tmp_path, clf):
    for X in (tmp_path, str(tmp_path), [tmp_path]):
        with pytest.raises(
            ValueError, match=r"the folder .*datasets.load_image_folder"
        ):
            clf.predict(X)


@pytest.mark.parametrize("source", ["file", "image"])
def test_images_get_the_channels_seen_in_fit(source, clf, color_clf, files):
    def given(mode):
        if source == "file":
            return files[mode]
        return [Image.open(path) for path in files[mode]]

    gray = np.stack([np.dstack([image] * 3) for image in DIGITS])
    np.testing.assert_array_equal(
        color_clf.predict_proba(given("L")), color_clf.predict_proba(gray)
    )
    as_gray = np.stack(
        [np.asarray(Image.open(path).convert("L")) for path in files["RGB"]]
    )
    with pytest.warns(UserWarning, match="fitted on gray ones") as warned:
        found = clf.predict_proba(given("RGB"))
    np.testing.assert_allclose(found, clf.predict_proba(as_gray), atol=0.02)
    assert warned[0].filename == __file__
    code = re.search(r"write (.*)\.$", str(warned[0].message)).group(1)
    X = eval(code, {"PIL": PIL, "X": given("RGB")})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.predict_proba(X)
        # Gray all the same, as scanners save it.
        clf.predict_proba([image.convert("RGB") for image in X])


def test_damaged_files_are_listed_whatever_their_place(files, tmp_path, clf):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"no image")
    X = [tmp_path / "a.png", files["L"][0], tmp_path / "b.png"]
    with pytest.raises(ValueError, match=r"(?s)a\.png.*b\.png.*Leave them out\.$"):
        clf.predict(X)


def test_images_get_the_channels_that_are_stated(files):
    reshaper = ImageReshaper((8, 8, 3)).fit(files["L"])
    assert reshaper.image_shape_ == (8, 8, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ImageReshaper((8, 8)).fit_transform(files["RGB"]).ndim == 3
    with pytest.raises(ValueError, match=r"8 x 8 pixels, but ImageReshaper .* 9 x 9"):
        ImageReshaper((9, 9, 3)).fit(files["L"])


def test_a_frame_of_file_names_and_labels_is_refused_with_the_column(files, clf):
    names = list(map(str, files["L"]))
    frame = pd.DataFrame({"label": ["cat", "dog"] * 6, "path": names})
    with pytest.raises(TypeError, match=r"the images alone: pass X\['path'\]"):
        clf.predict(frame)
    np.testing.assert_array_equal(clf.predict(frame["path"]), clf.predict(DIGITS))


def test_pil_images_stay_as_they_are():
    X = [with_palette(image) for image in DIGITS]
    before = [(image.mode, image.tobytes()) for image in X]
    ImageReshaper().fit_transform(X)
    assert [(image.mode, image.tobytes()) for image in X] == before


# ---------------------------------------------------------------------------- labels


LABEL_CONTAINERS = {
    "deque": deque,
    "lazy column": Column,
    "polars": lambda y: pl.Series(y),
    "pandas": lambda y: pd.Series(y),
    "strings in pandas": lambda y: pd.Series([f"d{label}" for label in y]),
    "strings in polars": lambda y: pl.Series([f"d{label}" for label in y]),
    "tensor": lambda y: Tensor(np.array(y)),
    "a range of numpy": lambda y: [np.int64(label) for label in y],
}


@pytest.mark.parametrize("container", LABEL_CONTAINERS)
def test_labels_in_any_container_give_the_same_fit(container, clf):
    y = LABEL_CONTAINERS[container](LABELS.tolist())
    again = MNISTCNNClassifier(**clf.get_params()).fit(Column(DIGITS), y)
    np.testing.assert_array_equal(
        again.predict_proba(DIGITS), clf.predict_proba(DIGITS)
    )
    expected = clf.score(DIGITS, LABELS)
    if container != "tensor":
        assert again.score(Column(DIGITS), y) == expected
        assert len(find_label_issues(y, clf.predict_proba(DIGITS))) <= 12


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ((label for label in LABELS), "y is a generator, but one label for each image"),
        (set(LABELS.tolist()), "y is a set, .*in the order of the images"),
        ({"label": LABELS}, r"y is a dict of 'label', .* pass y\['label'\]"),
        (HubDataset(), r"y is a HubDataset .* pass y\['label'\]"),
        (Stream(), "y is a Stream .*pass a list or an array"),
    ],
)
def test_labels_that_are_no_list_are_refused(y, message, clf):
    with pytest.raises(TypeError, match=message):
        MNISTCNNClassifier().fit(DIGITS, y)
    with pytest.raises(TypeError, match="In the validation data: y_val is"):
        MNISTCNNClassifier().fit(DIGITS, LABELS, X_val=DIGITS, y_val=y)


# ------------------------------------------------------------------------------ cost


def test_a_list_of_images_is_stacked_once():
    X = [np.full((28, 28), i % 256, np.uint8) for i in range(10_000)]
    tracemalloc.start()
    try:
        array = validate_images(ImageReshaper(), X, reset=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert array.shape == (10_000, 28, 28)
    assert peak < 1.2 * array.nbytes


def test_a_memory_map_stays_one(tmp_path):
    np.save(tmp_path / "x.npy", DIGITS)
    X = np.load(tmp_path / "x.npy", mmap_mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        array = validate_images(ImageReshaper(), X, reset=True)
    assert np.shares_memory(array, X)
