"""What classes of attackers leave of defended networks, from stored answers that a test makes."""

from dataclasses import replace

import numpy as np
import pytest

from medtransfer.analysis import defence_claims, detection, exposed, replicates
from medtransfer.analysis.exposed import CLEAN, Exposed, Strongest
from medtransfer.attacks.attack import VALIDATION
from medtransfer.attacks.delivery import CONTROL
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report import defended as told
from medtransfer.report import summary
from medtransfer.study import defended
from medtransfer.study.defences import DEFENCES, NONE, REFERENCE

EPSILON = 0.02
IMAGES = 80
LABELS = np.arange(IMAGES)[:, None] % 2
SAME = "the same architecture"
LEFT = {  # of a clean AUC of 1, by attacker: undefended, JPEG
    "the public network": (0.95, 0.98),
    SAME: (0.5, 0.9),
    "all architectures": (0.55, 0.92),
    "an imitation": (0.5, 0.6),
    "no imitation, the target's images": (0.4, 0.85),
    "an imitation, the target's images": (0.4, 0.55),
    "the target": (0.1, 0.2),
}


def answers(auc, rng):
    """Return logits whose AUC is about a value, (IMAGES, 1)."""
    positives, negatives = LABELS[:, 0] == 1, LABELS[:, 0] == 0
    found = np.empty(IMAGES)
    ranks = np.arange(negatives.sum())
    found[negatives] = rng.permutation(ranks)
    # Of the positives the share `auc` stands above all negatives, the others below.
    above = rng.permutation(positives.sum()) < round(auc * positives.sum())
    found[positives] = np.where(above, IMAGES, -1)
    return found[:, None].astype(np.float32) + rng.normal(0, 1e-3, (IMAGES, 1)).astype(np.float32)


@pytest.fixture
def study(planned):
    profile = planned.profile.model_copy(
        update={
            "defences": {"jpeg": {"quality": 75}},
            "replicates": {IMAGENET: 3, RANDOM: 3},
            "methods": {"PGD": planned.profile.methods["PGD"]},
            "resamples": 40,
        }
    )
    return replace(planned, profile=profile)


@pytest.fixture
def made(study, publish_answers):
    """Maker of the attacks on a domain, which leave what a test says."""

    def make(left=lambda each, validation: LEFT[each.attacker][each.defence == "jpeg"], clean=1.0):
        rng = np.random.default_rng(0)
        by_pair = {}
        for each in defended.exposures(study, "pathology"):
            by_pair.setdefault((each.surrogates, each.target), each)
        pairs = list(defended.exposures(study, "pathology"))
        chosen = {IMAGENET: EPSILON, RANDOM: EPSILON}
        cells = [
            *defended.exposed(study, pairs, chosen),
            *defended.further(study, "pathology", chosen),
        ]
        for cell in cells:
            each = by_pair[cell.attack.surrogates, cell.target]
            share = left(each, cell.attack.images == VALIDATION)
            share = 0.99 if cell.delivery == CONTROL else share
            before = clean if not callable(clean) else clean(each)
            publish_answers(
                cell,
                labels=LABELS,
                clean=answers(before, rng),
                attacked=answers(share * before, rng),
                groups=[f"group{i // 4}" for i in range(IMAGES)],
            )
        return Exposed(study, "pathology", epsilon=EPSILON)

    return make


def value(found):
    return replicates.effect([found], null=0.0).value


def test_each_class_has_the_strongest_attack_that_it_may_use(made):
    found = made()
    chosen = {k: found.strongest("jpeg", k).attacker for k in ("A1", "A2", "A3", "A4", "A5")}
    assert chosen == {
        "A1": "the public network",
        "A2": SAME,
        "A3": "an imitation",
        "A4": "an imitation, the target's images",
        "A5": "the target",
    }
    # Nothing to imitate: who knows that does as his colleague.
    assert found.strongest(NONE, "A3") == Strongest(SAME, "PGD")


def test_the_strongest_is_chosen_on_validation_images_and_not_on_test_images(made):
    def left(each, validation):
        usual = LEFT[each.attacker][each.defence == "jpeg"]
        if each.attacker == SAME:
            return 0.3 if validation else 0.9
        if each.attacker == "all architectures":
            return 0.9 if validation else 0.1
        return usual

    found = made(left)
    assert found.strongest("jpeg", "A2").attacker == SAME
    assert value(found.auc("jpeg", "A2")) == pytest.approx(0.9, abs=0.02)


def test_gains_and_shares_are_those_that_were_made(made):
    found = made()
    assert value(found.gain("jpeg", "A2")) == pytest.approx(40, abs=2)
    assert value(found.gain("jpeg", "A3")) == pytest.approx(10, abs=2)
    assert value(found.gain("jpeg", "A5")) == pytest.approx(10, abs=2)
    assert value(found.gain(NONE, "A2")) == 0
    assert exposed.share([found], "jpeg") == pytest.approx(0.75, abs=0.05)
    assert np.isnan(exposed.share([found], NONE))


