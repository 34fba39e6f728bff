"""What every step of a run is: rate and size, and how steps go into calls."""

import numpy as np
import pytest

from skcnn._training import schedule as schedule_module
from skcnn._training.schedule import Schedule, learning_rates

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


@pytest.fixture(scope="module")
def optimizers():
    import keras

    return keras.optimizers


def all_rates(schedule, peak, n_steps):
    return learning_rates(schedule, peak, np.arange(n_steps, dtype=float), n_steps)


@pytest.mark.parametrize(("n_steps", "peak"), [(60, 0.01), (200, 3.0)])
def test_cosine_rates_agree_with_keras(optimizers, n_steps, peak):
    warm_up = n_steps // 10
    schedule = optimizers.schedules.CosineDecay(
        0.0, n_steps - warm_up, warmup_target=peak, warmup_steps=warm_up
    )
    theirs = np.array([float(schedule(step)) for step in range(n_steps)])
    ours = all_rates("cosine", peak, n_steps)
    # Keras starts at 0, where a step teaches nothing; here the first step moves.
    np.testing.assert_allclose(ours[: warm_up - 1], theirs[1:warm_up], rtol=1e-5)
    np.testing.assert_allclose(ours[warm_up:], theirs[warm_up:], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("n_steps", [1, 2, 5, 9, 10, 11, 640])
def test_cosine_rates_rise_to_the_peak_and_fall_towards_zero(n_steps):
    rates = all_rates("cosine", 0.5, n_steps)
    assert rates.shape == (n_steps,)
    assert rates.dtype == np.float32
    top = rates.argmax()
    assert rates[top] == pytest.approx(0.5, rel=0.15)
    assert (rates > 0).all()
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) <= 0).all()
    assert n_steps < 10 or rates[-1] < 0.03


def test_constant_rates_are_constant():
    rates = all_rates("constant", 0.25, 7)
    np.testing.assert_array_equal(rates, np.full(7, 0.25, np.float32))


@pytest.mark.parametrize("n_steps", [1, 2, 640])
def test_linear_rates_fall_from_the_peak_by_equal_steps_towards_zero(n_steps):
    rates = all_rates("linear", 0.5, n_steps)
    assert rates.shape == (n_steps,)
    assert rates.dtype == np.float32
    # One step more would reach zero.
    expected = np.linspace(0.5, 0, n_steps + 1)[:-1]
    np.testing.assert_allclose(rates, expected, rtol=1e-6)


def test_linear_rates_agree_with_keras(optimizers):
    schedule = optimizers.schedules.PolynomialDecay(0.5, 60, 0.0)
    theirs = [float(schedule(step)) for step in range(60)]
    np.testing.assert_allclose(all_rates("linear", 0.5, 60), theirs, rtol=1e-5)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.parametrize(("n_steps", "length"), [(7, 3), (640, 64), (1000, 1)])
def test_rates_asked_for_in_parts_are_those_of_the_whole_run(schedule, n_steps, length):
    steps = np.arange(n_steps, dtype=float)
    parts = [
        learning_rates(schedule, 0.3, steps[i : i + length], n_steps)
        for i in range(0, n_steps, length)
    ]
    np.testing.assert_array_equal(
        np.concatenate(parts), all_rates(schedule, 0.3, n_steps)
    )
