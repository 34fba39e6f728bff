"""Time that `import skcnn` takes, and the packages that it loads.

    python benchmarks/imports.py [--rounds 20]

imports skcnn, one of its classifiers and, for comparison, `sklearn.base` in fresh
processes, in random order in each round, and lists the packages that come with them and
with making and cloning a classifier. The first import of all compiles and reads from
the disk; it does not count.
"""

from measuring import Line, Study, options, parse, run_child, run_script
from rendering import Column, comparison, listing, times

HEAVY = {"tensorflow", "keras", "scikeras", "matplotlib", "pandas", "torch"}
SKLEARN = "import sklearn.base"
STATEMENTS = (SKLEARN, "import skcnn", "from skcnn import MNISTCNNClassifier")
ORDER = (*STATEMENTS, "skcnn")
IMPORT, CLONE = "Import", "Making and cloning a classifier, after its import"

# No module of this folder is imported in there: it would load part of what is measured.
CODE = """
import json, resource, sys, time

def clocks():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), usage.ru_utime + usage.ru_stime

def measure(function):
    before = set(sys.modules)
    wall, cpu = clocks()
    function()
    end_wall, end_cpu = clocks()
    new = set(sys.modules) - before
    return {{
        "wall_s": end_wall - wall,
        "cpu_s": end_cpu - cpu,
        "n_modules": len(new),
        "packages": sorted({{name.partition(".")[0] for name in new}}),
    }}

def statement():
    {statement}

report = [measure(statement)]
if "sklearn" in sys.modules and "skcnn" in sys.modules:
    import skcnn
    from sklearn.base import clone

    def make():
        for kind in (skcnn.MNISTCNNClassifier, skcnn.CIFARCNNClassifier):
            clone(kind(epochs=3))
            clone(kind.from_preset("classic"))

    report.append(measure(make))
print(json.dumps(report))
"""


def fresh_import(participant: str, seed: int) -> list[Line]:
    """Run an import statement in a new process and return what it took."""
    found = run_child(["-c", CODE.format(statement=participant)])
    runs = [{"case": IMPORT, **found[0]}]
    for fields in found[1:]:
        for key in ("wall_s", "cpu_s"):
            fields[key] /= 4  # four classifiers
        runs.append({"case": CLONE, "participant": "skcnn", **fields})
    return runs


def _heavy(runs: list[Line], _: list[Line]) -> str:
    return _names(set(runs[-1]["packages"]) & HEAVY)


def _beyond(runs: list[Line], reference: list[Line]) -> str:
    """Return the packages that did not come with scikit-learn."""
    known = {"skcnn"}
    for run in reference[-1:]:
        known |= set(run["packages"])
    return _names(set(runs[-1]["packages"]) - known)


def _names(packages: set[str]) -> str:
    return ", ".join(sorted(packages)) or "none"


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    modules = [listing("modules", "n_modules"), Column("heavy packages", _heavy)]
    modules.append(Column("packages beyond scikit-learn's", _beyond))
    return comparison(
        lines, [*times(SKLEARN, "ms"), *modules], order=ORDER, reference=SKLEARN
    )


def main() -> None:
    args = parse(options(__doc__, rounds=20))
    study = Study(__file__, args)
    for name in () if args.quick else STATEMENTS:
        fresh_import(name, seed=0)
    study.rounds(STATEMENTS, args.rounds)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, fresh_import)
