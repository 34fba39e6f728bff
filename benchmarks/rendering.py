"""Lines of results as Markdown tables.

A script describes its tables as columns. What stands in a cell comes from the lines
alone, so that the same lines give the same table wherever it is printed.
"""

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from measuring import Line


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title : str
        What stands above it.
    cell : callable
        Takes the runs of a participant and those of the participant that others are
        compared with; returns what stands in the cell.
    """

    title: str
    cell: Callable[[list[Line], list[Line]], str]


def number(value: float) -> str:
    """Format a number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percent_of(share: float) -> str:
    """Format a share as percent."""
    return f"{100 * share:.2f}"


def spread(values: Iterable[float], form: Callable[[float], str] = number) -> str:
    """Format values as their median and, if they differ, the lowest and highest."""
    values = list(values)
    if not values:
        return ""
    median = form(statistics.median(values))
    low, high = form(min(values)), form(max(values))
    return median if low == high else f"{median} ({low} to {high})"


def median(
    title: str, key: str, scale: float = 1, form: Callable[[float], str] = number
) -> Column:
    """Return a column of medians with their spread.

    Parameters
    ----------
    title, key : str
        Title of the column, and the field of a line.
    scale : float
        Factor, such as 1000 for milliseconds.
    form : callable
        Formats a number.
    """
    return Column(
        title,
        lambda runs, _: spread(
            [scale * run[key] for run in runs if run.get(key) is not None], form
        ),
    )


def percent(title: str, key: str = "accuracy") -> Column:
    """Return a column of shares, as percent."""
    return median(title, key, form=percent_of)


def ratios(runs: list[Line], reference: list[Line], key: str) -> list[float]:
    """Return the ratio of two participants in each round that both have run."""
    others = {run["seed"]: run[key] for run in reference}
    return [run[key] / others[run["seed"]] for run in runs if run["seed"] in others]


def ratio(title: str, key: str) -> Column:
    """Return a column of the ratios to the reference, taken within each round."""
    return Column(title, lambda runs, other: spread(ratios(runs, other, key)))


def times_as_fast(title: str, key: str) -> Column:
    """Return a column of how many times as fast as the reference each run was."""
    return Column(title, lambda runs, other: spread(ratios(other, runs, key)))


def listing(title: str, key: str) -> Column:
    """Return a column of the values that runs have, different ones side by side."""

    def cell(runs: list[Line], _: list[Line]) -> str:
        values = [run[key] for run in runs if run.get(key) is not None]
        words = [f"{x:,}" if isinstance(x, int) else str(x) for x in values]
        return ", ".join(dict.fromkeys(words))

    return Column(title, cell)


def times(reference: str, unit: str = "s") -> list[Column]:
    """Return columns of wall and CPU time, and of their ratios to a participant."""
    scale = {"s": 1, "ms": 1000}[unit]
    return [
        median(f"wall {unit}", "wall_s", scale),
        median(f"CPU {unit}", "cpu_s", scale),
        ratio(f"wall / {reference}", "wall_s"),
        ratio(f"CPU / {reference}", "cpu_s"),
    ]


def grouped(lines: Iterable[Line], key: str) -> dict[Any, list[Line]]:
    """Return the lines with each value of a field, in the order of appearance."""
    groups: dict[Any, list[Line]] = {}
    for line in lines:
        groups.setdefault(line[key], []).append(line)
    return groups


def comparison(
    lines: list[Line],
    columns: Sequence[Column],
    *,
    order: Sequence[str],
    reference: str | None = None,
) -> str:
    """Return a table for each case in the lines, a row for each participant.

    Parameters
    ----------
    lines : list of dict
        Runs.
    columns : sequence of Column
        Columns, after the participant and the number of its runs.
    order : sequence of str
        The order of the rows; it names all participants.
    reference : str, optional
        The participant whose ratios are 1.
    """
    parts = []
    for case, of_case in grouped(lines, "case").items():
        runs = grouped(of_case, "participant")
        names = sorted(runs, key=list(order).index)
        others = runs.get(reference, [])
        cells = [
            [column.cell(runs[name], others) for name in names] for column in columns
        ]
        titles = [column.title for column in columns]
        # A column that says nothing of this case is left out.
        kept = [pair for pair in zip(titles, cells, strict=True) if any(pair[1])]
        counts = [str(len(runs[name])) for name in names]
        header = ["", "n", *(title for title, _ in kept)]
        rows = zip(names, counts, *(column for _, column in kept), strict=True)
        parts.append(f"{case}\n\n{markdown(header, rows)}")
    return "\n\n".join(parts)


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def document(lines: list[Line], tables: Callable[[list[Line]], str]) -> str:
    """Return the tables of some lines, and beneath them what they were measured on.

    Parameters
    ----------
    lines : list of dict
        Runs of one script.
    tables : callable
        The function `tables` of that script.
    """
    return f"{tables(lines)}\n\n{provenance(lines)}"


def machine(line: Line) -> str:
    """Return on what a line was measured."""
    cpus = line["cpus"]
    return f"{line['processor']}, {cpus} CPU{'' if cpus == 1 else 's'}"


def provenance(lines: list[Line]) -> str:
    """Return on what machine, with what and by which commands lines were measured."""

    def different(form: Callable[[Line], str]) -> list[str]:
        return list(dict.fromkeys(form(line) for line in lines))

    def threads(line: Line) -> str:
        return str(line["threads"])

    def versions(line: Line) -> str:
        found = line["versions"].items()
        return ", ".join(f"{name} {version}" for name, version in found)

    def code(line: Line) -> str:
        return f"commit {line['commit']}, {line['date']}"

    load = spread([line["load"] for line in lines if line["load"] is not None])
    parts = [
        " and ".join(different(machine)),
        f"TensorFlow threads: {' and '.join(different(threads))}",
        " and ".join(different(versions)),
        " and ".join(different(code)),
        f"CPUs that other processes kept busy meanwhile: {load or 'unknown'}",
        ", ".join(f"`{command}`" for command in different(lambda x: x["command"])),
    ]
    if any(line["quick"] for line in lines):
        parts.insert(0, "Tried with --quick, no result")
    return f"{'; '.join(parts)}."
