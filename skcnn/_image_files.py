"""Image files and PIL images, read into arrays as a viewer shows them."""

import errno
import os
import re
import stat
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from skcnn._images import check_image_shape, chunk_rows
from skcnn._wording import counted, first_of

# What viewers open. Not among them are formats of vectors, for which Pillow starts
# Ghostscript; TGA, which has no signature, is tried last.
_FORMATS = (
    *("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF", "HEIF", "JPEG2000"),
    *("MPO", "ICO", "DIB", "PCX", "QOI", "XBM", "TGA"),
)
_LEFTOVERS = {
    *("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini"),
    *("__macosx", "icon\r", "lost+found", "$recycle.bin", "recycler", "#recycle"),
    *("@eadir", "system volume information", "network trash folder"),
    *("temporary items", "zbthumbnail.info"),
}
_LARGEST = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
# What is worth a word: more memory than this, or so many images with such a side.
_LARGE_GIGABYTES = 4
_MANY, _LARGE_SIDE = 1000, 256
# The most pixels of an image that is asked for, about as many as Pillow reads of one.
_MOST_PIXELS = 2**27
# Networks here are made for images of about this size.
_SUGGESTED_SIDE = 64
_CONVERTED = {
    **{"LA": "LA", "La": "LA", "RGBA": "RGBA", "RGBa": "RGBA"},
    **{"RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "HSV": "RGB"},
}
# What is left to do, down and right, after the sides of orientations above 4 are
# swapped.
_FLIPS = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}


class ReadImages(NamedTuple):
    """What became of sources: the images, and what is worth announcing.

    `kept` are the positions of the sources that were read, `transparent` of those with
    transparent pixels; `skipped` is a list of (name, reason).
    """

    images: np.ndarray
    kept: list[int]
    transparent: list[int]
    skipped: list[tuple[str, str]]


class _Form(NamedTuple):
    """What all images of an array have in common; channels come without alpha."""

    height: int
    width: int
    channels: int
    dtype: np.dtype


class _Unreadable(Exception):
    """Why a source cannot be read, in words that follow "it"."""


def read_images(sources, image_shape=None, *, background="white", on_error="raise"):
    """Read image files and PIL images into one array, as a viewer shows them.

    The orientation that cameras note (EXIF) is applied, transparent pixels are put on
    a background, palettes and other color spaces become gray or RGB, and of an
    animation or a stack the first image is taken. The content of a file tells its
    format, not its name. Color profiles (ICC) are not applied.

    Parameters
    ----------
    sources : sequence of str, path-like or PIL.Image.Image
        Image files, or PIL images of any mode; the latter stay as they are.
    image_shape : tuple of 2 or 3 int, default=None
        ``(height, width)`` for gray images, or ``(height, width, channels)`` with 1
        channel for gray, 3 for red, green and blue or 4 with transparency. Images are
        converted and resized (bilinear, without keeping their proportions). If None,
        all images must have the same size, and are gray if all are, color otherwise.
    background : str or tuple of 3 int, default="white"
        The color under transparent pixels: a name, ``"#ffffff"`` or red, green and
        blue from 0 to 255. Not used where `image_shape` has 4 channels.
    on_error : {"raise", "skip"}, default="raise"
        What to do if images cannot be read: raise an error that names them, or warn
        once and go on without them.

    Returns
    -------
    ndarray of shape (n, height, width) or (n, height, width, channels)
        Gray images have no axis for channels unless `image_shape` has it. The dtype is
        uint16 if an image has more than 8 bits a channel, else uint8.

    Raises
    ------
    ImportError
        If Pillow is not installed.
    OSError
        If a file cannot be opened.
    TypeError
        If `sources` is no sequence of paths and PIL images.
    ValueError
        If an image cannot be read, there is none, or the sizes differ and
        `image_shape` is None.

    Warns
    -----
    UserWarning
        If images are skipped.
    """
    read = read_images_with_facts(
        sources, image_shape, background=background, on_error=on_error
    )
    if read.skipped:
        warnings.warn(skipped_message(read), stacklevel=2)
    return read.images


