"""Pairs of images that are equal or nearly equal, found by their low frequencies.

An image is described by the low frequencies of its discrete cosine transform, as in the
perceptual hash pHash, but by numbers instead of bits. Each coefficient is multiplied by
its frequency. Otherwise the lowest frequencies, which are the strongest ones in
photographs, would decide alone: many photographs share them, while hardly two share
their details. The distance of two images is ``(1 - r) / 2``, where ``r`` is the
correlation of their descriptions.
"""

from collections.abc import Iterator
from typing import NamedTuple, Self

import numpy as np

from skcnn._images.fingerprints import fingerprints
from skcnn._images.forms import chunk_rows, image_batch

Shape = tuple[int, int, int]

# Frequencies along each side: `FEW` of the gray images, to find candidates among all
# pairs, and `MORE` of all channels, to compare the two images of a candidate.
FEW, MORE = 8, 12

# The first comparison does not move one image against the other, so that moved copies
# have larger distances there. Pairs within this multiple of the threshold are
# candidates. Of the copies of CIFAR-10's images that are moved by a pixel along both
# sides, 99 % are within it.
SLACK = 2

# Unrelated images have a distance of 0.5.
LARGEST_THRESHOLD = 0.5 / SLACK

# The second comparison moves one image by this share of its side, or by a pixel if that
# is more.
MOVE = 1 / 32

# The number of correlations in memory at a time.
CORRELATIONS = 2**23

# With more candidates or more pairs than this, the search would take minutes.
MOST_PAIRS = 2**20

# An image whose pixels differ by less than this share of their largest value is blank.
LEAST_CONTRAST = 1e-5


class TooManyPairsError(ValueError):
    """More than `MOST_PAIRS` pairs of images are near to each other."""

    def __init__(self) -> None:
        super().__init__(f"More than {MOST_PAIRS:,} pairs of images are near")


class Part(NamedTuple):
    """Images; equal images are of one kind.

    Attributes
    ----------
    X : ndarray
        Images as :func:`skcnn._images.forms.validate_images` returns them.
    image_shape : tuple of int
        ``(height, width, channels)``.
    marks : ndarray of uint64
        The fingerprint of each kind.
    first : ndarray of int
        The first image of each kind, as an index.
    kinds : ndarray of int
        The kind of each image, as an index.
    """

    X: np.ndarray
    image_shape: Shape
    marks: np.ndarray
    first: np.ndarray
    kinds: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, image_shape: Shape) -> Self:
        """Find the equal images."""
        marks, first, kinds = np.unique(
            fingerprints(X), return_index=True, return_inverse=True
        )
        # In the order of the images, which may be read from a file.
        order = np.argsort(first)
        return cls(X, image_shape, marks[order], first[order], np.argsort(order)[kinds])

    def images(self, kinds: np.ndarray | slice) -> np.ndarray:
        """Return the first image of some kinds."""
        return image_batch(self.X, self.image_shape, self.first[kinds])


