"""Exported models answer as the estimators do, and are written whole or not at all."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skcnn import CIFARCNNClassifier, CNNClassifier, MNISTCNNClassifier
from skcnn._estimator import automatic
from skcnn._network.augment import are_unsure
from skcnn.datasets import fetch_mnist
from skcnn.export import _resized, to_onnx, to_saved_model
from skcnn.preprocessing import (
    ImageFlattener,
    ImageReshaper,
    ImageResizer,
    ImageScaler,
)

NAMES = np.array(["null", "eins", "zwei", "drei", "vier", "fünf"])


def gray(digits, labels=None):
    X, y = digits
    few = y < 6
    X, y = X[few][:300], y[few][:300]
    return X[..., np.newaxis], y if labels is None else labels[y]


# Fits on the digits share one network.
SMALL = {"filters": 4, "dense_units": (), "epochs": 2, "random_state": 0}


def color():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (60, 16, 16, 3), dtype=np.uint8)


def on_digits(digits, labels=None, **parameters):
    X, y = gray(digits, labels)
    return MNISTCNNClassifier(**SMALL, **parameters).fit(X, y), X


def of_two_classes(digits):
    X, y = gray(digits)
    two = y < 2
    return MNISTCNNClassifier(**SMALL).fit(X[two], y[two] == 1), X


def with_views(digits):
    clf = CIFARCNNClassifier.from_preset(
        "fast",
        dtype="float32",
        filters=(8, 8),
        epochs=2,
        test_time_augmentation=("flip", "shift"),
        random_state=0,
    )
    return clf.fit(color(), np.arange(60) % 3 * 2.0), color()


def with_unsure_images(digits):
    clf = CIFARCNNClassifier.from_preset(
        "fast",
        dtype="float32",
        filters=(8, 8),
        epochs=6,
        augment=("flip", "shift"),
        random_state=0,
    )
    return clf.fit(color(), np.arange(60) % 3 == 1), color()


def in_a_pipeline(digits):
    X, y = gray(digits, NAMES)
    pipeline = make_pipeline(
        ImageReshaper(image_shape=(8, 8, 1)),
        ImageScaler(mode="standard"),
        "passthrough",
        MNISTCNNClassifier(**SMALL),
    )
    return pipeline.fit(X.reshape(len(X), -1), y), X


def _a_function(image_shape, n_classes):
    from keras import layers

    return [
        layers.RandomTranslation(0.1, 0.1),
        layers.Conv2D(4, 3, activation="relu"),
        layers.BatchNormalization(),
        layers.Flatten(),
        layers.Dropout(0.2),
        layers.Dense(n_classes, activation="softmax"),
    ]


def _with_a_skip_connection(image_shape, n_classes):
    from keras import Input, Model, layers

    inputs = Input(image_shape)
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu")(inputs)
    x = layers.Add()([layers.LayerNormalization()(x), inputs])
    x = layers.Activation("celu")(x)
    x = layers.Resizing(6, 6)(layers.Conv2D(4, 3, activation="gelu")(x))
    x = layers.GlobalAveragePooling2D()(x)
    return Model(inputs, layers.Dense(n_classes)(x))


def of_ones_own(digits, network):
    X, y = gray(digits, NAMES)
    clf = CNNClassifier(network=network, epochs=1, random_state=0)
    return clf.fit(X, y), X


KINDS = {
    "numbers": on_digits,
    "strings": partial(on_digits, labels=NAMES),
    "objects": partial(on_digits, labels=NAMES.astype(object)),
    "two": of_two_classes,
    "double": partial(on_digits, dtype="float64"),
    "mixed": partial(on_digits, dtype="mixed_bfloat16"),
    "views": with_views,
    "unsure": with_unsure_images,
    "pipeline": in_a_pipeline,
    "function": partial(of_ones_own, network=_a_function),
    "skip connection": partial(of_ones_own, network=_with_a_skip_connection),
}


class Estimators(dict):
    """Fitted estimators and images by kind, each fitted when it is first asked for."""

    def __init__(self, digits):
        self.digits = digits

    def __missing__(self, kind):
        self[kind] = KINDS[kind](self.digits)
        return self[kind]


@pytest.fixture(scope="module")
def estimators(digits):
    return Estimators(digits)


def answers_of_saved_model(path, images):
    import tensorflow as tf

    serve = tf.saved_model.load(path).signatures["serving_default"]
    answer = serve(images=tf.constant(images))
    return {name: value.numpy() for name, value in answer.items()}


def answers_of_onnx(path, images):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path)
    names = [node.name for node in session.get_outputs()]
    answers = dict(zip(names, session.run(names, {"images": images}), strict=True))
    for node in session.get_outputs():
        assert node.shape == ["n", *answers[node.name].shape[1:]]
    return answers


def run_saved_model(path, images):
    answer = answers_of_saved_model(path, images)
    labels = answer["labels"]
    if labels.dtype == object:
        labels = np.array([label.decode() for label in labels], object)
    return labels, answer["probabilities"]


def run_onnx(path, images):
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(path)
    assert [(node.name, node.shape[0]) for node in session.get_inputs()] == [
        ("images", "n")
    ]
    assert {node.shape[0] for node in session.get_outputs()} == {"n"}
    return session.run(["labels", "probabilities"], {"images": images})


FORMATS = {
    "onnx": (to_onnx, run_onnx),
    "saved_model": (to_saved_model, run_saved_model),
}


@pytest.fixture(params=[pytest.param("onnx", marks=pytest.mark.slow), "saved_model"])
def both_ways(request):
    if request.param == "onnx":
        pytest.importorskip("tf2onnx", reason='needs pip install "skcnn[onnx]"')
    return FORMATS[request.param]


@pytest.mark.slow
def test_some_images_of_the_exported_models_are_unsure(estimators):
    clf, images = estimators["unsure"]
    first = clf.keras_classifier_.logits(images).astype(np.float64)
    unsure = are_unsure(first)
    assert 5 < unsure.sum() < 55
    differs = clf.decision_function(images) != first[:, 1] - first[:, 0]
    np.testing.assert_array_equal(differs, unsure)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_an_exported_model_answers_as_the_estimator(
    kind, both_ways, estimators, tmp_path
):
    write, run = both_ways
    estimator, images = estimators[kind]
    if kind in ("double", "mixed") and write is to_onnx:
        with pytest.raises(ValueError, match=r"has dtype='.*6.*', but ONNX runtimes"):
            write(estimator, tmp_path / "model")
        return
    write(estimator, tmp_path / "model")
    for n in (len(images), 1, 7):
        labels, probabilities = run(tmp_path / "model", images[:n])
        expected = estimator.predict_proba(images[:n])
        np.testing.assert_array_equal(labels, estimator.predict(images[:n]))
        np.testing.assert_allclose(probabilities, expected, rtol=0, atol=1e-5)
        assert probabilities.dtype == ("float64" if kind == "double" else "float32")
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    "outputs",
    [
        ("features",),
        ["probabilities", "features"],
        pytest.param(("features", "labels", "probabilities"), marks=pytest.mark.slow),
        pytest.param(("labels",), marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    "kind",
    [
        "numbers",
        pytest.param("unsure", marks=pytest.mark.slow),
        pytest.param("pipeline", marks=pytest.mark.slow),
        pytest.param("function", marks=pytest.mark.slow),
        pytest.param("skip connection", marks=pytest.mark.slow),
    ],
)
def test_outputs_are_those_asked_for(kind, outputs, both_ways, estimators, tmp_path):
    write, _ = both_ways
    answers_of = answers_of_onnx if write is to_onnx else answers_of_saved_model
    estimator, images = estimators[kind]
    write(estimator, tmp_path / "model", outputs=outputs)
    for n in (len(images), 1):
        answers = answers_of(tmp_path / "model", images[:n])
        # A SavedModel answers with a dict, which TensorFlow sorts.
        assert sorted(answers) == sorted(outputs)
        if write is to_onnx:
            assert list(answers) == list(outputs)
        if "features" in outputs:
            expected = estimator.transform(images[:n])
            assert answers["features"].dtype == np.float32
            np.testing.assert_allclose(
                answers["features"], expected, rtol=1e-5, atol=1e-5
            )
        if "probabilities" in outputs:
            expected = estimator.predict_proba(images[:n])
            np.testing.assert_allclose(
                answers["probabilities"], expected, rtol=1e-5, atol=1e-5
            )


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["double", "mixed"])
def test_features_of_every_dtype_are_float32(kind, estimators, tmp_path):
    estimator, images = estimators[kind]
    to_saved_model(estimator, tmp_path / "model", outputs=("features",))
    features = answers_of_saved_model(tmp_path / "model", images)["features"]
    assert features.dtype == np.float32
    rtol = 1e-5 if kind == "double" else 2e-2
    np.testing.assert_allclose(
        features, estimator.transform(images), rtol=rtol, atol=rtol
    )


def test_features_before_another_estimator_are_exported(
    both_ways, estimators, digits, tmp_path
):
    write, _ = both_ways
    answers_of = answers_of_onnx if write is to_onnx else answers_of_saved_model
    X, y = gray(digits)
    clf, _ = estimators["numbers"]
    pipeline = make_pipeline(clf, LogisticRegression(max_iter=300)).fit(X, y)
    with pytest.raises(
        TypeError, match=r"LogisticRegression, but only .*pipeline\[:-1"
    ):
        write(pipeline, tmp_path / "model", outputs=("features",))
    write(pipeline[:-1], tmp_path / "model", outputs=("features",))
    features = answers_of(tmp_path / "model", X)["features"]
    np.testing.assert_allclose(features, clf.transform(X), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_labels_that_cannot_be_exported_do_not_matter_without_labels(digits, tmp_path):
    X, y = gray(digits)
    names = np.where(y < 3, "\ud800", "b").astype(object)
    clf = MNISTCNNClassifier(**SMALL).fit(X, names)
    to_saved_model(clf, tmp_path / "model", outputs=("features",))
    features = answers_of_saved_model(tmp_path / "model", X)["features"]
    np.testing.assert_allclose(features, clf.transform(X), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "outputs", [(), ("logits",), ("labels", "labels"), [["labels"]], (1,)]
)
def test_other_outputs_are_refused(outputs, both_ways, estimators, tmp_path):
    write, _ = both_ways
    clf, _ = estimators["numbers"]
    message = r"Got outputs=.*, but expected one or more of 'labels', 'probabilities', "
    with pytest.raises(ValueError, match=message):
        write(clf, tmp_path / "model", outputs=outputs)
    with pytest.raises(ValueError, match="The 'outputs' parameter of to_"):
        write(clf, tmp_path / "model", outputs="features")
    assert not list(tmp_path.iterdir())


def _erfinv():
    from keras import layers, ops

    return layers.Lambda(lambda x: ops.erfinv(ops.tanh(x)))


def _area():
    from keras import layers

    return layers.Resizing(4, 4, interpolation="area")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layer", "operation"), [(_erfinv, "Erfinv"), (_area, "ResizeArea")]
)
def test_an_operation_that_onnx_lacks_is_refused(layer, operation, digits, tmp_path):
    pytest.importorskip("tf2onnx", reason='needs pip install "skcnn[onnx]"')

    def network(image_shape, n_classes):
        from keras import layers

        return [layer(), layers.Flatten(), layers.Dense(n_classes)]

    clf, _ = of_ones_own(digits, network)
    message = f"cannot write in ONNX: {operation}. Use to_saved_model, or fit a network"
    with pytest.raises(ValueError, match=message):
        to_onnx(clf, tmp_path / "model")
    assert not list(tmp_path.iterdir())
    to_saved_model(clf, tmp_path / "model")


def test_a_network_that_auto_has_made_float32_is_exported(
    both_ways, digits, monkeypatch, tmp_path
):
    write, _ = both_ways
    X, y = gray(digits)
    monkeypatch.setattr(automatic, "auto_dtype", lambda filters: "float32")
    clf = MNISTCNNClassifier(**SMALL, dtype="auto").fit(X, y)
    write(clf, tmp_path / "model")
    assert (tmp_path / "model").exists()


@pytest.mark.slow
def test_floating_images(both_ways, digits, tmp_path):
    write, run = both_ways
    X, y = gray(digits)
    X = (X / 16).astype(np.float32)
    clf = MNISTCNNClassifier(**SMALL).fit(X, y)
    write(clf, tmp_path / "model", dtype="float32")
    labels, probabilities = run(tmp_path / "model", X)
    np.testing.assert_array_equal(labels, clf.predict(X))
    np.testing.assert_allclose(probabilities, clf.predict_proba(X), rtol=0, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "aspect_ratio",
    [
        pytest.param("stretch", marks=pytest.mark.slow),
        "pad",
        pytest.param("crop", marks=pytest.mark.slow),
    ],
)
def test_a_model_resizes_images_of_any_size(aspect_ratio, both_ways, tmp_path):
    write, run = both_ways
    rng = np.random.default_rng(0)
    X, y = [], np.arange(40) % 2
    for label in y:
        image = rng.integers(0, 50, (*rng.integers(3, 40, 2), 3), dtype=np.uint8)
        image[..., label] += 100
        X.append(image)
    clf = MNISTCNNClassifier(**SMALL, test_time_augmentation=None)
    resizer = ImageResizer((9, 8), aspect_ratio=aspect_ratio, fill=(0, 50, 100))
    pipeline = make_pipeline(resizer, ImageFlattener(), ImageReshaper((9, 8, 3)), clf)
    pipeline.fit(X, y)
    write(pipeline, tmp_path / "model")
    for image in X[:8]:
        labels, probabilities = run(tmp_path / "model", image[np.newaxis])
        expected = pipeline.predict_proba([image])
        np.testing.assert_allclose(probabilities, expected, atol=0.01)
        np.testing.assert_array_equal(labels, pipeline.predict([image]))


@pytest.mark.parametrize("aspect_ratio", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_tensorflow_resizes_as_pillow_does(aspect_ratio, dtype):
    import tensorflow as tf

    rng = np.random.default_rng(0)
    for channels in (1, 3):
        fill = tuple(range(channels))
        resizer = ImageResizer((11, 6), aspect_ratio=aspect_ratio, fill=fill)
        spec = tf.TensorSpec((None, None, None, channels), dtype)
        in_a_model = tf.function(
            lambda X, resizer=resizer: _resized(X, resizer),
            input_signature=[spec],
            autograph=False,
        )
        for height, width in [(11, 6), (1, 1), (1, 70), (50, 2), (40, 40), (5, 3)]:
            shape = (2, height, width, channels)
            X = rng.integers(0, 256, shape).astype(dtype)
            expected = resizer.fit_transform(X).reshape(2, 11, 6, channels)
            found = in_a_model(X).numpy()
            assert found.dtype == dtype
            difference = np.abs(found.astype(float) - expected)
            assert difference.max() <= (1 if dtype == "uint8" else 1e-3)
            assert difference.mean() < 0.1


@pytest.mark.slow
def test_a_resizer_that_a_model_cannot_be_is_refused(both_ways, tmp_path):
    write, _ = both_ways
    X = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), dtype=np.uint8)
    clf = MNISTCNNClassifier(filters=4, epochs=1, random_state=0)
    for steps, message in [
        ([ImageResizer((8, 8), color_mode="rgba")], r"transparency \(RGBA\)"),
        (
            [ImageScaler(), ImageResizer((8, 8), color_mode="grayscale")],
            "images of 3 channels into images of 1, but a model cannot convert colors",
        ),
    ]:
        pipeline = make_pipeline(*steps, clf).fit(X, np.arange(20) % 2)
        with pytest.raises(ValueError, match=message):
            write(pipeline, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported_is_refused(both_ways, estimators, digits, tmp_path):
    write, _ = both_ways
    X, y = gray(digits)
    other = LogisticRegression().fit(X.reshape(len(X), -1), y)
    clf, _ = estimators["numbers"]
    path = tmp_path / "model"
    for estimator in (other, make_pipeline(other, clf), make_pipeline(clf, other)):
        with pytest.raises(TypeError, match="but only a classifier of skcnn"):
            write(estimator, path)
    with pytest.raises(NotFittedError):
        write(MNISTCNNClassifier(), path)
    with pytest.raises(NotFittedError):
        write(make_pipeline(ImageScaler(), clf), path)
    with pytest.raises(ValueError, match=r"The 'dtype' parameter of .* Got 'int8'"):
        write(clf, path, dtype="int8")
    with pytest.raises(OSError, match=r"model|missing"):
        write(clf, "/proc/missing/model")
    assert not list(tmp_path.iterdir())


def make_folder(path):
    path.mkdir()
    (path / "note.txt").write_text("mine")


def make_file(path):
    path.write_text("mine")


def make_link(path):
    path.symlink_to("nowhere")


def make_pipe(path):
    os.mkfifo(path)


@pytest.mark.skipif(os.name != "posix", reason="POSIX alone has these")
@pytest.mark.parametrize("make", [make_folder, make_file, make_link, make_pipe])
def test_a_saved_model_replaces_nothing(estimators, tmp_path, make):
    clf, _ = estimators["numbers"]
    path = tmp_path / "model"
    make(path)
    before = path.lstat()
    with pytest.raises(FileExistsError, match="Delete it, or choose another name"):
        to_saved_model(clf, path)
    assert path.lstat() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


def test_an_onnx_model_replaces_files_only(estimators, tmp_path):
    pytest.importorskip("tf2onnx", reason='needs pip install "skcnn[onnx]"')
    clf, images = estimators["numbers"]
    make_folder(tmp_path / "folder")
    for path in (tmp_path / "folder", f"{tmp_path}/new/", ""):
        with pytest.raises(OSError, match=r"(?i)name a file"):
            to_onnx(clf, path)
    make_file(tmp_path / "file")
    (tmp_path / "file").chmod(0o640)
    to_onnx(clf, tmp_path / "file")
    labels, _ = run_onnx(tmp_path / "file", images[:3])
    np.testing.assert_array_equal(labels, clf.predict(images[:3]))
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert {entry.name for entry in tmp_path.iterdir()} == {"folder", "file"}


@pytest.mark.parametrize("path", ["m" * 255, "model/", b"model", "new\nline", "ram:"])
def test_every_kind_of_path_is_taken(
    both_ways, estimators, tmp_path, monkeypatch, path
):
    write, run = both_ways
    monkeypatch.chdir(tmp_path)
    clf, images = estimators["numbers"]
    if path == "model/" and write is to_onnx:
        with pytest.raises(IsADirectoryError, match=r"that of a folder. Name a file"):
            write(clf, path)
        return
    write(clf, path)
    (written,) = Path().iterdir()
    labels, _ = run(str(written), images[:3])
    np.testing.assert_array_equal(labels, clf.predict(images[:3]))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux takes any bytes for a name")
def test_a_path_that_tensorflow_cannot_write_is_refused(estimators, tmp_path):
    clf, _ = estimators["numbers"]
    with pytest.raises(OSError, match="TensorFlow writes only to paths in UTF-8"):
        to_saved_model(clf, os.fsencode(tmp_path) + b"/\xff")
    assert not list(tmp_path.iterdir())


FULL_DISK = """
import resource, signal, sys
import skcnn.export
from skcnn.datasets import load_digit_images
X, y = load_digit_images(return_X_y=True)
clf = skcnn.MNISTCNNClassifier(filters=4, epochs=1, random_state=0).fit(X[:99], y[:99])
# Files of more than some bytes cannot be written, as on a disk that is nearly full.
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    getattr(skcnn.export, sys.argv[1])(clf, sys.argv[2])
except OSError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="POSIX alone has such limits")
def test_on_a_full_disk_nothing_is_left(both_ways, tmp_path):
    write, _ = both_ways
    path = tmp_path / "model"
    finished = subprocess.run(
        [sys.executable, "-c", FULL_DISK, write.__name__, path],
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert "File too large" in finished.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize(
    "labels",
    [
        ["", "\x1b[31m", "a\nb", "\x00", "tab\t", "$x$", "\u202e", "é" * 999],
        ["=1+1", " ", "\U0001f600"],
    ],
)
def test_names_of_classes_are_any_text(both_ways, digits, tmp_path, labels):
    write, run = both_ways
    X, y = gray(digits)
    names = np.array([labels[i % len(labels)] for i in y], object)
    clf = MNISTCNNClassifier(**SMALL).fit(X, names)
    write(clf, tmp_path / "model")
    answer, _ = run(tmp_path / "model", X[:50])
    assert list(answer) == list(clf.predict(X[:50]))


def test_half_characters_in_names_of_classes_are_refused(both_ways, digits, tmp_path):
    write, _ = both_ways
    X, y = gray(digits)
    names = np.where(y < 3, "\ud800", "b").astype(object)
    clf = MNISTCNNClassifier(**SMALL).fit(X, names)
    with pytest.raises(ValueError, match=r"cannot be exported, because .* UTF-8"):
        write(clf, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_without_tf2onnx_the_error_says_what_to_install(
    estimators, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    clf, _ = estimators["numbers"]
    with pytest.raises(ImportError, match=r'pip install "skcnn\[onnx\]"'):
        to_onnx(clf, tmp_path / "model.onnx")


@pytest.mark.real_data
def test_the_test_set_gets_the_same_labels(both_ways, real_data_home, tmp_path):
    write, run = both_ways
    X, y = fetch_mnist(data_home=real_data_home, return_X_y=True)
    test = fetch_mnist(subset="test", data_home=real_data_home).images[..., np.newaxis]
    clf = MNISTCNNClassifier.from_preset("fast", dtype="float32", random_state=0)
    clf.fit(X, y)
    write(clf, tmp_path / "model")
    labels, probabilities = run(tmp_path / "model", test)
    np.testing.assert_array_equal(labels, clf.predict(test))
    np.testing.assert_allclose(
        probabilities, clf.predict_proba(test), rtol=0, atol=1e-5
    )
