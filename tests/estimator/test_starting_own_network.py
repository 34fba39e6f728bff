"""Starting a network of one's own from another classifier: the same as for a ConvNet.

What `init_from` refuses before it looks at layers is in test_starting.py.
"""

import copy
import pickle
from functools import cache

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV

import skcnn
from skcnn import CNNClassifier, MNISTCNNClassifier
from skcnn._estimator import fitting
from skcnn._network.any_network import weighted_layers
from skcnn.networks import Pretrained, ResNet

SMALL = {"epochs": 2, "batch_size": 20, "random_state": 0, "augment": None}


def stack(image_shape, n_classes):
    """A list of layers, one of them a Sequential, with a layer that draws."""
    from keras import Sequential, layers

    stage = [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()]
    return [
        *stage,
        layers.Dropout(0.2),
        Sequential([layers.Flatten(), layers.Dense(8, activation="relu")], name="top"),
        layers.Dense(n_classes, activation="softmax"),
    ]


def residual(image_shape, n_classes):
    """A functional model with a skip connection."""
    from keras import Input, Model, layers

    inputs = Input(image_shape)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    y = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(x))
    x = layers.GlobalAveragePooling2D()(layers.Add()([x, y]))
    return Model(inputs, layers.Dense(n_classes)(x), name="net")


