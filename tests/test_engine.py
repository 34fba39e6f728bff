"""Compiled networks: shared, traced once, and equal to what Keras computes."""

from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from skcnn import MNISTCNNClassifier, _engine
from skcnn._backends import backend
from skcnn._engine import CompiledNetwork, Session, compiled_network
from skcnn._networks import Network, build_network
from skcnn._parameters import resolve_parameters
from skcnn._step import forward

TINY = Network(
    image_shape=(8, 8, 1),
    n_classes=10,
    whitening=False,
    filters=(4,),
    kernel_size=(3,),
    convolutions=1,
    pool_size=2,
    pool_first=False,
    padding="valid",
    kernel_initializer="glorot_uniform",
    global_pooling=False,
    dense_units=(8,),
    activation="relu",
    batch_normalization=False,
    dtype="float64",
)
NORMALIZED = replace(TINY, batch_normalization=True)
RATES = {"adam": 0.01, "sgd": 0.1}
LOSS = "sparse_categorical_crossentropy"
FIXED = {"scaling": (np.array([5.0]), np.array([36.0]))}


def model(network, optimizer):
    """Build a new compiled Keras network."""
    return build_network(network, (0, 0), {"optimizer": optimizer, "loss": LOSS})


def optimizer(name):
    import keras

    if name == "adam":
        return keras.optimizers.Adam(RATES[name], name="optimizer")
    return keras.optimizers.SGD(RATES[name], momentum=0.9, name="optimizer")


@pytest.fixture(scope="module", params=["adam", "sgd normalized"])
def compiled(request):
    """Return a compiled network, its description and the name of its optimiser."""
    name, *rest = request.param.split()
    network = NORMALIZED if rest else TINY
    return CompiledNetwork(model(network, optimizer(name)), ()), network, name


def session(compiled, seed=0):
    random_state = np.random.RandomState(seed)
    return Session(compiled, *compiled.initial_values(random_state, FIXED))


def batches(digits, n_steps, start=0):
    rows = slice(16 * start, 16 * (start + n_steps))
    X, y = digits
    return X[rows, ..., np.newaxis], y[rows].astype(np.int32)


def train(session, images, codes, weights=None, rate=0.01, **options):
    n_steps = -(-len(images) // 16)
    options = {"dropout": (0.0, 0.0), "smoothing": 0.0, "step": 0, "seed": 0} | options
    return session.train(
        images,
        codes,
        np.ones(len(images)) if weights is None else weights,
        np.zeros(len(images), bool),
        rates=np.full(n_steps, rate, np.float32),
        batch_size=np.int32(16),
        dropout=np.array(options["dropout"]),
        smoothing=np.array(options["smoothing"]),
        seed=np.int32(options["seed"]),
        step=np.int32(options["step"]),
        size=options.get("size", images.shape[1:3]),
    )


def arrays(values):
    import keras

    return [keras.ops.convert_to_numpy(value) for value in values]


@pytest.fixture(scope="module", autouse=True)
def double_precision():
    """JAX has none unless it is asked for it."""
    with backend().precision("float64"):
        yield


# -------------------------------------------------------------- the same as in Keras


@pytest.mark.parametrize("weighted", [False, True], ids=["", "sample weights"])
def test_training_steps_agree_with_train_on_batch(compiled, weighted, digits):
    compiled, network, name = compiled
    ours = session(compiled)
    theirs = model(network, optimizer(name))
    variables = theirs.trainable_variables + theirs.non_trainable_weights
    for variable, value in zip(variables, ours.weights(), strict=True):
        variable.assign(value)
    # The last batch is a short one.
    images, codes = batches(digits, 5)
    images, codes = images[:-6], codes[:-6]
    generator = np.random.default_rng(0)
    weights = generator.uniform(0, 3, len(images)) if weighted else np.ones(len(images))

    train(ours, images, codes, weights, rate=RATES[name])
    for start in range(0, len(images), 16):
        rows = slice(start, start + 16)
        theirs.train_on_batch(
            images[rows].astype(np.float64), codes[rows], sample_weight=weights[rows]
        )
    trained = arrays(variable.value for variable in variables)
    for value, expected in zip(arrays(ours.weights()), trained, strict=True):
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)
    # Training moved them by far more than that.
    before = arrays(session(compiled).weights())
    moved = [abs(v - w).max() for v, w in zip(trained, before, strict=True)]
    assert max(moved[: compiled.n_trainable]) > 0.01


