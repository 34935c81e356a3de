"""The paper's claims C1 to C5 (protocol, section 4), each as an effect with a verdict.

The transferability of an attack is what it takes from the target: the less of the clean AUC is
left, the better it transfers. All effects are signed so that the claim says "above `null`".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

import numpy as np
import pandas as pd

from medtransfer.analysis import selection, statistics, tables
from medtransfer.analysis.selection import OTHER, SAME
from medtransfer.attacks.delivery import CONTROL, FLOAT
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.scoring.cell import Cell

CLAIMS = {
    "C1": "pre-training of both raises transferability",
    "C2": "the larger the gain by pre-training, the larger the transferability",
    "C3": "other development data lower it",
    "C4": "another architecture lowers it further",
    "C5": "shuffled noise of the same size does almost nothing",
}
POOLED = "all domains"
HARMLESS = 95.0  # % of the clean AUC that control noise must leave to do "almost nothing"
LEAST = 2.0  # points of the clean AUC: the smallest effect worth naming
LEAST_CORRELATION = 0.2

Factors = Mapping[str, Sequence[Cell]]  # factor -> cells of one domain


def judge(studies: Mapping[str, Factors], *, method: str, resamples: int) -> pd.DataFrame:
    """Return one row per claim and domain, and one over all domains: effect, interval, verdict.

    C1 compares random with pre-trained pairs on d1; C3 pre-trained surrogates on d2 with those on
    d1; C4 the other with the same architecture, both on d2; C5 is what control noise leaves at the
    chosen epsilon, against 95 %. C2 is a rank correlation over domains, sizes of the target's data
    and architectures, and so has no row per domain. Holm's correction is over all rows.

    Args:
        studies: domain -> factor -> cells.
        method: "FGSM" or "PGD".
    """
    rows = []
    for claim in ("C1", "C3", "C4", "C5"):
        found = {
            domain: [
                tables.pairs_of(cells, resamples=resamples)
                for cells in _sides(claim, factors, method)
            ]
            for domain, factors in studies.items()
        }
        if len(found) > 1:
            found[POOLED] = [
                statistics.combined(part) for part in zip(*found.values(), strict=True)
            ]
        rows += [_row(claim, domain, pairs) for domain, pairs in found.items()]
    points = gains(studies, method=method)
    if len(points) > 2:
        effect = statistics.rank_correlation(points["gain"].to_numpy(), points["fall"].to_numpy())
        if not (points["pairs"] > 1).all():
            effect = replace(effect, p=float("nan"), replicated=False)
        row = {"claim": "C2", "domain": POOLED, **asdict(effect), "unit": "rank correlation"}
        rows.append({**row, "null": 0.0, "least": LEAST_CORRELATION})
    judged = statistics.verdicts(pd.DataFrame(rows))
    judged.insert(1, "says", judged["claim"].map(CLAIMS))
    return judged.sort_values("claim", kind="stable", ignore_index=True)


def _row(claim: str, domain: str, pairs: list[statistics.Pairs]) -> dict[str, object]:
    null = HARMLESS if claim == "C5" else 0.0
    effect = (
        statistics.mean(pairs[0], null=null)
        if len(pairs) == 1
        else statistics.difference(*pairs, null=null)
    )
    unit = "% of clean AUC left" if len(pairs) == 1 else "points of clean AUC"
    row = {"claim": claim, "domain": domain, **asdict(effect), "unit": unit}
    return {**row, "null": null, "least": 0.0 if claim == "C5" else LEAST}


def _sides(claim: str, factors: Factors, method: str) -> list[list[Cell]]:
    """Return the cells that a claim compares, one list for each side."""
    if claim == "C5":
        chosen = {cell.attack.method.epsilon for cell in factors["initialization"]}
        noise = selection.select(factors["perturbation"], method=method, delivery=CONTROL)
        return [[cell for cell in noise if cell.attack.method.epsilon in chosen]]
    factor, sides = _COMPARED[claim]
    return [selection.select(factors[factor], method=method, **side) for side in sides]


_BOTH = [
    {"surrogate_initialization": start, "target_initialization": start}
    for start in (RANDOM, IMAGENET)
]
_PRETRAINED = {"target_initialization": IMAGENET}
_ON_D2 = {**_PRETRAINED, "surrogate_data": "d2"}
_COMPARED = {
    "C1": ("initialization", _BOTH),
    "C3": ("development_data", [{**_PRETRAINED, "surrogate_data": data} for data in ("d2", "d1")]),
    "C4": ("development_data", [{**_ON_D2, "relation": relation} for relation in (OTHER, SAME)]),
}


def gains(studies: Mapping[str, Factors], *, method: str) -> pd.DataFrame:
    """Return one row per domain, size of the target's data and architecture of the target.

    Columns: `gain`, clean AUC of pre-trained less that of random targets; `fall`, the mean fall in
    AUC of pre-trained targets under attacks from pre-trained surrogates on d2; `pairs` behind it.
    """
    rows = []
    for domain, factors in studies.items():
        for factor in ("development_data", "initialization_and_data"):
            cells = selection.select(
                factors[factor], method=method, surrogate_data="d2", delivery=FLOAT
            )
            frame = tables.transfer_table(cells, resamples=0)
            for architecture, own in frame.groupby("target_architecture"):
                clean = own.groupby("target_initialization")["clean_auc"].mean()
                attacked = own[
                    (own["target_initialization"] == IMAGENET)
                    & (own["surrogate_initialization"] == IMAGENET)
                ]
                rows.append(
                    {
                        "domain": domain,
                        "data": own["target_data"].iloc[0],
                        "architecture": architecture,
                        "gain": clean[IMAGENET] - clean[RANDOM],
                        "fall": float(np.mean(attacked["clean_auc"] - attacked["auc"])),
                        "pairs": attacked["target"].nunique(),
                    }
                )
    return pd.DataFrame(rows)
