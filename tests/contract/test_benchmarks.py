"""The benchmark scripts run, their results are lines, and tables come from lines."""

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SHARED = {"measuring", "rendering", "drawing", "performance", "report"}
# It runs the scripts, and measures nothing by itself.
FULL = "full"
SHARED |= {"plain_networks", FULL}
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in SHARED)


@pytest.fixture
def module(monkeypatch):
    """Imports a module of the folder of benchmarks."""
    monkeypatch.syspath_prepend(FOLDER)
    yield importlib.import_module
    for name in {*SCRIPTS, *SHARED}:
        sys.modules.pop(name, None)


def run(seed, participant, wall_s, **fields):
    """A line of results."""
    return {
        "question": "imports",
        "case": "Import",
        "participant": participant,
        "seed": seed,
        "wall_s": wall_s,
        "cpu_s": 2 * wall_s,
        "accuracy": None,
        "commit": "abc1234",
        "versions": {"python": "3.11.7", "numpy": "2.4.6"},
        "processor": "A processor",
        "cpus": 2,
        "threads": 2,
        "load": 0.5,
        "date": "2026-11-26",
        "command": "python benchmarks/imports.py",
        "quick": False,
        "job": {"participant": participant, "seed": seed},
        "n_modules": 1000,
        "packages": ["pandas"],
        **fields,
    }


IMPORTS = [
    run(seed, name, seconds * (seed + 1))
    for seed in range(3)
    for name, seconds in (("import skcnn", 0.25), ("import sklearn.base", 0.5))
]
TABLE = """\
Import

|  | n | wall ms | CPU ms | wall / import sklearn.base | CPU / import sklearn.base | \
modules | heavy packages | packages beyond scikit-learn's |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
| import sklearn.base | 3 | 1,000 (500 to 1,500) | 2,000 (1,000 to 3,000) | 1 | 1 | \
1,000 | pandas | none |
| import skcnn | 3 | 500 (250 to 750) | 1,000 (500 to 1,500) | 0.5 | 0.5 | 1,000 | \
pandas | none |

A processor, 2 CPUs; TensorFlow threads: 2; python 3.11.7, numpy 2.4.6; commit \
abc1234, 2026-11-26; CPUs that other processes kept busy meanwhile: 0.5; \
`python benchmarks/imports.py`."""


@pytest.fixture
def repository(tmp_path):
    """A repository of three pages, of which README asks for a table."""
    (tmp_path / "docs").mkdir()
    results = tmp_path / "benchmarks" / "results"
    results.mkdir(parents=True)
    lines = "".join(f"{json.dumps(line)}\n" for line in IMPORTS)
    (results / "imports-1.jsonl").write_text(lines)
    (tmp_path / "README.md").write_text(
        "# A page\n\n<!-- results: imports-1 -->\nold\n<!-- end -->\n\nMore.\n"
    )
    (tmp_path / "docs" / "page.md").write_text("Nothing here.\n")
    (tmp_path / "benchmarks" / "README.md").write_text("Nor here.\n")
    return tmp_path


def test_the_tables_of_the_documentation_are_those_of_their_lines(module, capsys):
    assert module("report").main(["--check"]) == 0, capsys.readouterr().err


def without_lines(report, page):
    """Return what a page says beside its tables and figures."""
    text = report.BLOCK.sub("", page.read_text(encoding="utf-8"))
    return report.FIGURE.sub("", text)


def test_no_page_has_a_ratio_without_lines(module):
    report = module("report")
    for page in report.pages(FOLDER.parent):
        # As "1.5 x the time", but not "28 x 28 pixels".
        text = without_lines(report, page)
        found = re.findall(r"^.*\d x(?! ?\d).*$", text, re.MULTILINE)
        assert not found, f"{page.name}: {found}"


@pytest.mark.parametrize("name", ["README.md", "docs/performance.md"])
def test_every_published_figure_comes_from_lines(module, name):
    text = without_lines(module("report"), FOLDER.parent / name)
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    unit = r"(%|ms|s|seconds?|minutes?|hours?|times|percent|[GM]B)"
    assert not re.findall(rf"^.*\d ?{unit}\b.*$", text, re.MULTILINE)
    assert not re.findall(r"^.*\d ?%.*$", text, re.MULTILINE)


def full_line(question, case, participant, seed=0, **fields):
    """A line of a full measurement."""
    job = {"participant": participant, "seed": seed, "data": "mnist"}
    more = {"question": question, "case": case, "job": job} | fields
    return run(seed, participant, more.pop("wall_s", 1.0), **more)


MNIST = "MNIST, 60,000 training images"
WHOLE = f"{MNIST}, 10,000 test images"
COSTS = {"tracing_cpu_s": 2.0, "prediction_cpu_s": 0.5, "epochs": 5, "batch_size": 128}
FULL_LINES = [
    *(
        full_line("accuracy", WHOLE, name, seed, accuracy=share, cpu_s=cpu_s, **COSTS)
        for name, share, cpu_s in (
            ("the student project's script", 0.98, 60.0),
            ("fast", 0.99, 5.0),
            ("defaults", 0.995, 50.0),
        )
        for seed in range(3)
    ),
    *(
        full_line("prediction", "MNIST, classic: one image", name, wall_s=wall_s)
        for name, wall_s in (("skcnn", 0.002), ("SciKeras", 0.08))
    ),
    *IMPORTS,
]


