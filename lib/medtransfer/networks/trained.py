"""Networks whose tensors the store keeps: those that are trained here."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from medtransfer.networks.network import Network, Predictor

IMAGENET, RANDOM = "imagenet", "random"


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredNetwork(Network):
    """A network of the registry whose tensors are in the store.

    Attributes:
        architecture: an entry of `networks.architectures`.
        initialization: "imagenet" or "random".
        weights: sha256 of the weights that it began with, or "".
        seed: tells networks apart that are otherwise alike, and draws what a training draws.
    """

    architecture: str
    initialization: str
    weights: str
    seed: int

    def open(self) -> Predictor:
        """Return the stored network, rewritten for speed (see `networks.fast`)."""
        from medtransfer.networks import stored

        return stored.predictor(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Training(StoredNetwork):
    """A network that is trained here.

    Attributes:
        augmentation: how its training images are varied (see `data.datamodule`).
        steps: of the optimizer, about: they are rounded to whole epochs, of which there are
            `least_epochs` to `most_epochs`, so that few images are not seen too often nor many
            only in part.
        warm_up: share of the steps over which the learning rates rise.
    """

    augmentation: tuple[str, ...]
    steps: int
    least_epochs: int
    most_epochs: int
    batch_size: int
    learning_rate: float
    head_learning_rate: float
    weight_decay: float
    warm_up: float = 0.3

    @property
    def title(self) -> str:
        return f"train {self.name}"

    @property
    def effort(self) -> str:
        return f"training {self.architecture}"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Train networks and publish them."""
        for spec in specs:
            spec.train()
            gc.collect()  # a trainer and its network refer to each other, and would stay for long

    def train(self) -> None:
        """Train the network and publish it (see `networks.training`)."""
        from medtransfer.networks import training

        training.train(self)
