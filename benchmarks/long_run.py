"""Tell whether a process that lives long grows or slows down.

Fits and predicts many times and prints memory and speed at the start and the end.

    python benchmarks/long_run.py --fits 500 --predictions 100000
"""

import argparse
import resource
import time

import numpy as np

from skcnn import MNISTCNNClassifier
from skcnn.datasets import load_digit_images

WARM_UP = 20


def resident_mb():
    """Return the memory that the process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def measure(name, n, call):
    """Call many times; print memory and the time of a call in ten parts of the run."""
    for i in range(WARM_UP):
        call(i)
    before = resident_mb()
    parts = []
    for part in np.array_split(np.arange(n), 10):
        start = time.process_time()
        for i in part:
            call(int(i))
        parts.append((time.process_time() - start) / len(part))
    first, last = 1000 * parts[0], 1000 * parts[-1]
    print(
        f"{name}: {n:,} times, memory {before:.0f} MB -> {resident_mb():.0f} MB; CPU "
        f"ms each, first tenth {first:.2f}, last {last:.2f}, ratio {last / first:.2f}"
    )


def main():
    """Run as described above."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fits", type=int, default=500)
    parser.add_argument("--predictions", type=int, default=100_000)
    options = parser.parse_args()
    X, y = load_digit_images(return_X_y=True)
    X, y = X[:400], y[:400]

    def fit(i):
        MNISTCNNClassifier(epochs=1, random_state=i).fit(X, y)

    measure("fit", options.fits, fit)
    clf = MNISTCNNClassifier(epochs=1, random_state=0).fit(X, y)
    measure(
        "predict one image",
        options.predictions,
        lambda i: clf.predict(X[i % 400 :][:1]),
    )


if __name__ == "__main__":
    main()
