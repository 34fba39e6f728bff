"""The skcnn command, as a user types it."""

import os
import re
import subprocess
import sys

import pytest

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier, __version__
from skcnn._cli import main
from skcnn._cli._parameters import PRESETS


def run(*args, cwd=None, **variables):
    """Run the command in its own process, without what this one has set."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("SKCNN_DATA", "TF_CPP_MIN_LOG_LEVEL")
    }
    return subprocess.run(
        [sys.executable, "-m", "skcnn", *args],
        capture_output=True,
        text=True,
        check=False,
        env=environment | {name: str(value) for name, value in variables.items()},
        cwd=cwd,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return run("train", "digits", "--epochs", "3", cwd=folder)


@pytest.mark.slow
def test_train_digits_reports_accuracy_and_a_classification_report(trained):
    assert trained.returncode == 0, trained.stderr
    accuracy = re.search(
        r"^Accuracy on 450 unseen images: (0\.\d{4}|1\.0000)$",
        trained.stdout,
        re.MULTILINE,
    )
    assert accuracy, trained.stdout
    # Three epochs learn a lot on these images; a shuffled label column gives 0.1.
    assert float(accuracy[1]) > 0.7
    assert "precision    recall  f1-score   support" in trained.stdout
    for digit in range(10):
        assert re.search(rf"^ +{digit}( +[01]\.\d{{4}}){{3}}", trained.stdout, re.M)


@pytest.mark.slow
def test_train_digits_shows_progress_and_says_why_it_waits(trained):
    assert "Starting Keras" in trained.stderr
    both = trained.stdout + trained.stderr
    assert sum("poch" in line for line in both.splitlines()) >= 3


@pytest.mark.slow
def test_train_digits_is_not_drowned_in_tensorflow_notes(trained):
    for note in ("oneDNN", "cuda", "absl", "cpu_feature_guard", "Warning"):
        assert note not in trained.stderr


@pytest.mark.slow
def test_same_seed_same_report(trained, capsys):
    def report(*args):
        assert main(["train", "digits", "--epochs", "3", *args]) == 0
        # Above it, the progress lines tell the time.
        return capsys.readouterr().out.partition("Acc")[2]

    expected = trained.stdout.partition("Acc")[2]
    assert expected
    assert report() == expected
    assert report("--seed", "1") not in ("", expected)


@pytest.mark.parametrize("data", ["mnist", "cifar10"])
def test_no_data_and_no_network_is_one_line_and_exit_code_1(
    data, tmp_path, monkeypatch, capsys
):
    monkeypatch.delenv("SKCNN_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    # Port 9 of this machine answers nothing, so every download ends at once.
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    assert main(["train", data, "--data-home", str(tmp_path)]) == 1
    err = capsys.readouterr().err
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("Error: ")
    assert "SKCNN_DATA" in err.splitlines()[-1]


@pytest.mark.real_data
@pytest.mark.parametrize("data", ["mnist", "cifar10"])
def test_train_reads_the_publishers_files(data, real_data_home, monkeypatch, capsys):
    kind = {"mnist": MNISTCNNClassifier, "cifar10": CIFARCNNClassifier}[data]
    fit = kind.fit
    monkeypatch.setattr(kind, "fit", lambda self, X, y: fit(self, X[:500], y[:500]))
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    home = str(real_data_home)
    # The network that predicts fastest: this is about the files.
    words = ["train", data, "--preset", "classic", "--epochs", "1"]
    assert main([*words, "--data-home", home]) == 0
    printed = capsys.readouterr()
    assert "Accuracy on 10,000 unseen images" in printed.out
    assert "50,000" in printed.err if data == "cifar10" else "60,000" in printed.err
    if data == "cifar10":
        assert "airplane" in printed.out


@pytest.mark.parametrize("args", [["--help"], ["-h"], ["train", "--help"]])
def test_help_teaches_by_example(args, capsys):
    assert main(args) == 0
    assert "skcnn train digits" in capsys.readouterr().out


def test_help_names_every_preset(capsys):
    main(["train", "--help"])
    text = capsys.readouterr().out
    for preset in {*MNISTCNNClassifier.presets, *CIFARCNNClassifier.presets}:
        assert preset in text


def test_files_that_are_spelled_alike_are_suggested(working_folder, capsys):
    (working_folder / "photos").mkdir()
    assert main(["train", "photo"]) == 2
    assert "Did you mean photos?" in capsys.readouterr().err
    assert main(["train", f"{working_folder}/fotos"]) == 2
    assert f"Did you mean {working_folder}/photos?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, expected",
    [
        ("tr", "train"),
        ("label", "label-issues"),
        ("train di", "digits"),
        ("train digits --preset a", "accurate"),
        ("export m --format o", "onnx"),
        ("info ", "file"),
    ],
)
def test_a_shell_completes_commands_data_and_presets(
    words, expected, monkeypatch, capsys
):
    monkeypatch.setenv("_SKCNN_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"skcnn {words}")
    monkeypatch.setenv("COMP_CWORD", str(1 + words.count(" ")))
    assert main([]) == 0
    assert expected in capsys.readouterr().out.replace(",", "\n").splitlines()


def test_presets_are_those_of_the_classifiers():
    for classifier in (MNISTCNNClassifier, CIFARCNNClassifier):
        assert set(PRESETS) == set(classifier.presets)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"skcnn {__version__}\n"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train"], "Missing argument 'DATA'"),
        (["train", "faces"], "'faces' is not one of"),
        (["train", "minst"], "nor a file or a folder. Did you mean mnist?"),
        (["train", "CIFAR-10"], "Did you mean cifar10?"),
        (["label-issues", "digit"], "Did you mean digits?"),
        (["train", "digits", "--preset", "fsat"], "Did you mean fast?"),
        (["trian", "digits"], "No such command 'trian'. Did you mean train?"),
        (["train", "digits", "--epochs", "0"], "Got --epochs 0, but expected a whole"),
        (["train", "digits", "--epochs", "x"], "a whole number from 1 on or auto."),
        (["train", "digits", "--set", "callbacks=1"], "no parameter 'callbacks'"),
        (["train", "digits", "--seed", "-1"], "-1 is not in the range"),
        (["train", "digits", "--preset", "best"], "Got --preset best, but expected"),
        (["train", "digits", "--data-home", "."], "digits come with scikit-learn"),
        (["train", "mnist", "--data-home", "nowhere"], "'nowhere' does not exist"),
        (["fit"], "No such command 'fit'"),
    ],
)
def test_wrong_usage_is_exit_code_2(args, message, capsys):
    assert main(args) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.out == ""


def test_preset_reaches_the_classifier(monkeypatch):
    seen = []

    def fit(self, X, y):
        seen.append(self)
        raise KeyboardInterrupt

    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setattr(MNISTCNNClassifier, "fit", fit)
    main(["train", "digits", "--preset", "classic", "--epochs", "2", "--seed", "7"])
    expected = MNISTCNNClassifier.from_preset(
        "classic", epochs=2, random_state=7, verbose=1
    )
    assert seen[0].get_params() == expected.get_params()


def test_interrupting_says_so_and_is_exit_code_130(monkeypatch, capsys):
    def fit(self, X, y):
        raise KeyboardInterrupt

    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    monkeypatch.setattr(MNISTCNNClassifier, "fit", fit)
    assert main(["train", "digits"]) == 130
    printed = capsys.readouterr()
    assert printed.err.endswith("Interrupted.\n")
    assert printed.out == ""


@pytest.mark.slow
def test_a_broken_tensorflow_says_what_it_wrote(tmp_path):
    broken = tmp_path / "tensorflow.py"
    broken.write_text(
        "import os\nos.write(2, b'no such CPU\\n')\nraise ImportError('cannot load')\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = run("train", "digits", PYTHONPATH=path)
    assert done.returncode == 1
    assert "no such CPU" in done.stderr
    assert "Error: Keras does not start: cannot load" in done.stderr
