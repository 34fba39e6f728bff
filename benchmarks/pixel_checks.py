"""How often the checks of pixels warn, rightly and wrongly.

    SKCNN_DATA=/path/to/data python benchmarks/pixel_checks.py [more/sets/*.npz]

goes over MNIST, CIFAR-10, scikit-learn's digits and each named file with `x_train`,
`x_test` and `y_test`. The training part is what `fit` sees, the test part is predicted,
image by image, in batches of ten and in batches of ten of one class.

False alarms are of images that mean the same: as they are, flipped, shifted, rotated,
darker, brighter, noisy. Mistakes are each range of pixels where another one was fitted,
dark and bright exchanged, channels one after the other; there a warning is what is
wanted.

No network is trained: the checks look at pixels only, and so need no TensorFlow.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from measuring import Line, Study, options, parse, run_script
from plain_networks import DATA
from rendering import Column, comparison, grouped, listing, percent
from scipy.ndimage import rotate, shift

from skcnn._images.pixel_layout import find_planes
from skcnn._images.seen_pixels import find_other_pixels, learn_pixels

FALSE, MISTAKES = "False alarms", "Mistakes that were noticed"

BATCH = 10


def scaled_alike(
    images: np.ndarray, top: float, training: np.ndarray
) -> dict[str, np.ndarray]:
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


def variations(
    images: np.ndarray, top: float, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the images as they are and as augmentation and cameras change them."""

    def clipped(values: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(values), 0, top).astype(images.dtype)

    def each(change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return clipped(np.stack([change(image.astype(np.float32)) for image in images]))

    def moved(image: np.ndarray) -> np.ndarray:
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


def batches(
    images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> dict[str, list[Any]]:
    """Return batches: single images, ten at random, ten of a class."""
    order, by_class = rng.permutation(len(images)), np.argsort(labels, kind="stable")
    starts = range(0, len(images) - BATCH + 1, BATCH)
    return {
        "of 1": [slice(i, i + 1) for i in range(len(images))],
        "of 10": [order[i : i + BATCH] for i in starts],
        "of 10, by class": [by_class[i : i + BATCH] for i in starts],
    }


def warned(
    seen: Any,
    images: np.ndarray,
    shape: tuple[int, ...],
    chosen: list[Any],
    kinds: tuple[str, ...] = ("range", "inverted", "layout"),
) -> tuple[int, int]:
    """Return how many of the batches raise such a warning, and how many there are."""
    found = [find_other_pixels(seen, images[batch], shape) for batch in chosen]
    return sum(one is not None and one.kind in kinds for one in found), len(found)


def fitted(images: np.ndarray) -> tuple[Any, tuple[int, ...]]:
    """Return what fit remembers of images, and their shape."""
    shape = (*images.shape[1:], 1)[:3]
    return learn_pixels(images, shape, np.arange(len(images))), shape


def load(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return training images, test images and test labels of a data set or file."""
    if name in DATA:
        train, test = (
            DATA[name].fetch(subset=part, download_if_missing=False)
            for part in ("train", "test")
        )
        return train.images, test.images, test.target
    with np.load(name) as file:
        return file["x_train"], file["x_test"], file["y_test"]


def false_alarms(
    training: np.ndarray, test: np.ndarray, labels: np.ndarray, seed: int
) -> Line:
    """Count the warnings of images that mean the same."""
    rng = np.random.default_rng(seed)
    seen, shape = fitted(training)
    fields: Line = {}
    most = (0, "")
    for variation, images in variations(test, training.max(), rng):
        for size, chosen in batches(images, labels, rng).items():
            n, total = warned(seen, images, shape, chosen)
            so_far = fields.get(size, [0, 0])
            fields[size] = [so_far[0] + n, so_far[1] + total]
            if size == "of 1":
                most = max(most, (n, variation))
    return fields | {"most_often": f"{most[1]}, {most[0]}" if most[0] else ""}


def mistakes(
    training: np.ndarray, test: np.ndarray, labels: np.ndarray, seed: int
) -> Line:
    """Return the shares of mistakes that raise a warning."""
    rng = np.random.default_rng(seed)
    top = training.max()
    some = training[:: max(1, len(training) // 4000)]
    learned = scaled_alike(some, top, training)
    # Single images of the largest test sets are enough, and of ranges many.
    test, labels = test[:2000], labels[:2000]
    later = scaled_alike(test, top, training)
    chosen = batches(test, labels, rng)
    fields: Line = {}
    for size in ("of 1", "of 10"):
        rates: list[tuple[float, str]] = []
        same: list[tuple[float, str]] = []
        for unit, images in learned.items():
            seen, shape = fitted(images)
            for other, others in later.items():
                alike = unit == other or any({unit, other} <= pair for pair in ALIKE)
                n, total = warned(seen, others, shape, chosen[size], ("range",))
                (same if alike else rates).append((n / total, f"{unit}, then {other}"))
        seen, shape = fitted(training)
        least = min(rates)
        fields[f"range, {size}"] = float(np.mean([rate for rate, _ in rates]))
        fields[f"range, {size}, least"] = least[0]
        fields[f"range, {size}, least noticed"] = least[1]
        fields[f"same numbers, {size}"] = max(same)[0]
        n, total = warned(seen, top - test, shape, chosen[size], ("inverted",))
        fields[f"inverted, {size}"] = n / total
        if shape[-1] == 3:
            planar = np.moveaxis(test, -1, 1).reshape(test.shape)
            n, total = warned(seen, planar, shape, chosen[size], ("layout",))
            fields[f"planes, {size}"] = n / total
            at_fit = [
                find_planes(planar[batch], shape, guessed=True)
                for batch in chosen[size]
            ]
            found = [one is not None and one.kind == "layout" for one in at_fit]
            fields[f"planes in fit, {size}"] = float(np.mean(found))
    return fields


def check(participant: str, seed: int) -> list[Line]:
    """Count on one data set."""
    sets = load(participant)
    title = DATA[participant].title if participant in DATA else Path(participant).stem
    return [
        {"case": FALSE, "participant": title, **false_alarms(*sets, seed)},
        {"case": MISTAKES, "participant": title, **mistakes(*sets, seed)},
    ]


def _counts(title: str, key: str) -> Column:
    """Return a column of how many batches raised a warning, and of how many."""
    return Column(
        title, lambda runs, _: f"{runs[-1][key][0]:,} of {runs[-1][key][1]:,}"
    )


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    of_case = grouped(lines, "case")
    sizes = ("of 1", "of 10", "of 10, by class")
    of_false = [*(_counts(f"batches {size}", size) for size in sizes)]
    of_false.append(listing("most often, of 1", "most_often"))
    of_mistakes = [
        percent("another range, of 1, mean of all pairs, %", "range, of 1"),
        percent("of 10, pair noticed least, %", "range, of 10, least"),
        percent("same numbers in another type, of 1, %", "same numbers, of 1"),
    ]
    for mistake, key in (
        ("dark and bright exchanged", "inverted"),
        ("planes of colors", "planes"),
        ("planes of colors in fit", "planes in fit"),
    ):
        of_mistakes.append(percent(f"{mistake}, of 1, %", f"{key}, of 1"))
        of_mistakes.append(percent("of 10, %", f"{key}, of 10"))
    names = [*grouped(lines, "participant")]
    parts = [
        comparison(of_case.get(case, []), columns, order=names)
        for case, columns in ((FALSE, of_false), (MISTAKES, of_mistakes))
    ]
    return "\n\n".join(parts)


def main() -> None:
    parser = options(__doc__, rounds=1)
    parser.add_argument("sets", nargs="*", help="npz files")
    args = parse(parser)
    study = Study(__file__, args)
    names = ["digits"] if args.quick else ["mnist", "cifar10", "digits"]
    study.rounds([*names, *args.sets], args.rounds)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, check)
