"""The training loop and its sets of images. Nothing here needs TensorFlow."""

import re

import numpy as np
import pytest

from skcnn import _training
from skcnn._training import LabelledImages, TrainingLoop, prediction_batch

# Six images of two different kinds and labels; 4 and 5 are the first two again.
PIXELS = np.array([[9, 1], [0, 1], [5, 5], [9, 2], [9, 1], [0, 1]], np.uint8)
CODES = np.array([1, 0, 0, 1, 1, 1], np.int32)


def images(weights=None, form=(6, 2)):
    weights = None if weights is None else np.array(weights, float)
    return LabelledImages.of(PIXELS.reshape(form), (1, 2, 1), CODES, weights)


@pytest.mark.parametrize("weights", [None, [1.0, 2, 1, 2, 1, 2]])
def test_all_images_of_positive_weight_take_part(weights):
    data = images(weights)
    assert len(data) == 6
    np.testing.assert_array_equal(data.rows, np.arange(6))
    np.testing.assert_array_equal(data.codes, CODES)


def test_images_of_weight_zero_take_no_part():
    data = images([1, 0, 2, 0, 0, 3])
    np.testing.assert_array_equal(data.rows, [0, 2, 5])
    np.testing.assert_array_equal(data.codes, [1, 0, 1])
    np.testing.assert_array_equal(data.weights, [1, 2, 3])
    np.testing.assert_array_equal(
        data.images(slice(1, 3)).reshape(-1, 2), PIXELS[[2, 5]]
    )
    np.testing.assert_array_equal(data.weights_of_all_rows(), [1, 0, 2, 0, 0, 3])


@pytest.mark.parametrize("form", [(6, 2), (6, 1, 2), (6, 1, 2, 1)], ids=str)
def test_images_come_with_channels_whatever_their_form(form):
    batch = images(form=form).images(np.array([3, 0]))
    assert batch.shape == (2, 1, 2, 1)
    np.testing.assert_array_equal(batch.ravel(), [9, 2, 9, 1])


def test_a_part_of_a_part_keeps_images_labels_and_weights_together():
    part = images([1, 2, 3, 0, 5, 6]).take([4, 1, 0]).take([0, 2])
    np.testing.assert_array_equal(part.rows, [5, 0])
    np.testing.assert_array_equal(part.codes, [1, 1])
    np.testing.assert_array_equal(part.weights, [6, 1])
    np.testing.assert_array_equal(part.weights_of_all_rows(), [1, 0, 0, 0, 0, 6])
    assert np.shares_memory(part.X, PIXELS)


def test_a_part_without_weights_has_one_for_each_of_its_rows():
    assert images().weights_of_all_rows() is None
    part = images().take([2, 0])
    assert part.weights is None
    np.testing.assert_array_equal(part.weights_of_all_rows(), [1, 0, 1, 0, 0, 0])


def test_equal_images_of_one_label_merge_into_one_of_their_weight():
    merged = images([1, 2, 4, 8, 16, 32]).merged()
    # Sorted by label, then by pixels; the image [0, 1] comes with two labels.
    np.testing.assert_array_equal(merged.codes, [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(
        merged.images(slice(None)).reshape(-1, 2),
        [[0, 1], [5, 5], [0, 1], [9, 1], [9, 2]],
    )
    np.testing.assert_array_equal(merged.weights, [2, 4, 32, 17, 8])
    assert merged.X.dtype == np.uint8
    assert merged.image_shape == (1, 2, 1)
    assert merged.codes.dtype == np.int32


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float32, np.float64])
def test_merging_does_not_depend_on_order_or_on_how_weight_is_given(dtype):
    X = PIXELS.astype(dtype)
    whole = np.array([1, 3, 2, 1, 2, 0])
    twice = np.repeat(np.arange(6), whole)[::-1]
    weighted = LabelledImages.of(X, (1, 2, 1), CODES, whole.astype(float)).merged()
    repeated = LabelledImages.of(X[twice], (1, 2, 1), CODES[twice], None).merged()
    np.testing.assert_array_equal(weighted.X, repeated.X)
    np.testing.assert_array_equal(weighted.codes, repeated.codes)
    np.testing.assert_array_equal(weighted.weights, repeated.weights)


def test_pixels_of_64_bit_that_differ_in_the_last_place_stay_apart():
    X = np.array([[1.0], [np.nextafter(1.0, 2)]])
    data = LabelledImages.of(X, (1, 1, 1), np.zeros(2, np.int32), None)
    assert len(data.merged()) == 2


def test_weights_are_divided_by_their_mean():
    data = images([1, 0, 2, 0, 0, 3]).with_mean_weight_one()
    np.testing.assert_allclose(data.weights, [0.5, 1, 1.5])
    assert images().with_mean_weight_one().weights is None


