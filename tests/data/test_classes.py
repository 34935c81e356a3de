"""Both classes: sets that lack one are named, or refused where nothing could be measured."""

import numpy as np
import pandas as pd
import pytest

from medtransfer.data.classes import check
from medtransfer.errors import SplitError

INDEX = pd.DataFrame({"A": [1, 0, 1, 0, 0], "B": [1, 1, 1, 0, 0]})
LABELS = ("A", "B")


def rows(*numbers):
    return np.array(numbers)


def test_sets_that_show_both_classes_need_no_word():
    assert check(INDEX, labels=LABELS, sets={"d1 train": rows(0, 3), "test": rows(2, 4)}) == []


def test_a_label_of_one_class_among_others_is_named():
    found = check(INDEX, labels=LABELS, sets={"d1 train": rows(0, 1, 2), "test": rows(1, 4)})
    assert found == [
        "d1 train (3 images) has only positives of B",
        "test (2 images) has no positive of A",
    ]


def test_a_set_in_which_no_label_has_both_is_refused_with_its_numbers():
    sets = {"d1 train": rows(0, 3), "test": rows(3, 4), "d1 validation": rows(1)}
    with pytest.raises(SplitError) as caught:
        check(INDEX, labels=LABELS, sets=sets)
    assert "test (2 images) has no positive of A, B" in str(caught.value)
    assert "d1 validation (1 image) has no positive of A and only positives of B" in str(
        caught.value
    )
    assert "d1 train" not in str(caught.value)


def test_a_set_that_is_not_needed_is_named_alone():
    sets = {"d1/10 validation": rows(3), "all": np.ones(5, bool)}
    found = check(INDEX, labels=LABELS, sets=sets, needed=["all"])
    assert found == ["d1/10 validation (1 image) has no positive of A, B"]
