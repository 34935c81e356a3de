"""What image files say about themselves before they are decoded: size and orientation."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medtransfer.data.readers import dicom_shape

UPRIGHT = 1
ORIENTATION = 0x0112  # the tag of EXIF
NEARLY = 8  # grey levels between the channels of a grey JPEG


@dataclass(frozen=True)
class Original:
    """A file's picture.

    Attributes:
        width, height: in pixels, as they are stored; of DICOM as its pixels become squares.
        orientation: 1 to 8, as EXIF numbers them; 1 is upright, 6 and 8 are on their side.
        channels: 1 if it is stored as grey, else 3.
        patient: as a DICOM file names the patient, "" elsewhere.
    """

    width: int
    height: int
    orientation: int = UPRIGHT
    channels: int = 3
    patient: str = ""

    @property
    def shape(self) -> tuple[int, int]:
        """Width and height when it is upright."""
        return (self.height, self.width) if self.orientation > 4 else (self.width, self.height)

    def side(self, *, fit: str, centre: float) -> float:
        """Return the side in pixels of the square that is kept of it (see `schema.Image`)."""
        return centre * (max if fit == "pad" else min)(self.width, self.height)


def original(path: Path) -> Original | None:
    """Return what a file says of its picture; None if neither Pillow nor pydicom can tell."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # who decodes it says what is wrong
        return _picture(path) or _dicom(path)


def _picture(path: Path) -> Original | None:
    from PIL import Image

    # Whatever the bytes of strangers lead to is suppressed.
    with contextlib.suppress(Exception), Image.open(path) as image:
        orientation = image.getexif().get(ORIENTATION, UPRIGHT)
        # Pillow turns TIFF by itself; elsewhere a wrong number says nothing.
        known = orientation in range(1, 9) and image.format != "TIFF"
        grey = image.mode in ("1", "L", "LA") or image.mode.startswith("I")
        return Original(
            *image.size,
            orientation=orientation if known else UPRIGHT,
            channels=1 if grey else 3,
        )
    return None


def _dicom(path: Path) -> Original | None:
    import pydicom

    with contextlib.suppress(Exception):
        found: Any = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        channels = 1 if found.SamplesPerPixel == 1 else 3
        patient = str(found.get("PatientID") or "").strip()
        return Original(*dicom_shape.size(found), channels=channels, patient=patient)
    return None


def is_grey(path: Path) -> bool:
    """Return whether an image of three channels holds grey in all of them."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            image.thumbnail((256, 256))
            pixels = np.asarray(image.convert("RGB"), int)
    except Exception:  # whatever the bytes of strangers lead to
        return False
    return int(np.ptp(pixels, axis=-1).max()) <= NEARLY
