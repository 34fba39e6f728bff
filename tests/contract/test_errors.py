"""What is refused, with which words, and that no training starts before it is.

An error says what came, what was expected and what to do.
"""

import copy
import re
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.exceptions import DataConversionWarning, NotFittedError
from tiny import tiny_classifier as tiny

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._estimator import fitting

PREDICTIONS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]


@pytest.fixture(scope="module")
def X(digits):
    return digits[0][:60]


@pytest.fixture(scope="module")
def y(digits):
    return digits[1][:60]


@pytest.fixture(scope="module")
def color(X):
    return np.stack([X, X // 2, X // 4], axis=-1)


@pytest.fixture(scope="module")
def of_integers(X, y):
    return tiny().fit(X, y)


@pytest.fixture(scope="module")
def of_floats(X, y):
    return tiny().fit(X / 16, y)


@pytest.fixture(scope="module")
def of_colors(color, y):
    return tiny().fit(color, y)


@pytest.fixture(scope="module")
def of_a_frame(X, y):
    return tiny().fit(as_frame(X), y)


@pytest.fixture(scope="module")
def of_a_column(X, y):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return tiny().fit(X, y[:, np.newaxis]), caught


@pytest.fixture(autouse=True)
def no_training(monkeypatch, of_integers, of_floats, of_colors, of_a_frame):
    """Fail the test if training starts; the fixtures above have been fitted by then."""

    def run(*args):
        # No Exception, so that no pytest.raises takes it for the error expected.
        pytest.fail("training started")

    monkeypatch.setattr(fitting, "train", run)


def as_frame(X):
    return pd.DataFrame(flat(X)).rename(columns="pixel{}".format)


def flat(X):
    return X.reshape(len(X), -1)


def with_value(X, value):
    X = X.astype(np.float64)
    X.flat[5] = value
    return X


def call(estimator, method, X, y):
    """Call any method; y is what the ones that need it get."""
    if method == "partial_fit":
        return estimator.partial_fit(X, y, classes=np.unique(y))
    if method in ("fit", "score"):
        return getattr(estimator, method)(X, y)
    return getattr(estimator, method)(X)


# ---------------------------------------------------------------------------- images

NAN = r"Input X contains NaN"
INFINITY = r"Input X contains infinity or a value too large"
NOT_2D = r"(?s)Expected 2D array, got 1D array.*Reshape your data"
NO_PIXELS = r"X has shape {}, so its images hold no pixels; MNISTCNNClassifier expects "
FORMS = r"\(n, height, width\), \(n, height, width, channels\) or flat rows"
FIVE_D = r"X has 5 dimensions \(shape \(60, 8, 8, 1, 1\)\), but MNISTCNNClassifier "
CHANNELS_FIRST = (
    r"X has shape \(60, 3, 8, 8\), which looks channels first, but "
    r"MNISTCNNClassifier expects channels last: write np.moveaxis\(X, 1, -1\)"
)
STRINGS = r"not compatible with arrays of bytes/strings.*Convert your data to numeric"
SPARSE = r"Sparse data was passed for X, but dense data is required. Use '.toarray\(\)'"

BAD_IMAGES = {
    "1-D": (lambda X: X[:, 0, 0], ValueError, NOT_2D),
    "5-D": (lambda X: X[..., None, None], ValueError, FIVE_D + "expects " + FORMS),
    "NaN in flat rows": (lambda X: with_value(flat(X), np.nan), ValueError, NAN),
    "NaN in 3-D": (lambda X: with_value(X, np.nan), ValueError, NAN),
    "NaN in 4-D": (lambda X: with_value(X[..., None], np.nan), ValueError, NAN),
    "infinity in flat rows": (
        lambda X: with_value(flat(X), np.inf),
        ValueError,
        INFINITY,
    ),
    "infinity in 4-D": (
        lambda X: with_value(X[..., None], -np.inf),
        ValueError,
        INFINITY,
    ),
    "no images, flat": (
        lambda X: flat(X)[:0],
        ValueError,
        r"0 sample\(s\) \(shape=\(0, 64\)\) while a minimum of 1 is required by MNIST",
    ),
    "no images, 3-D": (
        lambda X: X[:0],
        ValueError,
        r"0 sample\(s\) \(shape=\(0, 8, 8\)\) while a minimum of 1 is required by MN",
    ),
    "no pixels, flat": (
        lambda X: flat(X)[:, :0],
        ValueError,
        r"0 feature\(s\) \(shape=\(60, 0\)\) while a minimum of 1 is required",
    ),
    "no pixels, 3-D": (
        lambda X: X[:, :0],
        ValueError,
        NO_PIXELS.format(r"\(60, 0, 8\)") + FORMS,
    ),
    "no channels": (
        lambda X: X[..., None][..., :0],
        ValueError,
        NO_PIXELS.format(r"\(60, 8, 8, 0\)") + FORMS,
    ),
    "channels first": (
        lambda X: np.stack([X, X, X], axis=1),
        ValueError,
        CHANNELS_FIRST,
    ),
    "a sparse matrix": (
        lambda X: scipy.sparse.csr_matrix(flat(X)),
        TypeError,
        SPARSE,
    ),
    "a sparse array": (lambda X: scipy.sparse.coo_array(flat(X)), TypeError, SPARSE),
    "flat strings": (lambda X: flat(X).astype(str), ValueError, STRINGS),
    "4-D strings": (lambda X: X[..., None].astype(str), ValueError, STRINGS),
    "flat complex": (
        lambda X: flat(X).astype(complex),
        ValueError,
        "Complex data not supported",
    ),
    "3-D complex": (
        lambda X: X.astype(complex),
        ValueError,
        "Complex data not supported",
    ),
    "objects": (
        lambda X: np.full((60, 8, 8), {}, dtype=object),
        TypeError,
        "must be a string or a real number, not 'dict'",
    ),
    "images of different sizes": (
        lambda X: [X[0].tolist(), X[1][:5].tolist()] * 30,
        ValueError,
        r"X\[1\] has shape \(5, 8\), the first \(8, 8\), but MNISTCNNClassifier "
        "expects images of one shape; resize them",
    ),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit", "score", *PREDICTIONS])
@pytest.mark.parametrize(
    ("make", "error", "message"), BAD_IMAGES.values(), ids=BAD_IMAGES.keys()
)
def test_bad_images_are_refused(make, error, message, method, X, y, of_integers):
    estimator = tiny() if method in ("fit", "partial_fit") else of_integers
    with pytest.raises(error, match=message):
        call(estimator, method, make(X), y)


OTHER_IMAGES = {
    "other shape": (
        lambda X: X[:, :7],
        r"images of shape \(7, 8, 1\), but MNISTCNNClassifier is expecting images of "
        r"shape \(8, 8, 1\), the shape seen in fit",
    ),
    "more channels": (
        lambda X: np.stack([X, X, X], axis=-1),
        r"images of shape \(8, 8, 3\), but MNISTCNNClassifier is expecting images of "
        r"shape \(8, 8, 1\), the shape seen in fit",
    ),
    "other row length": (
        lambda X: flat(X)[:, :60],
        r"X has 60 features, but MNISTCNNClassifier is expecting 64 features",
    ),
}


@pytest.mark.parametrize("method", ["partial_fit", "score", *PREDICTIONS])
@pytest.mark.parametrize(
    ("make", "message"), OTHER_IMAGES.values(), ids=OTHER_IMAGES.keys()
)
def test_other_images_than_in_fit_are_refused(make, message, method, X, y, of_integers):
    with pytest.raises(ValueError, match=message):
        call(of_integers, method, make(X), y)


@pytest.mark.parametrize("method", PREDICTIONS)
def test_fewer_channels_than_in_fit_are_refused(method, X, of_colors):
    expected = r"shape \(8, 8, 1\), but .* expecting images of shape \(8, 8, 3\)"
    with pytest.raises(ValueError, match=expected):
        getattr(of_colors, method)(X)


@pytest.mark.parametrize("method", ["fit", *PREDICTIONS])
def test_channels_first_is_refused_also_where_the_network_saw_colors(
    method, color, y, of_colors
):
    estimator = tiny() if method == "fit" else of_colors
    with pytest.raises(ValueError, match=CHANNELS_FIRST):
        call(estimator, method, np.moveaxis(color, -1, 1), y)


def test_images_three_pixels_high_are_taken_if_the_shape_is_stated(X, y, monkeypatch):
    class Started(Exception):
        pass

    def run(*args):
        raise Started

    monkeypatch.setattr(fitting, "train", run)
    low = np.stack([X, X, X], axis=1)
    with pytest.raises(Started):
        tiny(image_shape=(3, 8, 8)).fit(low, y)


@pytest.mark.parametrize("method", PREDICTIONS)
def test_one_gray_image_is_refused_with_what_to_write(method, X, of_integers):
    expected = r"X has shape \(8, 8\), which is one image.* write X\[np.newaxis\]"
    with pytest.raises(ValueError, match=expected):
        getattr(of_integers, method)(X[0])


@pytest.mark.parametrize("method", PREDICTIONS)
def test_one_flat_image_is_refused_with_what_to_write(method, X, of_integers):
    with pytest.raises(ValueError, match=r"(?s)1D array.*array.reshape\(1, -1\)"):
        getattr(of_integers, method)(X[0].ravel())


@pytest.mark.parametrize("method", PREDICTIONS)
def test_one_color_image_is_refused_with_what_to_write(method, color, of_colors):
    expected = r"X has shape \(8, 8, 3\), which is one image.* write X\[np.newaxis\]"
    with pytest.raises(ValueError, match=expected):
        getattr(of_colors, method)(color[0])


@pytest.mark.parametrize("method", ["fit", *PREDICTIONS])
def test_pixels_beyond_the_range_of_the_network_are_refused(method, X, y, of_integers):
    estimator = tiny() if method == "fit" else of_integers
    with pytest.raises(ValueError, match=r"X .*too large.*float32"):
        call(estimator, method, X * 1e300, y)


@pytest.mark.parametrize("method", PREDICTIONS)
def test_permuted_columns_are_refused(method, X, of_a_frame):
    frame = as_frame(X)
    with pytest.raises(ValueError, match=r"(?s)feature names should match.*same order"):
        getattr(of_a_frame, method)(frame[frame.columns[::-1]])


@pytest.mark.parametrize("method", PREDICTIONS)
@pytest.mark.parametrize("classifier", [MNISTCNNClassifier, CIFARCNNClassifier])
def test_predicting_unfitted_is_refused(classifier, method, X):
    expected = rf"This {classifier.__name__} instance is not fitted yet. Call 'fit'"
    with pytest.raises(NotFittedError, match=expected):
        getattr(classifier(), method)(X)


def test_scoring_unfitted_is_refused(X, y):
    with pytest.raises(NotFittedError, match=r"not fitted yet. Call 'fit'"):
        tiny().score(X, y)


# ----------------------------------------------------------------------- image_shape


@pytest.mark.parametrize(
    ("image_shape", "message"),
    [
        ((7, 7), r"image_shape=\(7, 7\) needs rows of 49 values, but X has 64"),
        ((8, 8, 3), r"image_shape=\(8, 8, 3\) needs rows of 192 values, but X has 64"),
    ],
)
def test_an_image_shape_that_does_not_fit_the_rows_is_refused(
    image_shape, message, X, y
):
    with pytest.raises(ValueError, match=message):
        tiny(image_shape=image_shape).fit(flat(X), y)


@pytest.mark.parametrize("image_shape", [(7, 7), (4, 16), (8, 8, 3)])
def test_an_image_shape_that_does_not_fit_the_images_is_refused(image_shape, X, y):
    expected = (
        r"X has images of shape \(8, 8, 1\), but image_shape="
        + re.escape(repr(image_shape))
        + " was given. Leave image_shape=None"
    )
    with pytest.raises(ValueError, match=expected):
        tiny(image_shape=image_shape).fit(X, y)


@pytest.mark.parametrize("form", [flat, np.asarray], ids=["flat", "3-D"])
@pytest.mark.parametrize(
    "image_shape",
    [(), (64,), (8, 8, 1, 1), (8.0, 8), (0, 64), (-8, -8), ("8", "8"), [8, None]],
    ids=repr,
)
def test_a_malformed_image_shape_is_refused(image_shape, form, X, y):
    expected = (
        r"Got image_shape="
        + re.escape(repr(image_shape))
        + ", but expected None or two or three positive integers: "
        r"\(height, width\) or \(height, width, channels\)"
    )
    with pytest.raises(ValueError, match=expected):
        tiny(image_shape=image_shape).fit(form(X), y)


# ---------------------------------------------------------------------------- labels

UNKNOWN_TYPE = "Unknown label type: {}. Maybe you are trying to fit a classifier"
ONE_HOT = (
    r"{0} of shape \({1}, {2}\) is one-hot encoded, but class labels of shape "
    r"\({1},\) are expected: write np.argmax\({0}, axis=1\)"
)

BAD_LABELS = {
    "None": (
        lambda y: None,
        "MNISTCNNClassifier requires y to be passed, but the target y is None",
    ),
    "continuous": (lambda y: y + 0.5, UNKNOWN_TYPE.format("continuous")),
    "mixed types": (
        lambda y: np.array([0, "a"] * 30, dtype=object),
        UNKNOWN_TYPE.format("unknown"),
    ),
    "one-hot floats": (lambda y: np.eye(10)[y], ONE_HOT.format("y", 60, 10)),
    "one-hot integers": (
        lambda y: np.eye(10, dtype=int)[y],
        ONE_HOT.format("y", 60, 10),
    ),
    "one-hot booleans": (
        lambda y: np.eye(10, dtype=bool)[y],
        ONE_HOT.format("y", 60, 10),
    ),
    "one-hot frame": (lambda y: pd.get_dummies(y), ONE_HOT.format("y", 60, 10)),
    "one-hot lists": (lambda y: np.eye(10)[y].tolist(), ONE_HOT.format("y", 60, 10)),
    "one-hot, two classes": (lambda y: np.eye(2)[y % 2], ONE_HOT.format("y", 60, 2)),
    "several labels an image": (
        lambda y: np.ones((60, 10), int),
        r"y should be a 1d array, got an array of shape \(60, 10\)",
    ),
    "too few": (
        lambda y: y[:-1],
        r"inconsistent numbers of samples: \[60, 59\]",
    ),
    "too many": (
        lambda y: np.r_[y, 0],
        r"inconsistent numbers of samples: \[60, 61\]",
    ),
    "none": (lambda y: [], r"inconsistent numbers of samples: \[60, 0\]"),
    "one scalar": (lambda y: 3, r"y should be a 1d array, got an array of shape \(\)"),
    "NaN": (lambda y: with_value(y, np.nan), "Input y contains NaN"),
    "infinity": (lambda y: with_value(y, np.inf), "Input y contains infinity"),
}


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("make", "message"), BAD_LABELS.values(), ids=BAD_LABELS.keys()
)
def test_bad_labels_are_refused(make, message, method, X, y):
    options = {"classes": np.arange(10)} if method == "partial_fit" else {}
    with pytest.raises(ValueError, match=message):
        getattr(tiny(), method)(X, make(y), **options)


def test_one_class_only_is_refused(X):
    expected = (
        r"MNISTCNNClassifier needs at least two classes, but the data to train on "
        r"holds only one class: \[7\]"
    )
    with pytest.raises(ValueError, match=expected):
        tiny().fit(X, np.full(60, 7))


@pytest.mark.parametrize(
    "weighted",
    [
        lambda y: {"sample_weight": y == 3},
        lambda y: {"class_weight": {c: int(c == 3) for c in range(10)}},
    ],
    ids=["sample_weight", "class_weight"],
)
def test_one_class_only_after_zero_weights_is_refused(weighted, X, y):
    options = weighted(y)
    sample_weight = options.pop("sample_weight", None)
    with pytest.raises(ValueError, match=r"at least two classes.*one class: \[3\]"):
        tiny(**options).fit(X, y, sample_weight)


# --------------------------------------------------------------------------- weights

BAD_WEIGHTS = {
    "negative": (
        lambda n: np.r_[-1.0, np.ones(n - 1)],
        "sample_weight holds -1, but weights must not be negative",
    ),
    "all zero": (np.zeros, "All entries of sample_weight are zero"),
    "zero": (lambda n: 0.0, "All entries of sample_weight are zero"),
    "too few": (
        lambda n: np.ones(n - 1),
        r"shape \({less},\), but expected one weight for each of the {n} images",
    ),
    "2-D": (
        lambda n: np.ones((n, 1)),
        r"shape \({n}, 1\), but expected one weight for each of the {n} images",
    ),
    "NaN": (lambda n: np.full(n, np.nan), "Input sample_weight contains NaN"),
    "infinity": (
        lambda n: np.full(n, np.inf),
        "Input sample_weight contains infinity",
    ),
    "strings": (lambda n: ["a"] * n, "could not convert string to float: 'a'"),
}


@pytest.mark.parametrize("argument", ["fit", "partial_fit", "sample_weight_val"])
@pytest.mark.parametrize(
    ("make", "message"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS.keys()
)
def test_bad_sample_weights_are_refused(make, message, argument, X, y):
    n = 20 if argument == "sample_weight_val" else 60
    message = message.replace("{n}", str(n)).replace("{less}", str(n - 1))
    with pytest.raises(ValueError, match=message):
        if argument == "fit":
            tiny().fit(X, y, make(n))
        elif argument == "partial_fit":
            tiny().partial_fit(X, y, make(n), classes=np.unique(y))
        else:
            tiny().fit(X, y, X_val=X[:n], y_val=y[:n], sample_weight_val=make(n))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ("heavy", r"'class_weight' parameter .* among \{'balanced'\}.*Got 'heavy'"),
        ([1] * 10, r"'class_weight' parameter .* an instance of 'dict' or None. Got "),
        ({99: 1.0}, r"The classes, \[0, 1, .*\], are not in class_weight"),
        ({0: "a"}, r"class_weight=\{0: 'a'\}, but weights must be numbers that float"),
        ({0: 10**400}, r"class_weight=\{0: 1.*\}, but weights must be numbers that f"),
        (
            dict.fromkeys(range(10), 0),
            r"All weights are zero after sample_weight and class_weight=\{0: 0, .*\} ",
        ),
        ({0: -1.0}, r"class_weight=\{0: -1.0\}"),
        ({0: np.nan}, r"class_weight=\{0: nan\}"),
        ({0: np.inf}, r"class_weight=\{0: inf\}"),
    ],
    ids=[
        "word",
        "list",
        "unknown",
        "text",
        "large",
        "all zero",
        "negative",
        "NaN",
        "infinity",
    ],
)
def test_bad_class_weights_are_refused(class_weight, message, method, X, y):
    with pytest.raises(ValueError, match=message):
        call(tiny(class_weight=class_weight), method, X, y)


# ------------------------------------------------------------------------ parameters

MUST_BE = "The '{}' parameter of MNISTCNNClassifier must be .*{}"
ONE_OF = MUST_BE + ".* Got {} instead"
DTYPES = "'(auto|float32|float64|mixed_bfloat16)'"

BAD_PARAMETERS = [
    ("filters", 0, MUST_BE.format("filters", r"an int in the range \[1, inf\)")),
    ("filters", (), r"Got filters=\(\), but expected at least one entry"),
    ("filters", (4, 0), r"Got filters=\(4, 0\), but expected a positive integer or a"),
    ("filters", (4.0,), r"Got filters=\(4.0,\), but expected a positive integer or a"),
    ("kernel_size", 0, MUST_BE.format("kernel_size", r"an int in the range \[1, inf")),
    ("kernel_size", (), r"Got kernel_size=\(\), but expected at least one entry"),
    ("kernel_size", ("a",), r"Got kernel_size=\('a',\), but expected a positive int"),
    ("convolutions", 0, MUST_BE.format("convolutions", r"in the range \[1, inf\)")),
    ("pool_size", 0, MUST_BE.format("pool_size", r"in the range \[1, inf\)")),
    ("pool_first", "x", MUST_BE.format("pool_first", "'bool'")),
    ("padding", "full", ONE_OF.format("padding", "'(valid|same)'", "'full'")),
    ("whitening", "x", MUST_BE.format("whitening", "'bool'")),
    ("global_pooling", None, MUST_BE.format("global_pooling", "'bool'")),
    ("dense_units", 0, MUST_BE.format("dense_units", r"in the range \[1, inf\)")),
    ("dense_units", (8, -1), r"Got dense_units=\(8, -1\), but expected a positive"),
    ("activation", "rulu", r"Got activation='rulu', but expected one of .*'relu'"),
    ("activation", "get", r"Got activation='get', but expected one of .*'relu'"),
    ("activation", "", r"Got activation='', but expected one of .*'relu'"),
    ("activation", None, MUST_BE.format("activation", "'str'. Got None instead")),
    ("batch_normalization", "x", MUST_BE.format("batch_normalization", "'bool'")),
    ("dropout", 1, MUST_BE.format("dropout", r"in the range \[0.0, 1.0\)")),
    ("dropout", -0.1, MUST_BE.format("dropout", r"in the range \[0.0, 1.0\)")),
    ("dropout", (0.1,), r"Got dropout=\(0.1,\), but .* number in \[0, 1\) or two of"),
    ("dropout", (0.1, 1), r"Got dropout=\(0.1, 1\), but expected a number in \[0"),
    ("dropout", ("a", 0), r"Got dropout=\('a', 0\), but expected a number in \[0"),
    ("scaling", "log", ONE_OF.format("scaling", "'(unit|standard)'", "'log'")),
    (
        "optimizer",
        "adamant",
        r"Got optimizer='adamant', but expected a keras.optimizers.Optimizer or one of "
        r".*'adam', .*'sgd'",
    ),
    ("optimizer", 3, "Got optimizer=3, but expected a keras.optimizers.Optimizer or"),
    ("optimizer", None, "Got optimizer=None, but expected a keras.optimizers.Optimi"),
    ("learning_rate", 0, MUST_BE.format("learning_rate", r"in the range \(0.0, inf\)")),
    ("learning_rate", -1, MUST_BE.format("learning_rate", r"range \(0.0, inf\)")),
    ("learning_rate", np.nan, MUST_BE.format("learning_rate", "Got nan instead")),
    ("learning_rate", np.inf, MUST_BE.format("learning_rate", "Got inf instead")),
    (
        "learning_rate_schedule",
        "exponential",
        ONE_OF.format(
            "learning_rate_schedule", "'(cosine|constant|linear)'", "'exponential'"
        ),
    ),
    ("batch_size", 0, ONE_OF.format("batch_size", r"'auto'.*\[1, inf\)", "0")),
    ("batch_size", 1.5, ONE_OF.format("batch_size", r"'auto'.*\[1, inf\)", "1.5")),
    ("batch_size", "all", ONE_OF.format("batch_size", "'auto'", "'all'")),
    ("epochs", 0, ONE_OF.format("epochs", r"an int in the range \[1, inf\)", "0")),
    ("epochs", 2.5, ONE_OF.format("epochs", r"an int in the range \[1, inf\)", "2.5")),
    ("shuffle", "yes", MUST_BE.format("shuffle", "'bool'")),
    ("label_smoothing", 1, MUST_BE.format("label_smoothing", r"\[0.0, 1.0\)")),
    ("augment", "blur", ONE_OF.format("augment", "'(flip|shift|affine)'", "'blur'")),
    (
        "augment",
        ("flip", "blur"),
        r"Got augment=\('flip', 'blur'\), but 'blur' is none of 'flip', 'shift', 'aff",
    ),
    ("augment", 3, ONE_OF.format("augment", "'(flip|shift|affine)'", "3")),
    (
        "progressive_resizing",
        1.5,
        MUST_BE.format("progressive_resizing", r"a float in the range \(0.0, 1.0\]"),
    ),
    ("progressive_resizing", (), r"Got progressive_resizing=\(\), but expected a num"),
    (
        "progressive_resizing",
        (0.5, 1.0),
        r"Got progressive_resizing=\(0.5, 1.0\) with global_pooling=False",
    ),
    (
        "test_time_augmentation",
        "zoom",
        ONE_OF.format("test_time_augmentation", "'(auto|flip|shift)'", "'zoom'"),
    ),
    (
        "test_time_augmentation",
        ("flip", "zoom"),
        r"Got test_time_augmentation=\('flip', 'zoom'\), but 'zoom' is none of 'flip'",
    ),
    ("early_stopping", 1, MUST_BE.format("early_stopping", "'bool'")),
    ("validation_fraction", 0, MUST_BE.format("validation_fraction", r"\(0.0, 1.0\)")),
    ("validation_fraction", 1, MUST_BE.format("validation_fraction", r"\(0.0, 1.0\)")),
    ("n_iter_no_change", 0, MUST_BE.format("n_iter_no_change", r"\[1, inf\)")),
    ("tol", -1, MUST_BE.format("tol", r"\[0.0, inf\)")),
    ("freeze", -1, MUST_BE.format("freeze", r"\[0, inf\)")),
    ("freeze", 1, "Got freeze=1 without init_from, .* Set init_from, or freeze=0"),
    ("warm_start", "x", MUST_BE.format("warm_start", "'bool'")),
    ("image_shape", 64, MUST_BE.format("image_shape", "'tuple', .* or None. Got 64")),
    ("image_shape", "8x8", MUST_BE.format("image_shape", "'tuple', .* Got '8x8' ")),
    ("dtype", "float16", ONE_OF.format("dtype", DTYPES, "'float16'")),
    ("dtype", np.float32, MUST_BE.format("dtype", DTYPES)),
    ("verbose", -1, MUST_BE.format("verbose", r"\[0, inf\)")),
    ("random_state", "x", MUST_BE.format("random_state", r"\[0, 4294967295\]")),
]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("name", "value", "message"),
    BAD_PARAMETERS,
    ids=[f"{name}={value!r}" for name, value, _ in BAD_PARAMETERS],
)
def test_bad_parameters_are_refused(name, value, message, method, X, y):
    with pytest.raises(ValueError, match=message):
        call(tiny(**{name: value}), method, X, y)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (10**400, "Got a number of 1329 bits as {name}, but whole numbers go up"),
        (-(2**63), "Got a number of 64 bits as {name}, but"),
        (Fraction(1, 3), r"Got a Fraction as {name}, .* Write {name}=float"),
        (Fraction(10**400, 3), r"Got a Fraction as {name}, .* Write {name}=float"),
        (Decimal("0.5"), "'{name}' parameter .* must be|{name}=Decimal"),
        (np.longdouble("nan"), "'{name}' parameter .* must be|{name}=np.longdouble"),
        (np.float32("nan"), "'{name}' parameter .* must be|{name}=np.float32"),
        (complex(1), "'{name}' parameter .* must be|{name}=.1"),
        ([0.5, 10**400], "'{name}' parameter .* must be|Got {name}=.0.5|callback"),
        ((2**63, 2**63), "'{name}' parameter .* must be|{name}=.9|callback"),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
