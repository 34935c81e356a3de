"""Who attacks with what: specs alone, nothing is computed."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from medtransfer.assess import plan, setting
from medtransfer.assess.rungs import CONTRASTS, RUNGS
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT
from medtransfer.data import roles
from medtransfer.errors import UsageError
from medtransfer.networks.aimed import Aimed
from medtransfer.networks.elsewhere import Elsewhere
from medtransfer.networks.relabelled import Relabelled
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import schema
from medtransfer.units import grey_levels


@pytest.fixture
def asked(planned, toy):
    """The assessment of a pre-trained network of the smallest study."""
    domain = planned.domains[0]
    target = planned.network(
        domain, architecture=planned.profile.architectures[0], initialization=IMAGENET
    )
    return setting.of_study(planned, domain, target=target, title="A network of the study")


def step(found, name, **changes):
    steps = plan.ladder(dataclasses.replace(found, **changes))
    return next(each for each in steps if each.rung.identifier == name)


def facts(found, name):
    return {(each.architecture, each.initialization) for each in step(found, name).trained}


def test_each_rung_adds_one_fact(asked):
    own, start = asked.architecture, asked.initialization
    assert start == IMAGENET
    ((other, begun),) = facts(asked, "source")
    assert other.split("_stride")[0] != own.split("_stride")[0] and begun == RANDOM
    assert facts(asked, "architecture") == {(own, RANDOM)}
    assert facts(asked, "initialization") == {(own, start)}
    assert facts(asked, "development") == {(own, start)}
    names = {n: {e.development.name for e in step(asked, n).trained} for n in ("source",)}
    names["development"] = {e.development.name for e in step(asked, "development").trained}
    assert names == {"source": {"d2"}, "development": {"d1"}}
    assert step(asked, "white_box").surrogates == (asked.target,)


def test_no_surrogate_is_the_target_and_no_two_are_the_same(asked):
    trained = [each for found in plan.ladder(asked) for each in found.trained]
    assert asked.target not in trained
    assert len({each.key for each in trained}) == len(trained) == 4 * asked.replicates


def test_surrogates_of_a_study_are_networks_of_that_study(asked, planned):
    """So that an assessment in its notebook trains nothing twice."""
    domain, own = planned.domains[0], asked.architecture
    thrice = planned.profile.model_copy(update={"replicates": {IMAGENET: 3, RANDOM: 3}})
    study = dataclasses.replace(planned, profile=thrice)
    known = [*study.networks(domain, data="d2"), *study.networks(domain, bis=True)]
    for name in ("source", "architecture", "initialization", "development"):
        assert {*step(asked, name).trained} <= {*known}
    assert own in planned.profile.architectures


@pytest.mark.parametrize(
    ("change", "rung", "said"),
    [
        ({"architecture": None}, "architecture", "architecture"),
        ({"initialization": None}, "initialization", "started"),
        ({"known": None}, "development", "development set"),
        ({}, "asking", "cannot ask"),
        ({"differentiable": False}, "white_box", "gradients"),
        ({}, "outsider", "--public"),
        ({"architecture": "made_up"}, "architecture", "made_up"),
        ({"architecture": "densenet121_keras"}, "initialization", "densenet121_keras"),
    ],
)
def test_what_cannot_be_tried_says_why(asked, change, rung, said):
    found = step(asked, rung, **change)
    assert not found.surrogates and not found.trained
    assert said in found.reason


def test_an_attacker_of_whom_nobody_says_how_the_target_began_takes_public_weights(asked):
    assert {start for _, start in facts(dataclasses.replace(asked, initialization=None), "source")}
    assert facts(dataclasses.replace(asked, initialization=RANDOM), "architecture") == {
        (asked.architecture, IMAGENET)
    }


def test_an_outsider_trains_elsewhere_and_attacks_here(asked, toy):
    public = toy.development(source=toy.source(labels=("Referable DR",)))
    found = step(asked, "outsider", public=public)
    assert {each.development for each in found.trained} == {public}
    assert {each.initialization for each in found.trained} == {IMAGENET}
    for lent, inner in zip(found.surrogates, found.trained, strict=True):
        assert isinstance(lent, Elsewhere) and lent.inner == inner
        assert lent.development == asked.attacker and lent.labels == asked.target.labels


def test_an_attacker_without_labels_asks_the_target_for_them(asked):
    """The same images and networks as with labels of one's own, from other seeds."""
    can = dataclasses.replace(asked, askable=True)
    can.__dict__["limits"] = np.array([0.3] * len(can.target.labels))  # as if it was asked before
    found, labelled = (
        next(each for each in plan.ladder(can) if each.rung.identifier == name)
        for name in ("asking", "source")
    )
    assert len(found.trained) == can.replicates
    for mine, theirs, lent in zip(found.trained, labelled.trained, found.surrogates, strict=True):
        source = mine.development.source
        assert isinstance(source, Relabelled) and source.target == can.target
        assert source.asked == can.attacker and source.limits == (0.3,) * len(can.target.labels)
        assert isinstance(lent, Elsewhere) and lent.development == can.attacker
        same = ("architecture", "initialization", "steps", "weights")
        assert all(getattr(mine, name) == getattr(theirs, name) for name in same)
    assert not {each.seed for each in found.trained} & {each.seed for each in labelled.trained}


