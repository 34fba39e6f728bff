"""The parts of a data set: for training, for validation and for testing."""

PARTS = ("train", "val", "test")

# Common names of the parts, in lower case.
PART_WORDS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "eval", "evaluation"),
    "test": ("test", "testing"),
}


def check_subset(subset: str | None) -> None:
    """Raise unless `subset` is the name of a part, "all" or None."""
    if subset not in (None, *PARTS, "all"):
        raise ValueError(
            f'Got subset={subset!r}, but expected "train", "val", "test", "all" or '
            "None."
        )
