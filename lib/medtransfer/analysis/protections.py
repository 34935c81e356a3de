"""What protects, and how much of it each attacker leaves: tables of the factor `attackers`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from medtransfer.analysis import statistics, tables
from medtransfer.analysis.claims import ARCHITECTURE, DATA
from medtransfer.analysis.scores import reached, resampled
from medtransfer.analysis.selection import OTHER, SAME, SIDES, identity, matching
from medtransfer.analysis.sentences import Words
from medtransfer.analysis.statistics import Effect, Pairs
from medtransfer.attacks import delivery
from medtransfer.measures import metrics, predictions
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.scoring.cell import Cell

REFERENCE = "PGD"
"""The attacker that others are compared with."""
MATCHED = f"as strong as {REFERENCE}"


@dataclass(frozen=True, kw_only=True)
class Protection:
    """What a defender may count on: pairs that have it, and pairs that lack it.

    Attributes:
        with_, without: what selects the pairs (see `selection.identity`); `start` is that of both
            networks, pre-trained unless told and unless the study has none.
        alike: what compares the same on one architecture alone, in `order`.
        words: how its effect is spoken of.
    """

    with_: Mapping[str, str]
    without: Mapping[str, str]
    alike: Mapping[str, str]
    words: Words


PROTECTIONS: dict[str, Protection] = {
    "random weights": Protection(
        with_={"start": RANDOM, "surrogate_data": "d1"},
        without={"start": IMAGENET, "surrogate_data": "d1"},
        alike={"relation": SAME},
        words=Words(
            first="between networks from random weights",
            second="between pre-trained ones",
            cause="a start from random weights",
            verb="makes",
            up="weaker",
            down="stronger",
        ),
    ),
    "other data": Protection(
        with_={"surrogate_data": "d2"},
        without={"surrogate_data": "d1"},
        alike={"relation": SAME},
        words=DATA,
    ),
    "other architecture": Protection(
        with_={"surrogate_data": "d2", "relation": OTHER},
        without={"surrogate_data": "d2", "relation": SAME},
        alike={},
        words=ARCHITECTURE,
    ),
}


def attacker(cell: Cell) -> str:
    """Return who attacks: the method, and how many surrogates where there are several."""
    number = len(cell.attack.surrogates)
    name = cell.attack.method.name
    return f"{name}, {number} surrogates" if number > 1 else name


def attackers(cells: Iterable[Cell]) -> dict[str, list[Cell]]:
    """Return the cells of each attacker, as crafted, in the order in which they come."""
    found: dict[str, list[Cell]] = {}
    for cell in matching(cells, delivery=delivery.FLOAT):
        found.setdefault(attacker(cell), []).append(cell)
    return found


def sides(cells: Iterable[Cell], name: str, **alike: Any) -> list[list[Cell]]:
    """Return the cells that have a protection and those that lack it; none if either is absent."""
    cells = list(cells)
    starts = {cell.target.traits.get("initialization") for cell in cells}
    first = IMAGENET if IMAGENET in starts else RANDOM
    found = []
    for where in (PROTECTIONS[name].with_, PROTECTIONS[name].without):
        start = where.get("start", first)
        rest = {column: value for column, value in where.items() if column != "start"}
        both = {f"{side}_initialization": start for side in SIDES}
        found.append(matching(cells, **both, **rest, **alike))
    return found if all(found) else []


def table(cells: Sequence[Cell], *, resamples: int, matched: Sequence[Cell] = ()) -> pd.DataFrame:
    """Return one row per attacker and protection, in the order of both.

    Last come those of an attacker who is held to the strength of PGD, `matched`, if there are any.

    Columns: `attacker`, `gradients` (of an image), `protection`; `without` and `with`, % of the
    clean AUC left, each with `_low` and `_high`; `value`, `low`, `high`, the protection in points;
    `change`, `change_low`, `change_high`, how much more of it there is than against PGD; `ratio`,
    how far the target moves with the protection, as a share of how far it moves without;
    `at_chance`, whether some targets are, of which no percentage says anything; `rms` and `ssim`,
    means over images and cells.
    """
    rows = []
    known = attackers(cells)
    held = {f"{name}, {MATCHED}": own for name, own in attackers(matched).items()}
    for name, own in (known | held).items():
        for protection in PROTECTIONS:
            if found := sides(own, protection):
                first = sides(known.get(REFERENCE, ()), protection)
                rows.append({"attacker": name, **_row(protection, found, first, resamples)})
    return pd.DataFrame(rows)


def _row(
    protection: str, found: Sequence[list[Cell]], reference: Sequence[list[Cell]], resamples: int
) -> dict[str, Any]:
    has, lacks = (tables.pairs_of(side, resamples=resamples) for side in found)
    effect = statistics.difference(has, lacks)
    row: dict[str, Any] = {
        "gradients": max(cell.attack.gradients for cell in found[0]),
        "protection": protection,
        **_named("without", statistics.mean(lacks)),
        **_named("with", statistics.mean(has)),
        **{"value": effect.value, "low": effect.low, "high": effect.high},
    }
    if reference and reference != found:
        before = [tables.pairs_of(side, resamples=resamples) for side in reference]
        row |= _named("change", statistics.balance([has, before[1]], [lacks, before[0]]))
    row["ratio"] = ratio(found, resamples=resamples)
    seen = reached([cell for side in found for cell in side], resamples=resamples)
    row["at_chance"] = any(each.at_chance for each in seen)
    visible = [predictions.read(cell).visible or {} for side in found for cell in side]
    for measure in ("rms", "ssim"):
        row[measure] = float(np.mean([each[measure].mean() for each in visible]))
    return row


def _named(name: str, effect: Effect) -> dict[str, float]:
    return {name: effect.value, f"{name}_low": effect.low, f"{name}_high": effect.high}


def moved(cells: Sequence[Cell], *, resamples: int) -> Pairs:
    """Return how far each target's logits move the wrong way, in deviations of the clean ones.

    Mean over images and labels. Unlike an AUC it has no floor, so that it shows an attack grow
    where the AUC has nothing left to lose.
    """
    found, draws = [], []
    for cell in cells:
        kept = predictions.read(cell)
        spread = np.maximum(kept.clean.std(axis=0), 1e-9)
        wrong = ((1 - 2.0 * kept.truth) * kept.change / spread).mean(axis=1)  # (N,)
        weights = resampled(kept.groups, resamples).weights
        found.append(wrong.mean())
        draws.append(weights @ wrong / weights.sum(axis=1))
    return tables.paired(cells, np.array(found), np.array(draws))


def ratio(found: Sequence[Sequence[Cell]], *, resamples: int) -> float:
    """Return how far targets move with a protection, as a share of how far without it."""
    has, lacks = (statistics.mean(moved(side, resamples=resamples)).value for side in found)
    return has / lacks if lacks > 0 else float("nan")


def left(cells: Iterable[Cell]) -> float:
    """Return the mean % of the clean AUC that some cells leave."""
    found = []
    for cell in cells:
        kept = predictions.read(cell)
        clean, after = (metrics.macro_auc(kept.truth, x) for x in (kept.clean, kept.after))
        found.append(metrics.percent_of_clean(after, clean))
    return float(np.mean(found))


def among_their_own(cells: Iterable[Cell]) -> list[Cell]:
    """Return the cells whose target is itself a surrogate of some: attackers try on their own."""
    cells = list(cells)
    own = {each for cell in cells for each in cell.attack.surrogates}
    return [cell for cell in cells if cell.target in own]


def rehearsed(cells: Iterable[Cell], **where: str) -> pd.Series:
    """Return what each attacker leaves of the clean AUC of his own other networks, strongest first.

    Args:
        cells: on validation images.
        where: which of them (see `selection.identity`), such as `relation`.
    """
    own = attackers(matching(among_their_own(cells), **where))
    found = {name: left(each) for name, each in own.items()}
    return pd.Series(found, name="left", dtype=float).dropna().sort_values(kind="stable")


def order(cells: Iterable[Cell]) -> list[str]:
    """Return protections from the one that PGD is held up by most, on validation images.

    Args:
        cells: crafted on validation images; against first targets.
    """
    cells = list(cells)
    rehearsals = set(among_their_own(cells))
    own = attackers(cell for cell in cells if cell not in rehearsals).get(REFERENCE, [])
    found = {}
    for name, protection in PROTECTIONS.items():
        if both := sides(own, name, **protection.alike):
            found[name] = left(both[0]) - left(both[1])
    return sorted(found, key=lambda name: -found[name])


def controls(cells: Sequence[Cell], *, resamples: int) -> pd.DataFrame:
    """Return what an attack, its shuffled noise, and another image's perturbation leave.

    One row per attacker and delivery, over all pairs that have all of them: `attacker`,
    `delivery`, `rms`, `ssim`, and the columns of `tables.mean_left`.
    """
    kinds = (delivery.FLOAT, delivery.CONTROL, delivery.OTHER)
    tried: dict[str, dict[str, list[Cell]]] = {}
    for cell in cells:
        if identity(cell)["surrogate_data"] == "d2" and cell.delivery in kinds:
            tried.setdefault(attacker(cell), {}).setdefault(cell.delivery, []).append(cell)
    rows = []
    for name, own in tried.items():
        for kind in kinds:
            if kind in own:
                visible = [predictions.read(cell).visible or {} for cell in own[kind]]
                means = {m: float(np.mean([v[m].mean() for v in visible])) for m in ("rms", "ssim")}
                said = tables.mean_left(own[kind], resamples=resamples)
                rows.append({"attacker": name, "delivery": kind, **means, **said})
    return pd.DataFrame(rows)
