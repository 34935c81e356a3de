"""What columns of tables seem to hold; a wrong guess is worse than none."""

import re

import pandas as pd
import pytest

from medtransfer.data import guesses
from medtransfer.data.guesses import Files


def frame(**columns):
    return pd.DataFrame(columns, dtype="str")


@pytest.mark.parametrize(
    ("cells", "there", "found"),
    [
        (["a.png", "b.png"], ["a.png", "b.png"], (".", "", 1.0)),
        (["a.png", "b.png"], ["images/a.png", "images/b.png", "x.txt"], ("images", "", 1.0)),
        (["a", "b"], ["images/a.jpg", "images/b.jpg"], ("images", ".jpg", 1.0)),
        (["train\\a.png", "./test/b.png"], ["i/train/a.png", "i/test/b.png"], ("i", "", 1.0)),
        (["A.PNG", "b.png"], ["a.png", "b.png"], (".", "", 1.0)),
        (["a.png", "c.png", "b.png", "d.png"], ["a.png", "b.png", "c.png"], (".", "", 0.75)),
        (["1.2.840.1", "1.2.840.2"], ["1.2.840.1.dcm", "1.2.840.2.dcm"], (".", ".dcm", 1.0)),
    ],
)
def test_the_column_of_files_is_the_one_that_names_most(cells, there, found):
    rows = frame(age=["7"] * len(cells), image=cells, site=["a"] * len(cells))
    assert guesses.files(rows, there) == Files("image", *found)


@pytest.mark.parametrize("cells", [["x.png", "y.png", "a.png"], ["", "", ""], ["na.png"] * 3])
def test_a_column_that_names_few_files_is_none_of_them(cells):
    assert guesses.files(frame(image=cells), ["a.png", "b.png"]) is None


@pytest.mark.parametrize(
    ("column", "cells", "found"),
    [
        ("PatientID", ["1", "1", "2"], ("PatientID", "patient")),
        ("patient_id", ["1", "3", "2"], ("patient_id", "patient")),
        ("Slide", ["s", "s", "t"], ("Slide", "slide")),
        ("pid", ["1", "1", "2"], ("pid", "group")),
        ("id", ["1", "2", "3"], None),  # of the image, most likely
        ("patient", ["1", "1", "1"], None),
        ("inpatient", ["7", "7", "8"], None),
        ("Patientennummer", ["1", "1", "2"], ("Patientennummer", "patient")),
        ("Pat-ID", ["1", "1", "2"], ("Pat-ID", "patient")),
        ("Fall", ["1", "1", "2"], ("Fall", "case")),
        ("case", ["0", "1", "1"], None),  # ill or not
    ],
)
def test_patients_are_known_by_the_name_of_their_column(column, cells, found):
    rows = frame(**{"file": ["a", "b", "c"], column: cells})
    assert guesses.group(rows, ["file"], images=3) == found


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        (["train", "val", "test"], {"development": ["train", "val"], "test": ["test"]}),
        (["Training", "", "Testing"], {"development": ["Training"], "test": ["Testing"]}),
        (["d1:train;d1/10:train", "d2:val", "test"], {}),
        (["train", "val"], None),
        (["train", "test", "other"], None),
        (["test", "test"], None),
        (["0", "1"], None),
    ],
)
def test_sets_are_known_by_their_values(cells, found):
    assert guesses.sets(pd.Series(cells, dtype="str")) == found


def labels(**columns):
    found = guesses.labels(frame(**columns), [])
    return found and (found.column, found.separator, {**found.fields})


N = 30
BOTH = ["0", "1"] * (N // 2)


def own(column, **fields):
    return {column: {"column": column, **fields}}


def one_of(column, *values):
    return {value: {"column": column, "positive": [value]} for value in values}


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"sick": BOTH, "sex": BOTH}, (None, "", own("sick"))),
        ({"label": BOTH, "flag": BOTH}, (None, "", own("label"))),
        ({"A": BOTH, "B": BOTH[::-1]}, (None, "", own("A") | own("B"))),
        (
            {"A": ["1.0", "0.0", "-1.0", ""] * 8},
            (None, "", own("A", negative=[0, ""], left_out=[-1])),
        ),
        ({"A": ["True", "False"] * 9}, (None, "", own("A"))),
        ({"A": ["Yes", "No"] * 9}, (None, "", own("A", positive=["Yes"], negative=["No"]))),
        ({"A": ["ja", "nein"] * 9}, (None, "", own("A", positive=["ja"], negative=["nein"]))),
        (
            {"A": ["J", "N", ""] * 9},
            (None, "", own("A", positive=["J"], negative=["N"], left_out=[""])),
        ),
        # What one column needs is not said of another.
        (
            {"A": ["ja", "nein"] * 9, "B": BOTH[:18]},
            (None, "", own("A", positive=["ja"], negative=["nein"]) | own("B")),
        ),
        (
            {"finding": ["Mass|Nodule", "Mass", "No Finding"] * 10, "site": ["x"] * N},
            ("finding", "|", {"Mass": {}, "Nodule": {}}),
        ),
        (
            {"dx": ["nv", "mel", "nv", "bkl", "nv"] * 6},
            ("dx", "", one_of("dx", "nv", "bkl", "mel")),
        ),
        ({"type": ["M", "B", "B"] * 9}, ("type", "", one_of("type", "M"))),
        ({"type": ["NORMAL", "PNEUMONIA"] * 9}, ("type", "", one_of("type", "PNEUMONIA"))),
        (
            {"Befund": ["unauffällig", "Pneumonie"] * 9, "Geschlecht": ["m", "w"] * 9},
            ("Befund", "", one_of("Befund", "Pneumonie")),
        ),
        ({"x": ["covid", "non-covid", "covid"] * 6}, ("x", "", one_of("x", "covid"))),
        (
            {"grade": ["0", "1", "2", "3", "4"] * 6},
            (
                "grade",
                "",
                {
                    "grade 2 or more": {
                        "column": "grade",
                        "positive": [2, 3, 4],
                        "negative": [0, 1],
                    }
                },
            ),
        ),
        ({"age": ["0", "1"] * 15, "note": [str(n) for n in range(N)]}, None),
    ],
)
def test_labels_are_known_by_values_and_names(columns, found):
    assert labels(**columns) == found


@pytest.mark.parametrize(
    ("names", "people"),
    [
        (["1_left.png", "1_right.png", "2_left.png"], ["1", "1", "2"]),
        (["a/7-L", "b/7-R", "a/12-R"], ["7", "7", "12"]),
        (["x 3 OD.jpeg", "x 3 OS.jpeg"], ["x 3", "x 3"]),
        (["1_left.png", "2_left.png"], None),  # one side says nothing
        (["1_left.png", "1_right.png", "2.png"], None),
        (["bright.png", "left.png"], None),
    ],
)
def test_patients_are_known_by_names_that_end_with_a_side(names, people):
    pattern = guesses.sides(pd.Series(names, dtype="str"))
    found = pattern and [re.search(pattern, name)[1] for name in names]
    assert found == people
