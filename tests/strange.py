"""What strangers may send: bytes of all kinds, damaged files, code in the place of data."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from PIL import Image

many = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# Values of YAML, of all shapes and kinds.
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """Bytes that differ from `content` at a few places, or end early."""
    places = st.lists(
        st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), min_size=1, max_size=12
    )

    def change(found: tuple[list[tuple[int, int]], int]) -> bytes:
        changed, length = bytearray(content), found[1]
        for place, value in found[0]:
            changed[place] = value
        return bytes(changed[:length])

    return st.tuples(places, st.integers(0, len(content))).map(change)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return (open, (self.path, "w"))


def encoded(mode: str, kind: str) -> bytes:
    """Return a picture of a mode as a file of a kind."""
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 256, (24, 24, 3), dtype=np.uint8)).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


KINDS = [
    *[("L", "PNG"), ("RGBA", "PNG"), ("LA", "PNG"), ("P", "GIF"), ("RGB", "JPEG")],
    *[("CMYK", "JPEG"), ("1", "TIFF"), ("RGB", "BMP"), ("RGB", "WEBP")],
]
IMAGES = {f"{mode} {kind}": encoded(mode, kind) for mode, kind in KINDS}


def radiograph(floats: list[float] | None = None, **changes: Any) -> bytes:
    """Return a DICOM file of 16 x 16 pixels; `floats` are its pixels where they are no integers."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = meta.MediaStorageSOPInstanceUID = "1.2.3"
    made = FileDataset("x", {}, file_meta=meta, preamble=b"\0" * 128)
    made.Rows = made.Columns = 16
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    if floats is None:
        made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
        made.PixelData = np.arange(256, dtype=np.uint16).tobytes()
    else:
        made.BitsAllocated = 32
        made.FloatPixelData = np.asarray(floats, np.float32).tobytes()
    made.WindowCenter, made.WindowWidth = "512", "400"
    for name, value in changes.items():
        setattr(made, name, value)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, made, enforce_file_format=True)
    return buffer.getvalue()