# -------------------------------------------------------------------------- the loop


class Session:
    """Notes what it is asked to train on; its weights count the steps."""

    def __init__(self):
        self.calls, self.steps, self.closed = [], 0, False

    def train(self, images, codes, weights, mirrored, **options):
        self.calls.append({"images": images, "codes": codes, "weights": weights})
        self.calls[-1]["mirrored"] = mirrored
        self.calls[-1].update(options)
        self.steps += len(options["rates"])
        return 2.0 * weights.sum(), 0.5 * weights.sum()

    def weights(self):
        return [self.steps]

    def set_weights(self, weights):
        (self.steps,) = weights

    def close(self):
        self.closed = True


class Classifier:
    """As much of a SciKeras classifier as the loop needs."""

    dtype = np.dtype(np.float32)
    peak_learning_rate = 0.5
    _fit_callbacks = ()
    weights_, optimizer_values_, n_trainable = (), (), 0

    def __init__(self, scores=()):
        self.history_, self.stored = {}, None
        self.scores = dict(enumerate(scores, start=1))
        self._session = Session()

    def session(self):
        return self._session

    def compiled_network(self):
        return self

    def images(self, batch):
        return batch

    def logits(self, weights, images):
        """Be right about as many of ten images as the score of this epoch says."""
        (epoch,) = weights
        right = round(10 * self.scores[epoch])
        return np.eye(2)[[0] * right + [1] * (10 - right)]

    def store(self, session, log=None):
        self.stored = session.weights()
        for name, value in (log or {}).items():
            self.history_.setdefault(name, []).append(value)


class Tasks:
    """Says that nobody watches."""

    def begin(self):
        pass

    begin_epoch = end_epoch = end = begin


def loop(data=None, **options):
    options = {
        "validation": None,
        "batch_size": 4,
        "sizes": [(1, 1)],
        "schedule": "constant",
        "dropout": (0.25, 0.5),
        "label_smoothing": 0.125,
        "shuffle": True,
        "random_state": np.random.RandomState(0),
        "patience": None,
        "tol": 0.0,
        "verbose": 0,
        "tasks": Tasks(),
    } | options
    return TrainingLoop(images() if data is None else data, **options)


def validation():
    X = np.zeros((10, 2), np.uint8)
    return LabelledImages.of(X, (1, 2, 1), np.zeros(10, np.int32), None)


def numbered(n):
    """Return n images of which each holds its number and has it as its weight."""
    X = np.arange(n, dtype=np.uint16).reshape(n, 1)
    return LabelledImages(
        X, (1, 1, 1), np.arange(n), np.arange(n, dtype=np.int32), np.arange(n) + 1.0
    )


def test_each_epoch_takes_each_image_once_in_a_new_order():
    classifier = Classifier()
    loop(numbered(50)).run(classifier, 3)
    orders = [call["images"].ravel().tolist() for call in classifier._session.calls]
    assert len(orders) == 3
    for order in orders:
        assert sorted(order) == list(range(50))
    assert len({tuple(order) for order in [*orders, range(50)]}) == 4


def test_images_stay_with_their_labels_and_weights():
    classifier = Classifier()
    loop(numbered(50)).run(classifier, 1)
    (call,) = classifier._session.calls
    np.testing.assert_array_equal(call["codes"], call["images"].ravel())
    np.testing.assert_array_equal(call["weights"], call["images"].ravel() + 1)
    assert call["weights"].dtype == np.float32


def test_without_shuffling_the_order_is_kept():
    classifier = Classifier()
    loop(numbered(50), shuffle=False).run(classifier, 2)
    for call in classifier._session.calls:
        np.testing.assert_array_equal(call["images"].ravel(), np.arange(50))


def test_long_epochs_are_cut_into_calls_of_whole_batches(monkeypatch):
    monkeypatch.setattr(_training, "MAX_CALL_STEPS", 3)
    classifier = Classifier()
    loop(numbered(50), shuffle=False).run(classifier, 1)
    calls = classifier._session.calls
    assert [len(call["images"]) for call in calls] == [12, 12, 12, 12, 2]
    assert [call["step"] for call in calls] == [0, 3, 6, 9, 12]
    assert [len(call["rates"]) for call in calls] == [3, 3, 3, 3, 1]
    together = np.concatenate([call["images"].ravel() for call in calls])
    np.testing.assert_array_equal(together, np.arange(50))
    assert len({call["seed"].item() for call in calls}) == 1


