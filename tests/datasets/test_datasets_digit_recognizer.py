"""Kaggle's CSV files: read by column name, written whole or not at all."""

import os
import stat

import numpy as np
import pandas as pd
import pytest

from skcnn.datasets import fetch_mnist, read_digit_recognizer, write_submission


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        rng.integers(0, 256, (6, 784)), columns=[f"pixel{i}" for i in range(784)]
    )
    frame.insert(0, "label", [3, 1, 4, 1, 5, 9])
    return frame


@pytest.fixture
def path(tmp_path, frame):
    frame.to_csv(tmp_path / "train.csv", index=False)
    return tmp_path / "train.csv"


def pixels(frame):
    return frame[[f"pixel{i}" for i in range(784)]].to_numpy()


def test_the_training_file(path, frame):
    bunch = read_digit_recognizer(path)
    np.testing.assert_array_equal(bunch.data, pixels(frame))
    np.testing.assert_array_equal(bunch.images, pixels(frame).reshape(-1, 28, 28))
    np.testing.assert_array_equal(bunch.target, [3, 1, 4, 1, 5, 9])
    assert bunch.data.dtype == np.uint8
    assert bunch.target.dtype == np.int64
    assert bunch.data.flags.c_contiguous
    assert bunch.data.flags.writeable
    assert np.shares_memory(bunch.data, bunch.images)
    assert "train.csv" in bunch.DESCR
    assert len(read_digit_recognizer(str(path)).data) == 6


def test_the_test_file_has_no_target(path, frame):
    frame.drop(columns="label").to_csv(path, index=False)
    bunch = read_digit_recognizer(path)
    np.testing.assert_array_equal(bunch.data, pixels(frame))
    assert "target" not in bunch


def test_the_order_of_the_columns_does_not_matter(path, frame):
    shuffled = frame.sample(frac=1, axis=1, random_state=0)
    shuffled.to_csv(path, index=False)
    bunch = read_digit_recognizer(path)
    np.testing.assert_array_equal(bunch.data, pixels(frame))
    np.testing.assert_array_equal(bunch.target, frame["label"])
    assert bunch.data.flags.c_contiguous


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text + "\n\n",
        lambda text: text.rstrip("\n"),
        lambda text: text.replace("label,", '"label",'),
        lambda text: text.replace(",", ", "),
    ],
    ids=["CRLF", "BOM", "blank lines", "no last newline", "quoted", "spaces"],
)
def test_harmless_variants_are_read(path, frame, change):
    path.write_text(change(path.read_text()), encoding="utf-8", newline="")
    bunch = read_digit_recognizer(path)
    np.testing.assert_array_equal(bunch.data, pixels(frame))
    np.testing.assert_array_equal(bunch.target, frame["label"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="pixel7"), "lacks the column 'pixel7'"),
        (lambda f: f.iloc[:, :700], r"lacks the column 'pixel699' and 84 more"),
        (lambda f: f.assign(pixel784=0), "has the unknown column 'pixel784'"),
        (lambda f: f.rename(columns={"label": "class"}), "unknown column 'class'"),
        (lambda f: f.rename(columns={"pixel3": "pixel4"}), "lacks the column 'pixel3'"),
        (lambda f: pd.concat([f, f["pixel4"]], axis=1), "twice the column 'pixel4'"),
    ],
)
def test_other_columns_are_refused(path, frame, change, message):
    change(frame).to_csv(path, index=False)
    with pytest.raises(ValueError, match=message) as caught:
        read_digit_recognizer(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "value", ["256", "-1", "1.5", "1.0", "x", "", "nan", "1e2", "\u0663", "99999999999"]
)
def test_a_value_that_is_no_pixel_is_refused_with_its_place(path, frame, value):
    frame = frame.astype(object)
    frame.loc[3, "pixel10"] = value
    frame.to_csv(path, index=False)
    with pytest.raises(
        ValueError, match=f"line 5 has {value!r} in the column pixel10"
    ) as caught:
        read_digit_recognizer(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("label", [10, 255, -1])
def test_a_label_that_is_no_digit_is_refused_with_its_place(path, frame, label):
    frame.loc[2, "label"] = label
    frame.to_csv(path, index=False)
    with pytest.raises(ValueError, match=f"line 4 has '{label}' in the column label"):
        read_digit_recognizer(path)


@pytest.mark.parametrize("line", range(1, 7))
@pytest.mark.parametrize("n_values", [784, 786])
def test_a_line_of_another_length_is_refused(path, line, n_values):
    lines = path.read_text().splitlines()
    lines[line] = ",".join(["1"] * n_values)
    path.write_text("\n".join(lines))
    with pytest.raises(ValueError, match=f"line {line + 1} has {n_values} values"):
        read_digit_recognizer(path)


@pytest.mark.parametrize("n_values", [784, 786])
def test_a_file_whose_lines_all_have_another_length_is_refused(path, n_values):
    header = path.read_text().splitlines()[0]
    path.write_text("\n".join([header] + [",".join(["1"] * n_values)] * 3))
    with pytest.raises(ValueError, match=f"line 2 has {n_values} values, but 785"):
        read_digit_recognizer(path)


@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe\x00", b"\x89PNG\r\n"])
def test_a_file_of_another_kind_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="lacks the column"):
        read_digit_recognizer(path)


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n"])
def test_a_file_without_images_is_refused(path, end):
    path.write_text(path.read_text().splitlines()[0] + end)
    with pytest.raises(ValueError, match="no image below its first line"):
        read_digit_recognizer(path)


