"""A rank correlation within domains, with an interval and a p-value that agree.

Points of one domain are a table of sizes by architectures: all sizes of an architecture share its
habits, and all architectures of a size share its images, so that points are not independent. What
is free to be shuffled if two measures have nothing to do with each other are whole rows and whole
columns of that table, within each domain: a permutation test that needs no independent cells, as
Mantel's (1967) for tables of distances. Domains are taken as independent.

The interval is on Fisher's scale. How far a correlation strays by chance there, q, is the 95 %
quantile of the same shuffles; a limit is the correlation from which the one that was found is just
so far away, with the spread of rank correlations growing as Bonett and Wright (2000) have it: by
the root of 1 + half of the squared correlation. At 0 that factor is 1, so the interval leaves 0
exactly where p is below 0.05. A bootstrap over 24 points is too narrow, and not of dependent ones.
`benchmarks/calibration.py` shows coverage and false positives.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from medtransfer.analysis.statistics import LEVEL, Effect

SHUFFLES = 4999
_NEARLY_ONE = 1 - 1e-6  # Fisher's scale has no place for 1


def within(
    first: np.ndarray,
    second: np.ndarray,
    *,
    domains: Sequence[str],
    rows: Sequence[str],
    columns: Sequence[str],
) -> Effect:
    """Return Spearman's correlation of ranks within domains, over all domains together.

    A trend between domains does not count, since each domain's ranks start anew. Where a measure is
    constant in every domain nothing is known: 0, from -1 to 1, with p = 1.

    Args:
        first, second: (n,) both measures.
        domains, rows, columns: (n,) where each point stands; every domain's table is complete.
    """
    places = _Places(domains, rows, columns)
    one, other = (places.ranks(values) for values in (first, second))
    size = np.sqrt((one @ one) * (other @ other))
    if size == 0:
        return Effect(value=0.0, low=-1.0, high=1.0, p=1.0, pairs=len(first), replicated=True)
    order = places.shuffled(np.random.default_rng(0))
    # Rounded, since equal correlations may differ in their last bit.
    drawn = np.round(np.abs(one[order] @ other) / size, 12)
    drawn = np.append(drawn, found := np.round(one @ other / size, 12))
    return Effect(
        value=float(found),
        **_limits(float(found), np.abs(drawn)),
        p=float(np.mean(np.abs(drawn) >= abs(found))),
        pairs=len(first),
        replicated=True,
    )


def overall(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's correlation over all points, 0 if a measure is constant."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(stats.spearmanr(first, second).statistic)


def _limits(found: float, drawn: np.ndarray) -> dict[str, float]:
    # So many may be as far from 0 as the one found, or further, where p < 0.05.
    beyond = int(np.ceil(round((1 - LEVEL) * len(drawn), 6))) - 1
    reach = _fisher(np.sort(drawn)[-1 - beyond])
    limits = {}
    for name, sign in (("low", -1), ("high", 1)):
        limit = _fisher(found)
        for _ in range(50):  # the right side changes by less than its argument: this settles
            limit = _fisher(found) + sign * reach * np.sqrt(1 + np.tanh(limit) ** 2 / 2)
        limits[name] = float(np.tanh(limit))
    return {"low": min(limits["low"], found), "high": max(limits["high"], found)}


def _fisher(correlation: float) -> float:
    return float(np.arctanh(np.clip(correlation, -_NEARLY_ONE, _NEARLY_ONE)))


class _Places:
    """Where points stand: domain -> table of rows by columns, filled with their numbers."""

    def __init__(self, domains: Sequence[str], rows: Sequence[str], columns: Sequence[str]) -> None:
        tables: dict[str, dict[tuple[str, str], int]] = {}
        for number, where in enumerate(zip(domains, rows, columns, strict=True)):
            tables.setdefault(where[0], {})[where[1:]] = number
        self.tables = [
            np.array([[own[r, c] for c in _unique(own, 1)] for r in _unique(own, 0)])
            for own in tables.values()
        ]
        self.number = len(domains)

    def ranks(self, values: np.ndarray) -> np.ndarray:
        """Return ranks within each domain, minus their mean."""
        ranks = np.empty(self.number)
        for table in self.tables:
            own = table.ravel()
            ranks[own] = stats.rankdata(values[own]) - (len(own) + 1) / 2
        return ranks

    def shuffled(self, rng: np.random.Generator) -> np.ndarray:
        """Return points in the order of each shuffle, (SHUFFLES, n)."""
        order = np.empty((SHUFFLES, self.number), int)
        for table in self.tables:
            rows, columns = (rng.random((SHUFFLES, side)).argsort(axis=1) for side in table.shape)
            mixed = table[rows[:, :, None], columns[:, None, :]]
            order[:, table.ravel()] = mixed.reshape(SHUFFLES, -1)
        return order


def _unique(table: dict[tuple[str, str], int], side: int) -> list[str]:
    return list(dict.fromkeys(where[side] for where in table))
