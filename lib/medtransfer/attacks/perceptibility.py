"""How visible a perturbation is, per image."""

from __future__ import annotations

import torch
from torch import Tensor

RANGE = 2.0  # of images in [-1, 1]
MEASURES = ("max", "rms", "psnr", "ssim")


def perceptibility(clean: Tensor, delivered: Tensor) -> dict[str, Tensor]:
    """Return maximum and RMS of the perturbation, PSNR in dB and SSIM, each (N,) float32.

    Args:
        clean, delivered: (N, C, H, W) in [-1, 1]; maximum and RMS are in these units. PSNR is
            infinite for equal images. SSIM uses the Gaussian window of Wang et al. 2004.
    """
    # Seconds that whoever only reads results need not wait for.
    from torchmetrics.functional.image import structural_similarity_index_measure

    difference = (delivered - clean).flatten(1)
    mean_square = difference.square().mean(1)
    ssim = structural_similarity_index_measure(
        _channels_last(delivered), _channels_last(clean), data_range=RANGE, reduction="none"
    )
    assert isinstance(ssim, Tensor)
    return {
        "max": difference.abs().amax(1),
        "rms": mean_square.sqrt(),
        "psnr": 10 * torch.log10(RANGE**2 / mean_square),
        "ssim": ssim.reshape(-1),
    }


def _channels_last(images: Tensor) -> Tensor:
    """Return the images in the layout in which SSIM takes 0.6 of the time."""
    return images.contiguous(memory_format=torch.channels_last)
