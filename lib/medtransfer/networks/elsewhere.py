"""A surrogate from another source of images, which attacks those of the target's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.networks.network import ModulePredictor, Network, Predictor

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True, eq=False)
class Elsewhere(Network):
    """The network `inner`, trained on another source, with outputs matched by name.

    Its images are resized to the side that `inner` was trained at; a finding that `inner` does not
    know has the constant logit 0, which no gradient comes from. Colours become grey, and grey
    colours, as `inner` takes them.
    """

    inner: Network

    @property
    def seen(self) -> None:
        """None: it has seen no image of this source."""
        return

    def open(self) -> Predictor:
        """Return what answers, with gradients to the images."""
        return ModulePredictor(_matched(self).eval().requires_grad_(False))


def _matched(spec: Elsewhere) -> nn.Module:
    import torch
    import torch.nn.functional as F
    from torch import Tensor, nn

    source = spec.inner.development.source
    known = {name: number for number, name in enumerate(spec.inner.labels)}
    places = [known.get(name, -1) for name in spec.labels]

    class Matched(nn.Module):
        """The inner network behind a resize, its outputs in another order."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = spec.inner.open().module  # type: ignore[attr-defined]

        def forward(self, images: Tensor) -> Tensor:
            """Return logits (N, K) for images (N, C, H, W) in [-1, 1]."""
            if images.shape[-1] != source.image_px:
                side = (source.image_px, source.image_px)
                images = F.interpolate(images, side, mode="bilinear", antialias=True)
            if source.channels == 1 and images.shape[1] == 3:
                images = images.mean(1, keepdim=True)
            elif source.channels == 3 and images.shape[1] == 1:
                images = images.expand(-1, 3, -1, -1)
            logits = self.inner(images)
            nothing = torch.zeros_like(logits[:, :1])
            return torch.cat([logits, nothing], 1)[:, places]

    return Matched()
