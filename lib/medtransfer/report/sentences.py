"""The outcome of each claim, in a sentence for a clinician; the table decides which."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medtransfer.report import claims as stronger
from medtransfer.report.claims import Words
from medtransfer.report.wording import AT_CHANCE, listed, p_value
from medtransfer.study.trial import only_tries

if TYPE_CHECKING:
    import pandas as pd

    from medtransfer.study.schema import Profile

YES, NO = "supported", "not supported"
REVERSED = "reversed"
POOLED = "all domains"
_DETECTION = "AUC of detection"
DIGITS = {"rank correlation": 2, _DETECTION: 2, f"1 - {_DETECTION}": 2, "clean AUC": 3}


CLAIMS = {
    "C1": Words(
        yes="an attack crafted on a public pre-trained network{part} does more harm to a "
        "pre-trained system than attacks between networks trained from random weights",
        no="an attack crafted on a public pre-trained network{part} does hardly more harm to a "
        "pre-trained system than attacks between networks trained from random weights",
        reversed="an attack crafted on a public pre-trained network{part} does less harm to a "
        "pre-trained system than attacks between networks trained from random weights",
        unit="points more of the clean AUC are lost",
    ),
    "C2": Words(
        yes="systems that gain more from pre-training also lose more to an attack{part}",
        no="systems that gain more from pre-training do not lose more to an attack{part}",
        reversed="systems that gain more from pre-training lose less to an attack{part}",
        unit="rank correlation",
    ),
    "C3": Words(
        yes="an attacker who lacks the images that a system was developed on does less harm{part}",
        no="an attacker who lacks the images that a system was developed on does about as much "
        "harm as one who has them{part}",
        reversed="an attacker who lacks the images that a system was developed on does more harm "
        "than one who has them{part}",
        unit="points more of the clean AUC are left",
    ),
    "C4": Words(
        yes="an attacker who has neither the images nor the architecture of a system does less "
        "harm than one who lacks only its images{part}",
        no="an attacker who has neither the images nor the architecture of a system does about as "
        "much harm as one who lacks only its images{part}",
        reversed="an attacker who has neither the images nor the architecture of a system does "
        "more harm than one who lacks only its images{part}",
        unit="points more of the clean AUC are left",
    ),
    "C5": Words(
        yes="noise of the same size as an attack does almost no harm{part}: the harm comes from "
        "the direction of an attack",
        no="noise of the same size as an attack does harm by itself{part}",
        reversed="noise of the same size as an attack does harm by itself{part}",
        unit="% of the clean AUC is left",
    ),
    **stronger.STRONGER,
}
PARTS = {
    "random": ", where networks start from random weights",
    "pre-trained": ", where networks are pre-trained",
    "all pairs": "",
    "other architecture": " of another architecture",
    **stronger.PARTS,
}
# Said of both parts of a claim at once.
BOTH = {
    ("random", "pre-trained"): ", whether networks start from random weights or are pre-trained",
    ("all pairs", "other architecture"): ", even of another architecture,",
    **stronger.BOTH,
}

BLIND = "targets have learned too little, so an attack has nothing to take from them"
HELP = (
    "Where targets have learned too little, more or larger images would help, or labels that more "
    "images show."
)


@dataclass(frozen=True)
class Told:
    """A claim over all domains: its sentences, their numbers, and the domains that differ."""

    name: str
    sentence: str
    numbers: str
    exceptions: str


def caution(profile: Profile, *, blind: bool) -> str:
    """Return why a run has no answers, or what would help to get more; "" where all is well.

    Args:
        blind: whether some targets are at chance.
    """
    return only_tries(profile) or (HELP if blind else "")


def blind(claims: pd.DataFrame) -> bool:
    """Return whether some claim is not judged because targets are at chance."""
    return bool((claims["verdict"] == AT_CHANCE).any())


def told(claims: pd.DataFrame) -> list[Told]:
    """Return claims (see `analysis.claims.judge`) in words, over all domains together."""
    found = []
    for name, own in claims.groupby("claim", sort=False):
        over_all = own[own["domain"] == _widest(own)].to_dict("records")
        others = own[own["domain"] != _widest(own)].to_dict("records")
        found.append(
            Told(
                name=str(name),
                sentence=" ".join(_sentences(over_all)),
                numbers=_joined(number(row) for row in over_all if _known(row)),
                exceptions=_exceptions(over_all, others),
            )
        )
    return found


def _widest(own: pd.DataFrame) -> str:
    """Return what stands for all domains; a study of one domain is judged in that alone."""
    return POOLED if (own["domain"] == POOLED).any() else str(own["domain"].iloc[0])


def outcome(row: Mapping[Any, Any]) -> str:
    """Return "supported", "not supported", "reversed", or "" where nothing can be said."""
    if row["verdict"] != NO:
        return YES if row["verdict"] == YES else ""
    return REVERSED if row["high"] < row["null"] else NO


def _sentences(rows: Sequence[Mapping[Any, Any]]) -> list[str]:
    parts = tuple(row["part"] for row in rows)
    outcomes = {outcome(row) for row in rows}
    blind = {row["verdict"] for row in rows} == {AT_CHANCE}
    if parts in BOTH and len(outcomes) == 1 and (outcomes != {""} or blind):
        return [_sentence(rows[0], BOTH[parts])]
    return [_sentence(row, PARTS.get(row["part"], "")) for row in rows]


def _sentence(row: Mapping[Any, Any], part: str) -> str:
    words, came_out = CLAIMS[row["claim"]], outcome(row)
    if not came_out:
        clause = words.yes.partition(":")[0].format(part=part)
        why = BLIND if row["verdict"] == AT_CHANCE else row["why"]
        return f"It remains open whether {clause.rstrip(',')}: {_ended(why)}"
    said = {YES: words.yes, NO: words.no, REVERSED: words.reversed}[came_out]
    said = said.format(part=part)
    return _ended(said[0].upper() + said[1:])


def _ended(sentence: str) -> str:
    return f"{sentence.rstrip('. ')}."


def effect(row: Mapping[Any, Any]) -> str:
    """Return "31 (20 to 42)": a claim's effect with its interval; "" where nothing can be said.

    A narrow interval has one digit after the point, a correlation or an AUC more.
    """
    if not _known(row):
        return ""
    digits = DIGITS.get(row["unit"], int(row["high"] - row["low"] < 10))
    value, low, high = (f"{row[name]:z.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def _known(row: Mapping[Any, Any]) -> bool:
    return row["verdict"] != AT_CHANCE and all(
        row[name] == row[name] for name in ("value", "low", "high")
    )


def number(row: Mapping[Any, Any]) -> str:
    """Return a claim's effect with its interval, its unit and its p-value, for one part.

    What is not more is said to be less.
    """
    unit = CLAIMS[row["claim"]].unit
    ends = {"value": -row["value"], "low": -row["high"], "high": -row["low"]}
    less = row["value"] < 0 and " more " in unit
    value, _, interval = effect({**row, **ends} if less else row).partition(" ")
    unit = unit.replace(" more ", " less ") if less else unit
    first = f"{unit} {value}" if unit == "rank correlation" else f"{value} {unit}"
    said = f"{first} (95 % interval {interval.strip('()')})"
    p = p_value(row["p_holm"])
    return f"{_heading(row)}{said}{f', {p}' if p else ''}"


def _heading(row: Mapping[Any, Any]) -> str:
    return f"{row['part']}: " if row["part"] else ""


def _joined(numbers: Any) -> str:
    said = "; ".join(numbers)
    return said and _ended(said[0].upper() + said[1:])


def _exceptions(over_all: Sequence[Mapping[Any, Any]], others: Sequence[Mapping[Any, Any]]) -> str:
    """Return the domains in which a claim came out differently than over all; "" if none did."""
    pooled = {row["part"]: outcome(row) for row in over_all}
    differing: dict[str, list[str]] = {}
    for row in others:
        if outcome(row) != pooled.get(row["part"]):
            said = f"{_heading(row)}{outcome(row) or row['verdict']}"
            differing.setdefault(row["domain"], []).append(said)
    named = [f"{domain} ({', '.join(said)})" for domain, said in differing.items()]
    return f"Different in {listed(named)}." if named else ""
