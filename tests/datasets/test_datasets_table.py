"""Tables of images: read as they were written, or refused with file and line."""

import bz2
import csv
import gzip
import io
import lzma
import os
import re
import time
import warnings
import zipfile
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from skcnn.datasets import _text_table, load_digit_images, read_table

DIGITS = load_digit_images()
IMAGES = DIGITS.data[:40].astype(int)
LABELS = DIGITS.target[:40]
WORDS = np.array(["Katze", "größer", "golden retriever", "naïve, quoted", "NA"])
P = [f"p{i}" for i in range(64)]


def write(path, rows, sep=","):
    path.write_text("".join(sep.join(map(str, row)) + "\n" for row in rows))
    return path


def read_quietly(path, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return read_table(path, **options)


# What is in a table, and all the ways of writing it.

HEADERS = {
    "p": P,
    "pixel": [f"pixel{i}" for i in range(64)],
    "row x column": [f"{i // 8 + 1}x{i % 8 + 1}" for i in range(64)],
    "0 to 63": [str(i) for i in range(64)],
    "none": None,
}
LABEL_NAMES = ["label", "Label", "class", "target", "y", "digit", "CATEGORY", "Species"]
INDEX_NAMES = ["", "Unnamed: 0", "id", "ID", "index", "image_id", "Id"]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]


def compressed(kind, content):
    if kind == "zip":
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images.csv", content)
            archive.writestr("__MACOSX/._images.csv", b"\0")
        return file.getvalue()
    compress = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    return compress[kind](content) if kind else content


@st.composite
def layouts(draw):
    layout = {
        "header": draw(st.sampled_from(list(HEADERS))),
        "separator": draw(st.sampled_from([",", ";", "\t", "|", " ", ", "])),
        "compression": draw(st.sampled_from([None, "gz", "zip", "bz2", "xz"])),
        "encoding": draw(st.sampled_from(ENCODINGS)),
        "label": draw(st.sampled_from([None, *LABEL_NAMES, "names none of them"])),
        "label_place": draw(st.sampled_from(["first", "last", "middle"])),
        "words": draw(st.booleans()),
        "index": draw(st.sampled_from([None, *INDEX_NAMES])),
        "index_start": draw(st.sampled_from([0, 1, 1000])),
        "values": draw(st.sampled_from(["whole", "decimals", "tenths"])),
        "quoting": draw(
            st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
        ),
        "newline": draw(st.sampled_from(["\n", "\r\n", "\r"])),
        "shuffled": draw(st.booleans()),
        "decimal": draw(st.sampled_from([".", ","])),
        "comments": draw(st.booleans()),
        "blank": draw(st.booleans()),
        "trailing": draw(st.sampled_from([None, "rows", "all"])),
        "n": draw(st.sampled_from([1, 3, 12, 40])),
        "expected": draw(st.booleans()),
    }
    if layout["separator"] == " ":
        layout["trailing"] = None
    return layout


