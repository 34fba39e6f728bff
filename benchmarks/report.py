"""Write the tables of results into README, docs and benchmarks/README.

    python benchmarks/report.py [--check]

A page says where a table belongs, and of which lines it is made:

    <!-- results: imports-2026-11-26 -->
    <!-- end -->

stands for all lines of benchmarks/results/imports-2026-11-26.jsonl, and

    <!-- results: training-2026-11-26 | MNIST, whole call -->

for those whose case begins with the words after the bar, or with one of several
beginnings, with ` + ` between them. A single figure stands in a sentence, or in a cell
of a table that a page writes itself:

    <!-- figure: imports-2026-11-26; Import; import skcnn; wall_s --><!-- end -->

is the median of `wall_s`, with its spread and n (an `accuracy` is in percent), and
`import skcnn / import sklearn.base` in the third place makes it the ratio of the two.
A unit in the fifth place (`; ms`, `; s`, `; %`, `; MB`; for a ratio, `; times`) makes
it the median alone. What lies between the two comments is replaced. A comment alone,

    <!-- picture: generality-2026-11-26 | _static/generality.svg -->

writes a picture to a file beside the page, if the script has a function `picture`; it
may name cases, too. Wherever a name of results stands, `first + second` joins two files
of one script, which can then be measured at different times.

`full imports` stands for the lines of `imports.py` in the newest full measurement, the
last file `full-*.jsonl` (see full.py). The lines of a case have to be of one machine.
`full` alone is all of it: its charts, and what it was measured on. Its tables have
medians only, unless the page asks for `full imports, spread`. A part that it lacks is
"not measured yet".

`--check` changes nothing, and fails where a page or a picture differs from its lines.
"""

import argparse
import importlib
import math
import re
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import full
import performance
from measuring import Line, note, read_lines
from rendering import document, grouped, number, percent_of, ratios, spread

HERE = Path(__file__).parent
RESULTS = HERE / "results"
BLOCK = re.compile(
    r"^(?P<begin><!-- results: (?P<name>[^|\n]+?)(?: \| (?P<case>[^\n]+?))? -->)\n"
    r".*?^(?P<end><!-- end -->)$",
    re.MULTILINE | re.DOTALL,
)
FIGURE = re.compile(
    r"(?P<begin><!-- figure: (?P<name>[^;\n]+); (?P<case>[^;\n]+); "
    r"(?P<participant>[^;\n]+?)(?: / (?P<reference>[^;\n]+?))?; (?P<key>\w+)"
    r"(?:; (?P<unit>\S+))? -->)"
    r"[^\n]*?(?P<end><!-- end -->)"
)
PICTURE = re.compile(
    r"^<!-- picture: (?P<name>[^|\n]+?)(?: \| (?P<case>[^|\n]+?))? "
    r"\| (?P<path>\S+\.svg) -->$",
    re.MULTILINE,
)
# As `rendering.spread` writes it.
SPREAD = re.compile(r" \([\d.,e-]+ to [\d.,e-]+\)")
# After the name of a script in a full measurement: its tables keep the spread.
SPREAD_TOO = ", spread"
ASKED = ("name", "case", "participant", "reference", "key", "unit")
# The factor of a unit, and what stands between the figure and the unit.
UNITS = {"s": (1, " s"), "ms": (1000, " ms"), "%": (100, " %"), "MB": (1, " MB")}
UNITS["times"] = (1, " times")
NOT_MEASURED = "not measured yet"
# What all lines of a full measurement have in common, and what those of a case have.
SAME, SAME_IN_A_CASE = ("versions",), ("processor", "cpus", "threads")
REQUIRED = {
    *("question", "case", "participant", "seed", "wall_s", "cpu_s", "accuracy"),
    *("commit", "versions", "processor", "cpus", "threads", "load", "date"),
    *("command", "job", "quick"),
}


def pages(root: Path) -> list[Path]:
    """Return the pages that may have tables."""
    docs = sorted((root / "docs").glob("*.md"))
    return [root / "README.md", *docs, root / "benchmarks" / "README.md"]


def results(path: Path) -> list[Line]:
    """Return the lines of a file of one script, once they have been checked."""
    lines = checked(path)
    if len({line["question"] for line in lines}) > 1:
        raise ValueError(f"{path.name} has lines of several scripts.")
    return lines


