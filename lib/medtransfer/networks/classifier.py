"""The LightningModule: binary cross-entropy with logits for every task, AUC per epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medtransfer.errors import TrainingError
from medtransfer.measures.metrics import macro_auc
from medtransfer.networks.model import Classifier


class ImageClassifier(pl.LightningModule):
    """A `Classifier` with its loss, optimizer (AdamW) and one-cycle schedule.

    After every validation epoch `history` has one more row: epoch, mean training loss and macro
    AUC over the labels that validation images show both ways (NaN if there is none).
    """

    def __init__(
        self,
        model: Classifier,
        *,
        learning_rate: float,
        head_learning_rate: float,
        weight_decay: float,
        warm_up: float,
    ) -> None:
        super().__init__()
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.learning_rate, self.head_learning_rate = learning_rate, head_learning_rate
        self.weight_decay, self.warm_up = weight_decay, warm_up
        self.history: list[dict[str, float]] = []
        self.logits: np.ndarray = np.empty((0, 0), np.float32)
        self._losses: list[Tensor] = []
        self._answers: list[tuple[Tensor, Tensor]] = []

    @property
    def answering(self) -> nn.Module:
        """The network that is validated and kept: the one that is trained."""
        return self.model

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, K) for images (N, C, H, W) in [-1, 1]."""
        return self.model(images.contiguous(memory_format=torch.channels_last))

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:
        """Return the mean loss of a batch.

        Raises:
            TrainingError: the loss is not finite.
        """
        images, labels = batch
        loss = F.binary_cross_entropy_with_logits(self(images), labels)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss became {loss.item()} in epoch {self.current_epoch}, step {batch_index}; "
                "lower the learning rate of the profile"
            )
        self._losses.append(loss.detach())
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """Keep the answers to a batch for the epoch's AUC."""
        images, labels = batch
        logits = self.answering(images.contiguous(memory_format=torch.channels_last))
        self._answers.append((logits.detach().float().cpu(), labels.cpu()))

    def on_validation_epoch_end(self) -> None:
        """Add the epoch to `history` and keep its validation logits in `logits`."""
        logits, labels = (torch.cat(part).numpy() for part in zip(*self._answers, strict=True))
        loss = torch.stack(self._losses).mean().item() if self._losses else float("nan")
        self.logits = logits
        row = {"epoch": self.current_epoch, "loss": loss, "auc": macro_auc(labels, logits)}
        self.history.append(row)
        self._losses, self._answers = [], []

    def configure_optimizers(self) -> Any:
        """Return AdamW under a one-cycle schedule over all steps; it warms up for one at least."""
        rates = (self.learning_rate, self.head_learning_rate)
        body, head = self.model.parameter_groups()
        optimizer = torch.optim.AdamW(
            [{"params": body, "lr": rates[0]}, {"params": head, "lr": rates[1]}],
            weight_decay=self.weight_decay,
            fused=True,
        )
        steps = max(3, int(self.trainer.estimated_stepping_batches))
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=list(rates),
            total_steps=steps,
            pct_start=max(self.warm_up, 2 / steps),  # PyTorch counts from one step
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


class BestEpoch(pl.Callback):
    """Keeps the state of the epoch with the best validation AUC, the last one if none has any.

    Args:
        by: column of the history that is best when highest; epochs that are `overfitted` are out.
    """

    def __init__(self, *, by: str = "auc") -> None:
        self.by = by
        self.auc, self.epoch = -np.inf, -1
        self.state: dict[str, Tensor] = {}
        self.logits: np.ndarray = np.empty((0, 0), np.float32)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Copy the state if the epoch is the best so far."""
        assert isinstance(pl_module, ImageClassifier)
        auc = pl_module.history[-1][self.by]
        out = pl_module.history[-1].get("overfitted", 0.0)
        if (out and self.state) or (np.isnan(auc) and np.isfinite(self.auc)):
            return
        if np.isnan(auc) or auc > self.auc:
            self.auc = self.auc if np.isnan(auc) else auc
            self.epoch, self.logits = int(pl_module.history[-1]["epoch"]), pl_module.logits
            state = pl_module.answering.state_dict()
            self.state = {name: _copy(tensor) for name, tensor in state.items()}


def _copy(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
