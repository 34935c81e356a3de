"""Crafting: FGSM and PGD-20 at six epsilons, side by side with what people use today.

    pip install --no-deps torchattacks==3.5.1 adversarial-robustness-toolbox   # not in the lock
    .venv/bin/python benchmarks/crafting.py [--images 100] [--repeats 5]

One network of the study with one output, one batch, one thread. Other libraries have no loss for
one output or several labels: they get the same network with the logits (0, z), for which
cross-entropy is the same loss. Each runs on the network as PyTorch has it, which is what people
use, and on ours, folded. FGSM images that differ by more than rounding stop the script before
anything is timed. Twenty steps of signs amplify rounding, so that PGD images may differ; there the
loss that each reaches must be the same to 1 %. Ratios are of medians of repeats, each of which runs
all rows once, so that a slow moment of the machine meets all of them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import numpy as np
import torch
from torch import Tensor, nn

from medtransfer.attacks.fgsm import FGSM
from medtransfer.attacks.method import Method, craft
from medtransfer.attacks.pgd import PGD
from medtransfer.executors.local import _start_worker
from medtransfer.networks import fast
from medtransfer.networks import model as models

PX, STEPS, STEP_SIZE = 48, 20, 0.01
SWEEP = (0.01, 0.02, 0.03, 0.04, 0.05, 0.06)
Images = list[Tensor]
Work = dict[tuple[str, str], Callable[[], Images]]


class TwoLogits(nn.Module):
    """One logit z as the two logits (0, z), for images in [low, 1]."""

    def __init__(self, model: nn.Module, *, low: float = -1.0) -> None:
        super().__init__()
        self.model, self.low = model, low

    def forward(self, images: Tensor) -> Tensor:
        logit = self.model(images if self.low == -1 else images * 2 - 1)
        return torch.cat([torch.zeros_like(logit), logit], dim=1)


def ours(model: nn.Module, images: Tensor, labels: Tensor, *, method: str) -> Images:
    methods: list[Method] = [
        FGSM(epsilon=epsilon)
        if method == "fgsm"
        else PGD(epsilon=epsilon, step_size=STEP_SIZE, steps=STEPS)
        for epsilon in SWEEP
    ]
    return [made for _, made in craft(model, images, labels, methods)]


def bare(model: nn.Module, images: Tensor, labels: Tensor, *, method: str) -> Images:
    """The same attack as a plain loop, one gradient after another."""
    made = []
    for epsilon in SWEEP:
        steps, size = (1, epsilon) if method == "fgsm" else (STEPS, STEP_SIZE)
        adversarial = images.clone()
        for _ in range(steps):
            adversarial.requires_grad_()
            loss = nn.functional.binary_cross_entropy_with_logits(
                model(adversarial), labels, reduction="sum"
            )
            (gradient,) = torch.autograd.grad(loss, adversarial)
            moved = adversarial.detach() + size * gradient.sign()
            moved = images + torch.clamp(moved - images, -epsilon, epsilon)
            adversarial = moved.clamp(-1, 1)
        made.append(adversarial)
    return made


def foolbox_plain(model: nn.Module, images: Tensor, labels: Tensor, *, method: str) -> Images:
    import foolbox

    wrapped = foolbox.PyTorchModel(TwoLogits(model).eval(), bounds=(-1, 1), device="cpu")
    kind = (
        foolbox.attacks.LinfFastGradientAttack(random_start=False)
        if method == "fgsm"
        else foolbox.attacks.LinfProjectedGradientDescentAttack(
            abs_stepsize=STEP_SIZE, steps=STEPS, random_start=False
        )
    )
    _, made, _ = kind(wrapped, images, labels[:, 0].long(), epsilons=list(SWEEP))
    return list(made)


def torchattacks_plain(model: nn.Module, images: Tensor, labels: Tensor, *, method: str) -> Images:
    import torchattacks

    network, made = TwoLogits(model, low=0.0).eval(), []
    for epsilon in SWEEP:
        kind = (
            torchattacks.FGSM(network, eps=epsilon / 2)
            if method == "fgsm"
            else torchattacks.PGD(
                network, eps=epsilon / 2, alpha=STEP_SIZE / 2, steps=STEPS, random_start=False
            )
        )
        made.append(kind((images + 1) / 2, labels[:, 0].long()) * 2 - 1)
    return made


def art_plain(model: nn.Module, images: Tensor, labels: Tensor, *, method: str) -> Images:
    from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescentPyTorch
    from art.estimators.classification import PyTorchClassifier

    classifier = PyTorchClassifier(
        model=TwoLogits(model).eval(),
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(images.shape[1:]),
        nb_classes=2,
        clip_values=(-1, 1),
        device_type="cpu",
    )
    truth, made = np.eye(2, dtype=np.float32)[labels[:, 0].long().numpy()], []
    for epsilon in SWEEP:
        common = {"eps": epsilon, "batch_size": len(images), "norm": np.inf}
        kind = (
            FastGradientMethod(classifier, **common)
            if method == "fgsm"
            else ProjectedGradientDescentPyTorch(
                classifier,
                eps_step=STEP_SIZE,
                max_iter=STEPS,
                num_random_init=0,
                verbose=False,
                **common,
            )
        )
        made.append(torch.from_numpy(kind.generate(x=images.numpy(), y=truth)))
    return made


ROWS: dict[str, Callable[..., Images]] = {
    "bare PyTorch loop": bare,
    "Foolbox": foolbox_plain,
    "torchattacks": torchattacks_plain,
    "Adversarial Robustness Toolbox": art_plain,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    _start_worker()
    print("| network | attack | with | on | seconds | medtransfer is faster by |")
    print("|---|---|---|---|---|---|")
    for architecture in ("efficientnet_lite0_stride8", "mobilenet_v2_stride8"):
        images = torch.rand(options.images, 3, PX, PX) * 2 - 1
        plain = built(architecture, images)
        with patch.dict(os.environ, MEDTRANSFER_FAST="0"):
            networks = {"PyTorch's layers": built(architecture, images)}
        networks["folded"] = fast.for_answers(plain.requires_grad_(False), images[:2])
        labels = (torch.rand(options.images, 1) > 0.5).float()
        for method in ("fgsm", "pgd"):
            work = {
                (name, on): partial(row, network, laid_out(images, on), labels, method=method)
                for name, row in ROWS.items()
                for on, network in networks.items()
                if runs(name, row, network, images, labels)
            }
            own = partial(ours, networks["folded"], laid_out(images, "folded"), labels)
            work = {("medtransfer", "folded"): partial(own, method=method), **work}
            check(work, networks["folded"], labels, method=method)
            compare(work, f"{architecture} | {method}", repeats=options.repeats)


def built(architecture: str, images: Tensor) -> nn.Module:
    """Return an untrained network with statistics that keep activations alive."""
    torch.manual_seed(0)
    model = models.Classifier(architecture, outputs=1)
    with torch.no_grad():
        model.train()(images)
    return model.eval()


def laid_out(images: Tensor, on: str) -> Tensor:
    """Return images in the layout that a network is measured with: ours has channels last."""
    layout = torch.channels_last if on == "folded" else torch.contiguous_format
    return images.contiguous(memory_format=layout)


def check(work: Work, model: nn.Module, labels: Tensor, *, method: str) -> None:
    """Stop unless all rows make the same attacks."""
    made = {name: row() for name, row in work.items()}
    for name, images in made.items():
        for one, other in zip(images, made["medtransfer", "folded"], strict=True):
            if method == "fgsm":
                alike = ((one - other).abs() < 1e-4).float().mean().item() > 0.99
            else:
                reached, wanted = loss(model, one, labels), loss(model, other, labels)
                alike = abs(reached / wanted - 1) < 0.01
            assert alike, f"{name} makes other attacks"


def compare(work: Work, title: str, *, repeats: int) -> None:
    seconds: dict[tuple[str, str], list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, row in work.items():
            start = time.perf_counter()
            row()
            seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for (name, on), value in median.items():
        ratio = value / median["medtransfer", "folded"]
        print(f"| {title} | {name} | {on} | {value:.2f} | {ratio:.2f} |", flush=True)


@torch.no_grad()
def loss(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    return nn.functional.binary_cross_entropy_with_logits(model(images), labels).item()


def runs(
    name: str, row: Callable[..., Images], model: nn.Module, images: Tensor, labels: Tensor
) -> bool:
    try:
        row(model, images[:2], labels[:2], method="fgsm")
    except ImportError as error:
        print(f"(without {name}: {error})")
        return False
    return True


if __name__ == "__main__":
    main()
