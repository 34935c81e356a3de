"""Folding: the same network without batch norms, for attacks and scores."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from medtransfer.networks.fast.folding import folded
from medtransfer.networks.model import Classifier

pytestmark = pytest.mark.slow

SIDES = {
    "efficientnet_lite0": 64,
    "efficientnet_lite0_stride8": 48,
    "mobilenet_v2": 64,
    "mobilenet_v2_stride8": 48,
    "densenet121": 64,
    "inception_v3": 75,
}


@pytest.fixture(scope="module", params=SIDES)
def pair(request):
    """A network with lively batch norms, a folded copy of it, and images."""
    torch.manual_seed(0)
    model = Classifier(request.param, outputs=3)
    side = SIDES[request.param]
    for name, parameter in model.network.named_parameters():
        if name.startswith(model.head):
            nn.init.normal_(parameter, std=0.3)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0  # statistics of the last batch, which keep the activations alive
        norm.weight.data.uniform_(0.7, 1.3)
        norm.bias.data.uniform_(-0.2, 0.2)
    with torch.no_grad():
        model.train()(torch.rand(16, 3, side, side) * 2 - 1)
    for norm in norms:
        norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn(norm.num_features)
        norm.running_var *= torch.empty(norm.num_features).uniform_(0.8, 1.25)
    model.eval().requires_grad_(False)
    images = torch.rand(4, 3, side, side) * 2 - 1
    return model, folded(copy.deepcopy(model), images[:2]), images


def gradient(model, images):
    inputs = images.clone().requires_grad_()
    labels = torch.tensor([[0.0, 1.0, 1.0]]).expand(len(images), -1)
    F.binary_cross_entropy_with_logits(model(inputs), labels, reduction="sum").backward()
    return inputs.grad


def norms(model):
    return sum(isinstance(module, nn.BatchNorm2d) for module in model.modules())


def test_logits_are_the_same(pair):
    model, fold, images = pair
    expected = model(images)
    assert expected.std(0).min() > 1e-3  # the answer depends on the image
    torch.testing.assert_close(fold(images), expected, rtol=1e-3, atol=1e-4)


def test_the_gradient_of_the_image_has_the_same_signs(pair):
    model, fold, images = pair
    ours, theirs = gradient(fold, images), gradient(model, images)
    assert theirs.abs().amax((1, 2, 3)).min() > 0
    assert (ours.sign() == theirs.sign()).float().mean() > 0.98


def test_batch_norms_are_gone(pair):
    model, fold, _ = pair
    before = norms(model)
    assert norms(fold) < 0.6 * before  # half of DenseNet's norms come before their convolution
    assert before > 10


def test_it_is_frozen_and_in_evaluation_mode(pair):
    _, fold, _ = pair
    assert not fold.training
    assert not any(parameter.requires_grad for parameter in fold.parameters())


class TwiceUsed(nn.Module):
    """The convolution's output goes to a batch norm and past it."""

    def __init__(self):
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        nn.init.uniform_(self.norm.running_mean, 1, 2)

    def forward(self, images):
        seen = self.convolution(images)
        return (self.norm(seen) + seen).mean((2, 3))


def test_an_output_that_is_used_twice_is_refused():
    torch.manual_seed(0)
    with pytest.raises(RuntimeError, match=r"folding changed the logits by .*score it unfolded"):
        folded(TwiceUsed().eval(), torch.rand(2, 3, 8, 8))


def test_a_norm_that_reads_something_else_is_kept():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Flatten())
    nn.init.uniform_(network[2].running_mean, 1, 2)
    images = torch.rand(2, 3, 8, 8)
    expected = copy.deepcopy(network).eval()(images)
    fold = folded(network, images)
    assert norms(fold) == 1
    torch.testing.assert_close(fold(images), expected)
