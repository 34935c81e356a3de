"""DICOM files that tests make, drawn by code."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

RAMP = np.arange(1024, dtype=np.uint16).reshape(32, 32)


def made(
    pixels: np.ndarray,
    *,
    kind: str = "MONOCHROME2",
    bits: int | None = None,
    syntax: UID = ExplicitVRLittleEndian,
    encoded: bytes | None = None,
    stored: bytes | None = None,
    **elements: Any,
) -> bytes:
    """Return a file with `pixels` (H, W[, 3]); `encoded` or `stored` are its bytes in their place.

    An element is a value, a list of items, or (VR, value) where nobody would guess the VR.
    """
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    order = {"is_implicit_VR": False, "is_little_endian": syntax.is_little_endian}
    data = FileDataset("made", {}, file_meta=meta, preamble=b"\0" * 128, **order)
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = kind
    data.BitsAllocated = 8 * pixels.dtype.itemsize
    data.BitsStored = bits or (12 if data.BitsAllocated == 16 else data.BitsAllocated)
    data.HighBit = data.BitsStored - 1
    data.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    content = encapsulate([encoded]) if encoded else stored or pixels.tobytes()
    data.add_new("PixelData", "OB" if encoded else "OW", content)
    for name, value in elements.items():
        if isinstance(value, tuple):
            data.add_new(name, *value)
        else:
            setattr(data, name, Sequence(value) if name.endswith("Sequence") else value)
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def item(**elements: Any) -> Dataset:
    """Return an item of a sequence; elements as in `made`."""
    result = Dataset()
    for name, value in elements.items():
        if isinstance(value, tuple):
            result.add_new(name, *value)
        else:
            setattr(result, name, Sequence(value) if name.endswith("Sequence") else value)
    return result


def bare(data: bytes, *, implicit: bool = True, little: bool = True) -> bytes:
    """Return the data set of a file, without preamble and header."""
    plain = Dataset()
    plain.update({element.tag: element for element in pydicom.dcmread(io.BytesIO(data))})
    buffer = io.BytesIO()
    plain.save_as(buffer, implicit_vr=implicit, little_endian=little, enforce_file_format=False)
    return buffer.getvalue()


def ramped(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return grey values, 0 at `low` and 255 at `high`, rounded, as floats."""
    return np.rint(np.clip((values - low) / (high - low), 0, 1) * 255)
