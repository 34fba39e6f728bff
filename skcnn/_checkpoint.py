"""Training that is killed goes on where its last whole epoch ended."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
from sklearn.utils import check_random_state

from skcnn import _schema
from skcnn._archive import Encoder, read_archive, write_archive
from skcnn._images import chunk_rows

# Parameters that change nothing of what a fit arrives at.
IRRELEVANT = ("callbacks", "random_state", "verbose", "warm_start")


class Checkpoint:
    """The state of a fit, in a file that is renewed after each epoch.

    Parameters
    ----------
    path : str or path-like
        The file. One that is there has to be of the same fit.

    Raises
    ------
    TypeError
        If `path` is no path.
    OSError
        If its folder does not exist.
    """

    def __init__(self, path):
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"Got checkpoint={path!r}, but expected a path or None.")
        self.path = Path(path)
        folder = self.path.absolute().parent
        if not folder.is_dir():
            raise FileNotFoundError(
                f"Got checkpoint={str(path)!r}, but {folder} is not a folder."
            )
        self._state = None

    def begin(self, estimator, arrays):
        """Return the random generator that the fit begins with.

        Parameters
        ----------
        estimator : BaseCNNClassifier
            Its parameters, and `random_state`.
        arrays : sequence of ndarray or None
            All that is trained on.

        Returns
        -------
        RandomState

        Raises
        ------
        ValueError
            If the file is there, but not a checkpoint of this fit, or damaged.
        """
        generator = check_random_state(estimator.random_state)
        if estimator.random_state is None:
            # Not the global one, whose state is not this package's to set.
            generator = np.random.RandomState(generator.randint(2**32, dtype=np.uint32))
        self._fingerprint = _fingerprint(estimator, arrays)
        if self.path.exists():
            self._state = read_archive(self.path, _state)
            if self._state["fingerprint"] != self._fingerprint:
                raise ValueError(
                    f"{self.path} is the checkpoint of a fit with other parameters or "
                    "other data. Delete it, or name another file."
                )
            n_done = len(self._state["history"]["loss"])
            if n_done > estimator.epochs:
                raise ValueError(
                    f"{self.path} is damaged: it has {n_done} epochs of a fit of "
                    f"{estimator.epochs}. Delete it, or name another file."
                )
            # An integer says how the fit began; if it changed, so did the fit.
            if isinstance(estimator.random_state, (int, np.integer)) and not _equal(
                generator.get_state(legacy=False), self._state["beginning"]
            ):
                raise ValueError(
                    f"{self.path} is the checkpoint of a fit with another "
                    "random_state. Delete it, or name another file."
                )
            generator.set_state(self._state["beginning"])
        self._beginning = generator.get_state(legacy=False)
        return generator

    def resume(self, classifier, generator, best):
        """Put everything as it was after the last epoch in the file, if there is one.

        Parameters
        ----------
        classifier : SharedTraceKerasClassifier
            Gets weights, the optimiser's values and history.
        generator : RandomState
            Gets the state.
        best : _Best or None
            Gets the best weights.

        Returns
        -------
        int
            How many epochs are done.
        """
        if self._state is None:
            return 0
        state = self._state
        classifier.restore(
            state["weights"], state["optimizer_values"], state["history"]
        )
        generator.set_state(state["generator"])
        if best is not None:
            best.score, best.unimproved, best.weights = state["best"]
        return len(state["history"]["loss"])

    def keep(self, classifier, generator, best):
        """Write the state after an epoch.

        Parameters
        ----------
        classifier, generator, best
            As for `resume`.
        """
        state = {
            "fingerprint": self._fingerprint,
            "beginning": self._beginning,
            "generator": generator.get_state(legacy=False),
            "weights": classifier.weights_,
            "optimizer_values": classifier.optimizer_values_,
            "history": classifier.history_,
            "best": best
            and [best.score, best.unimproved, [np.asarray(w) for w in best.weights]],
        }
        encode = Encoder()
        write_archive(self.path, {"checkpoint": encode(state)}, encode)


_DOCUMENT = _schema.record(
    {
        "format": _schema.integer(),
        "versions": lambda versions, place: None,
        "checkpoint": lambda state, place: None,
    }
)
_STATE = _schema.record(
    {
        "fingerprint": _schema.text(64, "[0-9a-f]{64}"),
        "beginning": _schema.random_state,
        "generator": _schema.random_state,
        "weights": _schema.values_of_variables,
        "optimizer_values": _schema.values_of_variables,
        "history": _schema.history,
        "best": _schema.either(
            _schema.nothing,
            _schema.several(lambda value, place: None, most=3, least=3),
        ),
    }
)
_BEST = (_schema.number, _schema.integer(0), _schema.values_of_variables)


def _state(document, decode):
    """Return the state in a file, each value of which is as `keep` writes it."""
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


def _form(value):
    return value.shape, value.dtype


def _equal(one, other):
    return (
        repr(one) == repr(other)
        and (one["state"]["key"] == other["state"]["key"]).all()
    )


def _fingerprint(estimator, arrays):
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
            # By parts, each of which may have to be copied into C order.
            for rows in chunk_rows(len(array), array.shape[1:]):
                digest.update(np.ascontiguousarray(array[rows]).data)
        else:
            digest.update(repr(array.tolist()).encode())
    return digest.hexdigest()
