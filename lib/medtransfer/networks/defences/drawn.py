"""A network that answers several random versions of every image, and their mean.

What is drawn for an image depends on the seed, on the image's own pixels and on the number of the
version alone: neither the batch nor the order changes an answer. An attacker who steps through the
system averages over other draws than those that answer (expectation over transformation, EOT;
Athalye, Engstrom, Ilyas and Kwok 2018). Since the pixels change with every step, so do the draws.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from medtransfer.networks.defences.wrapped import Wrapped

if TYPE_CHECKING:
    from torch import Tensor

ANSWERING, ATTACKING = 0, 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn(Wrapped):
    """The mean logits of `inner` over `draws` random versions of every image.

    Attributes:
        seed: of the draws.
    """

    draws: int
    seed: int

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

    def asked(self, inner: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """Return the mean logits over versions that are drawn for an answer."""
        return self._mean(inner, images, purpose=ANSWERING)

    def attacked(self, inner: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """Return the mean logits over versions that are drawn for an attack."""
        return self._mean(inner, images, purpose=ATTACKING)

    def _mean(self, inner: Callable[[Tensor], Tensor], images: Tensor, *, purpose: int) -> Tensor:
        import torch

        versions = (self.version(images, number, purpose=purpose) for number in range(self.draws))
        return torch.stack([inner(version) for version in versions]).mean(0)
