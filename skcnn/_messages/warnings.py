"""Warnings that point at the line of the user's code, not at a line of skcnn."""

import os
import sys
import warnings

import joblib  # type: ignore[import-untyped]
import sklearn

# A frame of these packages is never the user's code.
_LIBRARY_FOLDERS = tuple(
    os.path.dirname(os.path.abspath(file)) + os.sep
    for file in (os.path.dirname(__file__), sklearn.__file__, joblib.__file__)
)
_PIPELINE = os.path.join(_LIBRARY_FOLDERS[1], "pipeline.py")


class PixelsWarning(UserWarning):
    """The images probably mean something else than skcnn assumes.

    Parameters
    ----------
    kind : {"range", "inverted", "layout", "shape"}
        What is probably wrong: the units of the pixels, dark and bright exchanged, the
        order of the values in a row, or the guessed height and width.
    finding : str
        What was found, without a full stop.
    remedy : str
        What to write in Python, without a full stop. The message is the finding, a
        colon and the remedy; the command line replaces the remedy by its own.
    """

    def __init__(self, kind: str, finding: str, remedy: str) -> None:
        super().__init__(f"{finding}: {remedy}.")
        self.kind = kind
        self.finding = finding
        self.remedy = remedy

    def __reduce__(self) -> tuple:
        return type(self), (self.kind, self.finding, self.remedy)


def warn_of(found: Warning | None) -> None:
    """Issue a warning, if there is one, at the line that called skcnn or scikit-learn.

    Inside a pipeline, the remedy of a `PixelsWarning` also says that X has passed
    through the earlier steps: the caller does not hold these images.
    """
    if found is None:
        return
    level, frame = 1, sys._getframe(1)
    in_pipeline = False
    while frame.f_back and frame.f_code.co_filename.startswith(_LIBRARY_FOLDERS):
        in_pipeline |= frame.f_code.co_filename == _PIPELINE
        level, frame = level + 1, frame.f_back
    if (
        in_pipeline
        and isinstance(found, PixelsWarning)
        and "X_val" not in found.finding
    ):
        remedy = f"{found.remedy}, where X is the output of the earlier pipeline steps"
        found = PixelsWarning(found.kind, found.finding, remedy)
    warnings.warn(found, stacklevel=level + 1)
