"""Images of a random size at a random place (Xie et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.networks.defences.drawn import Drawn

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Resized(Drawn):
    """Images enlarged by a random part of the share `room`, black around them up to all of it."""

    room: float

    def vary(self, image: Tensor, rng: np.random.Generator) -> Tensor:
        """Return the image, resized (bilinear) and put somewhere on a black square."""
        import torch.nn.functional as F

        side = image.shape[-1]
        whole = side + max(1, round(side * self.room))
        grown = int(rng.integers(side, whole + 1))
        left, above = rng.integers(0, whole - grown + 1, size=2)
        resized = F.interpolate(image, (grown, grown), mode="bilinear", align_corners=False)
        edges = (int(left), int(whole - grown - left), int(above), int(whole - grown - above))
        return F.pad(resized, edges, value=-1.0)
