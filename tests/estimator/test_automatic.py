"""What "auto" stands for: rules of plain numbers, and the fits that follow them."""

import copy
import pickle
import re
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.base import clone
from tiny import tiny_classifier

import skcnn
from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._estimator import automatic
from skcnn._estimator.automatic import (
    auto_batch_size,
    auto_epochs,
    decide,
    with_values,
)
from skcnn._estimator.fitting import describe_network
from skcnn._estimator.parameters import resolve_parameters
from skcnn._network.description import build_network, least_side, network_size

# Only `epochs` is "auto" unless a test says so.
tiny = partial(
    tiny_classifier,
    epochs="auto",
    progressive_resizing=None,
    test_time_augmentation=None,
)
BOTH = [MNISTCNNClassifier, CIFARCNNClassifier]


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][:80], digits[1][:80]


@pytest.fixture(scope="module")
def fitted(data):
    """A classifier of `epochs="auto"` that no test changes."""
    return tiny().fit(*data)


@pytest.fixture
def few_epochs(monkeypatch):
    """Let "auto" be 6 epochs for 20 images, and 2 for 80, so that fits are short."""
    base = MNISTCNNClassifier._base._replace(n_images=80, epochs=2)
    monkeypatch.setattr(MNISTCNNClassifier, "_base", base)


# ------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("classifier", "n_images", "side", "epochs"),
    [
        (MNISTCNNClassifier, 60_000, 28, 7),
        (MNISTCNNClassifier, 54_000, 28, 7),
        (CIFARCNNClassifier, 50_000, 32, 12),
        (CIFARCNNClassifier, 45_000, 32, 12),
    ],
)
def test_mnist_and_cifar_keep_their_passes(classifier, n_images, side, epochs):
    decided = decide(classifier(), n_images, (side, side, 1))
    assert decided["epochs"] == epochs


