"""Makes searches: crafts what they begin with once, and asks every target, batch by batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from medtransfer import store
from medtransfer.attacks.square import Questions, search
from medtransfer.data import images, splits
from medtransfer.data.images import Prepared
from medtransfer.errors import SanityError
from medtransfer.networks.network import Network, batch, device, predictions
from medtransfer.scoring import transfer
from medtransfer.scoring.queries import FILE, Queries


def make(specs: Sequence[Queries]) -> None:
    """Craft the images that searches of one batch begin with, search on every target, publish.

    Raises:
        ValueError: a target has other test images than the surrogates.
        SanityError: an image left the budget, or an attacker asked more than he may.
    """
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
