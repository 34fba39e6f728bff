"""One image file or PIL image, decoded into the pixels that an image viewer shows."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

from skcnn._images.forms import chunk_rows

# The formats that image viewers open. Vector formats are not among these: Pillow would
# start Ghostscript to draw them. TGA comes last, because a TGA file has no signature.
_FORMATS = (
    *("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "AVIF", "HEIF", "JPEG2000"),
    *("MPO", "ICO", "DIB", "PCX", "QOI", "XBM", "TGA"),
)
_LARGEST = {np.dtype(np.uint8): 255, np.dtype(np.uint16): 65535}
_CONVERTED = {
    **{"LA": "LA", "La": "LA", "RGBA": "RGBA", "RGBa": "RGBA"},
    **{"RGBX": "RGB", "CMYK": "RGB", "YCbCr": "RGB", "HSV": "RGB"},
}
# EXIF orientation -> steps of the slices along height and width, where -1 flips. For
# orientations above 4, height and width are swapped first.
_FLIPS = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}


class Unreadable(Exception):
    """A source cannot be read; the message follows the name of the source."""


def import_pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Reading image files requires Pillow. You can install it with "
            '`pip install "skcnn[images]"`.'
        ) from error
    return Image


def to_depth(pixels: np.ndarray, dtype: Any) -> np.ndarray:
    """Convert pixels to uint8 or uint16 and keep their brightness."""
    if pixels.dtype == dtype:
        return pixels
    if dtype == np.uint16:
        return pixels.astype(np.uint16) * np.uint16(257)
    return ((pixels + np.uint32(128)) // np.uint32(257)).astype(np.uint8)


def decode(
    source: Any,
    channels: int | None,
    background: tuple[int, ...],
    resize: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, bool]:
    """Return an image (height, width, channels), and if a pixel is transparent.

    `resize` is a function that resizes the converted pixels. Where it or `channels` is
    None, the image keeps its own, except that alpha is removed.
    """
    Image = import_pillow()
    if isinstance(source, Image.Image):
        with _as_unreadable():
            pixels = _pixels_of_pil(source)
    else:
        with _regular_file(source) as file, _as_unreadable(file):
            pixels = _pixels_of_file(file)
    if not pixels.size:
        raise Unreadable(f"has no pixels: it is {pixels.shape[1]} x {pixels.shape[0]}")
    pixels, transparent = with_channels(pixels, channels, background)
    return pixels if resize is None else resize(pixels), transparent


def with_channels(
    pixels: np.ndarray, channels: int | None, background: tuple[int, ...]
) -> tuple[np.ndarray, bool]:
    """Convert gray, gray and alpha, RGB or RGBA; return too if a pixel is transparent.

    With `channels` None, alpha is removed and the rest stays. Pixels with alpha, and
    those that get alpha, are uint8 or uint16.
    """
    transparent = False
    if pixels.shape[2] in (2, 4):
        transparent = bool((pixels[..., -1] != _LARGEST[pixels.dtype]).any())
        if channels == 4:
            pixels = pixels[..., [0, 0, 0, 1]] if pixels.shape[2] == 2 else pixels
        elif transparent:
            if channels == 3 and pixels.shape[2] == 2:
                pixels = pixels[..., [0, 0, 0, 1]]
            pixels = _on_background(pixels, background)
        else:
            pixels = pixels[..., :-1]
    if channels == 1 and pixels.shape[2] == 3:
        pixels = luminance(pixels)
    elif channels == 3 and pixels.shape[2] == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    elif channels == 4 and pixels.shape[2] < 4:
        color = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
        opaque = np.full_like(color[..., :1], _LARGEST[pixels.dtype])
        pixels = np.concatenate([color, opaque], axis=2)
    return pixels, transparent


def _regular_file(path: Any) -> BinaryIO:
    """Open a regular file; refuse a pipe, which would wait for a writer."""
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise Unreadable(f"is {what}")
        return open(path, "rb")
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Unreadable("is a link that leads back to itself") from error
        raise
    except ValueError as error:  # a null byte in the name
        raise Unreadable(f"cannot be opened ({error})") from error


@contextmanager
def _as_unreadable(file: Any = None) -> Iterator[None]:
    """Raise `Unreadable` in place of whatever Pillow raises on a damaged image."""
    Image = import_pillow()
    from PIL import UnidentifiedImageError

    try:
        yield
    except Unreadable:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(f"has more pixels than Pillow decodes ({error})") from error
    except UnidentifiedImageError as error:
        raise Unreadable(_why_unknown(file)) from error
    except Exception as error:
        # Pillow has no exception class for damaged files: anything may be raised.
        text = str(error) or type(error).__name__
        raise Unreadable(f"cannot be decoded ({text})") from error


def _why_unknown(file: Any) -> str:
    """Return why Pillow does not recognize a file, to follow the file's name."""
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
    """Open an image file with Pillow, in one of `_FORMATS`."""
    Image = import_pillow()
    Image.init()
    # Older versions of Pillow lack some formats, and the package pillow-heif adds one.
    return Image.open(file, formats=[name for name in _FORMATS if name in Image.OPEN])


