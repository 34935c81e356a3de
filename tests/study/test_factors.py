"""The tables of the paper: which attacker meets which target, and on what."""

from collections import Counter
from dataclasses import replace
from itertools import product

import pytest
from studies import STUDIED

from medtransfer.analysis import selection
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import plan
from medtransfer.study.factors import FACTORS

EPSILONS = {IMAGENET: 0.02, RANDOM: 0.035}
# The tables of the paper; what defended networks meet stands in test_defended.py.
TABLES = [name for name in FACTORS if name != "defences"]
PARTS = ("d1", "d1/2", "d1/4", "d1/10")


def cells_of(study, factor, domain="pathology", *, epsilons=EPSILONS):
    return plan.cells(study, domain, factor, epsilons=epsilons)


def starts(cell):
    return {network.initialization for network in (*cell.attack.surrogates, cell.target)}


def sides(cells):
    """Return what meets what, as ((initialization, data) of the attacker, same of the target)."""
    pairs = ((*cell.attack.surrogates, cell.target) for cell in cells)
    return {tuple((t.initialization, t.development.name) for t in pair) for pair in pairs}


def epsilons(cells, method):
    return {c.attack.method.epsilon for c in cells if c.attack.method.name == method}


@pytest.fixture
def with_method(planned):
    """The tiny study with one more method of attack: PGD again, under a name of its own."""
    methods = {**planned.profile.methods, "Momentum": {"step_size": 0.01, "steps": 1}}
    sweep = {**planned.profile.sweep, "Momentum": (0.04,)}
    profile = planned.profile.model_copy(update={"methods": methods, "sweep": sweep})
    return replace(planned, profile=profile)


@pytest.fixture
def momentum(monkeypatch):
    """A further method, found by its name as a new file would be."""
    from medtransfer.attacks import pgd
    from medtransfer.study import builders

    class Momentum(pgd.PGD):
        pass

    inner = builders.method
    monkeypatch.setattr(
        builders, "method", lambda name: Momentum if name == "Momentum" else inner(name)
    )
    return Momentum


def test_the_numbers_of_factors_are_digits_of_their_own():
    numbers = [factor.number for factor in FACTORS.values()]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(range(10))


@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("domain", STUDIED)
def test_a_factor_names_every_cell_once(planned, factor, domain):
    cells = cells_of(planned, factor, domain)
    assert len(set(cells)) == len(cells) > 0
    assert {cell.target.development.source.domain for cell in cells} == {domain}


@pytest.mark.parametrize("factor", TABLES)
def test_every_architecture_attacks_and_is_attacked(planned, factor):
    cells = cells_of(planned, factor)
    pairs = {(*(s.architecture for s in c.attack.surrogates), c.target.architecture) for c in cells}
    assert pairs == set(product(planned.profile.architectures, repeat=2))


@pytest.mark.parametrize("factor", TABLES)
def test_the_attacker_is_another_training_than_its_target(planned, factor):
    """But for the white box of table 2."""
    for cell in cells_of(planned, factor):
        (surrogate,), target = cell.attack.surrogates, cell.target
        if surrogate == target:
            assert factor == "perturbation" and cell.delivery == FLOAT
        else:
            assert surrogate.seed != target.seed
        assert surrogate.development.source == target.development.source
        assert cell.attack.images == "test"


def test_no_two_trainings_of_a_study_share_a_seed(planned):
    trained = {
        spec
        for domain in STUDIED
        for factor in TABLES
        for spec in plan.networks(planned, domain, factor)
    }
    assert len({training.seed for training in trained}) == len(trained)
    # both networks and starts, on d1, its double, three parts of it, d2 and d2/2, three domains
    assert len(trained) == 2 * 2 * 7 * 3


def test_table_2_sweeps_epsilon_beside_its_controls(planned, profile):
    cells = cells_of(planned, "perturbation")
    for start, epsilon in EPSILONS.items():
        half = [cell for cell in cells if starts(cell) == {start}]
        assert epsilons(half, "FGSM") == {epsilon, *profile.sweep["FGSM"]}
        assert epsilons(half, "PGD") == {epsilon, *profile.sweep["PGD"]}
    assert {cell.delivery for cell in cells} == {FLOAT, EIGHT_BIT, CONTROL}
    assert sides(cells) == {((start, "d1"), (start, "d1")) for start in (IMAGENET, RANDOM)}


