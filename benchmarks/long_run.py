"""Whether a process that lives long grows or slows down.

    python benchmarks/long_run.py [--fits 500] [--predictions 100000]

fits and predicts many times and compares memory and speed at the start and the end. It
needs no data: the images are scikit-learn's digits.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import plain_networks
from measuring import Line, Study, options, parse, run_script, status_mb
from rendering import comparison, listing, median

FIT, PREDICT = "fit", "predict one image"
WARM_UP = 20


def repeat(participant: str, seed: int, n_calls: dict[str, int]) -> list[Line]:
    """Call many times; return memory and the time of a call, at the start and end."""
    n = n_calls[participant]
    X, y = plain_networks.load_images("digits", 400)

    def classifier(seed: int) -> Any:
        return plain_networks.preset("digits", "defaults", epochs=1, random_state=seed)

    call: Callable[[int], Any]
    if participant == FIT:

        def call(i: int) -> Any:
            classifier(seed + i).fit(X, y)

    else:
        clf = classifier(seed).fit(X, y)

        def call(i: int) -> Any:
            clf.predict(X[i % len(X) :][:1])

    for i in range(WARM_UP):
        call(i)
    before = status_mb("VmRSS")
    start = time.perf_counter()
    parts = []
    for part in np.array_split(np.arange(n), 10):
        cpu = time.process_time()
        for i in part:
            call(int(i))
        parts.append((time.process_time() - cpu) / len(part))
    return [
        {
            "case": "One process",
            "wall_s": (time.perf_counter() - start) / n,
            "cpu_s": sum(parts) / 10,
            "n_calls": n,
            "start_mb": before,
            "end_mb": status_mb("VmRSS"),
            "first_s": parts[0],
            "last_s": parts[-1],
            "slowdown": parts[-1] / parts[0],
        }
    ]


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    columns = [
        listing("times", "n_calls"),
        median("MB at the start", "start_mb"),
        median("MB at the end", "end_mb"),
        median("CPU ms each, first tenth", "first_s", 1000),
        median("last tenth", "last_s", 1000),
        median("last / first", "slowdown"),
    ]
    return comparison(lines, columns, order=(FIT, PREDICT))


def main() -> None:
    parser = options(__doc__, rounds=1)
    parser.add_argument("--fits", type=int, default=500)
    parser.add_argument("--predictions", type=int, default=100_000)
    args = parse(parser, fits=20, predictions=200)
    study = Study(__file__, args)
    n_calls = {FIT: args.fits, PREDICT: args.predictions}
    study.rounds((FIT, PREDICT), args.rounds, n_calls=n_calls)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, repeat)
