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
def color():
    return np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, color):
    folder = tmp_path / "pets"
    save(folder / "dog" / "b.png", color[2])
    save(folder / "dog" / "a.png", color[1])
    save(folder / "cat" / "z.png", color[0])
    save(folder / "eel" / "1.png", color[3])
    return folder


def test_classes_and_files_come_in_sorted_order(folder, color):
    bunch = load_image_folder(folder)
    np.testing.assert_array_equal(bunch.images, color)
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
    np.testing.assert_array_equal(load_image_folder(str(folder)).images, color)


def test_gray_images_have_no_channels_unless_one_is_colored(tmp_path, color):
    gray = color[..., 0]
    for i in range(3):
        save(tmp_path / "a" / f"{i}.png", gray[i])
    bunch = load_image_folder(tmp_path)
    np.testing.assert_array_equal(bunch.images, gray[:3])
    save(tmp_path / "a" / "3.png", color[3])
    bunch = load_image_folder(tmp_path)
    np.testing.assert_array_equal(bunch.images[:3], np.stack([gray[:3]] * 3, -1))
    np.testing.assert_array_equal(bunch.images[3], color[3])


def test_transparency_is_put_on_white_unless_image_shape_keeps_it(tmp_path, color):
    four = np.concatenate([color[0], color[1][..., :1]], axis=-1)
    save(tmp_path / "a" / "1.png", four)
    save(tmp_path / "a" / "2.png", color[2])
    alpha = four[..., 3:] / 255
    for background, paper in [("white", 255), ("#ff0000", [255, 0, 0])]:
        bunch = load_image_folder(tmp_path, background=background)
        expected = np.rint(color[0] * alpha + np.array(paper) * (1 - alpha))
        np.testing.assert_array_equal(bunch.images[0], expected)
        np.testing.assert_array_equal(bunch.images[1], color[2])
        assert bunch.transparent == [str(tmp_path / "a" / "1.png")]
    bunch = load_image_folder(tmp_path, image_shape=(6, 5, 4))
    np.testing.assert_array_equal(bunch.images[0], four)
    assert (bunch.images[1, ..., 3] == 255).all()


def test_one_transparent_file_changes_nothing_for_the_others(tmp_path, color):
    for i in range(3):
        save(tmp_path / "a" / f"{i}.png", color[i])
    before = load_image_folder(tmp_path)
    save(tmp_path / "a" / "1.png", color[1], "RGBA")
    after = load_image_folder(tmp_path)
    assert after.images.shape == before.images.shape
    np.testing.assert_array_equal(after.images, before.images)
    assert before.transparent == after.transparent == []  # RGBA, but opaque


def test_drawings_on_transparent_paper_are_seen(tmp_path):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[3:13, 7:9, 3] = 255
    for name in "ab":
        save(tmp_path / name / "1.png", ink)
    images = load_image_folder(tmp_path, image_shape=(16, 16)).images
    assert (images == 255 - ink[..., 3]).all()


def test_phone_pictures_stand_upright(tmp_path):
    upright = np.zeros((64, 48, 3), np.uint8)
    upright[:32] = 230
    save(tmp_path / "a" / "camera.png", upright)
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "b").mkdir()
    turned = Image.fromarray(np.rot90(upright).copy())
    turned.save(tmp_path / "b" / "phone.jpg", exif=exif)
    turned.save(tmp_path / "b" / "phone.png", exif=exif)
    images = load_image_folder(tmp_path).images
    np.testing.assert_array_equal(images[0], images[2])
    assert abs(images[1].astype(int) - images[0]).max() < 20  # a JPEG


def test_small_files_of_systems_are_skipped_at_every_level(folder, color):
    for place in (folder, folder / "dog"):
        for name in ("Thumbs.db", "desktop.ini", "._b.png", ".DS_Store"):
            (place / name).write_bytes(b"x")
        (place / "__MACOSX").mkdir()
        (place / "__MACOSX" / "b.png").write_bytes(b"x")
    np.testing.assert_array_equal(load_image_folder(folder).images, color)


