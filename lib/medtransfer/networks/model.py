"""The networks of the registry as modules, with their normalisation inside."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.inception import BasicConv2d

from medtransfer.networks.architectures import architecture, fits

# Batch-norm statistics must follow within the few hundred steps of a small study.
BATCH_NORM_MOMENTUM = 0.1
HEAD_STD = 0.01


class PooledConv2d(BasicConv2d):
    """The convolution after a 3x3 average pool, which here counts only what the image holds.

    torchvision's pool counts the zeros around the image, Keras's does not.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, K, H, W) for the pool's (N, C, H, W)."""
        # How much of each window lies inside: 1, at an edge 6/9, in a corner 4/9.
        inside = F.avg_pool2d(torch.ones_like(x[:1, :1]), kernel_size=3, stride=1, padding=1)
        return super().forward(x / inside)


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
