"""Stopping, weighting, continuing and watching a training run."""

from functools import partial

import numpy as np
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.utils.class_weight import compute_sample_weight
from tiny import tiny_classifier

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.preprocessing import ImageScaler

tiny = partial(tiny_classifier, batch_size="auto")

TOO_SMALL_TO_MOVE = 1e-30  # a learning rate that changes no float32 weight

# Nor do statistics of batches move, or kernels to another norm.
STANDING_STILL = {
    "learning_rate": TOO_SMALL_TO_MOVE,
    "optimizer": "adam",
    "batch_normalization": False,
}


@pytest.fixture(scope="module")
def data(digits):
    """80 images to learn from: more than one batch."""
    images, labels = digits
    return images[:80], labels[:80]


@pytest.fixture(scope="module")
def one_batch(digits):
    """20 images of two classes, with strings for labels: a single step an epoch."""
    images, labels = digits
    return images[:20], np.where(labels[:20] % 2, "odd", "even")


@pytest.fixture(scope="module")
def validation(digits):
    images, labels = digits
    return {"X_val": images[200:260], "y_val": labels[200:260]}


@pytest.fixture(scope="module")
def misleading(data):
    """Validation labels that are all wrong: who learns more scores lower."""
    X, y = data
    return {"X_val": X, "y_val": (y + 1) % 10}


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


@pytest.fixture
def recorder(keras):
    """Make Keras callbacks that write what they see into a list of this test."""
    seen = []

    class Recorder(keras.callbacks.Callback):
        def __init__(self, hook, read):
            super().__init__()

            def call(self, number=None, logs=None):
                seen.append(read(self, number, logs))

            setattr(type(self), hook, call)

        def __deepcopy__(self, memo):
            return self

    def make(hook, read):
        return type("Recorder", (Recorder,), {})(hook, read), seen

    return make


def probabilities(classifier, X, y, **fit_params):
    return classifier.fit(X, y, **fit_params).predict_proba(X)


def rates_seen(recorder, data, **params):
    """Return the learning rate at the beginning of each epoch."""
    callback, seen = recorder(
        "on_epoch_begin",
        lambda self, epoch, logs: float(self.model.optimizer.learning_rate),
    )
    params["callbacks"] = [*params.get("callbacks", []), callback]
    tiny(learning_rate=0.01, **params).fit(*data)
    return seen


# Early stopping


def test_best_weights_are_back_after_early_stopping(data, misleading):
    classifier = tiny(
        early_stopping=True, n_iter_no_change=3, epochs=40, learning_rate=0.01
    )
    classifier.fit(*data, **misleading)
    scores = classifier.validation_scores_
    assert scores[-1] < max(scores)
    assert classifier.best_validation_score_ == max(scores)
    score = classifier.score(misleading["X_val"], misleading["y_val"])
    assert score == classifier.best_validation_score_


def test_weights_of_the_last_epoch_stay_without_early_stopping(data, misleading):
    classifier = tiny(epochs=15).fit(*data, **misleading)
    assert classifier.n_iter_ == 15
    scores = classifier.validation_scores_
    assert scores[-1] < max(scores) == classifier.best_validation_score_
    score = classifier.score(misleading["X_val"], misleading["y_val"])
    assert score == scores[-1]


@pytest.mark.parametrize("n_iter_no_change", [1, 4])
def test_stops_after_as_many_epochs_as_mlp_classifier(data, n_iter_no_change):
    X, y = data
    # No epoch but the first can improve the accuracy by two.
    rule = {"early_stopping": True, "validation_fraction": 0.25, "tol": 2}
    rule["n_iter_no_change"] = n_iter_no_change
    expected = MLPClassifier(2, max_iter=50, **rule).fit(X.reshape(80, -1), y).n_iter_
    assert tiny(epochs=50, **rule).fit(X, y).n_iter_ == expected


@pytest.mark.slow
@pytest.mark.parametrize(("tol", "stops"), [(0, False), (1e-4, True)])
def test_a_score_that_stays_counts_as_improved_only_with_tol_0(data, tol, stops):
    classifier = tiny(
        **STANDING_STILL,
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=1,
        tol=tol,
        epochs=6,
    ).fit(*data)
    assert len(set(classifier.validation_scores_)) == 1
    assert classifier.n_iter_ == (3 if stops else 6)


