"""Importing skcnn costs nothing heavy and changes nothing."""

import json
import pkgutil
import subprocess
import sys

import pytest

import skcnn

pytestmark = pytest.mark.slow  # all start processes

# Subclasses of classes of Keras and SciKeras, imported on first use.
SUBCLASSES = [
    "skcnn._estimator.keras_classifier",
    "skcnn._network.muon",
]

HEAVY = ["tensorflow", "jax", "torch", "keras", "scikeras", "matplotlib"]

MODULES = [
    "skcnn",
    *(module.name for module in pkgutil.walk_packages(skcnn.__path__, "skcnn.")),
]


def run_fresh(code):
    """Run code in a new process; return the heavy modules and variables it left."""
    report = (
        "import json, os, sys\n"
        # scikit-learn itself imports pandas where it is installed. With None here it
        # goes without, and an import in skcnn raises.
        "sys.modules['pandas'] = None\n"
        # scikit-learn sets two KMP_ variables of its own.
        "import sklearn\n"
        "before = dict(os.environ)\n"
        f"{code}\n"
        f"loaded = [name for name in {HEAVY} if name in sys.modules]\n"
        "changed = sorted(set(before.items()) ^ set(os.environ.items()))\n"
        "print(json.dumps([loaded, changed]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_importing_every_module_loads_nothing_heavy_and_leaves_the_environment():
    light = [module for module in MODULES if module not in SUBCLASSES]
    assert len(MODULES) - len(SUBCLASSES) == len(light) > 10
    loaded, changed = run_fresh(
        "import importlib\n"
        f"for module in {light}:\n"
        "    importlib.import_module(module)\n"
        f"    heavy = [name for name in {HEAVY} if name in sys.modules]\n"
        "    assert not heavy, f'{module} loads {heavy}'"
    )
    assert loaded == []
    assert changed == []


def test_every_public_name_is_there_without_heavy_imports():
    loaded, _ = run_fresh(
        "import skcnn\n"
        "for name in skcnn.__all__:\n"
        "    getattr(skcnn, name)\n"
        "assert skcnn.MNISTCNNClassifier and skcnn.CIFARCNNClassifier"
    )
    assert loaded == []


@pytest.mark.parametrize("name", ["MNISTCNNClassifier", "CIFARCNNClassifier"])
def test_an_unfitted_classifier_loads_nothing_heavy(name):
    loaded, changed = run_fresh(
        f"from skcnn import {name} as kind\n"
        "from sklearn.base import clone, is_classifier\n"
        "from sklearn.pipeline import make_pipeline\n"
        "estimator = clone(kind(epochs=3)).set_params(epochs=2)\n"
        "assert estimator.get_params()['epochs'] == 2\n"
        "assert 'epochs=2' in repr(estimator)\n"
        "assert is_classifier(estimator)\n"
        "estimator._repr_html_()\n"
        "make_pipeline(estimator).get_params()\n"
        "[kind.from_preset(preset) for preset in kind.presets]"
    )
    assert loaded == []
    assert changed == []


def test_the_check_itself_sees_a_heavy_import_and_a_changed_variable():
    loaded, changed = run_fresh("import matplotlib; os.environ['SKCNN_PROBE'] = '1'")
    assert loaded == ["matplotlib"]
    assert changed == [["SKCNN_PROBE", "1"]]


def test_the_check_itself_sees_pandas():
    with pytest.raises(AssertionError, match="pandas"):
        run_fresh("import pandas")


def test_names_and_subpackages_are_imported_on_first_use():
    code = (
        "import sys, skcnn\n"
        "assert 'sklearn' not in sys.modules\n"
        "assert {'MNISTCNNClassifier', 'datasets', '__version__'} <= set(dir(skcnn))\n"
        "assert skcnn.datasets.load_digit_images().images.shape == (1797, 8, 8)\n"
        "assert skcnn.MNISTCNNClassifier is skcnn.MNISTCNNClassifier\n"
        "from skcnn import *\n"
        "assert CIFARCNNClassifier and save and load\n"
        "assert not hasattr(skcnn, 'MNISTClassifier')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
