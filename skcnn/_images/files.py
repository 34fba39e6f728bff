"""Image files and PIL images, read into one array as an image viewer shows them."""

import errno
import os
from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

from skcnn._images.decoding import (
    Unreadable,
    decode,
    import_pillow,
    size_and_color,
    to_depth,
)
from skcnn._images.forms import check_image_shape
from skcnn._images.resizing import MOST_PIXELS, resized
from skcnn._messages.warnings import warn_of
from skcnn._messages.wording import counted, first_of

# A warning suggests smaller images if the array takes this much memory, or if there
# are `_MANY` images or more with a side above `_LARGE_SIDE`.
_LARGE_GIGABYTES = 4
_MANY, _LARGE_SIDE = 1000, 256
# The longer side of the `image_shape` that messages suggest: skcnn's networks are made
# for images of about this size.
_SUGGESTED_SIDE = 64


class ReadImages(NamedTuple):
    """The images that were read, and what a caller may want to report about them.

    `kept` holds the positions of the sources that were read, `transparent` the
    positions of the sources with transparent pixels, and `skipped` a pair (name,
    reason) for each source that could not be read.
    """

    images: np.ndarray
    kept: list[int]
    transparent: list[int]
    skipped: list[tuple[str, str]]


class _Form(NamedTuple):
    """What all images of an array have in common; alpha is not among the channels."""

    height: int
    width: int
    channels: int
    dtype: np.dtype


def read_images(
    sources: Sequence[Any],
    image_shape: Sequence[int] | None = None,
    *,
    background: Any = "white",
    on_error: str = "raise",
    can_skip: bool = True,
) -> np.ndarray:
    """Read image files and PIL images into one array, as an image viewer shows them.

    The orientation that a camera stores (EXIF) is applied. Transparent pixels are put
    on a background. Palettes and other color spaces become gray or RGB. Of an
    animation or a stack, the first image is taken. The format is found from the
    content of a file, whatever the file's name. Color profiles (ICC) are not applied.

    If `image_shape` is given, images are converted and resized to it (bilinear, without
    keeping their proportions). Otherwise all images must have the same size; the result
    is gray if all images are gray, and color otherwise. Gray images have no channel
    axis unless `image_shape` has one. The dtype is uint16 if an image has more than 8
    bits a channel, and uint8 otherwise.

    Images that cannot be read raise an OSError or ValueError that names them, or, with
    ``on_error="skip"``, are left out with one warning. With ``can_skip=False``, the
    error does not mention `on_error`, for callers that have no such option.
    """
    read = read_images_with_facts(
        sources,
        image_shape,
        background=background,
        on_error=on_error,
        can_skip=can_skip,
    )
    if read.skipped:
        warn_of(UserWarning(skipped_message(read)))
    return read.images


def read_images_with_facts(
    sources: Sequence[Any],
    image_shape: Sequence[int] | None = None,
    *,
    background: Any = "white",
    on_error: str = "raise",
    can_skip: bool = True,
    resize: Callable[[np.ndarray], np.ndarray] | None = None,
) -> ReadImages:
    """Read images as `read_images` does, and report what was skipped or transparent.

    `resize` may be another way to give an image the height and width of `image_shape`.
    """
    sources = _checked_sources(sources)
    array: np.ndarray = np.empty(0)

    def begin(shape: tuple[int, ...], dtype: np.dtype) -> Callable[[np.ndarray], None]:
        nonlocal array
        large = _large_message(len(sources), shape, dtype, image_shape)
        if large:
            warn_of(UserWarning(large))
        try:
            array = np.empty((len(sources), *shape), dtype)
        except MemoryError as error:
            raise ValueError(
                f"{counted(len(sources), 'image')} of shape {shape} do not fit into "
                f"memory ({error}). Pass a smaller image_shape, or fewer images."
            ) from error
        rows = iter(array)

        def store(image: np.ndarray) -> None:
            next(rows)[...] = image

        return store

    kept, transparent, skipped = decode_images(
        sources,
        image_shape,
        begin,
        background,
        on_error,
        resize=resize,
        can_skip=can_skip,
    )
    return ReadImages(array[: len(kept)], kept, transparent, skipped)


