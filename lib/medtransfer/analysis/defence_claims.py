"""Claims D1 to D8, on defences: each as effects with a verdict and its why.

All effects are signed so that the claim says "above `null`", as those of `analysis.claims`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace

import pandas as pd

from medtransfer.analysis import correlation, guards, statistics
from medtransfer.analysis.cases import CLAIM, DETAIL, POOLED, Row
from medtransfer.analysis.claims import COLUMNS, POINTS
from medtransfer.analysis.defence_parts import CLAIMS, PARTS, Part, cost
from medtransfer.analysis.exposed import CLEAN, Exposed
from medtransfer.analysis.guards import Guard
from medtransfer.analysis.learned_parts import LEARNED
from medtransfer.analysis.replicates import Differences, effect
from medtransfer.analysis.sentences import doubt, number
from medtransfer.analysis.statistics import REFUTED, SUPPORTED
from medtransfer.measures import metrics
from medtransfer.networks.distance import distance
from medtransfer.networks.trained import IMAGENET, Training
from medtransfer.study.defences import DEFENCES, NONE, REFERRAL
from medtransfer.study.defended import COLLEAGUE


def judge(domains: Mapping[str, Exposed]) -> pd.DataFrame:
    """Return one row per claim, part and domain, and one over all domains: effect and verdict.

    Columns are those of `analysis.claims.judge`; what a profile has no defence for has no row.
    Costs are a claim of every defence: that the clean AUC is at most MARGIN lower.
    """
    if not domains:
        return pd.DataFrame(columns=list(COLUMNS))
    attacked = next(iter(domains.values())).defences
    told = (*PARTS, *LEARNED)
    parts = [part for part in told if {part.defence, *part.beside} <= {*attacked}]
    costs = [cost(name) for name in attacked if name not in (NONE, REFERRAL)]
    rows = [row for part in (*parts, *costs) for row in _rows(part, domains)]
    rows += _distances(domains)
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS))
    table = statistics.verdicts(pd.DataFrame(rows))
    table["why"] = [row["why"](row) for row in table.to_dict("records")]
    table["says"] = table["claim"].map(CLAIMS)
    order = table["claim"].map(list(CLAIMS).index)
    ranked = table.iloc[order.argsort(kind="stable")]
    return ranked.reset_index(drop=True)[list(COLUMNS)]


def _rows(part: Part, domains: Mapping[str, Exposed]) -> list[Row]:
    """Return a row per domain, and one over those that can be judged, or all if none can."""
    found = {domain: part.measure(exposed) for domain, exposed in domains.items()}
    out = {domain: guarded(part, exposed) for domain, exposed in domains.items()}
    single = DETAIL if len(found) > 1 else CLAIM
    rows = [_row(part, domain, [each], single, out[domain]) for domain, each in found.items()]
    if len(found) == 1:
        return rows
    usable = [each for domain, each in found.items() if not out[domain]]
    reason = None if usable else next(guard for guard in out.values() if guard)
    pooled = _row(part, POOLED, usable or [*found.values()], CLAIM, reason)
    left_out = [f"{domain} ({guard[0]})" for domain, guard in out.items() if guard and usable]
    if left_out:
        tell = pooled["why"]
        pooled["why"] = lambda judged: f"{tell(judged)}; left out: {', '.join(left_out)}"
    return [*rows, pooled]


def guarded(part: Part, exposed: Exposed) -> Guard | None:
    """Return why a domain cannot be judged: targets at chance, or no room to fall or to rise."""
    for name in (NONE, part.defence):
        clean = exposed.auc(name, CLEAN)
        low, _ = metrics.interval(clean.draws.mean(0))
        if not low > metrics.CHANCE:
            words = DEFENCES[name].words
            return guards.AT_CHANCE, (
                f"the clean AUC of targets with {words} does not exclude chance (0.5), so an "
                "attack has nothing to take"
            )
    if not part.knowledge:
        return None
    left = [exposed.left(name, part.knowledge).values.mean() for name in (NONE, part.defence)]
    if max(left) > guards.FLOOR and min(left) < guards.CEILING:
        return None
    both = " and ".join(f"{number(each)} %" for each in left)
    return guards.NO_ROOM, (
        f"without and with {DEFENCES[part.defence].words} {both} of the clean AUC are left, so "
        "nothing can be told apart"
    )


def _row(
    part: Part, domain: str, found: list[Differences], family: str, guard: Guard | None
) -> Row:
    measured = effect(found, null=part.null)
    guard = guard or guards.one_training(measured, unit=part.unit)
    row = {
        "claim": part.claim,
        "part": part.part,
        "domain": domain,
        "family": family,
        "verdict": guard[0] if guard else "",
        "unit": part.unit,
        "null": part.null,
        "least": part.least,
        **asdict(replace(measured, p=float("nan")) if guard else measured),
    }
    return {**row, "why": lambda judged: guard[1] if guard else _why(part, judged)}


def _why(part: Part, row: Row) -> str:
    value, *ends = (part.shown(float(row[name])) for name in ("value", "low", "high"))
    said = f"{part.said.format(_said(part, value))} ({_span(part, *sorted(ends))})"
    return said if row["verdict"] in (SUPPORTED, REFUTED) else f"{said}, {doubt(row)}"


def _said(part: Part, value: float) -> str:
    size = _size(part, value)
    points = f"point{'' if size == '1' else 's'} " if part.unit == POINTS else ""
    return f"{size} {points}{_way(part, value)}".rstrip()


def _span(part: Part, low: float, high: float) -> str:
    first, last = _size(part, low), _size(part, high)
    if low < 0 < high and part.up:
        return f"from {first} {part.down} to {last} {part.up}"
    return f"{last} to {first}" if high <= 0 and part.up else f"{first} to {last}"


def _way(part: Part, value: float) -> str:
    return part.up if value >= 0 else part.down


def _size(part: Part, value: float) -> str:
    size = abs(value) if part.up else value
    return number(size) if part.unit == POINTS else f"{size:z.3f}"


STEPS = (NONE, "slower", "faster", "fastest")
"""The same training at other step sizes."""


def distances(domains: Mapping[str, Exposed]) -> pd.DataFrame:
    """Return how far networks are from their public start, and what they lose.

    Nothing is known where all are trained with one step size. Rows: one per domain, step size
    (`defence`) and `replicate`. Columns: `distance` (relative, of the body), `left` (% of the clean
    AUC, by the strongest attack of a colleague) and `clean`.
    """
    rows = []
    for domain, exposed in domains.items():
        trained = [name for name in STEPS if name in exposed.defences]
        for defence in trained if len(trained) > 1 else ():
            left, clean = exposed.left(defence, COLLEAGUE), exposed.auc(defence, CLEAN)
            for place, parts in enumerate(exposed.cells(defence, COLLEAGUE)):
                target = parts[NONE].target
                if isinstance(target, Training) and target.initialization == IMAGENET:
                    rows.append(
                        {
                            "domain": domain,
                            "defence": defence,
                            "words": DEFENCES[defence].words,
                            "replicate": place,
                            "distance": distance(target),
                            "left": left.values[place],
                            "clean": clean.values[place],
                        }
                    )
    return pd.DataFrame(rows)


def _distances(domains: Mapping[str, Exposed]) -> list[Row]:
    points = distances(domains)
    if points.empty:
        return []
    found = correlation.within(
        points["distance"].to_numpy(float),
        points["left"].to_numpy(float),
        domains=points["domain"].tolist(),
        rows=points["defence"].tolist(),
        columns=points["replicate"].astype(str).tolist(),
    )
    few = guards.TOO_FEW if len(points) < 2 * len(STEPS) else ""
    row = {
        "claim": "D5",
        "part": "",
        "domain": POOLED,
        "family": CLAIM,
        "verdict": few,
        "unit": "rank correlation",
        "null": 0.0,
        "least": 0.5,
        **asdict(replace(found, p=float("nan")) if few else found),
    }
    said = (
        f"over {len(points)} networks the rank correlation between the distance from the start and "
        f"what is left is {found.value:.2f} ({found.low:.2f} to {found.high:.2f})"
    )

    def why(judged: Row) -> str:
        decided = few or judged["verdict"] in (SUPPORTED, REFUTED)
        return said if decided else f"{said}; {doubt(judged)}"

    return [{**row, "why": why}]
