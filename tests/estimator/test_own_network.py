"""Networks of a user's in CNNClassifier: the whole contract of a classifier."""

import copy
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GridSearchCV

import skcnn
from skcnn import CIFARCNNClassifier, CNNClassifier, MNISTCNNClassifier
from skcnn.networks import ConvNet

SMALL = {"epochs": 2, "batch_size": 40, "random_state": 0, "augment": None}


def lenet(image_shape, n_classes):
    """A list of layers: with state, with randomness, nested, regularized."""
    from keras import Sequential, layers

    return [
        layers.Conv2D(4, 3, padding="same", activation="tanh"),
        layers.AveragePooling2D(2),
        layers.RandomFlip("horizontal"),
        Sequential(
            [
                layers.BatchNormalization(momentum=0.5),
                layers.Flatten(),
                layers.Dense(8, activation="relu", kernel_regularizer="l2"),
            ]
        ),
        layers.Dropout(0.1),
        layers.Dense(n_classes, activation="softmax"),
    ]


def residual(image_shape, n_classes):
    """A functional model."""
    from keras import Input, Model, layers

    x = inputs = Input(image_shape)
    x = layers.Add()([x, layers.Conv2D(image_shape[-1], 3, padding="same")(x)])
    x = layers.Flatten()(layers.Conv2D(4, 3, activation="relu")(x))
    return Model(inputs, layers.Softmax()(layers.Dense(n_classes)(x)))


def sequential(image_shape, n_classes):
    """A Sequential with an input, compiled as for SciKeras."""
    from keras import Input, Sequential, layers

    model = Sequential(
        [
            Input(image_shape),
            layers.Flatten(),
            layers.Dense(12, activation="relu"),
            layers.Dense(n_classes),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd")
    return model


class Dense(BaseEstimator):
    """An object with parameters."""

    def __init__(self, units=8):
        self.units = units

    def build(self, image_shape, n_classes):
        from keras import layers

        return [layers.Flatten(), layers.Dense(self.units), layers.Dense(n_classes)]


NETWORKS = [lenet, residual, sequential, Dense()]
every_network = pytest.mark.parametrize(
    "network",
    [
        pytest.param(each, marks=pytest.mark.slow if each is sequential else ())
        for each in NETWORKS
    ],
    ids=lambda n: getattr(n, "__name__", "object"),
)


@pytest.fixture(scope="module")
def part(digits):
    X, y = digits
    return X[:210], y[:210]  # the last batch is a short one


@pytest.fixture(scope="module")
def fitted(part):
    return CNNClassifier(network=lenet, **SMALL).fit(*part)


def assert_same(one, other, X):
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))
    assert one.history_ == other.history_


def weights_of(clf):
    """Return the weights of a fitted classifier by the path of their variable."""
    from skcnn._network.any_network import variables_of

    paths = [variable.path for variable in variables_of(clf.model_)]
    return dict(zip(paths, clf.keras_classifier_.state_.weights, strict=True))


# -------------------------------------------------------------------- without a network


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classifier", "channels"),
    [
        (MNISTCNNClassifier, 1),
        pytest.param(CIFARCNNClassifier, 3, marks=pytest.mark.slow),
    ],
)
def test_without_a_network_it_is_the_class_that_fits_the_images(
    classifier, channels, part
):
    X = np.stack([part[0][:60]] * channels, axis=-1)
    y = part[1][:60]
    given = {"epochs": 1, "random_state": 0}
    expected = classifier(**given).fit(X, y)
    clf = CNNClassifier(**given).fit(X, y)
    assert_same(clf, expected, X)
    defaults = classifier().get_params()
    assert clf.network_.kernel_size == (
        (5, 3) if channels == 1 else (defaults["kernel_size"],) * 3
    )
    assert clf.network_.filters == expected.auto_params_["filters"]
    for name in ("learning_rate", "label_smoothing", "optimizer", "scaling"):
        assert clf.auto_params_[name] == defaults[name]
    assert set(clf.auto_params_) <= set(clf.get_params(deep=False))
    assert_same(pickle.loads(pickle.dumps(clf)), clf, X)