def written(layout, folder):
    """Write a table; return its path, pixels and labels, and the options to read."""
    n = layout["n"]
    X, y = IMAGES[:n], LABELS[:n]
    if layout["values"] == "tenths":
        X = X / 10
    if layout["words"]:
        y = WORDS[y % 5]
    frame = pd.DataFrame(X, columns=HEADERS[layout["header"]] or HEADERS["p"])
    cells = frame.astype(str)
    if layout["values"] == "decimals":
        cells = cells + ".0"
    if layout["decimal"] == ",":
        cells = cells.apply(lambda column: column.str.replace(".", ",", regex=False))
    names = list(frame)
    if layout["shuffled"]:
        cells = cells.iloc[:, np.random.default_rng(0).permutation(64)]
    if layout["label"] is not None:
        place = {"first": 0, "last": 64, "middle": 30}[layout["label_place"]]
        cells.insert(place, layout["label"], [str(label) for label in y])
    if layout["index"] is not None:
        start = layout["index_start"]
        cells.insert(0, layout["index"], [str(i) for i in range(start, start + n)])
    separator = layout["separator"]
    file = io.StringIO(newline="")
    writer = csv.writer(
        file,
        delimiter=separator[0],
        quoting=layout["quoting"],
        lineterminator=layout["newline"],
    )
    if layout["header"] != "none":
        writer.writerow(cells.columns)
    writer.writerows(
        [
            [cell if quoted_as_text(cell) else number(cell) for cell in row]
            for row in cells.to_numpy()
        ]
        if layout["quoting"] == csv.QUOTE_NONNUMERIC
        else cells.to_numpy()
    )
    lines = file.getvalue().split(layout["newline"])[:-1]
    if separator == ", ":
        lines = [spaced(line) for line in lines]
    has_header = layout["header"] != "none"
    if layout["trailing"] is not None:
        begin = 1 if has_header and layout["trailing"] == "rows" else 0
        lines[begin:] = [line + separator[0] for line in lines[begin:]]
    if layout["comments"]:
        lines[1:1] = ["# made by hand"]
        lines[:0] = ["# two comments", "# at the start"]
    if layout["blank"]:
        lines[2:2] = [""]
        lines.append("")
    text = layout["newline"].join(lines) + layout["newline"]
    path = folder / "images.csv"
    path.write_bytes(compressed(layout["compression"], text.encode(layout["encoding"])))
    options = {"feature_names": names} if layout["expected"] else {}
    if layout["shuffled"] and not layout["expected"]:
        X = frame[[name for name in cells if name in names]].to_numpy()
    return path, X, (None if layout["label"] is None else y), options


def quoted_as_text(cell):
    return not re.fullmatch(r"[0-9.]+", cell)


def number(cell):
    return float(cell) if "." in cell else int(cell)


def spaced(line):
    """Put a space behind each separator that is not in quotes."""
    parts = re.split(r'("[^"]*")', line)
    return "".join(
        part if part.startswith('"') else part.replace(",", ", ") for part in parts
    )


def may_be_refused(layout):
    """Return whether nobody could tell what the columns of a table are."""
    if layout["header"] == "none":
        return True
    return layout["label"] == "names none of them" and not layout["words"]


# Tables of more columns are read without pandas.
WIDE = st.sampled_from([10_000, 4])


@pytest.mark.slow
@given(layouts(), WIDE)
def test_any_layout_is_read_as_it_was_written_or_refused(
    tmp_path_factory, layout, most
):
    folder = tmp_path_factory.mktemp("any")
    path, X, y, options = written(layout, folder)
    try:
        with (
            warnings.catch_warnings(record=True) as caught,
            mock.patch.object(_text_table, "_MOST_COLUMNS_OF_PANDAS", most),
        ):
            warnings.simplefilter("always")
            table = read_table(path, **options)
    except ValueError as error:
        assert str(path) in str(error)
        assert may_be_refused(layout), (layout, path.read_bytes()[:300])
        event("refused")
        return
    event("read")
    if table.data.shape[1] != 64:
        # One value more that nothing tells from pixels: this is said.
        assert may_be_refused(layout)
        assert any("not a square image" in str(w.message) for w in caught)
        return
    if layout["header"] == "none" and layout["shuffled"]:
        return  # nobody can know
    np.testing.assert_allclose(table.data, X, rtol=1e-6)
    if layout["values"] != "tenths":
        assert table.data.dtype == np.uint8
    if y is None or (may_be_refused(layout) and "target" not in table):
        assert "target" not in table
    else:
        np.testing.assert_array_equal(table.target, y)
    if layout["index"] is not None and layout["header"] != "none":
        start = layout["index_start"]
        if table.ids is None:  # the index that pandas writes
            assert start == 0 and layout["index"] in ("", "Unnamed: 0", "index")
        else:
            np.testing.assert_array_equal(table.ids, np.arange(start, start + len(X)))


DAMAGES = ["more in one row", "more in all rows", "less in one row", "less in all rows"]
STRAYS = ["", "x", "nan", "inf", "NA", "1e999", "0x10", "3 4", "1e30", "\u0663"]


