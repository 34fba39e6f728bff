"""Image files in a folder, and a table of their labels."""

import os

import numpy as np
import pytest

from skcnn.datasets import load_digit_images, load_image_table

Image = pytest.importorskip("PIL.Image")

DIGITS = load_digit_images()
Y = DIGITS.target[:12]
WORDS = np.array(["cat", "dog", "eel"])[np.arange(12) % 3]


def folder_of(path, names):
    for image, name in zip(DIGITS.images, names, strict=False):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path / name)
    return path


@pytest.fixture
def numbered(tmp_path):
    """The files 1.png to 12.png."""
    return folder_of(tmp_path / "train", [f"{i}.png" for i in range(1, 13)])


def table(tmp_path, header, *columns, sep=","):
    rows = [sep.join(map(str, row)) for row in zip(*columns, strict=True)]
    path = tmp_path / "labels.csv"
    path.write_text("\n".join([header, *rows] if header else rows) + "\n")
    return path


IDS = np.arange(1, 13)


@pytest.mark.parametrize(
    "header",
    ["id,label", "image_id,label", "Id,Category", "filename,class", "id,breed"],
)
@pytest.mark.parametrize("labels", [Y, WORDS], ids=["numbers", "words"])
@pytest.mark.parametrize("form", ["{}", "{}.png", "train/{}.png", "{}.PNG", "./{}.jpg"])
def test_files_and_labels_are_found(tmp_path, numbered, header, labels, form):
    path = table(tmp_path, header, [form.format(i) for i in IDS], labels)
    bunch = load_image_table(path, numbered)
    np.testing.assert_array_equal(bunch.images, DIGITS.images[:12])
    np.testing.assert_array_equal(bunch.data, bunch.images.reshape(12, -1))
    np.testing.assert_array_equal(bunch.target_names[bunch.target], labels)
    assert bunch.target.dtype == np.int64
    assert [os.path.basename(name) for name in bunch.filenames] == [
        f"{i}.png" for i in IDS
    ]


def test_the_order_is_that_of_the_table(tmp_path, numbered):
    order = np.random.default_rng(0).permutation(12)
    bunch = load_image_table(
        table(tmp_path, "id,label", IDS[order], Y[order]), numbered
    )
    np.testing.assert_array_equal(bunch.images, DIGITS.images[order])
    np.testing.assert_array_equal(bunch.target_names[bunch.target], Y[order])
    np.testing.assert_array_equal(bunch.ids, IDS[order])


def test_zeros_before_a_number_are_kept(tmp_path):
    names = ["01.png", "1.png", "001.png"]
    folder = folder_of(tmp_path / "train", names)
    path = table(tmp_path, "id,label", ["001", "01", "1"], [2, 0, 1])
    bunch = load_image_table(path, folder)
    np.testing.assert_array_equal(bunch.images, DIGITS.images[[2, 0, 1]])
    assert bunch.ids.tolist() == ["001", "01", "1"]


def test_zeros_that_a_spreadsheet_lost_are_found(tmp_path):
    folder = folder_of(tmp_path / "train", [f"{i:05}.png" for i in IDS])
    bunch = load_image_table(table(tmp_path, "id,label", IDS, Y), folder)
    np.testing.assert_array_equal(bunch.images, DIGITS.images[:12])
    assert any("by their numbers" in note for note in bunch.notes)


def test_images_lie_in_folders_below(tmp_path):
    folder = folder_of(tmp_path / "all", [f"{'ab'[i % 2]}/{i}.png" for i in IDS])
    for form in ("{}", "{}.png"):
        path = table(tmp_path, "id,label", [form.format(i) for i in IDS], Y)
        np.testing.assert_array_equal(
            load_image_table(path, folder).images, DIGITS.images[:12]
        )


def test_a_name_that_two_files_have_is_refused(tmp_path):
    names = [f"{part}/{i}.png" for part in ("train", "test") for i in range(3)]
    folder = folder_of(tmp_path / "all", names)
    with pytest.raises(ValueError, match=r"'0' may be test/0.png or train/0.png in"):
        load_image_table(table(tmp_path, "id,label", [0, 1, 2], [0, 1, 2]), folder)
    path = table(tmp_path, "id,label", ["train/0", "train/1"], [0, 1])
    with pytest.warns(UserWarning, match="4 of the 6 images"):
        bunch = load_image_table(path, folder)
    np.testing.assert_array_equal(bunch.images, DIGITS.images[:2])


