"""Random transforms of images, through which an attack takes its gradients.

Each draws once for all images, so that an image fares alike in every batch; each is linear up to a
constant, so that autograd gives its exact adjoint; each returns the shape that it was given. Images
are float (N, C, H, W) in [-1, 1]: what is padded is 0, mid-grey, and so is what scaling shrinks to,
as the authors of these methods have it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

Transform = Callable[[Tensor, float, int, Generator], Tensor]
"""Images, strength, number of the copy, what draws -> images."""

STRIPS = 2  # of 40 px each, blocks of 3 x 3 would hold less than the signs that networks look for


def scale(images: Tensor, strength: float, copy: int, _: Generator) -> Tensor:
    """Return the images divided by `strength` to the power of the copy's number (Lin 2020)."""
    return images / strength**copy


def resize(images: Tensor, strength: float, _: int, draws: Generator) -> Tensor:
    """Return the images enlarged, framed in grey, and brought back to their size (Xie 2019).

    They are enlarged by at most `strength`, and lie anywhere in a frame that is as large as the
    largest of them can be.
    """
    sides = images.shape[-2:]
    frame = [round(side * strength) for side in sides]
    share = torch.rand(3, generator=draws).tolist()
    inner = [low + int(share[0] * (high - low + 1)) for low, high in zip(sides, frame, strict=True)]
    if frame == list(sides):
        return images
    room = [high - low for low, high in zip(inner, frame, strict=True)]
    top, left = (int(part * (free + 1)) for part, free in zip(share[1:], room, strict=True))
    larger = F.interpolate(images, size=inner, mode="bilinear", align_corners=False)
    framed = F.pad(larger, (left, room[1] - left, top, room[0] - top))
    return F.interpolate(framed, size=list(sides), mode="bilinear", align_corners=False)


def blocks(
    images: Tensor, strength: float, _: int, draws: Generator, *, strips: int = STRIPS
) -> Tensor:
    """Return the images cut into blocks, shuffled, and each turned a little (Wang 2024).

    Args:
        strength: the largest angle, in degrees.
        strips: in which rows are cut, and each of these again across.
    """
    rows = _shuffled(images, strips, 2, draws)
    across = [_shuffled(row, strips, 3, draws) for row in rows]
    turned = [[_turned(block, strength, draws) for block in row] for row in across]
    return torch.cat([torch.cat(row, dim=3) for row in turned], dim=2)


def _shuffled(images: Tensor, parts: int, dim: int, draws: Generator) -> list[Tensor]:
    cuts = torch.randperm(images.shape[dim] - 1, generator=draws)[: parts - 1].sort().values + 1
    edges = [0, *cuts.tolist(), images.shape[dim]]
    sizes = [high - low for low, high in pairwise(edges)]
    pieces = images.split(sizes, dim)
    return [pieces[n] for n in torch.randperm(parts, generator=draws).tolist()]


def _turned(block: Tensor, degrees: float, draws: Generator) -> Tensor:
    """Return a block turned about its middle; what comes in from outside is grey."""
    angle = math.radians(degrees * (2 * torch.rand((), generator=draws).item() - 1))
    if angle == 0:
        return block
    high, wide = block.shape[-2:]
    ratio = wide / high  # a grid's unit is half a side: an angle needs equal units
    turn = [
        [math.cos(angle), -math.sin(angle) / ratio, 0.0],
        [math.sin(angle) * ratio, math.cos(angle), 0.0],
    ]
    theta = torch.tensor([turn], dtype=block.dtype, device=block.device)
    grid = F.affine_grid(theta, [1, 1, high, wide], align_corners=False)
    grid = grid.expand(len(block), -1, -1, -1)
    return F.grid_sample(block, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def spectrum(images: Tensor, strength: float, _: int, draws: Generator) -> Tensor:
    """Return the images with each frequency made weaker or stronger at random (Long 2022).

    Coefficients of the cosine transform are multiplied by 1 - `strength` to 1 + `strength`.
    """
    mask = 1 + strength * (2 * torch.rand(images.shape[1:], generator=draws) - 1)
    rows, columns = (_cosines(side).to(images) for side in images.shape[-2:])
    return rows.T @ ((rows @ images @ columns.T) * mask.to(images)) @ columns


@lru_cache(maxsize=8)
def _cosines(side: int) -> Tensor:
    """Return the orthonormal cosine transform (type II) of a side, float64 (side, side)."""
    at = torch.arange(side, dtype=torch.float64)
    found = torch.cos(math.pi / side * at[:, None] * (at + 0.5)) * math.sqrt(2 / side)
    found[0] /= math.sqrt(2)
    return found


TRANSFORMS: dict[str, Transform] = {
    "scale": scale,
    "resize": resize,
    "blocks": blocks,
    "spectrum": spectrum,
}
