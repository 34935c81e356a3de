"""The registry of architectures; a new one is one entry here and, for ImageNet, one manifest.

A network should be as deep as its images can feed. Every halving makes the map smaller and what
one place of it sees, its receptive field, larger; where the last map has 2 x 2 places that all see
the whole image, depth adds parameters but nothing to look at. Small images and small data sets do
as well with the first part of an ImageNet network (Raghu et al., "Transfusion: Understanding
Transfer Learning for Medical Imaging", NeurIPS 2019). It matters for attacks, too: whole networks
trained from random weights on images of 48 px have input gradients that share nothing from one
training to the next, so that no attack transfers. Entries whose name ends in `_stride8` stop
after three halvings.

What the registry says of a network needs no library; building it does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medtransfer.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)  # as mean and as std: images in [-1, 1] reach the network as they are
TIMM = "timm:"  # before the names of timm
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
        head: prefix, or prefixes, of the names of the last layer's tensors.
        mean, std: statistics of the [0, 1] images that its ImageNet weights expect.
    """

    build: Callable[[int], nn.Module]
    stride: int
    receptive_field_px: int
    enough_px: int
    minimum_px: int = 32
    head: str | tuple[str, ...] = "classifier."
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


def _efficientnet_lite0(outputs: int) -> nn.Module:
    import timm

    return timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=outputs)


def _efficientnet_lite0_stride8(outputs: int) -> nn.Module:
    from torch import nn

    network = _efficientnet_lite0(outputs)
    network.blocks = network.blocks[:3]  # type: ignore[index]
    network.conv_head = network.bn2 = nn.Identity()
    network.classifier = nn.Linear(40, outputs)
    return network


def _mobilenet_v2(outputs: int) -> nn.Module:
    from torchvision import models

    return models.mobilenet_v2(weights=None, num_classes=outputs)


def _mobilenet_v2_stride8(outputs: int) -> nn.Module:
    from torch import nn

    network = _mobilenet_v2(outputs)
    network.features = network.features[:7]  # type: ignore[index]
    network.classifier = nn.Linear(32, outputs)
    return network


def _inception_v3(outputs: int) -> nn.Module:
    from torchvision import models

    return models.inception_v3(
        weights=None,
        num_classes=outputs,
        aux_logits=False,
        transform_input=False,
        init_weights=True,
    )


def _inception_v3_keras(outputs: int) -> nn.Module:
    from medtransfer.networks.model import PooledConv2d

    network = _inception_v3(outputs)
    for name, module in network.named_modules():
        if name.endswith("branch_pool"):
            module.__class__ = PooledConv2d
    return network


def _densenet121(outputs: int) -> nn.Module:
    from torchvision import models

    return models.densenet121(weights=None, num_classes=outputs)


def _densenet121_keras(outputs: int) -> nn.Module:
    from torch import nn

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
    """Return the entry called `name`; `timm:NAME` is an architecture of timm.

    Raises:
        UsageError: the registry, or timm, has no such entry.
    """
    if name.startswith(TIMM):
        from medtransfer.networks import of_timm

        return of_timm.architecture(name.removeprefix(TIMM))
    if name not in ARCHITECTURES:
        raise UsageError(f"no architecture {name!r}; allowed: {', '.join(sorted(ARCHITECTURES))}")
    return ARCHITECTURES[name]


def fits(name: str, image_px: int) -> str:
    """Return in a sentence why a network is too deep for images of this side, "" if it is not.

    Raises:
        UsageError: there is no such entry, or the network does not take such images.
    """
    entry = architecture(name)
    if image_px < entry.minimum_px:
        raise UsageError(
            f"images of {image_px} px; {name} needs at least {entry.minimum_px} px: raise image_px "
            "in the profile, or take another architecture"
        )
    if name.startswith(TIMM):
        from medtransfer.networks import of_timm

        return of_timm.takes(name.removeprefix(TIMM), image_px)
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