def test_without_early_stopping_tol_stops_nothing(data, validation):
    classifier = tiny(
        learning_rate=TOO_SMALL_TO_MOVE, n_iter_no_change=1, tol=2, epochs=6
    )
    assert classifier.fit(*data, **validation).n_iter_ == 6


@pytest.mark.parametrize("seed", range(5))
def test_hold_out_is_stratified(seed):
    # All images are blank, so every one of them is taken for the most frequent class.
    X, y = np.zeros((100, 8, 8), np.uint8), np.repeat([0, 1, 2], [70, 20, 10])
    classifier = tiny(
        early_stopping=True, validation_fraction=0.2, epochs=4, random_state=seed
    ).fit(X, y)
    assert classifier.predict(X[:1]) == 0
    assert classifier.best_validation_score_ == pytest.approx(14 / 20)


def test_hold_out_is_not_trained_on(data):
    X, y = data
    classifier = tiny(early_stopping=True, validation_fraction=0.5, batch_size=1)
    steps = classifier.fit(X, y).keras_classifier_.state_.slots[0]
    assert steps == 2 * 40


def test_validation_images_replace_the_hold_out(data, validation):
    classifier = tiny(early_stopping=True, batch_size=1).fit(*data, **validation)
    assert classifier.keras_classifier_.state_.slots[0] == 2 * 80


# Validation images


def test_validation_curves_are_those_of_the_validation_images(data, validation):
    weights = np.linspace(0, 2, 60)
    classifier = tiny().fit(*data, **validation, sample_weight_val=weights)
    X_val, y_val = validation.values()
    assert len(classifier.validation_scores_) == 2
    assert classifier.validation_scores_[-1] == pytest.approx(
        accuracy_score(y_val, classifier.predict(X_val), sample_weight=weights)
    )
    assert classifier.validation_loss_curve_[-1] == pytest.approx(
        log_loss(y_val, classifier.predict_proba(X_val), sample_weight=weights),
        rel=1e-5,
    )


def test_validation_images_pass_through_a_pipeline(data, validation):
    scaler = ImageScaler(mode="standard")
    net = tiny(early_stopping=True, epochs=4)
    with config_context(enable_metadata_routing=True):
        pipeline = Pipeline(
            [
                ("scale", scaler),
                ("net", clone(net).set_fit_request(X_val=True, y_val=True)),
            ],
            transform_input=["X_val"],
        )
        pipeline.fit(*data, **validation)
    X, y = data
    X_val, y_val = validation.values()
    net.fit(scaler.fit_transform(X), y, X_val=scaler.transform(X_val), y_val=y_val)
    assert pipeline[-1].validation_scores_ == net.validation_scores_
    assert pipeline.score(X_val, y_val) == net.best_validation_score_


@pytest.mark.parametrize("missing", ["X_val", "y_val"])
def test_validation_images_without_labels_are_refused(data, validation, missing):
    given = {name: value for name, value in validation.items() if name != missing}
    with pytest.raises(ValueError, match=f"given without {missing}"):
        tiny().fit(*data, **given)


def test_an_unknown_validation_label_is_refused(data, validation):
    with pytest.raises(ValueError, match=r"y_val holds the labels \[77\]"):
        tiny().fit(*data, X_val=validation["X_val"][:1], y_val=[77])


# Weights


@pytest.mark.parametrize(
    "class_weight", [{"even": 3.0, "odd": 0.5}, {"odd": 2.0}, "balanced"], ids=str
)
def test_class_weight_equals_a_sample_weight(one_batch, class_weight):
    X, y = one_batch
    X, y = X[:-5], y[:-5]  # 8 even, 7 odd
    by_class = tiny(class_weight=class_weight)
    expected = compute_sample_weight(class_weight, y)
    result = probabilities(by_class, X, y)
    np.testing.assert_allclose(
        result, probabilities(tiny(), X, y, sample_weight=expected), rtol=1e-5
    )
    assert not np.allclose(result, probabilities(tiny(), X, y), rtol=1e-5)


def test_class_weight_multiplies_sample_weight(one_batch):
    X, y = one_batch
    weights = np.linspace(0.5, 1.5, len(X))
    both = tiny(class_weight={"even": 3, "odd": 1})
    product = weights * np.where(y == "even", 3, 1)
    np.testing.assert_array_equal(
        probabilities(both, X, y, sample_weight=weights),
        probabilities(tiny(), X, y, sample_weight=product),
    )