@pytest.mark.parametrize("cached", [False, True])
def test_all_files_that_cannot_be_read_are_listed_or_skipped(
    folder, tmp_path, color, cached
):
    cache = tmp_path / "pets.npy" if cached else None
    (folder / "cat" / "a.png").write_bytes(b"")
    (folder / "dog" / "notes.txt").write_text("x")
    half = (folder / "eel" / "1.png").read_bytes()[:-40]
    (folder / "eel" / "half.png").write_bytes(half)
    with pytest.raises(ValueError, match=r"^3 of 7 images cannot be read: ") as caught:
        load_image_folder(folder, cache=cache)
    message = str(caught.value)
    assert "a.png is empty, " in message
    assert "notes.txt is not an image" in message
    assert "half.png cannot be decoded" in message
    assert "on_error='skip'" in message
    assert "<" not in message
    assert "elete" not in message
    for _ in range(2):  # decoded, then found in the cache
        with pytest.warns(UserWarning, match=r"3 of 7 images .* are skipped") as warned:
            bunch = load_image_folder(folder, on_error="skip", cache=cache)
        assert [warning.filename for warning in warned] == [__file__]
        np.testing.assert_array_equal(bunch.images, color)
        np.testing.assert_array_equal(bunch.target, [0, 1, 1, 2])
        names = ["a.png", "notes.txt", "half.png"]
        assert [os.path.basename(name) for name in bunch.skipped] == names
        assert os.path.basename(bunch.filenames[0]) == "z.png"
    if cached:
        np.testing.assert_array_equal(np.load(cache), color)


