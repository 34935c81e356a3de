"""What cells are: every trait is a column, and no two kinds of networks are taken for one."""

import dataclasses

import pytest

from medtransfer.analysis import tables
from medtransfer.analysis.selection import (
    BASE,
    OTHER,
    SAME,
    SIDES,
    WHITE_BOX,
    identity,
    overview,
    relation,
    select,
    telling_apart,
)
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.networks.trained import Training
from medtransfer.scoring.cell import Cell

PAIR = ("method", *(f"{side}_{name}" for side in SIDES for name in BASE))
LABELS = [[1], [1], [0], [0]]
LEFT = {100: [[2.0], [3.0], [0.0], [1.0]], 50: [[2.0], [-1.0], [0.0], [1.0]]}  # % of the AUC

RECIPES = {  # field of a training -> another value than that of `toys`
    "augmentation": ("shift",),
    "steps": 9,
    "batch_size": 8,
    "learning_rate": 0.5,
    "head_learning_rate": 0.5,
    "weight_decay": 0.5,
    "warm_up": 0.5,
    "weights": "another file",
}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Smoothed(Training):
    """A training with a field that none had before."""

    smoothing: float = 0.0


def smoothed(training, smoothing):
    return Smoothed(**dict(training.fields()), smoothing=smoothing)


@pytest.fixture
def trained(toy):
    """Maker of networks on the same images."""
    development = toy.development()
    return lambda **changes: toy.training(**{"development": development, **changes})


@pytest.fixture
def answered(toy, publish_answers):
    """Maker of a stored cell that leaves so much of the clean AUC."""

    def make(surrogates, target, *, left=100, **changes):
        made = Cell(attack=toy.attack(*surrogates, **changes), target=target, delivery=FLOAT)
        publish_answers(made, labels=LABELS, clean=LEFT[100], attacked=LEFT[left])
        return made

    return make


# --- identity ------------------------------------------------------------------------------------


def test_what_attacker_and_target_share(toy, trained):
    target = trained(seed=0)
    bis, other = trained(seed=1), trained(architecture="tiny_wide")
    found = [relation(toy.cell(each, target)) for each in (target, bis, other)]
    assert found == [WHITE_BOX, SAME, OTHER]


@pytest.mark.parametrize(
    ("surrogates", "expected"),
    [("target other", WHITE_BOX), ("bis other", SAME), ("other other", OTHER)],
)
def test_of_several_surrogates_the_nearest_counts(toy, trained, surrogates, expected):
    known = {
        "target": trained(),
        "bis": trained(seed=1),
        "other": trained(architecture="tiny_wide"),
    }
    attack = toy.attack(*(known[name] for name in surrogates.split()))
    assert relation(Cell(attack=attack, target=known["target"], delivery=FLOAT)) == expected


def test_every_field_of_networks_and_method_is_a_column(toy, trained):
    surrogate, target = trained(steps=7), trained(learning_rate=0.5)
    cell = toy.cell(surrogate, target, method="PGD", epsilon=0.06, steps=9, delivery=CONTROL)
    found = identity(cell)
    expected = {
        "domain": "pathology",
        "method": "PGD",
        "epsilon": 0.06,
        "grey_levels": 7,
        "delivery": "control",
        "relation": SAME,
        "outputs": 1,
        "steps": 9,
        "step_size": 0.01,
        "surrogate_steps": 7,
        "target_steps": 4,
        "target_learning_rate": 0.5,
        "surrogate_augmentation": "shift+mirror",
        "target_data": "d1",
        "target_network": "training",
    }
    assert {name: found[name] for name in expected} == expected
    for name, _ in target.fields():
        if name not in ("seed", "development"):
            assert {f"surrogate_{name}", f"target_{name}"} <= set(found), name
    assert not any("seed" in name for name in found)


def test_a_field_added_later_is_a_column_everywhere(toy, trained, answered, publish_answers):
    plain = trained()
    targets = [plain, smoothed(plain, 0.1), smoothed(plain, 0.2)]
    cells = [answered([trained(seed=1)], target) for target in targets]
    assert [identity(cell).get("target_smoothing") for cell in cells] == [None, 0.1, 0.2]
    for target in targets:
        publish_answers(target, labels=LABELS, clean=LEFT[100])
    own = {"by": PAIR, "resamples": 10}
    for frame in (
        tables.transfer_table(cells, resamples=10),
        tables.pooled(cells, **own),
        tables.finding_table(cells, **own),
        overview(cells),
    ):
        assert len(frame) == 3
        assert frame["target_smoothing"].tolist()[1:] == [0.1, 0.2]


# --- kinds ---------------------------------------------------------------------------------------


def test_networks_that_differ_in_their_seed_alone_are_replicates(trained):
    assert trained(seed=1).kind == trained(seed=2).kind
    assert trained(seed=1).key != trained(seed=2).key


@pytest.mark.parametrize("name", RECIPES)
def test_networks_of_other_recipes_are_no_replicates(trained, name):
    assert trained(**{name: RECIPES[name]}).kind != trained().kind


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", RECIPES)
def test_other_recipes_have_rows_of_their_own(trained, answered, side, name):
    """They agree in architecture, initialization and data, and are not averaged for that."""
    other = trained(seed=1), trained(seed=2, **{name: RECIPES[name]})
    cells = [
        answered([each], trained(), left=left)
        if side == "surrogate"
        else answered([trained()], each, left=left)
        for each, left in zip(other, (100, 50), strict=True)
    ]
    column = f"{side}_{name}"
    assert telling_apart(cells, by=PAIR) == (*PAIR, column)
    found = tables.pooled(cells, by=PAIR, resamples=10)
    assert found["percent"].tolist() == [100, 50]
    assert found["pairs"].tolist() == [1, 1]
    assert found[column].nunique() == 2
    pairs = tables.pairs_of(cells, resamples=10)
    assert len(set(getattr(pairs, f"{side}_kinds"))) == 2
    assert len(overview(cells)) == 2


