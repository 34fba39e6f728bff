"""How the command speaks and fails: streams, code pages, Ctrl-C, foreign text."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import warnings

import click
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skcnn._cli import _terminal, main
from skcnn._cli._results import Predictions, json_of, submission_of, table_of
from skcnn._images.pixel_layout import planes_warning
from skcnn._messages.warnings import PixelsWarning

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="a device of Unix")


def run(*args, **options):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "skcnn", *args],
        capture_output="stdout" not in options and "stderr" not in options,
        check=False,
        **options,
    )


@pytest.fixture
def command(monkeypatch):
    """Return a function that runs a function as if it were a command."""

    def as_command(function, *args, params=()):
        made = _terminal.Command("try", callback=function, params=list(params))
        monkeypatch.setattr("skcnn._cli.cli", made)
        return main(list(args))

    return as_command


@pytest.mark.slow
@needs_posix
def test_a_full_disk_under_stdout_is_one_line():
    with open("/dev/full", "w") as full:
        done = run("--help", stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "Error: No space left on device.\n"


@needs_posix
def test_results_that_cannot_be_written_are_one_line(command, capfd, monkeypatch):
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        code = command(lambda: _terminal.print_result("result"))
        monkeypatch.undo()
    assert code == 1
    err = capfd.readouterr().err
    assert err.startswith("Error: The results cannot be written to stdout: No space")
    assert err.count("\n") == 1


def test_a_closed_stdout_is_one_line(command, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert command(lambda: _terminal.print_result("result")) == 1
    monkeypatch.undo()
    assert capsys.readouterr().err == (
        "Error: The results cannot be written: stdout is closed.\n"
    )


@pytest.mark.slow
@needs_posix
def test_the_reader_of_a_pipe_may_go(command, capfd):
    process = subprocess.Popen(
        [sys.executable, "-m", "skcnn", "train", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1 and err == b""

    def gone():
        raise BrokenPipeError(32, "Broken pipe")

    assert command(gone) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@needs_posix
@pytest.mark.parametrize("closed", ["2>&-", "<&-", "2>/dev/full"])
def test_closed_streams_are_no_reason_to_fail(closed):
    done = subprocess.run(
        f'"{sys.executable}" -m skcnn --version {closed}',
        shell=True,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and done.stdout.startswith("skcnn ")


def test_messages_without_a_stderr_are_lost(command, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)

    def work():
        _terminal.say("message")
        print("progress", file=sys.stderr)
        _terminal.print_result("result")

    assert command(work) == 0
    monkeypatch.undo()
    assert capsys.readouterr().out == "result\n"


@pytest.mark.parametrize("page", ["cp1252", "ascii", "latin-1", "cp932"])
def test_any_code_page_gets_utf_8(page, command, monkeypatch):
    raw = {"stdout": io.BytesIO(), "stderr": io.BytesIO()}
    streams = {name: io.TextIOWrapper(raw[name], encoding=page) for name in raw}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)

    def work():
        _terminal.say("写真 ñ 🙂")
        _terminal.print_result("写真 \udcff")

    code = command(work)
    monkeypatch.undo()
    assert code == 0
    assert raw["stdout"].getvalue().decode("utf-8") == "写真 \\udcff\n"
    assert raw["stderr"].getvalue().decode("utf-8") == "写真 ñ 🙂\n"
    # As they were, for whoever called main.
    assert streams["stdout"].encoding == streams["stderr"].encoding == page


def test_warnings_are_one_line_each_and_once(command, capsys):
    def work():
        for _ in range(2):
            warnings.warn("first\nsecond \x1b[31m", UserWarning, stacklevel=1)
        warnings.warn("for developers", DeprecationWarning, stacklevel=1)
        _terminal.note("first second \x1b[31m")
        _terminal.note("a note")

    before = warnings.showwarning
    assert command(work) == 0
    assert warnings.showwarning is before
    assert capsys.readouterr().err == (
        "Warning: first second \\x1b[31m\nNote: a note\n"
    )


def test_dark_and_bright_exchanged_is_said_in_the_words_of_the_command(command, capsys):
    from skcnn._messages.warnings import PixelsWarning

    def work(**given):
        finding = "The images in X have a bright background, but those seen in fit had"
        warnings.warn(
            PixelsWarning("inverted", f"{finding} a dark one", "write 255 - X"),
            stacklevel=1,
        )

    option = click.Option(["--invert"], is_flag=True)
    assert command(work, params=[option]) == 0
    assert capsys.readouterr().err == (
        "Warning: The images have a bright background, but those seen in training had "
        "a dark one: if dark and bright are exchanged, give --invert.\n"
    )
    assert command(work, "--invert", params=[option]) == 0
    assert "leave --invert out" in capsys.readouterr().err


OPTIONS = {
    "settings": "--set",
    "on_error": "--on-error",
    "images": "--images",
    "no_header": "--no-header",
    "label": "--label",
    "x_name": "--x",
}


@pytest.mark.parametrize(
    "message, expected",
    [
        (
            "Pass `image_shape` to resize the images, for example image_shape=(4, 6).",
            'To resize the images, pass for example --set "image_shape=(4, 6)".',
        ),
        ("State image_shape=(height, width).", 'State --set "image_shape=(height, wi'),
        ('Set dtype="float64" or epochs=3.', "Give --set dtype=float64 or --set epoch"),
        (
            "Set progressive_resizing=None, or",
            "Give --set progressive_resizing=None, or",
        ),
        ("Lower learning_rate, which is 3.", "with --set learning_rate=...; it is 3."),
        ('Give on_error="skip" to go on.', "Give --on-error skip to go on."),
        ("or pass on_error='skip'.", "or pass --on-error skip."),
        ("read it with load_image_table(csv, folder).", "with --images DIR."),
        (
            "which one is it? Pass its name as filename=...",
            "Give that column the name file",
        ),
        (
            "the images, or the name of the column as filename=...",
            "the column with their names",
        ),
        ("no header, pass header=None. If", "no header, pass --no-header. If"),
        ("If these are names of columns, pass header=True.", "write words in their pl"),
        ("Pass its name as label=...", "Pass its name as --label NAME."),
        ("as label=..., or pass label=None if there are none.", "as --label NAME."),
        (
            "as label=..., or the names of the columns of pixels as "
            "feature_names=[...]; it",
            "as --label NAME; it",
        ),
        ("as label=0 or label=-1.", "as --label 0 or --label -1."),
        (
            "If it holds no labels, pass label=None.",
            "name the column that does with --label",
        ),
        ("Pass the names as x=... and y=...", "the names as --x NAME and --y NAME."),
        ("no array 'a', which y names; it", "no array 'a', which --y names; it"),
    ],
)
def test_errors_of_the_library_are_said_in_options(message, expected, command, capsys):
    def fail(**given):
        raise ValueError(message)

    params = [click.Option([text, name]) for name, text in OPTIONS.items()]
    assert command(fail, params=params) == 1
    err = capsys.readouterr().err
    assert expected in err
    assert not re.search(r"(?<!--set )(?<!--set .)\b[a-z_]+=", err)
    # Not where the command has no such option.
    assert command(fail) == 1
    assert capsys.readouterr().err == f"Error: {message}\n"


@pytest.mark.parametrize("name", ["label=3.csv", "epochs=5", "x=...", "a/epochs=5/b"])
def test_what_the_user_has_typed_stays(name, command, capsys):
    def fail(**given):
        raise ValueError(f"{name} has no label=5 and epochs=7 but {name}.")

    params = [click.Option([text, name]) for name, text in OPTIONS.items()]
    assert command(fail, name, params=[*params, click.Argument(["data"])]) == 1
    expected = f"Error: {name} has no --label 5 and --set epochs=7 but {name}.\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize(
    "warning, expected",
    [
        (
            PixelsWarning(
                "range", "X holds uint8 pixels, but those seen in fit", "X/2"
            ),
            "The images have uint8 pixels, but those seen in training: save them on",
        ),
        (
            planes_warning((8, 8, 3)),
            "The images look like planes of red, green and blue, one after the other, "
            "but are read as pixels of 3 channels each: save them with",
        ),
        (
            PixelsWarning("layout", "X_val holds planes, but in fit", "fit"),
            "The images of the val part have planes, but in training: save them with",
        ),
        (
            PixelsWarning("shape", "Rows are guessed", "state image_shape=(3, 4)"),
            'Rows are guessed: state --set "image_shape=(3, 4)".',
        ),
    ],
)
def test_warnings_of_pixels_speak_of_files(warning, expected, command, capsys):
    def work(**given):
        warnings.warn(warning, stacklevel=1)

    params = [click.Option([text, name]) for name, text in OPTIONS.items()]
    assert command(work, params=params) == 0
    err = capsys.readouterr().err
    assert err.startswith(f"Warning: {expected}")
    assert not re.search(r"\bX|\bfit\b|np\.", err)


def test_a_long_message_is_shortened(command, capsys):
    def fail():
        raise ValueError("begin " + "a" * 10**6 + " end")

    assert command(fail) == 1
    err = capsys.readouterr().err
    assert len(err) < 1600 and "begin" in err and err.endswith(" end\n")


@pytest.fixture
def ctrl_c():
    """Let Ctrl-C interrupt, also where the tests were started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_that_became_another_exception_is_ctrl_c(command, capsys, ctrl_c):
    def work():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        except KeyboardInterrupt as error:
            raise ImportError("initialization of a module failed") from error

    assert command(work) == 130
    assert "ImportError" not in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@needs_posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_process_that_is_asked_to_end_ends_as_after_ctrl_c(name, command, capsys):
    number = getattr(signal, name)
    before = signal.getsignal(number)

    def work():
        os.kill(os.getpid(), number)
        time.sleep(1)

    signal.signal(number, signal.SIG_DFL)
    try:
        assert command(work) == 128 + number
        assert signal.getsignal(number) is signal.SIG_DFL
        assert capsys.readouterr().err.strip() == "Interrupted."
        # nohup lets a process ignore that its terminal is closed.
        signal.signal(number, signal.SIG_IGN)
        assert command(work) == 0
    finally:
        signal.signal(number, before)


