"""A defence: a network that sees every image blurred."""

from __future__ import annotations

from dataclasses import dataclass

from medtransfer.networks.network import ModulePredictor, Network, Predictor


@dataclass(frozen=True, kw_only=True, eq=False)
class Blurred(Network):
    """The network `inner` behind a Gaussian blur of `sigma` pixels."""

    inner: Network
    sigma: float

    def open(self) -> Predictor:
        """Return what answers: gradients pass the blur."""
        from torch import nn
        from torchvision.transforms import GaussianBlur

        blur = GaussianBlur(kernel_size=5, sigma=self.sigma)
        return ModulePredictor(nn.Sequential(blur, self.inner.open().module).eval())