@pytest.mark.slow
def test_the_familys_parameters_are_those_of_a_convnet(part, tmp_path):
    given = {"filters": 4, "dense_units": 8, "dropout": 0.2}
    expected = MNISTCNNClassifier(**given, **SMALL).fit(*part)
    clf = CNNClassifier(network=ConvNet(**given), **SMALL).fit(*part)
    assert_same(clf, expected, part[0])
    chosen = clf.network_.get_params()
    assert [chosen[name] for name in given] == [(4,), (8,), (0.2, 0.2)]
    assert "auto" not in chosen.values()
    skcnn.save(clf, tmp_path / "clf.skcnn")
    loaded = skcnn.load(tmp_path / "clf.skcnn")
    assert_same(loaded, clf, part[0])
    assert loaded.network.get_params() == clf.network.get_params()
    assert_same(loaded.partial_fit(*part), clf.partial_fit(*part), part[0])


@pytest.mark.slow
def test_going_on_with_another_convnet_is_refused(part):
    clf = CNNClassifier(network=ConvNet(filters=4), warm_start=True, **SMALL)
    clf.fit(*part).set_params(network__filters=5)
    with pytest.raises(ValueError, match=r"filters was \(4,\) and is \(5,\)"):
        clf.fit(*part)


# ---------------------------------------------------------------------- fit and predict


@pytest.mark.slow
@pytest.mark.any_backend
@every_network
def test_networks_of_every_form_learn_and_repeat(network, part):
    X, y = part
    clf = CNNClassifier(network=network, **SMALL | {"epochs": 8}).fit(X, y)
    assert clf.loss_ < clf.loss_curve_[0] - 0.1
    assert clf.network_ is network or clf.network_.get_params() == {"units": 8}
    assert_same(clone(clf).fit(X, y), clf, X)
    assert clf.predict_proba(X).shape == (210, 10)
    shown = clf.model_.predict(X[..., np.newaxis], verbose=0)
    np.testing.assert_allclose(clf.predict_proba(X), shown, atol=1e-5)


@pytest.mark.slow
@pytest.mark.any_backend
def test_training_is_that_of_keras(part):
    import keras

    X, y = part

    def network(image_shape, n_classes):
        init = keras.initializers.GlorotUniform(seed=1)
        return [
            keras.layers.Conv2D(4, 3, kernel_initializer=init),
            keras.layers.BatchNormalization(momentum=0.8),
            keras.layers.Activation("relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(
                n_classes, kernel_initializer=init, kernel_regularizer="l2"
            ),
        ]

    weights = np.linspace(0.5, 1.5, len(y))
    clf = CNNClassifier(
        network=network,
        epochs=3,
        batch_size=40,
        optimizer="sgd",
        learning_rate=0.05,
        learning_rate_schedule="constant",
        label_smoothing=0.0,
        shuffle=False,
        scaling="unit",
        augment=None,
        random_state=0,
    ).fit(X, y, weights)
    model = keras.Sequential([keras.Input((8, 8, 1)), *network((8, 8, 1), 10)])
    model.compile(
        keras.optimizers.SGD(0.05),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    pixels = X[..., np.newaxis] / np.float32(16)
    history = model.fit(
        *(pixels, y, 40, 3), verbose=0, shuffle=False, sample_weight=weights
    ).history
    np.testing.assert_allclose(clf.history_["accuracy"], history["accuracy"], atol=0.01)
    found = [w for path, w in weights_of(clf).items() if "pixel_scaling" not in path]
    expected = model.trainable_variables + model.non_trainable_variables
    assert len(found) == len(expected) == 8
    for value, variable in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, variable.numpy(), atol=2e-4)


