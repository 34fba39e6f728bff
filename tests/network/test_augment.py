"""What changes of images do, for training and for prediction, and leave alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skcnn._network.augment import (
    AUGMENTATIONS,
    MAX_ROTATION,
    MAX_SHEAR,
    MAX_ZOOM,
    SHIFT_DIVISOR,
    SURE,
    VIEWS,
    are_unsure,
    augment_images,
    block_means,
    block_size,
    count_views,
    image_views,
    resize_images,
    views_of_size,
    views_seen,
)
from skcnn._network.backends import backend

pytestmark = pytest.mark.any_backend

N = 200


def random_numbers(seed, name, shape):
    """Draw numbers in [0, 1), others for each augmentation."""
    entropy = [*np.atleast_1d(seed), len(name)]
    return np.random.default_rng(entropy).random(shape, np.float32)


def augment(images, names, seed=0, flip_mask=None, transform=None):
    from keras import ops

    if flip_mask is None:
        flip_mask = np.arange(len(images)) % 2 == 0

    def draw(name, shape):
        shape = [int(n) for n in shape]
        return ops.convert_to_tensor(random_numbers(seed, name, shape))

    with backend().precision(images.dtype):
        images = ops.convert_to_tensor(images)
        flip_mask = ops.convert_to_tensor(flip_mask)
        changed = augment_images(images, names, flip_mask, draw, transform)
        return ops.convert_to_numpy(changed)


def different_images(shape, dtype=np.float32):
    return np.random.default_rng(0).random(shape).astype(dtype)


def same_image(height, width, channels=1):
    """N times one image of which all pixels differ."""
    pixels = np.random.default_rng(0).permutation(height * width * channels)
    image = pixels.reshape(1, height, width, channels).astype(np.float32)
    return np.repeat(image, N, axis=0)


@pytest.mark.parametrize("name", ["shift", "affine"])
def test_same_numbers_same_changes(name):
    images = different_images((10, 28, 28, 1))
    first = augment(images, (name,), 1)
    np.testing.assert_array_equal(augment(images, (name,), 1), first)
    assert (augment(images, (name,), 2) != first).any()


@pytest.mark.parametrize(
    ("shape", "names"),
    [
        ((4, 28, 28, 1), ()),
        ((4, 7, 28, 1), AUGMENTATIONS),
        ((4, 28, 7, 3), AUGMENTATIONS),
        ((4, 1, 784, 1), AUGMENTATIONS),
    ],
    ids=["no names", "low images", "narrow images", "tables"],
)
def test_some_images_are_left_alone(shape, names):
    images = different_images(shape)
    np.testing.assert_array_equal(augment(images, names), images)


@pytest.mark.parametrize("name", ["flip", "affine"])
def test_images_of_eight_pixels_are_changed(name):
    images = different_images((50, 8, 8, 1))
    assert (augment(images, (name,)) != images).any()


@pytest.mark.parametrize("side", [28, 31])
def test_flip_mirrors_the_images_it_is_told_to(side):
    images = different_images((N, 28, side, 3))
    flip_mask = np.random.default_rng(1).random(N) < 0.5
    expected = np.where(flip_mask[:, None, None, None], images[:, :, ::-1], images)
    np.testing.assert_array_equal(
        augment(images, ("flip",), (0, 0), flip_mask), expected
    )


@pytest.mark.parametrize(("height", "width"), [(28, 28), (32, 32), (42, 15)])
def test_shift_moves_whole_pixels_by_at_most_a_fourteenth(height, width):
    images = same_image(height, width, 2)
    shifted = augment(images, ("shift",))
    most_y, most_x = height // SHIFT_DIVISOR, width // SHIFT_DIVISOR
    inside = (slice(most_y, height - most_y), slice(most_x, width - most_x))
    found = set()
    for image in shifted:
        matches = [
            (dy, dx)
            for dy in range(-most_y, most_y + 1)
            for dx in range(-most_x, most_x + 1)
            if np.array_equal(
                image[inside], np.roll(images[0], (dy, dx), axis=(0, 1))[inside]
            )
        ]
        assert len(matches) == 1
        found.update(matches)
    # Every shift in both directions turns up.
    assert {dy for dy, _ in found} == set(range(-most_y, most_y + 1))
    assert {dx for _, dx in found} == set(range(-most_x, most_x + 1))


def test_images_of_eight_pixels_are_too_small_to_shift():
    images = different_images((20, 8, 8, 1))
    np.testing.assert_array_equal(augment(images, ("shift",)), images)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("names", [*((n,) for n in AUGMENTATIONS), AUGMENTATIONS])
def test_values_stay_in_range_and_keep_shape_and_dtype(names, dtype):
    images = different_images((50, 28, 32, 3), dtype) + 5
    changed = augment(images, names)
    assert changed.dtype == dtype
    assert changed.shape == images.shape
    assert changed.min() >= images.min() - 1e-5
    assert changed.max() <= images.max() + 1e-5


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_each_image_is_changed_on_its_own(name):
    images = same_image(28, 28)
    changed = augment(images, (name,))
    assert len(np.unique(changed, axis=0)) > 1
    # What happens to an image does not depend on the others.
    others = images.copy()
    others[1:] = 0
    np.testing.assert_array_equal(augment(others, (name,))[0], changed[0])


def test_affine_keeps_what_is_in_the_middle_near_the_middle():
    images = np.zeros((N, 29, 29, 1), np.float32)
    images[:, 14, 14] = 1
    changed = augment(images, ("affine",))[..., 0]
    y, x = np.nonzero(changed.max(axis=0) > 0.1)
    # A shift of at most 29 / 28 pixels, and a pixel's width of interpolation.
    assert np.abs(y - 14).max() <= 2
    assert np.abs(x - 14).max() <= 2
    assert len(y) > 1


def test_affine_moves_a_corner_by_no_more_than_it_says():
    height = width = 29
    yy, xx = np.mgrid[:height, :width].astype(np.float32)
    # The value of a pixel is its place: what comes out says where it was read from.
    place = np.repeat(np.stack([yy, xx], axis=-1)[np.newaxis], N, axis=0)
    read = augment(place, ("affine",))
    middle = np.abs(read[:, 14, 14] - 14)
    assert 0.5 < middle.max() <= 29 / 28 + 1e-3
    # Two points ten pixels right and left of the middle: rotation and zoom.
    across = (read[:, 14, 24] - read[:, 14, 4]) / 20
    length = np.hypot(across[:, 0], across[:, 1])
    assert 0.85 < length.min() < 0.92
    assert 1.08 < length.max() < 1.15
    angle = np.rad2deg(np.arctan2(across[:, 0], across[:, 1]))
    assert 10 < np.abs(angle).max() <= 12.1
    assert angle.min() < -8
    assert angle.max() > 8


def test_affine_reads_between_pixels_and_repeats_the_border():
    from scipy.ndimage import affine_transform

    images = different_images((20, 28, 30, 1)).astype(np.float64)
    changed = augment(images, ("affine", "flip"), flip_mask=np.zeros(20, bool))
    drawn = 2 * random_numbers(0, "affine", (5, 20)).astype(np.float64) - 1
    angles, zooms = MAX_ROTATION * drawn[0], 1 + MAX_ZOOM * drawn[1]
    shears, dx, dy = MAX_SHEAR * drawn[2], drawn[3] * 30 / 28, drawn[4]
    centre = np.array([27, 29]) / 2
    for i, image in enumerate(images[..., 0]):
        turn = [
            [np.cos(angles[i]), np.sin(angles[i])],
            [-np.sin(angles[i]), np.cos(angles[i])],
        ]
        # Of rows and columns, in this order.
        matrix = zooms[i] * np.array(turn) @ [[1, 0], [shears[i], 1]]
        expected = affine_transform(
            image,
            matrix,
            centre + np.array([dy[i], dx[i]]) - matrix @ centre,
            order=1,
            mode="nearest",
        )
        np.testing.assert_allclose(changed[i, ..., 0], expected, atol=1e-3)


# ----------------------------------------------------------------- views and sizes


def views(images, names):
    from keras import ops

    with backend().precision("float64"):
        views = image_views(ops.convert_to_tensor(images), names)
        return [ops.convert_to_numpy(view) for view in views]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize(
    "names", [(), ("flip",), ("shift",), ("flip", "shift")], ids=str
)
def test_views_are_mirror_images_and_shifts_by_a_pixel(names, dtype):
    images = (255 * different_images((3, 14, 17, 2))).astype(dtype)
    expected = [images]
    if "shift" in names:
        # Border pixels are not repeated where they are mirrored, as in NumPy's reflect.
        around = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        expected += [around[:, 2:, 2:], around[:, :-2, :-2]]
    if "flip" in names:
        expected += [view[:, :, ::-1] for view in expected]
    found = views(images, names)
    assert len(found) == len(expected)
    for view, other in zip(found, expected, strict=True):
        assert view.dtype == dtype
        np.testing.assert_array_equal(view, other)


@pytest.mark.parametrize("shape", [(4, 7, 28, 1), (4, 28, 7, 3), (4, 1, 784, 1)])
def test_small_images_have_one_view(shape):
    images = different_images(shape)
    (view,) = views(images, VIEWS)
    np.testing.assert_array_equal(view, images)


@pytest.mark.parametrize("shape", [(4, 8, 8, 1), (4, 13, 28, 1), (4, 28, 13, 3)])
def test_views_of_images_too_small_to_shift_are_not_shifted(shape):
    images = different_images(shape)
    for names in (("shift",), VIEWS):
        found = views(images, names)
        expected = [images, images[:, :, ::-1]][: len(names)]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("names", [(), ("flip",), ("shift",), VIEWS], ids=str)
@pytest.mark.parametrize("size", [(7, 28), (8, 8), (28, 13), (14, 14), (1, 784)])
def test_the_views_of_a_size_are_those_that_are_made(names, size):
    images = different_images((2, *size, 1))
    of_size = views_of_size(names, images.shape[1:])
    assert set(of_size) <= set(names)
    assert count_views(of_size) == len(views(images, names))


@pytest.mark.parametrize(
    ("augment", "expected"),
    [
        ((), ()),
        (("flip",), ("flip",)),
        (("shift",), ("shift",)),
        (("flip", "shift"), ("flip", "shift")),
        (("affine",), ("shift",)),
        (("flip", "affine"), ("flip", "shift")),
    ],
    ids=str,
)
def test_the_views_that_training_saw(augment, expected):
    assert views_seen(augment) == expected


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3, 10, 1000])
def test_an_image_is_unsure_if_two_classes_are_almost_as_probable(n_classes, dtype):
    times = np.array([1, 2, SURE - 0.01, SURE + 0.01, 1000])
    logits = np.zeros((5, n_classes), dtype)
    logits[:, 1] = np.log(times)
    logits[:, 2:] = -3
    expected = times < SURE
    np.testing.assert_array_equal(are_unsure(logits), expected)
    # The same for logits of any size and order, and from the library of a backend.
    np.testing.assert_array_equal(are_unsure(logits + 100), expected)
    np.testing.assert_array_equal(are_unsure(logits[:, ::-1]), expected)
    from keras import ops

    with backend().precision(dtype):
        found = ops.convert_to_numpy(are_unsure(ops.convert_to_tensor(logits), ops))
    np.testing.assert_array_equal(found, expected)


def resize(images, size):
    from keras import ops

    with backend().precision(images.dtype):
        return ops.convert_to_numpy(resize_images(ops.convert_to_tensor(images), size))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_half_the_size_is_the_mean_of_two_by_two_pixels(dtype):
    images = different_images((3, 8, 12, 2), dtype)
    halved = resize(images, (4, 6))
    assert halved.dtype == dtype
    means = images.reshape(3, 4, 2, 6, 2, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(halved, means, rtol=1e-6)


@pytest.mark.parametrize("size", [(5, 9), (8, 12), (11, 7)], ids=str)
def test_resizing_agrees_with_the_layer_of_keras(size):
    import keras

    images = different_images((3, 8, 12, 2))
    layer = keras.layers.Resizing(*size, data_format="channels_last")
    resized = resize(images, size)
    assert resized.shape == (3, *size, 2)
    expected = keras.ops.convert_to_numpy(layer(images))
    np.testing.assert_allclose(resized, expected, rtol=1e-6)


def test_far_smaller_images_are_means_of_all_pixels():
    images = different_images((3, 12, 40, 2))
    halved = images.reshape(3, 2, 6, 4, 10, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(resize(images, (2, 4)), halved, rtol=1e-5)


@pytest.mark.parametrize(
    ("sides", "size", "block"),
    [
        ((8, 9), (8, 9), (1, 1)),
        ((32, 32), (16, 24), (1, 1)),
        ((33, 32), (16, 16), (2, 1)),
        ((720, 1280), (72, 128), (5, 5)),
        ((10, 1_000), (10, 100), (1, 5)),
    ],
)
def test_blocks_leave_at_most_twice_the_size_and_no_less(sides, size, block):
    assert block_size(sides, size) == block
    for side, new, one in zip(sides, size, block, strict=True):
        assert new <= side // one <= 2 * new


def test_images_of_the_size_asked_for_stay_the_same_object():
    from keras import ops

    images = ops.convert_to_tensor(different_images((3, 8, 12, 2)))
    assert resize_images(images, (8, 12)) is images


# Sides of images, the size to resize to, and the sides of means that the network takes.
REDUCED = [
    ((8, 9), (8, 9), (8, 9)),
    ((32, 32), (16, 24), (32, 32)),
    ((33, 32), (16, 16), (16, 32)),
    ((40, 21), (5, 7), (10, 10)),
    ((9, 100), (1, 11), (1, 20)),
]


@pytest.mark.parametrize(("sides", "size", "expected"), REDUCED, ids=str)
def test_means_are_taken_once(sides, size, expected):
    images = different_images((2, *sides, 3))
    with backend().precision("float32"):
        from keras import ops

        means = block_means(ops.convert_to_tensor(images), size)
        means = ops.convert_to_numpy(means)
    assert means.shape == (2, *expected, 3)
    np.testing.assert_array_equal(resize(means, size), resize(images, size))
    if expected == sides:
        np.testing.assert_array_equal(means, images)


@given(
    sides=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    scale=st.floats(0.001, 1),
)
def test_blocks_of_training_leave_enough_pixels_to_shift(sides, scale):
    size = tuple(max(1, round(scale * side)) for side in sides)
    whole = block_size(sides, size)
    block = block_size(sides, size, least=14)
    means = tuple(side // one for side, one in zip(sides, block, strict=True))
    rest = block_size(means, size)
    for i in range(2):
        assert means[i] >= min(sides[i], 14)
        if sides[i] // whole[i] >= 14:
            assert (block[i], rest[i]) == (whole[i], 1)
        # The means of what is left are not too few either.
        assert size[i] <= means[i] // rest[i] <= 2 * size[i]
