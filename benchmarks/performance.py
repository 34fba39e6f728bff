"""What the Performance page shows of a full measurement: its charts and its facts."""

import statistics
from collections.abc import Callable, Iterable, Sequence

from accuracy import DEFAULTS, SCRIPT
from drawing import Bar, Panel, Point, bars, panels
from generality import SKCNN
from generality import WORDS as PEERS
from measuring import Line
from plain_networks import DATA
from rendering import grouped, machine, number

ACCURACY, GENERALITY = "accuracy", "generality"
KERAS_SCRIPT = "Keras script"

# The words in the chart of accuracies, in the order in which they find a place there.
PRESETS = {
    SCRIPT: KERAS_SCRIPT,
    "classic": "classic",
    "fast": "fast",
    DEFAULTS: "defaults",
    "accurate": "accurate",
}

# Groups of bars: title, script, the beginning of the case, what is compared, its unit
# and factor.
GROUPS = (
    ("Predict one MNIST image", "prediction", "MNIST, classic: one image"),
    ("Predict 10,000 MNIST images", "prediction", "MNIST, classic: 10,000 images"),
    (
        "Grid search: 12 networks, 3 folds, 1,000 MNIST images",
        "search",
        "GridSearchCV, 12 candidates x 3 folds and the refit, 1,000 MNIST images, "
        "1 epoch, n_jobs=1: first",
    ),
    (
        "Train for an epoch of 6,000 MNIST images",
        "training",
        "MNIST, classic network, whole call",
    ),
    (
        "Train for an epoch of 6,000 CIFAR-10 images",
        "training",
        "CIFAR-10, classic network, whole call",
    ),
    (
        "Memory to train on 50,000 CIFAR-10 images",
        "memory",
        "Peak memory of one epoch of 50,000 CIFAR-10 images",
    ),
)
BARS = {
    "SciKeras": "SciKeras",
    "plain Keras": "Keras",
    "Model.predict": "Keras",
    "skcnn": "skcnn",
}


def accuracy(lines: Sequence[Line]) -> str:
    """Return a chart of accuracy over CPU seconds, a panel for each data set."""
    shown = []
    for data in ("mnist", "cifar10"):
        points = _points(data, lines)
        if points:
            shown.append(Panel(DATA[data].title, _subtitle(data, lines), points))
    return panels(
        shown,
        x_title="CPU seconds to train and to predict",
        y_title="Test accuracy, %",
        legend=("skcnn", "Keras and scikit-learn"),
        columns=1,
    )


def _of_data(question: str, data: str, lines: Sequence[Line]) -> list[Line]:
    """Return the runs of a script on all images of a data set, in its own dtype."""
    return [
        line
        for line in lines
        if line["question"] == question
        and line["job"].get("data") == data
        and not line["job"].get("images")
        and not line["job"].get("dtype")
    ]


def _points(data: str, lines: Sequence[Line]) -> list[Point]:
    """Return a point for each preset, the script and each of scikit-learn's."""
    points = []
    for question, words in ((GENERALITY, PEERS), (ACCURACY, PRESETS)):
        runs = grouped(_of_data(question, data, lines), "participant")
        for name in words:
            if name in runs:
                ours = question == ACCURACY and name != SCRIPT
                points.append(
                    Point(
                        words[name],
                        _values(runs[name], all_cpu_seconds),
                        _values(runs[name], lambda run: 100 * run["accuracy"]),
                        emphasized=ours,
                    )
                )
    return points


def _subtitle(data: str, lines: Sequence[Line]) -> str:
    """Return the numbers of images: "60,000 training images, 10,000 test images"."""
    for line in _of_data(ACCURACY, data, lines):
        return str(line["case"]).partition(", ")[2]
    of_peers = _of_data(GENERALITY, data, lines)[0]
    return f"{of_peers['n_images']:,} training images"


def all_cpu_seconds(run: Line) -> float:
    """Return the CPU seconds of compiling, training and predicting the test images."""
    # At least what a clock resolves: the axis is logarithmic.
    compiling = run.get("tracing_cpu_s") or 0.0
    return max(float(compiling + run["cpu_s"] + run["prediction_cpu_s"]), 1e-3)


def _values(
    runs: Sequence[Line], value: Callable[[Line], float]
) -> tuple[float, float, float]:
    """Return the lowest value, the median and the highest one."""
    found = sorted(value(run) for run in runs)
    return found[0], statistics.median(found), found[-1]


def speed(lines: Sequence[Line]) -> str:
    """Return a chart of wall times and memory, a group of bars for each task."""
    groups = []
    for title, question, case in GROUPS:
        of_case = [
            line
            for line in lines
            if line["question"] == question and line["case"].startswith(case)
        ]
        key = "peak_mb" if question == "memory" else "wall_s"
        runs = grouped(of_case, "participant")
        found = []
        for name, word in BARS.items():
            if name in runs:
                value = statistics.median(run[key] for run in runs[name])
                figure = _figure(value, key)
                found.append(Bar(word, value, figure, emphasized=name == "skcnn"))
        if found:
            groups.append((title, found))
    return bars(groups)


