"""The training loop: epochs, batches, validation, early stopping."""

import time
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np

from skcnn._checkpoint import Checkpoint
from skcnn._fit_tasks import FitTasks
from skcnn._keras_callbacks import KerasCallbacks
from skcnn._numerics import log_probabilities
from skcnn._optimizers import learning_rates
from skcnn._read_ahead import random_order, read_ahead, take

# One call of the compiled function trains on this many bytes of images at most, so
# that memory stays bounded whatever the array, and on this many steps, so that Ctrl-C
# is heard soon.
MAX_CALL_BYTES = 2**23
MAX_CALL_STEPS = 64

# Images predicted at once: more would gain little, and of large ones fewer, because a
# layer may hand on a hundred values for each pixel.
MAX_PREDICTION_BATCH = 512
MAX_PREDICTION_PIXELS = 2**20

# The loss of a network that guesses is the logarithm of the number of classes; one of
# a million comes from weights that have run away, and then accuracy is chance.
LARGEST_LOSS = 1e6

# Weights beyond this are no sign of health, and logits may overflow. Trained networks
# have weights below 10.
SUSPICIOUS_WEIGHT = 100


def prediction_batch(image_shape):
    """Return how many images of a shape are predicted at once.

    Parameters
    ----------
    image_shape : tuple of int
        ``(height, width, channels)``.

    Returns
    -------
    int
        A power of two, since JAX compiles for no other lengths.
    """
    height, width, _ = image_shape
    most = min(MAX_PREDICTION_BATCH, MAX_PREDICTION_PIXELS // (height * width))
    return 1 << (max(most, 1).bit_length() - 1)


@dataclass
class LabelledImages:
    """Some rows of a validated array with their labels and weights.

    Attributes
    ----------
    X : ndarray
        As :func:`skcnn._images.validate_images` returns it; never copied as a whole.
    image_shape : tuple of int
        ``(height, width, channels)``.
    rows : ndarray of int
        The rows of `X` that take part.
    codes : ndarray of int32
        Encoded label of each of these rows.
    weights : ndarray of float64 or None
        Weight of each of these rows.
    """

    X: np.ndarray
    image_shape: tuple
    rows: np.ndarray
    codes: np.ndarray
    weights: np.ndarray | None

    @classmethod
    def of(cls, X, image_shape, codes, weights):
        """Make a set of all images of positive weight."""
        if weights is None:
            return cls(X, image_shape, np.arange(len(X)), codes, None)
        rows = np.flatnonzero(weights)
        return cls(X, image_shape, rows, codes[rows], weights[rows])

    def __len__(self):
        return len(self.rows)

    def take(self, part):
        """Return some of these images as another such set."""
        weights = None if self.weights is None else self.weights[part]
        return LabelledImages(
            self.X, self.image_shape, self.rows[part], self.codes[part], weights
        )

    def images(self, part):
        """Return some of the images as ``(b, height, width, channels)``."""
        images = take(self.X, self.rows[part])
        return images.reshape(len(images), *self.image_shape)

    def read_ahead(self, part):
        """Say that these are the next to be asked for; see :func:`read_ahead`."""
        read_ahead(self.X, self.rows[part])

    def merged(self):
        """Return the different images in a fixed order, equal ones counted as weight.

        Where all images fit in one step this makes an image of weight two and the same
        image given twice one and the same fit, to the bit, whatever the network.
        """
        X = self.X[self.rows].reshape(len(self), -1)
        table = np.column_stack([self.codes, X])
        _, first, group = np.unique(
            table, axis=0, return_index=True, return_inverse=True
        )
        weights = np.bincount(group.ravel(), weights=self.weights)
        return LabelledImages(
            X[first],
            self.image_shape,
            np.arange(len(first)),
            self.codes[first],
            weights.astype(np.float64),
        )

    def with_mean_weight_one(self):
        """Return the same images, their weights divided by the mean weight."""
        if self.weights is None:
            return self
        weights = self.weights / self.weights.mean()
        return LabelledImages(self.X, self.image_shape, self.rows, self.codes, weights)

    def weights_of_all_rows(self):
        """Return a weight for each row of `X`, 0 for those that take no part."""
        if self.weights is None and len(self) == len(self.X):
            return None
        weights = np.zeros(len(self.X))
        weights[self.rows] = 1 if self.weights is None else self.weights
        return weights


class _Best:
    """The best weights so far, and whether to wait for better ones."""

    def __init__(self, patience, tol):
        self.patience, self.tol = patience, tol
        self.score, self.weights, self.unimproved = -np.inf, None, 0

    def update(self, score, session):
        """Take note of the validation score of the session's weights."""
        improved = score >= self.score + self.tol
        self.unimproved = 0 if improved else self.unimproved + 1
        if score > self.score:
            self.score, self.weights = score, session.weights()

    @property
    def is_final(self):
        """Whether there was no improvement for longer than `patience` epochs."""
        return self.unimproved > self.patience


@dataclass
class TrainingLoop:
    """Trains a SciKeras classifier's network epoch by epoch.

    Attributes
    ----------
    training, validation : LabelledImages
        Validation may be None.
    batch_size : int
        Images a step.
    sizes : list of tuple of int
        ``(height, width)`` of the images in successive parts, equally many steps each.
    schedule : str
        See :func:`skcnn._optimizers.learning_rates`.
    dropout : tuple of two float
        Rates after the convolution stages and after the hidden dense layers.
    label_smoothing : float
        Share of the target spread over all classes.
    shuffle : bool
        Whether each epoch draws a new order.
    random_state : RandomState
        Source of orders and seeds.
    patience : int or None
        Epochs without improvement after which to stop and return to the best weights;
        None trains on.
    tol : float
        What counts as an improvement of the validation accuracy.
    verbose : int
        Whether to print a line an epoch.
    tasks : FitTasks
        Whom to tell about epochs.
    checkpoint : Checkpoint or None
        Where the state after each epoch is kept, and taken up again.
    continues : bool
        Whether training starts from weights that an earlier fit arrived at. If they
        are the best in the end, they stay.
    interrupted : bool
        Whether the user stopped training and the epochs until then are kept.
    used_callbacks : list of keras.callbacks.Callback
        The copies of the user's callbacks that were run.
    """

    training: LabelledImages
    validation: LabelledImages | None
    batch_size: int
    sizes: list
    schedule: str
    dropout: tuple
    label_smoothing: float
    shuffle: bool
    random_state: np.random.RandomState
    patience: int | None
    tol: float
    verbose: int
    tasks: FitTasks
    checkpoint: Checkpoint | None = None
    continues: bool = False
    interrupted: bool = False
    used_callbacks: list = field(default_factory=list)

    def run(self, classifier, epochs):
        """Train for at most `epochs` epochs and keep the result in `classifier`.

        Parameters
        ----------
        classifier : SharedTraceKerasClassifier
            Holds values and history; both are updated.
        epochs : int
            Number of passes over the training images.

        Raises
        ------
        ValueError
            If training diverges: after an epoch, a loss is not finite or more than
            `LARGEST_LOSS`, or a weight is not finite.
        """
        best = None if self.patience is None else _Best(self.patience, self.tol)
        epochs, whole = int(epochs), 0
        if self.checkpoint is not None:
            whole = self.checkpoint.resume(classifier, self.random_state, best)
        session = classifier.session()
        steps = -(-len(self.training) // self.batch_size)
        callbacks = KerasCallbacks(classifier, session, epochs, steps, self.verbose)
        self.used_callbacks = callbacks.callbacks
        if best is not None and self.continues:
            # Measured anew: earlier scores may be those of other images.
            compiled = classifier.compiled_network()
            log = self._validate(self.validation, compiled, session)
            best.score, best.weights = log["val_accuracy"], session.weights()
        first = whole if best is None or not best.is_final else epochs
        try:
            first = callbacks.begin(first)
            self.tasks.begin()
            for log in self._epochs(classifier, session, callbacks, first, epochs):
                classifier.store(session, log)
                self._refuse_divergence(classifier, session, log)
                whole += 1
                if best is not None:
                    best.update(log["val_accuracy"], session)
                if self.checkpoint is not None:
                    self.checkpoint.keep(classifier, self.random_state, best)
                stop = self.tasks.end_epoch()
                if callbacks.stop or stop:
                    break
                if best is not None and best.is_final:
                    break
            if best is not None:
                session.set_weights(best.weights)
            callbacks.end()
            classifier.store(session)
        except KeyboardInterrupt:
            # Who stops a search wants all of it to stop, not this fit alone.
            if not whole or self.tasks.is_one_of_many():
                raise
            if best is not None:
                classifier.replace_weights(best.weights)
            self.interrupted = True
        finally:
            session.close()
        self.tasks.end()

    def _epochs(self, classifier, session, callbacks, first, epochs):
        """Train; yield what each epoch measured."""
        peak = classifier.peak_learning_rate
        mirrored = self._mirrored(classifier)
        start = time.perf_counter()
        for epoch in range(first, epochs):
            self.tasks.begin_epoch()
            rates, parts = self._plan(peak, epoch, epochs)
            callbacks.begin_epoch(epoch, rates[0])
            with random_order(self.training.X) if self.shuffle else nullcontext():
                log = self._train_epoch(
                    classifier, session, callbacks, rates, parts, mirrored
                )
            # Each image is seen as often flipped as not: K. Jordan, "94% on
            # CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, section 3.6;
            # https://arxiv.org/abs/2404.00498
            mirrored = ~mirrored
            if self.validation is not None:
                log |= self._validate(
                    self.validation, classifier.compiled_network(), session, callbacks
                )
            callbacks.end_epoch(epoch, log)
            if self.verbose:
                elapsed = time.perf_counter() - start
                left = elapsed / (epoch - first + 1) * (epochs - epoch - 1)
                self._report(epoch, epochs, log, elapsed, left)
            yield log

    def _plan(self, peak, epoch, epochs):
        """Return the learning rate of each step of an epoch, and the part it is in.

        One epoch at a time, so that a run of any number of epochs takes no memory.
        """
        steps = -(-len(self.training) // self.batch_size)
        first, n_steps, n_parts = epoch * steps, epochs * steps, len(self.sizes)
        rates = learning_rates(
            self.schedule, peak, first + np.arange(steps, dtype=np.float64), n_steps
        )
        # Counted from the end, because the last size is the one to predict at.
        left = [n_steps - 1 - step for step in range(first, first + steps)]
        return rates, np.array([n_parts - 1 - n * n_parts // n_steps for n in left])

    def _refuse_divergence(self, classifier, session, log):
        """Raise if the epoch just stored left no network that can predict."""
        names = {"loss": "loss", "val_loss": "validation loss"}
        found = [
            f"the {name} is {log[key]:.3g}"
            for key, name in names.items()
            if not log.get(key, 0.0) <= LARGEST_LOSS
        ]
        if not found:
            compiled = classifier.compiled_network()
            values = [*classifier.weights_, *classifier.optimizer_values_]
            largest = np.array([_largest(value) for value in values])
            if not np.isfinite(largest).all():
                found = ["the weights are no longer finite"]
            elif (largest[: compiled.n_trainable] > SUSPICIOUS_WEIGHT).any():
                part = slice(prediction_batch(self.training.image_shape))
                images = compiled.images(self.training.images(part))
                if not np.isfinite(compiled.logits(session.weights(), images)).all():
                    found = ["the network's outputs are no longer finite"]
        if found:
            rate = classifier.peak_learning_rate
            raise ValueError(
                f"Training diverged in epoch {len(classifier.history_['loss'])}: "
                f"{found[0]}. Lower learning_rate, which is {rate:g} at its highest. "
                "If the pixels are extremely large or small numbers, scale the images "
                'first, or set dtype="float64".'
            )

    def _mirrored(self, classifier):
        """Return which images to flip in the next epoch.

        Half of them, the same half for each seed: so nothing has to be kept for epochs
        that a later call adds.
        """
        mirrored = np.random.RandomState(0).random_sample(len(self.training)) < 0.5
        return mirrored ^ (len(classifier.history_.get("loss", ())) % 2 == 1)

    def _train_epoch(self, classifier, session, callbacks, rates, parts, mirrored):
        data, compiled = self.training, classifier.compiled_network()
        n = len(data)
        order = self.random_state.permutation(n) if self.shuffle else np.arange(n)
        seed = np.int32(self.random_state.randint(np.iinfo(np.int32).max))
        dtype = compiled.dtype
        loss_sum = correct_sum = weight_sum = 0.0
        for step, end in self._calls(callbacks, parts):
            part = order[step * self.batch_size : end * self.batch_size]
            weights = np.ones(len(part)) if data.weights is None else data.weights[part]
            images = compiled.images(data.images(part))
            data.read_ahead(order[end * self.batch_size :][: len(part)])
            callbacks.begin_batch(step, rates[step])
            loss, correct = session.train(
                images,
                data.codes[part],
                weights.astype(dtype),
                mirrored[part],
                size=self.sizes[parts[step]],
                rates=rates[step:end] * np.float32(callbacks.rate_factor),
                batch_size=np.int32(self.batch_size),
                dropout=np.array(self.dropout, dtype),
                smoothing=np.array(self.label_smoothing, dtype),
                seed=seed,
                step=np.int32(step),
            )
            loss_sum += loss
            correct_sum += correct
            weight_sum += weights.sum()
            log = {
                "loss": float(loss_sum / weight_sum),
                "accuracy": float(correct_sum / weight_sum),
            }
            callbacks.end_batch(step, rates[step], log)
            if callbacks.stop:
                break
        return log

    def _calls(self, callbacks, parts):
        """Yield first and last step of calls in which images have one size."""
        most = 1 if callbacks.per_batch else self._steps_a_call()
        borders = [*np.flatnonzero(np.diff(parts)) + 1, len(parts)]
        start = 0
        for border in borders:
            for step in range(start, border, most):
                yield step, min(step + most, border)
            start = border

    def _steps_a_call(self):
        itemsize = min(self.training.X.dtype.itemsize, 8)
        bytes_a_step = self.batch_size * np.prod(self.training.image_shape) * itemsize
        return int(np.clip(MAX_CALL_BYTES // bytes_a_step, 1, MAX_CALL_STEPS))

    def _validate(self, data, compiled, session, callbacks=None):
        """Measure on validation images, and tell Keras's callbacks about it."""
        if callbacks is not None:
            callbacks.begin_test()
        weights = session.weights()
        losses, hits = np.empty(len(data)), np.empty(len(data))

        def averages(end):
            of = None if data.weights is None else data.weights[:end]
            return {
                "loss": float(np.average(losses[:end], weights=of)),
                "accuracy": float(np.average(hits[:end], weights=of)),
            }

        size = prediction_batch(data.image_shape)
        for start in range(0, len(data), size):
            part = slice(start, start + size)
            images = compiled.images(data.images(part))
            logits = compiled.logits(weights, images)
            codes = data.codes[part]
            losses[part] = -log_probabilities(logits)[np.arange(len(codes)), codes]
            hits[part] = logits.argmax(axis=1) == codes
        log = averages(len(data))
        if callbacks is not None:
            callbacks.test_batches(len(data), self.batch_size, averages)
            callbacks.end_test(log)
        return {f"val_{name}": value for name, value in log.items()}

    def _report(self, epoch, epochs, log, elapsed, left):
        parts = [f"loss {log['loss']:.4f}", f"accuracy {log['accuracy']:.4f}"]
        if "val_accuracy" in log:
            parts.append(f"validation accuracy {log['val_accuracy']:.4f}")
        parts.append(f"{elapsed:.1f} s")
        if left:
            parts.append(f"about {left:.1f} s left")
        width = len(str(epochs))
        print(f"Epoch {epoch + 1:{width}}/{epochs}: {', '.join(parts)}", flush=True)


def _largest(values):
    """Return the largest absolute value; NaN or infinity if there is one."""
    if values.dtype.kind != "f" or not values.size:
        return 0.0
    return max(values.max(), -values.min())