@pytest.mark.parametrize("classifier", BOTH)
def test_smaller_sets_get_more_passes_within_bounds(classifier):
    base = classifier._base
    numbers = [1, 31, 240, *range(1_000, 70_000, 500), 10**6, 10**9]
    epochs = [auto_epochs(base, n, (8, 8, 1)) for n in numbers]
    assert epochs == sorted(epochs, reverse=True)
    assert (epochs[0], epochs[-1]) == (automatic.MOST_EPOCHS, base.epochs)
    assert auto_epochs(base, base.n_images // 4, (8, 8, 1)) >= 2 * base.epochs


@pytest.mark.parametrize("classifier", BOTH)
@pytest.mark.parametrize(
    ("sides", "is_table"), [((1, 30), 1), ((9, 7), 1), ((8, 8), 0)]
)
def test_tables_keep_the_passes_of_the_class(classifier, sides, is_table):
    epochs = decide(classifier(), 100, (*sides, 1))["epochs"]
    assert epochs == (classifier._base.epochs if is_table else automatic.MOST_EPOCHS)


def test_weights_and_repetitions_of_a_single_step_get_the_same_passes():
    clf = MNISTCNNClassifier()
    passes = {decide(clf, n, (8, 8, 1))["epochs"] for n in range(1, 33)}
    assert len(passes) == 1


@pytest.mark.parametrize(
    ("n_images", "largest", "size"),
    [(80, 256, 32), (2_049, 256, 33), (10**6, 256, 256)],
)
def test_the_batch_size_aims_at_64_steps_within_bounds(n_images, largest, size):
    assert auto_batch_size(n_images, largest) == size


@pytest.mark.parametrize("classifier", BOTH)
def test_what_the_user_sets_is_not_decided(classifier):
    clf = classifier(epochs=3, batch_size=10)
    assert not {"epochs", "batch_size"} & set(decide(clf, 100, (8, 8, 1)))


def shape_of_auto(classifier, image_shape, **parameters):
    """Return what `filters` and `progressive_resizing` stand for."""
    decided = decide(classifier(**parameters), 1_000, image_shape)
    return decided["filters"], decided["progressive_resizing"]


@pytest.mark.parametrize("sides", [(1, 784), (3, 3), (8, 8), (28, 28), (32, 32)])
def test_small_images_get_the_networks_of_mnist_and_cifar(sides):
    assert shape_of_auto(MNISTCNNClassifier, (*sides, 1)) == ((16, 32), 1.0)
    assert shape_of_auto(CIFARCNNClassifier, (*sides, 3)) == (
        (32, 128, 128),
        (0.5, 0.625, 0.75, 0.875, 1.0),
    )


@pytest.mark.parametrize(
    ("sides", "more", "mean"),
    [
        ((48, 48), False, 48),
        ((50, 50), True, 50),
        ((64, 64), True, 64),
        ((192, 192), True, 192),
        ((720, 1280), True, 960),
        # The shorter side, of 24 and of 16 pixels then, has pixels left for a third
        # pooling, or not.
        ((72, 512), True, 192),
        ((48, 768), False, 192),
    ],
)
def test_larger_images_get_more_stages_and_then_are_reduced(sides, more, mean):
    filters, scale = shape_of_auto(MNISTCNNClassifier, (*sides, 1))
    assert filters == ((16, 32, 64) if more else (16, 32))
    assert scale == pytest.approx(min(1, 64 / mean))
    filters, scales = shape_of_auto(CIFARCNNClassifier, (*sides, 3))
    assert filters == ((32, 64, 128, 128) if mean > 64 else (32, 128, 128))
    last = min(1, 96 / mean)
    assert scales == pytest.approx([s * last for s in (0.5, 0.625, 0.75, 0.875, 1)])


@pytest.mark.parametrize(
    ("side", "filters"),
    [
        (64, (32, 128, 128)),
        (65, (32, 64, 128, 128)),
        (128, (32, 64, 128, 128)),
        (224, (32, 64, 128, 128, 128)),
    ],
)
def test_color_images_that_are_not_reduced_get_more_stages_too(side, filters):
    clf = CIFARCNNClassifier(progressive_resizing=None)
    assert decide(clf, 100, (side, side, 3))["filters"] == filters


def test_images_less_than_8_pixels_high_are_not_reduced():
    expected = (32, 128, 128), (0.5, 0.625, 0.75, 0.875, 1.0)
    assert shape_of_auto(CIFARCNNClassifier, (4, 4_096, 3)) == expected


def test_stages_follow_the_size_that_the_network_sees_and_the_pooling():
    shape = (192, 192, 1)
    for scale in (None, 1.0, (0.5, 1.0)):
        clf = MNISTCNNClassifier(progressive_resizing=scale)
        assert decide(clf, 100, shape)["filters"] == (16, 32, 64, 128)
    clf = MNISTCNNClassifier(progressive_resizing=(1.0, 0.25))
    assert decide(clf, 100, shape)["filters"] == (16, 32)
    for pool_size, n_stages in ((1, 2), (2, 4), (4, 3), (8, 2)):
        clf = MNISTCNNClassifier(progressive_resizing=None, pool_size=pool_size)
        assert len(decide(clf, 100, shape)["filters"]) == n_stages


def test_without_global_pooling_auto_is_one_size():
    _, scale = shape_of_auto(CIFARCNNClassifier, (192, 192, 3), global_pooling=False)
    assert scale == 96 / 192


@pytest.mark.parametrize(
    ("augment", "sides", "views"),
    [
        (("flip", "shift"), (32, 32), ("flip", "shift")),
        ("shift", (32, 32), ("shift",)),
        ("flip", (32, 32), ("flip",)),
        ("affine", (28, 28), ("shift",)),
        (("flip", "shift"), (13, 32), ("flip",)),
        (("flip", "shift"), (7, 32), ()),
        (None, (32, 32), ()),
    ],
)
def test_views_are_those_that_images_of_this_size_have_in_training(
    augment, sides, views
):
    for classifier in BOTH:
        clf = classifier(augment=augment)
        assert decide(clf, 100, (*sides, 3))["test_time_augmentation"] == views


@pytest.mark.parametrize(
    ("classifier", "without"),
    [(MNISTCNNClassifier, ("affine",)), (CIFARCNNClassifier, ("shift",))],
)
def test_images_are_mirrored_if_they_may_be_and_are_large_enough(classifier, without):
    def augment(sides, may_flip):
        clf = classifier(augment="auto")
        return decide(clf, 100, (*sides, 3), may_flip=may_flip)["augment"]

    for answer, flips in ((True, ("flip",)), (False, ())):
        assert augment((8, 30), lambda if_unsure, a=answer: a) == flips + without
    # Smaller images are never changed, so nobody looks at them.
    assert augment((7, 30), lambda if_unsure: 1 / 0) == without


def test_too_few_images_are_mirrored_in_color_only():
    assert [one._base.flip_if_unsure for one in BOTH] == [False, True]


def test_what_must_not_change_is_kept_when_training_goes_on():
    kept = {"filters": (4, 5), "progressive_resizing": 0.25, "augment": ("affine",)}
    for shape in ((32, 32, 3), (500, 500, 3)):
        decided = decide(CIFARCNNClassifier(), 100, shape, kept)
        assert decided["filters"] == (4, 5)
        assert decided["augment"] == ("affine",)
        assert decided["progressive_resizing"][-1] == 0.25


# ---------------------------------------------------------------------------- networks


def networks(classifier, image_shape, **parameters):
    """Return the networks of each size of images in training, the last one of all."""
    settled = classifier(**parameters)
    settled = with_values(settled, decide(settled, 1_000, image_shape))
    settled.image_shape_, settled.classes_ = image_shape, np.arange(10)
    network, sizes = describe_network(settled, resolve_parameters(settled))
    channels = image_shape[-1]
    return [
        replace(network, image_shape=(*size, channels), resized=None) for size in sizes
    ]


def multiply_adds(network):
    """Return the multiplications of a network for one image."""
    model = build_network(network, (0, 0))
    return sum(
        np.prod(layer.kernel.shape) * np.prod(layer.output.shape[1:-1])
        for layer in model.layers
        if hasattr(layer, "kernel")
    )


def cost(classifier, image_shape):
    """Return the mean multiplications for one image in training."""
    return np.mean([multiply_adds(one) for one in networks(classifier, image_shape)])


@pytest.mark.slow
@pytest.mark.parametrize("classifier", BOTH)
def test_images_of_224_pixels_cost_at_most_four_times_those_of_64(classifier):
    unit = cost(classifier, (64, 64, 3))
    for sides in ((96, 96), (128, 128), (224, 224), (720, 1280)):
        assert cost(classifier, (*sides, 3)) < 4 * unit


@pytest.mark.parametrize("classifier", BOTH)
@pytest.mark.parametrize(
    "sides",
    [
        *((720, 1280), (4_000, 3_000), (1, 784), (8, 8), (1, 1)),
        *((720, 24), (16, 400), (16, 1_000), (1_000, 16), (8, 1_500), (1_500, 12)),
    ],
)
def test_no_image_takes_a_large_network(classifier, sides):
    *_, network = networks(classifier, (*sides, 3))
    assert network_size(network).n_kernel_values < 3_000_000
    outputs = [layer.output.shape for layer in build_network(network, (0, 0)).layers]
    assert all(min(shape[1:]) > 0 for shape in outputs)


@given(
    classifier=st.sampled_from(BOTH),
    sides=st.tuples(st.integers(8, 1500), st.integers(8, 1500)),
)
@example(MNISTCNNClassifier, (720, 24))
@example(CIFARCNNClassifier, (16, 400))
def test_long_and_narrow_images_keep_their_proportions_and_their_pixels(
    classifier, sides
):
    for network in networks(classifier, (*sides, 3)):
        size = network.image_shape[:2]
        # One factor makes both sides, each of which is rounded.
        lowest = max((new - 0.5) / side for new, side in zip(size, sides, strict=True))
        highest = min((new + 0.5) / side for new, side in zip(size, sides, strict=True))
        assert lowest <= highest
        # No pooling finds a single pixel, unless the image has too few for the stages
        # that every image gets.
        least = least_side(network, network.kernel_size)
        assert min(size) >= min(least, *sides)
        if len(network.filters) > len(classifier._base.filters):
            assert min(size) >= least


# -------------------------------------------------------------------------------- fits


@pytest.mark.slow
@pytest.mark.parametrize("classifier", BOTH)
@pytest.mark.parametrize("sides", [(100, 110), (16, 250), (1, 2), (9, 8)])
def test_images_of_any_size_are_learned(classifier, sides):
    X = np.zeros((8, *sides, 3), np.uint8)
    X[::2] = 200
    y = np.arange(8) % 2
    small = {"convolutions": 1, "dense_units": 2, "epochs": 2, "random_state": 0}
    clf = classifier(**small).fit(X, y)
    assert clf.predict(X).shape == (8,)
    more = len(clf.auto_params_["filters"]) - len(classifier._base.filters)
    assert more == (sides == (100, 110))
    resized = [layer for layer in clf.model_.layers if layer.name == "resizing"]
    assert [(layer.height, layer.width) for layer in resized] == (
        ([(61, 67)] if classifier is MNISTCNNClassifier else [(92, 101)])
        if sides == (100, 110)
        else []
    )
    clf.partial_fit(X, y)


@pytest.mark.slow
def test_the_network_is_that_of_the_values_set_by_hand(data):
    X, y = data
    by_hand = {"filters": (16, 32), "progressive_resizing": 1.0, "epochs": 1}
    auto = MNISTCNNClassifier(epochs=1, random_state=0).fit(X, y)
    assert auto.auto_params_ == {
        "progressive_resizing": 1.0,
        "filters": (16, 32),
        "batch_size": 32,
        "augment": ("affine",),
        "test_time_augmentation": (),  # digits of 8 x 8 are too small to be shifted
    }
    same = MNISTCNNClassifier(**by_hand, random_state=0).fit(X, y)
    np.testing.assert_array_equal(same.predict_proba(X), auto.predict_proba(X))


@pytest.mark.slow
def test_auto_keeps_a_network_set_by_hand_when_training_goes_on(data, tmp_path):
    X, y = data
    clf = tiny(epochs=1, progressive_resizing=0.75, warm_start=True).fit(X, y)
    clf.set_params(filters="auto", progressive_resizing="auto").fit(X, y)
    assert clf.auto_params_ == {"filters": (4,), "progressive_resizing": 0.75}
    skcnn.save(clf, tmp_path / "model")
    loaded = skcnn.load(tmp_path / "model").partial_fit(X, y)
    assert loaded.auto_params_ == clf.auto_params_
    np.testing.assert_array_equal(
        loaded.predict_proba(X), clf.partial_fit(X, y).predict_proba(X)
    )
    clf.set_params(warm_start=False).fit(X, y)
    assert clf.auto_params_ == {"filters": (16, 32), "progressive_resizing": 1.0}


def test_fit_trains_as_long_as_auto_says_and_tells(fitted, data):
    epochs = auto_epochs(MNISTCNNClassifier._base, 80, (8, 8, 1))
    assert epochs == automatic.MOST_EPOCHS
    assert fitted.auto_params_ == {"epochs": epochs}
    assert fitted.n_iter_ == len(fitted.loss_curve_) == epochs
    # The parameter keeps what the user wrote, and the number given by hand is the same.
    assert fitted.epochs == clone(fitted).epochs == "auto"
    by_hand = tiny(epochs=epochs).fit(*data)
    assert by_hand.auto_params_ == {}
    np.testing.assert_array_equal(
        by_hand.predict_proba(data[0]), fitted.predict_proba(data[0])
    )


def test_auto_params_are_copied_pickled_and_saved_but_not_cloned(fitted, tmp_path):
    skcnn.save(fitted, tmp_path / "model")
    for again in (
        copy.copy(fitted),
        copy.deepcopy(fitted),
        pickle.loads(pickle.dumps(fitted)),
        skcnn.load(tmp_path / "model"),
    ):
        assert again.auto_params_ == fitted.auto_params_
    assert not hasattr(clone(fitted), "auto_params_")


def test_images_held_out_do_not_count(data, few_epochs):
    clf = tiny(early_stopping=True, validation_fraction=0.75, n_iter_no_change=99)
    assert clf.fit(*data).auto_params_ == {"epochs": 6}
    assert tiny().fit(*data).auto_params_ == {"epochs": 2}


def test_the_number_is_known_before_training_starts(data, few_epochs, capsys):
    import keras

    seen = []

    class Watching(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.append(self.params["epochs"])

    class Following:
        def setup(self, estimator, context):
            pass

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "fit":
                seen.append(context.max_subtasks)

        def on_fit_task_end(self, estimator, context):
            pass

    clf = tiny(callbacks=Watching(), verbose=1).set_callbacks(Following())
    clf.fit(data[0][:20], data[1][:20])
    assert seen == [6, 6]
    assert capsys.readouterr().out.startswith("Epoch 1/6: ")


def test_the_learning_rate_falls_over_all_passes(data, few_epochs):
    X, y = data[0][:20], data[1][:20]
    whole = tiny().fit(X, y)
    np.testing.assert_array_equal(
        whole.predict_proba(X), tiny(epochs=6).fit(X, y).predict_proba(X)
    )


@pytest.mark.slow
def test_mirrored_images_are_shown_where_they_belong_to_their_classes():
    # A bright spot: above or below in one set, left or right in the other.
    rng = np.random.default_rng(0)
    y = np.arange(1_000) % 2
    heights = rng.integers(1, 7, 1_000)
    above, beside = rng.integers(0, 90, (2, 1_000, 16, 16), np.uint8)
    for image, label, height in zip(above, y, heights, strict=True):
        image[height + 8 * label :][:2, rng.integers(14) :][:, :2] = 255
    for image, label, height in zip(beside, y, heights, strict=True):
        image[rng.integers(14) :, height + 8 * label :][:2, :2] = 255
    # A fifth of the labels is wrong: few sets are as easy as these spots.
    y = y ^ (np.arange(1_000) % 5 == 0)
    fits = [
        tiny(epochs=1, augment="auto", test_time_augmentation="auto").fit(X, y)
        for X in (above, beside)
    ]
    assert fits[0].auto_params_["augment"] == ("flip", "affine")
    assert fits[0].auto_params_["test_time_augmentation"] == ("flip", "shift")
    assert fits[1].auto_params_["augment"] == ("affine",)
    assert fits[1].auto_params_["test_time_augmentation"] == ("shift",)
    # Images of weight 0, here those of the other set, have no say.
    both, labels = np.concatenate([above, beside]), np.concatenate([y, y])
    weights = np.repeat([1, 0], 1_000)
    clf = tiny(epochs=1, augment="auto").fit(both, labels, weights)
    assert clf.auto_params_["augment"] == ("flip", "affine")
    # What the first fit has decided stays.
    clf.set_params(warm_start=True).fit(beside, y)
    assert clf.auto_params_["augment"] == ("flip", "affine")


def test_a_pickle_without_auto_params_can_be_saved_again(fitted, data, tmp_path):
    state = fitted.__getstate__()
    del state["auto_params_"], state["_learned_values"]["auto_params"]
    old = MNISTCNNClassifier.__new__(MNISTCNNClassifier)
    old.__setstate__(state)
    skcnn.save(old, tmp_path / "model")
    loaded = skcnn.load(tmp_path / "model")
    assert loaded.auto_params_ == {}
    X = data[0]
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))


