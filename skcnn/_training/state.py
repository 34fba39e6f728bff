"""The state of a training, as one value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self


@dataclass(frozen=True)
class Best:
    """The best weights of a run, by validation accuracy."""

    score: float
    epochs_without_improvement: int
    weights: Sequence[Any]


@dataclass(frozen=True)
class TrainState:
    """All that training arrives at and goes on from.

    A new fit draws one; a later fit, a saved model, a pickle and a checkpoint bring
    theirs. Nothing changes a state: each step of training makes another one.

    Attributes
    ----------
    weights : sequence of array
        Trainable weights, then the others. NumPy arrays after each epoch, tensors of
        Keras's backend in between.
    slots : sequence of array
        The optimizer's variables, likewise.
    history : mapping of str to list of float
        What each epoch measured, over all fits.
    generator : dict
        State of the random generator after the last epoch, as
        `numpy.random.RandomState.get_state` returns it.
    epoch : int
        Epochs of the present run that are over.
    best : Best or None
        Of the present run, if it stops early.
    interrupted : bool
        Whether Ctrl-C ended the present run, or, between runs, the last one.
    """

    weights: Sequence[Any]
    slots: Sequence[Any]
    history: Mapping[str, list[float]]
    generator: dict[str, Any]
    epoch: int = 0
    best: Best | None = None
    interrupted: bool = False

    @property
    def values(self) -> list[Any]:
        """Weights, then slots."""
        return [*self.weights, *self.slots]

    @property
    def n_epochs(self) -> int:
        """Number of epochs over all fits."""
        return len(self.history.get("loss", ()))

    def with_values(self, values: Sequence[Any]) -> Self:
        """Return this state with other weights and slots."""
        n = len(self.weights)
        return replace(self, weights=values[:n], slots=values[n:])

    def after_epoch(
        self, values: Sequence[Any], log: Mapping[str, float], generator: dict[str, Any]
    ) -> Self:
        """Return the state after an epoch that measured `log`."""
        measured = {
            name: [*self.history.get(name, ()), value] for name, value in log.items()
        }
        return replace(
            self.with_values(values),
            history={**self.history, **measured},
            generator=generator,
            epoch=self.epoch + 1,
        )

    def with_score(self, score: float, tol: float = 0.0) -> Self:
        """Return this state with its weights as the best ones, if `score` is higher.

        A score counts as an improvement if it exceeds the best one by at least `tol`.
        """
        best = self.best
        if best is None:
            return replace(self, best=Best(score, 0, self.weights))
        improved = score >= best.score + tol
        waited = 0 if improved else best.epochs_without_improvement + 1
        if score > best.score:
            best = replace(best, score=score, weights=self.weights)
        return replace(self, best=replace(best, epochs_without_improvement=waited))

    def has_waited(self, patience: float | None) -> bool:
        """Whether more than `patience` epochs in a row brought no improvement."""
        if patience is None or self.best is None:
            return False
        return self.best.epochs_without_improvement > patience

    def with_best_weights(self) -> Self:
        """Return this state with the best weights, if any were noted."""
        return self if self.best is None else replace(self, weights=self.best.weights)

    def at_rest(self) -> Self:
        """Return what is left of this state when its run is over."""
        return replace(self, epoch=0, best=None)
