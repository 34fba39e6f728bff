"""How often it is decided rightly whether training images may be mirrored.

    SKCNN_DATA=/path/to/data python benchmarks/flips.py [path/to/sets]

asks :mod:`skcnn._images.mirroring` about random parts of data sets of which the answer
is known, and counts the right answers. The sets are MNIST, CIFAR-10 in color and in
gray, pairs of its classes, scikit-learn's digits, each named file `.npz` (or those of a
folder) with `x_train` and `y_train`, and drawn ones: letters, signs with arrows,
letters and numbers, shadows of chests, classes that are mirror images of each other.
The answer for a named file is in `ANSWERS`.

No network is trained, so this needs no TensorFlow.
"""

import string
from collections.abc import Callable
from functools import cache
from typing import Any

import generality
import numpy as np
from measuring import Line, Study, options, parse, run_script, timed
from plain_networks import DATA
from rendering import Column, comparison, median, percent

from skcnn._images.fingerprints import fingerprints
from skcnn._images.labeled import LabeledImages
from skcnn._images.mirroring import Evidence, gather_evidence

# Images of a part.
SIZES = (50, 100, 200, 500, 1000, 5000)

# Whether images of a named file may be mirrored. Where that neither helps nor harms
# much, as for clothes and faces, it may.
ANSWERS = {
    "usps": False,
    "omniglot242": False,
    "fashion_mnist": True,
    "orl_faces": True,
    "flowers_32": True,
    "ants_bees_128": True,
}

Set = tuple[np.ndarray, np.ndarray]


# ------------------------------------------------------------------------- drawn sets


