"""DICOM: what a viewing station would show, in 8 bits."""

import numpy as np
import pydicom
import pytest
from facts import folder_facts
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGLosslessSV1

from medtransfer.data.readers import dicom
from medtransfer.data.readers.folder import FolderManifest, FolderReader
from medtransfer.errors import DicomError

RAMP = np.arange(1024, dtype=np.uint16).reshape(32, 32)


def write(path, pixels, *, kind="MONOCHROME2", bits=12, syntax=ExplicitVRLittleEndian, **more):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = syntax, pydicom.uid.generate_uid()
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 3 if kind == "RGB" else 1
    data.PhotometricInterpretation = kind
    data.BitsAllocated = 8 * pixels.dtype.itemsize
    data.BitsStored, data.HighBit, data.PixelRepresentation = bits, bits - 1, 0
    if kind == "RGB":
        data.PlanarConfiguration = 0
    stored = pixels.tobytes()
    data.PixelData = encapsulate([stored]) if syntax.is_compressed else stored
    for name, value in more.items():
        setattr(data, name, value)
    data.save_as(path, enforce_file_format=True)
    return path


def shown(path):
    return np.asarray(read(path))


def read(path):
    with path.open("rb") as file:
        return dicom.read_picture(file)


def test_without_a_window_the_whole_range_is_shown(tmp_path):
    found = shown(write(tmp_path / "a.dcm", RAMP))
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, np.rint(RAMP / 1023 * 255))


def test_a_window_cuts_what_lies_outside(tmp_path):
    found = shown(write(tmp_path / "a.dcm", RAMP, WindowCenter="512", WindowWidth="257"))
    assert (found[RAMP < 380] == 0).all() and (found[RAMP > 645] == 255).all()
    inside = found[(RAMP >= 384) & (RAMP <= 640)].astype(int)
    assert (np.diff(inside) >= 0).all()
    assert found[RAMP == 512] == pytest.approx(128, abs=1)


def test_the_first_of_several_windows_is_used(tmp_path):
    one = write(tmp_path / "a.dcm", RAMP, WindowCenter="512", WindowWidth="257")
    two = write(tmp_path / "b.dcm", RAMP, WindowCenter=["512", "90"], WindowWidth=["257", "40"])
    np.testing.assert_array_equal(shown(one), shown(two))


def test_a_window_is_in_what_the_modality_measured(tmp_path):
    rescaled = {"RescaleSlope": "2", "RescaleIntercept": "-1000"}
    plain = write(tmp_path / "a.dcm", RAMP, WindowCenter="512.25", WindowWidth="256.5")
    measured = write(tmp_path / "b.dcm", RAMP, WindowCenter="24", WindowWidth="512", **rescaled)
    assert np.abs(shown(plain).astype(int) - shown(measured)).max() <= 1


def test_a_falling_scale_makes_high_measurements_bright(tmp_path):
    falling = {"RescaleSlope": "-1", "RescaleIntercept": "1023"}
    found = shown(
        write(tmp_path / "a.dcm", RAMP, WindowCenter="512", WindowWidth="1024", **falling)
    )
    assert found[0, 0] == 255 and found[-1, -1] == 0


def test_a_table_of_values_is_followed(tmp_path):
    table = Dataset()
    table.LUTDescriptor = [1024, 0, 8]
    table.add_new("LUTData", "US", [255 * (value > 700) for value in range(1024)])
    found = shown(write(tmp_path / "a.dcm", RAMP, VOILUTSequence=[table]))
    np.testing.assert_array_equal(found, np.where(RAMP > 700, 255, 0))


def test_dark_high_values_are_turned_round(tmp_path):
    bright = shown(write(tmp_path / "a.dcm", RAMP))
    dark = shown(write(tmp_path / "b.dcm", RAMP, kind="MONOCHROME1"))
    np.testing.assert_array_equal(dark, 255 - bright)


def test_colour_is_kept(tmp_path):
    colour = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    found = shown(write(tmp_path / "a.dcm", colour, kind="RGB", bits=8))
    np.testing.assert_array_equal(found, colour)


def test_an_even_picture_is_black_and_no_error(tmp_path):
    assert (shown(write(tmp_path / "a.dcm", np.full_like(RAMP, 7))) == 0).all()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "PALETTE COLOR"}, "allowed: MONOCHROME1"),
        ({"syntax": JPEGLosslessSV1}, "no decoder for JPEG Lossless"),
        ({"NumberOfFrames": "2", "Rows": 16}, "2 frames"),
    ],
)
def test_what_cannot_be_shown_is_an_error_that_says_why(tmp_path, change, says):
    path = write(tmp_path / "a.dcm", RAMP, **{"kind": "MONOCHROME2", **change})
    with pytest.raises(DicomError, match=says):
        read(path)


def test_files_that_are_no_pictures_are_errors(tmp_path):
    text = tmp_path / "a.dcm"
    text.write_text("not an image")
    with pytest.raises(DicomError, match="not a DICOM file"):
        read(text)
    report = write(tmp_path / "b.dcm", RAMP)
    data = pydicom.dcmread(report)
    del data.PixelData
    data.save_as(report)
    with pytest.raises(DicomError, match="no picture"):
        read(report)


def test_dicom_is_known_by_name_or_by_its_mark(tmp_path):
    marked = write(tmp_path / "IM0001", RAMP)
    assert dicom.is_dicom("IM0001", marked.read_bytes())
    assert dicom.is_dicom("b.DCM", b"whatever it holds")
    Image.fromarray(RAMP.astype(np.uint8)).save(tmp_path / "plain.png")
    assert not dicom.is_dicom("plain.png", (tmp_path / "plain.png").read_bytes())


def test_a_folder_may_hold_dicom_files(tmp_path):
    (tmp_path / "images").mkdir()
    path = write(tmp_path / "images" / "IM0001", RAMP)
    manifest = FolderManifest.model_validate(folder_facts(image={"channels": 1, "fit": "exact"}))
    found = FolderReader(manifest, root=tmp_path, image_px=32).picture("IM0001")
    np.testing.assert_array_equal(found.pixels[..., 0], shown(path))
