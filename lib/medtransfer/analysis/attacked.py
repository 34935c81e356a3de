"""One domain of the factor `attackers`: its attacks, what was tried before, who is strongest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from medtransfer.analysis.protections import REFERENCE, attackers, order, rehearsed
from medtransfer.analysis.selection import OTHER, SAME, identity, matching
from medtransfer.scoring.cell import Cell

START = "surrogate_initialization"


@dataclass(frozen=True)
class Attacked:
    """One domain of the factor `attackers`.

    Attributes:
        cells: on test images.
        rehearsals: on validation images, and those of the choice of epsilon at the chosen one.
        matched: the strongest attackers at the strength of PGD; empty where nobody asked for it,
            or where they are no stronger.
    """

    cells: Sequence[Cell]
    rehearsals: Sequence[Cell]
    matched: Sequence[Cell] = ()

    @cached_property
    def strongest(self) -> dict[tuple[str, str], str]:
        """(Start, relation to the target) of surrogates -> who harms his own such networks most.

        On validation images. An attacker who lacks the architecture of the target, or the weights
        that it began with, need not attack by what is best where nothing is lacking. Who has one
        training alone is not chosen, since no effect of his has an interval, unless all have. PGD,
        where there is no other network to try it on.
        """
        starts = dict.fromkeys(identity(cell)[START] for cell in self.cells)
        found = {}
        for start, relation in product(starts, (SAME, OTHER)):
            tried = rehearsed(self.rehearsals, **{START: start, "relation": relation})
            tried = tried if len(tried) else rehearsed(self.rehearsals, **{START: start})
            names = [str(name) for name in tried.index]
            several = [name for name in names if self._trainings(name, start) > 1]
            found[start, relation] = next(iter(several or names), REFERENCE)
        return found

    def _trainings(self, name: str, start: str) -> int:
        """Return how many surrogates, or teams of them, of one kind an attacker has."""
        cells = matching(attackers(self.cells).get(name, ()), **{START: start})
        crafted = {cell.attack.surrogates for cell in cells}
        kinds = [tuple(each.kind for each in surrogates) for surrogates in crafted]
        return min(Counter(kinds).values(), default=0)

    @property
    def strongest_cells(self) -> list[Cell]:
        """What the strongest attacker of each start and relation does to the targets."""
        known = attackers(self.cells)
        return [
            cell
            for (start, relation), name in self.strongest.items()
            for cell in matching(known.get(name, []), **{START: start, "relation": relation})
        ]

    @property
    def evened(self) -> Attacked:
        """The same at the strength of PGD: of the stronger attackers only the strongest are left.

        Those who are no stronger than PGD need not be held to it.
        """
        known, held = attackers(self.cells), attackers(self.matched)
        others = [
            cell
            for name in dict.fromkeys(self.strongest.values())
            if name not in held
            for cell in known.get(name, [])
        ]
        return replace(self, cells=[*self.matched, *others], matched=())

    @cached_property
    def order(self) -> list[str]:
        """The protections, from what holds up PGD most on validation images."""
        return order(self.rehearsals)
