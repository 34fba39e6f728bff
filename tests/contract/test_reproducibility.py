"""The same random_state gives the same bits everywhere, and fit leaves no trace."""

import copy
import hashlib
import json
import os
import pickle
import random
import subprocess
import sys
import warnings
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from joblib import cpu_count, parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._training import compiled

TINY = {"filters": 4, "kernel_size": 3, "dense_units": 8, "epochs": 2}

SETTINGS = {
    "plain": (MNISTCNNClassifier, {"augment": None}),
    "dropout": (MNISTCNNClassifier, {"augment": None, "dropout": 0.3}),
    "early stopping": (
        MNISTCNNClassifier,
        {"augment": None, "early_stopping": True, "validation_fraction": 0.25},
    ),
    "augmentation": (MNISTCNNClassifier, {"augment": "affine"}),
    "color": (CIFARCNNClassifier, {"augment": ("flip", "shift")}),
}

# These networks take long to trace.
SLOW = {"augmentation": pytest.mark.slow, "color": pytest.mark.slow}
every_setting = pytest.mark.parametrize(
    "setting", [pytest.param(name, marks=SLOW.get(name, ())) for name in SETTINGS]
)


def make(setting="plain", **params):
    classifier, settings = SETTINGS[setting]
    return classifier(**TINY | settings | {"random_state": 0} | params)


def data(setting="plain"):
    """Return 160 digits: 8 x 8 gray, or 16 x 16 (and in color) where it matters."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:160].reshape(-1, 8, 8).astype(np.uint8), y[:160]
    if setting in ("augmentation", "color"):
        X = np.kron(X, np.ones((2, 2), np.uint8))
    if setting == "color":
        X = np.stack([X, 16 - X, X // 2], axis=-1)
    return X, y


def probabilities(setting="plain", **params):
    X, y = data(setting)
    return make(setting, **params).fit(X, y).predict_proba(X)


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def global_state():
    """Return all that a fit must leave alone, in a form that can be compared."""
    import keras
    import tensorflow as tf
    from tensorflow.python.eager import context
    from tensorflow.python.framework import config

    patched_by_scikeras = {
        "Model": keras.Model,
        "Loss": keras.losses.Loss,
        "Metric": keras.metrics.Metric,
        "Optimizer": keras.optimizers.Optimizer,
    }
    return {
        "random": repr(random.getstate()),
        "numpy": repr(np.random.get_state(legacy=False)["state"]["key"].tolist()),
        "numpy position": np.random.get_state(legacy=False)["state"]["pos"],
        "numpy errors": np.geterr(),
        "tensorflow seed": context.global_seed(),
        "op determinism": config.is_op_determinism_enabled(),
        "eager functions": tf.config.functions_run_eagerly(),
        "intra-op threads": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter-op threads": tf.config.threading.get_inter_op_parallelism_threads(),
        "environment": dict(os.environ),
        "backend": keras.config.backend(),
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "policy": keras.config.dtype_policy().name,
        "data format": keras.config.image_data_format(),
        # Keras's register of classes gains ours, under their own prefix.
        "custom objects": sorted(
            name
            for name in keras.saving.get_custom_objects()
            if not name.startswith("skcnn>")
        ),
        "warnings": repr(warnings.filters),
        "methods": {
            f"{name}.{method}": repr(getattr(owner, method, None))
            for name, owner in patched_by_scikeras.items()
            for method in ("__reduce__", "__deepcopy__")
        },
    }


def difference(before, after):
    return {name: after[name] for name in before if before[name] != after[name]}


def random_streams():
    """Return the next number of every global generator."""
    import keras
    import tensorflow as tf

    return [
        random.random(),
        np.random.random_sample(),
        float(tf.random.uniform([])),
        float(keras.random.uniform(())),
        float(keras.initializers.GlorotUniform()((1, 1))[0, 0]),
    ]


def automatic_names():
    import keras

    return [
        keras.layers.Dense(1).name,
        keras.layers.Conv2D(1, 1).name,
        keras.layers.Activation("softmax").name,
        keras.Sequential().name,
        keras.layers.InputLayer((1,)).name,
    ]


def user_model_survives(X, y):
    """Say whether a user's own SciKeras model can be pickled and deep-copied."""
    from scikeras.wrappers import KerasClassifier

    model = KerasClassifier(
        _users_network, loss="sparse_categorical_crossentropy", verbose=0
    )
    expected = model.fit(X, y).predict_proba(X)
    copies = pickle.loads(pickle.dumps(model)), copy.deepcopy(model)
    return [np.array_equal(c.predict_proba(X), expected) for c in copies]


