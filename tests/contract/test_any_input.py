"""Whatever is given as images, labels and weights: it works, or is refused in words.

As many cases a test as the environment variable SKCNN_CASES says.
"""

import tempfile
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import event, given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import NotFittedError

from skcnn import MNISTCNNClassifier
from skcnn.preprocessing import (
    ImageFlattener,
    ImageReshaper,
    ImageResizer,
    ImageScaler,
)

# Few, as each takes a second to trace.
SHAPES = [(4, 4), (3, 5, 3)]

# Words of the layers below, which a user cannot act on.
FOREIGN = (
    "tensorflow",
    "tf.",
    "graph execution",
    "Tensor(",
    "keras.src",
    "EagerTensor",
)


@st.composite
def arrays_of(draw, shape):
    """An array of a shape with all that NumPy lets an array be."""
    seed = draw(st.integers(0, 10))
    rng = np.random.default_rng(seed)
    dtype = draw(
        st.sampled_from(
            ["u1"] * 6
            + ["i1", "i2", "u2", "i4", "i8", "u8", "f2", "f4", "f8", ">f4", ">i2", "?"]
            + ["g", "c8", "O", "U3", "M8[s]", "V4"]
        )
    )
    array = rng.integers(0, 100, shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = np.zeros(shape, "V4") if dtype == "V4" else array.astype(dtype)
    if array.dtype.kind in "fc" and array.size:
        special = draw(
            st.sampled_from([None] * 5 + [np.nan, np.inf, -np.inf, 3e38, 1e300, -5.0])
        )
        if special is not None:
            with np.errstate(over="ignore"):
                array.flat[seed % array.size] = special
    form = draw(
        st.sampled_from(["C", "C", "F", "reversed", "steps", "read-only", "memmap"])
    )
    if not shape:
        return array
    if form == "F":
        array = np.asfortranarray(array)
    elif form == "reversed":
        array = array[::-1]
    elif form == "steps":
        array = np.repeat(array, 2, axis=0)[::2]
    elif form == "read-only":
        array.flags.writeable = False
    elif form == "memmap" and array.size and not array.dtype.hasobject:
        with tempfile.TemporaryFile() as file:
            mapped = np.memmap(file, array.dtype, "w+", shape=array.shape)
        mapped[:] = array
        return mapped
    return array


@st.composite
def images(draw, n=None):
    """Something that somebody may take for images."""
    if n is None:
        n = draw(st.sampled_from([12] * 6 + [0, 1, 2, 13]))
    shape = draw(st.sampled_from(SHAPES))
    layout = draw(
        st.sampled_from(
            ["n-D"] * 4 + ["flat", "flat", "deep", "one", "scalar", "empty"]
        )
    )
    if layout == "flat":
        shape = (np.prod(shape),)
    elif layout == "deep":
        shape = (1, *shape, 1)
    elif layout == "empty":
        shape = (0, *shape[1:])
    if layout == "scalar":
        array = draw(arrays_of((1,)))[0]
    else:
        array = draw(arrays_of(() if layout == "one" else (n, *shape)))
    container = draw(
        st.sampled_from(["array"] * 6 + ["list", "masked", "matrix", "frame", "ragged"])
    )
    if container == "list":
        return np.asarray(array).tolist()
    if container == "masked":
        return np.ma.masked_array(array)
    if container == "ragged":
        return [[1, 2], [3]] * 6
    if np.ndim(array) == 2 and array.dtype.kind in "iuf":
        if container == "matrix" and array.dtype.char not in "eg":
            return sparse.csr_array(array.astype(array.dtype.newbyteorder("=")))
        if container == "frame":
            return pd.DataFrame(array)
    return array


@st.composite
def labels(draw, n=12):
    """Something that somebody may take for labels of `n` images."""
    codes = np.arange(n) % draw(st.sampled_from([2, 2, 2, 3, 1]))
    kind = draw(
        st.sampled_from(
            ["int"] * 4
            + ["str", "object", "bool", "float", "halves", "nan", "none", "bytes"]
            + ["negative", "huge", "mixed", "column", "one-hot", "short", "long"]
            + ["categorical", "nullable", "Series", "tuple", "list", "dates", "complex"]
        )
    )
    names = np.array(["ä", "b b", ""])[codes]
    return {
        "int": codes,
        "str": names,
        "object": names.astype(object),
        "bool": codes == 1,
        "float": codes.astype(float),
        "halves": codes + 0.5,
        "nan": np.where(codes == 1, np.nan, codes),
        "none": np.where(codes == 1, None, codes),
        "bytes": names.astype("U1").astype(object).astype("U1"),
        "negative": -codes,
        "huge": codes.astype(np.int64) * (2**62),
        "mixed": np.array([*codes[:1], *names[1:]], object),
        "column": codes[:, None],
        "one-hot": np.eye(3, dtype=int)[codes],
        "short": codes[:-1],
        "long": np.append(codes, 0),
        "categorical": pd.Series(names).astype("category"),
        "nullable": pd.Series(codes, dtype="Int64"),
        "Series": pd.Series(codes, index=codes[::-1] * 3),
        "tuple": tuple(codes.tolist()),
        "list": names.tolist(),
        "dates": codes.astype("M8[D]"),
        "complex": codes * 1j,
    }[kind]


@st.composite
def weights(draw, n=12):
    """Something that somebody may take for weights of `n` images."""
    ones = np.ones(n)
    choice = draw(
        st.sampled_from(
            [
                *(None, None, None, 1.0, 0.0, -1.0, "heavy", np.nan, [], {}),
                *(ones, ones.tolist(), ones * 0, ones * 1e300, ones * 1e-300),
                *(ones[:-1], ones[:, None], ones.astype("f4"), ones.astype(int)),
                *(ones.astype(bool), ones.astype("U1"), -ones, ones * np.inf),
                *(ones * 1j, pd.Series(ones)),
            ]
        )
    )
    if isinstance(choice, np.ndarray) and draw(st.booleans()):
        choice = choice.copy()
        choice.flags.writeable = False
    return choice


def _snapshot(argument):
    if isinstance(argument, np.ndarray):
        return argument.tobytes(), argument.dtype, argument.shape, argument.strides
    if isinstance(argument, (pd.DataFrame, pd.Series)):
        return argument.to_dict(), argument.index.tolist()
    if sparse.issparse(argument):
        return argument.toarray().tobytes()
    return repr(argument)


def _refused_in_words(error):
    event("refused")
    text = str(error)
    assert type(error) in (ValueError, TypeError, NotFittedError), repr(error)
    assert len(text) > 20, repr(error)
    assert not any(word in text for word in FOREIGN), text


def _check_untouched(arguments, before):
    for argument, state in zip(arguments, before, strict=True):
        assert repr(_snapshot(argument)) == repr(state)


def _small():
    return MNISTCNNClassifier(filters=2, dense_units=(), epochs=1, random_state=0)


@pytest.fixture(scope="module")
def clf():
    """A classifier of images of the first shape."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 100, (12, *SHAPES[0]), np.uint8)
    return _small().fit(X, np.arange(12) % 3)


@pytest.mark.slow
@given(images(n=12), labels(), weights())
def test_fit(X, y, sample_weight):
    arguments = X, y, sample_weight
    before = [_snapshot(argument) for argument in arguments]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clf = _small().fit(X, y, sample_weight)
            probabilities = clf.predict_proba(X)
            predicted = clf.predict(X)
    except Exception as error:
        _refused_in_words(error)
    else:
        event("worked")
        assert probabilities.shape == (len(predicted), len(clf.classes_))
        assert np.isfinite(probabilities).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
        assert set(predicted) <= set(clf.classes_)
        assert np.isfinite(clf.loss_)
    _check_untouched(arguments, before)


@given(X=images())
def test_predict(clf, X):
    before = _snapshot(X)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            probabilities = clf.predict_proba(X)
    except Exception as error:
        _refused_in_words(error)
    else:
        event("worked")
        assert np.isfinite(probabilities).all()
        # The same pixels in the plainest form give the same.
        plain = np.ascontiguousarray(np.asarray(X), dtype=np.float64)
        shape = (-1, *SHAPES[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = clf.predict_proba(plain.reshape(shape))
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    _check_untouched([X], [before])


TRANSFORMERS = [
    ImageScaler(),
    ImageReshaper(),
    ImageFlattener(),
    ImageResizer((3, 6)),
    ImageResizer((5, 2), aspect_ratio="pad", color_mode="grayscale", fill=3),
    ImageResizer((2, 2), aspect_ratio="crop", color_mode="rgb"),
]


@given(X=images(), transformer=st.sampled_from(TRANSFORMERS))
def test_transformers(X, transformer):
    before = _snapshot(X)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = transformer.fit(X).transform(X)
    except Exception as error:
        _refused_in_words(error)
    else:
        event("worked")
        assert len(result) == len(np.asarray(X))
        assert np.isfinite(np.asarray(result, float)).all()
    _check_untouched([X], [before])
