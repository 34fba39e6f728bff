"""PyTorch's training repeats on GPUs, and leaves PyTorch's own switch as it was."""

import os

import pytest
from tiny import tiny_classifier

from skcnn._network import step
from skcnn.datasets import load_digit_images

pytestmark = pytest.mark.skipif(
    os.environ.get("KERAS_BACKEND") != "torch",
    reason="needs KERAS_BACKEND=torch, as .ci/run sets it",
)


@pytest.fixture(params=[False, True])
def cudnn(request, monkeypatch):
    """PyTorch's switches for NVIDIA GPUs, which are there without a GPU, too."""
    from torch.backends import cudnn

    monkeypatch.setattr(cudnn, "deterministic", request.param)
    return cudnn


def test_cudnn_is_deterministic_while_a_classifier_trains(cudnn, monkeypatch):
    before, found = cudnn.deterministic, []
    train_on_batch = step.Computation.train_on_batch

    def noted(*args):
        found.append(cudnn.deterministic)
        return train_on_batch(*args)

    monkeypatch.setattr(step.Computation, "train_on_batch", noted)
    X, y = load_digit_images(return_X_y=True)
    clf = tiny_classifier(epochs=1).fit(X[:100], y[:100])
    assert found
    assert all(found)
    assert cudnn.deterministic is before
    clf.predict(X[:10])
    assert cudnn.deterministic is before


def test_the_switch_is_put_back_by_the_last_of_several_trainings(cudnn):
    from skcnn._network.backends import torch

    before = cudnn.deterministic
    first, second = torch._deterministic_cudnn(), torch._deterministic_cudnn()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert cudnn.deterministic
    second.__exit__(None, None, None)
    assert cudnn.deterministic is before


def test_the_switch_is_put_back_after_an_error(cudnn):
    from skcnn._network.backends import torch

    before = cudnn.deterministic
    with pytest.raises(KeyError), torch._deterministic_cudnn():
        raise KeyError
    assert cudnn.deterministic is before