def _figure(value: float, key: str) -> str:
    """Return a median with its unit."""
    if key == "peak_mb":
        return f"{number(value)} MB"
    return f"{number(1000 * value)} ms" if value < 0.1 else f"{number(value)} s"


CHARTS = {"accuracy": accuracy, "speed": speed}


def facts(lines: Sequence[Line]) -> str:
    """Return on what all of it was measured, as a list."""
    versions = ", ".join(f"{name} {x}" for name, x in lines[0]["versions"].items())
    dates = sorted({line["date"] for line in lines})
    when = " to ".join(dict.fromkeys((dates[0], dates[-1])))
    usual, *others = by_size(lines, machine)
    codes = [
        code if i == 0 else f"{code} in {_scripts(of_code)}"
        for i, (code, of_code) in enumerate(by_size(with_skcnn(lines), _commit))
    ]
    return "\n".join(
        [
            f"- Machine: {usual[0]}; {_threads(lines)}.",
            *(f"- Also {name}: {_cases(found)}." for name, found in others),
            f"- Software: {versions}.",
            f"- Code: commit {', '.join(codes)}; measured {when}.",
            f"- CPUs that other processes kept busy, in the median: {_load(lines)}.",
            f"- Spread of n runs: {_spread(lines)}.",
        ]
    )


def by_size(
    lines: Iterable[Line], key: Callable[[Line], str]
) -> list[tuple[str, list[Line]]]:
    """Return the lines of each value of a key, the most frequent value first."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(key(line), []).append(line)
    return sorted(groups.items(), key=lambda pair: -len(pair[1]))


def with_skcnn(lines: Iterable[Line]) -> list[Line]:
    """Return the lines that depend on skcnn, so all but those of scikit-learn's."""
    return [
        line
        for line in lines
        if line["question"] != GENERALITY or line["participant"] == SKCNN
    ]


def _commit(line: Line) -> str:
    return str(line["commit"])


def _scripts(lines: Iterable[Line]) -> str:
    """Return the names of the scripts of some lines, in words."""
    names = list(dict.fromkeys(f"`{line['question']}.py`" for line in lines))
    return " and ".join([*filter(None, [", ".join(names[:-1])]), names[-1]])


def _cases(lines: Iterable[Line]) -> str:
    """Return which cases some lines measure, and by which script."""
    names = dict.fromkeys(f"{line['case']} (`{line['question']}.py`)" for line in lines)
    return "; ".join(names)


def _threads(lines: Sequence[Line]) -> str:
    """Return how many threads the scripts had, in words."""
    usual, *others = by_size(lines, lambda line: str(line["threads"]))
    plural = "" if usual[0] == "1" else "s"
    parts = [f"{usual[0]} thread{plural} of TensorFlow"]
    parts += [f"{n} in {_scripts(found)}" for n, found in others]
    return ", ".join(parts)


def _load(lines: Iterable[Line]) -> str:
    """Return how many CPUs were not free for each script, in words."""
    of_load: dict[str, list[Line]] = {}
    for of_script in grouped(lines, "question").values():
        known = [line["load"] for line in of_script if line["load"] is not None]
        load = f"{statistics.median(known):.1f}" if known else "unknown"
        of_load.setdefault(load, []).append(of_script[0])
    return ", ".join(f"{load} in {_scripts(some)}" for load, some in of_load.items())


def _spread(lines: Sequence[Line]) -> str:
    """Return how far the runs of a row are apart, in words."""
    rows: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        rows.setdefault((line["case"], line["participant"]), []).append(line)
    of_several = [runs for runs in rows.values() if len(runs) > 1]
    times, accuracies = [], []
    for runs in of_several:
        seconds = [run["wall_s"] for run in runs if run["wall_s"]]
        if len(seconds) > 1:
            times.append(max(seconds) / min(seconds) - 1)
        shares = [run["accuracy"] for run in runs if run["accuracy"] is not None]
        if len(shares) > 1 and runs[0]["question"] == ACCURACY:
            accuracies.append(100 * (max(shares) - min(shares)))
    parts = []
    if times:
        # Most of ten rows, because scikit-learn's MLP sometimes stops at once.
        most = (
            statistics.quantiles(times, n=10, method="inclusive")[-1]
            if len(times) > 1
            else times[0]
        )
        parts.append(
            f"the slowest run took {100 * statistics.median(times):.0f} % longer than "
            f"the fastest in the median of all rows, and at most {100 * most:.0f} % "
            "longer in nine rows of ten"
        )
    if accuracies:
        parts.append(
            "the accuracies of one preset lie at most "
            f"{max(accuracies):.2f} percentage points apart"
        )
    return "; ".join(parts) or "one run each"
