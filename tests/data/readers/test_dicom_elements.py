"""Elements of DICOM as they are met: absent, empty, several, of another type."""

import numpy as np
import pytest
from dicoms import RAMP, item, made
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from strange import many

from medtransfer.data.readers import dicom
from medtransfer.data.readers.dicom_elements import items, number, table, value, values
from medtransfer.errors import DicomError, SourceError


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"WindowCenter": None},
        {"WindowCenter": ""},
        {"WindowCenter": ("LO", " ")},
        {"WindowCenter": ("UN", b"")},
        {"WindowCenter": ("SQ", [])},
    ],
)
def test_an_element_that_holds_nothing_is_none(elements):
    data = item(**elements)
    assert value(data, "WindowCenter") is None
    assert items(item(), "WindowCenter") == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, [None]),
        ("40", [40.0]),
        (["40", "80"], [40.0, 80.0]),
        (["", "80"], [None, 80.0]),
        (("FD", 0.5), [0.5]),
        (("LO", "40 "), [40.0]),
    ],
)
def test_numbers_are_read_in_their_order(given, found):
    data = item(WindowCenter=given)
    assert values(data, "WindowCenter") == found
    assert number(data, "WindowCenter") == found[0]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("LO", "bone"), "WindowCenter is 'bone', which is not a number"),
        (("OB", b"\1\2"), "which is not a number"),
        (("FD", float("inf")), "WindowCenter is NaN or infinite"),
        (("SQ", [item(Rows=1)]), "which is not a number"),
    ],
)
def test_what_is_no_number_is_named(given, says):
    with pytest.raises(DicomError, match=says):
        values(item(WindowCenter=given), "WindowCenter")


def test_what_is_no_sequence_is_named():
    with pytest.raises(DicomError, match="VOILUTSequence is not a sequence"):
        items(item(VOILUTSequence=("LO", "x")), "VOILUTSequence")


@pytest.mark.parametrize(
    ("data", "entries"),
    [
        (("OW", np.array([7, 8, 9], "<u2").tobytes()), [7, 8, 9]),
        (("US", [7, 8, 9]), [7, 8, 9]),
        (("SS", [-1, 8, 9]), [65535, 8, 9]),
        (("OW", bytes([7, 8, 9, 0])), [7, 8, 9]),
        (("US", [7 + 256 * 8, 9]), [7, 8, 9]),
    ],
)
def test_a_table_is_read_however_its_entries_are_kept(data, entries):
    found = table(
        item(LUTDescriptor=("US", [3, 5, 16]), LUTData=data),
        descriptor="LUTDescriptor",
        entries="LUTData",
    )
    assert found is not None and (found.first, found.bits) == (5, 16)
    assert found.entries.tolist() == entries
    np.testing.assert_array_equal(
        found.of(np.array([[0, 5], [6, 99]])), np.take(entries, [[0, 0], [1, 2]])
    )


@pytest.mark.parametrize(
    ("said", "number"), [(("US", [0, 0, 16]), 65_536), (("SS", [-25_536, 0, 16]), 40_000)]
)
def test_a_table_may_have_more_entries_than_its_number_holds(said, number):
    entries = np.arange(number)[::-1]
    lut = item(LUTDescriptor=said, LUTData=("OW", entries.astype("<u2").tobytes()))
    found = table(lut, descriptor="LUTDescriptor", entries="LUTData")
    np.testing.assert_array_equal(found.entries, entries)


ANY = st.sampled_from(
    [
        *[("DS", given) for given in (None, "1.5", "0", "-2", ["1", "2"], ["", "7"])],
        *[("LO", given) for given in ("abc", " ", "LINEAR", "SIGMOID", "RGB", "PALETTE COLOR")],
        *[("US", given) for given in (None, 0, 1, 7, [1, 2, 3], [4, 0, 16])],
        *[("FD", given) for given in (float("nan"), float("inf"), 1e300, -1e-300)],
        *[("OW", given) for given in (b"", b"\1\0\2\0", b"\0" * 2048)],
        ("SS", -3),
        ("SQ", []),
        ("SQ", [Dataset()]),
        ("SQ", [item(LUTDescriptor=("US", [4, 0, 16]), LUTData=("US", [0, 9, 8, 7]))]),
        ("SQ", [item(FrameVOILUTSequence=[item(WindowCenter="5", WindowWidth=("LO", "x"))])]),
    ]
)
NAMES = st.sampled_from(
    [
        *("WindowCenter", "WindowWidth", "VOILUTFunction", "RescaleSlope", "RescaleIntercept"),
        *("PixelPaddingValue", "PixelPaddingRangeLimit", "NumberOfFrames", "SamplesPerPixel"),
        *("PhotometricInterpretation", "BitsAllocated", "BitsStored", "PixelRepresentation"),
        *("Rows", "Columns", "PlanarConfiguration", "VOILUTSequence", "ModalityLUTSequence"),
        *("SharedFunctionalGroupsSequence", "RedPaletteColorLookupTableDescriptor"),
    ]
)


@pytest.mark.filterwarnings("ignore")
@many
@given(elements=st.dictionaries(NAMES, ANY, min_size=1, max_size=4))
def test_any_elements_give_a_picture_or_an_error(elements):
    try:
        data = made(RAMP, **elements)
    except Exception:
        return  # nobody can write it
    try:
        found = dicom.read_picture(data)
    except SourceError as error:
        assert "damaged" not in str(error)
    else:
        assert found.mode in ("L", "RGB")
