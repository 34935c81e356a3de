"""DICOM files as 8-bit pictures: the grey values that a viewing station would show."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from medtransfer.errors import DicomError

if TYPE_CHECKING:
    from PIL import Image
    from pydicom import Dataset

SUFFIXES = (".dcm", ".dicom")
_FAR_ENDS = np.array([-1e9, 1e9])  # beyond every window: what they become is black and white


def is_dicom(name: str, data: bytes) -> bool:
    """Return whether a file is DICOM by its name, or by the mark at byte 128."""
    return name.lower().endswith(SUFFIXES) or data[128:132] == b"DICM"


def read_picture(file: BinaryIO) -> Image.Image:
    """Return the picture in a DICOM file, 8 bits, grey ("L") or "RGB".

    Stored values become what the modality measured (rescale slope and intercept, or a table), then
    what is shown: the first window or table of the file, or the whole range where it has none.
    MONOCHROME1, in which high values are dark, is turned round, so that dense tissue is bright.

    Raises:
        DicomError: the file is not DICOM, holds no or several frames, or is compressed in a way
            for which no decoder is installed; its photometric interpretation is unknown; or it is
            damaged.
    """
    try:
        return _picture(file)
    except DicomError:
        raise
    except Exception as error:  # readers raise whatever the bytes of strangers lead to
        raise DicomError(f"damaged: {type(error).__name__}: {error}") from error


def _picture(file: BinaryIO) -> Image.Image:
    from PIL import Image
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError
    from pydicom.pixels import convert_color_space

    try:
        data = dcmread(file)
        pixels = data.pixel_array
    except InvalidDicomError:
        raise DicomError("not a DICOM file, whatever its name says") from None
    except AttributeError as error:
        raise DicomError(f"holds no picture ({error})") from None
    except (RuntimeError, NotImplementedError) as error:
        name = data.file_meta.TransferSyntaxUID.name
        raise DicomError(
            f"no decoder for {name} ({error}); install one, such as python-gdcm, or decompress it"
        ) from error
    if int(data.get("NumberOfFrames") or 1) != 1:
        raise DicomError(f"holds {data.NumberOfFrames} frames; export one picture per file")
    kind = str(data.PhotometricInterpretation)
    if kind in ("MONOCHROME1", "MONOCHROME2"):
        grey = _shown(pixels, data)
        return Image.fromarray(255 - grey if kind == "MONOCHROME1" else grey)
    if kind == "RGB" or kind.startswith("YBR"):
        if pixels.dtype != np.uint8:
            raise DicomError(f"colour of {pixels.dtype} values; allowed is 8 bits")
        return Image.fromarray(
            pixels if kind == "RGB" else convert_color_space(pixels, kind, "RGB")
        )
    raise DicomError(
        f"photometric interpretation {kind}; allowed: MONOCHROME1, MONOCHROME2, RGB, YBR"
    )


def _shown(stored: np.ndarray, data: Dataset) -> np.ndarray:
    """Return uint8 grey values, (H, W), after modality and window; high values are bright."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    values = np.asarray(apply_modality_lut(stored, data))
    if not np.isfinite(values).all():
        raise DicomError("holds NaN or infinite values")
    ends: tuple[float, float] = (float(values.min()), float(values.max()))
    if data.get("VOILUTSequence"):
        table = data.VOILUTSequence[0]
        number, first, bits = table.LUTDescriptor
        table.LUTDescriptor = [number, first, 16]  # pydicom counts entries in the type of values
        values, ends = apply_voi_lut(values.astype(np.int64), data), (0, 2**bits - 1)
    elif "WindowCenter" in data:
        with np.errstate(over="ignore"):  # of a sigmoid's far ends
            black, white = apply_voi_lut(_FAR_ENDS, data)
        if not abs(white - black) > 0:  # written so that NaN fails
            window = f"{data.WindowCenter}, {data.WindowWidth} wide"
            raise DicomError(f"its window ({window}) leaves no grey values")
        values, ends = apply_voi_lut(values.astype(np.float64), data), (black, white)
    low, high = ends
    scaled = (values - low) / (high - low) if high != low else np.zeros(values.shape)
    return np.rint(np.clip(scaled, 0, 1) * 255).astype(np.uint8)
