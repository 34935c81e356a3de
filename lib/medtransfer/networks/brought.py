"""A model of the user: a target of which only the answers are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from medtransfer.data.splits import Development
from medtransfer.networks.contract import CALLS, Contract
from medtransfer.networks.network import Network, Predictor

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from medtransfer.networks.doors.door import Door


@dataclass(frozen=True, kw_only=True, eq=False)
class Brought(Network):
    """A model of others; what it has seen is not known: `development` is what it is studied on.

    Attributes:
        sha256: of its file or files (see `doors.found`), which says which one it is.
        door: how it is asked, one of those of `doors.door`.
        contract: what it takes and gives.
    """

    replicated: ClassVar[tuple[str, ...]] = ()

    sha256: str
    door: str
    contract: Contract

    @property
    def seen(self) -> Development | None:
        return None

    @cached_property
    def traits(self) -> dict[str, Any]:
        """What tables and figures name: no part of its contract."""
        named = {"data": self.development.name, "door": self.door, "sha256": self.sha256[:12]}
        return {**named, "network": type(self).__name__.lower()}

    @property
    def name(self) -> str:
        """What people call it."""
        return f"the model {self.sha256[:12]} on {self.development.source.domain}"

    def open(self) -> Predictor:
        """Return what answers.

        Raises:
            TargetError: its files are gone or changed, or cannot be opened.
        """
        from medtransfer.networks.doors import door, found

        path = found.path(self.sha256)
        return Answering(door.opened(self.door, path, self.contract), self.contract, self.labels)


@dataclass(frozen=True)
class Answering:
    """A `Predictor` behind a door.

    Attributes:
        labels: whose scores it gives, in their order.
    """

    door: Door
    contract: Contract
    labels: Sequence[str]

    @property
    def differentiable(self) -> bool:
        """Whether `module` is there, through which gradients reach the images."""
        return self.door.module is not None and self.contract.outputs != CALLS

    @cached_property
    def module(self) -> nn.Module:
        """The model with its pixels before and its scores behind it; without the system's chain."""
        from medtransfer.networks.doors.gradients import Behind

        assert self.door.module is not None
        return Behind(self.door.module, self.contract, self.labels).eval()

    def logits(self, images: Tensor) -> Tensor:
        """Return scores (see `doors.scores`), float32 (N, K), for images (N, C, H, W) in [-1, 1].

        Raises:
            TargetError: the model gives no such answer.
        """
        import torch

        from medtransfer.networks.doors import pixels, scores

        raw = self.raw(pixels.pictures(images))
        return torch.from_numpy(scores.scores(self.contract, raw, self.labels))

    def raw(self, images: np.ndarray) -> np.ndarray:
        """Return the model's own outputs, float64 (N, K), for images, uint8 (N, H, W, C).

        Raises:
            TargetError: the model gives no such answer.
        """
        from medtransfer.networks.doors import pixels

        if not self.door.whole:
            images = pixels.delivered(self.contract.chain, images)
        return self.door.answer(images)