def decode_images(
    sources: Sequence[Any],
    image_shape: Sequence[int] | None,
    begin: Callable[[tuple[int, ...], np.dtype], Callable[[np.ndarray], Any]],
    background: Any = "white",
    on_error: str = "raise",
    *,
    channels: int | None = None,
    resize: Callable[[np.ndarray], np.ndarray] | None = None,
    can_skip: bool = True,
) -> tuple[list[int], list[int], list[tuple[str, str]]]:
    """Decode images one by one, and pass each to a function that stores the image.

    In place of `image_shape`, `channels` may state the number of channels, and `resize`
    a function that gives all images the same size. With `image_shape`, `resize` may be
    another way to its height and width.

    `begin` takes the shape and dtype of the images, and returns the function that
    stores one image. If a color image follows gray ones, or a 16-bit image follows
    8-bit ones, `begin` is called again and decoding starts again with the first image.

    The function returns the `kept`, `transparent` and `skipped` of `ReadImages`.
    """
    check_options(image_shape, background, on_error)
    size, stated_channels = _stated_form(image_shape)
    if size is not None:
        channels, resize = stated_channels, resize or partial(resized, size=size)
        if not len(sources):
            begin(tuple(image_shape or ()), np.dtype(np.uint8))
    color = as_rgb(background)
    form: _Form | None = None
    failures: dict[int, Exception] = {}
    transparent: set[int] = set()
    kept: list[int] = []
    position = 0
    while position < len(sources):
        try:
            # Convert gray to color before the background is applied if the array is
            # in color: the background keeps its color then.
            wanted = channels or (3 if form is not None and form.channels > 1 else None)
            image, has_transparency = decode(sources[position], wanted, color, resize)
        except (Unreadable, OSError) as error:
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
            # The images decoded so far have fewer channels or fewer bits.
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
        raise _unreadable_error(
            named,
            list(failures.values()),
            len(sources),
            advised=on_error == "raise",
            can_skip=can_skip,
        )
    if form is None and size is None:
        raise ValueError("Got no images, but at least one was expected.")
    return kept, sorted(transparent), named


def describe_images(
    images: np.ndarray,
    transparent: Sequence[str] = (),
    skipped: Sequence[str] = (),
) -> str:
    """Describe the size, color and depth of images that were read, and the decisions.

    `transparent` and `skipped` are names of files.
    """
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
    """Return a warning that the images are large, or None if they are not."""
    gigabytes = n * prod(shape) * dtype.itemsize / 2**30
    many_large = image_shape is None and n >= _MANY and max(shape[:2]) > _LARGE_SIDE
    if gigabytes < _LARGE_GIGABYTES and not many_large:
        return None
    height, width, *channels = shape
    smaller = suggested_shape([(width, height)], channels == [3])
    return (
        f"{n:,} images of {width} x {height} pixels take {gigabytes:.1f} GB of memory, "
        "and training on them takes much more memory and a long time. Pass a smaller "
        f"image_shape to resize the images, for example image_shape={smaller}."
    )


def skipped_message(read: ReadImages) -> str:
    """Return the warning that names the skipped images and the reasons."""
    n = len(read.skipped)
    return (
        f"{n} of {counted(n + len(read.kept), 'image')} cannot be read and "
        f"{'is' if n == 1 else 'are'} skipped: {_with_reasons(read.skipped)}."
    )


def _checked_sources(sources: Any) -> list:
    Image = import_pillow()
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
    """Raise if Pillow is missing or an option is wrong, before a file is opened."""
    import_pillow()
    _stated_form(image_shape)
    as_rgb(background)
    if on_error not in ("raise", "skip"):
        raise ValueError(f'Got on_error={on_error!r}, but expected "raise" or "skip".')


