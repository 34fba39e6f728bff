"""What crosses modules: sizes in training, views in prediction, all at once."""

import pickle

import numpy as np
import pytest
from scipy.special import log_softmax, softmax
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skcnn
from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._estimator import fitting
from skcnn._network import augment as augment_module
from skcnn._network.augment import SURE
from skcnn._training import compiled

VIEWS = ("flip", "shift")

PLAIN = {
    "whitening": False,
    "filters": (6, 8),
    "kernel_size": 3,
    "convolutions": 1,
    "pool_size": 2,
    "pool_first": True,
    "padding": "same",
    "global_pooling": True,
    "dense_units": (),
    "activation": "relu",
    "batch_normalization": True,
    "dropout": 0.0,
    "scaling": "standard",
    "optimizer": "adam",
    "learning_rate": 0.01,
    "learning_rate_schedule": "cosine",
    "batch_size": 10,
    "epochs": 2,
    "shuffle": True,
    "label_smoothing": 0.0,
    "augment": None,
    "progressive_resizing": None,
    "test_time_augmentation": None,
    "class_weight": None,
    "early_stopping": False,
    "warm_start": False,
    "dtype": "float32",
    "random_state": 0,
}

# All new parameters switched on.
NEW = {
    "whitening": True,
    "optimizer": "muon",
    "learning_rate": 0.005,
    "learning_rate_schedule": "linear",
    "progressive_resizing": (0.5, 0.75),
    "test_time_augmentation": VIEWS,
}
FULL = NEW | {"label_smoothing": 0.1, "augment": ("flip", "shift"), "dropout": 0.1}


def plain(**parameters):
    return CIFARCNNClassifier(**PLAIN | parameters)


def full(**parameters):
    return CIFARCNNClassifier(**PLAIN | FULL | parameters)


def images(n, height=16, width=16, seed=0):
    """Return color images of two kinds, some brighter and some striped."""
    X = np.random.default_rng(seed).integers(0, 150, (n, height, width, 3))
    y = np.arange(n) % 2
    X[y == 1, ..., 0] += 60
    X[y == 0, ::2] += 40
    return X.astype(np.uint8), y


@pytest.fixture(scope="module")
def data():
    return images(40)


@pytest.fixture(scope="module")
def fitted(data):
    return full().fit(*data)


@pytest.fixture
def sizes(monkeypatch):
    """Collect the size of each call of the compiled training function."""
    found = []
    train = compiled.CompiledNetwork.train

    def noting(network, values, batch, options):
        found.append(options.size)
        return train(network, values, batch, options)

    monkeypatch.setattr(compiled.CompiledNetwork, "train", noting)
    return found


@pytest.fixture
def untrained(monkeypatch):
    """Fail the test where training begins."""
    monkeypatch.setattr(fitting, "train", lambda *args: pytest.fail("training ran"))


def layer_names(classifier):
    return [layer.name for layer in classifier.model_.layers]


# ----------------------------------------------------------------------- all at once


@pytest.mark.slow
def test_all_new_parameters_survive_a_clone(fitted):
    parameters = clone(fitted).get_params()
    assert {name: parameters[name] for name in FULL} == FULL
    for name, value in NEW.items():
        assert plain().get_params()[name] != value
        assert plain().set_params(**{name: value}).get_params()[name] == value


def test_the_same_seed_gives_the_same_bits(fitted, data):
    X, y = data
    expected = fitted.predict_proba(X)
    np.testing.assert_array_equal(full().fit(X, y).predict_proba(X), expected)
    again = full(random_state=np.random.RandomState(0)).fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), expected)
    assert (full(random_state=1).fit(X, y).predict_proba(X) != expected).any()


