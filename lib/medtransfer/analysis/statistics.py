"""Effects with the trained pair as their unit, and verdicts on claims with corrected p-values.

An image says how one pair of networks behaves; a claim is about networks that might have been
trained. So an effect carries three sources of doubt: which targets were trained, which surrogates
were trained, and which patients are in the test set. Targets and surrogates are crossed, so pairs
are not independent: the variance is that of two-way clustering (Cameron, Gelbach and Miller 2011)
by target and by surrogate, with the correction for few trainings of each kind, plus the bootstrap
variance over patients; the interval is Student's with Satterthwaite's degrees of freedom. A mixed
model with crossed effects estimates the same variances, but its intervals are normal, which three
trainings of a kind do not justify. `benchmarks/calibration.py` shows coverage and false positives.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from statsmodels.stats.multitest import multipletests

LEVEL = 0.95
SUPPORTED, REFUTED, UNDECIDED = "supported", "not supported", "undecided"


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

    `p` is two-sided against the null value, NaN where only one training of a kind exists: then
    the interval is over groups of images alone and `replicated` is False.
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
    both = replace(combined([first, second]), groups=max(first.groups, second.groups))
    weights = np.concatenate([_weights(first.kinds), -_weights(second.kinds)])
    sides = [0] * len(first.kinds) + [1] * len(second.kinds)
    return _effect(both, weights, sides=sides, null=null)


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
    found = {"value": value, "pairs": len(set(zip(pairs.surrogates, pairs.targets, strict=True)))}
    residual = _residual(pairs, sides) * weights
    variance, freedom = _variance(pairs, residual, over_groups=float(np.nanvar(draws, ddof=1)))
    if not freedom:
        tail = 100 * (1 - LEVEL) / 2
        low, high = np.nanpercentile(draws, [tail, 100 - tail])
        return Effect(**found, low=float(low), high=float(high), p=float("nan"), replicated=False)  # type: ignore[arg-type]
    error = max(np.sqrt(variance), 1e-9)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * error)
    p = float(2 * stats.t.sf(abs(value - null) / error, freedom))
    return Effect(**found, low=value - reach, high=value + reach, p=p, replicated=True)  # type: ignore[arg-type]


def _residual(pairs: Pairs, sides: Sequence[int]) -> pd.Series[float]:
    """Return how far each pair is from the mean of its kind on its side of a difference."""
    values = pd.Series(pairs.values)
    strata = [f"{side}/{kind}" for side, kind in zip(sides, pairs.kinds, strict=True)]
    return values - values.groupby(strata).transform("mean")


def _variance(
    pairs: Pairs, residual: pd.Series[float], *, over_groups: float
) -> tuple[float, float]:
    """Return the variance of a sum over pairs and its degrees of freedom, 0 for unknown."""
    sides = [
        _clustered(residual, pairs.targets, pairs.target_kinds),
        _clustered(residual, pairs.surrogates, pairs.surrogate_kinds),
    ]
    if any(freedom == 0 for _, freedom in sides):
        return float("nan"), 0.0
    alone = float((residual.groupby(_named(pairs.surrogates, pairs.targets)).sum() ** 2).sum())
    trained = max(sum(v for v, _ in sides) - alone, *(v for v, _ in sides))
    parts = [*sides, (over_groups, pairs.groups - 1)]
    total = trained + over_groups
    spent = sum(variance**2 / freedom for variance, freedom in parts)
    return total, total**2 / spent if spent else float(pairs.groups - 1)


def _named(surrogates: Sequence[str], targets: Sequence[str]) -> pd.Series[str]:
    return pd.Series([f"{s}/{t}" for s, t in zip(surrogates, targets, strict=True)])


def _clustered(
    residual: pd.Series[float], trainings: Sequence[str], kinds: Sequence[str]
) -> tuple[float, float]:
    """Return the clustered variance of one side, and its trainings beyond one per kind."""
    names = pd.Series(list(trainings))
    number, kind = names.nunique(), len(set(kinds))
    if number == kind:
        return float("nan"), 0.0
    sums = residual.groupby(names).sum()
    return float((sums**2).sum()) * number / (number - kind), float(number - kind)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> Effect:
    """Return Spearman's correlation with a bootstrap interval over points and a permutation p.

    All of it is NaN if one side is constant.
    """

    def correlation(a: np.ndarray, b: np.ndarray) -> float:
        return float(stats.spearmanr(a, b).statistic)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a resample may be constant: it is left out
        drawn = stats.bootstrap(
            (first, second),
            correlation,
            paired=True,
            vectorized=False,
            method="percentile",
            n_resamples=1000,
            rng=np.random.default_rng(0),
        )
        test = stats.permutation_test(
            (first,),
            lambda a: correlation(a, second),
            permutation_type="pairings",
            vectorized=False,
            n_resamples=2000,
            rng=np.random.default_rng(0),
        )
        value = correlation(first, second)
    tail = 100 * (1 - LEVEL) / 2
    draws = drawn.bootstrap_distribution
    known = draws[np.isfinite(draws)]
    low, high = np.percentile(known, [tail, 100 - tail]) if len(known) else (np.nan, np.nan)
    return Effect(
        value=value,
        low=float(low),
        high=float(high),
        p=float(test.pvalue) if np.isfinite(value) else float("nan"),
        pairs=len(first),
        replicated=True,
    )


def verdicts(table: pd.DataFrame, *, alpha: float = 0.05) -> pd.DataFrame:
    """Add Holm's `p_holm` and a `verdict` to claims with `value`, `low`, `high`, `p`, `null`.

    A claim says that its effect lies above `null`. It is supported when the corrected p is below
    alpha on that side; not supported when the whole interval lies below `null` + `least`, the
    smallest effect worth naming; otherwise undecided. Claims without p are undecided and do not
    count for the correction.
    """
    table = table.copy()
    known = table["p"].notna()
    table["p_holm"] = np.nan
    if known.any():
        table.loc[known, "p_holm"] = multipletests(table.loc[known, "p"], method="holm")[1]
    yes = (table["p_holm"] < alpha) & (table["value"] > table["null"])
    no = known & (table["high"] < table["null"] + table["least"])
    table["verdict"] = np.select([yes, no], [SUPPORTED, REFUTED], UNDECIDED)
    return table