@pytest.mark.parametrize(
    ("shape", "dtype", "batch_size", "steps"),
    [
        ((28, 28, 1), np.uint8, 100, 64),
        ((32, 32, 3), np.uint8, 100, 27),
        ((32, 32, 3), np.float64, 100, 3),
        ((500, 500, 3), np.float64, 100, 1),
    ],
)
def test_memory_bounds_the_steps_of_a_call(shape, dtype, batch_size, steps):
    data = LabelledImages.of(np.zeros((1, *shape), dtype), shape, [0], None)
    assert loop(data, batch_size=batch_size)._steps_a_call() == steps


def test_what_differs_between_fits_is_passed_at_run_time():
    classifier = Classifier()
    loop().run(classifier, 2)
    first, second = classifier._session.calls
    np.testing.assert_array_equal(first["rates"], np.full(2, 0.5, np.float32))
    np.testing.assert_array_equal(first["dropout"], [0.25, 0.5])
    assert (first["smoothing"], first["batch_size"]) == (0.125, 4)
    assert first["seed"] != second["seed"]


def test_the_rates_of_a_cosine_schedule_span_all_epochs():
    classifier = Classifier()
    loop(numbered(48), schedule="cosine").run(classifier, 3)
    rates = np.concatenate([call["rates"] for call in classifier._session.calls])
    expected = _training.learning_rates("cosine", 0.5, np.arange(36.0), 36)
    np.testing.assert_array_equal(rates, expected)


def test_the_rates_of_a_linear_schedule_span_all_epochs():
    classifier = Classifier()
    loop(numbered(48), schedule="linear").run(classifier, 3)
    rates = np.concatenate([call["rates"] for call in classifier._session.calls])
    np.testing.assert_allclose(rates, np.linspace(0.5, 0, 37)[:-1], rtol=1e-6)


@pytest.mark.parametrize("shuffle", [False, True])
def test_images_mirrored_in_one_epoch_are_not_in_the_next(shuffle):
    classifier = Classifier()
    loop(numbered(50), shuffle=shuffle).run(classifier, 4)
    epochs = np.empty((4, 50), bool)
    for epoch, call in zip(epochs, classifier._session.calls, strict=True):
        assert call["mirrored"].dtype == bool
        epoch[call["images"].ravel()] = call["mirrored"]
    assert 10 < epochs[0].sum() < 40
    np.testing.assert_array_equal(epochs[1:], ~epochs[:-1])


def test_flips_go_on_alternating_in_a_later_call():
    def masks(*epochs):
        classifier = Classifier()
        for n in epochs:
            loop(numbered(50), shuffle=False).run(classifier, n)
        calls = classifier._session.calls
        return [call["mirrored"].tolist() for call in calls if call["step"] == 0]

    assert masks(1, 1, 2) == masks(4)
    half = np.mean(masks(1)[0])
    assert 0.2 < half < 0.8


SIZES = [(1, 1), (2, 2), (3, 4)]


@pytest.mark.parametrize(
    ("sizes", "epochs", "steps"),
    [
        # 13 steps an epoch.
        (SIZES[:1], 2, [26]),
        (SIZES[:2], 1, [6, 7]),
        (SIZES, 1, [4, 4, 5]),
        (SIZES, 2, [8, 9, 9]),
        (SIZES, 3, [13, 13, 13]),
        ([*SIZES, *SIZES[:2]], 1, [2, 3, 2, 3, 3]),
    ],
)
def test_each_size_gets_equally_many_steps_in_the_order_given(sizes, epochs, steps):
    classifier = Classifier()
    loop(numbered(50), sizes=sizes).run(classifier, epochs)
    # A size per step: had a call two, the parts would not come out.
    found = [c["size"] for c in classifier._session.calls for _ in c["rates"]]
    expected = [s for s, n in zip(sizes, steps, strict=True) for _ in range(n)]
    assert found == expected


@pytest.mark.parametrize(("n_images", "expected"), [(3, SIZES[2:]), (8, SIZES[1:])])
def test_few_steps_are_made_at_the_last_sizes(n_images, expected):
    classifier = Classifier()
    loop(numbered(n_images), sizes=SIZES).run(classifier, 1)
    assert [call["size"] for call in classifier._session.calls] == expected


def test_where_the_size_changes_a_call_ends_and_no_step_is_lost(monkeypatch):
    monkeypatch.setattr(_training, "MAX_CALL_STEPS", 3)
    classifier = Classifier()
    loop(numbered(50), sizes=SIZES, shuffle=False).run(classifier, 1)
    calls = classifier._session.calls
    found = [(call["step"].item(), len(call["rates"]), call["size"]) for call in calls]
    first, second, third = SIZES
    assert found == [
        (0, 3, first),
        (3, 1, first),
        (4, 3, second),
        (7, 1, second),
        (8, 3, third),
        (11, 2, third),
    ]
    together = np.concatenate([call["images"].ravel() for call in calls])
    np.testing.assert_array_equal(together, np.arange(50))