def read_images_with_facts(
    sources: Sequence[Any],
    image_shape: Sequence[int] | None = None,
    *,
    background: Any = "white",
    on_error: str = "raise",
) -> ReadImages:
    """Read images as `read_images` does, and return what is worth announcing."""
    sources = _checked_sources(sources)
    array: np.ndarray = np.empty(0)

    def begin(shape: tuple[int, ...], dtype: np.dtype) -> Callable[[np.ndarray], None]:
        nonlocal array
        large = _large_message(len(sources), shape, dtype, image_shape)
        if large:
            # Of who called read_images or load_image_folder.
            warnings.warn(large, stacklevel=5)
        try:
            array = np.empty((len(sources), *shape), dtype)
        except MemoryError as error:
            raise ValueError(
                f"{counted(len(sources), 'image')} of shape {shape} do not fit into "
                f"memory ({error}). Give a smaller image_shape, or fewer images."
            ) from error
        rows = iter(array)

        def store(image: np.ndarray) -> None:
            next(rows)[...] = image

        return store

    kept, transparent, skipped = decode_images(
        sources, image_shape, begin, background, on_error
    )
    return ReadImages(array[: len(kept)], kept, transparent, skipped)


def decode_images(
    sources: Sequence[Any],
    image_shape: Sequence[int] | None,
    begin: Callable[[tuple[int, ...], np.dtype], Callable[[np.ndarray], Any]],
    background: Any = "white",
    on_error: str = "raise",
) -> tuple[list[int], list[int], list[tuple[str, str]]]:
    """Decode images one by one and hand each to where it is kept.

    `begin` gets the shape and dtype of an image, and returns the function that stores
    one. It is called again, and all images are decoded again, if an image turns up
    that is in color, or has 16 bits, after others that are and have not.
    """
    check_options(image_shape, background, on_error)
    size, channels = _stated_form(image_shape)
    paper = _rgb(background)
    form: _Form | None = None
    if size is not None and channels is not None and not len(sources):
        begin(tuple(image_shape or ()), np.dtype(np.uint8))
    failures: dict[int, Exception] = {}
    transparent: set[int] = set()
    kept: list[int] = []
    position = 0
    while position < len(sources):
        try:
            # Gray is put on paper as gray, but where the other images are in color.
            wanted = channels or (3 if form is not None and form.channels > 1 else None)
            image, has_transparency = _decode(sources[position], size, wanted, paper)
        except (_Unreadable, OSError) as error:
            failures[position] = error
            position += 1
            continue
        wider = _widened(form, image)
        if form is not None and wider[:2] != form[:2]:
            known: dict[int, tuple[int, ...]] = {
                **dict.fromkeys(kept, form[1::-1]),
                position: wider[1::-1],
            }
            raise ValueError(_sizes_message(sources, known))
        if wider != form:
            # What was decoded so far has fewer channels or bits.
            form = wider
            shape = form[:3] if form.channels > 1 else form[:2]
            store = begin(tuple(image_shape or shape), form.dtype)
            if kept:
                position, kept = 0, []
                continue
        store(_as_form(image, form, image_shape))
        kept.append(position)
        if has_transparency:
            transparent.add(position)
        position += 1

    named = [(_name(sources[i], i), _reason(failures[i])) for i in sorted(failures)]
    if failures and (on_error == "raise" or not kept):
        advised = on_error == "raise"
        raise _unreadable_error(named, list(failures.values()), len(sources), advised)
    if form is None and size is None:
        raise ValueError("Got no images, but at least one was expected.")
    return kept, sorted(transparent), named


def describe_images(
    images: np.ndarray,
    transparent: Sequence[str] = (),
    skipped: Sequence[str] = (),
) -> str:
    """Say what images are and what was decided in reading them, for announcements."""
    height, width = images.shape[1:3]
    channels = images.shape[3] if images.ndim == 4 else 1
    color = {1: "gray", 3: "color", 4: "color with transparency"}[channels]
    text = f"{width} x {height} pixels, {color}, {8 * images.itemsize} bits a channel"
    if transparent:
        what = counted(len(transparent), "file has", "files have")
        text += f"; {what} transparency: {first_of(transparent)}"
    if skipped:
        what = counted(len(skipped), "file was", "files were")
        text += f"; {what} skipped: {first_of(skipped)}"
    return text


