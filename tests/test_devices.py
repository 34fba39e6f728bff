"""Training on several devices, in processes that have two virtual ones."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


@pytest.mark.parametrize("name", ["tensorflow", "jax"])
def test_two_devices_give_what_one_gives(name):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f'needs pip install "skcnn[{name}]"')
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", TESTS / "test_on_two_devices.py"],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "KERAS_BACKEND": name,
            "SKCNN_TWO_DEVICES": "1",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        },
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "skipped" not in done.stdout, done.stdout


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason='needs pip install "skcnn[torch]"'
)
def test_pytorch_refuses(monkeypatch):
    import keras

    from skcnn._backends import torch

    assert torch.devices() is None
    monkeypatch.setattr(keras.distribution, "distribution", lambda: object())
    with pytest.raises(RuntimeError, match="which skcnn does not on PyTorch"):
        torch.devices()
