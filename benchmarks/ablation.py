"""What each ingredient of the preset "fast" buys, on held-out training images.

    SKCNN_DATA=/path/to/data python benchmarks/ablation.py mnist cifar10 --seeds 3

trains the preset, and the preset with one ingredient taken out or exchanged, on the
training set less 10,000 images, and scores it on those; the test set is not touched.
Every training has a process of its own, and the variants take turns. CPU seconds are
those of the whole `fit`, tracing included. `--dtype mixed_bfloat16` trains in another
dtype than float32.
"""

import argparse

import numpy as np
import plain_networks
from measuring import (
    print_table,
    run_job,
    run_script,
    shuffled,
    spread,
    timed,
    versions_line,
)

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier

CLASSIFIERS = {"mnist": MNISTCNNClassifier, "cifar10": CIFARCNNClassifier}
CLASSIC = {"mnist": "MNIST classic", "cifar10": "CIFAR-10 classic"}
N_HELD_OUT = 10_000

# Adam moves every weight as far as Muon moves the ones that it leaves to Adam.
COMMON = {
    "as it is": {},
    "Adam for Muon": {"optimizer": "adam"},
    "Adam for Muon, cosine for linear": {
        "optimizer": "adam",
        "learning_rate_schedule": "cosine",
    },
    "no label smoothing": {"label_smoothing": 0.0},
    "no batch normalisation": {"batch_normalization": False},
}
VARIANTS = {
    "mnist": COMMON
    | {
        "3x3 for 5x5 kernels": {"kernel_size": 3},
        "identity start": {"kernel_initializer": "identity"},
        "affine augmentation": {"augment": "affine"},
        "predictions averaged over shifts": {"test_time_augmentation": "shift"},
    },
    "cifar10": COMMON
    | {
        "no whitening": {"whitening": False},
        "random for identity start": {"kernel_initializer": "glorot_uniform"},
        "no augmentation": {"augment": None},
        "shifts too": {"augment": ("flip", "shift")},
        "24 pixels throughout": {"progressive_resizing": 0.75},
        "16, 20 and 24 pixels alike": {"progressive_resizing": (0.5, 0.625, 0.75)},
        "pooling last in a stage": {"pool_first": False},
        "predictions of one view": {"test_time_augmentation": None},
        "predictions of six views": {"test_time_augmentation": ("flip", "shift")},
    },
}


def train(dataset, variant, seed, dtype):
    """Return the accuracy of one variant on held-out images, and its cost."""
    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(CLASSIC[dataset], None)
    order = np.random.RandomState(0).permutation(len(X))
    held_out, rest = order[:N_HELD_OUT], order[N_HELD_OUT:]
    clf = CLASSIFIERS[dataset].from_preset(
        "fast", random_state=seed, dtype=dtype, **VARIANTS[dataset][variant]
    )
    X_rest, y_rest = X[rest], y[rest]
    _, cost = timed(lambda: clf.fit(X_rest, y_rest))
    return cost | {"accuracy": clf.score(X[held_out], y[held_out])}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", nargs="+", choices=CLASSIFIERS)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--dtype", default="float32")
    args = parser.parse_args()

    print(versions_line())
    for dataset in args.dataset:
        runs = {name: [] for name in VARIANTS[dataset]}
        for seed in range(args.seeds):
            for name in shuffled(runs, seed):
                job = {"dataset": dataset, "variant": name, "seed": seed}
                runs[name].append(run_job(__file__, dtype=args.dtype, **job))
        of_preset = [run["accuracy"] for run in runs["as it is"]]
        rows = []
        for name, of_variant in runs.items():
            accuracy = 100 * np.array([run["accuracy"] for run in of_variant])
            change = accuracy - 100 * np.array(of_preset)
            rows.append(
                [
                    name,
                    f"{accuracy.mean():.2f} %",
                    f"{change.mean():+.2f}",
                    f"{change.min():+.2f} to {change.max():+.2f}",
                    spread([run["cpu_s"] for run in of_variant]),
                ]
            )
        print(f"\n{dataset}, preset fast, {args.dtype}, {args.seeds} seeds")
        header = ["", "held-out accuracy, mean", "change", "lowest to highest"]
        print_table([*header, "fit, CPU s"], rows)


if __name__ == "__main__":
    run_script(main, train)
