"""Tables of claims as `analysis.claims.judge` gives them, written by hand."""

from __future__ import annotations

from typing import Any

import pandas as pd

from medtransfer.report.sentences import BLIND

SAYS = {
    "C1": "pre-training of both raises transferability",
    "C2": "the larger the gain by pre-training, the larger the transferability",
    "C3": "other development data lower it",
    "C4": "another architecture lowers it further",
    "C5": "shuffled noise of the same size does almost nothing",
}
PARTS = {"C1": ("all pairs", "other architecture"), "C2": ("",)}
UNITS = {"C2": "rank correlation", "C5": "% of clean AUC left"}


def reason(verdict: str) -> str:
    """Return what the sentence of a claim says of why nothing can be said."""
    return BLIND if verdict == "at chance" else WHY


WHY = "the attack leaves 2 % of the clean AUC with either surrogate"


def row(claim: str, part: str, domain: str = "all domains", **changes: Any) -> dict[str, Any]:
    """Return a supported claim, with some fields changed."""
    null = 95.0 if claim == "C5" else 0.0
    return {
        "claim": claim,
        "says": SAYS[claim],
        "part": part,
        "domain": domain,
        "value": null + 4.25,
        "low": null + 3.0,
        "high": null + 5.5,
        "p": 1e-9,
        "p_holm": 1e-8,
        "pairs": 16,
        "replicated": True,
        "unit": UNITS.get(claim, "points of clean AUC"),
        "null": null,
        "least": 2.0,
        "verdict": "supported",
        "why": "the whole interval lies above it",
        **changes,
    }


NAN = float("nan")
VERDICTS: dict[str, dict[str, Any]] = {
    "supported": {},
    "not supported": {"value": 0.5, "low": -0.4, "high": 1.4, "p_holm": 0.4},
    "no room": {"p": NAN, "p_holm": NAN},
    "at chance": {"value": NAN, "low": NAN, "high": NAN, "p": NAN, "p_holm": NAN},
    "too few points": {"p": NAN, "p_holm": NAN},
    "one training": {"p": NAN, "p_holm": NAN, "replicated": False},
    "interval too wide": {"low": -40.0, "high": 49.0, "p_holm": 0.99999},
}


def judged(verdict: str = "supported", domains: tuple[str, ...] = ("radiology",)) -> pd.DataFrame:
    """Return all claims with one verdict, in some domains and all together."""
    return pd.DataFrame(
        [
            row(claim, part, domain, verdict=verdict, why=WHY, **VERDICTS[verdict])
            for claim in SAYS
            for part in PARTS.get(claim, ("random", "pre-trained"))
            for domain in (*domains, "all domains")
            if claim != "C2" or domain == "all domains"
        ]
    )
