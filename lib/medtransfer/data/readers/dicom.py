"""DICOM files as 8-bit pictures: what a viewing station would show."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from medtransfer.data.readers import dicom_grey, dicom_shape
from medtransfer.data.readers.dicom_elements import Table, number, table, value, values
from medtransfer.data.readers.frames import chosen
from medtransfer.data.readers.signatures import said
from medtransfer.errors import DicomError

if TYPE_CHECKING:
    from PIL.Image import Image
    from pydicom import Dataset

    from medtransfer.data.schema import Frame

GREY = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
# What pydicom decodes to RGB.
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
# Without these nobody knows how pixels are stored; the last two where they are integers.
NEEDED = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")
OF_INTEGERS = ("BitsStored", "PixelRepresentation")
FIRST = "pillow"  # decoders differ by a grey level in lossy pictures: the one that is always there
DECODERS = "install the decoders: .venv/bin/pip install --editable '.[dicom]'"


def is_dicom(data: bytes) -> bool:
    """Return whether bytes are DICOM by the mark at byte 128."""
    return data[128:132] == b"DICM"


def is_headless(data: bytes) -> bool:
    """Return whether bytes are a DICOM data set with a picture, without the header and its mark."""
    try:
        return _has_pixels(_data_set(data))
    except DicomError:
        return False


def read_picture(data: bytes, *, frame: Frame | None = None) -> Image:
    """Return the picture in a DICOM file, 8 bits, grey ("L") or "RGB".

    Of several frames it is the one that `frame` says. Grey values become what the modality
    measured, then what is shown (see `dicom_grey.shown`); MONOCHROME1, in which high values are
    dark, is inverted, so that dense tissue is bright. Pixels that are not square are stretched.

    Raises:
        DicomError: the file holds no picture, or several and `frame` does not say which; it is
            compressed in a way for which no decoder is installed; its photometric interpretation
            is unknown; or something that is needed cannot be read.
        SourceError: see `frames.chosen`.
    """
    from PIL import Image

    found = _data_set(data)
    if not _has_pixels(found):
        if not len(found):
            raise DicomError("none of its elements is readable; it may be cut off")
        kind = getattr(value(found, "SOPClassUID"), "name", "of unknown kind")
        raise DicomError(f"holds no picture ({kind})")
    needed = (*NEEDED, *(OF_INTEGERS if "PixelData" in found else ()))
    if missing := [name for name in needed if number(found, name) is None]:
        raise DicomError(f"does not say how its pixels are stored: lacks {', '.join(missing)}")
    kind = str(value(found, "PhotometricInterpretation")).strip()
    if kind not in (*GREY, PALETTE, *COLOUR):
        allowed = ", ".join((*GREY, PALETTE, *COLOUR))
        raise DicomError(f"photometric interpretation {kind}; allowed: {allowed}")
    samples = number(found, "SamplesPerPixel")
    if samples != (expected := 3 if kind in COLOUR else 1):
        raise DicomError(f"{kind} has {expected} samples per pixel; the file says {samples:g}")
    frames = int(number(found, "NumberOfFrames") or 1)
    index = chosen(frames, frame)
    stored = _decoded(found, index if frames > 1 else None)
    if stored.ndim > (3 if kind in COLOUR else 2):  # more frames are there than it says
        index = chosen(len(stored), frame)
        stored = stored[index]
    if kind in GREY:
        turned = kind == "MONOCHROME1"
        grey = dicom_grey.shown(stored, found, frame=index, turned=turned)
        return dicom_shape.squared(Image.fromarray(grey), found, frame=index)
    pixels = _through_palette(stored, found) if kind == PALETTE else stored
    if pixels.dtype != np.uint8:
        raise DicomError(f"colour of {pixels.dtype.name} values; allowed is uint8")
    return dicom_shape.squared(Image.fromarray(pixels), found, frame=index)


def _data_set(data: bytes) -> Any:
    """Return the data set in bytes, with or without a header; its transfer syntax is set.

    Raises:
        DicomError: they cannot be read as one.
    """
    from pydicom import dcmread
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    try:
        found = dcmread(io.BytesIO(data), force=True)
        implicit, little = found.original_encoding
        if not found.file_meta.get("TransferSyntaxUID"):
            explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
            found.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    except Exception as error:  # readers raise whatever the bytes of strangers lead to
        raise DicomError(f"not readable as DICOM: {said(error)}") from error
    return found


def _has_pixels(data: Dataset) -> bool:
    return any(name in data for name in PIXELS) and "Rows" in data


def _decoded(data: Any, index: int | None) -> np.ndarray:
    """Return the stored values of a frame, (H, W) or (H, W, 3), of all for None; colours are RGB.

    Raises:
        DicomError: they cannot be decoded.
    """
    from pydicom.pixels import get_decoder, pixel_array

    syntax = data.file_meta.TransferSyntaxUID
    if "PixelData" in data and data["PixelData"].is_undefined_length and not syntax.is_compressed:
        raise DicomError("its pixels are compressed, but no header says how; export it again")
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        raise DicomError(f"pixels as {syntax.name}, which nothing installed here decodes") from None
    if not decoder.is_available:
        raise DicomError(f"no decoder for {syntax.name}; {DECODERS}, or decompress it")
    if FIRST in decoder.available_plugins:
        with contextlib.suppress(Exception):  # then another one may do
            return pixel_array(data, index=index, decoding_plugin=FIRST)
    try:
        return pixel_array(data, index=index)
    except Exception as error:  # decoders raise whatever the bytes of strangers lead to
        others = any(missing.startswith("pylibjpeg") for missing in decoder.missing_dependencies)
        mend = f"; perhaps another one can: {DECODERS}" if others else ""
        raise DicomError(
            f"its pixels ({syntax.name}) are not readable: {said(error)}{mend}"
        ) from error


def _through_palette(stored: np.ndarray, data: Dataset) -> np.ndarray:
    """Return the colours of a palette's numbers, uint8 (H, W, 3).

    Entries of 16 bits give their upper half, unless none uses it.
    """
    colours = ("Red", "Green", "Blue")
    tables = [
        table(
            data,
            descriptor=f"{colour}PaletteColorLookupTableDescriptor",
            entries=f"{colour}PaletteColorLookupTableData",
        )
        for colour in colours
    ]
    first, entries = _expanded(data) if None in tables else _stacked(tables)
    found = Table(first=first, entries=entries).of(stored)
    return (found >> 8 if entries.max() > 255 else found).astype(np.uint8)


def _stacked(tables: list[Any]) -> tuple[int, np.ndarray]:
    sizes = {len(one.entries) for one in tables}
    if len(sizes) > 1:
        raise DicomError(
            f"its palette has {', '.join(map(str, sorted(sizes)))} entries of a colour"
        )
    return tables[0].first, np.stack([one.entries for one in tables], axis=-1)


def _expanded(data: Dataset) -> tuple[int, np.ndarray]:
    """Return the first value and the entries, (N, 3), of a palette whose tables are in segments."""
    from pydicom.pixels import apply_color_lut

    described = values(data, "RedPaletteColorLookupTableDescriptor")
    try:
        size, first, _ = (int(found or 0) for found in described)
        ramp = np.arange(first, first + (size or 2**16))
        return first, apply_color_lut(ramp, data)[..., :3].astype(np.int64)
    except Exception as error:
        raise DicomError(f"its palette is not readable: {said(error)}") from error