@pytest.mark.slow
@pytest.mark.any_backend
def test_losses_that_layers_add_are_part_of_the_loss(part):
    import keras

    def network(penalty):
        def build(image_shape, n_classes):
            layer = keras.layers.Dense(n_classes, activity_regularizer=penalty)
            return [keras.layers.Flatten(), layer]

        return build

    free, bound = (
        CNNClassifier(network=network(penalty), learning_rate=0.03, **SMALL).fit(*part)
        for penalty in (None, keras.regularizers.L2(10.0))
    )
    logits = [np.abs(clf.decision_function(part[0])).mean() for clf in (free, bound)]
    assert logits[1] < 0.7 * logits[0]
    assert bound.loss_curve_[0] > free.loss_curve_[0] + 1


@pytest.mark.any_backend
def test_random_state_reaches_every_layer(fitted, part):
    other = clone(fitted).set_params(random_state=1).fit(*part)
    mine, others = weights_of(fitted), weights_of(other)
    assert mine.keys() == others.keys()
    drawn = [path for path in mine if path.endswith(("kernel", "seed_generator_state"))]
    assert len(drawn) == 5
    for path in drawn:
        assert (mine[path] != others[path]).any(), path


def test_the_random_states_of_layers_go_on_from_fit_to_fit(fitted):
    states = [w for path, w in weights_of(fitted).items() if "seed_generator" in path]
    # Two epochs of six steps each, in which each of the two layers draws.
    assert all(state[1] >= 12 for state in states)


def test_global_generators_and_names_stay_as_they_were(part):
    import keras

    def state():
        return random.getstate(), np.random.get_state()[1].tolist()

    first = keras.layers.Dense(1).name
    before = state()
    clf = CNNClassifier(network=lenet, **SMALL).fit(*part)
    clf.predict(part[0])
    assert state() == before
    assert clf.model_
    number = int(first.rpartition("_")[2]) if "_" in first else 0
    assert keras.layers.Dense(1).name == f"dense_{number + 1}"


def test_equal_networks_share_a_trace(part):
    import keras

    calls = []

    class Counting(keras.layers.Layer):
        def call(self, x):
            calls.append(x)
            return x

    def maker():
        def network(image_shape, n_classes):
            dense = keras.layers.Dense(n_classes)
            return [
                Counting(),
                keras.layers.Flatten(),
                keras.layers.Dropout(0.1),
                dense,
            ]

        return network

    X, y = part
    CNNClassifier(network=maker(), **SMALL).fit(X, y).predict(X)
    calls.clear()
    CNNClassifier(network=maker(), **SMALL | {"random_state": 1}).fit(X, y).predict(X)
    # Once while the network is built: nothing is traced again.
    assert len(calls) == 1


@pytest.mark.parametrize("factor", [0.0, 1.0])
def test_networks_with_functions_do_not_share(factor, part):
    import keras

    def network(image_shape, n_classes):
        scale = keras.layers.Lambda(lambda x: x * factor)
        return [scale, keras.layers.Flatten(), keras.layers.Dense(n_classes)]

    clf = CNNClassifier(network=network, **SMALL).fit(*part)
    is_constant = np.ptp(clf.predict_proba(part[0]), axis=0).max() < 1e-6
    assert is_constant == (factor == 0)


@pytest.mark.slow
def test_pixels_reach_the_network_as_scaling_says(part):
    import keras

    X, y = part
    seen = {}
    for scaling in (None, "unit", "standard"):
        clf = CNNClassifier(network=sequential, scaling=scaling, **SMALL).fit(X, y)
        pixels = X[..., np.newaxis].astype("float32")
        seen[scaling] = keras.ops.convert_to_numpy(clf.model_.layers[0](pixels))
    np.testing.assert_array_equal(seen[None][..., 0], X)
    np.testing.assert_allclose(seen["unit"][..., 0], X / 16, rtol=1e-6)
    assert seen["standard"].std() == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
