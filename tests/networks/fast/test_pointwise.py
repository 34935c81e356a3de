"""Convolutions of one pixel: the same values and gradients as the ordinary ones."""

import copy

import pytest
import torch
from torch import nn

from medtransfer.networks.fast.pointwise import PointwiseConv2d, use_products


def both(images, *, train_layer=True):
    """Return values and gradients of a 1x1 convolution and of its faster copy."""
    torch.manual_seed(0)
    ordinary = nn.Sequential(nn.Conv2d(images.shape[1], 6, 1, bias=False))
    ordinary.requires_grad_(train_layer)
    fast = copy.deepcopy(ordinary)
    use_products(fast)
    assert isinstance(fast[0], PointwiseConv2d)
    results = []
    for network in (ordinary, fast):
        inputs = images.clone().requires_grad_()
        outputs = network(inputs)
        weighted = outputs * torch.linspace(-1, 2, outputs.numel()).view(outputs.shape)
        weighted.sum().backward()
        results.append((outputs.detach(), inputs.grad, network[0].weight.grad))
    return zip(*results, strict=True)


@pytest.mark.parametrize("layout", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (1, 4, 1, 1), (3, 1, 5, 2), (3, 4, 2, 2), (2, 4, 7, 3)]
)
def test_values_and_gradients_are_those_of_the_ordinary_layer(shape, layout):
    images = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    for ordinary, fast in both(images.contiguous(memory_format=layout)):
        torch.testing.assert_close(fast, ordinary, atol=1e-4, rtol=1e-4)


def test_a_frozen_layer_passes_the_gradient_of_the_image_bit_for_bit():
    images = torch.randn(3, 4, 5, 5).contiguous(memory_format=torch.channels_last)
    for ordinary, fast in both(images, train_layer=False):
        assert (ordinary is fast is None) or torch.equal(ordinary, fast)


def test_images_that_need_no_gradient_still_train_the_layer():
    images = torch.randn(3, 4, 5, 5)
    layer = nn.Sequential(nn.Conv2d(4, 6, 1, bias=False))
    use_products(layer)
    layer(images).sum().backward()
    expected = images.sum((0, 2, 3)).expand(6, 4)
    torch.testing.assert_close(layer[0].weight.grad[:, :, 0, 0], expected)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 6, 1),
        nn.Conv2d(4, 6, 1, stride=2, bias=False),
        nn.Conv2d(4, 6, 1, padding=1, bias=False),
        nn.Conv2d(4, 6, 1, groups=2, bias=False),
        nn.Conv2d(4, 6, 3, padding=1, bias=False),
    ],
    ids=str,
)
def test_other_layers_stay_as_they_are(layer):
    use_products(nn.Sequential(layer))
    assert type(layer) is nn.Conv2d
