"""Whether images mirrored left to right still belong to their classes.

A network that is trained on images and mirror images learns to give both the same
answer. It learns to ignore what tells an image from its mirror image. This helps if
left and right say nothing about the class, as in photographs of animals. It harms if
they do, as in letters and signs.

A linear classifier tells the two cases apart in a fraction of a second. The features of
an image are the strengths of its edges, by direction and place. They are the sum of two
parts: the first part is the same for the image and its mirror image, and the second
part has the opposite sign in the mirror image. A ridge regression on images and their
mirror images gives the second part a weight of exactly zero. So a regression without
the second part shows what training on mirrored images would do.
"""

from functools import cache
from typing import NamedTuple

import numpy as np

from skcnn._images.forms import chunk_rows
from skcnn._images.labeled import LabeledImages

# At most `MOST_IMAGES` images are examined, or `LEAST_A_CLASS` of each class if that is
# more. With 1,024 images, an accuracy has a standard error of up to 1.6 percentage
# points. The targets of 4 images of each of 1,000 classes take 16 MB.
MOST_IMAGES, LEAST_A_CLASS, MOST_CLASSES = 1024, 4, 1000

# Images are reduced to at most `SIDE` pixels a side. Before that, a side of twice
# `THINNED` pixels or more is thinned out: only every n-th pixel is read.
SIDE, THINNED = 18, 32

# The penalty of the ridge regression, relative to the mean variance of a feature.
PENALTY = 0.2

# Ignoring left and right is harmful if the logarithm of the odds of a right answer
# falls by this much. If few answers are wrong, this means about a quarter more errors.
# On the sets of benchmarks/flips.py, the logarithm falls by 0.4 or more for letters,
# digits and signs, and by 0.1 or less for photographs, clothes and shadows of chests.
HARM = 0.25

# A difference of this many standard errors counts as certain.
CERTAIN = 2.0


class Evidence(NamedTuple):
    """What linear classifiers recognize of images that they were not trained on.

    Attributes
    ----------
    accuracy : float
        Accuracy on the images.
    accuracy_mirrored : float
        Accuracy of the same classifier on the mirror images.
    accuracy_unsided : float
        Accuracy of a classifier that cannot tell an image from its mirror image.
    error_mirrored, error_unsided : float
        Standard errors of the differences of these two accuracies from `accuracy`.
    """

    accuracy: float
    accuracy_mirrored: float
    accuracy_unsided: float
    error_mirrored: float
    error_unsided: float

    def mirroring_is_harmless(self, if_unsure: bool) -> bool:
        """Return whether images may be mirrored in training.

        The answer is yes if mirror images are certainly recognized nearly as well as
        the images. It is also yes if ignoring left and right certainly costs little: an
        example is images of shoes that all point to the left. If neither is certain,
        the answer is no if mirror images are certainly recognized worse. Otherwise the
        images are too few to tell, and the answer is `if_unsure`. The answer is also
        `if_unsure` if hardly any image is recognized wrongly, because a few more errors
        would then be many times as many.
        """
        if self._costs_little(self.accuracy_mirrored, self.error_mirrored):
            return True
        if self._costs_little(self.accuracy_unsided, self.error_unsided):
            return True
        recognized_worse = self.accuracy - self.accuracy_mirrored
        return if_unsure and bool(recognized_worse < CERTAIN * self.error_mirrored)

    def _costs_little(self, accuracy: float, error: float) -> bool:
        """Return whether another accuracy is certainly at most `HARM` lower."""
        middle = (self.accuracy + accuracy) / 2
        # The derivative of the logarithm of the odds is 1 / (middle * (1 - middle)).
        tolerated = HARM * middle * (1 - middle)
        return bool(self.accuracy - accuracy + CERTAIN * error < tolerated)


def mirrored_images_belong(
    images: LabeledImages, fingerprints: np.ndarray, if_unsure: bool
) -> bool:
    """Return whether the mirror image of a training image belongs to the same class.

    The images have at least 8 pixels a side: training mirrors no smaller ones.
    `fingerprints` are those of `images`, see :mod:`skcnn._images.fingerprints`. The
    answer does not depend on the order of the images, and an image of weight two counts
    as the same image given twice. If the images are too few to tell, the answer is
    `if_unsure`.
    """
    return gather_evidence(images, fingerprints).mirroring_is_harmless(if_unsure)


