"""Image files and PIL images, read as a viewer shows them."""

import numpy as np
import pytest

from skcnn._image_files import is_leftover, natural_order, read_images

Image = pytest.importorskip("PIL.Image")


def test_transparent_pixels_are_white_paper(tmp_path):
    ink = np.zeros((6, 5, 4), np.uint8)
    ink[2:4, 1:3, 3] = 255  # black on transparent paper
    Image.fromarray(ink).save(tmp_path / "ink.png")
    expected = np.full((6, 5), 255, np.uint8)
    expected[2:4, 1:3] = 0
    for source in (tmp_path / "ink.png", Image.fromarray(ink)):
        (image,) = read_images([source], (6, 5))
        np.testing.assert_array_equal(image, expected)


def test_a_phone_picture_stands_upright(tmp_path):
    upright = np.zeros((8, 6, 3), np.uint8)
    upright[:4] = 230
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(upright).copy()).save(tmp_path / "phone.png", exif=exif)
    (image,) = read_images([tmp_path / "phone.png"])
    np.testing.assert_array_equal(image, upright)


def test_numbers_in_names_count():
    assert natural_order(["10.png", "b/1.png", "2.png", "a.png", "02.png"]) == [
        "02.png",
        "2.png",
        "10.png",
        "a.png",
        "b/1.png",
    ]


@pytest.mark.parametrize(
    "name", ["Thumbs.db", "DESKTOP.INI", "__MACOSX", ".DS_Store", "._x.png"]
)
def test_what_systems_leave_in_folders_is_known(name):
    assert is_leftover(name)
    assert not is_leftover("thumbs.png")
