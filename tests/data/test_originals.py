"""Files say their size and how they lie before they are decoded."""

import numpy as np
import pytest
from PIL import Image, ImageOps
from pydicom import dcmread
from pydicom.data import get_testdata_file

from medtransfer.data.originals import Original, original


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_says_how_a_photograph_lies(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    found = original(tmp_path / "a.jpg")
    assert found == Original(40, 30, orientation=orientation, channels=3)
    with Image.open(tmp_path / "a.jpg") as image:
        assert found.shape == ImageOps.exif_transpose(image).size


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_tiff_file_says_its_size_as_it_stands_upright(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (40, 30)).save(tmp_path / "a.tiff", exif=exif)
    assert original(tmp_path / "a.tiff").shape == ((30, 40) if orientation == 6 else (40, 30))


@pytest.mark.parametrize(
    ("name", "mode", "channels"),
    [("a.png", "L", 1), ("a.png", "RGB", 3), ("a.png", "I;16", 1), ("a.bmp", "1", 1)],
)
def test_channels_are_those_of_the_file(tmp_path, name, mode, channels):
    Image.new(mode, (20, 10)).save(tmp_path / name)
    assert original(tmp_path / name) == Original(20, 10, channels=channels)


def test_a_dicom_file_says_its_size():
    path = get_testdata_file("CT_small.dcm")
    facts = dcmread(path)
    found = original(path)
    assert (found.shape, found.channels) == ((facts.Columns, facts.Rows), 1)
    assert found.patient == facts.PatientID != ""


def test_a_dicom_file_without_a_preamble_says_its_size(tmp_path):
    facts = dcmread(get_testdata_file("CT_small.dcm"))
    facts.save_as(tmp_path / "a.dcm", implicit_vr=False, little_endian=True)
    data = (tmp_path / "a.dcm").read_bytes()
    header = 132 + 12 + facts.file_meta.FileMetaInformationGroupLength
    (tmp_path / "b.dcm").write_bytes(data[header:])
    assert original(tmp_path / "b.dcm").shape == (facts.Columns, facts.Rows)


def test_other_files_say_nothing(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    assert original(tmp_path / "a.png") is None
    assert original(tmp_path / "missing.png") is None


@pytest.mark.parametrize(
    ("fit", "centre", "side"), [("pad", 1, 40), ("crop", 1, 30), ("crop", 0.5, 15)]
)
def test_what_is_kept_has_a_side(fit, centre, side):
    assert np.isclose(Original(40, 30).side(fit=fit, centre=centre), side)