def gather_evidence(images: LabeledImages, fingerprints: np.ndarray) -> Evidence:
    """Compare classifiers on some of the images, as `mirrored_images_belong` does."""
    rows, weights = _choose(images, fingerprints)
    features = [
        _edge_strengths(_thinned(images, rows[some]))
        for some in chunk_rows(len(rows), (SIDE, SIDE, 8))
    ]
    return _compare(np.concatenate(features), images.class_indices[rows], weights)


def _choose(
    images: LabeledImages, fingerprints: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return positions of distinct images, and their weights.

    There are equally many images of each class, as far as the class has them. An image
    that occurs several times is chosen once, and its weights are added up. In each
    class, the images with the lowest fingerprints are chosen: a random part.
    """
    order = np.argsort(fingerprints)
    order = order[np.argsort(images.class_indices[order], kind="stable")]
    classes, keys = images.class_indices[order], fingerprints[order]
    begins = np.append(True, classes[1:] != classes[:-1])
    first = np.flatnonzero(begins | np.append(True, keys[1:] != keys[:-1]))
    weights = np.ones(len(order)) if images.weights is None else images.weights[order]
    weights = np.add.reduceat(weights, first)
    # The number of each image within its class.
    starts = np.flatnonzero(begins[first])
    sizes = np.diff(np.append(starts, len(first)))
    numbers = np.arange(len(first)) - np.repeat(starts, sizes)
    # Of more than `MOST_CLASSES` classes, every second, third and so on is examined.
    step = -(-len(starts) // MOST_CLASSES)
    some = np.flatnonzero(np.repeat(np.arange(len(starts)), sizes) % step == 0)
    most = max(MOST_IMAGES, LEAST_A_CLASS * len(starts[::step]))
    chosen = np.sort(some[np.argsort(numbers[some], kind="stable")[:most]])
    return order[first[chosen]], weights[chosen]


def _thinned(images: LabeledImages, part: np.ndarray) -> np.ndarray:
    """Return some of the images in gray, each divided by its largest pixel."""
    # A view: an axis is split, or one of length 1 added.
    pixels = images.X.reshape(len(images.X), *images.image_shape)
    down, right = (_thinning(side) for side in images.image_shape[:2])
    some = pixels[images.rows[part], down, right, :3]
    some = some.astype(np.result_type(some, np.float32), order="C")
    flat = some.reshape(len(some), -1)
    largest = np.maximum(flat.max(axis=1), -flat.min(axis=1))
    flat /= np.where(largest > 0, largest, 1)[:, np.newaxis]
    # Channel by channel: NumPy is slow to sum along so short an axis.
    gray: np.ndarray = sum(np.moveaxis(some, 3, 0))
    return gray


def _thinning(side: int) -> slice:
    """Return which pixels of a side are read: every n-th one, around its center."""
    step = max(1, side // THINNED)
    return slice((side - 1) % step // 2, None, step)


def _edge_strengths(gray: np.ndarray) -> np.ndarray:
    """Return float32 features (n, 8 directions, cells, cells): a unit vector each."""
    n_images, height, width = gray.shape
    height, width = min(SIDE, height), min(SIDE, width)
    small = _averaged(gray, height, width)
    lowest = small.min(axis=(1, 2), keepdims=True)
    contrast = small.max(axis=(1, 2), keepdims=True) - lowest
    # The contrast of a constant image is a rounding error.
    noise = 100 * np.finfo(small.dtype).eps
    small = (small - lowest) / np.where(contrast > noise, contrast, np.inf)
    right, down = np.zeros((2, n_images, height, width), np.float32)
    right[:, :, 1:-1] = small[:, :, 2:] - small[:, :, :-2]
    down[:, 1:-1] = small[:, 2:] - small[:, :-2]
    edges = np.empty((n_images, 8, height, width), np.float32)
    half = np.float32(np.sqrt(0.5))
    for number, edge in enumerate(
        (right, half * (right + down), down, half * (down - right))
    ):
        np.maximum(edge, 0, out=edges[:, number])
        np.maximum(-edge, 0, out=edges[:, number + 4])
    # The square root keeps a few strong edges from outweighing all others.
    features = np.sqrt(_averaged(edges, _n_cells(height), _n_cells(width)))
    flat = features.reshape(n_images, -1)
    length = np.sqrt(np.square(flat).sum(axis=1, keepdims=True))
    flat /= np.where(length > 0, length, 1)
    return features


def _n_cells(side: int) -> int:
    """Return the number of cells of a side: an even one, of two pixels or more."""
    return 6 if side >= 12 else 4


# The direction that each of the eight directions of an edge has in the mirror image:
# right becomes left, and down stays down.
_DIRECTIONS_MIRRORED = [4, 3, 2, 1, 0, 7, 6, 5]


def _mirrored(features: np.ndarray) -> np.ndarray:
    """Return the features of the mirror images."""
    return features[:, _DIRECTIONS_MIRRORED, :, ::-1]


def _averaged(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Reduce the last two axes to means of equal areas."""
    for n_means in (width, height):
        means = _means(values.shape[-1], n_means).astype(values.dtype)
        # One product of two matrices: a product for each image would be much slower.
        rows = values.reshape(-1, values.shape[-1]) @ means
        values = rows.reshape(*values.shape[:-1], n_means).swapaxes(-1, -2)
    return np.ascontiguousarray(values)


@cache
def _means(n_values: int, n_means: int) -> np.ndarray:
    """Return the matrix of the means of equal parts of a row, which may cut values."""
    ends = np.arange(n_means + 1) * (n_values / n_means)
    places = np.arange(n_values)[:, np.newaxis]
    overlap = np.minimum(ends[1:], places + 1) - np.maximum(ends[:-1], places)
    return np.maximum(overlap, 0) * (n_means / n_values)


def _compare(
    features: np.ndarray, classes: np.ndarray, weights: np.ndarray
) -> Evidence:
    """Compare ridge regressions on both parts of the features and on the first part."""
    classes = np.unique(classes, return_inverse=True)[1]
    targets = np.eye(classes.max() + 1, dtype=np.float32)[classes]
    shares = (weights / weights.sum()).astype(np.float32)[:, np.newaxis]
    means = (shares * targets).sum(axis=0)
    targets -= means
    mirrored = _mirrored(features)
    # Only the left half: the right half is its mirror image, so that each feature
    # stands for two.
    half = features.shape[3] // 2
    unsided = (features + mirrored)[..., :half] / np.sqrt(np.float32(2))
    features, mirrored, unsided = (
        some.reshape(len(some), -1) for some in (features, mirrored, unsided)
    )
    center = (shares * features).sum(axis=0)
    features, mirrored = features - center, mirrored - center
    unsided -= (shares * unsided).sum(axis=0)
    penalty = PENALTY * max((shares * np.square(features)).sum(), 1e-9)
    penalty /= features.shape[1]
    answers = [
        *_held_out(features, (features, mirrored), targets, shares, penalty),
        *_held_out(unsided, (unsided,), targets, shares, penalty),
    ]
    right = [(answer + means).argmax(axis=1) == classes for answer in answers]
    accuracies = [float(weights @ one / weights.sum()) for one in right]
    # Squares of very large or small weights have no place in float64.
    weights = weights / weights.max()
    errors = []
    for one in right[1:]:
        apart = right[0].astype(float) - one
        apart -= weights @ apart / weights.sum()
        spread = np.sqrt(np.square(weights * apart).sum()) / weights.sum()
        # Even if all differences are zero, the next image may differ.
        errors.append(float(np.hypot(spread, 1 / len(classes))))
    return Evidence(*accuracies, *errors)


def _held_out(
    images: np.ndarray,
    variants: tuple[np.ndarray, ...],
    targets: np.ndarray,
    shares: np.ndarray,
    penalty: float,
) -> list[np.ndarray]:
    """Return the predictions of a ridge regression for variants of its images.

    Each prediction is that of a regression on all other images (leave-one-out). It is
    computed from the regression on all images, and from the influence that the image
    has on it. `images` and `targets` have means of zero; `shares` are weights with a
    sum of one.
    """
    weighted = shares * images
    moments = weighted.T @ images
    moments[np.diag_indices(len(moments))] += penalty
    inverse = np.linalg.inv(moments)
    coefficients = inverse @ (weighted.T @ targets)
    gains = weighted @ inverse

    def influence(some: np.ndarray) -> np.ndarray:
        return shares + (gains * some).sum(axis=1, keepdims=True)

    residuals = targets - images @ coefficients
    residuals /= np.maximum(1 - influence(images), 1e-6)
    return [some @ coefficients - influence(some) * residuals for some in variants]