def _pixels_of_pil(image: Any) -> np.ndarray:
    """Return the pixels of a PIL image; if not loaded yet, read its file instead."""
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
    """Return an image (height, width, channels): gray, gray and alpha, RGB or RGBA."""
    with _opened(file) as image:
        image.seek(frame)
        _refuse_what_pillow_cuts(image, file)
        raw = _raw_mode(image)
        # The raw mode "BGR;16" does not match: it has 16 bits for all three channels.
        if raw.endswith((";16B", ";16L", ";16N")) and not image.mode.startswith("I"):
            return _oriented(_deep_pixels(image, raw, file, frame), image)
        return _oriented(_pixels(image, raw), image)


def _raw_mode(image: Any) -> str:
    """Return Pillow's raw mode of an image: the layout of the pixels in the file."""
    if not image.tile:
        return ""
    codec, _, _, arguments = image.tile[0]
    raw = arguments if isinstance(arguments, str) else (*(arguments or ()), "")[0]
    if codec == "ppm" and image.mode == "RGB" and arguments[-1] > 255:
        return "RGB;16B"
    return raw if isinstance(raw, str) else ""


def _refuse_what_pillow_cuts(image: Any, file: Any) -> None:
    """Refuse colors of more than 8 bits that Pillow cannot read without loss."""
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
        raise Unreadable(
            "has colors of more than 8 bits a channel, but Pillow reads only 8 bits; "
            "save it as a PNG file of 8 or 16 bits a channel first"
        )


def _bits_in_header(file: Any) -> int:
    """Return the bits a channel that the header of an AVIF or JPEG 2000 file states."""
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
    """Return all 16 bits of colors that Pillow reduces to 8 bits.

    Pillow's codecs unpack one byte of each two. With the raw mode ";16B" this is the
    first byte, with ";16L" the second one. So the file is decoded once with each.
    """
    mode, key = image.mode, image.info.get("transparency")
    most = image.tile[0][3][-1] if image.format == "PPM" else 65535
    if raw.startswith("LA"):
        # Gray and alpha of 16 bits have four bytes a pixel, as RGBA of 8 bits has.
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
    """Decode a file as if its pixels had the layout `raw`, a raw mode of Pillow."""
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
        # Pillow scales gray of 2 and 4 bits to 8 bits, but not the transparent gray.
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
        raise Unreadable(
            f"has the mode {mode}: floating pixels, whose values of black and white "
            "are not known; scale it to 0 to 255 and save it as PNG, or pass arrays "
            "instead of image files"
            if mode == "F"
            else f"has the mode {mode}, which is not known"
        )
    return _array(image, _CONVERTED[mode])


def _array(image: Any, mode: str) -> np.ndarray:
    """Convert a PIL image to a mode, and return it as (height, width, channels)."""
    array = np.asarray(image if image.mode == mode else image.convert(mode))
    return array[..., np.newaxis] if array.ndim == 2 else array


