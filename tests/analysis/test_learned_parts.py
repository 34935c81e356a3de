"""Claims D2 to D4 from stored answers that a test makes: each says what was made."""

from dataclasses import replace

import numpy as np
import pytest

from medtransfer.analysis import defence_claims
from medtransfer.analysis.exposed import Exposed
from medtransfer.attacks.delivery import CONTROL
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report import recommendations
from medtransfer.study import defended
from medtransfer.study.builders import ACROSS
from medtransfer.study.defences import NONE, OF_ITS_KIND, REFERENCE

IMAGES, EPSILON, REPLICATES = 160, 0.02, 3
LABELS = np.arange(IMAGES)[:, None] % 2
DEFENCES = {
    "n_fgsm": {"epsilon": 0.01},
    "pubdef": {"epsilon": 0.01},
    "renofeation": {"weight": 5, "dropout": 0.1},
    ACROSS: {},
}
CLEAN = {NONE: 0.95, REFERENCE: 0.65, "n_fgsm": 0.95, "pubdef": 0.95, "renofeation": 0.93}
CLEAN |= {ACROSS: 0.85}
LEFT = {NONE: 0.4, REFERENCE: 0.8, "n_fgsm": 0.7, "pubdef": 0.9, "renofeation": 0.85, ACROSS: 0.92}
INFORMED = {"n_fgsm": 0.68, "pubdef": 0.6, "renofeation": 0.6, ACROSS: 0.5, REFERENCE: 0.8}


def auc(value, rng):
    """Return logits whose AUC is a value, (IMAGES, 1)."""
    positives = LABELS[:, 0] == 1
    found = rng.uniform(0, 1, IMAGES)
    above = rng.permutation(positives.sum()) < round(value * positives.sum())
    found[positives] = np.where(above, 2, -1) + rng.uniform(0, 0.1, positives.sum())
    return found[:, None].astype(np.float32)


@pytest.fixture
def judged(planned, publish_answers):
    """Maker of the verdicts where attackers leave what a test says, of the clean AUC."""
    changes = {
        "defences": DEFENCES,
        "replicates": {IMAGENET: REPLICATES, RANDOM: REPLICATES},
        "methods": {"PGD": planned.profile.methods["PGD"]},
        "resamples": 40,
        "insiders": False,
    }
    study = replace(planned, profile=planned.profile.model_copy(update=changes))

    def make(**told):
        left = {"owner": 0.1, "alike": 0.88, "informed": {}, "clean": {}, "left": {}} | told
        clean, taken, informed = (
            usual | left[name]
            for name, usual in (("clean", CLEAN), ("left", LEFT), ("informed", INFORMED))
        )
        rng = np.random.default_rng(0)
        pairs = defended.exposures(study, "pathology")
        whose = {(each.surrogates, each.target): each for each in pairs}
        chosen = {IMAGENET: EPSILON, RANDOM: EPSILON}
        cells = (
            *defended.exposed(study, pairs, chosen),
            *defended.further(study, "pathology", chosen),
        )
        for cell in cells:
            each = whose[cell.attack.surrogates, cell.target]
            share = taken[each.defence]
            if each.knowledge == "A3":
                share = left["alike"] if each.attacker == OF_ITS_KIND else informed[each.defence]
            elif each.knowledge == "A5":
                share = left["owner"]
            share = 0.99 if each.knowledge == "A1" or cell.delivery == CONTROL else share
            usual = clean[each.defence]
            publish_answers(
                cell,
                labels=LABELS,
                clean=auc(usual, rng),
                attacked=auc(share * usual, rng),
                groups=[f"group{i // 2}" for i in range(IMAGES)],
            )
        return defence_claims.judge({"pathology": Exposed(study, "pathology", epsilon=EPSILON)})

    return make


def found(judged, claim):
    rows = judged[judged["claim"] == claim].set_index("part")
    return rows["verdict"].to_dict(), rows["value"].to_dict()