def find_pairs(
    part: Part, other: Part | None, threshold: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of images within a distance, the nearest first, and distances.

    A pair has the index of an image in `part` and that of one in `other`. If `other` is
    None, the pair has the indices of two images in `part`, in ascending order. Equal
    images have the distance 0. A TooManyPairsError is raised if there are too many
    pairs.
    """
    within = other is None
    other = part if other is None else other
    if within:
        repeated = np.flatnonzero(np.bincount(part.kinds) > 1)
        equal = np.column_stack([repeated, repeated])
    else:
        common = np.intersect1d(
            part.marks, other.marks, assume_unique=True, return_indices=True
        )
        equal = np.column_stack(common[1:])
    near, distances = _near_kinds(part, other, threshold, within)
    distances = np.concatenate([np.zeros(len(equal)), distances])
    pairs, origin = _images_of_kinds(np.concatenate([equal, near]), part, other)
    distances = distances[origin]
    if within:
        # Pairs of equal images occur in both orders, and each image paired with itself.
        kept = (origin >= len(equal)) | (pairs[:, 0] < pairs[:, 1])
        pairs, distances = np.sort(pairs[kept], axis=1), distances[kept]
    order = np.lexsort([pairs[:, 1], pairs[:, 0], distances])
    return pairs[order], distances[order]


def _images_of_kinds(
    pairs: np.ndarray, part: Part, other: Part
) -> tuple[np.ndarray, np.ndarray]:
    """Return all pairs of images of some pairs of kinds, and the pair of kinds."""
    counts, others = np.bincount(part.kinds), np.bincount(other.kinds)
    n_pairs = counts[pairs[:, 0]] * others[pairs[:, 1]]
    if n_pairs.sum() > MOST_PAIRS:
        raise TooManyPairsError
    origin = np.repeat(np.arange(len(pairs)), n_pairs)
    place = np.arange(len(origin)) - np.repeat(n_pairs.cumsum() - n_pairs, n_pairs)
    places = np.divmod(place, others[pairs[origin, 1]])
    columns = []
    for of, n_images, kinds, within_kind in zip(
        (part, other), (counts, others), pairs[origin].T, places, strict=True
    ):
        start = n_images.cumsum() - n_images
        columns.append(np.argsort(of.kinds, kind="stable")[start[kinds] + within_kind])
    return np.column_stack(columns), origin


def _near_kinds(
    part: Part, other: Part, threshold: float, within: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs of kinds within a distance, equal ones aside, and distances."""
    if not threshold:
        return np.empty((0, 2), int), np.empty(0)
    found, n_found = [], 0
    for pairs in _candidates(part, other, SLACK * threshold, within):
        pairs = pairs[part.marks[pairs[:, 0]] != other.marks[pairs[:, 1]]]
        found.append(pairs)
        n_found += len(pairs)
        if n_found > MOST_PAIRS:
            raise TooManyPairsError
    pairs, distances = np.concatenate(found), np.empty(n_found)
    for some in chunk_rows(n_found, part.image_shape):
        one, many = pairs[some].T
        distances[some] = _aligned_distance(part.images(one), other.images(many))
    near = distances <= threshold
    return pairs[near], distances[near]


def _candidates(
    part: Part, other: Part, threshold: float, within: bool
) -> Iterator[np.ndarray]:
    """Yield the pairs of kinds that are within a distance as they are, in parts."""
    rows = _descriptions(part)
    columns = rows if within else _descriptions(other)
    step = max(1, CORRELATIONS // len(columns))
    for start in range(0, len(rows), step):
        skipped = start + 1 if within else 0
        correlation = rows[start : start + step] @ columns[skipped:].T
        pairs = np.argwhere(correlation >= 1 - 2 * threshold)
        pairs += np.array([start, skipped])
        yield pairs[pairs[:, 0] < pairs[:, 1]] if within else pairs


def _descriptions(part: Part) -> np.ndarray:
    """Return a unit vector for each kind, from its gray image; zeros if it is blank."""
    height, width, _ = part.image_shape
    down, across = _transform(height, FEW), _transform(width, FEW).T
    weights = _frequencies(len(down), across.shape[1])
    rows = np.empty((len(part.first), weights.size), np.float32)
    for some in chunk_rows(len(rows), part.image_shape):
        gray = _as_floats(part.images(some)).mean(axis=-1, keepdims=True)
        gray = _centered(gray)[..., 0]
        rows[some] = (down @ gray @ across * weights).reshape(len(gray), -1)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)


def _aligned_distance(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distance of each image to another, moved to where it fits best."""
    n, height, width, channels = images.shape
    down, across = _transform(height, MORE), _transform(width, MORE)
    weights = _frequencies(len(across), len(down))[..., np.newaxis]
    one = _spectra(_centered(_as_floats(images)), down, across)
    one = one.reshape(n, *weights.shape[:2], channels) * weights
    # Nine spectra at once: three places along each side.
    many = _spectra(_centered(_as_floats(others)), _moved(down), _moved(across))
    many = many.reshape(n, 3, len(across), 3, len(down), channels)
    many *= weights[:, np.newaxis]
    products = np.einsum("nkyc,nakbyc->nab", one, many)
    lengths = np.einsum("nakbyc,nakbyc->nab", many, many)
    lengths *= np.einsum("nkyc,nkyc->n", one, one)[:, np.newaxis, np.newaxis]
    correlation = products / np.sqrt(np.where(lengths > 0, lengths, 1))
    return np.clip((1 - correlation.max(axis=(1, 2)).astype(np.float64)) / 2, 0, 1)


def _spectra(images: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return the coefficients (n, across, down * channels) of images."""
    n, height, width, channels = images.shape
    half = (down @ images.reshape(n, height, -1)).reshape(n, -1, width, channels)
    return across @ half.swapaxes(1, 2).reshape(n, width, -1)


def _as_floats(images: np.ndarray) -> np.ndarray:
    """Return a copy of images in a floating dtype that holds them exactly."""
    return images.astype(np.float32 if images.dtype.itemsize <= 2 else np.float64)


def _centered(images: np.ndarray) -> np.ndarray:
    """Return images as float32 of mean 0 and largest absolute value 1, or all 0."""
    axes = (1, 2, 3)
    brightest = np.abs(images).max(axis=axes, keepdims=True)
    images = images / np.where(brightest > 0, brightest, 1)
    images -= images.mean(axis=axes, keepdims=True)
    contrast = np.abs(images).max(axis=axes, keepdims=True)
    images *= (contrast > LEAST_CONTRAST) / np.maximum(contrast, LEAST_CONTRAST)
    return images.astype(np.float32, copy=False)


def _transform(size: int, most: int) -> np.ndarray:
    """Return the first rows of the orthonormal discrete cosine transform."""
    frequency = np.arange(min(size, most))[:, np.newaxis]
    rows = np.cos(np.pi * frequency * (np.arange(size) + 0.5) / size)
    rows[0] *= np.sqrt(0.5)
    return (rows * np.sqrt(2 / size)).astype(np.float32)


def _moved(transform: np.ndarray) -> np.ndarray:
    """Return three transforms, one after the other: of an image moved by -1, 0, 1."""
    size = transform.shape[1]
    by = max(1, round(size * MOVE))
    places = np.arange(size)
    # A moved image repeats the pixels at its border.
    return np.concatenate(
        [
            transform
            @ np.eye(size, dtype=np.float32)[np.clip(places + move, 0, size - 1)]
            for move in (-by, 0, by)
        ]
    )


def _frequencies(n_rows: int, n_columns: int) -> np.ndarray:
    """Return the frequency of each coefficient of a transform along both sides."""
    return np.hypot(np.arange(n_rows)[:, np.newaxis], np.arange(n_columns)).astype(
        np.float32
    )