def full_results(folder: Path) -> list[Line]:
    """Return the lines of the newest full measurement, once they have been checked."""
    path = full.newest(folder)
    if path is None:
        raise ValueError("There is no full measurement: no file full-*.jsonl.")
    lines = checked(path)
    for key in SAME:
        _refuse_several(path, key, lines)
    # Of several scripts, each can have its own number of threads and its own machine.
    for of_script in grouped(lines, "question").values():
        for of_case in grouped(of_script, "case").values():
            for key in SAME_IN_A_CASE:
                _refuse_several(path, key, of_case)
    if any(line["commit"] is None or line["commit"].endswith("+") for line in lines):
        raise ValueError(f"{path.name} is of code that was not committed.")
    return lines


def _refuse_several(path: Path, key: str, lines: Sequence[Line]) -> None:
    """Raise an error if the lines differ in a field."""
    values = list(dict.fromkeys(str(line[key]) for line in lines))
    if len(values) > 1:
        raise ValueError(
            f"{path.name} mixes lines of {len(values)} values of {key}: "
            f"{', '.join(values)}, in {lines[0]['case']}. It has to be one."
        )


def checked(path: Path) -> list[Line]:
    """Return the lines of a file if each of them is a result."""
    lines = read_lines(path)
    if not lines:
        raise ValueError(f"{path.name} has no lines.")
    for i, line in enumerate(lines, 1):
        missing = sorted(REQUIRED - line.keys())
        if missing:
            raise ValueError(f"{path.name}, line {i}, lacks {', '.join(missing)}.")
        if line["quick"]:
            raise ValueError(f"{path.name}, line {i}, is of --quick and no result.")
    return lines


def chosen(name: str, case: str | None, folder: Path) -> list[Line]:
    """Return the lines that a page asks for.

    Parameters
    ----------
    name : str
        Name of a file of results, without its ending, or several names with plus signs
        between them; "full", alone or with a script after it, and maybe ", spread".
    case : str or None
        What the cases begin with, several beginnings with plus signs between them;
        None for all of them.
    folder : Path
        Where the files are.

    Returns
    -------
    list of dict
        Empty only for a part that the full measurement lacks.
    """
    beginnings = tuple((case or "").split(" + "))
    word, *script = name.removesuffix(SPREAD_TOO).split()
    if word == "full":
        return [
            line
            for line in full_results(folder)
            if line["question"] in (script or [line["question"]])
            and line["case"].startswith(beginnings)
        ]
    lines: list[Line] = []
    for path in files(name, folder):
        if not path.is_file():
            raise ValueError(
                f"There are no results {path.stem}: {path.name} is missing."
            )
        lines += results(path)
    if len({line["question"] for line in lines}) > 1:
        raise ValueError(f"{name} are results of several scripts.")
    if case is not None:
        lines = [line for line in lines if line["case"].startswith(beginnings)]
        if not lines:
            raise ValueError(f"{name}.jsonl has no case that begins with {case!r}.")
    return lines


def files(name: str, folder: Path) -> list[Path]:
    """Return the files of results that a name of :func:`chosen` stands for."""
    return [folder / f"{part.strip()}.jsonl" for part in name.split(" + ")]


def block(name: str, case: str | None, folder: Path = RESULTS) -> str:
    """Return the tables that belong between two comments; see :func:`chosen`."""
    lines = chosen(name, case, folder)
    if not lines:
        return f"{NOT_MEASURED.capitalize()}."
    if name == "full":
        path = full.newest(folder)
        return f"{performance.facts(lines)}\n- Lines: `benchmarks/results/{path.name}`."
    script = importlib.import_module(lines[0]["question"])
    if name.startswith("full "):
        # What it was measured on stands once, on the Performance page.
        tables = script.tables(lines)
        return tables if name.endswith(SPREAD_TOO) else SPREAD.sub("", tables)
    places = [f"`benchmarks/results/{path.name}`" for path in files(name, folder)]
    return f"{document(lines, script.tables)} Lines: {', '.join(places)}."


