"""What users of SciKeras rely on holds for networks of their own in CNNClassifier.

The subjects are those of SciKeras's public tests: routed parameters, callbacks,
weights, seeds, going on, and scikit-learn's ensembles and searches.
"""

import functools
import pickle

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.class_weight import compute_sample_weight

from skcnn import CNNClassifier
from skcnn.preprocessing import ImageScaler


def linear(image_shape, n_classes, activation=None):
    from keras import layers

    return [layers.Flatten(), layers.Dense(n_classes, activation=activation)]


class Dense(BaseEstimator):
    def __init__(self, units=6):
        self.units = units

    def build(self, image_shape, n_classes):
        from keras import layers

        hidden = layers.Dense(self.units, activation="relu")
        return [layers.Flatten(), hidden, layers.Dense(n_classes)]


def classifier(network=linear, **parameters):
    training = {"epochs": 6, "batch_size": 20, "learning_rate": 0.02, "augment": None}
    return CNNClassifier(network=network, **{"random_state": 0} | training | parameters)


@pytest.fixture(scope="module")
def named(digits):
    """Return 60 images of the digits 0, 1 and 2, and their names as labels."""
    images, labels = digits
    rows = np.flatnonzero(labels < 3)[:60]
    return images[rows], np.array(["zero", "one", "two"])[labels[rows]]


@pytest.fixture(scope="module")
def fitted(named):
    return classifier().fit(*named)


def same(one, other, X):
    return np.array_equal(one.predict_proba(X), other.predict_proba(X))


# --------------------------------------------------------------------------- parameters


def test_parameters_of_a_network_are_read_and_set_by_their_names():
    clf = classifier(Dense(units=3))
    assert clf.get_params()["network__units"] == 3
    assert "network__units" not in clf.get_params(deep=False)
    copied = clone(clf).set_params(network__units=5, epochs=1)
    assert (copied.network.units, clf.network.units) == (5, 3)
    with pytest.raises(
        ValueError, match="Invalid parameter 'unit' for estimator Dense"
    ):
        clf.set_params(network__unit=5)


@pytest.mark.slow
def test_a_parameter_of_the_network_decides_what_is_built(named):
    clf = classifier(Dense(), epochs=1)
    for units in (2, 5):
        clf.set_params(network__units=units).fit(*named)
        assert clf.transform(named[0]).shape == (60, units)


def test_a_function_gets_its_other_arguments_by_partial(named, fitted):
    partial = functools.partial(linear, activation="softmax")
    clf = classifier(partial).fit(*named)
    # The same network, as probabilities in place of logits.
    np.testing.assert_allclose(
        clf.predict_proba(named[0]), fitted.predict_proba(named[0]), atol=1e-6
    )
    assert same(pickle.loads(pickle.dumps(clf)), clf, named[0])


@pytest.mark.slow
def test_an_optimizer_is_an_instance_that_stays_as_it_was(named):
    import keras

    sgd = keras.optimizers.SGD(0.01, momentum=0.9)
    clf = classifier(optimizer=sgd, learning_rate="auto").fit(*named)
    assert not sgd.built
    assert clf.model_.optimizer.momentum == 0.9
    assert not same(clf, clone(clf).set_params(optimizer="sgd").fit(*named), named[0])


@pytest.mark.slow
def test_a_search_reaches_network_and_optimizer_in_a_pipeline(named):
    import keras

    search = GridSearchCV(
        make_pipeline(ImageScaler(), classifier(Dense(), learning_rate="auto")),
        {
            "cnnclassifier__network__units": [6],
            "cnnclassifier__optimizer": [
                keras.optimizers.SGD(rate) for rate in (1e-6, 0.1)
            ],
        },
        cv=2,
    ).fit(*named)
    best = search.best_params_["cnnclassifier__optimizer"]
    assert float(best.learning_rate) == pytest.approx(0.1)
    assert search.score(*named) > 0.8


def test_a_model_that_is_built_already_is_no_network(named):
    import keras

    model = keras.Sequential([keras.Input((8, 8, 1)), *linear((8, 8, 1), 3)])
    with pytest.raises(
        TypeError, match=r"Got a Sequential as network.* Write a function"
    ):
        classifier(model).fit(*named)


# ---------------------------------------------------------------------------- callbacks


def test_callbacks_hear_each_epoch_and_may_end_training(named):
    import keras

    heard = []
    log = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: heard.append((epoch, sorted(logs)))
    )
    stop = keras.callbacks.EarlyStopping(
        monitor="val_accuracy", patience=1, baseline=1.1
    )
    clf = classifier(callbacks=[log, stop])
    clf.fit(*named, X_val=named[0], y_val=named[1])
    assert [epoch for epoch, _ in heard] == list(range(clf.n_iter_))
    assert clf.n_iter_ < 6
    assert heard[0][1] == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert [type(each) for each in clf.callbacks_] == [type(log), type(stop)]
    assert clf.callbacks_[1].stopped_epoch == clf.n_iter_ - 1


# ------------------------------------------------------------------- labels and weights


