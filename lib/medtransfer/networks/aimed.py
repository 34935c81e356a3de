"""A surrogate of which an attacker wants one finding turned, and no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.networks.network import ModulePredictor, Network, Predictor

if TYPE_CHECKING:
    from medtransfer.data.splits import Development


@dataclass(frozen=True, kw_only=True, eq=False)
class Aimed(Network):
    """The network `inner`, whose logits of all findings but one are 0, and give no gradient.

    What is crafted on it hides that finding where it is, and invents it where it is not.
    """

    inner: Network
    finding: str

    @property
    def seen(self) -> Development | None:
        """The images that its network was made with."""
        return self.inner.seen

    def open(self) -> Predictor:
        """Return what answers, with gradients to the images."""
        import torch
        from torch import Tensor, nn

        network: nn.Module = self.inner.open().module  # type: ignore[attr-defined]
        kept = torch.tensor([float(name == self.finding) for name in self.labels])

        class One(nn.Module):
            """The network before a mask."""

            def __init__(self) -> None:
                super().__init__()
                self.network = network
                self.register_buffer("kept", kept)

            def forward(self, images: Tensor) -> Tensor:
                """Return logits (N, K) for images (N, C, H, W) in [-1, 1]."""
                return self.network(images) * self.kept

        from medtransfer.networks.network import device

        return ModulePredictor(One().to(device()).eval().requires_grad_(False))