def test_weight_zero_is_absence_to_the_bit(one_batch):
    X, y = one_batch
    weights = np.ones(len(X))
    weights[::3] = 0
    weighted = tiny().fit(X, y, sample_weight=weights)
    absent = tiny().fit(X[weights > 0], y[weights > 0])
    assert np.array_equal(weighted.predict_proba(X), absent.predict_proba(X))
    assert weighted.loss_curve_ == absent.loss_curve_


def test_weight_two_is_repetition_to_the_bit(one_batch):
    X, y = one_batch
    weights = np.ones(len(X))
    weights[:10] = 2
    weighted = tiny().fit(X, y, sample_weight=weights)
    repeated = tiny().fit(np.concatenate([X, X[:10]]), np.concatenate([y, y[:10]]))
    assert np.array_equal(weighted.predict_proba(X), repeated.predict_proba(X))
    assert weighted.loss_curve_ == repeated.loss_curve_


@pytest.mark.parametrize("factor", [0.01, 1000])
def test_the_scale_of_weights_does_not_matter(data, factor):
    X, y = data
    weights = np.linspace(0, 2, len(X))
    np.testing.assert_allclose(
        probabilities(tiny(), X, y, sample_weight=weights * factor),
        probabilities(tiny(), X, y, sample_weight=weights),
        rtol=1e-4,
    )


# Going on


def test_warm_start_goes_on(data):
    classifier = tiny(warm_start=True).fit(*data)
    first = list(classifier.loss_curve_)
    classifier.set_params(epochs=8).fit(*data)
    assert classifier.n_iter_ == len(classifier.loss_curve_) == 10
    assert classifier.loss_curve_[:2] == first
    assert max(classifier.loss_curve_[2:]) < first[0]


def test_without_warm_start_fit_starts_anew(data):
    classifier = tiny().fit(*data)
    first = classifier.loss_curve_
    assert classifier.fit(*data).loss_curve_ == first


@pytest.mark.parametrize(
    "change",
    [{"learning_rate": 0.1}, {"dropout": 0.5}, {"batch_size": 7}],
    ids=lambda change: next(iter(change)),
)
def test_warm_start_takes_changed_settings(data, change):
    X, y = data
    unchanged, changed = (tiny(warm_start=True).fit(X, y) for _ in range(2))
    changed.set_params(**change).fit(X, y)
    assert not np.array_equal(changed.predict_proba(X), probabilities(unchanged, X, y))


