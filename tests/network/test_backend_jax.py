"""JAX's functions of a network: what is compiled anew, and what is not."""

import os
from functools import partial

import pytest
from tiny import tiny_classifier

from skcnn._network import step

pytestmark = pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") != "jax",
    reason="needs KERAS_BACKEND=jax, as .ci/run sets it",
)


@pytest.fixture
def traces(monkeypatch):
    """Collect a name for each trace of a network's layers."""
    names = []
    forward = step.forward

    def counted(layers, x, normalize=None, drop=None, path=""):
        names.append("predict" if drop is None else "train")
        return forward(layers, x, normalize, drop, path)

    monkeypatch.setattr(step, "forward", counted)
    return names


tiny = partial(tiny_classifier, epochs=1)


@pytest.mark.parametrize(
    ("parameters", "n"),
    [
        ({"learning_rate": 0.003}, 100),
        ({"dropout": 0.3, "label_smoothing": 0.1}, 100),
        ({"epochs": 2, "shuffle": False}, 100),
        ({"scaling": "unit", "random_state": 1}, 100),
        ({}, 87),  # the last batch is a short one
    ],
    ids=repr,
)
def test_a_search_compiles_nothing_anew(parameters, n, traces, digits):
    X, y = digits
    tiny().fit(X[:100], y[:100]).predict(X[:100])
    before = list(traces)
    other = tiny(**parameters).fit(X[:n], y[:n])
    other.predict(X[:97])
    assert traces == before


def test_another_batch_size_is_compiled_anew(traces, digits):
    X, y = digits
    tiny().fit(X[:100], y[:100])
    before = list(traces)
    tiny(batch_size=10).fit(X[:100], y[:100])
    assert traces == [*before, "train"]
