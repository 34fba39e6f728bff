"""Training that was killed goes on where its last complete epoch ended."""

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skcnn._images.forms import chunk_rows
from skcnn._storage import schema
from skcnn._training.archive import Encoder, read_archive, write_archive
from skcnn._training.state import Best, TrainState

# Parameters that do not change the result of a fit. What is taken over from `init_from`
# does, and is one of the arrays that are trained on.
IRRELEVANT = ("callbacks", "init_from", "random_state", "verbose", "warm_start")


def check_path(path: str | os.PathLike) -> Path:
    """Return the path of a checkpoint; refuse what is none, or has no folder."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"Got checkpoint={path!r}, but expected a path or None.")
    path = Path(path)
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"Got checkpoint={str(path)!r}, but {folder} is not a folder."
        )
    return path


@dataclass(frozen=True)
class Checkpoint:
    """A file that holds the state of a fit after its last complete epoch.

    Attributes
    ----------
    path : Path
        The file.
    fingerprint : str
        Digest of the fit's parameters and data.
    beginning : dict
        State of the random generator when the fit began.
    state : TrainState or None
        What the file held when the fit began; None if there was no file.
    """

    path: Path
    fingerprint: str
    beginning: dict[str, Any]
    state: TrainState | None

    def keep(self, state: TrainState) -> None:
        """Write the state after an epoch."""
        best = state.best
        content = {
            "fingerprint": self.fingerprint,
            "beginning": self.beginning,
            "generator": state.generator,
            "weights": state.weights,
            "optimizer_values": state.slots,
            "history": state.history,
            "best": best
            and [best.score, best.epochs_without_improvement, best.weights],
        }
        encode = Encoder()
        write_archive(self.path, {"checkpoint": encode(content)}, encode)


@dataclass(frozen=True)
class OpenedCheckpoint:
    """A file before it is known whether it is of the present fit.

    Attributes
    ----------
    path : Path
        The file.
    content : dict or None
        What it holds; None if there is no file.
    given : dict
        State of the random generator that `fit` was given.
    beginning : dict
        State of the random generator with which the fit of the file began; without a
        file, the present fit.
    """

    path: Path
    content: dict[str, Any] | None
    given: dict[str, Any]
    beginning: dict[str, Any]

    def of_fit(self, estimator: Any, arrays: Sequence[np.ndarray | None]) -> Checkpoint:
        """Return the checkpoint of a fit.

        No parameter of the estimator is "auto", and `arrays` are all that is trained
        on. Raises ValueError if the file is of another fit, or damaged.
        """
        path, content = self.path, self.content
        fingerprint = _fingerprint(estimator, arrays)
        if content is None:
            return Checkpoint(path, fingerprint, self.beginning, None)
        if content["fingerprint"] != fingerprint:
            raise ValueError(
                f"{path} is the checkpoint of a fit with other parameters or other "
                'data, or, with dtype="auto", of a machine that trains in another '
                "dtype. Delete it, or name another file."
            )
        n_done = len(content["history"]["loss"])
        if n_done > estimator.epochs:
            raise ValueError(
                f"{path} is damaged: it has {n_done} epochs of a fit of "
                f"{estimator.epochs}. Delete it, or name another file."
            )
        # An integer says how the fit began; if it changed, so did the fit.
        if isinstance(estimator.random_state, (int, np.integer)) and not _equal(
            self.given, self.beginning
        ):
            raise ValueError(
                f"{path} is the checkpoint of a fit with another random_state. Delete "
                "it, or name another file."
            )
        best = content["best"]
        state = TrainState(
            content["weights"],
            content["optimizer_values"],
            content["history"],
            content["generator"],
            epoch=n_done,
            best=None if best is None else Best(*best),
        )
        return Checkpoint(path, fingerprint, self.beginning, state)


def open_checkpoint(
    path: Path, seed: Any, random_state: np.random.RandomState
) -> tuple[OpenedCheckpoint, np.random.RandomState]:
    """Read a checkpoint, if there is one, and return the generator of its fit.

    `seed` is the parameter `random_state`, and `random_state` the generator that it
    stands for. The generator stands where the fit of the file began. Raises ValueError
    if the file is no checkpoint.
    """
    if seed is None:
        # NumPy's global generator has to stay as it is.
        number = random_state.randint(2**32, dtype=np.uint32)
        random_state = np.random.RandomState(number)
    given = random_state.get_state(legacy=False)
    content = read_archive(path, _content) if path.exists() else None
    beginning = given if content is None else content["beginning"]
    random_state.set_state(beginning)
    return OpenedCheckpoint(path, content, given, beginning), random_state


_DOCUMENT = schema.record(
    {
        "format": schema.integer(),
        "versions": lambda versions, place: None,
        "checkpoint": lambda state, place: None,
    }
)
_STATE = schema.record(
    {
        "fingerprint": schema.text(64, "[0-9a-f]{64}"),
        "beginning": schema.random_state,
        "generator": schema.random_state,
        "weights": schema.values_of_variables,
        "optimizer_values": schema.values_of_variables,
        "history": schema.history,
        "best": schema.either(
            schema.nothing,
            schema.several(lambda value, place: None, most=3, least=3),
        ),
    }
)
_BEST = (schema.number, schema.integer(0), schema.values_of_variables)


def _content(document: dict[str, Any], decode: Callable) -> dict[str, Any]:
    """Return what a file holds, each value of which is as `keep` writes it."""
    if "checkpoint" not in document:
        raise ValueError("it holds a model and not a checkpoint.")
    _DOCUMENT(document, "the document")
    state = decode(document["checkpoint"])
    _STATE(state, "checkpoint")
    if state["best"] is not None:
        for check, value in zip(_BEST, state["best"], strict=True):
            check(value, "checkpoint.best")
        if list(map(_form, state["best"][2])) != list(map(_form, state["weights"])):
            raise ValueError("The best weights are those of another network.")
    return state


def _form(value: np.ndarray) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and dtype."""
    return value.shape, value.dtype


def _equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two states of a random generator are the same."""
    return (
        repr(one) == repr(other)
        and (one["state"]["key"] == other["state"]["key"]).all()
    )


def _fingerprint(estimator: Any, arrays: Sequence[np.ndarray | None]) -> str:
    """Return a digest of all that decides what a fit arrives at but its seed."""
    parameters = estimator.get_params(deep=False)
    for name in IRRELEVANT:
        del parameters[name]
    encode = Encoder()
    text = json.dumps([type(estimator).__name__, encode(parameters)], sort_keys=True)
    digest = hashlib.sha256(text.encode())
    for array in [*encode.arrays, *arrays]:
        if array is None:
            digest.update(b"None")
            continue
        array = np.asarray(array)
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        if array.dtype.kind in "biuf":
            array = np.atleast_1d(array)
            # Chunk by chunk, because each may have to be copied into C order.
            for rows in chunk_rows(len(array), array.shape[1:]):
                digest.update(np.ascontiguousarray(array[rows]).data)
        else:
            digest.update(repr(array.tolist()).encode())
    return digest.hexdigest()
