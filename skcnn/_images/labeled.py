"""Images with their labels and weights, in the form that training reads them."""

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np

from skcnn._images.read_ahead import take


@dataclass(frozen=True)
class LabeledImages:
    """Some rows of a validated array with their labels and weights.

    Attributes
    ----------
    X : ndarray
        As :func:`skcnn._images.forms.validate_images` returns it. It is never copied as
        a whole.
    image_shape : tuple of int
        ``(height, width, channels)``.
    rows : ndarray of int
        The rows of `X` that take part.
    class_indices : ndarray of int32
        The class of each of these rows, as an index.
    weights : ndarray of float64 or None
        The weight of each of these rows.
    """

    X: np.ndarray
    image_shape: tuple[int, int, int]
    rows: np.ndarray
    class_indices: np.ndarray
    weights: np.ndarray | None

    @classmethod
    def of(
        cls,
        X: np.ndarray,
        image_shape: tuple[int, int, int],
        class_indices: np.ndarray,
        weights: np.ndarray | None,
    ) -> Self:
        """Make a set of all images of positive weight."""
        if weights is None:
            return cls(X, image_shape, np.arange(len(X)), class_indices, None)
        rows = np.flatnonzero(weights)
        return cls(X, image_shape, rows, class_indices[rows], weights[rows])

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def image_bytes(self) -> int:
        """Bytes that one image takes in training, at most."""
        return int(np.prod(self.image_shape)) * min(self.X.dtype.itemsize, 8)

    def take(self, part: np.ndarray) -> Self:
        """Return some of these images as another such set."""
        return replace(
            self,
            rows=self.rows[part],
            class_indices=self.class_indices[part],
            weights=None if self.weights is None else self.weights[part],
        )

    def images(self, part: np.ndarray | slice) -> np.ndarray:
        """Return some of the images as an array (b, height, width, channels)."""
        images = take(self.X, self.rows[part])
        return images.reshape(len(images), *self.image_shape)

    def merged(self) -> Self:
        """Return the distinct images in a fixed order, with their weights added up.

        Where all images fit into one step, this makes an image of weight two and the
        same image given twice the same fit bit for bit, whatever the network.
        """
        X = self.X[self.rows].reshape(len(self), -1)
        table = np.column_stack([self.class_indices, X])
        _, first, group = np.unique(
            table, axis=0, return_index=True, return_inverse=True
        )
        weights = np.bincount(group.ravel(), weights=self.weights)
        return replace(
            self,
            X=X[first],
            rows=np.arange(len(first)),
            class_indices=self.class_indices[first],
            weights=weights.astype(np.float64),
        )

    def with_mean_weight_one(self) -> Self:
        """Return the same images, their weights divided by the mean weight."""
        if self.weights is None:
            return self
        return replace(self, weights=self.weights / self.weights.mean())

    def weights_of_all_rows(self) -> np.ndarray | None:
        """Return a weight for each row of `X`, 0 for those that take no part."""
        if self.weights is None and len(self) == len(self.X):
            return None
        weights = np.zeros(len(self.X))
        weights[self.rows] = 1 if self.weights is None else self.weights
        return weights


class TrainingData(NamedTuple):
    """The images to train on, and those to validate on, if any."""

    training: LabeledImages
    validation: LabeledImages | None