@pytest.fixture
def full_repository(repository):
    """A repository whose pages take all from a full measurement."""
    write_lines(repository, "full-2026-11-25", [run(0, "import skcnn", 9.0)])
    write_lines(repository, "full-2026-11-26", FULL_LINES)
    figure = "<!-- figure: full prediction; MNIST, classic: one image; "
    (repository / "README.md").write_text(
        f"In {figure}skcnn; wall_s; ms --><!-- end -->, and that is "
        f"{figure}SciKeras / skcnn; wall_s; times --><!-- end --> faster.\n"
        "<!-- picture: full | docs/accuracy.svg -->\n"
    )
    (repository / "docs" / "page.md").write_text(
        "<!-- results: full imports -->\n<!-- end -->\n"
        "<!-- results: full memory -->\n<!-- end -->\n"
        "<!-- results: full -->\n<!-- end -->\n"
        "<!-- picture: full | speed.svg -->\n"
    )
    return repository


def write_lines(repository, name, lines):
    path = repository / "benchmarks" / "results" / f"{name}.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_the_newest_full_measurement_fills_the_pages_and_charts(
    module, full_repository, capsys
):
    report = module("report")
    arguments = ["--root", str(full_repository)]
    assert report.main([*arguments, "--check"]) == 1
    assert report.main(arguments) == 0
    assert "docs/page.md: 1 times not measured yet." in capsys.readouterr().err
    assert report.main([*arguments, "--check"]) == 0
    readme = (full_repository / "README.md").read_text()
    assert "-->2.0 ms<!-- end -->, and that is" in readme
    assert "-->40 times<!-- end --> faster" in readme
    page = (full_repository / "docs" / "page.md").read_text()
    assert "| import skcnn | 3 | 500 | 1,000 | 0.5 |" in page
    assert "all rows, and at most 200 % longer in nine rows of ten; the accur" in page
    assert "Not measured yet." in page
    assert page.count("commit abc1234; measured 2026-11-26") == 1
    assert "- Lines: `benchmarks/results/full-2026-11-26.jsonl`." in page
    for name in ("accuracy", "speed"):
        chart = full_repository / "docs" / f"{name}.svg"
        drawn = chart.read_text()
        # A chart that somebody changed by hand.
        chart.write_text(drawn.replace("skcnn", "other", 1))
        assert report.main([*arguments, "--check"]) == 1
        chart.write_text(drawn)
    # A measurement that is newer.
    write_lines(full_repository, "full-2026-11-27", FULL_LINES[:-1])
    assert report.main([*arguments, "--check"]) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"commit": "abc1234+"}, "full-2026-11-26.jsonl is of code that was not commi"),
        ({"processor": "Another"}, "mixes lines of 2 values of processor: A processor"),
        ({"threads": 4}, "mixes lines of 2 values of threads: 2, 4"),
        ({"quick": True}, "full-2026-11-26.jsonl, line 18, is of --quick and no resu"),
    ],
)
def test_a_case_of_a_full_measurement_is_of_committed_code_and_one_machine(
    module, full_repository, capsys, change, message
):
    more = run(3, "import skcnn", 0.1, **change)
    write_lines(full_repository, "full-2026-11-26", [*FULL_LINES, more])
    assert module("report").main(["--root", str(full_repository), "--check"]) == 1
    error = capsys.readouterr().err
    assert f"README.md: {message}" in error or message in error


def test_a_full_measurement_names_other_machines_commits_and_threads_of_its_scripts(
    module, full_repository
):
    other = {"threads": 1, "load": 1.04, "prediction_cpu_s": 1.0}
    other |= {"accuracy": 0.9, "cpu_s": 1.0}
    peer = {"processor": "Another", "commit": "0000000"}
    more = [
        full_line("generality", "usps", "skcnn", commit="def5678", **other),
        full_line("generality", "orl_faces", "PCA, SVC", **other | peer),
    ]
    write_lines(full_repository, "full-2026-11-26", [*FULL_LINES, *more])
    assert module("report").main(["--root", str(full_repository)]) == 0
    page = (full_repository / "docs" / "page.md").read_text()
    assert "- Machine: A processor, 2 CPUs; 2 threads of TensorFlow, 1 in `gen" in page
    assert "- Also Another, 2 CPUs: orl_faces (`generality.py`)." in page
    # The commit does not matter where skcnn takes no part.
    assert "- Code: commit abc1234, def5678 in `generality.py`; measured" in page
    assert "`accuracy.py`, `prediction.py` and `imports.py`, 1.0 in `generality" in page


def test_a_page_names_cases_and_keeps_the_spread(module, full_repository):
    report, folder = module("report"), full_repository / "benchmarks" / "results"
    cases = "MNIST, classic + Import"
    found = report.chosen("full", cases, folder)
    assert {line["case"] for line in found} == {"MNIST, classic: one image", "Import"}
    medians = report.block("full imports", None, folder)
    assert "| import skcnn | 3 | 500 | 1,000 |" in medians
    spread = report.block("full imports, spread", "Import", folder)
    assert "| import skcnn | 3 | 500 (250 to 750) | 1,000 (500 to 1,500) |" in spread
    assert "abc1234" not in spread


def test_a_picture_of_some_cases(module, full_repository, monkeypatch):
    lines = [
        full_line("generality", f"{name}, 10 training images", "skcnn")
        for name in ("usps", "faces")
    ]
    write_lines(full_repository, "full-2026-11-26", [*FULL_LINES, *lines])
    report, page = module("report"), full_repository / "docs" / "page.md"
    monkeypatch.setattr(
        module("generality"),
        "picture",
        lambda lines: ", ".join(line["case"] for line in lines),
    )
    comment = "<!-- picture: full generality | usps, + letters | sets.svg -->"
    folder = full_repository / "benchmarks" / "results"
    assert report.pictures(page, comment, folder) == {
        page.parent / "sets.svg": "usps, 10 training images"
    }


