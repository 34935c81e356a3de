"""Another start: what a network learned of other images, instead of public weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.networks.trained import StoredNetwork, Training

if TYPE_CHECKING:
    from medtransfer.networks.model import Classifier

NETWORK = "network"
"""The initialization of such a training."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Continued(Training):
    """A training that begins with the body of another network; its head is new.

    The body is all but the head, statistics of batch norms included. Where the start holds what a
    plain `Training` begins with, the weights are those of that training, bit for bit.

    Attributes:
        start: a network of the same architecture, whatever it learned.

    Raises:
        ValueError: the start has another architecture.
    """

    start: StoredNetwork

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start.architecture != self.architecture:
            raise ValueError(
                f"{self.architecture} cannot begin with the body of {self.start.architecture}"
            )

    @property
    def name(self) -> str:
        """What people call it."""
        learned, own = self.start.development, self.development
        return f"{self.architecture} from {learned.source.domain} on {own.source.domain} {own.name}"

    def train(self) -> None:
        """Train the network and publish it (see `networks.training`)."""
        from medtransfer.networks import training

        training.train(self, begun=initial)


def initial(spec: Continued) -> Classifier:
    """Return the network before its first step, its head drawn by the spec's seed.

    Raises:
        StoreError: the start is not in the store, or its weights are damaged.
    """
    import torch

    from medtransfer.networks import stored
    from medtransfer.networks.model import Classifier

    learned = stored.load(spec.start).state_dict()  # first, since building a network draws
    torch.manual_seed(spec.seed)
    model = Classifier(spec.architecture, outputs=len(spec.labels))
    for name, tensor in model.state_dict().items():
        if not name.removeprefix("network.").startswith(model.head):
            tensor.copy_(learned[name])
    return model
