"""Where the command line writes: free names, and folders that cannot be written to."""

import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import skcnn
from skcnn._cli import main
from skcnn._cli._data import name_of
from skcnn._cli._output import free_model, save_under_free_name


@pytest.mark.parametrize(
    "data, name",
    [
        ("digits", "digits"),
        ("a/train.csv", "train"),
        ("train.csv.gz", "train"),
        ("Train.NPZ", "Train"),
        ("photos/", "photos"),
        ("v1.2/", "v1.2"),
        ("my photos.v2", "my-photos.v2"),
        ("./-x.csv", "x"),
        (".csv", "csv"),
        ("写真/", "写真"),
        ("/", "model"),
        ("a\x1b[31m\udcff.csv", "a-31m"),
        ("a" * 300 + ".csv", "a" * 40),
    ],
)
def test_a_model_is_named_after_its_data(data, name):
    assert name_of(data) == name


def test_a_model_of_this_folder_is_named_after_the_folder(working_folder):
    assert name_of(".") == working_folder.name
    (working_folder / "below").mkdir()
    os.chdir("below")
    assert name_of("..") == working_folder.name
    assert name_of("./") == "below"


@pytest.mark.slow
@given(st.text(min_size=1, max_size=300).filter(lambda text: "\0" not in text))
def test_a_model_of_any_data_has_a_name_that_a_shell_takes_as_it_is(data):
    assert re.fullmatch(r"[\w][\w.-]{0,39}", name_of(data))


def test_the_first_free_name_is_taken(working_folder):
    assert free_model("a") == Path("a-1.skcnn")
    Path("a-1.skcnn").touch()
    Path("a-2.skcnn").symlink_to("nowhere")
    Path("a-3.skcnn").mkdir()
    Path("a-5.skcnn").touch()
    assert free_model("a") == Path("a-4.skcnn")
    assert len(list(working_folder.iterdir())) == 4


def test_a_name_that_was_taken_meanwhile_is_left_alone(monkeypatch):
    monkeypatch.setattr(skcnn, "save", lambda what, path: path.write_text(what))
    chosen = free_model("a")
    Path("a-1.skcnn").write_text("of another process")
    assert save_under_free_name("mine", chosen, "a") == Path("a-2.skcnn")
    assert Path("a-1.skcnn").read_text() == "of another process"
    assert Path("a-2.skcnn").read_text() == "mine"


def test_a_model_that_cannot_be_saved_leaves_no_empty_file(monkeypatch, working_folder):
    def fail(what, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(skcnn, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        save_under_free_name("mine", free_model("a"), "a")
    assert not list(working_folder.iterdir())


@pytest.fixture
def read_only(monkeypatch):
    """A file system that refuses each new file, whoever asks."""

    def refuse(*args, **options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)


@pytest.mark.parametrize(
    "args, message",
    [
        ([], "so the trained network cannot be saved there. Name a file in another"),
        (["-o", "m.skcnn"], "Error: . cannot be written to: Read-only file system."),
        (
            ["--no-save", "--checkpoint", "c"],
            ". cannot be written to: Read-only file system.",
        ),
    ],
)
def test_a_folder_that_is_read_only_is_refused_before_training(
    args, message, read_only, capsys
):
    assert main(["train", "digits", *args]) == 2
    printed = capsys.readouterr()
    assert message in printed.err and printed.out == ""
    assert "Keras" not in printed.err


@pytest.mark.parametrize(
    "args, message",
    [
        (["-o", "a", "--no-save"], "Got both -o and --no-save."),
        (["--force"], "Got --force without -o"),
        (["--checkpoint", "c", "--search", "epochs=1,2"], "a single training"),
        (["--checkpoint", "a", "-o", "./a"], "Name two files."),
        (["--checkpoint", "."], ". is a folder"),
        (["--checkpoint", "nowhere/c"], "nowhere is not a folder"),
    ],
)
def test_options_that_contradict_each_other_are_wrong_usage(args, message, capsys):
    assert main(["train", "digits", *args]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "args, message",
    [
        (["info", "m"], "does not exist"),
        (["export", __file__, "-o", ".", "--format", "onnx"], ". is a folder"),
        (["export", __file__, "-o", __file__ + ".onnx/x.onnx"], "is not a folder"),
        (["export", __file__, "-o", ".", "--format", "saved-model"], ". exists; name"),
        (["export", __file__, "-o", "a", "--force"], "is never replaced"),
        (["label-issues", "digits", "--folds", "1"], "1 is not in the range"),
        (["label-issues", "digits", "-o", "."], ". is a folder"),
    ],
)
def test_what_cannot_be_written_is_wrong_usage(args, message, capsys):
    assert main(args) == 2
    assert message in capsys.readouterr().err