def test_figures_of_code_that_was_not_committed_are_refused(
    module, full_repository, capsys
):
    lines = [line | {"commit": "abc1234+"} for line in FULL_LINES]
    write_lines(full_repository, "full-2026-11-26", lines)
    assert module("report").main(["--root", str(full_repository)]) == 1
    assert (
        "2026-11-26.jsonl is of code that was not committed" in capsys.readouterr().err
    )


def test_a_full_measurement_has_only_its_own_charts(module, full_repository, capsys):
    (full_repository / "README.md").write_text("<!-- picture: full | other.svg -->\n")
    assert module("report").main(["--root", str(full_repository)]) == 1
    assert "no chart other; it has accuracy, speed." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.00201, "ms", "2.0 ms"),
        (0.0784, "ms", "78 ms"),
        (72.6, "s", "73 s"),
        (2310.4, "MB", "2,310 MB"),
        (0.9948, "%", "99.5 %"),
        (1.27, "times", "1.3 times"),
        (0.0, "s", "0 s"),
    ],
)
def test_a_figure_alone_has_two_digits_that_count(module, value, unit, expected):
    assert module("report").short([value], unit) == expected


def test_an_unknown_unit_is_refused(module):
    with pytest.raises(ValueError, match="days is not a unit; there are s, ms, %, MB"):
        module("report").short([1.0], "days")


def test_the_chart_of_accuracies_has_a_point_for_each_participant(module):
    lines = [
        *FULL_LINES,
        full_line(
            *("generality", MNIST, "KNeighborsClassifier"),
            **{"accuracy": 0.97, "cpu_s": 0.1, "prediction_cpu_s": 20.0},
        ),
        # Few images, and another dtype, are in other tables.
        full_line("generality", "MNIST, 20 training images", "skcnn")
        | {"job": {"data": "mnist", "images": 20}},
        full_line("accuracy", f"{MNIST}, float32, 10,000 test images", "classic")
        | {"job": {"data": "mnist", "dtype": "float32"}},
    ]
    svg = module("performance").accuracy(lines)
    name = "{http://www.w3.org/2000/svg}"
    groups = list(ElementTree.fromstring(svg).iter(f"{name}g"))
    words = {group.find(f"{name}text").text: group.get("class") for group in groups}
    assert words == {
        "skcnn": "ours",
        "Keras and scikit-learn": "others",
        "k-NN": "others",
        "Keras script": "others",
        "fast": "ours",
        "defaults": "ours",
    }
    # Compiling, training and predicting count.
    assert module("performance").all_cpu_seconds(lines[3]) == 7.5


def test_the_bars_are_as_long_as_their_figures(module):
    svg = module("performance").speed(FULL_LINES)
    name = "{http://www.w3.org/2000/svg}"
    bars = [
        (
            group.findall(f"{name}text")[1].text,
            float(group.find(f"{name}rect").get(key)),
        )
        for group in ElementTree.fromstring(svg).iter(f"{name}g")
        for key in ("width",)
    ]
    assert [figure for figure, _ in bars] == ["80 ms", "2 ms"]
    (_, longest), (_, shortest) = bars
    assert shortest == pytest.approx(longest / 40, abs=0.1)
    width, height = map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', svg).groups())
    for text in ElementTree.fromstring(svg).iter(f"{name}text"):
        assert 0 < float(text.get("y")) < height and 0 < float(text.get("x")) < width


def test_a_full_measurement_refuses_changed_code_and_another_commit(module, tmp_path):
    full = module("full")
    path = tmp_path / "full-1.jsonl"
    for commit in (None, "abc1234+"):
        with pytest.raises(SystemExit, match="have changes that are not committed"):
            full.check_code(commit, [], path)
    with pytest.raises(
        SystemExit, match=r"full-1\.jsonl has lines of commit abc1234, but"
    ):
        full.check_code("def5678", IMPORTS, path)
    full.check_code("abc1234", IMPORTS, path)


def test_an_interrupted_full_measurement_goes_on_in_its_file(module, tmp_path):
    full = module("full")
    first = full.file_to_write(tmp_path, "abc1234")
    assert re.fullmatch(r"full-\d{4}-\d\d-\d\d\.jsonl", first.name)
    first.write_text("".join(f"{json.dumps(line)}\n" for line in IMPORTS))
    assert full.file_to_write(tmp_path, "abc1234") == first
    other = full.file_to_write(tmp_path, "def5678")
    assert other.stem == f"{first.stem}-2"
    other.write_text(json.dumps(IMPORTS[0] | {"commit": "def5678"}))
    assert full.newest(tmp_path) == other


def test_every_part_of_a_full_measurement_is_a_script_with_known_options(
    module, monkeypatch
):
    for part in module("full").PARTS.values():
        for name, *words in part.commands:
            monkeypatch.setattr(sys, "argv", [f"{name}.py", *words])
            script = module(name)

            def started(*args, **more):
                raise InterruptedError

            monkeypatch.setattr(script, "Study", started)
            # The options are right if the script gets as far as to its study.
            with pytest.raises(InterruptedError):
                script.main()


@pytest.mark.slow
def test_a_full_measurement_goes_on_and_says_what_it_costs(tmp_path, module):
    out = tmp_path / "full-1.jsonl"
    command = [sys.executable, FOLDER / "full.py", "--quick", "--out", out]
    command += ["--only", "imports", "--only", "peers-mnist"]
    texts = []
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "full-1.jsonl: 2 parts, about " in done.stderr
        assert "imports: import time, about 2 CPU minutes; " in done.stderr
        assert "Done. Now run python benchmarks/report.py." in done.stderr
        texts.append(out.read_text())
    lines = module("measuring").read_lines(out)
    assert {line["question"] for line in lines} == {"imports", "generality"}
    assert all(line["quick"] for line in lines)
    # Nothing is measured twice.
    assert texts[0] == texts[1]


