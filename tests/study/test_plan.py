"""Plans: what a study needs, as specs; networks are known before any epsilon."""

from dataclasses import replace

import pytest
from studies import STUDIED

from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.errors import UsageError
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import plan
from medtransfer.study.factors import FACTORS, Factor, alignments, crossed

EPSILONS = {IMAGENET: 0.02, RANDOM: 0.035}
TWICE = {"replicates": dict.fromkeys(EPSILONS, 2), "replicates_of_parts": 2}


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("domain", STUDIED)
def test_networks_are_those_of_the_cells_whatever_the_epsilon(planned, factor, domain):
    networks = plan.networks(planned, domain, factor)
    assert len(set(networks)) == len(networks)
    for epsilons in (EPSILONS, dict.fromkeys(EPSILONS, 0.01)):
        cells = plan.cells(planned, domain, factor, epsilons=epsilons)
        assert set(plan.of_cells(cells)) == set(networks)


@pytest.mark.parametrize("factor", FACTORS)
def test_the_pairs_of_a_factor_need_no_epsilon(planned, factor):
    pairs = FACTORS[factor].pairs(planned, "pathology")
    asked = {
        (cell.attack.surrogates, cell.target)
        for cell in plan.cells(planned, "pathology", factor, epsilons=EPSILONS)
    }
    assert {(pair.surrogates, pair.target) for pair in pairs} == asked
    if factor != "defences":  # who meets a network meets the detector that guards it, too
        assert len(asked) == len(pairs)


def test_a_new_factor_is_one_row(planned, monkeypatch):
    def pairs(study, domain):
        both = study.networks(domain, bis=True)
        surrogates, (target, *_) = tuple(both), study.networks(domain)
        return [*crossed(both, [target]), plan.Pair(surrogates, target)]

    monkeypatch.setitem(FACTORS, "together", Factor(number=9, pairs=pairs))
    cells = plan.cells(planned, "pathology", "together", epsilons=EPSILONS)
    assert {len(cell.attack.surrogates) for cell in cells} == {1, 4}
    assert len(cells) == 5 * len(planned.profile.methods)
    assert len(plan.networks(planned, "pathology", "together")) == 5


@pytest.mark.parametrize("ask", ["networks", "cells", "factor"])
def test_a_factor_that_there_is_not_is_refused_with_those_that_there_are(planned, ask):
    rest = {"networks": (planned, "pathology"), "cells": (planned, "pathology"), "factor": ()}
    options = {"epsilons": EPSILONS} if ask == "cells" else {}
    with pytest.raises(UsageError, match="no factor 'colour'; allowed: perturbation, init"):
        getattr(plan, ask)(*rest[ask], "colour", **options)


@pytest.mark.parametrize("start", [IMAGENET, RANDOM])
def test_an_epsilon_is_chosen_on_validation_images_between_networks_of_a_kind(planned, start):
    shares = {IMAGENET: 0.6, RANDOM: 0.8}
    profile = planned.profile.model_copy(update={"remaining": shares})
    spec = plan.choices(replace(planned, profile=profile), "radiology")[start]
    assert {cell.attack.images for cell in spec.cells} == {"validation"}
    assert {cell.attack.method.name for cell in spec.cells} == {"PGD"}
    assert {cell.attack.method.epsilon for cell in spec.cells} == set(profile.candidates)
    for cell in spec.cells:
        (surrogate,), target = cell.attack.surrogates, cell.target
        assert surrogate.architecture == target.architecture
        assert surrogate != target
        for network in (surrogate, target):
            assert (network.initialization, network.development.name) == (start, "d1")
    assert {cell.target.architecture for cell in spec.cells} == set(profile.architectures)
    assert {cell.delivery for cell in spec.cells} == {FLOAT, CONTROL}
    assert (spec.remaining, spec.harmless) == (shares[start], profile.harmless)


def test_the_size_of_a_sweep_leaves_networks_and_the_choice_as_they_are(planned):
    """A longer sweep must not train anything again."""
    changes = {"sweep": {"FGSM": (0.01, 0.1)}, "resamples": 500, "name": "x"}
    longer = replace(planned, profile=planned.profile.model_copy(update=changes))
    for factor in FACTORS:
        assert plan.networks(planned, "pathology", factor) == plan.networks(
            longer, "pathology", factor
        )
    assert plan.choices(planned, "pathology") == plan.choices(longer, "pathology")


def test_a_white_box_has_the_target_among_its_surrogates(planned):
    one, two = (planned.networks("pathology", initializations=[RANDOM]) for _ in range(2))
    assert plan.Pair((one[0], one[1]), two[0]).white_box
    assert not plan.Pair((one[1],), two[0]).white_box


# --- alignments ----------------------------------------------------------------------------------


@pytest.fixture
def aligned(planned):
    """The pairs of a study with two replicates, as architecture, start and data of both sides."""
    two = replace(planned, profile=planned.profile.model_copy(update=TWICE))
    return two, alignments(two, "pathology")


def test_gradients_are_compared_by_start_architecture_and_data(aligned):
    study, specs = aligned
    seen = {
        (
            spec.surrogate.initialization,
            spec.target.initialization,
            spec.surrogate.development.name,
            spec.surrogate.architecture == spec.target.architecture,
        )
        for spec in specs
    }
    alike = [(start, start, data) for start in study.starts for data in ("d1", "d2", "d2/2")]
    mixed = [(IMAGENET, RANDOM, "d1"), (RANDOM, IMAGENET, "d1")]
    assert seen == {(*kind, same) for kind in (*alike, *mixed) for same in (True, False)}
    assert {spec.target.development.name for spec in specs} == {"d1"}
    assert len(set(specs)) == len(specs) == 2 * 32
    assert all(spec.surrogate != spec.target for spec in specs), "no pair is a white box"


def test_gradients_are_compared_among_networks_of_a_replicate_that_the_study_has_anyway(aligned):
    study, specs = aligned
    for number in range(2):
        own = {
            spec
            for data, bis in (("d1", False), ("d1", True), ("d2", False), ("d2/2", False))
            for spec in study.networks("pathology", data=data, bis=bis, replicates=[number])
        }
        assert all((spec.surrogate in own) == (spec.target in own) for spec in specs)
    known = {spec for factor in FACTORS for spec in plan.networks(study, "pathology", factor)}
    assert {side for spec in specs for side in (spec.surrogate, spec.target)} <= known


def test_all_pairs_of_a_domain_are_one_unit_of_work(aligned):
    study, specs = aligned
    assert len({spec.batch for spec in specs}) == 1
    other = alignments(study, "radiology")
    assert other[0].batch != specs[0].batch
