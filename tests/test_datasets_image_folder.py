"""Image files in one folder per class."""

import errno
import os
import shutil
import sys
import tracemalloc

import numpy as np
import pytest

from skcnn.datasets import load_image_folder

Image = pytest.importorskip("PIL.Image")


def save(path, array, mode=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(path)


@pytest.fixture
def colour():
    return np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, colour):
    folder = tmp_path / "pets"
    save(folder / "dog" / "b.png", colour[2])
    save(folder / "dog" / "a.png", colour[1])
    save(folder / "cat" / "z.png", colour[0])
    save(folder / "eel" / "1.png", colour[3])
    return folder


def test_classes_and_files_come_in_sorted_order(folder, colour):
    bunch = load_image_folder(folder)
    np.testing.assert_array_equal(bunch.images, colour)
    np.testing.assert_array_equal(bunch.target, [0, 1, 1, 2])
    assert list(bunch.target_names) == ["cat", "dog", "eel"]
    assert bunch.target_names[bunch.target[3]] == "eel"
    names = [name.replace("\\", "/") for name in bunch.filenames]
    assert [name.split("/")[-2:] for name in names][1] == ["dog", "a.png"]
    assert bunch.images.dtype == np.uint8
    assert bunch.target.dtype == np.int64
    assert bunch.data.shape == (4, 90)
    assert np.shares_memory(bunch.data, bunch.images)
    assert bunch.images.flags.c_contiguous
    assert bunch.images.flags.writeable
    assert str(folder) in bunch.DESCR
    np.testing.assert_array_equal(load_image_folder(str(folder)).images, colour)


def test_grey_images_have_no_channels_unless_one_is_coloured(tmp_path, colour):
    grey = colour[..., 0]
    for i in range(3):
        save(tmp_path / "a" / f"{i}.png", grey[i])
    bunch = load_image_folder(tmp_path)
    np.testing.assert_array_equal(bunch.images, grey[:3])
    save(tmp_path / "a" / "3.png", colour[3])
    bunch = load_image_folder(tmp_path)
    np.testing.assert_array_equal(bunch.images[:3], np.stack([grey[:3]] * 3, -1))
    np.testing.assert_array_equal(bunch.images[3], colour[3])


def test_transparency_is_kept_unless_image_shape_says_otherwise(tmp_path, colour):
    four = np.concatenate([colour[0], colour[1][..., :1]], axis=-1)
    save(tmp_path / "a" / "1.png", four)
    save(tmp_path / "a" / "2.png", colour[2])
    bunch = load_image_folder(tmp_path)
    np.testing.assert_array_equal(bunch.images[0], four)
    assert (bunch.images[1, ..., 3] == 255).all()
    bunch = load_image_folder(tmp_path, image_shape=(6, 5, 3))
    np.testing.assert_array_equal(bunch.images[0], colour[0])


@pytest.mark.parametrize(
    "image_shape", [(6, 5), (6, 5, 1), (6, 5, 3), (6, 5, 4), (12, 3), [3, 4, 3]]
)
def test_images_are_resized_and_converted_to_image_shape(folder, image_shape):
    bunch = load_image_folder(folder, image_shape=image_shape)
    assert bunch.images.shape == (4, *image_shape)


def test_resizing_goes_the_right_way(tmp_path):
    halves = np.zeros((8, 4), np.uint8)
    halves[:4] = 200
    save(tmp_path / "a" / "1.png", halves)
    (image,) = load_image_folder(tmp_path, image_shape=(16, 2)).images
    assert (image[:6] == 200).all()
    assert (image[10:] == 0).all()


def test_different_sizes_need_an_image_shape(folder, colour):
    save(folder / "dog" / "c.png", colour[0][:5])
    with pytest.raises(
        ValueError, match=r"z\.png has 5 x 6 pixels.*c\.png has 5 x 5.*image_shape"
    ):
        load_image_folder(folder)
    assert len(load_image_folder(folder, image_shape=(6, 5)).images) == 5


def test_hidden_entries_and_loose_files_are_skipped(folder, colour):
    (folder / "labels.csv").write_text("x")
    (folder / "dog" / ".DS_Store").write_bytes(b"x")
    (folder / ".ipynb_checkpoints").mkdir()
    np.testing.assert_array_equal(load_image_folder(folder).images, colour)


