"""What every step of a run is: rate and size, and how steps go into calls."""

import numpy as np
import pytest

from skcnn._network.optimizers import learning_rates
from skcnn._training import schedule as schedule_module
from skcnn._training.schedule import Schedule

SIZES = ((1, 1), (2, 2), (3, 4))


def schedule(**changes):
    plain = {
        "epochs": 1,
        "batch_size": 4,
        "sizes": SIZES[:1],
        "learning_rates": "constant",
        "peak": 0.5,
        "dropout": (0.0, 0.0),
        "label_smoothing": 0.0,
        "shuffle": True,
    }
    return Schedule(**plain | changes)


def plans(run, n_images):
    """Return rates and sizes of all steps."""
    plans = [run.plan(epoch, n_images) for epoch in range(run.epochs)]
    rates, sizes = zip(*plans, strict=True)
    return np.concatenate(rates), [size for part in sizes for size in part]


def test_the_last_batch_of_an_epoch_may_be_short():
    assert [schedule().steps(n) for n in (1, 4, 5, 8)] == [1, 1, 2, 2]


@pytest.mark.parametrize("name", ["constant", "cosine", "linear"])
def test_rates_span_all_epochs(name):
    rates, _ = plans(schedule(learning_rates=name, epochs=3), 48)
    expected = learning_rates(name, 0.5, np.arange(36.0), 36)
    np.testing.assert_array_equal(rates, expected)
    assert rates.dtype == np.float32


@pytest.mark.parametrize(
    ("sizes", "epochs", "steps"),
    [
        # 13 steps an epoch.
        (SIZES[:1], 2, [26]),
        (SIZES[:2], 1, [6, 7]),
        (SIZES, 1, [4, 4, 5]),
        (SIZES, 2, [8, 9, 9]),
        (SIZES, 3, [13, 13, 13]),
        ([*SIZES, *SIZES[:2]], 1, [2, 3, 2, 3, 3]),
    ],
)
def test_each_size_gets_equally_many_steps_in_the_order_given(sizes, epochs, steps):
    _, found = plans(schedule(sizes=tuple(sizes), epochs=epochs), 50)
    assert found == [s for s, n in zip(sizes, steps, strict=True) for _ in range(n)]


@pytest.mark.parametrize(("n_images", "expected"), [(3, SIZES[2:]), (8, SIZES[1:])])
def test_few_steps_are_made_at_the_last_sizes(n_images, expected):
    assert plans(schedule(sizes=SIZES), n_images)[1] == list(expected)


def test_calls_are_as_long_as_allowed(monkeypatch):
    monkeypatch.setattr(schedule_module, "MAX_CALL_STEPS", 3)
    calls = list(schedule().calls([(8, 8)] * 13, 64))
    assert calls == [(0, 3), (3, 6), (6, 9), (9, 12), (12, 13)]


def test_where_the_size_changes_a_call_ends_and_no_step_is_lost(monkeypatch):
    monkeypatch.setattr(schedule_module, "MAX_CALL_STEPS", 3)
    a, b, c = SIZES
    sizes = [a, a, a, a, b, a, c, c]
    assert list(schedule().calls(sizes, 64)) == [(0, 3), (3, 4), (4, 5), (5, 6), (6, 8)]


def test_whoever_listens_to_batches_gets_a_call_for_each_step():
    calls = list(schedule().calls([(8, 8)] * 3, 64, each_step=True))
    assert calls == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    ("shape", "bytes_a_value", "steps"),
    [
        ((28, 28, 1), 1, 64),
        ((32, 32, 3), 1, 27),
        ((32, 32, 3), 8, 3),
        ((500, 500, 3), 8, 1),
    ],
)
def test_memory_bounds_the_steps_of_a_call(shape, bytes_a_value, steps):
    run = schedule(batch_size=100)
    calls = run.calls([shape[:2]] * 1000, int(np.prod(shape)) * bytes_a_value)
    assert next(calls) == (0, steps)
