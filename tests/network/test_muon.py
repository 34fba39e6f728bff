"""Muon: orthogonal updates of convolution kernels, and Adam for everything else."""

import copy
import pickle

import numpy as np
import pytest

from skcnn import CIFARCNNClassifier
from skcnn._network.optimizers import copy_optimizer, resolve_optimizer

# Tall and wide matrices, and a table's kernel.
SHAPES = [(3, 3, 4, 5), (2, 1, 2, 7), (1, 3, 1, 3), (6, 5), (5,)]
RATE = 2**-7


@pytest.fixture(scope="module")
def muon():
    from skcnn._network.muon import Muon

    return Muon


def variables(dtype="float64"):
    import keras

    generator = np.random.default_rng(0)
    return [keras.Variable(generator.normal(size=s), dtype=dtype) for s in SHAPES]


def gradients(n_steps):
    """Return random gradients for each of some steps."""
    generator = np.random.default_rng(1)
    return [[generator.normal(size=shape) for shape in SHAPES] for _ in range(n_steps)]


def orthogonalized(gradient, optimizer):
    """Newton-Schulz iterations on a kernel as a matrix with a column a filter."""
    x = gradient.reshape(-1, gradient.shape[-1])
    x = x / np.sqrt((x**2).sum())
    a, b, c = optimizer.muon_a, optimizer.muon_b, optimizer.muon_c
    for _ in range(optimizer.ns_steps):
        # Of the two products the smaller one, which has the same singular values.
        if len(x) > x.shape[1]:
            square = x.T @ x
            x = a * x + x @ (b * square + c * square @ square)
        else:
            square = x @ x.T
            x = a * x + (b * square + c * square @ square) @ x
    return x.reshape(gradient.shape)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_only_kernels_of_convolutions_have_no_velocity(muon, shape):
    import keras

    # Where Keras decides otherwise or elsewhere, this fails.
    optimizer, variable = muon(RATE), keras.Variable(np.ones(shape))
    assert optimizer._should_use_adamw(variable) is (len(shape) != 4)
    optimizer.build([variable])
    slots = [slot.path.split("_")[-1] for slot in optimizer.variables[2:]]
    assert slots == (["momentum"] if len(shape) == 4 else ["momentum", "velocity"])
    assert [slot.shape for slot in optimizer.variables[2:]] == [shape] * len(slots)


@pytest.mark.parametrize("nesterov", [True, False])
def test_kernels_take_orthogonal_steps_and_keep_their_norm(muon, nesterov):
    from skcnn._network.muon import KERNEL_LR_RATIO

    optimizer = muon(RATE, momentum=0.7, ns_steps=4, nesterov=nesterov)
    assert (optimizer.muon_a, optimizer.muon_b, optimizer.muon_c) == (
        3.4445,
        -4.7750,
        2.0315,
    )
    trained = variables()
    expected = [variable.numpy() for variable in trained[:3]]
    momenta = [np.zeros_like(kernel) for kernel in expected]
    for step in gradients(4):
        optimizer.apply([np.array(g) for g in step], trained)
        for i, gradient in enumerate(step[:3]):
            momenta[i] = 0.7 * momenta[i] + gradient
            ahead = gradient + 0.7 * momenta[i] if nesterov else momenta[i]
            update = orthogonalized(ahead, optimizer)
            moved = expected[i] - RATE * KERNEL_LR_RATIO * update
            norm = np.sqrt(moved.shape[-1])
            expected[i] = moved * norm / np.sqrt((moved**2).sum())
    for variable, kernel in zip(trained, expected, strict=False):
        np.testing.assert_allclose(variable.numpy(), kernel, rtol=1e-5, atol=1e-7)


def test_an_update_has_singular_values_near_one(muon):
    gradient = np.random.default_rng(0).normal(size=(3, 3, 4, 5))
    update = muon(ns_steps=5).zeropower_via_newtonschulz5(gradient, 5)
    values = np.linalg.svd(np.reshape(update, (-1, 5)), compute_uv=False)
    assert 0.6 < values.min() < values.max() < 1.3


@pytest.mark.parametrize(
    ("settings", "ratio"), [({}, 1), ({"adam_lr_ratio": 0.25}, 0.25)], ids=str
)
def test_everything_else_follows_adam(muon, settings, ratio):
    import keras

    ours, theirs = variables(), variables()
    optimizer, adam = muon(RATE, **settings), keras.optimizers.Adam(RATE * ratio)
    before = [variable.numpy() for variable in ours]
    for step in gradients(4):
        optimizer.apply([np.array(g) for g in step], ours)
        adam.apply([np.array(g) for g in step], theirs)
    for variable, other, start in list(zip(ours, theirs, before, strict=True))[3:]:
        np.testing.assert_allclose(variable.numpy(), other.numpy(), rtol=1e-6)
        assert (abs(variable.numpy() - start) > RATE * ratio / 2).any()
    assert (ours[0].numpy() != theirs[0].numpy()).any()


def test_keras_own_muon_does_otherwise(muon):
    import keras

    # What makes the subclass necessary: the day it fails, look whether it still is.
    theirs, variable = keras.optimizers.Muon(RATE), keras.Variable(np.ones(SHAPES[0]))
    theirs.build([variable])
    assert len(theirs.variables) == 4


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"learning_rate": 0.5, "adam_lr_ratio": 0.5, "momentum": 0.25, "ns_steps": 2},
        {"nesterov": False, "muon_a": 3.0, "epsilon": 1e-3, "name": "other"},
        {"weight_decay": 0.01, "adam_weight_decay": 0.02, "clipnorm": 1.0},
    ],
    ids=lambda settings: ", ".join(settings) or "defaults",
)
def test_copies_have_all_settings(muon, settings):
    import keras

    optimizer = muon(**settings)
    for name, value in settings.items():
        assert optimizer.get_config()[name] == pytest.approx(value)
    for other in (
        copy_optimizer(optimizer),
        keras.optimizers.deserialize(keras.optimizers.serialize(optimizer)),
        copy.deepcopy(optimizer),
    ):
        assert type(other) is muon
        assert other is not optimizer
        assert other.get_config() == optimizer.get_config()


