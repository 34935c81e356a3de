"""Architectures of timm as an attacker's."""

import pytest
import timm
import torch

from medtransfer.errors import UsageError
from medtransfer.networks import architectures, of_timm
from medtransfer.networks.model import Classifier


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("mobilenet_v2", "mobilenet_v2"),  # its own name here, whatever timm has
        ("resnet18", "timm:resnet18"),
        ("timm:resnet18", "timm:resnet18"),
        ("vit_tiny_patch16_224", "timm:vit_tiny_patch16_224"),
        ("made_up", None),
        ("hf-hub:someone/model", None),
        ("local-dir:/tmp", None),
    ],
)
def test_names_of_timm_are_known(name, known):
    assert of_timm.known_as(name) == known


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_efficientnet"])
def test_a_network_of_timm_is_that_of_timm_with_a_small_head(name):
    model = Classifier(f"timm:{name}", outputs=3).eval()
    head, own = model.parameter_groups()[1], timm.create_model(name, num_classes=3)
    classifier = own.get_classifier()
    assert [tuple(p.shape) for p in head] == [tuple(p.shape) for p in classifier.parameters()]
    assert all(parameter.std() < 0.1 for parameter in head if parameter.ndim > 1)
    assert {*dict(model.network.named_parameters())} == {*dict(own.named_parameters())}
    with torch.no_grad():
        assert model(torch.zeros(2, 1, 160, 160)).shape == (2, 3)


@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_what_takes_images_of_a_side_fits(name):
    assert architectures.fits(f"timm:{name}", 64) == ""


def test_what_takes_none_or_is_no_network_is_refused():
    with pytest.raises(UsageError, match="timm has no architecture 'made_up'"):
        architectures.architecture("timm:made_up")
    with pytest.raises(UsageError, match="takes no images of 50 px"):
        architectures.fits("timm:test_vit", 50)  # no whole number of patches
    with pytest.raises(UsageError, match="at least 32 px"):
        architectures.fits("timm:test_resnet", 16)
