"""Changes of images: random ones for training, fixed views for prediction, size."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

# Smaller images (and tables, one pixel high) are left alone: there a shift by one pixel
# destroys more than it teaches.
MIN_CHANGED_SIDE = 8

VIEWS = ("flip", "shift")

AUGMENTATIONS = ("flip", "shift", "affine")

# An image is sure if one class is so many times as probable as each other class. This
# is a fixed number, so that a prediction depends on no other image. With 6, further
# views of the sure images would change 3 labels of 10,000 training images of CIFAR-10
# that were held out, and 32 % of the images are unsure; with 7 these are 1 and 35 %,
# and predictions then take half of the time of all views, or a little more (defaults,
# 40,000 training images, "mixed_bfloat16", one seed, 2026-11-26).
SURE = 6

# A little less than what D. C. Ciresan et al., "Deep, Big, Simple Neural Nets for
# Handwritten Digit Recognition", Neural Computation 22(12), 2010, section 2, apply to
# digits over hundreds of epochs.
MAX_ROTATION = np.deg2rad(12)
MAX_ZOOM = 0.12
MAX_SHEAR = 0.15

# Two pixels of 28 or 32, as in K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single
# GPU", 2024, section 3; https://arxiv.org/abs/2404.00498
SHIFT_DIVISOR = 14


class Views(NamedTuple):
    """The views of an image over which a prediction is averaged.

    `names` are some of `VIEWS`, in their order; without any, the image itself is the
    only view. With `only_unsure`, images that are sure by their first view, see
    :func:`are_unsure`, have no further ones.
    """

    names: tuple[str, ...] = ()
    only_unsure: bool = False


NO_VIEWS = Views()


def augment_images(
    images: Any,
    names: tuple[str, ...],
    flip_mask: Any,
    draw: Callable[[str, Any], Any],
    transform: Callable[[Any, Any], Any] | None = None,
) -> Any:
    """Flip, shift or distort each of some floating images at random.

    `names` may hold "flip" (left to right), "shift" (whole pixels, up to 1/14 of the
    sides) and "affine" (rotation up to 12 degrees, zoom up to 12 %, shear up to 0.15,
    shift up to 1/28 of the sides, bilinear). Beyond its border an image continues as
    its mirror image; with "affine", as its border pixels. `flip_mask` says which images
    "flip" flips. `draw` takes a name and a shape and returns float32 random numbers in
    [0, 1): each augmentation has its own, so that another one does not change them.
    `transform` may replace :func:`transform_images`.
    """
    from keras import ops

    _, height, width, _ = images.shape
    if not names or min(height, width) < MIN_CHANGED_SIDE:
        return images
    n = ops.shape(images)[0]
    one = ops.ones((n,), "float32")
    dx = dy = ops.zeros((n,), "float32")
    if "shift" in names:
        drawn = draw("shift", (2, n))
        dx = _whole_pixels(drawn[0], width // SHIFT_DIVISOR)
        dy = _whole_pixels(drawn[1], height // SHIFT_DIVISOR)
    sign = ops.where(flip_mask, -one, one) if "flip" in names else one
    if "affine" not in names:
        return _move(images, sign, dx, dy)
    drawn = 2 * draw("affine", (5, n)) - 1
    angle = MAX_ROTATION * drawn[0]
    zoom = 1 + MAX_ZOOM * drawn[1]
    shear = MAX_SHEAR * drawn[2]
    xx = sign * zoom * ops.cos(angle)
    xy = sign * zoom * (shear * ops.cos(angle) - ops.sin(angle))
    yx = zoom * ops.sin(angle)
    yy = zoom * (shear * ops.sin(angle) + ops.cos(angle))
    dx = sign * (drawn[3] * width / 28 + dx)
    dy = drawn[4] * height / 28 + dy
    cx, cy = (width - 1) / 2, (height - 1) / 2
    rows = (
        (xx, xy, cx + dx - xx * cx - xy * cy),
        (yx, yy, cy + dy - yx * cx - yy * cy),
    )
    return (transform or transform_images)(images, rows)


def augmented_at_random(
    images: np.ndarray, names: tuple[str, ...], random: np.random.RandomState
) -> np.ndarray:
    """Return float32 images as an epoch of training may change them."""
    from keras import ops

    def draw(_: str, shape: tuple) -> Any:
        return ops.convert_to_tensor(random.uniform(size=shape), "float32")

    flip_mask = ops.convert_to_tensor(random.uniform(size=len(images)) < 0.5)
    tensor = ops.convert_to_tensor(images)
    changed = augment_images(tensor, names, flip_mask, draw)
    return ops.convert_to_numpy(changed)


def views_seen(augment: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the views that training with some augmentations has seen.

    "affine" moves images by up to a pixel of 28, and so has shown shifts too.
    """
    seen = {"flip"} & set(augment)
    if {"shift", "affine"} & set(augment):
        seen.add("shift")
    return tuple(name for name in VIEWS if name in seen)


def views_of_size(names: tuple[str, ...], size: tuple[int, ...]) -> tuple[str, ...]:
    """Return those views that images of a size ``(height, width, ...)`` have.

    Images that are too small for training to flip or shift them have no such views.
    """
    smallest = {"flip": MIN_CHANGED_SIDE, "shift": SHIFT_DIVISOR}
    return tuple(name for name in names if min(size[:2]) >= smallest[name])


def count_views(names: tuple[str, ...]) -> int:
    """Return the number of views of an image."""
    return (3 if "shift" in names else 1) * (2 if "flip" in names else 1)


