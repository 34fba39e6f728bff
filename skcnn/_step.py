"""What a training call takes: the images of consecutive batches, and its options."""

from typing import NamedTuple

import numpy as np


class Batch(NamedTuple):
    """Images of one or more consecutive batches, as NumPy arrays.

    `images` of shape (n, height, width, channels) have a dtype that
    :meth:`skcnn._engine.CompiledNetwork.images` returns, `class_indices` are int32,
    `weights` (sample weights) have the network's dtype, and `flip_mask` says which
    images the augmentation "flip" flips.
    """

    images: np.ndarray
    class_indices: np.ndarray
    weights: np.ndarray
    flip_mask: np.ndarray


class StepOptions(NamedTuple):
    """All else that may differ between two training calls of one network.

    `size` is the ``(height, width)`` that images are resized to, unless they have it.
    It is fixed when the step is compiled; everything else is passed at run time.
    `rates` holds the learning rate of each step as float32, `dropout` the two rates
    after the convolution stages and after the hidden dense layers, `smoothing` the
    label smoothing; `seed` and the number of the first `step` seed random numbers.
    """

    size: tuple[int, int]
    rates: np.ndarray
    batch_size: np.int32
    dropout: np.ndarray
    smoothing: np.ndarray
    seed: np.int32
    step: np.int32