@pytest.mark.any_backend
def test_image_weights_early_stopping_and_callbacks_work(part):
    import keras

    X, y = part
    weights = np.arange(210) % 3
    given = SMALL | {"epochs": 4}
    clf = CNNClassifier(network=lenet, early_stopping=True, **given)
    clf.set_params(callbacks=keras.callbacks.LambdaCallback())
    clf.fit(X, y, weights, X_val=X, y_val=y)
    assert len(clf.validation_scores_) == clf.n_iter_
    assert clf.score(X, y) == pytest.approx(clf.best_validation_score_)
    absent = CNNClassifier(network=lenet, **given)
    one = clone(absent).fit(X, y, weights)
    other = clone(absent).fit(X[weights > 0], y[weights > 0], weights[weights > 0])
    assert_same(one, other, X)
    fits = [clone(absent).set_params(class_weight={1: w}) for w in (0.01, 1, 5)]
    means = [clf.fit(X, y).predict_proba(X)[:, 1].mean() for clf in fits]
    assert means[0] < means[1] < means[2]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
@pytest.mark.parametrize("network", [lenet, residual])
def test_the_dtype_is_that_of_all_layers(network, dtype, part):
    X, y = part
    clf = CNNClassifier(network=network, dtype=dtype, **SMALL).fit(X, y)
    own = weights_of(clf)
    expected = np.float64 if dtype == "float64" else np.float32
    assert {value.dtype for value in own.values() if value.dtype.kind == "f"} == {
        np.dtype(expected)
    }
    policies = {layer.dtype_policy.name for layer in clf.model_.layers[1:-1]}
    assert policies == {dtype}
    assert_same(pickle.loads(pickle.dumps(clf)), clf, X)


def test_fits_in_threads_are_those_of_one_thread(fitted, part):
    with ThreadPoolExecutor(3) as pool:
        for clf in pool.map(lambda _: clone(fitted).fit(*part), range(4)):
            assert_same(clf, fitted, part[0])


def test_what_goes_into_the_logits_is_counted(fitted, part):
    for network, expected in ((lenet, 8), (residual, 144), (sequential, 12)):
        clf = clone(fitted).set_params(network=network, epochs=1).fit(*part)
        compiled = clf.keras_classifier_.compiled_network()
        assert compiled.functions._computation.n_features == expected


@pytest.mark.slow
def test_a_search_reaches_the_parameters_of_an_object(part):
    search = GridSearchCV(
        CNNClassifier(network=Dense(), **SMALL), {"network__units": [1, 8]}, cv=2
    ).fit(*part)
    assert search.best_params_ == {"network__units": 8}
    assert search.best_estimator_.network.units == 8
    assert search.estimator.network.units == 8


@pytest.mark.slow
def test_workers_get_a_network_that_is_in_no_module(part):
    def network(image_shape, n_classes):
        return Dense().build(image_shape, n_classes)

    clf = CNNClassifier(network=network, **SMALL)
    search = GridSearchCV(clf, {"epochs": [1, 8]}, cv=2, n_jobs=2).fit(*part)
    assert search.best_params_ == {"epochs": 8}


# --------------------------------------------------------------------------- going on


def test_partial_fit_and_warm_start_go_on(fitted, part):
    clf = copy.deepcopy(fitted)
    clf.partial_fit(*part)
    assert clf.n_iter_ == 3
    clf.set_params(warm_start=True, epochs=1).fit(*part)
    assert clf.n_iter_ == 4
    clf.set_params(network=lambda *given: lenet(*given)).fit(*part)
    assert clf.n_iter_ == 5
    clf.set_params(network=residual)
    with pytest.raises(ValueError, match=r"residual is built otherwise .* start anew"):
        clf.fit(*part)
    assert clf.n_iter_ == 5
    clf.set_params(network=None)
    with pytest.raises(
        ValueError, match="network is None now, and was <function lenet"
    ):
        clf.partial_fit(*part)


