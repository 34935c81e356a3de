"""Checks of gradients: what each attack leaves of a plain network, and of one that hides them."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from medtransfer.analysis.masks import failed
from medtransfer.attacks.pgd import PGD
from medtransfer.measures.metrics import macro_auc
from medtransfer.networks.network import ModulePredictor, Network
from medtransfer.scoring import masking
from medtransfer.scoring.masking import Masking

METHOD = PGD(epsilon=0.45, step_size=0.08, steps=8)


class Contrast(nn.Module):
    """Is surer the brighter a corner; `hidden` rounds the image first, which has no gradient."""

    def __init__(self, hidden=False):
        super().__init__()
        self.hidden = hidden

    def forward(self, images):
        seen = (images * 20).round() / 20 if self.hidden else images
        return 10 * seen[..., :2, :2].mean((1, 2, 3))[:, None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Bright(Network):
    hidden: bool = False

    def open(self):
        return ModulePredictor(Contrast(self.hidden).eval())


class Both(nn.Module):
    """Answers two labels by one corner, the first twice as loudly."""

    def forward(self, images):
        return torch.cat([2 * Contrast()(images), Contrast()(images)], 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class Loud(Network):
    def open(self):
        return ModulePredictor(Both().eval())


@pytest.fixture
def development(toy, publish_images):
    source = toy.source(content="images of the checks of gradients")
    publish_images(source)
    return toy.development(source=source)


def measured(development, **fields):
    spec = Masking(target=Bright(development=development, **fields), method=METHOD, images=24)
    Masking.make([spec])
    return masking.read(spec)


def test_a_plain_network_passes_what_can_be_seen_of_it_alone(development):
    found = measured(development)
    assert failed(found, {}) == []
    assert found[masking.NONE] > 0.95
    assert found[masking.LARGE] < 0.01
    assert found[masking.PGD] < found[masking.NOISE]
    assert found[masking.ZERO] == 0


def test_a_network_without_gradients_is_not_trusted(development):
    found = measured(development, hidden=True)
    assert found[masking.ZERO] == 1
    assert found[masking.PGD] == found[masking.NONE], "steps along no gradient"
    assert found[masking.WITHOUT] < found[masking.PGD], "queries find what gradients do not"
    fails = failed(found, {})
    assert "some images have no gradient" in fails
    assert "an attack without gradients is better" in fails
    assert "an attack without a budget leaves an AUC" in fails


def test_a_label_that_moves_further_does_not_shield_another(toy, publish_images):
    source = toy.source(content="two labels", labels=("first", "second"))
    publish_images(source)
    target = Loud(development=toy.development(source=source))
    spec = Masking(target=target, method=METHOD, images=24)
    Masking.make([spec])
    found = masking.read(spec)
    assert found[masking.LARGE] < 0.01, "of both labels, though each moves the other along"
    assert failed(found, {}) == []


def test_every_image_stays_in_its_budget(development):
    draw = torch.Generator().manual_seed(0)
    images = torch.rand((3, 3, 32, 32), generator=draw) * 2 - 1
    labels = torch.tensor([[1.0], [0.0], [1.0]])
    opened = ModulePredictor(Contrast().eval())
    reach = {masking.NONE: 0.0, masking.HALF: 0.225}
    for name, moved in masking.attacked(opened, opened.module, images, labels, METHOD):
        for each in moved:
            assert (each - images).abs().max() <= reach.get(name, 0.45) + 1e-6, name
            assert each.abs().max() <= 1
    moved = masking.unbounded(opened.module, images, labels, 0, METHOD)
    assert 0.45 < (moved - images).abs().max() <= masking.UNBOUNDED + 1e-6
    assert moved.abs().max() <= 1


def test_the_worst_answer_of_several_tries_counts_image_by_image():
    labels = torch.tensor([[1.0], [0.0], [1.0], [0.0]])
    tries = [torch.tensor([[2.0], [-1], [-3], [-2]]), torch.tensor([[-1.0], [-2], [4], [0]])]
    worst = np.array([[-1.0], [-1], [-3], [0]])

    class Asked:
        def logits(self, number):
            return tries[number].clone()

    found = masking.worst_auc(Asked(), iter([0, 1]), labels)
    assert found == macro_auc(labels.numpy(), worst)
    assert torch.equal(tries[0], torch.tensor([[2.0], [-1], [-3], [-2]]))


def test_estimated_gradients_need_answers_alone():
    class Black:
        def logits(self, images):
            with torch.no_grad():
                return Contrast()(images)

    images = torch.zeros((2, 3, 8, 8))
    labels = torch.tensor([[1.0], [0.0]])
    moved = masking.estimated(Black(), images, labels, epsilon=0.05, size=0.01)
    corner = moved[..., :2, :2].mean((1, 2, 3))
    assert corner[0] < 0 < corner[1]
