"""Tables of images: read as they were written, or refused with the file and the line."""

import bz2
import csv
import gzip
import io
import lzma
import os
import re
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from skcnn.datasets import load_digit_images, read_table
from skcnn.datasets._table import missing_labels

DIGITS = load_digit_images()
IMAGES = DIGITS.data[:40].astype(int)
LABELS = DIGITS.target[:40]
WORDS = np.array(["Katze", "größer", "golden retriever", "naïve, quoted", "NA"])
P = [f"p{i}" for i in range(64)]

N_CASES = int(os.environ.get("SKCNN_CASES", "200"))
CASES = settings(
    max_examples=N_CASES,
    deadline=None,
    derandomize=N_CASES == 200,
    suppress_health_check=list(HealthCheck),
    database=None,
)


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
    """Write a table; return its path, the pixels and labels, and the options to read."""
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


@CASES
@given(layouts())
def test_any_layout_is_read_as_it_was_written_or_refused(tmp_path_factory, layout):
    folder = tmp_path_factory.mktemp("any")
    path, X, y, options = written(layout, folder)
    try:
        with warnings.catch_warnings(record=True) as caught:
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
        assert any("no square image" in str(w.message) for w in caught)
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
        np.testing.assert_array_equal(table.ids, np.arange(start, start + len(X)))
