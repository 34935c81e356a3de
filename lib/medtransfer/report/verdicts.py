"""The table of claims, as readers meet it: on the report's first page and in the README."""

from __future__ import annotations

import html
from collections.abc import Mapping
from typing import Any

import pandas as pd

from medtransfer import paths
from medtransfer.analysis.statistics import REFUTED, SUPPORTED, UNDECIDED

UNITS = (
    "Effect with 95 % interval over trained pairs and images: points of the clean AUC (C1, C3, "
    "C4), rank correlation (C2), % of the clean AUC that noise leaves (C5)."
)
_CLASSES = {SUPPORTED: "supported", REFUTED: "refuted", UNDECIDED: "undecided"}


def read(profile: str) -> pd.DataFrame | None:
    """Return the claims that the synthesis of a profile wrote, None if it has not run."""
    source = paths.rendered(profile) / "40_claims.csv"
    return pd.read_csv(source) if source.is_file() else None


def as_html(claims: pd.DataFrame) -> str:
    """Return claims (see `analysis.claims.judge`) as a table, one column per domain."""
    domains = _domains(claims)
    head = "".join(f"<th>{html.escape(domain)}</th>" for domain in domains)
    rows = []
    for (name, says), own in claims.groupby(["claim", "says"], sort=False):
        cells = {
            row["domain"]: f'<b class="{_CLASSES[row["verdict"]]}">{row["verdict"]}</b><br>'
            + effect(row)
            for row in own.to_dict("records")
        }
        found = "".join(f"<td>{cells.get(domain, '')}</td>" for domain in domains)
        rows.append(f"<tr><td><b>{name}</b> {html.escape(str(says))}</td>{found}</tr>")
    return f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"


def as_markdown(claims: pd.DataFrame) -> str:
    """Return claims as a Markdown table, one column per domain."""
    domains = _domains(claims)
    lines = [f"| | {' | '.join(domains)} |", "|---" * (len(domains) + 1) + "|"]
    for (name, says), own in claims.groupby(["claim", "says"], sort=False):
        cells = {
            row["domain"]: f"{row['verdict']}<br>{effect(row)}" for row in own.to_dict("records")
        }
        found = " | ".join(cells.get(domain, "") for domain in domains)
        lines.append(f"| **{name}** {says} | {found} |")
    return "\n".join(lines)


def effect(row: Mapping[Any, Any]) -> str:
    """Return "31 (20 to 42)": a claim's effect with its interval."""
    digits = 2 if row["unit"] == "rank correlation" else 0
    value, low, high = (f"{row[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _domains(claims: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(claims["domain"]))