def test_callbacks_for_batches_get_a_call_for_each_step():
    callbacks = type("Callbacks", (), {"per_batch": True})
    steps = list(loop()._calls(callbacks, np.array([0, 0, 1, 1, 1])))
    assert steps == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    callbacks.per_batch = False
    assert list(loop()._calls(callbacks, np.array([0, 0, 1, 1, 1]))) == [(0, 2), (2, 5)]


def test_the_history_holds_weighted_means():
    classifier = Classifier()
    loop(numbered(7), validation=validation()).run(
        classifier := Classifier([0.0, 0.3, 0.0, 0.9]), 2
    )
    history = classifier.history_
    assert history["loss"] == [2.0, 2.0]
    assert history["accuracy"] == [0.5, 0.5]
    assert history["val_accuracy"] == [0.3, 0.9]
    assert all(type(value) is float for values in history.values() for value in values)
    # Logits 1 and 0 for the right class, by the formula.
    right, wrong = np.log(1 + np.exp(-1)), np.log(1 + np.exp(1))
    np.testing.assert_allclose(
        history["val_loss"],
        [0.3 * right + 0.7 * wrong, 0.9 * right + 0.1 * wrong],
    )


def test_validation_weights_count():
    data = validation()
    data.weights = np.r_[np.full(3, 3.0), np.ones(7)]
    loop(validation=data).run(classifier := Classifier([0, 0.3]), 1)
    assert classifier.history_["val_accuracy"] == [pytest.approx(9 / 16)]


def test_the_history_goes_on():
    classifier = Classifier()
    classifier.history_ = {"loss": [7.0], "accuracy": [0.1]}
    loop().run(classifier, 1)
    assert classifier.history_["loss"] == [7.0, 2.0]


SCORES = [0.5, 0.6, 0.6, 0.7, 0.7, 0.6, 0.7, 0.6, 0.9]


@pytest.mark.parametrize(
    ("patience", "tol", "epochs", "best"),
    [
        # As in MLPClassifier: stop once more than n_iter_no_change epochs in a row
        # brought less than tol; the best epoch is the first of the highest score.
        (2, 0.01, 7, 4),
        (1, 0.01, 6, 4),
        (4, 0.01, 9, 9),
        (3, 0.01, 8, 4),
        (10, 0.01, 9, 9),
        (1, 0.15, 3, 2),
        (2, 0.5, 4, 4),
    ],
)
def test_early_stopping(patience, tol, epochs, best):
    classifier = Classifier(SCORES)
    stopping = loop(
        images([1, 1, 0, 0, 0, 0]), validation=validation(), patience=patience, tol=tol
    )
    stopping.run(classifier, len(SCORES))
    assert classifier.history_["val_accuracy"] == SCORES[:epochs]
    assert classifier.stored == [best]


def test_without_patience_the_last_weights_stay():
    classifier = Classifier([0.9, 0.1, 0.2])
    loop(images([1, 1, 0, 0, 0, 0]), validation=validation()).run(classifier, 3)
    assert classifier.stored == [3]


def test_the_session_is_closed_whatever_happens(monkeypatch):
    def fail(*args, **options):
        raise KeyboardInterrupt

    classifier = Classifier()
    monkeypatch.setattr(classifier._session, "train", fail)
    with pytest.raises(KeyboardInterrupt):
        loop().run(classifier, 1)
    assert classifier._session.closed
    assert classifier.stored is None


def test_nothing_is_printed_unless_asked_for(capsys):
    loop().run(Classifier(), 2)
    assert capsys.readouterr().out == ""


def test_verbose_prints_a_line_an_epoch(capsys):
    loop(images([1, 1, 0, 0, 0, 0]), validation=validation(), verbose=1).run(
        Classifier([0.3] * 11), 11
    )
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 11
    pattern = (
        r"Epoch {}/11: loss 2\.0000, accuracy 0\.5000, validation accuracy 0\.3000, "
        r"\d+\.\d s{}"
    )
    assert re.fullmatch(pattern.format(" 3", r", about \d+\.\d s left"), lines[2])
    assert re.fullmatch(pattern.format("11", ""), lines[-1])


@pytest.mark.parametrize(
    ("image_shape", "expected"),
    [((28, 28, 1), 512), ((1, 784, 1), 512), ((224, 224, 3), 16), ((4000, 4000, 3), 1)],
    ids=str,
)
def test_fewer_large_images_are_predicted_at_once(image_shape, expected):
    assert prediction_batch(image_shape) == expected