def test_training_on_transferred_attacks(judged):
    verdicts, values = found(judged(), "D2")
    words = "training on transferred attacks"
    parts = {
        f"{words}, against a colleague who does not know about it": 50,
        f"{words}, more than training on attacked images": 20,
        f"{words}, what the secret is worth": 30,
        "against an attacker who has the network, gain less than 2 points (shown as a loss)": 0,
    }
    assert set(verdicts) == set(parts)
    assert values == pytest.approx(parts, abs=2)
    assert {verdicts[part] for part in parts if values[part] > 5} == {"supported"}


def test_features_without_weights(judged):
    verdicts, values = found(judged(), "D3")
    words = "features without weights"
    parts = {
        f"{words}, above the middle between random weights and pre-trained ones": 0.13,
        f"{words}, half of what a colleague takes": 45 - 0.5 * 60,
        f"{words}, what the secret is worth": 25,
    }
    assert set(verdicts) == set(parts)
    assert values == pytest.approx(parts, abs=2)
    assert values[next(iter(parts))] == pytest.approx(0.13, abs=0.02)
    assert set(verdicts.values()) == {"supported"}


def test_another_start(judged):
    verdicts, values = found(judged(), "D4")
    parts = {
        "another start, against a colleague who does not know about it": 52,
        "another start, as much as random weights": 12,
        "another start, above random weights": 0.2,
        "another start, what the secret is worth": 42,
        "another start, the very start more than one of its kind": 38,
    }
    assert set(verdicts) == set(parts)
    assert values == pytest.approx(parts, abs=2)
    assert values["another start, above random weights"] == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize(
    ("told", "middle", "random", "cost"),
    [
        ({}, " above the middle", " points more of", " lower (from 0."),
        (
            {"clean": {"renofeation": 0.75, ACROSS: 0.6}, "left": {ACROSS: 0.6}},
            " below the middle",
            " points less of",
            " lower (0.",
        ),
    ],
)
def test_sentences_say_in_words_which_way_it_went(judged, told, middle, random, cost):
    why = judged(**told).set_index("part")["why"]
    assert middle in why[why.index.str.startswith("features without weights, above")].item()
    assert random in why["another start, as much as random weights"]
    assert cost in why["features without weights"]
    assert not why.str.contains("-[0-9]").any()


def test_what_did_not_come_out_is_not_supported(judged):
    table = judged(
        left={ACROSS: 0.6, "pubdef": 0.7, "renofeation": 0.45},
        informed={ACROSS: 0.6},
        alike=0.6,
        clean={"renofeation": 0.75, ACROSS: 0.6},
    )
    for claim, parts in {
        "D2": ["training on transferred attacks, more than training on attacked images"],
        "D3": [
            "features without weights, above the middle between random weights and pre-trained "
            "ones",
            "features without weights, half of what a colleague takes",
        ],
        "D4": [
            "another start, as much as random weights",
            "another start, above random weights",
            "another start, the very start more than one of its kind",
        ],
    }.items():
        verdicts, values = found(table, claim)
        assert {verdicts[part] for part in parts} <= {"not supported", "interval too wide"}, claim
        assert all(values[part] < 2 for part in parts)


def test_claims_that_compare_with_what_is_not_there_are_not_made(judged, monkeypatch):
    monkeypatch.delitem(DEFENCES, "n_fgsm")
    assert "more than" not in " ".join(found(judged(), "D2")[0])


def test_the_card_has_a_verdict_of_each(judged):
    card = recommendations.card(judged())["verdict"]
    assert card["Begin with weights that nobody else has."] == "supported"
    assert card["Take over the features of public weights, not the weights."] == "supported"
    transferred = "Defend in addition: train on attacks of networks like those of attackers."
    assert card[transferred] in ("supported", "undecided")
    assert card["Do not disclose the design."] == "supported"
