"""What the registry says of a network's depth is what the network does."""

import re

import pytest
import torch
from torch import nn

from medtransfer.errors import UsageError
from medtransfer.networks.architectures import (
    ARCHITECTURES,
    LEAST_MAP,
    architecture,
    fits,
)
from medtransfer.networks.model import Classifier

WIDTH = 96  # a strip: what a place sees is as high as it is wide


def linear(name):
    """A network whose every path adds up, so that no gradient cancels or stops."""
    model = Classifier(name, outputs=1).double().eval()
    for parent in list(model.modules()):
        for key, layer in parent.named_children():
            if isinstance(layer, nn.ReLU | nn.ReLU6 | nn.Dropout):
                setattr(parent, key, nn.Identity())
            if isinstance(layer, nn.MaxPool2d):
                setattr(parent, key, nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1 / parameter[0].numel() if parameter.ndim > 1 else 1.0)
    return model


def last_map(model, images):
    found = []

    def keep(_, __, output):
        if torch.is_tensor(output) and output.ndim == 4 and output.shape[2] > 1:
            found.append(output)

    for layer in model.modules():
        layer.register_forward_hook(keep)
    model(images)
    return found[-1]


NAMES = [
    n if n.endswith("_stride8") else pytest.param(n, marks=pytest.mark.slow)
    for n in ARCHITECTURES
    if not n.endswith("_keras")
]


@pytest.mark.parametrize("name", NAMES)
def test_a_place_of_the_last_map_sees_what_the_registry_says(name):
    entry = architecture(name)
    side = 32 * (entry.receptive_field_px // 32 + 4)
    images = torch.ones(1, 3, side, WIDTH, dtype=torch.double, requires_grad=True)
    found = last_map(linear(name), images)
    assert side / found.shape[2] == pytest.approx(entry.stride, rel=0.1)
    found[0, :, found.shape[2] // 2].sum().backward()
    rows = images.grad.abs().sum((0, 1, 3)).nonzero()
    assert int(rows.max() - rows.min()) + 1 == entry.receptive_field_px


@pytest.mark.parametrize("name", NAMES)
def test_the_images_that_are_large_enough_are_those_that_the_registry_says(name):
    model, enough_px = linear(name).network, architecture(name).enough_px
    places = [
        last_map(model, torch.ones(1, 3, side, side, dtype=torch.double)).shape[2]
        for side in (enough_px - 1, enough_px)
    ]
    assert places[0] < LEAST_MAP == places[1]


@pytest.mark.parametrize(
    ("name", "image_px", "said"),
    [
        ("mobilenet_v2", 48, "4 x 4 places of images of 48 px.*97 px, or mobilenet_v2_stride8$"),
        ("mobilenet_v2", 96, "mobilenet_v2 leaves fewer than"),
        ("mobilenet_v2", 97, ""),
        ("mobilenet_v2_stride8", 32, ""),
        ("inception_v3", 96, "inception_v3 leaves fewer than .*at least 171 px$"),
        ("densenet121", 96, "at least 125 px$"),
        ("densenet121", 224, ""),
    ],
)
def test_a_network_too_deep_for_its_images_is_named(name, image_px, said):
    assert re.search(said, fits(name, image_px)) if said else not fits(name, image_px)


def test_images_that_a_network_does_not_take_are_refused():
    with pytest.raises(UsageError, match=r"48 px; inception_v3 needs at least 75 px"):
        fits("inception_v3", 48)
