"""How far a training has come, and how long the rest of it will take."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from skcnn._messages.wording import duration
from skcnn._training.schedule import Schedule

# A prediction takes about a third of the time of a training step on the same images.
SHARE_OF_PREDICTION = 1 / 3


class Progress:
    """Measures a training run while it goes on, and estimates what is left of it.

    A step takes time in proportion to the pixels of its images, until steps on images
    of that size are measured. Compiling a step is measured apart.

    Parameters
    ----------
    schedule : Schedule
        What is planned.
    n_images : int
        Number of training images.
    n_validation : int
        Number of validation images.
    first : int
        The epoch with which the run begins.
    is_shown : bool
        Whether somebody looks at it.

    Attributes
    ----------
    epoch : int
        The present epoch, from 0 on.
    epochs : int
        Number of epochs planned.
    steps : int
        Steps of an epoch.
    step : int
        Steps of the present epoch that are done.
    log : Mapping of str to float
        What the present epoch has measured so far.
    """

    def __init__(
        self,
        schedule: Schedule,
        n_images: int,
        n_validation: int,
        first: int,
        is_shown: bool,
    ) -> None:
        self.is_shown = is_shown
        self.epoch, self.epochs = first, schedule.epochs
        self.step, self.steps = 0, schedule.steps(n_images)
        self.log: Mapping[str, float] = {}
        self._schedule, self._n_images = schedule, n_images
        self._share_of_validation = n_validation / n_images * SHARE_OF_PREDICTION
        # Another thread may read these, so each is changed in one go.
        self._measured: dict[tuple[int, int], tuple[float, int]] = {}
        self._compiling: dict[tuple[int, int], float] = {}
        self._between_epochs: list[float] = []
        self._start = self._last = time.perf_counter()

    def begin_epoch(self, epoch: int) -> None:
        """Note that an epoch begins."""
        now = time.perf_counter()
        if self.step:
            self._between_epochs.append(now - self._last)
        self.epoch, self.step, self._last = epoch, 0, now

    def has_compiled(self, size: tuple[int, int]) -> bool:
        """Return whether the step on images of a size is known to be compiled."""
        return size in self._compiling

    def compiled(self, size: tuple[int, int]) -> None:
        """Note that the step on images of a size has been compiled."""
        now = time.perf_counter()
        self._compiling[size], self._last = now - self._last, now

    def advance(
        self, size: tuple[int, int], n_steps: int, log: Mapping[str, float]
    ) -> None:
        """Note that a call has trained so many steps on images of a size."""
        now = time.perf_counter()
        seconds, steps = self._measured.get(size, (0.0, 0))
        self._measured[size] = (seconds + now - self._last, steps + n_steps)
        self.step, self.log, self._last = self.step + n_steps, log, now

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self._start

    @property
    def fraction(self) -> float:
        """The share of all epochs that is done."""
        return (self.epoch + self.step / self.steps) / self.epochs

    def seconds_left(self) -> float | None:
        """Return how long the rest of the run will take; None if nothing is known."""
        if not self._measured:
            return None
        done = self.epoch * self.steps + self.step
        compiling = list(self._compiling.values())
        left = 0.0
        for size, n_steps in self._schedule.steps_left(done, self._n_images):
            left += n_steps * self._seconds_of_step(size)
            if n_steps and compiling and not self.has_compiled(size):
                left += sum(compiling) / len(compiling)
        since = time.perf_counter() - self._last
        # The present epoch may be between its last step and the next epoch.
        rest = self._seconds_between_epochs(since)
        left += rest * (self.epochs - self.epoch - 1)
        return max(0.0, left - (since if self.step < self.steps else 0.0))

    def line(self) -> str:
        """Return in one line how far the run is."""
        log = self.log
        parts = []
        if log:
            parts += [f"loss {log['loss']:.4f}", f"accuracy {log['accuracy']:.4f}"]
        if "val_accuracy" in log:
            parts.append(f"validation accuracy {log['val_accuracy']:.4f}")
        parts.append(duration(self.elapsed))
        left = self.seconds_left()
        if left is not None and self.fraction < 1:
            about = "about" if self._schedule.patience is None else "at most"
            parts.append(f"{about} {duration(left)} left")
        number = f"{self.epoch + 1:{len(str(self.epochs))}}/{self.epochs}"
        share = "" if self.step == self.steps else f", {self.step / self.steps:4.0%}"
        return f"Epoch {number}{share}: {', '.join(parts)}"

    def _seconds_of_step(self, size: tuple[int, int]) -> float:
        """Return how long a step takes; sizes not yet seen are compared by pixels."""
        if size in self._measured:
            seconds, n_steps = self._measured[size]
            return seconds / n_steps
        cost = _cost(size)
        nearest = min(list(self._measured), key=lambda known: abs(_cost(known) - cost))
        return self._seconds_of_step(nearest) * cost / _cost(nearest)

    def _seconds_between_epochs(self, since: float) -> float:
        """Return how long validation and the rest after the last step take."""
        if self._between_epochs:
            return min(self._between_epochs[-2:])
        # In the first epoch, the prediction is compiled.
        predicted = self._share_of_validation * self.steps
        predicted *= self._seconds_of_step(self._schedule.sizes[-1])
        return min(since, predicted) if self.step == self.steps else predicted


def _cost(size: tuple[int, int]) -> float:
    """Return what a step on images of a size costs, in pixels."""
    return size[0] * size[1]


class Watch:
    """Holds the progress of the training that goes on now.

    Attributes
    ----------
    progress : Progress or None
        That of the last training that began; None if none has begun.
    n_begun : int
        Number of trainings that have begun.
    """

    progress: Progress | None = None
    n_begun: int = 0


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watched() -> Iterator[Watch]:
    """Let another thread see the progress of each training inside of this context."""
    watch = Watch()
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


def begin_progress(
    schedule: Schedule, n_images: int, n_validation: int, first: int, verbose: int
) -> Progress:
    """Return the progress of a training that begins, for those that watch too."""
    watch = _WATCH.get()
    is_shown = bool(verbose) or watch is not None
    progress = Progress(schedule, n_images, n_validation, first, is_shown)
    if watch is not None:
        watch.progress = progress
        watch.n_begun += 1
    return progress