def _large_message(
    n: int, shape: tuple[int, ...], dtype: np.dtype, image_shape: Any
) -> str | None:
    """Say that images are large, if they are, and what to do about it."""
    gigabytes = n * prod(shape) * dtype.itemsize / 2**30
    many_large = image_shape is None and n >= _MANY and max(shape[:2]) > _LARGE_SIDE
    if gigabytes < _LARGE_GIGABYTES and not many_large:
        return None
    height, width, *channels = shape
    smaller = suggested_shape([(width, height)], channels == [3])
    return (
        f"{n:,} images of {width} x {height} pixels take {gigabytes:.1f} GB of memory, "
        "and training on them much more and a long time. A smaller image_shape has "
        f"them resized, for example image_shape={smaller}."
    )


def skipped_message(read: ReadImages) -> str:
    """Say which images were left out."""
    n = len(read.skipped)
    return (
        f"{n} of {counted(n + len(read.kept), 'image')} cannot be read and "
        f"{'is' if n == 1 else 'are'} skipped: {_with_reasons(read.skipped)}."
    )


def natural_order(paths: Iterable[Any]) -> list:
    """Return paths sorted as people count: "2.png" before "10.png"."""
    return sorted(paths, key=_natural_key)


def is_leftover(path: Any) -> bool:
    """Tell whether an entry of a folder was left there by a system, not a user."""
    name = Path(path).name
    return name.startswith(".") or name.lower() in _LEFTOVERS


def list_image_files(folder: Any) -> list[Path]:
    """Return the files in a folder, without leftovers, in natural order."""
    return natural_order(
        entry
        for entry in Path(folder).iterdir()
        if not is_leftover(entry) and not entry.is_dir()
    )


def _natural_key(path: Any) -> tuple:
    *parents, name = re.split(r"[\\/]", os.fspath(path))
    stem, dot, suffix = name.rpartition(".")
    parts = [*parents, stem, suffix] if dot else [*parents, name, ""]
    return [_counted(part) for part in parts], os.fspath(path)


def _counted(text: str) -> list:
    """Return words and numbers in turn, to compare; the longer number is larger."""
    pieces: list = re.split("([0-9]+)", text.casefold())
    for i in range(1, len(pieces), 2):
        digits = pieces[i].lstrip("0")
        pieces[i] = (len(digits), digits)
    return pieces


def _import_pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Reading image files requires Pillow. You can install it with "
            '`pip install "skcnn[images]"`.'
        ) from error
    return Image


def _checked_sources(sources: Any) -> list:
    Image = _import_pillow()
    one = (str, os.PathLike, Image.Image)
    if isinstance(sources, (*one, bytes)):
        raise TypeError(
            f"Got one {type(sources).__name__}, but expected a sequence of paths or "
            "PIL images. For one image write [image]."
        )
    try:
        checked = list(sources)
    except TypeError:
        raise TypeError(
            f"Got a {type(sources).__name__}, but expected a sequence of paths or PIL "
            "images."
        ) from None
    for i, source in enumerate(checked):
        if not isinstance(source, one):
            raise TypeError(
                f"Image {i} is a {type(source).__name__}, but expected a path or a PIL "
                "image."
            )
    return checked


def check_options(image_shape: Any, background: Any, on_error: Any) -> None:
    """Raise if Pillow is not there or an option is wrong, before a file is opened."""
    _import_pillow()
    _stated_form(image_shape)
    _rgb(background)
    if on_error not in ("raise", "skip"):
        raise ValueError(f'Got on_error={on_error!r}, but expected "raise" or "skip".')


