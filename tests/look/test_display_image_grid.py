"""ImageGridDisplay draws the right images in the right places, legibly."""

from itertools import chain

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.image import AxesImage

from skcnn.display import ImageGridDisplay

matplotlib.use("Agg")
import matplotlib.pyplot as plt


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def coded(n, shape=(4, 4)):
    """Images of uint8 that are filled with their own number, but for a white corner."""
    images = np.zeros((n, *shape), dtype=np.uint8)
    images += np.arange(n, dtype=np.uint8).reshape(n, *(1 for _ in shape))
    images[:, -1, -1] = 255
    return images


def drawn(display):
    """Return the grid as rows from above of the number that fills each image."""
    places = {}
    for image in display.ax_.get_images():
        left, _, _, top = image.get_extent()
        value = np.asarray(image.get_array()).flat[0]
        places.setdefault(round(top, 6), []).append((left, round(value * 255)))
    return [[code for _, code in sorted(places[top])] for top in sorted(places)]


def written(display):
    """Return the texts from above and from the left."""
    texts = display.ax_.texts
    ordered = sorted(
        texts, key=lambda t: (round(t.get_position()[1], 6), t.get_position()[0])
    )
    return [text.get_text() for text in ordered]


def pixels(display):
    """Return the pixels of the images as matplotlib draws them, as one array."""
    return np.array([np.asarray(i.get_array()) for i in display.ax_.get_images()])


def boxes(display, artists):
    display.figure_.canvas.draw()
    return [artist.get_window_extent() for artist in artists]


@pytest.mark.parametrize(
    ("n", "grid"),
    [
        (1, [[0]]),
        (3, [[0, 1], [2]]),
        (7, [[0, 1, 2], [3, 4, 5], [6]]),
    ],
)
def test_images_fill_a_square_in_reading_order(n, grid):
    display = ImageGridDisplay.from_data(coded(n))
    assert drawn(display) == grid
    assert written(display) == []
    assert display.figure_ is display.ax_.figure


def test_titles_are_the_labels():
    display = ImageGridDisplay.from_data(coded(4), ["b", "a", "$x$", "b"])
    assert written(display) == ["b", "a", "$x$", "b"]
    for text, image in zip(display.ax_.texts, display.ax_.get_images(), strict=True):
        left, right, _, top = image.get_extent()
        assert text.get_position()[0] == pytest.approx((left + right) / 2)
        assert text.get_position()[1] < top
        assert not text.get_parse_math()


def test_only_the_first_images_are_drawn():
    X = coded(200)
    assert [*chain(*drawn(ImageGridDisplay.from_data(X)))] == [*range(25)]
    shown = ImageGridDisplay.from_data(X, np.arange(200), max_images=100)
    assert [*chain(*drawn(shown))] == [*range(100)]
    assert written(shown) == [str(i) for i in range(100)]


def test_per_class_gives_every_class_a_row_of_its_first_images():
    y = ["cat", "ant", "cat", "bee", "cat", "ant", "cat"]
    display = ImageGridDisplay.from_data(coded(7), y, per_class=3)
    assert drawn(display) == [[1, 5], [3], [0, 2, 4]]
    assert written(display) == ["ant", "bee", "cat"]
    first_left = min(image.get_extent()[0] for image in display.ax_.get_images())
    assert all(text.get_position()[0] < first_left for text in display.ax_.texts)
    assert [len(row) for row in display.rows] == [2, 1, 3]
    assert display.row_labels == ["ant", "bee", "cat"]


def test_many_classes_go_side_by_side():
    y = np.repeat(np.arange(100), 2)
    display = ImageGridDisplay.from_data(coded(200), y, per_class=2)
    rows = drawn(display)
    assert sorted(chain(*rows)) == [*range(200)]
    assert rows[0][:4] == [0, 1, 2 * len(rows), 2 * len(rows) + 1]
    width, height = display.figure_.get_size_inches()
    assert 0.5 < width / height < 2