def test_a_run_names_every_defence_and_ends_with_the_claims_on_it(made):
    found = made()
    rows = told.against(exposed.table({"pathology": found})).reset_index().to_dict("records")
    assert {row["defence"] for row in rows} == {DEFENCES[name].words for name in found.defences}
    assert {row["attacker"] for row in rows} == {*told.SHOWN}
    (owner,) = [r for r in rows if (r["defence"], r["attacker"]) == ("JPEG", "A5")]
    assert owner["strongest"] == "PGD on the target"
    said = summary.judged("pathology", {}, epsilons={}, resamples=20, exposed=found)
    lines = [line for line in said if line.startswith("D7 JPEG, against a colleague")]
    assert len(lines) == 1 and "left with JPEG" in lines[0] and summary.NO_CLAIM not in said
    assert "A5 has the target" in told.attackers()


def test_costs_are_of_the_clean_auc(made):
    found = made(clean=lambda each: 0.8 if each.defence == "jpeg" else 0.9)
    assert value(found.cost("jpeg")) == pytest.approx(-0.1, abs=0.02)
    assert value(found.auc("jpeg", CLEAN)) == pytest.approx(0.8, abs=0.02)


def test_the_owner_alone_is_not_his_weaker_rivals(made):
    def left(each, validation):
        return 0.8 if each.attacker == "the target" else LEFT[each.attacker][0]

    found = made(left)
    assert found.strongest("jpeg", "A5").attacker == "no imitation, the target's images"
    assert found.alone("jpeg", "A5") == pytest.approx(80, abs=2)


def test_the_table_has_a_row_for_every_defence_and_class(made):
    rows = exposed.table({"pathology": made()})
    assert set(rows["defence"]) == {NONE, REFERENCE, "jpeg"}
    jpeg = rows[rows["defence"] == "jpeg"].set_index("knowledge")
    assert jpeg.index.tolist() == ["A0", "A1", "A2", "A3", "A4", "A5"]
    assert jpeg.loc["A0", "auc"] == pytest.approx(0.99, abs=0.02)
    assert (jpeg["auc_low"] <= jpeg["auc"]).all() and (jpeg["auc"] <= jpeg["auc_high"]).all()


def test_no_interval_reaches_beyond_what_there_is(made):
    rows = exposed.table({"pathology": made(lambda each, _: (0.05, 0.5, 0.95)[each.replicate])})
    attacked = rows[rows["knowledge"] != "A0"]
    assert (attacked["auc_low"] == 0).all() and (attacked["auc_high"] == 1).all()
    assert (rows["left_low"] >= 0).all() and (rows["clean_high"] <= 1).all()
    assert (attacked["gain_high"] - attacked["gain_low"])[attacked["defence"] != NONE].max() > 5


def test_only_who_knows_the_defence_takes_a_share_of_its_gain_back(made):
    rows = told.against(exposed.table({"pathology": made()})).reset_index()
    shown = rows[rows["share lost"] != ""]
    assert set(shown["attacker"]) == {"A3"} and "JPEG" in set(shown["defence"])


def test_claims_say_what_was_made(made):
    judged = defence_claims.judge({"pathology": made()})
    rows = judged.set_index(["claim", "part"])
    colleague = rows.loc[("D7", "JPEG, against a colleague who does not know about it")]
    secret = rows.loc[("D7", "JPEG, what the secret is worth")]
    assert colleague["verdict"] == secret["verdict"] == "supported"
    assert secret["value"] == pytest.approx(30, abs=3)
    assert ", 40 points more of" in colleague["why"].replace("39.", "40").replace("41", "40")
    assert (judged["p_holm"].dropna() >= judged["p"].dropna()).all()
    assert ("cost", "JPEG") in rows.index
    assert not {"D1", "D5", "D6", "D8"} & set(judged["claim"])


def test_a_cost_beyond_the_margin_is_refuted_and_one_within_is_supported(made):
    dear = defence_claims.judge(
        {"pathology": made(clean=lambda each: 0.7 if each.defence == "jpeg" else 0.9)}
    )
    cost = dear[(dear["claim"] == "cost") & (dear["part"] == "JPEG")].iloc[0]
    assert cost["verdict"] == "not supported"


def verdict(judged, part):
    (found,) = judged.loc[judged["part"] == part, "verdict"]
    return found


COLLEAGUE = "JPEG, against a colleague who does not know about it"


@pytest.mark.parametrize("share", [0.01, 1.0])
def test_nothing_is_judged_where_attacks_leave_nothing_or_all(made, share):
    judged = defence_claims.judge({"pathology": made(lambda each, validation: share)})
    assert verdict(judged, COLLEAGUE) == "no room"


