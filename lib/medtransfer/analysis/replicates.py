"""Effects of which each replicate is a pair of its own: defended and undefended, trained alike.

The two of a pair share their seed, their images and the attacker's images, so that what they differ
in is the defence. The unit is the replicate; images are the same for all replicates of a domain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from medtransfer.analysis.statistics import LEVEL, Effect


@dataclass(frozen=True)
class Differences:
    """What was measured in one domain.

    Attributes:
        values: (n,) of each replicate.
        draws: (n, B) the same under B resamples of the groups of images.
        groups: number of patients or slides.
    """

    values: np.ndarray
    draws: np.ndarray
    groups: int


def less(first: Differences, second: Differences) -> Differences:
    """Return the first minus the second, replicate by replicate."""
    number = min(len(first.values), len(second.values))
    return Differences(
        values=first.values[:number] - second.values[:number],
        draws=first.draws[:number] - second.draws[:number],
        groups=first.groups,
    )


def scaled(found: Differences, by: float) -> Differences:
    """Return everything times a number."""
    return Differences(values=by * found.values, draws=by * found.draws, groups=found.groups)


def effect(domains: Mapping[str, Differences] | Sequence[Differences], *, null: float) -> Effect:
    """Return the mean over domains of the mean over replicates, with its 95 % interval.

    Its variance is that between replicates of a domain, and that over groups of images; the
    interval is Student's with Satterthwaite's degrees of freedom. With one replicate in some domain
    it is over groups of images alone, and there is no p.
    """
    found = list(domains.values() if isinstance(domains, Mapping) else domains)
    share = 1 / len(found)
    value = float(share * sum(each.values.mean() for each in found))
    draws = share * np.sum([each.draws.mean(0) for each in found], axis=0)
    pairs = sum(len(each.values) for each in found)
    if min(len(each.values) for each in found) == 1:
        tail = 100 * (1 - LEVEL) / 2
        low, high = np.nanpercentile(draws, [tail, 100 - tail])
        limits = {"low": float(low), "high": float(high), "p": float("nan")}
        return Effect(value=value, pairs=pairs, replicated=False, **limits)
    parts = [
        (share**2 * float(each.values.var(ddof=1)) / len(each.values), len(each.values) - 1)
        for each in found
    ]
    parts.append((float(np.nanvar(draws, ddof=1)), sum(each.groups for each in found) - 1))
    variance = sum(part for part, _ in parts)
    spent = sum(part**2 / freedom for part, freedom in parts)
    freedom = variance**2 / spent if spent else float(parts[-1][1])
    error = max(np.sqrt(variance), 1e-9)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * error)
    p = float(2 * stats.t.sf(abs(value - null) / error, freedom))
    limits = {"low": value - reach, "high": value + reach, "p": p}
    return Effect(value=value, pairs=pairs, replicated=True, **limits)
