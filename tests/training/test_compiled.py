"""Compiled networks: shared, traced once, and equal to what Keras computes."""

from collections import OrderedDict
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
import tiny
from scipy.special import log_softmax, softmax
from tiny import tiny_classifier

from skcnn._estimator.automatic import check_parameters
from skcnn._network import augment
from skcnn._network.augment import Views
from skcnn._network.backends import backend
from skcnn._network.description import Network, build_network
from skcnn._network.step import Batch, StepOptions, forward
from skcnn._training import compiled as compiled_module
from skcnn._training.compiled import CompiledNetwork, arrays, compiled_network, tensors

pytestmark = pytest.mark.any_backend

TINY = replace(tiny.TINY, dtype="float64")
NORMALIZED = replace(TINY, batch_normalization=True)
RATES = {"adam": 0.01, "sgd": 0.1}
LOSS = "sparse_categorical_crossentropy"
FROZEN = {"scaling": (np.array([5.0]), np.array([36.0]))}


def model(network, optimizer):
    """Build a new compiled Keras network."""
    return build_network(network, (0, 0), {"optimizer": optimizer, "loss": LOSS})


def optimizer(name):
    import keras

    if name == "adam":
        return keras.optimizers.Adam(RATES[name], name="optimizer")
    return keras.optimizers.SGD(RATES[name], momentum=0.9, name="optimizer")


@cache
def shared(network, name):
    """Return a compiled network, one for all tests: it changes for none of them."""
    return CompiledNetwork(model(network, optimizer(name)), ())


@pytest.fixture(params=["adam", "sgd normalized"])
def compiled(request):
    """Return a compiled network, its description and the name of its optimizer."""
    name, *rest = request.param.split()
    network = NORMALIZED if rest else TINY
    return shared(network, name), network, name


def initial(compiled, seed=0):
    """Draw the state that training begins with."""
    return compiled.initial_state(np.random.RandomState(seed), FROZEN)


def batches(digits, n_steps, start=0):
    rows = slice(16 * start, 16 * (start + n_steps))
    X, y = digits
    return X[rows, ..., np.newaxis], y[rows].astype(np.int32)


def train(compiled, state, images, classes, weights=None, rate=0.01, **options):
    """Train on batches of 16; return the next state and the two sums."""
    n_steps = -(-len(images) // 16)
    dtype = compiled.dtype
    batch = Batch(
        images,
        classes,
        np.ones(len(images), dtype) if weights is None else weights,
        np.zeros(len(images), bool),
    )
    values, *sums = compiled.train(
        state.values,
        batch,
        StepOptions(
            size=options.get("size", images.shape[1:3]),
            rates=np.full(n_steps, rate, np.float32),
            batch_size=np.int32(16),
            dropout=np.zeros(2, dtype),
            smoothing=np.array(options.get("smoothing", 0), dtype),
            seed=np.int32(0),
            step=np.int32(options.get("step", 0)),
        ),
    )
    return state.with_values(values), *sums


def assert_equal(values, others):
    for value, other in zip(arrays(values), arrays(others), strict=True):
        np.testing.assert_array_equal(value, other)


@pytest.fixture(scope="module", autouse=True)
def double_precision():
    """JAX has none unless it is asked for it."""
    with backend().precision("float64"):
        yield


# -------------------------------------------------------------- the same as in Keras


@pytest.mark.slow
@pytest.mark.parametrize(
    "weighted",
    [pytest.param(False, marks=pytest.mark.slow), True],
    ids=["", "sample weights"],
)
def test_training_steps_agree_with_train_on_batch(compiled, weighted, digits):
    compiled, network, name = compiled
    state = initial(compiled)
    theirs = model(network, optimizer(name))
    variables = theirs.trainable_variables + theirs.non_trainable_weights
    for variable, value in zip(variables, state.weights, strict=True):
        variable.assign(value)
    # The last batch is a short one.
    images, classes = batches(digits, 5)
    images, classes = images[:-6], classes[:-6]
    generator = np.random.default_rng(0)
    weights = generator.uniform(0, 3, len(images)) if weighted else np.ones(len(images))

    ours, *_ = train(compiled, state, images, classes, weights, rate=RATES[name])
    for start in range(0, len(images), 16):
        rows = slice(start, start + 16)
        theirs.train_on_batch(
            images[rows].astype(np.float64), classes[rows], sample_weight=weights[rows]
        )
    trained = arrays(variable.value for variable in variables)
    for value, expected in zip(arrays(ours.weights), trained, strict=True):
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)
    # Training moved them by far more than that.
    moved = [abs(v - w).max() for v, w in zip(trained, state.weights, strict=True)]
    assert max(moved[: compiled.n_trainable]) > 0.01


