"""The state of a training is a value. Nothing needs TensorFlow."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from skcnn._training.state import Best, TrainState

SCORES = [0.5, 0.6, 0.6, 0.7, 0.7, 0.6, 0.7, 0.6, 0.9]


def beginning():
    return TrainState([0, 1], [2], {}, {"pos": 0})


def test_a_state_does_not_change():
    with pytest.raises(FrozenInstanceError):
        beginning().epoch = 1


def test_values_are_weights_and_then_slots():
    state = beginning()
    assert state.values == [0, 1, 2]
    other = state.with_values([3, 4, 5])
    assert (other.weights, other.slots) == ([3, 4], [5])
    assert state.values == [0, 1, 2]


def test_an_epoch_adds_to_the_history_and_changes_no_state_before_it():
    first = beginning().after_epoch([1, 1, 1], {"loss": 2.0}, {"pos": 1})
    log = {"loss": 1.0, "val_loss": 3.0}
    second = first.after_epoch([2, 2, 2], log, {"pos": 2})
    assert first.history == {"loss": [2.0]}
    assert second.history == {"loss": [2.0, 1.0], "val_loss": [3.0]}
    assert (first.epoch, second.epoch, second.n_epochs) == (1, 2, 2)
    assert (second.values, second.generator) == ([2, 2, 2], {"pos": 2})


@pytest.mark.parametrize(
    ("patience", "tol", "epochs", "best"),
    [
        # As in MLPClassifier: stop once more than n_iter_no_change epochs in a row
        # brought less than tol; the best epoch is the first of the highest score.
        (2, 0.01, 7, 4),
        (1, 0.01, 6, 4),
        (4, 0.01, 9, 9),
        (3, 0.01, 8, 4),
        (10, 0.01, 9, 9),
        (1, 0.15, 3, 2),
        (2, 0.5, 4, 4),
        (np.inf, 0.01, 9, 9),
        (None, 0.01, 9, 9),
    ],
)
def test_early_stopping(patience, tol, epochs, best):
    state = beginning()
    for epoch, score in enumerate(SCORES, start=1):
        state = state.after_epoch([epoch, -epoch, -1], {"val_accuracy": score}, {})
        state = state.with_score(score, tol)
        if state.has_waited(patience):
            break
    assert state.history["val_accuracy"] == SCORES[:epochs]
    final = state.with_best_weights()
    assert (final.weights, final.slots) == ([best, -best], [-1])


def test_without_a_score_the_last_weights_stay():
    state = beginning().after_epoch([7, 8, 9], {}, {})
    assert state.with_best_weights() is state
    assert not state.has_waited(0)


def test_a_run_that_is_over_leaves_what_the_next_one_needs():
    state = beginning().after_epoch([7, 8, 9], {"loss": 1.0}, {"pos": 3})
    rest = state.with_score(0.5).at_rest()
    assert (rest.epoch, rest.best) == (0, None)
    assert (rest.values, rest.n_epochs, rest.generator) == ([7, 8, 9], 1, {"pos": 3})


def test_the_best_weights_know_their_score():
    state = beginning().with_score(0.5).with_score(0.4, 0.1)
    assert state.best == Best(0.5, 1, [0, 1])
