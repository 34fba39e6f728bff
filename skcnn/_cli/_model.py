"""A saved model for the commands: transformers, followed by a classifier."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from skcnn._cli._terminal import note

if TYPE_CHECKING:
    import numpy as np

# A damaged or hostile file may state that its images have more pixels than this. A
# network would need more memory for such an image than a computer has.
MOST_PIXELS = 2**24


class Model:
    """The content of a file that `skcnn.save` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    classifier : BaseCNNClassifier
        The last step of the pipeline, or the classifier itself.
    classes : ndarray of shape (n_classes,)
        The labels that the classifier knows.
    image_shape : tuple of int
        ``(height, width, channels)`` of the images that the first step saw, or to which
        it resizes them.
    feature_names : ndarray of str or None
        Names of the columns that the first step saw, if it was fitted on a table.
    estimator : Pipeline or BaseCNNClassifier
        What was saved.
    versions : dict of str to str
        The versions of the libraries that wrote the file.

    Raises
    ------
    ValueError
        If the file does not hold a classifier of skcnn.
    """

    def __init__(self, path: Path) -> None:
        from skcnn._estimator.base import BaseCNNClassifier
        from skcnn._estimator.saving import load_with_versions
        from skcnn.preprocessing import ImageResizer

        estimator, self.versions = load_with_versions(path)
        *self.transformers, last = _steps(estimator) or [None]
        if not isinstance(last, BaseCNNClassifier):
            what = type(estimator).__name__
            raise ValueError(
                f"{path} holds {what}, which predicts nothing, but a classifier, or a "
                "Pipeline that ends in one, was expected."
            )
        self.estimator = estimator
        self.classifier: Any = last
        self.classes = last.classes_
        first = [*self.transformers, last][0]
        self._resizer: Any = first if isinstance(first, ImageResizer) else None
        self.image_shape = tuple(
            first.image_shape_ if self._resizer is None else first.output_shape_
        )
        self.feature_names = getattr(first, "feature_names_in_", None)
        height, width, _ = self.image_shape
        if height * width > MOST_PIXELS:
            raise ValueError(
                f"{path} is of images of {height} x {width} pixels; skcnn on the "
                f"command line goes up to {MOST_PIXELS:,} pixels an image."
            )

    @property
    def aspect_ratio(self) -> str | None:
        """How the first step resizes images of any size; None if it does not."""
        return None if self._resizer is None else self._resizer.aspect_ratio

    @property
    def interval(self) -> tuple[float, float] | None:
        """The pixel values for black and white in training, if they are known."""
        from skcnn._images.scaling import pixel_interval

        seen = self._seen_pixels
        return (
            None if seen is None else pixel_interval(seen["minimum"], seen["maximum"])
        )

    @property
    def _seen_pixels(self) -> dict[str, Any] | None:
        from skcnn.preprocessing import ImageFlattener, ImageReshaper, ImageResizer

        for step in (*self.transformers, self.classifier):
            if hasattr(step, "_seen_pixels"):
                return step._seen_pixels
            if not isinstance(step, (ImageFlattener, ImageReshaper, ImageResizer)):
                break
        return None

    def reading(self, background: str | None) -> dict[str, Any]:
        """Return how to read image files, as `read_images_with_facts` takes it.

        `background` is the color that the user has named, if any.
        """
        if self._resizer is None:
            return {
                "image_shape": self.image_shape,
                "background": background or "white",
            }
        return {
            "image_shape": self.image_shape,
            "background": background or self._resizer.background,
            "resize": self._resized,
        }

    def _resized(self, pixels: "np.ndarray") -> "np.ndarray":
        """Return the pixels of an image file, resized as the first step does it."""
        import numpy as np

        from skcnn._images.resizing import resized

        resizer = self._resizer
        fill, interval = np.asarray(resizer.fill), self.interval
        if resizer.dtype_ in ("uint8", "uint16"):
            interval = (0, np.iinfo(resizer.dtype_).max)
        if interval is not None:
            # `fill` is on the scale of training, and these pixels are on that of files.
            low, high = interval
            fill = (fill - low) / (high - low) * np.iinfo(pixels.dtype).max
        size, numbers = self.image_shape[:2], np.rint(fill).reshape(-1).tolist()
        return resized(pixels, size, resizer.aspect_ratio, numbers)

    def scaled(self, images: "np.ndarray") -> "np.ndarray":
        """Return the pixels of image files, scaled to the range of the training pixels.

        Image files have integer pixels up to 255 or 65535, which may differ from the
        pixels on which the model was trained.
        """
        import numpy as np

        from skcnn._images.decoding import to_depth

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
        # The values equal X / 255 and X / 127.5 - 1 bit for bit, so the fingerprints of
        # the images stay the same.
        return (images / (top / (high - low)) + low).astype(seen["dtype"])

    def transform(self, X: Any) -> Any:
        """Return images after all transformers."""
        for transformer in self.transformers:
            X = transformer.transform(X)
        return X

    def predict_proba(self, X: Any) -> "np.ndarray":
        """Return the probability of each class for each image."""
        return self.classifier.predict_proba(self.transform(X))


def _steps(estimator: Any) -> list[Any]:
    """Return the steps of a pipeline and of its inner pipelines, without no-ops."""
    if not hasattr(estimator, "steps"):
        return [estimator]
    return [
        step
        for _, outer in estimator.steps
        if outer is not None and outer != "passthrough"
        for step in _steps(outer)
    ]