def test_labels_that_are_numbers_are_not_taken_for_files(tmp_path, numbered):
    path = table(tmp_path, "foo,bar", Y, IDS)
    bunch = load_image_table(path, numbered, label="foo")
    np.testing.assert_array_equal(bunch.target_names[bunch.target], Y)
    path = table(tmp_path, "label,index,name", Y, range(12), [f"{i}.png" for i in IDS])
    bunch = load_image_table(path, numbered)
    np.testing.assert_array_equal(bunch.images, DIGITS.images[:12])


def test_a_table_without_header_loses_no_image(tmp_path, numbered):
    path = table(tmp_path, None, [f"{i}.png" for i in IDS], WORDS)
    with pytest.warns(UserWarning, match="has no header: its first line names a file"):
        bunch = load_image_table(path, numbered)
    np.testing.assert_array_equal(bunch.images, DIGITS.images[:12])
    np.testing.assert_array_equal(bunch.target_names[bunch.target], WORDS)


def test_groups_are_no_labels_and_no_files(tmp_path, numbered):
    # Both columns name files, and "site" could hold labels.
    patients = IDS % 4 + 1
    path = table(tmp_path, "id,patient,site,label", IDS, patients, IDS, WORDS)
    bunch = load_image_table(path, numbered, group="patient")
    np.testing.assert_array_equal(bunch.groups, patients)
    np.testing.assert_array_equal(bunch.target_names[bunch.target], WORDS)
    path = table(tmp_path, "id,animal,site", IDS[:3], WORDS[:3], ["a", "b", "a"])
    with pytest.warns(UserWarning, match="have no row"):
        bunch = load_image_table(path, numbered, group="site")
    assert bunch.groups.tolist() == ["a", "b", "a"]
    assert "groups" not in load_image_table(
        table(tmp_path, "id,animal", IDS, WORDS), numbered
    )


def test_columns_are_asked_for_and_given(tmp_path, numbered):
    path = table(tmp_path, "id,animal,color", IDS, WORDS, ["red", "blue"] * 6)
    with pytest.raises(ValueError, match="'animal', 'color': which one holds the lab"):
        load_image_table(path, numbered)
    bunch = load_image_table(path, numbered, label="animal", filename="id")
    np.testing.assert_array_equal(bunch.target_names[bunch.target], WORDS)
    assert "target" not in load_image_table(path, numbered, label=None)
    with pytest.raises(ValueError, match="no column 'kind'; it has the 3 columns 'id'"):
        load_image_table(path, numbered, label="kind")


def test_a_column_for_each_class(tmp_path, numbered):
    columns = [(word == WORDS).astype(float) for word in ("cat", "dog", "eel")]
    path = table(tmp_path, "image,cat,dog,eel", IDS, *columns)
    with pytest.warns(UserWarning, match="zeros and ones for each of 3 classes"):
        bunch = load_image_table(path, numbered)
    np.testing.assert_array_equal(bunch.target_names[bunch.target], WORDS)


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("id", []),
        ("id,label", [["cat"] * 12]),
        ("id,label", [[""] * 12]),
        ("id,cat,dog", [[0.5] * 12, [0.5] * 12]),
    ],
    ids=["list of files", "one class", "empty", "probabilities"],
)
def test_sample_submissions_have_no_labels(tmp_path, numbered, header, columns):
    bunch = load_image_table(table(tmp_path, header, IDS, *columns), numbered)
    assert "target" not in bunch
    assert bunch.target_names is None
    np.testing.assert_array_equal(bunch.images, DIGITS.images[:12])


def test_rows_without_an_image_are_refused_or_skipped(tmp_path, numbered):
    (numbered / "3.png").unlink()
    path = table(tmp_path, "id,label", IDS, WORDS)
    with pytest.raises(ValueError, match=r"1 of 12 rows .* no image .*'3' in line 4"):
        load_image_table(path, numbered)
    with pytest.warns(UserWarning, match="1 of 12 rows"):
        bunch = load_image_table(path, numbered, on_error="skip")
    keep = IDS != 3
    np.testing.assert_array_equal(bunch.images, DIGITS.images[:12][keep])
    np.testing.assert_array_equal(bunch.target_names[bunch.target], WORDS[keep])
    np.testing.assert_array_equal(bunch.ids, IDS[keep])


