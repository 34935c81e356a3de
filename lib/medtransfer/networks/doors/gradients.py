"""A brought network with its pixels before it and its scores behind it, for attacks on itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medtransfer.networks.contract import ONE_OF_MANY, PROBABILITIES, Contract
from medtransfer.networks.doors import pixels

CERTAIN = 1e-6  # probabilities nearer to 0 or 1 have no gradient
MODES = {"bilinear": "bilinear", "bicubic": "bicubic"}  # of others, bilinear comes nearest


class Behind(nn.Module):
    """A network as surrogates are: images (N, C, H, W) in [-1, 1] to scores (N, K).

    It is the door without rounding and without the system's chain, and where it resizes, torch's
    antialiased filter stands for Pillow's.
    """

    def __init__(self, network: nn.Module, contract: Contract, labels: Sequence[str]) -> None:
        super().__init__()
        self.network, self.contract = network, contract
        self.chosen = [contract.labels.index(name) for name in labels]

    def forward(self, images: Tensor) -> Tensor:
        """Return scores (N, K) for images (N, C, H, W) in [-1, 1]."""
        contract = self.contract
        grey = self._fitted((images + 1) * 127.5).expand(-1, contract.channels, -1, -1)
        outputs = self.network(pixels.scaled(contract, grey))
        if contract.head == ONE_OF_MANY:
            if contract.outputs == PROBABILITIES:
                outputs = outputs.clamp(min=CERTAIN).log()
            best, which = outputs.topk(2, dim=1)
            largest = F.one_hot(which[:, 0], outputs.shape[1]).bool()
            outputs = outputs - torch.where(largest, best[:, 1:], best[:, :1])
        elif contract.outputs == PROBABILITIES:
            outputs = torch.logit(outputs, eps=CERTAIN)
        return outputs[:, self.chosen]

    def _fitted(self, images: Tensor) -> Tensor:
        size = images.shape[-1], images.shape[-2]
        scale, (left, top) = pixels.frame(self.contract, size)
        if scale != size:
            mode = MODES.get(self.contract.interpolation, "bilinear")
            images = F.interpolate(images, (scale[1], scale[0]), mode=mode, antialias=True)
        height, width = self.contract.size
        right, bottom = width - scale[0] + left, height - scale[1] + top
        return F.pad(images, (-left, right, -top, bottom))
