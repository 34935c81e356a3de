"""A public network that has seen no medical image: a pre-trained body and a random head."""

from __future__ import annotations

from dataclasses import dataclass

from medtransfer.networks.network import ModulePredictor, Predictor
from medtransfer.networks.trained import StoredNetwork


@dataclass(frozen=True, kw_only=True, eq=False)
class Untrained(StoredNetwork):
    """The start of a training, before its first step.

    An attack on it moves what the public body sees in an image, in a direction of its features
    that the seed draws. `development` says whose images it is asked about; it has seen none.
    """

    @property
    def seen(self) -> None:
        """None: it has seen no image of this source."""
        return

    @property
    def effort(self) -> str:
        return "asking"

    @property
    def name(self) -> str:
        """What people call it."""
        return f"untrained {self.architecture} for {self.development.source.domain}"

    def open(self) -> Predictor:
        """Return what answers, with gradients to the images."""
        import torch

        from medtransfer.data import images
        from medtransfer.networks import fast
        from medtransfer.networks.network import batch, device
        from medtransfer.networks.training import initial

        model = initial(self).to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
        example = batch(images.load(self.development.source), [0, 1])
        return ModulePredictor(fast.for_answers(model.eval().requires_grad_(False), example))
