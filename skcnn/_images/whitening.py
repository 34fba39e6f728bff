"""The kernel of the first convolution, which decorrelates neighboring pixels."""

from math import prod
from typing import Any

import numpy as np

from skcnn._images.forms import chunk_rows

# The two values are from K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
# 2024, section 3.2 and the listing; https://arxiv.org/abs/2404.00498
MAX_IMAGES = 5000
EPSILON = 5e-4

# Fewer images are read if they are large, so that this takes some seconds at most.
MAX_PIXELS = MAX_IMAGES * 64**2


def whitening_kernel(
    images: Any,
    kernel_shape: tuple[int, ...],
    offset: np.ndarray,
    scale: np.ndarray,
    block: tuple[int, int] = (1, 1),
) -> np.ndarray:
    """Return a float64 convolution kernel that whitens patches of scaled pixels.

    The filters are the eigenvectors of the second moments of the patches, each divided
    by the square root of its eigenvalue, and the negative of each. `kernel_shape` is
    ``(height, width, channels, filters)`` with ``filters = 2 * height * width *
    channels``. Pixels are scaled by ``(x - offset) / scale``. `images` are the labeled
    training images; at most `MAX_IMAGES` of them, evenly spaced, are read. The patches
    are those of images that are reduced to the means of blocks of ``(height, width)``
    `block`.
    """
    height, width, channels, _ = kernel_shape
    size = height * width * channels
    most = min(MAX_IMAGES, max(1, MAX_PIXELS // prod(images.image_shape[:2])))
    rows = np.arange(len(images))[:: -(-len(images) // most)]
    moments, total = np.zeros((size, size)), 0.0
    for some in chunk_rows(len(rows), images.image_shape):
        scaled = _block_means(images.images(rows[some]) - offset, block) / scale
        patches = np.lib.stride_tricks.sliding_window_view(
            scaled, (height, width), axis=(1, 2)
        )
        patches = patches.transpose(0, 1, 2, 4, 5, 3).reshape(len(scaled), -1, size)
        weights = np.ones(len(scaled))
        if images.weights is not None:
            weights = images.weights[rows[some]]
        moments += np.einsum("npi,npj,n->ij", patches, patches, weights, optimize=True)
        total += weights.sum() * patches.shape[1]
    variances, directions = np.linalg.eigh(moments / total)
    # Rounding can make a variance of zero slightly negative.
    directions /= np.sqrt(np.maximum(variances, 0) + EPSILON)
    both = np.concatenate([directions, -directions], axis=1)
    return both.reshape(kernel_shape)


def _block_means(images: np.ndarray, block: tuple[int, int]) -> np.ndarray:
    """Return images reduced to the means of blocks, without what is left at the end."""
    if block == (1, 1):
        return images
    n, height, width, channels = images.shape
    down, across = height // block[0], width // block[1]
    whole = images[:, : down * block[0], : across * block[1]]
    return whole.reshape(n, down, block[0], across, block[1], channels).mean((2, 4))
