"""Exported models answer as the estimators do."""

import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.datasets import fetch_mnist
from skcnn.export import to_onnx, to_saved_model
from skcnn.preprocessing import ImageReshaper, ImageScaler

NAMES = np.array(["null", "eins", "zwei", "drei", "vier", "fünf"])


def grey(digits, labels=None):
    X, y = digits
    few = y < 6
    X, y = X[few][:300], y[few][:300]
    return X[..., np.newaxis], y if labels is None else labels[y]


def fitted_estimators(digits):
    X, y = grey(digits)
    small = {"filters": 4, "dense_units": (), "epochs": 2, "random_state": 0}
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (60, 16, 16, 3), dtype=np.uint8)
    views = CIFARCNNClassifier.from_preset(
        "fast",
        filters=(8, 8),
        epochs=2,
        test_time_augmentation=("flip", "shift"),
        random_state=0,
    )
    pipeline = make_pipeline(
        ImageReshaper(image_shape=(8, 8, 1)),
        ImageScaler(mode="standard"),
        "passthrough",
        MNISTCNNClassifier(**small),
    )
    two = y < 2
    return {
        "numbers": (MNISTCNNClassifier(**small).fit(X, y), X),
        "strings": (MNISTCNNClassifier(**small).fit(X, NAMES[y]), X),
        "objects": (MNISTCNNClassifier(**small).fit(X, NAMES[y].astype(object)), X),
        "two": (MNISTCNNClassifier(**small).fit(X[two], y[two] == 1), X),
        "double": (MNISTCNNClassifier(dtype="float64", **small).fit(X, y), X),
        "mixed": (MNISTCNNClassifier(dtype="mixed_bfloat16", **small).fit(X, y), X),
        "views": (views.fit(colour, np.arange(60) % 3 * 2.0), colour),
        "pipeline": (pipeline.fit(X.reshape(len(X), -1), NAMES[y]), X),
    }


@pytest.fixture(scope="module")
def estimators(digits):
    return fitted_estimators(digits)


def run_saved_model(path, images):
    import tensorflow as tf

    serve = tf.saved_model.load(path).signatures["serving_default"]
    answer = serve(images=tf.constant(images))
    labels = answer["labels"].numpy()
    if labels.dtype == object:
        labels = np.array([label.decode() for label in labels])
    return labels, answer["probabilities"].numpy()


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


@pytest.fixture(params=FORMATS)
def both_ways(request):
    if request.param == "onnx":
        pytest.importorskip("tf2onnx", reason='needs pip install "skcnn[onnx]"')
    return FORMATS[request.param]


KINDS = ["numbers", "strings", "objects", "two", "double", "mixed", "views", "pipeline"]


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


def test_floating_images(both_ways, digits, tmp_path):
    write, run = both_ways
    X, y = grey(digits)
    X = (X / 16).astype(np.float32)
    clf = MNISTCNNClassifier(filters=4, epochs=1, random_state=0).fit(X, y)
    write(clf, tmp_path / "model", dtype="float32")
    labels, probabilities = run(tmp_path / "model", X)
    np.testing.assert_array_equal(labels, clf.predict(X))
    np.testing.assert_allclose(probabilities, clf.predict_proba(X), rtol=0, atol=1e-5)


def test_what_cannot_be_exported_is_refused(both_ways, estimators, digits, tmp_path):
    write, _ = both_ways
    X, y = grey(digits)
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


def test_an_existing_folder_stays(estimators, tmp_path):
    clf, _ = estimators["numbers"]
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="Delete it, or choose another name"):
        to_saved_model(clf, tmp_path)
    assert (tmp_path / "note.txt").read_text() == "mine"


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
    clf = MNISTCNNClassifier.from_preset("fast", random_state=0).fit(X, y)
    write(clf, tmp_path / "model")
    labels, probabilities = run(tmp_path / "model", test)
    np.testing.assert_array_equal(labels, clf.predict(test))
    np.testing.assert_allclose(
        probabilities, clf.predict_proba(test), rtol=0, atol=1e-5
    )
