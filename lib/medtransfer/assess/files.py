"""Pictures as files that a system can be asked about: PNG, or DICOM of 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from pydicom import Dataset

Format = Literal["png", "dicom"]
PNG: Format = "png"
DICOM: Format = "dicom"
SUFFIX = {PNG: ".png", DICOM: ".dcm"}
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
LEVELS = 256


def write(place: Path, names: Sequence[str], pictures: np.ndarray, *, kind: Format) -> None:
    """Write pictures as files of their names into a folder, each whole or not at all.

    What is read from them are the same grey levels: DICOM has no compression, and a window from 0
    to 255.

    Args:
        pictures: uint8 (N, H, W, C), grey or RGB.
    """
    for name, picture in zip(names, pictures, strict=True):
        path = place / f"{name}{SUFFIX[kind]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_suffix(".part")
        flat = picture[..., 0] if picture.shape[-1] == 1 else picture
        if kind == DICOM:
            data_set(flat, name=name, series=place.name).save_as(scratch, enforce_file_format=True)
        else:
            from PIL import Image

            Image.fromarray(flat).save(scratch, "PNG")
        scratch.replace(path)


def complete(place: Path, number: int, *, kind: Format) -> bool:
    """Return whether a folder holds so many pictures."""
    return place.is_dir() and len(list(place.rglob(f"*{SUFFIX[kind]}"))) == number


def data_set(picture: np.ndarray, *, name: str, series: str) -> Dataset:
    """Return a picture, uint8 (H, W) or (H, W, 3), as a secondary capture that was derived.

    It has unique identifiers of its own, and says of whom it is: of nobody. `name` and `series`
    stand in it as image and series description.
    """
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.SOPClassUID = SECONDARY_CAPTURE
    found.Modality, found.ConversionType = "OT", "WSD"
    found.ImageType = ["DERIVED", "SECONDARY"]
    found.DerivationDescription = f"8-bit picture for the test of a system: {series}"
    found.ImageComments = name
    found.SeriesDescription = series
    found.PatientName, found.PatientID = "TEST^NO PATIENT", f"TEST-{name}"[:64]
    found.StudyInstanceUID = generate_uid(entropy_srcs=["medtransfer study", series, name])
    found.SeriesInstanceUID = generate_uid(entropy_srcs=["medtransfer series", series, name])
    for absent in (
        *("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber"),
        *("ReferringPhysicianName", "StudyID", "SeriesNumber", "InstanceNumber"),
        "PatientOrientation",
    ):
        setattr(found, absent, "")
    grey = picture.ndim == 2
    found.set_pixel_data(picture, "MONOCHROME2" if grey else "RGB", 8)
    found.BurnedInAnnotation, found.LossyImageCompression = "NO", "00"
    if grey:
        found.WindowCenter, found.WindowWidth = LEVELS // 2, LEVELS
    return found
