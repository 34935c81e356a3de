"""Reasons, in the words of a colleague: direction, size, and what the verdict rests on."""

import pytest

from medtransfer.analysis import sentences
from medtransfer.analysis.sentences import Words

WORDS = Words(first="there", second="here", cause="it", verb="makes", up="weaker", down="stronger")


def row(**changes):
    known = {"value": 7.0, "low": 2.0, "high": 12.0, "p_holm": 0.01, "null": 0.0, "least": 2.0}
    return {**known, "unit": "points", "verdict": "supported", **changes}


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, "7 points weaker (2 to 12)"),
        ({"low": -3.0, "high": 9.0}, "between 3 points stronger and 9 points weaker"),
        ({"low": -9.0, "high": -4.0}, "4 to 9 points stronger, the opposite of the claim"),
        ({"low": -0.5, "high": 1.5}, "1.5 points weaker, and only 2 points or more count"),
        ({"verdict": "interval too wide", "p_holm": 0.12}, "chance (corrected p 0.12)"),
    ],
)
def test_a_difference_is_told_with_its_direction(changes, end):
    low, high = changes.get("low", 2.0), changes.get("high", 12.0)
    verdict = "interval too wide" if high > 2 > low else "not supported"
    told = sentences.compared(
        row(**({"verdict": verdict} if changes else {}) | changes), WORDS, left=(31.2, 24)
    )
    assert told.startswith("the attack leaves 31 % of the clean AUC there and 24 % here: it makes")
    assert end in told


@pytest.mark.parametrize(
    ("verdict", "low", "end"),
    [
        ("supported", 98.0, "more than the 95 %"),
        ("interval too wide", 94.0, "not surely above the 95 %"),
        ("interval too wide", 96.0, "may be chance"),
        ("not supported", 80.0, "less than the 95 %"),
    ],
)
def test_noise_is_told_beside_the_attack(verdict, low, end):
    values = {"value": 99.0, "low": low, "high": 99.5, "null": 95.0, "least": 0.0}
    told = sentences.noise(row(verdict=verdict, **values), attack=34.4, at=[0.04, 0.01, 0.02])
    assert "99.0 % of the clean AUC" in told and "epsilon 0.01 to 0.04" in told
    assert "the attack leaves 34 %" in told and end in told


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.04, "0"),
        (-0.04, "0"),
        (0.44, "0.4"),
        (7, "7"),
        (9.96, "10"),
        (31.4, "31"),
        (-3.2, "-3.2"),
    ],
)
def test_numbers_have_the_digits_that_people_read(value, said):
    assert sentences.number(value) == said
