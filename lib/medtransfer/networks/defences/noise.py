"""Gaussian noise before the network, and the mean over several draws (Cohen et al. 2019)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.networks.defences.drawn import Drawn

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Noise(Drawn):
    """Noise of a standard deviation `sigma`, in units of [-1, 1]; no certificate is claimed."""

    sigma: float

    def vary(self, image: Tensor, rng: np.random.Generator) -> Tensor:
        """Return the image with noise, clipped to [-1, 1]."""
        import torch

        drawn = torch.from_numpy(rng.normal(0, self.sigma, image.shape)).to(image)
        return (image + drawn).clamp(-1, 1)