@pytest.mark.slow
def test_an_object_that_is_changed_after_fit_changes_nothing_that_was_learned(part):
    clf = CNNClassifier(network=Dense(units=4), warm_start=True, **SMALL).fit(*part)
    expected = clf.predict_proba(part[0])
    clf.set_params(network__units=5)
    assert clf.network_.units == 4
    for one in (clf, pickle.loads(pickle.dumps(clf))):
        np.testing.assert_array_equal(one.predict_proba(part[0]), expected)
        with pytest.raises(ValueError, match="Dense is built otherwise"):
            one.fit(*part)


@pytest.mark.any_backend
def test_training_goes_on_from_a_checkpoint(fitted, part, tmp_path, monkeypatch):
    from skcnn._training.checkpoint import Checkpoint

    keep = Checkpoint.keep

    def killed(self, *args):
        keep(self, *args)
        raise SystemExit

    path = tmp_path / "fit.checkpoint"
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Checkpoint, "keep", killed)
        clone(fitted).fit(*part, checkpoint=path)
    assert_same(clone(fitted).fit(*part, checkpoint=path), fitted, part[0])
    with pytest.raises(ValueError, match="checkpoint of a fit with other parameters"):
        clone(fitted).set_params(network=residual).fit(*part, checkpoint=path)


# -------------------------------------------------------------------- saving, exporting


def test_a_pickle_refers_to_the_network_by_name(fitted, part):
    data = pickle.dumps(fitted)
    assert b"test_own_network" in data
    assert b"keras" not in data.replace(b"keras_classifier_", b"")
    unpickled = pickle.loads(data)
    assert unpickled.network is lenet
    assert_same(unpickled, fitted, part[0])
    assert unpickled.network_ is lenet
    original = copy.deepcopy(fitted)
    assert_same(unpickled.partial_fit(*part), original.partial_fit(*part), part[0])


def test_a_function_without_a_name_is_what_pickle_refuses(part):
    clf = CNNClassifier(network=lambda *given: Dense().build(*given), **SMALL)
    clf.fit(*part)
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(clf)


def test_the_network_of_a_fit_stays_when_the_parameter_changes(fitted, part):
    clf = copy.deepcopy(fitted).set_params(network=residual)
    assert clf.network_ is lenet
    assert_same(pickle.loads(pickle.dumps(clf)), fitted, part[0])


