"""The kernel of the first convolution, which decorrelates neighboring pixels."""

from typing import Any

import numpy as np

from skcnn._images.forms import chunk_rows

# The two values are from K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
# 2024, section 3.2 and the listing; https://arxiv.org/abs/2404.00498
MAX_IMAGES = 5000
EPSILON = 5e-4


def whitening_kernel(
    images: Any,
    kernel_shape: tuple[int, ...],
    offset: np.ndarray,
    scale: np.ndarray,
) -> np.ndarray:
    """Return a float64 convolution kernel that whitens patches of scaled pixels.

    The filters are the eigenvectors of the second moments of the patches, each divided
    by the square root of its eigenvalue, and the negative of each. `kernel_shape` is
    ``(height, width, channels, filters)`` with ``filters = 2 * height * width *
    channels``. Pixels are scaled by ``(x - offset) / scale``. `images` are the labeled
    training images; at most `MAX_IMAGES` of them, evenly spaced, are read.
    """
    height, width, channels, _ = kernel_shape
    size = height * width * channels
    rows = np.arange(len(images))[:: -(-len(images) // MAX_IMAGES)]
    moments, total = np.zeros((size, size)), 0.0
    for some in chunk_rows(len(rows), images.image_shape):
        scaled = (images.images(rows[some]) - offset) / scale
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
