"""Why a claim got its verdict, as one would tell a colleague: what was left, and what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medtransfer.analysis.statistics import REFUTED, SUPPORTED


@dataclass(frozen=True, kw_only=True)
class Words:
    """How sentences describe a comparison.

    Attributes:
        first, second: what is left where, such as "from surrogates of the same architecture".
        cause: what makes the attack `up` where the claim holds, such as "another architecture".
        verb: "makes" or "make".
        up, down: "weaker" and "stronger", or the reverse.
    """

    first: str
    second: str
    cause: str
    verb: str
    up: str
    down: str


def compared(row: Mapping[str, Any], words: Words, *, left: Sequence[float]) -> str:
    """Return why a difference of two percentages got its verdict.

    Args:
        left: % of the clean AUC that the attack leaves on either side.
    """
    first, second = (percent(each) for each in left)
    said = f"the attack leaves {first} of the clean AUC {words.first} and {second} {words.second}"
    value, low, high = (float(row[name]) for name in ("value", "low", "high"))
    reach = span(low, high, up=words.up, down=words.down)
    makes = f"{words.cause} {words.verb} it"
    if row["verdict"] == SUPPORTED:
        return (
            f"{said}: {makes} {number(value)} points {words.up} ({number(low)} to {number(high)})"
        )
    if row["verdict"] == REFUTED and high < 0:
        return f"{said}: {makes} {reach}, the opposite of the claim"
    if row["verdict"] == REFUTED:
        return f"{said}: {makes} {reach}, and only {number(row['least'])} points or more count"
    return f"{said}: {makes} {reach}, {doubt(row)}"


def noise(row: Mapping[str, Any], *, attack: float, at: Sequence[float]) -> str:
    """Return why control noise is harmless, or is not, beside what the attack leaves."""
    epsilon = " to ".join(f"{each:g}" for each in sorted({min(at), max(at)}))
    low, high = (f"{row[name]:.1f}" for name in ("low", "high"))
    limit = f"the {percent(row['null'])} from which it counts as harmless"
    said = (
        f"noise of the same size leaves {row['value']:.1f} % of the clean AUC ({low} to {high}) at "
        f"epsilon {epsilon}, where the attack leaves {percent(attack)}"
    )
    if row["verdict"] == SUPPORTED:
        return f"{said}: more than {limit}"
    if row["verdict"] == REFUTED:
        return f"{said}: less than {limit}"
    return f"{said}: {doubt(row) if row['low'] > row['null'] else f'not surely above {limit}'}"


def correlated(row: Mapping[str, Any], *, points: str, others: str) -> str:
    """Return why a rank correlation within domains got its verdict.

    Args:
        points: what was correlated, such as "24 points (3 domains, ...)".
        others: the correlations by other measures.
    """
    value, low, high = (f"{row[name]:.2f}" for name in ("value", "low", "high"))
    said = f"over {points} the rank correlation within domains is {value} ({low} to {high})"
    if row["verdict"] == SUPPORTED:
        end = "the more targets gain from pre-training, the more of their AUC an attack takes"
    elif row["verdict"] == REFUTED:
        end = f"a correlation of {row['least']:g} or more is excluded"
    else:
        end = doubt(row)
    return f"{said}: {end}{others}"


def doubt(row: Mapping[str, Any]) -> str:
    """Return why an effect is neither shown nor excluded."""
    if row["low"] > row["null"]:
        return f"but with this many tests it may be chance (corrected p {row['p_holm']:.2g})"
    if row["unit"] == "rank correlation":
        return "this excludes neither a correlation of zero nor a strong one"
    return "an interval that more trainings would narrow"


def span(low: float, high: float, *, up: str, down: str) -> str:
    """Return "between 3 points weaker and 9 points stronger", or "2 to 9 points stronger"."""
    if low >= 0:
        return f"{number(low)} to {number(high)} points {up}"
    if high <= 0:
        return f"{number(-high)} to {number(-low)} points {down}"
    return f"between {number(-low)} points {down} and {number(high)} points {up}"


def number(value: float) -> str:
    """Return a number with the digits that people read: "0.4", "7", "31"."""
    said = f"{value:.0f}" if abs(value) >= 9.95 else f"{value:.1f}".removesuffix(".0")
    return "0" if said in ("-0", "0") else said


def percent(value: float) -> str:
    """Return a percentage with the digits that people read."""
    return f"{number(value)} %"
