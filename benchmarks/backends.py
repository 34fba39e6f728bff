"""Time that training and prediction take on TensorFlow, JAX and PyTorch, and accuracy.

    SKCNN_DATA=/path/to/data python benchmarks/backends.py [--pairs 3] [--images 20000]

Participants are those of Keras's backends that are installed; networks are MNIST's
classic one and both presets "fast". Every measurement has a process of its own, in
which the backend is started and the uint8 images are loaded before the clock starts.
Then come "first fit", which traces and compiles where the backend does; "training
alone", the same fit again; and "prediction" of the test images, the second time. Each
round measures all of them once, in random order. The accuracy is that on all test
images after training on `--images` of the training images (0: all of them).

Run it on a quiet machine: PyTorch's threads wait for each other in busy loops.
"""

import argparse
import importlib.util
import os

from measuring import (
    note,
    print_comparison,
    run_job,
    run_script,
    shuffled,
    spread,
    timed,
    versions_line,
)

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.datasets import fetch_cifar10, fetch_mnist

BACKENDS = ("tensorflow", "jax", "torch")
NETWORKS = {
    "MNIST classic": (MNISTCNNClassifier, fetch_mnist, "classic", {"epochs": 1}),
    "MNIST fast": (MNISTCNNClassifier, fetch_mnist, "fast", {}),
    "CIFAR-10 fast": (CIFARCNNClassifier, fetch_cifar10, "fast", {}),
}


def train_and_predict(backend, network, n_images, seed):
    """Return what fits and predictions took in this process, and the accuracy."""
    import keras

    if keras.config.backend() != backend:
        raise RuntimeError(f"Keras runs on {keras.config.backend()}, not {backend}.")
    keras.ops.convert_to_numpy(keras.ops.ones(1) + 1)
    kind, fetch, preset, overrides = NETWORKS[network]
    train, test = (
        fetch(subset=subset, download_if_missing=False) for subset in ("train", "test")
    )
    X, y = train.images[: n_images or None], train.target[: n_images or None]
    clf = kind.from_preset(preset, random_state=seed, **overrides)
    _, first = timed(lambda: clf.fit(X, y))
    _, alone = timed(lambda: clf.fit(X, y))
    accuracy = clf.score(test.images, test.target)
    _, prediction = timed(lambda: clf.predict(test.images))
    return {
        "first fit": first | {"accuracy": accuracy},
        "training alone": alone | {"accuracy": accuracy},
        "prediction": prediction | {"accuracy": accuracy},
    }


def measure(network, backends, n_images, n_rounds):
    runs = {backend: [] for backend in backends}
    for i in range(n_rounds):
        for backend in shuffled(backends, i):
            os.environ["KERAS_BACKEND"] = backend
            job = {"network": network, "n_images": n_images, "seed": i}
            runs[backend].append(run_job(__file__, backend=backend, **job))
    return runs


def accuracy(runs):
    return spread([100 * run["accuracy"] for run in runs])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=3, help="rounds")
    parser.add_argument("--images", type=int, default=0, help="0: all of them")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    options = parser.parse_args()
    backends = [name for name in BACKENDS if importlib.util.find_spec(name)]
    note(f"Backends: {', '.join(backends)}")
    print(versions_line("jax", "torch"))
    for network in options.networks:
        runs = measure(network, backends, options.images, options.pairs)
        for part in ("first fit", "training alone", "prediction"):
            print(f"{network}, {part}")
            of_part = {name: [run[part] for run in of] for name, of in runs.items()}
            print_comparison(of_part, "tensorflow", **{"accuracy_%": accuracy})


if __name__ == "__main__":
    run_script(main, train_and_predict)