def test_predictions_do_not_depend_on_the_place_in_the_batch(fitted, data):
    X, _ = data
    together = fitted.predict_proba(X)
    reordered = fitted.predict_proba(X[::-1])[::-1]
    np.testing.assert_array_equal(reordered, together)
    for start, end in ((0, 2), (2, 19), (19, 40)):
        part = fitted.predict_proba(X[start:end])
        np.testing.assert_array_equal(part, together[start:end])


def test_a_pickle_predicts_and_goes_on_as_the_original(data):
    X, y = data
    original = full().fit(X, y)
    copy = pickle.loads(pickle.dumps(original))
    np.testing.assert_array_equal(copy.predict_proba(X), original.predict_proba(X))
    for classifier in (copy, original):
        classifier.partial_fit(X, y)
    np.testing.assert_array_equal(copy.predict_proba(X), original.predict_proba(X))


@pytest.mark.parametrize("form", ["weights", "repeated"])
def test_weight_two_is_repetition_in_one_batch(form, data):
    X, y = data
    X, y = X[:20], y[:20]
    twice = np.arange(20) % 3 == 0
    parameters = {"batch_size": 100, "epochs": 3}
    by_weight = full(**parameters).fit(X, y, sample_weight=1 + twice)
    if form == "weights":
        # And an image of weight 0 is absent.
        more = images(30)[0]
        more[:20] = X
        labels = np.r_[y, np.zeros(10, int)]
        other = full(**parameters).fit(
            more, labels, sample_weight=np.r_[1 + twice, np.zeros(10)]
        )
    else:
        rows = np.r_[np.arange(20), np.flatnonzero(twice)][::-1]
        other = full(**parameters).fit(X[rows], y[rows])
    expected = by_weight.predict_proba(X)
    np.testing.assert_array_equal(other.predict_proba(X), expected)
    unweighted = full(**parameters).fit(X, y)
    assert (unweighted.predict_proba(X) != expected).any()


def test_flat_rows_are_the_same_images(fitted, data):
    X, y = data
    flat = full(image_shape=(16, 16, 3)).fit(X.reshape(40, -1), y)
    np.testing.assert_array_equal(flat.predict_proba(X), fitted.predict_proba(X))


def test_the_keras_network_predicts_what_the_classifier_does_without_views(
    fitted, data, tmp_path
):
    import keras

    X, _ = data
    alone = pickle.loads(pickle.dumps(fitted)).set_params(test_time_augmentation=None)
    expected = alone.predict_proba(X)
    assert layer_names(fitted)[:3] == ["scaling", "resizing", "whitening"]
    model = fitted.model_
    found = model.predict_on_batch(X.astype(np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    # Neither a file nor another process loses anything.
    model.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(X.astype(np.float32)), found)
    assert type(loaded.optimizer) is type(model.optimizer)
    assert loaded.optimizer.iterations.numpy() == 8


@pytest.mark.slow
def test_float64_works_too(data):
    X, y = data
    classifier = full(dtype="float64", test_time_augmentation=None).fit(X, y)
    probabilities = classifier.predict_proba(X)
    assert probabilities.dtype == np.float64
    found = classifier.model_.predict_on_batch(X.astype(np.float64))
    np.testing.assert_allclose(found, probabilities, rtol=1e-6)


@pytest.mark.slow
def test_mixed_precision_repeats_and_rounds_little(data):
    X, y = data
    mixed, again, single = (
        full(dtype=dtype, test_time_augmentation=None).fit(X, y)
        for dtype in ("mixed_bfloat16", "mixed_bfloat16", "float32")
    )
    probabilities = mixed.predict_proba(X)
    np.testing.assert_array_equal(again.predict_proba(X), probabilities)
    loaded = pickle.loads(pickle.dumps(mixed))
    np.testing.assert_array_equal(loaded.predict_proba(X), probabilities)
    found = mixed.model_.predict_on_batch(X.astype(np.float32))
    np.testing.assert_allclose(found, probabilities, atol=0.01)
    # The same weights in a network that rounds nothing.
    single.model_.set_weights(mixed.model_.get_weights())
    exact = single.model_.predict_on_batch(X.astype(np.float32))
    assert 0 < abs(probabilities - exact).max() < 0.05


def test_early_stopping_validates_at_the_last_size(data):
    X, y = data
    classifier = full(
        early_stopping=True, validation_fraction=0.25, n_iter_no_change=5
    ).fit(X, y)
    assert len(classifier.validation_scores_) == 2
    held_out = full(test_time_augmentation=None, epochs=1)
    held_out.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert held_out.validation_scores_ == [held_out.score(X[30:], y[30:])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("whitening", [False, True]),
        ("optimizer", ["adam", "muon"]),
        ("learning_rate_schedule", ["cosine", "linear"]),
        ("progressive_resizing", [None, 0.5, (0.5, 0.75)]),
        ("test_time_augmentation", [None, "flip", ("flip", "shift")]),
    ],
)
def test_searches_find_the_parameters_by_name(name, values, data):
    X, y = data
    search = GridSearchCV(
        plain(epochs=1),
        {name: values},
        cv=2,
        scoring="neg_log_loss",
        error_score="raise",
    )
    search.fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) == len(values)
    assert search.best_estimator_.get_params()[name] == search.best_params_[name]


