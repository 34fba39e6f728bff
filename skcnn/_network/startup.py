"""Keras's start: its import and its first device, without TensorFlow's notes."""

import faulthandler
import os
import platform
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO

from skcnn._network.backends import backend
from skcnn._network.threads import bound_threads

# TensorFlow reads this variable once, while it is imported. "2" hides notes and
# warnings of the C++ code for the rest of the process; errors stay visible.
LEVEL = "TF_CPP_MIN_LOG_LEVEL"
ERRORS_ONLY = "2"

# "3" would hide errors too. Many tutorials recommend it to be rid of the notes, so it
# is treated as if the variable was not set.
LEVELS_TO_RESPECT = ("0", "1", "2")

# TensorFlow reads this variable while it is imported: whether oneDNN computes
# convolutions and matrix products.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"

# What TensorFlow writes in a normal start, before it reads the variable or at level 2:
# notes, warnings, and "errors" about graphics cards that are not there.
_NOTE = re.compile(
    rb"(?:([IWE])\d{4} [\d:.]+ +\d+|\d{4}-\d\d-\d\d [\d:.]+: ([IWE])) [\w./-]+:\d+\]"
)
_MISSING_GPU = re.compile(rb"cuda|cudnn|cublas|cufft|cuInit|nvidia|tensorrt", re.I)
_NOTES_WITHOUT_PREFIX = (
    b"WARNING: All log messages before absl::InitializeLog() is called",
    b"To enable the following instructions:",
)

_lock = threading.RLock()
_hides_notes = False
_devices_started = False


def start_keras() -> None:
    """Import Keras and its backend, if this has not happened yet.

    TensorFlow's notes about oneDNN, graphics cards and processor flags are hidden,
    unless the user has set TF_CPP_MIN_LOG_LEVEL to 0, 1 or 2. If the import fails, all
    that was written meanwhile appears. Where the user has imported Keras or TensorFlow
    before, nothing is hidden.
    """
    global _hides_notes
    with _lock:
        if sys.modules.get("keras") is None:
            _hides_notes = (
                sys.modules.get("tensorflow") is None
                and os.environ.get(LEVEL) not in LEVELS_TO_RESPECT
            )
            with _notes_hidden(), _onednn_enabled():
                import keras  # noqa: F401
    bound_threads()


def start_devices() -> None:
    """Let the backend look for its devices, of which TensorFlow writes a note too."""
    global _devices_started
    if _devices_started:
        return
    with _lock:
        if not _devices_started and _hides_notes:
            with _notes_hidden():
                backend().start_devices()
        _devices_started = True


@contextmanager
def keras_unchanged() -> Iterator[None]:
    """Undo what an import does to Keras's own classes.

    SciKeras sets other ways to copy and to pickle on `keras.Model` and three more
    classes, which would change what a user's own models do. Keras 3 pickles by itself.
    Where Keras does not run on TensorFlow, the import does without TensorFlow, which
    SciKeras needs for seeds only; they have no part in anything here.
    """
    import keras

    owners: list[Any] = [
        keras.Model,
        keras.losses.Loss,
        keras.metrics.Metric,
        keras.optimizers.Optimizer,
    ]
    before = [dict(vars(owner)) for owner in owners]
    hidden = keras.config.backend() != "tensorflow" and "tensorflow" not in sys.modules
    if hidden:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules["tensorflow"]
        for owner, attributes in zip(owners, before, strict=True):
            for name in dict(vars(owner)):
                if name not in attributes:
                    delattr(owner, name)
                elif vars(owner)[name] is not attributes[name]:
                    setattr(owner, name, attributes[name])


@contextmanager
def import_notes_hidden() -> Iterator[None]:
    """Hide the notes of TensorFlow if it is imported in this context."""
    if "tensorflow" in sys.modules:
        yield
        return
    with _notes_hidden():
        yield


@contextmanager
def _notes_hidden() -> Iterator[None]:
    """Hide TensorFlow's notes on stderr; all other lines appear at the end."""
    if not _hides_notes:
        yield
        return
    before = os.environ.get(LEVEL)
    os.environ[LEVEL] = ERRORS_ONLY
    try:
        with _stderr_filtered():
            yield
    finally:
        if before is None:
            del os.environ[LEVEL]
        else:
            os.environ[LEVEL] = before


@contextmanager
def _onednn_enabled() -> Iterator[None]:
    """Let TensorFlow compute with oneDNN if it is imported in this context.

    On x86, TensorFlow itself does so only on processors with instructions for neural
    networks (AVX512_VNNI and later). On an AMD EPYC without them, training the defaults
    on MNIST took 0.58 of the time with oneDNN, and on CIFAR-10 0.63 (2 CPUs, n = 2).
    What the user has set stays.
    """
    is_x86 = platform.machine().lower() in ("x86_64", "amd64")
    if ONEDNN in os.environ or not is_x86:
        yield
        return
    os.environ[ONEDNN] = "1"
    try:
        yield
    finally:
        del os.environ[ONEDNN]


@contextmanager
def _stderr_filtered() -> Iterator[None]:
    """Keep what is written to stderr back, then write it without the notes.

    TensorFlow writes from C++ and thus past sys.stderr, so the file descriptor 2 itself
    is redirected. A crash of the process would take the text kept back along, so
    Python's fault handler says where it happened.
    """
    try:
        # Without it, descriptor 2 may be any file that the user has opened since.
        if sys.__stderr__ is None or sys.__stderr__.fileno() != 2:
            raise OSError("no stderr")
        kept = _memory_file()
    except (OSError, ValueError):
        yield
        return
    with kept:
        _flush_stderr()
        stderr = os.dup(2)
        traces_crashes = not faulthandler.is_enabled()
        if traces_crashes:
            faulthandler.enable(stderr)
        os.dup2(kept.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            _flush_stderr()
            os.dup2(stderr, 2)
            if traces_crashes:
                faulthandler.disable()
            kept.seek(0)
            lines = kept.read().splitlines(keepends=True)
            _write(stderr, b"".join(x for x in lines if failed or not _is_note(x)))
            os.close(stderr)


def _memory_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):  # needs no folder that can be written to
        return os.fdopen(os.memfd_create("stderr"), "w+b")
    return tempfile.TemporaryFile()


def _is_note(line: bytes) -> bool:
    """Say whether a line is one that TensorFlow writes in a normal start."""
    found = _NOTE.match(line)
    if found is None:
        return line.startswith(_NOTES_WITHOUT_PREFIX)
    is_error = b"E" in (found[1], found[2])
    return not is_error or _MISSING_GPU.search(line) is not None


def _flush_stderr() -> None:
    """Write what Python's own streams on stderr hold back."""
    for stream in (sys.stderr, sys.__stderr__):
        if stream is not None:
            with suppress(OSError, ValueError):  # closed, or nobody reads it any more
                stream.flush()


def _write(descriptor: int, text: bytes) -> None:
    with suppress(OSError):  # nobody reads it any more
        while text:
            text = text[os.write(descriptor, text) :]
