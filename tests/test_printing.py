"""Tables as the command line prints them."""

import pandas as pd
import pytest

from medtransfer import printing

ROWS = [{"name": "first", "value": 0.12345, "of": 3}, {"name": "no", "value": float("nan")}]


@pytest.mark.parametrize("table", [ROWS, iter(ROWS)], ids=["list", "iterator"])
def test_words_stand_to_the_left_and_numbers_to_the_right(table):
    said = printing.columns(table, digits=2)
    assert said.splitlines() == ["name   value  of", "first   0.12   3", "no         ?"]


def test_a_data_frame_is_a_table():
    frame = pd.DataFrame({"epsilon": [0.02, 12.0], "method": ["FGSM", "PGD"]}, index=[7, 8])
    expected = ["epsilon  method", "   0.02  FGSM", "   12.0  PGD"]
    assert printing.columns(frame).splitlines() == expected


def test_an_empty_table_says_so():
    assert printing.columns([]) == "nothing"


def test_pairs_say_who_attacks_whom():
    sides = {f"{side}_architecture": side.upper() for side in ("surrogate", "target")}
    sides |= {f"{side}_data": "d1" for side in ("surrogate", "target")}
    left = {"clean_auc": 0.9, "auc": 0.45, "percent": 50, "percent_low": 40, "percent_high": 60}
    said = printing.pairs(pd.DataFrame([{"method": "PGD", "epsilon": 0.02, **sides, **left}]))
    assert "PGD        0.02  SURROGATE d1  TARGET d1" in said
    assert "50.0 (40.0 to 60.0)" in said
