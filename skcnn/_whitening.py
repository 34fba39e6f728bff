"""The fixed first convolution that decorrelates neighbouring pixels."""

import numpy as np

from skcnn._images import chunk_rows

# Both from K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, section
# 3.2 and the listing; https://arxiv.org/abs/2404.00498
MAX_IMAGES = 5000
EPSILON = 5e-4


def whitening_kernel(images, kernel_shape, offset, scale):
    """Learn a convolution kernel that whitens patches of scaled pixels.

    Parameters
    ----------
    images : LabelledImages
        The training images; at most `MAX_IMAGES` of them, evenly spaced, are read.
    kernel_shape : tuple of int
        ``(height, width, channels, filters)``, filters being twice the product of the
        others.
    offset, scale : ndarray of shape (channels,)
        What is subtracted from pixels and what they are divided by.

    Returns
    -------
    ndarray of shape `kernel_shape`, float64
        The eigenvectors of the second moments of the patches, divided by the root of
        their eigenvalues, and the opposite of each.
    """
    height, width, channels, _ = kernel_shape
    size = height * width * channels
    rows = np.arange(len(images))[:: -(-len(images) // MAX_IMAGES)]
    moments, total = np.zeros((size, size)), 0.0
    for part in chunk_rows(len(rows), images.image_shape):
        scaled = (images.images(rows[part]) - offset) / scale
        patches = np.lib.stride_tricks.sliding_window_view(
            scaled, (height, width), axis=(1, 2)
        )
        patches = patches.transpose(0, 1, 2, 4, 5, 3).reshape(len(scaled), -1, size)
        weights = np.ones(len(scaled))
        if images.weights is not None:
            weights = images.weights[rows[part]]
        moments += np.einsum("npi,npj,n->ij", patches, patches, weights, optimize=True)
        total += weights.sum() * patches.shape[1]
    variances, directions = np.linalg.eigh(moments / total)
    # Rounding may leave a variance of zero a little below it.
    directions /= np.sqrt(np.maximum(variances, 0) + EPSILON)
    both = np.concatenate([directions, -directions], axis=1)
    return both.reshape(kernel_shape)
