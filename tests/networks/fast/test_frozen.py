"""Frozen convolutions: the same values and gradients of images as the layers they stand for."""

import copy

import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from medtransfer.networks.fast import for_training
from medtransfer.networks.fast.frozen import FrozenConv2d, can_freeze

LAYERS = {
    "3x3": nn.Conv2d(4, 6, 3, padding=1),
    "strided": nn.Conv2d(4, 6, 3, stride=2),
    "not square": nn.Conv2d(4, 6, (1, 7), padding=(0, 3)),
    "dilated": nn.Conv2d(4, 6, 3, padding=2, dilation=2),
    "grouped": nn.Conv2d(4, 6, 3, padding=1, groups=2),
    "depthwise": nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),
    "pointwise": nn.Conv2d(4, 6, 1, bias=False),
    "pointwise with bias": nn.Conv2d(4, 6, 1),
    "padding as TensorFlow's": Conv2dSame(4, 6, 3, stride=2),
    "depthwise, padding as TensorFlow's": Conv2dSame(4, 4, 5, 2, groups=4, bias=False),
}


def answers(network, images):
    inputs = images.clone().requires_grad_()
    outputs = network(inputs)
    (outputs * torch.linspace(-1, 2, outputs.numel()).view(outputs.shape)).sum().backward()
    return outputs.detach(), inputs.grad


@pytest.fixture(params=LAYERS)
def pair(request):
    """A layer with a ReLU6 after it, and without, each with the frozen one."""
    network = nn.Sequential(copy.deepcopy(LAYERS[request.param]))
    ordinary = copy.deepcopy(network[0]).requires_grad_(False)
    for_training(network.requires_grad_(False))
    assert can_freeze(network[0])
    return [
        (ordinary, FrozenConv2d(network[0], relu6=False)),
        (nn.Sequential(ordinary, nn.ReLU6()), FrozenConv2d(network[0], relu6=True)),
    ]


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
def test_values_and_gradients_are_those_of_the_layers(pair, layout):
    images = torch.randn(5, 4, 9, 8, generator=torch.Generator().manual_seed(0)) * 4
    for ordinary, frozen in pair:
        for batch in (images, images[:1], images[:, :, :7, :7]):  # packed once, used for all
            both = (answers(n, batch.contiguous(memory_format=layout)) for n in (ordinary, frozen))
            for expected, found in zip(*both, strict=True):
                torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_without_the_library_below_the_answers_are_the_same(pair, monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    images = torch.randn(5, 4, 9, 8, generator=torch.Generator().manual_seed(0)) * 4
    for ordinary, frozen in pair:
        for expected, found in zip(answers(ordinary, images), answers(frozen, images), strict=True):
            torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
        assert frozen.packed is None


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 3, padding="same"),
        nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
        type("Own", (nn.Conv2d,), {})(4, 6, 3),
    ],
    ids=["same", "reflect", "subclass"],
)
def test_what_it_does_not_know_is_left(layer):
    assert not can_freeze(layer)
