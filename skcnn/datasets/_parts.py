"""The parts of a data set: to train on, to watch the training, and to test on."""

PARTS = ("train", "val", "test")

# What people call the parts, in small letters.
PART_WORDS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev", "eval", "evaluation"),
    "test": ("test", "testing"),
}


def check_subset(subset: str | None) -> None:
    """Raise unless it is a part, "all" or None."""
    if subset not in (None, *PARTS, "all"):
        raise ValueError(
            f'Got subset={subset!r}, but expected "train", "val", "test", "all" or '
            "None."
        )
