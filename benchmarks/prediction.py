"""Time that prediction takes, of one image and of many, and traces it makes.

    SKCNN_DATA=/path/to/data python benchmarks/prediction.py [--pairs 5]

prints for the classic networks and the defaults, trained on few images: the time of one
MNIST or CIFAR-10 image (the median call of each round), the time of 10,000 images, and
how often TensorFlow traced the network anew while skcnn predicted batches of twenty
sizes.

"Called directly" is a `tf.function` over skcnn's `model_` with a fixed input signature,
an array in and an array out: what is left when every layer of wrapping is taken off.
Where skcnn averages several views of an image, so does it, all of them in one batch.
`Model.predict` is Keras's own on the same `model_` and the same uint8 images, with its
default batch size of 32, and of one view only. SciKeras predicts with a classic network
of its own, of the same layers, from floats made before the clock starts. All take turns
in one process, in random order in each round.
"""

import argparse
import logging
import statistics
import time

import numpy as np
import plain_networks
from measuring import (
    cpu_seconds,
    note,
    print_comparison,
    print_table,
    shuffled,
    spread,
    timed,
    versions_line,
)

from skcnn._augment import image_views

OURS, DIRECT, KERAS, SCIKERAS = (
    "skcnn",
    "called directly",
    "Model.predict",
    "SciKeras",
)
# The constructors' defaults, by the classic networks of the same data.
DEFAULTS = {"MNIST defaults": "MNIST classic", "CIFAR-10 defaults": "CIFAR-10 classic"}
NETWORKS = [*plain_networks.NETWORKS, *DEFAULTS]

# Calls in a round: those that take tens of milliseconds need fewer.
CALLS = {OURS: 60, DIRECT: 60, KERAS: 4, SCIKERAS: 4}
BATCH_SIZES = (*range(1, 11), 15, 16, 17, 31, 33, 64, 100, 255, 257, 700)


def median_call(function, n_calls):
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


def called_directly(model, image, views):
    """Return a compiled function of one image that does nothing but the network."""
    import tensorflow as tf

    def probabilities(x):
        x = tf.concat(image_views(tf.cast(x, model.dtype), views), axis=0)
        p = model(x, training=False)
        if not views:
            return p
        # As skcnn does: the mean of the logits.
        return tf.nn.softmax(tf.reduce_mean(tf.math.log(p), axis=0, keepdims=True))

    signature = [tf.TensorSpec(image.shape, image.dtype)]
    function = tf.function(probabilities, input_signature=signature, autograph=False)
    return lambda: function(image).numpy()


def one_image(clf, scikeras_clf, X, n_rounds, calls):
    """Measure the prediction of the first image."""
    image = X[:1]
    floats = plain_networks.unit_floats(image)
    model = clf.model_
    views = clf.test_time_augmentation or ()
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
    for function in functions.values():
        median_call(function, 2)  # traces
    runs = {name: [] for name in functions}
    for i in range(n_rounds):
        for name in shuffled(functions, i):
            runs[name].append(median_call(functions[name], calls[name]))
    return runs


def many_images(clf, scikeras_clf, X, n_rounds):
    """Measure the prediction of all images."""
    floats = plain_networks.unit_floats(X)
    model = clf.model_
    functions = {
        OURS: lambda: clf.predict(X),
        KERAS: lambda: model.predict(X, verbose=0),
    }
    if scikeras_clf is not None:
        functions[SCIKERAS] = lambda: scikeras_clf.predict(floats)
    for function in functions.values():
        function()  # traces
    runs = {name: [] for name in functions}
    for i in range(n_rounds):
        for name in shuffled(functions, i):
            runs[name].append(timed(functions[name])[1])
    return runs


class Retracing(logging.Handler):
    """Counts TensorFlow's warnings that a function is traced again and again."""

    def __init__(self):
        super().__init__()
        self.n_warnings = 0

    def emit(self, record):
        """Count a record of the logger."""
        self.n_warnings += "retracing" in record.getMessage()


def count_traces(clf, X):
    """Return how often batches of many sizes made TensorFlow trace and warn."""
    # Private, but there is no other place to ask.
    functions = clf.keras_classifier_.compiled_network().functions._functions

    def traces():
        return sum(f.experimental_get_tracing_count() for f in functions.values())

    handler, logger = Retracing(), logging.getLogger("tensorflow")
    logger.addHandler(handler)
    before = traces()
    for size in BATCH_SIZES:
        clf.predict(X[:size])
    logger.removeHandler(handler)
    return before, traces() - before, handler.n_warnings


def measure(network, n_images, n_rounds, calls):
    """Measure one network and print its tables.

    Parameters
    ----------
    network : str
        One of `NETWORKS`.
    n_images : int
        Images of the large batch.
    n_rounds : int
        Times that everybody takes a turn.
    calls : dict
        Calls for one image in a round.

    Returns
    -------
    list of str
        A row of the table of traces.
    """
    note(network)
    data = DEFAULTS.get(network, network)
    X, y = plain_networks.load_images(data, 500)
    if network in DEFAULTS:
        kind, _ = plain_networks.NETWORKS[data]
        clf = kind(epochs=1).fit(X, y)
        scikeras_clf = None
    else:
        clf = plain_networks.skcnn_classifier(network).fit(X, y)
        scikeras_clf = plain_networks.scikeras_classifier(network, X.shape[1:])
        scikeras_clf.fit(plain_networks.unit_floats(X), y)
    X, _ = plain_networks.load_images(data, n_images, "test")

    # Before anything else has predicted: every trace is one that predict makes.
    clf.predict(X[:1])
    before, new, n_warnings = count_traces(clf, X)

    print(
        f"{network}, one image: median of {calls[OURS]} calls "
        f"({calls[KERAS]} of Keras's and SciKeras's) in each of {n_rounds} rounds"
    )
    runs = one_image(clf, scikeras_clf, X, n_rounds, calls)
    print_comparison(runs, OURS, unit="ms", scale=1000)

    print(f"{network}, {len(X):,} images, {n_rounds} rounds")
    print_comparison(
        many_images(clf, scikeras_clf, X, n_rounds),
        OURS,
        images_a_second=lambda of_name: spread(
            [len(X) / run["wall_s"] for run in of_name]
        ),
    )
    return [network, str(before), f"{new} new traces", str(n_warnings)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--pairs", type=int, default=5, help="rounds")
    parser.add_argument(
        "--network",
        action="append",
        choices=NETWORKS,
        help="default: all",
    )
    parser.add_argument("--quick", action="store_true", help="tiny, to try the script")
    args = parser.parse_args()
    calls = CALLS
    if args.quick:
        args.images, args.pairs, calls = 800, 2, CALLS | {OURS: 10, DIRECT: 10}

    print(versions_line(), end="\n\n")
    plain_networks.start_tensorflow()
    rows = [
        measure(network, args.images, args.pairs, calls)
        for network in args.network or NETWORKS
    ]
    print(f"Traces while skcnn predicts batches of {len(BATCH_SIZES)} sizes")
    header = ["", "traces after fit and one predict", "more", "retracing warnings"]
    print_table(header, rows)


if __name__ == "__main__":
    main()
