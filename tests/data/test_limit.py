"""A limit keeps a part of every set, and whole groups."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medtransfer.data.limit import limited


def index(groups=90, each=3):
    names = [f"p{group}" for group in range(groups) for _ in range(each)]
    splits = [("test", "d1:train", "d2:train")[int(name[1:]) % 3] for name in names]
    return pd.DataFrame({"image": range(len(names)), "group": names, "split": splits})


@given(images=st.integers(1, 400))
def test_groups_stay_whole_and_every_set_keeps_its_share(images):
    whole = index()
    found = limited(whole, images=images)
    assert found.groupby("group").size().eq(3).all()
    shares = found["split"].value_counts()
    assert {*shares.index} == {"test", "d1:train", "d2:train"}
    assert shares.max() - shares.min() <= 3
    assert min(images, len(whole)) <= len(found) <= images + 9 or len(found) == len(whole)


def test_a_larger_limit_keeps_what_a_smaller_one_has():
    small, large = (set(limited(index(), images=number)["image"]) for number in (30, 90))
    assert small < large


@pytest.mark.parametrize("images", [None, 270, 1000])
def test_without_a_limit_nothing_changes(images):
    assert limited(index(), images=images).equals(index())
