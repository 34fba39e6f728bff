"""PyTorch: nothing is compiled, and variables are changed in place under a lock."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any
from zlib import crc32

import numpy as np

from skcnn._network.step import Batch, Computation, StepOptions

NAME = "PyTorch"
STATIC_SHAPES = False
OPERATIONS: Mapping[str, Callable[..., Any]] = {}


def precision(dtype: Any) -> AbstractContextManager[Any]:
    """Return a context in which tensors of a dtype can be made: any, here."""
    return nullcontext()


def bound_threads(threads: int) -> None:
    """Do nothing: PyTorch reads ``OMP_NUM_THREADS`` itself."""


def start_devices() -> None:
    """Do nothing: PyTorch writes no notes about devices."""


def has_fast_bfloat16() -> bool:
    """Whether training in bfloat16 is known to be faster: not measured on PyTorch."""
    return False


def uniform(seed: Any, step: Any, name: str, shape: Any) -> Any:
    """Return float32 random numbers in [0, 1), the same for equal arguments."""
    import torch
    from keras import ops

    device = ops.zeros(()).device  # the one that Keras has chosen
    number = _entropy(seed, step, crc32(name.encode()))
    generator = torch.Generator(device).manual_seed(number)
    return torch.rand([int(n) for n in shape], generator=generator, device=device)


def _entropy(*numbers: Any) -> int:
    """Return a seed of 64 bits that follows from some numbers."""
    sequence = np.random.SeedSequence([int(number) for number in numbers])
    return int(sequence.generate_state(1, np.uint64)[0])


def gradients(
    loss_of_batch: Callable[[], tuple[Any, Any]],
    trainable: list[Any],
    others: list[Any],
) -> tuple[list[Any], Any]:
    """Return the gradients of a loss, and what else the function returns."""
    import torch

    with torch.enable_grad():
        loss, rest = loss_of_batch()
    values = [variable.value for variable in trainable]
    # A network of a user's may have weights that it does not use.
    return list(torch.autograd.grad(loss, values, allow_unused=True)), rest


class _Switch:
    """How many threads train, and what cuDNN's switch was before the first began."""

    lock = threading.Lock()
    trainings = 0
    before = False


@contextmanager
def _deterministic_cudnn() -> Iterator[None]:
    """Let cuDNN choose algorithms that add up in the same order each time.

    cuDNN computes convolutions on NVIDIA GPUs. Its default algorithms for gradients may
    differ in the last bits from run to run. The switch applies to the whole process:
    the last training that ends sets it to its former value.
    """
    from torch.backends import cudnn

    with _Switch.lock:
        if _Switch.trainings == 0:
            _Switch.before = cudnn.deterministic
        _Switch.trainings += 1
        cudnn.deterministic = True
    try:
        yield
    finally:
        with _Switch.lock:
            _Switch.trainings -= 1
            if _Switch.trainings == 0:
                cudnn.deterministic = _Switch.before


class Functions:
    """The functions of a network, see :class:`skcnn._network.step.Functions`."""

    def __init__(self, computation: Computation) -> None:
        self._computation = computation
        self._lock = threading.Lock()

    def logits(
        self,
        weights: Sequence[Any],
        images: np.ndarray,
        views: tuple[str, ...],
        further: bool = False,
    ) -> np.ndarray:
        """Return the logits of images, averaged over their (further) views."""
        import torch
        from keras import ops

        with torch.no_grad():
            images = ops.convert_to_tensor(images)
            return ops.convert_to_numpy(
                self._computation.logits(weights, images, views, further)
            )

    def features(self, weights: Sequence[Any], images: np.ndarray) -> np.ndarray:
        """Return the features of images."""
        import torch
        from keras import ops

        with torch.no_grad():
            images = ops.convert_to_tensor(images)
            return ops.convert_to_numpy(self._computation.features(weights, images))

    def train(
        self, values: Sequence[Any], batch: Batch, options: StepOptions
    ) -> tuple[list[Any], float, float]:
        """Train on consecutive batches; return values, sums of loss and correct."""
        import torch
        from keras import ops

        variables = self._computation.variables
        loss_sum = correct_sum = 0.0
        draws = self._computation.LAYERS_DRAW
        fork = torch.random.fork_rng() if draws else nullcontext()
        with self._lock, torch.no_grad(), fork, _deterministic_cudnn():
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
            for i in range(len(options.rates)):
                rows = slice(i * options.batch_size, (i + 1) * options.batch_size)
                if draws:
                    # Keras's dropout draws from PyTorch's global generator.
                    torch.manual_seed(_entropy(options.seed, options.step + i))
                part = Batch(*(ops.convert_to_tensor(array[rows]) for array in batch))
                loss, correct = self._computation.train_on_batch(part, options, i)
                loss_sum += loss.item()
                correct_sum += correct.item()
            trained = [variable.value.detach().clone() for variable in variables]
        return trained, loss_sum, correct_sum
