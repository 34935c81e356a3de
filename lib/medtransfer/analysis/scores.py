"""The scores of stored cells, before and after the attack; which targets are above chance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from medtransfer.measures import metrics, predictions
from medtransfer.networks.network import Network
from medtransfer.scoring.cell import Cell


class Scores(NamedTuple):
    """AUC of a cell before and after, each with its bootstrap draws."""

    clean: float
    clean_draws: np.ndarray
    attacked: float
    attacked_draws: np.ndarray


@cache
def scores(cell: Cell, resamples: int) -> Scores:
    """Return the scores of a stored cell; what was read once is remembered."""
    found = predictions.read(cell)
    drawn = resampled(found.groups, resamples)
    return Scores(
        metrics.macro_auc(found.truth, found.clean),
        _clean_draws(cell, drawn, found.truth, found.clean),
        metrics.macro_auc(found.truth, found.after),
        drawn.macro_auc(found.truth, found.after),
    )


@dataclass(frozen=True, kw_only=True)
class Reached:
    """The clean AUC of a kind of target, mean over its trainings, with its 95 % interval.

    Attributes:
        network: one of the kind.
        trainings: how many there are.
    """

    network: Network
    trainings: int
    value: float
    low: float
    high: float

    @property
    def at_chance(self) -> bool:
        """Whether the interval does not exclude 0.5."""
        return not self.low > metrics.CHANCE

    @property
    def said(self) -> str:
        """The value with its interval, in words."""
        if not np.isfinite(self.low):
            return "no value"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def reached(cells: Iterable[Cell], *, resamples: int) -> list[Reached]:
    """Return the clean AUC of every kind of target among some cells."""
    by_kind: dict[str, dict[Network, Cell]] = {}
    for cell in cells:
        by_kind.setdefault(cell.target.kind, {}).setdefault(cell.target, cell)
    found = []
    for own in by_kind.values():
        value, low, high = clean_auc(own.values(), resamples=resamples)
        network = next(iter(own))
        found.append(Reached(network=network, trainings=len(own), value=value, low=low, high=high))
    return found


def clean_auc(cells: Iterable[Cell], *, resamples: int) -> tuple[float, float, float]:
    """Return the mean clean AUC of the targets, one cell of each, and its 95 % interval."""
    found = [scores(cell, resamples) for cell in cells]
    value = float(np.mean([each.clean for each in found]))
    return value, *metrics.interval(np.mean([each.clean_draws for each in found], axis=0))


@lru_cache(maxsize=16)
def resampled(groups: tuple[str, ...], number: int) -> metrics.Resamples:
    """Return the resamples of some groups; equal arguments give the same ones."""
    return metrics.Resamples(groups=groups, number=number)


_CLEAN: dict[tuple[Any, ...], np.ndarray] = {}


def _clean_draws(
    cell: Cell, drawn: metrics.Resamples, truth: np.ndarray, clean: np.ndarray
) -> np.ndarray:
    """The clean AUC of a target's resamples is the same for every attack on the same images."""
    attack = cell.attack
    known = (cell.target.key, attack.images, attack.surrogates[0].development.key, drawn.number)
    if known not in _CLEAN:
        _CLEAN[known] = drawn.macro_auc(truth, clean)
    return _CLEAN[known]


@lru_cache(maxsize=1024)
def groups(cell: Cell) -> int:
    """Return of how many patients or slides a cell's images are."""
    return len(set(predictions.read(cell).groups))


@lru_cache(maxsize=256)
def thresholds(target: Network) -> np.ndarray:
    """Return the operating point of each label, (K,), found on validation images."""
    found = predictions.read(target)
    return metrics.threshold(found.truth, found.clean)


def forget() -> None:
    """Drop what this process remembers of stored results, which belongs to one store."""
    scores.cache_clear()
    groups.cache_clear()
    thresholds.cache_clear()
    _CLEAN.clear()
