"""Fuzz the readers of foreign files, within bounds of memory and time.

    python tests/fuzz.py --seconds 30 --jobs 2    # each parser for half a minute
    python tests/fuzz.py --seconds 600 --parser pickle --seed 1

The script makes small valid files, changes their bytes or their structure, and reads
the result. A case is a finding if anything but a ValueError or OSError is raised, if
its message is long or holds control characters, if it takes more memory than four times
the file and a constant, or more time than a constant and one in proportion to the file,
or if the process dies. Cases run in a child process, many in each. A finding is written
to a file; the exit code is 1 if there is one.

The script is here and not in benchmarks/, since it passes or fails, in CI too.
"""

import argparse
import gzip
import hashlib
import io
import json
import multiprocessing
import os
import pickle
import pickletools
import random
import struct
import sys
import tarfile
import tempfile
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MEMORY_FACTOR, SECONDS_A_MEGABYTE = 4, 2
MOST_OF_A_MESSAGE = 2000
MOST_REPEATED = 2**20  # characters of a list in a changed document


@dataclass(frozen=True)
class Parser:
    """A reader of foreign files.

    Attributes
    ----------
    seeds : callable
        Returns a list of the contents of valid files.
    change : callable
        Takes a random.Random and a seed, and returns the content of another file.
    place : str
        Path of the file relative to a folder of its own.
    read : callable
        Takes that folder.
    memory : int
        How many bytes it may take beside four times the file.
    seconds : float
        How long it may take beside some seconds a megabyte.
    """

    seeds: Callable
    change: Callable
    place: str
    read: Callable
    memory: int = 96 * 2**20
    seconds: float = 5


# Changes of bytes

EDGES = [
    0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**27, 2**31 - 1, 2**31, 2**32 - 1,
    2**62, 2**63 - 1, 2**63, 2**64 - 1,
]  # fmt: skip


def number(rng):
    size = rng.choice([1, 2, 4, 8])
    value = rng.choice(EDGES) % 256**size
    return value.to_bytes(size, rng.choice(["little", "big"]))


def change_bytes(rng, content):
    content = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 3, 8])):
        # More changes at the beginning, where headers are.
        at = int(len(content) * rng.random() ** rng.choice([1, 4]))
        size = int(2 ** rng.uniform(0, 8))
        kind = rng.randrange(6)
        if kind == 0:
            content[at : at + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            value = number(rng)
            content[at : at + len(value)] = value
        elif kind == 2:
            del content[at : at + size]
        elif kind == 3:
            content[at:at] = content[at : at + size] * rng.choice([1, 1, 2, 1000])
        elif kind == 4:
            other = rng.randrange(len(content) + 1)
            content[at : at + size] = content[other : other + size]
        else:
            content[at:at] = rng.randbytes(size)
    if rng.random() < 0.05:
        del content[rng.randrange(len(content) + 1) :]
    return bytes(content)


# NumPy's formats

ARRAYS = [
    np.arange(24, dtype=np.uint8).reshape(2, 3, 4),
    np.asfortranarray(np.ones((3, 2))),
    np.array(["cat", "dög"]),
    np.array([b"ab", b"c"]),
    np.array([True, False]),
    np.array(["2026-01-01"], "M8[D]"),
    np.zeros(10_000, np.float32),
    np.array(7),
]
SIDES = [
    "0", "1", "3", "24", "-1", "3L", "2**9", "9" * 18, "9" * 5000, "", "x", "()",
]  # fmt: skip
DESCRS = [
    "|u1", "<f8", "<U3", "|S0", "<U0", "|O", "|V3", "<M8[D]", "<M8", "<c16", ">U1",
    "|b1", "<f16", "<U1000000000", "i4", "<i4,<i4", "<m8[7s]", "\x1b[31m", "U" * 99,
]  # fmt: skip


def npy(array):
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=True)
    return file.getvalue()


def change_npy(rng, content):
    if rng.random() < 0.5:
        return change_bytes(rng, content)
    shape = ", ".join(rng.choice(SIDES) for _ in range(rng.choice([0, 1, 2, 3, 65])))
    header = (
        f"{{'descr': {rng.choice(DESCRS)!r}, 'fortran_order': "
        f"{rng.choice(['False', 'True', '1', 'None'])}, 'shape': ({shape},), }}\n"
    )
    header = rng.choice([header, header, "-" * 9000 + "1", "(" * 9000, " " * 9000])
    text = header.encode("latin1")[:65535]
    version = rng.choice([1, 1, 2, 3, 9])
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + content[128:]


