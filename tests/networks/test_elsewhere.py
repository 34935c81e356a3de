"""A surrogate from another source: outputs by name, images as it was trained on."""

import dataclasses

import pytest
import torch

from medtransfer.networks.elsewhere import Elsewhere


@pytest.fixture
def lent(studied, toy):
    """The network of the tiny study (colours, 32 px, "Tumour") for other images."""

    def make(**changes):
        source = toy.source(**{"labels": ("Mass", "Tumour"), **changes})
        return Elsewhere(development=toy.development(source=source), inner=studied.bis)

    return make


def images(channels, px):
    generator = torch.Generator().manual_seed(0)
    return torch.rand((4, channels, px, px), generator=generator) * 2 - 1


def test_findings_are_matched_by_name_and_what_it_does_not_know_is_constant(lent, studied):
    given = images(3, 32)
    found = lent().open().logits(given)
    assert torch.equal(found[:, 0], torch.zeros(4))
    assert torch.allclose(found[:, 1], studied.bis.open().logits(given)[:, 0], atol=1e-5)


@pytest.mark.parametrize(("channels", "px"), [(1, 32), (3, 48), (1, 20)])
def test_gradients_reach_images_of_any_size_and_colour(lent, channels, px):
    module = lent(channels=channels, image_px=px).open().module
    given = images(channels, px).requires_grad_()
    module(given)[:, 1].sum().backward()
    assert given.grad.shape == given.shape and given.grad.abs().sum() > 0


def test_it_has_seen_nothing_of_this_source(lent, toy):
    network = lent()
    assert network.seen is None
    assert dataclasses.replace(network, inner=toy.training()).key != network.key
