"""The functions of a network in PyTorch, which compiles nothing."""

from contextlib import nullcontext

import numpy as np

from skcnn._augment import augment_images, image_views, resize_images
from skcnn._backends.forward import forward
from skcnn._optimizers import has_rate_variable

NAME = "PyTorch"


def precision(dtype):
    """Return a context in which tensors of a dtype can be made: any, here."""
    return nullcontext()


def bound_threads(threads):
    """Leave it to PyTorch, which reads ``OMP_NUM_THREADS`` itself."""


def start_devices():
    """Leave it to PyTorch, which writes nothing about it."""


class Functions:
    """The functions of a network and an optimiser.

    Parameters
    ----------
    layers, weights, n_trainable, optimizer, augment, dtype
        As in :mod:`skcnn._backends.tensorflow`.
    """

    static_shapes = False

    def __init__(self, layers, weights, n_trainable, optimizer, augment, dtype):
        self._layers = layers
        self._weights = weights
        self._n_trainable = n_trainable
        self._optimizer = optimizer
        self._augment = augment
        self._dtype = dtype.name

    def logits(self, weights, images, views):
        """Return logits as an array, see :meth:`CompiledNetwork.logits`."""
        import keras
        import torch

        images = keras.ops.convert_to_tensor(images)
        state = list(zip(self._weights, weights, strict=True))
        with torch.no_grad(), keras.StatelessScope(state):
            logits = [
                forward(self._layers, keras.ops.cast(view, self._dtype))
                for view in image_views(images, views)
            ]
        return keras.ops.convert_to_numpy(sum(logits) / len(logits))

    def train(
        self,
        images,
        codes,
        weights,
        mirrored,
        *,
        size,
        rates,
        batch_size,
        dropout,
        smoothing,
        seed,
        step,
    ):
        """Train the variables in place, see :meth:`Session.train`."""
        import torch

        loss_sum = correct_sum = 0.0
        smoothing = float(smoothing)
        with torch.enable_grad():
            for i, rate in enumerate(rates):
                rows = slice(i * batch_size, (i + 1) * batch_size)
                losses, hits = self._step(
                    images[rows],
                    codes[rows],
                    weights[rows],
                    mirrored[rows],
                    size,
                    rate,
                    dropout,
                    smoothing,
                    [seed, step + i],
                )
                loss_sum, correct_sum = loss_sum + losses, correct_sum + hits
        return loss_sum, correct_sum

    def _step(self, images, codes, w, mirrored, size, rate, dropout, smoothing, seed):
        import torch
        from keras import ops

        # PyTorch's own generators are global, or cannot be seeded with two numbers.
        on_host = np.random.default_rng(seed)
        generator = None

        def draw(shape):
            drawn = on_host.uniform(-1, 1, shape).astype(np.float32)
            return ops.convert_to_tensor(drawn)

        def drop(i, x):
            nonlocal generator
            rate = float(dropout[1 if x.ndim == 2 else 0])
            if rate == 0:
                return x
            if generator is None:
                generator = torch.Generator(x.device)
                generator.manual_seed(int(on_host.integers(2**63)))
            kept = torch.empty_like(x).bernoulli_(1 - rate, generator=generator)
            return x * kept / (1 - rate)

        with torch.no_grad():
            arrays = (images, codes, w, mirrored)
            x, y, w, mirrored = map(ops.convert_to_tensor, arrays)
            x = ops.cast(x, self._dtype)
            x = augment_images(x, self._augment, draw, mirrored)
            x = resize_images(x, size)
        logits = forward(self._layers, x, _normalize, drop)
        log_p = torch.log_softmax(logits, dim=1)
        of_class = log_p.gather(1, y[:, None].long())[:, 0]
        losses = -w * ((1 - smoothing) * of_class + smoothing * log_p.mean(dim=1))
        variables = self._weights[: self._n_trainable]
        gradients = torch.autograd.grad(losses.mean(), [v.value for v in variables])
        with torch.no_grad():
            if has_rate_variable(self._optimizer):
                self._optimizer.learning_rate.assign(rate)
            self._optimizer.apply(gradients)
            hits = w * (logits.argmax(dim=1) == y)
            return losses.sum().item(), hits.sum().item()


def _normalize(layer, x):
    """Do what the layer does in training, by one operation where Keras takes many."""
    import torch

    n = x.numel() // x.shape[-1]
    if n == 1:  # which PyTorch refuses
        return layer(x, training=True)
    mean, variance = (
        torch.zeros_like(layer.beta.value, requires_grad=False) for _ in range(2)
    )
    y = torch.nn.functional.batch_norm(
        x.permute(0, 3, 1, 2),
        mean,
        variance,
        bias=layer.beta.value,
        training=True,
        momentum=1.0,
        eps=layer.epsilon,
    )
    # The operation gives the unbiased variance, Keras keeps the biased one.
    variance = variance * ((n - 1) / n)
    for moving, now in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        moving.assign(layer.momentum * moving.value + (1 - layer.momentum) * now)
    return y.permute(0, 2, 3, 1)
