"""Starting from another classifier: what is taken over, what stays, what is refused."""

import copy
import pickle
import re
import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import FitFailedWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import estimator_checks_generator

import skcnn
from skcnn import CIFARCNNClassifier, CNNClassifier, MNISTCNNClassifier
from skcnn._estimator import fitting
from skcnn.preprocessing import ImageScaler

SMALL = {
    "kernel_size": 3,
    "dense_units": 8,
    "augment": None,
    "batch_size": 20,
    "epochs": 2,
    "random_state": 0,
}
ALL_LAYERS = [
    "scaling",
    *("convolution_1_1", "normalization_1_1"),
    *("convolution_2_1", "normalization_2_1"),
    "dense_1",
]


def small(**parameters):
    """Return an unfitted classifier of two convolution stages."""
    return MNISTCNNClassifier(**SMALL | parameters)


@pytest.fixture(scope="module")
def source(low):
    return small(filters=(4, 6)).fit(*low)


@pytest.fixture(scope="module")
def frozen(source):
    return FrozenEstimator(source)


@pytest.fixture(scope="module")
def started(frozen, high):
    return small(init_from=frozen).fit(*high)


@pytest.fixture(scope="module")
def stages_kept(frozen, high):
    return small(init_from=frozen, freeze=1).fit(*high)


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
    """Return the weights of a classifier by layer and by name of the variable."""
    from keras.ops import convert_to_numpy

    return {
        layer.name: {each.name: convert_to_numpy(each) for each in layer.weights}
        for layer in classifier.model_.layers
        if layer.weights
    }


def assert_same_values(one, other, layers):
    one, other = values(one), values(other)
    for layer in layers:
        for name, value in one[layer].items():
            np.testing.assert_array_equal(value, other[layer][name], err_msg=layer)


# ----------------------------------------------------------------- what is taken over


@pytest.mark.slow
@pytest.mark.any_backend
@pytest.mark.usefixtures("no_training")
def test_training_begins_with_the_layers_of_the_other_classifier(source, frozen, high):
    clf = small(init_from=frozen).fit(*high)
    assert clf.initialized_layers_ == ALL_LAYERS
    assert_same_values(source, clf, ALL_LAYERS)
    assert values(clf)["logits"]["kernel"].shape == (8, 3)


@pytest.mark.usefixtures("no_training")
def test_the_logits_layer_is_new_even_for_the_same_classes(source, frozen, low):
    clf = small(init_from=frozen, random_state=1).fit(*low)
    assert_same_values(source, clf, ALL_LAYERS)
    one, other = (values(each)["logits"]["kernel"] for each in (source, clf))
    assert one.shape == other.shape and (one != other).all()


@pytest.mark.usefixtures("no_training")
def test_without_a_classifier_to_start_from_no_layer_is_taken_over(high):
    assert small(filters=4).fit(*high).initialized_layers_ == []


@pytest.mark.any_backend
def test_training_changes_all_layers_but_those_that_are_frozen(
    source, started, stages_kept
):
    kept = ALL_LAYERS[:3]
    assert_same_values(source, stages_kept, kept)
    for clf, layers in ((started, ALL_LAYERS[1:]), (stages_kept, ALL_LAYERS[3:])):
        for layer in layers:
            for name, value in values(clf)[layer].items():
                assert (value != values(source)[layer][name]).any(), (layer, name)


def test_a_classifier_that_is_started_from_stays_as_it_was(source, frozen, high):
    before = copy.deepcopy(source._learned())
    parameters = source.get_params()
    small(init_from=frozen, freeze=2).fit(*high)
    assert source.get_params() == parameters
    for one, other in zip(before["weights"], source._learned()["weights"], strict=True):
        np.testing.assert_array_equal(one, other)


def test_frozen_stages_have_no_gradients_and_no_slots_of_the_optimizer(
    started, stages_kept
):
    free, kept = started.model_, stages_kept.model_
    assert len(free.trainable_variables) == len(kept.trainable_variables) + 2
    n_slots = [
        len(each.keras_classifier_.state_.slots) for each in (started, stages_kept)
    ]
    assert n_slots[1] < n_slots[0]


@pytest.mark.parametrize(
    "optimizer",
    [
        "muon",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("adam", "sgd")),
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("adamw", "lamb")),
    ],
)
def test_every_optimizer_leaves_frozen_stages_alone(optimizer, source, frozen, high):
    clf = small(init_from=frozen, freeze=2, epochs=1, optimizer=optimizer).fit(*high)
    assert_same_values(source, clf, ALL_LAYERS[:5])
    kernels = [values(each)["dense_1"]["kernel"] for each in (source, clf)]
    assert (kernels[0] != kernels[1]).any()


