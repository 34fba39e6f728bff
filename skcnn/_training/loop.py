"""The training loop: from one state to another, epoch by epoch."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from skcnn._images.labeled import LabeledImages, TrainingData
from skcnn._images.numerics import log_probabilities
from skcnn._images.read_ahead import random_order
from skcnn._network.step import Batch, StepOptions
from skcnn._training.checkpoint import Checkpoint
from skcnn._training.compiled import CompiledNetwork, arrays, tensors
from skcnn._training.keras_callbacks import KerasCallbacks
from skcnn._training.progress import Progress, begin_progress
from skcnn._training.schedule import Schedule
from skcnn._training.sklearn_callbacks import FitTasks
from skcnn._training.state import TrainState

# Images predicted at once: more would gain little, and of large ones fewer, because a
# layer may give a hundred values for each pixel.
MAX_PREDICTION_BATCH = 512
MAX_PREDICTION_PIXELS = 2**20

# The loss of a network that guesses is the logarithm of the number of classes. A loss
# of a million comes from weights that have diverged, and accuracy is then chance.
LARGEST_LOSS = 1e6

# With weights beyond this, logits may overflow, so they are tried out. Trained networks
# have weights below 10.
SUSPICIOUS_WEIGHT = 100


class Listeners(NamedTuple):
    """Those that are told of the epochs of a run, and may stop it."""

    callbacks: KerasCallbacks
    tasks: FitTasks
    checkpoint: Checkpoint | None = None
    verbose: int = 0


def train(
    state: TrainState,
    data: TrainingData,
    network: CompiledNetwork,
    schedule: Schedule,
    listeners: Listeners,
    random_state: np.random.RandomState,
) -> TrainState:
    """Train from a state to the end of the schedule, or until somebody stops it.

    `random_state` draws orders and seeds. The user may share it with others, so it is
    no part of the state, which notes how it stands after each epoch.

    Raises ValueError if training diverges: if after an epoch a loss is not finite or
    more than `LARGEST_LOSS`, or a weight is not finite.
    """
    callbacks, tasks, checkpoint, verbose = listeners
    patience = schedule.patience
    state = replace(state, interrupted=False)
    with network.precision():
        if patience is not None and state.best is None and state.n_epochs:
            assert data.validation is not None
            # Measured anew: scores of earlier fits may be those of other images.
            measured = _measure(state, data.validation, network)
            state = state.with_score(measured.averages()["accuracy"])
        try:
            # Within an epoch a state holds tensors of the backend, else NumPy arrays.
            running = callbacks.begin(state)
            tasks.begin()
            n_validation = 0 if data.validation is None else len(data.validation)
            progress = begin_progress(
                schedule, len(data.training), n_validation, running.epoch, verbose
            )
            over = state.has_waited(patience)
            for _ in () if over else range(running.epoch, schedule.epochs):
                tasks.begin_epoch()
                running, log = _run_epoch(
                    running, data, network, schedule, callbacks, random_state, progress
                )
                progress.log = log
                if verbose:
                    print(progress.line(), flush=True)
                generator = random_state.get_state(legacy=False)
                trained = running.after_epoch(arrays(running.values), log, generator)
                _refuse_divergence(trained, log, data.training, network, schedule)
                if patience is not None:
                    trained = trained.with_score(log["val_accuracy"], schedule.tol)
                state = trained
                if checkpoint is not None:
                    checkpoint.keep(state)
                stopped = tasks.end_epoch(state)
                if stopped or callbacks.stop or state.has_waited(patience):
                    break
                running = state.with_values(running.values)
            state = callbacks.end(state.with_best_weights())
        except KeyboardInterrupt:
            # Inside a search Ctrl-C must stop the search, so it is raised again.
            if not state.epoch or tasks.is_one_of_many():
                raise
            state = replace(state.with_best_weights(), interrupted=True)
        tasks.end(state)
    return state


def _run_epoch(
    state: TrainState,
    data: TrainingData,
    network: CompiledNetwork,
    schedule: Schedule,
    callbacks: KerasCallbacks,
    random_state: np.random.RandomState,
    progress: Progress,
) -> tuple[TrainState, dict[str, float]]:
    """Train on all images once and validate; return the state and what was measured."""
    training, validation = data
    epoch = state.epoch
    with random_order(training.X) if schedule.shuffle else nullcontext():
        state, log = _train_epoch(
            state, training, network, schedule, callbacks, random_state, progress
        )
    if validation is not None:
        state = callbacks.begin_test(state)
        measured = _measure(state, validation, network)
        callbacks.test_batches(len(validation), schedule.batch_size, measured.averages)
        averages = measured.averages()
        state = callbacks.end_test(state, averages)
        log |= {f"val_{name}": value for name, value in averages.items()}
    return callbacks.end_epoch(state, epoch, log), log


def _train_epoch(
    state: TrainState,
    data: LabeledImages,
    network: CompiledNetwork,
    schedule: Schedule,
    callbacks: KerasCallbacks,
    random_state: np.random.RandomState,
    progress: Progress,
) -> tuple[TrainState, dict[str, float]]:
    """Train on each image once; return the state and the mean loss and accuracy."""
    n, batch_size, dtype = len(data), schedule.batch_size, network.dtype
    rates, sizes = schedule.plan(state.epoch, n)
    callbacks.begin_epoch(state.epoch, rates[0])
    progress.begin_epoch(state.epoch)
    flip_mask = _flip_mask(n, state.n_epochs)
    order = random_state.permutation(n) if schedule.shuffle else np.arange(n)
    seed = np.int32(random_state.randint(np.iinfo(np.int32).max))
    loss_sum = correct_sum = weight_sum = 0.0
    log: dict[str, float] = {}
    for step, end in schedule.calls(sizes, data.image_bytes, callbacks.per_batch):
        part = order[step * batch_size : end * batch_size]
        weights = np.ones(len(part)) if data.weights is None else data.weights[part]
        batch = Batch(
            network.images(data.images(part)),
            data.class_indices[part],
            weights.astype(dtype),
            flip_mask[part],
        )
        callbacks.begin_batch(step, rates[step])
        options = StepOptions(
            size=sizes[step],
            rates=rates[step:end] * np.float32(callbacks.rate_factor),
            batch_size=np.int32(batch_size),
            dropout=np.array(schedule.dropout, dtype),
            smoothing=np.array(schedule.label_smoothing, dtype),
            seed=seed,
            step=np.int32(step),
        )
        if progress.is_shown and not progress.has_compiled(options.size):
            # This step is compiled, and its result dropped, so that the time which a
            # step takes is known from the first epoch on.
            first = Batch(*(values[:batch_size] for values in batch))
            alone = options._replace(rates=options.rates[:1])
            network.train(state.values, first, alone)
            progress.compiled(options.size)
        values, loss, correct = network.train(state.values, batch, options)
        state = state.with_values(values)
        loss_sum += loss
        correct_sum += correct
        weight_sum += weights.sum()
        log = {
            "loss": float(loss_sum / weight_sum),
            "accuracy": float(correct_sum / weight_sum),
        }
        progress.advance(options.size, end - step, log)
        state = callbacks.end_batch(state, step, rates[step], log)
        if callbacks.stop:
            break
    return state, log


def _flip_mask(n_images: int, n_epochs: int) -> np.ndarray:
    """Return which images are flipped in the epoch after `n_epochs` others.

    Each image is flipped in every other epoch: K. Jordan, "94% on CIFAR-10 in 3.29
    Seconds on a Single GPU", 2024, section 3.6; https://arxiv.org/abs/2404.00498.
    One half of the images is flipped first, the same half for each seed, so that
    nothing has to be remembered for a later fit that goes on.
    """
    first_half = np.random.RandomState(0).random_sample(n_images) < 0.5
    return first_half ^ (n_epochs % 2 == 1)


class _Measured(NamedTuple):
    """Loss of each image, whether it was classified correctly, and its weight."""

    losses: np.ndarray
    correct: np.ndarray
    weights: np.ndarray | None

    def averages(self, end: int | None = None) -> dict[str, float]:
        """Return loss and accuracy over the images up to one."""
        weights = None if self.weights is None else self.weights[:end]
        return {
            "loss": float(np.average(self.losses[:end], weights=weights)),
            "accuracy": float(np.average(self.correct[:end], weights=weights)),
        }


def _measure(
    state: TrainState, data: LabeledImages, network: CompiledNetwork
) -> _Measured:
    """Predict validation images with the weights of a state."""
    weights = tensors(state.weights)
    losses, correct = np.empty(len(data)), np.empty(len(data))
    size = prediction_batch(data.image_shape)
    for start in range(0, len(data), size):
        part = slice(start, start + size)
        logits = network.logits(weights, network.images(data.images(part)))
        classes = data.class_indices[part]
        losses[part] = -log_probabilities(logits)[np.arange(len(classes)), classes]
        correct[part] = logits.argmax(axis=1) == classes
    return _Measured(losses, correct, data.weights)


def _refuse_divergence(
    state: TrainState,
    log: Mapping[str, float],
    data: LabeledImages,
    network: CompiledNetwork,
    schedule: Schedule,
) -> None:
    """Raise if an epoch left no network that can predict."""
    names = {"loss": "loss", "val_loss": "validation loss"}
    found = [
        f"the {name} is {log[key]:.3g}"
        for key, name in names.items()
        if not log.get(key, 0.0) <= LARGEST_LOSS
    ]
    if not found:
        largest = np.array([_largest(value) for value in state.values])
        if not np.isfinite(largest).all():
            found = ["the weights are no longer finite"]
        elif (largest[: network.n_trainable] > SUSPICIOUS_WEIGHT).any():
            part = slice(prediction_batch(data.image_shape))
            images = network.images(data.images(part))
            if not np.isfinite(network.logits(tensors(state.weights), images)).all():
                found = ["the network's outputs are no longer finite"]
    if found:
        raise ValueError(
            f"Training diverged in epoch {state.n_epochs}: {found[0]}. Lower "
            f"learning_rate, which is {schedule.peak:g} at its highest. If the pixels "
            "are extremely large or small numbers, scale the images first, or set "
            'dtype="float64".'
        )


def _largest(values: np.ndarray) -> float:
    """Return the largest absolute value; NaN or infinity if there is one."""
    if values.dtype.kind != "f" or not values.size:
        return 0.0
    return max(values.max(), -values.min())


def prediction_batch(image_shape: tuple[int, int, int]) -> int:
    """Return how many images of a shape are predicted at once.

    A power of two, because JAX compiles each other length anew.
    """
    height, width, _ = image_shape
    most = min(MAX_PREDICTION_BATCH, MAX_PREDICTION_PIXELS // (height * width))
    return 1 << (max(most, 1).bit_length() - 1)