@pytest.mark.parametrize("start", EPSILONS)
@pytest.mark.parametrize("epsilon", [0.02, 0.035])
def test_a_sweep_holds_the_epsilon_of_its_half_for_every_method(
    with_method, momentum, start, epsilon
):
    """So that methods meet at one epsilon, in or out of a sweep; there in 8 bits and as noise."""
    cells = cells_of(with_method, "perturbation", epsilons={**EPSILONS, start: epsilon})
    cells = [cell for cell in cells if starts(cell) == {start}]
    profile = with_method.profile
    for method in profile.methods:
        swept = {epsilon, *profile.sweep.get(method, ())}
        assert epsilons(cells, method) == swept
        for delivery, expected in ((EIGHT_BIT, {epsilon}), (CONTROL, swept)):
            some = [c for c in cells if c.delivery == delivery]
            assert epsilons(some, method) == expected


@pytest.mark.parametrize("factor", TABLES)
def test_a_further_method_attacks_in_every_factor(planned, with_method, momentum, factor):
    before, cells = cells_of(planned, factor), cells_of(with_method, factor)
    assert set(before) < set(cells)
    added = set(cells) - set(before)
    assert {type(cell.attack.method) for cell in added} == {momentum}
    assert sides(added) == sides(before)
    assert {selection.identity(cell)["method"] for cell in added} == {"Momentum"}


def test_table_3_crosses_initializations_on_d1(planned):
    both = [(IMAGENET, "d1"), (RANDOM, "d1")]
    assert sides(cells_of(planned, "initialization")) == set(product(both, both))


def test_table_4_varies_the_attackers_data(planned):
    assert sides(cells_of(planned, "development_data")) == {
        ((start, data), (start, "d1"))
        for start in (IMAGENET, RANDOM)
        for data in ("d1", "d2", "d2/2")
    }


def test_table_5_attacks_parts_of_the_data_from_other_data(planned):
    surrogates = [(IMAGENET, "d2"), (RANDOM, "d2")]
    targets = list(product((IMAGENET, RANDOM), PARTS))
    found = sides(cells_of(planned, "initialization_and_data"))
    assert found == set(product(surrogates, targets))


STARTS = (IMAGENET, RANDOM)


@pytest.fixture
def three(planned):
    """The study with three trainings of every kind."""
    return repeated(planned, replicates=3, replicates_of_parts=3)


def repeated(study, *, replicates, replicates_of_parts):
    of_each = replicates if isinstance(replicates, dict) else dict.fromkeys(STARTS, replicates)
    update = {"replicates": of_each, "replicates_of_parts": replicates_of_parts}
    update["replicates_of_attackers"] = max(of_each.values())
    return replace(study, profile=study.profile.model_copy(update=update))


@pytest.mark.parametrize("factor", FACTORS)
def test_more_replicates_keep_all_that_was_stored(planned, three, factor):
    assert set(cells_of(planned, factor)) < set(cells_of(three, factor))
    assert plan.choices(planned, "pathology") == plan.choices(three, "pathology")


@pytest.mark.parametrize(
    ("factor", "times"),
    [("initialization", 9), ("development_data", 9), ("initialization_and_data", 3)],
)
def test_replicates_of_a_factor_are_crossed_or_meet_their_like(planned, three, factor, times):
    one, more = (cells_of(each, factor) for each in (planned, three))
    assert len(plan.of_cells(more)) == 3 * len(plan.of_cells(one))
    assert len(more) == times * len(one)
    kinds = ({network.kind for network in plan.of_cells(cells)} for cells in (one, more))
    assert next(kinds) == next(kinds)


def test_parts_of_the_data_meet_surrogates_of_their_own_replicate(three):
    number_of = {
        network: number
        for number, data in product(range(3), ("d2", *PARTS))
        for network in three.networks("pathology", data=data, replicates=[number])
    }
    for cell in cells_of(three, "initialization_and_data"):
        assert number_of[cell.attack.surrogates[0]] == number_of[cell.target]


