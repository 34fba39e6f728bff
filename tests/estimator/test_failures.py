"""Fits that diverge, fail midway or never end: what they say and what they leave."""

import pickle
import tracemalloc
import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV
from tiny import tiny_classifier

import skcnn
from skcnn._estimator import fitting
from skcnn.model_selection import WarmHalvingGridSearchCV

tiny = partial(tiny_classifier, batch_size="auto")

TOO_HIGH = {"optimizer": "sgd", "learning_rate": 1e30}
DIVERGED = r"Training diverged in epoch \d+: .*Lower learning_rate, which is 1e\+30 at"


def state_of(classifier):
    """Return all that a fit leaves, as plain values."""
    trained = classifier.keras_classifier_
    arrays = trained.state_.values
    generator = classifier._random_state.get_state(legacy=False)
    return (
        [array.tobytes() for array in arrays],
        classifier.history_,
        generator["state"]["key"].tobytes(),
        generator["state"]["pos"],
    )


@pytest.fixture(scope="module")
def data(digits):
    return digits[0][:120], digits[1][:120]


@pytest.fixture(scope="module")
def noise():
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (300, 8, 8), np.uint8), np.arange(300) % 2


@pytest.fixture(scope="module")
def keras():
    return pytest.importorskip("keras")


@pytest.fixture
def failing(keras):
    """Return a callback that raises an error at the end of its first epoch."""

    def make(error):
        class Failing(keras.callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None):
                raise error

        return Failing()

    return make


# ------------------------------------------------------------------------- divergence


@pytest.mark.parametrize(
    ("optimizer", "dtype"),
    [
        pytest.param(
            optimizer,
            dtype,
            marks=() if optimizer == "sgd" and dtype == "float32" else pytest.mark.slow,
        )
        for optimizer in ("sgd", "adam", "muon")
        for dtype in ("float32", "float64", "mixed_bfloat16")
    ],
)
def test_divergence_says_the_epoch_and_what_to_lower(data, optimizer, dtype):
    rate = 1e30 if dtype != "float64" else 1e300
    classifier = tiny(optimizer=optimizer, learning_rate=rate, dtype=dtype, epochs=9)
    if dtype == "float64":
        # Learning rates are float32 numbers.
        rate = np.inf
    with pytest.raises(ValueError, match=r"diverged in epoch [1-9]: ") as error:
        classifier.fit(*data)
    assert f"learning_rate, which is {rate:g} at its highest" in str(error.value)
    assert not hasattr(classifier, "classes_")


@pytest.mark.slow
def test_one_step_that_ruins_the_network_is_found(data):
    X, y = data[0][:20], data[1][:20]
    # The loss is measured before the step, and 1e30 is a number: outputs are not.
    with pytest.raises(ValueError, match="outputs are no longer finite"):
        tiny(optimizer="adam", learning_rate=1e30, epochs=1).fit(X, y)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_loss_that_is_finite_but_absurd_is_divergence(data, early_stopping):
    classifier = tiny(
        dense_units=(),
        optimizer="sgd",
        learning_rate=1e12,
        epochs=1,
        early_stopping=early_stopping,
    )
    with pytest.raises(ValueError, match=r"epoch 1: the loss is \d.*e\+"):
        classifier.fit(*data)


def test_a_long_fit_ends_with_the_epoch_that_diverges(data):
    with pytest.raises(ValueError, match="in epoch 1: the loss is nan"):
        tiny(**TOO_HIGH, epochs=10**6).fit(*data)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_last_fit_stays_when_the_next_one_diverges(data, early_stopping):
    classifier = tiny(warm_start=True, early_stopping=early_stopping)
    classifier.set_params(optimizer="sgd").fit(*data)
    before, expected = state_of(classifier), classifier.predict_proba(data[0])
    classifier.set_params(learning_rate=1e30)
    with pytest.raises(ValueError, match=DIVERGED) as error:
        classifier.fit(*data)
    assert "in epoch 3" in str(error.value)  # of all that it would have had
    assert state_of(classifier) == before
    np.testing.assert_array_equal(classifier.predict_proba(data[0]), expected)


def test_partial_fit_that_diverges_leaves_what_there_was(data):
    classifier = tiny(optimizer="sgd").partial_fit(*data, classes=range(10))
    before = state_of(classifier)
    with pytest.raises(ValueError, match=DIVERGED):
        classifier.set_params(learning_rate=1e30).partial_fit(*data)
    assert state_of(classifier) == before


def test_a_checkpoint_keeps_no_epoch_that_diverged(data, tmp_path):
    with pytest.raises(ValueError, match=DIVERGED):
        tiny(**TOO_HIGH).fit(*data, checkpoint=tmp_path / "checkpoint")
    assert list(tmp_path.iterdir()) == []


