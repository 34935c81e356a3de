"""Transfer: craft once on a surrogate, score on every target, keep per-image answers."""

from __future__ import annotations

import dataclasses
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from medtransfer import store
from medtransfer.analysis.sanity import SanityError
from medtransfer.attacks.delivery import deliver
from medtransfer.attacks.method import TOLERANCE, craft
from medtransfer.attacks.perceptibility import perceptibility
from medtransfer.data import images as prepare
from medtransfer.data import splits as development
from medtransfer.data.datamodule import to_unit
from medtransfer.measures.predictions import ATTACKED, CLEAN
from medtransfer.networks import training
from medtransfer.networks.fast.folding import folded
from medtransfer.specs import Attack, Cell, Network, Source

BATCH = 100
# Passes follow each other with the same targets, which need not be built and asked anew each time.
# As many of one source are kept as there are with three replicates; each holds 9 to 14 MB.
KEPT = 24


def unit(cell: Cell) -> tuple[str, str, str]:
    """Return what names the pass in which a cell is made: surrogate, method, images."""
    return cell.attack.surrogate.key, cell.attack.method, cell.attack.images


@dataclass
class _Answers:
    """Per-image columns collected over the batches of one pass."""

    attacked: dict[Cell, list[Tensor]] = field(default_factory=lambda: defaultdict(list))
    visible: dict[tuple[Attack, str], list[pd.DataFrame]] = field(
        default_factory=lambda: defaultdict(list)
    )
    crafting: float = 0.0  # seconds


def score(cells: Sequence[Cell]) -> None:
    """Craft the attacks of one surrogate and method once, score all targets, publish every cell.

    Memory does not grow with targets or epsilons beyond one batch and the answers.

    Raises:
        ValueError: the cells belong to several passes, or to networks with different test images.
        SanityError: a perturbation left its budget, epsilon 0 changed an image, or an attack
            changed the surrogate's batch-norm statistics.
    """
    if len({unit(cell) for cell in cells}) != 1:
        raise ValueError("one pass scores cells of one surrogate, method and set of images")
    surrogate = cells[0].attack.surrogate
    source = surrogate.development.source
    if any(_division(cell.target) != _division(surrogate) for cell in cells):
        raise ValueError(
            "surrogate and targets must have the same source and split: a target may have been "
            "trained on the other's test images"
        )
    prepared = prepare.load(source)
    rows = _rows(cells[0], prepared)
    networks = {
        spec.key: _kept(spec, store.find(spec))
        for spec in dict.fromkeys(cell.target for cell in cells)
    }
    if surrogate.key not in networks:
        networks[surrogate.key] = _network(surrogate)
    before, start = _buffers(networks[surrogate.key]), time.perf_counter()
    few = rows[:2]
    check_zero(
        networks[surrogate.key],
        _images(prepared.images, few),
        torch.from_numpy(prepared.targets[few]).to(training.device()),
        attack=cells[0].attack,
    )
    answers = _Answers()
    for first in range(0, len(rows), BATCH):
        _score_batch(cells, networks, prepared, rows[first : first + BATCH], answers)
    if not torch.equal(before, _buffers(networks[surrogate.key])):
        raise SanityError("an attack changed the surrogate's batch-norm statistics")
    index = prepared.index.iloc[rows].reset_index(drop=True)
    clean = {
        spec.key: _clean(spec, store.find(spec), tuple(rows.tolist()))
        for spec in {cell.target for cell in cells}
    }
    taken = {"seconds": time.perf_counter() - start, "crafting": answers.crafting}
    share = {name: seconds / len(cells) for name, seconds in taken.items()}
    for cell in cells:
        _publish(cell, index, clean[cell.target.key], answers, share=share)


def _kept(spec: Network, place: Path) -> nn.Module:
    """Return a target, folded; `place` is where the store holds it."""
    return _keeper(spec.development.source)(spec, place)


@lru_cache(maxsize=1)
def _keeper(source: Source) -> Callable[[Network, Path], nn.Module]:
    """Return what builds targets and keeps them, until those of another source are asked for."""
    return lru_cache(maxsize=KEPT)(lambda spec, place: _network(spec))


def _network(spec: Network) -> nn.Module:
    images = prepare.load(spec.development.source).images
    return folded(training.load(spec), to_unit(np.asarray(images[:2])).to(training.device()))


@lru_cache(maxsize=1024)
def _clean(spec: Network, place: Path, rows: tuple[int, ...]) -> np.ndarray:
    """Return a network's logits for clean images, (N, K): the same for every attack on them."""
    images = prepare.load(spec.development.source).images
    network = _kept(spec, place)
    batches = (list(rows[first : first + BATCH]) for first in range(0, len(rows), BATCH))
    return np.concatenate([_answer(network, _images(images, batch)) for batch in batches])


