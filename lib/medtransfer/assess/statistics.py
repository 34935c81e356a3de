"""Shares of changed calls and their intervals, conditional on one target.

An assessment speaks of one model and no other, so its doubt has two sources: which surrogates an
attacker happens to train, and which patients are among the test images. The variance of a mean over
surrogates is that between surrogates, plus that over resampled patients, less what single pairs of
a surrogate and a patient add to both; it is at least that of either source. The degrees of freedom
are Satterthwaite's (1946).

The interval of a share is that of Korn and Graubard (1998): Clopper and Pearson's exact one for as
many independent answers as would give the variance, and never for more than there are. So it stays
within 0 and 1. Where nothing happened it is the exact bound over patients, and it never reaches
less far than that, so that a rare event does not look better known than none. The test that an
attack changes more than noise is Student's, one-sided. `benchmarks/assessments.py` shows coverage
and errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Shares of correct calls that are changed, by each surrogate of a rung.

    Attributes:
        values: (R,), from 0 to 1.
        draws: (R, B), the same under B resamples of the patients.
        images, patients: how many have such a call.
    """

    values: np.ndarray
    draws: np.ndarray
    images: int
    patients: int

    def __sub__(self, other: Self) -> Shares:
        """Return what one attack changes more than another, surrogate by surrogate."""
        return Shares(
            values=self.values - other.values,
            draws=self.draws - other.draws,
            images=min(self.images, other.images),
            patients=min(self.patients, other.patients),
        )

    @property
    def mean(self) -> float:
        """The mean over surrogates."""
        return float(self.values.mean())


def variance(shares: Shares) -> tuple[float, float]:
    """Return the variance of the mean over surrogates, and its degrees of freedom.

    One surrogate alone, as in a white box, leaves the doubt over patients.
    """
    number = len(shares.values)
    over_patients = float(np.nanvar(shares.draws.mean(0), ddof=1))
    freedom = max(shares.patients - 1, 1)
    if number < 2:
        return over_patients, float(freedom)
    between = float(shares.values.var(ddof=1)) / number
    apart = shares.draws - shares.draws.mean(0)
    of_pairs = float(np.nanvar(apart, axis=1, ddof=1).mean()) / (number - 1)
    total = max(between + over_patients - of_pairs, between, over_patients)
    spent = between**2 / (number - 1) + over_patients**2 / freedom
    return total, float(min(total**2 / spent, freedom)) if spent else float(freedom)


def interval(shares: Shares, *, level: float = LEVEL) -> tuple[float, float]:
    """Return the interval of the mean share, (NaN, NaN) where there are no patients."""
    if not shares.patients:
        return float("nan"), float("nan")
    value, tail = min(max(shares.mean, 0.0), 1.0), (1 - level) / 2
    number = _effective(shares, value, tail=tail)
    hits, nothing = value * number, float(1 - tail ** (1 / shares.patients))
    low = float(stats.beta.ppf(tail, hits, number - hits + 1)) if hits > 0 else 0.0
    high = float(stats.beta.ppf(1 - tail, hits + 1, number - hits)) if hits < number else 1.0
    return min(low, 1 - nothing), max(high, nothing)


def _effective(shares: Shares, value: float, *, tail: float) -> float:
    """Return how many independent answers tell as much, at most as many as there are."""
    spread, freedom = variance(shares)
    number = shares.images * len(shares.values)
    if number < 2 or not spread > 0:
        return float(shares.patients)
    wider = stats.t.ppf(tail, number - 1) / stats.t.ppf(tail, freedom)
    return float(min(number, max(1.0, value * (1 - value) / spread * wider**2)))


def p_above(shares: Shares, *, null: float = 0.0) -> float:
    """Return the one-sided p-value of a mean above `null`; 1 where it is not above."""
    spread, freedom = variance(shares)
    above = shares.mean - null
    if not above > 0:
        return 1.0
    return float(stats.t.sf(above / max(np.sqrt(spread), 1e-9), freedom))


@dataclass(frozen=True)
class Difference:
    """A difference of two means with its 95 % interval; all are shares."""

    value: float
    low: float
    high: float
    p: float


def difference(first: Shares, second: Shares) -> Difference:
    """Return the difference of the means of two rungs, first minus second; p is two-sided.

    Their surrogates are independent, their patients and resamples the same.
    """
    number = min(first.patients, second.patients)
    pooled = first.draws.mean(0) - second.draws.mean(0)
    over_patients = float(np.nanvar(pooled, ddof=1))
    parts = [(over_patients, max(number - 1, 1))]
    for side in (first, second):
        if (trained := len(side.values)) > 1:
            parts.append((float(side.values.var(ddof=1)) / trained, trained - 1))
    total = sum(part for part, _ in parts)
    spent = sum(part**2 / freedom for part, freedom in parts)
    freedom = total**2 / spent if spent else float(max(number - 1, 1))
    value, error = first.mean - second.mean, max(np.sqrt(total), 1e-9)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * error)
    p = float(2 * stats.t.sf(abs(value) / error, freedom))
    return Difference(value, value - reach, value + reach, p)
