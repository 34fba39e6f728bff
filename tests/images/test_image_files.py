"""Image files and PIL images, read as a viewer shows them."""

import io
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skcnn._images.decoding import to_depth
from skcnn._images.files import describe_images, read_images
from skcnn._images.folder_listing import is_leftover, list_image_files, natural_order
from skcnn.datasets import load_image_folder

Image = pytest.importorskip("PIL.Image")

SHAPE = (4, 6)
ORIENTATIONS = range(1, 9)


def stored_as(upright, orientation):
    """Return the pixels that a file with this EXIF orientation holds."""
    return {
        1: lambda x: x,
        2: np.fliplr,
        3: lambda x: np.rot90(x, 2),
        4: np.flipud,
        5: lambda x: np.swapaxes(x, 0, 1),
        6: np.rot90,
        7: lambda x: np.swapaxes(np.rot90(x, 2), 0, 1),
        8: lambda x: np.rot90(x, -1),
    }[orientation](upright)


def exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def chunk(name, content):
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def png(pixels, color_type, *, bits=16, before=b"", after=b""):
    """Write a PNG file with what Pillow cannot write: 16 bits, colors that are keys."""
    height, width = pixels.shape[:2]
    rows = np.ascontiguousarray(pixels, ">u2" if bits == 16 else "u1")
    rows = rows.reshape(height, -1)
    if bits < 8:
        ones = np.unpackbits(rows[..., np.newaxis], axis=2)[..., 8 - bits :]
        rows = np.packbits(ones.reshape(height, -1), axis=1)
    header = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", zlib.compress(lines))
        + after
        + chunk(b"IEND", b"")
    )


def tiff(
    pixels, byte_order="<", *, orientation=1, extra=None, photometric=None, packed=False
):
    """Write a TIFF file of 16 bits a channel, which Pillow writes for gray only."""
    height, width, channels = pixels.shape
    data = pixels.astype(byte_order + "u2").tobytes()
    data = zlib.compress(data) if packed else data
    if photometric is None:
        photometric = 2 if channels > 2 else 1
    tags = [
        *((256, "H", [width]), (257, "H", [height]), (258, "H", [16] * channels)),
        *((259, "H", [8 if packed else 1]), (262, "H", [photometric]), (273, "I", [0])),
        *((274, "H", [orientation]), (277, "H", [channels]), (278, "H", [height])),
        (279, "I", [len(data)]),
        *([] if extra is None else [(338, "H", [extra])]),
    ]
    end = 8 + 2 + 12 * len(tags) + 4
    entries, rest = b"", b""
    offset_of_data = end + 2 * channels * (channels > 2)
    for tag, kind, values in tags:
        values = [offset_of_data] if tag == 273 else values
        content = struct.pack(f"{byte_order}{len(values)}{kind}", *values)
        if len(content) > 4:
            rest += content
            content = struct.pack(byte_order + "I", end)
        code = {"H": 3, "I": 4}[kind]
        entries += struct.pack(byte_order + "HHI", tag, code, len(values))
        entries += content.ljust(4, b"\0")
    order = b"II*\0" if byte_order == "<" else b"MM\0*"
    head = order + struct.pack(byte_order + "IH", 8, len(tags))
    return head + entries + b"\0\0\0\0" + rest + data


def saved(image, format, **options):
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def on_white(color, alpha, most):
    share = alpha.astype(float) / most
    return np.rint(color * share + most * (1 - share)).astype(int)


def of_mode(mode, pixels):
    """Return a PIL image, by the bytes of its pixels."""
    height, width = pixels.shape[:2]
    return Image.frombytes(mode, (width, height), np.ascontiguousarray(pixels))


