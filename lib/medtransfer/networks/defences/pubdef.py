"""Training on attacks that others would bring, PubDef (Sitawarin et al. 2024)."""

from __future__ import annotations

from dataclasses import dataclass

from medtransfer.networks.network import Network
from medtransfer.networks.trained import Training


@dataclass(frozen=True, kw_only=True, eq=False)
class PubDef(Training):
    """A training on images as they are and, in the same batch, as `sources` saw them attacked.

    Every training image is attacked once on each source, by PGD, before the first step. The sources
    stand for what attackers have, so they are trained by the defender, and no attacker has them.
    Without sources the weights are those of a plain `Training`, bit for bit.

    Attributes:
        sources: networks that give gradients, on the same images.
        epsilon: in units of [-1, 1].
    """

    sources: tuple[Network, ...]
    epsilon: float

    @property
    def effort(self) -> str:
        return f"training {self.architecture} on transferred attacks"

    def train(self) -> None:
        """Train the network and publish it (see `defences.rehearsal`)."""
        from medtransfer.networks.defences import rehearsal

        rehearsal.train(self)