def npz_seeds():
    seeds = []
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, X=ARRAYS[0], y=ARRAYS[2], z=ARRAYS[6])
        seeds.append(file.getvalue())
    return seeds


def change_npz(rng, content):
    if rng.random() < 0.5:
        return change_bytes(rng, content)
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w") as new:
        for entry in old.infolist():
            array = old.read(entry)
            if rng.random() < 0.4:
                array = change_npy(rng, array)
            method = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
            new.writestr(entry.filename, array, method)
    content = bytearray(file.getvalue())
    if rng.random() < 0.5:
        # A field of the directory.
        start = content.find(b"PK\1\2")
        at, value = start + rng.randrange(4, 46), number(rng)
        content[at : at + len(value)] = value
    return bytes(content)


def read_npz(folder):
    from skcnn._storage.npy import open_npz

    with open_npz(folder / "a.npz") as npz:
        for name in npz.names:
            npz.shape(name)
            repr(npz[name])


def read_npy(folder):
    from skcnn._storage.npy import read_npy

    path = folder / "a.npy"
    with path.open("rb") as file:
        repr(read_npy(file, path.stat().st_size, path))


# Pickles

SNIPPETS = [
    b"(", b")", b"]", b"}", b"0", b"2", b"R", b"b", b"t", b"l", b"d", b"u", b"a", b"s",
    b"e", b"\x85", b"\x86", b"\x87", b"\x93", b"\x94", b"q\0", b"h\0", b"p9999999999\n",
    b"r\xff\xff\xff\x7f", b"j\0\0\0\0", b"g0\n", b"I01\n", b"K\1", b"cnumpy\ndtype\n",
    b"cnumpy\nndarray\n", b"c_codecs\nencode\n", b"\x8a\xff", b"cos\nsystem\n",
    b"X\2\0\0\0u1", b"U\1b", b"N", b"S'\\x00'\n", b"V\\u0100\n", b"\x8e" + b"\xff" * 8,
    b"B\xff\xff\xff\xff", b"L9L\n", b"Fnan\n", b"ios\nsystem\n",
    b"r\0\0\0\0j\0\0\0\0\x86",
]  # fmt: skip


def pickle_seeds():
    batch = {"data": np.zeros((2, 3072), np.uint8), "labels": [3, 7]}
    preprocessed = {}
    for part in ("train", "validation", "test"):
        preprocessed[f"x_{part}"] = np.zeros((2, 3, 4, 4), np.uint8)
        preprocessed[f"y_{part}"] = np.zeros(2, np.uint8)
    other = {"data": ARRAYS[1], "labels": ARRAYS[2], "f": [b"x", "y"], "n": 1.5}
    return [
        pickle.dumps(value, protocol)
        for value in (batch, preprocessed, other)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    ]


def change_pickle(rng, content):
    if rng.random() < 0.3:
        return change_bytes(rng, content)
    starts = [position for _, _, position in pickletools.genops(content)]
    ends = [*starts[1:], len(content)]
    pieces = [content[a:b] for a, b in zip(starts, ends, strict=True)]
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(pieces))
        kind = rng.randrange(5)
        if kind == 0:
            pieces[at] = rng.choice(SNIPPETS)
        elif kind == 1:
            pieces.insert(at, rng.choice(SNIPPETS) * rng.choice([1, 1, 1, 30, 100_000]))
        elif kind == 2:
            pieces.insert(at, rng.choice(pieces))
        elif kind == 3 and len(pieces) > 1:
            del pieces[at]
        else:
            pieces[at] = change_bytes(rng, pieces[at])
    return b"".join(pieces)


def read_pickle(folder):
    from skcnn.datasets import fetch_cifar10, read_cifar10_preprocessed

    with suppress(ValueError):
        read_cifar10_preprocessed(folder / "cifar-10-batches-py" / "test_batch")
    fetch_cifar10(subset="test", data_home=folder, download_if_missing=False)


# tar and IDX


def tar_seeds():
    batch = pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [3]}, 2)
    seeds = []
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=form) as archive:
            if form != tarfile.USTAR_FORMAT:
                archive.addfile(tarfile.TarInfo("n" * 200))
            member = tarfile.TarInfo("cifar-10-batches-py/test_batch")
            member.size, member.mtime = len(batch), 1.5
            archive.addfile(member, io.BytesIO(batch))
        seeds.append(file.getvalue())
    return seeds


