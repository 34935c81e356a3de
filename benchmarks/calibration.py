"""Do the intervals cover and the verdicts err as rarely as they say? Simulated studies.

    .venv/bin/python benchmarks/calibration.py [--studies 2000]

Each study has two architectures and three trainings of every kind, crossed, as the profile
`extended`. Its doubt comes from targets, surrogates, single pairs and the patients of the test set,
in several mixtures. Reported are the coverage of 95 % intervals with and without an effect, how
often a single claim without effect is called supported, and how often any of twelve such claims
is after Holm's correction; each with the Monte-Carlo interval of the number of studies.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from tqdm import tqdm

from medtransfer.analysis.statistics import SUPPORTED, Effect, Pairs, difference, verdicts

NETWORKS, REPLICATES, DRAWS, GROUPS, CLAIMS = 2, 3, 100, 60, 12
# standard deviations in points: of targets, surrogates, single pairs, patients
MIXTURES = {
    "all alike": (3, 3, 3, 1),
    "surrogates differ": (0, 4, 1, 1),
    "targets differ": (4, 0, 1, 1),
    "pairs differ": (0, 0, 4, 0.5),
    "patients differ": (0.5, 0.5, 0.5, 3),
    "networks differ much": (8, 8, 1, 0.2),
}


def side(
    name: str,
    rng: np.random.Generator,
    *,
    level: float,
    targets: dict[tuple[int, int], float],
    spread: tuple[float, float, float],
) -> Pairs:
    """Return the pairs of fresh surrogates with given targets."""
    of_surrogate, of_pair, of_patients = spread
    surrogates = {key: rng.normal(0, of_surrogate) for key in targets}
    rows = list(product(surrogates, targets))
    percent = np.array(
        [
            level + 20 * (s[0] != t[0]) + surrogates[s] + targets[t] + rng.normal(0, of_pair)
            for s, t in rows
        ]
    )
    shift = rng.normal(0, of_patients)
    return Pairs(
        values=percent + shift,
        draws=percent[:, None] + shift + rng.normal(0, of_patients, DRAWS),
        surrogates=[f"{name} {s}" for s, _ in rows],
        targets=[str(t) for _, t in rows],
        surrogate_kinds=[f"{name} {s[0]}" for s, _ in rows],
        target_kinds=[str(t[0]) for _, t in rows],
        groups=GROUPS,
    )


def study(rng: np.random.Generator, *, effect: float, mixture: str) -> Effect:
    """Return the estimated effect of one simulated comparison: same targets, two surrogates."""
    of_target, *spread = MIXTURES[mixture]
    keys = product(range(NETWORKS), range(REPLICATES))
    targets = {key: rng.normal(0, of_target) for key in keys}
    known = {"targets": targets, "spread": tuple(spread)}
    return difference(
        side("a", rng, level=50 + effect, **known),  # type: ignore[arg-type]
        side("b", rng, level=50, **known),  # type: ignore[arg-type]
    )


def share(hits: list[bool]) -> str:
    """Return a share in % with its Monte-Carlo interval."""
    found = binomtest(sum(hits), len(hits))
    low, high = found.proportion_ci(method="wilson")
    return f"{100 * found.statistic:5.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def main() -> None:
    """Simulate all mixtures and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=2000)
    number = parser.parse_args().studies
    rng, rows, families = np.random.default_rng(0), [], []
    for mixture in tqdm(MIXTURES):
        null, real = (
            [study(rng, effect=effect, mixture=mixture) for _ in range(number)]
            for effect in (0.0, 10.0)
        )
        rows.append(
            {
                "doubt": mixture,
                "coverage, no effect": share([e.low <= 0 <= e.high for e in null]),
                "coverage, 10 points": share([e.low <= 10 <= e.high for e in real]),
                "false positives": share([e.p < 0.05 and e.value > 0 for e in null]),
                "10 points seen": share([e.p < 0.05 and e.value > 0 for e in real]),
                "width": f"{np.median([e.high - e.low for e in null]):.1f}",
            }
        )
        for first in range(0, number - CLAIMS + 1, CLAIMS):
            table = pd.DataFrame(null[first : first + CLAIMS]).assign(null=0.0, least=2.0)
            families.append(bool((verdicts(table)["verdict"] == SUPPORTED).any()))
    print(pd.DataFrame(rows).to_string(index=False))
    print(f"any of {CLAIMS} claims without effect called supported: {share(families)}")


if __name__ == "__main__":
    main()
