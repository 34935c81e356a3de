"""Alignment of input gradients: by hand for linear networks, and of the tiny study."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from medtransfer import store
from medtransfer.errors import AttackError, SanityError
from medtransfer.networks import stored
from medtransfer.networks.network import ModulePredictor, Network
from medtransfer.networks.trained import Training
from medtransfer.scoring import alignment
from medtransfer.scoring.alignment import Alignment


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Made(Network):
    """A network out of a function of this module, which says of what it is made."""

    how: str
    seed: int = 0

    def open(self):
        return MAKERS[self.how](self.seed)


class Zeroed(nn.Module):
    """Answers bright images with 0, whatever they show, so that their gradient is zero."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, images):
        bright = images.mean((1, 2, 3), keepdim=True) > 0
        return self.inner(torch.where(bright, torch.zeros_like(images), images))


class Blind:
    differentiable = False

    def logits(self, images):
        return images.mean((1, 2, 3))[:, None]


def linear(seed=0, scale=1.0):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 1))
    with torch.no_grad():
        model[1].weight.copy_(scale * weights(seed))
    return model.eval().requires_grad_(False)


def weights(seed):
    return torch.randn(1, 3 * 32 * 32, generator=torch.manual_seed(seed)) / 100


class Endless(nn.Module):
    def forward(self, images):
        return (images.mean((1, 2, 3)) * 1e38 * 1e38)[:, None]


MAKERS = {
    "linear": lambda seed: ModulePredictor(linear(seed)),
    "faint": lambda seed: ModulePredictor(linear(seed, scale=1e-28)),
    "zeroed": lambda seed: ModulePredictor(Zeroed(linear(seed))),
    "blind": lambda seed: Blind(),
    "endless": lambda seed: ModulePredictor(Endless()),
}


@pytest.fixture
def made(fresh):
    """Maker of alignments between networks that this module makes; they are measured together."""

    def make(*pairs):
        networks = {
            name: Made(development=fresh.development, how=name.rstrip("0123456789"), seed=seed)
            for name, seed in {(n, int(n[-1])) for pair in pairs for n in pair}
        }
        specs = [Alignment(surrogate=networks[a], target=networks[b]) for a, b in pairs]
        Network.make(list(networks.values()))
        Alignment.make(specs)
        return [alignment.read(spec) for spec in specs]

    return make


def cosine(first, second):
    return F.cosine_similarity(weights(first), weights(second)).item()


def test_linear_networks_have_the_cosine_of_their_weights(made, shown):
    index, _, labels = shown
    (found,) = made(("linear1", "linear2"))
    assert found["image"].tolist() == index["image"].tolist()
    assert found["group"].tolist() == index["group"].tolist()
    np.testing.assert_allclose(found["cosine"], cosine(1, 2), atol=1e-5)
    assert 0 < labels.mean() < 1, "the true label turns both gradients, and so not their cosine"


def test_the_scale_of_a_gradient_does_not_matter(made):
    faint, plain = made(("linear1", "faint2"), ("linear1", "linear2"))
    np.testing.assert_allclose(faint["cosine"], plain["cosine"], atol=1e-5)


def test_a_network_with_itself_has_cosine_1(fresh):
    spec = Alignment(surrogate=fresh.wide, target=fresh.wide)
    Alignment.make([spec])
    found = alignment.read(spec)["cosine"]
    np.testing.assert_allclose(found.dropna(), 1, atol=1e-5)
    assert found.notna().any()


def test_images_without_a_gradient_have_no_cosine(made, shown):
    _, images, _ = shown
    (found,) = made(("linear1", "zeroed2"))
    bright = (images.mean((1, 2, 3)) > 0).numpy()
    assert 0 < bright.sum() < len(bright)
    assert found["cosine"].isna().tolist() == bright.tolist()
    np.testing.assert_allclose(found["cosine"][~bright], cosine(1, 2), atol=1e-5)


def test_the_gradients_are_those_of_the_attacks_whatever_the_batch(fresh, shown, monkeypatch):
    spec = Alignment(surrogate=fresh.bis, target=fresh.wide)
    monkeypatch.setattr(alignment, "BATCH", 7)
    Alignment.make([spec])
    _, images, labels = shown
    gradients = []
    for network in (spec.surrogate, spec.target):
        inputs = images.clone().requires_grad_()
        logits = stored.load(network)(inputs)
        F.binary_cross_entropy_with_logits(logits, labels, reduction="sum").backward()
        gradients.append(inputs.grad.flatten(1))
    expected = F.cosine_similarity(*gradients)
    np.testing.assert_allclose(alignment.read(spec)["cosine"], expected, atol=1e-3)


def test_a_network_is_differentiated_once_for_all_its_pairs(fresh, monkeypatch):
    calls = []
    plain = alignment.direction
    monkeypatch.setattr(
        alignment, "direction", lambda *args: calls.append(len(args[1])) or plain(*args)
    )
    pairs = [(fresh.bis, fresh.target), (fresh.bis, fresh.wide), (fresh.wide, fresh.target)]
    specs = [Alignment(surrogate=first, target=second) for first, second in pairs]
    assert len({spec.batch for spec in specs}) == 1
    Alignment.make(specs)
    assert sum(calls) == 3 * len(alignment.read(specs[0])), "three networks, every image once"
    assert all(store.has(spec) for spec in specs)


def test_what_is_in_memory_does_not_grow_with_the_networks(fresh, monkeypatch):
    sizes = []
    plain = alignment.direction
    monkeypatch.setattr(
        alignment, "direction", lambda *args: sizes.append(len(args[1])) or plain(*args)
    )
    monkeypatch.setattr(alignment, "ROOM", 3 * 32 * 32 * 4 * 2 * 5)
    Alignment.make([Alignment(surrogate=fresh.bis, target=fresh.target)])
    assert max(sizes) == 5, "five images, of two networks"


@pytest.mark.parametrize("blind", ["surrogate", "target"])
def test_a_network_without_gradients_is_refused(fresh, blind):
    unknown = Made(development=fresh.development, how="blind")
    sides = {"surrogate": fresh.bis, "target": fresh.target, blind: unknown}
    spec = Alignment(**sides)
    with pytest.raises(AttackError, match="Made on pathology d1 gives no gradients"):
        Alignment.make([spec])
    assert not store.has(spec)


def test_a_gradient_that_is_not_finite_is_an_error(made):
    with pytest.raises(SanityError, match="not finite"):
        made(("linear1", "endless2"))


def test_networks_with_other_test_images_are_refused(fresh, toy):
    other = toy.training(development=dataclasses.replace(fresh.development, seed=7))
    Training.make([other])
    for pair in ((fresh.bis, other), (other, fresh.bis)):
        with pytest.raises(ValueError, match="test images of one source and split"):
            Alignment.make([Alignment(surrogate=pair[0], target=pair[1])])