@pytest.mark.parametrize(
    ("y", "names", "expected"),
    [
        # Names of the labels that occur, in sorted order.
        ([5, 3, 5], ["three", "five"], ["five", "three", "five"]),
        (["x", "y", "x"], ["ex", "why"], ["ex", "why", "ex"]),
        # Whole numbers are indices, also where not all of them occur.
        ([2, 0, 2], ["zero", "one", "two"], ["two", "zero", "two"]),
        ([0, -1, 0], ["minus one", "zero"], ["zero", "minus one", "zero"]),
        ([False, True, True], ["no", "yes"], ["no", "yes", "yes"]),
        (pd.Series([1, 0, 1], index=[7, 8, 9]), np.array(["a", "b"]), ["b", "a", "b"]),
    ],
)
def test_display_labels_name_the_classes(y, names, expected):
    shown = ImageGridDisplay.from_data(coded(3), y, display_labels=names)
    assert written(shown) == expected
    shown = ImageGridDisplay.from_data(coded(3), y, per_class=2, display_labels=names)
    labels = np.unique(y)
    assert written(shown) == [expected[list(y).index(label)] for label in labels]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_all_forms_of_images_look_alike(channels):
    random = np.random.default_rng(0)
    X = random.integers(0, 256, (3, 6, 6, channels), dtype=np.uint8)
    expected = X.squeeze() / 255
    flat = X.reshape(3, -1)
    given = [(X, {}), (flat, {"image_shape": (6, 6, channels)})]
    if channels < 4:
        given += [(flat, {}), (pd.DataFrame(flat), {}), (flat.tolist(), {})]
    if channels == 1:
        given += [(X[..., 0], {}), (flat, {"image_shape": (6, 6)})]
    for images, keywords in given:
        display = ImageGridDisplay.from_data(images, **keywords)
        np.testing.assert_allclose(pixels(display), expected)
    assert (display.ax_.get_images()[0].get_cmap().name == "gray") or channels > 1


@pytest.mark.parametrize(
    ("pixel_values", "shown"),
    [
        (np.array([0, 102], np.uint8), [0, 0.4]),
        # Far below what the type can hold, the largest pixel is white.
        (np.array([0, 51], np.uint8), [0, 1]),
        (np.array([0, 65535], np.uint16), [0, 1]),
        (np.array([False, True]), [0, 1]),
        (np.array([-5, 15]), [0, 1]),
        # Floats in [0, 1] are shown as they are, others from smallest to largest.
        (np.array([0.25, 0.5]), [0.25, 0.5]),
        (np.array([0.25, 0.5], np.float16), [0.25, 0.5]),
        (np.array([-0.5, 0.5]), [0, 1]),
        (np.array([0.0, 255.0]), [0, 1]),
        (np.array([0.5, 0.5]), [0.5, 0.5]),
        (np.array([7.0, 7.0]), [0, 0]),
    ],
)
def test_the_scale_of_gray(pixel_values, shown):
    display = ImageGridDisplay.from_data(pixel_values.reshape(2, 1, 1, 1))
    np.testing.assert_allclose(pixels(display).ravel(), shown)
    assert {image.get_clim() for image in display.ax_.get_images()} == {(0, 1)}


def test_images_and_colors_share_one_scale():
    color = np.array([0.0, 1.0, 4.0]).reshape(1, 1, 1, 3)
    display = ImageGridDisplay.from_data(color)
    np.testing.assert_allclose(pixels(display).ravel(), [0, 0.25, 1])
    X = np.array([0.0, 1.0, 4.0]).reshape(3, 1, 1, 1)
    display = ImageGridDisplay.from_data(X, ["a", "a", "b"], per_class=2)
    np.testing.assert_allclose(pixels(display).ravel(), [0, 0.25, 1])


@pytest.mark.parametrize("n_columns", [1, 4])
@pytest.mark.parametrize("name", ["cat", "a name that is far wider than its image is"])
@pytest.mark.parametrize("given_axes", [False, True])
def test_texts_neither_overlap_nor_leave_the_figure(name, n_columns, given_axes):
    y = np.arange(n_columns**2) % max(n_columns, 2)
    names = [f"{name} {i}" for i in range(10)]
    for per_class in (None, n_columns):
        ax = plt.subplots(1, 2, figsize=(8, 4))[1][0] if given_axes else None
        display = ImageGridDisplay.from_data(
            coded(len(y)), y, per_class=per_class, display_labels=names, ax=ax
        )
        artists = [*display.ax_.texts, *display.ax_.get_images()]
        extents = boxes(display, artists)
        figure = display.figure_.bbox
        for i, box in enumerate(extents):
            assert figure.x0 <= box.x0 and box.x1 <= figure.x1
            assert figure.y0 <= box.y0 and box.y1 <= figure.y1
            for other in extents[:i]:
                width = min(box.x1, other.x1) - max(box.x0, other.x0)
                height = min(box.y1, other.y1) - max(box.y0, other.y0)
                assert width < 1 or height < 1
        assert min(text.get_size() for text in display.ax_.texts) >= 3.5


