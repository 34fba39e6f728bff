"""The Keras networks: layer by layer, and free of Keras's global state."""

import random
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._estimator.automatic import check_parameters
from skcnn._network import description
from skcnn._network.description import (
    NON_DECREASING_ACTIVATIONS,
    Network,
    build_network,
    check_activation,
)

SMALL = Network(
    image_shape=(12, 12, 2),
    n_classes=3,
    whitening=False,
    filters=(4, 5),
    kernel_size=(3, 3),
    convolutions=2,
    pool_size=2,
    pool_first=False,
    padding="same",
    global_pooling=False,
    dense_units=(6,),
    activation="relu",
    batch_normalization=False,
    dtype="float32",
)
EVERYTHING = replace(
    SMALL,
    whitening=True,
    batch_normalization=True,
    dtype="float64",
    resized=(10, 9),
)


def build(network=SMALL, dropout=(0, 0), **changes):
    return build_network(replace(network, **changes), dropout)


def of_preset(classifier, name, image_shape):
    """Build the network of a preset for ten classes, as fit does."""
    options = check_parameters(classifier.from_preset(name))
    network = Network(image_shape=image_shape, n_classes=10, **options["network"])
    return build_network(network, options["dropout"])


def table(model):
    """Return class and output shape of the layers, without scaling and activations."""
    return [
        (type(layer).__name__, layer.output.shape[1:])
        for layer in model.layers
        if layer.name != "scaling" and type(layer).__name__ != "Activation"
    ]


def names(model):
    return [layer.name for layer in model.layers]


def test_the_classic_mnist_network_is_the_projects_own():
    model = of_preset(MNISTCNNClassifier, "classic", (28, 28, 1))
    assert table(model) == [
        ("Conv2D", (26, 26, 32)),
        ("MaxPooling2D", (13, 13, 32)),
        ("Flatten", (5408,)),
        ("Dense", (128,)),
        ("Dense", (10,)),
    ]
    convolution = model.get_layer("convolution_1_1")
    assert convolution.kernel_size == (3, 3)
    assert convolution.padding == "valid"
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == 693_962
    assert activations(model) == ["relu", "relu", "softmax"]


def test_the_classic_cifar10_network_is_the_projects_own():
    model = of_preset(CIFARCNNClassifier, "classic", (32, 32, 3))
    assert table(model) == [
        ("Conv2D", (32, 32, 32)),
        ("Conv2D", (32, 32, 32)),
        ("MaxPooling2D", (16, 16, 32)),
        ("Dropout", (16, 16, 32)),
        ("Conv2D", (16, 16, 64)),
        ("Conv2D", (16, 16, 64)),
        ("MaxPooling2D", (8, 8, 64)),
        ("Dropout", (8, 8, 64)),
        ("Flatten", (4096,)),
        ("Dense", (512,)),
        ("Dropout", (512,)),
        ("Dense", (10,)),
    ]
    kernels = [layer.kernel_size for layer in of_class(model, "Conv2D")]
    assert kernels == [(3, 3)] * 4
    rates = [layer.rate for layer in of_class(model, "Dropout")]
    assert rates == [0.25, 0.25, 0.5]
    assert sum(np.prod(v.shape) for v in model.trainable_variables) == 2_168_362
    assert activations(model) == ["relu"] * 5 + ["softmax"]


def of_class(model, name):
    return [layer for layer in model.layers if type(layer).__name__ == name]


def activations(model):
    return [layer.activation.__name__ for layer in of_class(model, "Activation")]


@pytest.mark.parametrize("pool_first", [False, True])
@pytest.mark.parametrize("activation", sorted(NON_DECREASING_ACTIVATIONS))
def test_pooling_before_activating_gives_the_same_function(
    activation, pool_first, monkeypatch
):
    changes = {"activation": activation, "pool_first": pool_first, "dtype": "float64"}
    fast = build(**changes)
    monkeypatch.setattr(description, "NON_DECREASING_ACTIVATIONS", frozenset())
    plain = build(**changes)
    assert names(fast) != names(plain)
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=value.shape) for value in fast.get_weights()]
    weights = [abs(w) if w.shape == (2,) else w for w in weights]  # variances of pixels
    fast.set_weights(weights)
    plain.set_weights(weights)
    X = generator.normal(size=(5, 12, 12, 2))
    np.testing.assert_allclose(fast(X), plain(X), rtol=1e-10, atol=1e-12)


