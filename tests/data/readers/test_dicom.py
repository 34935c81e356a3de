"""DICOM: what a viewing station would show, in 8 bits."""

import importlib.util
import io

import numpy as np
import pydicom
import pytest
from dicoms import RAMP, bare, item, made
from facts import folder_facts
from PIL import Image
from pydicom.uid import (
    JPEG2000,
    MPEG4HP41,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    RLELossless,
)

from medtransfer.data.readers import dicom
from medtransfer.data.readers.folder import FolderManifest, FolderReader
from medtransfer.errors import DicomError, SourceError

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (16, 24, 3), dtype=np.uint8)
# Colours in large patches, which no compression blurs in their middle.
PATCHES = np.kron(RNG.integers(0, 256, (3, 4, 3), dtype=np.uint8), np.ones((32, 32, 1), np.uint8))


def shown(data, **more):
    return np.asarray(dicom.read_picture(data, **more))


def file(pixels, kind, **more):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **more)
    return buffer.getvalue()


def ybr(rgb):
    """Return colours as the standard turns them (PS3.3 C.7.6.3.1.2), uint8."""
    turn = [
        [0.299, 0.587, 0.114],
        [-0.1687, -0.3313, 0.5],
        [0.5, -0.4187, -0.0813],
    ]
    turned = rgb @ np.array(turn).T + [0, 128, 128]
    return np.clip(np.rint(turned), 0, 255).astype(np.uint8)


def nearly(found, colours, within=4):
    """Whether colours are those asked for, away from the borders of patches."""
    difference = np.abs(found.astype(int) - colours)
    inside = difference.reshape(3, 32, 4, 32, 3)[:, 8:24, :, 8:24]
    return inside.max() <= within


# --- colour --------------------------------------------------------------------------------------


def test_colour_is_kept():
    np.testing.assert_array_equal(shown(made(NOISE, kind="RGB")), NOISE)


def test_colours_that_lie_plane_by_plane_are_put_together():
    planes = np.ascontiguousarray(np.moveaxis(NOISE, -1, 0)).tobytes()
    data = made(NOISE, kind="RGB", stored=planes, PlanarConfiguration=1)
    np.testing.assert_array_equal(shown(data), NOISE)


def test_luminance_and_chrominance_become_colour_once():
    found = shown(made(ybr(PATCHES), kind="YBR_FULL"))
    assert np.abs(found.astype(int) - PATCHES).max() <= 2


@pytest.mark.parametrize("kind", ["YBR_FULL", "YBR_FULL_422"])
def test_a_jpeg_of_luminance_and_chrominance_becomes_colour_once(kind):
    jpeg = file(PATCHES, "JPEG", quality=98, subsampling=1 if kind.endswith("422") else 0)
    data = made(PATCHES, kind=kind, syntax=JPEGBaseline8Bit, encoded=jpeg)
    assert nearly(shown(data), PATCHES)


@pytest.mark.parametrize(
    ("kind", "syntax", "lossy"),
    [("YBR_RCT", JPEG2000Lossless, False), ("YBR_ICT", JPEG2000, True), ("RGB", JPEG2000, True)],
)
def test_what_jpeg_2000_turned_inside_comes_back_as_colour(kind, syntax, lossy):
    encoded = file(PATCHES, "JPEG2000", irreversible=lossy, mct=int(kind != "RGB"), no_jp2=True)
    data = made(PATCHES, kind=kind, syntax=syntax, encoded=encoded)
    assert nearly(shown(data), PATCHES, within=4 if lossy else 0)


def palette(entries, *, bits, first=0, big=False):
    """Elements of a palette; `entries` are (N, 3), as 16 bits unless `bits` is 8."""
    kind = "u1" if bits == 8 else (">u2" if big else "<u2")
    elements = {}
    for number, colour in enumerate(("Red", "Green", "Blue")):
        prefix = f"{colour}PaletteColorLookupTable"
        described = [len(entries) % 2**16, first, bits]
        elements[f"{prefix}Descriptor"] = ("SS" if first < 0 else "US", described)
        elements[f"{prefix}Data"] = ("OW", entries[:, number].astype(kind).tobytes())
    return elements