@pytest.mark.parametrize("name", sorted(tiny().get_params()))
def test_numbers_that_nothing_computes_with_are_refused(name, value, message, X, y):
    with pytest.raises((TypeError, ValueError), match=message.format(name=name)):
        tiny(**{name: value}).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"convolutions": 10**9}, "1,000,000,001 layers, but 1,000 are the most"),
        ({"filters": (1,) * 2000}, "2,001 layers, but 1,000 are the most"),
        ({"dense_units": (1,) * 2000}, "2,001 layers, but 1,000 are the most"),
        ({"filters": 2**31}, r"The network has .* weights, and training takes"),
        ({"dense_units": 2**40}, r"The network has .* weights, and training takes"),
    ],
)
def test_networks_that_no_computer_holds_are_refused(parameters, message, X, y):
    with pytest.raises(ValueError, match=message):
        tiny(**parameters).fit(X, y)


def test_every_parameter_that_can_be_wrong_is_tried():
    elsewhere = {"callbacks", "class_weight", "init_from"}
    tried = {name for name, _, _ in BAD_PARAMETERS} | elsewhere
    assert tried == set(tiny().get_params())


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("make", "culprit"),
    [
        (lambda base: 3, "3 is none"),
        (lambda base: "History", "'History' is none"),
        (lambda base: [base(), len], "<built-in function len> is none"),
        (lambda base: base, "<class '.*Callback'> is none"),
    ],
    ids=["number", "name", "function in a list", "class"],
)
def test_callbacks_that_are_none_are_refused(make, culprit, method, X, y):
    import keras

    expected = "(?s)Got callbacks=.*, but expected a keras.callbacks.Callback .*"
    with pytest.raises(TypeError, match=expected + culprit):
        call(tiny(callbacks=make(keras.callbacks.Callback)), method, X, y)


