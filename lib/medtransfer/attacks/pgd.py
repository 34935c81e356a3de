"""Projected gradient descent (Madry et al. 2018) without a random start, as in the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.attacks.method import Method

if TYPE_CHECKING:
    import foolbox
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class PGD(Method):
    """Steps along the sign of the gradient, projected to the budget and clipped at every step.

    `step_size` is in units of the image range [-1, 1].
    """

    step_size: float
    steps: int

    @property
    def gradients(self) -> int:
        return self.steps

    def perturb(self, model: foolbox.Model, images: Tensor, labels: Tensor) -> Tensor:
        """Return the images after all steps (see `Method.perturb`)."""
        import torch
        from foolbox.attacks import LinfProjectedGradientDescentAttack

        from medtransfer.attacks.loss import MultiLabelLoss

        class Attack(MultiLabelLoss, LinfProjectedGradientDescentAttack):
            """Foolbox's PGD with the loss of the study."""

        attack = Attack(abs_stepsize=self.step_size, steps=self.steps, random_start=False)
        with torch.inference_mode(False), torch.enable_grad():
            return attack.run(model, images, labels, epsilon=self.epsilon).detach()
