"""The classifiers among scikit-learn's own tools, on images in every form."""

import copy
import pickle
from functools import partial

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from tiny import tiny_classifier

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.preprocessing import ImageScaler

both_classifiers = pytest.mark.parametrize(
    "classifier", [MNISTCNNClassifier, CIFARCNNClassifier]
)


tiny = partial(tiny_classifier, epochs=15, batch_size=25)


def in_every_form(images):
    """Return the same 4-D images as arrays of 4, 3 and 2 dimensions and as a table."""
    flat = images.reshape(len(images), -1)
    forms = {"4-D": images, "flat": flat}
    if images.shape[-1] == 1:
        forms["3-D"] = images[..., 0]
    forms["table"] = pd.DataFrame(flat).add_prefix("pixel")
    return forms


@pytest.fixture(scope="module")
def named_digits(digits):
    """4-D images of the digits 0, 1 and 2, and their names as labels."""
    images, labels = digits
    rows = np.flatnonzero(labels < 3)[:150]
    return images[rows, ..., np.newaxis], np.array(["zero", "one", "two"])[labels[rows]]


@pytest.fixture(scope="module")
def in_color(named_digits):
    images, names = named_digits
    return np.concatenate([images, 16 - images, images // 2], axis=-1), names


@pytest.fixture(scope="module")
def fitted(named_digits):
    return tiny().fit(*named_digits)


def accuracy(y, predicted):
    assert set(predicted) <= {"zero", "one", "two"}
    return np.mean(predicted == y)


@pytest.mark.slow
@pytest.mark.parametrize("fitted_on", ["4-D", "3-D", "flat", "table"])
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
def test_every_form_of_gray_images_gives_the_same_bits(named_digits, fitted, fitted_on):
    X, y = named_digits
    expected = fitted.predict_proba(X)
    forms = in_every_form(X)
    classifier = tiny().fit(forms[fitted_on], y)
    for name, form in forms.items():
        assert np.array_equal(classifier.predict_proba(form), expected), name
        assert np.array_equal(classifier.predict(form), fitted.predict(X)), name


@pytest.mark.slow
@pytest.mark.parametrize("fitted_on", ["4-D", "flat", "table"])
@pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names")
def test_every_form_of_color_images_gives_the_same_bits(in_color, fitted_on):
    X, y = in_color
    forms = in_every_form(X)
    expected = tiny(CIFARCNNClassifier, epochs=2).fit(X, y).predict_proba(X)
    classifier = tiny(CIFARCNNClassifier, epochs=2).fit(forms[fitted_on], y)
    for name, form in forms.items():
        assert np.array_equal(classifier.predict_proba(form), expected), name


@pytest.mark.slow
def test_layout_in_memory_does_not_matter(named_digits, fitted):
    X, y = named_digits
    expected = fitted.predict_proba(X)
    for same in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2], X.tolist()):
        assert np.array_equal(tiny().fit(same, y).predict_proba(same), expected)


@pytest.mark.slow
@both_classifiers
def test_pipeline_with_scaler_learns_split_images(classifier, digits):
    images, labels = digits
    X_train, X_test, y_train, y_test = train_test_split(
        images[:600, ..., np.newaxis],
        labels[:600],
        stratify=labels[:600],
        random_state=0,
    )
    pipeline = make_pipeline(
        ImageScaler(), tiny(classifier, filters=(16, 32), epochs=10)
    )
    assert pipeline.fit(X_train, y_train).score(X_test, y_test) > 0.7


