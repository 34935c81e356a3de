"""Whether the gradients of a network are what they seem (Carlini et al. 2019, Tramer et al. 2020).

A defence may hide its gradients instead of mending anything: then an attack in the white box fails,
and others succeed. Here the owner's attack is set beside those that must not do better. All of them
aim at one label at a time: at several together, the steps follow the label that moves furthest.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Self

from medtransfer import store
from medtransfer.attacks.method import Method
from medtransfer.networks.network import Network
from medtransfer.specs import Result

if TYPE_CHECKING:
    from torch import Tensor

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


@dataclass(frozen=True)
class Label:
    """A network as if it answered one label alone."""

    opened: Predictor
    number: int

    def logits(self, images: Tensor) -> Tensor:
        """Return its logits (N, 1), as the network is asked."""
        return self.opened.logits(images)[:, [self.number]]

    def module(self, images: Tensor) -> Tensor:
        """Return its logits (N, 1), through which gradients reach the images."""
        found: Tensor = self.opened.module(images)[:, [self.number]]  # type: ignore[attr-defined]
        return found


def read(spec: Masking) -> dict[str, float]:
    """Return the AUC that each attack leaves, and under ZERO the share of images without gradient.

    Means over labels, each attacked on its own.

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
    truth = torch.from_numpy(prepared.targets[rows]).to(images.device)
    opened = spec.target.open()
    without, answers = [], defaultdict(list)
    for number in range(truth.shape[1]):
        label, own = Label(opened, number), truth[:, [number]]
        flat = gradient(label.module, images, own).flatten(1)
        without.append((flat.abs().amax(1) == 0).float().mean().item())
        for name, moved in attacked(label, images, own, spec.method):
            answers[name].append(worst(label, moved, own))
    known = truth.cpu().numpy()
    left = {name: macro_auc(known, torch.cat(own, 1).numpy()) for name, own in answers.items()}
    return {ZERO: fmean(without), **left}


def attacked(
    label: Label, images: Tensor, truth: Tensor, method: Method
) -> Iterator[tuple[str, Iterator[Tensor]]]:
    """Yield every attack of the checks with its images, of several tries one after another."""
    from medtransfer.networks.defences.ascent import ascended, uniform

    epsilon = method.epsilon
    parameters = dict(method.fields())
    steps = int(parameters["steps"])
    size = max(float(parameters["step_size"]), epsilon / steps)  # so that steps reach epsilon

    def pgd(reach: float, number: int, by: float, start: Tensor) -> Tensor:
        how = {"start": start, "step_size": by, "steps": number, "epsilon": reach}
        return ascended(label.module, images, truth, **how)  # type: ignore[arg-type]

    starts = (uniform(images, epsilon, seed=(1, number)) for number in range(STARTS))
    yield NONE, iter([images])
    yield ONE_STEP, iter([pgd(epsilon, 1, epsilon, images)])
    yield PGD, iter([pgd(epsilon, steps, size, images)])
    yield HALF, iter([pgd(epsilon / 2, steps, size, images)])
    yield TWICE, iter([pgd(epsilon, 2 * steps, size, images)])
    yield RANDOM_STARTS, (pgd(epsilon, steps, size, start) for start in starts)
    yield NOISE, (uniform(images, epsilon, seed=(2, number)) for number in range(UNIFORM))
    yield WITHOUT, iter([estimated(label, images, truth, epsilon=epsilon, size=size)])
    yield LARGE, iter([pgd(UNBOUNDED, 2 * steps, UNBOUNDED / steps, images)])


def estimated(
    label: Label, images: Tensor, truth: Tensor, *, epsilon: float, size: float
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
            up, down = (losses(label.logits(end), truth) for end in ends)
            slope += (up - down).to(images)[:, None, None, None] * way
        moved = moved + size * slope.sign()
        moved = torch.clamp(moved, images - epsilon, images + epsilon).clamp(-1, 1)
    return moved


def losses(logits: Tensor, truth: Tensor) -> Tensor:
    """Return the binary cross-entropy of every image, (N,), for logits and truth (N, 1)."""
    import torch.nn.functional as F

    known = truth.to(logits)
    return F.binary_cross_entropy_with_logits(logits, known, reduction="none")[:, 0]


def worst(label: Label, moved: Iterator[Tensor], truth: Tensor) -> Tensor:
    """Return logits (N, 1), of every image those of the try with the largest loss."""
    kept, most = None, None
    for images in moved:
        logits = label.logits(images)
        loss = losses(logits, truth)
        if kept is None or most is None:
            kept, most = logits.clone(), loss
        worse = loss > most
        kept[worse], most[worse] = logits[worse], loss[worse]
    assert kept is not None
    return kept
