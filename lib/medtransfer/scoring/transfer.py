"""Transfer: craft once, score on every target, and keep the predictions image by image."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from medtransfer import store
from medtransfer.attacks.attack import Attack
from medtransfer.attacks.delivery import Lender, deliver
from medtransfer.attacks.method import Method, craft
from medtransfer.attacks.perceptibility import perceptibility
from medtransfer.data import images, splits
from medtransfer.data.images import Prepared, Source
from medtransfer.errors import AttackError, SanityError
from medtransfer.networks import fast
from medtransfer.networks.defences.together import MeanLogits
from medtransfer.networks.network import Network, Predictor, batch, device, predictions
from medtransfer.scoring.cell import Cell

BATCH = 100
# Float rounding of clip and projection; a budget is exact to this.
TOLERANCE = 1e-6
# Passes follow each other with the same networks, which need not be built and asked anew each time.
# As many of one source are kept as there are with three replicates; each holds 9 to 14 MB.
KEPT = 24


@dataclass
class _Scores:
    """What the batches of one pass add up to."""

    attacked: dict[Cell, list[Tensor]] = field(default_factory=lambda: defaultdict(list))
    visible: dict[tuple[Method, str], list[dict[str, Tensor]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    lenders: dict[Method, Lender] = field(default_factory=lambda: defaultdict(Lender))
    crafting: float = 0.0  # seconds


@dataclass(frozen=True)
class Crafted:
    """A batch of images as they are, and after an attack."""

    rows: np.ndarray
    names: list[str]
    clean: Tensor
    attacked: Tensor
    method: Method


def score(cells: Sequence[Cell]) -> None:
    """Craft the attacks of one batch of cells once, score all targets, publish every cell.

    Memory does not grow with targets or epsilons beyond one batch of images and the answers.

    Raises:
        ValueError: the cells belong to several batches, or to networks with different test images.
        AttackError: a surrogate gives no gradients.
        SanityError: a perturbation left its budget, epsilon 0 changed an image, or an attack
            changed the surrogates' batch-norm statistics.
    """
    if len({cell.batch for cell in cells}) != 1:
        raise ValueError("one pass scores cells of one crafting: surrogates, method and images")
    attack = cells[0].attack
    check_divisions(attack, [cell.target for cell in cells])
    prepared, rows = prepared_rows(attack)
    start = time.perf_counter()
    targets = {spec.key: kept(spec) for spec in dict.fromkeys(cell.target for cell in cells)}
    surrogate = surrogates(attack)
    before = _buffers(surrogate)
    _check_zero(surrogate, prepared, rows[:2], method=attack.method)
    methods = list(dict.fromkeys(cell.attack.method for cell in cells))
    scores, begun = _Scores(), time.perf_counter()
    for crafted in crafting(surrogate, prepared, rows, methods):
        scores.crafting += time.perf_counter() - begun
        _score(cells, targets, crafted, scores)
        begun = time.perf_counter()
    if not torch.equal(before, _buffers(surrogate)):
        raise SanityError("an attack changed the surrogate's batch-norm statistics")
    clean = {cell.target.key: clean_answers(cell.target, rows) for cell in cells}
    spent = (time.perf_counter() - start) / len(cells), scores.crafting / len(cells)
    for cell in cells:
        _publish(cell, prepared, rows, clean[cell.target.key], scores, spent=spent)


def prepared_rows(attack: Attack) -> tuple[Prepared, np.ndarray]:
    """Return the images of an attack's source, and the rows that are attacked.

    Raises:
        ValueError: the attack names images that there are not.
    """
    development = attack.surrogates[0].development
    prepared = images.load(development.source)
    found = splits.parts(prepared.index, labels=prepared.labels, development=development)
    sets = {"test": found.test, "validation": found.validation}
    if attack.images not in sets:
        raise ValueError(f"no images {attack.images!r}; allowed: {', '.join(sets)}")
    return prepared, sets[attack.images]


def crafting(
    surrogate: nn.Module, prepared: Prepared, rows: np.ndarray, methods: Sequence[Method]
) -> Iterator[Crafted]:
    """Yield batch after batch of attacked images, each within its method's budget.

    Raises:
        SanityError: a pixel left epsilon or [-1, 1], or is not finite.
    """
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        clean = batch(prepared, part)
        labels = torch.from_numpy(prepared.targets[part]).to(clean.device)
        names = prepared.index["image"].iloc[part].tolist()
        for method, attacked in craft(surrogate, clean, labels, methods):
            check_budget(method, clean, attacked)
            yield Crafted(part, names, clean, attacked, method)


def surrogates(attack: Attack) -> nn.Module:
    """Return what an attack is crafted on.

    Raises:
        AttackError: a surrogate gives no gradients.
    """
    members = []
    for spec in attack.surrogates:
        opened = kept(spec) if store.has(spec) else spec.open()  # a view of one is not stored
        if not opened.differentiable:
            raise AttackError(f"{spec.name} gives no gradients, so nothing is crafted on it")
        members.append(opened.module)  # type: ignore[attr-defined]
    return members[0] if len(members) == 1 else MeanLogits(members).eval()


def kept(spec: Network) -> Predictor:
    """Return a network as what answers, and keep it for the passes that follow."""
    return _keeper(spec.development.source)(spec, store.find(spec))


@lru_cache(maxsize=1)
def _keeper(source: Source) -> Callable[[Network, Path], Predictor]:
    """Return what opens targets and keeps them, until those of another source are asked for."""
    return lru_cache(maxsize=KEPT)(lambda spec, place: spec.open())


def clean_answers(spec: Network, rows: np.ndarray) -> np.ndarray:
    """Return a stored network's logits for rows of its source as they are, (N, K)."""
    return _asked(spec, store.find(spec), tuple(rows.tolist()))