@pytest.mark.parametrize("name", ["clasic", None, ""])
@pytest.mark.parametrize("classifier", [MNISTCNNClassifier, CIFARCNNClassifier])
def test_an_unknown_preset_is_refused(classifier, name):
    expected = f"Got preset {name!r}, but {classifier.__name__} has 'classic'"
    with pytest.raises(ValueError, match=expected):
        classifier.from_preset(name)


def test_an_unknown_override_of_a_preset_is_refused():
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        MNISTCNNClassifier.from_preset("classic", epoch=1)


# ------------------------------------------------------------------------ validation

BAD_VALIDATION = {
    "X_val alone": (
        lambda X, y: {"X_val": X},
        "X_val was given without y_val; pass both",
    ),
    "y_val alone": (
        lambda X, y: {"y_val": y},
        "y_val was given without X_val; pass both",
    ),
    "sample_weight_val alone": (
        lambda X, y: {"sample_weight_val": np.ones(len(y))},
        "sample_weight_val was given without X_val and y_val",
    ),
    "no y_val but weights": (
        lambda X, y: {"X_val": X, "sample_weight_val": np.ones(len(y))},
        "X_val was given without y_val; pass both",
    ),
    "unknown labels": (
        lambda X, y: {"X_val": X, "y_val": y + 2},
        r"y_val holds the labels \[10, 11\], which are not among the classes \[0, 1, ",
    ),
    "one-hot": (
        lambda X, y: {"X_val": X, "y_val": np.eye(10)[y]},
        ONE_HOT.format("y_val", 20, 10),
    ),
    "continuous": (
        lambda X, y: {"X_val": X, "y_val": y + 0.5},
        UNKNOWN_TYPE.format("continuous"),
    ),
    "other length": (
        lambda X, y: {"X_val": X, "y_val": y[:-1]},
        r"inconsistent numbers of samples: \[20, 19\]",
    ),
    "other shape": (
        lambda X, y: {"X_val": X[:, :7], "y_val": y},
        r"images of shape \(7, 8, 1\), but .* expecting images of shape \(8, 8, 1\)",
    ),
    "other channels": (
        lambda X, y: {"X_val": np.stack([X, X], axis=-1), "y_val": y},
        r"images of shape \(8, 8, 2\), but .* expecting images of shape \(8, 8, 1\)",
    ),
    "channels first": (
        lambda X, y: {"X_val": np.stack([X, X, X], axis=1), "y_val": y},
        r"has shape \(20, 3, 8, 8\), which looks channels first",
    ),
    "other row length": (
        lambda X, y: {"X_val": flat(X)[:, :60], "y_val": y},
        r"has 60 features, but MNISTCNNClassifier is expecting 64 features",
    ),
    "NaN": (
        lambda X, y: {"X_val": with_value(X, np.nan), "y_val": y},
        r"Input X(_val)? contains NaN",
    ),
    "no images": (
        lambda X, y: {"X_val": X[:0], "y_val": y[:0]},
        r"Found array with 0 sample\(s\) \(shape=\(0, 8, 8\)\)",
    ),
}


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("make", "message"), BAD_VALIDATION.values(), ids=BAD_VALIDATION.keys()
)
def test_bad_validation_data_is_refused(make, message, early_stopping, X, y):
    with pytest.raises(ValueError, match=message):
        tiny(early_stopping=early_stopping).fit(X, y, **make(X[:20], y[:20]))