def test_the_sums_are_those_of_the_losses_and_of_correct_answers(digits):
    compiled = shared(TINY, "adam")
    state = initial(compiled)
    images, classes = batches(digits, 1)
    weights = np.linspace(0, 2, 16)
    logits = compiled.logits(tensors(state.weights), images)
    _, loss_sum, correct_sum = train(compiled, state, images, classes, weights)
    losses = -log_softmax(logits, axis=1)[np.arange(16), classes]
    assert loss_sum == pytest.approx(weights @ losses, rel=1e-12)
    correct = logits.argmax(axis=1) == classes
    assert correct.any()
    assert correct_sum == pytest.approx(weights @ correct, rel=1e-12)


def test_label_smoothing_is_that_of_keras(digits):
    import keras

    compiled = shared(TINY, "adam")
    state = initial(compiled)
    images, classes = batches(digits, 1)
    logits = compiled.logits(tensors(state.weights), images)
    expected = keras.losses.categorical_crossentropy(
        np.eye(10)[classes], logits, from_logits=True, label_smoothing=0.2
    )
    _, loss_sum, _ = train(compiled, state, images, classes, smoothing=0.2)
    assert loss_sum == pytest.approx(
        keras.ops.convert_to_numpy(expected).sum(), rel=1e-12
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
def test_logits_agree_with_the_keras_model(compiled, dtype, digits):
    compiled, network, name = compiled
    state, *_ = train(compiled, initial(compiled), *batches(digits, 3))
    theirs = model(network, optimizer(name))
    variables = theirs.trainable_variables + theirs.non_trainable_weights
    for variable, value in zip(variables, state.weights, strict=True):
        variable.assign(value)
    images, _ = batches(digits, 2)
    ours = compiled.logits(state.weights, compiled.images(images.astype(dtype)))
    expected = theirs.predict_on_batch(images.astype(np.float64))
    # Elsewhere layers of Keras compute in float32 in any case; test_backends compares
    # what skcnn makes of them with TensorFlow.
    rtol = 1e-9 if backend().NAME == "TensorFlow" else 1e-5
    np.testing.assert_allclose(softmax(ours, axis=1), expected, rtol=rtol, atol=1e-12)


# --------------------------------------------------------------- batch normalization


@pytest.mark.slow
def test_training_of_float32_agrees_with_train_on_batch(digits):
    network = replace(NORMALIZED, dtype="float32")
    compiled = CompiledNetwork(model(network, optimizer("sgd")), ())
    state, theirs = initial(compiled), model(network, optimizer("sgd"))
    variables = theirs.trainable_variables + theirs.non_trainable_weights
    for variable, value in zip(variables, state.weights, strict=True):
        variable.assign(value)
    images, classes = batches(digits, 3)
    state, *_ = train(compiled, state, images, classes, rate=RATES["sgd"])
    for start in range(0, 48, 16):
        rows = slice(start, start + 16)
        theirs.train_on_batch(images[rows].astype(np.float32), classes[rows])
    trained = arrays(variable.value for variable in variables)
    for value, expected in zip(arrays(state.weights), trained, strict=True):
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
    compiled = shared(network, "adam")
    weights = tensors(initial(compiled).weights)
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
        found = compiled.logits(weights, images, Views(names))
        np.testing.assert_allclose(found, np.mean(chosen, axis=0), rtol=1e-12)
        assert abs(found - logits[0]).max() > 0.01


LARGER = replace(NORMALIZED, image_shape=(24, 24, 1))


@pytest.fixture
def half_unsure(monkeypatch):
    """Return a network, its weights and images of which some are unsure."""
    compiled = shared(LARGER, "adam")
    weights = tensors(initial(compiled).weights)
    images = np.random.default_rng(0).integers(0, 16, (80, 24, 24, 1), np.uint8)
    ordered = np.sort(compiled.logits(weights, images), axis=1)
    times = np.exp(ordered[:, -1] - ordered[:, -2])
    monkeypatch.setattr(augment, "SURE", np.median(times))
    return compiled, weights, images, times < np.median(times)


@pytest.mark.parametrize("names", [("shift",), ("flip",), ("flip", "shift")], ids=str)
def test_only_unsure_images_have_further_views(names, half_unsure):
    compiled, weights, images, unsure = half_unsure
    assert unsure.sum() == 40
    first = compiled.logits(weights, images)
    mean = compiled.logits(weights, images, Views(names))
    found = compiled.logits(weights, images, Views(names, only_unsure=True))
    np.testing.assert_array_equal(found[~unsure], first[~unsure])
    np.testing.assert_allclose(found[unsure], mean[unsure], rtol=1e-12)
    assert abs(mean - first).min(axis=1).max() > 0.01


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 50])
def test_logits_with_views_for_the_unsure_do_not_depend_on_the_other_images(
    n, half_unsure
):
    compiled, weights, images, _ = half_unsure
    views = Views(("flip", "shift"), only_unsure=True)
    together = compiled.logits(weights, images, views)
    apart = [
        compiled.logits(weights, images[start : start + n], views)
        for start in range(0, len(images), n)
    ]
    # A single image of this size is not padded.
    rounding = 1e-12 if n == 1 or backend().NAME == "PyTorch" else 0
    np.testing.assert_allclose(
        np.concatenate(apart), together, rtol=rounding, atol=rounding
    )


