"""Every pixel replaced by the median of its neighbourhood (Xu, Evans and Qi 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from medtransfer.networks.defences.front import Transformed

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Median(Transformed):
    """The network `inner` behind a median over squares of `side` pixels, an odd number."""

    smooth: ClassVar[bool] = True

    side: int

    def transform(self, images: Tensor) -> Tensor:
        """Return the medians, channel by channel; the border is repeated."""
        import torch.nn.functional as F

        number, channels, height, width = images.shape
        edge = self.side // 2
        padded = F.pad(images, (edge, edge, edge, edge), mode="replicate")
        squares = F.unfold(padded, self.side).view(number, channels, self.side**2, -1)
        return squares.median(2).values.view(number, channels, height, width)
