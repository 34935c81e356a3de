"""The end of a run on the command line: clean AUCs, what attacks leave, and what that decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from medtransfer.analysis import (
    attacker_claims,
    claims,
    defence_claims,
    guards,
    scores,
    selection,
    tables,
)
from medtransfer.analysis.attacked import Attacked
from medtransfer.analysis.exposed import Exposed
from medtransfer.analysis.selection import OTHER, SAME, identity, matching
from medtransfer.attacks.delivery import FLOAT
from medtransfer.networks.trained import IMAGENET, RANDOM
from medtransfer.report import defended, sentences
from medtransfer.report.tables import LEFT
from medtransfer.report.wording import SOME_AT_CHANCE, left_of_clean, named, points, spaced
from medtransfer.scoring.cell import Cell
from medtransfer.study.factors import SIZES
from medtransfer.units import shown

METHOD = "PGD"
"""The method of the means and the claims, the stronger of the paper's two."""
SWEPT = "FGSM"
"""The other, which attacks at every epsilon of the sweep."""
BY = (
    *("target_initialization", "surrogate_initialization", "target_data", "surrogate_data"),
    *("relation", "delivery"),
)
C2 = "C2"
NO_CLAIM = "no claim rests on these factors in one domain; `medtransfer reproduce` judges C2"

Row = dict[str, Any]
Factors = Mapping[str, Sequence[Cell]]


def targets(cells: Iterable[Cell], *, resamples: int) -> list[Row]:
    """Return a row per kind of target: its clean AUC with interval, and whether it is at chance."""
    rows = []
    for each in scores.reached(cells, resamples=resamples):
        traits = each.network.traits
        row: Row = {
            "target": " ".join(str(named(traits.get(name, ""))) for name in selection.BASE),
            "trainings": each.trainings,
            "clean AUC (95 % interval)": each.said,
            "": guards.AT_CHANCE if each.at_chance else "",
        }
        rows.append(row)
    return rows


def means(cells: Iterable[Cell], *, epsilons: Mapping[str, float], resamples: int) -> list[Row]:
    """Return what PGD leaves, mean over the pairs that share a start, data and relation.

    Of a sweep, only the epsilon chosen for the target's start counts. Columns with the same value
    in all rows are left out.
    """
    chosen = _at_chosen(matching(cells, method=METHOD), epsilons)
    by = [name for name in BY if len({selection.values(cell, (name,)) for cell in chosen}) > 1]
    if "target_data" in by and "relation" in by:
        by.remove("relation")
    apart = selection.telling_apart(chosen, by=by)
    kinds: dict[tuple[Any, ...], list[Cell]] = {}
    for cell in chosen:
        kinds.setdefault(selection.values(cell, apart), []).append(cell)
    return [
        {
            **{spaced(name): str(named(what)) for name, what in zip(by, kind, strict=False)},
            "pairs": len(own),
            LEFT: _left(own, resamples=resamples),
        }
        for kind, own in kinds.items()
    ]


def sweep(cells: Iterable[Cell], *, resamples: int) -> list[Row]:
    """Return what FGSM leaves by epsilon: a row for each, and each start; a column per relation."""
    cells = matching(cells, method=SWEPT, delivery=FLOAT)
    epsilons = sorted({cell.attack.method.epsilon for cell in cells})
    starts = dict.fromkeys(identity(cell)["target_initialization"] for cell in cells)
    rows: list[Row] = []
    for start, epsilon in product(starts, epsilons):
        here = matching(cells, target_initialization=start, epsilon=epsilon)
        row: Row = {"epsilon": shown(epsilon), "networks": str(named(start))}
        for relation in (SAME, OTHER):
            own = matching(here, relation=relation)
            row[relation] = _left(own, resamples=resamples) if own else ""
        rows.append(row)
    return [row for row in rows if row[SAME] or row[OTHER]]  # some epsilons are of one start


def _left(cells: Sequence[Cell], *, resamples: int) -> str:
    """Return a mean in words; of targets at chance, or of some among others, no percentage."""
    reached = scores.reached(cells, resamples=resamples)
    mixed = len({each.at_chance for each in reached}) > 1
    return SOME_AT_CHANCE if mixed else left_of_clean(tables.mean_left(cells, resamples=resamples))


def _at_chosen(cells: Sequence[Cell], epsilons: Mapping[str, float]) -> list[Cell]:
    swept: dict[Any, set[float]] = {}
    for cell in cells:
        swept.setdefault(_pair(cell), set()).add(cell.attack.method.epsilon)
    return [
        cell
        for cell in cells
        if len(swept[_pair(cell)]) == 1
        or cell.attack.method.epsilon == epsilons.get(identity(cell)["target_initialization"])
    ]


def _pair(cell: Cell) -> tuple[Any, ...]:
    return cell.attack.surrogates, cell.target, cell.delivery


def differences(cells: Iterable[Cell], *, resamples: int) -> list[str]:
    """Return in sentences how much more random pairs leave than pre-trained ones, size by size.

    Only for targets on parts of d1, which no claim covers; for targets at chance, why not.
    """
    cells = matching(cells, method=METHOD)
    if all(identity(cell)["target_data"] == SIZES[0] for cell in cells):
        return []
    said = []
    for size in SIZES:
        sides = [
            matching(
                cells,
                target_data=size,
                surrogate_initialization=start,
                target_initialization=start,
            )
            for start in (RANDOM, IMAGENET)
        ]
        if not all(sides):
            continue
        if guard := guards.at_chance([*sides[0], *sides[1]], resamples=resamples):
            said.append(f"targets on {size}: nothing can be said, because {guard[1]}")
            continue
        effect = tables.contrast(*sides, resamples=resamples)
        said.append(
            f"targets on {size}: left between random networks minus left between pre-trained ones: "
            f"{points(effect)} of the clean AUC"
        )
    return said


def judged(
    domain: str,
    factors: Factors,
    *,
    epsilons: Mapping[str, float],
    resamples: int,
    attacked: Attacked | None = None,
    exposed: Exposed | None = None,
) -> list[str]:
    """Return in sentences what the claims come to that some factors of one domain can judge.

    Args:
        attacked: the factor `attackers`, if it is among them; it judges C6 to C9.
        exposed: the factor `defences`, if it is among them; it judges D1 to D8.
    """
    table = claims.judge(
        {domain: factors}, epsilons={domain: epsilons}, method=METHOD, resamples=resamples
    )
    told = sentences.told(table[table["claim"] != C2])
    if attacked:
        told += sentences.told(attacker_claims.judge({domain: attacked}, resamples=resamples))
    lines = [
        "\n    ".join(part for part in (f"{each.name} {each.sentence}", each.numbers) if part)
        for each in told
    ]
    if exposed:
        lines += defended.judged(defence_claims.judge({domain: exposed}))
    return lines or [NO_CLAIM]
