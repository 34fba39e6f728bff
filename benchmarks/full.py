"""The one measurement from which README and the documentation take their figures.

    SKCNN_DATA=/path/to/data python benchmarks/full.py [--sets FOLDER] [--only NAME]
    python benchmarks/report.py

runs the other scripts one after another, each as often as its published figures need,
and collects their lines in one file, `benchmarks/results/full-DATE.jsonl`. The second
command writes the tables, figures and charts of this file into the pages. `--sets`
names the folder of the other data sets, files `.npz` as for `generality.py`; without
it, the parts that need them are left out.

Before each part stands what it costs. What the file has already is not measured again:
an interrupted measurement goes on with the same command. `--only NAME`, which can be
repeated, measures some parts, and `--list` says which there are and which are done.

The measurement neither starts on code that is not committed nor goes on after another
commit, so that all lines that it writes into a file are of one. Run it on a machine
that does nothing else, in a clone in which nobody works.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from accuracy import DEFAULTS, SCRIPT
from generality import SVM
from measuring import FULL, HERE, Line, code_commit, note, read_lines

RESULTS = HERE / "results"

# In a command, these words stand for the folder of the other data sets, and for the
# file of the network that transfer.py starts from.
SETS, START = "SETS", "START"


@dataclass(frozen=True)
class Part:
    """A part of the measurement.

    Attributes
    ----------
    question : str
        What it answers.
    cpu_minutes : float
        About how much CPU time it takes on the two CPUs that it was planned with.
    commands : sequence of sequence of str
        The scripts and their options.
    """

    question: str
    cpu_minutes: float
    commands: Sequence[Sequence[str]]


def _accuracy(data: str) -> Sequence[Sequence[str]]:
    """Return the commands for one data set: the long preset once, the others thrice."""
    short = [f"--preset={name}" for name in ("fast", DEFAULTS, SCRIPT, "classic")]
    return (
        ("accuracy", data, "--rounds", "3", *short),
        ("accuracy", data, "--rounds", "1", "--preset", "accurate"),
    )


def _images() -> Sequence[Sequence[str]]:
    """Return the commands for few training images of MNIST and CIFAR-10."""
    return [
        ("generality", "mnist", "cifar10", "--images", number, "--rounds", "3")
        for number in ("20", "200", "2000")
    ]


def _starts() -> Sequence[Sequence[str]]:
    """Return the commands for starts from CIFAR-10 on few photographs."""
    same = ("--epochs", "20", "--rounds", "3")
    flowers, insects = f"{SETS}/flowers_32.npz", f"{SETS}/ants_bees_128.npz"
    return (
        ("transfer", START, flowers, "--images", "50", "100", "300", *same),
        ("transfer", START, insects, "--images", "0", *same),
    )


def _dtypes() -> Sequence[Sequence[str]]:
    """Return the commands for the preset `"fast"` in both floating-point types."""
    return [
        ("accuracy", data, "--rounds", "3", "--preset", "fast", "--dtype", dtype)
        for data in ("mnist", "cifar10")
        for dtype in ("float32", "mixed_bfloat16")
    ]


def _peers(data: str) -> Sequence[Sequence[str]]:
    """Return the commands for scikit-learn's classifiers on all training images."""
    return (
        ("generality", data, "--rounds", "1", "--only", "peers"),
        ("generality", data, "--rounds", "1", "--classifier", SVM),
    )


# Short parts, of which the wall time counts, come before hours of training.
PARTS = {
    "imports": Part("import time", 2, [("imports", "--rounds", "10")]),
    "prediction": Part(
        "one prediction and 10,000", 12, [("prediction", "--rounds", "3")]
    ),
    "search": Part("a search of 12 x 3 fits", 8, [("search", "--rounds", "3")]),
    "training": Part(
        "an epoch against Keras and SciKeras", 20, [("training", "--rounds", "5")]
    ),
    "memory": Part("memory of a fit", 15, [("memory", "--rounds", "3")]),
    "accuracy-mnist": Part("accuracy on MNIST", 17, _accuracy("mnist")),
    "peers-mnist": Part("scikit-learn on MNIST", 4, _peers("mnist")),
    "accuracy-cifar10": Part("accuracy on CIFAR-10", 180, _accuracy("cifar10")),
    "dtypes": Part("float32 and bfloat16", 7, _dtypes()),
    "networks": Part(
        "networks of a user's against plain Keras",
        6,
        [("any_network", "mnist", "--images", "2000", "--rounds", "3")],
    ),
    "flips": Part("mirrored images", 5, [("flips", SETS)]),
    "few-images": Part("few images, with scikit-learn", 20, _images()),
    "sets": Part(
        "other data sets, with scikit-learn",
        35,
        [("generality", "digits", SETS, "--rounds", "3")],
    ),
    "starts": Part("starts from CIFAR-10", 25, _starts()),
    "peers-cifar10": Part("scikit-learn on CIFAR-10", 90, _peers("cifar10")),
}


def newest(folder: Path) -> Path | None:
    """Return the last full measurement in a folder of results, if there is one."""
    return max(folder.glob(f"{FULL}*.jsonl"), default=None, key=lambda path: path.stem)


