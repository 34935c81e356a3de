"""From an `NFGSM` spec to a stored network."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from medtransfer.measures.metrics import macro_auc
from medtransfer.networks import training
from medtransfer.networks.classifier import BestEpoch, ImageClassifier
from medtransfer.networks.defences.ascent import ascended, slope, uniform
from medtransfer.networks.defences.nfgsm import NFGSM
from medtransfer.networks.defences.overfitting import overfitted
from medtransfer.networks.model import Classifier

STEPS = 10  # of PGD on validation images, each a quarter of epsilon
NAN = float("nan")


def train(spec: NFGSM) -> None:
    """Train a network on attacked images and publish it (see `networks.training.train`).

    `history.csv` also holds, of epochs at full epsilon, the validation AUC under FGSM and under
    PGD, the mean cosine between gradients at an image and at a noisy copy, and whether the training
    has `overfitted` catastrophically; such epochs are not kept.

    Raises:
        TrainingError: the loss was not finite, or there is one training image only.
        SplitError: the development set has an empty part.
    """
    own: dict[str, Any] = {"epsilon": spec.epsilon, "noise": spec.noise, "ramp": spec.ramp}
    classifier = partial(Hardened, **own, average=spec.average, seed=spec.seed)
    by = "pgd_auc" if spec.epsilon else "auc"
    training.train(spec, classifier=classifier, best=BestEpoch(by=by))


class Hardened(ImageClassifier):
    """An `ImageClassifier` that is trained on attacked images.

    Args:
        model: what is trained.
        epsilon, noise, ramp, average: see `NFGSM`.
        seed: with the number of a step it draws that step's noise.
        recipe: see `ImageClassifier`.
    """

    def __init__(
        self,
        model: Classifier,
        *,
        epsilon: float,
        noise: float,
        ramp: float,
        average: float,
        seed: int,
        **recipe: Any,
    ) -> None:
        super().__init__(model, **recipe)
        self.epsilon, self.noise, self.ramp, self.seed = epsilon, noise, ramp, seed
        self.averaged: AveragedModel | None = None
        if average:
            mean = get_ema_multi_avg_fn(average)
            self.averaged = AveragedModel(self.model, multi_avg_fn=mean, use_buffers=True)
            self.averaged.requires_grad_(False)
        self._seen: list[tuple[Tensor, Tensor]] = []

    @property
    def answering(self) -> nn.Module:
        """The moving average of the network, if there is one."""
        return self.model if self.averaged is None else self.averaged.module

    @property
    def reached(self) -> float:
        """The epsilon of the next step."""
        steps = self.ramp * float(self.trainer.estimated_stepping_batches)
        return self.epsilon * (min(1.0, (self.global_step + 1) / steps) if steps else 1.0)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        """Return the mean loss of a batch after one step of the attack.

        Raises:
            TrainingError: the loss is not finite.
        """
        images, labels = batch
        return super().training_step((self.attacked(images, labels), labels), batch_index)

    def attacked(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the images that the network is trained on; nothing of it changes."""
        epsilon = self.reached
        if not epsilon:
            return images
        start = uniform(images, self.noise * epsilon, seed=(self.seed, self.global_step))
        self.model.eval()  # statistics of batch norms are those of attacked images
        moved = ascended(
            self, images, labels, start=start, step_size=epsilon, steps=1, epsilon=float("inf")
        )
        self.model.train()
        return moved

    def on_train_batch_end(self, *_: Any) -> None:
        """Take the step into the moving average."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.model)

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        """Keep the answers to a batch, and the batch itself to attack it."""
        super().validation_step(batch, index)
        self._seen.append(batch)

    def on_validation_epoch_end(self) -> None:
        """Add the epoch to `history`, with what attacks leave once epsilon is reached."""
        super().on_validation_epoch_end()
        images, labels = (torch.cat(part) for part in zip(*self._seen, strict=True))
        self._seen = []
        row = self.history[-1]
        row |= {"fgsm_auc": NAN, "pgd_auc": NAN, "cosine": NAN}
        if self.epsilon and self.reached == self.epsilon:
            row |= self._under_attack(images, labels)
        row["overfitted"] = float(overfitted(self.history))

    def _under_attack(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        model = self.answering
        images = images.clone(memory_format=torch.channels_last)

        def moved(size: float, steps: int) -> Tensor:
            how: Any = {"step_size": size, "steps": steps, "epsilon": self.epsilon}
            return ascended(model, images, labels, start=images, **how)

        one, many = moved(self.epsilon, 1), moved(self.epsilon / 4, STEPS)
        beside = uniform(images, self.epsilon, seed=(self.seed,))
        here, there = (slope(model, each, labels).flatten(1) for each in (images, beside))
        with torch.no_grad():
            asked = [model(each).float().cpu().numpy() for each in (one, many)]
        truth = labels.cpu().numpy()
        return {
            "fgsm_auc": macro_auc(truth, asked[0]),
            "pgd_auc": macro_auc(truth, asked[1]),
            "cosine": F.cosine_similarity(here.double(), there.double()).mean().item(),
        }
