"""The registry of architectures; a new one is one entry here and, for ImageNet, one manifest.

A network should be as deep as its images can feed. Every halving makes the map smaller and what
one place of it sees, its receptive field, larger; where the last map has 2 x 2 places that all see
the whole image, depth adds parameters but nothing to look at. Small images and small data sets do
as well with the first part of an ImageNet network (Raghu et al., "Transfusion: Understanding
Transfer Learning for Medical Imaging", NeurIPS 2019). It matters for attacks, too: whole networks
trained from random weights on images of 48 px have input gradients that share nothing from one
training to the next, so that no attack transfers. Entries whose name ends in `_stride8` stop
after three halvings.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import models
from torchvision.models.inception import BasicConv2d

from medtransfer.errors import UsageError

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)  # as mean and as std: images in [-1, 1] reach the network as they are
# Batch-norm statistics must follow within the few hundred steps of a small study.
BATCH_NORM_MOMENTUM = 0.1
HEAD_STD = 0.01
LEAST_MAP = 4  # places a side of the last map; with fewer, all of them see the same


@dataclass(frozen=True)
class Architecture:
    """How to build one network.

    Attributes:
        build: number of outputs -> network from (N, 3, H, W) to logits (N, K), random weights.
        stride: how many pixels of the image one step on the last map spans.
        receptive_field_px: side of the part of the image that one place of the last map sees,
            wherever that ends.
        enough_px: smallest image side that leaves `LEAST_MAP` places a side on the last map.
        minimum_px: smallest image side that the network takes.
        head: prefix of the names of the last layer's tensors.
        mean, std: statistics of the [0, 1] images that its ImageNet weights expect.
    """

    build: Callable[[int], nn.Module]
    stride: int
    receptive_field_px: int
    enough_px: int
    minimum_px: int = 32
    head: str = "classifier."
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


def _efficientnet_lite0(outputs: int) -> nn.Module:
    return timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=outputs)


def _efficientnet_lite0_stride8(outputs: int) -> nn.Module:
    network = _efficientnet_lite0(outputs)
    network.blocks = network.blocks[:3]  # type: ignore[index]
    network.conv_head = network.bn2 = nn.Identity()
    network.classifier = nn.Linear(40, outputs)
    return network


def _mobilenet_v2(outputs: int) -> nn.Module:
    return models.mobilenet_v2(weights=None, num_classes=outputs)


def _mobilenet_v2_stride8(outputs: int) -> nn.Module:
    network = _mobilenet_v2(outputs)
    network.features = network.features[:7]  # type: ignore[index]
    network.classifier = nn.Linear(32, outputs)
    return network


def _inception_v3(outputs: int) -> nn.Module:
    return models.inception_v3(
        weights=None,
        num_classes=outputs,
        aux_logits=False,
        transform_input=False,
        init_weights=True,
    )


class PooledConv2d(BasicConv2d):
    """The convolution after a 3x3 average pool, which here counts only what the image holds.

    torchvision's pool counts the zeros around the image, Keras's does not.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, K, H, W) for the pool's (N, C, H, W)."""
        # How much of each window lies inside: 1, at an edge 6/9, in a corner 4/9.
        inside = F.avg_pool2d(torch.ones_like(x[:1, :1]), kernel_size=3, stride=1, padding=1)
        return super().forward(x / inside)


def _inception_v3_keras(outputs: int) -> nn.Module:
    network = _inception_v3(outputs)
    for name, module in network.named_modules():
        if name.endswith("branch_pool"):
            module.__class__ = PooledConv2d
    return network


def _densenet121(outputs: int) -> nn.Module:
    return models.densenet121(weights=None, num_classes=outputs)


def _densenet121_keras(outputs: int) -> nn.Module:
    network = _densenet121(outputs)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1.001e-5  # the value in Keras
    return network


_DENSENET121: Any = {"stride": 32, "receptive_field_px": 2071, "enough_px": 125}
_INCEPTION_V3: Any = {
    "stride": 32,
    "receptive_field_px": 1311,
    "enough_px": 171,
    "minimum_px": 75,
    "head": "fc.",
}
_SCALED_BY_HALF: Any = {"mean": HALF, "std": HALF}

