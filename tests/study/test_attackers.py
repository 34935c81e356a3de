"""The factor `attackers`: whom it pairs, at which price, and what attackers may see before."""

from dataclasses import replace
from itertools import product

import pytest

from medtransfer.analysis import selection
from medtransfer.analysis.protections import among_their_own
from medtransfer.attacks.attack import TEST, VALIDATION
from medtransfer.attacks.delivery import CONTROL, FLOAT, OTHER
from medtransfer.attacks.iterative import METHODS
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import attackers, builders, plan, schema

EPSILONS = {IMAGENET: 0.02, RANDOM: 0.035}
DOMAIN = "pathology"
MOST = 100  # gradients of an image


@pytest.fixture(params=["smoke", "default", "attackers"])
def study(request):
    return builders.resolve(schema.profile(request.param))


@pytest.fixture
def whole():
    return builders.resolve(schema.profile("attackers"))


def cells_of(study):
    return plan.cells(study, DOMAIN, "attackers", epsilons=EPSILONS)


def test_each_protection_has_pairs_with_it_and_without(study):
    found = {
        (what["surrogate_initialization"], what["target_initialization"], what["surrogate_data"])
        for what in map(selection.identity, cells_of(study))
    }
    assert found == {
        (IMAGENET, IMAGENET, "d1"),
        (IMAGENET, IMAGENET, "d2"),
        (RANDOM, RANDOM, "d1"),
    }
    assert {cell.target.development.name for cell in cells_of(study)} == {"d1"}
    assert not [cell for cell in cells_of(study) if cell.target in cell.attack.surrogates]


def test_all_attack_at_one_epsilon_and_take_at_most_a_hundred_gradients(study):
    cells = cells_of(study)
    assert {cell.attack.method.epsilon for cell in cells} == {EPSILONS[IMAGENET]}
    assert max(cell.attack.gradients for cell in cells) <= MOST
    assert min(cell.attack.gradients for cell in cells) >= 1
    names = {cell.attack.method.name for cell in cells}
    assert names == {*study.profile.methods, *study.profile.attackers}


def test_the_whole_profile_has_every_method_at_its_price(whole):
    spent = {c.attack.method.name: c.attack.gradients for c in cells_of(whole) if one(c)}
    assert {**spent, "FGSM": 1, "PGD": 20, "MI": 20} == {
        **dict.fromkeys(METHODS, MOST),
        "FGSM": 1,
        "PGD": 20,
        "MI": 20,
    }
    assert {len(cell.attack.surrogates) for cell in cells_of(whole)} == {1, 2}


def one(cell):
    return len(cell.attack.surrogates) == 1


def test_several_surrogates_are_two_of_a_kind_and_none_stands_in_two_teams(whole):
    teams = {cell.attack.surrogates for cell in cells_of(whole) if not one(cell)}
    assert all(len({each.kind for each in team}) == 1 for team in teams)
    members = [each for team in teams for each in team]
    assert len(set(members)) == len(members)
    alone = {cell.attack.surrogates[0] for cell in cells_of(whole) if one(cell)}
    assert set(members) == alone, "four replicates make two teams"
    for cell in cells_of(whole):
        if not one(cell):
            assert (cell.attack.method.name, cell.attack.method.copies) == ("DI", 2)
            assert cell.attack.gradients == 80


def test_every_parameter_of_a_profile_reaches_the_method(planned):
    given = {"steps": 7, "copies": 3, "strength": 1.5, "momentum": 0.5, "step_size": 0.02}
    profile = planned.profile.model_copy(update={"attackers": {"DI": given}})
    (made,) = {
        cell.attack.method
        for cell in cells_of(replace(planned, profile=profile))
        if cell.attack.method.name == "DI" and one(cell)
    }
    assert {name: getattr(made, name) for name in given} == given
    assert made.epsilon == EPSILONS[IMAGENET]


def test_controls_belong_to_surrogates_on_other_data(study):
    for cell in cells_of(study):
        on_d2 = cell.attack.surrogates[0].development.name == "d2"
        assert cell.delivery == FLOAT or (on_d2 and cell.delivery in (CONTROL, OTHER))
    assert {cell.delivery for cell in cells_of(study)} == {FLOAT, CONTROL, OTHER}


