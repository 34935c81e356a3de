"""What reaches the target: the image as crafted, as a file can hold it, or a control."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from medtransfer.units import GREY_LEVEL, ROUNDING

if TYPE_CHECKING:
    from torch import Tensor

FLOAT, EIGHT_BIT, CONTROL, OTHER = "float", "8-bit", "control", "other image"


def deliver(
    kind: str,
    clean: Tensor,
    adversarial: Tensor,
    *,
    names: Sequence[str],
    lend: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Return the images that reach the target, float32 (N, C, H, W) in [-1, 1].

    Args:
        kind: "float" (as crafted); "8-bit" (the perturbation floored to whole grey levels, so the
            budget holds; rounding would break it at 0.02, 0.03 and 0.06); "control" (each image's
            perturbation shuffled over its pixels and channels, then clipped); "other image" (the
            perturbation of another image, then clipped: it keeps what shuffling destroys).
        clean: images (N, C, H, W) that came from 8 bits.
        names: image names, (N,); they draw the shuffles, so a batch's composition cannot.
        lend: returns for each of these perturbations that of another image (see `Lender`).

    Raises:
        ValueError: the kind is unknown.
    """
    import torch

    if kind == FLOAT:
        return adversarial
    if kind == EIGHT_BIT:
        levels = (adversarial - clean) / GREY_LEVEL
        whole = torch.trunc(levels + ROUNDING * levels.sign())
        grey = (clean / GREY_LEVEL + 127.5).round() + whole
        return grey.clamp(0, 255) / 127.5 - 1
    if kind == CONTROL:
        noise = [_shuffled(d, name) for d, name in zip(adversarial - clean, names, strict=True)]
        return (clean + torch.stack(noise)).clamp(-1, 1)
    if kind == OTHER and lend:
        return (clean + lend(adversarial - clean)).clamp(-1, 1)
    known = ", ".join((FLOAT, EIGHT_BIT, CONTROL, OTHER))
    raise ValueError(f"no delivery {kind!r}; allowed: {known}")


class Lender:
    """Gives every image the perturbation of another, as batch after batch comes along.

    An image gets that of the image which came REACH before it; the first ones, which have none
    before them, that of as many after them. So no batch decides who lends to whom, as long as the
    first holds all images or at least twice as many as REACH.
    """

    REACH = 50

    def __init__(self) -> None:
        self.before: Tensor | None = None

    def __call__(self, perturbations: Tensor) -> Tensor:
        """Return another image's perturbation for each of these, (N, C, H, W).

        Raises:
            ValueError: there is but one image.
        """
        import torch

        if self.before is None:
            reach = min(self.REACH, len(perturbations) // 2)
            if not reach:
                raise ValueError("the perturbation of another image needs two images")
            self.before = perturbations[reach : 2 * reach]
        line = torch.cat([self.before, perturbations])
        lent = line[: len(perturbations)]
        self.before = line[len(perturbations) :]
        return lent


def _shuffled(perturbation: Tensor, name: str) -> Tensor:
    import torch

    order = np.random.default_rng(crc32(name.encode())).permutation(perturbation.numel())
    flat = perturbation.reshape(-1)
    return flat[torch.from_numpy(order).to(flat.device)].reshape(perturbation.shape)
