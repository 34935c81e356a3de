"""A network behind something that changes every image first, and how gradients pass that."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from medtransfer.networks.defences.wrapped import Wrapped

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class Transformed(Wrapped):
    """The network `inner`, which sees every image after `transform`.

    Whoever has the whole system crafts through it. Where the transform itself has no useful
    gradient, its forward pass is the true one, and backward it counts as the identity: backward
    pass differentiable approximation (BPDA; Athalye, Carlini and Wagner 2018).
    """

    smooth: ClassVar[bool] = False
    """Whether gradients pass the transform itself."""

    @abstractmethod
    def transform(self, images: Tensor) -> Tensor:
        """Return the images that `inner` sees, for images (N, C, H, W) in [-1, 1]."""

    def asked(self, inner: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """Return the logits of transformed images."""
        return inner(self.transform(images))

    def attacked(self, inner: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """Return the same logits; gradients pass the transform, or pass it by."""
        if self.smooth:
            return inner(self.transform(images))
        return inner(straight_through(self.transform(images.detach()), images))


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