def test_unsure_images_are_traced_once_for_any_number_of_them(half_unsure):
    _, weights, images, unsure = half_unsure
    compiled = CompiledNetwork(model(LARGER, optimizer("adam")), ())
    views = Views(("flip",), only_unsure=True)
    for n in range(1, 41):
        compiled.logits(weights, images[unsure][:n], views)
    if backend().NAME == "TensorFlow":
        functions = compiled.functions._functions.values()
        traces = [function.experimental_get_tracing_count() for function in functions]
        assert traces == [1, 1]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e38])
def test_logits_that_are_not_finite_are_no_reason_to_warn(value, half_unsure):
    compiled, weights, images, _ = half_unsure
    views = Views(("flip",), only_unsure=True)
    images = images.astype(compiled.dtype)
    images[0] = value
    with np.errstate(all="raise"):
        found = compiled.logits(weights, images, views)
    expected = compiled.logits(weights, images[1:17], views)
    np.testing.assert_allclose(found[1:17], expected, rtol=1e-12)


@pytest.mark.slow
def test_a_size_resizes_the_training_images(digits):
    network = replace(TINY, global_pooling=True)
    compiled = CompiledNetwork(model(network, optimizer("sgd")), ())
    images, classes = batches(digits, 1)
    small = images.reshape(16, 4, 2, 4, 2, 1).mean(axis=(2, 4))
    sums, weights = [], []
    for given, size in ((images, (8, 8)), (images, (4, 4)), (small, (4, 4))):
        state, *of_size = train(compiled, initial(compiled), given, classes, size=size)
        sums.append(of_size)
        weights.append(arrays(state.weights))
    assert sums[1] == pytest.approx(sums[2], rel=1e-6)
    assert abs(sums[0][0] - sums[1][0]) > 1e-3
    for value, expected in zip(weights[1], weights[2], strict=True):
        np.testing.assert_allclose(value, expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [pytest.param(("flip", "shift"), marks=pytest.mark.slow), ("affine",)],
    ids=" ".join,
)
def test_what_training_changes_at_random_are_the_means_of_blocks(names):
    """So the size of a photograph adds little to the time of its augmentation."""
    network = replace(TINY, global_pooling=True)
    compiled = CompiledNetwork(model(network, optimizer("sgd")), names)
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (16, 60, 56, 1), np.uint8)
    means = images.reshape(16, 15, 4, 14, 4, 1).mean(axis=(2, 4))
    classes = np.arange(16, dtype=np.int32) % 3
    found, expected = (
        train(compiled, initial(compiled), given, classes, size=(8, 8))
        for given in (images, means)
    )
    assert found[1:] == pytest.approx(expected[1:], rel=1e-5)
    for value, other in zip(
        *(arrays(f[0].weights) for f in (found, expected)), strict=True
    ):
        np.testing.assert_allclose(value, other, atol=1e-6)


