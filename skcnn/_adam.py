"""Adam with one operation a weight.

Imported on first use only, because it subclasses an optimiser of Keras.
"""

import keras
import tensorflow as tf


class FusedAdam(keras.optimizers.Adam):
    """What `keras.optimizers.Adam` computes, by TensorFlow's own operation.

    Keras composes the update of a weight from some thirty operations, which take their
    time in tracing and, where a dense layer is large, pass over it again and again.
    The variables are the same ones in the same order.
    """

    @classmethod
    def of(cls, optimizer):
        """Return the unbuilt equivalent of an optimiser, or the optimiser itself.

        Parameters
        ----------
        optimizer : keras.optimizers.Optimizer
            Left as it is.

        Returns
        -------
        keras.optimizers.Optimizer
            A `FusedAdam` for an `Adam`, but for one with `amsgrad`.
        """
        # Not a subclass, which may compute anything.
        if type(optimizer) is not keras.optimizers.Adam or optimizer.amsgrad:
            return optimizer
        return cls.from_config(optimizer.get_config())

    def build(self, var_list):
        """Make the optimiser's variables."""
        super().build(var_list)
        momenta, velocities = (
            [slot for slot in self.variables if slot.path.endswith(f"_{name}")]
            for name in ("momentum", "velocity")
        )
        self._slots = {
            variable.value.ref(): slots
            for variable, *slots in zip(var_list, momenta, velocities, strict=True)
        }

    def update_step(self, gradient, variable, learning_rate):
        """Update one variable."""
        dtype = variable.dtype
        momentum, velocity = self._slots[variable.ref()]
        step = keras.ops.cast(self.iterations + 1, dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=momentum.handle,
            v=velocity.handle,
            # Cast as Keras casts them, whose powers are thus of the float32 numbers.
            beta1_power=keras.ops.cast(self.beta_1, dtype) ** step,
            beta2_power=keras.ops.cast(self.beta_2, dtype) ** step,
            lr=tf.cast(learning_rate, dtype),
            beta1=tf.constant(self.beta_1, dtype),
            beta2=tf.constant(self.beta_2, dtype),
            epsilon=tf.constant(self.epsilon, dtype),
            grad=tf.cast(gradient, dtype),
        )