@pytest.mark.slow
@needs_posix
@pytest.mark.parametrize("delay", [0.1, 0.3, 0.6, 1.0, 1.5])
def test_ctrl_c_at_any_moment_is_one_line(delay):
    # The delay begins when Python itself has started: before, nobody can catch Ctrl-C.
    code = (
        "import sys; from skcnn.__main__ import main; print('started', flush=True); "
        "sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "train", "digits", "--epochs", "9999"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # pytest itself may run where Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout.readline() == "started\n"
    time.sleep(delay)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    # Python ends itself by the signal, which is 130 in a shell, if the exception came
    # while it was executing code in a string, as dataclasses are made of.
    assert process.returncode in (130, -signal.SIGINT), err
    assert out == "" and "Traceback" not in err
    assert err.endswith("Interrupted.\n")


@pytest.mark.slow
def test_help_is_there_before_scikit_learn():
    code = "import sys; from skcnn._cli import main; main(['train', '--help'])\n"
    code += "assert not {'sklearn', 'numpy', 'keras'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# Foreign text: classes of a model from elsewhere, names of files.

foreign = st.text(
    st.characters(exclude_categories=[]), min_size=1, max_size=12
) | st.sampled_from(
    [
        "\x1b[31mred",
        "\x1b]0;title\x07",
        "a\r\nb",
        "\x9b1m",
        "\u202egnp.exe",
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "-5",
        "3.5",
        "ordinary",
        '"quoted", with a comma',
    ]
)


def is_harmless(text):
    return not any(
        ord(c) < 32 or 127 <= ord(c) < 160 or 0x202A <= ord(c) <= 0x202E for c in text
    )


@given(foreign)
def test_shown_text_controls_no_terminal(text):
    assert is_harmless(_terminal.visible(text))
    assert is_harmless(_terminal.one_line(text))
    assert "\n" not in _terminal.one_line(text)


@given(st.lists(foreign, min_size=2, max_size=4, unique=True), foreign)
def test_no_cell_of_a_table_is_executed(classes, name):
    classes = np.array(classes, dtype=object)
    parts = [Predictions([name], np.eye(len(classes))[[1]])]
    for text in (table_of(parts, classes, True), submission_of(parts, classes)):
        rows = list(csv.reader(io.StringIO(text)))
        assert len(rows) == 2
        for value in [value for row in rows for value in row]:
            assert is_harmless(value)
            if value and value[0] in "=+-@\uff1d":
                float(value)  # a number is none
    assert json.loads(json_of(parts, classes, True))[0]["image"] == name


def test_numbers_and_ordinary_text_stay_as_they_are():
    for value in (-5, 2.5, "-5", "+3", "-1e-3", "cat", "写真", "naïve", "a=b"):
        assert _terminal.cell(value) == value
    assert _terminal.cell("-a") == "'-a"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
            | st.tuples(inner, inner)
        ),
        max_leaves=4,
    )
)
def test_json_is_json(value):
    def refuse(name):
        raise AssertionError(name)

    text = _terminal.as_json({"value": value, "array": np.array([1.5, np.nan])})
    read = json.loads(text, parse_constant=refuse)
    assert read["array"] == [1.5, None]


