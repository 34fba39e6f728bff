"""Time that training takes in skcnn, plain Keras, SciKeras and PyTorch.

    SKCNN_DATA=/path/to/data python benchmarks/training.py [--data both] [--pairs 5]

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

import argparse
import importlib.util
import math

import plain_networks
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

N_IMAGES = {"MNIST classic": 20_000, "CIFAR-10 classic": 10_000}
NAMES = {"mnist": "MNIST classic", "cifar10": "CIFAR-10 classic"}


def with_skcnn(network, X, y):
    clf = plain_networks.skcnn_classifier(network)
    _, whole = timed(lambda: clf.fit(X, y))
    loss = clf.loss_
    _, alone = timed(lambda: clf.fit(X, y))
    steps = int(clf.model_.optimizer.iterations)
    return whole, alone, loss, steps, clf.model_.count_params()


def with_keras(network, X, y):
    options = {
        "batch_size": plain_networks.batch_size(network),
        "epochs": 1,
        "verbose": 0,
    }

    def fit():
        floats = plain_networks.unit_floats(X)
        model = plain_networks.compiled_keras_network(network, X.shape[1:])
        history = model.fit(floats, y, **options).history
        return model, floats, history["loss"][0]

    (model, floats, loss), whole = timed(fit)
    first_steps = int(model.optimizer.iterations)
    _, alone = timed(lambda: model.fit(floats, y, **options))
    steps = int(model.optimizer.iterations) - first_steps
    return whole, alone, loss, steps, model.count_params()


def with_scikeras(network, X, y):
    def fit():
        floats = plain_networks.unit_floats(X)
        clf = plain_networks.scikeras_classifier(network, X.shape[1:])
        return clf.fit(floats, y), floats

    (clf, floats), whole = timed(fit)
    first_steps = int(clf.model_.optimizer.iterations)
    _, alone = timed(lambda: clf.partial_fit(floats, y))
    steps = int(clf.model_.optimizer.iterations) - first_steps
    loss = clf.history_["loss"][0]
    return whole, alone, loss, steps, clf.model_.count_params()


def with_skorch(network, X, y):
    def fit():
        floats = plain_networks.unit_floats(X).transpose(0, 3, 1, 2)
        clf = plain_networks.skorch_classifier(network, X.shape[1:])
        return clf.fit(floats, y), floats

    (clf, floats), whole = timed(fit)
    _, alone = timed(lambda: clf.partial_fit(floats, y))
    steps = len(clf.history[-1]["batches"])
    n_parameters = sum(p.numel() for p in clf.module_.parameters())
    return whole, alone, clf.history[0]["train_loss"], steps, n_parameters


PARTICIPANTS = {
    "plain Keras": with_keras,
    "skcnn": with_skcnn,
    "SciKeras": with_scikeras,
    "skorch": with_skorch,
}


def train_twice(participant, network, n_images):
    """Return what the first and the second epoch of one participant took."""
    if participant == "skorch":
        import skorch  # noqa: F401
        import torch

        (torch.ones(1) + 1).numpy()
    else:
        plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(network, n_images)
    trained = PARTICIPANTS[participant](network, X, y)
    whole, alone, loss, steps, n_parameters = trained
    if steps != math.ceil(len(X) / plain_networks.batch_size(network)):
        raise RuntimeError(f"{participant} took {steps} steps.")
    return {
        "whole": whole | {"loss": float(loss)},
        "alone": alone,
        "n_parameters": int(n_parameters),
    }


def check_same_network(runs):
    """Raise unless all networks have as many weights, skcnn's scaling aside."""
    counts = {name: of_name[0]["n_parameters"] for name, of_name in runs.items()}
    low, high = min(counts.values()), max(counts.values())
    # skcnn keeps an offset and a scale of each channel in the network.
    if high - low > 6:
        raise RuntimeError(f"These are different networks: {counts}.")


def measure(network, names, n_images, n_rounds):
    runs = {name: [] for name in names}
    for i in range(n_rounds):
        for name in shuffled(names, i):
            job = {"participant": name, "network": network, "n_images": n_images}
            runs[name].append(run_job(__file__, **job))
    check_same_network(runs)
    size = plain_networks.batch_size(network)
    for title, part in (("training alone", "alone"), ("whole call", "whole")):
        print(
            f"{network}, {title}: one epoch of {n_images:,} images, "
            f"{math.ceil(n_images / size)} steps of {size}"
        )
        extra = {}
        if part == "whole":
            # Close to each other, or somebody trains something else.
            extra["training_loss"] = lambda of_name: spread(
                [run["loss"] for run in of_name]
            )
        of_part = {name: [r[part] for r in of_name] for name, of_name in runs.items()}
        print_comparison(of_part, "plain Keras", **extra)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=[*NAMES, "both"], default="both")
    parser.add_argument("--images", type=int, help="default: 20000 or 10000")
    parser.add_argument("--pairs", type=int, default=5, help="rounds")
    parser.add_argument("--quick", action="store_true", help="tiny, to try the script")
    args = parser.parse_args()
    if args.quick:
        args.images, args.pairs = 300, 1

    names = list(PARTICIPANTS)
    if not all(importlib.util.find_spec(name) for name in ("skorch", "torch")):
        note("without skorch: it needs the packages skorch and torch")
        names.remove("skorch")
    print(versions_line("torch", "skorch"), end="\n\n")
    for network in NAMES.values() if args.data == "both" else [NAMES[args.data]]:
        measure(network, names, args.images or N_IMAGES[network], args.pairs)


if __name__ == "__main__":
    run_script(main, train_twice)
