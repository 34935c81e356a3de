"""FGSM and PGD on multi-label networks, as Foolbox attacks (protocol, section 3).

Untargeted, true labels, binary cross-entropy with logits summed over outputs. Epsilon and step
size are in units of the image range [-1, 1], in which 0.02 is 2.55 grey levels of 255.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # Foolbox imports GitPython, which wants git

import eagerpy as ep
import foolbox
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medtransfer.specs import Attack

BOUNDS = (-1.0, 1.0)
# Float rounding of clip and projection; the budget is exact to this.
TOLERANCE = 1e-6


class AttackError(ValueError):
    """An attack cannot be crafted as asked."""


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


class MultiLabelFGSM(MultiLabelLoss, foolbox.attacks.LinfFastGradientAttack):
    """The fast gradient sign method: one step of size epsilon."""


class MultiLabelPGD(MultiLabelLoss, foolbox.attacks.LinfProjectedGradientDescentAttack):
    """Projected gradient descent; projected and clipped at every step."""


def craft(
    model: nn.Module, images: Tensor, labels: Tensor, *, attacks: Sequence[Attack]
) -> Iterator[tuple[Attack, Tensor]]:
    """Yield every attack with its adversarial images, float32 (N, C, H, W) in [-1, 1].

    Each image stays within its attack's epsilon of the clean one, whatever its batch. All FGSM
    attacks share one gradient.

    Args:
        model: in evaluation mode and without parameter gradients; logits (N, K).
        images: float32 (N, C, H, W) in [-1, 1].
        labels: float32 (N, K), 0 or 1.
        attacks: on this model, "fgsm" or "pgd".

    Raises:
        AttackError: the model is in training mode, images leave [-1, 1] or hold NaN, shapes do not
            fit, or a method is unknown.
    """
    _check_methods(attacks)
    _check(model, images, labels)
    with torch.inference_mode(False):  # tensors born in inference mode take no gradient
        images, labels = images.clone(), labels.clone()
    wrapped = foolbox.PyTorchModel(model, bounds=BOUNDS, device=images.device)
    fgsm = [attack for attack in attacks if attack.method == "fgsm"]
    if fgsm:
        yield from _all_fgsm(wrapped, images, labels, attacks=fgsm)
    for attack in attacks:
        if attack.method == "pgd":
            yield attack, _pgd(wrapped, images, labels, attack=attack)


def _all_fgsm(
    wrapped: foolbox.PyTorchModel, images: Tensor, labels: Tensor, *, attacks: Sequence[Attack]
) -> Iterator[tuple[Attack, Tensor]]:
    method = MultiLabelFGSM(random_start=False)
    inputs, truth = ep.astensors(images, labels)
    with torch.inference_mode(False), torch.enable_grad():
        _, gradient = method.value_and_grad(method.get_loss_fn(wrapped, truth), inputs)
    direction = gradient.raw.sign()
    for attack in attacks:
        yield attack, (images + attack.epsilon * direction).clamp(*BOUNDS)


def _pgd(
    wrapped: foolbox.PyTorchModel, images: Tensor, labels: Tensor, *, attack: Attack
) -> Tensor:
    method = MultiLabelPGD(abs_stepsize=attack.step_size, steps=attack.steps, random_start=False)
    with torch.inference_mode(False), torch.enable_grad():
        return method.run(wrapped, images, labels, epsilon=attack.epsilon).detach()


def _check(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    training = any(module.training for module in model.modules())
    if training or any(p.requires_grad for p in model.parameters()):
        raise AttackError("call model.eval().requires_grad_(False) before an attack")
    if not torch.isfinite(images).all() or images.abs().max() > 1:
        raise AttackError("images must be finite and in [-1, 1]: scale them, do not normalise them")
    if labels.ndim != 2 or len(labels) != len(images) or not ((labels == 0) | (labels == 1)).all():
        raise AttackError(f"labels must be 0 or 1, (N, K); they are {tuple(labels.shape)}")


def _check_methods(attacks: Sequence[Attack]) -> None:
    for attack in attacks:
        if attack.method not in ("fgsm", "pgd"):
            raise AttackError(f"no method {attack.method!r}; allowed: fgsm, pgd")
        if attack.method == "fgsm" and (attack.steps, attack.step_size) != (1, attack.epsilon):
            raise AttackError("FGSM is one step of size epsilon")