def test_warm_start_heeds_a_tiny_learning_rate(data):
    X, y = data
    classifier = tiny(**STANDING_STILL | {"learning_rate": 0.01}, warm_start=True)
    before = classifier.fit(X, y).predict_proba(X)
    classifier.set_params(**STANDING_STILL)
    assert np.array_equal(probabilities(classifier, X, y), before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filters": 5}, "filters was"),
        ({"dense_units": 9}, "dense_units was"),
        ({"optimizer": "sgd"}, "optimizer is another one"),
        ({"augment": "flip"}, "augment was"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_warm_start_refuses_another_network(data, change, message):
    classifier = tiny(warm_start=True).fit(*data)
    with pytest.raises(ValueError, match=message):
        classifier.set_params(**change).fit(*data)


def test_warm_start_refuses_new_labels(data):
    X, y = data
    classifier = tiny(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match=r"\[10\]"):
        classifier.fit(X, np.where(y == 0, 10, y))


def test_warm_start_with_early_stopping_keeps_the_best_of_all_epochs(data):
    X, y = data
    classifier = tiny(warm_start=True, early_stopping=True, epochs=15)
    classifier.fit(X, y, X_val=X, y_val=y)
    best = classifier.best_validation_score_
    assert best > 0.3
    # A rate that destroys what was learned, and yet no divergence.
    classifier.set_params(learning_rate=5.0, epochs=2).fit(X, y, X_val=X, y_val=y)
    assert max(classifier.validation_scores_[15:]) < best
    assert classifier.best_validation_score_ == best
    assert classifier.score(X, y) == best


@pytest.mark.parametrize("calls", [1, 3])
def test_partial_fit_is_one_epoch_at_a_constant_rate(data, calls):
    X, y = data
    stepwise = tiny()
    for call in range(calls):
        stepwise.partial_fit(X, y, classes=np.unique(y))
        assert stepwise.n_iter_ == len(stepwise.loss_curve_) == call + 1
    whole = tiny(epochs=calls, learning_rate_schedule="constant").fit(X, y)
    assert stepwise.loss_curve_ == whole.loss_curve_
    assert np.array_equal(stepwise.predict_proba(X), whole.predict_proba(X))


def test_partial_fit_takes_batches_of_one_class(one_batch):
    X, y = one_batch
    classifier = tiny()
    for label in ("odd", "even"):
        rows = y == label
        classifier.partial_fit(X[rows], y[rows], classes=["odd", "even"])
    assert classifier.classes_.tolist() == ["even", "odd"]
    assert classifier.predict_proba(X).shape == (20, 2)


def test_partial_fit_goes_on_from_fit(data):
    classifier = tiny(epochs=4).fit(*data)
    classifier.partial_fit(*data)
    assert classifier.n_iter_ == 5
    assert classifier.loss_curve_[-1] < classifier.loss_curve_[0]


def test_partial_fit_weighs(one_batch):
    X, y = one_batch
    weights = np.where(y == "odd", 0, 1)
    classifier = tiny(learning_rate=0.1)
    for _ in range(5):
        classifier.partial_fit(X, y, weights, classes=["even", "odd"])
    assert set(classifier.predict(X)) == {"even"}


def test_partial_fit_refuses_what_does_not_fit(one_batch):
    X, y = one_batch
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        tiny().partial_fit(X, y)
    with pytest.raises(ValueError, match=r"\['odd'\], which are not among the classes"):
        tiny().partial_fit(X, y, classes=["even", "neither"])
    with pytest.raises(ValueError, match="early_stopping"):
        tiny(early_stopping=True).partial_fit(X, y, classes=["even", "odd"])
    classifier = tiny().partial_fit(X, y, classes=["even", "odd"])
    before = classifier.predict_proba(X)
    with pytest.raises(ValueError, match="an earlier call to fit or partial_fit had"):
        classifier.partial_fit(X, y, classes=["even", "odd", "neither"])
    assert np.array_equal(classifier.predict_proba(X), before)


# Keras callbacks


def test_keras_early_stopping_stops(data, keras):
    callback = keras.callbacks.EarlyStopping(monitor="loss", min_delta=100, patience=2)
    classifier = tiny(callbacks=callback, epochs=20)
    # The first epoch counts as an improvement, the next two do not.
    assert classifier.fit(*data).n_iter_ == 3
    # The copy of the second fit has not waited yet.
    assert classifier.fit(*data).n_iter_ == 3


def test_keras_early_stopping_restores_the_best_weights(data, misleading, keras):
    callback = keras.callbacks.EarlyStopping(
        monitor="val_accuracy", mode="max", patience=3, restore_best_weights=True
    )
    classifier = tiny(callbacks=[callback], epochs=20).fit(*data, **misleading)
    scores = classifier.validation_scores_
    assert scores[-1] < max(scores)
    score = classifier.score(misleading["X_val"], misleading["y_val"])
    assert score == max(scores)


def test_learning_rate_scheduler_sets_the_rate(data, keras):
    callback = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.003)
    setting = {"learning_rate_schedule": "constant", "epochs": 3}
    scheduled = tiny(callbacks=callback, **setting).fit(*data)
    direct = tiny(learning_rate=0.003, **setting).fit(*data)
    np.testing.assert_allclose(scheduled.loss_curve_, direct.loss_curve_, rtol=1e-4)
    plain = tiny(**setting).fit(*data)
    assert not np.allclose(scheduled.loss_curve_, plain.loss_curve_, rtol=1e-2)


def test_learning_rate_scheduler_may_start_from_zero(data, keras):
    callback = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.02 * epoch)
    classifier = tiny(
        callbacks=callback,
        **STANDING_STILL | {"learning_rate": 0.01},
        learning_rate_schedule="constant",
        batch_size=80,
        shuffle=False,
        epochs=4,
    )
    curve = classifier.fit(*data).loss_curve_
    # The loss is that before the step: the first one changes nothing.
    assert curve[0] == curve[1] > curve[2] > curve[3]


