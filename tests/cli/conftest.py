"""Each test of the command line has a working folder of its own."""

import pytest


@pytest.fixture(autouse=True)
def working_folder(tmp_path_factory, monkeypatch):
    """The working folder, because `skcnn train` saves into it."""
    folder = tmp_path_factory.mktemp("working")
    monkeypatch.chdir(folder)
    return folder
