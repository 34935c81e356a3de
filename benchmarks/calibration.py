"""Do the intervals cover and the verdicts err as rarely as they say? Simulated studies.

    .venv/bin/python benchmarks/calibration.py [--studies 1000] [--replicates 2 4] [--domains 1 3]

Pairs: each study has two architectures and so many trainings of every kind, crossed as the study
crosses them, in one domain or over three. Claims compare other targets and surrogates (C1), other
surrogates of the same targets (C3), the same networks paired otherwise (C4), or look at one side
(C5). Doubt comes from targets, surrogates, single pairs and the patients of the test set, in
several mixtures. Reported are the coverage of 95 % intervals, how often a claim without effect is
supported (p below 0.05 on the claim's side), how often an effect of 10 points is, and the median
width; then, over all of them, how often any of nine claims without effect, as many as a study has
over all domains, is supported after Holm's correction.

Correlation (C2): 24 points, three domains by four sizes by two architectures. Domains differ; sizes
of one architecture, and architectures of one size, share as much as MIXED says. Reported against
the correlation that the points were drawn with, and how often Fisher's interval, which takes points
as independent, would have excluded 0.

Every share stands with its Monte-Carlo interval.
"""

from __future__ import annotations

import argparse
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from tqdm import tqdm

from medtransfer.analysis import correlation
from medtransfer.analysis.statistics import (
    SUPPORTED,
    Effect,
    Pairs,
    combined,
    difference,
    mean,
    verdicts,
)

ARCHITECTURES, DRAWS, GROUPS, CLAIMS = 2, 100, 60, 9
NULL, EFFECT = 50.0, 10.0
# Standard deviations in points: of targets, of targets on each side of a comparison apart, of
# surrogates, single pairs, patients; and by how much the second side, or the second architecture,
# spreads less than the first.
MIXTURES: dict[str, dict[str, float]] = {
    "all alike": {"target": 3, "surrogate": 3, "pair": 3, "patients": 1},
    "surrogates differ": {"surrogate": 4, "pair": 1, "patients": 1},
    "targets differ": {"target": 4, "pair": 1, "patients": 1},
    "targets differ by side": {"apart": 4, "surrogate": 1, "pair": 1, "patients": 0.5},
    "pairs differ": {"pair": 4, "patients": 0.5},
    "patients differ": {"target": 0.5, "surrogate": 0.5, "pair": 0.5, "patients": 3},
    "networks differ much": {"target": 8, "surrogate": 8, "pair": 1, "patients": 0.2},
    "one side is steady": {
        **{"target": 3, "apart": 3, "surrogate": 3, "pair": 1, "patients": 0.5},
        "side": 0.15,
    },
    "one architecture is steadier": {
        **{"target": 3, "apart": 3, "surrogate": 3, "pair": 1, "patients": 0.5},
        "architecture": 0.33,
    },
}
MIXED = {
    "independent": (0, 0),
    "sizes of an architecture": (1, 0),
    "architectures of a size": (0, 1),
    "both": (1, 1),
    "sizes, strongly": (2, 0),
    "architectures, strongly": (0, 2),
}
# What both sides of a comparison share, and which pairs there are.
KINDS: dict[str, dict[str, Any]] = {
    "C1": {"own": ("target", "surrogate")},
    "C3": {"own": ("surrogate",)},
    "C4": {"own": (), "relation": True},
    "C5": {"own": (), "nested": True},
}


def study(
    rng: np.random.Generator, kind: str, *, mixture: str, replicates: int, effect: float
) -> list[Pairs]:
    """Return the sides of one simulated comparison in one domain, `effect` points apart."""
    spread = {**dict.fromkeys(("target", "apart", "surrogate", "pair"), 0.0), **MIXTURES[mixture]}
    own = KINDS[kind]["own"]
    keys = list(product(range(ARCHITECTURES), range(replicates)))
    domain = str(rng.integers(1 << 60))  # networks and images of their own
    habits: dict[tuple[Any, ...], float] = {}

    def steady(side: int, architecture: int) -> float:
        return spread.get("side", 1.0) ** side * spread.get("architecture", 1.0) ** architecture

    def habit(what: str, side: int, key: tuple[int, int], *, apart: bool) -> float:
        where = (what, side if apart else 0, key)
        if where not in habits:
            habits[where] = rng.normal(0, spread[what]) * steady(where[1], key[0])
        return habits[where]

    found = []
    for side in range(1 if kind == "C5" else 2):
        rows = [
            (s, t)
            for s, t in product(keys, keys)
            if not (KINDS[kind].get("relation") and (s[0] == t[0]) != (side == 1))
            and not (KINDS[kind].get("nested") and s[1] != t[1])
        ]
        values = np.array(
            [
                NULL
                + effect * (side == 0)
                + habit("target", side, t, apart="target" in own)
                + habit("apart", side, t, apart=True)
                + habit("surrogate", side, s, apart="surrogate" in own)
                + rng.normal(0, spread["pair"]) * steady(side, t[0])
                for s, t in rows
            ]
        )
        sigma = spread["patients"] / (1 if kind == "C5" else np.sqrt(2))
        shift = rng.normal(0, sigma)
        names = {
            what: f"{domain} {what} {side if what in own else 0}"
            for what in ("target", "surrogate")
        }
        found.append(
            Pairs(
                values=values + shift,
                draws=(values + shift)[:, None] + rng.normal(0, sigma, DRAWS),
                surrogates=[f"{names['surrogate']} {s}" for s, _ in rows],
                targets=[f"{names['target']} {t}" for _, t in rows],
                surrogate_kinds=[f"{names['surrogate']} {s[0]}" for s, _ in rows],
                target_kinds=[f"{names['target']} {t[0]}" for _, t in rows],
                groups=GROUPS,
            )
        )
    return found


