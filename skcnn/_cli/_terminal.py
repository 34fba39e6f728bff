"""What the commands share: how they start, speak and fail."""

import json
import os
import sys
from contextlib import contextmanager, redirect_stdout

import click

from skcnn import _startup


def say(message):
    """Write a message for people, which is no result."""
    click.echo(message, err=True)


def print_json(result):
    """Write a result for programs."""
    click.echo(json.dumps(result, indent=2, default=_plain))


def _plain(value):
    return value.tolist() if hasattr(value, "tolist") else str(value)


@contextmanager
def failures_in_one_line():
    """End with exit code 1 and one line where a file or parameter is at fault."""
    try:
        yield
    except (ImportError, OSError, TypeError, ValueError) as error:
        raise click.ClickException(" ".join(str(error).split())) from error


@contextmanager
def progress_on_stderr():
    """Send what training prints to stderr, as stdout is for results."""
    with redirect_stdout(sys.stderr):
        yield


def start_keras():
    """Import Keras, and what it runs on, with a line that says why it takes a while."""
    if "keras" in sys.modules:
        return
    say("Starting Keras, which takes 5 to 15 seconds ...")
    try:
        _startup.start_keras()
    except ImportError as error:
        raise click.ClickException(
            f"Keras does not start: {error}. Reinstall what it runs on: "
            "pip install --force-reinstall tensorflow, unless KERAS_BACKEND names "
            "something else."
        ) from error


def check_output(path, force):
    """Refuse, before any work, a file that cannot or should not be written.

    Parameters
    ----------
    path : Path
        The file.
    force : bool
        Whether a file that exists may be replaced.
    """
    if path.is_dir():
        raise click.UsageError(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise click.UsageError(f"{path.parent} is not a folder; make it first.")
    if not os.access(path.parent, os.W_OK):
        raise click.UsageError(f"{path.parent} cannot be written to.")
    if path.exists() and not force:
        raise click.UsageError(f"{path} exists; replace it with --force.")
