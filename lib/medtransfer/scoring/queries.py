"""What a target answers to an attacker who may ask it a few questions about every image."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from medtransfer import store
from medtransfer.attacks.attack import TEST, Attack
from medtransfer.attacks.square import Questions, search
from medtransfer.data import images, splits
from medtransfer.data.images import Prepared
from medtransfer.errors import SanityError
from medtransfer.measures.predictions import Predictions
from medtransfer.networks.network import Network, batch, device, predictions
from medtransfer.scoring import transfer
from medtransfer.specs import Result

FILE = "answers.npz"


@dataclass(frozen=True, kw_only=True, eq=False)
class Queries(Result):
    """A target's answers to test images that are attacked with its own help, by Square.

    Attributes:
        target: a network, which need not be differentiable.
        start: the attack, crafted on surrogates, whose images the search begins with; None begins
            with stripes.
        epsilon: in units of [-1, 1]; that of `start`, if there is one.
        search: "square", or "stripes": the best of so many random ones (see `attacks.square`).
        checkpoints: numbers of questions, rising, after which the answers are kept; the last is
            the most that are asked of an image.
        seed: draws, with the name of each image.
    """

    target: Network
    start: Attack | None
    epsilon: float
    search: str
    checkpoints: tuple[int, ...]
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.start and (self.start.method.epsilon != self.epsilon or self.start.images != TEST):
            raise ValueError("a search begins with test images of its own epsilon")
        rising = tuple(sorted({*self.checkpoints}))
        if rising != self.checkpoints or not rising or rising[0] < 0 or rising[-1] < 1:
            raise ValueError(f"checkpoints {self.checkpoints} must rise, from 0, to at least 1")

    @property
    def batch(self) -> Hashable:
        """Searches from the same images are made together, so that these are crafted once."""
        return self.start or self

    @property
    def title(self) -> str:
        begun = f" from {self.start.method.name}" if self.start else ""
        most = self.checkpoints[-1]
        return f"{self.search}{begun}: at most {most} questions to {self.target.name}"

    @property
    def effort(self) -> str:
        return f"asking {self.checkpoints[-1]} times"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Craft the images that the searches begin with, search on every target, and publish."""
        attack = specs[0].start
        starts: Iterator[tuple[np.ndarray, Tensor | None]]
        if attack:
            transfer.check_divisions(attack, [spec.target for spec in specs])
            prepared, rows = transfer.prepared_rows(attack)
            surrogate = transfer.surrogates(attack)
            begun = transfer.crafting(surrogate, prepared, rows, [attack.method])
            starts = ((each.rows, each.attacked) for each in begun)
        else:
            prepared, rows = _test(specs[0].target)
            parts = range(0, len(rows), transfer.BATCH)
            starts = ((rows[first : first + transfer.BATCH], None) for first in parts)
        answers = _Answers()
        for part, start in starts:
            for spec in specs:
                answers.add(spec, *_searched(spec, prepared, part, start))
        for spec in specs:
            with store.draft(spec, device=str(device())) as place:
                answers.write(spec, prepared, rows, place)


class _Answers:
    """What batch after batch was answered, search by search."""

    def __init__(self) -> None:
        self.logits: dict[Queries, list[np.ndarray]] = defaultdict(list)  # (checkpoints, N, K) each
        self.asked: dict[Queries, list[np.ndarray]] = defaultdict(list)

    def add(self, spec: Queries, logits: np.ndarray, asked: np.ndarray) -> None:
        self.logits[spec].append(logits)
        self.asked[spec].append(asked)

    def write(self, spec: Queries, prepared: Prepared, rows: np.ndarray, place: Path) -> None:
        logits = np.concatenate(self.logits[spec], axis=1)
        clean = transfer.clean_answers(spec.target, rows)
        predictions(prepared, rows, clean=clean, attacked=logits[-1]).write(place)
        np.savez(place / FILE, logits=logits, asked=np.concatenate(self.asked[spec]))


def _searched(
    spec: Queries, prepared: Prepared, rows: np.ndarray, start: Tensor | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return logits at every checkpoint, (checkpoints, N, K), and the questions asked, (N,).

    What is kept of a checkpoint is asked beside the count: the attacker does not see it.

    Raises:
        SanityError: an image left the budget.
    """
    clean = batch(prepared, rows)
    labels = torch.from_numpy(prepared.targets[rows])
    target = transfer.kept(spec.target)
    ask = Questions(target.logits, images=len(rows), most=spec.checkpoints[-1])
    found = search(
        ask,
        clean,
        labels,
        start=start,
        names=prepared.index["image"].iloc[rows].tolist(),
        epsilon=spec.epsilon,
        kind=spec.search,
        seed=spec.seed,
    )
    kept = []
    for number, best in found:
        if number in spec.checkpoints:
            moved, reach = (best - clean).abs().max().item(), best.abs().max().item()
            if not (moved <= spec.epsilon + transfer.TOLERANCE and reach <= 1):
                raise SanityError(f"a search moved a pixel by {moved}, epsilon is {spec.epsilon}")
            kept.append(target.logits(best).numpy())
    return np.stack(kept), ask.asked


def _test(target: Network) -> tuple[Prepared, np.ndarray]:
    prepared = images.load(target.development.source)
    parts = splits.parts(prepared.index, labels=prepared.labels, development=target.development)
    return prepared, parts.test


@dataclass(frozen=True, eq=False)
class Answered:
    """What was answered to a search.

    Attributes:
        predictions: on the images as they are, and after all questions.
        logits: (checkpoints, N, K).
        asked: (N,) questions that were asked about each image.
    """

    predictions: Predictions
    logits: np.ndarray
    asked: np.ndarray


def read(spec: Queries) -> Answered:
    """Return what the store holds of a search.

    Raises:
        StoreError: it has not been made, or a file is damaged.
    """
    from medtransfer.measures import predictions as measured

    with store.reading(spec, FILE) as path, np.load(path) as found:
        return Answered(measured.read(spec), found["logits"], found["asked"])
