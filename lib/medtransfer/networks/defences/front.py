"""A network behind something that changes every image first, and how gradients pass that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from medtransfer.data.splits import Development
from medtransfer.networks.network import Network, Predictor

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True, eq=False)
class Transformed(Network, ABC):
    """The network `inner`, which sees every image after `transform`.

    Whoever has the whole system crafts through it. Where the transform itself has no useful
    gradient, its forward pass is the true one, and backward it counts as the identity: backward
    pass differentiable approximation (BPDA; Athalye, Carlini and Wagner 2018).
    """

    smooth: ClassVar[bool] = False
    """Whether gradients pass the transform itself."""

    inner: Network

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
    def transform(self, images: Tensor) -> Tensor:
        """Return the images that `inner` sees, for images (N, C, H, W) in [-1, 1]."""

    def open(self) -> Predictor:
        """Return what answers; it gives gradients if `inner` does."""
        return _Behind(self.inner.open(), self)


@dataclass(frozen=True)
class _Behind:
    """A `Predictor` that transforms images before another one answers them."""

    inner: Predictor
    spec: Transformed

    @property
    def differentiable(self) -> bool:
        """Whether `module` is there."""
        return self.inner.differentiable

    @cached_property
    def module(self) -> nn.Module:
        """The whole system, through which gradients reach the images."""
        from torch import nn

        inner, spec = self.inner.module, self.spec  # type: ignore[attr-defined]

        class Front(nn.Module):
            """The transform, and the network behind it."""

            def __init__(self) -> None:
                super().__init__()
                self.inner = inner

            def forward(self, images: Tensor) -> Tensor:
                """Return logits (N, K) for images (N, C, H, W) in [-1, 1]."""
                if spec.smooth:
                    return self.inner(spec.transform(images))
                return self.inner(straight_through(spec.transform(images.detach()), images))

        return Front().eval()

    def logits(self, images: Tensor) -> Tensor:
        """Return logits, float32 (N, K) on the CPU, for images (N, C, H, W) in [-1, 1]."""
        return self.inner.logits(self.spec.transform(images))


def straight_through(values: Tensor, images: Tensor) -> Tensor:
    """Return `values`, whose gradient goes to `images` as if they were those.

    Args:
        values, images: tensors of the same shape.
    """
    import torch

    class StraightThrough(torch.autograd.Function):
        @staticmethod
        def forward(ctx, values, images):  # type: ignore[no-untyped-def]
            return values.clone()

        @staticmethod
        def backward(ctx, gradient):  # type: ignore[no-untyped-def]
            return None, gradient

    return StraightThrough.apply(values, images)
