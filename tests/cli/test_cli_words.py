"""Whatever is wrong, the command line says so in its own words, and not in Python's."""

import inspect
import re

import numpy as np
import pytest

from skcnn import MNISTCNNClassifier
from skcnn._cli import main
from skcnn.datasets import load_digit_images

# Words of Python: arguments with values, arrays, methods, modules, types.
PYTHON = re.compile(
    r"""(?<!--set\ )(?<!--set\ ")(?<!--search\ )(?<![\w./-])[a-z_]{2,}=
    | \bX\ (has|is|holds)\b | \by\ (has|is|holds)\b | \bX_val\b | \bInput\ [Xy]\b
    | \bfit\b | \bnp\. | numpy | ` | \.\.\.\] | sklearn | keras\. | n_splits
    | parameter\ of | instead\.$ | instance\ of | \ba\ str\b | \bload_\w+ | \bread_\w+
    | ndarray | data_home | \bset\ --set | Traceback""",
    re.VERBOSE,
)

VALUES = ("-1", "0", "2.5", "abc", "None", "()", "(1,2,3,4)", "1e400", "[]", "{}")


def said(capsys):
    """Return the lines that tell of mistakes and doubts."""
    lines = capsys.readouterr().err.splitlines()
    return [x for x in lines if x.startswith(("Error: ", "Warning: ", "Note: "))]


@pytest.mark.parametrize("name", inspect.signature(MNISTCNNClassifier).parameters)
def test_wrong_values_of_parameters(name, capsys, monkeypatch):
    # Values that are valid get no further than this.
    monkeypatch.setattr("skcnn._cli._train.read_to_train", lambda *args, **options: 1)
    refused = 0
    for value in VALUES:
        assert main(["train", "digits", "--no-save", "--set", f"{name}={value}"]) > 0
        (line,) = said(capsys)
        if "object has no attribute 'train'" in line:
            continue
        refused += 1
        assert not PYTHON.search(line), line
        assert name in line
    assert refused or name in ("verbose", "warm_start", "shuffle", "class_weight")


X, Y = load_digit_images(return_X_y=True)
X, Y = X[:40], Y[:40]
ARRAYS = {
    "without labels": {"X": X},
    "with too few labels": {"X": X, "y": Y[:9]},
    "with NaN": {"X": np.full((40, 8, 8), np.nan), "y": Y},
    "infinite": {"X": np.full((40, 8, 8), np.inf), "y": Y},
    "channels first": {"X": np.zeros((40, 3, 32, 32), np.uint8), "y": Y},
    "five channels": {"X": np.zeros((40, 8, 8, 5), np.uint8), "y": Y},
    "five dimensions": {"X": np.zeros((40, 2, 2, 2, 2)), "y": Y},
    "one dimension": {"X": np.zeros(40), "y": Y},
    "of text": {"X": np.array(["a"] * 40), "y": Y},
    "empty": {"X": X[:0], "y": Y[:0]},
    "of one class": {"X": X, "y": np.zeros(40)},
    "of numbers": {"X": X, "y": np.linspace(0, 1, 40)},
    "with labels that are NaN": {"X": X, "y": np.where(Y == 3, np.nan, Y)},
    "with names that say nothing": {"a": X, "b": X, "c": Y},
    "with one-hot labels": {"X": X, "y": np.eye(10)[Y]},
    "flat": {"X": np.zeros((40, 50)), "y": Y},
    "with a rare class": {"X": X, "y": np.where(np.arange(40) < 38, 0, 1)},
}
TABLES = {
    "empty": "",
    "without rows": "label,a,b,c,d\n",
    "without labels": "a,b,c,d\n1,2,3,4\n3,4,5,6\n",
    "ragged": "label,a,b,c,d\n1,2,3\n1,2,3,4,5,6\n",
    "of text": "label,a,b,c,d\n1,x,y,z,w\n0,x,y,z,w\n",
    "with gaps": "label,a,b,c,d\n1,2,,3,4\n0,2,3,4,5\n",
    "of names of files": "filename,label\na.png,1\nb.png,2\n",
    "of few columns": "label,a\n1,2\n2,3\n",
    "of null bytes": "\0\0\0\0",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, arrays in ARRAYS.items():
        np.savez(folder / f"{name}.npz", **arrays)
    for name, text in TABLES.items():
        (folder / f"{name}.csv").write_text(text)
    (folder / "empty").mkdir()
    (folder / "text.py").write_text("print()")
    return folder


@pytest.fixture(scope="module")
def model(files):
    path = files / "model.skcnn"
    args = ["--set", "filters=4", "--set", "dense_units=8", "--epochs", "1"]
    assert main(["train", "digits", *args, "-o", str(path)]) == 0
    return path


DATA = [
    *(f"{name}.npz" for name in ARRAYS),
    *(f"{name}.csv" for name in TABLES),
    *("empty", "text.py", "model.skcnn", "nowhere", "/dev/null"),
]


@pytest.mark.slow
@pytest.mark.parametrize("data", DATA)
def test_wrong_data(data, files, model, capsys, monkeypatch):
    monkeypatch.chdir(files)
    small = ["--set", "filters=4", "--set", "dense_units=8", "--epochs", "1"]
    for args in (
        ["train", data, *small, "--no-save"],
        ["label-issues", data, *small, "--folds", "2"],
        ["evaluate", model.name, data],
        ["predict", model.name, data],
        ["info", data],
        ["export", data, "-o", "exported"],
    ):
        code = main(args)
        lines = said(capsys)
        assert code == 0 or lines[-1].startswith("Error: ")
        for line in lines:
            assert not PYTHON.search(line.replace("skcnn.save", "")), (args, line)
        if code == 0 and args[0] == "export":
            break


@pytest.mark.parametrize(
    "args, expected",
    [
        (["--set", "filters=[]"], 'Got --set "filters=[]", but expected at least one'),
        (["--set", "filters=((1,),2)"], 'Got --set "filters=((1,), 2)", but'),
        (
            ["--set", "dropout=2"],
            "but expected a number in the range [0.0, 1.0) or several values, such as",
        ),
        (["--set", "padding=x"], "Got --set padding=x, but expected one of"),
        (["--set", "shuffle=x"], "Got --set shuffle=x, but expected True or False."),
        (["--set", "convolutions=0"], "a whole number in the range [1, inf)."),
        (["--set", "optimizer=x"], "but expected one of 'adadelta'"),
    ],
)
def test_a_value_is_refused_as_it_is_typed(args, expected, capsys):
    assert main(["train", "digits", "--no-save", *args]) == 1
    (line,) = said(capsys)
    assert expected in line