def test_reduce_lr_on_plateau_reduces_the_rate(data, keras, recorder):
    callback = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", min_delta=100, patience=1, factor=0.1
    )
    rates = rates_seen(
        recorder,
        data,
        callbacks=[callback],
        learning_rate_schedule="constant",
        epochs=4,
    )
    np.testing.assert_allclose(rates, [1e-2, 1e-2, 1e-3, 1e-4], rtol=1e-5)


def test_terminate_on_nan_ends_the_epoch_in_which_training_diverges(data, recorder):
    import keras

    counter, batches = recorder("on_train_batch_end", lambda self, n, logs: n)
    callbacks = [keras.callbacks.TerminateOnNaN(), counter]
    settings = {"optimizer": "sgd", "learning_rate": 1e30, "shuffle": False}
    for given in ([counter], callbacks):
        with pytest.raises(ValueError, match="diverged in epoch 1: the loss is nan"):
            tiny(callbacks=given, **settings).fit(*data)
    steps = max(batches) + 1
    assert steps > 1 and steps < len(batches) < 2 * steps


@pytest.mark.parametrize(
    ("hook", "calls"),
    [
        ("on_train_begin", 1),
        ("on_epoch_begin", 2),
        ("on_train_batch_begin", 2 * 4),
        ("on_train_batch_end", 2 * 4),
        ("on_epoch_end", 2),
        ("on_train_end", 1),
    ],
)
def test_lambda_callback_is_called(data, keras, hook, calls):
    seen = []
    callback = keras.callbacks.LambdaCallback(
        **{hook: lambda *_, **__: seen.append(hook)}
    )
    tiny(callbacks=callback, batch_size=20).fit(*data)
    assert len(seen) == calls


def test_batch_hooks_of_a_subclass_see_every_batch_and_its_loss(data, recorder):
    callback, seen = recorder(
        "on_train_batch_end", lambda _, batch, logs: (batch, logs)
    )
    tiny(callbacks=callback, batch_size=20, epochs=1).fit(*data)
    assert [batch for batch, _ in seen] == [0, 1, 2, 3]
    assert all(logs["loss"] > 0 for _, logs in seen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("classifier", "n_images", "steps"),
    [
        (MNISTCNNClassifier, 80, 3),
        (MNISTCNNClassifier, 2_049, 63),
        (MNISTCNNClassifier, 16_385, 65),
        pytest.param(CIFARCNNClassifier, 16_385, 64, marks=pytest.mark.slow),
    ],
)
def test_automatic_batch_size(recorder, classifier, n_images, steps):
    callback, seen = recorder("on_train_batch_end", lambda _, batch, logs: batch)
    X = np.zeros((n_images, 2, 2, 1), np.uint8)
    clf = classifier(filters=1, convolutions=1, dense_units=(), epochs=1)
    clf.set_params(callbacks=callback).fit(X, np.arange(n_images) % 2)
    assert len(seen) == steps


def test_batch_hooks_do_not_change_the_result(data, recorder):
    callback, _ = recorder("on_train_batch_end", lambda *_: None)
    watched = tiny(callbacks=callback, batch_size=20, dropout=0.3)
    alone = tiny(batch_size=20, dropout=0.3)
    assert np.array_equal(probabilities(watched, *data), probabilities(alone, *data))


def test_epoch_hooks_see_the_history(data, validation, recorder):
    callback, seen = recorder("on_epoch_end", lambda _, epoch, logs: (epoch, logs))
    history = tiny(callbacks=callback).fit(*data, **validation).history_
    assert seen == [
        (epoch, {name: values[epoch] for name, values in history.items()})
        for epoch in range(2)
    ]


def test_callbacks_see_the_trained_model(data, recorder):
    callback, seen = recorder("on_epoch_end", lambda self, *_: self.model.get_weights())
    model = tiny(callbacks=callback).fit(*data).model_
    for last, final in zip(seen[-1], model.get_weights(), strict=True):
        assert np.array_equal(last, final)
    assert not all(map(np.array_equal, seen[0], seen[1]))


def test_weights_that_a_callback_sets_are_used(data, keras):
    X, y = data

    class Reset(keras.callbacks.Callback):
        def on_train_end(self, logs=None):
            layer = self.model.get_layer("logits")
            layer.set_weights([np.zeros_like(w) for w in layer.get_weights()])

    np.testing.assert_allclose(probabilities(tiny(callbacks=Reset()), X, y), 0.1)


