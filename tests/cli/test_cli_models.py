"""Training, evaluating and predicting on the command line, from data to files."""

import csv
import functools
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

import skcnn
from skcnn import MNISTCNNClassifier
from skcnn._cli import COMMANDS, main
from skcnn._cli._reports import PICTURES
from skcnn._estimator.automatic import auto_epochs
from skcnn._images.fingerprints import were_fitted
from skcnn._training.checkpoint import Checkpoint

pytest.importorskip("PIL")


@pytest.fixture(autouse=True)
def quiet_tensorflow(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="module")
def folder(digits, tmp_path_factory):
    """The same 200 digits as npz, CSV files and folders of images."""
    from PIL import Image

    X, y = digits[0][:200], digits[1][:200]
    folder = tmp_path_factory.mktemp("data")
    np.savez(folder / "digits.npz", X=X, y=y)
    parts = {"x_train": X[:150], "y_train": y[:150], "x_test": X[150:]}
    np.savez(folder / "split.npz", **parts, y_test=y[150:])
    np.savez(folder / "images.npz", X=X)
    np.savez(folder / "color.npz", X=np.repeat(X[..., None], 3, axis=3), y=y)
    for name in ("label", "digit"):
        header = f"{name}," + ",".join(f"p{i}" for i in range(64))
        table = np.column_stack([y, X.reshape(200, -1)])
        options = {"delimiter": ",", "fmt": "%d", "header": header, "comments": ""}
        np.savetxt(folder / f"{name}.csv", table, **options)
    for i in range(40):
        name = "small" if y[i] < 5 else "large"
        (folder / "classes" / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(X[i]).save(folder / "classes" / name / f"{i}.png")
    return folder


SMALL = ("--set", "filters=4", "--set", "dense_units=()", "--epochs", "1")


@pytest.fixture(scope="module")
def model(folder):
    path = folder / "model.skcnn"
    if not path.exists():
        assert main(["train", str(folder / "digits.npz"), *SMALL, "-o", str(path)]) == 0
    return path


def test_train_saves_what_it_trained(model, digits):
    loaded = skcnn.load(model)
    assert type(loaded) is skcnn.MNISTCNNClassifier
    assert (loaded.filters, loaded.dense_units, loaded.epochs) == (4, (), 1)
    assert loaded.predict(digits[0][:3]).shape == (3,)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, n_train, n_test, options",
    [
        ("digits.npz", 160, 40, []),
        ("digits.npz", 100, 100, ["--test-size", "0.5"]),
        ("digits.npz", 200, 0, ["--test-size", "0"]),
        ("split.npz", 150, 50, []),
        ("label.csv", 160, 40, []),
        ("digit.csv", 160, 40, ["--label", "digit"]),
        ("classes", 32, 8, []),
    ],
)
def test_train_reads(name, n_train, n_test, options, folder, capsys):
    assert main(["train", str(folder / name), *SMALL, *options, "--json"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert (result["n_train"], result["n_test"]) == (n_train, n_test)
    assert result["parameters"]["filters"] == 4
    assert ("accuracy" in result) == bool(n_test)
    if name == "classes":
        assert {"small", "large"} <= set(result["report"])
    assert "Epoch 1/1" in printed.err


@pytest.mark.slow
def test_epochs_that_are_auto_are_named_in_progress_and_results(folder, capsys):
    small = ["--set", "filters=4", "--set", "dense_units=()"]
    args = ["train", str(folder / "digits.npz"), *small, "--json"]
    epochs = auto_epochs(MNISTCNNClassifier._base, 160, (8, 8, 1))
    for option in ([], ["--epochs", "auto"]):
        assert main([*args, *option]) == 0
        printed = capsys.readouterr()
        result = json.loads(printed.out)
        assert result["parameters"]["epochs"] == "auto"
        assert result["auto_params"]["epochs"] == result["n_iter"] == epochs
        assert f"Epoch {epochs}/{epochs}: " in printed.err
        assert f"Trained for {epochs} epochs." in printed.err
    # A preset has a number of its own, in the place of which "auto" can be set.
    assert main([*args, "--preset", "fast"]) == 0
    assert json.loads(capsys.readouterr().out)["n_iter"] == 1
    assert main([*args, "--preset", "fast", "--epochs", "auto"]) == 0
    assert json.loads(capsys.readouterr().out)["n_iter"] == epochs


@pytest.mark.slow
def test_color_takes_the_other_classifier(folder, capsys):
    assert main(["train", str(folder / "color.npz"), *SMALL, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["classifier"] == "CIFARCNNClassifier"
    args = ["--classifier", "mnist", "--json"]
    assert main(["train", str(folder / "color.npz"), *SMALL, *args]) == 0
    assert json.loads(capsys.readouterr().out)["classifier"] == "MNISTCNNClassifier"


@pytest.mark.slow
def test_search_prints_a_table_and_saves_the_best(folder, tmp_path, capsys):
    output = tmp_path / "best.skcnn"
    search = ["--search", "learning_rate=0.00001,0.01", "--search", "filters=(4,),(8,)"]
    args = ["train", str(folder / "digits.npz"), "--epochs", "2", *search]
    assert main([*args, "-o", str(output), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["search"]) == 4
    best = result["search"][0]
    assert best["rank_test_score"] == 1
    loaded = skcnn.load(output)
    assert loaded.learning_rate == best["learning_rate"] == 0.01
    assert list(loaded.filters) == list(best["filters"])
    assert main(args) == 0
    printed = capsys.readouterr()
    columns = ["accuracy", "std", "seconds", "rank"]
    assert printed.out.splitlines()[0].split()[-4:] == columns
    assert "Accuracy on 40" in printed.out
    assert "Tried 4 candidates" in printed.err


@pytest.mark.slow
def test_no_group_is_divided_anywhere(folder, tmp_path, monkeypatch, capsys):
    arrays = np.load(folder / "digits.npz")
    who = np.arange(200) // 10
    np.savez(tmp_path / "a.npz", **arrays, who=who)
    fitted = []

    @functools.wraps(MNISTCNNClassifier.fit)
    def fit(self, X, y, **more):
        fitted.append(more["groups"])
        return whole_fit(self, X, y, **more)

    whole_fit = MNISTCNNClassifier.fit
    monkeypatch.setattr(MNISTCNNClassifier, "fit", fit)
    args = [str(tmp_path / "a.npz"), "--group", "who", *SMALL]
    search = ["--search", "learning_rate=0.003,0.01", "--no-save"]
    assert main(["train", *args, "--set", "early_stopping=True", *search]) == 0
    # Three folds of two candidates, and the training with the best.
    assert len(fitted) == 7
    *folds, last = [set(groups.tolist()) for groups in fitted]
    assert len(last) == 16
    for fold, groups in zip(folds, fitted, strict=False):
        assert fold < last
        assert len(groups) == 10 * len(fold)
    assert set.intersection(*folds[:3]) == set()
    fitted.clear()
    assert main(["label-issues", *args, "--folds", "4"]) == 0
    assert [len(groups) for groups in fitted] == [150] * 4
    assert all(len(set(groups.tolist())) == 15 for groups in fitted)


def test_evaluate_warns_of_groups_that_were_trained_on(folder, tmp_path, capsys):
    arrays = np.load(folder / "digits.npz")
    np.savez(tmp_path / "a.npz", **arrays, who=np.arange(200) // 10)
    data, saved = str(tmp_path / "a.npz"), str(tmp_path / "a.skcnn")
    for grouped, warned in ((["--group", "who"], False), ([], True)):
        args = ["train", data, *SMALL, *grouped, "-o", saved, "--force"]
        assert main(args) == 0
        assert main(["evaluate", saved, data, "--group", "who"]) == 0
        said = "unseen images of 40 are of groups on which the model was trained"
        printed = capsys.readouterr().err
        assert (said in printed) == warned
        assert printed.endswith(
            f"Next: skcnn evaluate {saved} {data} --group=who --pictures DIR\n"
        )


@pytest.mark.slow
def test_evaluate_reports_and_draws(model, folder, digits, tmp_path, capsys):
    pictures = tmp_path / "new" / "pictures"
    args = ["evaluate", str(model), str(folder / "split.npz")]
    assert main([*args, "--pictures", str(pictures)]) == 0
    printed = capsys.readouterr()
    # The model was trained on some of them.
    n_seen = int(were_fitted(skcnn.load(model), digits[0][150:200]).sum())
    assert 30 < n_seen < 50
    assert f"Accuracy on {50 - n_seen} unseen images" in printed.out
    assert f"Note: {n_seen} of 50 images are left out of the report" in printed.err
    assert "Confusion matrix" in printed.out and "precision" in printed.out
    names = {f"{name}.png" for name in PICTURES}
    assert {path.name for path in pictures.iterdir()} == names
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in pictures.iterdir())
    assert main([*args, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert np.sum(result["confusion_matrix"]) == result["n_test"] == 50 - n_seen
    assert result["n_trained_on"] == n_seen
    assert f"{result['accuracy']:.4f}" in printed.out


def test_predict_prints_a_row_an_image(model, folder, capsys):
    files = [str(folder / "images.npz"), str(folder / "label.csv")]
    image = sorted((folder / "classes" / "small").iterdir())[0]
    files += [str(image), str(folder / "classes" / "large")]
    assert main(["predict", str(model), *files, "--on-error", "skip"]) == 0
    printed = capsys.readouterr()
    assert printed.err.endswith(
        f"Next: skcnn predict {model} FILE... --on-error=skip --proba -o labels.csv\n"
    )
    rows = list(csv.DictReader(printed.out.splitlines()))
    n_large = len(list((folder / "classes" / "large").iterdir()))
    assert len(rows) == 200 + 200 + 1 + n_large
    assert rows[0]["image"].endswith("images.npz:1")
    assert rows[400]["image"] == str(image)
    # The same pixels from every kind of file.
    labels = [row["label"] for row in rows]
    assert labels[:200] == labels[200:400]
    assert labels[400] == labels[int(image.stem)]


def test_predict_gives_probabilities(model, folder, capsys):
    args = ["predict", str(model), str(folder / "images.npz"), "--proba"]
    assert main(args) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    for row in rows[:20]:
        probabilities = {str(c): float(row[str(c)]) for c in range(10)}
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-4)
        assert max(probabilities, key=probabilities.get) == row["label"]
    assert main([*args, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)[0]
    assert first["probabilities"].keys() == {str(c) for c in range(10)}


def write_kaggle_layout(folder, n):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (n, 784))
    labels = np.arange(n) % 10
    header = ",".join(f"pixel{i}" for i in range(784))
    options = {"delimiter": ",", "fmt": "%d", "comments": ""}
    table = np.column_stack([labels, pixels])
    np.savetxt(folder / "train.csv", table, header=f"label,{header}", **options)
    np.savetxt(folder / "test.csv", pixels, header=header, **options)


def kaggle(train, test, output, *options):
    model = output / "digits.skcnn"
    submission = output / "submission.csv"
    assert main(["train", str(train), "-o", str(model), *options]) == 0
    args = ["predict", str(model), str(test), "--submission", str(submission)]
    assert main(args) == 0
    rows = list(csv.reader(submission.read_text().splitlines()))
    assert rows[0] == ["ImageId", "Label"]
    assert [row[0] for row in rows[1:]] == [str(i) for i in range(1, len(rows))]
    assert {row[1] for row in rows[1:]} <= set("0123456789")
    assert main(args) == 2  # it exists
    assert main([*args, "--force"]) == 0
    return [int(row[1]) for row in rows[1:]]


@pytest.mark.slow
def test_kaggle_in_two_commands(tmp_path, capsys):
    write_kaggle_layout(tmp_path, 100)
    labels = kaggle(tmp_path / "train.csv", tmp_path / "test.csv", tmp_path, *SMALL)
    assert len(labels) == 100
    printed = capsys.readouterr()
    assert "ImageId" not in printed.out and "Wrote 100 predictions" in printed.err


@pytest.mark.real_data
def test_kaggle_in_two_commands_on_the_real_files(real_data_home, tmp_path, capsys):
    files = real_data_home / "digit-recognizer"
    for name in ("train.csv", "test.csv"):
        with open(files / name) as whole, open(tmp_path / name, "w") as part:
            part.writelines(line for line, _ in zip(whole, range(3001), strict=False))
    labels = kaggle(
        tmp_path / "train.csv", tmp_path / "test.csv", tmp_path, "--preset", "fast"
    )
    assert len(labels) == 3000
    assert min(np.bincount(labels, minlength=10)) > 200  # no digit is forgotten
    accuracy = capsys.readouterr().out.split("unseen images: ")[1][:6]
    assert float(accuracy) > 0.9


@pytest.mark.parametrize(
    "args, message",
    [
        (["digits.npz", "--set", "lerning_rate=1"], "Did you mean learning_rate?"),
        (["digits.npz", "--set", "epochs"], "expected --set NAME=VALUE"),
        (["digits.npz", "--set", "epochs=2", "--epochs", "3"], "--epochs and --set"),
        (["digits.npz", "--set", "dropout=0", "--set", "dropout=1"], "twice"),
        (["digits.npz", "--search", "epochs=1"], "two values or more"),
        (
            ["digits.npz", "--set", "dropout=0", "--search", "dropout=0,1"],
            "both --set and --search for dropout",
        ),
        (["digits.npz", "-o", "nowhere/model"], "nowhere is not a folder"),
        (["digits.npz", "-o", "classes"], "classes is a folder"),
        (["digits.npz", "-o", "digits.npz"], "digits.npz exists; replace it with"),
        (["split.npz", "--test-size", "0.3"], "has a test part of its own"),
        (["digits.npz", "--data-home", "."], "it is a path"),
    ],
)
def test_wrong_usage_is_refused_before_training(
    args, message, folder, monkeypatch, capsys
):
    monkeypatch.chdir(folder)
    assert main(["train", *args]) == 2
    printed = capsys.readouterr()
    assert message in printed.err and printed.out == ""


@pytest.mark.parametrize(
    "args, message",
    [
        (["train", "digits.npz", "--set", "learning_rate=-1"], "learning_rate"),
        (["train", "digits.npz", "--set", "optimizer=swift"], "--set optimizer=swift,"),
        (["train", "pixels.csv"], "--label"),
        (["train", "digit.csv", "--label", "species"], "no column 'species'"),
        (["train", "images.npz"], "no labels to learn from"),
        (["train", "odd.npz"], "images has shape (3,)"),
        (["train", "pickled.npz"], "np.stack(images)"),
        (["train", "bomb.npz"], "bomb.npz: 'X.npy' is not an array"),
        (["train", "liar.npz"], "(10, 1000000000000), but holds 0"),
        (["train", "text.csv"], "text.csv: line 2 has 'x'"),
        (["train", "broken.npz"], "Error: "),
        (["train", "nan.csv"], "line 2 has no value in the column 'b'"),
        (["train", "model.skcnn"], "model.skcnn is neither a table"),
        (["evaluate", "broken.npz", "digits.npz"], "not a file written by skcnn.save"),
        (["evaluate", "model.skcnn", "classes"], "has the label 'large', which"),
        (["evaluate", "model.skcnn", "images.npz"], "no labels to compare"),
        (["predict", "model.skcnn", "broken.npz"], "Error: "),
        (["predict", "model.skcnn", "text.csv"], "text.csv: line 2 has 'x'"),
        (["predict", "model.skcnn", "text.md"], "text.md is not an image"),
        (["predict", "model.skcnn", "big.npz"], "images have the shape (9, 9, 1)"),
        (["predict", "model.skcnn", "empty"], "empty has no files"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_1(
    args, message, folder, model, monkeypatch, capsys
):
    monkeypatch.chdir(folder)
    np.savez("odd.npz", images=np.zeros(3))
    np.savez("pickled.npz", X=np.array([{}, {}]), y=np.arange(2))
    np.savez("big.npz", X=np.zeros((2, 9, 9)))
    with (
        zipfile.ZipFile("liar.npz", "w") as archive,
        archive.open("X.npy", "w") as file,
    ):
        header = {"shape": (10, 10**12), "fortran_order": False, "descr": "<f4"}
        np.lib.format.write_array_header_1_0(file, header)
    with zipfile.ZipFile("bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", bytes(2**20))
    bomb = (folder / "bomb.npz").read_bytes()
    # What it unpacks to stands in the archive twice.
    true, said = ((2**20).to_bytes(4, "little"), (2**31).to_bytes(4, "little"))
    (folder / "bomb.npz").write_bytes(bomb.replace(true, said))
    (folder / "broken.npz").write_bytes(b"PK broken")
    (folder / "text.csv").write_text("label,a,b,c,d\n1,2,3,4,x\n0,3,4,5,6\n")
    (folder / "nan.csv").write_text("label,a,b,c,d\n" + "1,2,,3,4\n0,3,4,5,6\n" * 9)
    (folder / "text.md").write_text("text")
    (folder / "pixels.csv").write_text("p1,p2,p3,p4\n1,2,3,4\n0,3,4,5\n")
    (folder / "empty").mkdir(exist_ok=True)
    assert main(args) == 1
    printed = capsys.readouterr()
    last = printed.err.splitlines()[-1]
    assert last.startswith("Error: ") and message in last
    assert printed.out == ""


def test_a_model_is_saved_under_a_free_name_that_is_printed_first(folder, capsys):
    args = ["train", str(folder / "digits.npz"), *SMALL]
    for name in ("digits-1.skcnn", "digits-2.skcnn"):
        assert main(args) == 0
        printed = capsys.readouterr()
        before, _, after = printed.err.partition("Epoch 1/1")
        assert f"which will be saved as {name}." in before
        assert f"Saved {name}." in after
        assert printed.err.endswith(f"Next: skcnn predict {name} FILE...\n")
        assert skcnn.load(name).n_iter_ == 1
    assert main([*args, "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["model"] == "digits-3.skcnn"
    assert "Next" not in printed.err


def test_nothing_is_written_where_nothing_is_to_be_saved(
    folder, working_folder, capsys
):
    assert main(["train", str(folder / "digits.npz"), *SMALL, "--no-save"]) == 0
    assert not list(working_folder.iterdir())
    assert "which will not be saved" in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["-o", "m.skcnn"]])
def test_a_network_is_rescued_if_the_disk_is_full_by_then(
    options, folder, tmp_path, monkeypatch, capsys
):
    save = skcnn.save

    def on_a_full_disk(estimator, path):
        if not path.is_absolute():
            raise OSError(28, "No space left on device")
        save(estimator, path)

    monkeypatch.setattr(skcnn, "save", on_a_full_disk)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    assert main(["train", str(folder / "digits.npz"), *SMALL, *options]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "could not be written: No space left on device." in last
    rescued = re.search(r"is saved as (\S+) instead\.$", last)[1]
    assert rescued.startswith(str(tmp_path))
    assert skcnn.load(rescued).n_iter_ == 1


def test_training_goes_on_from_a_checkpoint(folder, monkeypatch, capsys):
    small = [*SMALL[:-1], "3"]
    args = ["train", str(folder / "digits.npz"), *small, "--checkpoint", "c"]
    keep = Checkpoint.keep

    def killed(self, state):
        keep(self, state)
        if state.n_epochs == 2:
            raise SystemExit(9)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "keep", killed)
        assert main([*args, "-o", "killed.skcnn"]) == 9
    capsys.readouterr()
    assert main([*args, "-o", "resumed.skcnn"]) == 0
    err = capsys.readouterr().err
    assert "Continuing the training of c." in err
    assert "Epoch 3/3" in err and "Epoch 2/3" not in err
    args = ["train", str(folder / "digits.npz"), *small, "-o", "whole.skcnn"]
    assert main(args) == 0
    weights = [
        skcnn.load(name).model_.get_weights()
        for name in ("resumed.skcnn", "whole.skcnn")
    ]
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)
    # The file of another training stays as it is.
    before = Path("c").read_bytes()
    args = ["train", str(folder / "split.npz"), *small, "--checkpoint", "c"]
    assert main(args) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("Error: c is the checkpoint of a training with other")
    assert Path("c").read_bytes() == before


@pytest.mark.slow
def test_a_search_that_is_interrupted_prints_its_table(folder, monkeypatch, capsys):
    fit = MNISTCNNClassifier.fit
    calls = []

    def interrupted(self, X, y):
        calls.append(self)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return fit(self, X, y)

    monkeypatch.setattr(MNISTCNNClassifier, "fit", interrupted)
    search = ["--search", "learning_rate=0.003,0.01,0.03"]
    args = ["train", str(folder / "digits.npz"), *SMALL, *search]
    assert main(args) == 130
    printed = capsys.readouterr()
    header, *rows = printed.out.splitlines()
    assert header.split()[:2] == ["learning_rate", "accuracy"]
    assert [row.split()[-1] for row in rows] == ["3", "1"]
    assert "Tried 2 of 3 candidates before the search ended." in printed.err
    following = (
        f"Next: skcnn train {folder / 'digits.npz'} --set=learning_rate=0.003 "
        "--epochs=1 --set=filters=4 '--set=dense_units=()'"
    )
    assert following in printed.err.splitlines()
    assert printed.err.endswith("Interrupted.\n")
    calls.clear()
    assert main([*args, "--json"]) == 130
    result = json.loads(capsys.readouterr().out)
    assert result["interrupted"] and len(result["search"]) == 2


@pytest.mark.slow
def test_a_search_that_fails_prints_its_table_too(folder, capsys):
    search = ["--search", "learning_rate=0.003,1e30"]
    assert main(["train", str(folder / "digits.npz"), *SMALL, *search]) == 1
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    assert printed.err.splitlines()[-1].startswith("Error: Training diverged")


# A process started in the background ignores Ctrl-C, and so do its children.
COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from skcnn._cli import COMMANDS, main
from skcnn._cli._reports import PICTURES
sys.exit(main(sys.argv[1:]))
"""


def interrupted(tmp_path, *args):
    """Run the command and send it Ctrl-C once the second epoch is over."""
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "train", "digits", "--epochs", "9999", *args],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "Epoch    2/9999" in line:
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=120)
    return process.returncode, out, "".join(lines) + err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_ctrl_c_leaves_a_model(tmp_path):
    start = time.monotonic()
    code, out, err = interrupted(tmp_path, "-o", "model.skcnn")
    assert code == 130, err
    assert time.monotonic() - start < 100
    assert out == "" and "Traceback" not in err
    assert "Saved model.skcnn." in err and err.lower().count("interrupted") == 1
    loaded = skcnn.load(tmp_path / "model.skcnn")
    assert 1 <= loaded.n_iter_ < 9999
    assert f"Interrupted after {loaded.n_iter_} complete epoch" in err


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command_has_examples(command, capsys):
    assert main([command, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"  skcnn {command} " in text and "Examples:" in text
    assert max(map(len, text.splitlines())) <= 80
