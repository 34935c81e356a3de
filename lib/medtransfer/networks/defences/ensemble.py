"""Several networks that answer as one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from medtransfer.data.splits import Development
from medtransfer.networks.network import ModulePredictor, Network, Predictor

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True, eq=False)
class Ensemble(Network):
    """The mean logits of `members`, which all give gradients, on the images of `development`."""

    members: tuple[Network, ...]

    @property
    def seen(self) -> Development | None:
        """What the members have seen of one source and split, None if nobody knows of one."""
        known = [member.seen for member in self.members]
        return None if None in known else known[0]

    @cached_property
    def traits(self) -> dict[str, Any]:
        """What tables and figures name: what members share, and how many there are."""
        return super().traits | {"members": len(self.members)}

    @property
    def effort(self) -> str:
        return "asking"

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{len(self.members)} networks, {super().name}"

    def open(self) -> Predictor:
        """Return what answers, with gradients to the images."""
        from medtransfer.networks.defences.together import MeanLogits

        modules: list[nn.Module] = [each.open().module for each in self.members]  # type: ignore[attr-defined]
        return ModulePredictor(MeanLogits(modules))
