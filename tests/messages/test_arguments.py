"""Calls with arguments of Keras's are answered with where the argument went."""

import inspect
import re

import numpy as np
import pytest
import sklearn
from sklearn.pipeline import make_pipeline
from sklearn.utils.metadata_routing import get_routing_for_object

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier

X = np.zeros((4, 2, 2), np.uint8)
y = [0, 1, 0, 1]

FITS = {
    "epochs": (
        5,
        r"epochs is a parameter of the constructor: .*\(epochs=5\), or set_p",
    ),
    "batch_size": (32, r"batch_size is a parameter .*Classifier\(batch_size=32\)"),
    "verbose": ("auto", r"Classifier\(verbose='auto'\)"),
    "callbacks": ([], r"callbacks is a parameter of the .*\(callbacks=\.\.\.\)"),
    "shuffle": (False, r"Classifier\(shuffle=False\)"),
    "class_weight": ({0: 1}, r"class_weight is a parameter of the constructor"),
    "validation_split": (0.1, "is early_stopping=True, validation_fraction=0.1 of the"),
    "validation_data": ((X, y), r"validation_data=\(X, y\) is X_val=X, y_val=y here"),
    "initial_epoch": (2, "warm_start=True or call partial_fit"),
    "steps_per_epoch": (2, "An epoch sees each image once"),
    "validation_steps": (2, "validation_steps has no counterpart here: leave it out"),
    "validation_batch_size": (2, "validation_batch_size has no counterpart"),
    "validation_freq": (2, "after each epoch: leave validation_freq out"),
    "learning_rate": (0.1, r"Classifier\(learning_rate=0.1\)"),
    "eval_set": ([(X, y)], r"is X_val=X, y_val=y here"),
    "nonsense": (1, "The arguments of fit are X, y, sample_weight, X_val,"),
}

PREDICTS = {
    "batch_size": (128, "size is chosen automatically: leave batch_size out"),
    "verbose": (0, "Nothing is printed: leave verbose out"),
    "steps": (None, "steps has no counterpart here: leave it out"),
    "callbacks": (None, "in fit only: leave callbacks out"),
    "nonsense": (1, "The arguments of .* are X"),
}

PREDICTIONS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]


@pytest.mark.parametrize("classifier", [MNISTCNNClassifier, CIFARCNNClassifier])
@pytest.mark.parametrize("name", FITS)
def test_fit_says_where_an_argument_went(name, classifier):
    value, answer = FITS[name]
    expected = rf"^{classifier.__name__}\.fit\(\) has no argument {name}\. .*{answer}"
    with pytest.raises(TypeError, match=expected):
        classifier().fit(X, y, **{name: value})


@pytest.mark.parametrize("method", PREDICTIONS)
@pytest.mark.parametrize("name", PREDICTS)
def test_predictions_say_where_an_argument_went(name, method):
    value, answer = PREDICTS[name]
    expected = rf"^MNISTCNNClassifier\.{method}\(\) has no argument {name}\. .*{answer}"
    with pytest.raises(TypeError, match=expected):
        getattr(MNISTCNNClassifier(), method)(X, **{name: value})


@pytest.mark.parametrize("method", ["fit", "predict"])
def test_every_argument_of_keras_gets_an_answer(method):
    keras = pytest.importorskip("keras")
    names = set(inspect.signature(getattr(keras.Model, method)).parameters)
    known = {"fit": {"y", "sample_weight"}, "predict": set()}[method]
    ours = getattr(MNISTCNNClassifier(), method)
    for name in names - known - {"self"}:
        with pytest.raises(TypeError) as caught:
            ours(**{name: 1})
        assert "The arguments of" not in str(caught.value), name
        assert name in str(caught.value)


def test_partial_fit_answers_for_one_epoch():
    with pytest.raises(TypeError, match="partial_fit trains for one epoch"):
        MNISTCNNClassifier().partial_fit(X, y, classes=[0, 1], epochs=2)
    with pytest.raises(TypeError, match="does not validate: leave X_val out, and call"):
        MNISTCNNClassifier().partial_fit(X, y, classes=[0, 1], X_val=X)


def test_several_arguments_are_answered_at_once():
    with pytest.raises(TypeError) as caught:
        MNISTCNNClassifier().fit(
            X, y, epochs=5, batch_size=32, verbose=1, validation_split=0.2, odd=1
        )
    assert str(caught.value) == (
        "MNISTCNNClassifier.fit() has no arguments epochs, batch_size, verbose, "
        "validation_split and odd. validation_split=0.2 is early_stopping=True, "
        "validation_fraction=0.2 of the constructor, which also stops training when "
        "the accuracy on the held-out images no longer improves; to monitor the "
        "accuracy without stopping, pass X_val and y_val. epochs, batch_size and "
        "verbose are parameters of the "
        "constructor: MNISTCNNClassifier(epochs=5, batch_size=32, verbose=1), or "
        "set_params. The arguments of fit are X, y, sample_weight, X_val, y_val, "
        + ", ".join(list(inspect.signature(MNISTCNNClassifier.fit).parameters)[6:])
        + "."
    )


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (lambda clf: clf.fit(X), r"fit\(\): missing a required argument: 'y'"),
        (lambda clf: clf.fit(), r"fit\(\): missing a required argument: 'X'"),
        (lambda clf: clf.fit(X, y, None, 5), r"fit\(\): too many positional arguments"),
        (lambda clf: clf.partial_fit(X), r"partial_fit\(\): missing a required arg"),
        (lambda clf: clf.predict(), r"predict\(\): missing a required argument: 'X'"),
        (lambda clf: clf.predict(X, X=X), r"predict\(\): multiple values for argument"),
    ],
)
def test_wrong_calls_are_answered_in_the_name_of_the_public_class(call, answer):
    with pytest.raises(TypeError, match=rf"^MNISTCNNClassifier\.{answer}"):
        call(MNISTCNNClassifier())


def test_no_message_names_the_private_class():
    class Mine(MNISTCNNClassifier):
        pass

    with pytest.raises(TypeError, match=r"^Mine\.fit\(\) .*: Mine\(epochs=1\)"):
        Mine().fit(X, y, epochs=1)


def test_arguments_that_reach_a_step_of_a_pipeline_are_answered():
    pipeline = make_pipeline(MNISTCNNClassifier())
    with pytest.raises(TypeError, match="epochs is a parameter of the constructor"):
        pipeline.fit(X, y, mnistcnnclassifier__epochs=5)


def test_the_signature_and_the_routed_metadata_are_those_of_the_method():
    names = list(inspect.signature(MNISTCNNClassifier().fit).parameters)
    assert names[:3] == ["X", "y", "sample_weight"]
    kinds = {
        p.kind for p in inspect.signature(MNISTCNNClassifier.fit).parameters.values()
    }
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    with sklearn.config_context(enable_metadata_routing=True):
        clf = MNISTCNNClassifier().set_fit_request(X_val=True, sample_weight=True)
        requests = get_routing_for_object(clf).fit.requests
        assert set(requests) == set(names) - {"X", "y"}
        with pytest.raises(TypeError, match=re.escape("epochs")):
            clf.set_fit_request(epochs=True)
    assert inspect.getdoc(MNISTCNNClassifier.fit).startswith("Train the network.")
    assert MNISTCNNClassifier.fit.__qualname__.endswith(".fit")
