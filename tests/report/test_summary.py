"""What a run ends with: means, differences and claims of the factors that were asked for."""

from itertools import product

import numpy as np
import pytest
from attackings import Attacks
from studies import EPSILONS, Maker

from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report import summary

pytestmark = pytest.mark.slow
DOMAIN = "pathology"
NETWORKS = ("tiny", "tiny_wide")
HOW = {"epsilons": EPSILONS[DOMAIN], "resamples": 30}


@pytest.fixture
def published(toy, publish_answers):
    """Maker of the factors of one domain whose attacks take so many points of AUC."""
    make = Maker(toy, publish_answers)
    return lambda taken, **changes: make(taken, domains=(DOMAIN,), **changes)[DOMAIN]


def taken(cell):
    """40 points between pre-trained networks, 10 between random ones, none from noise."""
    if cell.delivery == "control":
        return 0
    return 40 if cell.target.initialization == IMAGENET else 10


def test_means_are_of_pairs_that_share_start_data_and_relation(published):
    factors = published(taken)
    rows = summary.means(factors["development_data"], **HOW)
    assert len(rows) == 8, "2 starts x 2 sets of the surrogate x 2 relations"
    assert {row["surrogate data"] for row in rows} == {"d1", "d2"}
    assert sum(row["pairs"] for row in rows) == len(factors["development_data"])
    for row in rows:
        left = 60 if row["target initialization"] == "pre-trained" else 90
        shown = row["AUC left, % of clean (95 % interval)"]
        assert float(shown.split()[0]) == pytest.approx(left, abs=1)
    assert len(summary.means(factors["initialization_and_data"], **HOW)) <= 16


def test_of_a_sweep_the_chosen_epsilon_is_shown(published, toy, publish_answers):
    (cell, *_) = cells = published(taken, replicates=1)["initialization"]
    other = toy.cell(*cell.attack.surrogates, cell.target, method="PGD", epsilon=0.06)
    labels = np.arange(60)[:, None] % 2
    publish_answers(other, labels=labels, clean=labels, attacked=-labels)
    assert summary.means([*cells, other], **HOW) == summary.means(cells, **HOW)


def test_a_sweep_has_a_row_for_each_epsilon_and_start(toy, publish_answers):
    labels, cells = np.arange(60)[:, None] % 2, []
    kinds = [(start, architecture) for start in (IMAGENET, RANDOM) for architecture in NETWORKS]
    for (start, architecture), surrogate in product(kinds, NETWORKS):
        blind = start == RANDOM and architecture == NETWORKS[0]
        target = toy.training(architecture=architecture, initialization=start)
        by = toy.training(architecture=surrogate, initialization=start, seed=9)
        for epsilon in (0.01, 0.05):
            cell = toy.cell(by, target, method="FGSM", epsilon=epsilon)
            taken = labels * 0 if surrogate == architecture and epsilon == 0.05 else labels
            publish_answers(cell, labels=labels, clean=labels * (not blind), attacked=taken)
            cells.append(cell)
    rows = summary.sweep(cells, resamples=50)
    assert [(row["epsilon"].split()[0], row["networks"]) for row in rows] == [
        *(("0.01", "pre-trained"), ("0.05", "pre-trained"), ("0.01", "random"), ("0.05", "random"))
    ]
    assert "1.28 grey levels" in rows[0]["epsilon"]
    small, large, *random = rows
    assert small["same architecture"].startswith("100 %") and "other architecture" in small
    assert large["same architecture"].startswith("50 %")
    assert large["other architecture"].startswith("100 %")
    for row in random:
        assert row["same architecture"] == row["other architecture"] == "some targets at chance"
    alone = [cell for cell in cells if cell.target.initialization == RANDOM]
    alone = [cell for cell in alone if cell.target.architecture == NETWORKS[0]]
    assert summary.sweep(alone, resamples=50)[0]["same architecture"] == "at chance"
    fewer = [
        cell
        for cell in cells
        if cell.target.initialization != RANDOM or cell.attack.method.epsilon == 0.01
    ]
    assert len(summary.sweep(fewer, resamples=50)) == 3, "no row for an epsilon of other networks"


def test_of_some_targets_at_chance_among_others_no_mean_is_shown(published):
    def clean(target):
        return 0.5 if target.architecture == NETWORKS[0] else 1.0

    rows = summary.means(published(lambda cell: 0, clean=clean)["development_data"], **HOW)
    assert {row["AUC left, % of clean (95 % interval)"] for row in rows} == {
        "some targets at chance"
    }


def test_each_factor_is_told_what_it_can_judge(published):
    factors = published(taken)
    expected = {
        "perturbation": ["C5"],
        "initialization": ["C1"],
        "development_data": ["C3", "C4"],
        "initialization_and_data": [],
    }
    for name, claims in expected.items():
        said = summary.judged(DOMAIN, {name: factors[name]}, **HOW)
        assert [line.split()[0] for line in said] == (claims or ["no"])
        assert not any("nan" in line for line in said)
    assert "95 % interval" in summary.judged(DOMAIN, factors, **HOW)[0]


def test_stronger_attackers_judge_their_own_claims(toy, publish_answers):
    found = Attacks(toy, publish_answers)(lambda cell: 40)
    said = summary.judged(DOMAIN, {"attackers": found.cells}, attacked=found, **HOW)
    assert [line.split()[0] for line in said] == ["C6", "C7", "C8", "C9"]


def test_small_targets_are_compared_by_start_and_size(published):
    factors = published(lambda cell: 40 if cell.target.initialization == IMAGENET else 10)
    assert summary.differences(factors["initialization"], resamples=30) == []
    said = summary.differences(factors["initialization_and_data"], resamples=30)
    assert [line.split(":")[0] for line in said] == [
        f"targets on {size}" for size in ("d1", "d1/2", "d1/4", "d1/10")
    ]
    assert all("+30 points" in line for line in said)


def test_targets_at_chance_are_named_and_nothing_is_said_of_them(published):
    def clean(target):
        return 0.5 if target.initialization == RANDOM else 1.0

    factors = published(lambda cell: 0, clean=clean)
    rows = summary.targets(factors["initialization"], resamples=200)
    marked = {row["target"].split()[1]: row[""] for row in rows}
    assert marked == {"random": "at chance", "pre-trained": ""}
    for row in rows:
        assert row["clean AUC (95 % interval)"].startswith("0.5" if row[""] else "1.00 (1.00")
    (said,) = summary.judged(DOMAIN, {"initialization": factors["initialization"]}, **HOW)
    assert "targets have learned too little, so" in said
    assert "points more" not in said, "no effect of nothing"
    left = {
        row["target initialization"]: row["AUC left, % of clean (95 % interval)"]
        for row in summary.means(factors["development_data"], **HOW)
    }
    assert left["random"] == "at chance" and left["pre-trained"].endswith(")")
    small = summary.differences(factors["initialization_and_data"], resamples=200)
    assert all("nothing can be said, because the clean AUC of targets" in line for line in small)
