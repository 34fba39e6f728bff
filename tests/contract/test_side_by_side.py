"""Threads, processes and strict settings around the classifiers."""

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from tiny import tiny_classifier

from skcnn import CIFARCNNClassifier

tiny = partial(tiny_classifier, epochs=1)


@pytest.fixture(scope="module")
def clf(digits):
    X, y = digits
    return tiny().fit(X[:200], y[:200])


@pytest.mark.slow
def test_eight_threads_predict_what_one_does(clf, digits):
    X = digits[0]
    # Batches of every size, and a second network in between, as in a web server.
    other = tiny(CIFARCNNClassifier)
    other.fit(X[:100], digits[1][:100])
    parts = [X[i : i + 1 + i % 37] for i in range(0, 1600, 8)]
    jobs = [(model, part) for part in parts for model in (clf, other)]
    serial = [model.predict_proba(part) for model, part in jobs]
    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(lambda job: job[0].predict_proba(job[1]), jobs))
    for one, same in zip(serial, parallel, strict=True):
        np.testing.assert_array_equal(same, one)


@pytest.mark.slow
def test_threads_predict_while_another_one_trains(clf, digits):
    X, y = digits
    expected = clf.predict_proba(X[:50])
    alone = tiny(epochs=6).fit(X, y).predict_proba(X)
    with ThreadPoolExecutor(4) as pool:
        training = pool.submit(tiny(epochs=6).fit, X, y)
        while not training.done():
            for probabilities in pool.map(clf.predict_proba, [X[:50]] * 6):
                np.testing.assert_array_equal(probabilities, expected)
    np.testing.assert_array_equal(training.result().predict_proba(X), alone)


def predict_in_worker(clf, X):
    return clf.predict_proba(X)


@pytest.mark.slow
def test_a_spawned_process_predicts_the_same(clf, digits):
    X = digits[0][:20]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        probabilities = pool.apply(predict_in_worker, (clf, X))
    np.testing.assert_array_equal(probabilities, clf.predict_proba(X))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("call", ["predict", "fit"])
def test_a_fork_says_what_to_do_instead_of_hanging(call, clf, digits):
    X, y = digits[0][:20], digits[1][:20]
    clf.predict(X)  # TensorFlow has run
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            clf.predict(X) if call == "predict" else clf.fit(X, y)
            message = b"no error"
        except BaseException as error:
            message = repr(error).encode()
        os.write(write, message)
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        message = pipe.read().decode()
    os.waitpid(child, 0)
    assert message.startswith("RuntimeError") and 'get_context("spawn")' in message


STORY = """
import pickle
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
import skcnn
from skcnn.preprocessing import ImageScaler
X, y = load_digits(return_X_y=True)
X, y = X[:100].astype("uint8"), y[:100]
clf = skcnn.MNISTCNNClassifier(filters=4, epochs=1, early_stopping=True).fit(X, y)
clf.score(X, y)
pickle.loads(pickle.dumps(clf)).predict(X)
skcnn.save(clf, "clf.skcnn")
skcnn.load("clf.skcnn").predict(X)
clf.model_
pipeline = make_pipeline(ImageScaler(), skcnn.MNISTCNNClassifier(filters=4, epochs=1))
grid = {"mnistcnnclassifier__learning_rate": [0.1, 0.01]}
GridSearchCV(pipeline, grid, cv=2).fit(X, y)
"""


@pytest.mark.slow
def test_no_warning_where_warnings_are_errors(tmp_path):
    subprocess.run(
        [sys.executable, "-W", "error", "-c", STORY], cwd=tmp_path, check=True
    )
