"""Whether the gradients of a network are what they seem (Carlini et al. 2019, Tramer et al. 2020).

A defence may hide its gradients instead of mending anything: then an attack in the white box fails,
and others succeed. Here the owner's attack is set beside those that must not do better.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from medtransfer import store
from medtransfer.attacks.method import Method
from medtransfer.networks.network import Network
from medtransfer.specs import Result

if TYPE_CHECKING:
    from torch import Tensor, nn

    from medtransfer.networks.network import Predictor

FILE = "masking.json"
UNBOUNDED = 0.5  # an epsilon at which anything can be drawn
STARTS, UNIFORM = 3, 100
DIRECTIONS, QUERIED = 8, 10  # of an estimated gradient, and how many steps follow such
NONE, ZERO = "none", "zero gradients"
ONE_STEP, PGD, HALF, TWICE = "one step", "PGD", "PGD, half the epsilon", "PGD, twice the steps"
RANDOM_STARTS, NOISE = "PGD, random starts", "uniform noise"
WITHOUT, LARGE = "without gradients", "PGD, an epsilon of 0.5"


@dataclass(frozen=True, kw_only=True, eq=False)
class Masking(Result):
    """What several attacks leave of `target` on its first validation images.

    Attributes:
        method: PGD as the study has it, at the epsilon of the checks.
        images: how many, at most.
    """

    target: Network
    method: Method
    images: int

    @property
    def title(self) -> str:
        return f"check the gradients of {self.target.name}"

    @property
    def effort(self) -> str:
        return "checking gradients"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Publish the AUC that every attack leaves, and the share of gradients that are 0."""
        for spec in specs:
            with store.draft(spec) as place:
                (place / FILE).write_text(json.dumps(_measured(spec), indent=1))


def read(spec: Masking) -> dict[str, float]:
    """Return the AUC that each attack leaves, and under ZERO the share of images without gradient.

    Raises:
        StoreError: nothing is stored, or it is damaged.
    """
    with store.reading(spec, FILE) as path:
        found: dict[str, float] = json.loads(path.read_text())
        return found


def _measured(spec: Masking) -> dict[str, float]:
    import torch

    from medtransfer.data import images as sources
    from medtransfer.data import splits
    from medtransfer.measures.metrics import macro_auc
    from medtransfer.networks.defences.ascent import gradient
    from medtransfer.networks.network import batch

    development = spec.target.development
    prepared = sources.load(development.source)
    divided = splits.parts(prepared.index, labels=prepared.labels, development=development)
    rows = divided.validation[: spec.images]
    images = batch(prepared, rows)
    labels = torch.from_numpy(prepared.targets[rows]).to(images.device)
    opened = spec.target.open()
    module = opened.module  # type: ignore[attr-defined]
    flat = gradient(module, images, labels).flatten(1)
    found = {ZERO: (flat.abs().amax(1) == 0).float().mean().item()}
    for name, moved in attacked(opened, module, images, labels, spec.method):
        found[name] = worst_auc(opened, moved, labels)
    alone = [
        opened.logits(unbounded(module, images, labels, number, spec.method))[:, number]
        for number in range(labels.shape[1])
    ]
    found[LARGE] = macro_auc(labels.cpu().numpy(), torch.stack(alone, 1).numpy())
    return found


def attacked(
    opened: Predictor, module: nn.Module, images: Tensor, labels: Tensor, method: Method
) -> Iterator[tuple[str, Iterator[Tensor]]]:
    """Yield every attack within the budget with its images, of several tries one after another."""
    from medtransfer.networks.defences.ascent import ascended, uniform

    epsilon, steps = method.epsilon, _steps(method)
    size = max(float(dict(method.fields())["step_size"]), epsilon / steps)  # reaches epsilon

    def pgd(reach: float, number: int, by: float, start: Tensor) -> Tensor:
        how = {"start": start, "step_size": by, "steps": number, "epsilon": reach}
        return ascended(module, images, labels, **how)  # type: ignore[arg-type]

    starts = (uniform(images, epsilon, seed=(1, number)) for number in range(STARTS))
    yield NONE, iter([images])
    yield ONE_STEP, iter([pgd(epsilon, 1, epsilon, images)])
    yield PGD, iter([pgd(epsilon, steps, size, images)])
    yield HALF, iter([pgd(epsilon / 2, steps, size, images)])
    yield TWICE, iter([pgd(epsilon, 2 * steps, size, images)])
    yield RANDOM_STARTS, (pgd(epsilon, steps, size, start) for start in starts)
    yield NOISE, (uniform(images, epsilon, seed=(2, number)) for number in range(UNIFORM))
    yield WITHOUT, iter([estimated(opened, images, labels, epsilon=epsilon, size=size)])


def unbounded(
    module: nn.Module, images: Tensor, labels: Tensor, number: int, method: Method
) -> Tensor:
    """Return images at which anything could be drawn, against one label.

    Against several together the steps would follow the one whose loss is steepest, and leave others
    right: that says nothing of gradients.
    """
    from medtransfer.networks.defences.ascent import ascended

    steps = _steps(method)
    return ascended(
        lambda moved: module(moved)[:, [number]],
        images,
        labels[:, [number]],
        start=images,
        step_size=UNBOUNDED / steps,
        steps=2 * steps,
        epsilon=UNBOUNDED,
    )


def _steps(method: Method) -> int:
    return int(dict(method.fields())["steps"])


def estimated(
    opened: Predictor, images: Tensor, labels: Tensor, *, epsilon: float, size: float
) -> Tensor:
    """Return images after steps along gradients that are estimated from answers alone.

    Simultaneous perturbation (SPSA; Uesato et al. 2018): the loss at both ends of a few random
    directions, as long as epsilon.
    """
    import numpy as np
    import torch

    moved = images
    for step in range(QUERIED):
        slope = torch.zeros_like(images)
        for number in range(DIRECTIONS):
            signs = np.random.default_rng((step, number)).choice([-1.0, 1.0], tuple(images.shape))
            way = torch.from_numpy(signs).to(images)
            ends = [(moved + side * epsilon * way).clamp(-1, 1) for side in (1, -1)]
            up, down = (losses(opened.logits(end), labels) for end in ends)
            slope += (up - down).to(images)[:, None, None, None] * way
        moved = moved + size * slope.sign()
        moved = torch.clamp(moved, images - epsilon, images + epsilon).clamp(-1, 1)
    return moved


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the binary cross-entropy of every image, summed over outputs, (N,)."""
    import torch.nn.functional as F

    truth = labels.to(logits)
    return F.binary_cross_entropy_with_logits(logits, truth, reduction="none").sum(1)


def worst_auc(opened: Predictor, moved: Iterator[Tensor], labels: Tensor) -> float:
    """Return the macro AUC where every image is answered as in the try of its largest loss."""
    from medtransfer.measures.metrics import macro_auc

    kept, most = None, None
    for images in moved:
        logits = opened.logits(images)
        loss = losses(logits, labels)
        if kept is None or most is None:
            kept, most = logits.clone(), loss
        worse = loss > most
        kept[worse], most[worse] = logits[worse], loss[worse]
    assert kept is not None
    return macro_auc(labels.cpu().numpy(), kept.numpy())
