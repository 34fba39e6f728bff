"""The training loop, run on a real network with 8 x 8 digits."""

import re
from dataclasses import replace

import numpy as np
import pytest
from tiny import TINY

from skcnn import MNISTCNNClassifier
from skcnn._images.labeled import LabeledImages, TrainingData
from skcnn._network.description import build_network
from skcnn._training import schedule
from skcnn._training.compiled import CompiledNetwork, arrays
from skcnn._training.keras_callbacks import KerasCallbacks
from skcnn._training.loop import Listeners, prediction_batch, train
from skcnn._training.schedule import Schedule
from skcnn._training.sklearn_callbacks import FitTasks

FROZEN = {"scaling": (np.array([5.0]), np.array([36.0]))}


@pytest.fixture(scope="module")
def network():
    import keras

    optimizer = keras.optimizers.Adam(0.01, name="optimizer")
    loss = "sparse_categorical_crossentropy"
    compiled = {"optimizer": optimizer, "loss": loss}
    # Training images of any size, as one test has them.
    description = replace(TINY, global_pooling=True)
    return CompiledNetwork(build_network(description, (0, 0), compiled), ())


@pytest.fixture
def calls(network, monkeypatch):
    """Note the images and options of each training call, which is then made."""
    made = []
    of_network = network.train

    def noting(values, batch, options):
        made.append((batch, options))
        return of_network(values, batch, options)

    monkeypatch.setattr(network, "train", noting)
    return made


@pytest.fixture(scope="module")
def images(digits):
    """50 images that are known by their weights, 1 to 50."""
    X, y = digits[0][:50], digits[1][:50]
    return LabeledImages.of(X, (8, 8, 1), y.astype(np.int32), np.arange(1.0, 51))


@pytest.fixture(scope="module")
def validation(digits):
    X, y = digits[0][100:150], digits[1][100:150]
    return LabeledImages.of(X, (8, 8, 1), y.astype(np.int32), None)


def initial(network):
    return network.initial_state(np.random.RandomState(0), FROZEN)


def tasks_of(images, epochs):
    estimator = MNISTCNNClassifier()
    context = estimator._init_callback_context(max_subtasks=epochs)
    labels = images.class_indices
    return FitTasks(
        estimator, context, epochs, images.X, labels, None, images.rows, vars
    )


def run(
    network,
    images,
    validation=None,
    *,
    state=None,
    random_state=None,
    checkpoint=None,
    verbose=0,
    **changes,
):
    """Train; return the state."""
    plain = {
        "epochs": 1,
        "batch_size": 4,
        "sizes": ((8, 8),),
        "learning_rates": "constant",
        "peak": 0.01,
        "dropout": (0.25, 0.5),
        "label_smoothing": 0.125,
        "shuffle": True,
    }
    schedule = Schedule(**plain | changes)
    callbacks = KerasCallbacks([], None, schedule.epochs, 1, verbose)
    tasks = tasks_of(images, schedule.epochs)
    return train(
        initial(network) if state is None else state,
        TrainingData(images, validation),
        network,
        schedule,
        Listeners(callbacks, tasks, checkpoint, verbose),
        np.random.RandomState(0) if random_state is None else random_state,
    )


def by_epoch(calls):
    """Return which images the calls of each epoch took, in their order."""
    epochs = []
    for batch, options in calls:
        if options.step == 0:
            epochs.append([])
        epochs[-1] += (batch.weights.astype(int) - 1).tolist()
    return epochs


def test_each_epoch_takes_each_image_once_in_a_new_order(network, calls, images):
    run(network, images, epochs=3)
    orders = by_epoch(calls)
    assert len(orders) == 3
    for order in orders:
        assert sorted(order) == list(range(50))
    assert len({tuple(order) for order in [*orders, range(50)]}) == 4


def test_images_stay_with_their_labels_and_weights(network, calls, images):
    run(network, images)
    ((batch, _),) = calls
    (rows,) = by_epoch(calls)
    np.testing.assert_array_equal(batch.class_indices, images.class_indices[rows])
    np.testing.assert_array_equal(batch.images[..., 0], images.X[rows])
    assert batch.images.dtype == np.uint8
    assert batch.weights.dtype == np.float32


