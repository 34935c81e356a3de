"""A network that does something to every image before another one answers it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from medtransfer.data.splits import Development
from medtransfer.networks.network import Network, Predictor

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True, eq=False)
class Wrapped(Network, ABC):
    """The network `inner`, and what happens to images before it.

    Images are (N, C, H, W) in [-1, 1], logits (N, K).
    """

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
    def asked(self, inner: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """Return the logits of images, given what answers in the end."""

    @abstractmethod
    def attacked(self, inner: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """Return them so that gradients reach the images, to whoever has the whole system."""

    def open(self) -> Predictor:
        """Return what answers; it gives gradients if `inner` does."""
        return _Whole(self.inner.open(), self)


@dataclass(frozen=True)
class _Whole:
    """A `Predictor` of a wrapped one."""

    inner: Predictor
    spec: Wrapped

    @property
    def differentiable(self) -> bool:
        """Whether `module` is there."""
        return self.inner.differentiable

    @cached_property
    def module(self) -> nn.Module:
        """The whole system, through which gradients reach the images."""
        from torch import nn

        inner, spec = self.inner.module, self.spec  # type: ignore[attr-defined]

        class Whole(nn.Module):
            """What happens to images, and the network behind it."""

            def __init__(self) -> None:
                super().__init__()
                self.inner = inner

            def forward(self, images: Tensor) -> Tensor:
                """Return logits (N, K) for images (N, C, H, W) in [-1, 1]."""
                return spec.attacked(self.inner, images)

        return Whole().eval()

    def logits(self, images: Tensor) -> Tensor:
        """Return logits, float32 (N, K) on the CPU, for images (N, C, H, W) in [-1, 1]."""
        return self.spec.asked(self.inner.logits, images)