def test_labels_are_strings_and_come_back(named, fitted):
    X, y = named
    assert fitted.classes_.tolist() == ["one", "two", "zero"]
    assert fitted.predict(X).dtype == y.dtype
    assert fitted.score(X, y) > 0.9
    codes = np.searchsorted(fitted.classes_, y)
    assert same(fitted, clone(fitted).fit(X, codes), X)


@pytest.mark.parametrize("activation", [None, "softmax"])
def test_two_classes_have_two_probabilities_and_one_decision(activation, named):
    X, y = named[0], named[1] == "zero"
    clf = classifier(functools.partial(linear, activation=activation)).fit(X, y)
    proba, decision = clf.predict_proba(X), clf.decision_function(X)
    assert proba.shape == (60, 2)
    assert decision.shape == (60,)
    assert np.array_equal(decision > 0, clf.predict(X))
    assert np.array_equal(proba[:, 1] > 0.5, clf.predict(X))
    assert clf.score(X, y) > 0.9
    assert clf.predict_proba(X[:1]).shape == (1, 2)


def test_class_weights_are_weights_of_the_images(named):
    X, y = named
    weights = {"zero": 5, "one": 1, "two": 0.5}
    for given in (weights, "balanced"):
        by_class = classifier(class_weight=given).fit(X[7:], y[7:])
        by_image = classifier().fit(X[7:], y[7:], compute_sample_weight(given, y[7:]))
        np.testing.assert_allclose(
            by_class.predict_proba(X), by_image.predict_proba(X), atol=1e-6
        )


def test_weights_reach_the_network_through_a_pipeline(named):
    X, y = named
    pipeline = make_pipeline(ImageScaler(), classifier())
    weights = np.where(y == "zero", 1.0, 1e-3)
    pipeline.fit(X, y, cnnclassifier__sample_weight=weights)
    assert (pipeline.predict(X) == "zero").mean() > 0.6


# -------------------------------------------------------------------------------- seeds


def test_an_integer_and_a_generator_seed_a_fit(named, fitted):
    X, y = named
    assert same(clone(fitted).fit(X, y), fitted, X)
    drawn = [
        classifier(random_state=np.random.RandomState(seed)).fit(X, y)
        for seed in (1, 1, 2)
    ]
    assert same(drawn[0], drawn[1], X)
    assert not same(drawn[0], drawn[2], X)
    # The generator goes on: a second fit draws another seed.
    first = drawn[0].predict_proba(X)
    assert not np.array_equal(drawn[0].fit(X, y).predict_proba(X), first)


def test_without_a_seed_each_fit_is_another_one(named):
    clf = classifier(random_state=None)
    first = clf.fit(*named).predict_proba(named[0])
    assert not np.array_equal(clf.fit(*named).predict_proba(named[0]), first)


# ----------------------------------------------------------------------------- going on


def test_fit_starts_anew_and_warm_start_goes_on(named, fitted):
    X, y = named
    clf = clone(fitted).fit(X, y)
    assert same(clf.fit(X, y), fitted, X)
    assert clf.n_iter_ == 6
    clf.set_params(warm_start=True).fit(X, y)
    assert clf.n_iter_ == 12
    assert clf.loss_curve_[6] < clf.loss_curve_[0] / 2


def test_partial_fit_learns_batch_by_batch(named):
    X, y = named
    clf = classifier()
    clf.partial_fit(X[y != "two"], y[y != "two"], classes=["one", "two", "zero"])
    assert clf.predict_proba(X).shape == (60, 3)
    for _ in range(5):
        for start in range(0, 60, 20):
            clf.partial_fit(X[start : start + 20], y[start : start + 20])
    assert clf.n_iter_ == 16
    assert clf.score(X, y) > 0.9
    with pytest.raises(ValueError, match="ten"):
        clf.partial_fit(X[:2], ["ten", "one"])


def test_a_clone_of_a_fitted_one_is_not_fitted(named, fitted):
    copied = clone(fitted)
    with pytest.raises(NotFittedError):
        copied.predict(named[0])
    assert copied.network is linear
    assert not [name for name in vars(copied) if name.endswith("_")]


# ---------------------------------------------------------------------------- ensembles


def rows(images):
    return images.reshape(len(images), -1)


@pytest.mark.parametrize(
    "make",
    [
        lambda clf: AdaBoostClassifier(
            clf.set_params(epochs=2), n_estimators=3, random_state=0
        ),
        lambda clf: BaggingClassifier(clf, n_estimators=2, random_state=0),
        lambda clf: VotingClassifier(
            [("one", clf), ("other", clone(clf).set_params(random_state=1))]
        ),
    ],
    ids=["AdaBoost", "Bagging", "Voting"],
)
def test_ensembles_of_own_networks_learn_and_are_pickled(make, named):
    X, y = rows(named[0]), named[1]
    ensemble = make(classifier(Dense())).fit(X, y)
    assert ensemble.score(X, y) > 0.8
    one, other = ensemble.estimators_[:2]
    assert not same(one, other, X)
    again = pickle.loads(pickle.dumps(ensemble))
    assert np.array_equal(again.predict(X), ensemble.predict(X))
