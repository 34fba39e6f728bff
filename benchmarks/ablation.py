"""What each ingredient of the preset "fast" contributes, on held-out training images.

    SKCNN_DATA=/path/to/data python benchmarks/ablation.py mnist cifar10 --rounds 3

trains the preset, and the preset with one ingredient taken out or exchanged, on the
training set less a sixth of its images (CIFAR-10: a fifth), and scores it on those; the
test set is not touched. Every training has a process of its own, and the variants take
turns. CPU seconds are those of the whole `fit`, tracing included.
`--dtype mixed_bfloat16` trains in another dtype than float32.
"""

import numpy as np
import plain_networks
from measuring import Line, Study, options, parse, run_script, timed
from plain_networks import DATA, REAL_DATA
from rendering import Column, comparison, median, percent, spread

HELD_OUT = {"mnist": 10_000, "cifar10": 10_000, "digits": 100}
PRESET = "as it is"

# Adam moves every weight as far as Muon moves the ones that it leaves to Adam.
COMMON: dict[str, Line] = {
    PRESET: {},
    "Adam for Muon": {"optimizer": "adam"},
    "Adam for Muon, cosine for linear": {
        "optimizer": "adam",
        "learning_rate_schedule": "cosine",
    },
    "no label smoothing": {"label_smoothing": 0.0},
    "no batch normalization": {"batch_normalization": False},
}
OF_MNIST = COMMON | {
    "3x3 for 5x5 kernels": {"kernel_size": 3},
    "affine augmentation": {"augment": "affine"},
    "predictions averaged over shifts": {"test_time_augmentation": "shift"},
}
OF_CIFAR10 = COMMON | {
    "no whitening": {"whitening": False},
    "no augmentation, one view": {"augment": None},
    "shifts too": {"augment": ("flip", "shift")},
    "24 pixels throughout": {"progressive_resizing": 0.75},
    "16, 20 and 24 pixels alike": {"progressive_resizing": (0.5, 0.625, 0.75)},
    "pooling last in a stage": {"pool_first": False},
    "predictions of one view": {"test_time_augmentation": None},
    "predictions of two views of every image": {"test_time_augmentation": "flip"},
    "predictions of six views": {"test_time_augmentation": ("flip", "shift")},
}
VARIANTS = {"mnist": OF_MNIST, "cifar10": OF_CIFAR10, "digits": OF_MNIST}


def train(participant: str, seed: int, data: str, dtype: str) -> list[Line]:
    """Return the accuracy of one variant on held-out images, and its cost."""
    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(data)
    order = np.random.RandomState(0).permutation(len(X))
    held_out, rest = order[: HELD_OUT[data]], order[HELD_OUT[data] :]
    clf = plain_networks.preset(
        data, "fast", random_state=seed, dtype=dtype, **VARIANTS[data][participant]
    )
    X_rest, y_rest = X[rest], y[rest]
    _, cost = timed(lambda: clf.fit(X_rest, y_rest))
    title = f"{DATA[data].title}, preset fast, {dtype}, {len(held_out):,} held out"
    accuracy = clf.score(X[held_out], y[held_out])
    return [cost | {"case": title, "accuracy": accuracy}]


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""

    def change(runs: list[Line], reference: list[Line]) -> str:
        of_preset = {run["seed"]: run["accuracy"] for run in reference}
        pairs = [(x["accuracy"], of_preset.get(x["seed"])) for x in runs]
        return spread(
            [100 * (a - b) for a, b in pairs if b is not None],
            lambda points: f"{points:+.2f}",
        )

    columns = [
        percent("held-out accuracy, %"),
        Column("change, points", change),
        median("fit, CPU s", "cpu_s"),
    ]
    return comparison(
        lines, columns, order=[*(OF_MNIST | OF_CIFAR10)], reference=PRESET
    )


def main() -> None:
    parser = options(__doc__, rounds=3, data=REAL_DATA)
    parser.add_argument("--dtype", default="float32")
    args = parse(parser)
    study = Study(__file__, args)
    for data in args.data:
        names = [*VARIANTS[data]][: 2 if args.quick else None]
        study.rounds(names, args.rounds, data=data, dtype=args.dtype)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, train)
