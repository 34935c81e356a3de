"""The fast gradient sign method (Goodfellow, Shlens and Szegedy 2015): one step of size epsilon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from medtransfer.attacks.method import BOUNDS, Method

if TYPE_CHECKING:
    import foolbox
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False)
class FGSM(Method):
    """One step of size epsilon along the sign of the gradient, which all epsilons share."""

    @property
    def gradients(self) -> int:
        return 1

    def perturb(self, model: foolbox.Model, images: Tensor, labels: Tensor) -> Tensor:
        """Return the images after one step (see `Method.perturb`)."""
        (found,) = self.sweep([self.epsilon], model, images, labels)
        return found

    def sweep(
        self, epsilons: Sequence[float], model: foolbox.Model, images: Tensor, labels: Tensor
    ) -> Iterator[Tensor]:
        """Yield the images of each epsilon, all from one gradient."""
        import eagerpy as ep
        import torch
        from foolbox.attacks import LinfFastGradientAttack

        from medtransfer.attacks.loss import MultiLabelLoss

        class Attack(MultiLabelLoss, LinfFastGradientAttack):
            """Foolbox's FGSM with the loss of the study."""

        attack = Attack(random_start=False)
        inputs, truth = ep.astensors(images, labels)
        with torch.inference_mode(False), torch.enable_grad():
            _, gradient = attack.value_and_grad(attack.get_loss_fn(model, truth), inputs)
        direction = gradient.raw.sign()
        for epsilon in epsilons:
            yield (images + epsilon * direction).clamp(*BOUNDS)
