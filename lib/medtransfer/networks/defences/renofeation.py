"""Features of a public network without its weights, Renofeation (Chin, Zhang, Marculescu 2021)."""

from __future__ import annotations

from dataclasses import dataclass

from medtransfer.networks.network import Network
from medtransfer.networks.trained import Training


@dataclass(frozen=True, kw_only=True, eq=False)
class Renofeation(Training):
    """A training from random weights that is pulled towards what a teacher sees in the images.

    The loss has a second part: how far its maps are from the teacher's, before each halving of the
    image and before the head. The paper's average of weights over a second training is left out.
    With a weight and a dropout of 0 the weights are those of a plain `Training`, bit for bit.

    Attributes:
        teacher: a network of the same architecture that gives gradients.
        weight: of the second part of the loss.
        dropout: share of the channels of these maps that are left out at random in training.
    """

    teacher: Network
    weight: float
    dropout: float

    @property
    def effort(self) -> str:
        return f"training {self.architecture} with a teacher"

    def train(self) -> None:
        """Train the network and publish it (see `defences.distillation`)."""
        from medtransfer.networks.defences import distillation

        distillation.train(self)
