"""A network that answers several random versions of every image, and their mean.

What is drawn for an image depends on the seed, on the image's own pixels and on the number of the
version alone: neither the batch nor the order changes an answer. An attacker who steps through the
system averages over other draws than those that answer (expectation over transformation, EOT;
Athalye, Engstrom, Ilyas and Kwok 2018). Since the pixels change with every step, so do the draws.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from medtransfer.data.splits import Development
from medtransfer.networks.network import Network, Predictor

if TYPE_CHECKING:
    from torch import Tensor, nn

ANSWERING, ATTACKING = 0, 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn(Network, ABC):
    """The mean logits of `inner` over `draws` random versions of every image.

    Attributes:
        seed: of the draws.
    """

    inner: Network
    draws: int
    seed: int

    @property
    def seen(self) -> Development | None:
        return self.inner.seen

    @property
    def effort(self) -> str:
        return "asking"

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.inner.name} behind {type(self).__name__}"

    @abstractmethod
    def vary(self, image: Tensor, rng: np.random.Generator) -> Tensor:
        """Return one random version of an image (1, C, H, W) in [-1, 1]; gradients pass it."""

    def version(self, images: Tensor, number: int, *, purpose: int = ANSWERING) -> Tensor:
        """Return a version of every image, drawn by the seed, the image and the number.

        Args:
            images: (N, C, H, W) in [-1, 1].
            purpose: whether it answers or is attacked, for which other draws are taken.
        """
        import torch

        pixels = images.detach().float().cpu().contiguous().numpy()
        seeds = ((self.seed, purpose, number, crc32(image.tobytes())) for image in pixels)
        made = [
            self.vary(image, np.random.default_rng(seed))
            for image, seed in zip(images.split(1), seeds, strict=True)
        ]
        return torch.cat(made).contiguous(memory_format=torch.channels_last)

    def open(self) -> Predictor:
        """Return what answers; it gives gradients if `inner` does."""
        return _Averaged(self.inner.open(), self)


@dataclass(frozen=True)
class _Averaged:
    """A `Predictor` that answers with the mean over random versions."""

    inner: Predictor
    spec: Drawn

    @property
    def differentiable(self) -> bool:
        """Whether `module` is there."""
        return self.inner.differentiable

    @cached_property
    def module(self) -> nn.Module:
        """The whole system, through which gradients reach the images."""
        import torch
        from torch import nn

        inner, spec = self.inner.module, self.spec  # type: ignore[attr-defined]

        class Mean(nn.Module):
            """The mean logits over versions that are drawn for an attack."""

            def __init__(self) -> None:
                super().__init__()
                self.inner = inner

            def forward(self, images: Tensor) -> Tensor:
                """Return logits (N, K) for images (N, C, H, W) in [-1, 1]."""
                versions = (
                    spec.version(images, number, purpose=ATTACKING) for number in range(spec.draws)
                )
                return torch.stack([self.inner(version) for version in versions]).mean(0)

        return Mean().eval()

    def logits(self, images: Tensor) -> Tensor:
        """Return logits, float32 (N, K) on the CPU, for images (N, C, H, W) in [-1, 1]."""
        import torch

        versions = (self.spec.version(images, number) for number in range(self.spec.draws))
        return torch.stack([self.inner.logits(version) for version in versions]).mean(0)
