"""Training on a mapped file, with memory for a quarter of it, against in memory.

    SKCNN_DATA=/path/to/data python benchmarks/larger_than_memory.py [mnist]
        [--times 10] [--preset fast] [--rounds 3] [--folder DIR]

writes the training images of MNIST (or CIFAR-10), repeated, to an .npy file in the
folder, and trains on it for one epoch:

- in memory: all of it read into an array beforehand, no limit;
- mapped: ``numpy.load(mmap_mode="r")``, with RLIMIT_DATA at what the process has for
  itself after a fit of 5,000 images and a quarter of the file;
- mapped, small cache: the same, and the file begins outside the system's page cache,
  from which a thread throws what has been there for longest whenever more than a
  quarter of it is there, as a system short of memory does. Its work counts.

The folder has to be on a real disk. Time is that of `fit` alone, the network compiled.
MB for itself: by how much the anonymous resident memory grew at its peak. MB read: from
the disk. Every measurement has a process of its own; each round measures all
participants once, in random order. All arrive at the same weights, or the script fails.
Under the limit, reading all of the file into memory has to be a MemoryError.
"""

import ctypes
import hashlib
import mmap
import os
import resource
import tempfile
import threading
import time
from typing import Any

import numpy as np
import plain_networks
from measuring import (
    Line,
    Study,
    note,
    options,
    parse,
    run_jobs,
    run_script,
    status_mb,
    timed,
)
from plain_networks import DATA
from rendering import comparison, grouped, median, percent, times

MEMORY, LIMITED = "in memory", "in memory, limited"
PARTICIPANTS = (MEMORY, "mapped", "mapped, small cache")
SMALL = 5000
TINY: dict[bool, Line] = {
    False: {},
    True: {
        "filters": 2,
        "kernel_size": 3,
        "pool_size": 4,
        "dense_units": (),
        "batch_size": 32,
    },
}
EVERY = 0.05  # seconds between two looks at the memory


def read_mb() -> float:
    """Return how many MB this process had read from the disk."""
    with open("/proc/self/io") as file:
        for line in file:
            if line.startswith("read_bytes:"):
                return int(line.split()[1]) / 2**20
    raise LookupError("/proc/self/io has no read_bytes.")


