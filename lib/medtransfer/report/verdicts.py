"""The table of claims, as readers meet it: on the report's first page and in the README."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medtransfer import paths
from medtransfer.errors import ReportError

if TYPE_CHECKING:
    import pandas as pd

UNITS = (
    "Effect with 95 % interval over trained pairs and images: points of the clean AUC (C1, C3, "
    "C4), rank correlation (C2), % of the clean AUC that noise leaves (C5)."
)
TABLE, PICTURE = "90_claims.csv", "90_claims.png"
CLASSES = {"supported": "supported", "not supported": "refuted", "undecided": "undecided"}


@dataclass(frozen=True)
class Claim:
    """A claim: its name, what it says, and by domain the verdict and the effect in words."""

    name: str
    says: str
    found: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Claims:
    """All claims of a study, and the domains in the order of its columns."""

    domains: tuple[str, ...]
    rows: tuple[Claim, ...]


def read(profile: str) -> pd.DataFrame | None:
    """Return the claims that the synthesis of a profile wrote, None if it has not run."""
    import pandas as pd

    source = paths.rendered(profile) / TABLE
    return pd.read_csv(source) if source.is_file() else None


def needed(profile: str) -> pd.DataFrame:
    """Return the claims that the synthesis of a profile wrote.

    Raises:
        ReportError: it has not run.
    """
    claims = read(profile)
    if claims is None:
        raise ReportError(
            f"no synthesis of profile {profile} has run; run `make reproduce PROFILE={profile}`"
        )
    return claims


def by_claim(claims: pd.DataFrame) -> Claims:
    """Return claims (see `analysis.claims.judge`) in words, one row per claim."""
    return Claims(
        domains=tuple(dict.fromkeys(claims["domain"])),
        rows=tuple(
            Claim(
                name=str(name),
                says=str(says),
                found={
                    row["domain"]: (row["verdict"], effect(row)) for row in own.to_dict("records")
                },
            )
            for (name, says), own in claims.groupby(["claim", "says"], sort=False)
        ),
    )


def as_markdown(claims: pd.DataFrame) -> str:
    """Return claims as a Markdown table, one column per domain."""
    table = by_claim(claims)
    lines = [f"| | {' | '.join(table.domains)} |", "|---" * (len(table.domains) + 1) + "|"]
    for claim in table.rows:
        cells = ["<br>".join(claim.found.get(domain, ())) for domain in table.domains]
        lines.append(f"| **{claim.name}** {claim.says} | {' | '.join(cells)} |")
    return "\n".join(lines)


def effect(row: Mapping[Any, Any]) -> str:
    """Return "31 (20 to 42)": a claim's effect with its interval."""
    digits = 2 if row["unit"] == "rank correlation" else 0
    value, low, high = (f"{row[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"