def _stated_form(image_shape: Any) -> tuple[tuple[int, int] | None, int | None]:
    """Return the size and the number of channels that the user asks for."""
    if image_shape is None:
        return None, None
    height, width, channels = check_image_shape(image_shape)
    if channels not in (1, 3, 4):
        raise ValueError(
            f"Got image_shape={image_shape!r}, but image files have 1, 3 or 4 channels."
        )
    if height * width > _MOST_PIXELS:
        raise ValueError(
            f"Got image_shape={image_shape!r}, but images are resized to at most "
            f"{_MOST_PIXELS:,} pixels."
        )
    return (height, width), channels


def _rgb(background: Any) -> tuple[int, ...]:
    """Return a color as red, green and blue from 0 to 255."""
    from PIL import ImageColor

    if isinstance(background, str):
        try:
            return ImageColor.getrgb(background)[:3]
        except ValueError:
            pass
    elif (
        isinstance(background, (tuple, list))
        and len(background) == 3
        and all(
            isinstance(value, (int, np.integer)) and 0 <= value <= 255
            for value in background
        )
    ):
        return tuple(map(int, background))
    raise ValueError(
        f"Got background={background!r}, but expected the name of a color, such as "
        '"white" or "#ffffff", or red, green and blue from 0 to 255.'
    )


def _widened(form: _Form | None, image: np.ndarray) -> _Form:
    """Return the form that has room for another image."""
    height, width, channels = image.shape
    if form is None:
        return _Form(height, width, channels, image.dtype)
    return _Form(
        height,
        width,
        max(channels, form.channels),
        np.promote_types(image.dtype, form.dtype),
    )


def _as_form(image: np.ndarray, form: _Form, image_shape: Any) -> np.ndarray:
    image = to_depth(image, form.dtype)
    if image_shape is not None:
        return image.reshape(image_shape)
    return image[..., 0] if form.channels == 1 else image  # one channel is repeated


def to_depth(pixels: np.ndarray, dtype: Any) -> np.ndarray:
    """Return the same brightness in 8 or 16 bits, as uint8 or uint16."""
    if pixels.dtype == dtype:
        return pixels
    if dtype == np.uint16:
        return pixels.astype(np.uint16) * np.uint16(257)
    return ((pixels + np.uint32(128)) // np.uint32(257)).astype(np.uint8)


def _decode(
    source: Any,
    size: tuple[int, int] | None,
    channels: int | None,
    paper: tuple[int, ...],
) -> tuple[np.ndarray, bool]:
    """Return one image as (height, width, channels), and whether pixels show paper."""
    Image = _import_pillow()
    if isinstance(source, Image.Image):
        with _as_unreadable():
            pixels = _pixels_of_pil(source)
    else:
        with _regular_file(source) as file, _as_unreadable(file):
            pixels = _pixels_of_file(file)
    transparent = False
    if pixels.shape[2] in (2, 4):
        transparent = bool((pixels[..., -1] != _LARGEST[pixels.dtype]).any())
        if channels == 4:
            pixels = pixels[..., [0, 0, 0, 1]] if pixels.shape[2] == 2 else pixels
        elif transparent:
            if channels == 3 and pixels.shape[2] == 2:
                pixels = pixels[..., [0, 0, 0, 1]]
            pixels = _on_paper(pixels, paper)
        else:
            pixels = pixels[..., :-1]
    if channels == 1 and pixels.shape[2] == 3:
        pixels = _luminance(pixels)
    elif channels == 3 and pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    elif channels == 4 and pixels.shape[2] < 4:
        color = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
        opaque = np.full_like(color[..., :1], _LARGEST[pixels.dtype])
        pixels = np.concatenate([color, opaque], axis=2)
    if size is not None and pixels.shape[:2] != size:
        pixels = _resized(pixels, size)
    return pixels, transparent


def _regular_file(path: Any) -> BinaryIO:
    """Open a file, but nothing that would wait for a writer."""
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            raise _Unreadable(f"is {'a folder' if stat.S_ISDIR(mode) else 'no file'}")
        return open(path, "rb")
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _Unreadable("is a link that leads back to itself") from error
        raise
    except ValueError as error:  # a null byte in the name
        raise _Unreadable(f"cannot be opened ({error})") from error


@contextmanager
def _as_unreadable(file: Any = None) -> Iterator[None]:
    """Turn whatever Pillow raises on a damaged image into `_Unreadable`."""
    Image = _import_pillow()
    from PIL import UnidentifiedImageError

    try:
        yield
    except _Unreadable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _Unreadable(f"has more pixels than Pillow decodes ({error})") from error
    except UnidentifiedImageError as error:
        raise _Unreadable(_why_unknown(file)) from error
    except Exception as error:
        # Pillow's readers have no exception of their own for damage.
        text = str(error) or type(error).__name__
        raise _Unreadable(f"cannot be decoded ({text})") from error


def _why_unknown(file: Any) -> str:
    head = b""
    if file is not None:
        file.seek(0)
        head = file.read(32)
        if not head:
            return "is empty"
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"mif1", b"msf1"):
        return "is a HEIC photo, which Pillow cannot read; save it as JPEG or PNG first"
    return "is not an image that Pillow can read"


