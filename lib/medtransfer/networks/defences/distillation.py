"""From a `Renofeation` spec to a stored network."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medtransfer.networks import training
from medtransfer.networks.classifier import ImageClassifier
from medtransfer.networks.defences.renofeation import Renofeation
from medtransfer.networks.model import Classifier


def train(spec: Renofeation) -> None:
    """Train a network with a teacher and publish it (see `networks.training.train`).

    Raises:
        TrainingError: the loss was not finite, or there is one training image only.
        SplitError: the development set has an empty part.
    """
    teacher = spec.teacher.open().module  # type: ignore[attr-defined]
    how: Any = {"teacher": teacher, "weight": spec.weight, "dropout": spec.dropout}
    training.train(spec, classifier=partial(Taught, **how))


class Taught(ImageClassifier):
    """An `ImageClassifier` that is pulled towards a teacher's maps.

    Args:
        model: what is trained.
        teacher: in evaluation mode, without parameter gradients; nothing of it changes.
        weight, dropout: see `Renofeation`.
        recipe: see `ImageClassifier`.
    """

    def __init__(
        self, model: Classifier, *, teacher: nn.Module, weight: float, dropout: float, **recipe: Any
    ) -> None:
        super().__init__(model, **recipe)
        self.weight = weight
        self._ask = teacher.forward  # a part of it would be trained, moved and kept
        self.own, self.wanted = Maps(model, dropout=dropout), Maps(teacher)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        """Return the mean loss of a batch, with what its maps lack.

        Raises:
            TrainingError: the loss is not finite.
        """
        loss = super().training_step(batch, batch_index)
        own = self.own.taken()
        if not self.weight:
            return loss
        with torch.no_grad():
            self._ask(batch[0].contiguous(memory_format=torch.channels_last))
        return loss + self.weight * apart(own, self.wanted.taken())

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Keep the answers to a batch, and none of its maps."""
        super().validation_step(batch, index)
        self.own.taken()


def apart(own: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Return how far maps are from others: the mean square over their variance, mean over maps."""
    pairs = zip(own, wanted, strict=True)
    return torch.stack([F.mse_loss(one, other) / other.var() for one, other in pairs]).mean()


class Maps:
    """What a network hands on before each halving of the image, and before its head.

    The first halving is left out: it sees the image itself.

    Args:
        dropout: share of the channels that the network goes on without, in training.
    """

    def __init__(self, model: nn.Module, *, dropout: float = 0.0) -> None:
        self.dropout = dropout
        self._seen: list[Tensor] = []
        halving = [
            layer
            for layer in model.modules()
            if isinstance(layer, nn.Linear)
            or (isinstance(layer, nn.Conv2d) and max(layer.stride) > 1)
        ]
        for layer in halving[1:]:
            layer.register_forward_pre_hook(self._keep)

    def _keep(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor | None:
        (found,) = inputs
        self._seen.append(found)
        if not (self.dropout and layer.training and found.ndim == 4):
            return None
        return F.dropout2d(found, self.dropout)

    def taken(self) -> list[Tensor]:
        """Return the maps of the last pass, which are then forgotten."""
        seen, self._seen = self._seen, []
        return seen