@pytest.mark.parametrize("bits", [8, 16])
def test_a_palette_is_followed(bits):
    colours = RNG.integers(0, 256, (200, 3))
    pixels = RNG.integers(0, 256, (16, 16), dtype=np.uint8)
    entries = colours * (257 if bits == 16 else 1)  # 16 bits reach from 0 to 65,535
    found = shown(made(pixels, kind="PALETTE COLOR", **palette(entries, bits=bits)))
    np.testing.assert_array_equal(found, colours[np.minimum(pixels, 199)])


def test_a_palette_of_many_entries_of_8_bits_is_followed():
    colours = RNG.integers(0, 256, (1024, 3))
    found = shown(made(RAMP, kind="PALETTE COLOR", **palette(colours, bits=8)))
    np.testing.assert_array_equal(found, colours[RAMP])


def test_a_palette_may_begin_at_another_number_than_0():
    colours = RNG.integers(0, 256, (8, 3))
    pixels = np.arange(-4, 12, dtype=np.int16).reshape(4, 4)
    found = shown(made(pixels, kind="PALETTE COLOR", **palette(colours, bits=8, first=-2)))
    np.testing.assert_array_equal(found, colours[np.clip(pixels + 2, 0, 7)])


def test_a_palette_that_says_16_bits_and_uses_8_is_not_black():
    colours = RNG.integers(0, 256, (256, 3))
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = shown(made(pixels, kind="PALETTE COLOR", **palette(colours, bits=16)))
    np.testing.assert_array_equal(found, colours[pixels])


def test_a_palette_in_the_other_order_of_bytes_is_followed():
    colours, lower = RNG.integers(0, 256, (2, 256, 3))
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    elements = palette(colours * 256 + lower, bits=16, big=True)
    data = made(
        pixels,
        kind="PALETTE COLOR",
        syntax=ExplicitVRBigEndian,
        stored=pixels.view("<u2").byteswap().tobytes(),
        **elements,
    )
    np.testing.assert_array_equal(shown(data), colours[pixels])


def test_a_palette_in_segments_is_followed():
    # One discrete entry of 0, then a line of 255 steps up to 255.
    segments = np.array([0, 1, 0, 1, 255, 255], np.uint8).tobytes()
    elements = {}
    for colour in ("Red", "Green", "Blue"):
        elements[f"{colour}PaletteColorLookupTableDescriptor"] = ("US", [256, 0, 8])
        elements[f"Segmented{colour}PaletteColorLookupTableData"] = ("OW", segments)
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = shown(made(pixels, kind="PALETTE COLOR", **elements))
    assert np.abs(found.astype(int) - pixels[..., None]).max() <= 1


# --- frames --------------------------------------------------------------------------------------


def frames(*numbers, **elements):
    many = np.stack([np.full((8, 8), number, np.uint8) for number in numbers])
    many[:, 0] = np.arange(8)  # so that no frame is even
    return made(many[0], stored=many.tobytes(), **elements)


@pytest.mark.parametrize(("rule", "number"), [("first", 50), ("middle", 100), (3, 200)])
def test_of_several_frames_one_is_read_where_a_rule_says_which(rule, number):
    data = frames(50, 100, 200, NumberOfFrames="3", WindowCenter="128", WindowWidth="256")
    assert shown(data, frame=rule)[4, 4] == pytest.approx(number, abs=1)


@pytest.mark.parametrize("said", [{"NumberOfFrames": "3"}, {"NumberOfFrames": None}, {}])
def test_several_frames_without_a_rule_are_refused_with_their_number(said):
    with pytest.raises(SourceError, match=r"holds 3 frames or pages; .*image\.frame"):
        shown(frames(50, 100, 200, **said))


