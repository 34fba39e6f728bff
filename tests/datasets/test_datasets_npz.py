"""Images and labels in npz files, found by the names that people give them."""

import itertools

import numpy as np
import pytest

from skcnn.datasets import load_digit_images, read_npz
from skcnn.datasets._npz import npz_parts

DIGITS = load_digit_images()
X, Y = DIGITS.images[:60], DIGITS.target[:60]

PAIRS = [
    *itertools.product(
        ["x", "X", "images", "IMAGES", "image", "data", "features", "imgs"],
        ["y", "Y", "labels", "label", "target", "targets"],
    ),
    ("arr_0", "arr_1"),
]
PART_NAMES = {
    "train": ["train", "training", "Train"],
    "val": ["val", "valid", "validation"],
    "test": ["test", "TEST"],
}
FORMS = ["{word}_{part}", "{part}_{word}", "{word}{part}", "{part}-{word}"]


@pytest.fixture
def save(tmp_path):
    def save(**arrays):
        np.savez(tmp_path / "images.npz", **arrays)
        return tmp_path / "images.npz"

    return save


@pytest.mark.parametrize(("x", "y"), PAIRS)
def test_the_usual_names_are_found(save, x, y):
    bunch = read_npz(save(**{y: Y, x: X}))
    np.testing.assert_array_equal(bunch.images, X)
    np.testing.assert_array_equal(bunch.data, X.reshape(60, -1))
    np.testing.assert_array_equal(bunch.target, Y)
    assert bunch.names == (x, y)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("x", "y"), [("x", "y"), ("images", "labels"), ("X", "Y")])
def test_parts_are_found_in_every_form(save, form, x, y):
    places = {"train": slice(0, 30), "val": slice(30, 40), "test": slice(40, 60)}
    for names in itertools.product(*PART_NAMES.values()):
        arrays = {}
        for part, place in zip(names, places.values(), strict=True):
            arrays[form.format(word=x, part=part)] = X[place]
            arrays[form.format(word=y, part=part)] = Y[place, np.newaxis]
        path = save(**arrays)
        assert list(npz_parts(path)) == ["train", "val", "test"]
        for part, place in places.items():
            bunch = read_npz(path, subset=part)
            np.testing.assert_array_equal(bunch.images, X[place])
            np.testing.assert_array_equal(bunch.target, Y[place])
        bunch = read_npz(path, subset="all")
        np.testing.assert_array_equal(bunch.images, X)
        np.testing.assert_array_equal(bunch.target, Y)


def test_a_part_may_lack_labels(save):
    path = save(x_train=X[:40], y_train=Y[:40], x_test=X[40:])
    assert npz_parts(path)["test"] == ("x_test", None)
    assert "target" not in read_npz(path, subset="test")
    np.testing.assert_array_equal(read_npz(path, subset="train").target, Y[:40])
    with pytest.raises(ValueError, match=r"several parts: train \(x_train and y_train"):
        read_npz(path)
    with pytest.raises(ValueError, match="has no labels for x_test"):
        read_npz(path, subset="all")


def test_a_part_may_be_the_only_one(save):
    path = save(x_train=X, y_train=Y)
    np.testing.assert_array_equal(read_npz(path).target, Y)
    with pytest.raises(ValueError, match="no part 'test'; it has train"):
        read_npz(path, subset="test")
    with pytest.raises(ValueError, match="has no parts, only x and y"):
        read_npz(save(x=X, y=Y), subset="train")


def test_images_beside_a_test_part_are_the_training_part(save):
    path = save(X=X[:40], y=Y[:40], X_test=X[40:])
    assert npz_parts(path) == {"train": ("X", "y"), "test": ("X_test", None)}


def test_unnamed_arrays_are_told_by_their_dimensions(save, tmp_path):
    np.savez(tmp_path / "images.npz", Y, X)
    bunch = read_npz(tmp_path / "images.npz")
    np.testing.assert_array_equal(bunch.images, X)
    np.testing.assert_array_equal(bunch.target, Y)
    np.savez(tmp_path / "images.npz", X, X, Y, Y)
    with pytest.raises(ValueError, match=r"holds arr_0 \(60, 8, 8\), .*Pass the names"):
        read_npz(tmp_path / "images.npz")


def test_other_names_are_given(save):
    path = save(foo=X, bar=Y)
    with pytest.raises(
        ValueError, match=r"holds foo \(60, 8, 8\), bar \(60,\), and no"
    ):
        read_npz(path)
    bunch = read_npz(path, x="foo", y="BAR")
    np.testing.assert_array_equal(bunch.images, X)
    np.testing.assert_array_equal(bunch.target, Y)
    assert "target" not in read_npz(path, x="foo")
    np.testing.assert_array_equal(read_npz(path, y="bar").images, X)
    with pytest.raises(ValueError, match="no array 'baz', as given in y; it has foo"):
        read_npz(path, x="foo", y="baz")
    with pytest.raises(ValueError, match="Leave subset out"):
        read_npz(path, x="foo", subset="train")
    with pytest.raises(ValueError, match="Got subset='training'"):
        read_npz(path, subset="training")