def change_tar(rng, content):
    if rng.random() < 0.3:
        return change_bytes(rng, gzip.compress(content, 1, mtime=0))
    blocks = [content[i : i + 512] for i in range(0, len(content), 512)]
    for _ in range(rng.choice([1, 1, 2, 4])):
        at = rng.randrange(min(len(blocks), 12))
        block = bytearray(blocks[at].ljust(512, b"\0"))
        kind = rng.randrange(4)
        if kind == 0:
            block[156:157] = rng.choice(
                [b"0", b"1", b"2", b"5", b"x", b"g", b"L", b"K", b"S"]
            )
        elif kind == 1:
            size = rng.choice([0, 1, 511, 2**16, 2**20, 2**30, 8**11 - 1])
            block[124:136] = rng.choice(
                [b"%011o\0" % size, b"\xff" * 12, b"\x80" + b"\1" * 11]
            )
        elif kind == 2:
            block = bytearray(change_bytes(rng, bytes(block))[:512].ljust(512, b"\0"))
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        blocks[at : at + (kind != 3)] = [bytes(block)] * rng.choice([1, 1, 1, 2, 2000])
    return gzip.compress(b"".join(blocks), 1, mtime=0)


def read_tar(folder):
    from skcnn.datasets import fetch_cifar10

    fetch_cifar10(subset="test", data_home=folder, download_if_missing=False)


def idx_seeds():
    return [struct.pack(">4I", 0x0803, n, 28, 28) + bytes(n * 784) for n in (1, 5)]


def change_idx(rng, content):
    if rng.random() < 0.7:
        fields = [*struct.unpack(">4I", content[:16])]
        for _ in range(rng.choice([1, 2])):
            fields[rng.randrange(4)] = rng.choice(EDGES) % 2**32
        content = struct.pack(">4I", *fields) + content[16:] * rng.choice(
            [1, 1, 0, 3000]
        )
    packed = gzip.compress(content, 1, mtime=0)
    return change_bytes(rng, packed) if rng.random() < 0.5 else packed


def read_idx(folder):
    from skcnn.datasets._idx import read_idx

    read_idx(folder / "train-images-idx3-ubyte.gz", (28, 28), max_items=60_000)


# Tables and images

CELLS = [
    "", "0", "255", "-1", "1e400", "nan", "0x10", '"', '""', '"a\nb"', "é", "\0",
    "=1+1", "9" * 400, "label", ",", ",,,,", "\r", "\x1b[31m", "1_0", " 7 ", "٣", "1,2",
    "True",
]  # fmt: skip


def table_seeds():
    rows = [[i % 3, *range(i, i + 4)] for i in range(6)]
    lines = ["label,a,b,c,d", *(",".join(map(str, row)) for row in rows)]
    return [("\n".join(lines) + "\n").encode()]


def change_table(rng, content):
    if rng.random() < 0.3:
        return change_bytes(rng, content)
    rows = [line.split(",") for line in content.decode().splitlines()]
    for _ in range(rng.choice([1, 1, 2, 5])):
        row = rng.choice(rows)
        kind = rng.randrange(4)
        if kind == 0 and row:
            row[rng.randrange(len(row))] = rng.choice(CELLS)
        elif kind == 1:
            row.insert(rng.randrange(len(row) + 1), rng.choice(CELLS))
        elif kind == 2 and row:
            del row[rng.randrange(len(row))]
        else:
            rows += [row] * rng.choice([1, 1, 1000])
    text = rng.choice(["\n", "\n", "\r\n", "\r"]).join(map(",".join, rows))
    return text.encode(rng.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"]))


def read_table(folder):
    from skcnn.datasets import read_table

    read_table(folder / "a.csv")


def image_seeds():
    from PIL import Image

    image = Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3))
    seeds = []
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO"):
        file = io.BytesIO()
        image.save(file, form)
        seeds.append(file.getvalue())
    return seeds


def read_folder(folder):
    from skcnn.datasets import load_image_folder

    load_image_folder(folder / "root")
    load_image_folder(folder / "root", image_shape=(4, 4))


# Models and checkpoints

VALUES = [
    None, True, 0, -1, 2**31, 2**70, 1.5, "", "x" * 10_000, "\x1b[31m", [], {},
    {"array": 0}, {"array": 10**9}, {"tuple": []}, {"dict": []}, {"float": "nan"},
    {"dict": [[[1], 2]]}, {"float": "9" * 5000}, {"scalar": {"array": 0}},
]  # fmt: skip


