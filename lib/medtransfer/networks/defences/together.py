"""Several networks as one module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class MeanLogits(nn.Module):
    """Several networks as one: the mean of their logits."""

    def __init__(self, members: Sequence[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """Return mean logits (N, K) for images (N, C, H, W)."""
        return torch.stack([member(images) for member in self.members]).mean(0)