def test_bytes_that_are_no_text_are_refused_with_their_place(path):
    lines = path.read_bytes().splitlines()
    lines[4] = b"\xff" + lines[4]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(ValueError, match=r"line 5 has .* in the column label"):
        read_digit_recognizer(path)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_digit_recognizer(tmp_path / "train.csv")


@pytest.mark.real_data
def test_mnist_comes_back_from_a_csv_file(real_data_home, tmp_path):
    X, y = fetch_mnist(
        subset="test", data_home=real_data_home, return_X_y=True, as_frame=True
    )
    X.assign(label=y).head(2000).to_csv(tmp_path / "train.csv", index=False)
    bunch = read_digit_recognizer(tmp_path / "train.csv")
    np.testing.assert_array_equal(bunch.data, X.head(2000))
    np.testing.assert_array_equal(bunch.target, y.head(2000))


@pytest.mark.parametrize(
    "make", [list, np.array, pd.Series, lambda v: np.array(v, np.uint8), tuple]
)
def test_a_submission_counts_from_one(tmp_path, make):
    path = tmp_path / "submission.csv"
    assert write_submission(path, make([7, 0, 9])) is None
    assert path.read_bytes() == b"ImageId,Label\n1,7\n2,0\n3,9\n"
    assert os.listdir(tmp_path) == ["submission.csv"]


@pytest.mark.parametrize("dtype", ["float64", "float32", "Float64", "Int64", "UInt8"])
def test_whole_numbers_of_any_dtype_are_written_as_integers(tmp_path, dtype):
    write_submission(tmp_path / "submission.csv", pd.Series([7, 0, 9], dtype=dtype))
    assert (tmp_path / "submission.csv").read_text() == "ImageId,Label\n1,7\n2,0\n3,9\n"


def test_a_submission_replaces_the_one_before(tmp_path):
    path = tmp_path / "submission.csv"
    write_submission(path, [1, 2, 3])
    write_submission(str(path), [4])
    assert path.read_text() == "ImageId,Label\n1,4\n"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_submission_has_the_permissions_of_a_new_file(tmp_path):
    (tmp_path / "new").touch()
    write_submission(tmp_path / "submission.csv", [1])
    new, written = (
        stat.S_IMODE(os.stat(tmp_path / name).st_mode)
        for name in ("new", "submission.csv")
    )
    assert written == new


@pytest.mark.parametrize(
    "predictions",
    [
        [0.5, 1.0],
        [np.nan, 1.0],
        [np.inf, 1.0],
        [1e300, 1.0],
        ["1", "2"],
        [[1], [2]],
        np.eye(3, dtype=int),
        [True, False],
        [None, 1],
        [],
        np.array([], dtype=int),
        3,
    ],
)
def test_what_is_no_list_of_labels_is_refused(tmp_path, predictions):
    with pytest.raises(ValueError, match=r"a submission needs one integer for each"):
        write_submission(tmp_path / "submission.csv", predictions)
    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_the_old_submission(tmp_path, monkeypatch):
    path = tmp_path / "submission.csv"
    write_submission(path, [1, 2])

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_submission(path, [3, 4])
    assert path.read_text() == "ImageId,Label\n1,1\n2,2\n"
    assert os.listdir(tmp_path) == ["submission.csv"]
