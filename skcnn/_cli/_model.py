"""A saved model, as the commands need it: transformers and a classifier behind them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from skcnn._cli._terminal import note

if TYPE_CHECKING:
    import numpy as np

# Images of more pixels take more memory in a network than a computer has; a damaged or
# hostile file may ask for them.
MOST_PIXELS = 2**24


class Model:
    """What a file of `skcnn.save` holds.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    classifier : BaseCNNClassifier
        The last step.
    classes : ndarray of shape (n_classes,)
        Its labels.
    image_shape : tuple of int
        ``(height, width, channels)`` of the images that the first step saw.
    feature_names : ndarray of str or None
        Names of the columns that the first step saw, if it was fitted on a table.

    Raises
    ------
    ValueError
        If the file holds nothing that predicts.
    """

    def __init__(self, path: Path) -> None:
        import skcnn
        from skcnn._base import BaseCNNClassifier

        estimator = skcnn.load(path)
        *self.transformers, last = _steps(estimator) or [None]
        if not isinstance(last, BaseCNNClassifier):
            what = type(estimator).__name__
            raise ValueError(
                f"{path} holds {what}, which predicts nothing, but a classifier, or a "
                "Pipeline that ends in one, was expected."
            )
        self.classifier: Any = last
        self.classes = last.classes_
        first = [*self.transformers, last][0]
        self.image_shape = tuple(first.image_shape_)
        self.feature_names = getattr(first, "feature_names_in_", None)
        height, width, _ = self.image_shape
        if height * width > MOST_PIXELS:
            raise ValueError(
                f"{path} is of images of {height} x {width} pixels; skcnn on the "
                f"command line goes up to {MOST_PIXELS:,} pixels an image."
            )

    @property
    def interval(self) -> tuple[float, float] | None:
        """Black and white of the images that the first step saw, if that is known."""
        from skcnn._pixels import pixel_interval

        seen = self._seen_pixels
        return (
            None if seen is None else pixel_interval(seen["minimum"], seen["maximum"])
        )

    @property
    def _seen_pixels(self) -> dict[str, Any] | None:
        from skcnn.preprocessing import ImageReshaper

        for step in (*self.transformers, self.classifier):
            if hasattr(step, "_seen_pixels"):
                return step._seen_pixels
            if not isinstance(step, ImageReshaper):
                break
        return None

    def scaled(self, images: "np.ndarray") -> "np.ndarray":
        """Return pixels of image files in the range of those that the model saw.

        In files they are whole numbers up to 255 or 65535, whatever the model was
        trained on.
        """
        import numpy as np

        from skcnn._image_decoding import to_depth

        seen, interval = self._seen_pixels, self.interval
        if seen is None or interval is None:
            return images
        top = np.iinfo(images.dtype).max
        if interval in ((0, 255), (0, 65535)):
            return to_depth(images, np.uint8 if interval[1] == 255 else np.uint16)
        if interval not in ((0, 1), (-1, 1)) or not seen["dtype"].startswith("float"):
            return images
        low, high = interval
        note(
            f"The model was trained on pixels from {low:g} to {high:g}, so those of "
            "image files are scaled to that."
        )
        # To the bit as X / 255 and X / 127.5 - 1, for which images are known again.
        return (images / (top / (high - low)) + low).astype(seen["dtype"])

    def transform(self, X: Any) -> Any:
        """Return images as the classifier sees them."""
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X

    def predict_proba(self, X: Any) -> "np.ndarray":
        """Return the probability of each class for each image."""
        return self.classifier.predict_proba(self.transform(X))


def _steps(estimator: Any) -> list[Any]:
    """Return the steps of a pipeline that do something, those of inner ones too."""
    if not hasattr(estimator, "steps"):
        return [estimator]
    return [
        step
        for _, outer in estimator.steps
        if outer is not None and outer != "passthrough"
        for step in _steps(outer)
    ]