def test_images_that_cannot_be_read_are_refused_or_skipped(tmp_path, numbered):
    (numbered / "3.png").write_bytes(b"no image")
    path = table(tmp_path, "id,label", IDS, WORDS)
    with pytest.raises(ValueError, match=r"3\.png"):
        load_image_table(path, numbered)
    with pytest.warns(UserWarning, match=r"3\.png"):
        bunch = load_image_table(path, numbered, on_error="skip")
    keep = IDS != 3
    np.testing.assert_array_equal(bunch.images, DIGITS.images[:12][keep])
    np.testing.assert_array_equal(bunch.target_names[bunch.target], WORDS[keep])
    np.testing.assert_array_equal(bunch.ids, IDS[keep])
    assert not any(name.endswith("/3.png") for name in bunch.filenames)


def test_images_without_a_row_are_said(tmp_path, numbered):
    (numbered / "Thumbs.db").write_bytes(b"")
    (numbered / "notes.txt").write_text("not an image")
    path = table(tmp_path, "id,label", IDS[:9], WORDS[:9])
    with pytest.warns(UserWarning, match="3 of the 12 images in .* 10.png among them"):
        bunch = load_image_table(path, numbered)
    assert len(bunch.images) == 9


def test_an_image_listed_twice(tmp_path, numbered):
    path = table(tmp_path, "id,label", [*IDS, 1], [*WORDS, WORDS[0]])
    with pytest.warns(UserWarning, match="lists 1 image again"):
        assert len(load_image_table(path, numbered).images) == 12
    path = table(tmp_path, "id,label", [*IDS, 1], [*WORDS, "eel"])
    with pytest.raises(ValueError, match="'cat' in line 2 and 'eel' in line 14"):
        load_image_table(path, numbered)


def test_a_row_without_label_is_refused(tmp_path, numbered):
    path = table(tmp_path, "id,label", IDS, [*WORDS[:5], "", *WORDS[6:]])
    with pytest.raises(ValueError, match="line 7 has no value in the column 'label'"):
        load_image_table(path, numbered)


def test_another_folder_is_answered_with_examples(tmp_path, numbered):
    path = table(tmp_path, "id,label", [f"x{i}" for i in IDS], WORDS)
    with pytest.raises(ValueError, match=r"'x1', 'cat'; the folder has .*\.png"):
        load_image_table(path, numbered)
    with pytest.raises(NotADirectoryError):
        load_image_table(path, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="Got on_error='ignore'"):
        load_image_table(path, numbered, on_error="ignore")


def test_nothing_outside_of_the_folder_is_read(tmp_path, numbered):
    folder_of(tmp_path / "secret", ["s.png"])
    path = table(tmp_path, "id,label", ["../secret/s.png", "1"], ["cat", "dog"])
    with pytest.raises(ValueError, match="1 of 2 rows"):
        load_image_table(path, numbered)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no links on this system")
def test_a_link_to_itself_is_an_image_that_cannot_be_read(tmp_path, numbered):
    (numbered / "13.png").symlink_to("13.png")
    path = table(tmp_path, "id,label", range(1, 14), [*WORDS, "cat"])
    with pytest.raises(ValueError, match=r"13\.png is a link that leads back"):
        load_image_table(path, numbered)


def test_sizes_and_shapes(tmp_path, numbered):
    Image.fromarray(DIGITS.images[0]).resize((20, 10)).save(numbered / "1.png")
    path = table(tmp_path, "id;label", IDS, WORDS, sep=";")
    with pytest.raises(ValueError, match="image_shape"):
        load_image_table(path, numbered)
    bunch = load_image_table(path, numbered, image_shape=(5, 6, 3))
    assert bunch.images.shape == (12, 5, 6, 3)


def test_transparent_images_lie_on_the_background_that_is_asked_for(tmp_path):
    ink = np.zeros((6, 6, 4), np.uint8)
    ink[2:4, 2:4, 3] = 255
    (tmp_path / "train").mkdir()
    Image.fromarray(ink).save(tmp_path / "train" / "1.png")
    Image.fromarray(ink[..., 3]).save(tmp_path / "train" / "2.png")
    path = table(tmp_path, "id,label", [1, 2], ["a", "b"])
    for background, corner in (("white", 255), ("#404040", 64), ((9, 9, 9), 9)):
        bunch = load_image_table(path, tmp_path / "train", background=background)
        assert (bunch.images[0, 0, 0] == corner).all()
        assert (bunch.images[0, 2, 2] == 0).all()
        assert bunch.transparent == [str(tmp_path / "train" / "1.png")]
    with pytest.raises(ValueError, match="Got background='nocolor', but expected"):
        load_image_table(path, tmp_path / "train", background="nocolor")