def are_unsure(logits: Any, library: Any = np) -> Any:
    """Say of each row of logits whether no class is `SURE` times as probable as others.

    `library` is NumPy or `keras.ops`, whatever made the logits. Logits that are not
    finite are not unsure.
    """
    ordered = library.sort(logits, axis=1)
    return ordered[:, -1] - ordered[:, -2] < np.log(SURE)


def image_views(images: Any, names: tuple[str, ...]) -> list[Any]:
    """Return the views of images over which a prediction is averaged.

    The first view is the images themselves. "flip" adds the mirror image of each view,
    "shift" two views: one pixel up and to the left, and one pixel down and to the
    right, the border reflected. :func:`views_of_size` says which of them there are.
    The views are those of K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
    2024, section 3.5; https://arxiv.org/abs/2404.00498
    """
    from keras import ops

    views = [images]
    names = views_of_size(names, images.shape[1:])
    if "shift" in names:
        border = [[0, 0], [1, 1], [1, 1], [0, 0]]
        padded = ops.pad(images, border, "reflect")
        views += [padded[:, 2:, 2:], padded[:, :-2, :-2]]
    if "flip" in names:
        views += [ops.flip(view, axis=2) for view in views]
    return views


def block_size(
    sides: tuple[int, int], size: tuple[int, int], least: int = 1
) -> tuple[int, int]:
    """Return the block whose means leave at most twice the ``(height, width)``.

    The block is smaller if a side of at least `least` pixels would get less than that.
    """
    height, width = (
        max(1, min(-(-side // (2 * new)), side // least))
        for side, new in zip(sides, size, strict=True)
    )
    return height, width


def resize_images(images: Any, size: tuple[int, int]) -> Any:
    """Resize floating images to ``(height, width)`` as the network's own layers do.

    If a side shrinks by more than half, the means of blocks of pixels are taken first,
    because each bilinear sample reads two pixels of a side and skips the others.
    """
    import keras

    if images.shape[1:3] == size:
        return images
    return keras.ops.image.resize(
        block_means(images, size),
        size,
        interpolation="bilinear",
        data_format="channels_last",
    )


def block_means(images: Any, size: tuple[int, int], least: int = 1) -> Any:
    """Return the means of those blocks of pixels that :func:`block_size` returns.

    If no side shrinks by more than half, these are the images themselves.
    """
    from keras import ops

    block = block_size(images.shape[1:3], size, least)
    if block == (1, 1):
        return images
    # Without strides, Keras fails on JAX.
    return ops.average_pool(images, block, strides=block, data_format="channels_last")


def _whole_pixels(drawn: Any, most: int) -> Any:
    """Turn numbers in [0, 1) into integers from ``-most`` to `most`, as floats."""
    from keras import ops

    return ops.floor(drawn * (2 * most + 1)) - most


def _move(images: Any, sign: Any, dx: Any, dy: Any) -> Any:
    """Flip images where the sign is negative, and shift them by whole pixels."""
    from keras import ops

    n, (height, width, channels) = ops.shape(images)[0], images.shape[1:]
    rows = ops.arange(height, dtype=dy.dtype) + dy[:, None]
    columns = ops.arange(width, dtype=dx.dtype) + dx[:, None]
    # About the middle, so that an even width is mirrored as exactly as an odd one.
    middle = (width - 1) / 2
    columns = middle + sign[:, None] * (columns - middle)
    rows, columns = (
        ops.cast(_reflected(index, length), "int32")
        for index, length in ((rows, height), (columns, width))
    )
    # Pixels are gathered by their indices. This takes a fifth of the time of a
    # projective transform, which computes the coordinates of each pixel.
    rows = rows + height * ops.arange(n, dtype="int32")[:, None]
    pixels = width * rows[:, :, None] + columns[:, None, :]
    return ops.take(ops.reshape(images, (-1, channels)), pixels, axis=0)


def _reflected(index: Any, length: int) -> Any:
    """Return indices within an image for indices beyond its border, reflected."""
    from keras import ops

    index = ops.mod(index, 2 * length)
    return ops.minimum(index, 2 * length - 1 - index)


def transform_images(images: Any, transforms: Any) -> Any:
    """Read each pixel at the place that its transform, two rows of a matrix, gives.

    Keras's own function interpolates between channels too on JAX and PyTorch, which is
    much more work.
    """
    from keras import ops

    n, (height, width) = ops.shape(images)[0], images.shape[1:3]
    rows, columns = (
        ops.reshape(ops.arange(length, dtype="float32"), shape)
        for length, shape in ((height, (1, -1, 1)), (width, (1, 1, -1)))
    )
    x, y = (
        ops.reshape(a, (-1, 1, 1)) * columns
        + ops.reshape(b, (-1, 1, 1)) * rows
        + ops.reshape(c, (-1, 1, 1))
        for a, b, c in transforms
    )
    first_rows = height * ops.reshape(ops.arange(n, dtype="int32"), (-1, 1, 1))
    pixels = ops.reshape(images, (-1, images.shape[3]))

    def read(y: Any, x: Any) -> Any:
        y, x = (
            ops.cast(ops.clip(index, 0, length - 1), "int32")
            for index, length in ((y, height), (x, width))
        )
        return ops.take(pixels, width * (first_rows + y) + x, axis=0)

    top, left = ops.floor(y), ops.floor(x)
    down, right = (
        ops.cast(part, images.dtype)[..., None] for part in (y - top, x - left)
    )
    above = (1 - right) * read(top, left) + right * read(top, left + 1)
    below = (1 - right) * read(top + 1, left) + right * read(top + 1, left + 1)
    return (1 - down) * above + down * below