# -------------------------------------------------------------- progressive resizing


@pytest.mark.slow
def test_training_runs_through_the_sizes_in_parts(sizes, data):
    classifier = plain(progressive_resizing=[0.5, 0.75, 1]).fit(*data)
    # Two epochs of four steps, the first two calls of which end with their part.
    assert sizes == [(8, 8), (12, 12), (12, 12), (16, 16)]
    assert "resizing" not in layer_names(classifier)


@pytest.mark.slow
def test_predictions_are_made_at_the_last_size(fitted, data, sizes):
    X, y = data
    layer = fitted.model_.get_layer("resizing")
    assert (layer.height, layer.width) == (12, 12)
    # What the resizing to half the size leaves out does not matter.
    classifier = plain(progressive_resizing=0.5).fit(X, y)
    assert set(sizes) == {(8, 8)}
    noisy = X.astype(np.float32)
    checkered = np.indices((16, 16)).sum(axis=0) % 2 * 2 - 1
    noisy += 20 * checkered[..., np.newaxis]
    np.testing.assert_allclose(
        classifier.predict_proba(noisy), classifier.predict_proba(X), rtol=1e-3
    )
    sharp = plain(progressive_resizing=1.0).fit(X, y)
    assert abs(sharp.predict_proba(noisy) - sharp.predict_proba(X)).max() > 0.01


@pytest.mark.slow
def test_one_scale_needs_no_global_pooling(sizes, data):
    parameters = {"progressive_resizing": (0.5, 0.5), "global_pooling": False}
    classifier = plain(**parameters).fit(*data)
    assert set(sizes) == {(8, 8)}
    assert classifier.model_.get_layer("flatten").output.shape[1:] == (2 * 2 * 8,)


def test_partial_fit_takes_the_last_size(sizes, data):
    X, y = data
    classifier = full()
    for _ in range(2):
        classifier.partial_fit(X, y, classes=[0, 1])
    assert sizes == [(12, 12)] * 2
    classifier.fit(X, y)
    sizes.clear()
    classifier.partial_fit(X, y)
    assert sizes == [(12, 12)]


def test_a_warm_start_runs_through_the_sizes_again(sizes, data):
    classifier = full(warm_start=True).fit(*data)
    first = list(sizes)
    classifier.fit(*data)
    assert sizes == 2 * first
    assert set(first) == {(8, 8), (12, 12)}