@pytest.mark.slow
@given(
    damage=st.sampled_from([*DAMAGES, *STRAYS]),
    by=st.sampled_from([1, 2]),
    row=st.integers(0, 39),
    column=st.integers(0, 63),
    at_end=st.booleans(),
    separator=st.sampled_from([",", ";", "\t", "|", " "]),
    index=st.sampled_from([None, "id", ""]),
    value=st.sampled_from(["7", "0", "255"]),
    most=WIDE,
)
def test_a_damaged_table_is_refused_with_its_line(
    tmp_path_factory, damage, by, row, column, at_end, separator, index, value, most
):
    assume(separator != " " or damage.strip() not in ("", "3 4"))
    rows = [[str(value) for value in cells] for cells in np.c_[LABELS, IMAGES]]
    names = ["label", *P]
    if index is not None:
        names = [index, *names]
        rows = [[str(i), *cells] for i, cells in enumerate(rows)]
    line = 2 if "all" in damage else row + 2
    for cells in rows if "all" in damage else [rows[row]]:
        place = len(cells) if at_end else 0
        if damage.startswith("more"):
            cells[place:place] = [value] * by
        elif damage.startswith("less"):
            del cells[place - by if at_end else 0 : place if at_end else by]
        else:
            cells[-64 + column] = damage
    path = tmp_path_factory.mktemp("damaged") / "images.csv"
    path.write_text("".join(separator.join(r) + "\n" for r in [names, *rows]))
    with (
        pytest.raises(ValueError, match=rf"line {line} has") as caught,
        mock.patch.object(_text_table, "_MOST_COLUMNS_OF_PANDAS", most),
    ):
        read_quietly(path)
    assert str(path) in str(caught.value)
    if damage in STRAYS:
        assert f"'p{column}'" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("id",)])
@pytest.mark.parametrize("rows", [2])
def test_images_of_many_pixels_are_read(tmp_path, rows, words):
    n = 224 * 224 * 3
    X = np.random.default_rng(0).integers(0, 256, (rows, n), np.uint8)
    path = tmp_path / "wide.csv"
    header = ",".join([*words, "label", *(f"pixel{i}" for i in range(n))])
    lines = [
        ",".join([f"{word}{i}" for word in words] + ["7"] + list(map(str, row)))
        for i, row in enumerate(X)
    ]
    path.write_text("\n".join([header, *lines]))
    start = time.process_time()
    table = read_quietly(path)
    assert time.process_time() - start < 10  # pandas' parser takes that for a row
    np.testing.assert_array_equal(table.data, X)
    assert table.data.dtype == np.uint8
    assert list(table.target) == [7] * rows


@pytest.mark.parametrize("body", ["1,2", "x\n" * 60, "1,2," * 50_000 + "\n3,4"])
def test_a_first_line_of_very_many_cells_takes_little_time(tmp_path, body):
    path = tmp_path / "wide.csv"
    path.write_text("1,2," * 50_000 + "3\n" + body)
    start = time.process_time()
    with pytest.raises(ValueError, match=r"wide\.csv"):
        read_quietly(path)
    assert time.process_time() - start < 3


# The faults that were reported, one by one.


def test_a_file_without_header_loses_no_image(tmp_path):
    path = write(tmp_path / "no_header.csv", IMAGES[:20])
    with pytest.warns(UserWarning, match="no_header.csv has no header: its first line"):
        table = read_table(path)
    np.testing.assert_array_equal(table.data, IMAGES[:20])
    table = read_table(path, header=None, feature_names=P)
    np.testing.assert_array_equal(table.data, IMAGES[:20])
    assert any("read in their order" in note for note in table.notes)


def test_a_first_line_of_numbers_that_may_be_names_is_refused(tmp_path):
    path = write(tmp_path / "waves.csv", [[400.5, 401.0, 401.5, 402.25], [0, 1, 2, 3]])
    with pytest.raises(ValueError, match=r"looks like pixels \(400.5, 401.0, 401.5,"):
        read_table(path)
    assert len(read_table(path, header=True).data) == 1
    assert len(read_table(path, header=None).data) == 2
    assert len(read_table(path, header=False).data) == 2


def test_a_header_of_column_numbers_is_a_header(tmp_path):
    frame = pd.DataFrame(np.column_stack([IMAGES]))
    frame.to_csv(tmp_path / "indexed.csv")
    frame.to_csv(tmp_path / "plain.csv", index=False)
    for name in ("indexed.csv", "plain.csv"):
        table = read_table(tmp_path / name)
        np.testing.assert_array_equal(table.data, IMAGES)
        assert table.feature_names == [str(i) for i in range(64)]


