"""Exported models beside the estimator: the same answers, and how fast.

    SKCNN_DATA=/path/to/data python benchmarks/export.py [mnist cifar10] [--rounds 5]

trains the preset "fast" on MNIST and on CIFAR-10, behind an `ImageScaler` in a pipeline
for the latter, exports both as a SavedModel and, where the extra `onnx` is installed,
as ONNX, and compares the answers on the whole test set: how many labels differ, and the
largest difference of a probability. Then the time of one image (the median call of each
round) and of all test images: `predict` of the estimator, the SavedModel's signature,
and onnxruntime with its own choice of threads. skcnn gets all test images at once and
cuts them into batches itself; the exported models get batches as large as skcnn's. Each
round has a process of its own, in which all take turns in random order.
"""

import importlib.util
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import plain_networks
from measuring import Line, Study, note, options, parse, run_script, shuffled, timed
from plain_networks import DATA, REAL_DATA
from prediction import Functions, median_call
from rendering import comparison, grouped, listing, median, times

from skcnn._training.loop import prediction_batch

OURS, SAVED, ONNX = "skcnn", "SavedModel", "ONNX, onnxruntime"
CALLS = 60
PACKAGES = ("onnx", "onnxruntime", "tf2onnx")

# From images to labels and probabilities.
Function = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def estimator(data: str, seed: int) -> Any:
    """Return what is trained on a data set."""
    from sklearn.pipeline import make_pipeline

    from skcnn.preprocessing import ImageScaler

    clf = plain_networks.preset(data, "fast", dtype="float32", random_state=seed)
    if data == "cifar10":
        return make_pipeline(ImageScaler(mode="standard"), clf)
    return clf


def saved_model(fitted: Any, folder: Path) -> Function:
    """Export as a SavedModel, and return its signature as a function."""
    import tensorflow as tf

    from skcnn.export import to_saved_model

    to_saved_model(fitted, folder / "saved")
    # The signature lives as long as the model does.
    saved = tf.saved_model.load(folder / "saved")

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        serve = saved.signatures["serving_default"]
        answer = serve(images=tf.constant(images))
        return answer["labels"].numpy(), answer["probabilities"].numpy()

    return run


def onnx(fitted: Any, folder: Path) -> Function:
    """Export as ONNX, and return what onnxruntime makes of it as a function."""
    import onnxruntime

    from skcnn.export import to_onnx

    to_onnx(fitted, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    return lambda images: session.run(["labels", "probabilities"], {"images": images})


def in_batches(function: Function, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both answers for all images."""
    size = prediction_batch(images.shape[1:])
    parts = [
        function(images[start : start + size]) for start in range(0, len(images), size)
    ]
    labels, probabilities = (np.concatenate(x) for x in zip(*parts, strict=True))
    return labels, probabilities


def export(seed: int, data: str, n_images: int, n_calls: int) -> list[Line]:
    """Train and export once, and let all predict."""
    plain_networks.start_tensorflow()
    X, y = plain_networks.load_images(data, n_images)
    X_test, y_test = plain_networks.load_images(data, subset="test")
    fitted = estimator(data, seed).fit(X, y)
    labels, probabilities = fitted.predict(X_test), fitted.predict_proba(X_test)
    exporters = {SAVED: saved_model}
    if all(importlib.util.find_spec(name) for name in PACKAGES):
        exporters[ONNX] = onnx
    title = DATA[data].title
    image = X_test[:1]
    one: Functions = {OURS: lambda: fitted.predict(image)}
    many: Functions = {OURS: lambda: fitted.predict(X_test)}
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for way, exporter in exporters.items():
            function = exporter(fitted, Path(folder))
            other_labels, others = in_batches(function, X_test)
            found.append(
                {
                    "case": f"{title}: answers for {len(X_test):,} images",
                    "participant": way,
                    "accuracy": float((other_labels == y_test).mean()),
                    "other_labels": int((other_labels != labels).sum()),
                    "difference": float(abs(others - probabilities).max()),
                }
            )
            one[way] = partial(function, image)
            many[way] = partial(in_batches, function, X_test)
        for call in one.values():
            median_call(call, 2)  # traces
        for way in shuffled(one, seed):
            run = median_call(one[way], n_calls)
            found.append({"case": f"{title}: one image", "participant": way, **run})
        for way in shuffled(many, seed):
            _, run = timed(many[way])
            run["images_a_second"] = len(X_test) / run["wall_s"]
            case = f"{title}: {len(X_test):,} images"
            found.append({"case": case, "participant": way, **run})
    return found


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    of_answers = [
        listing("other labels than skcnn", "other_labels"),
        median("largest difference of a probability", "difference"),
    ]
    parts = []
    for case, of_case in grouped(lines, "case").items():
        if "difference" in of_case[0]:
            columns = of_answers
        elif case.endswith(": one image"):
            columns = times(OURS, "ms")
        else:
            columns = [*times(OURS), median("images a second", "images_a_second")]
        order = (OURS, SAVED, ONNX)
        parts.append(comparison(of_case, columns, order=order, reference=OURS))
    return "\n\n".join(parts)


def main() -> None:
    args = parse(options(__doc__, rounds=5, data=REAL_DATA, images=0))
    if not all(importlib.util.find_spec(name) for name in PACKAGES):
        note("without ONNX: it needs the packages of the extra onnx")
    study = Study(__file__, args, PACKAGES)
    calls = 5 if args.quick else CALLS
    for seed in range(args.rounds):
        for data in args.data:
            study.run(seed=seed, data=data, n_images=args.images, n_calls=calls)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, export)
