"""The paper's recommendations, each with what this study found of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medtransfer.analysis.cases import POOLED
from medtransfer.analysis.statistics import REFUTED, SUPPORTED
from medtransfer.report import verdicts
from medtransfer.report.sentences import effect

if TYPE_CHECKING:
    import pandas as pd

PARTLY, UNDECIDED, UNASKED = "supported in part", "undecided", "not asked"
Chosen = Callable[[dict[Any, Any]], bool]


@dataclass(frozen=True)
class Recommendation:
    """A sentence of the paper, and which rows of verdicts speak for it where they are supported.

    Attributes:
        against: those that speak against it.
    """

    says: str
    rows: Chosen
    against: Chosen = lambda _: False


def _claim(name: str, *, of: str = "") -> Chosen:
    return lambda row: row["claim"] == name and of in row["part"]


_COLLEAGUE, _WORTH = "against a colleague", "what the secret is worth"
_SECRET = ("D2", "D3", "D4", "D6", "D7")  # claims on defences that may rest on a secret
RECOMMENDATIONS = (
    Recommendation("Do not begin with weights that everybody has.", _claim("C1")),
    Recommendation("Do not use an architecture that everybody has.", _claim("C4")),
    Recommendation("Keep your development data to yourself.", _claim("C3")),
    Recommendation("Begin with weights that nobody else has.", _claim("D4", of=_COLLEAGUE)),
    Recommendation(
        "Take over the features of public weights, not the weights.",
        lambda row: row["claim"] == "D3" and _WORTH not in row["part"],
    ),
    Recommendation("Move far from the public start.", _claim("D5")),
    Recommendation(
        "Do not disclose the design.",
        lambda row: row["claim"] in _SECRET and _WORTH in row["part"],
    ),
    Recommendation("Defend in addition: train on attacked images.", _claim("D1")),
    Recommendation(
        "Defend in addition: train on attacks of networks like those of attackers.",
        _claim("D2", of=_COLLEAGUE),
    ),
    Recommendation(
        "Defend in addition: change images before the network sees them.",
        _claim("D7", of=_COLLEAGUE),
    ),
    Recommendation("Defend in addition: let several networks answer.", _claim("D6", of=_COLLEAGUE)),
    Recommendation(
        "Defend in addition: refer suspicious images to a human.",
        _claim("D8", of="by an attacker"),
        against=lambda row: row["claim"] == "D8" and "by an attacker" not in row["part"],
    ),
)


def card(*judged: pd.DataFrame) -> pd.DataFrame:
    """Return one row per recommendation: `verdict` and `why`.

    Supported, if at least one row over all domains speaks for it and none against it; not
    supported, if it is the other way round; in part, if there are both; undecided, if neither.

    Args:
        judged: tables of verdicts (see `analysis.claims.judge`).
    """
    import pandas as pd

    rows = [row for table in judged for row in _over_all(table)]
    found = []
    for each in RECOMMENDATIONS:
        own, against = ([row for row in rows if of(row)] for of in (each.rows, each.against))
        found.append(
            {
                "recommendation": each.says,
                "verdict": _verdict(own, against),
                "why": "; ".join(map(_why, [*own, *against])),
            }
        )
    return pd.DataFrame(found).set_index("recommendation")


def as_markdown(claims: pd.DataFrame, defended: pd.DataFrame) -> str:
    """Return the card in Markdown, each line with what speaks for it; then claims on defences."""
    rows = [row for table in (claims, defended) for row in _over_all(table)]
    lines = []
    for each, (says, found) in zip(RECOMMENDATIONS, card(claims, defended).iterrows(), strict=True):
        spoken = [f"*{_short(row)}*" for row in rows if each.rows(row) or each.against(row)]
        lines.append("<br>".join([f"- **{says}** {found['verdict'].capitalize()}.", *spoken]))
    return "\n\n".join(["\n".join(lines), verdicts.as_table(defended)])


def _short(row: Mapping[Any, Any]) -> str:
    found = " ".join(part for part in (effect(row), row["unit"] if effect(row) else "") if part)
    said = f"{row['claim']}{', ' if row['part'] else ''}{row['part']}"
    return f"{said}: {', '.join(part for part in (found, row['verdict']) if part)}"


def _over_all(table: pd.DataFrame) -> list[dict[Any, Any]]:
    """Return the rows over all domains, or those of the only one."""
    pooled = table[table["domain"] == POOLED]
    single = table["domain"].nunique() == 1
    return (table if single else pooled).to_dict("records")


def _verdict(rows: list[dict[Any, Any]], against: list[dict[Any, Any]]) -> str:
    if not rows:
        return UNASKED
    met, other = ({row["verdict"] for row in each} for each in (rows, against))
    speaks = SUPPORTED in met or REFUTED in other, REFUTED in met or SUPPORTED in other
    return {
        (True, False): SUPPORTED,
        (False, True): REFUTED,
        (True, True): PARTLY,
        (False, False): UNDECIDED,
    }[speaks]


def _why(row: dict[Any, Any]) -> str:
    part = f", {row['part']}" if row["part"] else ""
    return f"{row['claim']}{part} ({row['verdict']}): {row['why']}"
