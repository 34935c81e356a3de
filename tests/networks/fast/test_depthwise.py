"""Depthwise convolutions: the same values and gradients as the ordinary ones."""

import copy
import itertools

import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from medtransfer.networks.fast.depthwise import DepthwiseConv2d, use_shifted_products

CASES = [
    (kernel, stride, padding, side)
    for kernel, stride, padding, side in itertools.product(
        (1, 2, 3, 5, 7), (1, 2, 3), (0, 1, 2, 3), ((1, 1), (2, 2), (3, 5), (4, 4), (8, 7), (20, 20))
    )
    if padding < kernel and min(side) + 2 * padding >= kernel
]


def compare(layer, images):
    """Return values and both gradients of a layer and of its faster copy."""
    fast = nn.Sequential(copy.deepcopy(layer))
    use_shifted_products(fast)
    assert isinstance(fast[0], DepthwiseConv2d)
    results = []
    for each in (layer, fast):
        inputs = images.clone().requires_grad_()
        outputs = each(inputs)
        weighted = outputs * torch.linspace(-1, 2, outputs.numel()).view(outputs.shape)
        weighted.sum().backward()
        weight = (each[0] if each is fast else each).weight
        results.append((outputs.detach(), weight.grad, inputs.grad))
    return zip(*results, strict=True)


def batch(side, *, channels=4, seed=0):
    return torch.randn(3, channels, *side, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 7])
def test_values_and_gradients_are_those_of_the_ordinary_layer(kernel):
    for size, stride, padding, side in CASES:
        if size == kernel:
            layer = nn.Conv2d(4, 4, kernel, stride, padding, groups=4, bias=False)
            for ordinary, fast in compare(layer, batch(side)):
                torch.testing.assert_close(fast, ordinary, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [(1, 1), (4, 4), (5, 3), (16, 16)])
def test_the_same_holds_for_padding_that_keeps_the_size(kernel, stride, side):
    layer = Conv2dSame(4, 4, kernel, stride, groups=4, bias=False)
    for ordinary, fast in compare(layer, batch(side)):
        torch.testing.assert_close(fast, ordinary, atol=1e-4, rtol=1e-4)


def test_channels_last_gives_the_same():
    layer = nn.Conv2d(4, 4, 5, 1, 2, groups=4, bias=False)
    images = batch((4, 4)).to(memory_format=torch.channels_last)
    for ordinary, fast in compare(layer, images):
        torch.testing.assert_close(fast, ordinary, atol=1e-4, rtol=1e-4)


def test_a_frozen_layer_still_passes_the_gradient_of_the_image():
    network = nn.Sequential(nn.Conv2d(4, 4, 5, 1, 2, groups=4, bias=False)).requires_grad_(False)
    ordinary = copy.deepcopy(network)
    use_shifted_products(network)
    gradients = []
    for each in (network, ordinary):
        images = batch((4, 4)).requires_grad_()
        each(images).square().sum().backward()
        gradients.append(images.grad)
    torch.testing.assert_close(*gradients)
    assert network[0].weight.grad is None


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 3, padding=1),
        nn.Conv2d(4, 8, 3, padding=1, groups=4, bias=False),
        nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False),
        nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4, bias=False),
        nn.Conv2d(4, 4, (1, 3), padding=(0, 1), groups=4, bias=False),
        nn.Conv2d(4, 4, 3, stride=(1, 2), padding=1, groups=4, bias=False),
        nn.Conv2d(4, 4, 3, padding="same", groups=4, bias=False),
        nn.Conv2d(4, 4, 3, padding=1, groups=4),
        nn.Conv2d(1, 1, 3, padding=1, bias=False),
    ],
    ids=str,
)
def test_other_layers_stay_as_they_are(layer):
    images = batch((6, 6), channels=layer.in_channels)
    before = layer(images)
    network = nn.Sequential(layer)
    use_shifted_products(network)
    assert not isinstance(layer, DepthwiseConv2d)
    assert torch.equal(network(images), before)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_other_paddings_are_kept(mode):
    layer = nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False, padding_mode=mode)
    before = layer(batch((6, 6)))
    use_shifted_products(nn.Sequential(layer))
    assert torch.equal(layer(batch((6, 6))), before)