def test_callbacks_see_the_epoch_before_it_is_refused(data, keras):
    seen = []

    class Recorder(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs["loss"])

    watching = [keras.callbacks.TerminateOnNaN(), Recorder()]
    with pytest.raises(ValueError, match=DIVERGED):
        tiny(**TOO_HIGH, callbacks=watching).fit(*data)
    assert len(seen) == 1 and np.isnan(seen[0])


RATES = [1e30, 0.01, 1e29]


@pytest.mark.filterwarnings("ignore:.*fits failed:sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.parametrize("search", [GridSearchCV, WarmHalvingGridSearchCV])
def test_a_diverged_network_never_wins_a_search(data, search):
    # All labels are the class that a diverged network would predict, but for a few.
    X, y = data[0], np.r_[np.zeros(105, int), np.ones(15, int)]
    found = search(
        tiny(optimizer="sgd"), {"learning_rate": RATES}, cv=2, error_score=np.nan
    ).fit(X, y)
    scores = found.cv_results_["mean_test_score"]
    assert np.isnan(scores).tolist()[:3] == [True, False, True]
    assert found.best_params_ == {"learning_rate": 0.01}


@pytest.mark.filterwarnings("ignore:.*fits failed:sklearn.exceptions.FitFailedWarning")
@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
def test_a_diverged_network_does_not_survive_a_rung(data):
    search = WarmHalvingGridSearchCV(
        tiny(optimizer="sgd"),
        {"learning_rate": [1e30, 0.01, 1e29, 1e28]},
        factor=2,
        max_resources=4,
        cv=2,
    ).fit(*data)
    # Half of four would be two, but only one has a score.
    assert search.n_candidates_ == [4]
    assert search.best_params_ == {"learning_rate": 0.01}


# ------------------------------------- the hold-out of warm_start with early_stopping


@pytest.mark.slow
def test_warm_start_validates_on_the_same_images_in_each_fit(noise, monkeypatch):
    seen = []
    hold_out = fitting._hold_out

    def noting(*args):
        train, held_out = hold_out(*args)
        seen.append((train.rows.tolist(), held_out.rows.tolist()))
        return train, held_out

    monkeypatch.setattr(fitting, "_hold_out", noting)
    classifier = tiny(warm_start=True, early_stopping=True)
    for _ in range(3):
        classifier.fit(*noise)
        classifier = pickle.loads(pickle.dumps(classifier))
    assert seen[0] == seen[1] == seen[2]
    assert not set(seen[0][0]) & set(seen[0][1])
    classifier.set_params(warm_start=False, random_state=1).fit(*noise)
    assert seen[3] != seen[0]


@pytest.mark.slow
def test_on_noise_the_score_does_not_creep_up_over_warm_starts(noise):
    classifier = tiny(warm_start=True, early_stopping=True, validation_fraction=0.3)
    classifier.set_params(filters=16, epochs=8, n_iter_no_change=8)
    scores = [classifier.fit(*noise).best_validation_score_ for _ in range(4)]
    # There is nothing to learn. With a new hold-out each time it came to 0.9.
    assert scores == sorted(scores)
    assert max(scores) < 0.68
    # The network has learned its own images by heart meanwhile.
    assert classifier.loss_ < classifier.loss_curve_[0]


def test_a_saved_classifier_keeps_its_hold_out(noise, tmp_path):
    classifier = tiny(warm_start=True, early_stopping=True).fit(*noise)
    skcnn.save(classifier, tmp_path / "model")
    loaded = skcnn.load(tmp_path / "model")
    assert loaded._hold_out_seed == classifier._hold_out_seed is not None
    assert state_of(loaded.fit(*noise)) == state_of(classifier.fit(*noise))


def test_survivors_of_a_search_keep_their_hold_out(noise, monkeypatch):
    seen = []
    hold_out = fitting._hold_out

    def noting(*args):
        train, held_out = hold_out(*args)
        seen.append(tuple(held_out.rows))
        return train, held_out

    monkeypatch.setattr(fitting, "_hold_out", noting)
    WarmHalvingGridSearchCV(
        tiny(early_stopping=True, random_state=np.random.RandomState(0)),
        {"learning_rate": [0.01, 0.02, 0.03, 0.04]},
        max_resources=2,
        factor=2,
        cv=2,
        refit=False,
    ).fit(*noise)
    # Eight fits in the first rung, of which those of two candidates go on.
    assert len(seen) == 12
    assert set(seen[8:]) <= set(seen[:8])


def test_a_hold_out_drawn_late_stays_too(noise):
    classifier = tiny(warm_start=True).fit(*noise)
    assert classifier._hold_out_seed is None
    seeds = [
        classifier.set_params(early_stopping=True).fit(*noise)._hold_out_seed
        for _ in range(2)
    ]
    assert seeds[0] == seeds[1] is not None


def test_other_data_in_a_warm_start_are_split_anew(noise):
    X, y = noise
    classifier = tiny(warm_start=True, early_stopping=True).fit(X, y)
    classifier.fit(X[:100], y[:100])
    assert classifier.n_iter_ == 4


def test_the_starting_weights_count_by_their_score_on_these_images(data, noise):
    X, y = data
    classifier = tiny(warm_start=True, early_stopping=True, epochs=10)
    classifier.fit(X, y, X_val=X, y_val=(y + 1) % 10)
    assert classifier.best_validation_score_ < 0.5
    # The scores of then say nothing about these labels.
    classifier.set_params(learning_rate=1e-30, optimizer="muon")
    start = classifier.score(X, y)
    classifier.fit(X, y, X_val=X, y_val=y)
    best = max(start, *classifier.validation_scores_[10:])
    assert classifier.score(X, y) == pytest.approx(best)


# --------------------------------------------------------------------- fits that fail


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_after_a_failure_the_retry_equals_an_undisturbed_run(
    data, failing, error, method
):
    disturbed, undisturbed = (tiny(warm_start=True).fit(*data) for _ in range(2))
    with pytest.raises(type(error)):
        getattr(disturbed.set_params(callbacks=failing(error)), method)(*data)
    getattr(disturbed.set_params(callbacks=None), method)(*data)
    getattr(undisturbed, method)(*data)
    assert state_of(disturbed) == state_of(undisturbed)


@pytest.mark.parametrize(
    "make", [np.random.RandomState, lambda s: np.random.RandomState(np.random.PCG64(s))]
)
def test_a_generator_of_the_users_advances_on_success_only(data, failing, make):
    generator, other = make(3), make(3)
    classifier = tiny(random_state=generator, callbacks=failing(RuntimeError("no")))
    with pytest.raises(RuntimeError, match="no"):
        classifier.fit(*data)
    before = make(3).random_sample(4)
    expected = tiny(random_state=other).fit(*data).predict_proba(data[0])
    again = classifier.set_params(callbacks=None).fit(*data).predict_proba(data[0])
    np.testing.assert_array_equal(again, expected)
    after = generator.random_sample(4)
    np.testing.assert_array_equal(after, other.random_sample(4))
    assert (after != before).all()


def test_the_global_generator_advances_on_success_only(data, failing):
    state = np.random.get_state()
    try:
        np.random.seed(3)
        expected = np.random.random_sample()
        np.random.seed(3)
        classifier = tiny(random_state=None, callbacks=failing(RuntimeError("no")))
        with pytest.raises(RuntimeError, match="no"):
            classifier.fit(*data)
        assert np.random.random_sample() == expected
        np.random.seed(3)
        classifier.set_params(callbacks=None).fit(*data)
        assert np.random.random_sample() != expected
    finally:
        np.random.set_state(state)


# ------------------------------------------------------------------- endless, and NumPy


@pytest.mark.slow
@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.parametrize("epochs", [10**9, np.int32(10**9), 2**63 - 1])
def test_a_billion_epochs_take_no_memory_and_stop_early(data, schedule, epochs):
    classifier = tiny(
        epochs=epochs,
        early_stopping=True,
        n_iter_no_change=1,
        learning_rate_schedule=schedule,
        global_pooling=True,
        progressive_resizing=(0.5, 1.0),
        tol=1.0,
    )
    tracemalloc.start()
    try:
        classifier.fit(*data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert classifier.n_iter_ < 5
    assert peak < 100e6


def test_waiting_for_ever_is_allowed_as_in_mlp(data, tmp_path):
    classifier = tiny(early_stopping=True, n_iter_no_change=np.inf, tol=1.0, epochs=15)
    assert classifier.fit(*data, checkpoint=tmp_path / "checkpoint").n_iter_ == 15
    skcnn.save(classifier, tmp_path / "model")
    assert skcnn.load(tmp_path / "model").n_iter_no_change == np.inf


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1, 1e-3, 1e15, 1e-15, 1e-40])
def test_numpys_error_settings_change_nothing(data, scale, dtype):
    X, y = data
    X = X if scale == 1 else X * scale

    def results():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = tiny(dtype=dtype, early_stopping=True, warm_start=True, epochs=3)
            weights = np.linspace(1e-30, 1, len(y))
            fit.fit(X, y, sample_weight=weights).fit(X, y).set_params(
                early_stopping=False
            )
            fit.partial_fit(X, y)
            # Confident answers, whose probabilities underflow.
            trained = fit.keras_classifier_
            weights = [
                w * 1e3 if w.shape[-1:] == (10,) else w for w in trained.state_.weights
            ]
            fit.keras_classifier_ = trained.with_state(
                replace(trained.state_, weights=weights)
            )
            return [
                getattr(fit, name)(X).tobytes()
                for name in (
                    "predict",
                    "predict_proba",
                    "predict_log_proba",
                    "decision_function",
                )
            ]

    with np.errstate(all="ignore"):
        expected = results()
    with np.errstate(all="raise"):
        assert results() == expected