def test_what_may_be_either_is_asked_about(save):
    with pytest.raises(ValueError, match="which one holds the images"):
        read_npz(save(images=X, data=X[:, :4], labels=Y))
    with pytest.raises(ValueError, match="which one holds the labels"):
        read_npz(save(images=X, labels=Y, target=Y))


def test_the_same_images_flat_and_names_of_classes_are_no_question(save):
    path = save(
        data=X.reshape(60, -1),
        images=X,
        target=Y,
        classes=np.array(list("abc")),
        target_names=np.arange(10),
    )
    assert read_npz(path).names == ("images", "target")


def test_one_hot_labels_are_taken_with_a_warning(save):
    path = save(x=X, y=np.eye(10)[Y])
    with pytest.warns(UserWarning, match="y has one-hot rows of 10 values"):
        bunch = read_npz(path)
    np.testing.assert_array_equal(bunch.target, Y)
    several = np.eye(10)[Y] + np.eye(10)[Y[::-1]]
    with pytest.raises(ValueError, match=r"y has shape \(60, 10\), but labels have"):
        read_npz(save(x=X, y=several))


def test_labels_that_are_objects_are_refused_with_what_to_write(save):
    with pytest.raises(ValueError, match=r"y.astype\(str\)") as caught:
        read_npz(save(X=X, y=Y.astype(str).astype(object)))
    assert "images.npz" in str(caught.value)


def test_labels_of_bytes_become_text(save):
    words = np.array(["größe", "cat"])[Y % 2]
    bunch = read_npz(save(x=X, y=np.char.encode(words, "utf-8")))
    np.testing.assert_array_equal(bunch.target, words)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X, "y": Y[:50]}, r"x has shape \(60, 8, 8\) and y has shape \(50,\)"),
        ({"x": Y, "y": Y}, r"x has shape \(60,\), but images have shape"),
        ({"x": X[:0], "y": Y[:0]}, r"x has shape \(0, 8, 8\)"),
        ({"x": X.astype(str), "y": Y}, "x is of dtype <U"),
        ({"y": Y}, "holds y"),
        ({}, "holds no array"),
    ],
)
def test_what_cannot_be_images_and_labels_is_refused(save, arrays, message):
    with pytest.raises(ValueError, match=message) as caught:
        read_npz(save(**arrays))
    assert "images.npz" in str(caught.value)


def test_only_the_arrays_asked_for_are_read(save, tmp_path):
    path = save(x_train=X, y_train=Y, x_test=X, other=np.zeros(3))
    content = path.read_bytes()
    # The values of x_test and of what is not asked for are damaged.
    at = content.index(b"x_test.npy")
    start = content.index(b"x_train.npy")
    assert start < at
    path.write_bytes(content[: at + 300] + b"\xff" * 8 + content[at + 308 :])
    np.testing.assert_array_equal(read_npz(path, subset="train").images, X)
    with pytest.raises(ValueError, match=r"images\.npz"):
        read_npz(path, subset="test")


def test_damaged_and_missing_files(tmp_path):
    (tmp_path / "images.npz").write_bytes(b"PK\x03\x04 damaged")
    with pytest.raises(ValueError, match=r"images\.npz"):
        read_npz(tmp_path / "images.npz")
    with pytest.raises(FileNotFoundError):
        read_npz(tmp_path / "nothing.npz")


def test_pixels_that_are_no_numbers_are_refused(tmp_path):
    X = np.zeros((5, 4, 4))
    X[3, 1, 2] = np.nan
    np.savez(tmp_path / "f.npz", X=X, y=np.arange(5))
    with pytest.raises(ValueError, match=r"f.npz: X has NaN or infinity in image 3, "):
        read_npz(tmp_path / "f.npz")


@pytest.mark.parametrize("who", [np.arange(5), np.array(["a", "b", "a", "b", "a"])])
@pytest.mark.parametrize("form", [(5,), (5, 1)])
def test_groups_are_an_array_of_any_name(who, form, tmp_path):
    arrays = {"X": np.zeros((5, 4, 4)), "y": np.arange(5), "Patient": who.reshape(form)}
    np.savez(tmp_path / "f.npz", **arrays)
    np.testing.assert_array_equal(
        read_npz(tmp_path / "f.npz", groups="patient").groups, who
    )
    assert "groups" not in read_npz(tmp_path / "f.npz")
    with pytest.raises(ValueError, match="no array 'group', as given in groups"):
        read_npz(tmp_path / "f.npz", groups="group")
    with pytest.raises(ValueError, match=r"X has shape \(5, 4, 4\), but the group of"):
        read_npz(tmp_path / "f.npz", groups="X")