def test_the_sums_are_those_of_the_losses_and_of_correct_answers(digits):
    compiled = CompiledNetwork(model(TINY, optimizer("adam")), ())
    run = session(compiled)
    images, codes = batches(digits, 1)
    weights = np.linspace(0, 2, 16)
    logits = compiled.logits(run.weights(), images)
    loss_sum, correct_sum = train(run, images, codes, weights)
    losses = -log_softmax(logits, axis=1)[np.arange(16), codes]
    assert loss_sum == pytest.approx(weights @ losses, rel=1e-12)
    hits = logits.argmax(axis=1) == codes
    assert hits.any()
    assert correct_sum == pytest.approx(weights @ hits, rel=1e-12)


def test_label_smoothing_is_that_of_keras(digits):
    import keras

    compiled = CompiledNetwork(model(TINY, optimizer("adam")), ())
    run = session(compiled)
    images, codes = batches(digits, 1)
    logits = compiled.logits(run.weights(), images)
    expected = keras.losses.categorical_crossentropy(
        np.eye(10)[codes], logits, from_logits=True, label_smoothing=0.2
    )
    loss_sum, _ = train(run, images, codes, smoothing=0.2)
    assert loss_sum == pytest.approx(
        keras.ops.convert_to_numpy(expected).sum(), rel=1e-12
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_logits_agree_with_the_keras_model(compiled, dtype, digits):
    compiled, network, name = compiled
    run = session(compiled)
    train(run, *batches(digits, 3))
    theirs = model(network, optimizer(name))
    variables = theirs.trainable_variables + theirs.non_trainable_weights
    for variable, value in zip(variables, run.weights(), strict=True):
        variable.assign(value)
    images, _ = batches(digits, 2)
    ours = compiled.logits(run.weights(), compiled.images(images.astype(dtype)))
    expected = theirs.predict_on_batch(images.astype(np.float64))
    # Elsewhere layers of Keras compute in float32 in any case; test_backends compares
    # what skcnn makes of them with TensorFlow.
    rtol = 1e-9 if backend().NAME == "TensorFlow" else 1e-5
    np.testing.assert_allclose(softmax(ours, axis=1), expected, rtol=rtol, atol=1e-12)


# --------------------------------------------------------------- batch normalisation


def test_training_of_float32_agrees_with_train_on_batch(digits):
    network = replace(NORMALIZED, dtype="float32")
    compiled = CompiledNetwork(model(network, optimizer("sgd")), ())
    ours, theirs = session(compiled), model(network, optimizer("sgd"))
    variables = theirs.trainable_variables + theirs.non_trainable_weights
    for variable, value in zip(variables, ours.weights(), strict=True):
        variable.assign(value)
    images, codes = batches(digits, 3)
    ones = np.ones(len(images), np.float32)
    mirrored = np.zeros(len(images), bool)
    ours.train(
        images,
        codes,
        ones,
        mirrored,
        rates=np.full(3, RATES["sgd"], np.float32),
        batch_size=np.int32(16),
        dropout=np.zeros(2, np.float32),
        smoothing=np.float32(0),
        seed=np.int32(0),
        step=np.int32(0),
        size=images.shape[1:3],
    )
    for start in range(0, 48, 16):
        rows = slice(start, start + 16)
        theirs.train_on_batch(images[rows].astype(np.float32), codes[rows])
    trained = arrays(variable.value for variable in variables)
    for value, expected in zip(arrays(ours.weights()), trained, strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-3, atol=1e-4)


def test_only_training_normalizes_by_the_batch(digits):
    images, _ = batches(digits, 1)
    network = model(NORMALIZED, optimizer("sgd"))
    taken = []

    def normalize(layer, x):
        taken.append(layer.name)
        return x

    layers = network.layers[:-1]
    x = images.astype(np.float64)
    forward(layers, x)
    assert taken == []
    forward(layers, x, normalize, lambda name, x: x)
    assert taken == ["normalization_1_1"]


# ------------------------------------------------------------------- views and sizes


@pytest.mark.parametrize("normalized", [False, True])
def test_logits_of_views_are_the_mean_over_the_views(normalized, digits):
    network = NORMALIZED if normalized else TINY
    network = replace(network, image_shape=(16, 16, 1))  # large enough to be shifted
    compiled = CompiledNetwork(model(network, optimizer("adam")), ())
    weights = session(compiled).weights()
    images = batches(digits, 1)[0].repeat(2, axis=1).repeat(2, axis=2)
    around = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    views = [images, around[:, 2:, 2:], around[:, :-2, :-2]]
    views += [view[:, :, ::-1] for view in views]
    logits = [compiled.logits(weights, np.ascontiguousarray(v)) for v in views]
    for names, chosen in (
        (("shift",), logits[:3]),
        (("flip",), logits[::3]),
        (("flip", "shift"), logits),
    ):
        found = compiled.logits(weights, images, names)
        np.testing.assert_allclose(found, np.mean(chosen, axis=0), rtol=1e-12)
        assert abs(found - logits[0]).max() > 0.01


def test_a_size_resizes_the_training_images(digits):
    network = replace(TINY, global_pooling=True)
    compiled = CompiledNetwork(model(network, optimizer("sgd")), ())
    images, codes = batches(digits, 1)
    small = images.reshape(16, 4, 2, 4, 2, 1).mean(axis=(2, 4))
    sums, weights = [], []
    for given, size in ((images, (8, 8)), (images, (4, 4)), (small, (4, 4))):
        run = session(compiled)
        sums.append(train(run, given, codes, size=size))
        weights.append(arrays(run.weights()))
        run.close()
    assert sums[1] == pytest.approx(sums[2], rel=1e-6)
    assert abs(sums[0][0] - sums[1][0]) > 1e-3
    for value, expected in zip(weights[1], weights[2], strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-6)


# ---------------------------------------------------------------------- values passed


def test_initial_values_are_drawn_from_the_seed(compiled):
    compiled, *_ = compiled
    first, same, other = (
        arrays(session(compiled, seed).weights()) for seed in (0, 0, 1)
    )
    for value, expected in zip(first, same, strict=True):
        np.testing.assert_array_equal(value, expected)
    kernels = [i for i, value in enumerate(first) if value.ndim > 1]
    assert len(kernels) == 3
    for i in kernels:
        assert (first[i] != other[i]).all()
    # Glorot's uniform distribution: the bound is what Keras's layers draw within.
    height, width, inputs, outputs = first[0].shape
    bound = np.sqrt(6 / (height * width * (inputs + outputs)))
    assert 0.8 * bound < abs(first[0]).max() <= bound


def test_the_first_layer_holds_the_scaling(compiled):
    compiled, *_ = compiled
    offset, variance = session(compiled).weights()[compiled.n_trainable :][:2]
    assert (offset.item(), variance.item()) == (5, 36)


def test_two_sessions_interleaved_are_the_same_as_one_after_the_other(compiled, digits):
    compiled, *_ = compiled

    def step(session, i, start):
        train(session, *batches(digits, 2, start + 2 * i), step=2 * i)

    alone = []
    for seed, start in ((0, 0), (1, 10)):
        run = session(compiled, seed)
        for i in range(3):
            step(run, i, start)
        alone.append(arrays(run.weights() + run.optimizer_values()))
        run.close()
    first, second = session(compiled, 0), session(compiled, 1)
    for i in range(3):
        step(first, i, 0)
        step(second, i, 10)
    for run, expected in zip((first, second), alone, strict=True):
        values = arrays(run.weights() + run.optimizer_values())
        for value, other in zip(values, expected, strict=True):
            np.testing.assert_array_equal(value, other)
    assert any((a != b).any() for a, b in zip(*alone, strict=True))


def test_one_call_of_many_steps_is_many_calls_of_one(compiled, digits):
    compiled, *_ = compiled
    images, codes = batches(digits, 4)
    at_once, one_by_one = session(compiled), session(compiled)
    train(at_once, images, codes)
    for i in range(4):
        rows = slice(16 * i, 16 * (i + 1))
        train(one_by_one, images[rows], codes[rows], step=i)
    for value, other in zip(at_once.weights(), one_by_one.weights(), strict=True):
        np.testing.assert_array_equal(value, other)


def test_set_weights_replaces_the_weights_and_keeps_the_optimizer(compiled, digits):
    compiled, *_ = compiled
    run = session(compiled)
    start = arrays(run.weights())
    train(run, *batches(digits, 2))
    slots = arrays(run.optimizer_values())
    run.set_weights(start)
    for value, other in zip(run.weights(), start, strict=True):
        np.testing.assert_array_equal(value, other)
    for value, other in zip(run.optimizer_values(), slots, strict=True):
        np.testing.assert_array_equal(value, other)
    # The next call trains from there.
    other = Session(compiled, start, slots)
    for continued in (run, other):
        train(continued, *batches(digits, 1, 5), step=7)
    for value, expected in zip(run.weights(), other.weights(), strict=True):
        np.testing.assert_array_equal(value, expected)


def test_closing_a_session_keeps_its_values_out_of_the_next_one(compiled, digits):
    compiled, *_ = compiled
    first = session(compiled)
    train(first, *batches(digits, 2))
    first.close()
    second, fresh = session(compiled), session(compiled)
    for value, expected in zip(second.weights(), fresh.weights(), strict=True):
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 15, 16, 17])
def test_logits_do_not_depend_on_the_place_in_the_batch(n, dtype, digits):
    network = replace(TINY, image_shape=(8, 8, 1), dtype=dtype)
    compiled = CompiledNetwork(model(network, optimizer("adam")), ())
    run = session(compiled)
    images, _ = batches(digits, 4)
    together = compiled.logits(run.weights(), images)
    apart = [
        compiled.logits(run.weights(), images[start : start + n])
        for start in range(0, len(images), n)
    ]
    rounding = 0
    if backend().NAME == "PyTorch":
        # On an AMD EPYC it rounds by the size of the batch (2e-7 at most was seen).
        rounding = 10 * np.finfo(dtype).eps
    np.testing.assert_allclose(
        np.concatenate(apart), together, rtol=rounding, atol=rounding
    )