def sequential(image_shape, n_classes):
    """A Sequential that begins with a normalization and names its layers."""
    from keras import Input, Sequential, layers

    return Sequential(
        [
            Input(image_shape),
            layers.GroupNormalization(1),
            layers.Conv2D(4, 3, name="edges"),
            layers.Conv2D(4, 3, name="parts"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(n_classes, name="classes"),
        ]
    )


class Dense(BaseEstimator):
    """An object with parameters."""

    def __init__(self, units=(8, 6)):
        self.units = units

    def build(self, image_shape, n_classes):
        from keras import layers

        hidden = [layers.Dense(units, activation="tanh") for units in self.units]
        return [layers.Flatten(), *hidden, layers.Dense(n_classes)]


@cache
def block():
    """Return a class of models that compute in a method of their own."""
    from keras import Model, layers

    class Block(Model):
        def __init__(self):
            super().__init__(name="block")
            self.convolve = layers.Conv2D(4, 3)
            self.normalize = layers.BatchNormalization()

        def call(self, x, training=None):
            return self.normalize(self.convolve(x), training=training)

    return Block


def nested(image_shape, n_classes):
    """Models inside of models, one of them used twice."""
    from keras import Input, Model, layers

    values = Input((4,))
    inner = Model(values, layers.Dense(4, activation="tanh")(values), name="inner")
    inputs = Input(image_shape)
    x = layers.GlobalAveragePooling2D()(block()()(inputs))
    x = layers.Add()([inner(x), inner(inner(x))])
    return [Model(inputs, x, name="body"), layers.Dense(n_classes)]


SCALING = "pixel_scaling"

# For each network: all layers that are taken over, and how many of them freeze=1 keeps.
CASES = {
    "stack": (stack, [SCALING, "conv2d", "batch_normalization", "top/dense"], 3),
    "residual": (
        residual,
        [SCALING, "net/conv2d", "net/conv2d_1", "net/batch_normalization"],
        2,
    ),
    "sequential": (sequential, [SCALING, "group_normalization", "edges", "parts"], 3),
    "nested": (nested, [SCALING, "body/block", "body/inner/dense"], 2),
    "object": (Dense(), [SCALING, "dense", "dense_1"], 2),
}
every_network = pytest.mark.parametrize("case", CASES)


def own(network, **parameters):
    return CNNClassifier(network=network, **SMALL | parameters)


@pytest.fixture(scope="module")
def sources(low):
    """Return a fitted classifier of each network, fitted when it is asked for."""
    fitted = {}

    def source(case):
        if case not in fitted:
            fitted[case] = FrozenEstimator(own(CASES[case][0]).fit(*low))
        return fitted[case]

    return source


@pytest.fixture(scope="module")
def kept(sources, high):
    return own(stack, init_from=sources("stack"), freeze=1).fit(*high)


@pytest.fixture
def no_training(monkeypatch):
    """Return from a fit what training would have begun with."""
    monkeypatch.setattr(
        fitting,
        "train",
        lambda state, *rest: state.after_epoch(
            state.values, {"loss": 1.0, "accuracy": 0.5}, state.generator
        ),
    )


def values(classifier):
    """Return the weights of each layer of a classifier, by the names of layers."""
    from keras.ops import convert_to_numpy

    if isinstance(classifier, FrozenEstimator):
        classifier = classifier.estimator
    return {
        name: [convert_to_numpy(each) for each in layer.weights]
        for name, layer in weighted_layers(classifier.model_)
    }


def assert_same_values(one, other, layers):
    one, other = values(one), values(other)
    for layer in layers:
        for value, expected in zip(one[layer], other[layer], strict=True):
            np.testing.assert_array_equal(value, expected, err_msg=layer)


def assert_other_values(one, other, layers):
    one, other = values(one), values(other)
    for layer in layers:
        for value, expected in zip(one[layer], other[layer], strict=True):
            assert (value != expected).any(), layer


# ----------------------------------------------------------------- what is taken over


@pytest.mark.any_backend
@every_network
@pytest.mark.usefixtures("no_training")
def test_training_begins_with_all_layers_but_the_logits(case, sources, high):
    network, layers, _ = CASES[case]
    clf = own(network, init_from=sources(case)).fit(*high)
    assert clf.initialized_layers_ == layers
    assert_same_values(sources(case), clf, layers)
    assert list(values(clf).values())[-1][0].shape[-1] == 3


@pytest.mark.any_backend
@every_network
def test_freeze_counts_layers_with_a_kernel(case, sources, high):
    network, layers, n = CASES[case]
    clf = own(network, init_from=sources(case), freeze=1).fit(*high)
    assert clf.initialized_layers_ == layers
    assert_same_values(sources(case), clf, layers[:n])
    assert_other_values(sources(case), clf, layers[n:])
    assert not any(
        layer.trainable
        for name, layer in weighted_layers(clf.model_)
        if name in layers[:n]
    )


@pytest.mark.usefixtures("no_training")
def test_the_logits_layer_is_new_even_for_the_same_classes(sources, low):
    clf = own(stack, init_from=sources("stack"), random_state=1).fit(*low)
    assert "dense_1" not in clf.initialized_layers_
    one, other = (values(each)["dense_1"][0] for each in (sources("stack"), clf))
    assert one.shape == other.shape and (one != other).all()


@pytest.mark.usefixtures("no_training")
def test_logits_that_are_a_sum_are_new(low):
    def two_ways(image_shape, n_classes):
        from keras import Input, Model, layers

        inputs = Input(image_shape)
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
        y = layers.Dense(6)(layers.Flatten()(inputs))
        logits = [layers.Dense(n_classes)(branch) for branch in (x, y)]
        return Model(inputs, layers.Add()(logits), name="net")

    source = own(two_ways).fit(*low)
    clf = own(two_ways, init_from=FrozenEstimator(source), random_state=1).fit(*low)
    assert sorted(clf.initialized_layers_) == ["net/conv2d", "net/dense", SCALING]


@pytest.mark.usefixtures("no_training")
def test_logits_of_a_convolution_are_new(low):
    def convolutions(image_shape, n_classes):
        from keras import layers

        return [
            layers.Conv2D(4, 3),
            layers.Conv2D(n_classes, 1),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Softmax(),
        ]

    source = own(convolutions).fit(*low)
    clf = own(convolutions, init_from=FrozenEstimator(source), freeze=1).fit(*low)
    assert clf.initialized_layers_ == [SCALING, "conv2d"]


@pytest.mark.usefixtures("no_training")
def test_layers_with_names_are_found_by_them_and_others_in_their_order(sources, high):
    def changed(image_shape, n_classes):
        from keras import layers

        return [
            layers.GroupNormalization(1),
            layers.Conv2D(4, 3, name="edges"),
            layers.Conv2D(4, 3, name="renamed"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(n_classes, name="others"),
        ]

    def without_edges(image_shape, n_classes):
        from keras import Sequential, layers

        inner = [layers.Conv2D(4, 3, name="parts"), layers.GlobalMaxPooling2D()]
        return [
            layers.GroupNormalization(1),
            layers.ZeroPadding2D(),
            layers.Lambda(lambda x: x[..., :1] + np.zeros(4, "float32")),
            Sequential(inner, name="inner"),
            layers.Dense(n_classes),
        ]

    source = sources("sequential")
    clf = own(changed, init_from=source).fit(*high)
    layers = [SCALING, "group_normalization", "edges", "renamed"]
    assert clf.initialized_layers_ == layers
    np.testing.assert_array_equal(values(clf)["renamed"][0], values(source)["parts"][0])
    clf = own(without_edges, init_from=source).fit(*high)
    assert clf.initialized_layers_[-1] == "inner/parts"
    np.testing.assert_array_equal(
        values(clf)["inner/parts"][0], values(source)["parts"][0]
    )


@pytest.mark.usefixtures("no_training")
def test_random_states_of_layers_are_those_of_the_new_fit(sources, high):
    def seeds(clf):
        return [
            convert_to_numpy(variable)
            for variable in clf.model_.non_trainable_variables
            if "seed" in variable.path
        ]

    from keras.ops import convert_to_numpy

    started = own(stack, init_from=sources("stack")).fit(*high)
    scratch = own(stack).fit(*high)
    assert len(seeds(started)) == 1
    np.testing.assert_array_equal(seeds(started), seeds(scratch))


@pytest.mark.usefixtures("no_training")
def test_what_a_layer_was_adapted_to_is_taken_over(low, high):
    def adapted_to(mean):
        def network(image_shape, n_classes):
            from keras import layers

            normalize = layers.Normalization(axis=-1)
            normalize.adapt(np.full((2, *image_shape), [[[[mean]]], [[[9]]]]))
            return [normalize, *Dense().build(image_shape, n_classes)]

        return network

    source = own(adapted_to(3)).fit(*low)
    clf = own(adapted_to(5), init_from=FrozenEstimator(source)).fit(*high)
    assert clf.initialized_layers_[:2] == [SCALING, "normalization"]
    assert_same_values(source, clf, clf.initialized_layers_)


@pytest.mark.any_backend
@pytest.mark.parametrize("dtype", ["float64", "mixed_bfloat16"])
@pytest.mark.usefixtures("no_training")
def test_the_other_classifier_may_have_another_dtype(dtype, sources, high):
    clf = own(residual, init_from=sources("residual"), dtype=dtype).fit(*high)
    assert clf.initialized_layers_ == CASES["residual"][1]
    assert_same_values(sources("residual"), clf, clf.initialized_layers_)


def test_a_residual_network_starts_from_images_of_another_size(low, high):
    network = ResNet(filters=(4, 6), blocks=1)
    source = own(network, epochs=1).fit(*low)
    X = np.repeat(np.repeat(high[0], 2, axis=1), 2, axis=2)
    clf = own(network, init_from=FrozenEstimator(source), freeze=3).fit(X, high[1])
    assert len(clf.initialized_layers_) == 1 + 2 * (1 + 2 + 3)
    assert_same_values(source, clf, clf.initialized_layers_[:7])


@pytest.mark.slow
@pytest.mark.usefixtures("no_training")
def test_a_pretrained_network_starts_from_one_that_has_learned_more(low, high):
    network = Pretrained(weights=None, trainable=True)
    source = own(network).fit(*low)
    fixed = clone(network).set_params(trainable=False)
    clf = own(fixed, init_from=FrozenEstimator(source), random_state=1).fit(*high)
    assert len(clf.initialized_layers_) > 100
    assert_same_values(source, clf, clf.initialized_layers_)
    assert len(clf.model_.trainable_variables) == 2


# -------------------------------------------------------------------- what does not fit


@pytest.mark.usefixtures("no_training")
def test_layers_after_the_first_that_does_not_fit_start_anew(sources, high):
    clf = own(Dense(units=(8, 7)), init_from=sources("object")).fit(*high)
    assert clf.initialized_layers_ == [SCALING, "dense"]
    clf = own(Dense(units=(8,)), init_from=sources("object")).fit(*high)
    assert clf.initialized_layers_ == [SCALING, "dense"]
    expected = (
        r"init_from fits in part: 2 of 5 layers are taken over, up to dense\. .* since "
        r"the kernel of dense_1 has shape \(8, 6\) in init_from, but \(8, 5\) is needed"
        r"\. The networks differ: units is \(8, 5, 4, 3\) here and \(8, 6\) there\."
    )
    with pytest.warns(UserWarning, match=expected):
        own(Dense(units=(8, 5, 4, 3)), init_from=sources("object")).fit(*high)


def assert_refused(message, data, network, **parameters):
    with pytest.raises(ValueError, match=message):
        own(network, **parameters).fit(*data)


def test_a_network_of_which_no_layer_fits_is_refused(sources, high):
    expected = (
        "Got init_from, but none of its trained layers fits: conv2d is a Conv2D, and a "
        "Dense in init_from. The networks differ: network is 'stack' here and 'Dense' "
        "there. Build the network as it was in init_from, or set init_from=None."
    )
    assert_refused(expected, high, stack, init_from=sources("object"))
    expected = "fits: there is no trained layer before the logits"
    source = sources("object")
    assert_refused(expected, high, Dense(units=()), init_from=source)
    expected = "fits: there is no layer dense in init_from"
    source = FrozenEstimator(own(Dense(units=()), epochs=1).fit(*high))
    assert_refused(expected, high, Dense(), init_from=source)


def test_frozen_layers_have_to_be_in_the_other_classifier(sources, high):
    expected = "Got freeze=2, but these layers are not all in init_from: the kernel of "
    given = {"init_from": sources("object"), "freeze": 2}
    assert_refused(expected, high, Dense(units=(8, 7)), **given)
    expected = (
        "Got freeze=3, but the network has 2 layers with a kernel before its logits. "
        "Lower freeze."
    )
    assert_refused(expected, high, Dense(), **given | {"freeze": 3})


def test_images_of_other_channels_are_refused(sources, high):
    X = np.stack([high[0]] * 3, axis=-1)
    expected = "X has images of 3 channels, but init_from was fitted on images of 1 ch"
    assert_refused(expected, (X, high[1]), stack, init_from=sources("stack"))


def test_a_network_of_another_kind_is_refused(sources, low, high):
    convnet = MNISTCNNClassifier(filters=4, dense_units=8, **SMALL).fit(*low)
    expected = (
        r"(?s)whose network is a skcnn.networks.ConvNet, but the network that starts "
        "from it is a network of your own. The two have no layers in common"
    )
    assert_refused(expected, high, stack, init_from=FrozenEstimator(convnet))
    expected = "(?s)whose network is a network of your own, but .* is a skcnn.networks"
    with pytest.raises(ValueError, match=expected):
        clone(convnet).set_params(init_from=sources("stack")).fit(*high)


# ------------------------------------------------------------ what goes with estimators


def test_a_file_is_loaded_by_the_user_who_has_the_network(sources, high, tmp_path):
    path, source = tmp_path / "low.skcnn", sources("stack")
    skcnn.save(source.estimator, path)
    expected = (
        r"Got init_from='.*low.skcnn', a file that holds the weights of a network of "
        r"your own, and not the network. Load it with clf = skcnn.load\('.*low.skcnn', "
        r"network=\.\.\.\), and set init_from=FrozenEstimator\(clf\)\."
    )
    assert_refused(expected, high, stack, init_from=path)
    loaded = FrozenEstimator(skcnn.load(path, network=stack))
    one, other = (own(stack, init_from=each).fit(*high) for each in (loaded, source))
    np.testing.assert_array_equal(
        one.predict_proba(high[0]), other.predict_proba(high[0])
    )


@pytest.mark.any_backend
def test_a_clone_a_pickle_and_a_deep_copy_start_in_the_same_way(kept, high):
    expected = kept.predict_proba(high[0])
    for copied in (
        clone(kept).fit(*high),
        clone(pickle.loads(pickle.dumps(kept))).fit(*high),
        pickle.loads(pickle.dumps(kept)),
        copy.deepcopy(kept),
    ):
        np.testing.assert_array_equal(copied.predict_proba(high[0]), expected)
        assert copied.initialized_layers_ == CASES["stack"][1]


def test_a_search_over_freeze_and_parameters_of_the_network(sources, high):
    given = {"init_from": sources("object")}
    search = GridSearchCV(
        own(Dense(), **given),
        {"freeze": [0, 1], "network__units": [(8, 6), (8,)]},
        cv=2,
    ).fit(*high)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert "dense" in search.best_estimator_.initialized_layers_


def test_a_saved_classifier_goes_on_with_its_frozen_layers(kept, high, tmp_path):
    path = tmp_path / "high.skcnn"
    with pytest.warns(UserWarning, match="init_from is not saved"):
        skcnn.save(kept, path)
    loaded = skcnn.load(path, network=stack)
    assert loaded.initialized_layers_ == kept.initialized_layers_
    goes_on = copy.deepcopy(kept)
    for clf in (loaded, goes_on):
        clf.partial_fit(*high)
        assert_same_values(kept, clf, CASES["stack"][1][:3])
    np.testing.assert_array_equal(
        loaded.predict_proba(high[0]), goes_on.predict_proba(high[0])
    )


def test_only_the_first_fit_starts_from_the_other_classifier(sources, high):
    given = {"init_from": sources("stack"), "freeze": 1, "warm_start": True}
    clf = own(stack, **given).fit(*high)
    once = copy.deepcopy(clf)
    clf.set_params(init_from="not there").fit(*high)
    assert clf.n_iter_ == 4
    assert_same_values(once, clf, CASES["stack"][1][:3])
    assert_other_values(once, clf, ["top/dense"])
    with pytest.raises(ValueError, match=r"^freeze was 1 and is 0: warm_start"):
        clf.set_params(freeze=0).fit(*high)


def test_a_checkpoint_goes_on_with_the_same_source_and_freeze(
    kept, high, tmp_path, monkeypatch
):
    from skcnn._training.checkpoint import Checkpoint

    keep = Checkpoint.keep

    def killed(self, state):
        keep(self, state)
        raise SystemExit

    path = tmp_path / "checkpoint"
    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Checkpoint, "keep", killed)
        clone(kept).fit(*high, checkpoint=path)
    for changed in ({"init_from": None, "freeze": 0}, {"freeze": 2}):
        with pytest.raises(ValueError, match="checkpoint of a fit with other param"):
            clone(kept).set_params(**changed).fit(*high, checkpoint=path)
    clf = clone(kept).fit(*high, checkpoint=path)
    np.testing.assert_array_equal(
        clf.predict_proba(high[0]), kept.predict_proba(high[0])
    )
    assert clf.initialized_layers_ == kept.initialized_layers_


def test_networks_share_a_trace_unless_other_layers_are_frozen(sources, high):
    free, frozen = (
        own(stack, init_from=sources("stack"), freeze=freeze, epochs=1).fit(*high)
        for freeze in (0, 1)
    )
    again = clone(frozen).set_params(random_state=1).fit(*high)
    networks = [
        clf.keras_classifier_.compiled_network() for clf in (free, frozen, again)
    ]
    assert networks[0] is not networks[1]
    assert networks[1] is networks[2]