ARCHITECTURES: dict[str, Architecture] = {
    "efficientnet_lite0": Architecture(
        _efficientnet_lite0, stride=32, receptive_field_px=851, enough_px=97, **_SCALED_BY_HALF
    ),
    "efficientnet_lite0_stride8": Architecture(
        _efficientnet_lite0_stride8,
        stride=8,
        receptive_field_px=67,
        enough_px=25,
        **_SCALED_BY_HALF,
    ),
    "mobilenet_v2": Architecture(_mobilenet_v2, stride=32, receptive_field_px=491, enough_px=97),
    "mobilenet_v2_stride8": Architecture(
        _mobilenet_v2_stride8, stride=8, receptive_field_px=59, enough_px=25
    ),
    "inception_v3": Architecture(_inception_v3, **_INCEPTION_V3),
    "densenet121": Architecture(_densenet121, **_DENSENET121),
    # The same two as Keras computes them, for weights trained there (see `networks.keras`).
    "inception_v3_keras": Architecture(_inception_v3_keras, **_INCEPTION_V3, **_SCALED_BY_HALF),
    "densenet121_keras": Architecture(_densenet121_keras, **_DENSENET121, **_SCALED_BY_HALF),
}


def architecture(name: str) -> Architecture:
    """Return the entry called `name`.

    Raises:
        UsageError: the registry has no such entry.
    """
    if name not in ARCHITECTURES:
        raise UsageError(f"no architecture {name!r}; allowed: {', '.join(sorted(ARCHITECTURES))}")
    return ARCHITECTURES[name]


def fits(name: str, image_px: int) -> str:
    """Return in a sentence why a network is too deep for images of this side, "" if it is not.

    Raises:
        UsageError: the registry has no such entry, or the network does not take such images.
    """
    entry = architecture(name)
    if image_px < entry.minimum_px:
        raise UsageError(
            f"images of {image_px} px; {name} needs at least {entry.minimum_px} px: raise image_px "
            "in the profile, or take another architecture"
        )
    if image_px >= entry.enough_px:
        return ""
    shorter = [
        other
        for other in ARCHITECTURES
        if other.startswith(name) and architecture(other).enough_px <= image_px
    ]
    remedy = f", or {' or '.join(shorter)}" if shorter else ""
    return (
        f"{name} leaves fewer than {LEAST_MAP} x {LEAST_MAP} places of images of {image_px} px, "
        f"too few to learn from: take images of at least {entry.enough_px} px{remedy}"
    )


class Classifier(nn.Module):
    """A network with its normalisation inside: the pixel contract of the whole study.

    Input: float (N, C, H, W) in [-1, 1], C = 1 (repeated to three channels) or 3.
    Output: logits (N, K), for every task.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, *, outputs: int) -> None:
        super().__init__()
        entry = architecture(name)
        self.architecture = name
        self.head = entry.head
        self.minimum_px = entry.minimum_px
        self.network = entry.build(outputs)
        for module in self.network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = BATCH_NORM_MOMENTUM
        for name, parameter in self.network.named_parameters():
            # One small start for every architecture: timm's own would begin far from zero.
            if name.startswith(self.head):
                nn.init.normal_(parameter, std=HEAD_STD)
        # Not part of the state: they belong to the architecture, not to a training.
        self.register_buffer("mean", _channels(entry.mean) * 2 - 1, persistent=False)
        self.register_buffer("std", _channels(entry.std) * 2, persistent=False)

    def parameter_groups(self) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
        """Return the parameters of the body and those of the head."""
        body: list[nn.Parameter] = []
        head: list[nn.Parameter] = []
        for name, parameter in self.network.named_parameters():
            (head if name.startswith(self.head) else body).append(parameter)
        return body, head

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, K) for images (N, C, H, W) in [-1, 1].

        Raises:
            UsageError: the images are smaller than the architecture takes.
        """
        if min(images.shape[-2:]) < self.minimum_px:
            fits(self.architecture, min(images.shape[-2:]))
        if images.shape[1] == 1:
            images = images.expand(-1, 3, -1, -1)
        return self.network((images - self.mean) / self.std)


def _channels(values: tuple[float, float, float]) -> Tensor:
    return torch.tensor(values).view(1, 3, 1, 1)
