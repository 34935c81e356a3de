"""A network is what answers: its traits, its predictions, its predictor."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms.functional import gaussian_blur

from medtransfer.analysis import scores
from medtransfer.attacks.pgd import PGD
from medtransfer.compute.ensure import ensure
from medtransfer.data import images, splits
from medtransfer.measures import predictions
from medtransfer.networks import network, stored
from medtransfer.networks.network import ModulePredictor, Network
from medtransfer.specs import Spec

pytestmark = pytest.mark.slow


class Blur(nn.Module):
    """A network behind a blur."""

    def __init__(self, inner, sigma):
        super().__init__()
        self.inner, self.sigma = inner, sigma

    def forward(self, images):
        return self.inner(gaussian_blur(images, 5, self.sigma))


@dataclass(frozen=True, kw_only=True, eq=False)
class Blurred(Network):
    """A composed network: what `inner` answers to blurred images."""

    inner: Network
    sigma: float

    def open(self):
        return ModulePredictor(Blur(self.inner.open().module, self.sigma))


@dataclass(frozen=True, kw_only=True, eq=False)
class Together(Network):
    """An ensemble."""

    members: tuple[Network, ...]

    def open(self):
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True, eq=False)
class Hardened(Network):
    """A network with a spec in it that is none."""

    against: Spec
    seed: int

    def open(self):
        raise NotImplementedError


@pytest.fixture
def blurred(studied):
    return Blurred(development=studied.development, inner=studied.target, sigma=1.0)


def test_traits_are_every_field_but_the_seed_and_data_and_class(toy):
    spec = toy.training(development=toy.development(name="d2/2"), seed=3)
    fields = dict(spec.fields())
    left_out = {"seed", "development"}
    own = {name: value for name, value in fields.items() if name not in left_out}
    assert spec.traits == {
        **own,
        "augmentation": "shift+mirror",
        "data": "d2/2",
        "network": "training",
    }
    assert all(isinstance(value, (str, int, float)) for value in spec.traits.values())


def test_replicates_have_the_same_traits(toy):
    development = toy.development()
    first, second = (toy.training(development=development, seed=seed) for seed in (0, 1))
    assert first.traits == second.traits
    assert first.traits != toy.training(development=development, weight_decay=0.02).traits


def test_a_composed_network_has_the_traits_of_the_inner_one_and_its_own(toy):
    inner = toy.training(architecture="mobilenet_v2")
    spec = Blurred(development=inner.development, inner=inner, sigma=1.0)
    assert spec.traits == {**inner.traits, "sigma": 1.0, "network": "blurred"}
    assert spec.name == inner.name


def test_an_ensemble_joins_what_its_members_differ_in(toy):
    development = toy.development()
    members = (
        toy.training(development=development, architecture="mobilenet_v2", seed=1),
        toy.training(development=development, architecture="densenet121", seed=2),
    )
    traits = Together(development=development, members=members).traits
    expected = {**members[0].traits, "architecture": "mobilenet_v2+densenet121"}
    assert traits == {**expected, "network": "together"}


def test_another_spec_inside_is_named_in_words(toy):
    spec = Hardened(development=toy.development(), against=toy.method("PGD", steps=2), seed=0)
    assert spec.traits["against"] == str(PGD(epsilon=0.02, step_size=0.01, steps=2))


def test_kinds_of_composed_networks_are_those_of_their_inner_ones(toy):
    development = toy.development()

    def around(sigma=1.0, **changes):
        inner = toy.training(development=development, **changes)
        return Blurred(development=development, inner=inner, sigma=sigma)

    assert around(seed=1).kind == around(seed=2).kind
    kinds = {around().kind, around(sigma=2.0).kind, around(steps=9).kind}
    assert len(kinds) == 3


def test_predictions_on_validation_images_give_thresholds(copied, in_process):
    """What answers needs no making of its own."""
    spec = Blurred(development=copied.development, inner=copied.target, sigma=1.0)
    ensure([spec])
    found = predictions.read(spec)
    prepared = images.load(copied.source)
    rows = splits.parts(
        prepared.index, labels=prepared.labels, development=copied.development
    ).validation
    assert [*found.images] == prepared.index["image"].iloc[rows].tolist()
    expected = spec.open().logits(network.batch(prepared, rows))
    np.testing.assert_allclose(found.clean, expected, atol=1e-5)
    assert not np.allclose(found.clean, predictions.read(copied.target).clean)
    limits = scores.thresholds(spec)
    assert limits.shape == (1,)
    assert np.isfinite(limits).all()


def test_answers_do_not_hang_on_the_size_of_a_batch(blurred, monkeypatch):
    whole = network.answered(blurred, blurred.open()).clean
    monkeypatch.setattr(network, "BATCH", 3)
    np.testing.assert_allclose(network.answered(blurred, blurred.open()).clean, whole, atol=1e-5)


def test_a_stored_network_can_be_attacked_and_has_no_gradients_of_its_own(studied):
    predictor = studied.target.open()
    assert predictor.differentiable
    assert not predictor.module.training
    assert not any(parameter.requires_grad for parameter in predictor.module.parameters())
    inputs = torch.zeros(2, 3, 32, 32, requires_grad=True)
    predictor.module(inputs).sum().backward()
    assert inputs.grad.abs().max() > 0
    logits = predictor.logits(inputs)
    assert (logits.shape, logits.dtype, logits.requires_grad) == ((2, 1), torch.float32, False)


@pytest.mark.parametrize("spec", ["target", "wide"])
def test_without_what_is_there_for_speed_the_answers_are_the_same(studied, monkeypatch, spec):
    spec = getattr(studied, spec)
    prepared = images.load(studied.source)
    asked = network.batch(prepared, np.arange(20))
    answers = {}
    for switch in ("1", "0"):
        monkeypatch.setenv("MEDTRANSFER_FAST", switch)
        answers[switch] = spec.open().logits(asked)
    assert answers["0"].std() > 1e-4
    torch.testing.assert_close(answers["0"], answers["1"], rtol=1e-4, atol=1e-5)


def test_the_switch_leaves_every_layer_as_pytorch_has_it(studied, monkeypatch):
    def layers(module):
        return [type(layer).__name__ for layer in module.modules() if not [*layer.children()]]

    whole = layers(stored.load(studied.target))
    assert "BatchNorm2d" in whole
    for switch in ("1", "0"):
        monkeypatch.setenv("MEDTRANSFER_FAST", switch)
        found = layers(studied.target.open().module)
        assert ("BatchNorm2d" in found) == (switch == "0")
    assert found == whole
