"""Images as a reader sees them: clean, attacked, control, the perturbation, and the answers.

They are crafted again in the batches in which they were scored, and the probabilities are those of
the stored predictions: what a picture says is what the tables count.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT, deliver
from medtransfer.measures import metrics, predictions
from medtransfer.scoring.cell import Cell

if TYPE_CHECKING:
    from torch import Tensor

PANELS = {FLOAT: "attacked", EIGHT_BIT: "attacked, 8 bits", CONTROL: "control noise"}
CLEAN, PERTURBATION = "clean", "perturbation"
MOST_CHANGED, AT_RANDOM = "most changed", "drawn at random"


@dataclass(frozen=True)
class Example:
    """One image whose correct call an attack turns.

    Attributes:
        chosen: "most changed" or "drawn at random", among `among` such images.
        image: its name.
        truth: whether it has the label.
        panels: name of a picture -> float (H, W, C) in [-1, 1].
        probabilities: name of a picture -> what the target says to it, from 0 to 1.
    """

    chosen: str
    among: int
    image: str
    truth: bool
    panels: dict[str, np.ndarray]
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Turned:
    """The images whose correct call for a label an attack turns.

    Attributes:
        label: which; of several, the one with most such images.
        threshold: the probability from which the target calls the label.
        rows: their places among the attacked images, those that the attack moved most first.
    """

    label: str
    threshold: float
    rows: np.ndarray


def turned(cell: Cell, label: str | None = None) -> Turned:
    """Return the images that the target calls correctly, and wrongly after the attack.

    Calls are made at the target's operating point (see `measures.metrics.threshold`). Images that
    have the label come before those that have it not: a hidden finding before an invented one.

    Args:
        cell: what was delivered as crafted.
        label: None takes the label of which most images are turned.

    Raises:
        ValueError: the target has no such label.
    """
    found, validation = predictions.read(cell), predictions.read(cell.target)
    limits = metrics.threshold(validation.truth, validation.clean)
    truth, before, after = found.truth > 0, found.clean >= limits, found.after >= limits
    flipped = (before == truth) & (after != truth) & ~np.isnan(limits)
    labels = list(found.labels)
    k = int(flipped.sum(0).argmax()) if label is None else labels.index(label)
    rows = np.flatnonzero(flipped[:, k])
    moved = np.abs(found.change[rows, k])
    order = np.lexsort((-moved, ~truth[rows, k]))
    limit = float(limits[k]) if np.isfinite(limits[k]) else 0.0
    return Turned(labels[k], _probability(limit), rows[order])


def examples(cells: Sequence[Cell], found: Turned) -> list[Example]:
    """Return the turned image that the attack moves most, and one drawn at random.

    Args:
        cells: the same attack on the same target in every delivery that is shown; the first one as
            crafted.
        found: what `turned` returned for the first one, with at least one image.
    """
    draw = np.random.default_rng(0).integers(len(found.rows))
    return [
        _example(cells, found, int(row), chosen=chosen)
        for chosen, row in ((MOST_CHANGED, found.rows[0]), (AT_RANDOM, found.rows[draw]))
    ]


def _example(cells: Sequence[Cell], found: Turned, row: int, *, chosen: str) -> Example:
    clean, attacked, name = crafted_again(cells[0], row)
    panels = {CLEAN: clean[0]}
    probabilities: dict[str, float] = {}
    for cell in cells:
        panel = PANELS[cell.delivery]
        panels[panel] = deliver(cell.delivery, clean, attacked, names=[name])[0]
        kept = predictions.read(cell)
        k = kept.labels.index(found.label)
        probabilities[CLEAN] = _probability(kept.clean[row, k])
        probabilities[panel] = _probability(kept.after[row, k])
        truth = bool(kept.truth[row, k])
    panels[PERTURBATION] = (attacked - clean)[0]
    pictures = {panel: image.permute(1, 2, 0).cpu().numpy() for panel, image in panels.items()}
    return Example(chosen, len(found.rows), name, truth, pictures, probabilities)


def crafted_again(cell: Cell, row: int) -> tuple[Tensor, Tensor, str]:
    """Return one image as it is and as attacked, (1, C, H, W) each, and its name.

    The whole batch is crafted as it was when the cell was scored, so that its bits are the same.
    """
    from medtransfer.scoring import transfer

    with as_workers_do():
        prepared, rows = transfer.prepared_rows(cell.attack)
        first = row - row % transfer.BATCH
        part = rows[first : first + transfer.BATCH]
        surrogate = transfer.surrogates(cell.attack)
        (found,) = transfer.crafting(surrogate, prepared, part, [cell.attack.method])
    place = slice(row - first, row - first + 1)
    return found.clean[place], found.attacked[place], found.names[row - first]


@contextlib.contextmanager
def as_workers_do() -> Iterator[None]:
    """Compute on one thread, as workers do: with several, sums are rounded otherwise."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)


def _probability(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.float64(logit))))


def deliveries(cell: Cell, kinds: Sequence[str] = tuple(PANELS)) -> list[Cell]:
    """Return the cells of the same attack on the same target in several deliveries."""
    return [replace(cell, delivery=kind) for kind in kinds]
