"""The warning that pixels probably do not mean what skcnn takes them to mean."""


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