def figure(
    name: str,
    case: str,
    participant: str,
    reference: str | None,
    key: str,
    unit: str | None,
    folder: Path,
) -> str:
    """Return a figure with its spread and n, or its median alone.

    Parameters
    ----------
    name, case, folder
        As for :func:`chosen`; the lines have to be of one case.
    participant : str
        Whose figure it is.
    reference : str or None
        Who is 1, for a ratio.
    key : str
        Field of the lines.
    unit : str or None
        One of `UNITS`, for the median alone.
    """
    lines = chosen(name, case, folder)
    if not lines:
        return NOT_MEASURED
    if len({line["case"] for line in lines}) > 1:
        raise ValueError(f"{name}.jsonl has several cases that begin with {case!r}.")
    runs = grouped(lines, "participant")
    missing = {participant, reference or participant} - runs.keys()
    if missing and name.startswith("full "):
        return NOT_MEASURED
    if missing:
        raise ValueError(f"{name}.jsonl has no {', '.join(sorted(missing))} in {case}.")
    values = [run[key] for run in runs[participant]]
    if reference:
        values = ratios(runs[participant], runs[reference], key)
    if unit is not None:
        return short(values, unit)
    sign, form = (" x" if reference else ""), number
    if key == "accuracy" and not reference:
        sign, form = " %", percent_of
    middle, *rest = spread(values, form).split(" ", 1)
    within = rest[0].strip("()") + ", " if rest else ""
    return f"{middle}{sign} ({within}n = {len(values)})"


def short(values: Sequence[float], unit: str) -> str:
    """Return the median with its unit, in as few digits as a reader needs."""
    if unit not in UNITS:
        raise ValueError(f"{unit} is not a unit; there are {', '.join(UNITS)}.")
    factor, word = UNITS[unit]
    middle = factor * statistics.median(values)
    if unit == "%":
        return f"{middle:.1f}{word}"
    # Two digits that count; trailing zeros stay: 2.0 ms.
    digits = max(0, 1 - math.floor(math.log10(middle))) if middle > 0 else 0
    return f"{middle:,.{digits}f}{word}"


def rendered(text: str, folder: Path = RESULTS) -> str:
    """Return the text of a page with its tables and figures made anew."""

    def tables_of(match: re.Match[str]) -> str:
        table = block(match["name"], match["case"], folder)
        return f"{match['begin']}\n\n{table}\n\n{match['end']}"

    def figure_of(match: re.Match[str]) -> str:
        value = figure(folder=folder, **{name: match[name] for name in ASKED})
        return f"{match['begin']}{value}{match['end']}"

    def with_figures(line: str) -> str:
        return line if line.startswith("    ") else FIGURE.sub(figure_of, line)

    # What is indented is an example of how to write it.
    shown = re.sub("^    .*", "", text, flags=re.MULTILINE)
    for kind, pattern in (("results", BLOCK), ("figure", FIGURE), ("picture", PICTURE)):
        if shown.count(f"<!-- {kind}:") > len(pattern.findall(shown)):
            end = "" if kind == "picture" else "has no <!-- end --> after it, or "
            raise ValueError(
                f"A comment <!-- {kind}: ... --> {end}is not written as "
                "benchmarks/report.py says."
            )
    lines = BLOCK.sub(tables_of, text).split("\n")
    return "\n".join(map(with_figures, lines))


def pictures(page: Path, text: str, folder: Path = RESULTS) -> dict[Path, str]:
    """Return the pictures that a page asks for: their files, and their SVG."""
    found = {}
    for match in PICTURE.finditer(text):
        lines = chosen(match["name"], match["case"], folder)
        path = page.parent / match["path"]
        if match["name"] == "full":
            if path.stem not in performance.CHARTS:
                raise ValueError(
                    f"A full measurement has no chart {path.stem}; it has "
                    f"{', '.join(performance.CHARTS)}."
                )
            found[path] = performance.CHARTS[path.stem](lines)
            continue
        script = importlib.import_module(lines[0]["question"])
        if not hasattr(script, "picture"):
            raise ValueError(f"{script.__name__}.py has no function picture.")
        found[path] = script.picture(lines)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Render the pages, or check them; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing")
    parser.add_argument("--root", type=Path, default=HERE.parent, help="repository")
    args = parser.parse_args(arguments)
    status = 0
    folder = args.root / "benchmarks" / "results"
    for page in pages(args.root):
        text = page.read_text(encoding="utf-8")
        try:
            made = {page: rendered(text, folder), **pictures(page, text, folder)}
        except ValueError as error:
            print(f"{page.relative_to(args.root)}: {error}", file=sys.stderr)
            status = 1
            continue
        gaps = made[page].lower().count(NOT_MEASURED)
        if gaps:
            note(f"{page.relative_to(args.root)}: {gaps} times {NOT_MEASURED}.")
        for path, new in made.items():
            if path.is_file() and path.read_text(encoding="utf-8") == new:
                continue
            if args.check:
                what = "a table" if path == page else "the picture"
                print(
                    f"{path.relative_to(args.root)}: {what} differs from its lines. "
                    "Run python benchmarks/report.py.",
                    file=sys.stderr,
                )
                status = 1
            else:
                path.write_text(new, encoding="utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
