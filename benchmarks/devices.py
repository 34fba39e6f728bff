"""Work out on paper how training on several devices scales; nothing is timed.

    python benchmarks/devices.py [--batch-size 500] [--share 0.5] [--latency 20]

The network is that of CIFAR-10's preset "accurate", at the full size of the images. A
step on p devices takes

    operations / (p * share * peak)  +  2 * (p - 1) / p * bytes / bandwidth
    + reductions * latency

where operations are those of its convolutions and dense layers (a multiplication and
an addition are two, and the way back is twice the way there), bytes are those of the
gradients, which a ring of devices adds up, and reductions are these, one, those of the
sums of loss and hits, one, and four for each batch normalisation: its mean and
variance, there and back. Peak and bandwidth are NVIDIA's for an H100 SXM5, without
sparsity; `--share` of the peak and `--latency` in microseconds are assumptions.
"""

import argparse

import numpy as np

from skcnn import CIFARCNNClassifier

# Operations a second.
PEAKS = {"float32": 67e12, "TF32": 495e12}

# Bytes a second, in one direction.
LINKS = {"NVLink": 450e9, "PCIe 5.0 x16": 64e9}


def network():
    """Return forward operations an image, trained weights and normalisations."""
    images = np.random.RandomState(0).randint(256, size=(20, 32, 32, 3), dtype=np.uint8)
    clf = CIFARCNNClassifier.from_preset("accurate", epochs=1)
    model = clf.fit(images, np.arange(20) % 10).model_
    operations = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            positions = np.prod(layer.output.shape[1:-1], dtype=int)
            operations += 2 * positions * np.prod(layer.kernel.shape)
    n_weights = sum(np.prod(v.shape) for v in model.trainable_variables)
    normalized = [
        layer.name
        for layer in model.layers
        if hasattr(layer, "moving_mean") and layer.trainable
    ]
    return operations, n_weights, len(normalized)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--batch-size", type=int, default=500)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--latency", type=float, default=20)
    arguments = parser.parse_args()
    operations, n_weights, n_normalizations = network()
    operations *= 3 * arguments.batch_size
    reductions = 2 + 4 * n_normalizations
    print(
        f"{operations / 1e9:.0f} billion operations a step of {arguments.batch_size} "
        f"images, {n_weights:,} weights ({4 * n_weights / 1e6:.1f} MB), "
        f"{reductions} reductions"
    )
    waiting = reductions * arguments.latency * 1e-6
    for precision, peak in PEAKS.items():
        one = operations / (arguments.share * peak)
        for link, bandwidth in LINKS.items():
            print(f"\n{precision}, {link}: {one * 1e3:.2f} ms on one device")
            for p in (2, 4, 8):
                sending = 2 * (p - 1) / p * 4 * n_weights / bandwidth
                several = one / p + sending + waiting
                print(
                    f"{p} devices: {several * 1e3:.2f} ms, {one / several:.1f} x "
                    f"(gradients {sending * 1e3:.2f} ms, waiting {waiting * 1e3:.2f})"
                )


if __name__ == "__main__":
    main()
