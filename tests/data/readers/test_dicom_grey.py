"""Grey values of DICOM: what is stored, measured, and shown, by the arithmetic of the standard."""

import numpy as np
import pytest
from dicoms import RAMP, item, made, ramped

from medtransfer.data.readers import dicom
from medtransfer.errors import DicomError

WHOLE = ramped(RAMP, 0, 1023)
WINDOW = {"WindowCenter": "512", "WindowWidth": "257"}
WINDOWED = ramped(RAMP, 511.5 - 128, 511.5 + 128)  # PS3.3 C.11.2.1.2: half a step, one value less


def shown(pixels=RAMP, **more):
    return np.asarray(dicom.read_picture(made(pixels, **more)))


def same(found, expected, within=0):
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - expected).max() <= within


def test_without_a_window_the_whole_range_is_shown():
    same(shown(), WHOLE)


def test_a_window_cuts_what_lies_outside():
    same(shown(**WINDOW), WINDOWED, within=1)


def test_the_first_of_several_windows_is_used():
    same(shown(WindowCenter=["512", "90"], WindowWidth=["257", "40"]), WINDOWED, within=1)


@pytest.mark.parametrize(
    "elements",
    [
        {"WindowCenter": None, "WindowWidth": None},
        {"WindowCenter": "512"},
        {"WindowWidth": "257"},
        {"WindowCenter": "512", "WindowWidth": None},
        {"WindowCenter": None, "WindowWidth": "257"},
        {"VOILUTSequence": []},
        {"VOILUTSequence": [item()]},
        {"VOILUTSequence": [item(LUTDescriptor=("US", None), LUTData=("OW", None))]},
        {"ModalityLUTSequence": [item(LUTDescriptor=("US", None), LUTData=("OW", None))]},
        {"PixelPaddingValue": ("US", None)},
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"SharedFunctionalGroupsSequence": [item(FrameVOILUTSequence=[item(WindowCenter="7")])]},
        {"PerFrameFunctionalGroupsSequence": []},
    ],
    ids=lambda elements: f"{[*elements]}",
)
def test_what_holds_nothing_counts_as_absent(elements):
    same(shown(**elements), WHOLE)


@pytest.mark.parametrize(
    "elements",
    [
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"VOILUTFunction": ("CS", "")},
        {"VOILUTFunction": ("CS", None)},
        {"VOILUTSequence": [item(LUTDescriptor=("US", None), LUTData=("OW", None))]},
        {"WindowCenter": ["", "512"], "WindowWidth": ["", "257"]},
    ],
    ids=lambda elements: f"{[*elements]}",
)
def test_a_window_holds_beside_elements_that_hold_nothing(elements):
    same(shown(**{**WINDOW, **elements}), WINDOWED, within=1)


@pytest.mark.parametrize(
    ("elements", "measured"),
    [
        ({"RescaleSlope": "2", "RescaleIntercept": "-1000"}, 2.0 * RAMP - 1000),
        ({"RescaleSlope": "2"}, 2.0 * RAMP),
        ({"RescaleSlope": None, "RescaleIntercept": "-1000"}, RAMP - 1000.0),
        ({"RescaleSlope": "-1", "RescaleIntercept": "1023"}, 1023.0 - RAMP),
    ],
)
def test_a_window_is_in_what_the_modality_measured(elements, measured):
    found = shown(WindowCenter="100", WindowWidth="301", **elements)
    same(found, ramped(measured, 99.5 - 150, 99.5 + 150), within=1)


def test_a_falling_scale_makes_high_measurements_bright():
    same(shown(RescaleSlope="-1", RescaleIntercept="1023"), 255 - WHOLE, within=1)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("LINEAR_EXACT", ramped(RAMP, 512 - 128.5, 512 + 128.5)),
        ("SIGMOID", np.rint(255 / (1 + np.exp(-4 * (RAMP - 512.0) / 257)))),
        ("linear ", WINDOWED),
    ],
)
def test_windows_of_other_functions(function, expected):
    same(shown(VOILUTFunction=("LO", function), **WINDOW), expected, within=1)


@pytest.mark.parametrize(
    ("elements", "says"),
    [
        ({"WindowWidth": "0"}, r"its window \(512, 0 wide, LINEAR\).*a width of 1 or more"),
        ({"WindowWidth": "-3"}, "-3 wide"),
        ({"WindowWidth": "0", "VOILUTFunction": "SIGMOID"}, "a width of more than 0"),
        ({"VOILUTFunction": "CUBIC"}, "another function than LINEAR, LINEAR_EXACT, SIGMOID"),
        ({"RescaleSlope": "0", "RescaleIntercept": "1"}, "rescale slope is 0"),
        ({"WindowCenter": ("LO", "bone")}, "WindowCenter is 'bone', which is not a number"),
        ({"RescaleSlope": ("FD", float("nan"))}, "RescaleSlope is NaN or infinite"),
        ({"VOILUTSequence": [item(LUTDescriptor=("US", [9, 0, 16]), LUTData=("US", [1, 2]))]},
         "LUTData are not 9 entries"),
        ({"VOILUTSequence": [item(LUTDescriptor=("US", [2, 0]), LUTData=("US", [1, 2]))]},
         "LUTDescriptor holds 2 numbers instead of three"),
    ],
)  # fmt: skip
def test_what_leaves_no_grey_values_is_refused_by_name(elements, says):
    with pytest.raises(DicomError, match=says):
        shown(**{**WINDOW, **elements})


