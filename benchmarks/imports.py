"""Time that `import skcnn` takes, and the packages that it loads.

    python benchmarks/imports.py [--pairs 20]

imports skcnn and, for comparison, `sklearn.base` in fresh processes, in random order in
each round, and lists the packages that come with them and with making and cloning a
classifier.
"""

import argparse

from measuring import (
    note,
    print_comparison,
    print_table,
    run_child,
    shuffled,
    spread,
    versions_line,
)

HEAVY = ("tensorflow", "keras", "scikeras", "matplotlib", "pandas", "torch")

STATEMENTS = {
    "import sklearn.base": "import sklearn.base",
    "import skcnn": "import skcnn",
}

# No module of this folder is imported in there: it would load part of what is measured.
CODE = """
import json, resource, sys, time

def clocks():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), usage.ru_utime + usage.ru_stime

before = set(sys.modules)
wall, cpu = clocks()
{statement}
end_wall, end_cpu = clocks()
report = {{"wall_s": end_wall - wall, "cpu_s": end_cpu - cpu}}
report["modules"] = sorted(set(sys.modules) - before)
if {makes_classifiers}:
    from sklearn.base import clone
    before = set(sys.modules)
    wall, _ = clocks()
    for kind in (skcnn.MNISTCNNClassifier, skcnn.CIFARCNNClassifier):
        clone(kind(epochs=3))
        clone(kind.from_preset("classic"))
    report["clone_s"] = (clocks()[0] - wall) / 4
    report["clone_modules"] = sorted(set(sys.modules) - before)
print(json.dumps(report))
"""


def fresh_import(name):
    """Run one of the statements in a new process and return its report."""
    code = CODE.format(
        statement=STATEMENTS[name], makes_classifiers=name == "import skcnn"
    )
    return run_child(["-c", code])


def packages(modules):
    """Return the top-level packages of some modules."""
    return {name.partition(".")[0] for name in modules}


def listed(names):
    """Format names as a cell of a table."""
    return ", ".join(sorted(names)) or "none"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=20, help="rounds")
    parser.add_argument("--quick", action="store_true", help="tiny, to try the script")
    args = parser.parse_args()
    if args.quick:
        args.pairs = 2

    print(versions_line(), end="\n\n")
    runs = {name: [] for name in STATEMENTS}
    # The first round compiles and reads from the disk; it does not count.
    for i in range(args.pairs + 1):
        note(f"round {i} of {args.pairs}")
        for name in shuffled(STATEMENTS, i):
            run = fresh_import(name)
            if i:
                runs[name].append(run)
    print_comparison(runs, "import sklearn.base", unit="ms", scale=1000)

    plain, ours = (of_name[-1] for of_name in runs.values())
    beyond = set(ours["modules"]) - set(plain["modules"])
    cloned = ours["clone_modules"]
    rows = [
        [
            what,
            str(len(modules)),
            listed(packages(modules) - {"skcnn", "sklearn"}),
            listed(packages(modules) & set(HEAVY)),
        ]
        for what, modules in (
            ("import sklearn.base", plain["modules"]),
            ("import skcnn, beyond that", beyond),
            ("making and cloning classifiers, beyond that", cloned),
        )
    ]
    # The full list of scikit-learn's own imports is long and not our subject.
    rows[0][2] = "(not listed)"
    print_table(["", "new modules", "other packages with new modules", "heavy"], rows)
    clone_ms = [1000 * run["clone_s"] for run in runs["import skcnn"]]
    print(f"Making and cloning a classifier: {spread(clone_ms)} ms")


if __name__ == "__main__":
    main()
