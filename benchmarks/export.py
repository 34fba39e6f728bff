"""Exported models beside the estimator: the same answers, and how fast.

    SKCNN_DATA=/path/to/data python benchmarks/export.py [--pairs 5]

trains the preset "fast" on MNIST and on CIFAR-10, behind an `ImageScaler` in a pipeline
for the latter, exports both as ONNX and as a SavedModel, and compares the answers on
the whole test set: how many labels differ, and the largest difference of a probability.
Then the time of one image (the median call of each round) and of 10,000 images, in
random order in each round: `predict` of the estimator, the SavedModel's signature, and
onnxruntime with its own choice of threads. The 10,000 images go in at once, but for
skcnn, which cuts them into batches itself; the exported models get batches as large as
skcnn's.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import plain_networks
from measuring import (
    note,
    number,
    print_comparison,
    print_table,
    shuffled,
    spread,
    timed,
    versions_line,
)
from prediction import median_call
from sklearn.pipeline import make_pipeline

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn._training import prediction_batch
from skcnn.export import to_onnx, to_saved_model
from skcnn.preprocessing import ImageScaler

OURS, SAVED, ONNX = "skcnn", "SavedModel", "ONNX, onnxruntime"
CALLS = 60


def estimators():
    """Return what is trained on each data set."""
    cifar = CIFARCNNClassifier.from_preset("fast", random_state=0)
    return {
        "MNIST classic": MNISTCNNClassifier.from_preset("fast", random_state=0),
        "CIFAR-10 classic": make_pipeline(ImageScaler(mode="standard"), cifar),
    }


def exported(estimator, folder):
    """Export; return a function for each format, from images to both answers."""
    import onnxruntime
    import tensorflow as tf

    to_saved_model(estimator, folder / "saved")
    to_onnx(estimator, folder / "model.onnx")
    saved = tf.saved_model.load(folder / "saved")
    serve = saved.signatures["serving_default"]
    session = onnxruntime.InferenceSession(folder / "model.onnx")

    def run_saved(images):
        answer = serve(images=tf.constant(images))
        return answer["labels"].numpy(), answer["probabilities"].numpy()

    def run_onnx(images):
        return session.run(["labels", "probabilities"], {"images": images})

    # The signature lives as long as the model does.
    run_saved.model = saved
    return {SAVED: run_saved, ONNX: run_onnx}


def in_batches(function, images):
    """Return both answers for all images."""
    size = prediction_batch(images.shape[1:])
    parts = [
        function(images[start : start + size]) for start in range(0, len(images), size)
    ]
    return tuple(np.concatenate(answers) for answers in zip(*parts, strict=True))


def measure(network, n_images, n_rounds, calls, folder):
    """Measure one data set; return rows about the answers."""
    note(network)
    name = network.removesuffix(" classic")
    X, y = plain_networks.load_images(network, n_images)
    X_test, _ = plain_networks.load_images(network, None, "test")
    estimator = estimators()[network].fit(X, y)
    functions = exported(estimator, folder)
    labels, probabilities = estimator.predict(X_test), estimator.predict_proba(X_test)
    rows = []
    for way, function in functions.items():
        other_labels, others = in_batches(function, X_test)
        difference = number(abs(others - probabilities).max())
        n_other = (other_labels != labels).sum()
        rows.append([name, way, f"{n_other} of {len(labels):,}", difference])

    image = X_test[:1]
    one = {OURS: lambda: estimator.predict(image)}
    many = {OURS: lambda: estimator.predict(X_test)}
    for way, function in functions.items():
        one[way] = lambda function=function: function(image)
        many[way] = lambda function=function: in_batches(function, X_test)
    runs = {way: [] for way in one}
    for way in one:
        median_call(one[way], 2)
    for i in range(n_rounds):
        for way in shuffled(one, i):
            runs[way].append(median_call(one[way], calls))
    print(f"{name}, one image: median of {calls} calls in each of {n_rounds} rounds")
    print_comparison(runs, OURS, unit="ms", scale=1000)

    runs = {way: [] for way in many}
    for i in range(n_rounds):
        for way in shuffled(many, i):
            runs[way].append(timed(many[way])[1])
    print(f"{name}, {len(X_test):,} images, {n_rounds} rounds")
    print_comparison(
        runs,
        OURS,
        images_a_second=lambda of_way: spread(
            [len(X_test) / run["wall_s"] for run in of_way]
        ),
    )
    return rows


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, help="to train on; default: all")
    parser.add_argument("--pairs", type=int, default=5, help="rounds")
    parser.add_argument("--quick", action="store_true", help="tiny, to try the script")
    args = parser.parse_args()
    calls = CALLS
    if args.quick:
        args.images, args.pairs, calls = 2000, 2, 5

    print(versions_line("onnx", "onnxruntime", "tf2onnx"), end="\n\n")
    plain_networks.start_tensorflow()
    rows = []
    for network in estimators():
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(network, args.images, args.pairs, calls, Path(folder))
    print("Answers on the whole test set, against the estimator's")
    print_table(["data", "", "other labels", "largest difference of probability"], rows)


if __name__ == "__main__":
    main()