def judged(
    rng: np.random.Generator, kind: str, *, domains: int, effect: float, **how: Any
) -> Effect:
    """Return the estimated effect of one simulated comparison over some domains."""
    sides = zip(*(study(rng, kind, effect=effect, **how) for _ in range(domains)), strict=True)
    pairs = [combined(side) for side in sides]
    return mean(pairs[0], null=NULL) if len(pairs) == 1 else difference(pairs[0], pairs[1])


def pairs_tables(
    number: int, replicates: list[int], domains: list[int]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return coverage and errors of all comparisons and mixtures, and errors of whole studies."""
    rng, rows = np.random.default_rng(0), []
    families: dict[tuple[int, int], list[bool]] = {}
    for trainings, pool, kind, mixture in tqdm(
        list(product(replicates, domains, KINDS, MIXTURES)), mininterval=10
    ):
        how: Any = {"domains": pool, "mixture": mixture, "replicates": trainings}
        null = NULL if kind == "C5" else 0.0
        none, real = (
            [judged(rng, kind, effect=effect, **how) for _ in range(times)]
            for effect, times in ((0.0, number), (EFFECT, number // 4))
        )
        families.setdefault((trainings, pool), []).extend(
            bool((verdicts(_family(none[i : i + CLAIMS], null))["verdict"] == SUPPORTED).any())
            for i in range(0, number - CLAIMS + 1, CLAIMS)
        )
        rows.append(
            {
                "trainings": trainings,
                "domains": pool,
                "claim": kind,
                "doubt": mixture,
                "coverage": share([e.low <= null <= e.high for e in none]),
                "false positives": share([e.p < 0.05 and e.value > null for e in none]),
                "10 points seen": share([e.p < 0.05 and e.value > null for e in real]),
                "width": f"{np.median([e.high - e.low for e in none]):.1f}",
            }
        )
    errors = [
        {"trainings": trainings, "domains": pool, f"any of {CLAIMS}": share(hits)}
        for (trainings, pool), hits in families.items()
    ]
    return pd.DataFrame(rows), pd.DataFrame(errors)


def _family(effects: list[Effect], null: float) -> pd.DataFrame:
    return pd.DataFrame(effects).assign(null=null, least=2.0, family="claim", verdict="")


def correlation_table(number: int) -> pd.DataFrame:
    """Return coverage and errors of the rank correlation within domains."""
    rng, rows = np.random.default_rng(0), []
    for strength, mixture in tqdm(list(product((0.0, 0.5, 0.8), MIXED)), mininterval=10):
        found = [_correlated(rng, strength, *MIXED[mixture]) for _ in range(number)]
        truth = 6 / np.pi * np.arcsin(strength / 2)  # Spearman's of normal values
        naive = 1.96 / np.sqrt(24 - 2 - 3)  # three domains' means are estimated, too
        rows.append(
            {
                "rank correlation": f"{truth:.2f}",
                "points share": mixture,
                "mean": f"{np.mean([e.value for e in found]):.2f}",
                "coverage": share([e.low <= truth <= e.high for e in found]),
                "p < 0.05": share([e.p < 0.05 for e in found]),
                "supported": share([e.p < 0.05 and e.value > 0 for e in found]),
                "Fisher's": share([abs(np.arctanh(e.value)) > naive for e in found]),
                "width": f"{np.median([e.high - e.low for e in found]):.2f}",
            }
        )
    return pd.DataFrame(rows)


def _correlated(rng: np.random.Generator, strength: float, of_row: int, of_column: int) -> Effect:
    root = np.linalg.cholesky([[1, strength], [strength, 1]])

    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(size=(*shape, 2)) @ root.T

    domains, sizes = 3, 4
    both = drawn(domains, sizes, ARCHITECTURES)
    both += of_row * drawn(domains, 1, ARCHITECTURES) + of_column * drawn(domains, sizes, 1)
    both += rng.normal(0, 3, (domains, 1, 1, 2))  # domains differ, in both measures
    places = [map(str, each) for each in np.indices(both.shape[:3]).reshape(3, -1)]
    names = [list(each) for each in places]
    first, second = both.reshape(-1, 2).T
    return correlation.within(first, second, domains=names[0], rows=names[1], columns=names[2])


def share(hits: list[bool]) -> str:
    """Return a share in % with its Monte-Carlo interval."""
    found = binomtest(int(sum(hits)), len(hits))
    low, high = found.proportion_ci(method="wilson")
    return f"{100 * found.statistic:.1f} ({100 * low:.1f}-{100 * high:.1f})"


def main() -> None:
    """Simulate all comparisons and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--replicates", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--domains", type=int, nargs="+", default=[1, 3])
    asked = parser.parse_args()
    print(correlation_table(asked.studies).to_string(index=False), flush=True)
    for table in pairs_tables(asked.studies, asked.replicates, asked.domains):
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