def test_partial_fit_is_one_epoch(data):
    clf = tiny(batch_size="auto").partial_fit(*data, classes=np.arange(10))
    assert clf.n_iter_ == 1
    assert clf.auto_params_ == {"batch_size": 32}


def test_each_fit_that_goes_on_decides_anew(data, few_epochs):
    X, y = data
    clf = tiny(warm_start=True).fit(X[:20], y[:20])
    assert clf.auto_params_ == {"epochs": 6}
    clf.fit(X, y)
    assert clf.auto_params_ == {"epochs": 2}
    assert clf.n_iter_ == 8


def test_a_checkpoint_of_auto_is_that_of_the_number(data, few_epochs, tmp_path):
    X, y = data[0][:20], data[1][:20]
    path = tmp_path / "checkpoint"
    whole = tiny().fit(X, y, checkpoint=path)
    again = tiny(epochs=6).fit(X, y, checkpoint=path)
    assert again.history_ == whole.history_
    with pytest.raises(ValueError, match="other parameters"):
        tiny(epochs=3).fit(X, y, checkpoint=path)


@pytest.mark.parametrize("units", [pytest.param(True, marks=pytest.mark.slow), False])
def test_dtype_follows_the_processor_once(units, data, monkeypatch, tmp_path):
    from skcnn._network.backends import tensorflow as backend

    X, y = data
    monkeypatch.setattr(backend, "has_bfloat16_units", lambda: units)
    wide = {"epochs": 1, "filters": automatic.LEAST_FILTERS_OF_BFLOAT16}
    clf = tiny(**wide, dtype="auto").fit(X, y)
    dtype = "mixed_bfloat16" if units else "float32"
    assert clf.auto_params_ == {"dtype": dtype}
    by_hand = tiny(**wide, dtype=dtype).fit(X, y)
    np.testing.assert_array_equal(clf.predict_proba(X), by_hand.predict_proba(X))
    skcnn.save(clf, tmp_path / "model")
    expected = clf.predict_proba(X), clf.partial_fit(X, y).predict_proba(X)
    # Another machine goes on in the dtype of the first one.
    monkeypatch.setattr(backend, "has_bfloat16_units", lambda: not units)
    loaded = skcnn.load(tmp_path / "model")
    found = loaded.predict_proba(X), loaded.partial_fit(X, y).predict_proba(X)
    np.testing.assert_array_equal(found, expected)
    assert loaded.auto_params_ == {"dtype": dtype}
    assert loaded.fit(X, y).auto_params_["dtype"] != dtype


