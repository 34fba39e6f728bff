"""skcnn info, export and label-issues: what is said of a model, and of labels."""

import csv
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from tiny import tiny_classifier

import skcnn
from skcnn._cli import main
from skcnn._cli._terminal import visible
from skcnn.preprocessing import ImageScaler


@pytest.fixture(scope="module")
def images(digits):
    return digits[0][:200], digits[1][:200]


@pytest.fixture(scope="module")
def fitted(images):
    return tiny_classifier(epochs=3).fit(*images)


@pytest.fixture(scope="module")
def model(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "model.skcnn"
    skcnn.save(fitted, path)
    return path


@pytest.mark.slow
def test_info_says_what_a_model_holds(model, fitted, capsys, monkeypatch):
    monkeypatch.chdir(model.parent)
    assert main(["info", model.name]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert max(map(len, lines)) < 80
    facts = dict(line.split(":", 1) for line in lines if ":" in line[:12])
    assert facts["File"].strip().split(",")[-1] == f" by skcnn {skcnn.__version__}"
    assert facts["Images"].strip() == "8 x 8 pixels, gray, uint8 from 0 to 16"
    assert facts["Classes"].strip() == "10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"
    assert facts["Network"].strip() == f"{fitted.model_.count_params():,} weights"
    assert facts["Training"].strip() == "3 epochs; 200 different images"
    for setting in ("filters=4", "kernel_size=3", "dense_units=8", "augment=None"):
        assert setting in printed.out
    assert "verbose" not in printed.out
    epoch, loss, accuracy = lines[-1].split()
    assert (int(epoch), float(loss)) == (3, round(fitted.loss_, 4))
    assert float(accuracy) == round(fitted.history_["accuracy"][-1], 4)
    assert printed.err.endswith("Next: skcnn predict model.skcnn FILE...\n")


def test_info_is_json_for_scripts(model, fitted, capsys):
    assert main(["info", str(model), "--json"]) == 0
    printed = capsys.readouterr()
    facts = json.loads(printed.out)
    assert facts["image_shape"] == [8, 8, 1]
    assert facts["classes"] == list(range(10))
    assert facts["versions"]["skcnn"] == skcnn.__version__
    assert facts["history"]["loss"] == fitted.history_["loss"]
    assert facts["changed_parameters"]["augment"] is None
    assert facts["bytes"] == model.stat().st_size
    assert "Next" not in printed.err


@pytest.mark.slow
def test_info_of_a_pipeline_of_color_images_with_names(images, tmp_path, capsys):
    X, y = images
    X = np.stack([X, X // 2, X // 3], axis=-1)
    names = np.array([f"class {i} of a long name" for i in range(10)])
    estimator = make_pipeline(ImageScaler(), tiny_classifier(epochs=30))
    path = tmp_path / "m"
    skcnn.save(estimator.fit(X, names[y]), path)
    assert main(["info", str(path)]) == 0
    out = capsys.readouterr().out
    assert "ImageScaler > MNISTCNNClassifier" in out
    assert "8 x 8 pixels, color" in out
    assert max(map(len, out.splitlines())) < 80
    # Of many epochs, the first and the last.
    epochs = [line.split()[0] for line in out.splitlines()[-13:]]
    assert epochs == [*map(str, range(1, 7)), "...", *map(str, range(25, 31))]


@settings(max_examples=60)
@given(
    place=st.floats(0, 1, exclude_max=True),
    change=st.sampled_from(["flip", "cut", "double", "drop"]),
)
def test_a_damaged_model_is_refused_in_one_line(place, change, model, tmp_path_factory):
    content = bytearray(model.read_bytes())
    at = int(place * len(content))
    if change == "flip":
        content[at] ^= 0x10
    elif change == "cut":
        del content[at:]
    elif change == "double":
        content[at:at] = content[at : at + 64] or b"0"
    else:
        del content[at : at + 1]
    path = tmp_path_factory.mktemp("damaged") / "damaged.skcnn"
    path.write_bytes(content)
    code, err = run("info", str(path))
    assert code == 1
    assert err.splitlines()[-1].startswith(f"Error: {path} is ")
    assert err.count("Error: ") == 1


def run(*args):
    """Run the command without a fixture, and return code and stderr."""
    import io
    from contextlib import redirect_stderr

    stderr = io.StringIO()
    with redirect_stderr(stderr):
        code = main(list(args))
    return code, stderr.getvalue()


@pytest.mark.parametrize("content", [b"", b"PK", b"no model", bytes(10**5)])
@pytest.mark.parametrize("command", ["info", "export"])
def test_what_is_no_model_is_refused_in_one_line(command, content, tmp_path, capsys):
    (tmp_path / "m").write_bytes(content)
    assert main([command, str(tmp_path / "m")]) == 1
    printed = capsys.readouterr()
    last = printed.err.splitlines()[-1]
    assert last.startswith("Error: ") and "is not a file written by" in last
    assert printed.out == ""


def test_a_checkpoint_is_no_model(images, tmp_path, capsys):
    path = tmp_path / "c"
    tiny_classifier(epochs=1).fit(*images, checkpoint=path)
    assert main(["info", str(path)]) == 1
    assert "--checkpoint" in capsys.readouterr().err


def test_names_of_classes_control_no_terminal(images, tmp_path, capsys):
    X, y = images
    names = np.array([f"\x1b[31m{i}" for i in range(10)])
    skcnn.save(tiny_classifier(epochs=1).fit(X, names[y]), tmp_path / "m")
    assert main(["info", str(tmp_path / "m")]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and visible("\x1b[31m0") in out


def test_export_writes_a_saved_model(model, fitted, images, tmp_path, capsys):
    tf = pytest.importorskip("tensorflow")
    folder = tmp_path / "exported"
    args = ["export", str(model), "-o", str(folder), "--dtype", "float32"]
    assert main(args) == 0
    err = capsys.readouterr().err
    assert '"images" is float32 of shape (n, 8, 8, 1)' in err
    assert f"Next: tf.saved_model.load({str(folder)!r})" in err
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    X = images[0][:20, :, :, None].astype(np.float32)
    labels = serve(images=tf.constant(X))["labels"].numpy()
    assert (labels == fitted.predict(images[0][:20])).all()
    assert main(args) == 2
    assert "exists; name another folder" in capsys.readouterr().err


def test_export_to_onnx_is_the_default(model, monkeypatch, tmp_path, capsys):
    import skcnn.export

    written = []

    def to_onnx(estimator, path, dtype):
        written.append((type(estimator).__name__, path, dtype))

    monkeypatch.setattr(skcnn.export, "to_onnx", to_onnx)
    assert main(["export", str(model)]) == 0
    assert main(["export", str(model), "-o", "a.onnx", "--dtype", "float32"]) == 0
    assert [(name, str(path), dtype) for name, path, dtype in written] == [
        ("MNISTCNNClassifier", str(model.with_suffix(".onnx")), "uint8"),
        ("MNISTCNNClassifier", "a.onnx", "float32"),
    ]
    assert "Next: onnxruntime.InferenceSession('a.onnx')" in capsys.readouterr().err


SMALL = ("--set", "filters=8", "--set", "augment=None", "--epochs", "30")


@pytest.fixture(scope="module")
def mislabeled(digits, tmp_path_factory):
    """300 zeros and ones of which three have the wrong label."""
    rows = np.flatnonzero(digits[1] < 2)[:300]
    X, y = digits[0][rows], digits[1][rows].copy()
    wrong = [5, 70, 200]
    y[wrong] = 1 - y[wrong]
    path = tmp_path_factory.mktemp("issues") / "wrong.npz"
    np.savez(path, X=X, y=y)
    return path, wrong, y


@pytest.mark.slow
def test_label_issues_finds_wrong_labels(mislabeled, tmp_path, capsys):
    path, wrong, y = mislabeled
    args = ["label-issues", str(path), *SMALL, "--folds", "3"]
    assert main(args) == 0
    printed = capsys.readouterr()
    rows = list(csv.DictReader(printed.out.splitlines()))
    names = {f"{path}:{i + 1}" for i in wrong}
    assert rows[0]["image"] in names
    assert len(names & {row["image"] for row in rows}) >= 2
    assert len(rows) < 20
    for row in rows:
        place = int(row["image"].rpartition(":")[2]) - 1
        assert row["label"] == str(y[place]) != row["suggestion"]
        assert float(row["label_probability"]) < float(row["suggestion_probability"])
    assert f"Found {len(rows)} labels of 300 to look at." in printed.err
    assert "Next: look at these images" in printed.err
    output = tmp_path / "issues.json"
    assert main([*args, "--json", "-o", str(output)]) == 0
    assert [issue["image"] for issue in json.loads(output.read_text())] == [
        row["image"] for row in rows
    ]
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_label_issues_names_image_files_and_columns(mislabeled, tmp_path, capsys):
    Image = pytest.importorskip("PIL.Image")
    path, _, y = mislabeled
    X = np.load(path)["X"]
    for i in range(150):
        folder = tmp_path / "photos" / ("one" if y[i] else "zero")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(X[i]).save(folder / f"{i}.png")
    options = [*SMALL, "--folds", "2"]
    assert main(["label-issues", str(tmp_path / "photos"), *options]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    wrong = str(tmp_path / "photos" / ("one" if y[5] else "zero") / "5.png")
    assert wrong in [row["image"] for row in rows]
    assert {row["label"] for row in rows} <= {"one", "zero"}
    table = tmp_path / "table.csv"
    header = ",".join(["label", *(f"p{i}" for i in range(64))])
    cells = np.column_stack([y, X.reshape(len(X), -1)])[:150]
    np.savetxt(table, cells, fmt="%d", delimiter=",", header=header, comments="")
    assert main(["label-issues", str(table), *options]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert f"{table}:6" in [row["image"] for row in rows]


def test_label_issues_needs_an_image_of_each_class_in_each_fold(
    images, tmp_path, capsys
):
    X, y = images[0][:40], np.array([0] * 37 + [1] * 3)
    np.savez(tmp_path / "rare.npz", X=X, y=y)
    assert main(["label-issues", str(tmp_path / "rare.npz"), "--folds", "4"]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "has fewer than 4 images of 1 to train on" in last
    assert "n_splits" not in last
