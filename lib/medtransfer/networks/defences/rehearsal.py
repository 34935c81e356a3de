"""From a `PubDef` spec to a stored network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medtransfer.data.datamodule import TrainingImages
from medtransfer.data.images import Prepared
from medtransfer.networks import training
from medtransfer.networks.classifier import ImageClassifier
from medtransfer.networks.defences.ascent import ascended
from medtransfer.networks.defences.pubdef import PubDef
from medtransfer.networks.network import BATCH, Network, batch

STEPS = 10  # of PGD, each a quarter of epsilon


def train(spec: PubDef) -> None:
    """Train a network on transferred attacks and publish it (see `networks.training.train`).

    Raises:
        TrainingError: the loss was not finite, or there is one training image only.
        SplitError: the development set has an empty part.
    """
    shown = partial(Rehearsal, sources=spec.sources, epsilon=spec.epsilon)
    training.train(spec, shown=shown, classifier=OnBoth)


class Rehearsal(TrainingImages):
    """Training images, each with an attacked version of it, augmented alike.

    Which source it was attacked on is drawn by (seed, epoch, row). An item is (versions, labels):
    (V, C, H, W) in [-1, 1], the clean one first, and (K,); V is 2, or 1 without sources.

    Args:
        rows: those of training; no other image is attacked.
        sources, epsilon: see `PubDef`.
    """

    def __init__(
        self,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        sources: Sequence[Network],
        epsilon: float,
        **how: Any,
    ) -> None:
        super().__init__(prepared, rows, **how)
        self.attacked = [attacked(each, prepared, rows, epsilon=epsilon) for each in sources]

    def __getitem__(self, item: tuple[int, int]) -> tuple[Tensor, Tensor]:
        clean, labels = super().__getitem__(item)
        if not self.attacked:
            return clean[None], labels
        epoch, position = item
        row = int(self.rows[position])
        draw = np.random.default_rng((self.seed, epoch, row, len(self.attacked)))
        image = self.attacked[draw.integers(len(self.attacked))][position]
        moved = np.moveaxis(self.varied(image, epoch=epoch, row=row), -1, 0)
        return torch.stack([clean, torch.from_numpy(moved.copy())]), labels


def attacked(
    source: Network, prepared: Prepared, rows: np.ndarray, *, epsilon: float
) -> np.ndarray:
    """Return images of some rows after PGD on a network, float32 (N, H, W, C) in [-1, 1].

    No pixel is further than epsilon from where it was.
    """
    module = source.open().module  # type: ignore[attr-defined]
    found = []
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        clean = batch(prepared, part)
        labels = torch.from_numpy(prepared.targets[part]).to(clean.device)
        how: Any = {"step_size": epsilon / 4, "steps": STEPS, "epsilon": epsilon}
        moved = ascended(module, clean, labels, start=clean, **how)
        found.append(moved.permute(0, 2, 3, 1).cpu().numpy())
    return np.concatenate(found)


class OnBoth(ImageClassifier):
    """An `ImageClassifier` whose batches hold all versions of every image."""

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        """Return the mean loss over all versions (N, V, C, H, W) of a batch.

        Raises:
            TrainingError: the loss is not finite.
        """
        versions, labels = batch
        images = versions.transpose(0, 1).flatten(0, 1)
        return super().training_step((images, labels.repeat(versions.shape[1], 1)), batch_index)