def test_without_shuffling_the_order_is_kept(network, calls, images):
    run(network, images, epochs=2, shuffle=False)
    assert by_epoch(calls) == [list(range(50))] * 2


def test_long_epochs_are_cut_into_calls(network, calls, images, monkeypatch):
    whole = run(network, images, epochs=2)
    calls.clear()
    monkeypatch.setattr(schedule, "MAX_CALL_STEPS", 3)
    cut = run(network, images, epochs=2)
    assert [len(batch.images) for batch, _ in calls] == [12, 12, 12, 12, 2] * 2
    assert [options.step for _, options in calls] == [0, 3, 6, 9, 12] * 2
    assert len({int(options.seed) for _, options in calls}) == 2
    # Which makes no difference to what is learned.
    for value, other in zip(cut.values, whole.values, strict=True):
        np.testing.assert_array_equal(value, other)
    assert cut.history["loss"] == pytest.approx(whole.history["loss"], rel=1e-6)


def test_what_differs_between_fits_is_passed_at_run_time(network, calls, images):
    run(network, images, epochs=2, learning_rates="linear")
    (_, first), (_, second) = calls
    rates = np.concatenate([first.rates, second.rates])
    np.testing.assert_allclose(rates, np.linspace(0.01, 0, 27)[:-1], rtol=1e-5)
    assert rates.dtype == np.float32
    np.testing.assert_array_equal(first.dropout, [0.25, 0.5])
    assert (first.smoothing, first.batch_size) == (0.125, 4)
    assert first.seed != second.seed


def flip_masks(calls):
    """Return for each epoch whether each of the 50 images was flipped."""
    masks = []
    for (batch, _), order in zip(calls, by_epoch(calls), strict=True):
        mask = np.empty(50, bool)
        mask[order] = batch.flip_mask
        masks.append(mask)
    return np.array(masks)


@pytest.mark.parametrize("shuffle", [False, True])
def test_images_flipped_in_one_epoch_are_not_in_the_next(
    network, calls, images, shuffle
):
    run(network, images, epochs=4, shuffle=shuffle)
    masks = flip_masks(calls)
    assert 10 < masks[0].sum() < 40
    np.testing.assert_array_equal(masks[1:], ~masks[:-1])


def test_flips_go_on_alternating_in_a_later_run(network, calls, images):
    state = None
    for epochs in (1, 1, 2):
        state = run(network, images, state=state and state.at_rest(), epochs=epochs)
    in_parts = flip_masks(calls)
    calls.clear()
    run(network, images, epochs=4)
    np.testing.assert_array_equal(in_parts, flip_masks(calls))


@pytest.mark.slow
def test_where_the_size_changes_a_call_ends(network, calls, images):
    sizes = ((4, 4), (6, 6), (8, 8))
    run(network, images, sizes=sizes, shuffle=False)
    found = [(int(o.step), len(o.rates), o.size) for _, o in calls]
    assert found == [(0, 4, sizes[0]), (4, 4, sizes[1]), (8, 5, sizes[2])]
    assert by_epoch(calls) == [list(range(50))]


def test_the_state_that_training_starts_from_stays(network, images):
    start = initial(network)
    before = [value.copy() for value in start.values]
    trained = run(network, images, state=start)
    for value, expected in zip(start.values, before, strict=True):
        np.testing.assert_array_equal(value, expected)
    assert any((v != w).any() for v, w in zip(trained.values, before, strict=True))
    assert all(isinstance(value, np.ndarray) for value in trained.values)
    assert (start.history, start.epoch) == ({}, 0)


class Stopped(BaseException):
    """Ends a run where a test wants it."""


def test_the_state_after_an_epoch_is_all_that_a_run_needs_to_go_on(network, images):
    kept = []

    class Disk:
        def keep(self, state):
            kept.append(state)
            if len(kept) == 2:
                raise Stopped

    whole = run(network, images, epochs=3)
    with pytest.raises(Stopped):
        run(network, images, epochs=3, checkpoint=Disk())
    generator = np.random.RandomState(99)
    generator.set_state(kept[-1].generator)
    resumed = run(network, images, epochs=3, state=kept[-1], random_state=generator)
    assert resumed.history == whole.history
    for value, other in zip(resumed.values, whole.values, strict=True):
        np.testing.assert_array_equal(value, other)


