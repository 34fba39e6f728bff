"""The public names of skcnn.datasets, and what importing them costs."""

import inspect
import subprocess
import sys

import pytest

from skcnn import datasets

OPTIONAL = {"tensorflow", "keras", "scikeras", "matplotlib", "pandas", "PIL"}


def loaded_by(code):
    """Return which optional packages a new process has loaded after `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return OPTIONAL & set(done.stdout.split())


@pytest.fixture(scope="module")
def unavoidable():
    """What scikit-learn loads itself: its version 1.9 imports pandas if it is there."""
    return loaded_by("import sklearn.datasets")


@pytest.mark.slow
def test_importing_the_data_sets_loads_no_optional_package(unavoidable):
    assert unavoidable <= {"pandas"}
    assert loaded_by("import skcnn.datasets") == unavoidable


@pytest.mark.slow
def test_reading_arrays_loads_no_optional_package(tmp_path, unavoidable):
    code = f"""
import skcnn.datasets
skcnn.datasets.load_digit_images()
for fetch in (skcnn.datasets.fetch_mnist, skcnn.datasets.fetch_cifar10):
    try:
        fetch(data_home={str(tmp_path)!r}, download_if_missing=False)
    except OSError:
        pass
"""
    assert loaded_by(code) == unavoidable


@pytest.mark.slow
def test_these_tests_see_what_is_loaded():
    assert {"pandas", "PIL"} <= loaded_by("import pandas, PIL.Image")


@pytest.mark.parametrize("name", datasets.__all__)
def test_public_functions_are_documented(name):
    doc = inspect.getdoc(getattr(datasets, name))
    assert "Parameters\n" in doc
    assert "Examples\n" in doc


@pytest.mark.parametrize("name", ["fetch_mnist", "fetch_cifar10"])
def test_the_fetchers_have_the_same_keywords_and_defaults(name):
    parameters = inspect.signature(getattr(datasets, name)).parameters.values()
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)
    assert {parameter.name: parameter.default for parameter in parameters} == {
        "subset": "train",
        "data_home": None,
        "download_if_missing": True,
        "return_X_y": False,
        "as_frame": False,
    }