@cache
def _glyph(text: str, size: int) -> Any:
    """Return a text in white on black, 64 x 64 pixels."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (64, 64))
    font = ImageFont.load_default(size)
    ImageDraw.Draw(image).text((32, 32), text, fill=255, font=font, anchor="mm")
    return image


@cache
def _arrow(degrees: int) -> Any:
    """Return an arrow in white on black, turned counterclockwise from the left."""
    from PIL import Image, ImageDraw

    image = Image.new("L", (64, 64))
    corners = [(20, 32), (32, 21), (32, 28), (44, 28), (44, 36), (32, 36), (32, 43)]
    ImageDraw.Draw(image).polygon(corners, fill=255)
    return image.rotate(degrees, resample=2)


def _moved(image: Any, degrees: float, shift: Any, zoom: float) -> Any:
    """Turn, shift and zoom an image of 64 x 64 pixels."""
    turned = image.rotate(degrees, resample=2, translate=tuple(map(int, shift)))
    side = int(64 * zoom)
    begin, end = (side - 64) // 2, (side + 64) // 2
    return turned.resize((side, side)).crop((begin, begin, end, end))


def letters(rng: np.random.Generator, texts: str, degrees: float = 15) -> Set:
    """Return 3,000 gray images of letters, 28 x 28 pixels, and which they are."""
    labels = rng.integers(len(texts), size=3000)
    images = []
    for label in labels:
        turn, zoom = rng.uniform(-degrees, degrees), rng.uniform(0.85, 1.15)
        image = _moved(_glyph(texts[label], 48), turn, rng.uniform(-5, 5, 2), zoom)
        pixels = np.asarray(image.resize((28, 28), 4)) * rng.uniform(0.6, 1)
        images.append(pixels + rng.normal(0, 25, pixels.shape))
    return np.clip(images, 0, 255).astype(np.uint8), labels


RED, BLUE, WHITE, YELLOW = (200, 30, 30), (30, 60, 180), (240, 240, 240), (230, 190, 30)
DISC = [
    tuple(32 + 26 * np.array([np.cos(a), np.sin(a)])) for a in np.arange(0, 6.3, 0.2)
]
TRIANGLE = [(32, 5), (61, 56), (3, 56)]
NUMBERS = [(DISC, RED, WHITE, f"{number}0") for number in (2, 3, 5, 6, 7, 8, 10)]
TURNS = [(DISC, BLUE, BLUE, degrees) for degrees in (0, 180, 90, 45, 135, -45, -135)]
OTHERS = [
    *((TRIANGLE, RED, WHITE, text) for text in "!SZPXTHKR"),
    *((TRIANGLE, RED, WHITE, degrees) for degrees in (0, 180, 90)),
    *((DISC, RED, inside, "") for inside in (RED, WHITE, YELLOW)),
    *((DISC, RED, RED, text) for text in ("-", "STOP")),
]


def signs(rng: np.random.Generator, kinds: list[tuple], n_images: int = 3000) -> Set:
    """Return color images of road signs, 32 x 32 pixels, and which they are."""
    from PIL import Image, ImageDraw

    labels = rng.choice(len(kinds), n_images, p=rng.dirichlet(np.full(len(kinds), 3)))
    images = []
    for label in labels:
        outline, edge, inside, what = kinds[label]
        noise = rng.integers(30, 220, (4, 4, 3), np.uint8)
        image = Image.fromarray(noise).resize((64, 64), 3)
        sign, mask = Image.new("RGB", (64, 64)), Image.new("L", (64, 64))
        draw = ImageDraw.Draw(sign)
        draw.polygon(outline, fill=edge)
        ImageDraw.Draw(mask).polygon(outline, fill=255)
        center = np.mean(outline, axis=0)
        inner = [
            tuple(center + 0.75 * (np.array(corner) - center)) for corner in outline
        ]
        draw.polygon(inner, fill=inside)
        size = 20 if isinstance(what, str) and len(what) > 2 else 30
        figure = _glyph(what, size) if isinstance(what, str) else _arrow(what)
        sign.paste((20, 20, 20) if inside == WHITE else WHITE, mask=figure)
        turn, shift = rng.uniform(-10, 10), rng.uniform(-5, 5, 2)
        zoom = rng.uniform(0.75, 1.15)
        sign, mask = (_moved(part, turn, shift, zoom) for part in (sign, mask))
        image.paste(sign, mask=mask)
        pixels = np.asarray(image.resize((32, 32), 4)) * rng.uniform(0.25, 1.1)
        images.append(pixels + rng.uniform(-10, 30) + rng.normal(0, 8, pixels.shape))
    return np.clip(images, 0, 255).astype(np.uint8), labels


def chests(rng: np.random.Generator, sided: bool) -> Set:
    """Return 2,000 gray images of two lungs and a heart, some with a bright spot.

    The label says whether there is a spot, or with `sided` in which lung it is.
    """
    y, x = np.mgrid[:28, :28] / 28

    def spot(down: float, right: float, height: float, width: float) -> np.ndarray:
        return np.exp(-(((y - down) / height) ** 2) - ((x - right) / width) ** 2)

    labels = rng.integers(2, size=2000)
    images = []
    for label in labels:
        move = iter(rng.normal(0, 0.02, 6))
        image = 0.7 + 0.35 * spot(0.6 + next(move), 0.58 + next(move), 0.15, 0.12)
        for right in (0.28, 0.72):
            image -= 0.5 * spot(0.45 + next(move), right + next(move), 0.3, 0.14)
        if sided or label:
            lung = (0.28, 0.72)[label if sided else rng.integers(2)]
            place = rng.uniform(0.3, 0.65), lung + rng.normal(0, 0.04)
            image += rng.uniform(0.15, 0.4) * spot(*place, 0.07, 0.07)
        image *= rng.uniform(0.7, 1.1)
        images.append(220 * (image + rng.normal(0, 0.05, image.shape)))
    return np.clip(images, 0, 255).astype(np.uint8), labels


# --------------------------------------------------------------------------- all sets


def fetched(name: str, classes: tuple[int, ...] = (), gray: bool = False) -> Set:
    """Return the training part of a data set, or some of its classes, or it in gray."""
    bunch = DATA[name].fetch(subset="train", download_if_missing=False)
    images, labels = bunch.images, bunch.target
    if classes:
        kept = np.isin(labels, classes)
        images, labels = images[kept], labels[kept]
    return (images.mean(axis=3).astype(np.uint8) if gray else images), labels


def facing(rng: np.random.Generator) -> Set:
    """Return cars of CIFAR-10 as they are and mirrored, which is their label."""
    images, _ = fetched("cifar10", (1,))
    images = np.where(np.arange(32)[:, np.newaxis] < 12, images // 2, images)
    labels = rng.integers(2, size=len(images))
    images[labels == 1] = images[labels == 1, :, ::-1]
    return images, labels


# The sets by name: whether their images may be mirrored, and how to make them.
SETS: dict[str, tuple[bool, Callable[[np.random.Generator], Set]]] = {
    "MNIST": (False, lambda rng: fetched("mnist")),
    "digits": (False, lambda rng: generality.load("digits", None)[:2]),
    "letters A to Z": (False, lambda rng: letters(rng, string.ascii_uppercase)),
    "letters a to z": (False, lambda rng: letters(rng, string.ascii_lowercase)),
    "letters and digits": (
        False,
        lambda rng: letters(rng, string.ascii_letters + string.digits),
    ),
    "letters A to Z, turned by 45": (
        False,
        lambda rng: letters(rng, string.ascii_uppercase, 45),
    ),
    "b, d, p, q": (False, lambda rng: letters(rng, "bdpq")),
    "signs": (False, lambda rng: signs(rng, NUMBERS + TURNS + OTHERS)),
    "signs with numbers": (False, lambda rng: signs(rng, NUMBERS)),
    "signs with arrows": (False, lambda rng: signs(rng, TURNS)),
    "signs, left or right": (False, lambda rng: signs(rng, TURNS[:2])),
    "chests, spot left or right": (False, lambda rng: chests(rng, sided=True)),
    "cars, shaded side left or right": (False, facing),
    "CIFAR-10": (True, lambda rng: fetched("cifar10")),
    "CIFAR-10 in gray": (True, lambda rng: fetched("cifar10", gray=True)),
    "cats and dogs": (True, lambda rng: fetched("cifar10", (3, 5))),
    "airplanes and ships": (True, lambda rng: fetched("cifar10", (0, 8))),
    "cars and trucks": (True, lambda rng: fetched("cifar10", (1, 9))),
    "deer and horses": (True, lambda rng: fetched("cifar10", (4, 7))),
    "birds and frogs, gray": (True, lambda rng: fetched("cifar10", (2, 6), gray=True)),
    "letters A H I M O T U V W X Y": (True, lambda rng: letters(rng, "AHIMOTUVWXY")),
    "chests, with and without spot": (True, lambda rng: chests(rng, sided=False)),
}


def load(name: str, file: str | None) -> tuple[bool, np.ndarray, np.ndarray]:
    """Return the right answer, the images and the labels of a set."""
    if file is None:
        answer, make = SETS[name]
        return answer, *make(np.random.default_rng(0))
    return ANSWERS[name], *generality.load(name, file)[:2]


def decide(
    participant: str, seed: int, parts: int, files: dict[str, str]
) -> list[Line]:
    """Decide for random parts of one data set, and for all of it."""
    answer, images, labels = load(participant, files.get(participant))
    # What CIFARCNNClassifier and MNISTCNNClassifier take where too few images tell.
    if_unsure = images.ndim == 4
    rng = np.random.default_rng(seed)
    right: dict[str, list[int]] = {}
    for n_images in (size for size in SIZES if size <= len(labels)):
        found = []
        for _ in range(parts):
            some = rng.permutation(len(labels))[:n_images]
            if len(np.unique(labels[some])) > 1:
                evidence, _ = judge(images[some], labels[some])
                found.append(evidence.mirroring_is_harmless(if_unsure) == answer)
        right[f"{n_images:,}"] = [sum(found), len(found)]
    evidence, seconds = judge(images, labels)
    right["all"] = [int(evidence.mirroring_is_harmless(if_unsure) == answer), 1]
    line = {
        "case": "Right answers",
        "images": len(labels),
        "answer": answer,
        "right": right,
    }
    return [line | seconds | evidence._asdict()]


def judge(images: np.ndarray, labels: np.ndarray) -> tuple[Evidence, dict[str, float]]:
    """Return the evidence of some images, and the seconds that it takes to gather."""
    y = np.unique(labels, return_inverse=True)[1].astype(np.int32)
    part = LabeledImages.of(images, (*images.shape[1:], 1)[:3], y, None)
    keys = fingerprints(images)
    return timed(lambda: gather_evidence(part, keys))


def _right(size: str) -> Column:
    """Return a column of how many of the parts of a size were decided rightly."""

    def cell(runs: list[Line], _: Any) -> str:
        found = [run["right"][size] for run in runs if size in run["right"]]
        n_parts = sum(parts for _, parts in found)
        return f"{sum(one for one, _ in found)} of {n_parts}" if n_parts else ""

    return Column(f"{size} images", cell)


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    columns = [
        Column("may be mirrored", lambda runs, _: "yes" if runs[0]["answer"] else "no"),
        *(_right(size) for size in (*(f"{size:,}" for size in SIZES), "all")),
        percent("accuracy, %"),
        percent("on mirror images, %", "accuracy_mirrored"),
        percent("ignoring the side, %", "accuracy_unsided"),
        median("wall ms", "wall_s", 1000),
    ]
    known = [*SETS, *ANSWERS]
    answers = {line["participant"]: line["answer"] for line in lines}
    names = sorted(answers, key=lambda name: (answers[name], known.index(name)))
    return comparison(lines, columns, order=names)


def main() -> None:
    parser = options(__doc__, rounds=1)
    parser.add_argument("sets", nargs="*", help="files .npz, or folders of them")
    parser.add_argument(
        "--parts", type=int, default=20, help="random parts of each size and set"
    )
    args = parse(parser, parts=2)
    study = Study(__file__, args)
    files = {} if args.quick else generality.files(args.sets)
    unknown = sorted(files.keys() - ANSWERS.keys())
    if unknown:
        parser.error(f"ANSWERS in this script lacks {', '.join(unknown)}")
    names = ["digits", "signs, left or right"] if args.quick else [*SETS, *files]
    study.rounds(names, args.rounds, {"files": files}, parts=args.parts)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, decide)
