"""Data as people have them, given to the command line: what arrives at the network.

No network is trained: in its place stands a recorder.
"""

import bz2
import csv
import gzip
import json
import lzma
import re
import zipfile
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skcnn._cli import _evaluate, _predict, _train, main

pytest.importorskip("PIL")

N, SIDE = 24, 6


class Recorder:
    """In place of a classifier: keeps what it is given and knows each image again."""

    verbose = 0
    n_iter_ = 1
    auto_params_: ClassVar[dict] = {}
    keras_classifier_ = SimpleNamespace(state_=SimpleNamespace(interrupted=False))
    _fingerprints = None

    def __init__(self):
        self.fitted, self.validation, self.predicted = None, {}, []

    def fit(self, X, y, **validation):
        self.fitted, self.validation = (X, y), validation
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        self.predicted.append(X)
        return np.resize(self.classes_, len(X))

    def predict_proba(self, X):
        self.predicted.append(X)
        return np.eye(10)[np.asarray(X).reshape(len(X), -1).argmax(axis=1) % 10]

    def get_params(self):
        return {}


class RecorderModel:
    """In place of a saved model that was trained on images or on a table."""

    image_shape = (SIDE, SIDE, 1)
    interval = None
    transformers = ()

    def __init__(self, feature_names=None):
        self.classifier = Recorder()
        self.classes = self.classifier.classes_ = np.arange(10)
        self.feature_names = feature_names

    def transform(self, X):
        return X

    def reading(self, background):
        return {"image_shape": self.image_shape, "background": background or "white"}

    def scaled(self, images):
        return images

    def predict_proba(self, X):
        return self.classifier.predict_proba(X)


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module", autouse=True)
def no_keras(monkeypatch_module):
    for module in (_train, _predict, _evaluate):
        monkeypatch_module.setattr(module, "start_keras", lambda: None)


@pytest.fixture
def train(monkeypatch, capsys, tmp_path):
    """Return a function that runs ``skcnn train`` with a recorder."""

    def run(*args):
        recorder = Recorder()
        made = []

        def make(kind, preset, parameters):
            made.append(kind.__name__)
            return recorder

        monkeypatch.setattr("skcnn._cli._parameters.make_estimator", make)
        code = main(["train", "--no-save", *map(str, args)])
        printed = capsys.readouterr()
        recorder.kind = made[-1] if made else None
        recorder.err, recorder.out = printed.err, printed.out
        return code, recorder

    return run


@pytest.fixture
def predict(monkeypatch, capsys):
    """Return a function that runs ``skcnn predict`` with a recorder."""

    def run(*args, names=None):
        model = RecorderModel(names)
        monkeypatch.setattr(_predict, "Model", lambda path: model)
        code = main(["predict", __file__, *map(str, args)])
        printed = capsys.readouterr()
        recorder = model.classifier
        recorder.err, recorder.out = printed.err, printed.out
        return code, recorder

    return run


@pytest.fixture
def evaluate(monkeypatch, capsys):
    """Return a function that runs ``skcnn evaluate`` with a recorder."""

    def run(*args, names=None):
        model = RecorderModel(names)
        monkeypatch.setattr(_evaluate, "Model", lambda path: model)
        code = main(["evaluate", __file__, *map(str, args)])
        printed = capsys.readouterr()
        recorder = model.classifier
        recorder.err, recorder.out = printed.err, printed.out
        return code, recorder

    return run