# --- tables --------------------------------------------------------------------------------------


def table(entries, *, bits, first=0, words=True):
    entries = np.asarray(entries)
    data = ("OW", entries.astype("<u2" if words else "u1").tobytes())
    kind = "SS" if first < 0 else "US"
    return item(LUTDescriptor=(kind, [len(entries) % 2**16, first, bits]), LUTData=data)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_a_table_of_what_is_shown_is_followed(bits):
    entries = np.random.default_rng(1).integers(0, 2**bits, 1024)
    found = shown(VOILUTSequence=[table(entries, bits=bits)])
    same(found, ramped(entries[RAMP], 0, 2**bits - 1))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_table_of_other_bits_than_it_says_is_neither_dark_nor_cut(bits):
    entries = np.arange(1024)[::-1] * 4  # 12 bits
    same(shown(VOILUTSequence=[table(entries, bits=bits)]), ramped(entries[RAMP], 0, 4095))


def test_a_table_may_leave_its_upper_half_unused():
    entries = np.arange(1024)[::-1]
    same(shown(VOILUTSequence=[table(entries, bits=12)]), ramped(entries[RAMP], 0, 4095))


def test_entries_of_8_bits_may_share_words():
    entries = np.random.default_rng(1).integers(0, 256, 1024)
    same(shown(VOILUTSequence=[table(entries, bits=8, words=False)]), entries[RAMP])


def test_a_table_as_numbers_is_followed():
    entries = [255 * (number > 700) for number in range(1024)]
    lut = item(LUTDescriptor=("US", [1024, 0, 8]), LUTData=("US", entries))
    same(shown(VOILUTSequence=[lut]), np.where(RAMP > 700, 255, 0))


def test_a_table_goes_before_a_window():
    entries = np.arange(1024)[::-1] * 4
    same(shown(VOILUTSequence=[table(entries, bits=12)], **WINDOW), ramped(entries[RAMP], 0, 4095))


def test_an_item_without_data_gives_way_to_the_next():
    empty = item(LUTDescriptor=("US", None), LUTData=("OW", None))
    entries = np.arange(1024)[::-1]
    same(shown(VOILUTSequence=[empty, table(entries, bits=10)]), 255 - WHOLE)


@pytest.mark.parametrize("as_negative", [True, False])
@pytest.mark.parametrize("lowest", [-1024, -500, 0])
def test_a_table_may_begin_below_0(as_negative, lowest):
    """Some files say 64,512 where -1,024 is meant, whether or not values reach below 0."""
    entries = np.arange(2048)[::-1] * 32
    lut = table(entries, bits=16, first=-1024)
    if not as_negative:
        lut.add_new("LUTDescriptor", "US", [2048, 2**16 - 1024, 16])
    found = shown(VOILUTSequence=[lut], RescaleSlope="1", RescaleIntercept=str(lowest))
    same(found, ramped(entries[RAMP.astype(int) + lowest + 1024], 0, 65535))


def test_a_table_may_begin_at_a_large_number():
    entries = np.arange(1024)[::-1] * 64
    pixels = RAMP + np.uint16(40_000)
    found = shown(pixels, bits=16, VOILUTSequence=[table(entries, bits=16, first=40_000)])
    same(found, ramped(entries[RAMP], 0, 65535))


def test_values_beyond_a_table_get_the_entry_at_its_end():
    entries = np.array([10, 200, 100])
    found = shown(VOILUTSequence=[table(entries, bits=8, first=500)])
    same(found, entries[np.clip(RAMP.astype(int) - 500, 0, 2)])


@pytest.mark.parametrize("bits", [12, 16])
def test_a_table_of_measurements_is_followed_whatever_bits_it_says(bits):
    entries = np.arange(1024)[::-1] * 4
    same(shown(ModalityLUTSequence=[table(entries, bits=bits)]), 255 - WHOLE, within=1)
    both = {"ModalityLUTSequence": [table(entries, bits=bits)], **WINDOW}
    same(shown(**both), ramped(entries[RAMP], 511.5 - 128, 511.5 + 128), within=1)


# --- groups of enhanced files --------------------------------------------------------------------


def group(*, window=None, scale=None):
    found = item()
    if window:
        found.FrameVOILUTSequence = [item(WindowCenter=window[0], WindowWidth=window[1])]
    if scale:
        found.PixelValueTransformationSequence = [
            item(RescaleSlope=scale[0], RescaleIntercept=scale[1], RescaleType="US")
        ]
    return found