def test_every_activation_that_is_allowed_maps_images_to_images():
    import keras

    allowed = []
    for name in vars(keras.activations):
        try:
            allowed.append(check_activation(name))
        except ValueError:
            continue
    assert {"relu", "gelu", "celu", "softmax"} < set(allowed)
    x = np.ones((1, 2, 2, 4), "float32")
    for name in allowed:
        assert keras.layers.Activation(name)(x).shape == x.shape, name


@pytest.mark.parametrize("activation", ["silu", "gelu", "mish"])
def test_activations_that_also_fall_come_before_pooling(activation):
    order = names(build(activation=activation))
    assert order.index("activation_1_2") + 1 == order.index("pooling_1")


@pytest.mark.parametrize(
    ("pool_first", "expected"),
    [
        (False, [(12, 12, 4), (12, 12, 4), (6, 6, 4), (6, 6, 5), (6, 6, 5), (3, 3, 5)]),
        (True, [(12, 12, 4), (6, 6, 4), (6, 6, 4), (6, 6, 5), (3, 3, 5), (3, 3, 5)]),
    ],
)
def test_a_stage_pools_after_its_first_or_its_last_convolution(pool_first, expected):
    shapes = [shape for _, shape in table(build(pool_first=pool_first))]
    assert shapes[:6] == expected


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("image_shape", "first_kernel"),
    [
        ((2, 2, 1), (2, 2)),
        ((1, 20, 1), (1, 5)),
        ((20, 1, 1), (5, 1)),
        ((1, 1, 3), (1, 1)),
    ],
    ids=str,
)
def test_kernels_and_pools_are_cut_to_small_images(image_shape, first_kernel, padding):
    model = build(
        image_shape=image_shape, kernel_size=(5, 5), pool_size=3, padding=padding
    )
    assert model.layers[1].kernel_size == first_kernel
    height, width, _ = image_shape
    for layer in model.layers:
        if hasattr(layer, "kernel_size"):
            assert layer.kernel_size <= (height, width)
        if len(layer.output.shape) == 4:
            height, width = layer.output.shape[1:3]
            assert min(height, width) >= 1
    assert model(np.zeros((2, *image_shape))).shape == (2, 3)


def test_batch_normalization_precedes_the_activation_and_replaces_the_bias():
    model = build(batch_normalization=True)
    for convolution in of_class(model, "Conv2D"):
        assert not convolution.use_bias
    order = names(model)
    for place in ("1_1", "1_2", "2_1", "2_2"):
        before = order.index(f"convolution_{place}")
        assert before < order.index(f"normalization_{place}")
        assert order.index(f"normalization_{place}") + 1 == order.index(
            f"activation_{place}"
        )
    assert all(convolution.use_bias for convolution in of_class(build(), "Conv2D"))


def test_global_pooling_takes_the_maximum_of_each_filter():
    model = build(global_pooling=True)
    assert ("GlobalMaxPooling2D", (5,)) in table(model)
    assert "Flatten" not in dict(table(model))


@pytest.mark.parametrize(
    ("image_shape", "resized", "kernel"),
    [
        ((12, 12, 2), None, (2, 2, 2, 16)),
        ((12, 12, 3), (10, 9), (2, 2, 3, 24)),
        ((1, 20, 1), None, (1, 2, 1, 4)),
        ((20, 1, 1), None, (2, 1, 1, 4)),
        ((1, 1, 3), None, (1, 1, 3, 6)),
        ((12, 12, 1), (1, 5), (1, 2, 1, 4)),
    ],
    ids=str,
)
def test_whitening_is_a_first_convolution_that_is_never_trained(
    image_shape, resized, kernel
):
    network = replace(SMALL, image_shape=image_shape, whitening=True, resized=resized)
    assert network.whitening_shape == kernel
    model = build(network)
    layer = of_class(model, "Conv2D")[0]
    assert layer.name == "whitening"
    assert [w.shape for w in layer.weights] == [kernel]
    assert layer.trainable_variables == []
    order = names(model)
    assert order.index("whitening_activation") == order.index("whitening") + 1
    height, width = resized or image_shape[:2]
    expected = (height - kernel[0] + 1, width - kernel[1] + 1, kernel[3])
    assert layer.output.shape[1:] == expected
    # The stages get what whitening leaves.
    assert model.get_layer("convolution_1_1").input.shape[1:] == expected
    assert "whitening" not in names(build(replace(network, whitening=False)))


def test_images_are_resized_after_scaling_and_before_all_else():
    model = build(EVERYTHING)
    assert names(model)[:3] == ["scaling", "resizing", "whitening"]
    assert model.get_layer("resizing").output.shape[1:] == (10, 9, 2)
    assert model.input_shape == (None, 12, 12, 2)
    assert "resizing" not in names(build(EVERYTHING, resized=None))