def test_an_attacker_may_aim_at_one_finding(asked):
    """Whoever crafts, on siblings as on the target, does so on a network of that finding alone."""
    finding = asked.target.labels[-1]
    aimed = dataclasses.replace(asked, goal=finding)
    for name in ("initialization", "white_box"):
        found, plain = step(asked, name, goal=finding), step(asked, name)
        assert found.trained == plain.trained
        cells = [*plan.controls(aimed, found, method="PGD").values()]
        cells += plan.cells(aimed, found, method="PGD").values()
        crafting = {surrogate for cell in cells for surrogate in cell.attack.surrogates}
        assert all(isinstance(each, Aimed) and each.finding == finding for each in crafting)
        assert {each.inner for each in crafting} == {*plain.surrogates}
    aimed.__dict__["limits"] = np.linspace(0.1, 0.2, len(asked.target.labels))
    counted = np.isfinite(aimed.counted)
    assert counted.tolist() == [name == finding for name in asked.target.labels]


def test_gradients_of_a_white_box_are_tried_without_a_bound(asked):
    (cell,) = plan.controls(asked, step(asked, "white_box"), method="PGD").values()
    assert cell.target == asked.target and cell.attack.surrogates == (asked.target,)
    assert cell.attack.images == "validation"
    method = cell.attack.method
    assert grey_levels(method.epsilon) == 64 and method.steps * method.step_size > method.epsilon


@pytest.mark.parametrize(
    ("name", "candidates", "other"),
    [
        ("timm:mobilenetv2_100", ("mobilenet_v2", "efficientnet_lite0"), "efficientnet_lite0"),
        ("timm:tf_efficientnet_lite0", ("efficientnet_lite0", "mobilenet_v2"), "mobilenet_v2"),
        ("mobilenet_v2", ("mobilenet_v2_stride8", "inception_v3"), "inception_v3"),
        ("timm:resnet50", ("mobilenet_v2", "inception_v3"), "mobilenet_v2"),
        (None, ("mobilenet_v2", "inception_v3"), "mobilenet_v2"),
    ],
)
def test_another_architecture_is_no_variant_of_the_target_s(name, candidates, other):
    assert plan._other(SimpleNamespace(architecture=name, candidates=candidates)) == other


def test_only_the_rungs_that_were_asked_for_are_tried(asked):
    tried = [s.rung.identifier for s in plan.ladder(asked, ["initialization"]) if s.surrogates]
    assert tried == ["initialization"]
    with pytest.raises(UsageError, match="white_box"):
        plan.ladder(asked, ["black_box"])


def test_the_target_is_asked_about_every_attack_and_its_noise(asked):
    found = step(asked, "initialization")
    cells = plan.cells(asked, found, method="PGD")
    assert {cell.target for cell in cells.values()} == {asked.target}
    assert {cell.attack.images for cell in cells.values()} == {"test"}
    assert {cell.delivery for cell in cells.values()} == {EIGHT_BIT, CONTROL}
    for at, cell in cells.items():
        assert grey_levels(cell.attack.method.epsilon) == at.budget
        assert cell.attack.surrogates == (found.surrogates[at.surrogate],)
    assert len(cells) == asked.replicates * len(asked.budgets) * 2


def test_attackers_try_the_stronger_methods_of_their_profile_in_few_steps(asked):
    for name in ("default", "attackers"):
        profile = schema.profile(name)
        tried = dataclasses.replace(asked, profile=profile).methods
        known = {*profile.methods, *profile.attackers}
        assert {*tried} == known - {"PGD100"}, "which is PGD in as many steps"
        assert tried["FGSM"] == {} and tried["PGD"]["step_size"] == 0.01
        for given in tried.values():
            assert given.get("steps", 1) <= setting.STEPS
        assert tried["DI"]["steps"] == min(profile.attackers["DI"]["steps"], setting.STEPS)
        found = dataclasses.replace(asked, profile=profile)
        cells = plan.rehearsals(found, step(found, "source"))
        assert {at.method for at in cells} == {*tried}
        assert max(cell.attack.gradients for cell in cells.values()) <= 10 * setting.STEPS


def test_controls_never_touch_the_target_or_its_test_images(asked):
    found = step(asked, "initialization")
    own = plan.controls(asked, found, method="PGD")
    cells = {**plan.rehearsals(asked, found), **own}.values()
    assert asked.target not in {cell.target for cell in cells}
    assert {cell.attack.images for cell in cells} == {"validation"}
    assert {cell.target for cell in cells} == {*found.trained}


def test_an_attacker_with_images_of_a_role_trains_on_them_alone(asked, toy):
    attacker = roles.of(asked.attacker.source, roles.ATTACKER)
    found = step(asked, "source", attacker=attacker)
    assert {each.development for each in found.trained} == {attacker}


def test_rungs_are_told_apart_and_contrasts_name_them():
    names = [rung.identifier for rung in RUNGS]
    assert [rung.number for rung in RUNGS] == [*range(1, len(RUNGS) + 1)]
    assert len({*names}) == len({rung.who for rung in RUNGS}) == len(RUNGS)
    assert {name for _, *pair in CONTRASTS for name in pair} <= {*names}
