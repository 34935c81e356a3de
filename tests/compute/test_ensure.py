"""`ensure`: makes what is missing once, finishes what can be finished, names what failed."""

from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool

import pytest

from medtransfer import store
from medtransfer.attacks.attack import VALIDATION
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.compute import ensure as compute
from medtransfer.compute.ensure import ensure
from medtransfer.errors import ComputeError, StoreError
from medtransfer.executors import local
from medtransfer.scoring.cell import Cell
from medtransfer.scoring.epsilon import EpsilonChoice


@pytest.fixture
def made(monkeypatch):
    """Replaces the work itself: every unit is published and noted, or fails as asked."""

    class Made(list):
        def __init__(self):
            super().__init__()
            self.failing = set()

        @property
        def specs(self):
            return [spec for unit in self for spec in unit.specs]

    units = Made()

    def make(unit):
        units.append(unit)
        if units.failing & set(unit.specs):
            raise RuntimeError("the loss became nan")
        for spec in unit.specs:
            with store.draft(spec):
                pass

    monkeypatch.setattr(compute, "make", make)
    return units


@pytest.fixture
def source(toy):
    """An image source that is in the store."""
    spec = toy.source()
    with store.draft(spec):
        pass
    return spec


@pytest.fixture
def chain(toy, source):
    """Two trainings on one source, two cells between them, and a choice from these."""
    development = toy.development(source=source)
    first, second = (toy.training(development=development, seed=seed) for seed in (1, 2))
    cells = (toy.cell(first, second), toy.cell(second, first))
    return first, second, *cells, EpsilonChoice(cells=cells, remaining=0.5, harmless=0.9)


def test_everything_upstream_is_made_first(chain, made, in_process):
    first, second, cell, back, choice = chain
    ensure([choice])
    assert all(store.has(spec) for spec in chain)
    order = made.specs
    assert sorted(order, key=hash) == sorted(chain, key=hash)
    assert order.index(choice) == 4
    assert {*order[:2]} == {first, second}
    assert {*order[2:4]} == {cell, back}


def test_what_exists_is_not_made_again(chain, made, in_process):
    ensure([chain[2]])
    number = len(made)
    ensure([chain[2]])
    assert len(made) == number
    ensure([chain[-1]])
    assert len(made.specs) == len(set(made.specs))


def test_a_result_does_not_need_what_it_was_made_from(chain, made, in_process):
    """The store may be pruned of trainings once their cells are there."""
    cell = chain[2]
    with store.draft(cell):
        pass
    ensure([cell])
    assert made == []


def test_nothing_is_started_when_nothing_is_missing(chain, made, run_on):
    with store.draft(chain[0]):
        pass
    run_on(None)  # any use of it would fail
    ensure([chain[0]])
    ensure([])


def test_everything_else_is_finished_although_one_unit_fails(chain, toy, source, made, in_process):
    first, second, cell, _, choice = chain
    other = toy.training(development=toy.development(source=source), seed=9)
    lonely = toy.cell(second, second)
    made.failing = {first}
    with pytest.raises(ComputeError) as caught:
        ensure([choice, other, lonely])
    assert all(store.has(spec) for spec in (second, other))
    assert not any(store.has(spec) for spec in (first, cell, choice))
    message = str(caught.value)
    assert f"- {first.title}: RuntimeError: the loss became nan" in message
    assert message.count("not tried, since") >= 2
    assert "choice of epsilon: not tried" in message
    assert "the others are stored" in message


def test_a_failed_unit_does_not_take_strangers_with_it(toy, source, made, in_process):
    development = toy.development(source=source)
    bad, good = (toy.training(development=development, seed=seed) for seed in (1, 2))
    lost, kept = toy.cell(bad), toy.cell(good)
    made.failing = {bad}
    with pytest.raises(ComputeError, match="2 of 4 units failed"):
        ensure([lost, kept])
    assert store.has(kept)
    assert not store.has(lost)


