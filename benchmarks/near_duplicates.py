"""How many altered copies `find_near_duplicates` finds, and how many other images.

    SKCNN_DATA=/path/to/data python benchmarks/near_duplicates.py [more/sets/*.npz]

goes over MNIST, CIFAR-10 and each named file with `x_train`, `y_train`, `x_test` and
`y_test`. 1,000 test images are changed in several ways and looked for among the
unchanged ones. Then all test images are compared with all training images: the share
of pairs with the same label tells how many of them are right, where there are many
classes.

The threshold is the default for color images, and 0.005 for gray ones. No network is
trained.
"""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from measuring import Line, Study, options, parse, run_script, timed
from PIL import Image
from plain_networks import DATA
from rendering import Column, comparison, grouped, listing, median, percent

from skcnn.inspection import find_near_duplicates

COPIES, PARTS = "Copies that are found", "Test images against training images"

GRAY_THRESHOLD, COLOR_THRESHOLD = 0.005, 0.075

N_COPIES = 1000

Change = Callable[[np.ndarray], np.ndarray]


def recompressed(quality: int) -> Change:
    """Return a function that compresses an image as JPEG and reads it again."""

    def change(image: np.ndarray) -> np.ndarray:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return change


def rescaled(factor: float, offset: float) -> Change:
    """Return a function that changes brightness and contrast."""
    return lambda image: _bytes(image.astype(np.float64) * factor + offset)


def moved(down: int, right: int) -> Change:
    """Return a function that moves an image and repeats the pixels at its border."""

    def change(image: np.ndarray) -> np.ndarray:
        rows, columns = (
            np.clip(np.arange(size) + by, 0, size - 1)
            for size, by in zip(image.shape, (down, right), strict=False)
        )
        return image[rows][:, columns]

    return change


def noisy(spread: float) -> Change:
    """Return a function that adds noise."""
    rng = np.random.default_rng(0)
    return lambda image: _bytes(image + rng.normal(0, spread, image.shape))


def _bytes(values: np.ndarray) -> np.ndarray:
    """Return values as pixels."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


CHANGES = {
    "JPEG, quality 75": recompressed(75),
    "JPEG, quality 50": recompressed(50),
    "JPEG, quality 20": recompressed(20),
    "+ 20": rescaled(1, 20),
    "x 0.85": rescaled(0.85, 0),
    "x 1.2": rescaled(1.2, 0),
    "noise of 8": noisy(8),
    "moved by 1 pixel": moved(0, 1),
    "by 1 and 1": moved(1, -1),
    "by 2": moved(0, 2),
    "flipped": lambda image: image[:, ::-1],
}


def load(name: str) -> list[np.ndarray]:
    """Return training images and labels, and those of the test part."""
    if name in DATA:
        parts = [
            DATA[name].fetch(subset=part, download_if_missing=False)
            for part in ("train", "test")
        ]
        return [array for part in parts for array in (part.images, part.target)]
    with np.load(name) as file:
        return [file[key] for key in ("x_train", "y_train", "x_test", "y_test")]


def check(participant: str, seed: int) -> list[Line]:
    """Look for copies and for near-duplicates in one data set."""
    X_train, y_train, X_test, y_test = load(participant)
    title = DATA[participant].title if participant in DATA else Path(participant).stem
    in_color = X_train.shape[3:] not in ((), (1,))
    threshold = COLOR_THRESHOLD if in_color else GRAY_THRESHOLD
    rng = np.random.default_rng(seed)
    n_copies = min(N_COPIES, len(X_test))
    originals = X_test[rng.choice(len(X_test), n_copies, replace=False)]
    copies: Line = {"case": COPIES, "participant": title, "threshold": threshold}
    for name, change in CHANGES.items():
        changed = np.stack([change(image) for image in originals])
        pairs = find_near_duplicates(originals, changed, threshold=threshold).pairs
        copies[name] = float((pairs[:, 0] == pairs[:, 1]).sum() / n_copies)
    found, times = timed(
        lambda: find_near_duplicates(X_train, X_test, threshold=threshold)
    )
    train, test = found.pairs.T
    parts: Line = {
        "case": PARTS,
        "participant": title,
        "threshold": threshold,
        "n_train": len(X_train),
        "n_test": len(X_test),
        "n_pairs": len(found.pairs),
        "n_found": len(np.unique(test)),
        "same_label": float((y_train[train] == y_test[test]).mean())
        if len(train)
        else None,
    }
    return [copies, parts | times]


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    of_case = grouped(lines, "case")
    threshold = median("threshold", "threshold")
    of_copies: list[Column] = [threshold]
    of_copies += [percent(f"{name}, %", name) for name in CHANGES]
    of_parts = [
        threshold,
        listing("training images", "n_train"),
        listing("test images", "n_test"),
        listing("pairs", "n_pairs"),
        listing("test images with a near-duplicate", "n_found"),
        percent("pairs of one label, %", "same_label"),
        median("CPU s", "cpu_s"),
    ]
    names = [*grouped(lines, "participant")]
    parts = [
        comparison(of_case.get(case, []), columns, order=names)
        for case, columns in ((COPIES, of_copies), (PARTS, of_parts))
    ]
    return "\n\n".join(parts)


def main() -> None:
    parser = options(__doc__, rounds=1)
    parser.add_argument("sets", nargs="*", help="npz files")
    args = parse(parser)
    study = Study(__file__, args)
    names = ["digits"] if args.quick else ["mnist", "cifar10"]
    study.rounds([*names, *args.sets], args.rounds)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, check)