# ------------------------------------------------------------------ sizes of training


@pytest.mark.parametrize(
    ("image_shape", "scales", "expected"),
    [
        ((32, 32, 3), (1.0,), [(32, 32)]),
        ((32, 32, 3), (0.5, 0.75, 1.0), [(16, 16), (24, 24), (32, 32)]),
        ((28, 20, 1), (0.7, 0.3), [(20, 14), (8, 6)]),
        # At least what two halvings need, and no more than there is.
        ((32, 9, 1), (0.01, 0.4), [(14, 4), (14, 4)]),
        ((9, 1500, 1), (0.1, 0.5, 1.0), [(4, 667), (4, 750), (9, 1500)]),
        ((8, 8, 1), (0.5,), [(4, 4)]),
        ((9, 9, 1), (0.01, 0.4, 0.55), [(4, 4), (4, 4), (5, 5)]),
        ((7, 40, 1), (0.5, 0.6), [(7, 40), (7, 40)]),
        ((40, 7, 1), (0.5,), [(40, 7)]),
        ((1, 784, 1), (0.5, 1.0), [(1, 784), (1, 784)]),
    ],
    ids=str,
)
def test_sizes_are_shares_of_the_sides(image_shape, scales, expected):
    assert replace(SMALL, image_shape=image_shape).sizes(scales) == expected


@pytest.mark.parametrize("whitening", [False, True])
@pytest.mark.parametrize("pool_first", [False, True])
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("kernel_size", "convolutions", "pool_size"), [((3, 2), 2, 2), ((2, 4), 1, 3)]
)
def test_the_least_size_is_the_least_that_cuts_no_layer(
    whitening, pool_first, padding, kernel_size, convolutions, pool_size
):
    network = replace(
        SMALL,
        image_shape=(60, 60, 1),
        whitening=whitening,
        pool_first=pool_first,
        padding=padding,
        kernel_size=kernel_size,
        convolutions=convolutions,
        pool_size=pool_size,
    )

    def cuts(side):
        model = build(replace(network, resized=(side, side)))
        pools = {layer.pool_size for layer in of_class(model, "MaxPooling2D")}
        kernels = {
            layer.kernel_size
            for layer in of_class(model, "Conv2D")
            if layer.name != "whitening"
        }
        # With padding a kernel may be larger than what it is moved over.
        return pools != {(pool_size, pool_size)} or (
            padding == "valid" and kernels != {(size, size) for size in kernel_size}
        )

    ((least, width),) = network.sizes((0.001,))
    assert width == least < 60
    assert not cuts(least)
    assert cuts(least - 1)


@pytest.mark.parametrize(
    ("units", "expected"), [((), [3]), ((7,), [7, 3]), ((7, 8), [7, 8, 3])]
)
def test_hidden_dense_layers(units, expected):
    model = build(dense_units=units)
    assert [layer.units for layer in of_class(model, "Dense")] == expected


@pytest.mark.parametrize(
    ("dropout", "rates"),
    [((0, 0), []), ((0.1, 0), [0.1, 0.1]), ((0, 0.2), [0.2])],
)
def test_dropout_layers_exist_where_their_rate_is_positive(dropout, rates):
    assert [d.rate for d in of_class(build(dropout=dropout), "Dropout")] == rates


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_dtype_throughout(dtype):
    model = build(EVERYTHING, dropout=(0.5, 0.5), dtype=dtype)
    for layer in model.layers:
        assert layer.compute_dtype == dtype
        assert layer.output.dtype == dtype
    assert {
        variable.dtype for variable in model.variables if "seed" not in variable.path
    } == {dtype}
    assert model(np.zeros((1, 12, 12, 2))).dtype == dtype


def test_mixed_precision_keeps_weights_pixels_and_logits_exact():
    model = build(EVERYTHING, dropout=(0.5, 0.5), dtype="mixed_bfloat16")
    exact = ["scaling", "resizing", "whitening", "whitening_activation", "logits"]
    for layer in model.layers:
        is_exact = layer.name in [*exact, "probabilities"]
        assert layer.compute_dtype == ("float32" if is_exact else "bfloat16")
    assert {
        variable.dtype for variable in model.variables if "seed" not in variable.path
    } == {"float32"}
    assert model(np.zeros((1, 12, 12, 2))).dtype == "float32"


