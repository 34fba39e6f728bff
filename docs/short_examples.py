"""Examples on few images and for few epochs: what CI runs, and what is never published.

The examples themselves know nothing of this. `python docs/short_examples.py FILE` runs
one of them in this way; docs/conf.py says when Sphinx does.
"""

import functools
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from skcnn import datasets
from skcnn._estimator.base import BaseCNNClassifier

# How many images a loader returns, as (training images, test images), and for how many
# epochs a classifier trains at most.
N_IMAGES = {
    "load_digit_images": (1000, 1000),
    "fetch_mnist": (600, 300),
    "fetch_cifar10": (600, 300),
}
N_EPOCHS = 2

# The sections of the gallery, and the order of the examples in it.
INDEX = Path(__file__).parent.parent / "examples" / "index.rst"


def shorten(gallery: Any = None, example: Any = None) -> None:
    """Let loaders return few images and fits stop after few epochs, from now on.

    The arguments are those of sphinx-gallery, which calls this before each example.
    """
    for name, sizes in N_IMAGES.items():
        load = getattr(datasets, name)
        if not hasattr(load, "_shortened"):
            setattr(datasets, name, few_images(load, *sizes))
    if not hasattr(BaseCNNClassifier.fit, "_shortened"):
        BaseCNNClassifier.fit = few_epochs(BaseCNNClassifier.fit)


def few_images(load: Callable, n_train: int, n_test: int) -> Callable:
    """Return a loader that returns the first images of those that `load` returns."""

    @functools.wraps(load)
    def load_few(*, subset: str = "train", **options: Any) -> Any:
        n = n_test if subset == "test" else n_train
        given = {"subset": subset} if load.__name__ != "load_digit_images" else {}
        found = load(**given, **options)
        if isinstance(found, tuple):
            return tuple(part[:n] for part in found)
        for key in ("data", "images", "target"):
            found[key] = found[key][:n]
        return found

    load_few._shortened = True  # type: ignore[attr-defined]
    return load_few


def few_epochs(fit: Callable) -> Callable:
    """Return a method `fit` that trains for at most `N_EPOCHS` epochs."""

    @functools.wraps(fit)
    def fit_briefly(self: Any, *args: Any, **kwargs: Any) -> Any:
        epochs = self.epochs
        self.epochs = N_EPOCHS if epochs == "auto" else min(epochs, N_EPOCHS)
        try:
            return fit(self, *args, **kwargs)
        finally:
            self.epochs = epochs

    fit_briefly._shortened = True  # type: ignore[attr-defined]
    return fit_briefly


def place(path: str) -> int:
    """Return where in the gallery an example stands, to sort by."""
    return INDEX.read_text(encoding="utf-8").index(Path(path).name)


if __name__ == "__main__":
    shorten()
    runpy.run_path(sys.argv[1], run_name="__main__")
