"""Files of fitted estimators: nothing lost, nothing run, damage refused."""

import hashlib
import io
import json
import os
import pickle
import random
import re
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from tiny import tiny_classifier as tiny

import skcnn
from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._training.archive import Encoder, write_archive
from skcnn.preprocessing import (
    ImageFlattener,
    ImageReshaper,
    ImageResizer,
    ImageScaler,
)

N = 120


@pytest.fixture(scope="module")
def clf(digits):
    """A fitted classifier that no test changes."""
    X, y = digits
    small = MNISTCNNClassifier(
        filters=4, dense_units=8, epochs=1, whitening=True, random_state=0
    )
    return small.fit(X[:N], y[:N])


@pytest.fixture(scope="module")
def content(clf, tmp_path_factory):
    """The bytes of its file."""
    path = tmp_path_factory.mktemp("content") / "clf.skcnn"
    skcnn.save(clf, path)
    return path.read_bytes()


def _unpacked(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(entries.pop("skcnn.json")), entries


def _packed(document, entries, compression=zipfile.ZIP_STORED):
    """Make a file with a right checksum, as an attacker would."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.comment = b" " * 77
        archive.writestr("skcnn.json", json.dumps(document))
        for name, entry in entries.items():
            archive.writestr(name, entry)
    return _sealed(file.getvalue())


def _sealed(content):
    digest = hashlib.sha256(content[:-77]).hexdigest()
    return content[:-77] + b"skcnn sha256 " + digest.encode()


def _keras_optimizer(schedule):
    import keras

    return keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(0.1, 100) if schedule else 0.1
    )


ESTIMATORS = {
    "lists": lambda: tiny(filters=[4], dense_units=[8]),
    "generator": lambda: tiny(random_state=np.random.RandomState(3)),
    "weights": lambda: tiny(class_weight=dict.fromkeys(range(10), 1.5)),
    "NumPy scalars": lambda: tiny(epochs=np.int64(1), learning_rate=np.float32(0.01)),
    "optimizer": lambda: tiny(optimizer=_keras_optimizer(False)),
    "schedule": lambda: tiny(optimizer=_keras_optimizer(True)),
    "float64": lambda: tiny(dtype="float64", optimizer="adam"),
    "CIFAR": lambda: tiny(
        CIFARCNNClassifier, filters=(4, 4), progressive_resizing=None
    ),
    "pipeline": lambda: make_pipeline(
        ImageReshaper(image_shape=(8, 8)),
        "passthrough",
        ImageScaler(mode="standard"),
        tiny(),
    ),
    "pipeline of other sizes": lambda: make_pipeline(
        ImageResizer((9, 7), aspect_ratio="pad", fill=3),
        ImageResizer([8, 8], color_mode="grayscale", background=(0, 0, 0)),
        ImageFlattener(),
        tiny(),
    ),
}


SLOW_TO_TRACE = {"CIFAR": pytest.mark.slow, "float64": pytest.mark.slow}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=SLOW_TO_TRACE.get(name, ())) for name in ESTIMATORS],
)
def test_round_trip(name, digits, tmp_path):
    X, y = digits[0][:N], digits[1][:N]
    estimator = ESTIMATORS[name]()
    is_pipeline = name.startswith("pipeline")
    last = estimator[-1] if is_pipeline else estimator
    if last.random_state is None:
        last.set_params(random_state=0)
    last.set_params(epochs=1 if last.epochs == "auto" else type(last.epochs)(1))
    estimator.fit(X, y)
    skcnn.save(estimator, tmp_path / "a")
    loaded = skcnn.load(tmp_path / "a")
    skcnn.save(loaded, tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    address = " at 0x[0-9a-fA-F]+"
    assert re.sub(address, "", repr(loaded)) == re.sub(address, "", repr(estimator))
    expected = estimator.predict_proba(X)
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)

    # Both go on alike: on top of the last fit, for one epoch, and from scratch.
    ends = {}
    for trained in (estimator, loaded):
        end = trained[-1] if is_pipeline else trained
        images = trained[:-1].transform(X) if is_pipeline else X
        end.set_params(warm_start=True).fit(images, y)
        end.partial_fit(images, y)
        continued = end.predict_proba(images)
        end.set_params(warm_start=False).fit(images, y)
        ends[trained] = continued, end.predict_proba(images), end.history_
    for one, other in zip(ends[estimator], ends[loaded], strict=True):
        np.testing.assert_equal(other, one)


@pytest.mark.parametrize("kind", ["object", "str", "bool", "float", "data frame"])
def test_labels_and_names_survive(kind, digits, tmp_path):
    X, y = digits[0][:N], digits[1][:N]
    if kind == "data frame":
        X = pd.DataFrame(X.reshape(N, -1)).rename(columns="p{}".format)
        y = pd.Series(y).map("№{}".format)
    else:
        y = np.array(["small", "large"], object)[(y > 4).astype(int)]
        if kind != "object":
            y = (y == "large").astype(kind)
    clf = tiny(epochs=1).fit(X, y)
    skcnn.save(clf, tmp_path / "a")
    loaded = skcnn.load(tmp_path / "a")
    assert loaded.classes_.dtype == clf.classes_.dtype
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))
    assert vars(loaded).keys() == vars(clf).keys()
    for name in ("n_features_in_", "image_shape_", "history_", "n_iter_", "loss_"):
        assert getattr(loaded, name) == getattr(clf, name)


@pytest.mark.slow
def test_names_of_150_000_columns_survive(tmp_path):
    n = 224 * 224 * 3
    names = [f"pixel{i}" for i in range(n)]
    X = pd.DataFrame(np.zeros((2, n), np.uint8), columns=names)
    skcnn.save(ImageReshaper(image_shape=(224, 224, 3)).fit(X), tmp_path / "a")
    assert (tmp_path / "a").stat().st_size > 2**21
    assert skcnn.load(tmp_path / "a").feature_names_in_.tolist() == names


@pytest.mark.parametrize("sizes", ["one size", "several sizes", "a frame"])
def test_a_resizer_keeps_what_it_knows_of_the_images_in_fit(sizes, tmp_path):
    X = [np.zeros((4, 6), np.uint16), np.ones((4, 6), np.uint16)]
    if sizes == "several sizes":
        X.append(np.ones((5, 5, 3), np.uint16))
    if sizes == "a frame":
        X = pd.DataFrame(np.zeros((2, 6), np.uint8)).rename(columns="p{}".format)
    resizer = ImageResizer((3, 2)).fit(X)
    skcnn.save(resizer, tmp_path / "a")
    loaded = skcnn.load(tmp_path / "a")
    assert loaded.get_params() == resizer.get_params()
    assert vars(loaded).keys() == vars(resizer).keys()
    np.testing.assert_equal(vars(loaded), vars(resizer))
    np.testing.assert_array_equal(loaded.transform(X), resizer.transform(X))


FORGED_RESIZERS = {
    "a size of giants": ("parameters", "size", {"tuple": [10**6, 10**6]}),
    "a size of three": ("parameters", "size", {"tuple": [4, 4, 3]}),
    "a size of text": ("parameters", "size", "32"),
    "an unknown proportion": ("parameters", "aspect_ratio", "bend"),
    "a fill that is no number": ("parameters", "fill", {"tuple": ["a"]}),
    "a fill of nothing": ("parameters", "fill", []),
    "an infinite fill": ("parameters", "fill", {"float": "inf"}),
    "no color": ("parameters", "background", "nothing"),
    "a shape of another size": ("learned", "output_shape", {"tuple": [3, 3, 1]}),
    "a shape of other colors": ("learned", "output_shape", {"tuple": [4, 4, 3]}),
    "no shape": ("learned", "output_shape", None),
    "objects": ("learned", "dtype", "object"),
    "a number of features alone": ("learned", "image_shape", None),
    "another number of features": ("learned", "n_features_in", 63),
}


@pytest.mark.parametrize("what", FORGED_RESIZERS)
def test_a_forged_resizer_is_refused(what, tmp_path):
    place, name, value = FORGED_RESIZERS[what]
    resizer = ImageResizer((4, 4), color_mode="grayscale")
    skcnn.save(resizer.fit(np.zeros((2, 8, 8), np.uint8)), tmp_path / "a")
    document, entries = _unpacked((tmp_path / "a").read_bytes())
    described = document["estimator"][place]
    if place == "parameters":
        described[name] = value
    else:
        (entry,) = [entry for entry in described["dict"] if entry[0] == name]
        entry[1] = value
    path = _file(tmp_path, _packed(document, entries))
    with pytest.raises(ValueError, match=r"model.skcnn (is|has)"):
        skcnn.load(path)


def test_a_forged_flattener_is_refused(tmp_path):
    skcnn.save(ImageFlattener().fit(np.zeros((2, 3, 4), np.uint8)), tmp_path / "a")
    content = (tmp_path / "a").read_bytes()
    loaded = skcnn.load(tmp_path / "a")
    assert loaded.inverse_transform(np.zeros((1, 12))).shape == (1, 3, 4)
    document, entries = _unpacked(content)
    text = json.dumps(document)
    assert text.count("[3, 4]") == 1
    forged = json.loads(text.replace("[3, 4]", "[4, 3]"))
    with pytest.raises(ValueError, match=r"cannot have been of shape \(4, 3\)"):
        skcnn.load(_file(tmp_path, _packed(forged, entries)))


def test_early_stopping_goes_on_from_the_best_score(digits, tmp_path):
    X, y = digits
    clf = tiny(early_stopping=True, warm_start=True).fit(X[:300], y[:300])
    skcnn.save(clf, tmp_path / "a")
    loaded = skcnn.load(tmp_path / "a")
    assert loaded.best_validation_score_ == clf.best_validation_score_
    clf.fit(X[:300], y[:300])
    loaded.fit(X[:300], y[:300])
    assert loaded.history_ == clf.history_
    np.testing.assert_array_equal(loaded.predict_proba(X), clf.predict_proba(X))


@pytest.mark.slow
def test_parameters_set_since_fit_survive_and_change_nothing(digits, tmp_path):
    X, y = digits[0][:N], digits[1][:N]
    clf = tiny(epochs=1).fit(X, y)
    expected = clf.predict_proba(X)
    clf.set_params(filters=(8, 8), optimizer="sgd", dropout=0.5)
    skcnn.save(clf, tmp_path / "a")
    loaded = skcnn.load(tmp_path / "a")
    np.testing.assert_array_equal(loaded.predict_proba(X), expected)
    assert loaded.model_.get_layer("convolution_1_1").filters == 4
    assert loaded.fit(X, y).model_.get_layer("convolution_1_1").filters == 8


@pytest.mark.slow
def test_another_process_predicts_and_trains_the_same(clf, content, digits, tmp_path):
    X, y = digits[0][:N], digits[1][:N]
    (tmp_path / "a").write_bytes(content)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    code = """
import sys, numpy as np, skcnn
data = np.load("data.npz")
loaded = skcnn.load("a")
before = loaded.predict_proba(data["X"])
after = loaded.partial_fit(data["X"], data["y"]).predict_proba(data["X"])
np.savez("probabilities.npz", before=before, after=after)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    probabilities = np.load(tmp_path / "probabilities.npz")
    np.testing.assert_array_equal(probabilities["before"], clf.predict_proba(X))
    continued = skcnn.load(tmp_path / "a").partial_fit(X, y)
    np.testing.assert_array_equal(probabilities["after"], continued.predict_proba(X))


@pytest.mark.slow
def test_a_file_of_before_pixels_were_remembered_loads(clf, digits, tmp_path):
    encode = Encoder()
    learned = clf._learned() | {"integer_maximum": np.uint8(16)}
    for name in ("auto_params", "fingerprints", "hold_out_seed", "seen_pixels"):
        del learned[name]
    described = {
        "class": "MNISTCNNClassifier",
        "parameters": {name: encode(value) for name, value in clf.get_params().items()},
        "learned": encode(learned),
    }
    write_archive(tmp_path / "old", {"estimator": described}, encode)
    old = skcnn.load(tmp_path / "old")
    X, y = digits[0][:N], digits[1][:N]
    np.testing.assert_array_equal(old.predict_proba(X), clf.predict_proba(X))
    old.partial_fit(X, y)


def test_numpy_opens_the_file(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with np.load(tmp_path / "a") as arrays:
        assert sum(arrays[name].size for name in arrays if name.isdigit()) > 100


def test_unfitted_is_refused(tmp_path):
    with pytest.raises(NotFittedError, match="MNISTCNNClassifier"):
        skcnn.save(MNISTCNNClassifier(), tmp_path / "a")
    with pytest.raises(NotFittedError):
        skcnn.save(make_pipeline(ImageScaler(), MNISTCNNClassifier()), tmp_path / "a")
    assert not any(tmp_path.iterdir())


class OfAUser(MNISTCNNClassifier):
    """Which `load` could not know."""


def test_other_estimators_are_refused(clf, digits, tmp_path):
    search = GridSearchCV(clf, {"epochs": [1]})
    mixed = make_pipeline(ImageScaler(), LogisticRegression())
    for estimator in (search, mixed.fit(digits[0][:N].reshape(N, -1), digits[1][:N])):
        with pytest.raises(TypeError, match="best_estimator_ of a search"):
            skcnn.save(estimator, tmp_path / "a")
    with pytest.raises(TypeError, match=r"test_saving.OfAUser"):
        skcnn.save(OfAUser(), tmp_path / "a")
    assert not any(tmp_path.iterdir())


def test_foreign_optimizer_is_refused_and_the_old_file_stays(digits, tmp_path):
    import keras

    class Mine(keras.optimizers.SGD):
        pass

    X, y = digits[0][:N], digits[1][:N]
    clf = tiny(epochs=1, optimizer=Mine()).fit(X, y)
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(TypeError, match=r"Mine.*only pickle could write"):
        skcnn.save(clf, tmp_path / "a")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


def test_callbacks_and_memory_are_left_out_with_a_warning(digits, tmp_path):
    import keras

    X, y = digits[0][:N], digits[1][:N]
    callbacks = [keras.callbacks.TerminateOnNaN()]
    clf = tiny(epochs=1, callbacks=callbacks).fit(X, y)
    pipeline = make_pipeline(clf, memory=str(tmp_path / "cache"))
    with pytest.warns(UserWarning, match="callbacks and memory|memory and callbacks"):
        skcnn.save(pipeline, tmp_path / "a")
    loaded = skcnn.load(tmp_path / "a")
    assert loaded.memory is None and loaded[-1].callbacks is None
    assert clf.callbacks is callbacks
    np.testing.assert_array_equal(loaded.predict(X), clf.predict(X))


def test_scikit_learn_callbacks_stay_behind(clf, content, tmp_path):
    from sklearn.callback import ProgressBar

    class Holder(ProgressBar):
        def __reduce__(self):
            raise AssertionError("was pickled")

    with_bar = skcnn.load(_file(tmp_path, content)).set_callbacks(Holder())
    skcnn.save(with_bar, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == content


def test_a_link_is_followed(clf, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    skcnn.save(clf, tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").is_file()


def test_a_missing_folder_is_an_error(clf, tmp_path):
    with pytest.raises(FileNotFoundError):
        skcnn.save(clf, tmp_path / "nowhere" / "a")


def test_a_full_disk_leaves_the_old_file(clf, content, tmp_path, monkeypatch):
    path = _file(tmp_path, content)

    def no_space(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        skcnn.save(clf, path)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a forked process")
def test_a_kill_leaves_a_whole_file(clf, content, tmp_path):
    path = _file(tmp_path, content)
    other = skcnn.load(path)
    other.set_params(epochs=77)
    start = time.perf_counter()
    for _ in range(4):
        skcnn.save(clf, path)
    seconds = (time.perf_counter() - start) / 4  # of one save on a machine that is busy
    waits = random.Random(0)
    seen = set()
    for _ in range(30):
        child = os.fork()
        if child == 0:
            while True:
                skcnn.save(other, path)
                skcnn.save(clf, path)
        time.sleep(seconds * waits.uniform(0.5, 6))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        seen.add(skcnn.load(path).epochs)
    assert seen == {1, 77}


@pytest.mark.parametrize(
    "foreign", [b"", b"PK", b"text" * 99, pickle.dumps({}), b"PK\x05\x06" + bytes(18)]
)
def test_foreign_files_are_refused(foreign, tmp_path):
    path = _file(tmp_path, foreign)
    with pytest.raises(ValueError, match=r"model.skcnn is not a file written by skcnn"):
        skcnn.load(path)


def test_other_archives_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", np.zeros(99))
    with pytest.raises(ValueError, match=r"a.npz is not a file written by skcnn"):
        skcnn.load(tmp_path / "a.npz")


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match="/dev/zero is not a file"):
        skcnn.load("/dev/zero")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is not a file"):
        skcnn.load(tmp_path / "pipe")
    with pytest.raises(OSError):
        skcnn.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        skcnn.load(tmp_path / "nothing")


def test_a_thousand_corruptions_are_refused(content, tmp_path):
    draw = random.Random(0)
    for _ in range(1000):
        damaged = bytearray(content)
        at = draw.randrange(len(content))
        kind = draw.choice(["flip", "cut", "insert", "zero", "append", "swap"])
        if kind == "flip":
            damaged[at] ^= 1 << draw.randrange(8)
        elif kind == "cut":
            del damaged[at:]
        elif kind == "insert":
            damaged.insert(at, draw.randrange(256))
        elif kind == "zero":
            damaged[at : at + 64] = bytes(len(damaged[at : at + 64]))
        elif kind == "append":
            damaged += draw.randbytes(draw.randrange(1, 99))
        else:
            damaged = damaged[at:] + damaged[:at]
        if damaged == content:  # zeros where zeros were
            continue
        path = _file(tmp_path, damaged)
        with pytest.raises(ValueError, match=r"model.skcnn is"):
            skcnn.load(path)


def test_damage_below_a_right_checksum_is_refused_or_harmless(content, tmp_path):
    draw = random.Random(1)
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(draw.choice([1, 20])):
            damaged[draw.randrange(4, len(content) - 77)] = draw.randrange(256)
        path = _file(tmp_path, _sealed(bytes(damaged)))
        try:
            skcnn.load(path)
            outcomes.add("loaded")
        except ValueError as error:
            assert "right checksum" in str(error) or "format" in str(error)
            outcomes.add("refused")
    assert "refused" in outcomes


NONSENSE = (
    *(None, True, -1, 0, 1e300, 10**30, "", "x" * 99, [], {}, [[]], {"a": 1}),
    *({"tuple": []}, {"dict": [[1]]}, {"array": 0}, {"array": 999}, {"scalar": 1}),
    *({"float": "nan"}, {"optimizer": {"dict": []}}, {"random_state": 1}),
)


@pytest.mark.slow
def test_nonsense_in_any_place_is_refused_or_harmless(content, tmp_path):
    document, entries = _unpacked(content)
    draw = random.Random(2)
    places = [place for place in _places(document) if place[0] != "versions"]
    n_refused = 0
    for _ in range(300):
        changed = json.loads(json.dumps(document))
        *way, last = draw.choice(places)
        inner = changed
        for step in way:
            inner = inner[step]
        inner[last] = draw.choice(NONSENSE)
        path = _file(tmp_path, _packed(changed, entries))
        try:
            skcnn.load(path)
        except ValueError as error:
            assert str(path) in str(error)
            n_refused += 1
    assert n_refused > 200


def _places(value, way=()):
    items = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, inner in items:
        yield (*way, key)
        yield from _places(inner, (*way, key))


def test_a_network_larger_than_its_weights_is_never_built(content, tmp_path):
    document, entries = _unpacked(content)
    for name, value in (
        ("dense_units", {"tuple": [10**12]}),
        ("filters", {"tuple": [10**12]}),
        ("filters", {"tuple": [4] * 10**5}),
        ("convolutions", 10**12),
        ("kernel_size", {"tuple": [10**12]}),
    ):
        changed = json.loads(json.dumps(document))
        parameters = changed["estimator"]["learned"]["dict"]
        learned = dict(parameters)["parameters"]["dict"]
        next(pair for pair in learned if pair[0] == name)[1] = value
        path = _file(tmp_path, _packed(changed, entries))
        with pytest.raises(ValueError, match="right checksum"):
            skcnn.load(path)


@pytest.mark.slow
def test_a_network_for_giant_images_is_never_built(digits, tmp_path):
    path = tmp_path / "model.skcnn"
    clf = tiny(global_pooling=True, dense_units=(), epochs=1)
    skcnn.save(clf.fit(digits[0][:N], digits[1][:N]), path)
    for side, refused in ((4000, False), (20_000, True), (10**6, True)):
        document, entries = _unpacked(path.read_bytes())
        for name, value in (
            ("image_shape", {"tuple": [side, side, 1]}),
            ("n_features_in", side * side),
        ):
            inner, key = _place(document, (*LEARNED, name))
            inner[key] = value
        forged = _file(tmp_path / str(side), _packed(document, entries))
        if refused:
            with pytest.raises(ValueError, match="more than 1 GB an image"):
                skcnn.load(forged)
        else:
            assert skcnn.load(forged).image_shape_ == (side, side, 1)


class Bomb:
    """What would leave a file behind, were it ever unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def test_a_pickle_inside_is_not_run(content, tmp_path):
    document, entries = _unpacked(content)
    crater = tmp_path / "crater"
    array = np.empty(1, object)
    array[0] = Bomb(crater)
    bomb = io.BytesIO()
    np.lib.format.write_array(bomb, array, allow_pickle=True)
    for name in entries:
        path = _file(tmp_path, _packed(document, {**entries, name: bomb.getvalue()}))
        with pytest.raises(ValueError, match="array of dtype object"):
            skcnn.load(path)
    assert not crater.exists()
    np.load(io.BytesIO(bomb.getvalue()), allow_pickle=True)
    assert crater.exists()  # it would have


def test_a_giant_array_is_not_reserved(content, tmp_path):
    document, entries = _unpacked(content)
    giant = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        giant, {"shape": (10**15,), "fortran_order": False, "descr": "<f4"}
    )
    path = _file(tmp_path, _packed(document, {**entries, "0.npy": giant.getvalue()}))
    with pytest.raises(ValueError, match="but holds 0"):
        skcnn.load(path)


def test_a_compressed_archive_is_not_unpacked(content, tmp_path):
    document, entries = _unpacked(content)
    bomb = _packed(document, {**entries, "0.npy": bytes(10**8)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 10**6
    path = _file(tmp_path, bomb)
    with pytest.raises(ValueError, match="compressed or encrypted"):
        skcnn.load(path)


def test_names_that_lead_out_of_the_folder_are_refused(content, tmp_path):
    document, entries = _unpacked(content)
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("../out", str(tmp_path / "out"), "..\\out", "surplus.npy"):
        for packed in ({name: b""} | entries, entries | {name: b""}):
            path = _file(folder, _packed(document, packed))
            with pytest.raises(ValueError, match=r"right checksum.*There is an entry"):
                skcnn.load(path)
    assert list(tmp_path.iterdir()) == [folder]
    assert [path.name for path in folder.iterdir()] == ["model.skcnn"]


def test_deep_nesting_is_refused(tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = b" " * 77
        archive.writestr("skcnn.json", "[" * 10**6)
    path = _file(tmp_path, _sealed(file.getvalue()))
    with pytest.raises(ValueError, match="right checksum"):
        skcnn.load(path)


def _schedule(module, class_name):
    schedule = {"dict": [["module", module], ["class_name", class_name]]}
    schedule["dict"].append(["config", {"dict": [["config", "Lambda"]]}])
    config = {"dict": [["learning_rate", schedule]]}
    return {"optimizer": {"dict": [["class_name", "SGD"], ["config", config]]}}


@pytest.mark.parametrize(
    "place, value",
    [
        (("class",), "GridSearchCV"),
        (("class",), "__import__"),
        (("parameters", "callbacks"), []),
        (("parameters", "random_state"), {"code": "import os"}),
        (("parameters", "surplus"), 1),
        (("parameters", "filters"), "many"),
        (("parameters", "optimizer"), {"optimizer": {"dict": []}}),
        (
            ("parameters", "optimizer"),
            _schedule("keras.optimizers.schedules", "deserialize"),
        ),
        (("parameters", "optimizer"), _schedule("os", "CosineDecay")),
    ],
)
def test_hostile_documents_are_refused(place, value, content, tmp_path):
    document, entries = _unpacked(content)
    inner = document["estimator"]
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    path = _file(tmp_path, _packed(document, entries))
    with pytest.raises(ValueError, match="right checksum"):
        skcnn.load(path)


def test_a_pipeline_cannot_bring_a_cache(clf, tmp_path):
    path = tmp_path / "model.skcnn"
    skcnn.save(make_pipeline(clf), path)
    document, entries = _unpacked(path.read_bytes())
    document["estimator"]["parameters"]["memory"] = str(tmp_path / "cache")
    with pytest.raises(ValueError, match="parameter memory is set"):
        skcnn.load(_file(tmp_path, _packed(document, entries)))


def test_a_later_format_is_refused(content, tmp_path):
    document, entries = _unpacked(content)
    document["format"] = 2
    document["versions"]["skcnn"] = "9.1"
    path = _file(tmp_path, _packed(document, entries))
    with pytest.raises(
        ValueError, match=r"format 2, written by skcnn '9.1'.*newer skcnn"
    ):
        skcnn.load(path)


def _file(folder, content):
    folder.mkdir(exist_ok=True)
    path = folder / "model.skcnn"
    path.write_bytes(content)
    return path


def _place(document, way):
    """Return the list or dict, and the key in it, that a way of names leads to.

    Dicts are pairs in a list in the file, below a key that says so.
    """
    for i, step in enumerate(way):
        while isinstance(document, dict) and set(document) <= {"dict", "random_state"}:
            (document,) = document.values()
        if isinstance(document, list):
            document = next(pair for pair in document if pair[0] == step)
            step = 1
        if i == len(way) - 1:
            return document, step
        document = document[step]


def _muon(**config):
    import keras

    config = {**keras.optimizers.Muon().get_config(), **config}
    pairs = [[name, value] for name, value in config.items()]
    return {
        "optimizer": {"dict": [["class_name", "Muon"], ["config", {"dict": pairs}]]}
    }


LEARNED = ("estimator", "learned")
OPTIMIZER = (*LEARNED, "parameters", "optimizer")
POSITION = (*LEARNED, "random_state", "state", "pos")

FORGED = {
    "a generator that reads beyond its key": (POSITION, lambda: 2**30),
    "a generator that reads before its key": (POSITION, lambda: -(2**29)),
    "a generator that reads a little beyond": (POSITION, lambda: 700),
    "a generator of another kind": (
        (*LEARNED, "random_state", "bit_generator"),
        lambda: "PCG64",
    ),
    "a regular expression for Keras": (
        OPTIMIZER,
        lambda: _muon(exclude_layers=["(.|.|.|.|[a-z_/])*!"]),
    ),
    "an unrolled loop for Keras": (OPTIMIZER, lambda: _muon(ns_steps=10**9)),
    "classes that are a list": ((*LEARNED, "classes"), lambda: [0, 1]),
    "a history of strings": (
        (*LEARNED, "history"),
        lambda: {"dict": [["loss", ["a", "b"]]]},
    ),
    "a history of unequal lengths": (
        (*LEARNED, "history"),
        lambda: {"dict": [["loss", [1.0]], ["accuracy", []]]},
    ),
    "images without pixels": (
        (*LEARNED, "image_shape"),
        lambda: {"tuple": [0, 8, 1]},
    ),
    "auto for what is no parameter": (
        (*LEARNED, "auto_params"),
        lambda: {"dict": [["classes_", 1]]},
    ),
    "auto for an impossible value": (
        (*LEARNED, "auto_params"),
        lambda: {"dict": [["epochs", -1]]},
    ),
    "a message of megabytes": (("estimator", "class"), lambda: "x" * 10**6),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_value_is_refused(name, content, tmp_path):
    document, entries = _unpacked(content)
    way, value = FORGED[name]
    inner, key = _place(document, way)
    inner[key] = value()
    path = _file(tmp_path, _packed(document, entries))
    with pytest.raises(ValueError, match="right checksum") as caught:
        skcnn.load(path)
    assert len(str(caught.value)) < 800


def _npy(header, values=b""):
    text = f"{header}\n".encode()
    return b"\x93NUMPY\x01\0" + len(text).to_bytes(2, "little") + text + values


def _one_array_many_times(document, entries):
    entries[f"{len(entries)}.npy"] = _npy(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000,), }", bytes(10**6)
    )
    again = [{"array": len(entries) - 1}] * 5000
    document["estimator"]["parameters"]["filters"] = again


def _values_of_no_width(document, entries):
    inner, key = _place(document, (*LEARNED, "classes"))
    entries[f"{inner[key]['array']}.npy"] = _npy(
        "{'descr': '|S0', 'fortran_order': False, 'shape': (3000000000,), }"
    )


def _ten_million_lists(document, entries):
    document["estimator"]["parameters"]["filters"] = [[]] * 10**7


def _a_long_string(document, entries):
    document["estimator"]["parameters"]["filters"] = "x" * (3 * 10**7)


def _two_hundred_pipelines(document, entries):
    for _ in range(200):
        document["estimator"] = {
            "class": "Pipeline",
            "parameters": {"memory": None, "transform_input": None, "verbose": False},
            "steps": [["a", document["estimator"]]],
        }


def _a_hundred_thousand_entries(document, entries):
    entries.update({f"{i}.npy": b"" for i in range(len(entries), 10**5)})


def _a_header_for_the_parser(document, entries):
    entries["0.npy"] = _npy("-" * 9000 + "1")


LARGE = (
    _one_array_many_times,
    _values_of_no_width,
    _ten_million_lists,
    _a_long_string,
    _two_hundred_pipelines,
    _a_hundred_thousand_entries,
    _a_header_for_the_parser,
)

MEASURE = """
import resource, sys, time
import skcnn
skcnn.load("good")
for path in sys.argv[1:]:
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    try:
        skcnn.load(path)
        outcome = "loaded"
    except ValueError as error:
        outcome = f"ValueError of {len(str(error))} characters"
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(path, taken / 1024, time.monotonic() - start, outcome, sep="|")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts the memory as Linux does")
def test_no_file_takes_much_more_memory_than_it_has(content, tmp_path):
    (tmp_path / "good").write_bytes(content)
    sizes = {}
    for forge in LARGE:
        document, entries = _unpacked(content)
        forge(document, entries)
        packed = _packed(document, entries)
        sizes[forge.__name__] = len(packed) / 2**20
        (tmp_path / forge.__name__).write_bytes(packed)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *sizes],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split("|") for line in done.stdout.splitlines()]
    assert [name for name, *_ in lines] == list(sizes)
    for name, megabytes, seconds, outcome in lines:
        assert float(megabytes) <= 4 * sizes[name] + 100, (name, megabytes)
        assert float(seconds) < 10 + sizes[name], (name, seconds)
        assert outcome.startswith("ValueError of"), (name, outcome)
        assert int(outcome.split()[2]) < 800
