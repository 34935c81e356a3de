"""Pictures that a system elsewhere reads: the same grey levels, whatever the kind of file."""

import numpy as np
import pydicom
import pytest
from PIL import Image

from medtransfer.assess import files
from medtransfer.data.readers import pictures
from medtransfer.data.schema import Image as Facts

RNG = np.random.default_rng(0)
SHAPES = [(3, 8, 8, 1), (3, 7, 7, 1), (2, 8, 8, 3), (2, 7, 7, 3)]


def drawn(shape):
    """Pictures of all grey levels, one of them of a narrow range that nothing may spread."""
    found = RNG.integers(0, 256, shape, dtype=np.uint8)
    found[0] = RNG.integers(100, 104, shape[1:], dtype=np.uint8)
    return found


@pytest.mark.parametrize("kind", files.SUFFIX)
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_read_is_what_was_written(tmp_path, kind, shape):
    made = drawn(shape)
    names = [f"ward/{n}.png" for n in range(len(made))]
    assert not files.complete(tmp_path, len(made), kind=kind)
    files.write(tmp_path, names, made, kind=kind)
    assert files.complete(tmp_path, len(made), kind=kind)
    for name, picture in zip(names, made, strict=True):
        data = (tmp_path / f"{name}{files.SUFFIX[kind]}").read_bytes()
        facts = Facts(channels=shape[-1], fit="exact")
        found = np.asarray(pictures.opened(data, facts, image_px=shape[1]))
        assert np.array_equal(found.reshape(picture.shape), picture)


@pytest.mark.parametrize("shape", SHAPES)
def test_dicom_is_a_derived_picture_of_nobody(tmp_path, shape):
    made = drawn(shape)
    files.write(tmp_path / "clean", ["a", "b", "c"][: len(made)], made, kind=files.DICOM)
    files.write(tmp_path / "ADVERSARIAL", ["a"], made[:1], kind=files.DICOM)
    found = [pydicom.dcmread(path) for path in sorted(tmp_path.rglob("*.dcm"))]
    assert len({each.SOPInstanceUID for each in found}) == len(found) == len(made) + 1
    assert len({each.StudyInstanceUID for each in found}) == len(found)
    for each in found:
        assert each.file_meta.MediaStorageSOPInstanceUID == each.SOPInstanceUID
        assert each.ImageType == ["DERIVED", "SECONDARY"]
        assert "TEST" in str(each.PatientName) and each.PatientBirthDate == ""
        assert each.PhotometricInterpretation == ("RGB" if shape[-1] == 3 else "MONOCHROME2")
        assert (each.BitsStored, each.PixelRepresentation) == (8, 0)
    adversarial = next(each for each in found if "ADVERSARIAL" in each.SeriesDescription)
    assert "ADVERSARIAL" in adversarial.DerivationDescription
    # What pydicom's own window makes of a grey picture are its levels.
    if shape[-1] == 1:
        own = pydicom.pixels.apply_windowing(adversarial.pixel_array, adversarial)
        assert np.array_equal(np.rint(own), made[0, ..., 0])


def test_a_png_is_grey_where_the_picture_is(tmp_path):
    files.write(tmp_path, ["a"], drawn((1, 8, 8, 1)), kind=files.PNG)
    assert Image.open(tmp_path / "a.png").mode == "L"
