"""Protections against stronger attackers: what each is worth, in which order, which verdict."""

from itertools import product

import numpy as np
import pytest
from attackings import METHODS, POWER, Attacks
from studies import LABELS

from medtransfer.analysis import attacker_claims, protections, selection, statistics, tables
from medtransfer.analysis.attacked import Attacked
from medtransfer.attacks.delivery import CONTROL, FLOAT, OTHER
from medtransfer.networks.trained import IMAGENET, RANDOM

pytestmark = pytest.mark.slow

HOW = {"resamples": 30}
KINDS = tuple(product((IMAGENET, RANDOM), (selection.SAME, selection.OTHER)))


def against_all(cell):
    """What each protection keeps: 20 points by other data, 10 by architecture, 30 by the start."""
    surrogate, target = cell.attack.surrogates[0], cell.target
    full = POWER[cell.attack.method.name]
    other = surrogate.development.name != target.development.name
    apart = surrogate.architecture != target.architecture
    random = target.initialization == RANDOM
    return max(full - 20 * other - 10 * apart - 30 * random, 0)


def against_pgd(cell):
    return against_all(cell) if cell.attack.method.name == "PGD" else POWER["DI"]


def reversed_for_di(cell):
    """DI is held up by another architecture alone."""
    if cell.attack.method.name != "DI":
        return against_all(cell)
    apart = cell.attack.surrogates[0].architecture != cell.target.architecture
    return 90 - 40 * apart


@pytest.fixture
def attacked(toy, publish_answers):
    """Maker of the attacks of one domain, of which each takes so many points of AUC."""
    return Attacks(toy, publish_answers)


def row(table, **where):
    for name, value in where.items():
        table = table[table[name] == value]
    assert len(table) == 1, where
    return table.iloc[0]


def test_each_protection_is_worth_what_it_keeps(attacked):
    table = protections.table(attacked(against_all).cells, **HOW)
    assert list(dict.fromkeys(table["attacker"])) == ["PGD", "MI", "DI"]
    worth = {"random weights": 30, "other data": 20, "other architecture": 10}
    for (name, power), (protection, points) in product(POWER.items(), worth.items()):
        found = row(table, attacker=name, protection=protection)
        assert found["value"] == pytest.approx(points, abs=6), (name, protection)
        assert found["with"] - found["without"] == pytest.approx(found["value"])
        lost = power - (20 if protection == "other architecture" else 5)
        assert found["without"] == pytest.approx(100 - lost, abs=4)
    assert table.set_index("attacker").loc["DI", "gradients"].tolist() == [100] * 3
    assert table.set_index("attacker").loc["PGD", "change"].isna().all()
    for name in ("MI", "DI"):
        assert table.set_index("attacker").loc[name, "change"].abs().max() < 8


def test_a_protection_that_a_method_undoes_is_missed(attacked):
    table = protections.table(attacked(against_pgd).cells, **HOW)
    found = row(table, attacker="DI", protection="random weights")
    assert found["value"] == pytest.approx(0, abs=6)
    assert found["change"] == pytest.approx(-30, abs=8)
    assert found["change_high"] < 0
    assert found["change_low"] < found["change"] < found["change_high"]


def test_the_change_is_a_difference_of_differences_over_the_same_pairs(attacked):
    """Whatever one training adds to both methods cancels: the interval is narrower for it."""
    found = protections.attackers(attacked(against_all).cells)
    sides = {name: protections.sides(own, "other data") for name, own in found.items()}
    has, lacks = (tables.pairs_of(side, **HOW) for side in sides["DI"])
    was_has, was_lacks = (tables.pairs_of(side, **HOW) for side in sides["PGD"])
    change = statistics.balance([has, was_lacks], [lacks, was_has])
    apart = [statistics.difference(*both) for both in ((has, lacks), (was_has, was_lacks))]
    assert change.value == pytest.approx(apart[0].value - apart[1].value)
    same = statistics.balance([has, lacks], [lacks, has])
    assert same.value == pytest.approx(0) and same.high < 1e-3


def test_the_strongest_is_chosen_on_the_attackers_own_networks(attacked):
    study = attacked(lambda cell: 80 if rehearsed(cell) == (name_of(cell) == "MI") else 20)
    left = protections.rehearsed(study.rehearsals)
    assert left.index[0] == "MI"
    assert set(study.strongest.values()) == {"MI"}
    assert left["MI"] == pytest.approx(20, abs=5)
    assert {cell.attack.method.name for cell in study.strongest_cells} == {"MI"}


def rehearsed(cell):
    """Among networks on d2, or among those from random weights: not on targets."""
    return on_d2(cell) or cell.target.seed >= 100


def on_d2(cell):
    return cell.target.development.name == "d2"


def name_of(cell):
    return cell.attack.method.name


def test_without_a_network_of_his_own_to_try_on_the_attacker_is_pgd(attacked):
    study = attacked(against_all)
    lone = Attacked(study.cells, [cell for cell in study.rehearsals if not rehearsed(cell)])
    assert set(lone.strongest.values()) == {"PGD"}


def across(cell):
    return cell.attack.surrogates[0].architecture != cell.target.architecture