@pytest.mark.parametrize(
    ("filters", "dtype"),
    [(31, "float32"), ((32, 16), "mixed_bfloat16"), ("auto", "mixed_bfloat16")],
)
def test_bfloat16_is_for_wide_networks(filters, dtype, monkeypatch):
    from skcnn._network.backends import tensorflow as backend

    monkeypatch.setattr(backend, "has_fast_bfloat16", lambda: True)
    clf = MNISTCNNClassifier(filters=filters, dtype="auto")
    assert automatic.decide(clf, 1000, (28, 28, 1))["dtype"] == dtype


@pytest.mark.parametrize("filters", [(), (32, "a"), (0,)], ids=str)
def test_filters_that_are_none_are_refused_whatever_auto_has_to_know(filters, data):
    with pytest.raises(ValueError, match=re.escape(f"Got filters={filters!r}, but")):
        MNISTCNNClassifier(filters=filters, dtype="auto").fit(*data)


def test_a_gpu_has_not_been_measured(monkeypatch):
    import tensorflow as tf

    from skcnn._network.backends import tensorflow as backend

    monkeypatch.setattr(backend, "has_bfloat16_units", lambda: True)
    assert backend.has_fast_bfloat16()
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    assert not backend.has_fast_bfloat16()


@pytest.mark.parametrize("classifier", BOTH)
def test_the_short_and_the_accurate_preset_follow_the_processor(classifier):
    dtypes = {
        name: classifier.from_preset(name).dtype
        for name in ("classic", "fast", "accurate")
    }
    assert dtypes == {"classic": "float32", "fast": "auto", "accurate": "auto"}
    assert classifier().dtype == "float32"


def test_the_docstrings_quote_the_rules():
    for classifier in BOTH:
        text = re.sub(r"\s+", " ", classifier.__doc__)
        gray, color = (one._base for one in BOTH)
        assert f'"auto" is {gray.epochs} for {gray.n_images:,} images and' in text
        assert f"or {color.epochs} for {color.n_images:,} in `CIFAR" in text
        assert f"up to {automatic.MOST_EPOCHS} passes;" in text
        assert f"``{gray.filters}`` for images of up to {gray.side} x" in text
        assert f"``{color.filters}`` for up to {color.side} x {color.side} in" in text
        assert f"to stage, up to {automatic.MOST_FILTERS}." in text
        wide = automatic.LEAST_FILTERS_OF_BFLOAT16
        assert f"if a stage has {wide} filters or more." in text
        side, color_side = gray.largest_side, color.largest_side
        assert f"with more pixels than {side} x {side} to about" in text
        assert f"more than {color_side} x {color_side} in `CIFAR" in text
        assert f"``{CIFARCNNClassifier._base.progressive_resizing}``" in text
        assert f"aims at {automatic.STEPS_PER_EPOCH} steps an epoch" in text