@pytest.mark.parametrize("where", ["Shared", "PerFrame"])
def test_window_and_scale_in_functional_groups_are_used(where):
    groups = {f"{where}FunctionalGroupsSequence": [group(window=("50", "101"), scale=("-1", "99"))]}
    found = shown(NumberOfFrames="1", **groups)
    same(found, ramped(99.0 - RAMP, 49.5 - 50, 49.5 + 50), within=1)


def test_what_a_frame_says_goes_before_what_all_share_and_that_before_the_file():
    every = {
        "PerFrameFunctionalGroupsSequence": [group(window=("512", "257"))],
        "SharedFunctionalGroupsSequence": [group(window=("9", "9"), scale=("2", "0"))],
        "RescaleSlope": "5",
        "RescaleIntercept": "5",
    }
    same(shown(**every), ramped(2.0 * RAMP, 511.5 - 128, 511.5 + 128), within=1)


def test_every_frame_has_a_window_of_its_own():
    groups = [group(window=("100", "201")), group(window=("512", "257"))]
    data = made(
        RAMP,
        stored=RAMP.tobytes() * 2,
        NumberOfFrames="2",
        PerFrameFunctionalGroupsSequence=groups,
    )
    same(np.asarray(dicom.read_picture(data, frame=2)), WINDOWED, within=1)
    found = np.asarray(dicom.read_picture(data, frame=1))
    same(found, ramped(RAMP, 99.5 - 100, 99.5 + 100), within=1)


# --- MONOCHROME1 and padding ---------------------------------------------------------------------


@pytest.mark.parametrize("window", [{}, WINDOW])
def test_dark_high_values_are_turned_round(window):
    same(shown(kind="MONOCHROME1", **window), 255 - shown(**window).astype(int))


PADDED = RAMP.astype(np.int16)
PADDED[:, :5] = -2000
BARE = PADDED[:, 5:]


@pytest.mark.parametrize("kind", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(
    "said", [("SS", -2000), ("US", 2**16 - 2000)], ids=["signed", "as unsigned"]
)
def test_padding_is_black_and_no_part_of_the_range(kind, said):
    found = shown(PADDED, kind=kind, bits=16, PixelPaddingValue=said)
    assert (found[:, :5] == 0).all()
    grey = ramped(BARE, BARE.min(), BARE.max())
    same(found[:, 5:], 255 - grey if kind == "MONOCHROME1" else grey)


@pytest.mark.parametrize("said", [("SS", -2000), ("US", 65535), ("US", 2**16 - 2000)])
@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_padding_beyond_what_pixels_hold_is_nowhere(said, kind):
    pixels = np.arange(256).astype(np.uint8).reshape(16, 16).view(kind)
    if kind is np.int8 and said[1] == 65535:
        said = ("US", 300)  # -1 would be one of its numbers
    same(shown(pixels, PixelPaddingValue=said), shown(pixels))


def test_padding_of_8_bits_is_black():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = shown(pixels, PixelPaddingValue=("US", 255))
    assert found[15, 15] == 0
    same(found.reshape(-1)[:255], ramped(np.arange(255), 0, 254))


def test_padding_may_be_a_range_and_lie_above():
    pixels = RAMP.copy()
    pixels[:, :3], pixels[:, 3:5] = 4095, 4000
    padding = {"PixelPaddingValue": ("US", 4095), "PixelPaddingRangeLimit": ("US", 4000)}
    found = shown(pixels, kind="MONOCHROME1", **padding, **WINDOW)
    assert (found[:, :5] == 0).all()
    same(found[:, 5:], 255 - WINDOWED[:, 5:], within=1)


def of_floats(pixels):
    """Return a file of float32 or float64, whose padding is -1."""
    prefix, kind = ("Float", "OF") if pixels.dtype == np.float32 else ("DoubleFloat", "OD")
    elements = {
        f"{prefix}PixelData": (kind, pixels.tobytes()),
        f"{prefix}PixelPaddingValue": -1.0,
    }
    return without_integers(made(pixels.view(f"u{pixels.dtype.itemsize}"), **elements))


def test_floats_that_are_no_numbers_are_refused():
    pixels = RAMP.astype(np.float32)
    pixels[3, 4] = np.nan
    with pytest.raises(DicomError, match="holds NaN or infinite values"):
        dicom.read_picture(of_floats(pixels))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_padding_of_floats_is_black_and_no_part_of_the_range(kind):
    pixels = RAMP.astype(kind) / 1023
    pixels[:, :5] = -1
    found = np.asarray(dicom.read_picture(of_floats(pixels)))
    assert (found[:, :5] == 0).all()
    same(found[:, 5:], ramped(pixels[:, 5:], pixels[:, 5:].min(), 1))


def without_integers(data):
    import io

    import pydicom

    found = pydicom.dcmread(io.BytesIO(data))
    for name in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        del found[name]
    buffer = io.BytesIO()
    found.save_as(buffer)
    return buffer.getvalue()


def test_nothing_but_padding_is_black():
    assert (shown(np.full_like(RAMP, 7), PixelPaddingValue=("US", 7)) == 0).all()


def test_an_even_picture_is_black_and_no_error():
    assert (shown(np.full_like(RAMP, 7)) == 0).all()
