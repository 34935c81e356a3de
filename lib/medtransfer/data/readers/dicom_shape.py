"""DICOM whose pixels are not square: their pictures are stretched until they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medtransfer.data.readers.dicom_elements import macros, number, values
from medtransfer.errors import DicomError

if TYPE_CHECKING:
    from PIL.Image import Image
    from pydicom import Dataset

MEASURES = ("PixelMeasuresSequence",)
# Height and width of a pixel, or their ratio; the standard has the ratio where no spacing is known.
SPACINGS = (
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"),
    "PixelAspectRatio",
)
SQUARE = 0.01  # spacings are rounded: so small a share of difference is none
MOST = 8  # times as high as wide: more is a mistake of the file


def size(data: Dataset, *, frame: int = 0) -> tuple[int, int]:
    """Return width and height (px) of a frame, counted from 0, whose pixels are made squares.

    The shorter side of a pixel is stretched, so that no row and no column is lost.

    Raises:
        DicomError: a number cannot be read, or pixels are many times as high as wide.
    """
    width, height = (int(number(data, name) or 0) for name in ("Columns", "Rows"))
    for place in (*macros(data, frame, MEASURES), data):
        for name in SPACINGS:
            sides = [side for side in values(place, name) if side is not None and side > 0]
            if len(sides) != 2:
                continue
            ratio = sides[0] / sides[1]
            if not 1 / MOST <= ratio <= MOST:
                raise DicomError(
                    f"its pixels are {sides[0]:g} high and {sides[1]:g} wide ({name}); allowed is "
                    f"up to {MOST} times as much of one as of the other"
                )
            if abs(ratio - 1) <= SQUARE:
                return width, height
            return (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)
    return width, height


def squared(image: Image, data: Dataset, *, frame: int) -> Image:
    """Return the picture of a frame, stretched until its pixels are squares.

    Raises:
        DicomError: see `size`.
    """
    from PIL.Image import Resampling

    wanted = size(data, frame=frame)
    return image if image.size == wanted else image.resize(wanted, Resampling.BILINEAR)