def _opened(file: Any) -> Any:
    Image = _import_pillow()
    Image.init()
    # Older Pillows know fewer, and pillow-heif may have added one.
    return Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])


def _pixels_of_pil(image: Any) -> np.ndarray:
    """Return a PIL image's pixels; one that is not loaded yet is read as a file."""
    file = getattr(image, "fp", None)
    if getattr(image, "tile", None) and file is not None and image.format in _FORMATS:
        position, frame = file.tell(), image.tell()
        try:
            with _opened(file) as again:
                again.seek(frame)
                same = (again.mode, again.size) == (image.mode, image.size)
            if same:
                return _pixels_of_file(file, frame)
        finally:
            file.seek(position)
    return _oriented(_pixels(image), image)


def _pixels_of_file(file: Any, frame: int = 0) -> np.ndarray:
    """Return (height, width, channels): gray, gray and alpha, RGB or RGBA."""
    with _opened(file) as image:
        image.seek(frame)
        _refuse_what_pillow_cuts(image, file)
        raw = _raw_mode(image)
        # "BGR;16" is something else: 16 bits for all three.
        if raw.endswith((";16B", ";16L", ";16N")) and not image.mode.startswith("I"):
            return _oriented(_deep_pixels(image, raw, file, frame), image)
        return _oriented(_pixels(image, raw), image)


def _raw_mode(image: Any) -> str:
    """Return how the pixels lie in a file, in Pillow's words."""
    if not image.tile:
        return ""
    codec, _, _, arguments = image.tile[0]
    raw = arguments if isinstance(arguments, str) else (*(arguments or ()), "")[0]
    if codec == "ppm" and image.mode == "RGB" and arguments[-1] > 255:
        return "RGB;16B"
    return raw if isinstance(raw, str) else ""


def _refuse_what_pillow_cuts(image: Any, file: Any) -> None:
    """Refuse colors of more than 8 bits that Pillow has no way to give whole."""
    bits = 8
    if image.format == "AVIF" or (
        image.format == "JPEG2000" and not image.mode.startswith("I")
    ):
        bits = _bits_in_header(file)
    elif image.format == "PPM" and image.mode == "RGB":
        codec, _, _, arguments = image.tile[0]
        if codec == "ppm_plain" and arguments[-1] > 255:
            bits = 16
    elif image.format == "TIFF" and image.tag_v2.get(284) == 2:  # channel by channel
        bits = max(image.tag_v2.get(258, (8,)))
    if bits > 8 and not image.mode.startswith("I"):
        raise _Unreadable(
            "has colors of more than 8 bits a channel, of which Pillow would read 8; "
            "save it as a PNG file of 8 or 16 bits a channel first"
        )


def _bits_in_header(file: Any) -> int:
    """Return the bits a channel of an AVIF or JPEG 2000 file, as its header has it."""
    position = file.tell()
    file.seek(0)
    head = file.read(2**16)
    file.seek(position)
    if (at := head.find(b"av1C")) >= 0:
        return 10 if head[at + 6] & 0x40 else 8
    if (at := head.find(b"\xff\x4f\xff\x51")) >= 0:
        return 1 + (head[at + 42] & 0x7F)
    return 8