def make_images(n=N, seed=0):
    """Return different images in which the brightest pixel tells the label."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 200, (n, SIDE, SIDE), dtype=np.uint8)
    y = np.arange(n) % 3
    X.reshape(n, -1)[np.arange(n), y] = 255
    return X, y


X, Y = make_images()
ROWS = X.reshape(N, -1)
NAMES = [f"p{i}" for i in range(SIDE * SIDE)]


def pairs(X, y):
    """Return images and labels as a set that does not depend on their order."""
    X = np.asarray(X).reshape(len(X), -1)
    return sorted(zip(map(bytes, X.astype(np.uint8)), map(str, y), strict=True))


def trained_on(recorder):
    """Return all images that a run of train gave to fit or to the report."""
    X, y = recorder.fitted
    found = [np.asarray(X).reshape(len(X), -1)]
    found += [np.asarray(X).reshape(len(X), -1) for X in recorder.predicted]
    return np.concatenate(found), y


def one_line(err):
    lines = [line for line in err.splitlines() if line.startswith("Error: ")]
    return lines[-1] if lines and lines[-1] == err.splitlines()[-1] else None


def write_table(path, columns, rows, *, separator=",", header=True, encoding="utf-8"):
    lines = [separator.join(columns)] if header else []
    lines += [separator.join(map(str, row)) for row in rows]
    content = ("\n".join(lines) + "\n").encode(encoding)
    suffix = path.suffix
    if suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(path.stem, content)
        return
    compress = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
    path.write_bytes(compress.get(suffix, bytes)(content))


tables = st.fixed_dictionaries(
    {
        "separator": st.sampled_from([",", ";", "\t", "|"]),
        "ending": st.sampled_from(["csv", "tsv", "csv.gz", "csv.bz2", "csv.xz"]),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
        "label_first": st.booleans(),
        "label": st.sampled_from(["label", "Label", "class", "target", "species"]),
        "id": st.sampled_from([None, "", "id", "Unnamed: 0", "ImageId"]),
        "names": st.sampled_from(["cat", "1", "7.0"]),
        "invert": st.booleans(),
    }
)


@pytest.mark.slow
@given(layout=tables)
def test_a_table_in_any_layout_is_trained_on_as_it_is(layout, train, tmp_path):
    y = [f"{label}-{layout['names']}" for label in Y]
    if layout["names"] != "cat":
        y = Y.tolist()
    columns, rows = list(NAMES), [list(row) for row in ROWS]
    place = 0 if layout["label_first"] else len(columns)
    columns.insert(place, layout["label"])
    for row, label in zip(rows, y, strict=True):
        row.insert(place, label)
    if layout["id"] is not None:
        columns.insert(0, layout["id"])
        for i, row in enumerate(rows):
            row.insert(0, i * 3 + 1)
    path = tmp_path / f"t.{layout['ending']}"
    options = {"separator": layout["separator"], "encoding": layout["encoding"]}
    write_table(path, columns, rows, **options)
    args = ["--label", layout["label"]] if layout["label"] == "species" else []
    args += ["--invert"] if layout["invert"] else []
    code, recorder = train(path, "--test-size", "0", *args)
    assert code == 0, recorder.err
    X, labels = recorder.fitted
    assert list(X.columns) == NAMES
    expected = 255 - ROWS if layout["invert"] else ROWS
    np.testing.assert_array_equal(X.to_numpy(), expected)
    assert [str(label) for label in labels] == [str(label) for label in y]


@pytest.mark.parametrize(
    "names",
    [
        ("X", "y"),
        ("x", "Y"),
        ("images", "labels"),
        ("data", "target"),
        ("arr_0", "arr_1"),
        ("pictures of digits", "what they show"),
    ],
)
@pytest.mark.parametrize("form", [(N, -1), (N, SIDE, SIDE), (N, SIDE, SIDE, 1)])
@pytest.mark.parametrize("column", [False, True])
def test_an_npz_file_of_any_names_is_trained_on(names, form, column, train, tmp_path):
    path = tmp_path / "a.npz"
    y = Y[:, None] if column else Y
    np.savez(path, **{names[0]: X.reshape(form), names[1]: y})
    args = ["--x", names[0], "--y", names[1]] if " " in names[0] else []
    code, recorder = train(path, *args)
    assert code == 0, recorder.err
    X_train, y_train = recorder.fitted
    (X_test,) = recorder.predicted
    assert (len(X_train), len(X_test)) == (19, 5)
    assert pairs(trained_on(recorder)[0], [""] * N) == pairs(X, [""] * N)
    for image, label in zip(np.asarray(X_train), y_train, strict=True):
        assert image.reshape(-1).argmax() == label


def test_labels_that_are_missing_in_a_part_leave_it_out(train, tmp_path):
    path = tmp_path / "competition.npz"
    np.savez(path, x_train=X, y_train=Y, x_test=X + 1)
    code, recorder = train(path)
    assert code == 0
    assert "test part of " in recorder.err and "has no labels" in recorder.err
    assert pairs(trained_on(recorder)[0], [""] * N) == pairs(X, [""] * N)
    assert "19 images to train on and 5 to test on" in recorder.err


def test_a_validation_part_is_for_validation(train, tmp_path):
    path = tmp_path / "med.npz"
    arrays = {}
    for i, part in enumerate(("train", "val", "test")):
        arrays[f"{part}_images"], labels = make_images(seed=i)
        arrays[f"{part}_labels"] = labels[:, None]
    np.savez(path, **arrays)
    code, recorder = train(path)
    assert code == 0
    np.testing.assert_array_equal(recorder.fitted[0], arrays["train_images"])
    np.testing.assert_array_equal(recorder.validation["X_val"], arrays["val_images"])
    np.testing.assert_array_equal(recorder.predicted[0], arrays["test_images"])
    assert "24 for validation and 24 to test on" in recorder.err
    del arrays["test_images"], arrays["test_labels"]
    np.savez(path, **arrays)
    code, recorder = train(path)
    assert recorder.validation == {}
    np.testing.assert_array_equal(recorder.predicted[0], arrays["val_images"])
    assert train(path, "--test-size", "0.5")[0] == 2


def save_images(folder, images, names, mode="L"):
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for image, name in zip(images, names, strict=True):
        picture = Image.fromarray(image).convert(mode)
        picture.save(folder / name)


def save_classes(folder, images, labels, mode="L"):
    for label in np.unique(labels):
        chosen = images[labels == label]
        names = [f"{i}.png" for i in range(len(chosen))]
        save_images(folder / f"class{label}", chosen, names, mode)


# Eight patients, each with an image of each class: a class is in eight groups.
PATIENTS = np.arange(N) // 3 + 1


def save_grouped(form, tmp_path, groups, y=Y):
    """Save the images in one form, and return the arguments that name the groups."""
    names = [f"{i}-of-{group}.png" for i, group in enumerate(groups)]
    if form == "folder":
        for label in np.unique(y):
            of_class = np.flatnonzero(y == label)
            chosen = [f"patient{groups[i]}_{i}.png" for i in of_class]
            save_images(tmp_path / "scans" / f"class{label}", X[of_class], chosen)
        return tmp_path / "scans", "--group", "patient([0-9a-z]+)_"
    if form == "image table":
        save_images(tmp_path / "images", X, names)
        rows = zip(groups, names, y, strict=True)
        write_table(tmp_path / "t.csv", ["patient", "file", "label"], rows)
        options = ("--images", tmp_path / "images")
        return tmp_path / "t.csv", *options, "--group", "patient"
    if form == "npz":
        np.savez(tmp_path / "a.npz", X=X, y=y, who=groups)
        return tmp_path / "a.npz", "--group", "who"
    header = form == "table"
    rows = [[y[i], *ROWS[i], groups[i]] for i in range(N)]
    write_table(tmp_path / "t.csv", ["label", *NAMES, "patient"], rows, header=header)
    options = () if header else ("--no-header", "--label", "0")
    return tmp_path / "t.csv", *options, "--group", "patient" if header else "-1"


GROUPED = ("folder", "image table", "npz", "table", "table without header")


@pytest.mark.parametrize("form", GROUPED)
@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_groups_are_not_divided(form, as_text, seed, train, tmp_path):
    groups = [f"a{p}" for p in PATIENTS] if as_text else PATIENTS
    code, recorder = train(*save_grouped(form, tmp_path, groups), "--seed", seed)
    assert code == 0, recorder.err
    X_train = np.asarray(recorder.fitted[0]).reshape(-1, SIDE * SIDE)
    X_test = np.asarray(recorder.predicted[0]).reshape(-1, SIDE * SIDE)
    group_of = dict(zip(map(bytes, ROWS), map(str, groups), strict=True))
    train_groups = [group_of[bytes(row)] for row in X_train.astype(np.uint8)]
    test_groups = {group_of[bytes(row)] for row in X_test.astype(np.uint8)}
    # A fifth of eight groups of three images.
    assert len(test_groups) == 2 and len(X_test) == 6
    assert not test_groups & set(train_groups)
    # `fit` holds out complete groups, too.
    assert [str(group) for group in recorder.validation["groups"]] == train_groups
    assert "Groups: 6 to train on and 2 to test on: " in recorder.err


def test_groups_may_be_found_in_the_names_of_classes_and_files(train, tmp_path):
    data, *_ = save_grouped("folder", tmp_path, PATIENTS)
    # The first image of a class is not the first image of another one.
    code, recorder = train(data, "--group", "(class.)/patient([0-9])")
    assert code == 0, recorder.err
    assert {"class0/1", "class1/1"} <= set(recorder.validation["groups"])
    assert recorder.err.count("Groups: 18 to train on and 6 to test on") == 1


def test_groups_in_two_parts_are_announced(train, tmp_path):
    for part, first in (("train", 1), ("test", 8)):
        for label in range(3):
            names = [f"p{i + first}.png" for i in range(8)]
            folder = tmp_path / "scans" / part / f"class{label}"
            save_images(folder, X[label == Y], names)
    code, recorder = train(tmp_path / "scans", "--group", "p[0-9]+")
    assert code == 0, recorder.err
    assert "images of 1 group in both the train part and the test part (p8)" in (
        recorder.err
    )
    assert "Groups: 8 to train on and 8 to test on" in recorder.err


def test_validation_images_of_the_users_own_need_no_groups(train, tmp_path):
    path = tmp_path / "a.npz"
    arrays = {"x_train": X, "y_train": Y, "x_val": X, "y_val": Y}
    np.savez(path, **arrays, x_test=X, y_test=Y, who=PATIENTS, pixels_of_who=X)
    code, recorder = train(path, "--group", "pixels_of_who")
    assert code == 1
    assert "but the group of each of 24 images was expected" in one_line(recorder.err)
    code, recorder = train(path, "--group", "who")
    assert code == 0, recorder.err
    assert recorder.validation.keys() == {"X_val", "y_val"}


@pytest.mark.parametrize("form", GROUPED)
def test_classes_in_one_group_are_refused(form, train, tmp_path):
    arguments = save_grouped(form, tmp_path, np.where(Y == 2, 99, PATIENTS))
    code, recorder = train(*arguments)
    assert code == 1
    line = one_line(recorder.err)
    name = "class2" if form == "folder" else "2"
    assert f"has all images of {name} in 1 group, 99, but the images to test on" in line
    # Nothing is held out.
    code, recorder = train(*arguments, "--test-size", "0")
    assert code == 0, recorder.err
    assert len(recorder.validation["groups"]) == N


@pytest.mark.parametrize("missing", ["", " ", "nan", "?"])
@pytest.mark.parametrize("form", ["table", "image table"])
def test_an_image_without_a_group_is_refused(form, missing, train, tmp_path):
    arguments = save_grouped(form, tmp_path, [*PATIENTS[:-1].tolist(), missing])
    code, recorder = train(*arguments)
    assert code == 1
    assert f"line {N + 1} " in one_line(recorder.err)


@pytest.mark.parametrize(
    "pattern, said",
    [
        ("patient([0-9", "a regular expression was expected, and this is none"),
        ("case[0-9]+", "finds nothing in the paths of 24 of 24 image files"),
        ("patient1", "finds nothing in the paths of 21 of 24 image files"),
        ("patient", "has all images in 1 group, patient, but"),
    ],
)
def test_expressions_that_find_no_groups_are_refused(pattern, said, train, tmp_path):
    data, *_ = save_grouped("folder", tmp_path, PATIENTS)
    code, recorder = train(data, "--group", pattern)
    assert code > 0
    assert said in one_line(recorder.err)


@pytest.mark.parametrize(
    "group, said",
    [
        ("doctor", "has no column 'doctor'; it has"),
        ("label", "labels in the column 'label', which cannot be the groups too"),
    ],
)
@pytest.mark.parametrize("form", ["table", "image table"])
def test_columns_that_hold_no_groups_are_refused(form, group, said, train, tmp_path):
    *arguments, _ = save_grouped(form, tmp_path, PATIENTS)
    code, recorder = train(*arguments, group)
    assert code == 1
    line = one_line(recorder.err)
    assert said in line and "group=" not in line


def test_groups_are_of_no_use_for_some_data(train, predict, tmp_path):
    code, recorder = train("digits", "--group", "patient")
    assert code == 2
    said = "Got --group, which is about CSV files, npz files and folders, but digits"
    assert said in one_line(recorder.err)
    save_images(tmp_path / "photos", X, [f"{i}.png" for i in range(N)])
    code, recorder = predict(tmp_path / "photos", "--group", "x")
    assert code == 2
    assert "Got --group, which is about columns of CSV files" in one_line(recorder.err)


@pytest.mark.parametrize("form", ["table", "table without header"])
def test_a_column_of_groups_is_never_a_pixel(form, predict, evaluate, tmp_path):
    arguments = save_grouped(form, tmp_path, PATIENTS)
    for run in (predict, evaluate):
        code, recorder = run(*arguments, names=NAMES)
        assert code == 0, recorder.err
        np.testing.assert_array_equal(np.asarray(recorder.predicted[0]), ROWS)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_a_folder_of_classes_is_trained_on(mode, train, tmp_path):
    save_classes(tmp_path / "pets", X, Y, mode)
    (tmp_path / "pets" / "Thumbs.db").write_bytes(b"0")
    (tmp_path / "pets" / "class0" / "Thumbs.db").write_bytes(b"0")
    code, recorder = train(tmp_path / "pets")
    assert code == 0, recorder.err
    found, y = recorder.fitted
    assert recorder.kind == (
        "MNISTCNNClassifier" if mode in ("L", "P") else "CIFARCNNClassifier"
    ) or (mode == "P" and found.ndim == 4)
    gray = found if found.ndim == 3 else found[..., 0]
    for image, label in zip(gray, y, strict=True):
        assert f"class{image.reshape(-1).argmax()}" == label
    assert "3 classes: class0, class1, class2" in recorder.err


def test_folders_named_train_and_test_are_parts(train, evaluate, tmp_path):
    test, labels = make_images(seed=1)
    save_classes(tmp_path / "pets" / "train", X, Y)
    save_classes(tmp_path / "pets" / "test1", test, labels)
    code, recorder = train(tmp_path / "pets")
    assert code == 0, recorder.err
    assert pairs(*recorder.fitted) == pairs(X, [f"class{label}" for label in Y])
    assert pairs(recorder.predicted[0], [""] * N) == pairs(test, [""] * N)
    assert "24 images to train on and 24 to test on" in recorder.err


def test_a_flat_test_folder_is_left_out_with_a_note(train, tmp_path):
    save_classes(tmp_path / "pets" / "train", X, Y)
    save_images(tmp_path / "pets" / "test", X, [f"{i}.png" for i in range(N)])
    code, recorder = train(tmp_path / "pets")
    assert code == 0, recorder.err
    assert "19 images to train on and 5 to test on" in recorder.err
    assert "test has no folders that name classes, and is not used" in recorder.err


def test_images_with_a_table_of_labels(train, evaluate, tmp_path):
    save_images(tmp_path / "train", X, [f"{i + 1}.png" for i in range(N)])
    names = np.array(["frog", "truck", "cat"])[Y]
    path = tmp_path / "trainLabels.csv"
    write_table(path, ["id", "label"], zip(range(1, N + 1), names, strict=True))
    code, recorder = train(path, "--images", tmp_path / "train", "--test-size", "0")
    assert code == 0, recorder.err
    assert pairs(*recorder.fitted) == pairs(X, names)
    code, recorder = train(path)
    assert code == 1
    assert "--images DIR" in one_line(recorder.err)


def test_a_header_that_is_missing_is_not_guessed(train, predict, tmp_path):
    path = tmp_path / "no_header.csv"
    write_table(path, NAMES, ROWS, header=False)
    code, recorder = predict(path, "--no-header")
    assert code == 0
    np.testing.assert_array_equal(recorder.predicted[0], ROWS)
    code, recorder = predict(path)
    if code:
        assert code == 1 and "--no-header" in one_line(recorder.err)
    else:
        np.testing.assert_array_equal(recorder.predicted[0], ROWS)


def test_columns_are_found_by_the_names_of_training(predict, tmp_path):
    order = np.random.default_rng(0).permutation(len(NAMES))
    path = tmp_path / "other_order.csv"
    columns = ["row_id", *np.array(NAMES)[order], "comment"]
    rows = [[i, *row, "new"] for i, row in enumerate(ROWS[:, order])]
    write_table(path, columns, rows)
    code, recorder = predict(path, names=NAMES)
    assert code == 0, recorder.err
    np.testing.assert_array_equal(recorder.predicted[0], ROWS)
    assert "'comment'" in recorder.err
    write_table(path, columns[2:], [row[2:] for row in rows])
    code, recorder = predict(path, names=NAMES)
    assert code == 1
    assert f"lacks the column {str(columns[1])!r}" in one_line(recorder.err)


@pytest.mark.parametrize("number", ["{}", "img_{}", "{:05d}", "scan {}", "a-{}b"])
def test_a_submission_has_the_numbers_of_the_files(number, predict, tmp_path):
    folder, out = tmp_path / "scans", tmp_path / "sub.csv"
    save_images(folder, X, [f"{number.format(i + 1)}.png" for i in range(N)])
    code, recorder = predict(folder, "--submission", out)
    assert code == 0, recorder.err
    rows = list(csv.reader(out.read_text().splitlines()))
    assert rows[0] == ["ImageId", "Label"]
    assert [row[0] for row in rows[1:]] == [str(i + 1) for i in range(N)]
    assert [row[1] for row in rows[1:]] == [str(label) for label in Y]
    # In whatever order the files are given.
    files = sorted(folder.iterdir(), key=lambda path: path.name[::-1])
    assert predict(*files, "--submission", out, "--force")[0] == 0
    assert rows == list(csv.reader(out.read_text().splitlines()))


def test_other_names_are_counted_in_natural_order_with_a_note(predict, tmp_path):
    folder, out = tmp_path / "scans", tmp_path / "sub.csv"
    save_images(folder, X, [f"p1_{i + 1}.png" for i in range(N)])
    code, recorder = predict(folder, "--submission", out)
    assert code == 0
    assert "ImageId counts the files in their natural order" in recorder.err
    rows = list(csv.reader(out.read_text().splitlines()))
    assert [row[1] for row in rows[1:]] == [str(label) for label in Y]


def test_one_number_twice_is_refused(predict, tmp_path):
    out = tmp_path / "sub.csv"
    save_images(tmp_path / "a", X[:2], ["1.png", "2.png"])
    save_images(tmp_path / "b", X[:2], ["1.png", "3.png"])
    code, recorder = predict(tmp_path / "a", tmp_path / "b", "--submission", out)
    assert code == 1 and not out.exists()
    assert "both have 1" in one_line(recorder.err)


def test_a_submission_has_the_ids_of_a_table(predict, tmp_path):
    path, out = tmp_path / "test.csv", tmp_path / "sub.csv"
    ids = np.random.default_rng(0).permutation(N) + 100
    write_table(path, ["id", *NAMES], np.column_stack([ids, ROWS]))
    assert predict(path, "--submission", out)[0] == 0
    rows = list(csv.reader(out.read_text().splitlines()))[1:]
    assert [int(row[0]) for row in rows] == sorted(ids)
    assert [int(row[1]) for row in rows] == Y[np.argsort(ids)].tolist()
    # Several tables without ids go on counting; a mixture is refused.
    plain = tmp_path / "plain.csv"
    write_table(plain, NAMES, ROWS)
    assert predict(plain, plain, "--submission", out, "--force")[0] == 0
    rows = list(csv.reader(out.read_text().splitlines()))[1:]
    assert [int(row[0]) for row in rows] == list(range(1, 2 * N + 1))
    code, recorder = predict(path, plain, "--submission", out, "--force")
    assert code == 1 and "one kind of ids" in one_line(recorder.err)


def test_folders_are_read_in_natural_order(predict, tmp_path):
    save_images(tmp_path / "scans", X, [f"{i + 1}.png" for i in range(N)])
    (tmp_path / "scans" / "desktop.ini").write_text("x")
    code, recorder = predict(tmp_path / "scans")
    rows = list(csv.DictReader(recorder.out.splitlines()))
    assert code == 0 and len(rows) == N
    assert rows[1]["image"].endswith("2.png") and rows[9]["image"].endswith("10.png")
    code, recorder = predict(tmp_path)  # the images are a level deeper
    assert code == 0 and "in the folders below" in recorder.err
    assert recorder.out.splitlines()[1:] == [
        f"{row['image']},{row['label']}" for row in rows
    ]


def test_many_image_files_are_read_by_parts(predict, tmp_path, monkeypatch):
    from skcnn._cli import _data

    monkeypatch.setattr(_data, "MOST_BYTES_AT_ONCE", 5 * SIDE * SIDE)
    save_images(tmp_path / "scans", X, [f"{i}.png" for i in range(N)])
    code, recorder = predict(tmp_path / "scans")
    assert code == 0
    assert [len(part) for part in recorder.predicted] == [5, 5, 5, 5, 4]
    np.testing.assert_array_equal(np.concatenate(recorder.predicted)[..., 0], X)


def test_files_that_cannot_be_read_are_listed_or_skipped(predict, train, tmp_path):
    save_classes(tmp_path / "pets", X, Y)
    for name in ("bad.png", "empty.jpg"):
        (tmp_path / "pets" / "class1" / name).write_bytes(b"no image")
    for run, data in ((train, "pets"), (predict, "pets/class1")):
        code, recorder = run(tmp_path / data)
        assert code == 1
        message = one_line(recorder.err)
        assert "bad.png" in message and "empty.jpg" in message
        assert "--on-error skip" in message
        code, recorder = run(tmp_path / data, "--on-error", "skip")
        assert code == 0
        assert "Warning: " in recorder.err and "bad.png" in recorder.err


@pytest.mark.parametrize(
    "images, expected",
    [
        (X, 255 - X),
        (X.astype(np.uint16) * 257, 65535 - X.astype(np.uint16) * 257),
        (X > 100, X <= 100),
        (X / 255, 1 - X / 255),
        (X.astype(np.float32), 255 - X.astype(np.float32)),
        (X.astype(np.int64), 255 - X.astype(np.int64)),
        (X / 127.5 - 1, 1 - X / 127.5),
    ],
)
def test_inverted_pixels(images, expected, train, predict, evaluate, tmp_path):
    np.savez(tmp_path / "a.npz", X=images, y=Y)
    code, recorder = train(tmp_path / "a.npz", "--invert", "--test-size", "0")
    assert code == 0, recorder.err
    found = recorder.fitted[0]
    assert found.dtype == images.dtype
    np.testing.assert_allclose(found, expected, atol=1e-6)
    for run in (predict, evaluate):
        code, recorder = run(tmp_path / "a.npz", "--invert")
        np.testing.assert_allclose(recorder.predicted[0], expected, atol=1e-6)


def test_transparency_is_not_inverted(train, tmp_path):
    images = np.stack([X, X, X, X // 2], axis=-1)
    np.savez(tmp_path / "a.npz", X=images, y=Y)
    code, recorder = train(tmp_path / "a.npz", "--invert", "--test-size", "0")
    assert code == 0 and recorder.kind == "CIFARCNNClassifier"
    np.testing.assert_array_equal(recorder.fitted[0][..., :3], 255 - images[..., :3])
    np.testing.assert_array_equal(recorder.fitted[0][..., 3], images[..., 3])


def test_evaluate_takes_the_best_part(evaluate, tmp_path):
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:5], y_test=Y[:5])
    code, recorder = evaluate(tmp_path / "a.npz", "--json")
    assert code == 0 and json.loads(recorder.out)["n_test"] == 5
    np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:5])
    code, recorder = evaluate(tmp_path / "a.npz", "--json")
    assert code == 0 and json.loads(recorder.out)["n_test"] == N
    assert "The train part of" in recorder.err


DAMAGED = {
    "empty.csv": b"",
    "nothing.npz": b"",
    "text.csv": b"label,a,b,c,d\n1,2,x,3,4\n0,3,y,4,5\n",
    "longer.csv": b"label,a,b,c,d\n1,2,3,4,5,6\n5,6,7,8,9,1\n",
    "shorter.csv": b"label,a,b,c,d\n1,2,3,4,5\n5,6\n",
    "nan.csv": b"label,a,b,c,d\n1,,3,4,5\n5,6,7,8,9\n",
    "zeros.csv": bytes(100),
    "picture.csv": b"\x89PNG\r\n\x1a\n" + bytes(50),
    "latin.csv": "label;straße\n1;2\n".encode("latin-1"),
    "quoted.csv": b'label,a,b,c,d\n"1,2,3,4,5\n',
    "escapes.csv": b"label,\x1b[31m,b,c,d\nx,y,z,1,2\n",
    "broken.npz": b"PK\x03\x04 broken",
    "broken.csv.gz": b"\x1f\x8b broken",
    "broken.csv.zip": b"PK\x03\x04 broken",
    "model.skcnn": b"PK\x03\x04 something",
    "deep.csv": b"(" * 9000,
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("command", ["train", "predict", "evaluate"])
def test_whatever_the_file_one_line_and_an_exit_code(
    name, command, train, predict, evaluate, tmp_path
):
    path = tmp_path / name
    path.write_bytes(DAMAGED[name])
    run = {"train": train, "predict": predict, "evaluate": evaluate}[command]
    code, recorder = run(path)
    if code == 0:  # predict passes over a column of labels that is damaged
        assert command == "predict"
        return
    assert code in (1, 2) and recorder.out == ""
    message = one_line(recorder.err)
    assert message and "Traceback" not in recorder.err and "\x1b" not in recorder.err
    assert len(message) < 1700


@pytest.mark.slow
@given(data=st.data())
def test_damaged_files_end_in_one_line_too(data, train, predict, tmp_path):
    kind = data.draw(st.sampled_from(["csv", "npz", "png"]))
    path = tmp_path / f"a.{kind}"
    if kind == "csv":
        write_table(path, ["label", *NAMES], np.column_stack([Y, ROWS]))
    elif kind == "npz":
        np.savez(path, X=X, y=Y)
    else:
        save_images(tmp_path, X[:1], ["a.png"])
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        if data.draw(st.booleans()):
            content[at] = data.draw(st.integers(0, 255))
        else:
            del content[at : at + data.draw(st.integers(1, 50))]
    path.write_bytes(content)
    code, recorder = predict(path)
    assert code == 0 or (code == 1 and one_line(recorder.err)), recorder.err
    if kind != "png":
        code, recorder = train(path, "--test-size", "0")
        assert code == 0 or (code == 1 and one_line(recorder.err)), recorder.err


def test_unexpected_exceptions_are_one_line_too(predict, monkeypatch, tmp_path):
    save_images(tmp_path, X[:1], ["a.png"])
    for error, message in (
        (MemoryError("Unable to allocate 3 TiB"), "not enough memory. Unable to"),
        (
            RuntimeError("in\ntwo lines \x1b[31m"),
            "RuntimeError: in two lines \\x1b[31m",
        ),
        (KeyError("image"), "KeyError: 'image'"),
        (RecursionError(), "RecursionError"),
        (ValueError(), "ValueError"),
        (OSError(28, "No space left on device", "x.png"), "x.png: No space left"),
    ):

        def fail(self, X, error=error):
            raise error

        monkeypatch.setattr(RecorderModel, "predict_proba", fail)
        code, recorder = predict(tmp_path / "a.png")
        assert code == 1
        assert message in one_line(recorder.err)


@pytest.mark.parametrize(
    "args",
    [
        ["digits", "--label", "x"],
        ["digits", "--no-header"],
        ["a.npz", "--label", "x"],
        ["a.npz", "--images", "."],
        ["a.csv", "--x", "images"],
        ["a.csv", "--background", "red"],
    ],
)
def test_options_of_no_use_are_wrong_usage(args, train, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.npz").write_bytes(b"")
    (tmp_path / "a.csv").write_bytes(b"")
    code, recorder = train(*args)
    assert code == 2
    assert "Leave it out" in " ".join(recorder.err.split())


def test_labels_of_the_test_part_that_nothing_teaches_are_told(train, tmp_path):
    X, _ = make_images()
    path = tmp_path / "f.npz"
    parts = {"x_train": X, "x_test": X[:4], "y_train": np.array(["cat", "dog"] * 12)}
    np.savez(path, **parts, y_test=np.array(["cat", "dogs", "dog", "eel"]))
    code, recorder = train(path)
    assert code == 0
    assert "has the labels dogs, eel, of which the train part has no" in recorder.err
    np.savez(path, **parts, y_test=np.array(["cat", "dog", "dog", "cat"]))
    assert "Warning" not in train(path)[1].err


def test_a_background_is_for_images_with_a_table_of_labels_too(train, tmp_path):
    from PIL import Image

    (tmp_path / "train").mkdir()
    for i in range(10):
        pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "train" / f"{i}.png")
    rows = "".join(f"{i},{'ab'[i % 2]}\n" for i in range(10))
    (tmp_path / "labels.csv").write_text("id,label\n" + rows)
    args = (tmp_path / "labels.csv", "--images", tmp_path / "train")
    for more, value in (((), 255), (("--background", "#404040"), 64)):
        code, recorder = train(*args, "--test-size", "0.2", *more)
        assert code == 0
        assert (recorder.fitted[0] == value).all()
        assert "10 files have transparency" in recorder.err


def test_flat_rows_of_an_npz_file_get_the_names_of_training(evaluate, tmp_path):
    X = make_images()[0].reshape(N, -1)
    names = [f"p{i}" for i in range(SIDE * SIDE)]
    np.savez(tmp_path / "f.npz", X=X, y=np.arange(N) % 10)
    code, recorder = evaluate(tmp_path / "f.npz", names=names)
    assert code == 0
    assert list(recorder.predicted[0].columns) == names
    assert "36 columns were read in their order" in recorder.err


@pytest.mark.parametrize(
    "labels, more, expected",
    [
        (
            [1],
            (),
            "has 1 image, of which 1 cannot be held out to test on: the label 1 ",
        ),
        (
            [1, 2],
            (),
            "the labels 1, 2 have one image each. Add images, or give another",
        ),
        (
            [1] * 9 + [2],
            (),
            "10 images, of which 2 cannot .*: the label 2 has one image",
        ),
        ([1, 2] * 9, ("--test-size", "0.01"), "18 images, of which 1 .* are 2 classes"),
        (
            [1, 2] * 9,
            ("--test-size", "0.99"),
            "only 0 would be left to train on, for 2",
        ),
    ],
)
def test_too_few_images_to_hold_some_out(train, tmp_path, labels, more, expected):
    path = tmp_path / "few.csv"
    rows = [f"{label}," + ",".join(map(str, range(36))) for label in labels]
    names = ",".join(f"p{i}" for i in range(36))
    path.write_text("\n".join([f"label,{names}", *rows]))
    code, recorder = train(path, *more)
    assert code == 1 and recorder.fitted is None
    message = recorder.err.splitlines()[-1]
    assert re.search(expected, message)
    assert message.endswith("--test-size 0 trains on all of them and reports nothing.")
    code, recorder = train(path, "--test-size", "0")
    assert code == 0 and len(recorder.fitted[0]) == len(labels)


def test_an_array_without_a_name_gets_one(train, predict, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 6, 6)))
    for run in (train, predict):
        code, recorder = run(tmp_path / "x.npy")
        assert code == 2
        assert "numpy.savez('x.npz', X=numpy.load('x.npy'))." in recorder.err


def test_long_names_of_classes_are_cut_in_pictures(recwarn):
    from matplotlib.figure import Figure

    from skcnn._cli._reports import _draw_confusion_matrix

    ax = Figure(layout="constrained").subplots()
    _draw_confusion_matrix(np.eye(2), np.array(["n" * 10_000, "cat"]), ax)
    ax.figure.canvas.draw()
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "n" * 37 + "...",
        "cat",
    ]
    assert not list(recwarn)