@pytest.mark.parametrize(
    ("keep", "sample_weight"),
    [(12, None), (60, np.r_[np.ones(12), np.zeros(48)])],
    ids=["few images", "zero weights"],
)
def test_too_few_images_of_a_class_to_hold_one_out_are_refused(
    keep, sample_weight, X, y
):
    expected = "validation_fraction=0.1 .*only one image of class .* pass X_val"
    with pytest.raises(ValueError, match=expected):
        tiny(early_stopping=True).fit(X[:keep], y[:keep], sample_weight)


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_a_validation_fraction_that_leaves_too_few_images_is_refused(fraction, X, y):
    with pytest.raises(ValueError, match=rf"validation_fraction={fraction}"):
        tiny(early_stopping=True, validation_fraction=fraction).fit(X, y)


# ----------------------------------------------------------- going on with training


def test_partial_fit_with_early_stopping_is_refused(X, y):
    expected = "partial_fit does not support early_stopping=True"
    with pytest.raises(ValueError, match=expected):
        tiny(early_stopping=True).partial_fit(X, y, classes=np.unique(y))


def test_partial_fit_without_classes_is_refused(X, y):
    expected = "classes must be passed on the first call to partial_fit"
    with pytest.raises(ValueError, match=expected):
        tiny().partial_fit(X, y)


