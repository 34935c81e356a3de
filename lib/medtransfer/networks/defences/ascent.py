"""Steps along the sign of the loss's gradient, as training against attacks takes them.

The loss is that of the attacks: binary cross-entropy with logits, summed over outputs. Nothing of
the network changes: its gradients are taken for the images alone.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def gradient(model: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor) -> Tensor:
    """Return the gradient of the loss with respect to the images, (N, C, H, W)."""
    with torch.inference_mode(False), torch.enable_grad():
        inputs = images.detach().clone().requires_grad_()
        loss = F.binary_cross_entropy_with_logits(model(inputs), labels.clone(), reduction="sum")
        (found,) = torch.autograd.grad(loss, inputs)
    return found


def slope(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Return the gradient of the margins with respect to the images, (N, C, H, W).

    It points where the loss rises, of one output exactly, and does not vanish where the network is
    sure of its answer.
    """
    with torch.inference_mode(False), torch.enable_grad():
        inputs = images.detach().clone().requires_grad_()
        wrong = 1 - 2 * labels.clone()
        (found,) = torch.autograd.grad((wrong * model(inputs)).sum(), inputs)
    return found


def ascended(
    model: Callable[[Tensor], Tensor],
    images: Tensor,
    labels: Tensor,
    *,
    start: Tensor,
    step_size: float,
    steps: int,
    epsilon: float,
) -> Tensor:
    """Return the images after some steps from `start`, at most epsilon away, within [-1, 1].

    Args:
        model: in evaluation mode; logits (N, K).
        images, start: (N, C, H, W) in [-1, 1].
        labels: (N, K), 0 or 1.
        epsilon: infinite for no limit but the image range.
    """
    moved = start
    for _ in range(steps):
        moved = moved + step_size * gradient(model, moved, labels).sign()
        moved = torch.clamp(moved, images - epsilon, images + epsilon).clamp(-1, 1)
    return moved


def uniform(images: Tensor, reach: float, *, seed: tuple[int, ...]) -> Tensor:
    """Return the images with uniform noise from -reach to reach, clipped to [-1, 1]."""
    import numpy as np

    drawn = np.random.default_rng(seed).uniform(-reach, reach, tuple(images.shape))
    return (images + torch.from_numpy(drawn).to(images)).clamp(-1, 1)