def file_to_write(folder: Path, commit: str | None) -> Path:
    """Return the file that an interrupted measurement goes on with, or a new one."""
    last = newest(folder)
    if last and {line["commit"] for line in read_lines(last)} <= {commit}:
        return last
    path = folder / f"{FULL}{time.strftime('%Y-%m-%d')}.jsonl"
    number = 2
    while path.exists():
        path = path.with_stem(f"{FULL}{time.strftime('%Y-%m-%d')}-{number}")
        number += 1
    return path


def check_code(commit: str | None, lines: Sequence[Line], path: Path) -> None:
    """Refuse to measure what is not committed, or to mix two commits in one file."""
    if commit is None or commit.endswith("+"):
        raise SystemExit(
            "Published figures are of a commit, but files in skcnn/ or benchmarks/ "
            "have changes that are not committed. Commit them first."
        )
    others = sorted({str(line["commit"]) for line in lines} - {commit})
    if others:
        raise SystemExit(
            f"{path.name} has lines of commit {', '.join(others)}, but the code is now "
            f"of commit {commit}. Name another file with --out, or check out "
            f"{others[0]} to go on."
        )


def n_lines(commands: Sequence[Sequence[str]], lines: Sequence[Line]) -> int:
    """Return how many lines come from some commands."""
    return sum(
        any(_is_of(command, line["question"], line["job"]) for command in commands)
        for line in lines
    )


def _is_of(command: Sequence[str], question: str, job: Line) -> bool:
    """Whether a job, with its data, number of images and dtype, is of a command."""
    name, *words = command
    if question != name:
        return False
    named = {Path(word).stem for word in words}
    known = {"mnist", "cifar10", "digits"}
    # A folder stands for all sets that have no name of their own.
    others = SETS in named and job.get("data") not in known
    has_data = others or not named & known or job.get("data") in named

    def has(option: str) -> bool:
        value = job.get(option) or 0
        return str(value) in words if f"--{option}" in words else value == 0

    return has_data and has("images") and has("dtype")


def needs_sets(part: Part) -> bool:
    """Whether a part needs the folder of the other data sets."""
    return any(SETS in word for command in part.commands for word in command)


def run(
    commands: Sequence[Sequence[str]],
    path: Path,
    quick: bool,
    sets: Path | None,
    commit: str | None,
) -> bool:
    """Run scripts that append to a file; return whether all of them succeeded."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    # The network is that of a commit, so that no other commit starts from it.
    start = HERE / f"start-{commit}.skcnn"
    succeeded = True
    for name, *words in commands:
        command = [sys.executable, str(HERE / f"{name}.py")]
        for word in words:
            if word.startswith(SETS) and sets:
                word = str(sets.absolute()) + word.removeprefix(SETS)
            command.append(str(start) if word == START else word)
        command += ["--out", str(path)]
        if quick:
            command.append("--quick")
        # The tables come from the file when it is complete.
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, env=environment, check=False
        )
        succeeded &= done.returncode == 0
    return succeeded


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", action="append", choices=list(PARTS), help="a part; can be repeated"
    )
    parser.add_argument(
        "--sets", type=Path, help="folder of the other data sets, files .npz"
    )
    parser.add_argument("--list", action="store_true", help="measure nothing")
    parser.add_argument(
        "--out",
        type=Path,
        help=f"file of lines, whose name begins with {FULL}; default: a new one in "
        "benchmarks/results, or the last one if it is of the same commit",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="on scikit-learn's digits and tiny, to try the scripts; needs --out",
    )
    args = parser.parse_args()
    if args.quick and not args.out:
        parser.error("--quick needs --out, because its lines are no results")
    if args.out and not args.out.name.startswith(FULL):
        parser.error(f"the name of the file has to begin with {FULL}")
    chosen = {name: PARTS[name] for name in args.only or PARTS}
    if args.sets and not args.sets.is_dir():
        parser.error(f"--sets {args.sets} is no folder")
    without = [name for name, part in chosen.items() if needs_sets(part)]
    if without and not (args.sets or args.quick or args.list):
        if args.only:
            parser.error(f"--only {without[0]} needs --sets, the folder of its data")
        note(f"Left out, because they need --sets: {', '.join(without)}")
        chosen = {name: chosen[name] for name in chosen if name not in without}
    commit = code_commit()
    path = args.out or file_to_write(RESULTS, commit)
    lines = read_lines(path) if path.exists() else []
    if not (args.quick or args.list):
        check_code(commit, lines, path)

    minutes = sum(part.cpu_minutes for part in chosen.values())
    note(f"{path.name}: {len(chosen)} parts, about {minutes:.0f} CPU minutes in all")
    failed = []
    for name, part in chosen.items():
        found = n_lines(part.commands, read_lines(path) if path.exists() else [])
        note(
            f"{name}: {part.question}, about {part.cpu_minutes:g} CPU minutes; "
            f"{found} lines are there"
        )
        if args.list:
            continue
        if not run(part.commands, path, args.quick, args.sets, commit):
            failed.append(name)
    if failed:
        note(
            f"Failed: {', '.join(failed)}. What succeeded is in {path.name}; the same "
            "command tries the rest again."
        )
    elif not args.list:
        note("Done. Now run python benchmarks/report.py.")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
