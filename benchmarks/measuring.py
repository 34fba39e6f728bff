"""What the benchmark scripts share: clocks, child processes, tables.

Nothing heavy is imported here, so that a parent process stays small and a child that
measures imports or memory starts from little.
"""

import importlib.metadata
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import time

# Read when TensorFlow starts, here or in a child: its notes do not belong in a table.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PACKAGES = ("skcnn", "scikit-learn", "tensorflow", "keras", "scikeras", "numpy")


def cpu_seconds():
    """Return the CPU seconds of this process, all threads, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def timed(function):
    """Call a function and return what it took.

    Parameters
    ----------
    function : callable
        Called without arguments.

    Returns
    -------
    result : object
        What the function returned.
    seconds : dict
        `cpu_s` and `wall_s`.
    """
    cpu, wall = cpu_seconds(), time.perf_counter()
    result = function()
    wall = time.perf_counter() - wall
    return result, {"cpu_s": cpu_seconds() - cpu, "wall_s": wall}


def versions_line(*more_packages):
    """Return one line that says versions, processor, number of CPUs and date.

    Parameters
    ----------
    *more_packages : str
        Distributions to name beside `PACKAGES`, those not installed left out.

    Returns
    -------
    str
    """
    versions = []
    for name in (*PACKAGES, *more_packages):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    versions.append(f"Python {platform.python_version()}")
    n_cpus = len(os.sched_getaffinity(0))
    date = time.strftime("%Y-%m-%d")
    return f"{', '.join(versions)}; {_processor()}, {n_cpus} CPUs; {date}"


def _processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.machine()


def run_child(arguments):
    """Run Python in a new process and return what it reports.

    Parameters
    ----------
    arguments : list of str
        Arguments of the interpreter. The last line that the process prints has to be
        JSON.

    Returns
    -------
    object
        That line, decoded.
    """
    environment = dict(os.environ)
    # Without .pyc files every import would compile all of TensorFlow anew.
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


def run_job(script, **job):
    """Let a benchmark script do one of its jobs in a new process.

    Parameters
    ----------
    script : str
        Path of the script, which starts through :func:`run_script`.
    **job : dict
        Keyword arguments of its job function, as far as JSON can carry them.

    Returns
    -------
    object
        What the job function returned.
    """
    note(", ".join(str(value) for value in job.values()))
    return run_child([script, "--job", json.dumps(job)])


def run_script(main, job):
    """Run the job that a parent process asks for, or else the script itself.

    Parameters
    ----------
    main : callable
        The script.
    job : callable
        Takes the keyword arguments of :func:`run_job`; its result has to be JSON.
    """
    if sys.argv[1:2] == ["--job"]:
        print(json.dumps(job(**json.loads(sys.argv[2]))))
    else:
        main()


def note(text):
    """Say on the error stream what is being measured, out of the way of the table."""
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def shuffled(names, seed):
    """Return names in an order that differs from round to round."""
    return random.Random(seed).sample(list(names), len(names))


def number(value):
    """Format a number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(values):
    """Format values as their median and, of more than one, the lowest and highest."""
    median = number(statistics.median(values))
    if len(values) == 1:
        return median
    return f"{median} ({number(min(values))} to {number(max(values))})"


def ratio(runs, reference, key):
    """Format the ratio of two participants, taken within each round.

    Parameters
    ----------
    runs, reference : list of dict
        What each of them took in the same rounds.
    key : str
        Such as "cpu_s".

    Returns
    -------
    str
        Median of the rounds' ratios, lowest and highest.
    """
    pairs = zip(runs, reference, strict=True)
    return spread([run[key] / other[key] for run, other in pairs])


def print_table(header, rows):
    """Print a Markdown table.

    Parameters
    ----------
    header : list of str
        Column titles.
    rows : list of list of str
        Cells.
    """
    print()
    print(f"| {' | '.join(header)} |")
    print(f"|{'---|' * len(header)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def print_comparison(runs, reference, unit="s", scale=1, **extra):
    """Print what each participant took and its ratio to one of them.

    Parameters
    ----------
    runs : dict of list of dict
        For each participant `cpu_s` and `wall_s` of each round.
    reference : str
        The participant whose ratios are 1.
    unit : str, default="s"
        Unit of the printed times.
    scale : float, default=1
        How many of that unit are a second.
    **extra : dict of str to callable
        Title of a further column and what makes its cell of a participant's runs;
        underscores stand for spaces.
    """
    header = ["", f"wall {unit}", f"CPU {unit}"]
    header += [f"wall / {reference}", f"CPU / {reference}"]
    header += [title.replace("_", " ") for title in extra]
    rows = []
    for name, of_name in runs.items():
        row = [name]
        row += [spread([scale * run[key] for run in of_name]) for key in KEYS]
        row += [ratio(of_name, runs[reference], key) for key in KEYS]
        rows.append(row + [cell(of_name) for cell in extra.values()])
    print_table(header, rows)


KEYS = ("wall_s", "cpu_s")
