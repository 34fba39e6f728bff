"""What a network of a user's computes: Keras calls its layers, in training too."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from skcnn._network.step import Computation, normalize_by_moving_statistics


@dataclass(frozen=True, eq=False)
class AnyComputation(Computation):
    """What a network of a user's computes from values of its variables.

    The first of the `layers` scales pixels and is never trained. `others` are all
    variables that are not trained by gradients, the random states of layers too.
    """

    # A layer may do anything with a batch, so it sees the images of the batch only.
    TAKES_PADDING = False
    LAYERS_DRAW = True

    @property
    def n_features(self) -> int:
        """How many values go into the last layer for one image."""
        scaling, *body, _ = self.layers
        x = scaling.output
        for layer in body:
            x = layer(x)
        return math.prod(x.shape[1:])

    def _refuse_layers(self) -> None:
        """Take all layers: Keras knows how they change in training."""

    def _forward(self, layers: Sequence[Any], x: Any) -> Any:
        """Return the output of the last of some layers for images, in prediction."""
        return self._call(layers, x, training=False)

    def _forward_in_training(self, x: Any, mask: Any, drop: Any) -> tuple[Any, list]:
        """Return the logits of training images, and the losses that layers add."""
        from keras import ops

        logits = self._call(self.layers, x, training=True)
        losses = [loss for layer in self.layers for loss in layer.losses]
        return logits, [ops.cast(loss, self.dtype.name) for loss in losses]

    def _call(self, layers: Sequence[Any], x: Any, training: bool) -> Any:
        """Return the output of the last of some layers in the network's dtype."""
        from keras import ops

        scaling, *body = layers
        x = normalize_by_moving_statistics(scaling, x)
        for layer in body:
            x = layer(x, training=training)
        return ops.cast(x, self.dtype.name)
