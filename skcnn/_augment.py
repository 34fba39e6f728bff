"""Changes of images: random ones for training, fixed views for prediction, size."""

import numpy as np

# Smaller images (and tables, one pixel high) are left alone: there a shift by one pixel
# destroys more than it teaches.
MIN_CHANGED_SIDE = 8

VIEWS = ("flip", "shift")

AUGMENTATIONS = ("flip", "shift", "affine")

# A little less than what D. C. Ciresan et al., "Deep, Big, Simple Neural Nets for
# Handwritten Digit Recognition", Neural Computation 22(12), 2010, section 2, apply to
# digits over hundreds of epochs.
MAX_ROTATION = np.deg2rad(12)
MAX_ZOOM = 0.12
MAX_SHEAR = 0.15

# Two pixels of 28 or 32, as in K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single
# GPU", 2024, section 3; https://arxiv.org/abs/2404.00498
SHIFT_DIVISOR = 14


def augment_images(images, names, draw, mirrored):
    """Flip, shift or distort each image at random.

    Parameters
    ----------
    images : tensor of shape (b, height, width, channels)
        Floating images.
    names : tuple of str
        Any of "flip" (left to right), "shift" (whole pixels, up to 1/14 of the sides)
        and "affine" (rotation up to 12 degrees, zoom up to 12 %, shear up to 0.15,
        shift up to 1/28 of the sides, bilinear). Beyond its border an image goes on as
        its mirror image; with "affine", as its border pixels.
    draw : callable
        Takes a shape and returns a tensor of float32 of it, uniform between -1 and 1.
    mirrored : tensor of shape (b,) of bool
        Which images "flip" flips.

    Returns
    -------
    tensor of shape (b, height, width, channels)
    """
    from keras import ops

    _, height, width, _ = images.shape
    if not names or min(height, width) < MIN_CHANGED_SIDE:
        return images
    drawn = draw((7, ops.shape(images)[0]))
    one, zero = ops.ones_like(drawn[0]), ops.zeros_like(drawn[0])
    dx, dy = zero, zero
    if "shift" in names:
        dx = _whole_pixels(drawn[5], width // SHIFT_DIVISOR)
        dy = _whole_pixels(drawn[6], height // SHIFT_DIVISOR)
    sign = ops.where(mirrored, -one, one) if "flip" in names else one
    if "affine" not in names:
        return _move(images, sign, dx, dy)
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
    transforms = (
        (xx, xy, cx + dx - xx * cx - xy * cy),
        (yx, yy, cy + dy - yx * cx - yy * cy),
    )
    return _transform(images, transforms)


def image_views(images, names):
    """Return the views of images over which a prediction is averaged.

    Parameters
    ----------
    images : tensor of shape (b, height, width, channels)
        Images of any dtype.
    names : tuple of str
        "flip" adds the mirror image of each view, "shift" two views, one pixel up and
        to the left, and one pixel down and to the right, the border reflected. Images
        so small that training does not shift them are not shifted here either.

    Returns
    -------
    list of tensor of shape (b, height, width, channels)
        The images themselves first.

    References
    ----------
    .. [1] K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, section
       3.5 (the mirror image and the two shifts);
       https://arxiv.org/abs/2404.00498
    """
    from keras import ops

    views = [images]
    _, height, width, _ = images.shape
    if min(height, width) < MIN_CHANGED_SIDE:
        return views
    if "shift" in names and min(height, width) >= SHIFT_DIVISOR:
        border = [[0, 0], [1, 1], [1, 1], [0, 0]]
        padded = ops.pad(images, border, "reflect")
        views += [padded[:, 2:, 2:], padded[:, :-2, :-2]]
    if "flip" in names:
        views += [ops.flip(view, axis=2) for view in views]
    return views


def resize_images(images, size):
    """Resize images as the network's own layer does.

    Parameters
    ----------
    images : tensor of shape (b, height, width, channels)
        Floating images.
    size : tuple of int
        ``(height, width)``.

    Returns
    -------
    tensor of shape (b, *size, channels)
    """
    import keras

    if images.shape[1:3] == size:
        return images
    return keras.ops.image.resize(
        images, size, interpolation="bilinear", data_format="channels_last"
    )


def _whole_pixels(uniform, most):
    from keras import ops

    return ops.floor((uniform + 1) / 2 * (2 * most + 1)) - most


def _move(images, sign, dx, dy):
    """Mirror images where the sign is negative and shift them by whole pixels."""
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
    # A fifth of the time of a projective transform, which computes each coordinate of
    # each pixel.
    rows = rows + height * ops.arange(n, dtype="int32")[:, None]
    pixels = width * rows[:, :, None] + columns[:, None, :]
    return ops.take(ops.reshape(images, (-1, channels)), pixels, axis=0)


def _reflected(index, length):
    """Return indices of pixels, where an image goes on as its mirror image."""
    from keras import ops

    index = ops.mod(index, 2 * length)
    return ops.minimum(index, 2 * length - 1 - index)


def _transform(images, transforms):
    """Read each pixel where its transform, two rows of a matrix, says."""
    import keras
    from keras import ops

    if keras.config.backend() == "tensorflow":
        zero = ops.zeros_like(transforms[0][0])
        return ops.image.affine_transform(
            images,
            ops.stack([*transforms[0], *transforms[1], zero, zero], axis=1),
            interpolation="bilinear",
            fill_mode="nearest",
            data_format="channels_last",
        )
    # Elsewhere Keras interpolates between channels too, in many times the time.
    n, height, width, _ = images.shape
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
    image = ops.reshape(ops.arange(n, dtype="int32"), (-1, 1, 1))

    def read(y, x):
        y, x = (
            ops.cast(ops.clip(index, 0, length - 1), "int32")
            for index, length in ((y, height), (x, width))
        )
        return images[image, y, x]

    top, left = ops.floor(y), ops.floor(x)
    down, right = (
        ops.cast(part, images.dtype)[..., None] for part in (y - top, x - left)
    )
    above = (1 - right) * read(top, left) + right * read(top, left + 1)
    below = (1 - right) * read(top + 1, left) + right * read(top + 1, left + 1)
    return (1 - down) * above + down * below
