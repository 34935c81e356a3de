"""The paper's claims C1 to C5 (protocol, section 4), each as an effect with a verdict and its why.

The transferability of an attack is what it takes from the target: the less of the clean AUC is
left, the better it transfers. All effects are signed so that the claim says "above `null`".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pandas as pd

from medtransfer.analysis import gains as gains_
from medtransfer.analysis import sentences, statistics, tables
from medtransfer.analysis.cases import POOLED, Case, Row
from medtransfer.analysis.gains import Epsilons, Studies, correlations, gains
from medtransfer.analysis.selection import OTHER, SAME, WHITE_BOX, matching, relation
from medtransfer.analysis.sentences import Words
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.networks.trained import IMAGENET, RANDOM

__all__ = ["CLAIMS", "POOLED", "correlations", "gains", "judge"]

CLAIMS = {
    "C1": "pre-training of both raises transferability",
    "C2": "the larger the gain by pre-training, the larger the transferability",
    "C3": "other development data lower it",
    "C4": "another architecture lowers it further",
    "C5": "shuffled noise of the same size does almost nothing",
}
HALVES = {"random": RANDOM, "pre-trained": IMAGENET}
HARMLESS = 95.0  # % of the clean AUC that control noise must leave to do "almost nothing"
LEAST = 2.0  # points of the clean AUC: the smallest effect worth naming
LEFT, POINTS = "% of clean AUC left", "points of clean AUC"
COLUMNS = (
    *("claim", "says", "part", "domain", "value", "low", "high", "p", "p_holm", "pairs"),
    *("replicated", "unit", "null", "least", "verdict", "why"),
)


def judge(studies: Studies, *, epsilons: Epsilons, method: str, resamples: int) -> pd.DataFrame:
    """Return one row per claim, part and domain, and one over all domains: effect and verdict.

    C1 compares random with pre-trained pairs on d1, of all architectures and of other ones; C3
    surrogates on d2 with those on d1; C4 the other with the same architecture, both on d2; C5 is
    what control noise leaves at the epsilon of its half, against 95 %. C3 to C5 are judged for
    random and for pre-trained pairs. C2 (see `analysis.gains`) has a row over all domains only.
    What a profile has no cells for has no row.

    What fails a guard (see `analysis.guards`) is not tested: it has no p, and is left out of the
    row over all domains. Holm's correction is over the rows of all domains, which are the claims,
    and apart from them over those of single domains, which say where they hold. With one domain its
    rows are the claims.

    Args:
        studies: domain -> factor -> cells.
        epsilons: domain -> initialization -> epsilon chosen for that half.
        method: "FGSM" or "PGD".
        resamples: bootstrap resamples of groups of images.
    """
    cases = [
        *(_compared(each, studies, method, resamples) for each in COMPARISONS),
        *(_noise(part, studies, epsilons, method, resamples) for part in HALVES),
    ]
    rows = [row for case in cases for row in case.rows()]
    rows += gains_.rows(studies, epsilons=epsilons, method=method, resamples=resamples)
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS))
    table = statistics.verdicts(pd.DataFrame(rows))
    table["why"] = [row["why"](row) for row in table.to_dict("records")]
    table["says"] = table["claim"].map(CLAIMS)
    return table.sort_values("claim", kind="stable", ignore_index=True)[list(COLUMNS)]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two sides of which a claim says that the attack leaves more on the first."""

    claim: str
    part: str
    factor: str
    first: Mapping[str, Any]
    second: Mapping[str, Any]
    words: Words


def _both(start: str, **more: str) -> dict[str, str]:
    return {"surrogate_initialization": start, "target_initialization": start, **more}


_PRETRAINING = Words(
    first="between networks from random weights",
    second="between pre-trained ones",
    cause="pre-training",
    verb="makes",
    up="stronger",
    down="weaker",
)
DATA = Words(
    first="from surrogates on other data (d2)",
    second="from surrogates on the target's data (d1)",
    cause="other data",
    verb="make",
    up="weaker",
    down="stronger",
)
ARCHITECTURE = Words(
    first="from surrogates of the other architecture",
    second="from those of the same",
    cause="another architecture",
    verb="makes",
    up="weaker",
    down="stronger",
)
COMPARISONS = (
    *(
        Comparison(
            claim="C1",
            part=part,
            factor="initialization",
            first=_both(RANDOM, **more),
            second=_both(IMAGENET, **more),
            words=_PRETRAINING,
        )
        for part, more in (("all pairs", {}), (OTHER, {"relation": OTHER}))
    ),
    *(
        Comparison(
            claim=claim,
            part=part,
            factor="development_data",
            first=_both(start, **first),
            second=_both(start, **second),
            words=words,
        )
        for (claim, first, second, words), (part, start) in product(
            (
                ("C3", {"surrogate_data": "d2"}, {"surrogate_data": "d1"}, DATA),
                (
                    "C4",
                    {"surrogate_data": "d2", "relation": OTHER},
                    {"surrogate_data": "d2", "relation": SAME},
                    ARCHITECTURE,
                ),
            ),
            HALVES.items(),
        )
    ),
)


def _compared(each: Comparison, studies: Studies, method: str, resamples: int) -> Case:
    sides = {}
    for domain, factors in studies.items():
        cells = matching(factors.get(each.factor, ()), method=method, delivery=FLOAT)
        own = [matching(cells, **side) for side in (each.first, each.second)]
        if all(own):
            sides[domain] = own
    return Case(
        common={
            "claim": each.claim,
            "part": each.part,
            "unit": POINTS,
            "null": 0.0,
            "least": LEAST,
        },
        sides=sides,
        tell=lambda row, _, left: sentences.compared(row, each.words, left=left),
        resamples=resamples,
    )


def _noise(part: str, studies: Studies, epsilons: Epsilons, method: str, resamples: int) -> Case:
    """Return what control noise leaves of one half, at its epsilon."""
    start = HALVES[part]
    sides, attacks = {}, {}
    for domain, factors in studies.items():
        at = {"method": method, "epsilon": epsilons.get(domain, {}).get(start), **_both(start)}
        noise, attack = (
            matching(factors.get("perturbation", ()), **at, delivery=delivery)
            for delivery in (CONTROL, FLOAT)
        )
        if noise:
            sides[domain] = [noise]
            attacks[domain] = [cell for cell in attack if relation(cell) != WHITE_BOX]

    def tell(row: Row, domains: Sequence[str], _: Sequence[float]) -> str:
        found = [tables.pairs_of(attacks[domain], resamples=resamples) for domain in domains]
        left = statistics.mean(statistics.combined(found)).value
        return sentences.noise(row, attack=left, at=[epsilons[domain][start] for domain in domains])

    return Case(
        common={"claim": "C5", "part": part, "unit": LEFT, "null": HARMLESS, "least": 0.0},
        sides=sides,
        tell=tell,
        resamples=resamples,
    )