def test_networks_on_parts_of_the_data_have_replicates_of_their_own(planned):
    study = repeated(planned, replicates=3, replicates_of_parts=2)
    found = {
        network
        for factor in TABLES
        for network in plan.networks(study, "pathology", factor)
        if network.initialization == RANDOM and network.architecture.startswith("mobilenet")
    }
    number = Counter(network.development.name for network in found)
    assert number == {**dict.fromkeys(PARTS, 2), "d1": 2 * 3, "d2": 3, "d2/2": 2}


def test_parts_have_no_more_replicates_than_there_are(planned):
    assert repeated(planned, replicates=1, replicates_of_parts=3).parts == range(1)


@pytest.mark.parametrize("factor", TABLES)
def test_one_initialization_may_have_more_replicates_than_the_other(planned, factor):
    study = repeated(planned, replicates={IMAGENET: 2, RANDOM: 3}, replicates_of_parts=2)
    found = {start: set() for start in STARTS}
    for network in plan.networks(study, "pathology", factor):
        if network.development.name == "d1" and network.architecture.startswith("mobilenet"):
            found[network.initialization].add(network)
    sides = 1 if factor == "initialization_and_data" else 2  # targets alone, or surrogates as well
    assert {start: len(networks) for start, networks in found.items()} == {
        IMAGENET: 2 * sides,
        RANDOM: (2 if sides == 1 else 3) * sides,
    }
    assert set(cells_of(planned, factor)) < set(cells_of(study, factor))


def test_replicates_of_a_sweep_meet_their_like(planned, three):
    one, more = (cells_of(each, "perturbation") for each in (planned, three))
    white = {cell for cell in one if cell.target in cell.attack.surrogates}
    assert len(more) == 3 * len(one) - 2 * len(white)
    assert {cell for cell in more if cell.target in cell.attack.surrogates} == white


@pytest.mark.parametrize(
    ("factor", "of_random_pairs"),
    [
        ("initialization", IMAGENET),  # where both halves and what lies between are compared
        ("development_data", RANDOM),
        ("initialization_and_data", IMAGENET),
    ],
)
def test_each_half_is_scored_at_its_own_epsilon(planned, factor, of_random_pairs):
    cells = cells_of(planned, factor)
    for cell in cells:
        half = of_random_pairs if starts(cell) == {RANDOM} else IMAGENET
        assert cell.attack.method.epsilon == EPSILONS[half]
    assert {cell.attack.method.name for cell in cells} == {"FGSM", "PGD"}
    assert {cell.delivery for cell in cells} == {FLOAT}


@pytest.mark.parametrize("factor", TABLES)
@pytest.mark.parametrize("start", EPSILONS)
def test_a_profile_of_one_initialization_has_cells_of_it_alone(planned, factor, start):
    recipes = {start: planned.profile.recipes[start]}
    alone = replace(planned, profile=planned.profile.model_copy(update={"recipes": recipes}))
    assert [*plan.choices(alone, "pathology")] == [start]
    cells = cells_of(alone, factor, epsilons={start: 0.05})
    assert {start} == set().union(*map(starts, cells))
    assert epsilons(cells, "PGD") == {0.05, *(planned.profile.sweep["PGD"])}
    both = cells_of(planned, factor, epsilons=dict.fromkeys(EPSILONS, 0.05))
    among = {cell for cell in both if starts(cell) == {start}}
    if factor == "attackers" and start == RANDOM:  # surrogates on d2 start as the first half does
        assert among < set(cells)
    else:
        assert among == set(cells)


def test_steps_are_those_of_the_profile(planned, profile):
    for cell in cells_of(planned, "perturbation"):
        method = cell.attack.method
        if method.name == "PGD":
            assert {"steps": method.steps, "step_size": method.step_size} == profile.methods["PGD"]


def test_factors_share_what_they_can(planned):
    """So that the store makes the second notebook cheap."""
    table2, table3 = (set(cells_of(planned, name)) for name in ("perturbation", "initialization"))
    table4 = set(cells_of(planned, "development_data"))
    assert table2 & table3 & table4
    for choice in plan.choices(planned, "pathology").values():
        assert set(plan.of_cells(choice.cells)) < set(plan.of_cells(table3))
