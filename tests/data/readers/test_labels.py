"""Labels: every value of a column has a rule, or its rows are named; nothing is guessed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.data.readers.labels import ColumnLabel, contradicting, findings
from medtransfer.errors import SourceError


def column(*cells):
    return pd.Series(cells, index=range(2, 2 + len(cells)), name="sick", dtype="str")


def states(*cells, **rule):
    return ColumnLabel(name="Sick", meaning="m", **rule).states(column(*cells)).tolist()


@pytest.mark.parametrize(
    ("cells", "rule", "expected"),
    [
        (
            ["0", "1", "0.0", "1.0", "01", "True", "FALSE", "1.000e+00"],
            {},
            [0, 1, 0, 1, 1, 1, 0, 1],
        ),
        (["yes", "No", "YES"], {"positive": [True], "negative": [False]}, [1, 0, 1]),
        (["yes", "no"], {"positive": ["yes"], "negative": ["no"]}, [1, 0]),
        (["0", "1", "2", "3", "4"], {"positive": [2, 3, 4]}, [0, 0, 1, 1, 1]),
        (["nv", "mel", "MEL", "bcc"], {"positive": ["mel"]}, [0, 1, 1, 0]),
        (["1.0", "0.0", "-1.0", ""], {"negative": [0, ""], "left_out": [-1]}, [1, 0, -1, 0]),
        (["1.0", "0.0", "-1.0", ""], {"negative": [0, -1], "left_out": [""]}, [1, 0, 0, -1]),
        (["1.0", "0.0", "-1.0", "NaN"], {"positive": [1, -1], "left_out": [None]}, [1, 0, 1, -1]),
        (["M", "B", "nan"], {"positive": ["M"], "negative": ["B"], "left_out": [""]}, [1, 0, -1]),
        (["1", "0"], {"positive": [0], "negative": [1]}, [0, 1]),
        (["nv|bkl", "mel", "mel-like"], {"positive": ["mel"]}, [0, 1, 0]),
        (["nv", "mel", "mel|nv"], {"positive": ["mel", "mel|nv"]}, [0, 1, 1]),
        (["1e3", "3", "0"], {"positive": [3], "negative": [0, 1000]}, [0, 1, 0]),
        (["0", "1", "3", "4", "5"], {"positive": [3]}, [0, 0, 1, 0, 0]),
        (["0.5", "2", "3", "3.5"], {"positive": [3]}, [0, 0, 1, 0]),
        (["0", "2", "99"], {"positive": [2], "left_out": [99]}, [0, 1, -1]),
        (["nv", "mel", "unknown"], {"positive": ["mel"], "left_out": ["unknown"]}, [0, 1, -1]),
    ],
    ids=str,
)
def test_values_become_labels_as_the_manifest_says(cells, rule, expected):
    assert states(*cells, **rule) == expected


@pytest.mark.parametrize(
    ("cells", "rule", "named"),
    [
        (["0", "1", "yes"], {}, "'yes' .line 4"),
        (["0", "1", "2"], {}, "'2' .line 4"),
        (["0", "1", "-1"], {}, "'-1' .line 4"),
        (["0", "1", ""], {}, "'' .line 4"),
        (["0", "1", "NaN"], {}, "'NaN' .line 4"),
        (["0", "2", "-1"], {"positive": [2]}, "'-1' .line 4"),
        (["0", "2", ""], {"positive": [2]}, "'' .line 4"),
        (["0", "2", "two"], {"positive": [2]}, "'two' .line 4"),
        (["0", "2", "99"], {"positive": [2]}, "'99' .line 4"),
        (["0", "4", "9"], {"positive": [2, 3, 4]}, "'9' .line 4"),
        (["nv", "mel", "Unknown"], {"positive": ["mel"]}, "'Unknown' .line 4"),
        (["nv", "mel", "?"], {"positive": ["mel"]}, r"'\?' .line 4"),
        (["nv", "mel", "NA"], {"positive": ["mel"]}, "'NA' .line 4"),
        (["0", "2", "5"], {"positive": [2, 3], "negative": [0, 1]}, "'5' .line 4"),
        (["nv", "mel", "mel|nv"], {"positive": ["mel"]}, r"'mel\|nv' .line 4"),
        (["nv", "mel", "nv; MEL"], {"positive": ["mel"]}, "'nv; MEL' .line 4"),
        (["nv", "mel", "['nv', 'mel']"], {"positive": ["mel"]}, "'mel'.* .line 4"),
        (["nv", "mel", "nv/?"], {"positive": ["mel"], "left_out": ["?"]}, "'nv/.' .line 4"),
    ],
    ids=str,
)
def test_a_value_without_a_rule_is_named_with_its_column_rows_and_the_rule(cells, rule, named):
    with pytest.raises(SourceError, match=rf"column 'sick': 1 rows hold.*Sick.*{named}") as caught:
        states(*cells, **rule)
    assert "Positive: " in str(caught.value) and "`left_out` of the label" in str(caught.value)


def test_a_rule_that_no_row_follows_is_refused_with_the_values():
    with pytest.raises(
        SourceError, match=r"no row is positive for Sick.*mell; its values: 'nv', 'mel'"
    ):
        states("nv", "mel", positive=["mell"])
    assert states("0", "0") == [0, 0]  # said where sets are checked


@given(
    st.lists(st.text(max_size=4), min_size=1, max_size=9), st.sets(st.integers(0, 3), max_size=3)
)
def test_any_column_is_labels_or_an_error(cells, positive):
    label = ColumnLabel(name="Sick", meaning="m", positive=tuple(positive) or None)
    try:
        found = label.states(column(*cells))
    except SourceError as error:
        assert "column 'sick'" in str(error)
    else:
        assert {*found} <= {0, 1} and found.dtype == np.int8


def test_a_wrong_column_of_many_values_is_refused_at_once():
    cells = [f"{number}.png" for number in range(50_000)]
    with pytest.raises(SourceError, match="and 49995 more"):
        states(*cells)


# --- findings ------------------------------------------------------------------------------------

NAMES = ("No Finding", "Effusion", "Pleural Thickening")


def found(*cells, separator="|", **more):
    return findings(column(*cells), NAMES, separator=separator, **more).tolist()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("Effusion", [0, 1, 0]),
        ("Effusion|Pleural_Thickening", [0, 1, 1]),
        (" effusion | PLEURAL  THICKENING |", [0, 1, 1]),
        ("", [0, 0, 0]),
        ("['Effusion', ' pleural-thickening ']", [0, 1, 1]),
        ("[]", [0, 0, 0]),
        ('["No Finding"]', [1, 0, 0]),
        ("['Effusion' 'Pleural Thickening']", [0, 1, 1]),
        ("['Effusion'\n \"No Finding\"]", [1, 1, 0]),
    ],
)
def test_findings_are_known_by_their_names(cell, expected):
    assert found(cell) == [expected]


def test_other_findings_are_ignored_or_leave_their_rows_out_where_the_manifest_says_so():
    cells = ("Effusion|Mass", "Mass", "exclude|Effusion", "", "nan")
    many = {"ignored": "others", "left_out": ["exclude", ""]}
    assert found(*cells, **many) == [[0, 1, 0], [0, 0, 0], [-1] * 3, [-1] * 3, [0, 0, 0]]
    assert found("Effusion|Mass|Hernia", ignored=["mass", "Hernia"]) == [[0, 1, 0]]


@pytest.mark.parametrize(
    "cell",
    [
        *("Effusion;Mass", "Mass, Effusion", "Mass/Effusion", "[Effusion, Mass]"),
        *('"Effusion"', "exclude;Mass", "[Effusion]"),
    ],
)
def test_other_findings_that_hold_a_label_are_not_ignored(cell):
    more = {"ignored": "others", "left_out": ["exclude"]}
    with pytest.raises(SourceError, match=r"\(line 2\).*`ignored_findings`, by their names"):
        found(cell, **more)
    assert found(cell, ignored=[cell]) == [[0, 0, 0]]


@pytest.mark.parametrize(
    ("cells", "more", "says"),
    [
        (["Mass", "Effusion|Mass"], {}, r"1 are findings.*\(No Finding, .*'Mass' \(lines 2, 3\)"),
        (["Mass"], {}, "`ignored_findings`, which may be `others`.*`left_out_findings`"),
        (["Effusion;No Finding"], {}, 'write `findings_separator: ";"`'),
        (["Effusion/No Finding"], {}, 'write `findings_separator: "/"`'),
        (["Mass|Hernia"], {"ignored": ["Mass"]}, r"1 are findings.*: 'Hernia' \(line 2\)"),
        (["[Effusion]"], {}, r"'\[Effusion\]'"),
        (["nan"], {}, "'nan'"),
    ],
    ids=str,
)
def test_a_finding_without_a_rule_is_named(cells, more, says):
    with pytest.raises(SourceError, match=says):
        found(*cells, **more)


def test_no_finding_beside_a_finding_is_a_contradiction():
    rows = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 0]], np.int8)
    assert contradicting(rows, NAMES).tolist() == [False, True, False, False]
    assert not contradicting(rows, ("A", "B", "C")).any()