@pytest.mark.slow
def test_model_checkpoint_writes_a_model_that_predicts_the_same(data, keras, tmp_path):
    X, y = data
    path = tmp_path / "last.keras"
    classifier = tiny(callbacks=keras.callbacks.ModelCheckpoint(path)).fit(X, y)
    model = keras.models.load_model(path)
    np.testing.assert_allclose(
        model.predict(X, verbose=0), classifier.predict_proba(X), atol=1e-6
    )


def test_the_users_callback_is_copied_for_each_fit(data, keras):
    class Counter(keras.callbacks.Callback):
        calls = 0

        def on_epoch_end(self, epoch, logs=None):
            self.calls += 1
            assert self.calls == epoch + 1

    callback = Counter()
    classifier = tiny(callbacks=[callback])
    classifier.fit(*data)
    classifier.fit(*data)
    assert callback.calls == 0
    assert callback.model is None
    assert classifier.callbacks == [callback]


def interrupting(keras, epoch):
    def interrupt(current, logs):
        if current == epoch:
            raise KeyboardInterrupt

    return keras.callbacks.LambdaCallback(on_epoch_begin=interrupt)


def test_ctrl_c_in_the_first_epoch_leaves_the_earlier_network(data, keras):
    X, y = data
    classifier = tiny().fit(X, y)
    before = classifier.predict_proba(X)
    classifier.set_params(callbacks=interrupting(keras, 0), random_state=1)
    with pytest.raises(KeyboardInterrupt):
        classifier.fit(X, y)
    assert np.array_equal(classifier.predict_proba(X), before)
    # The interrupted training leaves nothing behind in the next one, either.
    assert np.array_equal(probabilities(tiny(), X, y), before)


def test_ctrl_c_later_keeps_the_whole_epochs(data, keras):
    constant = {"learning_rate_schedule": "constant"}
    classifier = tiny(epochs=5, callbacks=interrupting(keras, 2), **constant)
    with pytest.warns(UserWarning, match="interrupted.*last weights of 2 complete epo"):
        classifier.fit(*data)
    assert classifier.n_iter_ == len(classifier.loss_curve_) == 2
    assert classifier.keras_classifier_.state_.interrupted
    two = tiny(epochs=2, **constant).fit(*data)
    assert np.array_equal(classifier.predict_proba(data[0]), two.predict_proba(data[0]))
    assert classifier.model_.count_params() == two.model_.count_params()
    classifier.set_params(warm_start=True, epochs=1, callbacks=None).fit(*data)
    assert classifier.n_iter_ == 3
    assert not classifier.keras_classifier_.state_.interrupted


def test_ctrl_c_keeps_the_best_weights_of_early_stopping(data, misleading, keras):
    classifier = tiny(
        early_stopping=True,
        epochs=6,
        n_iter_no_change=9,
        callbacks=interrupting(keras, 5),
    )
    with pytest.warns(
        UserWarning, match="interrupted.*best weights of 5 complete epochs"
    ):
        classifier.fit(*data, **misleading)
    scores = classifier.validation_scores_
    assert scores.index(max(scores)) < 4
    again = classifier.score(misleading["X_val"], misleading["y_val"])
    assert again == pytest.approx(max(scores))


def test_ctrl_c_stops_a_search(data, keras):
    search = GridSearchCV(
        make_pipeline(tiny(epochs=3, callbacks=interrupting(keras, 1))),
        {"mnistcnnclassifier__learning_rate": [0.01, 0.02]},
        cv=2,
    )
    with pytest.raises(KeyboardInterrupt):
        search.fit(*data)


@pytest.mark.parametrize(
    "callbacks", ["EarlyStopping", [len]], ids=["a name", "a function"]
)
def test_what_is_no_callback_is_refused(data, callbacks):
    with pytest.raises(TypeError, match=r"expected a keras\.callbacks\.Callback"):
        tiny(callbacks=callbacks).fit(*data)


# What is told and learned


def test_verbose_prints_one_line_an_epoch(data, validation, capsys):
    tiny(verbose=True, epochs=3).fit(*data, **validation)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "Epoch 1/3",
        "Epoch 2/3",
        "Epoch 3/3",
    ]
    assert all("loss" in line and "validation accuracy" in line for line in lines)