# ---------------------------------------------------------------------- values passed


def test_initial_weights_are_drawn_from_the_seed(compiled):
    compiled, *_ = compiled
    first, same, other = (initial(compiled, seed).weights for seed in (0, 0, 1))
    assert_equal(first, same)
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
    offset, variance = initial(compiled).weights[compiled.n_trainable :][:2]
    assert (offset.item(), variance.item()) == (5, 36)


def block_model(*layers):
    """Return a compiled network of a scaling layer, other layers and a softmax."""
    import keras

    scaling = keras.layers.BatchNormalization(
        epsilon=0.0, center=False, scale=False, trainable=False, name="scaling"
    )
    network = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            scaling,
            *layers,
            keras.layers.Flatten(),
            keras.layers.Dense(10, name="logits"),
            keras.layers.Activation("softmax"),
        ]
    )
    network.compile(optimizer("sgd"), LOSS)
    return network


def test_the_weights_of_nested_blocks_are_drawn_too(digits):
    import keras

    def convolution(name, **options):
        initializer = keras.initializers.GlorotUniform(seed=0)
        return keras.layers.Conv2D(
            4, 3, padding="same", kernel_initializer=initializer, name=name, **options
        )

    class Residual(keras.layers.Layer):
        """A block that holds its layers in an attribute and in a list."""

        def __init__(self):
            super().__init__(name="residual")
            self.first = convolution("first")
            self.others = [keras.layers.LayerNormalization(), convolution("second")]

        def call(self, x):
            normalization, second = self.others
            changed = second(normalization(self.first(x)))
            return keras.ops.add(x, changed)

    normalization = keras.layers.BatchNormalization(name="normalization")
    inner = keras.Sequential([convolution("inner"), normalization], name="inner")
    outer = keras.Sequential([convolution("outer"), inner], name="outer")
    compiled = CompiledNetwork(block_model(outer, Residual()), ())
    state, same, other = (initial(compiled, seed) for seed in (0, 0, 1))
    assert_equal(state.values, same.values)
    kernels = [i for i, value in enumerate(state.weights) if value.ndim > 1]
    assert len(kernels) == 5
    for i in kernels:
        assert (state.weights[i] != other.weights[i]).all()
    assert len({state.weights[i].tobytes() for i in kernels[1:4]}) == 3
    trained, *_ = train(compiled, state, *batches(digits, 3), rate=0.1)
    for i in kernels:
        assert (arrays(trained.weights)[i] != state.weights[i]).any()


def test_a_variable_that_cannot_be_drawn_is_refused():
    import keras

    class Shift(keras.layers.Layer):
        def build(self, shape):
            self.shift = self.add_weight(shape=shape[1:], initializer="random_normal")

        def call(self, x):
            return x + self.shift

    with pytest.raises(AssertionError, match=r"shift/\w+ has no known initializer"):
        CompiledNetwork(block_model(Shift(name="shift")), ())