def test_nothing_is_judged_of_targets_at_chance(made):
    blind = made(clean=lambda each: 0.5 if each.defence == "jpeg" else 0.9)
    judged = defence_claims.judge({"pathology": blind})
    assert verdict(judged, COLLEAGUE) == verdict(judged, "JPEG") == "at chance"
    assert verdict(judged, "random start") != "at chance"


def test_over_all_domains_it_is_said_which_are_left_out(made):
    blind = made(clean=lambda each: 0.5 if each.defence == "jpeg" else 0.9)
    judged = defence_claims.judge({"pathology": blind, "radiology": _OtherDomain(blind)})
    pooled = judged[(judged["domain"] == "all domains") & (judged["part"] == COLLEAGUE)]
    assert pooled["why"].item().endswith("; left out: pathology (at chance)")


class _OtherDomain:
    """The same networks in a domain in which none of them is at chance."""

    def __init__(self, found):
        self.found = found

    def __getattr__(self, name):
        return getattr(self.found, name)

    def auc(self, defence, knowledge):
        return self.found.auc(NONE, knowledge)


def test_a_detector_finds_what_squeezing_changes():
    rng = np.random.default_rng(0)
    plain = rng.normal(0, 1, (50, 2))
    assert (detection.suspicion({NONE: plain, "jpeg": plain}) == 0).all()
    other = plain.copy()
    other[3, 1] += 5
    doubt = detection.suspicion({NONE: plain, "jpeg": plain, "bits": other})
    assert doubt.argmax() == 3 and (np.delete(doubt, 3) == 0).all()
    by_hand = abs(1 / (1 + np.exp(-other[3, 1])) - 1 / (1 + np.exp(-plain[3, 1])))
    assert doubt[3] == pytest.approx(by_hand)


def test_clean_images_are_told_from_clean_images_by_chance():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 400))
    everything = np.ones((1, 400))
    assert detection.area(first, second, everything)[0] == pytest.approx(0.5, abs=0.05)
    assert detection.area(first, first + 9, everything)[0] == 1


@pytest.fixture
def squeezed(toy, publish_answers):
    """Cells of a network and its squeezed copy; a squeezed answer differs by what a test says."""

    def make(validation, clean, attacked):
        target, copy = (toy.training(seed=seed) for seed in (1, 2))
        surrogate = toy.training(seed=3)
        labels = np.arange(len(clean))[:, None] % 2
        flat = np.zeros((len(clean), 1), np.float32)
        cells = {}
        for name, network in ((NONE, target), ("jpeg", copy)):
            moved = name != NONE
            publish_answers(
                network,
                labels=np.arange(len(validation))[:, None] % 2,
                clean=np.float32(validation)[:, None] * moved,
            )
            cells[name] = toy.cell(surrogate, network)
            publish_answers(
                cells[name],
                labels=labels,
                clean=flat + np.float32(clean)[:, None] * moved,
                attacked=flat + np.float32(attacked)[:, None] * moved,
            )
        return cells

    return make


def test_five_percent_of_clean_images_are_referred(squeezed):
    rng = np.random.default_rng(0)
    cells = squeezed(*rng.normal(0, 1, (2, 2000)), rng.normal(6, 1, 2000))
    found = detection.rates(cells)
    assert found["clean"] == pytest.approx(0.05, abs=0.02)
    assert found["attacked"] > 0.99


def test_the_threshold_knows_no_test_image(squeezed):
    rng = np.random.default_rng(0)
    validation = rng.normal(0, 1, 200)
    limits = {
        detection.threshold(squeezed(validation, rng.normal(0, s, 40), rng.normal(0, s, 40)))
        for s in (1, 9)
    }
    assert len(limits) == 1


def test_a_squeezer_that_hides_what_is_to_be_seen_is_not_asked(toy, publish_answers):
    """Unless all do."""
    labels, cells = np.arange(40)[:, None] % 2, {}
    clean = {NONE: labels, "bits": labels, "jpeg": 0 * labels}
    for seed, (name, answers) in enumerate(clean.items()):
        network = toy.training(seed=seed)
        publish_answers(network, labels=labels, clean=np.float32(answers))
        cells[name] = toy.cell(toy.training(seed=9), network)
    assert list(detection.compared(cells)) == [NONE, "bits"]
    del cells["bits"]
    assert list(detection.compared(cells)) == [NONE, "jpeg"]


def test_who_is_referred_is_seen_by_a_human(squeezed):
    cells = squeezed(np.linspace(0, 1, 100), np.zeros(40), np.full(40, 8.0))
    found = detection.referred(cells, resamples=0)
    assert found.clean == 0.5, "nobody was referred, and all answers are the same"
    assert found.attacked == 1
