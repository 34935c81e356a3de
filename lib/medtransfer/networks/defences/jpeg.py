"""Images saved as JPEG and opened again (Dziugaite, Ghahramani and Roy 2016)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.networks.defences.front import Transformed

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class JPEG(Transformed):
    """The network `inner` behind JPEG of a `quality` from 1 to 100; gradients pass it unchanged."""

    quality: int

    def transform(self, images: Tensor) -> Tensor:
        """Return the images as the JPEG file gives them back, rounded to grey levels before it."""
        import torch
        from torchvision.transforms.v2.functional import jpeg

        grey = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).cpu()
        found = jpeg(grey.contiguous(), quality=self.quality).to(images)
        return (found / 127.5 - 1).contiguous(memory_format=torch.channels_last)
