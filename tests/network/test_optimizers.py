"""Optimisers by name, what tells them apart, and the learning rate of each step."""

import numpy as np
import pytest

from skcnn._network.optimizers import (
    current_learning_rate,
    has_rate_variable,
    learning_rates,
    optimizer_key,
    resolve_optimizer,
)


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


@pytest.mark.parametrize("name", ["adam", "Adam", "ADAM", "sgd", "RMSprop", "adamw"])
def test_names_are_found_in_any_case(optimizers, name):
    arguments = resolve_optimizer(name, 0.125)
    assert arguments["optimizer"].__name__.lower() == name.lower()
    assert issubclass(arguments["optimizer"], optimizers.Optimizer)
    assert arguments["optimizer__learning_rate"] == 0.125


def test_a_rate_may_be_any_number_of_numpy():
    arguments = resolve_optimizer("muon", np.float32(0.5))
    assert type(arguments["optimizer__learning_rate"]) is float
    assert arguments["optimizer"](arguments["optimizer__learning_rate"])


def test_without_a_rate_keras_decides():
    assert "optimizer__learning_rate" not in resolve_optimizer("adam", None)


@pytest.mark.parametrize("name", ["optimizer", "lossscaleoptimizer", "Adam "])
def test_what_is_no_optimizer_of_its_own_is_refused(name):
    with pytest.raises(ValueError, match=f"Got optimizer='{name}', but expected"):
        resolve_optimizer(name, 0.1)


def test_instances_are_copied_with_their_settings(optimizers):
    given = optimizers.SGD(learning_rate=0.375, momentum=0.5)
    copy = resolve_optimizer(given, 0.1)["optimizer"]
    assert copy is not given
    assert copy.get_config() == given.get_config()


def test_the_key_ignores_the_learning_rate_and_the_name(optimizers):
    keys = {
        optimizer_key(optimizers.Adam(learning_rate=rate, name=name))
        for rate in (0.1, 0.001)
        for name in ("one", "other")
    }
    assert len(keys) == 1


def test_the_key_ignores_nothing_else(optimizers):
    schedules = optimizers.schedules
    different = [
        optimizers.Adam(),
        optimizers.Adam(beta_1=0.8),
        optimizers.Adam(amsgrad=True),
        optimizers.Adam(clipnorm=1.0),
        optimizers.Adam(weight_decay=0.01),
        optimizers.AdamW(),
        optimizers.SGD(),
        optimizers.SGD(momentum=0.9),
        optimizers.Adam(schedules.ExponentialDecay(0.1, 10, 0.9)),
        optimizers.Adam(schedules.ExponentialDecay(0.1, 20, 0.9)),
    ]
    assert len({optimizer_key(optimizer) for optimizer in different}) == len(different)


def test_a_rate_is_settable_unless_the_optimizer_has_a_schedule(optimizers):
    scheduled = optimizers.Adam(optimizers.schedules.ExponentialDecay(0.5, 10, 0.9))
    assert has_rate_variable(optimizers.Adam(0.25))
    assert not has_rate_variable(scheduled)
    assert current_learning_rate(optimizers.Adam(0.25)) == 0.25
    assert current_learning_rate(scheduled) == 0.5