def test_partial_fit_with_other_classes_is_refused(X, y, of_integers):
    expected = (
        r"Got classes=\[0, 1, 2\], but an earlier call to fit or partial_fit had \[0, "
    )
    with pytest.raises(ValueError, match=expected):
        of_integers.partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.parametrize("first", [True, False], ids=["first call", "later call"])
def test_partial_fit_with_unknown_labels_is_refused(first, X, y, of_integers):
    expected = r"y holds the labels \[10\], which are not among the classes \[0, 1, 2, "
    with pytest.raises(ValueError, match=expected):
        if first:
            tiny().partial_fit(X, y + 1, classes=np.arange(10))
        else:
            of_integers.partial_fit(X, y + 1)


def test_partial_fit_with_one_class_in_all_is_refused(X, y):
    with pytest.raises(ValueError, match=r"at least two classes.*one class: \[0\]"):
        tiny().partial_fit(X[y == 0], y[y == 0], classes=[0])


@pytest.fixture
def warm(of_integers):
    return copy.deepcopy(of_integers).set_params(warm_start=True)


def test_a_warm_start_with_unknown_labels_is_refused(warm, X, y):
    expected = r"y holds the labels \[10\], which are not among the classes \[0, 1, 2, "
    with pytest.raises(ValueError, match=expected):
        warm.fit(X, y + 1)


