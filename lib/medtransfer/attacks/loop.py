"""The loop of iterative attacks: Foolbox's PGD, with the five pieces of `attacks.iterative`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from zlib import crc32

import eagerpy as ep
import torch
import torch.nn.functional as F
from foolbox.attacks import LinfProjectedGradientDescentAttack
from torch import Generator, Tensor

from medtransfer.attacks.iterative import Iterative
from medtransfer.attacks.loss import MultiLabelLoss
from medtransfer.attacks.transforms import TRANSFORMS

Loss = Callable[[ep.Tensor], ep.Tensor]


class Loop(MultiLabelLoss, LinfProjectedGradientDescentAttack):
    """One run of an iterative attack; of its pieces Foolbox asks in turn, step by step."""

    def __init__(self, method: Iterative) -> None:
        super().__init__(abs_stepsize=method.step_size, steps=method.steps, random_start=False)
        self.method = method
        self.step = 0
        self.last: Tensor | float = 0.0  # direction of the last step
        self.sum: Tensor | float = 0.0  # of directions: the momentum

    def run(self, model, inputs, criterion, *, epsilon: float, **options):  # type: ignore[no-untyped-def]
        """Return the images after all steps; nothing is left of an earlier run."""
        self.step, self.last, self.sum, self.epsilon = 0, 0.0, 0.0, epsilon
        return super().run(model, inputs, criterion, epsilon=epsilon, **options)

    def value_and_grad(self, loss_fn: Loss, x: ep.Tensor) -> tuple[ep.Tensor, ep.Tensor]:
        """Return the mean loss and gradient of the copies, smoothed: pieces 1 to 3."""
        method, images = self.method, x.raw
        if method.look:
            ahead = method.momentum * self.sum if method.look == "momentum" else self.last
            images = images + method.step_size * ahead
        losses, gradients = zip(
            *(self._copy(loss_fn, images, copy) for copy in range(method.copies)), strict=True
        )
        gradient = sum(gradients[1:], gradients[0]) / method.copies
        if method.kernel > 1:
            gradient = smoothed(gradient, method.kernel)
        self.step += 1
        return ep.astensor(sum(losses[1:], losses[0])), ep.astensor(gradient)

    def _copy(self, loss_fn: Loss, images: Tensor, copy: int) -> tuple[Tensor, Tensor]:
        method = self.method
        start = images + self._offset(images, copy) if method.radius or method.sigma else images
        loss, gradient = self._gradient(loss_fn, start, copy)
        if method.flatness:
            beyond = start - method.step_size * normalised(gradient)
            _, second = self._gradient(loss_fn, beyond, copy)
            gradient = (1 - method.flatness) * gradient + method.flatness * second
        return loss, gradient

    def _offset(self, images: Tensor, copy: int) -> Tensor:
        draws, shape = self._draws("offset", copy), images.shape[1:]
        uniform = 2 * torch.rand(shape, generator=draws) - 1
        normal = torch.randn(shape, generator=draws)
        noise = self.method.radius * uniform + self.method.sigma * normal
        return self.epsilon * noise.to(images)

    def _gradient(self, loss_fn: Loss, images: Tensor, copy: int) -> tuple[Tensor, Tensor]:
        point = images.detach().clone().requires_grad_()
        seen = point
        if self.method.transform:
            draws = self._draws("transform", copy)
            change = TRANSFORMS[self.method.transform]
            seen = change(point, self.method.strength, copy, draws)
        loss = loss_fn(ep.astensor(seen)).raw
        (gradient,) = torch.autograd.grad(loss, point)
        return loss.detach(), gradient

    def _draws(self, what: str, copy: int) -> Generator:
        """Return what draws for one copy of one step: the same for every image, on any device."""
        number = crc32(f"{self.method.seed}/{self.step}/{copy}/{what}".encode())
        return Generator().manual_seed(number)

    def normalize(self, gradients: ep.Tensor, *, x: ep.Tensor, bounds: object) -> ep.Tensor:
        """Return the sign of the directions' sum: piece 4."""
        self.last = normalised(gradients.raw)
        self.sum = self.method.momentum * self.sum + self.last
        return ep.astensor(self.sum.sign())


def normalised(gradient: Tensor) -> Tensor:
    """Return the gradient of each image over the mean of its absolute values, 0 where it is 0."""
    mean = gradient.abs().flatten(1).mean(1).view(-1, 1, 1, 1)
    return gradient / mean.where(mean > 0, 1.0)


def smoothed(gradient: Tensor, side: int) -> Tensor:
    """Return the gradient, (N, C, H, W), convolved with a Gaussian of so many pixels.

    Three standard deviations reach from its middle to the middle of its outermost pixels.
    """
    channels = gradient.shape[1]
    weights = _gaussian(side).to(gradient).expand(channels, 1, side, side)
    return F.conv2d(gradient, weights, padding=side // 2, groups=channels)


@lru_cache(maxsize=8)
def _gaussian(side: int) -> Tensor:
    line = torch.exp(-torch.linspace(-3, 3, side, dtype=torch.float64).square() / 2)
    found = line[:, None] * line
    return found / found.sum()
