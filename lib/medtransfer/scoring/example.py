"""Images as a reader sees them: clean, attacked, control, the perturbation, and the answers.

They are crafted again, once, in the batches in which they were scored, and the probabilities are
those of the stored predictions: what a picture says is what the tables count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from medtransfer import store
from medtransfer.attacks.delivery import CONTROL, EIGHT_BIT, FLOAT, deliver
from medtransfer.measures import metrics, predictions
from medtransfer.scoring.cell import Cell
from medtransfer.specs import Result

FILE = "pictures.safetensors"
PANELS = {FLOAT: "attacked", EIGHT_BIT: "attacked, 8 bits", CONTROL: "control noise"}
CLEAN, PERTURBATION = "clean", "perturbation"
MOST_CHANGED, AT_RANDOM = "most changed", "drawn at random"


@dataclass(frozen=True)
class Example:
    """One image whose correct call an attack flips.

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
    """The images whose correct call for a label an attack flips.

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures(Result):
    """Single images as they are, and as every delivery of one attack brings them to a target.

    Attributes:
        cells: the same attack on the same target, a delivery each.
        rows: places among the attacked images.
    """

    cells: tuple[Cell, ...]
    rows: tuple[int, ...]

    @property
    def title(self) -> str:
        return f"pictures of {self.cells[0].title}"

    @property
    def effort(self) -> str:
        return "pictures"

    @classmethod
    def make(cls, specs: Sequence[Self]) -> None:
        """Craft whole batches again, as they were scored, and publish the pictures asked for."""
        from safetensors.numpy import save_file

        for spec in specs:
            found = [_delivered(spec.cells, row) for row in spec.rows]
            panels = {name: np.stack([each[name] for each in found]) for name in found[0]}
            with store.draft(spec) as place:
                save_file(panels, place / FILE)


def pictured(cells: Sequence[Cell], found: Turned) -> Pictures:
    """Return the pictures of the flipped image that the attack moves most, and of one at random.

    Args:
        cells: the same attack on the same target in every delivery that is shown; the first one as
            crafted.
        found: what `turned` returned for the first one, with at least one image.
    """
    draw = np.random.default_rng(0).integers(len(found.rows))
    return Pictures(cells=tuple(cells), rows=(int(found.rows[0]), int(found.rows[draw])))


def panels_of(spec: Pictures) -> dict[str, np.ndarray]:
    """Return name of a picture -> float (rows, H, W, C) in [-1, 1], the clean one first.

    Raises:
        StoreError: the pictures are not in the store, or damaged.
    """
    from safetensors.numpy import load_file

    with store.reading(spec, FILE) as path:
        kept = load_file(path)
    return {name: kept[name] for name in (CLEAN, *(PANELS[cell.delivery] for cell in spec.cells))}


def examples(spec: Pictures, found: Turned) -> list[Example]:
    """Return the flipped image that the attack moves most, and one drawn at random.

    Raises:
        StoreError: the pictures are not in the store, or damaged.
    """
    panels = panels_of(spec)
    return [
        _example(spec.cells, found, row, chosen=chosen, panels={k: v[n] for k, v in panels.items()})
        for n, (row, chosen) in enumerate(zip(spec.rows, (MOST_CHANGED, AT_RANDOM), strict=True))
    ]


def _example(
    cells: Sequence[Cell],
    found: Turned,
    row: int,
    *,
    chosen: str,
    panels: dict[str, np.ndarray],
) -> Example:
    probabilities: dict[str, float] = {}
    for cell in cells:
        kept = predictions.read(cell)
        k = kept.labels.index(found.label)
        probabilities[CLEAN] = _probability(kept.clean[row, k])
        probabilities[PANELS[cell.delivery]] = _probability(kept.after[row, k])
        name, truth = kept.images[row], bool(kept.truth[row, k])
    moved = {PERTURBATION: panels[PANELS[cells[0].delivery]] - panels[CLEAN]}
    return Example(chosen, len(found.rows), name, truth, panels | moved, probabilities)


def _delivered(cells: Sequence[Cell], row: int) -> dict[str, np.ndarray]:
    """Return one image as it is and in every delivery, name of a picture -> float (H, W, C).

    The whole batch is crafted as it was when the cells were scored, so that its bits are the same.
    """
    from medtransfer.scoring import transfer

    attack = cells[0].attack
    prepared, rows = transfer.prepared_rows(attack)
    first = row - row % transfer.BATCH
    part = rows[first : first + transfer.BATCH]
    (found,) = transfer.crafting(transfer.surrogates(attack), prepared, part, [attack.method])
    panels = {CLEAN: found.clean} | {
        PANELS[cell.delivery]: deliver(
            cell.delivery, found.clean, found.attacked, names=found.names
        )
        for cell in cells
    }
    place = row - first
    return {panel: batch[place].permute(1, 2, 0).cpu().numpy() for panel, batch in panels.items()}


def _probability(logit: float) -> float:
    return float(1 / (1 + np.exp(-np.float64(logit))))


def deliveries(cell: Cell, kinds: Sequence[str] = tuple(PANELS)) -> list[Cell]:
    """Return the cells of the same attack on the same target in several deliveries."""
    return [replace(cell, delivery=kind) for kind in kinds]