def test_a_full_measurement_lists_its_parts(module, monkeypatch, tmp_path, capsys):
    full, out = module("full"), tmp_path / "full-1.jsonl"
    monkeypatch.setattr(sys, "argv", ["full.py", "--list", "--out", str(out)])
    assert full.main() == 0
    listed = capsys.readouterr().err.splitlines()
    assert len(listed) == 1 + len(full.PARTS)
    assert all("CPU minutes; 0 lines are there" in line for line in listed[1:])
    assert not out.exists()
    for words, message in (
        (["--only", "sets"], "--only sets needs --sets, the folder of its data"),
        (["--sets", "nowhere"], "--sets nowhere is no folder"),
        (["--out", "other.jsonl"], "the name of the file has to begin with full-"),
        (["--quick"], "--quick needs --out, because its lines are no results"),
    ):
        monkeypatch.setattr(sys, "argv", ["full.py", *words])
        with pytest.raises(SystemExit):
            full.main()
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("part", "question", "job"),
    [
        ("peers-mnist", "generality", {"data": "mnist", "images": 0}),
        ("few-images", "generality", {"data": "mnist", "images": 200}),
        ("sets", "generality", {"data": "usps", "images": 0}),
        ("sets", "generality", {"data": "digits", "images": 0}),
        ("accuracy-mnist", "accuracy", {"data": "mnist", "dtype": None}),
        ("dtypes", "accuracy", {"data": "cifar10", "dtype": "float32"}),
        ("starts", "transfer", {"data": "flowers_32", "images": 100}),
        ("starts", "transfer", {"data": "ants_bees_128", "images": 0}),
        ("flips", "flips", {"parts": 20}),
        ("imports", "imports", {}),
    ],
)
def test_a_full_measurement_counts_the_lines_of_each_part(module, part, question, job):
    full = module("full")
    line = {"question": question, "job": job}
    counts = {
        name: full.n_lines(one.commands, [line]) for name, one in full.PARTS.items()
    }
    assert counts.pop(part) == 1
    assert not any(counts.values()), counts


def test_a_full_measurement_hands_on_the_folder_and_the_start(
    module, monkeypatch, tmp_path
):
    full, found = module("full"), []

    def started(command, **_):
        found.append(command[1:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(full.subprocess, "run", started)
    commands = full.PARTS["starts"].commands
    assert full.run(commands, tmp_path / "full-1.jsonl", False, tmp_path, "abc1234")
    first = found[0]
    assert first[0] == str(FOLDER / "transfer.py")
    assert first[1] == str(FOLDER / "start-abc1234.skcnn")
    assert first[2] == str(tmp_path / "flowers_32.npz")


def test_a_report_replaces_what_lies_between_the_comments(module, repository, capsys):
    report = module("report")
    arguments = ["--root", str(repository)]
    assert report.main([*arguments, "--check"]) == 1
    assert "README.md: a table differs from its lines. Run" in capsys.readouterr().err
    assert report.main(arguments) == 0
    text = (repository / "README.md").read_text()
    assert text == (
        f"# A page\n\n<!-- results: imports-1 -->\n\n{TABLE} Lines: "
        "`benchmarks/results/imports-1.jsonl`.\n\n<!-- end -->\n\nMore.\n"
    )
    assert report.main([*arguments, "--check"]) == 0
    # A figure that somebody changed by hand, and lines that somebody added.
    (repository / "README.md").write_text(text.replace("0.5 |", "0.4 |", 1))
    assert report.main([*arguments, "--check"]) == 1
    (repository / "README.md").write_text(text)
    with (repository / "benchmarks" / "results" / "imports-1.jsonl").open("a") as file:
        print(json.dumps(run(3, "import skcnn", 0.1)), file=file)
    assert report.main([*arguments, "--check"]) == 1


def test_a_part_of_the_lines_is_named_by_the_beginning_of_its_case(module, repository):
    path = repository / "benchmarks" / "results" / "imports-1.jsonl"
    with path.open("a") as file:
        print(json.dumps(run(0, "skcnn", 0.1, case="Making")), file=file)
    report = module("report")
    whole = report.block("imports-1", None, path.parent)
    assert "Import\n" in whole and "Making\n" in whole
    assert "Making\n" not in report.block("imports-1", "Imp", path.parent)


def test_two_files_of_results_are_joined_in_one_table(module, repository):
    folder = repository / "benchmarks" / "results"
    lines = "".join(f"{json.dumps(run(seed, 'skcnn', 0.1))}\n" for seed in range(3))
    (folder / "more-1.jsonl").write_text(lines.replace("skcnn", "import skcnn"))
    (folder / "imports-1.jsonl").write_text(
        "".join(f"{json.dumps(line)}\n" for line in IMPORTS[1::2])
    )
    found = module("report").block("imports-1 + more-1", None, folder)
    assert "| import sklearn.base | 3 |" in found
    assert "| import skcnn | 3 | 100 |" in found
    assert found.endswith(
        " Lines: `benchmarks/results/imports-1.jsonl`, "
        "`benchmarks/results/more-1.jsonl`."
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("import skcnn; wall_s", "0.5 (0.25 to 0.75, n = 3)"),
        ("import skcnn / import sklearn.base; cpu_s", "0.5 x (n = 3)"),
        ("import skcnn; accuracy", "98.20 % (98.00 to 98.40, n = 3)"),
    ],
)
def test_a_figure_stands_in_a_sentence(module, repository, asked, expected):
    page = repository / "docs" / "page.md"
    results = repository / "benchmarks" / "results" / "imports-1.jsonl"
    accurate = [line | {"accuracy": 0.98 + line["seed"] / 500} for line in IMPORTS]
    results.write_text("".join(f"{json.dumps(line)}\n" for line in accurate))
    begin = f"| It takes <!-- figure: imports-1; Import; {asked} -->"
    page.write_text(f"{begin}of old<!-- end --> s. | here |\n")
    report = module("report")
    assert report.main(["--root", str(repository)]) == 0
    assert page.read_text() == f"{begin}{expected}<!-- end --> s. | here |\n"
    assert report.main(["--root", str(repository), "--check"]) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quick": True}, "imports-1.jsonl, line 7, is of --quick and no result"),
        ({"load": ...}, "imports-1.jsonl, line 7, lacks load"),
        ({"question": "search"}, "imports-1.jsonl has lines of several scripts"),
    ],
)
def test_lines_that_are_no_results_are_refused(
    module, repository, capsys, change, message
):
    line = {k: v for k, v in (run(3, "skcnn", 1) | change).items() if v is not ...}
    path = repository / "benchmarks" / "results" / "imports-1.jsonl"
    with path.open("a") as file:
        print(json.dumps(line), file=file)
    assert module("report").main(["--root", str(repository)]) == 1
    assert f"README.md: {message}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        ("<!-- results: no -->\n<!-- end -->", "There are no results no: no.jsonl is"),
        ("<!-- results: imports-1 -->", "A comment <!-- results: ... --> has no"),
        (
            "<!-- figure: imports-1 --><!-- end -->",
            "A comment <!-- figure: ... --> has",
        ),
        (
            "<!-- figure: imports-1; Import; me; wall_s --><!-- end -->",
            "imports-1.jsonl has no me in Import.",
        ),
        (
            "<!-- results: imports-1 | X -->\n<!-- end -->",
            "imports-1.jsonl has no case that begins with 'X'.",
        ),
        (
            "<!-- results: imports-1 + no -->\n<!-- end -->",
            "There are no results no: no.jsonl is",
        ),
        (
            "<!-- results: imports-1 + other-1 -->\n<!-- end -->",
            "imports-1 + other-1 are results of several scripts.",
        ),
        (
            "<!-- picture: imports-1 | a.svg -->",
            "imports.py has no function picture.",
        ),
        (
            "<!-- picture: imports-1 -->",
            "A comment <!-- picture: ... --> is not written as",
        ),
    ],
)
def test_a_page_that_asks_for_what_is_not_there_is_refused(
    module, repository, capsys, comment, message
):
    (repository / "docs" / "page.md").write_text(f"{comment}\n")
    other = repository / "benchmarks" / "results" / "other-1.jsonl"
    other.write_text(json.dumps(run(0, "a", 1.0, question="search")))
    assert module("report").main(["--root", str(repository)]) == 1
    assert f"page.md: {message}" in capsys.readouterr().err


