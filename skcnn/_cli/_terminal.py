"""Functions that all commands share: start-up, output, messages and failures."""

import json
import math
import os
import re
import signal
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any

import click
from click.core import ParameterSource

from skcnn._cli._words import in_option_names

# Longer messages are shortened in the middle.
LONGEST_MESSAGE = 1500

# Characters that change how a terminal shows the text around them: control characters,
# separators of lines and paragraphs, and marks that change the direction of writing.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")

# Characters with which a formula begins in a spreadsheet.
_FORMULA = re.compile(r"[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")

# Warnings of pixels: what a user of the command line can do.
_REMEDIES = {
    "range": "save them on the scale of the images that the model was trained on",
    "layout": "save them with the channels of each pixel side by side, and train on "
    "such images",
}

# The notes and warnings that have been printed.
_said: set[str] = set()


class Command(click.Command):
    """A command that reports any failure in one line, with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and raise a `ClickException` with one line if it fails."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            # The reader of the results has closed the pipe, as `head` does.
            raise click.exceptions.Exit(1) from None
        except Exception as error:
            raise click.ClickException(in_option_names(describe(error))) from error


def describe(error: Exception) -> str:
    """Return a description of an error in one line."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}."
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.strerror.rstrip('.')}."
    elif isinstance(error, MemoryError):
        text = f"There is not enough memory. {text}"
    elif not isinstance(error, (ImportError, OSError, TypeError, ValueError)):
        text = f"{type(error).__name__}: {text}"
    return one_line(text or type(error).__name__)


def one_line(text: str) -> str:
    """Return a text without line breaks and control characters, shortened if long."""
    text = visible(" ".join(text.split()))
    if len(text) > LONGEST_MESSAGE:
        half = LONGEST_MESSAGE // 2
        text = f"{text[:half]} ... {text[-half:]}"
    return text


def visible(text: Any) -> str:
    """Return a text in which control characters are written as escapes."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], str(text))


def cell(value: Any) -> Any:
    r"""Return the value for a cell of a CSV file that nothing executes.

    Numbers stay unchanged. A text that a spreadsheet would evaluate as a formula gets a
    leading apostrophe, which marks it as text.
    """
    if not isinstance(value, str):
        return value
    if _FORMULA.match(value) and not _is_number(value):
        value = f"'{value}"
    return visible(value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the question whether a known word was meant, after a space, or ""."""
    import difflib

    # Two words may differ in upper and lower case only.
    by_lower = {other.lower(): other for other in known}
    alike = difflib.get_close_matches(word.lower(), by_lower, 1)
    return f" Did you mean {visible(by_lower[alike[0]])}?" if alike else ""


def say_next(*command: str) -> None:
    """Print the command that a user is likely to want next; names in capitals stay."""
    import shlex

    placeholders = ("FILE...", "DATA", "DIR")
    words = (
        word if word in placeholders else shlex.quote(visible(word)) for word in command
    )
    say(f"Next: skcnn {' '.join(words)}")


def given_options(*without: str) -> list[str]:
    """Return the options that the user gave to the running command, as words.

    `without` has the names of the arguments in Python whose options are left out.
    """
    context = click.get_current_context()
    words = []
    for option in context.command.params:
        name = str(option.name)
        is_given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not is_given or name in without or not isinstance(option, click.Option):
            continue
        longest, value = max(option.opts, key=len), context.params[name]
        if option.is_flag:
            words.append(longest)
        else:
            values = value if option.multiple else [value]
            words += [f"{longest}={value}" for value in values]
    return words


def say(message: str) -> None:
    """Print a message to stderr."""
    # click.echo would write past what shows progress at the bottom of a terminal.
    print(visible(message), file=sys.stderr, flush=True)


def note(message: str, *, kind: str = "Note") -> None:
    """Print a note about a decision that the user may want to change, but only once."""
    message = in_option_names(one_line(message))
    if message not in _said:
        _said.add(message)
        say(f"{kind}: {message}")


