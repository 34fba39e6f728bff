"""A cache for the images of a folder: one file that NumPy maps into memory."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from io import BytesIO
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np

from skcnn._images.files import ReadImages, decode_images
from skcnn._storage import schema
from skcnn._storage.files import open_regular, written_whole
from skcnn._storage.npy import read_npy_header

# A description of the image files follows the images in a cache. It takes some ten
# bytes for each file, and at most this many bytes are read.
_MOST_FACTS = 2**24
_PLACES = schema.several(schema.integer(0), most=2**22)
_FACTS = schema.record(
    {
        "kept": _PLACES,
        "transparent": _PLACES,
        "skipped": schema.several(
            schema.pair(schema.text(2**15), schema.text(2**15)), most=2**22
        ),
    }
)


def images_in_cache(
    cache: Path, files: Sequence[Path], root: Path, options: dict[str, Any]
) -> ReadImages:
    """Return the images in a memory-mapped file; write the file if it is missing.

    `options` are the arguments of `decode_images` beside the files.
    """
    mark = _mark(files, root, options)
    if not cache.exists():
        _write_cache(cache, files, mark, options)
    try:
        if cache.is_dir():
            raise ValueError("it is not a file, but a folder")
        with open_regular(cache) as file:
            header = read_npy_header(file, cache)
            end = header.length + header.nbytes + len(mark)
            length = file.seek(0, os.SEEK_END) - end
            file.seek(end - len(mark))
            if file.read(len(mark)) != mark or length > _MOST_FACTS:
                raise ValueError(
                    "files or arguments have changed, or another program wrote it"
                )
            facts = json.loads(file.read(length))
            _FACTS(facts, "the description")
            images = np.memmap(file, header.dtype, "r", header.length, header.shape)
        skipped = [(name, reason) for name, reason in facts["skipped"]]
        return ReadImages(images, facts["kept"], facts["transparent"], skipped)
    except (OverflowError, RecursionError, ValueError) as error:
        raise ValueError(
            f"{cache} exists, but does not hold the images of {root} as they are now "
            f"({error}). Pass another file as cache, or move this one elsewhere."
        ) from error


def _write_cache(
    cache: Path, files: Sequence[Path], mark: bytes, options: dict[str, Any]
) -> None:
    """Decode images one by one into a file, followed by the mark and a description."""
    folder = cache.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(
            f"Got cache={str(cache)!r}, but {folder} is not a folder."
        )
    with written_whole(cache) as npy:
        shape: tuple[int, ...] = ()
        dtype = np.dtype(np.uint8)

        def begin(image_shape: tuple[int, ...], image_dtype: np.dtype) -> Callable:
            nonlocal shape, dtype
            shape, dtype = image_shape, image_dtype
            _check_room(cache, (len(files), *shape), dtype)
            npy.seek(0)
            npy.truncate()
            _write_header(npy, (len(files), *shape), dtype)
            return lambda image: npy.write(_spread(image, shape, dtype))

        kept, transparent, skipped = decode_images(files, begin=begin, **options)
        facts = {"kept": kept, "transparent": transparent, "skipped": skipped}
        npy.write(mark + json.dumps(facts).encode())
        npy.seek(0)
        # The header keeps its length: NumPy pads it for larger numbers of images.
        _write_header(npy, (len(kept), *shape), dtype)


def _write_header(npy: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(npy, header)


def _spread(image: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Broadcast an image over the channels of the array that holds it."""
    return np.ascontiguousarray(np.broadcast_to(image, shape), dtype)


def _check_room(cache: Path, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Raise if the disk has too little space for the images."""
    needed = prod(shape) * dtype.itemsize
    free = shutil.disk_usage(cache.absolute().parent).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"{shape[0]} images of shape {shape[1:]} take {needed / 2**20:,.0f} MB, "
            f"but {free / 2**20:,.0f} MB are free. Pass a file on another disk, or a "
            "smaller image_shape",
            str(cache),
        )


def _mark(files: Sequence[Path], root: Path, options: dict[str, Any]) -> bytes:
    """Return a hash of the image files and the options, as a second array of the file.

    `numpy.load` reads only the first array of a file.
    """
    stated = dict(options)
    if stated["image_shape"] is not None:
        stated["image_shape"] = [int(side) for side in stated["image_shape"]]
    digest = hashlib.sha256(repr(stated).encode())
    for file in files:
        name = file.relative_to(root).as_posix()
        try:
            facts = file.stat()
        except OSError as error:  # the same error is raised when the file is read
            digest.update(f"\n{name!r} {error.errno}".encode())
        else:
            digest.update(f"\n{name!r} {facts.st_size} {facts.st_mtime_ns}".encode())
    buffer = BytesIO()
    np.save(buffer, np.frombuffer(digest.digest(), np.uint8))
    return buffer.getvalue()
