"""The tables of the paper: which attacker meets which target, and on what."""

from dataclasses import replace
from itertools import product

import pytest

from medtransfer.analysis import selection
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT
from medtransfer.domains import DOMAINS
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.study import plan
from medtransfer.study.factors import FACTORS

EPSILON = 0.02


def cells_of(study, factor, domain="pathology", *, epsilon=EPSILON):
    return plan.cells(study, domain, factor, epsilon=epsilon)


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
@pytest.mark.parametrize("domain", DOMAINS)
def test_a_factor_names_every_cell_once(planned, factor, domain):
    cells = cells_of(planned, factor, domain)
    assert len(set(cells)) == len(cells) > 0
    assert {cell.target.development.source.domain for cell in cells} == {domain}


@pytest.mark.parametrize("factor", FACTORS)
def test_every_architecture_attacks_and_is_attacked(planned, factor):
    cells = cells_of(planned, factor)
    pairs = {(*(s.architecture for s in c.attack.surrogates), c.target.architecture) for c in cells}
    assert pairs == set(product(planned.profile.architectures, repeat=2))


@pytest.mark.parametrize("factor", FACTORS)
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
        for domain in DOMAINS
        for factor in FACTORS
        for spec in plan.networks(planned, domain, factor)
    }
    assert len({training.seed for training in trained}) == len(trained)
    # both networks and starts, on d1, its double, d1/10, d2 and d2/2, in three domains
    assert len(trained) == 2 * 2 * 5 * 3


def test_table_2_sweeps_epsilon_beside_its_controls(planned, profile):
    cells = cells_of(planned, "perturbation")
    assert epsilons(cells, "FGSM") == {EPSILON, *profile.sweep["FGSM"]}
    assert epsilons(cells, "PGD") == {EPSILON, *profile.sweep["PGD"]}
    assert {cell.delivery for cell in cells} == {FLOAT, EIGHT_BIT, CONTROL}
    assert sides(cells) == {((start, "d1"), (start, "d1")) for start in (IMAGENET, RANDOM)}


@pytest.mark.parametrize("epsilon", [0.02, 0.035])
def test_a_sweep_holds_the_chosen_epsilon_for_every_method(with_method, momentum, epsilon):
    """So that methods meet at one epsilon, in or out of a sweep; there in 8 bits, too."""
    cells = cells_of(with_method, "perturbation", epsilon=epsilon)
    profile = with_method.profile
    for method in profile.methods:
        assert epsilons(cells, method) == {epsilon, *profile.sweep.get(method, ())}
        whole = [c for c in cells if c.attack.method.name == method and c.delivery == EIGHT_BIT]
        assert epsilons(whole, method) == {epsilon}


@pytest.mark.parametrize("factor", FACTORS)
def test_a_further_method_attacks_in_every_factor(planned, with_method, momentum, factor):
    before, cells = cells_of(planned, factor), cells_of(with_method, factor)
    assert set(before) < set(cells)
    added = set(cells) - set(before)
    assert {type(cell.attack.method) for cell in added} == {momentum}
    assert sides(added) == sides(before)
    assert {selection.identity(cell)["method"] for cell in added} == {"Momentum"}


def test_table_3_crosses_initializations_on_d1(planned):
    starts = [(IMAGENET, "d1"), (RANDOM, "d1")]
    assert sides(cells_of(planned, "initialization")) == set(product(starts, starts))


def test_table_4_varies_the_attackers_data(planned):
    assert sides(cells_of(planned, "development_data")) == {
        ((start, data), (start, "d1"))
        for start in (IMAGENET, RANDOM)
        for data in ("d1", "d2", "d2/2")
    }


def test_table_5_attacks_small_data_from_other_data(planned):
    surrogates = [(IMAGENET, "d2"), (RANDOM, "d2")]
    targets = [(IMAGENET, "d1/10"), (RANDOM, "d1/10")]
    found = sides(cells_of(planned, "initialization_and_data"))
    assert found == set(product(surrogates, targets))


@pytest.fixture
def three(planned):
    """The study with three trainings of every kind."""
    return replace(planned, profile=planned.profile.model_copy(update={"replicates": 3}))


@pytest.mark.parametrize("factor", FACTORS)
def test_more_replicates_keep_all_that_was_stored(planned, three, factor):
    assert set(cells_of(planned, factor)) < set(cells_of(three, factor))
    assert plan.choice(planned, "pathology") == plan.choice(three, "pathology")


def test_replicates_of_a_factor_are_crossed(planned, three):
    one, more = (cells_of(each, "initialization_and_data") for each in (planned, three))
    assert len(plan.of_cells(more)) == 3 * len(plan.of_cells(one))
    assert len(more) == 9 * len(one)
    assert len({network.kind for network in plan.of_cells(more)}) == len(plan.of_cells(one))


def test_replicates_of_a_sweep_meet_their_like(planned, three):
    one, more = (cells_of(each, "perturbation") for each in (planned, three))
    white = {cell for cell in one if cell.target in cell.attack.surrogates}
    assert len(more) == 3 * len(one) - 2 * len(white)
    assert {cell for cell in more if cell.target in cell.attack.surrogates} == white


@pytest.mark.parametrize(
    "factor", ["initialization", "development_data", "initialization_and_data"]
)
def test_the_chosen_epsilon_is_used(planned, factor):
    cells = cells_of(planned, factor)
    assert epsilons(cells, "FGSM") == epsilons(cells, "PGD") == {EPSILON}
    assert {cell.attack.method.name for cell in cells} == {"FGSM", "PGD"}
    assert {cell.delivery for cell in cells} == {FLOAT}


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
    choice = set(plan.of_cells(plan.choice(planned, "pathology").cells))
    assert choice < set(plan.of_cells(table3))
