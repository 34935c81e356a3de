"""Image files: upright, whole, in their own colours on black; what is not so is refused by name."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from medtransfer.data.readers.pictures import opened, squared
from medtransfer.data.schema import Image as Facts
from medtransfer.errors import SourceError

RNG = np.random.default_rng(0)
# Colours in patches, so that JPEG keeps them; wider than high, no two corners alike.
COLOURS = RNG.integers(30, 226, (2, 4, 3), dtype=np.uint8)
PATCHES = np.kron(COLOURS, np.ones((16, 16, 1), np.uint8))


def facts(**more):
    return Facts.model_validate({"channels": 3, "fit": "pad", **more})


def read(data, *, image_px=64, **more):
    """Return a picture as a source has it, (image_px, image_px, C)."""
    shown = facts(**more)
    return squared(opened(data, shown, image_px=image_px), shown, image_px=image_px)


def file(image, kind, **more):
    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(buffer, kind, **more)
    return buffer.getvalue()


def padded(pixels):
    """Return (H, W, 3) in the middle of a black square."""
    height, width = pixels.shape[:2]
    side = max(height, width)
    square = np.zeros((side, side, 3), int)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = pixels
    return square


def away_from_edges(difference):
    """Return what differs in the middle of 16 x 16 patches, which JPEG leaves alone."""
    blocks = difference.reshape(4, 16, 4, 16, -1)
    return blocks[:, 4:12, :, 4:12]


# --- orientation ---------------------------------------------------------------------------------

# What a viewer makes of the pixels of a file, by the definition of the tag.
TURNED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a),
}
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "MPO"]


def oriented(kind, orientation, damaged=False):
    exif = Image.Exif()
    exif[274] = orientation
    if damaged:
        exif[271] = "a maker"
    more = {"JPEG": {"quality": 98}, "MPO": {"quality": 98}, "WEBP": {"lossless": True}}
    return file(PATCHES, kind, exif=exif, **more.get(kind, {}))


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("orientation", TURNED)
def test_a_photograph_stands_upright_whatever_its_format(kind, orientation):
    found = read(oriented(kind, orientation)).astype(int)
    difference = np.abs(found - padded(TURNED[orientation](PATCHES)))
    assert away_from_edges(difference).max() <= (6 if kind in ("JPEG", "MPO") else 0)


@pytest.mark.parametrize("kind", [7, 2])  # of the wrong type, and so no text
def test_other_damage_of_what_a_camera_wrote_does_not_matter(kind):
    data = bytearray(oriented("JPEG", 6, damaged=True))
    place = data.index(struct.pack(">HH", 271, 2)) if b"MM\0*" in data else None
    if place is None:
        place = data.index(struct.pack("<HH", 271, 2))
        data[place + 2 : place + 4] = struct.pack("<H", kind)
    else:
        data[place + 2 : place + 4] = struct.pack(">H", kind)
    difference = np.abs(read(bytes(data)).astype(int) - padded(TURNED[6](PATCHES)))
    assert away_from_edges(difference).max() <= 6


@pytest.mark.parametrize("centre", [1, 0.5, 0.25, 0.1])
def test_the_centre_of_a_large_photograph_is_as_sharp_as_its_file(centre):
    fine = np.kron(RNG.integers(0, 256, (128, 128), dtype=np.uint8), np.ones((8, 8), np.uint8))
    more = {"channels": 1, "fit": "crop", "centre": centre}
    lossless, photograph = file(fine, "PNG"), file(fine, "JPEG", quality=98)
    difference = read(photograph, **more).astype(int) - read(lossless, **more)
    assert np.abs(difference).mean() < 2


def test_a_reduced_photograph_is_turned_as_well():
    large = np.kron(PATCHES, np.ones((8, 8, 1), np.uint8))
    exif = Image.Exif()
    exif[274] = 6
    found = read(file(large, "JPEG", quality=98, exif=exif), image_px=64).astype(int)
    assert away_from_edges(np.abs(found - padded(TURNED[6](PATCHES)))).max() <= 8


# --- colours before borders ----------------------------------------------------------------------


def quantized():
    """Return a palette image whose first colour is bright."""
    pixels = np.arange(8, dtype=np.uint8).reshape(2, 4)
    image = Image.fromarray(np.kron(pixels, np.ones((16, 16), np.uint8))).convert("P")
    image.putpalette(COLOURS.reshape(-1).tolist())
    return image


def transparent():
    image = quantized()
    image.info["transparency"] = 0
    return image


def mode(name):
    return Image.fromarray(PATCHES).convert(name)


ENCODED = {
    "palette PNG": lambda: file(quantized(), "PNG"),
    "palette GIF": lambda: file(quantized(), "GIF"),
    "palette TIFF": lambda: file(quantized(), "TIFF"),
    "palette with transparency": lambda: file(transparent(), "PNG", transparency=0),
    "CMYK TIFF": lambda: file(mode("CMYK"), "TIFF"),
    "YCbCr TIFF": lambda: file(mode("YCbCr"), "TIFF"),
    "CMYK JPEG": lambda: file(mode("CMYK"), "JPEG", quality=98),
    "opacity": lambda: file(mode("RGBA"), "PNG"),
}


@pytest.mark.parametrize("kind", ENCODED)
@pytest.mark.parametrize("channels", [1, 3])
def test_borders_are_black_and_colours_kept_whatever_the_mode(kind, channels):
    found = read(ENCODED[kind](), channels=channels).astype(int)
    expected = padded(PATCHES)
    if channels == 1:
        expected = (expected @ [0.299, 0.587, 0.114])[..., None]
    assert (found[:16] == 0).all() and (found[-16:] == 0).all()
    assert away_from_edges(np.abs(found - expected)).max() <= (8 if "JPEG" in kind else 3)


@pytest.mark.parametrize("kind", ["1", "LA"])
def test_grey_of_other_modes_has_black_borders(kind):
    grey = np.kron(RNG.integers(0, 2, (2, 4), dtype=np.uint8) * 255, np.ones((16, 16), np.uint8))
    image = Image.fromarray(grey).convert(kind)
    found = read(file(image, "PNG"), channels=1)
    np.testing.assert_array_equal(found, padded(grey[..., None])[..., :1])


# --- depth ---------------------------------------------------------------------------------------


def png(pixels, colour, bits):
    """Return a PNG of samples of 16 bits, which Pillow does not write."""
    height, width = pixels.shape[:2]
    rows = [b"\0" + row.astype(">u2").tobytes() for row in pixels]

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(rows)))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def tiff(pixels, **more):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **more)
    return buffer.getvalue()


DEEP = RNG.integers(0, 4096, (16, 16, 4)).astype(np.uint16)
DEEP_FILES = {
    "grey PNG": lambda: png(DEEP[..., 0], 0, 16),
    "colour PNG": lambda: png(DEEP[..., :3], 2, 16),
    "grey PNG with opacity": lambda: png(DEEP[..., :2], 4, 16),
    "colour PNG with opacity": lambda: png(DEEP, 6, 16),
    "grey TIFF": lambda: tiff(DEEP[..., 0], photometric="minisblack"),
    "colour TIFF": lambda: tiff(DEEP[..., :3], photometric="rgb"),
    "planar TIFF": lambda: tiff(
        np.moveaxis(DEEP[..., :3], -1, 0), photometric="rgb", planarconfig="separate"
    ),
    "TIFF of floats": lambda: tiff(DEEP[..., 0].astype(np.float32), photometric="minisblack"),
    "grey JPEG 2000": lambda: file(Image.fromarray(DEEP[..., 0]), "JPEG2000"),
    "colour PPM": lambda: b"P6 16 16 4095\n" + DEEP[..., :3].astype(">u2").tobytes(),
    "colour SGI": lambda: file(PATCHES, "SGI", bpc=2),
    "grey PGM": lambda: b"P5 16 16 65535\n" + DEEP[..., 0].astype(">u2").tobytes(),
}


@pytest.mark.parametrize("kind", DEEP_FILES)
@pytest.mark.parametrize("channels", [1, 3])
def test_more_than_8_bits_are_refused_whatever_the_format(kind, channels):
    with pytest.raises(SourceError, match=r"more than 8 bits \(\d+\): .* 8 bits or as DICOM"):
        read(DEEP_FILES[kind](), channels=channels)


def test_colour_of_16_bits_in_jpeg_2000_is_refused():
    data = bytearray(file(PATCHES, "JPEG2000"))
    depth = data.index(b"\xff\x4f\xff\x51") + 42
    data[depth] = 15  # 16 bits, less one
    with pytest.raises(SourceError, match=r"more than 8 bits \(16\)"):
        read(bytes(data))


# --- frames and pages ----------------------------------------------------------------------------


def pages(kind, colours):
    images = [Image.new("RGB", (16, 16), colour) for colour in colours]
    return file(images[0], kind, save_all=True, append_images=images[1:])


RED, GREEN, BLUE = (200, 0, 0), (0, 200, 0), (0, 0, 200)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG", "WEBP", "MPO"])
@pytest.mark.parametrize(("rule", "colour"), [("first", RED), ("middle", GREEN), (3, BLUE)])
def test_of_several_pages_one_is_read_where_a_rule_says_which(kind, rule, colour):
    found = read(pages(kind, [RED, GREEN, BLUE]), image_px=16, frame=rule)
    assert np.abs(found.astype(int) - colour).max() <= (6 if kind in ("WEBP", "MPO") else 0)


@pytest.mark.parametrize("kind", ["TIFF", "GIF", "PNG", "WEBP", "MPO"])
def test_several_pages_without_a_rule_are_refused_with_their_number(kind):
    with pytest.raises(SourceError, match=r"holds 2 frames or pages; .*image\.frame"):
        read(pages(kind, [RED, GREEN]))


def test_a_page_that_is_not_there_is_refused():
    with pytest.raises(SourceError, match="asks for number 2 of 1 frame"):
        read(file(PATCHES, "PNG"), frame=2)


# --- shape ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(2000, 2001), (2001, 2002), (2002, 2001)])
def test_a_large_jpeg_is_judged_by_its_own_size(size):
    data = file(Image.new("L", size), "JPEG")
    with pytest.raises(SourceError, match=f"{size[0]}x{size[1]} is not square"):
        read(data, fit="exact", image_px=32)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_is_finer_than_a_pixel_becomes_its_mean(kind):
    board = np.indices((128, 128)).sum(axis=0) % 2 * np.uint8(255)
    found = read(file(board.astype(np.uint8), kind), image_px=16, channels=1, fit="crop")
    assert np.abs(found.astype(int) - 127.5).max() <= 3


# --- what is no picture --------------------------------------------------------------------------

NIFTI = struct.pack("<i", 348) + b"\0" * 340 + b"n+1\0" + b"\0" * 100


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", r"it is empty \(0 bytes\)"),
        (b"\n<!DOCTYPE html><html>", "it is a web page or XML"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "it is a Git LFS pointer"),
        (NIFTI, "it is a NIfTI volume"),
        (b"\x1f\x8b\x08" + b"\0" * 20, "it is packed with gzip"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 20, "it is an HDF5 file"),
        (b"\0\0\0\x1cftypheic" + b"\0" * 20, r"it is of the kind 'heic'"),
        (b"no picture at all, but words", r"it begins with b'no picture a'"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "it is a PNG by its first bytes"),
    ],
)
def test_what_is_no_picture_is_named_by_what_it_looks_like(data, says):
    with pytest.raises(SourceError, match=says) as caught:
        read(data)
    assert "0x" not in str(caught.value) and "BytesIO" not in str(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "GIF"])
def test_a_file_cut_in_half_is_refused(kind):
    data = file(RNG.integers(0, 256, (64, 64), dtype=np.uint8), kind)
    with pytest.raises(SourceError, match="not readable as a picture"):
        read(data[: len(data) // 2])


def test_a_picture_of_too_many_pixels_is_refused_with_a_remedy(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(SourceError, match="has more than 200 pixels; make it smaller first"):
        read(file(PATCHES, "PNG"))