def test_the_scaling_is_never_trained():
    model = build()
    scaling = model.get_layer("scaling")
    assert scaling.trainable_variables == []
    assert [v.shape for v in scaling.non_trainable_variables] == [(2,), (2,)]
    scaling.moving_mean.assign([10, 20])
    scaling.moving_variance.assign([4, 25])
    X = np.full((1, 12, 12, 2), 30.0)
    for training in (False, True):
        scaled = np.array(scaling(X, training=training))
        np.testing.assert_allclose(scaled[0, 0, 0], [10, 2], rtol=1e-6)


def test_names_are_unique_in_a_network_and_the_same_in_all():
    model = build(EVERYTHING, dropout=(0.5, 0.5))
    again = build(EVERYTHING, dropout=(0.5, 0.5))
    assert names(model) == names(again)
    assert model.name == again.name == "network"
    assert len(set(names(model))) == len(model.layers)


def test_keras_counts_up_no_name_for_our_layers():
    import keras

    classes = [
        lambda: keras.layers.Activation("relu"),
        keras.layers.BatchNormalization,
        lambda: keras.layers.Conv2D(1, 1),
        lambda: keras.layers.Dense(1),
        lambda: keras.layers.Dropout(0.5),
        keras.layers.Flatten,
        keras.layers.MaxPooling2D,
        keras.layers.GlobalMaxPooling2D,
        lambda: keras.layers.Resizing(1, 1),
        keras.Sequential,
    ]

    def numbers():
        names = [make().name for make in classes]
        return [
            int(re.search(r"\d*$", n.replace("2d", "")).group() or 0) for n in names
        ]

    before = numbers()
    build(EVERYTHING, dropout=(0.5, 0.5))
    build(EVERYTHING, dropout=(0.5, 0.5), global_pooling=True)
    assert numbers() == [number + 1 for number in before]


def test_building_draws_from_no_global_generator():
    states = random.getstate(), np.random.get_state()[1].tolist()
    build(EVERYTHING, dropout=(0.5, 0.5))
    assert random.getstate() == states[0]
    assert np.random.get_state()[1].tolist() == states[1]


def test_building_heeds_no_global_policy():
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float16")
    try:
        model = build(dropout=(0.5, 0.5))
    finally:
        keras.config.set_dtype_policy(policy)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}


@pytest.mark.parametrize(
    ("kernel_size", "expected"),
    [
        (4, (4, 4, 4)),
        ((5, 3), (5, 3, 3)),
        ((5, 4, 3), (5, 4, 3)),
        ((7, 5, 4, 3), (7, 5, 4)),
    ],
)
def test_kernels_are_those_of_their_stage_and_the_last_goes_on(kernel_size, expected):
    clf = MNISTCNNClassifier(filters=(2, 3, 4), kernel_size=kernel_size)
    assert check_parameters(clf)["network"]["kernel_size"] == expected


def test_a_network_takes_means_before_it_resizes_to_less_than_half():
    model = build(SMALL, image_shape=(90, 21, 2), resized=(12, 11))
    means, resizing = model.get_layer("block_means"), model.get_layer("resizing")
    assert names(model).index("block_means") == names(model).index("resizing") - 1
    assert means.output.shape[1:] == (22, 21, 2)
    assert resizing.output.shape[1:] == (12, 11, 2)
    model = build(SMALL, image_shape=(24, 22, 2), resized=(12, 11))
    assert "block_means" not in names(model)


def test_the_number_of_weights_is_that_of_the_built_network():
    built = build()
    kernels = [layer.kernel for layer in built.layers if hasattr(layer, "kernel")]
    expected = sum(np.prod(kernel.shape) for kernel in kernels)
    size = description.network_size(SMALL)
    assert size.n_kernel_values == expected
    outputs = [np.prod(layer.output.shape[1:]) for layer in built.layers]
    assert size.n_layer_values == max(outputs)


@pytest.mark.slow
def test_a_large_network_is_warned_of_before_training(monkeypatch):
    """With its size, and what to set; training itself would take gigabytes."""
    monkeypatch.setattr(description, "MANY_WEIGHTS", 400)
    X = np.zeros((20, 16, 16), np.uint8)
    clf = MNISTCNNClassifier(filters=4, dense_units=8, epochs=1, random_state=0)
    message = (
        r"The network has 1,268 weights, .* about 0.0 GB.*set global_pooling=True, "
        r"make the images smaller \(16 x 16 pixels now\), or add a stage to filters"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        clf.fit(X, np.arange(20) % 2)
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.set_params(global_pooling=True).fit(X, np.arange(20) % 2)
    with pytest.warns(UserWarning, match="too much, use fewer filters or dense_units"):
        clf.set_params(filters=40, dense_units=50).fit(X, np.arange(20) % 2)
