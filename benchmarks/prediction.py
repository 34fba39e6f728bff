"""Time that prediction takes, of one image and of many, and traces it makes.

    SKCNN_DATA=/path/to/data python benchmarks/prediction.py [mnist cifar10]

measures for the classic networks and the defaults, trained on few images: the time of
one image (the median call of each round), the time of 10,000 images, and how often
TensorFlow traced the network anew while skcnn predicted batches of twenty sizes.

Where skcnn averages views of unsure images only, one image is a sure one, another case
is one unsure image, and of 10,000 images the share of unsure ones stands beside the
time; two more participants average all views of all images, and none. The share depends
on the accuracy of the network: `accuracy.py` has the time of networks that are trained
on all images.

"Called directly" is a `tf.function` over skcnn's `model_` with a fixed input signature,
an array in and an array out: what is left when every layer of wrapping is taken off.
Where skcnn averages several views of an image, so does it, all of them in one batch.
`Model.predict` is Keras's own on the same `model_` and the same uint8 images, with its
default batch size of 32, and of one view only. SciKeras predicts with a classic network
of its own, of the same layers, from floats made before the clock starts. Each round has
a process of its own, in which all take turns in random order.
"""

import copy
import logging
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import plain_networks
from measuring import (
    Line,
    Study,
    cpu_seconds,
    options,
    parse,
    run_script,
    shuffled,
    timed,
)
from plain_networks import DATA, REAL_DATA
from rendering import comparison, grouped, listing, median, percent, times

from skcnn._estimator.parameters import resolve_views
from skcnn._network.augment import are_unsure, image_views, views_of_size

OURS, DIRECT, KERAS, SCIKERAS = (
    "skcnn",
    "called directly",
    "Model.predict",
    "SciKeras",
)
ALL_VIEWS, ONE_VIEW = "skcnn, all views of all images", "skcnn, one view"
ONE, ONE_UNSURE = "one image", "one unsure image"
PARTICIPANTS = (OURS, ALL_VIEWS, ONE_VIEW, DIRECT, KERAS, SCIKERAS)

# Training images and epochs of the classic networks. The others have the epochs of
# their presets, and images enough to be sure of some.
FEW, ONE_EPOCH, MORE = 500, {"epochs": 1}, 5_000

# Calls in a round: those that take tens of milliseconds need fewer.
CALLS = {OURS: 60, DIRECT: 60, KERAS: 4, SCIKERAS: 4}
BATCH_SIZES = (*range(1, 11), 15, 16, 17, 31, 33, 64, 100, 255, 257, 700)

Functions = dict[str, Callable[[], Any]]


def median_call(function: Callable[[], Any], n_calls: int) -> dict[str, float]:
    """Return the wall seconds of the median call and the CPU seconds of the mean."""
    walls = []
    cpu = cpu_seconds()
    for _ in range(n_calls):
        start = time.perf_counter()
        function()
        walls.append(time.perf_counter() - start)
    # The clock of CPU time is too coarse for a single call.
    cpu = (cpu_seconds() - cpu) / n_calls
    return {"wall_s": statistics.median(walls), "cpu_s": cpu}


def called_directly(
    model: Any, image: np.ndarray, views: tuple[str, ...]
) -> Callable[[], np.ndarray]:
    """Return a compiled function of one image that does nothing but the network."""
    import tensorflow as tf

    def probabilities(x: Any) -> Any:
        x = tf.concat(image_views(tf.cast(x, model.dtype), views), axis=0)
        p = model(x, training=False)
        if not views:
            return p
        # As skcnn does: the mean of the logits.
        return tf.nn.softmax(tf.reduce_mean(tf.math.log(p), axis=0, keepdims=True))

    signature = [tf.TensorSpec(image.shape, image.dtype)]
    function = tf.function(probabilities, input_signature=signature, autograph=False)
    return lambda: function(image).numpy()


def of_one_image(
    clf: Any, scikeras_clf: Any, image: np.ndarray, views: tuple[str, ...]
) -> Functions:
    """Return what predicts one image, of which skcnn averages views, in each way."""
    floats = plain_networks.unit_floats(image)
    model = clf.model_
    functions = {
        OURS: lambda: clf.predict(image),
        DIRECT: called_directly(model, image, views),
        KERAS: lambda: model.predict(image, verbose=0),
    }
    if scikeras_clf is not None:
        functions[SCIKERAS] = lambda: scikeras_clf.predict(floats)
    expected = clf.predict_proba(image)
    np.testing.assert_allclose(functions[DIRECT](), expected, atol=1e-5)
    if not views:
        np.testing.assert_allclose(functions[KERAS](), expected, atol=1e-5)
    return functions


