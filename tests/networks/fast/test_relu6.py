"""ReLU6 in place: the same values and gradients."""

import pytest
import torch
from torch import nn

from medtransfer.networks.fast.relu6 import InPlaceReLU6, work_in_place


def test_relu6_in_place_is_relu6_bit_for_bit():
    values = torch.tensor([-1.0, -0.0, 0.0, 1e-30, 3.0, 6.0, 6.0000005, 7.0, float("inf")])
    results = []
    for module in (nn.ReLU6(), InPlaceReLU6()):
        inputs = values.clone().requires_grad_()
        output = module(inputs * 1)  # a leaf cannot be overwritten
        output.backward(torch.arange(1.0, 10.0))
        results.append((output.detach(), inputs.grad))
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("layer", [nn.ReLU6(), nn.ReLU(inplace=True), nn.Hardtanh(inplace=True)])
def test_a_layer_that_may_not_overwrite_its_input_and_others_stay_as_they_are(layer):
    kind = type(layer)
    work_in_place(nn.Sequential(layer))
    assert type(layer) is kind