# --- how the file is kept ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["IM0001", "a.dcm"])
def test_a_data_set_without_a_header_is_read(name, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / name).write_bytes(bare(made(RAMP)))
    manifest = FolderManifest.model_validate(folder_facts(image={"channels": 1}))
    found = FolderReader(manifest, root=tmp_path, image_px=32).picture(name)
    np.testing.assert_array_equal(found.pixels[..., 0], np.rint(RAMP / 1023 * 255))


@pytest.mark.parametrize("little", [True, False])
def test_a_data_set_without_a_header_is_read_in_its_own_order_of_bytes(little):
    syntax = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    stored = (RAMP if little else RAMP.byteswap()).tobytes()
    data = bare(made(RAMP, syntax=syntax, stored=stored), implicit=False, little=little)
    np.testing.assert_array_equal(shown(data), shown(made(RAMP)))


def test_compressed_pixels_without_the_header_that_says_how_are_refused():
    jpeg = file(PATCHES, "JPEG")
    data = made(PATCHES, kind="YBR_FULL", syntax=JPEGBaseline8Bit, encoded=jpeg)
    start = data.index(b"\x08\x00\x16\x00UI")  # the first element after the header
    with pytest.raises(DicomError, match="are compressed, but no header says how"):
        shown(data[start:])


def test_dicom_is_known_by_its_content_and_not_by_its_name(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "IM0001").write_bytes(made(RAMP))
    Image.fromarray(NOISE[:, :16]).save(tmp_path / "images" / "a.dcm", "PNG")
    manifest = FolderManifest.model_validate(folder_facts(image={"channels": 3}))
    reader = FolderReader(manifest, root=tmp_path, image_px=32)
    np.testing.assert_array_equal(reader.picture("IM0001").pixels[..., 0], shown(made(RAMP)))
    reader = FolderReader(manifest, root=tmp_path, image_px=16)
    np.testing.assert_array_equal(reader.picture("a.dcm").pixels, NOISE[:, :16])


# --- what cannot be shown ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "HSV"}, r"interpretation HSV; allowed: MONOCHROME1.*PALETTE COLOR.*YBR_RCT"),
        ({"kind": "RGB"}, "RGB has 3 samples per pixel; the file says 1"),
        ({"kind": "PALETTE COLOR"}, "its palette is not readable"),
        ({"BitsStored": None}, "does not say how its pixels are stored: lacks BitsStored"),
        ({"Rows": None, "SamplesPerPixel": None}, "lacks Rows, SamplesPerPixel"),
        ({"stored": b"\0" * 100}, r"are not readable: .*less than expected \(100 vs 2048"),
        ({"NumberOfFrames": ("LO", "1A")}, "NumberOfFrames is '1A', which is not a number"),
        (
            {"syntax": MPEG4HP41, "encoded": b"film"},
            "as MPEG-4 .*, which nothing installed here decodes",
        ),
    ],
)
def test_what_cannot_be_shown_is_an_error_that_says_why(change, says):
    with pytest.raises(DicomError, match=says):
        shown(made(RAMP, **change))


@pytest.mark.parametrize("kind", ["MONOCHROME2", "PALETTE COLOR"])
@pytest.mark.parametrize("rule", [None, "first"])
def test_colour_that_is_said_to_be_grey_is_not_taken_for_frames(kind, rule):
    with pytest.raises(DicomError, match=f"{kind} has 1 samples per pixel; the file says 3"):
        shown(made(NOISE, kind=kind), frame=rule)


def test_colour_of_16_bits_is_refused():
    deep = np.zeros((8, 8, 3), np.uint16)
    with pytest.raises(DicomError, match="colour of uint16 values; allowed is uint8"):
        shown(made(deep, kind="RGB", bits=16))


def test_a_file_without_a_picture_is_named_by_what_it_is():
    data = pydicom.dcmread(io.BytesIO(made(RAMP)))
    del data.PixelData
    buffer = io.BytesIO()
    data.save_as(buffer)
    with pytest.raises(DicomError, match=r"holds no picture \(Secondary Capture Image Storage\)"):
        shown(buffer.getvalue())


