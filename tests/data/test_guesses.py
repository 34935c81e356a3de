"""What columns of tables seem to hold; a wrong guess is worse than none."""

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
        ("inpatient", ["0", "0", "1"], None),
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
    return found and (found.column, found.separator, dict(found.values), dict(found.extra))


N = 30
BOTH = ["0", "1"] * (N // 2)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ({"sick": BOTH, "sex": BOTH}, (None, "", {"sick": "sick"}, {})),
        ({"label": BOTH, "flag": BOTH}, (None, "", {"label": "label"}, {})),
        ({"A": BOTH, "B": BOTH[::-1]}, (None, "", {"A": "A", "B": "B"}, {})),
        (
            {"A": ["1.0", "0.0", "-1.0", ""] * 8},
            (None, "", {"A": "A"}, {"negative": [0, ""], "left_out": [-1]}),
        ),
        ({"A": ["True", "False"] * 9}, (None, "", {"A": "A"}, {})),
        (
            {"A": ["Yes", "No"] * 9},
            (None, "", {"A": "A"}, {"positive": ["Yes"], "negative": ["No"]}),
        ),
        (
            {"finding": ["Mass|Nodule", "Mass", "No Finding"] * 10, "site": ["x"] * N},
            ("finding", "|", {"Mass": "Mass", "Nodule": "Nodule"}, {}),
        ),
        (
            {"dx": ["nv", "mel", "nv", "bkl", "nv"] * 6},
            ("dx", "", {"nv": ["nv"], "bkl": ["bkl"], "mel": ["mel"]}, {}),
        ),
        ({"type": ["M", "B", "B"] * 9}, ("type", "", {"M": ["M"]}, {})),
        ({"type": ["NORMAL", "PNEUMONIA"] * 9}, ("type", "", {"PNEUMONIA": ["PNEUMONIA"]}, {})),
        (
            {"grade": ["0", "1", "2", "3", "4"] * 6},
            ("grade", "", {"grade 2 or more": [2, 3, 4]}, {"negative": [0, 1]}),
        ),
        ({"age": ["0", "1"] * 15, "note": [str(n) for n in range(N)]}, None),
    ],
)
def test_labels_are_known_by_values_and_names(columns, found):
    assert labels(**columns) == found