@lru_cache(maxsize=1024)
def _asked(spec: Network, place: Path, rows: tuple[int, ...]) -> np.ndarray:
    """Return a network's logits for clean images, (N, K): the same for every attack on them."""
    prepared, network = images.load(spec.development.source), kept(spec)
    parts = (list(rows[first : first + BATCH]) for first in range(0, len(rows), BATCH))
    return np.concatenate([network.logits(batch(prepared, part)) for part in parts])


def check_divisions(attack: Attack, targets: Sequence[Network]) -> None:
    divided = attack.surrogates[0].development.division
    for network in (*attack.surrogates, *targets):
        if network.seen is not None and network.seen.division != divided:
            raise ValueError(
                "surrogate and targets must have the same source and split: a target may have "
                "been trained on the other's test images"
            )


def _score(
    cells: Sequence[Cell], targets: dict[str, Predictor], crafted: Crafted, scores: _Scores
) -> None:
    """Deliver a batch to every target that asks for it, and add what they answer to `scores`."""
    asking = [cell for cell in cells if cell.attack.method == crafted.method]
    for kind in dict.fromkeys(cell.delivery for cell in asking):
        delivered = deliver(
            kind,
            crafted.clean,
            crafted.attacked,
            names=crafted.names,
            lend=scores.lenders[crafted.method],
        )
        scores.visible[crafted.method, kind].append(perceptibility(crafted.clean, delivered))
        for cell in asking:
            if cell.delivery == kind:
                scores.attacked[cell].append(targets[cell.target.key].logits(delivered))


def check_budget(method: Method, clean: Tensor, adversarial: Tensor) -> None:
    """Raise SanityError if any pixel leaves epsilon or [-1, 1], or is not finite."""
    worst = (adversarial - clean).abs().max().item()
    if not worst <= method.epsilon + TOLERANCE:  # written so that NaN fails
        raise SanityError(f"{method.name} moved a pixel by {worst}, epsilon is {method.epsilon}")
    if adversarial.abs().max().item() > 1:
        raise SanityError(f"{method.name} left the image range [-1, 1]")


def _check_zero(
    surrogate: nn.Module, prepared: Prepared, rows: np.ndarray, *, method: Method
) -> None:
    """Raise SanityError if a method changes images when its epsilon is 0."""
    clean = batch(prepared, rows)
    labels = torch.from_numpy(prepared.targets[rows]).to(clean.device)
    for _, adversarial in craft(surrogate, clean, labels, [method.family]):
        if not torch.equal(adversarial, clean):
            raise SanityError(f"{method.name} changes images at epsilon 0")


def _buffers(network: nn.Module) -> Tensor:
    flat = [buffer.detach().cpu().float().reshape(-1) for buffer in network.buffers()]
    return torch.cat([torch.zeros(1), *flat])


def _publish(
    cell: Cell,
    prepared: Prepared,
    rows: np.ndarray,
    clean: np.ndarray,
    scores: _Scores,
    *,
    spent: tuple[float, float],
) -> None:
    """Publish one cell; `spent` is its part of the seconds of the pass, and of its crafting."""
    visible = scores.visible[cell.attack.method, cell.delivery]
    found = predictions(
        prepared,
        rows,
        clean=clean,
        attacked=torch.cat(scores.attacked[cell]).numpy(),
        visible={n: torch.cat([part[n] for part in visible]).cpu().numpy() for n in visible[0]},
    )
    whole, crafting = spent
    work = {"crafting": crafting, "scoring": whole - crafting}
    with store.draft(cell, device=str(device()), fast=fast.used(), work=work) as place:
        found.write(place)