def test_attacks_of_other_factors_are_not_made_again(planned):
    known = {
        cell
        for name in ("initialization", "development_data")
        for cell in plan.cells(planned, DOMAIN, name, epsilons=dict.fromkeys(EPSILONS, 0.02))
    }
    of_paper = [
        cell
        for cell in cells_of(planned)
        if cell.delivery == FLOAT and cell.attack.method.name in planned.profile.methods
    ]
    assert set(of_paper) <= known


def test_an_attacker_rehearses_on_validation_images_and_never_on_the_surrogate_itself(study):
    found = attackers.rehearsals(study, DOMAIN, EPSILONS)
    assert len(set(found)) == len(found)
    for cell in found:
        assert cell.attack.images == VALIDATION and cell.delivery == FLOAT
        (start,) = {each.initialization for each in cell.attack.surrogates}
        data = "d2" if start == IMAGENET else "d1"
        assert {each.development.name for each in cell.attack.surrogates} == {data}
        assert cell.target not in cell.attack.surrogates
    own = {cell.target for cell in among_their_own(found)}
    pairs = attackers.pairs(study, DOMAIN)
    assert not own & {pair.target for pair in pairs}, "of those he attacks later he knows nothing"
    assert {each.architecture for each in own} == {*study.profile.architectures}
    assert {each.initialization for each in own} == {*study.starts}
    tried = {cell.attack.method.name for cell in found}
    assert tried == {*study.profile.methods, *study.profile.attackers}


def test_a_search_begins_with_stripes_or_with_images_of_surrogates_on_other_data(study):
    found = attackers.searches(study, DOMAIN, EPSILONS)
    assert len(set(found)) == len(found)
    assert {spec.checkpoints for spec in found} == {study.profile.questions}
    assert {spec.epsilon for spec in found} == {EPSILONS[IMAGENET]}
    begun = {
        (spec.start.method.name, spec.start.surrogates[0].architecture == spec.target.architecture)
        for spec in found
        if spec.start
    }
    assert begun == {("PGD", False), ("DI", False)}
    assert len({spec.target for spec in found}) == len(study.parts)
    assert {spec.search for spec in found if not spec.start} == {"square", "stripes"}
    for spec in found:
        assert spec.target.development.name == "d1"
        if spec.start:
            assert spec.start.images == TEST
            assert spec.start.surrogates[0].development.name == "d2"


def test_without_questions_nobody_asks(planned):
    silent = replace(planned, profile=planned.profile.model_copy(update={"questions": ()}))
    assert attackers.searches(silent, DOMAIN, EPSILONS) == []


def test_what_the_notebook_needs_beside_its_cells_is_planned(planned):
    further = plan.further(planned, DOMAIN, "attackers", epsilons=EPSILONS)
    assert set(further) == {
        *attackers.rehearsals(planned, DOMAIN, EPSILONS),
        *attackers.searches(planned, DOMAIN, EPSILONS),
    }
    assert plan.further(planned, DOMAIN, "initialization", epsilons=EPSILONS) == ()


def test_default_spends_little(planned):
    """Gradients of an image, over all surrogates of a domain, that no other factor takes."""
    study = builders.resolve(schema.profile("default"))
    new = {
        cell.attack
        for cell in cells_of(study)
        if cell.attack.method.name in study.profile.attackers
    }
    assert sum(attack.gradients for attack in new) == 12 * (5 + 20)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"attackers": {"PGD": {}}}, "already among methods"),
        ({"ensembles": ["BSR"]}, "ensembles: BSR: not among attackers"),
        ({"questions": [5, 1]}, "questions: must rise"),
        ({"questions": [0]}, "questions: must rise"),
    ],
    ids=str,
)
def test_what_a_profile_cannot_mean_is_refused(tmp_path, change, says):
    import yaml

    from medtransfer.errors import ManifestError

    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "extends": "default", **change}))
    with pytest.raises(ManifestError, match=says):
        schema.profile(str(path))


def test_an_attacker_that_there_is_not_is_refused_by_name(planned):
    from medtransfer.errors import UsageError

    profile = planned.profile.model_copy(update={"attackers": {"Admix": {}}})
    with pytest.raises(UsageError, match="no method of attack 'Admix'; allowed: BSR, DI"):
        cells_of(replace(planned, profile=profile))


def test_pairs_meet_all_replicates_that_the_profile_lets_them(whole):
    single = [cell for cell in cells_of(whole) if one(cell) and cell.delivery == FLOAT]
    of_pgd = [cell for cell in single if cell.attack.method.name == "PGD"]
    assert len(of_pgd) == 3 * len(list(product(range(2 * 4), range(2 * 4))))
