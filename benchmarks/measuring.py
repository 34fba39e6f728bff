"""What the benchmark scripts share: options, clocks, processes, and results as lines.

A script answers one question. It measures in processes of its own, in rounds in which
the participants take turns in random order, and writes one JSON line a run. A table is
made from such lines alone: by :mod:`rendering`, here and in the documentation.

Nothing heavy is imported here, so that a parent process stays small, and so that a
child that measures imports or memory starts from little.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import random
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

# TensorFlow reads it when it starts, here or in a child: its notes are no results.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Distributions whose versions every line has, where they are installed.
PACKAGES = ("numpy", "scikit-learn", "tensorflow", "keras", "scikeras", "skcnn")

HERE = Path(__file__).parent

# How the names of files begin that have the lines of several scripts; see full.py.
FULL = "full-"

Line = dict[str, Any]


def options(
    description: str | None,
    *,
    rounds: int,
    data: Sequence[str] = (),
    images: int | None = None,
) -> argparse.ArgumentParser:
    """Return a parser of the options that the scripts have in common.

    Parameters
    ----------
    description : str
        The docstring of the script.
    rounds : int
        Default number of rounds.
    data : sequence of str
        Data sets to choose from; without any, the script has no such argument.
    images : int, optional
        Default number of training images; 0 stands for all of them. Without it, the
        script has no such option.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    if data:
        parser.add_argument(
            "data", nargs="*", help=f"data sets; default: {' '.join(data)}"
        )
        parser.set_defaults(all_data=list(data))
    if images is not None:
        parser.add_argument(
            "--images", type=int, default=images, help="training images; 0: all"
        )
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="each has a seed of its own"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="file to which each run appends a line; runs that it has are not repeated",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="on scikit-learn's digits and tiny, to try the script",
    )
    return parser


def parse(parser: argparse.ArgumentParser, **quick: Any) -> argparse.Namespace:
    """Parse the command line.

    Parameters
    ----------
    parser : ArgumentParser
        As :func:`options` returns it.
    **quick : dict
        What ``--quick`` sets, beside one round and the digits.
    """
    args = parser.parse_args()
    if args.quick:
        vars(args).update({"rounds": 1, "data": ["digits"], **quick})
    elif "data" in args:
        unknown = set(args.data) - set(args.all_data)
        if unknown:
            parser.error(f"unknown data: {', '.join(sorted(unknown))}")
        args.data = args.data or args.all_data
    return args


def cpu_seconds() -> float:
    """Return the CPU seconds of this process, all threads, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def timed(function: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    """Call a function; return its result, and `cpu_s` and `wall_s`."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    result = function()
    wall = time.perf_counter() - wall
    return result, {"cpu_s": cpu_seconds() - cpu, "wall_s": wall}


