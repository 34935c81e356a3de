"""Effects with the trained pair as their unit, and verdicts on claims with corrected p-values.

An image says how one pair of networks behaves; a claim is about networks that might have been
trained. So an effect carries three sources of doubt: which targets were trained, which surrogates
were trained, and which patients are in the test set. Targets and surrogates are crossed, so pairs
are not independent: the variance is that of two-way clustering (Cameron, Gelbach and Miller 2011)
by target and by surrogate, with the correction for few trainings of each kind, less what single
pairs add to both, plus the bootstrap variance over patients. What single pairs add is their mean
square about the sum of target and surrogate, as in a two-way analysis of variance (Searle, Casella
and McCulloch 1992): Cameron's own term also holds a part of the networks' variance, a quarter of it
with two trainings. The variance is at least that of either side. The interval is Student's with
Satterthwaite's (1946) degrees of freedom. Networks of different kinds are taken to spread alike: if
one of two architectures spreads far more than the other, two trainings of it make intervals too
short. A mixed model with crossed effects estimates the same variances, but its intervals are
normal, which two trainings of a kind do not justify. `benchmarks/calibration.py` shows coverage and
false positives.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

LEVEL = 0.95
SUPPORTED, REFUTED, TOO_WIDE = "supported", "not supported", "interval too wide"


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """What was measured on n trained pairs, such as the percentage of the clean AUC that is left.

    Attributes:
        values: (n,).
        draws: (n, B), the same under B resamples of the groups of test images.
        targets, surrogates: (n,) the training on each side.
        target_kinds, surrogate_kinds: (n,) what each training is a replicate of.
        groups: number of patients or slides in the test set.
    """

    values: np.ndarray
    draws: np.ndarray
    targets: Sequence[str]
    surrogates: Sequence[str]
    target_kinds: Sequence[str]
    surrogate_kinds: Sequence[str]
    groups: int

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Kind of each pair."""
        return list(zip(self.surrogate_kinds, self.target_kinds, strict=True))


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A mean or a difference of means, in points, with its 95 % interval.

    `p` is two-sided against the null value, NaN where some kind has but one training: then the
    interval is over groups of images alone and `replicated` is False.
    """

    value: float
    low: float
    high: float
    p: float
    pairs: int
    replicated: bool


def mean(pairs: Pairs, *, null: float = 0.0) -> Effect:
    """Return the mean over kinds of pairs, each kind with equal weight."""
    return _effect(pairs, _weights(pairs.kinds), sides=[0] * len(pairs.kinds), null=null)


def difference(first: Pairs, second: Pairs, *, null: float = 0.0) -> Effect:
    """Return the mean of the first minus that of the second; trainings of both may be the same."""
    return balance([first], [second], null=null)


def balance(plus: Sequence[Pairs], minus: Sequence[Pairs], *, null: float = 0.0) -> Effect:
    """Return the sum of some means minus that of others; trainings of all may be the same.

    With two of each it is a difference of differences: what the same training, or the same
    resample of the images, adds to all of them cancels.
    """
    sides = [*plus, *minus]
    signs = [1] * len(plus) + [-1] * len(minus)
    whole = replace(combined(sides), groups=max(side.groups for side in sides))
    weights = [sign * _weights(side.kinds) for sign, side in zip(signs, sides, strict=True)]
    places = [place for place, side in enumerate(sides) for _ in side.kinds]
    return _effect(whole, np.concatenate(weights), sides=places, null=null)


def combined(studies: Sequence[Pairs]) -> Pairs:
    """Return the pairs of several studies, whose images have nothing in common, as one."""
    return Pairs(
        values=np.concatenate([s.values for s in studies]),
        draws=np.concatenate([s.draws for s in studies]),
        targets=[name for s in studies for name in s.targets],
        surrogates=[name for s in studies for name in s.surrogates],
        target_kinds=[kind for s in studies for kind in s.target_kinds],
        surrogate_kinds=[kind for s in studies for kind in s.surrogate_kinds],
        groups=sum(s.groups for s in studies),
    )


def _weights(kinds: Sequence[tuple[str, str]]) -> np.ndarray:
    counts = Counter(kinds)
    return np.array([1 / counts[kind] / len(counts) for kind in kinds])


def _effect(pairs: Pairs, weights: np.ndarray, *, sides: Sequence[int], null: float) -> Effect:
    value, draws = float(weights @ pairs.values), weights @ pairs.draws
    known = {"value": value, "pairs": len(set(zip(pairs.surrogates, pairs.targets, strict=True)))}
    deviation = _Deviation(pairs, weights, sides)
    if not deviation.replicated:
        tail = 100 * (1 - LEVEL) / 2
        low, high = np.nanpercentile(draws, [tail, 100 - tail])
        return Effect(**known, low=float(low), high=float(high), p=float("nan"), replicated=False)  # type: ignore[arg-type]
    variance, freedom = deviation.variance(over_groups=float(np.nanvar(draws, ddof=1)))
    error = max(np.sqrt(variance), 1e-9)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * error)
    p = float(2 * stats.t.sf(abs(value - null) / error, freedom))
    return Effect(**known, low=value - reach, high=value + reach, p=p, replicated=True)  # type: ignore[arg-type]


class _Deviation:
    """How far each pair is from the mean of its kind on its side of a difference."""

    def __init__(self, pairs: Pairs, weights: np.ndarray, sides: Sequence[int]) -> None:
        strata = _codes([f"{side}/{kind}" for side, kind in zip(sides, pairs.kinds, strict=True)])
        self.pairs, self.strata, self.weights = pairs, strata, weights
        self.trainings = (_codes(pairs.targets), _codes(pairs.surrogates))
        kinds = (_codes(pairs.target_kinds), _codes(pairs.surrogate_kinds))
        self.sizes = [_trainings(*each) for each in zip(self.trainings, kinds, strict=True)]
        self.replicated = all(min(counts) > 1 for counts in self.sizes)
        self.values = pairs.values - _means(pairs.values, strata)

    def variance(self, *, over_groups: float) -> tuple[float, float]:
        """Return the variance of the weighted sum over pairs, and its degrees of freedom."""
        parts = [
            (float((np.bincount(names, self.weights * self.values) ** 2).sum()), counts)
            for names, counts in zip(self.trainings, self.sizes, strict=True)
        ]
        sides = [
            (v * sum(counts) / (sum(counts) - len(counts)), sum(counts) - len(counts))
            for v, counts in parts
        ]
        both = sum(v for v, _ in sides) - self._of_pairs()
        total = max(both, *(v for v, _ in sides)) + over_groups
        parted = [*sides, (over_groups, self.pairs.groups - 1)]
        spent = sum(v**2 / freedom for v, freedom in parted if v)
        return total, total**2 / spent if spent else float(self.pairs.groups - 1)

    def _of_pairs(self) -> float:
        """Return the variance by single pairs, of strata where each surrogate meets each target."""
        targets, surrogates = self.trainings
        own = self.values.copy()
        for names in (targets, surrogates):
            own -= _means(self.values, _codes(list(zip(self.strata, names, strict=True))))
        squares = (self.weights * own) ** 2
        total = 0.0
        for stratum in range(self.strata.max() + 1):
            here = self.strata == stratum
            number, rows = here.sum(), len(set(targets[here]))
            columns = len(set(surrogates[here]))
            if number == rows * columns and min(rows, columns) > 1:
                total += squares[here].sum() * number / ((rows - 1) * (columns - 1))
        return float(total)


def _codes(names: Sequence[Hashable]) -> np.ndarray:
    """Return a number for each name, equal for equal ones."""
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names])


def _means(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    return (np.bincount(codes, values) / np.bincount(codes))[codes]


def _trainings(trainings: np.ndarray, kinds: np.ndarray) -> list[int]:
    """Return how many trainings there are of each kind."""
    return list(Counter(kind for _, kind in set(zip(trainings, kinds, strict=True))).values())


def verdicts(table: pd.DataFrame, *, alpha: float = 0.05) -> pd.DataFrame:
    """Add Holm's `p_holm` and a `verdict` to claims with `value`, `low`, `high`, `p`, `null`.

    A claim says that its effect lies above `null`. It is supported when the corrected p is below
    alpha on that side; not supported when the whole interval lies below `null` + `least`, the
    smallest effect worth naming; otherwise its interval is too wide. Rows of one `family` are
    corrected together. Rows without p, which no test was made of, count for no correction and keep
    the verdict that they have.
    """
    table = table.copy()
    known = table["p"].notna()
    table["p_holm"] = np.nan
    for _, own in table[known].groupby("family"):
        table.loc[own.index, "p_holm"] = multipletests(own["p"], method="holm")[1]
    yes = (table["p_holm"] < alpha) & (table["value"] > table["null"])
    no = table["high"] < table["null"] + table["least"]
    tested = np.select([yes, no], [SUPPORTED, REFUTED], TOO_WIDE)
    table["verdict"] = np.where(known, tested, table["verdict"])
    return table
