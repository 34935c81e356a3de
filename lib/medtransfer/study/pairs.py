"""Who attacks whom, and what is scored of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from medtransfer.networks.network import Network
from medtransfer.scoring.cell import Cell
from medtransfer.study.builders import Study

Epsilons = Mapping[str, float]
"""Initialization -> the epsilon chosen for pairs of such networks, pre-trained ones first."""


@dataclass(frozen=True)
class Pair:
    """Who attacks whom."""

    surrogates: tuple[Network, ...]
    target: Network

    @property
    def white_box(self) -> bool:
        """Whether the attacker has the target itself."""
        return self.target in self.surrogates


def cell(study: Study, pair: Pair, method: str, epsilon: float, delivery: str) -> Cell:
    """Return what a target answers to an attack by a method of the profile."""
    attack = study.attack(method, pair.surrogates, epsilon=epsilon)
    return Cell(attack=attack, target=pair.target, delivery=delivery)


def crossed(surrogates: Iterable[Network], targets: Iterable[Network]) -> list[Pair]:
    """Return every surrogate, alone, against every target."""
    return [Pair((surrogate,), target) for surrogate, target in product(surrogates, targets)]
