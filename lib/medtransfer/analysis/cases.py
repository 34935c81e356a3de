"""One part of a claim in each domain that has cells for it, and over all: guarded and measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from medtransfer.analysis import guards, statistics, tables
from medtransfer.analysis.guards import Guard
from medtransfer.analysis.statistics import Pairs
from medtransfer.scoring.cell import Cell

POOLED = "all domains"
CLAIM, DETAIL = "claim", "detail"  # families of Holm's correction

Row = dict[str, Any]
Sides = Sequence[Sequence[Cell]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is measured in each domain on one side, or on two that are compared.

    Attributes:
        common: the columns that its rows share, `null` and `unit` among them.
        sides: domain -> cells of the only side, or of the first and the second.
        tell: the row of some domains, their names, what each side leaves -> why it got its verdict.
    """

    common: Mapping[str, Any]
    sides: Mapping[str, Sides]
    tell: Callable[[Row, Sequence[str], Sequence[float]], str]
    resamples: int

    def rows(self) -> list[Row]:
        """Return a row for every domain, and one over all if there are several.

        `why` is a function of the row, for when it has its verdict.
        """
        pool = len(self.sides) > 1
        rows = [self._row(d, [d], self.guarded[d], DETAIL if pool else CLAIM) for d in self.sides]
        return [*rows, self._pooled()] if pool else rows

    @cached_property
    def pairs(self) -> dict[str, list[Pairs]]:
        """What the attack leaves, by domain and side."""
        return {
            domain: [tables.pairs_of(side, resamples=self.resamples) for side in sides]
            for domain, sides in self.sides.items()
        }

    @cached_property
    def guarded(self) -> dict[str, Guard | None]:
        """Why a domain cannot be judged, None where it can."""
        return {domain: self._guard(domain) for domain in self.sides}

    def _guard(self, domain: str) -> Guard | None:
        pairs = self.pairs[domain]
        cells = [cell for side in self.sides[domain] for cell in side]
        return (
            guards.at_chance(cells, resamples=self.resamples)
            or (guards.no_room(pairs) if len(pairs) > 1 else None)  # noise should leave all
            or guards.one_training(self._effect(pairs), unit=self.common["unit"])
        )

    def _effect(self, pairs: Sequence[Pairs]) -> statistics.Effect:
        null = self.common["null"]
        if len(pairs) == 1:
            return statistics.mean(pairs[0], null=null)
        return statistics.difference(pairs[0], pairs[1], null=null)

    def _pooled(self) -> Row:
        """Return the row over all domains that can be judged, or over all if none can."""
        out = {domain: guard for domain, guard in self.guarded.items() if guard}
        usable = [domain for domain in self.sides if domain not in out]
        guard = None
        if not usable:
            most = Counter(verdict for verdict, _ in out.values()).most_common(1)[0][0]
            guard = (most, "no domain can be judged")
        row = self._row(POOLED, usable or list(self.sides), guard, CLAIM)
        left_out = [f"{domain} ({verdict}): {why}" for domain, (verdict, why) in out.items()]
        if not left_out:
            return row
        tell = row["why"]
        kind = "Left out: " if usable else ""
        return {**row, "why": lambda judged: f"{tell(judged)}. {kind}{'; '.join(left_out)}"}

    def _row(self, name: str, domains: list[str], guard: Guard | None, family: str) -> Row:
        sides = zip(*(self.pairs[domain] for domain in domains), strict=True)
        pairs = [statistics.combined(side) for side in sides]
        effect = self._effect(pairs)
        left = [statistics.mean(side).value for side in pairs]
        row = {**self.common, "domain": name, "family": family, "verdict": ""}
        if guard:
            verdict, why = guard
            effect = replace(effect, p=float("nan"))
            return {**row, **asdict(effect), "verdict": verdict, "why": lambda _: why}
        return {**row, **asdict(effect), "why": lambda judged: self.tell(judged, domains, left)}