def test_a_warm_start_with_other_images_is_refused(warm, X, y):
    expected = r"shape \(7, 8, 1\), but .* expecting images of shape \(8, 8, 1\)"
    with pytest.raises(ValueError, match=expected):
        warm.fit(X[:, :7], y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"filters": 8}, r"^filters was \(4,\) and is \(8,\): "),
        ({"dtype": "float64"}, r"^dtype was 'float32' and is 'float64': "),
        ({"optimizer": "sgd"}, r"^The optimizer is another one than in the last fit"),
        ({"augment": "flip"}, r"^augment was \(\) and is \('flip',\): "),
    ],
    ids=repr,
)
def test_a_warm_start_of_another_network_is_refused(warm, parameters, message, X, y):
    advice = r".*warm_start.*[Ff]it with warm_start=False to start anew"
    with pytest.raises(ValueError, match=message + advice):
        warm.set_params(**parameters).fit(X, y)


@pytest.mark.parametrize("parameters", [{"image_shape": (4, 16)}, {"scaling": "unit"}])
def test_a_warm_start_with_other_views_of_the_pixels_is_refused(warm, parameters, X, y):
    with pytest.raises(ValueError, match=next(iter(parameters))):
        warm.set_params(**parameters).fit(X, y)


def test_a_refused_fit_leaves_the_fitted_estimator_as_it_was(of_integers, X, y):
    estimator = copy.deepcopy(of_integers)
    before = estimator.predict_proba(X)
    with pytest.raises(ValueError, match="one-hot"):
        estimator.fit(X[:, :6, :6], np.eye(10)[y])
    np.testing.assert_array_equal(estimator.predict_proba(X), before)