@pytest.fixture(scope="module")
def saved(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "clf.skcnn"
    skcnn.save(fitted, path)
    return path


@pytest.mark.any_backend
def test_load_asks_for_the_network(saved, fitted, part):
    message = r"clf.skcnn holds the weights .* 'lenet'\. .*load\(path, network=\.\.\.\)"
    with pytest.raises(ValueError, match=message):
        skcnn.load(saved)
    loaded = skcnn.load(saved, network=lenet)
    assert loaded.network is lenet
    assert_same(loaded, fitted, part[0])
    original = copy.deepcopy(fitted)
    assert_same(loaded.partial_fit(*part), original.partial_fit(*part), part[0])


def test_load_compares_the_network_with_the_weights(saved, part):
    with pytest.raises(
        ValueError, match=r"network=residual do not fit: .*Weights|weights"
    ):
        skcnn.load(saved, network=residual)

    def other(image_shape, n_classes):
        layers = lenet(image_shape, n_classes)
        layers[0].activation = None
        return layers

    with pytest.warns(
        UserWarning, match="built otherwise than the one that was fitted"
    ):
        skcnn.load(saved, network=other)
    with pytest.raises(TypeError, match="expected a function"):
        skcnn.load(saved, network=3)


def test_a_forged_parameter_is_refused(part):
    clf = CNNClassifier(network=ConvNet(filters=4), **SMALL).fit(*part)
    learned = clf._learned()
    learned["parameters"] = learned["parameters"] | {"classes_": 3}
    with pytest.raises(ValueError, match="There is no parameter 'classes_'"):
        clone(clf)._relearn(learned)


def test_load_refuses_a_network_that_it_does_not_need(part, tmp_path):
    clf = MNISTCNNClassifier(filters=4, dense_units=8, **SMALL).fit(*part)
    skcnn.save(clf, tmp_path / "clf.skcnn")
    with pytest.raises(ValueError, match="holds no network of your own"):
        skcnn.load(tmp_path / "clf.skcnn", network=lenet)


@pytest.mark.slow
def test_a_pipeline_is_loaded_with_its_network(part, tmp_path):
    from sklearn.pipeline import make_pipeline

    from skcnn.preprocessing import ImageScaler

    pipeline = make_pipeline(ImageScaler(), CNNClassifier(network=lenet, **SMALL))
    pipeline.fit(*part)
    skcnn.save(pipeline, tmp_path / "clf.skcnn")
    loaded = skcnn.load(tmp_path / "clf.skcnn", network=lenet)
    assert_same(loaded[-1], pipeline[-1], part[0] / 16)


def test_it_is_exported(fitted, part, tmp_path):
    import tensorflow as tf

    from skcnn.export import to_saved_model

    to_saved_model(fitted, tmp_path / "clf")
    serve = tf.saved_model.load(tmp_path / "clf").signatures["serving_default"]
    answer = serve(images=tf.constant(part[0][:20, :, :, np.newaxis]))
    expected = fitted.predict_proba(part[0][:20])
    np.testing.assert_allclose(answer["probabilities"], expected, atol=1e-5)


# ----------------------------------------------------------------------------- refusals


def two_inputs(image_shape, n_classes):
    from keras import Input, Model, layers

    inputs = [Input(image_shape), Input(image_shape)]
    x = layers.Flatten()(layers.Add()(inputs))
    return Model(inputs, layers.Dense(n_classes)(x))


def two_outputs(image_shape, n_classes):
    from keras import Input, Model, layers

    inputs = Input(image_shape)
    x = layers.Flatten()(inputs)
    return Model(inputs, [layers.Dense(n_classes)(x), layers.Dense(n_classes)(x)])


def of_other_images(image_shape, n_classes):
    from keras import Input, Sequential, layers

    return Sequential([Input((28, 28, 1)), layers.Flatten(), layers.Dense(n_classes)])


def subclassed(image_shape, n_classes):
    from keras import Model, layers

    class Mine(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(n_classes)

        def call(self, x):
            return self.dense(x)

    return Mine()


def wide(image_shape, n_classes):
    from keras import layers

    return [layers.Flatten(), layers.Dense(n_classes + 1)]


def maps(image_shape, n_classes):
    from keras import layers

    return [layers.Conv2D(n_classes, 3)]


def frozen(image_shape, n_classes):
    from keras import layers

    return [layers.Flatten(), layers.Dense(n_classes, trainable=False)]


def sigmoid(image_shape, n_classes):
    from keras import layers

    return [layers.Flatten(), layers.Dense(n_classes, activation="sigmoid")]


def hidden_softmax(image_shape, n_classes):
    from keras import Input, Model, layers, ops

    inputs = Input(image_shape)
    x = layers.Dense(n_classes)(layers.Flatten()(inputs))
    return Model(inputs, ops.softmax(x))


def unseeded(image_shape, n_classes):
    from keras import layers, random

    class Noise(layers.Layer):
        def call(self, x, training=False):
            return x + random.normal((1,)) if training else x

    return [layers.Flatten(), Noise(), layers.Dense(n_classes)]


def no_layers(image_shape, n_classes):
    return []


def not_layers(image_shape, n_classes):
    return ["dense"]


def nothing(image_shape, n_classes):
    pass


def one_argument(image_shape):
    pass


class NoParameters:
    def build(self, image_shape, n_classes):
        pass


def refusals():
    return [
        (two_inputs, ValueError, "a network of 2 inputs, but a classifier"),
        (two_outputs, ValueError, "a network of 2 outputs, but a classifier"),
        (of_other_images, ValueError, r"shape \(28, 28, 1\), .* \(8, 8, 1\)"),
        (subclassed, TypeError, "returned a Mine, a subclass of keras.Model"),
        (wide, ValueError, "11 outputs, but there are 10 classes"),
        (maps, ValueError, r"output of shape \(6, 6, 10\) .* expected \(10,\)"),
        (frozen, ValueError, "without trainable weights"),
        (sigmoid, ValueError, "ends in a sigmoid"),
        (hidden_softmax, ValueError, "seems to end in probabilities"),
        (no_layers, ValueError, "without layers"),
        (not_layers, TypeError, "a list with 'dense', but expected Keras layers"),
        (nothing, TypeError, "returned a NoneType, but expected a list"),
        (one_argument, TypeError, "cannot be called with two arguments"),
        (NoParameters(), TypeError, "without `get_params`"),
        (Dense, TypeError, r"which is a class. .* network=Dense\(\)"),
        (3, TypeError, "Got network=3, but expected a function"),
        ("resnet", TypeError, "Got network='resnet', but expected a function"),
        ([], TypeError, "would be the same network in each fit"),
    ]


@pytest.mark.parametrize(
    ("network", "error", "message"),
    refusals(),
    ids=lambda value: getattr(value, "__name__", None),
)
def test_other_networks_are_refused_before_training(network, error, message, part):
    clf = CNNClassifier(network=network, **SMALL)
    with pytest.raises(error, match=message):
        clf.fit(*part)
    assert not hasattr(clf, "classes_")


@pytest.mark.any_backend
def test_a_layer_that_draws_without_a_seed_is_refused(part):
    # JAX itself refuses it, when it traces the training step.
    with pytest.raises(ValueError, match=r"(?i)without a seed|seeded random ops"):
        CNNClassifier(network=unseeded, **SMALL).fit(*part)


def test_a_network_that_is_another_each_time_is_refused(part):
    import keras

    def network(image_shape, n_classes):
        units = np.random.randint(3, 10**6) % 97 + 3
        flatten, dense = keras.layers.Flatten(), keras.layers.Dense(n_classes)
        return [flatten, keras.layers.Dense(units), dense]

    with pytest.raises(ValueError, match="has returned two different networks for"):
        CNNClassifier(network=network, **SMALL).fit(*part)


def test_an_object_says_how_its_pixels_are_scaled(part):
    class Unit(Dense):
        scaling = "unit"

    class Other(Dense):
        scaling = 2.5

    for network, expected in ((Unit(), "unit"), (Other(), "standard")):
        clf = CNNClassifier(network=network, **SMALL).fit(*part)
        assert clf.auto_params_["scaling"] == expected


def test_a_network_that_exists_already_is_refused(part):
    import keras

    layers = [keras.layers.Flatten(), keras.layers.Dense(10)]
    clf = CNNClassifier(network=lambda *given: list(layers), **SMALL)
    with pytest.raises(ValueError, match="returned the same layers twice"):
        clf.fit(*part)
    with pytest.raises(TypeError, match="would be the same network in each fit"):
        clf.set_params(network=keras.Sequential(layers)).fit(*part)


def test_errors_while_a_network_is_built_say_where(part):
    import keras

    def network(image_shape, n_classes):
        return [keras.layers.Conv2D(4, 99), keras.layers.Dense(n_classes)]

    with pytest.raises(ValueError) as caught:
        CNNClassifier(network=network, **SMALL).fit(*part)
    assert "images of shape (8, 8, 1) and 10 classes" in caught.value.__notes__[0]


def test_progressive_resizing_is_for_the_family(part):
    clf = CNNClassifier(network=lenet, progressive_resizing=0.5, **SMALL)
    with pytest.raises(ValueError, match=r"applies to skcnn\.networks\.ConvNet only"):
        clf.fit(*part)


def test_the_defaults_with_a_network_are_those_of_keras(fitted):
    assert fitted.auto_params_["optimizer"] == "adam"
    assert fitted.auto_params_["learning_rate"] is None
    assert fitted.auto_params_["progressive_resizing"] == 1.0