def test_by_default_nothing_decays(muon):
    config = muon().get_config()
    assert config["weight_decay"] is config["adam_weight_decay"] is None


@pytest.mark.parametrize("name", ["muon", "Muon", "MUON"])
def test_the_name_means_this_one(muon, name):
    arguments = resolve_optimizer(name, RATE)
    assert arguments["optimizer"] is muon
    assert arguments["optimizer__learning_rate"] == RATE


def test_an_instance_of_keras_own_stays_keras_own(muon):
    import keras

    given = keras.optimizers.Muon(RATE)
    assert type(resolve_optimizer(given, None)["optimizer"]) is keras.optimizers.Muon


# -------------------------------------------------------------------- in a classifier


def make(**parameters):
    """Make a classifier of one dense and two convolution layers, 8 steps an epoch."""
    return CIFARCNNClassifier(
        **{
            "whitening": False,
            "filters": (4, 6),
            "kernel_size": 3,
            "convolutions": 1,
            "pool_size": 2,
            "pool_first": False,
            "padding": "same",
            "global_pooling": False,
            "dense_units": (5,),
            "activation": "relu",
            "batch_normalization": False,
            "dropout": 0.0,
            "optimizer": "muon",
            "learning_rate": RATE,
            "learning_rate_schedule": "constant",
            "batch_size": 10,
            "epochs": 2,
            "shuffle": False,
            "label_smoothing": 0.0,
            "augment": None,
            "progressive_resizing": None,
            "test_time_augmentation": None,
            "scaling": "standard",
            "dtype": "float64",
            "random_state": 0,
        }
        | parameters
    )


@pytest.fixture(scope="module")
def data(digits):
    X, y = digits
    return X[:80], y[:80]


@pytest.fixture(scope="module")
def fitted(data):
    return make().fit(*data)


def slots(classifier):
    return classifier.keras_classifier_.state_.slots


def assert_same_values(classifier, other):
    for name in ("weights", "slots"):
        pairs = zip(
            getattr(classifier.keras_classifier_.state_, name),
            getattr(other.keras_classifier_.state_, name),
            strict=True,
        )
        for value, expected in pairs:
            np.testing.assert_array_equal(value, expected)


@pytest.mark.slow
def test_fit_keeps_the_norm_of_kernels_and_of_nothing_else(fitted):
    for name, filters in (("convolution_1_1", 4), ("convolution_2_1", 6)):
        kernel, bias = fitted.model_.get_layer(name).get_weights()
        assert np.linalg.norm(kernel) == pytest.approx(np.sqrt(filters), rel=1e-6)
        assert bias.any()
    kernel, _ = fitted.model_.get_layer("dense_1").get_weights()
    assert np.linalg.norm(kernel) != pytest.approx(np.sqrt(5), rel=1e-3)


def test_the_keras_model_has_the_optimizer_and_its_state(fitted, muon):
    optimizer = fitted.model_.optimizer
    assert type(optimizer) is muon
    assert optimizer.iterations.numpy() == 16
    assert optimizer.learning_rate.numpy() == RATE
    for slot, expected in zip(optimizer.variables[2:], slots(fitted)[2:], strict=True):
        np.testing.assert_array_equal(slot.numpy(), expected)
        assert expected.any()
    # Two kernels; one dense kernel more, an output and a bias each, with two slots.
    assert len(optimizer.variables) == 2 + 2 + 2 * (2 + 4)


@pytest.mark.slow
def test_partial_fit_goes_on_as_the_keras_model_does(fitted, data):
    X, y = data
    ours = copy.deepcopy(fitted)
    theirs = copy.deepcopy(fitted).model_
    ours.partial_fit(X, y)
    for start in range(0, 80, 10):
        rows = slice(start, start + 10)
        theirs.train_on_batch(X[rows, ..., np.newaxis].astype(float), y[rows])
    before = fitted.keras_classifier_.state_.weights
    after = ours.keras_classifier_.state_.weights
    expected = theirs.trainable_variables + theirs.non_trainable_weights
    for value, variable in zip(after, expected, strict=True):
        np.testing.assert_allclose(value, variable.numpy(), rtol=0, atol=1e-6)
    assert max(abs(a - b).max() for a, b in zip(after, before, strict=True)) > 0.05
    assert ours.model_.optimizer.iterations.numpy() == 24


def test_a_warm_start_goes_on_with_the_state(fitted, data):
    once = make(warm_start=True, epochs=1).fit(*data)
    assert slots(once)[0] == 8
    # Twice one epoch at a constant rate, in order, is two epochs.
    assert_same_values(once.fit(*data), fitted)


def test_a_pickle_goes_on_with_the_state(fitted, data):
    X, y = data
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    original = copy.deepcopy(fitted).partial_fit(X, y)
    assert_same_values(again.partial_fit(X, y), original)


def test_an_instance_trains_as_the_name_does(fitted, data, muon):
    by_instance = make(optimizer=muon(RATE), learning_rate=None).fit(*data)
    assert_same_values(by_instance, fitted)


def test_without_a_rate_the_optimizers_own_is_taken(data, muon):
    classifier = make(learning_rate=None, epochs=1).fit(*data)
    rate = classifier.model_.optimizer.learning_rate.numpy()
    assert rate == muon().learning_rate.numpy() != np.float32(RATE)
