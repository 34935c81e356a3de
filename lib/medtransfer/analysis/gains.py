"""C2: does an attack take more from targets that gain more by pre-training? (protocol, 5, point 11)

The paper shows it across domains and two sizes of the target's data. Here a point is a domain, a
size (d1, its half, quarter and tenth) and an architecture of the target; surrogates are pre-trained
on d2, targets pre-trained, both at the epsilon of pre-trained pairs.

What "transferability" is was decided by reasoning, before any result was looked at. Small sets make
weak targets, so the clean AUC differs from point to point, and with it what there is to take:

- the share of the clean AUC above chance that the attack takes (`taken`) asks how much of what a
  target can do is lost, whatever it can do: this is the measure that the verdict is on;
- the fall of the AUC (`fall`) is bounded by the clean AUC, and contains it, as the gain does: both
  rise together where a clean AUC happens to be high;
- its share of the clean AUC (`fall_of_clean`), the paper's measure, takes chance for performance;
- what pre-training adds (`added`), the fall of pre-trained pairs less that of random pairs at the
  same epsilon, asks what pre-training of both does (C1) rather than who is in danger, and doubles
  the noise.

The correlation is within domains (see `analysis.correlation`), since domains differ in much that
has nothing to do with pre-training: one that gains most and falls most would decide alone. What
chance did in the trainings behind a point is part of the scatter that the test is about, so that
one training of a kind is enough; more make points sharper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd

from medtransfer.analysis import correlation, guards, scores, sentences
from medtransfer.analysis.cases import CLAIM, POOLED
from medtransfer.analysis.selection import identity, matching
from medtransfer.attacks.delivery import FLOAT
from medtransfer.measures.metrics import CHANCE
from medtransfer.networks.network import Network
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.scoring.cell import Cell
from medtransfer.study.factors import SIZES

Factors = Mapping[str, Sequence[Cell]]  # factor -> cells of one domain
Studies = Mapping[str, Factors]  # domain -> its factors
Epsilons = Mapping[str, Mapping[str, float]]  # domain -> initialization -> chosen epsilon

MEASURES = {
    "taken": "share of the clean AUC above chance that is taken",
    "fall": "fall of the AUC",
    "fall_of_clean": "fall as a share of the clean AUC",
    "added": "what pre-training adds to the fall",
}
PRIMARY = "taken"
POINTS = 24  # so many are needed to tell a correlation of 0.5 from none (protocol, 5, point 11)
LEAST = 0.5  # the correlation that the study is made to see: a quarter of what ranks vary
COLUMNS = (
    *("domain", "data", "architecture", "gain", *MEASURES),
    *("clean", "clean_low", "percent", "trainings"),
)


def gains(studies: Studies, *, epsilons: Epsilons, method: str, resamples: int) -> pd.DataFrame:
    """Return the points of C2: a row per domain, size of the target's data and architecture.

    Columns: `gain`, clean AUC of pre-trained less that of random targets; the columns of
    `MEASURES`, means over trainings (`added` is NaN where the study has no random pairs at that
    epsilon); `clean` and `clean_low`, clean AUC of pre-trained targets with the lower end of its
    95 % interval over groups of images; `percent` of the clean AUC that is left; `trainings` of the
    kind of target or surrogate that has fewest. A domain without both initializations has no rows.
    """
    rows = []
    for domain, factors in studies.items():
        groups: dict[tuple[str, str], list[Cell]] = {}
        found = [
            *factors.get("development_data", ()),
            *factors.get("initialization_and_data", ()),
        ]
        at = {"method": method, "surrogate_data": "d2", "delivery": FLOAT}
        for cell in dict.fromkeys(matching(found, **at)):
            what = identity(cell)
            key = (str(what["target_data"]), str(what["target_architecture"]))
            groups.setdefault(key, []).append(cell)
        epsilon = epsilons.get(domain, {}).get(IMAGENET)
        for data, architecture in sorted(groups, key=_by_size):
            point = _point(groups[data, architecture], epsilon=epsilon, resamples=resamples)
            if point:
                where = {"domain": domain, "data": data, "architecture": architecture}
                rows.append({**where, **point})
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _by_size(key: tuple[str, str]) -> tuple[int, str, str]:
    return SIZES.index(key[0]) if key[0] in SIZES else len(SIZES), *key


def _point(cells: list[Cell], *, epsilon: float | None, resamples: int) -> dict[str, Any]:
    """Return what one kind of target gains and loses, nothing if the profile cannot say."""
    seen: dict[str, dict[Network, Cell]] = {IMAGENET: {}, RANDOM: {}}
    for cell in cells:
        seen.get(str(identity(cell)["target_initialization"]), {}).setdefault(cell.target, cell)
    pairs = {
        start: matching(
            cells, surrogate_initialization=start, target_initialization=start, epsilon=epsilon
        )
        for start in seen
    }
    if not pairs[IMAGENET] or not seen[RANDOM]:
        return {}
    clean, low, _ = scores.clean_auc(seen[IMAGENET].values(), resamples=resamples)
    untrained = np.mean([scores.scores(cell, 0).clean for cell in seen[RANDOM].values()])
    before, after = _means(pairs[IMAGENET])
    random = np.subtract(*_means(pairs[RANDOM])) if pairs[RANDOM] else np.nan
    return {
        "gain": clean - untrained,
        "taken": (before - after) / (before - CHANCE) if before > CHANCE else np.nan,
        "fall": before - after,
        "fall_of_clean": (before - after) / before,
        "added": before - after - random,
        "clean": clean,
        "clean_low": low,
        "percent": 100 * after / before,
        "trainings": _trainings(pairs[IMAGENET], seen[RANDOM]),
    }


def _means(cells: Sequence[Cell]) -> tuple[float, float]:
    """Return the mean AUC before and after the attack."""
    found = [scores.scores(cell, 0) for cell in cells]
    return float(np.mean([s.clean for s in found])), float(np.mean([s.attacked for s in found]))


def _trainings(pairs: Sequence[Cell], random: Mapping[Network, Cell]) -> int:
    kinds: dict[str, set[Network]] = {}
    for network in (*random, *(n for c in pairs for n in (c.target, *c.attack.surrogates))):
        kinds.setdefault(network.kind, set()).add(network)
    return min(len(own) for own in kinds.values())


def usable(points: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the points that can be judged, and which are left out and why.

    Left out are sizes at which some pre-trained target does not exclude chance, and domains in
    which the attack leaves nearly nothing or nearly all at every other point.
    """
    kept, out = [], []
    for domain, rows in points.groupby("domain", sort=False):
        seeing = rows.groupby("data")["clean_low"].transform("min") > CHANCE
        if not seeing.all():
            blind = ", ".join(rows.loc[~seeing, "data"].unique())
            out.append(f"{domain} on {blind} ({guards.AT_CHANCE})")
        own = rows[seeing]
        if own.empty:
            continue
        least, most = own["percent"].min(), own["percent"].max()
        if most <= guards.FLOOR or least >= guards.CEILING:
            left = f"{sentences.percent(least)} to {sentences.percent(most)}"
            out.append(f"{domain} ({guards.NO_ROOM}): {left} of the clean AUC is left")
            continue
        kept.append(own)
    return (pd.concat(kept) if kept else points.iloc[:0]), out