def test_the_history_holds_weighted_means(network, images, validation):
    weights = np.r_[np.full(10, 3.0), np.ones(40)]
    weighted = replace(validation, weights=weights)
    state = run(network, images, weighted, epochs=2)
    assert list(state.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    for values in state.history.values():
        assert [type(value) for value in values] == [float, float]
    logits = network.logits(state.weights, validation.images(slice(None)))
    correct = logits.argmax(axis=1) == validation.class_indices
    expected = np.average(correct, weights=weights)
    assert state.history["val_accuracy"][-1] == pytest.approx(expected)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    losses = -log_p[np.arange(50), validation.class_indices]
    expected = np.average(losses, weights=weights)
    assert state.history["val_loss"][-1] == pytest.approx(expected, rel=1e-5)


def test_the_history_goes_on(network, images):
    first = run(network, images)
    second = run(network, images, state=first.at_rest())
    assert second.history["loss"][:1] == first.history["loss"]
    assert second.n_epochs == 2
    assert second.epoch == 1


def test_early_stopping_returns_to_the_best_weights(network, images, validation):
    # Validation labels that are all wrong: who learns more scores lower.
    wrong = replace(validation, class_indices=(validation.class_indices + 1) % 10)
    stopped = run(network, images, wrong, epochs=40, patience=2, tol=0.0, peak=0.05)
    scores = stopped.history["val_accuracy"]
    best = int(np.argmax(scores))
    assert len(scores) < 40
    assert scores[-1] < scores[best]
    alone = run(network, images, wrong, epochs=best + 1, peak=0.05)
    for value, other in zip(stopped.weights, alone.weights, strict=True):
        np.testing.assert_array_equal(value, other)


def test_a_failure_in_the_first_epoch_is_raised(network, images, monkeypatch):
    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(network, "train", fail)
    with pytest.raises(KeyboardInterrupt):
        run(network, images)


def test_ctrl_c_keeps_the_last_complete_epoch(network, images, monkeypatch):
    one = run(network, images, epochs=3)
    of_network, made = network.train, []

    def interrupted(*args):
        made.append(1)
        if len(made) == 3:
            raise KeyboardInterrupt
        return of_network(*args)

    monkeypatch.setattr(network, "train", interrupted)
    state = run(network, images, epochs=3)
    assert state.interrupted
    assert not one.interrupted
    assert state.history["loss"] == one.history["loss"][:2]


def test_nothing_is_printed_unless_asked_for(network, images, capsys):
    run(network, images, epochs=2)
    assert capsys.readouterr().out == ""


def test_verbose_prints_a_line_an_epoch(network, images, validation, capsys):
    run(network, images, validation, epochs=11, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    pattern = (
        r"Epoch {}/11: loss \d\.\d{{4}}, accuracy 0\.\d{{4}}, "
        r"validation accuracy 0\.\d{{4}}, \d+\.\d s{}"
    )
    assert re.fullmatch(pattern.format(" 3", r", about \d+\.\d s left"), lines[2])
    assert re.fullmatch(pattern.format("11", ""), lines[-1])


def test_training_is_the_same_whether_its_progress_is_shown_or_not(network, images):
    silent = run(network, images, epochs=2)
    shown = run(network, images, epochs=2, verbose=1)
    assert shown.history == silent.history
    for one, other in zip(shown.values, silent.values, strict=True):
        np.testing.assert_array_equal(one, other)


def test_tensors_become_arrays_that_nothing_changes(network, images):
    state = run(network, images)
    held = [value.copy() for value in arrays(state.values)]
    run(network, images, state=state.at_rest())
    for value, other in zip(state.values, held, strict=True):
        np.testing.assert_array_equal(value, other)


@pytest.mark.parametrize(
    ("image_shape", "expected"),
    [((28, 28, 1), 512), ((1, 784, 1), 512), ((224, 224, 3), 16), ((4000, 4000, 3), 1)],
    ids=str,
)
def test_fewer_large_images_are_predicted_at_once(image_shape, expected):
    assert prediction_batch(image_shape) == expected
