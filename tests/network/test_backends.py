"""Keras on JAX and on PyTorch, each in a process of its own.

The tests that are marked `any_backend` run there too: see `.ci/run`.
"""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from tiny import tiny_classifier

import skcnn
from skcnn._network.backends import backend


@pytest.fixture(params=["jax", "torch"])
def other(request):
    """Name a backend that is not TensorFlow."""
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f'needs pip install "skcnn[{request.param}]"')
    return request.param


def run_on(name, *arguments):
    """Run Python with another backend; return what it prints."""
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": name},
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


LOAD_AND_GO_ON = """
import pickle, sys
import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_digits
import skcnn, skcnn.export
X, y = load_digits(return_X_y=True)
X, y = X[:100].astype("uint8"), y[:100]
for model, scores in zip(sys.argv[1::2], sys.argv[2::2]):
    loaded = skcnn.load(model)
    np.save(scores, loaded.predict_proba(X))
    loaded.partial_fit(X, y)
    skcnn.save(loaded, model)
"""
# The network is that of the model, which is compiled already.
WHAT_ELSE_THERE_IS = """
clf = clone(loaded).set_params(early_stopping=True).fit(X, y)
clf.score(X, y)
pickle.loads(pickle.dumps(clf)).predict(X)
clf.model_
clf._repr_html_()
try:
    skcnn.export.to_saved_model(clf, "model")
except RuntimeError as error:
    print(error)
"""
IMPORTED = """
print([name for name in ("tensorflow", "jax", "torch") if name in sys.modules])
"""


@pytest.mark.slow
def test_a_model_moves_to_another_backend_and_back(other, digits, tmp_path):
    X, y = digits[0][:100], digits[1][:100]
    tolerances = {"float64": 1e-12, "float32": 1e-5}
    fitted, paths = {}, []
    for dtype in tolerances:
        fitted[dtype] = tiny_classifier(dtype=dtype).fit(X, y)
        paths += [tmp_path / f"{dtype}.skcnn", tmp_path / f"{dtype}.npy"]
        skcnn.save(fitted[dtype], paths[-2])
    # What comes last is float32, and so is what else there is.
    code = LOAD_AND_GO_ON + WHAT_ELSE_THERE_IS + IMPORTED
    printed = run_on(other, "-c", code, *map(str, paths)).splitlines()
    for dtype, atol in tolerances.items():
        clf = fitted[dtype]
        scores = np.load(tmp_path / f"{dtype}.npy")
        np.testing.assert_allclose(scores, clf.predict_proba(X), atol=atol)
        again = skcnn.load(tmp_path / f"{dtype}.skcnn")
        assert again.n_iter_ == 3
        assert again.loss_ < clf.loss_
        again.partial_fit(X, y)
    assert "only networks in TensorFlow can be exported" in printed[-2]
    # A gigabyte of memory, and seconds, that nobody asked for.
    assert "tensorflow" not in printed[-1]
    assert other in printed[-1]


def test_another_backend_is_refused(monkeypatch):
    import keras

    monkeypatch.setattr(keras.config, "backend", lambda: "openvino")
    with pytest.raises(RuntimeError, match="Keras runs on 'openvino', but skcnn needs"):
        backend()