@pytest.mark.parametrize("image_shape", [None, (6, 5, 3)])
@pytest.mark.parametrize("content", [b"", b"no image", "half"])
def test_a_file_that_is_no_image_is_named(folder, colour, content, image_shape):
    path = folder / "dog" / "c.png"
    save(path, colour[0])
    path.write_bytes(path.read_bytes()[:80] if content == "half" else content)
    with pytest.raises(
        ValueError, match=r"c\.png is not an image that Pillow can read"
    ):
        load_image_folder(folder, image_shape=image_shape)


@pytest.mark.parametrize("image_shape", [None, (6, 5)])
def test_more_than_8_bits_are_refused(folder, image_shape):
    save(folder / "dog" / "c.png", np.full((6, 5), 1000, np.uint16))
    with pytest.raises(ValueError, match=r"c\.png has the mode I;16.*8 bits a channel"):
        load_image_folder(folder, image_shape=image_shape)


def test_an_image_of_absurd_size_is_refused(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 14)
    with pytest.raises(ValueError, match=r"z\.png is not an image .*bomb"):
        load_image_folder(folder)


@pytest.mark.parametrize("image_shape", [(6,), (6, 5, 2), (6, 5, 3, 1), (0, 5), "x", 6])
def test_a_wrong_image_shape_is_refused(folder, image_shape):
    with pytest.raises(ValueError, match="Got image_shape="):
        load_image_folder(folder, image_shape=image_shape)