def trained():
    from sklearn.datasets import load_digits

    from skcnn import MNISTCNNClassifier

    X, y = load_digits(return_X_y=True)
    clf = MNISTCNNClassifier(filters=4, dense_units=8, epochs=1, random_state=0)
    return clf, X[:60].reshape(-1, 8, 8), y[:60]


def model_seeds():
    import skcnn

    clf, X, y = trained()
    with tempfile.TemporaryDirectory() as folder:
        skcnn.save(clf.fit(X, y), Path(folder) / "a")
        return [(Path(folder) / "a").read_bytes()]


def checkpoint_seeds():
    clf, X, y = trained()
    with tempfile.TemporaryDirectory() as folder:
        clf.fit(X, y, checkpoint=Path(folder) / "a")
        return [(Path(folder) / "a").read_bytes()]


def sealed(content):
    """Give an archive the checksum that it needs."""
    content = content[:-64]
    return content + hashlib.sha256(content[:-13]).hexdigest().encode()


def change_archive(rng, content):
    if rng.random() < 0.3:
        return sealed(change_bytes(rng, content[:-77]) + content[-77:])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
        comment = archive.comment
    document = json.loads(entries["skcnn.json"])
    for _ in range(rng.choice([1, 1, 2, 4])):
        if rng.random() < 0.3:
            name = rng.choice([name for name in entries if name != "skcnn.json"])
            entries[name] = change_npy(rng, entries[name])
        else:
            change_tree(rng, document)
    entries["skcnn.json"] = json.dumps(document).encode()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.comment = comment
        for name, entry in entries.items():
            archive.writestr(name, entry)
    return sealed(file.getvalue())


def change_tree(rng, node):
    """Change one value somewhere in a document of JSON."""
    places = []
    queue = [node]
    while queue:
        here = queue.pop()
        keys = list(here) if isinstance(here, dict) else range(len(here))
        places += [(here, key) for key in keys]
        queue += [here[key] for key in keys if isinstance(here[key], (dict, list))]
    parent, key = rng.choice(places)
    other, other_key = rng.choice(places)
    kind = rng.randrange(4)
    if kind == 0:
        parent[key] = json.loads(json.dumps(rng.choice(VALUES)))
    elif kind == 1:
        parent[key] = json.loads(json.dumps(other[other_key]))
    elif kind == 2:
        del parent[key]
    elif isinstance(parent, list):
        times = rng.choice([2, 1000])
        # Repetitions of repetitions would not fit into memory.
        if times * len(json.dumps(parent)) <= MOST_REPEATED:
            parent *= times
    else:
        parent[f"{key}x"] = parent[key]


def read_model(folder):
    import skcnn

    model = skcnn.load(folder / "a.skcnn")
    if hasattr(model, "predict"):
        model.predict(np.zeros((1, 8, 8), np.uint8))


def read_checkpoint(folder):
    clf, X, y = trained()
    clf.fit(X, y, checkpoint=folder / "a.checkpoint")


PARSERS = {
    "npy": Parser(lambda: [*map(npy, ARRAYS)], change_npy, "a.npy", read_npy),
    "npz": Parser(npz_seeds, change_npz, "a.npz", read_npz),
    "pickle": Parser(
        pickle_seeds, change_pickle, "cifar-10-batches-py/test_batch", read_pickle
    ),
    "tar": Parser(tar_seeds, change_tar, "cifar-10-python.tar.gz", read_tar),
    "idx": Parser(idx_seeds, change_idx, "train-images-idx3-ubyte.gz", read_idx),
    "table": Parser(table_seeds, change_table, "a.csv", read_table),
    # A file of some bytes can announce 179 million pixels, the most that Pillow reads.
    "folder": Parser(
        image_seeds, change_bytes, "root/class/image", read_folder, 4 * 2**30, 60
    ),
    "model": Parser(model_seeds, change_archive, "a.skcnn", read_model),
    "checkpoint": Parser(
        checkpoint_seeds, change_archive, "a.checkpoint", read_checkpoint
    ),
}


# Of these, the seeds are what is to be compressed.
GZIPPED = ("tar", "idx")

# Running


def case(parser, seeds, seed, number):
    """Return the content of a file: the same one for the same arguments."""
    rng = random.Random(f"{seed} {number}")
    return parser.change(rng, rng.choice(seeds))


