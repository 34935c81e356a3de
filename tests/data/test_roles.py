"""Who has which images in the assessment of a model."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from medtransfer.data import roles, splits
from medtransfer.errors import SplitError

LABELS = ("sick",)


def index(*, groups=100, split=""):
    rng = np.random.default_rng(0)
    names = [f"g{n // 2:03d}" for n in range(2 * groups)]
    return pd.DataFrame(
        {
            "image": [f"i{n}" for n in range(2 * groups)],
            "group": names,
            "split": split,
            "sick": rng.integers(0, 2, 2 * groups),
        }
    )


def parts(found, name, toy, **changes):
    role = dataclasses.replace(roles.of(toy.source(content="roles"), name), **changes)
    return splits.parts(found, labels=LABELS, development=role)


def test_sides_share_the_test_images_and_no_group(toy):
    found = index()
    owner, attacker = (parts(found, name, toy) for name in (roles.CALIBRATION, roles.ATTACKER))
    np.testing.assert_array_equal(owner.test, attacker.test)
    assert len(owner.train) == 0
    sets = [owner.test, owner.validation, attacker.train, attacker.validation]
    assert [len(each) for each in sets] == [80, 20, 80, 20]
    groups = [set(found["group"].iloc[each]) for each in sets]
    assert sum(map(len, groups)) == len(set().union(*groups)) == 100


def test_another_seed_divides_otherwise(toy):
    one, other = (parts(index(), roles.ATTACKER, toy, seed=seed).test for seed in (0, 1))
    assert set(one) != set(other)


def test_a_table_may_name_every_role(toy):
    names = np.repeat(["test", "attacker", "calibration", "development"], 50)
    found = index(split=names)
    for name in roles.NAMES:
        made = parts(found, name, toy)
        own = np.union1d(made.train, made.validation)
        np.testing.assert_array_equal(own, np.flatnonzero(names == name))
        np.testing.assert_array_equal(made.test, np.flatnonzero(names == "test"))


def test_calibration_images_come_from_the_attackers_where_nobody_names_them(toy):
    names = np.repeat(["test", "attacker"], [80, 120])
    owner, attacker = (
        parts(index(split=names), n, toy) for n in (roles.CALIBRATION, roles.ATTACKER)
    )
    assert len(owner.validation) == 20  # a sixth, as 10 of 60 %
    both = np.concatenate([owner.validation, attacker.train, attacker.validation])
    np.testing.assert_array_equal(np.sort(both), np.flatnonzero(names == "attacker"))


def test_nobody_names_the_development_images(toy):
    with pytest.raises(SplitError, match=r"development: the .* part is empty"):
        parts(index(), roles.DEVELOPMENT, toy)


def test_an_unknown_role(toy):
    with pytest.raises(SplitError, match="no role 'd1'; allowed: calibration, attacker"):
        parts(index(), "d1", toy)


def test_sets_of_a_study_are_no_roles_and_roles_no_sets(toy):
    official = index(split=np.repeat(["test", "development"], 100))
    with pytest.raises(SplitError, match="an assessment needs test and attacker"):
        parts(official, roles.ATTACKER, toy)
    assessment = index(split=np.repeat(["test", "attacker"], 100))
    with pytest.raises(SplitError, match="is for an assessment; a study needs development"):
        splits.parts(assessment, labels=LABELS, development=toy.development())


def test_a_patient_of_two_sides_is_refused(toy):
    found = index(split=np.tile(["test", "attacker"], 100))
    with pytest.raises(SplitError, match="groups in both test and attacker"):
        parts(found, roles.ATTACKER, toy)


def test_roles_have_keys_of_their_own(toy):
    source = toy.source(content="roles")
    owner, attacker = (roles.of(source, name) for name in (roles.CALIBRATION, roles.ATTACKER))
    assert owner.key != attacker.key and owner.division == attacker.division