def test_folders_without_content_are_refused(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty has no folders in it"):
        load_image_folder(tmp_path / "empty")
    (folder / "fox").mkdir()
    with pytest.raises(ValueError, match="fox has no image files"):
        load_image_folder(folder)


def test_what_is_no_folder_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_image_folder(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        load_image_folder(tmp_path / "file")


def test_without_pillow_the_error_says_how_to_install_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r'pip install "skcnn\[images\]"'):
        load_image_folder(folder)


@pytest.mark.parametrize("of", ["file", "class"])
def test_links_out_of_the_folder_are_refused(of, folder, tmp_path, colour):
    outside = tmp_path / "secret" / "x.png"
    save(outside, colour[0])
    if of == "file":
        (folder / "cat" / "x.png").symlink_to(outside)
    else:
        (folder / "fox").symlink_to(outside.parent)
    with pytest.raises(ValueError, match=r"x.png is a link, or in a link.*secret"):
        load_image_folder(folder)


def test_links_inside_the_folder_and_to_it_are_followed(folder, tmp_path):
    (folder / "cat" / "x.png").symlink_to(folder / "dog" / "a.png")
    (tmp_path / "link").symlink_to(folder)
    assert len(load_image_folder(tmp_path / "link").images) == 5


def test_what_is_no_file_is_not_opened(folder):
    if not hasattr(os, "mkfifo"):
        pytest.skip("needs named pipes")
    os.mkfifo(folder / "cat" / "pipe.png")  # opening it would wait for a writer
    with pytest.raises(ValueError, match=r"pipe.png is not a file"):
        load_image_folder(folder)


def test_a_link_to_nothing_is_an_os_error(folder):
    (folder / "cat" / "x.png").symlink_to(folder / "nothing.png")
    with pytest.raises(OSError):
        load_image_folder(folder)


class TestCache:
    @pytest.mark.parametrize("image_shape", [None, (3, 4)])
    def test_images_are_a_read_only_file_of_what_memory_would_hold(
        self, folder, tmp_path, image_shape
    ):
        cache = tmp_path / "pets.npy"
        expected = load_image_folder(folder, image_shape=image_shape)
        for path in (cache, str(cache)):  # decoded, then found
            bunch = load_image_folder(folder, image_shape=image_shape, cache=path)
            assert isinstance(bunch.images, np.memmap)
            assert not bunch.images.flags.writeable
            assert np.shares_memory(bunch.images, bunch.data)
            for name in ("images", "data", "target", "target_names", "filenames"):
                np.testing.assert_array_equal(bunch[name], expected[name])
        np.testing.assert_array_equal(np.load(cache), expected.images)
        assert [entry.name for entry in tmp_path.glob("*.npy*")] == ["pets.npy"]

    def test_image_files_are_decoded_once(self, folder, tmp_path, monkeypatch):
        load_image_folder(folder, cache=tmp_path / "pets.npy")
        monkeypatch.setattr(Image, "open", None)
        load_image_folder(folder, cache=tmp_path / "pets.npy")
        with pytest.raises(TypeError):
            load_image_folder(folder)

    @pytest.mark.parametrize("change", ["content", "more", "fewer", "name", "shape"])
    def test_a_cache_of_other_images_is_refused(self, folder, tmp_path, colour, change):
        cache = tmp_path / "pets.npy"
        load_image_folder(folder, cache=cache)
        before = cache.read_bytes()
        file = folder / "dog" / "b.png"
        if change == "content":
            save(file, colour[0])
        elif change == "more":
            save(folder / "dog" / "c.png", colour[0])
        elif change == "fewer":
            file.unlink()
        elif change == "name":
            file.rename(folder / "cat" / "b.png")
        image_shape = (6, 5, 3) if change == "shape" else None
        with pytest.raises(ValueError, match=r"pets\.npy is there, but .* Delete it"):
            load_image_folder(folder, image_shape=image_shape, cache=cache)
        assert cache.read_bytes() == before

    @pytest.mark.parametrize("content", ["array", "objects", "text", "half", "nothing"])
    def test_another_file_is_refused_and_stays(self, folder, tmp_path, content):
        cache = tmp_path / "pets.npy"
        load_image_folder(folder, cache=cache)
        if content == "array":
            np.save(cache, np.zeros((4, 6, 5, 3), np.uint8))
        elif content == "objects":
            np.save(cache, np.array([{}]), allow_pickle=True)
        elif content == "text":
            cache.write_text("my only copy")
        else:
            cache.write_bytes(cache.read_bytes()[: 300 if content == "half" else 0])
        before = cache.read_bytes()
        with pytest.raises(ValueError, match=r"pets\.npy is there, but .* Delete it"):
            load_image_folder(folder, cache=cache)
        assert cache.read_bytes() == before

    def test_it_is_written_whole_or_not_at_all(self, folder, tmp_path):
        (folder / "dog" / "c.png").write_bytes(b"no image")
        before = set(tmp_path.iterdir())
        with pytest.raises(ValueError, match="Pillow can read"):
            load_image_folder(
                folder, image_shape=(6, 5, 3), cache=tmp_path / "pets.npy"
            )
        assert set(tmp_path.iterdir()) == before

    def test_a_full_disk_is_found_before_anything_is_read(
        self, folder, tmp_path, monkeypatch
    ):
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=300))
        with pytest.raises(
            OSError, match=r"4 images .* MB free.*another disk"
        ) as caught:
            load_image_folder(folder, image_shape=(6, 5, 3), cache=tmp_path / "p.npy")
        assert caught.value.errno == errno.ENOSPC

    def test_what_is_no_place_for_a_file_is_refused(self, folder, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
            load_image_folder(folder, cache=tmp_path / "nowhere" / "pets.npy")
        with pytest.raises(ValueError, match="it is not a file"):
            load_image_folder(folder, cache=tmp_path)
        with pytest.raises(TypeError, match="Got cache=True"):
            load_image_folder(folder, cache=True)

    def test_decoding_takes_no_memory_to_speak_of(self, tmp_path):
        image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        for i in range(500):  # the names of 12,288 pixels count as well
            save(tmp_path / "pets" / "cat" / f"{i}.bmp", image)
        load_image_folder(tmp_path / "pets")  # Pillow imports what it needs
        peaks = []
        for cache in (None, tmp_path / "pets.npy"):
            tracemalloc.start()
            try:
                bunch = load_image_folder(tmp_path / "pets", cache=cache)
                peaks.append(tracemalloc.get_traced_memory()[1] / bunch.images.nbytes)
            finally:
                tracemalloc.stop()
        assert peaks[1] < 0.25 < peaks[0]