def test_an_attacker_who_lacks_the_architecture_takes_what_is_best_without_it(attacked):
    """MI between networks of one architecture, DI across: C8 compares the one with the other."""
    best = {False: {"MI": 60, "DI": 20, "PGD": 40}, True: {"MI": 10, "DI": 30, "PGD": 20}}
    study = attacked(lambda cell: best[across(cell)][name_of(cell)])
    own = {(start, kind): "DI" if kind == selection.OTHER else "MI" for start, kind in KINDS}
    assert study.strongest == own
    assert {(across(cell), name_of(cell)) for cell in study.strongest_cells} == {
        (False, "MI"),
        (True, "DI"),
    }
    found = row(judged(study), claim="C8")
    assert found["value"] == pytest.approx(60 - 30, abs=6), "by MI alone it would be 50"
    assert found["why"].startswith("strongest: MI; across architectures: DI: the attack")


def test_who_has_one_training_is_not_chosen_where_others_have_more(attacked):
    study = attacked(against_all)
    one = study.cells[0].attack.surrogates
    fewer = [c for c in study.cells if name_of(c) != "DI" or c.attack.surrogates == one]
    assert set(study.strongest.values()) == {"DI"}
    chosen = Attacked(fewer, study.rehearsals).strongest
    assert chosen[IMAGENET, selection.SAME] == "MI"
    lone = attacked(against_all, replicates=1)
    assert lone.strongest[IMAGENET, selection.OTHER] == "DI"


def test_an_attacker_of_random_networks_takes_what_is_best_among_them(attacked):
    """C6 compares each side under its own strongest attack: DI, which pre-trained ones resist."""
    best = {IMAGENET: {"MI": 60, "DI": 20, "PGD": 40}, RANDOM: {"MI": 10, "DI": 40, "PGD": 15}}
    study = attacked(lambda cell: best[cell.target.initialization][name_of(cell)])
    assert study.strongest == {(s, k): "MI" if s == IMAGENET else "DI" for s, k in KINDS}
    found = row(judged(study), claim="C6")
    assert found["value"] == pytest.approx(60 - 40, abs=6), "by MI alone it would be 50"
    said = "strongest: MI; between random networks: DI; across architectures between random"
    assert found["why"].startswith(said)
    assert row(judged(study), claim="C7")["why"].startswith("strongest: MI: the attack")


def test_the_order_is_that_of_pgd_on_validation_images(attacked):
    assert attacked(against_all).order == ["random weights", "other data", "other architecture"]


def judged(*studies):
    names = ("pathology", "radiology")
    return attacker_claims.judge(dict(zip(names, studies, strict=False)), **HOW)


def test_what_holds_is_supported_and_says_why(attacked):
    table = judged(attacked(against_all), attacked(against_all, domain="radiology"))
    for claim in ("C6", "C7", "C8"):
        found = row(table, claim=claim, domain="all domains")
        assert found["verdict"] == "supported", claim
        assert found["why"].startswith("strongest: DI")
        assert "moves the logits" in found["why"]
    assert row(table, claim="C6", domain="pathology")["value"] == pytest.approx(30, abs=6)
    for part in attacker_claims.PLACES:
        found = row(table, claim="C9", part=part, domain="all domains")
        assert found["value"] == pytest.approx(10, abs=7)
    assert set(table["says"]) == set(attacker_claims.CLAIMS.values())
    assert not table["why"].str.contains("nan", case=False).any()


def test_what_a_stronger_attacker_undoes_is_not_supported(attacked):
    table = judged(attacked(against_pgd))
    for claim in ("C6", "C7", "C8"):
        assert row(table, claim=claim)["verdict"] != "supported"


def test_an_order_that_turns_round_is_said(attacked):
    table = judged(attacked(reversed_for_di))
    last = row(table, claim="C9", part="second over third")
    assert last["value"] < 0
    assert last["verdict"] == "not supported" and "the order is reversed" in last["why"]


def test_with_one_training_of_a_kind_nothing_is_judged(attacked):
    table = judged(attacked(against_all, replicates=1))
    assert set(table["verdict"]) == {"one training"}


def test_a_study_of_one_start_lacks_one_protection(attacked):
    table = judged(attacked(against_all, starts=(RANDOM,)))
    assert set(table["claim"]) == {"C7", "C8", "C9"}
    assert attacker_claims.judge({}, **HOW).empty


def test_controls_leave_what_they_leave(attacked):
    found = protections.controls(attacked(against_all, controls=True).cells, **HOW)
    left = found.set_index(["attacker", "delivery"])["percent"]
    assert left["DI", FLOAT] < left["DI", OTHER] < left["DI", CONTROL]
    assert left["DI", CONTROL] > 95


def test_logits_show_what_an_auc_has_no_room_for(attacked, toy, publish_answers):
    cells = attacked(against_all).cells[:2]
    clean = np.where(LABELS > 0, 1.0, -1.0)
    spec = toy.cell(toy.training(seed=7), toy.training(seed=8), method=METHODS[0])
    publish_answers(spec, labels=LABELS, clean=clean, attacked=-3 * clean)
    assert protections.moved([spec], **HOW).values == pytest.approx([4.0])
    assert len(protections.moved(cells, **HOW).values) == 2
