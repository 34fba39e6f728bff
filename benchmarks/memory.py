"""Memory that training takes, and how much of it does not come back.

    SKCNN_DATA=/path/to/data python benchmarks/memory.py [--rounds 3] [--fits 100]

The first table: the peak of the resident memory while the classic network is trained on
CIFAR-10 for one epoch, above what the process held with its libraries imported,
TensorFlow started and the uint8 images loaded. For Keras and SciKeras the float32 array
counts, which the user has to make. The second: by how much the resident memory of a
process grows with each fit of 200 digit images and predict, from the tenth fit on.
Every measurement has a process of its own; each round measures all participants once,
in random order.
"""

import ctypes
import gc
from typing import Any

import numpy as np
import plain_networks
from measuring import Line, Study, options, parse, run_script, status_mb, timed
from plain_networks import DATA
from rendering import comparison, listing, median, ratio, times

PARTICIPANTS = ("skcnn", "plain Keras", "SciKeras")
SETTLED = 10  # fits after which growth counts


def resident_mb() -> float:
    """Return the resident memory in MB, what is free given back to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return status_mb("VmRSS")


def forget_peak() -> None:
    """Let the kernel's high-water mark of the resident memory start anew."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def fit_and_predict(
    participant: str, data: str, X: np.ndarray, y: np.ndarray, X_new: np.ndarray
) -> Any:
    """Train from scratch for one epoch, from uint8 images, and predict some others."""
    if participant == "skcnn":
        clf = plain_networks.skcnn_classifier(data)
        clf.fit(X, y)
    elif participant == "SciKeras":
        X, X_new = plain_networks.unit_floats(X), plain_networks.unit_floats(X_new)
        clf = plain_networks.scikeras_classifier(data, X.shape[1:])
        clf.fit(X, y)
    else:
        X, X_new = plain_networks.unit_floats(X), plain_networks.unit_floats(X_new)
        clf = plain_networks.compiled_keras_network(data, X.shape[1:])
        size = plain_networks.batch_size(data)
        clf.fit(X, y, batch_size=size, epochs=1, verbose=0)
        return clf.predict(X_new, verbose=0) if len(X_new) else None
    return clf.predict(X_new) if len(X_new) else None


def measure_peak(participant: str, data: str, n_images: int) -> Line:
    """Return the peak of one fit above the start, and its time."""
    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(data, n_images)
    before = resident_mb()
    forget_peak()
    _, seconds = timed(lambda: fit_and_predict(participant, data, X, y, X[:0]))
    mb = status_mb("VmHWM") - before
    case = (
        f"Peak memory of one epoch of {len(X):,} {DATA[data].title} images, classic "
        f"network, above the start, {X.nbytes / 2**20:.0f} MB of uint8 images loaded"
    )
    return {"case": case, "peak_mb": mb, "start_mb": before, **seconds}


def measure_growth(participant: str, n_fits: int, n_other_fits: int) -> Line:
    """Return the growth a fit in MB, and the time of a fit and predict."""
    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images("digits", 200)
    # Those of Keras take much longer.
    n_fits = n_fits if participant == "skcnn" else n_other_fits

    def fits(n: int) -> None:
        for _ in range(n):
            fit_and_predict(participant, "digits", X, y, X)

    settled = min(SETTLED, n_fits // 2)
    fits(settled)
    before = resident_mb()
    n = n_fits - settled
    _, seconds = timed(lambda: fits(n))
    after = resident_mb()
    return {
        "case": f"Growth of the resident memory a fit of {len(X)} digit images and "
        "predict, and its time",
        "growth_mb": (after - before) / n,
        "end_mb": after,
        "n_fits": n_fits,
        **{key: value / n for key, value in seconds.items()},
    }


def job(participant: str, seed: int, what: str, **arguments: Any) -> list[Line]:
    """Do one measurement in this process."""
    if what == "peak":
        return [measure_peak(participant, **arguments)]
    return [measure_growth(participant, **arguments)]


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    peaks = [line for line in lines if line["job"]["what"] == "peak"]
    growths = [line for line in lines if line["job"]["what"] == "growth"]
    of_peak = [
        median("MB above the start", "peak_mb"),
        ratio("/ skcnn", "peak_mb"),
        median("MB at the start", "start_mb"),
        *times("skcnn"),
    ]
    of_growth = [
        *times("skcnn", "ms"),
        median("MB a fit", "growth_mb"),
        listing("fits", "n_fits"),
        median("MB at the end", "end_mb"),
    ]
    parts = [
        comparison(part, columns, order=PARTICIPANTS, reference="skcnn")
        for part, columns in ((peaks, of_peak), (growths, of_growth))
    ]
    return "\n\n".join(filter(None, parts))


def main() -> None:
    parser = options(__doc__, rounds=3, images=0)
    parser.add_argument("--fits", type=int, default=100, help="of skcnn")
    parser.add_argument(
        "--other-fits", type=int, default=30, help="of Keras and of SciKeras"
    )
    parser.add_argument("--only", choices=["peak", "growth"], help="one of the tables")
    args = parse(parser, images=500, fits=8, other_fits=2)
    study = Study(__file__, args)
    if args.only != "growth":
        setup = {"data": "digits" if args.quick else "cifar10", "n_images": args.images}
        study.rounds(PARTICIPANTS, args.rounds, what="peak", **setup)
    if args.only != "peak":
        setup = {"n_fits": args.fits, "n_other_fits": args.other_fits}
        study.rounds(PARTICIPANTS, args.rounds, what="growth", **setup)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, job)