def peak_memory():
    """Return the largest memory of this process since `forget_peak`, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def forget_peak():
    """Begin a new peak of memory, and return the present use of it."""
    # Elsewhere than on Linux, only what is more than ever before is noticed.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak_memory()


def finding(parser, folder, content):
    """Read a file; return what is wrong with how it went, or None."""
    (folder / parser.place).parent.mkdir(parents=True, exist_ok=True)
    (folder / parser.place).write_bytes(content)
    before = forget_peak()
    try:
        parser.read(folder)
    except (ValueError, OSError) as error:
        message = str(error).replace(str(folder), "")
        if len(message) > MOST_OF_A_MESSAGE:
            return f"a message of {len(message)} characters"
        if not message.replace("\n", "").isprintable():
            return f"control characters in a message: {message!r}"
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(frame.filename).name}:{frame.lineno}"
        return f"{type(error).__name__} in {where}: {str(error)[:200]!r}"
    taken = peak_memory() - before
    if taken > MEMORY_FACTOR * len(content) + parser.memory:
        return f"{taken / 2**20:.0f} MB of memory"
    return None


def work(name, seed, first, connection):
    """Read one case after the other; tell about each before and after."""
    parser = PARSERS[name]
    os.environ["KERAS_HOME"] = os.devnull
    warnings.simplefilter("ignore", UserWarning)
    with tempfile.TemporaryDirectory() as folder:
        seeds = parser.seeds()
        # Imports are neither the time nor the memory of a case.
        path = Path(folder) / parser.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(seeds[0]) if name in GZIPPED else seeds[0])
        parser.read(Path(folder))
        number = first
        while True:
            content = case(parser, seeds, seed, number)
            connection.send((number, len(content), content, None))
            problem = finding(parser, Path(folder), content)
            connection.send((number, len(content), None, problem or ""))
            number += 1


def fuzz(name, seconds, seed, folder):
    """Read cases for some seconds; return their number and the findings.

    Parameters
    ----------
    name : str
        One of PARSERS.
    seconds : float
        How long.
    seed : int
        Of the cases.
    folder : Path
        Where the files of findings are written.

    Returns
    -------
    n_cases : int
    findings : dict of str to Path
        What is wrong, and a file that shows it.
    """
    context = multiprocessing.get_context("spawn")
    findings: dict[str, Path] = {}
    next_number, n_cases, end = 0, 0, None
    while end is None or time.monotonic() < end:
        ours, theirs = context.Pipe()
        child = context.Process(
            target=work, args=(name, seed, next_number, theirs), daemon=True
        )
        child.start()
        theirs.close()
        content, allowed = None, 300.0  # to import TensorFlow and train
        problem = None
        try:
            while end is None or time.monotonic() < end or content is not None:
                if not ours.poll(allowed):
                    problem = f"more than {allowed:.0f} seconds"
                    break
                number, size, sent, problem = ours.recv()
                if sent is not None:
                    content = sent
                    end = end or time.monotonic() + seconds
                    allowed = PARSERS[name].seconds + SECONDS_A_MEGABYTE * size / 2**20
                    next_number = number + 1
                    continue
                n_cases += 1
                if problem:
                    keep(findings, problem, folder / f"{name}-{seed}-{number}", content)
                content, problem = None, None
        except EOFError:
            child.join(10)
            problem = f"the process ended with exit code {child.exitcode}"
            if content is None:
                raise RuntimeError(f"{name}: {problem}") from None
        finally:
            child.kill()
            child.join()
            ours.close()
        if content is not None and problem:
            n_cases += 1
            path = folder / f"{name}-{seed}-{next_number - 1}"
            keep(findings, problem, path, content)
    return n_cases, findings


def keep(findings, problem, path, content):
    """Write the first file that shows a problem."""
    kind = problem.split(":")[0] if " in " in problem else problem.lstrip("0123456789")
    if all(kind not in known for known in findings):
        path.write_bytes(content)
        findings[problem] = path


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=60, help="for each parser")
    options.add_argument("--parser", choices=PARSERS, action="append")
    options.add_argument("--jobs", type=int, default=1, help="parsers at the same time")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()))
    options = options.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)

    def run(name):
        n_cases, findings = fuzz(name, options.seconds, options.seed, options.out)
        lines = [f"{name}: {n_cases} cases, {len(findings)} findings"]
        lines += [f"  {problem}\n    {path}" for problem, path in findings.items()]
        print("\n".join(lines), flush=True)
        return len(findings)

    # Each thread waits for a process of its own.
    with ThreadPoolExecutor(options.jobs) as executor:
        n_findings = sum(executor.map(run, options.parser or PARSERS))
    return min(n_findings, 1)


if __name__ == "__main__":
    sys.exit(main())