def test_texts_are_legible_on_small_axes():
    _, ax = plt.subplots(figsize=(3, 3))
    y = np.arange(60) % 10
    display = ImageGridDisplay.from_data(coded(60), y, per_class=6, ax=ax)
    heights = [box.height for box in boxes(display, display.ax_.get_images())]
    assert max(heights) < 25
    assert min(text.get_size() for text in display.ax_.texts) > 5


def test_long_names_are_cut_and_short_ones_are_not():
    names = ["cat", "a name that is far wider than its image is"]
    display = ImageGridDisplay.from_data(coded(2), [0, 1], display_labels=names)
    short, cut = written(display)
    assert short == "cat"
    assert cut.startswith("a name") and cut.endswith("…") and len(cut) < 30


@pytest.mark.parametrize("shape", [(4, 4), (10, 4), (4, 10), (5, 40, 3)])
def test_images_keep_their_aspect(shape):
    display = ImageGridDisplay.from_data(coded(6, shape))
    for box in boxes(display, display.ax_.get_images()):
        assert box.width / box.height == pytest.approx(shape[1] / shape[0], rel=1e-6)


def test_rows_of_a_table_are_bands():
    X = np.random.default_rng(0).normal(size=(30, 13))
    display = ImageGridDisplay.from_data(X, per_class=None)
    assert all(box.height >= 10 for box in boxes(display, display.ax_.get_images()))


def test_draws_on_the_axes_it_is_given():
    figure, axes = plt.subplots(1, 2)
    display = ImageGridDisplay.from_data(coded(4), ax=axes[1])
    assert display.ax_ is axes[1]
    assert display.figure_ is figure
    assert len(axes[1].get_images()) == 4
    assert axes[0].get_images() == []
    assert len(plt.get_fignums()) == 1
    again = display.plot(ax=axes[0])
    assert again is display and display.ax_ is axes[0]
    assert len(axes[0].get_images()) == 4


def test_the_constructor_takes_what_from_data_stores():
    display = ImageGridDisplay.from_data(coded(5), list("abcde"))
    copy = ImageGridDisplay(display.rows, titles=display.titles)
    assert not hasattr(copy, "ax_")
    assert drawn(copy.plot()) == drawn(display)
    assert written(copy) == written(display) == list("abcde")
    assert isinstance(copy.ax_.get_images()[0], AxesImage)


def test_neither_writes_into_the_images_nor_needs_to():
    X = np.linspace(-1, 1, 48).reshape(3, 4, 4)
    before = X.copy()
    X.flags.writeable = False
    ImageGridDisplay.from_data(X)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((np.zeros((0, 4, 4)),), {}, "X holds no images"),
        (([],), {}, "X holds no images"),
        ((coded(2), [1]), {}, "inconsistent numbers of samples"),
        ((coded(2),), {"per_class": 2}, r"per_class=2 without y.*pass y"),
        ((coded(2),), {"display_labels": ["a"]}, "display_labels without y.*pass y"),
        ((coded(2), [0, 1]), {"per_class": 0}, "per_class=0, but expected a positive"),
        ((coded(2), [0, 1]), {"per_class": 1.5}, "per_class=1.5, but expected"),
        ((coded(2), [0, 1]), {"per_class": True}, "per_class=True, but expected"),
        ((coded(2),), {"max_images": 0}, "max_images=0, but expected a positive"),
        (
            (coded(2), ["x", "y"]),
            {"display_labels": ["a", "b", "c"]},
            "3 display_labels for the 2 classes of y, from x to y",
        ),
        ((coded(2), [0, 1]), {"display_labels": ["a"]}, "1 display_labels for the 2"),
        ((coded(2, (4, 4, 2)),), {}, r"shape \(4, 4, 2\) cannot be shown.*1 channel"),
        ((np.full((1, 4, 4), np.nan),), {}, "NaN"),
        ((np.zeros((2, 3, 32, 32)),), {}, "looks channels first"),
        ((np.zeros((2, 12)),), {"image_shape": (5, 5)}, "needs rows of 25 values"),
    ],
)
def test_wrong_arguments_are_refused_before_a_figure_is_made(
    arguments, keywords, message
):
    with pytest.raises(ValueError, match=message):
        ImageGridDisplay.from_data(*arguments, **keywords)
    assert plt.get_fignums() == []