def test_a_file_cut_within_a_compressed_picture_is_no_file_without_one():
    data = made(RAMP, syntax=RLELossless, encoded=b"x" * 600)
    with pytest.raises(DicomError, match="may be cut off"):
        shown(data[:-300])


def test_a_fault_of_ours_is_not_blamed_on_the_file(monkeypatch):
    monkeypatch.setattr(dicom.dicom_grey, "shown", lambda *_, **__: None + 1)
    with pytest.raises(TypeError):
        shown(made(RAMP))


# --- decoders ------------------------------------------------------------------------------------

decoders = pytest.mark.skipif(
    importlib.util.find_spec("pylibjpeg") is None, reason="needs the extra `dicom`"
)
FILES = {
    "JPEGLSNearLossless_08.dcm": None,
    "JPEGLSNearLossless_16.dcm": None,
    "JPGExtended.dcm": None,
    "GDCMJ2K_TextGBR.dcm": None,
    "MR_small_jpeg_ls_lossless.dcm": "MR_small.dcm",
    "SC_rgb_jpeg_gdcm.dcm": None,
    "SC_rgb_jls_lossy_line.dcm": None,
    "SC_rgb_jls_lossy_sample.dcm": None,
}


def example(name):
    (path,) = pydicom.data.get_testdata_files(name)
    with open(path, "rb") as opened:
        return opened.read()


@decoders
@pytest.mark.parametrize("name", FILES)
def test_compressed_files_are_read_where_the_decoders_are_installed(name):
    found = shown(example(name))
    assert found.min() < found.max()
    if FILES[name]:
        np.testing.assert_array_equal(found, shown(example(FILES[name])))


@pytest.mark.skipif(
    importlib.util.find_spec("pylibjpeg") is not None, reason="the extra `dicom` is there"
)
@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGExtended12Bit])
def test_without_a_decoder_the_message_says_how_to_install_it(syntax):
    # Of 12 bits, which no decoder of the second kind that is there can read.
    jpeg = bytearray(file(RAMP.astype(np.uint8), "JPEG"))
    jpeg[jpeg.index(b"\xff\xc0") + 4] = 12
    data = made(RAMP, syntax=syntax, encoded=bytes(jpeg))
    with pytest.raises(DicomError, match=r"pip install --editable '\.\[dicom\]'") as caught:
        shown(data)
    assert syntax.name in str(caught.value) and "damaged" not in str(caught.value)


@decoders
def test_where_all_decoders_are_installed_none_is_advised():
    data = made(RAMP, syntax=JPEGLosslessSV1, encoded=b"no JPEG, whatever it says")
    with pytest.raises(DicomError, match="are not readable") as caught:
        shown(data)
    assert "install" not in str(caught.value)


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_lossy_gdcm.dcm", "SC_rgb_dcmtk_+eb+cy+np.dcm"])
def test_other_decoders_change_nothing_of_what_is_read_without_them(name):
    photograph = example(name)
    data = pydicom.dcmread(io.BytesIO(photograph))
    expected = pydicom.pixels.pixel_array(data, decoding_plugin="pillow")
    np.testing.assert_array_equal(shown(photograph), expected)


# --- what comes with pydicom ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("SC_rgb_small_odd_big_endian.dcm", "SC_rgb_small_odd.dcm"),
        ("MR_small_bigendian.dcm", "MR_small.dcm"),
        ("MR_small_RLE.dcm", "MR_small.dcm"),
        ("rtdose_expb_1frame.dcm", "rtdose_1frame.dcm"),
        ("liver_expb_1frame.dcm", "liver_1frame.dcm"),
    ],
)
def test_one_picture_kept_in_two_ways_is_one_picture(name, same):
    np.testing.assert_array_equal(shown(example(name)), shown(example(same)))


def test_items_of_a_sequence_are_read(tmp_path):
    group = item(FrameVOILUTSequence=[item(WindowCenter="512", WindowWidth="257")])
    grouped = shown(made(RAMP, SharedFunctionalGroupsSequence=[group]))
    np.testing.assert_array_equal(grouped, shown(made(RAMP, WindowCenter="512", WindowWidth="257")))