def test_a_ratio_is_taken_within_each_round(module):
    tables = module("rendering")
    ours = [run(seed, "a", seconds) for seed, seconds in ((1, 2.0), (0, 1.0))]
    others = [run(seed, "b", seconds) for seed, seconds in ((0, 4.0), (1, 4.0))]
    assert tables.ratio("", "wall_s").cell(ours, others) == "0.375 (0.25 to 0.5)"
    # A round that only one of them has run says nothing.
    assert tables.ratio("", "wall_s").cell(ours, others[:1]) == "0.25"


def test_a_column_that_says_nothing_of_a_case_is_left_out(module):
    tables = module("rendering")
    columns = [tables.median("loss", "loss"), tables.median("wall s", "wall_s")]
    lines = [run(0, "a", 1.0), run(0, "b", 2.0, case="Other", loss=3.0)]
    found = tables.comparison(lines, columns, order=("a", "b"))
    assert "|  | n | wall s |" in found
    assert "|  | n | loss | wall s |" in found


JOB = """
import os

from measuring import Study, options, parse, run_script

def job(participant, seed, place):
    with open(place, "a") as file:
        print(participant, seed, os.getpid(), file=file)
    return [{"case": "A case", "wall_s": 1 / 3 + seed}]

def tables(lines):
    return str(len(lines))

def main():
    args = parse(options(__doc__, rounds=3))
    study = Study(__file__, args)
    study.rounds(("a", "b", "c"), args.rounds, {"place": PLACE})
    study.show(tables)

if __name__ == "__main__":
    run_script(main, job)
"""


