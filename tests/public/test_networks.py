"""The networks of skcnn.networks, as objects and in a classifier.

No weights can be downloaded here: `Pretrained` is tested with random weights and with a
file that a test has written.
"""

import itertools
import pickle

import numpy as np
import pytest
from sklearn.base import clone

from skcnn import CNNClassifier
from skcnn.networks import ConvNet, Pretrained, ResNet

SMALL = {"epochs": 1, "batch_size": 40, "random_state": 0, "augment": None}


@pytest.fixture(scope="module")
def part(digits):
    X, y = digits
    return X[:120], y[:120]


def test_they_are_objects_as_scikit_learn_has_them():
    for network in (ConvNet(filters=4), ResNet(blocks=1), Pretrained("ResNet50")):
        copied = clone(network)
        assert copied.get_params() == network.get_params()
        assert pickle.loads(pickle.dumps(network)).get_params() == network.get_params()
        assert repr(network).startswith(type(network).__name__)
        assert type(network).__module__ == "skcnn.networks"


@pytest.mark.parametrize(
    ("image_shape", "n_layers"), [((28, 28, 1), 12), ((32, 32, 3), 23), ((1, 9, 1), 12)]
)
def test_a_convnet_builds_the_layers_of_the_class_for_these_images(
    image_shape, n_layers
):
    from keras import Input, Sequential

    layers = ConvNet().build(image_shape, 10)
    assert len(layers) == n_layers
    model = Sequential([Input(image_shape), *layers])
    assert model.output_shape == (None, 10)
    kernels = [v for v in model.trainable_variables if v.name == "kernel"]
    for one, other in itertools.combinations(kernels, 2):
        if one.shape == other.shape:
            assert (np.asarray(one) != np.asarray(other)).any()


@pytest.mark.slow
def test_a_subclass_of_a_convnet_that_builds_otherwise_is_trained_as_it_builds(part):
    class Wider(ConvNet):
        def build(self, image_shape, n_classes):
            from keras import layers

            *body, logits = super().build(image_shape, n_classes)
            return [*body, layers.Dense(5, name="more"), logits]

    clf = CNNClassifier(network=Wider(filters=4, dense_units=8), **SMALL).fit(*part)
    assert "more" in [layer.name for layer in clf.model_.layers]
    assert isinstance(clf.network_, Wider)


@pytest.mark.slow
def test_a_residual_network_learns(digits):
    X, y = digits
    network = ResNet(filters=(8, 16), blocks=1)
    clf = CNNClassifier(
        network=network, epochs=8, learning_rate=0.01, random_state=0, augment=None
    ).fit(X[:1200], y[:1200])
    assert clf.score(X[1200:], y[1200:]) > 0.85
    # Two convolutions a block and one for each change of filters, and the first one.
    model = network.build((8, 8, 1), 10)
    names = [type(layer).__name__ for layer in model.layers]
    assert names.count("Conv2D") == 1 + 2 + 3
    assert names.count("Add") == 2


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (ResNet(filters=()), r"Got filters=\(\), but expected"),
        (ResNet(blocks=0), "The 'blocks' parameter of ResNet must be"),
        (ConvNet(filters=0), "The 'filters' parameter of ConvNet must be"),
        (ConvNet(activation="none"), "Got activation='none'"),
        (Pretrained("ResNet"), "Got name='ResNet', but expected one of .*'ResNet50'"),
        (Pretrained(side=0), "The 'side' parameter of Pretrained must be"),
    ],
)
def test_wrong_parameters_are_refused_before_training(network, message, part):
    clf = CNNClassifier(network=network, **SMALL)
    with pytest.raises(ValueError, match=message):
        clf.fit(*part)
    assert not hasattr(clf, "classes_")


def test_pretrained_takes_gray_and_color_images_only():
    with pytest.raises(ValueError, match="The images have 4 channels, but MobileNetV2"):
        Pretrained(weights=None).build((32, 32, 4), 10)


@pytest.mark.slow
def test_pretrained_trains_its_logits_and_nothing_else(part, tmp_path):
    import keras

    X, y = part
    base = keras.applications.MobileNetV2(
        include_top=False, weights=None, input_shape=(32, 32, 3), pooling="avg"
    )
    path = tmp_path / "mobile.weights.h5"
    base.save_weights(path)
    network = Pretrained(weights=path, side=32)
    clf = CNNClassifier(network=network, **SMALL).fit(X, y)
    assert clf.auto_params_["scaling"] == "unit"
    assert [v.name for v in clf.model_.trainable_variables] == ["kernel", "bias"]
    found = {v.path: np.asarray(v) for v in clf.model_.variables}
    expected = {v.path: np.asarray(v) for v in base.variables}
    for name in expected:
        (match,) = [value for path, value in found.items() if path.endswith(name)]
        np.testing.assert_array_equal(match, expected[name])
    # What is kept needs the file no more.
    path.unlink()
    unpickled = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(unpickled.predict_proba(X), clf.predict_proba(X))


@pytest.mark.slow
def test_all_of_pretrained_is_trained_on_request():
    network = Pretrained(weights=None, side=32, trainable=True)
    assert len(network.build((8, 8, 1), 10).trainable_variables) > 100


def test_weights_that_are_not_there_are_an_error_before_training(part, tmp_path):
    network = Pretrained(weights=tmp_path / "none.weights.h5", side=32)
    clf = CNNClassifier(network=network, **SMALL)
    with pytest.raises((ValueError, OSError), match=r"none\.weights\.h5"):
        clf.fit(*part)
    assert not hasattr(clf, "classes_")