def test_replicates_are_averaged(trained, answered):
    cells = [
        answered([trained(seed=seed)], trained(seed=9), left=left)
        for seed, left in ((1, 100), (2, 50))
    ]
    assert telling_apart(cells, by=PAIR) == PAIR
    found = tables.pooled(cells, by=PAIR, resamples=10)
    assert (found["percent"].tolist(), found["pairs"].tolist()) == ([75], [2])
    pairs = tables.pairs_of(cells, resamples=10)
    assert len(set(pairs.surrogate_kinds)) == 1
    assert len(set(pairs.surrogates)) == 2


def test_only_replicates_tell_how_trainings_differ(trained, answered):
    """Two recipes, each trained once, say nothing of another training of either."""
    others = [trained(seed=8)], [trained(seed=9)]
    kinds = {"replicates": {}, "recipes": {"steps": 9}}
    found = {}
    for name, change in kinds.items():
        targets = trained(seed=1), trained(seed=2, **change)
        sides = [[answered(each, target) for target in targets] for each in others]
        found[name] = tables.contrast(*sides, resamples=10).replicated
    assert found == {"replicates": True, "recipes": False}


def test_as_few_columns_are_added_as_tell_kinds_apart(trained, answered):
    targets = [trained(), trained(steps=9, learning_rate=0.5), trained(steps=9)]
    cells = [answered([trained(seed=1)], target) for target in targets]
    assert telling_apart(cells[:2], by=PAIR) == (*PAIR, "target_steps")
    found = telling_apart(cells, by=["method"])
    assert found == ("method", "target_steps", "target_learning_rate")
    assert len(tables.pooled(cells, by=["method"], resamples=10)) == 3


def test_what_tells_kinds_apart_may_be_asked_for(trained, answered):
    cells = [answered([trained(seed=1)], trained(steps=steps)) for steps in (4, 9)]
    assert telling_apart(cells, by=["target_steps"]) == ("target_steps",)


def test_one_surrogate_and_several_of_its_kind_are_told_apart(trained, answered):
    one, two, target = trained(seed=1), trained(seed=2), trained()
    cells = [answered([one], target), answered([one, two], target, left=50)]
    assert telling_apart(cells, by=PAIR) == (*PAIR, "surrogate_members")
    assert tables.pooled(cells, by=PAIR, resamples=10)["percent"].tolist() == [100, 50]


def test_domains_are_told_apart_by_their_domain(toy, trained, answered):
    """They differ in more than networks; whoever pools them wants one mean, or asks for more."""
    elsewhere = toy.development(source=toy.source(domain="radiology"))
    cells = []
    for left, change in ((100, {}), (50, {"development": elsewhere})):
        cells.append(answered([trained(seed=1, **change)], trained(**change), left=left))
    assert telling_apart(cells, by=PAIR) == PAIR
    assert tables.pooled(cells, by=PAIR, resamples=10)["percent"].tolist() == [75]
    found = tables.pooled(cells, by=["domain"], resamples=10)
    assert found.set_index("domain")["percent"].to_dict() == {"pathology": 100, "radiology": 50}


@pytest.mark.parametrize("change", ["seed", "test_share", "source"])
def test_development_sets_that_no_trait_tells_apart_are_not_averaged(
    toy, trained, answered, change
):
    own = toy.development()
    value = {"seed": 5, "test_share": 0.3, "source": toy.source()}[change]
    other = dataclasses.replace(own, **{change: value})
    cells = [
        answered([trained(seed=1, development=each)], trained(development=each), left=left)
        for each, left in ((own, 100), (other, 50))
    ]
    assert tables.pooled(cells, by=PAIR, resamples=10)["percent"].tolist() == [100, 50]


# --- selection -----------------------------------------------------------------------------------


def test_cells_are_selected_by_what_they_are(studied):
    found = select(studied.cells, relation=WHITE_BOX, delivery=FLOAT, epsilon=0.02)
    assert [cell.target for cell in found] == [studied.bis]
    with pytest.raises(ValueError, match=r"no cell has .*method"):
        select(studied.cells, method="CW")


def test_an_overview_needs_no_results(toy):
    target = toy.training(seed=0)
    cells = [toy.cell(target, epsilon=epsilon) for epsilon in (0.02, 0.01)]
    found = overview(cells)
    assert found["cells"].tolist() == [2]
    assert found["FGSM at"].tolist() == ["0.01, 0.02"]
    assert found["delivered as"].tolist() == ["float"]


def test_an_overview_has_a_row_for_each_pair_of_kinds(toy, trained):
    target = trained(initialization="imagenet")
    surrogates = [trained(seed=1), trained(seed=2), trained(seed=3, steps=9)]
    cells = [
        toy.cell(surrogate, target, method=method, epsilon=epsilon, delivery=delivery)
        for surrogate in surrogates
        for method, epsilon in (("PGD", 0.03), ("FGSM", 0.02), ("FGSM", 0.01))
        for delivery in (FLOAT, CONTROL)
    ]
    found = overview(cells)
    assert found["surrogate_steps"].tolist() == [4, 9]
    assert found["cells"].tolist() == [12, 6]
    assert found["target_initialization"].tolist() == ["imagenet"] * 2
    assert found["FGSM at"].tolist() == ["0.01, 0.02"] * 2
    assert found["PGD at"].tolist() == ["0.03"] * 2
    assert found["delivered as"].tolist() == ["float, control"] * 2