def correlations(points: pd.DataFrame) -> pd.DataFrame:
    """Return how the gain goes with every measure, over the points that can be judged.

    Columns: `measure` in words; `value`, `low`, `high` and `p`, within domains; `overall`, without
    regard to domains; `points`. A measure that no point has is left out.
    """
    rows = []
    judged = usable(points)[0]
    for column, words in MEASURES.items():
        own = _known(judged, column)
        if len(own):
            effect, over_all = _correlated(own, column)
            found = {name: getattr(effect, name) for name in ("value", "low", "high", "p")}
            rows.append({"measure": words, **found, "overall": over_all, "points": len(own)})
    columns = ["measure", "value", "low", "high", "p", "overall", "points"]
    return pd.DataFrame(rows, columns=columns)


def _known(points: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the points of the sizes at which every target of a domain has this measure."""
    known = points.groupby(["domain", "data"])[column].transform(lambda v: v.notna().all())
    return points[known.astype(bool)]


def _correlated(points: pd.DataFrame, column: str) -> tuple[Any, float]:
    gain, lost = points["gain"].to_numpy(float), points[column].to_numpy(float)
    effect = correlation.within(
        gain,
        lost,
        domains=points["domain"].tolist(),
        rows=points["data"].tolist(),
        columns=points["architecture"].tolist(),
    )
    return effect, correlation.overall(gain, lost)


def rows(
    studies: Studies, *, epsilons: Epsilons, method: str, resamples: int
) -> list[dict[str, Any]]:
    """Return the row of C2 as `analysis.claims.judge` has it, none where there are no points."""
    points = gains(studies, epsilons=epsilons, method=method, resamples=resamples)
    if not len(points):
        return []
    judged, out = usable(points)
    measured = judged if len(judged) else _known(points, PRIMARY)
    if not len(measured):
        return []
    effect, over_all = _correlated(measured, PRIMARY)
    found = correlations(points)
    others = found[found["measure"] != MEASURES[PRIMARY]]
    beside = [f"{m} {v:.2f}" for m, v in zip(others["measure"], others["value"], strict=True)]
    beside.append(f"ignoring domains {over_all:.2f}")
    what = _counted(measured)
    aside = f". Left out: {'; '.join(out)}" if out else ""
    guard = None
    if len(judged) < POINTS:
        what = f"{what} cannot tell a rank correlation of {LEAST:g} from none; {POINTS} are needed"
        guard = guards.TOO_FEW, f"{what}{aside}"
    row = {
        "claim": "C2",
        "part": "",
        "domain": POOLED,
        "family": CLAIM,
        "verdict": guard[0] if guard else "",
        "unit": "rank correlation",
        "null": 0.0,
        "least": LEAST,
        **asdict(replace(effect, p=float("nan")) if guard else effect),
    }
    others_said = f" (by other measures: {', '.join(beside)}){aside}"

    def why(judged_row: Mapping[str, Any]) -> str:
        if guard:
            return guard[1]
        return sentences.correlated(judged_row, points=what, others=others_said)

    return [{**row, "why": why}]


def _counted(points: pd.DataFrame) -> str:
    number = {name: points[name].nunique() for name in ("domain", "data", "architecture")}
    words = {"domain": "domain", "data": "size", "architecture": "architecture"}
    said = [f"{n} {words[name]}{'s' if n > 1 else ''}" for name, n in number.items()]
    return f"{len(points)} points ({', '.join(said)})"