def test_at_most_ten_files_are_named(folder):
    for i in range(23):
        (folder / "dog" / f"{i}.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"23 of 27 .*and 13 more") as caught:
        load_image_folder(folder)
    assert str(caught.value).count("not an image") == 10


def test_if_nothing_can_be_read_nothing_is_skipped(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"x")
    with pytest.raises(ValueError, match="No image can be read"):
        load_image_folder(tmp_path, on_error="skip")


def test_files_come_in_the_order_of_their_numbers(tmp_path):
    for i in (1, 2, 10):
        save(tmp_path / "a" / f"{i}.png", np.full((2, 2), i, np.uint8))
    images = load_image_folder(tmp_path).images
    assert images[:, 0, 0].tolist() == [1, 2, 10]


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


def test_different_sizes_need_an_image_shape(folder, color):
    save(folder / "dog" / "c.png", color[0][:5])
    with pytest.raises(
        ValueError,
        match=r"z\.png has 5 x 6 pixels.*c\.png has 5 x 5.*image_shape=\(6, 5, 3\)",
    ):
        load_image_folder(folder)
    assert len(load_image_folder(folder, image_shape=(6, 5)).images) == 5


def test_hidden_entries_and_loose_files_are_skipped(folder, color):
    (folder / "labels.csv").write_text("x")
    (folder / "dog" / ".DS_Store").write_bytes(b"x")
    (folder / ".ipynb_checkpoints").mkdir()
    np.testing.assert_array_equal(load_image_folder(folder).images, color)


@pytest.mark.parametrize("image_shape", [None, (6, 5, 3)])
@pytest.mark.parametrize("content", [b"", b"no image", "half"])
def test_a_file_that_is_no_image_is_named(folder, color, content, image_shape):
    path = folder / "dog" / "c.png"
    save(path, color[0])
    path.write_bytes(path.read_bytes()[:80] if content == "half" else content)
    reason = {b"": "is empty", b"no image": "is not an image"}.get(content)
    reason = reason or "cannot be decoded"
    with pytest.raises(ValueError, match=rf"c\.png {reason}") as caught:
        load_image_folder(folder, image_shape=image_shape)
    assert "<" not in str(caught.value)
    assert "elete" not in str(caught.value)


def test_more_than_8_bits_are_kept(tmp_path):
    deep = np.random.default_rng(0).integers(0, 2**16, (2, 6, 5), dtype=np.uint16)
    save(tmp_path / "a" / "1.png", deep[0])
    save(tmp_path / "a" / "2.png", deep[1])
    images = load_image_folder(tmp_path).images
    assert images.dtype == np.uint16
    np.testing.assert_array_equal(images, deep)
    save(tmp_path / "a" / "0.png", np.full((6, 5, 3), [1, 2, 255], np.uint8))
    images = load_image_folder(tmp_path).images
    np.testing.assert_array_equal(images[0, 0, 0], [257, 514, 65535])
    np.testing.assert_array_equal(images[1:], np.stack([deep] * 3, -1))


def test_an_image_of_absurd_size_is_refused(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 14)
    with pytest.raises(ValueError, match=r"z\.png has more pixels than Pillow decodes"):
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
def test_links_out_of_the_folder_are_refused(of, folder, tmp_path, color):
    outside = tmp_path / "secret" / "x.png"
    save(outside, color[0])
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
    with pytest.raises(ValueError, match=r"pipe.png is not a regular file"):
        load_image_folder(folder)


def test_a_link_to_nothing_is_an_os_error(folder):
    (folder / "cat" / "x.png").symlink_to(folder / "nothing.png")
    with pytest.raises(OSError):
        load_image_folder(folder)


def test_a_link_to_itself_is_named(folder):
    (folder / "cat" / "loop.png").symlink_to(folder / "cat" / "loop.png")
    with pytest.raises(ValueError, match=r"loop\.png is a link that leads back"):
        load_image_folder(folder)


@pytest.mark.parametrize(
    "option", [{"on_error": "ignore"}, {"background": "wite"}, {"subset": "training"}]
)
def test_wrong_options_are_refused(folder, option):
    ((name, value),) = option.items()
    with pytest.raises(ValueError, match=f"Got {name}={value!r}, but expected"):
        load_image_folder(folder, **option)


def test_large_images_are_worth_a_word(tmp_path, monkeypatch):
    for name in "ab":
        save(tmp_path / name / "1.png", np.zeros((270, 360, 3), np.uint8))
    load_image_folder(tmp_path)  # two of them are not
    monkeypatch.setattr("skcnn._images.files._MANY", 2)
    with pytest.warns(
        UserWarning, match=r"2 images of 360 x 270 .*image_shape=\(48, 64, 3\)"
    ) as warned:
        load_image_folder(tmp_path)
    assert warned[0].filename == __file__
    load_image_folder(tmp_path, image_shape=(270, 360, 3))  # as stated
    monkeypatch.setattr("skcnn._images.files._LARGE_GIGABYTES", 1e-4)
    with pytest.warns(UserWarning, match=r"take 0\.0 GB"):
        load_image_folder(tmp_path, image_shape=(270, 360, 3))


class TestParts:
    @pytest.fixture
    def pets(self, tmp_path, color):
        pets = tmp_path / "pets"
        save(pets / "Train" / "cat" / "1.png", color[0])
        save(pets / "Train" / "dog" / "1.png", color[1])
        save(pets / "test1" / "dog" / "1.png", color[2])
        save(pets / "test1" / "eel" / "1.png", color[3])
        return pets

    def test_they_have_their_classes_in_common(self, pets, color):
        for subset, rows, target in [
            ("train", [0, 1], [0, 1]),
            ("test", [2, 3], [1, 2]),
            ("all", [0, 1, 2, 3], [0, 1, 1, 2]),
        ]:
            bunch = load_image_folder(pets, subset=subset)
            np.testing.assert_array_equal(bunch.images, color[rows])
            np.testing.assert_array_equal(bunch.target, target)
            assert list(bunch.target_names) == ["cat", "dog", "eel"]

    def test_they_are_asked_for(self, pets):
        with pytest.raises(
            ValueError, match=r'Train and test1 in .*subset="train".*pets.Train'
        ):
            load_image_folder(pets)
        with pytest.raises(
            ValueError, match=r"Got subset='val', but .*Train and test1"
        ):
            load_image_folder(pets, subset="val")
        with pytest.raises(
            ValueError, match=r"Got subset='test', but .*no folders such"
        ):
            load_image_folder(pets / "Train", subset="test")

    def test_a_cache_is_for_a_part(self, pets, tmp_path, color):
        for _ in range(2):
            for subset, rows in [("train", [0, 1]), ("test", [2, 3])]:
                cache = tmp_path / f"{subset}.npy"
                bunch = load_image_folder(pets, subset=subset, cache=cache)
                np.testing.assert_array_equal(bunch.images, color[rows])

    def test_images_without_labels_beside_them_do_no_harm(self, pets, color):
        shutil.rmtree(pets / "test1")
        save(pets / "test" / "1.png", color[2])
        bunch = load_image_folder(pets, subset="train")
        np.testing.assert_array_equal(bunch.images, color[:2])
        assert list(bunch.target_names) == ["cat", "dog"]
        assert len(load_image_folder(pets, subset="all").images) == 2
        with pytest.raises(ValueError, match="no labels"):
            load_image_folder(pets, subset="test")
        (pets / "test" / "cat" / "young").mkdir(parents=True)
        (pets / "test" / "1.png").rename(pets / "test" / "cat" / "young" / "1.png")
        with pytest.raises(ValueError, match=r"deeper than .*test\."):
            load_image_folder(pets, subset="test")

    @pytest.mark.parametrize(
        ("name", "part"),
        [
            *((name, "train") for name in ("train", "TRAIN", "training", "train_set")),
            *((name, "train") for name in ("training-images", "trainset", "train2017")),
            *((name, "val") for name in ("val", "valid", "Validation", "dev", "eval")),
            *((name, "val") for name in ("validation_set", "val2017")),
            *((name, "test") for name in ("test", "test1", "testing", "Test-Images")),
        ],
    )
    def test_their_names_vary(self, pets, name, part):
        shutil.rmtree(pets / "test1")
        (pets / "Train").rename(pets / name)
        assert len(load_image_folder(pets, subset=part).images) == 2

    @pytest.mark.parametrize(
        "name", ["trainer", "tester", "trains", "contest", "value"]
    )
    def test_classes_may_have_similar_names(self, tmp_path, color, name):
        save(tmp_path / name / "1.png", color[0])
        assert list(load_image_folder(tmp_path).target_names) == [name]

    def test_one_class_of_several_may_be_called_train(self, tmp_path, color):
        for name in ("car", "plane", "train"):
            save(tmp_path / name / "1.png", color[0])
        names = load_image_folder(tmp_path).target_names
        assert list(names) == ["car", "plane", "train"]

    def test_without_classes_in_them_they_are_no_classes(self, tmp_path, color):
        for name in ("train", "test1"):
            save(tmp_path / "data" / "flat" / name / "1.png", color[0])
        for path in (tmp_path / "data" / "flat", tmp_path / "data"):
            with pytest.raises(
                ValueError, match=r"test1 and train in .*flat look like .*image_table"
            ):
                load_image_folder(path)


class TestDeeperFolders:
    @pytest.mark.parametrize("below", ["archive", "archive/dataset"])
    @pytest.mark.parametrize("parts", ["", "train"])
    def test_the_folder_to_name_is_pointed_at(self, tmp_path, color, below, parts):
        save(tmp_path / below / parts / "cat" / "1.png", color[0])
        save(tmp_path / below / parts / "dog" / "1.png", color[0])
        (tmp_path / below / "README.txt").write_text("x")
        if not parts:
            (tmp_path / below / "docs").mkdir()
            (tmp_path / "papers").mkdir()
            (tmp_path / "papers" / "paper.pdf").write_text("x")
            shutil.rmtree(tmp_path / below / "docs")
        with pytest.raises(ValueError, match="deeper") as caught:
            load_image_folder(tmp_path)
        named = str(caught.value).rsplit(": ", 1)[1].removesuffix(".")
        assert named == str(tmp_path / below)
        load_image_folder(named, subset=parts or None)

    def test_classes_within_classes_are_named(self, tmp_path, color):
        save(tmp_path / "cat" / "persian" / "1.png", color[0])
        save(tmp_path / "dog" / "poodle" / "1.png", color[0])
        with pytest.raises(ValueError, match=r"for example: .*cat or .*dog\."):
            load_image_folder(tmp_path)

    def test_images_below_a_class_are_not_passed_over(self, folder, color):
        save(folder / "cat" / "old" / "1.png", color[0])
        with pytest.raises(ValueError, match=r"cat is read as a class.*old") as caught:
            load_image_folder(folder)
        assert "elete" not in str(caught.value)

    def test_images_in_no_folder_need_a_table(self, tmp_path, color):
        save(tmp_path / "1.png", color[0])
        with pytest.raises(ValueError, match=r"no folders in it but .*image_table"):
            load_image_folder(tmp_path)


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
        with pytest.raises(ValueError):
            load_image_folder(folder)

    @pytest.mark.parametrize(
        "change", ["content", "more", "fewer", "name", "shape", "background"]
    )
    def test_a_cache_of_other_images_is_refused(self, folder, tmp_path, color, change):
        cache = tmp_path / "pets.npy"
        load_image_folder(folder, cache=cache)
        before = cache.read_bytes()
        file = folder / "dog" / "b.png"
        if change == "content":
            save(file, color[0])
        elif change == "more":
            save(folder / "dog" / "c.png", color[0])
        elif change == "fewer":
            file.unlink()
        elif change == "name":
            file.rename(folder / "cat" / "b.png")
        options = {
            "shape": {"image_shape": (6, 5, 3)},
            "background": {"background": "black"},
        }.get(change, {})
        with pytest.raises(
            ValueError, match=r"pets\.npy exists, but .* Pass another file"
        ):
            load_image_folder(folder, cache=cache, **options)
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
        with pytest.raises(
            ValueError, match=r"pets\.npy exists, but .* Pass another file"
        ):
            load_image_folder(folder, cache=cache)
        assert cache.read_bytes() == before

    def test_it_is_written_whole_or_not_at_all(self, folder, tmp_path):
        (folder / "dog" / "c.png").write_bytes(b"no image")
        before = set(tmp_path.iterdir())
        with pytest.raises(ValueError, match=r"c\.png is not an image"):
            load_image_folder(
                folder, image_shape=(6, 5, 3), cache=tmp_path / "pets.npy"
            )
        assert set(tmp_path.iterdir()) == before

    @pytest.mark.parametrize(
        "option", [{"image_shape": 6}, {"background": 3}, {"on_error": None}]
    )
    def test_wrong_options_are_refused_before_it_is_written(
        self, folder, tmp_path, option
    ):
        ((name, value),) = option.items()
        with pytest.raises(ValueError, match=f"Got {name}={value}, but expected"):
            load_image_folder(folder, cache=tmp_path / "pets.npy", **option)
        assert not list(tmp_path.glob("*.npy*"))

    def test_a_full_disk_is_found_before_anything_is_read(
        self, folder, tmp_path, monkeypatch
    ):
        usage = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=300))
        with pytest.raises(
            OSError, match=r"4 images .* MB are free.*another disk"
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

    @pytest.mark.slow
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
