"""From an image as a file holds it to the input of a model."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.networks.contract import JPEG, RESIZE, Contract, Step

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


def pictures(images: Tensor) -> np.ndarray:
    """Return images (N, C, H, W) in [-1, 1] as a file holds them: uint8 (N, H, W, C), rounded."""
    grey = ((images.detach().float() + 1) * 127.5).round().clamp(0, 255)
    return np.ascontiguousarray(grey.permute(0, 2, 3, 1).cpu().numpy().astype(np.uint8))


def delivered(chain: Sequence[Step], images: np.ndarray) -> np.ndarray:
    """Return what a system's chain makes of images: uint8 (N, H, W, C).

    Raises:
        ValueError: a step is unknown.
    """
    for step in chain:
        if step.name not in _STEPS:
            raise ValueError(f"no step {step.name!r}; allowed: {', '.join(_STEPS)}")
        images = np.stack([_STEPS[step.name](image, step.value) for image in images])
    return images


def _jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    from PIL.Image import open as opened

    file = io.BytesIO()
    _as_image(image).save(file, "JPEG", quality=quality)
    return _as_array(opened(file))


def _resize(image: np.ndarray, px: int) -> np.ndarray:
    from PIL.Image import Resampling

    return _as_array(_as_image(image).resize((px, px), Resampling.BILINEAR))


_STEPS = {JPEG: _jpeg, RESIZE: _resize}


def shown(contract: Contract, images: np.ndarray) -> np.ndarray:
    """Return images, uint8 (N, H, W, C), as large as the model takes them, with its channels.

    The order of the channels stays red, green, blue.

    Raises:
        ValueError: they are in colour, and the model takes grey ones.
    """
    if images.shape[-1] > contract.channels:
        raise ValueError("images in colour for a model that takes grey ones")
    height, width = contract.size
    if images.shape[1:3] != (height, width) or contract.centre != 1:
        images = np.stack([_fitted(image, contract) for image in images])
    return np.broadcast_to(images, (*images.shape[:3], contract.channels))


def _fitted(image: np.ndarray, contract: Contract) -> np.ndarray:
    from PIL.Image import Resampling

    found = _as_image(image)
    scale, (left, top) = frame(contract, found.size)
    if scale != found.size:
        found = found.resize(scale, Resampling[contract.interpolation.upper()])
    height, width = contract.size
    return _as_array(found.crop((left, top, left + width, top + height)))


def frame(contract: Contract, size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the size to which an image of `size` is resized, and where the model's part begins.

    Both are (width, height), (left, top); what lies beyond the image is black. As evaluation
    transforms have it, the central share is taken after resizing.
    """
    height, width = contract.size
    framed = int(width / contract.centre), int(height / contract.centre)
    if contract.fit == "stretch":
        scale = framed
    else:
        ratios = [side / has for side, has in zip(framed, size, strict=True)]
        ratio = min(ratios) if contract.fit == "pad" else max(ratios)
        scale = max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))
    return scale, (round((scale[0] - width) / 2), round((scale[1] - height) / 2))


def scaled(contract: Contract, images: Tensor) -> Tensor:
    """Return images (N, C, H, W) with grey levels 0 to 255 in the units of the model."""
    import torch

    if contract.colours == "bgr":
        images = images.flip(1)
    images = images * ((contract.high - contract.low) / 255) + contract.low
    if contract.mean:
        mean, std = (
            torch.tensor(each, dtype=images.dtype, device=images.device).view(1, -1, 1, 1)
            for each in (contract.mean, contract.std)
        )
        images = (images - mean) / std
    return images


def prepared(contract: Contract, images: np.ndarray) -> Tensor:
    """Return what the model gets of images, uint8 (N, H, W, C): float32 (N, C, H, W).

    Raises:
        ValueError: see `shown`.
    """
    import torch

    fitted = np.moveaxis(shown(contract, images), -1, 1)
    own = np.require(
        fitted, requirements=["C", "W"]
    )  # torch warns of an array that it may not write to
    return scaled(contract, torch.from_numpy(own).float())


def _as_image(image: np.ndarray) -> Image:
    from PIL.Image import fromarray

    return fromarray(image if image.shape[-1] == 3 else image[..., 0])


def _as_array(image: Image) -> np.ndarray:
    return np.asarray(image).reshape(image.height, image.width, -1)
