"""Pictures that stand there twice are found, and others are not taken for them."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from medtransfer import phantoms
from medtransfer.data import duplicates

PX = 64


@pytest.fixture(scope="module", params=phantoms.drawings())
def pictures(request):
    """Pictures of a drawing, one of each of 60 patients or slides, uint8 (60, 64, 64, C)."""
    drawing = phantoms.phantom(request.param)
    return np.stack([drawing.draw(seed=5, group=g, index=0, image_px=PX) for g in range(60)])


def pairs(pictures, groups):
    small = np.stack([duplicates.thumbnail(pixels) for pixels in pictures])
    return duplicates.pairs(small, np.array(groups))


def saved_again(pixels, *, light=1.0):
    """A picture through a small JPEG of low quality, and back to its size."""
    image = Image.fromarray(pixels if pixels.shape[-1] == 3 else pixels[..., 0])
    file = io.BytesIO()
    small = ImageEnhance.Brightness(image).enhance(light).resize((52, 52))
    small.save(file, "JPEG", quality=70)
    again = np.asarray(Image.open(file).resize((PX, PX)))
    return again.reshape(pixels.shape)


def test_pictures_of_different_patients_are_not_the_same(pictures):
    assert pairs(pictures, range(60)) == []


def test_a_picture_saved_again_is_found_whatever_its_brightness(pictures):
    both = np.stack([*pictures, saved_again(pictures[7]), saved_again(pictures[30], light=0.8)])
    assert {*pairs(both, range(62))} == {(7, 60), (30, 61)}


def test_pictures_of_one_patient_may_be_alike(pictures):
    both = np.stack([*pictures, pictures[7]])
    assert pairs(both, [*range(60), 7]) == []


def test_constant_pictures_resemble_none():
    flat = np.full((4, PX, PX, 1), 9, np.uint8)
    assert pairs(flat, range(4)) == []


def test_files_that_may_be_copies_get_their_checksum(tmp_path):
    contents = {
        "a": b"x" * 9000,
        "copy": b"x" * 9000,
        "same size and end": b"y" + b"x" * 8999,
        "same size": b"x" * 8999 + b"y",
        "other size": b"x",
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    found = duplicates.checksums([tmp_path / name for name in [*contents, "missing"]])
    alike = [hashlib.sha256(data).hexdigest() for data in contents.values()][:3]
    assert found == [*alike, "", "", ""]