def test_weight_decay_leaves_frozen_stages_alone(source, frozen, high):
    import keras

    optimizer = keras.optimizers.AdamW(0.01, weight_decay=0.5)
    clf = small(init_from=frozen, freeze=2, epochs=1, optimizer=optimizer).fit(*high)
    assert_same_values(source, clf, ALL_LAYERS[:5])


@pytest.mark.any_backend
@pytest.mark.parametrize(
    "dtype", [pytest.param("float64", marks=pytest.mark.slow), "mixed_bfloat16"]
)
def test_the_other_classifier_may_have_another_dtype(dtype, source, frozen, high):
    clf = small(init_from=frozen, freeze=1, dtype=dtype, epochs=1).fit(*high)
    assert clf.initialized_layers_ == ALL_LAYERS
    kernel = values(clf)["convolution_1_1"]["kernel"]
    assert kernel.dtype == ("float64" if dtype == "float64" else "float32")
    np.testing.assert_array_equal(kernel, values(source)["convolution_1_1"]["kernel"])
    assert np.isfinite(clf.predict_proba(high[0])).all()


def test_a_photograph_classifier_hands_on_its_whitening(digits, no_training):
    X, y = digits[0][:80], digits[1][:80]
    X = np.stack([X, X // 2, 15 - X], axis=-1)
    parameters = {"filters": (4, 4), "epochs": 1, "augment": None, "random_state": 0}
    source = CIFARCNNClassifier(**parameters).fit(X, y)
    clf = CIFARCNNClassifier(
        **parameters | {"filters": "auto"}, init_from=FrozenEstimator(source)
    ).fit(X[::2, :, ::-1] // 2, y[::2] % 2)
    assert clf.initialized_layers_[:3] == ["scaling", "whitening", "convolution_1_1"]
    assert_same_values(source, clf, clf.initialized_layers_)


# -------------------------------------------------------------------------- the source


def test_the_path_of_a_saved_classifier_gives_the_same_fit(
    source, started, high, tmp_path
):
    path = tmp_path / "low.skcnn"
    skcnn.save(source, path)
    for given in (path, str(path)):
        clf = small(init_from=given).fit(*high)
        assert clone(clf).init_from == given
        assert clf.initialized_layers_ == ALL_LAYERS
        expected = started.predict_proba(high[0])
        np.testing.assert_array_equal(clf.predict_proba(high[0]), expected)


@pytest.mark.usefixtures("no_training")
def test_a_pipeline_stands_for_its_last_step(source, low, high, tmp_path):
    pipeline = make_pipeline(ImageScaler(), clone(source)).fit(*low)
    skcnn.save(pipeline, tmp_path / "pipeline.skcnn")
    for given in (FrozenEstimator(pipeline), tmp_path / "pipeline.skcnn"):
        whole = make_pipeline(ImageScaler(), small(init_from=given, epochs=1))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            whole.fit(*high)
        assert whole[-1].initialized_layers_ == ALL_LAYERS


def test_a_frozen_step_of_a_pipeline_is_found(source, high, no_training):
    given = FrozenEstimator(make_pipeline(FrozenEstimator(source)))
    assert small(init_from=given).fit(*high).initialized_layers_ == ALL_LAYERS


def test_pixels_of_another_range_than_the_other_classifier_saw_give_a_warning(
    frozen, high, no_training
):
    expected = (
        "Compared with the images of init_from: X holds float64 pixels from 0 to 1, "
        "but those seen in fit were uint8 from 0 to 16"
    )
    with pytest.warns(UserWarning, match=expected):
        small(init_from=frozen).fit(high[0] / 16, high[1])


# ------------------------------------------------------- other sizes, other parameters


@pytest.mark.usefixtures("no_training")
def test_filters_auto_follow_the_other_classifier(frozen, high):
    clf = small(init_from=frozen).fit(*high)
    assert clf.auto_params_["filters"] == (4, 6)
    assert clf.filters == "auto"


@pytest.mark.parametrize(("side", "n_layers"), [(9, 6), (16, 5)])
@pytest.mark.usefixtures("no_training")
def test_images_of_another_size_start_with_the_convolutions(
    side, n_layers, frozen, high
):
    X = np.zeros((len(high[0]), side, side), np.uint8)
    X[:, :8, :8] = high[0]
    clf = small(init_from=frozen).fit(X, high[1])
    # 8 and 9 pixels are one pixel after both stages, and 16 are more.
    assert clf.initialized_layers_ == ALL_LAYERS[:n_layers]


@pytest.mark.slow
@pytest.mark.any_backend
def test_with_global_pooling_all_layers_fit_images_of_another_size(low, high):
    parameters = {"global_pooling": True, "filters": (4, 6)}
    source = small(**parameters).fit(*low)
    X = np.repeat(np.repeat(high[0], 2, axis=1), 2, axis=2)
    clf = small(**parameters, init_from=FrozenEstimator(source), freeze=1).fit(
        X, high[1]
    )
    assert clf.initialized_layers_ == ALL_LAYERS
    assert clf.predict(X).shape == (len(X),)


def test_layers_after_the_first_that_does_not_fit_start_anew(frozen, high, no_training):
    clf = small(init_from=frozen, filters=(4, 7)).fit(*high)
    assert clf.initialized_layers_ == ALL_LAYERS[:3]


@pytest.mark.usefixtures("no_training")
def test_a_warning_says_what_is_taken_over_if_it_is_less_than_half(frozen, high):
    expected = (
        "init_from fits in part: 3 of 8 layers are taken over, up to "
        "normalization_1_1. All others start at random, since the kernel of "
        "convolution_2_1 has shape (3, 3, 4, 6) in init_from, but (3, 3, 4, 7) is "
        "needed. "
        "The networks differ: filters is (4, 7, 3) here and (4, 6) there and "
        "kernel_size is (3, 3, 3) here and (3, 3) there."
    )
    with pytest.warns(UserWarning, match=re.escape(expected)):
        small(init_from=frozen, filters=(4, 7, 3), padding="valid").fit(*high)


# ------------------------------------------------------------------------------ refused


def assert_refused(error, message, data, **parameters):
    with pytest.raises(error, match=message):
        small(**parameters).fit(*data)


@pytest.mark.parametrize("value", [3, b"low.skcnn", [], LogisticRegression(), small])
def test_what_is_neither_frozen_nor_a_path_is_refused(value, high):
    expected = "Got init_from=.*, but expected a sklearn.frozen.FrozenEstimator around"
    assert_refused(TypeError, expected, high, init_from=value)


def test_a_classifier_that_is_not_frozen_is_refused_with_what_to_write(source, high):
    expected = r"(?s)would hand on .* Write init_from=FrozenEstimator\(classifier\)"
    assert_refused(TypeError, expected, high, init_from=source)


def test_a_frozen_estimator_of_another_kind_is_refused(digits, high):
    X, y = digits
    other = LogisticRegression(max_iter=999).fit(X[:50].reshape(50, -1), y[:50])
    expected = r"(?s)which holds LogisticRegression\(max_iter=999\), but expected"
    for given in (other, make_pipeline(ImageScaler(), other)):
        assert_refused(TypeError, expected, high, init_from=FrozenEstimator(given))


def test_a_classifier_that_is_not_fitted_is_refused(high):
    expected = "(?s)this MNISTCNNClassifier is not fitted and has learned nothing"
    assert_refused(ValueError, expected, high, init_from=FrozenEstimator(small()))


def test_a_file_that_is_missing_or_no_model_is_refused(high, tmp_path):
    expected = "Got init_from='.*', but this file cannot be read: .*"
    path = tmp_path / "low.skcnn"
    assert_refused(FileNotFoundError, expected, high, init_from=path)
    path.write_bytes(b"something else")
    expected += "is not a file written by skcnn.save"
    assert_refused(ValueError, expected, high, init_from=str(path))


def test_a_forged_file_is_refused_as_load_refuses_it(source, high, tmp_path):
    path = tmp_path / "low.skcnn"
    skcnn.save(source, path)
    forged = path.read_bytes().replace(
        b'"MNISTCNNClassifier"', b'"os.systemCNNClassif"'
    )
    path.write_bytes(forged)
    assert_refused(ValueError, "cannot be read: .* is damaged", high, init_from=path)


def test_a_network_of_which_no_layer_fits_is_refused_with_what_differs(frozen, high):
    expected = re.escape(
        "Got init_from, but none of its trained layers fits: the kernel of "
        "convolution_1_1 has shape (3, 3, 1, 4) in init_from, but (5, 5, 1, 8) is "
        "needed. "
        "The networks differ: filters is (8,) here and (4, 6) there, kernel_size is "
        "(5,) here and (3, 3) there and padding is 'same' here and 'valid' there. Set "
        "the parameters of the network as they were in init_from, or set "
        "init_from=None."
    )
    changed = {"filters": 8, "kernel_size": 5, "padding": "same"}
    assert_refused(ValueError, expected, high, init_from=frozen, **changed)


@pytest.mark.usefixtures("no_training")
def test_images_of_other_channels_are_refused_with_what_to_write(frozen, low, high):
    X, y = high
    color = np.stack([X, X, X], axis=-1)
    expected = (
        r"X has images of 3 channels, but init_from was fitted on images of 1 channel"
        r".* X.mean\(axis=-1\).astype\(X.dtype\), or set init_from=None"
    )
    assert_refused(ValueError, expected, (color, y), init_from=frozen)
    source = small(filters=4).fit(np.stack([low[0]] * 3, axis=-1), low[1])
    expected = r"images of 1 channel, but .* 3 channels.* np.stack\(\[X, X, X\], axis=-"
    assert_refused(ValueError, expected, high, init_from=FrozenEstimator(source))


def test_stages_that_are_not_all_taken_over_cannot_be_frozen(frozen, high):
    expected = (
        "Got freeze=2, but these stages are not all in init_from: the kernel .* "
        r"has shape \(3, 3, 4, 6\) in init_from, but .* needed.* or lower freeze"
    )
    changed = {"filters": (4, 7), "freeze": 2}
    assert_refused(ValueError, expected, high, init_from=frozen, **changed)


def test_more_frozen_stages_than_the_network_has_are_refused(frozen, high):
    expected = "Got freeze=3, but the network has 2 convolution stages. Lower freeze"
    assert_refused(ValueError, expected, high, init_from=frozen, freeze=3)


# --------------------------------------------------------- what goes with an estimator


@pytest.mark.any_backend
def test_a_clone_a_pickle_and_a_deep_copy_start_in_the_same_way(stages_kept, high):
    expected = stages_kept.predict_proba(high[0])
    for copied in (
        clone(stages_kept).fit(*high),
        clone(pickle.loads(pickle.dumps(stages_kept))).fit(*high),
        pickle.loads(pickle.dumps(stages_kept)),
        copy.deepcopy(stages_kept),
    ):
        np.testing.assert_array_equal(copied.predict_proba(high[0]), expected)
        assert copied.initialized_layers_ == ALL_LAYERS
        assert copied.freeze == 1


@pytest.mark.filterwarnings("ignore:One or more of the test scores")
def test_a_search_finds_both_parameters(frozen, high):
    grid = {"init_from": [None, frozen], "freeze": [0, 1]}
    search = GridSearchCV(small(filters=(4, 6), epochs=1), grid, cv=2)
    with pytest.warns(FitFailedWarning, match="freeze=1 without init_from"):
        search.fit(*high)
    assert np.isnan(search.cv_results_["mean_test_score"]).sum() == 1
    search = GridSearchCV(small(init_from=frozen, epochs=1), {"freeze": [0, 2]}, cv=2)
    assert search.fit(*high).best_estimator_.initialized_layers_ == ALL_LAYERS


def test_parameters_can_be_read_set_and_shown(frozen, source):
    clf = small(init_from=frozen)
    assert clf.get_params()["init_from__estimator"] is source
    assert "init_from=FrozenEstimator(estimator=MNISTCNNClassifier(" in repr(clf)
    assert clf.set_params(init_from=None).init_from is None


def test_a_saved_classifier_goes_on_without_what_it_started_from(
    stages_kept, high, tmp_path
):
    path = tmp_path / "high.skcnn"
    with pytest.warns(UserWarning, match="init_from is not saved"):
        skcnn.save(stages_kept, path)
    loaded = skcnn.load(path)
    assert (loaded.init_from, loaded.freeze) == (None, 1)
    assert loaded.initialized_layers_ == ALL_LAYERS
    goes_on = copy.deepcopy(stages_kept)
    for clf in (loaded, goes_on):
        clf.partial_fit(*high)
    expected = goes_on.predict_proba(high[0])
    np.testing.assert_array_equal(loaded.predict_proba(high[0]), expected)
    with pytest.raises(ValueError, match="freeze=1 without init_from"):
        loaded.fit(*high)


def test_only_the_first_fit_starts_from_the_other_classifier(frozen, source, high):
    clf = small(init_from=frozen, freeze=1, warm_start=True, epochs=1).fit(*high)
    once = values(clf)["dense_1"]["kernel"]
    clf.set_params(init_from="not there").fit(*high)
    assert clf.n_iter_ == 2
    assert_same_values(source, clf, ALL_LAYERS[:3])
    assert clf.initialized_layers_ == ALL_LAYERS
    assert (values(clf)["dense_1"]["kernel"] != once).any()
    with pytest.raises(ValueError, match=r"^freeze was 1 and is 0: warm_start"):
        clf.set_params(freeze=0).fit(*high)


def test_partial_fit_starts_from_the_other_classifier(frozen, source, high):
    clf = small(init_from=frozen, freeze=2)
    clf.partial_fit(*high, classes=["five", "six", "seven", "eight"])
    assert clf.initialized_layers_ == ALL_LAYERS
    clf.partial_fit(*high)
    assert_same_values(source, clf, ALL_LAYERS[:5])


def test_early_stopping_and_callbacks_work_with_frozen_stages(frozen, source, high):
    import keras

    seen = []
    note = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(sorted(logs))
    )
    clf = small(init_from=frozen, freeze=1, early_stopping=True, callbacks=note)
    clf.fit(*high, groups=np.arange(len(high[0])) // 2)
    assert_same_values(source, clf, ALL_LAYERS[:3])
    assert len(seen) == 2 and "val_accuracy" in seen[0]


# -------------------------------------------------------------------------- checkpoints


def interrupt_after_the_first_epoch(monkeypatch):
    from skcnn._training.checkpoint import Checkpoint

    keep = Checkpoint.keep

    def keep_and_stop(self, state):
        keep(self, state)
        raise RuntimeError("killed")

    monkeypatch.setattr(Checkpoint, "keep", keep_and_stop)


def test_a_checkpoint_goes_on_with_the_same_source_and_no_other(
    frozen, source, low, stages_kept, high, tmp_path, monkeypatch
):
    path, clf = tmp_path / "checkpoint", small(init_from=frozen, freeze=1)
    with monkeypatch.context() as patch:
        interrupt_after_the_first_epoch(patch)
        with pytest.raises(RuntimeError, match="killed"):
            clf.fit(*high, checkpoint=path)
    other = FrozenEstimator(small(filters=(4, 6), random_state=1).fit(*low))
    for changed in ({"init_from": other}, {"freeze": 0}):
        with pytest.raises(ValueError, match="checkpoint of a fit with other param"):
            clone(clf).set_params(**changed).fit(*high, checkpoint=path)
    # A file of the same classifier is the same source.
    skcnn.save(source, tmp_path / "low.skcnn")
    clf.set_params(init_from=tmp_path / "low.skcnn").fit(*high, checkpoint=path)
    expected = stages_kept.predict_proba(high[0])
    np.testing.assert_array_equal(clf.predict_proba(high[0]), expected)
    assert clf.initialized_layers_ == ALL_LAYERS


# ---------------------------------------------------------------- scikit-learn's checks

# Without neighbors, so that tables of any width fit.
OF_TABLES = {"kernel_size": 1, "pool_size": 1, "filters": (8, 8)}


class NetworkOfTables(BaseEstimator):
    """A network of a user's, whose first layers fit tables of any width."""

    def build(self, image_shape, n_classes):
        from keras import layers

        return [
            layers.Conv2D(8, 1, activation="relu"),
            layers.BatchNormalization(momentum=0.6),
            layers.Flatten(),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.1),
            layers.Dense(n_classes, activation="softmax"),
        ]


OF_A_USER = {"network": NetworkOfTables(), "learning_rate": 0.02, "epochs": 20}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "kind, parameters",
    [(MNISTCNNClassifier, OF_TABLES), (CNNClassifier, OF_A_USER)],
)
def test_scikit_learn_checks_pass_with_a_start(kind, parameters):
    def started(n_columns):
        X = np.random.RandomState(0).normal(size=(60, n_columns))
        source = kind(**parameters, random_state=0).set_params(epochs=1)
        source.fit(X, X[:, 0] > 0)
        return kind(init_from=FrozenEstimator(source), **parameters)

    gray, color = started(4), started(3)  # a row of three values is a color pixel
    checks = list(estimator_checks_generator(gray))
    for estimator, check in checks:
        try:
            check(estimator)
        except ValueError as error:
            if "so its first layers do not fit" not in str(error):
                raise
            check(color)
    assert len(checks) > 50
