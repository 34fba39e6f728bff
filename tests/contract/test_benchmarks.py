"""The benchmark scripts run, their results are lines, and tables come from lines."""

import argparse
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SHARED = {"measuring", "rendering", "report", "plain_networks"}
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


def test_no_page_has_a_ratio_without_lines(module):
    report = module("report")
    for page in report.pages(FOLDER.parent):
        text = report.BLOCK.sub("", page.read_text(encoding="utf-8"))
        text = report.FIGURE.sub("", text)
        # As "1.5 x the time", but not "28 x 28 pixels".
        found = re.findall(r"^.*\d x(?! ?\d).*$", text, re.MULTILINE)
        assert not found, f"{page.name}: {found}"


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


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("import skcnn; wall_s", "0.5 (0.25 to 0.75, n = 3)"),
        ("import skcnn / import sklearn.base; cpu_s", "0.5 x (n = 3)"),
    ],
)
def test_a_figure_stands_in_a_sentence(module, repository, asked, expected):
    page = repository / "docs" / "page.md"
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
    ],
)
def test_a_page_that_asks_for_what_is_not_there_is_refused(
    module, repository, capsys, comment, message
):
    (repository / "docs" / "page.md").write_text(f"{comment}\n")
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
    for name in SCRIPTS:
        assert text.count(f"| `{name}.py` |") == 1, name


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [*SCRIPTS, "search --jobs", "threads --jobs"],
)
def test_a_script_measures_the_digits(module, command, tmp_path):
    name, *words = command.split()
    out = tmp_path / "out.jsonl"
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", *words, "--quick", "--out", out],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = module("measuring").read_lines(out)
    assert {line["question"] for line in lines} == {name}
    assert not module("report").REQUIRED - set.intersection(*map(set, lines))
    # What it printed is what a report would print.
    expected = module("rendering").document(lines, module(name).tables)
    assert done.stdout.strip() == expected
    assert expected.count("\n| --- ") >= 1
