"""Defended networks and who attacks them: planned, nothing computed."""

from dataclasses import replace

import pytest

from medtransfer.attacks.attack import VALIDATION
from medtransfer.attacks.delivery import CONTROL
from medtransfer.errors import UsageError
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET, RANDOM, Training
from medtransfer.scoring.masking import Masking
from medtransfer.study import builders, defended, plan
from medtransfer.study.builders import ACROSS
from medtransfer.study.defences import (
    DEFENCES,
    NONE,
    OF_ITS_KIND,
    REFERENCE,
    REFERRAL,
    SQUEEZERS,
)
from medtransfer.study.defended import CLASSES, exposures

EPSILONS = {IMAGENET: 0.02, RANDOM: 0.035}


def changed(study, **fields):
    return replace(study, profile=study.profile.model_copy(update=fields))


@pytest.fixture(scope="module")
def whole(planned):
    """The tiny study with every defence that there is, and two replicates."""
    defences = {name: {} for name in DEFENCES if name not in (NONE, REFERENCE)}
    strengths = {
        "n_fgsm": {"epsilon": 0.01},
        "pubdef": {"epsilon": 0.01},
        "renofeation": {"weight": 1, "dropout": 0.1},
        "longer": {"factor": 2},
        "slower": {"factor": 0.3},
        "faster": {"factor": 3},
        "fastest": {"factor": 10},
        "jpeg": {"quality": 75},
        "bits": {"bits": 5},
        "median": {"side": 3},
        "noise": {"sigma": 0.06, "draws": 8},
        "resized": {"room": 0.1, "draws": 8},
    }
    return changed(
        planned, defences=defences | strengths, replicates={IMAGENET: 2, RANDOM: 2}, insiders=True
    )


@pytest.fixture(scope="module")
def met(whole):
    return exposures(whole, "pathology")


def of(met, **where):
    return [e for e in met if where.items() <= vars(e).items()]


def test_every_defence_meets_every_class(met):
    for name in DEFENCES:
        classes = {e.knowledge for e in of(met, defence=name)}
        imitated = {"A3"} if name != NONE else set()
        assert classes == {"A1", "A2", "A4", "A5"} | imitated, name
    assert {e.knowledge for e in met} | {"A0"} == set(CLASSES)


def test_an_imitation_is_the_same_defence_on_other_images_from_another_seed(met):
    for name in (each for each in DEFENCES if each not in (NONE, REFERRAL)):
        (imitated,) = of(met, defence=name, attacker="an imitation", replicate=0)
        (surrogate,) = imitated.surrogates
        target = imitated.target
        differ = {n for n, v in target.traits.items() if surrogate.traits[n] != v}
        assert differ == {"data"}, name
        assert surrogate.development.name == "d2"
        assert not trained(surrogate) & trained(target), name


def trained(network):
    """Every network inside another one, by key."""
    inside = [getattr(network, "inner", None), *getattr(network, "members", ())]
    found = [each for each in inside if each is not None]
    return set().union(*map(trained, found)) if found else {network.key}


def test_the_owner_attacks_what_answers(met):
    for name in (each for each in DEFENCES if each != REFERRAL):
        (owned,) = of(met, defence=name, knowledge="A5", replicate=1)
        assert owned.surrogates == (owned.target,)
        assert owned.white_box


def test_nobody_but_the_owner_has_the_target_or_a_part_of_it(met):
    for each in met:
        held = set().union(*map(trained, each.surrogates))
        if each.knowledge != "A5":
            assert not held & trained(each.target), each.attacker


def test_a_detector_is_attacked_through_all_that_it_compares(met):
    (adaptive,) = {
        e.surrogates
        for e in of(met, defence=REFERRAL, replicate=0, attacker="all that it compares")
    }
    assert len(adaptive) == 1 + len(SQUEEZERS)
    parts = {e.part for e in of(met, defence=REFERRAL, replicate=0, surrogates=adaptive)}
    assert parts == {NONE, *SQUEEZERS}


def test_a_defended_training_shares_the_seed_of_the_one_it_defends(met):
    """So that they differ in the defence alone."""
    (plain,) = {e.target for e in of(met, defence=NONE, replicate=1)}
    (random,) = {e.target for e in of(met, defence=REFERENCE, replicate=1)}
    alike = dict.fromkeys(("n_fgsm", "pubdef", "longer", "slower", "faster", "fastest"), plain)
    for name, bare in (alike | dict.fromkeys((ACROSS, "renofeation"), random)).items():
        (target,) = {e.target for e in of(met, defence=name, replicate=1)}
        assert (target.seed, target.development) == (bare.seed, bare.development)
        assert target.kind != bare.kind


def seeds(network):
    """The seeds of a network, of those inside it, and of those that it learned from."""
    found = {getattr(network, "seed", 0)} - {0}
    for each in network.upstream():
        found |= seeds(each) if isinstance(each, Network) else set()
    return found


def test_a_defender_rehearses_on_networks_that_no_attacker_has(met):
    """Whatever he trains: his own sources included, if he imitates the defence."""
    for each in of(met, defence="pubdef"):
        sources = {source.seed for source in each.target.sources}
        assert len(sources) == len(each.target.sources) == 2
        assert {source.development for source in each.target.sources} == {each.target.development}
        assert each.target.seed not in sources
        if each.knowledge != "A5":
            assert not sources & set().union(*map(seeds, each.surrogates)), each.attacker
    everybody = {e.target.seed for e in met if isinstance(e.target, Training)}
    (imitated,) = of(met, defence="pubdef", attacker="an imitation", replicate=0)
    assert not everybody & {source.seed for source in imitated.surrogates[0].sources}


