"""Grey values of DICOM, from what is stored to what is shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.data.readers.dicom_elements import (
    Table,
    items,
    macros,
    number,
    table,
    value,
    values,
)
from medtransfer.errors import DicomError

if TYPE_CHECKING:
    from pydicom import Dataset

# Where functional groups say how values are shown.
MACROS = ("PixelValueTransformationSequence", "FrameVOILUTSequence")
# Names of elements begin with the kind of the pixels.
PADDING = {"FloatPixelData": "Float", "DoubleFloatPixelData": "DoubleFloat"}
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


def shown(stored: np.ndarray, data: Dataset, *, frame: int, turned: bool) -> np.ndarray:
    """Return uint8 grey values, (H, W), of a frame (counted from 0) of stored values, (H, W).

    Stored values become what the modality measured (rescale slope and intercept, or a table), then
    what is shown: the first table or window that holds something, or the whole range where there
    is none; black and white are `turned` round where high values are dark. Padding is black, and
    no part of the range.

    Raises:
        DicomError: a number or table cannot be read, or no grey values are left.
    """
    places = [*macros(data, frame, MACROS), data]
    padded = _padded(stored, data)
    measured = _measured(stored, places)
    counted = measured[~padded]
    if not np.isfinite(counted).all():
        raise DicomError("holds NaN or infinite values")
    if found := _table(places, "VOILUTSequence"):
        grey = _spread(found.of(measured), 0, found.white)
    elif window := _window(places):
        grey = _windowed(measured, *window)
    else:
        grey = _spread(measured, *((counted.min(), counted.max()) if counted.size else (0, 0)))
    if turned:
        grey = 255 - grey
    return np.where(padded, np.uint8(0), grey)


def _padded(stored: np.ndarray, data: Dataset) -> np.ndarray:
    """Return where there is nothing but padding, bool (H, W)."""
    prefix = next((prefix for name, prefix in PADDING.items() if name in data), "")
    first = number(data, f"{prefix}PixelPaddingValue")
    if first is None:
        return np.zeros(stored.shape, bool)
    last = number(data, f"{prefix}PixelPaddingRangeLimit")
    ends = np.array([first, first if last is None else last])
    if not prefix:
        ends = ends.astype(np.int64)  # which a narrower type wraps as the file's own numbers
    # Padding has 16 bits beside pixels of 8, too.
    low, high = np.sort(ends.astype(stored.dtype if stored.dtype.itemsize > 1 else np.int16))
    return (low <= stored) & (stored <= high)


def _measured(stored: np.ndarray, places: Sequence[Dataset]) -> np.ndarray:
    """Return what the modality measured; without slope and table that is what is stored."""
    if found := _table(places, "ModalityLUTSequence"):
        return found.of(stored)
    for place in places:
        slope, intercept = number(place, "RescaleSlope"), number(place, "RescaleIntercept")
        if slope == 0:
            raise DicomError("its rescale slope is 0, which leaves no grey values")
        if slope is not None or intercept is not None:
            return stored.astype(np.float64) * (slope or 1) + (intercept or 0)
    return stored


def _table(places: Sequence[Dataset], sequence: str) -> Table | None:
    found = (item for place in places for item in items(place, sequence))
    tables = (table(item, descriptor="LUTDescriptor", entries="LUTData") for item in found)
    return next((one for one in tables if one is not None), None)


def _window(places: Sequence[Dataset]) -> tuple[float, float, str] | None:
    """Return centre, width and function of the first window of which no half is missing."""
    for place in places:
        ends = zip(values(place, "WindowCenter"), values(place, "WindowWidth"), strict=False)
        for centre, width in ends:
            if centre is not None and width is not None:
                function = str(value(place, "VOILUTFunction") or FUNCTIONS[0])
                return centre, width, function.strip().upper()
    return None


def _windowed(measured: np.ndarray, centre: float, width: float, function: str) -> np.ndarray:
    from pydicom import Dataset
    from pydicom.pixels import apply_windowing

    said = f"its window ({centre:g}, {width:g} wide, {function})"
    if function not in FUNCTIONS:
        raise DicomError(f"{said} has another function than {', '.join(FUNCTIONS)}")
    if width < 1 if function == "LINEAR" else width <= 0:
        allowed = "1 or more" if function == "LINEAR" else "more than 0"
        raise DicomError(f"{said} leaves no grey values; a width of {allowed} would")
    window = Dataset()
    window.PhotometricInterpretation, window.VOILUTFunction = "MONOCHROME2", function
    window.BitsStored, window.PixelRepresentation = 8, 0  # so that it is spread over 0 to 255
    window.add_new("WindowCenter", "FD", centre)
    window.add_new("WindowWidth", "FD", width)
    with np.errstate(over="ignore"):  # of a sigmoid's far ends
        return np.rint(apply_windowing(measured, window)).astype(np.uint8)


def _spread(shown: np.ndarray, low: float, high: float) -> np.ndarray:
    if low == high:
        return np.zeros(shown.shape, np.uint8)
    scaled = (shown.astype(np.float64) - low) / (float(high) - float(low))
    return np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