def _images(images: np.ndarray, rows: Sequence[int] | np.ndarray) -> Tensor:
    batch = to_unit(np.asarray(images[rows])).to(training.device())
    return batch.contiguous(memory_format=torch.channels_last)


def _division(training: Network) -> tuple[Source, int, float]:
    """Return what decides which images are for test."""
    development = training.development
    return development.source, development.seed, development.test_share


def _rows(cell: Cell, prepared: prepare.Prepared) -> np.ndarray:
    found = development.parts(
        prepared.index, labels=prepared.labels, development=cell.attack.surrogate.development
    )
    sets = {"test": found.test, "validation": found.validation}
    if cell.attack.images not in sets:
        raise ValueError(f"no images {cell.attack.images!r}; allowed: {', '.join(sets)}")
    return sets[cell.attack.images]


def _score_batch(
    cells: Sequence[Cell],
    networks: dict[str, nn.Module],
    prepared: prepare.Prepared,
    rows: np.ndarray,
    answers: _Answers,
) -> None:
    images = _images(prepared.images, rows)
    labels = torch.from_numpy(prepared.targets[rows]).to(images.device)
    names = prepared.index["image"].iloc[rows].tolist()
    attacks = list(dict.fromkeys(cell.attack for cell in cells))
    surrogate = networks[attacks[0].surrogate.key]
    start = time.perf_counter()
    for attack, adversarial in craft(surrogate, images, labels, attacks=attacks):
        answers.crafting += time.perf_counter() - start
        check_budget(attack, images, adversarial)
        kinds = dict.fromkeys(cell.delivery for cell in cells if cell.attack == attack)
        for kind in kinds:
            delivered = deliver(kind, images, adversarial, names=names)
            measures = perceptibility(images, delivered)
            answers.visible[attack, kind].append(
                pd.DataFrame({name: values.cpu().numpy() for name, values in measures.items()})
            )
            for cell in cells:
                if cell.attack == attack and cell.delivery == kind:
                    answers.attacked[cell].append(_answer(networks[cell.target.key], delivered))
        start = time.perf_counter()


@torch.no_grad()
def _answer(network: nn.Module, images: Tensor) -> Tensor:
    return network(images).float().cpu()


def check_budget(attack: Attack, clean: Tensor, adversarial: Tensor) -> None:
    """Raise SanityError if any pixel leaves epsilon or [-1, 1], or is not finite."""
    worst = (adversarial - clean).abs().max().item()
    if not worst <= attack.epsilon + TOLERANCE:  # written so that NaN fails
        raise SanityError(f"{attack.method} moved a pixel by {worst}, epsilon is {attack.epsilon}")
    if adversarial.abs().max().item() > 1:
        raise SanityError(f"{attack.method} left the image range [-1, 1]")


def check_zero(surrogate: nn.Module, images: Tensor, labels: Tensor, *, attack: Attack) -> None:
    """Raise SanityError if the attack changes images when its epsilon is 0."""
    step = 0.0 if attack.steps == 1 else attack.step_size
    nothing = dataclasses.replace(attack, epsilon=0.0, step_size=step)
    for _, adversarial in craft(surrogate, images, labels, attacks=[nothing]):
        if not torch.equal(adversarial, images):
            raise SanityError(f"{attack.method} changes images at epsilon 0")


def _buffers(network: nn.Module) -> Tensor:
    flat = [buffer.detach().cpu().float().reshape(-1) for buffer in network.buffers()]
    return torch.cat([torch.zeros(1), *flat])


def _publish(
    cell: Cell,
    index: pd.DataFrame,
    clean: np.ndarray,
    answers: _Answers,
    *,
    share: dict[str, float],
) -> None:
    """Publish one cell; `share` is its part of the seconds of the pass, and of those crafting."""
    labels = cell.target.development.source.labels
    attacked = torch.cat(answers.attacked[cell]).numpy()
    visible = pd.concat(answers.visible[cell.attack, cell.delivery], ignore_index=True)
    table = pd.concat(
        [
            index.drop(columns="split"),
            pd.DataFrame(clean, columns=[CLEAN + name for name in labels]),
            pd.DataFrame(attacked, columns=[ATTACKED + name for name in labels]),
            visible,
        ],
        axis=1,
    )
    with store.draft(cell, device=str(training.device()), **share) as place:
        table.to_parquet(place / "images.parquet", index=False)
