"""The optimizer Muon for convolutions.

The module is imported on first use, because it subclasses an optimizer of Keras.
"""

from typing import Any

import keras

# Where Adam has a learning rate of 0.01, the airbench recipe's kernels have 0.2.
KERNEL_LR_RATIO = 20


@keras.saving.register_keras_serializable(package="skcnn")
class Muon(keras.optimizers.Muon):
    """Muon for the kernels of convolutions, Adam for everything else.

    The update of a kernel, seen as a matrix with a column a filter, is made nearly
    orthogonal [1]_, and the kernel keeps the norm that one with orthonormal columns
    would have [2]_. `keras.optimizers.Muon` does so for dense layers only, and leaves
    kernels of convolutions to Adam.

    Parameters
    ----------
    learning_rate : float, default=0.005
        Learning rate of Adam. An update of a kernel is `KERNEL_LR_RATIO` times as
        large, relative to the kernel, so that a rate that suits Adam suits both.
    momentum : float, default=0.6
        Momentum of the updates of kernels.
    ns_steps : int, default=3
        Newton-Schulz iterations.
    **kwargs : dict
        Further arguments of `keras.optimizers.Muon`.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks",
       2024; https://kellerjordan.github.io/posts/muon/
    .. [2] K. Jordan, cifar10-airbench, ``airbench94_muon.py``, 2024;
       https://github.com/KellerJordan/cifar10-airbench

    Examples
    --------
    >>> from skcnn import CIFARCNNClassifier
    >>> CIFARCNNClassifier(optimizer="muon", learning_rate=0.01).optimizer
    'muon'
    """

    def __init__(
        self,
        learning_rate: float = 0.005,
        momentum: float = 0.6,
        ns_steps: int = 3,
        adam_weight_decay: float | None = None,
        weight_decay: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate=learning_rate,
            momentum=momentum,
            ns_steps=ns_steps,
            adam_weight_decay=adam_weight_decay,
            weight_decay=weight_decay,
            **kwargs,
        )

    def _should_use_adamw(self, variable: Any) -> bool:
        # The only private name of Keras that skcnn relies on.
        return len(variable.shape) != 4

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable."""
        # Keras keeps the learning rate in the user's floatx.
        learning_rate = keras.ops.cast(learning_rate, variable.dtype)
        super().update_step(gradient, variable, learning_rate)
        if not self._should_use_adamw(variable):
            norm = keras.ops.norm(keras.ops.reshape(variable, [-1]))
            self.assign(variable, variable * (variable.shape[-1] ** 0.5 / norm))

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Return the nearly orthogonal matrix nearest to a kernel, as a kernel."""
        matrix = keras.ops.reshape(x, [-1, x.shape[-1]])
        matrix = super().zeropower_via_newtonschulz5(matrix, steps)
        return keras.ops.reshape(matrix, x.shape)

    def lr_adjust(self, x: Any) -> Any:
        """Scale an update for kernels of a fixed norm."""
        return x * KERNEL_LR_RATIO
