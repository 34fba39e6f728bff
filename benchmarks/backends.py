"""Time that training and prediction take on TensorFlow, JAX and PyTorch, and accuracy.

    SKCNN_DATA=/path/to/data python benchmarks/backends.py [--rounds 3] [--images 0]
        [--network cifar10 defaults]

Participants are those of Keras's backends that are installed; networks are MNIST's
classic one and both presets "fast", or those that `--network` names. A backend that
sees a GPU trains on it, and the title of its table names the GPU. Every measurement has
a process of its own, in which the backend is started and the uint8 images are loaded
before the clock starts. Then come "first fit", which traces and compiles where the
backend does; "training alone", the same fit again; and "prediction" of the test images,
the second time. Each round measures all of them once, in random order. The accuracy is
that on all test images after training on `--images` of the training images.

Run it on a quiet machine: PyTorch's threads wait for each other in busy loops.
"""

import importlib.util
import os

import plain_networks
from measuring import Line, Study, note, options, parse, run_script, timed
from plain_networks import DATA
from rendering import comparison, percent, times

BACKENDS = ("tensorflow", "jax", "torch")
NETWORKS = (("mnist", "classic"), ("mnist", "fast"), ("cifar10", "fast"))


def train_and_predict(
    participant: str, seed: int, data: str, preset: str, n_images: int
) -> list[Line]:
    """Return what fits and predictions took in this process, and the accuracy."""
    os.environ["KERAS_BACKEND"] = participant
    import keras

    keras.ops.convert_to_numpy(keras.ops.ones(1) + 1)
    X, y = plain_networks.load_images(data, n_images)
    X_test, y_test = plain_networks.load_images(data, subset="test")
    # The other presets train for one epoch or two anyway.
    overrides = {"epochs": 1} if preset == "classic" else {}
    clf = plain_networks.preset(data, preset, random_state=seed, **overrides)
    found = {}
    _, found["first fit"] = timed(lambda: clf.fit(X, y))
    _, found["training alone"] = timed(lambda: clf.fit(X, y))
    accuracy = float(clf.score(X_test, y_test))
    _, found["prediction"] = timed(lambda: clf.predict(X_test))
    title = f"{DATA[data].title} {preset}, {len(X):,} training images{_gpu()}"
    return [
        {"case": f"{title}: {part}", "accuracy": accuracy, **seconds}
        for part, seconds in found.items()
    ]


def _gpu() -> str:
    """Return on which GPU the backend computes, as the end of a title, if on any."""
    import keras

    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        found = [torch.cuda.get_device_name()] if torch.cuda.is_available() else []
    elif backend == "jax":
        import jax

        devices = (device for device in jax.devices() if device.platform == "gpu")
        found = [device.device_kind for device in devices]
    else:
        import tensorflow as tf

        found = [device.name for device in tf.config.list_physical_devices("GPU")]
    return f", {found[0]}" if found else ""


def tables(lines: list[Line]) -> str:
    """Return the tables of some lines."""
    columns = [*times("tensorflow"), percent("accuracy, %")]
    return comparison(lines, columns, order=BACKENDS, reference="tensorflow")


def main() -> None:
    parser = options(__doc__, rounds=3, images=0)
    parser.add_argument(
        "--network",
        nargs=2,
        action="append",
        metavar=("DATA", "PRESET"),
        help="can be repeated; the preset may be `defaults`",
    )
    args = parse(parser)
    backends = [name for name in BACKENDS if importlib.util.find_spec(name)]
    note(f"Backends: {', '.join(backends)}")
    if args.quick:  # one that compiles, one that does not; JAX takes long to start
        backends = [name for name in backends if name != "jax"]
    study = Study(__file__, args, ("jax", "torch"), always_apart=True)
    networks = [("digits", "fast")] if args.quick else args.network or NETWORKS
    for data, preset in networks:
        setup = {"data": data, "preset": preset, "n_images": args.images}
        study.rounds(backends, args.rounds, **setup)
    study.show(tables)


if __name__ == "__main__":
    run_script(main, train_and_predict)
