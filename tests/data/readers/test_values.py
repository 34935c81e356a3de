"""Values: equal ones are one, however they are spelled; no two others are."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.data.readers.values import key, keys, lines, rows


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "1.0", "01", "+1", "1.", "1e0", "1.000000000000000000e+00", " 1 "],
        ["-1", "-1.0", "-01"],
        ["0", "0.0", "-0", ".0"],
        ["yes", "YES", " Yes "],
        ["Stra\u00dfe", "STRASSE"],
        ["caf\u00e9", "cafe\u0301", "CAFE\u0301"],
        ["", " ", "NaN", "nan", "NA", "n/a", "<NA>", "NULL"],
    ],
    ids=lambda cells: cells[0] or "empty",
)
def test_spellings_of_one_value_are_equal(cells):
    assert len({key(cell) for cell in cells}) == 1


def test_different_values_are_not():
    cells = ["0", "1", "2", "-1", "1.5", "10", "1_0", "true", "yes", "no", "none", "", "1a", "0x1"]
    assert len({key(cell) for cell in cells}) == len(cells)


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-9999, max_value=9999)
)
def test_numbers_are_compared_exactly(number):
    assert key(str(number)) == Decimal(number)


def test_numbers_of_many_digits_are_not_rounded():
    assert key("9" * 60) != key("9" * 59 + "8")
    assert key("1e999999999") != key("1e999999998")


@pytest.mark.parametrize(
    ("listed", "cell"),
    [
        (True, "Yes"),
        (True, "TRUE"),
        (False, "no"),
        (None, "NaN"),
        (2, "2.0"),
        (0.5, ".5"),
        ("2", "2"),
    ],
)
def test_what_yaml_makes_of_a_value_is_what_was_written(listed, cell):
    assert key(cell) in keys([listed])


def test_true_is_not_one():
    assert key("1") not in keys([True]) and key("true") not in keys([1])


def test_lines_are_said_in_words():
    assert lines([2]) == "line 2"
    assert lines(range(2, 9)) == "lines 2, 3, 4, 5, 6 and 2 more"
    assert lines(["a.png"]) == "a.png"
    assert rows({"x": [2, 3], "": [4]}) == "'x' (lines 2, 3), '' (line 4)"
