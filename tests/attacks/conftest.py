"""A small convolutional network, images for it, and the loss that attacks raise."""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from medtransfer.attacks.method import craft


def _network(*, outputs=3, seed=0):
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(24, outputs),
    )
    nn.init.uniform_(network[1].running_mean, -0.3, 0.3)
    nn.init.uniform_(network[1].running_var, 0.5, 1.5)
    return network.eval().requires_grad_(False)


def _batch(*, number=4, outputs=3, seed=0, spread=1.0):
    generator = torch.Generator().manual_seed(seed)
    images = (torch.rand(number, 3, 12, 12, generator=generator) * 2 - 1) * spread
    labels = (torch.rand(number, outputs, generator=generator) > 0.5).float()
    return images, labels


def _loss(model, images, labels):
    return F.binary_cross_entropy_with_logits(model(images), labels, reduction="sum")


def _gradient(model, images, labels):
    inputs = images.clone().requires_grad_()
    (found,) = torch.autograd.grad(_loss(model, inputs, labels), inputs)
    return found


def _one(model, images, labels, method):
    (found,) = craft(model, images, labels, [method])
    assert found[0] == method
    return found[1]


@pytest.fixture(scope="session")
def plain():
    """Makers of a network and of a batch; its loss and gradient; one attack on it."""
    return SimpleNamespace(network=_network, batch=_batch, loss=_loss, gradient=_gradient, one=_one)
