"""Patients: one id each, and whoever may be one or two is named."""

import pandas as pd
import pytest

from medtransfer.data.readers.patients import groups
from medtransfer.errors import SourceError


def of(*cells, pattern=None, **more):
    column = pd.Series(cells, index=range(2, 2 + len(cells)), name="patient", dtype="str")
    return groups(column, pattern=pattern, **more).tolist()


def test_ids_stay_as_they_are():
    ids = ["7", "10", "P8", "p 9", "1.5", "007x", "-1"]
    assert of(*ids) == ids


def test_blanks_around_and_unicode_forms_are_one_spelling():
    assert len({*of("Rene\u0301", "Ren\u00e9", " Ren\u00e9 ", "Ren\u00e9\u00a0")}) == 1


@pytest.mark.parametrize(
    "pair",
    [
        ("P8", "p8"),
        ("12", "12.0"),
        ("007", "7"),
        ("7.", "7"),
        ("p 1", "P  1"),
        ("Stra\u00dfe", "STRASSE"),
    ],
)
def test_two_spellings_of_what_may_be_one_patient_are_refused_with_both(pair):
    with pytest.raises(SourceError) as caught:
        of("other", *pair, pair[0])
    assert "column 'patient': 1 patients" in str(caught.value)
    assert f"{pair[0]!r} and {pair[1]!r}" in str(caught.value)
    assert "`allow: [similar_groups]`" in str(caught.value)
    assert of("other", *pair, similar=True) == ["other", *pair]


@pytest.mark.parametrize("cell", ["", " ", "NaN", "nan", "NA", "N/A", "None", "null", "<NA>"])
def test_rows_without_a_patient_are_named(cell):
    with pytest.raises(SourceError, match=r"2 rows name no patient.*\(lines 3, 5\)"):
        of("p1", cell, "p2", cell)
    assert of("p1", cell, missing=True) == ["p1", ""]


@pytest.mark.parametrize("pattern", ["patient[0-9]+", r"train/(patient[0-9]+)/"])
def test_a_patient_may_be_a_part_of_the_cell(pattern):
    paths = ["train/patient00001/study1/view1.jpg", "train/patient00002/study1/view1.jpg"]
    assert of(*paths, pattern=pattern) == ["patient00001", "patient00002"]
    with pytest.raises(SourceError, match=r"group_pattern looks for.*'x.jpg' \(line 3\)"):
        of(paths[0], "x.jpg", pattern=pattern)
