"""Files that are written whole or not at all."""

import os
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


@contextmanager
def written_whole(path, *, mode="b", **options):
    """Open a file that takes its name only once all of it is on the disk.

    Parameters
    ----------
    path : str or path-like
        The file. Whatever is there stays until the new one is complete, and stays for
        good if the block raises. A link is followed.
    mode : {"b", "t"}, default="b"
        Bytes or text.
    **options : dict
        Further arguments of `open`, such as the encoding of a text.

    Yields
    ------
    file object
        Open for reading and writing, in the folder of `path`.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(os.path.realpath(path))
    part = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with open(part, f"x+{mode}", **options) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
