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
loaded = skcnn.load(sys.argv[1])
np.save(sys.argv[2], loaded.predict_proba(X))
loaded.partial_fit(X, y)
skcnn.save(loaded, sys.argv[1])
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
@pytest.mark.parametrize(("dtype", "atol"), [("float32", 1e-5), ("float64", 1e-12)])
def test_a_model_moves_to_another_backend_and_back(
    other, dtype, atol, digits, tmp_path
):
    X, y = digits
    clf = tiny_classifier(dtype=dtype).fit(X[:100], y[:100])
    model, scores = tmp_path / "model.skcnn", tmp_path / "scores.npy"
    skcnn.save(clf, model)
    more = WHAT_ELSE_THERE_IS if dtype == "float32" else ""
    code = LOAD_AND_GO_ON + more + IMPORTED
    printed = run_on(other, "-c", code, str(model), str(scores)).splitlines()
    expected = clf.predict_proba(digits[0][:100])
    np.testing.assert_allclose(np.load(scores), expected, atol=atol)
    again = skcnn.load(model)
    assert again.n_iter_ == 3
    assert again.loss_ < clf.loss_
    again.partial_fit(digits[0][:100], digits[1][:100])
    if more:
        assert "only networks in TensorFlow can be exported" in printed[-2]
    # A gigabyte of memory, and seconds, that nobody asked for.
    assert "tensorflow" not in printed[-1]
    assert other in printed[-1]


def test_another_backend_is_refused(monkeypatch):
    import keras

    monkeypatch.setattr(keras.config, "backend", lambda: "openvino")
    with pytest.raises(RuntimeError, match="Keras runs on 'openvino', but skcnn needs"):
        backend()
