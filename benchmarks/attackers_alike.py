"""Stronger attackers: are images, or the loss that they reach, those of torchattacks and of ART?

    pip install --no-deps --target /tmp/ta torchattacks==3.5.1   # neither is in the lock
    pip install --no-deps --target /tmp/ta adversarial-robustness-toolbox==1.20.1
    PYTHONPATH=/tmp/ta .venv/bin/python benchmarks/attackers_alike.py

A small network with a smooth gradient and one output; the others get it with the logits (0, z).
What is not installed is left out. Where images differ, the rows say why:

- SI of torchattacks shrinks its copies to black, and here to mid-grey, as in the authors' code.
- MI of ART divides gradients by the sum of their sizes, which changes no sign. If its pixels are
  those of PGD, its momentum is lost, as in versions before it was mended.
- Square draws by another rule in each library, so that shares of changed calls are compared after
  equally many questions. That of ART tries one square for the whole batch and asks three times for
  each; it takes no network with one output.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from crafting import TwoLogits, loss
from torch import Tensor, nn

from medtransfer.attacks.iterative import Iterative
from medtransfer.attacks.method import craft
from medtransfer.attacks.square import Questions, search
from medtransfer.attacks.transforms import TRANSFORMS
from medtransfer.executors.local import _start_worker

EPSILON, SIZE, STEPS = 0.3, 0.04, 10
SMALL, QUESTIONS = 0.03, 100  # with a larger epsilon Square soon changes all calls
OWN: dict[str, Any] = {"epsilon": EPSILON, "step_size": SIZE, "steps": STEPS}
SCALED = {"look": "momentum", "copies": 3, "transform": "scale", "strength": 2.0}
TO_BLACK = {"scale": lambda seen, base, copy, _: (seen + 1) / base**copy - 1}


def network() -> nn.Module:
    """Return a network whose gradient turns, so that the steps of two methods part."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2), nn.Softplus(10), nn.Flatten(), nn.Linear(8 * 14 * 14, 1)
    )
    model[0].weight.data *= 5
    return model.double().eval().requires_grad_(False)


def ours(model: nn.Module, images: Tensor, labels: Tensor, **changes: Any) -> Tensor:
    made = Iterative(called="it", **OWN, **{"momentum": 1.0, **changes})
    ((_, found),) = craft(model, images, labels, [made])
    return found


def of_torchattacks(model: nn.Module, images: Tensor, labels: Tensor) -> Iterator[tuple[Any, ...]]:
    """Yield name, library, our images and theirs; theirs are from 0 to 1, half of ours."""
    import torchattacks

    kinds = {
        "MI": (torchattacks.MIFGSM, {}),
        "NI": (torchattacks.NIFGSM, {"look": "momentum"}),
        "DI, probability 0": (partial(torchattacks.DIFGSM, decay=1.0, diversity_prob=0.0), {}),
        "SI-NI": (partial(torchattacks.SINIFGSM, m=3), SCALED),
        "SI-NI, towards black here as well": (partial(torchattacks.SINIFGSM, m=3), SCALED),
    }
    common = {"eps": EPSILON / 2, "alpha": SIZE / 2, "steps": STEPS}
    for name, (kind, changes) in kinds.items():
        with patch.dict(TRANSFORMS, TO_BLACK if "black" in name else {}):
            own = ours(model, images, labels, **changes)
        attack = kind(TwoLogits(model, low=0.0).double().eval(), **common)
        found = attack((images + 1) / 2, labels[:, 0].long()).double() * 2 - 1
        yield name, "torchattacks", own, found


def classifier(model: nn.Module, images: Tensor) -> Any:
    """Return a network as ART takes it."""
    from art.estimators.classification import PyTorchClassifier

    return PyTorchClassifier(
        model=TwoLogits(model).eval(),
        loss=nn.CrossEntropyLoss(),
        input_shape=tuple(images.shape[1:]),
        nb_classes=2,
        clip_values=(-1, 1),
        device_type="cpu",
    )


def of_art(model: nn.Module, images: Tensor, labels: Tensor) -> Iterator[tuple[Any, ...]]:
    """Yield name, library, our images and theirs, which are float32."""
    from art.attacks.evasion import MomentumIterativeMethod, ProjectedGradientDescentPyTorch

    model, images, labels = (each.float() for each in (model, images, labels))
    common = {"eps": EPSILON, "eps_step": SIZE, "max_iter": STEPS, "batch_size": len(images)}
    plain = partial(ProjectedGradientDescentPyTorch, num_random_init=0)
    for name, kind, momentum in (
        ("PGD", plain, 0.0),
        ("MI", MomentumIterativeMethod, 1.0),
        ("MI, beside PGD here", MomentumIterativeMethod, 0.0),
    ):
        own = ours(model, images, labels, momentum=momentum)
        attack = kind(classifier(model, images), verbose=False, **common)
        found = attack.generate(x=images.numpy(), y=_truth(labels))
        yield name, "ART", own.double(), torch.from_numpy(found).double()


def _truth(labels: Tensor) -> np.ndarray:
    return np.eye(2, dtype=np.float32)[labels[:, 0].long().numpy()]


def squares(model: nn.Module, images: Tensor, labels: Tensor) -> None:
    """Print which share of right calls Square changes, with how many questions about an image."""
    from art.attacks.evasion import SquareAttack

    model, images, labels = (each.float() for each in (model, images, labels))
    right = (model(images) > 0) == (labels > 0)
    found = {}
    ask = Questions(model, images=len(images), most=QUESTIONS)
    names = [f"image{n}" for n in range(len(images))]
    *_, (_, best) = search(ask, images, labels, start=None, names=names, epsilon=SMALL)
    found["medtransfer"] = best, QUESTIONS
    np.random.seed(0)  # ART draws by the global state
    wrapped, asked = classifier(model, images), []
    predict = wrapped.predict
    wrapped.predict = lambda x, **options: asked.append(len(x)) or predict(x, **options)
    attack = SquareAttack(wrapped, eps=SMALL, max_iter=QUESTIONS - 1, nb_restarts=1, verbose=False)
    moved = attack.generate(x=images.numpy().copy(), y=_truth(labels))
    found["ART"] = torch.from_numpy(moved), len(asked)
    print("\n| Square of | right calls changed | questions, at most |\n|---|---|---|")
    for name, (made, number) in found.items():
        turned = ((model(made) > 0) != (model(images) > 0))[right].double().mean().item()
        print(f"| {name} | {turned:.2f} | {number} |", flush=True)


def main() -> None:
    _start_worker()
    model = network()
    images = (torch.rand(20, 3, 32, 32, dtype=torch.float64) - 0.5) * 1.6
    labels = (torch.rand(20, 1) > 0.5).double()
    rows = {"torchattacks": of_torchattacks, "art": of_art}
    print("| method | beside | pixels alike | loss, medtransfer | loss of the other |")
    print("|---|---|---|---|---|")
    for library, compared in rows.items():
        if not find_spec(library):
            print(f"(without {library}, which is not installed)")
            continue
        for name, beside, mine, theirs in compared(network(), images, labels):
            share = ((mine - theirs).abs() < 1e-5).double().mean().item()
            reached = [loss(model, each, labels) for each in (mine, theirs)]
            print(
                f"| {name} | {beside} | {share:.4f} | {reached[0]:.4f} | {reached[1]:.4f} |",
                flush=True,
            )
    if find_spec("art"):
        squares(network(), images, labels)


if __name__ == "__main__":
    main()
