"""Who attacks with what: specs alone, nothing is computed."""

import dataclasses

import pytest

from medtransfer.assess import plan, setting
from medtransfer.assess.rungs import CONTRASTS, RUNGS
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT
from medtransfer.data import roles
from medtransfer.errors import UsageError
from medtransfer.networks.elsewhere import Elsewhere
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
        ({"initialization": None}, "initialization", "began"),
        ({"known": None}, "development", "development set"),
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
    asking = plan.target_calls(asked, [found], images=100, calibration=7)
    assert asking == 100 * (1 + len(cells)) + 7
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
        cells = plan.controls(found, step(found, "source"))
        assert {at.method for at in cells} == {*tried}
        assert max(cell.attack.gradients for cell in cells.values()) <= 10 * setting.STEPS


def test_controls_never_touch_the_target_or_its_test_images(asked):
    found = step(asked, "initialization")
    cells = plan.controls(asked, found).values()
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
