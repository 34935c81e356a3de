"""Targets that nobody trained here and that give no gradients; several surrogates at once."""

import dataclasses

import numpy as np
import pytest

from medtransfer import store
from medtransfer.analysis.selection import identity
from medtransfer.attacks.delivery import CONTROL, FLOAT, deliver
from medtransfer.attacks.method import craft
from medtransfer.errors import AttackError
from medtransfer.measures import predictions
from medtransfer.networks import stored
from medtransfer.networks.network import Network
from medtransfer.scoring import transfer
from medtransfer.scoring.cell import Cell


class Darkness:
    """Answers with how dark an image is, and gives no gradients."""

    differentiable = False

    def logits(self, images):
        return -images.mean((1, 2, 3))[:, None]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Foreign(Network):
    """A network of others; nobody knows what it has seen."""

    file: str

    @property
    def seen(self):
        return None

    def open(self):
        return Darkness()


@pytest.fixture
def foreign(fresh):
    """A foreign network that has been asked for its operating points."""
    made = Foreign(development=fresh.development, file="theirs.onnx")
    Foreign.make([made])
    return made


def test_a_foreign_target_answers_to_several_surrogates(fresh, foreign, shown, toy):
    attack = toy.attack(fresh.bis, fresh.wide, epsilon=0.06)
    cells = [
        Cell(attack=attack, target=target, delivery=delivery)
        for target in (foreign, fresh.target)
        for delivery in (FLOAT, CONTROL)
    ]
    Cell.make(cells)
    index, images, labels = shown
    both = transfer.MeanLogits([stored.load(each) for each in attack.surrogates]).eval()
    ((_, adversarial),) = craft(both, images, labels, [attack.method])
    for cell in cells:
        moved = deliver(cell.delivery, images, adversarial, names=index["image"].tolist())
        opened = cell.target.open()
        found = predictions.read(cell)
        np.testing.assert_allclose(found.clean, opened.logits(images), atol=1e-4)
        np.testing.assert_allclose(found.after, opened.logits(moved), atol=5e-3)


def test_a_foreign_target_and_its_attackers_are_named(foreign, fresh, toy):
    attack = toy.attack(fresh.bis, fresh.wide)
    found = identity(Cell(attack=attack, target=foreign, delivery=FLOAT))
    expected = {
        "relation": "other architecture",
        "surrogate_architecture": "tiny+tiny_wide",
        "surrogate_initialization": "random",
        "surrogate_members": 2,
        "target_architecture": "unknown",
        "target_data": "d1",
        "target_file": "theirs.onnx",
        "target_network": "foreign",
    }
    assert {name: found[name] for name in expected} == expected


def test_a_target_among_several_surrogates_is_attacked_in_the_white_box(fresh, toy):
    attack = toy.attack(fresh.bis, fresh.wide, epsilon=0.06)
    cell = Cell(attack=attack, target=fresh.bis, delivery=FLOAT)
    Cell.make([cell])
    assert identity(cell)["relation"] == "white box"
    found = predictions.read(cell)
    assert (np.where(found.truth > 0, -1, 1) * found.change).mean() > 0


def test_a_foreign_target_may_have_been_studied_on_another_split(fresh, shown, toy):
    """What it has seen is unknown, so no split could be checked against it."""
    other = dataclasses.replace(fresh.development, seed=7)
    target = Foreign(development=other, file="theirs.onnx")
    Foreign.make([target])
    cell = toy.cell(fresh.bis, target)
    Cell.make([cell])
    assert predictions.read(cell).images == tuple(shown[0]["image"])


@pytest.mark.parametrize("number", [1, 2])
def test_nothing_is_crafted_on_a_network_without_gradients(fresh, foreign, toy, number):
    surrogates = (fresh.bis, foreign)[-number:]
    cell = Cell(attack=toy.attack(*surrogates), target=fresh.target, delivery=FLOAT)
    with pytest.raises(AttackError, match="Foreign on pathology d1 gives no gradients"):
        Cell.make([cell])
    assert not store.has(cell)