def _deep_pixels(image: Any, raw: str, file: Any, frame: int) -> np.ndarray:
    """Return colors of 16 bits, which Pillow cuts to 8, whole.

    Pillow's codecs unpack one byte of each two: the first if they are told that it is
    the high one (";16B"), else the second (";16L"). So they are asked for both.
    """
    mode, key = image.mode, image.info.get("transparency")
    most = image.tile[0][3][-1] if image.format == "PPM" else 65535
    if raw.startswith("LA"):
        # Four bytes a pixel, like four channels of 8 bits.
        pairs = np.ascontiguousarray(_unpacked(image, "RGBA"))
        pixels: np.ndarray = pairs.view(">u2").astype(np.uint16)
    else:
        layout = raw[: raw.index(";")].replace("a", "A")
        order = {"B": ">", "L": "<", "N": "="}[raw[-1]]
        shape = (image.height, image.width, len(image.getbands()))
        pixels = np.empty(shape, f"{order}u2")
        first, second = np.moveaxis(pixels.view(np.uint8).reshape(*shape, 2), -1, 0)
        first[...] = _unpacked(image, f"{layout};16B")
        with _opened(file) as again:
            again.seek(frame)
            second[...] = _unpacked(again, f"{layout};16L")
        pixels = pixels.astype(np.uint16, copy=False)
    if most < 65535:
        scaled = (pixels.astype(np.uint32) * 65535 + most // 2) // most
        pixels = np.minimum(scaled, 65535).astype(np.uint16)
    if mode == "CMYK":
        light = 65535 - pixels.astype(np.uint32)
        pixels = ((light[..., :3] * light[..., 3:] + 32767) // 65535).astype(np.uint16)
    if raw.startswith("RGBa"):
        alpha = np.maximum(pixels[..., 3:], 1).astype(np.uint32)
        color = pixels[..., :3].astype(np.uint32) * 65535
        pixels[..., :3] = np.minimum((color + alpha // 2) // alpha, 65535)
    return _with_key(pixels, key)


def _unpacked(image: Any, raw: str) -> np.ndarray:
    """Decode a file whose pixels are taken for `raw`, one of Pillow's raw modes."""
    tiles = []
    for codec, extents, offset, arguments in image.tile:
        if codec == "ppm":
            codec, arguments = "raw", raw
        elif isinstance(arguments, str):
            arguments = raw
        else:
            arguments = (raw, *arguments[1:])
        tiles.append(type(image.tile[0])(codec, extents, offset, arguments))
    image.tile = tiles
    image.load()
    return np.asarray(image)


def _pixels(image: Any, raw: str = "") -> np.ndarray:
    """Return a PIL image as gray, gray and alpha, RGB or RGBA, of 8 or 16 bits."""
    image.load()
    mode, key = image.mode, image.info.get("transparency")
    if mode in ("1", "L", "RGB"):
        # Pillow has gray of 2 and 4 bits in 8, but not the gray that is transparent.
        steps = {"L;2": 85, "L;4": 17}.get(raw, 1)
        key = key * steps if isinstance(key, int) else key
        return _with_key(_array(image, "L" if mode == "1" else mode), key)
    if mode in ("P", "PA"):
        alpha = image.has_transparency_data
        return _gray_if_gray(_array(image, "RGBA" if alpha else "RGB"))
    if mode == "LAB":
        return np.asarray(_lab_to_rgb(image))
    if mode == "I" or mode.startswith("I;16"):
        return _with_key(_gray_of_integers(image, raw), key)
    if mode not in _CONVERTED:
        raise _Unreadable(
            f"has the mode {mode}, which no viewer shows: what is black and what is "
            "white is not known; scale it to 0 to 255 and save it as PNG, or pass "
            "arrays instead of image files"
            if mode == "F"
            else f"has the mode {mode}, which is not known"
        )
    return _array(image, _CONVERTED[mode])


def _array(image: Any, mode: str) -> np.ndarray:
    array = np.asarray(image if image.mode == mode else image.convert(mode))
    return array[..., np.newaxis] if array.ndim == 2 else array


def _gray_of_integers(image: Any, raw: str) -> np.ndarray:
    """Return gray of 16 bits, which Pillow also keeps in 32."""
    array = np.asarray(image)[..., np.newaxis]
    least, most = array.min(), array.max()
    if least < 0 or most > 65535:
        raise _Unreadable(
            f"has values from {least} to {most}, but gray from 0 to 65535 was "
            "expected; scale them, or pass arrays instead of images"
        )
    array = array.astype(np.uint16)
    if raw == "I;12":
        array = array << 4 | array >> 8
    if getattr(image, "tag_v2", {}).get(262) == 0:  # TIFF: white is zero
        array = 65535 - array
    return array


def _lab_to_rgb(image: Any) -> Any:
    from PIL import ImageCms

    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")


def _with_key(pixels: np.ndarray, key: Any) -> np.ndarray:
    """Add alpha where one gray or color stands for transparency."""
    if not isinstance(key, (int, tuple)):
        return pixels
    clear = (pixels == np.asarray(key)).all(axis=2, keepdims=True)
    alpha = np.where(clear, 0, _LARGEST[pixels.dtype]).astype(pixels.dtype)
    return np.concatenate([pixels, alpha], axis=2)


def _gray_if_gray(pixels: np.ndarray) -> np.ndarray:
    """Return one channel for three if those of all visible pixels are alike."""
    alike = (pixels[..., :2] == pixels[..., 1:3]).all(axis=2)
    if pixels.shape[2] == 4:
        alike |= pixels[..., 3] == 0
    if not alike.all():
        return pixels
    return pixels[..., ::3] if pixels.shape[2] == 4 else pixels[..., :1]


def _oriented(pixels: np.ndarray, image: Any) -> np.ndarray:
    """Turn pixels as the camera notes; a note that cannot be read counts as none."""
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:
        orientation = 1
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    down, right = _FLIPS.get(orientation, (1, 1))
    return pixels[::down, ::right]


def _on_paper(pixels: np.ndarray, paper: tuple[int, ...]) -> np.ndarray:
    """Put transparent pixels on a color."""
    dtype = pixels.dtype
    largest = np.uint32(_LARGEST[dtype])
    color = np.array(paper, np.uint8).reshape(1, 1, 3)
    if pixels.shape[2] == 2:
        color = _luminance(color)
    color = to_depth(color, dtype).astype(np.uint32)
    result = np.empty((*pixels.shape[:2], pixels.shape[2] - 1), dtype)
    for rows in _bands(pixels):
        wide = pixels[rows].astype(np.uint32)
        alpha = wide[..., -1:]
        mixed = wide[..., :-1] * alpha + color * (largest - alpha)
        result[rows] = (mixed + largest // 2) // largest
    return result


def _luminance(pixels: np.ndarray) -> np.ndarray:
    """Return color as gray, with Pillow's weights (ITU-R 601) for 16 bits as well."""
    if pixels.dtype == np.uint8:
        return _array(_import_pillow().fromarray(np.ascontiguousarray(pixels)), "L")
    result = np.empty((*pixels.shape[:2], 1), pixels.dtype)
    weights = np.array([19595, 38470, 7471], np.uint32)
    for rows in _bands(pixels):
        weighted = (pixels[rows] * weights).sum(axis=2, keepdims=True, dtype=np.uint32)
        result[rows] = (weighted + 0x8000) >> 16
    return result


def _bands(pixels: np.ndarray) -> Iterator[slice]:
    """Yield rows by some, so that wide integers are needed for few of them."""
    return chunk_rows(len(pixels), (*pixels.shape[1:], 1))


def _resized(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return pixels in another size, (height, width)."""
    Image = _import_pillow()
    bilinear = Image.Resampling.BILINEAR
    pixels = np.ascontiguousarray(pixels)
    if pixels.dtype == np.uint8:
        flat = pixels[..., 0] if pixels.shape[2] == 1 else pixels
        resized = np.asarray(Image.fromarray(flat).resize(size[::-1], bilinear))
        return resized.reshape(*size, pixels.shape[2])
    # Pillow has no colors of 16 bits, but floats for one channel. A color counts as
    # much as it is opaque, as in Pillow's resizing of 8 bits.
    alpha = pixels[..., 3].astype(np.float32) if pixels.shape[2] == 4 else None
    result = np.empty((*size, pixels.shape[2]), np.float32)
    for i in range(pixels.shape[2]):
        band = pixels[..., i].astype(np.float32)
        if alpha is not None and i < 3:
            band *= alpha / 65535
        result[..., i] = Image.fromarray(band).resize(size[::-1], bilinear)
    if alpha is not None:
        result[..., :3] *= 65535 / np.maximum(result[..., 3:], 0.5)
    return np.clip(np.rint(result), 0, 65535).astype(np.uint16)


def _name(source: Any, position: int) -> str:
    """Return what a source is called in messages."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    file = getattr(source, "filename", "")
    return f"image {position}" + (f" ({file})" if file else "")


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be opened ({error.strerror or error})"
    return str(error)


def _unreadable_error(
    named: Sequence[tuple[str, str]],
    errors: Sequence[Exception],
    n_sources: int,
    advised: bool,
) -> Exception:
    """Return the error that lists all images that cannot be read.

    `advised` is false where all are skipped, and nothing is left.
    """
    if len(errors) == 1 and isinstance(errors[0], OSError):
        return errors[0]
    if not advised:
        message = f"No image can be read: {_with_reasons(named)}."
    elif len(named) == 1:
        message = f"{_with_reasons(named)}. Leave it out, or pass on_error='skip'."
    else:
        message = (
            f"{len(named)} of {counted(n_sources, 'image')} cannot be read: "
            f"{_with_reasons(named)}. Leave them out, or pass on_error='skip'."
        )
    if all(isinstance(error, OSError) for error in errors):
        return OSError(getattr(errors[0], "errno", None) or errno.EIO, message)
    return ValueError(message)


def _sizes_message(sources: Sequence[Any], known: dict[int, tuple[int, ...]]) -> str:
    """Say which sizes there are, some of them known, and what could be made of them."""
    sizes: dict[tuple[int, ...], list[int]] = {}
    color = False
    for i, source in enumerate(sources):
        try:
            size, is_color = _header(source)
        except (_Unreadable, OSError):
            continue
        sizes.setdefault(known.get(i, size), []).append(i)
        color = color or is_color
    (first, (i, *_)), *others = sizes.items()
    example = f"{_name(sources[i], i)} has {first[0]} x {first[1]} pixels"
    for size, (j, *_) in others[:1]:
        example += f", {_name(sources[j], j)} has {size[0]} x {size[1]}"
    shape = suggested_shape([size for size, i in sizes.items() for _ in i], color)
    return (
        f"The images have {len(sizes)} different sizes: {example}. Give `image_shape` "
        f"to have them resized, for example image_shape={shape}."
    )


def suggested_shape(sizes: Sequence[tuple[int, ...]], color: bool) -> tuple[int, ...]:
    """Return an `image_shape` for images of these sizes, (width, height)."""
    width, height = np.median(sizes, axis=0)
    shape: tuple[int, ...] = (round(height), round(width))
    if max(shape) > _SUGGESTED_SIDE:
        shrink = _SUGGESTED_SIDE / max(shape) / 4
        shape = tuple(max(8, 4 * round(side * shrink)) for side in shape)
    return (*shape, 3) if color else shape


def _header(source: Any) -> tuple[tuple[int, ...], bool]:
    """Return the size of an image, and whether it is in color, without its pixels."""
    Image = _import_pillow()
    if isinstance(source, Image.Image):
        return _size_and_color(source)
    with _regular_file(source) as file, _as_unreadable(file), _opened(file) as image:
        return _size_and_color(image)


def _size_and_color(image: Any) -> tuple[tuple[int, ...], bool]:
    width, height = image.size
    turned = False
    if image.format != "TIFF" and "exif" in image.info:  # Pillow has turned TIFF's
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    gray = image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;")
    return (height, width) if turned else (width, height), not gray


def _with_reasons(named: Sequence[tuple[str, str]]) -> str:
    return first_of(f"{name} {reason}" for name, reason in named)
