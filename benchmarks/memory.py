"""Memory that training takes, and how much of it does not come back.

    SKCNN_DATA=/path/to/data python benchmarks/memory.py [--pairs 3] [--fits 100]

prints two tables. The first: the peak of the resident memory while the classic network
is trained on CIFAR-10 for one epoch, above what the process held with its libraries
imported, TensorFlow started and the uint8 images loaded. For Keras and SciKeras the
float32 array counts, which the user has to make. The second: by how much the resident
memory of a process grows with each fit of 200 digit images and predict, from the tenth
fit on. Every measurement has a process of its own; each round measures all participants
once, in random order.
"""

import argparse
import ctypes
import gc
import resource

import plain_networks
from measuring import (
    print_comparison,
    print_table,
    ratio,
    run_job,
    run_script,
    shuffled,
    spread,
    timed,
    versions_line,
)

from skcnn.datasets import load_digit_images

NETWORK = "CIFAR-10 classic"
SMALL_NETWORK = "MNIST classic"
SETTLED = 10  # fits after which growth counts


def status_mb(name):
    """Return a figure of /proc/self/status, such as VmRSS, in MB."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    return None


def resident_mb():
    """Return the resident memory in MB, what is free given back to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return status_mb("VmRSS")


def forget_peak():
    """Let the kernel's high-water mark start anew; return whether it does."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return False
    return status_mb("VmHWM") is not None


def peak_mb(forgotten):
    """Return the high-water mark of the resident memory in MB."""
    if forgotten:
        return status_mb("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def fit_and_predict(participant, network, X, y, X_new):
    """Train from scratch for one epoch, from uint8 images, and predict some others."""
    if participant == "skcnn":
        clf = plain_networks.skcnn_classifier(network)
        clf.fit(X, y)
    elif participant == "SciKeras":
        X, X_new = plain_networks.unit_floats(X), plain_networks.unit_floats(X_new)
        clf = plain_networks.scikeras_classifier(network, X.shape[1:])
        clf.fit(X, y)
    else:
        X, X_new = plain_networks.unit_floats(X), plain_networks.unit_floats(X_new)
        clf = plain_networks.compiled_keras_network(network, X.shape[1:])
        size = plain_networks.batch_size(network)
        clf.fit(X, y, batch_size=size, epochs=1, verbose=0)
        return clf.predict(X_new, verbose=0) if len(X_new) else None
    return clf.predict(X_new) if len(X_new) else None


def measure_peak(participant, n_images):
    """Return the peak above the start of one fit, and its time."""
    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(NETWORK, n_images)
    before = resident_mb()
    forgotten = forget_peak()
    _, seconds = timed(lambda: fit_and_predict(participant, NETWORK, X, y, X[:0]))
    mb = peak_mb(forgotten) - before
    return {"mb": mb, "start_mb": before, "forgotten": forgotten, **seconds}


def measure_growth(participant, n_fits):
    """Return the growth a fit in MB and the time of all fits."""
    plain_networks.start_tensorflow()
    X, y = load_digit_images(return_X_y=True)
    X = X[:200].reshape(-1, 8, 8, 1)
    y = y[:200]

    def fits(n):
        for _ in range(n):
            fit_and_predict(participant, SMALL_NETWORK, X, y, X)

    settled = min(SETTLED, n_fits // 2)
    fits(settled)
    before = resident_mb()
    _, seconds = timed(lambda: fits(n_fits - settled))
    after = resident_mb()
    n = n_fits - settled
    return {
        "mb": (after - before) / n,
        "end_mb": after,
        "n_fits": n_fits,
        **{key: value / n for key, value in seconds.items()},
    }


def job(what, **arguments):
    """Do one measurement in this process."""
    return {"peak": measure_peak, "growth": measure_growth}[what](**arguments)


PARTICIPANTS = ("skcnn", "plain Keras", "SciKeras")


def measure(what, n_rounds, arguments):
    """Return the runs of all participants.

    Parameters
    ----------
    what : {"peak", "growth"}
        The measurement.
    n_rounds : int
        How often.
    arguments : dict of dict
        Further arguments of each participant.

    Returns
    -------
    dict of list of dict
    """
    runs = {name: [] for name in PARTICIPANTS}
    for i in range(n_rounds):
        for name in shuffled(PARTICIPANTS, i):
            further = arguments[name]
            run = run_job(__file__, what=what, participant=name, **further)
            runs[name].append(run)
    return runs


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--fits", type=int, default=100, help="of skcnn")
    parser.add_argument(
        "--other-fits", type=int, default=30, help="of Keras and of SciKeras"
    )
    parser.add_argument("--pairs", type=int, default=3, help="rounds")
    parser.add_argument("--only", choices=["peak", "growth"], help="one of the tables")
    parser.add_argument("--quick", action="store_true", help="tiny, to try the script")
    args = parser.parse_args()
    if args.quick:
        args.images, args.fits, args.other_fits, args.pairs = 500, 12, 4, 1

    print(versions_line(), end="\n\n")
    if args.only != "growth":
        further = {name: {"n_images": args.images} for name in PARTICIPANTS}
        runs = measure("peak", args.pairs, further)
        print(
            f"Peak memory of one epoch of {args.images:,} CIFAR-10 images, classic "
            f"network, above the start ({args.images * 3072 / 2**20:.0f} MB of uint8 "
            "images loaded)"
        )
        if not all(run["forgotten"] for of_name in runs.values() for run in of_name):
            print("The kernel's peak could not be reset: loading counts.")
        rows = [
            [
                name,
                spread([run["mb"] for run in of_name]),
                ratio(of_name, runs["skcnn"], "mb"),
                spread([run["start_mb"] for run in of_name]),
                spread([run["wall_s"] for run in of_name]),
                spread([run["cpu_s"] for run in of_name]),
            ]
            for name, of_name in runs.items()
        ]
        print_table(
            ["", "MB above the start", "/ skcnn", "MB at the start", "wall s", "CPU s"],
            rows,
        )
    if args.only != "peak":
        n_fits = dict.fromkeys(PARTICIPANTS, args.other_fits) | {"skcnn": args.fits}
        further = {name: {"n_fits": n} for name, n in n_fits.items()}
        runs = measure("growth", args.pairs, further)
        print(
            "Growth of the resident memory a fit of 200 digit images and predict, "
            f"after fit {SETTLED}; time a fit"
        )
        print_comparison(
            runs,
            "skcnn",
            MB_a_fit=lambda of_name: spread([run["mb"] for run in of_name]),
            fits=lambda of_name: str(of_name[0]["n_fits"]),
            MB_at_the_end=lambda of_name: spread([run["end_mb"] for run in of_name]),
        )


if __name__ == "__main__":
    run_script(main, job)
