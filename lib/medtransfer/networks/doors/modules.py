"""Models in PyTorch: asked for answers, and for gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from medtransfer.errors import TargetError
from medtransfer.networks.contract import Contract
from medtransfer.networks.doors import pixels
from medtransfer.networks.doors.door import outputs
from medtransfer.networks.network import device

BATCH = 100


class RowsFirst(nn.Module):
    """A network that takes (N, H, W, C), made to take (N, C, H, W)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Return what the network says to images (N, C, H, W)."""
        return self.network(images.permute(0, 2, 3, 1))


@dataclass(frozen=True)
class ModuleDoor:
    """A `Door` to a PyTorch module in evaluation mode; it is moved to the device of networks."""

    module: nn.Module
    contract: Contract
    whole: bool = False

    def answer(self, images: np.ndarray) -> np.ndarray:
        """Return the raw outputs, float64 (N, K), for images, uint8 (N, H, W, C).

        Raises:
            TargetError: the module fails, or gives no such answer.
        """
        parts = []
        for first in range(0, len(images), BATCH):
            taken = pixels.prepared(self.contract, images[first : first + BATCH])
            try:
                with torch.no_grad():
                    given = self.module(taken.to(device()))
                parts.append(given.double().cpu().numpy())
            except Exception as error:  # code of strangers raises whatever it likes
                raise TargetError(
                    f"the model fails on {tuple(taken.shape)}: {type(error).__name__}: {error}"
                ) from error
        return outputs(np.concatenate(parts), self.contract, images=len(images))


def of(module: nn.Module, contract: Contract) -> ModuleDoor:
    """Return the door to a module, which takes batches in the layout of its contract."""
    wrapped = RowsFirst(module) if contract.layout == "nhwc" else module
    return ModuleDoor(wrapped.to(device()).eval().requires_grad_(False), contract)
