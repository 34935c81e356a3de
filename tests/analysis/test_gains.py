"""C2: points of sizes, architectures and domains, and what may be said of them."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from studies import DOMAINS, EPSILONS, PARTS, Maker

from medtransfer.analysis import gains
from medtransfer.attacks.delivery import CONTROL
from medtransfer.networks.trained import IMAGENET, RANDOM

pytestmark = pytest.mark.slow


@pytest.fixture
def published(toy, publish_answers):
    """Maker of studies whose attacks take so many points of AUC by kind of cell."""
    return Maker(toy, publish_answers)


def halves(cell):
    """Pre-trained pairs lose 30 points, random ones 10."""
    if cell.delivery == CONTROL:
        return 0
    return 30 if cell.target.initialization == IMAGENET else 10


def clean(target):
    return 0.9 if target.initialization == IMAGENET else 0.8


def points_of(studies, **changes):
    how = {"epsilons": EPSILONS, "method": "PGD", "resamples": 50, **changes}
    return gains.gains(studies, **how)


def test_there_is_a_point_for_each_domain_size_and_architecture(published):
    points = points_of(published(halves, clean=clean))
    where = list(zip(points["domain"], points["data"], points["architecture"], strict=True))
    assert where == list(product(DOMAINS, PARTS, ("tiny", "tiny_wide")))
    assert points["gain"].to_numpy() == pytest.approx(0.1, abs=0.02)
    assert points["fall"].to_numpy() == pytest.approx(0.3, abs=0.02)
    assert points["taken"].to_numpy() == pytest.approx(0.75, abs=0.05)
    assert points["fall_of_clean"].to_numpy() == pytest.approx(1 / 3, abs=0.03)
    assert points["added"].to_numpy() == pytest.approx(0.2, abs=0.03)
    assert (points["trainings"] == 2).all()


def test_what_pre_training_adds_is_unknown_where_random_pairs_have_another_epsilon(published):
    """Without random targets on d1 in table 5 there are those of table 4, at their own epsilon."""
    studies = published(halves, clean=clean, domains=("pathology",))
    own = studies["pathology"]
    own["initialization_and_data"] = [
        cell for cell in own["initialization_and_data"] if cell.target.development.name != "d1"
    ]
    points = points_of(studies)
    assert points["added"].isna().tolist() == [True] * 2 + [False] * 6
    assert points[["gain", "taken", "fall"]].notna().all(axis=None)
    found = gains.correlations(points).set_index("measure")["points"]
    assert found[gains.MEASURES["added"]] == 6
    assert found[gains.MEASURES["taken"]] == 8


@pytest.mark.parametrize("start", [IMAGENET, RANDOM])
def test_one_initialization_has_no_points(published, start):
    studies = published(halves, domains=("pathology",), starts=(start,))
    assert not len(points_of(studies))
    assert not len(gains.correlations(points_of(studies)))


# --- 24 points, given -----------------------------------------------------------------------------


def given(taken, *, domains=("a", "b", "c"), **columns):
    """Points whose gains rise from 1 to 8 in each domain, shifted between domains."""
    where = list(product(domains, PARTS, ("net", "wide")))
    step = np.tile(np.arange(8.0), len(domains))
    points = pd.DataFrame(where, columns=["domain", "data", "architecture"])
    shift = np.repeat(np.arange(len(domains)), 8)
    values = np.array([taken(s, d) for s, d in zip(step, shift, strict=True)])
    points["gain"] = step / 100 + shift
    for name in gains.MEASURES:
        points[name] = values
    known = {"clean": 0.9, "clean_low": 0.8, "percent": 60.0, "trainings": 2}
    return points.assign(**{**known, **columns})


@pytest.fixture
def row_of(monkeypatch):
    """Maker of the row of C2, and of its reason, from given points."""

    def make(points, verdict="interval too wide"):
        monkeypatch.setattr(gains, "gains", lambda *_, **__: points)
        (row,) = gains.rows({}, epsilons={}, method="PGD", resamples=1)
        verdict = row["verdict"] or verdict
        return {**row, "verdict": verdict, "why": row["why"]({**row, "p_holm": 0.2})}

    return make


def noise(step, domain):
    return np.random.default_rng(int(8 * domain + step)).normal()


def test_a_rise_within_domains_counts_and_one_between_them_does_not(row_of):
    inside = row_of(given(lambda step, domain: step - 100 * domain))
    assert inside["value"] == 1 and inside["p"] < 0.01
    between = row_of(given(lambda step, domain: noise(step, domain) + 100 * domain))
    assert abs(between["value"]) < 0.4 and between["p"] > 0.1
    assert "ignoring domains 0.9" in between["why"]


def test_points_too_few_are_not_tested_and_those_of_one_training_are(row_of):
    few = row_of(given(noise, domains=("a", "b")))
    assert few["verdict"] == "too few points" and np.isnan(few["p"])
    assert few["why"].startswith("16 points") and "24 are needed" in few["why"]
    for trainings in (1, 2):
        found = row_of(given(noise, trainings=trainings))
        assert found["verdict"] != "too few points" and np.isfinite(found["p"])


def test_saturated_domains_and_targets_at_chance_are_left_out_and_named(row_of):
    points = given(noise, domains=("a", "b", "c", "d", "e"))
    points.loc[points["domain"] == "b", "percent"] = 2.0
    blind = (points["domain"] == "c") & (points["data"] == "d1/10")
    points.loc[blind & (points["architecture"] == "net"), "clean_low"] = 0.45
    row = row_of(points)
    assert row["pairs"] == 40 - 8 - 2
    assert "b (no room)" in row["why"] and "c on d1/10 (at chance)" in row["why"]
    points.loc[points["domain"] == "b", "percent"] = [2.0] * 7 + [30.0]
    assert row_of(points)["pairs"] == 40 - 2


def test_no_percentage_is_named_of_a_domain_in_which_no_target_sees(row_of):
    points = given(noise, domains=("a", "b", "c", "d"))
    points.loc[points["domain"] == "b", ["percent", "clean_low"]] = 99.0, 0.4
    why = row_of(points)["why"]
    assert "b on d1, d1/2, d1/4, d1/10 (at chance)" in why
    assert "b (no room)" not in why and "99 %" not in why


def test_correlations_name_every_measure():
    table = gains.correlations(given(lambda step, domain: step - 100 * domain))
    assert table["measure"].tolist() == list(gains.MEASURES.values())
    assert (table["value"] == 1).all() and (table["overall"] < 0).all()
    assert table.notna().all(axis=None)


def test_where_no_target_sees_and_some_have_no_measure_it_is_said(row_of):
    points = given(noise)
    points["clean_low"] = 0.4
    points.loc[[0, 5], ["taken", "clean"]] = np.nan, 0.5
    found = row_of(points)
    assert found["verdict"] == "too few points" and np.isfinite(found["value"])
