"""Training on a mapped file, with memory for a quarter of it, against in memory.

    SKCNN_DATA=/path/to/data python benchmarks/larger_than_memory.py
        [--data mnist|cifar10] [--times 10] [--preset fast] [--pairs 3] [--folder DIR]

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
"""

import argparse
import ctypes
import hashlib
import mmap
import os
import resource
import tempfile
import threading
import time

import numpy as np
from measuring import (
    note,
    print_comparison,
    run_job,
    run_script,
    shuffled,
    spread,
    timed,
    versions_line,
)

from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.datasets import fetch_cifar10, fetch_mnist

DATA = {
    "mnist": (fetch_mnist, MNISTCNNClassifier),
    "cifar10": (fetch_cifar10, CIFARCNNClassifier),
}
PARTICIPANTS = ("in memory", "mapped", "mapped, small cache")
SMALL = 5000
EVERY = 0.05  # seconds between two looks at the memory


def status_mb(name):
    """Return a figure of /proc/self/status, such as RssAnon, in MB."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
    raise LookupError(name)


def read_mb():
    """Return how many MB this process had read from the disk."""
    with open("/proc/self/io") as file:
        for line in file:
            if line.startswith("read_bytes:"):
                return int(line.split()[1]) / 2**20
    raise LookupError("read_bytes")


class PageCache:
    """What of a file is in the system's page cache."""

    def __init__(self, path, images):
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

    def look(self):
        """Return how much of it is there, in MB."""
        if ctypes.CDLL(None, use_errno=True).mincore(*self._arguments):
            raise OSError(ctypes.get_errno(), "mincore")
        there = self._is_there & 1 == 1
        self._since[there & (self._since == 0)] = time.perf_counter()
        self._since[~there] = 0
        return np.count_nonzero(there) * mmap.PAGESIZE / 2**20

    def shrink(self, most_mb):
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

    def __init__(self, cache=None, most_mb=None):
        self.anonymous_mb = self.cache_mb = 0.0
        self._cache, self._most_mb = cache, most_mb
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._over.wait(EVERY):
            self.anonymous_mb = max(self.anonymous_mb, status_mb("RssAnon"))
            if self._most_mb is not None:
                there = self._cache.look()
                self.cache_mb = max(self.cache_mb, there)
                if there > self._most_mb:
                    self._cache.shrink(self._most_mb * 0.9)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()


def job(participant, data, path, preset):
    """Train once, and return what it took and what came of it."""
    fetch, kind = DATA[data]
    test = fetch(subset="test")
    y = fetch(subset="train").target
    X = np.load(path, mmap_mode="r")
    y = np.resize(y, len(X))

    def make():
        return kind.from_preset(preset, epochs=1, random_state=0)

    # With the batches of the whole, so that TensorFlow takes its working memory now.
    n_small = min(SMALL, len(X))
    sizes = {"batch_size": batch_size(make(), len(X))}
    make().set_params(**sizes).fit(np.array(X[:n_small]), y[:n_small])
    quarter = X.nbytes // 4
    most_mb = cache = None
    if participant.startswith("in memory"):
        if participant != "in memory":
            limit_memory(quarter)
        try:
            X = np.array(X)
        except MemoryError:
            return {"memory_error": True}
    else:
        limit_memory(quarter)
    if participant == "mapped, small cache":
        cache = PageCache(path, X)
        cache.look()
        cache.shrink(0)
        most_mb = quarter / 2**20
    before, read = status_mb("RssAnon"), read_mb()
    clf = make().set_params(**sizes)
    with Watch(cache, most_mb) as watch:
        _, seconds = timed(lambda: clf.fit(X, y))
    read = read_mb() - read
    # Predictions on a batch of 512 need more than a training step; they are no part.
    limit_memory(None)
    digest = hashlib.sha256()
    for weight in clf.keras_classifier_.state_.weights:
        digest.update(np.ascontiguousarray(weight).data)
    return seconds | {
        "anonymous_mb": watch.anonymous_mb - before,
        "cache_mb": watch.cache_mb,
        "read_mb": read,
        "accuracy": 100 * clf.score(test.images, test.target),
        "weights": digest.hexdigest(),
    }


def batch_size(clf, n_images):
    """Return the images a step that `fit` would choose for so many of them."""
    size = clf.batch_size
    if size == "auto":
        size = int(np.clip(n_images // 64, 32, type(clf)._largest_auto_batch_size))
    return size


def limit_memory(more):
    """Let this process have no more for itself than it has and `more` bytes, or any."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limit = hard if more is None else int(status_mb("VmData") * 2**20) + more
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def write_images(data, times, path):
    """Write the training images, repeated; return the size in MB."""
    images = DATA[data][0](subset="train").images
    shape = (times * len(images), *images.shape[1:])
    file = np.lib.format.open_memmap(path, "w+", images.dtype, shape)
    for start in range(0, len(file), len(images)):
        file[start : start + len(images)] = images
    file.flush()
    return file.nbytes / 2**20


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", choices=list(DATA), default="mnist")
    parser.add_argument("--times", type=int, default=10, help="how often repeated")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--pairs", type=int, default=3, help="rounds")
    parser.add_argument("--folder", default=tempfile.gettempdir())
    parser.add_argument("--quick", action="store_true", help="tiny, to try the script")
    args = parser.parse_args()
    if args.quick:
        args.times, args.pairs = 6, 1

    print(versions_line(), end="\n\n")
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        path = os.path.join(folder, "images.npy")
        size_mb = write_images(args.data, args.times, path)
        note(f"{size_mb:.0f} MB written")
        job_of = {"data": args.data, "path": path, "preset": args.preset}
        refused = run_job(__file__, participant="in memory, limited", **job_of)
        runs = {name: [] for name in PARTICIPANTS}
        for i in range(args.pairs):
            for name in shuffled(PARTICIPANTS, i):
                time.sleep(1)
                runs[name].append(run_job(__file__, participant=name, **job_of))
    assert refused == {"memory_error": True}, refused
    assert len({run["weights"] for of in runs.values() for run in of}) == 1
    print(
        f"One epoch of {args.data}'s training images, {args.times} times, "
        f"{size_mb:.0f} MB as uint8, preset {args.preset!r}; limit {size_mb / 4:.0f} "
        "MB. Under the limit, reading all of it into memory is a MemoryError."
    )

    def cell(key):
        return lambda of_name: spread([run[key] for run in of_name])

    print_comparison(
        runs,
        "in memory",
        MB_for_itself=cell("anonymous_mb"),
        MB_in_the_cache=lambda of_name: (
            cell("cache_mb")(of_name) if of_name[0]["cache_mb"] else ""
        ),
        MB_read=cell("read_mb"),
        accuracy=lambda of_name: f"{of_name[0]['accuracy']:.2f} %",
    )


if __name__ == "__main__":
    run_script(main, job)
