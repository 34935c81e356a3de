"""Attackers at the strength of PGD: which attacks that takes, and what decides them."""

from itertools import product

import numpy as np
import pytest
from studies import IMAGES, LABELS

from medtransfer.analysis import protections, selection
from medtransfer.attacks.delivery import FLOAT
from medtransfer.compute import attacked as module
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import attackers, builders, plan, schema

DOMAIN = "pathology"
EPSILON = 0.02
KINDS = ((IMAGENET, RANDOM), (selection.SAME, selection.OTHER))
EPSILONS = {DOMAIN: {IMAGENET: EPSILON, RANDOM: 0.06}}
POWER = {"FGSM": 10, "PGD": 30, "MI": 40, "BSR": 20, "SSA": 20, "PGN": 20, "DI": 60}
"""Points of AUC that attackers take at the chosen epsilon; at half of it half as many."""


@pytest.fixture
def study():
    return builders.resolve(schema.profile("smoke"))


@pytest.fixture
def made(monkeypatch, publish_answers):
    """The attacks that were asked for; each takes as many points as its method can."""
    found = {}

    def publish(cells, stage=None):
        for cell in cells:
            if cell not in found:
                found[cell] = stage
                share = POWER[cell.attack.method.name] * cell.attack.method.epsilon / EPSILON
                truth = np.repeat(LABELS, len(cell.target.labels), axis=1)
                clean, after = (_answers(1 - each / 100, truth) for each in (0, share))
                publish_answers(cell, labels=truth, clean=clean, attacked=after)

    monkeypatch.setattr(module, "ensure", publish)
    return found


def _answers(auc, truth):
    """So many positives above all negatives, without chance."""
    above = np.arange(IMAGES)[:, None] // 2 < auc * IMAGES / 2
    return np.where(truth > 0, np.where(above, 1.0, -1.0), 0.0) + 0.001 * np.arange(IMAGES)[:, None]


def held(study):
    cells = plan.cells(study, DOMAIN, "attackers", epsilons=EPSILONS[DOMAIN])
    return module.attacked(study, {DOMAIN: cells}, EPSILONS)[DOMAIN]


def test_the_strongest_attacks_all_pairs_where_he_is_as_strong_as_pgd(study, made):
    found = held(study)
    cells = found.cells
    assert set(found.strongest.values()) == {"DI"}
    (epsilon,) = {cell.attack.method.epsilon for cell in found.matched}
    assert epsilon == pytest.approx(0.01, rel=0.05), "half of it takes as much as PGD at all of it"
    own = [c for c in cells if protections.attacker(c) == "DI" and c.delivery == FLOAT]
    assert [(c.attack.surrogates, c.target) for c in found.matched] == [
        (c.attack.surrogates, c.target) for c in own
    ]
    for cell in found.matched:
        assert cell.attack.images == "test" and cell.delivery == FLOAT
        assert cell.attack.method.family == own[0].attack.method.family
    assert set(found.evened.strongest_cells) == set(found.matched)


def test_validation_images_of_the_most_similar_pairs_decide(study, made):
    held(study)
    tried = [
        cell
        for cell in made
        if cell.attack.images == "validation" and cell.attack.method.epsilon < EPSILON
    ]
    assert {cell.attack.method.name for cell in tried} == {"DI"}
    assert len({cell.attack.method.epsilon for cell in tried}) == len(module.SHARES) - 1
    for what in map(selection.identity, tried):
        assert what["relation"] == selection.SAME
        assert (what["surrogate_data"], what["target_data"]) == ("d1", "d1")
        assert {what[f"{side}_initialization"] for side in selection.SIDES} == {IMAGENET}


def test_nobody_is_held_where_none_asks(study, made):
    silent = builders.Study(study.profile.model_copy(update={"matched": False}), study.sources)
    assert held(silent).matched == ()
    assert {cell.attack.method.epsilon for cell in made} == {EPSILON}


def test_nor_where_pgd_is_the_strongest(study, made, monkeypatch):
    monkeypatch.setitem(POWER, "PGD", 90)
    assert held(study).matched == ()


def test_nor_where_he_does_less_than_pgd_to_networks_like_his_own(study, made, monkeypatch):
    monkeypatch.setattr(module.strength, "matched", lambda cells, name: None)
    assert held(study).matched == ()


def test_the_most_similar_pairs_are_alone_or_two_together(study):
    whole = builders.resolve(schema.profile("attackers"))
    cells = attackers.alike(whole, DOMAIN, EPSILON)
    assert {len(cell.attack.surrogates) for cell in cells} == {1, 2}
    for cell in cells:
        assert cell.target not in cell.attack.surrogates
        assert {s.architecture for s in cell.attack.surrogates} == {cell.target.architecture}
    assert len({cell.target for cell in cells}) == len(whole.profile.architectures)
    candidate = whole.profile.candidates[0]
    by_pgd = protections.attackers(attackers.alike(whole, DOMAIN, candidate))["PGD"]
    assert len(by_pgd) == len(whole.profile.architectures)
    assert {*by_pgd} <= {*plan.choices(whole, DOMAIN)[IMAGENET].cells}, "they chose epsilon"


def test_across_architectures_another_may_be_the_strongest_and_is_held_as_well(
    study, made, monkeypatch
):
    """PGD, which need not be held, stays as it is."""
    monkeypatch.setattr(
        module.Attacked,
        "strongest",
        {(s, k): "PGD" if k == selection.SAME else "DI" for s, k in product(*KINDS)},
    )
    found = held(study)
    assert {protections.attacker(cell) for cell in found.matched} == {"DI"}
    by_relation = {
        (selection.relation(cell), protections.attacker(cell), cell.attack.method.epsilon)
        for cell in found.evened.strongest_cells
    }
    (epsilon,) = {cell.attack.method.epsilon for cell in found.matched}
    assert by_relation == {
        (selection.SAME, "PGD", EPSILON),
        (selection.OTHER, "DI", epsilon),
    }
