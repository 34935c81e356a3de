"""Claims C6 to C9, on stronger attackers: each as an effect with a verdict and its why.

All effects are signed so that the claim says "above `null`", as those of `analysis.claims`. They
are corrected apart from C1 to C5, whose p-values so stay what they are without them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from medtransfer.analysis import sentences, statistics
from medtransfer.analysis.attacked import START, Attacked
from medtransfer.analysis.cases import Case, Row, Sides
from medtransfer.analysis.claims import COLUMNS, LEAST, POINTS
from medtransfer.analysis.protections import (
    PROTECTIONS,
    attacker,
    ratio,
    sides,
)
from medtransfer.analysis.selection import OTHER, identity
from medtransfer.analysis.sentences import number, percent
from medtransfer.analysis.statistics import REFUTED, SUPPORTED, Effect, Pairs
from medtransfer.networks.trained import IMAGENET, RANDOM

CLAIMS = {
    "C6": "a start from random weights still protects against the strongest attacker",
    "C7": "other development data still protect against this attacker",
    "C8": "another architecture still protects against this attacker",
    "C9": "what protects most against PGD protects most against this attacker",
}
OF = dict(zip(("C6", "C7", "C8"), PROTECTIONS, strict=True))
CLEARLY = 0.9  # of a movement without protection: less is a protection that the AUC misses
WHERE = {
    (False, True): "across architectures",
    (True, False): "between random networks",
    (True, True): "across architectures between random networks",
}
PLACES = ("first over second", "second over third")


def judge(domains: Mapping[str, Attacked], *, resamples: int) -> pd.DataFrame:
    """Return one row per claim, part and domain, and one over all domains: effect and verdict.

    C6 to C8 compare pairs that have a protection with pairs that lack it, against the strongest
    attacker of each domain. C9 compares protections with each other, in the order that they have
    against PGD on validation images: it holds where each still protects more than the next. What a
    profile has no cells for has no row; guards and families are those of `analysis.claims.judge`.
    """
    cases = [
        *(_protection(claim, domains, resamples) for claim in OF),
        *(_place(place, domains, resamples) for place in range(len(PLACES))),
    ]
    rows = [row for case in cases for row in case.rows()]
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS))
    table = statistics.verdicts(pd.DataFrame(rows))
    table["why"] = [row["why"](row) for row in table.to_dict("records")]
    table["says"] = table["claim"].map(CLAIMS)
    return table.sort_values("claim", kind="stable", ignore_index=True)[list(COLUMNS)]


def judge_matched(domains: Mapping[str, Attacked], *, resamples: int) -> pd.DataFrame:
    """Return the same claims of attackers at the strength of PGD, corrected apart from them.

    There no verdict can come of an attack that takes all from either side. It has no rows for
    domains without such cells.
    """
    known = {domain: each.evened for domain, each in domains.items() if each.matched}
    return judge(known, resamples=resamples)


def _common(claim: str, part: str) -> dict[str, Any]:
    return {"claim": claim, "part": part, "unit": POINTS, "null": 0.0, "least": LEAST}


def _protection(claim: str, domains: Mapping[str, Attacked], resamples: int) -> Case:
    name = OF[claim]
    found = {domain: sides(each.strongest_cells, name) for domain, each in domains.items()}
    kept = {domain: own for domain, own in found.items() if own}

    def tell(row: Row, over: Sequence[str], left: Sequence[float]) -> str:
        said = sentences.compared(row, PROTECTIONS[name].words, left=left)
        ratios = [ratio(kept[domain], resamples=resamples) for domain in over]
        return f"{_who([kept[domain] for domain in over])}: {said}{_unsaturated(row, ratios)}"

    return Case(common=_common(claim, ""), sides=kept, tell=tell, resamples=resamples)


def _who(compared: Sequence[Sides]) -> str:
    """Return who attacks, and who else across architectures or where both start from random."""
    cells = [cell for own in compared for side in own for cell in side]
    names: dict[tuple[bool, bool], dict[str, None]] = {}
    pretrained = any(identity(cell)[START] == IMAGENET for cell in cells)
    for cell in cells:
        what = identity(cell)
        lacks = (pretrained and what[START] == RANDOM, what["relation"] == OTHER)
        names.setdefault(lacks, {})[attacker(cell)] = None
    said = {lacks: ", ".join(names[lacks]) for lacks in sorted(names)}
    first = next(iter(said.values()))
    both = {said.get(lacks, first) for lacks in ((False, True), (True, False))}
    expected = {(True, True): both}  # of pairs that lack both, unless told
    others = [
        f"{WHERE[lacks]}: {who}"
        for lacks, who in said.items()
        if expected.get(lacks, {first}) != {who}
    ]
    return "; ".join([f"strongest: {first}", *others])


def _unsaturated(row: Row, ratios: Sequence[float]) -> str:
    """Return what the logits say, which have no floor, and whether they contradict the AUC."""
    known = sorted(filter(isfinite, ratios))
    if not known:
        return ""
    shares = dict.fromkeys(percent(100 * each) for each in (known[0], known[-1]))
    said = f"; with the protection it moves the logits {' to '.join(shares)} as far as without"
    against = row["verdict"] == SUPPORTED and known[0] >= 1
    against |= row["verdict"] == REFUTED and known[-1] < CLEARLY
    return f"{said}, which contradicts the AUC" if against else said


def _in_logits(row: Row, compared: Sequence[Sides], resamples: int) -> str:
    """Return how far logits move with two protections, and whether that contradicts the AUC."""
    both = [
        float(np.mean([ratio(own[place : place + 2], resamples=resamples) for own in compared]))
        for place in (0, 2)
    ]
    if not all(map(isfinite, both)):
        return ""
    first, second = (percent(100 * each) for each in both)
    against = row["verdict"] == SUPPORTED and both[0] > both[1]
    against |= row["verdict"] == REFUTED and row["high"] < 0 and both[0] < both[1]
    said = f" (with them it moves the logits {first} and {second} as far as without"
    return f"{said}, which contradicts the AUC)" if against and first != second else f"{said})"


class _Order(Case):
    """What one protection is worth less what the next is worth: a difference of differences."""

    def _effect(self, pairs: Sequence[Pairs]) -> Effect:
        more, lacks_more, less, lacks_less = pairs
        return statistics.balance([more, lacks_less], [lacks_more, less], null=self.common["null"])


def _place(place: int, domains: Mapping[str, Attacked], resamples: int) -> Case:
    compared: dict[str, list[str]] = {}
    found: dict[str, Sides] = {}
    for domain, each in domains.items():
        two = each.order[place : place + 2]
        own = [sides(each.strongest_cells, name) for name in two]
        if len(two) == 2 and all(own):
            compared[domain], found[domain] = two, [*own[0], *own[1]]

    def tell(row: Row, over: Sequence[str], left: Sequence[float]) -> str:
        names = " and ".join(dict.fromkeys(" before ".join(compared[domain]) for domain in over))
        worth = [number(has - lacks) for has, lacks in (left[:2], left[2:])]
        own = [found[domain] for domain in over]
        said = (
            f"{_who(own)}; against PGD {names}; against this attacker they protect by "
            f"{worth[0]} and {worth[1]} points{_in_logits(row, own, resamples)}"
        )
        reach = sentences.span(row["low"], row["high"], up="more", down="less")
        if row["verdict"] == SUPPORTED:
            return f"{said}, {reach}: the order is the same"
        if row["verdict"] == REFUTED and row["high"] < 0:
            return f"{said}, {reach}: the order is reversed"
        return f"{said}, {reach}: too close to call one the greater"

    return _Order(common=_common("C9", PLACES[place]), sides=found, tell=tell, resamples=resamples)