def test_two_runs_interleaved_are_the_same_as_one_after_the_other(compiled, digits):
    compiled, *_ = compiled

    def step(state, i, start):
        return train(compiled, state, *batches(digits, 2, start + 2 * i), step=2 * i)[0]

    alone = []
    for seed, start in ((0, 0), (1, 10)):
        state = initial(compiled, seed)
        for i in range(3):
            state = step(state, i, start)
        alone.append(arrays(state.values))
    first, second = initial(compiled, 0), initial(compiled, 1)
    for i in range(3):
        first, second = step(first, i, 0), step(second, i, 10)
    assert_equal(first.values, alone[0])
    assert_equal(second.values, alone[1])
    assert any((a != b).any() for a, b in zip(*alone, strict=True))


def test_one_call_of_many_steps_is_many_calls_of_one(compiled, digits):
    compiled, *_ = compiled
    images, classes = batches(digits, 4)
    at_once, *_ = train(compiled, initial(compiled), images, classes)
    one_by_one = initial(compiled)
    for i in range(4):
        rows = slice(16 * i, 16 * (i + 1))
        one_by_one, *_ = train(
            compiled, one_by_one, images[rows], classes[rows], step=i
        )
    assert_equal(at_once.weights, one_by_one.weights)


def test_training_changes_no_state_that_it_was_given(compiled, digits):
    compiled, *_ = compiled
    start = initial(compiled)
    before = [value.copy() for value in start.values]
    once, *_ = train(compiled, start, *batches(digits, 1))
    after_one = arrays(once.values)
    twice, *_ = train(compiled, once, *batches(digits, 2))
    assert_equal(start.values, before)
    assert_equal(once.values, after_one)
    again, *_ = train(compiled, once, *batches(digits, 2))
    assert_equal(again.values, twice.values)


@pytest.mark.parametrize("change", ["weights", "shape", "dtype", "slots"])
def test_values_of_another_network_are_refused(compiled, change):
    compiled, *_ = compiled
    state = initial(compiled)
    compiled.check(state)
    first, *others = state.weights
    changed = {
        "weights": {"weights": others},
        "shape": {"weights": [first[..., :1], *others]},
        "dtype": {"weights": [first.astype(np.float32), *others]},
        "slots": {"slots": [*state.slots, first]},
    }
    with pytest.raises(ValueError, match="do not fit the network"):
        compiled.check(replace(state, **changed[change]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 2, 15, 16, 17])
def test_logits_do_not_depend_on_the_place_in_the_batch(n, dtype, digits):
    network = replace(TINY, image_shape=(8, 8, 1), dtype=dtype)
    compiled = shared(network, "adam")
    weights = tensors(initial(compiled).weights)
    images, _ = batches(digits, 4)
    together = compiled.logits(weights, images)
    apart = [
        compiled.logits(weights, images[start : start + n])
        for start in range(0, len(images), n)
    ]
    rounding = 0
    if backend().NAME == "PyTorch":
        # On an AMD EPYC it rounds by the size of the batch (2e-7 at most was seen).
        rounding = 10 * np.finfo(dtype).eps
    np.testing.assert_allclose(
        np.concatenate(apart), together, rtol=rounding, atol=rounding
    )


# -------------------------------------------------------- one compiled network for all


tiny = partial(tiny_classifier, epochs=1)


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
    from skcnn._estimator.keras_classifier import SharedTraceKerasClassifier

    keys = []
    for classifier in (tiny(), tiny(**parameters)):
        options = check_parameters(classifier)
        network = Network(image_shape=(8, 8, 1), n_classes=10, **options["network"])
        inner = SharedTraceKerasClassifier(
            network,
            np.arange(10),
            options["dropout"],
            options["augment"],
            **options["optimizer"],
        )
        keys.append(inner.key)
    assert keys[0] == fitted.keras_classifier_.key
    assert keys[1] != keys[0]


def test_the_last_used_networks_are_kept(monkeypatch):
    monkeypatch.setattr(compiled_module, "_compiled", OrderedDict())
    monkeypatch.setattr(compiled_module, "MAX_COMPILED_NETWORKS", 3)
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
