"""Image files and arrays as square 8-bit pictures: upright, and in the colours asked for."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from medtransfer.data import capacity
from medtransfer.data.readers import dicom
from medtransfer.data.readers.frames import chosen
from medtransfer.data.readers.signatures import looks, said
from medtransfer.errors import SourceError

if TYPE_CHECKING:
    from PIL.Image import Image

    from medtransfer.data.schema import Image as Facts

MODES = {1: "L", 3: "RGB"}
PADDED = 4  # bytes of a pixel in Pillow
BITS_PER_SAMPLE = 258  # a tag of TIFF
CODESTREAM = b"\xff\x4f\xff\x51"  # how JPEG 2000 begins; 42 bytes on stands the depth


def opened(data: bytes, facts: Facts, *, image_px: int) -> Image:
    """Return the picture in a file's bytes, DICOM or whatever Pillow reads: "L" or "RGB", upright.

    A large JPEG is decoded at a half, quarter or eighth: what is kept of it has sides of at least
    twice `image_px`, so that reducing it to that loses nothing. Opacity is left out.

    Raises:
        SourceError: it is no picture or cannot be decoded; it holds several frames and `facts`
            does not say which; it has more than 8 bits or colours that nobody converts; or it is
            not square though `fit` is "exact".
    """
    if dicom.is_dicom(data):
        return _coloured(dicom.read_picture(data, frame=facts.frame), facts)
    from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
    from PIL.ExifTags import Base

    exif = Image.Exif()  # with the orientation alone: the rest may be damaged, and nobody needs it
    try:
        with Image.open(io.BytesIO(data)) as file:
            if isinstance(file, ImageFile.StubImageFile):  # a kind that Pillow can only name
                raise UnidentifiedImageError
            _prepare(file, data, facts, at_least_px=round(2 * image_px / facts.centre))
            file.load()
            turned: Any = file.getexif().get(Base.Orientation)
            exif[Base.Orientation] = int(turned) if turned in range(1, 9) else 1
            image = _coloured(file, facts)
    except SourceError:
        raise
    except UnidentifiedImageError:
        if dicom.is_headless(data):
            return _coloured(dicom.read_picture(data, frame=facts.frame), facts)
        raise SourceError(f"not readable as a picture: it is {looks(data)}") from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise SourceError(f"has more than {limit:,} pixels; make it smaller first") from None
    except Exception as error:  # decoders raise whatever the bytes of strangers lead to
        raise SourceError(f"not readable as a picture: {said(error)}") from error
    image.info = {"exif": exif.tobytes()}
    ImageOps.exif_transpose(image, in_place=True)
    return image


def _prepare(file: Any, data: bytes, facts: Facts, *, at_least_px: int) -> None:
    """Go to the frame that is meant, check depth and shape of it, and ask for a smaller decoding.

    `file` is Pillow's of some format, before it is decoded.
    """
    if frame := chosen(getattr(file, "n_frames", 1), facts.frame):
        file.seek(frame)
    bits = _bits(file, data)
    if bits > 8:
        raise SourceError(
            f"pixels of more than 8 bits ({bits}): say what shall be black and white, by saving "
            "it with 8 bits or as DICOM with a window"
        )
    _check_shape(file.size, facts)
    file.draft(None, (at_least_px, at_least_px))


def _bits(file: Any, data: bytes) -> int:
    """Return the bits per sample of a file itself; of colours Pillow shows 8, whatever they had."""
    if file.format == "PNG":
        return data[data.find(b"IHDR") + 12]
    if file.format == "TIFF":
        return max(file.tag_v2.get(BITS_PER_SAMPLE, (1,)))
    if file.format == "JPEG2000":
        return 1 + (data[data.find(CODESTREAM) + 42] & 0x7F)
    if file.format == "SGI":
        return 8 * data[3]
    if file.format == "PPM" and file.mode == "RGB" and isinstance(file.tile[0].args, tuple):
        return int(file.tile[0].args[1]).bit_length()  # its largest value
    return {"I": 16, "F": 32}.get(file.mode[0], 8)


def _check_shape(size: tuple[int, int], facts: Facts) -> None:
    width, height = size
    if width != height and facts.fit == "exact":
        raise SourceError(f'{width}x{height} is not square; set image.fit to "crop" or "pad"')


def _coloured(image: Image, facts: Facts) -> Image:
    mode = MODES[facts.channels]
    try:
        return image.convert(mode)
    except ValueError as error:
        raise SourceError(f"colours of mode {image.mode}; convert them to {mode} first") from error


def squared(
    image: Image, facts: Facts, *, image_px: int, box: tuple[int, ...] | None = None
) -> np.ndarray:
    """Return a picture, or a `box` of it, as uint8 (image_px, image_px, C), square as `fit` says.

    Raises:
        SourceError: it is not square though `fit` is "exact", or has colours that nobody converts.
    """
    from PIL.Image import Resampling

    left, top, right, bottom = box or (0, 0, *image.size)
    width, height = right - left, bottom - top
    _check_shape((width, height), facts)
    if image.mode != MODES[facts.channels]:
        image = _coloured(image, facts)  # before anything black is added: 0 may be another colour
    side = max(width, height) if facts.fit == "pad" else min(width, height)
    side_kept = side * facts.centre
    x, y = left + (width - side) // 2, top + (height - side) // 2
    if side != width or side != height:  # beyond the border: black
        square = f"{width}x{height} on a black square"
        capacity.check_memory(PADDED * side**2, what=square, mend="crop it")
        image = image.crop((x, y, x + side, y + side))
        x = y = 0
    margin = (side - side_kept) / 2
    kept = (x + margin, y + margin, x + margin + side_kept, y + margin + side_kept)
    if kept != (0, 0, *image.size) or side_kept != image_px:
        # To shrink, Hamming's window reads a third of the lines that Lanczos's does.
        chosen_filter = Resampling.HAMMING if side_kept > image_px else Resampling.LANCZOS
        image = image.resize((image_px, image_px), chosen_filter, box=kept, reducing_gap=2.0)
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[..., None] if pixels.ndim == 2 else pixels