def test_after_mending_only_the_rest_is_made(chain, made, in_process):
    made.failing = {chain[0]}
    with pytest.raises(ComputeError):
        ensure([chain[-1]])
    made.failing, before = set(), len(made)
    ensure([chain[-1]])
    again = [spec for unit in made[before:] for spec in unit.specs]
    assert chain[0] in again
    assert chain[1] not in again
    assert store.has(chain[-1])


def test_cells_of_one_attacker_go_in_one_pass(toy, source, made, in_process):
    development = toy.development(source=source)
    one, two = (toy.training(development=development, seed=seed) for seed in (1, 2))
    passes = {
        "fgsm": [
            toy.cell(one, target, epsilon=epsilon, delivery=delivery)
            for target in (one, two)
            for epsilon in (0.01, 0.02)
            for delivery in (FLOAT, CONTROL)
        ],
        "pgd": [toy.cell(one, two, method="PGD", epsilon=epsilon) for epsilon in (0.01, 0.02)],
        "longer pgd": [toy.cell(one, two, method="PGD", steps=4)],
        "validation": [toy.cell(one, two, images=VALIDATION)],
        "other surrogate": [toy.cell(two, one)],
        "both surrogates": [
            Cell(attack=toy.attack(one, two), target=target, delivery=FLOAT)
            for target in (one, two)
        ],
    }
    ensure([cell for cells in passes.values() for cell in cells])
    found = {frozenset(unit.specs) for unit in made if unit.specs[0] not in (one, two)}
    assert found == {frozenset(cells) for cells in passes.values()}


def test_a_missing_cell_is_made_without_its_stored_neighbours(toy, source, made, in_process):
    training = toy.training(development=toy.development(source=source))
    stored, missing = toy.cell(training, epsilon=0.01), toy.cell(training, epsilon=0.02)
    ensure([stored])
    before = len(made)
    ensure([stored, missing])
    assert [unit.specs for unit in made[before:]] == [(missing,)]


def test_images_that_nobody_draws_are_asked_for(toy, made, in_process):
    training = toy.training()
    with pytest.raises(StoreError, match="no longer holds the images of toy"):
        type(training.development.source).make([training.development.source])
    made.failing = {training.development.source}
    with pytest.raises(ComputeError, match="images of toy: RuntimeError"):
        ensure([training])
    assert made.specs == [training.development.source]


def test_a_phantom_is_drawn_when_it_is_missing(toy, made, in_process):
    phantom = toy.phantom(groups=12)
    training = toy.training(development=toy.development(source=phantom))
    ensure([training])
    assert made.specs == [phantom, training]


def test_one_block_uses_one_pool(chain, made, monkeypatch, in_process):
    opened = []
    inner = local._new_executor
    monkeypatch.setattr(local, "_new_executor", lambda: opened.append(1) or inner())
    with local.executor() as outside, local.executor() as inside:
        assert outside is inside
        ensure([chain[0]])
        ensure([chain[1]])
    assert opened == [1]
    ensure([chain[2]])
    assert opened == [1, 1]


class Dying(Executor):
    """As a process pool one of whose workers was killed, for lack of memory for example."""

    def __init__(self):
        self.dead = False

    def submit(self, fn, /, *args, **kwargs):
        if self.dead:
            raise BrokenProcessPool("a child process terminated abruptly")
        self.dead, future = True, Future()
        future.set_exception(BrokenProcessPool("a child process terminated abruptly"))
        return future


def test_a_killed_worker_is_named_as_any_other_failure(chain, made, run_on):
    run_on(Dying())
    with pytest.raises(ComputeError, match="a worker process died") as caught:
        ensure([chain[-1]])
    assert "MEDTRANSFER_WORKERS" in str(caught.value) and "__main__" in str(caught.value)


def test_units_are_named_for_people(toy):
    development = toy.development(name="d2/2")
    training = toy.training(development=development, architecture="mobilenet_v2")
    unit = compute.Unit((toy.cell(training), toy.cell(training, epsilon=0.03)))
    assert unit.title == "FGSM crafted on mobilenet_v2 random on pathology d2/2 (+1)"
    assert training.title == "train mobilenet_v2 random on pathology d2/2"
    assert toy.phantom().title == "draw the fundus phantom"