@st.composite
def files(draw):
    """Draw a file's content, its form, and the pixels that a viewer shows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    orientation = draw(st.sampled_from(ORIENTATIONS))
    few = draw(st.booleans())  # then there are runs, and hits of the transparent color

    def random(*shape, most=255):
        values = rng.integers(0, most + 1, (*SHAPE, *shape))
        return values % 3 if few else values

    def turned(pixels):
        return np.ascontiguousarray(stored_as(pixels, orientation))

    def png_chunks(before=b""):
        mark = chunk(b"eXIf", exif(orientation).tobytes()[6:])
        if draw(st.booleans()):
            return {"before": mark + before}
        return {"before": before, "after": mark}

    kind = draw(
        st.sampled_from(
            [
                *("png", "png key", "png 16", "png palette", "tiff", "tiff 16", "webp"),
                *("gif", "one color", "pnm", "animation", "cmyk"),
            ]
        )
    )
    bits = 8
    if kind == "png":
        channels = draw(st.integers(1, 4))
        raw = random(channels)
        mode = [None, "L", "LA", "RGB", "RGBA"][channels]
        image = of_mode(mode, turned(raw).astype(np.uint8))
        content = saved(image, "PNG", exif=exif(orientation))
    elif kind == "png key":
        bits, channels = draw(
            st.sampled_from([(2, 1), (4, 1), (8, 1), (16, 1), (8, 3), (16, 3)])
        )
        raw = random(channels, most=2**bits - 1)
        key = raw[0, 0]
        alpha = np.where((raw == key).all(-1, keepdims=True), 0, 2**bits - 1)
        chunks = png_chunks(chunk(b"tRNS", struct.pack(f">{channels}H", *key.tolist())))
        content = png(turned(raw), channels - 1, bits=bits, **chunks)
        raw = np.concatenate([raw, alpha], axis=2)
        if bits < 8:
            raw = raw * (255 // (2**bits - 1))
            bits = 8
    elif kind == "png 16":
        bits, channels = 16, draw(st.integers(1, 4))
        raw = random(channels, most=65535)
        color_type = [None, 0, 4, 2, 6][channels]
        content = png(turned(raw), color_type, **png_chunks())
    elif kind == "png palette":
        gray = draw(st.booleans())
        table = rng.integers(0, 256, (256, 1 if gray else 3)).astype(np.uint8)
        table = np.repeat(table, 3, axis=1) if gray else table
        table[:2] = [[0, 0, 0], [9, 8, 7]] if not gray else [[0, 0, 0], [9, 9, 9]]
        alphas = rng.integers(0, 256, 256).astype(np.uint8)
        index = random()
        index[0, :2] = 0, 1
        if draw(st.booleans()):
            alphas[:] = 255
        alphas[1] = 255
        chunks = png_chunks(
            chunk(b"PLTE", table.tobytes()) + chunk(b"tRNS", alphas.tobytes())
        )
        content = png(turned(index), 3, bits=8, **chunks)
        raw = np.concatenate([table[index], alphas[index][..., None]], axis=2)
        raw = raw[..., [0, 3]] if gray else raw
    elif kind == "tiff":
        mode = draw(st.sampled_from(["L", "LA", "RGB", "RGBA", "P"]))
        raw = random(len(mode))
        image = of_mode(mode, turned(raw).astype(np.uint8))
        if mode == "P":
            table = rng.integers(0, 256, (256, 3)).astype(np.uint8)
            table[raw[0, 0]] = 1, 2, 3
            image.putpalette(table.tobytes())
            raw = table[raw[..., 0]]
        packed = draw(st.sampled_from([None, "tiff_lzw", "tiff_adobe_deflate"]))
        tags = {274: orientation}
        content = saved(image, "TIFF", compression=packed, tiffinfo=tags)
    elif kind == "tiff 16":
        bits = 16
        channels = draw(st.sampled_from([1, 3, 4]))
        raw = random(channels, most=65535)
        extra = draw(st.sampled_from([None, 1, 2])) if channels == 4 else None
        pixels = raw
        if extra == 1:  # colors that are multiplied by alpha already
            pixels = raw.copy()
            pixels[..., :3] = np.rint(raw[..., :3] * (raw[..., 3:] / 65535))
        content = tiff(
            turned(pixels),
            draw(st.sampled_from("<>")),
            orientation=orientation,
            extra=extra,
            packed=draw(st.booleans()),
        )
    elif kind == "webp":
        raw = random(draw(st.sampled_from([3, 4])))
        image = of_mode("RGBA"[: raw.shape[2]], turned(raw).astype(np.uint8))
        content = saved(
            image, "WEBP", lossless=True, exact=True, exif=exif(orientation)
        )
    elif kind == "gif":
        orientation = 1
        table = rng.integers(0, 256, (256, 3)).astype(np.uint8)
        table[0] = 1, 2, 3
        index = random()
        index[0, 0], index[0, 1] = 0, 5
        image = of_mode("P", index.astype(np.uint8))
        image.putpalette(table.tobytes())
        content = saved(image, "GIF", transparency=5, optimize=False)
        raw = np.concatenate([table[index], 255 * (index != 5)[..., None]], axis=2)
    elif kind == "one color":  # black and white
        ink = random(1) % 2
        raw = 255 * ink
        content = png(turned(ink), 0, bits=1, **png_chunks())
    elif kind == "pnm":
        orientation = 1
        bits = draw(st.sampled_from([8, 16]))
        raw = random(draw(st.sampled_from([1, 3])), most=2**bits - 1)
        letter = b"P5" if raw.shape[2] == 1 else b"P6"
        head = b"%s %d %d %d\n" % (letter, SHAPE[1], SHAPE[0], 2**bits - 1)
        content = head + raw.astype(">u2" if bits == 16 else "u1").tobytes()
    elif kind == "animation":
        format, mode = draw(st.sampled_from([("PNG", "RGB"), ("TIFF", "L")]))
        raw = random(len(mode))
        first = of_mode(mode, raw.astype(np.uint8))
        second = of_mode(mode, (255 - raw).astype(np.uint8))
        orientation = 1
        content = saved(first, format, save_all=True, append_images=[second])
    else:
        raw = random(4)
        image = of_mode("CMYK", turned(raw).astype(np.uint8))
        content = saved(image, "TIFF", tiffinfo={274: orientation})
        raw = np.rint((255 - raw[..., :3]) * (255 - raw[..., 3:]) / 255).astype(int)
    most = 2**bits - 1
    if raw.shape[2] in (2, 4):
        shown = on_white(raw[..., :-1], raw[..., -1:], most)
    else:
        shown = raw
    return kind, content, bits, shown


def in_color(shown):
    return np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else shown


@pytest.mark.slow
@given(data=st.data())
def test_every_door_shows_what_a_viewer_shows(tmp_path, data):
    kind, content, bits, shown = data.draw(files())
    suffix = data.draw(st.sampled_from([".png", ".jpg", ".tif", ""]))
    place = tmp_path / "pets" / "cat"
    place.mkdir(parents=True, exist_ok=True)
    for other in place.iterdir():
        other.unlink()
    path = place / f"2{suffix}"
    path.write_bytes(content)
    expected = shown[..., 0] if shown.shape[2] == 1 else shown
    by_path = read_images([path])
    assert by_path.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert by_path.shape == (1, *expected.shape)
    # Colors that are multiplied by alpha lose up to a step in the file already.
    assert abs(by_path[0].astype(int) - expected).max() <= (kind == "tiff 16")

    with Image.open(path) as lazy:
        np.testing.assert_array_equal(read_images([lazy]), by_path)
        lazy.seek(0)  # is still open
        np.testing.assert_array_equal(read_images([str(path), lazy])[1], by_path[0])
    with Image.open(io.BytesIO(content)) as loaded:
        loaded.load()
        if bits == 8 and kind != "png key":  # Pillow cuts colors, or loses the key
            np.testing.assert_array_equal(read_images([loaded]), by_path)
    bunch = load_image_folder(place.parent)
    np.testing.assert_array_equal(bunch.images, by_path)

    # Among others it changes none of them beyond the form that all have.
    plain = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), np.uint8)
    for name in ("1.png", "3.png"):
        Image.fromarray(plain).save(place / name)
    images = load_image_folder(place.parent).images
    factor = 1 if bits == 8 else 257
    assert images.dtype == by_path.dtype
    for other in images[[0, 2]]:
        np.testing.assert_array_equal(other, plain.astype(int) * factor)
    np.testing.assert_array_equal(images[1], in_color(by_path.reshape(shown.shape)))

    # In another depth, and in gray.
    color = in_color(by_path.reshape(shown.shape)).astype(float)
    stated = read_images([path], (*SHAPE, 3))[0]
    np.testing.assert_array_equal(to_depth(stated, np.uint8), np.rint(color / factor))
    np.testing.assert_array_equal(to_depth(stated, np.uint16), color * (257 // factor))
    gray = read_images([path], SHAPE)[0]
    weights = [0.299, 0.587, 0.114]
    assert abs(gray - color @ weights).max() <= 0.51 * (1 if bits == 8 else 2)


def test_compressed_photographs_stand_upright(tmp_path):
    y, x = np.mgrid[:32, :48]
    upright = np.stack([5 * x, 7 * y, 3 * x], axis=2).astype(np.uint8)
    for orientation in ORIENTATIONS:
        image = Image.fromarray(np.ascontiguousarray(stored_as(upright, orientation)))
        options = {"exif": exif(orientation), "quality": 95}
        for format in ("JPEG", "WEBP", "MPO", "AVIF"):
            if format not in Image.SAVE:
                continue
            path = tmp_path / "x.png"
            image.save(path, format, **options)
            (read,) = read_images([path])
            assert abs(read.astype(int) - upright).mean() < 4


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "RGBa", "La"])
def test_transparent_pixels_are_put_on_the_background(tmp_path, mode):
    ink = np.zeros((6, 5, 4), np.uint8)
    ink[2:4, 1:3, 3] = 255  # black on transparent paper
    image = Image.fromarray(ink)
    if mode == "PA":
        image = Image.new("P", (5, 6))
        image.putpalette([0, 0, 0, 9, 8, 7])
        image.putalpha(Image.fromarray(ink[..., 3]))
    else:
        image = image.convert("LA" if mode == "La" else "RGBA").convert(mode)
    assert image.mode == mode
    (read,) = read_images([image], (6, 5))
    np.testing.assert_array_equal(read, 255 - ink[..., 3])
    (read,) = read_images([image], (6, 5, 3), background=(255, 0, 0))
    np.testing.assert_array_equal(read[0, 0], [255, 0, 0])
    np.testing.assert_array_equal(read[2, 1], [0, 0, 0])
    (read,) = read_images([image], (6, 5, 4), background="red")
    np.testing.assert_array_equal(read, ink)


@pytest.mark.parametrize("bits", [8, 16])
def test_invisible_colors_do_not_show_at_edges_after_resizing(tmp_path, bits):
    most = 2**bits - 1
    four = np.zeros((8, 8, 4), int)
    four[:, :4] = [0, 0, 0, most]  # black beside transparent red
    four[:, 4:] = [most, 0, 0, 0]
    path = tmp_path / "x.png"
    path.write_bytes(png(four, 6, bits=bits))
    (read,) = read_images([path], (4, 4, 3))
    assert (np.ptp(read.astype(int), axis=2) == 0).all()  # gray everywhere
    (read,) = read_images([path], (4, 4, 4))
    assert (read[read[..., 3] > 0][:, 0] == 0).all()


@pytest.mark.parametrize("size", [(5, 9), (40, 24)])
def test_both_depths_are_resized_alike(size):
    eight = np.random.default_rng(0).integers(0, 256, (20, 12, 3), np.uint8)
    expected = Image.fromarray(eight).resize(size[::-1], Image.Resampling.BILINEAR)
    content = io.BytesIO(png(eight * np.uint16(257), 2))
    for source in (Image.fromarray(eight), Image.open(content)):
        (read,) = read_images([source], (*size, 3))
        factor = 1 if read.dtype == np.uint8 else 257
        assert abs(read / factor - np.asarray(expected)).max() <= 1.01


def test_values_of_other_modes_are_what_they_look_like():
    lab = Image.new("LAB", (3, 2), (255, 128, 128))
    np.testing.assert_allclose(read_images([lab])[0], 255, atol=2)
    red = of_mode("HSV", np.full((2, 3, 3), [0, 255, 255], np.uint8))
    np.testing.assert_array_equal(read_images([red])[0, 0, 0], [255, 0, 0])
    gray = of_mode("YCbCr", np.full((2, 3, 3), [77, 128, 128], np.uint8))
    np.testing.assert_array_equal(read_images([gray])[0, 0, 0], [77, 77, 77])
    for mode in ("I", "I;16", "I;16B", "I;16L"):
        deep = Image.new(mode, (3, 2), 1000)
        read = read_images([deep])
        assert read.dtype == np.uint16
        assert read.dtype.isnative
        assert (read == 1000).all()
    with pytest.raises(ValueError, match=r"image 0 has values from -1 to -1, but gray"):
        read_images([Image.new("I", (3, 2), -1)])
    with pytest.raises(ValueError, match=r"image 0 has the mode F: .*scale it"):
        read_images([Image.new("F", (3, 2), 0.5)])


def test_gray_of_16_bits_may_have_a_white_zero(tmp_path):
    deep = np.arange(24).reshape(4, 6, 1) * 1000
    (tmp_path / "x.tif").write_bytes(tiff(deep, photometric=0))
    (read,) = read_images([tmp_path / "x.tif"])
    np.testing.assert_array_equal(read, 65535 - deep[..., 0])


def test_16_bits_for_all_three_colors_are_8_bits_a_channel(tmp_path):
    rgb = np.arange(24).reshape(4, 6) * 2731  # 5, 6 and 5 bits
    bits = [(rgb >> 11, 31), (rgb >> 5 & 63, 63), (rgb & 31, 31)]
    shown = np.stack([np.rint(value * 255 / most) for value, most in bits], axis=2)
    rows = rgb[::-1].astype("<u2").tobytes()
    masks = struct.pack("<III", 31 << 11, 63 << 5, 31)
    head = struct.pack("<IiiHHIIiiII", 40, 6, 4, 1, 16, 3, len(rows), 0, 0, 0, 0)
    start = 14 + len(head) + len(masks)
    file = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    (tmp_path / "x.bmp").write_bytes(file + head + masks + rows)
    (read,) = read_images([tmp_path / "x.bmp"])
    assert read.dtype == np.uint8
    assert abs(read - shown).max() <= 1


def test_colors_that_cannot_be_read_whole_are_refused(tmp_path):
    plain = tmp_path / "plain.ppm"
    plain.write_text("P3 1 1 65535 1 2 3")
    planes = np.arange(36, dtype=np.uint16).reshape(3, 4, 3)
    content = bytearray(tiff(planes))
    # Of the entry for orientation: channel by channel instead.
    at = content.index(struct.pack("<HHI", 274, 3, 1))
    struct.pack_into("<HHIH", content, at, 284, 3, 1, 2)
    (tmp_path / "planes.tif").write_bytes(content)
    sources = [plain, tmp_path / "planes.tif"]
    image = of_mode("RGB", np.zeros((16, 16, 3), np.uint8))
    content = bytearray(saved(image, "JPEG2000"))
    content[content.index(b"\xff\x4f\xff\x51") + 42] = 11  # 12 bits
    sources.append(tmp_path / "deep.jp2")
    sources[-1].write_bytes(content)
    for path in sources:
        with pytest.raises(ValueError, match=r"more than 8 bits a channel.*PNG file"):
            read_images([path])


def test_pil_images_stay_as_they_are(tmp_path):
    path = tmp_path / "phone.tif"
    frames = [Image.new("RGB", (3, 2), color) for color in ("red", "lime", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], exif=exif(6))
    with Image.open(path) as image:
        image.seek(1)
        (read,) = read_images([image])
        assert (read == [0, 255, 0]).all()  # the frame that the user chose
        assert image.tell() == 1
        assert image.tile  # not even loaded
        image.seek(2)
        assert np.asarray(image.convert("RGB"))[0, 0].tolist() == [0, 0, 255]
    palette = Image.new("P", (3, 2), 1)
    palette.putpalette([0, 0, 0, 9, 8, 7])
    palette.info["transparency"] = 0
    info = dict(palette.info)
    read_images([palette])
    assert palette.mode == "P"
    assert palette.info == info
    closed = Image.open(path)
    closed.close()
    with pytest.raises(ValueError, match=r"image 0 .*cannot be decoded"):
        read_images([closed])


def test_gray_stays_gray_on_a_colored_background():
    images = [Image.new("L", (3, 2), 9), Image.new("LA", (3, 2), (9, 0))]
    read = read_images(images, background="red")
    assert read.shape == (2, 2, 3)
    assert (read[0] == 9).all()
    assert (read[1] == 76).all()  # the gray of red
    images.append(Image.new("RGB", (3, 2)))
    read = read_images(images, background="red")
    assert (read[0] == 9).all()
    assert (read[1] == [255, 0, 0]).all()


def test_unreadable_images_are_listed_or_skipped(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "photo.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(20))
    (tmp_path / "folder.png").mkdir()
    sources = [
        *(tmp_path / name for name in ("empty.png", "photo.jpg", "folder.png")),
        Image.new("L", (3, 2), 9),
        str(tmp_path / "nowhere.png"),
    ]
    with pytest.raises(ValueError, match=r"^4 of 5 images cannot be read") as caught:
        read_images(sources)
    for reason in ("is empty", "is a HEIC photo", "is a folder", "cannot be opened"):
        assert reason in str(caught.value)
    with pytest.warns(UserWarning, match="4 of 5 images cannot be read") as warned:
        read = read_images(sources, on_error="skip")
    assert read.shape == (1, 2, 3)
    assert [warning.filename for warning in warned] == [__file__]


def test_any_row_of_sources_will_do(tmp_path):
    images = [Image.new("L", (3, 2), i) for i in range(3)]
    column = np.empty(3, object)
    column[:] = images
    for sources in (tuple(images), column, iter(images)):
        assert read_images(sources)[:, 0, 0].tolist() == [0, 1, 2]


def test_sizes_are_those_that_a_viewer_shows(tmp_path):
    gray = np.zeros((4, 6), int)
    turned = png(gray, 0, bits=8, after=chunk(b"eXIf", exif(6).tobytes()[6:]))
    (tmp_path / "turned.png").write_bytes(turned)
    (tmp_path / "plain.png").write_bytes(png(gray, 0, bits=8))
    sources = [tmp_path / "plain.png", tmp_path / "turned.png"]
    with pytest.raises(ValueError, match=r"2 different .*has 6 x 4 .*has 4 x 6"):
        read_images(sources)


def test_files_that_cannot_be_opened_are_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        read_images([tmp_path / "nowhere.png"])
    with pytest.raises(FileNotFoundError, match=r"a\.png .*b\.png"):
        read_images([tmp_path / "a.png", tmp_path / "b.png"])


def test_a_bomb_is_named_even_where_warnings_are_errors(tmp_path, monkeypatch):
    Image.new("L", (30, 20)).save(tmp_path / "x.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=r"x\.png has more pixels than Pillow"):
            read_images([tmp_path / "x.png"])


def test_documents_are_not_handed_to_other_programs(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EOF\n")
    monkeypatch.setattr("subprocess.check_call", None)
    monkeypatch.setattr("subprocess.Popen", None)
    with pytest.raises(ValueError, match=r"x\.png is not an image that Pillow can"):
        read_images([path])


@pytest.mark.parametrize(
    ("format", "mode"),
    [
        *(("PNG", "P"), ("PNG", "RGBA"), ("JPEG", "RGB"), ("GIF", "P"), ("BMP", "RGB")),
        *(("TIFF", "RGB"), ("WEBP", "RGBA"), ("AVIF", "RGB"), ("JPEG2000", "RGB")),
        *(("ICO", "RGBA"), ("PCX", "L"), ("PPM", "RGB"), ("TGA", "RGBA")),
        *(("DDS", "RGBA"), ("SGI", "RGB"), ("MPO", "RGB")),
    ],
)
def test_damage_of_every_kind_is_a_value_error(tmp_path, format, mode):
    if format == "AVIF" and format not in Image.SAVE:
        pytest.skip("this Pillow has no AVIF")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (16, 16, len(mode)), np.uint8)
    whole = saved(of_mode(mode, pixels), format)
    path = tmp_path / "x.png"
    for _ in range(60):
        content = bytearray(whole)
        for _ in range(rng.integers(1, 6)):
            content[rng.integers(min(len(content), 400))] = rng.integers(256)
        path.write_bytes(content[: rng.integers(1, len(content) + 1)])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read_images([path], (8, 8, 3))
        except ValueError as error:
            assert "x.png" in str(error)
            assert "<" not in str(error)


def test_orientation_that_cannot_be_read_counts_as_none(tmp_path):
    gray = np.arange(24).reshape(4, 6)
    content = png(gray, 0, bits=8, before=chunk(b"eXIf", b"MM\0*nonsense"))
    (tmp_path / "x.png").write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of the corrupt note
        (read,) = read_images([tmp_path / "x.png"])
    np.testing.assert_array_equal(read, gray)


@pytest.mark.parametrize(
    ("sources", "match"),
    [
        ("x.png", r"Got one str, .*write \[image\]"),
        (Path("x.png"), r"write \[image\]"),
        (Image.new("L", (2, 2)), r"Got one Image, .*write \[image\]"),
        ([np.zeros((2, 2))], "Image 0 is a ndarray, but expected a path or a PIL"),
    ],
)
def test_what_is_no_sequence_of_images_is_refused(sources, match):
    with pytest.raises(TypeError, match=match):
        read_images(sources)


def test_wrong_options_are_refused():
    image = Image.new("L", (2, 2))
    for options in (
        {"background": (1, 2)},
        {"background": (1, 2, 256)},
        {"on_error": "warn"},
        {"image_shape": (2, 2, 2)},
    ):
        ((name, _),) = options.items()
        with pytest.raises(ValueError, match=f"Got {name}="):
            read_images([image], **options)


def test_no_images_are_no_images_of_a_stated_shape():
    assert read_images([], (4, 5, 3)).shape == (0, 4, 5, 3)
    with pytest.raises(ValueError, match="Got no images"):
        read_images([])


def test_without_pillow_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r'pip install "skcnn\[images\]"'):
        read_images(["x.png"])


def test_what_was_decided_can_be_announced():
    images = np.zeros((2, 4, 6, 3), np.uint16)
    names = [f"{i}.png" for i in range(12)]
    assert describe_images(images, names, ["x.txt"]) == (
        "6 x 4 pixels, color, 16 bits a channel; 12 files have transparency: "
        f"{', '.join(names[:10])} and 2 more; 1 file was skipped: x.txt"
    )
    gray = describe_images(images[..., 0].astype(np.uint8))
    assert gray == "6 x 4 pixels, gray, 8 bits a channel"


def test_numbers_in_names_count():
    ordered = [
        *("1.png", "02.png", "2.png", "2b.png", "10.png", "a.png", "a2.png", "A10.png"),
        *("a10.png", "b1/2.png", "b1/10.png", "b2/1.png", "b10/1.png"),
    ]
    for seed in range(5):
        mixed = np.random.default_rng(seed).permutation(ordered).tolist()
        assert natural_order(mixed) == ordered
        assert natural_order(map(Path, mixed)) == [*map(Path, ordered)]


@given(st.lists(st.integers(0, 10**30), unique=True, min_size=1))
def test_any_numbers_come_in_their_order(numbers):
    names = [f"img_{number}.jpeg" for number in numbers]
    assert natural_order(names) == [f"img_{number}.jpeg" for number in sorted(numbers)]


@pytest.mark.parametrize(
    "name",
    [
        *("Thumbs.db", "thumbs.DB", "DESKTOP.INI", "__MACOSX", ".DS_Store", "._x.png"),
        *(".ipynb_checkpoints", "@eaDir", "Icon\r", "ehthumbs.db"),
    ],
)
def test_what_systems_leave_in_folders_is_known(name, tmp_path):
    assert is_leftover(name)
    assert is_leftover(tmp_path / name)
    assert not is_leftover("thumbs.png")
    assert not is_leftover(tmp_path / name / "x.png")


def test_a_folder_is_listed_in_natural_order_without_leftovers(tmp_path):
    for name in ("10.png", "2.png", "Thumbs.db", ".x", "1"):
        (tmp_path / name).touch()
    (tmp_path / "0.png").mkdir()
    names = [file.name for file in list_image_files(tmp_path)]
    assert names == ["1", "2.png", "10.png"]


def test_nothing_to_skip_to_is_no_advice_to_skip(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_text("x")
    with pytest.raises(
        ValueError, match=r"^No image can be read: .*a.png is not"
    ) as info:
        read_images([tmp_path / "a.png", tmp_path / "b.png"], on_error="skip")
    assert "on_error" not in str(info.value)


def test_more_images_than_memory_holds_are_refused(tmp_path, monkeypatch):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    empty = np.empty

    def refuse(shape, *args):
        if np.prod(shape, dtype=float) > 1e9:
            raise MemoryError("Unable to allocate 93 GiB")
        return empty(shape, *args)

    monkeypatch.setattr(np, "empty", refuse)
    refused = pytest.raises(ValueError, match=r"20,000 images of shape .* do not fit")
    with pytest.warns(UserWarning, match="take 74.5 GB"), refused:
        read_images([tmp_path / "a.png"] * 20_000, (2000, 2000))


@pytest.mark.parametrize("side", [2**14, 10**6, 2**63, 10**30])
def test_images_are_not_resized_to_giants(tmp_path, side):
    Image.new("L", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="resized to at most 134,217,728 pixels"):
        read_images([tmp_path / "a.png"], (side, side))