def print_result(text: str) -> None:
    """Print a result to stdout."""
    if sys.stdout is None:
        raise click.ClickException("The results cannot be written: stdout is closed.")
    try:
        click.echo(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(
            f"The results cannot be written to stdout: {error.strerror}."
        ) from error


def as_json(result: Any) -> str:
    """Return a result as JSON; numbers that are not finite become null."""
    return json.dumps(_plain(result), indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    """Return a value converted to types that JSON has."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return str(value)


@contextmanager
def standard_streams() -> Iterator[None]:
    """Make stdout and stderr UTF-8 streams, and replace closed streams.

    Messages to a closed stderr are discarded, because a command should not fail for
    them.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # Otherwise the next open file would get the descriptor of the stream.
            os.open(os.devnull, os.O_RDWR)
    before = sys.stderr
    changed = []
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            changed.append((stream, stream.encoding, stream.errors))
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.stderr = _Messages(before)
    try:
        yield
    finally:
        sys.stderr = before
        for stream, encoding, errors in changed:
            with suppress(OSError, ValueError):
                stream.reconfigure(encoding=encoding, errors=errors)


class _Messages:
    """A stream that discards messages that cannot be written."""

    def __init__(self, stream: Any) -> None:
        if stream is None:
            stream = open(2, "w", closefd=False)  # noqa: SIM115 (it stays open)
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def discard_unwritten() -> bool:
    """Flush stdout, and return whether this failed; Python then does not try again."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
        return True
    return False


@contextmanager
def interrupts() -> Iterator[list[int]]:
    """Yield a list that gets the number of the signal for each Ctrl-C.

    A process that is asked to end, or whose terminal is closed, ends as after Ctrl-C,
    so that what it has trained is saved. The list is needed because the import of a
    compiled module can turn a KeyboardInterrupt into another exception.
    """
    seen: list[int] = []

    def interrupt(number, frame):
        seen.append(number)
        raise KeyboardInterrupt

    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        # Windows has no SIGHUP.
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None)):
            if number is None:
                continue
            handler = signal.getsignal(number)
            if handler in (signal.default_int_handler, signal.SIG_DFL):
                before[number] = handler
                signal.signal(number, interrupt)
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Print each warning once, in one line without its place in the code."""
    _said.clear()

    def show(message, category, filename, lineno, file=None, line=None):
        text = str(message)
        if getattr(message, "kind", None) in ("inverted", *_REMEDIES):
            text = _of_pixels(message)
        note(text, kind="Warning")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def _of_pixels(warning: Any) -> str:
    """Return a warning of pixels in words for those who have files and no arrays."""
    context = click.get_current_context(silent=True)
    is_given = context is not None and context.params.get("invert")
    remedies = _REMEDIES | {
        "inverted": "if dark and bright are exchanged, "
        + ("leave --invert out" if is_given else "give --invert")
    }
    finding = warning.finding
    for pattern, words in (
        (r"\bin X have\b", "have"),
        (r"\bin X_val have\b", "of the val part have"),
        (r"^X holds\b", "The images have"),
        (r"^X_val holds\b", "The images of the val part have"),
        (r"^X looks\b", "The images look"),
        (r"^X_val looks\b", "The images of the val part look"),
        (r"\bbut is read as\b", "but are read as"),
        (r"\bin fit\b", "in training"),
    ):
        finding = re.sub(pattern, words, finding)
    return f"{finding}: {remedies[warning.kind]}."


@contextmanager
def progress_on_stderr() -> Iterator[None]:
    """Send the progress of a training to stderr, because stdout is for results."""
    with redirect_stdout(sys.stderr):
        yield


def start_keras():
    """Import Keras and its backend, after a message that this takes a while."""
    if "keras" in sys.modules:
        return
    # Imported here, because it imports `multiprocessing`, which --help has no use for.
    from skcnn._network import startup

    say("Starting Keras, which takes some seconds ...")
    try:
        startup.start_keras()
    except ImportError as error:
        raise click.ClickException(
            f"Keras does not start: {error}. Reinstall what it runs on: "
            "pip install --force-reinstall tensorflow, unless KERAS_BACKEND names "
            "something else."
        ) from error