def _gray_of_integers(image: Any, raw: str) -> np.ndarray:
    """Return 16-bit gray, which Pillow may hold in 32-bit integers."""
    array = np.asarray(image)[..., np.newaxis]
    least, most = array.min(), array.max()
    if least < 0 or most > 65535:
        raise Unreadable(
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
    """Add an alpha channel if a gray or color `key` stands for transparent pixels."""
    if not isinstance(key, (int, tuple)):
        return pixels
    clear = (pixels == np.asarray(key)).all(axis=2, keepdims=True)
    alpha = np.where(clear, 0, _LARGEST[pixels.dtype]).astype(pixels.dtype)
    return np.concatenate([pixels, alpha], axis=2)


def _gray_if_gray(pixels: np.ndarray) -> np.ndarray:
    """Replace RGB by one channel if all visible pixels are gray."""
    alike = (pixels[..., :2] == pixels[..., 1:3]).all(axis=2)
    if pixels.shape[2] == 4:
        alike |= pixels[..., 3] == 0
    if not alike.all():
        return pixels
    return pixels[..., ::3] if pixels.shape[2] == 4 else pixels[..., :1]


def _oriented(pixels: np.ndarray, image: Any) -> np.ndarray:
    """Apply the EXIF orientation; EXIF data that cannot be read is ignored."""
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:
        orientation = 1
    if orientation in (5, 6, 7, 8):
        pixels = pixels.transpose(1, 0, 2)
    down, right = _FLIPS.get(orientation, (1, 1))
    return pixels[::down, ::right]


def _on_background(pixels: np.ndarray, background: tuple[int, ...]) -> np.ndarray:
    """Put transparent pixels on a color, and remove the alpha channel."""
    dtype = pixels.dtype
    largest = np.uint32(_LARGEST[dtype])
    color = np.array(background, np.uint8).reshape(1, 1, 3)
    if pixels.shape[2] == 2:
        color = luminance(color)
    color = to_depth(color, dtype).astype(np.uint32)
    result = np.empty((*pixels.shape[:2], pixels.shape[2] - 1), dtype)
    for rows in _bands(pixels):
        wide = pixels[rows].astype(np.uint32)
        alpha = wide[..., -1:]
        mixed = wide[..., :-1] * alpha + color * (largest - alpha)
        result[rows] = (mixed + largest // 2) // largest
    return result


def luminance(pixels: np.ndarray) -> np.ndarray:
    """Convert color of any dtype to gray with Pillow's weights (ITU-R 601)."""
    if pixels.dtype == np.uint8:
        return _array(import_pillow().fromarray(np.ascontiguousarray(pixels)), "L")
    result = np.empty((*pixels.shape[:2], 1), pixels.dtype)
    weights = np.array([19595, 38470, 7471], np.uint32)
    for rows in _bands(pixels):
        if pixels.dtype == np.uint16:
            gray = (pixels[rows] * weights).sum(axis=2, dtype=np.uint32)
            result[rows, :, 0] = (gray + 0x8000) >> 16
            continue
        gray = pixels[rows] @ (weights / 2**16)
        result[rows, :, 0] = gray if pixels.dtype.kind == "f" else np.rint(gray)
    return result


def _bands(pixels: np.ndarray) -> Iterator[slice]:
    """Yield slices of rows, so that only a few rows are ever held as uint32."""
    return chunk_rows(len(pixels), (*pixels.shape[1:], 1))


def size_and_color(source: Any) -> tuple[tuple[int, ...], bool]:
    """Return an image's (width, height), and if it is in color; decode no pixels."""
    Image = import_pillow()
    if isinstance(source, Image.Image):
        return _size_and_color_of_pil(source)
    with _regular_file(source) as file, _as_unreadable(file), _opened(file) as image:
        return _size_and_color_of_pil(image)


def _size_and_color_of_pil(image: Any) -> tuple[tuple[int, ...], bool]:
    """Return a PIL image's (width, height) as displayed, and if it is in color."""
    width, height = image.size
    turned = False
    # Pillow itself applies the orientation of a TIFF file.
    if image.format != "TIFF" and "exif" in image.info:
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
    gray = image.mode in ("1", "L", "LA", "La", "I", "F") or image.mode.startswith("I;")
    return (height, width) if turned else (width, height), not gray