@pytest.mark.slow
def test_going_on_may_change_all_sizes_but_the_last(data, sizes):
    X, y = data
    classifier = plain(warm_start=True, progressive_resizing=0.5).fit(X, y)
    classifier.set_params(progressive_resizing=(0.75, 0.5))
    sizes.clear()
    classifier.fit(X, y)
    assert sizes == [(12, 12), (8, 8)]
    before = classifier.predict_proba(X)
    for train in (classifier.fit, classifier.partial_fit):
        classifier.set_params(progressive_resizing=(0.5, 0.75))
        with pytest.raises(
            ValueError,
            match=r"progressive_resizing was 0\.5 and is 0\.75.*same network",
        ):
            train(X, y)
    np.testing.assert_array_equal(classifier.predict_proba(X), before)


def test_going_on_with_another_network_is_refused(data):
    classifier = plain(epochs=1, warm_start=True, whitening=False).fit(*data)
    classifier.set_params(whitening=True)
    with pytest.raises(ValueError, match="whitening was False and is True"):
        classifier.fit(*data)


SIZES_AND_VIEWS = {
    "epochs": 1,
    "augment": VIEWS,
    "progressive_resizing": (0.5, 0.75),
    "test_time_augmentation": VIEWS,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape",
    [
        (7, 16),
        pytest.param((16, 7), marks=pytest.mark.slow),
        pytest.param((1, 40), marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_small_images_and_tables_are_neither_resized_nor_viewed(shape, sizes):
    X, y = images(40, *shape)
    classifier = plain(**SIZES_AND_VIEWS).fit(X, y)
    assert set(sizes) == {shape}
    assert "resizing" not in layer_names(classifier)
    viewed = classifier.predict_proba(X)
    classifier.set_params(test_time_augmentation=None)
    np.testing.assert_array_equal(classifier.predict_proba(X), viewed)


@pytest.mark.slow
def test_flat_tables_are_neither_resized_nor_viewed(sizes):
    X, y = images(40, 1, 10)
    X = X[:, 0, :, 0].astype(float)
    classifier = plain(**SIZES_AND_VIEWS).fit(X, y)
    assert classifier.image_shape_ == (1, 10, 1)
    assert set(sizes) == {(1, 10)}
    viewed = classifier.decision_function(X)
    classifier.set_params(test_time_augmentation=None)
    np.testing.assert_array_equal(classifier.decision_function(X), viewed)


BAD_SCALES = [0, 0.0, -0.5, 1.01, 2, np.nan, "half", {"a": 1}]
BAD_TUPLES = [(), [], (0.5, 0), (1, 1.5), (0.5, None), ("a",), (0.5, np.nan)]


@pytest.mark.parametrize("value", [*BAD_SCALES, *BAD_TUPLES, [(0.5, 1.0)]], ids=repr)
def test_scales_that_are_none_are_refused(value, untrained, data):
    with pytest.raises(ValueError, match="progressive_resizing") as error:
        full(progressive_resizing=value).fit(*data)
    assert repr(value) in str(error.value)
    if isinstance(value, tuple | list):
        assert r"a number in (0, 1], a tuple of them" in str(error.value)


@pytest.mark.parametrize("classifier", [CIFARCNNClassifier, MNISTCNNClassifier])
def test_several_scales_need_global_pooling(classifier, untrained, data):
    parameters = PLAIN | {"progressive_resizing": (0.5, 1.0), "global_pooling": False}
    with pytest.raises(
        ValueError,
        match=r"progressive_resizing=\(0\.5, 1\.0\) with global_pooling=False, but",
    ):
        classifier(**parameters).fit(*data)


@pytest.mark.parametrize("value", [1, True, np.float32(1), [1.0], (1, 1)], ids=repr)
def test_full_size_is_the_same_as_none(value, data):
    expected = plain().fit(*data).predict_proba(data[0])
    found = plain(progressive_resizing=value).fit(*data).predict_proba(data[0])
    np.testing.assert_array_equal(found, expected)


# ------------------------------------------------------------ test-time augmentation


def by_hand(X):
    """Return the views by name: of the images, and of their mirror images."""
    around = np.pad(X, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    shifts = [around[:, 2:, 2:], around[:, :-2, :-2]]
    return {
        None: [X],
        "flip": [X, X[:, :, ::-1]],
        "shift": [X, *shifts],
        VIEWS: [X, *shifts] + [view[:, :, ::-1] for view in (X, *shifts)],
    }


@pytest.fixture(scope="module")
def of_three_classes():
    X, _ = images(40)
    X, y = X.copy(), np.arange(40) % 3
    X[y == 2, :, 8:] //= 2
    return plain(epochs=3).fit(X, y), X


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64])
@pytest.mark.parametrize("names", ["flip", "shift", VIEWS], ids=str)
def test_logits_are_the_mean_over_the_views(names, dtype, of_three_classes):
    classifier, X = of_three_classes
    X = X.astype(dtype)
    classifier.set_params(test_time_augmentation=None)
    logits = [classifier.decision_function(view) for view in by_hand(X)[names]]
    expected = np.mean(logits, axis=0)
    assert abs(expected - logits[0]).max() > 0.01
    classifier.set_params(test_time_augmentation=names)
    found = classifier.decision_function(X)
    assert found.shape == (40, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    # All predictions follow from them.
    np.testing.assert_allclose(
        classifier.predict_proba(X), softmax(found, axis=1), rtol=1e-6
    )
    np.testing.assert_allclose(
        classifier.predict_log_proba(X), log_softmax(found, axis=1), rtol=1e-6
    )
    np.testing.assert_array_equal(classifier.predict(X), found.argmax(axis=1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("flip", ("flip",)),
        (("flip", "shift"), ["shift", "flip", "flip"]),
        (None, ()),
    ],
    ids=str,
)
def test_forms_of_the_same_views(one, other, of_three_classes):
    classifier, X = of_three_classes
    first = classifier.set_params(test_time_augmentation=one).decision_function(X)
    second = classifier.set_params(test_time_augmentation=other).decision_function(X)
    np.testing.assert_array_equal(first, second)


def test_mirror_images_get_the_same_prediction_with_flips(fitted, data):
    X, _ = data
    classifier = pickle.loads(pickle.dumps(fitted))
    classifier.set_params(test_time_augmentation="flip")
    np.testing.assert_allclose(
        classifier.predict_proba(X[:, :, ::-1]),
        classifier.predict_proba(X),
        rtol=1e-3,
    )
    classifier.set_params(test_time_augmentation=None)
    mirrored = classifier.predict_proba(X[:, :, ::-1])
    assert abs(mirrored - classifier.predict_proba(X)).max() > 0.01


def test_views_change_nothing_that_is_learned(fitted, data):
    X, y = data
    without = full(test_time_augmentation=None).fit(X, y)
    pairs = zip(
        without.keras_classifier_.state_.weights,
        fitted.keras_classifier_.state_.weights,
        strict=True,
    )
    for value, expected in pairs:
        np.testing.assert_array_equal(value, expected)
    without.set_params(test_time_augmentation=VIEWS)
    np.testing.assert_array_equal(without.predict_proba(X), fitted.predict_proba(X))


@pytest.fixture(scope="module")
def on_its_own():
    """Return a classifier with "auto", and images of which some are unsure."""
    X, _ = images(80)
    X, y = X.copy(), np.arange(80) % 3
    X[y == 2, :, 8:] //= 2
    classifier = plain(epochs=3, augment=VIEWS, test_time_augmentation="auto")
    classifier.fit(X[:40], y[:40])
    alone = pickle.loads(pickle.dumps(classifier))
    alone.set_params(test_time_augmentation=None)
    ordered = np.sort(alone.predict_proba(X), axis=1)
    unsure = ordered[:, -1] < SURE * ordered[:, -2]
    assert 10 < unsure.sum() < 70
    return classifier, X, unsure


@pytest.mark.slow
def test_by_default_only_unsure_images_have_further_views(on_its_own):
    classifier, X, unsure = on_its_own
    found = classifier.decision_function(X)
    other = pickle.loads(pickle.dumps(classifier))
    alone = other.set_params(test_time_augmentation=None).decision_function(X)
    mean = other.set_params(test_time_augmentation=VIEWS).decision_function(X)
    np.testing.assert_array_equal(found[~unsure], alone[~unsure])
    np.testing.assert_allclose(found[unsure], mean[unsure], rtol=1e-4, atol=1e-5)
    assert abs(mean - alone).max(axis=1).min() > 1e-3
    np.testing.assert_array_equal(classifier.predict(X), found.argmax(axis=1))


@pytest.mark.slow
def test_further_views_do_not_depend_on_the_other_images(on_its_own):
    classifier, X, _ = on_its_own
    together = classifier.predict_proba(X)
    order = np.random.default_rng(0).permutation(len(X))
    np.testing.assert_array_equal(classifier.predict_proba(X[order]), together[order])
    for n in (2, 3, 16):
        apart = [classifier.predict_proba(X[i : i + n]) for i in range(0, 80, n)]
        np.testing.assert_array_equal(np.concatenate(apart), together)
    alone = [classifier.predict_proba(image[np.newaxis]) for image in X]
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("augment", "expected"),
    [
        (None, None),
        pytest.param("flip", "flip", marks=pytest.mark.slow),
        pytest.param("shift", "shift", marks=pytest.mark.slow),
        pytest.param("affine", "shift", marks=pytest.mark.slow),
        (["shift", "flip"], VIEWS),
    ],
    ids=str,
)
def test_by_default_views_are_those_that_training_saw(augment, expected, monkeypatch):
    monkeypatch.setattr(augment_module, "SURE", np.inf)  # all images are unsure
    X, y = images(40)
    classifier = plain(augment=augment, test_time_augmentation="auto").fit(X, y)
    # It is the last fit that counts, not what `augment` has become since.
    classifier.set_params(augment=("flip", "affine"))
    found = classifier.decision_function(X)
    classifier.set_params(test_time_augmentation=expected)
    np.testing.assert_allclose(
        found, classifier.decision_function(X), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("keep", ["pickle", "file"])
def test_views_chosen_by_default_are_kept(keep, on_its_own, tmp_path):
    classifier, X, _ = on_its_own
    if keep == "pickle":
        again = pickle.loads(pickle.dumps(classifier))
    else:
        skcnn.save(classifier, tmp_path / "file")
        again = skcnn.load(tmp_path / "file")
    assert again.test_time_augmentation == "auto"
    np.testing.assert_array_equal(again.predict_proba(X), classifier.predict_proba(X))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("mirror", "test_time_augmentation"),
        (("auto", "flip"), r"test_time_augmentation=\('auto', 'flip'\), but 'auto' is"),
        (("flip", "zoom"), r"test_time_augmentation=\('flip', 'zoom'\), but 'zoom' is"),
        (["affine"], r"test_time_augmentation=\['affine'\], but 'affine' is none of"),
        ((1,), r"test_time_augmentation=\(1,\), but 1 is none of 'flip', 'shift'"),
        (7, "test_time_augmentation"),
    ],
    ids=repr,
)
def test_unknown_views_are_refused_before_training(value, message, untrained, data):
    with pytest.raises(ValueError, match=message):
        plain(test_time_augmentation=value).fit(*data)


@pytest.mark.parametrize(
    "value",
    ["mirror", ("flip", "zoom"), ["affine"], ("auto",), (1,), 7, False],
    ids=repr,
)
@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_unknown_views_are_refused_in_predictions(value, method, of_three_classes):
    classifier, X = of_three_classes
    classifier = pickle.loads(pickle.dumps(classifier))
    classifier.set_params(test_time_augmentation=value)
    with pytest.raises(ValueError, match="Got test_time_augmentation="):
        getattr(classifier, method)(X)
