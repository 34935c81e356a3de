"""What Foolbox's gradient attacks need for outputs that are independent findings."""

from __future__ import annotations

from collections.abc import Callable

import eagerpy as ep
import foolbox
import torch
import torch.nn.functional as F
from torch import nn

from medtransfer.attacks.method import BOUNDS


class MultiLabelLoss:
    """Replaces the one-of-many loss of Foolbox's gradient attacks."""

    def get_loss_fn(
        self, model: foolbox.models.Model, labels: ep.Tensor
    ) -> Callable[[ep.Tensor], ep.Tensor]:
        """Return the loss of a batch: labels (N, K), 0 or 1, against logits (N, K)."""

        def loss(inputs: ep.Tensor) -> ep.Tensor:
            logits, truth = model(inputs).raw, labels.raw
            return ep.astensor(F.binary_cross_entropy_with_logits(logits, truth, reduction="sum"))

        return loss


def wrapped(model: nn.Module, device: torch.device) -> foolbox.Model:
    """Return a network as Foolbox takes it."""
    return foolbox.PyTorchModel(model, bounds=BOUNDS, device=device)