def test_nothing_is_printed_unless_asked_for(data, capfd):
    tiny().fit(*data).score(*data)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("validated", [False, True])
def test_learned_attributes(data, validation, validated):
    X, y = data
    classifier = tiny(epochs=3).fit(X, y, **validation if validated else {})
    assert classifier.classes_.tolist() == list(range(10))
    assert classifier.n_features_in_ == 64
    assert classifier.image_shape_ == (8, 8, 1)
    assert classifier.n_iter_ == 3
    assert isinstance(classifier.loss_, float)
    assert classifier.loss_ == classifier.loss_curve_[-1]
    curves = {"loss": classifier.loss_curve_}
    if validated:
        curves["val_loss"] = classifier.validation_loss_curve_
        curves["val_accuracy"] = classifier.validation_scores_
        assert classifier.best_validation_score_ == max(classifier.validation_scores_)
    else:
        assert classifier.validation_loss_curve_ is None
        assert classifier.validation_scores_ is None
        assert classifier.best_validation_score_ is None
    assert set(classifier.history_) == {*curves, "accuracy"}
    for name, curve in curves.items():
        assert curve == classifier.history_[name]
    for curve in classifier.history_.values():
        assert type(curve) is list
        assert len(curve) == 3
        assert all(isinstance(value, float) for value in curve)
    assert not hasattr(classifier, "feature_names_in_")


def test_the_loss_curve_falls(data):
    curve = tiny(epochs=20, learning_rate=0.03).fit(*data).loss_curve_
    assert curve[-1] < curve[0] / 2


# Optimizers and their rates


@pytest.mark.parametrize("name", ["adam", "Adam", "ADAM"])
def test_an_optimizer_by_name_equals_an_instance(data, keras, name):
    instance = keras.optimizers.Adam(learning_rate=0.02)
    assert np.array_equal(
        probabilities(tiny(optimizer=name, learning_rate=0.02), *data),
        probabilities(tiny(optimizer=instance), *data),
    )


def test_the_users_optimizer_is_not_touched(data, keras):
    instance = keras.optimizers.Adam(learning_rate=0.02)
    before = instance.get_config()
    classifier = tiny(optimizer=instance)
    first = probabilities(classifier, *data)
    assert np.array_equal(probabilities(classifier, *data), first)
    assert not instance.built
    assert int(instance.iterations) == 0
    assert instance.get_config() == before
    assert classifier.optimizer is instance


@pytest.mark.parametrize(("name", "rate"), [("adam", 0.001), ("sgd", 0.01)])
def test_no_learning_rate_is_keras_default(data, name, rate):
    assert np.array_equal(
        probabilities(tiny(optimizer=name, learning_rate=None), *data),
        probabilities(tiny(optimizer=name, learning_rate=rate), *data),
    )


@pytest.mark.slow
def test_an_optimizer_with_a_schedule_keeps_its_own(data, keras):
    # 80 images in one batch: after the second epoch nothing moves any more.
    schedule = keras.optimizers.schedules.PiecewiseConstantDecay(
        [1], [0.01, TOO_SMALL_TO_MOVE]
    )
    optimizer = keras.optimizers.Adam(schedule)
    classifier = tiny(optimizer=optimizer, batch_size=80, shuffle=False, epochs=5)
    curve = classifier.fit(*data).loss_curve_
    assert curve[0] > curve[1] > curve[2] == curve[3] == curve[4]


def test_a_constant_schedule_keeps_the_rate(data, recorder):
    rates = rates_seen(recorder, data, learning_rate_schedule="constant", epochs=5)
    np.testing.assert_allclose(rates, 0.01, rtol=1e-6)


def test_a_cosine_schedule_rises_then_falls_to_almost_nothing(data, recorder):
    rates = rates_seen(recorder, data, learning_rate_schedule="cosine", epochs=20)
    peak = int(np.argmax(rates))
    assert 0 < peak < 4
    assert rates[peak] == pytest.approx(0.01, rel=0.01)
    assert (np.diff(rates[: peak + 1]) > 0).all()
    assert (np.diff(rates[peak:]) < 0).all()
    assert rates[-1] < 0.001
