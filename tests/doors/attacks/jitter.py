"""A method of attack that knows nothing: every pixel goes up or down at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.attacks.method import BOUNDS, Method

if TYPE_CHECKING:
    import foolbox
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Jitter(Method):
    """Moves every pixel by epsilon, up or down as `seed` draws it, alike in all images."""

    seed: int

    def perturb(self, model: foolbox.Model, images: Tensor, labels: Tensor) -> Tensor:
        """Return the moved images (see `Method.perturb`)."""
        import torch

        draw = torch.Generator().manual_seed(self.seed)
        sign = 2 * torch.randint(0, 2, images.shape[1:], generator=draw) - 1
        return (images + self.epsilon * sign.to(images.device)).clamp(*BOUNDS)