class PageCache:
    """What of a file is in the system's page cache."""

    def __init__(self, path: str, images: Any) -> None:
        self._file = open(path, "rb")  # noqa: SIM115
        self._mapping = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        start = np.frombuffer(self._mapping, np.uint8).ctypes.data
        n_pages = -(-len(self._mapping) // mmap.PAGESIZE)
        self._is_there = np.zeros(n_pages, np.uint8)
        self._since = np.zeros(n_pages)
        self._arguments = (
            ctypes.c_void_p(start),
            ctypes.c_size_t(len(self._mapping)),
            ctypes.c_void_p(self._is_there.ctypes.data),
        )
        while not isinstance(images, mmap.mmap):
            images = images.base
        self._used = images

    def look(self) -> float:
        """Return how much of it is there, in MB."""
        if ctypes.CDLL(None, use_errno=True).mincore(*self._arguments):
            raise OSError(ctypes.get_errno(), "mincore")
        there = self._is_there & 1 == 1
        self._since[there & (self._since == 0)] = time.perf_counter()
        self._since[~there] = 0
        return np.count_nonzero(there) * mmap.PAGESIZE / 2**20

    def shrink(self, most_mb: float) -> None:
        """Throw out what the last look found to be there for longest."""
        there = np.flatnonzero(self._is_there & 1)
        n_thrown = len(there) - int(most_mb * 2**20) // mmap.PAGESIZE
        if n_thrown <= 0:
            return
        # What was read since that look stays: a system throws out what is old.
        oldest = np.argsort(self._since[there], kind="stable")[:n_thrown]
        thrown = np.sort(there[oldest])
        # What a process has mapped stays, so it is unmapped; the next touch maps it.
        self._used.madvise(mmap.MADV_DONTNEED)
        gaps = np.flatnonzero(np.diff(thrown) > 1)
        begins = np.append(thrown[:1], thrown[gaps + 1]) * mmap.PAGESIZE
        ends = (np.append(thrown[gaps], thrown[-1:]) + 1) * mmap.PAGESIZE
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            os.posix_fadvise(
                self._file.fileno(), begin, end - begin, os.POSIX_FADV_DONTNEED
            )


class Watch:
    """Looks at the memory while something runs, and keeps the page cache small."""

    def __init__(self, cache: PageCache | None = None, most_mb: float = 0) -> None:
        self.anonymous_mb = self.cache_mb = 0.0
        self._cache, self._most_mb = cache, most_mb
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._over.wait(EVERY):
            self.anonymous_mb = max(self.anonymous_mb, status_mb("RssAnon"))
            if self._cache is not None:
                there = self._cache.look()
                self.cache_mb = max(self.cache_mb, there)
                if there > self._most_mb:
                    self._cache.shrink(self._most_mb * 0.9)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def train(
    participant: str, seed: int, data: str, path: str, preset: str, tiny: bool
) -> list[Line]:
    """Train once, and return what it took and what came of it."""
    test, y_test = training_images(data, "test")
    X = np.load(path, mmap_mode="r")
    y = np.resize(training_images(data)[1], len(X))
    size = plain_networks.automatic_batch_size(
        plain_networks.preset(data, preset), len(X)
    )

    def make() -> Any:
        # With the batches of the whole, so that TensorFlow takes its memory early.
        options = {"epochs": 1, "random_state": seed, "batch_size": size}
        return plain_networks.preset(data, preset, **(options | TINY[tiny]))

    n_small = min(SMALL, len(X))
    make().fit(np.array(X[:n_small]), y[:n_small])
    quarter = X.nbytes // 4
    cache = None
    if participant != MEMORY:
        limit_memory(quarter)
    if participant in (MEMORY, LIMITED):
        try:
            X = np.array(X)
        except MemoryError:
            return [{"memory_error": True}]
    if participant == "mapped, small cache":
        cache = PageCache(path, X)
        cache.look()
        cache.shrink(0)
    before, read = status_mb("RssAnon"), read_mb()
    clf = make()
    with Watch(cache, quarter / 2**20) as watch:
        _, seconds = timed(lambda: clf.fit(X, y))
    read = read_mb() - read
    # Predictions on a batch of 512 need more than a training step; they are no part.
    limit_memory(None)
    digest = hashlib.sha256()
    for weight in clf.keras_classifier_.state_.weights:
        digest.update(np.ascontiguousarray(weight).data)
    mb = X.nbytes / 2**20
    case = (
        f"One epoch of {len(X):,} {DATA[data].title} images, {mb:.0f} MB as uint8, "
        f"preset {preset}; limit {mb / 4:.0f} MB"
    )
    return [
        seconds
        | {
            "case": case,
            "anonymous_mb": watch.anonymous_mb - before,
            "cache_mb": watch.cache_mb if cache else None,
            "read_mb": read,
            "accuracy": float(clf.score(test, y_test)),
            "weights": digest.hexdigest(),
        }
    ]


def training_images(data: str, subset: str = "train") -> tuple[np.ndarray, np.ndarray]:
    """Return images and labels; digits made larger, so that few fill a file."""
    X, y = plain_networks.load_images(data, subset=subset)
    if data == "digits":
        X = X.repeat(8, axis=1).repeat(8, axis=2)
    return X, y


def limit_memory(more: int | None) -> None:
    """Let this process have no more for itself than it has and `more` bytes, or any."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = hard if more is None else int(status_mb("VmData") * 2**20) + more
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def write_images(data: str, times: int, path: str) -> None:
    """Write the training images, repeated."""
    images, _ = training_images(data)
    shape = (times * len(images), *images.shape[1:])
    file = np.lib.format.open_memmap(path, "w+", images.dtype, shape)
    for start in range(0, len(file), len(images)):
        file[start : start + len(images)] = images
    file.flush()


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    for of_seed in grouped(lines, "seed").values():
        for case, of_case in grouped(of_seed, "case").items():
            if len(grouped(of_case, "weights")) > 1:
                raise RuntimeError(f"{case}: not all arrived at the same weights.")
    columns = [
        *times(MEMORY),
        median("MB for itself", "anonymous_mb"),
        median("MB in the cache", "cache_mb"),
        median("MB read", "read_mb"),
        percent("accuracy, %"),
    ]
    return comparison(lines, columns, order=PARTICIPANTS, reference=MEMORY)


def main() -> None:
    parser = options(__doc__, rounds=3, data=("mnist", "cifar10"))
    parser.add_argument("--times", type=int, default=10, help="how often repeated")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--folder", default=tempfile.gettempdir())
    args = parse(parser, times=90, preset="classic")
    study = Study(__file__, args, always_apart=True)
    # The last one does all that the second one does, and more.
    names = (MEMORY, PARTICIPANTS[-1]) if args.quick else PARTICIPANTS
    for data in args.data[:1]:
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            path = os.path.join(folder, "images.npy")
            write_images(data, args.times, path)
            note(f"{os.path.getsize(path) / 2**20:.0f} MB written")
            setup = {"data": data, "preset": args.preset, "tiny": args.quick}
            limited = {"participant": LIMITED, "seed": 0, "path": path, **setup}
            if run_jobs(__file__, [limited]) != [[{"memory_error": True}]]:
                raise RuntimeError("All of the file fits into a quarter of its size.")
            study.rounds(names, args.rounds, {"path": path}, **setup)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, train)
