"""The warning for pixels that are probably not what they are taken for."""

import os
import sys
import warnings

import joblib  # type: ignore[import-untyped]
import sklearn

_OWN_FILES = tuple(
    os.path.dirname(os.path.abspath(file)) + os.sep
    for file in (__file__, sklearn.__file__, joblib.__file__)
)
_PIPELINE = os.path.join(_OWN_FILES[1], "pipeline.py")


class PixelsWarning(UserWarning):
    """Images that probably mean something else than what they are taken for.

    Parameters
    ----------
    kind : {"range", "inverted", "layout", "shape"}
        What is wrong: the units of the pixels, dark and bright, the order of the
        values in a row, or the height and width that were guessed.
    finding : str
        What was found, without a full stop.
    remedy : str
        What to write in Python, without a full stop. The message is the finding, a
        colon and the remedy; the command line has a remedy of its own.
    """

    def __init__(self, kind: str, finding: str, remedy: str) -> None:
        super().__init__(f"{finding}: {remedy}.")
        self.kind = kind
        self.finding = finding
        self.remedy = remedy

    def __reduce__(self) -> tuple:
        return type(self), (self.kind, self.finding, self.remedy)


def warn_of(found: Warning | None) -> None:
    """Warn, if there is something, at the line that called skcnn or scikit-learn.

    In a pipeline, the images are not those that the caller has at hand.
    """
    if found is None:
        return
    level, frame = 1, sys._getframe(1)
    in_pipeline = False
    while frame.f_back and frame.f_code.co_filename.startswith(_OWN_FILES):
        in_pipeline |= frame.f_code.co_filename == _PIPELINE
        level, frame = level + 1, frame.f_back
    if (
        in_pipeline
        and isinstance(found, PixelsWarning)
        and "X_val" not in found.finding
    ):
        remedy = f"{found.remedy}, where X is what the steps before have made of yours"
        found = PixelsWarning(found.kind, found.finding, remedy)
    warnings.warn(found, stacklevel=level + 1)