def _users_network(meta):
    import keras

    return keras.Sequential(
        [
            keras.Input(meta["X_shape_"][1:]),
            keras.layers.Flatten(),
            keras.layers.Dense(meta["n_classes_"], activation="softmax"),
        ]
    )


def report_of_fresh_process():
    """What `fresh_process` prints: Keras is imported, SciKeras is not."""
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    assert "scikeras" not in sys.modules
    before = global_state()
    digests = {setting: digest(probabilities(setting)) for setting in SETTINGS}
    make().fit(*data()).model_.summary(print_fn=str)
    return {
        "digests": digests,
        "changed": difference(before, global_state()),
        "names": automatic_names(),
        "files": os.listdir(),
        "survives": user_model_survives(*data()),
    }


@pytest.fixture(scope="module")
def fresh_process(tmp_path_factory):
    """The report of a new process, whose working directory was empty."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "import json, test_reproducibility as module\n"
        "print(json.dumps(module.report_of_fresh_process()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path_factory.mktemp("empty"),
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def nothing_compiled(monkeypatch):
    """Networks are built anew, under the global settings of the moment."""
    monkeypatch.setattr(compiled, "_compiled", OrderedDict())


@every_setting
def test_same_seed_gives_the_same_bits(setting):
    assert np.array_equal(probabilities(setting), probabilities(setting))


@pytest.mark.slow
@every_setting
def test_same_seed_gives_the_same_bits_in_another_process(setting, fresh_process):
    assert digest(probabilities(setting)) == fresh_process["digests"][setting]


@every_setting
def test_different_seeds_differ(setting):
    assert not np.array_equal(
        probabilities(setting), probabilities(setting, random_state=1)
    )


@pytest.mark.slow
def test_same_seed_gives_the_same_bits_when_networks_are_compiled_anew(
    nothing_compiled, monkeypatch
):
    first = probabilities("augmentation")
    monkeypatch.setattr(compiled, "_compiled", OrderedDict())
    assert np.array_equal(probabilities("augmentation"), first)


def test_refit_of_the_same_estimator_gives_the_same_bits():
    X, y = data()
    classifier = make(dropout=0.3).fit(X, y)
    first = classifier.predict_proba(X)
    assert np.array_equal(classifier.fit(X, y).predict_proba(X), first)


@pytest.mark.slow
def test_grid_search_in_workers_equals_the_serial_one():
    X, y = data()
    grid = {"learning_rate": [0.003, 0.03], "dropout": [0, 0.3]}
    # As many threads as in this process: by default each worker gets its share only.
    with parallel_config("loky", inner_max_num_threads=cpu_count()):
        serial, parallel = (
            GridSearchCV(make(), grid, cv=2, n_jobs=n_jobs).fit(X, y)
            for n_jobs in (1, 2)
        )
    for scores in ("split0_test_score", "split1_test_score"):
        assert np.array_equal(serial.cv_results_[scores], parallel.cv_results_[scores])
    # Not all the same, or the comparison would say nothing.
    assert len(set(serial.cv_results_["split0_test_score"])) > 1
    assert np.array_equal(serial.predict_proba(X), parallel.predict_proba(X))


@pytest.mark.slow
def test_fits_in_two_threads_equal_serial_ones(nothing_compiled):
    X, y = data()

    def fit(seed):
        classifier = make(random_state=seed, epochs=4, dropout=0.2, batch_size=16)
        return classifier.fit(X, y).predict_proba(X)

    with ThreadPoolExecutor(2) as pool:
        threaded = list(pool.map(fit, range(6)))
    for seed, result in enumerate(threaded):
        assert np.array_equal(result, fit(seed)), f"seed {seed}"


@pytest.mark.slow
def test_different_networks_fit_in_threads_equal_serial_ones():
    def fit(setting):
        return probabilities(setting, random_state=3)

    with ThreadPoolExecutor(2) as pool:
        threaded = list(pool.map(fit, SETTINGS))
    for setting, result in zip(SETTINGS, threaded, strict=True):
        assert np.array_equal(result, fit(setting)), setting


def test_random_state_instance_moves_on_from_fit_to_fit():
    def two_fits():
        generator = np.random.RandomState(0)
        return [probabilities(random_state=generator) for _ in range(2)]

    first, second = two_fits()
    assert not np.array_equal(first, second)
    assert np.array_equal([first, second], two_fits())


def test_no_seed_draws_from_numpys_global_generator():
    state = np.random.get_state()
    try:
        np.random.seed(5)
        first, second = (probabilities(random_state=None) for _ in range(2))
        np.random.seed(5)
        assert np.array_equal(probabilities(random_state=None), first)
    finally:
        np.random.set_state(state)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    "setting", ["plain", pytest.param("color", marks=pytest.mark.slow)]
)
def test_fit_and_predict_change_no_global_state(setting):
    X, y = data(setting)
    before = global_state()
    classifier = make(setting, early_stopping=True, dropout=0.2).fit(X, y)
    classifier.predict(X)
    classifier.model_.get_weights()
    pickle.loads(pickle.dumps(classifier)).score(X, y)
    assert difference(before, global_state()) == {}


@pytest.mark.slow
def test_first_fit_of_a_process_changes_no_global_state(fresh_process):
    assert fresh_process["changed"] == {}


def test_fit_draws_from_no_global_generator(nothing_compiled):
    import keras

    states = random.getstate(), np.random.get_state()
    try:
        keras.utils.set_random_seed(7)
        expected = random_streams()
        keras.utils.set_random_seed(7)
        make(dropout=0.2).fit(*data()).model_.get_weights()
        assert random_streams() == expected
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@pytest.mark.slow
def test_layers_made_after_a_fit_have_the_names_they_had_without(fresh_process):
    assert fresh_process["names"] == [
        "dense",
        "conv2d",
        "activation",
        "sequential",
        "input_layer",
    ]


@pytest.mark.slow
def test_a_users_own_scikeras_model_pickles_and_copies_after_a_fit(fresh_process):
    assert fresh_process["survives"] == [True, True]


@pytest.mark.slow
def test_fit_writes_no_file(fresh_process):
    assert fresh_process["files"] == []


GLOBAL_SETTINGS = {
    "mixed precision": ("dtype_policy", "mixed_float16"),
    "float64 policy": ("dtype_policy", "float64"),
    "float64 floatx": ("floatx", "float64"),
    "channels first": ("image_data_format", "channels_first"),
    "epsilon": ("epsilon", 0.1),
}


@pytest.fixture(scope="module")
def under_keras_defaults():
    return probabilities("color", test_time_augmentation=None)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(GLOBAL_SETTINGS))
def test_a_users_global_setting_changes_no_result_and_stays(
    name, under_keras_defaults, nothing_compiled
):
    import keras

    setting, value = GLOBAL_SETTINGS[name]
    read = getattr(keras.config, setting)
    write = getattr(keras.config, f"set_{setting}")
    X, y = data("color")
    before = read()
    write(value)
    try:
        classifier = make("color", test_time_augmentation=None).fit(X, y)
        result = classifier.predict_proba(X)
        from_model = classifier.model_.predict(X.astype(np.float32), verbose=0)
        after = read()
        assert getattr(after, "name", after) == value
    finally:
        write(before)
    assert np.array_equal(result, under_keras_defaults)
    np.testing.assert_allclose(from_model, under_keras_defaults, atol=1e-6)


@pytest.mark.parametrize("writeable", [True, False])
def test_the_users_arrays_stay_as_they_were(writeable):
    X, y = data()
    y = y.astype(object).astype(str)
    weights = np.linspace(0, 2, len(X))
    arrays = {
        "X": X[:100],
        "y": y[:100],
        "sample_weight": weights[:100],
        "X_val": X[100:],
        "y_val": y[100:],
        "sample_weight_val": weights[100:],
    }
    arrays = {name: array.copy() for name, array in arrays.items()}
    before = copy.deepcopy(arrays)
    for array in arrays.values():
        array.flags.writeable = writeable
    classifier = make(class_weight="balanced", early_stopping=True)
    classifier.fit(**arrays).predict_proba(arrays["X"])
    classifier.score(arrays["X_val"], arrays["y_val"], arrays["sample_weight_val"])
    for name, array in arrays.items():
        assert np.array_equal(array, before[name]), name
