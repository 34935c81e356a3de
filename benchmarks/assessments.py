"""Do the intervals of an assessment cover, and is "vulnerable" said as rarely as it should be?

    .venv/bin/python benchmarks/assessments.py [--assessments 200] [--patients 60 200]

Simulated assessments of one target by three surrogates: several images a patient, whose calls share
a habit; surrogates that differ by chance; findings that share their patients. Without an effect the
attack changes as many calls as noise does, none, 2 or 10 %; with one, 10 or 40 % of them more. For
each: the coverage of the 95 % intervals of the share (the mean over all surrogates and patients
that might have been, for this target), how often the interval lies wholly below or above it, how
often any finding of an assessment is called vulnerable, how often none, and the median width.

Every share stands with its Monte-Carlo interval. Below the table stand all cases without an effect
and all with one, and the worst of them. The whole takes minutes on two cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import binomtest
from tqdm import tqdm

from medtransfer.assess import calls, verdicts
from medtransfer.assess.calls import Asked
from medtransfer.assess.statistics import interval, p_above
from medtransfer.executors import local
from medtransfer.measures.metrics import Resamples

SURROGATES, FINDINGS, DRAWS = 3, 3, 200
# Standard deviations, in logits, of a surrogate's strength and of a patient's habit.
SPREADS = {"alike": (0.0, 0.0), "patients differ": (0.0, 1.0), "both differ": (0.4, 1.0)}
NOISES, EFFECTS = (0.0, 0.02, 0.1), (0.0, 0.1, 0.4)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(40)


def expected(at: float, spread: float) -> float:
    """Return the mean of a share whose logit is normal about `at`."""
    return float(WEIGHTS @ expit(at + spread * NODES) / WEIGHTS.sum()) if np.isfinite(at) else 0.0


@cache
def centre(share: float, spread: float) -> float:
    """Return the logit about which shares spread whose mean is `share`."""
    if not share:
        return -np.inf
    low, high = -15.0, 15.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle, spread) < share else (low, middle)
    return middle


def assessment(
    rng: np.random.Generator, *, patients: int, noise: float, effect: float, spread: str
) -> tuple[list[tuple[float, float]], list[verdicts.Verdict]]:
    """Return the intervals and verdicts of one simulated assessment."""
    of_surrogates, of_patients = SPREADS[spread]
    groups = np.repeat(np.arange(patients), rng.integers(1, 4, patients))
    number = len(groups)
    both = float(np.hypot(of_surrogates, of_patients))
    at = {True: centre(noise + effect, both), False: centre(noise, both)}
    habit = of_patients * rng.normal(size=(patients, FINDINGS))[groups]
    strength = of_surrogates * rng.normal(size=(SURROGATES, 1, 1))
    chance = {
        attack: expit(where + habit + strength) if np.isfinite(where) else np.zeros((1, 1, 1))
        for attack, where in at.items()
    }
    size = (SURROGATES, number, FINDINGS)
    # A call depends on the picture: what one surrogate changes, another is likely to change, too.
    luck = np.where(rng.random(size) < 0.5, rng.random(size[1:]), rng.random(size))
    hit = {True: luck < chance[True], False: rng.random(size) < chance[False]}
    truth = np.ones((number, FINDINGS))
    weights = Resamples(groups=tuple(map(str, groups)), number=DRAWS).weights
    limits = np.full(FINDINGS, 0.5)
    found = []
    for k in range(FINDINGS):
        shares = {
            attack: calls.changed(
                Asked(truth, truth, 1.0 - hit[attack], weights, groups),
                limits,
                finding=k,
                kind=calls.MISSES,
            )
            for attack in (True, False)
        }
        low, high = interval(shares[True])
        found.append(
            verdicts.Evidence(
                patients=shares[True].patients,
                share=shares[True].mean,
                low=low,
                high=high,
                noise=shares[False].mean,
                p=p_above(shares[True] - shares[False]),
                control=0.5,
            )
        )
    return [(each.low, each.high) for each in found], verdicts.judge(found)


class Case(NamedTuple):
    """Simulated assessments of one kind."""

    patients: int
    spread: str
    noise: float
    effect: float
    number: int


class Seen(NamedTuple):
    """What came of a case: for each interval, and for each assessment, whether.

    Attributes:
        covers, below, above: the true share lies in the interval, above it, below it.
        vulnerable: some finding is called so.
        none: no vulnerability was shown for any.
    """

    covers: list[bool]
    below: list[bool]
    above: list[bool]
    vulnerable: list[bool]
    none: list[bool]
    width: float


def seen(case: Case) -> Seen:
    """Simulate the assessments of a case; what is drawn depends on the case alone."""
    *how, number = case
    rng = np.random.default_rng([ord(letter) for letter in repr(how)])
    said: Any = {name: getattr(case, name) for name in ("patients", "spread", "noise", "effect")}
    found = [assessment(rng, **said) for _ in range(number)]
    truth = case.noise + case.effect
    intervals = [each for own, _ in found for each in own]
    words = [[verdict.word for verdict in own] for _, own in found]
    return Seen(
        covers=[low <= truth <= high for low, high in intervals],
        below=[high < truth for _, high in intervals],
        above=[low > truth for low, _ in intervals],
        vulnerable=[verdicts.VULNERABLE in own for own in words],
        none=[set(own) == {verdicts.NOT_SHOWN} for own in words],
        width=float(np.median([high - low for low, high in intervals])),
    )


def share(hits: list[bool]) -> str:
    """Return a share of simulated cases with its 95 % Monte-Carlo interval."""
    found = binomtest(sum(hits), len(hits)).proportion_ci(method="wilson")
    return f"{100 * np.mean(hits):.1f} ({100 * found.low:.1f} to {100 * found.high:.1f})"


def table(cases: Sequence[Case], found: Sequence[Seen]) -> pd.DataFrame:
    """Return coverage and errors of every simulated case."""
    rows = [
        {
            **{name: getattr(case, name) for name in ("patients", "spread", "noise", "effect")},
            "coverage": share(each.covers),
            "below": f"{100 * np.mean(each.below):.1f}",
            "above": f"{100 * np.mean(each.above):.1f}",
            "any vulnerable": share(each.vulnerable),
            "none shown": share(each.none),
            "width": f"{100 * each.width:.1f}",
        }
        for case, each in zip(cases, found, strict=True)
    ]
    return pd.DataFrame(rows)


def summary(cases: Sequence[Case], found: Sequence[Seen]) -> pd.DataFrame:
    """Return the same of all cases without an effect, and of all with one."""
    rows = []
    for name, effect in (("without an effect", False), ("with one", True)):
        own = [each for case, each in zip(cases, found, strict=True) if (case.effect > 0) == effect]
        coverages = [np.mean(each.covers) for each in own]
        called = [np.mean(each.vulnerable) for each in own]
        rows.append(
            {
                "assessments": f"{sum(len(each.vulnerable) for each in own)} {name}",
                "coverage": share([hit for each in own for hit in each.covers]),
                "of single cases": f"{100 * min(coverages):.1f} to {100 * max(coverages):.1f}",
                "any vulnerable": share([hit for each in own for hit in each.vulnerable]),
                "of a single case": f"{100 * min(called):.1f} to {100 * max(called):.1f}",
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assessments", type=int, default=200)
    parser.add_argument("--patients", type=int, nargs="+", default=[60, 200])
    given = parser.parse_args()
    grid = product(given.patients, SPREADS, NOISES, EFFECTS)
    cases = [Case(*each, given.assessments) for each in grid]
    with local.processes(local.number()) as pool:
        found = list(tqdm(pool.map(seen, cases), total=len(cases), mininterval=10))
    for shown in (table(cases, found), summary(cases, found)):
        print(shown.to_string(index=False))


if __name__ == "__main__":
    main()
