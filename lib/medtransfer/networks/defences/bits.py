"""Fewer grey levels (Xu, Evans and Qi 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.networks.defences.front import Transformed

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Bits(Transformed):
    """The network `inner` that sees 2 to the power of `bits` grey levels; gradients pass them."""

    bits: int

    def transform(self, images: Tensor) -> Tensor:
        """Return the images rounded to the nearest of the levels, which include -1 and 1."""
        steps = 2**self.bits - 1
        return ((images + 1) / 2 * steps).round() / steps * 2 - 1