@pytest.mark.slow
def test_cross_val_predict_predicts_every_image(named_digits):
    X, y = named_digits
    assert accuracy(y, cross_val_predict(tiny(), X, y, cv=3)) > 0.8
    probabilities = cross_val_predict(tiny(), X, y, cv=3, method="predict_proba")
    assert probabilities.shape == (150, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.slow
def test_grid_search_over_network_and_optimizer(named_digits):
    X, y = named_digits
    grid = [
        {"filters": [2, (4, 4)], "dropout": [0.0, 0.2], "learning_rate": [0.02]},
        {"optimizer": ["sgd"], "learning_rate": [1e-9]},
    ]
    search = GridSearchCV(tiny(), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 5
    assert search.best_params_["learning_rate"] == 0.02
    assert search.best_params_.items() <= search.best_estimator_.get_params().items()
    assert accuracy(y, search.predict(X)) > 0.8


def test_grid_search_in_a_pipeline(named_digits):
    X, y = named_digits
    pipeline = make_pipeline(ImageScaler(), tiny())
    grid = {"imagescaler__mode": ["unit", "standard"]}
    grid["mnistcnnclassifier__learning_rate"] = [1e-9, 0.02]
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_params_["mnistcnnclassifier__learning_rate"] == 0.02


@pytest.mark.slow
def test_halving_search_spends_epochs(named_digits):
    X, y = named_digits
    search = HalvingGridSearchCV(
        tiny(),
        {"learning_rate": [1e-9, 1e-8, 0.02, 0.03]},
        resource="epochs",
        min_resources=4,
        max_resources=16,
        factor=2,
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_ == [4, 8, 16]
    assert search.best_estimator_.n_iter_ == 16
    assert search.best_params_["learning_rate"] >= 0.02


@pytest.mark.parametrize(
    "method",
    [pytest.param("sigmoid", marks=pytest.mark.slow), "isotonic", "temperature"],
)
def test_calibration_works_on_images(named_digits, method):
    X, y = named_digits
    calibrated = CalibratedClassifierCV(tiny(), method=method, cv=2).fit(X, y)
    assert accuracy(y, calibrated.predict(X)) > 0.8
    probabilities = calibrated.predict_proba(X[:5])
    assert probabilities.shape == (5, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_classification_report_names_the_labels(named_digits, fitted):
    X, y = named_digits
    report = classification_report(y, fitted.predict(X), output_dict=True)
    assert {"zero", "one", "two"} <= set(report)
    assert report["accuracy"] == fitted.score(X, y) > 0.8


@pytest.mark.parametrize(
    "ensemble",
    [
        lambda members: VotingClassifier(members, voting="hard"),
        lambda members: VotingClassifier(members, voting="soft"),
        pytest.param(
            lambda members: StackingClassifier(members, LogisticRegression(), cv=2),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["hard voting", "soft voting", "stacking"],
)
def test_ensembles_work_on_images(named_digits, ensemble):
    X, y = named_digits
    members = [("one", tiny()), ("other", tiny(random_state=1, dropout=0.1))]
    classifier = ensemble(members).fit(X, y)
    assert accuracy(y, classifier.predict(X)) > 0.8
    assert classifier.predict(X[:1]).shape == (1,)


@both_classifiers
def test_clone_keeps_every_parameter(classifier):
    defaults = classifier().get_params()
    changed = {
        "progressive_resizing": 0.25,
        "test_time_augmentation": "shift",
        "filters": (3, 5),
        "kernel_size": 2,
        "convolutions": 3,
        "pool_size": 3,
        "padding": "valid" if defaults["padding"] == "same" else "same",
        "dense_units": (7, 6),
        "activation": "elu",
        "dropout": (0.1, 0.2),
        "scaling": "unit",
        "optimizer": "sgd",
        "learning_rate": 0.5,
        "learning_rate_schedule": "constant",
        "batch_size": 11,
        "epochs": 9,
        "label_smoothing": 0.3,
        "augment": ("shift",),
        "class_weight": {0: 2, 1: 1},
        "validation_fraction": 0.3,
        "n_iter_no_change": 3,
        "tol": 0.1,
        "image_shape": (8, 8),
        "dtype": "float64",
        "callbacks": [],
        "init_from": "digits.skcnn",
        "freeze": 1,
        "random_state": 5,
    }
    switches = {
        name: not value for name, value in defaults.items() if isinstance(value, bool)
    }
    changed |= switches
    assert not [name for name in defaults if changed[name] == defaults[name]]
    assert clone(classifier(**changed)).get_params() == changed


@pytest.mark.slow
def test_clone_keeps_what_keras_objects_say(named_digits):
    import keras

    estimator = tiny(
        optimizer=keras.optimizers.SGD(learning_rate=0.3, momentum=0.5),
        callbacks=[keras.callbacks.EarlyStopping(monitor="loss", patience=7)],
        epochs=2,
    )
    copied = clone(estimator)
    assert copied.optimizer.get_config() == estimator.optimizer.get_config()
    assert copied.callbacks[0].patience == 7
    X, y = named_digits
    assert np.array_equal(
        copied.fit(X, y).predict_proba(X), estimator.fit(X, y).predict_proba(X)
    )


def test_clone_of_a_fitted_classifier_is_unfitted(named_digits, fitted):
    copied = clone(fitted)
    assert copied.get_params() == fitted.get_params()
    assert not [name for name in vars(copied) if name.endswith("_")]


def through_joblib(estimator, folder):
    joblib.dump(estimator, folder / "classifier.joblib")
    return joblib.load(folder / "classifier.joblib")


every_copy = pytest.mark.parametrize(
    "copied",
    [
        lambda estimator, folder: pickle.loads(pickle.dumps(estimator)),
        through_joblib,
        lambda estimator, folder: copy.deepcopy(estimator),
    ],
    ids=["pickle", "joblib", "deepcopy"],
)


@every_copy
@pytest.mark.parametrize("model_was_built", [False, True])
def test_a_copy_predicts_the_same_bits(named_digits, copied, model_was_built, tmp_path):
    X, y = named_digits
    classifier = tiny(epochs=3).fit(X, y)
    if model_was_built:
        classifier.model_.count_params()
    again = copied(classifier, tmp_path)
    assert np.array_equal(again.predict_proba(X), classifier.predict_proba(X))
    assert np.array_equal(again.predict(X), classifier.predict(X))
    assert again.get_params() == classifier.get_params()
    assert again.history_ == classifier.history_
    assert again.model_ is not classifier.model_


@every_copy
def test_a_copy_of_an_unfitted_classifier_fits_the_same_bits(
    named_digits, fitted, copied, tmp_path
):
    X, y = named_digits
    again = copied(tiny(), tmp_path)
    assert not hasattr(again, "classes_")
    assert np.array_equal(again.fit(X, y).predict_proba(X), fitted.predict_proba(X))


@every_copy
def test_a_copy_goes_on_training_with_the_same_bits(named_digits, copied, tmp_path):
    X, y = named_digits
    classifier = tiny(epochs=2, dropout=0.2).fit(X, y)
    again = copied(classifier, tmp_path)
    for each in (classifier, again):
        each.partial_fit(X, y)
    assert np.array_equal(again.predict_proba(X), classifier.predict_proba(X))


@pytest.mark.slow
@every_copy
@pytest.mark.filterwarnings("error:Skipping variable loading")
def test_a_copy_keeps_an_optimizer_and_callbacks_of_keras(
    named_digits, copied, tmp_path
):
    import keras

    X, y = named_digits
    classifier = tiny(
        optimizer=keras.optimizers.Adam(0.02),
        callbacks=keras.callbacks.EarlyStopping(monitor="loss", patience=7),
        epochs=2,
    ).fit(X, y)
    again = copied(classifier, tmp_path)
    assert np.array_equal(again.predict_proba(X), classifier.predict_proba(X))
    assert np.array_equal(again.fit(X, y).predict_proba(X), classifier.predict_proba(X))
    assert again.callbacks.patience == 7


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["by name", "instance"])
@pytest.mark.parametrize("model_was_built", [False, True])
def test_a_pickle_holds_the_weights_and_the_optimizer_and_little_else(
    named_digits, optimizer, model_was_built
):
    import keras

    adam = "adam" if optimizer == "by name" else keras.optimizers.Adam(0.01)
    classifier = tiny(filters=16, dense_units=128, epochs=1, optimizer=adam)
    classifier.fit(*named_digits)
    weights = copy.deepcopy(classifier).model_.trainable_weights
    if model_was_built:
        classifier.model_.count_params()
    # Adam keeps two moments for every trainable weight.
    needed = 3 * sum(4 * int(np.prod(weight.shape)) for weight in weights)
    assert needed < len(pickle.dumps(classifier)) <= 1.2 * needed


@pytest.mark.slow
@both_classifiers
def test_the_model_is_a_keras_sequential_that_predicts_the_same(classifier, in_color):
    import keras

    X, y = in_color
    estimator = tiny(
        classifier, epochs=3, dropout=0.2, test_time_augmentation=None
    ).fit(X, y)
    model = estimator.model_
    assert isinstance(model, keras.Sequential)
    np.testing.assert_allclose(
        model.predict(X, verbose=0), estimator.predict_proba(X), atol=1e-6, rtol=0
    )
    kinds = {type(layer) for layer in model.layers}
    layers = keras.layers
    flat = layers.GlobalMaxPooling2D if estimator.global_pooling else layers.Flatten
    assert {layers.Conv2D, layers.MaxPooling2D, flat, layers.Dense} <= kinds
    assert estimator.model_ is model


@pytest.mark.slow
def test_the_model_can_be_evaluated_and_trained_by_keras(named_digits):
    X, y = named_digits
    estimator = tiny(epochs=3).fit(X, y)
    codes = np.searchsorted(estimator.classes_, y)
    before = estimator.model_.evaluate(X, codes, verbose=0)
    estimator.model_.fit(X, codes, epochs=5, verbose=0)
    assert estimator.model_.evaluate(X, codes, verbose=0) < before


def test_the_scikeras_classifier_predicts_labels(named_digits, fitted):
    from scikeras.wrappers import KerasClassifier

    X, _ = named_digits
    assert isinstance(fitted.keras_classifier_, KerasClassifier)
    assert np.array_equal(fitted.keras_classifier_.predict(X), fitted.predict(X))
    assert fitted.keras_classifier_.model_ is fitted.model_