@pytest.mark.slow
def test_each_round_runs_all_in_another_order_and_nothing_is_run_twice(tmp_path):
    place, out, script = (tmp_path / name for name in ("ran", "out", "script.py"))
    script.write_text(f"PLACE = {str(place)!r}\n{JOB}")
    command = [sys.executable, str(script), "--out", str(out)]
    environment = {"PYTHONPATH": str(FOLDER)}
    for rounds, n_lines in (("2", 6), ("3", 9)):
        done = subprocess.run(
            [*command, "--rounds", rounds],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.startswith(f"{n_lines}\n")
        # Those of the first call are not repeated by the second one.
        ran = [line.split() for line in place.read_text().splitlines()]
        assert len(ran) == len({(name, seed) for name, seed, _ in ran}) == n_lines
        assert len({process for *_, process in ran}) == n_lines
    orders = [[name for name, seed, _ in ran if seed == one] for one in "012"]
    assert all(sorted(order) == ["a", "b", "c"] for order in orders)
    assert len({tuple(order) for order in orders}) > 1
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert lines[0]["wall_s"] == 0.333333
    assert {line["question"] for line in lines} == {"script"}
    assert lines[0]["job"] == {"participant": ran[0][0], "seed": 0}
    assert not any(str(tmp_path) in line["command"] for line in lines)
    # To try the script one process is enough.
    place.unlink()
    subprocess.run([*command[:2], "--quick"], env=environment, check=True)
    quick = [line.split() for line in place.read_text().splitlines()]
    assert sorted(name for name, *_ in quick) == ["a", "b", "c"]
    assert len({process for *_, process in quick}) == 1
    other = script.rename(tmp_path / "other.py")
    done = subprocess.run(
        [sys.executable, str(other), "--out", str(out)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"{out} has lines of another script, script." in done.stderr


def test_the_load_is_what_other_processes_compute(module, monkeypatch):
    measuring = module("measuring")
    before = measuring._busy_seconds()
    if before is None:
        pytest.skip("needs /proc/stat, as on Linux")
    _, own = measuring.timed(lambda: sum(range(10**7)))
    assert own["cpu_s"] > 0
    # Its own computing does not count: only that of others can have been added.
    others = measuring._busy_seconds() - before
    with open("/proc/stat") as file:
        n_cpus = sum(line.startswith("cpu") for line in file) - 1
    assert -0.1 < others < n_cpus * own["wall_s"] + 0.1 - own["cpu_s"] / 2


def test_a_command_has_no_folder_of_this_machine(module, monkeypatch, tmp_path):
    words = [
        "script.py",
        str(tmp_path / "sets"),
        "digits",
        "--out",
        "a.jsonl",
        "--quick",
    ]
    monkeypatch.setattr(sys, "argv", words)
    expected = "python benchmarks/script.py sets digits --quick"
    assert module("measuring")._command() == expected


def test_an_unknown_data_set_is_refused(module, monkeypatch, capsys):
    measuring = module("measuring")
    monkeypatch.setattr(sys, "argv", ["script.py", "imagenet"])
    with pytest.raises(SystemExit):
        measuring.parse(measuring.options("", rounds=1, data=("mnist",)))
    assert "unknown data: imagenet" in capsys.readouterr().err


def test_quick_is_one_round_on_the_digits(module, monkeypatch):
    measuring = module("measuring")
    monkeypatch.setattr(sys, "argv", ["script.py", "--quick"])
    args = measuring.parse(
        measuring.options("", rounds=5, data=("mnist",), images=10), images=3
    )
    assert isinstance(args, argparse.Namespace)
    assert (args.rounds, args.data, args.images) == (1, ["digits"], 3)


def test_every_script_is_in_the_table_of_questions():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in [FULL, *SCRIPTS]:
        assert text.count(f"| `{name}.py` |") == 1, name


# -------------------------------------------------------------- skcnn and its peers


def trained(data, participant, seed, accuracy, cpu_s, **fields):
    """A line of generality.py."""
    n_images = fields.get("n_images", 1000)
    more = {
        "question": "generality",
        "case": f"{data}, {n_images:,} training images",
        "accuracy": accuracy,
        "cpu_s": cpu_s,
        "prediction_cpu_s": 0.1,
        "iterations": 200,
        "converged": True,
        "n_images": n_images,
        "n_test_images": 100,
        "n_classes": 10,
        "image_shape": [8, 8],
    }
    return run(seed, participant, cpu_s, **(more | fields))


GENERALITY = [
    trained(data, name, seed, accuracy + seed / 1000, cpu_s, **fields)
    for data, name, accuracy, cpu_s, fields in [
        ("faces", "skcnn", 0.95, 12.0, {}),
        ("faces", "MLPClassifier", 0.90, 2.0, {"converged": False}),
        ("faces", "PCA, SVC", 0.93, 0.5, {}),
        ("clothes", "skcnn", 0.90, 100.0, {"n_images": 30_000}),
        ("clothes", "MLPClassifier", 0.95, 120.0, {"n_images": 30_000}),
    ]
    for seed in range(3)
]


def test_the_table_of_peers_says_who_is_best_and_who_was_left_out(module):
    found = module("generality").tables(GENERALITY)
    assert (
        "| faces | 1,000 | 100 | 10 | 8 x 8 | 3 | **95.10 (95.00 to 95.20)** | 93.10 "
        "(93.00 to 93.20) | 90.10 (90.00 to 90.20) | 0.71 |\n"
        "| clothes | 30,000 | 100 | 10 | 8 x 8 | 3 | 90.10 (90.00 to 90.20) | left out "
        "| **95.10 (95.00 to 95.20)** | 2.02 |"
    ) in found
    assert "| faces | 1,000 | 12 | 0.5 | 2 |\n| clothes | 30,000 | 100 | left" in found
    assert "| faces | 1,000 | 1 | 1 | 1 |" in found
    assert found.endswith(
        "\n\nMLP is `MLPClassifier`. PCA, SVM is left out above 20,000 training "
        "images: its time grows with their square. MLP had not converged after 200 "
        "iterations on faces."
    )
    # Somebody waited for it.
    patient = trained("clothes", "PCA, SVC", 0, 0.96, 900.0, n_images=30_000)
    found = module("generality").tables([*GENERALITY, patient])
    assert "**96.00** |" in found and "left out" not in found
    more = trained("faces", "skcnn", 0, 0.9, 1.0, n_images=20)
    rows = module("generality").tables([*GENERALITY, more]).splitlines()[4:7]
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| faces", "20"],
        ["| faces", "1,000"],
        ["| clothes", "30,000"],
    ]
    # One side alone has no ratio.
    peers = [line for line in GENERALITY if line["participant"] != "skcnn"]
    assert "errors" not in module("generality").tables(peers)


def test_the_picture_of_peers_tells_skcnn_apart_by_shape_and_words(module):
    name = "{http://www.w3.org/2000/svg}"
    svg = module("generality").picture(GENERALITY)
    assert svg == module("generality").picture(GENERALITY)
    root = ElementTree.fromstring(svg)
    groups = list(root.iter(f"{name}g"))
    words = [group.find(f"{name}text").text for group in groups]
    assert words[:2] == ["skcnn, defaults", "scikit-learn's classifiers"]
    assert sorted(words[2:]) == ["MLP", "MLP", "PCA, SVM", "skcnn", "skcnn"]
    for group, word in zip(groups, words, strict=True):
        square = group.find(f"{name}rect") is not None
        assert square == word.startswith("skcnn")
        assert square != (group.find(f"{name}circle") is not None)
    titles = [
        "".join(text.itertext())
        for text in root.iter(f"{name}text")
        if text.find(f"{name}tspan") is not None
    ]
    assert [" ".join(title.split()) for title in titles] == [
        "faces, 1,000 images",
        "clothes, 30,000 images",
    ]
    # Everything is inside, and readable at half of the width.
    width, height = map(float, root.get("viewBox").split()[2:])
    assert width == 840
    for element in root.iter():
        for key, most in (("x", width), ("cx", width), ("y", height), ("cy", height)):
            assert 0 <= float(element.get(key, 0)) <= most
    assert "prefers-color-scheme: dark" in svg
    assert min(int(size) for size in re.findall(r"font-size: (\d+)px", svg)) >= 22


@pytest.mark.parametrize("seconds", [(0.0, 0.0), (1.0, 1.0), (10.0, 10.0), (1e-3, 5e3)])
def test_a_picture_has_an_axis_whatever_the_times(module, seconds):
    lines = [
        trained("faces", name, 0, 1.0, cpu_s, prediction_cpu_s=0.0)
        for name, cpu_s in zip(("skcnn", "PCA, SVC"), seconds, strict=True)
    ]
    ElementTree.fromstring(module("generality").picture(lines))


def test_ticks_lie_around_percentages(module):
    drawing, rng = module("drawing"), np.random.default_rng(0)
    for _ in range(2000):
        values = rng.uniform(0, 100) + 10 ** rng.uniform(-3, 2) * rng.uniform(-1, 1, 4)
        values = values.clip(0, 100)
        ticks = drawing._ticks(values)
        assert 0 <= ticks[0] <= values.min() + 1e-9
        assert values.max() - 1e-9 <= ticks[-1] <= 100
        assert 3 <= len(ticks) <= 6


def test_words_in_a_picture_do_not_hide_each_other(module):
    drawing = module("drawing")
    rng = np.random.default_rng(0)
    words = ["skcnn", "logistic", "k-NN", "forest", "PCA, SVM", "MLP"]
    inside = (62.0, 140.0, 386.0, 360.0)
    hidden = 0
    for _ in range(20):
        marks = [
            (float(x), float(y))
            for x, y in zip(
                rng.uniform(70, 380, 6), rng.uniform(145, 355, 6), strict=True
            )
        ]
        places = drawing._labels(words, marks, [], inside)
        boxes = [drawing._box(*pair) for pair in zip(words, places, strict=True)]
        hidden += sum(
            drawing._overlap(one, other) > 0.2 * drawing._area(one)
            for i, one in enumerate(boxes)
            for other in boxes[:i]
        )
    assert hidden <= 2


def test_a_line_joins_a_word_to_its_mark_where_marks_are_crowded(module):
    drawing = module("drawing")
    names = ["one", "two", "three", "four", "five"]
    near = [
        drawing.Point(name, [50.0 + i] * 3, [90.0 + i / 10] * 3, i == 0)
        for i, name in enumerate(names)
    ]
    alone = drawing.Point("six", [1.0] * 3, [50.0] * 3, False)
    options = {"x_title": "x", "y_title": "y", "legend": ("a", "b"), "columns": 1}
    svg = drawing.panels([drawing.Panel("t", "s", [*near, alone])], **options)
    name = "{http://www.w3.org/2000/svg}"
    root = ElementTree.fromstring(svg)
    lines = [one for one in root.iter(f"{name}line") if one.get("class") == "leader"]
    marks = [one.get("cx") for one in root.iter(f"{name}circle")]
    marks += [
        f"{float(one.get('x', 0)) + drawing.MARK:.1f}"
        for one in root.iter(f"{name}rect")
    ]
    assert len(lines) >= 2
    assert {line.get("x1") for line in lines} <= set(marks)
    places = [
        (float(text.get("x")), float(text.get("y")))
        for text in root.iter(f"{name}text")
        if text.text in names
    ]
    assert len(set(places)) == len(names)
    assert (
        drawing.panels([drawing.Panel("t", "s", [alone])], **options).count("leader")
        == 2
    )


def test_a_picture_is_written_and_checked(module, repository, capsys):
    folder = repository / "benchmarks" / "results"
    for name, lines in (("peers-1", GENERALITY[3:]), ("skcnn-1", GENERALITY[:3])):
        text = "".join(f"{json.dumps(line)}\n" for line in lines)
        (folder / f"{name}.jsonl").write_text(text)
    page = repository / "docs" / "page.md"
    page.write_text("<!-- picture: peers-1 + skcnn-1 | peers.svg -->\n")
    report = module("report")
    arguments = ["--root", str(repository)]
    assert report.main([*arguments, "--check"]) == 1
    assert "docs/peers.svg: the picture differs from its" in capsys.readouterr().err
    assert report.main(arguments) == 0
    assert report.main([*arguments, "--check"]) == 0
    picture = repository / "docs" / "peers.svg"
    expected = module("generality").picture(GENERALITY[3:] + GENERALITY[:3])
    assert picture.read_text() == expected
    # A picture that somebody changed by hand, and lines measured anew.
    picture.write_text(expected.replace("MLP", "Keras", 1))
    assert report.main([*arguments, "--check"]) == 1
    report.main(arguments)
    path = folder / "skcnn-1.jsonl"
    path.write_text(path.read_text().replace("0.951", "0.961"))
    assert report.main([*arguments, "--check"]) == 1


def test_data_sets_are_files_folders_and_names(module, tmp_path):
    generality = module("generality")
    X, y = np.zeros((6, 4, 4), np.uint8), np.arange(6) % 2
    arrays = {"x_train": X, "y_train": y[:, None], "x_test": X[:2], "y_test": y[:2]}
    np.savez(tmp_path / "b.npz", **arrays)
    np.savez(tmp_path / "a.npz", **{k: v for k, v in arrays.items() if "x" in k})
    folder, one = str(tmp_path), str(tmp_path / "b.npz")
    assert list(generality.files(["digits", folder])) == ["digits", "a", "b"]
    assert generality.files([one]) == {"b": one}
    found = generality.load("b", one)
    assert [array.shape for array in found] == [(6, 4, 4), (6,), (2, 4, 4), (2,)]
    few, labels = generality.sample(X, y, 4, seed=0)
    assert few.shape == (4, 4, 4) and sorted(labels) == [0, 0, 1, 1]
    assert generality.sample(X, y, 0, seed=0)[0] is X
    (tmp_path / "empty").mkdir()
    for words, message in (
        (
            ["no"],
            "no is neither a file nor a folder, nor one of mnist, cifar10, digits",
        ),
        ([str(tmp_path / "empty")], "has no file"),
        ([one, folder], "Two data sets are called b. Rename the file"),
    ):
        with pytest.raises(SystemExit, match=re.escape(message)):
            generality.files(words)
    with pytest.raises(SystemExit, match=r"a\.npz lacks y_train, y_test\. A data set"):
        generality.load("a", str(tmp_path / "a.npz"))


def test_flat_rows_go_from_zero_to_one_and_images_stay(module):
    generality = module("generality")
    X = np.full((30, 4, 4), 200, np.uint8)
    for name in generality.SIDES["peers"]:
        clf, rows = generality.prepared(name, 0, X)
        assert hasattr(clf, "fit")
        flat = rows(X)
        assert flat.shape == (30, 16) and flat.dtype == np.float32 and (flat == 1).all()
    assert (X == 200).all()


# They start processes of other settings, or measure what a process holds.
APART = {"backends", "clusters", "imports", "larger_than_memory", "memory", "threads"}

# Runs one script after the other, and their jobs too, so that TensorFlow starts once.
RUNNER = """
import contextlib, io, json, os, runpy, sys, traceback
import measuring

def run_script(main, job):
    def run_jobs(script, jobs):
        with contextlib.redirect_stdout(sys.stderr):
            return json.loads(json.dumps([job(**one) for one in jobs]))

    measuring.run_jobs = run_jobs
    main()

measuring.run_script = run_script
environment = dict(os.environ)
for line in sys.stdin:
    sys.argv, printed, failed = json.loads(line), io.StringIO(), ""
    try:
        with contextlib.redirect_stdout(printed):
            runpy.run_path(sys.argv[0], run_name="__main__")
    except BaseException:
        failed = traceback.format_exc()
    os.environ.clear()
    os.environ.update(environment)
    print(json.dumps([failed, printed.getvalue()]), flush=True)
"""


def run_apart(arguments):
    """Run a script in a process of its own; return what failed and what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        # Ray's workers would leave the processors to all other tests that run.
        env=os.environ | {"RAY_worker_niceness": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr[-3000:] if done.returncode else "", done.stdout


@pytest.fixture(scope="module")
def run_together():
    """Run a script in the same process as other ones, as `run_apart` does."""
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER],
        env=os.environ | {"PYTHONPATH": str(FOLDER)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:

        def run(arguments):
            print(json.dumps(list(map(str, arguments))), file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())

        yield run
        process.stdin.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [*SCRIPTS, "search --jobs", "threads --jobs"],
)
def test_a_script_measures_the_digits(module, command, run_together, tmp_path):
    name, *words = command.split()
    out = tmp_path / "out.jsonl"
    run = run_apart if words or name in APART else run_together
    arguments = [FOLDER / f"{name}.py", *words, "--quick", "--out", out]
    failed, printed = run(arguments)
    assert not failed, failed
    lines = module("measuring").read_lines(out)
    assert {line["question"] for line in lines} == {name}
    assert not module("report").REQUIRED - set.intersection(*map(set, lines))
    # What it printed is what a report would print.
    expected = module("rendering").document(lines, module(name).tables)
    assert printed.strip() == expected
    assert expected.count("\n| --- ") >= 1


@pytest.mark.slow
def test_published_networks_train_as_in_plain_keras(module):
    any_network = module("any_network")
    X, y = module("plain_networks").load_images("digits", 150)
    for network in any_network.NETWORKS:
        given = (network, X, y, 2, 0)
        losses, of_keras = any_network.curves_from_the_same_start(*given)
        np.testing.assert_allclose(losses, of_keras, rtol=1e-12, err_msg=network)