def status_mb(name: str) -> float:
    """Return a figure of /proc/self/status, such as VmRSS, in MB."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    raise LookupError(f"/proc/self/status has no {name}.")


def shuffled(names: Iterable[str], seed: int) -> list[str]:
    """Return names in an order that differs from round to round."""
    names = list(names)
    return random.Random(seed).sample(names, len(names))


def note(text: str) -> None:
    """Say on the error stream what is being measured."""
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def run_child(arguments: list[str]) -> Any:
    """Run Python in a new process and return what it reports.

    Parameters
    ----------
    arguments : list of str
        Arguments of the interpreter. The last line that the process prints has to be
        JSON.
    """
    environment = dict(os.environ)
    # Without .pyc files every import would compile all of TensorFlow again.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments} failed:\n{done.stderr[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def run_jobs(script: str, jobs: Sequence[Line]) -> list[Any]:
    """Let a script do some of its jobs in a new process, and return their results.

    Parameters
    ----------
    script : str
        Path of the script, which starts through :func:`run_script`.
    jobs : sequence of dict
        Keyword arguments of its job function, as far as JSON can carry them.
    """
    for job in jobs:
        note(", ".join(str(value) for value in job.values()))
    return run_child([script, "--measure", json.dumps(jobs)])


def run_script(main: Callable[[], None], job: Callable[..., Any]) -> None:
    """Run the jobs that a parent process asks for, or else the script itself.

    Parameters
    ----------
    main : callable
        The script.
    job : callable
        Takes the keyword arguments of :meth:`Study.run`; returns a list of dict, one
        a run, each with a `case`, the title of the table in which it stands, and with
        what was measured.
    """
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps([job(**one) for one in json.loads(sys.argv[2])]))
    else:
        main()


class Study:
    """The runs of one script, each a line.

    Parameters
    ----------
    script : str
        Path of the script.
    args : Namespace
        Its command line, as :func:`parse` returns it.
    packages : sequence of str
        Distributions whose versions count, beside `PACKAGES`.
    always_apart : bool
        Whether even the tiny runs of ``--quick`` need a process each. Otherwise those
        of a round share one, because the start of TensorFlow takes longer than they do.

    Attributes
    ----------
    lines : list of dict
        Those of the script in the file ``--out``, if it is there, and those measured
        since. A file whose name begins with `FULL` has lines of other scripts, too.
    """

    def __init__(
        self,
        script: str,
        args: argparse.Namespace,
        packages: Sequence[str] = (),
        *,
        always_apart: bool = False,
    ) -> None:
        self.script, self.out, self.quick = script, args.out, args.quick
        self._apart = always_apart or not args.quick
        found = read_lines(args.out) if args.out and args.out.exists() else []
        question = Path(script).stem
        self.lines = [line for line in found if line["question"] == question]
        strange = {line["question"] for line in found} - {question}
        if strange and not args.out.name.startswith(FULL):
            raise SystemExit(
                f"{args.out} has lines of another script, {', '.join(strange)}. Name "
                "another file."
            )
        self._facts: Line = {"question": question} | _facts(packages)

    def rounds(
        self,
        participants: Iterable[str],
        n_rounds: int,
        unrecorded: Line | None = None,
        **setup: Any,
    ) -> None:
        """Let the participants take turns, in random order in each round.

        Parameters
        ----------
        participants : iterable of str
            The argument `participant` of the job function.
        n_rounds : int
            The argument `seed` is the number of the round, from 0 on.
        unrecorded : dict, optional
            Arguments that say nothing about the run, such as a temporary file.
        **setup : dict
            Further arguments, the same for all.
        """
        participants = list(participants)
        for seed in range(n_rounds):
            names = shuffled(participants, seed)
            jobs = [{"participant": name, "seed": seed, **setup} for name in names]
            for some in [[job] for job in jobs] if self._apart else [jobs]:
                self._run(some, unrecorded or {})

    def run(self, **job: Any) -> None:
        """Do one job in a new process and write its lines, unless they are there."""
        self._run([job], {})

    def _run(self, jobs: list[Line], unrecorded: Line) -> None:
        """Do jobs in one new process and write their lines, unless they are there."""
        known = [line["job"] for line in self.lines]
        jobs = [job for job in json.loads(json.dumps(jobs)) if job not in known]
        if not jobs:
            return
        before, start = _busy_seconds(), time.perf_counter()
        results = run_jobs(self.script, [job | unrecorded for job in jobs])
        after, seconds = _busy_seconds(), time.perf_counter() - start
        others = None
        if before is not None and after is not None:
            others = max(0.0, (after - before) / seconds)
        for job, found in zip(jobs, results, strict=True):
            self._write(job, found, others)

    def _write(self, job: Line, found: list[Line], load: float | None) -> None:
        """Write the lines of a job."""
        for fields in found:
            line = self._facts | {
                "case": None,
                "participant": job.get("participant"),
                "seed": job["seed"],
                "wall_s": None,
                "cpu_s": None,
                "accuracy": None,
                **fields,
                "load": load,
                "date": time.strftime("%Y-%m-%d"),
                "quick": self.quick,
                "job": job,
            }
            line = {key: _rounded(value) for key, value in line.items()}
            self.lines.append(line)
            if self.out:
                with self.out.open("a", encoding="utf-8") as file:
                    print(json.dumps(line), file=file)

    def show(self, tables: Callable[[list[Line]], str]) -> None:
        """Print the tables of all lines; `tables` is the function of the script."""
        from rendering import document

        print(document(self.lines, tables), flush=True)


def read_lines(path: Path) -> list[Line]:
    """Return the lines of a file of results."""
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _rounded(value: Any) -> Any:
    """Round floats to six digits: a clock gives no more."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _facts(packages: Sequence[str]) -> Line:
    """Return what was measured, and on what."""
    versions = {"python": platform.python_version()}
    for name in (*PACKAGES, *packages):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    cpus = len(os.sched_getaffinity(0))
    return {
        "command": _command(),
        "commit": code_commit(),
        "versions": versions,
        "processor": _processor(),
        "cpus": cpus,
        "threads": int(os.environ.get("TF_NUM_INTRAOP_THREADS") or cpus),
    }


def _command() -> str:
    """Return the command line, less the file of results and folders of this machine."""
    words, skip = [], False
    for word in sys.argv[1:]:
        if not (skip or word.startswith("--out")):
            words.append(Path(word).name if Path(word).is_absolute() else word)
        skip = word == "--out"
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words])


def code_commit() -> str | None:
    """Return the last commit that changed the package, with a plus if files differ.

    A commit that changes only scripts measures the same package. A script in which
    something is not committed counts as a difference, because nobody could repeat it.
    """

    def git(*words: str) -> str:
        command = ["git", "-C", str(HERE.parent), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        commit = git("log", "-1", "--format=%h", "--", "skcnn")
        code = ("--", "skcnn", "benchmarks/*.py")
        changed = git("status", "--porcelain", "--untracked-files=no", *code)
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+" if changed else commit


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith("model name"):
                    return " ".join(line.partition(":")[2].split())
    except OSError:
        pass
    return platform.machine()


def _busy_seconds() -> float | None:
    """Return the CPU seconds that others have used since the machine started.

    Others are the processes that are neither this one nor a child that has ended.
    """
    try:
        with open("/proc/stat") as file:
            ticks = [int(word) for word in file.readline().split()[1:]]
    except OSError:
        return None
    user, nice, system, _, _, interrupts, soft_interrupts, stolen = ticks[:8]
    busy = user + nice + system + interrupts + soft_interrupts + stolen
    own = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        own += usage.ru_utime + usage.ru_stime
    return busy / os.sysconf("SC_CLK_TCK") - own
