"""DICOM whose pixels are no squares: pictures are stretched until they are, or refused."""

import numpy as np
import pytest
from dicoms import item, made
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from medtransfer.data.originals import original
from medtransfer.data.readers import dicom, dicom_shape
from medtransfer.errors import DicomError

ROWS, COLUMNS = 30, 40
EVEN = np.full((ROWS, COLUMNS), 7, np.uint16)


def size(pixels=EVEN, **elements):
    return dicom_shape.size(dcmread(DicomBytesIO(made(pixels, **elements))))


@pytest.mark.parametrize(
    ("elements", "wanted"),
    [
        ({}, (40, 30)),
        ({"PixelAspectRatio": [1, 1]}, (40, 30)),
        ({"PixelAspectRatio": [2, 1]}, (40, 60)),  # high: of each row two
        ({"PixelAspectRatio": [1, 2]}, (80, 30)),
        ({"PixelAspectRatio": [4, 3]}, (40, 40)),
        ({"PixelSpacing": ["0.6", "0.3"]}, (40, 60)),
        ({"ImagerPixelSpacing": ["0.1", "0.2"]}, (80, 30)),
        ({"NominalScannedPixelSpacing": ["0.2", "0.1"]}, (40, 60)),
        ({"PixelSpacing": ["0.139", "0.1391"]}, (40, 30)),  # rounded
        ({"PixelSpacing": ["0.3", "0.3"], "PixelAspectRatio": [2, 1]}, (40, 30)),
        ({"PixelSpacing": "", "PixelAspectRatio": [2, 1]}, (40, 60)),
        ({"PixelSpacing": ["0", "0"], "PixelAspectRatio": ""}, (40, 30)),
        ({"PixelSpacing": ["0.3"]}, (40, 30)),
    ],
)
def test_the_shorter_side_of_a_pixel_is_stretched(elements, wanted):
    assert size(**elements) == wanted


@pytest.mark.parametrize("group", ["Shared", "PerFrame"])
def test_spacings_in_functional_groups_are_used(group):
    measures = item(PixelMeasuresSequence=[item(PixelSpacing=["0.5", "0.25"])])
    assert size(**{f"{group}FunctionalGroupsSequence": [measures]}) == (40, 60)


@pytest.mark.parametrize("kind", ["MONOCHROME2", "MONOCHROME1", "RGB"])
def test_a_circle_is_a_circle(kind, tmp_path):
    """Drawn with pixels twice as high as wide, of which it covers half as many rows."""
    y, x = np.mgrid[:32, :64]
    inside = ((2 * y + 0.5 - 31.5) ** 2 + (x - 31.5) ** 2) < 20**2
    pixels = (inside * 255).astype(np.uint8)
    pixels = np.repeat(pixels[..., None], 3, axis=-1) if kind == "RGB" else pixels
    data = made(pixels, kind=kind, PixelAspectRatio=[2, 1])
    (tmp_path / "a.dcm").write_bytes(data)
    shown = np.asarray(dicom.read_picture(data).convert("L"))
    assert shown.shape == (64, 64) == original(tmp_path / "a.dcm").shape
    found = (shown < 128) if kind == "MONOCHROME1" else (shown >= 128)
    height, width = found.any(axis=1).sum(), found.any(axis=0).sum()
    assert abs(int(height) - 40) <= 2 and abs(int(width) - 40) <= 2
    assert abs(found.sum() / (np.pi * 20**2) - 1) < 0.05


def test_square_pixels_keep_every_grey_level():
    pixels = np.random.default_rng(0).integers(0, 4096, (ROWS, COLUMNS), np.uint16)
    plain = np.asarray(dicom.read_picture(made(pixels)))
    said = np.asarray(dicom.read_picture(made(pixels, PixelSpacing=["0.2", "0.2"])))
    assert np.array_equal(plain, said)


@pytest.mark.parametrize("ratio", [[100, 1], [1, 9]])
def test_pixels_of_a_shape_that_no_detector_has_are_refused(ratio):
    with pytest.raises(DicomError, match=r"pixels are \d+ high and \d+ wide \(PixelAspectRatio"):
        dicom.read_picture(made(EVEN, PixelAspectRatio=ratio))
