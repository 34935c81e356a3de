"""The claims as readers meet them on the report's first page and in docs/results.md.

First their outcomes, in sentences with numbers (see `report.sentences`), then the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medtransfer import paths
from medtransfer.errors import ReportError
from medtransfer.report.claims import STRONGER
from medtransfer.report.sentences import NO, POOLED, REVERSED, YES, effect, outcome, told
from medtransfer.report.wording import p_value
from medtransfer.study.profiles import built_in

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

UNITS = (
    "Effect with 95 % interval over trained pairs and images: points of the clean AUC, that is, "
    "the AUC of images without attack (C1, C3, C4); rank correlation (C2); % of the clean AUC that "
    "noise leaves (C5). p is corrected (Holm) over all claims, and separately over the single "
    "domains."
)
FURTHER_UNITS = "The effects of C6 to C9 are points, too; their p is corrected separately."
TABLE, PICTURE = "90_claims.csv", "90_claims.png"
FURTHER = ("90_attacker_claims.csv",)
"""Tables of further claims, which stand beside the first; a profile may have none."""
DEFENDED = "90_gains.csv"
"""The table of the claims on defences; a profile may have none."""
CLASSES = {YES: "supported", NO: "refuted", REVERSED: "refuted"}
"""How the page shows an outcome; what could not be decided has no class of its own."""


@dataclass(frozen=True)
class Found:
    """What came out in one domain: the verdict, the effect and the p-value, in words."""

    verdict: str
    shown: str
    effect: str
    p: str
    why: str

    @property
    def lines(self) -> list[str]:
        """What stands in a cell of a table, line by line."""
        return [line for line in (self.verdict, self.effect, self.p) if line]


@dataclass(frozen=True)
class Row:
    """A claim, or one of its parts: its name, what it says, and what was found by domain."""

    name: str
    says: str
    part: str
    found: dict[str, Found]


@dataclass(frozen=True)
class Claims:
    """All claims of a study, and the domains in the order of its columns."""

    domains: tuple[str, ...]
    rows: tuple[Row, ...]


def read(profile: str) -> pd.DataFrame | None:
    """Return the claims that the synthesis of a profile wrote, None if it has not run."""
    return written(paths.rendered(profile))


def defended(folder: Path) -> pd.DataFrame | None:
    """Return the claims on defences whose table lies in a folder of figures, None without."""
    import pandas as pd

    place = folder / DEFENDED
    return parsed(pd.read_csv(place)) if place.is_file() else None


def written(folder: Path) -> pd.DataFrame | None:
    """Return the claims whose tables lie in a folder of figures, None if there are none."""
    import pandas as pd

    places = [folder / name for name in (TABLE, *FURTHER)]
    if not places[0].is_file():
        return None
    found = [pd.read_csv(each) for each in places if each.is_file()]
    return parsed(pd.concat(found, ignore_index=True))


def parsed(claims: pd.DataFrame) -> pd.DataFrame:
    """Return claims as they were before they were written: an empty word is a word."""
    return claims.fillna({"part": "", "why": ""})


def command(profile: str) -> str:
    """Return the command that makes the report of a profile, given its name."""
    if profile in built_in():
        return f"`make reproduce PROFILE={profile}`"
    return f"`medtransfer reproduce --profile FILE` with the file of profile {profile}"


def needed(profile: str) -> pd.DataFrame:
    """Return the claims that the synthesis of a profile wrote.

    Raises:
        ReportError: it has not run.
    """
    claims = read(profile)
    if claims is None:
        raise ReportError(
            f"the synthesis of profile {profile} has not run yet; run {command(profile)}"
        )
    return claims


def by_claim(claims: pd.DataFrame) -> Claims:
    """Return claims (see `analysis.claims.judge`), a row per claim and part, all domains first."""
    domains = list(dict.fromkeys(claims["domain"]))
    return Claims(
        domains=tuple(sorted(domains, key=lambda domain: domain != POOLED)),
        rows=tuple(
            Row(
                name=str(name),
                says=str(says),
                part=str(part),
                found={row["domain"]: _found(row) for row in own.to_dict("records")},
            )
            for (name, says, part), own in claims.groupby(["claim", "says", "part"], sort=False)
        ),
    )


def _found(row: Mapping[Any, Any]) -> Found:
    return Found(
        verdict=row["verdict"],
        shown=CLASSES.get(outcome(row), "open"),
        effect=effect(row),
        p=p_value(row["p_holm"]),
        why="" if row["verdict"] == YES else row["why"],
    )


def reasons(claims: pd.DataFrame) -> list[str]:
    """Return why each verdict is not "supported", where that is so."""
    return [
        f"{row.name}{f', {row.part}' if row.part else ''}, {domain}: {found.verdict}; {found.why}"
        for row in by_claim(claims).rows
        for domain, found in row.found.items()
        if found.why
    ]


def as_frame(claims: pd.DataFrame) -> pd.DataFrame:
    """Return claims as a notebook shows them: one row per claim and part, a column per domain."""
    import pandas as pd

    table = by_claim(claims)
    rows = {
        (row.name, row.says, row.part): [
            ", ".join(row.found[domain].lines) if domain in row.found else ""
            for domain in table.domains
        ]
        for row in table.rows
    }
    index = pd.MultiIndex.from_tuples(rows, names=["claim", "says", "part"])
    return pd.DataFrame([*rows.values()], index=index, columns=[*table.domains])


def as_markdown(claims: pd.DataFrame) -> str:
    """Return claims in Markdown: their outcomes, the table, and why some are not supported."""
    blocks = [said(claims), as_table(claims), units(claims), why(claims)]
    return "\n\n".join(block for block in blocks if block)


def as_table(claims: pd.DataFrame) -> str:
    """Return claims as a table in Markdown, a column per domain, their words in the first row."""
    table = by_claim(claims)
    lines = [f"| | {' | '.join(table.domains)} |", "|---" * (len(table.domains) + 1) + "|"]
    before = ""
    for row in table.rows:
        found = [row.found.get(domain) for domain in table.domains]
        cells = ["<br>".join(each.lines) if each else "" for each in found]
        claim = f"**{row.name}** {row.says}"
        said = f"**{row.name}** {row.part}" if claim == before else f"{claim}<br>{row.part}"
        said = said.removesuffix("<br>")
        lines.append(f"| {said} | {' | '.join(cells)} |")
        before = claim
    return "\n".join(lines)


def units(claims: pd.DataFrame) -> str:
    """Return what the effects of claims are, and over what their p-values are corrected."""
    return f"{UNITS} {FURTHER_UNITS}" if set(claims["claim"]) & set(STRONGER) else UNITS


def said(claims: pd.DataFrame) -> str:
    """Return in Markdown the outcome of each claim, a line each, its numbers below it."""
    return "\n".join(
        f"- **{claim.name}** {claim.sentence}"
        + "".join(f"<br>*{text}*" for text in (claim.numbers, claim.exceptions) if text)
        for claim in told(claims)
    )


def why(claims: pd.DataFrame) -> str:
    """Return in Markdown why verdicts are not "supported"; "" if all are."""
    lines = [f"- {each}" for each in reasons(claims)]
    return "\n".join(['Where the table does not say "supported":', "", *lines] if lines else [])
