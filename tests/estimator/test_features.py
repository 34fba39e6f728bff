"""What `transform` returns, and what scikit-learn's tools do with it."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags
from tiny import tiny_classifier

import skcnn
from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._network.backends import backend
from skcnn.preprocessing import ImageReshaper, ImageScaler

both_classifiers = pytest.mark.parametrize(
    "classifier",
    [MNISTCNNClassifier, pytest.param(CIFARCNNClassifier, marks=pytest.mark.slow)],
)


@pytest.fixture(scope="module")
def part(digits):
    X, y = digits
    return X[:200], y[:200]


@pytest.fixture(scope="module")
def fitted(part):
    return tiny_classifier().fit(*part)


def logits_of(classifier, features):
    kernel, bias = classifier.model_.get_layer("logits").get_weights()
    return features @ kernel + bias


# Other networks are traced anew, which takes seconds.
DTYPES = [
    "float32",
    pytest.param("float64", marks=pytest.mark.slow),
    pytest.param("mixed_bfloat16", marks=pytest.mark.slow),
]


# ------------------------------------------------------------------------- the values


@pytest.mark.any_backend
@both_classifiers
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_features_are_what_the_logits_are_computed_from(classifier, dtype, part):
    X, y = part
    clf = tiny_classifier(
        classifier, dtype=dtype, test_time_augmentation=None, epochs=1
    )
    features = clf.fit(X, y).transform(X)
    assert features.shape == (200, 8)
    assert features.dtype == np.float32
    np.testing.assert_allclose(
        logits_of(clf, features), clf.decision_function(X), rtol=1e-4, atol=1e-5
    )


@pytest.mark.slow
@pytest.mark.any_backend
@pytest.mark.parametrize(
    ("network", "n_features"),
    [
        pytest.param(
            {"dense_units": (8, 5), "dropout": 0.5}, 5, marks=pytest.mark.slow
        ),
        ({"dense_units": ()}, 3 * 3 * 4),  # the pooled outputs of 6 x 6 places
        pytest.param(
            {"dense_units": (), "global_pooling": True}, 4, marks=pytest.mark.slow
        ),
        pytest.param(
            {"dense_units": (), "filters": (4, 6), "padding": "same"},
            2 * 2 * 6,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_the_network_says_how_many_features_there_are(network, n_features, part):
    X, y = part
    clf = tiny_classifier(**network, epochs=1, test_time_augmentation=None).fit(X, y)
    features = clf.transform(X)
    assert features.shape == (200, n_features)
    np.testing.assert_allclose(
        logits_of(clf, features), clf.decision_function(X), rtol=1e-4, atol=1e-5
    )
    assert len(clf.get_feature_names_out()) == n_features


@pytest.mark.any_backend
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("side", [8, pytest.param(28, marks=pytest.mark.slow)])
def test_an_image_has_the_same_features_alone_and_among_others(side, dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (70, side, side), dtype=np.uint8)
    clf = tiny_classifier(dtype=dtype, epochs=1).fit(X, np.arange(70) % 10)
    together = clf.transform(X)
    rounding = 0
    if backend().NAME != "TensorFlow":  # they round by the size of the batch
        rounding = 2e-2 if dtype == "mixed_bfloat16" else 1e-5
    for part in (slice(0, 1), slice(7, 8), slice(17, 20), slice(31, 63)):
        np.testing.assert_allclose(
            clf.transform(X[part]), together[part], rtol=rounding, atol=rounding
        )
    np.testing.assert_allclose(
        clf.transform(X[::-1]), together[::-1], rtol=rounding, atol=rounding
    )


def test_further_views_do_not_change_the_features(fitted, part):
    X, _ = part
    clf = pickle.loads(pickle.dumps(fitted))
    clf.set_params(test_time_augmentation=("flip", "shift"))
    with_views, of_views = clf.transform(X), clf.decision_function(X)
    clf.set_params(test_time_augmentation=None)
    np.testing.assert_array_equal(clf.transform(X), with_views)
    assert (clf.decision_function(X) != of_views).any()


def test_images_in_every_form_have_the_same_features(fitted, part):
    X, _ = part
    expected = fitted.transform(X)
    for form in (X[..., np.newaxis], X.reshape(len(X), -1), list(X), X.astype(float)):
        np.testing.assert_array_equal(fitted.transform(form), expected)


def test_features_before_fit_and_of_other_images_are_refused(fitted, part):
    X, _ = part
    for call in (
        lambda: MNISTCNNClassifier().transform(X),
        MNISTCNNClassifier().get_feature_names_out,
    ):
        with pytest.raises(NotFittedError):
            call()
    with pytest.raises(ValueError, match="shape"):
        fitted.transform(np.zeros((3, 9, 9), np.uint8))
    with pytest.raises(TypeError, match="The batch size is chosen automatically"):
        fitted.transform(X, batch_size=3)


def test_pixels_of_another_range_are_warned_of(fitted, part):
    X, _ = part
    with pytest.warns(UserWarning, match="seen in fit were uint8") as caught:
        fitted.transform(X / 255)
    assert [warning.filename for warning in caught] == [__file__]


# -------------------------------------------------------------------- names and frames


def test_names_are_the_class_and_a_number(fitted, part):
    expected = [f"mnistcnnclassifier{i}" for i in range(8)]
    assert fitted.get_feature_names_out().tolist() == expected
    assert fitted.get_feature_names_out().dtype == object

    class MyNet(MNISTCNNClassifier):
        pass

    clf = tiny_classifier(MyNet, epochs=1).fit(*part)
    assert clf.get_feature_names_out()[0] == "mynet0"


def test_names_of_other_columns_than_in_fit_are_refused(fitted, part):
    X, y = part
    for names in ([], ["a", "b"]):
        with pytest.raises(ValueError, match="length equal to number of features"):
            fitted.get_feature_names_out(names)
    assert len(fitted.get_feature_names_out(["image"])) == 8
    frame = pd.DataFrame(X.reshape(len(X), -1)).add_prefix("pixel")
    clf = tiny_classifier(epochs=1).fit(frame, y)
    assert len(clf.get_feature_names_out(frame.columns)) == 8
    with pytest.raises(ValueError, match="input_features is not equal to feature_name"):
        clf.get_feature_names_out([f"x{i}" for i in range(64)])
    assert clf.transform(frame).shape == (200, 8)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_set_output_makes_data_frames(library, fitted, part):
    X, y = part
    frames = pytest.importorskip(library)
    clf = clone(fitted).set_output(transform=library)
    for frame in (clf.fit_transform(X, y), clf.transform(X)):
        assert isinstance(frame, frames.DataFrame)
        assert list(frame.columns) == fitted.get_feature_names_out().tolist()
        np.testing.assert_array_equal(np.asarray(frame), fitted.transform(X))
    with config_context(transform_output=library):
        assert isinstance(fitted.transform(X), frames.DataFrame)
    assert isinstance(fitted.transform(X), np.ndarray)
    # What predicts is not concerned.
    assert isinstance(clf.predict_proba(X), np.ndarray)


def test_pandas_keeps_the_index_of_the_images(part):
    X, y = part
    frame = pd.DataFrame(X.reshape(len(X), -1), index=np.arange(1000, 1200))
    frame = frame.add_prefix("pixel")
    clf = tiny_classifier(epochs=1).set_output(transform="pandas")
    assert clf.fit_transform(frame, y).index.equals(frame.index)


# ----------------------------------------------------------------------- fit_transform


@pytest.mark.any_backend
@both_classifiers
def test_fit_transform_is_fit_and_transform(classifier, part):
    X, y = part
    weights = np.linspace(0, 2, len(X))
    arguments = {"sample_weight": weights, "X_val": X[:50], "y_val": y[:50]}
    clf = tiny_classifier(classifier, early_stopping=True)
    expected = clone(clf).fit(X, y, **arguments)
    found = clf.fit_transform(X, y, **arguments)
    np.testing.assert_array_equal(found, expected.transform(X))
    assert clf.history_ == expected.history_
    unweighted = clone(clf).fit_transform(X, y, X_val=X[:50], y_val=y[:50])
    assert (unweighted != found).any()


def test_fit_transform_says_what_is_missing_or_wrong(part):
    X, y = part
    with pytest.raises(TypeError, match="missing a required argument: 'y'"):
        tiny_classifier().fit_transform(X)
    with pytest.raises(TypeError, match="epochs is a parameter of the constructor"):
        tiny_classifier().fit_transform(X, y, epochs=3)


def test_arguments_of_fit_are_routed_to_a_middle_step(part):
    X, y = part
    weights = np.linspace(0, 2, len(X))
    expected = tiny_classifier().fit(X, y, sample_weight=weights).transform(X)
    pipeline = make_pipeline(tiny_classifier(), "passthrough")
    pipeline.fit(X, y, mnistcnnclassifier__sample_weight=weights)
    np.testing.assert_array_equal(pipeline.transform(X), expected)
    with config_context(enable_metadata_routing=True):
        first = tiny_classifier().set_fit_request(sample_weight=True)
        last = KNeighborsClassifier()
        pipeline = make_pipeline(first, last).fit(X, y, sample_weight=weights)
        np.testing.assert_array_equal(pipeline[0].transform(X), expected)
        union = FeatureUnion([("net", clone(first))])
        found = union.fit_transform(X, y, sample_weight=weights)
        np.testing.assert_array_equal(found, expected)
        assert not hasattr(first, "set_transform_request")


# ------------------------------------------------------------------- among other tools


@pytest.mark.slow
@pytest.mark.parametrize(
    "last",
    [KNeighborsClassifier(), SVC(), StandardScaler(), LogisticRegression(max_iter=500)],
    ids=lambda last: type(last).__name__,
)
def test_the_classifier_is_a_middle_step(last, digits):
    X, y = digits
    steps = [ImageScaler(), MNISTCNNClassifier(epochs=8, random_state=0), last]
    pipeline = make_pipeline(*steps).fit(X[:500], y[:500])
    if hasattr(last, "transform"):
        assert pipeline.transform(X[500:600]).shape == (100, 128)
        assert pipeline.get_feature_names_out()[0] == "mnistcnnclassifier0"
    else:
        assert pipeline.score(X[500:], y[500:]) > 0.85


@pytest.mark.slow
def test_neighbors_by_features_are_better_than_neighbors_by_pixels(digits):
    rng = np.random.default_rng(0)
    X, y = digits
    X = np.roll(X, 1, axis=2)
    # Moved by a pixel to either side, which changes many pixels and no digit.
    test = np.stack([np.roll(x, rng.choice([-1, 1]), axis=1) for x in X[900:]])
    flat = X.reshape(len(X), -1)
    pixels = KNeighborsClassifier().fit(flat[:900], y[:900])
    net = make_pipeline(
        MNISTCNNClassifier(epochs=8, random_state=0), KNeighborsClassifier()
    ).fit(X[:900], y[:900])
    by_pixels = pixels.score(test.reshape(len(test), -1), y[900:])
    assert net.score(test, y[900:]) > by_pixels + 0.05


def test_a_frozen_network_is_not_trained_again(fitted, part):
    X, y = part
    frozen = make_pipeline(FrozenEstimator(fitted), KNeighborsClassifier(1))
    clone(frozen).fit(X[:100], y[:100])
    frozen.fit(X[:100], y[:100])
    assert frozen[0].estimator is fitted
    np.testing.assert_array_equal(frozen[0].transform(X), fitted.transform(X))
    scores = cross_val_score(frozen, X, y, cv=2)
    assert len(scores) == 2


def test_a_cached_middle_step_is_trained_once(part, tmp_path):
    X, y = part
    net = tiny_classifier(epochs=1, random_state=None)
    steps = [("net", net), ("knn", KNeighborsClassifier())]
    first = Pipeline(steps, memory=str(tmp_path)).fit(X, y)
    second = clone(first).set_params(knn__n_neighbors=1).fit(X, y)
    # Without a seed, another training would give other features.
    np.testing.assert_array_equal(second[0].transform(X), first[0].transform(X))


@pytest.mark.slow
def test_a_search_over_a_middle_step(part):
    X, y = part
    pipeline = Pipeline([("net", tiny_classifier()), ("knn", KNeighborsClassifier())])
    grid = {"net__dense_units": [4, 8], "knn__n_neighbors": [1, 3]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    best = search.best_params_["net__dense_units"]
    assert search.best_estimator_[0].transform(X).shape == (200, best)
    assert not hasattr(search, "transform")  # the last step has none


def test_features_beside_a_table(part):
    X, y = part
    pixels = pd.DataFrame(X.reshape(len(X), -1)).add_prefix("pixel")
    table = pixels.assign(age=np.arange(200.0), name=list("ab") * 100)
    columns = ColumnTransformer(
        [
            ("image", tiny_classifier(), list(pixels.columns)),
            ("age", StandardScaler(), ["age"]),
        ]
    )
    found = columns.fit_transform(table, y)
    assert found.shape == (200, 9)
    np.testing.assert_array_equal(
        found[:, :8], tiny_classifier().fit(pixels, y).transform(pixels)
    )
    names = columns.get_feature_names_out()
    assert [names[0], names[-1]] == ["image__mnistcnnclassifier0", "age__age"]
    frame = columns.set_output(transform="pandas").transform(table)
    assert list(frame.columns) == names.tolist()
    model = make_pipeline(clone(columns), LogisticRegression(max_iter=500))
    assert model.fit(table, y).score(table, y) > 0.3


def test_a_column_of_images_beside_a_table(part):
    X, y = part
    table = pd.DataFrame({"image": list(X), "age": np.arange(200.0)})
    columns = ColumnTransformer(
        [("image", tiny_classifier(), "image"), ("age", "passthrough", ["age"])]
    )
    found = columns.fit_transform(table, y)
    np.testing.assert_array_equal(
        found[:, :8], tiny_classifier().fit(X, y).transform(X)
    )
    np.testing.assert_array_equal(columns.transform(table), found)
    names = columns.get_feature_names_out()
    assert [names[0], names[-1]] == ["image__mnistcnnclassifier0", "age__age"]
    frame = columns.set_output(transform="pandas").fit_transform(table, y)
    assert list(frame.columns) == names.tolist()


@pytest.mark.slow
def test_features_of_two_networks_in_a_union(part):
    X, y = part
    union = FeatureUnion(
        [
            ("one", tiny_classifier(epochs=1)),
            ("two", tiny_classifier(CIFARCNNClassifier, dense_units=5, epochs=1)),
            ("pixels", FunctionTransformer(lambda X: X.reshape(len(X), -1))),
        ]
    )
    assert union.fit_transform(X, y).shape == (200, 8 + 5 + 64)
    assert union.transform(X[:3]).shape == (3, 77)


def test_meta_estimators_that_predict_still_use_predictions(part):
    X, y = part
    flat = X.reshape(len(X), -1)
    clf = tiny_classifier(epochs=1)
    voting = VotingClassifier([("net", clf)], voting="soft").fit(flat, y)
    proba = voting.named_estimators_["net"].predict_proba(flat)
    np.testing.assert_array_equal(voting.transform(flat), proba)
    stacking = StackingClassifier([("net", clf)], LogisticRegression(), cv=2)
    assert stacking.fit(flat, y).transform(flat).shape == (200, 10)
    pipeline = make_pipeline(ImageReshaper(), clf).fit(flat, y)
    assert pipeline.predict(flat).shape == (200,)
    assert pipeline.transform(flat).shape == (200, 8)
    assert pipeline.get_feature_names_out()[0] == "mnistcnnclassifier0"
    with pytest.raises(ValueError, match="coef_"):
        SelectFromModel(clf).fit(flat, y).transform(flat)


def test_tags_are_those_of_a_classifier_that_is_a_transformer_too():
    tags = get_tags(MNISTCNNClassifier())
    assert tags.estimator_type == "classifier"
    assert tags.classifier_tags.multi_class
    assert tags.transformer_tags.preserves_dtype == ["float32"]
    assert tags.target_tags.required


def test_a_notebook_shows_the_names_of_the_features(fitted):
    assert "mnistcnnclassifier7" in fitted._repr_html_()
    assert "mnistcnnclassifier7" in make_pipeline(fitted)._repr_html_()
    assert "mnistcnnclassifier0" not in MNISTCNNClassifier()._repr_html_()


# ------------------------------------------------------------------------------ keeping


def test_saved_and_pickled_classifiers_have_the_same_features(fitted, part, tmp_path):
    X, _ = part
    skcnn.save(fitted, tmp_path / "net.skcnn")
    for copied in (
        skcnn.load(tmp_path / "net.skcnn"),
        pickle.loads(pickle.dumps(fitted)),
    ):
        np.testing.assert_array_equal(
            copied.get_feature_names_out(), fitted.get_feature_names_out()
        )
        np.testing.assert_array_equal(copied.transform(X), fitted.transform(X))


def test_pipelines_with_features_are_saved_and_pickled(part, tmp_path):
    X, y = part
    pipeline = make_pipeline(ImageScaler(), tiny_classifier(), "passthrough").fit(X, y)
    skcnn.save(pipeline, tmp_path / "features.skcnn")
    loaded = skcnn.load(tmp_path / "features.skcnn")
    np.testing.assert_array_equal(loaded.transform(X), pipeline.transform(X))
    with_neighbors = make_pipeline(*pipeline[:2], KNeighborsClassifier()).fit(X, y)
    joblib.dump(with_neighbors, tmp_path / "neighbors.joblib")
    loaded = joblib.load(tmp_path / "neighbors.joblib")
    np.testing.assert_array_equal(loaded.predict(X), with_neighbors.predict(X))
    with pytest.raises(TypeError, match=r"KNeighborsClassifier, but skcnn.save writes"):
        skcnn.save(with_neighbors, tmp_path / "neighbors.skcnn")


@pytest.mark.slow
def test_who_asks_for_no_features_compiles_none(part):
    X, y = part
    clf = tiny_classifier(dense_units=7, epochs=1).fit(X, y)
    functions = clf.keras_classifier_.compiled_network().functions._functions
    clf.predict(X)
    clf.get_feature_names_out()
    assert not [key for key in functions if key[0] == "features"]
    clf.transform(X)
    clf.transform(X[:3])
    clone(clf).fit(X, y).transform(X)
    assert len([key for key in functions if key[0] == "features"]) == 1


def test_variance_of_features_selects_them(part):
    X, y = part
    kept = make_pipeline(tiny_classifier(), VarianceThreshold()).fit(X, y)
    assert kept.transform(X).shape[1] <= 8
    assert set(kept.get_feature_names_out()) <= {
        f"mnistcnnclassifier{i}" for i in range(8)
    }