def of_many_images(
    clf: Any, scikeras_clf: Any, X: np.ndarray, views: tuple[str, ...]
) -> Functions:
    """Return what predicts many images, in each way."""
    floats = plain_networks.unit_floats(X)
    model = clf.model_
    functions = {
        OURS: lambda: clf.predict(X),
        KERAS: lambda: model.predict(X, verbose=0),
    }
    if views:
        for name, chosen in ((ALL_VIEWS, views), (ONE_VIEW, None)):
            other = copy.copy(clf).set_params(test_time_augmentation=chosen)
            functions[name] = partial(other.predict, X)
    if scikeras_clf is not None:
        functions[SCIKERAS] = lambda: scikeras_clf.predict(floats)
    return functions


class Retracing(logging.Handler):
    """Counts TensorFlow's warnings that a function is traced again and again."""

    def __init__(self) -> None:
        super().__init__()
        self.n_warnings = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count a record of the logger."""
        self.n_warnings += "retracing" in record.getMessage()


def count_traces(clf: Any, X: np.ndarray) -> Line:
    """Return how often batches of many sizes made TensorFlow trace and warn."""
    # Private, but there is no other place to ask.
    functions = clf.keras_classifier_.compiled_network().functions._functions

    def traces() -> int:
        return sum(f.experimental_get_tracing_count() for f in functions.values())

    handler, logger = Retracing(), logging.getLogger("tensorflow")
    logger.addHandler(handler)
    before = traces()
    for size in BATCH_SIZES:
        clf.predict(X[:size])
    logger.removeHandler(handler)
    new = traces() - before
    return {"traces": before, "new_traces": new, "n_warnings": handler.n_warnings}


def predict(
    seed: int, data: str, network: str, n_images: int, n_calls: dict[str, int]
) -> list[Line]:
    """Measure one network, all participants in turns."""
    plain_networks.start_tensorflow()
    classic = network == "classic"
    X, y = plain_networks.load_images(data, FEW if classic else MORE)
    clf = plain_networks.preset(data, network, **ONE_EPOCH if classic else {})
    clf.fit(X, y)
    scikeras_clf = None
    if classic:
        scikeras_clf = plain_networks.scikeras_classifier(data, X.shape[1:])
        scikeras_clf.fit(plain_networks.unit_floats(X), y)
    X, _ = plain_networks.load_images(data, n_images, "test")
    title = f"{DATA[data].title}, {network}"

    # Before anything else has predicted: every trace is one that predict makes.
    clf.predict(X[:100])
    traces = f"{title}: traces while skcnn predicts batches of {len(BATCH_SIZES)} sizes"
    found = [{"case": traces, "participant": OURS, **count_traces(clf, X)}]

    views = views_of_size(resolve_views(clf).names, clf.image_shape_)
    unsure = np.zeros(len(X), bool)
    if views:
        alone = copy.copy(clf).set_params(test_time_augmentation=None)
        unsure = are_unsure(alone.predict_log_proba(X))
    for case, rows in ((ONE, ~unsure), (ONE_UNSURE, unsure)):
        if not rows.any():
            continue
        image = X[rows][:1]
        functions = of_one_image(
            clf, scikeras_clf, image, views if case == ONE_UNSURE else ()
        )
        for function in functions.values():
            median_call(function, 2)  # traces
        for name in shuffled(functions, seed):
            run = median_call(functions[name], n_calls[name])
            found.append({"case": f"{title}: {case}", "participant": name, **run})
    functions = of_many_images(clf, scikeras_clf, X, views)
    for function in functions.values():
        median_call(function, 2)  # traces
    for name in shuffled(functions, seed):
        _, run = timed(functions[name])
        run["images_a_second"] = len(X) / run["wall_s"]
        if name == OURS and views:
            run["unsure"] = float(unsure.mean())
        case = f"{title}: {len(X):,} images"
        found.append({"case": case, "participant": name, **run})
    return found


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    of_traces = [
        listing("traces after fit and one predict", "traces"),
        listing("new traces", "new_traces"),
        listing("warnings of retracing", "n_warnings"),
    ]
    parts = []
    for case, of_case in grouped(lines, "case").items():
        if "traces" in of_case[0]:
            columns = of_traces
        elif case.endswith((f": {ONE}", f": {ONE_UNSURE}")):
            columns = times(OURS, "ms")
        else:
            columns = [*times(OURS), median("images a second", "images_a_second")]
            if any("unsure" in line for line in of_case):
                columns.append(percent("unsure images, %", "unsure"))
        parts.append(comparison(of_case, columns, order=PARTICIPANTS, reference=OURS))
    return "\n\n".join(parts)


def main() -> None:
    parser = options(__doc__, rounds=5, data=REAL_DATA)
    parser.add_argument(
        "--network", action="append", help="classic, defaults, or a preset"
    )
    parser.add_argument("--test-images", type=int, default=10_000)
    args = parse(parser, test_images=200, network=["classic"])
    calls = dict.fromkeys(PARTICIPANTS, 3) if args.quick else CALLS
    study = Study(__file__, args)
    for seed in range(args.rounds):
        for data in args.data:
            for network in args.network or ("classic", "defaults"):
                setup = {"data": data, "network": network, "n_calls": calls}
                study.run(seed=seed, n_images=args.test_images, **setup)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, predict)