# -------------------------------------------------------------------------- warnings


def test_a_column_of_labels_works_with_the_usual_warning(of_a_column, of_integers, X):
    estimator, caught = of_a_column
    assert [warning.category for warning in caught] == [DataConversionWarning]
    assert "A column-vector y was passed" in str(caught[0].message)
    np.testing.assert_array_equal(
        estimator.predict_proba(X), of_integers.predict_proba(X)
    )


@pytest.mark.parametrize("method", PREDICTIONS)
def test_scaled_pixels_after_integers_warn(method, X, of_integers):
    expected = (
        r"X holds float64 pixels from 0 to 1, but those seen in fit were uint8 from 0 "
        r"to 16: write X \* 16\."
    )
    with pytest.warns(UserWarning, match=expected) as caught:
        getattr(of_integers, method)(X / 16)
    # The line that is to change is the caller's.
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("method", PREDICTIONS)
@pytest.mark.parametrize(
    ("estimator", "make"),
    [
        ("of_integers", lambda X: X),
        ("of_integers", lambda X: X.astype(float)),
        ("of_floats", lambda X: X / 16),
    ],
    ids=["integers", "integers as floats", "floats"],
)
def test_nothing_else_warns(estimator, make, method, X, request):
    fitted = request.getfixturevalue(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        getattr(fitted, method)(make(X))
