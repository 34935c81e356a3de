"""Development sets: disjoint by patient, nested as the paper says, the same for the same seed."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from medtransfer.data.division import divide
from medtransfer.data.images import FileSource, Source
from medtransfer.data.splits import NAMES, SHARES, Development, parts
from medtransfer.data.splits import published as named
from medtransfer.errors import SplitError

LABELS = ("sick", "rare")
TOY = {"manifest": "toy", "domain": "pathology", "content": "x", "image_px": 32, "channels": 3}
SOURCE = Source(**TOY, labels=LABELS)
FILES = FileSource(**TOY, labels=LABELS, groups_of_any_size=True)


def development(name="d1", *, seed=0, test_share=0.25, validation_share=0.25, source=SOURCE):
    return Development(
        source=source,
        name=name,
        seed=seed,
        test_share=test_share,
        validation_share=validation_share,
    )


def index(groups, labels=None, *, split=""):
    table = pd.DataFrame({"image": [f"i{n}" for n in range(len(groups))]})
    table["group"] = [str(group) for group in groups]
    table["split"] = split
    table[list(LABELS)] = 0 if labels is None else labels
    return table


def all_parts(table, **changes):
    return {
        name: parts(table, labels=LABELS, development=development(name, **changes))
        for name in NAMES
    }


@st.composite
def tables(draw):
    """Images of many groups of any sizes, in any order, with any labels."""
    sizes = draw(st.lists(st.integers(1, 9), min_size=60, max_size=90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    groups = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    shares = draw(st.tuples(st.floats(0, 1), st.floats(0, 1)))
    return index(groups, (rng.random((len(groups), 2)) < shares).astype(int))


def of(table, rows):
    return set(table["group"].iloc[rows])


@given(tables(), st.integers(0, 10_000))
def test_the_parts_of_a_set_share_no_group_and_nest_as_the_paper_says(table, seed):
    found = all_parts(table, seed=seed)
    for name, part in found.items():
        members = [of(table, rows) for rows in (part.train, part.validation, part.test)]
        assert all(members), name
        assert sum(map(len, members)) == len(set().union(*members)), name
        assert np.array_equal(part.test, found["d1"].test)
        assert all(np.array_equal(rows, np.unique(rows)) for rows in vars(part).values())
    d1, d2, half = (found[name] for name in ("d1", "d2", "d2/2"))
    assert not of(table, [*d1.train, *d1.validation]) & of(table, [*d2.train, *d2.validation])
    whole = [d1.train, d1.validation, d2.train, d2.validation, d1.test]
    assert sorted(np.concatenate(whole)) == list(range(len(table)))
    for name in SHARES:
        small = found[name]
        for some, whole in ((small.train, d1.train), (small.validation, d1.validation)):
            assert set(some) < set(whole), name
            assert not of(table, some) & of(table, np.setdiff1d(whole, some)), name
    assert set(half.train) < set(d2.train)
    assert np.array_equal(half.validation, d2.validation)


@given(tables(), st.integers(0, 10_000))
def test_the_same_seed_gives_the_same_parts(table, seed):
    first, second = (all_parts(table, seed=seed) for _ in range(2))
    for name in NAMES:
        for part, rows in vars(first[name]).items():
            assert np.array_equal(rows, vars(second[name])[part])


def test_another_seed_gives_other_parts():
    table = index(range(80))
    tests = {tuple(all_parts(table, seed=seed)["d1"].test) for seed in range(5)}
    assert len(tests) == 5


@given(tables(), st.integers(0, 2**32))
def test_a_group_is_never_divided(table, seed):
    groups = table["group"].to_numpy(str)
    labels = table[list(LABELS)].to_numpy()
    part = divide(groups, labels, shares=[0.2, 0.5, 0.3], seed=seed, even=True)
    assert len(set(zip(groups, part, strict=True))) == len(set(groups))


@pytest.mark.parametrize("shares", [(0.1, 0.9), (0.5, 0.5), (0.2, 0.3, 0.5), (1, 1, 2)])
def test_parts_have_the_shares_asked_for(shares):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(400), rng.integers(1, 6, size=400)).astype(str)
    part = divide(groups, np.zeros((len(groups), 1)), shares=shares, seed=0, even=True)
    found = np.bincount(part) / len(part)
    assert np.abs(found - np.array(shares) / sum(shares)).max() < 0.01


def test_patients_with_many_images_are_as_often_in_one_part_as_in_another():
    """They are sicker, or were seen for longer: a test set without them is no test of them."""
    means = {name: [] for name in ("train", "validation", "test")}
    for seed in range(12):
        rng = np.random.default_rng(seed)
        sizes = rng.geometric(0.25, 180) + (rng.random(180) < 0.1) * rng.integers(5, 40, 180)
        table = index(np.repeat(np.arange(180), sizes))
        for name, rows in vars(all_parts(table, source=FILES, seed=seed)["d1"]).items():
            means[name].append(len(rows) / len(of(table, rows)) / sizes.mean())
    for name, found in means.items():
        assert np.mean(found) == pytest.approx(1, abs=0.1), name


def test_labels_are_as_frequent_in_every_part():
    rng = np.random.default_rng(0)
    labels = (rng.random((1000, 2)) < (0.4, 0.06)).astype(int)
    found = all_parts(index(range(1000), labels))
    for name in ("d1", "d1/2", "d2", "d2/2"):
        for rows in vars(found[name]).values():
            assert np.abs(labels[rows].mean(0) - labels.mean(0)).max() < 0.03, name
    tenth = labels[found["d1/10"].train]
    assert abs(tenth[:, 0].mean() - labels[:, 0].mean()) < 0.1


@given(st.integers(0, 50))
def test_a_rare_label_reaches_every_part(seed):
    labels = np.zeros((200, 2), int)
    labels[::20] = 1  # ten positives for five parts
    found = all_parts(index(range(200), labels), seed=seed)
    drawn = [found["d1"].train, found["d1"].test, found["d2"].train]
    assert all(labels[rows].any() for rows in drawn)


@pytest.mark.parametrize("source", [SOURCE, FILES])
def test_one_giant_group_stays_in_one_part_and_the_others_are_filled(source):
    table = index([0] * 500 + list(range(1, 60)))
    found = all_parts(table, source=source)
    for part in found.values():
        assert all(len(rows) for rows in vars(part).values())


def test_shares_are_of_the_groups_images():
    found = all_parts(index(range(1000)), test_share=0.1, validation_share=0.2)
    sizes = {name: [len(r) for r in vars(part).values()] for name, part in found.items()}
    assert sizes["d1"] == pytest.approx([360, 90, 100], abs=3)
    assert sizes["d2"] == pytest.approx([360, 90, 100], abs=3)
    for name, share in SHARES.items():
        assert sizes[name] == pytest.approx([360 * share, 90 * share, 100], abs=2), name
    assert sizes["d2/2"] == pytest.approx([180, 90, 100], abs=3)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_too_few_groups_are_refused(groups):
    with pytest.raises(SplitError, match="part is empty; the source has too few groups"):
        all_parts(index(list(range(groups)) * 20))


def test_an_unknown_set_is_refused_with_the_known_ones():
    with pytest.raises(SplitError, match=r"'d3'; allowed: d1, d1/2, d1/4, d1/10, d2, d2/2"):
        parts(index(range(50)), labels=LABELS, development=development("d3"))


# --- published splits ----------------------------------------------------------------------------

ENTRIES = (
    "test",
    "d1:train;d1/10:train",
    "d1:train",
    "d1:val",
    "d1:val;d1/2:val;d1/4:val;d1/10:val",
    "d1:train;d1/2:train;d1/4:train",
    "d1:train;d1/2:train",
    "d2:train",
    "d2:train;d2/2:train",
    "d2:val",
)


def published(*, entries=ENTRIES, repeat=5):
    """Images of one group each, `repeat` for each entry."""
    return index(range(len(entries) * repeat), split=np.repeat(entries, repeat))


def entries_of(table, rows):
    return set(table["split"].iloc[rows])


def test_a_published_split_is_followed():
    table = published()
    found = all_parts(table)
    for name, part in found.items():
        for short, rows in (("train", part.train), ("val", part.validation)):
            if f"{name}:{short}" != "d2/2:val":
                named = table["split"].str.split(";").map(lambda e, n=f"{name}:{short}": n in e)
                assert np.array_equal(rows, np.flatnonzero(named))
        assert entries_of(table, part.test) == {"test"}
    assert np.array_equal(found["d2/2"].validation, found["d2"].validation)


def test_sets_that_are_not_published_are_drawn_from_their_parents():
    entries = ["test", "d1:train", "d1:val", "d2:train", "d2:val"]
    table = published(entries=entries, repeat=40)
    found = all_parts(table)
    for name, share in SHARES.items():
        for part, rows in (("train", found[name].train), ("val", found[name].validation)):
            assert entries_of(table, rows) == {f"d1:{part}"}
            assert len(rows) == 40 * share
    assert entries_of(table, found["d2/2"].train) == {"d2:train"}
    assert len(found["d2/2"].train) == 20


@given(st.integers(0, 1000))
def test_the_seed_has_no_say_in_a_published_split(seed):
    first, second = all_parts(published()), all_parts(published(), seed=seed)
    assert np.array_equal(first["d1"].train, second["d1"].train)
    assert np.array_equal(first["d1"].test, second["d1"].test)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (("test", "d1:train", "d1:val"), r"needed are .*d2:train"),
        ((*ENTRIES, "d3:train"), r"d3:train.*allowed"),
        ((*ENTRIES, "training"), r"training.*allowed"),
        (ENTRIES[1:], r"needed are .*test"),
    ],
)
def test_a_split_that_names_other_sets_is_refused(entries, says):
    with pytest.raises(SplitError, match=says):
        all_parts(published(entries=entries))


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        ("d1", "d1:train", "d1:val"),
        ("d1", "d1:train", "test"),
        ("d2", "d2:val", "test"),
        ("d2", "d2:train", "d2:val"),
    ],
)
def test_a_patient_in_two_parts_is_refused(name, first, second):
    table = published()
    for place, entry in ((0, first), (1, second)):
        table.loc[place, ["group", "split"]] = ["torn", entry]
    with pytest.raises(SplitError, match=r"groups \['torn'\] lie in both"):
        parts(table, labels=LABELS, development=development(name))


def test_a_patient_in_both_halves_is_refused():
    table = published()
    for place, entry in ((0, "d1:train"), (1, "d2:train")):
        table.loc[place, ["group", "split"]] = ["torn", entry]
    with pytest.raises(SplitError, match="torn"):
        all_parts(table)


def test_a_published_share_may_name_one_part_and_leave_the_other_to_be_drawn():
    entries = ["test", "d1:train;d1/4:train", "d1:train", "d1:val", "d2:train", "d2:val"]
    quarter = all_parts(published(entries=entries, repeat=8))["d1/4"]
    table = published(entries=entries, repeat=8)
    assert entries_of(table, quarter.train) == {"d1:train;d1/4:train"}
    assert len(quarter.train) == 8
    assert entries_of(table, quarter.validation) == {"d1:val"}
    assert len(quarter.validation) == 2


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("part", ["train", "val"])
@pytest.mark.parametrize("elsewhere", ["", "d2:", "d1:"])
def test_a_published_share_that_is_no_part_of_d1_is_refused(name, part, elsewhere):
    """It stands alone, in the other half, or in the other part of d1."""
    other = {"train": "val", "val": "train"}[part]
    at = {"": "", "d2:": f"d2:{part};", "d1:": f"d1:{other};"}[elsewhere]
    with pytest.raises(SplitError, match=rf"5 images in {name}:{part} that are not in d1:{part}"):
        all_parts(published(entries=(*ENTRIES, f"{at}{name}:{part}")))


@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 100))
def test_every_part_gets_a_group_where_there_are_enough(groups, number, seed):
    assume(groups >= number)
    names = np.arange(groups).astype(str)
    part = divide(
        names, np.zeros((groups, 1)), shares=[1, *[0.001] * (number - 1)], seed=seed, even=True
    )
    assert set(part) == set(range(number))


# --- what is seen before anything is read --------------------------------------------------------


def test_the_sets_of_an_index_are_known_by_name():
    table = index(range(4), split=["test", "development", "development", "test"])
    found = {name: rows.tolist() for name, rows in named(table).items()}
    assert found == {"test": [True, False, False, True], "development": [False, True, True, False]}
    assert named(index(range(4))) == {}
    assert {"d1:train", "d1/10:train", "d2:val", "test"} <= {*named(published())}


@pytest.mark.parametrize("first", ["test", "d1:train", "d2:val"])
@pytest.mark.parametrize("second", ["d1:val", "d2:train"])
def test_a_group_in_two_sets_is_named_with_both(first, second):
    table = published()
    for place, entry in ((0, first), (1, second)):
        table.loc[place, ["group", "split"]] = ["torn", entry]
    with pytest.raises(SplitError, match=rf"1 group in both ({first}|{second}) and .*: torn"):
        named(table)


@pytest.mark.parametrize("entries", [("train", "val", "test"), ("0", "1"), ("test", "developmint")])
def test_other_names_are_answered_with_the_way_to_map_them(entries):
    with pytest.raises(SplitError, match=r"names .*development: \[train, val\], test: \[test\]"):
        named(index(range(len(entries)), split=list(entries)))