def test_weights_read_once_do_not_change_afterwards(compiled, digits):
    compiled, *_ = compiled
    run = session(compiled)
    train(run, *batches(digits, 1))
    held = run.weights()
    before = arrays(held)
    train(run, *batches(digits, 2))
    for value, other in zip(held, before, strict=True):
        np.testing.assert_array_equal(value, other)


# -------------------------------------------------------- one compiled network for all


def tiny(**parameters):
    return MNISTCNNClassifier(
        **{
            "filters": 4,
            "kernel_size": 3,
            "dense_units": 8,
            "augment": None,
            "epochs": 1,
            "batch_size": 20,
            "random_state": 0,
            **parameters,
        }
    )


@pytest.fixture(scope="module")
def fitted(digits):
    X, y = digits
    classifier = tiny().fit(X[:100], y[:100])
    classifier.predict(X[:10])
    return classifier


@pytest.mark.parametrize(
    "parameters", [{"filters": 5}, {"optimizer": "sgd"}, {"augment": "flip"}], ids=repr
)
def test_other_networks_are_compiled_apart(parameters, fitted):
    from skcnn._scikeras import make_keras_classifier

    keys = []
    for classifier in (tiny(), tiny(**parameters)):
        options = resolve_parameters(classifier)
        network = Network(image_shape=(8, 8, 1), n_classes=10, **options["network"])
        inner = make_keras_classifier(
            network,
            labels=np.arange(10),
            dropout=options["dropout"],
            augment=options["augment"],
            **options["optimizer"],
        )
        keys.append(inner._key())
    assert keys[0] == fitted.keras_classifier_._key()
    assert keys[1] != keys[0]


def test_the_last_used_networks_are_kept(monkeypatch):
    monkeypatch.setattr(_engine, "_compiled", OrderedDict())
    monkeypatch.setattr(_engine, "MAX_COMPILED_NETWORKS", 3)
    built = []

    def get(key):
        compiled_network(key, lambda: built.append(key))

    for key in "abcaad":  # d pushes out b, the one not used for longest
        get(key)
    assert built == list("abcd")
    for key in "acd":
        get(key)
    assert built == list("abcd")
    get("b")
    assert built == list("abcdb")
