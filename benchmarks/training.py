"""Time that training takes in skcnn, plain Keras, SciKeras and PyTorch.

    SKCNN_DATA=/path/to/data python benchmarks/training.py [mnist cifar10] [--rounds 5]

trains the classic networks for one epoch with skcnn, with `keras.Model.fit`, with
SciKeras and, where they are installed, with PyTorch through skorch, on the same images
with the same batch size and number of steps.

Every measurement has a process of its own. There the libraries are imported, TensorFlow
is started and the uint8 images are loaded before the clock starts. Then come
"whole call": a first fit that builds and traces the network and, for all but skcnn,
turns the images to floats; and "training alone": another epoch on the same images by
the same compiled network. For skcnn that is a second `fit`, for Keras a second
`Model.fit`, for SciKeras and skorch a `partial_fit`. Each round measures all of them
once, in random order.

Run it on a quiet machine: PyTorch's threads wait for each other in busy loops, which
beside other jobs costs several times the CPU seconds.
"""

import importlib.util
import math
from typing import Any

import numpy as np
import plain_networks
from measuring import Line, Study, note, options, parse, run_script, timed
from plain_networks import DATA, REAL_DATA
from rendering import comparison, grouped, median, times

KERAS = "plain Keras"
Trained = tuple[Line, Line, float, int, int]


def with_skcnn(data: str, X: np.ndarray, y: np.ndarray) -> Trained:
    clf = plain_networks.skcnn_classifier(data)
    _, whole = timed(lambda: clf.fit(X, y))
    loss = clf.loss_
    _, alone = timed(lambda: clf.fit(X, y))
    steps = int(clf.model_.optimizer.iterations)
    return whole, alone, loss, steps, clf.model_.count_params()


def with_keras(data: str, X: np.ndarray, y: np.ndarray) -> Trained:
    options = {"batch_size": plain_networks.batch_size(data), "epochs": 1}

    def fit() -> tuple[Any, np.ndarray, float]:
        floats = plain_networks.unit_floats(X)
        model = plain_networks.compiled_keras_network(data, X.shape[1:])
        history = model.fit(floats, y, verbose=0, **options).history
        return model, floats, history["loss"][0]

    (model, floats, loss), whole = timed(fit)
    first_steps = int(model.optimizer.iterations)
    _, alone = timed(lambda: model.fit(floats, y, verbose=0, **options))
    steps = int(model.optimizer.iterations) - first_steps
    return whole, alone, loss, steps, model.count_params()


def with_scikeras(data: str, X: np.ndarray, y: np.ndarray) -> Trained:
    def fit() -> tuple[Any, np.ndarray]:
        floats = plain_networks.unit_floats(X)
        clf = plain_networks.scikeras_classifier(data, X.shape[1:])
        return clf.fit(floats, y), floats

    (clf, floats), whole = timed(fit)
    first_steps = int(clf.model_.optimizer.iterations)
    _, alone = timed(lambda: clf.partial_fit(floats, y))
    steps = int(clf.model_.optimizer.iterations) - first_steps
    loss = clf.history_["loss"][0]
    return whole, alone, loss, steps, clf.model_.count_params()


def with_skorch(data: str, X: np.ndarray, y: np.ndarray) -> Trained:
    def fit() -> tuple[Any, np.ndarray]:
        floats = plain_networks.unit_floats(X).transpose(0, 3, 1, 2)
        clf = plain_networks.skorch_classifier(data, X.shape[1:])
        return clf.fit(floats, y), floats

    (clf, floats), whole = timed(fit)
    _, alone = timed(lambda: clf.partial_fit(floats, y))
    steps = len(clf.history[-1]["batches"])
    n_parameters = sum(p.numel() for p in clf.module_.parameters())
    return whole, alone, clf.history[0]["train_loss"], steps, n_parameters


PARTICIPANTS = {
    KERAS: with_keras,
    "skcnn": with_skcnn,
    "SciKeras": with_scikeras,
    "skorch": with_skorch,
}


def train_twice(participant: str, seed: int, data: str, n_images: int) -> list[Line]:
    """Return what the first and the second epoch of one participant took."""
    if participant == "skorch":
        import skorch  # noqa: F401
        import torch

        (torch.ones(1) + 1).numpy()
    else:
        plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(data, n_images)
    trained = PARTICIPANTS[participant](data, X, y)
    whole, alone, loss, steps, n_parameters = trained
    size = plain_networks.batch_size(data)
    if steps != math.ceil(len(X) / size):
        raise RuntimeError(f"{participant} took {steps} steps.")
    epoch = f"one epoch of {len(X):,} images, {steps} steps of {size}"
    title = f"{DATA[data].title}, classic network"
    same = {"n_parameters": int(n_parameters)}
    return [
        {"case": f"{title}, training alone: {epoch}", **alone, **same},
        {"case": f"{title}, whole call: {epoch}", **whole, "loss": float(loss), **same},
    ]


def check_same_network(lines: list[Line]) -> None:
    """Raise unless all networks have as many weights, skcnn's scaling aside."""
    for case, of_case in grouped(lines, "case").items():
        counts = {line["participant"]: line["n_parameters"] for line in of_case}
        # skcnn keeps an offset and a scale of each channel in the network.
        if max(counts.values()) - min(counts.values()) > 6:
            raise RuntimeError(f"{case}: these are different networks: {counts}.")


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    check_same_network(lines)
    # Training losses are close to each other, or somebody trains something else.
    columns = [*times(KERAS), median("training loss", "loss")]
    return comparison(lines, columns, order=[*PARTICIPANTS], reference=KERAS)


def main() -> None:
    args = parse(options(__doc__, rounds=5, data=REAL_DATA, images=6000), images=300)
    names = list(PARTICIPANTS)
    if not all(importlib.util.find_spec(name) for name in ("skorch", "torch")):
        note("without skorch: it needs the packages skorch and torch")
        names.remove("skorch")
    study = Study(__file__, args, ("torch", "skorch"))
    for data in args.data:
        study.rounds(names, args.rounds, data=data, n_images=args.images)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, train_twice)
