"""How often the checks of pixels warn, rightly and wrongly.

    SKCNN_DATA=/path/to/data python benchmarks/pixel_checks.py [more/sets/*.npz]

prints two tables over MNIST, CIFAR-10, scikit-learn's digits and each named file with
`x_train`, `x_test` and `y_test`. The training part is what `fit` sees, the test part
is predicted, image by image, in batches of ten and in batches of ten of one class.

The first table is of images that mean the same: as they are, flipped, shifted, rotated,
darker, brighter, noisy. Each warning is a false alarm; the command counts them. The
second table is of mistakes: each range of pixels where another one was fitted, dark and
bright exchanged, channels one after the other. There a warning is what is wanted.

No network is trained: the checks look at pixels only, and so need no TensorFlow.
"""

import argparse
import os
from pathlib import Path

import numpy as np
from measuring import print_table
from scipy.ndimage import rotate, shift

from skcnn._pixel_layout import find_planes
from skcnn._seen_pixels import find_other_pixels, learn_pixels
from skcnn.datasets import fetch_cifar10, fetch_mnist, load_digit_images

BATCH = 10


def scaled_alike(images, top, training):
    """Return the images in each unit, floats from 0 to 1 first made of `top`."""
    unit = images / np.float32(top)
    # The moments of each channel; sums of bytes need float64.
    by_channel = training[:: max(1, len(training) // 4000)].astype(np.float64) / top
    by_channel = by_channel.reshape(*by_channel.shape[:3], -1)
    mean, spread = (f(by_channel, axis=(0, 1, 2)) for f in (np.mean, np.std))
    if training.ndim == 3:
        mean, spread = mean[0], spread[0]
    return {
        "0 to 255": np.rint(unit * 255).astype(np.uint8),
        "0.0 to 255.0": unit * np.float32(255),
        "0.0 to 1.0": unit,
        "0 or 1": (unit > 0.5).astype(np.uint8),
        "bool": unit > 0.5,
        "-1.0 to 1.0": unit * 2 - 1,
        "16 bits": np.rint(unit * 65535).astype(np.uint16),
        "12 bits": np.rint(unit * 4095).astype(np.uint16),
        "standardized": ((unit - mean) / spread).astype(np.float32),
    }


# Units that give the same numbers to the same pixels: no mistake.
ALIKE = [{"0 to 255", "0.0 to 255.0"}, {"0.0 to 1.0", "0 or 1", "bool"}]


def variations(images, top, rng):
    """Yield the images as they are and as augmentation and cameras change them."""

    def clipped(values):
        return np.clip(np.rint(values), 0, top).astype(images.dtype)

    def each(change):
        return clipped(np.stack([change(image.astype(np.float32)) for image in images]))

    def moved(image):
        by = (*rng.integers(-2, 3, 2), *[0] * (image.ndim - 2))
        return shift(image, by, order=0)

    yield "as they are", images
    yield "flipped", images[:, :, ::-1]
    yield "shifted by up to 2 pixels", each(moved)
    yield (
        "rotated by up to 15 degrees",
        each(lambda image: rotate(image, rng.uniform(-15, 15), reshape=False, order=1)),
    )
    for factor in (0.7, 1.3):
        yield f"brightness x {factor}", clipped(images * factor)
    for sigma in (10, 25):
        noise = rng.normal(0, sigma * float(top) / 255, images.shape)
        yield f"noise of {sigma}", clipped(images + noise)


def batches(images, labels, rng):
    """Return batches: single images, ten at random, ten of a class."""
    order, by_class = rng.permutation(len(images)), np.argsort(labels, kind="stable")
    starts = range(0, len(images) - BATCH + 1, BATCH)
    return {
        "of 1": [slice(i, i + 1) for i in range(len(images))],
        "of 10": [order[i : i + BATCH] for i in starts],
        "of 10, by class": [by_class[i : i + BATCH] for i in starts],
    }


def warned(seen, images, shape, chosen, kinds=("range", "inverted", "layout")):
    """Return how many of the batches raise such a warning, and how many there are."""
    found = [find_other_pixels(seen, images[batch], shape) for batch in chosen]
    return sum(one is not None and one.kind in kinds for one in found), len(found)


def fitted(images):
    """Return what fit remembers of images, and their shape."""
    shape = (*images.shape[1:], 1)[:3]
    return learn_pixels(images, shape, np.arange(len(images))), shape


def named_sets(paths):
    """Yield name, training images, test images and test labels of each set."""
    home = os.environ["SKCNN_DATA"]
    for name, fetch in ("MNIST", fetch_mnist), ("CIFAR-10", fetch_cifar10):
        train, test = (
            fetch(subset=part, data_home=home, download_if_missing=False)
            for part in ("train", "test")
        )
        yield name, train.images, test.images, test.target
    digits = load_digit_images()
    yield "digits", digits.images[:1300], digits.images[1300:], digits.target[1300:]
    for path in paths:
        with np.load(path) as file:
            yield path.stem, file["x_train"], file["x_test"], file["y_test"]


def false_alarms(sets, rng):
    """Return the rows of the first table."""
    rows = []
    for name, training, test, labels in sets:
        seen, shape = fitted(training)
        counts = {}
        for variation, images in variations(test, training.max(), rng):
            for size, chosen in batches(images, labels, rng).items():
                n, total = warned(seen, images, shape, chosen)
                counts.setdefault(size, []).append((n, total, variation))
        row = [name]
        for size in ("of 1", "of 10", "of 10, by class"):
            n, total = (sum(one[i] for one in counts[size]) for i in range(2))
            row.append(f"{n:,} of {total:,}")
        worst = max(counts["of 1"])
        row.append(f"{worst[2]}, {worst[0]} of {worst[1]:,}" if worst[0] else "")
        rows.append(row)
    return rows


def true_alarms(sets, rng):
    """Return the rows of the second table."""
    rows = []
    for name, training, test, labels in sets:
        top = training.max()
        learned = scaled_alike(
            training[:: max(1, len(training) // 4000)], top, training
        )
        # Single images of the largest test sets are enough, and of ranges many.
        later = scaled_alike(test[:2000], top, training)
        chosen = batches(test[:2000], labels[:2000], rng)
        rates = {"of 1": [], "of 10": []}
        silent = {"of 1": [], "of 10": []}
        for unit, images in learned.items():
            seen, shape = fitted(images)
            for other, others in later.items():
                same = unit == other or any({unit, other} <= pair for pair in ALIKE)
                for size in rates:
                    n, total = warned(seen, others, shape, chosen[size], ["range"])
                    where = silent if same else rates
                    where[size].append((n / total, f"{unit}, then {other}"))
        seen, shape = fitted(training)
        exchanged = training.max() - test
        row = [name]
        for size in rates:
            worst = min(rates[size])
            row.append(f"{worst[0]:.1%} ({worst[1]})" if worst[0] < 1 else "100 %")
        row.append(f"{np.mean([rate for rate, _ in rates['of 1']]):.2%}")
        row.append(f"{max(silent['of 1'])[0]:.2%} / {max(silent['of 10'])[0]:.2%}")
        for size in rates:
            n, total = warned(seen, exchanged, shape, chosen[size], ["inverted"])
            row.append(f"{n / total:.1%}")
        if shape[-1] == 3:
            planar = np.moveaxis(test, -1, 1).reshape(test.shape)
            for size in rates:
                n, total = warned(seen, planar, shape, chosen[size], ["layout"])
                row.append(f"{n / total:.1%}")
            at_fit = [
                find_planes(planar[batch], shape, guessed=True)
                for batch in chosen["of 10"]
            ]
            found = [one is not None and one.kind == "layout" for one in at_fit]
            row.append(f"{np.mean(found):.1%}")
        else:
            row += ["", "", ""]
        rows.append(row)
    return rows


def main():
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="*", type=Path, help="npz files")
    arguments = parser.parse_args()
    sets = list(named_sets(arguments.sets))
    rng = np.random.default_rng(0)
    print("False alarms\n")
    print_table(
        ["data", "batches of 1", "of 10", "of 10 of a class", "most often"],
        false_alarms(sets, rng),
    )
    print("\nTrue alarms\n")
    print_table(
        [
            "data",
            "range, of 1",
            "range, of 10",
            "range, of 1, mean of all pairs",
            "same numbers in another type, of 1 / of 10",
            "inverted, of 1",
            "of 10",
            "planar, of 1",
            "of 10",
            "in fit",
        ],
        true_alarms(sets, rng),
    )


if __name__ == "__main__":
    main()