def _stated_form(image_shape: Any) -> tuple[tuple[int, int] | None, int | None]:
    """Return the (height, width) and the number of channels that the user asks for."""
    if image_shape is None:
        return None, None
    height, width, channels = check_image_shape(image_shape)
    if channels not in (1, 3, 4):
        raise ValueError(
            f"Got image_shape={image_shape!r}, but image files have 1, 3 or 4 channels."
        )
    if height * width > MOST_PIXELS:
        raise ValueError(
            f"Got image_shape={image_shape!r}, but images are resized to at most "
            f"{MOST_PIXELS:,} pixels."
        )
    return (height, width), channels


def as_rgb(background: Any) -> tuple[int, ...]:
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
    """Return the form that can hold another image without loss."""
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
    """Return an image in the depth and the shape of the array that will hold it."""
    image = to_depth(image, form.dtype)
    if image_shape is not None:
        return image.reshape(image_shape)
    # Where the array is in color, assignment broadcasts the channel of a gray image.
    return image[..., 0] if form.channels == 1 else image


def _name(source: Any, position: int) -> str:
    """Return the name of a source for messages."""
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
    can_skip: bool,
) -> Exception:
    """Return the error that lists all images that cannot be read.

    `advised` is False if the images were to be skipped and none is left: advice to
    skip the images would not help then. `can_skip` is False if the caller has no option
    to skip images.
    """
    skip = ", or pass on_error='skip'." if can_skip else "."
    if len(errors) == 1 and isinstance(errors[0], OSError):
        return errors[0]
    if not advised:
        message = f"No image can be read: {_with_reasons(named)}."
    elif len(named) == 1:
        message = f"{_with_reasons(named)}. Leave it out{skip}"
    else:
        message = (
            f"{len(named)} of {counted(n_sources, 'image')} cannot be read: "
            f"{_with_reasons(named)}. Leave them out{skip}"
        )
    if all(isinstance(error, OSError) for error in errors):
        return OSError(getattr(errors[0], "errno", None) or errno.EIO, message)
    return ValueError(message)


def _sizes_message(sources: Sequence[Any], known: dict[int, tuple[int, ...]]) -> str:
    """Return the error message for images of different sizes.

    `known` maps positions to sizes (width, height) that were found by decoding.
    """
    sizes: dict[tuple[int, ...], list[int]] = {}
    color = False
    for i, source in enumerate(sources):
        try:
            size, is_color = size_and_color(source)
        except (Unreadable, OSError):
            continue
        sizes.setdefault(known.get(i, size), []).append(i)
        color = color or is_color
    (first, (i, *_)), *others = sizes.items()
    example = f"{_name(sources[i], i)} has {first[0]} x {first[1]} pixels"
    for size, (j, *_) in others[:1]:
        example += f", {_name(sources[j], j)} has {size[0]} x {size[1]}"
    shape = suggested_shape([size for size, i in sizes.items() for _ in i], color)
    return (
        f"The images have {len(sizes)} different sizes: {example}. Pass `image_shape` "
        f"to resize the images, for example image_shape={shape}."
    )


def suggested_shape(sizes: Sequence[tuple[int, ...]], color: bool) -> tuple[int, ...]:
    """Return an `image_shape` for images whose sizes (width, height) are given."""
    width, height = np.median(sizes, axis=0)
    shape: tuple[int, ...] = (round(height), round(width))
    if max(shape) > _SUGGESTED_SIDE:
        shrink = _SUGGESTED_SIDE / max(shape) / 4
        shape = tuple(max(8, 4 * round(side * shrink)) for side in shape)
    return (*shape, 3) if color else shape


def _with_reasons(named: Sequence[tuple[str, str]]) -> str:
    return first_of(f"{name} {reason}" for name, reason in named)