def test_json_of_numpy_values_and_objects():
    value = {"a": np.float32("inf"), 3: np.arange(2), "b": np.str_("x"), "c": open}
    read = json.loads(_terminal.as_json(value))
    assert read["a"] is None and read["3"] == [0, 1] and read["b"] == "x"
    assert read["c"] == str(open)


# Files that are written.


@pytest.fixture
def save_text(command):
    from skcnn._cli._output import check_output, write_text

    def save(path, text="text", force=False):
        def work():
            check_output(path, force, may_be_stream=True)
            write_text(path, text)

        return command(work)

    return save


def test_a_file_is_replaced_with_force_only(save_text, tmp_path, capsys):
    path = tmp_path / "out.csv"
    assert save_text(path) == 0 and path.read_text() == "text"
    assert save_text(path, "other") == 2 and path.read_text() == "text"
    assert "exists; replace it with --force" in capsys.readouterr().err
    assert save_text(path, "写真 \udcff", force=True) == 0
    assert path.read_text(encoding="utf-8") == "写真 \\udcff"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@needs_posix
def test_a_link_is_not_followed_without_force(save_text, tmp_path):
    precious, link = tmp_path / "precious.txt", tmp_path / "out.csv"
    link.symlink_to(precious)
    assert save_text(link) == 2 and not precious.exists()
    precious.write_text("precious")
    assert save_text(link) == 2 and precious.read_text() == "precious"


@needs_posix
def test_streams_are_written_to_and_stay(save_text, tmp_path, capfd):
    assert save_text(type(tmp_path)("/dev/stdout"), "text\n") == 0
    assert capfd.readouterr().out == "text\n"
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    assert save_text(fifo, force=True) == 0
    assert os.read(reader, 100) == b"text" and fifo.is_fifo()
    os.close(reader)


@needs_posix
def test_a_model_is_not_saved_to_a_device(capsys):
    assert main(["train", "digits", "-o", "/dev/null", "--force"]) == 2
    assert "/dev/null is a device or a pipe" in capsys.readouterr().err
