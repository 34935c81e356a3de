"""What reaches the target: the image as crafted, as a file can hold it, or a shuffled control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from medtransfer.units import GREY_LEVEL, ROUNDING

if TYPE_CHECKING:
    from torch import Tensor

FLOAT, EIGHT_BIT, CONTROL = "float", "8-bit", "control"


def deliver(kind: str, clean: Tensor, adversarial: Tensor, *, names: Sequence[str]) -> Tensor:
    """Return the images that reach the target, float32 (N, C, H, W) in [-1, 1].

    Args:
        kind: "float" (as crafted); "8-bit" (the perturbation floored to whole grey levels, so the
            budget holds; rounding would break it at 0.02, 0.03 and 0.06); "control" (each image's
            perturbation shuffled over its pixels and channels, then clipped).
        clean: images (N, C, H, W) that came from 8 bits.
        names: image names, (N,); they draw the shuffles, so a batch's composition cannot.

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
    raise ValueError(f"no delivery {kind!r}; allowed: {FLOAT}, {EIGHT_BIT}, {CONTROL}")


def _shuffled(perturbation: Tensor, name: str) -> Tensor:
    import torch

    order = np.random.default_rng(crc32(name.encode())).permutation(perturbation.numel())
    flat = perturbation.reshape(-1)
    return flat[torch.from_numpy(order).to(flat.device)].reshape(perturbation.shape)