def test_what_is_rehearsed_on_differs_from_replicate_to_replicate(met):
    sources = [of(met, defence="pubdef", replicate=n)[0].target.sources for n in (0, 1)]
    assert not {s.key for s in sources[0]} & {s.key for s in sources[1]}
    assert [s.kind for s in sources[0]] == [s.kind for s in sources[1]]


def test_another_start_is_a_random_network_of_another_domain(whole):
    for domain in whole.domains:
        starts = {e.target.start for e in of(exposures(whole, domain), defence=ACROSS)}
        assert len(starts) == 2, "one of each replicate"
        for start in starts:
            assert start.development.source.domain != domain
            assert (start.initialization, start.weights) == (RANDOM, "")
            others = whole.networks(start.development.source.domain, initializations=[RANDOM])
            assert start in others, "the study has it without another training"


def test_who_knows_of_another_start_has_the_very_one_or_one_of_its_kind(met):
    def start(attacker):
        (found,) = of(met, defence=ACROSS, attacker=attacker, replicate=0)
        (surrogate,) = found.surrogates
        assert found.knowledge == "A3" and surrogate.development.name == "d2"
        return found.target.start, surrogate.start

    own, leaked = start("an imitation")
    assert own == leaked
    own, alike = start(OF_ITS_KIND)
    assert own.seed != alike.seed
    assert (own.development.name, alike.development.name) == ("d1", "d2")
    assert own.development.source == alike.development.source
    assert own.architecture == alike.architecture


def test_another_start_needs_another_domain(whole):
    prepared = {"pathology": whole.source("pathology")}
    single = {"pathology": whole.profile.sources["pathology"]}
    alone = replace(changed(whole, sources=single), sources=prepared)
    assert not of(exposures(alone, "pathology"), defence=ACROSS)
    unprepared = replace(whole, sources=prepared)
    assert not of(exposures(unprepared, "pathology"), defence=ACROSS)


def test_a_study_of_one_domain_has_the_images_of_all_if_a_start_is_from_there(whole):
    assert set(builders.resolve(whole.profile, ["pathology"]).sources) == set(whole.domains)
    other = whole.profile.model_copy(update={"defences": {"jpeg": {"quality": 75}}})
    assert set(builders.resolve(other, ["pathology"]).sources) == {"pathology"}


def test_replicates_of_a_defence_are_of_one_kind(met):
    for name in DEFENCES:
        assert len({e.target.kind for e in of(met, defence=name, part=NONE)}) == 1, name
        assert len({e.target.key for e in of(met, defence=name, part=NONE)}) == 2, name


def test_no_two_defences_are_the_same_network(met):
    kinds = {e.defence: e.target.kind for e in met if e.part == NONE and e.defence != REFERRAL}
    assert len(set(kinds.values())) == len(kinds)


def test_the_first_replicate_alone_is_attacked_on_validation_images(whole, met):
    cells = plan.cells(whole, "pathology", "defences", epsilons=EPSILONS)
    more = set(plan.further(whole, "pathology", "defences", epsilons=EPSILONS))
    assert {c.attack.images for c in cells} == {"test"}
    assert {c.attack.images for c in more} == {VALIDATION}
    assert {c.target for c in more} == {e.target for e in met if e.replicate == 0}
    tested = {(c.attack.surrogates, c.target) for c in cells}
    assert tested == {(e.surrogates, e.target) for e in met}
    assert {c.attack.method.epsilon for c in (*cells, *more)} == {0.02}
    assert {c.target for c in cells if c.delivery == CONTROL} == {e.target for e in met}


def test_every_method_of_the_profile_attacks(whole):
    methods = {**whole.profile.methods, "Momentum": {"step_size": 0.01, "steps": 1}}
    with_method = changed(whole, methods=methods, defences={"jpeg": {"quality": 75}})
    pairs = exposures(with_method, "pathology")
    assert len(methods) == 3
    with pytest.raises(UsageError, match="no method of attack 'Momentum'"):
        defended.exposed(with_method, pairs, EPSILONS)


def test_an_insider_imitates_only_if_asked(whole, met):
    few = exposures(changed(whole, insiders=False), "pathology")
    words = "an imitation, the target's images"
    assert words not in {e.attacker for e in few}
    assert {e.defence for e in of(met, attacker=words)} == set(DEFENCES) - {NONE, REFERRAL}
    assert {e.knowledge for e in few} == {"A1", "A2", "A3", "A4", "A5"}


def test_a_profile_without_defences_has_nobody_to_attack(planned):
    bare = changed(planned, defences={})
    assert exposures(bare, "pathology") == []
    assert plan.cells(bare, "pathology", "defences", epsilons=EPSILONS) == ()


def test_gradients_of_every_defence_are_checked_once(whole):
    checks = plan.beside(whole, "pathology", "defences")
    assert all(isinstance(each, Masking) for each in checks)
    assert len(checks) == len(DEFENCES) - 1
    assert len({each.method.epsilon for each in checks}) == 1


@pytest.mark.parametrize(
    ("defences", "said"),
    [
        ({"shield": {}}, r"no defence 'shield'; allowed: n_fgsm, .*jpeg.*referral"),
        ({"jpeg": {"sharpness": 3}}, r"defences: jpeg: .*sharpness"),
        ({"jpeg": {}}, r"defences: jpeg: .*quality"),
    ],
)
def test_a_wrong_line_of_a_profile_says_what_is_wrong(planned, defences, said):
    with pytest.raises(UsageError, match=said):
        exposures(changed(planned, defences=defences), "pathology")
