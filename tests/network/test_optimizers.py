"""Optimizers by name, and what tells them apart."""

import numpy as np
import pytest

from skcnn._network.optimizers import (
    current_learning_rate,
    has_rate_variable,
    optimizer_key,
    resolve_optimizer,
)


@pytest.fixture(scope="module")
def optimizers():
    import keras

    return keras.optimizers


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
