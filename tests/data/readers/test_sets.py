"""Sets of a column: mapped as the manifest says; what nothing names is refused."""

import pandas as pd
import pytest
from pydantic import ValidationError

from medtransfer.data.readers.sets import FolderSplit
from medtransfer.errors import SourceError


def entries(*cells, **split):
    column = pd.Series(cells, index=range(2, 2 + len(cells)), name="part", dtype="str")
    return FolderSplit(rule="column", column="part", **split).entries(column).tolist()


@pytest.mark.parametrize(
    ("cells", "split", "expected"),
    [
        (
            ["train", "val", "test"],
            {"development": ["train", "val"], "test": ["test"]},
            ["development", "development", "test"],
        ),
        (
            ["Train", " VAL", "Test ", ""],
            {"development": ["train", "val"], "test": ["test"], "left_out": [""]},
            ["development", "development", "test", ""],
        ),
        (
            ["0", "1", "2.0", "3", "4"],
            {"development": [0, 1, 2, 3], "test": [4]},
            [*["development"] * 4, "test"],
        ),
        (["True", "no"], {"development": [False], "test": [True]}, ["test", "development"]),
        (["test", "d1:train; d1/10:train", ""], {}, ["test", "d1:train;d1/10:train", ""]),
        (["Test", "D1:train "], {}, ["test", "d1:train"]),
        (
            ["holdout", "site b", "train", "tune", "old"],
            {
                "development": ["train"],
                "test": ["holdout"],
                "attacker": ["site b"],
                "calibration": ["tune"],
                "left_out": ["old"],
            },
            ["test", "attacker", "development", "calibration", ""],
        ),
        (["a", "b"], {"attacker": ["a"], "test": ["b"]}, ["attacker", "test"]),
        (["Attacker", "calibration"], {}, ["attacker", "calibration"]),
    ],
    ids=str,
)
def test_values_stand_for_sets(cells, split, expected):
    assert entries(*cells, **split) == expected


@pytest.mark.parametrize("cell", ["tets", "", "NaN", "val2"])
def test_a_value_that_stands_for_none_is_named_with_its_rows(cell):
    with pytest.raises(SourceError, match=rf"column 'part': 2 .*'{cell}' \(lines 3, 5\).*left_out"):
        entries("train", cell, "test", cell, development=["train"], test=["test"])


@pytest.mark.parametrize(
    ("split", "said"),
    [
        ({"test": ["a"], "calibration": ["b"]}, "needed together"),
        ({"attacker": ["a"]}, "needed together"),
        ({"attacker": ["a"], "test": ["A "]}, "each value may be in only one of test, calibration"),
    ],
)
def test_sets_that_are_said_in_part_or_twice_are_refused(split, said):
    with pytest.raises(ValidationError, match=said):
        FolderSplit(rule="column", column="part", **split)


def test_a_manifest_without_an_assessment_reads_as_before():
    """What is known of a source that was read goes by these facts."""
    split = FolderSplit(rule="column", column="part", development=["a"], test=["b"])
    assert {*split.model_dump()} == {"rule", "column", "development", "test", "left_out"}
