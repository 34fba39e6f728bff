"""Test accuracy of the presets and of the defaults, mean of some seeds.

    SKCNN_DATA=/path/to/data python benchmarks/accuracy.py mnist cifar10 --seeds 3

trains each of them on the whole training set, scores it once on the whole test set and
prints a table. `--preset` picks one; "default" means the constructor's defaults.
`--log FILE` appends one JSON line a training, so that an interrupted run keeps what it
has done, and a repeated one skips it.
"""

import argparse
import json
import os
import platform
import resource
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

import skcnn
from skcnn import CIFARCNNClassifier, MNISTCNNClassifier
from skcnn.datasets import fetch_cifar10, fetch_mnist

DATASETS = {
    "mnist": (fetch_mnist, MNISTCNNClassifier),
    "cifar10": (fetch_cifar10, CIFARCNNClassifier),
}


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def train(dataset, preset, seed):
    fetch, classifier = DATASETS[dataset]
    train, test = fetch(subset="train"), fetch(subset="test")
    options = {"random_state": seed, "verbose": True}
    if preset == "default":
        clf = classifier(**options)
    else:
        clf = classifier.from_preset(preset, **options)
    cpu, wall = cpu_seconds(), time.perf_counter()
    clf.fit(train.images, train.target)
    seconds = {
        "cpu_s": round(cpu_seconds() - cpu, 1),
        "wall_s": round(time.perf_counter() - wall, 1),
    }
    accuracy = clf.score(test.images, test.target)
    return {"accuracy": accuracy, "epochs": clf.n_iter_, **seconds}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", nargs="+", choices=DATASETS)
    parser.add_argument("--preset", action="append", help="default: all of them")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--log", type=Path)
    args = parser.parse_args()

    done = {}
    if args.log and args.log.exists():
        for line in args.log.read_text().splitlines():
            run = json.loads(line)
            done[run["dataset"], run["preset"], run["seed"]] = run
    rows = []
    for dataset in args.dataset:
        presets = args.preset or [*DATASETS[dataset][1].presets, "default"]
        for preset in presets:
            runs = []
            for seed in range(args.seeds):
                key = dataset, preset, seed
                if key not in done:
                    done[key] = {"dataset": dataset, "preset": preset, "seed": seed}
                    done[key] |= train(*key)
                    if args.log:
                        with args.log.open("a") as file:
                            print(json.dumps(done[key]), file=file)
                runs.append(done[key])
            rows.append((dataset, preset, runs))

    import sklearn
    import tensorflow

    print(
        f"\nskcnn {skcnn.__version__}, scikit-learn {sklearn.__version__}, tensorflow "
        f"{tensorflow.__version__}, Python {platform.python_version()}, "
        f"{os.cpu_count()} CPUs ({platform.machine()}), {time.strftime('%Y-%m-%d')}\n"
    )
    print("| data | preset | n | test accuracy, mean (min to max) | epochs | CPU s |")
    print("|---|---|---|---|---|---|")
    for dataset, preset, runs in rows:
        accuracy = 100 * np.array([run["accuracy"] for run in runs])
        cpu = np.mean([run["cpu_s"] for run in runs])
        print(
            f"| {dataset} | {preset} | {len(runs)} | {accuracy.mean():.2f} % "
            f"({accuracy.min():.2f} to {accuracy.max():.2f}) | {runs[0]['epochs']} | "
            f"{cpu:.0f} |"
        )


if __name__ == "__main__":
    main()
