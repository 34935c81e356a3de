"""Counts of a published set: what the manifest states must be found."""

import pandas as pd
import pytest
import upstream

from medtransfer.data import counts
from medtransfer.data.readers.reader import SourceError

INDEX = pd.DataFrame(
    {
        "image": list("abcd"),
        "group": ["p", "p", "q", "r"],
        "split": ["test", "test", "d1:train;d1/10:train", "d2:val"],
        "Tumour": [1, 0, 1, 1],
    }
)


def test_images_groups_and_positives_are_counted_per_set():
    found = counts.counted(INDEX, ("Tumour",))
    assert found["all"] == {"images": 4, "groups": 3, "Tumour": 3}
    assert found["test"] == {"images": 2, "groups": 1, "Tumour": 1}
    assert found["d1/10:train"] == {"images": 1, "groups": 1, "Tumour": 1}


def test_right_counts_pass_and_wrong_ones_are_named():
    right = {"test": {"images": 2, "Tumour": 1}}
    counts.check(INDEX, upstream.facts("patchcamelyon", counts=right))
    wrong = {"test": {"images": 2, "Tumour": 7}, "d1:val": {"images": 3}}
    with pytest.raises(
        SourceError, match="test, Tumour: 1 instead of 7; d1:val, images: 0 instead of 3"
    ):
        counts.check(INDEX, upstream.facts("patchcamelyon", counts=wrong))