def test_columns_are_matched_by_name(tmp_path):
    order = np.random.default_rng(0).permutation(64)
    path = write(
        tmp_path / "other.csv",
        [[P[i] for i in order] + ["extra"], *np.c_[IMAGES[:, order], LABELS]],
    )
    table = read_table(path, feature_names=P)
    np.testing.assert_array_equal(table.data, IMAGES)
    assert table.feature_names == P
    assert any("put into the expected order" in note for note in table.notes)
    assert any("'extra', which was left out" in note for note in table.notes)


@pytest.mark.parametrize("label", ["label", "what it shows"])
@pytest.mark.parametrize("group", ["patient", "object_id"])
@pytest.mark.parametrize("as_text", [False, True])
def test_groups_are_neither_pixels_nor_labels(label, group, as_text, tmp_path):
    n = len(IMAGES)
    groups = [f"w{i // 3}" if as_text else i // 3 for i in range(n)]
    words = [f"a{y}" for y in LABELS]
    rows = [[g, y, *x] for g, y, x in zip(groups, words, IMAGES, strict=True)]
    path = write(tmp_path / "t.csv", [[group, label, *P], *rows])
    table = read_quietly(path, group=group)
    np.testing.assert_array_equal(table.data, IMAGES)
    np.testing.assert_array_equal(table.groups, groups)
    np.testing.assert_array_equal(table.target, words)
    # Without names, by its position.
    table = read_quietly(write(tmp_path / "u.csv", rows), group=0, header=False)
    np.testing.assert_array_equal(table.groups, groups)
    np.testing.assert_array_equal(table.target, words)
    with pytest.raises(ValueError, match="which cannot be the groups too"):
        read_quietly(path, label=group, group=group)
    with pytest.raises(ValueError, match="among the columns of pixels that were exp"):
        read_quietly(path, group=P[3], feature_names=P)


def test_missing_columns_are_refused_by_name(tmp_path):
    path = write(tmp_path / "few.csv", [P[:60], *IMAGES[:, :60]])
    with pytest.raises(ValueError, match=r"few.csv lacks the column 'p60' and 3 more"):
        read_table(path, feature_names=P)


def test_a_file_without_names_needs_as_many_columns(tmp_path):
    path = write(tmp_path / "bare.csv", np.c_[LABELS, IMAGES])
    with pytest.raises(ValueError, match=r"65 columns of numbers, but 64 .*label=0"):
        read_quietly(path, header=None, feature_names=P)
    table = read_table(path, header=None, label=0, feature_names=P)
    np.testing.assert_array_equal(table.data, IMAGES)
    np.testing.assert_array_equal(table.target, LABELS)
    assert table.label_name == 0


@pytest.mark.parametrize("name", INDEX_NAMES)
def test_columns_that_number_the_rows_are_left_out(tmp_path, name):
    rows = np.c_[np.arange(40) + 1000, LABELS, IMAGES]
    table = read_table(write(tmp_path / "indexed.csv", [[name, "label", *P], *rows]))
    np.testing.assert_array_equal(table.data, IMAGES)
    np.testing.assert_array_equal(table.target, LABELS)
    np.testing.assert_array_equal(table.ids, np.arange(40) + 1000)
    assert any("left out of the pixels" in note for note in table.notes)


@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("start", [0, 1])
def test_a_column_that_counts_the_rows_is_left_out_with_a_warning(
    tmp_path, place, start
):
    count = np.arange(start, start + 40)
    rows = np.c_[count, IMAGES] if place == 0 else np.c_[IMAGES, count]
    path = write(tmp_path / "counted.csv", rows)
    with pytest.warns(UserWarning, match="of 65 of .*counted.csv counts the rows"):
        table = read_table(path, header=None)
    np.testing.assert_array_equal(table.data, IMAGES)
    np.testing.assert_array_equal(table.ids, count)


def test_the_row_names_of_r_are_left_out(tmp_path):
    path = tmp_path / "r.txt"
    lines = [" ".join(f'"{name}"' for name in ["label", *P])]
    for i, row in enumerate(np.c_[LABELS, IMAGES], start=1):
        lines.append(f'"{i}" ' + " ".join(map(str, row)))
    path.write_text("\n".join(lines) + "\n")
    table = read_table(path)
    np.testing.assert_array_equal(table.data, IMAGES)
    np.testing.assert_array_equal(table.target, LABELS)
    assert table.ids.tolist() == list(range(1, 41))


@pytest.mark.parametrize("surplus", [1, 2])
def test_a_value_more_on_every_row_shifts_nothing(tmp_path, surplus):
    path = write(
        tmp_path / "g.csv",
        [["label", "a", "b", "c", "d"], *[[1, 2, 3, 4, 5] + [0] * surplus] * 3],
    )
    with pytest.raises(ValueError, match=rf"line 2 has {5 + surplus} values, but the"):
        read_table(path)


def test_a_table_of_file_names_leads_to_load_image_table(tmp_path):
    path = write(tmp_path / "trainLabels.csv", [["id", "label"], [1, 6], [2, 9]])
    with pytest.raises(ValueError, match=r"columns 'id', 'label'. .*load_image_table"):
        read_table(path)


@pytest.mark.parametrize("value", ["256", "-1", "65536", "-999"])
def test_a_value_out_of_range_is_refused_with_its_place(tmp_path, value):
    rows = [list(map(str, row)) for row in IMAGES]
    rows[7][9] = value
    path = write(tmp_path / "images.csv", [P, *rows])
    with pytest.raises(ValueError, match=rf"line 9 has {value} in the column 'p9'"):
        read_table(path)


def test_a_column_of_numbers_beyond_the_pixels_is_refused(tmp_path):
    rows = np.c_[IMAGES, np.arange(40) * 37 % 1000]
    path = write(tmp_path / "images.csv", [[*P, "p64"], *rows])
    with pytest.raises(ValueError, match=r"line 9 has 259 in the column 'p64'"):
        read_table(path)


@pytest.mark.parametrize(
    ("factor", "dtype"),
    [
        (1, "uint8"),
        (257, "uint16"),
        (1 / 255, "float32"),
        (-1, "int16"),
        (1e5, "uint32"),
    ],
)
def test_pixels_of_another_range_keep_their_values(tmp_path, factor, dtype):
    X = IMAGES * factor
    path = write(tmp_path / "images.csv", [P, *(X.astype(int) if factor >= 1 else X)])
    table = read_table(path)
    np.testing.assert_allclose(table.data, X, rtol=1e-6)
    assert table.data.dtype == dtype


def test_kaggles_names_with_other_values_are_read_with_a_note(tmp_path):
    names = ["label", *(f"pixel{i}" for i in range(784))]
    X = np.random.default_rng(0).random((5, 784)).round(3)
    path = write(tmp_path / "scaled.csv", [names, *([i, *x] for i, x in enumerate(X))])
    table = read_table(path)
    np.testing.assert_allclose(table.data, X, rtol=1e-6)
    np.testing.assert_array_equal(table.target, range(5))
    assert any(
        "Kaggle's Digit Recognizer, but not its values" in n for n in table.notes
    )
    write(path, [names, [1, *[0] * 783, 256], [0] * 785])
    with pytest.raises(ValueError, match="line 2 has 256 in the column 'pixel783'"):
        read_table(path)


def test_kaggles_names_with_words_as_labels_are_read(tmp_path):
    names = ["label", *(f"pixel{i}" for i in range(784))]
    path = write(
        tmp_path / "words.csv", [names, ["cat", *[0] * 784], ["dog", *[1] * 784]]
    )
    assert read_table(path).target.tolist() == ["cat", "dog"]


@pytest.mark.parametrize(
    ("name", "place"),
    [("Label", 0), ("species", 64), ("foo", 0), ("foo", 64), ("class", 30)],
)
def test_the_column_of_labels_is_found(tmp_path, name, place):
    names = [*P[:place], name, *P[place:]]
    rows = np.insert(IMAGES, place, LABELS, axis=1)
    table = read_quietly(write(tmp_path / "images.csv", [names, *rows]))
    np.testing.assert_array_equal(table.data, IMAGES)
    np.testing.assert_array_equal(table.target, LABELS)
    assert table.label_name == name


def test_two_columns_that_may_be_labels_are_asked_about(tmp_path):
    rows = np.c_[LABELS, LABELS % 2, IMAGES]
    path = write(tmp_path / "two.csv", [["digit", "class", *P], *rows])
    with pytest.raises(ValueError, match="'digit' and the column 'class': which one"):
        read_table(path)
    table = read_table(path, label="class", feature_names=P)
    np.testing.assert_array_equal(table.target, LABELS % 2)


def test_a_label_that_is_not_there_is_answered_with_the_columns(tmp_path):
    path = write(tmp_path / "images.csv", [["label", *P], *np.c_[LABELS, IMAGES]])
    with pytest.raises(
        ValueError, match=r"no column 'klass'; .*'label', 'p0', .*'p63'"
    ):
        read_table(path, label="klass")
    with pytest.raises(ValueError, match="no column '99'"):
        read_table(path, label=99)


def test_a_table_without_labels_can_say_so(tmp_path):
    table = read_table(write(tmp_path / "images.csv", [P, *IMAGES]))
    assert "target" not in table


def test_a_row_one_longer_than_a_square_is_pointed_at(tmp_path):
    names = [f"x{i}" for i in range(65)]
    path = write(tmp_path / "images.csv", [names, *np.c_[LABELS, IMAGES]])
    with pytest.warns(UserWarning, match=r"65 columns of pixels, .*64 would be"):
        read_table(path)


def test_labels_are_integers_only_if_nothing_is_lost(tmp_path):
    for texts, labels in (
        (["7", "10"], [7, 10]),
        (["007", "010"], ["007", "010"]),
        (["7.0", "1.0"], [7, 1]),
        (["NA", "DE"], ["NA", "DE"]),
        (["True", "False"], ["True", "False"]),
    ):
        rows = [["label", *P], *([t, *x] for t, x in zip(texts, IMAGES, strict=False))]
        table = read_table(write(tmp_path / "images.csv", rows))
        assert table.target.tolist() == labels


def test_a_missing_label_is_refused_with_its_line(tmp_path):
    for text in ("", "nan", "NA", "?"):
        rows = [["label", *P], [1, *IMAGES[0]], [text, *IMAGES[1]]]
        with pytest.raises(ValueError, match=r"line 3 has .* in the column 'label'"):
            read_table(write(tmp_path / "images.csv", rows))


def test_what_excel_writes_is_read(tmp_path):
    rows = [
        "label;" + ";".join(P),
        *(";".join(map(str, r)) for r in np.c_[LABELS, IMAGES]),
    ]
    (tmp_path / "excel.csv").write_bytes("\r\n".join(["sep=;", *rows]).encode("utf-16"))
    table = read_table(tmp_path / "excel.csv")
    np.testing.assert_array_equal(table.data, IMAGES)


def test_a_header_that_savetxt_wrote_is_read(tmp_path):
    np.savetxt(
        tmp_path / "np.csv",
        np.c_[LABELS, IMAGES],
        fmt="%d",
        delimiter=",",
        header=",".join(["label", *P]),
    )
    table = read_table(tmp_path / "np.csv")
    np.testing.assert_array_equal(table.data, IMAGES)
    np.testing.assert_array_equal(table.target, LABELS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\n\n", "holds only empty lines"),
        (b'"', "holds only empty lines"),
        (b'""\n\n""\n', "holds only empty lines"),
        (b'1,2,3,4,5\n""\n', "as if|no|looks like pixels"),
        (b'label,a,b,c,d\n1,2,3,4,5\n"\n', "line 3|quote"),
        (b'"\nlabel,a,b,c,d\n1,2,3,4,5\n', "quote|column"),
        (b"label,a,b,c,d\n", "no rows below its first line"),
        (b"<!DOCTYPE html>\n<html>", "is a web page"),
        (b"\x89PNG\r\n\x1a\n\0\0", "a PNG image"),
        (b"PAR1\0\0\0", "Parquet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "Excel"),
        (b"a,b\0,c\n", "null bytes"),
        (b"a,a,b,c,d\n1,2,3,4,5\n", "the column 'a' twice"),
        (b'label,a,b,c,d\n"1,2,3,4,5\n2,2,3,4,5\n', "line 2|quote"),
        (b"label,a,b,c,d\n1,2,3,4,5\n#2,2,3,4,5\n", "line 3 begins with #"),
        (b"emotion,pixels\n0,1 2 3 4 5 6 7 8 9\n", "all 9 pixels of an image in one"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\xff", "damaged|unpacked"),
        (b"BZh91AY", "damaged|unpacked"),
        (b"\xfd7zXZ\0\0\0", "damaged|unpacked"),
        (b"PK\x03\x04\0\0", "damaged|unpacked"),
    ],
)
def test_what_is_no_table_is_refused_in_a_sentence(tmp_path, content, message):
    path = tmp_path / "images.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_an_excel_workbook_is_not_called_damaged(tmp_path):
    with zipfile.ZipFile(tmp_path / "digits.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "")
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(ValueError, match=r"^\S+ is an Excel workbook, .* as CSV first"):
        read_table(tmp_path / "digits.xlsx")


def test_an_archive_of_several_tables_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("train.csv", "a")
        archive.writestr("test.csv", "a")
    with pytest.raises(ValueError, match=r"holds 2 files \(train.csv, test.csv"):
        read_table(tmp_path / "all.zip")


def test_a_table_that_unpacks_to_no_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("skcnn._storage.files.MOST_UNPACKED", 1000)
    rows = b"a,b,c,d\n" + b"0,0,0,0\n" * 100_000
    (tmp_path / "bomb.csv").write_bytes(gzip.compress(rows))
    with pytest.raises(ValueError, match="unpacks to more than"):
        read_table(tmp_path / "bomb.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_refused_and_a_missing_file_is_an_os_error(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is not a file"):
        read_table(tmp_path / "pipe")
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "nothing.csv")


def test_a_bad_header_option_is_refused(tmp_path):
    with pytest.raises(ValueError, match="Got header='yes', but expected"):
        read_table(tmp_path / "x.csv", header="yes")


@pytest.mark.real_data
def test_mnist_in_every_compression_and_order(real_data_home, tmp_path):
    with np.load(real_data_home / "mnist.npz") as mnist:
        X, y = mnist["x_test"][:500].reshape(500, 784), mnist["y_test"][:500]
    names = [f"{i}x{j}" for i in range(1, 29) for j in range(1, 29)]
    frame = pd.DataFrame(X, columns=names)
    frame.insert(0, "label", y)
    for suffix in ("", ".gz", ".bz2", ".xz", ".zip"):
        frame.to_csv(tmp_path / f"mnist.csv{suffix}", index=False)
        table = read_table(tmp_path / f"mnist.csv{suffix}")
        np.testing.assert_array_equal(table.data, X)
        np.testing.assert_array_equal(table.target, y)


def test_the_index_of_pandas_is_no_id(tmp_path):
    frame = pd.DataFrame(np.arange(60).reshape(15, 4), columns=list("abcd"))
    path = tmp_path / "t.csv"
    for name, ids in (("", None), ("id", list(range(15))), ("index", None)):
        frame.to_csv(path, index_label=name)
        bunch = read_table(path)
        assert bunch.data.tolist() == frame.to_numpy().tolist()
        assert (None if bunch.ids is None else bunch.ids.tolist()) == ids
    frame.iloc[::-1].to_csv(path)  # numbers that say which row was which
    assert read_table(path).ids.tolist() == list(range(15))[::-1]


def test_a_table_without_header_is_told_how_to_name_its_labels(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("3,0,0,5,5\n1,0,9,5,5\n")
    with pytest.warns(
        UserWarning, match="position of the labels as label=0 or label=-1"
    ):
        read_table(path, header=None)
    assert read_table(path, header=None, label=0).target.tolist() == [3, 1]


@pytest.mark.parametrize(
    "cell, message",
    [
        ("", "line 2 has no value in the column 'b'. Fill it in or delete the line."),
        (
            "x",
            "line 2 has 'x', but a number was .* 'b'. Correct it or delete the line.",
        ),
    ],
)
def test_a_bad_value_is_answered_with_what_to_do(cell, message, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(f"label,a,b,c,d\n1,2,{cell},4,5\n1,2,3,4,5\n")
    with pytest.raises(ValueError, match=message):
        read_table(path)
